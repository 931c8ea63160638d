#ifndef PAWL_RUNTIME_SEARCH_H
#define PAWL_RUNTIME_SEARCH_H

// Which instances of a shard fit a query, and how many do: what the store has, and what is in
// memory, where memory has the last word. Nothing is loaded for it.

#include "runtime/calls.h"
#include "store/query.h"

enum {
    PAWL_SEARCH_SCAN = 25000 // instances that the search for a person's page looks at
};

// Fills |rows|, in |arena|, with the first |query.limit| (not 0) instances in the order of the
// query, columns only: those that there are at one moment. With |query.scan| they may be fewer, and
// it tells behind which place the caller has to go on.
struct pawl_search {
    struct pawl_call call; // its id is not looked at
    uint32_t shard;        // of the app
    struct pawl_query query;
    struct pawl_arena *arena;
    struct pawl_snapshot *rows;
    size_t count;
};

// |query| is copied; its texts are the caller's, as |verb| is.
void pawl__search_init(struct pawl_search *verb, const struct pawl_query *query,
                       struct pawl_arena *arena);

struct pawl_tally_row {
    struct pawl_str name; // of the workflow
    int32_t status;
    uint64_t count;
};

// Fills |rows|, in |arena|, with how many fit, by name and status, in no order. Exact when nothing
// changes meanwhile; what does change is counted as it was before or as it is then. With
// |query.scan| it counts in the order of the query, for a moment, what stands behind its place, and
// tells behind which place the caller has to go on. Nothing is counted twice so, and what is there
// all the time is counted.
struct pawl_tally {
    struct pawl_call call;
    uint32_t shard;
    struct pawl_query query;
    struct pawl_arena *arena;
    struct pawl_tally_row *rows;
    size_t count, cap;
};

void pawl__tally_init(struct pawl_tally *verb, const struct pawl_query *query,
                      struct pawl_arena *arena);

// Ends all that are being made.
void pawl__search_drop(struct pawl_residency *residency, const struct pawl_error *error);

#endif
