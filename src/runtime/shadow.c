#include "runtime/shadow.h"

#ifndef NDEBUG

#include <stdlib.h>

#include "wire/unpack.h"

static void shadow_fail(const struct pawl_shadow *shadow, const char *id, const char *what) {
    pawl__log(shadow->log, PAWL_LOG_FATAL, "pawl.runtime.shadow",
              "replaying the log up to batch %llu for instance '%s': %s",
              (unsigned long long)shadow->copy.position - 1, id, what);
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

void pawl__shadow_begin(struct pawl_shadow *shadow, const struct pawl_shard *shard,
                        const struct pawl_log *log) {
    shadow->shard = shard;
    shadow->log = log;
    if (!pawl__shard_init(&shadow->copy, pawl__str(shard->app_id), shard->position - 1)) abort();
    size_t at = 0;
    for (struct pawl_instance *instance; (instance = pawl__map_next(&shard->instances, &at));)
        pawl__shadow_add(shadow, instance);
}

void pawl__shadow_add(struct pawl_shadow *shadow, const struct pawl_instance *instance) {
    struct pawl_arena arena = {0};
    struct pawl_snapshot row;
    struct pawl_instance *copy;
    struct pawl_error error;
    bool ok = instance->exists
                  ? shadow_row(instance, &arena, &row) &&
                        !pawl__shard_restore(&shadow->copy, &row, &copy, &error)
                  : !pawl__shard_ghost(&shadow->copy, pawl__instance_id(instance), &copy);
    if (!ok) shadow_fail(shadow, instance->id, "it cannot be copied");
    copy->generation = instance->generation;
    pawl__arena_finish(&arena);
}

void pawl__shadow_remove(struct pawl_shadow *shadow, const struct pawl_instance *instance) {
    struct pawl_instance *copy = pawl__shard_find(&shadow->copy, pawl__instance_id(instance));
    if (copy) pawl__shard_evict(&shadow->copy, copy);
}

static enum pawl_err shadow_load(void *arg, const struct pawl_str *ids, size_t count,
                                 struct pawl_error *error) {
    shadow_fail(arg, pawl__arena_dup(&((struct pawl_shadow *)arg)->copy.arena, *ids),
                "it was never loaded");
    return pawl__fail_plain(error, PAWL_E_INTERNAL);
}

static bool shadow_same(struct pawl_str a, struct pawl_str b) {
    return pawl__str_equal(a, b);
}

static void shadow_compare(struct pawl_shadow *shadow, const struct pawl_batch *batch,
                           const char *id) {
    struct pawl_arena arena = {0};
    struct pawl_snapshot ours, theirs;
    const struct pawl_instance *instance = pawl__shard_find(shadow->shard, pawl__str(id));
    const struct pawl_instance *copy = pawl__shard_find(&shadow->copy, pawl__str(id));
    // What was changed again since is compared when that batch is durable.
    if (!instance || instance->position != batch->position) return;
    if (!copy || copy->exists != instance->exists) shadow_fail(shadow, id, "one of them is gone");
    if (instance->exists &&
        (!shadow_row(instance, &arena, &ours) || !shadow_row(copy, &arena, &theirs) ||
         !shadow_same(ours.state, theirs.state) || !shadow_same(ours.history, theirs.history)))
        shadow_fail(shadow, id, "it became another one than the commands made");
    pawl__arena_finish(&arena);
}

void pawl__shadow_check(struct pawl_shadow *shadow, const struct pawl_batch *batch) {
    struct pawl_error error = {PAWL_E_OK, ""};
    struct pawl_arena arena = {0};
    if (pawl__shard_replay(&shadow->copy, batch, shadow_load, shadow, &error))
        shadow_fail(shadow, "", error.text);
    const Plog__Batch *rows =
        pawl__wire_unpack(&arena, &plog__batch__descriptor, batch->records, NULL);
    for (size_t i = 0; rows && i < rows->n_records; i++)
        shadow_compare(shadow, batch, rows->records[i]->instance_id);
    pawl__arena_finish(&arena);
}

void pawl__shadow_drop(struct pawl_shadow *shadow) {
    pawl__shard_finish(&shadow->copy);
}

#endif
