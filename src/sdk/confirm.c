#include <stdio.h>

#include "engine/apply.h"
#include "engine/events.h"
#include "sdk/execution.h"

// Whether the code asks for what the history has.

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
    case ACTION(CREATE_TIMER): snprintf(out, size, "creates a timer"); return;
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

// Which event records which action, and whether they ask for the same thing.
static bool confirm_matches(const struct pawl_workflow *wf, const Pb__WorkflowAction *action,
                            const Pb__HistoryEvent *event) {
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

void pawl__execution_confirm(struct pawl_workflow *wf, const Pb__HistoryEvent *event) {
    char history[160], code[160] = "does nothing there";
    if (confirm_is_rerun(event)) wf->rerun_from = event->eventid;
    struct pawl_link *link = wf->actions.next;
    while (link != &wf->actions &&
           PAWL_CONTAINER(link, struct pawl_action, link)->message.id != event->eventid)
        link = link->next;
    struct pawl_action *action =
        link == &wf->actions ? NULL : PAWL_CONTAINER(link, struct pawl_action, link);
    if (action && confirm_matches(wf, &action->message, event)) {
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
        pawl__list_remove(link);
        return;
    }
    confirm_describe_event(event, history, sizeof history);
    if (action) confirm_describe(&action->message, code, sizeof code);
    confirm_disagree(wf, event->eventid, history, code);
}

void pawl__execution_check_past(struct pawl_workflow *wf) {
    // A suspended turn asks for nothing, so what it would have asked for is not in the history.
    if (wf->was_suspended || wf->nomem || wf->unavailable || pawl__list_empty(&wf->actions)) return;
    const Pb__WorkflowAction *action =
        &PAWL_CONTAINER(wf->actions.next, struct pawl_action, link)->message;
    // What the code asks for after an event that is run again has yet to be done.
    if (wf->rerun_from >= 0 && action->id > wf->rerun_from) return;
    char code[160];
    confirm_describe(action, code, sizeof code);
    confirm_disagree(wf, action->id, "does nothing there", code);
}
