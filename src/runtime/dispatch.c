#include <stdlib.h>

#include "base/clock.h"
#include "engine/events.h"
#include "runtime/internal.h"

// Work for workers: what is ready goes to a stream that has room; what a lost stream had is ready
// again.

static const char *const dispatch_scope = "dapr.wfengine.durabletask.backend";

// Something that is with a worker. Its key is the instance's id and the task's, as older SDKs
// answer without the token.
struct item {
    struct pawl_link link; // in the worker's items
    struct pawl_worker *worker;
    struct pawl_instance *instance; // a reference
    uint64_t generation;            // of the instance
    int32_t task_id;                // DISPATCH_TURN: a turn
    uint64_t number;                // of the delivery
    int64_t began;                  // steady: when it was given
    char token[32];                 // that goes to the worker
    size_t key_len;
    char key[];
};

enum {
    DISPATCH_TURN = -1
};

static struct pawl_str dispatch_key(char *out, struct pawl_str id, int32_t task_id) {
    memcpy(out, id.data, id.len);
    memcpy(out + id.len, &task_id, sizeof task_id);
    return (struct pawl_str){out, id.len + sizeof task_id};
}

static struct item *dispatch_find(struct pawl_runtime *runtime, struct pawl_str id,
                                  int32_t task_id) {
    struct pawl_buf *scratch = &runtime->key_bytes;
    pawl__buf_clear(scratch);
    char *key = (char *)pawl__buf_reserve(scratch, id.len + sizeof task_id);
    if (key) return pawl__map_get(&runtime->items, dispatch_key(key, id, task_id));
    pawl__runtime_fail(runtime, &(struct pawl_error){PAWL_E_NOMEM, "out of memory"});
    return NULL;
}

static void dispatch_free(struct pawl_runtime *runtime, struct item *item) {
    if (pawl__map_get(&runtime->items, (struct pawl_str){item->key, item->key_len}) == item)
        pawl__map_remove(&runtime->items, (struct pawl_str){item->key, item->key_len});
    if (item->task_id == DISPATCH_TURN)
        runtime->turns_out--;
    else
        runtime->activities_out--;
    item->worker->in_flight--;
    pawl__list_remove(&item->link);
    pawl__instance_unref(item->instance);
    free(item);
}

// Makes what |item| was about ready again.
static void dispatch_return(struct pawl_runtime *runtime, struct item *item) {
    bool turn = item->task_id == DISPATCH_TURN;
    struct pawl_effect effect = {turn ? PAWL_EFFECT_TURN : PAWL_EFFECT_ACTIVITY, item->task_id,
                                 pawl__instance_ref(item->instance), item->generation};
    if (turn) pawl__shard_turn_lost(item->instance);
    dispatch_free(runtime, item);
    if (!pawl__queue_push(turn ? &runtime->turns : &runtime->activities, effect)) {
        pawl__instance_unref(effect.instance);
        pawl__runtime_fail(runtime, &(struct pawl_error){PAWL_E_NOMEM, "out of memory"});
    }
}

// --- giving out ----------------------------------------------------------------------------------

static bool dispatch_has_room(const struct pawl_worker *worker) {
    return !worker->paused && (!worker->limit || worker->in_flight < worker->limit);
}

// Who may be given something: those that say that they have it; if nobody does, those that do not
// say what they have. If there is none of them either, one may be about to connect; when it does
// not, and none was ever there, anybody is given it, as an error is better than silence.
enum dispatch_who {
    DISPATCH_WHO_SAYS,
    DISPATCH_WHO_IS_SILENT,
    DISPATCH_NOBODY_YET,
    DISPATCH_ANYBODY
};

#define DISPATCH_PATIENCE (5 * PAWL_SECOND) // after workers have come or gone

static enum dispatch_who dispatch_who(const struct pawl_runtime *runtime, bool turn,
                                      struct pawl_str name) {
    if (!runtime->choosy_count) return DISPATCH_ANYBODY;
    for (struct pawl_link *link = runtime->workers.next; link != &runtime->workers;
         link = link->next) {
        const struct pawl_worker *worker = PAWL_CONTAINER(link, struct pawl_worker, link);
        if (worker->serves && worker->serves(worker, turn, name)) return DISPATCH_WHO_SAYS;
    }
    if (runtime->choosy_count < runtime->worker_count) return DISPATCH_WHO_IS_SILENT;
    bool wait =
        runtime->had_silent || pawl__clock_steady() - runtime->workers_changed < DISPATCH_PATIENCE;
    return wait ? DISPATCH_NOBODY_YET : DISPATCH_ANYBODY;
}

// The worker |keeper|, which has the history, or that with the least in hand; NULL when none has
// room, or when it has to wait for one to connect: |*park|.
static struct pawl_worker *dispatch_choose(struct pawl_runtime *runtime, bool turn,
                                           struct pawl_str name, uint64_t keeper, bool *park) {
    enum dispatch_who who = dispatch_who(runtime, turn, name);
    struct pawl_worker *best = NULL;
    *park = who == DISPATCH_NOBODY_YET;
    if (*park) return NULL;
    for (struct pawl_link *link = runtime->workers.next; link != &runtime->workers;
         link = link->next) {
        struct pawl_worker *worker = PAWL_CONTAINER(link, struct pawl_worker, link);
        if (!dispatch_has_room(worker)) continue;
        if (who == DISPATCH_WHO_SAYS && !(worker->serves && worker->serves(worker, turn, name)))
            continue;
        if (who == DISPATCH_WHO_IS_SILENT && worker->serves) continue;
        if (worker->number == keeper) return worker;
        if (!best || worker->in_flight < best->in_flight) best = worker;
    }
    return best;
}

// The name of what |effect| asks for; empty when nobody looks at it.
static struct pawl_str dispatch_name(struct pawl_runtime *runtime, const struct pawl_effect *effect,
                                     bool turn) {
    if (!runtime->choosy_count) return PAWL_STR("");
    if (turn) return pawl__str(effect->instance->name);
    return pawl__shard_activity_name(effect->instance, effect->task_id);
}

static void dispatch_name_token(const struct pawl_runtime *runtime, struct item *item) {
    size_t len = strlen(runtime->token_prefix);
    memcpy(item->token, runtime->token_prefix, len);
    pawl__str_hex(item->token + len, item->number, 12);
    item->token[len + 12] = 0;
}

static struct item *dispatch_item_create(struct pawl_runtime *runtime, struct pawl_worker *worker,
                                         struct pawl_instance *instance, int32_t task_id) {
    struct item *item = malloc(sizeof *item + instance->id_len + sizeof task_id);
    if (!item) return NULL;
    item->worker = worker;
    item->instance = instance;
    item->generation = instance->generation;
    item->task_id = task_id;
    item->number = ++runtime->next_token;
    item->began = pawl__clock_steady();
    dispatch_name_token(runtime, item);
    // An older item under this key is of an earlier generation; its worker may answer, but nobody
    // waits for it.
    struct pawl_str key = dispatch_key(item->key, pawl__instance_id(instance), task_id);
    item->key_len = key.len;
    struct item *old = pawl__map_get(&runtime->items, key);
    if (old) dispatch_free(runtime, old);
    if (!pawl__map_put(&runtime->items, key, item)) {
        free(item);
        return NULL;
    }
    pawl__instance_ref(instance);
    pawl__link_init(&item->link);
    pawl__list_add(&worker->items, &item->link);
    worker->in_flight++;
    if (task_id == DISPATCH_TURN)
        runtime->turns_out++;
    else
        runtime->activities_out++;
    return item;
}

// Whether the turn fits a message; if not, the instance stalls with the reference's text.
static bool dispatch_fits(struct pawl_runtime *runtime, struct pawl_instance *instance) {
    size_t size = pawl__shard_turn_size(instance), max = runtime->options.max_message;
    if (size <= max / 100 * 95) return true;
    char text[256];
    snprintf(text, sizeof text,
             "Workflow payload size %zu bytes exceeds 95%% of max gRPC body size %zu bytes; "
             "increase daprd --max-body-size and restart to resume",
             size, max);
    struct pawl_error error;
    if (pawl__shard_stall(&runtime->shard, pawl__runtime_stamp(runtime), instance,
                          PB__STALLED_REASON__PAYLOAD_SIZE_EXCEEDED, text, &error))
        pawl__runtime_fail(runtime, &error);
    return false;
}

static void dispatch_deliver(struct pawl_runtime *runtime, struct pawl_worker *worker,
                             struct item *item, struct pawl_buf *bytes, bool ok) {
    struct pawl_instance *instance = item->instance; // which the caller holds
    int32_t task_id = item->task_id;
    uint64_t number = item->number;
    if (!ok) {
        dispatch_return(runtime, item);
        pawl__runtime_fail(runtime, &(struct pawl_error){PAWL_E_NOMEM, "out of memory"});
        return;
    }
    if (worker->deliver(worker, pawl__buf_str(bytes))) return;
    item = dispatch_find(runtime, pawl__instance_id(instance), task_id);
    if (!item || item->number != number) return; // the worker was detached, and its item returned
    worker->paused = true;                       // it will be detached, or says when it is ready
    dispatch_return(runtime, item);
}

static void dispatch_turn(struct pawl_runtime *runtime, struct pawl_worker *worker,
                          struct pawl_instance *instance) {
    if (!pawl__shard_turn_ready(instance, pawl__clock_wall()) || !instance->linked) return;
    if (!dispatch_fits(runtime, instance)) return;
    struct item *item = dispatch_item_create(runtime, worker, instance, DISPATCH_TURN);
    if (!item) {
        pawl__runtime_fail(runtime, &(struct pawl_error){PAWL_E_NOMEM, "out of memory"});
        return;
    }
    struct pawl_buf *bytes = &runtime->item_bytes;
    pawl__buf_clear(bytes);
    bool ok = pawl__shard_begin_turn(instance, pawl__runtime_stamp(runtime), pawl__str(item->token),
                                     worker->keeps_history ? worker->number : 0, bytes);
    dispatch_deliver(runtime, worker, item, bytes, ok);
}

static void dispatch_activity(struct pawl_runtime *runtime, struct pawl_worker *worker,
                              const struct pawl_effect *effect) {
    struct pawl_instance *instance = effect->instance;
    int32_t task_id = effect->task_id;
    // In a later generation the same id is another task, of which the log may not tell yet.
    if (effect->generation != instance->generation || !instance->linked) return;
    const struct pawl_pending *pending = pawl__pending_find(&instance->pending, task_id);
    if (!pending || pending->kind != PAWL_PENDING_TASK) return;
    struct item *old = dispatch_find(runtime, pawl__instance_id(instance), task_id);
    if (old && old->generation == instance->generation) return; // it is with a worker
    struct item *item = dispatch_item_create(runtime, worker, instance, task_id);
    if (!item) {
        pawl__runtime_fail(runtime, &(struct pawl_error){PAWL_E_NOMEM, "out of memory"});
        return;
    }
    struct pawl_buf *bytes = &runtime->item_bytes;
    pawl__buf_clear(bytes);
    bool ok = pawl__shard_activity_item(instance, task_id, pawl__str(item->token), bytes);
    dispatch_deliver(runtime, worker, item, bytes, ok);
}

static bool dispatch_any_has_room(const struct pawl_runtime *runtime) {
    for (struct pawl_link *link = runtime->workers.next; link != &runtime->workers;
         link = link->next)
        if (dispatch_has_room(PAWL_CONTAINER(link, struct pawl_worker, link))) return true;
    return false;
}

// Whether something more may be given out.
static bool dispatch_may_give(const struct pawl_runtime *runtime, bool turn) {
    size_t limit = turn ? runtime->options.max_turns : runtime->options.max_activities;
    size_t out = turn ? runtime->turns_out : runtime->activities_out;
    return pawl__runtime_serves(runtime) && (!limit || out < limit) &&
           dispatch_any_has_room(runtime);
}

// Takes over |effect|'s reference.
static void dispatch_hand(struct pawl_runtime *runtime, bool turn, struct pawl_worker *worker,
                          struct pawl_effect effect) {
    if (turn)
        dispatch_turn(runtime, worker, effect.instance);
    else
        dispatch_activity(runtime, worker, &effect);
    pawl__instance_unref(effect.instance);
}

static uint64_t dispatch_keeper(const struct pawl_effect *effect, bool turn) {
    return turn ? effect->instance->kept_by : 0;
}

// Gives out what has waited for a worker of its name to have room.
static void dispatch_give_waiting(struct pawl_runtime *runtime, bool turn) {
    struct pawl_waiting *waiting = turn ? &runtime->waiting_turns : &runtime->waiting_activities;
    struct pawl_queue *parked = turn ? &runtime->parked_turns : &runtime->parked_activities;
    for (struct pawl_link *link = waiting->names.next, *next; link != &waiting->names;
         link = next) {
        struct pawl_waiting_name *name = PAWL_CONTAINER(link, struct pawl_waiting_name, link);
        next = link->next;
        while (name->queue.len && dispatch_may_give(runtime, turn)) {
            bool park;
            struct pawl_worker *worker =
                dispatch_choose(runtime, turn, name->name,
                                dispatch_keeper(pawl__queue_first(&name->queue), turn), &park);
            if (park) pawl__queue_move(parked, &name->queue); // without memory they wait on
            if (!worker) break;
            dispatch_hand(runtime, turn, worker, pawl__queue_pop(&name->queue));
        }
        pawl__waiting_tidy(waiting, name);
    }
}

// Gives out what is in the queue of turns or of activities, each to who can take it. What has
// workers, but none with room, waits, in its order.
static void dispatch_give(struct pawl_runtime *runtime, bool turn) {
    struct pawl_queue *queue = turn ? &runtime->turns : &runtime->activities;
    struct pawl_queue *parked = turn ? &runtime->parked_turns : &runtime->parked_activities;
    struct pawl_waiting *waiting = turn ? &runtime->waiting_turns : &runtime->waiting_activities;
    dispatch_give_waiting(runtime, turn);
    while (queue->len && dispatch_may_give(runtime, turn)) {
        struct pawl_effect effect = pawl__queue_pop(queue);
        struct pawl_str name = dispatch_name(runtime, &effect, turn);
        struct pawl_worker *worker = NULL;
        bool park = false;
        if (!pawl__waiting_find(waiting, name))
            worker = dispatch_choose(runtime, turn, name, dispatch_keeper(&effect, turn), &park);
        if (worker) {
            dispatch_hand(runtime, turn, worker, effect);
        } else if (!(park ? pawl__queue_push(parked, effect)
                          : pawl__waiting_add(waiting, name, effect))) {
            pawl__instance_unref(effect.instance);
            pawl__runtime_fail(runtime, &(struct pawl_error){PAWL_E_NOMEM, "out of memory"});
        }
    }
}

// Workers have come or gone: what waits may have others now, or none.
static void dispatch_regroup(struct pawl_runtime *runtime) {
    bool all = pawl__waiting_move(&runtime->waiting_turns, &runtime->turns) &&
               pawl__waiting_move(&runtime->waiting_activities, &runtime->activities);
    runtime->regroup = !all; // for want of memory; it is tried again
}

void pawl__dispatch_unpark(struct pawl_runtime *runtime) {
    if (!runtime->parked_turns.len && !runtime->parked_activities.len) return;
    if (!pawl__queue_move(&runtime->turns, &runtime->parked_turns) ||
        !pawl__queue_move(&runtime->activities, &runtime->parked_activities))
        return; // for want of memory; it is tried again
    pawl__dispatch_pump(runtime);
}

void pawl__dispatch_pump(struct pawl_runtime *runtime) {
    if (runtime->pumping) return; // a delivery may come back here
    runtime->pumping = true;
    if (runtime->regroup) dispatch_regroup(runtime);
    dispatch_give(runtime, true);
    dispatch_give(runtime, false);
    runtime->pumping = false;
    if (runtime->shard.effect_count) pawl__runtime_settle(runtime); // an instance stalled
}

// --- workers -------------------------------------------------------------------------------------

void pawl__runtime_attach(struct pawl_runtime *runtime, struct pawl_worker *worker) {
    pawl__link_init(&worker->link);
    pawl__link_init(&worker->items);
    worker->in_flight = 0;
    worker->number = ++runtime->last_worker;
    pawl__list_add(&runtime->workers, &worker->link);
    runtime->worker_count++;
    runtime->choosy_count += worker->serves != NULL;
    runtime->had_silent = runtime->had_silent || !worker->serves;
    runtime->workers_changed = pawl__clock_steady();
    runtime->regroup = true;
    if (!pawl__runtime_serves(runtime)) return;
    pawl__dispatch_unpark(runtime);
    // Turns that were held because a worker could not go on: this one may have the right code.
    size_t at = 0;
    for (struct pawl_instance *instance;
         (instance = pawl__map_next(&runtime->shard.instances, &at));) {
        if (!instance->turn_held) continue;
        instance->turn_held = false;
        struct pawl_effect effect = {PAWL_EFFECT_TURN, 0, pawl__instance_ref(instance),
                                     instance->generation};
        if (pawl__queue_push(&runtime->turns, effect)) continue;
        pawl__instance_unref(instance);
        pawl__runtime_fail(runtime, &(struct pawl_error){PAWL_E_NOMEM, "out of memory"});
    }
    pawl__runtime_settle(runtime);
}

void pawl__runtime_detach(struct pawl_runtime *runtime, struct pawl_worker *worker) {
    pawl__list_remove(&worker->link);
    runtime->worker_count--;
    runtime->choosy_count -= worker->serves != NULL;
    runtime->workers_changed = pawl__clock_steady();
    runtime->regroup = true;
    struct pawl_link items;
    pawl__link_init(&items);
    pawl__list_move(&items, &worker->items);
    while (!pawl__list_empty(&items)) {
        struct item *item = PAWL_CONTAINER(items.next, struct item, link);
        dispatch_return(runtime, item);
    }
    pawl__runtime_settle(runtime);
}

void pawl__runtime_worker_ready(struct pawl_runtime *runtime, struct pawl_worker *worker) {
    worker->paused = false;
    pawl__dispatch_pump(runtime);
}

size_t pawl__runtime_worker_count(const struct pawl_runtime *runtime) {
    return runtime->worker_count;
}

void pawl__dispatch_reset(struct pawl_runtime *runtime) {
    for (struct pawl_link *link = runtime->workers.next; link != &runtime->workers;
         link = link->next) {
        struct pawl_worker *worker = PAWL_CONTAINER(link, struct pawl_worker, link);
        while (!pawl__list_empty(&worker->items))
            dispatch_free(runtime, PAWL_CONTAINER(worker->items.next, struct item, link));
    }
    // A reset may detach its worker at once, so each time the first of those not yet told is taken.
    struct pawl_link told;
    pawl__link_init(&told);
    for (struct pawl_link *link; (link = pawl__list_take(&runtime->workers));) {
        pawl__list_add(&told, link);
        struct pawl_worker *worker = PAWL_CONTAINER(link, struct pawl_worker, link);
        worker->reset(worker);
    }
    pawl__list_move(&runtime->workers, &told);
}

// --- results -------------------------------------------------------------------------------------

// The item that a result is for; NULL when there is none, or when |token| is of another delivery.
static struct item *dispatch_match(struct pawl_runtime *runtime, struct pawl_str id,
                                   int32_t task_id, const char *token) {
    struct item *item = dispatch_find(runtime, id, task_id);
    if (item && *token && strcmp(token, item->token) != 0) item = NULL;
    if (!item)
        pawl__log(runtime->log, PAWL_LOG_DEBUG, dispatch_scope,
                  "Ignoring complete task which no longer exists: %.*s", PAWL_FMT(id));
    return item;
}

static enum pawl_err dispatch_run_turn(struct pawl_runtime *runtime, struct pawl_call *call,
                                       struct pawl_error *error) {
    const Pb__WorkflowResponse *response = call->turn;
    struct item *item = dispatch_match(runtime, call->id, DISPATCH_TURN, response->completiontoken);
    if (!item) return PAWL_OK;
    struct pawl_instance *instance = item->instance;
    runtime->turn_time += (pawl__clock_steady() - item->began - runtime->turn_time) / 8;
    struct pawl_stamp stamp = pawl__runtime_stamp(runtime);
    if (pawl__shard_turn_starts(response)) pawl__random_uuid(stamp.uuid);
    enum pawl_err err =
        pawl__shard_complete_turn(&runtime->shard, stamp, instance, response, call->bytes, error);
    if (err == PAWL_E_NEEDED || err == PAWL_E_TOO_LARGE) return err; // it may give a smaller one
    if (err == PAWL_E_INVALID) {
        pawl__log(runtime->log, PAWL_LOG_ERROR, dispatch_scope,
                  "%s: the worker's answer to a turn of '%s' cannot be applied: %s; the turn waits "
                  "until a worker connects",
                  instance->id, instance->name, error->text);
        err = PAWL_OK; // the worker cannot do anything about it
        pawl__error_clear(error);
    }
    if (err)
        dispatch_return(runtime, item); // for want of memory: it is given again
    else
        dispatch_free(runtime, item);
    return err;
}

// The turn is offered again, as its answer could not be taken.
static void dispatch_turn_again(struct pawl_runtime *runtime, struct pawl_call *call) {
    struct item *item =
        dispatch_match(runtime, call->id, DISPATCH_TURN, call->turn->completiontoken);
    if (item) dispatch_return(runtime, item);
}

void pawl__runtime_complete_turn(struct pawl_runtime *runtime, struct pawl_call *call,
                                 const Pb__WorkflowResponse *response, struct pawl_str bytes) {
    call->give_up = dispatch_turn_again;
    call->turn = response;
    call->bytes = bytes;
    call->run = dispatch_run_turn;
    pawl__calls_execute(runtime, call);
    pawl__runtime_settle(runtime);
}

static enum pawl_err dispatch_run_activity(struct pawl_runtime *runtime, struct pawl_call *call,
                                           struct pawl_error *error) {
    const Pb__ActivityResponse *response = call->activity;
    struct item *item =
        dispatch_match(runtime, call->id, response->taskid, response->completiontoken);
    if (!item) return PAWL_OK;
    enum pawl_err err = PAWL_OK;
    struct pawl_stamp stamp = pawl__runtime_stamp(runtime);
    stamp.given_at = stamp.now - (pawl__clock_steady() - item->began);
    if (item->generation == item->instance->generation)
        err = pawl__shard_complete_task(&runtime->shard, stamp, item->instance, response->taskid,
                                        response, error);
    if (err == PAWL_E_NOMEM)
        dispatch_return(runtime, item); // it is given again
    else if (!err)
        dispatch_free(runtime, item);
    return err;
}

void pawl__runtime_complete_activity(struct pawl_runtime *runtime, struct pawl_call *call,
                                     const Pb__ActivityResponse *response) {
    call->activity = response;
    call->patient = true;
    call->run = dispatch_run_activity;
    pawl__calls_execute(runtime, call);
    pawl__runtime_settle(runtime);
}
