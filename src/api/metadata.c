#include <unistd.h>

#include "api/internal.h"

// What the sidecar tells of itself: health, metadata; and its end.

// --- health -------------------------------------------------------------------------------------

static void metadata_health(void *arg, struct pawl_request *request,
                            const struct pawl_params *params) {
    (void)params;
    struct pawl_api *api = arg;
    struct pawl_str app = pawl__request_query(request, "appid");
    if (pawl__api_starved(request)) return;
    if (app.data && !pawl__str_equal(app, pawl__str(api->options.app_id)))
        pawl__api_http_fail(request, 500, "ERR_HEALTH_APPID_NOT_MATCH",
                            "dapr app-id does not match");
    else if (!api->ready)
        pawl__api_http_fail(request, 500, "ERR_HEALTH_NOT_READY", "dapr is not ready: [%s]",
                            api->not_ready);
    else
        pawl__api_empty(request, 204);
}

static void metadata_outbound(void *arg, struct pawl_request *request,
                              const struct pawl_params *params) {
    (void)params;
    struct pawl_api *api = arg;
    if (api->ready)
        pawl__api_empty(request, 204);
    else
        pawl__api_http_fail(request, 500, "ERR_OUTBOUND_HEALTH_NOT_READY",
                            "dapr outbound is not ready: [%s]", api->not_ready);
}

// --- metadata -----------------------------------------------------------------------------------

// The three types under which a daprd with a worker hosts its workflows.
static const char *const metadata_actors[] = {"workflow", "activity", "retentioner"};
static const char *const metadata_capabilities[] = {"ETAG", "TRANSACTIONAL", "TTL", "ACTOR"};

enum {
    METADATA_ACTORS = sizeof metadata_actors / sizeof *metadata_actors,
    METADATA_CAPABILITIES = sizeof metadata_capabilities / sizeof *metadata_capabilities,
};

static int metadata_workers(const struct pawl_api *api) {
    return api->options.node ? (int)pawl__node_worker_count(api->options.node) : 0;
}

static char *metadata_actor_type(struct pawl_api *api, struct pawl_request *request, size_t i) {
    return pawl__arena_format(&request->arena, "dapr.internal.%s.%s.%s", api->options.namespace,
                              api->options.app_id, metadata_actors[i]);
}

static const char *metadata_actor_status(const struct pawl_api *api) {
    if (!api->options.node) return "DISABLED";
    return pawl__node_ready(api->options.node) ? "RUNNING" : "INITIALIZING";
}

// What a benchmark asks for.
static json_t *metadata_self(const struct pawl_api_options *options) {
    uint64_t commits = 0;
    for (size_t i = 0; i < options->stores->count; i++)
        commits += options->stores->items[i]->storage->commits;
    return json_pack("{s:i, s:I}", "pid", (int)getpid(), "commits", (json_int_t)commits);
}

static void metadata_http_get(void *arg, struct pawl_request *request,
                              const struct pawl_params *params) {
    (void)params;
    struct pawl_api *api = arg;
    const struct pawl_api_options *options = &api->options;
    json_t *components = json_array(), *actors = json_array();
    int lost = 0; // for want of memory
    for (size_t i = 0; i < options->stores->count; i++) {
        json_t *capabilities = json_array();
        for (size_t k = 0; k < METADATA_CAPABILITIES; k++)
            lost |= json_array_append_new(capabilities, json_string(metadata_capabilities[k]));
        lost |= json_array_append_new(
            components,
            json_pack("{s:s, s:s, s:s, s:o}", "name", options->stores->items[i]->name, "type",
                      options->stores->items[i]->type, "version",
                      options->stores->items[i]->version, "capabilities", capabilities));
    }
    for (size_t i = 0; metadata_workers(api) && i < METADATA_ACTORS; i++)
        lost |= json_array_append_new(
            actors,
            json_pack("{s:s, s:i}", "type", metadata_actor_type(api, request, i), "count", 0));
    bool serves = options->node && pawl__node_ready(options->node);
    json_t *body = json_pack("{s:s, s:s, s:[], s:O, s:o, s:O, s:[], s:[]}", "id", options->app_id,
                             "runtimeVersion", options->version, "enabledFeatures", "actors",
                             actors, "components", components, "extended", api->extended,
                             "subscriptions", "httpEndpoints");
    lost |= json_object_set_new(body, "actorRuntime",
                                json_pack("{s:s, s:o, s:b, s:s}", "runtimeStatus",
                                          metadata_actor_status(api), "activeActors", actors,
                                          "hostReady", serves, "placement", ""));
    lost |= json_object_set_new(body, "scheduler", json_pack("{s:[]}", "connected_addresses"));
    lost |= json_object_set_new(body, "workflows",
                                json_pack("{s:i}", "connectedWorkers", metadata_workers(api)));
    lost |= json_object_set_new(body, "pawl", metadata_self(options));
    if (options->app_port > 0)
        lost |= json_object_set_new(body, "appConnectionProperties",
                                    json_pack("{s:i, s:s, s:s, s:i}", "port", options->app_port,
                                              "protocol", options->app_protocol, "channelAddress",
                                              options->app_address, "maxConcurrency",
                                              options->app_max_concurrency));
    if (lost) {
        json_decref(body);
        pawl__api_nomem(request);
        return;
    }
    pawl__api_json(request, 200, body);
}

static void metadata_http_set(void *arg, struct pawl_request *request,
                              const struct pawl_params *params) {
    struct pawl_api *api = arg;
    if (!pawl__wire_is_text(params->values[0]) || !pawl__wire_is_text(request->body)) {
        pawl__api_http_fail(request, 400, "ERR_MALFORMED_REQUEST",
                            "the key or the value is not valid UTF-8");
        return;
    }
    const char *key = params->values[0].data; // terminated
    json_t *value = json_stringn(request->body.data, request->body.len);
    if (json_object_set_new(api->extended, key, value))
        pawl__api_nomem(request);
    else
        pawl__api_empty(request, 204);
}

static void metadata_init_entry(void *entry) {
    dapr__get_metadata_response__extended_metadata_entry__init(entry);
}

static void metadata_grpc_get(struct pawl_api *api, struct pawl_request *request) {
    if (!pawl__api_unpack(request, &dapr__get_metadata_request__descriptor)) return;
    const struct pawl_api_options *options = &api->options;
    size_t workers = (size_t)metadata_workers(api), stores = options->stores->count;
    Dapr__RegisteredComponents *components =
        pawl__arena_alloc(&request->arena, (stores + 1) * sizeof *components);
    Dapr__RegisteredComponents **component_list =
        pawl__arena_alloc(&request->arena, (stores + 1) * sizeof *component_list);
    Dapr__ActiveActorsCount actors[METADATA_ACTORS], *actor_list[METADATA_ACTORS];
    Dapr__ActorRuntime actor = DAPR__ACTOR_RUNTIME__INIT;
    Dapr__MetadataWorkflows workflows = DAPR__METADATA_WORKFLOWS__INIT;
    Dapr__MetadataScheduler scheduler = DAPR__METADATA_SCHEDULER__INIT;
    Dapr__AppConnectionProperties app = DAPR__APP_CONNECTION_PROPERTIES__INIT;
    Dapr__GetMetadataResponse response = DAPR__GET_METADATA_RESPONSE__INIT;
    if (!components || !component_list) {
        pawl__api_nomem(request);
        return;
    }
    for (size_t i = 0; i < stores; i++) {
        dapr__registered_components__init(&components[i]);
        components[i].name = (char *)options->stores->items[i]->name;
        components[i].type = (char *)options->stores->items[i]->type;
        components[i].version = (char *)options->stores->items[i]->version;
        components[i].n_capabilities = METADATA_CAPABILITIES;
        components[i].capabilities = (char **)metadata_capabilities;
        component_list[i] = &components[i];
    }
    for (size_t i = 0; workers && i < METADATA_ACTORS; i++) {
        dapr__active_actors_count__init(&actors[i]);
        actors[i].type = metadata_actor_type(api, request, i);
        actor_list[i] = &actors[i];
    }
    actor.n_active_actors = workers ? METADATA_ACTORS : 0;
    actor.active_actors = actor_list;
    actor.host_ready = options->node && pawl__node_ready(options->node);
    actor.runtime_status = !options->node ? DAPR__ACTOR_RUNTIME__ACTOR_RUNTIME_STATUS__DISABLED
                           : actor.host_ready
                               ? DAPR__ACTOR_RUNTIME__ACTOR_RUNTIME_STATUS__RUNNING
                               : DAPR__ACTOR_RUNTIME__ACTOR_RUNTIME_STATUS__INITIALIZING;
    workflows.connected_workers = (int32_t)workers;
    response.id = (char *)options->app_id;
    response.n_registered_components = stores;
    response.registered_components = component_list;
    response.n_active_actors_count = actor.n_active_actors;
    response.active_actors_count = actor_list;
    response.runtime_version = (char *)options->version;
    response.actor_runtime = &actor;
    response._scheduler_case = DAPR__GET_METADATA_RESPONSE___SCHEDULER_SCHEDULER;
    response.scheduler = &scheduler;
    response._workflows_case = DAPR__GET_METADATA_RESPONSE___WORKFLOWS_WORKFLOWS;
    response.workflows = &workflows;
    if (options->app_port > 0) {
        app.port = options->app_port;
        app.protocol = (char *)options->app_protocol;
        app.channel_address = (char *)options->app_address;
        app.max_concurrency = options->app_max_concurrency;
        response.app_connection_properties = &app;
    }
    struct pawl_api_map map = {0};
    const char *key;
    json_t *value;
    json_object_foreach(api->extended, key, value)
        pawl__api_map_add(request, &map, json_object_size(api->extended), metadata_init_entry, key,
                          json_string_value(value));
    response.n_extended_metadata = map.count;
    response.extended_metadata = (Dapr__GetMetadataResponse__ExtendedMetadataEntry **)map.entries;
    pawl__api_reply(request, &response.base);
}

static void metadata_grpc_set(struct pawl_api *api, struct pawl_request *request) {
    const Dapr__SetMetadataRequest *ask =
        pawl__api_unpack(request, &dapr__set_metadata_request__descriptor);
    if (!ask) return;
    if (json_object_set_new(api->extended, ask->key, json_string(ask->value)))
        pawl__api_nomem(request);
    else
        pawl__api_reply_empty(request);
}

// --- shutdown -----------------------------------------------------------------------------------

static bool metadata_is_forced(const struct pawl_request *request) {
    return pawl__str_equal_nocase(pawl__request_header(request, "dapr-force-shutdown"),
                                  PAWL_STR("true"));
}

static void metadata_http_shutdown(void *arg, struct pawl_request *request,
                                   const struct pawl_params *params) {
    (void)params;
    struct pawl_api *api = arg;
    bool force = metadata_is_forced(request);
    pawl__api_empty(request, 204);
    api->options.shutdown(api->options.arg, force);
}

static void metadata_grpc_shutdown(struct pawl_api *api, struct pawl_request *request) {
    bool force = metadata_is_forced(request);
    pawl__api_reply_empty(request);
    api->options.shutdown(api->options.arg, force);
}

const struct pawl_api_method_row pawl__metadata_methods[] = {
    {"/dapr.proto.runtime.v1.Dapr/GetMetadata", metadata_grpc_get},
    {"/dapr.proto.runtime.v1.Dapr/SetMetadata", metadata_grpc_set},
    {"/dapr.proto.runtime.v1.Dapr/Shutdown", metadata_grpc_shutdown},
    {NULL, NULL},
};

const struct pawl_route pawl__metadata_routes[] = {
    {"GET", "/v1.0/healthz", metadata_health},
    {"GET", "/v1.0/healthz/outbound", metadata_outbound},
    {"GET", "/v1.0/metadata", metadata_http_get},
    {"PUT", "/v1.0/metadata/{key}", metadata_http_set},
    {"POST", "/v1.0/shutdown", metadata_http_shutdown},
};

const size_t pawl__metadata_route_count =
    sizeof pawl__metadata_routes / sizeof *pawl__metadata_routes;
