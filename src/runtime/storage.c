#include "runtime/storage.h"

#include "base/clock.h"

static const char *const storage_scope = "dapr.runtime.store";

enum {
    STORAGE_QUICK = 1000000,        // nanoseconds; see storage_is_light
    STORAGE_PATIENCE = 4,           // commits; see pawl__storage_patience
    STORAGE_PATIENCE_MOST = 2000000 // nanoseconds
};

// --- group commit -------------------------------------------------------------------------------

static void storage_run(struct pawl_job *job) {
    struct pawl_storage *storage = PAWL_CONTAINER(job, struct pawl_storage, job);
    pawl__error_clear(&storage->result);
    int64_t began = pawl__clock_steady();
    storage->store->ops->commit(storage->store, &storage->commit, &storage->result);
    storage->commit_time += (pawl__clock_steady() - began - storage->commit_time) / 8;
}

static void storage_finish_close(struct pawl_storage *storage);

// Whether a commit with user state in it failed by what the client wrote, such as a lease that
// another has: nothing was done then, and the state is written without it.
static bool storage_is_clients(const struct pawl_storage *storage) {
    enum pawl_err code = storage->result.code;
    bool done_maybe = code == PAWL_E_IO || code == PAWL_E_UNAVAILABLE; // see store.h
    return code && !done_maybe && storage->client_writes && storage->commit.state;
}

static void storage_done(struct pawl_job *job) {
    struct pawl_storage *storage = PAWL_CONTAINER(job, struct pawl_storage, job);
    bool alone = storage->alone;
    storage->busy = storage->alone = false;
    if (storage->result.code == PAWL_OK) storage->commits++;
    if (storage_is_clients(storage)) {
        pawl__list_move(&storage->writing, &storage->gathering);
        pawl__list_move(&storage->gathering, &storage->writing);
        storage->alone = true;
    }
    for (struct pawl_link *link; (link = pawl__list_take(&storage->writing));) {
        struct pawl_state_write *write = PAWL_CONTAINER(link, struct pawl_state_write, link);
        if (storage->result.code) write->tx.result = storage->result;
        write->done(write);
    }
    if (storage->client_writes) {
        storage->client_writes = false;
        storage->client->done(storage->client, &storage->result);
    }
    if (alone || storage->alone) pawl__storage_want(storage);
    if (storage->closing && !storage->wanted) storage_finish_close(storage);
}

// Whether the loop may run the commit itself.
static bool storage_is_light(const struct pawl_storage *storage) {
    const struct pawl_commit *commit = &storage->commit;
    bool little = storage->client_writes ? storage->client->light && !commit->state
                                         : commit->state && !commit->state->next;
    // Only one thread at a time may commit, tend, lease or release.
    bool free_writer = !storage->tending && !storage->leasing;
    return little && free_writer && storage->commit_time < STORAGE_QUICK;
}

static void storage_commit(struct pawl_storage *storage) {
    storage->wanted = false;
    storage->commit = (struct pawl_commit){0};
    pawl__list_move(&storage->writing, &storage->gathering);
    struct pawl_state_tx **last = &storage->commit.state;
    for (struct pawl_link *link = storage->writing.next; link != &storage->writing;
         link = link->next) {
        struct pawl_state_write *write = PAWL_CONTAINER(link, struct pawl_state_write, link);
        write->tx.next = NULL;
        pawl__error_clear(&write->tx.result);
        *last = &write->tx;
        last = &write->tx.next;
    }
    if (storage->client && !storage->alone) {
        storage->client_writes = storage->client->prepare(storage->client, &storage->commit);
    }
    if (!storage->commit.state && !storage->client_writes) {
        if (storage->closing) storage_finish_close(storage);
        return;
    }
    storage->busy = true;
    if (storage_is_light(storage)) {
        storage_run(&storage->job);
        storage_done(&storage->job);
    } else {
        pawl__thread_submit(&storage->writer, &storage->job);
    }
}

int64_t pawl__storage_waited(const struct pawl_storage *storage) {
    return pawl__clock_steady() - storage->wanted_at;
}

int64_t pawl__storage_patience(const struct pawl_storage *storage) {
    int64_t time = STORAGE_PATIENCE * storage->commit_time;
    return time < STORAGE_PATIENCE_MOST ? time : STORAGE_PATIENCE_MOST;
}

// Whether the commit waits for what the client expects.
static bool storage_gathers(const struct pawl_storage *storage) {
    bool others = storage->closing || !pawl__list_empty(&storage->gathering);
    return storage->client && !others && storage->client->expects(storage->client) &&
           pawl__storage_waited(storage) < pawl__storage_patience(storage);
}

static void storage_on_patience(uv_timer_t *timer) {
    (void)timer; // it wakes the loop, which then comes to |check|
}

static void storage_on_check(uv_check_t *check) {
    struct pawl_storage *storage = check->data;
    if (!storage->wanted || storage->busy) return;
    uv_idle_stop(&storage->spin);
    if (storage_gathers(storage)) {
        uv_timer_start(&storage->patience, storage_on_patience, 1, 0);
        return;
    }
    storage_commit(storage);
}

static void storage_on_spin(uv_idle_t *spin) {
    (void)spin; // its being active makes the loop poll without sleeping
}

void pawl__storage_want(struct pawl_storage *storage) {
    if (!storage->wanted) storage->wanted_at = pawl__clock_steady();
    storage->wanted = true;
    if (!storage->busy) uv_idle_start(&storage->spin, storage_on_spin);
}

void pawl__storage_write(struct pawl_storage *storage, struct pawl_state_write *write) {
    pawl__link_init(&write->link);
    pawl__list_add(&storage->gathering, &write->link);
    pawl__storage_want(storage);
}

// --- housekeeping -------------------------------------------------------------------------------

enum {
    STORAGE_TEND_MS = 200,
    STORAGE_IDLE_TICKS = 5
};

static void storage_run_tend(struct pawl_job *job) {
    struct pawl_storage *storage = PAWL_CONTAINER(job, struct pawl_storage, tend_job);
    struct pawl_error *error = &storage->tend_error;
    pawl__error_clear(error);
    error->code = storage->store->ops->tend(storage->store, error);
}

// Warns once for as long as it goes wrong: the store goes on, and tries again.
static void storage_done_tend(struct pawl_job *job) {
    struct pawl_storage *storage = PAWL_CONTAINER(job, struct pawl_storage, tend_job);
    const struct pawl_error *error = &storage->tend_error;
    storage->tending = false;
    if (error->code && !storage->told_tend)
        pawl__log(storage->log, PAWL_LOG_WARN, storage_scope,
                  "the store's housekeeping failed, will try again: %s", error->text);
    storage->told_tend = error->code;
}

// A busy store is tended at each tick, an idle one once a second: expired keys go then, too.
static void storage_on_tend(uv_timer_t *timer) {
    struct pawl_storage *storage = timer->data;
    bool idle = storage->tended == storage->commits;
    if (storage->tending || storage->closing) return;
    if (idle && ++storage->tend_ticks < STORAGE_IDLE_TICKS) return;
    storage->tend_ticks = 0;
    storage->tended = storage->commits;
    storage->tending = true;
    pawl__thread_submit(&storage->writer, &storage->tend_job);
}

// --- reads --------------------------------------------------------------------------------------

static void storage_run_read(struct pawl_job *job) {
    struct pawl_state_read *read = PAWL_CONTAINER(job, struct pawl_state_read, job);
    struct pawl_store *store = read->storage->store;
    pawl__error_clear(&read->result);
    for (size_t i = 0; i < read->count && !read->result.code; i++)
        read->result.code = store->ops->get_state(store, read->keys[i], read->arena,
                                                  &read->values[i], &read->result);
}

static void storage_done_read(struct pawl_job *job) {
    struct pawl_state_read *read = PAWL_CONTAINER(job, struct pawl_state_read, job);
    read->done(read);
}

void pawl__storage_read(struct pawl_storage *storage, struct pawl_state_read *read) {
    read->storage = storage;
    read->job = (struct pawl_job){.run = storage_run_read, .done = storage_done_read};
    pawl__thread_submit(&storage->reader, &read->job);
}

// --- life ---------------------------------------------------------------------------------------

enum pawl_err pawl__storage_init(struct pawl_storage *storage, uv_loop_t *loop,
                                 struct pawl_store *store, const struct pawl_log *log,
                                 struct pawl_error *error) {
    *storage = (struct pawl_storage){.store = store, .loop = loop, .log = log};
    pawl__link_init(&storage->gathering);
    pawl__link_init(&storage->writing);
    storage->job = (struct pawl_job){.run = storage_run, .done = storage_done};
    storage->tend_job = (struct pawl_job){.run = storage_run_tend, .done = storage_done_tend};
    uv_timer_init(loop, &storage->tend_timer);
    storage->tend_timer.data = storage;
    uv_timer_start(&storage->tend_timer, storage_on_tend, STORAGE_TEND_MS, STORAGE_TEND_MS);
    uv_unref((uv_handle_t *)&storage->tend_timer);
    uv_timer_init(loop, &storage->patience);
    uv_check_init(loop, &storage->check);
    uv_idle_init(loop, &storage->spin);
    storage->patience.data = storage->check.data = storage->spin.data = storage;
    uv_check_start(&storage->check, storage_on_check);
    uv_unref((uv_handle_t *)&storage->check);
    int rc = pawl__thread_start(&storage->writer, loop);
    if (!rc) rc = pawl__thread_start(&storage->reader, loop);
    if (!rc) return PAWL_OK;
    return pawl__fail(error, PAWL_E_NOMEM, "cannot start a thread for the store: %s",
                      uv_strerror(rc));
}

static void storage_handle_closed(void *arg) {
    struct pawl_storage *storage = arg;
    if (--storage->handles) return;
    storage->store->ops->close(storage->store);
    storage->store = NULL;
    storage->closed(storage->arg);
}

static void storage_on_handle_close(uv_handle_t *handle) {
    storage_handle_closed(handle->data);
}

static void storage_finish_close(struct pawl_storage *storage) {
    struct pawl_thread *threads[] = {&storage->writer, &storage->reader};
    storage->handles = 4;
    for (int i = 0; i < 2; i++) {
        if (!threads[i]->open) continue; // it could not be started
        storage->handles++;
        pawl__thread_stop(threads[i], storage_handle_closed, storage);
    }
    uv_close((uv_handle_t *)&storage->tend_timer, storage_on_handle_close);
    uv_close((uv_handle_t *)&storage->patience, storage_on_handle_close);
    uv_close((uv_handle_t *)&storage->check, storage_on_handle_close);
    uv_close((uv_handle_t *)&storage->spin, storage_on_handle_close);
}

void pawl__storage_close(struct pawl_storage *storage, void (*closed)(void *arg), void *arg) {
    storage->closing = true;
    storage->closed = closed;
    storage->arg = arg;
    if (!storage->busy && !storage->wanted) storage_finish_close(storage);
}
