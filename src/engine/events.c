#include "engine/events.h"

#include "wire/fields.h"
#include "wire/pack.h"
#include "wire/timestamp.h"
#include "wire/unpack.h"

enum { // fields of HistoryEvent
    EVENT_ID = 1,
    EVENT_TIME = 2,
    EVENT_ROUTER = 30
};
enum {
    EVENT_REST = 80 // bytes at most of numbers, and of heads
};

struct pawl_event_parts pawl__event_parts(struct pawl_str bytes) {
    struct pawl_pb_reader reader = pawl__pb_reader(bytes);
    struct pawl_pb_field field;
    struct pawl_event_parts parts = {0};
    while (pawl__pb_next(&reader, &field)) {
        // Fields of the envelope: eventId, timestamp, router. All others are the oneof's.
        if (field.number == EVENT_ID || field.number == EVENT_TIME ||
            field.wire_type != PAWL_PB_BYTES)
            continue;
        if (field.number == EVENT_ROUTER)
            parts.router = field;
        else if (pawl__field_find(&pb__history_event__descriptor, field.number))
            parts.body = field;
    }
    return parts;
}

struct pawl_pb_field pawl__event_body(struct pawl_str bytes) {
    return pawl__event_parts(bytes).body;
}

Google__Protobuf__StringValue *pawl__string_value(struct pawl_arena *arena, char *text) {
    if (!text) return NULL;
    Google__Protobuf__StringValue *value =
        pawl__wire_new(arena, &google__protobuf__string_value__descriptor);
    if (!value) return NULL;
    value->value = text;
    return value;
}

Google__Protobuf__Timestamp *pawl__timestamp(struct pawl_arena *arena, int64_t at) {
    Google__Protobuf__Timestamp *stamp =
        pawl__wire_new(arena, &google__protobuf__timestamp__descriptor);
    if (!stamp) return NULL;
    pawl__timestamp_set(stamp, at);
    return stamp;
}

Pb__HistoryEvent *pawl__event_create(struct pawl_arena *arena, int64_t at,
                                     Pb__HistoryEvent__EventTypeCase type) {
    const ProtobufCFieldDescriptor *field =
        pawl__field_find(&pb__history_event__descriptor, (unsigned)type);
    const ProtobufCMessageDescriptor *body_type = field->descriptor;
    Pb__HistoryEvent *event = pawl__wire_new(arena, &pb__history_event__descriptor);
    ProtobufCMessage *body = pawl__arena_alloc(arena, body_type->sizeof_message);
    if (!event || !body) return NULL;
    body_type->message_init(body);
    event->eventid = -1;
    event->timestamp = pawl__timestamp(arena, at);
    event->event_type_case = type;
    // All members of the oneof are pointers in one union: any of them sets it.
    event->executionstarted = (Pb__ExecutionStartedEvent *)(void *)body;
    return event->timestamp ? event : NULL;
}

// --- by hand ------------------------------------------------------------------------------------

// Zero is left out.
static uint8_t *event_write_number(uint8_t *to, unsigned number, int64_t value) {
    if (!value) return to;
    to = pawl__pb_write_varint(to, (uint64_t)number << 3 | PAWL_PB_VARINT);
    return pawl__pb_write_varint(to, (uint64_t)value);
}

static uint8_t *event_write_bytes(uint8_t *to, unsigned number, struct pawl_str bytes) {
    to = pawl__pb_write_head(to, number, bytes.len);
    if (bytes.len) memcpy(to, bytes.data, bytes.len); // or perhaps no data
    return to + bytes.len;
}

// What stands before the body.
static uint8_t *event_write_start(uint8_t *to, int64_t at) {
    enum {
        SECONDS = 1,
        NANOS = 2
    };
    Google__Protobuf__Timestamp stamp;
    pawl__timestamp_set(&stamp, at);
    to = event_write_number(to, EVENT_ID, -1);
    *to++ = EVENT_TIME << 3 | PAWL_PB_BYTES;
    uint8_t *len = to++;
    to = event_write_number(to, SECONDS, stamp.seconds);
    to = event_write_number(to, NANOS, stamp.nanos);
    *len = (uint8_t)(to - len - 1);
    return to;
}

bool pawl__event_put_started(struct pawl_buf *out, unsigned number, int64_t at,
                             struct pawl_str body, const char *source) {
    enum {
        SOURCE = 1
    };
    size_t start = out->len;
    uint8_t *to = pawl__buf_reserve(out, EVENT_REST + body.len);
    if (!to) return false;
    to = event_write_start(to, at);
    to = event_write_bytes(to, PB__HISTORY_EVENT__EVENT_TYPE_WORKFLOW_STARTED, body);
    out->len = (size_t)(to - out->data);
    size_t router = out->len;
    if (source && (!pawl__pb_put_bytes(out, SOURCE, pawl__str(source)) ||
                   !pawl__pb_wrap(out, router, EVENT_ROUTER)))
        return false;
    return pawl__pb_wrap(out, start, number);
}

struct pawl_str pawl__event_completed(struct pawl_arena *arena, int64_t at,
                                      const struct pawl_event_completed *event) {
    enum {
        TASK_ID = 1,
        RESULT = 2,
        EXECUTION = 3,
        VALUE = 1 // of a StringValue
    };
    struct pawl_str result = event->result ? *event->result : (struct pawl_str){0};
    size_t value = result.len ? pawl__pb_field_size(VALUE, result.len) : 0;
    size_t body = (event->task_id ? pawl__pb_uint_size(TASK_ID, (uint64_t)event->task_id) : 0) +
                  (event->result ? pawl__pb_field_size(RESULT, value) : 0) +
                  (event->execution.len ? pawl__pb_field_size(EXECUTION, event->execution.len) : 0);
    char *bytes = pawl__arena_alloc(arena, EVENT_REST + body + event->router.bytes.len);
    if (!bytes) return (struct pawl_str){0};
    uint8_t *to = event_write_start((uint8_t *)bytes, at);
    to = pawl__pb_write_head(to, PB__HISTORY_EVENT__EVENT_TYPE_TASK_COMPLETED, body);
    to = event_write_number(to, TASK_ID, event->task_id);
    if (event->result) to = pawl__pb_write_head(to, RESULT, value);
    if (result.len) to = event_write_bytes(to, VALUE, result);
    if (event->execution.len) to = event_write_bytes(to, EXECUTION, event->execution);
    if (event->router.number) to = event_write_bytes(to, EVENT_ROUTER, event->router.bytes);
    return (struct pawl_str){bytes, (size_t)((char *)to - bytes)};
}

// --- routers ------------------------------------------------------------------------------------

bool pawl__event_set_source(struct pawl_arena *arena, Pb__HistoryEvent *event, const char *app_id) {
    Pb__TaskRouter *router = pawl__wire_new(arena, &pb__task_router__descriptor);
    if (!router) return false;
    router->sourceappid = (char *)(uintptr_t)app_id;
    event->_router_case = PB__HISTORY_EVENT___ROUTER_ROUTER;
    event->router = router;
    return true;
}

bool pawl__event_copy_router(struct pawl_arena *arena, Pb__HistoryEvent *event,
                             const struct pawl_event_parts *from) {
    if (!from->router.number) return true;
    event->_router_case = PB__HISTORY_EVENT___ROUTER_ROUTER;
    event->router = pawl__wire_decode(arena, &pb__task_router__descriptor, from->router.bytes);
    return event->router;
}

void pawl__failure_cut(Pb__TaskFailureDetails *details) {
    enum {
        CAUSES = 64
    };
    for (int i = 1; i < CAUSES && details; i++) details = details->innerfailure;
    if (details) details->innerfailure = NULL;
}
