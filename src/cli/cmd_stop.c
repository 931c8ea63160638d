#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "cli/commands.h"
#include "cli/find.h"

static const struct pawl_flag stop_flags[] = {
    {"app-id", 'a', PAWL_FLAG_LIST, NULL, "app to stop; may be given several times"},
    {"run-file", 'f', PAWL_FLAG_TEXT, NULL, "stop what was started from this run file or folder"},
    {NULL, 0, PAWL_FLAG_TEXT, NULL, NULL},
};

enum {
    STOP_WAIT_MS = 20000,
    STOP_KILL_MS = 5000,
    STOP_STEP_MS = 20
};

// Whom to ask: the command that runs the app, which ends the app before its sidecar. When the
// command runs further apps that are to go on, the app; the command then ends its sidecar. Without
// a command, the sidecar.
static pid_t stop_target(const struct pawl_found *found, bool alone) {
    if (found->cli_pid && alone) return found->cli_pid;
    if (found->cli_pid && found->app_pid) return -found->app_pid; // it leads its group
    return found->pid;
}

// Ends one app and waits until it is gone.
static bool stop_one(const struct pawl_found *found, bool alone) {
    pid_t target = stop_target(found, alone), waited_for = target < 0 ? -target : target;
    if (kill(target, SIGTERM) && errno != ESRCH) {
        fprintf(stderr, "\u274c  cannot stop app %s (process %d): %s\n", found->app_id,
                (int)waited_for, strerror(errno));
        return false;
    }
    for (int waited = 0; waited < STOP_WAIT_MS; waited += STOP_STEP_MS) {
        if (pawl__find_is_gone(found->pid) && pawl__find_is_gone(waited_for)) return true;
        // What a command does by itself.
        if (waited == STOP_KILL_MS && target < 0) kill(target, SIGKILL);
        usleep(STOP_STEP_MS * 1000);
    }
    fprintf(stderr, "\u274c  app %s (process %d) has not ended after %d s\n", found->app_id,
            (int)waited_for, STOP_WAIT_MS / 1000);
    return false;
}

// The absolute path of the run file that |given| names.
static bool stop_template(const char *given, char out[PATH_MAX]) {
    char path[PATH_MAX];
    struct stat info;
    bool folder = stat(given, &info) == 0 && S_ISDIR(info.st_mode);
    snprintf(path, sizeof path, "%s%s", given, folder ? "/dapr.yaml" : "");
    if (realpath(path, out)) return true;
    fprintf(stderr, "pawl stop: cannot find %s: %s\n", path, strerror(errno));
    return false;
}

static int stop_run(const struct pawl_flags *flags) {
    static struct pawl_found found[PAWL_FOUND_MAX]; // too large for the stack
    const char *const *ids;
    size_t id_count = pawl__flag_list(flags, "app-id", &ids);
    const char *file = pawl__flag_text(flags, "run-file");
    char template_path[PATH_MAX];
    if (!id_count && !file && !flags->argc)
        return pawl__misused(flags, "say what to stop: --app-id ID, or --run-file FILE");
    if (file && !stop_template(file, template_path)) return 1;
    size_t count = pawl__find_daemons(found), stopped = 0;
    bool wanted[PAWL_FOUND_MAX] = {false};
    int code = 0;
    for (size_t i = 0; i < count; i++) {
        wanted[i] = file && strcmp(found[i].template_path, template_path) == 0;
        for (size_t k = 0; k < id_count; k++) wanted[i] |= strcmp(found[i].app_id, ids[k]) == 0;
        for (int k = 0; k < flags->argc; k++)
            wanted[i] |= strcmp(found[i].app_id, flags->argv[k]) == 0;
    }
    for (size_t i = 0; i < count; i++) {
        if (!wanted[i]) continue;
        bool alone = true;
        for (size_t k = 0; k < count; k++)
            if (!wanted[k] && found[k].cli_pid == found[i].cli_pid) alone = false;
        stopped++;
        if (stop_one(&found[i], alone))
            printf("\u2705  app stopped successfully: %s\n", found[i].app_id);
        else
            code = 1;
    }
    if (stopped) return code;
    fprintf(stderr, "\u274c  nothing that was named is running; 'pawl list' shows what is\n");
    return 1;
}

const struct pawl_command pawl__cmd_stop = {
    .name = "stop",
    .summary = "Stop apps and their sidecars",
    .usage = "-a ID | -f FILE|DIR",
    .text =
        "Asks an app to end (SIGTERM), then its sidecar, and waits for both. Workflows stay in\n"
        "the store, and go on when the app is run again.\n\n"
        "Examples:\n"
        "  pawl stop -a order-processor\n"
        "  pawl stop -f .\n",
    .flags = stop_flags,
    .run = stop_run,
};
