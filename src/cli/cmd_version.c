#include "cli/commands.h"
#include "cli/output.h"
#include "cli/version.h"

static const struct pawl_flag version_flags[] = {
    {"output", 'o', PAWL_FLAG_TEXT, "text", "form of the output: text or json"},
    {NULL, 0, PAWL_FLAG_TEXT, NULL, NULL}};

static const struct pawl_form version_forms[] = {{"text", NULL}, {"json", NULL}, {NULL, NULL}};

static int version_run(const struct pawl_flags *flags) {
    const struct pawl_form *form = pawl__output_form(flags, version_forms, "pawl version");
    if (!form) return PAWL_EXIT_USAGE;
    if (form == version_forms) {
        puts("Pawl version: " PAWL_VERSION "\nDapr version: " PAWL_DAPR_VERSION);
    } else { // with the keys of Dapr's command line, which scripts look for
        puts("{\"Cli version\":\"" PAWL_DAPR_VERSION "\",\"Runtime version\":\"" PAWL_DAPR_VERSION
             "\"}");
    }
    return pawl__output_finish("pawl version") ? 0 : 1;
}

const struct pawl_command pawl__cmd_version = {
    .name = "version",
    .summary = "Print the versions",
    .usage = "[-o text|json]",
    .text = "The version of Dapr is the one whose clients are served. 'daprd --version' prints it "
            "alone,\n"
            "as Dapr's own tools expect it.\n",
    .flags = version_flags,
    .run = version_run,
};
