#include "engine/command.h"
#include "engine/record.h"

// Removing instances. A purge of a workflow may take its descendants along, and nothing but them:
// what an instance asked for under an id that was taken is none. Those in other apps are sent a
// message. So are those in other shards, but whoever asks for them is told of them first, to purge
// them before their parent.

enum {
    PURGE_DEPTH = 64,   // children of children; deeper ones have to be purged by themselves
    PURGE_MOST = 100000 // at once
};

struct purge {
    struct pawl_shard *shard;
    const struct pawl_purge_ask *ask;
    struct pawl_instance **all; // children first
    size_t count, most;
    struct pawl_need *missing;
    struct pawl_message *messages, **last; // to those that are elsewhere
    struct pawl_kin *kin;
    struct pawl_error *error;
};

static enum pawl_err purge_collect(struct purge *purge, struct pawl_instance *instance, int depth);

// Tells the child that |created| stands for. Its parent sends nothing after that.
static enum pawl_err purge_tell(struct purge *purge, const struct pawl_instance *parent,
                                const Pb__HistoryEvent *created, uint64_t number) {
    const char *app = pawl__event_app(created);
    struct pawl_message *message = pawl__arena_alloc(&purge->shard->arena, sizeof *message);
    if (!message) return pawl__fail_plain(purge->error, PAWL_E_NOMEM);
    *message = (struct pawl_message){
        .kind = PAWL_MESSAGE_PURGE_CHILD,
        .force = purge->ask->force,
        .task = created->eventid,
        .generation = parent->generation,
        .sequence = parent->sent + number,
        .sender = parent->id,
        .sender_app = purge->shard->app_id,
        .target = created->childworkflowinstancecreated->instanceid,
        .target_app = app ? app : purge->shard->app_id,
    };
    *purge->last = message;
    purge->last = &message->next;
    return PAWL_OK;
}

static enum pawl_err purge_note_kin(struct purge *purge, const struct pawl_instance *parent,
                                    const Pb__HistoryEvent *created) {
    struct pawl_kin *kin = pawl__arena_alloc(&purge->shard->arena, sizeof *kin);
    if (!kin) return pawl__fail_plain(purge->error, PAWL_E_NOMEM);
    *kin = (struct pawl_kin){.id = pawl__str(created->childworkflowinstancecreated->instanceid),
                             .parent = pawl__str(parent->id),
                             .task = created->eventid,
                             .next = purge->kin};
    purge->kin = kin;
    return PAWL_OK;
}

// Goes on to the child that |created|, an event of |parent|, stands for.
static enum pawl_err purge_collect_child(struct purge *purge, const struct pawl_instance *parent,
                                         const Pb__HistoryEvent *created, uint64_t *told,
                                         int depth) {
    struct pawl_shard *shard = purge->shard;
    struct pawl_str id = pawl__str(created->childworkflowinstancecreated->instanceid);
    bool far = pawl__is_elsewhere(created, shard->app_id);
    if (far && !shard->reaches_apps) return PAWL_OK;
    bool here = !far && pawl__shard_has(shard, id);
    if (!here && !far && purge->ask->asks_kin) return purge_note_kin(purge, parent, created);
    if (!here) return purge_tell(purge, parent, created, ++*told);
    struct pawl_instance *child;
    enum pawl_err err = pawl__command_need(shard, id, &child, purge->error);
    if (err == PAWL_E_NEEDED) return pawl__command_miss(shard, &purge->missing, purge->error);
    if (err || !child->exists) return err;
    const Pb__ExecutionStartedEvent *start = pawl__instance_start(child, &shard->arena);
    if (!start) return pawl__fail_plain(purge->error, PAWL_E_NOMEM);
    if (!pawl__is_child(start, shard->app_id, parent->id, created->eventid)) return PAWL_OK;
    return purge_collect(purge, child, depth + 1);
}

static enum pawl_err purge_check(const struct purge *purge, const struct pawl_instance *instance) {
    if (purge->ask->force || pawl__instance_completed(instance)) return PAWL_OK;
    if (instance->stalled)
        return pawl__fail(purge->error, PAWL_E_PRECONDITION, "workflow is stalled");
    if (pawl__instance_is_scheduled(instance) && !instance->turn_out) return PAWL_OK;
    return pawl__fail(purge->error, PAWL_E_PRECONDITION, "orchestration has not yet completed");
}

static enum pawl_err purge_collect(struct purge *purge, struct pawl_instance *instance, int depth) {
    struct pawl_shard *shard = purge->shard;
    enum pawl_err err = purge_check(purge, instance);
    if (err || instance->mark == shard->marks) return err;
    instance->mark = shard->marks;
    struct pawl_event_view view;
    uint64_t told = 0;
    size_t at = 0;
    while (purge->ask->recursive && depth < PURGE_DEPTH &&
           pawl__history_next(pawl__buf_str(&instance->history.bytes), &at, &view)) {
        if (pawl__event_type(view.bytes) !=
            PB__HISTORY_EVENT__EVENT_TYPE_CHILD_WORKFLOW_INSTANCE_CREATED)
            continue;
        const Pb__HistoryEvent *created =
            pawl__history_at(&instance->history, view.offset, &shard->arena);
        if (!created) return pawl__fail_plain(purge->error, PAWL_E_NOMEM);
        if ((err = purge_collect_child(purge, instance, created, &told, depth))) return err;
    }
    if (purge->count == purge->most)
        return pawl__fail(purge->error, PAWL_E_TOO_LARGE,
                          "more than %zu instances would be purged at once", purge->most);
    purge->all[purge->count++] = instance;
    return PAWL_OK;
}

// Room for all records and effects, so that all are purged or none.
static enum pawl_err purge_reserve(const struct purge *purge) {
    size_t len = 0;
    for (size_t i = 0; i < purge->count; i++) len += purge->all[i]->id_len + PAWL_RECORD_REST;
    enum pawl_err err = pawl__record_reserve(purge->shard, purge->all[0], len);
    if (!err && !pawl__shard_reserve(purge->shard, purge->count)) err = PAWL_E_NOMEM;
    return err ? pawl__fail_plain(purge->error, err) : PAWL_OK;
}

enum pawl_err pawl__shard_purge(struct pawl_shard *shard, struct pawl_str id,
                                const struct pawl_purge_ask *ask, uint32_t *count,
                                struct pawl_kin **kin, struct pawl_error *error) {
    pawl__arena_reset(&shard->arena);
    *count = 0;
    *kin = NULL;
    struct pawl_instance *instance;
    enum pawl_err err = pawl__command_need(shard, id, &instance, error);
    if (err) return err;
    if (!instance->exists) return pawl__fail(error, PAWL_E_NOT_FOUND, "no such instance exists");
    if (ask->parent) {
        const Pb__ExecutionStartedEvent *start = pawl__instance_start(instance, &shard->arena);
        if (!start) return pawl__fail_plain(error, PAWL_E_NOMEM);
        if (!pawl__is_child(start, shard->app_id, ask->parent, ask->task)) return PAWL_OK;
    }
    return pawl__command_purge(shard, instance, ask, count, kin, error);
}

enum pawl_err pawl__command_purge(struct pawl_shard *shard, struct pawl_instance *instance,
                                  const struct pawl_purge_ask *ask, uint32_t *count,
                                  struct pawl_kin **kin, struct pawl_error *error) {
    struct purge purge = {
        .shard = shard,
        .ask = ask,
        .most = ask->recursive ? PURGE_MOST : 1,
        .last = &purge.messages,
        .error = error,
    };
    purge.all = pawl__arena_alloc(&shard->arena, purge.most * sizeof(void *));
    if (!purge.all) return pawl__fail_plain(error, PAWL_E_NOMEM);
    shard->marks++;
    enum pawl_err err = purge_collect(&purge, instance, 0);
    if (!err) err = pawl__command_ask(shard, purge.missing, error);
    *kin = err ? NULL : purge.kin;
    if (err || *kin || (err = purge_reserve(&purge))) return err;
    for (size_t i = 0; i < purge.count; i++) {
        pawl__apply_purge(purge.all[i]);
        pawl__record_purge(shard, purge.all[i]);
        pawl__shard_place(shard, purge.all[i]);
        pawl__shard_emit(shard, PAWL_EFFECT_PURGED, purge.all[i], 0);
    }
    *count = (uint32_t)purge.count;
    for (const struct pawl_message *message = purge.messages; message && !err;
         message = message->next)
        err = pawl__command_post(shard, message);
    if (!err) return PAWL_OK;
    shard->failed = true; // they are gone, and not all of their children were told
    return pawl__fail_plain(error, err);
}
