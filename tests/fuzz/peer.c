// What daemons say to each other. A byte chooses:
//
//   even  the rest is a call: it is read, and what was read is sent again and read again
//   odd   the rest is the answer to a call, of the kind that the byte says
//
// A call ends once, whatever its answer is.

#include "fuzz.h"
#include "runtime/forward.h"

struct peer {
    struct pawl_peers peers;
    struct pawl_forward *sent;
    struct pawl_str request; // a copy
    unsigned ended;
};

static enum pawl_err peer_send(struct pawl_peers *peers, struct pawl_str address,
                               struct pawl_forward *forward) {
    struct peer *peer = (struct peer *)peers;
    peer->sent = forward;
    peer->request = fuzz_copy(forward->request);
    return PAWL_OK;
}

static bool peer_cancel(struct pawl_peers *peers, struct pawl_forward *forward) {
    ((struct peer *)peers)->sent = NULL;
    return false;
}

static void peer_on_done(struct pawl_call *call, const struct pawl_error *error) {
    FUZZ_CHECK(!error || error->code);
    ((struct peer *)call->data)->ended++;
}

static void peer_on_failed(struct pawl_call *call, bool moved, struct pawl_str text, void *arg) {
    ((struct peer *)arg)->ended++;
}

// The answers that can be given without a node to each kind of call.
static void peer_answer(struct pawl_forwarded *forwarded) {
    const struct pawl_error error = {PAWL_E_NOT_FOUND, "there is none"};
    FUZZ_CHECK(pawl__forwarded_answer(forwarded, &error).data);
    FUZZ_CHECK(pawl__forwarded_answer(forwarded, NULL).data);
}

static void peer_call(struct peer *peer, struct pawl_str request) {
    struct pawl_arena arena = {0};
    struct pawl_forwarded first = {0}, again = {0};
    const struct pawl_forward_to to = {.address = PAWL_STR("there")};
    enum pawl_err err = pawl__forwarded_init(&first, request, &arena);
    FUZZ_CHECK(!err || err == PAWL_E_INVALID || err == PAWL_E_CORRUPT);
    struct pawl_call *call = &first.verb.call;
    if (!err) peer_answer(&first);
    if (!err && pawl__forward_can(call)) {
        call->data = peer;
        call->done = peer_on_done;
        FUZZ_CHECK(!pawl__forward_begin(&peer->peers, &to, call, peer_on_failed, peer));
        FUZZ_CHECK(!pawl__forwarded_init(&again, peer->request, &arena));
        FUZZ_CHECK(again.kind == first.kind && pawl__str_equal(again.verb.call.id, call->id));
        pawl__call_cancel(call);
        FUZZ_CHECK(!peer->sent && !peer->ended);
        free((char *)peer->request.data);
    }
    pawl__arena_finish(&arena);
}

static void peer_answered(struct peer *peer, unsigned kind, struct pawl_str answer) {
    struct pawl_arena arena = {0};
    const struct pawl_query query = {.limit = 10};
    const struct pawl_forward_to to = {.address = PAWL_STR("there")};
    struct pawl_forwarded verb = {0};
    switch (kind % 7) {
    case 0: pawl__look_init(&verb.verb.look, PAWL_STR("a"), PAWL_WAIT_NOT, &arena); break;
    case 1: pawl__read_history_init(&verb.verb.history, PAWL_STR("a"), &arena); break;
    case 2: pawl__purge_init(&verb.verb.purge, PAWL_STR("a"), true, false); break;
    case 3: pawl__search_init(&verb.verb.search, &query, &arena); break;
    case 4: pawl__tally_init(&verb.verb.tally, &query, &arena); break;
    case 5: pawl__ring_init(&verb.verb.ring, "here", NULL, 0, true); break;
    default:
        pawl__borrow_init(&verb.verb.borrow, &arena);
        verb.verb.borrow.daemon = verb.verb.borrow.address = "here";
        break;
    }
    struct pawl_call *call = &verb.verb.call;
    call->data = peer;
    call->done = peer_on_done;
    FUZZ_CHECK(!pawl__forward_begin(&peer->peers, &to, call, peer_on_failed, peer));
    peer->sent->done(peer->sent, PAWL_OK, PAWL_STR(""), answer);
    FUZZ_CHECK(peer->ended == 1);
    free((char *)peer->request.data);
    pawl__arena_finish(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct fuzz_input input = {data, size};
    struct peer peer = {.peers = {.send = peer_send, .cancel = peer_cancel}};
    unsigned kind = fuzz_byte(&input);
    struct pawl_str bytes = fuzz_copy(fuzz_take(&input, SIZE_MAX));
    if (kind % 2)
        peer_answered(&peer, kind / 2, bytes);
    else
        peer_call(&peer, bytes);
    free((char *)bytes.data);
    return 0;
}
