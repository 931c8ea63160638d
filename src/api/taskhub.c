#include "runtime/taskhub.h"
#include "api/internal.h"
#include "api/trace.h"
#include "engine/events.h"

// The client's side of the TaskHub service, which is the runtime's, over gRPC.

struct taskhub_ask {
    struct pawl_taskhub_call call;
    struct pawl_request *request;
};

static void taskhub_on_close(struct pawl_request *request, enum pawl_err reason) {
    struct taskhub_ask *ask = request->data;
    pawl__taskhub_cancel(&ask->call);
}

// The status of an error: those that the reference has none for are UNKNOWN.
static enum pawl_err taskhub_code(enum pawl_taskhub_method method, enum pawl_err code) {
    bool known =
        pawl__methods[method].tells || (code != PAWL_E_NOT_FOUND && code != PAWL_E_PRECONDITION);
    return known ? code : PAWL_E_UNKNOWN;
}

static void taskhub_done(struct pawl_taskhub_call *call, const struct pawl_error *error) {
    struct taskhub_ask *ask = call->data;
    if (error)
        pawl__api_fail_as(ask->request, taskhub_code(call->method, error->code), error->code,
                          error->text);
    else
        pawl__api_reply(ask->request, call->response);
}

// Puts the workflow that is started in the trace of its start. False after answering.
static bool taskhub_trace(struct pawl_api *api, struct taskhub_ask *ask) {
    Pb__CreateInstanceRequest *message = (Pb__CreateInstanceRequest *)(uintptr_t)ask->call.request;
    struct pawl_api_start *start = pawl__arena_alloc(&ask->request->arena, sizeof *start);
    if (!start) {
        pawl__api_nomem(ask->request);
        return false;
    }
    *start = (struct pawl_api_start){
        .name = message->name,
        .id = ask->call.method == PAWL_TASKHUB_START_NEW ? ask->call.new_id : message->instanceid,
        .version = pawl__string_of(message->version),
        .context = message->parenttracecontext,
    };
    pawl__api_trace_start(api, ask->request, start);
    message->parenttracecontext = start->context;
    ask->call.span_id = start->span_id;
    return true;
}

void pawl__api_taskhub(struct pawl_api *api, struct pawl_request *request,
                       const struct pawl_method *method) {
    const ProtobufCMessage *message = pawl__api_unpack(request, method->request);
    if (!message) return;
    if (!api->options.node && method != &pawl__methods[PAWL_TASKHUB_HELLO]) {
        // The reference has its own text for a list, and its SDKs look for it.
        if (method == &pawl__methods[PAWL_TASKHUB_LIST])
            pawl__api_fail(request, PAWL_E_UNKNOWN, "no state store with actor support found");
        else
            pawl__api_fail(request, PAWL_E_INTERNAL, PAWL_NO_RUNTIME);
        return;
    }
    struct taskhub_ask *ask = pawl__arena_alloc(&request->arena, sizeof *ask);
    if (!ask) {
        pawl__api_nomem(request);
        return;
    }
    ask->request = request;
    ask->call.method = (enum pawl_taskhub_method)(method - pawl__methods);
    ask->call.request = message;
    ask->call.patience = PAWL_TASKHUB_WAITS;
    ask->call.span_id = NULL;
    ask->call.arena = &request->arena;
    ask->call.done = taskhub_done;
    ask->call.data = ask;
    request->data = ask;
    request->on_close = taskhub_on_close;
    bool is_new = ask->call.method == PAWL_TASKHUB_START_NEW;
    if (is_new && !pawl__taskhub_draw(api->options.node, &ask->call)) {
        pawl__api_nomem(request);
        return;
    }
    if ((is_new || ask->call.method == PAWL_TASKHUB_START) && !taskhub_trace(api, ask)) return;
    pawl__taskhub_call(api->options.node, &ask->call);
}
