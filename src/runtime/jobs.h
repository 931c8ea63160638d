#ifndef PAWL_RUNTIME_JOBS_H
#define PAWL_RUNTIME_JOBS_H

// Blocking jobs for a loop that must not block: on one thread in the order in which they come, or
// on several.
//
//   submit ──► waiting ──► [threads: run] ──► finished ──► [loop: done]
//   post (from any thread) ──────────────────────┘
//
// Without threads it is how others reach the loop. Several loops may share threads: each submits to
// its own jobs, which borrow them.

#include <stdatomic.h>
#include <uv.h>

#include "base/list.h"

// A job's memory is the caller's, and stays until |done| was called.
struct pawl_job {
    void (*run)(struct pawl_job *job);  // on a thread; of a posted job it is not called
    void (*done)(struct pawl_job *job); // on the loop, in the order in which they finished
    struct pawl_link link;
    struct pawl_jobs *home; // where |done| is called
};

struct pawl_jobs {
    uv_mutex_t mutex;
    uv_cond_t wake;
    uv_async_t async;
    struct pawl_jobs *lender; // whose threads it has; itself: its own
    uv_thread_t *threads;
    size_t thread_count;
    struct pawl_link waiting, finished;
    size_t idle; // threads that wait
    bool waking; // one of them was signaled, and has not looked yet
    size_t out;  // jobs that were submitted and are not yet done
    bool stop, open;
    bool ahead;           // the threads are to be; see pawl__jobs_start_lender
    atomic_bool is_ahead; // the system has let them
    void (*closed)(void *arg);
    void *arg;
};

// Starts the threads; 0, or a libuv error, and then nothing of it is left.
int pawl__jobs_start(struct pawl_jobs *jobs, uv_loop_t *loop, size_t threads);

// Begins to use the threads of |lender|, which outlives it; the same.
int pawl__jobs_borrow(struct pawl_jobs *jobs, uv_loop_t *loop, struct pawl_jobs *lender);

// Threads to be borrowed, which have no loop. To be ended when nobody borrows them any more.
// |ahead|: others wait for what they do, so they get a processor before other threads, if the
// system allows the process that (CAP_SYS_NICE). Otherwise they take their turn.
int pawl__jobs_start_lender(struct pawl_jobs *jobs, size_t threads, bool ahead);
void pawl__jobs_end_lender(struct pawl_jobs *jobs);

// Gives a job, or all of |list|, to the threads. On the loop.
void pawl__jobs_submit(struct pawl_jobs *jobs, struct pawl_job *job);
void pawl__jobs_submit_all(struct pawl_jobs *jobs, struct pawl_link *list);

// Has |job->done| called on the loop, soon. On any thread.
void pawl__jobs_post(struct pawl_jobs *jobs, struct pawl_job *job);

// Moves the jobs that no thread has begun to |list|: they are the caller's again.
void pawl__jobs_drop(struct pawl_jobs *jobs, struct pawl_link *list);

// Waits for all jobs to run, ends the threads, and calls |closed| on the loop after the last job's
// |done|. Nothing may be submitted or posted any more. Where threads are borrowed it returns before
// the jobs have run.
void pawl__jobs_stop(struct pawl_jobs *jobs, void (*closed)(void *arg), void *arg);

#endif
