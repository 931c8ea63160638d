#ifndef PAWL_RUNTIME_THREAD_H
#define PAWL_RUNTIME_THREAD_H

// A thread that does blocking jobs one after the other, for a loop that must not block.

#include <uv.h>

#include "base/list.h"

// A job's memory is the caller's, and stays until |done| was called.
struct pawl_job {
    void (*run)(struct pawl_job *job);  // on the thread
    void (*done)(struct pawl_job *job); // on the loop, in the order of submission
    struct pawl_link link;
};

struct pawl_thread {
    uv_thread_t thread;
    uv_mutex_t mutex;
    uv_cond_t wake;
    uv_async_t async;
    struct pawl_link waiting, finished;
    size_t out; // jobs that are not yet done
    bool stop, open;
    void (*closed)(void *arg);
    void *arg;
};

// Starts the thread; 0, or a libuv error, and then nothing of it is left.
int pawl__thread_start(struct pawl_thread *thread, uv_loop_t *loop);

void pawl__thread_submit(struct pawl_thread *thread, struct pawl_job *job);

// Waits for all jobs to run, ends the thread, and calls |closed| on the loop after the last job's
// |done|. Nothing may be submitted any more.
void pawl__thread_stop(struct pawl_thread *thread, void (*closed)(void *arg), void *arg);

#endif
