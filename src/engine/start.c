#include "base/assert.h"
#include "engine/command.h"
#include "engine/record.h"

// Starting an instance.

enum pawl_err pawl__command_start(struct pawl_shard *shard, struct pawl_stamp stamp,
                                  struct pawl_instance *instance, struct pawl_str event,
                                  struct pawl_str propagated) {
    Plog__Create create = PLOG__CREATE__INIT;
    create.start_event = (ProtobufCBinaryData){event.len, (uint8_t *)(uintptr_t)event.data};
    create.propagated =
        (ProtobufCBinaryData){propagated.len, (uint8_t *)(uintptr_t)propagated.data};
    create.generation = instance->generation + 1;
    // What an earlier run under this id has left somewhere says nothing to this one, although the
    // shard may know nothing of it any more.
    if (create.generation < (uint64_t)stamp.now) create.generation = (uint64_t)stamp.now;
    enum pawl_err err = pawl__record_reserve(shard, instance, event.len + propagated.len);
    if (!err) err = pawl__apply_create(instance, &create, &shard->arena);
    pawl__assert(!err || err == PAWL_E_NOMEM);
    if (err) return err;
    pawl__record_create(shard, instance, &create);
    pawl__shard_place(shard, instance);
    pawl__shard_emit(shard, PAWL_EFFECT_TURN, instance, 0);
    pawl__shard_emit(shard, PAWL_EFFECT_CHANGED, instance, 0);
    return PAWL_OK;
}

// --- for a client -------------------------------------------------------------------------------

enum pawl_err pawl__shard_create(struct pawl_shard *shard, struct pawl_stamp stamp,
                                 struct pawl_str id, Pb__ExecutionStartedEvent *start,
                                 bool enforce_unique, struct pawl_error *error) {
    pawl__arena_reset(&shard->arena);
    shard->awaits_news = false;
    struct pawl_instance *instance;
    enum pawl_err err = pawl__command_need(shard, id, &instance, error);
    if (err) return err;
    if (enforce_unique && instance->exists && pawl__instance_completed(instance))
        return pawl__fail(error, PAWL_E_EXISTS,
                          "a workflow with ID '%s' already exists and the create enforces instance "
                          "ID uniqueness",
                          instance->id);
    if (instance->exists && (err = pawl__command_check_reuse(shard, instance, NULL, error)))
        return err;

    Pb__HistoryEvent event = PB__HISTORY_EVENT__INIT;
    event.eventid = -1;
    event.timestamp = pawl__timestamp(&shard->arena, stamp.now);
    event.event_type_case = PB__HISTORY_EVENT__EVENT_TYPE_EXECUTION_STARTED;
    event.executionstarted = start;
    if (!event.timestamp || !pawl__event_set_source(&shard->arena, &event, shard->app_id))
        return pawl__fail_plain(error, PAWL_E_NOMEM);
    struct pawl_str bytes;
    if ((err = pawl__command_pack_outside(shard, &event, &bytes, error))) return err;
    err = pawl__command_start(shard, stamp, instance, bytes, PAWL_STR(""));
    return err ? pawl__fail_plain(error, err) : PAWL_OK;
}
