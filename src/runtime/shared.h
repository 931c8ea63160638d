#ifndef PAWL_RUNTIME_SHARED_H
#define PAWL_RUNTIME_SHARED_H

// A store that several loops of a process share. Each has a storage of its own; they have one
// writing and one reading thread between them, so that the store sees no more than store.h allows,
// and one commit for what all of them have:
//
//   loop 0: storage ─┐ offers
//   loop 1: storage ─┼──────► [commit thread: one transaction of all offers] ──► done, on each loop
//   loop 2: storage ─┘ meanwhile: the next ones
//
// A commit that is handed to the writing thread is offered, too: whichever comes to its turn first
// takes the others along, and they find that they are over. A store that asks for more (store.h)
// also gets what is offered while it writes.
//
// Left to themselves the loops would take turns, since each offers again a moment after its own
// commit has ended, which is when that of another has begun:
//
//   loop 0   ├─ commit ─┤· offers        ├─ commit ─┤· offers
//   loop 1   · offers    ├─ commit ─┤ · offers       ├─ commit ─┤     (each waits for both)
//
// So a commit waits a little, before it is made durable, for who was in the one before and had much
// to write: at most half of what a commit takes. It does so after the parts that are there have
// been written, and who does not come is not waited for the next time. Then a sync is for all
// loops, a page is written once for all of them, and each is told after one commit.
//
// All loops wait for the writing thread, and with as many loops as processors it waits for one of
// them each time that it has slept for a sync. So it runs ahead of them if the system lets it;
// otherwise each loop lets it run once a turn. On two processors that gives two loops 13 % and 6 %.
//
// A commit of which nothing was done, or is known, has that outcome for all that were in it; what
// is wrong with one part is that part's affair.

#include <stdatomic.h>

#include "base/list.h"
#include "runtime/jobs.h"
#include "store/store.h"

struct pawl_shared_store {
    struct pawl_store *store;
    struct pawl_jobs writer, reader; // lend their threads
    uv_mutex_t mutex;                // of |offers|
    uv_cond_t came;                  // something has been offered
    struct pawl_link offers;         // pawl_offer::link
    uint64_t round;                  // commits; the writing thread's, like what follows
    size_t crowd;                    // offers in the last one with much to write
    int64_t took;                    // nanoseconds that one takes, on a moving average
    atomic_size_t users;
    _Atomic uint64_t commits; // that were done
};

// A commit of one storage. Belongs to its loop until it is offered, then to the writing thread, and
// to the loop again once the job that has it is done.
struct pawl_offer {
    struct pawl_commit *commit;
    struct pawl_error *error;
    size_t records; // in it
    enum pawl_outcome outcome;
    int64_t took; // nanoseconds
    bool is_over;
    uint64_t crowd; // the last round in which it had much to write
    struct pawl_link link;
    struct pawl_part **parts_end; // in a commit of several
    struct pawl_state_tx **state_end;
};

// Takes |store| over, for |users|, each of which has to release it. PAWL_E_NOMEM.
enum pawl_err pawl__shared_create(struct pawl_store *store, size_t users,
                                  struct pawl_shared_store **out, struct pawl_error *error);

// One more user, by one who is.
void pawl__shared_hold(struct pawl_shared_store *shared);

// On any thread, once nothing of the user's is with the threads. The last one closes the store.
void pawl__shared_release(struct pawl_shared_store *shared);

// On the loop: |offer| may be written from now on. A job that calls the next one has to be given to
// the writing thread.
void pawl__shared_offer(struct pawl_shared_store *shared, struct pawl_offer *offer);

// On the loop, once a turn: lets the writing thread run, if it could not be put ahead.
void pawl__shared_yield(struct pawl_shared_store *shared);

// On the writing thread: writes it, if that has not been done, with all that is offered.
void pawl__shared_commit(struct pawl_shared_store *shared, struct pawl_offer *offer);

#endif
