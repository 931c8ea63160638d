#ifndef PAWL_SDK_EXECUTION_H
#define PAWL_SDK_EXECUTION_H

// One run of a workflow function: history events in, actions out. No thread, clock or socket.
//
//     events ──► feed ──► tasks are done ──► the function goes on ──► actions ──► answer
//                  ▲                                                     │
//                  └────────── confirmed by the history of the ◄─────────┘
//                              next turn, in the same order
//
// An action has a sequence number, which the events of the history name. When the function is run
// again it must ask for the same actions in the same order; feed compares them. The rules are those
// of the reference, 3.5 to 3.10.

#include <pawl.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/list.h"
#include "base/log.h"
#include "orchestrator_service.pb-c.h"
#include "sdk/coro.h"
#include "sdk/events.h"
#include "sdk/patch.h"
#include "sdk/registry.h"
#include "sdk/watch.h"

// What executions share.
struct pawl_execution_host {
    struct pawl_coro_pool coros;
    const struct pawl_registry *registry;
    struct pawl_watch *watch; // NULL: nobody looks how long they run
    const struct pawl_log *log;
};

enum pawl_task_kind {
    PAWL_TASK_ACTIVITY,
    PAWL_TASK_CHILD,
    PAWL_TASK_TIMER,
    PAWL_TASK_EVENT,
};

struct pawl_task {
    struct pawl_workflow *wf;
    enum pawl_task_kind kind;
    int32_t id; // sequence number of the action it waits for; -1: none
    bool done;
    bool awaited; // the function waits for it, and it is counted in |wf->missing|
    enum pawl_err err;
    struct pawl_text result;
    const struct pawl_failure *failure;
    const char *name;
    struct pawl_link link; // of an event: its wait in |wf->events|

    // What an attempt is made of, for the next one.
    struct pawl_text input;
    const char *app_id, *instance_id;
    enum pawl_pass pass;
    char *execution_id; // the first attempt's task execution id, or instance id of a child
    struct pawl_retry retry;
    int attempt;
    int64_t first_at;
    bool resting; // between two attempts: |id| is a timer's
};

struct pawl_action {
    struct pawl_link link;
    bool optional; // the timer of a wait without a limit: see confirm.c
    Pb__WorkflowAction message;
};

struct pawl_deferred {
    struct pawl_deferred *next;
    void (*function)(void *arg);
    void *arg;
};

struct pawl_workflow {
    struct pawl_execution_host *host;
    struct pawl_arena arena; // all below, as long as the stack lives
    char *id, *execution_id, *name;
    const struct pawl_workflow_entry *entry;
    struct pawl_coro *coro; // NULL: not begun, or ended
    struct pawl_deferred *deferred;

    struct pawl_text input, output, custom_status, next_input;
    int64_t now;
    bool replaying, suspended, was_suspended;
    bool completed;   // it has given its last action, |completion|
    bool continuing;  // as new, with |next_input|
    bool keep_events; // then
    bool nomem;       // the turn has to be done again
    bool unavailable; // the code for this history is not here; |why| says what is wrong
    bool ended;       // the history has its end
    char why[512];
    Pb__CompleteWorkflowAction *completion;
    uint64_t random, ids; // states of two generators

    int32_t next_id;    // the next sequence number
    int32_t rerun_from; // the last turn ends at this event, which is run again; -1: it does not
    struct pawl_link actions; // pawl_action::link: not yet seen in the history
    struct pawl_task **tasks; // by sequence number; NULL: none
    int32_t task_cap;

    struct pawl_events events;
    struct pawl_link held; // pawl_event::link: came while suspended

    size_t missing; // tasks that have to be done before the function goes on; 0: it does not wait

    struct pawl_str propagated;       // a PropagatedHistory that came with the turn; empty: none
    const struct pawl_caller *caller; // made of it when it is first asked for
    bool has_caller;                  // it was

    const char *version; // in use; NULL: none
    struct pawl_patches patches;

    const struct pawl_failure *failed; // by pawl_fail
    const struct pawl_task *last;      // the task whose error was seen last
};

// The workflow that runs on this thread; NULL: none.
struct pawl_workflow *pawl__execution_current(void);

// NULL when memory is out.
struct pawl_workflow *pawl__execution_create(struct pawl_execution_host *host, struct pawl_str id,
                                             struct pawl_str execution_id);

// Accepts NULL. Drops the stack, and calls what was deferred.
void pawl__execution_destroy(struct pawl_workflow *wf);

// Takes the next event, which lives in |wf->arena|. |past|: an earlier turn has processed it, so
// its actions are already in the history. When it sets |wf->nomem| or |wf->unavailable|, nothing
// more may be fed.
void pawl__execution_feed(struct pawl_workflow *wf, const Pb__HistoryEvent *event, bool past);

// encoded.c: the same for an event as it is encoded. False, and nothing is done, when it has to be
// decoded for that.
bool pawl__execution_feed_encoded(struct pawl_workflow *wf, struct pawl_str event, bool past);

// confirm.c: call it after the last event of the past: the code must not have asked for more
// actions than the past holds.
void pawl__execution_check_past(struct pawl_workflow *wf);

// The actions to answer with, in |arena|. False when memory is out.
bool pawl__execution_answer(struct pawl_workflow *wf, struct pawl_arena *arena,
                            Pb__WorkflowResponse *out);

// --- for the functions of pawl.h that workflows call ---------------------------------------------

// Whether |what| is called from within the function of |wf|; if not, sets the error.
bool pawl__execution_is_inside(const struct pawl_workflow *wf, const char *what);

// Notes that memory is out, so that the turn is done again. Gives PAWL_E_NOMEM.
enum pawl_err pawl__execution_nomem(struct pawl_workflow *wf);

// action.c: a new action with the next sequence number; the caller fills the rest. NULL when memory
// is out (noted).
struct pawl_action *pawl__execution_act(struct pawl_workflow *wf);

// Routes |message| to the app |app_id|, which outlives it; NULL: this app. False: memory is out.
bool pawl__execution_route(struct pawl_workflow *wf, Pb__WorkflowAction *message,
                           const char *app_id);

// Makes |task| the one that the action |id| resolves.
bool pawl__execution_bind(struct pawl_workflow *wf, struct pawl_task *task, int32_t id);

// attempt.c: asks for the next attempt of an activity or child. False when memory is out (noted).
bool pawl__execution_attempt(struct pawl_workflow *wf, struct pawl_task *task);

// After a failed attempt: starts the timer of the next one. False: there is no further attempt.
bool pawl__execution_retry(struct pawl_workflow *wf, struct pawl_task *task);

// confirm.c: the history has the action |event->eventid|, so the code must have asked for it.
void pawl__execution_confirm(struct pawl_workflow *wf, const Pb__HistoryEvent *event);

// Waits until all of the tasks are done (|all|), or one of them.
void pawl__execution_park(struct pawl_workflow *wf, struct pawl_task *const *tasks, size_t count,
                          bool all);

void pawl__execution_uuid(uint64_t *state, char out[PAWL_UUID_TEXT]);
uint64_t pawl__execution_random(uint64_t *state);

#endif
