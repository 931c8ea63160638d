#ifndef PAWL_SDK_EVENTS_H
#define PAWL_SDK_EVENTS_H

// The events that were raised for a workflow, and its waits for them. Each finds the other by name,
// ignoring the case of ASCII letters, in constant time.

#include "base/arena.h"
#include "base/buf.h"
#include "base/list.h"
#include "base/map.h"
#include "orchestrator_service.pb-c.h"

// Zero-initialised but for |kept|, which pawl__events_init sets up.
struct pawl_events {
    struct pawl_map names;   // lower-case name -> struct events_name
    struct pawl_link kept;   // struct pawl_event: came before anybody waited, oldest first
    struct pawl_buf scratch; // a name in lower case
};

struct pawl_event {
    struct pawl_link link; // in |kept|, or in the caller's list
    struct pawl_link same; // among the kept events of its name
    const Pb__HistoryEvent *event;
};

void pawl__events_init(struct pawl_events *events);
void pawl__events_finish(struct pawl_events *events);

// These return false when memory is out; nothing has changed then. |arena| lives as long as
// |events|.

// Takes out the oldest wait for |event|, an EventRaised; when there is none, keeps the event, and
// |*wait| is NULL.
bool pawl__events_raise(struct pawl_events *events, struct pawl_arena *arena,
                        const Pb__HistoryEvent *event, struct pawl_link **wait);

// Takes out the oldest kept event of |name|; |*out| is NULL when there is none.
bool pawl__events_take(struct pawl_events *events, struct pawl_arena *arena, const char *name,
                       const Pb__EventRaisedEvent **out);

// Adds |wait| behind the other waits for |name|. pawl__list_remove ends the wait.
bool pawl__events_wait(struct pawl_events *events, struct pawl_arena *arena, const char *name,
                       struct pawl_link *wait);

#endif
