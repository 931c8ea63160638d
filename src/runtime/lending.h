#ifndef PAWL_RUNTIME_LENDING_H
#define PAWL_RUNTIME_LENDING_H

// What daemons of an app say to each other about work: that some waits, that a worker takes some,
// and what a worker answers. See lend.h.

#include "pawl_peer.pb-c.h"
#include "runtime/dispatch.h"
#include "runtime/results.h"

// Rings the daemon that it is sent to.
struct pawl_ring {
    struct pawl_call call;
    const char *address;  // of who rings
    const uint32_t *mail; // shards whose boxes have some
    size_t mail_count;
    bool work;  // waits for workers
    bool quota; // it divides the app's limits, and has not heard what the other one has
};
void pawl__ring_init(struct pawl_ring *verb, const char *address, const uint32_t *mail,
                     size_t mail_count, bool work);

// Asks for items for a worker. Done once there are some, or the worker has asked again.
struct pawl_borrow {
    struct pawl_call call;
    const char *daemon, *address; // of the worker
    uint64_t worker, attempt, number;
    uint64_t taken;   // what the calls up to this one have brought is with the worker; 0: unknown
    uint32_t room[2]; // for activities, for turns
    uint32_t both;    // for all together
    bool says;        // what it serves: |names|, of activities and of workflows
    char **names[2];
    size_t name_count[2];
    enum pawl_dialect dialect;
    bool keeps_history;
    size_t message;           // bytes of the largest message that it takes; 0: the lender knows
    struct pawl_arena *arena; // of what follows

    // The answer.
    struct pawl_str *items; // encoded WorkItems
    size_t item_count, item_cap;
    bool more; // waits, and no worker has room for it
    // Nanoseconds, from the asking on, for which the lender keeps the shards of the items, at
    // least. Another daemon may give out the same items then. INT64_MAX: it cannot say.
    int64_t lasts;
};
void pawl__borrow_init(struct pawl_borrow *verb, struct pawl_arena *arena);

// Adds a copy of |item|. False when memory is out.
bool pawl__borrow_add(struct pawl_borrow *verb, struct pawl_str item);

// The answer to a lent item: |bytes| is an encoded WorkflowResponse, if |turn|, or
// ActivityResponse.
struct pawl_answer {
    struct pawl_call call;
    struct pawl_str bytes;
};
void pawl__answer_init(struct pawl_answer *verb, bool turn, struct pawl_str id,
                       struct pawl_str bytes);

// --- on the way ----------------------------------------------------------------------------------

// NULL: memory is out.
Peer__Ring *pawl__ring_pack(struct pawl_arena *arena, const struct pawl_ring *verb);
Peer__Borrow *pawl__borrow_pack(struct pawl_arena *arena, const struct pawl_borrow *verb);
Peer__Lent *pawl__lent_pack(struct pawl_arena *arena, const struct pawl_borrow *verb);

// Texts stay in |row|. False: it is none.
bool pawl__ring_take(struct pawl_ring *verb, const Peer__Ring *row);
bool pawl__borrow_take(struct pawl_borrow *verb, const Peer__Borrow *row, struct pawl_arena *arena);

// The answer to |verb|. False: it is none, or memory is out.
bool pawl__lent_take(struct pawl_borrow *verb, const Peer__Lent *row);

#endif
