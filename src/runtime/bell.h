#ifndef PAWL_RUNTIME_BELL_H
#define PAWL_RUNTIME_BELL_H

// The doorbells of the app's other daemons. A ring makes a daemon look sooner than it would by
// itself, so a lost ring costs time only. What comes while a ring is on its way goes with the next.

#include "runtime/forward.h"
#include "runtime/members.h"

struct pawl_bell {
    struct pawl_peers *peers; // NULL: nobody can be rung
    const char *address;      // of this daemon
    struct pawl_link doors;   // struct bell_door
};

void pawl__bell_init(struct pawl_bell *bell, struct pawl_peers *peers, const char *address);

// Forgets all that is on its way. May be called again.
void pawl__bell_finish(struct pawl_bell *bell);

// Mail is in the box of |shard|, which the daemon at |address| serves.
void pawl__bell_mail(struct pawl_bell *bell, struct pawl_str address, uint32_t shard);

// Work waits for a worker with room. Rings only once, until pawl__bell_told says that the daemon
// does not know it any more.
void pawl__bell_work(struct pawl_bell *bell, struct pawl_str address);

// This daemon divides the app's limits, and has not heard from the one at |address|; see quotas.h.
void pawl__bell_quota(struct pawl_bell *bell, struct pawl_str address);

// Whether the daemon at |address| knows that work waits here.
void pawl__bell_told(struct pawl_bell *bell, struct pawl_str address, bool told);

// Whether the last ring failed: the daemon does not know what it means, or cannot be reached.
bool pawl__bell_is_unheard(const struct pawl_bell *bell, struct pawl_str address);

// Every second: no daemon counts as told any more, and those that are gone are forgotten.
void pawl__bell_pulse(struct pawl_bell *bell, const struct pawl_members *members);

#endif
