#include "api/console.h"
#include "api/numbers.h"
#include "api/openapi.h"
#include "base/clock.h"
#include "wire/pack.h"

struct pawl_console_ask *pawl__console_ask(struct pawl_api *api, struct pawl_request *request,
                                           struct pawl_str id) {
    if (!api->options.node) {
        pawl__api_http_fail(request, 500, "ERR_ACTOR_RUNTIME_NOT_FOUND", PAWL_NO_RUNTIME);
        return NULL;
    }
    if (id.data && !pawl__wire_is_text(id)) {
        pawl__api_http_fail(request, 400, "ERR_MALFORMED_REQUEST",
                            "the instance id is not valid UTF-8 text");
        return NULL;
    }
    struct pawl_console_ask *ask = pawl__arena_zalloc(&request->arena, sizeof *ask);
    char *copy = id.data ? pawl__arena_dup(&request->arena, id) : NULL;
    if (!ask || (id.data && !copy)) {
        pawl__api_nomem(request);
        return NULL;
    }
    ask->api = api;
    ask->request = request;
    ask->id = copy;
    return ask;
}

static void console_on_close(struct pawl_request *request, enum pawl_err reason) {
    struct pawl_console_ask *ask = request->data;
    pawl__taskhub_cancel(&ask->call);
}

static void console_done(struct pawl_taskhub_call *call, const struct pawl_error *error) {
    struct pawl_console_ask *ask = call->data;
    if (error)
        pawl__api_http_fail(ask->request, pawl__err_http(error->code), "ERR_WORKFLOW", "%s",
                            error->text);
    else
        ask->answer(ask);
}

void pawl__console_call(struct pawl_console_ask *ask, enum pawl_taskhub_method method,
                        const ProtobufCMessage *message,
                        void (*answer)(struct pawl_console_ask *ask)) {
    ask->answer = answer;
    ask->call = (struct pawl_taskhub_call){
        .method = method,
        .request = message,
        .patience =
            PAWL_TASKHUB_AT_ONCE, // a worker that hangs must not keep people from being answered
        .arena = &ask->request->arena,
        .done = console_done,
        .data = ask,
    };
    ask->request->data = ask;
    ask->request->on_close = console_on_close;
    pawl__taskhub_call(ask->api->options.node, &ask->call);
}

void pawl__console_ask_history(struct pawl_console_ask *ask,
                               void (*answer)(struct pawl_console_ask *ask)) {
    Pb__GetInstanceHistoryRequest *message =
        pawl__wire_new(&ask->request->arena, &pb__get_instance_history_request__descriptor);
    if (!message) {
        pawl__api_nomem(ask->request);
        return;
    }
    message->instanceid = ask->id;
    pawl__console_call(ask, PAWL_TASKHUB_HISTORY, &message->base, answer);
}

void pawl__console_answer(struct pawl_console_ask *ask, json_t *body) {
    pawl__console_time(&body, "at", pawl__clock_wall());
    pawl__api_json(ask->request, 200, body);
}

bool pawl__console_number(struct pawl_request *request, const char *name, uint32_t otherwise,
                          uint32_t *out) {
    struct pawl_str text = pawl__request_query(request, name);
    int64_t number = otherwise;
    if (text.data && !pawl__str_to_int(text, 0, INT32_MAX, &number)) {
        pawl__api_http_fail(request, 400, "ERR_MALFORMED_REQUEST",
                            "%s must be a whole number from 0", name);
        return false;
    }
    *out = (uint32_t)number;
    return true;
}

void pawl__console_text(json_t **object, const char *key, const char *value) {
    if (value) pawl__json_set(object, key, json_string(value));
}

void pawl__console_time(json_t **object, const char *key, int64_t at) {
    // With microseconds: many steps take less than a millisecond.
    if (at) pawl__json_set(object, key, json_real((double)(at / 1000) / 1000.0));
}

// --- the app -------------------------------------------------------------------------------------

static void console_app(void *arg, struct pawl_request *request, const struct pawl_params *params) {
    struct pawl_api *api = arg;
    const struct pawl_api_options *options = &api->options;
    json_t *stores = json_array();
    for (size_t i = 0; i < options->stores->count; i++)
        pawl__json_add(&stores, json_pack("{s:s, s:s}", "name", options->stores->items[i]->name,
                                          "type", options->stores->items[i]->type));
    json_t *body =
        json_pack("{s:s, s:s, s:s, s:b, s:I, s:b, s:b, s:o}", "appId", options->app_id, "namespace",
                  options->namespace, "version", options->version, "ready", (int)api->ready,
                  "workers", (json_int_t)pawl__workers_here(options->node, options->neighbours),
                  "readOnly", (int)options->console.read_only, "hidePayloads",
                  (int)options->console.hide_payloads, "stores", stores);
    if (!api->ready) pawl__json_set(&body, "reason", pawl__json_text(pawl__str(api->not_ready)));
    pawl__console_time(&body, "at", pawl__clock_wall());
    pawl__api_json(request, 200, body);
}

static void console_openapi(void *arg, struct pawl_request *request,
                            const struct pawl_params *params) {
    static const struct pawl_header type = {{"content-type", 12}, {"application/json", 16}};
    pawl__http_respond(request, 200, &type, 1,
                       (struct pawl_str){(const char *)pawl__openapi, pawl__openapi_size});
}

#define V1 "/pawl/v1"

// docs/openapi.json has each of them.
const struct pawl_route pawl__console_routes[] = {
    {"GET", V1 "/openapi.json", console_openapi, ""},
    {"GET", V1 "/app", console_app, ""},
    {"GET", V1 "/numbers", pawl__console_numbers, ""},
    {"GET", V1 "/past", pawl__console_past, "from"},
    {"GET", V1 "/workers", pawl__console_workers, ""},
    {"GET", V1 "/store", pawl__console_store, ""},
    {"GET", V1 "/log", pawl__console_log, "after n"},
    {"GET", V1 "/changes", pawl__console_changes, "id most after"},
    {"GET", V1 "/sentences", pawl__console_sentences, "ids"},
    {"POST", V1 "/timeline", pawl__console_read, "as"},
    {"POST", V1 "/instances", pawl__console_start, ""},
    {"GET", V1 "/instances", pawl__console_list, "q sort limit after"},
    {"GET", V1 "/instances/count", pawl__console_count, "q by parts after"},
    {"POST", V1 "/instances/import", pawl__console_import, ""},
    {"GET", V1 "/instances/{id}", pawl__console_instance, "timeline"},
    {"GET", V1 "/instances/{id}/timeline", pawl__console_timeline, "as"},
    {"GET", V1 "/instances/{id}/history", pawl__console_history, ""},
    {"GET", V1 "/instances/{id}/events", pawl__console_events, "from n full find"},
    {"GET", V1 "/instances/{id}/events/{number}", pawl__console_event, ""},
    {"POST", V1 "/instances/{id}/{verb}", pawl__console_act, ""},
};

const size_t pawl__console_route_count = sizeof pawl__console_routes / sizeof *pawl__console_routes;
