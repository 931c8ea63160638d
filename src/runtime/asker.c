#include "runtime/asker.h"

#include "base/clock.h"

enum {
    ASKER_SOON_MS = 5,
    ASKER_TICK_MS = 50 // while it lacks something, or others may
};

#define ASKER_PATIENCE PAWL_SECOND // then it is asked again

static struct pawl_asker *asker_of(struct pawl_dispatch_extra *extra) {
    return PAWL_CONTAINER(extra, struct pawl_asker, extra);
}

static void asker_on_timer(uv_timer_t *timer);

static void asker_wait(struct pawl_asker *asker, uint64_t ms) {
    if (asker->stopped) return;
    bool sooner =
        uv_is_active((uv_handle_t *)&asker->timer) && uv_timer_get_due_in(&asker->timer) <= ms;
    if (!sooner) uv_timer_start(&asker->timer, asker_on_timer, ms, 0);
}

static uint32_t ceiling_bound(const struct pawl_ceiling *ceiling) {
    return ceiling->quota > ceiling->out ? ceiling->quota : ceiling->out;
}

static uint32_t ceiling_wants(const struct pawl_ceiling *ceiling) {
    return ceiling->peak + ceiling->lacking;
}

// Whether there may be something to say before long: it lacks something, or has more than it uses,
// or has said otherwise.
static bool asker_is_busy(const struct pawl_asker *asker) {
    const struct pawl_ceilings *ceilings = asker->ceilings;
    for (size_t i = 0; ceilings && i < ceilings->count; i++) {
        const struct pawl_ceiling *ceiling = &ceilings->list[i];
        uint32_t said = asker->verb.count > i ? asker->verb.rows[i].wants : 0;
        if (ceiling->lacking || ceiling->quota > ceiling->out || ceiling_wants(ceiling) != said)
            return true;
    }
    return asker->owes;
}

// Whether it has less than it has said, and others may have been promised that.
static bool asker_has_less(const struct pawl_asker *asker) {
    for (size_t i = 0; asker->owes && i < asker->verb.count; i++)
        if (asker->verb.rows[i].has > ceiling_bound(&asker->ceilings->list[i])) return true;
    return false;
}

// --- the answer ----------------------------------------------------------------------------------

static void asker_take(struct pawl_asker *asker) {
    struct pawl_ceilings *ceilings = asker->ceilings;
    bool more = false;
    asker->epoch = asker->verb.epoch;
    asker->owes = false;
    for (size_t i = 0; i < asker->verb.count; i++) {
        struct pawl_ceiling *ceiling = &ceilings->list[i];
        uint32_t quota = asker->verb.quota[i];
        more = more || quota > ceiling->quota;
        ceiling->quota = quota < ceiling->most ? quota : ceiling->most;
        asker->owes = asker->owes || asker->verb.rows[i].has > ceiling->quota;
    }
    if (more) pawl__dispatch_pump(asker->dispatch);
}

static void asker_on_done(struct pawl_call *call, const struct pawl_error *error) {
    struct pawl_asker *asker = PAWL_CONTAINER(call, struct pawl_asker, verb.call);
    asker->asking = false;
    // An answer of one who divided before is void: who does by now does not know of it.
    if (!error && asker->verb.epoch >= asker->epoch) asker_take(asker);
    if (asker_has_less(asker))
        asker_wait(asker, ASKER_SOON_MS);
    else if (asker_is_busy(asker))
        asker_wait(asker, ASKER_TICK_MS);
}

// --- asking --------------------------------------------------------------------------------------

// The store may have taken this daemon for dead, and others have been given its part. What its
// workers have in hand is no part of that any more.
static void asker_heed_lapse(struct pawl_asker *asker) {
    struct pawl_ceilings *ceilings = asker->ceilings;
    if (!ceilings || ceilings->heeded == *ceilings->lapses) return;
    ceilings->heeded = *ceilings->lapses;
    bool out = false;
    for (size_t i = 0; i < ceilings->count; i++) {
        out = out || ceilings->list[i].out;
        ceilings->list[i].quota = 0;
    }
    if (out) pawl__dispatch_reset(asker->dispatch);
}

// Gives back what was not in use for a while.
static void asker_give_back(struct pawl_asker *asker) {
    struct pawl_ceilings *ceilings = asker->ceilings;
    int64_t now = pawl__clock_steady();
    if (!ceilings || now - asker->peaked_at < ASKER_TICK_MS * PAWL_MILLISECOND) return;
    asker->peaked_at = now;
    for (size_t i = 0; i < ceilings->count; i++) {
        struct pawl_ceiling *ceiling = &ceilings->list[i];
        if (ceiling->quota > ceiling->peak && !ceiling->lacking) ceiling->quota = ceiling->peak;
        ceiling->peak = ceiling->out;
    }
}

// Fills in what there is. False: memory is out.
static bool asker_fill(struct pawl_asker *asker) {
    const struct pawl_ceilings *ceilings = asker->ceilings;
    size_t count = ceilings ? ceilings->count : 0;
    asker->verb.count = 0;
    pawl__arena_reset(&asker->arena);
    pawl__quota_init(&asker->verb, asker->members->id, &asker->arena);
    struct pawl_quota_row *rows = pawl__arena_alloc(&asker->arena, (count + 1) * sizeof *rows);
    if (!rows) return false;
    for (size_t i = 0; i < count; i++) {
        const struct pawl_ceiling *ceiling = &ceilings->list[i];
        rows[i] = (struct pawl_quota_row){.name = ceiling->name,
                                          .turn = ceiling->turn,
                                          .most = ceiling->most,
                                          .has = ceiling_bound(ceiling),
                                          .wants = ceiling_wants(ceiling)};
    }
    asker->verb.rows = rows;
    asker->verb.count = count;
    asker->verb.number = ++asker->number;
    asker->verb.call.done = asker_on_done;
    return true;
}

static void asker_ask(struct pawl_asker *asker) {
    if (asker->stopped || !asker->members->at) return; // the store does not know of this one yet
    if (asker->asking) {
        if (pawl__clock_steady() - asker->asked_at < ASKER_PATIENCE) {
            asker_wait(asker, ASKER_TICK_MS);
            return;
        }
        pawl__call_cancel(&asker->verb.call);
        asker->asking = false;
    }
    asker_heed_lapse(asker);
    asker_give_back(asker);
    if (!asker_fill(asker)) {
        asker_wait(asker, ASKER_TICK_MS);
        return;
    }
    asker->asking = true;
    asker->asked_at = pawl__clock_steady();
    asker->send(asker->arg, &asker->verb);
}

static void asker_on_timer(uv_timer_t *timer) {
    asker_ask(timer->data);
}

// All has been given out that can be: more may go out if there is more to be had.
static void asker_settled(struct pawl_dispatch_extra *extra) {
    struct pawl_asker *asker = asker_of(extra);
    const struct pawl_ceilings *ceilings = asker->ceilings;
    bool lacks = false;
    for (size_t i = 0; i < ceilings->count; i++) lacks = lacks || ceilings->list[i].lacking;
    bool recently = pawl__clock_steady() - asker->asked_at < ASKER_SOON_MS * PAWL_MILLISECOND;
    if (lacks && !asker->asking && !recently)
        asker_ask(asker);
    else if (asker_has_less(asker))
        asker_wait(asker, asker->asking ? ASKER_TICK_MS : ASKER_SOON_MS);
    else if (asker_is_busy(asker))
        asker_wait(asker, ASKER_TICK_MS);
}

void pawl__asker_rung(struct pawl_asker *asker) {
    asker->asked_at = 0; // whom it asks may not be who divides by now
    asker_ask(asker);
}

void pawl__asker_seen(struct pawl_asker *asker) {
    const struct pawl_ceilings *ceilings = asker->ceilings;
    if (!ceilings) return;
    if (ceilings->heeded != *ceilings->lapses)
        asker_ask(asker);
    else if (asker_is_busy(asker))
        asker_wait(asker, ASKER_TICK_MS);
}

// --- life ----------------------------------------------------------------------------------------

void pawl__asker_init(struct pawl_asker *asker, uv_loop_t *loop, struct pawl_dispatch *dispatch,
                      const struct pawl_members *members,
                      void (*send)(void *arg, struct pawl_quota *verb), void *arg) {
    *asker = (struct pawl_asker){.dispatch = dispatch,
                                 .ceilings = dispatch->ceilings,
                                 .members = members,
                                 .send = send,
                                 .arg = arg};
    uv_timer_init(loop, &asker->timer);
    uv_unref((uv_handle_t *)&asker->timer);
    asker->timer.data = asker;
    asker->extra = (struct pawl_dispatch_extra){.settled = asker_settled};
    if (asker->ceilings) pawl__dispatch_extend(dispatch, &asker->extra);
}

void pawl__asker_stop(struct pawl_asker *asker) {
    asker->stopped = true;
    if (asker->asking) pawl__call_cancel(&asker->verb.call);
    asker->asking = false;
    uv_timer_stop(&asker->timer);
}

void pawl__asker_finish(struct pawl_asker *asker) {
    pawl__arena_finish(&asker->arena);
}
