// The stores of a daemon, when memory or threads give out as they are opened: whatever was made by
// then is closed again, and whoever waits for that is told.

#include "cli/stores.h"

// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <cmocka.h>
// clang-format on

#include "../patience.h"
#include "alloc.h"
#include "base/clock.h"

enum {
    STORES = 3
};

static unsigned long alloc_count, alloc_fail_at; // 0: none fails
static bool alloc_failed;

bool alloc_fails(void) {
    if (!alloc_fail_at || ++alloc_count != alloc_fail_at) return false;
    return alloc_failed = true;
}

static void on_closed(void *arg) {
    *(bool *)arg = true;
}

// One loop and its set.
struct end {
    uv_loop_t loop;
    struct pawl_daemon_stores stores;
    bool closed;
};

static void end_init(struct end *end) {
    *end = (struct end){0};
    assert_int_equal(uv_loop_init(&end->loop), 0);
    pawl__daemon_stores_init(&end->stores, &end->loop, "app", NULL);
}

// All that was opened has to be closed soon.
static void end_finish(struct end *end) {
    pawl__daemon_stores_close(&end->stores, on_closed, &end->closed);
    struct patience patience = {0};
    while (!end->closed) {
        if (patience_spend(&patience) > 30 * PAWL_SECOND)
            fail_msg("%zu stores are not closed", end->stores.open);
        uv_run(&end->loop, UV_RUN_NOWAIT);
    }
    while (uv_run(&end->loop, UV_RUN_NOWAIT)) continue;
    assert_int_equal(uv_loop_close(&end->loop), 0);
}

// What files with some stores in memory say.
static struct pawl_settings *settings_make(void) {
    static const char *const names[STORES] = {"a", "b", "c"};
    struct pawl_settings *settings = calloc(1, sizeof *settings);
    assert_non_null(settings);
    atomic_init(&settings->holders, 1);
    for (int i = 0; i < STORES; i++)
        settings->stores.items[settings->stores.count++] = (struct pawl_config_store){
            .name = names[i], .type = "state.in-memory", .version = "v1"};
    return settings;
}

static void first_init(struct end *first, struct pawl_settings *settings) {
    struct pawl_error error;
    end_init(first);
    first->stores.is_shared = true;
    assert_int_equal(pawl__daemon_stores_begin(&first->stores, settings, &error), PAWL_OK);
}

// A further loop cannot begin: the first one goes on.
static void test_join_fails(void **state) {
    struct pawl_settings *settings = settings_make();
    struct end first;
    first_init(&first, settings);
    for (unsigned long at = 1;; at++) {
        struct end further;
        struct pawl_error error;
        end_init(&further);
        alloc_count = 0;
        alloc_failed = false;
        alloc_fail_at = at;
        enum pawl_err err = pawl__daemon_stores_join(&further.stores, &first.stores, &error);
        alloc_fail_at = 0;
        assert_int_equal(err, alloc_failed ? PAWL_E_NOMEM : PAWL_OK);
        if (!err) assert_int_equal(further.stores.set.count, STORES);
        end_finish(&further);
        if (!err) break;
        assert_true(at < 1000);
    }
    end_finish(&first);
    pawl__settings_release(settings);
}

// Stores cannot be opened: none is left open.
static void test_begin_fails(void **state) {
    for (unsigned long at = 1;; at++) {
        struct pawl_settings *settings = settings_make();
        struct end first;
        struct pawl_error error;
        end_init(&first);
        first.stores.is_shared = at % 2;
        alloc_count = 0;
        alloc_failed = false;
        alloc_fail_at = (at + 1) / 2;
        enum pawl_err err = pawl__daemon_stores_begin(&first.stores, settings, &error);
        alloc_fail_at = 0;
        assert_int_equal(err, alloc_failed ? PAWL_E_NOMEM : PAWL_OK);
        end_finish(&first);
        pawl__settings_release(settings);
        if (!err && first.stores.is_shared) break; // which asks for more memory
        assert_true(at < 1000);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_join_fails),
        cmocka_unit_test(test_begin_fails),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
