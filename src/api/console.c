#include "api/console.h"
#include "api/numbers.h"
#include "api/openapi.h"
#include "base/clock.h"

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
