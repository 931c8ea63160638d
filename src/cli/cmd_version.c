#include "cli/command.h"
#include "cli/version.h"

static const struct pawl_flag version_flags[] = {{NULL, 0, PAWL_FLAG_TEXT, NULL, NULL}};

static int version_run(const struct pawl_flags *flags) {
    (void)flags;
    puts("Pawl version: " PAWL_VERSION "\nDapr version: " PAWL_DAPR_VERSION);
    return 0;
}

const struct pawl_command pawl__cmd_version = {
    .name = "version",
    .summary = "Print the versions",
    .usage = "",
    .text = "The version of Dapr is the one whose clients are served. 'daprd --version' prints it "
            "alone,\n"
            "as Dapr's own tools expect it.\n",
    .flags = version_flags,
    .run = version_run,
};
