#ifndef PAWL_OBSERVE_PAST_H
#define PAWL_OBSERVE_PAST_H

// The last hour of the meters, in steps. Meters only grow; a step is by how much they grew from one
// look to the next, with percentiles of what was added.
//
//   meters:  12 ──── 12 ──── 40 ──── 41        (since the start of the process)
//   steps:        0 ───── 28 ────── 1          (the newest PAWL_PAST_STEPS of them)

#include "observe/workflow_meter.h"

enum {
    PAWL_PAST_STEPS = 360,
    PAWL_PAST_QUANTILES = 3,
};

// What takes time.
enum pawl_past_time {
    PAWL_PAST_WORKFLOW, // from its first turn to its end
    PAWL_PAST_ACTIVITY, // from when a worker has it to its end
    PAWL_PAST_BEGIN,    // from the start of a workflow to its first turn
    PAWL_PAST_TIMES
};

// Statuses of instances that have not ended.
enum pawl_past_open {
    PAWL_PAST_RUNNING,
    PAWL_PAST_PENDING,
    PAWL_PAST_SUSPENDED,
    PAWL_PAST_STALLED,
    PAWL_PAST_OPEN
};

struct pawl_past_step {
    int64_t at;       // when it ended, in nanoseconds since 1970
    uint64_t started; // workflows that had their first turn
    uint64_t ended[PAWL_METER_STATUS_COUNT];
    uint64_t activities[PAWL_METER_TERMINATED];           // that ended: well, or not
    double seconds[PAWL_PAST_TIMES][PAWL_PAST_QUANTILES]; // negative: there were none
    int64_t open[PAWL_PAST_OPEN]; // instances that have not ended, by status; -1: nobody counted
};

struct pawl_past_sums {
    uint64_t started, ended[PAWL_METER_STATUS_COUNT], activities[PAWL_METER_TERMINATED];
    uint64_t times[PAWL_PAST_TIMES][PAWL_BUCKETS_MOST + 1];
};

// Zero at first.
struct pawl_past {
    struct pawl_past_step steps[PAWL_PAST_STEPS]; // a ring
    uint64_t count;                               // of all that there ever were
    struct pawl_past_sums before;                 // what the meters had at the last look
};

// Ends a step at |now| (nanoseconds since 1970). |meter| NULL: nothing is counted. |open| NULL:
// nobody counted. The first step begins with the meters.
void pawl__past_look(struct pawl_past *past, int64_t now, const struct pawl_workflow_meter *meter,
                     const int64_t open[PAWL_PAST_OPEN]);

// The step |number|, from 0; NULL when it is too old or still to come.
const struct pawl_past_step *pawl__past_step(const struct pawl_past *past, uint64_t number);

// The number of the oldest step; |count| when there is none.
uint64_t pawl__past_first(const struct pawl_past *past);

// The quantile |quantile| of |counts|, interpolated linearly within its bucket; values above the
// last bound count as that bound. Negative: |counts| is empty.
double pawl__past_quantile(const struct pawl_buckets *buckets, const uint64_t *counts,
                           double quantile);

#endif
