#ifndef PAWL_CLI_RUN_APP_H
#define PAWL_CLI_RUN_APP_H

// An app that is to be run, with its sidecar.

#include <stdbool.h>
#include <stddef.h>

enum {
    PAWL_RUN_PASS_MAX = 32
};

struct pawl_run_app {
    const char *app_id;
    unsigned replica;                       // of the app, from 0
    char nth[16];                           // behind its id, for people: nothing, " (2)", " (3)"
    bool is_shared;                         // there are others
    const char *directory;                  // to run in; NULL: ours
    const char *const *command;             // ends with NULL; NULL: only the sidecar is run
    const char *const *env;                 // "NAME=value", ends with NULL; may be NULL
    int app_port;                           // 0: the app listens to nothing
    int http_port, grpc_port, metrics_port; // 0: any free one
    const char *const *resources;           // folders
    size_t resource_count;
    bool user_resources;   // they are those of the user's home; what they lack is built in
    bool local_stores;     // as the daemon's flag
    bool no_default_store; // the same
    const char *config;    // file; NULL: none
    const char *protocol;  // of the app
    // Further flags of the daemon, with their values.
    struct {
        const char *name, *value;
    } pass[PAWL_RUN_PASS_MAX];
    size_t pass_count;
    bool app_console, app_file; // where its output goes
    bool daemon_console, daemon_file;
};

#endif
