#include "engine/apply.h"

#include <stdlib.h>

#include "engine/events.h"
#include "engine/fold.h"
#include "wire/pb.h"
#include "wire/timestamp.h"
#include "wire/unpack.h"

// The start event of |create|, or NULL.
static const Pb__HistoryEvent *apply_start_event(struct pawl_str bytes, struct pawl_arena *arena,
                                                 enum pawl_err *err) {
    const Pb__HistoryEvent *event = pawl__wire_decode(arena, &pb__history_event__descriptor, bytes);
    *err = event ? PAWL_E_INVALID : PAWL_E_NOMEM;
    if (!event || !event->timestamp ||
        event->event_type_case != PB__HISTORY_EVENT__EVENT_TYPE_EXECUTION_STARTED)
        return NULL;
    *err = PAWL_OK;
    return event;
}

enum pawl_err pawl__apply_create(struct pawl_instance *instance, const Plog__Create *create,
                                 struct pawl_arena *arena) {
    struct pawl_str bytes = {(const char *)create->start_event.data, create->start_event.len};
    enum pawl_err err;
    const Pb__HistoryEvent *event = apply_start_event(bytes, arena, &err);
    if (!event) return err;
    const Pb__ExecutionStartedEvent *start = event->executionstarted;
    const char *given =
        start->workflowinstance ? pawl__string_of(start->workflowinstance->executionid) : NULL;
    char *name = pawl__str_dup(pawl__str(start->name));
    char *execution_id = given ? pawl__str_dup(pawl__str(given)) : NULL;
    struct pawl_history inbox = {0};
    struct pawl_buf propagated = {0};
    if (!name || (given && !execution_id) || !pawl__history_add_bytes(&inbox, bytes) ||
        !pawl__buf_append(&propagated, create->propagated.data, create->propagated.len)) {
        pawl__history_finish(&inbox);
        pawl__buf_finish(&propagated);
        free(name);
        free(execution_id);
        return PAWL_E_NOMEM;
    }
    pawl__instance_reset(instance);
    instance->exists = true;
    instance->generation = create->generation;
    instance->created_at = instance->updated_at = pawl__timestamp_get(event->timestamp);
    if (start->scheduledstarttimestamp) {
        int64_t at = pawl__timestamp_get(start->scheduledstarttimestamp);
        if (at > instance->created_at) instance->start_at = at;
    }
    instance->name = name;
    instance->execution_id = execution_id;
    instance->inbox = inbox;
    instance->propagated = propagated;
    return PAWL_OK;
}

static enum pawl_err apply_stall(struct pawl_instance *instance, struct pawl_str bytes,
                                 struct pawl_arena *arena) {
    const Pb__HistoryEvent *event = pawl__wire_decode(arena, &pb__history_event__descriptor, bytes);
    if (!event) return PAWL_E_NOMEM;
    if (!event->timestamp) return PAWL_E_INVALID;
    const Pb__ExecutionStalledEvent *stalled = event->executionstalled;
    bool described =
        stalled->_description_case != PB__EXECUTION_STALLED_EVENT___DESCRIPTION__NOT_SET;
    char *text = pawl__str_dup(pawl__str(described ? stalled->description : ""));
    if (!text || !pawl__history_add_bytes(&instance->history, bytes)) {
        free(text);
        return PAWL_E_NOMEM;
    }
    free(instance->stall_text);
    instance->stall_text = text;
    instance->stall_reason = stalled->reason;
    instance->stalled = true;
    // The clock may have been set back since: a workflow's own time never goes back.
    int64_t at = pawl__timestamp_get(event->timestamp);
    if (instance->updated_at < at) instance->updated_at = at;
    return PAWL_OK;
}

enum pawl_err pawl__apply_event(struct pawl_instance *instance, struct pawl_str bytes,
                                struct pawl_arena *arena) {
    if (!instance->exists) return PAWL_E_INVALID;
    struct pawl_pb_field body = pawl__event_body(bytes);
    if (body.number == PB__HISTORY_EVENT__EVENT_TYPE_EXECUTION_STALLED)
        return apply_stall(instance, bytes, arena);
    // A completed instance only takes note that nothing of it runs any more.
    if (!pawl__instance_completed(instance) && !pawl__history_add_bytes(&instance->inbox, bytes))
        return PAWL_E_NOMEM;
    struct pawl_pending *resolved = pawl__fold_resolved(instance, body);
    if (resolved) pawl__pending_remove(&instance->pending, resolved);
    // What has yet to begin at its time is suspended at once: no turn will say so before.
    if (pawl__instance_is_scheduled(instance)) {
        if (body.number == PB__HISTORY_EVENT__EVENT_TYPE_EXECUTION_SUSPENDED)
            instance->suspended = true;
        if (body.number == PB__HISTORY_EVENT__EVENT_TYPE_EXECUTION_RESUMED)
            instance->suspended = false;
    }
    return PAWL_OK;
}

void pawl__apply_purge(struct pawl_instance *instance) {
    pawl__instance_reset(instance);
}

bool pawl__is_child(const Pb__ExecutionStartedEvent *start, const char *app, const char *parent,
                    int32_t task) {
    const Pb__ParentInstanceInfo *info = start->parentinstance;
    if (!info || !info->workflowinstance || info->taskscheduledid != task) return false;
    const char *from = info->_app_id_case && *info->appid ? info->appid : app;
    return strcmp(from, app) == 0 && strcmp(info->workflowinstance->instanceid, parent) == 0;
}
