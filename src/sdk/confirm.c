#include <stdio.h>

#include "engine/apply.h"
#include "engine/events.h"
#include "sdk/execution.h"
#include "wire/timestamp.h"

// Whether the code asks for what the history has.
//
// A wait for an event that has no limit asks for a timer of the year 9999, so that others see what
// is waited for. Histories that began with an older Pawl lack it: where one has something else, or
// nothing, in the timer's place, the timer is forgotten, and what was asked for after it has the
// sequence number before its own.

#define EVENT(name)  PB__HISTORY_EVENT__EVENT_TYPE_##name
#define ACTION(name) PB__WORKFLOW_ACTION__WORKFLOW_ACTION_TYPE_##name
#define STATUS(name) PB__ORCHESTRATION_STATUS__ORCHESTRATION_STATUS_##name

// What an action asks for, in words.
static void confirm_describe(const Pb__WorkflowAction *action, char *out, size_t size) {
    switch (action->workflow_action_type_case) {
    case ACTION(SCHEDULE_TASK):
        snprintf(out, size, "calls activity '%s'", action->scheduletask->name);
        return;
    case ACTION(CREATE_CHILD_WORKFLOW):
        snprintf(out, size, "starts child workflow '%s'", action->createchildworkflow->name);
        return;
    case ACTION(CREATE_DETACHED_WORKFLOW):
        snprintf(out, size, "starts detached workflow '%s'", action->createdetachedworkflow->name);
        return;
    case ACTION(CREATE_TIMER):
        if (action->createtimer->origin_case == PB__CREATE_TIMER_ACTION__ORIGIN_EXTERNAL_EVENT)
            snprintf(out, size, "waits for event '%s'", action->createtimer->externalevent->name);
        else
            snprintf(out, size, "creates a timer");
        return;
    case ACTION(SEND_EVENT):
        snprintf(out, size, "sends event '%s'", action->sendevent->name);
        return;
    case ACTION(TERMINATE_WORKFLOW): snprintf(out, size, "ends another workflow"); return;
    case ACTION(COMPLETE_WORKFLOW):
        snprintf(out, size, "ends%s",
                 action->completeworkflow->workflowstatus == STATUS(FAILED) ? " with a failure"
                                                                            : "");
        return;
    default: snprintf(out, size, "does something else"); return;
    }
}

// Whether an EventSent records that another workflow was ended: see actions.c of the engine.
static bool confirm_is_end(const Pb__HistoryEvent *event) {
    return strcmp(event->eventsent->name, PAWL_TERMINATE_SENT) == 0;
}

// The same for the event that records it.
static void confirm_describe_event(const Pb__HistoryEvent *event, char *out, size_t size) {
    switch (event->event_type_case) {
    case EVENT(TASK_SCHEDULED):
        snprintf(out, size, "calls activity '%s'", event->taskscheduled->name);
        return;
    case EVENT(CHILD_WORKFLOW_INSTANCE_CREATED):
        snprintf(out, size, "starts child workflow '%s'",
                 event->childworkflowinstancecreated->name);
        return;
    case EVENT(DETACHED_WORKFLOW_INSTANCE_CREATED):
        snprintf(out, size, "starts a detached workflow");
        return;
    case EVENT(EVENT_SENT):
        if (confirm_is_end(event))
            snprintf(out, size, "ends another workflow");
        else
            snprintf(out, size, "sends event '%s'", event->eventsent->name);
        return;
    case EVENT(EXECUTION_COMPLETED):
        snprintf(out, size, "ends%s",
                 event->executioncompleted->workflowstatus == STATUS(FAILED) ? " with a failure"
                                                                             : "");
        return;
    case EVENT(TIMER_CREATED):
        if (event->timercreated->origin_case == PB__TIMER_CREATED_EVENT__ORIGIN_EXTERNAL_EVENT) {
            snprintf(out, size, "waits for event '%s'", event->timercreated->externalevent->name);
            return;
        }
        // fall through
    default: snprintf(out, size, "creates a timer"); return;
    }
}

static void confirm_disagree(struct pawl_workflow *wf, int32_t id, const char *history,
                             const char *code) {
    if (wf->unavailable) return;
    wf->unavailable = true;
    snprintf(wf->why, sizeof wf->why,
             "workflow '%s' (instance '%s') does not follow its history: at sequence number %d the "
             "history %s, but the code now %s",
             wf->name, wf->id, id, history, code);
}

// The event that is waited for without a limit, where |event| is the timer of that; else NULL.
static const char *confirm_endless(const Pb__HistoryEvent *event) {
    if (event->event_type_case != EVENT(TIMER_CREATED)) return NULL;
    const Pb__TimerCreatedEvent *timer = event->timercreated;
    bool endless = timer->origin_case == PB__TIMER_CREATED_EVENT__ORIGIN_EXTERNAL_EVENT &&
                   timer->fireat && pawl__timestamp_get(timer->fireat) == INT64_MAX;
    return endless ? timer->externalevent->name : NULL;
}

// Which event records which action, and whether they ask for the same thing.
static bool confirm_matches(const struct pawl_workflow *wf, const struct pawl_action *asked,
                            const Pb__HistoryEvent *event) {
    const Pb__WorkflowAction *action = &asked->message;
    const char *awaited = confirm_endless(event);
    if (asked->optional || awaited)
        return asked->optional && awaited &&
               strcasecmp(awaited, action->createtimer->externalevent->name) == 0;
    switch (event->event_type_case) {
    case EVENT(TASK_SCHEDULED):
        return action->workflow_action_type_case == ACTION(SCHEDULE_TASK) &&
               strcmp(action->scheduletask->name, event->taskscheduled->name) == 0;
    case EVENT(CHILD_WORKFLOW_INSTANCE_CREATED):
        return action->workflow_action_type_case == ACTION(CREATE_CHILD_WORKFLOW) &&
               strcmp(action->createchildworkflow->name,
                      event->childworkflowinstancecreated->name) == 0;
    case EVENT(DETACHED_WORKFLOW_INSTANCE_CREATED):
        return action->workflow_action_type_case == ACTION(CREATE_DETACHED_WORKFLOW);
    case EVENT(EVENT_SENT):
        if (action->workflow_action_type_case == ACTION(TERMINATE_WORKFLOW))
            return confirm_is_end(event) &&
                   strcmp(action->terminateworkflow->instanceid, event->eventsent->instanceid) == 0;
        return action->workflow_action_type_case == ACTION(SEND_EVENT) &&
               strcmp(action->sendevent->name, event->eventsent->name) == 0 &&
               strcmp(action->sendevent->instance->instanceid, event->eventsent->instanceid) == 0;
    case EVENT(TIMER_CREATED): return action->workflow_action_type_case == ACTION(CREATE_TIMER);
    case EVENT(EXECUTION_COMPLETED):
        return action->workflow_action_type_case == ACTION(COMPLETE_WORKFLOW) && wf->completed &&
               action->completeworkflow->workflowstatus ==
                   event->executioncompleted->workflowstatus;
    default: return false;
    }
}

// Both end in the same status; with the same result, too?
static void confirm_compare_results(struct pawl_workflow *wf,
                                    const Pb__CompleteWorkflowAction *code,
                                    const Pb__ExecutionCompletedEvent *history) {
    char there[160], here[160];
    const char *result = pawl__string_of(history->result), *now = pawl__string_of(code->result);
    if (strcmp(result ? result : "", now ? now : "") == 0) return;
    snprintf(there, sizeof there, "ends with %s", result ? result : "no output");
    snprintf(here, sizeof here, "ends with %s", now ? now : "no output");
    confirm_disagree(wf, wf->next_id - 1, there, here);
}

// Whether |event| is where a history begins anew that was taken over from another instance.
static bool confirm_is_rerun(const Pb__HistoryEvent *event) {
    switch (event->event_type_case) {
    case EVENT(TASK_SCHEDULED): return event->taskscheduled->_rerun_parent_instance_info_case;
    case EVENT(TIMER_CREATED): return event->timercreated->_rerun_parent_instance_info_case;
    case EVENT(CHILD_WORKFLOW_INSTANCE_CREATED):
        return event->childworkflowinstancecreated->_rerun_parent_instance_info_case;
    default: return false;
    }
}

// The action that the history has not confirmed yet and that has this sequence number, or NULL.
static struct pawl_action *confirm_find(struct pawl_workflow *wf, int32_t id) {
    PAWL_LIST_EACH(struct pawl_action, action, &wf->actions, link)
        if (action->message.id == id) return action;
    return NULL;
}

// Takes |dropped| out, as if the code had not asked for it.
static void confirm_forget(struct pawl_workflow *wf, struct pawl_action *dropped) {
    int32_t gone = dropped->message.id, last = --wf->next_id;
    pawl__list_remove(&dropped->link);
    PAWL_LIST_EACH(struct pawl_action, action, &wf->actions, link)
        if (action->message.id > gone) action->message.id--;
    if (gone >= wf->task_cap) return;
    if (wf->tasks[gone] && wf->tasks[gone]->id == gone) wf->tasks[gone]->id = -1;
    for (int32_t id = gone; id + 1 < wf->task_cap && id < last; id++) {
        wf->tasks[id] = wf->tasks[id + 1];
        if (wf->tasks[id] && wf->tasks[id]->id == id + 1) wf->tasks[id]->id = id;
    }
    if (last < wf->task_cap) wf->tasks[last] = NULL;
}

void pawl__execution_confirm(struct pawl_workflow *wf, const Pb__HistoryEvent *event) {
    char history[160], code[160] = "does nothing there";
    if (confirm_is_rerun(event)) wf->rerun_from = event->eventid;
    struct pawl_action *action;
    while ((action = confirm_find(wf, event->eventid)) && action->optional &&
           !confirm_matches(wf, action, event))
        confirm_forget(wf, action);
    if (action && confirm_matches(wf, action, event)) {
        if (event->event_type_case == EVENT(EXECUTION_COMPLETED))
            confirm_compare_results(wf, action->message.completeworkflow,
                                    event->executioncompleted);
        struct pawl_task *task = event->eventid < wf->task_cap ? wf->tasks[event->eventid] : NULL;
        // What another run of the code chose counts.
        if (task && event->event_type_case == EVENT(TASK_SCHEDULED) &&
            *event->taskscheduled->taskexecutionid)
            task->execution_id = event->taskscheduled->taskexecutionid;
        if (task && event->event_type_case == EVENT(CHILD_WORKFLOW_INSTANCE_CREATED) &&
            task->attempt == 1)
            task->execution_id = event->childworkflowinstancecreated->instanceid;
        pawl__list_remove(&action->link);
        return;
    }
    confirm_describe_event(event, history, sizeof history);
    if (action) confirm_describe(&action->message, code, sizeof code);
    confirm_disagree(wf, event->eventid, history, code);
}

void pawl__execution_check_past(struct pawl_workflow *wf) {
    // A suspended turn asks for nothing, so what it would have asked for is not in the history.
    while (!wf->was_suspended && !wf->nomem && !wf->unavailable &&
           !pawl__list_empty(&wf->actions)) {
        struct pawl_action *action = PAWL_CONTAINER(wf->actions.next, struct pawl_action, link);
        // What the code asks for after an event that is run again has yet to be done.
        if (wf->rerun_from >= 0 && action->message.id > wf->rerun_from) return;
        if (action->optional) {
            confirm_forget(wf, action);
            continue;
        }
        char code[160];
        confirm_describe(&action->message, code, sizeof code);
        confirm_disagree(wf, action->message.id, "does nothing there", code);
    }
}
