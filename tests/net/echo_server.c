// A server for the tests of this folder: each method or path shows one thing that net can do.
//
//   echo_server [port]     prints "listening PORT", ends after a byte or the end of its input
//
// gRPC, any service:          HTTP:
//   Echo     the message        /echo        the body; headers and query are shown as headers
//   Stream   N messages         /wait        no answer until the client goes
//   Wait     no answer          /size/N      N bytes
//   Fail     a status           /stats       open requests, closed ones

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "net/answer.h"
#include "net/router.h"
#include "net/server.h"

static struct {
    uv_loop_t loop;
    struct pawl_server *server;
    int waiting, canceled, expired, unavailable;
    int64_t grace;
} echo;

static struct pawl_str echo_copy(struct pawl_request *request, struct pawl_str text) {
    return (struct pawl_str){pawl__arena_dup(&request->arena, text), text.len};
}

static void echo_on_close(struct pawl_request *request, enum pawl_err reason) {
    echo.waiting--;
    if (reason == PAWL_E_CANCELED) echo.canceled++;
    if (reason == PAWL_E_DEADLINE) echo.expired++;
    if (reason == PAWL_E_UNAVAILABLE) echo.unavailable++;
}

static void echo_wait(struct pawl_request *request) {
    echo.waiting++;
    request->on_close = echo_on_close;
}

// --- gRPC ------------------------------------------------------------------------------------

struct echo_stream {
    int64_t left;
    struct pawl_str message;
};

// Keeps some 64 KiB queued until all is sent, then ends.
static void echo_stream_more(struct pawl_request *request) {
    struct echo_stream *stream = request->data;
    while (stream->left && pawl__stream_queued(request) < 65536) {
        if (pawl__stream_send(request, stream->message)) break;
        stream->left--;
    }
    if (stream->left) return;
    echo.waiting--;
    pawl__grpc_finish(request, PAWL_OK, NULL, (struct pawl_str){0});
}

// |rest|: "COUNT SIZE".
static void echo_stream_of(struct pawl_request *request, struct pawl_str rest) {
    struct echo_stream *stream = pawl__arena_zalloc(&request->arena, sizeof *stream);
    int64_t size = 0;
    if (!stream || !pawl__str_to_int(pawl__str_cut(&rest, ' '), 0, INT64_MAX, &stream->left) ||
        !pawl__str_to_int(rest, 0, 1 << 26, &size)) {
        pawl__grpc_finish(request, PAWL_E_INVALID, "want COUNT SIZE", (struct pawl_str){0});
        return;
    }
    stream->message =
        (struct pawl_str){pawl__arena_zalloc(&request->arena, (size_t)size), (size_t)size};
    if (!stream->message.data) stream->message.len = 0;
    request->data = stream;
    request->on_drain = echo_stream_more;
    echo_wait(request);
    echo_stream_more(request);
}

static void echo_stream(struct pawl_request *request) {
    echo_stream_of(request, request->body);
}

// Sends all at once, whether it is read or not.
static void echo_flood(struct pawl_request *request) {
    struct pawl_str message = {pawl__arena_zalloc(&request->arena, 1 << 20), 1 << 20};
    for (int i = 0; i < 8; i++) pawl__stream_send(request, message);
    pawl__grpc_finish(request, PAWL_OK, NULL, (struct pawl_str){0});
}

// The message: "CODE TEXT".
static void echo_fail(struct pawl_request *request) {
    struct pawl_str rest = request->body;
    int64_t code = 0;
    pawl__str_to_int(pawl__str_cut(&rest, ' '), 0, PAWL_E_NEEDED, &code);
    const char *text = pawl__arena_dup(&request->arena, rest);
    pawl__grpc_finish(request, (enum pawl_err)code, text,
                      PAWL_STR("\x08\x05\x12\x03"
                               "abc"));
}

static void echo_fail_late(struct pawl_request *request) {
    pawl__stream_send(request, PAWL_STR("one"));
    pawl__stream_send(request, PAWL_STR("two"));
    pawl__grpc_finish(request, PAWL_E_CONFLICT, "after two", (struct pawl_str){0});
}

static void echo_metadata(struct pawl_request *request) {
    struct pawl_str value = pawl__request_header(request, "dapr-api-token");
    pawl__grpc_respond(request, value);
}

static void echo_unauthenticated(struct pawl_request *request) {
    pawl__http_respond(request, 401, NULL, 0, PAWL_STR("no"));
}

static void echo_start(struct pawl_request *request) {
    pawl__stream_start(request, NULL, 0);
    echo_wait(request);
}

static void echo_unary(struct pawl_request *request) {
    pawl__grpc_respond(request, request->body);
}

static const struct {
    const char *name;
    void (*handle)(struct pawl_request *request);
} echo_methods[] = {
    {"Echo", echo_unary},        {"Stream", echo_stream},      {"Flood", echo_flood},
    {"Fail", echo_fail},         {"FailLate", echo_fail_late}, {"Wait", echo_wait},
    {"Metadata", echo_metadata}, {"Start", echo_start},        {"Plain401", echo_unauthenticated},
};

static void echo_grpc(struct pawl_request *request) {
    const char *slash = memrchr(request->path.data, '/', request->path.len);
    struct pawl_str name = {slash + 1,
                            (size_t)(request->path.data + request->path.len - slash - 1)};
    for (size_t i = 0; i < sizeof echo_methods / sizeof *echo_methods; i++) {
        if (!pawl__str_equal(name, pawl__str(echo_methods[i].name))) continue;
        echo_methods[i].handle(request);
        return;
    }
    pawl__grpc_finish(request, PAWL_E_UNIMPLEMENTED, "unknown method", (struct pawl_str){0});
}

// --- HTTP ------------------------------------------------------------------------------------

static void http_echo(void *arg, struct pawl_request *request, const struct pawl_params *params) {
    struct pawl_str shown = pawl__request_header(request, "x-show");
    struct pawl_str query = pawl__request_query(request, "q");
    const struct pawl_header headers[] = {
        {PAWL_STR("content-type"), PAWL_STR("text/plain")},
        {PAWL_STR("x-shown"), shown.data ? shown : PAWL_STR("-")},
        {PAWL_STR("x-query"), query.data ? query : PAWL_STR("-")},
        {PAWL_STR("x-method"), request->method},
        {PAWL_STR("x-authority"), request->authority},
        {PAWL_STR("x-forged"), PAWL_STR("a\r\nx-bad: 1")},
    };
    pawl__http_respond(request, 200, headers, sizeof headers / sizeof *headers, request->body);
}

static void http_wait(void *arg, struct pawl_request *request, const struct pawl_params *params) {
    echo_wait(request);
}

static void http_stream(void *arg, struct pawl_request *request, const struct pawl_params *params) {
    const struct pawl_header type = {PAWL_STR("content-type"), PAWL_STR("text/x-stream")};
    pawl__stream_start(request, &type, 1);
    echo_stream_of(request, params->values[0]);
}

// A part, and then nothing more.
static void http_stay(void *arg, struct pawl_request *request, const struct pawl_params *params) {
    echo_wait(request);
    pawl__stream_send(request, PAWL_STR("here"));
}

static void http_fail_late(void *arg, struct pawl_request *request,
                           const struct pawl_params *params) {
    echo_fail_late(request);
}

static void http_later_done(uv_handle_t *handle) {
    free(handle);
}

static void http_later_answer(uv_timer_t *timer) {
    struct pawl_request *request = timer->data;
    pawl__http_respond(request, 200, NULL, 0, PAWL_STR("later"));
    uv_close((uv_handle_t *)timer, http_later_done);
}

static void http_later_close(struct pawl_request *request, enum pawl_err reason) {
    uv_close(request->data, http_later_done);
}

static void http_later(void *arg, struct pawl_request *request, const struct pawl_params *params) {
    uv_timer_t *timer = calloc(1, sizeof *timer);
    uv_timer_init(&echo.loop, timer);
    timer->data = request;
    request->data = timer;
    request->on_close = http_later_close;
    uv_timer_start(timer, http_later_answer, 100, 0);
}

static void http_size(void *arg, struct pawl_request *request, const struct pawl_params *params) {
    int64_t size = 0;
    pawl__str_to_int(params->values[0], 0, 1 << 28, &size);
    char *body = calloc(1, (size_t)size + 1);
    pawl__http_respond(request, 200, NULL, 0, (struct pawl_str){body, (size_t)size});
    free(body);
}

static void http_status(void *arg, struct pawl_request *request, const struct pawl_params *params) {
    int64_t status = 500;
    pawl__str_to_int(params->values[0], 200, 599, &status);
    pawl__http_respond(request, (int)status, NULL, 0, PAWL_STR(""));
}

static void http_stats(void *arg, struct pawl_request *request, const struct pawl_params *params) {
    const char *text =
        pawl__arena_format(&request->arena, "waiting %d canceled %d expired %d unavailable %d",
                           echo.waiting, echo.canceled, echo.expired, echo.unavailable);
    pawl__http_respond(request, 200, NULL, 0, pawl__str(text));
}

static const struct pawl_route echo_routes[] = {
    {"GET|POST|PUT|HEAD", "/echo", http_echo},
    {"GET", "/wait", http_wait},
    {"GET", "/later", http_later},
    {"GET", "/size/{bytes}", http_size},
    {"GET", "/status/{code}", http_status},
    {"GET", "/stats", http_stats},
    {"GET", "/stream/{what}", http_stream},
    {"GET", "/stay", http_stay},
    {"GET", "/fail-late", http_fail_late},
};

static void echo_handle(void *arg, struct pawl_request *request) {
    if (request->is_grpc) {
        echo_grpc(request);
        return;
    }
    struct pawl_params params;
    switch (
        pawl__route_find(echo_routes, sizeof echo_routes / sizeof *echo_routes, request, &params)) {
    case PAWL_ROUTE_FOUND: params.route->handle(arg, request, &params); return;
    case PAWL_ROUTE_NO_METHOD: pawl__http_respond(request, 405, NULL, 0, PAWL_STR("")); return;
    default: pawl__http_respond(request, 404, NULL, 0, echo_copy(request, request->path)); return;
    }
}

// --- the program -----------------------------------------------------------------------------

static void echo_on_stdin(uv_stream_t *stream, ssize_t len, const uv_buf_t *buf) {
    if (len == 0) return;
    if (len > 0 && buf->base[0] == 'g') echo.grace = 2 * PAWL_SECOND;
    uv_close((uv_handle_t *)stream, NULL);
    pawl__server_close(echo.server, echo.grace, NULL, NULL);
}

static void echo_on_alloc(uv_handle_t *handle, size_t size, uv_buf_t *buf) {
    static char bytes[16];
    *buf = uv_buf_init(bytes, sizeof bytes);
}

static int64_t echo_setting(const char *name, int64_t otherwise) {
    const char *value = getenv(name);
    return value ? strtoll(value, NULL, 10) : otherwise;
}

int main(int argc, char **argv) {
    struct pawl_error error;
    uv_pipe_t input;
    int port = argc > 1 ? atoi(argv[1]) : 0;
    const struct pawl_server_options options = {
        .allowed_origins = getenv("ALLOWED_ORIGINS"),
        .max_body = (size_t)echo_setting("MAX_BODY", 4 << 20),
        .max_header = (size_t)echo_setting("MAX_HEADER", 16 << 10),
        .idle_timeout = echo_setting("IDLE_MS", 30000) * PAWL_MILLISECOND,
        .keepalive_time = echo_setting("KEEPALIVE_MS", 10000) * PAWL_MILLISECOND,
        .keepalive_timeout = echo_setting("KEEPALIVE_TIMEOUT_MS", 5000) * PAWL_MILLISECOND,
        .handler = echo_handle,
    };
    uv_loop_init(&echo.loop);
    if (pawl__server_create(&echo.loop, &options, &echo.server, &error) ||
        pawl__server_listen(echo.server, "localhost", &port, &error) ||
        (argc > 2 && pawl__server_listen_unix(echo.server, argv[2], &error))) {
        fprintf(stderr, "%s\n", error.text);
        return 1;
    }
    uv_pipe_init(&echo.loop, &input, 0);
    uv_pipe_open(&input, 0);
    uv_read_start((uv_stream_t *)&input, echo_on_alloc, echo_on_stdin);
    printf("listening %d\n", port);
    fflush(stdout);
    uv_run(&echo.loop, UV_RUN_DEFAULT);
    printf("closed: waiting %d canceled %d expired %d unavailable %d\n", echo.waiting,
           echo.canceled, echo.expired, echo.unavailable);
    return uv_loop_close(&echo.loop) ? 2 : 0;
}
