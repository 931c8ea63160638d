#ifndef PAWL_RUNTIME_LOAD_H
#define PAWL_RUNTIME_LOAD_H

// Brings instances into memory from the store, on the reader's thread. Calls that need the same
// instance share one load; loads share a read (loads.h).

#include "runtime/residency.h"

// Something that needs an instance. The caller's memory until it was told.
struct pawl_load_waiter {
    // |error| is NULL when the instance, or a ghost, is in memory.
    void (*loaded)(struct pawl_load_waiter *waiter, const struct pawl_error *error);
    struct pawl_link link;
};

// Begins to load |id|, or joins a load that has begun, and tells |waiter| (NULL: nobody) after it.
// Without memory |waiter| is told at once. What it gives as commands is settled after it was told.
void pawl__load_begin(struct pawl_residency *residency, struct pawl_str id,
                      struct pawl_load_waiter *waiter);

// Forgets a waiter that has not been told.
static inline void pawl__load_cancel(struct pawl_load_waiter *waiter) {
    pawl__list_remove(&waiter->link);
}

// Whether the loop may load |id| by itself: it is known that there is none (known.h), or nobody
// uses the reader, and to wake it would take longer than the load.
bool pawl__load_is_light(const struct pawl_residency *residency, struct pawl_str id);

// Loads on the caller's thread, and returns how it went.
enum pawl_err pawl__load_now(struct pawl_residency *residency, struct pawl_str id,
                             struct pawl_error *error);

// Has it known that there is no |id|, which nobody can have used yet: nothing is read.
enum pawl_err pawl__load_none(struct pawl_residency *residency, struct pawl_str id,
                              struct pawl_error *error);

// Tells all that wait |error|, and forgets what is being loaded.
void pawl__load_drop(struct pawl_residency *residency, const struct pawl_error *error);

#endif
