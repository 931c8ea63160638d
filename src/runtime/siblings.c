#include "runtime/siblings.h"

#include <stdlib.h>

struct pawl_siblings {
    size_t count;
    atomic_size_t inside; // that have not left
    atomic_size_t open;   // whose inboxes are
    struct pawl_sibling list[];
};

// A call on its way. Belongs to the loop at which it is: |forward| and |link| to the one from which
// it came, all else to the other one until it is answered.
struct crossing {
    struct pawl_job job;    // there, and back
    struct pawl_job cancel; // there
    struct pawl_sibling *from, *to;
    struct pawl_link link;        // in |from->out|
    struct pawl_forward *forward; // NULL: it was given up
    struct pawl_arena arena;
    struct pawl_str request, answer;
    enum pawl_err code;
    const char *why;
    struct pawl_forwarded forwarded;
    bool is_answered;
    atomic_int users; // jobs that are out
};

static void sibling_check_left(struct pawl_sibling *sibling);

// --- calls --------------------------------------------------------------------------------------

static void crossing_unref(struct crossing *crossing) {
    if (atomic_fetch_sub(&crossing->users, 1) > 1) return;
    pawl__arena_finish(&crossing->arena);
    free(crossing);
}

// Takes it back from who waits for it.
static struct pawl_forward *crossing_take(struct crossing *crossing) {
    struct pawl_forward *forward = crossing->forward;
    crossing->forward = NULL;
    pawl__list_remove(&crossing->link);
    return forward;
}

static void crossing_return(struct pawl_job *job) {
    struct crossing *crossing = PAWL_CONTAINER(job, struct crossing, job);
    struct pawl_sibling *sibling = crossing->from;
    struct pawl_forward *forward = crossing_take(crossing);
    if (forward) forward->done(forward, crossing->code, pawl__str(crossing->why), crossing->answer);
    crossing_unref(crossing);
    sibling->away--;
    sibling_check_left(sibling);
}

static void crossing_answer(struct crossing *crossing, enum pawl_err code, const char *why) {
    crossing->code = code;
    crossing->why = why;
    crossing->is_answered = true;
    crossing->job.done = crossing_return;
    pawl__jobs_post(&crossing->from->inbox, &crossing->job);
}

static void crossing_served(struct pawl_call *call, const struct pawl_error *error) {
    struct crossing *crossing = call->data;
    crossing->answer = pawl__forwarded_answer(&crossing->forwarded, error);
    if (crossing->answer.data)
        crossing_answer(crossing, PAWL_OK, "");
    else
        crossing_answer(crossing, PAWL_E_NOMEM, "out of memory");
}

static void crossing_arrive(struct pawl_job *job) {
    struct crossing *crossing = PAWL_CONTAINER(job, struct crossing, job);
    struct pawl_sibling *to = crossing->to;
    struct pawl_forwarded *forwarded = &crossing->forwarded;
    to->calls++;
    if (!to->host) { // nothing was done
        crossing_answer(crossing, PAWL_E_HELD, "the loop of the shard is closing");
        return;
    }
    enum pawl_err err = pawl__forwarded_init(forwarded, crossing->request, &crossing->arena);
    if (err) {
        crossing_answer(crossing, err, "the call of another loop cannot be read");
        return;
    }
    forwarded->verb.call.done = crossing_served;
    forwarded->verb.call.data = crossing;
    to->host->serve(to->host_arg, forwarded);
}

static void crossing_cancel(struct pawl_job *job) {
    struct crossing *crossing = PAWL_CONTAINER(job, struct crossing, cancel);
    if (!crossing->is_answered) {
        pawl__call_cancel(&crossing->forwarded.verb.call);
        crossing_answer(crossing, PAWL_E_CANCELED, "");
    }
    crossing_unref(crossing);
}

static void crossing_give_up(struct crossing *crossing) {
    atomic_fetch_add(&crossing->users, 1);
    crossing->cancel.done = crossing_cancel;
    pawl__jobs_post(&crossing->to->inbox, &crossing->cancel);
}

enum pawl_err pawl__sibling_send(struct pawl_sibling *sibling, size_t index,
                                 struct pawl_forward *forward) {
    struct crossing *crossing = calloc(1, sizeof *crossing);
    char *request = crossing ? pawl__arena_dup(&crossing->arena, forward->request) : NULL;
    if (!request) {
        free(crossing);
        return PAWL_E_NOMEM;
    }
    crossing->request = (struct pawl_str){request, forward->request.len};
    crossing->from = sibling;
    crossing->to = &sibling->all->list[index];
    crossing->forward = forward;
    atomic_init(&crossing->users, 1);
    forward->transport = crossing;
    forward->is_answered_surely = true;
    pawl__list_add(&sibling->out, &crossing->link);
    sibling->away++;
    crossing->job.done = crossing_arrive;
    pawl__jobs_post(&crossing->to->inbox, &crossing->job);
    return PAWL_OK;
}

static enum pawl_err sibling_send(struct pawl_peers *peers, struct pawl_str address,
                                  struct pawl_forward *forward) {
    struct pawl_sibling *sibling = PAWL_CONTAINER(peers, struct pawl_sibling, peers);
    int64_t index;
    if (!pawl__str_to_int(address, 0, (int64_t)sibling->all->count - 1, &index))
        return PAWL_E_UNAVAILABLE;
    return pawl__sibling_send(sibling, (size_t)index, forward);
}

void pawl__sibling_cancel(struct pawl_forward *forward) {
    struct crossing *crossing = forward->transport;
    crossing_take(crossing);
    crossing_give_up(crossing);
}

static bool sibling_cancel(struct pawl_peers *peers, struct pawl_forward *forward) {
    pawl__sibling_cancel(forward);
    return false;
}

static size_t sibling_of(const struct pawl_sibling *sibling, uint32_t shard) {
    return shard % sibling->all->count;
}

bool pawl__sibling_has(const struct pawl_sibling *sibling, uint32_t shard) {
    return sibling_of(sibling, shard) == sibling->index;
}

enum pawl_err pawl__sibling_forward(struct pawl_sibling *sibling, uint32_t shard,
                                    struct pawl_call *call, pawl_forward_failed_fn failed,
                                    void *arg) {
    char address[24];
    snprintf(address, sizeof address, "%zu", sibling_of(sibling, shard));
    const struct pawl_forward_to to = {.address = pawl__str(address)};
    return pawl__forward_begin(&sibling->peers, &to, call, failed, arg);
}

// --- bells --------------------------------------------------------------------------------------

static void sibling_on_bell(struct pawl_job *job) {
    struct pawl_sibling *sibling = PAWL_CONTAINER(job, struct pawl_sibling, bell);
    atomic_store(&sibling->is_rung, false); // first: who rings from now on may mean later mail
    sibling->bells++;
    if (sibling->host) sibling->host->rung(sibling->host_arg);
}

void pawl__sibling_ring(struct pawl_sibling *sibling, uint32_t shard) {
    struct pawl_sibling *to = &sibling->all->list[sibling_of(sibling, shard)];
    if (!atomic_exchange(&to->is_rung, true)) pawl__jobs_post(&to->inbox, &to->bell);
}

// --- rounds -------------------------------------------------------------------------------------

static void round_visit(struct pawl_job *job) {
    struct pawl_round *round = PAWL_CONTAINER(job, struct pawl_round, job);
    const struct pawl_sibling *at = round->at;
    if (at->host && at->host->visited)
        at->host->visited(at->host_arg, round);
    else
        pawl__round_next(round);
}

static void round_return(struct pawl_job *job) {
    struct pawl_round *round = PAWL_CONTAINER(job, struct pawl_round, job);
    struct pawl_sibling *home = round->home;
    round->back(round);
    home->away--;
    sibling_check_left(home);
}

void pawl__round_next(struct pawl_round *round) {
    struct pawl_siblings *all = round->home->all;
    round->at = &all->list[(round->at->index + 1) % all->count];
    round->job.done = round->at == round->home ? round_return : round_visit;
    pawl__jobs_post(&round->at->inbox, &round->job);
}

void pawl__round_begin(struct pawl_sibling *sibling, struct pawl_round *round) {
    round->home = round->at = sibling;
    sibling->away++;
    pawl__round_next(round);
}

// --- life ---------------------------------------------------------------------------------------

void pawl__sibling_join(struct pawl_sibling *sibling, const struct pawl_sibling_host *host,
                        void *arg) {
    sibling->host = host;
    sibling->host_arg = arg;
}

void pawl__sibling_part(struct pawl_sibling *sibling) {
    sibling->host = NULL;
    while (!pawl__list_empty(&sibling->out)) {
        struct crossing *crossing = PAWL_CONTAINER(sibling->out.next, struct crossing, link);
        struct pawl_forward *forward = crossing_take(crossing);
        crossing_give_up(crossing);
        forward->done(forward, PAWL_E_UNAVAILABLE, PAWL_STR("the loop is closing"), PAWL_STR(""));
    }
}

static void sibling_on_closed(void *arg) {
    struct pawl_sibling *sibling = arg;
    struct pawl_siblings *all = sibling->all;
    void (*left)(void *) = sibling->left;
    void *left_arg = sibling->arg;
    if (atomic_fetch_sub(&all->open, 1) == 1) free(all);
    if (left) left(left_arg);
}

static void sibling_on_stop(struct pawl_job *job) {
    struct pawl_sibling *sibling = PAWL_CONTAINER(job, struct pawl_sibling, stop);
    pawl__jobs_stop(&sibling->inbox, sibling_on_closed, sibling);
}

// The last one to leave stops the inboxes. Nobody has anything for anybody by then: the stop is the
// last job of each.
static void sibling_check_left(struct pawl_sibling *sibling) {
    struct pawl_siblings *all = sibling->all;
    if (!sibling->is_leaving || sibling->away || atomic_fetch_sub(&all->inside, 1) > 1) return;
    for (size_t i = 0; i < all->count; i++) {
        all->list[i].stop.done = sibling_on_stop;
        pawl__jobs_post(&all->list[i].inbox, &all->list[i].stop);
    }
}

void pawl__sibling_leave(struct pawl_sibling *sibling, void (*left)(void *arg), void *arg) {
    sibling->left = left;
    sibling->arg = arg;
    sibling->is_leaving = true;
    sibling_check_left(sibling);
}

struct pawl_sibling *pawl__siblings_at(struct pawl_siblings *siblings, size_t index) {
    return &siblings->list[index];
}

enum pawl_err pawl__siblings_create(uv_loop_t *const *loops, size_t count,
                                    struct pawl_siblings **out, struct pawl_error *error) {
    struct pawl_siblings *all = calloc(1, sizeof *all + count * sizeof *all->list);
    if (!all) return pawl__fail_plain(error, PAWL_E_NOMEM);
    all->count = count;
    atomic_init(&all->inside, count);
    size_t made = 0;
    for (; made < count; made++) {
        struct pawl_sibling *sibling = &all->list[made];
        *sibling = (struct pawl_sibling){
            .all = all, .index = made, .peers = {.send = sibling_send, .cancel = sibling_cancel}};
        sibling->bell.done = sibling_on_bell;
        pawl__link_init(&sibling->out);
        if (pawl__jobs_start(&sibling->inbox, loops[made], 0)) break;
    }
    atomic_init(&all->open, made);
    if (made == count) {
        *out = all;
        return PAWL_OK;
    }
    if (!made) free(all);
    while (made) sibling_on_stop(&all->list[--made].stop);
    return pawl__fail_plain(error, PAWL_E_NOMEM);
}
