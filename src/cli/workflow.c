#include "cli/workflow.h"

#include <signal.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "cli/find.h"
#include "config/yaml.h"
#include "sdk/call.h"
#include "wire/json_text.h"
#include "wire/timestamp.h"

enum {
    WORKFLOW_ANSWER = 5, // seconds that a sidecar may take to say anything
    WORKFLOW_SILENCE = 2 // seconds until a person is told that a command waits
};

// --- messages -----------------------------------------------------------------------------------

int pawl__workflow_fail(const char *format, ...) {
    char what[512];
    va_list args;
    va_start(args, format);
    vsnprintf(what, sizeof what, format, args);
    va_end(args);
    fprintf(stderr, "\u274c  %s: %s\n", what, pawl_last_error()->text);
    return 1;
}

// --- the app ------------------------------------------------------------------------------------

static bool workflow_is_again(const struct pawl_found *found, size_t i) {
    for (size_t k = 0; k < i; k++)
        if (strcmp(found[k].app_id, found[i].app_id) == 0) return true;
    return false;
}

static void workflow_name_apps(const struct pawl_found *found, size_t count) {
    for (size_t i = 0; i < count; i++)
        if (!workflow_is_again(found, i)) fprintf(stderr, "%s %s", i ? "," : "", found[i].app_id);
    fputc('\n', stderr);
}

const struct pawl_found *pawl__workflow_find(const char *id) {
    static struct pawl_found found[PAWL_FOUND_MAX]; // too large for the stack
    size_t count = pawl__find_running(found), apps = 0;
    for (size_t i = 0; i < count; i++) apps += !workflow_is_again(found, i);
    if (!count) {
        fputs("\u274c  no app runs here; start one with 'pawl run', or name a sidecar with "
              "--address HOST:PORT\n",
              stderr);
        return NULL;
    }
    if (!id && apps > 1) {
        fputs("\u274c  several apps run here; say which with --app-id:", stderr);
        workflow_name_apps(found, count);
        return NULL;
    }
    const struct pawl_found *best = pawl__find_best(found, count, id ? id : found[0].app_id);
    if (!best) {
        fprintf(stderr, "\u274c  no app '%s' runs here; these do:", id);
        workflow_name_apps(found, count);
        return NULL;
    }
    return best;
}

// Whether the sidecar answers at all: the calls that follow wait for as long as it takes. An error
// is an answer, too.
static bool workflow_answers(struct pawl *pawl) {
    struct pawl_client_call call = {0};
    Google__Protobuf__Empty ask = GOOGLE__PROTOBUF__EMPTY__INIT;
    enum pawl_err err =
        pawl__client_call(pawl, &call, PAWL_TASKHUB_HELLO, &ask, WORKFLOW_ANSWER * PAWL_SECOND);
    return pawl__client_finish(&call, err) != PAWL_E_DEADLINE;
}

static void workflow_tell_unused(const struct pawl_flags *flags) {
    for (int i = 0; flags->table[i].name; i++)
        if (flags->table[i].type == PAWL_FLAG_UNUSED && flags->values[i].count)
            fprintf(stderr, "pawl workflow: --%s has no effect here\n", flags->table[i].name);
}

// What --connection-string says, if the command has it.
static const char *workflow_store(const struct pawl_flags *flags) {
    static const char name[] = "connection-string";
    return pawl__flag_find(flags->table, name, sizeof name - 1) < 0 ? NULL
                                                                    : pawl__flag_text(flags, name);
}

static bool workflow_runs(const char *id) {
    static struct pawl_found found[PAWL_FOUND_MAX]; // too large for the stack
    size_t count = pawl__find_running(found);
    for (size_t i = 0; i < count; i++)
        if (strcmp(found[i].app_id, id) == 0) return true;
    return false;
}

int pawl__workflow_open(const struct pawl_flags *flags, struct pawl_workflow_app *app) {
    const char *address = pawl__flag_text(flags, "address"), *id = pawl__flag_text(flags, "app-id");
    char target[600];
    *app = (struct pawl_workflow_app){.workers = -1,
                                      .name_space = pawl__flag_text(flags, "namespace")};
    const char *store = workflow_store(flags);
    workflow_tell_unused(flags);
    if (address && id) return pawl__misused(flags, "takes --app-id or --address, not both");
    if (store && !id)
        return pawl__misused(flags, "needs --app-id with --connection-string, as a store may "
                                    "have the workflows of several apps");
    if (store && !workflow_runs(id)) return pawl__workflow_open_store(store, id, app);
    if (store)
        fprintf(stderr, "\u2139\ufe0f  app '%s' runs: its sidecar is asked, not the store\n", id);
    if (address) {
        snprintf(target, sizeof target, "grpc://%s", address);
    } else {
        const struct pawl_found *found = pawl__workflow_find(id);
        if (!found) return 1;
        if (!*found->grpc_target) {
            fprintf(stderr,
                    "\u274c  the sidecar of app '%s' (process %d) has --dapr-grpc-port %d, which "
                    "does not say where it listens; its log does: name that with --address "
                    "HOST:PORT\n",
                    found->app_id, (int)found->pid, found->grpc_port);
            return 1;
        }
        snprintf(target, sizeof target, "grpc://%s", found->grpc_target);
        snprintf(app->id, sizeof app->id, "%s", found->app_id);
        app->workers = found->workers;
    }
    if (pawl_open(target, NULL, &app->pawl)) return pawl__workflow_fail("cannot reach %s", target);
    if (workflow_answers(app->pawl)) return 0;
    fprintf(stderr, "\u274c  what listens at %s does not answer\n", target + strlen("grpc://"));
    pawl_close(app->pawl);
    return 1;
}

void pawl__workflow_close(struct pawl_workflow_app *app) {
    pawl_close(app->pawl);
}

static char workflow_waits[600]; // what the signal's handler writes

static void workflow_on_alarm(int number) {
    ssize_t written = write(STDERR_FILENO, workflow_waits, strlen(workflow_waits));
    (void)written;
}

void pawl__workflow_tell_wait(const struct pawl_workflow_app *app, const char *doing,
                              const char *id) {
    if (app->workers == 0) {
        fprintf(stderr, "no worker of app '%s' is connected: waiting for one\n", app->id);
        return;
    }
    const struct sigaction action = {.sa_handler = workflow_on_alarm, .sa_flags = SA_RESTART};
    snprintf(workflow_waits, sizeof workflow_waits,
             "%s '%.400s' waits for a worker; Ctrl-C ends the waiting and takes nothing back\n",
             doing, id);
    sigaction(SIGALRM, &action, NULL);
    alarm(WORKFLOW_SILENCE);
}

void pawl__workflow_wait_is_over(void) {
    alarm(0);
}

// --- what is given ------------------------------------------------------------------------------

bool pawl__workflow_json(const struct pawl_flags *flags, const char *name, struct pawl_text *out) {
    const char *text = pawl__flag_text(flags, name);
    struct pawl_json_flaw flaw;
    *out = pawl_text(text);
    if (!text || pawl__json_check(pawl__str(text), &flaw)) return true;
    pawl__misused(flags,
                  "--%s is not JSON: %s (at character %zu); a text is given as "
                  "--%s '\"text\"'",
                  name, flaw.what, flaw.at + 1, name);
    return false;
}

bool pawl__workflow_time(const char *text, int sign, int64_t *out) {
    int64_t now = pawl__clock_wall(), duration;
    if (pawl__duration_parse(text, &duration)) {
        *out = sign < 0 ? now - duration : pawl__clock_add(now, duration);
        return true;
    }
    if (pawl__time_parse(pawl__str(text), out)) return true;
    char whole[64];
    size_t len = strlen(text);
    if (len > 40) return false;
    snprintf(whole, sizeof whole, "%s%s", text, strchr(text, 'T') ? "Z" : "T00:00:00Z");
    return pawl__time_parse(pawl__str(whole), out);
}

bool pawl__workflow_interval(const char *text, int64_t *out) {
    return pawl__duration_parse(text, out) && *out >= PAWL_MILLISECOND && *out <= PAWL_HOUR;
}

bool pawl__workflow_limit(const struct pawl_flags *flags, size_t *out) {
    int64_t limit = pawl__flag_int(flags, "limit");
    *out = limit > 0 ? (size_t)limit : 0;
    if (*out || !pawl__flag_given(flags, "limit")) return true;
    pawl__misused(flags, "--limit is '%s', but has to be above 0", pawl__flag_text(flags, "limit"));
    return false;
}

bool pawl__workflow_has_ended(enum pawl_status status) {
    return status == PAWL_COMPLETED || status == PAWL_FAILED || status == PAWL_CANCELED ||
           status == PAWL_TERMINATED;
}

// --- what is told -------------------------------------------------------------------------------

void pawl__workflow_moment(int64_t at, char out[PAWL_TIME_TEXT]) {
    pawl__time_format(at - at % PAWL_SECOND, out);
}

void pawl__workflow_duration(int64_t duration, char out[32]) {
    double seconds = (double)duration / 1e9;
    long long whole = (long long)seconds;
    if (seconds < 0.0009995)
        snprintf(out, 32, "%.0fus", seconds * 1e6);
    else if (seconds < 0.9995)
        snprintf(out, 32, "%.0fms", seconds * 1e3);
    else if (seconds < 9.95)
        snprintf(out, 32, "%.1fs", seconds);
    else if (whole < 60)
        snprintf(out, 32, "%llds", whole);
    else if (whole < 3600)
        snprintf(out, 32, "%lldm%llds", whole / 60, whole % 60);
    else if (whole < 86400)
        snprintf(out, 32, "%lldh%lldm", whole / 3600, whole % 3600 / 60);
    else
        snprintf(out, 32, "%lldd%lldh", whole / 86400, whole % 86400 / 3600);
}
