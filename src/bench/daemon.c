#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "bench/bench.h"

enum {
    DAEMON_PATIENCE = 20, // seconds until it listens
    DAEMON_LOOK = 2000,   // microseconds between two looks at its log
};

static const char daemon_component[] = "apiVersion: dapr.io/v1alpha1\n"
                                       "kind: Component\n"
                                       "metadata: {name: statestore}\n"
                                       "spec:\n"
                                       "  type: %s\n"
                                       "  version: v1\n"
                                       "  metadata:\n"
                                       "    - {name: connectionString, value: \"%s/store.db\"}\n"
                                       "    - {name: actorStateStore, value: \"true\"}\n";

// Copies |component| to |out|.
static bool daemon_copy(const char *component, FILE *out) {
    char bytes[4096];
    size_t len;
    FILE *in = fopen(component, "re");
    if (!in) return false;
    while ((len = fread(bytes, 1, sizeof bytes, in))) fwrite(bytes, 1, len, out);
    bool good = !ferror(in);
    fclose(in);
    return good;
}

static bool daemon_prepare(struct pawl_bench_daemon *daemon, const char *folder,
                           const char *component, bool in_memory) {
    char path[4200], *full = realpath(folder, NULL);
    if (!full) return false;
    snprintf(daemon->folder, sizeof daemon->folder, "%s/pawl-bench-XXXXXX", full);
    free(full);
    if (!mkdtemp(daemon->folder)) {
        *daemon->folder = 0;
        return false;
    }
    snprintf(path, sizeof path, "%s/store.yaml", daemon->folder);
    FILE *file = fopen(path, "we");
    if (!file) return false;
    bool good = !component || daemon_copy(component, file);
    int number = errno;
    if (!component)
        fprintf(file, daemon_component, in_memory ? "state.in-memory" : "state.sqlite",
                daemon->folder);
    good = fclose(file) == 0 && good;
    if (!good && component) errno = number;
    return good;
}

static void daemon_exec(const struct pawl_bench_daemon *daemon) {
    char path[4200];
    snprintf(path, sizeof path, "%s/log", daemon->folder);
    int log = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    dup2(log, STDOUT_FILENO);
    dup2(log, STDERR_FILENO);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    setpgid(0, 0); // Ctrl-C is for the one that measures
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    execl("/proc/self/exe", "pawl", "daemon", "--app-id", "pawl-bench", "--dapr-http-port", "0",
          "--dapr-grpc-port", "0", "--resources-path", daemon->folder, (char *)NULL);
    _exit(127);
}

// Reads its log up to the port; the last line that it wrote otherwise.
static bool daemon_find_port(struct pawl_bench_daemon *daemon, char line[1024]) {
    char path[4200];
    snprintf(path, sizeof path, "%s/log", daemon->folder);
    FILE *file = fopen(path, "re");
    bool found = false;
    while (file && !found && fgets(line, 1024, file)) {
        const char *at = strstr(line, "grpc server listening on address: ");
        found = at && sscanf(at, "grpc server listening on address: %50[0-9.:]",
                             strcpy(daemon->target, "grpc://") + 7) == 1;
    }
    if (file) fclose(file);
    return found;
}

static enum pawl_err daemon_wait(struct pawl_bench_daemon *daemon, struct pawl_error *error) {
    int64_t until = pawl__clock_steady() + DAEMON_PATIENCE * PAWL_SECOND;
    char line[1024] = "";
    while (!daemon_find_port(daemon, line)) {
        bool is_gone = waitpid(daemon->pid, NULL, WNOHANG) != 0;
        if (is_gone) daemon->pid = 0;
        if (is_gone || pawl__clock_steady() > until)
            return pawl__fail(error, PAWL_E_UNAVAILABLE, "the daemon did not start: %s", line);
        usleep(DAEMON_LOOK);
    }
    return PAWL_OK;
}

enum pawl_err pawl__bench_daemon_start(struct pawl_bench_daemon *daemon, const char *folder,
                                       const char *component, bool in_memory,
                                       struct pawl_error *error) {
    *daemon = (struct pawl_bench_daemon){.is_kept = component};
    enum pawl_err err = PAWL_OK;
    if (!daemon_prepare(daemon, folder, component, in_memory)) {
        err = component && *daemon->folder
                  ? pawl__fail(error, PAWL_E_IO, "cannot read '%s': %s", component, strerror(errno))
                  : pawl__fail(error, PAWL_E_IO, "cannot make a folder in '%s': %s", folder,
                               strerror(errno));
    } else {
        fflush(NULL);
        daemon->pid = fork();
        if (daemon->pid == 0) daemon_exec(daemon);
        if (daemon->pid < 0) {
            daemon->pid = 0;
            err = pawl__fail(error, PAWL_E_IO, "cannot start a process: %s", strerror(errno));
        } else {
            err = daemon_wait(daemon, error);
        }
    }
    if (err) pawl__bench_daemon_stop(daemon);
    return err;
}

static int daemon_remove(const char *path, const struct stat *info, int type, struct FTW *walk) {
    remove(path);
    return 0;
}

void pawl__bench_daemon_stop(struct pawl_bench_daemon *daemon) {
    if (daemon->pid) {
        kill(daemon->pid, daemon->is_kept ? SIGTERM : SIGKILL); // or nobody needs what it knows
        waitpid(daemon->pid, NULL, 0);
    }
    if (*daemon->folder) nftw(daemon->folder, daemon_remove, 8, FTW_DEPTH | FTW_PHYS);
    *daemon = (struct pawl_bench_daemon){0};
}
