// Strings of JSON, read back by a library.

// clang-format off
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
// clang-format on

#include <jansson.h>

#include "base/quote.h"

static const char *quoted(struct pawl_buf *buf, struct pawl_str text) {
    pawl__buf_clear(buf);
    assert_true(pawl__buf_quote(buf, text));
    pawl__buf_append(buf, "", 1);
    return (const char *)buf->data;
}

// Each character of one, two and three bytes comes back as it went.
static void test_there_and_back(void **state) {
    struct pawl_buf buf = {0};
    for (uint32_t c = 0; c < 0x3000; c++) {
        char text[16] = "a", *at = text + 1;
        if (c < 0x80) {
            *at++ = (char)c;
        } else if (c < 0x800) {
            *at++ = (char)(0xc0 | c >> 6);
            *at++ = (char)(0x80 | (c & 63));
        } else {
            *at++ = (char)(0xe0 | c >> 12);
            *at++ = (char)(0x80 | (c >> 6 & 63));
            *at++ = (char)(0x80 | (c & 63));
        }
        *at++ = 'z';
        struct pawl_str whole = {text, (size_t)(at - text)};
        quoted(&buf, whole);
        json_t *value =
            json_loadb((char *)buf.data, buf.len - 1, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
        assert_non_null(value);
        assert_int_equal(json_string_length(value), whole.len);
        assert_memory_equal(json_string_value(value), text, whole.len);
        json_decref(value);
    }
    pawl__buf_finish(&buf);
}

static void test_odd(void **state) {
    struct pawl_buf buf = {0};
    assert_string_equal(quoted(&buf, PAWL_STR("")), "\"\"");
    assert_string_equal(quoted(&buf, (struct pawl_str){0}), "\"\"");
    assert_string_equal(quoted(&buf, PAWL_STR("\"\\\n\x01")), "\"\\\"\\\\\\n\\u0001\"");
    assert_string_equal(quoted(&buf, PAWL_STR("a\xff\xc3z")), "\"a\xef\xbf\xbd\xef\xbf\xbdz\"");
    assert_string_equal(quoted(&buf, PAWL_STR("\xe2\x82")), "\"\xef\xbf\xbd\xef\xbf\xbd\"");
    pawl__buf_finish(&buf);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_there_and_back),
        cmocka_unit_test(test_odd),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
