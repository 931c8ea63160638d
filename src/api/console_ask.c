#include "api/console.h"
#include "base/clock.h"
#include "wire/pack.h"

// What the files of the console share: a request on its way through calls, and parts of answers.

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

static void ask_on_close(struct pawl_request *request, enum pawl_err reason) {
    struct pawl_console_ask *ask = request->data;
    pawl__taskhub_cancel(&ask->call);
}

static void ask_done(struct pawl_taskhub_call *call, const struct pawl_error *error) {
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
        .done = ask_done,
        .data = ask,
    };
    ask->request->data = ask;
    ask->request->on_close = ask_on_close;
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
