#include "peer.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "dapr_runtime.pb-c.h"
#include "engine/events.h"
#include "net/http_fetch.h"
#include "orchestrator_service.pb-c.h"
#include "wire/json.h"
#include "wire/unpack.h"

enum {
    PEER_TIMEOUT = 3 // seconds
};

static void peer_fail(const char *what, const char *why) {
    fprintf(stderr, "%s: %s\n", what, why);
    abort();
}

static void peer_on_tick(uv_timer_t *timer) {
}

void peer_init(struct peer *peer, int port) {
    char target[32];
    *peer = (struct peer){.port = port};
    uv_loop_init(&peer->loop);
    uv_timer_init(&peer->loop, &peer->tick);
    uv_timer_start(&peer->tick, peer_on_tick, 5, 5);
    snprintf(target, sizeof target, "127.0.0.1:%d", port);
    const struct pawl_header token = {PAWL_STR("dapr-api-token"), PAWL_STR("secret")};
    const struct pawl_grpc_client_options options = {
        .target = target, .metadata = &token, .metadata_count = 1};
    struct pawl_error error;
    if (pawl__grpc_client_create(&peer->loop, &options, &peer->client, &error))
        peer_fail("the client", error.text);
}

void peer_finish(struct peer *peer) {
    pawl__grpc_client_close(peer->client, NULL, NULL);
    uv_close((uv_handle_t *)&peer->tick, NULL);
    uv_run(&peer->loop, UV_RUN_DEFAULT);
    if (uv_loop_close(&peer->loop)) peer_fail("the loop", "is busy");
}

void peer_spin(struct peer *peer) {
    if (pawl__grpc_client_state(peer->client) == PAWL_GRPC_CLIENT_CLOSED)
        pawl__grpc_client_connect(peer->client);
    uv_run(&peer->loop, UV_RUN_ONCE);
}

// --- the client ---------------------------------------------------------------------------------

struct peer_waiting {
    const ProtobufCMethodDescriptor *method;
    struct peer_answer *answer;
    bool ended;
};

static const ProtobufCMethodDescriptor *peer_method(const char *name, char path[128]) {
    static const struct {
        const char *name;
        const ProtobufCServiceDescriptor *service;
    } services[] = {
        {"TaskHubSidecarService", &pb__task_hub_sidecar_service__descriptor},
        {"dapr.proto.runtime.v1.Dapr", &dapr__dapr__descriptor},
    };
    for (int i = 0; i < 2; i++)
        for (unsigned at = 0; at < services[i].service->n_methods; at++) {
            const ProtobufCMethodDescriptor *method = &services[i].service->methods[at];
            if (strcmp(method->name, name) != 0) continue;
            snprintf(path, 128, "/%s/%s", services[i].name, name);
            return method;
        }
    snprintf(path, 128, "%s", name); // of something that is not served
    return NULL;
}

static void peer_on_message(void *arg, struct pawl_str message) {
    struct peer_waiting *waiting = arg;
    struct pawl_arena arena = {0};
    const char *why = NULL;
    if (!waiting->method) return;
    const ProtobufCMessage *decoded =
        pawl__wire_unpack(&arena, waiting->method->output, message, &why);
    if (!decoded) peer_fail(waiting->method->name, why);
    json_t *json = pawl__wire_to_json(decoded);
    char *text = json_dumps(json, JSON_COMPACT);
    pawl__buf_append_str(&waiting->answer->text, pawl__str(text));
    free(text);
    json_decref(json);
    pawl__arena_finish(&arena);
}

static void peer_on_end(void *arg, enum pawl_err code, struct pawl_str text) {
    struct peer_waiting *waiting = arg;
    waiting->answer->status = pawl__err_grpc(code);
    if (code) pawl__buf_append_str(&waiting->answer->text, text);
    waiting->ended = true;
}

static bool peer_pack(const ProtobufCMessageDescriptor *type, const char *json,
                      struct pawl_buf *out) {
    struct pawl_arena arena = {0};
    const char *why = NULL;
    json_t *tree = json_loads(json && *json ? json : "{}", 0, NULL);
    ProtobufCMessage *message = tree ? pawl__wire_from_json(&arena, type, tree, &why) : NULL;
    if (message) {
        out->len = protobuf_c_message_pack(
            message, pawl__buf_reserve(out, protobuf_c_message_get_packed_size(message) + 1));
    }
    json_decref(tree);
    pawl__arena_finish(&arena);
    return message != NULL;
}

void peer_call(struct peer *peer, const char *name, const char *json, struct peer_answer *out) {
    char path[128];
    struct peer_waiting waiting = {.method = peer_method(name, path), .answer = out};
    struct pawl_buf message = {0};
    *out = (struct peer_answer){.status = -1};
    // What is no JSON is sent as it is.
    if (!waiting.method || !peer_pack(waiting.method->input, json, &message))
        pawl__buf_append_str(&message, pawl__str(json));
    const struct pawl_grpc_call_options options = {
        .method = path,
        .message = pawl__buf_str(&message),
        .timeout = PEER_TIMEOUT * PAWL_SECOND,
        .is_unary = true,
        .on_message = peer_on_message,
        .on_end = peer_on_end,
        .arg = &waiting,
    };
    while (pawl__grpc_client_state(peer->client) != PAWL_GRPC_CLIENT_READY) peer_spin(peer);
    if (pawl__grpc_call(peer->client, &options, NULL)) peer_fail(name, "cannot be called");
    while (!waiting.ended) uv_run(&peer->loop, UV_RUN_ONCE);
    pawl__buf_finish(&message);
    pawl__buf_append(&out->text, "", 1);
}

void peer_fetch(const struct peer *peer, const char *call, const char *body,
                struct peer_answer *out) {
    struct pawl_arena arena = {0};
    struct pawl_header headers[8];
    size_t count = 0;
    struct pawl_str rest = pawl__str(call), first = pawl__str_cut(&rest, '\n'), target = first;
    const char *method = pawl__arena_dup(&arena, pawl__str_cut(&target, ' '));
    const char *path = pawl__arena_dup(&arena, target);
    while (rest.len && count < 8) {
        struct pawl_str value = pawl__str_cut(&rest, '\n'), name = pawl__str_cut(&value, ':');
        headers[count++] = (struct pawl_header){name, value};
    }
    struct pawl_error error;
    *out = (struct peer_answer){.status = -1};
    const struct pawl_http_ask ask = {.host = "127.0.0.1",
                                      .port = peer->port,
                                      .method = method,
                                      .path = path,
                                      .headers = headers,
                                      .header_count = count,
                                      .body = pawl__str(body),
                                      .timeout = PEER_TIMEOUT * PAWL_SECOND};
    enum pawl_err err = pawl__http_fetch(&ask, &out->status, &out->text, &error);
    if (err == PAWL_E_DEADLINE) peer_fail(call, "has no answer");
    if (err) out->status = -1;
    pawl__buf_append(&out->text, "", 1);
    pawl__arena_finish(&arena);
}

// --- the worker ---------------------------------------------------------------------------------

struct peer_worker {
    struct peer *peer;
    struct pawl_grpc_call *stream; // NULL: there is none
    atomic_bool *connected;
    bool is_lost; // an answer was not taken: begins anew, so that the work is offered again
};

static void worker_on_answered(void *arg, enum pawl_err code, struct pawl_str text) {
    if (code) ((struct peer_worker *)arg)->is_lost = true;
}

static void worker_answer(struct peer_worker *worker, const char *method,
                          const ProtobufCMessage *message) {
    struct pawl_buf bytes = {0};
    bytes.len = protobuf_c_message_pack(
        message, pawl__buf_reserve(&bytes, protobuf_c_message_get_packed_size(message) + 1));
    const struct pawl_grpc_call_options options = {
        .method = method,
        .message = pawl__buf_str(&bytes),
        .timeout = PEER_TIMEOUT * PAWL_SECOND,
        .on_end = worker_on_answered,
        .arg = worker,
    };
    if (pawl__grpc_call(worker->peer->client, &options, NULL)) worker->is_lost = true;
    pawl__buf_finish(&bytes);
}

// What a turn comes to, from what its history and its new events say.
static void worker_turn(struct peer_worker *worker, const Pb__WorkItem *item) {
    const Pb__WorkflowRequest *request = item->workflowrequest;
    Pb__WorkflowResponse response = PB__WORKFLOW_RESPONSE__INIT;
    Pb__WorkflowAction action = PB__WORKFLOW_ACTION__INIT, *actions = &action;
    Pb__ScheduleTaskAction task = PB__SCHEDULE_TASK_ACTION__INIT;
    Pb__CompleteWorkflowAction complete = PB__COMPLETE_WORKFLOW_ACTION__INIT;
    Pb__TaskFailureDetails failure = PB__TASK_FAILURE_DETAILS__INIT;
    const char *name = "";
    bool is_paid = false, is_asked = false;
    for (size_t i = 0; i < request->n_pastevents + request->n_newevents; i++) {
        const Pb__HistoryEvent *event = i < request->n_pastevents
                                            ? request->pastevents[i]
                                            : request->newevents[i - request->n_pastevents];
        if (event->event_type_case == PB__HISTORY_EVENT__EVENT_TYPE_EXECUTION_STARTED) {
            name = event->executionstarted->name;
            complete.result = event->executionstarted->input;
        }
        if (event->event_type_case == PB__HISTORY_EVENT__EVENT_TYPE_TASK_SCHEDULED) is_asked = true;
        if (event->event_type_case == PB__HISTORY_EVENT__EVENT_TYPE_TASK_COMPLETED) {
            is_paid = true;
            complete.result = event->taskcompleted->result;
        }
    }
    response.instanceid = request->instanceid;
    response.completiontoken = item->completiontoken;
    response.actions = &actions;
    complete.workflowstatus = PB__ORCHESTRATION_STATUS__ORCHESTRATION_STATUS_COMPLETED;
    if (strcmp(name, "pay") == 0 && !is_paid) {
        action.workflow_action_type_case = PB__WORKFLOW_ACTION__WORKFLOW_ACTION_TYPE_SCHEDULE_TASK;
        action.scheduletask = &task;
        task.name = (char *)"pay";
        response.n_actions = !is_asked;
    } else if (strcmp(name, "done") == 0 || strcmp(name, "fail") == 0 || is_paid) {
        action.id = 1;
        action.workflow_action_type_case =
            PB__WORKFLOW_ACTION__WORKFLOW_ACTION_TYPE_COMPLETE_WORKFLOW;
        action.completeworkflow = &complete;
        if (strcmp(name, "fail") == 0) {
            complete.workflowstatus = PB__ORCHESTRATION_STATUS__ORCHESTRATION_STATUS_FAILED;
            complete.result = NULL;
            complete.failuredetails = &failure;
            failure.errortype = (char *)"Broken";
            failure.errormessage = (char *)"it does not work";
        }
        response.n_actions = 1;
    }
    worker_answer(worker, "/TaskHubSidecarService/CompleteWorkflowTask", &response.base);
}

static void worker_activity(struct peer_worker *worker, const Pb__WorkItem *item) {
    Pb__ActivityResponse response = PB__ACTIVITY_RESPONSE__INIT;
    Google__Protobuf__StringValue result = GOOGLE__PROTOBUF__STRING_VALUE__INIT;
    result.value = (char *)"\"paid\"";
    response.instanceid = item->activityrequest->workflowinstance->instanceid;
    response.taskid = item->activityrequest->taskid;
    response.completiontoken = item->completiontoken;
    response.result = &result;
    worker_answer(worker, "/TaskHubSidecarService/CompleteActivityTask", &response.base);
}

static void worker_on_item(void *arg, struct pawl_str message) {
    struct peer_worker *worker = arg;
    struct pawl_arena arena = {0};
    const Pb__WorkItem *item = pawl__wire_unpack(&arena, &pb__work_item__descriptor, message, NULL);
    if (!item) peer_fail("a work item", "cannot be read");
    if (item->request_case == PB__WORK_ITEM__REQUEST_ACTIVITY_REQUEST)
        worker_activity(worker, item);
    else
        worker_turn(worker, item);
    pawl__arena_finish(&arena);
}

static void worker_on_end(void *arg, enum pawl_err code, struct pawl_str text) {
    struct peer_worker *worker = arg;
    worker->stream = NULL;
}

static void worker_connect(struct peer_worker *worker, const char *serves) {
    Pb__GetWorkItemsRequest request = PB__GET_WORK_ITEMS_REQUEST__INIT;
    uint8_t bytes[256];
    char *names[] = {(char *)serves, (char *)"pay"};
    if (strcmp(serves, "*") != 0) {
        request.n_workflows = 1;
        request.workflows = names;
        request.n_activities = 1;
        request.activities = names + 1;
    }
    const struct pawl_grpc_call_options options = {
        .method = "/TaskHubSidecarService/GetWorkItems",
        .message = {(char *)bytes, protobuf_c_message_pack(&request.base, bytes)},
        .on_message = worker_on_item,
        .on_end = worker_on_end,
        .arg = worker,
    };
    if (pawl__grpc_call(worker->peer->client, &options, &worker->stream)) worker->stream = NULL;
    *worker->connected = worker->stream != NULL;
}

void peer_work(struct peer *peer, const char *serves, const atomic_bool *stop,
               atomic_bool *connected) {
    struct peer_worker worker = {.peer = peer, .connected = connected};
    while (!*stop) {
        if (worker.is_lost && worker.stream) {
            pawl__grpc_cancel(worker.stream);
            worker.stream = NULL;
        }
        worker.is_lost = false;
        if (!worker.stream && pawl__grpc_client_state(peer->client) == PAWL_GRPC_CLIENT_READY)
            worker_connect(&worker, serves);
        peer_spin(peer);
    }
    if (worker.stream) pawl__grpc_cancel(worker.stream);
    // Nothing of |worker| may be called any more.
    peer_finish(peer);
}
