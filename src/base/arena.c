#include "base/arena.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    ARENA_POOL = 1024 // blocks
};

// The bytes of a block. Tests in which memory is short have their own (tests/alloc/arena.c).
size_t pawl__arena_block(void);
__attribute__((weak)) size_t pawl__arena_block(void) {
    return 4096 - 64;
}

void pawl__arena_finish(struct pawl_arena *arena) {
    while (arena->block) {
        struct pawl_arena_block *next = arena->block->next;
        free(arena->block);
        arena->block = next;
    }
    arena->failed = false;
}

void pawl__arena_reset(struct pawl_arena *arena) {
    struct pawl_arena_block *kept = arena->block;
    arena->failed = false;
    if (!kept) return;
    arena->block = kept->next;
    pawl__arena_finish(arena);
    kept->next = NULL;
    kept->used = 0;
    arena->block = kept;
}

struct pawl_arena pawl__arena_take(struct pawl_arena_pool *pool) {
    struct pawl_arena arena = {pool->blocks};
    if (arena.block) {
        pool->blocks = arena.block->next;
        pool->count--;
        arena.block->next = NULL;
    }
    return arena;
}

void pawl__arena_give(struct pawl_arena_pool *pool, struct pawl_arena arena) {
    pawl__arena_reset(&arena);
    if (!arena.block) return;
    if (pool->count == ARENA_POOL || arena.block->cap != pawl__arena_block()) {
        pawl__arena_finish(&arena);
        return;
    }
    arena.block->next = pool->blocks;
    pool->blocks = arena.block;
    pool->count++;
}

void pawl__arena_pool_finish(struct pawl_arena_pool *pool) {
    struct pawl_arena all = {pool->blocks};
    pawl__arena_finish(&all);
    *pool = (struct pawl_arena_pool){0};
}

static void *arena_fail(struct pawl_arena *arena) {
    arena->failed = true;
    return NULL;
}

void *pawl__arena_grow(struct pawl_arena *arena, size_t len) {
    const size_t align = alignof(max_align_t);
    if (len > SIZE_MAX / 2) return arena_fail(arena);
    len = (len + align - 1) / align * align;
    size_t block_size = pawl__arena_block(), cap = len > block_size ? len : block_size;
    struct pawl_arena_block *block = malloc(sizeof *block + cap);
    if (!block) return arena_fail(arena);
    *block = (struct pawl_arena_block){.next = arena->block, .used = len, .cap = cap};
    arena->block = block;
    return block->bytes;
}

void *pawl__arena_zalloc(struct pawl_arena *arena, size_t len) {
    void *piece = pawl__arena_alloc(arena, len);
    if (piece) memset(piece, 0, len);
    return piece;
}

char *pawl__arena_dup(struct pawl_arena *arena, struct pawl_str text) {
    char *copy = pawl__arena_alloc(arena, text.len + 1);
    if (!copy) return NULL;
    if (text.len) memcpy(copy, text.data, text.len);
    copy[text.len] = 0;
    return copy;
}

char *pawl__arena_format(struct pawl_arena *arena, const char *format, ...) {
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    int len = vsnprintf(NULL, 0, format, args);
    va_end(args);
    char *text = pawl__arena_alloc(arena, (size_t)len + 1);
    if (text) vsnprintf(text, (size_t)len + 1, format, again);
    va_end(again);
    return text;
}
