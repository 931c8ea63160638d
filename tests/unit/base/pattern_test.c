#include "base/pattern.h"

#include "test.h"

static void test_replaces(void **state) {
    static const struct {
        const char *pattern, *text, *replacement, *expected;
    } rows[] = {
        // as Go's regexp.ReplaceAllString has them
        {"orders/.+", "/orders/7", "orders/{id}", "/orders/{id}"},
        {"^/orders/\\d+$", "/orders/17", "/orders/{id}", "/orders/{id}"},
        {"^/orders/\\d+$", "/orders/x17", "/orders/{id}", "/orders/x17"},
        {"\\d", "a1b22", "#", "a#b##"},
        {"[\\d.]+", "v1.2-3", "N", "vN-N"},
        {"\\w+\\s", "ab cd e", "<$0>", "<ab ><cd >e"},
        {"(a)(b)?", "ab a", "${2}$1", "ba a"},
        {"a", "aa", "$1x|$$|$", "|$|$|$|$"},
        {"a", "aa", "${1}x$", "x$x$"},
        {"a*", "baac", "-", "-b-c-"},
        {"^a", "aab", "x", "xab"},
        {"x", "abc", "y", "abc"},
        {"", "ab", "-", "-a-b-"},
        {"(order|refund)-[0-9a-f]{4,8}", "refund-00ff", "$1", "refund"},
        {"a\\.b\\/c", "a.b/c axb/c", "y", "y axb/c"},
        {"[^/]+$", "/a/b", "*", "/a/*"},
        {"a{2}", "aaa", "b", "ba"},
        {"b", "", "x", ""},
        {"(a{2}){3}|(b{10}){100}|b{100}c{100}", "aaaaaax", "b", "bx"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct pawl_pattern pattern;
        struct pawl_buf out = {0};
        assert_null(pawl__pattern_make(&pattern, rows[i].pattern));
        assert_true(
            pawl__pattern_replace(&pattern, pawl__str(rows[i].text), rows[i].replacement, &out));
        pawl__buf_append(&out, "", 1);
        assert_string_equal((const char *)out.data, rows[i].expected);
        pawl__buf_finish(&out);
        pawl__pattern_finish(&pattern);
    }
}

static void test_refuses(void **state) {
    static const char *const texts[] = {
        "(",
        "a**",
        "*?",
        "a+?",
        "(?i)a",
        "(?P<x>a)",
        "\\1",
        "\\bword",
        "\\pL",
        "[a",
        "[[:x",
        "[\\D]",
        "a\\",
        "a{101}",
        "a{1,1000}",
        "a{x}",
        "a{2}{3}",
        "[\\]]",
        "[]a]",
        "\\x41",
        "\\Qa",
        "(a{100}){11}",
        "((a{20}b){5}c){11}",
    };
    struct pawl_pattern pattern;
    char longest[PAWL_PATTERN_MOST + 2];
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        assert_non_null(pawl__pattern_make(&pattern, texts[i]));
        pawl__pattern_finish(&pattern);
    }
    memset(longest, 'a', sizeof longest);
    longest[PAWL_PATTERN_MOST + 1] = 0;
    assert_non_null(pawl__pattern_make(&pattern, longest));
    longest[PAWL_PATTERN_MOST] = 0;
    assert_null(pawl__pattern_make(&pattern, longest));
    pawl__pattern_finish(&pattern);
    pawl__pattern_finish(&pattern);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_replaces),
        cmocka_unit_test(test_refuses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
