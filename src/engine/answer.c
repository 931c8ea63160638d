#include <stdlib.h>

#include "base/assert.h"
#include "base/clock.h"
#include "engine/command.h"
#include "engine/record.h"

// A worker's answer to a turn: whether it can be applied, and what it tells others.

#define ACTION(name) PB__WORKFLOW_ACTION__WORKFLOW_ACTION_TYPE_##name

struct answer {
    struct pawl_shard *shard;
    struct pawl_instance *instance;
    const Pb__WorkflowResponse *response;
    struct pawl_error *error;
    const char **targets; // who each action tells something; NULL: nobody
    int32_t *ids;         // that actions schedule something under
    size_t id_count;
    struct pawl_need *missing;
};

// --- whether it can be applied ------------------------------------------------------------------

// Another namespace is never reached, and what is asked of it waits for ever (3.13 Cross-app); nor
// is an app whose id no box has room for.
static enum pawl_err answer_check_router(const struct answer *answer,
                                         const Pb__WorkflowAction *action) {
    const Pb__TaskRouter *router = action->_router_case ? action->router : NULL;
    const char *own = answer->shard->namespace;
    const char *app = router && router->_target_app_id_case ? router->targetappid : "";
    const char *asked =
        router && router->_target_app_namespace_case ? router->targetappnamespace : "";
    if (strlen(app) > PAWL_APP_MOST)
        return pawl__fail(answer->error, PAWL_E_INVALID,
                          "action %d is for an app whose ID has %zu bytes; the limit is %d",
                          action->id, strlen(app), PAWL_APP_MOST);
    if (!own || !*asked || strcmp(asked, own) == 0) return PAWL_OK;
    return pawl__fail(answer->error, PAWL_E_INVALID,
                      "action %d is for an app in namespace '%s', and only namespace '%s' can be "
                      "reached from here",
                      action->id, asked, own);
}

static int answer_compare_ids(const void *a, const void *b) {
    int32_t left = *(const int32_t *)a, right = *(const int32_t *)b;
    return left < right ? -1 : left > right;
}

// Notes that an action schedules something under |id|.
static enum pawl_err answer_schedule(struct answer *answer, int32_t id) {
    const struct pawl_pending *before = pawl__pending_find(&answer->instance->pending, id);
    if (before && !pawl__pending_is_optional(before))
        return pawl__fail(answer->error, PAWL_E_INVALID,
                          "action %d was already scheduled by an earlier turn", id);
    answer->ids[answer->id_count++] = id;
    return PAWL_OK;
}

static enum pawl_err answer_check_name(const struct answer *answer, int32_t id, const char *name) {
    size_t len = strlen(name), max = answer->shard->limits.name;
    if (len <= max) return PAWL_OK;
    return pawl__fail(answer->error, PAWL_E_INVALID,
                      "action %d has a name or an id of %zu bytes; the limit is %zu", id, len, max);
}

// |target|: who is told something.
static enum pawl_err answer_check_target(const struct answer *answer, int32_t id, const char *what,
                                         const char *target) {
    if (target && *target) return answer_check_name(answer, id, target);
    return pawl__fail(answer->error, PAWL_E_INVALID,
                      "action %d %s no workflow: its target is empty", id, what);
}

// The first reason not to apply |action|. |*target|: the instance that it tells something, or NULL.
static enum pawl_err answer_check_action(struct answer *answer, const Pb__WorkflowAction *action,
                                         const char **target) {
    enum pawl_err err;
    const char *name = "";
    *target = NULL;
    switch (action->workflow_action_type_case) {
    case ACTION(SCHEDULE_TASK): name = action->scheduletask->name; break;
    case ACTION(CREATE_TIMER):
        if (action->createtimer->_name_case) name = action->createtimer->name;
        break;
    case ACTION(CREATE_CHILD_WORKFLOW):
        name = action->createchildworkflow->name;
        *target = pawl__child_id(answer->instance, action, &answer->shard->arena);
        if (!*target) return pawl__fail_plain(answer->error, PAWL_E_NOMEM);
        break;
    case ACTION(CREATE_DETACHED_WORKFLOW):
        name = action->createdetachedworkflow->name;
        *target = action->createdetachedworkflow->instanceid;
        if (!**target)
            return pawl__fail(answer->error, PAWL_E_INVALID,
                              "CreateDetachedWorkflowAction requires an instance ID");
        break;
    case ACTION(SEND_EVENT):
        name = action->sendevent->name;
        if (action->sendevent->instance) *target = action->sendevent->instance->instanceid;
        err = answer_check_target(answer, action->id, "sends an event to", *target);
        if (err) return err;
        break;
    case ACTION(TERMINATE_WORKFLOW):
        *target = action->terminateworkflow->instanceid;
        if ((err = answer_check_target(answer, action->id, "terminates", *target))) return err;
        break;
    case ACTION(COMPLETE_WORKFLOW):
    case ACTION(WORKFLOW_VERSION_NOT_AVAILABLE): return PAWL_OK;
    default:
        return pawl__fail(answer->error, PAWL_E_INVALID, "unknown action type: %d",
                          action->workflow_action_type_case);
    }
    if (action->id < 0)
        return pawl__fail(answer->error, PAWL_E_INVALID,
                          "an action has the id %d; ids begin with 0", action->id);
    err = answer_check_name(answer, action->id, name);
    return err || !*target ? err : answer_check_name(answer, action->id, *target);
}

static bool answer_schedules(const Pb__WorkflowAction *action) {
    return action->workflow_action_type_case == ACTION(SCHEDULE_TASK) ||
           action->workflow_action_type_case == ACTION(CREATE_TIMER) ||
           action->workflow_action_type_case == ACTION(CREATE_CHILD_WORKFLOW);
}

static bool answer_starts(const Pb__WorkflowAction *action) {
    return action->workflow_action_type_case == ACTION(CREATE_CHILD_WORKFLOW) ||
           action->workflow_action_type_case == ACTION(CREATE_DETACHED_WORKFLOW);
}

// Whether the answer can be applied; the first reason why not.
static enum pawl_err answer_check(struct answer *answer) {
    const Pb__WorkflowResponse *response = answer->response;
    struct pawl_arena *arena = &answer->shard->arena;
    size_t count = response->n_actions + 1;
    answer->ids = pawl__arena_alloc(arena, count * sizeof *answer->ids);
    answer->targets = pawl__arena_alloc(arena, count * sizeof *answer->targets);
    if (!answer->ids || !answer->targets) return pawl__fail_plain(answer->error, PAWL_E_NOMEM);
    for (size_t i = 0; i < response->n_actions; i++) {
        const Pb__WorkflowAction *action = response->actions[i];
        enum pawl_err err = answer_check_action(answer, action, &answer->targets[i]);
        if (!err) err = answer_check_router(answer, action);
        if (!err && answer_schedules(action)) err = answer_schedule(answer, action->id);
        if (err) return err;
    }
    qsort(answer->ids, answer->id_count, sizeof *answer->ids, answer_compare_ids);
    for (size_t i = 1; i < answer->id_count; i++) // SDKs give them in any order
        if (answer->ids[i] == answer->ids[i - 1])
            return pawl__fail(answer->error, PAWL_E_INVALID, "action %d was scheduled twice",
                              answer->ids[i]);
    return PAWL_OK;
}

// --- what it needs ------------------------------------------------------------------------------

// Finds what |target| names, if it is of this shard and in memory.
static enum pawl_err answer_need(struct answer *answer, const char *target,
                                 struct pawl_instance **out) {
    struct pawl_str id = pawl__str(target);
    *out = NULL;
    if (!pawl__shard_has(answer->shard, id)) return PAWL_OK;
    enum pawl_err err = pawl__command_need(answer->shard, id, out, answer->error);
    if (err != PAWL_E_NEEDED) return err;
    return pawl__command_miss(answer->shard, &answer->missing, answer->error);
}

// Whether a terminate is among the events that the turn saw.
static bool answer_is_terminated(const struct pawl_instance *instance, uint32_t events) {
    struct pawl_event_view view;
    struct pawl_pb_field body;
    size_t at = 0;
    for (uint32_t i = 0; i < events; i++) {
        if (!pawl__history_next(pawl__buf_str(&instance->inbox.bytes), &at, &view)) return false;
        if (pawl__pb_find(view.bytes, PB__HISTORY_EVENT__EVENT_TYPE_EXECUTION_TERMINATED, &body))
            return true;
    }
    return false;
}

// What ends touches its parent, and its children when it was terminated.
static enum pawl_err answer_need_family(struct answer *answer, bool terminates) {
    struct pawl_shard *shard = answer->shard;
    const struct pawl_instance *instance = answer->instance;
    struct pawl_instance *other;
    enum pawl_err err;
    const Pb__ExecutionStartedEvent *start = pawl__instance_start(instance, &shard->arena);
    if (!start) return pawl__fail_plain(answer->error, PAWL_E_NOMEM);
    const Pb__ParentInstanceInfo *parent = start->parentinstance;
    if (parent && parent->workflowinstance &&
        (!parent->_app_id_case || strcmp(parent->appid, shard->app_id) == 0) &&
        (err = answer_need(answer, parent->workflowinstance->instanceid, &other)))
        return err;
    for (uint32_t i = instance->pending.first; terminates && i < instance->pending.len; i++) {
        const struct pawl_pending *item = &instance->pending.items[i];
        if (item->kind != PAWL_PENDING_CHILD) continue;
        const Pb__HistoryEvent *created =
            pawl__history_at(&instance->history, item->offset, &shard->arena);
        if (!created) return pawl__fail_plain(answer->error, PAWL_E_NOMEM);
        if (pawl__is_elsewhere(created, shard->app_id)) continue;
        err = answer_need(answer, created->childworkflowinstancecreated->instanceid, &other);
        if (err) return err;
    }
    return PAWL_OK;
}

// Asks for the instances that the answer touches.
static enum pawl_err answer_need_all(struct answer *answer, uint32_t events) {
    const Pb__WorkflowResponse *response = answer->response;
    bool completes = false, terminates = answer_is_terminated(answer->instance, events);
    for (size_t i = 0; i < response->n_actions; i++) {
        const Pb__WorkflowAction *action = response->actions[i];
        const char *target = answer->targets[i];
        struct pawl_instance *other;
        completes = completes || action->workflow_action_type_case == ACTION(COMPLETE_WORKFLOW);
        if (!target || pawl__action_target_app(action, answer->shard->app_id)) continue;
        enum pawl_err err = answer_need(answer, target, &other);
        if (err) return err;
        if (!other || !answer_starts(action)) continue;
        err = pawl__command_need_taken(answer->shard, other, answer->instance, answer->error);
        if (err) return err;
    }
    if (completes || terminates) {
        enum pawl_err err = answer_need_family(answer, terminates);
        if (err) return err;
    }
    return pawl__command_ask(answer->shard, answer->missing, answer->error);
}

// --- applying it --------------------------------------------------------------------------------

// What is said of a call to |app|, to which there is no way. NULL: memory is out.
static Pb__TaskFailureDetails *answer_unreached(struct pawl_shard *shard, const char *what,
                                                const char *name, const char *app) {
    return pawl__command_failure(
        shard, "AppNotReachable",
        pawl__arena_format(&shard->arena,
                           "%s '%s' was asked of app '%s', but only app '%s' can be reached from "
                           "here",
                           what, name, app, shard->app_id));
}

// What becomes of a message that cannot be sent.
static enum pawl_err answer_refuse(struct pawl_shard *shard, struct pawl_stamp stamp,
                                   struct pawl_instance *sender,
                                   const struct pawl_message *message) {
    switch (message->kind) {
    case PAWL_MESSAGE_START_CHILD:
        return pawl__command_refuse(shard, stamp, sender, message,
                                    answer_unreached(shard, "child workflow",
                                                     message->event->executionstarted->name,
                                                     message->target_app));
    case PAWL_MESSAGE_END_CHILD: // which was refused
    case PAWL_MESSAGE_CHILD_ENDED: return PAWL_OK;
    default:
        return pawl__command_drop(shard, sender, message,
                                  "it is of another app, which cannot be reached from here");
    }
}

// Brings |message| on its way. Those for instances of this shard arrive at once.
static enum pawl_err answer_send(struct pawl_shard *shard, struct pawl_stamp stamp,
                                 struct pawl_instance *sender, const struct pawl_message *message) {
    bool own = strcmp(message->target_app, shard->app_id) == 0;
    if (!own && !shard->reaches_apps) return answer_refuse(shard, stamp, sender, message);
    if (own && pawl__shard_has(shard, pawl__str(message->target)))
        return pawl__command_receive(shard, stamp, sender, message);
    return pawl__command_post(shard, message);
}

// An activity of another app fails at once, if that cannot be reached.
static enum pawl_err answer_schedule_far(struct pawl_shard *shard, struct pawl_stamp stamp,
                                         struct pawl_instance *instance,
                                         const struct pawl_pending *task) {
    const Pb__HistoryEvent *event =
        pawl__history_at(&instance->history, task->offset, &shard->arena);
    if (!event) return PAWL_E_NOMEM;
    const char *app = pawl__event_app(event);
    Pb__HistoryEvent *failed =
        pawl__event_create(&shard->arena, stamp.now, PB__HISTORY_EVENT__EVENT_TYPE_TASK_FAILED);
    if (!failed || !pawl__event_set_source(&shard->arena, failed, shard->app_id))
        return PAWL_E_NOMEM;
    failed->taskfailed->taskscheduledid = task->id;
    failed->taskfailed->taskexecutionid = event->taskscheduled->taskexecutionid;
    failed->taskfailed->failuredetails =
        answer_unreached(shard, "activity", event->taskscheduled->name, app ? app : "");
    if (!failed->taskfailed->failuredetails) return PAWL_E_NOMEM;
    return pawl__command_add_event(shard, instance, failed);
}

// Gives out an activity that the turn scheduled.
static enum pawl_err answer_give(struct pawl_shard *shard, struct pawl_stamp stamp,
                                 struct pawl_instance *instance, int32_t id) {
    const struct pawl_pending *task = pawl__pending_find(&instance->pending, id);
    if (!task) return PAWL_OK;
    if (task->elsewhere && !shard->gives_far)
        return answer_schedule_far(shard, stamp, instance, task);
    if (!pawl__shard_reserve(shard, 1)) return PAWL_E_NOMEM;
    pawl__shard_emit_task(shard, instance, task);
    return PAWL_OK;
}

enum pawl_err pawl__command_send_all(struct pawl_shard *shard, struct pawl_stamp stamp,
                                     struct pawl_instance *instance,
                                     const struct pawl_outcome *outcome) {
    enum pawl_err err = pawl__shard_reserve(shard, outcome->task_count) ? PAWL_OK : PAWL_E_NOMEM;
    for (size_t i = 0; i < outcome->task_count && !err; i++)
        err = answer_give(shard, stamp, instance, outcome->tasks[i]);
    for (const struct pawl_message *message = outcome->messages; message && !err;
         message = message->next)
        err = answer_send(shard, stamp, instance, message);
    if (!err && !pawl__shard_reserve(shard, 1)) err = PAWL_E_NOMEM;
    // The record is there, and of what it tells others not all.
    if (err) shard->failed = true;
    return err;
}

// Records |turn|, which fits, and does what it says.
static enum pawl_err answer_apply(struct answer *answer, struct pawl_stamp stamp,
                                  const Plog__Turn *turn) {
    struct pawl_shard *shard = answer->shard;
    struct pawl_instance *instance = answer->instance;
    struct pawl_outcome outcome;
    size_t actions = answer->response->n_actions;
    enum pawl_err err = pawl__record_reserve(shard, instance, turn->response.len);
    if (!err && !pawl__shard_reserve(shard, actions + 4)) err = PAWL_E_NOMEM;
    struct pawl_observer *observer = err ? NULL : shard->observer;
    struct pawl_turn_mark mark = {0};
    if (observer) observer->turn_begins(observer, instance, answer->response, &mark);
    if (!err)
        err = pawl__apply_turn(instance, shard->app_id, turn, answer->response, &shard->arena,
                               &outcome);
    pawl__assert(!err || err == PAWL_E_NOMEM);
    if (err) {
        pawl__notes_settle(&mark.ended, false);
        return pawl__fail_plain(answer->error, err);
    }
    if (observer) observer->turn_ends(observer, instance, &mark, &shard->notes);
    pawl__record_turn(shard, instance, turn);
    pawl__shard_place(shard, instance);
    instance->turn_out = false;
    instance->turn_held = outcome.stalled;
    // Events that it keeps for its next generation have times after its own.
    int64_t last = pawl__clock_add(turn->completed_at, (int64_t)actions);
    if (shard->stamped < last) shard->stamped = last;

    pawl__shard_emit(shard, PAWL_EFFECT_CHANGED, instance, 0);
    if (outcome.told) pawl__shard_emit(shard, PAWL_EFFECT_STALLED, instance, 0);
    err = pawl__command_send_all(shard, stamp, instance, &outcome);
    if (err) return pawl__fail_plain(answer->error, err);
    if (instance->inbox.count && !outcome.stalled)
        pawl__shard_emit(shard, PAWL_EFFECT_TURN, instance, 0);
    return PAWL_OK;
}

bool pawl__shard_turn_starts(const Pb__WorkflowResponse *response) {
    for (size_t i = 0; i < response->n_actions; i++) {
        const Pb__WorkflowAction *action = response->actions[i];
        if (answer_starts(action)) return true;
        if (action->workflow_action_type_case == ACTION(COMPLETE_WORKFLOW) &&
            action->completeworkflow->workflowstatus ==
                PB__ORCHESTRATION_STATUS__ORCHESTRATION_STATUS_CONTINUED_AS_NEW)
            return true;
    }
    return false;
}

// An answer that cannot be applied stalls the instance, with what |answer->error| says after
// |begin|.
static enum pawl_err answer_stall(struct answer *answer, struct pawl_stamp stamp,
                                  Pb__StalledReason reason, const char *begin) {
    struct pawl_shard *shard = answer->shard;
    struct pawl_instance *instance = answer->instance;
    char *text = pawl__arena_format(&shard->arena, "%s%s", begin, answer->error->text);
    instance->turn_out = false;
    enum pawl_err err =
        text ? pawl__command_stall(shard, stamp, instance, reason, text) : PAWL_E_NOMEM;
    if (err) {
        instance->turn_out = true;
        return pawl__fail_plain(answer->error, err);
    }
    pawl__error_clear(answer->error);
    return PAWL_OK;
}

enum pawl_err pawl__shard_complete_turn(struct pawl_shard *shard, struct pawl_stamp stamp,
                                        struct pawl_instance *instance,
                                        const Pb__WorkflowResponse *response, struct pawl_str bytes,
                                        struct pawl_error *error) {
    if (!instance->turn_out) return PAWL_OK; // it was purged meanwhile
    if (bytes.len > shard->limits.event)
        return pawl__fail(error, PAWL_E_TOO_LARGE,
                          "an answer of %zu bytes is too large to be stored; the limit is %zu",
                          bytes.len, shard->limits.event);
    pawl__arena_reset(&shard->arena);
    struct answer answer = {
        .shard = shard, .instance = instance, .response = response, .error = error};
    enum pawl_err err = answer_check(&answer);
    if (err == PAWL_E_INVALID)
        return answer_stall(&answer, stamp, PB__STALLED_REASON__ANSWER_NOT_APPLICABLE,
                            "the worker's answer cannot be applied: ");
    if (!err) err = pawl__command_check_sizes(shard, instance, response, bytes.len, error);
    if (err == PAWL_E_TOO_LARGE)
        return answer_stall(&answer, stamp, PB__STALLED_REASON__PAYLOAD_SIZE_EXCEEDED, "");
    if (!err) err = answer_need_all(&answer, instance->turn_events);
    if (err) return err;
    Plog__Turn turn = PLOG__TURN__INIT;
    turn.started_at = instance->turn_started_at;
    turn.completed_at =
        stamp.now > instance->turn_started_at ? stamp.now : instance->turn_started_at;
    turn.inbox_events = instance->turn_events;
    turn.response = (ProtobufCBinaryData){bytes.len, (uint8_t *)(uintptr_t)bytes.data};
    turn.next_execution_id = stamp.uuid;
    return answer_apply(&answer, stamp, &turn);
}

// --- without a worker ---------------------------------------------------------------------------

enum pawl_err pawl__shard_end(struct pawl_shard *shard, struct pawl_stamp stamp,
                              struct pawl_instance *instance, struct pawl_error *error) {
    if (!instance->linked || !pawl__instance_ends_alone(instance)) return PAWL_OK;
    pawl__arena_reset(&shard->arena);
    Pb__WorkflowResponse response = PB__WORKFLOW_RESPONSE__INIT;
    struct answer answer = {
        .shard = shard, .instance = instance, .response = &response, .error = error};
    enum pawl_err err = answer_need_all(&answer, instance->inbox.count);
    if (err) return err;
    Plog__Turn turn = PLOG__TURN__INIT;
    turn.started_at = turn.completed_at =
        stamp.now > instance->updated_at ? stamp.now : instance->updated_at;
    turn.inbox_events = instance->inbox.count;
    turn.own = true;
    return answer_apply(&answer, stamp, &turn);
}
