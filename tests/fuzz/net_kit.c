#include "net_kit.h"

#include <errno.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"

const char *net_kit_path(void) {
    static char path[64];
    snprintf(path, sizeof path, "/tmp/pawl-fuzz-%d.sock", (int)getpid());
    return path;
}

// --- what is served -----------------------------------------------------------------------------

static struct net_kit *kit_now; // the one whose loop runs

static void kit_on_close(struct pawl_request *request, enum pawl_err reason) {
    for (int i = 0; i < NET_LATER; i++)
        if (kit_now->later[i] == request) kit_now->later[i] = NULL;
}

static void kit_on_drain(struct pawl_request *request) {
    pawl__grpc_finish(request, PAWL_OK, NULL, PAWL_STR(""));
}

static bool kit_keep(struct pawl_request *request) {
    for (int i = 0; i < NET_LATER; i++) {
        if (kit_now->later[i]) continue;
        kit_now->later[i] = request;
        request->on_close = kit_on_close;
        return true;
    }
    return false;
}

static void kit_echo(struct pawl_request *request) {
    struct pawl_str query = pawl__request_query(request, "q");
    struct pawl_str path = pawl__request_decode(request, request->path);
    const struct pawl_header headers[] = {
        {PAWL_STR("x-query"), query.data ? query : PAWL_STR("-")},
        {PAWL_STR("x-path"), path.data ? path : PAWL_STR("-")},
        {PAWL_STR("x-authority"), request->authority},
        {request->header_count ? request->headers[0].name : PAWL_STR("x-none"), PAWL_STR("1")},
    };
    if (request->is_grpc)
        pawl__grpc_respond(request, request->body);
    else
        pawl__http_respond(request, 200, headers, 4, request->body);
}

// The last letter of the path says what happens.
static void kit_handle(void *arg, struct pawl_request *request) {
    static char large[300 << 10];
    char kind = request->path.len ? request->path.data[request->path.len - 1] : 0;
    switch (kind) {
    case 'l': // later
        if (!kit_keep(request)) kit_echo(request);
        return;
    case 's': // stream
        request->on_drain = kit_on_drain;
        pawl__stream_start(request, NULL, 0);
        for (int i = 0; i < 3; i++)
            pawl__stream_send(request, (struct pawl_str){large, sizeof large >> (2 * i)});
        return;
    case 'f': // fail
        pawl__grpc_finish(request, PAWL_E_NOT_FOUND, "\xff not % found", request->body);
        return;
    case 'b': // big
        pawl__http_respond(request, 200, NULL, 0, (struct pawl_str){large, sizeof large});
        return;
    default: break;
    }
    kit_echo(request);
}

static void kit_answer_later(struct net_kit *kit) {
    for (int i = 0; i < NET_LATER; i++) {
        struct pawl_request *request = kit->later[i];
        if (!request) continue;
        kit->later[i] = NULL;
        kit_echo(request);
    }
}

// --- the client ---------------------------------------------------------------------------------

static void kit_spin(struct net_kit *kit) {
    char part[65536];
    for (int i = 0; i < 3; i++) {
        uv_run(&kit->loop, UV_RUN_NOWAIT);
        for (ssize_t len; (len = recv(kit->fd, part, sizeof part, 0)) > 0;) {
            if (kit->received < 9 && (size_t)len >= 9)
                FUZZ_CHECK(memcmp(part, "HTTP/1.1 ", 9) == 0 || part[3] == 4 /* SETTINGS */);
            kit->received += (size_t)len;
        }
    }
}

void net_kit_send(struct net_kit *kit, struct pawl_str bytes) {
    for (int idle = 0; bytes.len && idle < 100; idle++) {
        ssize_t sent = send(kit->fd, bytes.data, bytes.len, MSG_NOSIGNAL);
        if (sent < 0 && errno != EAGAIN) return;
        if (sent > 0) {
            bytes.data += sent;
            bytes.len -= (size_t)sent;
            idle = 0;
        }
        kit_spin(kit);
    }
}

// --- life ---------------------------------------------------------------------------------------

void net_kit_init(struct net_kit *kit) {
    struct pawl_error error;
    *kit = (struct net_kit){0};
    kit_now = kit;
    uv_loop_init(&kit->loop);
    const struct pawl_server_options options = {
        .max_body = 64 << 10,
        .max_header = 4 << 10,
        .idle_timeout = PAWL_SECOND,
        .handler = kit_handle,
    };
    FUZZ_CHECK(!pawl__server_create(&kit->loop, &options, &kit->server, &error));
    FUZZ_CHECK(!pawl__server_listen_unix(kit->server, net_kit_path(), &error));
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    strcpy(name.sun_path, net_kit_path());
    kit->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
    FUZZ_CHECK(kit->fd >= 0 && connect(kit->fd, (struct sockaddr *)&name, sizeof name) == 0);
}

static void kit_on_closed(void *arg) {
    ((struct net_kit *)arg)->closed = true;
}

void net_kit_finish(struct net_kit *kit) {
    kit_answer_later(kit);
    kit_spin(kit);
    shutdown(kit->fd, SHUT_WR);
    kit_spin(kit);
    kit_answer_later(kit);
    close(kit->fd);
    kit->fd = -1;
    for (int i = 0; i < 3; i++) uv_run(&kit->loop, UV_RUN_NOWAIT);
    pawl__server_close(kit->server, 0, kit_on_closed, kit);
    uv_run(&kit->loop, UV_RUN_DEFAULT);
    FUZZ_CHECK(kit->closed && uv_loop_close(&kit->loop) == 0);
    for (int i = 0; i < NET_LATER; i++) FUZZ_CHECK(!kit->later[i]);
}
