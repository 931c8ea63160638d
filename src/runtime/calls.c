#include "runtime/calls.h"

#include "base/clock.h"

#include <stdlib.h>

// As for a shard that nobody serves (node_calls.c).
#define CALLS_STALL_MOST (20 * PAWL_SECOND)

// Calls that wait for one instance to change.
struct pawl_waiters {
    struct pawl_link calls; // pawl_call::link
    struct pawl_str id;
    char id_bytes[];
};

enum {
    CALLS_MAP_LARGE = 1024 // slots: an empty table of more is given back
};

void pawl__calls_init(struct pawl_calls *calls, struct pawl_residency *residency) {
    *calls = (struct pawl_calls){.residency = residency};
    pawl__link_init(&calls->building);
    pawl__link_init(&calls->writing);
    pawl__link_init(&calls->blocked);
    uv_timer_init(residency->storage->loop, &calls->news);
}

void pawl__calls_finish(struct pawl_calls *calls) {
    pawl__map_finish(&calls->waiters);
}

// --- finishing ----------------------------------------------------------------------------------

static void call_finish(struct pawl_call *call, const struct pawl_error *error) {
    if (error || !call->error.code) {
        call->done(call, error);
        return;
    }
    struct pawl_error own = call->error; // which goes with the call
    call->done(call, &own);
}

static void call_finish_list(struct pawl_link *list, const struct pawl_error *error) {
    // A call that is done may begin others, which go to the end of some list.
    struct pawl_link finished;
    pawl__link_init(&finished);
    pawl__list_move(&finished, list);
    for (struct pawl_call *call; (call = PAWL_LIST_TAKE(struct pawl_call, &finished, link));)
        call_finish(call, error);
}

// Answers |call| as soon as batch |position| is durable.
static void call_hold(struct pawl_call *call, uint64_t position) {
    struct pawl_calls *calls = call->calls;
    const struct pawl_residency *residency = calls->residency;
    if (position <= residency->durable) {
        call_finish(call, NULL);
    } else if (position == residency->shard.position) {
        pawl__list_add(&calls->building, &call->link);
        bool patient = call->verb->patient || call->patient;
        calls->awaited |= !patient;
        calls->asked |= !patient && !call->verb->behind;
    } else {
        pawl__list_add(&calls->writing, &call->link);
    }
}

static void call_refuse(struct pawl_call *call) {
    struct pawl_residency *residency = call->calls->residency;
    if (residency->host->elsewhere(residency, call)) return;
    if (residency->state == PAWL_RESIDENCY_CLOSING)
        pawl__residency_tell_closing(residency, &call->error);
    else
        pawl__fail(&call->error, PAWL_E_UNAVAILABLE,
                   "the workflow engine is not ready yet, try again");
    call_finish(call, NULL);
}

void pawl__calls_answer(struct pawl_calls *calls, struct pawl_call *call) {
    const struct pawl_shard *shard = &calls->residency->shard;
    if (!pawl__residency_serves(calls->residency))
        call_refuse(call);
    else
        call_hold(call, shard->batch.len ? shard->position : shard->position - 1);
}

void pawl__calls_batch_taken(struct pawl_calls *calls) {
    calls->awaited = calls->asked = false;
    pawl__list_move(&calls->writing, &calls->building);
}

static void call_run(struct pawl_calls *calls, struct pawl_call *call);

static void calls_run_list(struct pawl_calls *calls, struct pawl_link *list) {
    for (struct pawl_call *call; (call = PAWL_LIST_TAKE(struct pawl_call, list, link));)
        call_run(calls, call);
}

void pawl__calls_batch_durable(struct pawl_calls *calls) {
    struct pawl_link blocked;
    pawl__link_init(&blocked);
    pawl__list_move(&blocked, &calls->blocked);
    call_finish_list(&calls->writing, NULL);
    calls_run_list(calls, &blocked);
}

void pawl__calls_fail(struct pawl_calls *calls, const struct pawl_error *error) {
    struct pawl_link all;
    pawl__link_init(&all);
    pawl__list_move(&all, &calls->writing);
    pawl__list_move(&all, &calls->building);
    pawl__list_move(&all, &calls->blocked);
    call_finish_list(&all, error);
}

// --- a store that cannot write ------------------------------------------------------------------

static bool calls_is_overdue(struct pawl_call *call, int64_t since, int64_t now) {
    if (call->verb->reads) return true;
    if (!call->verb->asks) return false;
    if (!call->stalled_at) call->stalled_at = since;
    return now - call->stalled_at > CALLS_STALL_MOST;
}

// Moves to |out| what has waited in |list| for long enough.
static void calls_take_overdue(struct pawl_link *list, int64_t since, struct pawl_link *out) {
    int64_t now = pawl__clock_steady();
    PAWL_LIST_EACH_SAFE(struct pawl_call, call, list, link) {
        if (!calls_is_overdue(call, since, now)) continue;
        pawl__list_remove(&call->link);
        pawl__list_add(out, &call->link);
    }
}

// |begun|: what was asked for is in a batch.
static void calls_tell_stalled(struct pawl_link *list, bool begun, const struct pawl_error *why) {
    struct pawl_error error;
    for (struct pawl_call *call; (call = PAWL_LIST_TAKE(struct pawl_call, list, link));) {
        pawl__fail(&error, PAWL_E_UNAVAILABLE, "%s%s",
                   call->verb->reads ? ""
                   : begun ? "it may be done as soon as the store can write, which it cannot: "
                           : "nothing was done, as the store cannot write: ",
                   why->text);
        call_finish(call, &error);
    }
}

void pawl__calls_stall(struct pawl_calls *calls, int64_t since, const struct pawl_error *error) {
    struct pawl_link begun, blocked;
    pawl__link_init(&begun);
    pawl__link_init(&blocked);
    calls->stalled = true;
    calls_take_overdue(&calls->writing, since, &begun);
    calls_take_overdue(&calls->building, since, &begun);
    calls_take_overdue(&calls->blocked, since, &blocked);
    calls_tell_stalled(&begun, true, error);
    calls_tell_stalled(&blocked, false, error);
}

void pawl__calls_go_on(struct pawl_calls *calls) {
    if (!calls->stalled) return;
    struct pawl_link blocked;
    pawl__link_init(&blocked);
    pawl__list_move(&blocked, &calls->blocked);
    calls->stalled = false;
    calls_run_list(calls, &blocked);
}

// --- waiting for news ---------------------------------------------------------------------------

static void calls_on_news(uv_timer_t *timer) {
    struct pawl_calls *calls = PAWL_CONTAINER(timer, struct pawl_calls, news);
    struct pawl_link blocked;
    pawl__link_init(&blocked);
    pawl__list_move(&blocked, &calls->blocked);
    calls_run_list(calls, &blocked);
    calls->residency->host->settle(calls->residency);
}

bool pawl__calls_hope(struct pawl_calls *calls, struct pawl_call *call, int64_t most) {
    int64_t now = pawl__clock_steady();
    if (!call->hoped_at) call->hoped_at = now;
    if (now - call->hoped_at >= most) return false;
    call->waiting = true;
    pawl__list_add(&calls->blocked, &call->link);
    if (!uv_is_active((uv_handle_t *)&calls->news))
        uv_timer_start(&calls->news, calls_on_news,
                       (uint64_t)((most - (now - call->hoped_at)) / PAWL_MILLISECOND) + 1, 0);
    return true;
}

void pawl__calls_hear(struct pawl_calls *calls, int64_t at) {
    calls->heard_at = at;
    if (uv_is_active((uv_handle_t *)&calls->news))
        uv_timer_start(&calls->news, calls_on_news, 0, 0);
}

// --- waiting for an instance --------------------------------------------------------------------

static void waiters_free(struct pawl_calls *calls, struct pawl_waiters *waiters) {
    pawl__map_remove(&calls->waiters, waiters->id);
    free(waiters);
    if (!calls->waiters.len && calls->waiters.cap > CALLS_MAP_LARGE)
        pawl__map_finish(&calls->waiters);
}

static struct pawl_waiters *waiters_create(struct pawl_calls *calls, struct pawl_str id) {
    struct pawl_waiters *waiters = malloc(sizeof *waiters + id.len);
    if (!waiters) return NULL;
    memcpy(waiters->id_bytes, id.data, id.len);
    waiters->id = (struct pawl_str){waiters->id_bytes, id.len};
    pawl__link_init(&waiters->calls);
    if (pawl__map_put(&calls->waiters, waiters->id, waiters)) return waiters;
    free(waiters);
    return NULL;
}

enum pawl_err pawl__calls_wait(struct pawl_calls *calls, struct pawl_call *call) {
    struct pawl_waiters *waiters = pawl__map_get(&calls->waiters, call->id);
    if (!waiters) waiters = waiters_create(calls, call->id);
    if (!waiters) return PAWL_E_NOMEM;
    call->waiting = true;
    call->waiters = waiters;
    pawl__list_add(&waiters->calls, &call->link);
    return PAWL_OK;
}

// Takes |call| out of where it waits.
static void call_leave(struct pawl_call *call) {
    struct pawl_waiters *waiters = call->waiters;
    pawl__list_remove(&call->link);
    call->waiters = NULL;
    if (waiters && pawl__list_empty(&waiters->calls)) waiters_free(call->calls, waiters);
}

void pawl__calls_recheck(struct pawl_calls *calls, const struct pawl_instance *instance,
                         bool (*is_met)(const struct pawl_call *call,
                                        const struct pawl_instance *instance)) {
    struct pawl_waiters *waiters = pawl__map_get(&calls->waiters, pawl__instance_id(instance));
    if (!waiters) return;
    struct pawl_link met;
    pawl__link_init(&met);
    PAWL_LIST_EACH_SAFE(struct pawl_call, call, &waiters->calls, link) {

        // Of an instance that was purged there may be another by now.
        if (instance->linked && !is_met(call, instance)) continue;
        pawl__list_remove(&call->link);
        pawl__list_add(&met, &call->link);
        call->waiters = NULL;
    }
    if (pawl__list_empty(&waiters->calls)) waiters_free(calls, waiters);
    calls_run_list(calls, &met);
}

// Moves all that wait to |out|.
static void calls_take_waiters(struct pawl_calls *calls, struct pawl_link *out) {
    size_t at = 0;
    pawl__link_init(out);
    for (struct pawl_waiters *waiters; (waiters = pawl__map_next(&calls->waiters, &at));) {
        for (struct pawl_link *link; (link = pawl__list_take(&waiters->calls));) {
            PAWL_CONTAINER(link, struct pawl_call, link)->waiters = NULL;
            pawl__list_add(out, link);
        }
        free(waiters);
    }
    pawl__map_finish(&calls->waiters);
}

void pawl__calls_recheck_all(struct pawl_calls *calls) {
    struct pawl_link all;
    calls_take_waiters(calls, &all);
    calls_run_list(calls, &all);
}

void pawl__calls_send_away(struct pawl_calls *calls) {
    struct pawl_link all;
    calls_take_waiters(calls, &all);
    for (struct pawl_call *call; (call = PAWL_LIST_TAKE(struct pawl_call, &all, link));)
        call_refuse(call);
}

void pawl__calls_fail_waiters(struct pawl_calls *calls, const struct pawl_error *error) {
    struct pawl_link all;
    calls_take_waiters(calls, &all);
    call_finish_list(&all, error);
}

// --- running ------------------------------------------------------------------------------------

// Fails a call for which something could not be loaded. |error| NULL: its own.
static void call_give_up(struct pawl_call *call, const struct pawl_error *error) {
    if (call->verb->give_up) call->verb->give_up(call);
    call_finish(call, error);
}

// A call that has needed a load and needs another one keeps what was loaded first in memory.
static void call_set_loading(struct pawl_call *call, bool loading) {
    if (call->loading == loading) return;
    call->loading = loading;
    call->loads += loading;
    if (call->loads < 2) return;
    if (loading)
        call->calls->residency->gathering++;
    else
        call->calls->residency->gathering--;
}

static void call_loaded(struct pawl_load_waiter *waiter, const struct pawl_error *error) {
    struct pawl_call *call = PAWL_CONTAINER(waiter, struct pawl_call, load);
    call_set_loading(call, false);
    if (error)
        call_give_up(call, error);
    else
        call_run(call->calls, call);
}

void pawl__call_cancel(struct pawl_call *call) {
    if (call->remote) {
        call->remote->cancel(call->remote);
        return;
    }
    call_leave(call);
    pawl__load_cancel(&call->load);
    if (call->loading && call->verb->give_up) call->verb->give_up(call);
    call_set_loading(call, false);
}

// Waits for the shard to be served; then it begins.
static void call_outlast(struct pawl_calls *calls, struct pawl_call *call) {
    if (!pawl__calls_wait(calls, call)) return;
    pawl__fail_plain(&call->error, PAWL_E_NOMEM);
    call_finish(call, NULL);
}

// The reader loads in order: when the last is there, all are.
static void call_load(struct pawl_calls *calls, struct pawl_call *call) {
    struct pawl_residency *residency = calls->residency;
    for (const struct pawl_need *need = residency->shard.also; need;
         need = need->next, call->loads++)
        pawl__load_begin(residency, pawl__str(need->id), NULL);
    call_set_loading(call, true);
    call->load.loaded = call_loaded;
    pawl__load_begin(residency, pawl__str(residency->shard.needed), &call->load);
}

// Whether |call| waits for room in a batch, or for the store to write again.
static bool call_is_blocked(struct pawl_calls *calls, struct pawl_call *call) {
    if (call->verb->writes && pawl__shard_is_full(&calls->residency->shard)) return true;
    if (!call->verb->asks || !calls->stalled) return false;
    if (!call->stalled_at) call->stalled_at = pawl__clock_steady();
    return true;
}

static void call_run(struct pawl_calls *calls, struct pawl_call *call) {
    struct pawl_residency *residency = calls->residency;
    struct pawl_shard *shard = &residency->shard;
    pawl__error_clear(&call->error);
    call->position = 0;
    call->waiting = false;
    if (!pawl__residency_serves(residency)) {
        call_refuse(call);
        return;
    }
    if (call_is_blocked(calls, call)) {
        pawl__list_add(&calls->blocked, &call->link);
        return;
    }
    enum pawl_err err = call->verb->run(calls, call, &call->error);
    if (err == PAWL_E_NEEDED && !shard->also &&
        pawl__load_is_light(residency, pawl__str(shard->needed))) { // mostly a new instance's start
        pawl__error_clear(&call->error);
        call->loads++;
        err = pawl__load_now(residency, pawl__str(shard->needed), &call->error);
        if (err) {
            call_give_up(call, NULL);
            return;
        }
        err = call->verb->run(calls, call, &call->error);
    }
    if (shard->failed) {
        call_leave(call); // it may have begun to wait
        pawl__fail_plain(&call->error, PAWL_E_NOMEM);
        call_finish(call, NULL);
    } else if (err == PAWL_E_NEEDED) {
        call_load(calls, call);
    } else if (!call->waiting) {
        // An answer that says what it saw must not say more than the log holds.
        const struct pawl_instance *instance =
            call->position ? NULL : pawl__shard_find(shard, call->id);
        call_hold(call, instance ? instance->position : call->position);
    }
}

void pawl__calls_begin(struct pawl_calls *calls, struct pawl_call *call) {
    const struct pawl_residency *residency = calls->residency;
    bool taking = residency->state == PAWL_RESIDENCY_TAKING || residency->failing;
    call->calls = calls;
    if (call->verb->outlasts && taking && residency->state != PAWL_RESIDENCY_CLOSING)
        call_outlast(calls, call);
    else
        call_run(calls, call);
}
