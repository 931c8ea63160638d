#include "engine/turn.h"

// What a turn adds, in whichever part: events to the history, what is pending, messages.

Pb__HistoryEvent *pawl__turn_event(struct pawl_turn *turn, Pb__HistoryEvent__EventTypeCase type,
                                   int32_t id) {
    Pb__HistoryEvent *event = pawl__event_create(turn->arena, turn->record->completed_at, type);
    if (event) event->eventid = id;
    return event;
}

enum pawl_err pawl__turn_add(struct pawl_turn *turn, const Pb__HistoryEvent *event) {
    return pawl__history_add(&turn->instance->history, event) ? PAWL_OK : PAWL_E_NOMEM;
}

void pawl__turn_resolve(struct pawl_turn *turn, struct pawl_pending *item) {
    turn->removed[turn->removed_count++] = *item;
    pawl__pending_remove(&turn->instance->pending, item);
}

enum pawl_err pawl__turn_add_pending(struct pawl_turn *turn, const Pb__HistoryEvent *event,
                                     enum pawl_pending_kind kind, int64_t fire_at) {
    struct pawl_pending_list *pending = &turn->instance->pending;
    struct pawl_pending item = {
        .fire_at = fire_at,
        .id = event->eventid,
        .offset = (uint32_t)turn->instance->history.bytes.len,
        .kind = (uint8_t)kind,
        .elsewhere = kind == PAWL_PENDING_TASK && pawl__is_elsewhere(event, turn->app_id),
    };
    struct pawl_pending *optional = pawl__pending_find(pending, item.id);
    if (optional && !pawl__pending_is_optional(optional)) return PAWL_E_INVALID;
    if (optional) pawl__turn_resolve(turn, optional);
    enum pawl_err err = pawl__turn_add(turn, event);
    if (err) return err;
    if (!pawl__pending_add(pending, item)) return PAWL_E_NOMEM;
    turn->added[turn->added_count++] = item.id;
    return PAWL_OK;
}

enum pawl_err pawl__turn_send(struct pawl_turn *turn, enum pawl_message_kind kind, const char *app,
                              const char *target, int32_t task, Pb__HistoryEvent *event) {
    struct pawl_message *message = pawl__arena_alloc(turn->arena, sizeof *message);
    if (!message) return PAWL_E_NOMEM;
    *message = (struct pawl_message){
        .kind = kind,
        .task = task,
        .generation = turn->instance->generation,
        .sequence = ++turn->instance->sent,
        .sender = turn->instance->id,
        .sender_app = turn->app_id,
        .target = target,
        .target_app = app ? app : turn->app_id,
        .event = event,
    };
    *turn->outcome->last = message;
    turn->outcome->last = &message->next;
    return PAWL_OK;
}
