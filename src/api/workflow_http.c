// Workflows by the Dapr API over HTTP: each route under three prefixes.

#include "api/workflow.h"

// Copies what stands in the path or query, which may be any bytes, to |*out|; it stays as it is
// when |text| was not given. False after answering, when |ask| is gone.
static bool workflow_http_text(const struct pawl_workflow_ask *ask, struct pawl_str text,
                               char **out) {
    if (!text.data) return true;
    if (!pawl__wire_is_text(text)) {
        pawl__api_http_fail(ask->request, 400, "ERR_MALFORMED_REQUEST",
                            "a name in the path or query is not valid UTF-8 text");
        return false;
    }
    *out = pawl__arena_dup(&ask->request->arena, text);
    if (*out) return true;
    pawl__api_nomem(ask->request); // |ask| and |*out| go with the request
    return false;
}

// The route says which verb it is for.
static void workflow_http(void *arg, struct pawl_request *request,
                          const struct pawl_params *params) {
    enum pawl_workflow_verb verb = (enum pawl_workflow_verb)params->route->verb;
    struct pawl_workflow_ask *ask = pawl__workflow_ask(arg, request, verb);
    if (!ask) return;
    bool starts = verb == PAWL_WORKFLOW_START;
    char *app = NULL;
    if (!workflow_http_text(ask, pawl__request_query(request, "appID"), &app) ||
        !workflow_http_text(ask, params->values[1], starts ? &ask->name : &ask->id) ||
        !workflow_http_text(ask,
                            starts ? pawl__request_query(request, "instanceID") : params->values[2],
                            starts ? &ask->id : &ask->event))
        return;
    ask->app = app;
    ask->payload = request->body;
    pawl__workflow_serve(ask);
}

#define ROUTE(method, rest, verb)                                                                  \
    { method, rest, workflow_http, NULL, PAWL_WORKFLOW_##verb }
#define ROUTES(prefix)                                                                             \
    ROUTE("POST", prefix "/workflows/{component}/{name}/start", START),                            \
        ROUTE("POST", prefix "/workflows/{component}/{id}/raiseEvent/{event}", RAISE),             \
        ROUTE("POST", prefix "/workflows/{component}/{id}/pause", PAUSE),                          \
        ROUTE("POST", prefix "/workflows/{component}/{id}/resume", RESUME),                        \
        ROUTE("POST", prefix "/workflows/{component}/{id}/terminate", TERMINATE),                  \
        ROUTE("POST", prefix "/workflows/{component}/{id}/purge", PURGE),                          \
        ROUTE("GET", prefix "/workflows/{component}/{id}", GET)

const struct pawl_route pawl__workflow_routes[] = {
    ROUTES("/v1.0"),
    ROUTES("/v1.0-beta1"),
    ROUTES("/v1.0-alpha1"),
};

const size_t pawl__workflow_route_count =
    sizeof pawl__workflow_routes / sizeof *pawl__workflow_routes;
