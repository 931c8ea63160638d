// The transport to a daemon, against one that does what daemons do not.

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "../patience.h"
#include "net/answer.h"
#include "net/server.h"
#include "pawl.h"
#include "sdk/transport.h"

// Runs the loop until |condition| holds; fails the test after ten seconds.
#define UNTIL(condition)                                                                           \
    for (struct patience until_ = {0}; !(condition);) {                                            \
        if (patience_spend(&until_) > 10 * PAWL_SECOND)                                            \
            fail_msg("waited too long for: %s", #condition);                                       \
        uv_run(&loop, UV_RUN_ONCE);                                                                \
    }

static uv_loop_t loop;
static unsigned streams, ended; // of work items, at the daemon
static unsigned items, lines;   // at the worker

static void on_tick(uv_timer_t *timer) {
    // keeps the loop from sleeping for long
}

static void on_closed(void *arg) {
    *(bool *)arg = true;
}

static void daemon_on_end(struct pawl_request *request, enum pawl_err reason) {
    ended++;
}

// The first stream has a damaged item, and one after it; those that follow have a good one.
static void daemon_handle(void *arg, struct pawl_request *request) {
    Pb__WorkItem item = PB__WORK_ITEM__INIT;
    item.completiontoken = "token";
    uint8_t good[32];
    struct pawl_str message = {(char *)good, pb__work_item__pack(&item, good)};
    request->on_close = daemon_on_end;
    if (++streams == 1) pawl__stream_send(request, PAWL_STR("\xff\xff"));
    pawl__stream_send(request, message);
}

static void worker_item(void *arg, struct pawl_str bytes) {
    items++;
}

static void worker_ready(void *arg, bool ready, const struct pawl_error *reason) {
}

static void worker_log(void *arg, enum pawl_log_level level, const char *line) {
    assert_int_equal(level, PAWL_LOG_ERROR);
    assert_non_null(strstr(line, "a work item that is damaged"));
    lines++;
}

static uv_timer_t tick;
static struct pawl_server *server;
static struct pawl_transport *transport;
static int listened; // the daemon's port

// A daemon whose answers |handler| gives, and a transport to it.
static void start(pawl_handler handler) {
    const struct pawl_server_options options = {
        .max_body = 1 << 20, .max_header = 16 << 10, .handler = handler};
    static const struct pawl_log log = {.write = worker_log};
    const struct pawl_transport_owner owner = {&log, worker_item, worker_ready, NULL};
    struct pawl_error error;
    char target[64];
    int port = 0;
    uv_loop_init(&loop);
    uv_timer_init(&loop, &tick);
    uv_timer_start(&tick, on_tick, 10, 10);
    assert_int_equal(pawl__server_create(&loop, &options, &server, &error), PAWL_OK);
    assert_int_equal(pawl__server_listen(server, "127.0.0.1", &port, &error), PAWL_OK);
    listened = port;
    snprintf(target, sizeof target, "127.0.0.1:%d", port);
    assert_int_equal(pawl__remote_open(&loop, target, NULL, &owner, &transport, &error), PAWL_OK);
}

static void stop(void) {
    bool worker_closed = false, server_closed = false;
    transport->ops->close(transport, on_closed, &worker_closed);
    UNTIL(worker_closed);
    pawl__server_close(server, 0, on_closed, &server_closed);
    UNTIL(server_closed);
    uv_close((uv_handle_t *)&tick, NULL);
    uv_run(&loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&loop), 0);
}

static void test_damaged_item(void **state) {
    start(daemon_handle);
    Pb__GetWorkItemsRequest ask = PB__GET_WORK_ITEMS_REQUEST__INIT;
    transport->ops->work(transport, &ask);
    UNTIL(lines == 1 && ended == 1); // the daemon offers again what the stream had
    assert_int_equal(items, 0);      // what came after it is not taken
    UNTIL(streams == 2 && items == 1);
    assert_int_equal(lines, 1);

    stop();
}

// --- errors -------------------------------------------------------------------------------------

static const struct {
    const char *told; // by the daemon, beside its status; NULL: nothing
    enum pawl_err status, want;
} errors[] = {
    {NULL, PAWL_E_NOT_FOUND, PAWL_E_NOT_FOUND},    {NULL, PAWL_E_UNKNOWN, PAWL_E_UNKNOWN},
    {"5", PAWL_E_UNKNOWN, PAWL_E_NOT_FOUND},       {"15", PAWL_E_TOO_LARGE, PAWL_E_NOMEM},
    {"9999", PAWL_E_UNKNOWN, PAWL_E_UNKNOWN}, // of a newer daemon
    {"no number", PAWL_E_UNKNOWN, PAWL_E_UNKNOWN}, {"-1", PAWL_E_UNKNOWN, PAWL_E_UNKNOWN},
    {"5", PAWL_OK, PAWL_E_UNIMPLEMENTED}, // no error, and no answer either
};
static size_t asked, answered;

static void failing_handle(void *arg, struct pawl_request *request) {
    if (errors[asked].told)
        pawl__request_add_header(request, PAWL_STR("pawl-code"), pawl__str(errors[asked].told));
    pawl__grpc_finish(request, errors[asked++].status, "no such instance exists", PAWL_STR(""));
}

static void on_answer(struct pawl_op *op) {
    answered++;
}

// What went wrong is told by numbers; the text is for people.
static void test_codes(void **state) {
    start(failing_handle);
    for (size_t i = 0; i < sizeof errors / sizeof *errors; i++) {
        Pb__GetInstanceRequest request = PB__GET_INSTANCE_REQUEST__INIT;
        struct pawl_op op = {
            .method = &pawl__methods[PAWL_TASKHUB_GET],
            .request = &request.base,
            .done = on_answer,
        };
        transport->ops->call(transport, &op);
        UNTIL(answered == i + 1);
        assert_int_equal(op.error.code, errors[i].want);
        if (errors[i].status) assert_string_equal(op.error.text, "no such instance exists");
        pawl__arena_finish(&op.arena);
    }
    stop();
}

// --- new ids ------------------------------------------------------------------------------------

static unsigned drawn, named;

// As daemons do that make no ids; StartInstance answers nothing but that it was called.
static void elder_handle(void *arg, struct pawl_request *request) {
    bool plain = pawl__str_equal(request->path, PAWL_STR("/TaskHubSidecarService/StartInstance"));
    Pb__CreateInstanceRequest *ask =
        plain ? pb__create_instance_request__unpack(NULL, request->body.len,
                                                    (const uint8_t *)request->body.data)
              : NULL;
    drawn += !plain;
    if (ask && strlen(ask->instanceid) == 36) named++;
    pb__create_instance_request__free_unpacked(ask, NULL);
    if (plain)
        pawl__grpc_respond(request, PAWL_STR(""));
    else
        pawl__grpc_finish(request, PAWL_E_UNIMPLEMENTED, "unknown service pawl.Command",
                          PAWL_STR(""));
}

struct starter {
    char target[64];
    char ids[2][37];
    atomic_bool done;
};

static void *starter_main(void *arg) {
    struct starter *starter = arg;
    struct pawl *pawl;
    assert_int_equal(pawl_open(starter->target, NULL, &pawl), PAWL_OK);
    for (int i = 0; i < 2; i++)
        assert_int_equal(pawl_start(pawl, "Order", pawl_text(NULL), NULL, starter->ids[i]),
                         PAWL_OK);
    pawl_close(pawl);
    starter->done = true;
    return NULL;
}

// A daemon that makes no ids is asked for one once; then they are made here.
static void test_elder(void **state) {
    struct starter starter = {.done = false};
    pthread_t thread;
    start(elder_handle);
    snprintf(starter.target, sizeof starter.target, "grpc://127.0.0.1:%d", listened);
    assert_int_equal(pthread_create(&thread, NULL, starter_main, &starter), 0);
    UNTIL(starter.done);
    pthread_join(thread, NULL);
    assert_int_equal(drawn, 1);
    assert_int_equal(named, 2);
    assert_int_equal(strlen(starter.ids[0]), 36);
    assert_string_not_equal(starter.ids[0], starter.ids[1]);
    stop();
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_damaged_item),
        cmocka_unit_test(test_codes),
        cmocka_unit_test(test_elder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
