#include "fixture.h"

#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

// Opening, closing, and what happens between.

static bool is_file(void) {
    return !fixture_is_remote() && strcmp(fixture_target(), "memory:") != 0;
}

static enum pawl_err slow(struct pawl_activity *activity) {
    atomic_int *runs = activity->arg;
    atomic_fetch_add(runs, 1);
    usleep(300000);
    return pawl_activity_return(activity, pawl_text("\"slow\""));
}

static enum pawl_err calls_slow(struct pawl_workflow *wf) {
    struct pawl_text result;
    PAWL_TRY(pawl_call(wf, "slow", pawl_text(NULL), NULL, &result));
    return pawl_return(wf, result);
}

static struct pawl *open_slow(atomic_int *runs) {
    struct pawl *pawl = fixture_open(NULL);
    assert_ok(pawl_add_workflow(pawl, "calls_slow", calls_slow, NULL));
    assert_ok(pawl_add_activity(pawl, "slow", slow, runs));
    assert_ok(pawl_work(pawl));
    return pawl;
}

static void wait_for(atomic_int *number, int value) {
    for (int i = 0; i < 2000 && atomic_load(number) < value; i++) usleep(2000);
    assert_int_equal(atomic_load(number), value);
}

static void test_close_drains(void **state) {
    atomic_int runs = 0;
    struct pawl *pawl = open_slow(&runs);
    struct pawl_start_options options = {.id = fixture_id("drain")};
    assert_ok(pawl_start(pawl, "calls_slow", pawl_text(NULL), &options, NULL));
    wait_for(&runs, 1);
    assert_ok(pawl_close(pawl)); // waits for the activity, and records its result
    if (!is_file() && !fixture_is_remote()) return;
    pawl = open_slow(&runs);
    struct pawl_info *info;
    assert_ok(pawl_wait(pawl, options.id, 10 * PAWL_SECOND, &info));
    assert_text(info->output, "\"slow\"");
    assert_int_equal(atomic_load(&runs), 1);
    pawl_info_free(info);
    assert_ok(pawl_close(pawl));
}

// An activity that waits for another instance must not hold up the end.
static enum pawl_err waits_for_other(struct pawl_activity *activity) {
    atomic_int *began = activity->arg;
    atomic_store(began, 1);
    enum pawl_err err = pawl_wait(activity->pawl, "never-started", PAWL_FOREVER, NULL);
    return pawl_activity_is_canceled(activity) ? PAWL_E_CANCELED : err;
}

static void test_close_ends_waits(void **state) {
    atomic_int began = 0;
    struct pawl *pawl = fixture_open(NULL);
    assert_ok(pawl_add_workflow(pawl, "calls_slow", calls_slow, NULL));
    assert_ok(pawl_add_activity(pawl, "slow", waits_for_other, &began));
    assert_ok(pawl_work(pawl));
    assert_ok(pawl_start(pawl, "calls_slow", pawl_text(NULL), NULL, NULL));
    wait_for(&began, 1);
    assert_ok(pawl_close(pawl));
}

// It would wait for itself.
static enum pawl_err closes(struct pawl_activity *activity) {
    enum pawl_err err = pawl_close(activity->pawl);
    return pawl_activity_fail(activity, "Closed", "%d %s", err, pawl_last_error()->text);
}

static void test_close_within_activity(void **state) {
    for (int quick = 0; quick < 2; quick++) {
        struct pawl *pawl = fixture_open(NULL);
        assert_ok(pawl_add_workflow(pawl, "calls_slow", calls_slow, NULL));
        if (quick)
            assert_ok(pawl_add_quick_activity(pawl, "slow", closes, NULL));
        else
            assert_ok(pawl_add_activity(pawl, "slow", closes, NULL));
        assert_ok(pawl_work(pawl));
        struct pawl_info *info = fixture_run(pawl, "calls_slow", NULL);
        assert_int_equal(info->status, PAWL_FAILED);
        assert_non_null(strstr(info->failure->message, "pawl_close was called within"));
        assert_non_null(strstr(info->failure->message, quick ? "quick activity" : "'slow'"));
        pawl_info_free(info);
        assert_ok(pawl_close(pawl));
    }
}

static void test_held(void **state) {
    if (!is_file()) skip();
    struct pawl *pawl = fixture_open(NULL), *other;
    assert_int_equal(pawl_open(fixture_target(), NULL, &other), PAWL_E_HELD);
    assert_non_null(strstr(pawl_last_error()->text, fixture_target()));
    assert_non_null(strstr(pawl_last_error()->text, "one process at a time serves a file"));
    assert_ok(pawl_close(pawl));
    assert_ok(pawl_open(fixture_target(), NULL, &other));
    assert_ok(pawl_close(other));
    assert_ok(pawl_close(NULL));
}

// --- a loop of the program's own ----------------------------------------------------------------

static void test_driven(void **state) {
    atomic_int runs = 0;
    struct pawl_options driven = {.is_driven = true};
    struct pawl *pawl = fixture_open(&driven);
    assert_ok(pawl_add_workflow(pawl, "calls_slow", calls_slow, NULL));
    assert_ok(pawl_add_activity(pawl, "slow", slow, &runs));
    assert_ok(pawl_work(pawl));
    struct pawl_start_options options = {.id = fixture_id("driven")};
    assert_ok(pawl_start(pawl, "calls_slow", pawl_text(NULL), &options, NULL));
    assert_int_equal(pawl_wait(pawl, options.id, 10 * PAWL_MILLISECOND, NULL), PAWL_E_DEADLINE);
    struct pawl_info *info = NULL;
    for (int i = 0; i < 2000; i++) {
        struct pollfd fd = {.fd = pawl_fd(pawl), .events = POLLIN};
        int timeout = pawl_timeout(pawl);
        poll(&fd, 1, timeout < 0 || timeout > 100 ? 100 : timeout);
        assert_ok(pawl_poll(pawl));
        assert_ok(pawl_get(pawl, options.id, &info));
        if (info->status == PAWL_COMPLETED) break;
        pawl_info_free(info);
    }
    assert_text(info->output, "\"slow\"");
    pawl_info_free(info);
    assert_ok(pawl_close(pawl));
    pawl = fixture_open(NULL);
    assert_int_equal(pawl_poll(pawl), PAWL_E_PRECONDITION);
    assert_ok(pawl_close(pawl));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_close_drains),
        cmocka_unit_test(test_close_ends_waits),
        cmocka_unit_test(test_close_within_activity),
        cmocka_unit_test(test_held),
        cmocka_unit_test(test_driven),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
