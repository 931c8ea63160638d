// What a server sends to the gRPC client over HTTP/2, with two calls under way; see frames.h.

#include <errno.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"
#include "frames.h"
#include "net/grpc_client.h"
#include "net_kit.h"

struct client_call {
    struct pawl_grpc_call *call; // NULL once it has ended
    unsigned messages;
    bool is_unary, ended;
};

static void client_on_message(void *arg, struct pawl_str message) {
    struct client_call *call = arg;
    FUZZ_CHECK(!call->ended && !(call->is_unary && call->messages));
    call->messages++;
    free((char *)fuzz_copy(message).data);
    // Some are told of one message and want no more.
    if (!call->is_unary && call->messages == 3) {
        call->ended = true;
        pawl__grpc_cancel(call->call);
    }
}

static void client_on_end(void *arg, enum pawl_err code, struct pawl_str text) {
    struct client_call *call = arg;
    FUZZ_CHECK(!call->ended);
    FUZZ_CHECK(code != PAWL_OK || !call->is_unary || call->messages == 1);
    free((char *)fuzz_copy(text).data);
    call->ended = true;
}

static void client_on_closed(void *arg) {
    *(bool *)arg = true;
}

static int client_listen(void) {
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    strcpy(name.sun_path, net_kit_path());
    unlink(name.sun_path);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
    FUZZ_CHECK(fd >= 0 && bind(fd, (struct sockaddr *)&name, sizeof name) == 0);
    FUZZ_CHECK(listen(fd, 8) == 0);
    return fd;
}

static void client_send(uv_loop_t *loop, int fd, struct pawl_buf *bytes) {
    char part[65536];
    size_t at = 0;
    for (int idle = 0; idle < 3; idle++) {
        ssize_t sent = send(fd, bytes->data + at, bytes->len - at, MSG_NOSIGNAL);
        if (sent > 0) {
            at += (size_t)sent;
            idle = 0;
        }
        uv_run(loop, UV_RUN_NOWAIT);
        while (recv(fd, part, sizeof part, 0) > 0) continue;
    }
    pawl__buf_clear(bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct fuzz_input input = {data, size};
    struct frames frames = {.next_stream = 2};
    struct client_call calls[2] = {{.is_unary = true}, {.is_unary = false}};
    struct pawl_grpc_client *client;
    struct pawl_error error;
    char target[80];
    uv_loop_t loop;
    bool closed = false;
    uv_loop_init(&loop);
    int listener = client_listen();
    snprintf(target, sizeof target, "unix:%s", net_kit_path());
    const struct pawl_grpc_client_options options = {.target = target, .max_message = 64 << 10};
    FUZZ_CHECK(!pawl__grpc_client_create(&loop, &options, &client, &error));
    pawl__grpc_client_connect(client);
    for (int i = 0; i < 2; i++) {
        const struct pawl_grpc_call_options call = {
            .method = i ? "/service/stream" : "/service/call",
            .message = PAWL_STR("question"),
            .timeout = 10 * PAWL_SECOND,
            .is_unary = calls[i].is_unary,
            .on_message = client_on_message,
            .on_end = client_on_end,
            .arg = &calls[i],
        };
        FUZZ_CHECK(!pawl__grpc_call(client, &call, &calls[i].call));
    }
    int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK);
    FUZZ_CHECK(fd >= 0);
    pawl__buf_append_str(&frames.out, PAWL_STR("\0\0\0\4\0\0\0\0\0"));
    while (input.left)
        if (frames_step(&frames, &input)) client_send(&loop, fd, &frames.out);
    client_send(&loop, fd, &frames.out);
    pawl__buf_finish(&frames.out);
    close(fd);
    for (int i = 0; i < 3; i++) uv_run(&loop, UV_RUN_NOWAIT);
    FUZZ_CHECK(calls[0].ended && calls[1].ended);
    pawl__grpc_client_close(client, client_on_closed, &closed);
    uv_run(&loop, UV_RUN_DEFAULT);
    FUZZ_CHECK(closed && uv_loop_close(&loop) == 0);
    close(listener);
    unlink(net_kit_path());
    return 0;
}
