#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "cli/retrace.h"
#include "cli/workflow_bulk.h"
#include "observe/timeline.h"
#include "sdk/error.h"

static const struct pawl_flag rerun_flags[] = {
    PAWL_WORKFLOW_FLAGS,
    {"event-id", 'e', PAWL_FLAG_INT, "0",
     "id of the event to begin with, as 'pawl workflow history' shows it"},
    {"new-instance-id", 0, PAWL_FLAG_TEXT, NULL,
     "id of the new instance; a random one if not given"},
    {"from-failure", 'f', PAWL_FLAG_BOOL, "false",
     "begin with the step that failed last; if none did, from the start"},
    {"input", 'x', PAWL_FLAG_TEXT, NULL, "JSON that takes the place of the event's input"},
    {"new-child-instance-id", 0, PAWL_FLAG_TEXT, NULL, "id of the child that the event starts"},
    {"id-suffix", 0, PAWL_FLAG_TEXT, NULL,
     "with filters: appended to the old id to make the new one; the same command given again "
     "reruns "
     "only what is left"},
    PAWL_WORKFLOW_BULK_FLAGS,
    {NULL, 0, PAWL_FLAG_TEXT, NULL, NULL},
};

// --- the step that failed ------------------------------------------------------------------------

static enum pawl_err rerun_find(struct pawl *pawl, const char *id, uint32_t *event) {
    struct pawl_arena arena = {0};
    struct pawl_retrace history;
    struct pawl_timeline timeline;
    struct pawl_error error;
    char *json = NULL;
    enum pawl_err err = pawl_history(pawl, id, &json);
    if (err) return err;
    if (pawl__retrace_read(&history, &arena, pawl__str(json), &error))
        err = pawl__sdk_fail_with(&error);
    else if (!pawl__timeline_read(history.events, history.count, &arena, &timeline))
        err = pawl__sdk_fail_nomem();
    else
        *event = (uint32_t)pawl__timeline_failed(&timeline, history.events);
    pawl__arena_finish(&arena);
    free(json);
    return err;
}

// --- the command ---------------------------------------------------------------------------------

static enum pawl_err rerun_as(struct pawl *pawl, const char *source, const char *id,
                              const struct pawl_flags *flags, char fresh[PAWL_UUID_TEXT]) {
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
    return pawl__workflow_has_ended(info->status);
}

static enum pawl_err rerun_one(struct pawl *pawl, const char *id, const struct pawl_flags *flags) {
    const char *suffix = pawl__flag_text(flags, "id-suffix");
    struct pawl_buf name = {0};
    char fresh[PAWL_UUID_TEXT];
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
        return pawl__misused(flags, "name an instance or give filters, not both");
    if (!many && flags->argc != 1)
        return pawl__misused(flags, "name the instance%s",
                             flags->argc ? ", and nothing else" : ", or give filters");
    for (size_t i = 0; many && i < sizeof of_one / sizeof *of_one; i++)
        if (pawl__flag_given(flags, of_one[i]))
            return pawl__misused(flags, "--%s is for one instance, not for filters", of_one[i]);
    if (suffix && (!many || !*suffix))
        return pawl__misused(flags, "--id-suffix needs %s",
                             many ? "a text" : "filters; --new-instance-id names one");
    if (pawl__flag_bool(flags, "from-failure") && pawl__flag_given(flags, "event-id"))
        return pawl__misused(flags, "give --event-id or --from-failure, not both");
    if (event < 0 || event > INT32_MAX)
        return pawl__misused(flags,
                             "--event-id has to be the id of an event, from 0 on; "
                             "'pawl workflow history %s' shows them",
                             many ? "ID" : flags->argv[0]);
    return 0;
}

static int rerun(const struct pawl_flags *flags) {
    const char *id = pawl__flag_text(flags, "new-instance-id");
    const struct pawl_workflow_bulk all = {"rerun",
                                           "run again",
                                           rerun_takes,
                                           rerun_one,
                                           .adds = !pawl__flag_given(flags, "id-suffix"),
                                           .misses = true};
    struct pawl_workflow_app app;
    struct pawl_text input;
    char fresh[PAWL_UUID_TEXT];
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
        "thing that the workflow did. With filters it runs all ended workflows again that\n"
        "match.\n\n"
        "Examples:\n"
        "  pawl workflow history order-7\n"
        "  pawl workflow rerun order-7 -e 3\n"
        "  pawl workflow rerun order-7 -e 3 --new-instance-id order-7b -x '{\"retry\": true}'\n"
        "  pawl workflow rerun -s FAILED -w order --from-failure --id-suffix=-again\n",
    .flags = rerun_flags,
    .run = rerun,
};
