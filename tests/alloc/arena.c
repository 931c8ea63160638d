#include "base/arena.h"

#include "alloc.h"

void *__real_pawl__arena_alloc(struct pawl_arena *arena, size_t len);
void *__wrap_pawl__arena_alloc(struct pawl_arena *arena, size_t len);

void *__wrap_pawl__arena_alloc(struct pawl_arena *arena, size_t len) {
    if (!alloc_fails()) return __real_pawl__arena_alloc(arena, len);
    arena->failed = true;
    return NULL;
}
