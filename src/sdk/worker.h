#ifndef PAWL_SDK_WORKER_H
#define PAWL_SDK_WORKER_H

// Takes work items from a transport. Turns and quick activities run on the loop's thread, other
// activities on threads of a pool.
//
// A workflow that has run stays warm (warm.h), and its next turn feeds it only the new events.
// Others are replayed. So the engine sends only the events that it has not sent before; the worker
// asks for the rest when it has to replay.

#include "sdk/activity.h"
#include "sdk/execution.h"
#include "sdk/transport.h"
#include "sdk/warm.h"

struct pawl_sdk_worker {
    struct pawl_execution_host host;
    struct pawl_watch watch;
    struct pawl_activity_pool pool;
    struct pawl_transport *transport;
    struct pawl *pawl;
    const struct pawl_log *log;
    Pb__GetWorkItemsRequest ask; // the names in the registry

    struct pawl_warm_set warm;
    struct pawl_arena_pool arenas; // of answers and activities
    struct pawl_link items;        // came, and were not yet looked at
    uv_idle_t idle;                // looks at them in the next round of the loop
    uv_timer_t again;              // asks for all work anew, after memory ran out
    size_t answers;                // not yet acknowledged, and histories that were asked for
    bool working, resting;
    bool in_quick; // a quick activity's function has been called
    bool lost;     // an answer could not be recorded while resting
    int handles;
    void (*rested)(void *arg);
    void *arg;
};

struct pawl_sdk_worker_options {
    uv_loop_t *loop;
    struct pawl_transport *transport;
    struct pawl *pawl;
    const struct pawl_registry *registry; // which does not change any more
    const struct pawl_log *log;
    struct pawl_jobs *lender; // threads for activities, shared with other loops; NULL: its own
    size_t activity_threads, stack_size, warm_workflows;
    int64_t blocked_after;
};

// Begins to work. |worker| is zero.
enum pawl_err pawl__worker_start(struct pawl_sdk_worker *worker,
                                 const struct pawl_sdk_worker_options *options,
                                 struct pawl_error *error);

// For the transport's owner: takes an item.
void pawl__worker_take(struct pawl_sdk_worker *worker, struct pawl_str item);

// Takes no more items, tells activities to end, and calls |rested| once their answers are
// acknowledged. Nothing of the worker is then left on the loop.
void pawl__worker_rest(struct pawl_sdk_worker *worker, void (*rested)(void *arg), void *arg);

// Frees the worker's memory. The worker need not have been started.
void pawl__worker_finish(struct pawl_sdk_worker *worker);

#endif
