#include "cli/hub.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "api/console.h"
#include "api/dashboard.h"
#include "base/clock.h"
#include "base/list.h"
#include "cli/find.h"
#include "cli/hub_stream.h"
#include "cli/token.h"
#include "net/answer.h"
#include "net/http_fetch.h"
#include "net/router.h"
#include "wire/json_build.h"

static const int64_t HUB_TIMEOUT = INT64_C(30000000000); // nanoseconds, of a call that is handed on

// One call on its way. It outlives the request when the browser does not wait for it.
struct hub_call {
    uv_work_t work;
    struct pawl_request *request; // NULL: its client is gone
    struct pawl_found *found;     // of the thread
    const struct pawl_found *chosen;
    char *app, *method, *path; // copies
    char *type;                // of the body
    char *token;               // that the page shows; NULL: none
    struct pawl_buf body, answer;
    int status;
    struct pawl_error error;
};

static void hub_call_destroy(struct hub_call *call) {
    free(call->found);
    free(call->app);
    free(call->method);
    free(call->path);
    free(call->type);
    free(call->token);
    pawl__buf_finish(&call->body);
    pawl__buf_finish(&call->answer);
    free(call);
}

static void hub_answer(struct pawl_request *request, int status, struct pawl_str body) {
    const struct pawl_header headers[] = {
        {PAWL_STR("content-type"), PAWL_STR("application/json")},
        {PAWL_STR("cache-control"), PAWL_STR("no-store")},
    };
    pawl__http_respond(request, status, headers, sizeof headers / sizeof *headers, body);
}

static void hub_fail(struct pawl_request *request, int status, const char *text) {
    json_t *json = json_pack("{s:s, s:s}", "errorCode", "ERR_DASHBOARD", "message", text);
    char *dump = json ? json_dumps(json, JSON_COMPACT) : NULL;
    hub_answer(request, status, dump ? pawl__str(dump) : PAWL_STR("{}"));
    free(dump);
    json_decref(json);
}

static void hub_on_close(struct pawl_request *request, enum pawl_err reason) {
    struct hub_call *call = request->data;
    call->request = NULL;
}

static void hub_done(uv_work_t *work, int status) {
    struct hub_call *call = PAWL_CONTAINER(work, struct hub_call, work);
    if (call->request && call->error.code)
        hub_fail(call->request, pawl__err_http(call->error.code), call->error.text);
    else if (call->request)
        hub_answer(call->request, call->status, pawl__buf_str(&call->answer));
    hub_call_destroy(call);
}

static void hub_submit(uv_loop_t *loop, struct hub_call *call, uv_work_cb run,
                       uv_after_work_cb done) {
    call->request->data = call;
    call->request->on_close = hub_on_close;
    uv_queue_work(loop, &call->work, run, done);
}

static struct hub_call *hub_call_create(struct pawl_request *request) {
    struct hub_call *call = calloc(1, sizeof *call);
    if (call) call->found = calloc(PAWL_FOUND_MAX, sizeof *call->found);
    if (call && call->found) {
        call->request = request;
        return call;
    }
    free(call);
    hub_fail(request, 500, "out of memory");
    return NULL;
}

// --- which apps there are ------------------------------------------------------------------------

static void hub_find(uv_work_t *work) {
    struct hub_call *call = PAWL_CONTAINER(work, struct hub_call, work);
    size_t count = pawl__find_daemons(call->found);
    json_t *apps = json_array();
    for (size_t i = 0; i < count; i++) {
        const struct pawl_found *found = &call->found[i];
        pawl__json_add(&apps, json_pack("{s:s, s:i, s:i, s:i, s:s, s:I, s:I}", "appId",
                                        found->app_id, "httpPort", found->http_port, "grpcPort",
                                        found->grpc_port, "workers", found->workers, "command",
                                        found->command, "pid", (json_int_t)found->pid, "started",
                                        (json_int_t)found->started_at * 1000));
    }
    json_t *body =
        json_pack("{s:o, s:I}", "apps", apps, "at", (json_int_t)(pawl__clock_wall() / 1000000));
    char *text = body ? json_dumps(body, JSON_COMPACT) : NULL;
    call->status = 200;
    if (!text || !pawl__buf_append(&call->answer, text, strlen(text)))
        pawl__fail_plain(&call->error, PAWL_E_NOMEM);
    free(text);
    json_decref(body);
}

static void hub_apps(void *arg, struct pawl_request *request, const struct pawl_params *params) {
    struct hub_call *call = hub_call_create(request);
    struct pawl_hub *hub = arg;
    if (call) hub_submit(hub->loop, call, hub_find, hub_done);
}

// --- handing calls on ----------------------------------------------------------------------------

// Whether |text| is "APP:PORT", one daemon of an app with several, by its HTTP port.
static bool hub_is_daemon(const struct pawl_found *found, const char *text) {
    size_t len = strlen(found->app_id);
    int64_t port;
    return strncmp(text, found->app_id, len) == 0 && text[len] == ':' &&
           pawl__str_to_int(pawl__str(text + len + 1), 1, UINT16_MAX, &port) &&
           port == found->http_port;
}

// The daemon that a call is for; NULL: |call->error| says why.
static const struct pawl_found *hub_choose(struct hub_call *call) {
    size_t count = 0, running = pawl__find_running(call->found);
    for (size_t i = 0; i < running; i++) {
        if (!call->found[i].http_port) continue;
        if (hub_is_daemon(&call->found[i], call->app)) return &call->found[i];
        if (strcmp(call->found[i].app_id, call->app) == 0) call->found[count++] = call->found[i];
    }
    const struct pawl_found *app =
        count == 1 ? call->found : pawl__find_best(call->found, count, call->app);
    if (!app)
        pawl__fail(&call->error, PAWL_E_NOT_FOUND, "no daemon of app '%s' runs on this machine",
                   call->app);
    return app;
}

enum {
    HUB_HEADERS = PAWL_TOKENS + 2
};

// The headers that go along. Returns how many.
static size_t hub_headers(const struct hub_call *call, struct pawl_header out[HUB_HEADERS]) {
    size_t count = pawl__token_headers(out);
    if (call->type)
        out[count++] = (struct pawl_header){PAWL_STR("content-type"), pawl__str(call->type)};
    if (call->token && !pawl__token_of_dashboard())
        out[count++] =
            (struct pawl_header){PAWL_STR("pawl-dashboard-token"), pawl__str(call->token)};
    return count;
}

// What |call| asks of |app|.
static struct pawl_http_ask hub_ask(const struct hub_call *call, const struct pawl_found *app,
                                    struct pawl_header headers[HUB_HEADERS]) {
    return (struct pawl_http_ask){.host = app->host,
                                  .port = app->http_port,
                                  .method = call->method,
                                  .path = call->path,
                                  .headers = headers,
                                  .header_count = hub_headers(call, headers),
                                  .body = pawl__buf_str(&call->body),
                                  .timeout = HUB_TIMEOUT};
}

static void hub_forward(uv_work_t *work) {
    struct hub_call *call = PAWL_CONTAINER(work, struct hub_call, work);
    const struct pawl_found *app = hub_choose(call);
    if (!app) return;
    struct pawl_header headers[HUB_HEADERS];
    const struct pawl_http_ask ask = hub_ask(call, app, headers);
    enum pawl_err err = pawl__http_fetch(&ask, &call->status, &call->answer, &call->error);
    if (err) call->error.code = err;
}

// A call with all that is handed on of |request|. NULL after answering.
static struct hub_call *hub_take(struct pawl_request *request, const struct pawl_params *params) {
    struct hub_call *call = hub_call_create(request);
    if (!call) return NULL;
    // The rest of the path goes on as it was sent: it may have encoded slashes.
    struct pawl_str type = pawl__request_header(request, "content-type");
    struct pawl_str token = pawl__request_header(request, "pawl-dashboard-token");
    const char *rest = memmem(request->path.data, request->path.len, "/pawl/v1/", 9);
    struct pawl_str path = {rest,
                            rest ? request->path.len - (size_t)(rest - request->path.data) : 0};
    struct pawl_buf target = {0};
    pawl__buf_format(&target, "%.*s%s%.*s", PAWL_FMT(path), request->query.len ? "?" : "",
                     PAWL_FMT(request->query));
    call->app = pawl__str_dup(params->values[0]);
    call->method = pawl__str_dup(request->method);
    call->path = target.failed ? NULL : pawl__str_dup(pawl__buf_str(&target));
    call->type = type.len ? pawl__str_dup(type) : NULL;
    call->token = token.len ? pawl__str_dup(token) : NULL;
    pawl__buf_finish(&target);
    bool ok = rest && call->app && call->method && call->path && (call->type || !type.len) &&
              (call->token || !token.len) &&
              pawl__buf_append(&call->body, request->body.data ? request->body.data : "",
                               request->body.len);
    if (ok) return call;
    hub_call_destroy(call);
    hub_fail(request, 500, "out of memory");
    return NULL;
}

static void hub_call_on(void *arg, struct pawl_request *request, const struct pawl_params *params) {
    struct pawl_hub *hub = arg;
    if (hub->read_only && !pawl__str_equal(request->method, PAWL_STR("GET"))) {
        hub_fail(request, 403, "this dashboard only reads (--read-only)");
        return;
    }
    struct hub_call *call = hub_take(request, params);
    if (call) hub_submit(hub->loop, call, hub_forward, hub_done);
}

// --- streams, which have no end ------------------------------------------------------------------

static void hub_stream_find(uv_work_t *work) {
    struct hub_call *call = PAWL_CONTAINER(work, struct hub_call, work);
    call->chosen = hub_choose(call);
}

static void hub_stream_found(uv_work_t *work, int status) {
    struct hub_call *call = PAWL_CONTAINER(work, struct hub_call, work);
    const struct pawl_found *app = call->chosen;
    if (call->request && !app) {
        hub_fail(call->request, pawl__err_http(call->error.code), call->error.text);
    } else if (call->request) {
        struct pawl_buf text = {0};
        struct pawl_header headers[HUB_HEADERS];
        const struct pawl_http_ask ask = hub_ask(call, app, headers);
        pawl__http_request_text(&text, &ask);
        pawl__hub_stream(work->loop, call->request, app->host, app->http_port, &text);
    }
    hub_call_destroy(call);
}

static void hub_changes(void *arg, struct pawl_request *request, const struct pawl_params *params) {
    struct pawl_hub *hub = arg;
    struct hub_call *call = hub_take(request, params);
    if (call) hub_submit(hub->loop, call, hub_stream_find, hub_stream_found);
}

// --- the page ------------------------------------------------------------------------------------

static void hub_page(void *arg, struct pawl_request *request, const struct pawl_params *params) {
    pawl__dashboard_serve(request, PAWL_PAGE_APPS, params->values[0]);
}

static void hub_home(void *arg, struct pawl_request *request, const struct pawl_params *params) {
    const struct pawl_header location = {PAWL_STR("location"), PAWL_STR("dashboard/")};
    pawl__http_respond(request, 307, &location, 1, PAWL_STR(""));
}

static const struct pawl_route hub_routes[] = {
    {"GET|HEAD", "/", hub_home},
    {"GET|HEAD", "/dashboard", hub_page},
    {"GET|HEAD", "/dashboard/{file}", hub_page},
    {"GET", "/pawl/v1/apps", hub_apps},
    {"POST", "/pawl/v1/timeline", pawl__console_read},
    {"GET", "/apps/{app}/pawl/v1/changes", hub_changes}, // before the next
    {"GET|POST", "/apps/{app}/pawl/v1/{rest...}", hub_call_on},
};

void pawl__hub_handle(void *arg, struct pawl_request *request) {
    struct pawl_params params;
    if (request->is_grpc)
        pawl__grpc_finish(request, PAWL_E_UNIMPLEMENTED, "the dashboard serves no gRPC",
                          PAWL_STR(""));
    else if (pawl__route_find(hub_routes, sizeof hub_routes / sizeof *hub_routes, request,
                              &params) == PAWL_ROUTE_FOUND)
        params.route->handle(arg, request, &params);
    else
        hub_fail(request, 404, "the dashboard serves nothing here");
}
