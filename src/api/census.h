#ifndef PAWL_API_CENSUS_H
#define PAWL_API_CENSUS_H

// Counts the instances by status in the shards that this daemon serves. The store counts on its own
// thread, which takes a while for many instances; so a count begins only on request, and not too
// often.

#include "runtime/node.h"

enum {
    PAWL_CENSUS_STATUSES = 9 // of the wire, from RUNNING to STALLED
};

struct pawl_census {
    struct pawl_node *node; // NULL: there are no workflows
    double all[PAWL_CENSUS_STATUSES];
    double in_memory[PAWL_CENSUS_STATUSES];
    int64_t at; // when it was begun, steady; 0: it never was
    int64_t took;
    struct census_count *count; // under way; NULL: none
    double found[PAWL_CENSUS_STATUSES];
    void (*done)(void *arg);
    void *arg;
};

// |done| is called with |arg| when a count has ended.
void pawl__census_init(struct pawl_census *census, struct pawl_node *node, void (*done)(void *arg),
                       void *arg);

// Begins a count, unless the last one is recent or still under way. True: |done| will be called.
bool pawl__census_begin(struct pawl_census *census);

// |done| is not called any more. A count may still be under way in the node.
void pawl__census_finish(struct pawl_census *census);

#endif
