#include "cli/daemon.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "api/api.h"
#include "api/peers.h"
#include "base/clock.h"
#include "cli/finder.h"
#include "cli/listen.h"
#include "cli/metrics.h"
#include "cli/reload.h"
#include "cli/stores.h"
#include "cli/tracing.h"
#include "cli/version.h"
#include "observe/feed.h"
#include "observe/workflows.h"

// What is started last is stopped first: servers, api, node, stores, loop. When the configuration
// or the workflows' store changes, all down to the node is stopped and begun anew, as in the
// reference. Stores of which nothing else is said stay open meanwhile, so that those in memory keep
// what they have; and so do the ports, where clients wait.

static const char *const daemon_scope = "dapr.runtime";

#define DAEMON_RESTART_GRACE PAWL_SECOND // for calls, while clients wait

struct daemon {
    const struct pawl_daemon_options *options;
    uv_loop_t loop;
    uv_signal_t signals[2];
    uv_timer_t deadline;            // for a shutdown that hangs
    struct pawl_settings *settings; // held
    struct pawl_daemon_stores stores;
    struct pawl_reload *reload;
    char address[320]; // where other daemons reach this one

    // Begun anew.
    struct pawl_node *node;
    struct pawl_feed feed;         // of what the node does
    struct pawl_peer_links *peers; // to other daemons
    struct pawl_daemon_finder finder;
    struct pawl_api *api;
    struct pawl_server *server;
    struct pawl_tracer tracer; // if it is_traced
    struct pawl_workflow_spans spans;
    struct pawl_metrics metrics; // if it has_metrics
    bool is_traced, has_metrics;

    bool restarting;
    struct pawl_reload_next next; // what is to be then
    struct pawl_server *next_server;
    struct json_t *extended; // metadata that was set
    bool closing;
};

static const struct pawl_log *daemon_log(const struct daemon *daemon) {
    return &daemon->options->log;
}

// --- stopping -----------------------------------------------------------------------------------

static void daemon_on_stores_closed(void *arg) {
    struct daemon *daemon = arg;
    for (int i = 0; i < 2; i++) uv_close((uv_handle_t *)&daemon->signals[i], NULL);
    uv_close((uv_handle_t *)&daemon->deadline, NULL);
}

static void daemon_close_stores(void *arg) {
    struct daemon *daemon = arg;
    pawl__daemon_stores_close(&daemon->stores, daemon_on_stores_closed, daemon);
}

// Ends what was to follow after a restart.
static void daemon_drop_next(struct daemon *daemon) {
    struct pawl_reload_next *next = &daemon->next;
    for (size_t i = 0; i < next->count; i++) pawl__api_store_release(next->items[i]);
    pawl__settings_release(next->settings);
    pawl__api_drop_extended(daemon->extended);
    pawl__server_close(daemon->next_server, 0, daemon_close_stores, daemon);
}

static void daemon_resume(struct daemon *daemon);

static void daemon_on_node_closed(void *arg) {
    struct daemon *daemon = arg;
    pawl__peer_links_close(daemon->peers);
    if (daemon->restarting) daemon->extended = pawl__api_take_extended(daemon->api);
    pawl__api_destroy(daemon->api);
    pawl__daemon_stores_watch(&daemon->stores, NULL);
    if (daemon->has_metrics) pawl__metrics_finish(&daemon->metrics);
    if (daemon->node) pawl__feed_finish(&daemon->feed);
    if (daemon->is_traced) pawl__tracing_close(&daemon->tracer);
    daemon->node = NULL;
    daemon->peers = NULL;
    daemon->api = NULL;
    if (!daemon->restarting)
        daemon_close_stores(daemon);
    else if (daemon->closing)
        daemon_drop_next(daemon);
    else
        daemon_resume(daemon);
}

static void daemon_close_node(void *arg) {
    struct daemon *daemon = arg;
    if (daemon->node)
        pawl__node_close(daemon->node, daemon_on_node_closed, daemon);
    else
        daemon_on_node_closed(daemon);
}

static void daemon_on_server_closed(void *arg) {
    struct daemon *daemon = arg;
    if (daemon->has_metrics)
        pawl__metrics_close(&daemon->metrics, daemon_close_node, daemon);
    else
        daemon_close_node(daemon);
}

static void daemon_on_deadline(uv_timer_t *timer) {
    struct daemon *daemon = timer->data;
    pawl__log(daemon_log(daemon), PAWL_LOG_WARN, daemon_scope,
              "the shutdown took too long and is cut short; nothing that was acknowledged is lost");
    _exit(1);
}

// Stops all down to the node.
static void daemon_end(struct daemon *daemon, const char *why, int64_t grace) {
    pawl__api_set_ready(daemon->api, false, why);
    pawl__api_close_streams(daemon->api);
    pawl__server_close(daemon->server, grace, daemon_on_server_closed, daemon);
}

static void daemon_stop(struct daemon *daemon) {
    if (daemon->closing) return;
    daemon->closing = true;
    int64_t grace = daemon->options->graceful_shutdown;
    pawl__log(daemon_log(daemon), PAWL_LOG_INFO, daemon_scope, "Dapr is shutting down");
    uv_timer_start(&daemon->deadline, daemon_on_deadline,
                   (uint64_t)(grace / PAWL_MILLISECOND) + 10000, 0);
    uv_unref((uv_handle_t *)&daemon->deadline);
    pawl__reload_destroy(daemon->reload);
    if (!daemon->restarting) daemon_end(daemon, "the daemon is shutting down", grace);
}

static void daemon_on_signal(uv_signal_t *handle, int number) {
    struct daemon *daemon = handle->data;
    pawl__log(daemon_log(daemon), PAWL_LOG_INFO, daemon_scope, "received signal '%s'",
              number == SIGINT ? "interrupt" : "terminated");
    daemon_stop(daemon);
}

static void daemon_on_force(uv_timer_t *timer) {
    (void)timer;
    _exit(1);
}

static void daemon_shutdown(void *arg, bool force) {
    struct daemon *daemon = arg;
    if (force)
        uv_timer_start(&daemon->deadline, daemon_on_force, 100, 0);
    else
        daemon_stop(daemon);
}

// --- starting -----------------------------------------------------------------------------------

static void daemon_on_ready(void *arg, bool ready, const struct pawl_error *reason) {
    struct daemon *daemon = arg;
    if (!daemon->closing && !daemon->restarting)
        pawl__api_set_ready(daemon->api, ready, reason ? reason->text : NULL);
}

// Opens the stores; or takes those that a restart is for.
static enum pawl_err daemon_open_stores(struct daemon *daemon, struct pawl_error *error) {
    struct pawl_daemon_stores *stores = &daemon->stores;
    const struct pawl_config_stores *given = &daemon->settings->stores;
    struct pawl_api_store *items[PAWL_CONFIG_STORES];
    if (daemon->restarting)
        pawl__daemon_stores_put(stores, daemon->settings, daemon->next.items, daemon->next.count);
    pawl__daemon_stores_watch(stores, daemon->has_metrics ? &daemon->metrics : NULL);
    if (daemon->restarting) return PAWL_OK;
    for (size_t i = 0; i < given->count; i++) {
        struct pawl_store *opened;
        struct pawl_daemon_store *store;
        enum pawl_err err = pawl__daemon_store_open(stores, &given->items[i], &opened, error);
        if (!err)
            err = pawl__daemon_stores_add(stores, opened, daemon->settings, &given->items[i],
                                          &store, error);
        if (err) return err;
        items[i] = &store->api;
    }
    pawl__daemon_stores_put(stores, daemon->settings, items, given->count);
    return PAWL_OK;
}

// Where other daemons of the app on this machine reach this one; NULL: nowhere that is known yet.
static const char *daemon_address(struct daemon *daemon) {
    const struct pawl_daemon_options *options = daemon->options;
    size_t size = sizeof daemon->address;
    if (options->unix_socket_dir) {
        snprintf(daemon->address, size, "unix:%s/dapr-%s-grpc.socket", options->unix_socket_dir,
                 options->app_id);
        return daemon->address;
    }
    if (!options->grpc_port) return NULL;
    const char *host = options->listen_addresses->count ? options->listen_addresses->items[0] : "";
    bool any = !*host || strcmp(host, "0.0.0.0") == 0 || strcmp(host, "::") == 0;
    const char *format = !any && strchr(host, ':') ? "[%s]:%d" : "%s:%d";
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral" // one of the two above
    snprintf(daemon->address, size, format, any ? "127.0.0.1" : host, options->grpc_port);
#pragma GCC diagnostic pop
    return daemon->address;
}

static struct pawl_observer *daemon_observer(struct daemon *daemon) {
    if (daemon->has_metrics) return &daemon->metrics.workflows.observer;
    return daemon->is_traced ? &daemon->spans.observer : NULL;
}

static enum pawl_err daemon_start_metrics(struct daemon *daemon, struct pawl_error *error) {
    const struct pawl_daemon_options *options = daemon->options;
    daemon->has_metrics = options->with_metrics && daemon->settings->configuration.metrics.enabled;
    if (!daemon->has_metrics) return PAWL_OK;
    return pawl__metrics_init(&daemon->metrics, &daemon->loop, &options->metrics,
                              &daemon->settings->configuration.metrics, options->max_body,
                              daemon->is_traced ? &daemon->spans.observer : NULL, error);
}

// The limits of the whole app, in the arena of |settings|. False: memory is out.
static bool daemon_rules(struct pawl_settings *settings, struct pawl_ceiling_rule **out,
                         size_t *count) {
    struct pawl_concurrency_limit *limits;
    if (pawl__concurrency_limits(&settings->arena, &settings->configuration.concurrency, &limits,
                                 count))
        return false;
    *out = pawl__arena_alloc(&settings->arena, (*count + 1) * sizeof **out);
    for (size_t i = 0; *out && i < *count; i++)
        (*out)[i] = (struct pawl_ceiling_rule){
            .name = limits[i].name, .turn = limits[i].turn, .most = (uint32_t)limits[i].most};
    return *out;
}

static enum pawl_err daemon_start_node(struct daemon *daemon, struct pawl_error *error) {
    const struct pawl_daemon_options *options = daemon->options;
    const struct pawl_configuration *configuration = &daemon->settings->configuration;
    struct pawl_daemon_store *store = pawl__daemon_stores_of_workflows(&daemon->stores);
    if (!store) {
        pawl__log(daemon_log(daemon), PAWL_LOG_WARN, daemon_scope,
                  "no state store has actorStateStore set to \"true\": workflows are not served");
        return PAWL_OK;
    }
    daemon->peers = pawl__peer_links_create(&daemon->loop, options->api_token);
    bool ok = daemon->peers && pawl__feed_init(&daemon->feed);
    struct pawl_ceiling_rule *rules;
    size_t rule_count;
    ok = ok && daemon_rules(daemon->settings, &rules, &rule_count);
    if (!ok) return pawl__fail_plain(error, PAWL_E_NOMEM);
    pawl__daemon_finder_init(&daemon->finder, &configuration->names);
    struct pawl_node_options node = {
        .shards = store->given->shards,
        .lease = store->given->lease,
        .address = daemon_address(daemon),
        .peers = pawl__peer_links_peers(daemon->peers),
        .finder = &daemon->finder.finder,
        .app_id = options->app_id,
        .namespace = options->namespace,
        .max_message = options->max_body,
        .max_turns = (size_t)configuration->concurrency.max_turns,
        .max_activities = (size_t)configuration->concurrency.max_activities,
        .ceilings = rules,
        .ceiling_count = rule_count,
        .retention =
            {
                .completed = configuration->retain_completed,
                .failed = configuration->retain_failed,
                .terminated = configuration->retain_terminated,
                .canceled = configuration->retain_canceled,
            },
        .observer = daemon_observer(daemon),
        .listener = &daemon->feed.listener,
        .operations = daemon->has_metrics ? &daemon->metrics.operations : NULL,
        .log = daemon_log(daemon),
        .on_ready = daemon_on_ready,
        .arg = daemon,
    };
    return pawl__node_create(&store->storage, &node, &daemon->node, error);
}

static enum pawl_err daemon_listen(struct daemon *daemon, int port, const char *what,
                                   struct pawl_error *error) {
    const struct pawl_daemon_options *options = daemon->options;
    if (options->unix_socket_dir) {
        char path[256];
        struct stat info;
        bool is_there = stat(options->unix_socket_dir, &info) == 0;
        if (!is_there || !S_ISDIR(info.st_mode))
            return pawl__fail(error, PAWL_E_NOT_FOUND,
                              "--unix-domain-socket has to be a folder, and %s %s; create it first",
                              options->unix_socket_dir, is_there ? "is none" : "is not there");
        snprintf(path, sizeof path, "%s/dapr-%s-%s.socket", options->unix_socket_dir,
                 options->app_id, what);
        return pawl__server_listen_unix(daemon->server, path, error);
    }
    return pawl__listen_all(daemon->server, options->listen_addresses, &port, what,
                            daemon_log(daemon), error);
}

static void daemon_handle(void *arg, struct pawl_request *request) {
    struct daemon *daemon = arg;
    pawl__api_handle(daemon->api, request);
}

static enum pawl_err daemon_create_server(struct daemon *daemon, struct pawl_server **out,
                                          struct pawl_error *error) {
    const struct pawl_daemon_options *options = daemon->options;
    const struct pawl_server_options server = {
        .allowed_origins = options->allowed_origins,
        .max_body = options->max_body,
        .max_header = options->max_header,
        .idle_timeout = 60 * PAWL_SECOND,
        .handler = daemon_handle,
        .arg = daemon,
        .log = daemon_log(daemon),
    };
    return pawl__server_create(&daemon->loop, &server, out, error);
}

static enum pawl_err daemon_start_servers(struct daemon *daemon, struct pawl_error *error) {
    const struct pawl_daemon_options *options = daemon->options;
    if (daemon->restarting) {
        daemon->server = daemon->next_server;
        return PAWL_OK;
    }
    enum pawl_err err = daemon_create_server(daemon, &daemon->server, error);
    if (!err) err = daemon_listen(daemon, options->http_port, "http", error);
    if (!err) err = daemon_listen(daemon, options->grpc_port, "grpc", error);
    if (!err && options->public_port >= 0)
        err = daemon_listen(daemon, options->public_port, "public", error);
    return err;
}

static enum pawl_err daemon_start_api(struct daemon *daemon, struct pawl_error *error) {
    const struct pawl_daemon_options *options = daemon->options;
    const struct pawl_api_options api = {
        .app_id = options->app_id,
        .namespace = options->namespace,
        .version = PAWL_DAPR_VERSION,
        .token = options->api_token,
        .node = daemon->node,
        .loop = &daemon->loop,
        .feed = daemon->node ? &daemon->feed : NULL,
        .stores = &daemon->stores.set,
        .app_port = options->app_port,
        .app_protocol = options->app_protocol,
        .app_address = options->app_address,
        .app_max_concurrency = options->app_max_concurrency,
        .app_health = options->app_health,
        .hot_reload = daemon->settings->configuration.hot_reload,
        .console = options->console,
        .lines = options->lines,
        .tracer = daemon->is_traced ? &daemon->tracer : NULL,
        .meter = daemon->has_metrics ? &daemon->metrics.requests : NULL,
        .workflows = daemon->has_metrics ? &daemon->metrics.workflows : NULL,
        .extended = daemon->extended,
        .log = daemon_log(daemon),
        .shutdown = daemon_shutdown,
        .arg = daemon,
    };
    daemon->api = pawl__api_create(&api);
    return daemon->api ? PAWL_OK : pawl__fail_plain(error, PAWL_E_NOMEM);
}

static enum pawl_err daemon_serve_metrics(struct daemon *daemon, struct pawl_error *error) {
    if (!daemon->has_metrics) return PAWL_OK;
    enum pawl_err err = pawl__metrics_serve(&daemon->metrics, daemon->node, &daemon->stores.set,
                                            daemon->is_traced ? &daemon->tracer : NULL, error);
    if (!err || err == PAWL_E_NOMEM || !daemon->restarting) return err;
    pawl__log(daemon_log(daemon), PAWL_LOG_ERROR, daemon_scope, "metrics are not served: %s",
              error->text);
    return PAWL_OK; // no reason to end all else, which ran until now
}

static enum pawl_err daemon_begin(struct daemon *daemon, struct pawl_error *error) {
    const struct pawl_daemon_options *options = daemon->options;
    enum pawl_err err =
        pawl__tracing_open(&daemon->settings->configuration.tracing, options->app_id,
                           daemon_log(daemon), &daemon->tracer, &daemon->is_traced, error);
    pawl__workflow_spans_init(&daemon->spans, &daemon->tracer);
    if (!err) err = daemon_start_metrics(daemon, error);
    if (!err) err = daemon_open_stores(daemon, error);
    if (!err) err = daemon_start_node(daemon, error);
    if (!err) err = daemon_start_api(daemon, error);
    if (!err) err = daemon_start_servers(daemon, error);
    if (!err) err = daemon_serve_metrics(daemon, error);
    if (!err && !daemon->node) pawl__api_set_ready(daemon->api, true, NULL);
    return err;
}

// --- beginning anew -----------------------------------------------------------------------------

static void daemon_resume(struct daemon *daemon) {
    struct pawl_error error;
    pawl__settings_release(daemon->settings);
    daemon->settings = daemon->next.settings;
    if (daemon_begin(daemon, &error)) {
        pawl__log(daemon_log(daemon), PAWL_LOG_FATAL, daemon_scope, "cannot go on: %s", error.text);
        _exit(1);
    }
    pawl__server_admit(daemon->server);
    daemon->restarting = false;
    daemon->next = (struct pawl_reload_next){0};
    daemon->next_server = NULL;
    daemon->extended = NULL;
    pawl__log(daemon_log(daemon), PAWL_LOG_INFO, daemon_scope, "all runs as the files say now");
    pawl__reload_resume(daemon->reload, daemon->settings);
}

static void daemon_restart(void *arg, const struct pawl_reload_next *next) {
    struct daemon *daemon = arg;
    struct pawl_error error;
    if (daemon_create_server(daemon, &daemon->next_server, &error)) {
        pawl__log(daemon_log(daemon), PAWL_LOG_FATAL, daemon_scope, "cannot go on: %s", error.text);
        _exit(1);
    }
    daemon->restarting = true;
    daemon->next = *next;
    pawl__log(daemon_log(daemon), PAWL_LOG_INFO, daemon_scope,
              "the configuration, or the store with the workflows, has changed: all is begun anew");
    pawl__server_take(daemon->next_server, daemon->server);
    int64_t grace = daemon->options->graceful_shutdown;
    if (grace > DAEMON_RESTART_GRACE) grace = DAEMON_RESTART_GRACE;
    daemon_end(daemon, "the configuration is taken over", grace);
}

static enum pawl_err daemon_watch_files(struct daemon *daemon, struct pawl_error *error) {
    const struct pawl_reload_options reload = {
        .loop = &daemon->loop,
        .source = daemon->options->source,
        .stores = &daemon->stores,
        .interval = daemon->options->reconcile_interval,
        .log = daemon_log(daemon),
        .restart = daemon_restart,
        .arg = daemon,
    };
    daemon->reload = pawl__reload_create(&reload, daemon->settings);
    return daemon->reload ? PAWL_OK : pawl__fail_plain(error, PAWL_E_NOMEM);
}

int pawl__daemon_run(const struct pawl_daemon_options *options, struct pawl_settings *settings) {
    struct daemon daemon = {.options = options, .settings = settings};
    struct pawl_error error = {PAWL_E_OK, ""};
    int64_t began = pawl__clock_steady();
    signal(SIGPIPE, SIG_IGN);
    uv_loop_init(&daemon.loop);
    uv_timer_init(&daemon.loop, &daemon.deadline);
    daemon.deadline.data = &daemon;
    const int numbers[] = {SIGINT, SIGTERM};
    for (int i = 0; i < 2; i++) {
        uv_signal_init(&daemon.loop, &daemon.signals[i]);
        daemon.signals[i].data = &daemon;
        uv_signal_start(&daemon.signals[i], daemon_on_signal, numbers[i]);
    }
    pawl__daemon_stores_init(&daemon.stores, &daemon.loop, options->app_id, daemon_log(&daemon));
    enum pawl_err err = daemon_begin(&daemon, &error);
    if (!err) err = daemon_watch_files(&daemon, &error);
    if (err) {
        pawl__log(daemon_log(&daemon), PAWL_LOG_FATAL, daemon_scope, "cannot start: %s",
                  error.text);
        return 1; // the process ends, and with it all that was opened
    }
    pawl__log(daemon_log(&daemon), PAWL_LOG_INFO, daemon_scope,
              "dapr initialized. Status: Running. Init Elapsed %lldms",
              (long long)((pawl__clock_steady() - began) / PAWL_MILLISECOND));
    uv_run(&daemon.loop, UV_RUN_DEFAULT);
    uv_loop_close(&daemon.loop);
    pawl__settings_release(daemon.settings);
    return 0;
}
