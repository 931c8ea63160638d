#include "api/peer_links.h"

#include <stdlib.h>

#include "net/grpc_client.h"

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
    pawl__list_add(&links->list, &link->link);
    return link;
}

static struct peer_link *peers_find(struct pawl_peer_links *links, struct pawl_str address) {
    PAWL_LIST_EACH(struct peer_link, link, &links->list, link) {
        if (pawl__str_equal(pawl__str(link->address), address)) return link;
    }
    return peers_connect(links, address);
}

struct pawl_grpc_client *pawl__peer_links_client(struct pawl_peer_links *links,
                                                 struct pawl_str address) {
    struct peer_link *link = peers_find(links, address);
    if (!link) return NULL;
    if (pawl__grpc_client_state(link->client) == PAWL_GRPC_CLIENT_CLOSED)
        pawl__grpc_client_connect(link->client);
    return link->client;
}

static enum pawl_err peers_send(struct pawl_peers *peers, struct pawl_str address,
                                struct pawl_forward *forward) {
    struct pawl_peer_links *links = PAWL_CONTAINER(peers, struct pawl_peer_links, peers);
    struct pawl_grpc_client *client = pawl__peer_links_client(links, address);
    struct peer_call *call = calloc(1, sizeof *call);
    if (!client || !call) {
        free(call);
        return PAWL_E_NOMEM;
    }
    call->forward = forward;
    const struct pawl_grpc_call_options options = {
        .method = PAWL_PEER_METHOD,
        .message = forward->request,
        .is_unary = true,
        .on_message = peers_on_message,
        .on_end = peers_on_end,
        .arg = call,
    };
    enum pawl_err err = pawl__grpc_call(client, &options, &call->call);
    if (err)
        peer_call_free(call);
    else
        forward->transport = call;
    return err;
}

static bool peers_cancel(struct pawl_peers *peers, struct pawl_forward *forward) {
    struct peer_call *call = forward->transport;
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
    for (struct peer_link *link; (link = PAWL_LIST_TAKE(struct peer_link, &links->list, link));) {
        pawl__grpc_client_close(link->client, NULL, NULL);
        free(link);
    }
    free(links);
}
