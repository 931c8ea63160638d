// What a dispatch has to give, and the items that workers have in hand.

#include "runtime/dispatch.h"

#include <stdlib.h>

#include "base/clock.h"

static const char *const items_scope = "dapr.wfengine.durabletask.backend";

// --- what is ready, and what is held
// --------------------------------------------------------------

void pawl__dispatch_add(struct pawl_dispatch *dispatch, struct pawl_residency *home,
                        struct pawl_effect effect) {
    bool turn = effect.type == PAWL_EFFECT_TURN;
    struct pawl_queue *queue = turn ? &dispatch->turns : &dispatch->activities;
    if (pawl__queue_push(queue, (struct pawl_work){effect, home})) return;
    pawl__instance_unref(effect.instance);
    pawl__residency_fail_nomem(home);
}

void pawl__dispatch_hold(struct pawl_dispatch *dispatch, struct pawl_residency *home,
                         struct pawl_instance *instance) {
    if (!instance->turn_held) return;
    struct pawl_effect effect = {PAWL_EFFECT_TURN, 0, pawl__instance_ref(instance),
                                 instance->generation};
    if (pawl__queue_push(&dispatch->held, (struct pawl_work){effect, home})) return;
    pawl__instance_unref(instance);
    pawl__residency_fail_nomem(home);
}

// --- items ---------------------------------------------------------------------------------------

static struct pawl_str items_key(char *out, struct pawl_str id, int32_t task_id) {
    memcpy(out, id.data, id.len);
    memcpy(out + id.len, &task_id, sizeof task_id);
    return (struct pawl_str){out, id.len + sizeof task_id};
}

struct pawl_item *pawl__dispatch_find(struct pawl_dispatch *dispatch, struct pawl_residency *home,
                                      struct pawl_str id, int32_t task_id) {
    struct pawl_buf *scratch = &dispatch->key_bytes;
    pawl__buf_clear(scratch);
    char *key = (char *)pawl__buf_reserve(scratch, id.len + sizeof task_id);
    if (key) return pawl__map_get(&dispatch->items, items_key(key, id, task_id));
    if (home) pawl__residency_fail_nomem(home);
    return NULL;
}

struct pawl_str pawl__dispatch_name_of(const struct pawl_instance *instance, int32_t task_id) {
    if (task_id == PAWL_ITEM_TURN) return pawl__str(instance->name);
    return pawl__shard_activity_name(instance, task_id);
}

// Tokens end with it that went to a worker of that dialect, so that the answer says so itself.
static const char items_microsoft = '~';

bool pawl__token_is_microsoft(struct pawl_str token) {
    return token.len && token.data[token.len - 1] == items_microsoft;
}

static void items_name_token(const struct pawl_dispatch *dispatch, struct pawl_item *item) {
    size_t len = strlen(dispatch->token_prefix);
    memcpy(item->token, dispatch->token_prefix, len);
    pawl__str_hex(item->token + len, item->number, 12);
    len += 12;
    if (item->worker->dialect == PAWL_DIALECT_MICROSOFT) item->token[len++] = items_microsoft;
    item->token[len] = 0;
}

static void items_count(struct pawl_dispatch *dispatch, const struct pawl_item *item, bool given) {
    struct pawl_worker *worker = item->worker;
    bool turn = item->task_id == PAWL_ITEM_TURN;
    size_t *out = worker->remote ? &dispatch->lent : &dispatch->out[turn];
    *out += given ? 1 : (size_t)-1;
    worker->in_flight += given ? 1 : (size_t)-1;
    if (dispatch->ceilings) pawl__ceilings_count(dispatch->ceilings, turn, item->ceiling, given);
}

struct pawl_item *pawl__dispatch_item_create(struct pawl_dispatch *dispatch,
                                             struct pawl_worker *worker,
                                             struct pawl_residency *home,
                                             struct pawl_instance *instance, int32_t task_id) {
    struct pawl_item *item = malloc(sizeof *item + instance->id_len + sizeof task_id);
    if (!item) return NULL;
    item->worker = worker;
    item->home = home;
    item->instance = instance;
    item->generation = instance->generation;
    item->task_id = task_id;
    item->number = ++dispatch->next_token;
    item->began = pawl__clock_steady();
    items_name_token(dispatch, item);
    // An older item under this key is of an earlier generation; its worker may answer, but nobody
    // waits for it.
    struct pawl_str key = items_key(item->key, pawl__instance_id(instance), task_id);
    item->key_len = key.len;
    void *old;
    if (!pawl__map_exchange(&dispatch->items, key, item, &old)) {
        free(item);
        return NULL;
    }
    if (old) pawl__dispatch_depart(dispatch, old);
    pawl__instance_ref(instance);
    pawl__list_add(&worker->items, &item->link);
    bool turn = task_id == PAWL_ITEM_TURN;
    item->ceiling = NULL;
    item->heard = false;
    if (dispatch->ceilings)
        item->ceiling = pawl__ceilings_find(dispatch->ceilings, turn,
                                            pawl__dispatch_name_of(instance, task_id));
    items_count(dispatch, item, true);
    if (worker->remote) {
        worker->credit[turn]--;
        worker->both--;
    }
    return item;
}

static void items_free(struct pawl_dispatch *dispatch, struct pawl_item *item) {
    items_count(dispatch, item, false);
    pawl__list_remove(&item->link);
    pawl__instance_unref(item->instance);
    free(item);
}

void pawl__dispatch_answered(struct pawl_dispatch *dispatch, struct pawl_item *item) {
    pawl__map_remove(&dispatch->items, (struct pawl_str){item->key, item->key_len});
    items_free(dispatch, item);
}

void pawl__dispatch_return(struct pawl_dispatch *dispatch, struct pawl_item *item) {
    bool turn = item->task_id == PAWL_ITEM_TURN;
    struct pawl_residency *home = item->home;
    struct pawl_effect effect = {turn ? PAWL_EFFECT_TURN : PAWL_EFFECT_ACTIVITY, item->task_id,
                                 pawl__instance_ref(item->instance), item->generation};
    if (turn) pawl__shard_turn_lost(item->instance);
    *(turn ? &dispatch->meters.lost_turns : &dispatch->meters.lost_activities) += 1;
    pawl__dispatch_answered(dispatch, item);
    pawl__dispatch_add(dispatch, home, effect);
}

struct pawl_item *pawl__dispatch_match(struct pawl_dispatch *dispatch, struct pawl_residency *home,
                                       struct pawl_str id, int32_t task_id, const char *token) {
    struct pawl_item *item = pawl__dispatch_find(dispatch, home, id, task_id);
    if (item && *token && strcmp(token, item->token) != 0) item = NULL;
    if (!item)
        pawl__log(dispatch->log, PAWL_LOG_DEBUG, items_scope,
                  "Ignoring complete task which no longer exists: %.*s", PAWL_FMT(id));
    return item;
}

// --- what has departed ---------------------------------------------------------------------------

void pawl__dispatch_depart(struct pawl_dispatch *dispatch, struct pawl_item *item) {
    bool turn = item->task_id == PAWL_ITEM_TURN;
    const struct pawl_ceilings *ceilings = dispatch->ceilings;
    if (!ceilings || item->heard || (!item->ceiling && !ceilings->all[turn])) {
        items_free(dispatch, item);
        return;
    }
    pawl__list_remove(&item->link);
    pawl__list_add(&dispatch->departed, &item->link);
    pawl__instance_unref(item->instance); // which may be of a state that is dropped
    item->instance = NULL;
    item->home = NULL;
}

static struct pawl_item *items_departed(const struct pawl_dispatch *dispatch, struct pawl_str id,
                                        int32_t task_id, const char *token) {
    PAWL_LIST_EACH(struct pawl_item, item, &dispatch->departed, link) {
        struct pawl_str own = {item->key, item->key_len - sizeof item->task_id};
        if (item->task_id == task_id && pawl__str_equal(own, id) &&
            (!*token || strcmp(token, item->token) == 0))
            return item;
    }
    return NULL;
}

bool pawl__dispatch_has_departed(const struct pawl_dispatch *dispatch, struct pawl_str id,
                                 int32_t task_id, const char *token) {
    const struct pawl_item *item = items_departed(dispatch, id, task_id, token);
    return item && !item->worker->remote;
}

bool pawl__dispatch_note_answered(struct pawl_dispatch *dispatch, struct pawl_str id,
                                  int32_t task_id, const char *token) {
    if (!dispatch->ceilings) return false;
    struct pawl_item *held = pawl__dispatch_find(dispatch, NULL, id, task_id);
    if (held && (!*token || strcmp(token, held->token) == 0)) {
        held->heard = true;
        return false;
    }
    struct pawl_item *item = items_departed(dispatch, id, task_id, token);
    if (!item) return false;
    items_free(dispatch, item);
    return true;
}

void pawl__dispatch_departed_lost(struct pawl_dispatch *dispatch,
                                  const struct pawl_worker *worker) {
    PAWL_LIST_EACH_SAFE(struct pawl_item, item, &dispatch->departed, link) {
        if (!worker || item->worker == worker) items_free(dispatch, item);
    }
}
