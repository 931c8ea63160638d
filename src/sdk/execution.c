#include "sdk/execution.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "engine/events.h"
#include "sdk/error.h"
#include "sdk/failure.h"
#include "wire/pack.h"
#include "wire/timestamp.h"

#define EVENT(name)  PB__HISTORY_EVENT__EVENT_TYPE_##name
#define ACTION(name) PB__WORKFLOW_ACTION__WORKFLOW_ACTION_TYPE_##name
#define STATUS(name) PB__ORCHESTRATION_STATUS__ORCHESTRATION_STATUS_##name

static _Thread_local struct pawl_workflow *execution_running;

struct pawl_workflow *pawl__execution_current(void) {
    return execution_running;
}

// --- randomness that is the same in each run ----------------------------------------------------

uint64_t pawl__execution_random(uint64_t *state) { // splitmix64, public domain
    uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

void pawl__execution_uuid(uint64_t *state, char out[PAWL_UUID_TEXT]) {
    uint64_t high = pawl__execution_random(state), low = pawl__execution_random(state);
    pawl__uuid(high, low, out);
}

// --- life ---------------------------------------------------------------------------------------

struct pawl_workflow *pawl__execution_create(struct pawl_execution_host *host, struct pawl_str id,
                                             struct pawl_str execution_id) {
    struct pawl_workflow *wf = calloc(1, sizeof *wf);
    if (!wf) return NULL;
    wf->host = host;
    pawl__link_init(&wf->actions);
    pawl__events_init(&wf->events);
    pawl__link_init(&wf->held);
    wf->id = pawl__arena_dup(&wf->arena, id);
    wf->execution_id = pawl__arena_dup(&wf->arena, execution_id);
    if (!wf->id || !wf->execution_id) {
        pawl__execution_destroy(wf);
        return NULL;
    }
    wf->random = pawl__str_hash(execution_id) ^ pawl__str_hash(id) * 31;
    wf->ids = ~wf->random;
    return wf;
}

static void execution_drop_stack(struct pawl_workflow *wf) {
    while (wf->deferred) {
        struct pawl_deferred *deferred = wf->deferred;
        wf->deferred = deferred->next;
        deferred->function(deferred->arg);
    }
    pawl__coro_destroy(&wf->host->coros, wf->coro);
    wf->coro = NULL;
}

void pawl__execution_destroy(struct pawl_workflow *wf) {
    if (!wf) return;
    execution_drop_stack(wf);
    pawl__events_finish(&wf->events);
    free(wf->tasks);
    pawl__patches_finish(&wf->patches);
    pawl__arena_finish(&wf->arena);
    free(wf);
}

// --- for the functions that it calls ------------------------------------------------------------

bool pawl__execution_is_inside(const struct pawl_workflow *wf, const char *what) {
    if (wf && wf == pawl__execution_current()) return true;
    pawl__sdk_fail(PAWL_E_PRECONDITION,
                   "%s was called from outside the function of workflow '%s' (instance '%s')", what,
                   wf && wf->name ? wf->name : "", wf ? wf->id : "");
    return false;
}

enum pawl_err pawl__execution_nomem(struct pawl_workflow *wf) {
    wf->nomem = true;
    return pawl__sdk_fail_nomem();
}

// --- the function -------------------------------------------------------------------------------

static struct pawl_text execution_text(const Google__Protobuf__StringValue *value) {
    return pawl_text(value ? value->value : NULL);
}

// The failure that a function's return value stands for.
static const struct pawl_failure *execution_failure(struct pawl_workflow *wf, enum pawl_err err) {
    if (wf->failed) return wf->failed;
    struct pawl_failure *failure = pawl__arena_zalloc(&wf->arena, sizeof *failure);
    if (!failure) return NULL;
    const struct pawl_task *last = wf->last && wf->last->err == err ? wf->last : NULL;
    failure->cause = last ? last->failure : NULL;
    if (failure->cause)
        failure->type = failure->cause->type;
    else if (last)
        failure->type = err == PAWL_E_CANCELED ? "Canceled" : "Deadline";
    else
        failure->type = "WorkflowError";
    if (failure->cause && pawl_last_error()->code != err)
        failure->message = failure->cause->message;
    else
        failure->message = pawl__arena_dup(&wf->arena, pawl__str(pawl__sdk_error_text(err)));
    return failure->message ? failure : NULL;
}

static void execution_complete(struct pawl_workflow *wf, Pb__OrchestrationStatus status,
                               struct pawl_text result, const struct pawl_failure *failure) {
    if (wf->completed) return;
    struct pawl_action *action = pawl__execution_act(wf);
    Pb__CompleteWorkflowAction *body =
        pawl__wire_new(&wf->arena, &pb__complete_workflow_action__descriptor);
    if (!action || !body) {
        wf->nomem = true;
        return;
    }
    body->workflowstatus = status;
    body->result = pawl__string_value(&wf->arena, (char *)result.data);
    body->failuredetails = pawl__failure_pack(&wf->arena, failure);
    action->message.workflow_action_type_case = ACTION(COMPLETE_WORKFLOW);
    action->message.completeworkflow = body;
    bool ok = (body->result || !result.data) && (body->failuredetails || !failure);
    if (!ok) wf->nomem = true;
    wf->completion = body;
    wf->completed = true;
}

static void execution_main(void *arg) {
    struct pawl_workflow *wf = arg;
    enum pawl_err err = wf->entry->function(wf);
    if (wf->nomem || wf->completed) return;
    if (!err && wf->continuing) {
        execution_complete(wf, STATUS(CONTINUED_AS_NEW), wf->next_input, NULL);
    } else if (!err) {
        execution_complete(wf, STATUS(COMPLETED), wf->output, NULL);
    } else if (err == PAWL_E_NOMEM) {
        wf->nomem = true;
    } else {
        const struct pawl_failure *failure = execution_failure(wf, err);
        if (failure)
            execution_complete(wf, STATUS(FAILED), (struct pawl_text){NULL, 0}, failure);
        else
            wf->nomem = true;
    }
}

static void execution_resume(struct pawl_workflow *wf) {
    struct pawl_workflow *outer = execution_running;
    execution_running = wf;
    pawl__sdk_clear_error();
    if (wf->host->watch)
        pawl__watch_enter(wf->host->watch, "workflow", wf->name, wf->id, wf->next_id);
    bool goes_on = pawl__coro_resume(wf->coro);
    if (wf->host->watch) pawl__watch_leave(wf->host->watch);
    execution_running = outer;
    if (!goes_on) execution_drop_stack(wf);
}

// What is waited for is counted once, so that each that is done costs the same, however many there
// are.
void pawl__execution_park(struct pawl_workflow *wf, struct pawl_task *const *tasks, size_t count,
                          bool all) {
    size_t missing = 0;
    bool any = false;
    for (size_t i = 0; i < count; i++) {
        any = any || tasks[i]->done;
        if (tasks[i]->done || tasks[i]->awaited) continue; // the same task may be there twice
        tasks[i]->awaited = true;
        missing++;
    }
    wf->missing = all ? missing : missing && !any;
    while (wf->missing) pawl__coro_yield(wf->coro);
    for (size_t i = 0; i < count; i++) tasks[i]->awaited = false;
}

static void execution_done(struct pawl_workflow *wf, struct pawl_task *task, enum pawl_err err) {
    if (task->done) return;
    task->done = true;
    task->err = err;
    if (wf->coro && task->awaited && wf->missing && --wf->missing == 0) execution_resume(wf);
}

// --- events -------------------------------------------------------------------------------------

static void execution_start(struct pawl_workflow *wf, const Pb__ExecutionStartedEvent *started) {
    if (wf->name) return; // a second start is not one
    wf->name = started->name;
    wf->input = execution_text(started->input);
    // One that began without a version keeps to the code without a version.
    const char *version = wf->version || !wf->replaying ? wf->version : "";
    const struct pawl_workflow_entry *entry = wf->entry;
    if (!entry) entry = pawl__registry_workflow(wf->host->registry, wf->name, version);
    if (!entry && !wf->version && !wf->replaying) {
        struct pawl_failure *failure = pawl__arena_zalloc(&wf->arena, sizeof *failure);
        if (failure) {
            failure->type = "WorkflowNotRegistered";
            failure->message = pawl__arena_format(
                &wf->arena,
                "workflow named '%s' is not registered: no pawl_add_workflow named it "
                "(instance '%s')",
                wf->name, wf->id);
        }
        if (!failure || !failure->message) {
            wf->nomem = true;
            return;
        }
        pawl__log(wf->host->log, PAWL_LOG_ERROR, "pawl.worker", "%s", failure->message);
        execution_complete(wf, STATUS(FAILED), (struct pawl_text){NULL, 0}, failure);
        return;
    }
    if (!entry) {
        wf->unavailable = true;
        snprintf(wf->why, sizeof wf->why,
                 "workflow '%s' (instance '%s') %s%s%s: it waits for a worker that has it",
                 wf->name, wf->id,
                 wf->version ? "is of version '" : "has begun, and is not registered any more",
                 wf->version ? wf->version : "", wf->version ? "', which is not registered" : "");
        return;
    }
    wf->entry = entry;
    if (!wf->version && *entry->version) wf->version = entry->version;
    struct pawl_coro_label label = {wf->name, wf->id, &wf->next_id};
    wf->coro = pawl__coro_create(&wf->host->coros, execution_main, wf, label);
    if (!wf->coro)
        wf->nomem = true;
    else
        execution_resume(wf);
}

// The task that action |id| is for, if it still waits.
static struct pawl_task *execution_task(struct pawl_workflow *wf, int32_t id) {
    struct pawl_task *task = id >= 0 && id < wf->task_cap ? wf->tasks[id] : NULL;
    return task && task->id == id && !task->done ? task : NULL;
}

static void execution_resolve(struct pawl_workflow *wf, int32_t id, enum pawl_task_kind kind,
                              const Google__Protobuf__StringValue *result) {
    struct pawl_task *task = execution_task(wf, id);
    if (!task || task->kind != kind || task->resting) return;
    task->result = execution_text(result);
    task->failure = NULL; // of the attempt before
    execution_done(wf, task, PAWL_OK);
}

static void execution_reject(struct pawl_workflow *wf, int32_t id, enum pawl_task_kind kind,
                             const Pb__TaskFailureDetails *details) {
    struct pawl_task *task = execution_task(wf, id);
    if (!task || task->kind != kind || task->resting) return;
    task->failure = pawl__failure_unpack(&wf->arena, details);
    if (!task->failure)
        wf->nomem = true;
    else if (!pawl__execution_retry(wf, task))
        execution_done(wf, task, PAWL_E_FAILED);
}

static void execution_fire(struct pawl_workflow *wf, int32_t id) {
    struct pawl_task *task = execution_task(wf, id);
    if (!task) return;
    if (task->resting) {
        pawl__execution_attempt(wf, task);
    } else if (task->kind == PAWL_TASK_TIMER) {
        execution_done(wf, task, PAWL_OK);
    } else if (task->kind == PAWL_TASK_EVENT) {
        pawl__list_remove(&task->link);
        execution_done(wf, task, PAWL_E_DEADLINE);
    }
}

// Puts off an event until the workflow is resumed.
static void execution_hold(struct pawl_workflow *wf, const Pb__HistoryEvent *event) {
    struct pawl_event *held = pawl__arena_alloc(&wf->arena, sizeof *held);
    if (!held) {
        wf->nomem = true;
        return;
    }
    pawl__link_init(&held->link);
    held->event = event;
    pawl__list_add(&wf->held, &held->link);
}

static void execution_raise(struct pawl_workflow *wf, const Pb__HistoryEvent *event) {
    struct pawl_link *wait;
    if (!pawl__events_raise(&wf->events, &wf->arena, event, &wait)) wf->nomem = true;
    if (wf->nomem || !wait) return;
    struct pawl_task *task = PAWL_CONTAINER(wait, struct pawl_task, link);
    task->result = execution_text(event->eventraised->input);
    execution_done(wf, task, PAWL_OK);
}

static void execution_begin_turn(struct pawl_workflow *wf, const Pb__HistoryEvent *event) {
    if (event->timestamp) wf->now = pawl__timestamp_get(event->timestamp);
    wf->rerun_from = -1;
    if (!event->workflowstarted->_version_case) return;
    const Pb__WorkflowVersion *version = event->workflowstarted->version;
    if (version->_name_case && *version->name) wf->version = version->name;
    for (size_t i = 0; i < version->n_patches; i++)
        if (!pawl__patches_note(&wf->patches, &wf->arena, version->patches[i], true))
            wf->nomem = true;
}

static void execution_process(struct pawl_workflow *wf, const Pb__HistoryEvent *event) {
    switch (event->event_type_case) {
    case EVENT(EXECUTION_STARTED): execution_start(wf, event->executionstarted); return;
    case EVENT(TASK_SCHEDULED):
    case EVENT(TIMER_CREATED):
    case EVENT(CHILD_WORKFLOW_INSTANCE_CREATED):
    case EVENT(DETACHED_WORKFLOW_INSTANCE_CREATED):
    case EVENT(EVENT_SENT): pawl__execution_confirm(wf, event); return;
    case EVENT(TASK_COMPLETED):
        execution_resolve(wf, event->taskcompleted->taskscheduledid, PAWL_TASK_ACTIVITY,
                          event->taskcompleted->result);
        return;
    case EVENT(TASK_FAILED):
        execution_reject(wf, event->taskfailed->taskscheduledid, PAWL_TASK_ACTIVITY,
                         event->taskfailed->failuredetails);
        return;
    case EVENT(CHILD_WORKFLOW_INSTANCE_COMPLETED):
        execution_resolve(wf, event->childworkflowinstancecompleted->taskscheduledid,
                          PAWL_TASK_CHILD, event->childworkflowinstancecompleted->result);
        return;
    case EVENT(CHILD_WORKFLOW_INSTANCE_FAILED):
        execution_reject(wf, event->childworkflowinstancefailed->taskscheduledid, PAWL_TASK_CHILD,
                         event->childworkflowinstancefailed->failuredetails);
        return;
    case EVENT(TIMER_FIRED): execution_fire(wf, event->timerfired->timerid); return;
    case EVENT(EVENT_RAISED): execution_raise(wf, event); return;
    case EVENT(EXECUTION_SUSPENDED): wf->suspended = wf->was_suspended = true; return;
    case EVENT(EXECUTION_TERMINATED):
        if (wf->completed) return;
        execution_complete(wf, STATUS(TERMINATED),
                           execution_text(event->executionterminated->input), NULL);
        execution_drop_stack(wf);
        return;
    case EVENT(EXECUTION_COMPLETED):
        wf->ended = true;
        if (event->eventid >= 0) pawl__execution_confirm(wf, event); // -1: the engine forced it
        return;
    default: return;
    }
}

static void execution_unhold(struct pawl_workflow *wf) {
    wf->suspended = false;
    struct pawl_link *link;
    while (!wf->suspended && !wf->nomem && !wf->unavailable && (link = pawl__list_take(&wf->held)))
        execution_process(wf, PAWL_CONTAINER(link, struct pawl_event, link)->event);
}

void pawl__execution_feed(struct pawl_workflow *wf, const Pb__HistoryEvent *event, bool past) {
    wf->replaying = past;
    switch (event->event_type_case) {
    case EVENT(WORKFLOW_STARTED): execution_begin_turn(wf, event); return;
    case EVENT(EXECUTION_RESUMED): execution_unhold(wf); return;
    case EVENT(EXECUTION_TERMINATED): wf->suspended = false; break;
    default: break;
    }
    if (wf->suspended)
        execution_hold(wf, event);
    else
        execution_process(wf, event);
}

// --- the answer ---------------------------------------------------------------------------------

static bool execution_answer_version(struct pawl_workflow *wf, struct pawl_arena *arena,
                                     Pb__WorkflowResponse *out) {
    if (!wf->version && !wf->patches.count) return true;
    Pb__WorkflowVersion *version = pawl__wire_new(arena, &pb__workflow_version__descriptor);
    if (!version) return false;
    if (wf->version) {
        version->_name_case = PB__WORKFLOW_VERSION___NAME_NAME;
        version->name = (char *)wf->version;
    }
    version->n_patches = wf->patches.count;
    version->patches = wf->patches.names;
    out->_version_case = PB__WORKFLOW_RESPONSE___VERSION_VERSION;
    out->version = version;
    return true;
}

// Events that nobody asked for go with a workflow that continues as new, also those that came after
// it had decided to.
static bool execution_carry(struct pawl_workflow *wf) {
    Pb__CompleteWorkflowAction *body = wf->completion;
    if (!body || body->workflowstatus != STATUS(CONTINUED_AS_NEW)) return true;
    const struct pawl_link *kept = &wf->events.kept;
    size_t count = pawl__list_length(kept);
    body->n_carryoverevents = 0;
    if (!wf->keep_events || !count) return true;
    body->carryoverevents = pawl__arena_alloc(&wf->arena, count * sizeof *body->carryoverevents);
    if (!body->carryoverevents) return false;
    PAWL_LIST_EACH(const struct pawl_event, one, kept, link)
        body->carryoverevents[body->n_carryoverevents++] = (Pb__HistoryEvent *)one->event;
    return true;
}

bool pawl__execution_answer(struct pawl_workflow *wf, struct pawl_arena *arena,
                            Pb__WorkflowResponse *out) {
    size_t count = pawl__list_length(&wf->actions);
    Pb__WorkflowAction **actions = pawl__arena_alloc(arena, (count + 1) * sizeof *actions);
    if (!actions || !execution_answer_version(wf, arena, out) || !execution_carry(wf)) return false;
    out->instanceid = wf->id;
    out->actions = actions;
    if (wf->unavailable) {
        static Pb__WorkflowVersionNotAvailableAction missing =
            PB__WORKFLOW_VERSION_NOT_AVAILABLE_ACTION__INIT;
        Pb__WorkflowAction *action = pawl__wire_new(arena, &pb__workflow_action__descriptor);
        if (!action) return false;
        action->workflow_action_type_case = ACTION(WORKFLOW_VERSION_NOT_AVAILABLE);
        action->workflowversionnotavailable = &missing;
        actions[out->n_actions++] = action;
        return true;
    }
    out->customstatus = pawl__string_value(arena, (char *)wf->custom_status.data);
    if (wf->custom_status.data && !out->customstatus) return false;
    if (wf->suspended) return true;
    PAWL_LIST_EACH(struct pawl_action, action, &wf->actions, link)
        actions[out->n_actions++] = &action->message;
    return true;
}
