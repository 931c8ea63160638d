#ifndef PAWL_RUNTIME_RESULTS_H
#define PAWL_RUNTIME_RESULTS_H

// What workers answer. Done once the log holds it; answers that nobody waits for any more are
// PAWL_OK. PAWL_E_UNAVAILABLE: a result cannot be recorded, as its activity is given out again, or
// is with another worker by now.

#include "runtime/calls.h"
#include "runtime/dispatch.h"

// The answer to a turn. |bytes| is the encoded |response|.
struct pawl_turn_result {
    struct pawl_call call;
    struct pawl_dispatch *dispatch;
    const Pb__WorkflowResponse *response;
    struct pawl_str bytes;
};
void pawl__turn_result_init(struct pawl_turn_result *verb, struct pawl_dispatch *dispatch,
                            const Pb__WorkflowResponse *response, struct pawl_str bytes);

// The result of an activity.
struct pawl_activity_result {
    struct pawl_call call;
    struct pawl_dispatch *dispatch;
    const Pb__ActivityResponse *response;
};
void pawl__activity_result_init(struct pawl_activity_result *verb, struct pawl_dispatch *dispatch,
                                const Pb__ActivityResponse *response);

#endif
