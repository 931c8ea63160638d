#include "cli/run_launch.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/address.h"
#include "cli/token.h"
#include "config/home.h"
#include "observe/lines.h"

// The value of the daemon's flag |name|; NULL: it is not given.
static const char *run_passed(const struct pawl_run_app *app, const char *name) {
    const char *value = NULL;
    for (size_t i = 0; i < app->pass_count; i++)
        if (strcmp(app->pass[i].name, name) == 0) value = app->pass[i].value;
    return value;
}

bool pawl__run_shows_dashboard(const struct pawl_run_app *app) {
    struct pawl_addresses addresses;
    const char *listen = run_passed(app, "dapr-listen-addresses");
    if (pawl__token_of_api() || pawl__token_of_dashboard()) return true;
    if (!pawl__addresses_parse(listen ? listen : "", &addresses)) return false;
    for (size_t i = 0; i < addresses.count; i++)
        if (!pawl__address_is_local(addresses.items[i])) return false;
    return true;
}

void pawl__run_place(const struct pawl_run_app *app, struct pawl_arena *arena,
                     struct pawl_run_place *out) {
    const char *listen = run_passed(app, "dapr-listen-addresses");
    const char *sockets = run_passed(app, "unix-domain-socket"), *base = app->directory;
    char here[PATH_MAX];
    if (sockets && *sockets) {
        if (*sockets == '/') base = "";
        if (!base) base = getcwd(here, sizeof here) ? here : "";
        out->socket_base = pawl__arena_format(arena, "%s%s%s/dapr-%s", base, *base ? "/" : "",
                                              sockets, app->app_id);
        if (!out->socket_base) abort();
        snprintf(out->host, sizeof out->host, "%s-http.socket", out->socket_base);
        out->text = pawl__arena_format(arena, "Sockets: %s-http.socket, %s-grpc.socket",
                                       out->socket_base, out->socket_base);
    } else {
        out->socket_base = NULL;
        pawl__addresses_local(listen ? listen : "", out->host);
        out->text = pawl__arena_format(arena, "HTTP Port: %d. gRPC Port: %d", app->http_port,
                                       app->grpc_port);
    }
    if (!out->text) abort();
}

// The configuration that was named, or else the user's own, where there is one.
static const char *run_config(const struct pawl_run_app *app, struct pawl_arena *arena) {
    if (app->config) return app->config;
    const char *home = pawl__home(arena);
    const char *own = home ? pawl__arena_format(arena, "%s/.dapr/config.yaml", home) : NULL;
    return own && access(own, R_OK) == 0 ? own : NULL;
}

const char *const *pawl__run_sidecar_argv(const struct pawl_run_app *app,
                                          struct pawl_arena *arena) {
    size_t most = 24 + 2 * app->resource_count + 2 * app->pass_count;
    const char **argv = pawl__arena_zalloc(arena, most * sizeof *argv);
    if (!argv) abort();
    size_t n = 0;
#define ADD(flag, ...)                                                                             \
    do {                                                                                           \
        argv[n++] = "--" flag;                                                                     \
        argv[n++] = pawl__arena_format(arena, __VA_ARGS__);                                        \
    } while (0)
    argv[n++] = "daprd"; // the name by which Dapr's own 'dapr list' finds it
    ADD("app-id", "%s", app->app_id);
    ADD("dapr-http-port", "%d", app->http_port);
    ADD("dapr-grpc-port", "%d", app->grpc_port);
    ADD("metrics-port", "%d", app->metrics_port);
    if (app->app_port) ADD("app-port", "%d", app->app_port);
    if (app->protocol) ADD("app-protocol", "%s", app->protocol);
    const char *config = run_config(app, arena);
    if (config) ADD("config", "%s", config);
    for (size_t i = 0; i < app->resource_count; i++) ADD("resources-path", "%s", app->resources[i]);
#undef ADD
    if (pawl__run_shows_dashboard(app)) argv[n++] = "--enable-dashboard";
    if (app->local_stores) argv[n++] = "--local-stores";
    if (app->no_default_store) argv[n++] = "--no-default-store";
    for (size_t i = 0; i < app->pass_count; i++) {
        // In one, as a switch takes its value only so.
        argv[n++] = pawl__arena_format(arena, "--%s=%s", app->pass[i].name, app->pass[i].value);
    }
    return argv;
}

const char *const *pawl__run_sidecar_env(int lines_fd, struct pawl_arena *arena) {
    const char **env = pawl__arena_zalloc(arena, 3 * sizeof *env);
    if (!env) abort();
    env[0] = "DAPR_HOST_IP=127.0.0.1";
    if (lines_fd > 0) env[1] = pawl__arena_format(arena, PAWL_LINES_ENV "=%d", lines_fd);
    return env;
}

// The value of the sidecar's flag |name|, or else |fallback|.
static const char *run_flag_of(const struct pawl_run_app *app, const char *name,
                               const char *fallback) {
    for (size_t i = 0; i < app->pass_count; i++)
        if (strcmp(app->pass[i].name, name) == 0) return app->pass[i].value;
    return fallback;
}

const char *const *pawl__run_app_env(const struct pawl_run_app *app, const char *socket_base,
                                     struct pawl_arena *arena) {
    size_t extra = 0;
    while (app->env && app->env[extra]) extra++;
    const char **env = pawl__arena_zalloc(arena, (extra + 13) * sizeof *env);
    if (!env) abort();
    size_t n = 0;
#define ADD(...) env[n++] = pawl__arena_format(arena, __VA_ARGS__)
    ADD("APP_ID=%s", app->app_id);
    ADD("APP_CHANNEL_ADDRESS=%s", run_flag_of(app, "app-channel-address", "127.0.0.1"));
    if (app->app_port) ADD("APP_PORT=%d", app->app_port);
    ADD("APP_PROTOCOL=%s", app->protocol ? app->protocol : "http");
    ADD("DAPR_HTTP_PORT=%d", app->http_port);
    ADD("DAPR_GRPC_PORT=%d", app->grpc_port);
    ADD("DAPR_METRICS_PORT=%d", app->metrics_port);
    if (socket_base) ADD("DAPR_GRPC_ENDPOINT=unix://%s-grpc.socket", socket_base);
#undef ADD
    for (size_t i = 0; i < extra; i++) env[n++] = app->env[i];
    return env;
}
