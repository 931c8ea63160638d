#ifndef PAWL_NET_DEADLINES_H
#define PAWL_NET_DEADLINES_H

#include <uv.h>

#include "base/heap.h"

// Many deadlines on one timer of the loop.
struct pawl_deadlines {
    struct pawl_heap heap;
    uv_timer_t timer;
    int64_t armed;                                  // when the timer fires; INT64_MAX: it does not
    void (*on_passed)(struct pawl_heap_node *node); // |node| is out of the heap
    void (*on_finished)(struct pawl_deadlines *deadlines);
};

void pawl__deadlines_init(struct pawl_deadlines *deadlines, uv_loop_t *loop,
                          void (*on_passed)(struct pawl_heap_node *node));

// To be called when no deadline is left. |on_finished| is called when the timer is closed.
void pawl__deadlines_finish(struct pawl_deadlines *deadlines,
                            void (*on_finished)(struct pawl_deadlines *deadlines));

// |node| passes |timeout| nanoseconds from now; one that is too far away for the clock never does.
void pawl__deadlines_add(struct pawl_deadlines *deadlines, struct pawl_heap_node *node,
                         int64_t timeout);

// Does nothing when |node| has no deadline.
static inline void pawl__deadlines_remove(struct pawl_deadlines *deadlines,
                                          struct pawl_heap_node *node) {
    pawl__heap_remove(&deadlines->heap, node);
}

#endif
