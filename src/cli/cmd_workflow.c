#include "cli/workflow.h"

static const struct pawl_flag workflow_flags[] = {
    PAWL_WORKFLOW_FLAGS,
    {NULL, 0, PAWL_FLAG_TEXT, NULL, NULL},
};

static const struct pawl_command *const workflow_commands[] = {
    &pawl__workflow_run,       &pawl__workflow_list,
    &pawl__workflow_count,     &pawl__workflow_get,
    &pawl__workflow_watch,     &pawl__workflow_history,
    &pawl__workflow_export,    &pawl__workflow_import,
    &pawl__workflow_replay,    &pawl__workflow_raise_event,
    &pawl__workflow_suspend,   &pawl__workflow_resume,
    &pawl__workflow_terminate, &pawl__workflow_purge,
    &pawl__workflow_rerun,     NULL,
};

const struct pawl_command pawl__cmd_workflow = {
    .name = "workflow",
    .alias = "wf",
    .summary = "Start, look at and steer workflows",
    .usage = "COMMAND [-a APP-ID] [FLAGS]",
    .text = "Speaks with the sidecar of an app that runs on this machine, or with the one at\n"
            "--address. When DAPR_API_TOKEN is set it is sent along.\n\n"
            "Examples:\n"
            "  pawl workflow run order -i order-7 -x '{\"item\": \"cars\"}'\n"
            "  pawl workflow list --filter-status FAILED\n"
            "  pawl workflow get order-7\n",
    .flags = workflow_flags,
    .commands = workflow_commands,
};
