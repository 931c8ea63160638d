// Where calls go: to a partition of this node, to another loop or daemon, or to another app. One
// whose shard has no owner now is parked until it is known who has it.

#include "base/clock.h"
#include "base/id.h"
#include "runtime/family.h"
#include "runtime/gather.h"
#include "runtime/node.h"
#include "runtime/siblings.h"

// Longer than any lease lasts, as clients have deadlines of their own.
#define NODE_CALL_WAIT (20 * PAWL_SECOND)

// So long an answer is waited for from who has the shard no more.
#define NODE_CALL_DOUBT (300 * PAWL_MILLISECOND)

enum {
    NODE_DRAWS = 32 // ids, before one of another daemon's shard will do
};

static void node_fail(struct pawl_call *call, bool closing) {
    struct pawl_error error;
    pawl__fail(&error, PAWL_E_UNAVAILABLE,
               closing ? "the daemon is shutting down"
                       : "the workflow engine is not ready yet, try again");
    call->done(call, &error);
}

// Keeps |call| until it is known who serves its shard. False: it has waited for too long.
static bool node_park(struct pawl_node *node, struct pawl_call *call) {
    int64_t now = pawl__clock_steady();
    if (!call->parked_at)
        call->parked_at = now;
    else if (now - call->parked_at > NODE_CALL_WAIT && !call->verb->outlasts)
        return false;
    pawl__list_add(&node->parked, &call->link);
    pawl__node_look_soon(node);
    return true;
}

static void node_on_unreached(struct pawl_call *call, bool moved, struct pawl_str text, void *arg) {
    struct pawl_node *node = arg;
    // Only what surely was not done, or does nothing, is asked for again.
    bool again = moved || call->verb->outlasts || call->verb->kind == PAWL_VERB_LOOK ||
                 call->verb->kind == PAWL_VERB_HISTORY || pawl__gather_is_for(call);
    if (!again && !node->closing) {
        struct pawl_error error;
        pawl__fail(&error, PAWL_E_UNAVAILABLE,
                   "the daemon that serves this workflow went away before it answered: what was "
                   "asked may have been done");
        call->done(call, &error);
    } else if (node->closing || !node_park(node, call)) {
        node_fail(call, node->closing);
    }
}

static bool node_forward(struct pawl_node *node, uint32_t number, struct pawl_call *call) {
    const struct pawl_member *other = pawl__node_other(node, number);
    if (!other || !node->options.peers) return false;
    const struct pawl_forward_to to = {.address = other->address, .away = &node->away};
    return !pawl__forward_begin(node->options.peers, &to, call, node_on_unreached, node);
}

// Hands |call| to another loop of this process.
static bool node_cross(struct pawl_node *node, uint32_t number, struct pawl_call *call) {
    if (!pawl__node_is_sibling(node, number) || node->closing || !pawl__forward_can(call))
        return false;
    return !pawl__sibling_forward(node->options.sibling, number, call, node_on_unreached, node) ||
           node_park(node, call);
}

bool pawl__node_elsewhere(struct pawl_partition *partition, struct pawl_call *call) {
    struct pawl_node *node = partition->data;
    if (node_cross(node, partition->residency.number, call)) return true;
    if (!node->shares || node->closing) return false;
    if (call->is_forwarded) {
        struct pawl_error moved = {PAWL_E_HELD, "the shard is not served by this daemon"};
        call->done(call, &moved);
        return true;
    }
    if (!pawl__forward_can(call)) return false; // what workers answer is known here only
    return node_forward(node, partition->residency.number, call) || node_park(node, call);
}

static uint32_t node_shard(const struct pawl_node *node, const struct pawl_call *call) {
    if (call->verb->kind == PAWL_VERB_SEARCH)
        return PAWL_CONTAINER(call, const struct pawl_search, call)->shard;
    if (call->verb->kind == PAWL_VERB_TALLY)
        return PAWL_CONTAINER(call, const struct pawl_tally, call)->shard;
    return pawl__shard_of(call->id, node->count);
}

static void node_route(struct pawl_node *node, struct pawl_call *call) {
    if (node->count)
        pawl__partition_call(&node->partitions[node_shard(node, call)], call);
    else if (node->closing || !call->verb->outlasts || !node_park(node, call))
        node_fail(call, node->closing);
}

static void node_begin(void *arg, struct pawl_call *call) {
    node_route(arg, call);
}

static void node_note_answered(struct pawl_node *node, const struct pawl_call *call) {
    int32_t task_id = PAWL_ITEM_TURN;
    const char *token;
    if (call->verb->kind == PAWL_VERB_TURN_RESULT) {
        token =
            PAWL_CONTAINER(call, const struct pawl_turn_result, call)->response->completiontoken;
    } else if (call->verb->kind == PAWL_VERB_ACTIVITY_RESULT) {
        const struct pawl_activity_result *verb =
            PAWL_CONTAINER(call, const struct pawl_activity_result, call);
        task_id = verb->response->taskid;
        token = verb->response->completiontoken;
    } else {
        return;
    }
    if (pawl__dispatch_note_answered(&node->dispatch, call->id, task_id, token))
        pawl__dispatch_pump(&node->dispatch);
}

void pawl__node_draw(const struct pawl_node *node, char out[PAWL_UUID_TEXT]) {
    for (unsigned tries = 0; tries < NODE_DRAWS; tries++) {
        pawl__id_new(out);
        uint32_t number = pawl__shard_of(pawl__str(out), node->count);
        if (!node->count || pawl__partition_serves(&node->partitions[number])) return;
    }
}

void pawl__node_call(struct pawl_node *node, struct pawl_call *call) {
    node_note_answered(node, call);
    if (call->app)
        pawl__apps_call(&node->apps, call);
    else if (pawl__borrower_takes(&node->borrower, call))
        return;
    else if (node->count <= 1 || (!pawl__gather_is_for(call) && !pawl__family_is_for(call)))
        node_route(node, call);
    else if (pawl__gather_is_for(call) ? pawl__gather_begin(call, node->count, node_begin, node)
                                       : pawl__family_begin(call, node_begin, node))
        call->done(call, &(struct pawl_error){PAWL_E_NOMEM, "out of memory"});
}

// --- limits of the app --------------------------------------------------------------------------

static void node_serve_quota(struct pawl_node *node, struct pawl_quota *verb) {
    pawl__divider_serve(&node->divider, node->count ? &node->partitions[0].residency : NULL, verb);
}

static void node_on_unasked(struct pawl_call *call, bool moved, struct pawl_str text, void *arg) {
    struct pawl_error error;
    pawl__fail(&error, PAWL_E_UNAVAILABLE, "%.*s", PAWL_FMT(text));
    call->done(call, &error);
}

void pawl__node_ask(void *arg, struct pawl_quota *verb) {
    struct pawl_node *node = arg;
    struct pawl_peers *peers = node->options.peers;
    const struct pawl_member *other = node->count ? pawl__node_other(node, 0) : NULL;
    if (node->count && pawl__partition_serves(&node->partitions[0])) {
        node_serve_quota(node, verb);
        return;
    }
    if (other && peers) {
        const struct pawl_forward_to to = {.address = other->address};
        if (!pawl__forward_begin(peers, &to, &verb->call, node_on_unasked, node)) return;
    }
    node_on_unasked(&verb->call, true, PAWL_STR("the first shard has no owner now"), node);
}

static void node_on_ring(struct pawl_node *node, const struct pawl_ring *ring) {
    for (size_t i = 0; i < ring->mail_count; i++) {
        uint32_t number = ring->mail[i];
        if (number < node->count) pawl__mailbox_ring(&node->partitions[number].mailbox);
    }
    if (ring->work) pawl__borrower_rung(&node->borrower, ring->address);
    if (ring->quota && node->shares) pawl__asker_rung(&node->asker);
}

// What another daemon asks that is of no instance. False: it is of one.
static bool node_serve_other(struct pawl_node *node, struct pawl_forwarded *forwarded) {
    switch (forwarded->kind) {
    case PAWL_VERB_RING:
        node_on_ring(node, &forwarded->verb.ring);
        forwarded->verb.call.done(&forwarded->verb.call, NULL);
        return true;
    case PAWL_VERB_QUOTA: node_serve_quota(node, &forwarded->verb.quota); return true;
    case PAWL_VERB_BORROW: pawl__lend_serve(&node->lend, &forwarded->verb.borrow); return true;
    case PAWL_VERB_TURN_RESULT: forwarded->verb.turn.dispatch = &node->dispatch; return false;
    case PAWL_VERB_ACTIVITY_RESULT:
        forwarded->verb.activity.dispatch = &node->dispatch;
        return false;
    default: return false;
    }
}

void pawl__node_serve(struct pawl_node *node, struct pawl_forwarded *forwarded) {
    struct pawl_call *call = &forwarded->verb.call;
    bool answers =
        forwarded->kind == PAWL_VERB_TURN_RESULT || forwarded->kind == PAWL_VERB_ACTIVITY_RESULT;
    if (forwarded->app && pawl__apps_is_own(&node->apps, forwarded->app, forwarded->namespace)) {
        if (answers) node_serve_other(node, forwarded);
        if (!answers || pawl__borrowed_is_here(&node->borrower.items, call))
            pawl__node_call(node, call);
        else
            call->done(call, &(struct pawl_error){PAWL_E_HELD, "no worker here has that"});
        return;
    }
    if (forwarded->app) {
        call->done(call, &(struct pawl_error){PAWL_E_HELD, "the daemon is of another app"});
        return;
    }
    node_note_answered(node, call);
    if (node_serve_other(node, forwarded)) return;
    bool all = pawl__gather_is_for(call);
    uint32_t number = all ? forwarded->shard : pawl__shard_of(call->id, node->count);
    if (number < node->count && pawl__partition_serves(&node->partitions[number])) {
        call->is_forwarded = true;
        pawl__partition_call(&node->partitions[number], call);
    } else {
        call->done(call, &(struct pawl_error){PAWL_E_HELD, "the shard is not served here"});
    }
}

void pawl__node_follow(struct pawl_node *node) {
    struct pawl_link away;
    pawl__link_init(&away);
    pawl__list_move(&away, &node->away);
    int64_t now = pawl__clock_steady();
    for (struct pawl_forward *forward;
         (forward = PAWL_LIST_TAKE(struct pawl_forward, &away, link));) {
        uint32_t number = node_shard(node, forward->call);
        const struct pawl_member *holder = pawl__members_holder(&node->members, number);
        bool stays = !holder || pawl__str_equal(holder->address, pawl__str(forward->address));
        if (pawl__partition_serves(&node->partitions[number])) stays = false;
        pawl__list_add(&node->away, &forward->link);
        // Who gives a shard away has answered first, but the next owner may be seen before that.
        if (stays)
            forward->doubted_at = 0;
        else if (!forward->doubted_at)
            forward->doubted_at = now;
        else if (now - forward->doubted_at >= NODE_CALL_DOUBT)
            pawl__forward_abandon(forward, PAWL_STR("another daemon has the shard now"));
    }
}

void pawl__node_unpark(struct pawl_node *node) {
    struct pawl_link parked;
    pawl__link_init(&parked);
    pawl__list_move(&parked, &node->parked);
    for (struct pawl_call *call; (call = PAWL_LIST_TAKE(struct pawl_call, &parked, link));)
        node_route(node, call);
}

void pawl__node_fail_parked(struct pawl_node *node) {
    for (struct pawl_call *call; (call = PAWL_LIST_TAKE(struct pawl_call, &node->parked, link));)
        node_fail(call, true);
}
