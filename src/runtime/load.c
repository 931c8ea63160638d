#include "runtime/load.h"

#include <stdlib.h>

#include "base/clock.h"

enum {
    LOAD_QUICK = 100000 // nanoseconds; see pawl__load_is_light
};

struct load {
    struct pawl_loads_one read; // of the lease's shard, which may change meanwhile
    struct pawl_residency *residency;
    struct pawl_link waiters; // pawl_load_waiter::link
    unsigned incarnation;
    char id_bytes[];
};

static struct load *load_create(struct pawl_residency *residency, struct pawl_str id) {
    struct load *load = calloc(1, sizeof *load + id.len);
    if (!load) return NULL;
    memcpy(load->id_bytes, id.data, id.len);
    load->read.place = (struct pawl_place){residency->lease.shard, {load->id_bytes, id.len}};
    load->residency = residency;
    load->incarnation = residency->incarnation;
    pawl__link_init(&load->waiters);
    return load;
}

static void load_destroy(struct load *load) {
    pawl__arena_finish(&load->read.arena);
    free(load);
}

static enum pawl_err load_put_ghost(struct pawl_residency *residency, struct pawl_str id,
                                    struct pawl_error *error) {
    struct pawl_instance *instance;
    pawl__sleepers_remove(&residency->sleepers, id);
    enum pawl_err err = pawl__shard_ghost(&residency->shard, id, &instance);
    if (err) return pawl__fail_plain(error, err);
    pawl__residency_add_ghost(residency, instance);
    pawl__shadow_add(&residency->shadow, instance);
    return PAWL_OK;
}

// Puts what was loaded in memory, unless a record has put it there meanwhile.
static enum pawl_err load_put(struct pawl_residency *residency, struct load *load,
                              struct pawl_error *error) {
    struct pawl_instance *instance = pawl__shard_find(&residency->shard, load->read.place.id);
    if (instance) {
        pawl__residency_touch(residency, instance);
        pawl__residency_retain(residency, instance);
        return PAWL_OK;
    }
    if (load->read.error.code == PAWL_E_NOT_FOUND)
        return load_put_ghost(residency, load->read.place.id, error);
    if (load->read.error.code) {
        *error = load->read.error;
        return error->code;
    }
    enum pawl_err err =
        pawl__shard_restore(&residency->shard, &load->read.snapshot, &instance, error);
    if (err) return err;
    pawl__shadow_add(&residency->shadow, instance);
    pawl__residency_retain(residency, instance);
    pawl__residency_touch(residency, instance);
    if (pawl__shard_offer(&residency->shard, instance)) return PAWL_OK;
    pawl__fail_plain(error, PAWL_E_NOMEM);
    pawl__residency_fail(residency, error); // it is in memory, and nobody would offer the rest
    return PAWL_E_NOMEM;
}

// What could not be loaded for the clock is tried again in a second.
static void load_retry(struct pawl_residency *residency, struct pawl_str id) {
    int64_t at = pawl__clock_wall() + PAWL_SECOND;
    pawl__sleepers_retry(&residency->sleepers, id, at);
}

// --- which there are ----------------------------------------------------------------------------

static void load_run_page(struct pawl_job *job) {
    struct pawl_known_page *page = PAWL_CONTAINER(job, struct pawl_known_page, job);
    const struct pawl_residency *residency = page->data;
    pawl__known_read(page, residency->storage->store);
}

static void load_done_page(struct pawl_job *job) {
    struct pawl_known_page *page = PAWL_CONTAINER(job, struct pawl_known_page, job);
    struct pawl_residency *residency = page->data;
    residency->jobs_out--;
    bool ours = page->incarnation == residency->incarnation;
    pawl__known_take(ours ? &residency->known : NULL, page);
}

// A load has found nothing: it may be time to read which ids there are.
static void load_missed(struct pawl_residency *residency) {
    if (!residency->storage->store->ops->ids) return;
    struct pawl_known_page *page =
        pawl__known_missed(&residency->known, residency->options->id_page, residency->in_commit);
    if (!page) return;
    page->job = (struct pawl_job){.run = load_run_page, .done = load_done_page};
    page->data = residency;
    page->shard = residency->lease.shard;
    page->incarnation = residency->incarnation;
    residency->jobs_out++;
    pawl__storage_ask(residency->storage, &page->job);
}

// --- loads --------------------------------------------------------------------------------------

static enum pawl_err load_install(struct load *load, struct pawl_error *error) {
    struct pawl_residency *residency = load->residency;
    struct pawl_storage_meters *meters = &residency->storage->meters;
    const struct pawl_loads_one *read = &load->read;
    pawl__histogram_add(&meters->loads, read->took);
    meters->failed_loads += read->error.code && read->error.code != PAWL_E_NOT_FOUND;
    residency->load_time += (read->share - residency->load_time) / 8;
    if (read->error.code == PAWL_E_NOT_FOUND) load_missed(residency);
    enum pawl_err err = load_put(residency, load, error);
    if (err) {
        pawl__log(residency->log, PAWL_LOG_ERROR, "dapr.runtime.wfengine", "%s", error->text);
        load_retry(residency, read->place.id);
    }
    return err;
}

static void load_tell(struct pawl_link *waiters, const struct pawl_error *error) {
    for (struct pawl_load_waiter *waiter;
         (waiter = PAWL_LIST_TAKE(struct pawl_load_waiter, waiters, link));) {
        waiter->loaded(waiter, error);
    }
}

static void load_done(struct pawl_loads_one *read) {
    struct load *load = PAWL_CONTAINER(read, struct load, read);
    struct pawl_residency *residency = load->residency;
    residency->jobs_out--;
    if (load->incarnation == residency->incarnation) {
        struct pawl_error error = {PAWL_E_OK, ""};
        pawl__map_remove(&residency->loads, read->place.id);
        enum pawl_err err = load_install(load, &error);
        load_tell(&load->waiters, err ? &error : NULL);
        residency->host->settle(residency);
    }
    load_destroy(load);
}

// NULL: memory is out.
static struct load *load_start(struct pawl_residency *residency, struct pawl_str id) {
    struct load *load = load_create(residency, id);
    if (!load || !pawl__map_put(&residency->loads, load->read.place.id, load)) {
        free(load);
        return NULL;
    }
    load->read.done = load_done;
    if (!pawl__storage_load(residency->storage, &load->read)) {
        pawl__map_remove(&residency->loads, load->read.place.id);
        free(load);
        return NULL;
    }
    residency->jobs_out++;
    return load;
}

void pawl__load_begin(struct pawl_residency *residency, struct pawl_str id,
                      struct pawl_load_waiter *waiter) {
    struct load *load = pawl__map_get(&residency->loads, id);
    if (!load) load = load_start(residency, id);
    if (load && waiter) pawl__list_add(&load->waiters, &waiter->link);
    if (load) return;
    struct pawl_error error;
    pawl__fail_plain(&error, PAWL_E_NOMEM);
    load_retry(residency, id);
    if (waiter) waiter->loaded(waiter, &error);
}

bool pawl__load_is_light(const struct pawl_residency *residency, struct pawl_str id) {
    const struct pawl_storage *storage = residency->storage;
    if (pawl__known_lacks(&residency->known, id)) return true;
    return !storage->reader.out && !storage->shared && !storage->store->caps.may_block &&
           residency->load_time < LOAD_QUICK;
}

enum pawl_err pawl__load_now(struct pawl_residency *residency, struct pawl_str id,
                             struct pawl_error *error) {
    if (pawl__known_lacks(&residency->known, id)) return load_put_ghost(residency, id, error);
    struct load *load = load_create(residency, id);
    if (!load) return pawl__fail_plain(error, PAWL_E_NOMEM);
    pawl__loads_now(residency->storage->store, &load->read);
    enum pawl_err err = load_install(load, error);
    load_destroy(load);
    return err;
}

enum pawl_err pawl__load_none(struct pawl_residency *residency, struct pawl_str id,
                              struct pawl_error *error) {
    return pawl__shard_find(&residency->shard, id) ? PAWL_OK : load_put_ghost(residency, id, error);
}

void pawl__load_drop(struct pawl_residency *residency, const struct pawl_error *error) {
    struct pawl_link waiters;
    pawl__link_init(&waiters);
    size_t at = 0;
    for (struct load *load; (load = pawl__map_next(&residency->loads, &at));)
        pawl__list_move(&waiters, &load->waiters);
    pawl__map_finish(&residency->loads); // each load frees itself when it is done
    load_tell(&waiters, error);
}
