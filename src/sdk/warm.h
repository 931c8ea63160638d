#ifndef PAWL_SDK_WARM_H
#define PAWL_SDK_WARM_H

// Workflows at rest between their turns. Each waits on its own stack and knows where in its history
// it stands, so that its next turn is fed only what is new, after making sure that it is the same
// history: the same execution, as many events as the last answer leads to, and the timestamp with
// which the last turn began, which no other has.

#include "base/map.h"
#include "sdk/execution.h"

// What a turn's item says. Views of its bytes.
struct pawl_turn_item {
    struct pawl_str id, execution_id, token, bytes, propagated;
    size_t kept;        // events of the past that are not sent, as they were sent before
    size_t past, fresh; // events that are
};

struct pawl_warm {
    struct pawl_link link;
    struct pawl_workflow *wf;
    size_t answers;      // that still point into its memory
    bool dropped;        // it goes when they are done
    size_t turn_at;      // index of the event that its last turn began with
    size_t turn_count;   // events that it was given then
    size_t action_count; // events that its answer leads to
    char began[24];      // that first event's timestamp, which no other has
    size_t began_len;
};

struct pawl_warm_set {
    struct pawl_execution_host *host; // of their runs
    struct pawl_map by_id;            // instance id -> struct pawl_warm
    struct pawl_link recent;          // pawl_warm::link, the one that was used last at the end
    size_t limit;
};

// Reads what a turn is about. |bytes| have been checked, or are of this process.
bool pawl__turn_item_read(struct pawl_str bytes, struct pawl_turn_item *out);

// The workflow of |turn|, if it is warm: it then knows the history up to its own last actions. One
// that has another history is dropped. NULL: it is not warm.
struct pawl_warm *pawl__warm_find(struct pawl_warm_set *set, const struct pawl_turn_item *turn);

// A run that knows nothing yet. NULL when memory is out.
struct pawl_warm *pawl__warm_create(struct pawl_warm_set *set, const struct pawl_turn_item *turn);

// Events that it knows when the next turn begins.
static inline size_t pawl__warm_known(const struct pawl_warm *warm) {
    return warm->turn_at + warm->turn_count;
}

// Feeds it one event of the past.
void pawl__warm_feed(struct pawl_warm *warm, struct pawl_str event);

// Runs a turn, of whose past it knows |known| events. False: memory is out.
bool pawl__warm_run(struct pawl_warm *warm, const struct pawl_turn_item *turn, size_t known);

// |turn| has been answered with |actions| actions.
void pawl__warm_answered(struct pawl_warm *warm, const struct pawl_turn_item *turn, size_t actions);

// Forgets it. Its memory goes when the last of its answers does; see pawl__warm_release.
void pawl__warm_drop(struct pawl_warm_set *set, struct pawl_warm *warm);

// To be called when |warm->answers| has become less.
void pawl__warm_release(struct pawl_warm *warm);

// Drops those that were used longest ago, until there are no more than |limit|.
void pawl__warm_trim(struct pawl_warm_set *set);

#endif
