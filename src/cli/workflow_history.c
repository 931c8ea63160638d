#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "cli/workflow.h"

enum {
    HISTORY_VALUE = 120,   // bytes of a payload that are shown
    HISTORY_DETAILS = 255, // bytes of what is told of an event
};

static const struct pawl_flag history_flags[] = {
    PAWL_WORKFLOW_FLAGS,
    {"limit", 'l', PAWL_FLAG_INT, NULL, "only so many events: the last"},
    {"output", 'o', PAWL_FLAG_TEXT, "short",
     "form of the output: short (or table), wide, json, yaml, or events (as stored)"},
    PAWL_WORKFLOW_STORE_FLAGS,
    {NULL, 0, PAWL_FLAG_TEXT, NULL, NULL},
};

static const struct pawl_column history_short[] = {
    {"TYPE", "type", 0},       {"NAME", "name", 0},     {"EVENTID", "eventId", 0},
    {"ELAPSED", "elapsed", 0}, {"STATUS", "status", 0}, {"DETAILS", "details", 80},
    {NULL, NULL, 0},
};

static const struct pawl_column history_wide[] = {
    {"PLAY", "play", 0},           {"TYPE", "type", 0},
    {"NAME", "name", 0},           {"EVENTID", "eventId", 0},
    {"TIMESTAMP", "timestamp", 0}, {"ELAPSED", "elapsed", 0},
    {"STATUS", "status", 0},       {"DETAILS", "details", 0},
    {"ROUTER", "router", 0},       {"EXECUTION_ID", "executionId", 0},
    {"ATTRS", "attrs", 0},         {NULL, NULL, 0},
};

static const struct pawl_form history_forms[] = {
    {"short", history_short}, {"table", history_short}, {"wide", history_wide}, {"json", NULL},
    {"yaml", NULL},           {"events", NULL},         {NULL, NULL},
};

// What kinds of events say of the workflow, where that is not RUNNING, and of themselves.
static const struct {
    const char *kind, *status, *detail; // |detail|: a member of its body
} history_kinds[] = {
    {"taskCompleted", NULL, "taskScheduledId"},
    {"taskFailed", "FAILED", "taskScheduledId"},
    {"childWorkflowInstanceCreated", NULL, "instanceId"},
    {"childWorkflowInstanceCompleted", NULL, "taskScheduledId"},
    {"childWorkflowInstanceFailed", "FAILED", "taskScheduledId"},
    {"detachedWorkflowInstanceCreated", NULL, "instanceId"},
    {"timerCreated", NULL, "fireAt"},
    {"timerFired", NULL, "timerId"},
    {"eventSent", NULL, "instanceId"},
    {"executionTerminated", "TERMINATED", NULL},
    {"executionSuspended", "SUSPENDED", "input"},
    {"executionResumed", "RESUMED", "input"},
    {"executionStalled", "STALLED", "description"},
};

struct history {
    const struct pawl_workflow_app *app;
    bool is_table;
    json_t *rows;
    int64_t first, last; // times of the first event and of the one before
    int play;
};

// The member of an event that says what it is; its name is |*kind|.
static json_t *history_body(json_t *event, const char **kind) {
    json_t *value;
    json_object_foreach(event, *kind, value) {
        if (json_is_object(value) && strcmp(*kind, "router") != 0) return value;
    }
    *kind = "unknown";
    return NULL;
}

static const char *history_text(const json_t *object, const char *key) {
    return json_string_value(json_object_get(object, key));
}

// Appends "key=value"; nested objects, such as a failure, member by member.
static void history_attrs(struct pawl_buf *out, const json_t *body) {
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)body, key, value) {
        if (strcmp(key, "name") == 0 || strcmp(key, "taskExecutionId") == 0 ||
            strcmp(key, "stackTrace") == 0)
            continue;
        if (json_is_object(value)) {
            history_attrs(out, value);
            continue;
        }
        char *text = json_is_string(value) ? strdup(json_string_value(value))
                                           : json_dumps(value, JSON_ENCODE_ANY);
        struct pawl_str whole = pawl__str(text), shown = pawl__str_shorten(whole, HISTORY_VALUE);
        if (text)
            pawl__buf_format(out, "%s%s=%.*s%s", out->len ? ";" : "", key, PAWL_FMT(shown),
                             shown.len < whole.len ? "..." : "");
        free(text);
    }
}

// Rows have all keys, so that programs find them.
static void history_set(json_t *row, const char *key, const char *text) {
    json_object_set_new(row, key, text && *text ? json_string(text) : json_null());
}

// What DETAILS shows: one member, or how a workflow or activity failed.
static void history_details(json_t *row, const struct history *history, const char *kind,
                            const json_t *body, int64_t at) {
    const json_t *failure = json_object_get(body, "failureDetails");
    const char *message = history_text(failure, "errorMessage");
    struct pawl_buf text = {0};
    char took[32];
    for (size_t i = 0; i < sizeof history_kinds / sizeof *history_kinds; i++) {
        const char *member = history_kinds[i].detail;
        if (strcmp(kind, history_kinds[i].kind) != 0 || !member) continue;
        const json_t *value = json_object_get(body, member);
        if (json_is_string(value))
            pawl__buf_format(&text, "%s=%s", member, json_string_value(value));
        else if (strstr(member, "Id")) // 0 is left out
            pawl__buf_format(&text, "eventId=%lld", (long long)json_integer_value(value));
    }
    if (strcmp(kind, "executionCompleted") == 0) {
        pawl__workflow_duration(at - history->first, took);
        pawl__buf_format(&text, "execDuration=%s", took);
    }
    if (message) pawl__buf_format(&text, "%s%s", text.len ? " " : "", message);
    struct pawl_str shown = pawl__str_shorten(pawl__buf_str(&text), HISTORY_DETAILS);
    json_object_set_new(row, "details",
                        shown.len ? json_stringn(shown.data, shown.len) : json_null());
    pawl__buf_finish(&text);
}

static const char *history_status(const char *kind, const json_t *body) {
    static const char prefix[] = "ORCHESTRATION_STATUS_";
    const char *ended = history_text(body, "workflowStatus");
    if (strcmp(kind, "executionCompleted") == 0)
        return ended && strncmp(ended, prefix, sizeof prefix - 1) == 0 ? ended + sizeof prefix - 1
                                                                       : "RUNNING";
    for (size_t i = 0; i < sizeof history_kinds / sizeof *history_kinds; i++)
        if (strcmp(kind, history_kinds[i].kind) == 0 && history_kinds[i].status)
            return history_kinds[i].status;
    return "RUNNING";
}

static void history_add(struct history *history, json_t *event) {
    const char *kind, *stamp = history_text(event, "timestamp");
    const json_t *body = history_body(event, &kind), *router = json_object_get(event, "router");
    json_int_t id = json_integer_value(json_object_get(event, "eventId")); // 0 is left out
    char type[64], elapsed[48] = "Age:"; // people see how old the first event is
    int64_t at = history->last;
    if (stamp) pawl__time_parse(pawl__str(stamp), &at);
    bool first = json_array_size(history->rows) == 0;
    if (first) history->first = at;
    int64_t since = first ? pawl__clock_wall() - at : at - history->last;
    pawl__workflow_duration(since > 0 ? since : 0, elapsed + (first ? 4 : 0));
    history->last = at;
    if (strcmp(kind, "workflowStarted") == 0) history->play++;
    snprintf(type, sizeof type, "%c%s", toupper((unsigned char)*kind), kind + 1);

    json_t *row = json_object();
    history_set(row, "namespace", history->app->name_space);
    history_set(row, "appID", history->app->id);
    json_object_set_new(row, "play", json_integer(history->play));
    history_set(row, "type", type);
    history_set(row, "name", history_text(body, "name"));
    json_object_set_new(row, "eventId", id >= 0 ? json_integer(id) : json_null());
    history_set(row, "timestamp", stamp);
    history_set(row, "elapsed", first && !history->is_table ? NULL : elapsed);
    history_set(row, "status", history_status(kind, body));
    history_details(row, history, kind, body, at);
    const char *from = history_text(router, "sourceAppID");
    const char *to = history_text(router, "targetAppID");
    char both[520] = ""; // names of apps have at most 255 bytes
    if (from) snprintf(both, sizeof both, "%s%s%s", from, to ? "->" : "", to ? to : "");
    history_set(row, "router", both);
    const char *execution = history_text(body, "taskExecutionId");
    if (!execution)
        execution = history_text(json_object_get(body, "workflowInstance"), "executionId");
    history_set(row, "executionId", execution);
    struct pawl_buf attrs = {0};
    history_attrs(&attrs, body);
    history_set(row, "attrs", pawl__buf_append(&attrs, "", 1) ? (char *)attrs.data : NULL);
    pawl__buf_finish(&attrs);
    json_array_append_new(history->rows, row);
}

// Writes the history |text|, or, if |limit| is not 0, so many rows of its end; the exit code.
static int history_write(const struct pawl_workflow_app *app, const struct pawl_form *form,
                         const char *text, const char *id, size_t limit) {
    if (strcmp(form->name, "events") == 0) {
        puts(text);
        return 0;
    }
    struct history history = {.app = app, .is_table = form->columns, .rows = json_array()};
    json_error_t flaw;
    json_t *events = json_loads(text, JSON_ALLOW_NUL, &flaw), *event;
    size_t i;
    json_array_foreach(events, i, event) history_add(&history, event);
    size_t count = json_array_size(history.rows), from = limit && count > limit ? count - limit : 0;
    json_t *shown = json_array();
    for (i = from; i < count; i++) json_array_append(shown, json_array_get(history.rows, i));
    if (events)
        pawl__output_write(form, shown);
    else
        fprintf(stderr, "\u274c  the history of '%s' is no JSON: %s\n", id, flaw.text);
    json_decref(shown);
    json_decref(history.rows);
    json_decref(events);
    return events ? 0 : 1;
}

static int history_run(const struct pawl_flags *flags) {
    const struct pawl_form *form = pawl__output_form(flags, history_forms, "pawl workflow history");
    struct pawl_workflow_app app;
    char *text = NULL;
    if (!form) return PAWL_EXIT_USAGE;
    if (flags->argc != 1) return pawl__misused(flags, "name one instance");
    const char *id = flags->argv[0];
    size_t limit;
    if (!pawl__workflow_limit(flags, &limit)) return PAWL_EXIT_USAGE;
    if (limit && strcmp(form->name, "events") == 0)
        return pawl__misused(flags, "-o events is the whole history; it takes no "
                                    "--limit");
    int code = pawl__workflow_open(flags, &app);
    if (code) return code;
    if (pawl_history(app.pawl, id, &text))
        code = pawl__workflow_fail("cannot read the history of '%s'", id);
    else
        code = history_write(&app, form, text, id, limit);
    free(text);
    pawl__workflow_close(&app);
    return code;
}

const struct pawl_command pawl__workflow_history = {
    .name = "workflow history",
    .summary = "Show what a workflow has done",
    .usage = "ID [-l N] [-o FORM]",
    .text =
        "Lists the events of an instance's history, the oldest first. ELAPSED is the time since\n"
        "the event before, PLAY the number of turns so far.\n\n"
        "Examples:\n"
        "  pawl workflow history order-7\n"
        "  pawl workflow history order-7 -o events > order.json   # for pawl_replay\n",
    .flags = history_flags,
    .run = history_run,
};

// --- export --------------------------------------------------------------------------------------

static const struct pawl_flag export_flags[] = {
    PAWL_WORKFLOW_FLAGS,
    {NULL, 0, PAWL_FLAG_TEXT, NULL, NULL},
};

static int export_run(const struct pawl_flags *flags) {
    struct pawl_workflow_app app;
    char *text = NULL;
    if (flags->argc != 1) return pawl__misused(flags, "name one instance");
    int code = pawl__workflow_open(flags, &app);
    if (code) return code;
    if (pawl_history(app.pawl, flags->argv[0], &text))
        code = pawl__workflow_fail("cannot read the history of '%s'", flags->argv[0]);
    else
        puts(text);
    free(text);
    pawl__workflow_close(&app);
    return code;
}

const struct pawl_command pawl__workflow_export = {
    .name = "workflow export",
    .summary = "Write a workflow's history as JSON",
    .usage = "ID",
    .text =
        "Writes all events of an instance's history as they are stored, with their payloads: a\n"
        "JSON array, for 'pawl workflow replay' and pawl_replay.\n\n"
        "Example:\n"
        "  pawl workflow export order-7 > order-7.json\n",
    .flags = export_flags,
    .run = export_run,
};
