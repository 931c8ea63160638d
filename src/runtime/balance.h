#ifndef PAWL_RUNTIME_BALANCE_H
#define PAWL_RUNTIME_BALANCE_H

// What a look at the other daemons makes a node do: it takes shards that nobody has, and gives back
// those that others should have, as the shares say (share.h).

#include "runtime/members.h"
#include "runtime/partition.h"

struct pawl_balance {
    const struct pawl_members *members;
    struct pawl_partition *partitions; // the node's, by number
    uint32_t count;
};

// Returns how many shards were nobody's.
uint32_t pawl__balance(const struct pawl_balance *balance);

#endif
