#include "cli/run.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/clock.h"
#include "cli/proc.h"
#include "cli/run_check.h"
#include "cli/run_health.h"
#include "cli/run_launch.h"
#include "cli/run_log.h"
#include "cli/terminal.h"
#include "net/http_fetch.h"
#include "observe/lines.h"

enum {
    RUN_HEALTH_SECONDS = 60, // until a sidecar is ready
    RUN_SHARE_SECONDS = 5,   // until daemons of one app that start together know each other
    RUN_KILL_AFTER = 5000,   // milliseconds from the first signal to SIGKILL
};

// Signals that end all, and the one that comes when we were stopped and go on.
static const struct {
    int number;
    const char *name; // NULL: it ends nothing
} run_signals[] = {
    {SIGINT, "interrupt"}, {SIGTERM, "terminated"}, {SIGHUP, "hangup"}, {SIGCONT, NULL}};

enum {
    RUN_SIGNALS = sizeof run_signals / sizeof *run_signals
};

struct app {
    struct pawl_run_app *given;
    struct run *run;
    struct pawl_proc sidecar, proc;
    struct pawl_run_held held;
    struct pawl_run_place place;
    struct pawl_run_log app_log, daemon_log;
    struct pawl_lines lines; // of both, for the dashboard
    int lines_fd;            // for the sidecar
    uv_timer_t timer;        // health, then killing
    int64_t started;         // of the sidecar; steady clock
    bool up, stopping;
    int metrics_moved;    // the port that its metrics were to be at, and are not; 0: they are
    pid_t terminal_group; // the app's, once it has the terminal; 0: it has not
    bool is_stopped;      // the app, with us
    int exit_code;
};

struct run {
    const struct pawl_run_options *options;
    uv_loop_t loop;
    uv_signal_t signals[RUN_SIGNALS];
    struct app *apps;
    size_t count, running;
    struct pawl_arena arena;
    bool stopping;
    int signal; // that ends the apps
    int exit_code;
};

// --- output -------------------------------------------------------------------------------------

static void run_say(const char *mark, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void run_say(const char *mark, const char *format, ...) {
    va_list args;
    va_start(args, format);
    fputs(mark, stdout);
    vprintf(format, args);
    putchar('\n');
    va_end(args);
    fflush(stdout);
}

#define RUN_INFO "\u2139\ufe0f  "
#define RUN_OK   "\u2705  "
#define RUN_BAD  "\u274c  "

static void run_on_app_line(struct pawl_proc *proc, const char *line, size_t len) {
    struct app *app = proc->data;
    if (app->given->app_console) {
        printf("== APP - %s%s == %.*s\n", app->given->app_id, app->given->nth, (int)len, line);
        fflush(stdout);
    }
    pawl__run_log_line(&app->app_log, line, len);
    pawl__lines_add(&app->lines, PAWL_LINES_APP, pawl__clock_wall(), (struct pawl_str){line, len});
}

static void run_on_daemon_line(struct pawl_proc *proc, const char *line, size_t len) {
    struct app *app = proc->data;
    if (app->given->daemon_console) {
        printf("%.*s\n", (int)len, line);
        fflush(stdout);
    }
    pawl__run_log_line(&app->daemon_log, line, len);
    pawl__lines_add(&app->lines, PAWL_LINES_DAEMON, pawl__clock_wall(),
                    (struct pawl_str){line, len});
}

// --- stopping -----------------------------------------------------------------------------------

static void run_on_timer_closed(uv_handle_t *handle) {
}

static void run_finish_app(struct app *app) {
    struct run *run = app->run;
    uv_close((uv_handle_t *)&app->timer, run_on_timer_closed);
    pawl__lines_close(&app->lines);
    if (app->lines_fd > 0) close(app->lines_fd);
    pawl__run_log_finish(&app->app_log);
    pawl__run_log_finish(&app->daemon_log);
    pawl__run_release_ports(&app->held);
    if (app->exit_code > run->exit_code) run->exit_code = app->exit_code;
    if (--run->running) return;
    for (int i = 0; i < RUN_SIGNALS; i++) uv_close((uv_handle_t *)&run->signals[i], NULL);
}

static void run_on_kill(uv_timer_t *timer) {
    struct app *app = timer->data;
    bool sidecar = !app->proc.pid;
    run_say(RUN_BAD, "%s \"%s\" has not ended after %d s and is killed",
            sidecar ? "the sidecar of app" : "app", app->given->app_id, RUN_KILL_AFTER / 1000);
    pawl__proc_signal(sidecar ? &app->sidecar : &app->proc, SIGKILL);
}

// Ends the app if it runs, by the signal that came to us; else its sidecar. Called again when one
// of them has ended.
static void run_stop_app(struct app *app) {
    app->stopping = true;
    uv_timer_stop(&app->timer);
    struct pawl_proc *next = app->proc.pid ? &app->proc : &app->sidecar;
    if (!next->pid) {
        run_finish_app(app);
        return;
    }
    pawl__proc_signal(next, app->proc.pid ? app->run->signal : SIGTERM);
    uv_timer_start(&app->timer, run_on_kill, RUN_KILL_AFTER, 0);
}

static void run_stop_all(struct run *run) {
    bool again = run->stopping;
    run->stopping = true;
    for (size_t i = 0; i < run->count; i++) {
        struct app *app = &run->apps[i];
        if (again) {
            pawl__proc_signal(&app->proc, SIGKILL);
            pawl__proc_signal(&app->sidecar, SIGKILL);
        } else if (!app->stopping && (app->proc.pid || app->sidecar.pid)) {
            run_stop_app(app);
        }
    }
}

// --- the terminal -------------------------------------------------------------------------------
//
// An app is a group of its own, and so in the background: Ctrl-C comes to us, who end the app and
// then the sidecar. One that reads from the terminal is stopped by the kernel. It then gets the
// terminal for good, and with it Ctrl-C and Ctrl-Z, as if it had been started without us.

// We were stopped and go on: so does the app.
static void run_go_on(struct run *run) {
    struct app *app = &run->apps[0];
    if (run->options->many || !app->is_stopped) return;
    app->is_stopped = false;
    if (pawl__terminal_give(app->proc.pid)) app->terminal_group = app->proc.pid;
    pawl__proc_signal(&app->proc, SIGCONT);
}

static void run_on_app_stop(struct pawl_proc *proc, int number) {
    struct app *app = proc->data;
    bool wants = number == SIGTTIN || number == SIGTTOU;
    if (app->run->options->many) {
        if (wants)
            run_say(
                RUN_BAD,
                "app \"%s\" waits for the terminal, which apps of a run file do not have; run it "
                "by itself: pawl run --app-id %s -- COMMAND",
                app->given->app_id, app->given->app_id);
        return;
    }
    if (wants && pawl__terminal_give(proc->pid)) {
        app->terminal_group = proc->pid;
        pawl__proc_signal(proc, SIGCONT);
        return;
    }
    if (!wants && !app->terminal_group) return; // somebody has stopped the app, and us not
    // It is Ctrl-Z, or we are in the background ourselves: our shell tells its user that all has
    // stopped. When it lets us go on, run_go_on comes.
    app->is_stopped = true;
    pawl__terminal_take_back(app->terminal_group);
    kill(0, number == SIGTTOU ? SIGTTIN : number == SIGSTOP ? SIGTSTP : number);
}

// --- ends ---------------------------------------------------------------------------------------

static void run_on_signal(uv_signal_t *handle, int number) {
    struct run *run = handle->data;
    size_t i = (size_t)(handle - run->signals);
    if (!run_signals[i].name) {
        run_go_on(run);
        return;
    }
    run_say("\n" RUN_INFO, "%s signal received: shutting down", run_signals[i].name);
    run->signal = number;
    run_stop_all(run);
}

static void run_on_app_exit(struct pawl_proc *proc) {
    struct app *app = proc->data;
    char how[80];
    pawl__proc_describe(proc, how);
    int code = pawl__proc_exit_code(proc);
    pawl__terminal_take_back(app->terminal_group);
    bool wanted = app->stopping ? !pawl__proc_ended_by(proc, SIGKILL)
                                : app->terminal_group && pawl__proc_ended_by(proc, SIGINT);
    if (!app->stopping) app->exit_code = code;
    run_say(code ? (wanted ? RUN_INFO : RUN_BAD) : RUN_OK, "app \"%s\"%s %s", app->given->app_id,
            app->given->nth, how);
    if (code != 0 && !app->stopping && !app->given->app_console) pawl__run_log_show(&app->app_log);
    run_stop_app(app);
}

// Whether another replica of the app goes on.
static bool run_has_replica(const struct app *app) {
    const struct app *other = app->run->apps, *end = other + app->run->count;
    for (; other < end; other++)
        if (other != app && other->up && !other->stopping &&
            strcmp(other->given->app_id, app->given->app_id) == 0)
            return true;
    return false;
}

static void run_on_sidecar_exit(struct pawl_proc *proc) {
    struct app *app = proc->data;
    if (!app->stopping) {
        char how[80];
        pawl__proc_describe(proc, how);
        fflush(stdout);
        fprintf(stderr, RUN_BAD "the sidecar of app \"%s\"%s %s%s\n", app->given->app_id,
                app->given->nth, how, app->up ? "" : " before it was ready");
        if (!app->given->daemon_console) pawl__run_log_show(&app->daemon_log);
        app->exit_code = 1;
        if (!app->up || !run_has_replica(app)) run_stop_all(app->run); // all are one system
    }
    if (!app->stopping || (!app->proc.pid && !app->sidecar.pid)) run_stop_app(app);
}

// --- starting -----------------------------------------------------------------------------------

static void run_put_metadata(struct app *app, const char *key, const char *value) {
    char path[128];
    int status;
    struct pawl_buf body = {0};
    snprintf(path, sizeof path, "/v1.0/metadata/%s", key);
    const char *token = getenv("DAPR_API_TOKEN");
    struct pawl_header header = {PAWL_STR("dapr-api-token"), pawl__str(token)};
    const struct pawl_http_ask ask = {.host = app->place.host,
                                      .port = app->given->http_port,
                                      .method = "PUT",
                                      .path = path,
                                      .headers = &header,
                                      .header_count = token ? 1 : 0,
                                      .body = pawl__str(value),
                                      .timeout = PAWL_SECOND};
    pawl__http_fetch(&ask, &status, &body, NULL);
    pawl__buf_finish(&body);
}

static void run_tell_metadata(struct app *app) {
    char number[32];
    char command[1024] = "";
    snprintf(number, sizeof number, "%d", (int)getpid());
    run_put_metadata(app, "cliPID", number);
    for (size_t i = 0; app->given->command && app->given->command[i]; i++) {
        size_t len = strlen(command);
        snprintf(command + len, sizeof command - len, "%s%s", i ? " " : "", app->given->command[i]);
    }
    if (app->proc.pid) {
        snprintf(number, sizeof number, "%d", (int)app->proc.pid);
        run_put_metadata(app, "appPID", number);
        run_put_metadata(app, "appCommand", command);
    }
    if (app->app_log.file) run_put_metadata(app, "appLogPath", app->app_log.path);
    if (app->daemon_log.file) run_put_metadata(app, "daprdLogPath", app->daemon_log.path);
    if (app->run->options->template_path) {
        run_put_metadata(app, "runTemplatePath", app->run->options->template_path);
        run_put_metadata(app, "runTemplateName", app->run->options->template_name);
    }
}

static void run_start_command(struct app *app) {
    struct pawl_run_app *given = app->given;
    struct run *run = app->run;
    struct pawl_error error;
    if (!given->command) {
        run_tell_metadata(app);
        run_say(RUN_OK, "The sidecar is up and running. Press Ctrl-C to stop it.");
        return;
    }
    app->proc = (struct pawl_proc){
        .argv = given->command,
        .env = pawl__run_app_env(given, app->place.socket_base, &run->arena),
        .directory = given->directory,
        .capture = run->options->many,
        .on_line = run_on_app_line,
        .on_exit = run_on_app_exit,
        .on_stop = run_on_app_stop,
        .data = app,
    };
    if (!run->options->many)
        run_say(RUN_OK, "You're up and running! Both Dapr and your app logs will appear here.\n");
    if (pawl__proc_start(&app->proc, &run->loop, &error)) {
        fprintf(stderr, RUN_BAD "app \"%s\": %s\n", given->app_id, error.text);
        app->exit_code = 1;
        run_stop_all(run);
        return;
    }
    run_tell_metadata(app);
}

// It will not become ready, or not in time.
static void run_give_up(struct app *app) {
    if (!app->given->daemon_console) pawl__run_log_show(&app->daemon_log);
    app->exit_code = 1;
    run_stop_all(app->run);
}

static void run_on_health(uv_timer_t *timer) {
    struct app *app = timer->data;
    const char *id = app->given->app_id;
    char why[512];
    enum pawl_run_health health = pawl__run_health(id, app->place.host, app->given->http_port, why);
    if (health == PAWL_RUN_READY) {
        uv_timer_stop(timer);
        app->up = true;
        if (app->run->options->many)
            run_say(RUN_OK, "Started Dapr with app id \"%s\". %s", id, app->place.text);
        else
            run_say(RUN_INFO, "Dapr sidecar is up and running.");
        bool is_v6 = strchr(app->place.host, ':');
        if (!pawl__run_shows_dashboard(app->given))
            run_say(RUN_INFO, "It has no dashboard, as others than this machine could open it; set "
                              "PAWL_DASHBOARD_TOKEN for one");
        else if (!app->place.socket_base)
            run_say(RUN_INFO, "Its workflows: http://%s%s%s:%d/dashboard/", is_v6 ? "[" : "",
                    app->place.host, is_v6 ? "]" : "", app->given->http_port);
        if (app->metrics_moved)
            run_say(RUN_INFO, "Its metrics are at port %d, as port %d is in use",
                    app->given->metrics_port, app->metrics_moved);
        run_start_command(app);
    } else if (health == PAWL_RUN_NEVER &&
               pawl__clock_steady() - app->started > RUN_SHARE_SECONDS * PAWL_SECOND) {
        fprintf(stderr, RUN_BAD "%s\n", why);
        run_give_up(app);
    } else if (pawl__clock_steady() - app->started > RUN_HEALTH_SECONDS * PAWL_SECOND) {
        fprintf(stderr, RUN_BAD "the sidecar of app \"%s\" is not ready after %d s: %s\n", id,
                RUN_HEALTH_SECONDS, *why ? why : "it does not answer");
        run_give_up(app);
    }
}

static bool run_start_sidecar(struct app *app, struct pawl_error *error) {
    struct pawl_run_app *given = app->given;
    struct run *run = app->run;
    app->sidecar = (struct pawl_proc){
        .argv = pawl__run_sidecar_argv(given, &run->arena),
        .file = "/proc/self/exe",
        .env = pawl__run_sidecar_env(app->lines_fd, &run->arena),
        .directory = given->directory,
        .inherits = app->lines_fd > 0 ? app->lines_fd : 0,
        .capture = true,
        .on_line = run_on_daemon_line,
        .on_exit = run_on_sidecar_exit,
        .data = app,
    };
    pawl__run_release_ports(&app->held);
    if (pawl__proc_start(&app->sidecar, &run->loop, error)) return false;
    app->started = pawl__clock_steady();
    uv_timer_start(&app->timer, run_on_health, 10, 20);
    return true;
}

static bool run_start_app(struct app *app, struct pawl_error *error) {
    struct pawl_run_app *given = app->given;
    const char *folder = given->directory ? given->directory : ".";
    if (given->app_file &&
        pawl__run_log_open(&app->app_log, folder, given->app_id, given->replica, "app", error))
        return false;
    if (given->daemon_file &&
        pawl__run_log_open(&app->daemon_log, folder, given->app_id, given->replica, "daprd", error))
        return false;
    if (app->run->options->many) {
        run_say(RUN_INFO, "Validating config and starting app \"%s\"", given->app_id);
        if (given->app_file || given->daemon_file)
            run_say(RUN_INFO, "Writing log files to directory : %s/.dapr/logs", folder);
    } else {
        run_say(RUN_INFO, "Starting Dapr with id %s. %s", given->app_id, app->place.text);
        if (app->place.socket_base)
            run_say(RUN_INFO, "Checking if Dapr sidecar is listening on %s", app->place.host);
        else
            run_say(RUN_INFO, "Checking if Dapr sidecar is listening on HTTP port %d",
                    given->http_port);
    }
    // Without them the dashboard has no lines to show, and all else goes on.
    if (!pawl__lines_create(&app->lines, NULL)) app->lines_fd = pawl__lines_share(&app->lines);
    return run_start_sidecar(app, error);
}

// Finds out what is wrong with any app before the first one starts.
static bool run_check(struct run *run) {
    struct pawl_error error;
    const char *told = "";
    for (size_t i = 0; i < run->count; i++) {
        struct app *app = &run->apps[i];
        const char *notes;
        int metrics_port = app->given->metrics_port;
        if (!pawl__run_check(app->given, &run->arena, &notes, &error) &&
            !pawl__run_hold_ports(app->given, &app->held, &error)) {
            // The sidecar's log says it, too. Apps that share their stores have the same to tell.
            if (!app->given->daemon_console && strcmp(notes, told) != 0) fputs(notes, stdout);
            told = notes;
            if (metrics_port && metrics_port != app->given->metrics_port)
                app->metrics_moved = metrics_port;
            continue;
        }
        fprintf(stderr, RUN_BAD "app \"%s\": %s\n", app->given->app_id, error.text);
        for (size_t k = 0; k <= i; k++) pawl__run_release_ports(&run->apps[k].held);
        return false;
    }
    return true;
}

static void run_all(struct run *run) {
    struct pawl_error error;
    uv_loop_init(&run->loop);
    for (int i = 0; i < RUN_SIGNALS; i++) {
        uv_signal_init(&run->loop, &run->signals[i]);
        run->signals[i].data = run;
        struct sigaction now;
        int number = run_signals[i].number;
        // What nohup has us ignore stays ignored. A shell's '&' has us ignore SIGINT, so that
        // Ctrl-C is not for us; whoever sends it by itself means us.
        bool ignored = sigaction(number, NULL, &now) == 0 && now.sa_handler == SIG_IGN;
        if (ignored && number == SIGHUP) continue;
        uv_signal_start(&run->signals[i], run_on_signal, number);
    }
    run->running = run->count;
    if (run->options->many && isatty(STDIN_FILENO))
        run_say(RUN_INFO, "Apps of a run file do not get the terminal: their input is /dev/null");
    for (size_t i = 0; i < run->count; i++) {
        struct app *app = &run->apps[i];
        pawl__run_place(app->given, &run->arena, &app->place);
        uv_timer_init(&run->loop, &app->timer);
        app->timer.data = app;
        if (run->stopping || run_start_app(app, &error)) continue;
        fprintf(stderr, RUN_BAD "app \"%s\": %s\n", app->given->app_id, error.text);
        app->exit_code = 1;
        run_stop_all(run);
    }
    // Those that never had a process end here; the others when their processes do.
    for (size_t i = 0; run->stopping && i < run->count; i++)
        if (!run->apps[i].stopping) run_stop_app(&run->apps[i]);
    uv_run(&run->loop, UV_RUN_DEFAULT);
    uv_loop_close(&run->loop);
}

int pawl__run_apps(struct pawl_run_app *given, size_t count,
                   const struct pawl_run_options *options) {
    struct pawl_error error;
    struct run run = {.options = options, .count = count, .signal = SIGTERM, .exit_code = 1};
    signal(SIGPIPE, SIG_IGN);
    signal(SIGTTOU, SIG_IGN); // we say what happens, also when the app has the terminal
    run.apps = calloc(count, sizeof *run.apps);
    if (!run.apps) return 1;
    for (size_t i = 0; i < count; i++) {
        struct app *app = &run.apps[i];
        app->given = &given[i];
        app->run = &run;
        for (int k = 0; k < PAWL_RUN_PORTS; k++) app->held.sockets[k] = -1;
    }
    // The guard comes first: it would have copies of the sockets that hold the ports.
    if (pawl__guard_start(&error)) {
        fprintf(stderr, RUN_BAD "%s\n", error.text);
    } else {
        if (run_check(&run)) {
            run.exit_code = 0;
            run_all(&run);
        }
        pawl__guard_stop();
    }
    pawl__arena_finish(&run.arena);
    free(run.apps);
    return run.exit_code;
}
