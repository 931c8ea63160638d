#include "engine/command.h"
#include "engine/record.h"

// Removing instances. A purge of a workflow may take its descendants along, and nothing but them:
// what an instance asked for under an id that was taken, or of another app, is none.

enum {
    PURGE_DEPTH = 64,   // children of children; deeper ones have to be purged by themselves
    PURGE_MOST = 100000 // at once
};

struct purge {
    struct pawl_shard *shard;
    bool recursive, force;
    struct pawl_instance **all; // children first
    size_t count, most;
    struct pawl_error *error;
};

static enum pawl_err purge_collect(struct purge *purge, struct pawl_instance *instance, int depth);

// Goes on to the child that |created|, an event of |parent|, stands for.
static enum pawl_err purge_collect_child(struct purge *purge, const struct pawl_instance *parent,
                                         const Pb__HistoryEvent *created, int depth) {
    struct pawl_shard *shard = purge->shard;
    struct pawl_str id = pawl__str(created->childworkflowinstancecreated->instanceid);
    if (pawl__is_elsewhere(created, shard->app_id) || !pawl__shard_has(shard, id)) return PAWL_OK;
    struct pawl_instance *child;
    enum pawl_err err = pawl__command_need(shard, id, &child, purge->error);
    if (err || !child->exists) return err;
    const Pb__ExecutionStartedEvent *start = pawl__instance_start(child, &shard->arena);
    if (!start) return pawl__fail_plain(purge->error, PAWL_E_NOMEM);
    if (!pawl__is_child(start, parent->id, created->eventid)) return PAWL_OK;
    return purge_collect(purge, child, depth + 1);
}

static enum pawl_err purge_check(const struct purge *purge, const struct pawl_instance *instance) {
    if (purge->force || pawl__instance_completed(instance)) return PAWL_OK;
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
    size_t at = 0;
    while (purge->recursive && depth < PURGE_DEPTH &&
           pawl__history_next(pawl__buf_str(&instance->history.bytes), &at, &view)) {
        if (pawl__event_type(view.bytes) !=
            PB__HISTORY_EVENT__EVENT_TYPE_CHILD_WORKFLOW_INSTANCE_CREATED)
            continue;
        const Pb__HistoryEvent *created =
            pawl__history_at(&instance->history, view.offset, &shard->arena);
        if (!created) return pawl__fail_plain(purge->error, PAWL_E_NOMEM);
        if ((err = purge_collect_child(purge, instance, created, depth))) return err;
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

enum pawl_err pawl__shard_purge(struct pawl_shard *shard, struct pawl_str id, bool recursive,
                                bool force, uint32_t *count, struct pawl_error *error) {
    pawl__arena_reset(&shard->arena);
    struct purge purge = {
        .shard = shard,
        .recursive = recursive,
        .force = force,
        .most = recursive ? PURGE_MOST : 1,
        .error = error,
    };
    struct pawl_instance *instance;
    enum pawl_err err = pawl__command_need(shard, id, &instance, error);
    if (err) return err;
    if (!instance->exists) return pawl__fail(error, PAWL_E_NOT_FOUND, "no such instance exists");
    purge.all = pawl__arena_alloc(&shard->arena, purge.most * sizeof(void *));
    if (!purge.all) return pawl__fail_plain(error, PAWL_E_NOMEM);
    shard->marks++;
    err = purge_collect(&purge, instance, 0);
    if (err || (err = purge_reserve(&purge))) return err;
    for (size_t i = 0; i < purge.count; i++) {
        pawl__apply_purge(purge.all[i]);
        pawl__record_purge(shard, purge.all[i]);
        pawl__shard_retime(shard, purge.all[i]);
        pawl__shard_emit(shard, PAWL_EFFECT_PURGED, purge.all[i], 0);
    }
    *count = (uint32_t)purge.count;
    return PAWL_OK;
}
