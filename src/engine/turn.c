#include <stdio.h>
#include <stdlib.h>

#include "engine/apply.h"
#include "engine/events.h"
#include "engine/trace.h"
#include "wire/pb.h"
#include "wire/timestamp.h"
#include "wire/unpack.h"

// Applying a worker's answer to a turn. The order of steps, and what wins over what, is that of the
// reference (3.3 One turn, 3.4 Actions).

#define STATUS(name) PB__ORCHESTRATION_STATUS__ORCHESTRATION_STATUS_##name
#define EVENT(name)  PB__HISTORY_EVENT__EVENT_TYPE_##name
#define ACTION(name) PB__WORKFLOW_ACTION__WORKFLOW_ACTION_TYPE_##name

struct turn {
    struct pawl_instance *instance;
    char *app_id;
    const Plog__Turn *record;
    const Pb__WorkflowResponse *response;
    struct pawl_arena *arena;
    struct pawl_outcome *outcome;
    Pb__ExecutionStartedEvent *start; // its parent and trace context only
    struct pawl_trace trace;          // the workflow's own span, if it |is_traced|
    bool is_traced;
    Pb__TraceContext *context; // for what it schedules; NULL: none
    bool terminated;           // an ExecutionTerminated was among the turn's events
    char *terminate_reason;
};

// --- events that an action leaves in the history ------------------------------------------------

static Pb__HistoryEvent *turn_event(struct turn *turn, Pb__HistoryEvent__EventTypeCase type,
                                    int32_t id) {
    Pb__HistoryEvent *event = pawl__event_create(turn->arena, turn->record->completed_at, type);
    if (event) event->eventid = id;
    return event;
}

// Notes which app an action came from, and for which one it was.
static bool turn_set_router(struct turn *turn, Pb__HistoryEvent *event,
                            const Pb__WorkflowAction *action) {
    Pb__TaskRouter *router = pawl__arena_alloc(turn->arena, sizeof *router);
    if (!router) return false;
    if (action->_router_case)
        *router = *action->router;
    else
        pb__task_router__init(router);
    router->sourceappid = turn->app_id;
    event->_router_case = PB__HISTORY_EVENT___ROUTER_ROUTER;
    event->router = router;
    return true;
}

// A value that is missing and one for which memory is out are not the same.
static bool turn_set_value(struct turn *turn, Google__Protobuf__StringValue **place, char *text) {
    *place = pawl__string_value(turn->arena, text);
    return *place || !text;
}

static bool turn_add_event(struct turn *turn, const Pb__HistoryEvent *event) {
    return pawl__history_add(&turn->instance->history, event);
}

// Appends |event| as something that is now pending.
static bool turn_add_pending(struct turn *turn, const Pb__HistoryEvent *event,
                             enum pawl_pending_kind kind, int64_t fire_at) {
    struct pawl_pending item = {
        .fire_at = fire_at,
        .id = event->eventid,
        .offset = (uint32_t)turn->instance->history.bytes.len,
        .kind = (uint8_t)kind,
    };
    return turn_add_event(turn, event) && pawl__pending_add(&turn->instance->pending, item);
}

static bool turn_add_message(struct turn *turn, char *target, Pb__HistoryEvent *event, bool create,
                             int32_t child_id) {
    struct pawl_message *message = pawl__arena_alloc(turn->arena, sizeof *message);
    if (!message) return false;
    *message = (struct pawl_message){NULL, target, event, create, child_id};
    *turn->outcome->last = message;
    turn->outcome->last = &message->next;
    return true;
}

// --- actions -------------------------------------------------------------------------------------

const char *pawl__action_target_app(const Pb__WorkflowAction *action, const char *app_id) {
    if (!action->_router_case || !action->router->_target_app_id_case) return NULL;
    const char *target = action->router->targetappid;
    return *target && strcmp(target, app_id) != 0 ? target : NULL;
}

// Answers an action for another app at once: this daemon serves one app.
static bool turn_refuse_app(struct turn *turn, const Pb__WorkflowAction *action,
                            Pb__HistoryEvent__EventTypeCase failed, const char *what,
                            const char *name) {
    const char *app = pawl__action_target_app(action, turn->app_id);
    Pb__HistoryEvent *event = turn_event(turn, failed, -1);
    Pb__TaskFailureDetails *details = pawl__arena_alloc(turn->arena, sizeof *details);
    if (!event || !details || !pawl__event_set_source(turn->arena, event, turn->app_id))
        return false;
    pb__task_failure_details__init(details);
    details->errortype = "AppNotReachable";
    details->errormessage = pawl__arena_format(
        turn->arena, "%s '%s' was asked of app '%s', but only app '%s' can be reached from here",
        what, name, app, turn->app_id);
    if (!details->errormessage) return false;
    if (failed == EVENT(TASK_FAILED)) {
        event->taskfailed->taskscheduledid = action->id;
        event->taskfailed->taskexecutionid = action->scheduletask->taskexecutionid;
        event->taskfailed->failuredetails = details;
    } else {
        event->childworkflowinstancefailed->taskscheduledid = action->id;
        event->childworkflowinstancefailed->failuredetails = details;
    }
    return turn_add_message(turn, turn->instance->id, event, false, -1);
}

static bool turn_schedule_task(struct turn *turn, const Pb__WorkflowAction *action) {
    const Pb__ScheduleTaskAction *task = action->scheduletask;
    Pb__HistoryEvent *event = turn_event(turn, EVENT(TASK_SCHEDULED), action->id);
    if (!event || !turn_set_router(turn, event, action)) return false;
    Pb__TaskScheduledEvent *scheduled = event->taskscheduled;
    scheduled->name = task->name;
    scheduled->version = task->version;
    scheduled->input = task->input;
    scheduled->taskexecutionid = task->taskexecutionid;
    scheduled->attempt = task->attempt;
    scheduled->parenttracecontext = turn->context;
    if (!turn_add_pending(turn, event, PAWL_PENDING_TASK, 0)) return false;
    if (pawl__action_target_app(action, turn->app_id))
        return turn_refuse_app(turn, action, EVENT(TASK_FAILED), "activity", task->name);
    turn->outcome->tasks[turn->outcome->task_count++] = action->id;
    return true;
}

static bool turn_create_timer(struct turn *turn, const Pb__WorkflowAction *action) {
    const Pb__CreateTimerAction *timer = action->createtimer;
    Pb__HistoryEvent *event = turn_event(turn, EVENT(TIMER_CREATED), action->id);
    if (!event || !turn_set_router(turn, event, action)) return false;
    Pb__TimerCreatedEvent *created = event->timercreated;
    created->fireat = timer->fireat;
    if (timer->_name_case) {
        created->_name_case = PB__TIMER_CREATED_EVENT___NAME_NAME;
        created->name = timer->name;
    }
    bool for_event = timer->origin_case == PB__CREATE_TIMER_ACTION__ORIGIN_EXTERNAL_EVENT ||
                     (!timer->origin_case && timer->_name_case && *timer->name);
    // The four origins stand under consecutive numbers in both messages, and hold a pointer each.
    if (timer->origin_case) {
        created->origin_case =
            (Pb__TimerCreatedEvent__OriginCase)((int)timer->origin_case -
                                                PB__CREATE_TIMER_ACTION__ORIGIN_CREATE_TIMER +
                                                PB__TIMER_CREATED_EVENT__ORIGIN_CREATE_TIMER);
        created->createtimer = timer->createtimer;
    }
    int64_t fire_at =
        timer->fireat ? pawl__timestamp_get(timer->fireat) : turn->record->completed_at;
    return turn_add_pending(turn, event, for_event ? PAWL_PENDING_EVENT_TIMER : PAWL_PENDING_TIMER,
                            fire_at);
}

char *pawl__child_id(const struct pawl_instance *instance, const Pb__WorkflowAction *action,
                     struct pawl_arena *arena) {
    char *given = action->createchildworkflow->instanceid;
    return *given ? given
                  : pawl__arena_format(arena, "%s:%04x", instance->id, (unsigned)action->id);
}

// The first event of another instance, which |turn| starts.
static Pb__HistoryEvent *turn_start_event(struct turn *turn, char *id, char *name,
                                          Google__Protobuf__StringValue *input) {
    Pb__HistoryEvent *event = turn_event(turn, EVENT(EXECUTION_STARTED), -1);
    Pb__WorkflowInstance *self = pawl__arena_alloc(turn->arena, sizeof *self);
    if (!event || !self || !pawl__event_set_source(turn->arena, event, turn->app_id)) return NULL;
    pb__workflow_instance__init(self);
    self->instanceid = id;
    self->executionid = pawl__string_value(turn->arena, turn->record->next_execution_id);
    event->executionstarted->name = name;
    event->executionstarted->input = input;
    event->executionstarted->workflowinstance = self;
    return self->executionid ? event : NULL;
}

// Puts an instance that the workflow starts under it in the trace.
static bool turn_trace(struct turn *turn, Pb__ExecutionStartedEvent *start,
                       enum pawl_trace_part part, int32_t id) {
    start->parenttracecontext = turn->context;
    if (!turn->is_traced) return true;
    struct pawl_trace self = pawl__trace_part(&turn->trace, part, id);
    return pawl__trace_begin(turn->arena, start, &turn->trace, &self, turn->context->tracestate);
}

static bool turn_create_child(struct turn *turn, const Pb__WorkflowAction *action) {
    const Pb__CreateChildWorkflowAction *child = action->createchildworkflow;
    char *id = pawl__child_id(turn->instance, action, turn->arena);
    Pb__HistoryEvent *event = turn_event(turn, EVENT(CHILD_WORKFLOW_INSTANCE_CREATED), action->id);
    if (!id || !event || !turn_set_router(turn, event, action)) return false;
    Pb__ChildWorkflowInstanceCreatedEvent *created = event->childworkflowinstancecreated;
    created->instanceid = id;
    created->name = child->name;
    created->version = child->version;
    created->input = child->input;
    created->parenttracecontext = turn->context;
    if (child->_retry_parent_instance_info_case) {
        created->_retry_parent_instance_info_case =
            PB__CHILD_WORKFLOW_INSTANCE_CREATED_EVENT___RETRY_PARENT_INSTANCE_INFO_RETRY_PARENT_INSTANCE_INFO;
        created->retryparentinstanceinfo = child->retryparentinstanceinfo;
    }
    if (!turn_add_pending(turn, event, PAWL_PENDING_CHILD, 0)) return false;
    if (pawl__action_target_app(action, turn->app_id))
        return turn_refuse_app(turn, action, EVENT(CHILD_WORKFLOW_INSTANCE_FAILED),
                               "child workflow", child->name);

    Pb__HistoryEvent *first = turn_start_event(turn, id, child->name, child->input);
    if (first && action->_router_case) *first->router = *event->router;
    Pb__ParentInstanceInfo *parent = pawl__arena_alloc(turn->arena, sizeof *parent);
    Pb__WorkflowInstance *self = pawl__arena_alloc(turn->arena, sizeof *self);
    if (!first || !parent || !self) return false;
    pb__workflow_instance__init(self);
    self->instanceid = turn->instance->id;
    if (!turn_set_value(turn, &self->executionid, turn->instance->execution_id)) return false;
    pb__parent_instance_info__init(parent);
    parent->taskscheduledid = action->id;
    parent->name = pawl__string_value(turn->arena, turn->instance->name);
    parent->workflowinstance = self;
    parent->_app_id_case = PB__PARENT_INSTANCE_INFO___APP_ID_APP_ID;
    parent->appid = turn->app_id;
    first->executionstarted->parentinstance = parent;
    return turn_trace(turn, first->executionstarted, PAWL_TRACE_CHILD, action->id) &&
           parent->name && turn_add_message(turn, id, first, true, action->id);
}

static bool turn_create_detached(struct turn *turn, const Pb__WorkflowAction *action) {
    const Pb__CreateDetachedWorkflowAction *detached = action->createdetachedworkflow;
    Pb__HistoryEvent *event =
        turn_event(turn, EVENT(DETACHED_WORKFLOW_INSTANCE_CREATED), action->id);
    Pb__HistoryEvent *first =
        turn_start_event(turn, detached->instanceid, detached->name, detached->input);
    if (!event || !first || !turn_set_router(turn, event, action)) return false;
    event->detachedworkflowinstancecreated->instanceid = detached->instanceid;
    Pb__ExecutionStartedEvent *start = first->executionstarted;
    if (detached->executionid) start->workflowinstance->executionid = detached->executionid;
    start->n_tags = detached->n_tags;
    // The two map entry types have the same fields under the same numbers.
    start->tags = (Pb__ExecutionStartedEvent__TagsEntry **)(void *)detached->tags;
    if (detached->_scheduled_start_timestamp_case)
        start->scheduledstarttimestamp = detached->scheduledstarttimestamp;
    if (!turn_trace(turn, start, PAWL_TRACE_DETACHED, action->id)) return false;
    if (detached->_parent_trace_context_case)
        start->parenttracecontext = detached->parenttracecontext;
    return turn_add_event(turn, event) &&
           turn_add_message(turn, detached->instanceid, first, true, -1);
}

// --- the end of an execution ---------------------------------------------------------------------

// Tells the parent, if there is one in this app, how the instance ended.
static bool turn_tell_parent(struct turn *turn, int32_t status,
                             Google__Protobuf__StringValue *result,
                             Pb__TaskFailureDetails *failure) {
    const Pb__ParentInstanceInfo *parent = turn->start->parentinstance;
    if (!parent || !parent->workflowinstance) return true;
    bool ok = status == STATUS(COMPLETED);
    Pb__HistoryEvent *event = turn_event(
        turn, ok ? EVENT(CHILD_WORKFLOW_INSTANCE_COMPLETED) : EVENT(CHILD_WORKFLOW_INSTANCE_FAILED),
        -1);
    if (!event || !pawl__event_set_source(turn->arena, event, turn->app_id)) return false;
    if (parent->_app_id_case) {
        event->router->_target_app_id_case = PB__TASK_ROUTER___TARGET_APP_ID_TARGET_APP_ID;
        event->router->targetappid = parent->appid;
    }
    if (ok) {
        event->childworkflowinstancecompleted->taskscheduledid = parent->taskscheduledid;
        event->childworkflowinstancecompleted->result = result;
    } else {
        event->childworkflowinstancefailed->taskscheduledid = parent->taskscheduledid;
        event->childworkflowinstancefailed->failuredetails = failure;
    }
    return turn_add_message(turn, parent->workflowinstance->instanceid, event, false, -1);
}

// A recursive terminate goes on to the children that still run.
static bool turn_terminate_children(struct turn *turn) {
    struct pawl_instance *instance = turn->instance;
    for (uint32_t i = 0; i < instance->pending.len; i++) {
        struct pawl_pending *item = &instance->pending.items[i];
        if (item->kind != PAWL_PENDING_CHILD) continue;
        Pb__HistoryEvent *created = pawl__history_at(&instance->history, item->offset, turn->arena);
        Pb__HistoryEvent *event = turn_event(turn, EVENT(EXECUTION_TERMINATED), -1);
        if (!created || !event) return false;
        event->executionterminated->recurse = true;
        if (!turn_set_value(turn, &event->executionterminated->input, turn->terminate_reason) ||
            !turn_add_message(turn, created->childworkflowinstancecreated->instanceid, event, false,
                              -1))
            return false;
    }
    return true;
}

static bool turn_complete(struct turn *turn, int32_t id, int32_t status,
                          Google__Protobuf__StringValue *result, Pb__TaskFailureDetails *failure) {
    struct pawl_instance *instance = turn->instance;
    if (pawl__instance_completed(instance)) return true; // the first completion wins
    Pb__HistoryEvent *event = turn_event(turn, EVENT(EXECUTION_COMPLETED), id);
    if (!event || !pawl__event_set_source(turn->arena, event, turn->app_id)) return false;
    event->executioncompleted->workflowstatus = (Pb__OrchestrationStatus)status;
    event->executioncompleted->result = result;
    event->executioncompleted->failuredetails = failure;
    pawl__failure_cut(failure);
    instance->final_offset = (uint32_t)instance->history.bytes.len;
    instance->final_status = status;
    instance->completed_at = turn->record->completed_at;
    return turn_add_event(turn, event) && turn_tell_parent(turn, status, result, failure);
}

// Whether such an event answers something that one generation scheduled: to the next one its id
// says nothing, or something else.
static bool turn_resolves(Pb__HistoryEvent__EventTypeCase type) {
    switch (type) {
    case EVENT(TASK_COMPLETED):
    case EVENT(TASK_FAILED):
    case EVENT(TIMER_FIRED):
    case EVENT(CHILD_WORKFLOW_INSTANCE_COMPLETED):
    case EVENT(CHILD_WORKFLOW_INSTANCE_FAILED): return true;
    default: return false;
    }
}

// Begins the next generation: its history starts with the same name and parent and a new input;
// events that were not yet seen come after those that the worker carries over.
static bool turn_continue_as_new(struct turn *turn, const Pb__CompleteWorkflowAction *action) {
    struct pawl_instance *instance = turn->instance;
    Pb__HistoryEvent *first = turn_start_event(turn, instance->id, instance->name, action->result);
    if (!first) return false;
    first->executionstarted->parentinstance = turn->start->parentinstance;
    if (turn->is_traced &&
        !pawl__trace_begin_next(turn->arena, first->executionstarted, &turn->trace))
        return false;
    char *execution_id = pawl__str_dup(pawl__str(turn->record->next_execution_id));
    if (!execution_id) return false;

    struct pawl_history inbox = {0};
    bool ok = pawl__history_add(&inbox, first);
    for (size_t i = 0; ok && i < action->n_carryoverevents; i++)
        if (!turn_resolves(action->carryoverevents[i]->event_type_case))
            ok = pawl__history_add(&inbox, action->carryoverevents[i]);
    struct pawl_event_view view;
    size_t at = 0;
    while (ok && pawl__history_next(pawl__buf_str(&instance->inbox.bytes), &at, &view))
        if (!turn_resolves(pawl__event_type(view.bytes)))
            ok = pawl__history_add_bytes(&inbox, view.bytes);
    if (!ok) {
        free(execution_id);
        pawl__history_finish(&inbox);
        return false;
    }
    pawl__history_finish(&instance->inbox);
    instance->inbox = inbox;
    pawl__history_finish(&instance->history);
    pawl__pending_clear(&instance->pending);
    pawl__buf_finish(&instance->patches);
    free(instance->version);
    free(instance->execution_id);
    instance->version = NULL;
    instance->execution_id = execution_id;
    instance->continued = true;
    instance->suspended = false; // the worker's new run knows of no suspension
    instance->generation++;
    instance->created_at = turn->record->completed_at;
    instance->started_at = instance->start_at = 0;
    instance->start_offset = 0;
    instance->saved_events = 0;
    instance->saved_bytes = 0;
    instance->kept_by = 0;
    return true;
}

// --- versions and stalls ------------------------------------------------------------------------

// Whether the patches that the history knows are the beginning of those that the answer took; if
// not, says so in |*text|.
static bool turn_patches_match(struct turn *turn, char **text) {
    const struct pawl_buf *known = &turn->instance->patches;
    size_t given_count = turn->response->_version_case ? turn->response->version->n_patches : 0;
    char **given = given_count ? turn->response->version->patches : NULL;
    size_t i = 0;
    bool match = true;
    for (size_t at = 0; at < known->len; i++) {
        const char *name = (const char *)known->data + at;
        match = match && i < given_count && strcmp(name, given[i]) == 0;
        at += strlen(name) + 1;
    }
    if (match) return true;

    struct pawl_buf line = {0};
    pawl__buf_format(&line, "Patch mismatch. History patches: [");
    for (size_t at = 0; at < known->len; at += strlen((char *)known->data + at) + 1)
        pawl__buf_format(&line, "%s%s", at ? ", " : "", (char *)known->data + at);
    pawl__buf_format(&line, "], current patches: [");
    for (i = 0; i < given_count; i++) pawl__buf_format(&line, "%s%s", i ? ", " : "", given[i]);
    pawl__buf_format(&line, "]. "); // the reference's text ends with a blank
    *text = line.failed ? NULL : pawl__arena_dup(turn->arena, pawl__buf_str(&line));
    pawl__buf_finish(&line);
    return false;
}

static bool turn_stall(struct turn *turn, Pb__StalledReason reason, char *text) {
    struct pawl_instance *instance = turn->instance;
    turn->outcome->stalled = true;
    if (!text) return false;
    if (instance->stalled && strcmp(instance->stall_text, text) == 0) return true; // told already
    Pb__HistoryEvent *event = turn_event(turn, EVENT(EXECUTION_STALLED), -1);
    if (!event) return false;
    event->executionstalled->reason = reason;
    event->executionstalled->_description_case =
        PB__EXECUTION_STALLED_EVENT___DESCRIPTION_DESCRIPTION;
    event->executionstalled->description = text;
    free(instance->stall_text);
    instance->stalled = true;
    instance->stall_text = pawl__str_dup(pawl__str(text));
    instance->updated_at = turn->record->completed_at;
    return instance->stall_text && turn_add_event(turn, event);
}

// Stalls the instance if this worker's code cannot go on with its history. False on no memory.
static bool turn_check_version(struct turn *turn) {
    char *text = NULL;
    for (size_t i = 0; i < turn->response->n_actions; i++) {
        if (turn->response->actions[i]->workflow_action_type_case !=
            ACTION(WORKFLOW_VERSION_NOT_AVAILABLE))
            continue;
        const char *version =
            turn->instance->version ? turn->instance->version : turn->instance->name;
        text = pawl__arena_format(turn->arena, "Version not available: %s", version);
        return turn_stall(turn, PB__STALLED_REASON__VERSION_NOT_AVAILABLE, text);
    }
    if (turn_patches_match(turn, &text)) return true;
    return turn_stall(turn, PB__STALLED_REASON__PATCH_MISMATCH, text);
}

// --- the events of the turn ---------------------------------------------------------------------

// Notes the version of the code that answered: in the event, only what is new.
static bool turn_note_version(struct turn *turn, Pb__WorkflowStartedEvent *started) {
    if (!turn->response->_version_case) return true;
    struct pawl_instance *instance = turn->instance;
    const Pb__WorkflowVersion *given = turn->response->version;
    Pb__WorkflowVersion *version = pawl__arena_alloc(turn->arena, sizeof *version);
    if (!version) return false;
    *version = *given;
    size_t known = 0;
    for (size_t at = 0; at < instance->patches.len; known++)
        at += strlen((char *)instance->patches.data + at) + 1;
    version->n_patches = given->n_patches - known;
    if (known) version->patches += known;
    for (size_t i = 0; i < version->n_patches; i++)
        if (!pawl__buf_append(&instance->patches, version->patches[i],
                              strlen(version->patches[i]) + 1))
            return false;
    if (given->_name_case && *given->name) {
        free(instance->version);
        instance->version = pawl__str_dup(pawl__str(given->name));
        if (!instance->version) return false;
    }
    started->_version_case = PB__WORKFLOW_STARTED_EVENT___VERSION_VERSION;
    started->version = version;
    return true;
}

// Of an event's name, whatever the case of its letters; never 0.
static uint32_t turn_hash_name(struct pawl_str name) {
    uint32_t hash = 2166136261u; // FNV-1a
    for (size_t i = 0; i < name.len; i++)
        hash = (hash ^ ((unsigned char)name.data[i] | 0x20u)) * 16777619u;
    return hash ? hash : 1;
}

// The name of the event whose wait a timer bounds. NULL: memory is out, or it is not such a
// timer's.
static const char *turn_timer_event(struct turn *turn, const struct pawl_pending *item) {
    const Pb__HistoryEvent *event =
        pawl__history_at(&turn->instance->history, item->offset, turn->arena);
    if (!event || event->event_type_case != EVENT(TIMER_CREATED)) return NULL;
    const Pb__TimerCreatedEvent *timer = event->timercreated;
    return timer->origin_case == PB__TIMER_CREATED_EVENT__ORIGIN_EXTERNAL_EVENT
               ? timer->externalevent->name
               : timer->name;
}

// An event that a wait was for cancels the oldest timer of such a wait. Names differ by case only
// in what SDKs make of them.
static bool turn_cancel_event_timer(struct turn *turn, struct pawl_str bytes) {
    enum {
        NAME = 1 // of EventRaisedEvent
    };
    struct pawl_pending_list *pending = &turn->instance->pending;
    if (!pending->timers) return true;
    struct pawl_pb_field name = {0}; // an empty name is left out
    pawl__pb_find(pawl__event_body(bytes).bytes, NAME, &name);
    uint32_t hash = turn_hash_name(name.bytes);
    for (uint32_t i = pending->first; i < pending->len; i++) {
        struct pawl_pending *item = &pending->items[i];
        if (item->kind != PAWL_PENDING_EVENT_TIMER || (item->event && item->event != hash))
            continue;
        const char *awaited = turn_timer_event(turn, item);
        if (!awaited) return false;
        item->event = turn_hash_name(pawl__str(awaited));
        if (!pawl__str_equal_nocase(pawl__str(awaited), name.bytes)) continue;
        pawl__pending_remove(pending, item);
        return true;
    }
    return true;
}

static bool turn_absorb_terminate(struct turn *turn, uint32_t offset) {
    Pb__HistoryEvent *event = pawl__history_at(&turn->instance->history, offset, turn->arena);
    if (!event) return false;
    turn->terminated = true;
    turn->terminate_reason = pawl__string_of(event->executionterminated->input);
    if (event->executionterminated->recurse) turn->instance->terminate_children = true;
    return true;
}

// Moves the events that the turn saw from the inbox to the history.
static bool turn_absorb_inbox(struct turn *turn) {
    struct pawl_instance *instance = turn->instance;
    struct pawl_str inbox = pawl__buf_str(&instance->inbox.bytes);
    struct pawl_event_view view;
    size_t at = 0;
    for (uint32_t i = 0; i < turn->record->inbox_events; i++) {
        if (!pawl__history_next(inbox, &at, &view)) return false;
        uint32_t offset = (uint32_t)instance->history.bytes.len;
        if (!pawl__history_add_bytes(&instance->history, view.bytes)) return false;
        bool ok = true;
        switch (pawl__event_type(view.bytes)) {
        case EVENT(EXECUTION_STARTED): instance->start_offset = offset; break;
        case EVENT(EXECUTION_SUSPENDED): instance->suspended = true; break;
        case EVENT(EXECUTION_RESUMED): instance->suspended = false; break;
        case EVENT(EXECUTION_TERMINATED): ok = turn_absorb_terminate(turn, offset); break;
        case EVENT(EVENT_RAISED): ok = turn_cancel_event_timer(turn, view.bytes); break;
        default: break;
        }
        if (!ok) return false;
    }
    pawl__buf_consume(&instance->inbox.bytes, at);
    instance->inbox.count -= turn->record->inbox_events;
    instance->turn_events = 0;
    return true;
}

// Reads what turns need of the event that began the execution: not its input, which may be large.
static bool turn_read_start(struct turn *turn) {
    enum {
        PARENT = 5,
        TRACE = 7,
        SPAN = 8
    };
    struct pawl_pb_field body = pawl__event_body(
        pawl__history_bytes(&turn->instance->history, turn->instance->start_offset));
    Pb__ExecutionStartedEvent *start = pawl__arena_alloc(turn->arena, sizeof *start);
    if (!start || body.number != EVENT(EXECUTION_STARTED)) return false;
    pb__execution_started_event__init(start);
    turn->start = start;
    struct pawl_pb_reader reader = pawl__pb_reader(body.bytes);
    struct pawl_pb_field part;
    bool ok = true;
    while (ok && pawl__pb_next(&reader, &part)) {
        if (part.number == PARENT)
            ok = (start->parentinstance = pawl__wire_unpack(
                      turn->arena, &pb__parent_instance_info__descriptor, part.bytes, NULL));
        if (part.number == TRACE)
            ok = (start->parenttracecontext = pawl__wire_unpack(
                      turn->arena, &pb__trace_context__descriptor, part.bytes, NULL));
        if (part.number == SPAN)
            ok = (start->workflowspanid = pawl__wire_unpack(
                      turn->arena, &google__protobuf__string_value__descriptor, part.bytes, NULL));
    }
    if (!ok) return false;
    turn->context = start->parenttracecontext;
    turn->is_traced = pawl__trace_of_start(start, &turn->trace);
    if (!turn->is_traced) return true;
    turn->context = pawl__trace_context(turn->arena, &turn->trace, turn->context->tracestate);
    return turn->context;
}

static bool turn_begin(struct turn *turn) {
    Pb__HistoryEvent *event =
        pawl__event_create(turn->arena, turn->record->started_at, EVENT(WORKFLOW_STARTED));
    if (!event || !turn_note_version(turn, event->workflowstarted)) return false;
    if (pawl__turn_begins_anew(turn->instance) &&
        !pawl__event_set_source(turn->arena, event, turn->app_id))
        return false;
    if (!turn_add_event(turn, event) || !turn_absorb_inbox(turn)) return false;
    if (!turn->instance->started_at) turn->instance->started_at = turn->record->started_at;
    return turn_read_start(turn);
}

static bool turn_set_custom_status(struct turn *turn) {
    struct pawl_instance *instance = turn->instance;
    const char *text = pawl__string_of(turn->response->customstatus);
    pawl__buf_clear(&instance->custom_status);
    instance->has_custom_status = text && *text;
    return !instance->has_custom_status ||
           pawl__buf_append(&instance->custom_status, text, strlen(text));
}

static bool turn_apply_action(struct turn *turn, const Pb__WorkflowAction *action) {
    switch (action->workflow_action_type_case) {
    case ACTION(SCHEDULE_TASK): return turn_schedule_task(turn, action);
    case ACTION(CREATE_TIMER): return turn_create_timer(turn, action);
    case ACTION(CREATE_CHILD_WORKFLOW): return turn_create_child(turn, action);
    case ACTION(CREATE_DETACHED_WORKFLOW): return turn_create_detached(turn, action);
    case ACTION(COMPLETE_WORKFLOW): {
        const Pb__CompleteWorkflowAction *end = action->completeworkflow;
        if (end->workflowstatus == STATUS(CONTINUED_AS_NEW)) return true; // a terminate won over it
        return turn_complete(turn, action->id, end->workflowstatus, end->result,
                             end->failuredetails);
    }
    default: return false;
    }
}

// The continue-as-new that ends this generation, if the first completion is one.
static const Pb__CompleteWorkflowAction *turn_find_continue(const struct turn *turn) {
    for (size_t i = 0; i < turn->response->n_actions && !turn->terminated; i++) {
        const Pb__WorkflowAction *action = turn->response->actions[i];
        if (action->workflow_action_type_case != ACTION(COMPLETE_WORKFLOW)) continue;
        bool continues = action->completeworkflow->workflowstatus == STATUS(CONTINUED_AS_NEW);
        return continues ? action->completeworkflow : NULL;
    }
    return NULL;
}

static bool turn_apply_actions(struct turn *turn) {
    struct pawl_instance *instance = turn->instance;
    for (size_t i = 0; i < turn->response->n_actions; i++)
        if (!turn_apply_action(turn, turn->response->actions[i])) return false;
    if (turn->terminated && !pawl__instance_completed(instance)) {
        Google__Protobuf__StringValue *reason;
        if (!turn_set_value(turn, &reason, turn->terminate_reason) ||
            !turn_complete(turn, -1, STATUS(TERMINATED), reason, NULL))
            return false;
    }
    if (!pawl__instance_completed(instance)) return true;
    pawl__pending_drop_timers(&instance->pending);
    pawl__history_finish(&instance->inbox);
    return !instance->terminate_children || turn_terminate_children(turn);
}

bool pawl__apply_turn(struct pawl_instance *instance, char *app_id, const Plog__Turn *record,
                      const Pb__WorkflowResponse *response, struct pawl_arena *arena,
                      struct pawl_outcome *outcome) {
    *outcome = (struct pawl_outcome){.arena = arena, .last = &outcome->messages};
    outcome->tasks = pawl__arena_alloc(arena, (response->n_actions + 1) * sizeof *outcome->tasks);
    struct turn turn = {
        .instance = instance,
        .app_id = app_id,
        .record = record,
        .response = response,
        .arena = arena,
        .outcome = outcome,
    };
    if (!outcome->tasks || !instance->exists || record->inbox_events > instance->inbox.count)
        return false;
    if (!turn_check_version(&turn)) return false;
    if (outcome->stalled) return true;

    if (!turn_begin(&turn) || !turn_set_custom_status(&turn)) return false;
    free(instance->stall_text);
    instance->stall_text = NULL;
    instance->stalled = false;
    instance->updated_at = record->completed_at;
    const Pb__CompleteWorkflowAction *next = turn_find_continue(&turn);
    return next ? turn_continue_as_new(&turn, next) : turn_apply_actions(&turn);
}
