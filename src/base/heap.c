#include "base/heap.h"

#include <stdlib.h>

void pawl__heap_finish(struct pawl_heap *heap) {
    free(heap->nodes);
    *heap = (struct pawl_heap){0};
}

static void heap_place(struct pawl_heap *heap, size_t i, struct pawl_heap_node *node) {
    heap->nodes[i] = node;
    node->index = i + 1;
}

static void heap_up(struct pawl_heap *heap, size_t i) {
    struct pawl_heap_node *node = heap->nodes[i];
    while (i > 0 && heap->nodes[(i - 1) / 2]->key > node->key) {
        heap_place(heap, i, heap->nodes[(i - 1) / 2]);
        i = (i - 1) / 2;
    }
    heap_place(heap, i, node);
}

static void heap_down(struct pawl_heap *heap, size_t i) {
    struct pawl_heap_node *node = heap->nodes[i];
    for (size_t child; (child = 2 * i + 1) < heap->len; i = child) {
        if (child + 1 < heap->len && heap->nodes[child + 1]->key < heap->nodes[child]->key) child++;
        if (heap->nodes[child]->key >= node->key) break;
        heap_place(heap, i, heap->nodes[child]);
    }
    heap_place(heap, i, node);
}

bool pawl__heap_reserve(struct pawl_heap *heap, size_t count) {
    if (heap->cap - heap->len >= count) return true;
    size_t cap = 2 * heap->cap + count + 15;
    struct pawl_heap_node **nodes = realloc(heap->nodes, cap * sizeof(struct pawl_heap_node *));
    if (!nodes) return false;
    heap->nodes = nodes;
    heap->cap = cap;
    return true;
}

bool pawl__heap_add(struct pawl_heap *heap, struct pawl_heap_node *node, int64_t key) {
    if (!pawl__heap_reserve(heap, 1)) return false;
    node->key = key;
    heap_place(heap, heap->len++, node);
    heap_up(heap, heap->len - 1);
    return true;
}

void pawl__heap_remove(struct pawl_heap *heap, struct pawl_heap_node *node) {
    if (!node->index) return;
    size_t i = node->index - 1;
    node->index = 0;
    struct pawl_heap_node *last = heap->nodes[--heap->len];
    if (last == node) return;
    heap_place(heap, i, last);
    heap_up(heap, i);
    heap_down(heap, last->index - 1);
}
