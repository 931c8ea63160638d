#ifndef PAWL_RUNTIME_QUEUE_H
#define PAWL_RUNTIME_QUEUE_H

// First in, first out, of effects, each with the shard that it came from. Each holds a reference to
// its instance.

#include "engine/shard.h"

struct pawl_residency;

struct pawl_work {
    struct pawl_effect effect;
    struct pawl_residency *home;
};

struct pawl_queue {
    struct pawl_work *items;
    size_t head, len, cap; // cap is 0 or a power of two
};

void pawl__queue_finish(struct pawl_queue *queue);

// False when memory is out.
bool pawl__queue_push(struct pawl_queue *queue, struct pawl_work work);

// The oldest, which stays. The queue must not be empty.
static inline const struct pawl_work *pawl__queue_first(const struct pawl_queue *queue) {
    return &queue->items[queue->head];
}

// The oldest; its reference passes to the caller. The queue must not be empty.
struct pawl_work pawl__queue_pop(struct pawl_queue *queue);

// Gives back all that is of |home|.
void pawl__queue_forget(struct pawl_queue *queue, const struct pawl_residency *home);

// Moves all of |from| to the end of |to|. False when memory is out; both are then as before.
bool pawl__queue_move(struct pawl_queue *to, struct pawl_queue *from);

#endif
