#include <stdlib.h>

#include "sdk/transport.h"
#include "store/memory/memory.h"
#include "store/sqlite/sqlite.h"
#include "wire/pack.h"
#include "wire/unpack.h"

// The engine in this process: store, storage and node on the program's own loop.

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
    (void)ask; // there is no other worker to give things to
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
    call->method = (enum pawl_taskhub_method)(op->row - pawl__taskhub_rows);
    call->request = op->request;
    call->without_start = true; // nobody knows whether this process has a worker
    call->span_id = NULL;
    call->arena = &op->arena;
    call->done = embedded_done;
    call->data = op;
    if (call->method == PAWL_TASKHUB_COMPLETE_TURN) {
        call->bytes = pawl__wire_pack(&op->arena, op->request);
        if (!call->bytes.data) {
            pawl__fail_plain(&op->error, PAWL_E_NOMEM);
            op->done(op);
            return;
        }
        // As a daemon does: what cannot be read back must not get into the log.
        const char *why;
        if (!pawl__wire_check(op->request->descriptor, call->bytes, &why)) {
            pawl__fail(&op->error, PAWL_E_INVALID, "%s", why);
            op->done(op);
            return;
        }
    }
    pawl__taskhub_call(embedded->node, call);
}

static void embedded_cancel(struct pawl_transport *transport, struct pawl_op *op) {
    (void)transport;
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

static void embedded_on_storage_closed(void *arg) {
    embedded_finish(arg);
}

static void embedded_on_node_closed(void *arg) {
    struct embedded *embedded = arg;
    embedded->handles = 2;
    uv_close((uv_handle_t *)&embedded->again, embedded_on_timer_closed);
    pawl__storage_close(&embedded->storage, embedded_on_storage_closed, embedded);
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
    return embedded->storage.commits;
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

static void embedded_on_closed(void *arg) {
    *(bool *)arg = true;
}

enum pawl_err pawl__embedded_open(uv_loop_t *loop, const char *target, const char *app_id,
                                  const struct pawl_transport_owner *owner,
                                  struct pawl_transport **out, struct pawl_error *error) {
    struct embedded *embedded = calloc(1, sizeof *embedded);
    if (embedded) embedded->app_id = pawl__str_dup(pawl__str(app_id));
    if (!embedded || !embedded->app_id) {
        free(embedded);
        return pawl__fail_plain(error, PAWL_E_NOMEM);
    }
    embedded->transport.ops = &embedded_ops;
    embedded->owner = *owner;
    embedded->worker.reset = embedded_reset;
    struct pawl_sqlite_options sqlite = {.path = target};
    struct pawl_store *store;
    enum pawl_err err = strcmp(target, "memory:") == 0 ? pawl__memory_open(&store, error)
                                                       : pawl__sqlite_open(&sqlite, &store, error);
    if (err) {
        free(embedded->app_id);
        free(embedded);
        return err;
    }
    uv_timer_init(loop, &embedded->again);
    embedded->again.data = embedded;
    struct pawl_node_options options = {
        .app_id = embedded->app_id,
        .max_message = SIZE_MAX / 2, // nothing crosses a wire
        .log = owner->log,
        .on_ready = embedded_on_ready,
        .arg = embedded,
    };
    err = pawl__storage_init(&embedded->storage, loop, store, owner->log, error);
    if (!err) err = pawl__node_create(&embedded->storage, &options, &embedded->node, error);
    if (err) {
        bool closed = false; // the loop has other handles, which stay
        embedded->closed = embedded_on_closed;
        embedded->closed_arg = &closed;
        embedded_on_node_closed(embedded);
        while (!closed) uv_run(loop, UV_RUN_ONCE);
        return err;
    }
    *out = &embedded->transport;
    return PAWL_OK;
}
