#include "engine/events.h"

#include "wire/fields.h"
#include "wire/pack.h"
#include "wire/timestamp.h"
#include "wire/unpack.h"

enum {
    EVENT_ROUTER = 30 // of HistoryEvent
};

struct pawl_event_parts pawl__event_parts(struct pawl_str bytes) {
    struct pawl_pb_reader reader = pawl__pb_reader(bytes);
    struct pawl_pb_field field;
    struct pawl_event_parts parts = {0};
    while (pawl__pb_next(&reader, &field)) {
        // Fields of the envelope: eventId, timestamp, router. All others are the oneof's.
        if (field.number == 1 || field.number == 2 || field.wire_type != PAWL_PB_BYTES) continue;
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
