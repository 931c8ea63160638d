#ifndef PAWL_RUNTIME_LOADS_H
#define PAWL_RUNTIME_LOADS_H

// Instances that are read from a store together. On a server a read costs a round trip, and wakes
// two threads on either side, however many it asks for: what comes up within a round of the loop,
// or while the reader is busy, goes in one.

#include <pthread.h>

#include "runtime/jobs.h"
#include "runtime/mute.h"
#include "store/store.h"

// One of them. The caller's memory until |done|, which is called on the loop in the order in which
// they were added.
struct pawl_loads_one {
    struct pawl_place place;       // a view
    struct pawl_snapshot snapshot; // with what it points to in |arena|
    struct pawl_arena arena;       // the caller's, also when nothing is found
    struct pawl_error error;       // PAWL_E_NOT_FOUND, or what store.h says of |load|
    int64_t took, share;           // nanoseconds: the read's, and its part of it
    void (*done)(struct pawl_loads_one *one);
    struct pawl_link link;
};

// Those of one read: a job of the reader. Others join it until its turn has come.
struct pawl_loads_group {
    struct pawl_job job;
    struct pawl_loads *loads;
    struct pawl_link list; // pawl_loads_one::link
    size_t count;
    int64_t since; // when the last one joined, steady
};

struct pawl_loads {
    struct pawl_store *store;
    struct pawl_jobs *reader;
    struct pawl_mute *mute;
    struct pawl_loads_group *unsent; // the loop's
    pthread_mutex_t lock;            // of |open|, and of the list, count and time of that
    struct pawl_loads_group *open;   // to be joined
};

void pawl__loads_init(struct pawl_loads *loads, struct pawl_store *store, struct pawl_jobs *reader,
                      struct pawl_mute *mute);

// It waits for pawl__loads_send. False: memory is out.
bool pawl__loads_add(struct pawl_loads *loads, struct pawl_loads_one *one);

// To be called at the end of each round of the loop, and before any other job is given to the
// reader, so that all that is read keeps its order.
void pawl__loads_send(struct pawl_loads *loads);

// Reads one on the caller's thread; |done| is not called.
void pawl__loads_now(struct pawl_store *store, struct pawl_loads_one *one);

#endif
