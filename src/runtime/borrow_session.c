#include "runtime/borrow_session.h"

#include <stdlib.h>

#include "base/clock.h"

static const char *const session_scope = "dapr.runtime.wfengine";

enum {
    SESSION_MOST = 64 // items that a call asks for
};

#define SESSION_RETRY (PAWL_SECOND / 2)  // after it has failed
#define SESSION_LATE  (5 * PAWL_SECOND)  // room that a lender does not answer for is taken back
#define SESSION_BACK  (1 * PAWL_SECOND)  // the same, when it was asked back
#define SESSION_IDLE  (30 * PAWL_SECOND) // without items it ends after it

// A call that asks for items.
struct borrow_ask {
    struct pawl_borrow verb;
    struct pawl_link link;
    struct pawl_borrow_session *session;
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

void pawl__borrow_session_end(struct pawl_borrow_session *session) {
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

void pawl__borrow_session_fail(struct pawl_borrow_session *session, const char *why) {
    struct pawl_borrow_lender *lender = session->lender;
    pawl__log(session->borrower->log, PAWL_LOG_DEBUG, session_scope,
              "nothing is borrowed from %s for a while: %s", lender->address, why);
    lender->retry_at = pawl__clock_steady() + SESSION_RETRY;
    lender->hungry = false;
    lender->again = true;
    pawl__borrow_session_end(session);
}

struct pawl_borrow_session *pawl__borrow_session_create(struct pawl_borrower *borrower,
                                                        struct pawl_borrow_lender *lender,
                                                        struct pawl_worker *worker) {
    struct pawl_borrow_session *session = calloc(1, sizeof *session);
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

// Until when what |ask| has brought is the lender's for certain; steady. It was asked a moment
// before the lender heard of it.
static int64_t ask_until(const struct borrow_ask *ask) {
    int64_t lasts = ask->verb.lasts;
    return lasts < INT64_MAX - ask->at ? ask->at + lasts : INT64_MAX;
}

// False: what was lent cannot be taken.
static bool session_take(struct pawl_borrow_session *session, const struct borrow_ask *ask) {
    struct pawl_borrower *borrower = session->borrower;
    const struct pawl_borrow *verb = &ask->verb;
    for (size_t i = 0; i < verb->item_count; i++) {
        struct pawl_borrowed *item =
            pawl__borrowed_create(&borrower->items, verb->items[i], session->worker);
        if (!item) return false;
        item->session = session;
        item->until = ask_until(ask);
        item->lender = session->lender->address;
        pawl__list_add(&session->waiting, &item->link);
    }
    return true;
}

// --- answers of lenders -------------------------------------------------------------------------

static void session_note(struct pawl_borrow_lender *lender, bool hungry) {
    if (hungry && !lender->hungry) lender->hungry_at = pawl__clock_steady();
    lender->hungry = hungry;
}

static void ask_on_done(struct pawl_call *call, const struct pawl_error *error) {
    struct borrow_ask *ask = PAWL_CONTAINER(call, struct borrow_ask, verb.call);
    struct pawl_borrow_session *session = ask->session;
    struct pawl_borrower *borrower = session->borrower;
    borrower->stirred = true;
    ask_release(ask);
    pawl__list_remove(&ask->link);
    if (error) {
        pawl__borrow_session_fail(session, error->text);
    } else {
        session_note(session->lender, ask->verb.more);
        session->lender->again = false;
        if (ask->verb.item_count) session->used_at = pawl__clock_steady();
        if (!session_take(session, ask))
            pawl__borrow_session_fail(session,
                                      "what it lends cannot be taken"); // and is given anew
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

static bool session_name(const struct pawl_borrow_session *session, struct borrow_ask *ask) {
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

// The last call of those whose items are all with the worker; 0: it has not taken some yet.
static uint64_t session_taken(const struct pawl_borrow_session *session) {
    if (!pawl__list_empty(&session->waiting)) return 0;
    if (pawl__list_empty(&session->asks)) return session->number;
    return PAWL_CONTAINER(session->asks.next, const struct borrow_ask, link)->verb.number - 1;
}

// Asks for so much, and keeps it free if |reserves|. False: it cannot be sent.
static bool session_ask(struct pawl_borrow_session *session, const uint32_t room[2], uint32_t both,
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
    verb->taken = session_taken(session);
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

static struct borrow_ask *session_last(const struct pawl_borrow_session *session) {
    if (pawl__list_empty(&session->asks)) return NULL;
    return PAWL_CONTAINER(session->asks.prev, struct borrow_ask, link);
}

static bool session_is_used(const struct pawl_borrow_session *session, int64_t now) {
    return session->worker->serves || session->lender->hungry ||
           !pawl__list_empty(&session->given) || !pawl__list_empty(&session->waiting) ||
           now - session->used_at < SESSION_IDLE;
}

static uint32_t session_least(size_t a, size_t b) {
    size_t least = a < b ? a : b;
    return (uint32_t)(least < SESSION_MOST ? least : SESSION_MOST);
}

// Whether another lender is in need since room was last asked for at this one.
static bool session_others_need(const struct pawl_borrower *borrower,
                                const struct borrow_ask *ask) {
    PAWL_LIST_EACH(const struct pawl_borrow_lender, lender, &borrower->lenders, link) {
        if (lender != ask->session->lender && lender->hungry && lender->hungry_at > ask->at)
            return true;
    }
    return false;
}

bool pawl__borrow_session_consider(struct pawl_borrow_session *session, int64_t now) {
    const struct pawl_borrower *borrower = session->borrower;
    const struct pawl_worker *worker = session->worker;
    const struct borrow_ask *last = session_last(session);
    size_t room[2] = {pawl__choose_room(borrower->dispatch, worker, false),
                      pawl__choose_room(borrower->dispatch, worker, true)};
    static const uint32_t most[2] = {SESSION_MOST, SESSION_MOST}, none[2] = {0, 0};
    if (room[0] == SIZE_MAX && room[1] == SIZE_MAX) // it has no limit, nor has the daemon
        return (last && last->both) || !session_is_used(session, now) ||
               session_ask(session, most, SESSION_MOST, false);
    if (last && last->reserves) { // is the room wanted elsewhere?
        bool back =
            pawl__choose_wanted(borrower->dispatch, worker) || session_others_need(borrower, last);
        return !back || session_ask(session, none, 0, false);
    }
    bool wanted = session->lender->hungry && !worker->paused && (room[0] || room[1]);
    if (!wanted)
        return last || !session_is_used(session, now) || session_ask(session, none, 0, false);
    size_t free = worker->limit ? worker->limit - worker->in_flight - worker->reserved : SIZE_MAX;
    const uint32_t ask[2] = {session_least(room[0], free), session_least(room[1], free)};
    return session_ask(session, ask, session_least(free, (size_t)ask[0] + ask[1]), true);
}

bool pawl__borrow_session_is_late(const struct pawl_borrow_session *session, int64_t now) {
    const struct borrow_ask *last = session_last(session);
    PAWL_LIST_EACH(const struct borrow_ask, ask, &session->asks, link) {
        if (ask->reserves &&
            (now - ask->at > SESSION_LATE || (ask != last && now - last->at > SESSION_BACK)))
            return true;
    }
    return false;
}
