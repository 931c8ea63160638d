#ifndef PAWL_SDK_WARM_H
#define PAWL_SDK_WARM_H

// Workflows that keep their stack between turns. The next turn feeds such a workflow only the new
// events, after checking that the history is the one it knows: the same execution, as many events
// as its last answer leads to, and the timestamp of the first event of its last turn, which is
// unique.

#include "base/map.h"
#include "sdk/execution.h"

// A turn's work item. Views of its bytes.
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

// Reads a turn's item. |bytes| have been checked, or come from this process.
bool pawl__turn_item_read(struct pawl_str bytes, struct pawl_turn_item *out);

// The warm workflow of |turn|, which knows the history up to its own last actions; NULL: it is not
// warm. If it has another history it is dropped.
struct pawl_warm *pawl__warm_find(struct pawl_warm_set *set, const struct pawl_turn_item *turn);

// A run that has seen no events yet. NULL when memory is out.
struct pawl_warm *pawl__warm_create(struct pawl_warm_set *set, const struct pawl_turn_item *turn);

// How many events it knows when the next turn begins.
static inline size_t pawl__warm_known(const struct pawl_warm *warm) {
    return warm->turn_at + warm->turn_count;
}

// Feeds it one event of the past.
void pawl__warm_feed(struct pawl_warm *warm, struct pawl_str event);

// Runs a turn, of whose past it knows |known| events. False: memory is out.
bool pawl__warm_run(struct pawl_warm *warm, const struct pawl_turn_item *turn, size_t known);

// |turn| has been answered with |actions| actions.
void pawl__warm_answered(struct pawl_warm *warm, const struct pawl_turn_item *turn, size_t actions);

// Removes it from the set. It is freed when none of its answers is left; see pawl__warm_release.
void pawl__warm_drop(struct pawl_warm_set *set, struct pawl_warm *warm);

// Call it after |warm->answers| was decreased.
void pawl__warm_release(struct pawl_warm *warm);

// Drops the least recently used ones, until no more than |limit| are left.
void pawl__warm_trim(struct pawl_warm_set *set);

#endif
