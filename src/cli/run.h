#ifndef PAWL_CLI_RUN_H
#define PAWL_CLI_RUN_H

// Apps with their sidecars: what 'pawl run' and 'pawl run -f' do once they know what to run.

#include "cli/run_app.h"

struct pawl_run_options {
    bool many;                 // lines of apps carry their names, and there are log files
    const char *template_path; // of the run file; NULL: none
    const char *template_name;
};

// Runs all until the last app has ended, or a signal comes. The exit code: 0, or that of the first
// app that failed.
int pawl__run_apps(struct pawl_run_app *apps, size_t count, const struct pawl_run_options *options);

#endif
