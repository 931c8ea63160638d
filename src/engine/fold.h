#ifndef PAWL_ENGINE_FOLD_H
#define PAWL_ENGINE_FOLD_H

// What an event means to what an instance waits for.

#include "base/err.h"
#include "engine/events.h"
#include "engine/instance.h"

// The pending item that an event with |body| resolves by its id; NULL when it resolves none.
struct pawl_pending *pawl__fold_resolved(struct pawl_instance *instance, struct pawl_pb_field body);

// The oldest timer of a wait for the EventRaised |body|, which cancels it; NULL: there is none.
// Names differ by case only in what SDKs make of them.
struct pawl_pending *pawl__fold_event_timer(struct pawl_instance *instance, struct pawl_str body);

// Whether a timer bounds the wait for an event, and when the timer that |event| creates is due.
enum pawl_pending_kind pawl__timer_kind(const Pb__TimerCreatedEvent *timer);
int64_t pawl__timer_fire_at(const Pb__HistoryEvent *event);

// What pawl__fold_history_event found.
struct pawl_fold {
    bool schedules;               // it is pending now
    bool resolves;                // |resolved| no longer is
    struct pawl_pending resolved; // as it was
};

// Goes on to the next event of a history, |event|, which stands at event.offset of
// instance->history: changes instance->pending as the turns did that wrote it. PAWL_E_INVALID: an
// id is used twice; PAWL_E_NOMEM.
enum pawl_err pawl__fold_history_event(struct pawl_instance *instance, struct pawl_event_view event,
                                       struct pawl_arena *arena, struct pawl_fold *out);

#endif
