#include "runtime/dispatch.h"

#include <stdlib.h>

#include "base/clock.h"

static const char *const dispatch_scope = "dapr.wfengine.durabletask.backend";

static struct pawl_str dispatch_key(char *out, struct pawl_str id, int32_t task_id) {
    memcpy(out, id.data, id.len);
    memcpy(out + id.len, &task_id, sizeof task_id);
    return (struct pawl_str){out, id.len + sizeof task_id};
}

static struct pawl_item *dispatch_find(struct pawl_dispatch *dispatch, struct pawl_residency *home,
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

// --- giving out ----------------------------------------------------------------------------------

static struct pawl_str dispatch_name_of(const struct pawl_instance *instance, int32_t task_id) {
    if (task_id == PAWL_ITEM_TURN) return pawl__str(instance->name);
    return pawl__shard_activity_name(instance, task_id);
}

// The name of what |work| asks for; empty when nobody looks at it.
static struct pawl_str dispatch_name(const struct pawl_dispatch *dispatch,
                                     const struct pawl_work *work, bool turn) {
    if (!dispatch->choosy_count && !dispatch->ceilings) return PAWL_STR("");
    return dispatch_name_of(work->effect.instance, turn ? PAWL_ITEM_TURN : work->effect.task_id);
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

static struct pawl_item *dispatch_item_create(struct pawl_dispatch *dispatch,
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
    pawl__link_init(&item->link);
    pawl__list_add(&worker->items, &item->link);
    bool turn = task_id == PAWL_ITEM_TURN;
    item->ceiling = NULL;
    item->heard = false;
    if (dispatch->ceilings)
        item->ceiling =
            pawl__ceilings_find(dispatch->ceilings, turn, dispatch_name_of(instance, task_id));
    dispatch_count(dispatch, item, true);
    if (worker->remote) {
        worker->credit[turn]--;
        worker->both--;
    }
    return item;
}

// The turn is offered again in a second.
static void dispatch_postpone(struct pawl_dispatch *dispatch, struct pawl_residency *home,
                              struct pawl_instance *instance) {
    const struct pawl_work work = {{PAWL_EFFECT_TURN, .instance = instance}, home};
    if (pawl__queue_push(&dispatch->parked_turns, work))
        pawl__instance_ref(instance);
    else
        pawl__residency_fail_nomem(home);
}

// Whether the turn fits a message; if not, the instance stalls with the reference's text.
static bool dispatch_fits(struct pawl_dispatch *dispatch, struct pawl_residency *home,
                          struct pawl_instance *instance) {
    size_t size = pawl__shard_turn_size(instance), max = dispatch->options->max_message;
    if (size <= max / 100 * 95) return true;
    if (pawl__shard_is_full(&home->shard)) { // which has no room for the stall
        dispatch_postpone(dispatch, home, instance);
        return false;
    }
    char text[256];
    snprintf(text, sizeof text,
             "Workflow payload size %zu bytes exceeds 95%% of max gRPC body size %zu bytes; "
             "increase daprd --max-body-size and restart to resume",
             size, max);
    struct pawl_error error;
    if (pawl__shard_stall(&home->shard, pawl__residency_stamp(home), instance,
                          PB__STALLED_REASON__PAYLOAD_SIZE_EXCEEDED, text, &error))
        pawl__residency_fail(home, &error);
    pawl__dispatch_hold(dispatch, home, instance);
    home->host->settle(home);
    return false;
}

static void dispatch_deliver(struct pawl_dispatch *dispatch, struct pawl_worker *worker,
                             struct pawl_item *item, struct pawl_buf *bytes, bool ok) {
    struct pawl_residency *home = item->home;
    struct pawl_instance *instance = item->instance; // which the caller holds
    int32_t task_id = item->task_id;
    uint64_t number = item->number;
    if (!ok) {
        pawl__dispatch_return(dispatch, item);
        pawl__residency_fail_nomem(home);
        return;
    }
    if (worker->deliver(worker, pawl__buf_str(bytes))) return;
    item = dispatch_find(dispatch, home, pawl__instance_id(instance), task_id);
    if (!item || item->number != number) return; // the worker was detached, and its item returned
    worker->paused = true;                       // it will be detached, or says when it is ready
    pawl__dispatch_return(dispatch, item);
}

// Tells the observer, if it wants to know, of a work item.
static void dispatch_tell(const struct pawl_dispatch *dispatch,
                          const struct pawl_instance *instance, int32_t task_id,
                          const struct pawl_buf *bytes) {
    struct pawl_observer *observer = dispatch->options->observer;
    if (observer && observer->given) observer->given(observer, instance, task_id, bytes->len);
}

static void dispatch_turn(struct pawl_dispatch *dispatch, struct pawl_worker *worker,
                          struct pawl_residency *home, struct pawl_instance *instance) {
    if (!pawl__shard_turn_ready(instance, pawl__clock_wall()) || !instance->linked) return;
    if (!dispatch_fits(dispatch, home, instance)) return;
    struct pawl_item *item = dispatch_item_create(dispatch, worker, home, instance, PAWL_ITEM_TURN);
    if (!item) {
        pawl__residency_fail_nomem(home);
        return;
    }
    struct pawl_buf *bytes = &dispatch->item_bytes;
    pawl__buf_clear(bytes);
    const struct pawl_turn_to to = {
        .token = pawl__str(item->token),
        .keeper = worker->keeps_history ? worker->number : 0,
        .plain = worker->dialect != PAWL_DIALECT_DAPR,
    };
    dispatch->meters.turns++;
    dispatch->meters.whole += !to.keeper || instance->kept_by != to.keeper;
    bool ok =
        pawl__shard_begin_turn(&home->shard, instance, pawl__residency_stamp(home), &to, bytes);
    dispatch_tell(dispatch, instance, PAWL_ITEM_TURN, bytes);
    dispatch_deliver(dispatch, worker, item, bytes, ok);
}

static void dispatch_activity(struct pawl_dispatch *dispatch, struct pawl_worker *worker,
                              struct pawl_residency *home, const struct pawl_effect *effect) {
    struct pawl_instance *instance = effect->instance;
    int32_t task_id = effect->task_id;
    // In a later generation the same id is another task, of which the log may not tell yet.
    if (effect->generation != instance->generation || !instance->linked) return;
    const struct pawl_pending *pending = pawl__pending_find(&instance->pending, task_id);
    if (!pending || pending->kind != PAWL_PENDING_TASK) return;
    struct pawl_item *old = dispatch_find(dispatch, home, pawl__instance_id(instance), task_id);
    if (old && old->generation == instance->generation) return; // it is with a worker
    struct pawl_item *item = dispatch_item_create(dispatch, worker, home, instance, task_id);
    if (!item) {
        pawl__residency_fail_nomem(home);
        return;
    }
    struct pawl_buf *bytes = &dispatch->item_bytes;
    pawl__buf_clear(bytes);
    bool ok =
        pawl__shard_activity_item(&home->shard, instance, task_id, pawl__str(item->token), bytes);
    dispatch->meters.activities++;
    dispatch_tell(dispatch, instance, task_id, bytes);
    dispatch_deliver(dispatch, worker, item, bytes, ok);
}

// Takes over |work|'s reference.
static void dispatch_hand(struct pawl_dispatch *dispatch, bool turn, struct pawl_worker *worker,
                          struct pawl_work work) {
    struct pawl_queue *parked = turn ? &dispatch->parked_turns : &dispatch->parked_activities;
    if (pawl__residency_has_slept(work.home) && pawl__queue_push(parked, work)) return;
    if (!pawl__residency_serves(work.home)) {
        // Its shard is being dropped, with all that is outstanding.
    } else if (turn) {
        dispatch_turn(dispatch, worker, work.home, work.effect.instance);
    } else {
        dispatch_activity(dispatch, worker, work.home, &work.effect);
    }
    pawl__instance_unref(work.effect.instance);
}

static uint64_t dispatch_keeper(const struct pawl_work *work, bool turn) {
    return turn ? work->effect.instance->kept_by : 0;
}

// Whether a worker has room, and the app's ceilings have.
static bool dispatch_may_give(const struct pawl_dispatch *dispatch, bool turn) {
    return pawl__dispatch_is_open(dispatch, turn) && pawl__choose_any(dispatch, turn);
}

// Gives out what has waited for its ceiling, or for a worker of its name to have room.
static void dispatch_give_waiting(struct pawl_dispatch *dispatch, bool turn) {
    struct pawl_waiting *waiting = turn ? &dispatch->waiting_turns : &dispatch->waiting_activities;
    struct pawl_queue *parked = turn ? &dispatch->parked_turns : &dispatch->parked_activities;
    for (struct pawl_link *link = waiting->names.next, *next; link != &waiting->names;
         link = next) {
        struct pawl_waiting_name *name = PAWL_CONTAINER(link, struct pawl_waiting_name, link);
        next = link->next;
        const struct pawl_ceiling *ceiling = pawl__dispatch_ceiling(dispatch, turn, name->name);
        while (name->queue.len && pawl__ceiling_is_open(ceiling) &&
               dispatch_may_give(dispatch, turn)) {
            bool park;
            struct pawl_worker *worker =
                pawl__choose(dispatch, turn, name->name,
                             dispatch_keeper(pawl__queue_first(&name->queue), turn), &park);
            if (park) pawl__queue_move(parked, &name->queue); // without memory they wait on
            if (!worker) break;
            dispatch_hand(dispatch, turn, worker, pawl__queue_pop(&name->queue));
        }
        pawl__waiting_tidy(waiting, name);
    }
}

// Gives out what is in the queue of turns or of activities, each to a worker that can take it. When
// all workers for a name are busy, or its ceiling is reached, work of that name waits, in its
// order.
static void dispatch_give(struct pawl_dispatch *dispatch, bool turn) {
    struct pawl_queue *queue = turn ? &dispatch->turns : &dispatch->activities;
    struct pawl_queue *parked = turn ? &dispatch->parked_turns : &dispatch->parked_activities;
    struct pawl_waiting *waiting = turn ? &dispatch->waiting_turns : &dispatch->waiting_activities;
    dispatch_give_waiting(dispatch, turn);
    while (queue->len && dispatch_may_give(dispatch, turn)) {
        struct pawl_work work = pawl__queue_pop(queue);
        struct pawl_str name = dispatch_name(dispatch, &work, turn);
        struct pawl_worker *worker = NULL;
        bool park = false;
        if (!pawl__waiting_find(waiting, name) &&
            pawl__ceiling_is_open(pawl__dispatch_ceiling(dispatch, turn, name)))
            worker = pawl__choose(dispatch, turn, name, dispatch_keeper(&work, turn), &park);
        if (worker) {
            dispatch_hand(dispatch, turn, worker, work);
        } else if (!(park ? pawl__queue_push(parked, work)
                          : pawl__waiting_add(waiting, name, work))) {
            pawl__instance_unref(work.effect.instance);
            pawl__residency_fail_nomem(work.home);
        }
    }
}

// Workers have come or gone: what waits may have others now, or none.
static void dispatch_regroup(struct pawl_dispatch *dispatch) {
    bool all = pawl__waiting_move(&dispatch->waiting_turns, &dispatch->turns) &&
               pawl__waiting_move(&dispatch->waiting_activities, &dispatch->activities);
    dispatch->regroup = !all; // for want of memory; it is tried again
}

// An instance of which nobody holds the turn any more may leave memory.
static void dispatch_sweep_held(struct pawl_dispatch *dispatch) {
    for (size_t left = dispatch->held.len; left; left--) {
        struct pawl_work work = pawl__queue_pop(&dispatch->held);
        if (work.effect.instance->linked && work.effect.instance->turn_held)
            pawl__queue_push(&dispatch->held, work); // there is room: one was taken out
        else
            pawl__instance_unref(work.effect.instance);
    }
}

void pawl__dispatch_unpark(struct pawl_dispatch *dispatch) {
    dispatch_sweep_held(dispatch);
    if (!dispatch->parked_turns.len && !dispatch->parked_activities.len) return;
    if (!pawl__queue_move(&dispatch->turns, &dispatch->parked_turns) ||
        !pawl__queue_move(&dispatch->activities, &dispatch->parked_activities))
        return; // for want of memory; it is tried again
    pawl__dispatch_pump(dispatch);
}

static void dispatch_pump_extras(struct pawl_dispatch *dispatch) {
    for (struct pawl_link *link = dispatch->extras.next; link != &dispatch->extras;
         link = link->next) {
        struct pawl_dispatch_extra *extra = PAWL_CONTAINER(link, struct pawl_dispatch_extra, link);
        if (extra->pump) extra->pump(extra);
    }
}

static void dispatch_settle_extras(struct pawl_dispatch *dispatch) {
    dispatch->settling = true;
    for (struct pawl_link *link = dispatch->extras.next; link != &dispatch->extras;
         link = link->next) {
        struct pawl_dispatch_extra *extra = PAWL_CONTAINER(link, struct pawl_dispatch_extra, link);
        if (extra->settled) extra->settled(extra);
    }
    dispatch->settling = false;
}

void pawl__dispatch_pump(struct pawl_dispatch *dispatch) {
    if (dispatch->pumping) { // a delivery may come back here
        dispatch->again = dispatch->settling;
        return;
    }
    dispatch->pumping = true;
    do {
        dispatch->again = false;
        if (dispatch->regroup) dispatch_regroup(dispatch);
        dispatch_give(dispatch, true);
        if (dispatch->extra_first) dispatch_pump_extras(dispatch);
        dispatch_give(dispatch, false);
        if (!dispatch->extra_first) dispatch_pump_extras(dispatch);
        dispatch->extra_first = !dispatch->extra_first;
        if (dispatch->ceilings) pawl__dispatch_note_lacking(dispatch);
        dispatch_settle_extras(dispatch);
    } while (dispatch->again);
    dispatch->pumping = false;
}

void pawl__dispatch_extend(struct pawl_dispatch *dispatch, struct pawl_dispatch_extra *extra) {
    pawl__link_init(&extra->link);
    pawl__list_add(&dispatch->extras, &extra->link);
}

// Whether work waits that one more worker could have.
static bool dispatch_waits(const struct pawl_dispatch *dispatch, bool turn) {
    const struct pawl_waiting *waiting =
        turn ? &dispatch->waiting_turns : &dispatch->waiting_activities;
    if (!pawl__dispatch_is_open(dispatch, turn)) return false;
    if ((turn ? &dispatch->turns : &dispatch->activities)->len) return true;
    for (const struct pawl_link *link = waiting->names.next; link != &waiting->names;
         link = link->next)
        if (pawl__ceiling_is_open(pawl__dispatch_ceiling(
                dispatch, turn, PAWL_CONTAINER(link, const struct pawl_waiting_name, link)->name)))
            return true;
    return false;
}

bool pawl__dispatch_waits(const struct pawl_dispatch *dispatch) {
    return dispatch->parked_turns.len || dispatch->parked_activities.len ||
           dispatch_waits(dispatch, true) || dispatch_waits(dispatch, false);
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

static void dispatch_workers_changed(struct pawl_dispatch *dispatch) {
    dispatch->workers_changed = pawl__clock_steady();
    dispatch->regroup = true;
}

void pawl__dispatch_attach(struct pawl_dispatch *dispatch, struct pawl_worker *worker) {
    pawl__link_init(&worker->link);
    pawl__link_init(&worker->items);
    worker->in_flight = worker->reserved = 0;
    worker->number = ++dispatch->last_worker;
    pawl__list_add(&dispatch->workers, &worker->link);
    *(worker->remote ? &dispatch->remote_count : &dispatch->worker_count) += 1;
    dispatch->choosy_count += worker->serves != NULL;
    dispatch->had_silent = dispatch->had_silent || (!worker->serves && !worker->remote);
    dispatch_workers_changed(dispatch);
    dispatch_offer_held(dispatch);
    pawl__dispatch_unpark(dispatch);
    pawl__dispatch_pump(dispatch);
}

void pawl__dispatch_detach(struct pawl_dispatch *dispatch, struct pawl_worker *worker) {
    pawl__list_remove(&worker->link);
    *(worker->remote ? &dispatch->remote_count : &dispatch->worker_count) -= 1;
    dispatch->choosy_count -= worker->serves != NULL;
    dispatch_workers_changed(dispatch);
    struct pawl_link items;
    pawl__link_init(&items);
    pawl__list_move(&items, &worker->items);
    while (!pawl__list_empty(&items))
        pawl__dispatch_return(dispatch, PAWL_CONTAINER(items.next, struct pawl_item, link));
    pawl__dispatch_departed_lost(dispatch, worker);
    for (struct pawl_link *link = dispatch->extras.next; link != &dispatch->extras;
         link = link->next) {
        struct pawl_dispatch_extra *extra = PAWL_CONTAINER(link, struct pawl_dispatch_extra, link);
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
    for (struct pawl_link *link = dispatch->workers.next; link != &dispatch->workers;
         link = link->next) {
        struct pawl_worker *worker = PAWL_CONTAINER(link, struct pawl_worker, link);
        for (struct pawl_link *at = worker->items.next, *next; at != &worker->items; at = next) {
            struct pawl_item *item = PAWL_CONTAINER(at, struct pawl_item, link);
            next = at->next;
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
}

// --- answers -------------------------------------------------------------------------------------

struct pawl_item *pawl__dispatch_match(struct pawl_dispatch *dispatch, struct pawl_residency *home,
                                       struct pawl_str id, int32_t task_id, const char *token) {
    struct pawl_item *item = dispatch_find(dispatch, home, id, task_id);
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
