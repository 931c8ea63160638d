#include "base/assert.h"
#include "engine/command.h"
#include "wire/timestamp.h"

// What a message does to its target. One function for all of them, from the same turn's batch or
// from a mailbox: it looks at the target alone, and at what the message says.
//
// What was received before: a letter of another app is known by its note (received.h), and any
// message by the row of the mailbox, which goes in the commit that holds what it did. Beside that a
// start is known by its parent, and the end of a child or of an activity by what the target still
// waits for: the parent may have started it again, or have lost interest.

enum pawl_err pawl__command_drop(struct pawl_shard *shard, struct pawl_instance *about,
                                 const struct pawl_message *message, const char *why) {
    struct pawl_buf text = {0};
    if (!pawl__shard_reserve(shard, 1)) return PAWL_E_NOMEM;
    if (message->kind == PAWL_MESSAGE_EVENT)
        pawl__buf_format(&text, "the event '%s' that workflow '%s' sent to '%s' was dropped: %s",
                         message->event->eventraised->name, message->sender, message->target, why);
    else if (message->kind == PAWL_MESSAGE_START_DETACHED)
        pawl__buf_format(&text, "workflow '%s' could not start '%s': %s", message->sender,
                         message->target, why);
    else if (message->kind == PAWL_MESSAGE_PURGE_CHILD)
        pawl__buf_format(&text, "workflow '%s' was purged, but its child '%s' was not: %s",
                         message->sender, message->target, why);
    else
        pawl__buf_format(&text, "workflow '%s' could not terminate '%s': %s", message->sender,
                         message->target, why);
    char *copy = text.failed ? NULL : pawl__str_dup(pawl__buf_str(&text));
    pawl__buf_finish(&text);
    if (!copy) return PAWL_E_NOMEM;
    pawl__shard_emit(shard, PAWL_EFFECT_DROPPED, about, message->task);
    shard->effects[shard->effect_count - 1].text = copy;
    shard->dropped++;
    return PAWL_OK;
}

// --- starts -------------------------------------------------------------------------------------

static bool receive_same_execution(const Pb__ParentInstanceInfo *a,
                                   const Pb__ParentInstanceInfo *b) {
    const char *left = pawl__string_of(a->workflowinstance->executionid);
    const char *right = pawl__string_of(b->workflowinstance->executionid);
    return left && right && strcmp(left, right) == 0;
}

// Whether |message|, which starts a detached workflow, has started |target|: it came twice.
static bool receive_is_same_execution(const struct pawl_instance *target,
                                      const struct pawl_message *message) {
    const Pb__WorkflowInstance *self = message->event->executionstarted->workflowinstance;
    const char *execution = self ? pawl__string_of(self->executionid) : NULL;
    return execution && target->execution_id && strcmp(execution, target->execution_id) == 0;
}

// Whether |target| is what |message| asks to start: it was received before, or an earlier
// generation of the parent has left it running, and it is taken up again.
static enum pawl_err receive_is_started(struct pawl_shard *shard,
                                        const struct pawl_instance *target,
                                        const struct pawl_message *message, bool *started) {
    *started = false;
    if (!target->exists || message->kind != PAWL_MESSAGE_START_CHILD) return PAWL_OK;
    const Pb__ExecutionStartedEvent *start = pawl__instance_start(target, &shard->arena);
    if (!start) return PAWL_E_NOMEM;
    *started = pawl__is_child(start, message->sender_app, message->sender, message->task) &&
               (!pawl__instance_completed(target) ||
                receive_same_execution(start->parentinstance,
                                       message->event->executionstarted->parentinstance));
    return PAWL_OK;
}

enum pawl_err pawl__command_answer(struct pawl_shard *shard, struct pawl_stamp stamp,
                                   const struct pawl_message *message,
                                   Pb__TaskFailureDetails *details, struct pawl_message *out) {
    Pb__HistoryEvent *event = pawl__event_create(
        &shard->arena, stamp.now, PB__HISTORY_EVENT__EVENT_TYPE_CHILD_WORKFLOW_INSTANCE_FAILED);
    if (!event || !details || !pawl__event_set_source(&shard->arena, event, shard->app_id))
        return PAWL_E_NOMEM;
    event->childworkflowinstancefailed->taskscheduledid = message->task;
    event->childworkflowinstancefailed->failuredetails = details;
    *out = *message;
    out->kind = PAWL_MESSAGE_CHILD_ENDED;
    out->reply = true;
    out->target = message->sender;
    out->target_app = message->sender_app;
    out->event = event;
    out->propagated = (struct pawl_str){0};
    out->crossing = NULL;
    return PAWL_OK;
}

enum pawl_err pawl__command_refuse(struct pawl_shard *shard, struct pawl_stamp stamp,
                                   struct pawl_instance *sender, const struct pawl_message *message,
                                   Pb__TaskFailureDetails *details) {
    struct pawl_message reply;
    enum pawl_err err = pawl__command_answer(shard, stamp, message, details, &reply);
    if (err) return err;
    return sender ? pawl__command_receive(shard, stamp, sender, &reply)
                  : pawl__command_post(shard, &reply);
}

static enum pawl_err receive_start(struct pawl_shard *shard, struct pawl_stamp stamp,
                                   struct pawl_instance *sender, struct pawl_instance *target,
                                   const struct pawl_message *message) {
    bool taken, started;
    struct pawl_str bytes;
    struct pawl_error why;
    enum pawl_err err = receive_is_started(shard, target, message, &started);
    if (err || started) return err;
    err = pawl__command_check_taken(shard, target, sender, &taken, &why);
    // What the same turn told the target before may let the look go further than it did when what
    // it needs was asked for. Then the id is as good as taken.
    if (err == PAWL_E_NEEDED) err = PAWL_OK;
    if (err) return err;
    if (taken && why.code == PAWL_E_NEEDED)
        pawl__fail(&why, PAWL_E_EXISTS, "an active workflow with ID '%s' already exists",
                   message->target);
    if (!taken) {
        err = pawl__command_pack(shard, message->event, &bytes, NULL);
        pawl__assert(!err || err == PAWL_E_NOMEM);
        return err ? err : pawl__command_start(shard, stamp, target, bytes, message->propagated);
    }
    if (message->kind == PAWL_MESSAGE_START_DETACHED)
        return receive_is_same_execution(target, message)
                   ? PAWL_OK
                   : pawl__command_drop(shard, sender ? sender : target, message, why.text);
    return pawl__command_refuse(
        shard, stamp, sender, message,
        pawl__command_failure(shard, "WorkflowInstanceAlreadyExists",
                              pawl__arena_dup(&shard->arena, pawl__str(why.text))));
}

// --- ends ---------------------------------------------------------------------------------------

static int32_t receive_ended_task(const Pb__HistoryEvent *event) {
    switch (event->event_type_case) {
    case PB__HISTORY_EVENT__EVENT_TYPE_CHILD_WORKFLOW_INSTANCE_COMPLETED:
        return event->childworkflowinstancecompleted->taskscheduledid;
    case PB__HISTORY_EVENT__EVENT_TYPE_CHILD_WORKFLOW_INSTANCE_FAILED:
        return event->childworkflowinstancefailed->taskscheduledid;
    case PB__HISTORY_EVENT__EVENT_TYPE_TASK_COMPLETED: return event->taskcompleted->taskscheduledid;
    default: return event->taskfailed->taskscheduledid;
    }
}

// Whether |target| waits for what |message| says has ended.
static enum pawl_err receive_is_awaited(struct pawl_shard *shard,
                                        const struct pawl_instance *sender,
                                        const struct pawl_instance *target,
                                        const struct pawl_message *message, bool *awaited) {
    bool child = message->kind == PAWL_MESSAGE_CHILD_ENDED;
    *awaited = false;
    if (!target->exists) return PAWL_OK;
    // One that has ended takes note of the end of what is elsewhere, where it cannot look.
    if (pawl__instance_completed(target) && sender) return PAWL_OK;
    const struct pawl_pending *item =
        pawl__pending_find(&target->pending, receive_ended_task(message->event));
    if (!item || item->kind != (child ? PAWL_PENDING_CHILD : PAWL_PENDING_TASK)) return PAWL_OK;
    *awaited = !message->reply || message->generation == target->generation;
    if (!child || message->reply) return PAWL_OK;
    const Pb__HistoryEvent *created =
        pawl__history_at(&target->history, item->offset, &shard->arena);
    if (!created) return PAWL_E_NOMEM;
    // An earlier generation may have had another child under this id.
    const char *id = created->childworkflowinstancecreated->instanceid;
    const char *app = pawl__event_app(created);
    *awaited = strcmp(id, message->sender) == 0 &&
               strcmp(app ? app : shard->app_id, message->sender_app) == 0;
    return PAWL_OK;
}

static enum pawl_err receive_end(struct pawl_shard *shard, const struct pawl_instance *sender,
                                 struct pawl_instance *target, const struct pawl_message *message) {
    bool awaited;
    struct pawl_str bytes;
    enum pawl_err err = receive_is_awaited(shard, sender, target, message, &awaited);
    if (err || !awaited) return err;
    Pb__HistoryEvent *event = message->event;
    err = pawl__command_pack(shard, event, &bytes, NULL);
    pawl__assert(!err || err == PAWL_E_NOMEM);
    if (err) return err;
    if (message->kind == PAWL_MESSAGE_CHILD_ENDED &&
        !pawl__command_has_room(shard, target, bytes.len)) {
        Pb__HistoryEvent *failed =
            pawl__event_create(&shard->arena, pawl__timestamp_get(event->timestamp),
                               PB__HISTORY_EVENT__EVENT_TYPE_CHILD_WORKFLOW_INSTANCE_FAILED);
        Pb__TaskFailureDetails *details = pawl__command_too_large(shard, target, bytes.len);
        if (!failed || !details || !pawl__event_set_source(&shard->arena, failed, shard->app_id))
            return PAWL_E_NOMEM;
        failed->childworkflowinstancefailed->taskscheduledid = receive_ended_task(event);
        failed->childworkflowinstancefailed->failuredetails = details;
        return pawl__command_add_event(shard, target, failed);
    }
    return pawl__command_add(shard, target, bytes);
}

// --- events and terminates ----------------------------------------------------------------------

static const char *receive_why_dropped(const struct pawl_shard *shard,
                                       const struct pawl_instance *target,
                                       const struct pawl_message *message) {
    if (!target->exists) return "there is no such workflow";
    if (pawl__instance_completed(target)) return "it has ended";
    if (message->kind == PAWL_MESSAGE_EVENT && target->inbox.bytes.len > shard->limits.raised)
        return "too many bytes of events wait there already";
    return NULL;
}

static enum pawl_err receive_told(struct pawl_shard *shard, struct pawl_stamp stamp,
                                  struct pawl_instance *sender, struct pawl_instance *target,
                                  const struct pawl_message *message) {
    const char *why = receive_why_dropped(shard, target, message);
    if (why) return pawl__command_drop(shard, sender ? sender : target, message, why);
    // Here it arrives now, and after all that has arrived.
    int64_t now = pawl__shard_unique_time(shard, stamp);
    message->event->timestamp = pawl__timestamp(&shard->arena, now);
    if (!message->event->timestamp) return PAWL_E_NOMEM;
    return pawl__command_add_event(shard, target, message->event);
}

// A recursive terminate ends the sender's child, and nobody else who has its id.
static enum pawl_err receive_end_child(struct pawl_shard *shard, struct pawl_instance *target,
                                       const struct pawl_message *message) {
    if (!target->exists || pawl__instance_completed(target)) return PAWL_OK;
    const Pb__ExecutionStartedEvent *start = pawl__instance_start(target, &shard->arena);
    if (!start) return PAWL_E_NOMEM;
    if (!pawl__is_child(start, message->sender_app, message->sender, message->task)) return PAWL_OK;
    return pawl__command_add_event(shard, target, message->event);
}

// So does a recursive purge.
static enum pawl_err receive_purge_child(struct pawl_shard *shard, struct pawl_instance *target,
                                         const struct pawl_message *message,
                                         struct pawl_error *error) {
    if (!target->exists) return PAWL_OK;
    const Pb__ExecutionStartedEvent *start = pawl__instance_start(target, &shard->arena);
    if (!start) return pawl__fail_plain(error, PAWL_E_NOMEM);
    if (!pawl__is_child(start, message->sender_app, message->sender, message->task)) return PAWL_OK;
    const struct pawl_purge_ask ask = {.recursive = true, .force = message->force};
    uint32_t count;
    struct pawl_kin *kin;
    enum pawl_err err = pawl__command_purge(shard, target, &ask, &count, &kin, error);
    if (err != PAWL_E_PRECONDITION && err != PAWL_E_TOO_LARGE) return err;
    err = pawl__command_drop(shard, target, message, error->text);
    pawl__error_clear(error);
    return err ? pawl__fail_plain(error, err) : PAWL_OK;
}

enum pawl_err pawl__command_receive(struct pawl_shard *shard, struct pawl_stamp stamp,
                                    struct pawl_instance *sender,
                                    const struct pawl_message *message) {
    struct pawl_instance *target = pawl__shard_find(shard, pawl__str(message->target));
    pawl__assert(target);
    switch (message->kind) {
    case PAWL_MESSAGE_START_CHILD:
    case PAWL_MESSAGE_START_DETACHED: return receive_start(shard, stamp, sender, target, message);
    case PAWL_MESSAGE_CHILD_ENDED:
    case PAWL_MESSAGE_TASK_ENDED: return receive_end(shard, sender, target, message);
    case PAWL_MESSAGE_END_CHILD: return receive_end_child(shard, target, message);
    default: return receive_told(shard, stamp, sender, target, message);
    }
}

static enum pawl_err receive_outside(struct pawl_shard *shard, struct pawl_stamp stamp,
                                     const struct pawl_message *message, struct pawl_error *error) {
    struct pawl_instance *target;
    enum pawl_err err = pawl__command_need(shard, pawl__str(message->target), &target, error);
    if (!err &&
        (message->kind == PAWL_MESSAGE_START_CHILD || message->kind == PAWL_MESSAGE_START_DETACHED))
        err = pawl__command_need_taken(shard, target, NULL, error);
    if (err) return err;
    if (message->kind == PAWL_MESSAGE_PURGE_CHILD)
        return receive_purge_child(shard, target, message, error);
    err = pawl__command_receive(shard, stamp, NULL, message);
    return err ? pawl__fail_plain(error, err) : PAWL_OK;
}

enum pawl_err pawl__shard_receive(struct pawl_shard *shard, struct pawl_stamp stamp,
                                  const struct pawl_message *message, struct pawl_error *error) {
    const struct pawl_crossing *crossing = message->crossing;
    const char *app = message->sender_app;
    pawl__arena_reset(&shard->arena);
    if (crossing && pawl__received_has(&shard->received, app, crossing)) return PAWL_OK;
    enum pawl_err err = receive_outside(shard, stamp, message, error);
    if (err || !crossing) return err;
    err = pawl__received_add(&shard->received, app, crossing, &shard->mail);
    if (!err) return PAWL_OK;
    shard->failed = true; // it was done, and nobody would know
    return pawl__fail_plain(error, err);
}
