#include "engine/command.h"

// Events of clients.

static bool post_is_refused(const struct pawl_instance *instance, const Pb__HistoryEvent *event) {
    bool terminates = event->event_type_case == PB__HISTORY_EVENT__EVENT_TYPE_EXECUTION_TERMINATED;
    return instance->stalled &&
           !(terminates && instance->stall_reason == PB__STALLED_REASON__ANSWER_NOT_APPLICABLE);
}

enum pawl_err pawl__shard_post(struct pawl_shard *shard, struct pawl_stamp stamp,
                               struct pawl_str id, Pb__HistoryEvent *event,
                               struct pawl_error *error) {
    pawl__arena_reset(&shard->arena);
    struct pawl_instance *instance;
    enum pawl_err err = pawl__command_need(shard, id, &instance, error);
    if (err) return err;
    if (!instance->exists) return pawl__fail(error, PAWL_E_NOT_FOUND, "no such instance exists");
    if (pawl__instance_completed(instance)) return PAWL_OK;
    if (post_is_refused(instance, event))
        return pawl__fail(error, PAWL_E_PRECONDITION, "workflow is stalled");
    if (event->event_type_case == PB__HISTORY_EVENT__EVENT_TYPE_EVENT_RAISED &&
        instance->inbox.bytes.len > shard->limits.raised)
        return pawl__fail(error, PAWL_E_TOO_LARGE,
                          "%zu bytes of events wait for workflow '%s' already: it takes no more "
                          "until a worker has processed them",
                          instance->inbox.bytes.len, instance->id);
    event->timestamp = pawl__timestamp(&shard->arena, pawl__shard_unique_time(shard, stamp));
    if (!event->timestamp) return pawl__fail_plain(error, PAWL_E_NOMEM);
    struct pawl_str bytes;
    if ((err = pawl__command_pack_outside(shard, event, &bytes, error))) return err;
    err = pawl__command_add(shard, instance, bytes);
    return err ? pawl__fail_plain(error, err) : PAWL_OK;
}
