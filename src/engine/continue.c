#include <stdlib.h>

#include "engine/propagation.h"
#include "engine/turn.h"

// Continue-as-new: how one generation ends, and the next one begins.

// Whether such an event answers something that one generation scheduled: to the next one its id
// says nothing, or something else.
static bool continue_resolves(Pb__HistoryEvent__EventTypeCase type) {
    switch (type) {
    case EVENT(TASK_COMPLETED):
    case EVENT(TASK_FAILED):
    case EVENT(TIMER_FIRED):
    case EVENT(CHILD_WORKFLOW_INSTANCE_COMPLETED):
    case EVENT(CHILD_WORKFLOW_INSTANCE_FAILED): return true;
    default: return false;
    }
}

const Pb__CompleteWorkflowAction *pawl__turn_find_continue(const struct pawl_turn *turn) {
    for (size_t i = 0; i < turn->response->n_actions && !turn->terminated; i++) {
        const Pb__WorkflowAction *action = turn->response->actions[i];
        if (action->workflow_action_type_case != ACTION(COMPLETE_WORKFLOW)) continue;
        bool continues = action->completeworkflow->workflowstatus == STATUS(CONTINUED_AS_NEW);
        return continues ? action->completeworkflow : NULL;
    }
    return NULL;
}

// Whether |action| sends an event to the instance itself. .NET's SDKs up to 1.16 keep the events of
// a continue-as-new in this way.
static bool continue_keeps_event(const struct pawl_turn *turn, const Pb__WorkflowAction *action) {
    return action->workflow_action_type_case == ACTION(SEND_EVENT) && action->sendevent->instance &&
           !pawl__action_target_app(action, turn->app_id) &&
           strcmp(action->sendevent->instance->instanceid, turn->instance->id) == 0;
}

// What the answer carries over, and what it sends to its own instance: both were seen by this
// generation, and so come before what was not.
static enum pawl_err continue_keep_events(struct pawl_turn *turn,
                                          const Pb__CompleteWorkflowAction *action) {
    for (size_t i = 0; i < action->n_carryoverevents; i++)
        if (!continue_resolves(action->carryoverevents[i]->event_type_case) &&
            !pawl__history_add(&turn->next, action->carryoverevents[i]))
            return PAWL_E_NOMEM;
    int64_t at = turn->record->completed_at;
    for (size_t i = 0; i < turn->response->n_actions; i++) {
        enum pawl_err err = PAWL_OK;
        if (!continue_keeps_event(turn, turn->response->actions[i])) {
            err = pawl__turn_act_at_end(turn, turn->response->actions[i]);
            if (err) return err;
            continue;
        }
        Pb__HistoryEvent *event = pawl__turn_raised(turn, turn->response->actions[i]->sendevent);
        // Name and time tell raised events apart.
        if (event) event->timestamp = pawl__timestamp(turn->arena, ++at);
        if (!event || !event->timestamp || !pawl__history_add(&turn->next, event))
            return PAWL_E_NOMEM;
    }
    return PAWL_OK;
}

// The next generation's history starts with the same name and parent and a new input; then come the
// events that it keeps, and those that were not yet seen.
enum pawl_err pawl__turn_continue(struct pawl_turn *turn,
                                  const Pb__CompleteWorkflowAction *action) {
    struct pawl_instance *instance = turn->instance;
    Pb__HistoryEvent *first =
        pawl__turn_start_event(turn, instance->id, instance->name, action->result);
    if (!first) return PAWL_E_NOMEM;
    first->executionstarted->parentinstance = turn->start->parentinstance;
    if (turn->is_traced &&
        !pawl__trace_begin_next(turn->arena, first->executionstarted, &turn->trace))
        return PAWL_E_NOMEM;
    turn->execution_id = pawl__str_dup(pawl__str(turn->record->next_execution_id));
    if (!turn->execution_id || !pawl__history_add(&turn->next, first)) return PAWL_E_NOMEM;
    struct pawl_propagation propagation = pawl__propagation_of_next(instance, turn->app_id);
    if (!pawl__propagation_put(&propagation, &turn->propagated)) return PAWL_E_NOMEM;
    enum pawl_err err = continue_keep_events(turn, action);
    if (err) return err;
    struct pawl_str inbox = pawl__buf_str(&instance->inbox.bytes);
    struct pawl_event_view view;
    size_t at = turn->absorbed;
    while (pawl__history_next(inbox, &at, &view))
        if (!continue_resolves(pawl__event_type(view.bytes)) &&
            !pawl__history_add_bytes(&turn->next, view.bytes))
            return PAWL_E_NOMEM;
    turn->continues = true;
    return PAWL_OK;
}

void pawl__turn_begin_next(struct pawl_turn *turn) {
    struct pawl_instance *instance = turn->instance;
    pawl__history_finish(&instance->inbox);
    instance->inbox = turn->next;
    pawl__history_finish(&instance->history);
    pawl__pending_clear(&instance->pending);
    pawl__buf_finish(&instance->patches);
    pawl__buf_finish(&instance->propagated);
    instance->propagated = turn->propagated;
    free(instance->version);
    free(instance->execution_id);
    instance->version = NULL;
    instance->execution_id = turn->execution_id;
    instance->continued = true;
    instance->suspended = false; // the worker's new run knows of no suspension
    instance->generation++;
    instance->sent = 0;
    instance->created_at = turn->record->completed_at;
    instance->started_at = instance->start_at = 0;
    instance->start_offset = 0;
    instance->saved_events = 0;
    instance->saved_bytes = 0;
    instance->kept_by = 0;
}
