#include "cli/workflow.h"

static const struct pawl_flag rerun_flags[] = {
    PAWL_WORKFLOW_FLAGS,
    {"event-id", 'e', PAWL_FLAG_INT, "0",
     "id of the event to begin with, as 'pawl workflow history' shows it"},
    {"new-instance-id", 0, PAWL_FLAG_TEXT, NULL,
     "id of the new instance; a random one if not given"},
    {"input", 'x', PAWL_FLAG_TEXT, NULL, "JSON that takes the place of the event's input"},
    {"new-child-instance-id", 0, PAWL_FLAG_TEXT, NULL, "id of the child that the event starts"},
    {NULL, 0, PAWL_FLAG_TEXT, NULL, NULL},
};

static int rerun(const struct pawl_flags *flags) {
    struct pawl_rerun_options options = {
        .id = pawl__flag_text(flags, "new-instance-id"),
        .overwrite_input = pawl__flag_given(flags, "input"),
        .child_id = pawl__flag_text(flags, "new-child-instance-id"),
    };
    int64_t event = pawl__flag_int(flags, "event-id");
    struct pawl_workflow_app app;
    char id[37];
    if (flags->argc != 1)
        return pawl__workflow_misused("rerun: name the instance%s",
                                      flags->argc ? ", and nothing else" : "");
    if (event < 0 || event > INT32_MAX)
        return pawl__workflow_misused("rerun: --event-id has to be the id of an event, from 0 on; "
                                      "'pawl workflow history %s' shows them",
                                      flags->argv[0]);
    if (!pawl__workflow_json(flags, "input", &options.input)) return PAWL_EXIT_USAGE;
    int code = pawl__workflow_open(flags, &app);
    if (code) return code;
    if (pawl_rerun(app.pawl, flags->argv[0], (uint32_t)event, &options, id))
        code = pawl__workflow_fail("cannot rerun '%s'", flags->argv[0]);
    else
        printf("\u2139\ufe0f  Rerunning workflow instance: %s\n", options.id ? options.id : id);
    pawl__workflow_close(&app);
    return code;
}

const struct pawl_command pawl__workflow_rerun = {
    .name = "workflow rerun",
    .summary = "Run a workflow again from one of its events",
    .usage = "ID [-e EVENT-ID] [--new-instance-id ID] [-x JSON]",
    .text =
        "The instance ID has ended, and stays as it is. A new instance takes over what was done\n"
        "before the event, does the event again (an activity, a timer, a child), and goes on\n"
        "from there with the code of today. Without --event-id it begins with event 0, the first\n"
        "thing that the workflow did.\n\n"
        "Examples:\n"
        "  pawl workflow history order-7\n"
        "  pawl workflow rerun order-7 -e 3\n"
        "  pawl workflow rerun order-7 -e 3 --new-instance-id order-7b -x '{\"retry\": true}'\n",
    .flags = rerun_flags,
    .run = rerun,
};
