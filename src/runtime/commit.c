#include <stdlib.h>

#include "runtime/internal.h"

// What waits for the log. A command changes memory at once; its answer and the activities that it
// scheduled wait here until the batch that holds it is on disk.

static void commit_swap(struct pawl_queue *a, struct pawl_queue *b) {
    struct pawl_queue other = *a;
    *a = *b;
    *b = other;
}

// What waited for the batch under construction now waits for the one that is written.
static void commit_move_held(struct pawl_runtime *runtime) {
    pawl__list_move(&runtime->writing.calls, &runtime->building.calls);
    commit_swap(&runtime->writing.activities, &runtime->building.activities);
    commit_swap(&runtime->writing.purged, &runtime->building.purged);
}

// The snapshots of purged instances go in the commit that holds the purges.
static bool commit_add_deletes(struct pawl_runtime *runtime, struct pawl_commit *commit) {
    size_t count = runtime->writing.purged.len;
    if (!count) return true;
    struct pawl_str *ids = malloc(count * sizeof *ids);
    if (!ids) return false;
    for (size_t i = 0; i < count; i++) {
        struct pawl_effect effect = pawl__queue_pop(&runtime->writing.purged);
        ids[i] = pawl__instance_id(effect.instance);
        pawl__queue_push(&runtime->writing.purged, effect); // there is room: one was taken out
    }
    runtime->deletes = ids;
    commit->deletes = ids;
    commit->delete_count = count;
    return true;
}

enum {
    COMMIT_CROWD = 8 // records
};

// Whether many answers come in, with more to come: the last batch had many records, this one has
// not yet as many, and workers have more in hand. To gather for as long as a commit takes then
// holds nobody up who has nothing else to do, and saves a third of the commits.
static bool commit_is_crowd(const struct pawl_runtime *runtime) {
    size_t records = runtime->shard.batch_records, last = runtime->last_records;
    return last >= COMMIT_CROWD && records < last &&
           records < runtime->turns_out + runtime->activities_out &&
           pawl__storage_waited(runtime->storage) < runtime->storage->commit_time;
}

// Whether the commit waits for that, or for less: nobody waits for more than the acknowledgement of
// an activity's result, and the turn that it woke will soon be answered; the records of both then
// go in one commit.
bool pawl__commit_expects(struct pawl_storage_client *client) {
    struct pawl_runtime *runtime = PAWL_CONTAINER(client, struct pawl_runtime, client);
    if (pawl__runtime_serves(runtime) && commit_is_crowd(runtime)) return true;
    return pawl__runtime_serves(runtime) && runtime->turns_out && !runtime->awaited &&
           runtime->turn_time < pawl__storage_patience(runtime->storage);
}

bool pawl__commit_prepare(struct pawl_storage_client *client, struct pawl_commit *commit) {
    struct pawl_runtime *runtime = PAWL_CONTAINER(client, struct pawl_runtime, client);
    if (runtime->state == PAWL_RUNTIME_TAKING || runtime->failing) return false;
    if (runtime->shard.batch.failed) {
        pawl__runtime_fail(runtime, &(struct pawl_error){PAWL_E_NOMEM, "out of memory"});
        return false;
    }
    client->light = runtime->shard.batch_records <= 2 && !runtime->checkpoint.running;
    size_t records = runtime->shard.batch_records;
    pawl__buf_clear(&runtime->batch_bytes);
    runtime->wrote_batch =
        pawl__shard_take_batch(&runtime->shard, &runtime->batch_bytes, &runtime->batch.position);
    if (runtime->wrote_batch) {
        runtime->last_records = records;
        runtime->awaited = false;
        runtime->batch.records = pawl__buf_str(&runtime->batch_bytes);
        runtime->checkpoint.log_bytes += runtime->batch_bytes.len;
        commit_move_held(runtime);
        pawl__notes_move(&runtime->writing.notes, &runtime->shard.notes);
        if (!commit_add_deletes(runtime, commit)) {
            pawl__runtime_fail(runtime, &(struct pawl_error){PAWL_E_NOMEM, "out of memory"});
            return false;
        }
        commit->batch = &runtime->batch;
    }
    bool snapshots = pawl__checkpoint_prepare(runtime, commit);
    if (!runtime->wrote_batch && !snapshots) return false;
    commit->lease = &runtime->lease;
    return true;
}

void pawl__commit_done(struct pawl_storage_client *client, const struct pawl_error *error) {
    struct pawl_runtime *runtime = PAWL_CONTAINER(client, struct pawl_runtime, client);
    free(runtime->deletes);
    runtime->deletes = NULL;
    if (runtime->state == PAWL_RUNTIME_TAKING || runtime->failing) return;
    if (error->code) {
        pawl__runtime_fail(runtime, error);
        return;
    }
    if (runtime->wrote_batch) {
        runtime->durable = runtime->batch.position;
        runtime->fail_delay = 0;
        pawl__shadow_check(runtime);
        pawl__notes_settle(&runtime->writing.notes, true);
        while (runtime->writing.purged.len) {
            struct pawl_instance *instance = pawl__queue_pop(&runtime->writing.purged).instance;
            if (!instance->exists && instance->linked) pawl__calls_add_ghost(runtime, instance);
            pawl__instance_unref(instance);
        }
        if (!pawl__queue_move(&runtime->activities, &runtime->writing.activities)) {
            pawl__runtime_fail(runtime, &(struct pawl_error){PAWL_E_NOMEM, "out of memory"});
            return;
        }
        pawl__calls_finish(&runtime->writing.calls, NULL);
    }
    pawl__calls_sweep_ghosts(runtime); // first: what a ghost's note holds does not leave memory
    pawl__checkpoint_done(runtime);
    pawl__runtime_settle(runtime);
}
