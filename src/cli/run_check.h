#ifndef PAWL_CLI_RUN_CHECK_H
#define PAWL_CLI_RUN_CHECK_H

// What can be known to be wrong before anything starts.

#include "base/arena.h"
#include "base/err.h"
#include "cli/run_app.h"

enum {
    PAWL_RUN_PORTS = 3
};

// The sockets that keep an app's ports ours until its sidecar takes them; -1: none.
struct pawl_run_held {
    int sockets[PAWL_RUN_PORTS];
};

// Whether the app's command, configuration and resources are fit to be used. Texts name file, line
// and remedy. |*notes| are lines that the user should see, in |arena|. An app whose resources are
// the user's own, and have no store, goes on without them.
enum pawl_err pawl__run_check(struct pawl_run_app *app, struct pawl_arena *arena,
                              const char **notes, struct pawl_error *error);

// Chooses the ports that are 0, and one for metrics if theirs is in use, and holds them all.
// PAWL_E_UNAVAILABLE: one is in use. |held| is to be released in any case.
enum pawl_err pawl__run_hold_ports(struct pawl_run_app *app, struct pawl_run_held *held,
                                   struct pawl_error *error);

void pawl__run_release_ports(struct pawl_run_held *held);

#endif
