#include <stdlib.h>
#include <string.h>

#include "api/console.h"
#include "base/id.h"

// Steering: starts, and what can be done to one instance. Each is logged with who asked.

// Who asks says so by its user agent; a proxy that knows people by x-forwarded-user.
void pawl__console_note(const struct pawl_console_ask *ask, const char *verb,
                        struct pawl_str reason) {
    struct pawl_str agent = pawl__request_agent(ask->request);
    struct pawl_str user = pawl__request_header(ask->request, "x-forwarded-user");
    pawl__log(ask->api->options.log, PAWL_LOG_INFO, "pawl.console",
              "%s '%s'%s%.*s, asked by %.*s%s[%.*s]", verb, ask->id, reason.len ? ", reason: " : "",
              PAWL_FMT(reason), PAWL_FMT(user), user.len ? " " : "", PAWL_FMT(agent));
}

// False after answering that |body| has a member that is not among |members|.
static bool console_takes(struct pawl_request *request, json_t *body, const char *members) {
    const char *key;
    json_t *value;
    json_object_foreach(body, key, value) {
        if (pawl__str_is_word_of(pawl__str(key), members)) continue;
        pawl__api_http_fail(request, 400, "ERR_MALFORMED_REQUEST", "the body may have %s, not '%s'",
                            members, key);
        return false;
    }
    return true;
}

json_t *pawl__console_body(struct pawl_console_ask *ask, const char *members) {
    struct pawl_request *request = ask->request;
    if (ask->api->options.console.read_only) {
        pawl__api_http_fail(request, 403, "ERR_READ_ONLY",
                            "this daemon's console only reads (--dashboard-read-only)");
        return NULL;
    }
    // A form of another site cannot send this type without asking first.
    struct pawl_str type = pawl__request_header(request, "content-type");
    if (!pawl__str_starts(type, PAWL_STR("application/json"))) {
        pawl__api_http_fail(request, 415, "ERR_MALFORMED_REQUEST",
                            "the content type must be application/json");
        return NULL;
    }
    json_error_t error;
    json_t *body = json_loadb(request->body.data ? request->body.data : "", request->body.len,
                              JSON_REJECT_DUPLICATES, &error);
    if (!json_is_object(body))
        pawl__api_http_fail(request, 400, "ERR_MALFORMED_REQUEST",
                            "the body must be a JSON object: %s",
                            body ? "it is something else" : error.text);
    else if (console_takes(request, body, members))
        return body;
    json_decref(body);
    return NULL;
}

// What reads the body answers nothing: it returns false, and |ask->wrong| says what is wrong, or
// memory is out.
static bool console_wrong(struct pawl_console_ask *ask, const char *what, const char *why) {
    ask->wrong = pawl__arena_format(&ask->request->arena, "%s %s", what, why);
    return false;
}

static void console_refuse(struct pawl_console_ask *ask) {
    if (ask->wrong)
        pawl__api_http_fail(ask->request, 400, "ERR_MALFORMED_REQUEST", "%s", ask->wrong);
    else
        pawl__api_nomem(ask->request);
}

// A member that has to be text, copied; "" when it is not there.
static bool console_member(struct pawl_console_ask *ask, const json_t *body, const char *key,
                           char **out) {
    const json_t *value = json_object_get(body, key);
    if (value && !json_is_string(value)) return console_wrong(ask, key, "must be text");
    *out = pawl__arena_dup(&ask->request->arena, pawl__str(json_string_value(value)));
    return *out;
}

static bool console_name(struct pawl_console_ask *ask, const json_t *body, const char *key,
                         char **out) {
    if (!console_member(ask, body, key, out)) return false;
    return **out || console_wrong(ask, key, "is missing");
}

static bool console_reason(struct pawl_console_ask *ask, const json_t *body,
                           Google__Protobuf__StringValue **out) {
    char *text;
    if (!console_member(ask, body, "reason", &text)) return false;
    *out = *text ? pawl__api_text(ask->request, text) : NULL;
    return *out || !*text;
}

// Payloads are JSON texts within JSON: what goes to the workflow is what was typed.
static bool console_payload(struct pawl_console_ask *ask, const json_t *body, const char *key,
                            Google__Protobuf__StringValue **out) {
    char *text;
    if (!console_member(ask, body, key, &text)) return false;
    json_t *value = *text ? json_loads(text, JSON_DECODE_ANY, NULL) : NULL;
    if (*text && !value) return console_wrong(ask, key, "is not JSON (text needs quotes)");
    json_decref(value);
    *out = *text ? pawl__api_text(ask->request, text) : NULL;
    return *out || !*text;
}

static void console_done_empty(struct pawl_console_ask *ask) {
    pawl__console_answer(ask, json_pack("{s:s}", "id", ask->id));
}

// --- start ---------------------------------------------------------------------------------------

void pawl__console_start(void *arg, struct pawl_request *request,
                         const struct pawl_params *params) {
    struct pawl_console_ask *ask = pawl__console_ask(arg, request, (struct pawl_str){NULL, 0});
    json_t *body = ask ? pawl__console_body(ask, "name id input") : NULL;
    if (!body) return;
    Pb__CreateInstanceRequest *message = pawl__arena_alloc(&request->arena, sizeof *message);
    if (message) pb__create_instance_request__init(message);
    bool ok = message && console_name(ask, body, "name", &message->name) &&
              console_member(ask, body, "id", &message->instanceid) &&
              console_payload(ask, body, "input", &message->input);
    json_decref(body);
    if (ok && !*message->instanceid) {
        message->instanceid = pawl__arena_alloc(&request->arena, PAWL_UUID_TEXT);
        if (message->instanceid) pawl__id_new(message->instanceid);
        ok = message->instanceid;
    }
    if (!ok) {
        console_refuse(ask);
        return;
    }
    ask->id = message->instanceid;
    pawl__console_note(ask, "start", PAWL_STR(""));
    pawl__console_call(ask, PAWL_TASKHUB_START, &message->base, console_done_empty);
}

// --- verbs ---------------------------------------------------------------------------------------

// Each makes the message of its call; NULL as console_wrong says.
static const ProtobufCMessage *act_raise(struct pawl_console_ask *ask, const json_t *body) {
    Pb__RaiseEventRequest *message = pawl__arena_alloc(&ask->request->arena, sizeof *message);
    if (!message) return NULL;
    pb__raise_event_request__init(message);
    message->instanceid = ask->id;
    bool ok = console_name(ask, body, "event", &message->name) &&
              console_payload(ask, body, "data", &message->input);
    return ok ? &message->base : NULL;
}

static const ProtobufCMessage *act_suspend(struct pawl_console_ask *ask, const json_t *body) {
    Pb__SuspendRequest *message = pawl__arena_alloc(&ask->request->arena, sizeof *message);
    if (!message) return NULL;
    pb__suspend_request__init(message);
    message->instanceid = ask->id;
    return console_reason(ask, body, &message->reason) ? &message->base : NULL;
}

static const ProtobufCMessage *act_resume(struct pawl_console_ask *ask, const json_t *body) {
    Pb__ResumeRequest *message = pawl__arena_alloc(&ask->request->arena, sizeof *message);
    if (!message) return NULL;
    pb__resume_request__init(message);
    message->instanceid = ask->id;
    return console_reason(ask, body, &message->reason) ? &message->base : NULL;
}

// What a terminated workflow leaves as its output is JSON, as any other output.
static bool act_put_output(struct pawl_console_ask *ask, const json_t *body,
                           Google__Protobuf__StringValue **out) {
    if (!console_reason(ask, body, out)) return false;
    if (!*out) return true;
    char *json = json_dumps(json_object_get(body, "reason"), JSON_ENCODE_ANY);
    char *copy = json ? pawl__arena_dup(&ask->request->arena, pawl__str(json)) : NULL;
    free(json);
    *out = copy ? pawl__api_text(ask->request, copy) : NULL;
    return *out;
}

static const ProtobufCMessage *act_terminate(struct pawl_console_ask *ask, const json_t *body) {
    Pb__TerminateRequest *message = pawl__arena_alloc(&ask->request->arena, sizeof *message);
    if (!message) return NULL;
    pb__terminate_request__init(message);
    message->instanceid = ask->id;
    message->recursive = true;
    return act_put_output(ask, body, &message->output) ? &message->base : NULL;
}

static const ProtobufCMessage *act_purge(struct pawl_console_ask *ask, const json_t *body) {
    Pb__PurgeInstancesRequest *message = pawl__arena_alloc(&ask->request->arena, sizeof *message);
    if (!message) return NULL;
    pb__purge_instances_request__init(message);
    message->request_case = PB__PURGE_INSTANCES_REQUEST__REQUEST_INSTANCE_ID;
    message->instanceid = ask->id;
    message->recursive = true;
    message->_force_case = PB__PURGE_INSTANCES_REQUEST___FORCE_FORCE;
    const json_t *force = json_object_get(body, "force");
    message->force = json_is_true(force);
    bool ok =
        !force || json_is_boolean(force) || console_wrong(ask, "force", "must be true or false");
    return ok ? &message->base : NULL;
}

static const ProtobufCMessage *act_rerun(struct pawl_console_ask *ask, const json_t *body) {
    Pb__RerunWorkflowFromEventRequest *message =
        pawl__arena_alloc(&ask->request->arena, sizeof *message);
    if (!message) return NULL;
    pb__rerun_workflow_from_event_request__init(message);
    message->sourceinstanceid = ask->id;
    const json_t *event = json_object_get(body, "event");
    ask->finds_event = !event;
    if (event && (!json_is_integer(event) || json_integer_value(event) < 0 ||
                  json_integer_value(event) > INT32_MAX)) {
        console_wrong(ask, "event", "must be the id of an event of the history");
        return NULL;
    }
    message->eventid = event ? (uint32_t)json_integer_value(event) : 0;
    message->overwriteinput = json_object_get(body, "input") != NULL;
    bool ok = console_payload(ask, body, "input", &message->input) &&
              console_member(ask, body, "id", &message->newinstanceid);
    if (ok && *message->newinstanceid)
        message->_new_instance_id_case =
            PB__RERUN_WORKFLOW_FROM_EVENT_REQUEST___NEW_INSTANCE_ID_NEW_INSTANCE_ID;
    return ok ? &message->base : NULL;
}

// The new instance's id.
static void console_done_rerun(struct pawl_console_ask *ask) {
    const Pb__RerunWorkflowFromEventResponse *response = (const void *)ask->call.response;
    pawl__console_answer(ask, json_pack("{s:s}", "id", response->newinstanceid));
}

static void act_rerun_found(struct pawl_console_ask *ask) {
    const Pb__GetInstanceHistoryResponse *history = (const void *)ask->call.response;
    Pb__RerunWorkflowFromEventRequest *message = ask->message;
    struct pawl_timeline timeline;
    if (!pawl__timeline_read(history->events, history->n_events, &ask->request->arena, &timeline)) {
        pawl__api_nomem(ask->request);
        return;
    }
    message->eventid = (uint32_t)pawl__timeline_failed(&timeline, history->events);
    pawl__console_call(ask, PAWL_TASKHUB_RERUN, &message->base, console_done_rerun);
}

static const struct act_row {
    const char *verb, *members; // members: of the body, with spaces between
    enum pawl_taskhub_method method;
    const ProtobufCMessage *(*make)(struct pawl_console_ask *ask, const json_t *body);
    void (*done)(struct pawl_console_ask *ask);
} act_rows[] = {
    {"raise", "event data", PAWL_TASKHUB_RAISE, act_raise, console_done_empty},
    {"suspend", "reason", PAWL_TASKHUB_SUSPEND, act_suspend, console_done_empty},
    {"resume", "reason", PAWL_TASKHUB_RESUME, act_resume, console_done_empty},
    {"terminate", "reason", PAWL_TASKHUB_TERMINATE, act_terminate, console_done_empty},
    {"rerun", "event id input", PAWL_TASKHUB_RERUN, act_rerun, console_done_rerun},
    {"purge", "force", PAWL_TASKHUB_PURGE, act_purge, console_done_empty},
};

void pawl__console_act(void *arg, struct pawl_request *request, const struct pawl_params *params) {
    const struct act_row *row = NULL;
    for (size_t i = 0; i < sizeof act_rows / sizeof *act_rows; i++)
        if (pawl__str_equal(params->values[1], pawl__str(act_rows[i].verb))) row = &act_rows[i];
    if (!row) {
        pawl__api_http_fail(
            request, 404, "ERR_NOT_FOUND",
            "an instance can be told to raise, suspend, resume, terminate, rerun or "
            "purge, not to '%.*s'",
            PAWL_FMT(params->values[1]));
        return;
    }
    struct pawl_console_ask *ask = pawl__console_ask(arg, request, params->values[0]);
    json_t *body = ask ? pawl__console_body(ask, row->members) : NULL;
    if (!body) return;
    const ProtobufCMessage *message = row->make(ask, body);
    const char *reason = json_string_value(json_object_get(body, "reason"));
    if (message) pawl__console_note(ask, row->verb, pawl__str(reason));
    json_decref(body);
    if (!message) {
        console_refuse(ask);
        return;
    }
    ask->message = (void *)message;
    if (ask->finds_event)
        pawl__console_ask_history(ask, act_rerun_found);
    else
        pawl__console_call(ask, row->method, message, row->done);
}
