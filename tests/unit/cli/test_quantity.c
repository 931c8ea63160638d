#include "cli/quantity.h"

// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
// clang-format on

// What Kubernetes makes of each text.
static void test_taken(void **state) {
    static const struct {
        const char *text;
        int64_t value;
    } rows[] = {
        {"0", 0},
        {"00012", 12},
        {"+5", 5},
        {"-1", -1},
        {"-1Mi", -(1 << 20)},
        {"4k", 4000},
        {"4Ki", 4096},
        {"1M", 1000000},
        {"4Mi", 4 << 20},
        {"1G", 1000000000},
        {"1Gi", 1 << 30},
        {"1T", 1000000000000},
        {"1Ti", 1LL << 40},
        {"1P", 1000000000000000},
        {"1Pi", 1LL << 50},
        {"9E", 9000000000000000000},
        {"7Ei", 7LL << 60},
        {"9223372036854775807", INT64_MAX},
        {"1e6", 1000000},
        {"1E3", 1000},
        {"10e+2", 1000},
        {"1e06", 1000000},
        {"1.25e2", 125},
        {"1000e-3", 1},
        {"0e999", 0},
        {"1.5k", 1500},
        {".5k", 500},
        {"5.", 5},
        {"5.E", 5000000000000000000},
        {"1.5Ki", 1536},
        {"0.5Ki", 512},
        {"1.000Ki", 1024},
        {"1.00000000000000000000000000k", 1000},
        {"0.0009765625Mi", 1024},
        {"2000m", 2},
        {"1000000u", 1},
        {"3000000000n", 3},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        int64_t value = -7;
        assert_true(pawl__quantity_parse(rows[i].text, &value));
        assert_int_equal(value, rows[i].value);
    }
}

static void test_refused(void **state) {
    static const char *const texts[] = {
        "",
        ".",
        "-",
        "+",
        "k",
        "Mi",
        " 1",
        "1 ",
        "+-1",
        "--1",
        "4K",
        "1ki",
        "1i",
        "1Zi",
        "4Quark",
        "1e",
        "1e+",
        "1E+",
        "1e+-3",
        "1e3k",
        "0x10",
        "1.2.3",
        "1500m",
        "1u",
        "1n",
        "1.5",
        "1e-3",
        "1.3Ki",
        "8Ei",
        "10E",
        "1e19",
        "1e999",
        "1e-99",
        "1e9999",
        "9223372036854775808",
        "99999999999Gi",
    };
    int64_t value;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        assert_false(pawl__quantity_parse(texts[i], &value));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_taken),
        cmocka_unit_test(test_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
