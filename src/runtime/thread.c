#include "runtime/thread.h"

static void thread_main(void *arg) {
    struct pawl_thread *thread = arg;
    uv_mutex_lock(&thread->mutex);
    for (;;) {
        struct pawl_link *link = pawl__list_take(&thread->waiting);
        if (!link) {
            if (thread->stop) break;
            uv_cond_wait(&thread->wake, &thread->mutex);
            continue;
        }
        uv_mutex_unlock(&thread->mutex);
        struct pawl_job *job = PAWL_CONTAINER(link, struct pawl_job, link);
        job->run(job);
        uv_mutex_lock(&thread->mutex);
        pawl__list_add(&thread->finished, link);
        uv_async_send(&thread->async);
    }
    uv_mutex_unlock(&thread->mutex);
}

static void thread_on_async(uv_async_t *async) {
    struct pawl_thread *thread = PAWL_CONTAINER(async, struct pawl_thread, async);
    struct pawl_link finished;
    pawl__link_init(&finished);
    uv_mutex_lock(&thread->mutex);
    pawl__list_move(&finished, &thread->finished);
    uv_mutex_unlock(&thread->mutex);
    for (struct pawl_link *link; (link = pawl__list_take(&finished));) {
        struct pawl_job *job = PAWL_CONTAINER(link, struct pawl_job, link);
        thread->out--;
        job->done(job);
    }
}

static void thread_end(struct pawl_thread *thread) {
    uv_mutex_lock(&thread->mutex);
    thread->stop = true;
    uv_cond_signal(&thread->wake);
    uv_mutex_unlock(&thread->mutex);
    uv_thread_join(&thread->thread);
}

int pawl__thread_start(struct pawl_thread *thread, uv_loop_t *loop) {
    *thread = (struct pawl_thread){0};
    pawl__link_init(&thread->waiting);
    pawl__link_init(&thread->finished);
    int rc = uv_mutex_init(&thread->mutex);
    if (rc) return rc;
    if ((rc = uv_cond_init(&thread->wake))) goto fail_mutex;
    if ((rc = uv_thread_create(&thread->thread, thread_main, thread))) goto fail_cond;
    // Last, as to close it takes the loop. The thread has no use for it before its first job.
    if ((rc = uv_async_init(loop, &thread->async, thread_on_async))) goto fail_thread;
    thread->open = true;
    return 0;
fail_thread:
    thread_end(thread);
fail_cond:
    uv_cond_destroy(&thread->wake);
fail_mutex:
    uv_mutex_destroy(&thread->mutex);
    return rc;
}

void pawl__thread_submit(struct pawl_thread *thread, struct pawl_job *job) {
    thread->out++;
    uv_mutex_lock(&thread->mutex);
    pawl__link_init(&job->link);
    pawl__list_add(&thread->waiting, &job->link);
    uv_cond_signal(&thread->wake);
    uv_mutex_unlock(&thread->mutex);
}

static void thread_on_close(uv_handle_t *handle) {
    struct pawl_thread *thread = PAWL_CONTAINER(handle, struct pawl_thread, async);
    uv_cond_destroy(&thread->wake);
    uv_mutex_destroy(&thread->mutex);
    thread->open = false;
    thread->closed(thread->arg);
}

void pawl__thread_stop(struct pawl_thread *thread, void (*closed)(void *arg), void *arg) {
    thread->closed = closed;
    thread->arg = arg;
    thread_end(thread);
    thread_on_async(&thread->async); // the last jobs' done calls
    uv_close((uv_handle_t *)&thread->async, thread_on_close);
}
