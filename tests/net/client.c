// Runs the gRPC client and the blocking HTTP client against a server: client TARGET [HTTP_PORT]
// with the methods of echo_server.c.

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "net/grpc_client.h"
#include "net/http_fetch.h"

#define CHECK(condition)                                                                           \
    do {                                                                                           \
        if (condition) break;                                                                      \
        fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);                            \
        exit(1);                                                                                   \
    } while (0)

static struct {
    uv_loop_t loop;
    struct pawl_grpc_client *client;
    enum pawl_grpc_client_state state;
    int states;
    bool is_closed;
} test;

struct test_call {
    struct pawl_grpc_call *call;
    enum pawl_err code;
    char text[256];
    size_t messages, bytes;
    size_t cancel_after;
    bool has_ended;
};

static void test_on_message(void *arg, struct pawl_str message) {
    struct test_call *call = arg;
    call->messages++;
    call->bytes += message.len;
    if (call->cancel_after && call->messages == call->cancel_after) {
        pawl__grpc_cancel(call->call);
        call->has_ended = true;
    }
}

static void test_on_end(void *arg, enum pawl_err code, struct pawl_str text) {
    struct test_call *call = arg;
    CHECK(!call->has_ended);
    call->has_ended = true;
    call->code = code;
    snprintf(call->text, sizeof call->text, "%.*s", PAWL_FMT(text));
}

static void test_start(struct test_call *call, const char *method, struct pawl_str message,
                       int64_t timeout, bool is_unary) {
    const struct pawl_grpc_call_options options = {
        .method = method,
        .message = message,
        .timeout = timeout,
        .is_unary = is_unary,
        .on_message = test_on_message,
        .on_end = test_on_end,
        .arg = call,
    };
    enum pawl_err err = pawl__grpc_call(test.client, &options, &call->call);
    if (err) {
        call->has_ended = true;
        call->code = err;
    }
}

static void test_finish(struct test_call *call) {
    while (!call->has_ended) uv_run(&test.loop, UV_RUN_ONCE);
}

static struct test_call test_run(const char *method, struct pawl_str message, int64_t timeout,
                                 bool is_unary) {
    struct test_call call = {0};
    test_start(&call, method, message, timeout, is_unary);
    test_finish(&call);
    return call;
}

static void test_on_state(void *arg, enum pawl_grpc_client_state state,
                          const struct pawl_error *error) {
    test.state = state;
    test.states++;
    if (state == PAWL_GRPC_CLIENT_CLOSED) CHECK(error && error->text[0]);
}

static void test_on_done(void *arg) {
    test.is_closed = true;
}

static void test_open(const char *target) {
    const struct pawl_header token = {PAWL_STR("dapr-api-token"), PAWL_STR("secret")};
    const struct pawl_grpc_client_options options = {
        .target = target,
        .metadata = &token,
        .metadata_count = 1,
        .connect_timeout = 2 * PAWL_SECOND,
        .on_state = test_on_state,
    };
    struct pawl_error error;
    test.is_closed = false;
    CHECK(pawl__grpc_client_create(&test.loop, &options, &test.client, &error) == PAWL_OK);
    pawl__grpc_client_connect(test.client);
}

static void test_close(void) {
    pawl__grpc_client_close(test.client, test_on_done, NULL);
    while (!test.is_closed) uv_run(&test.loop, UV_RUN_ONCE);
}

static void test_calls(void) {
    struct test_call call = test_run("/t/Echo", PAWL_STR("hello"), 0, true);
    CHECK(call.code == PAWL_OK && call.messages == 1 && call.bytes == 5);
    CHECK(test.state == PAWL_GRPC_CLIENT_READY);
    call = test_run("/t/Echo", PAWL_STR(""), 5 * PAWL_SECOND, true);
    CHECK(call.code == PAWL_OK && call.messages == 1 && call.bytes == 0);
    call = test_run("/t/Metadata", PAWL_STR(""), 0, true);
    CHECK(call.code == PAWL_OK && call.bytes == 6);
    call = test_run("/t/Stream", PAWL_STR("2000 3000"), 0, false);
    CHECK(call.code == PAWL_OK && call.messages == 2000 && call.bytes == 6000000);
    call = test_run("/t/Stream", PAWL_STR("2 10"), 0, true);
    CHECK(call.code == PAWL_E_UNIMPLEMENTED && call.messages == 1);
    call = test_run("/t/Stream", PAWL_STR("0 10"), 0, true);
    CHECK(call.code == PAWL_E_UNIMPLEMENTED && call.messages == 0);
    call = test_run("/t/Stream", PAWL_STR("1 5000000"), 0, true);
    CHECK(call.code == PAWL_E_TOO_LARGE);
    call = test_run("/t/Fail", PAWL_STR("5 100% wr\xc3\xb6ng"), 0, true);
    CHECK(call.code == PAWL_E_NOT_FOUND && strcmp(call.text, "100% wr\xc3\xb6ng") == 0);
    call = test_run("/t/FailLate", PAWL_STR(""), 0, false);
    CHECK(call.code == PAWL_E_CONFLICT && call.messages == 2);
    call = test_run("/t/Plain401", PAWL_STR(""), 0, true);
    CHECK(call.code == PAWL_E_UNAUTHENTICATED);
    call = test_run("/t/Wait", PAWL_STR(""), 200 * PAWL_MILLISECOND, true);
    CHECK(call.code == PAWL_E_DEADLINE);
    call = (struct test_call){.cancel_after = 3};
    test_start(&call, "/t/Stream", PAWL_STR("100000 1000"), 0, false);
    test_finish(&call);
    CHECK(call.messages == 3);

    char *big = calloc(1, 4000000);
    call = test_run("/t/Echo", (struct pawl_str){big, 4000000}, 0, true);
    CHECK(call.code == PAWL_OK && call.bytes == 4000000);
    free(big);

    static struct test_call many[3000];
    memset(many, 0, sizeof many);
    for (size_t i = 0; i < 3000; i++) test_start(&many[i], "/t/Echo", PAWL_STR("x"), 0, true);
    for (size_t i = 0; i < 3000; i++) {
        test_finish(&many[i]);
        CHECK(many[i].code == PAWL_OK && many[i].messages == 1);
    }
}

static void test_close_with_open_calls(const char *target) {
    struct test_call waiting = {0}, early = {0}, canceled = {0};
    test_open(target);
    test_start(&early, "/t/Wait", PAWL_STR(""), 0, true);
    test_start(&canceled, "/t/Wait", PAWL_STR(""), 0, true);
    pawl__grpc_cancel(canceled.call);
    while (test.state != PAWL_GRPC_CLIENT_READY) uv_run(&test.loop, UV_RUN_ONCE);
    test_start(&waiting, "/t/Wait", PAWL_STR(""), 0, true);
    test_close();
    CHECK(waiting.has_ended && waiting.code == PAWL_E_CANCELED);
    CHECK(early.has_ended && early.code == PAWL_E_CANCELED);
    CHECK(!canceled.has_ended);
    test_open(target); // and closed before it is connected
    early = (struct test_call){0};
    test_start(&early, "/t/Wait", PAWL_STR(""), 0, true);
    test_close();
    CHECK(early.code == PAWL_E_CANCELED);
}

static void test_no_server(const char *target) {
    test_open(target);
    struct test_call call = test_run("/t/Echo", PAWL_STR(""), 0, true);
    CHECK(call.code == PAWL_E_UNAVAILABLE && strstr(call.text, "cannot connect to"));
    CHECK(test.state == PAWL_GRPC_CLIENT_CLOSED);
    call = test_run("/t/Echo", PAWL_STR(""), 0, true);
    CHECK(call.code == PAWL_E_UNAVAILABLE);
    pawl__grpc_client_connect(test.client);
    CHECK(test.state == PAWL_GRPC_CLIENT_CONNECTING);
    call = test_run("/t/Echo", PAWL_STR(""), 0, true);
    CHECK(call.code == PAWL_E_UNAVAILABLE);
    test_close();
}

static void test_fetch(int port) {
    struct pawl_buf body = {0};
    struct pawl_error error = {0};
    int status = 0;
    const struct pawl_header show = {PAWL_STR("x-show"), PAWL_STR("1")};
    const int64_t timeout = 5 * PAWL_SECOND;
#define FETCH(...)                                                                                 \
    pawl__http_fetch(&(const struct pawl_http_ask){__VA_ARGS__}, &status, &body, &error)
    CHECK(FETCH("localhost", port, "POST", "/echo", &show, 1, PAWL_STR("hi"), timeout) == PAWL_OK);
    CHECK(status == 200 && body.len == 2 && memcmp(body.data, "hi", 2) == 0);
    pawl__buf_clear(&body);
    CHECK(FETCH("127.0.0.1", port, .path = "/size/3000000", .timeout = timeout) == PAWL_OK);
    CHECK(status == 200 && body.len == 3000000);
    pawl__buf_clear(&body);
    CHECK(FETCH("::1", port, .path = "/status/204", .timeout = timeout) == PAWL_OK);
    CHECK(status == 204 && body.len == 0);
    CHECK(FETCH("localhost", port, .path = "/nothing", .timeout = timeout) == PAWL_OK);
    CHECK(status == 404);
    CHECK(FETCH("localhost", port, .path = "/wait", .timeout = 200 * PAWL_MILLISECOND) ==
          PAWL_E_DEADLINE);
    CHECK(FETCH("localhost", 1, .path = "/", .timeout = timeout) == PAWL_E_UNAVAILABLE);
    CHECK(strstr(error.text, "localhost:1"));
#undef FETCH
    pawl__buf_finish(&body);
}

int main(int argc, char **argv) {
    CHECK(argc > 1);
    uv_loop_init(&test.loop);
    test_open(argv[1]);
    test_calls();
    test_close();
    test_close_with_open_calls(argv[1]);
    test_no_server("127.0.0.1:1");
    test_no_server("unix:/nonexistent/socket");
    if (argc > 2) test_fetch(atoi(argv[2]));
    struct pawl_error error;
    struct pawl_grpc_client *none;
    const struct pawl_grpc_client_options bad = {.target = "nowhere"};
    CHECK(pawl__grpc_client_create(&test.loop, &bad, &none, &error) == PAWL_E_INVALID);
    while (uv_run(&test.loop, UV_RUN_ONCE)) continue;
    CHECK(uv_loop_close(&test.loop) == 0);
    puts("ok");
    return 0;
}
