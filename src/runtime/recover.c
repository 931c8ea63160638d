#include "runtime/recover.h"

#include <stdlib.h>

#include "base/array.h"
#include "base/clock.h"
#include "store/many.h"

struct recover_ids {
    struct pawl_arena arena; // of their bytes
    struct pawl_str *ids;
    size_t count, cap;
};

static enum pawl_err recover_restore(void *arg, size_t index, const struct pawl_snapshot *row,
                                     struct pawl_error *error) {
    struct pawl_residency *residency = arg;
    struct pawl_instance *instance;
    return pawl__shard_restore(&residency->shard, row, &instance, error);
}

// Puts instances in memory; those that are not stored are ghosts.
static enum pawl_err recover_load(void *arg, const struct pawl_str *ids, size_t count,
                                  struct pawl_error *error) {
    struct pawl_residency *residency = arg;
    struct pawl_instance *instance;
    struct pawl_place *places = calloc(count + 1, sizeof *places);
    if (!places) return pawl__fail_plain(error, PAWL_E_NOMEM);
    for (size_t i = 0; i < count; i++)
        places[i] = (struct pawl_place){residency->lease.shard, ids[i]};
    enum pawl_err err = pawl__store_load_many(residency->storage->store, places, count,
                                              recover_restore, residency, error);
    free(places);
    for (size_t i = 0; !err && i < count; i++) {
        pawl__sleepers_remove(&residency->sleepers, ids[i]);
        if (pawl__shard_find(&residency->shard, ids[i])) continue;
        err = pawl__shard_ghost(&residency->shard, ids[i], &instance);
        if (err) pawl__fail_plain(error, err);
    }
    return err;
}

static enum pawl_err recover_note(void *arg, const struct pawl_snapshot *row,
                                  struct pawl_error *error) {
    struct pawl_residency *residency = ((void **)arg)[0];
    struct recover_ids *active = ((void **)arg)[1];
    if (!row->active) {
        if (row->wake_at == INT64_MAX ||
            pawl__sleepers_add(&residency->sleepers, row->id, row->wake_at))
            return PAWL_OK;
        return pawl__fail_plain(error, PAWL_E_NOMEM);
    }
    if (!pawl__array_room((void **)&active->ids, active->count, &active->cap, sizeof *active->ids))
        return pawl__fail_plain(error, PAWL_E_NOMEM);
    char *id = pawl__arena_dup(&active->arena, row->id);
    if (!id) return pawl__fail_plain(error, PAWL_E_NOMEM);
    active->ids[active->count++] = (struct pawl_str){id, row->id.len};
    return PAWL_OK;
}

static enum pawl_err recover_batch(void *arg, const struct pawl_batch *batch,
                                   struct pawl_error *error) {
    struct pawl_residency *residency = arg;
    return pawl__shard_replay(&residency->shard, batch, recover_load, residency, error);
}

static enum pawl_err recover_received(void *arg, const struct pawl_mail *row,
                                      struct pawl_error *error) {
    struct pawl_residency *residency = arg;
    return pawl__received_load(&residency->shard.received, row->key, row->bytes, error);
}

// What tells the letters of this lease from those of any other.
static struct pawl_origin recover_origin(const struct pawl_residency *residency) {
    struct pawl_origin origin = {.number = residency->number, .epoch = residency->lease.epoch};
    pawl__random(&origin.nonce, sizeof origin.nonce);
    return origin;
}

static void recover_read(struct pawl_job *job) {
    struct pawl_recover *recover = PAWL_CONTAINER(job, struct pawl_recover, job);
    struct pawl_residency *residency = recover->residency;
    struct pawl_store *store = residency->storage->store;
    struct pawl_error *error = &recover->error;
    struct recover_ids active = {0};
    uint64_t shard = residency->lease.shard;
    pawl__error_clear(error);
    enum pawl_err err = PAWL_OK;
    if (!pawl__shard_init(&residency->shard, pawl__str(residency->options->app_id),
                          residency->lease.position))
        err = pawl__fail_plain(error, PAWL_E_NOMEM);
    residency->shard.number = residency->number;
    residency->shard.count = residency->count;
    residency->shard.namespace = residency->options->namespace;
    residency->shard.origin = recover_origin(residency);
    residency->shard.reaches_apps = residency->options->finder;
    residency->shard.gives_far = residency->options->finder && residency->options->address;
    residency->shard.observer = residency->options->observer;
    residency->shard.listener = residency->options->listener;
    if (!err)
        err = store->ops->scan_live(store, shard, recover_note, (void *[]){residency, &active},
                                    error);
    if (!err) err = recover_load(residency, active.ids, active.count, error);
    if (!err) err = store->ops->read_log(store, shard, 0, recover_batch, residency, error);
    if (!err)
        err = store->ops->read_mail(store, residency->received, residency->number, PAWL_STR(""), 0,
                                    recover_received, residency, error);
    if (!err) err = pawl__shard_replayed(&residency->shard, error);
    error->code = err;
    pawl__arena_finish(&active.arena);
    free(active.ids);
}

static void recover_done(struct pawl_job *job) {
    struct pawl_recover *recover = PAWL_CONTAINER(job, struct pawl_recover, job);
    recover->done(recover, &recover->error);
}

static void recover_give_back(struct pawl_recover *recover) {
    struct pawl_store *store = recover->residency->storage->store;
    struct pawl_error ignored;
    if (!recover->leased) return;
    enum pawl_err err = store->ops->release(store, &recover->residency->lease, &ignored);
    recover->leased = err && err != PAWL_E_FENCED;
}

int64_t pawl__recover_ttl(const struct pawl_recover *recover) {
    return recover->residency->storage->store->caps.expires ? recover->residency->options->lease
                                                            : 0;
}

static void recover_lease(struct pawl_job *job) {
    struct pawl_recover *recover = PAWL_CONTAINER(job, struct pawl_recover, job);
    struct pawl_store *store = recover->residency->storage->store;
    // To read the shard again is to take it anew, under a new epoch: what a commit that failed may
    // still do is then over. A store does not lease what is held, not even to its holder.
    recover_give_back(recover);
    pawl__error_clear(&recover->error);
    int64_t ttl = pawl__recover_ttl(recover), now = pawl__clock_steady();
    recover->residency->leased_until = ttl ? now + ttl : INT64_MAX;
    recover->error.code =
        store->ops->lease(store, recover->residency->app, recover->residency->number,
                          recover->owner, ttl, &recover->residency->lease, &recover->error);
    recover->leased = recover->leased || !recover->error.code;
}

static void recover_leased(struct pawl_job *job) {
    struct pawl_recover *recover = PAWL_CONTAINER(job, struct pawl_recover, job);
    struct pawl_storage *storage = recover->residency->storage;
    storage->leasing--;
    if (recover->error.code) {
        recover_done(job);
        return;
    }
    recover->job = (struct pawl_job){.run = recover_read, .done = recover_done};
    pawl__storage_ask(storage, &recover->job);
}

void pawl__recover_begin(struct pawl_recover *recover,
                         void (*done)(struct pawl_recover *recover,
                                      const struct pawl_error *error)) {
    struct pawl_storage *storage = recover->residency->storage;
    storage->leasing++;
    recover->done = done;
    recover->job = (struct pawl_job){.run = recover_lease, .done = recover_leased};
    pawl__jobs_submit(&storage->writer, &recover->job);
}

static void recover_run_release(struct pawl_job *job) {
    struct pawl_recover *recover = PAWL_CONTAINER(job, struct pawl_recover, job);
    pawl__error_clear(&recover->error);
    recover_give_back(recover);
}

static void recover_released(struct pawl_job *job) {
    struct pawl_recover *recover = PAWL_CONTAINER(job, struct pawl_recover, job);
    recover->residency->storage->leasing--;
    recover->done(recover, &recover->error);
}

void pawl__recover_release(struct pawl_recover *recover,
                           void (*done)(struct pawl_recover *recover,
                                        const struct pawl_error *error)) {
    struct pawl_storage *storage = recover->residency->storage;
    storage->leasing++;
    recover->done = done;
    recover->job = (struct pawl_job){.run = recover_run_release, .done = recover_released};
    pawl__jobs_submit(&storage->writer, &recover->job);
}
