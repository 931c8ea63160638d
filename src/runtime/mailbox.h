#ifndef PAWL_RUNTIME_MAILBOX_H
#define PAWL_RUNTIME_MAILBOX_H

// Messages that come to a shard through the store.
//
//   bell ──► read (reader's thread) ──► receive each ──► its records and the removal of its row go
//     ▲                                                  in one commit ──► read again, if it rang
//     └── the commit of a sender, a daemon that looks now and then
//
// So a message counts exactly once. One round is under way at a time: its rows stay in the store
// until the round is over, and would be read again.

#include "runtime/calls.h"

struct pawl_mailbox {
    struct pawl_residency *residency;
    struct pawl_calls *calls;
    bool rung;                          // there may be something to read
    uint64_t received;                  // letters, in all
    struct mailbox_round *round;        // under way; NULL: none
    struct pawl_link building, writing; // rows whose removal waits for, or is in, a commit
};

void pawl__mailbox_init(struct pawl_mailbox *mailbox, struct pawl_calls *calls);

// There may be mail. Reads it, now or once what is under way is over; of a shard that is not served
// here, once it is.
void pawl__mailbox_ring(struct pawl_mailbox *mailbox);

// Adds to a commit what was received since the last one. True: something.
bool pawl__mailbox_prepare(struct pawl_mailbox *mailbox, struct pawl_part *part);

// That commit is durable.
void pawl__mailbox_done(struct pawl_mailbox *mailbox);

// Forgets what is under way, after all calls have ended.
void pawl__mailbox_drop(struct pawl_mailbox *mailbox);

#endif
