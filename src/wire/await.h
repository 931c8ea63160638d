#ifndef PAWL_WIRE_AWAIT_H
#define PAWL_WIRE_AWAIT_H

// What instances can be asked to wait for.

#include "base/str.h"

enum pawl_await_kind {  // part of what daemons send each other: a number is never reused
    PAWL_AWAIT_ANY = 0, // it is not asked for what they wait
    PAWL_AWAIT_ACTIVITY = 1,
    PAWL_AWAIT_RETRY = 2, // the next attempt of an activity or child
    PAWL_AWAIT_EVENT = 3,
    PAWL_AWAIT_TIMER = 4,
    PAWL_AWAIT_CHILD = 5,
    PAWL_AWAIT_WORKER = 6, // no worker is connected that may have the activity, or the turn
    PAWL_AWAIT_KINDS
};

struct pawl_await {
    enum pawl_await_kind kind;
    struct pawl_str name; // of the activity, event, timer or workflow, or a child's id; empty: any
};

// Whether what waits so has work to offer, and is in memory where its shard is served.
static inline bool pawl__await_is_awake(const struct pawl_await *await) {
    return await->kind == PAWL_AWAIT_ACTIVITY || await->kind == PAWL_AWAIT_WORKER;
}

#endif
