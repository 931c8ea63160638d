#ifndef PAWL_BASE_ARENA_H
#define PAWL_BASE_ARENA_H

#include <stdalign.h>
#include <stddef.h>

#include "base/str.h"

struct pawl_arena_block {
    struct pawl_arena_block *next;
    size_t used, cap; // multiples of the alignment
    alignas(max_align_t) uint8_t bytes[];
};

// Memory that is given out piece by piece and freed at once: one per request, turn or file.
// Zero-initialised it is empty and ready.
//
// |failed| is set when there was no memory for a piece, until all are freed or forgotten, so that
// what a chain of calls left out for it can be told from what was not there.
struct pawl_arena {
    struct pawl_arena_block *block;
    bool failed;
};

// Frees every piece.
void pawl__arena_finish(struct pawl_arena *arena);

// Forgets every piece, and keeps one block for the next use.
void pawl__arena_reset(struct pawl_arena *arena);

// Blocks that arenas have left, for the next ones: a block costs more to get than what is put into
// it. Zero-initialised it is empty and ready. Belongs to one thread, as its arenas do while they
// are taken from it or given back.
struct pawl_arena_pool {
    struct pawl_arena_block *blocks;
    size_t count;
};

// An empty arena, which may have a block already.
struct pawl_arena pawl__arena_take(struct pawl_arena_pool *pool);

// Frees every piece; keeps a block for the next one to take.
void pawl__arena_give(struct pawl_arena_pool *pool, struct pawl_arena arena);

void pawl__arena_pool_finish(struct pawl_arena_pool *pool);

// |len| bytes aligned for any type, not cleared; NULL when memory is out. Zero bytes give a
// pointer that may not be read.
static inline void *pawl__arena_alloc(struct pawl_arena *arena, size_t len);

// The same, when the block has no room.
void *pawl__arena_grow(struct pawl_arena *arena, size_t len);

static inline void *pawl__arena_alloc(struct pawl_arena *arena, size_t len) {
    const size_t align = alignof(max_align_t);
    struct pawl_arena_block *block = arena->block;
    if (!block || len > block->cap - block->used) return pawl__arena_grow(arena, len);
    void *piece = block->bytes + block->used;
    block->used += (len + align - 1) / align * align;
    return piece;
}

// The same, cleared.
void *pawl__arena_zalloc(struct pawl_arena *arena, size_t len);

// Terminated copies; NULL when memory is out.
char *pawl__arena_dup(struct pawl_arena *arena, struct pawl_str text);
char *pawl__arena_format(struct pawl_arena *arena, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

#endif
