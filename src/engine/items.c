#include "engine/events.h"
#include "engine/internal.h"
#include "wire/pb.h"
#include "wire/timestamp.h"

// Work items are put together from encoded pieces: a history is copied, not decoded.
//
//   WorkItem { workflowRequest = 1 { instanceId = 1, executionId = 2 { value = 1 },
//              pastEvents = 3 ..., newEvents = 4 ... }, completionToken = 10 }
//   WorkItem { activityRequest = 2 { ... }, completionToken = 10 }

enum {
    ITEM_TURN = 1,
    ITEM_ACTIVITY = 2,
    ITEM_TOKEN = 10
};
enum {
    TURN_ID = 1,
    TURN_EXECUTION = 2,
    TURN_NEW = 4
};

bool pawl__shard_turn_ready(const struct pawl_instance *instance, int64_t now) {
    if (!instance->exists || instance->turn_out || instance->turn_held) return false;
    if (pawl__instance_completed(instance) || !instance->inbox.count) return false;
    return instance->started_at || instance->start_at <= now;
}

size_t pawl__shard_turn_size(const struct pawl_instance *instance) {
    return instance->history.bytes.len + instance->inbox.bytes.len;
}

// The part of the inbox that the turn sees, as newEvents: the same events under another tag.
static bool items_put_new_events(const struct pawl_instance *instance, struct pawl_buf *out) {
    struct pawl_str inbox = pawl__buf_str(&instance->inbox.bytes);
    struct pawl_event_view view;
    size_t at = 0;
    for (uint32_t i = 0; i < instance->turn_events; i++)
        if (!pawl__history_next(inbox, &at, &view) ||
            !pawl__pb_put_bytes(out, TURN_NEW, view.bytes))
            return false;
    return true;
}

static size_t items_new_events_size(const struct pawl_instance *instance) {
    struct pawl_event_view view;
    size_t at = 0;
    for (uint32_t i = 0; i < instance->turn_events; i++)
        if (!pawl__history_next(pawl__buf_str(&instance->inbox.bytes), &at, &view)) break;
    return at;
}

bool pawl__shard_begin_turn(struct pawl_instance *instance, struct pawl_stamp stamp,
                            struct pawl_str token, struct pawl_buf *out) {
    // A turn that a lost worker had is given again as it was, so that a late answer to the first
    // one, which carries no token with older SDKs, means the same.
    if (!instance->turn_events) {
        instance->turn_events = instance->inbox.count;
        // A daemon that starts after the clock was set back knows the time of what it has in memory
        // only; a workflow's own time never goes back.
        instance->turn_started_at =
            stamp.now > instance->updated_at ? stamp.now : instance->updated_at;
    }
    Google__Protobuf__Timestamp at = GOOGLE__PROTOBUF__TIMESTAMP__INIT;
    pawl__timestamp_set(&at, instance->turn_started_at);
    Pb__WorkflowStartedEvent body = PB__WORKFLOW_STARTED_EVENT__INIT;
    Pb__HistoryEvent started = PB__HISTORY_EVENT__INIT;
    started.eventid = -1;
    started.timestamp = &at;
    started.event_type_case = PB__HISTORY_EVENT__EVENT_TYPE_WORKFLOW_STARTED;
    started.workflowstarted = &body;

    struct pawl_str id = pawl__instance_id(instance);
    struct pawl_str execution = pawl__str(instance->execution_id);
    size_t execution_size = pawl__pb_field_size(1, execution.len);
    size_t size = pawl__pb_field_size(TURN_ID, id.len) + instance->history.bytes.len +
                  pawl__pb_field_size(TURN_NEW, pb__history_event__get_packed_size(&started)) +
                  items_new_events_size(instance);
    if (execution.len) size += pawl__pb_field_size(TURN_EXECUTION, execution_size);

    bool ok = pawl__pb_put_head(out, ITEM_TURN, size) && pawl__pb_put_bytes(out, TURN_ID, id);
    if (ok && execution.len)
        ok = pawl__pb_put_head(out, TURN_EXECUTION, execution_size) &&
             pawl__pb_put_bytes(out, 1, execution);
    ok = ok && pawl__buf_append_str(out, pawl__buf_str(&instance->history.bytes)) &&
         pawl__pb_pack_field(out, TURN_NEW, &started.base) && items_put_new_events(instance, out) &&
         pawl__pb_put_bytes(out, ITEM_TOKEN, token);
    instance->turn_out = ok;
    return ok;
}

void pawl__shard_turn_lost(struct pawl_instance *instance) {
    instance->turn_out = false;
}

// The event that scheduled a pending activity, in the shard's arena.
static const Pb__TaskScheduledEvent *
items_scheduled(struct pawl_shard *shard, const struct pawl_instance *instance, int32_t task_id) {
    const struct pawl_pending *item = pawl__pending_find(&instance->pending, task_id);
    if (!item || item->kind != PAWL_PENDING_TASK) return NULL;
    pawl__arena_reset(&shard->arena);
    const Pb__HistoryEvent *event =
        pawl__history_at(&instance->history, item->offset, &shard->arena);
    return event ? event->taskscheduled : NULL;
}

const char *pawl__shard_activity_name(struct pawl_shard *shard,
                                      const struct pawl_instance *instance, int32_t task_id) {
    const Pb__TaskScheduledEvent *scheduled = items_scheduled(shard, instance, task_id);
    return scheduled ? scheduled->name : NULL;
}

bool pawl__shard_activity_item(struct pawl_shard *shard, const struct pawl_instance *instance,
                               int32_t task_id, struct pawl_str token, struct pawl_buf *out) {
    const Pb__TaskScheduledEvent *scheduled = items_scheduled(shard, instance, task_id);
    if (!scheduled) return false;
    Google__Protobuf__StringValue execution = GOOGLE__PROTOBUF__STRING_VALUE__INIT;
    execution.value = instance->execution_id;
    Pb__WorkflowInstance owner = PB__WORKFLOW_INSTANCE__INIT;
    owner.instanceid = instance->id;
    owner.executionid = instance->execution_id ? &execution : NULL;
    Pb__ActivityRequest request = PB__ACTIVITY_REQUEST__INIT;
    request.name = scheduled->name;
    request.version = scheduled->version;
    request.input = scheduled->input;
    request.workflowinstance = &owner;
    request.taskid = task_id;
    request.parenttracecontext = scheduled->parenttracecontext;
    request.taskexecutionid = scheduled->taskexecutionid;
    request.attempt = scheduled->attempt;
    return pawl__pb_pack_field(out, ITEM_ACTIVITY, &request.base) &&
           pawl__pb_put_bytes(out, ITEM_TOKEN, token);
}
