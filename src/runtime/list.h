#ifndef PAWL_RUNTIME_LIST_H
#define PAWL_RUNTIME_LIST_H

// The list of instances of a shard: what the store has, and what is in memory, where memory has the
// last word.

#include "runtime/calls.h"

// Fills |ids| with the first |max| (not 0) ids after |after|, in the order of their bytes: all
// instances that there are at one moment. |after| empty: from the beginning.
struct pawl_list {
    struct pawl_call call; // its id is not looked at
    struct pawl_str after;
    size_t max;
    struct pawl_arena *arena;
    struct pawl_str *ids; // terminated, in |arena|
    size_t id_count;
};

void pawl__list_init(struct pawl_list *verb, struct pawl_str after, size_t max,
                     struct pawl_arena *arena);

// Ends all lists that are being made.
void pawl__list_drop(struct pawl_residency *residency, const struct pawl_error *error);

#endif
