#include "engine/apply.h"

#include <stdlib.h>

#include "engine/events.h"
#include "wire/timestamp.h"
#include "wire/unpack.h"

// Replaces the heap string at |*place| by a copy of |text|, which may be NULL.
static bool apply_set_text(char **place, const char *text) {
    char *copy = NULL;
    if (text && !(copy = pawl__str_dup(pawl__str(text)))) return false;
    free(*place);
    *place = copy;
    return true;
}

bool pawl__apply_create(struct pawl_instance *instance, const Plog__Create *create,
                        struct pawl_arena *arena) {
    Pb__HistoryEvent *event = pawl__wire_unpack(
        arena, &pb__history_event__descriptor,
        (struct pawl_str){(char *)create->start_event.data, create->start_event.len}, NULL);
    if (!event || event->event_type_case != PB__HISTORY_EVENT__EVENT_TYPE_EXECUTION_STARTED)
        return false;
    const Pb__ExecutionStartedEvent *start = event->executionstarted;
    pawl__instance_reset(instance);
    instance->exists = true;
    instance->generation = create->generation;
    instance->created_at = instance->updated_at = pawl__timestamp_get(event->timestamp);
    if (start->scheduledstarttimestamp) {
        int64_t at = pawl__timestamp_get(start->scheduledstarttimestamp);
        if (at > instance->created_at) instance->start_at = at;
    }
    return apply_set_text(&instance->name, start->name) &&
           apply_set_text(&instance->execution_id,
                          start->workflowinstance
                              ? pawl__string_of(start->workflowinstance->executionid)
                              : NULL) &&
           pawl__history_add_bytes(
               &instance->inbox,
               (struct pawl_str){(char *)create->start_event.data, create->start_event.len});
}

static bool apply_stall(struct pawl_instance *instance, const Pb__HistoryEvent *event,
                        struct pawl_str bytes) {
    const Pb__ExecutionStalledEvent *stalled = event->executionstalled;
    bool described =
        stalled->_description_case != PB__EXECUTION_STALLED_EVENT___DESCRIPTION__NOT_SET;
    instance->stalled = true;
    instance->updated_at = pawl__timestamp_get(event->timestamp);
    return apply_set_text(&instance->stall_text, described ? stalled->description : "") &&
           pawl__history_add_bytes(&instance->history, bytes);
}

// The pending item that |event| resolves; NULL when it resolves none.
static struct pawl_pending *apply_resolved(struct pawl_instance *instance,
                                           const Pb__HistoryEvent *event) {
    int32_t id;
    switch (event->event_type_case) {
    case PB__HISTORY_EVENT__EVENT_TYPE_TASK_COMPLETED:
        id = event->taskcompleted->taskscheduledid;
        break;
    case PB__HISTORY_EVENT__EVENT_TYPE_TASK_FAILED: id = event->taskfailed->taskscheduledid; break;
    case PB__HISTORY_EVENT__EVENT_TYPE_TIMER_FIRED: id = event->timerfired->timerid; break;
    case PB__HISTORY_EVENT__EVENT_TYPE_CHILD_WORKFLOW_INSTANCE_COMPLETED:
        id = event->childworkflowinstancecompleted->taskscheduledid;
        break;
    case PB__HISTORY_EVENT__EVENT_TYPE_CHILD_WORKFLOW_INSTANCE_FAILED:
        id = event->childworkflowinstancefailed->taskscheduledid;
        break;
    default: return NULL;
    }
    return pawl__pending_find(&instance->pending, id);
}

bool pawl__apply_event(struct pawl_instance *instance, struct pawl_str bytes,
                       struct pawl_arena *arena) {
    Pb__HistoryEvent *event = pawl__wire_unpack(arena, &pb__history_event__descriptor, bytes, NULL);
    if (!event || !instance->exists) return false;
    if (event->event_type_case == PB__HISTORY_EVENT__EVENT_TYPE_EXECUTION_STALLED)
        return apply_stall(instance, event, bytes);
    struct pawl_pending *resolved = apply_resolved(instance, event);
    if (resolved) pawl__pending_remove(&instance->pending, resolved);
    // A completed instance only takes note that nothing of it runs any more.
    return pawl__instance_completed(instance) || pawl__history_add_bytes(&instance->inbox, bytes);
}

void pawl__apply_purge(struct pawl_instance *instance) {
    pawl__instance_reset(instance);
}
