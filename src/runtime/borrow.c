#include "runtime/borrow.h"

#include <stdlib.h>

#include "base/clock.h"

static const char *const borrow_scope = "dapr.runtime.wfengine";

enum {
    BORROW_MOST = 64 // items that a call asks for
};

#define BORROW_RETRY (PAWL_SECOND / 2)  // after a session has failed
#define BORROW_LATE  (5 * PAWL_SECOND)  // room that a lender does not answer for is taken back
#define BORROW_BACK  (1 * PAWL_SECOND)  // the same, when it was asked back
#define BORROW_IDLE  (30 * PAWL_SECOND) // a session without items ends after it

// Another daemon of the app.
struct borrow_lender {
    struct pawl_link link;
    struct pawl_link sessions;
    bool hungry; // work waits there that it has no worker with room for
    bool is_gone;
    bool again; // a session has failed: the lender has to know, which gives its items to others
    int64_t hungry_at; // since when; steady
    int64_t retry_at;  // steady
    char address[];
};

// One worker at one lender.
struct borrow_session {
    struct pawl_link link;
    struct pawl_borrower *borrower;
    struct borrow_lender *lender;
    struct pawl_worker *worker;
    struct pawl_link asks;    // that are open, the newest last
    struct pawl_link waiting; // items that the worker does not take yet
    struct pawl_link given;   // those that it has
    uint64_t attempt, number;
    int64_t used_at; // steady
};

// A call that asks for items.
struct borrow_ask {
    struct pawl_borrow verb;
    struct pawl_link link;
    struct borrow_session *session;
    struct pawl_arena arena;
    uint32_t room[2], both; // that is reserved for it
    int64_t at;             // steady
    bool reserves;
};

// --- sessions -----------------------------------------------------------------------------------

static void ask_release(struct borrow_ask *ask) {
    struct pawl_dispatch *dispatch = ask->session->borrower->dispatch;
    if (!ask->reserves) return;
    ask->reserves = false;
    dispatch->reserved[0] -= ask->room[0];
    dispatch->reserved[1] -= ask->room[1];
    ask->session->worker->reserved -= ask->both;
}

static void ask_free(struct borrow_ask *ask) {
    pawl__list_remove(&ask->link);
    pawl__arena_finish(&ask->arena);
    free(ask);
}

// What the worker has stays with it; its answers will be of no use.
static void session_end(struct borrow_session *session) {
    struct pawl_borrower *borrower = session->borrower;
    while (!pawl__list_empty(&session->asks)) {
        struct borrow_ask *ask = PAWL_CONTAINER(session->asks.next, struct borrow_ask, link);
        pawl__call_cancel(&ask->verb.call);
        ask_release(ask);
        ask_free(ask);
    }
    PAWL_LIST_EACH(struct pawl_borrowed, borrowed, &session->given, link) borrowed->session = NULL;
    pawl__list_move(&borrower->orphans, &session->given);
    while (!pawl__list_empty(&session->waiting))
        pawl__borrowed_free(&borrower->items,
                            PAWL_CONTAINER(session->waiting.next, struct pawl_borrowed, link));
    pawl__list_remove(&session->link);
    borrower->stirred = true;
    free(session);
}

static void session_fail(struct borrow_session *session, const char *why) {
    struct borrow_lender *lender = session->lender;
    pawl__log(session->borrower->log, PAWL_LOG_DEBUG, borrow_scope,
              "nothing is borrowed from %s for a while: %s", lender->address, why);
    lender->retry_at = pawl__clock_steady() + BORROW_RETRY;
    lender->hungry = false;
    lender->again = true;
    session_end(session);
}

static struct borrow_session *session_create(struct pawl_borrower *borrower,
                                             struct borrow_lender *lender,
                                             struct pawl_worker *worker) {
    struct borrow_session *session = calloc(1, sizeof *session);
    if (!session) return NULL;
    session->borrower = borrower;
    session->lender = lender;
    session->worker = worker;
    session->attempt = ++borrower->attempts;
    session->used_at = pawl__clock_steady();
    pawl__link_init(&session->asks);
    pawl__link_init(&session->waiting);
    pawl__link_init(&session->given);
    pawl__link_init(&session->link);
    pawl__list_add(&lender->sessions, &session->link);
    return session;
}

// False: what was lent cannot be taken.
static bool session_take(struct borrow_session *session, const struct pawl_borrow *verb) {
    struct pawl_borrower *borrower = session->borrower;
    for (size_t i = 0; i < verb->item_count; i++) {
        struct pawl_borrowed *item =
            pawl__borrowed_create(&borrower->items, verb->items[i], session->worker);
        if (!item) return false;
        item->session = session;
        item->lender = session->lender->address;
        pawl__list_add(&session->waiting, &item->link);
    }
    return true;
}

// --- answers of lenders -------------------------------------------------------------------------

static void lender_note(struct borrow_lender *lender, bool hungry) {
    if (hungry && !lender->hungry) lender->hungry_at = pawl__clock_steady();
    lender->hungry = hungry;
}

static void ask_on_done(struct pawl_call *call, const struct pawl_error *error) {
    struct borrow_ask *ask = PAWL_CONTAINER(call, struct borrow_ask, verb.call);
    struct borrow_session *session = ask->session;
    struct pawl_borrower *borrower = session->borrower;
    borrower->stirred = true;
    ask_release(ask);
    pawl__list_remove(&ask->link);
    if (error) {
        session_fail(session, error->text);
    } else {
        lender_note(session->lender, ask->verb.more);
        session->lender->again = false;
        if (ask->verb.item_count) session->used_at = pawl__clock_steady();
        if (!session_take(session, &ask->verb))
            session_fail(session, "what it lends cannot be taken"); // and is given anew
    }
    ask_free(ask);
    pawl__dispatch_pump(borrower->dispatch);
}

static void ask_on_failed(struct pawl_call *call, bool moved, struct pawl_str text, void *arg) {
    struct pawl_error error;
    pawl__fail(&error, PAWL_E_UNAVAILABLE, "%.*s", PAWL_FMT(text));
    ask_on_done(call, &error);
}

// --- asking -------------------------------------------------------------------------------------

static bool session_name(const struct borrow_session *session, struct borrow_ask *ask) {
    const struct pawl_worker *worker = session->worker;
    struct pawl_borrow *verb = &ask->verb;
    verb->says = worker->serves;
    for (int turn = 0; worker->serves && turn < 2; turn++) {
        size_t at = 0, count = 0;
        while (worker->names(worker, turn, &at)) count++;
        char **names = pawl__arena_alloc(&ask->arena, (count + 1) * sizeof *names);
        if (!names) return false;
        at = 0;
        for (size_t i = 0; i < count; i++)
            names[i] = (char *)(uintptr_t)worker->names(worker, turn, &at);
        verb->names[turn] = names;
        verb->name_count[turn] = count;
    }
    return true;
}

// Asks for so much, and keeps it free if |reserves|. False: it cannot be sent.
static bool session_ask(struct borrow_session *session, const uint32_t room[2], uint32_t both,
                        bool reserves) {
    struct pawl_borrower *borrower = session->borrower;
    struct borrow_ask *ask = calloc(1, sizeof *ask);
    if (!ask) return false;
    ask->session = session;
    ask->at = pawl__clock_steady();
    ask->both = both;
    memcpy(ask->room, room, sizeof ask->room);
    pawl__link_init(&ask->link);
    struct pawl_borrow *verb = &ask->verb;
    pawl__borrow_init(verb, &ask->arena);
    verb->daemon = borrower->daemon;
    verb->address = borrower->address;
    verb->worker = session->worker->number;
    verb->attempt = session->attempt;
    verb->number = ++session->number;
    memcpy(verb->room, room, sizeof verb->room);
    verb->both = both;
    verb->dialect = session->worker->dialect;
    verb->keeps_history = session->worker->keeps_history;
    verb->message = session->worker->message;
    verb->call.done = ask_on_done;
    const struct pawl_forward_to to = {.address = pawl__str(session->lender->address)};
    if (!session_name(session, ask) ||
        pawl__forward_begin(borrower->peers, &to, &verb->call, ask_on_failed, NULL)) {
        ask_free(ask);
        return false;
    }
    pawl__list_add(&session->asks, &ask->link);
    if (!reserves) return true;
    ask->reserves = true;
    borrower->dispatch->reserved[0] += room[0];
    borrower->dispatch->reserved[1] += room[1];
    session->worker->reserved += both;
    return true;
}

static struct borrow_ask *session_last(const struct borrow_session *session) {
    if (pawl__list_empty(&session->asks)) return NULL;
    return PAWL_CONTAINER(session->asks.prev, struct borrow_ask, link);
}

static bool session_is_used(const struct borrow_session *session, int64_t now) {
    return session->worker->serves || session->lender->hungry ||
           !pawl__list_empty(&session->given) || !pawl__list_empty(&session->waiting) ||
           now - session->used_at < BORROW_IDLE;
}

static uint32_t borrow_least(size_t a, size_t b) {
    size_t least = a < b ? a : b;
    return (uint32_t)(least < BORROW_MOST ? least : BORROW_MOST);
}

// Whether another lender is in need since room was last asked for at this one.
static bool borrow_others_need(const struct pawl_borrower *borrower, const struct borrow_ask *ask) {
    PAWL_LIST_EACH(const struct borrow_lender, lender, &borrower->lenders, link) {
        if (lender != ask->session->lender && lender->hungry && lender->hungry_at > ask->at)
            return true;
    }
    return false;
}

// Asks for what the worker has room for now, if that is another answer than the last.
static bool session_consider(struct borrow_session *session, int64_t now) {
    const struct pawl_borrower *borrower = session->borrower;
    const struct pawl_worker *worker = session->worker;
    const struct borrow_ask *last = session_last(session);
    size_t room[2] = {pawl__choose_room(borrower->dispatch, worker, false),
                      pawl__choose_room(borrower->dispatch, worker, true)};
    static const uint32_t most[2] = {BORROW_MOST, BORROW_MOST}, none[2] = {0, 0};
    if (room[0] == SIZE_MAX && room[1] == SIZE_MAX) // it has no limit, nor has the daemon
        return (last && last->both) || !session_is_used(session, now) ||
               session_ask(session, most, BORROW_MOST, false);
    if (last && last->reserves) { // is the room wanted elsewhere?
        bool back =
            pawl__choose_wanted(borrower->dispatch, worker) || borrow_others_need(borrower, last);
        return !back || session_ask(session, none, 0, false);
    }
    bool wanted = session->lender->hungry && !worker->paused && (room[0] || room[1]);
    if (!wanted)
        return last || !session_is_used(session, now) || session_ask(session, none, 0, false);
    size_t free = worker->limit ? worker->limit - worker->in_flight - worker->reserved : SIZE_MAX;
    const uint32_t ask[2] = {borrow_least(room[0], free), borrow_least(room[1], free)};
    return session_ask(session, ask, borrow_least(free, (size_t)ask[0] + ask[1]), true);
}

static struct borrow_session *lender_find(const struct borrow_lender *lender,
                                          const struct pawl_worker *worker) {
    PAWL_LIST_EACH(struct borrow_session, session, &lender->sessions, link) {
        if (session->worker == worker) return session;
    }
    return NULL;
}

static void lender_consider(struct pawl_borrower *borrower, struct borrow_lender *lender,
                            int64_t now) {
    const struct pawl_link *workers = &borrower->dispatch->workers;
    if (now < lender->retry_at) return;
    PAWL_LIST_EACH(struct pawl_worker, worker, workers, link) {
        if (worker->remote) continue;
        struct borrow_session *session = lender_find(lender, worker);
        if (!session && (lender->hungry || lender->again || worker->serves))
            session = session_create(borrower, lender, worker);
        if (session && !session_consider(session, now)) {
            session_fail(session, "it cannot be asked");
            return;
        }
    }
}

// The lender gives all that the session has to others.
static void borrow_on_unpaid(struct pawl_repay *repay, struct pawl_borrowed *item,
                             const char *why) {
    session_fail(item->session, why);
}

bool pawl__borrower_takes(struct pawl_borrower *borrower, struct pawl_call *call) {
    return pawl__repay_takes(&borrower->repay, call);
}

static void borrow_settled(struct pawl_dispatch_extra *extra) {
    struct pawl_borrower *borrower = extra->data;
    bool hungry = false;
    if (borrower->stopped || pawl__list_empty(&borrower->lenders)) return;
    PAWL_LIST_EACH(const struct borrow_lender, one, &borrower->lenders, link)
        hungry = hungry || one->hungry;
    bool waits = (borrower->dispatch->reserved[0] || borrower->dispatch->reserved[1]) &&
                 pawl__dispatch_waits(borrower->dispatch);
    if (!borrower->stirred && !hungry && !waits) return;
    borrower->stirred = false;
    int64_t now = pawl__clock_steady();
    // The one that was first is last the next time.
    struct pawl_link *first = pawl__list_take(&borrower->lenders);
    pawl__list_add(&borrower->lenders, first);
    PAWL_LIST_EACH(struct borrow_lender, lender, &borrower->lenders, link)
        lender_consider(borrower, lender, now);
}

// --- giving to workers --------------------------------------------------------------------------

static struct pawl_borrowed *borrow_next(const struct pawl_borrower *borrower) {
    PAWL_LIST_EACH(const struct borrow_lender, lender, &borrower->lenders, link) {
        for (struct pawl_link *link = lender->sessions.next; link != &lender->sessions;
             link = link->next) {
            struct borrow_session *session = PAWL_CONTAINER(link, struct borrow_session, link);
            if (!pawl__list_empty(&session->waiting) && !session->worker->paused)
                return PAWL_CONTAINER(session->waiting.next, struct pawl_borrowed, link);
        }
    }
    return NULL;
}

// Each has its room already; it waits only while its worker's stream is full.
static void borrow_pump(struct pawl_dispatch_extra *extra) {
    struct pawl_borrower *borrower = extra->data;
    for (struct pawl_borrowed *item; (item = borrow_next(borrower));) {
        struct pawl_worker *worker = item->worker;
        struct pawl_str token = item->token;
        pawl__list_remove(&item->link);
        struct borrow_session *session = item->session;
        pawl__list_add(&session->given, &item->link);
        if (worker->deliver(worker, item->bytes)) continue;
        // If the worker was detached the item is gone with it.
        if (!pawl__borrowed_has(&borrower->items, token, item)) continue;
        worker->paused = true; // it will be detached, or says when it is ready
        pawl__list_remove(&item->link);
        pawl__list_add(&session->waiting, &item->link);
    }
}

static void borrow_lost(struct pawl_dispatch_extra *extra, struct pawl_worker *worker) {
    struct pawl_borrower *borrower = extra->data;
    borrower->stirred = true;
    PAWL_LIST_EACH(struct borrow_lender, lender, &borrower->lenders, link) {
        struct borrow_session *session = lender_find(lender, worker);
        if (session) session_end(session);
    }
    PAWL_LIST_EACH_SAFE(struct pawl_borrowed, item, &borrower->orphans, link) {
        if (item->worker == worker) pawl__borrowed_free(&borrower->items, item);
    }
}

// --- life ---------------------------------------------------------------------------------------

static void lender_end(struct borrow_lender *lender) {
    while (!pawl__list_empty(&lender->sessions))
        session_end(PAWL_CONTAINER(lender->sessions.next, struct borrow_session, link));
    pawl__list_remove(&lender->link);
    free(lender);
}

static struct borrow_lender *borrow_lender(struct pawl_borrower *borrower,
                                           struct pawl_str address) {
    PAWL_LIST_EACH(struct borrow_lender, lender, &borrower->lenders, link) {
        if (pawl__str_equal(pawl__str(lender->address), address)) return lender;
    }
    struct borrow_lender *lender = calloc(1, sizeof *lender + address.len + 1);
    if (!lender) return NULL;
    memcpy(lender->address, address.data, address.len);
    pawl__link_init(&lender->sessions);
    pawl__link_init(&lender->link);
    pawl__list_add(&borrower->lenders, &lender->link);
    borrower->stirred = true;
    return lender;
}

void pawl__borrower_seen(struct pawl_borrower *borrower, const struct pawl_members *members) {
    if (!borrower->peers || borrower->stopped) return;
    PAWL_LIST_EACH(struct borrow_lender, one, &borrower->lenders, link) one->is_gone = true;
    for (size_t i = 0; i < members->count; i++) {
        const struct pawl_member *member = &members->list[i];
        if (!member->address.len || pawl__members_is_self(members, member)) continue;
        struct borrow_lender *lender = borrow_lender(borrower, member->address);
        if (lender) lender->is_gone = false;
    }
    PAWL_LIST_EACH_SAFE(struct borrow_lender, lender, &borrower->lenders, link) {
        if (lender->is_gone) lender_end(lender);
    }
    if (borrower->stirred) pawl__dispatch_pump(borrower->dispatch);
}

void pawl__borrower_rung(struct pawl_borrower *borrower, const char *address) {
    if (!borrower->peers || borrower->stopped || !*address) return;
    struct borrow_lender *lender = borrow_lender(borrower, pawl__str(address));
    if (!lender) return; // it rings again
    lender->hungry = true;
    lender->hungry_at = pawl__clock_steady();
    pawl__dispatch_pump(borrower->dispatch);
}

// Whether room has been kept free for a lender for too long.
static bool session_is_late(const struct borrow_session *session, int64_t now) {
    const struct borrow_ask *last = session_last(session);
    PAWL_LIST_EACH(const struct borrow_ask, ask, &session->asks, link) {
        if (ask->reserves &&
            (now - ask->at > BORROW_LATE || (ask != last && now - last->at > BORROW_BACK)))
            return true;
    }
    return false;
}

void pawl__borrower_pulse(struct pawl_borrower *borrower) {
    int64_t now = pawl__clock_steady();
    if (pawl__list_empty(&borrower->lenders)) return;
    PAWL_LIST_EACH(struct borrow_lender, lender, &borrower->lenders, link) {
        PAWL_LIST_EACH_SAFE(struct borrow_session, session, &lender->sessions, link) {
            if (session_is_late(session, now)) session_fail(session, "it does not answer");
        }
    }
    borrower->stirred = true; // what has failed is tried again
    pawl__dispatch_pump(borrower->dispatch);
}

void pawl__borrower_init(struct pawl_borrower *borrower, struct pawl_dispatch *dispatch,
                         struct pawl_peers *peers, const char *daemon, const char *address,
                         const struct pawl_log *log) {
    *borrower = (struct pawl_borrower){.dispatch = dispatch,
                                       .peers = address ? peers : NULL,
                                       .daemon = daemon,
                                       .address = address,
                                       .log = log};
    pawl__link_init(&borrower->lenders);
    pawl__link_init(&borrower->orphans);
    pawl__borrowed_init(&borrower->items, dispatch);
    pawl__repay_init(&borrower->repay, &borrower->items, peers, borrow_on_unpaid);
    borrower->extra = (struct pawl_dispatch_extra){
        .pump = borrow_pump, .settled = borrow_settled, .lost = borrow_lost, .data = borrower};
    pawl__dispatch_extend(dispatch, &borrower->extra);
}

void pawl__borrower_stop(struct pawl_borrower *borrower) {
    borrower->stopped = true;
    pawl__repay_stop(&borrower->repay);
    while (!pawl__list_empty(&borrower->lenders))
        lender_end(PAWL_CONTAINER(borrower->lenders.next, struct borrow_lender, link));
}

void pawl__borrower_finish(struct pawl_borrower *borrower) {
    while (!pawl__list_empty(&borrower->orphans))
        pawl__borrowed_free(&borrower->items,
                            PAWL_CONTAINER(borrower->orphans.next, struct pawl_borrowed, link));
    pawl__borrowed_finish(&borrower->items);
}
