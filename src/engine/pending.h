#ifndef PAWL_ENGINE_PENDING_H
#define PAWL_ENGINE_PENDING_H

// What an instance's history has scheduled, and nothing has resolved yet.

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum pawl_pending_kind {
    PAWL_PENDING_NONE, // resolved; the place is reused when the list is next compacted
    PAWL_PENDING_TASK,
    PAWL_PENDING_TIMER,
    PAWL_PENDING_EVENT_TIMER, // the timer of a wait for an external event
    PAWL_PENDING_CHILD,
};

// Something scheduled and not resolved: an activity, a timer, a child. Ids are the action ids that
// the worker chose; one generation uses each once.
struct pawl_pending {
    int64_t fire_at; // timers: nanoseconds since 1970
    int32_t id;
    uint32_t offset; // of the event that scheduled it, in the history
    uint32_t event;  // event timers: hash of the event's name; 0: not yet computed
    uint8_t kind;
    bool elsewhere; // an activity of another app
};

// When a timer is due. It stands for nothing once its timer is resolved.
struct pawl_deadline {
    int64_t fire_at;
    int32_t id;
};

struct pawl_pending_list {
    struct pawl_pending *items; // by id
    uint32_t len, cap;
    uint32_t live;                   // of |len|: those that are not resolved
    uint32_t timers;                 // of these: those that are timers
    uint32_t first;                  // no live item stands before this place
    struct pawl_deadline *deadlines; // a heap of all that are ever due, and of some resolved ones
    uint32_t deadline_count, deadline_cap;
};

static inline bool pawl__pending_is_timer(const struct pawl_pending *item) {
    return item->kind == PAWL_PENDING_TIMER || item->kind == PAWL_PENDING_EVENT_TIMER;
}

// The timer of a wait for an event that has no deadline. SDKs that replay an older history may find
// that their code does not ask for it there, and give its id to something else.
static inline bool pawl__pending_is_optional(const struct pawl_pending *item) {
    return item->kind == PAWL_PENDING_EVENT_TIMER && item->fire_at == INT64_MAX;
}

// The timer that is due first, of equal ones that with the least id; NULL: there is none that is
// ever due.
struct pawl_pending *pawl__pending_first_timer(const struct pawl_pending_list *list);

// NULL when nothing is pending under |id|.
struct pawl_pending *pawl__pending_find(const struct pawl_pending_list *list, int32_t id);

// False when memory is out; then nothing has changed.
bool pawl__pending_add(struct pawl_pending_list *list, struct pawl_pending item);
void pawl__pending_remove(struct pawl_pending_list *list, struct pawl_pending *item);

// Takes out those that were |added|, by id, and puts back those that were |removed|. Cannot fail.
void pawl__pending_undo(struct pawl_pending_list *list, const int32_t *added, size_t added_count,
                        const struct pawl_pending *removed, size_t removed_count);
void pawl__pending_drop_timers(struct pawl_pending_list *list);
void pawl__pending_clear(struct pawl_pending_list *list);

#endif
