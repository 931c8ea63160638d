#ifndef PAWL_RUNTIME_CHECKPOINT_H
#define PAWL_RUNTIME_CHECKPOINT_H

// A checkpoint drops the log up to where the checkpoint before it began. First it writes the
// snapshots of all instances that this part of the log has changed, a few with each commit.
// Instances that changed only later are left to the next checkpoint, unless nothing goes on: most
// workflows have ended by then, and are written once. They are written in the order of their
// creation, which is that of a store's index, with children behind their parent: what goes with one
// commit then stands side by side there, and not on a page each. Nobody waits for a checkpoint: it
// only bounds how much log there is to read after a crash, and lets instances leave memory.

#include "runtime/residency.h"

enum {
    PAWL_CHECKPOINT_ROWS = 128
}; // in one commit

// An instance as it was when its snapshot was taken.
struct pawl_checkpoint_row {
    struct pawl_instance *instance;
    uint64_t generation;
    uint32_t events; // in its history
    size_t bytes;
};

struct pawl_checkpoint {
    struct pawl_residency *residency;
    bool running;
    bool in_commit;              // the commit that runs has a part of it
    uint64_t horizon;            // position of the last batch when the last one began
    uint64_t save_to;            // instances are written that changed up to this position
    uint64_t trim_to;            // once all are written: the same, or less if some cannot be
    size_t left_out;             // snapshots that are too large for the store
    struct pawl_instance **todo; // references, from |next| on
    size_t count, next, written; // |next| .. |written| are in the commit that runs
    struct pawl_snapshot snapshots[PAWL_CHECKPOINT_ROWS]; // of that commit
    struct pawl_checkpoint_row rows[PAWL_CHECKPOINT_ROWS];
    size_t row_count;
    struct pawl_arena arena;
    size_t log_bytes; // since the last one began
    int64_t last_at;  // steady
    uint64_t trimmed; // position up to which the log was dropped
    bool told;        // of snapshots that were left out
};

void pawl__checkpoint_init(struct pawl_checkpoint *point, struct pawl_residency *residency);

// The shard has been read: the next one is of what comes from now on.
void pawl__checkpoint_taken(struct pawl_checkpoint *point);

// Begins one if it is due; |force|: if there is anything to drop. True: a commit is to be asked
// for. What was due for its purge is purged before, which the caller settles.
bool pawl__checkpoint_consider(struct pawl_checkpoint *point, bool force);

// Adds the next snapshots to the part of a commit, beside |batch_bytes| of records. True when it
// added something.
bool pawl__checkpoint_prepare(struct pawl_checkpoint *point, struct pawl_part *part,
                              size_t batch_bytes);

// That commit is durable. True: another is to be asked for.
bool pawl__checkpoint_done(struct pawl_checkpoint *point);

void pawl__checkpoint_drop(struct pawl_checkpoint *point);

#endif
