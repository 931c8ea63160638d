#include "test.h"

#include "base/clock.h"
#include "wire/timestamp.h"

static int64_t stamp(int64_t seconds, int32_t nanos) {
    Google__Protobuf__Timestamp value = GOOGLE__PROTOBUF__TIMESTAMP__INIT;
    value.seconds = seconds;
    value.nanos = nanos;
    return pawl__timestamp_get(&value);
}

static void stamps_come_back(void **state) {
    const int64_t times[] = {
        0, 1, -1, PAWL_SECOND, -PAWL_SECOND, 1767312245678901234, INT64_MAX, INT64_MIN};
    for (size_t i = 0; i < sizeof times / sizeof times[0]; i++) {
        Google__Protobuf__Timestamp value = GOOGLE__PROTOBUF__TIMESTAMP__INIT;
        pawl__timestamp_set(&value, times[i]);
        assert_in_range(value.nanos, 0, 999999999);
        if (times[i] != INT64_MIN) assert_true(pawl__timestamp_get(&value) == times[i]);
    }
}

static void stamps_are_clamped(void **state) {
    assert_true(stamp(253402300799, 999999999) == INT64_MAX); // the last of 9999
    assert_true(stamp(-62135596800, 0) == INT64_MIN);         // the first of 0001
    assert_true(stamp(9223372036, 854775807) == INT64_MAX);
    assert_true(stamp(9223372036, 854775808) == INT64_MAX);
    assert_true(stamp(9223372036, 854775806) == INT64_MAX - 1);
    assert_true(stamp(INT64_MAX, INT32_MAX) == INT64_MAX);
    assert_true(stamp(INT64_MIN, INT32_MIN) == INT64_MIN);
    assert_true(stamp(1, -1) == PAWL_SECOND - 1);
}

static void texts_have_as_many_digits_as_there_are(void **state) {
    const struct {
        int64_t at;
        const char *text;
    } cases[] = {
        {0, "1970-01-01T00:00:00Z"},
        {-1, "1969-12-31T23:59:59.999999999Z"},
        {1767323045 * PAWL_SECOND, "2026-01-02T03:04:05Z"},
        {1767323045 * PAWL_SECOND + 600000000, "2026-01-02T03:04:05.600Z"},
        {1767323045 * PAWL_SECOND + 678000000, "2026-01-02T03:04:05.678Z"},
        {1767323045 * PAWL_SECOND + 678901000, "2026-01-02T03:04:05.678901Z"},
        {1767323045 * PAWL_SECOND + 678901200, "2026-01-02T03:04:05.678901200Z"},
        {1767323045 * PAWL_SECOND + 1, "2026-01-02T03:04:05.000000001Z"},
        {951782400 * PAWL_SECOND, "2000-02-29T00:00:00Z"},
        {INT64_MAX, "2262-04-11T23:47:16.854775807Z"},
        {INT64_MIN, "1677-09-21T00:12:43.145224192Z"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[PAWL_TIME_TEXT];
        pawl__time_format(cases[i].at, text);
        assert_string_equal(text, cases[i].text);
        int64_t back = 0;
        if (cases[i].at == INT64_MIN) continue; // its second begins before the range
        assert_true(pawl__time_parse(pawl__str(text), &back));
        assert_true(back == cases[i].at);
    }
}

static void times_are_read_with_any_offset(void **state) {
    const struct {
        const char *text;
        int64_t at;
    } cases[] = {
        {"2009-11-10T23:00:00Z", 1257894000 * PAWL_SECOND},
        {"2009-11-10t23:00:00z", 1257894000 * PAWL_SECOND},
        {"2009-11-11T01:30:00+02:30", 1257894000 * PAWL_SECOND},
        {"2009-11-10T15:00:00-08:00", 1257894000 * PAWL_SECOND},
        {"2009-11-10T23:00:00+00:00", 1257894000 * PAWL_SECOND},
        {"2009-11-10T23:00:00.5Z", 1257894000 * PAWL_SECOND + 500000000},
        {"2009-11-10T23:00:00.000000001Z", 1257894000 * PAWL_SECOND + 1},
        {"2009-11-10T23:00:00.1234567899876Z", 1257894000 * PAWL_SECOND + 123456789},
        {"9999-12-31T23:59:59.999999999Z", INT64_MAX},
        {"0001-01-01T00:00:00Z", INT64_MIN},
        {"0000-01-01T00:00:00Z", INT64_MIN},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int64_t at = 0;
        struct pawl_str exact = test_exact(pawl__str(cases[i].text));
        if (!pawl__time_parse(exact, &at)) fail_msg("%s was refused", cases[i].text);
        if (at != cases[i].at) fail_msg("%s became %lld", cases[i].text, (long long)at);
        free((char *)exact.data);
    }
}

static void what_is_no_time_is_refused(void **state) {
    const struct pawl_str cases[] = {
        PAWL_STR(""),
        PAWL_STR("now"),
        PAWL_STR("2026-01-02"),
        PAWL_STR("2026-01-02T03:04Z"),
        PAWL_STR("2026-01-02T03:04:05"),
        PAWL_STR("2026-01-02 03:04:05Z"),
        PAWL_STR("2026-01-02T03:04:05.Z"),
        PAWL_STR("2026-01-02T03:04:05,5Z"),
        PAWL_STR("2026-01-02T03:04:05Zx"),
        PAWL_STR("2026-01-02T03:04:05Z\0"),
        PAWL_STR("2026-01-02T03:04:05\0"),
        PAWL_STR("2026-01-02T03:04:05+2"),
        PAWL_STR("2026-01-02T03:04:05+02:60"),
        PAWL_STR("2026-01-02T03:04:05+24:00"),
        PAWL_STR("2026-01-02T03:04:05+0200"),
        PAWL_STR("2026-01-02T03:04:05+ 2:00"),
        PAWL_STR("2026-01-02T-3:04:05Z"),
        PAWL_STR("2026- 1-02T03:04:05Z"),
        PAWL_STR("+026-01-02T03:04:05Z"),
        PAWL_STR("2026-00-02T03:04:05Z"),
        PAWL_STR("2026-13-02T03:04:05Z"),
        PAWL_STR("2026-01-00T03:04:05Z"),
        PAWL_STR("2026-01-32T03:04:05Z"),
        PAWL_STR("2026-04-31T03:04:05Z"),
        PAWL_STR("2026-02-29T03:04:05Z"),
        PAWL_STR("2026-01-02T24:00:00Z"),
        PAWL_STR("2026-01-02T03:60:05Z"),
        PAWL_STR("2026-01-02T03:04:60Z"),
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int64_t at = 42;
        struct pawl_str exact = test_exact(cases[i]);
        if (pawl__time_parse(exact, &at)) fail_msg("%s was taken", cases[i].data);
        assert_true(at == 42);
        free((char *)exact.data);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(stamps_come_back),
        cmocka_unit_test(stamps_are_clamped),
        cmocka_unit_test(texts_have_as_many_digits_as_there_are),
        cmocka_unit_test(times_are_read_with_any_offset),
        cmocka_unit_test(what_is_no_time_is_refused),
    };
    return cmocka_run_group_tests_name("wire timestamp", tests, NULL, NULL);
}
