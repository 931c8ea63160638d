#include <stdio.h>
#include <stdlib.h>

#include "engine/apply.h"
#include "engine/events.h"
#include "engine/internal.h"
#include "wire/pack.h"
#include "wire/pb.h"
#include "wire/timestamp.h"
#include "wire/unpack.h"

// Deciding: whether a command may be, and which records it becomes. Texts are the reference's.

// Drops the shard's state as a whole: memory ran out after a record was begun.
static enum pawl_err command_broken(struct pawl_shard *shard, struct pawl_error *error) {
    shard->failed = true;
    return pawl__fail_plain(error, PAWL_E_NOMEM);
}

// Finds an instance or a ghost; if neither is in memory, asks for it to be loaded.
static enum pawl_err command_need(struct pawl_shard *shard, struct pawl_str id,
                                  struct pawl_instance **out, struct pawl_error *error) {
    *out = pawl__shard_find(shard, id);
    if (*out) return PAWL_OK;
    shard->needed = pawl__arena_dup(&shard->arena, id);
    if (!shard->needed) return pawl__fail_plain(error, PAWL_E_NOMEM);
    return pawl__fail_plain(error, PAWL_E_NEEDED);
}

// Appends |record|, of which only the change is set, to the batch under construction.
static bool command_write(struct pawl_shard *shard, struct pawl_instance *instance,
                          Plog__Record *record) {
    enum {
        RECORDS = 1 // of Batch
    };
    record->instance_id = instance->id;
    if (!pawl__wire_append_field(&shard->batch, RECORDS, &record->base)) return false;
    pawl__instance_changed(instance, shard->position);
    shard->batch_records++;
    return true;
}

// --- events -------------------------------------------------------------------------------------

// Packs |event| into |bytes|, in the shard's arena. PAWL_E_INVALID: it could not be read again, as
// a text is not UTF-8 or it nests too deeply. The log must not hold such an event, or nothing of
// the log could be read.
static enum pawl_err command_pack(struct pawl_shard *shard, const Pb__HistoryEvent *event,
                                  struct pawl_str *bytes, struct pawl_error *error) {
    const char *why;
    *bytes = pawl__wire_pack(&shard->arena, &event->base);
    if (!bytes->data) return pawl__fail_plain(error, PAWL_E_NOMEM);
    return pawl__wire_check(&pb__history_event__descriptor, *bytes, &why)
               ? PAWL_OK
               : pawl__fail(error, PAWL_E_INVALID, "%s", why);
}

// Records an event for |instance| and applies it.
static bool command_add_packed(struct pawl_shard *shard, struct pawl_instance *instance,
                               struct pawl_str bytes) {
    Plog__Record record = PLOG__RECORD__INIT;
    record.change_case = PLOG__RECORD__CHANGE_EVENT;
    record.event = (ProtobufCBinaryData){bytes.len, (uint8_t *)bytes.data};
    if (!command_write(shard, instance, &record)) return false;
    bool waits = !pawl__instance_completed(instance);
    if (!pawl__apply_event(instance, bytes, &shard->arena) || !pawl__shard_retime(shard, instance))
        return false;
    return !waits || pawl__shard_emit(shard, PAWL_EFFECT_TURN, instance, 0);
}

// The same for an event of the engine's own making.
static bool command_add_event(struct pawl_shard *shard, struct pawl_instance *instance,
                              const Pb__HistoryEvent *event) {
    struct pawl_str bytes;
    struct pawl_error ignored;
    return !command_pack(shard, event, &bytes, &ignored) &&
           command_add_packed(shard, instance, bytes);
}

// Packs an event that comes from outside, which may be too large to be recorded.
static enum pawl_err command_pack_outside(struct pawl_shard *shard, const Pb__HistoryEvent *event,
                                          struct pawl_str *bytes, struct pawl_error *error) {
    size_t max = shard->limits.event;
    enum pawl_err err = command_pack(shard, event, bytes, error);
    if (err || bytes->len <= max) return err;
    return pawl__fail(error, PAWL_E_TOO_LARGE,
                      "an event of %zu bytes is too large to be stored; the limit is %zu",
                      bytes->len, max);
}

enum pawl_err pawl__shard_post(struct pawl_shard *shard, struct pawl_stamp stamp,
                               struct pawl_str id, Pb__HistoryEvent *event,
                               struct pawl_error *error) {
    pawl__arena_reset(&shard->arena);
    struct pawl_instance *instance;
    enum pawl_err err = command_need(shard, id, &instance, error);
    if (err) return err;
    if (!instance->exists) return pawl__fail(error, PAWL_E_NOT_FOUND, "no such instance exists");
    if (pawl__instance_completed(instance)) return PAWL_OK;
    if (instance->stalled) return pawl__fail(error, PAWL_E_PRECONDITION, "workflow is stalled");
    if (event->event_type_case == PB__HISTORY_EVENT__EVENT_TYPE_EVENT_RAISED &&
        instance->inbox.bytes.len > shard->limits.raised)
        return pawl__fail(error, PAWL_E_TOO_LARGE,
                          "%zu bytes of events wait for workflow '%s' already: it takes no more "
                          "until a worker has processed them",
                          instance->inbox.bytes.len, instance->id);
    event->timestamp = pawl__timestamp(&shard->arena, stamp.now);
    if (!event->timestamp) return pawl__fail_plain(error, PAWL_E_NOMEM);
    struct pawl_str bytes;
    if ((err = command_pack_outside(shard, event, &bytes, error))) return err;
    return command_add_packed(shard, instance, bytes) ? PAWL_OK : command_broken(shard, error);
}

// --- results ------------------------------------------------------------------------------------

// Whether |instance| takes the result of an activity or a child, which is an event of |len| bytes.
static bool command_has_room(const struct pawl_shard *shard, const struct pawl_instance *instance,
                             size_t len) {
    size_t waits = pawl__instance_completed(instance) ? 0 : instance->inbox.bytes.len;
    return len <= shard->limits.event && waits + len <= shard->limits.results;
}

// What |instance| is told in place of a result for which it has no room. NULL: memory is out.
static Pb__TaskFailureDetails *command_too_large(struct pawl_shard *shard,
                                                 const struct pawl_instance *instance, size_t len) {
    Pb__TaskFailureDetails *details = pawl__arena_alloc(&shard->arena, sizeof *details);
    if (!details) return NULL;
    pb__task_failure_details__init(details);
    details->errortype = "ResultTooLarge";
    details->errormessage = pawl__arena_format(
        &shard->arena,
        "the result has %zu bytes, while %zu bytes of events wait for workflow '%s': a result may "
        "have %zu, and %zu may wait",
        len, instance->inbox.bytes.len, instance->id, shard->limits.event, shard->limits.results);
    return details->errormessage ? details : NULL;
}

static Pb__HistoryEvent *command_task_event(struct pawl_shard *shard, struct pawl_stamp stamp,
                                            int32_t task_id, char *execution_id,
                                            struct pawl_str scheduled,
                                            Google__Protobuf__StringValue *result,
                                            Pb__TaskFailureDetails *failure) {
    Pb__HistoryEvent *event =
        pawl__event_create(&shard->arena, stamp.now,
                           failure ? PB__HISTORY_EVENT__EVENT_TYPE_TASK_FAILED
                                   : PB__HISTORY_EVENT__EVENT_TYPE_TASK_COMPLETED);
    if (!event || !pawl__event_copy_router(&shard->arena, event, scheduled)) return NULL;
    if (failure) {
        event->taskfailed->taskscheduledid = task_id;
        event->taskfailed->taskexecutionid = execution_id;
        event->taskfailed->failuredetails = failure;
    } else {
        event->taskcompleted->taskscheduledid = task_id;
        event->taskcompleted->taskexecutionid = execution_id;
        event->taskcompleted->result = result;
    }
    return event;
}

enum pawl_err pawl__shard_complete_task(struct pawl_shard *shard, struct pawl_stamp stamp,
                                        struct pawl_instance *instance, int32_t task_id,
                                        const Pb__ActivityResponse *response,
                                        struct pawl_error *error) {
    pawl__arena_reset(&shard->arena);
    const struct pawl_pending *item = pawl__pending_find(&instance->pending, task_id);
    if (!item || item->kind != PAWL_PENDING_TASK) return PAWL_OK;
    enum {
        TASK_EXECUTION_ID = 5
    };
    struct pawl_pb_field execution = {0};
    struct pawl_str bytes, scheduled = pawl__history_bytes(&instance->history, item->offset);
    pawl__pb_find(pawl__event_body(scheduled).bytes, TASK_EXECUTION_ID, &execution);
    char *execution_id = pawl__arena_dup(&shard->arena, execution.bytes);
    pawl__failure_cut(response->failuredetails);
    Pb__HistoryEvent *event = command_task_event(shard, stamp, task_id, execution_id, scheduled,
                                                 response->result, response->failuredetails);
    if (!execution_id || !event) return pawl__fail_plain(error, PAWL_E_NOMEM);
    enum pawl_err err = command_pack(shard, event, &bytes, error);
    if (!err && !command_has_room(shard, instance, bytes.len)) {
        Pb__TaskFailureDetails *failure = command_too_large(shard, instance, bytes.len);
        event = command_task_event(shard, stamp, task_id, execution_id, scheduled, NULL, failure);
        if (!failure || !event) return pawl__fail_plain(error, PAWL_E_NOMEM);
        err = command_pack(shard, event, &bytes, error);
    }
    if (err) return err;
    return command_add_packed(shard, instance, bytes) ? PAWL_OK : command_broken(shard, error);
}

enum pawl_err pawl__shard_stall(struct pawl_shard *shard, struct pawl_stamp stamp,
                                struct pawl_instance *instance, Pb__StalledReason reason,
                                char *text, struct pawl_error *error) {
    pawl__arena_reset(&shard->arena);
    instance->turn_held = true;
    if (instance->stalled && strcmp(instance->stall_text, text) == 0) return PAWL_OK;
    Pb__HistoryEvent *event = pawl__event_create(&shard->arena, stamp.now,
                                                 PB__HISTORY_EVENT__EVENT_TYPE_EXECUTION_STALLED);
    if (!event) return pawl__fail_plain(error, PAWL_E_NOMEM);
    event->executionstalled->reason = reason;
    event->executionstalled->_description_case =
        PB__EXECUTION_STALLED_EVENT___DESCRIPTION_DESCRIPTION;
    event->executionstalled->description = text;
    if (!command_add_event(shard, instance, event) ||
        !pawl__shard_emit(shard, PAWL_EFFECT_CHANGED, instance, 0))
        return command_broken(shard, error);
    return PAWL_OK;
}

static bool command_fire_timer(struct pawl_shard *shard, struct pawl_stamp stamp,
                               struct pawl_instance *instance, const struct pawl_pending *item) {
    Pb__HistoryEvent *event =
        pawl__event_create(&shard->arena, stamp.now, PB__HISTORY_EVENT__EVENT_TYPE_TIMER_FIRED);
    if (!event) return false;
    event->timerfired->timerid = item->id;
    event->timerfired->fireat = pawl__timestamp(&shard->arena, item->fire_at);
    return event->timerfired->fireat && command_add_event(shard, instance, event);
}

enum pawl_err pawl__shard_fire_timers(struct pawl_shard *shard, int64_t now,
                                      struct pawl_stamp stamp, struct pawl_error *error) {
    while (pawl__shard_wake_at(shard) <= now) {
        pawl__arena_reset(&shard->arena);
        struct pawl_heap_node *node = pawl__heap_first(&shard->timers);
        struct pawl_instance *instance = (struct pawl_instance *)(void *)node;
        if (!instance->started_at && instance->start_at) {
            // A scheduled start needs no record: the turn that follows says it all.
            pawl__heap_remove(&shard->timers, node);
            if (!pawl__shard_emit(shard, PAWL_EFFECT_TURN, instance, 0))
                return command_broken(shard, error);
            continue;
        }
        const struct pawl_pending *due = pawl__pending_first_timer(&instance->pending);
        if (!due || !command_fire_timer(shard, stamp, instance, due))
            return command_broken(shard, error);
    }
    return PAWL_OK;
}

// --- starting -----------------------------------------------------------------------------------

static bool command_start(struct pawl_shard *shard, struct pawl_instance *instance,
                          struct pawl_str event) {
    Plog__Create create = PLOG__CREATE__INIT;
    create.start_event = (ProtobufCBinaryData){event.len, (uint8_t *)event.data};
    create.generation = instance->generation + 1;
    Plog__Record record = PLOG__RECORD__INIT;
    record.change_case = PLOG__RECORD__CHANGE_CREATE;
    record.create = &create;
    return command_write(shard, instance, &record) &&
           pawl__apply_create(instance, &create, &shard->arena) &&
           pawl__shard_retime(shard, instance) &&
           pawl__shard_emit(shard, PAWL_EFFECT_TURN, instance, 0) &&
           pawl__shard_emit(shard, PAWL_EFFECT_CHANGED, instance, 0);
}

// A child to look at, of those that have ended.
struct command_ended {
    const struct pawl_instance *instance;
    struct command_ended *next;
};

// Whether nothing that |instance| itself started is still going on. Its children that have ended go
// to |*ended|, but for those that this walk has come by.
static enum pawl_err command_check_children(struct pawl_shard *shard,
                                            const struct pawl_instance *instance,
                                            const struct pawl_instance *starter,
                                            struct command_ended **ended,
                                            struct pawl_error *error) {
    for (uint32_t i = 0; i < instance->pending.len; i++) {
        const struct pawl_pending *item = &instance->pending.items[i];
        if (item->kind == PAWL_PENDING_TASK)
            return pawl__fail(error, PAWL_E_UNKNOWN,
                              "a terminated workflow with ID '%s' is already awaiting an activity "
                              "result",
                              instance->id);
        if (item->kind != PAWL_PENDING_CHILD) continue;
        const Pb__HistoryEvent *created =
            pawl__history_at(&instance->history, item->offset, &shard->arena);
        if (!created) return pawl__fail_plain(error, PAWL_E_NOMEM);
        const char *child_id = created->childworkflowinstancecreated->instanceid;
        struct pawl_instance *child;
        enum pawl_err err = command_need(shard, pawl__str(child_id), &child, error);
        if (err) return err;
        if (!child->exists) continue;
        if (child == starter || !pawl__instance_completed(child))
            return pawl__fail(error, PAWL_E_EXISTS,
                              "cannot recreate workflow with ID '%s': child workflow '%s': "
                              "orchestration has not yet completed",
                              instance->id, child_id);
        if (child->mark == shard->marks) continue;
        child->mark = shard->marks;
        struct command_ended *next = pawl__arena_alloc(&shard->arena, sizeof *next);
        if (!next) return pawl__fail_plain(error, PAWL_E_NOMEM);
        *next = (struct command_ended){child, *ended};
        *ended = next;
    }
    return PAWL_OK;
}

// Whether nothing of an earlier run under this id is still going on. |starter| is the instance that
// asks, if any: it runs for as long as its turn is not over, so that no circle of children arises.
// An app may let each workflow start the next and end: so it is no recursion, and each is looked at
// once.
static enum pawl_err command_check_reuse(struct pawl_shard *shard,
                                         const struct pawl_instance *instance,
                                         const struct pawl_instance *starter,
                                         struct pawl_error *error) {
    shard->marks++;
    struct command_ended *ended = NULL;
    enum pawl_err err = command_check_children(shard, instance, starter, &ended, error);
    while (!err && ended) {
        const struct pawl_instance *child = ended->instance;
        ended = ended->next;
        err = command_check_children(shard, child, starter, &ended, error);
    }
    return err;
}

enum pawl_err pawl__shard_create(struct pawl_shard *shard, struct pawl_stamp stamp,
                                 struct pawl_str id, Pb__ExecutionStartedEvent *start,
                                 bool enforce_unique, struct pawl_error *error) {
    pawl__arena_reset(&shard->arena);
    struct pawl_instance *instance;
    enum pawl_err err = command_need(shard, id, &instance, error);
    if (err) return err;
    if (instance->exists && enforce_unique)
        return pawl__fail(error, PAWL_E_EXISTS,
                          "a workflow with ID '%s' already exists and the create enforces instance "
                          "ID uniqueness",
                          instance->id);
    if (instance->exists && !pawl__instance_completed(instance))
        return pawl__fail(error, PAWL_E_EXISTS, "an active workflow with ID '%s' already exists",
                          instance->id);
    if (instance->exists && (err = command_check_reuse(shard, instance, NULL, error))) return err;

    Pb__HistoryEvent event = PB__HISTORY_EVENT__INIT;
    event.eventid = -1;
    event.timestamp = pawl__timestamp(&shard->arena, stamp.now);
    event.event_type_case = PB__HISTORY_EVENT__EVENT_TYPE_EXECUTION_STARTED;
    event.executionstarted = start;
    if (!event.timestamp || !pawl__event_set_source(&shard->arena, &event, shard->app_id))
        return pawl__fail_plain(error, PAWL_E_NOMEM);
    struct pawl_str bytes;
    if ((err = command_pack_outside(shard, &event, &bytes, error))) return err;
    return command_start(shard, instance, bytes) ? PAWL_OK : command_broken(shard, error);
}

// --- turns --------------------------------------------------------------------------------------

// Whether the id of |target| cannot be given to what |sender| starts: an id is free again once its
// workflow has ended, as it is for a client. A workflow that calls a child and continues as new
// asks for the same id each time.
static enum pawl_err command_check_taken(struct pawl_shard *shard,
                                         const struct pawl_instance *target,
                                         const struct pawl_instance *sender, bool *taken,
                                         struct pawl_error *error) {
    *taken = false;
    if (!target->exists) return PAWL_OK;
    *taken = true;
    if (target == sender || !pawl__instance_completed(target)) return PAWL_OK;
    enum pawl_err err = command_check_reuse(shard, target, sender, error);
    if (err == PAWL_E_EXISTS || err == PAWL_E_UNKNOWN) return PAWL_OK;
    *taken = err != PAWL_OK;
    return err;
}

static int command_compare_ids(const void *a, const void *b) {
    int32_t left = *(const int32_t *)a, right = *(const int32_t *)b;
    return left < right ? -1 : left > right;
}

// The first reason not to apply |response|, or asks for an instance that it touches.
static enum pawl_err command_check_turn(struct pawl_shard *shard, struct pawl_instance *instance,
                                        const Pb__WorkflowResponse *response,
                                        struct pawl_error *error) {
    struct pawl_instance *other;
    enum pawl_err err;
    bool completes = false;
    int32_t *ids = pawl__arena_alloc(&shard->arena, (response->n_actions + 1) * sizeof *ids);
    size_t id_count = 0;
    if (!ids) return pawl__fail_plain(error, PAWL_E_NOMEM);
    for (size_t i = 0; i < response->n_actions; i++) {
        const Pb__WorkflowAction *action = response->actions[i];
        bool schedules = true, elsewhere = pawl__action_target_app(action, shard->app_id) != NULL;
        char *touched = NULL;
        switch (action->workflow_action_type_case) {
        case PB__WORKFLOW_ACTION__WORKFLOW_ACTION_TYPE_SCHEDULE_TASK:
        case PB__WORKFLOW_ACTION__WORKFLOW_ACTION_TYPE_CREATE_TIMER: break;
        case PB__WORKFLOW_ACTION__WORKFLOW_ACTION_TYPE_CREATE_CHILD_WORKFLOW:
            touched = pawl__child_id(instance, action, &shard->arena);
            if (!touched) return pawl__fail_plain(error, PAWL_E_NOMEM);
            break;
        case PB__WORKFLOW_ACTION__WORKFLOW_ACTION_TYPE_CREATE_DETACHED_WORKFLOW:
            schedules = false;
            touched = action->createdetachedworkflow->instanceid;
            if (!*touched)
                return pawl__fail(error, PAWL_E_INVALID,
                                  "CreateDetachedWorkflowAction requires an instance ID");
            break;
        case PB__WORKFLOW_ACTION__WORKFLOW_ACTION_TYPE_COMPLETE_WORKFLOW:
            schedules = false;
            completes = true;
            break;
        case PB__WORKFLOW_ACTION__WORKFLOW_ACTION_TYPE_WORKFLOW_VERSION_NOT_AVAILABLE:
            schedules = false;
            break;
        case PB__WORKFLOW_ACTION__WORKFLOW_ACTION_TYPE_SEND_EVENT:
        case PB__WORKFLOW_ACTION__WORKFLOW_ACTION_TYPE_TERMINATE_WORKFLOW:
            return pawl__fail(error, PAWL_E_INVALID, "don't know how to process outbound message");
        default:
            return pawl__fail(error, PAWL_E_INVALID, "unknown action type: %d",
                              action->workflow_action_type_case);
        }
        if (schedules && pawl__pending_find(&instance->pending, action->id))
            return pawl__fail(error, PAWL_E_INVALID,
                              "action %d was already scheduled by an earlier turn", action->id);
        if (schedules) ids[id_count++] = action->id;
        if (!touched || elsewhere) continue;
        if ((err = command_need(shard, pawl__str(touched), &other, error))) return err;
        bool taken;
        if ((err = command_check_taken(shard, other, instance, &taken, error))) return err;
    }
    qsort(ids, id_count, sizeof *ids, command_compare_ids); // SDKs give them in any order
    for (size_t i = 1; i < id_count; i++)
        if (ids[i] == ids[i - 1])
            return pawl__fail(error, PAWL_E_INVALID, "action %d was scheduled twice", ids[i]);
    bool terminates = false;
    size_t at = 0;
    struct pawl_event_view view;
    for (uint32_t i = 0; i < instance->turn_events; i++) {
        if (!pawl__history_next(pawl__buf_str(&instance->inbox.bytes), &at, &view))
            return pawl__fail_plain(error, PAWL_E_CORRUPT);
        if (pawl__event_type(view.bytes) == PB__HISTORY_EVENT__EVENT_TYPE_EXECUTION_TERMINATED)
            terminates = true;
    }
    if (!completes && !terminates) return PAWL_OK;

    // What ends touches its parent, and its children when it was terminated.
    const Pb__ExecutionStartedEvent *start = pawl__instance_start(instance, &shard->arena);
    if (!start) return pawl__fail_plain(error, PAWL_E_NOMEM);
    if (start->parentinstance && start->parentinstance->workflowinstance) {
        const char *parent = start->parentinstance->workflowinstance->instanceid;
        if ((err = command_need(shard, pawl__str(parent), &other, error))) return err;
    }
    for (uint32_t i = 0; terminates && i < instance->pending.len; i++) {
        const struct pawl_pending *item = &instance->pending.items[i];
        if (item->kind != PAWL_PENDING_CHILD) continue;
        const Pb__HistoryEvent *created =
            pawl__history_at(&instance->history, item->offset, &shard->arena);
        if (!created) return pawl__fail_plain(error, PAWL_E_NOMEM);
        const char *child = created->childworkflowinstancecreated->instanceid;
        if ((err = command_need(shard, pawl__str(child), &other, error))) return err;
    }
    return PAWL_OK;
}

// Whether the instance that began with |start| is the child that |parent| started as its action
// |child_id|.
static bool command_is_child(const Pb__ExecutionStartedEvent *start,
                             const struct pawl_instance *parent, int32_t child_id) {
    return start->parentinstance && start->parentinstance->workflowinstance &&
           start->parentinstance->taskscheduledid == child_id &&
           strcmp(start->parentinstance->workflowinstance->instanceid, parent->id) == 0;
}

// Tells |parent| that its child |id| has failed. |details| NULL: memory is out.
static bool command_fail_child(struct pawl_shard *shard, struct pawl_stamp stamp,
                               struct pawl_instance *parent, int32_t id,
                               Pb__TaskFailureDetails *details) {
    Pb__HistoryEvent *event = pawl__event_create(
        &shard->arena, stamp.now, PB__HISTORY_EVENT__EVENT_TYPE_CHILD_WORKFLOW_INSTANCE_FAILED);
    if (!event || !details || !pawl__event_set_source(&shard->arena, event, shard->app_id))
        return false;
    event->childworkflowinstancefailed->taskscheduledid = id;
    event->childworkflowinstancefailed->failuredetails = details;
    return command_add_event(shard, parent, event);
}

// Tells |parent| that the id which its child was to have is taken.
static bool command_refuse_child(struct pawl_shard *shard, struct pawl_stamp stamp,
                                 struct pawl_instance *parent, const struct pawl_message *message) {
    Pb__TaskFailureDetails *details = pawl__arena_alloc(&shard->arena, sizeof *details);
    if (!details) return false;
    pb__task_failure_details__init(details);
    details->errortype = "WorkflowInstanceAlreadyExists";
    details->errormessage = pawl__arena_format(
        &shard->arena, "a workflow with ID '%s' already exists", message->target);
    return details->errormessage &&
           command_fail_child(shard, stamp, parent, message->child_id, details);
}

static bool command_deliver(struct pawl_shard *shard, struct pawl_stamp stamp,
                            struct pawl_instance *sender, const struct pawl_message *message) {
    struct pawl_instance *target = pawl__shard_find(shard, pawl__str(message->target));
    if (!target) return false; // command_check_turn saw to it
    if (message->create) {
        bool taken;
        struct pawl_str bytes;
        struct pawl_error ignored;
        if (command_check_taken(shard, target, sender, &taken, &ignored)) return false;
        if (!taken)
            return !command_pack(shard, message->event, &bytes, &ignored) &&
                   command_start(shard, target, bytes);
        if (message->child_id < 0) return true;
        const Pb__ExecutionStartedEvent *start = pawl__instance_start(target, &shard->arena);
        if (!start) return false;
        // A child that an earlier generation of the parent left running is taken up again.
        if (!pawl__instance_completed(target) && command_is_child(start, sender, message->child_id))
            return true;
        return command_refuse_child(shard, stamp, sender, message);
    }
    if (!target->exists || pawl__instance_completed(target)) return true;
    // An answer to a parent counts only while the parent waits for it.
    int32_t id = -1;
    if (message->event->event_type_case ==
        PB__HISTORY_EVENT__EVENT_TYPE_CHILD_WORKFLOW_INSTANCE_COMPLETED)
        id = message->event->childworkflowinstancecompleted->taskscheduledid;
    else if (message->event->event_type_case ==
             PB__HISTORY_EVENT__EVENT_TYPE_CHILD_WORKFLOW_INSTANCE_FAILED)
        id = message->event->childworkflowinstancefailed->taskscheduledid;
    if (id >= 0) {
        const struct pawl_pending *item = pawl__pending_find(&target->pending, id);
        if (!item || item->kind != PAWL_PENDING_CHILD) return true;
        const Pb__HistoryEvent *created =
            pawl__history_at(&target->history, item->offset, &shard->arena);
        if (!created) return false;
        // An earlier generation may have had another child under this id.
        if (sender != target &&
            strcmp(created->childworkflowinstancecreated->instanceid, sender->id) != 0)
            return true;
    }
    struct pawl_str bytes;
    struct pawl_error ignored;
    if (command_pack(shard, message->event, &bytes, &ignored)) return false;
    if (id >= 0 && !command_has_room(shard, target, bytes.len))
        return command_fail_child(shard, stamp, target, id,
                                  command_too_large(shard, target, bytes.len));
    return command_add_packed(shard, target, bytes);
}

bool pawl__shard_turn_starts(const Pb__WorkflowResponse *response) {
    for (size_t i = 0; i < response->n_actions; i++) {
        const Pb__WorkflowAction *action = response->actions[i];
        switch (action->workflow_action_type_case) {
        case PB__WORKFLOW_ACTION__WORKFLOW_ACTION_TYPE_CREATE_CHILD_WORKFLOW:
        case PB__WORKFLOW_ACTION__WORKFLOW_ACTION_TYPE_CREATE_DETACHED_WORKFLOW: return true;
        case PB__WORKFLOW_ACTION__WORKFLOW_ACTION_TYPE_COMPLETE_WORKFLOW:
            if (action->completeworkflow->workflowstatus ==
                PB__ORCHESTRATION_STATUS__ORCHESTRATION_STATUS_CONTINUED_AS_NEW)
                return true;
            break;
        default: break;
        }
    }
    return false;
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
    enum pawl_err err = command_check_turn(shard, instance, response, error);
    if (err == PAWL_E_INVALID) {
        instance->turn_out = false;
        instance->turn_held = true;
    }
    if (err) return err;

    Plog__Turn turn = PLOG__TURN__INIT;
    turn.started_at = instance->turn_started_at;
    turn.completed_at =
        stamp.now > instance->turn_started_at ? stamp.now : instance->turn_started_at;
    turn.inbox_events = instance->turn_events;
    turn.response = (ProtobufCBinaryData){bytes.len, (uint8_t *)bytes.data};
    turn.next_execution_id = stamp.uuid;
    Plog__Record record = PLOG__RECORD__INIT;
    record.change_case = PLOG__RECORD__CHANGE_TURN;
    record.turn = &turn;
    if (!command_write(shard, instance, &record)) return command_broken(shard, error);
    struct pawl_outcome outcome;
    instance->turn_out = false;
    if (!pawl__apply_turn(instance, shard->app_id, &turn, response, &shard->arena, &outcome) ||
        !pawl__shard_retime(shard, instance))
        return command_broken(shard, error);
    if (outcome.stalled) instance->turn_held = true;

    bool ok = pawl__shard_emit(shard, PAWL_EFFECT_CHANGED, instance, 0);
    for (size_t i = 0; ok && i < outcome.task_count; i++)
        ok = pawl__shard_emit(shard, PAWL_EFFECT_ACTIVITY, instance, outcome.tasks[i]);
    for (struct pawl_message *message = outcome.messages; ok && message; message = message->next)
        ok = command_deliver(shard, stamp, instance, message);
    bool more = instance->inbox.count && !outcome.stalled;
    if (ok && more) ok = pawl__shard_emit(shard, PAWL_EFFECT_TURN, instance, 0);
    return ok ? PAWL_OK : command_broken(shard, error);
}

// --- purging ------------------------------------------------------------------------------------

enum {
    PURGE_DEPTH = 64
}; // children of children; deeper ones have to be purged by themselves

// Finds all that a purge removes, children first, and whether it may.
static enum pawl_err command_collect_purge(struct pawl_shard *shard, struct pawl_str id,
                                           bool recursive, bool force, int depth,
                                           struct pawl_instance **out, size_t *count, size_t cap,
                                           struct pawl_error *error) {
    struct pawl_instance *instance;
    enum pawl_err err = command_need(shard, id, &instance, error);
    if (err) return err;
    if (!instance->exists)
        return depth ? PAWL_OK : pawl__fail(error, PAWL_E_NOT_FOUND, "no such instance exists");
    if (!force && instance->stalled)
        return pawl__fail(error, PAWL_E_PRECONDITION, "workflow is stalled");
    if (!force && !pawl__instance_completed(instance))
        return pawl__fail(error, PAWL_E_PRECONDITION, "orchestration has not yet completed");
    if (instance->mark == shard->marks) return PAWL_OK;
    instance->mark = shard->marks;

    struct pawl_event_view view;
    size_t at = 0;
    while (recursive && depth < PURGE_DEPTH &&
           pawl__history_next(pawl__buf_str(&instance->history.bytes), &at, &view)) {
        if (pawl__event_type(view.bytes) !=
            PB__HISTORY_EVENT__EVENT_TYPE_CHILD_WORKFLOW_INSTANCE_CREATED)
            continue;
        const Pb__HistoryEvent *created =
            pawl__history_at(&instance->history, view.offset, &shard->arena);
        if (!created) return pawl__fail_plain(error, PAWL_E_NOMEM);
        const char *child = created->childworkflowinstancecreated->instanceid;
        err = command_collect_purge(shard, pawl__str(child), true, force, depth + 1, out, count,
                                    cap, error);
        if (err) return err;
    }
    if (*count == cap)
        return pawl__fail(error, PAWL_E_TOO_LARGE,
                          "more than %zu instances would be purged at once", cap);
    out[(*count)++] = instance;
    return PAWL_OK;
}

enum pawl_err pawl__shard_purge(struct pawl_shard *shard, struct pawl_str id, bool recursive,
                                bool force, uint32_t *count, struct pawl_error *error) {
    enum {
        MOST = 100000
    };
    pawl__arena_reset(&shard->arena);
    size_t most = recursive ? MOST : 1;
    struct pawl_instance **all = pawl__arena_alloc(&shard->arena, most * sizeof(void *));
    if (!all) return pawl__fail_plain(error, PAWL_E_NOMEM);
    size_t found = 0;
    shard->marks++;
    enum pawl_err err =
        command_collect_purge(shard, id, recursive, force, 0, all, &found, most, error);
    if (err) return err;
    for (size_t i = 0; i < found; i++) {
        Plog__Purge purge = PLOG__PURGE__INIT;
        Plog__Record record = PLOG__RECORD__INIT;
        record.change_case = PLOG__RECORD__CHANGE_PURGE;
        record.purge = &purge;
        if (!command_write(shard, all[i], &record)) return command_broken(shard, error);
        pawl__apply_purge(all[i]);
        if (!pawl__shard_retime(shard, all[i]) ||
            !pawl__shard_emit(shard, PAWL_EFFECT_PURGED, all[i], 0))
            return command_broken(shard, error);
    }
    *count = (uint32_t)found;
    return PAWL_OK;
}
