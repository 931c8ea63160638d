#include "runtime/shared.h"

#include <stdlib.h>

#include "base/clock.h"

void pawl__shared_offer(struct pawl_shared_store *shared, struct pawl_offer *offer) {
    offer->is_over = false;
    pawl__link_init(&offer->link);
    uv_mutex_lock(&shared->mutex);
    pawl__list_add(&shared->offers, &offer->link);
    uv_mutex_unlock(&shared->mutex);
}

static struct pawl_offer *shared_offer_of(struct pawl_link *link) {
    return PAWL_CONTAINER(link, struct pawl_offer, link);
}

// The lists of all offers as one, in |all|.
static void shared_join(struct pawl_link *offers, struct pawl_commit *all) {
    struct pawl_part **parts = &all->parts;
    struct pawl_state_tx **state = &all->state;
    for (struct pawl_link *at = offers->next; at != offers; at = at->next) {
        struct pawl_offer *offer = shared_offer_of(at);
        *parts = offer->commit->parts;
        while (*parts) parts = &(*parts)->next;
        *state = offer->commit->state;
        while (*state) state = &(*state)->next;
        offer->parts_end = parts;
        offer->state_end = state;
    }
}

void pawl__shared_commit(struct pawl_shared_store *shared, struct pawl_offer *offer) {
    if (offer->is_over) return;
    struct pawl_link offers;
    struct pawl_commit all = {0};
    struct pawl_error error = {PAWL_E_OK, ""};
    pawl__link_init(&offers);
    uv_mutex_lock(&shared->mutex);
    pawl__list_move(&offers, &shared->offers);
    uv_mutex_unlock(&shared->mutex);
    shared_join(&offers, &all);
    int64_t began = pawl__clock_steady();
    enum pawl_outcome outcome = shared->store->ops->commit(shared->store, &all, &error);
    int64_t took = pawl__clock_steady() - began;
    if (outcome == PAWL_COMMIT_DONE) atomic_fetch_add(&shared->commits, 1);
    for (struct pawl_link *link; (link = pawl__list_take(&offers));) {
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
    atomic_init(&shared->users, users);
    pawl__link_init(&shared->offers);
    if (uv_mutex_init(&shared->mutex)) goto fail;
    if (pawl__jobs_start_lender(&shared->writer, 1)) goto fail_mutex;
    if (pawl__jobs_start_lender(&shared->reader, 1)) goto fail_writer;
    *out = shared;
    return PAWL_OK;
fail_writer:
    pawl__jobs_end_lender(&shared->writer);
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
    uv_mutex_destroy(&shared->mutex);
    free(shared);
}
