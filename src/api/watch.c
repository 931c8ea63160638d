#include "api/watch.h"

#include "api/internal.h"
#include "api/request_meter.h"
#include "api/trace.h"
#include "base/clock.h"

// Tells a call in the log as the reference does.
static void watch_log(const struct pawl_api_watch *watch, const struct pawl_request *request,
                      int status) {
    const struct pawl_api_options *options = &watch->api->options;
    bool is_grpc = request->is_grpc, routes = !is_grpc && options->log_routes && watch->name;
    struct pawl_str path = routes ? pawl__str(watch->name) : request->path;
    if (is_grpc && pawl__str_starts(path, PAWL_STR("/pawl.Peer/"))) return; // no client's
    if (options->log_no_health && memmem(path.data, path.len, "/healthz", 8)) return;
    char method[256], agent[256], code[16], duration[24], size[24];
    int64_t took = pawl__clock_steady() - watch->began;
    if (is_grpc)
        snprintf(method, sizeof method, "%.*s", PAWL_FMT(path));
    else
        snprintf(method, sizeof method, "%.*s %.*s", PAWL_FMT(request->method), PAWL_FMT(path));
    struct pawl_str said = pawl__request_header(request, "user-agent");
    snprintf(agent, sizeof agent, "%.*s", PAWL_FMT(said));
    snprintf(code, sizeof code, "%d",
             is_grpc ? (int)pawl__err_grpc((enum pawl_err)status) : status);
    snprintf(duration, sizeof duration, "%lld", (long long)(took / PAWL_MILLISECOND));
    snprintf(size, sizeof size, "%zu", request->sent);
    const struct pawl_log_field fields[] = {
        {"code", code, true},
        {"duration", duration, true},
        {"method", method},
        {"size", size, true},
        {"useragent", said.data ? agent : NULL},
    };
    pawl__log_with(options->log, PAWL_LOG_INFO,
                   is_grpc ? "dapr.runtime.grpc.api-info" : "dapr.runtime.http-info",
                   is_grpc ? "gRPC API Called" : "HTTP API Called", fields,
                   sizeof fields / sizeof *fields);
}

static void watch_on_end(struct pawl_request *request, int status) {
    const struct pawl_api_watch *watch = request->watch;
    if (watch->api->options.log_calls) watch_log(watch, request, status);
    struct pawl_request_meter *meter = watch->api->options.meter;
    pawl__api_trace_end(request, watch->name, status);
    if (meter) pawl__request_meter_end(meter, request, watch->name, watch->began, status);
}

void pawl__api_watch_begin(struct pawl_api *api, struct pawl_request *request) {
    if (!api->options.tracer && !api->options.meter && !api->options.log_calls) return;
    struct pawl_api_watch *watch = pawl__arena_zalloc(&request->arena, sizeof *watch);
    if (!watch) return;
    watch->api = api;
    watch->began = pawl__clock_steady();
    request->watch = watch;
    request->on_end = watch_on_end;
    if (api->options.meter) pawl__request_meter_begin(api->options.meter, request);
    pawl__api_trace_begin(api, request);
}

void pawl__api_watch_name(struct pawl_request *request, const char *name) {
    struct pawl_api_watch *watch = request->watch;
    if (watch) watch->name = name;
}
