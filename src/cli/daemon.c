#include "cli/daemon.h"

#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "cli/app_health.h"
#include "cli/inside.h"
#include "cli/listen.h"
#include "cli/loops.h"
#include "cli/notify.h"
#include "cli/reload.h"
#include "cli/version.h"

// What is started last is stopped first: the inside, stores, loop. When the configuration or the
// workflows' store changes, the inside is stopped and begun anew, as in the reference. Stores of
// which nothing else is said stay open meanwhile, so that those in memory keep what they have; and
// so do the ports, where clients wait.

static const char *const daemon_scope = "dapr.runtime";

#define DAEMON_RESTART_GRACE PAWL_SECOND // for calls, while clients wait

struct daemon {
    const struct pawl_daemon_options *options;
    uv_loop_t loop;
    uv_signal_t signals[2];
    uv_timer_t deadline;            // for a shutdown that hangs
    struct pawl_settings *settings; // held
    struct pawl_daemon_stores stores;
    struct pawl_extended *extended;
    struct pawl_app_watch app;
    struct pawl_notify notify;
    struct pawl_reload *reload;
    char address[320]; // where other daemons reach this one
    struct pawl_inside inside;
    struct pawl_daemon_loops *loops; // further ones; NULL: there are none
    bool inside_runs, loops_run;
    int64_t began; // 0: that all runs was told

    bool restarting;
    struct pawl_reload_next next; // what is to be then
    struct pawl_server *next_server;
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
    pawl__notify_close(&daemon->notify);
    pawl__app_watch_end(&daemon->app);
}

static void daemon_close_stores(void *arg) {
    struct daemon *daemon = arg;
    pawl__daemon_stores_close(&daemon->stores, daemon_on_stores_closed, daemon);
}

// Ends what was to follow after a restart.
static void daemon_drop_next(struct daemon *daemon) {
    struct pawl_reload_next *next = &daemon->next;
    pawl__daemon_stores_let_go(next->items, next->count);
    pawl__settings_release(next->settings);
    pawl__server_close(daemon->next_server, 0, daemon_close_stores, daemon);
}

static void daemon_resume(struct daemon *daemon);

static void daemon_check_ended(struct daemon *daemon) {
    if (daemon->inside_runs || daemon->loops_run) return;
    pawl__daemon_loops_free(daemon->loops);
    daemon->loops = NULL;
    if (!daemon->restarting)
        daemon_close_stores(daemon);
    else if (daemon->closing)
        daemon_drop_next(daemon);
    else
        daemon_resume(daemon);
}

static void daemon_on_ended(void *arg) {
    struct daemon *daemon = arg;
    daemon->inside_runs = false;
    daemon_check_ended(daemon);
}

static void daemon_on_loops_ended(void *arg) {
    struct daemon *daemon = arg;
    daemon->loops_run = false;
    daemon_check_ended(daemon);
}

static void daemon_end(struct daemon *daemon, const char *why, int64_t grace) {
    pawl__inside_end(&daemon->inside, why, grace);
    if (daemon->loops) pawl__daemon_loops_end(daemon->loops, why, grace);
}

static void daemon_on_deadline(uv_timer_t *timer) {
    struct daemon *daemon = timer->data;
    pawl__log(daemon_log(daemon), PAWL_LOG_WARN, daemon_scope,
              "the shutdown took too long and is cut short; nothing that was acknowledged is lost");
    _exit(1);
}

static void daemon_stop(struct daemon *daemon) {
    if (daemon->closing) return;
    daemon->closing = true;
    int64_t grace = daemon->options->graceful_shutdown;
    pawl__log(daemon_log(daemon), PAWL_LOG_INFO, daemon_scope, "Dapr is shutting down");
    pawl__notify(&daemon->notify, "STOPPING=1");
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

// Opens the stores; or takes those that a restart is for.
static enum pawl_err daemon_open_stores(struct daemon *daemon, struct pawl_error *error) {
    struct pawl_daemon_stores *stores = &daemon->stores;
    if (!daemon->restarting) return pawl__daemon_stores_begin(stores, daemon->settings, error);
    pawl__daemon_stores_put(stores, daemon->settings, daemon->next.items, daemon->next.count);
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
    pawl__address_target(host, options->grpc_port, daemon->address, size);
    return daemon->address;
}

static enum pawl_err daemon_listen(struct daemon *daemon, struct pawl_server *server, int port,
                                   const char *what, struct pawl_error *error) {
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
        return pawl__server_listen_unix(server, path, error);
    }
    return pawl__listen_all(server, options->listen_addresses, &port, what, daemon_log(daemon),
                            error);
}

static enum pawl_err daemon_open_ports(struct daemon *daemon, struct pawl_server **server,
                                       struct pawl_error *error) {
    const struct pawl_daemon_options *options = daemon->options;
    enum pawl_err err = pawl__inside_create_server(&daemon->inside, server, error);
    if (!err) err = daemon_listen(daemon, *server, options->http_port, "http", error);
    if (!err) err = daemon_listen(daemon, *server, options->grpc_port, "grpc", error);
    if (!err && options->public_port >= 0)
        err = daemon_listen(daemon, *server, options->public_port, "public", error);
    return err;
}

static enum pawl_err daemon_begin_loops(struct daemon *daemon, struct pawl_inside_start *start,
                                        struct pawl_error *error) {
    const struct pawl_daemon_loops_options loops = {
        .daemon = daemon->options,
        .first = &daemon->inside,
        .stores = &daemon->stores,
        .extended = daemon->extended,
        .count = daemon->options->loops,
        .shutdown = daemon_shutdown,
        .ended = daemon_on_loops_ended,
        .arg = daemon,
    };
    return loops.count > 1 ? pawl__daemon_loops_begin(&loops, start, &daemon->loops, error)
                           : PAWL_OK;
}

static enum pawl_err daemon_begin(struct daemon *daemon, struct pawl_error *error) {
    struct pawl_inside_start start = {
        .settings = daemon->settings,
        .server = daemon->next_server,
        .again = daemon->restarting,
        .address = daemon_address(daemon),
    };
    enum pawl_err err = pawl__inside_check(daemon->settings, daemon->options->loops, error);
    if (!err) err = daemon_open_stores(daemon, error);
    if (!err && !daemon->restarting) err = daemon_open_ports(daemon, &start.server, error);
    if (!err) err = daemon_begin_loops(daemon, &start, error);
    if (!err) err = pawl__inside_begin(&daemon->inside, &start, error);
    daemon->inside_runs = true;
    daemon->loops_run = daemon->loops;
    if (!err && daemon->loops && !pawl__daemon_loops_run(daemon->loops))
        err = pawl__fail(error, PAWL_E_NOMEM, "cannot start %zu threads", daemon->options->loops);
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
    pawl__server_admit(daemon->next_server);
    daemon->restarting = false;
    daemon->next = (struct pawl_reload_next){0};
    daemon->next_server = NULL;
    pawl__log(daemon_log(daemon), PAWL_LOG_INFO, daemon_scope, "all runs as the files say now");
    pawl__reload_resume(daemon->reload, daemon->settings);
}

static void daemon_restart(void *arg, const struct pawl_reload_next *next) {
    struct daemon *daemon = arg;
    struct pawl_error error;
    if (pawl__inside_create_server(&daemon->inside, &daemon->next_server, &error)) {
        pawl__log(daemon_log(daemon), PAWL_LOG_FATAL, daemon_scope, "cannot go on: %s", error.text);
        _exit(1);
    }
    daemon->restarting = true;
    daemon->next = *next;
    pawl__log(daemon_log(daemon), PAWL_LOG_INFO, daemon_scope,
              "the configuration, or the store with the workflows, has changed: all is begun anew");
    pawl__server_take(daemon->next_server, daemon->inside.start.server);
    int64_t grace = daemon->options->graceful_shutdown;
    if (grace > DAEMON_RESTART_GRACE) grace = DAEMON_RESTART_GRACE;
    daemon_end(daemon, "the configuration is taken over", grace);
}

static enum pawl_err daemon_watch_files(struct daemon *daemon, struct pawl_error *error) {
    const struct pawl_reload_options reload = {
        .loop = &daemon->loop,
        .source = daemon->options->source,
        .stores = &daemon->stores,
        .loops = daemon->options->loops,
        .interval = daemon->options->reconcile_interval,
        .log = daemon_log(daemon),
        .restart = daemon_restart,
        .arg = daemon,
    };
    daemon->reload = pawl__reload_create(&reload, daemon->settings);
    return daemon->reload ? PAWL_OK : pawl__fail_plain(error, PAWL_E_NOMEM);
}

// Calls can be served: the shards have owners, of which this daemon may be none.
static void daemon_on_ready(void *arg) {
    struct daemon *daemon = arg;
    pawl__notify(&daemon->notify, "READY=1");
    if (!daemon->began) return;
    pawl__log(daemon_log(daemon), PAWL_LOG_INFO, daemon_scope,
              "dapr initialized. Status: Running. Init Elapsed %lldms",
              (long long)((pawl__clock_steady() - daemon->began) / PAWL_MILLISECOND));
    daemon->began = 0;
}

static void daemon_init(struct daemon *daemon) {
    const int numbers[] = {SIGINT, SIGTERM};
    uv_loop_init(&daemon->loop);
    uv_timer_init(&daemon->loop, &daemon->deadline);
    daemon->deadline.data = daemon;
    for (int i = 0; i < 2; i++) {
        uv_signal_init(&daemon->loop, &daemon->signals[i]);
        daemon->signals[i].data = daemon;
        uv_signal_start(&daemon->signals[i], daemon_on_signal, numbers[i]);
    }
    pawl__notify_init(&daemon->notify, &daemon->loop);
    pawl__daemon_stores_init(&daemon->stores, &daemon->loop, daemon->options->app_id,
                             daemon_log(daemon));
    daemon->stores.is_shared = daemon->options->loops > 1;
    const struct pawl_inside_options inside = {
        .daemon = daemon->options,
        .loop = &daemon->loop,
        .stores = &daemon->stores,
        .extended = daemon->extended,
        .ready = daemon_on_ready,
        .shutdown = daemon_shutdown,
        .ended = daemon_on_ended,
        .arg = daemon,
    };
    pawl__inside_init(&daemon->inside, &inside);
}

int pawl__daemon_run(const struct pawl_daemon_options *options, struct pawl_settings *settings) {
    struct daemon daemon = {.options = options, .settings = settings};
    struct pawl_error error = {PAWL_E_OK, ""};
    daemon.began = pawl__clock_steady();
    signal(SIGPIPE, SIG_IGN);
    daemon.extended = pawl__extended_create(PAWL_DAPR_VERSION);
    daemon_init(&daemon);
    enum pawl_err err =
        daemon.extended ? daemon_begin(&daemon, &error) : pawl__fail_plain(&error, PAWL_E_NOMEM);
    if (!err) err = daemon_watch_files(&daemon, &error);
    if (err) {
        pawl__log(daemon_log(&daemon), PAWL_LOG_FATAL, daemon_scope, "cannot start: %s",
                  error.text);
        return 1; // the process ends, and with it all that was opened
    }
    pawl__app_watch_begin(&daemon.app, &daemon.loop, options);
    uv_run(&daemon.loop, UV_RUN_DEFAULT);
    uv_loop_close(&daemon.loop);
    pawl__settings_release(daemon.settings);
    pawl__extended_destroy(daemon.extended);
    return 0;
}
