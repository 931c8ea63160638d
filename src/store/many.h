#ifndef PAWL_STORE_MANY_H
#define PAWL_STORE_MANY_H

// Several snapshots at once, from any store. On a server that is one round trip for a page of them,
// where |load| takes one for each.

#include "store/store.h"

// A page is kept in memory at once, and a server does nothing else while it reads one.
#define PAWL_STORE_PAGE 32

// Calls |fn| for each snapshot of |places| that is there, in any order; those that are not are
// passed over. No place may come twice. Errors are those of |load|, and of |fn|, which ends it.
enum pawl_err pawl__store_load_many(struct pawl_store *store, const struct pawl_place *places,
                                    size_t count, pawl_place_fn fn, void *arg,
                                    struct pawl_error *error);

// Copies what |row| points to into |arena|. False when memory is out.
bool pawl__store_keep(struct pawl_arena *arena, struct pawl_snapshot *row);

#endif
