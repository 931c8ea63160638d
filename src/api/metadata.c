#include <unistd.h>

#include "api/figures.h"
#include "api/internal.h"
#include "api/numbers.h"
#include "wire/json_build.h"

// What the sidecar tells of itself: health, metadata; and its end.

// --- health -------------------------------------------------------------------------------------

// Why the sidecar cannot do its work; NULL: it can. A store that cannot be written to comes before
// what waits for it.
static const char *metadata_trouble(const struct pawl_api *api) {
    const struct pawl_error *why;
    const struct pawl_node *node = api->options.node;
    if (node && pawl__storage_trouble(node->storage, &why) >= PAWL_STORAGE_ILL) return why->text;
    return api->ready ? NULL : api->not_ready;
}

static void metadata_health(void *arg, struct pawl_request *request,
                            const struct pawl_params *params) {
    struct pawl_api *api = arg;
    struct pawl_str app = pawl__request_query(request, "appid");
    const char *trouble = metadata_trouble(api);
    if (pawl__api_starved(request)) return;
    if (app.data && !pawl__str_equal(app, pawl__str(api->options.app_id)))
        pawl__api_http_fail(request, 500, "ERR_HEALTH_APPID_NOT_MATCH",
                            "dapr app-id does not match");
    else if (trouble)
        pawl__api_http_fail(request, 500, "ERR_HEALTH_NOT_READY", "dapr is not ready: [%s]",
                            trouble);
    else
        pawl__api_empty(request, 204);
}

static void metadata_outbound(void *arg, struct pawl_request *request,
                              const struct pawl_params *params) {
    struct pawl_api *api = arg;
    const char *trouble = metadata_trouble(api);
    if (!trouble)
        pawl__api_empty(request, 204);
    else
        pawl__api_http_fail(request, 500, "ERR_OUTBOUND_HEALTH_NOT_READY",
                            "dapr outbound is not ready: [%s]", trouble);
}

// --- metadata -----------------------------------------------------------------------------------

// The three types under which a daprd with a worker hosts its workflows.
enum {
    METADATA_WORKFLOW,
    METADATA_ACTIVITY,
    METADATA_RETENTIONER,
    METADATA_ACTORS
};

static const char *const metadata_actors[] = {
    [METADATA_WORKFLOW] = "workflow",
    [METADATA_ACTIVITY] = "activity",
    [METADATA_RETENTIONER] = "retentioner",
};

// The reference's of a store's type, but for QUERY_API, which is not served.
struct metadata_capabilities {
    const char *type; // NULL: any other
    const char *names[6];
    size_t count;
};

static const struct metadata_capabilities metadata_capabilities[] = {
    {"state.in-memory",
     {"ETAG", "TRANSACTIONAL", "TTL", "DELETE_WITH_PREFIX", "KEYS_LIKE", "ACTOR"},
     6},
    {NULL, {"ETAG", "TRANSACTIONAL", "TTL", "KEYS_LIKE", "ACTOR"}, 5},
};

static const struct metadata_capabilities *metadata_capabilities_of(const char *type) {
    const struct metadata_capabilities *row = metadata_capabilities;
    while (row->type && strcmp(row->type, type) != 0) row++;
    return row;
}

// The reference overwrites what is set under the version's key, and passes over an empty key.
static bool metadata_may_set(const char *key) {
    return *key && strcmp(key, "daprRuntimeVersion") != 0;
}

static int metadata_workers(const struct pawl_api *api) {
    return api->options.node ? (int)pawl__node_worker_count(api->options.node) : 0;
}

static char *metadata_actor_type(struct pawl_api *api, struct pawl_request *request, size_t i) {
    return pawl__arena_format(&request->arena, "dapr.internal.%s.%s.%s", api->options.namespace,
                              api->options.app_id, metadata_actors[i]);
}

// How many of each type are at work on one loop: workflows in memory, activities with workers.
static json_t *metadata_count(struct pawl_figures *figures, struct pawl_api *api) {
    struct pawl_numbers numbers;
    pawl__numbers_read(&numbers, api->options.node);
    return json_pack("{s:f, s:f, s:f}", metadata_actors[METADATA_WORKFLOW], numbers.instances,
                     metadata_actors[METADATA_ACTIVITY], numbers.activities.in_flight,
                     metadata_actors[METADATA_RETENTIONER], 0.0);
}

static bool metadata_add(json_t *into, const json_t *from) {
    return pawl__figures_add(into, from, metadata_actors, METADATA_ACTORS);
}

static int metadata_counted(const json_t *counts, size_t type) {
    return (int)json_number_value(json_object_get(counts, metadata_actors[type]));
}

static const char *metadata_actor_status(const struct pawl_api *api) {
    if (!api->options.node) return "DISABLED";
    return pawl__node_ready(api->options.node) ? "RUNNING" : "INITIALIZING";
}

// |ms|, not negative, as Go writes a duration: "5s", "1m30s", "500ms", "1.5s".
static char *metadata_duration(struct pawl_request *request, int ms) {
    struct pawl_arena *arena = &request->arena;
    int hours = ms / 3600000, minutes = ms / 60000 % 60, rest = ms % 60000;
    char seconds[32];
    if (!ms) return pawl__arena_format(arena, "0s");
    if (ms < 1000) return pawl__arena_format(arena, "%dms", ms);
    snprintf(seconds, sizeof seconds, "%g", rest / 1000.0);
    if (hours) return pawl__arena_format(arena, "%dh%dm%ss", hours, minutes, seconds);
    if (minutes) return pawl__arena_format(arena, "%dm%ss", minutes, seconds);
    return pawl__arena_format(arena, "%ss", seconds);
}

// gRPC has a health of its own: a path is HTTP's.
static const char *metadata_health_path(const struct pawl_api_options *options) {
    return strncmp(options->app_protocol, "grpc", 4) == 0 ? "" : options->app_health.path;
}

// --- as JSON ------------------------------------------------------------------------------------

// Parts of the answer; NULL when memory is out.

static json_t *metadata_component(const char *name, const char *type, const char *version,
                                  const struct metadata_capabilities *can) {
    json_t *list = json_array();
    for (size_t i = 0; can && i < can->count; i++)
        pawl__json_add(&list, json_string(can->names[i]));
    return json_pack("{s:s, s:s, s:s, s:o}", "name", name, "type", type, "version", version,
                     "capabilities", list);
}

static json_t *metadata_components(const struct pawl_api_stores *stores) {
    json_t *list = json_array();
    for (size_t i = 0; i < stores->count; i++) {
        const struct pawl_api_store *one = stores->items[i];
        pawl__json_add(&list, metadata_component(one->name, one->type, one->version,
                                                 metadata_capabilities_of(one->type)));
    }
    for (size_t i = 0; i < stores->secret_count; i++) {
        const struct pawl_api_resource *one = &stores->secrets[i];
        pawl__json_add(&list, metadata_component(one->name, one->type, one->version, NULL));
    }
    return list;
}

static json_t *metadata_policies(const struct pawl_api_stores *stores) {
    json_t *list = json_array();
    for (size_t i = 0; i < stores->policy_count; i++)
        pawl__json_add(&list, json_pack("{s:s}", "name", stores->policies[i].name));
    return list;
}

static json_t *metadata_active(struct pawl_api *api, struct pawl_request *request,
                               const json_t *counts) {
    json_t *list = json_array();
    for (size_t i = 0; metadata_workers(api) && i < METADATA_ACTORS; i++)
        pawl__json_add(&list, json_pack("{s:s, s:i}", "type", metadata_actor_type(api, request, i),
                                        "count", metadata_counted(counts, i)));
    return list;
}

static json_t *metadata_app(const struct pawl_api_options *options, struct pawl_request *request) {
    const struct pawl_app_health *health = &options->app_health;
    json_t *app = json_pack("{s:s, s:s, s:i}", "protocol", options->app_protocol, "channelAddress",
                            options->app_address, "maxConcurrency", options->app_max_concurrency);
    if (options->app_port > 0) pawl__json_set(&app, "port", json_integer(options->app_port));
    if (!health->enabled) return app;
    const char *path = metadata_health_path(options);
    json_t *told = json_pack("{s:s, s:s, s:i}", "healthProbeInterval",
                             metadata_duration(request, health->interval), "healthProbeTimeout",
                             metadata_duration(request, health->timeout), "healthThreshold",
                             health->threshold);
    if (*path) pawl__json_set(&told, "healthCheckPath", json_string(path));
    pawl__json_set(&app, "health", told);
    return app;
}

// What there is beside the reference's: what a benchmark asks for, and who else serves the app.
static json_t *metadata_self(const struct pawl_api_options *options) {
    const struct pawl_node *node = options->node;
    uint64_t commits = 0;
    json_t *daemons = json_array();
    for (size_t i = 0; i < options->stores->count; i++)
        commits += pawl__storage_commits(options->stores->items[i]->storage);
    for (size_t i = 0; node && node->shares && i < node->members.count; i++) {
        const struct pawl_member *one = &node->members.list[i];
        bool self = pawl__members_is_self(&node->members, one);
        size_t workers = self ? node->dispatch.worker_count : one->workers;
        pawl__json_add(&daemons, json_pack("{s:s%, s:I}", "address", one->address.data,
                                           one->address.len, "workers", (json_int_t)workers));
    }
    return json_pack("{s:i, s:I, s:o}", "pid", (int)getpid(), "commits", (json_int_t)commits,
                     "daemons", daemons);
}

static void metadata_http_tell(struct pawl_api *api, struct pawl_request *request, json_t *counts) {
    if (!counts) {
        pawl__api_nomem(request);
        return;
    }
    const struct pawl_api_options *options = &api->options;
    json_t *active = metadata_active(api, request, counts), *features = json_array();
    json_decref(counts);
    if (options->hot_reload) pawl__json_add(&features, json_string("HotReload"));
    bool serves = options->node && pawl__node_ready(options->node);
    json_t *body =
        json_pack("{s:s, s:s, s:o, s:O, s:o, s:o, s:[], s:[], s:[], s:[]}", "id", options->app_id,
                  "runtimeVersion", options->version, "enabledFeatures", features, "actors", active,
                  "components", metadata_components(options->stores), "extended",
                  pawl__extended_copy(options->extended), "subscriptions", "httpEndpoints",
                  "mcpServers", "workflowAccessPolicies");
    pawl__json_set(&body, "resiliencies", metadata_policies(options->stores));
    pawl__json_set(&body, "appConnectionProperties", metadata_app(options, request));
    pawl__json_set(&body, "actorRuntime",
                   json_pack("{s:s, s:o, s:b, s:s}", "runtimeStatus", metadata_actor_status(api),
                             "activeActors", active, "hostReady", serves, "placement", ""));
    pawl__json_set(&body, "workflows",
                   json_pack("{s:i}", "connectedWorkers", metadata_workers(api)));
    pawl__json_set(&body, "pawl", metadata_self(options));
    if (body)
        pawl__api_json(request, 200, body);
    else
        pawl__api_nomem(request);
}

static void metadata_http_get(void *arg, struct pawl_request *request,
                              const struct pawl_params *params) {
    static const struct pawl_figures figures = {
        .make = metadata_count, .merge = metadata_add, .answer = metadata_http_tell};
    pawl__figures_begin(arg, request, &figures);
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
    if (!metadata_may_set(key)) {
        pawl__api_empty(request, 204);
        return;
    }
    if (pawl__extended_set(api->options.extended, key, request->body))
        pawl__api_empty(request, 204);
    else
        pawl__api_nomem(request);
}

static void metadata_grpc_component(Dapr__RegisteredComponents *row, const char *name,
                                    const char *type, const char *version,
                                    const struct metadata_capabilities *can) {
    dapr__registered_components__init(row);
    row->name = (char *)name;
    row->type = (char *)type;
    row->version = (char *)version;
    row->n_capabilities = can ? can->count : 0;
    row->capabilities = can ? (char **)can->names : NULL;
}

// False when memory is out.
static bool metadata_grpc_components(struct pawl_arena *arena, const struct pawl_api_stores *stores,
                                     Dapr__GetMetadataResponse *response) {
    size_t count = stores->count + stores->secret_count;
    Dapr__RegisteredComponents *rows = pawl__arena_alloc(arena, (count + 1) * sizeof *rows);
    Dapr__RegisteredComponents **list = pawl__arena_alloc(arena, (count + 1) * sizeof *list);
    if (!rows || !list) return false;
    for (size_t i = 0; i < count; i++) list[i] = &rows[i];
    for (size_t i = 0; i < stores->count; i++) {
        const struct pawl_api_store *one = stores->items[i];
        metadata_grpc_component(rows++, one->name, one->type, one->version,
                                metadata_capabilities_of(one->type));
    }
    for (size_t i = 0; i < stores->secret_count; i++) {
        const struct pawl_api_resource *one = &stores->secrets[i];
        metadata_grpc_component(rows++, one->name, one->type, one->version, NULL);
    }
    response->n_registered_components = count;
    response->registered_components = list;
    return true;
}

static void metadata_grpc_app(const struct pawl_api_options *options, struct pawl_request *request,
                              Dapr__AppConnectionProperties *app,
                              Dapr__AppConnectionHealthProperties *health) {
    const struct pawl_app_health *given = &options->app_health;
    app->port = options->app_port;
    app->protocol = (char *)options->app_protocol;
    app->channel_address = (char *)options->app_address;
    app->max_concurrency = options->app_max_concurrency;
    if (!given->enabled) return;
    health->health_check_path = (char *)metadata_health_path(options);
    health->health_probe_interval = metadata_duration(request, given->interval);
    health->health_probe_timeout = metadata_duration(request, given->timeout);
    health->health_threshold = given->threshold;
    app->health = health;
}

// False when memory is out. The texts are those of |extended|.
static bool metadata_grpc_extended(struct pawl_request *request, json_t *extended,
                                   Dapr__GetMetadataResponse *response) {
    struct pawl_api_map map = {0};
    const char *key;
    json_t *value;
    if (!extended) return false;
    json_object_foreach(extended, key, value)
        pawl__api_map_add(request, &map, json_object_size(extended),
                          &dapr__get_metadata_response__extended_metadata_entry__descriptor, key,
                          json_string_value(value));
    response->n_extended_metadata = map.count;
    response->extended_metadata = (Dapr__GetMetadataResponse__ExtendedMetadataEntry **)map.entries;
    return true;
}

static void metadata_grpc_tell(struct pawl_api *api, struct pawl_request *request, json_t *counts) {
    const struct pawl_api_options *options = &api->options;
    size_t workers = (size_t)metadata_workers(api);
    Dapr__ActiveActorsCount actors[METADATA_ACTORS], *actor_list[METADATA_ACTORS];
    Dapr__ActorRuntime actor = DAPR__ACTOR_RUNTIME__INIT;
    Dapr__MetadataWorkflows workflows = DAPR__METADATA_WORKFLOWS__INIT;
    Dapr__AppConnectionProperties app = DAPR__APP_CONNECTION_PROPERTIES__INIT;
    Dapr__AppConnectionHealthProperties health = DAPR__APP_CONNECTION_HEALTH_PROPERTIES__INIT;
    Dapr__GetMetadataResponse response = DAPR__GET_METADATA_RESPONSE__INIT;
    json_t *extended = pawl__extended_copy(options->extended);
    if (!counts || !metadata_grpc_components(&request->arena, options->stores, &response) ||
        !metadata_grpc_extended(request, extended, &response)) {
        pawl__api_nomem(request);
        json_decref(counts);
        json_decref(extended);
        return;
    }
    for (size_t i = 0; workers && i < METADATA_ACTORS; i++) {
        dapr__active_actors_count__init(&actors[i]);
        actors[i].type = metadata_actor_type(api, request, i);
        actors[i].count = metadata_counted(counts, i);
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
    response.n_active_actors_count = actor.n_active_actors;
    response.active_actors_count = actor_list;
    response.runtime_version = (char *)options->version;
    response.actor_runtime = &actor;
    response._workflows_case = DAPR__GET_METADATA_RESPONSE___WORKFLOWS_WORKFLOWS;
    response.workflows = &workflows;
    metadata_grpc_app(options, request, &app, &health);
    response.app_connection_properties = &app;
    char *features[] = {"HotReload"};
    response.n_enabled_features = options->hot_reload;
    response.enabled_features = features;
    pawl__api_reply(request, &response.base);
    json_decref(counts);
    json_decref(extended);
}

static void metadata_grpc_get(struct pawl_api *api, struct pawl_request *request) {
    static const struct pawl_figures figures = {
        .make = metadata_count, .merge = metadata_add, .answer = metadata_grpc_tell};
    if (!pawl__api_unpack(request, &dapr__get_metadata_request__descriptor)) return;
    pawl__figures_begin(api, request, &figures);
}

static void metadata_grpc_set(struct pawl_api *api, struct pawl_request *request) {
    const Dapr__SetMetadataRequest *ask =
        pawl__api_unpack(request, &dapr__set_metadata_request__descriptor);
    if (!ask) return;
    if (!metadata_may_set(ask->key))
        pawl__api_reply_empty(request);
    else if (pawl__extended_set(api->options.extended, ask->key, pawl__str(ask->value)))
        pawl__api_reply_empty(request);
    else
        pawl__api_nomem(request);
}

// --- shutdown -----------------------------------------------------------------------------------

static bool metadata_is_forced(const struct pawl_request *request) {
    return pawl__str_equal_nocase(pawl__request_header(request, "dapr-force-shutdown"),
                                  PAWL_STR("true"));
}

static void metadata_http_shutdown(void *arg, struct pawl_request *request,
                                   const struct pawl_params *params) {
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
