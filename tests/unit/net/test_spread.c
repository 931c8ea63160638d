// clang-format off
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
// clang-format on

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "../patience.h"
#include "net/answer.h"
#include "net/server.h"

// Servers on several loops that share one port.

enum {
    SERVERS = 3,
    ROUND = 2 // connections of each
};

struct place {
    uv_loop_t loop;
    uv_thread_t thread;
    uv_async_t stop;
    struct pawl_server *server;
    char name;
};

static void place_handle(void *arg, struct pawl_request *request) {
    struct place *place = arg;
    const struct pawl_str name = {&place->name, 1};
    if (pawl__str_equal(request->path, PAWL_STR("/stay"))) {
        pawl__stream_weigh(request);
        assert_int_equal(pawl__stream_send(request, name), PAWL_OK);
    } else {
        pawl__http_respond(request, 200, NULL, 0, name);
    }
}

static void place_on_closed(void *arg) {
}

static void place_on_stop(uv_async_t *async) {
    struct place *place = async->data;
    uv_close((uv_handle_t *)async, NULL);
    pawl__server_close(place->server, PAWL_SECOND, place_on_closed, NULL);
}

static void place_run(void *arg) {
    struct place *place = arg;
    uv_run(&place->loop, UV_RUN_DEFAULT);
}

static void place_init(struct place *place, char name) {
    struct pawl_error error;
    const struct pawl_server_options options = {.max_body = 1024,
                                                .max_header = 4096,
                                                .idle_timeout = 20 * PAWL_SECOND,
                                                .handler = place_handle,
                                                .arg = place};
    place->name = name;
    uv_loop_init(&place->loop);
    uv_async_init(&place->loop, &place->stop, place_on_stop);
    place->stop.data = place;
    assert_int_equal(pawl__server_create(&place->loop, &options, &place->server, &error), PAWL_OK);
}

// A new connection that asks for |path|, and the name of who serves it; 0: nobody does.
static char visit(int port, const char *path, int *fd) {
    const struct sockaddr_in to = {
        .sin_family = AF_INET,
        .sin_port = htons((uint16_t)port),
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
    };
    char ask[80], answer[512] = "";
    size_t len = 0;
    int asked = snprintf(ask, sizeof ask,
                         "GET %s HTTP/1.0\r\nhost: 127.0.0.1\r\n"
                         "connection: keep-alive\r\n\r\n",
                         path);
    *fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(connect(*fd, (const struct sockaddr *)&to, sizeof to), 0);
    assert_int_equal(write(*fd, ask, (size_t)asked), asked);
    for (;;) {
        const char *body = strstr(answer, "\r\n\r\n");
        if (body && body[4]) return body[4];
        ssize_t part = read(*fd, answer + len, sizeof answer - 1 - len);
        if (part <= 0) return 0;
        len += (size_t)part;
        answer[len] = 0;
    }
}

static void connections_are_spread(void **state) {
    struct place places[SERVERS];
    struct pawl_server *others[SERVERS - 1];
    struct pawl_error error;
    int port = 0, fds[SERVERS * ROUND], counts[SERVERS] = {0};
    for (int i = 0; i < SERVERS; i++) place_init(&places[i], (char)('a' + i));
    for (int i = 1; i < SERVERS; i++) others[i - 1] = places[i].server;
    assert_int_equal(pawl__server_listen(places[0].server, "127.0.0.1", &port, &error), PAWL_OK);
    assert_int_equal(pawl__server_spread(places[0].server, others, SERVERS - 1), PAWL_OK);
    for (int i = 0; i < SERVERS; i++)
        assert_int_equal(uv_thread_create(&places[i].thread, place_run, &places[i]), 0);

    for (int i = 0; i < SERVERS * ROUND; i++) {
        char name = visit(port, "/", &fds[i]);
        assert_in_range(name, 'a', 'a' + SERVERS - 1);
        counts[name - 'a']++;
    }
    for (int i = 0; i < SERVERS; i++) assert_int_equal(counts[i], ROUND);

    // While one of them has a stream that is much work, others are served by the others.
    int stays, further[SERVERS * ROUND], again;
    char busy = visit(port, "/stay", &stays);
    for (int i = 0; i < SERVERS * ROUND; i++) {
        char name = visit(port, "/", &further[i]);
        assert_true(name && name != busy);
    }
    close(stays);
    for (struct patience patience = {0};;) {
        char name = visit(port, "/", &again);
        close(again);
        if (name == busy) break;
        assert_true(patience_spend(&patience) <= 20 * PAWL_SECOND);
    }

    for (int i = 0; i < SERVERS; i++) { // the one that listens first
        uv_async_send(&places[i].stop);
        assert_int_equal(uv_thread_join(&places[i].thread), 0);
        assert_int_equal(uv_loop_close(&places[i].loop), 0);
    }
    for (int i = 0; i < SERVERS * ROUND; i++) {
        close(fds[i]);
        close(further[i]);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(connections_are_spread),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
