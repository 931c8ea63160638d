// Copies of what the caller has: all that this store keeps, and all that it gives.

#include "store/memory/internal.h"

struct pawl_str pawl__memory_copy(char **to, struct pawl_str text) {
    struct pawl_str copy = {*to, text.len};
    if (text.len) memcpy(*to, text.data, text.len);
    *to += text.len;
    return copy;
}

bool pawl__memory_dup(struct pawl_arena *arena, struct pawl_str *text) {
    text->data = pawl__arena_dup(arena, *text);
    return text->data;
}
