#include "runtime/jobs.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/resource.h>

enum {
    JOBS_AHEAD = 10 // nice values
};

// Gives the mutex back, and then wakes one thread if there is work for it; the next one is woken by
// it. Short jobs are over before more threads could begin, and the rest of them need not be woken
// at all. Who is woken wants the mutex first, and would go to sleep again for it.
static void jobs_unlock_and_wake(struct pawl_jobs *jobs) {
    bool wakes = !jobs->waking && jobs->idle && !pawl__list_empty(&jobs->waiting);
    if (wakes) jobs->waking = true;
    uv_mutex_unlock(&jobs->mutex);
    if (wakes) uv_cond_signal(&jobs->wake);
}

// With the mutex. Whether the loop has to be told.
static bool jobs_add_finished(struct pawl_jobs *jobs, struct pawl_job *job) {
    bool first = pawl__list_empty(&jobs->finished);
    pawl__list_add(&jobs->finished, &job->link);
    return first;
}

// A job of the thread's own loop, which is told without the mutex, as above: its handle is there
// until this thread has ended.
static void jobs_finish_own(struct pawl_jobs *jobs, struct pawl_job *job) {
    uv_mutex_lock(&jobs->mutex);
    bool first = jobs_add_finished(jobs, job);
    uv_mutex_unlock(&jobs->mutex);
    if (first) uv_async_send(&jobs->async);
}

// A job of a loop that may close its handle as soon as it has the job.
static void jobs_finish(struct pawl_jobs *jobs, struct pawl_job *job) {
    uv_mutex_lock(&jobs->mutex);
    if (jobs_add_finished(jobs, job)) uv_async_send(&jobs->async);
    uv_mutex_unlock(&jobs->mutex);
}

// Otherwise a thread that has slept for a moment, as for a sync, may have to wait until one that
// runs has used up its time. On Linux a nice value is a thread's own.
static void jobs_go_ahead(struct pawl_jobs *jobs) {
    errno = 0;
    int nice = getpriority(PRIO_PROCESS, 0);
    if (!errno && setpriority(PRIO_PROCESS, 0, nice - JOBS_AHEAD) == 0)
        atomic_store(&jobs->is_ahead, true);
}

static void jobs_main(void *arg) {
    struct pawl_jobs *jobs = arg;
    if (jobs->ahead) jobs_go_ahead(jobs);
    uv_mutex_lock(&jobs->mutex);
    for (;;) {
        struct pawl_link *link = pawl__list_take(&jobs->waiting);
        if (!link) {
            if (jobs->stop) break;
            jobs->idle++;
            uv_cond_wait(&jobs->wake, &jobs->mutex);
            jobs->idle--;
            jobs->waking = false;
            continue;
        }
        jobs_unlock_and_wake(jobs);
        struct pawl_job *job = PAWL_CONTAINER(link, struct pawl_job, link);
        struct pawl_jobs *home = job->home;
        job->run(job);
        if (home == jobs)
            jobs_finish_own(home, job);
        else
            jobs_finish(home, job);
        uv_mutex_lock(&jobs->mutex);
    }
    uv_mutex_unlock(&jobs->mutex);
}

static void jobs_check_stopped(struct pawl_jobs *jobs);

static void jobs_on_async(uv_async_t *async) {
    struct pawl_jobs *jobs = PAWL_CONTAINER(async, struct pawl_jobs, async);
    struct pawl_link finished;
    pawl__link_init(&finished);
    uv_mutex_lock(&jobs->mutex);
    pawl__list_move(&finished, &jobs->finished);
    uv_mutex_unlock(&jobs->mutex);
    for (struct pawl_link *link; (link = pawl__list_take(&finished));) {
        struct pawl_job *job = PAWL_CONTAINER(link, struct pawl_job, link);
        if (job->run) jobs->out--;
        job->done(job);
    }
    jobs_check_stopped(jobs);
}

static void jobs_end(struct pawl_jobs *jobs) {
    uv_mutex_lock(&jobs->mutex);
    jobs->stop = true;
    uv_cond_broadcast(&jobs->wake);
    uv_mutex_unlock(&jobs->mutex);
    while (jobs->thread_count) uv_thread_join(&jobs->threads[--jobs->thread_count]);
    free(jobs->threads);
    jobs->threads = NULL;
}

// |loop| NULL: they are to be borrowed. |lender| NULL: they are its own.
static int jobs_start(struct pawl_jobs *jobs, uv_loop_t *loop, size_t threads,
                      struct pawl_jobs *lender, bool ahead) {
    *jobs = (struct pawl_jobs){.lender = lender ? lender : jobs, .ahead = ahead};
    pawl__link_init(&jobs->waiting);
    pawl__link_init(&jobs->finished);
    int rc = uv_mutex_init(&jobs->mutex);
    if (rc) return rc;
    if ((rc = uv_cond_init(&jobs->wake))) goto fail_mutex;
    if (threads && !(jobs->threads = calloc(threads, sizeof *jobs->threads))) rc = UV_ENOMEM;
    while (!rc && jobs->thread_count < threads) {
        rc = uv_thread_create(&jobs->threads[jobs->thread_count], jobs_main, jobs);
        if (!rc) jobs->thread_count++;
    }
    // Last, as to close it takes the loop. The threads have no use for it before their first job.
    if (!rc && loop) rc = uv_async_init(loop, &jobs->async, jobs_on_async);
    if (rc) goto fail_threads;
    jobs->open = loop;
    return 0;
fail_threads:
    jobs_end(jobs);
    uv_cond_destroy(&jobs->wake);
fail_mutex:
    uv_mutex_destroy(&jobs->mutex);
    return rc;
}

int pawl__jobs_start(struct pawl_jobs *jobs, uv_loop_t *loop, size_t threads) {
    return jobs_start(jobs, loop, threads, NULL, false);
}

int pawl__jobs_borrow(struct pawl_jobs *jobs, uv_loop_t *loop, struct pawl_jobs *lender) {
    return jobs_start(jobs, loop, 0, lender, false);
}

int pawl__jobs_start_lender(struct pawl_jobs *jobs, size_t threads, bool ahead) {
    return jobs_start(jobs, NULL, threads, NULL, ahead);
}

void pawl__jobs_end_lender(struct pawl_jobs *jobs) {
    jobs_end(jobs);
    uv_cond_destroy(&jobs->wake);
    uv_mutex_destroy(&jobs->mutex);
}

void pawl__jobs_submit_all(struct pawl_jobs *jobs, struct pawl_link *list) {
    struct pawl_jobs *lender = jobs->lender;
    PAWL_LIST_EACH(struct pawl_job, job, list, link) {
        job->home = jobs;
        jobs->out++;
    }
    uv_mutex_lock(&lender->mutex);
    pawl__list_move(&lender->waiting, list);
    jobs_unlock_and_wake(lender);
}

void pawl__jobs_submit(struct pawl_jobs *jobs, struct pawl_job *job) {
    struct pawl_link list;
    pawl__link_init(&list);
    pawl__link_init(&job->link);
    pawl__list_add(&list, &job->link);
    pawl__jobs_submit_all(jobs, &list);
}

void pawl__jobs_post(struct pawl_jobs *jobs, struct pawl_job *job) {
    job->run = NULL;
    pawl__link_init(&job->link);
    jobs_finish(jobs, job);
}

void pawl__jobs_drop(struct pawl_jobs *jobs, struct pawl_link *list) {
    struct pawl_jobs *lender = jobs->lender;
    uv_mutex_lock(&lender->mutex);
    PAWL_LIST_EACH_SAFE(struct pawl_job, job, &lender->waiting, link) {
        if (job->home != jobs) continue;
        pawl__list_remove(&job->link);
        pawl__list_add(list, &job->link);
        jobs->out--;
    }
    uv_mutex_unlock(&lender->mutex);
}

static void jobs_on_close(uv_handle_t *handle) {
    struct pawl_jobs *jobs = PAWL_CONTAINER(handle, struct pawl_jobs, async);
    uv_cond_destroy(&jobs->wake);
    uv_mutex_destroy(&jobs->mutex);
    jobs->open = false;
    jobs->closed(jobs->arg);
}

static void jobs_check_stopped(struct pawl_jobs *jobs) {
    uv_handle_t *async = (uv_handle_t *)&jobs->async;
    if (jobs->closed && !jobs->out && !uv_is_closing(async)) uv_close(async, jobs_on_close);
}

void pawl__jobs_stop(struct pawl_jobs *jobs, void (*closed)(void *arg), void *arg) {
    jobs->closed = closed;
    jobs->arg = arg;
    jobs_end(jobs);
    jobs_on_async(&jobs->async); // the last jobs' done calls
}
