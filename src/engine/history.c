#include "engine/history.h"

#include "engine/events.h"
#include "wire/pack.h"
#include "wire/pb.h"
#include "wire/unpack.h"

void pawl__history_finish(struct pawl_history *history) {
    pawl__buf_finish(&history->bytes);
    history->count = 0;
}

// After an append: the event is there, or nothing of it, and the next one is tried again.
static bool history_added(struct pawl_history *history, size_t len, bool ok) {
    if (ok)
        history->count++;
    else
        history->bytes.len = len;
    history->bytes.failed = false;
    return ok;
}

bool pawl__history_add(struct pawl_history *history, const Pb__HistoryEvent *event) {
    size_t len = history->bytes.len;
    return history_added(
        history, len, pawl__wire_append_field(&history->bytes, PAWL_HISTORY_FIELD, &event->base));
}

bool pawl__history_add_started(struct pawl_history *history, int64_t at, struct pawl_str body,
                               const char *source) {
    size_t len = history->bytes.len;
    return history_added(
        history, len,
        pawl__event_put_started(&history->bytes, PAWL_HISTORY_FIELD, at, body, source));
}

bool pawl__history_add_bytes(struct pawl_history *history, struct pawl_str event) {
    size_t len = history->bytes.len;
    return history_added(history, len,
                         pawl__pb_put_bytes(&history->bytes, PAWL_HISTORY_FIELD, event));
}

struct pawl_str pawl__history_bytes(const struct pawl_history *history, uint32_t offset) {
    struct pawl_event_view view;
    size_t at = offset;
    if (offset >= history->bytes.len ||
        !pawl__history_next(pawl__buf_str(&history->bytes), &at, &view))
        return (struct pawl_str){0};
    return view.bytes;
}

Pb__HistoryEvent *pawl__history_at(const struct pawl_history *history, uint32_t offset,
                                   struct pawl_arena *arena) {
    struct pawl_str bytes = pawl__history_bytes(history, offset);
    return bytes.data ? pawl__wire_decode(arena, &pb__history_event__descriptor, bytes) : NULL;
}
