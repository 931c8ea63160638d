// What instances tell each other: each thing that a workflow sends arrives once, in the order of
// sending, unless there is nobody to take it. A shard has it in the log right after the turn that
// sent it.

#include <stdlib.h>

#include "engine/events.h"
#include "sim.h"

#define ACTION(name) PB__WORKFLOW_ACTION__WORKFLOW_ACTION_TYPE_##name

static struct sim_model *const model = &sim.model;

static void told_add(const char *target, const char *data, bool ends) {
    const struct pawl_instance *instance = sim_model_find(pawl__str(target));
    if (!instance || pawl__instance_completed(instance)) {
        sim.counts.dropped++;
        return;
    }
    if (model->told_count == model->told_cap) {
        model->told_cap = model->told_cap ? 2 * model->told_cap : 64;
        model->told = realloc(model->told, model->told_cap * sizeof *model->told);
    }
    struct sim_told *told = &model->told[model->told_count++];
    snprintf(told->target, sizeof told->target, "%s", target);
    snprintf(told->data, sizeof told->data, "%s", data);
    told->ends = ends;
    sim.counts.told++;
}

void sim_told_turn(const struct pawl_instance *instance, uint64_t generation,
                   const Pb__WorkflowResponse *response) {
    for (size_t i = 0; i < response->n_actions; i++) {
        const Pb__WorkflowAction *action = response->actions[i];
        if (action->workflow_action_type_case == ACTION(TERMINATE_WORKFLOW))
            told_add(action->terminateworkflow->instanceid,
                     pawl__string_of(action->terminateworkflow->reason), true);
        if (action->workflow_action_type_case != ACTION(SEND_EVENT)) continue;
        const char *target = action->sendevent->instance->instanceid;
        // What a workflow keeps for its next generation is in its inbox by the turn itself; it sees
        // to the order of that.
        if (instance->generation != generation && strcmp(target, instance->id) == 0) continue;
        told_add(target, pawl__string_of(action->sendevent->data), false);
    }
}

static bool told_is_next(const char *id, const char *data, bool ends) {
    if (model->told_first == model->told_count) return false;
    const struct sim_told *next = &model->told[model->told_first];
    return next->ends == ends && strcmp(next->target, id) == 0 && strcmp(next->data, data) == 0;
}

// A client's terminate reaches the instance that it was for, and its descendants.
static void told_check_end(const char *id, const struct pawl_instance *instance, const char *data) {
    unsigned number = data ? (unsigned)atoi(data) : 0;
    if (number && number < model->tags && !sim_told_descends(id, instance, model->asked[number]))
        sim_fail("touches_only_descendants", id, "the terminate of %s reached it",
                 model->asked[number]);
}

void sim_told_event(const char *id, const char *data, bool ends) {
    const struct pawl_instance *instance = sim_model_find(pawl__str(id));
    if (!data || *data != 's') {
        if (ends) told_check_end(id, instance, data);
        return;
    }
    if (told_is_next(id, data, ends)) {
        model->told_first++;
        return;
    }
    const Pb__ExecutionStartedEvent *start =
        instance ? pawl__instance_start(instance, &sim.arena) : NULL;
    if (ends && start && start->parentinstance) return; // it goes on from its parent
    sim_fail("what_is_sent_arrives_once", id, "%s came, which nobody has sent just now", data);
}

void sim_told_batch(void) {
    if (model->told_first < model->told_count)
        sim_fail("what_is_sent_arrives_once", model->told[model->told_first].target,
                 "%s was sent, and did not arrive", model->told[model->told_first].data);
    model->told_first = model->told_count = 0;
}

bool sim_told_descends(const char *id, const struct pawl_instance *instance, const char *ancestor) {
    while (strcmp(id, ancestor) != 0) {
        if (!instance) return true; // what is gone cannot be asked
        const Pb__ExecutionStartedEvent *start = pawl__instance_start(instance, &sim.arena);
        if (!start->parentinstance) return false;
        id = start->parentinstance->workflowinstance->instanceid;
        instance = sim_model_find(pawl__str(id));
    }
    return true;
}
