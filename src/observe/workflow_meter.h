#ifndef PAWL_OBSERVE_WORKFLOW_METER_H
#define PAWL_OBSERVE_WORKFLOW_METER_H

// Counts workflows and activities by name and outcome, and how long they took: the reference's
// metrics (5.2). An event counts once the log holds it.

#include "base/meter.h"
#include "engine/observer.h"
#include "observe/named.h"

enum pawl_meter_status {
    PAWL_METER_SUCCESS,
    PAWL_METER_FAILED,
    PAWL_METER_TERMINATED, // of workflows; canceled ones are among them
    PAWL_METER_STATUS_COUNT
};
extern const char *const pawl__meter_statuses[PAWL_METER_STATUS_COUNT];

// Times in nanoseconds, payloads in millionths of what a message may have.
struct pawl_workflow_series {
    struct pawl_named named;
    struct pawl_histogram execution[PAWL_METER_STATUS_COUNT]; // from the first turn to the end
    struct pawl_histogram scheduling; // from the start, or the time for it, to the first turn
    struct pawl_histogram payload;    // of turns
    uint64_t turns, continued;        // continued: as new
};

struct pawl_activity_series {
    struct pawl_named named;
    struct pawl_histogram operation; // from the turn that schedules it to that being durable
    struct pawl_histogram execution[PAWL_METER_TERMINATED]; // from when a worker has it to its end
};

// For an activity of a workflow. The name has both names, with PAWL_METER_SEPARATOR between them.
struct pawl_payload_series {
    struct pawl_named named;
    struct pawl_histogram ratio;
};

// What stands in a name that is made of several, as a series has several labels.
enum {
    PAWL_METER_SEPARATOR = 0x1f
};

enum { // names that are told apart
    PAWL_METER_WORKFLOWS = 100,
    PAWL_METER_ACTIVITIES = 200
};

struct pawl_workflow_meter {
    struct pawl_observer observer;
    struct pawl_observer *next; // is told as well, and first
    const struct pawl_buckets *latency, *workflow_latency, *ratio;
    size_t max_message; // bytes
    struct pawl_named_set workflows, activities, payloads;
    struct pawl_note *free; // notes to be used again
};

// |latency|: for operations and scheduling; |workflow_latency|: for executions; both, and |ratio|,
// are the caller's. |next| may be NULL. False when memory is out.
bool pawl__workflow_meter_init(struct pawl_workflow_meter *meter,
                               const struct pawl_buckets *latency,
                               const struct pawl_buckets *workflow_latency,
                               const struct pawl_buckets *ratio, size_t max_message,
                               struct pawl_observer *next);
void pawl__workflow_meter_finish(struct pawl_workflow_meter *meter);

#endif
