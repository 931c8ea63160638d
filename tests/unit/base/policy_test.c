// Backoff, circuit breakers, and when those open.

#include "test.h"

#include <math.h>
#include <string.h>

#include "base/clock.h"
#include "base/policy.h"

// --- backoff ------------------------------------------------------------------------------------

static const struct pawl_backoff growing = {
    .first = 500 * PAWL_MILLISECOND,
    .most = 15 * PAWL_SECOND,
    .factor = 1.5,
    .jitter = 0.5,
    .elapsed = 900 * PAWL_SECOND,
    .retries = -1,
};

static void test_backoff_constant(void **state) {
    const struct pawl_backoff constant = {.first = 7, .most = 7, .factor = 1, .retries = 3};
    int64_t wait;
    for (int64_t retry = 1; retry <= 3; retry++) {
        assert_true(pawl__backoff_wait(&constant, retry, INT64_MAX, 0.99, &wait));
        assert_int_equal(wait, 7);
    }
    assert_false(pawl__backoff_wait(&constant, 4, 0, 0, &wait));
    const struct pawl_backoff none = {.first = 7, .most = 7, .factor = 1};
    assert_false(pawl__backoff_wait(&none, 1, 0, 0, &wait));
}

// Each wait lies between half and one and a half of 0.5 s * 1.5^n, up to 15 s.
static void test_backoff_grows(void **state) {
    int64_t low, middle, high;
    for (int retry = 1; retry < 40; retry++) {
        double base = fmin(0.5e9 * pow(1.5, retry - 1), 15e9);
        assert_true(pawl__backoff_wait(&growing, retry, 0, 0, &low));
        assert_true(pawl__backoff_wait(&growing, retry, 0, 0.5, &middle));
        assert_true(pawl__backoff_wait(&growing, retry, 0, 0.999999, &high));
        assert_true(fabs((double)low - base * 0.5) < 2);
        assert_true(fabs((double)middle - base) < 2);
        assert_true((double)high > base * 1.4999 && (double)high < base * 1.5);
    }
    assert_true(pawl__backoff_wait(&growing, INT64_MAX, 0, 0.5, &middle));
    assert_int_equal(middle, 15 * PAWL_SECOND);
}

static void test_backoff_ends(void **state) {
    int64_t wait, last = 885 * PAWL_SECOND; // 15 s before the end
    assert_true(pawl__backoff_wait(&growing, 30, last, 0.5, &wait));
    assert_false(pawl__backoff_wait(&growing, 30, last + 1, 0.5, &wait));
    assert_true(pawl__backoff_wait(&growing, 30, last + 1, 0.4, &wait)); // it is shorter
}

// --- circuit breaker ----------------------------------------------------------------------------

static struct pawl_breaker breaker;
static int64_t now;

static struct pawl_breaker_rule rule_of(const char *trip) {
    struct pawl_breaker_rule rule = {.probes = 2, .rest = 10};
    int at;
    assert_null(pawl__trip_parse(&rule.trip, trip, &at));
    breaker = (struct pawl_breaker){0};
    now = 1000;
    return rule;
}

// One call; whether it was let through.
static bool call(const struct pawl_breaker_rule *rule, bool failed) {
    struct pawl_breaker_pass pass;
    if (pawl__breaker_enter(&breaker, rule, now, &pass)) return false;
    pawl__breaker_leave(&breaker, rule, now, pass, failed);
    return true;
}

static void test_breaker_opens(void **state) {
    const struct pawl_breaker_rule rule = rule_of("consecutiveFailures > 5");
    for (int i = 0; i < 5; i++) assert_true(call(&rule, true));
    assert_true(call(&rule, false)); // so that the row begins anew
    for (int i = 0; i < 5; i++) assert_true(call(&rule, true));
    assert_int_equal(breaker.state, PAWL_BREAKER_CLOSED);
    assert_true(call(&rule, true)); // the sixth
    assert_int_equal(breaker.state, PAWL_BREAKER_OPEN);
    struct pawl_breaker_pass pass;
    assert_string_equal(pawl__breaker_enter(&breaker, &rule, now, &pass),
                        "circuit breaker is open");
    now += rule.rest; // not yet over
    assert_false(call(&rule, false));
}

static void test_breaker_closes(void **state) {
    const struct pawl_breaker_rule rule = rule_of("totalFailures >= 1");
    struct pawl_breaker_pass first, second, third;
    assert_true(call(&rule, true));
    now += rule.rest + 1;
    assert_null(pawl__breaker_enter(&breaker, &rule, now, &first));
    assert_int_equal(breaker.state, PAWL_BREAKER_HALF_OPEN);
    assert_null(pawl__breaker_enter(&breaker, &rule, now, &second));
    assert_string_equal(pawl__breaker_enter(&breaker, &rule, now, &third), "too many requests");
    pawl__breaker_leave(&breaker, &rule, now, first, false);
    assert_int_equal(breaker.state, PAWL_BREAKER_HALF_OPEN); // as there are two probes
    pawl__breaker_leave(&breaker, &rule, now, second, false);
    assert_int_equal(breaker.state, PAWL_BREAKER_CLOSED);
    assert_int_equal(breaker.counts.requests, 0);
}

static void test_breaker_opens_again(void **state) {
    const struct pawl_breaker_rule rule = rule_of("totalFailures >= 1");
    struct pawl_breaker_pass early, probe;
    assert_null(pawl__breaker_enter(&breaker, &rule, now, &early));
    assert_true(call(&rule, true));
    now += rule.rest + 1;
    assert_null(pawl__breaker_enter(&breaker, &rule, now, &probe));
    pawl__breaker_leave(&breaker, &rule, now, early, true); // of another age: it does not count
    assert_int_equal(breaker.state, PAWL_BREAKER_HALF_OPEN);
    pawl__breaker_leave(&breaker, &rule, now, probe, true);
    assert_int_equal(breaker.state, PAWL_BREAKER_OPEN);
    now += rule.rest; // from the second failure on
    assert_false(call(&rule, false));
    now++;
    assert_true(call(&rule, false));
}

static void test_breaker_counts_anew(void **state) {
    struct pawl_breaker_rule rule = rule_of("totalFailures > 2");
    rule.interval = 100;
    assert_true(call(&rule, true));
    assert_true(call(&rule, true));
    now += 101;
    assert_true(call(&rule, true));
    assert_int_equal(breaker.state, PAWL_BREAKER_CLOSED);
    assert_int_equal(breaker.counts.total_failures, 1);
    assert_true(call(&rule, true));
    assert_true(call(&rule, true));
    assert_int_equal(breaker.state, PAWL_BREAKER_OPEN);
}

// --- conditions ---------------------------------------------------------------------------------

static void test_trips(void **state) {
    static const struct pawl_trip_counts counts = {10, 4, 6, 0, 3};
    static const struct {
        const char *text;
        bool trips;
    } rows[] = {
        {"consecutiveFailures > 5", false},
        {" consecutiveFailures>2 ", true},
        {"consecutiveFailures >= 3 && requests >= 20", false},
        {"consecutiveFailures >= 3 && requests >= 10", true},
        {"consecutiveFailures == 4 || totalFailures != 6 || totalSuccesses <= 4", true},
        {"requests < 10", false},
        {"!(requests < 10)", true},
        {"!(!(requests < 10))", false},
        {"totalFailures * 100 / requests >= 60", true},
        {"totalFailures * 100 / requests > 60", false},
        {"totalFailures / requests > 0", false}, // whole numbers
        {"double(totalFailures) / double(requests) > 0.59", true},
        {"double(totalFailures) / double(requests) > 6.1e-1", false},
        {"totalFailures > 5.5", true},
        {"requests % 4 == 2", true},
        {"requests - 2 * 3 + 1 == 5", true},
        {"requests - (2 + 3) == 5", true},
        {"-requests < -9", true},
        {"true", true},
        {"false || true", true},
        {"true == (requests > 1)", true},
        {"totalFailures / consecutiveSuccesses > 0", false}, // by zero
        {"totalFailures % consecutiveSuccesses > 0 || true", true},
        {"false && totalFailures / consecutiveSuccesses > 0", false},
        {"!(totalFailures / consecutiveSuccesses > 0)", false}, // nor is its contrary true
        {"requests * 99999999999999999 > 0", true},
        {"requests * 999999999999999999 * 999999999999999999 != 0", false}, // too large
        {"double(requests) / double(consecutiveSuccesses) > 1000", true},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct pawl_trip trip;
        int at;
        const char *flaw = pawl__trip_parse(&trip, rows[i].text, &at);
        if (flaw) fail_msg("%s: at %d it %s", rows[i].text, at, flaw);
        if (pawl__trip_eval(&trip, &counts) != rows[i].trips) fail_msg("%s", rows[i].text);
    }
}

static void test_trips_refused(void **state) {
    static const struct {
        const char *text, *flaw;
        int at;
    } rows[] = {
        {"", "has something other than a number", 0},
        {"consecutivefailures > 5", "has something other than a number", 0},
        {"requests >", "has something other than a number", 10},
        {"requests > 5 5", "goes on behind its end", 13},
        {"requests", "is a number, not true or false", 8},
        {"requests > 1 > 1", "goes on behind its end", 13},
        {"(requests > 1", "lacks a closing parenthesis", 13},
        {"requests && true", "takes a number for true or false", 16},
        {"!requests", "has a ! in front of a number", 9},
        {"-true", "has a - in front of a truth value", 5},
        {"true + 1 > 0", "calculates with a truth value", 9},
        {"requests / 2.0 > 1", "calculates with a whole number and one with a fraction", 15},
        {"2.5 % 2.0 > 1.0", "has the remainder of a number with a fraction", 10},
        {"double(true) > 1.0", "makes a number of a truth value", 13},
        {"true > 1", "compares a number with a truth value", 8},
        {"requests > 1234567890123456789", "has a number that is too large", 11},
        {"size(requests) > 1", "has something other than a number", 0},
    };
    struct pawl_trip trip;
    int at;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const char *flaw = pawl__trip_parse(&trip, rows[i].text, &at);
        if (!flaw) fail_msg("%s is understood", rows[i].text);
        if (strncmp(flaw, rows[i].flaw, strlen(rows[i].flaw)) != 0 || at != rows[i].at)
            fail_msg("%s: at %d it %s", rows[i].text, at, flaw);
    }
    char deep[200] = "", chain[400] = "requests > 0";
    memset(deep, '(', 100);
    assert_string_equal(pawl__trip_parse(&trip, deep, &at), "nests too deeply");
    memset(deep, '!', 100);
    assert_string_equal(pawl__trip_parse(&trip, deep, &at), "nests too deeply");
    for (int i = 0; i < 20; i++) strcat(chain, " || requests > 0");
    assert_string_equal(pawl__trip_parse(&trip, chain, &at), "is too long");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_backoff_constant),    cmocka_unit_test(test_backoff_grows),
        cmocka_unit_test(test_backoff_ends),        cmocka_unit_test(test_breaker_opens),
        cmocka_unit_test(test_breaker_closes),      cmocka_unit_test(test_breaker_opens_again),
        cmocka_unit_test(test_breaker_counts_anew), cmocka_unit_test(test_trips),
        cmocka_unit_test(test_trips_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
