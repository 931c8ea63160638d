#include "cli/retrace.h"

#include <jansson.h>

#include "engine/events.h"
#include "wire/json.h"
#include "wire/pack.h"
#include "wire/status.h"

#define EVENT(name)  PB__HISTORY_EVENT__EVENT_TYPE_##name
#define ACTION(name) PB__WORKFLOW_ACTION__WORKFLOW_ACTION_TYPE_##name

// What a turn does, as its history and its worker say it.
static const struct retrace_kind {
    Pb__HistoryEvent__EventTypeCase event;
    Pb__WorkflowAction__WorkflowActionTypeCase action;
    const char *words;
} retrace_kinds[] = {
    {EVENT(TASK_SCHEDULED), ACTION(SCHEDULE_TASK), "activity"},
    {EVENT(TIMER_CREATED), ACTION(CREATE_TIMER), "a timer"},
    {EVENT(CHILD_WORKFLOW_INSTANCE_CREATED), ACTION(CREATE_CHILD_WORKFLOW), "child workflow"},
    {EVENT(DETACHED_WORKFLOW_INSTANCE_CREATED), ACTION(CREATE_DETACHED_WORKFLOW),
     "detached workflow"},
    {EVENT(EVENT_SENT), ACTION(SEND_EVENT), "event"},
    {EVENT(EXECUTION_COMPLETED), ACTION(COMPLETE_WORKFLOW), "its end"},
    {EVENT(EXECUTION_STALLED), ACTION(WORKFLOW_VERSION_NOT_AVAILABLE), "a stall"},
};

enum {
    RETRACE_KINDS = sizeof retrace_kinds / sizeof *retrace_kinds
};

static const struct retrace_kind *retrace_kind_of(const Pb__HistoryEvent *event) {
    for (int i = 0; i < RETRACE_KINDS; i++)
        if (retrace_kinds[i].event == event->event_type_case) return &retrace_kinds[i];
    return NULL;
}

static const struct retrace_kind *retrace_kind_of_action(const Pb__WorkflowAction *action) {
    for (int i = 0; i < RETRACE_KINDS; i++)
        if (retrace_kinds[i].action == action->workflow_action_type_case) return &retrace_kinds[i];
    return NULL;
}

static const char *retrace_event_name(const Pb__HistoryEvent *event) {
    switch (event->event_type_case) {
    case EVENT(TASK_SCHEDULED): return event->taskscheduled->name;
    case EVENT(CHILD_WORKFLOW_INSTANCE_CREATED): return event->childworkflowinstancecreated->name;
    case EVENT(EVENT_SENT): return event->eventsent->name;
    default: return "";
    }
}

static const char *retrace_action_name(const Pb__WorkflowAction *action) {
    switch (action->workflow_action_type_case) {
    case ACTION(SCHEDULE_TASK): return action->scheduletask->name;
    case ACTION(CREATE_CHILD_WORKFLOW): return action->createchildworkflow->name;
    case ACTION(SEND_EVENT): return action->sendevent->name;
    default: return "";
    }
}

// --- reading -------------------------------------------------------------------------------------

static enum pawl_err retrace_read_events(struct pawl_retrace *retrace, const json_t *json,
                                         struct pawl_error *error) {
    size_t index;
    json_t *one;
    retrace->events =
        pawl__arena_alloc(retrace->arena, (json_array_size(json) + 1) * sizeof(Pb__HistoryEvent *));
    if (!retrace->events) return pawl__fail_plain(error, PAWL_E_NOMEM);
    json_array_foreach(json, index, one) {
        const char *why = NULL;
        Pb__HistoryEvent *event =
            pawl__wire_from_json(retrace->arena, &pb__history_event__descriptor, one, &why);
        if (!event && !why) return pawl__fail_plain(error, PAWL_E_NOMEM);
        if (!event)
            return pawl__fail(error, PAWL_E_INVALID, "event %zu of the history is not valid: %s",
                              index, why);
        retrace->events[retrace->count++] = event;
        if (event->event_type_case != EVENT(EXECUTION_STARTED)) continue;
        const Pb__ExecutionStartedEvent *start = event->executionstarted;
        retrace->name = start->name;
        if (!start->workflowinstance) continue;
        retrace->id = start->workflowinstance->instanceid;
        retrace->execution_id = pawl__string_of(start->workflowinstance->executionid);
    }
    if (!retrace->name)
        return pawl__fail(error, PAWL_E_INVALID, "the history has no event executionStarted");
    return PAWL_OK;
}

enum pawl_err pawl__retrace_read(struct pawl_retrace *retrace, struct pawl_arena *arena,
                                 struct pawl_str json, struct pawl_error *error) {
    json_error_t flaw;
    json_t *events = json_loadb(json.data ? json.data : "", json.len, JSON_ALLOW_NUL, &flaw);
    *retrace = (struct pawl_retrace){.arena = arena, .id = ""};
    enum pawl_err err =
        json_is_array(events)
            ? retrace_read_events(retrace, events, error)
            : pawl__fail(error, PAWL_E_INVALID, "it is no history, which is a JSON array: %s",
                         events ? "it is something else" : flaw.text);
    json_decref(events);
    return err;
}

// --- turns ---------------------------------------------------------------------------------------

// The engine ends by itself what is terminated, whatever the worker would do.
static bool retrace_is_own(const struct pawl_retrace *retrace) {
    for (size_t i = retrace->begin; i < retrace->end; i++)
        if (retrace->events[i]->event_type_case == EVENT(EXECUTION_TERMINATED)) return true;
    return false;
}

static bool retrace_begins(const struct pawl_retrace *retrace, size_t at) {
    return retrace->events[at]->event_type_case == EVENT(WORKFLOW_STARTED);
}

bool pawl__retrace_next(struct pawl_retrace *retrace) {
    do {
        retrace->begin = retrace->end;
        while (retrace->begin < retrace->count && !retrace_begins(retrace, retrace->begin))
            retrace->begin++;
        if (retrace->begin == retrace->count) return false;
        retrace->turn++;
        retrace->inputs = retrace->end = retrace->begin + 1;
        while (retrace->end < retrace->count && !retrace_begins(retrace, retrace->end)) {
            if (retrace->inputs == retrace->end && !retrace_kind_of(retrace->events[retrace->end]))
                retrace->inputs++;
            retrace->end++;
        }
    } while (retrace_is_own(retrace));
    return true;
}

struct pawl_str pawl__retrace_item(const struct pawl_retrace *retrace, char *token) {
    Pb__WorkflowRequest turn = PB__WORKFLOW_REQUEST__INIT;
    Pb__WorkItem item = PB__WORK_ITEM__INIT;
    Google__Protobuf__StringValue execution = GOOGLE__PROTOBUF__STRING_VALUE__INIT;
    execution.value = (char *)(uintptr_t)retrace->execution_id;
    turn.instanceid = (char *)(uintptr_t)retrace->id;
    if (execution.value) turn.executionid = &execution;
    turn.n_pastevents = retrace->begin;
    turn.pastevents = retrace->events;
    turn.n_newevents = retrace->inputs - retrace->begin;
    turn.newevents = retrace->events + retrace->begin;
    item.request_case = PB__WORK_ITEM__REQUEST_WORKFLOW_REQUEST;
    item.workflowrequest = &turn;
    item.completiontoken = token;
    return pawl__wire_pack(retrace->arena, &item.base);
}

// --- comparing -----------------------------------------------------------------------------------

static const char *retrace_say(const struct pawl_retrace *retrace, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static const char *retrace_say(const struct pawl_retrace *retrace, const char *format, ...) {
    char text[2048];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    const char *kept = pawl__arena_format(retrace->arena, "turn %u: %s", retrace->turn, text);
    return kept ? kept : "they part ways, and there is no memory to say where";
}

// "activity 'charge'", "a timer".
static const char *retrace_words(const struct pawl_retrace *retrace,
                                 const struct retrace_kind *kind, const char *name) {
    const char *words = kind ? kind->words : "something unknown";
    if (!*name) return words;
    const char *both = pawl__arena_format(retrace->arena, "%s '%s'", words, name);
    return both ? both : words;
}

// A wait for an event may have a timer or none, as SDKs of different ages do it.
static bool retrace_is_wait(const Pb__WorkflowAction *action) {
    return action->workflow_action_type_case == ACTION(CREATE_TIMER) &&
           action->createtimer->origin_case == PB__CREATE_TIMER_ACTION__ORIGIN_EXTERNAL_EVENT;
}

static bool retrace_may_lack(const Pb__HistoryEvent *event) {
    return event->event_type_case == EVENT(TIMER_CREATED) &&
           event->timercreated->origin_case == PB__TIMER_CREATED_EVENT__ORIGIN_EXTERNAL_EVENT;
}

static const Pb__WorkflowAction *retrace_action(const Pb__WorkflowResponse *response, int32_t id) {
    for (size_t i = 0; i < response->n_actions; i++)
        if (response->actions[i]->id == id &&
            response->actions[i]->workflow_action_type_case != ACTION(COMPLETE_WORKFLOW))
            return response->actions[i];
    return NULL;
}

static const Pb__CompleteWorkflowAction *retrace_end(const Pb__WorkflowResponse *response) {
    for (size_t i = 0; i < response->n_actions; i++)
        if (response->actions[i]->workflow_action_type_case == ACTION(COMPLETE_WORKFLOW))
            return response->actions[i]->completeworkflow;
    return NULL;
}

static const Pb__HistoryEvent *retrace_event(const struct pawl_retrace *retrace, int32_t id) {
    for (size_t i = retrace->inputs; i < retrace->end; i++)
        if (retrace->events[i]->eventid == id &&
            retrace->events[i]->event_type_case != EVENT(EXECUTION_COMPLETED))
            return retrace->events[i];
    return NULL;
}

static const Pb__ExecutionCompletedEvent *retrace_ended(const struct pawl_retrace *retrace) {
    for (size_t i = retrace->inputs; i < retrace->end; i++)
        if (retrace->events[i]->event_type_case == EVENT(EXECUTION_COMPLETED))
            return retrace->events[i]->executioncompleted;
    return NULL;
}

static const char *retrace_compare_end(const struct pawl_retrace *retrace,
                                       const Pb__WorkflowResponse *response) {
    const Pb__ExecutionCompletedEvent *then = retrace_ended(retrace);
    const Pb__CompleteWorkflowAction *now = retrace_end(response);
    if (!now && !then) return NULL;
    if (!now)
        return retrace_say(retrace, "the workflow ended there (%s), and the program goes on",
                           pawl__status_name((int32_t)then->workflowstatus));
    if (then && then->workflowstatus == now->workflowstatus) return NULL;
    const char *status = pawl__status_name((int32_t)now->workflowstatus);
    const Pb__TaskFailureDetails *failure = now->failuredetails;
    const char *before = then ? retrace_words(retrace, &retrace_kinds[5],
                                              pawl__status_name((int32_t)then->workflowstatus))
                              : "no end";
    if (failure)
        return retrace_say(retrace, "the history has %s there, and the program fails: %s: %s",
                           before, failure->errortype, failure->errormessage);
    return retrace_say(retrace, "the history has %s there, and the program ends the workflow (%s)",
                       before, status);
}

static const char *retrace_compare_event(const struct pawl_retrace *retrace,
                                         const Pb__HistoryEvent *event,
                                         const Pb__WorkflowResponse *response) {
    const struct retrace_kind *kind = retrace_kind_of(event);
    if (!kind || event->event_type_case == EVENT(EXECUTION_COMPLETED) ||
        event->event_type_case == EVENT(EXECUTION_STALLED))
        return NULL;
    const Pb__WorkflowAction *action = retrace_action(response, event->eventid);
    const char *name = retrace_event_name(event), *was = retrace_words(retrace, kind, name);
    if (!action && retrace_may_lack(event)) return NULL;
    if (!action)
        return retrace_say(retrace, "the history has %s (%d), and the program does not ask for it",
                           was, event->eventid);
    // A workflow that is ended is told so by an event.
    bool is_end = action->workflow_action_type_case == ACTION(TERMINATE_WORKFLOW) &&
                  event->event_type_case == EVENT(EVENT_SENT);
    const struct retrace_kind *other = retrace_kind_of_action(action);
    const char *other_name = retrace_action_name(action);
    if (is_end || (other == kind && strcmp(name, other_name) == 0)) return NULL;
    return retrace_say(retrace, "the history has %s (%d), and the program asks for %s", was,
                       event->eventid, retrace_words(retrace, other, other_name));
}

// Takes the waits for events out of |response| that the history has no timer for; what was asked
// for after one has the sequence number before its own then, as it had when there were no such
// timers.
static void retrace_forget_waits(const struct pawl_retrace *retrace,
                                 Pb__WorkflowResponse *response) {
    size_t kept = 0;
    for (size_t i = 0; i < response->n_actions; i++) {
        Pb__WorkflowAction *action = response->actions[i];
        const Pb__HistoryEvent *event = retrace_event(retrace, action->id);
        if (!retrace_is_wait(action) || (event && retrace_may_lack(event))) {
            response->actions[kept++] = action;
            continue;
        }
        for (size_t k = i + 1; k < response->n_actions; k++)
            if (response->actions[k]->id > action->id) response->actions[k]->id--;
    }
    response->n_actions = kept;
}

const char *pawl__retrace_compare(const struct pawl_retrace *retrace,
                                  Pb__WorkflowResponse *response) {
    retrace_forget_waits(retrace, response);
    for (size_t i = 0; i < response->n_actions; i++)
        if (response->actions[i]->workflow_action_type_case ==
            ACTION(WORKFLOW_VERSION_NOT_AVAILABLE))
            return retrace_say(retrace, "the program says that its code does not fit the history");
    // A worker that has found out by itself says most.
    const Pb__CompleteWorkflowAction *end = retrace_end(response);
    const char *why = end && end->failuredetails ? retrace_compare_end(retrace, response) : NULL;
    for (size_t i = retrace->inputs; !why && i < retrace->end; i++)
        why = retrace_compare_event(retrace, retrace->events[i], response);
    for (size_t i = 0; !why && i < response->n_actions; i++) {
        const Pb__WorkflowAction *action = response->actions[i];
        if (action->workflow_action_type_case == ACTION(COMPLETE_WORKFLOW) ||
            action->workflow_action_type_case == ACTION(TERMINATE_WORKFLOW) ||
            retrace_event(retrace, action->id))
            continue;
        why = retrace_say(
            retrace, "the program asks for %s (%d), and the history has nothing there",
            retrace_words(retrace, retrace_kind_of_action(action), retrace_action_name(action)),
            action->id);
    }
    return why ? why : retrace_compare_end(retrace, response);
}
