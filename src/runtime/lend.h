#ifndef PAWL_RUNTIME_LEND_H
#define PAWL_RUNTIME_LEND_H

// Work of this daemon's shards for workers that are attached to other daemons of the app. To the
// dispatch such a worker looks like one of its own, which comes last. Its daemon borrows for it:
//
//   this daemon (lend.h)                                          the worker's (borrow.h)
//     work waits, no worker here has room ──── ring: work ──────────► has a worker room?
//     an item, as soon as there is one   ◄─── borrow: room for 3 ──── it is kept free
//                                         ──── the answer: items ───► worker ──► its answer
//     as an answer of an own worker      ◄─── turn or activity result ──┘
//
// Each call says how much room there is, and no more is ever lent. A call stays open until there is
// an item; so a daemon that dies is noticed at once, and its items are given to others. A daemon
// that is silent for some seconds counts as dead. A new call says what room there is now: the call
// before it is then answered with nothing.
//
// What is in an answer comes to the worker within two seconds, or not at all. The next call says
// that it is there. When a session ends before, its items stay with it for that long, and count as
// lent; a shard whose state is to be read again waits for it, too. Else another worker could run
// them, and its result be acknowledged, while the answer is on its way.
//
// Nothing here is stored: to the log, a lent item is one that a worker has.

#include "runtime/bell.h"

struct pawl_lend {
    struct pawl_dispatch_extra extra;
    struct pawl_dispatch *dispatch;
    const struct pawl_members *members;
    struct pawl_bell *bell;
    const struct pawl_log *log;
    struct pawl_link sessions; // struct lend_session
    uv_timer_t timer;          // |timer.data| is for whoever closes it
    bool stopped;
};

void pawl__lend_init(struct pawl_lend *lend, struct pawl_dispatch *dispatch,
                     const struct pawl_members *members, struct pawl_bell *bell,
                     const struct pawl_log *log);
void pawl__lend_open(struct pawl_lend *lend, uv_loop_t *loop); // before anything is lent

// Once no shard is served, and the timer is closed.
void pawl__lend_finish(struct pawl_lend *lend);

// Ends all sessions. Lends no more.
void pawl__lend_stop(struct pawl_lend *lend);

// Begins to answer |verb|, which another daemon asks. PAWL_E_INVALID: it is late, or doubled.
void pawl__lend_serve(struct pawl_lend *lend, struct pawl_borrow *verb);

// Every second: ends sessions that are silent.
void pawl__lend_pulse(struct pawl_lend *lend);

#endif
