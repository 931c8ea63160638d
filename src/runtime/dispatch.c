#include "runtime/dispatch.h"

#include <stdlib.h>

#include "base/clock.h"

static const char *const dispatch_scope = "dapr.wfengine.durabletask.backend";

static struct pawl_str dispatch_key(char *out, struct pawl_str id, int32_t task_id) {
    memcpy(out, id.data, id.len);
    memcpy(out + id.len, &task_id, sizeof task_id);
    return (struct pawl_str){out, id.len + sizeof task_id};
}

struct pawl_item *pawl__dispatch_find(struct pawl_dispatch *dispatch, struct pawl_residency *home,
                                      struct pawl_str id, int32_t task_id) {
    struct pawl_buf *scratch = &dispatch->key_bytes;
    pawl__buf_clear(scratch);
    char *key = (char *)pawl__buf_reserve(scratch, id.len + sizeof task_id);
    if (key) return pawl__map_get(&dispatch->items, dispatch_key(key, id, task_id));
    pawl__residency_fail_nomem(home);
    return NULL;
}

static void dispatch_count(struct pawl_dispatch *dispatch, const struct pawl_item *item,
                           bool given) {
    struct pawl_worker *worker = item->worker;
    bool turn = item->task_id == PAWL_ITEM_TURN;
    size_t *out = worker->remote ? &dispatch->lent : &dispatch->out[turn];
    *out += given ? 1 : (size_t)-1;
    worker->in_flight += given ? 1 : (size_t)-1;
    if (dispatch->ceilings) pawl__ceilings_count(dispatch->ceilings, turn, item->ceiling, given);
}

void pawl__dispatch_free_item(struct pawl_dispatch *dispatch, struct pawl_item *item) {
    dispatch_count(dispatch, item, false);
    pawl__list_remove(&item->link);
    pawl__instance_unref(item->instance);
    free(item);
}

void pawl__dispatch_answered(struct pawl_dispatch *dispatch, struct pawl_item *item) {
    pawl__map_remove(&dispatch->items, (struct pawl_str){item->key, item->key_len});
    pawl__dispatch_free_item(dispatch, item);
}

void pawl__dispatch_add(struct pawl_dispatch *dispatch, struct pawl_residency *home,
                        struct pawl_effect effect) {
    bool turn = effect.type == PAWL_EFFECT_TURN;
    struct pawl_queue *queue = turn ? &dispatch->turns : &dispatch->activities;
    if (pawl__queue_push(queue, (struct pawl_work){effect, home})) return;
    pawl__instance_unref(effect.instance);
    pawl__residency_fail_nomem(home);
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

struct pawl_str pawl__dispatch_name_of(const struct pawl_instance *instance, int32_t task_id) {
    if (task_id == PAWL_ITEM_TURN) return pawl__str(instance->name);
    return pawl__shard_activity_name(instance, task_id);
}

// Tokens end with it that went to a worker of that dialect, so that the answer says so itself.
static const char dispatch_microsoft = '~';

bool pawl__token_is_microsoft(struct pawl_str token) {
    return token.len && token.data[token.len - 1] == dispatch_microsoft;
}

static void dispatch_name_token(const struct pawl_dispatch *dispatch, struct pawl_item *item) {
    size_t len = strlen(dispatch->token_prefix);
    memcpy(item->token, dispatch->token_prefix, len);
    pawl__str_hex(item->token + len, item->number, 12);
    len += 12;
    if (item->worker->dialect == PAWL_DIALECT_MICROSOFT) item->token[len++] = dispatch_microsoft;
    item->token[len] = 0;
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
    dispatch_name_token(dispatch, item);
    // An older item under this key is of an earlier generation; its worker may answer, but nobody
    // waits for it.
    struct pawl_str key = dispatch_key(item->key, pawl__instance_id(instance), task_id);
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
    dispatch_count(dispatch, item, true);
    if (worker->remote) {
        worker->credit[turn]--;
        worker->both--;
    }
    return item;
}

struct pawl_item *pawl__dispatch_peek(struct pawl_dispatch *dispatch, struct pawl_str id,
                                      int32_t task_id) {
    struct pawl_buf *scratch = &dispatch->key_bytes;
    pawl__buf_clear(scratch);
    char *key = (char *)pawl__buf_reserve(scratch, id.len + sizeof task_id);
    return key ? pawl__map_get(&dispatch->items, dispatch_key(key, id, task_id)) : NULL;
}

// --- workers -------------------------------------------------------------------------------------

// Turns that were held because a worker could not go on: one that comes may have the right code.
static void dispatch_offer_held(struct pawl_dispatch *dispatch) {
    while (dispatch->held.len) {
        struct pawl_work work = pawl__queue_pop(&dispatch->held);
        if (work.effect.instance->turn_held) {
            work.effect.instance->turn_held = false;
            pawl__dispatch_add(dispatch, work.home, work.effect);
        } else {
            pawl__instance_unref(work.effect.instance);
        }
    }
}

static void dispatch_note_limit(struct pawl_dispatch *dispatch, size_t takes) {
    if (takes > dispatch->message) dispatch->most_count = 0;
    if (takes < dispatch->least) dispatch->least_count = 0;
    if (!dispatch->most_count) dispatch->message = takes;
    if (!dispatch->least_count) dispatch->least = takes;
    dispatch->most_count += takes == dispatch->message;
    dispatch->least_count += takes == dispatch->least;
}

static void dispatch_measure(struct pawl_dispatch *dispatch) {
    dispatch->most_count = dispatch->least_count = 0;
    if (dispatch->others_message) dispatch_note_limit(dispatch, dispatch->others_message);
    PAWL_LIST_EACH(const struct pawl_worker, worker, &dispatch->workers, link)
        dispatch_note_limit(dispatch, worker->message);
    if (!dispatch->most_count) dispatch->message = dispatch->least = dispatch->options->max_message;
}

// |worker| has gone. Most have the same limit: all are looked at only when the last of those with
// the least or the largest is gone.
static void dispatch_forget_limit(struct pawl_dispatch *dispatch,
                                  const struct pawl_worker *worker) {
    bool last = worker->message == dispatch->message && !--dispatch->most_count;
    last = (worker->message == dispatch->least && !--dispatch->least_count) || last;
    if (last) dispatch_measure(dispatch);
}

static void dispatch_workers_changed(struct pawl_dispatch *dispatch) {
    dispatch->workers_changed = pawl__clock_steady();
    dispatch->regroup = true;
}

void pawl__dispatch_others(struct pawl_dispatch *dispatch, size_t message) {
    bool more = message > dispatch->others_message;
    if (message == dispatch->others_message) return;
    dispatch->others_message = message;
    dispatch->regroup = true;
    dispatch_measure(dispatch);
    if (!more) return;
    dispatch_offer_held(dispatch);
    pawl__dispatch_pump(dispatch);
}

void pawl__dispatch_attach(struct pawl_dispatch *dispatch, struct pawl_worker *worker) {
    pawl__link_init(&worker->link);
    pawl__link_init(&worker->items);
    worker->in_flight = worker->reserved = 0;
    if (!worker->message) worker->message = dispatch->options->max_message;
    worker->number = ++dispatch->last_worker;
    pawl__list_add(&dispatch->workers, &worker->link);
    *(worker->remote ? &dispatch->remote_count : &dispatch->worker_count) += 1;
    dispatch->choosy_count += worker->serves != NULL;
    dispatch->had_silent = dispatch->had_silent || (!worker->serves && !worker->remote);
    dispatch_note_limit(dispatch, worker->message);
    dispatch_workers_changed(dispatch);
    dispatch_offer_held(dispatch);
    pawl__dispatch_unpark(dispatch);
    pawl__dispatch_pump(dispatch);
}

void pawl__dispatch_detach(struct pawl_dispatch *dispatch, struct pawl_worker *worker) {
    pawl__list_remove(&worker->link);
    *(worker->remote ? &dispatch->remote_count : &dispatch->worker_count) -= 1;
    dispatch->choosy_count -= worker->serves != NULL;
    dispatch_forget_limit(dispatch, worker);
    dispatch_workers_changed(dispatch);
    struct pawl_link items;
    pawl__link_init(&items);
    pawl__list_move(&items, &worker->items);
    while (!pawl__list_empty(&items))
        pawl__dispatch_return(dispatch, PAWL_CONTAINER(items.next, struct pawl_item, link));
    pawl__dispatch_departed_lost(dispatch, worker);
    PAWL_LIST_EACH(struct pawl_dispatch_extra, extra, &dispatch->extras, link) {
        if (extra->lost) extra->lost(extra, worker);
    }
    pawl__dispatch_pump(dispatch);
}

void pawl__dispatch_ready(struct pawl_dispatch *dispatch, struct pawl_worker *worker) {
    worker->paused = false;
    pawl__dispatch_pump(dispatch);
}

// --- dropping a shard ----------------------------------------------------------------------------

void pawl__dispatch_forget(struct pawl_dispatch *dispatch, const struct pawl_residency *home) {
    PAWL_LIST_EACH(struct pawl_worker, worker, &dispatch->workers, link) {
        PAWL_LIST_EACH_SAFE(struct pawl_item, item, &worker->items, link) {
            if (item->home != home) continue;
            pawl__map_remove(&dispatch->items, (struct pawl_str){item->key, item->key_len});
            pawl__dispatch_depart(dispatch, item);
        }
    }
    struct pawl_queue *queues[] = {&dispatch->turns, &dispatch->activities, &dispatch->parked_turns,
                                   &dispatch->parked_activities, &dispatch->held};
    for (size_t i = 0; i < sizeof queues / sizeof *queues; i++) pawl__queue_forget(queues[i], home);
    pawl__waiting_forget(&dispatch->waiting_turns, home);
    pawl__waiting_forget(&dispatch->waiting_activities, home);
}

void pawl__dispatch_reset(struct pawl_dispatch *dispatch) {
    // A reset may detach its worker at once, so each time the first of those not yet told is taken.
    struct pawl_link told;
    pawl__link_init(&told);
    for (struct pawl_link *link; (link = pawl__list_take(&dispatch->workers));) {
        pawl__list_add(&told, link);
        struct pawl_worker *worker = PAWL_CONTAINER(link, struct pawl_worker, link);
        worker->reset(worker);
    }
    pawl__list_move(&dispatch->workers, &told);
    dispatch_measure(dispatch);
}

// --- answers -------------------------------------------------------------------------------------

struct pawl_item *pawl__dispatch_match(struct pawl_dispatch *dispatch, struct pawl_residency *home,
                                       struct pawl_str id, int32_t task_id, const char *token) {
    struct pawl_item *item = pawl__dispatch_find(dispatch, home, id, task_id);
    if (item && *token && strcmp(token, item->token) != 0) item = NULL;
    if (!item)
        pawl__log(dispatch->log, PAWL_LOG_DEBUG, dispatch_scope,
                  "Ignoring complete task which no longer exists: %.*s", PAWL_FMT(id));
    return item;
}

// --- life ----------------------------------------------------------------------------------------

void pawl__dispatch_init(struct pawl_dispatch *dispatch, const struct pawl_node_options *options,
                         struct pawl_ceilings *ceilings) {
    *dispatch =
        (struct pawl_dispatch){.options = options, .log = options->log, .ceilings = ceilings};
    pawl__link_init(&dispatch->workers);
    pawl__link_init(&dispatch->departed);
    pawl__link_init(&dispatch->extras);
    pawl__waiting_init(&dispatch->waiting_turns);
    pawl__waiting_init(&dispatch->waiting_activities);
    dispatch_measure(dispatch);
    uint32_t nonce;
    pawl__random(&nonce, sizeof nonce);
    snprintf(dispatch->token_prefix, sizeof dispatch->token_prefix, "%08x-", nonce);
}

void pawl__dispatch_finish(struct pawl_dispatch *dispatch) {
    struct pawl_queue *queues[] = {&dispatch->turns, &dispatch->activities, &dispatch->parked_turns,
                                   &dispatch->parked_activities, &dispatch->held};
    for (size_t i = 0; i < sizeof queues / sizeof *queues; i++) pawl__queue_finish(queues[i]);
    pawl__waiting_finish(&dispatch->waiting_turns);
    pawl__waiting_finish(&dispatch->waiting_activities);
    pawl__dispatch_departed_lost(dispatch, NULL);
    pawl__map_finish(&dispatch->items);
    pawl__buf_finish(&dispatch->item_bytes);
    pawl__buf_finish(&dispatch->key_bytes);
}
