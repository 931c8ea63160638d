#ifndef PAWL_RUNTIME_TEND_H
#define PAWL_RUNTIME_TEND_H

// A store's housekeeping (|tend| in store.h), on its writer's thread, between commits: every 200 ms
// while the store is written to, once a second otherwise, and at once when a commit has left so
// much to do that it should not wait. Those who waited for that commit are told before.

#include <uv.h>

#include "base/log.h"
#include "runtime/jobs.h"
#include "store/store.h"

struct pawl_tend {
    struct pawl_store *store;
    struct pawl_jobs *writer;
    const struct pawl_log *log;
    void (*ended)(struct pawl_tend *tend); // |running| no longer holds
    uv_timer_t timer;
    struct pawl_job job;
    bool running;
    struct pawl_error error;  // the writer's thread's while |running|
    struct pawl_error failed; // why it went wrong the last time, if it did
    int64_t failing_since;    // steady; 0: it goes well
    bool busy;                // a commit was done since it last began
    unsigned ticks;
};

// The caller closes |timer|, while it does not run.
void pawl__tend_init(struct pawl_tend *tend, uv_loop_t *loop, struct pawl_store *store,
                     struct pawl_jobs *writer, const struct pawl_log *log,
                     void (*ended)(struct pawl_tend *tend));

// A commit was done; what it wants done soon (|store->due|) is asked for.
void pawl__tend_note(struct pawl_tend *tend);

#endif
