#include "api/peers.h"

#include <stdlib.h>

#include "api/api.h"
#include "api/internal.h"
#include "api/relays.h"
#include "net/grpc_client.h"
#include "runtime/neighbours.h"

enum {
    PEERS_MESSAGE = 1024 * 1024 * 1024 // bytes of an answer: a history may be long
};

struct peer_link {
    struct pawl_link link;
    struct pawl_peer_links *links;
    struct pawl_grpc_client *client;
    char address[];
};

struct pawl_peer_links {
    struct pawl_peers peers;
    uv_loop_t *loop;
    const char *token;
    struct pawl_link list; // struct peer_link
};

// A call on its way.
struct peer_call {
    struct pawl_grpc_call *call;
    struct pawl_forward *forward;
    struct pawl_buf answer;
};

static void peers_on_message(void *arg, struct pawl_str message) {
    struct peer_call *call = arg;
    pawl__buf_append_str(&call->answer, message);
}

static void peer_call_free(struct peer_call *call) {
    pawl__buf_finish(&call->answer);
    free(call);
}

// gRPC has one status for what is too large and for what there is no room for now. Every server
// that is known says it in these words.
static bool peers_is_too_large(struct pawl_str text) {
    const struct pawl_str words = PAWL_STR("larger than max");
    return text.len && memmem(text.data, text.len, words.data, words.len);
}

static void peers_on_end(void *arg, enum pawl_err code, struct pawl_str text) {
    struct peer_call *call = arg;
    if (!code && call->answer.failed) code = PAWL_E_NOMEM;
    if (code == PAWL_E_TOO_LARGE && !peers_is_too_large(text)) code = PAWL_E_UNAVAILABLE;
    if (code && pawl__grpc_call_is_unseen(call->call)) code = PAWL_E_HELD;
    call->forward->done(call->forward, code, text, pawl__buf_str(&call->answer));
    peer_call_free(call);
}

static struct peer_link *peers_connect(struct pawl_peer_links *links, struct pawl_str address) {
    struct peer_link *link = calloc(1, sizeof *link + address.len + 1);
    if (!link) return NULL;
    memcpy(link->address, address.data, address.len);
    link->links = links;
    struct pawl_header token = {PAWL_STR("dapr-api-token"),
                                pawl__str(links->token ? links->token : "")};
    struct pawl_grpc_client_options options = {
        .target = link->address,
        .metadata = &token,
        .metadata_count = token.value.len > 0,
        .max_message = PEERS_MESSAGE,
    };
    struct pawl_error error;
    if (pawl__grpc_client_create(links->loop, &options, &link->client, &error)) {
        free(link);
        return NULL;
    }
    pawl__link_init(&link->link);
    pawl__list_add(&links->list, &link->link);
    return link;
}

static struct peer_link *peers_find(struct pawl_peer_links *links, struct pawl_str address) {
    for (struct pawl_link *at = links->list.next; at != &links->list; at = at->next) {
        struct peer_link *link = PAWL_CONTAINER(at, struct peer_link, link);
        if (pawl__str_equal(pawl__str(link->address), address)) return link;
    }
    return peers_connect(links, address);
}

static enum pawl_err peers_send(struct pawl_peers *peers, struct pawl_str address,
                                struct pawl_forward *forward) {
    struct pawl_peer_links *links = PAWL_CONTAINER(peers, struct pawl_peer_links, peers);
    struct peer_link *link = peers_find(links, address);
    struct peer_call *call = calloc(1, sizeof *call);
    if (!link || !call) {
        free(call);
        return PAWL_E_NOMEM;
    }
    call->forward = forward;
    if (pawl__grpc_client_state(link->client) == PAWL_GRPC_CLIENT_CLOSED)
        pawl__grpc_client_connect(link->client);
    const struct pawl_grpc_call_options options = {
        .method = PAWL_PEER_METHOD,
        .message = forward->request,
        .is_unary = true,
        .on_message = peers_on_message,
        .on_end = peers_on_end,
        .arg = call,
    };
    enum pawl_err err = pawl__grpc_call(link->client, &options, &call->call);
    if (err)
        peer_call_free(call);
    else
        forward->transport = call;
    return err;
}

static bool peers_cancel(struct pawl_peers *peers, struct pawl_forward *forward) {
    struct peer_call *call = forward->transport;
    (void)peers;
    bool unseen = pawl__grpc_call_is_unseen(call->call);
    pawl__grpc_cancel(call->call);
    peer_call_free(call);
    return unseen;
}

struct pawl_peer_links *pawl__peer_links_create(uv_loop_t *loop, const char *token) {
    struct pawl_peer_links *links = calloc(1, sizeof *links);
    if (!links) return NULL;
    links->peers = (struct pawl_peers){.send = peers_send, .cancel = peers_cancel};
    links->loop = loop;
    links->token = token;
    pawl__link_init(&links->list);
    return links;
}

struct pawl_peers *pawl__peer_links_peers(struct pawl_peer_links *links) {
    return &links->peers;
}

void pawl__peer_links_close(struct pawl_peer_links *links) {
    if (!links) return;
    for (struct pawl_link *at; (at = pawl__list_take(&links->list));) {
        struct peer_link *link = PAWL_CONTAINER(at, struct peer_link, link);
        pawl__grpc_client_close(link->client, NULL, NULL);
        free(link);
    }
    free(links);
}

// --- the other end -------------------------------------------------------------------------------

static void peer_on_close(struct pawl_request *request, enum pawl_err reason) {
    (void)reason;
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
    (void)moved, (void)arg;
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
