#ifndef PAWL_CLI_RUN_LOG_H
#define PAWL_CLI_RUN_LOG_H

// What an app or a sidecar writes: its last lines, for when it fails, and, if it is kept, a file
//
//     <folder>/.dapr/logs/<app id>_<app or daprd>_<time of the start>.log
//
// The space is bounded. A file that has grown to PAWL_RUN_LOG_SIZE is renamed to ".log.1", in place
// of an earlier one, and begun anew; and of those that earlier starts left, the newest are kept.

#include <limits.h>
#include <stdio.h>

#include "base/err.h"

enum {
    PAWL_RUN_LOG_SIZE = 16 << 20, // bytes
    PAWL_RUN_LOG_STARTS = 10,     // that are kept of an app and kind, this one included
    PAWL_RUN_LOG_LAST = 10,       // lines
};

// Zero at first.
struct pawl_run_log {
    FILE *file; // NULL: none
    char path[PATH_MAX];
    size_t size;
    char *lines[PAWL_RUN_LOG_LAST]; // a ring
    size_t count;
};

// Begins the file. |what|: "app" or "daprd". PAWL_E_IO.
enum pawl_err pawl__run_log_open(struct pawl_run_log *log, const char *folder, const char *app_id,
                                 unsigned replica, const char *what, struct pawl_error *error);

// Takes a line; in the file it is without the escapes that colour it on a terminal.
void pawl__run_log_line(struct pawl_run_log *log, const char *line, size_t len);

// Writes the last lines to stderr, and where all of them are.
void pawl__run_log_show(const struct pawl_run_log *log);

void pawl__run_log_finish(struct pawl_run_log *log);

#endif
