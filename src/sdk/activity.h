#ifndef PAWL_SDK_ACTIVITY_H
#define PAWL_SDK_ACTIVITY_H

// Activities run on threads of their own, where they may block; quick ones on the loop's.

#include <pawl.h>
#include <pthread.h>
#include <stdatomic.h>

#include "base/arena.h"
#include "base/list.h"
#include "orchestrator_service.pb-c.h"
#include "sdk/registry.h"

struct pawl_activity_pool {
    pthread_mutex_t mutex;
    pthread_cond_t wake;
    pthread_t *threads;
    size_t thread_count;
    struct pawl_link waiting, finished; // pawl_activity_run::link
    size_t running;                     // taken by a thread, and not yet in |finished|
    size_t idle;                        // threads that wait
    bool waking;                        // one of them was signaled, and has not looked yet
    atomic_bool canceled;               // the program is closing
    bool stop;
    void (*notify)(void *arg); // on a thread: there is something in |finished|
    void *arg;
};

// One run of an activity. Made and freed by the loop's thread.
struct pawl_activity_run {
    struct pawl_activity activity; // what the function sees
    struct pawl_link link;
    struct pawl_arena arena; // the request, and what the function makes
    struct pawl_activity_pool *pool;
    const struct pawl_activity_entry *entry;
    char *token;
    bool is_final, is_later;
    enum pawl_err err;
    struct pawl_text result;
    const char *failure_type, *failure_message;
    struct pawl_activity_deferred *deferred;
};

// 0, or an errno when a thread cannot be started.
int pawl__activity_pool_init(struct pawl_activity_pool *pool, size_t threads,
                             void (*notify)(void *arg), void *arg);

// Runs of |list| are taken over, and come back by pawl__activity_pool_take.
void pawl__activity_pool_add(struct pawl_activity_pool *pool, struct pawl_link *list);
void pawl__activity_pool_take(struct pawl_activity_pool *pool, struct pawl_link *finished);

// Sets the cancel flag, and moves the runs that have not begun to |dropped|.
void pawl__activity_pool_cancel(struct pawl_activity_pool *pool, struct pawl_link *dropped);

// Whether no run is on a thread or in |finished|.
bool pawl__activity_pool_is_idle(struct pawl_activity_pool *pool);

// The activity that |pool| runs on this thread; NULL: none.
const struct pawl_activity *pawl__activity_current(const struct pawl_activity_pool *pool);

// The pool is idle. Ends the threads.
void pawl__activity_pool_finish(struct pawl_activity_pool *pool);

// A run for a request, which is taken over with its arena: the run ends with that. NULL when memory
// is out.
struct pawl_activity_run *pawl__activity_run_create(struct pawl_arena *arena,
                                                    const Pb__ActivityRequest *request,
                                                    struct pawl_str token);

// Calls the function.
void pawl__activity_execute(struct pawl_activity_run *run);

// The message that completes |run|, in its arena. NULL when memory is out.
Pb__ActivityResponse *pawl__activity_run_answer(struct pawl_activity_run *run);

// The same for an activity that was told to be completed later. False: |token| is none.
bool pawl__activity_token_read(struct pawl_arena *arena, const char *token,
                               Pb__ActivityResponse *out);

#endif
