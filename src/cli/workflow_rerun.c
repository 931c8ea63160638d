#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "cli/workflow_bulk.h"
#include "sdk/error.h"

static const struct pawl_flag rerun_flags[] = {
    PAWL_WORKFLOW_FLAGS,
    {"event-id", 'e', PAWL_FLAG_INT, "0",
     "id of the event to begin with, as 'pawl workflow history' shows it"},
    {"new-instance-id", 0, PAWL_FLAG_TEXT, NULL,
     "id of the new instance; a random one if not given"},
    {"from-failure", 'f', PAWL_FLAG_BOOL, "false",
     "begin with the step that failed last, or, when none did, anew"},
    {"input", 'x', PAWL_FLAG_TEXT, NULL, "JSON that takes the place of the event's input"},
    {"new-child-instance-id", 0, PAWL_FLAG_TEXT, NULL, "id of the child that the event starts"},
    {"id-suffix", 0, PAWL_FLAG_TEXT, NULL,
     "with filters: new ids are the old ones with this behind; the same command again then reruns "
     "only what it has not yet"},
    PAWL_WORKFLOW_BULK_FLAGS,
    {NULL, 0, PAWL_FLAG_TEXT, NULL, NULL},
};

// --- the step that failed ------------------------------------------------------------------------

// What a history has begun, for as long as it is read: activities and children, each attempt of
// one.
struct rerun_steps {
    json_t *steps;    // in the order in which they began: {first: event, failed}, by what attempts
                      // share
    json_t *attempts; // the same, by the event that began an attempt
};

static void rerun_key(const json_t *event, const char *member, char out[24]) {
    // 0 is left out.
    snprintf(out, 24, "%lld", (long long)json_integer_value(json_object_get(event, member)));
}

static void rerun_begins(struct rerun_steps *all, const json_t *event, const char *handle) {
    char number[24];
    rerun_key(event, "eventId", number);
    if (!handle || !*handle) handle = number;
    json_t *step = json_object_get(all->steps, handle);
    if (!step) {
        step = json_pack("{s:I}", "first", json_integer_value(json_object_get(event, "eventId")));
        json_object_set_new(all->steps, handle, step);
    }
    json_object_del(step, "failed");
    json_object_set(all->attempts, number, step);
}

static void rerun_ends(struct rerun_steps *all, const json_t *body, bool failed) {
    char number[24];
    rerun_key(body, "taskScheduledId", number);
    json_t *step = body ? json_object_get(all->attempts, number) : NULL;
    if (step && failed) json_object_set_new(step, "failed", json_true());
    if (step && !failed) json_object_del(step, "failed");
}

// The event that began the step which failed last; 0: none did.
static json_int_t rerun_failed(const json_t *events) {
    struct rerun_steps all = {json_object(), json_object()};
    json_int_t first = 0;
    const json_t *event;
    const char *key;
    json_t *step;
    size_t i;
    json_array_foreach((json_t *)events, i, event) {
        const json_t *task = json_object_get(event, "taskScheduled");
        const json_t *child = json_object_get(event, "childWorkflowInstanceCreated");
        if (task)
            rerun_begins(&all, event, json_string_value(json_object_get(task, "taskExecutionId")));
        if (child)
            rerun_begins(&all, event, json_string_value(json_object_get(child, "instanceId")));
        rerun_ends(&all, json_object_get(event, "taskFailed"), true);
        rerun_ends(&all, json_object_get(event, "childWorkflowInstanceFailed"), true);
        rerun_ends(&all, json_object_get(event, "taskCompleted"), false);
        rerun_ends(&all, json_object_get(event, "childWorkflowInstanceCompleted"), false);
    }
    json_object_foreach(all.steps, key, step) {
        if (json_object_get(step, "failed"))
            first = json_integer_value(json_object_get(step, "first"));
    }
    json_decref(all.steps);
    json_decref(all.attempts);
    return first;
}

static enum pawl_err rerun_find(struct pawl *pawl, const char *id, uint32_t *event) {
    char *text = NULL;
    json_error_t flaw;
    enum pawl_err err = pawl_history(pawl, id, &text);
    if (err) return err;
    json_t *events = json_loads(text, JSON_ALLOW_NUL, &flaw);
    free(text);
    if (!events) return pawl__sdk_fail(PAWL_E_INTERNAL, "its history is no JSON: %s", flaw.text);
    *event = (uint32_t)rerun_failed(events);
    json_decref(events);
    return PAWL_OK;
}

// --- the command ---------------------------------------------------------------------------------

static enum pawl_err rerun_as(struct pawl *pawl, const char *source, const char *id,
                              const struct pawl_flags *flags, char fresh[37]) {
    struct pawl_rerun_options options = {
        .id = id,
        .overwrite_input = pawl__flag_given(flags, "input"),
        .input = pawl_text(pawl__flag_text(flags, "input")),
        .child_id = pawl__flag_text(flags, "new-child-instance-id"),
    };
    uint32_t event = (uint32_t)pawl__flag_int(flags, "event-id");
    enum pawl_err err = PAWL_OK;
    if (pawl__flag_bool(flags, "from-failure")) err = rerun_find(pawl, source, &event);
    return err ? err : pawl_rerun(pawl, source, event, &options, fresh);
}

static bool rerun_takes(const struct pawl_info *info, const struct pawl_flags *flags) {
    (void)flags;
    return pawl__workflow_has_ended(info->status);
}

static enum pawl_err rerun_one(struct pawl *pawl, const char *id, const struct pawl_flags *flags) {
    const char *suffix = pawl__flag_text(flags, "id-suffix");
    struct pawl_buf name = {0};
    char fresh[37];
    if (suffix) {
        pawl__buf_format(&name, "%s%s", id, suffix);
        pawl__buf_append(&name, "", 1);
    }
    if (name.failed) {
        pawl__buf_finish(&name);
        return pawl__sdk_fail_nomem();
    }
    enum pawl_err err = rerun_as(pawl, id, (const char *)name.data, flags, fresh);
    pawl__buf_finish(&name);
    // It was done before.
    return err == PAWL_E_EXISTS && suffix ? PAWL_OK : err;
}

// What is wrong with the command line; 0: nothing.
static int rerun_check(const struct pawl_flags *flags, bool many) {
    static const char *const of_one[] = {"new-instance-id", "new-child-instance-id"};
    const char *suffix = pawl__flag_text(flags, "id-suffix");
    int64_t event = pawl__flag_int(flags, "event-id");
    if (many && flags->argc)
        return pawl__workflow_misused("rerun: name an instance or give filters, not both");
    if (!many && flags->argc != 1)
        return pawl__workflow_misused("rerun: name the instance%s",
                                      flags->argc ? ", and nothing else" : ", or give filters");
    for (size_t i = 0; many && i < sizeof of_one / sizeof *of_one; i++)
        if (pawl__flag_given(flags, of_one[i]))
            return pawl__workflow_misused("rerun: --%s is for one instance, not for filters",
                                          of_one[i]);
    if (suffix && (!many || !*suffix))
        return pawl__workflow_misused("rerun: --id-suffix needs %s",
                                      many ? "a text" : "filters; --new-instance-id names one");
    if (pawl__flag_bool(flags, "from-failure") && pawl__flag_given(flags, "event-id"))
        return pawl__workflow_misused("rerun: give --event-id or --from-failure, not both");
    if (event < 0 || event > INT32_MAX)
        return pawl__workflow_misused("rerun: --event-id has to be the id of an event, from 0 on; "
                                      "'pawl workflow history %s' shows them",
                                      many ? "ID" : flags->argv[0]);
    return 0;
}

static int rerun(const struct pawl_flags *flags) {
    const char *id = pawl__flag_text(flags, "new-instance-id");
    const struct pawl_workflow_bulk all = {"rerun", "run again", rerun_takes, rerun_one,
                                           !pawl__flag_given(flags, "id-suffix")};
    struct pawl_workflow_app app;
    struct pawl_text input;
    char fresh[37];
    bool many = pawl__workflow_filter_given(flags);
    int code = rerun_check(flags, many);
    if (code) return code;
    if (!pawl__workflow_json(flags, "input", &input)) return PAWL_EXIT_USAGE;
    if (many) return pawl__workflow_bulk(flags, &all);
    code = pawl__workflow_open(flags, &app);
    if (code) return code;
    if (rerun_as(app.pawl, flags->argv[0], id, flags, fresh))
        code = pawl__workflow_fail("cannot rerun '%s'", flags->argv[0]);
    else
        printf("\u2139\ufe0f  Rerunning workflow instance: %s\n", id ? id : fresh);
    pawl__workflow_close(&app);
    return code;
}

const struct pawl_command pawl__workflow_rerun = {
    .name = "workflow rerun",
    .summary = "Run a workflow again from one of its events",
    .usage = "ID [-e EVENT-ID | -f] [--new-instance-id ID] [-x JSON] | FILTERS [-f] [--id-suffix "
             "TEXT] [--yes]",
    .text =
        "The instance ID has ended, and stays as it is. A new instance takes over what was done\n"
        "before the event, does the event again (an activity, a timer, a child), and goes on\n"
        "from there with the code of today. Without --event-id it begins with event 0, the first\n"
        "thing that the workflow did. With filters all that have ended and that they choose are\n"
        "run again.\n\n"
        "Examples:\n"
        "  pawl workflow history order-7\n"
        "  pawl workflow rerun order-7 -e 3\n"
        "  pawl workflow rerun order-7 -e 3 --new-instance-id order-7b -x '{\"retry\": true}'\n"
        "  pawl workflow rerun -s FAILED -w order --from-failure --id-suffix=-again\n",
    .flags = rerun_flags,
    .run = rerun,
};
