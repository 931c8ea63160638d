#include "runtime/lend.h"

#include <stdlib.h>

#include "base/clock.h"

static const char *const lend_scope = "dapr.runtime.wfengine";

enum {
    LEND_BYTES = 4 << 20 // of items in one answer, but for the last
};

#define LEND_ANSWER (2 * PAWL_SECOND) // a call is answered after it, as a sign of life is due
#define LEND_SILENT (3 * PAWL_SECOND) // without a call the worker's daemon counts as dead
#define LEND_LASTS  (2 * PAWL_SECOND) // what has not come to the worker by then is dropped

// A worker of another daemon.
struct lend_session {
    struct pawl_worker worker;
    struct pawl_link link;
    struct pawl_lend *lend;
    struct pawl_borrow *call;  // that waits; NULL: none
    struct pawl_remote remote; // of it
    char *daemon, *address;
    uint64_t id, attempt, number;
    bool ended; // it is given no more, and what it has goes to others after |lent_until|
    struct pawl_arena arena;
    struct pawl_map names[2];
    int64_t heard_at; // steady; of a call: when it came
    size_t bytes;     // of items for the call
    int64_t until;    // steady: they may come to the worker until then
    // The last call that was answered with items, and until when they may come to the worker; 0:
    // they are there.
    uint64_t lent_number;
    int64_t lent_until;
};

static struct lend_session *session_of(const struct pawl_worker *worker) {
    return PAWL_CONTAINER(worker, struct lend_session, worker);
}

static void lend_on_timer(uv_timer_t *timer);

// --- the worker -------------------------------------------------------------------------------

static bool session_serves(const struct pawl_worker *worker, bool turn, struct pawl_str name) {
    return pawl__map_get(&session_of(worker)->names[turn], name);
}

static const char *session_names(const struct pawl_worker *worker, bool turn, size_t *at) {
    return pawl__map_next(&session_of(worker)->names[turn], at);
}

// It goes when all is given out that is ready; see lend_settled.
static bool session_deliver(struct pawl_worker *worker, struct pawl_str item) {
    struct lend_session *session = session_of(worker);
    if (!session->call || !pawl__borrow_add(session->call, item)) return false;
    int64_t until = session->lend->dispatch->leased_until;
    int64_t lasts = PAWL_CONTAINER(worker->items.prev, const struct pawl_item, link)->began +
                    LEND_LASTS; // of the last one that it was given, which this is
    if (lasts < session->until) session->until = lasts;
    if (until < session->until) session->until = until;
    session->bytes += item.len;
    if (session->bytes >= LEND_BYTES) worker->paused = true;
    return true;
}

static void session_answer(struct lend_session *session, const struct pawl_error *error) {
    struct pawl_borrow *call = session->call;
    if (!call) return;
    if (call->item_count && !error) {
        call->lasts = session->until - session->heard_at;
        session->lent_number = call->number;
        if (session->until > session->lent_until) session->lent_until = session->until;
    }
    session->call = NULL;
    session->heard_at = pawl__clock_steady();
    session->until = INT64_MAX;
    session->worker.paused = true;
    session->bytes = 0;
    call->call.remote = NULL;
    call->more = pawl__dispatch_waits(session->lend->dispatch);
    if (!error) pawl__bell_told(session->lend->bell, pawl__str(session->address), call->more);
    call->call.done(&call->call, error);
}

// Waits until what an ended session has may go to others.
static void lend_wait(struct pawl_lend *lend) {
    int64_t until = INT64_MAX;
    PAWL_LIST_EACH(const struct lend_session, session, &lend->sessions, link) {
        if (session->ended && session->lent_until < until) until = session->lent_until;
    }
    if (until == INT64_MAX) return;
    int64_t left = until - pawl__clock_steady();
    uint64_t ms = left > 0 ? (uint64_t)(left / PAWL_MILLISECOND + 1) : 0;
    uv_timer_start(&lend->timer, lend_on_timer, ms, 0);
}

static void session_free(struct lend_session *session) {
    pawl__list_remove(&session->link);
    pawl__map_finish(&session->names[0]);
    pawl__map_finish(&session->names[1]);
    pawl__arena_finish(&session->arena);
    free(session);
}

// Until when something of |home| may come to the worker that has not; 0: nothing may.
static int64_t session_keeps(const struct lend_session *session,
                             const struct pawl_residency *home) {
    int64_t until = session->lent_until, last = 0;
    if (session->until < INT64_MAX && session->until > until) until = session->until;
    if (!until) return 0;
    PAWL_LIST_EACH(const struct pawl_item, item, &session->worker.items, link) {
        if (item->home == home && item->began > last) last = item->began;
    }
    if (!last) return 0;
    return until < last + LEND_LASTS ? until : last + LEND_LASTS;
}

// What it has is given to others, but not while it may yet come to the worker: they could have run
// it by then, and its result could be acknowledged.
static void session_end(struct lend_session *session, const char *why) {
    struct pawl_lend *lend = session->lend;
    struct pawl_error error;
    pawl__fail(&error, PAWL_E_UNAVAILABLE, "%s", why);
    session->ended = true;
    session->worker.paused = true;
    pawl__log(lend->log, PAWL_LOG_DEBUG, lend_scope, "a worker at %s takes no more work: %s",
              session->address, why);
    if (session->lent_until > pawl__clock_steady()) {
        lend_wait(lend);
        session_answer(session, &error);
        return;
    }
    // First, as others are given its items as soon as it is detached.
    pawl__list_remove(&session->link);
    pawl__dispatch_detach(lend->dispatch, &session->worker);
    session_answer(session, &error);
    session_free(session);
}

static void session_reset(struct pawl_worker *worker) {
    session_end(session_of(worker), "the workflow engine has begun anew");
}

// Its daemon waits for the answer no more.
static void session_on_cancel(struct pawl_remote *remote) {
    struct lend_session *session = PAWL_CONTAINER(remote, struct lend_session, remote);
    session->call->call.remote = NULL;
    session->call = NULL;
    session->until = INT64_MAX;
    session_end(session, "its daemon has gone");
}

static bool session_note(struct lend_session *session, const struct pawl_borrow *verb) {
    struct pawl_arena *arena = &session->arena;
    for (int turn = 0; turn < 2; turn++)
        for (size_t i = 0; i < verb->name_count[turn]; i++) {
            char *name = pawl__arena_dup(arena, pawl__str(verb->names[turn][i]));
            if (!name || !pawl__map_put(&session->names[turn], pawl__str(name), name)) return false;
        }
    session->daemon = pawl__arena_dup(arena, pawl__str(verb->daemon));
    session->address = pawl__arena_dup(arena, pawl__str(verb->address));
    return session->daemon && session->address;
}

static struct lend_session *session_create(struct pawl_lend *lend, const struct pawl_borrow *verb) {
    struct lend_session *session = calloc(1, sizeof *session);
    if (!session) return NULL;
    pawl__link_init(&session->link);
    session->lend = lend;
    session->remote.cancel = session_on_cancel;
    session->id = verb->worker;
    session->attempt = verb->attempt;
    session->until = INT64_MAX;
    session->worker = (struct pawl_worker){
        .deliver = session_deliver,
        .reset = session_reset,
        .keeps_history = verb->keeps_history,
        .dialect = verb->dialect,
        .message = verb->message,
        .paused = true,
        .remote = true,
    };
    if (verb->says) {
        session->worker.serves = session_serves;
        session->worker.names = session_names;
    }
    if (!session_note(session, verb)) {
        session_free(session);
        return NULL;
    }
    pawl__list_add(&lend->sessions, &session->link);
    pawl__dispatch_attach(lend->dispatch, &session->worker);
    return session;
}

// --- what waits ---------------------------------------------------------------------------------

// How many workers of |member| may be had here.
static uint32_t lend_count(const struct pawl_lend *lend, const struct pawl_member *member) {
    uint32_t count = 0;
    PAWL_LIST_EACH(const struct lend_session, session, &lend->sessions, link)
        count += !session->ended && pawl__str_equal(pawl__str(session->daemon), member->id);
    return count;
}

static bool lend_may_ring(const struct pawl_lend *lend, const struct pawl_member *member) {
    return member->workers && member->address.len && !pawl__members_is_self(lend->members, member);
}

// Whether workers of other daemons may come that are not known here yet.
static void lend_expect(struct pawl_lend *lend) {
    bool expects = false;
    for (size_t i = 0; i < lend->members->count; i++) {
        const struct pawl_member *member = &lend->members->list[i];
        expects =
            expects || (lend_may_ring(lend, member) && lend_count(lend, member) < member->workers &&
                        !pawl__bell_is_unheard(lend->bell, member->address));
    }
    lend->dispatch->others_may_serve = expects;
}

// Whether something of |home| may yet come to a worker of another daemon. While it may, nobody else
// must have the shard, who could run it and acknowledge its result.
static bool lend_keeps(const struct pawl_dispatch_extra *extra, const struct pawl_residency *home) {
    const struct pawl_lend *lend = extra->data;
    int64_t now = pawl__clock_steady();
    PAWL_LIST_EACH(const struct lend_session, session, &lend->sessions, link) {
        if (session_keeps(session, home) > now) return true;
    }
    return false;
}

static bool lend_expects(const struct pawl_dispatch_extra *extra, size_t message) {
    const struct pawl_lend *lend = extra->data;
    for (size_t i = 0; i < lend->members->count && !lend->stopped; i++) {
        const struct pawl_member *member = &lend->members->list[i];
        if (lend_may_ring(lend, member) && lend_count(lend, member) < member->workers &&
            pawl__member_message(member) >= message &&
            !pawl__bell_is_unheard(lend->bell, member->address))
            return true;
    }
    return false;
}

static void lend_settled(struct pawl_dispatch_extra *extra) {
    struct pawl_lend *lend = extra->data;
    if (lend->stopped || lend->members->count < 2) return;
    for (struct pawl_link *link = lend->sessions.next, *next; link != &lend->sessions;
         link = next) {
        struct lend_session *session = PAWL_CONTAINER(link, struct lend_session, link);
        next = link->next;
        if (session->call && session->call->item_count) session_answer(session, NULL);
    }
    if (lend->dispatch->choosy_count) lend_expect(lend);
    if (!pawl__dispatch_waits(lend->dispatch)) return;
    for (size_t i = 0; i < lend->members->count; i++)
        if (lend_may_ring(lend, &lend->members->list[i]))
            pawl__bell_work(lend->bell, lend->members->list[i].address);
}

// --- asking -------------------------------------------------------------------------------------

static struct lend_session *lend_find(const struct pawl_lend *lend,
                                      const struct pawl_borrow *verb) {
    for (struct pawl_link *link = lend->sessions.next; link != &lend->sessions; link = link->next) {
        struct lend_session *session = PAWL_CONTAINER(link, struct lend_session, link);
        if (session->id == verb->worker && strcmp(session->daemon, verb->daemon) == 0)
            return session;
    }
    return NULL;
}

void pawl__lend_serve(struct pawl_lend *lend, struct pawl_borrow *verb) {
    struct lend_session *session = lend_find(lend, verb);
    bool late = session && (verb->attempt < session->attempt ||
                            (verb->attempt == session->attempt &&
                             (session->ended || verb->number <= session->number)));
    if (late || lend->stopped) {
        verb->call.done(&verb->call,
                        &(struct pawl_error){PAWL_E_INVALID, "nothing is lent to that call"});
        return;
    }
    if (session && verb->attempt > session->attempt) {
        session->lent_until = 0; // what has not come to the worker was dropped
        session_end(session, "it begins anew");
        session = NULL;
    }
    if (!session) session = session_create(lend, verb);
    if (!session) {
        verb->call.done(&verb->call, &(struct pawl_error){PAWL_E_NOMEM, "out of memory"});
        return;
    }
    session_answer(session, NULL);
    session->number = verb->number;
    if (verb->taken >= session->lent_number) session->lent_until = 0;
    session->call = verb;
    session->heard_at = pawl__clock_steady();
    verb->call.remote = &session->remote;
    memcpy(session->worker.credit, verb->room, sizeof verb->room);
    session->worker.both = verb->both;
    pawl__dispatch_ready(lend->dispatch, &session->worker);
}

void pawl__lend_pulse(struct pawl_lend *lend) {
    int64_t now = pawl__clock_steady();
    for (struct pawl_link *link = lend->sessions.next, *next; link != &lend->sessions;
         link = next) {
        struct lend_session *session = PAWL_CONTAINER(link, struct lend_session, link);
        next = link->next;
        int64_t silence = now - session->heard_at;
        if (session->call && silence >= LEND_ANSWER) {
            session_answer(session, NULL);
        } else if (!session->call && silence >= LEND_SILENT) {
            session_end(session, "its daemon is silent");
            next = lend->sessions.next; // others may have gone, too
        }
    }
}

// The first that has not ended; or, of those that have |ended|, whose items may go to others.
static struct lend_session *lend_first(const struct pawl_lend *lend, int64_t now, bool ended) {
    PAWL_LIST_EACH(struct lend_session, session, &lend->sessions, link) {
        if (session->ended == ended && (!ended || session->lent_until <= now)) return session;
    }
    return NULL;
}

static void lend_on_timer(uv_timer_t *timer) {
    struct pawl_lend *lend = PAWL_CONTAINER(timer, struct pawl_lend, timer);
    int64_t now = pawl__clock_steady();
    for (struct lend_session *session; (session = lend_first(lend, now, true));)
        session_end(session, "what it was lent comes too late by now");
    lend_wait(lend);
}

// --- life ---------------------------------------------------------------------------------------

void pawl__lend_init(struct pawl_lend *lend, struct pawl_dispatch *dispatch,
                     const struct pawl_members *members, struct pawl_bell *bell,
                     const struct pawl_log *log) {
    *lend = (struct pawl_lend){.dispatch = dispatch, .members = members, .bell = bell, .log = log};
    lend->extra = (struct pawl_dispatch_extra){
        .settled = lend_settled, .expects = lend_expects, .keeps = lend_keeps, .data = lend};
    pawl__link_init(&lend->sessions);
    pawl__dispatch_extend(dispatch, &lend->extra);
}

void pawl__lend_open(struct pawl_lend *lend, uv_loop_t *loop) {
    uv_timer_init(loop, &lend->timer);
    uv_unref((uv_handle_t *)&lend->timer);
}

void pawl__lend_stop(struct pawl_lend *lend) {
    lend->stopped = true;
    for (struct lend_session *session; (session = lend_first(lend, 0, false));)
        session_end(session, "the daemon is shutting down");
}

void pawl__lend_finish(struct pawl_lend *lend) {
    PAWL_LIST_EACH_SAFE(struct lend_session, session, &lend->sessions, link) {
        pawl__list_remove(&session->worker.link);
        pawl__dispatch_departed_lost(lend->dispatch, &session->worker);
        session_free(session);
    }
}
