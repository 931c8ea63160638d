// clang-format off
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
// clang-format on

#include "observe/tracer.h"

static const char usual[] = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

static void test_parse(void **state) {
    static const struct {
        const char *text;
        bool valid, sampled;
    } rows[] = {
        {"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", true, true},
        {"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00", true, false},
        {"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-03", true, true},
        {"01-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", true, true},
        {"01-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more", true, true},
        {"01-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01more", false, false},
        {"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more", false, false},
        {"ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", false, false},
        {"00-0AF7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", false, false},
        {"00-00000000000000000000000000000000-b7ad6b7169203331-01", false, false},
        {"00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01", false, false},
        {"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-0", false, false},
        {"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-0g", false, false},
        {"00_0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", false, false},
        {"00-0af7651916cd43dd8448eb211c80319c_b7ad6b7169203331-01", false, false},
        {"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331_01", false, false},
        {"", false, false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct pawl_trace trace = {0};
        assert_int_equal(pawl__trace_parse(pawl__str(rows[i].text), &trace), rows[i].valid);
        assert_int_equal(trace.sampled, rows[i].sampled);
    }
}

static void test_round_trips(void **state) {
    struct pawl_trace trace, again;
    assert_true(pawl__trace_parse(PAWL_STR("00-0af7651916cd43dd8448eb211c80319c-"
                                           "b7ad6b7169203331-01"),
                                  &trace));
    char text[PAWL_TRACE_TEXT];
    pawl__trace_format(&trace, text);
    assert_string_equal(text, usual);
    uint8_t binary[PAWL_TRACE_BINARY];
    pawl__trace_format_binary(&trace, binary);
    assert_true(pawl__trace_parse_binary((struct pawl_str){(char *)binary, sizeof binary}, &again));
    pawl__trace_format(&again, text);
    assert_string_equal(text, usual);
    assert_false(
        pawl__trace_parse_binary((struct pawl_str){(char *)binary, sizeof binary - 1}, &again));
    binary[18] = 2;
    assert_false(
        pawl__trace_parse_binary((struct pawl_str){(char *)binary, sizeof binary}, &again));
}

static void test_derive(void **state) {
    struct pawl_trace trace;
    uint8_t first[8], second[8];
    pawl__trace_parse(pawl__str(usual), &trace);
    pawl__trace_derive(&trace, 1, first);
    pawl__trace_derive(&trace, 1, second);
    assert_memory_equal(first, second, 8);
    pawl__trace_derive(&trace, 2, second);
    assert_memory_not_equal(first, second, 8);
    trace.span[7] ^= 1;
    pawl__trace_derive(&trace, 1, second);
    assert_memory_not_equal(first, second, 8);
}

static void test_sampling(void **state) {
    static const struct {
        double ratio;
        int least, most; // of 10000
    } rows[] = {{0, 0, 0}, {1, 10000, 10000}, {0.5, 4700, 5300}, {0.01, 40, 180}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct pawl_tracer tracer;
        pawl__tracer_init(&tracer, rows[i].ratio, NULL);
        int kept = 0;
        for (int n = 0; n < 10000; n++) {
            struct pawl_trace root = pawl__tracer_begin(&tracer, NULL);
            kept += root.sampled;
            struct pawl_trace child = pawl__tracer_begin(&tracer, &root);
            assert_int_equal(child.sampled, root.sampled);
            assert_memory_equal(child.id, root.id, 16);
            assert_memory_not_equal(child.span, root.span, 8);
        }
        assert_in_range(kept, rows[i].least, rows[i].most);
        pawl__tracer_finish(&tracer, 0);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parse),
        cmocka_unit_test(test_round_trips),
        cmocka_unit_test(test_derive),
        cmocka_unit_test(test_sampling),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
