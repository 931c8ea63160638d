#include "engine/turn.h"

// How an execution ends.

// Tells the parent, if there is one, how the instance ended.
static enum pawl_err end_tell_parent(struct pawl_turn *turn, int32_t status,
                                     Google__Protobuf__StringValue *result,
                                     Pb__TaskFailureDetails *failure) {
    const Pb__ParentInstanceInfo *parent = turn->start->parentinstance;
    if (!parent || !parent->workflowinstance) return PAWL_OK;
    bool ok = status == STATUS(COMPLETED);
    Pb__HistoryEvent *event = pawl__turn_event(
        turn, ok ? EVENT(CHILD_WORKFLOW_INSTANCE_COMPLETED) : EVENT(CHILD_WORKFLOW_INSTANCE_FAILED),
        -1);
    if (!event || !pawl__event_set_source(turn->arena, event, turn->app_id)) return PAWL_E_NOMEM;
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
    const char *app = parent->_app_id_case && *parent->appid ? parent->appid : NULL;
    return pawl__turn_send(turn, PAWL_MESSAGE_CHILD_ENDED, app,
                           parent->workflowinstance->instanceid, -1, event);
}

enum pawl_err pawl__turn_end_children(struct pawl_turn *turn) {
    struct pawl_instance *instance = turn->instance;
    for (uint32_t i = 0; i < instance->pending.len; i++) {
        const struct pawl_pending *item = &instance->pending.items[i];
        if (item->kind != PAWL_PENDING_CHILD) continue;
        Pb__HistoryEvent *created = pawl__history_at(&instance->history, item->offset, turn->arena);
        Pb__HistoryEvent *event = pawl__turn_event(turn, EVENT(EXECUTION_TERMINATED), -1);
        if (!created || !event) return PAWL_E_NOMEM;
        event->executionterminated->recurse = true;
        event->executionterminated->input = pawl__string_value(turn->arena, turn->terminate_reason);
        if (turn->terminate_reason && !event->executionterminated->input) return PAWL_E_NOMEM;
        enum pawl_err err =
            pawl__turn_send(turn, PAWL_MESSAGE_END_CHILD, pawl__event_app(created),
                            created->childworkflowinstancecreated->instanceid, item->id, event);
        if (err) return err;
    }
    return PAWL_OK;
}

enum pawl_err pawl__turn_complete(struct pawl_turn *turn, int32_t id, int32_t status,
                                  Google__Protobuf__StringValue *result,
                                  Pb__TaskFailureDetails *failure) {
    struct pawl_instance *instance = turn->instance;
    if (pawl__instance_completed(instance)) return PAWL_OK; // the first completion wins
    Pb__HistoryEvent *event = pawl__turn_event(turn, EVENT(EXECUTION_COMPLETED), id);
    if (!event || !pawl__event_set_source(turn->arena, event, turn->app_id)) return PAWL_E_NOMEM;
    event->executioncompleted->workflowstatus = (Pb__OrchestrationStatus)status;
    event->executioncompleted->result = result;
    event->executioncompleted->failuredetails = failure;
    pawl__failure_cut(failure);
    instance->final_offset = (uint32_t)instance->history.bytes.len;
    instance->final_status = status;
    instance->completed_at = turn->record->completed_at;
    enum pawl_err err = pawl__turn_add(turn, event);
    return err ? err : end_tell_parent(turn, status, result, failure);
}
