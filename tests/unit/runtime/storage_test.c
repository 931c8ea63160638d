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
};

static void stub_close(struct pawl_store *store) {
    ((struct stub *)store)->closed = true;
}

static const struct pawl_store_ops stub_ops = {.close = stub_close};

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
        assert_int_equal(pawl__storage_init(storage, &loop, &stub.base, &error), PAWL_E_NOMEM);
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

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_no_thread),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
