#include <stdlib.h>

#include "base/clock.h"
#include "dapr_runtime.pb-c.h"
#include "net/grpc_client.h"
#include "sdk/transport.h"
#include "wire/pack.h"
#include "wire/unpack.h"

// The engine in a daemon: calls over gRPC, and a stream of work items that is opened again whenever
// it ends.

enum {
    REMOTE_RETRY_MIN = 50, // milliseconds between two tries to connect
    REMOTE_RETRY_MAX = 2000,
    REMOTE_MAX_MESSAGE = 64 << 20, // bytes of a work item
};

struct remote {
    struct pawl_transport transport;
    struct pawl_transport_owner owner;
    struct pawl_grpc_client *client;
    struct pawl_grpc_call *stream; // of work items; NULL: none
    const Pb__GetWorkItemsRequest *ask;
    uv_timer_t retry;
    uint64_t retry_delay;
    bool working;
    bool told; // that the daemon gives no work
    int handles;
    void (*closed)(void *arg);
    void *closed_arg;
};

static struct remote *remote_of(struct pawl_transport *transport) {
    return PAWL_CONTAINER(transport, struct remote, transport);
}

// --- calls --------------------------------------------------------------------------------------

// Sends a unary call. False when it cannot be, with |error| filled.
static bool remote_send(struct remote *remote, struct pawl_grpc_call_options *options,
                        struct pawl_arena *arena, const ProtobufCMessage *message,
                        struct pawl_grpc_call **out, struct pawl_error *error) {
    options->message = pawl__wire_pack(arena, message);
    options->is_unary = true;
    if (!options->message.data) {
        pawl__fail_plain(error, PAWL_E_NOMEM);
        return false;
    }
    if (pawl__grpc_client_state(remote->client) == PAWL_GRPC_CLIENT_CLOSED)
        pawl__grpc_client_connect(remote->client);
    enum pawl_err err = pawl__grpc_call(remote->client, options, out);
    if (err) pawl__fail_plain(error, err);
    return !err;
}

static void remote_on_message(void *arg, struct pawl_str message) {
    struct pawl_op *op = arg;
    const char *why = NULL;
    op->response = pawl__wire_unpack(&op->arena, op->method->response, message, &why);
    if (!op->response)
        pawl__fail(&op->error, PAWL_E_INTERNAL, "the daemon's answer to %s is damaged: %s",
                   op->method->path, why ? why : "");
}

static void remote_on_end(void *arg, enum pawl_err code, struct pawl_str text) {
    struct pawl_op *op = arg;
    if (code) pawl__fail(&op->error, code, "%.*s", PAWL_FMT(text));
    op->done(op);
}

static void remote_call(struct pawl_transport *transport, struct pawl_op *op) {
    op->error.code = PAWL_E_OK;
    op->response = NULL;
    struct pawl_grpc_call_options options = {.method = op->method->path,
                                             .on_message = remote_on_message,
                                             .on_end = remote_on_end,
                                             .arg = op};
    struct pawl_grpc_call *call;
    if (remote_send(remote_of(transport), &options, &op->arena, op->request, &call, &op->error))
        op->grpc = call;
    else
        op->done(op);
}

static void remote_cancel(struct pawl_transport *transport, struct pawl_op *op) {
    pawl__grpc_cancel(op->grpc);
}

// --- state --------------------------------------------------------------------------------------

static void remote_on_state_message(void *arg, struct pawl_str message) {
    struct pawl_state_job *job = arg;
    if (job->is_write) return;
    const Dapr__GetStateResponse *response =
        pawl__wire_unpack(&job->arena, &dapr__get_state_response__descriptor, message, NULL);
    if (!response) {
        pawl__fail(&job->error, PAWL_E_INTERNAL, "the daemon's answer to GetState is damaged");
        return;
    }
    job->value = (struct pawl_str){(const char *)response->data.data, response->data.len};
    job->etag = response->etag;
    job->found = *response->etag || response->data.len;
}

static void remote_on_state_end(void *arg, enum pawl_err code, struct pawl_str text) {
    struct pawl_state_job *job = arg;
    if (code) pawl__fail(&job->error, code, "%.*s", PAWL_FMT(text));
    job->done(job);
}

static void remote_state(struct pawl_transport *transport, struct pawl_state_job *job) {
    job->error.code = PAWL_E_OK;
    Dapr__GetStateRequest get = DAPR__GET_STATE_REQUEST__INIT;
    Dapr__SaveStateRequest save = DAPR__SAVE_STATE_REQUEST__INIT;
    Dapr__DeleteStateRequest delete = DAPR__DELETE_STATE_REQUEST__INIT;
    Dapr__StateItem item = DAPR__STATE_ITEM__INIT, *items[] = {&item};
    Dapr__Etag etag = DAPR__ETAG__INIT;
    etag.value = (char *)job->etag;
    Dapr__Etag *given = job->etag && *job->etag ? &etag : NULL;
    const ProtobufCMessage *message = &get.base;
    const char *method = "/dapr.proto.runtime.v1.Dapr/GetState";
    get.store_name = save.store_name = delete.store_name = (char *)job->store;
    get.key = item.key = delete.key = (char *)job->key;
    if (job->is_delete) {
        delete.etag = given;
        message = &delete.base;
        method = "/dapr.proto.runtime.v1.Dapr/DeleteState";
    } else if (job->is_write) {
        item.value = (ProtobufCBinaryData){job->value.len, (uint8_t *)job->value.data};
        item.etag = given;
        save.states = items;
        save.n_states = 1;
        message = &save.base;
        method = "/dapr.proto.runtime.v1.Dapr/SaveState";
    }
    struct pawl_grpc_call_options options = {.method = method,
                                             .on_message = remote_on_state_message,
                                             .on_end = remote_on_state_end,
                                             .arg = job};
    if (!remote_send(remote_of(transport), &options, &job->arena, message, NULL, &job->error))
        job->done(job);
}

// --- work ---------------------------------------------------------------------------------------

static void remote_on_retry(uv_timer_t *timer);

// Says why there is no work to be had; once, until there is.
static void remote_tell(struct remote *remote, struct pawl_str why) {
    if (!remote->working || remote->told) return;
    remote->told = true;
    pawl__log(remote->owner.log, PAWL_LOG_WARN, "pawl.worker",
              "the daemon gives no work, will try again: %.*s", PAWL_FMT(why));
}

static void remote_retry(struct remote *remote) {
    if (!remote->working || uv_is_active((uv_handle_t *)&remote->retry)) return;
    uv_timer_start(&remote->retry, remote_on_retry, remote->retry_delay, 0);
    remote->retry_delay *= 2;
    if (remote->retry_delay > REMOTE_RETRY_MAX) remote->retry_delay = REMOTE_RETRY_MAX;
}

// Ends the stream, so that the daemon offers again what it gave, and opens another after the
// longest delay: it may come damaged again.
static void remote_refuse_item(struct remote *remote, const char *why) {
    if (!remote->working) return;
    pawl__log(remote->owner.log, PAWL_LOG_ERROR, "pawl.worker",
              "the daemon sent a work item that is damaged, will connect again: %s", why);
    pawl__grpc_cancel(remote->stream);
    remote->stream = NULL;
    remote->retry_delay = REMOTE_RETRY_MAX;
    remote_retry(remote);
}

static void remote_on_item(void *arg, struct pawl_str message) {
    struct remote *remote = arg;
    const char *why = NULL;
    if (!pawl__wire_check(&pb__work_item__descriptor, message, &why)) {
        remote_refuse_item(remote, why);
        return;
    }
    remote->retry_delay = REMOTE_RETRY_MIN;
    remote->told = false;
    remote->owner.item(remote->owner.arg, message);
}

static void remote_on_stream_end(void *arg, enum pawl_err code, struct pawl_str text) {
    struct remote *remote = arg;
    remote->stream = NULL;
    if (!remote->working) return;
    remote_tell(remote, text.len ? text : pawl__str(pawl__err_text(code)));
    remote_retry(remote);
}

static void remote_listen(struct remote *remote) {
    if (remote->stream || !remote->working) return;
    if (pawl__grpc_client_state(remote->client) == PAWL_GRPC_CLIENT_CLOSED)
        pawl__grpc_client_connect(remote->client);
    struct pawl_arena arena = {0};
    struct pawl_grpc_call_options options = {
        .method = "/TaskHubSidecarService/GetWorkItems",
        .message = pawl__wire_pack(&arena, &remote->ask->base),
        .on_message = remote_on_item,
        .on_end = remote_on_stream_end,
        .arg = remote,
    };
    if (!options.message.data || pawl__grpc_call(remote->client, &options, &remote->stream)) {
        remote->stream = NULL;
        remote_retry(remote);
    }
    pawl__arena_finish(&arena);
}

static void remote_on_retry(uv_timer_t *timer) {
    remote_listen(timer->data);
}

static void remote_work(struct pawl_transport *transport, const Pb__GetWorkItemsRequest *ask) {
    struct remote *remote = remote_of(transport);
    remote->ask = ask;
    remote->working = true;
    if (remote->stream) pawl__grpc_cancel(remote->stream);
    remote->stream = NULL;
    remote_listen(remote);
}

static void remote_rest(struct pawl_transport *transport) {
    // The stream stays until the transport is closed: the daemon would give to others what is still
    // being worked on. What it sends meanwhile is not taken.
    remote_of(transport)->working = false;
}

// --- life ---------------------------------------------------------------------------------------

static void remote_on_state(void *arg, enum pawl_grpc_client_state state,
                            const struct pawl_error *error) {
    struct remote *remote = arg;
    struct pawl_error none = {PAWL_E_OK, ""};
    if (state == PAWL_GRPC_CLIENT_CONNECTING) return;
    if (state == PAWL_GRPC_CLIENT_CLOSED) {
        if (error) remote_tell(remote, pawl__str(error->text));
        remote_retry(remote);
    }
    remote->owner.ready(remote->owner.arg, state == PAWL_GRPC_CLIENT_READY, error ? error : &none);
}

static void remote_finish(struct remote *remote) {
    if (--remote->handles) return;
    void (*closed)(void *) = remote->closed;
    void *arg = remote->closed_arg;
    free(remote);
    closed(arg);
}

static void remote_on_timer_closed(uv_handle_t *handle) {
    remote_finish(handle->data);
}

static void remote_on_client_closed(void *arg) {
    remote_finish(arg);
}

static void remote_close(struct pawl_transport *transport, void (*closed)(void *arg), void *arg) {
    struct remote *remote = remote_of(transport);
    remote->closed = closed;
    remote->closed_arg = arg;
    remote->working = false;
    remote->handles = 2;
    uv_close((uv_handle_t *)&remote->retry, remote_on_timer_closed);
    pawl__grpc_client_close(remote->client, remote_on_client_closed, remote);
}

static uint64_t remote_commits(const struct pawl_transport *transport) {
    return UINT64_MAX;
}

static void remote_more(struct pawl_transport *transport) {
    // how much may be under way is between the two ends of the connection
}

static const struct pawl_transport_ops remote_ops = {
    .call = remote_call,
    .cancel = remote_cancel,
    .state = remote_state,
    .work = remote_work,
    .rest = remote_rest,
    .more = remote_more,
    .commits = remote_commits,
    .close = remote_close,
};

enum pawl_err pawl__remote_open(uv_loop_t *loop, const char *target, const char *token,
                                const struct pawl_transport_owner *owner,
                                struct pawl_transport **out, struct pawl_error *error) {
    struct remote *remote = calloc(1, sizeof *remote);
    if (!remote) return pawl__fail_plain(error, PAWL_E_NOMEM);
    remote->transport.ops = &remote_ops;
    remote->owner = *owner;
    remote->retry_delay = REMOTE_RETRY_MIN;
    struct pawl_header header = {.name = PAWL_STR("dapr-api-token"), .value = pawl__str(token)};
    struct pawl_grpc_client_options options = {
        .target = target,
        .metadata = &header,
        .metadata_count = token && *token ? 1 : 0,
        .takes_codes = true,
        .max_message = REMOTE_MAX_MESSAGE,
        .on_state = remote_on_state,
        .arg = remote,
    };
    enum pawl_err err = pawl__grpc_client_create(loop, &options, &remote->client, error);
    if (err) {
        free(remote);
        return err;
    }
    uv_timer_init(loop, &remote->retry);
    remote->retry.data = remote;
    pawl__grpc_client_connect(remote->client);
    *out = &remote->transport;
    return PAWL_OK;
}
