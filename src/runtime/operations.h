#ifndef PAWL_RUNTIME_OPERATIONS_H
#define PAWL_RUNTIME_OPERATIONS_H

// Clients' calls on workflows as the reference counts them (5.2, workflow_operation_*).

#include "base/meter.h"
#include "runtime/calls.h"

enum pawl_operation {
    PAWL_OPERATION_CREATE,
    PAWL_OPERATION_GET,
    PAWL_OPERATION_EVENT, // of any kind
    PAWL_OPERATION_PURGE,
    PAWL_OPERATION_COUNT
};

// Times from a call to its being done and durable, nanoseconds, by whether it failed.
struct pawl_operation_meters {
    struct pawl_histogram times[PAWL_OPERATION_COUNT][2];
};

// The moment for pawl__operation_end, if somebody looks: |meters| may be NULL.
int64_t pawl__operation_begin(const struct pawl_operation_meters *meters);

// |call| is done. One that only waits for an instance, and what is no operation, counts as nothing.
void pawl__operation_end(struct pawl_operation_meters *meters, const struct pawl_call *call,
                         int64_t began, bool failed);

#endif
