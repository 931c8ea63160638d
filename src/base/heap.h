#ifndef PAWL_BASE_HEAP_H
#define PAWL_BASE_HEAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// A heap of nodes by a 64-bit key, smallest first. Nodes live inside what they stand for: adding
// one cannot fail, any of them can be removed, and there is nothing to free. A heap that is zero is
// empty, and a node that is zero is in no heap.
struct pawl_heap_node {
    int64_t key;
    struct pawl_heap_node *child; // the first of those below, whose keys are not smaller
    struct pawl_heap_node *next;  // beside it, below the same node
    struct pawl_heap_node *prev;  // beside it, or the node above if it is the first
};

struct pawl_heap {
    struct pawl_heap_node *first;
};

// Adds |node|, which is in no heap, under |key|. Takes the same time however many there are.
void pawl__heap_add(struct pawl_heap *heap, struct pawl_heap_node *node, int64_t key);

// Whether |node|, which is in no other heap, is in this one.
static inline bool pawl__heap_has(const struct pawl_heap *heap, const struct pawl_heap_node *node) {
    return node->prev || heap->first == node;
}

// Removes |node|; does nothing when it is in no heap. Removing the first of n takes log n steps on
// average; of one after n adds, n.
void pawl__heap_remove(struct pawl_heap *heap, struct pawl_heap_node *node);

// The node with the smallest key, or NULL.
static inline struct pawl_heap_node *pawl__heap_first(const struct pawl_heap *heap) {
    return heap->first;
}

#endif
