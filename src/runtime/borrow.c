#include "runtime/borrow.h"

#include <stdlib.h>

#include "base/clock.h"

// --- when to ask --------------------------------------------------------------------------------

static struct pawl_borrow_session *lender_find(const struct pawl_borrow_lender *lender,
                                               const struct pawl_worker *worker) {
    PAWL_LIST_EACH(struct pawl_borrow_session, session, &lender->sessions, link) {
        if (session->worker == worker) return session;
    }
    return NULL;
}

static void lender_consider(struct pawl_borrower *borrower, struct pawl_borrow_lender *lender,
                            int64_t now) {
    const struct pawl_link *workers = &borrower->dispatch->workers;
    if (now < lender->retry_at) return;
    PAWL_LIST_EACH(struct pawl_worker, worker, workers, link) {
        if (worker->remote) continue;
        struct pawl_borrow_session *session = lender_find(lender, worker);
        if (!session && (lender->hungry || lender->again || worker->serves))
            session = pawl__borrow_session_create(borrower, lender, worker);
        if (session && !pawl__borrow_session_consider(session, now)) {
            pawl__borrow_session_fail(session, "it cannot be asked");
            return;
        }
    }
}

// The lender gives all that the session has to others.
static void borrow_on_unpaid(struct pawl_repay *repay, struct pawl_borrowed *item,
                             const char *why) {
    pawl__borrow_session_fail(item->session, why);
}

bool pawl__borrower_takes(struct pawl_borrower *borrower, struct pawl_call *call) {
    return pawl__repay_takes(&borrower->repay, call);
}

static void borrow_settled(struct pawl_dispatch_extra *extra) {
    struct pawl_borrower *borrower = extra->data;
    bool hungry = false;
    if (borrower->stopped || pawl__list_empty(&borrower->lenders)) return;
    PAWL_LIST_EACH(const struct pawl_borrow_lender, one, &borrower->lenders, link)
        hungry = hungry || one->hungry;
    bool waits = (borrower->dispatch->reserved[0] || borrower->dispatch->reserved[1]) &&
                 pawl__dispatch_waits(borrower->dispatch);
    if (!borrower->stirred && !hungry && !waits) return;
    borrower->stirred = false;
    int64_t now = pawl__clock_steady();
    // The one that was first is last the next time.
    struct pawl_link *first = pawl__list_take(&borrower->lenders);
    pawl__list_add(&borrower->lenders, first);
    PAWL_LIST_EACH(struct pawl_borrow_lender, lender, &borrower->lenders, link)
        lender_consider(borrower, lender, now);
}

// --- giving to workers --------------------------------------------------------------------------

static struct pawl_borrowed *borrow_next(const struct pawl_borrower *borrower) {
    PAWL_LIST_EACH(const struct pawl_borrow_lender, lender, &borrower->lenders, link) {
        for (struct pawl_link *link = lender->sessions.next; link != &lender->sessions;
             link = link->next) {
            struct pawl_borrow_session *session =
                PAWL_CONTAINER(link, struct pawl_borrow_session, link);
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
        struct pawl_borrow_session *session = item->session;
        if (item->until <= pawl__clock_steady()) {
            pawl__borrow_session_fail(session, "others may have what it has lent");
            continue;
        }
        pawl__list_remove(&item->link);
        pawl__list_add(&session->given, &item->link);
        borrower->items.delivered = item;
        if (worker->deliver(worker, item->bytes)) continue;
        if (!borrower->items.delivered) continue; // its worker was detached, and it is gone
        worker->paused = true;                    // it will be detached, or says when it is ready
        pawl__list_remove(&item->link);
        pawl__list_add(&session->waiting, &item->link);
    }
}

static void borrow_lost(struct pawl_dispatch_extra *extra, struct pawl_worker *worker) {
    struct pawl_borrower *borrower = extra->data;
    borrower->stirred = true;
    PAWL_LIST_EACH(struct pawl_borrow_lender, lender, &borrower->lenders, link) {
        struct pawl_borrow_session *session = lender_find(lender, worker);
        if (session) pawl__borrow_session_end(session);
    }
    PAWL_LIST_EACH_SAFE(struct pawl_borrowed, item, &borrower->orphans, link) {
        if (item->worker == worker) pawl__borrowed_free(&borrower->items, item);
    }
}

// --- life ---------------------------------------------------------------------------------------

static void lender_end(struct pawl_borrow_lender *lender) {
    while (!pawl__list_empty(&lender->sessions))
        pawl__borrow_session_end(
            PAWL_CONTAINER(lender->sessions.next, struct pawl_borrow_session, link));
    pawl__list_remove(&lender->link);
    free(lender);
}

static struct pawl_borrow_lender *borrow_lender(struct pawl_borrower *borrower,
                                                struct pawl_str address) {
    PAWL_LIST_EACH(struct pawl_borrow_lender, lender, &borrower->lenders, link) {
        if (pawl__str_equal(pawl__str(lender->address), address)) return lender;
    }
    struct pawl_borrow_lender *lender = calloc(1, sizeof *lender + address.len + 1);
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
    PAWL_LIST_EACH(struct pawl_borrow_lender, one, &borrower->lenders, link) one->is_gone = true;
    for (size_t i = 0; i < members->count; i++) {
        const struct pawl_member *member = &members->list[i];
        if (!member->address.len || pawl__members_is_self(members, member)) continue;
        struct pawl_borrow_lender *lender = borrow_lender(borrower, member->address);
        if (lender) lender->is_gone = false;
    }
    PAWL_LIST_EACH_SAFE(struct pawl_borrow_lender, lender, &borrower->lenders, link) {
        if (lender->is_gone) lender_end(lender);
    }
    if (borrower->stirred) pawl__dispatch_pump(borrower->dispatch);
}

void pawl__borrower_rung(struct pawl_borrower *borrower, const char *address) {
    if (!borrower->peers || borrower->stopped || !*address) return;
    struct pawl_borrow_lender *lender = borrow_lender(borrower, pawl__str(address));
    if (!lender) return; // it rings again
    lender->hungry = true;
    lender->hungry_at = pawl__clock_steady();
    pawl__dispatch_pump(borrower->dispatch);
}

void pawl__borrower_pulse(struct pawl_borrower *borrower) {
    int64_t now = pawl__clock_steady();
    if (pawl__list_empty(&borrower->lenders)) return;
    PAWL_LIST_EACH(struct pawl_borrow_lender, lender, &borrower->lenders, link) {
        PAWL_LIST_EACH_SAFE(struct pawl_borrow_session, session, &lender->sessions, link) {
            if (pawl__borrow_session_is_late(session, now))
                pawl__borrow_session_fail(session, "it does not answer");
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
        lender_end(PAWL_CONTAINER(borrower->lenders.next, struct pawl_borrow_lender, link));
}

void pawl__borrower_finish(struct pawl_borrower *borrower) {
    while (!pawl__list_empty(&borrower->orphans))
        pawl__borrowed_free(&borrower->items,
                            PAWL_CONTAINER(borrower->orphans.next, struct pawl_borrowed, link));
    pawl__borrowed_finish(&borrower->items);
}
