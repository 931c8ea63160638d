#ifndef PAWL_CLI_DAEMON_H
#define PAWL_CLI_DAEMON_H

// The daemon: loop, stores, runtime, api and servers put together.

#include "cli/daemon_options.h"

// Runs as |settings|, which it takes over, say, until a signal or a call ends it; the process's
// exit code. Errors go to the log.
int pawl__daemon_run(const struct pawl_daemon_options *options, struct pawl_settings *settings);

#endif
