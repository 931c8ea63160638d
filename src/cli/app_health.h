#ifndef PAWL_CLI_APP_HEALTH_H
#define PAWL_CLI_APP_HEALTH_H

// Asks the app now and then whether it is well (--enable-app-health-check), and says in the log
// when that changes, in the reference's words. Nothing else depends on it: work goes to the app's
// streams of work items, whether its port answers or not (3.20 Worker lifecycle).

#include <uv.h>

#include "cli/daemon_options.h"

struct pawl_app_watch {
    const struct pawl_daemon_options *options;
    uv_loop_t *loop;
    uv_timer_t timer;
    uv_work_t work; // asks on a thread, as it waits
    int failures;   // in a row
    bool is_well;
    bool asking, answered, closing;
};

// Begins to ask, if the options say so. An app that cannot be asked is told once in the log.
void pawl__app_watch_begin(struct pawl_app_watch *watch, uv_loop_t *loop,
                           const struct pawl_daemon_options *options);

// Asks no more. What is under way ends by itself, within its time, before the loop does.
void pawl__app_watch_end(struct pawl_app_watch *watch);

#endif
