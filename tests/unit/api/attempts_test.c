// Calls on a store by its policies: what is tried again, when, and what ends a call.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "api/attempts.h"
#include "base/clock.h"
#include "base/list.h"

// One call, whose operations end as the test says.
struct call {
    struct pawl_attempts attempts;
    const enum pawl_err *results; // of operations that end by themselves; NULL: the test ends them
    bool at_once;                 // within start
    int operations, ends, gone;
    struct pawl_error error;
    uv_timer_t soon;
};

static uv_loop_t loop;
static struct pawl_api_store store;

static void call_finish(struct call *call, enum pawl_err code) {
    struct pawl_error error;
    pawl__error_clear(&error);
    if (code) pawl__fail(&error, code, "operation %d", call->operations);
    pawl__attempts_done(&call->attempts, &error);
}

static void call_on_soon(uv_timer_t *timer) {
    struct call *call = timer->data;
    call_finish(call, call->results[call->operations - 1]);
}

static void call_start(struct pawl_attempts *attempts) {
    struct call *call = PAWL_CONTAINER(attempts, struct call, attempts);
    call->operations++;
    if (call->results && call->at_once)
        call_finish(call, call->results[call->operations - 1]);
    else if (call->results)
        uv_timer_start(&call->soon, call_on_soon, 0, 0);
}

static void call_end(struct pawl_attempts *attempts, const struct pawl_error *error) {
    struct call *call = PAWL_CONTAINER(attempts, struct call, attempts);
    call->ends++;
    call->error = *error;
}

static void call_gone(struct pawl_attempts *attempts) {
    struct call *call = PAWL_CONTAINER(attempts, struct call, attempts);
    call->gone++;
    uv_close((uv_handle_t *)&call->soon, NULL);
}

static void begin(struct call *call, const enum pawl_err *results) {
    static const struct pawl_attempts_ops ops = {call_start, call_end, call_gone};
    call->attempts.ops = &ops;
    call->attempts.store = &store;
    call->attempts.loop = &loop;
    call->results = results;
    uv_timer_init(&loop, &call->soon);
    call->soon.data = call;
    pawl__attempts_begin(&call->attempts);
}

// Lets the loop run until nothing is left to do: the call is over.
static void run(struct call *call, enum pawl_err code, const char *text) {
    uv_run(&loop, UV_RUN_DEFAULT);
    assert_int_equal(call->ends, 1);
    assert_int_equal(call->gone, 1);
    assert_int_equal(call->error.code, code);
    assert_string_equal(call->error.text, text);
}

// Lets what is due happen. It does not wait: what comes next may be far away.
static void step(void) {
    uv_run(&loop, UV_RUN_NOWAIT);
}

static int set_up(void **state) {
    store = (struct pawl_api_store){.name = "store"};
    return uv_loop_init(&loop);
}

static int tear_down(void **state) {
    return uv_loop_close(&loop);
}

static void retry(int64_t wait, int64_t retries) {
    store.policy.retries = true;
    store.policy.backoff =
        (struct pawl_backoff){.first = wait, .most = wait, .factor = 1, .retries = retries};
}

static void break_at(const char *trip, int64_t rest) {
    int at;
    store.policy.breaks = true;
    store.policy.rule = (struct pawl_breaker_rule){.probes = 1, .rest = rest};
    assert_null(pawl__trip_parse(&store.policy.rule.trip, trip, &at));
}

static const enum pawl_err good[] = {PAWL_E_OK};
static const enum pawl_err always[] = {PAWL_E_IO, PAWL_E_IO, PAWL_E_UNAVAILABLE, PAWL_E_IO};
static const enum pawl_err third[] = {PAWL_E_IO, PAWL_E_IO, PAWL_E_OK};

static void test_without_policy(void **state) {
    struct call fails = {0}, works = {.at_once = true};
    begin(&fails, always);
    run(&fails, PAWL_E_IO, "operation 1");
    begin(&works, good);
    run(&works, PAWL_E_OK, "");
    assert_false(works.attempts.timed); // nothing is waited for
}

static void test_retries(void **state) {
    for (int at_once = 0; at_once < 2; at_once++) {
        struct call fails = {.at_once = at_once}, works = {.at_once = at_once};
        retry(PAWL_MILLISECOND, 3);
        begin(&fails, always);
        run(&fails, PAWL_E_IO, "operation 4");
        begin(&works, third);
        run(&works, PAWL_E_OK, "");
        assert_int_equal(works.operations, 3);
    }
}

// What the caller has done wrong is told at once, and the store is not blamed.
static void test_answers(void **state) {
    static const enum pawl_err answers[] = {PAWL_E_CONFLICT, PAWL_E_INVALID, PAWL_E_TOO_LARGE};
    retry(PAWL_MILLISECOND, -1);
    break_at("totalFailures > 0", PAWL_SECOND);
    for (size_t i = 0; i < 3; i++) {
        struct call call = {0};
        begin(&call, &answers[i]);
        run(&call, answers[i], "operation 1");
    }
    assert_int_equal(store.breaker.counts.total_successes, 3);
}

static void test_time_runs_out(void **state) {
    struct call call = {0};
    store.policy.timeout = PAWL_MILLISECOND;
    begin(&call, NULL);
    while (!call.ends) step();
    assert_string_equal(call.error.text, "context deadline exceeded");
    assert_int_equal(call.gone, 0); // the store still has the operation
    call_finish(&call, PAWL_E_OK);
    run(&call, PAWL_E_INTERNAL, "context deadline exceeded");
}

// However often time runs out, one operation is on its way; its success is that of the call.
static void test_one_operation(void **state) {
    struct call call = {0};
    store.policy.timeout = PAWL_MILLISECOND;
    retry(PAWL_MILLISECOND, -1);
    begin(&call, NULL);
    while (call.attempts.tries < 4) step();
    assert_true(call.attempts.entered);
    assert_int_equal(call.operations, 1);
    call_finish(&call, PAWL_E_OK);
    run(&call, PAWL_E_OK, "");
    assert_int_equal(call.operations, 1);
    assert_int_equal(store.policed.timeouts, 1);
    assert_int_equal(store.policed.timed_out, 1); // however often
    assert_int_equal(store.policed.retries, 1);
    assert_int_equal(store.policed.retried, call.attempts.tries - 1);
}

// The operation ends while the next attempt is waited for.
static void test_between_attempts(void **state) {
    struct call works = {0};
    store.policy.timeout = PAWL_MILLISECOND;
    retry(1000 * PAWL_SECOND, -1);
    begin(&works, NULL);
    while (works.attempts.entered) step();
    call_finish(&works, PAWL_E_OK);
    run(&works, PAWL_E_OK, "");
}

// A failure that comes between two attempts is waited out, and a new operation begun.
static void test_failure_between_attempts(void **state) {
    struct call call = {0};
    store.policy.timeout = PAWL_MILLISECOND;
    retry(10 * PAWL_MILLISECOND, -1);
    begin(&call, NULL);
    while (call.attempts.entered) step();
    call_finish(&call, PAWL_E_IO);
    assert_int_equal(call.ends, 0);
    store.policy.timeout = 0;
    while (call.operations < 2) step();
    call_finish(&call, PAWL_E_OK);
    run(&call, PAWL_E_OK, "");
}

static void test_breaker(void **state) {
    struct call call = {0}, refused = {0}, probe = {0}, other = {0}, after = {0};
    retry(PAWL_MILLISECOND, -1);
    break_at("consecutiveFailures > 1", 1000 * PAWL_SECOND);
    begin(&call, always);
    run(&call, PAWL_E_INTERNAL, "circuit breaker is open"); // which is not waited out
    assert_int_equal(call.operations, 2);
    begin(&refused, good);
    run(&refused, PAWL_E_INTERNAL, "circuit breaker is open");
    assert_int_equal(refused.operations, 0);
    store.breaker.until = pawl__clock_steady() - 1; // the rest is over
    begin(&probe, NULL);
    begin(&other, good);
    assert_string_equal(other.error.text, "too many requests");
    call_finish(&probe, PAWL_E_OK);
    run(&probe, PAWL_E_OK, "");
    begin(&after, good);
    run(&after, PAWL_E_OK, "");
    assert_int_equal(store.breaker.state, PAWL_BREAKER_CLOSED);
    static const uint64_t began[] = {2, 2, 1}, changes[] = {1, 0, 1}; // closed, half-open, open
    assert_memory_equal(store.policed.breakers, began, sizeof began);
    assert_memory_equal(store.policed.changes, changes, sizeof changes);
    assert_int_equal(store.policed.retries, 5);
    assert_int_equal(store.policed.retried, 2);
    assert_int_equal(store.policed.timeouts + store.policed.timed_out, 0);
}

static void test_another_policy(void **state) {
    struct call call = {0};
    const struct pawl_policy other = {.timeout = PAWL_SECOND};
    break_at("totalFailures > 0", PAWL_SECOND);
    begin(&call, always);
    run(&call, PAWL_E_IO, "operation 1");
    pawl__api_store_obey(&store, &other);
    static const struct pawl_policy_series nothing;
    assert_memory_equal(&store.policed, &nothing, sizeof nothing);
    assert_int_equal(store.breaker.state, PAWL_BREAKER_CLOSED);
}

// What was on its way under an earlier policy opens no circuit breaker of this one.
static void test_another_policy_meanwhile(void **state) {
    struct call call = {0}, after = {0};
    break_at("totalFailures > 0", PAWL_SECOND);
    begin(&call, NULL);
    const struct pawl_policy same = store.policy;
    pawl__api_store_obey(&store, &same);
    call_finish(&call, PAWL_E_IO);
    run(&call, PAWL_E_IO, "operation 1");
    assert_int_equal(store.breaker.counts.total_failures, 0);
    begin(&after, good);
    run(&after, PAWL_E_OK, "");
}

// Nobody waits any more: nothing is told, nothing is tried again, and the circuit breaker learns
// how the operation that was on its way went.
static void test_abandoned(void **state) {
    struct call busy = {0}, waiting = {0};
    retry(1000 * PAWL_SECOND, -1);
    break_at("totalFailures > 5", PAWL_SECOND);
    begin(&busy, NULL);
    pawl__attempts_abandon(&busy.attempts);
    assert_int_equal(busy.gone, 0);
    call_finish(&busy, PAWL_E_IO);
    begin(&waiting, NULL);
    call_finish(&waiting, PAWL_E_IO);
    pawl__attempts_abandon(&waiting.attempts);
    uv_run(&loop, UV_RUN_DEFAULT);
    assert_int_equal(busy.gone + waiting.gone, 2);
    assert_int_equal(busy.ends + waiting.ends, 0);
    assert_int_equal(busy.operations + waiting.operations, 2);
    assert_int_equal(store.breaker.counts.total_failures, 2);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_without_policy, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_retries, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_answers, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_time_runs_out, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_one_operation, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_between_attempts, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_breaker, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_another_policy, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_another_policy_meanwhile, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_failure_between_attempts, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_abandoned, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
