#include "net/deadlines.h"

#include "base/clock.h"

static void deadlines_arm(struct pawl_deadlines *deadlines);

static void deadlines_on_timer(uv_timer_t *timer) {
    struct pawl_deadlines *deadlines = timer->data;
    deadlines->armed = INT64_MAX;
    int64_t now = pawl__clock_steady();
    for (;;) {
        struct pawl_heap_node *node = pawl__heap_first(&deadlines->heap);
        if (!node || node->key > now) break;
        pawl__heap_remove(&deadlines->heap, node);
        deadlines->on_passed(node);
    }
    deadlines_arm(deadlines);
}

// The timer is only ever moved forward: one that fires early finds nothing and is set anew, which
// costs less than moving it for each deadline that is met.
static void deadlines_arm(struct pawl_deadlines *deadlines) {
    struct pawl_heap_node *node = pawl__heap_first(&deadlines->heap);
    if (!node || node->key >= deadlines->armed) return;
    deadlines->armed = node->key;
    int64_t left = node->key - pawl__clock_steady();
    // One millisecond more, as the loop's clock counts whole ones and nothing may fire early.
    uint64_t wait = left < 0 ? 0 : (uint64_t)(left / PAWL_MILLISECOND) + 1;
    uv_update_time(deadlines->timer.loop);
    uv_timer_start(&deadlines->timer, deadlines_on_timer, wait, 0);
}

void pawl__deadlines_init(struct pawl_deadlines *deadlines, uv_loop_t *loop,
                          void (*on_passed)(struct pawl_heap_node *node)) {
    *deadlines = (struct pawl_deadlines){.armed = INT64_MAX, .on_passed = on_passed};
    uv_timer_init(loop, &deadlines->timer);
    deadlines->timer.data = deadlines;
}

static void deadlines_on_close(uv_handle_t *handle) {
    struct pawl_deadlines *deadlines = handle->data;
    deadlines->on_finished(deadlines);
}

void pawl__deadlines_finish(struct pawl_deadlines *deadlines,
                            void (*on_finished)(struct pawl_deadlines *deadlines)) {
    deadlines->on_finished = on_finished;
    uv_close((uv_handle_t *)&deadlines->timer, deadlines_on_close);
}

void pawl__deadlines_add(struct pawl_deadlines *deadlines, struct pawl_heap_node *node,
                         int64_t timeout) {
    int64_t at;
    if (__builtin_add_overflow(pawl__clock_steady(), timeout, &at)) return;
    pawl__heap_add(&deadlines->heap, node, at);
    deadlines_arm(deadlines);
}
