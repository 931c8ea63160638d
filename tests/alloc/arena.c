#include <stddef.h>

// Each piece of an arena is a block of its own, which asks for memory.
size_t pawl__arena_block(void);
size_t pawl__arena_block(void) {
    return 0;
}
