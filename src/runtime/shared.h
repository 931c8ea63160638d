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
// takes the others along, and they find that they are over. So a disk that syncs a thousand times
// a second serves any number of loops, and none waits longer than it would alone. A commit of which
// nothing was done, or is known, has that outcome for all that were in it; what is wrong with one
// part is that part's affair (store.h).

#include <stdatomic.h>

#include "base/list.h"
#include "runtime/jobs.h"
#include "store/store.h"

struct pawl_shared_store {
    struct pawl_store *store;
    struct pawl_jobs writer, reader; // lend their threads
    uv_mutex_t mutex;                // of |offers|
    struct pawl_link offers;         // pawl_offer::link
    atomic_size_t users;
    _Atomic uint64_t commits; // that were done
};

// A commit of one storage. Belongs to its loop until it is offered, then to the writing thread, and
// to the loop again once the job that has it is done.
struct pawl_offer {
    struct pawl_commit *commit;
    struct pawl_error *error;
    enum pawl_outcome outcome;
    int64_t took; // nanoseconds
    bool is_over;
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

// On the writing thread: writes it, if that has not been done, with all that is offered.
void pawl__shared_commit(struct pawl_shared_store *shared, struct pawl_offer *offer);

#endif
