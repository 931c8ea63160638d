#include "cli/run_check.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/clock.h"
#include "cli/proc.h"
#include "config/configuration.h"

// --- files --------------------------------------------------------------------------------------

// Replicas of an app share its workflows, and so its store.
static enum pawl_err check_shared(const struct pawl_run_app *app,
                                  const struct pawl_config_stores *stores,
                                  struct pawl_error *error) {
    for (size_t i = 0; i < app->pass_count; i++)
        if (strcmp(app->pass[i].name, "unix-domain-socket") == 0)
            return pawl__fail(error, PAWL_E_INVALID,
                              "it stands in the run file more than once: its sidecars cannot have "
                              "the same sockets; leave out unixDomainSocket");
    for (size_t i = 0; i < stores->count; i++) {
        const struct pawl_config_store *store = &stores->items[i];
        bool is_file = strcmp(store->type, "state.sqlite") == 0;
        bool is_own = strcmp(store->type, "state.in-memory") == 0 || (is_file && !store->path);
        if (store->holds_workflows && is_own)
            return pawl__fail(
                error, PAWL_E_INVALID,
                "it stands in the run file more than once, but %s keeps its workflows "
                "in the memory of one process; use state.sqlite with a file, or a "
                "server",
                store->origin);
    }
    return PAWL_OK;
}

// Reads the files as the sidecar will, in silence: it says the warnings itself.
static enum pawl_err check_files(struct pawl_run_app *app, struct pawl_arena *arena,
                                 const char **notes, struct pawl_error *error) {
    static struct pawl_config_stores stores; // too large for the stack
    struct pawl_configuration configuration;
    const char *namespace = getenv("NAMESPACE");
    struct pawl_config_context context = {
        app->app_id, namespace ? namespace : "", arena,
        NULL,        app->local_stores,          app->no_default_store};
    enum pawl_err err = pawl__configuration_load(&context, &app->config, app->config ? 1 : 0,
                                                 &configuration, error);
    if (!err && app->resource_count)
        err = pawl__components_load(&context, app->resources, app->resource_count, &stores, error);
    if (!err && app->user_resources && !stores.count) app->resource_count = 0;
    if (!err && !app->resource_count) err = pawl__components_default(&context, &stores, error);
    if (!err && app->is_shared) err = check_shared(app, &stores, error);
    *notes = "";
    for (size_t i = 0; !err && *notes && i < stores.count; i++) {
        const struct pawl_config_store *store = &stores.items[i];
        if (!store->instead_of) continue;
        *notes = pawl__arena_format(arena,
                                    "%s\u2139\ufe0f  State store \"%s\" (%s) is kept in %s, as "
                                    "--local-stores says\n",
                                    *notes, store->name, store->instead_of, store->path);
    }
    return err || *notes ? err : pawl__fail_plain(error, PAWL_E_NOMEM);
}

// The same from the folder that the sidecar will run in, as paths in its files start from there.
static enum pawl_err check_files_there(struct pawl_run_app *app, struct pawl_arena *arena,
                                       const char **notes, struct pawl_error *error) {
    if (!app->directory) return check_files(app, arena, notes, error);
    int here = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (here < 0 || chdir(app->directory)) {
        if (here >= 0) close(here);
        return pawl__fail(error, PAWL_E_IO, "cannot enter the folder %s: %s", app->directory,
                          strerror(errno));
    }
    enum pawl_err err = check_files(app, arena, notes, error);
    if (fchdir(here) && !err)
        err = pawl__fail(error, PAWL_E_IO, "cannot go back from the folder %s: %s", app->directory,
                         strerror(errno));
    close(here);
    return err;
}

enum pawl_err pawl__run_check(struct pawl_run_app *app, struct pawl_arena *arena,
                              const char **notes, struct pawl_error *error) {
    const struct pawl_proc proc = {
        .argv = app->command, .env = app->env, .directory = app->directory};
    enum pawl_err err = app->command ? pawl__proc_check(&proc, error) : PAWL_OK;
    return err ? err : check_files_there(app, arena, notes, error);
}

// --- ports --------------------------------------------------------------------------------------

static int check_listen(int port) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;
    if (fd < 0) return -1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (bind(fd, (struct sockaddr *)&address, sizeof address) == 0 && listen(fd, 1) == 0) return fd;
    close(fd);
    return -1;
}

// Free ports are looked for below those that the system gives to outgoing connections (from 32768),
// as one of these could take a port between our letting go of it and the sidecar's taking it.
static int check_listen_anywhere(int *port) {
    enum {
        FIRST = 20000,
        LAST = 32000,
        TRIES = 200
    };
    for (int i = 0; i < TRIES; i++) {
        uint32_t number;
        pawl__random(&number, sizeof number);
        *port = FIRST + (int)(number % (LAST - FIRST));
        int fd = check_listen(*port);
        if (fd >= 0) return fd;
    }
    return -1;
}

enum pawl_err pawl__run_hold_ports(struct pawl_run_app *app, struct pawl_run_held *held,
                                   struct pawl_error *error) {
    const struct {
        int *port;
        const char *flag, *key;
    } ports[PAWL_RUN_PORTS] = {{&app->http_port, "dapr-http-port", "daprHTTPPort"},
                               {&app->grpc_port, "dapr-grpc-port", "daprGRPCPort"},
                               {&app->metrics_port, "metrics-port", "metricsPort"}};
    for (int i = 0; i < PAWL_RUN_PORTS; i++) held->sockets[i] = -1;
    for (int i = 0; i < PAWL_RUN_PORTS; i++) {
        int *port = ports[i].port;
        held->sockets[i] = *port ? check_listen(*port) : check_listen_anywhere(port);
        // Nobody's app fails for want of a port at which it is measured.
        if (held->sockets[i] < 0 && port == &app->metrics_port)
            held->sockets[i] = check_listen_anywhere(port);
        if (held->sockets[i] < 0)
            return pawl__fail(error, PAWL_E_UNAVAILABLE,
                              "port %d is in use; stop what listens there ('ss -ltnp' tells), or "
                              "choose another with --%s (%s in a run file)",
                              *port, ports[i].flag, ports[i].key);
    }
    return PAWL_OK;
}

void pawl__run_release_ports(struct pawl_run_held *held) {
    for (int i = 0; i < PAWL_RUN_PORTS; i++) {
        if (held->sockets[i] >= 0) close(held->sockets[i]);
        held->sockets[i] = -1;
    }
}
