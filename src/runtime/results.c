#include "runtime/results.h"

#include "base/clock.h"

// --- turns ---------------------------------------------------------------------------------------

static struct pawl_item *turn_item(const struct pawl_call *call) {
    const struct pawl_turn_result *verb = PAWL_CONTAINER(call, const struct pawl_turn_result, call);
    return pawl__dispatch_match(verb->dispatch, call->calls->residency, call->id, PAWL_ITEM_TURN,
                                verb->response->completiontoken);
}

static enum pawl_err turn_run(struct pawl_calls *calls, struct pawl_call *call,
                              struct pawl_error *error) {
    struct pawl_turn_result *verb = PAWL_CONTAINER(call, struct pawl_turn_result, call);
    struct pawl_dispatch *dispatch = verb->dispatch;
    struct pawl_residency *residency = calls->residency;
    struct pawl_item *item = turn_item(call);
    if (!item) return PAWL_OK;
    struct pawl_instance *instance = item->instance;
    dispatch->turn_time += (pawl__clock_steady() - item->began - dispatch->turn_time) / 8;
    struct pawl_stamp stamp = pawl__residency_stamp(residency);
    if (pawl__shard_turn_starts(verb->response)) pawl__random_uuid(stamp.uuid);
    residency->shard.limits.message = dispatch->message;
    enum pawl_err err = pawl__shard_complete_turn(&residency->shard, stamp, instance,
                                                  verb->response, verb->bytes, error);
    if (err == PAWL_E_NEEDED || err == PAWL_E_TOO_LARGE) return err; // it may give a smaller one
    pawl__dispatch_hold(dispatch, residency, instance);
    call->position = instance->position;
    if (err)
        pawl__dispatch_return(dispatch, item); // for want of memory: it is given again
    else
        pawl__dispatch_answered(dispatch, item);
    return err;
}

// The turn is offered again, as its answer could not be taken.
static void turn_give_up(struct pawl_call *call) {
    struct pawl_turn_result *verb = PAWL_CONTAINER(call, struct pawl_turn_result, call);
    struct pawl_item *item = turn_item(call);
    if (item) pawl__dispatch_return(verb->dispatch, item);
}

static const struct pawl_verb turn_verb = {
    .kind = PAWL_VERB_TURN_RESULT,
    .run = turn_run,
    .give_up = turn_give_up,
    .behind = true,
    .writes = true,
};

void pawl__turn_result_init(struct pawl_turn_result *verb, struct pawl_dispatch *dispatch,
                            const Pb__WorkflowResponse *response, struct pawl_str bytes) {
    pawl__call_init(&verb->call, &turn_verb, pawl__str(response->instanceid));
    verb->dispatch = dispatch;
    verb->response = response;
    verb->bytes = bytes;
}

// --- activities ----------------------------------------------------------------------------------

// The answer to an activity that this process has not given out: it comes from a worker that had it
// of a daemon before this one. When the activity is still to be given out the answer must not be
// acknowledged, since it would be given out after that.
static enum pawl_err activity_unknown(struct pawl_residency *residency,
                                      const struct pawl_activity_result *verb,
                                      struct pawl_error *error) {
    const Pb__ActivityResponse *response = verb->response;
    struct pawl_str id = verb->call.id;
    struct pawl_instance *instance;
    // It is with another worker by now. That one may be lost as well, and the activity given out
    // once more.
    if (pawl__dispatch_match(verb->dispatch, residency, id, response->taskid, ""))
        return pawl__fail(error, PAWL_E_UNAVAILABLE,
                          "the activity was given to another worker before its result could be "
                          "written");
    enum pawl_err err = pawl__residency_find(residency, id, &instance);
    if (err) return err == PAWL_E_NEEDED ? err : pawl__fail_plain(error, err);
    const struct pawl_pending *item = pawl__pending_find(&instance->pending, response->taskid);
    if (!instance->exists || !item || item->kind != PAWL_PENDING_TASK) return PAWL_OK;
    return pawl__fail(error, PAWL_E_UNAVAILABLE,
                      "the activity was given out by a daemon that has ended; it is given again");
}

static enum pawl_err activity_run(struct pawl_calls *calls, struct pawl_call *call,
                                  struct pawl_error *error) {
    struct pawl_activity_result *verb = PAWL_CONTAINER(call, struct pawl_activity_result, call);
    struct pawl_residency *residency = calls->residency;
    const Pb__ActivityResponse *response = verb->response;
    struct pawl_item *item = pawl__dispatch_match(verb->dispatch, residency, call->id,
                                                  response->taskid, response->completiontoken);
    if (!item) return activity_unknown(residency, verb, error);
    enum pawl_err err = PAWL_OK;
    struct pawl_stamp stamp = pawl__residency_stamp(residency);
    stamp.given_at = stamp.now - (pawl__clock_steady() - item->began);
    if (item->generation == item->instance->generation)
        err = pawl__shard_complete_task(&residency->shard, stamp, item->instance, response->taskid,
                                        response, error);
    call->position = item->instance->position;
    if (err == PAWL_E_NOMEM)
        pawl__dispatch_return(verb->dispatch, item); // it is given again
    else if (!err)
        pawl__dispatch_answered(verb->dispatch, item);
    return err;
}

static const struct pawl_verb activity_verb = {
    .kind = PAWL_VERB_ACTIVITY_RESULT, .run = activity_run, .patient = true, .writes = true};

void pawl__activity_result_init(struct pawl_activity_result *verb, struct pawl_dispatch *dispatch,
                                const Pb__ActivityResponse *response) {
    pawl__call_init(&verb->call, &activity_verb, pawl__str(response->instanceid));
    verb->dispatch = dispatch;
    verb->response = response;
}
