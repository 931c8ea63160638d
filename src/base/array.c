#include "base/array.h"

#include <stdlib.h>
#include <string.h>

bool pawl__array_room(void **array, size_t count, size_t *cap, size_t size) {
    if (count < *cap) return true;
    size_t wanted = *cap ? 2 * *cap : 8;
    void *bigger = realloc(*array, wanted * size);
    if (!bigger) return false;
    *array = bigger;
    *cap = wanted;
    return true;
}

bool pawl__array_room_in(struct pawl_arena *arena, void **array, size_t count, size_t *cap,
                         size_t size) {
    if (count < *cap) return true;
    size_t wanted = *cap ? 2 * *cap : 8;
    void *bigger = pawl__arena_alloc(arena, wanted * size);
    if (!bigger) return false;
    if (count) memcpy(bigger, *array, count * size);
    *array = bigger;
    *cap = wanted;
    return true;
}
