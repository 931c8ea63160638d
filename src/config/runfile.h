#ifndef PAWL_CONFIG_RUNFILE_H
#define PAWL_CONFIG_RUNFILE_H

// Run files: several apps with their sidecars (reference 6.3).

#include "config/yaml.h"

enum {
    PAWL_RUNFILE_APPS = 64,
    PAWL_RUNFILE_LIST = 32,
    PAWL_RUNFILE_PASS = 24
};

struct pawl_runfile_app {
    const char *app_id, *directory; // absolute
    bool is_named;                  // by appID, not by its folder
    unsigned replica; // how many before it have the same ID: daemons of one app share its work
    const char *command[PAWL_RUNFILE_LIST + 1];
    size_t command_count;
    const char *env[PAWL_RUNFILE_LIST * 2 + 1]; // "NAME=value"
    size_t env_count;
    const char *resources[PAWL_RUNFILE_LIST]; // folders
    size_t resource_count;
    bool user_resources; // no file names them: they are those of the user's home
    const char *config;  // file, or NULL
    const char *protocol, *log_level;
    const char *app_log, *daemon_log;                 // console, file or fileAndConsole
    int app_port, http_port, grpc_port, metrics_port; // 0: any
    // Other settings, as flags of the daemon.
    struct {
        const char *flag, *value;
    } pass[PAWL_RUNFILE_PASS];
    size_t pass_count;
};

struct pawl_runfile {
    const char *name;
    const char *path; // absolute; "-": the standard input
    struct pawl_runfile_app *apps;
    size_t app_count;
    const char *notes; // lines that say which settings have no effect, with file and line
};

// Reads the run file at |path|: a file, a folder with a dapr.yaml, or "-". All is in |arena|.
// Errors name file, line and remedy; folders and files that it names are checked to be there.
enum pawl_err pawl__runfile_load(const char *path, struct pawl_arena *arena,
                                 struct pawl_runfile *out, struct pawl_error *error);

#endif
