#ifndef PAWL_RUNTIME_QUOTAS_H
#define PAWL_RUNTIME_QUOTAS_H

// Divides the limits of an app among its daemons. The one that has the app's first shard does it.
//
//   daemon ──── has 3, wants 5 ────► the daemon with shard 0
//          ◄─── may have 4 ─────────
//
// A daemon that may have 4 gives out 4 at a time without asking again. Nothing of this is stored:
// what is out is what daemons have in hand, and they say so.
//
// Why the sum is never more than the limit:
//
// - A daemon says the most that it may have until it is answered. It has one question open at a
//   time, and only an answer raises what it may have. So what is noted here is never less.
// - What is given is what the notes leave of the limit. The note of a lowered quota counts
//   until its daemon says that it has less.
// - A daemon that begins to divide, after the shard has moved, knows nothing. It leaves each daemon
//   what that says it has, and gives no more until it has heard all living daemons. From then on
//   they refuse the answers of earlier dividers, by the epoch of the shard's lease.
// - A daemon is forgotten when the store counts it as dead. It knows by its own clock when that may
//   be, and gives out nothing from then on; see pawl_ceilings.counted_until.
//
// Each daemon gets what it wants, if there is enough. Else those that want little get that, and the
// others equal parts; a remainder goes round.
//
// Daemons with different limits count by the lowest.

#include "runtime/members.h"
#include "runtime/quota.h"

struct pawl_quotas {
    struct pawl_link members; // struct quota_member, in the order in which they were heard
    uint64_t epoch;           // of the shard's lease; 0: it has not begun
    int64_t since;            // steady; when it began
    bool whole;               // all that live have been heard
    bool told;                // in the log, of those that say nothing
};

void pawl__quotas_init(struct pawl_quotas *quotas);
void pawl__quotas_finish(struct pawl_quotas *quotas);

// Divides under |epoch|. True: it is another one than before, and nobody has been heard.
bool pawl__quotas_begin(struct pawl_quotas *quotas, uint64_t epoch, int64_t now);

// Forgets those who do not live any more.
void pawl__quotas_look(struct pawl_quotas *quotas, const struct pawl_members *members);

// Whether the daemon |id| has been heard.
bool pawl__quotas_hears(const struct pawl_quotas *quotas, struct pawl_str id);

// Notes what |verb| says, and fills its answer. PAWL_E_INVALID: it is late, or comes again;
// PAWL_E_NOMEM.
enum pawl_err pawl__quotas_hear(struct pawl_quotas *quotas, struct pawl_quota *verb, int64_t now);

#endif
