#ifndef PAWL_BASE_POOL_H
#define PAWL_BASE_POOL_H

// Small pieces of memory for a library that takes and frees many at once: more than malloc keeps at
// hand, so that it would split and join them each time. What is freed is kept, up to a limit, and
// taken again as it is. One thread has a pool.

#include <stddef.h>

enum {
    PAWL_POOL_STEP = 64,    // bytes by which pieces grow
    PAWL_POOL_CLASSES = 12, // sizes; a larger piece is malloc's
#if defined(__SANITIZE_ADDRESS__)
    PAWL_POOL_KEPT = 0 // so that it sees the use of what was freed
#else
    PAWL_POOL_KEPT = 512 // pieces of a size that are kept
#endif
};

struct pawl_pool {
    struct {
        struct pawl_pool_piece *first;
        unsigned count;
    } classes[PAWL_POOL_CLASSES];
};

// As the functions of C do, from |pool|, which is zeroed at first.
void *pawl__pool_malloc(size_t size, void *pool);
void *pawl__pool_calloc(size_t count, size_t size, void *pool);
void *pawl__pool_realloc(void *bytes, size_t size, void *pool);
void pawl__pool_free(void *bytes, void *pool);

// Frees what is kept. Pieces in use stay, and may be freed into the pool.
void pawl__pool_trim(struct pawl_pool *pool);

#endif
