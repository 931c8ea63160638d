// A heap for each daemon: what it has allocated is in a list, which a crash frees and which has to
// be empty after it was closed. The functions stand in for malloc and its like by the linker's
// --wrap.

#include <stdlib.h>

#include "base/memory.h"
#include "sim.h"

struct block {
    struct pawl_link link;
    struct sim_daemon *owner;
    size_t size;
};

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *data, size_t size);
void __real_free(void *data);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *data, size_t size);
void __wrap_free(void *data);

static void *block_own(struct block *block, size_t size, struct sim_daemon *owner) {
    if (!block) abort();
    block->owner = owner;
    block->size = size;
    pawl__link_init(&block->link);
    if (owner) pawl__list_add(&owner->blocks, &block->link);
    return block + 1;
}

void *__wrap_malloc(size_t size) {
    sim_touch();
    if (sim_want()) return NULL;
    return block_own(__real_malloc(sizeof(struct block) + size), size, sim.current);
}

void *__wrap_calloc(size_t count, size_t size) {
    size_t bytes;
    if (__builtin_mul_overflow(count, size, &bytes)) abort();
    sim_touch();
    if (sim_want()) return NULL;
    return block_own(__real_calloc(1, sizeof(struct block) + bytes), bytes, sim.current);
}

void *__wrap_realloc(void *data, size_t size) {
    if (!data) return __wrap_malloc(size);
    sim_touch();
    if (sim_want()) return NULL;
    struct block *block = (struct block *)data - 1;
    struct sim_daemon *owner = block->owner;
    pawl__list_remove(&block->link);
    return block_own(__real_realloc(block, sizeof *block + size), size, owner);
}

void pawl__memory_trim(void) {
    // A crash frees more.
}

void __wrap_free(void *data) {
    if (!data) return;
    struct block *block = (struct block *)data - 1;
    pawl__list_remove(&block->link);
    __real_free(block);
}

struct sim_daemon *sim_enter(struct sim_daemon *daemon) {
    struct sim_daemon *before = sim.current;
    sim.current = daemon;
    return before;
}

void sim_heap_drop(struct sim_daemon *daemon) {
    for (struct block *block; (block = PAWL_LIST_TAKE(struct block, &daemon->blocks, link));)
        __real_free(block);
}

size_t sim_heap_count(const struct sim_daemon *daemon) {
    size_t count = 0;
    for (const struct pawl_link *link = daemon->blocks.next; link != &daemon->blocks;
         link = link->next)
        count++;
    return count;
}
