#include "api/peers.h"

#include <stdlib.h>

#include "api/api.h"
#include "api/internal.h"
#include "api/relays.h"
#include "runtime/neighbours.h"

static void peer_on_close(struct pawl_request *request, enum pawl_err reason) {
    struct pawl_forwarded *forwarded = request->data;
    pawl__call_cancel(&forwarded->verb.call);
}

static void peer_on_done(struct pawl_call *call, const struct pawl_error *error) {
    struct pawl_request *request = call->data;
    struct pawl_str answer = pawl__forwarded_answer(request->data, error);
    if (answer.data)
        pawl__grpc_respond(request, answer);
    else
        pawl__api_nomem(request);
}

// Takes up an invitation. The error says why not; PAWL_E_HELD: another daemon of the app may.
static enum pawl_err peer_invited(struct pawl_api *api, const struct pawl_forwarded *forwarded,
                                  struct pawl_error *error) {
    const struct pawl_node *node = api->options.node;
    const char *app = api->options.app_id;
    if (!forwarded->app || !pawl__apps_is_own(&node->apps, forwarded->app, forwarded->namespace))
        return pawl__fail(error, PAWL_E_HELD, "the daemon is of app '%s'", app);
    if (!api->relays || !node->dispatch.worker_count)
        return pawl__fail(error, PAWL_E_HELD, "no worker of app '%s' is connected there", app);
    if (!pawl__relays_open(api->relays, forwarded->verb.invite.address))
        return pawl__fail(error, PAWL_E_UNAVAILABLE, "it cannot open a stream to %s",
                          forwarded->verb.invite.address);
    return PAWL_OK;
}

enum {
    PEER_ENVELOPE = 1024 * 1024 // bytes of a call around what a client or worker sent, at most
};

size_t pawl__api_max_message(const struct pawl_api *api, const struct pawl_request *request) {
    const struct pawl_node *node = api->options.node;
    if (!node || !pawl__str_equal(request->path, PAWL_STR(PAWL_PEER_METHOD))) return 0;
    size_t own = node->options.max_message, others = pawl__members_message(&node->members, true);
    size_t most = own > others ? own : others;
    return most < SIZE_MAX - PEER_ENVELOPE ? most + PEER_ENVELOPE : most;
}

// Of other apps no more is taken than of clients.
static bool peer_is_too_large(const struct pawl_api *api, struct pawl_request *request,
                              const struct pawl_forwarded *forwarded) {
    const struct pawl_node *node = api->options.node;
    bool foreign = forwarded->app || forwarded->kind == PAWL_VERB_RECEIVE;
    if (!foreign || request->body.len <= node->options.max_message) return false;
    pawl__api_fail(request, PAWL_E_TOO_LARGE, "received message larger than max (%zu vs. %zu)",
                   request->body.len, node->options.max_message);
    return true;
}

void pawl__peer_serve(struct pawl_api *api, struct pawl_forwarded *forwarded) {
    struct pawl_call *call = &forwarded->verb.call;
    if (forwarded->kind != PAWL_VERB_INVITE) {
        pawl__node_serve(api->options.node, forwarded);
        return;
    }
    struct pawl_error error;
    bool refused = peer_invited(api, forwarded, &error);
    call->done(call, refused ? &error : NULL);
}

static void peer_on_not_passed(struct pawl_call *call, bool moved, struct pawl_str text,
                               void *arg) {
    struct pawl_error error;
    pawl__fail(&error, PAWL_E_HELD, "%.*s", PAWL_FMT(text));
    call->done(call, &error);
}

// An invitation that comes to a loop without workers is for one that has some.
static bool peer_passes_on(struct pawl_api *api, struct pawl_request *request,
                           struct pawl_forwarded *forwarded) {
    const struct pawl_node *node = api->options.node;
    struct pawl_neighbours *loops = api->options.neighbours;
    if (forwarded->kind != PAWL_VERB_INVITE || !loops || node->dispatch.worker_count) return false;
    const struct pawl_forward_to to = {
        .address = pawl__neighbours_worker(loops, &node->members),
        .app = forwarded->app,
        .namespace = forwarded->namespace,
    };
    if (!to.address.len) return false;
    request->on_close = peer_on_close;
    return !pawl__forward_begin(&loops->peers, &to, &forwarded->verb.call, peer_on_not_passed,
                                NULL);
}

static void peer_on_call(struct pawl_api *api, struct pawl_request *request) {
    if (!api->options.node) {
        pawl__api_fail(request, PAWL_E_UNIMPLEMENTED, PAWL_NO_RUNTIME);
        return;
    }
    struct pawl_forwarded *forwarded = pawl__arena_zalloc(&request->arena, sizeof *forwarded);
    if (!forwarded) {
        pawl__api_nomem(request);
        return;
    }
    if (pawl__forwarded_init(forwarded, request->body, &request->arena)) {
        pawl__api_fail(request, PAWL_E_INVALID, "the call of another daemon cannot be read");
        return;
    }
    if (peer_is_too_large(api, request, forwarded)) return;
    forwarded->verb.call.done = peer_on_done;
    forwarded->verb.call.data = request;
    request->data = forwarded;
    if (forwarded->kind != PAWL_VERB_INVITE) request->on_close = peer_on_close;
    if (!peer_passes_on(api, request, forwarded)) pawl__peer_serve(api, forwarded);
}

const struct pawl_api_method_row pawl__peer_methods[] = {
    {PAWL_PEER_METHOD, peer_on_call},
    {NULL, NULL},
};
