#include "sdk/handle.h"

#include <stdlib.h>
#include <time.h>

#include "base/clock.h"
#include "sdk/call.h"
#include "sdk/error.h"

enum {
    HANDLE_THREADS = 8,
    HANDLE_STACK_MIN = 16 * 1024,
    HANDLE_WARM = 1000,
    HANDLE_LOOPS = 256,
};

// How long to wait for another process to let go of the file.
#define HANDLE_PATIENCE (3 * PAWL_SECOND)

// --- opening ------------------------------------------------------------------------------------

static void handle_log(void *arg, enum pawl_log_level level, const char *line) {
    static const char *const names[] = {"debug", "info", "warning", "error", "fatal"};
    fprintf(stderr, "pawl: %s: %s\n", names[level], line);
}

static void handle_on_item(void *arg, struct pawl_str item) {
    struct pawl_loop *loop = arg;
    pawl__worker_take(&loop->worker, item);
}

static void handle_on_ready(void *arg, bool ready, const struct pawl_error *reason) {
    struct pawl_loop *loop = arg;
    struct pawl *pawl = loop->pawl;
    pthread_mutex_lock(&pawl->mutex);
    loop->reason = *reason;
    bool first = ready && !loop->is_ready, all = first && --pawl->unready == 0;
    loop->is_ready = loop->is_ready || ready;
    pthread_mutex_unlock(&pawl->mutex);
    if (all) pawl__done_set(&pawl->ready);
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

static bool handle_is_remote(const char *target) {
    return !target || strncmp(target, "grpc://", 7) == 0;
}

static enum pawl_err handle_check_target(const char *target, struct pawl_error *error) {
    if (handle_is_remote(target)) return PAWL_OK;
    if (strstr(target, "://"))
        return pawl__fail(error, PAWL_E_INVALID,
                          "'%s' is no target: give the path of a file, memory: or grpc://HOST:PORT",
                          target);
    if (handle_is_address(target))
        return pawl__fail(error, PAWL_E_INVALID,
                          "'%s' is no target: it looks like the address of a daemon, which is "
                          "grpc://%s; a file of this name is ./%s",
                          target, target, target);
    return PAWL_OK;
}

static enum pawl_err handle_connect(struct pawl *pawl, const char *target,
                                    const struct pawl_options *options,
                                    const struct pawl_transport_owner *owners,
                                    struct pawl_transport **out, struct pawl_error *error) {
    char buffer[64];
    const char *token = options->api_token ? options->api_token : getenv("DAPR_API_TOKEN");
    target = target ? target + 7 : handle_environment(buffer, sizeof buffer);
    if (strncmp(target, "https://", 8) == 0)
        return pawl__fail(error, PAWL_E_INVALID,
                          "cannot connect to '%s': connections are not encrypted yet; name the "
                          "daemon as HOST:PORT",
                          target);
    enum pawl_err err = PAWL_OK;
    for (size_t i = 0; i < pawl->count && !err; i++)
        err = pawl__remote_open(&pawl->loops[i].uv, target, token, &owners[i], &out[i], error);
    return err;
}

// Opens a transport for each loop. |store| is what an embedded engine has; NULL: it is in a daemon.
static enum pawl_err handle_open_transports(struct pawl *pawl, const char *target,
                                            const struct pawl_options *options,
                                            struct pawl_embedded_store *store,
                                            struct pawl_error *error) {
    struct pawl_transport_owner owners[HANDLE_LOOPS];
    struct pawl_transport *transports[HANDLE_LOOPS] = {NULL};
    uv_loop_t *loops[HANDLE_LOOPS];
    for (size_t i = 0; i < pawl->count; i++) {
        owners[i] = (struct pawl_transport_owner){.log = &pawl->log,
                                                  .item = handle_on_item,
                                                  .ready = handle_on_ready,
                                                  .arg = &pawl->loops[i]};
        loops[i] = &pawl->loops[i].uv;
    }
    enum pawl_err err = store ? pawl__embedded_open(store, loops, owners, transports, error)
                              : handle_connect(pawl, target, options, owners, transports, error);
    for (size_t i = 0; i < pawl->count && !(err && store); i++)
        pawl->loops[i].transport = transports[i];
    return err;
}

static enum pawl_err handle_check_options(const struct pawl_options *options) {
    if (options->stack_size && options->stack_size < HANDLE_STACK_MIN)
        return pawl__sdk_fail(PAWL_E_INVALID, "stack_size is %zu, and must be at least %d",
                              options->stack_size, HANDLE_STACK_MIN);
    if (options->blocked_after < 0)
        return pawl__sdk_fail(PAWL_E_INVALID, "blocked_after is negative");
    if (options->loops > HANDLE_LOOPS && options->loops != PAWL_LOOP_PER_CORE)
        return pawl__sdk_fail(PAWL_E_INVALID,
                              "loops is %zu, and can be %d at most, or PAWL_LOOP_PER_CORE",
                              options->loops, HANDLE_LOOPS);
    if (options->loops > 1 && options->is_driven)
        return pawl__sdk_fail(PAWL_E_INVALID,
                              "loops and is_driven exclude each other: a program that drives "
                              "Pawl's loop itself has one");
    return options->app_id ? pawl__sdk_check_name(options->app_id, "app_id") : PAWL_OK;
}

static size_t handle_loops(const struct pawl_options *options) {
    if (options->loops != PAWL_LOOP_PER_CORE) return options->loops ? options->loops : 1;
    size_t cores = uv_available_parallelism();
    return cores < HANDLE_LOOPS ? cores : HANDLE_LOOPS;
}

static bool handle_init_loop(struct pawl *pawl, struct pawl_loop *loop) {
    loop->pawl = pawl;
    loop->thread = pthread_self();
    pawl__link_init(&loop->waits);
    if (uv_loop_init(&loop->uv)) return false;
    if (pawl__jobs_start(&loop->inbox, &loop->uv, 0)) {
        uv_loop_close(&loop->uv);
        return false;
    }
    uv_timer_init(&loop->uv, &loop->again);
    loop->again.data = loop;
    return true;
}

static void handle_end_loops(struct pawl *pawl);
static void handle_free(struct pawl *pawl);

static void handle_on_inbox_closed(void *arg) {
}

// Ends what keeps the loop turning.
static void handle_close_loop(struct pawl_loop *loop) {
    pawl__jobs_stop(&loop->inbox, handle_on_inbox_closed, NULL);
    uv_close((uv_handle_t *)&loop->again, NULL);
}

// Ends loops that have no thread.
static void handle_abandon(struct pawl *pawl) {
    for (size_t i = 0; i < pawl->count; i++) handle_close_loop(&pawl->loops[i]);
    handle_end_loops(pawl);
    handle_free(pawl);
}

static struct pawl *handle_create(const struct pawl_options *options, const struct pawl_log *log,
                                  size_t count) {
    struct pawl *pawl = calloc(1, sizeof *pawl);
    if (pawl) pawl->loops = calloc(count, sizeof *pawl->loops);
    if (!pawl || !pawl->loops) {
        free(pawl);
        return NULL;
    }
    pthread_mutex_init(&pawl->mutex, NULL);
    pawl__done_init(&pawl->ready);
    pawl->is_driven = options->is_driven;
    pawl->log = *log;
    for (; pawl->count < count; pawl->count++) {
        if (handle_init_loop(pawl, &pawl->loops[pawl->count])) continue;
        handle_abandon(pawl);
        return NULL;
    }
    pawl->unready = count;
    pawl->worker_options = (struct pawl_sdk_worker_options){
        .pawl = pawl,
        .registry = &pawl->registry,
        .log = &pawl->log,
        .activity_threads = options->activity_threads ? options->activity_threads : HANDLE_THREADS,
        .stack_size = options->stack_size ? options->stack_size : PAWL_STACK_SIZE,
        .warm_workflows =
            ((options->warm_workflows ? options->warm_workflows : HANDLE_WARM) + count - 1) / count,
        .blocked_after = options->blocked_after ? options->blocked_after : PAWL_SECOND,
    };
    return pawl;
}

// Runs loops that have no thread until they have ended, and waits for the others.
static void handle_end_loops(struct pawl *pawl) {
    static const struct timespec moment = {.tv_nsec = PAWL_MILLISECOND};
    size_t alone = 0, open;
    for (size_t i = 0; i < pawl->count; i++) alone += !pawl->loops[i].has_thread;
    do { // several wait for each other, and are run in turn
        open = 0;
        for (size_t i = 0; i < pawl->count; i++)
            if (!pawl->loops[i].has_thread)
                open += uv_run(&pawl->loops[i].uv, alone > 1 ? UV_RUN_NOWAIT : UV_RUN_DEFAULT) != 0;
        if (open) nanosleep(&moment, NULL);
    } while (open);
    for (size_t i = 0; i < pawl->count; i++)
        if (pawl->loops[i].has_thread) pthread_join(pawl->loops[i].thread, NULL);
}

static void handle_free(struct pawl *pawl) {
    for (size_t i = 0; i < pawl->count; i++) {
        pawl__worker_finish(&pawl->loops[i].worker);
        uv_loop_close(&pawl->loops[i].uv);
    }
    if (pawl->has_threads) pawl__jobs_end_lender(&pawl->threads);
    pawl__registry_finish(&pawl->registry);
    pthread_mutex_destroy(&pawl->mutex);
    free(pawl->loops);
    free(pawl);
}

// Waits until the engine in this process serves.
// |patience|: nanoseconds for leases of a process that has gone to end.
static enum pawl_err handle_wait_ready(struct pawl *pawl, const char *target, int64_t patience) {
    int64_t until = pawl__clock_steady() + patience;
    if (pawl__handle_wait(pawl, &pawl->ready, until)) return PAWL_OK;
    struct pawl_error reason = {PAWL_E_OK, ""};
    pthread_mutex_lock(&pawl->mutex);
    for (size_t i = 0; i < pawl->count && !reason.code; i++)
        if (!pawl->loops[i].is_ready) reason = pawl->loops[i].reason;
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

static void *handle_main(void *arg) {
    struct pawl_loop *loop = arg;
    pthread_setname_np(pthread_self(), "pawl loop"); // for who looks at threads
    uv_run(&loop->uv, UV_RUN_DEFAULT);
    return NULL;
}

// Starts the loops' threads.
static enum pawl_err handle_start(struct pawl *pawl) {
    for (size_t i = 0; i < pawl->count && !pawl->is_driven; i++) {
        struct pawl_loop *loop = &pawl->loops[i];
        if (pthread_create(&loop->thread, NULL, handle_main, loop))
            return pawl__sdk_fail(PAWL_E_NOMEM, "cannot start a thread");
        loop->has_thread = true;
    }
    return PAWL_OK;
}

static bool handle_close(struct pawl *pawl);

// Opens the store, which says how many loops there are to be, makes them, and a transport on each.
// |over| is a store that is open; NULL: |target| says which, or which daemon.
static enum pawl_err handle_open(struct pawl_store *over, const char *target,
                                 const struct pawl_options *options, struct pawl **out,
                                 struct pawl_error *error) {
    const struct pawl_log log = {
        .level = options->log ? PAWL_LOG_DEBUG : PAWL_LOG_WARN,
        .write = options->log ? options->log : handle_log,
        .arg = options->log_arg,
    };
    if (!over) PAWL_TRY(handle_check_target(target, error));
    size_t count = handle_loops(options);
    uint32_t shards = (uint32_t)count;
    struct pawl_embedded_store *store = NULL;
    if (over || !handle_is_remote(target)) {
        const struct pawl_embedded_options embedded = {
            .target = target,
            .store = over,
            .app_id = options->app_id ? options->app_id : "default",
            .loops = count,
            .shards = options->shards,
            .log = &log,
        };
        PAWL_TRY(pawl__embedded_store_open(&embedded, &count, &shards, &store, error));
    }
    struct pawl *pawl = handle_create(options, &log, count);
    if (!pawl) {
        pawl__embedded_store_close(store);
        return pawl__fail_plain(error, PAWL_E_NOMEM);
    }
    pawl->shards = shards;
    enum pawl_err err = handle_open_transports(pawl, target, options, store, error);
    if (err) {
        handle_close(pawl);
        return err;
    }
    *out = pawl;
    return PAWL_OK;
}

static enum pawl_err handle_begin(struct pawl_store *over, const char *target,
                                  const struct pawl_options *options, struct pawl **out) {
    struct pawl_error error = {PAWL_E_OK, ""};
    struct pawl *pawl = NULL;
    if (handle_open(over, target, options, &pawl, &error)) return pawl__sdk_fail_with(&error);
    enum pawl_err err = handle_start(pawl);
    if (!err && over) err = handle_wait_ready(pawl, target, HANDLE_PATIENCE + 3 * PAWL_LEASE_TTL);
    if (!err && !over && !handle_is_remote(target))
        err = handle_wait_ready(pawl, target, HANDLE_PATIENCE);
    if (err) {
        struct pawl_error reason = *pawl_last_error();
        handle_close(pawl);
        return pawl__sdk_fail_with(&reason);
    }
    *out = pawl;
    return PAWL_OK;
}

enum pawl_err pawl_open(const char *target, const struct pawl_options *options, struct pawl **out) {
    static const struct pawl_options defaults;
    if (!options) options = &defaults;
    *out = NULL;
    PAWL_TRY(handle_check_options(options));
    if (target && !*target) return pawl__sdk_fail(PAWL_E_INVALID, "the target is empty");
    return handle_begin(NULL, target, options, out);
}

enum pawl_err pawl__open_over(struct pawl_store *store, const char *name,
                              const struct pawl_options *options, struct pawl **out) {
    *out = NULL;
    return handle_begin(store, name, options, out);
}

// --- closing ------------------------------------------------------------------------------------

static void handle_on_transport_closed(void *arg) {
    struct pawl_loop *loop = arg;
    loop->transport = NULL;
    handle_close_loop(loop);
}

static void handle_on_rested(void *arg) {
    struct pawl_loop *loop = arg;
    if (loop->transport)
        loop->transport->ops->close(loop->transport, handle_on_transport_closed, loop);
    else
        handle_close_loop(loop); // it could not be opened
}

static void handle_run_close(struct pawl_job *job) {
    struct pawl_loop *loop = PAWL_CONTAINER(job, struct pawl_loop, close);
    pawl__client_end_waits(loop);
    pawl__worker_rest(&loop->worker, handle_on_rested, loop);
}

// Closes all loops. True: a result could not be recorded.
static bool handle_close(struct pawl *pawl) {
    bool lost = false;
    for (size_t i = 0; i < pawl->count; i++) {
        pawl->loops[i].close.done = handle_run_close;
        pawl__jobs_post(&pawl->loops[i].inbox, &pawl->loops[i].close);
    }
    handle_end_loops(pawl);
    for (size_t i = 0; i < pawl->count; i++) lost = lost || pawl->loops[i].worker.lost;
    handle_free(pawl);
    return lost;
}

enum pawl_err pawl_close(struct pawl *pawl) {
    if (!pawl) return PAWL_OK;
    PAWL_TRY(pawl__handle_check(pawl, "pawl_close"));
    const struct pawl_activity *within = pawl__activity_current(pawl);
    if (within)
        return pawl__sdk_fail(PAWL_E_PRECONDITION,
                              "pawl_close was called within activity '%s' (instance '%s', sequence "
                              "number %d), and would wait for it to end: let the activity end, "
                              "and close from another thread",
                              within->name, within->instance_id, within->sequence_number);
    return handle_close(pawl)
               ? pawl__sdk_fail(PAWL_E_IO, "the last results could not be recorded; their "
                                           "activities will run again")
               : PAWL_OK;
}

// --- a loop of the program's own ----------------------------------------------------------------

int pawl_fd(struct pawl *pawl) {
    return uv_backend_fd(&pawl->loops[0].uv);
}

int pawl_timeout(struct pawl *pawl) {
    uv_update_time(&pawl->loops[0].uv);
    return uv_backend_timeout(&pawl->loops[0].uv);
}

enum pawl_err pawl_poll(struct pawl *pawl) {
    if (!pawl->is_driven)
        return pawl__sdk_fail(
            PAWL_E_PRECONDITION,
            "pawl_poll is for programs that set is_driven in struct pawl_options");
    PAWL_TRY(pawl__handle_check(pawl, "pawl_poll"));
    uv_run(&pawl->loops[0].uv, UV_RUN_NOWAIT);
    return PAWL_OK;
}
