// Workflows by the Dapr API over HTTP: each route under three prefixes.

#include "api/workflow.h"

// Copies what stands in the path or query, which may be any bytes, to |*out|; it stays as it is
// when |text| was not given. False after answering.
static bool workflow_http_text(const struct pawl_workflow_ask *ask, struct pawl_str text,
                               char **out) {
    if (!text.data) return true;
    if (!pawl__wire_is_text(text)) {
        pawl__api_http_fail(ask->request, 400, "ERR_MALFORMED_REQUEST",
                            "a name in the path or query is not valid UTF-8 text");
        return false;
    }
    *out = pawl__arena_dup(&ask->request->arena, text);
    if (!*out) pawl__api_nomem(ask->request);
    return *out;
}

static struct pawl_workflow_ask *workflow_http_ask(void *arg, struct pawl_request *request,
                                                   const struct pawl_params *params,
                                                   enum pawl_workflow_verb verb) {
    struct pawl_workflow_ask *ask = pawl__workflow_ask(arg, request, verb);
    if (!ask) return NULL;
    bool starts = verb == PAWL_WORKFLOW_START;
    char *app = NULL;
    if (!workflow_http_text(ask, pawl__request_query(request, "appID"), &app) ||
        !workflow_http_text(ask, params->values[1], starts ? &ask->name : &ask->id) ||
        !workflow_http_text(ask,
                            starts ? pawl__request_query(request, "instanceID") : params->values[2],
                            starts ? &ask->id : &ask->event))
        return NULL;
    ask->app = app;
    return ask;
}

static void workflow_http_start(void *arg, struct pawl_request *request,
                                const struct pawl_params *params) {
    struct pawl_workflow_ask *ask = workflow_http_ask(arg, request, params, PAWL_WORKFLOW_START);
    if (!ask) return;
    ask->payload = request->body;
    pawl__workflow_serve(ask);
}

static void workflow_http_raise(void *arg, struct pawl_request *request,
                                const struct pawl_params *params) {
    struct pawl_workflow_ask *ask = workflow_http_ask(arg, request, params, PAWL_WORKFLOW_RAISE);
    if (!ask) return;
    ask->payload = request->body;
    pawl__workflow_serve(ask);
}

static void workflow_http_get(void *arg, struct pawl_request *request,
                              const struct pawl_params *params) {
    struct pawl_workflow_ask *ask = workflow_http_ask(arg, request, params, PAWL_WORKFLOW_GET);
    if (ask) pawl__workflow_serve(ask);
}

static void workflow_http_pause(void *arg, struct pawl_request *request,
                                const struct pawl_params *params) {
    struct pawl_workflow_ask *ask = workflow_http_ask(arg, request, params, PAWL_WORKFLOW_PAUSE);
    if (ask) pawl__workflow_serve(ask);
}

static void workflow_http_resume(void *arg, struct pawl_request *request,
                                 const struct pawl_params *params) {
    struct pawl_workflow_ask *ask = workflow_http_ask(arg, request, params, PAWL_WORKFLOW_RESUME);
    if (ask) pawl__workflow_serve(ask);
}

static void workflow_http_terminate(void *arg, struct pawl_request *request,
                                    const struct pawl_params *params) {
    struct pawl_workflow_ask *ask =
        workflow_http_ask(arg, request, params, PAWL_WORKFLOW_TERMINATE);
    if (ask) pawl__workflow_serve(ask);
}

static void workflow_http_purge(void *arg, struct pawl_request *request,
                                const struct pawl_params *params) {
    struct pawl_workflow_ask *ask = workflow_http_ask(arg, request, params, PAWL_WORKFLOW_PURGE);
    if (ask) pawl__workflow_serve(ask);
}

#define ROUTES(prefix)                                                                             \
    {"POST", prefix "/workflows/{component}/{name}/start", workflow_http_start},                   \
        {"POST", prefix "/workflows/{component}/{id}/raiseEvent/{event}", workflow_http_raise},    \
        {"POST", prefix "/workflows/{component}/{id}/pause", workflow_http_pause},                 \
        {"POST", prefix "/workflows/{component}/{id}/resume", workflow_http_resume},               \
        {"POST", prefix "/workflows/{component}/{id}/terminate", workflow_http_terminate},         \
        {"POST", prefix "/workflows/{component}/{id}/purge", workflow_http_purge}, {               \
        "GET", prefix "/workflows/{component}/{id}", workflow_http_get                             \
    }

const struct pawl_route pawl__workflow_routes[] = {
    ROUTES("/v1.0"),
    ROUTES("/v1.0-beta1"),
    ROUTES("/v1.0-alpha1"),
};

const size_t pawl__workflow_route_count =
    sizeof pawl__workflow_routes / sizeof *pawl__workflow_routes;
