#ifndef PAWL_CONFIG_CONCURRENCY_H
#define PAWL_CONFIG_CONCURRENCY_H

// How much of an app's work may be with workers at once (reference 3.17, 7.4): in one daemon, and
// in all daemons of the app together.

#include "config/resource.h"

// A limit of the whole app.
struct pawl_concurrency_limit {
    const char *name; // of a workflow or activity; "": of all of them together
    bool turn;        // of workflows
    int most;         // at least 1
    struct pawl_concurrency_limit *next;
};

struct pawl_concurrency {
    int max_turns, max_activities;           // of a daemon; 0: no limit
    int global_turns, global_activities;     // of the app; 0: no limit
    struct pawl_concurrency_limit *named[2]; // of activities, of workflows, in their order
};

// The keys of spec.workflow that it reads, for the list of those that are known.
#define PAWL_CONCURRENCY_KEYS                                                                      \
    "maxConcurrentWorkflowInvocations", "maxConcurrentActivityInvocations",                        \
        "globalMaxConcurrentWorkflowInvocations", "globalMaxConcurrentActivityInvocations",        \
        "workflowConcurrencyLimits", "activityConcurrencyLimits"

// Reads |workflow|, which is spec.workflow. What it does not say stays.
enum pawl_err pawl__concurrency_take(const struct pawl_config_context *context,
                                     const struct pawl_yaml *workflow, struct pawl_concurrency *out,
                                     struct pawl_error *error);

// All limits of the whole app, each once, in |arena|. PAWL_E_NOMEM.
enum pawl_err pawl__concurrency_limits(struct pawl_arena *arena,
                                       const struct pawl_concurrency *concurrency,
                                       struct pawl_concurrency_limit **out, size_t *count);

#endif
