#include <stdlib.h>

#include "runtime/internal.h"

// Taking a shard: lease it, load what has work, note who sleeps, and replay the log. All of it runs
// on the storage's threads; nothing else touches the shard meanwhile.

struct recover_ids {
    char **ids;
    size_t count, cap;
};

static enum pawl_err recover_load(void *arg, struct pawl_str id, struct pawl_error *error) {
    struct pawl_runtime *runtime = arg;
    struct pawl_store *store = runtime->storage->store;
    struct pawl_arena arena = {0};
    struct pawl_snapshot snapshot;
    struct pawl_instance *instance;
    pawl__sleep_remove(runtime, id);
    enum pawl_err err = store->ops->load(store, runtime->lease.shard, id, &arena, &snapshot, error);
    if (err == PAWL_E_NOT_FOUND) {
        err = pawl__shard_ghost(&runtime->shard, id, &instance);
        if (err) pawl__fail_plain(error, err);
    } else if (!err) {
        err = pawl__shard_restore(&runtime->shard, &snapshot, &instance, error);
    }
    pawl__arena_finish(&arena);
    return err;
}

static enum pawl_err recover_note(void *arg, const struct pawl_snapshot *row,
                                  struct pawl_error *error) {
    struct pawl_runtime *runtime = ((void **)arg)[0];
    struct recover_ids *active = ((void **)arg)[1];
    if (!row->active) {
        if (row->wake_at == INT64_MAX || pawl__sleep_add(runtime, row->id, row->wake_at))
            return PAWL_OK;
        return pawl__fail_plain(error, PAWL_E_NOMEM);
    }
    if (active->count == active->cap) {
        size_t cap = active->cap ? active->cap * 2 : 64;
        char **ids = realloc(active->ids, cap * sizeof *ids);
        if (!ids) return pawl__fail_plain(error, PAWL_E_NOMEM);
        active->ids = ids;
        active->cap = cap;
    }
    char *id = pawl__str_dup(row->id);
    if (!id) return pawl__fail_plain(error, PAWL_E_NOMEM);
    active->ids[active->count++] = id;
    return PAWL_OK;
}

static enum pawl_err recover_batch(void *arg, const struct pawl_batch *batch,
                                   struct pawl_error *error) {
    struct pawl_runtime *runtime = arg;
    return pawl__shard_replay(&runtime->shard, batch, recover_load, runtime, error);
}

static void recover_read(struct pawl_job *job) {
    struct pawl_runtime *runtime = PAWL_CONTAINER(job, struct pawl_runtime, job);
    struct pawl_store *store = runtime->storage->store;
    struct pawl_error *error = &runtime->job_error;
    struct recover_ids active = {0};
    uint64_t shard = runtime->lease.shard;
    pawl__error_clear(error);
    enum pawl_err err = PAWL_OK;
    if (!pawl__shard_init(&runtime->shard, pawl__str(runtime->app_id), runtime->lease.position))
        err = pawl__fail_plain(error, PAWL_E_NOMEM);
    if (!err)
        err =
            store->ops->scan_live(store, shard, recover_note, (void *[]){runtime, &active}, error);
    for (size_t i = 0; !err && i < active.count; i++)
        err = recover_load(runtime, pawl__str(active.ids[i]), error);
    if (!err) err = store->ops->read_log(store, shard, 0, recover_batch, runtime, error);
    if (!err) err = pawl__shard_replayed(&runtime->shard, error);
    error->code = err;
    for (size_t i = 0; i < active.count; i++) free(active.ids[i]);
    free(active.ids);
}

static void recover_done(struct pawl_job *job) {
    struct pawl_runtime *runtime = PAWL_CONTAINER(job, struct pawl_runtime, job);
    pawl__runtime_taken(runtime, &runtime->job_error);
}

void pawl__recover_release(struct pawl_runtime *runtime) {
    struct pawl_store *store = runtime->storage->store;
    struct pawl_error ignored; // a lease that cannot be released ends with the process
    if (!runtime->leased) return;
    enum pawl_err err = store->ops->release(store, &runtime->lease, &ignored);
    runtime->leased = err && err != PAWL_E_FENCED;
}

static void recover_lease(struct pawl_job *job) {
    struct pawl_runtime *runtime = PAWL_CONTAINER(job, struct pawl_runtime, job);
    struct pawl_store *store = runtime->storage->store;
    // To read the shard again is to take it anew, under a new epoch: what a commit that failed may
    // still do is then over. A store does not lease what is held, not even to its holder.
    pawl__recover_release(runtime);
    pawl__error_clear(&runtime->job_error);
    runtime->job_error.code =
        store->ops->lease(store, pawl__str(runtime->shard_name), 0, pawl__str(runtime->owner),
                          &runtime->lease, &runtime->job_error);
    runtime->leased = runtime->leased || !runtime->job_error.code;
}

static void recover_leased(struct pawl_job *job) {
    struct pawl_runtime *runtime = PAWL_CONTAINER(job, struct pawl_runtime, job);
    runtime->storage->leasing = false;
    if (runtime->job_error.code) {
        pawl__runtime_taken(runtime, &runtime->job_error);
        return;
    }
    runtime->job = (struct pawl_job){.run = recover_read, .done = recover_done};
    pawl__thread_submit(&runtime->storage->reader, &runtime->job);
}

void pawl__recover_begin(struct pawl_runtime *runtime) {
    runtime->storage->leasing = true;
    runtime->job = (struct pawl_job){.run = recover_lease, .done = recover_leased};
    pawl__thread_submit(&runtime->storage->writer, &runtime->job);
}
