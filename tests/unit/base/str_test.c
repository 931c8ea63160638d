// Texts, and the characters of UTF-8 in them.

#include "test.h"

#include "base/str.h"
#include "base/utf8.h"

static size_t length_of(const char *text, size_t len) {
    return pawl__utf8_length(text, text + len);
}

static void test_characters(void **state) {
    static const struct {
        const char *text;
        size_t len, want;
    } rows[] = {
        {"a", 1, 1},
        {"\0", 1, 1},
        {"\xc2\x80", 2, 2},
        {"\xdf\xbf", 2, 2},
        {"\xe0\xa0\x80", 3, 3},
        {"\xed\x9f\xbf", 3, 3},
        {"\xee\x80\x80", 3, 3},
        {"\xf0\x90\x80\x80", 4, 4},
        {"\xf4\x8f\xbf\xbf", 4, 4},
        {"\x80", 1, 0},             // in the middle of a character
        {"\xc1\xbf", 2, 0},         // overlong
        {"\xe0\x9f\xbf", 3, 0},     // overlong
        {"\xf0\x8f\xbf\xbf", 4, 0}, // overlong
        {"\xed\xa0\x80", 3, 0},     // a surrogate
        {"\xf4\x90\x80\x80", 4, 0}, // beyond the last character
        {"\xf5\x80\x80\x80", 4, 0}, //
        {"\xff", 1, 0},             //
        {"\xc2", 1, 0},             // cut off
        {"\xe2\x82", 2, 0},         //
        {"\xf0\x9f\x98", 3, 0},     //
        {"\xc2x", 2, 0},            // not gone on with
        {"\xe2\x82x", 3, 0},        //
        {"\xf0\x9f\x98x", 4, 0},    //
        {"\xe2\x82\xac and more", 12, 3},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_int_equal(length_of(rows[i].text, rows[i].len), rows[i].want);
}

static void test_shortens_between_characters(void **state) {
    struct pawl_str text = PAWL_STR("a\xe2\x82\xac"
                                    "b");
    static const size_t want[] = {0, 1, 1, 1, 4, 5};
    for (size_t max = 0; max < sizeof want / sizeof *want; max++)
        assert_int_equal(pawl__str_shorten(text, max).len, want[max]);
    assert_int_equal(pawl__str_shorten(text, 100).len, 5);
}

static void test_numbers(void **state) {
    int64_t out = 7;
    assert_true(pawl__str_to_int(PAWL_STR("-9223372036854775808"), INT64_MIN, INT64_MAX, &out));
    assert_true(out == INT64_MIN);
    assert_true(pawl__str_to_int(PAWL_STR("0012"), 0, 12, &out));
    assert_int_equal(out, 12);
    static const char *const wrong[] = {
        "",
        "-",
        "+1",
        " 1",
        "1 ",
        "0x1",
        "1.0",
        "13",
        "-1",
        "9223372036854775808",
        "000000000000000000000000000000001",
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_false(pawl__str_to_int(pawl__str(wrong[i]), 0, 12, &out));
    assert_int_equal(out, 12); // untouched
}

static void test_cuts(void **state) {
    struct pawl_str rest = PAWL_STR("a,,b");
    assert_true(pawl__str_equal(pawl__str_cut(&rest, ','), PAWL_STR("a")));
    assert_true(pawl__str_equal(pawl__str_cut(&rest, ','), PAWL_STR("")));
    assert_non_null(rest.data);
    assert_true(pawl__str_equal(pawl__str_cut(&rest, ','), PAWL_STR("b")));
    assert_null(rest.data);
}

static void test_compares(void **state) {
    assert_true(pawl__str_compare(PAWL_STR("a"), PAWL_STR("b")) < 0);
    assert_true(pawl__str_compare(PAWL_STR("a"), PAWL_STR("ab")) < 0);
    assert_true(pawl__str_compare(PAWL_STR("\xff"), PAWL_STR("a")) > 0);
    assert_int_equal(pawl__str_compare((struct pawl_str){0}, PAWL_STR("")), 0);
    assert_true(pawl__str_equal_nocase(PAWL_STR("GeT"), PAWL_STR("gEt")));
    assert_false(pawl__str_equal_nocase(PAWL_STR("get"), PAWL_STR("gets")));
    assert_true(pawl__str_starts(PAWL_STR("a"), (struct pawl_str){0}));
    assert_false(pawl__str_starts(PAWL_STR("a"), PAWL_STR("ab")));
}

static void test_hexadecimal(void **state) {
    char out[5] = "";
    pawl__str_hex(out, 0x12ab, 4);
    assert_string_equal(out, "12ab");
    pawl__str_hex(out, 0xf12ab, 4); // the last ones
    assert_string_equal(out, "12ab");
    for (int c = 0; c < 256; c++) {
        const char *digits = "0123456789abcdefABCDEF";
        const char *at = c ? strchr(digits, c) : NULL;
        int want = !at ? -1 : (int)(at - digits) - (at - digits > 15 ? 6 : 0);
        assert_int_equal(pawl__hex_digit((char)c), want);
    }
}

static void test_hash_is_fixed(void **state) {
    // stores are laid out by it
    assert_true(pawl__str_hash(PAWL_STR("")) == UINT64_C(0xcbf29ce484222325));
    assert_true(pawl__str_hash(PAWL_STR("a")) == UINT64_C(0xaf63dc4c8601ec8c));
    assert_true(pawl__str_hash(PAWL_STR("foobar")) == UINT64_C(0x85944171f73967e8));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_characters),    cmocka_unit_test(test_shortens_between_characters),
        cmocka_unit_test(test_numbers),       cmocka_unit_test(test_cuts),
        cmocka_unit_test(test_compares),      cmocka_unit_test(test_hexadecimal),
        cmocka_unit_test(test_hash_is_fixed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
