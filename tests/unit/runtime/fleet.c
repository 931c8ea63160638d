#include "fleet.h"

#include "runtime/forward.h"

enum {
    FLEET_LONG = 700 // steps
};

enum letter_state {
    LETTER_SENT,
    LETTER_SERVED,
    LETTER_ANSWERED
};

struct letter {
    struct pawl_link link;
    struct fleet *fleet;
    struct pawl_forward *forward; // NULL: it was canceled
    int from, to;
    enum letter_state state;
    bool is_unanswered; // its answer will be lost
    bool is_copy;       // of another
    int delay;          // steps until it arrives
    struct pawl_buf request, answer;
    struct pawl_arena arena;
    struct pawl_forwarded forwarded;
};

static int fleet_find(const struct fleet *fleet, struct pawl_str address) {
    for (int i = 0; i < fleet->count; i++)
        if (pawl__str_equal(pawl__str(fleet->ends[i].address), address)) return i;
    fail_msg("nobody is at %.*s", PAWL_FMT(address));
    return -1;
}

static enum pawl_err fleet_send(struct pawl_peers *peers, struct pawl_str address,
                                struct pawl_forward *forward) {
    struct fleet_end *end = PAWL_CONTAINER(peers, struct fleet_end, peers);
    struct fleet *fleet = end->fleet;
    struct letter *letter = calloc(1, sizeof *letter);
    assert_non_null(letter);
    letter->fleet = fleet;
    letter->forward = forward;
    letter->from = (int)(end - fleet->ends);
    letter->to = fleet_find(fleet, address);
    pawl__buf_append_str(&letter->request, forward->request);
    forward->transport = letter;
    fleet->sent[forward->call->verb->kind]++;
    pawl__link_init(&letter->link);
    pawl__list_add(&fleet->letters, &letter->link);
    return PAWL_OK;
}

static bool fleet_cancel(struct pawl_peers *peers, struct pawl_forward *forward) {
    struct letter *letter = forward->transport;
    letter->forward = NULL;
    return false; // what has left may arrive, for all that the sender knows
}

static void letter_free(struct letter *letter) {
    pawl__list_remove(&letter->link);
    pawl__buf_finish(&letter->request);
    pawl__buf_finish(&letter->answer);
    pawl__arena_finish(&letter->arena);
    free(letter);
}

// Ends it, and whoever waits for it is told so.
static void letter_end(struct letter *letter, enum pawl_err code, const char *text) {
    struct pawl_forward *forward = letter->forward;
    if (letter->state == LETTER_SERVED) pawl__call_cancel(&letter->forwarded.verb.call);
    letter->forward = NULL;
    if (forward) forward->done(forward, code, pawl__str(text), pawl__buf_str(&letter->answer));
    letter_free(letter);
}

static void letter_on_done(struct pawl_call *call, const struct pawl_error *error) {
    struct letter *letter = call->data;
    struct pawl_str answer = pawl__forwarded_answer(&letter->forwarded, error);
    assert_non_null(answer.data);
    pawl__buf_append_str(&letter->answer, answer);
    letter->state = LETTER_ANSWERED;
}

static void letter_serve(struct letter *letter) {
    struct pawl_node *node = letter->fleet->kits[letter->to].node;
    if (!node ||
        pawl__forwarded_init(&letter->forwarded, pawl__buf_str(&letter->request), &letter->arena)) {
        letter_end(letter, PAWL_E_INVALID, "it cannot be read");
        return;
    }
    letter->forwarded.verb.call.done = letter_on_done;
    letter->forwarded.verb.call.data = letter;
    letter->state = LETTER_SERVED;
    if (letter->fleet->served) letter->fleet->served(letter->fleet, &letter->forwarded);
    pawl__node_serve(node, &letter->forwarded);
}

// The same request once more, as a network may bring it, after |delay| steps or at once. Nobody
// waits for its answer.
static void letter_double(const struct letter *letter, int delay) {
    struct letter *copy = calloc(1, sizeof *copy);
    assert_non_null(copy);
    copy->fleet = letter->fleet;
    copy->from = letter->from;
    copy->to = letter->to;
    copy->is_copy = true;
    copy->delay = delay;
    pawl__buf_append_str(&copy->request, pawl__buf_str(&letter->request));
    pawl__link_init(&copy->link);
    pawl__list_add(&letter->fleet->letters, &copy->link);
    if (!delay) letter_serve(copy);
}

static void letter_send(struct letter *letter) {
    struct fleet *fleet = letter->fleet;
    enum fleet_fate fate = FLEET_ARRIVES;
    if (fleet->fate && !letter->is_copy)
        fate = fleet->fate(fleet, letter->forward->call->verb->kind);
    letter->is_unanswered = fate == FLEET_UNANSWERED;
    if (fate == FLEET_LATE) return;
    if (fate == FLEET_TWICE) letter_double(letter, 0);
    if (fate == FLEET_AGAIN) letter_double(letter, FLEET_LONG);
    if (fate == FLEET_LOST) {
        letter_end(letter, PAWL_E_UNAVAILABLE, "it is lost");
    } else if (fate == FLEET_UNHEARD) {
        letter->forwarded.arena = &letter->arena;
        struct pawl_str answer = pawl__forwarded_answer(&letter->forwarded, NULL);
        pawl__buf_append_str(&letter->answer, answer);
        letter->state = LETTER_ANSWERED;
    } else {
        letter_serve(letter);
    }
}

static bool letter_is_lost(struct letter *letter) {
    struct fleet *fleet = letter->fleet;
    bool lose = fleet->lose && letter->forwarded.kind == fleet->lose;
    if (lose) {
        fleet->lose = PAWL_VERB_LOCAL;
        fleet->lost++;
    }
    return lose || letter->is_unanswered;
}

static void letter_step(struct letter *letter) {
    const struct fleet_end *from = &letter->fleet->ends[letter->from];
    const struct fleet_end *to = &letter->fleet->ends[letter->to];
    bool is_forgotten = !letter->forward && !letter->is_copy;
    if (from->stops || to->stops) return;
    if (letter->delay && letter->delay--) return;
    if (letter->state == LETTER_ANSWERED && letter->fleet->holds) return;
    if (is_forgotten || from->cut || to->cut) {
        letter_end(letter, PAWL_E_UNAVAILABLE, "the connection is lost");
    } else if (letter->state == LETTER_SENT && letter->fleet->absent) {
        letter_end(letter, PAWL_E_HELD, "nobody is there");
    } else if (letter->state == LETTER_SENT) {
        letter_send(letter);
    } else if (letter->state == LETTER_ANSWERED) {
        bool lost = letter_is_lost(letter);
        if (lost) pawl__buf_clear(&letter->answer);
        letter_end(letter, lost ? PAWL_E_UNAVAILABLE : PAWL_OK, "");
    }
}

void fleet_step(struct fleet *fleet) {
    for (int i = 0; i < fleet->count; i++)
        if (!fleet->ends[i].stops) kit_spin_beside(&fleet->kits[i]);
    struct pawl_link letters; // a step may send others, and cancel any
    pawl__link_init(&letters);
    pawl__list_move(&letters, &fleet->letters);
    for (struct pawl_link *link; (link = pawl__list_take(&letters));) {
        pawl__list_add(&fleet->letters, link);
        letter_step(PAWL_CONTAINER(link, struct letter, link));
    }
}

static void fleet_beside(void *fleet) {
    fleet_step(fleet);
}

unsigned fleet_serves(const struct fleet *fleet, int at) {
    const struct pawl_node *node = fleet->kits[at].node;
    unsigned count = 0;
    for (uint32_t i = 0; i < node->count; i++)
        count += pawl__partition_serves(&node->partitions[i]);
    return count;
}

const char *fleet_id(struct fleet *fleet, int at, const char *prefix, int nth) {
    struct kit *kit = &fleet->kits[at];
    for (int i = 0;; i++) {
        char *id = pawl__arena_format(&kit->arena, "%s%d", prefix, i);
        uint32_t number = pawl__shard_of(pawl__str(id), kit->node->count);
        if (pawl__partition_serves(&kit->node->partitions[number]) && !nth--) return id;
    }
}

bool fleet_is_quiet(const struct fleet *fleet) {
    for (const struct pawl_link *link = fleet->letters.next; link != &fleet->letters;
         link = link->next)
        if (PAWL_CONTAINER(link, const struct letter, link)->state != LETTER_SERVED) return false;
    return true;
}

void fleet_cut(struct fleet *fleet, int at, bool cut) {
    fleet->ends[at].cut = cut;
}

// How many daemons are of the app of daemon |at|.
static unsigned fleet_alike(const struct fleet *fleet, int at) {
    unsigned count = 0;
    for (int i = 0; i < fleet->count; i++) count += fleet->apps[i] == fleet->apps[at];
    return count;
}

// The store for daemon |at|: that of the one before it, if both are of an app.
static struct pawl_store *fleet_store(const struct fleet *fleet, int at) {
    struct pawl_error error;
    struct pawl_store *store;
    if (at && fleet->apps[at] == fleet->apps[at - 1])
        assert_int_equal(pawl__memory_share(fleet->kits[at - 1].store, &store, &error), PAWL_OK);
    else
        assert_int_equal(pawl__memory_open(&store, &error), PAWL_OK);
    return store;
}

void fleet_init(struct fleet *fleet, int count, uint32_t shards, struct worker *workers) {
    fleet->count = count;
    pawl__link_init(&fleet->letters);
    for (int i = 0; i < count; i++) {
        struct kit *kit = &fleet->kits[i];
        struct fleet_end *end = &fleet->ends[i];
        kit_make(kit, fleet_store(fleet, i), shards);
        if (fleet->apps[i]) kit->options.app_id = fleet->apps[i];
        if (i) kit->options.retention = fleet->retention;
        kit->options.finder = fleet->finder;
        end->fleet = fleet;
        end->peers = (struct pawl_peers){.send = fleet_send, .cancel = fleet_cancel};
        snprintf(end->address, sizeof end->address, "n%d", i);
        kit->options.address = end->address;
        kit->options.peers = &end->peers;
        kit->options.lease = fleet->lease;
        kit->options.max_message = fleet->max_message[i];
        kit->options.ceilings = fleet->ceilings;
        kit->options.ceiling_count = fleet->ceiling_count;
        kit->shares = true;
        kit->is_server = fleet->is_server;
        kit->committed = fleet->committed;
        kit->committed_arg = fleet;
        kit_begin(kit);
        kit_attach(kit, &workers[i]);
    }
    for (int i = 0; i < count; i++) {
        fleet->kits[i].beside = fleet_beside;
        fleet->kits[i].beside_arg = fleet;
    }
    for (int i = 0; i < count; i++)
        FLEET_UNTIL(fleet, fleet->kits[i].ready &&
                               fleet_serves(fleet, i) >= shards / fleet_alike(fleet, i) &&
                               fleet->kits[i].node->members.count == fleet_alike(fleet, i));
}

void fleet_finish(struct fleet *fleet) {
    for (int i = 0; i < fleet->count; i++)
        if (fleet->kits[i].node) kit_close(&fleet->kits[i]);
    while (!pawl__list_empty(&fleet->letters)) fleet_step(fleet);
    for (int i = fleet->count; i--;) {
        struct kit *kit = &fleet->kits[i];
        kit->beside = NULL;
        uv_close((uv_handle_t *)&kit->tick, NULL);
        uv_run(&kit->loop, UV_RUN_DEFAULT);
        assert_int_equal(uv_loop_close(&kit->loop), 0);
        kit->store->ops->close(kit->store);
        pawl__arena_finish(&kit->arena);
    }
}
