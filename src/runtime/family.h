#ifndef PAWL_RUNTIME_FAMILY_H
#define PAWL_RUNTIME_FAMILY_H

// A recursive purge in an app of several shards. The children that a workflow has in other shards
// go before it, and their children before them. Each step is a call on one shard; if the purge
// fails between two steps, a part of the children is gone. The workflow itself goes last, so that
// the purge can be asked for again.
//
//   "w": kin? ──► "c", "d" in other shards ──► [their kin] ──► "c", "d" ──► "w"

#include "runtime/verbs.h"

// Whether |call| has to be carried out like this.
bool pawl__family_is_for(const struct pawl_call *call);

// Carries out |call|, a pawl_purge, in steps, each begun by |begin|. It ends with the number of all
// that were removed, or the first error. PAWL_E_NOMEM.
enum pawl_err pawl__family_begin(struct pawl_call *call,
                                 void (*begin)(void *arg, struct pawl_call *call), void *arg);

#endif
