#ifndef PAWL_RUNTIME_BORROW_H
#define PAWL_RUNTIME_BORROW_H

// Work of other daemons' shards for workers that are attached to this one; lend.h has the other
// side, and a drawing.
//
// Room for which items are asked is kept free until the answer comes, unless there is no limit.
// Work of this daemon's own shards comes first. It is given out before anything is borrowed; when
// it waits for room, the daemon asks again for less, which frees the room that was not used.
//
//   borrowed item:  with the worker ──► its answer is on its way to the lender ──► gone
//                        └── the session is over: nobody waits for an answer
//
// For a worker that does not say what it serves, a session begins when the lender rings. A worker
// that says so has a session with each other daemon at once, so that each knows who serves what.

#include "runtime/borrow_session.h"
#include "runtime/members.h"

void pawl__borrower_init(struct pawl_borrower *borrower, struct pawl_dispatch *dispatch,
                         struct pawl_peers *peers, const char *daemon, const char *address,
                         const struct pawl_log *log);
void pawl__borrower_finish(struct pawl_borrower *borrower);

// Ends all sessions, and fails answers that are on their way.
void pawl__borrower_stop(struct pawl_borrower *borrower);

// There are other daemons by now.
void pawl__borrower_seen(struct pawl_borrower *borrower, const struct pawl_members *members);

// The daemon at |address| has work that waits.
void pawl__borrower_rung(struct pawl_borrower *borrower, const char *address);

// Every second.
void pawl__borrower_pulse(struct pawl_borrower *borrower);

// Whether |call|, of a verb of results.h, answers a borrowed item. It is then carried out.
bool pawl__borrower_takes(struct pawl_borrower *borrower, struct pawl_call *call);

#endif
