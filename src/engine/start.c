#include "base/assert.h"
#include "engine/command.h"
#include "engine/record.h"

// Starting an instance, and whether its id may be used again.

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

// --- an id that is used again -------------------------------------------------------------------

// A child to look at, of those that have ended.
struct start_ended {
    const struct pawl_instance *instance;
    struct start_ended *next;
};

static enum pawl_err start_refuse(const struct pawl_instance *instance, const char *child,
                                  struct pawl_error *error) {
    return pawl__fail(error, PAWL_E_EXISTS,
                      "cannot recreate workflow with ID '%s': child workflow '%s': orchestration "
                      "has not yet completed",
                      instance->id, child);
}

// Looks at the child of |instance| that |item| stands for.
static enum pawl_err start_check_child(struct pawl_shard *shard,
                                       const struct pawl_instance *instance,
                                       const struct pawl_instance *starter,
                                       const struct pawl_pending *item, struct start_ended **ended,
                                       struct pawl_error *error) {
    const Pb__HistoryEvent *created =
        pawl__history_at(&instance->history, item->offset, &shard->arena);
    if (!created) return pawl__fail_plain(error, PAWL_E_NOMEM);
    const char *id = created->childworkflowinstancecreated->instanceid;
    // Of a child elsewhere no more is known than that its end was not told.
    if (pawl__is_elsewhere(created, shard->app_id) || !pawl__shard_has(shard, pawl__str(id)))
        return start_refuse(instance, id, error);
    struct pawl_instance *child;
    enum pawl_err err = pawl__command_need(shard, pawl__str(id), &child, error);
    if (err || !child->exists) return err;
    if (child == starter || !pawl__instance_completed(child))
        return start_refuse(instance, id, error);
    if (child->mark == shard->marks) return PAWL_OK;
    child->mark = shard->marks;
    struct start_ended *next = pawl__arena_alloc(&shard->arena, sizeof *next);
    if (!next) return pawl__fail_plain(error, PAWL_E_NOMEM);
    *next = (struct start_ended){child, *ended};
    *ended = next;
    return PAWL_OK;
}

// Whether nothing that |instance| itself started is still going on. Its children that have ended go
// to |*ended|, but for those that this walk has come by.
static enum pawl_err start_check_children(struct pawl_shard *shard,
                                          const struct pawl_instance *instance,
                                          const struct pawl_instance *starter,
                                          struct start_ended **ended, struct pawl_error *error) {
    for (uint32_t i = instance->pending.first; i < instance->pending.len; i++) {
        const struct pawl_pending *item = &instance->pending.items[i];
        if (item->kind == PAWL_PENDING_TASK)
            return pawl__fail(error, PAWL_E_UNKNOWN,
                              "a terminated workflow with ID '%s' is already awaiting an activity "
                              "result",
                              instance->id);
        if (item->kind != PAWL_PENDING_CHILD) continue;
        enum pawl_err err = start_check_child(shard, instance, starter, item, ended, error);
        if (err) return err;
    }
    return PAWL_OK;
}

// An app may let each workflow start the next and end: so this is no recursion, and each is looked
// at once.
enum pawl_err pawl__command_check_reuse(struct pawl_shard *shard,
                                        const struct pawl_instance *instance,
                                        const struct pawl_instance *starter,
                                        struct pawl_error *error) {
    shard->marks++;
    struct start_ended *ended = NULL;
    enum pawl_err err = start_check_children(shard, instance, starter, &ended, error);
    while (!err && ended) {
        const struct pawl_instance *child = ended->instance;
        ended = ended->next;
        err = start_check_children(shard, child, starter, &ended, error);
    }
    return err;
}

enum pawl_err pawl__command_check_taken(struct pawl_shard *shard,
                                        const struct pawl_instance *target,
                                        const struct pawl_instance *sender, bool *taken,
                                        struct pawl_error *error) {
    *taken = false;
    if (!target->exists) return PAWL_OK;
    *taken = true;
    if (target == sender || !pawl__instance_completed(target)) return PAWL_OK;
    enum pawl_err err = pawl__command_check_reuse(shard, target, sender, error);
    *taken = err != PAWL_OK;
    return err == PAWL_E_EXISTS || err == PAWL_E_UNKNOWN ? PAWL_OK : err;
}

enum pawl_err pawl__shard_create(struct pawl_shard *shard, struct pawl_stamp stamp,
                                 struct pawl_str id, Pb__ExecutionStartedEvent *start,
                                 bool enforce_unique, struct pawl_error *error) {
    pawl__arena_reset(&shard->arena);
    struct pawl_instance *instance;
    enum pawl_err err = pawl__command_need(shard, id, &instance, error);
    if (err) return err;
    if (instance->exists && enforce_unique)
        return pawl__fail(error, PAWL_E_EXISTS,
                          "a workflow with ID '%s' already exists and the create enforces instance "
                          "ID uniqueness",
                          instance->id);
    if (instance->exists && !pawl__instance_completed(instance))
        return pawl__fail(error, PAWL_E_EXISTS, "an active workflow with ID '%s' already exists",
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
