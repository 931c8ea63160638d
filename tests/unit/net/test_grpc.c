// clang-format off
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
// clang-format on

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/base64.h"
#include "base/clock.h"
#include "net/grpc.h"

static void test_types(void **state) {
    static const struct {
        const char *text;
        enum pawl_grpc_type type;
    } rows[] = {
        {"application/grpc", PAWL_GRPC_YES},
        {"application/grpc+proto", PAWL_GRPC_YES},
        {"application/grpc; charset=utf-8", PAWL_GRPC_YES},
        {"Application/Grpc+Proto ;x", PAWL_GRPC_YES},
        {"application/grpc+json", PAWL_GRPC_FOREIGN},
        {"application/grpc-web", PAWL_GRPC_FOREIGN},
        {"application/json", PAWL_GRPC_NO},
        {"application/grp", PAWL_GRPC_NO},
        {"", PAWL_GRPC_NO},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_int_equal(pawl__grpc_type(pawl__str(rows[i].text)), rows[i].type);
}

// Two messages and an empty one, cut at each possible place.
static void test_decode(void **state) {
    const char wire[] = "\0\0\0\0\5hello\0\0\0\0\0\0\0\0\0\1x";
    const size_t len = sizeof wire - 1;
    for (size_t cut = 0; cut <= len; cut++) {
        struct pawl_grpc_decoder decoder = {0};
        struct pawl_buf message = {0}, all = {0};
        for (int half = 0; half < 2; half++) {
            struct pawl_str part = {wire + (half ? cut : 0), half ? len - cut : cut};
            while (part.len) {
                bool complete;
                assert_int_equal(pawl__grpc_decode(&decoder, &part, 100, &message, &complete),
                                 PAWL_OK);
                if (!complete) continue;
                pawl__buf_append_str(&all, pawl__buf_str(&message));
                pawl__buf_append_str(&all, PAWL_STR("|"));
                pawl__buf_clear(&message);
            }
        }
        assert_true(pawl__grpc_decoder_idle(&decoder));
        assert_true(pawl__str_equal(pawl__buf_str(&all), PAWL_STR("hello||x|")));
        pawl__buf_finish(&all);
        pawl__buf_finish(&message);
    }
}

static enum pawl_err test_decode_head(const char *head, struct pawl_buf *message) {
    struct pawl_grpc_decoder decoder = {0};
    struct pawl_str data = {head, PAWL_GRPC_HEAD};
    bool complete;
    return pawl__grpc_decode(&decoder, &data, 1000, message, &complete);
}

static void test_decode_refuses(void **state) {
    struct pawl_buf message = {0};
    assert_int_equal(test_decode_head("\1\0\0\0\1", &message), PAWL_E_UNIMPLEMENTED);
    assert_int_equal(test_decode_head("\2\0\0\0\1", &message), PAWL_E_INTERNAL);
    assert_int_equal(test_decode_head("\0\0\0\3\xe9", &message), PAWL_E_TOO_LARGE);
    assert_int_equal(test_decode_head("\0\xff\xff\xff\xff", &message), PAWL_E_TOO_LARGE);
    assert_int_equal(test_decode_head("\0\0\0\3\xe8", &message), PAWL_OK);
    assert_int_equal(message.cap, 0);
}

static void test_timeouts(void **state) {
    static const struct {
        const char *text;
        int64_t value; // -1: malformed
    } rows[] = {
        {"0n", 0},
        {"1n", 1},
        {"30100m", 30100 * PAWL_MILLISECOND},
        {"7u", 7000},
        {"2S", 2 * PAWL_SECOND},
        {"3M", 180 * PAWL_SECOND},
        {"1H", 3600 * PAWL_SECOND},
        {"99999999H", INT64_MAX},
        {"99999999M", INT64_C(99999999) * 60 * PAWL_SECOND},
        {"123456789n", -1},
        {"", -1},
        {"m", -1},
        {"5", -1},
        {"5h", -1},
        {"-5m", -1},
        {"+5m", -1},
        {" 5m", -1},
        {"5.0S", -1},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        int64_t value = -1;
        bool ok = pawl__grpc_timeout_parse(pawl__str(rows[i].text), &value);
        assert_int_equal(ok, rows[i].value >= 0);
        if (ok) assert_int_equal(value, rows[i].value);
    }
}

static void test_timeout_format(void **state) {
    // What is written reads back as at least the same, and at most a thousandth more.
    for (int64_t value = 1; value < INT64_MAX / 3; value = value * 3 + 1) {
        char text[12];
        int64_t back;
        pawl__grpc_timeout_format(value, text);
        assert_true(pawl__grpc_timeout_parse(pawl__str(text), &back));
        assert_true(back >= value && back - value <= value / 1000);
    }
    char text[12];
    pawl__grpc_timeout_format(-5, text);
    assert_string_equal(text, "1n");
    pawl__grpc_timeout_format(INT64_MAX, text);
    assert_true(strlen(text) <= 9);
}

static void test_messages(void **state) {
    static const struct {
        const char *text, *encoded;
    } rows[] = {
        {"", ""},
        {"plain ~ text", "plain ~ text"},
        {"100%", "100%25"},
        {"a\nb\x7f", "a%0Ab%7F"},
        {"\xc3\xa9", "%C3%A9"},
        {"\xf0\x9f\x98\x80", "%F0%9F%98%80"},
        {"\xff\xc3", "??"},
        {"\xed\xa0\x80", "???"},
        {"\xc0\x80", "??"},
    };
    char out[64];
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        size_t len = pawl__grpc_message_encode(pawl__str(rows[i].text), out, sizeof out);
        assert_string_equal(out, rows[i].encoded);
        assert_int_equal(len, strlen(out));
    }
    // Cut between characters, never within one.
    assert_int_equal(pawl__grpc_message_encode(pawl__str("ab\xc3\xa9"), out, 8), 2);
    assert_int_equal(pawl__grpc_message_encode(pawl__str("ab\xc3\xa9"), out, 9), 8);
    assert_int_equal(pawl__grpc_message_encode(pawl__str("x"), out, 1), 0);

    char text[] = "a%20%c3%A9%zz%4";
    assert_int_equal(pawl__str_unescape(text, strlen(text)), 9);
    assert_memory_equal(text, "a \xc3\xa9%zz%4", 9);
}

static void test_base64(void **state) {
    static const struct {
        const char *text, *encoded, *padded;
    } rows[] = {{"", "", ""},
                {"f", "Zg", "Zg=="},
                {"fo", "Zm8", "Zm8="},
                {"foo", "Zm9v", "Zm9v"},
                {"\xfb\xef\xef", "++/v", "++/v"},
                {"foobar", "Zm9vYmFy", "Zm9vYmFy"}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct pawl_buf buf = {0};
        assert_true(pawl__base64_encode(&buf, pawl__str(rows[i].text)));
        assert_true(pawl__str_equal(pawl__buf_str(&buf), pawl__str(rows[i].encoded)));
        pawl__buf_clear(&buf);
        assert_true(pawl__base64_encode_padded(&buf, pawl__str(rows[i].text)));
        assert_true(pawl__str_equal(pawl__buf_str(&buf), pawl__str(rows[i].padded)));
        pawl__buf_clear(&buf);
        assert_true(pawl__base64_decode(&buf, pawl__str(rows[i].encoded)));
        assert_true(pawl__str_equal(pawl__buf_str(&buf), pawl__str(rows[i].text)));
        pawl__buf_finish(&buf);
    }
    struct pawl_buf buf = {0};
    assert_true(pawl__base64_decode(&buf, PAWL_STR("Zg==")));
    assert_false(pawl__base64_decode(&buf, PAWL_STR("Z")));
    assert_false(pawl__base64_decode(&buf, PAWL_STR("Z*8=")));
    pawl__buf_finish(&buf);
}

static void test_codes(void **state) {
    for (int code = PAWL_OK; code <= PAWL_E_UNAUTHENTICATED; code++)
        assert_int_equal(pawl__grpc_code(pawl__err_grpc((enum pawl_err)code)), code);
    assert_int_equal(pawl__grpc_code(99), PAWL_E_UNKNOWN);
    assert_int_equal(pawl__grpc_code_of_http(404), PAWL_E_UNIMPLEMENTED);
    assert_int_equal(pawl__grpc_code_of_http(503), PAWL_E_UNAVAILABLE);
    assert_int_equal(pawl__grpc_code_of_reset(7), PAWL_E_UNAVAILABLE);
    assert_int_equal(pawl__grpc_code_of_reset(8), PAWL_E_CANCELED);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_types),          cmocka_unit_test(test_decode),
        cmocka_unit_test(test_decode_refuses), cmocka_unit_test(test_timeouts),
        cmocka_unit_test(test_timeout_format), cmocka_unit_test(test_messages),
        cmocka_unit_test(test_base64),         cmocka_unit_test(test_codes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
