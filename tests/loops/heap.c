// Memory that was freed is overwritten, and given back later: who reads it then meets nonsense, and
// who goes where it points ends the world. The functions stand in for malloc's by the linker's
// --wrap. With AddressSanitizer they leave it to that.

#include <malloc.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "loops.h"

enum {
    HEAP_KEPT = 1 << 14, // blocks that were freed
    HEAP_FREED = 0xdd
};

void *__real_realloc(void *data, size_t size);
void __real_free(void *data);
void *__wrap_realloc(void *data, size_t size);
void __wrap_free(void *data);

#ifdef __SANITIZE_ADDRESS__

void *__wrap_realloc(void *data, size_t size) {
    return __real_realloc(data, size);
}

void __wrap_free(void *data) {
    __real_free(data);
}

void heap_watch(void) {
}

#else

static void *kept[HEAP_KEPT];
static size_t kept_next;

void __wrap_free(void *data) {
    if (!data) return;
    memset(data, HEAP_FREED, malloc_usable_size(data));
    __real_free(kept[kept_next]);
    kept[kept_next] = data;
    kept_next = (kept_next + 1) % HEAP_KEPT;
}

void *__wrap_realloc(void *data, size_t size) {
    void *moved = malloc(size);
    if (!data || !moved) return moved;
    size_t len = malloc_usable_size(data);
    memcpy(moved, data, len < size ? len : size);
    __wrap_free(data);
    return moved;
}

static void heap_on_signal(int number) {
    broken("nothing_ended_is_touched", "signal %d ends the program", number);
}

void heap_watch(void) {
    signal(SIGSEGV, heap_on_signal);
    signal(SIGBUS, heap_on_signal);
    signal(SIGABRT, heap_on_signal); // an assertion
}

#endif
