#include <stdio.h>

#include "base/clock.h"
#include "runtime/dispatch.h"

// Gives out what is ready.

// What |work| wants of a worker; see struct pawl_want. It has no name when nobody looks at it.
static struct pawl_want give_want(const struct pawl_dispatch *dispatch,
                                  const struct pawl_work *work, bool turn) {
    struct pawl_instance *instance = work->effect.instance;
    int32_t task_id = turn ? PAWL_ITEM_TURN : work->effect.task_id;
    struct pawl_want want = {.turn = turn, .name = PAWL_STR("")};
    if (dispatch->choosy_count || dispatch->ceilings)
        want.name = pawl__dispatch_name_of(instance, task_id);
    if (turn) {
        want.keeper = instance->kept_by;
        want.message = pawl__choose_limit(dispatch, pawl__shard_turn_size(instance));
    } else if (dispatch->least != dispatch->message) {
        want.message = pawl__choose_limit(
            dispatch, pawl__shard_activity_size(&work->home->shard, instance, task_id));
    }
    return want;
}

// The turn is offered again in a second.
static void give_postpone(struct pawl_dispatch *dispatch, struct pawl_residency *home,
                          struct pawl_instance *instance) {
    const struct pawl_work work = {{PAWL_EFFECT_TURN, .instance = instance}, home};
    if (pawl__queue_push(&dispatch->parked_turns, work))
        pawl__instance_ref(instance);
    else
        pawl__residency_fail_nomem(home);
}

// The turn is too large for any worker: the instance stalls with the reference's text.
static void give_stall(struct pawl_dispatch *dispatch, const struct pawl_work *work) {
    struct pawl_residency *home = work->home;
    struct pawl_instance *instance = work->effect.instance;
    if (!pawl__shard_turn_ready(instance, pawl__clock_wall()) || !instance->linked) return;
    if (pawl__shard_is_full(&home->shard)) { // which has no room for the stall
        give_postpone(dispatch, home, instance);
        return;
    }
    char text[256];
    snprintf(text, sizeof text,
             "Workflow payload size %zu bytes exceeds 95%% of max gRPC body size %zu bytes; "
             "increase daprd --max-body-size and restart to resume",
             pawl__shard_turn_size(instance), dispatch->message);
    struct pawl_error error;
    if (pawl__shard_stall(&home->shard, pawl__residency_stamp(home), instance,
                          PB__STALLED_REASON__PAYLOAD_SIZE_EXCEEDED, text, &error))
        pawl__residency_fail(home, &error);
    pawl__dispatch_hold(dispatch, home, instance);
    home->host->settle(home);
}

static void give_deliver(struct pawl_dispatch *dispatch, struct pawl_worker *worker,
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
    item = pawl__dispatch_find(dispatch, home, pawl__instance_id(instance), task_id);
    if (!item || item->number != number) return; // the worker was detached, and its item returned
    worker->paused = true;                       // it will be detached, or says when it is ready
    pawl__dispatch_return(dispatch, item);
}

// Tells the observer, if it wants to know, of a work item.
static void give_tell(const struct pawl_dispatch *dispatch, const struct pawl_instance *instance,
                      int32_t task_id, const struct pawl_buf *bytes) {
    struct pawl_observer *observer = dispatch->options->observer;
    if (observer && observer->given) observer->given(observer, instance, task_id, bytes->len);
}

static void give_turn(struct pawl_dispatch *dispatch, struct pawl_worker *worker,
                      struct pawl_residency *home, struct pawl_instance *instance) {
    if (!pawl__shard_turn_ready(instance, pawl__clock_wall()) || !instance->linked) return;
    if (pawl__shard_turn_size(instance) > pawl__message_room(worker->message)) {
        give_postpone(dispatch, home, instance); // it has grown since it began to wait
        return;
    }
    struct pawl_item *item =
        pawl__dispatch_item_create(dispatch, worker, home, instance, PAWL_ITEM_TURN);
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
    give_tell(dispatch, instance, PAWL_ITEM_TURN, bytes);
    give_deliver(dispatch, worker, item, bytes, ok);
}

static void give_activity(struct pawl_dispatch *dispatch, struct pawl_worker *worker,
                          struct pawl_residency *home, const struct pawl_effect *effect) {
    struct pawl_instance *instance = effect->instance;
    int32_t task_id = effect->task_id;
    // In a later generation the same id is another task, of which the log may not tell yet.
    if (effect->generation != instance->generation || !instance->linked) return;
    const struct pawl_pending *pending = pawl__pending_find(&instance->pending, task_id);
    if (!pending || pending->kind != PAWL_PENDING_TASK) return;
    struct pawl_item *old =
        pawl__dispatch_find(dispatch, home, pawl__instance_id(instance), task_id);
    if (old && old->generation == instance->generation) return; // it is with a worker
    struct pawl_item *item = pawl__dispatch_item_create(dispatch, worker, home, instance, task_id);
    if (!item) {
        pawl__residency_fail_nomem(home);
        return;
    }
    struct pawl_buf *bytes = &dispatch->item_bytes;
    pawl__buf_clear(bytes);
    bool ok =
        pawl__shard_activity_item(&home->shard, instance, task_id, pawl__str(item->token), bytes);
    dispatch->meters.activities++;
    give_tell(dispatch, instance, task_id, bytes);
    give_deliver(dispatch, worker, item, bytes, ok);
}

// Takes over |work|'s reference.
static void give_hand(struct pawl_dispatch *dispatch, bool turn, struct pawl_worker *worker,
                      struct pawl_work work) {
    struct pawl_queue *parked = turn ? &dispatch->parked_turns : &dispatch->parked_activities;
    if (pawl__residency_has_slept(work.home) && pawl__queue_push(parked, work)) return;
    dispatch->leased_until = work.home->leased_until;
    if (!pawl__residency_serves(work.home)) {
        // Its shard is being dropped, with all that is outstanding.
    } else if (turn) {
        give_turn(dispatch, worker, work.home, work.effect.instance);
    } else {
        give_activity(dispatch, worker, work.home, &work.effect);
    }
    pawl__instance_unref(work.effect.instance);
}

// Whether a worker has room, and the app's ceilings have.
static bool give_may_give(const struct pawl_dispatch *dispatch, bool turn) {
    return pawl__dispatch_is_open(dispatch, turn) && pawl__choose_any(dispatch, turn);
}

// Gives out what has waited for its ceiling, or for a worker of its name to have room.
static void give_waiting(struct pawl_dispatch *dispatch, bool turn) {
    struct pawl_waiting *waiting = turn ? &dispatch->waiting_turns : &dispatch->waiting_activities;
    struct pawl_queue *parked = turn ? &dispatch->parked_turns : &dispatch->parked_activities;
    PAWL_LIST_EACH_SAFE(struct pawl_waiting_name, name, &waiting->names, link) {
        const struct pawl_ceiling *ceiling = pawl__dispatch_ceiling(dispatch, turn, name->name);
        while (name->queue.len && pawl__ceiling_is_open(ceiling) && give_may_give(dispatch, turn)) {
            struct pawl_want want = {turn, name->name, 0, name->message};
            if (turn) want.keeper = pawl__queue_first(&name->queue)->effect.instance->kept_by;
            enum pawl_choice choice;
            struct pawl_worker *worker = pawl__choose(dispatch, &want, &choice);
            // Without memory they wait on.
            if (choice == PAWL_CHOICE_PARK) pawl__queue_move(parked, &name->queue);
            if (!worker) break;
            give_hand(dispatch, turn, worker, pawl__queue_pop(&name->queue));
        }
        pawl__waiting_tidy(waiting, name);
    }
}

// Whether a worker may come, of a daemon that has not asked yet, that takes messages so large.
static bool give_expects(const struct pawl_dispatch *dispatch, size_t message) {
    PAWL_LIST_EACH(struct pawl_dispatch_extra, extra, &dispatch->extras, link) {
        if (extra->expects && extra->expects(extra, message)) return true;
    }
    return false;
}

// No worker takes messages as large as |want|.
static enum pawl_choice give_oversized(struct pawl_dispatch *dispatch, struct pawl_want *want,
                                       struct pawl_worker **worker) {
    enum pawl_choice choice = PAWL_CHOICE_TOO_LARGE;
    if (give_expects(dispatch, want->message)) return PAWL_CHOICE_PARK;
    if (want->turn) return choice;
    want->message = 0; // it was asked for when there was one; an error is better than silence
    *worker = pawl__choose(dispatch, want, &choice);
    return choice;
}

// Finds the worker for |work|, and gives it; or has it wait.
static void give_one(struct pawl_dispatch *dispatch, struct pawl_work work, bool turn) {
    struct pawl_waiting *waiting = turn ? &dispatch->waiting_turns : &dispatch->waiting_activities;
    struct pawl_queue *parked = turn ? &dispatch->parked_turns : &dispatch->parked_activities;
    struct pawl_want want = give_want(dispatch, &work, turn);
    struct pawl_worker *worker = NULL;
    enum pawl_choice choice = PAWL_CHOICE_WAIT;
    if (!pawl__waiting_find(waiting, want.name, want.message) &&
        pawl__ceiling_is_open(pawl__dispatch_ceiling(dispatch, turn, want.name))) {
        worker = pawl__choose(dispatch, &want, &choice);
        if (choice == PAWL_CHOICE_TOO_LARGE) choice = give_oversized(dispatch, &want, &worker);
    }
    bool waits = true;
    switch (choice) {
    case PAWL_CHOICE_GIVE: give_hand(dispatch, turn, worker, work); return;
    case PAWL_CHOICE_PARK: waits = pawl__queue_push(parked, work); break;
    case PAWL_CHOICE_WAIT: waits = pawl__waiting_add(waiting, want.name, want.message, work); break;
    case PAWL_CHOICE_TOO_LARGE:
        give_stall(dispatch, &work);
        pawl__instance_unref(work.effect.instance);
        return;
    }
    if (waits) return;
    pawl__instance_unref(work.effect.instance);
    pawl__residency_fail_nomem(work.home);
}

// Gives out what is in the queue of turns or of activities, each to a worker that can take it. When
// all workers for a name are busy, or its ceiling is reached, work of that name waits, in its
// order.
static void give_ready(struct pawl_dispatch *dispatch, bool turn) {
    struct pawl_queue *queue = turn ? &dispatch->turns : &dispatch->activities;
    give_waiting(dispatch, turn);
    while (queue->len && give_may_give(dispatch, turn))
        give_one(dispatch, pawl__queue_pop(queue), turn);
}

// Workers have come or gone: what waits may have others now, or none.
static void give_regroup(struct pawl_dispatch *dispatch) {
    bool all = pawl__waiting_move(&dispatch->waiting_turns, &dispatch->turns) &&
               pawl__waiting_move(&dispatch->waiting_activities, &dispatch->activities);
    dispatch->regroup = !all; // for want of memory; it is tried again
}

// An instance of which nobody holds the turn any more may leave memory.
static void give_sweep_held(struct pawl_dispatch *dispatch) {
    for (size_t left = dispatch->held.len; left; left--) {
        struct pawl_work work = pawl__queue_pop(&dispatch->held);
        if (work.effect.instance->linked && work.effect.instance->turn_held)
            pawl__queue_push(&dispatch->held, work); // there is room: one was taken out
        else
            pawl__instance_unref(work.effect.instance);
    }
}

void pawl__dispatch_unpark(struct pawl_dispatch *dispatch) {
    give_sweep_held(dispatch);
    if (!dispatch->parked_turns.len && !dispatch->parked_activities.len) return;
    if (!pawl__queue_move(&dispatch->turns, &dispatch->parked_turns) ||
        !pawl__queue_move(&dispatch->activities, &dispatch->parked_activities))
        return; // for want of memory; it is tried again
    pawl__dispatch_pump(dispatch);
}

static void give_pump_extras(struct pawl_dispatch *dispatch) {
    PAWL_LIST_EACH(struct pawl_dispatch_extra, extra, &dispatch->extras, link) {
        if (extra->pump) extra->pump(extra);
    }
}

static void give_settle_extras(struct pawl_dispatch *dispatch) {
    dispatch->settling = true;
    PAWL_LIST_EACH(struct pawl_dispatch_extra, extra, &dispatch->extras, link) {
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
        if (dispatch->regroup) give_regroup(dispatch);
        give_ready(dispatch, true);
        if (dispatch->extra_first) give_pump_extras(dispatch);
        give_ready(dispatch, false);
        if (!dispatch->extra_first) give_pump_extras(dispatch);
        dispatch->extra_first = !dispatch->extra_first;
        if (dispatch->ceilings) pawl__dispatch_note_lacking(dispatch);
        give_settle_extras(dispatch);
    } while (dispatch->again);
    dispatch->pumping = false;
}

void pawl__dispatch_extend(struct pawl_dispatch *dispatch, struct pawl_dispatch_extra *extra) {
    pawl__list_add(&dispatch->extras, &extra->link);
}

// Whether work waits that one more worker could have.
static bool give_waits(const struct pawl_dispatch *dispatch, bool turn) {
    const struct pawl_waiting *waiting =
        turn ? &dispatch->waiting_turns : &dispatch->waiting_activities;
    if (!pawl__dispatch_is_open(dispatch, turn)) return false;
    if ((turn ? &dispatch->turns : &dispatch->activities)->len) return true;
    PAWL_LIST_EACH(const struct pawl_waiting_name, one, &waiting->names, link)
        if (pawl__ceiling_is_open(pawl__dispatch_ceiling(dispatch, turn, one->name))) return true;
    return false;
}

bool pawl__dispatch_waits(const struct pawl_dispatch *dispatch) {
    return dispatch->parked_turns.len || dispatch->parked_activities.len ||
           give_waits(dispatch, true) || give_waits(dispatch, false);
}
