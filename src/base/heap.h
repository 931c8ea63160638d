#ifndef PAWL_BASE_HEAP_H
#define PAWL_BASE_HEAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// A binary heap of nodes by a 64-bit key, smallest first; nodes live inside what they stand for,
// so that any of them can be removed. Zero-initialised it is empty and ready.
struct pawl_heap {
    struct pawl_heap_node **nodes;
    size_t len, cap;
};

struct pawl_heap_node {
    int64_t key;
    size_t index; // place in the heap, from 1; 0: in no heap
};

void pawl__heap_finish(struct pawl_heap *heap);

// Makes room for |count| more nodes. False when memory is out.
bool pawl__heap_reserve(struct pawl_heap *heap, size_t count);

// Adds |node|, which is in no heap, under |key|. False when memory is out.
bool pawl__heap_add(struct pawl_heap *heap, struct pawl_heap_node *node, int64_t key);

// Removes |node|; does nothing when it is in no heap.
void pawl__heap_remove(struct pawl_heap *heap, struct pawl_heap_node *node);

// The node with the smallest key, or NULL.
static inline struct pawl_heap_node *pawl__heap_first(const struct pawl_heap *heap) {
    return heap->len ? heap->nodes[0] : NULL;
}

#endif
