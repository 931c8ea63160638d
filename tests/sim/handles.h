#ifndef PAWL_TESTS_SIM_HANDLES_H
#define PAWL_TESTS_SIM_HANDLES_H

// Loops that are simulated: libuv's functions on timers, checks and idle handles, and the parts of
// a turn. These come in the place of libuv's. Whoever links them brings the time, and lets a loop
// have its turns.

#include <stdbool.h>
#include <uv.h>

enum {
    SIM_HANDLES = 64 // of one loop
};

// Of one loop. A handle's |flags| are ours.
struct sim_handles {
    uv_handle_t *list[SIM_HANDLES];
    size_t count;
    uint64_t timer_starts;
};

void sim_handles_add(uv_loop_t *loop, void *handle, uv_handle_type type);
bool sim_handle_closes(const uv_handle_t *handle);

// The parts of a turn.
void sim_handles_run_timers(uv_loop_t *loop);
void sim_handles_run_checks(uv_loop_t *loop);
void sim_handles_run_closed(uv_loop_t *loop);

// Calls sim_loop_turn for all that is to be done in later turns. Asyncs do not count.
void sim_handles_plan(uv_loop_t *loop);

// --- what the world brings -----------------------------------------------------------------------

struct sim_handles *sim_loop_handles(const uv_loop_t *loop);
uint64_t sim_loop_ms(void);                       // libuv's clock, which counts milliseconds
void sim_loop_used(uv_loop_t *loop);              // a handle of |loop| is used
void sim_loop_timed(uv_loop_t *loop);             // a timer of |loop| is started, after that
void sim_loop_turn(uv_loop_t *loop, uint64_t at); // there is something to do at |at|; 0: at once
void sim_loop_closed_twice(void);                 // a handle was

#endif
