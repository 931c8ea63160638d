// A storage by itself, over a store that does what a test says.

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/clock.h"
#include "runtime/storage.h"

struct stub {
    struct pawl_store base;
    bool closed;
    enum pawl_err refusal; // of what the client writes next
    unsigned commits, tends;
};

static enum pawl_err stub_commit(struct pawl_store *store, const struct pawl_commit *commit,
                                 struct pawl_error *error) {
    struct stub *stub = (struct stub *)store;
    stub->commits++;
    if (!commit->lease || !stub->refusal) return PAWL_OK;
    enum pawl_err refusal = stub->refusal;
    stub->refusal = PAWL_OK;
    return pawl__fail(error, refusal, "it is refused");
}

static void stub_close(struct pawl_store *store) {
    ((struct stub *)store)->closed = true;
}

// Goes wrong at first, then well, then wrong again.
static enum pawl_err stub_tend(struct pawl_store *store, struct pawl_error *error) {
    struct stub *stub = (struct stub *)store;
    return ++stub->tends == 4 ? PAWL_OK : pawl__fail(error, PAWL_E_IO, "the disk is on fire");
}

static const struct pawl_store_ops stub_ops = {
    .close = stub_close, .commit = stub_commit, .tend = stub_tend};

static void on_closed(void *arg) {
    *(bool *)arg = true;
}

// --- threads that cannot be started -------------------------------------------------------------

static int threads, fail_thread; // which one, from 1

int __real_uv_thread_create(uv_thread_t *thread, uv_thread_cb entry, void *arg);
int __wrap_uv_thread_create(uv_thread_t *thread, uv_thread_cb entry, void *arg);

int __wrap_uv_thread_create(uv_thread_t *thread, uv_thread_cb entry, void *arg) {
    return ++threads == fail_thread ? UV_EAGAIN : __real_uv_thread_create(thread, entry, arg);
}

static void test_no_thread(void **state) {
    (void)state;
    for (fail_thread = 1; fail_thread <= 2; fail_thread++) {
        struct stub stub = {.base = {&stub_ops, "state.stub"}};
        struct pawl_storage *storage = malloc(sizeof *storage);
        struct pawl_error error;
        uv_loop_t loop;
        bool closed = false;
        uv_loop_init(&loop);
        threads = 0;
        assert_int_equal(pawl__storage_init(storage, &loop, &stub.base, NULL, &error),
                         PAWL_E_NOMEM);
        assert_non_null(strstr(error.text, "cannot start a thread for the store"));
        pawl__storage_close(storage, on_closed, &closed);
        uv_run(&loop, UV_RUN_DEFAULT);
        assert_true(closed);
        assert_true(stub.closed);
        free(storage);
        assert_int_equal(uv_loop_close(&loop), 0);
    }
    fail_thread = 0;
}

// --- what the client writes is refused ----------------------------------------------------------

struct client {
    struct pawl_storage_client base;
    struct pawl_lease lease;
    bool writes;
    unsigned oks;
    enum pawl_err refused;
    struct pawl_storage *storage;
};

static bool client_prepare(struct pawl_storage_client *base, struct pawl_commit *commit) {
    struct client *client = (struct client *)base;
    bool writes = client->writes;
    client->writes = false;
    if (writes) commit->lease = &client->lease;
    return writes;
}

static bool client_expects(struct pawl_storage_client *base) {
    (void)base;
    return false;
}

static void client_done(struct pawl_storage_client *base, const struct pawl_error *error) {
    struct client *client = (struct client *)base;
    if (!error->code) {
        client->oks++;
        return;
    }
    client->refused = error->code;
    client->writes = true; // it wants to write again
    pawl__storage_want(client->storage);
}

static void write_done(struct pawl_state_write *write) {
    *(bool *)write->data = true;
}

#define UNTIL(loop, condition)                                                                     \
    for (int64_t until_ = pawl__clock_steady() + 10 * PAWL_SECOND; !(condition);) {                \
        if (pawl__clock_steady() > until_) fail_msg("waited too long for: %s", #condition);        \
        uv_run(loop, UV_RUN_ONCE);                                                                 \
    }

static void test_client_is_refused(void **state) {
    (void)state;
    static const struct {
        enum pawl_err code, write;
        unsigned commits;
    } rows[] = {
        {PAWL_E_FENCED, PAWL_OK, 3},
        {PAWL_E_TOO_LARGE, PAWL_OK, 3},
        {PAWL_E_INTERNAL, PAWL_OK, 3},
        {PAWL_E_IO, PAWL_E_IO, 2}, // it may have been done
        {PAWL_E_UNAVAILABLE, PAWL_E_UNAVAILABLE, 2},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct stub stub = {.base = {&stub_ops, "state.stub"}, .refusal = rows[i].code};
        struct client client = {
            .base = {.prepare = client_prepare, .expects = client_expects, .done = client_done},
            .writes = true};
        struct pawl_storage storage;
        struct pawl_error error;
        uv_loop_t loop;
        bool closed = false, first_done = false, second_done = false;
        uv_loop_init(&loop);
        assert_int_equal(pawl__storage_init(&storage, &loop, &stub.base, NULL, &error), PAWL_OK);
        storage.client = &client.base;
        client.storage = &storage;
        struct pawl_state_write first = {.done = write_done, .data = &first_done};
        struct pawl_state_write second = {.done = write_done, .data = &second_done};
        pawl__storage_write(&storage, &first);
        pawl__storage_write(&storage, &second);
        UNTIL(&loop, first_done && second_done && client.oks);
        assert_int_equal(client.refused, rows[i].code);
        assert_int_equal(first.tx.result.code, rows[i].write);
        assert_int_equal(second.tx.result.code, rows[i].write);
        assert_int_equal(stub.commits, rows[i].commits);
        pawl__storage_close(&storage, on_closed, &closed);
        UNTIL(&loop, closed);
        assert_int_equal(uv_loop_close(&loop), 0);
    }
}

// --- housekeeping that goes wrong ---------------------------------------------------------------

static void log_write(void *arg, enum pawl_log_level level, const char *line) {
    assert_int_equal(level, PAWL_LOG_WARN);
    assert_non_null(strstr(line, "the disk is on fire"));
    ++*(unsigned *)arg;
}

static void test_tend_fails(void **state) {
    (void)state;
    struct stub stub = {.base = {&stub_ops, "state.stub"}};
    struct pawl_storage storage;
    struct pawl_error error;
    uv_loop_t loop;
    unsigned lines = 0;
    bool closed = false;
    const struct pawl_log log = {.write = log_write, .arg = &lines};
    uv_loop_init(&loop);
    assert_int_equal(pawl__storage_init(&storage, &loop, &stub.base, &log, &error), PAWL_OK);
    uv_ref((uv_handle_t *)&storage.tend_timer); // the loop may sleep until then
    for (unsigned tends = 1; tends <= 6; tends++) {
        storage.commits++; // so that it is not idle
        UNTIL(&loop, storage.tended == storage.commits && !storage.tending);
        assert_int_equal(lines, tends < 5 ? 1 : 2); // once each time that it begins
    }
    assert_int_equal(stub.tends, 6);
    pawl__storage_close(&storage, on_closed, &closed);
    UNTIL(&loop, closed);
    assert_int_equal(uv_loop_close(&loop), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_no_thread),
        cmocka_unit_test(test_client_is_refused),
        cmocka_unit_test(test_tend_fails),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
