// The last hour in steps: what the meters grew by, and percentiles of what was new.

// clang-format off
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
// clang-format on

#include "base/clock.h"
#include "observe/past.h"

static const struct pawl_buckets latency = {
    .count = 3, .bounds = {PAWL_SECOND, 2 * PAWL_SECOND, 10 * PAWL_SECOND}};
static const struct pawl_buckets ratio = {.count = 1, .bounds = {1}};

static double at(const uint64_t counts[PAWL_BUCKETS_MOST + 1], double quantile) {
    return pawl__past_quantile(&latency, counts, quantile) / (double)PAWL_SECOND;
}

static void test_a_quantile_lies_within_its_bucket(void **state) {
    const uint64_t none[PAWL_BUCKETS_MOST + 1] = {0}, ten[PAWL_BUCKETS_MOST + 1] = {5, 4, 1, 0},
                                            high[PAWL_BUCKETS_MOST + 1] = {0, 0, 0, 3};
    assert_true(pawl__past_quantile(&latency, none, 0.5) < 0);
    assert_true(at(ten, 0.5) > 0.99 && at(ten, 0.5) < 1.01);
    assert_true(at(ten, 0.7) > 1.49 && at(ten, 0.7) < 1.51);
    assert_true(at(ten, 1) > 9.99 && at(ten, 1) < 10.01);
    assert_true(at(high, 0.5) > 9.99); // above the last bound nothing more is known
}

static void end(struct pawl_workflow_meter *meter, const char *name, int64_t took) {
    struct pawl_workflow_series *series = pawl__named_get(&meter->workflows, pawl__str(name));
    pawl__histogram_add(&series->scheduling, PAWL_SECOND / 2);
    pawl__histogram_add(&series->execution[PAWL_METER_SUCCESS], took);
}

static void test_a_step_has_what_came_since_the_last_one(void **state) {
    static struct pawl_past past;
    struct pawl_workflow_meter meter;
    const int64_t open[PAWL_PAST_OPEN] = {4, 3, 2, 1};
    assert_true(pawl__workflow_meter_init(&meter, &latency, &latency, &ratio, 1000, NULL));
    end(&meter, "a", PAWL_SECOND);
    end(&meter, "b", PAWL_SECOND);
    pawl__past_look(&past, 1, &meter, NULL);
    pawl__past_look(&past, 2, &meter, open);
    end(&meter, "a", 5 * PAWL_SECOND);
    pawl__past_look(&past, 3, &meter, NULL);
    const struct pawl_past_step *first = pawl__past_step(&past, 0),
                                *second = pawl__past_step(&past, 1),
                                *third = pawl__past_step(&past, 2);
    assert_true(first->at == 1 && first->started == 2 && first->ended[PAWL_METER_SUCCESS] == 2);
    assert_true(first->ended[PAWL_METER_FAILED] == 0 && first->open[PAWL_PAST_RUNNING] == -1);
    assert_true(second->started == 0 && second->seconds[PAWL_PAST_WORKFLOW][0] < 0);
    assert_true(second->open[PAWL_PAST_RUNNING] == 4 && second->open[PAWL_PAST_STALLED] == 1);
    assert_true(third->started == 1 && third->seconds[PAWL_PAST_WORKFLOW][2] > 2);
    assert_true(third->seconds[PAWL_PAST_BEGIN][0] <= 1);
    assert_true(!pawl__past_step(&past, 3));
    pawl__workflow_meter_finish(&meter);
}

static void test_only_the_newest_steps_are_kept(void **state) {
    static struct pawl_past past;
    for (int i = 0; i < PAWL_PAST_STEPS + 5; i++) pawl__past_look(&past, i, NULL, NULL);
    assert_int_equal(pawl__past_first(&past), 5);
    assert_true(!pawl__past_step(&past, 4));
    assert_int_equal(pawl__past_step(&past, 5)->at, 5);
    assert_int_equal(pawl__past_step(&past, PAWL_PAST_STEPS + 4)->at, PAWL_PAST_STEPS + 4);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_quantile_lies_within_its_bucket),
        cmocka_unit_test(test_a_step_has_what_came_since_the_last_one),
        cmocka_unit_test(test_only_the_newest_steps_are_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
