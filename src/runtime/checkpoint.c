#include <stdlib.h>

#include "base/clock.h"
#include "runtime/internal.h"

// A checkpoint drops the log up to where the one before it began. First it writes the snapshots of
// all instances that this part of the log has changed, a few with each commit. What changed only
// later is left to the next one, unless nothing goes on: most workflows have ended by then, and are
// written once. Nobody waits for a checkpoint: it only bounds how much log there is to read after a
// crash, and lets instances leave memory.

enum { // of snapshots in one commit
    CHECKPOINT_LEAST = 32 * 1024,
    CHECKPOINT_ALONE = 512 * 1024 // when the commit has nothing else
};

void pawl__checkpoint_drop(struct pawl_runtime *runtime) {
    struct pawl_checkpoint *point = &runtime->checkpoint;
    for (size_t i = point->next; i < point->count; i++) pawl__instance_unref(point->todo[i]);
    free(point->todo);
    pawl__arena_finish(&point->arena);
    *point = (struct pawl_checkpoint){
        .last_at = pawl__clock_steady(),
        .log_bytes = point->log_bytes,
        .horizon = point->horizon,
        .trimmed = point->trimmed,
        .told = point->told,
    };
}

static void checkpoint_purge_due(struct pawl_runtime *runtime) {
    size_t at = 0;
    for (struct pawl_instance *instance;
         (instance = pawl__map_next(&runtime->shard.instances, &at));)
        if (pawl__instance_completed(instance)) pawl__retain_look(runtime, instance);
}

// |all|: also for what the log has since the last one began. False: there is nothing to drop, or no
// memory.
static bool checkpoint_begin(struct pawl_runtime *runtime, bool all) {
    struct pawl_checkpoint *point = &runtime->checkpoint;
    uint64_t last = runtime->shard.position - 1;
    point->trim_to = point->save_to = all ? last : point->horizon;
    point->horizon = last;
    point->log_bytes = 0;
    point->last_at = pawl__clock_steady();
    if (point->trim_to <= point->trimmed) return false;
    point->todo = malloc((runtime->shard.instances.len + 1) * sizeof(struct pawl_instance *));
    if (!point->todo) return false; // it will be tried again
    size_t at = 0;
    for (struct pawl_instance *instance;
         (instance = pawl__map_next(&runtime->shard.instances, &at));)
        if (instance->exists) point->todo[point->count++] = pawl__instance_ref(instance);
    point->running = true;
    return true;
}

void pawl__checkpoint_consider(struct pawl_runtime *runtime, bool force) {
    struct pawl_checkpoint *point = &runtime->checkpoint;
    if (point->running || runtime->failing || runtime->state == PAWL_RUNTIME_TAKING) return;
    if (runtime->state == PAWL_RUNTIME_CLOSING && !force) return;
    bool changed = runtime->shard.position - 1 > point->trimmed || runtime->shard.batch.len;
    bool due = pawl__clock_steady() - point->last_at >= runtime->options.checkpoint_interval ||
               point->log_bytes >= runtime->options.checkpoint_bytes;
    if (!changed || (!due && !force)) return;
    checkpoint_purge_due(runtime);
    if (checkpoint_begin(runtime, force)) pawl__storage_want(runtime->storage);
    if (runtime->shard.effect_count) pawl__runtime_settle(runtime); // something was purged
}

// An instance that is too large for a row stays in memory, and in the log from its last snapshot
// on: it is not lost, and nobody else is the worse for it.
static bool checkpoint_leave_out(struct pawl_runtime *runtime, const struct pawl_instance *instance,
                                 const struct pawl_snapshot *snapshot) {
    struct pawl_checkpoint *point = &runtime->checkpoint;
    size_t max = runtime->storage->store->row_max;
    if (!max || (snapshot->state.len <= max && snapshot->history.len <= max)) return false;
    if (point->trim_to >= instance->unsaved) point->trim_to = instance->unsaved - 1;
    point->left_out++;
    if (!point->told)
        pawl__log(runtime->log, PAWL_LOG_ERROR, "dapr.runtime.wfengine",
                  "workflow '%s' is too large to be stored: its state has %zu bytes and its new "
                  "history %zu, and the limit is %zu; the log is kept until it has become smaller, "
                  "or is purged",
                  instance->id, snapshot->state.len, snapshot->history.len, max);
    return true;
}

// How much goes with a commit. Whoever waits for its records waits for the snapshots as well, so
// there are few; but more than there are records, or checkpoints would never catch up.
static size_t checkpoint_share(const struct pawl_runtime *runtime) {
    if (!runtime->wrote_batch) return CHECKPOINT_ALONE;
    size_t twice = 2 * runtime->batch.records.len;
    return twice > CHECKPOINT_LEAST ? twice : CHECKPOINT_LEAST;
}

bool pawl__checkpoint_prepare(struct pawl_runtime *runtime, struct pawl_commit *commit) {
    struct pawl_checkpoint *point = &runtime->checkpoint;
    point->in_commit = point->running;
    if (!point->running) return false;
    size_t bytes = 0, share = checkpoint_share(runtime);
    pawl__arena_reset(&point->arena);
    point->row_count = 0;
    point->written = point->next;
    while (point->written < point->count && point->row_count < PAWL_CHECKPOINT_ROWS &&
           bytes < share) {
        struct pawl_instance *instance = point->todo[point->written++];
        if (!instance->exists || !instance->unsaved || instance->unsaved > point->save_to) continue;
        struct pawl_snapshot *snapshot = &point->snapshots[point->row_count];
        if (!pawl__shard_snapshot(instance, &point->arena, snapshot)) goto fail;
        if (checkpoint_leave_out(runtime, instance, snapshot)) continue;
        snapshot->wake_at = pawl__retain_wake_at(runtime, instance);
        // Copied, as the history's buffer may move while the commit thread reads it.
        snapshot->history.data = pawl__arena_dup(&point->arena, snapshot->history);
        snapshot->name.data = pawl__arena_dup(&point->arena, snapshot->name);
        if (!snapshot->history.data || !snapshot->name.data) goto fail;
        point->rows[point->row_count++] = (struct pawl_checkpoint_row){
            instance,
            instance->generation,
            instance->history.count,
            instance->history.bytes.len,
        };
        bytes += snapshot->state.len + snapshot->history.len;
    }
    commit->snapshots = point->snapshots;
    commit->snapshot_count = point->row_count;
    if (point->written == point->count) commit->trim_to = point->trim_to;
    return true;
fail:
    pawl__checkpoint_drop(runtime);
    return false;
}

// An instance that rests, and whose snapshot is current, leaves memory.
static void checkpoint_evict(struct pawl_runtime *runtime, struct pawl_instance *instance) {
    bool resting = instance->linked && instance->exists && instance->refs == 1 &&
                   !instance->unsaved && !pawl__instance_active(instance);
    if (!resting || pawl__runtime_reads(runtime)) return;
    int64_t wake_at = pawl__retain_wake_at(runtime, instance);
    if (wake_at != INT64_MAX && !pawl__sleep_add(runtime, pawl__instance_id(instance), wake_at))
        return;
    pawl__shadow_remove(runtime, instance);
    pawl__shard_evict(&runtime->shard, instance);
    runtime->has_evicted = true;
}

void pawl__checkpoint_done(struct pawl_runtime *runtime) {
    struct pawl_checkpoint *point = &runtime->checkpoint;
    if (!point->running || !point->in_commit) return;
    point->in_commit = false;
    for (size_t i = 0; i < point->row_count; i++) {
        const struct pawl_checkpoint_row *row = &point->rows[i];
        struct pawl_instance *instance = row->instance;
        instance->saved = point->snapshots[i].position;
        instance->unsaved = instance->position > instance->saved ? instance->saved + 1 : 0;
        if (instance->generation != row->generation) continue; // its history began anew
        instance->saved_events = row->events;
        instance->saved_bytes = row->bytes;
    }
    for (; point->next < point->written; point->next++) {
        struct pawl_instance *instance = point->todo[point->next];
        bool last = instance->refs == 1;
        pawl__instance_unref(instance);
        if (!last) checkpoint_evict(runtime, instance);
    }
    if (point->next < point->count) {
        pawl__storage_want(runtime->storage);
        return;
    }
    point->trimmed = point->trim_to;
    point->told = point->left_out > 0;
    pawl__checkpoint_drop(runtime);
}
