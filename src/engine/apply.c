#include "engine/apply.h"

#include <stdlib.h>

#include "engine/events.h"
#include "wire/pb.h"
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
    if (!event || !event->timestamp ||
        event->event_type_case != PB__HISTORY_EVENT__EVENT_TYPE_EXECUTION_STARTED)
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

static bool apply_stall(struct pawl_instance *instance, struct pawl_str bytes,
                        struct pawl_arena *arena) {
    const Pb__HistoryEvent *event =
        pawl__wire_unpack(arena, &pb__history_event__descriptor, bytes, NULL);
    if (!event || !event->timestamp) return false;
    const Pb__ExecutionStalledEvent *stalled = event->executionstalled;
    bool described =
        stalled->_description_case != PB__EXECUTION_STALLED_EVENT___DESCRIPTION__NOT_SET;
    instance->stalled = true;
    instance->updated_at = pawl__timestamp_get(event->timestamp);
    return apply_set_text(&instance->stall_text, described ? stalled->description : "") &&
           pawl__history_add_bytes(&instance->history, bytes);
}

// The pending item that an event with |body| resolves; NULL when it resolves none.
static struct pawl_pending *apply_resolved(struct pawl_instance *instance,
                                           struct pawl_pb_field body) {
    enum {
        TASK_SCHEDULED_ID = 1,
        TIMER_ID = 2
    };
    unsigned number = TASK_SCHEDULED_ID;
    switch (body.number) {
    case PB__HISTORY_EVENT__EVENT_TYPE_TIMER_FIRED: number = TIMER_ID; break;
    case PB__HISTORY_EVENT__EVENT_TYPE_TASK_COMPLETED:
    case PB__HISTORY_EVENT__EVENT_TYPE_TASK_FAILED:
    case PB__HISTORY_EVENT__EVENT_TYPE_CHILD_WORKFLOW_INSTANCE_COMPLETED:
    case PB__HISTORY_EVENT__EVENT_TYPE_CHILD_WORKFLOW_INSTANCE_FAILED: break;
    default: return NULL;
    }
    struct pawl_pb_field id = {0}; // an id of 0 is left out
    pawl__pb_find(body.bytes, number, &id);
    return pawl__pending_find(&instance->pending, (int32_t)id.value);
}

bool pawl__apply_event(struct pawl_instance *instance, struct pawl_str bytes,
                       struct pawl_arena *arena) {
    if (!instance->exists) return false;
    struct pawl_pb_field body = pawl__event_body(bytes);
    if (body.number == PB__HISTORY_EVENT__EVENT_TYPE_EXECUTION_STALLED)
        return apply_stall(instance, bytes, arena);
    struct pawl_pending *resolved = apply_resolved(instance, body);
    if (resolved) pawl__pending_remove(&instance->pending, resolved);
    // A completed instance only takes note that nothing of it runs any more.
    return pawl__instance_completed(instance) || pawl__history_add_bytes(&instance->inbox, bytes);
}

void pawl__apply_purge(struct pawl_instance *instance) {
    pawl__instance_reset(instance);
}
