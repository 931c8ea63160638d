#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "cli/workflow_bulk.h"
#include "sdk/call.h"

// Says that it went well, in the words of Dapr's own commands, as scripts look for them.
static int __attribute__((format(printf, 2, 3)))
act_done(struct pawl_workflow_app *app, const char *format, ...) {
    va_list args;
    va_start(args, format);
    fputs("\u2139\ufe0f  ", stdout);
    vprintf(format, args);
    putchar('\n');
    va_end(args);
    pawl__workflow_close(app);
    return 0;
}

static int act_failed(struct pawl_workflow_app *app, const char *what, const char *id) {
    int code = pawl__workflow_fail("cannot %s '%s'", what, id);
    pawl__workflow_close(app);
    return code;
}

// Whether the instance |id| goes on, so that something can be done to it. False: told, and the app
// is closed.
static bool act_goes_on(struct pawl_workflow_app *app, const char *verb, const char *id) {
    struct pawl_info *info;
    if (pawl_get(app->pawl, id, &info)) {
        act_failed(app, verb, id);
        return false;
    }
    enum pawl_status status = info->status;
    pawl_info_free(info);
    if (!pawl__workflow_has_ended(status)) return true;
    fprintf(stderr, "\u274c  cannot %s '%s': it has ended, and is %s\n", verb, id,
            pawl_status_text(status));
    pawl__workflow_close(app);
    return false;
}

// The only argument; NULL: told on stderr.
static const char *act_argument(const struct pawl_flags *flags, const char *what) {
    if (flags->argc == 1) return flags->argv[0];
    pawl__misused(flags, "name %s%s", what, flags->argc ? ", and nothing else" : "");
    return NULL;
}

// --- run ----------------------------------------------------------------------------------------

static const struct pawl_flag run_flags[] = {
    PAWL_WORKFLOW_FLAGS,
    {"instance-id", 'i', PAWL_FLAG_TEXT, NULL, "id of the instance; a random one if not given"},
    {"input", 'x', PAWL_FLAG_TEXT, NULL, "JSON that the workflow is given"},
    {"start-time", 's', PAWL_FLAG_TEXT, NULL,
     "when it begins: a time such as 2030-01-02T15:04:05Z, or after a duration such as 1h30m"},
    {"wait", 'w', PAWL_FLAG_BOOL, "false", "wait for its end, and print its output"},
    {NULL, 0, PAWL_FLAG_TEXT, NULL, NULL},
};

// Waits for the end, and tells of it: 0 if it went well.
static int run_wait(struct pawl_workflow_app *app, const char *id) {
    struct pawl_info *info = NULL;
    if (pawl_wait(app->pawl, id, PAWL_FOREVER, &info)) return act_failed(app, "wait for", id);
    bool completed = info->status == PAWL_COMPLETED;
    if (completed && info->output.data) puts(info->output.data);
    if (!completed)
        fprintf(stderr, "\u274c  '%s' is %s%s%s\n", id, pawl_status_text(info->status),
                info->failure ? ": " : "", info->failure ? info->failure->message : "");
    pawl_info_free(info);
    pawl__workflow_close(app);
    return completed ? 0 : 1;
}

static int act_run(const struct pawl_flags *flags) {
    const char *name = act_argument(flags, "the workflow to run");
    const char *at = pawl__flag_text(flags, "start-time");
    struct pawl_start_options options = {.id = pawl__flag_text(flags, "instance-id")};
    struct pawl_workflow_app app;
    struct pawl_text input;
    char id[PAWL_UUID_TEXT];
    if (!name || !pawl__workflow_json(flags, "input", &input)) return PAWL_EXIT_USAGE;
    if (at && !pawl__workflow_time(at, 1, &options.start_at))
        return pawl__misused(flags,
                             "--start-time is '%s', but has to be a time such as "
                             "2030-01-02T15:04:05Z or a duration such as 1h30m",
                             at);
    int code = pawl__workflow_open(flags, &app);
    if (code) return code;
    if (!options.start_at || pawl__flag_bool(flags, "wait"))
        pawl__workflow_tell_wait(&app, "run", name);
    enum pawl_err err = pawl_start(app.pawl, name, input, &options, id);
    pawl__workflow_wait_is_over();
    if (err) return act_failed(&app, "start", name);
    const char *known = options.id ? options.id : id;
    if (pawl__flag_bool(flags, "wait")) return run_wait(&app, known);
    return act_done(&app, "Workflow instance started successfully: %s", known);
}

const struct pawl_command pawl__workflow_run = {
    .name = "workflow run",
    .summary = "Start a workflow",
    .usage = "NAME [-i ID] [-x JSON] [--wait]",
    .text =
        "Starts an instance of the workflow NAME. Returns when a worker has begun it, or, with\n"
        "--start-time, when it is on record.\n\n"
        "Examples:\n"
        "  pawl workflow run order -x '{\"item\": \"cars\", \"quantity\": 10}'\n"
        "  pawl workflow run report -i report-7 -s 2030-01-02T15:04:05Z\n"
        "  pawl workflow run add -x '[1, 2]' --wait\n",
    .flags = run_flags,
    .run = act_run,
};

// --- raise-event --------------------------------------------------------------------------------

static const struct pawl_flag raise_flags[] = {
    PAWL_WORKFLOW_FLAGS,
    {"input", 'x', PAWL_FLAG_TEXT, NULL, "JSON that comes with the event"},
    PAWL_WORKFLOW_BULK_FLAGS,
    {NULL, 0, PAWL_FLAG_TEXT, NULL, NULL},
};

static enum pawl_err raise_event(struct pawl *pawl, const char *id,
                                 const struct pawl_flags *flags) {
    return pawl_raise(pawl, id, flags->argv[0], pawl_text(pawl__flag_text(flags, "input")));
}

// The event that is named, to all that the filters choose.
static int act_raise_all(const struct pawl_flags *flags) {
    static const struct pawl_workflow_bulk bulk = {"send the event to",    "got the event",
                                                   pawl__workflow_goes_on, raise_event,
                                                   .adds = true,           .misses = true};
    struct pawl_text input;
    if (!act_argument(flags, "the event") || !pawl__workflow_json(flags, "input", &input))
        return PAWL_EXIT_USAGE;
    return pawl__workflow_bulk(flags, &bulk);
}

static int act_raise(const struct pawl_flags *flags) {
    if (pawl__workflow_filter_given(flags)) return act_raise_all(flags);
    const char *both = act_argument(flags, "the event, as ID/EVENT");
    const char *slash = both ? strrchr(both, '/') : NULL;
    struct pawl_workflow_app app;
    struct pawl_text input;
    if (!both) return PAWL_EXIT_USAGE;
    if (!slash || slash == both || !slash[1])
        return pawl__misused(flags, "'%s' has to be ID/EVENT, such as order-7/paid", both);
    if (!pawl__workflow_json(flags, "input", &input)) return PAWL_EXIT_USAGE;
    int code = pawl__workflow_open(flags, &app);
    if (code) return code;
    char *id = strndup(both, (size_t)(slash - both));
    if (id && !act_goes_on(&app, "send an event to", id))
        code = 1;
    else if (!id || pawl_raise(app.pawl, id, slash + 1, input))
        code = act_failed(&app, "raise the event", both);
    else
        code = act_done(&app, "Workflow '%s' raised event '%s' successfully", id, slash + 1);
    free(id);
    return code;
}

const struct pawl_command pawl__workflow_raise_event = {
    .name = "workflow raise-event",
    .summary = "Send an event to a workflow",
    .usage = "ID/EVENT [-x JSON] | EVENT FILTERS [--yes]",
    .text =
        "The event waits until the workflow asks for it. An instance that has ended takes none.\n"
        "With filters it goes to all that they choose.\n\n"
        "Examples:\n"
        "  pawl workflow raise-event order-7/approved -x true\n"
        "  pawl workflow raise-event approved --filter-name order -s RUNNING\n",
    .flags = raise_flags,
    .run = act_raise,
};

// --- suspend, resume, terminate -----------------------------------------------------------------

// One is waited for; of many the first would keep all others waiting, where it has no worker.
static bool act_waits(const struct pawl_flags *flags) {
    return !pawl__workflow_filter_given(flags);
}

// Does it to the instance that is named, or to all that filters choose.
static int act_on(const struct pawl_flags *flags, const struct pawl_workflow_bulk *what) {
    struct pawl_workflow_app app;
    if (!flags->argc && pawl__workflow_filter_given(flags)) return pawl__workflow_bulk(flags, what);
    const char *id = act_argument(flags, "the instance, or give filters");
    if (!id) return PAWL_EXIT_USAGE;
    if (pawl__workflow_filter_given(flags))
        return pawl__misused(flags, "name an instance or give filters, not both");
    int code = pawl__workflow_open(flags, &app);
    if (code) return code;
    if (!act_goes_on(&app, what->verb, id)) return 1;
    pawl__workflow_tell_wait(&app, what->verb, id);
    enum pawl_err err = what->act(app.pawl, id, flags);
    pawl__workflow_wait_is_over();
    if (err) return act_failed(&app, what->verb, id);
    return act_done(&app, "Workflow '%s' %s successfully", id, what->done);
}

static const struct pawl_flag reason_flags[] = {
    PAWL_WORKFLOW_FLAGS,
    {"reason", 'r', PAWL_FLAG_TEXT, NULL, "why; it is kept in the history"},
    PAWL_WORKFLOW_BULK_FLAGS,
    {NULL, 0, PAWL_FLAG_TEXT, NULL, NULL},
};

static enum pawl_err suspend(struct pawl *pawl, const char *id, const struct pawl_flags *flags) {
    return pawl__suspend(pawl, id, pawl__flag_text(flags, "reason"), act_waits(flags));
}

static bool suspend_takes(const struct pawl_info *info, const struct pawl_flags *flags) {
    return pawl__workflow_goes_on(info, flags) && info->status != PAWL_SUSPENDED;
}

static int act_suspend(const struct pawl_flags *flags) {
    static const struct pawl_workflow_bulk what = {"suspend", "suspended", suspend_takes, suspend,
                                                   .lags = true};
    return act_on(flags, &what);
}

const struct pawl_command pawl__workflow_suspend = {
    .name = "workflow suspend",
    .summary = "Pause a workflow",
    .usage = "ID [-r REASON] | FILTERS [--yes] [-r REASON]",
    .text =
        "Activities that are running still finish, and events that arrive are kept. The workflow\n"
        "continues after 'pawl workflow resume'.\n\n"
        "Examples:\n"
        "  pawl workflow suspend order-7 -r 'the shop is being moved'\n"
        "  pawl workflow suspend --filter-name 'order*' -s RUNNING\n",
    .flags = reason_flags,
    .run = act_suspend,
};

static enum pawl_err resume(struct pawl *pawl, const char *id, const struct pawl_flags *flags) {
    return pawl__resume(pawl, id, pawl__flag_text(flags, "reason"), act_waits(flags));
}

static bool resume_takes(const struct pawl_info *info, const struct pawl_flags *flags) {
    return info->status == PAWL_SUSPENDED;
}

static int act_resume(const struct pawl_flags *flags) {
    static const struct pawl_workflow_bulk what = {"resume", "resumed", resume_takes, resume,
                                                   .lags = true};
    return act_on(flags, &what);
}

const struct pawl_command pawl__workflow_resume = {
    .name = "workflow resume",
    .summary = "Continue a workflow that is suspended",
    .usage = "ID [-r REASON] | FILTERS [--yes] [-r REASON]",
    .text = "The workflow now takes the results and events that arrived while it was suspended.\n\n"
            "Example:\n"
            "  pawl workflow resume order-7\n",
    .flags = reason_flags,
    .run = act_resume,
};

static const struct pawl_flag terminate_flags[] = {
    PAWL_WORKFLOW_FLAGS,
    {"output", 'o', PAWL_FLAG_TEXT, NULL, "JSON that becomes the workflow's output"},
    PAWL_WORKFLOW_BULK_FLAGS,
    {NULL, 0, PAWL_FLAG_TEXT, NULL, NULL},
};

static enum pawl_err terminate(struct pawl *pawl, const char *id, const struct pawl_flags *flags) {
    return pawl__terminate(pawl, id, pawl_text(pawl__flag_text(flags, "output")), true,
                           act_waits(flags));
}

static int act_terminate(const struct pawl_flags *flags) {
    static const struct pawl_workflow_bulk what = {"terminate", "terminated",
                                                   pawl__workflow_goes_on, terminate, .lags = true};
    struct pawl_text output;
    return pawl__workflow_json(flags, "output", &output) ? act_on(flags, &what) : PAWL_EXIT_USAGE;
}

const struct pawl_command pawl__workflow_terminate = {
    .name = "workflow terminate",
    .summary = "End a workflow and its children",
    .usage = "ID [-o JSON] | FILTERS [--yes] [-o JSON]",
    .text = "It ends at once, with the status TERMINATED. Activities that are running are not "
            "stopped,\n"
            "but their results are dropped.\n\n"
            "Examples:\n"
            "  pawl workflow terminate order-7 -o '{\"refunded\": true}'\n"
            "  pawl workflow terminate --filter-name 'order*' -s STALLED -m 24h\n",
    .flags = terminate_flags,
    .run = act_terminate,
};
