#ifndef PAWL_RUNTIME_WAKE_H
#define PAWL_RUNTIME_WAKE_H

// The clock of a shard. Instances in memory have their timers in the engine's shard; those that
// sleep in the store have a sleeper, and are loaded when their time comes.

#include "runtime/load.h"

struct pawl_wake {
    uv_timer_t timer; // |timer.data| is for whoever closes it
    struct pawl_residency *residency;
};

void pawl__wake_init(struct pawl_wake *wake, struct pawl_residency *residency);

// Fires what is due, and arms the clock for the next timer or sleeper. To be called after every
// command. True: timers have fired, and their effects are to be settled.
bool pawl__wake_check(struct pawl_wake *wake);

void pawl__wake_stop(struct pawl_wake *wake);

#endif
