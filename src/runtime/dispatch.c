// The workers of a dispatch: they come and go, and what they had is offered to others.

#include "runtime/dispatch.h"

#include <stdio.h>

#include "base/clock.h"

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

bool pawl__dispatch_keeps(const struct pawl_dispatch *dispatch, const struct pawl_residency *home) {
    PAWL_LIST_EACH(const struct pawl_dispatch_extra, extra, &dispatch->extras, link) {
        if (extra->keeps && extra->keeps(extra, home)) return true;
    }
    return false;
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
