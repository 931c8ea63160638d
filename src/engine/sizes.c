#include "engine/command.h"
#include "wire/pack.h"

// Whether what an answer asks for is too large: an activity for a message to a worker (3.12
// Payload-size guard), and what is passed on of the history for the store. A history can be passed
// on many times in one answer, each time as a whole (see propagation.h).

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

// Bytes of an event, beside what its action says, at most.
static size_t sizes_rest(const struct pawl_shard *shard, const struct pawl_instance *instance) {
    enum {
        EVENT_REST = 128
    };
    return EVENT_REST + strlen(shard->app_id) + instance->id_len;
}

// Bytes that there are to be passed on before the turn's answer adds to them.
static size_t sizes_past(const struct pawl_instance *instance) {
    return instance->propagated.len + instance->history.bytes.len + instance->inbox.bytes.len;
}

static enum pawl_err sizes_check_copies(const struct pawl_shard *shard,
                                        const struct pawl_instance *instance,
                                        const Pb__WorkflowResponse *response, size_t bytes,
                                        struct pawl_error *error) {
    size_t copies = 0;
    for (size_t i = 0; i < response->n_actions; i++)
        copies += sizes_copies(instance, response->actions[i]);
    if (!copies) return PAWL_OK;
    size_t passed =
        sizes_past(instance) + bytes + (response->n_actions + 1) * sizes_rest(shard, instance);
    if (passed <= shard->limits.event / copies) return PAWL_OK;
    return pawl__fail(error, PAWL_E_TOO_LARGE,
                      "Workflow passes its history of %zu bytes on %zu times in one turn; the "
                      "limit is %zu bytes in all",
                      passed, copies, shard->limits.event);
}

// |before|: bytes of the events that the answer has added before |action|.
static enum pawl_err sizes_check_activity(const struct pawl_shard *shard,
                                          const struct pawl_instance *instance,
                                          const Pb__WorkflowAction *action, size_t before,
                                          struct pawl_error *error) {
    const Pb__ScheduleTaskAction *task = action->scheduletask;
    size_t size = pawl__wire_size(&task->base) + sizes_rest(shard, instance);
    if (task->historypropagationscope) size += sizes_past(instance) + before + size;
    if (size <= shard->limits.message / 100 * 95) return PAWL_OK;
    return pawl__fail(error, PAWL_E_TOO_LARGE,
                      "activity '%s::%d' payload %zu bytes exceeds 95%% of max gRPC body size %zu "
                      "bytes; increase daprd --max-body-size and restart to resume: activity "
                      "payload exceeds max gRPC body size",
                      task->name, action->id, size, shard->limits.message);
}

static enum pawl_err sizes_check_activities(const struct pawl_shard *shard,
                                            const struct pawl_instance *instance,
                                            const Pb__WorkflowResponse *response, size_t bytes,
                                            struct pawl_error *error) {
    size_t rest = sizes_rest(shard, instance), before = 0;
    // Nearly always all of it together is small enough.
    if (!shard->limits.message || sizes_past(instance) + bytes + (response->n_actions + 1) * rest <=
                                      shard->limits.message / 100 * 95)
        return PAWL_OK;
    for (size_t i = 0; i < response->n_actions; i++) {
        const Pb__WorkflowAction *action = response->actions[i];
        enum pawl_err err = PAWL_OK;
        if (action->workflow_action_type_case == ACTION(SCHEDULE_TASK))
            err = sizes_check_activity(shard, instance, action, before, error);
        if (err) return err;
        before += pawl__wire_size(&action->base) + rest;
    }
    return PAWL_OK;
}

enum pawl_err pawl__command_check_sizes(const struct pawl_shard *shard,
                                        const struct pawl_instance *instance,
                                        const Pb__WorkflowResponse *response, size_t bytes,
                                        struct pawl_error *error) {
    enum pawl_err err = sizes_check_activities(shard, instance, response, bytes, error);
    return err ? err : sizes_check_copies(shard, instance, response, bytes, error);
}
