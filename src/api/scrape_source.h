#ifndef PAWL_API_SCRAPE_SOURCE_H
#define PAWL_API_SCRAPE_SOURCE_H

// Where the numbers of a daemon's metrics are.

#include "api/census.h"
#include "api/options.h"
#include "api/request_meter.h"
#include "observe/metrics.h"
#include "observe/push.h"
#include "observe/tracer.h"
#include "observe/workflow_meter.h"
#include "runtime/neighbours.h"
#include "runtime/operations.h"

// What a loop is doing.
struct pawl_loop_meter {
    struct pawl_histogram lag; // nanoseconds by which a timer comes late
    int64_t busy;              // nanoseconds of its thread's processor time
};

struct pawl_scrape_source {
    const char *app_id;
    const char *namespace; // "": none was set
    const char *version, *dapr_version;
    const struct pawl_node *node;             // NULL: there are no workflows
    const struct pawl_neighbours *neighbours; // other loops that |node| has; NULL: none
    const struct pawl_sibling *sibling;       // this loop; NULL: it is the only one
    const struct pawl_api_stores *stores;
    const struct pawl_workflow_meter *workflows;    // with |node|
    const struct pawl_operation_meters *operations; // with |node|
    const struct pawl_request_meter *requests;
    const struct pawl_census *census;
    const struct pawl_tracer *tracer; // NULL: nothing is traced
    struct pawl_push *push;           // NULL: metrics are only read
    const struct pawl_loop_meter *loop;
};

#endif
