#ifndef PAWL_RUNTIME_QUOTA_H
#define PAWL_RUNTIME_QUOTA_H

// What a daemon says it has of the app's limits, to the one that divides them, and the answer. See
// quotas.h.

#include "pawl_peer.pb-c.h"
#include "runtime/calls.h"

struct pawl_quota_row {
    struct pawl_str name; // of a workflow or activity; empty: of all of them
    bool turn;
    uint32_t most;  // that all daemons may have, as this one was told
    uint32_t has;   // at most, until this is answered
    uint32_t wants; // in all
};

struct pawl_quota {
    struct pawl_call call;
    struct pawl_str daemon; // that says so: no other has this name
    uint64_t number;        // a later one is of a later moment
    struct pawl_quota_row *rows;
    size_t count;
    struct pawl_arena *arena; // of what follows

    // The answer.
    uint64_t epoch;  // of who divides: answers of an earlier one than was seen are void
    uint32_t *quota; // by rows
};
void pawl__quota_init(struct pawl_quota *verb, struct pawl_str daemon, struct pawl_arena *arena);

// --- on the way ----------------------------------------------------------------------------------

// NULL: memory is out.
Peer__Quota *pawl__quota_pack(struct pawl_arena *arena, const struct pawl_quota *verb);
Peer__Quotas *pawl__quotas_pack(struct pawl_arena *arena, const struct pawl_quota *verb);

// Texts stay in |row|. False: it is none, or memory is out.
bool pawl__quota_take(struct pawl_quota *verb, const Peer__Quota *row, struct pawl_arena *arena);

// The answer to |verb|. False: it is none.
bool pawl__quotas_take(struct pawl_quota *verb, const Peer__Quotas *row);

#endif
