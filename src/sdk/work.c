#include "sdk/error.h"
#include "sdk/loops.h"

// What a program adds, and the beginning of work on all its loops.

static enum pawl_err work_check_adding(const struct pawl *pawl, const char *name) {
    if (!pawl->begun) return PAWL_OK;
    return pawl__sdk_fail(PAWL_E_PRECONDITION,
                          "'%s' was added after pawl_work: work has begun without it",
                          name ? name : "");
}

enum pawl_err pawl_add_workflow(struct pawl *pawl, const char *name, pawl_workflow_fn function,
                                void *arg) {
    PAWL_TRY(work_check_adding(pawl, name));
    return pawl__registry_add_workflow(&pawl->registry, name, "", function, arg);
}

enum pawl_err pawl_add_workflow_version(struct pawl *pawl, const char *name, const char *version,
                                        pawl_workflow_fn function, void *arg) {
    PAWL_TRY(work_check_adding(pawl, name));
    return pawl__registry_add_workflow(&pawl->registry, name, version, function, arg);
}

enum pawl_err pawl_add_activity(struct pawl *pawl, const char *name, pawl_activity_fn function,
                                void *arg) {
    PAWL_TRY(work_check_adding(pawl, name));
    return pawl__registry_add_activity(&pawl->registry, name, function, arg, false);
}

enum pawl_err pawl_add_quick_activity(struct pawl *pawl, const char *name,
                                      pawl_activity_fn function, void *arg) {
    PAWL_TRY(work_check_adding(pawl, name));
    return pawl__registry_add_activity(&pawl->registry, name, function, arg, true);
}

static void work_run(struct pawl_job *job) {
    struct pawl_loop *loop = PAWL_CONTAINER(job, struct pawl_loop, work);
    struct pawl *pawl = loop->pawl;
    struct pawl_sdk_worker_options options = pawl->worker_options;
    options.loop = &loop->uv;
    options.transport = loop->transport;
    pawl__error_clear(&loop->error);
    if (!loop->worker.working) pawl__worker_start(&loop->worker, &options, &loop->error);
    if (atomic_fetch_sub(&pawl->starting, 1) == 1) pawl__done_set(&pawl->worked);
}

// With several loops, the activities' threads are for all of them.
static enum pawl_err work_start_threads(struct pawl *pawl) {
    size_t count = pawl->worker_options.activity_threads;
    if (pawl->count == 1 || pawl->has_threads) return PAWL_OK;
    int rc = pawl__jobs_start_lender(&pawl->threads, count, false);
    if (rc)
        return pawl__sdk_fail(PAWL_E_NOMEM, "cannot start %zu threads for activities: %s", count,
                              uv_strerror(rc));
    pawl->has_threads = true;
    pawl->worker_options.lender = &pawl->threads;
    return PAWL_OK;
}

enum pawl_err pawl_work(struct pawl *pawl) {
    PAWL_TRY(pawl__handle_check(pawl, "pawl_work"));
    const struct pawl_registry *registry = &pawl->registry;
    if (pawl->working) return pawl__sdk_fail(PAWL_E_PRECONDITION, "pawl_work was called already");
    if (!registry->workflows && !registry->activities)
        return pawl__sdk_fail(PAWL_E_PRECONDITION,
                              "there is nothing to work on: pawl_add_workflow and "
                              "pawl_add_activity come before pawl_work");
    PAWL_TRY(work_start_threads(pawl));
    pawl->begun = true;
    pawl__done_init(&pawl->worked);
    atomic_init(&pawl->starting, pawl->count);
    for (size_t i = 0; i < pawl->count; i++) {
        pawl->loops[i].work.done = work_run;
        pawl__jobs_post(&pawl->loops[i].inbox, &pawl->loops[i].work);
    }
    pawl__handle_wait(pawl, &pawl->worked, INT64_MAX);
    const struct pawl_error *error = NULL;
    pawl->begun = false;
    for (size_t i = 0; i < pawl->count; i++) {
        if (pawl->loops[i].error.code) error = &pawl->loops[i].error;
        pawl->begun = pawl->begun || pawl->loops[i].worker.working;
    }
    pawl->working = !error;
    return error ? pawl__sdk_fail_with(error) : PAWL_OK;
}
