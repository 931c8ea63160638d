#include "kit.h"

#include <stdio.h>

#include "engine/events.h"
#include "wire/timestamp.h"
#include "wire/unpack.h"

bool kit_in_engine;

static void *kit_new(struct kit *kit, const ProtobufCMessageDescriptor *type) {
    ProtobufCMessage *message = pawl__arena_alloc(&kit->arena, type->sizeof_message);
    assert_non_null(message);
    type->message_init(message);
    return message;
}

static char *kit_text(struct kit *kit, const char *text) {
    return pawl__arena_dup(&kit->arena, pawl__str(text));
}

void kit_init(struct kit *kit) {
    *kit = (struct kit){.now = KIT_START};
    pb__workflow_response__init(&kit->response);
    assert_true(pawl__shard_init(&kit->shard, PAWL_STR("app"), 0));
}

void kit_finish(struct kit *kit) {
    pawl__shard_finish(&kit->shard);
    pawl__arena_finish(&kit->arena);
}

struct pawl_stamp kit_stamp(struct kit *kit) {
    struct pawl_stamp stamp = {.now = ++kit->now};
    snprintf(stamp.uuid, sizeof stamp.uuid, "uuid-%u", ++kit->uuids);
    return stamp;
}

struct pawl_instance *kit_find(struct kit *kit, const char *id) {
    struct pawl_instance *instance = pawl__shard_find(&kit->shard, pawl__str(id));
    assert_non_null(instance);
    return instance;
}

// --- commands -----------------------------------------------------------------------------------

// Whether the command is to be given again, now that what it needs is known not to exist.
static bool kit_needs(struct kit *kit, enum pawl_err err) {
    if (err != PAWL_E_NEEDED) return false;
    struct pawl_instance *ghost;
    struct pawl_str id = pawl__str(kit->shard.needed);
    assert_null(pawl__shard_find(&kit->shard, id));
    assert_int_equal(pawl__shard_ghost(&kit->shard, id, &ghost), PAWL_OK);
    return true;
}

#define KIT_RUN(kit, call)                                                                         \
    do {                                                                                           \
        (kit)->error = (struct pawl_error){PAWL_OK, ""};                                           \
        kit_in_engine = true;                                                                      \
        enum pawl_err err_ = (call);                                                               \
        kit_in_engine = false;                                                                     \
        (kit)->error.code = err_;                                                                  \
    } while (kit_needs(kit, (kit)->error.code));                                                   \
    return (kit)->error.code

enum pawl_err kit_create_with(struct kit *kit, const char *id, const char *name, const char *input,
                              int64_t start_at, bool enforce_unique) {
    Pb__ExecutionStartedEvent *start = kit_new(kit, &pb__execution_started_event__descriptor);
    start->name = kit_text(kit, name);
    start->input = kit_value(kit, input);
    start->workflowinstance = kit_new(kit, &pb__workflow_instance__descriptor);
    start->workflowinstance->instanceid = kit_text(kit, id);
    start->workflowinstance->executionid = kit_value(kit, "execution-1");
    if (kit->trace) {
        start->parenttracecontext = kit_new(kit, &pb__trace_context__descriptor);
        start->parenttracecontext->traceparent = kit_text(kit, kit->trace);
        start->workflowspanid = kit_value(kit, kit->span);
    }
    if (start_at) start->scheduledstarttimestamp = pawl__timestamp(&kit->arena, start_at);
    KIT_RUN(kit, pawl__shard_create(&kit->shard, kit_stamp(kit), pawl__str(id), start,
                                    enforce_unique, &kit->error));
}

enum pawl_err kit_create(struct kit *kit, const char *id, const char *name) {
    return kit_create_with(kit, id, name, "\"in\"", 0, false);
}

enum pawl_err kit_rerun(struct kit *kit, const char *source, int32_t event_id, const char *id,
                        const struct pawl_fork *fork) {
    struct pawl_fork ask = fork ? *fork : (struct pawl_fork){0};
    ask.source = source;
    ask.history = pawl__buf_str(&kit_find(kit, source)->history.bytes);
    ask.event_id = event_id;
    ask.id = id;
    KIT_RUN(kit, pawl__shard_rerun(&kit->shard, kit_stamp(kit), &ask, &kit->error));
}

enum pawl_err kit_import(struct kit *kit, struct pawl_str history, const char *id) {
    struct pawl_fork ask = {.imports = true, .history = history, .id = id};
    KIT_RUN(kit, pawl__shard_rerun(&kit->shard, kit_stamp(kit), &ask, &kit->error));
}

static enum pawl_err kit_post(struct kit *kit, const char *id, Pb__HistoryEvent__EventTypeCase type,
                              void *body) {
    Pb__HistoryEvent *event = kit_new(kit, &pb__history_event__descriptor);
    event->eventid = -1;
    event->event_type_case = type;
    event->eventraised = body;
    KIT_RUN(kit, pawl__shard_post(&kit->shard, kit_stamp(kit), pawl__str(id), event, &kit->error));
}

enum pawl_err kit_raise(struct kit *kit, const char *id, const char *name, const char *input) {
    Pb__EventRaisedEvent *body = kit_new(kit, &pb__event_raised_event__descriptor);
    body->name = kit_text(kit, name);
    body->input = kit_value(kit, input);
    return kit_post(kit, id, PB__HISTORY_EVENT__EVENT_TYPE_EVENT_RAISED, body);
}

enum pawl_err kit_suspend(struct kit *kit, const char *id) {
    return kit_post(kit, id, PB__HISTORY_EVENT__EVENT_TYPE_EXECUTION_SUSPENDED,
                    kit_new(kit, &pb__execution_suspended_event__descriptor));
}

enum pawl_err kit_resume(struct kit *kit, const char *id) {
    return kit_post(kit, id, PB__HISTORY_EVENT__EVENT_TYPE_EXECUTION_RESUMED,
                    kit_new(kit, &pb__execution_resumed_event__descriptor));
}

enum pawl_err kit_terminate(struct kit *kit, const char *id, const char *reason, bool recurse) {
    Pb__ExecutionTerminatedEvent *body = kit_new(kit, &pb__execution_terminated_event__descriptor);
    body->input = kit_value(kit, reason);
    body->recurse = recurse;
    return kit_post(kit, id, PB__HISTORY_EVENT__EVENT_TYPE_EXECUTION_TERMINATED, body);
}

enum pawl_err kit_purge(struct kit *kit, const char *id, bool recursive, bool force,
                        uint32_t *count) {
    uint32_t ignored;
    struct pawl_kin *kin;
    const struct pawl_purge_ask ask = {.recursive = recursive, .force = force};
    if (!count) count = &ignored;
    KIT_RUN(kit, pawl__shard_purge(&kit->shard, pawl__str(id), &ask, count, &kin, &kit->error));
}

static enum pawl_err kit_finish_task(struct kit *kit, const char *id, int32_t task_id,
                                     const Pb__ActivityResponse *response) {
    KIT_RUN(kit, pawl__shard_complete_task(&kit->shard, kit_stamp(kit), kit_find(kit, id), task_id,
                                           response, &kit->error));
}

enum pawl_err kit_result(struct kit *kit, const char *id, int32_t task_id, const char *result) {
    Pb__ActivityResponse response = PB__ACTIVITY_RESPONSE__INIT;
    response.result = kit_value(kit, result);
    return kit_finish_task(kit, id, task_id, &response);
}

enum pawl_err kit_failure(struct kit *kit, const char *id, int32_t task_id, const char *text) {
    Pb__TaskFailureDetails details = PB__TASK_FAILURE_DETAILS__INIT;
    details.errortype = "Error";
    details.errormessage = kit_text(kit, text);
    Pb__ActivityResponse response = PB__ACTIVITY_RESPONSE__INIT;
    response.failuredetails = &details;
    return kit_finish_task(kit, id, task_id, &response);
}

enum pawl_err kit_fire(struct kit *kit, int64_t now) {
    KIT_RUN(kit, pawl__shard_fire_timers(&kit->shard, now, kit_stamp(kit), &kit->error));
}

const Pb__ActivityRequest *kit_activity(struct kit *kit, const char *id, int32_t task_id) {
    struct pawl_buf bytes = {0};
    assert_true(pawl__shard_activity_item(&kit->shard, kit_find(kit, id), task_id,
                                          PAWL_STR("token"), &bytes));
    const Pb__WorkItem *item =
        pawl__wire_unpack(&kit->arena, &pb__work_item__descriptor, pawl__buf_str(&bytes), NULL);
    pawl__buf_finish(&bytes);
    assert_non_null(item);
    assert_int_equal(item->request_case, PB__WORK_ITEM__REQUEST_ACTIVITY_REQUEST);
    return item->activityrequest;
}

enum pawl_err kit_alone(struct kit *kit, const char *id) {
    KIT_RUN(kit, pawl__shard_end(&kit->shard, kit_stamp(kit), kit_find(kit, id), &kit->error));
}

void kit_begin(struct kit *kit, const char *id) {
    struct pawl_instance *instance = kit_find(kit, id);
    assert_true(pawl__shard_turn_ready(instance, kit->now));
    struct pawl_buf bytes = {0};
    assert_true(pawl__shard_begin_turn(&kit->shard, instance, kit_stamp(kit),
                                       &(struct pawl_turn_to){.token = PAWL_STR("token")}, &bytes));
    kit->item =
        pawl__wire_unpack(&kit->arena, &pb__work_item__descriptor, pawl__buf_str(&bytes), NULL);
    assert_non_null(kit->item);
    assert_int_equal(kit->item->request_case, PB__WORK_ITEM__REQUEST_WORKFLOW_REQUEST);
    assert_string_equal(kit->item->workflowrequest->instanceid, id);
    pawl__buf_finish(&bytes);
}

enum pawl_err kit_answer(struct kit *kit, const char *id, Pb__WorkflowAction **actions) {
    Pb__WorkflowResponse response = kit->response;
    pb__workflow_response__init(&kit->response);
    response.instanceid = kit_text(kit, id);
    response.actions = actions;
    while (actions[response.n_actions]) response.n_actions++;
    size_t len = pb__workflow_response__get_packed_size(&response);
    uint8_t *bytes = pawl__arena_alloc(&kit->arena, len);
    pb__workflow_response__pack(&response, bytes);
    KIT_RUN(kit,
            pawl__shard_complete_turn(&kit->shard, kit_stamp(kit), kit_find(kit, id), &response,
                                      (struct pawl_str){(char *)bytes, len}, &kit->error));
}

enum pawl_err kit_turn(struct kit *kit, const char *id, Pb__WorkflowAction **actions) {
    kit_begin(kit, id);
    return kit_answer(kit, id, actions);
}

// --- actions ------------------------------------------------------------------------------------

Google__Protobuf__StringValue *kit_value(struct kit *kit, const char *text) {
    return text ? pawl__string_value(&kit->arena, kit_text(kit, text)) : NULL;
}

Pb__WorkflowAction *kit_bare(struct kit *kit, int32_t id,
                             Pb__WorkflowAction__WorkflowActionTypeCase type, void *body) {
    Pb__WorkflowAction *action = kit_new(kit, &pb__workflow_action__descriptor);
    action->id = id;
    action->workflow_action_type_case = type;
    action->scheduletask = body; // every member of the oneof is a pointer in one union
    return action;
}

Pb__WorkflowAction *kit_task(struct kit *kit, int32_t id, const char *name, const char *input) {
    Pb__ScheduleTaskAction *body = kit_new(kit, &pb__schedule_task_action__descriptor);
    body->name = kit_text(kit, name);
    body->input = kit_value(kit, input);
    body->taskexecutionid = pawl__arena_format(&kit->arena, "task-%d", id);
    return kit_bare(kit, id, PB__WORKFLOW_ACTION__WORKFLOW_ACTION_TYPE_SCHEDULE_TASK, body);
}

Pb__WorkflowAction *kit_send(struct kit *kit, int32_t id, const char *target, const char *name,
                             const char *data) {
    Pb__SendEventAction *body = kit_new(kit, &pb__send_event_action__descriptor);
    body->instance = kit_new(kit, &pb__workflow_instance__descriptor);
    body->instance->instanceid = kit_text(kit, target);
    body->name = kit_text(kit, name);
    body->data = kit_value(kit, data);
    return kit_bare(kit, id, PB__WORKFLOW_ACTION__WORKFLOW_ACTION_TYPE_SEND_EVENT, body);
}

Pb__WorkflowAction *kit_stop(struct kit *kit, int32_t id, const char *target, const char *reason,
                             bool recurse) {
    Pb__TerminateWorkflowAction *body = kit_new(kit, &pb__terminate_workflow_action__descriptor);
    body->instanceid = kit_text(kit, target);
    body->reason = kit_value(kit, reason);
    body->recurse = recurse;
    return kit_bare(kit, id, PB__WORKFLOW_ACTION__WORKFLOW_ACTION_TYPE_TERMINATE_WORKFLOW, body);
}

Pb__WorkflowAction *kit_timer(struct kit *kit, int32_t id, int64_t fire_at) {
    Pb__CreateTimerAction *body = kit_new(kit, &pb__create_timer_action__descriptor);
    body->fireat = pawl__timestamp(&kit->arena, fire_at);
    body->origin_case = PB__CREATE_TIMER_ACTION__ORIGIN_CREATE_TIMER;
    body->createtimer = kit_new(kit, &pb__timer_origin_create_timer__descriptor);
    return kit_bare(kit, id, PB__WORKFLOW_ACTION__WORKFLOW_ACTION_TYPE_CREATE_TIMER, body);
}

Pb__WorkflowAction *kit_event_timer(struct kit *kit, int32_t id, const char *name,
                                    int64_t fire_at) {
    Pb__WorkflowAction *action = kit_timer(kit, id, fire_at);
    Pb__CreateTimerAction *body = action->createtimer;
    body->origin_case = PB__CREATE_TIMER_ACTION__ORIGIN_EXTERNAL_EVENT;
    body->externalevent = kit_new(kit, &pb__timer_origin_external_event__descriptor);
    body->externalevent->name = kit_text(kit, name);
    body->_name_case = PB__CREATE_TIMER_ACTION___NAME_NAME;
    body->name = kit_text(kit, name);
    return action;
}

Pb__WorkflowAction *kit_child(struct kit *kit, int32_t id, const char *instance, const char *name) {
    Pb__CreateChildWorkflowAction *body =
        kit_new(kit, &pb__create_child_workflow_action__descriptor);
    body->instanceid = kit_text(kit, instance ? instance : "");
    body->name = kit_text(kit, name);
    body->version = kit_value(kit, "v9");
    body->input = kit_value(kit, "\"child\"");
    return kit_bare(kit, id, PB__WORKFLOW_ACTION__WORKFLOW_ACTION_TYPE_CREATE_CHILD_WORKFLOW, body);
}

Pb__WorkflowAction *kit_detached(struct kit *kit, int32_t id, const char *instance,
                                 const char *name) {
    Pb__CreateDetachedWorkflowAction *body =
        kit_new(kit, &pb__create_detached_workflow_action__descriptor);
    body->instanceid = kit_text(kit, instance);
    body->name = kit_text(kit, name);
    body->input = kit_value(kit, "\"detached\"");
    return kit_bare(kit, id, PB__WORKFLOW_ACTION__WORKFLOW_ACTION_TYPE_CREATE_DETACHED_WORKFLOW,
                    body);
}

Pb__WorkflowAction *kit_end(struct kit *kit, int32_t id, int32_t status, const char *result) {
    Pb__CompleteWorkflowAction *body = kit_new(kit, &pb__complete_workflow_action__descriptor);
    body->workflowstatus = (Pb__OrchestrationStatus)status;
    body->result = kit_value(kit, result);
    if (status == STATUS(FAILED)) {
        body->failuredetails = kit_new(kit, &pb__task_failure_details__descriptor);
        body->failuredetails->errortype = "Error";
        body->failuredetails->errormessage = "it broke";
    }
    return kit_bare(kit, id, PB__WORKFLOW_ACTION__WORKFLOW_ACTION_TYPE_COMPLETE_WORKFLOW, body);
}

Pb__WorkflowAction *kit_complete(struct kit *kit, int32_t id, const char *result) {
    return kit_end(kit, id, STATUS(COMPLETED), result);
}

Pb__WorkflowAction *kit_continue(struct kit *kit, int32_t id, const char *input) {
    return kit_end(kit, id, STATUS(CONTINUED_AS_NEW), input);
}

Pb__WorkflowAction *kit_carry(struct kit *kit, Pb__WorkflowAction *action, const char *name) {
    Pb__CompleteWorkflowAction *body = action->completeworkflow;
    Pb__HistoryEvent *event =
        pawl__event_create(&kit->arena, kit->now, PB__HISTORY_EVENT__EVENT_TYPE_EVENT_RAISED);
    event->eventraised->name = kit_text(kit, name);
    Pb__HistoryEvent **events =
        pawl__arena_alloc(&kit->arena, (body->n_carryoverevents + 1) * sizeof(Pb__HistoryEvent *));
    for (size_t i = 0; i < body->n_carryoverevents; i++) events[i] = body->carryoverevents[i];
    events[body->n_carryoverevents++] = event;
    body->carryoverevents = events;
    return action;
}

Pb__WorkflowAction *kit_pass(Pb__WorkflowAction *action, int scope) {
    if (action->workflow_action_type_case ==
        PB__WORKFLOW_ACTION__WORKFLOW_ACTION_TYPE_SCHEDULE_TASK) {
        action->scheduletask->_history_propagation_scope_case =
            PB__SCHEDULE_TASK_ACTION___HISTORY_PROPAGATION_SCOPE_HISTORY_PROPAGATION_SCOPE;
        action->scheduletask->historypropagationscope = (Pb__HistoryPropagationScope)scope;
    } else {
        action->createchildworkflow->_history_propagation_scope_case =
            PB__CREATE_CHILD_WORKFLOW_ACTION___HISTORY_PROPAGATION_SCOPE_HISTORY_PROPAGATION_SCOPE;
        action->createchildworkflow->historypropagationscope = (Pb__HistoryPropagationScope)scope;
    }
    return action;
}

Pb__WorkflowAction *kit_to_app(struct kit *kit, Pb__WorkflowAction *action, const char *app) {
    action->_router_case = PB__WORKFLOW_ACTION___ROUTER_ROUTER;
    action->router = kit_new(kit, &pb__task_router__descriptor);
    action->router->_target_app_id_case = PB__TASK_ROUTER___TARGET_APP_ID_TARGET_APP_ID;
    action->router->targetappid = kit_text(kit, app);
    return action;
}

// --- what is to be seen -------------------------------------------------------------------------

// The id that an event carries or resolves, or -1.
static int32_t kit_event_id(const Pb__HistoryEvent *event) {
    switch (event->event_type_case) {
    case PB__HISTORY_EVENT__EVENT_TYPE_TASK_COMPLETED: return event->taskcompleted->taskscheduledid;
    case PB__HISTORY_EVENT__EVENT_TYPE_TASK_FAILED: return event->taskfailed->taskscheduledid;
    case PB__HISTORY_EVENT__EVENT_TYPE_TIMER_FIRED: return event->timerfired->timerid;
    case PB__HISTORY_EVENT__EVENT_TYPE_CHILD_WORKFLOW_INSTANCE_COMPLETED:
        return event->childworkflowinstancecompleted->taskscheduledid;
    case PB__HISTORY_EVENT__EVENT_TYPE_CHILD_WORKFLOW_INSTANCE_FAILED:
        return event->childworkflowinstancefailed->taskscheduledid;
    default: return event->eventid;
    }
}

const char *kit_events(struct kit *kit, struct pawl_str bytes) {
    struct pawl_buf text = {0};
    struct pawl_event_view view;
    size_t at = 0;
    while (pawl__history_next(bytes, &at, &view)) {
        const Pb__HistoryEvent *event =
            pawl__wire_unpack(&kit->arena, &pb__history_event__descriptor, view.bytes, NULL);
        assert_non_null(event);
        const ProtobufCFieldDescriptor *field = protobuf_c_message_descriptor_get_field(
            &pb__history_event__descriptor, (unsigned)event->event_type_case);
        assert_non_null(field);
        char name[64];
        snprintf(name, sizeof name, "%s", field->name);
        name[0] = (char)(name[0] - 'a' + 'A');
        pawl__buf_format(&text, "%s%s", text.len ? " " : "", name);
        if (event->event_type_case == PB__HISTORY_EVENT__EVENT_TYPE_EVENT_RAISED)
            pawl__buf_format(&text, "(%s)", event->eventraised->name);
        else if (kit_event_id(event) >= 0)
            pawl__buf_format(&text, "(%d)", kit_event_id(event));
    }
    assert_int_equal(at, bytes.len);
    char *copy = pawl__arena_dup(&kit->arena, pawl__buf_str(&text));
    pawl__buf_finish(&text);
    return copy;
}

const char *kit_history(struct kit *kit, const char *id) {
    return kit_events(kit, pawl__buf_str(&kit_find(kit, id)->history.bytes));
}

const char *kit_inbox(struct kit *kit, const char *id) {
    return kit_events(kit, pawl__buf_str(&kit_find(kit, id)->inbox.bytes));
}

const Pb__HistoryEvent *kit_event(struct kit *kit, const char *id, unsigned index) {
    const struct pawl_history *history = &kit_find(kit, id)->history;
    struct pawl_event_view view;
    size_t at = 0;
    for (unsigned i = 0; i <= index; i++)
        assert_true(pawl__history_next(pawl__buf_str(&history->bytes), &at, &view));
    return pawl__wire_unpack(&kit->arena, &pb__history_event__descriptor, view.bytes, NULL);
}

const char *kit_effects(struct kit *kit) {
    static const char *const names[] = {"TURN", "ACTIVITY", "CHANGED", "PURGED",
                                        "END",  "STALLED",  "DROPPED", "FAR"};
    struct pawl_buf text = {0};
    for (size_t i = 0; i < kit->shard.effect_count; i++) {
        struct pawl_effect *effect = &kit->shard.effects[i];
        pawl__buf_format(&text, "%s%s %s", i ? ", " : "", names[effect->type],
                         effect->instance->id);
        if (effect->type == PAWL_EFFECT_ACTIVITY || effect->type == PAWL_EFFECT_ACTIVITY_ELSEWHERE)
            pawl__buf_format(&text, " %d", effect->task_id);
        pawl__instance_unref(effect->instance);
        free(effect->text);
    }
    kit->shard.effect_count = 0;
    char *copy = pawl__arena_dup(&kit->arena, pawl__buf_str(&text));
    pawl__buf_finish(&text);
    return copy;
}

// --- rows ---------------------------------------------------------------------------------------

void kit_commit(struct kit *kit) {
    struct pawl_buf bytes = {0};
    struct pawl_batch *batch = &kit->batches[kit->batch_count];
    if (!pawl__shard_take_batch(&kit->shard, &bytes, &batch->position)) return;
    assert_true(++kit->batch_count < sizeof kit->batches / sizeof *kit->batches);
    batch->records =
        (struct pawl_str){pawl__arena_dup(&kit->arena, pawl__buf_str(&bytes)), bytes.len};
    pawl__buf_finish(&bytes);
}

void kit_snapshot(const struct pawl_instance *instance, struct pawl_arena *arena,
                  struct pawl_snapshot *out) {
    assert_true(pawl__shard_snapshot(instance, arena, out));
    out->history = pawl__buf_str(&instance->history.bytes);
    out->history_from = 0;
}

void kit_assert_same(const struct pawl_snapshot *a, const struct pawl_snapshot *b) {
    assert_true(pawl__str_equal(a->id, b->id));
    assert_true(pawl__str_equal(a->name, b->name));
    assert_int_equal(a->status, b->status);
    assert_int_equal(a->created_at, b->created_at);
    assert_int_equal(a->updated_at, b->updated_at);
    assert_int_equal(a->completed_at, b->completed_at);
    assert_int_equal(a->wake_at, b->wake_at);
    assert_int_equal(a->active, b->active);
    assert_true(pawl__str_equal(a->history, b->history));
    assert_int_equal(a->state.len, b->state.len);
    assert_memory_equal(a->state.data, b->state.data, a->state.len);
}

enum pawl_err kit_load_ghost(void *arg, const struct pawl_str *ids, size_t count,
                             struct pawl_error *error) {
    struct pawl_instance *ghost;
    enum pawl_err err = PAWL_OK;
    for (size_t i = 0; !err && i < count; i++) err = pawl__shard_ghost(arg, ids[i], &ghost);
    return err;
}

void kit_assert_replays(struct kit *kit) {
    kit_commit(kit);
    struct pawl_shard shard;
    struct pawl_error error = {PAWL_OK, ""};
    struct pawl_arena arena = {0};
    assert_true(pawl__shard_init(&shard, PAWL_STR("app"), 0));
    for (size_t i = 0; i < kit->batch_count; i++)
        if (pawl__shard_replay(&shard, &kit->batches[i], kit_load_ghost, &shard, &error))
            fail_msg("%s", error.text);
    assert_int_equal(pawl__shard_replayed(&shard, &error), PAWL_OK);
    assert_int_equal(shard.effect_count, 0);
    assert_int_equal(shard.position, kit->shard.position);
    size_t at = 0;
    for (struct pawl_instance *live; (live = pawl__map_next(&kit->shard.instances, &at));) {
        struct pawl_instance *again = pawl__shard_find(&shard, pawl__instance_id(live));
        if (!live->exists) {
            assert_true(!again || !again->exists);
            continue;
        }
        assert_non_null(again);
        assert_true(again->exists);
        assert_int_equal(again->position, live->position);
        struct pawl_snapshot a, b;
        kit_snapshot(live, &arena, &a);
        kit_snapshot(again, &arena, &b);
        kit_assert_same(&a, &b);
    }
    pawl__arena_finish(&arena);
    pawl__shard_finish(&shard);
}
