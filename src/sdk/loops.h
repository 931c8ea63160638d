#ifndef PAWL_SDK_LOOPS_H
#define PAWL_SDK_LOOPS_H

// struct pawl: its loops, each with its thread and what lives on that.
//
//   pawl.h ──► the loop of the instance's shard: inbox ──► transport ──► node ──► storage
//                                                              └──► worker
//
// Loops share only the registry, which does not change once work has begun, and the store of the
// embedded transports (embedded.c). A call that names an instance goes to the loop of its shard;
// a start that leaves the id to a loop, to one after the other; any other call, to the first loop.

#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>

#include "sdk/worker.h"

// A flag that one thread sets and another waits for.
struct pawl_done {
    sem_t sem;
    atomic_bool is_set;
};

static inline void pawl__done_init(struct pawl_done *done) {
    sem_init(&done->sem, 0, 0);
    atomic_init(&done->is_set, false);
}

static inline void pawl__done_set(struct pawl_done *done) {
    atomic_store(&done->is_set, true);
    sem_post(&done->sem); // the last access: the waiter may free it
}

// A loop.
struct pawl_loop {
    struct pawl *pawl;
    uv_loop_t uv;
    struct pawl_jobs inbox;           // what other threads have for the loop
    pthread_t thread;                 // its own, or the program's
    bool has_thread;                  // of its own
    struct pawl_transport *transport; // NULL: it is closed
    struct pawl_sdk_worker worker;
    struct pawl_link waits; // pawl_client_call::link, which end when the handle closes
    uv_timer_t again;       // call.c: waits that found nobody are asked for again
    bool closing;
    struct pawl_job close, work;
    struct pawl_error error;  // of |work|
    bool is_ready;            // was once; guarded by the handle's mutex, as the next
    struct pawl_error reason; // why it is not ready
};

struct pawl {
    struct pawl_loop *loops;
    size_t count;
    uint32_t shards; // of the app; what is spread over loops when that is not known
    bool is_driven;
    pthread_mutex_t mutex;
    atomic_size_t started;   // calls that went to the next loop
    atomic_bool names;       // the daemon draws no ids: it is no Pawl, or an earlier one
    atomic_bool waits;       // it is answered only once a worker has carried a command out
    size_t unready;          // loops that were never ready
    struct pawl_done ready;  // once all were
    struct pawl_done worked; // pawl_work has been carried out by all loops
    atomic_size_t starting;  // loops that have yet to
    struct pawl_log log;
    struct pawl_registry registry;
    struct pawl_jobs threads; // for activities of all loops, once there are; if there are several
    bool has_threads;
    struct pawl_sdk_worker_options worker_options;
    bool begun;   // a loop works: nothing may be added to |registry|
    bool working; // all do
    // Calls are given up once a signal's handler has set it: PAWL_E_CANCELED. NULL: they go on.
    const volatile sig_atomic_t *stopped;
};

// The loop that has the instance |id|; NULL: the first.
struct pawl_loop *pawl__handle_loop(struct pawl *pawl, const char *id);

// One loop after the other.
struct pawl_loop *pawl__handle_next_loop(struct pawl *pawl);

// Fails with PAWL_E_PRECONDITION within a workflow, or on a loop's own thread.
enum pawl_err pawl__handle_check(const struct pawl *pawl, const char *what);

// Waits for |done| to be set; |until|: by the steady clock; false when it has passed.
bool pawl__handle_wait(struct pawl *pawl, struct pawl_done *done, int64_t until);

#endif
