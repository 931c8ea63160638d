#include "sdk/handle.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include "base/clock.h"
#include "sdk/error.h"

enum {
    HANDLE_THREADS = 8,
    HANDLE_STACK_MIN = 16 * 1024,
    HANDLE_WARM = 1000,
};

// How long to wait for another process to let go of the file.
#define HANDLE_PATIENCE (3 * PAWL_SECOND)

// --- the loop and its thread --------------------------------------------------------------------

static void *handle_main(void *arg) {
    struct pawl *pawl = arg;
    uv_run(&pawl->loop, UV_RUN_DEFAULT);
    return NULL;
}

static bool handle_is_own_thread(const struct pawl *pawl) {
    return pthread_equal(pthread_self(), pawl->thread);
}

enum pawl_err pawl__handle_check(const struct pawl *pawl, const char *what) {
    const struct pawl_workflow *wf = pawl__execution_current();
    if (wf)
        return pawl__sdk_fail(
            PAWL_E_PRECONDITION,
            "%s was called within workflow '%s' (instance '%s', sequence number %d): it would not "
            "be replayed; call it from an activity",
            what, wf->name, wf->id, wf->next_id);
    if (handle_is_own_thread(pawl) && pawl->worker.in_quick)
        return pawl__sdk_fail(PAWL_E_PRECONDITION,
                              "%s was called within a quick activity, and could wait: call it from "
                              "another activity",
                              what);
    if (!pawl->is_driven && handle_is_own_thread(pawl))
        return pawl__sdk_fail(PAWL_E_PRECONDITION, "%s was called on Pawl's own thread", what);
    return PAWL_OK;
}

static struct timespec handle_timespec(int64_t at) {
    return (struct timespec){.tv_sec = at / PAWL_SECOND, .tv_nsec = at % PAWL_SECOND};
}

static void handle_on_deadline(uv_timer_t *timer) {
    (void)timer; // it only ends the wait
}

static void handle_on_deadline_closed(uv_handle_t *handle) {
    *(bool *)handle->data = true;
}

// Turns the program's loop while it waits.
static bool handle_turn(struct pawl *pawl, const struct pawl_done *done, int64_t until) {
    uv_timer_t deadline;
    bool is_closed = false;
    uv_timer_init(&pawl->loop, &deadline);
    deadline.data = &is_closed;
    if (until != INT64_MAX) {
        int64_t left = until - pawl__clock_steady();
        uv_timer_start(&deadline, handle_on_deadline,
                       left > 0 ? (uint64_t)(left / PAWL_MILLISECOND + 1) : 0, 0);
    }
    while (!atomic_load(&done->is_set) && pawl__clock_steady() < until)
        uv_run(&pawl->loop, UV_RUN_ONCE);
    uv_close((uv_handle_t *)&deadline, handle_on_deadline_closed);
    while (!is_closed) uv_run(&pawl->loop, UV_RUN_ONCE);
    return atomic_load(&done->is_set);
}

bool pawl__handle_wait(struct pawl *pawl, struct pawl_done *done, int64_t until) {
    if (pawl->is_driven && handle_is_own_thread(pawl)) return handle_turn(pawl, done, until);
    struct timespec at = handle_timespec(until);
    int rv;
    do
        rv = until == INT64_MAX ? sem_wait(&done->sem)
                                : sem_clockwait(&done->sem, CLOCK_MONOTONIC, &at);
    while (rv && errno == EINTR);
    return !rv && atomic_load(&done->is_set);
}

// --- opening ------------------------------------------------------------------------------------

static void handle_log(void *arg, enum pawl_log_level level, const char *line) {
    (void)arg;
    static const char *const names[] = {"debug", "info", "warning", "error", "fatal"};
    fprintf(stderr, "pawl: %s: %s\n", names[level], line);
}

static void handle_on_item(void *arg, struct pawl_str item) {
    struct pawl *pawl = arg;
    pawl__worker_take(&pawl->worker, item);
}

static void handle_on_ready(void *arg, bool ready, const struct pawl_error *reason) {
    struct pawl *pawl = arg;
    pthread_mutex_lock(&pawl->mutex);
    pawl->reason = *reason;
    pthread_mutex_unlock(&pawl->mutex);
    if (ready && !atomic_load(&pawl->ready.is_set)) pawl__done_set(&pawl->ready);
}

// The daemon that the environment names. |buffer| holds a port's address.
static const char *handle_environment(char *buffer, size_t size) {
    const char *endpoint = getenv("DAPR_GRPC_ENDPOINT");
    if (endpoint && *endpoint) return endpoint;
    const char *port = getenv("DAPR_GRPC_PORT");
    snprintf(buffer, size, "127.0.0.1:%s", port && *port ? port : "50001");
    return buffer;
}

// Whether |target| is "HOST:PORT", which would be a strange name for a file.
static bool handle_is_address(const char *target) {
    const char *colon = strrchr(target, ':');
    return colon && !strchr(target, '/') && colon[1] && !colon[1 + strspn(colon + 1, "0123456789")];
}

static enum pawl_err handle_open_transport(struct pawl *pawl, const char *target,
                                           const struct pawl_options *options,
                                           struct pawl_error *error) {
    struct pawl_transport_owner owner = {
        .log = &pawl->log, .item = handle_on_item, .ready = handle_on_ready, .arg = pawl};
    char buffer[64];
    bool remote = !target || strncmp(target, "grpc://", 7) == 0;
    if (!remote && strstr(target, "://"))
        return pawl__fail(error, PAWL_E_INVALID,
                          "'%s' is no target: give the path of a file, memory: or grpc://HOST:PORT",
                          target);
    if (!remote && handle_is_address(target))
        return pawl__fail(error, PAWL_E_INVALID,
                          "'%s' is no target: it looks like the address of a daemon, which is "
                          "grpc://%s; a file of this name is ./%s",
                          target, target, target);
    if (!remote) {
        const char *app_id = options->app_id ? options->app_id : "default";
        return pawl__embedded_open(&pawl->loop, target, app_id, &owner, &pawl->transport, error);
    }
    const char *token = options->api_token ? options->api_token : getenv("DAPR_API_TOKEN");
    target = target ? target + 7 : handle_environment(buffer, sizeof buffer);
    if (strncmp(target, "https://", 8) == 0)
        return pawl__fail(error, PAWL_E_INVALID,
                          "cannot connect to '%s': connections are not encrypted yet; name the "
                          "daemon as HOST:PORT",
                          target);
    return pawl__remote_open(&pawl->loop, target, token, &owner, &pawl->transport, error);
}

static enum pawl_err handle_check_options(const struct pawl_options *options) {
    if (options->stack_size && options->stack_size < HANDLE_STACK_MIN)
        return pawl__sdk_fail(PAWL_E_INVALID, "stack_size is %zu, and must be at least %d",
                              options->stack_size, HANDLE_STACK_MIN);
    if (options->blocked_after < 0)
        return pawl__sdk_fail(PAWL_E_INVALID, "blocked_after is negative");
    return options->app_id ? pawl__sdk_check_name(options->app_id, "app_id") : PAWL_OK;
}

static struct pawl *handle_create(const struct pawl_options *options) {
    struct pawl *pawl = calloc(1, sizeof *pawl);
    if (!pawl) return NULL;
    if (uv_loop_init(&pawl->loop)) goto fail;
    if (pawl__jobs_start(&pawl->inbox, &pawl->loop, 0)) goto fail_loop;
    uv_timer_init(&pawl->loop, &pawl->again);
    pawl->again.data = pawl;
    pthread_mutex_init(&pawl->mutex, NULL);
    pawl__done_init(&pawl->ready);
    pawl__link_init(&pawl->waits);
    pawl->is_driven = options->is_driven;
    pawl->thread = pthread_self();
    pawl->log = (struct pawl_log){
        .level = options->log ? PAWL_LOG_DEBUG : PAWL_LOG_WARN,
        .write = options->log ? options->log : handle_log,
        .arg = options->log_arg,
    };
    pawl->worker_options = (struct pawl_sdk_worker_options){
        .loop = &pawl->loop,
        .pawl = pawl,
        .log = &pawl->log,
        .activity_threads = options->activity_threads ? options->activity_threads : HANDLE_THREADS,
        .stack_size = options->stack_size ? options->stack_size : PAWL_STACK_SIZE,
        .warm_workflows = options->warm_workflows ? options->warm_workflows : HANDLE_WARM,
        .blocked_after = options->blocked_after ? options->blocked_after : PAWL_SECOND,
    };
    return pawl;
fail_loop:
    uv_loop_close(&pawl->loop);
fail:
    free(pawl);
    return NULL;
}

static void handle_on_inbox_closed(void *arg) {
    (void)arg;
}

// Ends what keeps the loop turning.
static void handle_close_loop(struct pawl *pawl) {
    pawl__jobs_stop(&pawl->inbox, handle_on_inbox_closed, NULL);
    uv_close((uv_handle_t *)&pawl->again, NULL);
}

static void handle_free(struct pawl *pawl) {
    pawl__worker_finish(&pawl->worker);
    pthread_mutex_destroy(&pawl->mutex);
    uv_loop_close(&pawl->loop);
    free(pawl);
}

// Waits until the engine in this process serves.
static enum pawl_err handle_wait_ready(struct pawl *pawl, const char *target) {
    int64_t until = pawl__clock_steady() + HANDLE_PATIENCE;
    if (pawl__handle_wait(pawl, &pawl->ready, until)) return PAWL_OK;
    pthread_mutex_lock(&pawl->mutex);
    struct pawl_error reason = pawl->reason;
    pthread_mutex_unlock(&pawl->mutex);
    if (reason.code == PAWL_E_HELD)
        return pawl__sdk_fail(
            PAWL_E_HELD,
            "cannot open '%s': %s; one process at a time serves a file: stop that "
            "one, or let both work for a daemon, with grpc://HOST:PORT",
            target, reason.text);
    return pawl__sdk_fail(reason.code ? reason.code : PAWL_E_UNAVAILABLE, "cannot open '%s': %s",
                          target, reason.code ? reason.text : "the store does not answer");
}

enum pawl_err pawl_open(const char *target, const struct pawl_options *options, struct pawl **out) {
    static const struct pawl_options defaults;
    if (!options) options = &defaults;
    *out = NULL;
    PAWL_TRY(handle_check_options(options));
    if (target && !*target) return pawl__sdk_fail(PAWL_E_INVALID, "the target is empty");
    struct pawl *pawl = handle_create(options);
    if (!pawl) return pawl__sdk_fail_nomem();
    struct pawl_error error = {PAWL_E_OK, ""};
    enum pawl_err err = handle_open_transport(pawl, target, options, &error);
    if (err) {
        handle_close_loop(pawl);
        uv_run(&pawl->loop, UV_RUN_DEFAULT);
        handle_free(pawl);
        return pawl__sdk_fail_with(&error);
    }
    pawl->worker_options.transport = pawl->transport;
    if (!pawl->is_driven && pthread_create(&pawl->thread, NULL, handle_main, pawl)) {
        pawl->is_driven = true; // so that pawl_close turns the loop
        pawl_close(pawl);
        return pawl__sdk_fail(PAWL_E_NOMEM, "cannot start a thread");
    }
    bool embedded = target && strncmp(target, "grpc://", 7) != 0;
    err = embedded ? handle_wait_ready(pawl, target) : PAWL_OK;
    if (err) {
        struct pawl_error reason = *pawl_last_error();
        pawl_close(pawl);
        return pawl__sdk_fail_with(&reason);
    }
    *out = pawl;
    return PAWL_OK;
}

// --- closing ------------------------------------------------------------------------------------

static void handle_on_transport_closed(void *arg) {
    struct pawl *pawl = arg;
    pawl->transport = NULL;
    handle_close_loop(pawl);
}

static void handle_on_rested(void *arg) {
    struct pawl *pawl = arg;
    pawl->transport->ops->close(pawl->transport, handle_on_transport_closed, pawl);
}

struct handle_close {
    struct pawl_job job;
    struct pawl *pawl;
};

static void handle_run_close(struct pawl_job *job) {
    struct pawl *pawl = PAWL_CONTAINER(job, struct handle_close, job)->pawl;
    pawl__client_end_waits(pawl);
    pawl__worker_rest(&pawl->worker, handle_on_rested, pawl);
}

enum pawl_err pawl_close(struct pawl *pawl) {
    if (!pawl) return PAWL_OK;
    PAWL_TRY(pawl__handle_check(pawl, "pawl_close"));
    const struct pawl_activity *within = pawl__activity_current(&pawl->worker.pool);
    if (within)
        return pawl__sdk_fail(PAWL_E_PRECONDITION,
                              "pawl_close was called within activity '%s' (instance '%s', sequence "
                              "number %d), and would wait for it to end: let the activity end, "
                              "and close from another thread",
                              within->name, within->instance_id, within->sequence_number);
    struct handle_close close = {.job.done = handle_run_close, .pawl = pawl};
    pawl__jobs_post(&pawl->inbox, &close.job);
    if (pawl->is_driven)
        uv_run(&pawl->loop, UV_RUN_DEFAULT);
    else
        pthread_join(pawl->thread, NULL);
    bool lost = pawl->worker.lost;
    handle_free(pawl);
    return lost ? pawl__sdk_fail(PAWL_E_IO, "the last results could not be recorded; their "
                                            "activities will run again")
                : PAWL_OK;
}

// --- a loop of the program's own ----------------------------------------------------------------

int pawl_fd(struct pawl *pawl) {
    return uv_backend_fd(&pawl->loop);
}

int pawl_timeout(struct pawl *pawl) {
    uv_update_time(&pawl->loop);
    return uv_backend_timeout(&pawl->loop);
}

enum pawl_err pawl_poll(struct pawl *pawl) {
    if (!pawl->is_driven)
        return pawl__sdk_fail(
            PAWL_E_PRECONDITION,
            "pawl_poll is for programs that set is_driven in struct pawl_options");
    PAWL_TRY(pawl__handle_check(pawl, "pawl_poll"));
    uv_run(&pawl->loop, UV_RUN_NOWAIT);
    return PAWL_OK;
}

// --- the worker ---------------------------------------------------------------------------------

static enum pawl_err handle_check_adding(const struct pawl *pawl, const char *name) {
    if (!pawl->working) return PAWL_OK;
    return pawl__sdk_fail(PAWL_E_PRECONDITION,
                          "'%s' was added after pawl_work: work has begun without it",
                          name ? name : "");
}

enum pawl_err pawl_add_workflow(struct pawl *pawl, const char *name, pawl_workflow_fn function,
                                void *arg) {
    PAWL_TRY(handle_check_adding(pawl, name));
    return pawl__registry_add_workflow(&pawl->worker.registry, name, "", function, arg);
}

enum pawl_err pawl_add_workflow_version(struct pawl *pawl, const char *name, const char *version,
                                        pawl_workflow_fn function, void *arg) {
    PAWL_TRY(handle_check_adding(pawl, name));
    return pawl__registry_add_workflow(&pawl->worker.registry, name, version, function, arg);
}

enum pawl_err pawl_add_activity(struct pawl *pawl, const char *name, pawl_activity_fn function,
                                void *arg) {
    PAWL_TRY(handle_check_adding(pawl, name));
    return pawl__registry_add_activity(&pawl->worker.registry, name, function, arg, false);
}

enum pawl_err pawl_add_quick_activity(struct pawl *pawl, const char *name,
                                      pawl_activity_fn function, void *arg) {
    PAWL_TRY(handle_check_adding(pawl, name));
    return pawl__registry_add_activity(&pawl->worker.registry, name, function, arg, true);
}

struct handle_work {
    struct pawl_job job;
    struct pawl *pawl;
    struct pawl_error error;
    struct pawl_done done;
};

static void handle_run_work(struct pawl_job *job) {
    struct handle_work *work = PAWL_CONTAINER(job, struct handle_work, job);
    struct pawl *pawl = work->pawl;
    pawl__worker_start(&pawl->worker, &pawl->worker_options, &work->error);
    pawl__done_set(&work->done);
}

enum pawl_err pawl_work(struct pawl *pawl) {
    PAWL_TRY(pawl__handle_check(pawl, "pawl_work"));
    const struct pawl_registry *registry = &pawl->worker.registry;
    if (pawl->working) return pawl__sdk_fail(PAWL_E_PRECONDITION, "pawl_work was called already");
    if (!registry->workflows && !registry->activities)
        return pawl__sdk_fail(PAWL_E_PRECONDITION,
                              "there is nothing to work on: pawl_add_workflow and "
                              "pawl_add_activity come before pawl_work");
    pawl->working = true;
    struct handle_work work = {.job.done = handle_run_work, .pawl = pawl};
    pawl__done_init(&work.done);
    pawl__jobs_post(&pawl->inbox, &work.job);
    pawl__handle_wait(pawl, &work.done, INT64_MAX);
    if (!work.error.code) return PAWL_OK;
    pawl->working = false;
    return pawl__sdk_fail_with(&work.error);
}
