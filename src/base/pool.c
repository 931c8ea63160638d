#include "base/pool.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

// Stands in front of the bytes.
struct pawl_pool_piece {
    union {
        size_t class; // of one in use; PAWL_POOL_CLASSES: it is malloc's
        struct pawl_pool_piece *next;
    };
    max_align_t bytes[];
};

static struct pawl_pool_piece *pool_piece(void *bytes) {
    return (void *)((char *)bytes - offsetof(struct pawl_pool_piece, bytes));
}

static size_t pool_room(size_t class) {
    return (class + 1) * PAWL_POOL_STEP;
}

void *pawl__pool_malloc(size_t size, void *data) {
    struct pawl_pool *pool = data;
    struct pawl_pool_piece *piece;
    size_t class = size ? (size - 1) / PAWL_POOL_STEP : 0;
    if (size > SIZE_MAX / 2) return NULL;
    if (class >= PAWL_POOL_CLASSES) {
        class = PAWL_POOL_CLASSES;
        piece = malloc(sizeof *piece + size);
    } else if ((piece = pool->classes[class].first)) {
        pool->classes[class].first = piece->next;
        pool->classes[class].count--;
    } else {
        piece = malloc(sizeof *piece + pool_room(class));
    }
    if (!piece) return NULL;
    piece->class = class;
    return piece->bytes;
}

void *pawl__pool_calloc(size_t count, size_t size, void *data) {
    size_t all;
    if (__builtin_mul_overflow(count, size, &all)) return NULL;
    void *bytes = pawl__pool_malloc(all, data);
    return bytes ? memset(bytes, 0, all) : NULL;
}

void *pawl__pool_realloc(void *bytes, size_t size, void *data) {
    if (!bytes) return pawl__pool_malloc(size, data);
    struct pawl_pool_piece *piece = pool_piece(bytes);
    if (piece->class == PAWL_POOL_CLASSES) {
        if (size > SIZE_MAX / 2 || !(piece = realloc(piece, sizeof *piece + size))) return NULL;
        return piece->bytes;
    }
    size_t room = pool_room(piece->class);
    if (size <= room) return bytes;
    void *larger = pawl__pool_malloc(size, data);
    if (!larger) return NULL;
    memcpy(larger, bytes, room);
    pawl__pool_free(bytes, data);
    return larger;
}

void pawl__pool_free(void *bytes, void *data) {
    struct pawl_pool *pool = data;
    if (!bytes) return;
    struct pawl_pool_piece *piece = pool_piece(bytes);
    size_t class = piece->class;
    if (class == PAWL_POOL_CLASSES || pool->classes[class].count == PAWL_POOL_KEPT) {
        free(piece);
        return;
    }
    piece->next = pool->classes[class].first;
    pool->classes[class].first = piece;
    pool->classes[class].count++;
}

void pawl__pool_trim(struct pawl_pool *pool) {
    for (size_t i = 0; i < PAWL_POOL_CLASSES; i++) {
        for (struct pawl_pool_piece *piece; (piece = pool->classes[i].first);) {
            pool->classes[i].first = piece->next;
            free(piece);
        }
        pool->classes[i].count = 0;
    }
}
