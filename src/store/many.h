#ifndef PAWL_STORE_MANY_H
#define PAWL_STORE_MANY_H

// Several snapshots at once, from any store. On a server that is one round trip for a page of them,
// where |load| takes one for each.

#include "store/store.h"

// Calls |fn| for each snapshot of |ids| that is there, in any order; those that are not are passed
// over. No id may come twice. Errors are those of |load|, and of |fn|, which ends it.
enum pawl_err pawl__store_load_many(struct pawl_store *store, uint64_t shard,
                                    const struct pawl_str *ids, size_t count, pawl_snapshot_fn fn,
                                    void *arg, struct pawl_error *error);

#endif
