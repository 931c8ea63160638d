#ifndef PAWL_ENGINE_TURN_H
#define PAWL_ENGINE_TURN_H

// What the files that apply a turn share. Each calls only those to its right:
//
//     turn ──┬► stall ──────────────────────────┬► turn_add
//            └► continue ──► actions ──► end ───┘
//
// turn.c goes through the turn, stall.c looks whether the code can go on with the history,
// actions.c does what the answer asks for, end.c ends the execution, continue.c puts another in its
// place.
//
// The order of steps, and what wins over what, is that of the reference (3.3 One turn, 3.4
// Actions).

#include "engine/apply.h"
#include "engine/events.h"
#include "engine/trace.h"

#define STATUS(name) PB__ORCHESTRATION_STATUS__ORCHESTRATION_STATUS_##name
#define EVENT(name)  PB__HISTORY_EVENT__EVENT_TYPE_##name
#define ACTION(name) PB__WORKFLOW_ACTION__WORKFLOW_ACTION_TYPE_##name

struct pawl_turn {
    struct pawl_instance *instance;
    const char *app_id;
    const Plog__Turn *record;
    const Pb__WorkflowResponse *response;
    struct pawl_arena *arena;
    struct pawl_outcome *outcome;
    Pb__ExecutionStartedEvent *start; // its parent and trace context only
    struct pawl_trace trace;          // the workflow's own span, if it |is_traced|
    bool is_traced;
    Pb__TraceContext *context; // for what it schedules; NULL: none
    size_t absorbed;           // bytes of the inbox that the turn saw
    bool terminated;           // an ExecutionTerminated was among them
    char *terminate_reason;

    // What takes the place of what the instance has, once all the rest is done.
    struct pawl_buf custom_status;
    struct pawl_history next;   // the inbox of the next generation
    char *execution_id;         // of the next generation
    struct pawl_buf propagated; // to it
    bool continues;
    struct pawl_pending *removed; // in |arena|: to be put back when the turn is undone
    int32_t *added;
    size_t removed_count, added_count;
};

// Reads what turns need of the event that began the execution: not its input, which may be large.
enum pawl_err pawl__turn_read_start(struct pawl_turn *turn);

// --- turn_add.c ---------------------------------------------------------------------------------

// An event of |type| with |id|, at the turn's time. NULL: memory is out.
Pb__HistoryEvent *pawl__turn_event(struct pawl_turn *turn, Pb__HistoryEvent__EventTypeCase type,
                                   int32_t id);

// Appends |event| to the history; the second one as something that is now pending.
enum pawl_err pawl__turn_add(struct pawl_turn *turn, const Pb__HistoryEvent *event);
enum pawl_err pawl__turn_add_pending(struct pawl_turn *turn, const Pb__HistoryEvent *event,
                                     enum pawl_pending_kind kind, int64_t fire_at);

// Takes |item| from the pending ones, and keeps it for |turn->removed|.
void pawl__turn_resolve(struct pawl_turn *turn, struct pawl_pending *item);

// Sends a message. |app|: of the target; NULL: this one. |task|: see pawl_message.task.
enum pawl_err pawl__turn_send(struct pawl_turn *turn, enum pawl_message_kind kind, const char *app,
                              const char *target, int32_t task, Pb__HistoryEvent *event);

// --- actions.c ----------------------------------------------------------------------------------

enum pawl_err pawl__turn_act(struct pawl_turn *turn, const Pb__WorkflowAction *action);

// Sends what |event| asks for on its way: a TaskScheduled or a ChildWorkflowInstanceCreated that is
// in the history.
enum pawl_err pawl__turn_dispatch(struct pawl_turn *turn, const Pb__HistoryEvent *event);

// An action that counts although the workflow continues as new.
enum pawl_err pawl__turn_act_at_end(struct pawl_turn *turn, const Pb__WorkflowAction *action);

// The first event of another execution, which the turn starts. NULL: memory is out.
Pb__HistoryEvent *pawl__turn_start_event(struct pawl_turn *turn, char *id, char *name,
                                         Google__Protobuf__StringValue *input);

// What |send| is to its target. NULL: memory is out.
Pb__HistoryEvent *pawl__turn_raised(struct pawl_turn *turn, const Pb__SendEventAction *send);

// --- end.c --------------------------------------------------------------------------------------

// Completes the instance, if nothing has before.
enum pawl_err pawl__turn_complete(struct pawl_turn *turn, int32_t id, int32_t status,
                                  Google__Protobuf__StringValue *result,
                                  Pb__TaskFailureDetails *failure);

// A recursive terminate goes on to the children that still run.
enum pawl_err pawl__turn_end_children(struct pawl_turn *turn);

// --- continue.c ---------------------------------------------------------------------------------

// The continue-as-new that ends this generation, if the first completion is one.
const Pb__CompleteWorkflowAction *pawl__turn_find_continue(const struct pawl_turn *turn);

// Prepares the next generation; the second one begins it, and cannot fail.
enum pawl_err pawl__turn_continue(struct pawl_turn *turn, const Pb__CompleteWorkflowAction *action);
void pawl__turn_begin_next(struct pawl_turn *turn);

// --- stall.c ------------------------------------------------------------------------------------

// Stalls the instance if this worker's code cannot go on with its history.
enum pawl_err pawl__turn_check_version(struct pawl_turn *turn);

#endif
