#include <stdlib.h>

#include "runtime/siblings.h"
#include "sdk/transport.h"
#include "store/memory/memory.h"
#include "store/sqlite/sqlite.h"
#include "wire/pack.h"

// The engine in this process: store, storage and node on a loop. On several loops each has a
// storage and a node of its own, before one store (runtime/siblings.h).

// Items are handed out a few at a time. An instance takes some 30 KB on the way from an activity's
// item to its next one, and with a few of them that stays in a core's cache; and the results of the
// first few are being committed while the next are at work.
enum {
    EMBEDDED_WINDOW = 32
};

struct embedded {
    struct pawl_transport transport;
    struct pawl_transport_owner owner;
    struct pawl_storage storage;
    struct pawl_sibling *sibling; // NULL: this is the only loop
    struct pawl_node *node;
    struct pawl_worker worker;
    uv_timer_t again; // takes work again after the node has lost its state
    bool working, attached;
    unsigned handed; // items, since the worker could take more
    char *app_id;
    int handles;
    void (*closed)(void *arg);
    void *closed_arg;
};

static struct embedded *embedded_of(struct pawl_transport *transport) {
    return PAWL_CONTAINER(transport, struct embedded, transport);
}

// --- work ---------------------------------------------------------------------------------------

static bool embedded_deliver(struct pawl_worker *worker, struct pawl_str item) {
    struct embedded *embedded = worker->data;
    embedded->owner.item(embedded->owner.arg, item);
    if (++embedded->handed >= EMBEDDED_WINDOW) worker->paused = true;
    return true;
}

static void embedded_more(struct pawl_transport *transport) {
    struct embedded *embedded = embedded_of(transport);
    embedded->handed = 0;
    if (embedded->attached && embedded->working && embedded->worker.paused)
        pawl__dispatch_ready(&embedded->node->dispatch, &embedded->worker);
}

static void embedded_detach(struct embedded *embedded) {
    if (!embedded->attached) return;
    embedded->attached = false;
    pawl__dispatch_detach(&embedded->node->dispatch, &embedded->worker);
}

static void embedded_attach(struct embedded *embedded) {
    embedded->worker = (struct pawl_worker){
        .deliver = embedded_deliver,
        .reset = embedded->worker.reset,
        .keeps_history = true,
        .data = embedded,
    };
    embedded->handed = 0;
    embedded->attached = true;
    pawl__dispatch_attach(&embedded->node->dispatch, &embedded->worker);
}

static void embedded_on_again(uv_timer_t *timer) {
    struct embedded *embedded = timer->data;
    if (embedded->working && !embedded->attached) embedded_attach(embedded);
}

static void embedded_reset(struct pawl_worker *worker) {
    struct embedded *embedded = worker->data;
    embedded_detach(embedded);
    uv_timer_start(&embedded->again, embedded_on_again, 10, 0);
}

static void embedded_work(struct pawl_transport *transport, const Pb__GetWorkItemsRequest *ask) {
    // there is no other worker to give things to
    struct embedded *embedded = embedded_of(transport);
    embedded->working = true;
    embedded_detach(embedded);
    uv_timer_start(&embedded->again, embedded_on_again, 0, 0);
}

static void embedded_rest(struct pawl_transport *transport) {
    struct embedded *embedded = embedded_of(transport);
    embedded->working = false;
    // It stays attached, so that what it has in hand can still be answered.
    embedded->worker.paused = true;
}

// --- calls --------------------------------------------------------------------------------------

static void embedded_done(struct pawl_taskhub_call *call, const struct pawl_error *error) {
    struct pawl_op *op = call->data;
    op->response = call->response;
    if (error) op->error = *error;
    op->done(op);
}

static void embedded_call(struct pawl_transport *transport, struct pawl_op *op) {
    struct embedded *embedded = embedded_of(transport);
    op->error.code = PAWL_E_OK;
    struct pawl_taskhub_call *call = &op->taskhub;
    call->method = (enum pawl_taskhub_method)(op->method - pawl__methods);
    call->request = op->request;
    call->patience = PAWL_TASKHUB_NO_START; // nobody knows whether this process has a worker
    call->span_id = NULL;
    call->arena = &op->arena;
    call->done = embedded_done;
    call->data = op;
    if (call->method == PAWL_TASKHUB_START_NEW && !pawl__taskhub_draw(embedded->node, call)) {
        pawl__fail_plain(&op->error, PAWL_E_NOMEM);
        op->done(op);
        return;
    }
    if (call->method == PAWL_TASKHUB_COMPLETE_TURN) {
        // Checked as a daemon does: what cannot be read back must not get into the log.
        const char *why;
        call->bytes = pawl__wire_pack_checked(&op->arena, op->request, &why);
        if (!call->bytes.data) {
            if (why)
                pawl__fail(&op->error, PAWL_E_INVALID, "%s", why);
            else
                pawl__fail_plain(&op->error, PAWL_E_NOMEM);
            op->done(op);
            return;
        }
    }
    pawl__taskhub_call(embedded->node, call);
}

static void embedded_cancel(struct pawl_transport *transport, struct pawl_op *op) {
    pawl__taskhub_cancel(&op->taskhub);
}

// --- state --------------------------------------------------------------------------------------

static void embedded_written(struct pawl_state_write *write) {
    struct pawl_state_job *job = write->data;
    job->error = write->tx.result;
    job->done(job);
}

static void embedded_read(struct pawl_state_read *read) {
    struct pawl_state_job *job = read->data;
    job->error = read->result;
    job->found = job->result.found;
    job->value = job->result.value;
    job->etag = job->result.etag.data;
    job->done(job);
}

static void embedded_state(struct pawl_transport *transport, struct pawl_state_job *job) {
    struct embedded *embedded = embedded_of(transport);
    // The daemon's default form, so that it finds what an embedding program has written.
    char *key = pawl__arena_format(&job->arena, "%s||%s", embedded->app_id, job->key);
    if (!key) {
        pawl__fail_plain(&job->error, PAWL_E_NOMEM);
        job->done(job);
        return;
    }
    if (!job->is_write) {
        job->full_key = pawl__str(key);
        job->read = (struct pawl_state_read){.keys = &job->full_key,
                                             .count = 1,
                                             .arena = &job->arena,
                                             .values = &job->result,
                                             .done = embedded_read,
                                             .data = job};
        pawl__storage_read(&embedded->storage, &job->read);
        return;
    }
    job->op = (struct pawl_state_op){
        .type = job->is_delete ? PAWL_STATE_DELETE : PAWL_STATE_SET,
        .key = pawl__str(key),
        .value = job->value,
        .etag = pawl__str(job->etag),
    };
    job->write = (struct pawl_state_write){
        .tx = {.ops = &job->op, .op_count = 1}, .done = embedded_written, .data = job};
    pawl__link_init(&job->write.link);
    pawl__storage_write(&embedded->storage, &job->write);
}

// --- life ---------------------------------------------------------------------------------------

static void embedded_on_ready(void *arg, bool ready, const struct pawl_error *reason) {
    static const struct pawl_error none;
    struct embedded *embedded = arg;
    embedded->owner.ready(embedded->owner.arg, ready, ready ? &none : reason);
}

static void embedded_finish(struct embedded *embedded) {
    if (--embedded->handles) return;
    void (*closed)(void *) = embedded->closed;
    void *arg = embedded->closed_arg;
    free(embedded->app_id);
    free(embedded);
    closed(arg);
}

static void embedded_on_timer_closed(uv_handle_t *handle) {
    embedded_finish(handle->data);
}

static void embedded_on_part_closed(void *arg) {
    embedded_finish(arg);
}

static void embedded_on_node_closed(void *arg) {
    struct embedded *embedded = arg;
    embedded->handles = embedded->sibling ? 3 : 2;
    uv_close((uv_handle_t *)&embedded->again, embedded_on_timer_closed);
    pawl__storage_close(&embedded->storage, embedded_on_part_closed, embedded);
    if (embedded->sibling)
        pawl__sibling_leave(embedded->sibling, embedded_on_part_closed, embedded);
}

static void embedded_close(struct pawl_transport *transport, void (*closed)(void *arg), void *arg) {
    struct embedded *embedded = embedded_of(transport);
    embedded->closed = closed;
    embedded->closed_arg = arg;
    embedded->working = false;
    embedded_detach(embedded);
    pawl__node_close(embedded->node, embedded_on_node_closed, embedded);
}

static uint64_t embedded_commits(const struct pawl_transport *transport) {
    const struct embedded *embedded = PAWL_CONTAINER(transport, struct embedded, transport);
    return pawl__storage_commits(&embedded->storage);
}

static const struct pawl_transport_ops embedded_ops = {
    .call = embedded_call,
    .cancel = embedded_cancel,
    .state = embedded_state,
    .work = embedded_work,
    .rest = embedded_rest,
    .more = embedded_more,
    .commits = embedded_commits,
    .close = embedded_close,
};

// --- opening ------------------------------------------------------------------------------------

struct pawl_embedded_store {
    struct pawl_store *store;
    const struct pawl_log *log;
    size_t loops;
    uint32_t shards; // of an app that is new to the store
    char app_id[];
};

void pawl__embedded_store_close(struct pawl_embedded_store *store) {
    if (!store) return;
    if (store->store) store->store->ops->close(store->store);
    free(store);
}

// How many shards the app has; then how many loops have one.
static enum pawl_err store_count(struct pawl_embedded_store *store, const char *target,
                                 uint32_t *shards, struct pawl_error *error) {
    char *app = pawl__node_app(NULL, store->app_id);
    if (!app) return pawl__fail_plain(error, PAWL_E_NOMEM);
    enum pawl_err err =
        store->store->ops->shards(store->store, pawl__str(app), store->shards, shards, error);
    free(app);
    if (err || *shards >= store->loops) return err;
    pawl__log(store->log, PAWL_LOG_WARN, "pawl",
              "'%s' has %u shard%s of app '%s', as was chosen when it was new: they are served on "
              "%u of %zu loops",
              target, (unsigned)*shards, *shards == 1 ? "" : "s", store->app_id, (unsigned)*shards,
              store->loops);
    store->loops = *shards;
    return PAWL_OK;
}

enum pawl_err pawl__embedded_store_open(const struct pawl_embedded_options *options, size_t *loops,
                                        uint32_t *shards, struct pawl_embedded_store **out,
                                        struct pawl_error *error) {
    const char *target = options->target;
    struct pawl_embedded_store *store = calloc(1, sizeof *store + strlen(options->app_id) + 1);
    if (!store && options->store) options->store->ops->close(options->store);
    if (!store) return pawl__fail_plain(error, PAWL_E_NOMEM);
    strcpy(store->app_id, options->app_id);
    store->log = options->log;
    store->loops = options->loops;
    store->shards = options->shards ? options->shards : (uint32_t)options->loops;
    struct pawl_sqlite_options sqlite = {.path = target};
    enum pawl_err err = PAWL_OK;
    store->store = options->store;
    if (!store->store)
        err = strcmp(target, "memory:") == 0 ? pawl__memory_open(&store->store, error)
                                             : pawl__sqlite_open(&sqlite, &store->store, error);
    *shards = 1;
    if (!err && store->loops > 1) err = store_count(store, target, shards, error);
    *loops = store->loops;
    if (err)
        pawl__embedded_store_close(store);
    else
        *out = store;
    return err;
}

static void embedded_ignore(void *arg) {
}

// What a loop has of what several share; nothing, if it is the only one.
struct embedded_share {
    struct pawl_shared_store *store;
    struct pawl_sibling *sibling;
};

static void embedded_leave(const struct embedded_share *share) {
    if (!share->sibling) return;
    pawl__shared_release(share->store);
    pawl__sibling_leave(share->sibling, embedded_ignore, NULL);
}

// Makes the transport of one loop. Takes |share|, or else the store of |from|, over.
static enum pawl_err embedded_create(struct pawl_embedded_store *from,
                                     const struct embedded_share *share, uv_loop_t *loop,
                                     const struct pawl_transport_owner *owner,
                                     struct pawl_transport **out, struct pawl_error *error) {
    struct embedded *embedded = calloc(1, sizeof *embedded);
    if (embedded) embedded->app_id = pawl__str_dup(pawl__str(from->app_id));
    if (!embedded || !embedded->app_id) {
        free(embedded);
        embedded_leave(share);
        return pawl__fail_plain(error, PAWL_E_NOMEM);
    }
    embedded->transport.ops = &embedded_ops;
    embedded->owner = *owner;
    embedded->sibling = share->sibling;
    embedded->worker.reset = embedded_reset;
    uv_timer_init(loop, &embedded->again);
    embedded->again.data = embedded;
    struct pawl_node_options options = {
        .app_id = embedded->app_id,
        .max_message = SIZE_MAX / 2, // nothing crosses a wire
        .shards = from->shards,
        .sibling = share->sibling,
        .log = owner->log,
        .on_ready = embedded_on_ready,
        .arg = embedded,
    };
    struct pawl_storage *storage = &embedded->storage;
    enum pawl_err err =
        share->sibling ? pawl__storage_init_shared(storage, loop, share->store, owner->log, error)
                       : pawl__storage_init(storage, loop, from->store, owner->log, error);
    from->store = NULL;
    if (!err) err = pawl__node_create(storage, &options, &embedded->node, error);
    if (!err) {
        *out = &embedded->transport;
        return PAWL_OK;
    }
    embedded->closed = embedded_ignore;
    embedded_on_node_closed(embedded);
    return err;
}

// Makes them for all loops. After an error there are none.
static enum pawl_err embedded_create_all(struct pawl_embedded_store *from,
                                         struct pawl_shared_store *shared,
                                         struct pawl_siblings *siblings, uv_loop_t *const *loops,
                                         const struct pawl_transport_owner *owners,
                                         struct pawl_transport **out, struct pawl_error *error) {
    size_t made = 0;
    enum pawl_err err = PAWL_OK;
    for (; made < from->loops && !err; made++) {
        const struct embedded_share share = {shared, pawl__siblings_at(siblings, made)};
        err = embedded_create(from, &share, loops[made], &owners[made], &out[made], error);
    }
    if (!err) return PAWL_OK;
    for (size_t i = made; i < from->loops; i++)
        embedded_leave(&(struct embedded_share){shared, pawl__siblings_at(siblings, i)});
    for (size_t i = 0; i + 1 < made; i++) embedded_close(out[i], embedded_ignore, NULL);
    return err;
}

static enum pawl_err embedded_open_several(struct pawl_embedded_store *store,
                                           uv_loop_t *const *loops,
                                           const struct pawl_transport_owner *owners,
                                           struct pawl_transport **out, struct pawl_error *error) {
    struct pawl_siblings *siblings;
    struct pawl_shared_store *shared;
    struct pawl_store *base = store->store;
    enum pawl_err err = pawl__siblings_create(loops, store->loops, &siblings, error);
    if (err) return err;
    store->store = NULL;
    err = pawl__shared_create(base, store->loops, &shared, error);
    for (size_t i = 0; err && i < store->loops; i++)
        pawl__sibling_leave(pawl__siblings_at(siblings, i), embedded_ignore, NULL);
    return err ? err : embedded_create_all(store, shared, siblings, loops, owners, out, error);
}

enum pawl_err pawl__embedded_open(struct pawl_embedded_store *store, uv_loop_t *const *loops,
                                  const struct pawl_transport_owner *owners,
                                  struct pawl_transport **out, struct pawl_error *error) {
    static const struct embedded_share none;
    enum pawl_err err = store->loops > 1
                            ? embedded_open_several(store, loops, owners, out, error)
                            : embedded_create(store, &none, loops[0], owners, out, error);
    pawl__embedded_store_close(store);
    return err;
}
