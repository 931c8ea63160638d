#include <stdlib.h>

#include "engine/command.h"

// Whether an id may be used again (3.9 Instance ids): once its workflow has ended, none of its
// activities is out, and all that descends from it has ended. A descendant that still runs could
// tell the new run what the earlier one asked for.
//
// Descendants are those that the history names and that were really started: who else has such an
// id is none. One in another shard or app is known to have ended when its end was told; what it
// left behind itself is not known here.

// A descendant that has ended, or the workflow whose id it is about.
struct reuse_ended {
    const struct pawl_instance *instance;
    const struct reuse_ended *parent; // NULL: it is that workflow
    struct reuse_ended *next;         // to look at
};

struct reuse {
    struct pawl_shard *shard;
    const struct pawl_instance *starter;
    struct reuse_ended *ended;
    struct pawl_need *missing;
    struct pawl_error *error;
};

// "child workflow 'a': child workflow 'b': " for |last|, a descendant, and those between. Of a long
// way the middle is left out.
static void reuse_name_path(struct pawl_buf *text, const struct reuse_ended *last) {
    enum {
        SHOWN = 8 // at either end
    };
    size_t depth = 0, left;
    for (const struct reuse_ended *at = last; at->parent; at = at->parent) depth++;
    const struct reuse_ended **path = calloc(depth + 1, sizeof(void *));
    if (!path) {
        text->failed = true;
        return;
    }
    left = depth;
    for (const struct reuse_ended *at = last; at->parent; at = at->parent) path[--left] = at;
    for (size_t i = 0; i < depth; i++) {
        if (depth > 2 * SHOWN && i == SHOWN) {
            pawl__buf_format(text, "...: ");
            i = depth - SHOWN;
        }
        pawl__buf_format(text, "child workflow '%s': ", path[i]->instance->id);
    }
    free(path);
}

static enum pawl_err reuse_refuse(const struct reuse *reuse, const struct reuse_ended *parent,
                                  const char *child) {
    struct pawl_buf text = {0};
    const struct reuse_ended *root = parent;
    while (root->parent) root = root->parent;
    reuse_name_path(&text, parent);
    enum pawl_err err =
        text.failed ? pawl__fail_plain(reuse->error, PAWL_E_NOMEM)
                    : pawl__fail(reuse->error, PAWL_E_EXISTS,
                                 "cannot recreate workflow with ID '%s': %.*schild workflow '%s': "
                                 "orchestration has not yet completed",
                                 root->instance->id, (int)text.len, (char *)text.data, child);
    pawl__buf_finish(&text);
    return err;
}

static enum pawl_err reuse_add(struct reuse *reuse, const struct pawl_instance *instance,
                               const struct reuse_ended *parent) {
    struct reuse_ended *next = pawl__arena_alloc(&reuse->shard->arena, sizeof *next);
    if (!next) return pawl__fail_plain(reuse->error, PAWL_E_NOMEM);
    *next = (struct reuse_ended){instance, parent, reuse->ended};
    reuse->ended = next;
    return PAWL_OK;
}

// Looks at the child that |created|, an event of |parent|, stands for.
static enum pawl_err reuse_check_child(struct reuse *reuse, const struct reuse_ended *parent,
                                       const Pb__HistoryEvent *created) {
    struct pawl_shard *shard = reuse->shard;
    const char *id = created->childworkflowinstancecreated->instanceid;
    bool of_app = pawl__is_elsewhere(created, shard->app_id);
    if (of_app || !pawl__shard_has(shard, pawl__str(id))) {
        const struct pawl_pending *item =
            pawl__pending_find(&parent->instance->pending, created->eventid);
        if (!item || item->kind != PAWL_PENDING_CHILD) return PAWL_OK;
        shard->awaits_news = true;
        shard->awaits_app = of_app;
        return reuse_refuse(reuse, parent, id);
    }
    struct pawl_instance *child;
    enum pawl_err err = pawl__command_need(shard, pawl__str(id), &child, reuse->error);
    if (err == PAWL_E_NEEDED) return pawl__command_miss(shard, &reuse->missing, reuse->error);
    if (err || !child->exists || child->mark == shard->marks) return err;
    child->mark = shard->marks;
    const Pb__ExecutionStartedEvent *start = pawl__instance_start(child, &shard->arena);
    if (!start) return pawl__fail_plain(reuse->error, PAWL_E_NOMEM);
    if (!pawl__is_child(start, shard->app_id, parent->instance->id, created->eventid))
        return PAWL_OK;
    if (child == reuse->starter || !pawl__instance_completed(child))
        return reuse_refuse(reuse, parent, id);
    return reuse_add(reuse, child, parent);
}

// Looks at all that |parent| itself has started.
static enum pawl_err reuse_check_children(struct reuse *reuse, const struct reuse_ended *parent) {
    const struct pawl_history *history = &parent->instance->history;
    struct pawl_event_view view;
    size_t at = 0;
    while (pawl__history_next(pawl__buf_str(&history->bytes), &at, &view)) {
        if (pawl__event_type(view.bytes) !=
            PB__HISTORY_EVENT__EVENT_TYPE_CHILD_WORKFLOW_INSTANCE_CREATED)
            continue;
        const Pb__HistoryEvent *created =
            pawl__history_at(history, view.offset, &reuse->shard->arena);
        if (!created) return pawl__fail_plain(reuse->error, PAWL_E_NOMEM);
        enum pawl_err err = reuse_check_child(reuse, parent, created);
        if (err) return err;
    }
    return PAWL_OK;
}

static enum pawl_err reuse_check_activities(const struct reuse *reuse,
                                            const struct pawl_instance *instance) {
    for (uint32_t i = instance->pending.first; i < instance->pending.len; i++)
        if (instance->pending.items[i].kind == PAWL_PENDING_TASK)
            return pawl__fail(reuse->error, PAWL_E_UNKNOWN,
                              "a terminated workflow with ID '%s' is already awaiting an activity "
                              "result",
                              instance->id);
    return PAWL_OK;
}

// An app may let each workflow start the next and end: so this is no recursion, and each is looked
// at once.
enum pawl_err pawl__command_check_reuse(struct pawl_shard *shard,
                                        const struct pawl_instance *instance,
                                        const struct pawl_instance *starter,
                                        struct pawl_error *error) {
    struct reuse reuse = {.shard = shard, .starter = starter, .error = error};
    if (instance == starter || !pawl__instance_completed(instance))
        return pawl__fail(error, PAWL_E_EXISTS, "an active workflow with ID '%s' already exists",
                          instance->id);
    enum pawl_err err = reuse_check_activities(&reuse, instance);
    shard->marks++;
    if (!err) err = reuse_add(&reuse, instance, NULL);
    while (!err && reuse.ended) {
        const struct reuse_ended *next = reuse.ended;
        reuse.ended = next->next;
        err = reuse_check_children(&reuse, next);
    }
    return err ? err : pawl__command_ask(shard, reuse.missing, error);
}

enum pawl_err pawl__command_check_taken(struct pawl_shard *shard,
                                        const struct pawl_instance *target,
                                        const struct pawl_instance *sender, bool *taken,
                                        struct pawl_error *error) {
    *taken = false;
    if (!target->exists) return PAWL_OK;
    enum pawl_err err = pawl__command_check_reuse(shard, target, sender, error);
    *taken = err != PAWL_OK;
    return err == PAWL_E_EXISTS || err == PAWL_E_UNKNOWN ? PAWL_OK : err;
}

enum pawl_err pawl__command_need_taken(struct pawl_shard *shard, const struct pawl_instance *target,
                                       const struct pawl_instance *sender,
                                       struct pawl_error *error) {
    bool taken;
    enum pawl_err err = pawl__command_check_taken(shard, target, sender, &taken, error);
    if (!err) pawl__error_clear(error); // what it says is said later
    return err;
}
