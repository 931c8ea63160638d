#include "runtime/wake.h"

#include "base/clock.h"

static void wake_on_timer(uv_timer_t *timer) {
    struct pawl_wake *wake = PAWL_CONTAINER(timer, struct pawl_wake, timer);
    if (pawl__wake_check(wake)) wake->residency->host->settle(wake->residency);
}

void pawl__wake_init(struct pawl_wake *wake, struct pawl_residency *residency) {
    wake->residency = residency;
    uv_timer_init(residency->storage->loop, &wake->timer);
}

void pawl__wake_stop(struct pawl_wake *wake) {
    uv_timer_stop(&wake->timer);
}

static int64_t wake_next(const struct pawl_residency *residency) {
    int64_t asleep = pawl__sleepers_next(&residency->sleepers);
    int64_t awake = pawl__shard_wake_at(&residency->shard);
    return asleep < awake ? asleep : awake;
}

static bool wake_fire(struct pawl_residency *residency, int64_t now) {
    struct pawl_error error;
    if (pawl__shard_wake_at(&residency->shard) > now) return false;
    struct pawl_stamp stamp = pawl__residency_stamp(residency);
    if (pawl__shard_fire_timers(&residency->shard, now, stamp, &error))
        pawl__residency_fail(residency, &error);
    return true;
}

bool pawl__wake_check(struct pawl_wake *wake) {
    struct pawl_residency *residency = wake->residency;
    if (!pawl__residency_serves(residency)) return false;
    if (pawl__shard_is_full(&residency->shard)) return false; // until the batch is taken
    if (wake_next(residency) == INT64_MAX) {
        uv_timer_stop(&wake->timer);
        return false;
    }
    int64_t now = pawl__clock_wall(); // a timer is due by the wall clock, whatever was stamped
    for (const struct pawl_sleeper *sleeper;
         (sleeper = pawl__sleepers_take(&residency->sleepers, now));)
        pawl__load_begin(residency, (struct pawl_str){sleeper->id, sleeper->id_len}, NULL);
    if (wake_fire(residency, now)) return true; // settling checks again
    int64_t next = wake_next(residency);
    // Rounded up, so as not to wake early. At most a second, as the wall clock may be set forward
    // while the loop's own clock is not.
    int64_t wait = (next - now + PAWL_MILLISECOND - 1) / PAWL_MILLISECOND;
    if (wait > 1000) wait = 1000;
    uv_timer_start(&wake->timer, wake_on_timer, (uint64_t)wait, 0);
    return false;
}
