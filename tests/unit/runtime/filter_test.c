#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "runtime/filter.h"

#define SECOND INT64_C(1000000000)
#define NOW    (INT64_C(1700000000) * SECOND)

static struct pawl_arena arena;
static struct pawl_error error;

static struct pawl_query parse(const char *text) {
    struct pawl_query query = {0};
    pawl__error_clear(&error);
    assert_int_equal(pawl__filter_parse(pawl__str(text), NOW, &arena, &query, &error), PAWL_OK);
    return query;
}

static void refuse(const char *text, const char *why) {
    struct pawl_query query = {0};
    pawl__error_clear(&error);
    assert_int_equal(pawl__filter_parse(pawl__str(text), NOW, &arena, &query, &error),
                     PAWL_E_INVALID);
    assert_non_null(strstr(error.text, why));
}

static void is(struct pawl_str text, const char *wanted) {
    assert_int_equal(text.len, strlen(wanted));
    assert_memory_equal(text.data, wanted, text.len);
}

static void test_terms(void **state) {
    struct pawl_query query = parse("  a1b2  name:order  parent:p failure:Timeout says:\"a b\" ");
    is(query.id_prefix, "a1b2");
    is(query.name, "order");
    is(query.parent, "p");
    is(query.failure_type, "Timeout");
    is(query.custom_status, "a b");
    is(parse("id:\"say \\\"x\\\" c:\\\\\"").id_prefix, "say \"x\" c:\\");
    is(parse("tag.team:blue").tag, "\x1eteam\x1f"
                                   "blue\x1e");
    is(parse("tag.team:").tag, "\x1eteam\x1f");
    refuse("tag.team:blue tag.site:a", "'tag.site' is a second tag, and a filter may have one");
}

static void test_statuses(void **state) {
    assert_int_equal(parse("status:running").statuses, 1u << 0);
    assert_int_equal(parse("status:FAILED,stalled").statuses, 1u << 3 | 1u << 8);
    refuse("status:asleep", "'asleep' is no status");
    refuse("status:", "'' is no status");
}

static void test_ages(void **state) {
    struct pawl_query query = parse("age<1h ended>90s");
    assert_int_equal(query.created_from, NOW - 3600 * SECOND);
    assert_int_equal(query.created_before, 0);
    assert_int_equal(query.ended_from, 0);
    assert_int_equal(query.ended_before, NOW - 90 * SECOND);
    assert_int_equal(parse("age>2d").created_before, NOW - 2 * 86400 * SECOND);
    for (const char *const *bad = (const char *const[]){"age<1y", "age<h", "age:1h", "age<-1h",
                                                        "age<99999999999d", "ended<", NULL};
         *bad; bad++)
        refuse(*bad, "needs < or > and an age");
}

static void test_waits(void **state) {
    struct pawl_query query = parse("wait:event:approval");
    assert_int_equal(query.await.kind, PAWL_AWAIT_EVENT);
    is(query.await.name, "approval");
    assert_int_equal(query.statuses, 1u << 0 | 1u << 6 | 1u << 7 | 1u << 8); // what has not ended
    assert_int_equal(parse("wait:TIMER status:suspended").statuses, 1u << 7);
    is(parse("wait:activity:\"Process Payment\"").await.name, "Process Payment");
    is(parse("wait:\"child:a:b\"").await.name, "a:b");
    assert_int_equal(parse("wait:worker:").await.name.len, 0);
    assert_int_equal(parse("wait:retry").await.kind, PAWL_AWAIT_RETRY);
    refuse("wait:", "'' is nothing to wait for");
    refuse("wait:approval", "'approval' is nothing to wait for");
    refuse("wait:event wait:timer", "'wait:timer' is a second one");
}

static void test_what_is_no_filter(void **state) {
    refuse("colour:red", "'colour:' is no filter");
    refuse("http://x", "'http:' is no filter");
    refuse("name<x", "'name<' is no filter");
    refuse("says:\"x", "a quote is not closed");
}

static int finish(void **state) {
    pawl__arena_finish(&arena);
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_terms),
        cmocka_unit_test(test_statuses),
        cmocka_unit_test(test_ages),
        cmocka_unit_test(test_waits),
        cmocka_unit_test(test_what_is_no_filter),
    };
    return cmocka_run_group_tests(tests, NULL, finish);
}
