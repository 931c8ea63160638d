#include "runtime/queue.h"

#include <stdlib.h>

void pawl__queue_finish(struct pawl_queue *queue) {
    while (queue->len) pawl__instance_unref(pawl__queue_pop(queue).effect.instance);
    free(queue->items);
    *queue = (struct pawl_queue){0};
}

static bool queue_grow(struct pawl_queue *queue, size_t len) {
    size_t cap = queue->cap ? queue->cap : 16;
    while (cap < len) cap *= 2;
    if (cap == queue->cap) return true;
    struct pawl_work *items = malloc(cap * sizeof *items);
    if (!items) return false;
    for (size_t i = 0; i < queue->len; i++)
        items[i] = queue->items[(queue->head + i) & (queue->cap - 1)];
    free(queue->items);
    queue->items = items;
    queue->cap = cap;
    queue->head = 0;
    return true;
}

bool pawl__queue_push(struct pawl_queue *queue, struct pawl_work work) {
    if (!queue_grow(queue, queue->len + 1)) return false;
    queue->items[(queue->head + queue->len++) & (queue->cap - 1)] = work;
    return true;
}

struct pawl_work pawl__queue_pop(struct pawl_queue *queue) {
    struct pawl_work work = queue->items[queue->head];
    queue->head = (queue->head + 1) & (queue->cap - 1);
    queue->len--;
    return work;
}

bool pawl__queue_move(struct pawl_queue *to, struct pawl_queue *from) {
    if (!queue_grow(to, to->len + from->len)) return false;
    while (from->len) pawl__queue_push(to, pawl__queue_pop(from));
    return true;
}

void pawl__queue_forget(struct pawl_queue *queue, const struct pawl_residency *home) {
    for (size_t left = queue->len; left; left--) {
        struct pawl_work work = pawl__queue_pop(queue);
        if (work.home == home)
            pawl__instance_unref(work.effect.instance);
        else
            pawl__queue_push(queue, work); // there is room: one was taken out
    }
}
