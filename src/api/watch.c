#include "api/watch.h"

#include "api/internal.h"
#include "api/request_meter.h"
#include "api/trace.h"
#include "base/clock.h"

static void watch_on_end(struct pawl_request *request, int status) {
    const struct pawl_api_watch *watch = request->watch;
    struct pawl_request_meter *meter = watch->api->options.meter;
    pawl__api_trace_end(request, watch->name, status);
    if (meter) pawl__request_meter_end(meter, request, watch->name, watch->began, status);
}

void pawl__api_watch_begin(struct pawl_api *api, struct pawl_request *request) {
    if (!api->options.tracer && !api->options.meter) return;
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
