#include "engine/fold.h"
#include "engine/propagation.h"
#include "engine/turn.h"
#include "wire/pack.h"

// What the actions of an answer leave in the history of the instance, and what they say to others.

const char *pawl__action_target_app(const Pb__WorkflowAction *action, const char *app_id) {
    if (!action->_router_case || !action->router->_target_app_id_case) return NULL;
    const char *target = action->router->targetappid;
    return *target && strcmp(target, app_id) != 0 ? target : NULL;
}

// The event that |action| leaves behind, which says which app it came from, and for which one it
// was. NULL: memory is out.
static Pb__HistoryEvent *action_event(struct pawl_turn *turn, const Pb__WorkflowAction *action,
                                      Pb__HistoryEvent__EventTypeCase type) {
    Pb__HistoryEvent *event = pawl__turn_event(turn, type, action->id);
    Pb__TaskRouter *router = pawl__arena_alloc(turn->arena, sizeof *router);
    if (!event || !router) return NULL;
    if (action->_router_case)
        *router = *action->router;
    else
        pb__task_router__init(router);
    router->sourceappid = (char *)(uintptr_t)turn->app_id;
    event->_router_case = PB__HISTORY_EVENT___ROUTER_ROUTER;
    event->router = router;
    return event;
}

static enum pawl_err action_schedule_task(struct pawl_turn *turn,
                                          const Pb__WorkflowAction *action) {
    const Pb__ScheduleTaskAction *task = action->scheduletask;
    Pb__HistoryEvent *event = action_event(turn, action, EVENT(TASK_SCHEDULED));
    if (!event) return PAWL_E_NOMEM;
    Pb__TaskScheduledEvent *scheduled = event->taskscheduled;
    scheduled->name = task->name;
    scheduled->version = task->version;
    scheduled->input = task->input;
    scheduled->taskexecutionid = task->taskexecutionid;
    scheduled->attempt = task->attempt;
    scheduled->parenttracecontext = turn->context;
    if (task->_history_propagation_scope_case) {
        scheduled->_history_propagation_scope_case =
            PB__TASK_SCHEDULED_EVENT___HISTORY_PROPAGATION_SCOPE_HISTORY_PROPAGATION_SCOPE;
        scheduled->historypropagationscope = task->historypropagationscope;
    }
    enum pawl_err err = pawl__turn_add_pending(turn, event, PAWL_PENDING_TASK, 0);
    return err ? err : pawl__turn_dispatch(turn, event);
}

static enum pawl_err action_create_timer(struct pawl_turn *turn, const Pb__WorkflowAction *action) {
    const Pb__CreateTimerAction *timer = action->createtimer;
    Pb__HistoryEvent *event = action_event(turn, action, EVENT(TIMER_CREATED));
    if (!event) return PAWL_E_NOMEM;
    Pb__TimerCreatedEvent *created = event->timercreated;
    created->fireat = timer->fireat;
    if (timer->_name_case) {
        created->_name_case = PB__TIMER_CREATED_EVENT___NAME_NAME;
        created->name = timer->name;
    }
    // The four origins stand under consecutive numbers in both messages, and hold a pointer each.
    if (timer->origin_case) {
        created->origin_case =
            (Pb__TimerCreatedEvent__OriginCase)((int)timer->origin_case -
                                                PB__CREATE_TIMER_ACTION__ORIGIN_CREATE_TIMER +
                                                PB__TIMER_CREATED_EVENT__ORIGIN_CREATE_TIMER);
        created->createtimer = timer->createtimer;
    }
    return pawl__turn_add_pending(turn, event, pawl__timer_kind(created),
                                  pawl__timer_fire_at(event));
}

// --- other instances ----------------------------------------------------------------------------

char *pawl__child_default_id(struct pawl_str parent, int32_t task, struct pawl_arena *arena) {
    enum {
        DIGITS = 4 // at least
    };
    uint32_t number = (uint32_t)task;
    unsigned digits = DIGITS;
    while (digits < 8 && number >> 4 * digits) digits++;
    char *id = pawl__arena_alloc(arena, parent.len + 1 + digits + 1);
    if (!id) return NULL;
    memcpy(id, parent.data, parent.len);
    id[parent.len] = ':';
    pawl__str_hex(id + parent.len + 1, number, digits);
    id[parent.len + 1 + digits] = 0;
    return id;
}

char *pawl__child_id(const struct pawl_instance *instance, const Pb__WorkflowAction *action,
                     struct pawl_arena *arena) {
    char *given = action->createchildworkflow->instanceid;
    return *given ? given : pawl__child_default_id(pawl__instance_id(instance), action->id, arena);
}

Pb__HistoryEvent *pawl__turn_start_event(struct pawl_turn *turn, char *id, char *name,
                                         Google__Protobuf__StringValue *input) {
    Pb__HistoryEvent *event = pawl__turn_event(turn, EVENT(EXECUTION_STARTED), -1);
    Pb__WorkflowInstance *self = pawl__wire_new(turn->arena, &pb__workflow_instance__descriptor);
    if (!event || !self || !pawl__event_set_source(turn->arena, event, turn->app_id)) return NULL;
    self->instanceid = id;
    self->executionid = pawl__string_value(turn->arena, turn->record->next_execution_id);
    event->executionstarted->name = name;
    event->executionstarted->input = input;
    event->executionstarted->workflowinstance = self;
    return self->executionid ? event : NULL;
}

// Puts an instance that the workflow starts under it in the trace. False: memory is out.
static bool action_trace(struct pawl_turn *turn, Pb__ExecutionStartedEvent *start,
                         enum pawl_trace_part part, int32_t id) {
    start->parenttracecontext = turn->context;
    if (!turn->is_traced) return true;
    struct pawl_trace self = pawl__trace_part(&turn->trace, part, id);
    return pawl__trace_begin(turn->arena, start, &turn->trace, &self, turn->context->tracestate);
}

// Who started a child: |turn|'s instance, by its action |task|. NULL: memory is out.
static Pb__ParentInstanceInfo *action_parent(struct pawl_turn *turn, int32_t task) {
    const struct pawl_instance *instance = turn->instance;
    Pb__ParentInstanceInfo *parent =
        pawl__wire_new(turn->arena, &pb__parent_instance_info__descriptor);
    Pb__WorkflowInstance *self = pawl__wire_new(turn->arena, &pb__workflow_instance__descriptor);
    if (!parent || !self) return NULL;
    self->instanceid = instance->id;
    self->executionid = pawl__string_value(turn->arena, instance->execution_id);
    parent->taskscheduledid = task;
    parent->name = pawl__string_value(turn->arena, instance->name);
    parent->workflowinstance = self;
    parent->_app_id_case = PB__PARENT_INSTANCE_INFO___APP_ID_APP_ID;
    parent->appid = (char *)(uintptr_t)turn->app_id;
    bool ok = parent->name && (self->executionid || !instance->execution_id);
    return ok ? parent : NULL;
}

static enum pawl_err action_create_child(struct pawl_turn *turn, const Pb__WorkflowAction *action) {
    const Pb__CreateChildWorkflowAction *child = action->createchildworkflow;
    char *id = pawl__child_id(turn->instance, action, turn->arena);
    Pb__HistoryEvent *event = action_event(turn, action, EVENT(CHILD_WORKFLOW_INSTANCE_CREATED));
    if (!id || !event) return PAWL_E_NOMEM;
    Pb__ChildWorkflowInstanceCreatedEvent *created = event->childworkflowinstancecreated;
    created->instanceid = id;
    created->name = child->name;
    created->version = child->version;
    created->input = child->input;
    created->parenttracecontext = turn->context;
    if (child->_history_propagation_scope_case) {
        created->_history_propagation_scope_case =
            PB__CHILD_WORKFLOW_INSTANCE_CREATED_EVENT___HISTORY_PROPAGATION_SCOPE_HISTORY_PROPAGATION_SCOPE;
        created->historypropagationscope = child->historypropagationscope;
    }
    if (child->_retry_parent_instance_info_case) {
        created->_retry_parent_instance_info_case =
            PB__CHILD_WORKFLOW_INSTANCE_CREATED_EVENT___RETRY_PARENT_INSTANCE_INFO_RETRY_PARENT_INSTANCE_INFO;
        created->retryparentinstanceinfo = child->retryparentinstanceinfo;
    }
    enum pawl_err err = pawl__turn_add_pending(turn, event, PAWL_PENDING_CHILD, 0);
    return err ? err : pawl__turn_dispatch(turn, event);
}

// What the child that |event| has created gets of the history. False: memory is out.
static bool action_propagate(struct pawl_turn *turn, const Pb__HistoryEvent *event,
                             struct pawl_str *out) {
    *out = (struct pawl_str){0};
    if (!event->childworkflowinstancecreated->historypropagationscope) return true;
    const struct pawl_pending *item = pawl__pending_find(&turn->instance->pending, event->eventid);
    struct pawl_propagation propagation =
        pawl__propagation_of_call(turn->instance, turn->app_id, item->offset);
    struct pawl_buf bytes = {0};
    bool ok = pawl__propagation_put(&propagation, &bytes);
    if (ok)
        *out = (struct pawl_str){pawl__arena_dup(turn->arena, pawl__buf_str(&bytes)), bytes.len};
    pawl__buf_finish(&bytes);
    return ok && out->data;
}

// Starts the child that |event| has created.
static enum pawl_err action_start_child(struct pawl_turn *turn, const Pb__HistoryEvent *event) {
    const Pb__ChildWorkflowInstanceCreatedEvent *created = event->childworkflowinstancecreated;
    Pb__HistoryEvent *first =
        pawl__turn_start_event(turn, created->instanceid, created->name, created->input);
    if (!first) return PAWL_E_NOMEM;
    if (event->_router_case) *first->router = *event->router;
    first->executionstarted->parentinstance = action_parent(turn, event->eventid);
    if (!first->executionstarted->parentinstance) return PAWL_E_NOMEM;
    if (!action_trace(turn, first->executionstarted, PAWL_TRACE_CHILD, event->eventid))
        return PAWL_E_NOMEM;
    struct pawl_str propagated;
    if (!action_propagate(turn, event, &propagated)) return PAWL_E_NOMEM;
    struct pawl_message **sent = turn->outcome->last;
    enum pawl_err err = pawl__turn_send(turn, PAWL_MESSAGE_START_CHILD, pawl__event_app(event),
                                        created->instanceid, event->eventid, first);
    if (!err) (*sent)->propagated = propagated;
    return err;
}

enum pawl_err pawl__turn_dispatch(struct pawl_turn *turn, const Pb__HistoryEvent *event) {
    if (event->event_type_case == EVENT(CHILD_WORKFLOW_INSTANCE_CREATED))
        return action_start_child(turn, event);
    turn->outcome->tasks[turn->outcome->task_count++] = event->eventid;
    return PAWL_OK;
}

static enum pawl_err action_create_detached(struct pawl_turn *turn,
                                            const Pb__WorkflowAction *action) {
    const Pb__CreateDetachedWorkflowAction *detached = action->createdetachedworkflow;
    Pb__HistoryEvent *event = action_event(turn, action, EVENT(DETACHED_WORKFLOW_INSTANCE_CREATED));
    Pb__HistoryEvent *first =
        pawl__turn_start_event(turn, detached->instanceid, detached->name, detached->input);
    if (!event || !first) return PAWL_E_NOMEM;
    if (action->_router_case) *first->router = *event->router;
    event->detachedworkflowinstancecreated->instanceid = detached->instanceid;
    Pb__ExecutionStartedEvent *start = first->executionstarted;
    if (detached->executionid) start->workflowinstance->executionid = detached->executionid;
    start->n_tags = detached->n_tags;
    // The two map entry types have the same fields under the same numbers.
    start->tags = (Pb__ExecutionStartedEvent__TagsEntry **)(void *)detached->tags;
    if (detached->_scheduled_start_timestamp_case)
        start->scheduledstarttimestamp = detached->scheduledstarttimestamp;
    if (!action_trace(turn, start, PAWL_TRACE_DETACHED, action->id)) return PAWL_E_NOMEM;
    if (detached->_parent_trace_context_case)
        start->parenttracecontext = detached->parenttracecontext;
    enum pawl_err err = pawl__turn_add(turn, event);
    return err ? err
               : pawl__turn_send(turn, PAWL_MESSAGE_START_DETACHED,
                                 pawl__action_target_app(action, turn->app_id),
                                 detached->instanceid, action->id, first);
}

// --- events and ends ----------------------------------------------------------------------------

Pb__HistoryEvent *pawl__turn_raised(struct pawl_turn *turn, const Pb__SendEventAction *send) {
    Pb__HistoryEvent *event = pawl__turn_event(turn, EVENT(EVENT_RAISED), -1);
    if (!event) return NULL;
    event->eventraised->name = send->name;
    event->eventraised->input = send->data;
    return event;
}

// Says in the history that |target| was told something. |name|: what.
static enum pawl_err action_note_sent(struct pawl_turn *turn, const Pb__WorkflowAction *action,
                                      char *target, char *name,
                                      Google__Protobuf__StringValue *input) {
    Pb__HistoryEvent *event = action_event(turn, action, EVENT(EVENT_SENT));
    if (!event) return PAWL_E_NOMEM;
    event->eventsent->instanceid = target;
    event->eventsent->name = name;
    event->eventsent->input = input;
    return pawl__turn_add(turn, event);
}

// What comes from another app says from which.
static bool action_set_apps(struct pawl_turn *turn, const Pb__WorkflowAction *action,
                            Pb__HistoryEvent *event) {
    if (!pawl__action_target_app(action, turn->app_id)) return true;
    if (!pawl__event_set_source(turn->arena, event, turn->app_id)) return false;
    event->router->_target_app_id_case = PB__TASK_ROUTER___TARGET_APP_ID_TARGET_APP_ID;
    event->router->targetappid = action->router->targetappid;
    return true;
}

static enum pawl_err action_send(struct pawl_turn *turn, const Pb__WorkflowAction *action) {
    Pb__HistoryEvent *event = pawl__turn_raised(turn, action->sendevent);
    if (!event || !action_set_apps(turn, action, event)) return PAWL_E_NOMEM;
    return pawl__turn_send(turn, PAWL_MESSAGE_EVENT, pawl__action_target_app(action, turn->app_id),
                           action->sendevent->instance->instanceid, action->id, event);
}

static enum pawl_err action_terminate(struct pawl_turn *turn, const Pb__WorkflowAction *action) {
    const Pb__TerminateWorkflowAction *end = action->terminateworkflow;
    Pb__HistoryEvent *event = pawl__turn_event(turn, EVENT(EXECUTION_TERMINATED), -1);
    if (!event) return PAWL_E_NOMEM;
    event->executionterminated->input = end->reason;
    event->executionterminated->recurse = end->recurse;
    if (!action_set_apps(turn, action, event)) return PAWL_E_NOMEM;
    return pawl__turn_send(turn, PAWL_MESSAGE_TERMINATE,
                           pawl__action_target_app(action, turn->app_id), end->instanceid,
                           action->id, event);
}

enum pawl_err pawl__turn_act_at_end(struct pawl_turn *turn, const Pb__WorkflowAction *action) {
    switch (action->workflow_action_type_case) {
    case ACTION(SEND_EVENT): return action_send(turn, action);
    case ACTION(TERMINATE_WORKFLOW): return action_terminate(turn, action);
    default: return PAWL_OK;
    }
}

enum pawl_err pawl__turn_act(struct pawl_turn *turn, const Pb__WorkflowAction *action) {
    enum pawl_err err = PAWL_OK;
    switch (action->workflow_action_type_case) {
    case ACTION(SCHEDULE_TASK): return action_schedule_task(turn, action);
    case ACTION(CREATE_TIMER): return action_create_timer(turn, action);
    case ACTION(CREATE_CHILD_WORKFLOW): return action_create_child(turn, action);
    case ACTION(CREATE_DETACHED_WORKFLOW): return action_create_detached(turn, action);
    case ACTION(SEND_EVENT): {
        const Pb__SendEventAction *send = action->sendevent;
        if (!send->instance) return PAWL_E_INVALID;
        err = action_note_sent(turn, action, send->instance->instanceid, send->name, send->data);
        return err ? err : action_send(turn, action);
    }
    case ACTION(TERMINATE_WORKFLOW): {
        const Pb__TerminateWorkflowAction *end = action->terminateworkflow;
        // No SDK but Pawl's own knows an event that confirms it.
        if (end->confirm)
            err = action_note_sent(turn, action, end->instanceid, PAWL_TERMINATE_SENT, end->reason);
        return err ? err : action_terminate(turn, action);
    }
    case ACTION(COMPLETE_WORKFLOW): {
        const Pb__CompleteWorkflowAction *end = action->completeworkflow;
        if (end->workflowstatus == STATUS(CONTINUED_AS_NEW))
            return PAWL_OK; // a terminate won over it
        return pawl__turn_complete(turn, action->id, end->workflowstatus, end->result,
                                   end->failuredetails);
    }
    default: return PAWL_E_INVALID;
    }
}
