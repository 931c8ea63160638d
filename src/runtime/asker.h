#ifndef PAWL_RUNTIME_ASKER_H
#define PAWL_RUNTIME_ASKER_H

// Asks for this daemon's part of the app's limits, and gives back what the daemon does not use;
// quotas.h has the other side. Without limits it only says, when asked, that there are none.

#include "runtime/dispatch.h"
#include "runtime/members.h"
#include "runtime/quota.h"

struct pawl_asker {
    struct pawl_dispatch_extra extra;
    struct pawl_dispatch *dispatch;
    struct pawl_ceilings *ceilings; // NULL: there are none
    const struct pawl_members *members;
    // Sends |verb| to the daemon that has shard 0; its |done| may be called from within.
    void (*send)(void *arg, struct pawl_quota *verb);
    void *arg;
    uv_timer_t timer; // the caller's to close
    struct pawl_quota verb;
    struct pawl_arena arena; // of |verb|
    bool asking, stopped;
    bool owes;                   // it has said that it has more than it has by now
    int64_t asked_at, peaked_at; // steady; when it asked, and when it began to look for peaks
    uint64_t number;
    uint64_t epoch; // the newest of those who answered
};

// |ceilings| may be NULL.
void pawl__asker_init(struct pawl_asker *asker, uv_loop_t *loop, struct pawl_dispatch *dispatch,
                      const struct pawl_members *members,
                      void (*send)(void *arg, struct pawl_quota *verb), void *arg);
void pawl__asker_finish(struct pawl_asker *asker); // also of one that is zero

// Asks no more.
void pawl__asker_stop(struct pawl_asker *asker);

// It is to be said at once what this daemon has.
void pawl__asker_rung(struct pawl_asker *asker);

// The store has told who lives.
void pawl__asker_seen(struct pawl_asker *asker);

#endif
