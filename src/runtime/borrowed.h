#ifndef PAWL_RUNTIME_BORROWED_H
#define PAWL_RUNTIME_BORROWED_H

// Items of other daemons that workers of this one have, or will have; see borrow.h.

#include "runtime/results.h"

struct pawl_borrowed {
    struct pawl_link link;      // in a list of its session's, or of those that have none
    void *session;              // NULL: it is over, and nobody waits for an answer
    const char *lender;         // address, while there is a session
    struct pawl_worker *worker; // NULL: it has answered, or is gone
    bool turn;
    int32_t task_id; // PAWL_ITEM_TURN: a turn
    int64_t until;   // steady: others may give it out then
    struct pawl_str bytes, id, token;
    char text[];
};

struct pawl_borrowed_items {
    struct pawl_dispatch *dispatch;
    struct pawl_map by_token;
    const struct pawl_borrowed *delivered; // right now; NULL when it is freed meanwhile
};

void pawl__borrowed_init(struct pawl_borrowed_items *items, struct pawl_dispatch *dispatch);

// All must be freed by then.
void pawl__borrowed_finish(struct pawl_borrowed_items *items);

// The encoded WorkItem |bytes| for |worker|, whose room it takes. NULL: it is none, or memory is
// out.
struct pawl_borrowed *pawl__borrowed_create(struct pawl_borrowed_items *items,
                                            struct pawl_str bytes, struct pawl_worker *worker);
void pawl__borrowed_free(struct pawl_borrowed_items *items, struct pawl_borrowed *item);

// Takes the room of |worker|, and gives back that which it took before. NULL: of nobody.
void pawl__borrowed_count(struct pawl_borrowed_items *items, struct pawl_borrowed *item,
                          struct pawl_worker *worker);

// What an answer is for; NULL: none of these. |token| may be empty, with an older SDK.
struct pawl_borrowed *pawl__borrowed_match(const struct pawl_borrowed_items *items,
                                           struct pawl_str id, int32_t task_id, const char *token);

// Whether a worker of this daemon has what |call|, of a verb of results.h, answers: one of these,
// or an item of its own, be its shard with another daemon by now.
bool pawl__borrowed_is_here(const struct pawl_borrowed_items *items, const struct pawl_call *call);

#endif
