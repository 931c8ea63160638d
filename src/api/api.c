#include "api/api.h"

#include <stdlib.h>

#include "api/console.h"
#include "api/console_past.h"
#include "api/dashboard.h"
#include "api/elsewhere.h"
#include "api/internal.h"
#include "api/relays.h"
#include "api/watch.h"
#include "api/watchers.h"

struct pawl_api *pawl__api_create(const struct pawl_api_options *options) {
    struct pawl_api *api = calloc(1, sizeof *api);
    if (!api) return NULL;
    api->options = *options;
    pawl__link_init(&api->streams);
    pawl__api_set_ready(api, false, "the daemon is starting");
    bool relays = options->loop && options->node, watches = options->loop && options->feed;
    if (relays) api->relays = pawl__relays_create(api, options->loop);
    bool merges = watches && options->peers && options->node->shares;
    if (watches) api->watchers = pawl__watchers_create(api);
    if (merges) api->elsewhere = pawl__elsewhere_create(api);
    if (relays) api->keeper = pawl__keeper_create(api);
    if (!api->relays == !relays && !api->keeper == !relays && !api->watchers == !watches &&
        !api->elsewhere == !merges)
        return api;
    pawl__api_destroy(api);
    return NULL;
}

void pawl__api_destroy(struct pawl_api *api) {
    if (!api) return;
    pawl__relays_destroy(api->relays);
    pawl__watchers_destroy(api->watchers);
    pawl__elsewhere_destroy(api->elsewhere);
    pawl__keeper_destroy(api->keeper);
    free(api);
}

void pawl__api_set_ready(struct pawl_api *api, bool ready, const char *reason) {
    api->ready = ready;
    snprintf(api->not_ready, sizeof api->not_ready, "%s", reason ? reason : "");
}

// --- gRPC ---------------------------------------------------------------------------------------

static const struct pawl_api_method_row *const api_methods[] = {
    pawl__work_methods,     pawl__workflow_methods, pawl__state_methods,
    pawl__metadata_methods, pawl__peer_methods,     pawl__peer_watch_methods,
};

static void api_handle_grpc(struct pawl_api *api, struct pawl_request *request) {
    for (size_t i = 0; i < sizeof api_methods / sizeof *api_methods; i++)
        for (const struct pawl_api_method_row *row = api_methods[i]; row->path; row++)
            if (pawl__str_equal(request->path, pawl__str(row->path))) {
                pawl__api_watch_name(request, row->path);
                row->handle(api, request);
                return;
            }
    const struct pawl_method *unary = pawl__method_find(request->path);
    if (unary) {
        pawl__api_watch_name(request, unary->path);
        pawl__api_taskhub(api, request, unary);
        return;
    }
    // The texts are those of grpc-go, which SDKs see from daprd.
    struct pawl_str service = request->path, method;
    if (service.len) service = (struct pawl_str){service.data + 1, service.len - 1};
    method = service;
    service = pawl__str_cut(&method, '/');
    bool known = pawl__str_equal(service, PAWL_STR("TaskHubSidecarService")) ||
                 pawl__str_equal(service, PAWL_STR("dapr.proto.runtime.v1.Dapr"));
    if (known)
        pawl__api_fail(request, PAWL_E_UNIMPLEMENTED, "unknown method %.*s for service %.*s",
                       PAWL_FMT(method), PAWL_FMT(service));
    else
        pawl__api_fail(request, PAWL_E_UNIMPLEMENTED, "unknown service %.*s", PAWL_FMT(service));
}

// --- tokens -------------------------------------------------------------------------------------

// Compares without telling by its time how much of the token was right.
static bool api_token_matches(struct pawl_str given, struct pawl_str token) {
    unsigned difference = given.len != token.len;
    for (size_t i = 0; i < given.len; i++)
        difference |= (unsigned)((unsigned char)given.data[i] ^
                                 (unsigned char)token.data[token.len ? i % token.len : 0]);
    return !difference;
}

static bool api_shows(const struct pawl_request *request, const char *header, const char *token) {
    return token && api_token_matches(pawl__request_header(request, header), pawl__str(token));
}

// Whoever calls shows the API's token where there is one. Health is told to everybody, and so is
// the dashboard's page, which tells nothing by itself and asks for a token. What it shows comes
// from /pawl/v1, which either token opens, in the header that the page sends. |pattern| is that of
// the route, as one path can be written in many ways; empty: there is none, or it is a gRPC method.
static bool api_admits(const struct pawl_api *api, const struct pawl_request *request,
                       struct pawl_str pattern) {
    const char *token = api->options.token, *console = api->options.console.token;
    if (!token && !console) return true;
    if (api_shows(request, "dapr-api-token", token)) return true;
    if (pawl__str_starts(pattern, PAWL_STR("/v1.0/healthz"))) return true;
    if (pawl__str_starts(pattern, PAWL_STR("/dashboard"))) return true;
    if (!pawl__str_starts(pattern, PAWL_STR("/pawl/v1/"))) return !token;
    return api_shows(request, "pawl-dashboard-token", token) ||
           api_shows(request, "pawl-dashboard-token", console);
}

static void api_turn_away(struct pawl_request *request) {
    if (request->is_grpc)
        pawl__api_fail(request, PAWL_E_UNAUTHENTICATED, "invalid api token");
    else
        pawl__http_respond(request, 401, NULL, 0, PAWL_STR("invalid api token"));
}

// --- HTTP ---------------------------------------------------------------------------------------

// False after answering that |request| has a parameter that |route| does not take.
static bool api_takes(const struct pawl_route *route, struct pawl_request *request) {
    if (!route->query) return true;
    struct pawl_str stray = pawl__request_stray(request, route->query);
    if (pawl__api_starved(request)) return false;
    if (!stray.data) return true;
    pawl__api_http_fail(request, 400, "ERR_MALFORMED_REQUEST", "%s takes no parameter '%.*s'; %s%s",
                        route->pattern, PAWL_FMT(stray),
                        *route->query ? "it takes " : "it takes none", route->query);
    return false;
}

static void api_handle_http(struct pawl_api *api, struct pawl_request *request) {
    const struct {
        const struct pawl_route *routes;
        size_t count;
    } tables[] = {
        {pawl__workflow_routes, pawl__workflow_route_count},
        {pawl__state_routes, pawl__state_route_count},
        {pawl__metadata_routes, pawl__metadata_route_count},
        {pawl__console_routes, pawl__console_route_count},
        {pawl__dashboard_routes, pawl__dashboard_route_count},
    };
    enum pawl_route_result result = PAWL_ROUTE_NO_PATH;
    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++) {
        struct pawl_params params;
        enum pawl_route_result one =
            pawl__route_find(tables[i].routes, tables[i].count, request, &params);
        if (one == PAWL_ROUTE_FOUND) {
            const struct pawl_route *route = params.route;
            pawl__api_watch_name(request, route->pattern);
            if (!api_admits(api, request, pawl__str(route->pattern)))
                api_turn_away(request);
            else if (api_takes(route, request))
                route->handle(api, request, &params);
            return;
        }
        if (one != PAWL_ROUTE_NO_PATH) result = one;
    }
    if (pawl__api_starved(request)) return;
    if (!api_admits(api, request, PAWL_STR("")))
        api_turn_away(request);
    else if (result == PAWL_ROUTE_NO_METHOD)
        pawl__api_http_fail(request, 405, "ERR_METHOD_NOT_ALLOWED", "%.*s is not served at %.*s",
                            PAWL_FMT(request->method), PAWL_FMT(request->path));
    else if (result == PAWL_ROUTE_MALFORMED)
        pawl__api_http_fail(request, 400, "ERR_MALFORMED_REQUEST", "the path is not valid: %.*s",
                            PAWL_FMT(request->path));
    else
        pawl__api_http_fail(request, 404, "ERR_NOT_FOUND", "nothing is served at %.*s",
                            PAWL_FMT(request->path));
}

// --- both ---------------------------------------------------------------------------------------

void pawl__api_handle(void *arg, struct pawl_request *request) {
    struct pawl_api *api = arg;
    pawl__api_watch_begin(api, request);
    if (!request->is_grpc)
        api_handle_http(api, request);
    else if (api_admits(api, request, PAWL_STR("")))
        api_handle_grpc(api, request);
    else
        api_turn_away(request);
}
