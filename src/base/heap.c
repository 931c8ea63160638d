#include "base/heap.h"

// A pairing heap (Fredman, Sedgewick, Sleator and Tarjan, 1986). Most deadlines and timers are
// removed before they are first: this one puts no work into ordering them.

// Makes one tree of two; neither has siblings.
static struct pawl_heap_node *heap_meld(struct pawl_heap_node *a, struct pawl_heap_node *b) {
    if (b->key < a->key) {
        struct pawl_heap_node *less = b;
        b = a;
        a = less;
    }
    b->prev = a;
    b->next = a->child;
    if (b->next) b->next->prev = b;
    a->child = b;
    return a;
}

// Makes one tree of |list|, siblings: of each two one, and then of all these, from the last to the
// first. NULL for an empty list.
static struct pawl_heap_node *heap_meld_all(struct pawl_heap_node *list) {
    struct pawl_heap_node *pairs = NULL;
    while (list) {
        struct pawl_heap_node *a = list, *b = a->next;
        list = b ? b->next : NULL;
        a->next = a->prev = NULL;
        if (b) {
            b->next = b->prev = NULL;
            a = heap_meld(a, b);
        }
        a->next = pairs;
        pairs = a;
    }
    struct pawl_heap_node *all = NULL;
    while (pairs) {
        struct pawl_heap_node *pair = pairs;
        pairs = pair->next;
        pair->next = NULL;
        all = all ? heap_meld(all, pair) : pair;
    }
    return all;
}

void pawl__heap_add(struct pawl_heap *heap, struct pawl_heap_node *node, int64_t key) {
    *node = (struct pawl_heap_node){.key = key};
    heap->first = heap->first ? heap_meld(heap->first, node) : node;
}

void pawl__heap_remove(struct pawl_heap *heap, struct pawl_heap_node *node) {
    if (!pawl__heap_has(heap, node)) return;
    struct pawl_heap_node *below = heap_meld_all(node->child);
    if (heap->first == node) {
        heap->first = below;
    } else {
        if (node->prev->child == node)
            node->prev->child = node->next;
        else
            node->prev->next = node->next;
        if (node->next) node->next->prev = node->prev;
        if (below) heap->first = heap_meld(heap->first, below);
    }
    *node = (struct pawl_heap_node){.key = node->key};
}
