#include "engine/fold.h"

#include "wire/pb.h"
#include "wire/timestamp.h"
#include "wire/unpack.h"

#define EVENT(name) PB__HISTORY_EVENT__EVENT_TYPE_##name

struct pawl_pending *pawl__fold_resolved(struct pawl_instance *instance,
                                         struct pawl_pb_field body) {
    enum {
        TASK_SCHEDULED_ID = 1,
        TIMER_ID = 2
    };
    unsigned number = TASK_SCHEDULED_ID;
    switch (body.number) {
    case EVENT(TIMER_FIRED): number = TIMER_ID; break;
    case EVENT(TASK_COMPLETED):
    case EVENT(TASK_FAILED):
    case EVENT(CHILD_WORKFLOW_INSTANCE_COMPLETED):
    case EVENT(CHILD_WORKFLOW_INSTANCE_FAILED): break;
    default: return NULL;
    }
    struct pawl_pb_field id = {0}; // an id of 0 is left out
    pawl__pb_find(body.bytes, number, &id);
    return pawl__pending_find(&instance->pending, (int32_t)id.value);
}

// --- waits for events ---------------------------------------------------------------------------

// Of an event's name, whatever the case of its letters; never 0.
static uint32_t fold_hash_name(struct pawl_str name) {
    uint32_t hash = 2166136261u; // FNV-1a
    for (size_t i = 0; i < name.len; i++)
        hash = (hash ^ ((unsigned char)name.data[i] | 0x20u)) * 16777619u;
    return hash ? hash : 1;
}

// The name of the event whose wait the TimerCreated |event| bounds: that of its origin, or of the
// timer itself.
static struct pawl_str fold_awaited(struct pawl_str event) {
    enum {
        NAME = 2,       // of TimerCreatedEvent
        EVENT_NAME = 1, // of TimerOriginExternalEvent
    };
    struct pawl_str body = pawl__event_body(event).bytes;
    struct pawl_pb_field origin, name = {0}; // an empty name is left out
    if (pawl__pb_find(body, PB__TIMER_CREATED_EVENT__ORIGIN_EXTERNAL_EVENT, &origin))
        pawl__pb_find(origin.bytes, EVENT_NAME, &name);
    else
        pawl__pb_find(body, NAME, &name);
    return name.bytes;
}

struct pawl_pending *pawl__fold_event_timer(struct pawl_instance *instance, struct pawl_str body) {
    enum {
        NAME = 1 // of EventRaisedEvent
    };
    struct pawl_pending_list *pending = &instance->pending;
    if (!pending->timers) return NULL;
    struct pawl_pb_field name = {0}; // an empty name is left out
    pawl__pb_find(body, NAME, &name);
    uint32_t hash = fold_hash_name(name.bytes);
    for (uint32_t i = pending->first; i < pending->len; i++) {
        struct pawl_pending *item = &pending->items[i];
        if (item->kind != PAWL_PENDING_EVENT_TIMER || (item->event && item->event != hash))
            continue;
        struct pawl_str awaited =
            fold_awaited(pawl__history_bytes(&instance->history, item->offset));
        item->event = fold_hash_name(awaited);
        if (pawl__str_equal_nocase(awaited, name.bytes)) return item;
    }
    return NULL;
}

enum pawl_pending_kind pawl__timer_kind(const Pb__TimerCreatedEvent *timer) {
    bool for_event = timer->origin_case == PB__TIMER_CREATED_EVENT__ORIGIN_EXTERNAL_EVENT ||
                     (!timer->origin_case && timer->_name_case && *timer->name);
    return for_event ? PAWL_PENDING_EVENT_TIMER : PAWL_PENDING_TIMER;
}

int64_t pawl__timer_fire_at(const Pb__HistoryEvent *event) {
    return pawl__timestamp_get(event->timercreated->fireat ? event->timercreated->fireat
                                                           : event->timestamp);
}

// --- a history that is read again ---------------------------------------------------------------

static void fold_remove(struct pawl_instance *instance, struct pawl_pending *item,
                        struct pawl_fold *out) {
    if (!item) return;
    out->resolves = true;
    out->resolved = *item;
    pawl__pending_remove(&instance->pending, item);
}

static enum pawl_err fold_schedule(struct pawl_instance *instance, struct pawl_event_view view,
                                   struct pawl_arena *arena, enum pawl_pending_kind kind,
                                   struct pawl_fold *out) {
    const Pb__HistoryEvent *event =
        pawl__wire_decode(arena, &pb__history_event__descriptor, view.bytes);
    if (!event) return PAWL_E_NOMEM;
    struct pawl_pending item = {.id = event->eventid, .offset = view.offset};
    item.kind = (uint8_t)kind;
    if (kind == PAWL_PENDING_TIMER) {
        if (!event->timestamp) return PAWL_E_INVALID;
        item.kind = (uint8_t)pawl__timer_kind(event->timercreated);
        item.fire_at = pawl__timer_fire_at(event);
    }
    struct pawl_pending *before = pawl__pending_find(&instance->pending, item.id);
    if (before && !pawl__pending_is_optional(before)) return PAWL_E_INVALID;
    fold_remove(instance, before, out);
    out->schedules = true;
    return pawl__pending_add(&instance->pending, item) ? PAWL_OK : PAWL_E_NOMEM;
}

enum pawl_err pawl__fold_history_event(struct pawl_instance *instance, struct pawl_event_view event,
                                       struct pawl_arena *arena, struct pawl_fold *out) {
    struct pawl_pb_field body = pawl__event_body(event.bytes);
    *out = (struct pawl_fold){0};
    switch (body.number) {
    case EVENT(TASK_SCHEDULED):
        return fold_schedule(instance, event, arena, PAWL_PENDING_TASK, out);
    case EVENT(TIMER_CREATED):
        return fold_schedule(instance, event, arena, PAWL_PENDING_TIMER, out);
    case EVENT(CHILD_WORKFLOW_INSTANCE_CREATED):
        return fold_schedule(instance, event, arena, PAWL_PENDING_CHILD, out);
    case EVENT(EVENT_RAISED):
        fold_remove(instance, pawl__fold_event_timer(instance, body.bytes), out);
        return PAWL_OK;
    default: fold_remove(instance, pawl__fold_resolved(instance, body), out); return PAWL_OK;
    }
}
