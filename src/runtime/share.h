#ifndef PAWL_RUNTIME_SHARE_H
#define PAWL_RUNTIME_SHARE_H

// How the daemons of an app share its shards. Each decides for itself, from the same two lists; a
// lease that somebody else got first does no harm.
//
// Shards belong to daemons that have workers; while nobody has any, to all alike. Nobody keeps more
// than an even share, rounded up; who has more than an even share, rounded down, gives one away
// when somebody has less. What is free is first for those that have less. So shards move only as
// far as they have to.

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct pawl_share_member {
    uint32_t workers;
    uint32_t held; // shards
    bool self;     // one is
};

// How many shards the daemon that is |self| should hold, given those that there are and that nobody
// holds. More than it holds: it takes so many of those that are free. Less: it gives some back.
uint32_t pawl__share_want(const struct pawl_share_member *members, size_t count, uint32_t shards,
                          uint32_t unheld);

// Which of |unheld| free shards, in the order of their numbers, the one that is |self| tries first:
// each begins elsewhere, so that they seldom try the same. All have to see the members in one
// order.
uint32_t pawl__share_first(const struct pawl_share_member *members, size_t count, uint32_t unheld);

#endif
