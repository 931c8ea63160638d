#include "engine/apply.h"
#include "engine/effects.h"
#include "engine/events.h"
#include "engine/propagation.h"
#include "engine/trace.h"
#include "wire/pb.h"

// Work items are put together from encoded pieces: a history is copied, not decoded.
//
//   WorkItem { workflowRequest = 1 { instanceId = 1, executionId = 2 { value = 1 },
//              pastEvents = 3 ..., newEvents = 4 ..., propagatedHistory = 8,
//              cachedHistory = 9 { eventCount = 1 } },
//              completionToken = 10 }
//   WorkItem { activityRequest = 2 { what TaskScheduledEvent has, under other numbers,
//              workflowInstance = 4 { instanceId = 1, executionId = 2 { value = 1 } }, taskId = 5,
//              propagatedHistory = 8 }, completionToken = 10 }

enum {
    ITEM_TURN = 1,
    ITEM_ACTIVITY = 2,
    ITEM_TOKEN = 10
};
enum {
    TURN_ID = 1,
    TURN_EXECUTION = 2,
    TURN_PAST = 3,
    TURN_NEW = 4,
    TURN_PROPAGATED = 8,
    TURN_KEPT = 9 // cachedHistory
};
enum {
    SCHEDULED_NAME = 1,
    SCHEDULED_VERSION = 2,
    SCHEDULED_INPUT = 3,
    SCHEDULED_TRACE = 4,
    SCHEDULED_EXECUTION_ID = 5,
    SCHEDULED_ATTEMPT = 1000
};
enum {
    REQUEST_OWNER = 4,
    REQUEST_TASK_ID = 5,
    REQUEST_TRACE = 6,
    REQUEST_EXECUTION_ID = 7,
    REQUEST_PROPAGATED = 8
};
enum {
    OWNER_ID = 1,
    OWNER_EXECUTION = 2
};

bool pawl__shard_turn_ready(const struct pawl_instance *instance, int64_t now) {
    if (!instance->exists || instance->turn_out || instance->turn_held) return false;
    if (pawl__instance_completed(instance) || !instance->inbox.count) return false;
    return instance->started_at || instance->start_at <= now || instance->start_due;
}

size_t pawl__shard_turn_size(const struct pawl_instance *instance) {
    return instance->history.bytes.len + instance->inbox.bytes.len + instance->propagated.len;
}

// --- histories for workers of either dialect ----------------------------------------------------
//
// Dapr's protocol grew out of Microsoft's, and both went on by themselves. Where Dapr's has the
// router of an event, Microsoft's has an event of another kind, and its workers take the whole turn
// for malformed; events 31 and 32 they do not know. A plain history has no such event, and a router
// only where it names another app, which no code written for Microsoft's asks for.

enum {
    EVENT_ROUTER = 30,
    ROUTER_TARGET = 2
};

// The parts of |event| that a worker is given, before and after what is left out of it. |app|: of a
// plain history; NULL: it is not plain. False: the event is left out as a whole.
static bool items_cut(struct pawl_str event, const char *app, struct pawl_str parts[2]) {
    parts[0] = event;
    parts[1] = (struct pawl_str){0};
    if (!app) return true;
    struct pawl_pb_reader reader = pawl__pb_reader(event);
    struct pawl_pb_field field, target;
    for (const uint8_t *start = reader.at; pawl__pb_next(&reader, &field); start = reader.at) {
        if (field.number == PB__HISTORY_EVENT__EVENT_TYPE_EXECUTION_STALLED ||
            field.number == PB__HISTORY_EVENT__EVENT_TYPE_DETACHED_WORKFLOW_INSTANCE_CREATED)
            return false;
        if (field.number != EVENT_ROUTER) continue;
        if (pawl__pb_find(field.bytes, ROUTER_TARGET, &target) &&
            !pawl__str_equal(target.bytes, pawl__str(app)))
            continue;
        parts[0].len = (size_t)((const char *)start - event.data);
        parts[1] = (struct pawl_str){(const char *)reader.at, (size_t)(reader.end - reader.at)};
    }
    return true;
}

static uint8_t *items_copy(uint8_t *to, struct pawl_str bytes) {
    memcpy(to, bytes.data, bytes.len);
    return to + bytes.len;
}

// Appends the first |count| events of |events| as fields |number|, without what |app| has to do
// without, see items_cut. False: memory is out.
static bool items_put_events(struct pawl_buf *out, unsigned number, struct pawl_str events,
                             uint32_t count, const char *app) {
    if (!count) return true;
    // Both numbers take one byte, as that of a history does: no event becomes longer.
    uint8_t *to = pawl__buf_reserve(out, events.len);
    if (!to) return false;
    struct pawl_event_view view;
    struct pawl_str parts[2];
    size_t at = 0;
    for (uint32_t i = 0; i < count && pawl__history_next(events, &at, &view); i++) {
        if (!items_cut(view.bytes, app, parts)) continue;
        to = pawl__pb_write_head(to, number, parts[0].len + parts[1].len);
        to = items_copy(to, parts[0]);
        if (parts[1].len) to = items_copy(to, parts[1]);
    }
    out->len = (size_t)(to - out->data);
    return true;
}

// Appends the id of an execution, if there is one.
static bool items_put_execution(struct pawl_buf *out, unsigned number, const char *id) {
    struct pawl_str text = pawl__str(id);
    return !text.len || (pawl__pb_put_head(out, number, pawl__pb_field_size(1, text.len)) &&
                         pawl__pb_put_bytes(out, 1, text));
}

// --- turns --------------------------------------------------------------------------------------

// What a turn's item is made of beside the event that begins it.
struct items_turn {
    struct pawl_str past; // of the history
    struct pawl_str inbox;
    uint32_t past_count, kept;
    const char *app; // of a plain turn; else NULL
};

static struct items_turn items_turn_parts(const struct pawl_shard *shard,
                                          const struct pawl_instance *instance,
                                          const struct pawl_turn_to *to) {
    struct items_turn turn = {
        .past = pawl__buf_str(&instance->history.bytes),
        .inbox = pawl__buf_str(&instance->inbox.bytes),
        .past_count = instance->history.count,
        .app = to->plain ? shard->app_id : NULL,
    };
    if (to->keeper && to->keeper == instance->kept_by && !to->plain) {
        turn.kept = instance->kept_events;
        turn.past.data += instance->kept_bytes;
        turn.past.len -= instance->kept_bytes;
    }
    return turn;
}

// The past is copied as it is where it may be: its events are encoded as the item's own field.
static bool items_put_past(struct pawl_buf *out, const struct items_turn *turn) {
    return turn->app ? items_put_events(out, TURN_PAST, turn->past, turn->past_count, turn->app)
                     : pawl__buf_append_str(out, turn->past);
}

static bool items_begin_turn(const struct pawl_shard *shard, const struct pawl_instance *instance,
                             const struct pawl_turn_to *to, const struct items_turn *turn,
                             struct pawl_buf *out) {
    bool anew = pawl__turn_begins_anew(instance) && !turn->app;
    size_t start = out->len;
    struct pawl_str propagated = pawl__buf_str(&instance->propagated);
    bool ok = pawl__pb_put_bytes(out, TURN_ID, pawl__instance_id(instance)) &&
              items_put_execution(out, TURN_EXECUTION, instance->execution_id);
    if (ok && turn->kept)
        ok = pawl__pb_put_head(out, TURN_KEPT, pawl__pb_uint_size(1, turn->kept)) &&
             pawl__pb_put_uint(out, 1, turn->kept);
    if (ok && propagated.len) ok = pawl__pb_put_bytes(out, TURN_PROPAGATED, propagated);
    return ok && items_put_past(out, turn) &&
           pawl__event_put_started(out, TURN_NEW, instance->turn_started_at, PAWL_STR(""),
                                   anew ? shard->app_id : NULL) &&
           items_put_events(out, TURN_NEW, turn->inbox, instance->turn_events, turn->app) &&
           pawl__pb_wrap(out, start, ITEM_TURN) && pawl__pb_put_bytes(out, ITEM_TOKEN, to->token);
}

bool pawl__shard_begin_turn(const struct pawl_shard *shard, struct pawl_instance *instance,
                            struct pawl_stamp stamp, const struct pawl_turn_to *to,
                            struct pawl_buf *out) {
    // A turn that a lost worker had is given again as it was, so that a late answer to the first
    // one, which carries no token with older SDKs, means the same.
    if (!instance->turn_events) {
        instance->turn_events = instance->inbox.count;
        // A daemon that starts after the clock was set back knows the time of what it has in memory
        // only; a workflow's own time never goes back.
        instance->turn_started_at =
            stamp.now > instance->updated_at ? stamp.now : instance->updated_at;
    }
    struct items_turn turn = items_turn_parts(shard, instance, to);
    instance->turn_out = items_begin_turn(shard, instance, to, &turn, out);
    if (instance->turn_out && to->keeper && !to->plain) {
        instance->kept_by = to->keeper;
        instance->kept_events = instance->history.count;
        instance->kept_bytes = instance->history.bytes.len;
    }
    return instance->turn_out;
}

void pawl__shard_turn_lost(struct pawl_instance *instance) {
    instance->turn_out = false;
    instance->kept_by = 0;
}

// --- activities ---------------------------------------------------------------------------------

// The body of the event that scheduled a pending activity; empty when there is none.
static struct pawl_str items_scheduled(const struct pawl_instance *instance, int32_t task_id) {
    const struct pawl_pending *item = pawl__pending_find(&instance->pending, task_id);
    if (!item || item->kind != PAWL_PENDING_TASK) return (struct pawl_str){0};
    struct pawl_pb_field body = {0};
    pawl__pb_find(pawl__history_bytes(&instance->history, item->offset),
                  PB__HISTORY_EVENT__EVENT_TYPE_TASK_SCHEDULED, &body);
    return body.bytes;
}

struct pawl_str pawl__shard_activity_name(const struct pawl_instance *instance, int32_t task_id) {
    struct pawl_str scheduled = items_scheduled(instance, task_id);
    struct pawl_pb_field name = {.bytes = {scheduled.data, 0}}; // an empty one is left out
    pawl__pb_find(scheduled, SCHEDULED_NAME, &name);
    return name.bytes;
}

struct pawl_str pawl__shard_activity_app(const struct pawl_instance *instance, int32_t task_id) {
    const struct pawl_pending *item = pawl__pending_find(&instance->pending, task_id);
    struct pawl_pb_field router, app = {0};
    if (item && item->elsewhere &&
        pawl__pb_find(pawl__history_bytes(&instance->history, item->offset), EVENT_ROUTER, &router))
        pawl__pb_find(router.bytes, ROUTER_TARGET, &app);
    return app.bytes.len ? app.bytes : PAWL_STR("");
}

// The number in ActivityRequest of a field of TaskScheduledEvent; 0: it does not go there.
static unsigned items_request_field(unsigned number) {
    switch (number) {
    case SCHEDULED_NAME:
    case SCHEDULED_VERSION:
    case SCHEDULED_INPUT:
    case SCHEDULED_ATTEMPT: return number;
    case SCHEDULED_TRACE: return REQUEST_TRACE;
    case SCHEDULED_EXECUTION_ID: return REQUEST_EXECUTION_ID;
    default: return 0;
    }
}

// Makes the context in the request of activity |task_id|, the last |len| bytes of |out|, that of
// its own span, if it is traced. The two have the same length.
static void items_set_span(struct pawl_buf *out, size_t len, const struct pawl_instance *instance,
                           int32_t task_id) {
    enum {
        PARENT = 1,
        SPAN = 2
    };
    struct pawl_str context = {(char *)out->data + out->len - len, len};
    struct pawl_trace span;
    char parent[PAWL_TRACE_TEXT], id[2 * sizeof span.span + 1];
    struct pawl_pb_field field;
    if (!pawl__trace_of_instance(instance, &span)) return;
    span = pawl__trace_part(&span, PAWL_TRACE_ACTIVITY, task_id);
    pawl__trace_format(&span, parent);
    pawl__trace_id_format(span.span, sizeof span.span, id);
    if (pawl__pb_find(context, PARENT, &field) && field.bytes.len == strlen(parent))
        memcpy((char *)field.bytes.data, parent, field.bytes.len);
    if (pawl__pb_find(context, SPAN, &field) && field.bytes.len == strlen(id))
        memcpy((char *)field.bytes.data, id, field.bytes.len);
}

// Appends what passes from the event to the request of activity |task_id|. False: memory is out.
static bool items_pass_on(const struct pawl_instance *instance, int32_t task_id,
                          struct pawl_str scheduled, struct pawl_buf *out) {
    struct pawl_pb_reader reader = pawl__pb_reader(scheduled);
    struct pawl_pb_field field;
    bool ok = true;
    while (ok && pawl__pb_next(&reader, &field)) {
        unsigned number = items_request_field(field.number);
        if (!number) continue;
        ok = field.wire_type == PAWL_PB_BYTES ? pawl__pb_put_bytes(out, number, field.bytes)
                                              : pawl__pb_put_uint(out, number, field.value);
        if (ok && number == REQUEST_TRACE) items_set_span(out, field.bytes.len, instance, task_id);
    }
    return ok;
}

// What activity |task_id| is given of the workflow's past.
static struct pawl_propagation items_propagation(const struct pawl_shard *shard,
                                                 const struct pawl_instance *instance,
                                                 int32_t task_id, struct pawl_str scheduled) {
    if (!pawl__propagation_scope(scheduled)) return (struct pawl_propagation){0};
    return pawl__propagation_of_call(instance, shard->app_id,
                                     pawl__pending_find(&instance->pending, task_id)->offset);
}

size_t pawl__shard_activity_size(const struct pawl_shard *shard,
                                 const struct pawl_instance *instance, int32_t task_id) {
    struct pawl_str scheduled = items_scheduled(instance, task_id);
    struct pawl_propagation propagation = items_propagation(shard, instance, task_id, scheduled);
    return scheduled.len + pawl__propagation_size(&propagation);
}

bool pawl__shard_activity_item(const struct pawl_shard *shard, const struct pawl_instance *instance,
                               int32_t task_id, struct pawl_str token, struct pawl_buf *out) {
    struct pawl_str scheduled = items_scheduled(instance, task_id);
    struct pawl_propagation propagation = items_propagation(shard, instance, task_id, scheduled);
    size_t propagated = pawl__propagation_size(&propagation), start = out->len;
    bool ok = scheduled.data && items_pass_on(instance, task_id, scheduled, out) &&
              pawl__pb_put_uint(out, REQUEST_TASK_ID, (uint64_t)task_id);
    size_t owner = out->len;
    ok = ok && pawl__pb_put_bytes(out, OWNER_ID, pawl__instance_id(instance)) &&
         items_put_execution(out, OWNER_EXECUTION, instance->execution_id) &&
         pawl__pb_wrap(out, owner, REQUEST_OWNER);
    if (ok && propagated)
        ok = pawl__pb_put_head(out, REQUEST_PROPAGATED, propagated) &&
             pawl__propagation_put(&propagation, out);
    return ok && pawl__pb_wrap(out, start, ITEM_ACTIVITY) &&
           pawl__pb_put_bytes(out, ITEM_TOKEN, token);
}
