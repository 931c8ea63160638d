#include "engine/command.h"
#include "wire/pack.h"
#include "wire/timestamp.h"

// A letter that the other app will never take. Who waits for what it asks for, or says, is told so:
// to wait for ever helps nobody.

static const char *const undelivered_type = "PayloadSizeExceeded";

static Pb__TaskFailureDetails *undelivered_failure(struct pawl_shard *shard, const char *what,
                                                   const struct pawl_message *message,
                                                   const char *why) {
    size_t size = pawl__wire_size(&message->event->base) + message->propagated.len;
    return pawl__command_failure(
        shard, undelivered_type,
        pawl__arena_format(
            &shard->arena,
            "%s '%s' payload %zu bytes exceeds max gRPC body size of app '%s'; increase its daprd "
            "--max-body-size: %s",
            what, message->kind == PAWL_MESSAGE_CHILD_ENDED ? message->sender : message->target,
            size, message->target_app, why));
}

// The parent is here, and its child never began.
static enum pawl_err undelivered_start(struct pawl_shard *shard, struct pawl_stamp stamp,
                                       const struct pawl_message *message, const char *why) {
    struct pawl_message answer;
    enum pawl_err err = pawl__command_answer(
        shard, stamp, message, undelivered_failure(shard, "child workflow", message, why), &answer);
    return err ? err : pawl__command_receive(shard, stamp, NULL, &answer);
}

// The parent is there: a short failure takes the place of what its child has given.
static enum pawl_err undelivered_result(struct pawl_shard *shard, struct pawl_instance *sender,
                                        const struct pawl_message *message, const char *why) {
    Pb__HistoryEvent *event = message->event;
    bool failed =
        event->event_type_case == PB__HISTORY_EVENT__EVENT_TYPE_CHILD_WORKFLOW_INSTANCE_FAILED;
    int32_t task = failed ? event->childworkflowinstancefailed->taskscheduledid
                          : event->childworkflowinstancecompleted->taskscheduledid;
    const Pb__TaskFailureDetails *before =
        failed ? event->childworkflowinstancefailed->failuredetails : NULL;
    if (before && strcmp(before->errortype, undelivered_type) == 0)
        return pawl__command_drop(shard, sender, message, why); // that was short already
    Pb__HistoryEvent *end =
        pawl__event_create(&shard->arena, pawl__timestamp_get(event->timestamp),
                           PB__HISTORY_EVENT__EVENT_TYPE_CHILD_WORKFLOW_INSTANCE_FAILED);
    Pb__TaskFailureDetails *details =
        undelivered_failure(shard, "the end of child workflow", message, why);
    if (!end || !details || !pawl__event_set_source(&shard->arena, end, shard->app_id))
        return PAWL_E_NOMEM;
    end->childworkflowinstancefailed->taskscheduledid = task;
    end->childworkflowinstancefailed->failuredetails = details;
    struct pawl_message answer = *message;
    answer.event = end;
    return pawl__command_post(shard, &answer);
}

// A child ends all the same, if without the reason.
static enum pawl_err undelivered_end(struct pawl_shard *shard, struct pawl_instance *sender,
                                     const struct pawl_message *message, const char *why) {
    if (!message->event->executionterminated->input)
        return pawl__command_drop(shard, sender, message, why);
    message->event->executionterminated->input = NULL;
    return pawl__command_post(shard, message);
}

enum pawl_err pawl__shard_undelivered(struct pawl_shard *shard, struct pawl_stamp stamp,
                                      const struct pawl_message *message, const char *why,
                                      struct pawl_error *error) {
    pawl__arena_reset(&shard->arena);
    struct pawl_instance *sender;
    if (message->reply) return PAWL_OK; // it is short, and nobody who could be told is here
    enum pawl_err err = pawl__command_need(shard, pawl__str(message->sender), &sender, error);
    if (err) return err;
    switch (message->kind) {
    case PAWL_MESSAGE_START_CHILD: err = undelivered_start(shard, stamp, message, why); break;
    case PAWL_MESSAGE_CHILD_ENDED: err = undelivered_result(shard, sender, message, why); break;
    case PAWL_MESSAGE_END_CHILD: err = undelivered_end(shard, sender, message, why); break;
    default: err = pawl__command_drop(shard, sender, message, why); break;
    }
    return err ? pawl__fail_plain(error, err) : PAWL_OK;
}
