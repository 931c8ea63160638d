#include "base/assert.h"
#include "engine/command.h"
#include "engine/stall.h"
#include "wire/pb.h"
#include "wire/unpack.h"

// What comes back to an instance: results of activities, the time of its timers, and that it cannot
// go on.

// An activity that has ended, and what scheduled it.
struct result {
    int32_t task_id;
    struct pawl_event_parts scheduled;
    struct pawl_str execution; // the id of the task's; may be empty
};

static enum pawl_err result_failed(struct pawl_shard *shard, struct pawl_stamp stamp,
                                   const struct result *task, Pb__TaskFailureDetails *failure,
                                   struct pawl_str *bytes, struct pawl_error *error) {
    Pb__HistoryEvent *event =
        pawl__event_create(&shard->arena, stamp.now, PB__HISTORY_EVENT__EVENT_TYPE_TASK_FAILED);
    char *execution_id = pawl__arena_dup(&shard->arena, task->execution);
    if (!failure || !event || !execution_id ||
        !pawl__event_copy_router(&shard->arena, event, &task->scheduled))
        return pawl__fail_plain(error, PAWL_E_NOMEM);
    event->taskfailed->taskscheduledid = task->task_id;
    event->taskfailed->taskexecutionid = execution_id;
    event->taskfailed->failuredetails = failure;
    return pawl__command_pack(shard, event, bytes, error);
}

// Of a result only the text is from outside.
static enum pawl_err result_completed(struct pawl_shard *shard, struct pawl_stamp stamp,
                                      const struct result *task,
                                      const Google__Protobuf__StringValue *result,
                                      struct pawl_str *bytes, struct pawl_error *error) {
    struct pawl_str text = pawl__str(result ? result->value : "");
    if (!pawl__wire_is_text(text))
        return pawl__fail(error, PAWL_E_INVALID, "a result is not valid UTF-8");
    const struct pawl_event_completed event = {
        .task_id = task->task_id,
        .result = result ? &text : NULL,
        .execution = task->execution,
        .router = task->scheduled.router,
    };
    *bytes = pawl__event_completed(&shard->arena, stamp.now, &event);
    return bytes->data ? PAWL_OK : pawl__fail_plain(error, PAWL_E_NOMEM);
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
    struct pawl_str bytes;
    struct result task = {.task_id = task_id};
    task.scheduled = pawl__event_parts(pawl__history_bytes(&instance->history, item->offset));
    pawl__pb_find(task.scheduled.body.bytes, TASK_EXECUTION_ID, &execution);
    task.execution = execution.bytes;
    Pb__TaskFailureDetails *failure = response->failuredetails;
    pawl__failure_cut(failure);
    enum pawl_err err =
        failure ? result_failed(shard, stamp, &task, failure, &bytes, error)
                : result_completed(shard, stamp, &task, response->result, &bytes, error);
    if (!err && !pawl__command_has_room(shard, instance, bytes.len)) {
        failure = pawl__command_too_large(shard, instance, bytes.len);
        err = result_failed(shard, stamp, &task, failure, &bytes, error);
    }
    if (err) return err;
    struct pawl_notes notes = {0};
    if (shard->observer)
        shard->observer->activity_ends(shard->observer, instance, task_id, stamp.given_at, response,
                                       &notes);
    if ((err = pawl__command_add(shard, instance, bytes))) {
        pawl__notes_settle(&notes, false);
        return pawl__fail_plain(error, err);
    }
    pawl__notes_move(&shard->notes, &notes);
    return PAWL_OK;
}

enum pawl_err pawl__shard_stall(struct pawl_shard *shard, struct pawl_stamp stamp,
                                struct pawl_instance *instance, Pb__StalledReason reason,
                                char *text, struct pawl_error *error) {
    pawl__arena_reset(&shard->arena);
    enum pawl_err err = pawl__command_stall(shard, stamp, instance, reason, text);
    return err ? pawl__fail_plain(error, err) : PAWL_OK;
}

enum pawl_err pawl__command_stall(struct pawl_shard *shard, struct pawl_stamp stamp,
                                  struct pawl_instance *instance, Pb__StalledReason reason,
                                  char *text) {
    if (pawl__stall_is_told(instance, text)) {
        instance->turn_held = true;
        return PAWL_OK;
    }
    Pb__HistoryEvent *event = pawl__event_create(&shard->arena, stamp.now,
                                                 PB__HISTORY_EVENT__EVENT_TYPE_EXECUTION_STALLED);
    if (!event) return PAWL_E_NOMEM;
    event->executionstalled->reason = reason;
    event->executionstalled->_description_case =
        PB__EXECUTION_STALLED_EVENT___DESCRIPTION_DESCRIPTION;
    event->executionstalled->description = text;
    enum pawl_err err = pawl__command_add_event(shard, instance, event);
    if (err) return err;
    instance->turn_held = true;
    pawl__shard_emit(shard, PAWL_EFFECT_CHANGED, instance, 0);
    pawl__shard_emit(shard, PAWL_EFFECT_STALLED, instance, 0);
    return PAWL_OK;
}

// --- timers -------------------------------------------------------------------------------------

static enum pawl_err result_fire_timer(struct pawl_shard *shard, struct pawl_stamp stamp,
                                       struct pawl_instance *instance,
                                       const struct pawl_pending *item) {
    Pb__HistoryEvent *event =
        pawl__event_create(&shard->arena, stamp.now, PB__HISTORY_EVENT__EVENT_TYPE_TIMER_FIRED);
    if (!event) return PAWL_E_NOMEM;
    event->timerfired->timerid = item->id;
    event->timerfired->fireat = pawl__timestamp(&shard->arena, item->fire_at);
    if (!event->timerfired->fireat) return PAWL_E_NOMEM;
    return pawl__command_add_event(shard, instance, event);
}

enum pawl_err pawl__shard_fire_timers(struct pawl_shard *shard, int64_t now,
                                      struct pawl_stamp stamp, struct pawl_error *error) {
    while (pawl__shard_wake_at(shard) <= now && !pawl__shard_is_full(shard)) {
        pawl__arena_reset(&shard->arena);
        struct pawl_heap_node *node = pawl__heap_first(&shard->timers);
        struct pawl_instance *instance = (struct pawl_instance *)(void *)node;
        enum pawl_err err = PAWL_OK;
        if (pawl__instance_is_scheduled(instance)) {
            // A scheduled start needs no record: the turn that follows says it all. That its time
            // has come is noted, as the clock may say something else by then.
            if (!pawl__shard_reserve(shard, 1)) return pawl__fail_plain(error, PAWL_E_NOMEM);
            instance->start_due = true;
            pawl__shard_place(shard, instance);
            pawl__shard_emit(shard, PAWL_EFFECT_TURN, instance, 0);
            continue;
        }
        const struct pawl_pending *due = pawl__pending_first_timer(&instance->pending);
        pawl__assert(due && due->fire_at == node->key);
        err = result_fire_timer(shard, stamp, instance, due);
        if (err) return pawl__fail_plain(error, err);
    }
    return PAWL_OK;
}
