#include "runtime/checkpoint.h"

#include <stdlib.h>

#include "base/clock.h"

enum { // of snapshots in one commit
    CHECKPOINT_LEAST = 32 * 1024,
    CHECKPOINT_ALONE = 512 * 1024 // when the commit has nothing else
};

void pawl__checkpoint_init(struct pawl_checkpoint *point, struct pawl_residency *residency) {
    *point = (struct pawl_checkpoint){.residency = residency};
}

void pawl__checkpoint_taken(struct pawl_checkpoint *point) {
    point->last_at = pawl__clock_steady();
    point->horizon = point->residency->durable;
}

void pawl__checkpoint_drop(struct pawl_checkpoint *point) {
    for (size_t i = point->next; i < point->count; i++) pawl__instance_unref(point->todo[i]);
    free(point->todo);
    pawl__arena_finish(&point->arena);
    *point = (struct pawl_checkpoint){
        .residency = point->residency,
        .last_at = pawl__clock_steady(),
        .log_bytes = point->log_bytes,
        .horizon = point->horizon,
        .trimmed = point->trimmed,
        .told = point->told,
    };
}

static void checkpoint_purge_due(struct pawl_residency *residency) {
    size_t at = 0;
    for (struct pawl_instance *instance;
         (instance = pawl__map_next(&residency->shard.instances, &at));)
        if (pawl__instance_completed(instance)) pawl__residency_retain(residency, instance);
}

// The instance that |instance| is a child of by its id, as |pawl__child_default_id| makes it, when
// that is to be written, too.
static const struct pawl_instance *checkpoint_parent(const struct pawl_checkpoint *point,
                                                     const struct pawl_instance *instance) {
    const char *colon = memrchr(instance->id, ':', instance->id_len);
    if (!colon) return NULL;
    struct pawl_str id = {instance->id, (size_t)(colon - instance->id)};
    const struct pawl_instance *parent = pawl__shard_find(&point->residency->shard, id);
    bool listed =
        parent && parent->todo_at < point->count && point->todo[parent->todo_at] == parent;
    return listed ? parent : NULL;
}

// Puts children behind their parent. Where many families grow at a time, an index that has the
// children of one side by side would otherwise have its page written once for each of them.
static void checkpoint_join_families(struct pawl_checkpoint *point) {
    if (!point->count) return; // no memory to ask for
    struct {
        size_t next, last; // in the family; of the children
        bool follows;
    } *of = malloc(point->count * sizeof *of);
    struct pawl_instance **joined = malloc(point->count * sizeof(struct pawl_instance *));
    size_t families = 0, count = 0;
    for (size_t i = 0; of && joined && i < point->count; i++) {
        const struct pawl_instance *parent = checkpoint_parent(point, point->todo[i]);
        of[i].next = SIZE_MAX;
        of[i].last = i;
        of[i].follows = parent && parent->todo_at < i;
        if (!of[i].follows) continue;
        size_t *last = &of[parent->todo_at].last;
        of[i].next = of[*last].next;
        of[*last].next = i;
        *last = i;
        families++;
    }
    for (size_t i = 0; families && i < point->count; i++)
        for (size_t k = of[i].follows ? SIZE_MAX : i; k != SIZE_MAX; k = of[k].next)
            joined[count++] = point->todo[k];
    if (count) {
        free(point->todo);
        point->todo = joined;
        joined = NULL;
    }
    free(joined);
    free(of);
}

// |all|: also for what the log has since the last one began. False: there is nothing to drop, or no
// memory.
static bool checkpoint_begin(struct pawl_checkpoint *point, bool all) {
    const struct pawl_shard *shard = &point->residency->shard;
    uint64_t last = shard->position - 1;
    point->trim_to = point->save_to = all ? last : point->horizon;
    point->horizon = last;
    point->log_bytes = 0;
    point->last_at = pawl__clock_steady();
    if (point->trim_to <= point->trimmed) return false;
    point->todo = malloc((shard->instances.len + 1) * sizeof(struct pawl_instance *));
    if (!point->todo) return false; // it will be tried again
    for (const struct pawl_tree_node *node = pawl__tree_end(&shard->by_created, false); node;
         node = pawl__tree_next(node, false)) {
        struct pawl_instance *instance = PAWL_CONTAINER(node, struct pawl_instance, by_created);
        instance->todo_at = point->count;
        point->todo[point->count++] = pawl__instance_ref(instance);
    }
    checkpoint_join_families(point);
    point->running = true;
    return true;
}

bool pawl__checkpoint_consider(struct pawl_checkpoint *point, bool force) {
    struct pawl_residency *residency = point->residency;
    const struct pawl_node_options *options = residency->options;
    const struct pawl_shard *shard = &residency->shard;
    if (point->running || residency->failing || !pawl__residency_has_state(residency)) return false;
    if (residency->state == PAWL_RESIDENCY_CLOSING && !force) return false;
    bool changed = shard->position - 1 > point->trimmed || shard->batch.len;
    bool due = pawl__clock_steady() - point->last_at >= options->checkpoint_interval ||
               point->log_bytes >= options->checkpoint_bytes;
    if (!changed || (!due && !force)) return false;
    checkpoint_purge_due(residency);
    return checkpoint_begin(point, force);
}

// An instance that is too large for a row stays in memory, and in the log from its last snapshot
// on: it is not lost, and nobody else is the worse for it.
static bool checkpoint_leave_out(struct pawl_checkpoint *point,
                                 const struct pawl_instance *instance,
                                 const struct pawl_snapshot *snapshot) {
    struct pawl_residency *residency = point->residency;
    size_t max = residency->storage->store->caps.row_max;
    if (!max || (snapshot->state.len <= max && snapshot->history.len <= max)) return false;
    if (point->trim_to >= instance->unsaved) point->trim_to = instance->unsaved - 1;
    point->left_out++;
    if (!point->told)
        pawl__log(residency->log, PAWL_LOG_ERROR, "dapr.runtime.wfengine",
                  "workflow '%s' is too large to be stored: its state has %zu bytes and its new "
                  "history %zu, and the limit is %zu; the log is kept until it has become smaller, "
                  "or is purged",
                  instance->id, snapshot->state.len, snapshot->history.len, max);
    return true;
}

// How much goes with a commit. Whoever waits for its records waits for the snapshots as well, so
// there are few; but more than there are records, or checkpoints would never catch up.
static size_t checkpoint_share(size_t batch_bytes) {
    if (!batch_bytes) return CHECKPOINT_ALONE;
    size_t twice = 2 * batch_bytes;
    return twice > CHECKPOINT_LEAST ? twice : CHECKPOINT_LEAST;
}

bool pawl__checkpoint_prepare(struct pawl_checkpoint *point, struct pawl_part *part,
                              size_t batch_bytes) {
    point->in_commit = point->running;
    if (!point->running) return false;
    size_t bytes = 0, share = checkpoint_share(batch_bytes);
    pawl__arena_reset(&point->arena);
    point->row_count = 0;
    point->written = point->next;
    while (point->written < point->count && point->row_count < PAWL_CHECKPOINT_ROWS &&
           bytes < share) {
        struct pawl_instance *instance = point->todo[point->written++];
        if (!instance->exists || !instance->unsaved || instance->unsaved > point->save_to) continue;
        struct pawl_snapshot *snapshot = &point->snapshots[point->row_count];
        if (!pawl__shard_snapshot(instance, &point->arena, snapshot)) goto fail;
        if (checkpoint_leave_out(point, instance, snapshot)) continue;
        snapshot->wake_at = pawl__residency_wake_at(point->residency, instance);
        point->rows[point->row_count++] = (struct pawl_checkpoint_row){
            instance,
            instance->generation,
            instance->history.count,
            instance->history.bytes.len,
        };
        pawl__known_add(&point->residency->known, snapshot->id);
        bytes += snapshot->state.len + snapshot->history.len;
    }
    part->snapshots = point->snapshots;
    part->snapshot_count = point->row_count;
    if (point->written == point->count) part->trim_to = point->trim_to;
    return true;
fail:
    pawl__checkpoint_drop(point);
    return false;
}

bool pawl__checkpoint_done(struct pawl_checkpoint *point) {
    if (!point->running || !point->in_commit) return false;
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
        if (!last) pawl__residency_evict(point->residency, instance);
    }
    if (point->next < point->count) return true;
    point->trimmed = point->trim_to;
    point->told = point->left_out > 0;
    pawl__checkpoint_drop(point);
    return false;
}
