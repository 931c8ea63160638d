#include "runtime/shared.h"

#include <sched.h>
#include <stdlib.h>

#include "base/clock.h"

enum {
    SHARED_CROWD = 8 // records that are many
};

#define SHARED_PATIENCE (PAWL_MILLISECOND / 2) // at most

void pawl__shared_offer(struct pawl_shared_store *shared, struct pawl_offer *offer) {
    offer->is_over = false;
    pawl__link_init(&offer->link);
    uv_mutex_lock(&shared->mutex);
    pawl__list_add(&shared->offers, &offer->link);
    uv_cond_signal(&shared->came);
    uv_mutex_unlock(&shared->mutex);
}

void pawl__shared_yield(struct pawl_shared_store *shared) {
    if (!atomic_load_explicit(&shared->writer.is_ahead, memory_order_relaxed)) sched_yield();
}

static struct pawl_offer *shared_offer_of(struct pawl_link *link) {
    return PAWL_CONTAINER(link, struct pawl_offer, link);
}

// A commit of what several offer.
struct shared_round {
    struct pawl_shared_store *shared;
    struct pawl_link offers; // that are in it
    size_t crowd, awaited; // that have much to write; of the last round's, those that have not come
    int64_t patience;      // nanoseconds for which it still waits for them
    int64_t waited;
    struct pawl_commit all; // their lists as one
    struct pawl_part **parts_end;
    struct pawl_state_tx **state_end;
};

static void round_add(struct shared_round *round, struct pawl_offer *offer) {
    *round->parts_end = offer->commit->parts;
    while (*round->parts_end) round->parts_end = &(*round->parts_end)->next;
    *round->state_end = offer->commit->state;
    while (*round->state_end) round->state_end = &(*round->state_end)->next;
    offer->parts_end = round->parts_end;
    offer->state_end = round->state_end;
    pawl__list_add(&round->offers, &offer->link);
    uint64_t number = round->shared->round;
    if (offer->crowd + 1 == number) round->awaited--;
    if (offer->records < SHARED_CROWD) return;
    offer->crowd = number;
    round->crowd++;
}

// Takes what is offered; false: nothing is, also after |patience|.
static bool round_take(struct shared_round *round, int64_t patience) {
    struct pawl_shared_store *shared = round->shared;
    struct pawl_link offers;
    pawl__link_init(&offers);
    uv_mutex_lock(&shared->mutex);
    int late = 0;
    while (patience && !late && pawl__list_empty(&shared->offers))
        late = uv_cond_timedwait(&shared->came, &shared->mutex, (uint64_t)patience);
    pawl__list_move(&offers, &shared->offers);
    uv_mutex_unlock(&shared->mutex);
    bool any = !pawl__list_empty(&offers);
    for (struct pawl_link *link; (link = pawl__list_take(&offers));)
        round_add(round, shared_offer_of(link));
    return any;
}

static bool round_more(void *arg) {
    struct shared_round *round = arg;
    bool waits = round->awaited && round->crowd && round->patience > 0;
    int64_t began = pawl__clock_steady();
    bool any = round_take(round, waits ? round->patience : 0);
    if (!waits) return any;
    int64_t waited = pawl__clock_steady() - began;
    round->patience -= waited;
    round->waited += waited;
    return any;
}

static void shared_measure(struct pawl_shared_store *shared, int64_t took) {
    shared->took = shared->took ? shared->took + (took - shared->took) / 8 : took;
}

void pawl__shared_commit(struct pawl_shared_store *shared, struct pawl_offer *offer) {
    if (offer->is_over) return;
    int64_t half = shared->took / 2;
    struct shared_round round = {.shared = shared,
                                 .awaited = shared->crowd,
                                 .patience = half < SHARED_PATIENCE ? half : SHARED_PATIENCE};
    struct pawl_error error = {PAWL_E_OK, ""};
    round.parts_end = &round.all.parts;
    round.state_end = &round.all.state;
    round.all.more = round_more;
    round.all.arg = &round;
    pawl__link_init(&round.offers);
    shared->round++;
    round_take(&round, 0);
    int64_t began = pawl__clock_steady();
    enum pawl_outcome outcome = shared->store->ops->commit(shared->store, &round.all, &error);
    int64_t took = pawl__clock_steady() - began;
    if (outcome == PAWL_COMMIT_DONE) atomic_fetch_add(&shared->commits, 1);
    if (outcome == PAWL_COMMIT_DONE) shared_measure(shared, took - round.waited);
    shared->crowd = round.crowd;
    for (struct pawl_link *link; (link = pawl__list_take(&round.offers));) {
        struct pawl_offer *one = shared_offer_of(link);
        *one->parts_end = NULL; // each list ends again where the next one began
        *one->state_end = NULL;
        one->outcome = outcome;
        one->took = took;
        one->is_over = true;
        if (outcome != PAWL_COMMIT_DONE) *one->error = error;
    }
}

enum pawl_err pawl__shared_create(struct pawl_store *store, size_t users,
                                  struct pawl_shared_store **out, struct pawl_error *error) {
    struct pawl_shared_store *shared = calloc(1, sizeof *shared);
    if (!shared) goto fail_store;
    shared->store = store;
    shared->round = 1; // so that nobody was in the one before
    atomic_init(&shared->users, users);
    pawl__link_init(&shared->offers);
    if (uv_mutex_init(&shared->mutex)) goto fail;
    if (uv_cond_init(&shared->came)) goto fail_mutex;
    if (pawl__jobs_start_lender(&shared->writer, 1, true)) goto fail_cond;
    if (pawl__jobs_start_lender(&shared->reader, 1, false)) goto fail_writer;
    *out = shared;
    return PAWL_OK;
fail_writer:
    pawl__jobs_end_lender(&shared->writer);
fail_cond:
    uv_cond_destroy(&shared->came);
fail_mutex:
    uv_mutex_destroy(&shared->mutex);
fail:
    free(shared);
fail_store:
    store->ops->close(store);
    return pawl__fail(error, PAWL_E_NOMEM, "cannot start threads for the store");
}

void pawl__shared_hold(struct pawl_shared_store *shared) {
    atomic_fetch_add(&shared->users, 1);
}

void pawl__shared_release(struct pawl_shared_store *shared) {
    if (atomic_fetch_sub(&shared->users, 1) > 1) return;
    pawl__jobs_end_lender(&shared->writer);
    pawl__jobs_end_lender(&shared->reader);
    shared->store->ops->close(shared->store);
    uv_cond_destroy(&shared->came);
    uv_mutex_destroy(&shared->mutex);
    free(shared);
}
