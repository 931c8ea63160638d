#include <stdlib.h>

#include "base/clock.h"
#include "runtime/internal.h"

// Timers of workflows. Instances in memory have theirs in the shard; those that sleep in the store
// have an entry here with the time to load them.

bool pawl__sleep_add(struct pawl_runtime *runtime, struct pawl_str id, int64_t wake_at) {
    struct pawl_sleeper *sleeper = malloc(sizeof *sleeper + id.len);
    if (!sleeper) return false;
    sleeper->node = (struct pawl_heap_node){0};
    sleeper->id_len = id.len;
    memcpy(sleeper->id, id.data, id.len);
    struct pawl_str key = {sleeper->id, id.len};
    pawl__sleep_remove(runtime, id);
    if (!pawl__map_put(&runtime->sleepers, key, sleeper)) goto fail;
    if (!pawl__heap_add(&runtime->sleeping, &sleeper->node, wake_at)) goto fail_map;
    return true;
fail_map:
    pawl__map_remove(&runtime->sleepers, key);
fail:
    free(sleeper);
    return false;
}

void pawl__sleep_remove(struct pawl_runtime *runtime, struct pawl_str id) {
    struct pawl_sleeper *sleeper = pawl__map_remove(&runtime->sleepers, id);
    if (!sleeper) return;
    pawl__heap_remove(&runtime->sleeping, &sleeper->node);
    free(sleeper);
}

void pawl__sleep_retry(struct pawl_runtime *runtime, struct pawl_str id) {
    struct pawl_sleeper *sleeper = pawl__map_get(&runtime->sleepers, id);
    if (!sleeper || sleeper->node.index) return;
    if (!pawl__heap_add(&runtime->sleeping, &sleeper->node, pawl__clock_wall() + PAWL_SECOND))
        pawl__runtime_fail(runtime, &(struct pawl_error){PAWL_E_NOMEM, "out of memory"});
}

void pawl__sleep_clear(struct pawl_runtime *runtime) {
    size_t at = 0;
    for (struct pawl_sleeper *sleeper; (sleeper = pawl__map_next(&runtime->sleepers, &at));)
        free(sleeper);
    pawl__map_finish(&runtime->sleepers);
    pawl__heap_finish(&runtime->sleeping);
}

static void sleep_on_clock(uv_timer_t *timer) {
    pawl__sleep_check(timer->data);
}

static int64_t sleep_next(const struct pawl_runtime *runtime) {
    const struct pawl_heap_node *first = pawl__heap_first(&runtime->sleeping);
    int64_t next = pawl__shard_wake_at(&runtime->shard);
    return first && first->key < next ? first->key : next;
}

void pawl__sleep_check(struct pawl_runtime *runtime) {
    if (!pawl__runtime_serves(runtime)) return;
    if (sleep_next(runtime) == INT64_MAX) {
        uv_timer_stop(&runtime->clock);
        return;
    }
    int64_t now = pawl__clock_wall(); // a timer is due by the wall clock, whatever was stamped
    for (struct pawl_heap_node *node;
         (node = pawl__heap_first(&runtime->sleeping)) && node->key <= now;) {
        struct pawl_sleeper *sleeper = PAWL_CONTAINER(node, struct pawl_sleeper, node);
        struct pawl_str id = {sleeper->id, sleeper->id_len};
        pawl__heap_remove(&runtime->sleeping, node); // pawl__sleep_remove frees it once loaded
        pawl__calls_wake(runtime, id);
    }
    if (pawl__shard_wake_at(&runtime->shard) <= now) {
        struct pawl_stamp stamp = pawl__runtime_stamp(runtime);
        struct pawl_error error;
        if (pawl__shard_fire_timers(&runtime->shard, now, stamp, &error))
            pawl__runtime_fail(runtime, &error);
        pawl__runtime_settle(runtime);
        return; // settling checks again
    }
    int64_t next = sleep_next(runtime);
    // Rounded up, so as not to wake early. At most a second, as the wall clock may be set forward
    // while the loop's own clock is not.
    int64_t wait = (next - now + PAWL_MILLISECOND - 1) / PAWL_MILLISECOND;
    if (wait > 1000) wait = 1000;
    uv_timer_start(&runtime->clock, sleep_on_clock, (uint64_t)wait, 0);
}
