#ifndef PAWL_ENGINE_OBSERVER_H
#define PAWL_ENGINE_OBSERVER_H

// Somebody who is told what workflows do: traces, metrics and the feed of changes hang on this. A
// shard without one does nothing for it.
//
// What was done counts once the log holds it. So an observer leaves notes: they wait with the batch
// that holds the record, and are settled when it is durable, or when it is given up.

#include "engine/instance.h"
#include "orchestrator_service.pb-c.h"

struct pawl_note {
    struct pawl_note *next;
    // Frees the note. |durable|: what it tells of has happened; else it has not.
    void (*settle)(struct pawl_note *note, bool durable);
};

// In the order in which they were left. Zero-initialised it is empty.
struct pawl_notes {
    struct pawl_note *first, *last;
};

static inline void pawl__notes_add(struct pawl_notes *notes, struct pawl_note *note) {
    note->next = NULL;
    if (notes->first)
        notes->last->next = note;
    else
        notes->first = note;
    notes->last = note;
}

// Moves all of |from| behind those of |to|.
static inline void pawl__notes_move(struct pawl_notes *to, struct pawl_notes *from) {
    if (!from->first) return;
    if (to->first)
        to->last->next = from->first;
    else
        to->first = from->first;
    to->last = from->last;
    *from = (struct pawl_notes){NULL, NULL};
}

// Settles all, and leaves |notes| empty.
static inline void pawl__notes_settle(struct pawl_notes *notes, bool durable) {
    struct pawl_note *note = notes->first;
    *notes = (struct pawl_notes){NULL, NULL};
    while (note) {
        struct pawl_note *next = note->next;
        note->settle(note, durable);
        note = next;
    }
}

// What the observer keeps on the stack while a turn is applied.
struct pawl_turn_mark {
    uint64_t generation;
    size_t history;          // bytes
    bool is_first;           // turn of its generation
    struct pawl_notes ended; // of the generation, if this turn continues as new; the end is last
    const Pb__WorkflowResponse *response;
    int64_t scheduling; // nanoseconds from when it was to begin to its first turn; below 0: unknown
};

// All are called on the shard's thread. Memory that is out costs a note, nothing else.
struct pawl_observer {
    // |response| is about to be applied: the history is what the worker saw.
    void (*turn_begins)(struct pawl_observer *observer, const struct pawl_instance *instance,
                        const Pb__WorkflowResponse *response, struct pawl_turn_mark *mark);
    // It was applied. Without it nothing was: then |mark->ended| is settled. Appends to |notes|.
    void (*turn_ends)(struct pawl_observer *observer, const struct pawl_instance *instance,
                      struct pawl_turn_mark *mark, struct pawl_notes *notes);
    // The result of the pending activity |task_id|, which a worker was given at |given_at| (0: not
    // known), is about to be recorded. Appends to |notes|.
    void (*activity_ends)(struct pawl_observer *observer, const struct pawl_instance *instance,
                          int32_t task_id, int64_t given_at, const Pb__ActivityResponse *response,
                          struct pawl_notes *notes);
    // A worker is given a work item of |bytes| bytes: the activity |task_id|, or when that is below
    // 0 a turn. The runtime calls it. NULL: nobody wants to know.
    void (*given)(struct pawl_observer *observer, const struct pawl_instance *instance,
                  int32_t task_id, size_t bytes);
};

// What a record did to its instance.
enum pawl_change {
    PAWL_CHANGE_CREATED, // started or run again; under a new execution
    PAWL_CHANGE_EVENT,   // something has come for it: an event, a result, a command
    PAWL_CHANGE_TURN,    // a worker's answer was applied
    PAWL_CHANGE_PURGED
};

// Somebody who is told of each change of an instance, see observe/feed.h. Called on the shard's
// thread.
struct pawl_listener {
    // The batch under construction gets its first record. True: the listener is to be told of all
    // changes in it; else of none. May append to |notes|.
    bool (*begins)(struct pawl_listener *listener, struct pawl_notes *notes);
    // The record that is being added to the batch at |position| of shard |number| has changed
    // |instance|. Appends to |notes|.
    void (*changed)(struct pawl_listener *listener, uint32_t number, uint64_t position,
                    const struct pawl_instance *instance, enum pawl_change change,
                    struct pawl_notes *notes);
    // A shard was taken, given, or read again from the log: what was told may not be all that has
    // happened.
    void (*interrupted)(struct pawl_listener *listener);
};

#endif
