#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "cli/workflow_filter.h"
#include "cli/workflow_waits.h"
#include "cli/workflow_watch.h"

static const struct pawl_flag get_flags[] = {
    PAWL_WORKFLOW_FLAGS,
    {"wait", 'w', PAWL_FLAG_BOOL, "false", "wait for its end first"},
    {"output", 'o', PAWL_FLAG_TEXT, "text", "form of the output: text, json or yaml"},
    PAWL_WORKFLOW_STORE_FLAGS,
    {NULL, 0, PAWL_FLAG_TEXT, NULL, NULL},
};

static const struct pawl_form get_forms[] = {
    {"text", NULL}, {"json", NULL}, {"yaml", NULL}, {NULL, NULL}};

enum {
    GET_LACKS = 20 // activities of which it is asked whether a worker has them
};

// The instance and, while it has not ended, the events of its history.
struct get {
    const struct pawl_workflow_app *app;
    struct pawl_info *info;
    json_t *events;
    json_t *waits;
};

// --- text ---------------------------------------------------------------------------------------

static void get_line(const char *head, const char *text) {
    printf("%-14s ", head);
    pawl__output_text(text);
    putchar('\n');
}

// A moment, and how long ago it was.
static void get_moment(const char *head, int64_t at) {
    char moment[PAWL_TIME_TEXT], age[32];
    int64_t since = pawl__clock_wall() - at;
    pawl__workflow_moment(at, moment);
    pawl__workflow_duration(since > 0 ? since : -since, age);
    printf("%-14s %s (%s%s%s)\n", head, moment, since > 0 ? "" : "in ", age,
           since > 0 ? " ago" : "");
}

static void get_tag(const struct pawl_tag *tag, bool first) {
    printf("%-14s ", first ? "tags" : "");
    pawl__output_text(tag->name);
    putchar('=');
    pawl__output_text(tag->value);
    putchar('\n');
}

static void get_failure(const struct pawl_failure *failure) {
    const char *head = "failure";
    for (; failure; failure = failure->cause, head = "  caused by") {
        char text[4096];
        snprintf(text, sizeof text, "%s: %s", failure->type, failure->message);
        get_line(head, text);
        if (!failure->stack) continue;
        for (const char *at = failure->stack; *at;) { // its lines are lines here, too
            int len = (int)strcspn(at, "\n");
            snprintf(text, sizeof text, "%.*s", len, at);
            if (len) get_line("", text);
            at += len + (at[len] == '\n');
        }
    }
}

static void get_write_waits(const struct get *get) {
    size_t i;
    const json_t *wait;
    const char *head = "waits for", *reason = NULL;
    enum pawl_status status = get->info->status;
    if (pawl__workflow_has_ended(status)) return;
    if (status == PAWL_STALLED || status == PAWL_SUSPENDED)
        reason = pawl__workflow_reason(get->events);
    if (reason) get_line("reason", reason);
    if (status == PAWL_SUSPENDED) get_line(head, "pawl workflow resume"), head = "";
    if (status == PAWL_PENDING) get_line(head, "its start time, or a worker"), head = "";
    json_array_foreach(get->waits, i, wait) {
        char text[512];
        pawl__workflow_wait_say(wait, pawl__clock_wall(), text);
        get_line(head, text);
        head = "";
    }
    if (get->app->workers == 0) get_line(head, "a worker: none is connected"), head = "";
    if (*head)
        get_line(head, "nothing that its history names: a worker, or an event without a timeout");
}

static void get_write_text(const struct get *get) {
    const struct pawl_info *info = get->info;
    get_line("id", info->id);
    get_line("workflow", info->name);
    get_line("status", pawl_status_text(info->status));
    if (info->custom_status.data) get_line("custom status", info->custom_status.data);
    if (info->version) get_line("version", info->version);
    if (info->parent_id) get_line("parent", info->parent_id);
    for (size_t i = 0; i < info->tag_count; i++) get_tag(&info->tags[i], i == 0);
    get_moment("created", info->created_at);
    get_moment(pawl__workflow_has_ended(info->status) ? "ended" : "updated", info->updated_at);
    if (info->input.data) get_line("input", info->input.data);
    if (info->output.data) get_line("output", info->output.data);
    get_failure(info->failure);
    get_write_waits(get);
}

// --- for programs -------------------------------------------------------------------------------

static json_t *get_failure_object(const struct pawl_failure *failure) {
    if (!failure) return json_null();
    json_t *object =
        json_pack("{s:s, s:s, s:s?, s:b}", "type", failure->type, "message", failure->message,
                  "stackTrace", failure->stack, "isFinal", failure->is_final);
    json_object_set_new(object, "cause", get_failure_object(failure->cause));
    return object;
}

// The row of 'list', and what is known besides.
static json_t *get_object(const struct get *get) {
    json_t *object = pawl__workflow_row(get->app, get->info);
    if (!object) return NULL;
    const char *reason = get->events ? pawl__workflow_reason(get->events) : NULL;
    bool rests = get->info->status == PAWL_STALLED || get->info->status == PAWL_SUSPENDED;
    json_object_set_new(object, "failure", get_failure_object(get->info->failure));
    json_object_set_new(object, "reason", rests && reason ? json_string(reason) : json_null());
    json_object_set(object, "waitsFor", get->waits);
    return object;
}

// --- the command --------------------------------------------------------------------------------

// Notes which of the activities no worker has.
static int get_read_lacks(const struct get *get) {
    size_t i, asked = 0;
    json_t *wait;
    json_array_foreach(get->waits, i, wait) {
        const char *name = json_string_value(json_object_get(wait, "name"));
        bool lacks;
        if (strcmp(json_string_value(json_object_get(wait, "kind")), "activity") != 0 || !name ||
            json_object_get(wait, "app") || ++asked > GET_LACKS)
            continue;
        enum pawl_err err = pawl__workflow_lacks(get->app->pawl, get->info->id, name, &lacks);
        if (err == PAWL_E_INVALID) return 0; // the daemon is an earlier one, and does not know
        if (err) return pawl__workflow_fail("cannot find out what '%s' waits for", get->info->id);
        if (lacks) json_object_set_new(wait, "lacksWorker", json_true());
    }
    return 0;
}

// What it waits for; nothing when it has ended.
static int get_read_history(struct get *get) {
    char *text = NULL;
    json_error_t flaw;
    get->waits = json_array();
    if (pawl__workflow_has_ended(get->info->status)) return 0;
    enum pawl_err err = pawl_history(get->app->pawl, get->info->id, &text);
    if (err == PAWL_E_NOT_FOUND) return 0; // purged meanwhile
    if (err) return pawl__workflow_fail("cannot read the history of '%s'", get->info->id);
    get->events = json_loads(text, JSON_ALLOW_NUL, &flaw);
    free(text);
    if (!get->events) return 0;
    json_decref(get->waits);
    get->waits = pawl__workflow_waits(get->events);
    return get_read_lacks(get);
}

static int get_write(struct get *get, const struct pawl_form *form) {
    if (strcmp(form->name, "text") == 0) {
        get_write_text(get);
        return 0;
    }
    json_t *object = get_object(get);
    if (!object) {
        fprintf(stderr, "\u274c  '%s' cannot be written as JSON\n", get->info->id);
        return 1;
    }
    pawl__output_object(form, object);
    json_decref(object);
    return 0;
}

// Shows the instance, once it has ended if |waits|. The exit code; |*status| is set after 0 only.
static int get_show(const struct pawl_workflow_app *app, const char *id, bool waits,
                    const struct pawl_form *form, enum pawl_status *status) {
    struct get get = {.app = app};
    // Waiting takes one that does not exist for one that will.
    enum pawl_err err = pawl_get(app->pawl, id, &get.info);
    if (!err && waits) {
        pawl_info_free(get.info);
        err = pawl_wait(app->pawl, id, PAWL_FOREVER, &get.info);
    }
    if (err) return pawl__workflow_fail("cannot get '%s'", id);
    int code = get_read_history(&get);
    if (!code) code = get_write(&get, form);
    *status = get.info->status;
    pawl_info_free(get.info);
    json_decref(get.events);
    json_decref(get.waits);
    return code;
}

int pawl__workflow_show_one(const struct pawl_workflow_app *app, const char *id,
                            enum pawl_status *status) {
    return get_show(app, id, false, &get_forms[0], status);
}

static int get_run(const struct pawl_flags *flags) {
    const struct pawl_form *form = pawl__output_form(flags, get_forms, "pawl workflow get");
    struct pawl_workflow_app app;
    enum pawl_status status;
    bool waits = pawl__flag_bool(flags, "wait");
    if (!form) return PAWL_EXIT_USAGE;
    if (flags->argc != 1) return pawl__misused(flags, "name one instance");
    int code = pawl__workflow_open(flags, &app);
    if (code) return code;
    code = get_show(&app, flags->argv[0], waits, form, &status);
    if (!code && waits && status != PAWL_COMPLETED) code = 1;
    pawl__workflow_close(&app);
    return code;
}

const struct pawl_command pawl__workflow_get = {
    .name = "workflow get",
    .summary = "Show one workflow, and what it waits for",
    .usage = "ID [--wait] [-o text|json|yaml]",
    .text =
        "Shows an instance: its status, input, output and failure, and what it waits for now, as\n"
        "far as its history tells. With --wait the exit code is 0 if it completed.\n\n"
        "Examples:\n"
        "  pawl workflow get order-7\n"
        "  pawl workflow get order-7 --wait -o json\n",
    .flags = get_flags,
    .run = get_run,
};
