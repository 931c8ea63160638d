#include "engine/command.h"
#include "engine/propagation.h"

// Whether what an answer makes of the past is too large to be stored: see propagation.h. A history
// can be passed on many times in one answer, each time as a whole.

#define ACTION(name) PB__WORKFLOW_ACTION__WORKFLOW_ACTION_TYPE_##name

// How often |action| has the history stored once more.
static unsigned sizes_copies(const struct pawl_instance *instance,
                             const Pb__WorkflowAction *action) {
    switch (action->workflow_action_type_case) {
    case ACTION(CREATE_CHILD_WORKFLOW):
        return action->createchildworkflow->historypropagationscope != 0;
    case ACTION(COMPLETE_WORKFLOW): // which may continue as new
        return instance->propagated.len != 0;
    default: return 0;
    }
}

// Bytes that a call in |response| passes on, at most: what there is, and what the turn adds.
static size_t sizes_passed(const struct pawl_shard *shard, const struct pawl_instance *instance,
                           const Pb__WorkflowResponse *response, size_t bytes) {
    enum {
        EVENT_REST = 128 // of an event, beside what its action and its instance say
    };
    size_t rest = EVENT_REST + strlen(shard->app_id) + instance->id_len;
    return instance->propagated.len + instance->history.bytes.len + instance->inbox.bytes.len +
           bytes + (response->n_actions + 1) * rest;
}

enum pawl_err pawl__command_check_sizes(const struct pawl_shard *shard,
                                        const struct pawl_instance *instance,
                                        const Pb__WorkflowResponse *response, size_t bytes,
                                        struct pawl_error *error) {
    size_t copies = 0;
    for (size_t i = 0; i < response->n_actions; i++)
        copies += sizes_copies(instance, response->actions[i]);
    if (!copies) return PAWL_OK;
    size_t passed = sizes_passed(shard, instance, response, bytes);
    if (passed <= shard->limits.event / copies) return PAWL_OK;
    return pawl__fail(error, PAWL_E_TOO_LARGE,
                      "Workflow passes its history of %zu bytes on %zu times in one turn; the "
                      "limit is %zu bytes in all",
                      passed, copies, shard->limits.event);
}
