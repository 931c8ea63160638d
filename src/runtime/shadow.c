#include "runtime/internal.h"

// The proof that the log says all: in debug builds a second shard is kept that knows nothing but
// what was loaded and what the log holds. After each commit it replays the batch, and every
// instance that the batch changed has to be the same, byte for byte, as the one that the commands
// made.
//
// A difference is a bug of the engine, which would show after a crash; so it ends the process.

#ifndef NDEBUG

#include <stdlib.h>

#include "wire/unpack.h"

static void shadow_fail(const struct pawl_runtime *runtime, const char *id, const char *what) {
    pawl__log(runtime->log, PAWL_LOG_FATAL, "pawl.runtime.shadow",
              "replaying batch %llu for instance '%s': %s",
              (unsigned long long)runtime->batch.position, id, what);
    abort();
}

// The whole of |instance| as a row.
static bool shadow_row(const struct pawl_instance *instance, struct pawl_arena *arena,
                       struct pawl_snapshot *row) {
    if (!pawl__shard_snapshot(instance, arena, row)) return false;
    row->history = pawl__buf_str(&instance->history.bytes);
    row->history_from = 0;
    return true;
}

void pawl__shadow_begin(struct pawl_runtime *runtime) {
    if (!pawl__shard_init(&runtime->shadow, pawl__str(runtime->app_id), runtime->durable)) abort();
    size_t at = 0;
    for (struct pawl_instance *instance;
         (instance = pawl__map_next(&runtime->shard.instances, &at));)
        pawl__shadow_add(runtime, instance);
}

void pawl__shadow_add(struct pawl_runtime *runtime, const struct pawl_instance *instance) {
    struct pawl_arena arena = {0};
    struct pawl_snapshot row;
    struct pawl_instance *copy;
    struct pawl_error error;
    bool ok = instance->exists
                  ? shadow_row(instance, &arena, &row) &&
                        !pawl__shard_restore(&runtime->shadow, &row, &copy, &error)
                  : !pawl__shard_ghost(&runtime->shadow, pawl__instance_id(instance), &copy);
    if (!ok) shadow_fail(runtime, instance->id, "it cannot be copied");
    copy->generation = instance->generation;
    pawl__arena_finish(&arena);
}

void pawl__shadow_remove(struct pawl_runtime *runtime, const struct pawl_instance *instance) {
    struct pawl_instance *copy = pawl__shard_find(&runtime->shadow, pawl__instance_id(instance));
    if (copy) pawl__shard_evict(&runtime->shadow, copy);
}

static enum pawl_err shadow_load(void *arg, struct pawl_str id, struct pawl_error *error) {
    shadow_fail(arg, pawl__arena_dup(&((struct pawl_runtime *)arg)->shadow.arena, id),
                "it was never loaded");
    return pawl__fail_plain(error, PAWL_E_INTERNAL);
}

static bool shadow_same(struct pawl_str a, struct pawl_str b) {
    return pawl__str_equal(a, b);
}

static void shadow_compare(struct pawl_runtime *runtime, const char *id) {
    struct pawl_arena arena = {0};
    struct pawl_snapshot ours, theirs;
    const struct pawl_instance *instance = pawl__shard_find(&runtime->shard, pawl__str(id));
    const struct pawl_instance *copy = pawl__shard_find(&runtime->shadow, pawl__str(id));
    // What was changed again since is compared when that batch is durable.
    if (!instance || instance->position != runtime->batch.position) return;
    if (!copy || copy->exists != instance->exists) shadow_fail(runtime, id, "one of them is gone");
    if (instance->exists &&
        (!shadow_row(instance, &arena, &ours) || !shadow_row(copy, &arena, &theirs) ||
         !shadow_same(ours.state, theirs.state) || !shadow_same(ours.history, theirs.history)))
        shadow_fail(runtime, id, "it became another one than the commands made");
    pawl__arena_finish(&arena);
}

void pawl__shadow_check(struct pawl_runtime *runtime) {
    struct pawl_error error = {PAWL_E_OK, ""};
    struct pawl_arena arena = {0};
    if (pawl__shard_replay(&runtime->shadow, &runtime->batch, shadow_load, runtime, &error))
        shadow_fail(runtime, "", error.text);
    const Plog__Batch *batch =
        pawl__wire_unpack(&arena, &plog__batch__descriptor, runtime->batch.records, NULL);
    for (size_t i = 0; batch && i < batch->n_records; i++)
        shadow_compare(runtime, batch->records[i]->instance_id);
    pawl__arena_finish(&arena);
}

void pawl__shadow_drop(struct pawl_runtime *runtime) {
    pawl__shard_finish(&runtime->shadow);
}

#endif
