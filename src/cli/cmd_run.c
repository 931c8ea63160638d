#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/name.h"
#include "cli/commands.h"
#include "cli/run.h"
#include "config/home.h"
#include "config/runfile.h"

// Dapr's names, letters and defaults (reference 6.2).
static const struct pawl_flag run_flags[] = {
    {"app-id", 'a', PAWL_FLAG_TEXT, NULL, "id of the app; without it one is made up"},
    {"run-file", 'f', PAWL_FLAG_TEXT, NULL, "run all apps of this file, folder, or - (stdin)"},
    {"app-port", 'p', PAWL_FLAG_PORT, "-1", "port that the app listens on"},
    {"app-protocol", 'P', PAWL_FLAG_TEXT, "http", "protocol of the app"},
    {"dapr-http-port", 'H', PAWL_FLAG_PORT, "-1", "port of the HTTP API; -1: any free one"},
    {"dapr-grpc-port", 'G', PAWL_FLAG_PORT, "-1", "port of the gRPC API; -1: any free one"},
    {"metrics-port", 'M', PAWL_FLAG_PORT, "-1", "port for metrics; -1: any free one"},
    {"resources-path", 'd', PAWL_FLAG_LIST, NULL, "folder with component files; repeatable"},
    {"components-path", 0, PAWL_FLAG_LIST, NULL, "older name of --resources-path"},
    {"local-stores", 0, PAWL_FLAG_BOOL, "false",
     "keep stores that need a server in SQLite files instead"},
    {"no-default-store", 0, PAWL_FLAG_BOOL, "false",
     "have no store, and serve no workflows, where no resources are given"},
    {"config", 'c', PAWL_FLAG_TEXT, NULL, "configuration file"},
    {"log-level", 0, PAWL_FLAG_TEXT, "info", "of the sidecar: debug, info, warn, error or fatal"},
    {"app-channel-address", 0, PAWL_FLAG_TEXT, NULL, "address of the app"},
    {"app-max-concurrency", 0, PAWL_FLAG_INT, "-1", "calls that the app takes at once"},
    {"max-body-size", 0, PAWL_FLAG_TEXT, NULL, "largest body of a request or message, as 4Mi"},
    {"read-buffer-size", 0, PAWL_FLAG_TEXT, NULL, "largest headers of a request, as 4Ki"},
    {"loops", 0, PAWL_FLAG_INT, NULL, "event loops of the sidecar, each a thread; 0: one per core"},
    {"dapr-listen-addresses", 0, PAWL_FLAG_TEXT, NULL, "addresses that the sidecar listens on"},
    {"unix-domain-socket", 'u', PAWL_FLAG_TEXT, NULL,
     "folder for sockets that the sidecar listens on, not ports"},
    {"dapr-internal-grpc-port", 'I', PAWL_FLAG_UNUSED, NULL, NULL},
    {"enable-profiling", 0, PAWL_FLAG_IDLE, "false", "accepted as dapr's; has no effect here"},
    {"profile-port", 0, PAWL_FLAG_UNUSED, NULL, NULL},
    {"placement-host-address", 0, PAWL_FLAG_UNUSED, NULL, NULL},
    {"scheduler-host-address", 0, PAWL_FLAG_UNUSED, NULL, NULL},
    {"app-ssl", 0, PAWL_FLAG_IDLE, "false", "accepted as dapr's; has no effect here"},
    {"enable-app-health-check", 0, PAWL_FLAG_BOOL, "false",
     "have the sidecar ask whether the app is well, and log when that changes"},
    {"app-health-check-path", 0, PAWL_FLAG_TEXT, NULL, "path of the app's health"},
    {"app-health-probe-interval", 0, PAWL_FLAG_INT, NULL, "seconds between two of these questions"},
    {"app-health-probe-timeout", 0, PAWL_FLAG_INT, NULL, "milliseconds for its answer"},
    {"app-health-threshold", 0, PAWL_FLAG_INT, NULL, "failures in a row until it counts as ill"},
    {"enable-api-logging", 0, PAWL_FLAG_BOOL, "false", "log each API call in the sidecar's log"},
    {"runtime-path", 0, PAWL_FLAG_UNUSED, NULL, NULL},
    {"kubernetes", 'k', PAWL_FLAG_BOOL, "false", "not served: Pawl's daemon is a container there"},
    {NULL, 0, PAWL_FLAG_TEXT, NULL, NULL},
};

static bool run_is_folder(const char *path) {
    struct stat info;
    return stat(path, &info) == 0 && S_ISDIR(info.st_mode);
}

static int run_port(const struct pawl_flags *flags, const char *name) {
    int64_t port = pawl__flag_int(flags, name);
    return port > 0 ? (int)port : 0;
}

// --- one app ------------------------------------------------------------------------------------

// Flags that the daemon has, too, and is given as they are.
static const char *const run_passed[] = {
    "log-level",
    "app-channel-address",
    "max-body-size",
    "read-buffer-size",
    "app-max-concurrency",
    "dapr-listen-addresses",
    "unix-domain-socket",
    "loops",
    "enable-app-health-check",
    "app-health-check-path",
    "app-health-probe-interval",
    "app-health-probe-timeout",
    "app-health-threshold",
    "enable-api-logging",
};

static void run_pass(struct pawl_run_app *app, const char *flag, const char *value) {
    app->pass[app->pass_count].name = flag;
    app->pass[app->pass_count++].value = value;
}

// The folders that the flags name. False after saying which one is not there.
static bool run_folders(const struct pawl_flags *flags, const char *const **folders,
                        size_t *count) {
    *count = pawl__flag_list(flags, "resources-path", folders);
    if (!*count) *count = pawl__flag_list(flags, "components-path", folders);
    for (size_t i = 0; i < *count; i++)
        if (!run_is_folder((*folders)[i])) {
            fprintf(stderr,
                    "pawl run: the resources folder %s is not there; check --resources-path\n",
                    (*folders)[i]);
            return false;
        }
    return true;
}

static int run_one(const struct pawl_flags *flags) {
    char made_up[32];
    uint32_t number;
    pawl__random(&number, sizeof number);
    snprintf(made_up, sizeof made_up, "app-%08x", number);
    const char *const *folders;
    size_t folder_count;
    if (!run_folders(flags, &folders, &folder_count)) return 1;
    struct pawl_arena arena = {0};
    struct pawl_home_dapr user = pawl__home_dapr(&arena);
    bool user_resources = !folder_count && user.components;
    if (user_resources) {
        folders = &user.components;
        folder_count = 1;
    }
    struct pawl_run_app app = {
        .app_id = pawl__flag_given(flags, "app-id") ? pawl__flag_text(flags, "app-id") : made_up,
        .command = flags->argc ? (const char *const *)flags->argv : NULL,
        .app_port = run_port(flags, "app-port"),
        .http_port = run_port(flags, "dapr-http-port"),
        .grpc_port = run_port(flags, "dapr-grpc-port"),
        .metrics_port = run_port(flags, "metrics-port"),
        .resources = folders,
        .resource_count = folder_count,
        .user_resources = user_resources,
        .local_stores = pawl__flag_bool(flags, "local-stores"),
        .no_default_store = pawl__flag_bool(flags, "no-default-store"),
        .config =
            pawl__flag_given(flags, "config") ? pawl__flag_text(flags, "config") : user.config,
        .protocol = pawl__flag_text(flags, "app-protocol"),
        .app_console = true,
        .daemon_console = true,
    };
    for (size_t i = 0; i < sizeof run_passed / sizeof *run_passed; i++)
        if (pawl__flag_given(flags, run_passed[i]))
            run_pass(&app, run_passed[i], pawl__flag_text(flags, run_passed[i]));
    const char *flaw = pawl__name_flaw(app.app_id);
    if (flaw) {
        fprintf(stderr, "\u274c  --app-id %s\n", flaw);
        pawl__arena_finish(&arena);
        return PAWL_EXIT_USAGE;
    }
    flags->argv[flags->argc] = NULL; // argv has its end there, or further
    struct pawl_run_options options = {.many = false};
    int code = pawl__run_apps(&app, 1, &options);
    pawl__arena_finish(&arena);
    return code;
}

// --- a run file ---------------------------------------------------------------------------------

static bool run_goes_to(const char *destination, const char *place) {
    return strcmp(destination, place) == 0 || strcmp(destination, "fileAndConsole") == 0;
}

static int run_file(const char *path, const struct pawl_flags *flags) {
    struct pawl_arena arena = {0};
    struct pawl_runfile file;
    struct pawl_error error;
    int code = 1;
    if (pawl__runfile_load(path, &arena, &file, &error)) {
        fprintf(stderr, "\u274c  %s\n", error.text);
        goto out;
    }
    fputs(file.notes, stderr);
    struct pawl_run_app *apps = pawl__arena_zalloc(&arena, file.app_count * sizeof *apps);
    if (!apps) goto out;
    for (size_t i = 0; i < file.app_count; i++) {
        const struct pawl_runfile_app *given = &file.apps[i];
        struct pawl_run_app *app = &apps[i];
        *app = (struct pawl_run_app){
            .app_id = given->app_id,
            .replica = given->replica,
            .directory = given->directory,
            .command = given->command_count ? given->command : NULL,
            .env = given->env,
            .app_port = given->app_port,
            .http_port = given->http_port,
            .grpc_port = given->grpc_port,
            .metrics_port = given->metrics_port,
            .resources = given->resources,
            .resource_count = given->resource_count,
            .user_resources = given->user_resources,
            .local_stores = pawl__flag_bool(flags, "local-stores"),
            .no_default_store = pawl__flag_bool(flags, "no-default-store"),
            .config = given->config,
            .protocol = given->protocol,
            .app_console = run_goes_to(given->app_log, "console"),
            .app_file = run_goes_to(given->app_log, "file"),
            .daemon_console = run_goes_to(given->daemon_log, "console"),
            .daemon_file = run_goes_to(given->daemon_log, "file"),
        };
        if (app->replica) snprintf(app->nth, sizeof app->nth, " (%u)", app->replica + 1);
        if (given->log_level) run_pass(app, "log-level", given->log_level);
        for (size_t k = 0; k < given->pass_count; k++)
            run_pass(app, given->pass[k].flag, given->pass[k].value);
    }
    for (size_t i = 0; i < file.app_count; i++)
        for (size_t k = 0; k < file.app_count; k++)
            apps[i].is_shared |= k != i && strcmp(apps[i].app_id, apps[k].app_id) == 0;
    struct pawl_run_options options = {true, file.path, file.name};
    code = pawl__run_apps(apps, file.app_count, &options);
out:
    pawl__arena_finish(&arena);
    return code;
}

static bool run_goes_with_file(const char *name) {
    static const char *const names[] = {"run-file", "local-stores", "no-default-store"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(name, names[i]) == 0) return true;
    return false;
}

// Says which of the flags that are given do nothing, so that nobody relies on them.
static void run_tell_unused(const struct pawl_flags *flags) {
    bool file = pawl__flag_given(flags, "run-file");
    for (int i = 0; run_flags[i].name; i++) {
        const struct pawl_flag *flag = &run_flags[i];
        if (!flags->values[i].count) continue;
        if (flag->type == PAWL_FLAG_UNUSED || flag->type == PAWL_FLAG_IDLE)
            fprintf(stderr, "pawl run: --%s has no effect here\n", flag->name);
        else if (file && !run_goes_with_file(flag->name))
            fprintf(stderr, "pawl run: --%s has no effect beside --run-file; the file may say it\n",
                    flag->name);
    }
}

static int run_run(const struct pawl_flags *flags) {
    if (pawl__flag_bool(flags, "kubernetes"))
        return pawl__misused(
            flags, "--kubernetes is not served; on Kubernetes Pawl's daemon is a container "
                   "like any other");
    const char *file = pawl__flag_text(flags, "run-file");
    if (file && (flags->argc || pawl__flag_given(flags, "app-id")))
        return pawl__misused(flags, "--run-file names the apps; it takes no app ID and no command");
    run_tell_unused(flags);
    if (!file) return run_one(flags);
    return run_file(file, flags);
}

const struct pawl_command pawl__cmd_run = {
    .name = "run",
    .summary = "Run an app beside its sidecar, or all apps of a run file",
    .usage = "[FLAGS] [--] COMMAND [ARGUMENTS], or -f FILE|DIR|-",
    .text =
        "Starts a sidecar, waits until it is ready, and runs the command with DAPR_HTTP_PORT\n"
        "and DAPR_GRPC_PORT set. When the app ends, so does its sidecar. Ctrl-C, SIGTERM and\n"
        "SIGHUP are passed on to the app. The exit code is the app's.\n\n"
        "An app that names no resources gets the components of ~/.dapr/components and the\n"
        "configuration ~/.dapr/config.yaml; 'pawl init' writes both. Without them, state and\n"
        "workflows are in an SQLite file. --local-stores keeps every store that needs a server,\n"
        "such as Redis or PostgreSQL, in an SQLite file instead.\n\n"
        "Examples:\n"
        "  pawl run --app-id orders -- python3 app.py\n"
        "  pawl run -f .                  all apps of ./dapr.yaml\n"
        "  pawl run --app-id orders       only a sidecar, until Ctrl-C\n",
    .flags = run_flags,
    .stop_at_argument = true,
    .run = run_run,
};
