#ifndef PAWL_STORE_MEMORY_MEMORY_H
#define PAWL_STORE_MEMORY_MEMORY_H

#include "store/store.h"

// A store that lives as long as the process, or until the last of those that share it is closed.
// Leases and members last for the time that they are given, or, when that is 0, until they are
// released.
enum pawl_err pawl__memory_open(struct pawl_store **out, struct pawl_error *error);

// Opens what |store| keeps for one more user, with threads of its own.
enum pawl_err pawl__memory_share(struct pawl_store *store, struct pawl_store **out,
                                 struct pawl_error *error);

#endif
