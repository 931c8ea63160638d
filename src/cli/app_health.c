#include "cli/app_health.h"

#include <string.h>

#include "base/clock.h"
#include "net/http_fetch.h"

static const char *const app_watch_scope = "dapr.apphealth";

static void app_watch_ask(uv_work_t *work) {
    struct pawl_app_watch *watch = work->data;
    const struct pawl_daemon_options *options = watch->options;
    const char *path = options->app_health.path;
    char absolute[1024];
    struct pawl_buf body = {0};
    struct pawl_error error;
    int status = 0;
    snprintf(absolute, sizeof absolute, "%s%s", *path == '/' ? "" : "/", path);
    const struct pawl_http_ask ask = {options->app_address, options->app_port, .path = absolute,
                                      .timeout = options->app_health.timeout * PAWL_MILLISECOND};
    enum pawl_err err = pawl__http_fetch(&ask, &status, &body, &error);
    pawl__buf_finish(&body);
    watch->answered = !err && status >= 200 && status < 300;
}

static void app_watch_on_asked(uv_work_t *work, int canceled) {
    struct pawl_app_watch *watch = work->data;
    const struct pawl_log *log = &watch->options->log;
    watch->asking = false;
    if (watch->closing || canceled) return;
    bool was_well = watch->is_well;
    if (watch->answered) {
        watch->failures = 0;
        watch->is_well = true;
    } else if (++watch->failures >= watch->options->app_health.threshold) {
        watch->failures = watch->options->app_health.threshold;
        watch->is_well = false;
    }
    if (watch->is_well && !was_well)
        pawl__log(log, PAWL_LOG_INFO, app_watch_scope, "App entered healthy status");
    else if (was_well && !watch->is_well)
        pawl__log(log, PAWL_LOG_WARN, app_watch_scope, "App entered un-healthy status");
}

static void app_watch_on_time(uv_timer_t *timer) {
    struct pawl_app_watch *watch = timer->data;
    if (watch->asking) return;
    watch->asking = !uv_queue_work(watch->loop, &watch->work, app_watch_ask, app_watch_on_asked);
}

// What keeps it from asking; NULL: nothing does.
static const char *app_watch_flaw(const struct pawl_daemon_options *options) {
    if (!options->app_port) return "there is no --app-port";
    if (strcmp(options->app_protocol, "http") != 0 && strcmp(options->app_protocol, "h2c") != 0)
        return "an app is asked over plain HTTP only";
    return NULL;
}

void pawl__app_watch_begin(struct pawl_app_watch *watch, uv_loop_t *loop,
                           const struct pawl_daemon_options *options) {
    *watch = (struct pawl_app_watch){.options = options, .loop = loop};
    uv_timer_init(loop, &watch->timer);
    watch->timer.data = watch->work.data = watch;
    if (!options->app_health.enabled) return;
    const char *flaw = app_watch_flaw(options);
    if (flaw) {
        pawl__log(&options->log, PAWL_LOG_WARN, app_watch_scope,
                  "--enable-app-health-check has no effect here: %s", flaw);
        return;
    }
    uint64_t interval = (uint64_t)options->app_health.interval;
    uv_timer_start(&watch->timer, app_watch_on_time, 0, interval ? interval : 1000);
    uv_unref((uv_handle_t *)&watch->timer);
}

void pawl__app_watch_end(struct pawl_app_watch *watch) {
    watch->closing = true;
    if (watch->asking) uv_cancel((uv_req_t *)&watch->work);
    uv_close((uv_handle_t *)&watch->timer, NULL);
}
