#ifndef PAWL_RUNTIME_OUTBOX_H
#define PAWL_RUNTIME_OUTBOX_H

// Messages of a shard to workflows of other apps. They wait in a box of the shard's own store.
//
//   the commit of a turn ──► the box ──► read, app by app ──► the other app's daemon (apps.h)
//                               ▲                                 │ it has the message on record
//                               └── a commit removes the row ◄────┘
//
// So a message gets there, whichever side is killed when; one that comes twice is known there by
// its origin and number (engine/received.h). Only who serves the shard delivers. The letters of one
// sender to one target go one after the other; an app that does not answer is tried again, ever
// less often, and holds up no other app.
//
// A letter that is too large for the other app goes back: its sender is told (engine/undelivered.c)
// in the commit that removes it.
//
// Keys in the box begin with the other app and a zero (message.h), and are read by pages.

#include "runtime/apps.h"
#include "runtime/calls.h"

struct pawl_outbox {
    struct pawl_residency *residency;
    struct pawl_calls *calls;
    struct pawl_apps *apps;             // NULL: no other app can be reached
    struct pawl_str box;                // as the store knows it
    struct pawl_link routes;            // struct outbox_route: one for each app that has letters
    struct outbox_scan *scan;           // for such apps, under way; NULL: none
    struct pawl_link building, writing; // rows whose removal waits for, or is in, a commit
    size_t building_count;
    struct pawl_mail *removed; // of the commit that runs, with what the mailbox removes
    bool scan_again;           // it failed
};

// |box|: a view of the caller's; no other shard's box has the same name and number.
void pawl__outbox_init(struct pawl_outbox *outbox, struct pawl_calls *calls, struct pawl_apps *apps,
                       struct pawl_str box);

// Looks which apps have letters: after the shard was taken.
void pawl__outbox_begin(struct pawl_outbox *outbox);

// A letter with |key| is in the box now.
void pawl__outbox_ring(struct pawl_outbox *outbox, struct pawl_str key);

// To be called every second: apps that did not answer are tried again.
void pawl__outbox_pulse(struct pawl_outbox *outbox);

// Adds to a commit, behind what it removes already, the letters that were delivered since the last
// one. True: something. Without memory they stay, and go with a later one.
bool pawl__outbox_prepare(struct pawl_outbox *outbox, struct pawl_part *part);

// That commit is durable.
void pawl__outbox_done(struct pawl_outbox *outbox);

// Forgets what is under way. No call of the shard's may be left that knows of it.
void pawl__outbox_drop(struct pawl_outbox *outbox);

#endif
