#ifndef PAWL_ENGINE_HISTORY_H
#define PAWL_ENGINE_HISTORY_H

// A sequence of encoded history events.
//
// Each event stands as it does in WorkflowRequest.pastEvents: the tag of field 3, its length, its
// bytes. Giving a worker the whole history is then one copy, and what a newer SDK put into an event
// goes through unread.

#include "base/arena.h"
#include "base/buf.h"
#include "history_events.pb-c.h"
#include "wire/pb.h"

enum {
    PAWL_HISTORY_FIELD = 3 // WorkflowRequest.pastEvents
};

struct pawl_history {
    struct pawl_buf bytes;
    uint32_t count; // events in |bytes|
};

// One event while iterating: its bytes without tag and length, and where its tag stands.
struct pawl_event_view {
    struct pawl_str bytes;
    uint32_t offset;
};

void pawl__history_finish(struct pawl_history *history);

// Appends |event|. False when memory is out: nothing was appended.
bool pawl__history_add(struct pawl_history *history, const Pb__HistoryEvent *event);
bool pawl__history_add_started(struct pawl_history *history, int64_t at, struct pawl_str body,
                               const char *source);
bool pawl__history_add_bytes(struct pawl_history *history, struct pawl_str event);

// Steps through the events: start with |*at| = 0. False at the end, or when the bytes are damaged
// (then |*at| is not the end of the bytes).
static inline bool pawl__history_next(struct pawl_str bytes, size_t *at,
                                      struct pawl_event_view *out) {
    struct pawl_pb_reader reader =
        pawl__pb_reader((struct pawl_str){bytes.data ? bytes.data + *at : NULL, bytes.len - *at});
    struct pawl_pb_field field;
    if (!pawl__pb_next(&reader, &field) || field.number != PAWL_HISTORY_FIELD ||
        field.wire_type != PAWL_PB_BYTES)
        return false;
    out->bytes = field.bytes;
    out->offset = (uint32_t)*at;
    *at = (size_t)((const char *)reader.at - bytes.data);
    return true;
}

// The encoded event at |offset|; empty when the bytes are damaged.
struct pawl_str pawl__history_bytes(const struct pawl_history *history, uint32_t offset);

// Decodes the event at |offset| into |arena|. NULL when there is none or memory is out. Histories
// that a store has given are checked when they are taken (snapshot.c).
Pb__HistoryEvent *pawl__history_at(const struct pawl_history *history, uint32_t offset,
                                   struct pawl_arena *arena);

#endif
