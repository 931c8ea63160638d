#ifndef PAWL_RUNTIME_RUNTIME_H
#define PAWL_RUNTIME_RUNTIME_H

// Runs the shard of one app on an event loop: joins engine, store and clock, gives work to workers,
// and answers callers once the log holds what they asked for.
//
// Everything here belongs to the loop's thread.

#include "base/log.h"
#include "engine/shard.h"
#include "runtime/storage.h"

struct pawl_runtime;

// Nanoseconds from the end of a workflow to its purge, by how it ended; 0: it is never purged.
struct pawl_retention {
    int64_t completed, failed, terminated, canceled;
};

struct pawl_runtime_options {
    const char *app_id;
    const char *namespace;
    size_t max_message; // bytes of a work item; an instance whose turn would pass 95 % of it stalls
    size_t max_turns;   // turns in flight; 0: no limit
    size_t max_activities;       // activities in flight; 0: no limit
    int64_t checkpoint_interval; // nanoseconds between checkpoints of changed instances; 0: 5 s
    size_t checkpoint_bytes;     // of log that make a checkpoint due sooner; 0: 4 MiB
    struct pawl_retention retention;
    struct pawl_observer *observer; // of what workflows do; NULL: none
    const struct pawl_log *log;
    // Called when the runtime begins or ceases to serve, with the reason when it ceases.
    void (*on_ready)(void *arg, bool ready, const struct pawl_error *reason);
    void *arg;
};

// Begins to take the app's shard in |storage|, which must outlive the runtime. The shard may be
// held by another daemon: the runtime then keeps trying, and calls answer PAWL_E_UNAVAILABLE
// meanwhile.
enum pawl_err pawl__runtime_create(struct pawl_storage *storage,
                                   const struct pawl_runtime_options *options,
                                   struct pawl_runtime **out, struct pawl_error *error);

// Answers all open calls with PAWL_E_UNAVAILABLE, writes what is not yet written (snapshots too, so
// that the next start is quick), releases the shard, frees the runtime, and calls |closed|.
void pawl__runtime_close(struct pawl_runtime *runtime, void (*closed)(void *arg), void *arg);

bool pawl__runtime_ready(const struct pawl_runtime *runtime);

// --- calls of clients ---------------------------------------------------------------------------

// What is told of an instance.
struct pawl_view {
    struct pawl_str id, name;
    bool exists;
    int32_t status; // OrchestrationStatus
    int64_t created_at, updated_at, started_at, completed_at;
    const char *version; // NULL: none
    struct pawl_str custom_status;
    bool has_custom_status;
    Google__Protobuf__StringValue *input, *output; // NULL: none
    Pb__TaskFailureDetails *failure;
    const char *parent_id, *parent_app; // NULL: no parent
};

enum pawl_wait {
    PAWL_WAIT_STARTED,   // it has left PENDING
    PAWL_WAIT_COMPLETED, // COMPLETED, FAILED, TERMINATED or CANCELED
    PAWL_WAIT_SUSPENDED, // or completed, or gone
    PAWL_WAIT_RESUMED,   // or completed, or gone
};

// One call. The caller's memory, with all that it points to, until |done| is called or the call is
// canceled. |done| may be called from inside the function that begins the call.
struct pawl_call {
    struct pawl_str id;       // the instance
    struct pawl_arena *arena; // for the results
    // |error| is NULL when the call succeeded.
    void (*done)(struct pawl_call *call, const struct pawl_error *error);
    void *data;

    struct pawl_view view;   // get and wait
    uint32_t count;          // purge: instances removed
    struct pawl_str history; // history: in |arena|
    struct pawl_str *ids;    // list: terminated, in |arena|
    size_t id_count;

    /* private */
    enum pawl_err (*run)(struct pawl_runtime *runtime, struct pawl_call *call,
                         struct pawl_error *error);
    // Undoes what waits for the call, when it fails before it could run.
    void (*give_up)(struct pawl_runtime *runtime, struct pawl_call *call);
    struct pawl_link link;
    struct pawl_runtime *loading; // what the call needs; NULL: it does not wait for that
    uint64_t position;            // the answer waits for this batch
    bool patient;                 // its answer may wait for what comes next
    bool waiting;
    enum pawl_wait wait_for;
    bool flag, force;
    Pb__ExecutionStartedEvent *start;
    const Pb__WorkflowResponse *turn;
    const Pb__ActivityResponse *activity;
    struct pawl_str bytes;
    Pb__HistoryEvent event;
    struct pawl_str after;
    size_t max;
    struct pawl_error error; // at the end, as it is not cleared
};

// |done| is called when the call on instance |id| is over; results are put into |arena|.
static inline void
pawl__call_init(struct pawl_call *call, struct pawl_str id, struct pawl_arena *arena,
                void (*done)(struct pawl_call *call, const struct pawl_error *error)) {
    memset(call, 0, offsetof(struct pawl_call, error));
    call->id = id;
    call->arena = arena;
    call->done = done;
    call->error.code = PAWL_OK;
    call->error.text[0] = 0;
}

// Starts the instance |call->id|. |start| names the workflow and its input.
void pawl__runtime_start(struct pawl_runtime *runtime, struct pawl_call *call,
                         Pb__ExecutionStartedEvent *start, bool enforce_unique);

// Fills |view|; an unknown id is no error (!view.exists).
void pawl__runtime_get(struct pawl_runtime *runtime, struct pawl_call *call);

// Waits, and fills |view|. An unknown id is waited for.
void pawl__runtime_wait(struct pawl_runtime *runtime, struct pawl_call *call,
                        enum pawl_wait wait_for);

// Fills |history| with the instance's committed events, encoded as src/engine/history.h says. What
// waits to be processed is not among them. PAWL_E_NOT_FOUND.
void pawl__runtime_history(struct pawl_runtime *runtime, struct pawl_call *call);

// Fills |ids| with the first |max| (not 0) ids after |after|, in the order of their bytes: all
// instances that there are at one moment. |after| is the caller's, as |call| is; empty: from the
// beginning. |call->id| is not looked at.
void pawl__runtime_list(struct pawl_runtime *runtime, struct pawl_call *call, struct pawl_str after,
                        size_t max);

void pawl__runtime_raise(struct pawl_runtime *runtime, struct pawl_call *call,
                         Pb__EventRaisedEvent *event);
void pawl__runtime_suspend(struct pawl_runtime *runtime, struct pawl_call *call,
                           Pb__ExecutionSuspendedEvent *event);
void pawl__runtime_resume(struct pawl_runtime *runtime, struct pawl_call *call,
                          Pb__ExecutionResumedEvent *event);
void pawl__runtime_terminate(struct pawl_runtime *runtime, struct pawl_call *call,
                             Pb__ExecutionTerminatedEvent *event);
void pawl__runtime_purge(struct pawl_runtime *runtime, struct pawl_call *call, bool recursive,
                         bool force);

// Forgets a call whose |done| was not called. What it asked for may happen all the same.
void pawl__runtime_cancel(struct pawl_call *call);

// --- workers ------------------------------------------------------------------------------------

// One stream of work items. The caller's memory, from attach to detach.
struct pawl_worker {
    // Takes an encoded WorkItem; copies what it keeps. False: the worker is as good as gone, and
    // the item is offered elsewhere.
    bool (*deliver)(struct pawl_worker *worker, struct pawl_str item);
    // The runtime has lost its state and what the worker works on with it: the stream should be
    // ended, and the worker detached, so that the worker connects anew.
    void (*reset)(struct pawl_worker *worker);
    // Whether the worker has the workflow (|turn|) or activity |name|. NULL: it does not say, and
    // is given what no worker that says has. Must stay the same while the worker is attached.
    bool (*serves)(const struct pawl_worker *worker, bool turn, struct pawl_str name);
    size_t limit; // most items in flight; 0: no limit
    // It keeps the history events that it is given: of an instance that it had before it is given
    // only what came after them (WORKER_CAPABILITY_STATEFUL_HISTORY), and asks for the rest with
    // pawl__runtime_history if it has them no longer.
    bool keeps_history;
    bool paused; // set while what was delivered has not been taken; see pawl__runtime_resume_worker
    void *data;

    /* private */
    struct pawl_link link, items;
    size_t in_flight;
    uint64_t number; // no other has, or had, the same
};

void pawl__runtime_attach(struct pawl_runtime *runtime, struct pawl_worker *worker);

// What the worker had in hand is offered to others.
void pawl__runtime_detach(struct pawl_runtime *runtime, struct pawl_worker *worker);

// |paused| is no longer set, or |limit| has changed.
void pawl__runtime_worker_ready(struct pawl_runtime *runtime, struct pawl_worker *worker);

size_t pawl__runtime_worker_count(const struct pawl_runtime *runtime);

// A worker's results. Done once the log holds them; late, unknown and superseded ones are PAWL_OK.
// |call->id| is the response's instance id. |bytes| is the encoded |response|.
void pawl__runtime_complete_turn(struct pawl_runtime *runtime, struct pawl_call *call,
                                 const Pb__WorkflowResponse *response, struct pawl_str bytes);
void pawl__runtime_complete_activity(struct pawl_runtime *runtime, struct pawl_call *call,
                                     const Pb__ActivityResponse *response);

#endif
