#include <stdlib.h>

#include "api/api.h"
#include "api/elder.h"
#include "api/elsewhere.h"
#include "api/internal.h"
#include "api/relays.h"
#include "api/work.h"
#include "base/clock.h"

// The worker's side of the TaskHub service: the stream of work items, and their results.

enum {
    WORK_QUEUED = 1 << 20, // bytes that a stream may have unsent before it gets no more
    WORK_NODE_LIMIT = 100, // see work_limit
};

struct work_stream {
    struct pawl_worker worker;
    struct pawl_link link; // in the api's streams
    struct pawl_api *api;
    struct pawl_request *request;
    int64_t since;                         // nanoseconds since 1970
    struct pawl_dispatch *dispatch;        // that it is attached to
    struct pawl_map workflows, activities; // names that it says it serves
};

// The JavaScript SDK (3.18) runs ten items at a time, keeps a hundred, and drops what is more
// without a word; it must not be given more than it keeps.
static size_t work_limit(const struct pawl_request *request) {
    return pawl__str_starts(pawl__request_agent(request), PAWL_STR("grpc-node-js/"))
               ? WORK_NODE_LIMIT
               : 0;
}

static bool work_serves(const struct pawl_worker *worker, bool turn, struct pawl_str name) {
    const struct work_stream *stream = PAWL_CONTAINER(worker, struct work_stream, worker);
    return pawl__map_get(turn ? &stream->workflows : &stream->activities, name);
}

static const char *work_names(const struct pawl_worker *worker, bool turn, size_t *at) {
    const struct work_stream *stream = PAWL_CONTAINER(worker, struct work_stream, worker);
    return pawl__map_next(turn ? &stream->workflows : &stream->activities, at);
}

static bool work_note_names(struct pawl_map *map, char *const *names, size_t count) {
    for (size_t i = 0; i < count; i++)
        if (!pawl__map_put(map, pawl__str(names[i]), names[i])) return false;
    return true;
}

static void work_free(struct work_stream *stream) {
    pawl__map_finish(&stream->workflows);
    pawl__map_finish(&stream->activities);
    free(stream);
}

static void work_on_drain(struct pawl_request *request) {
    struct work_stream *stream = request->data;
    if (stream->worker.paused) pawl__dispatch_ready(stream->dispatch, &stream->worker);
}

static void work_detach(struct work_stream *stream) {
    struct pawl_api *api = stream->api;
    pawl__list_remove(&stream->link);
    pawl__log(api->options.log, PAWL_LOG_INFO, "dapr.wfengine.durabletask.backend",
              "work item stream closed");
    pawl__dispatch_detach(stream->dispatch, &stream->worker);
    work_free(stream);
}

static void work_on_close(struct pawl_request *request, enum pawl_err reason) {
    work_detach(request->data);
}

static void work_finish(struct work_stream *stream, enum pawl_err code, const char *text) {
    struct pawl_request *request = stream->request;
    work_detach(stream);
    pawl__grpc_finish(request, code, text, PAWL_STR(""));
}

static bool work_deliver(struct pawl_worker *worker, struct pawl_str item) {
    struct work_stream *stream = PAWL_CONTAINER(worker, struct work_stream, worker);
    enum pawl_err err = pawl__stream_send(stream->request, item);
    if (err) { // the worker connects anew, and is given it again
        work_finish(stream, err, pawl__err_text(err));
        return false;
    }
    if (pawl__stream_queued(stream->request) > WORK_QUEUED) worker->paused = true;
    return true;
}

static void work_reset(struct pawl_worker *worker) {
    struct work_stream *stream = PAWL_CONTAINER(worker, struct work_stream, worker);
    work_finish(stream, PAWL_E_UNAVAILABLE, "the workflow engine has begun anew, connect again");
}

// Says that the daemon ends, as the reference does: CANCELLED. Workers of Microsoft's SDK for
// Python (1.4.0 does) take that for their own end, and never come back.
static void work_end(struct work_stream *stream) {
    bool dapr = stream->worker.dialect == PAWL_DIALECT_DAPR;
    work_finish(stream, dapr ? PAWL_E_CANCELED : PAWL_E_UNAVAILABLE, "shutting down");
}

void pawl__api_close_streams(struct pawl_api *api) {
    if (api->relays) pawl__relays_close(api->relays);
    if (api->watchers) pawl__watchers_end_daemons(api->watchers);
    if (api->elsewhere) pawl__elsewhere_close(api->elsewhere);
    while (!pawl__list_empty(&api->streams))
        work_end(PAWL_CONTAINER(api->streams.next, struct work_stream, link));
}

// Where the workers of |request| get work from: with PAWL_RELAY_HEADER, they are those of another
// app. NULL: memory is out.
static struct pawl_dispatch *work_dispatch(struct pawl_node *node,
                                           const struct pawl_request *request) {
    struct pawl_str app = pawl__request_header(request, PAWL_RELAY_HEADER);
    return app.len ? pawl__abroad_dispatch(&node->abroad, app) : &node->dispatch;
}

static bool work_keeps_history(const Pb__GetWorkItemsRequest *ask) {
    for (size_t i = 0; i < ask->n_capabilities; i++)
        if (ask->capabilities[i] == PB__WORKER_CAPABILITY__WORKER_CAPABILITY_STATEFUL_HISTORY)
            return true;
    return false;
}

// Dapr's SDKs name themselves, or what they can do in field 4, or say nothing; those of Microsoft
// give limits (1 to 3), capabilities (10) or filters (11), and that for JavaScript nothing.
static enum pawl_dialect work_dialect(const struct pawl_request *request,
                                      const Pb__GetWorkItemsRequest *ask) {
    struct pawl_str agent = pawl__request_agent(request), name = PAWL_STR("dapr-sdk-");
    if ((agent.len && memmem(agent.data, agent.len, name.data, name.len)) || ask->n_capabilities ||
        ask->n_workflows || ask->n_activities)
        return PAWL_DIALECT_DAPR;
    for (size_t i = 0; i < ask->base.n_unknown_fields; i++) {
        uint32_t number = ask->base.unknown_fields[i].tag;
        if (number <= 3 || number == 10 || number == 11) return PAWL_DIALECT_MICROSOFT;
    }
    return PAWL_DIALECT_UNKNOWN;
}

static void work_get_items(struct pawl_api *api, struct pawl_request *request) {
    const Pb__GetWorkItemsRequest *ask =
        pawl__api_unpack(request, &pb__get_work_items_request__descriptor);
    if (!ask) return;
    if (!api->options.node) {
        pawl__api_fail(request, PAWL_E_UNAVAILABLE,
                       "unable to establish work item stream at this time: " PAWL_NO_RUNTIME);
        return;
    }
    struct work_stream *stream = calloc(1, sizeof *stream);
    if (stream) stream->dispatch = work_dispatch(api->options.node, request);
    if (!stream || !stream->dispatch ||
        !work_note_names(&stream->workflows, ask->workflows, ask->n_workflows) ||
        !work_note_names(&stream->activities, ask->activities, ask->n_activities)) {
        if (stream) work_free(stream);
        pawl__api_nomem(request);
        return;
    }
    stream->api = api;
    stream->request = request;
    stream->since = pawl__clock_wall();
    stream->worker = (struct pawl_worker){
        .deliver = work_deliver,
        .reset = work_reset,
        .limit = work_limit(request),
        .keeps_history = work_keeps_history(ask),
        .dialect = work_dialect(request, ask),
    };
    if (ask->n_workflows || ask->n_activities) {
        stream->worker.serves = work_serves;
        stream->worker.names = work_names;
    }
    if (stream->dispatch != &api->options.node->dispatch) stream->worker.limit = PAWL_RELAY_LIMIT;
    request->data = stream;
    request->on_close = work_on_close;
    request->on_drain = work_on_drain;
    pawl__link_init(&stream->link);
    pawl__list_add(&api->streams, &stream->link);
    struct pawl_str agent = pawl__request_agent(request);
    pawl__log(api->options.log, PAWL_LOG_INFO, "dapr.wfengine.durabletask.backend",
              "work item stream established by user-agent: [%.*s]", PAWL_FMT(agent));
    pawl__stream_start(request, NULL, 0); // so that the client knows that it is connected
    pawl__stream_weigh(request);          // shards go to where workers are
    pawl__dispatch_attach(stream->dispatch, &stream->worker);
}

bool pawl__work_next(const struct pawl_api *api, const struct pawl_link **link,
                     struct pawl_work_view *out) {
    *link = (*link)->next;
    if (*link == &api->streams) return false;
    const struct work_stream *stream = PAWL_CONTAINER(*link, const struct work_stream, link);
    *out = (struct pawl_work_view){
        .worker = &stream->worker,
        .agent = pawl__request_agent(stream->request),
        .since = stream->since,
        .is_foreign = stream->dispatch != &api->options.node->dispatch,
    };
    return true;
}

// --- results ------------------------------------------------------------------------------------

static void work_on_closed_call(struct pawl_request *request, enum pawl_err reason) {
    // the result counts all the same; only nobody waits for the answer
    pawl__call_cancel(request->data);
}

static void work_completed(struct pawl_call *call, const struct pawl_error *error) {
    struct pawl_request *request = call->data;
    if (error)
        pawl__api_fail(request, error->code, "%s", error->text);
    else
        pawl__api_reply_empty(request);
}

// Memory for the verb of a result, or NULL after answering.
static void *work_verb(struct pawl_api *api, struct pawl_request *request, size_t size) {
    if (!api->options.node) {
        pawl__api_fail(request, PAWL_E_INTERNAL, PAWL_NO_RUNTIME);
        return NULL;
    }
    void *verb = pawl__arena_alloc(&request->arena, size);
    if (!verb) pawl__api_nomem(request);
    return verb;
}

static void work_complete(struct pawl_api *api, struct pawl_request *request,
                          struct pawl_call *call) {
    struct pawl_neighbours *others = api->options.neighbours;
    call->done = work_completed;
    call->data = request;
    request->data = call;
    request->on_close = work_on_closed_call;
    if (pawl__astray_takes(&api->options.node->astray, others, call, request->body)) return;
    pawl__node_call(api->options.node, call);
}

static void work_complete_activity(struct pawl_api *api, struct pawl_request *request) {
    const Pb__ActivityResponse *response =
        pawl__api_unpack(request, &pb__activity_response__descriptor);
    if (!response) return;
    struct pawl_activity_result *verb = work_verb(api, request, sizeof *verb);
    if (!verb) return;
    struct pawl_node *node = api->options.node;
    struct pawl_guest *guest =
        pawl__guests_match(&node->guests, pawl__str(response->instanceid), response->taskid,
                           pawl__str(response->completiontoken));
    if (guest && api->relays) {
        pawl__relays_complete(api->relays, request, guest);
        return;
    }
    struct pawl_dispatch *dispatch = work_dispatch(node, request);
    if (!dispatch) {
        pawl__api_nomem(request);
        return;
    }
    pawl__activity_result_init(verb, dispatch, response);
    work_complete(api, request, &verb->call);
}

static void work_complete_turn(struct pawl_api *api, struct pawl_request *request) {
    request->body = pawl__elder_answer(&request->arena, request->body);
    if (pawl__api_starved(request)) return;
    const Pb__WorkflowResponse *response =
        pawl__api_unpack(request, &pb__workflow_response__descriptor);
    if (!response) return;
    struct pawl_turn_result *verb = work_verb(api, request, sizeof *verb);
    if (!verb) return;
    pawl__turn_result_init(verb, &api->options.node->dispatch, response, request->body);
    work_complete(api, request, &verb->call);
}

const struct pawl_api_method_row pawl__work_methods[] = {
    {"/TaskHubSidecarService/CompleteActivityTask", work_complete_activity},
    {"/TaskHubSidecarService/CompleteOrchestratorTask", work_complete_turn},
    {"/TaskHubSidecarService/CompleteWorkflowTask", work_complete_turn},
    {"/TaskHubSidecarService/GetWorkItems", work_get_items},
    {NULL, NULL},
};
