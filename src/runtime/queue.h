#ifndef PAWL_RUNTIME_QUEUE_H
#define PAWL_RUNTIME_QUEUE_H

// First in, first out, of effects. Each holds a reference to its instance.

#include "engine/shard.h"

struct pawl_queue {
    struct pawl_effect *items;
    size_t head, len, cap; // cap is 0 or a power of two
};

void pawl__queue_finish(struct pawl_queue *queue);

// False when memory is out.
bool pawl__queue_push(struct pawl_queue *queue, struct pawl_effect effect);

// The oldest, which stays. The queue must not be empty.
static inline const struct pawl_effect *pawl__queue_first(const struct pawl_queue *queue) {
    return &queue->items[queue->head];
}

// The oldest; its reference passes to the caller. The queue must not be empty.
struct pawl_effect pawl__queue_pop(struct pawl_queue *queue);

// Moves all of |from| to the end of |to|. False when memory is out; both are then as before.
bool pawl__queue_move(struct pawl_queue *to, struct pawl_queue *from);

#endif
