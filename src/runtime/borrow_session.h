#ifndef PAWL_RUNTIME_BORROW_SESSION_H
#define PAWL_RUNTIME_BORROW_SESSION_H

// What one worker of this daemon has of one lender: calls that ask for items, the items that they
// bring, and the room that is kept free for them. borrow.h says when there is a session.
//
//   consider: is there room? ──ask──► lender ──items──► waiting ──► given (to the worker)

#include "base/clock.h"
#include "runtime/repay.h"

// See borrow.h.
struct pawl_borrower {
    struct pawl_dispatch_extra extra;
    struct pawl_dispatch *dispatch;
    struct pawl_peers *peers; // NULL: nothing is borrowed
    const char *daemon;       // the name of this one
    const char *address;      // of this one
    const struct pawl_log *log;
    struct pawl_link lenders; // struct pawl_borrow_lender
    struct pawl_link orphans; // items whose session is over, with their workers
    struct pawl_borrowed_items items;
    struct pawl_repay repay;
    uint64_t attempts;
    bool stirred; // something has changed since it was last asked
    bool stopped;
};

// Another daemon of the app.
struct pawl_borrow_lender {
    struct pawl_link link;
    struct pawl_link sessions;
    bool hungry; // work waits there that it has no worker with room for
    bool is_gone;
    bool again; // a session has failed: the lender has to know, which gives its items to others
    int64_t hungry_at; // since when; steady
    int64_t retry_at;  // steady
    char address[];
};

// One worker at one lender.
struct pawl_borrow_session {
    struct pawl_link link;
    struct pawl_borrower *borrower;
    struct pawl_borrow_lender *lender;
    struct pawl_worker *worker;
    struct pawl_link asks;    // that are open, the newest last
    struct pawl_link waiting; // items that the worker does not take yet
    struct pawl_link given;   // those that it has
    uint64_t attempt, number;
    int64_t used_at; // steady
};

// NULL: memory is out.
struct pawl_borrow_session *pawl__borrow_session_create(struct pawl_borrower *borrower,
                                                        struct pawl_borrow_lender *lender,
                                                        struct pawl_worker *worker);

// What the worker has stays with it; its answers will be of no use.
void pawl__borrow_session_end(struct pawl_borrow_session *session);

// The same. Nothing is asked of the lender for a while.
void pawl__borrow_session_fail(struct pawl_borrow_session *session, const char *why);

// Asks for what the worker has room for now, if that is another answer than the last. False: it
// cannot be sent.
bool pawl__borrow_session_consider(struct pawl_borrow_session *session, int64_t now);

// Whether room has been kept free for the lender for too long.
bool pawl__borrow_session_is_late(const struct pawl_borrow_session *session, int64_t now);

#endif
