// Copies of what the caller has: all that this store keeps, and all that it gives.

#include <stdlib.h>

#include "store/memory/internal.h"

bool pawl__memory_room(void **array, size_t count, size_t *cap, size_t size) {
    if (count < *cap) return true;
    size_t wanted = *cap ? 2 * *cap : 8;
    void *bigger = realloc(*array, wanted * size);
    if (!bigger) return false;
    *array = bigger;
    *cap = wanted;
    return true;
}

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
