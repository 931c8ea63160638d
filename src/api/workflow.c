#include "api/workflow.h"

#include <ctype.h>

#include "base/clock.h"
#include "runtime/operations.h"
#include "runtime/taskhub.h"
#include "wire/json_build.h"
#include "wire/pack.h"
#include "wire/status.h"
#include "wire/timestamp.h"

enum {
    WORKFLOW_TEXT = 1024, // of what failed, with a whole struct pawl_error
};

// How a verb's failures are told; %s: the workflow's name for a start, else the instance's id; what
// stands behind it is |inner|, the subject, and |why|. The texts are the reference's (1.3).
static const struct workflow_row {
    const char *code, *text, *inner, *why;
    bool tells_missing; // a missing instance is NOT_FOUND, not an error of the verb
} workflow_rows[] = {
    [PAWL_WORKFLOW_START] = {"ERR_START_WORKFLOW", "error starting workflow '%s': %s",
                             "unable to start workflow", "", false},
    [PAWL_WORKFLOW_GET] = {"ERR_GET_WORKFLOW",
                           "error while getting workflow info on instance '%s': %s",
                           "failed to get workflow metadata for",
                           "failed to fetch workflow metadata: ", true},
    [PAWL_WORKFLOW_RAISE] = {"ERR_RAISE_EVENT_WORKFLOW", "error raising event on workflow '%s': %s",
                             "failed to raise event", "failed to raise event: ", false},
    [PAWL_WORKFLOW_PAUSE] = {"ERR_PAUSE_WORKFLOW", "error pausing workflow %s: %s",
                             "failed to pause workflow", "failed to suspend workflow: ", false},
    [PAWL_WORKFLOW_RESUME] = {"ERR_RESUME_WORKFLOW", "error resuming workflow %s: %s",
                              "failed to resume workflow", "failed to resume workflow: ", false},
    [PAWL_WORKFLOW_TERMINATE] = {"ERR_TERMINATE_WORKFLOW", "error terminating workflow '%s': %s",
                                 "failed to terminate workflow",
                                 "failed to submit termination request:: ", true},
    [PAWL_WORKFLOW_PURGE] = {"ERR_PURGE_WORKFLOW", "error purging workflow %s: %s",
                             "failed to Purge workflow", "failed to purge workflow state: ", true},
};

// --- answers -------------------------------------------------------------------------------------

static void workflow_fail(struct pawl_workflow_ask *ask, enum pawl_err grpc, int http,
                          const char *code, const char *format, ...)
    __attribute__((format(printf, 5, 6)));

static void workflow_fail(struct pawl_workflow_ask *ask, enum pawl_err grpc, int http,
                          const char *code, const char *format, ...) {
    char text[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (ask->request->is_grpc)
        pawl__api_fail(ask->request, grpc, "%s", text);
    else
        pawl__api_http_fail(ask->request, http, code, "%s", text);
}

// The reference knows no name for a stalled workflow.
static const char *workflow_status(int32_t status) {
    bool stalled = status == PB__ORCHESTRATION_STATUS__ORCHESTRATION_STATUS_STALLED;
    return stalled ? "UNKNOWN" : pawl__status_name(status);
}

struct workflow_property {
    const char *key, *value;
};

enum {
    WORKFLOW_PROPERTIES = 6
};

static size_t workflow_properties(const struct pawl_view *view,
                                  struct workflow_property out[WORKFLOW_PROPERTIES]) {
    size_t count = 0;
#define ADD(name, text)                                                                            \
    out[count++] = (struct workflow_property) {                                                    \
        "dapr.workflow." name, text                                                                \
    }
    if (view->has_custom_status) ADD("custom_status", view->custom_status.data);
    if (view->input) ADD("input", view->input->value);
    if (view->failure) {
        ADD("failure.error_type", view->failure->errortype);
        ADD("failure.error_message", view->failure->errormessage);
        if (view->failure->stacktrace) ADD("failure.stack_trace", view->failure->stacktrace->value);
    } else if (view->output) {
        ADD("output", view->output->value);
    }
#undef ADD
    return count;
}

static void workflow_reply_view_grpc(struct pawl_workflow_ask *ask) {
    const struct pawl_view *view = &ask->run.look.view;
    Dapr__GetWorkflowResponse response = DAPR__GET_WORKFLOW_RESPONSE__INIT;
    response.instance_id = ask->id;
    struct pawl_api_map map = {0};
    if (view->exists) {
        response.workflow_name = (char *)view->name.data;
        response.created_at = pawl__api_time(ask->request, view->created_at);
        response.last_updated_at = pawl__api_time(ask->request, view->updated_at);
        response.runtime_status = (char *)workflow_status(view->status);
        struct workflow_property properties[WORKFLOW_PROPERTIES];
        size_t count = workflow_properties(view, properties);
        for (size_t i = 0; i < count; i++)
            if (!pawl__api_map_add(ask->request, &map, WORKFLOW_PROPERTIES,
                                   &dapr__get_workflow_response__properties_entry__descriptor,
                                   properties[i].key, properties[i].value)) {
                pawl__api_nomem(ask->request);
                return;
            }
        response.n_properties = map.count;
        response.properties = (Dapr__GetWorkflowResponse__PropertiesEntry **)map.entries;
    }
    pawl__api_reply(ask->request, &response.base);
}

static void workflow_reply_view_http(struct pawl_workflow_ask *ask) {
    const struct pawl_view *view = &ask->run.look.view;
    char created[PAWL_TIME_TEXT], updated[PAWL_TIME_TEXT];
    pawl__time_format(view->created_at, created);
    pawl__time_format(view->updated_at, updated);
    struct workflow_property properties[WORKFLOW_PROPERTIES];
    size_t count = workflow_properties(view, properties);
    json_t *map = json_object();
    for (size_t i = 0; i < count; i++)
        pawl__json_set(&map, properties[i].key, json_string(properties[i].value));
    pawl__api_json(ask->request, 200,
                   json_pack("{s:s, s:s, s:s, s:s, s:s, s:o}", "instanceID", ask->id,
                             "workflowName", view->name.data, "createdAt", created, "lastUpdatedAt",
                             updated, "runtimeStatus", workflow_status(view->status), "properties",
                             map));
}

static void workflow_reply(struct pawl_workflow_ask *ask) {
    struct pawl_request *request = ask->request;
    if (ask->verb == PAWL_WORKFLOW_GET) {
        if (request->is_grpc)
            workflow_reply_view_grpc(ask);
        else
            workflow_reply_view_http(ask);
    } else if (ask->verb == PAWL_WORKFLOW_START && request->is_grpc) {
        Dapr__StartWorkflowResponse response = DAPR__START_WORKFLOW_RESPONSE__INIT;
        response.instance_id = ask->id;
        pawl__api_reply(request, &response.base);
    } else if (request->is_grpc) {
        pawl__api_reply_empty(request);
    } else if (ask->verb == PAWL_WORKFLOW_START) {
        pawl__api_json(request, 202, json_pack("{s:s}", "instanceID", ask->id));
    } else {
        pawl__api_json(request, 202, json_object());
    }
}

// What failed, and why. Long names are cut, so that the cause is always there.
static void workflow_tell(const struct pawl_workflow_ask *ask, const struct pawl_error *error,
                          char out[WORKFLOW_TEXT]) {
    const struct workflow_row *row = &workflow_rows[ask->verb];
    char subject[160] = "";
    switch (ask->verb) {
    case PAWL_WORKFLOW_START: break;
    case PAWL_WORKFLOW_GET: snprintf(subject, sizeof subject, " '%.70s'", ask->id); break;
    case PAWL_WORKFLOW_RAISE:
        snprintf(subject, sizeof subject, " %.64s on workflow %.70s", ask->event, ask->id);
        break;
    default: snprintf(subject, sizeof subject, " %.70s", ask->id);
    }
    const char *status =
        error->code == PAWL_E_EXISTS ? "rpc error: code = AlreadyExists desc = " : "";
    snprintf(out, WORKFLOW_TEXT, "%s%s: %s%s%s", row->inner, subject, row->why, status,
             error->text);
}

static void workflow_done(struct pawl_call *call, const struct pawl_error *error) {
    struct pawl_workflow_ask *ask = call->data;
    const struct workflow_row *row = &workflow_rows[ask->verb];
    pawl__operation_end(ask->api->options.node->options.operations, call, ask->began, error);
    bool missing = (error && error->code == PAWL_E_NOT_FOUND) ||
                   (!error && ask->verb == PAWL_WORKFLOW_GET && !ask->run.look.view.exists);
    if (missing && ask->verb == PAWL_WORKFLOW_GET && ask->request->is_grpc) {
        workflow_reply(ask); // gRPC clients get an answer with the id alone
    } else if (missing && row->tells_missing) {
        workflow_fail(ask, PAWL_E_NOT_FOUND, 404, "ERR_INSTANCE_ID_NOT_FOUND",
                      "unable to find workflow with the provided instance ID: %s", ask->id);
    } else if (error && error->code == PAWL_E_UNIMPLEMENTED) {
        workflow_fail(ask, error->code, 501, "ERR_WORKFLOW_APP_ID_INVALID", "%s", error->text);
    } else if (error && (error->code == PAWL_E_UNAVAILABLE || error->code == PAWL_E_NOMEM)) {
        workflow_fail(ask, error->code, pawl__err_http(error->code), row->code, "%s", error->text);
    } else if (error) {
        const char *who = ask->verb == PAWL_WORKFLOW_START ? ask->name : ask->id;
        char inner[WORKFLOW_TEXT];
        workflow_tell(ask, error, inner);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral" // the table's texts
        workflow_fail(ask, PAWL_E_INTERNAL, 500, row->code, row->text, who, inner);
#pragma GCC diagnostic pop
    } else {
        workflow_reply(ask);
    }
}

// --- running -------------------------------------------------------------------------------------

static void workflow_on_close(struct pawl_request *request, enum pawl_err reason) {
    struct pawl_workflow_ask *ask = request->data;
    if (ask->call) pawl__call_cancel(ask->call);
}

static bool workflow_id_is_valid(const char *id) {
    for (; *id; id++)
        if (!isalnum((unsigned char)*id) && *id != '_' && *id != '-') return false;
    return true;
}

// Checks what a start asks for, and gives it an id if it has none. False after answering.
static bool workflow_check_start(struct pawl_workflow_ask *ask) {
    if (!*ask->name) {
        workflow_fail(ask, PAWL_E_INVALID, 400, "ERR_WORKFLOW_NAME_MISSING",
                      "workflow name is not configured");
        return false;
    }
    if (!*ask->id) {
        ask->id = pawl__arena_alloc(&ask->request->arena, PAWL_UUID_TEXT);
        if (!ask->id) {
            pawl__api_nomem(ask->request); // |ask| goes with the request
            return false;
        }
        pawl__node_draw(ask->api->options.node, ask->id);
        ask->is_new = true;
        return true;
    }
    if (strlen(ask->id) > 64) {
        workflow_fail(ask, PAWL_E_INVALID, 400, "ERR_INSTANCE_ID_TOO_LONG",
                      "workflow instance ID exceeds the max length of 64 characters");
        return false;
    }
    if (!workflow_id_is_valid(ask->id)) {
        workflow_fail(ask, PAWL_E_INVALID, 400, "ERR_INSTANCE_ID_INVALID",
                      "workflow instance ID '%s' is invalid: only alphanumeric and underscore "
                      "characters are allowed",
                      ask->id);
        return false;
    }
    return true;
}

static bool workflow_check(struct pawl_workflow_ask *ask) {
    if (!ask->api->options.node) {
        workflow_fail(ask, PAWL_E_INTERNAL, 500, "ERR_ACTOR_RUNTIME_NOT_FOUND", PAWL_NO_RUNTIME);
        return false;
    }
    if (ask->app && *ask->app && strcmp(ask->app, ask->api->options.app_id) != 0) {
        if (!workflow_id_is_valid(ask->app)) {
            workflow_fail(ask, PAWL_E_INVALID, 400, "ERR_WORKFLOW_APP_ID_INVALID",
                          "workflow app ID '%s' is invalid: only alphanumeric, dash and underscore "
                          "characters are allowed",
                          ask->app);
            return false;
        }
    } else {
        ask->app = NULL; // this one
    }
    if (ask->verb == PAWL_WORKFLOW_START) return workflow_check_start(ask);
    if (!*ask->id) {
        workflow_fail(ask, PAWL_E_INVALID, 400, "ERR_INSTANCE_ID_PROVIDED_MISSING",
                      "no instance ID was provided");
        return false;
    }
    if (ask->verb == PAWL_WORKFLOW_RAISE && !*ask->event) {
        workflow_fail(ask, PAWL_E_INVALID, 400, "ERR_WORKFLOW_EVENT_NAME_MISSING",
                      "missing workflow event name");
        return false;
    }
    return true;
}

// The body of an event, of |type|; NULL after answering.
static void *workflow_event(struct pawl_workflow_ask *ask, const ProtobufCMessageDescriptor *type) {
    void *event = pawl__wire_new(&ask->request->arena, type);
    if (!event) pawl__api_nomem(ask->request);
    return event;
}

static void workflow_call(struct pawl_workflow_ask *ask, struct pawl_call *call) {
    call->done = workflow_done;
    call->data = ask;
    call->app = ask->app;
    ask->call = call;
    ask->began = pawl__operation_begin(ask->api->options.node->options.operations);
    pawl__node_call(ask->api->options.node, call);
}

// |event| may be NULL, after answering.
static void workflow_post(struct pawl_workflow_ask *ask, Pb__HistoryEvent__EventTypeCase type,
                          void *event) {
    if (!event) return;
    pawl__post_init(&ask->run.post, pawl__str(ask->id), type, event);
    workflow_call(ask, &ask->run.post.call);
}

static void workflow_run_start(struct pawl_workflow_ask *ask,
                               Google__Protobuf__StringValue *input) {
    Pb__ExecutionStartedEvent *start =
        pawl__taskhub_start_event(&ask->request->arena, ask->id, ask->name, input);
    int64_t at = 0;
    if (!start) {
        pawl__api_nomem(ask->request);
        return;
    }
    if (ask->start_time && !pawl__time_parse(pawl__str(ask->start_time), &at)) {
        workflow_fail(ask, PAWL_E_INTERNAL, 500, "ERR_START_WORKFLOW",
                      "error starting workflow '%s': start times must be in RFC3339 format (e.g. "
                      "\"2009-11-10T23:00:00Z\")",
                      ask->name);
        return;
    }
    start->scheduledstarttimestamp = pawl__api_time(ask->request, at);
    ask->start = (struct pawl_api_start){.name = ask->name, .id = ask->id};
    pawl__api_trace_start(ask->api, ask->request, &ask->start);
    start->parenttracecontext = ask->start.context;
    start->workflowspanid = pawl__api_text(ask->request, ask->start.span_id);
    pawl__start_init(&ask->run.start, pawl__str(ask->id), start, false);
    ask->run.start.is_new = ask->is_new;
    workflow_call(ask, &ask->run.start.call);
}

static void workflow_run_get(struct pawl_workflow_ask *ask, Google__Protobuf__StringValue *none) {
    pawl__look_init(&ask->run.look, pawl__str(ask->id), PAWL_WAIT_NOT, &ask->request->arena);
    workflow_call(ask, &ask->run.look.call);
}

static void workflow_run_raise(struct pawl_workflow_ask *ask, Google__Protobuf__StringValue *data) {
    Pb__EventRaisedEvent *event = workflow_event(ask, &pb__event_raised_event__descriptor);
    if (!event) return;
    event->name = ask->event;
    event->input = data;
    workflow_post(ask, PB__HISTORY_EVENT__EVENT_TYPE_EVENT_RAISED, event);
}

static void workflow_run_pause(struct pawl_workflow_ask *ask, Google__Protobuf__StringValue *none) {
    workflow_post(ask, PB__HISTORY_EVENT__EVENT_TYPE_EXECUTION_SUSPENDED,
                  workflow_event(ask, &pb__execution_suspended_event__descriptor));
}

static void workflow_run_resume(struct pawl_workflow_ask *ask,
                                Google__Protobuf__StringValue *none) {
    workflow_post(ask, PB__HISTORY_EVENT__EVENT_TYPE_EXECUTION_RESUMED,
                  workflow_event(ask, &pb__execution_resumed_event__descriptor));
}

static void workflow_run_terminate(struct pawl_workflow_ask *ask,
                                   Google__Protobuf__StringValue *none) {
    Pb__ExecutionTerminatedEvent *event =
        workflow_event(ask, &pb__execution_terminated_event__descriptor);
    if (!event) return;
    event->recurse = true;
    workflow_post(ask, PB__HISTORY_EVENT__EVENT_TYPE_EXECUTION_TERMINATED, event);
}

static void workflow_run_purge(struct pawl_workflow_ask *ask, Google__Protobuf__StringValue *none) {
    pawl__purge_init(&ask->run.purge, pawl__str(ask->id), true, false);
    workflow_call(ask, &ask->run.purge.call);
}

static const struct {
    void (*run)(struct pawl_workflow_ask *ask, Google__Protobuf__StringValue *payload);
    bool has_payload;
} workflow_runs[] = {
    [PAWL_WORKFLOW_START] = {workflow_run_start, .has_payload = true},
    [PAWL_WORKFLOW_GET] = {workflow_run_get},
    [PAWL_WORKFLOW_RAISE] = {workflow_run_raise, .has_payload = true},
    [PAWL_WORKFLOW_PAUSE] = {workflow_run_pause},
    [PAWL_WORKFLOW_RESUME] = {workflow_run_resume},
    [PAWL_WORKFLOW_TERMINATE] = {workflow_run_terminate},
    [PAWL_WORKFLOW_PURGE] = {workflow_run_purge},
};

// Input is always attached, even when it is empty, as text. NULL after answering.
static Google__Protobuf__StringValue *workflow_payload(struct pawl_workflow_ask *ask) {
    struct pawl_request *request = ask->request;
    const char *text = pawl__arena_dup(&request->arena, ask->payload);
    Google__Protobuf__StringValue *payload = pawl__api_text(request, text);
    if (!payload) {
        pawl__api_nomem(request);
        return NULL;
    }
    if (pawl__wire_is_text(ask->payload)) return payload;
    workflow_fail(ask, PAWL_E_INVALID, 400, "ERR_MALFORMED_REQUEST",
                  "the payload is not valid UTF-8 text");
    return NULL;
}

void pawl__workflow_serve(struct pawl_workflow_ask *ask) {
    if (pawl__api_starved(ask->request) || !workflow_check(ask)) return;
    ask->request->data = ask;
    ask->request->on_close = workflow_on_close;
    bool has_payload = workflow_runs[ask->verb].has_payload;
    Google__Protobuf__StringValue *payload = has_payload ? workflow_payload(ask) : NULL;
    if (payload || !has_payload) workflow_runs[ask->verb].run(ask, payload);
}

struct pawl_workflow_ask *pawl__workflow_ask(struct pawl_api *api, struct pawl_request *request,
                                             enum pawl_workflow_verb verb) {
    struct pawl_workflow_ask *ask = pawl__arena_zalloc(&request->arena, sizeof *ask);
    if (!ask) {
        pawl__api_nomem(request);
        return NULL;
    }
    ask->api = api;
    ask->request = request;
    ask->verb = verb;
    ask->id = ask->name = ask->event = "";
    return ask;
}
