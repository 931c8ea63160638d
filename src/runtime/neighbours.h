#ifndef PAWL_RUNTIME_NEIGHBOURS_H
#define PAWL_RUNTIME_NEIGHBOURS_H

// Other daemons of an app, of which some are loops of this process: calls on those cross by the
// inboxes of siblings.h, and not by the network. To the node it makes no difference.

#include "runtime/members.h"
#include "runtime/siblings.h"

struct pawl_neighbours {
    struct pawl_peers peers;
    struct pawl_sibling *sibling; // this loop
    struct pawl_peers *others;    // of other processes
    const char *const *addresses; // of the loops
    size_t count;
};

// All that is given outlives it.
void pawl__neighbours_init(struct pawl_neighbours *neighbours, struct pawl_sibling *sibling,
                           struct pawl_peers *others, const char *const *addresses, size_t count);

// Where another loop is that has workers, as the last look at |members| told; none: nowhere.
struct pawl_str pawl__neighbours_worker(const struct pawl_neighbours *neighbours,
                                        const struct pawl_members *members);

// Workers at the other loops, as the last look at |members| told.
size_t pawl__neighbours_workers(const struct pawl_neighbours *neighbours,
                                const struct pawl_members *members);

#endif
