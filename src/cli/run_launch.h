#ifndef PAWL_CLI_RUN_LAUNCH_H
#define PAWL_CLI_RUN_LAUNCH_H

// What an app and its sidecar are started with: where the sidecar listens, its command line, and
// the environment of both. All is in the arena; want of memory ends the process.

#include <limits.h>

#include "base/arena.h"
#include "cli/run_app.h"

struct pawl_run_place {
    char host[PATH_MAX];     // of the sidecar's HTTP API: an address, or the path of a socket
    const char *socket_base; // of the paths of its sockets; NULL: it listens on ports
    const char *text;        // for people
};

// Where the sidecar of |app| listens, once its ports are known.
void pawl__run_place(const struct pawl_run_app *app, struct pawl_arena *arena,
                     struct pawl_run_place *out);

// Whether the sidecar may show its dashboard: only this machine reaches it, or it wants a token.
bool pawl__run_shows_dashboard(const struct pawl_run_app *app);

// The sidecar's arguments. |lines_fd|: where it and the app put lines for the dashboard; 0:
// nowhere.
const char *const *pawl__run_sidecar_argv(const struct pawl_run_app *app, struct pawl_arena *arena);
const char *const *pawl__run_sidecar_env(int lines_fd, struct pawl_arena *arena);

// The app's environment beside ours. |socket_base| as in struct pawl_run_place.
const char *const *pawl__run_app_env(const struct pawl_run_app *app, const char *socket_base,
                                     struct pawl_arena *arena);

#endif
