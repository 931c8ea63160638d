// JSON as it was written: what is let in, and how it is walked.

#include "test.h"

#include "wire/json_text.h"

static bool check(const char *text, struct pawl_json_flaw *flaw) {
    struct pawl_str exact = test_exact(pawl__str(text));
    bool good = pawl__json_check(exact, flaw);
    free((void *)exact.data);
    return good;
}

static void test_good(void **state) {
    static const char *const texts[] = {
        "0",
        "-0",
        "1",
        "-12",
        "0.1",
        "1.10",
        "1e5",
        "1E+5",
        "1e-05",
        "123456789012345678901234567890",
        "1e400",
        "\"\"",
        "\"a\"",
        "\"\\u0000\"",
        "\"\\ud83d\"",
        "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"",
        "\"\xf0\x9f\x98\x80\x7f\"",
        "null",
        "true",
        "false",
        "[]",
        "{}",
        " [ ] ",
        "\t{ }\r\n",
        "[1,2]",
        "[[],{},[[]]]",
        "{\"a\":1,\"a\":2}",
        "{\"\":{\"b\":[null]}}",
        "[ 1 , { \"a\" : [ ] } ]",
    };
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct pawl_json_flaw flaw;
        if (!check(texts[i], &flaw)) fail_msg("%s: %s at %zu", texts[i], flaw.what, flaw.at);
        assert_null(flaw.what);
    }
}

static void test_bad(void **state) {
    static const struct {
        const char *text, *what;
        size_t at;
    } rows[] = {
        {"", "it is empty", 0},
        {" ", "it ends too early", 1},
        {"nul", "a value was expected", 0},
        {"truE", "a value was expected", 0},
        {"NaN", "a value was expected", 0},
        {"'a'", "a value was expected", 0},
        {"+1", "a value was expected", 0},
        {".1", "a value was expected", 0},
        {"01", "something follows the value", 1},
        {"-", "it ends too early", 1},
        {"-a", "a digit was expected", 1},
        {"1.", "it ends too early", 2},
        {"1.e1", "a digit was expected", 2},
        {"1e", "it ends too early", 2},
        {"1 2", "something follows the value", 2},
        {"[1] 2", "something follows the value", 4},
        {"\"a", "it ends too early", 2},
        {"\"a\nb\"", "a string has a control character", 2},
        {"\"\\x\"", "there is no such escape", 2},
        {"\"\\u12g4\"", "\\u needs four digits", 5},
        {"\"\xff\"", "it is not valid UTF-8", 0},
        {"[", "it ends too early", 1},
        {"[1", "it ends too early", 2},
        {"[1,", "it ends too early", 3},
        {"[1,]", "a value was expected", 3},
        {"[,1]", "a value was expected", 1},
        {"[1 2]", "a comma or the closing bracket was expected", 3},
        {"[1}", "a comma or the closing bracket was expected", 2},
        {"{1:2}", "a string was expected", 1},
        {"{\"a\"}", "a colon was expected", 4},
        {"{\"a\":}", "a value was expected", 5},
        {"{\"a\":1,}", "a string was expected", 7},
        {"{\"a\":1]", "a comma or the closing bracket was expected", 6},
        {"{\"a\":1,\"b\"}", "a colon was expected", 10},
        {"[1]]", "something follows the value", 3},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct pawl_json_flaw flaw;
        if (check(rows[i].text, &flaw)) fail_msg("%s is let in", rows[i].text);
        if (strcmp(flaw.what, rows[i].what) != 0 || flaw.at != rows[i].at)
            fail_msg("%s: %s at %zu", rows[i].text, flaw.what, flaw.at);
    }
}

static void test_depth(void **state) {
    char text[2 * 10001];
    struct pawl_json_flaw flaw;
    memset(text, '[', 10000);
    memset(text + 10000, ']', 10000);
    assert_true(pawl__json_check((struct pawl_str){text, 20000}, &flaw));
    memset(text, '[', 10001);
    memset(text + 10001, ']', 10001);
    assert_false(pawl__json_check((struct pawl_str){text, 20002}, &flaw));
    assert_string_equal(flaw.what, "it is nested too deeply");
    assert_int_equal(flaw.at, 10000);
}

static void test_place(void **state) {
    int line, column;
    struct pawl_str text = PAWL_STR("[\n 1,\n x]");
    pawl__json_place(text, 0, &line, &column);
    assert_int_equal(line * 100 + column, 101);
    pawl__json_place(text, 7, &line, &column);
    assert_int_equal(line * 100 + column, 302);
}

static void assert_str(const char *expected, struct pawl_str actual) {
    if (!pawl__str_equal(pawl__str(expected), actual))
        fail_msg("\"%.*s\" instead of \"%s\"", PAWL_FMT(actual), expected);
}

static void test_walk(void **state) {
    struct pawl_str name, item,
        array = pawl__json_trim(PAWL_STR(" [ 1.10 ,\"],\\\"\" , [2 ,{}],{} ] "));
    static const char *const items[] = {"1.10", "\"],\\\"\"", "[2 ,{}]", "{}"};
    size_t at = 0, count = 0;
    while (pawl__json_next(array, &at, &name, &item)) {
        assert_int_equal(name.len, 0);
        assert_str(items[count++], item);
    }
    assert_int_equal(count, 4);

    struct pawl_str object = PAWL_STR("{ \"a\" : 1, \"b{\":\"}\" ,\"A\":{\"a\":2} }");
    at = 0;
    assert_true(pawl__json_next(object, &at, &name, &item));
    assert_str("\"a\"", name);
    assert_str("1", item);
    assert_true(pawl__json_next(object, &at, &name, &item));
    assert_str("\"b{\"", name);
    assert_str("\"}\"", item);
    assert_true(pawl__json_next(object, &at, &name, &item));
    assert_str("{\"a\":2}", item);
    assert_false(pawl__json_next(object, &at, &name, &item));
    at = 0;
    assert_false(pawl__json_next(PAWL_STR("[ ]"), &at, &name, &item));
    assert_false(pawl__json_next(PAWL_STR("{}"), &at, &name, &item));
    assert_false(pawl__json_next(PAWL_STR("\"[1]\""), &at, &name, &item));
    assert_false(pawl__json_next((struct pawl_str){0}, &at, &name, &item));
}

static void test_get(void **state) {
    struct pawl_str object =
        PAWL_STR("{\"key\":1,\"\\u006bEY\":2,\"keys\":3,\"ke\":4,\"k\xc3\xa9y\":5}");
    assert_str("1", pawl__json_get(object, "key", false));
    assert_str("2", pawl__json_get(object, "key", true));
    assert_str("2", pawl__json_get(object, "kEY", false));
    assert_str("3", pawl__json_get(object, "KEYS", true));
    assert_null(pawl__json_get(object, "KEYS", false).data);
    assert_null(pawl__json_get(object, "", true).data);
    assert_null(pawl__json_get(PAWL_STR("[1]"), "key", true).data);
    assert_null(pawl__json_get((struct pawl_str){0}, "key", true).data);
    assert_int_equal(pawl__json_kind((struct pawl_str){0}), PAWL_JSON_NONE);
    assert_int_equal(pawl__json_kind(PAWL_STR("-1")), PAWL_JSON_NUMBER);
    assert_int_equal(pawl__json_kind(PAWL_STR("true")), PAWL_JSON_BOOL);
}

static void test_strings(void **state) {
    static const struct {
        const char *json, *text;
    } rows[] = {
        {"\"\"", ""},
        {"\"plain \xc3\xa9\"", "plain \xc3\xa9"},
        {"\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "\"\\/\b\f\n\r\t"},
        {"\"\\u0041\\u00e9\\u20AC\\ud83d\\ude00\"", "A\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80"},
        {"\"\\ud83d\"", "\xef\xbf\xbd"},
        {"\"\\ud83dx\\ude00\"", "\xef\xbf\xbdx\xef\xbf\xbd"},
        {"\"\\ud83d\\u0041\"", "\xef\xbf\xbd"
                               "A"},
    };
    struct pawl_arena arena = {0};
    struct pawl_str text;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_true(pawl__json_string(&arena, pawl__str(rows[i].json), &text));
        assert_str(rows[i].text, text);
        assert_int_equal(text.data[text.len], 0);
    }
    assert_true(pawl__json_string(&arena, PAWL_STR("\"a\\u0000b\""), &text));
    assert_int_equal(text.len, 3);
    assert_memory_equal(text.data, "a\0b", 4);
    pawl__arena_finish(&arena);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good),    cmocka_unit_test(test_bad),  cmocka_unit_test(test_depth),
        cmocka_unit_test(test_place),   cmocka_unit_test(test_walk), cmocka_unit_test(test_get),
        cmocka_unit_test(test_strings),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
