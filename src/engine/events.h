#ifndef PAWL_ENGINE_EVENTS_H
#define PAWL_ENGINE_EVENTS_H

// History events: making them, and telling one kind from another. What is made lives in an arena;
// NULL: memory is out.

#include "base/arena.h"
#include "history_events.pb-c.h"
#include "wire/pb.h"

// What an encoded event has in HistoryEvent's oneof: the number of its field, which is its type,
// and the bytes of its body. Number 0: nothing that is known.
struct pawl_pb_field pawl__event_body(struct pawl_str bytes);

// The same, with the event's router; of number 0, too, when it has none.
struct pawl_event_parts {
    struct pawl_pb_field body, router;
};
struct pawl_event_parts pawl__event_parts(struct pawl_str bytes);

static inline Pb__HistoryEvent__EventTypeCase pawl__event_type(struct pawl_str bytes) {
    return (Pb__HistoryEvent__EventTypeCase)pawl__event_body(bytes).number;
}

// NULL for a NULL |text|, too.
Google__Protobuf__StringValue *pawl__string_value(struct pawl_arena *arena, char *text);

Google__Protobuf__Timestamp *pawl__timestamp(struct pawl_arena *arena, int64_t at);

// An event of |type| with id -1 and timestamp |at|; its body is initialised and the caller fills
// it.
Pb__HistoryEvent *pawl__event_create(struct pawl_arena *arena, int64_t at,
                                     Pb__HistoryEvent__EventTypeCase type);

// What every turn has and every activity, encoded by hand: to fill structs and to pack them takes
// five times as long. As pawl__event_create has them, and with the bytes that packing gives.

// Appends a WorkflowStarted, of which the body is encoded, as field |number|. |source|: the app
// that it comes from, or NULL. False: memory is out.
bool pawl__event_put_started(struct pawl_buf *out, unsigned number, int64_t at,
                             struct pawl_str body, const char *source);

struct pawl_event_completed {
    int32_t task_id;
    const struct pawl_str *result; // NULL: it has none
    struct pawl_str execution;     // the id of the task's; may be empty
    struct pawl_pb_field router;   // of number 0: it has none
};

// A TaskCompleted in |arena|.
struct pawl_str pawl__event_completed(struct pawl_arena *arena, int64_t at,
                                      const struct pawl_event_completed *event);

// Notes that |event| comes from the app |app_id|, for workers that learn from it which their own
// is. False: memory is out.
bool pawl__event_set_source(struct pawl_arena *arena, Pb__HistoryEvent *event, const char *app_id);

// Gives |event| the router of another one, which is of the history, if that has one. False: memory
// is out.
bool pawl__event_copy_router(struct pawl_arena *arena, Pb__HistoryEvent *event,
                             const struct pawl_event_parts *from);

// Cuts a chain of causes short. In a work item an event nests deeper than in the message that
// brought it, and must not pass the limit of wire/unpack.h there; 64 causes say enough.
void pawl__failure_cut(Pb__TaskFailureDetails *details);

// The text of a StringValue that may be missing, or NULL.
static inline char *pawl__string_of(const Google__Protobuf__StringValue *value) {
    return value ? value->value : NULL;
}

#endif
