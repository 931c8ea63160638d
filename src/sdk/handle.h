#ifndef PAWL_SDK_HANDLE_H
#define PAWL_SDK_HANDLE_H

// struct pawl: a loop, its thread, and what lives on it.

#include <semaphore.h>
#include <stdatomic.h>

#include "sdk/worker.h"

// Something that one thread waits for, and another says.
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

struct pawl {
    uv_loop_t loop;
    struct pawl_jobs inbox; // what other threads have for the loop
    pthread_t thread;       // the loop's: ours, or the program's own
    bool is_driven;
    pthread_mutex_t mutex;    // of |reason|
    struct pawl_error reason; // why it is not ready
    struct pawl_done ready;   // once it was

    struct pawl_log log;
    struct pawl_transport *transport; // NULL: it is closed
    struct pawl_sdk_worker worker;
    struct pawl_sdk_worker_options worker_options;
    bool working;
    struct pawl_link waits; // pawl_client_call::link, which end when the handle closes
    uv_timer_t again;       // client.c: waits that found nobody are asked for again
    bool closing;
};

// Ends the waits of other threads, and lets no more begin.
void pawl__client_end_waits(struct pawl *pawl);

// Fails with PAWL_E_PRECONDITION within a workflow, or on the loop's own thread.
enum pawl_err pawl__handle_check(const struct pawl *pawl, const char *what);

// Waits for |done| to be set; |until|: by the steady clock; false when it has passed.
bool pawl__handle_wait(struct pawl *pawl, struct pawl_done *done, int64_t until);

#endif
