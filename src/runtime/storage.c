#include "runtime/storage.h"

#include "base/clock.h"

static const char *const storage_scope = "dapr.runtime.store";

enum {
    STORAGE_QUICK = 1000000,         // nanoseconds; see storage_is_light
    STORAGE_PATIENCE = 4,            // commits; see pawl__storage_patience
    STORAGE_PATIENCE_MOST = 2000000, // nanoseconds
    STORAGE_SHARED = 2,              // commits; see pawl__storage_shared_patience
    STORAGE_RETRY_MS = 10,
    STORAGE_RETRY_MOST_MS = 1000
};

#define STORAGE_GIVE_UP PAWL_STORAGE_ILL

// --- group commit -------------------------------------------------------------------------------

static void storage_run(struct pawl_job *job) {
    struct pawl_storage *storage = PAWL_CONTAINER(job, struct pawl_storage, job);
    if (storage->shared) {
        pawl__shared_commit(storage->shared, &storage->offer);
        storage->outcome = storage->offer.outcome;
        storage->took = storage->offer.took;
        return;
    }
    pawl__error_clear(&storage->result);
    int64_t began = pawl__clock_steady();
    storage->outcome =
        storage->store->ops->commit(storage->store, &storage->commit, &storage->result);
    storage->took = pawl__clock_steady() - began;
}

// On the loop, which reads it at any time.
static void storage_measure(struct pawl_storage *storage) {
    int64_t time = storage->took;
    storage->commit_time =
        storage->measured ? storage->commit_time + (time - storage->commit_time) / 8 : time;
    storage->measured = true;
}

static void storage_end(struct pawl_storage *storage);

static void storage_answer(struct pawl_state_write *write, const struct pawl_error *error) {
    if (error) write->tx.result = *error;
    write->done(write);
}

// Takes those out of |list| who have waited for too long.
static void storage_take_late(struct pawl_link *list, struct pawl_link *late) {
    int64_t oldest = pawl__clock_steady() - STORAGE_GIVE_UP;
    PAWL_LIST_EACH_SAFE(struct pawl_state_write, write, list, link) {
        if (write->since >= oldest) continue;
        pawl__list_remove(&write->link);
        pawl__list_add(late, &write->link);
    }
}

// Makes the list of what the commit has to do for users. While nothing can be written, those who
// have waited for too long are told why, also those who wait for the next one.
static void storage_list_state(struct pawl_storage *storage) {
    struct pawl_state_tx **last = &storage->commit.state;
    struct pawl_link late;
    pawl__link_init(&late);
    if (storage->failing_since) {
        storage_take_late(&storage->writing, &late);
        storage_take_late(&storage->gathering, &late);
    }
    PAWL_LIST_EACH(struct pawl_state_write, write, &storage->writing, link) {
        pawl__error_clear(&write->tx.result);
        *last = &write->tx;
        last = &write->tx.next;
    }
    *last = NULL;
    for (struct pawl_state_write *write;
         (write = PAWL_LIST_TAKE(struct pawl_state_write, &late, link));)
        storage_answer(write, &storage->result);
}

static void storage_submit(struct pawl_storage *storage) {
    storage->commit.at_once = false;
    if (storage->shared) {
        pawl__error_clear(&storage->result);
        storage->offer.records = storage->group;
        pawl__shared_offer(storage->shared, &storage->offer);
    }
    pawl__jobs_submit(&storage->writer, &storage->job);
}

// |error| NULL: it is over.
static void storage_tell_stalled(struct pawl_storage *storage, const struct pawl_error *error) {
    storage->told_stalled = error;
    PAWL_LIST_EACH(struct pawl_storage_client, client, &storage->clients, link)
        if (client->stalled) client->stalled(client, storage->failing_since, error);
}

static void storage_on_again(uv_timer_t *timer) {
    struct pawl_storage *storage = timer->data;
    if (pawl__clock_steady() - storage->failing_since >= STORAGE_GIVE_UP)
        storage_tell_stalled(storage, &storage->result);
    storage_list_state(storage);
    if (storage->commit.parts || storage->commit.state)
        storage_submit(storage);
    else
        storage_end(storage); // nobody waits for it any more
}

// Nothing was done. True: it is given again.
static bool storage_retry(struct pawl_storage *storage) {
    int64_t now = pawl__clock_steady();
    bool hurry = storage->hurry || storage->closing;
    if (storage->commit.at_once) {
        storage_submit(storage); // where it may wait for whom it would have had to wait
        return true;
    }
    storage->failure = storage->result;
    if (!storage->failing_since) {
        storage->failing_since = now;
        storage->retry_delay = STORAGE_RETRY_MS;
        pawl__log(storage->log, PAWL_LOG_WARN, storage_scope,
                  "the store cannot write now, will try again: %s", storage->result.text);
    } else if (hurry && now - storage->failing_since > STORAGE_GIVE_UP) {
        return false;
    }
    uv_timer_start(&storage->again, storage_on_again, (uint64_t)storage->retry_delay, 0);
    storage->retry_delay *= 2;
    if (storage->retry_delay > STORAGE_RETRY_MOST_MS) storage->retry_delay = STORAGE_RETRY_MOST_MS;
    return true;
}

static void storage_tell(struct pawl_storage *storage) {
    bool done = storage->outcome == PAWL_COMMIT_DONE;
    for (struct pawl_state_write *write;
         (write = PAWL_LIST_TAKE(struct pawl_state_write, &storage->writing, link));)
        storage_answer(write, done ? NULL : &storage->result);
    PAWL_LIST_EACH(struct pawl_storage_client, client, &storage->clients, link) {
        if (!client->writes) continue;
        client->writes = false;
        if (done && client->part.result.code) storage->meters.refused++;
        client->done(client, storage->outcome, done ? &client->part.result : &storage->result);
    }
}

static void storage_check_closed(struct pawl_storage *storage);

static void storage_count(struct pawl_storage *storage) {
    struct pawl_storage_meters *meters = &storage->meters;
    switch (storage->outcome) {
    case PAWL_COMMIT_DONE:
        pawl__histogram_add(&meters->commits, storage->took);
        pawl__histogram_add(&meters->group, (int64_t)storage->group);
        for (const struct pawl_part *part = storage->commit.parts; part; part = part->next)
            meters->snapshots += part->snapshot_count;
        break;
    case PAWL_COMMIT_NOTHING: meters->nothing += !storage->commit.at_once; break;
    case PAWL_COMMIT_UNKNOWN: meters->unknown++; break;
    }
}

static void storage_done(struct pawl_job *job) {
    struct pawl_storage *storage = PAWL_CONTAINER(job, struct pawl_storage, job);
    storage_count(storage);
    if (storage->outcome == PAWL_COMMIT_NOTHING && storage_retry(storage)) return;
    if (storage->outcome == PAWL_COMMIT_DONE) {
        storage->commits++;
        pawl__tend_note(&storage->tend);
        storage_measure(storage);
        if (storage->failing_since)
            pawl__log(storage->log, PAWL_LOG_INFO, storage_scope, "the store writes again");
    }
    storage_end(storage);
}

static void storage_end(struct pawl_storage *storage) {
    storage->failing_since = 0;
    storage->busy = false;
    storage->ended_at = pawl__clock_steady();
    storage_tell(storage);
    if (storage->told_stalled) storage_tell_stalled(storage, NULL);
    if (storage->wanted && !storage->busy) pawl__storage_want(storage);
    storage_check_closed(storage);
}

// Whether the loop may run the commit itself.
static bool storage_is_light(struct pawl_storage *storage) {
    const struct pawl_commit *commit = &storage->commit;
    bool light = !(commit->parts && commit->state) && !(commit->parts && commit->parts->next) &&
                 !(commit->state && commit->state->next);
    PAWL_LIST_EACH(struct pawl_storage_client, client, &storage->clients, link)
        light = light && (!client->writes || client->light);
    // Only one thread at a time may commit, tend, lease or release.
    bool free_writer = !storage->shared && !storage->tend.running && !storage->leasing;
    return light && free_writer && !storage->store->caps.may_block && storage->measured &&
           storage->commit_time < STORAGE_QUICK;
}

// All but the text of the last result, which is long.
static void storage_clear(struct pawl_part *part) {
    pawl__error_clear(&part->result);
    memset(part, 0, offsetof(struct pawl_part, result));
    part->next = NULL;
}

static void storage_commit(struct pawl_storage *storage) {
    struct pawl_part **last = &storage->commit.parts;
    storage->wanted = false;
    storage->group = 0;
    storage->commit = (struct pawl_commit){0};
    pawl__list_move(&storage->writing, &storage->gathering);
    storage_list_state(storage);
    PAWL_LIST_EACH(struct pawl_storage_client, client, &storage->clients, link) {
        storage_clear(&client->part);
        client->writes = client->prepare(client, &client->part);
        if (!client->writes) continue;
        storage->group += client->records;
        *last = &client->part;
        last = &client->part.next;
    }
    if (!storage->commit.state && !storage->commit.parts) {
        storage_check_closed(storage);
        return;
    }
    storage->busy = true;
    if (storage_is_light(storage)) {
        storage->commit.at_once = true;
        storage_run(&storage->job);
        storage_done(&storage->job);
    } else {
        storage_submit(storage);
    }
}

int64_t pawl__storage_waited(const struct pawl_storage *storage) {
    return pawl__clock_steady() - storage->wanted_at;
}

int64_t pawl__storage_patience(const struct pawl_storage *storage) {
    int64_t time = STORAGE_PATIENCE * storage->commit_time;
    return time < STORAGE_PATIENCE_MOST ? time : STORAGE_PATIENCE_MOST;
}

int64_t pawl__storage_shared_patience(const struct pawl_storage *storage) {
    int64_t most = pawl__storage_patience(storage);
    int64_t time = storage->commit_time < most ? storage->commit_time : most;
    int64_t free = storage->ended_at - storage->wanted_at;
    int64_t came = storage->came_at - storage->wanted_at;
    if (free < 0) free = 0;
    if (came < free) came = free;
    int64_t last = free + STORAGE_SHARED * time, quiet = came + time / 2;
    return quiet < last ? quiet : last;
}

// How much longer the commit waits for what clients expect, in nanoseconds; at most 0: it does not.
static int64_t storage_gathers(struct pawl_storage *storage) {
    int64_t most = 0;
    if (storage->closing || !pawl__list_empty(&storage->gathering)) return 0;
    size_t gathered = 0;
    PAWL_LIST_EACH(struct pawl_storage_client, client, &storage->clients, link)
        gathered += client->gathered(client);
    if (gathered != storage->gathered) storage->came_at = pawl__clock_steady();
    storage->gathered = gathered;
    PAWL_LIST_EACH(struct pawl_storage_client, client, &storage->clients, link) {
        int64_t time = client->patience(client);
        if (time > most) most = time;
    }
    return most ? most - pawl__storage_waited(storage) : 0;
}

static void storage_on_patience(uv_timer_t *timer) { // it wakes the loop, which comes to |check|
}

static void storage_on_check(uv_check_t *check) {
    struct pawl_storage *storage = check->data;
    uv_idle_stop(&storage->spin);
    if (storage->shared) pawl__shared_yield(storage->shared);
    pawl__loads_send(&storage->loads);
    if (!storage->wanted || storage->busy) return;
    int64_t left = storage_gathers(storage);
    if (left > 0) {
        uint64_t ms = (uint64_t)(left - 1) / 1000000 + 1;
        uv_timer_start(&storage->patience, storage_on_patience, ms, 0);
        return;
    }
    storage_commit(storage);
}

static void storage_on_spin(uv_idle_t *spin) {
    // being active, it makes the loop poll without sleeping
}

void pawl__storage_want(struct pawl_storage *storage) {
    if (!storage->wanted) storage->wanted_at = pawl__clock_steady();
    storage->wanted = true;
    if (!storage->busy) uv_idle_start(&storage->spin, storage_on_spin);
}

bool pawl__storage_load(struct pawl_storage *storage, struct pawl_loads_one *one) {
    uv_idle_start(&storage->spin, storage_on_spin);
    return pawl__loads_add(&storage->loads, one);
}

void pawl__storage_add(struct pawl_storage *storage, struct pawl_storage_client *client) {
    client->writes = false;
    pawl__list_add(&storage->clients, &client->link);
}

void pawl__storage_remove(struct pawl_storage *storage, struct pawl_storage_client *client) {
    pawl__list_remove(&client->link);
}

void pawl__storage_hurry(struct pawl_storage *storage) {
    storage->hurry = true;
}

int64_t pawl__storage_trouble(const struct pawl_storage *storage, const struct pawl_error **error) {
    bool commits_fail = storage->failing_since;
    int64_t since = commits_fail ? storage->failing_since : storage->tend.failing_since;
    if (!since) return 0;
    *error = commits_fail ? &storage->failure : &storage->tend.failed;
    return pawl__clock_steady() - since;
}

void pawl__storage_write(struct pawl_storage *storage, struct pawl_state_write *write) {
    write->since = pawl__clock_steady();
    pawl__list_add(&storage->gathering, &write->link);
    pawl__storage_want(storage);
}

// --- reads --------------------------------------------------------------------------------------

static void storage_run_read(struct pawl_job *job) {
    struct pawl_state_read *read = PAWL_CONTAINER(job, struct pawl_state_read, job);
    struct pawl_storage *storage = read->storage;
    struct pawl_store *store = storage->store;
    int64_t began = pawl__clock_steady();
    pawl__error_clear(&read->result);
    if (pawl__mute_is_for(&storage->mute, read->since)) {
        read->result = storage->mute.why;
        read->took = 0;
        return;
    }
    for (size_t i = 0; i < read->count && !read->result.code; i++)
        read->result.code = store->ops->get_state(store, read->keys[i], read->arena,
                                                  &read->values[i], &read->result);
    int64_t ended = pawl__clock_steady();
    read->took = ended - began;
    pawl__mute_note(&storage->mute, &read->result, ended);
}

static void storage_done_read(struct pawl_job *job) {
    struct pawl_state_read *read = PAWL_CONTAINER(job, struct pawl_state_read, job);
    struct pawl_storage_meters *meters = &read->storage->meters;
    pawl__histogram_add(&meters->reads, read->took);
    meters->failed_reads += read->result.code != PAWL_OK;
    read->done(read);
}

void pawl__storage_read(struct pawl_storage *storage, struct pawl_state_read *read) {
    read->storage = storage;
    read->since = pawl__clock_steady();
    read->job = (struct pawl_job){.run = storage_run_read, .done = storage_done_read};
    pawl__storage_ask(storage, &read->job);
}

// --- life ---------------------------------------------------------------------------------------

static void storage_tended(struct pawl_tend *tend) {
    storage_check_closed(PAWL_CONTAINER(tend, struct pawl_storage, tend));
}

// Starts a thread, or borrows that of |lender|.
static int storage_start(struct pawl_jobs *jobs, uv_loop_t *loop, struct pawl_jobs *lender) {
    return lender ? pawl__jobs_borrow(jobs, loop, lender) : pawl__jobs_start(jobs, loop, 1);
}

static enum pawl_err storage_init(struct pawl_storage *storage, uv_loop_t *loop,
                                  struct pawl_store *store, struct pawl_shared_store *shared,
                                  const struct pawl_log *log, struct pawl_error *error) {
    *storage = (struct pawl_storage){.store = store, .shared = shared, .loop = loop, .log = log};
    storage->offer = (struct pawl_offer){.commit = &storage->commit, .error = &storage->result};
    pawl__link_init(&storage->clients);
    pawl__link_init(&storage->gathering);
    pawl__link_init(&storage->writing);
    storage->job = (struct pawl_job){.run = storage_run, .done = storage_done};
    pawl__loads_init(&storage->loads, store, &storage->reader, &storage->mute);
    pawl__tend_init(&storage->tend, loop, store, &storage->writer, log, storage_tended);
    uv_timer_init(loop, &storage->patience);
    uv_timer_init(loop, &storage->again);
    storage->again.data = storage;
    uv_check_init(loop, &storage->check);
    uv_idle_init(loop, &storage->spin);
    storage->patience.data = storage->check.data = storage->spin.data = storage;
    uv_check_start(&storage->check, storage_on_check);
    uv_unref((uv_handle_t *)&storage->check);
    int rc = storage_start(&storage->writer, loop, shared ? &shared->writer : NULL);
    if (!rc) rc = storage_start(&storage->reader, loop, shared ? &shared->reader : NULL);
    if (!rc) return PAWL_OK;
    return pawl__fail(error, PAWL_E_NOMEM, "cannot start a thread for the store: %s",
                      uv_strerror(rc));
}

enum pawl_err pawl__storage_init(struct pawl_storage *storage, uv_loop_t *loop,
                                 struct pawl_store *store, const struct pawl_log *log,
                                 struct pawl_error *error) {
    return storage_init(storage, loop, store, NULL, log, error);
}

enum pawl_err pawl__storage_init_shared(struct pawl_storage *storage, uv_loop_t *loop,
                                        struct pawl_shared_store *shared,
                                        const struct pawl_log *log, struct pawl_error *error) {
    return storage_init(storage, loop, shared->store, shared, log, error);
}

uint64_t pawl__storage_commits(const struct pawl_storage *storage) {
    return storage->shared ? atomic_load(&storage->shared->commits) : storage->commits;
}

static void storage_handle_closed(void *arg) {
    struct pawl_storage *storage = arg;
    if (--storage->handles) return;
    if (storage->shared)
        pawl__shared_release(storage->shared);
    else
        storage->store->ops->close(storage->store);
    storage->store = NULL;
    storage->closed(storage->arg);
}

static void storage_on_handle_close(uv_handle_t *handle) {
    storage_handle_closed(handle->data);
}

static void storage_finish_close(struct pawl_storage *storage) {
    struct pawl_jobs *threads[] = {&storage->writer, &storage->reader};
    storage->handles = 5;
    for (int i = 0; i < 2; i++) {
        if (!threads[i]->open) continue; // it could not be started
        storage->handles++;
        pawl__jobs_stop(threads[i], storage_handle_closed, storage);
    }
    storage->tend.timer.data = storage;
    uv_close((uv_handle_t *)&storage->tend.timer, storage_on_handle_close);
    uv_close((uv_handle_t *)&storage->patience, storage_on_handle_close);
    uv_close((uv_handle_t *)&storage->again, storage_on_handle_close);
    uv_close((uv_handle_t *)&storage->check, storage_on_handle_close);
    uv_close((uv_handle_t *)&storage->spin, storage_on_handle_close);
}

// Threads are only waited for when they are idle. The last answer may have begun the end already.
static void storage_check_closed(struct pawl_storage *storage) {
    bool idle = !storage->busy && !storage->wanted && !storage->tend.running;
    if (storage->closing && idle && !storage->handles) storage_finish_close(storage);
}

void pawl__storage_close(struct pawl_storage *storage, void (*closed)(void *arg), void *arg) {
    storage->closing = true;
    uv_timer_stop(&storage->tend.timer);
    storage->closed = closed;
    storage->arg = arg;
    storage_check_closed(storage);
}
