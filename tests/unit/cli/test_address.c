#include "cli/address.h"

// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>
// clang-format on

static void test_lists(void **state) {
    static const struct {
        const char *text, *items, *local;
    } rows[] = {
        {"", "127.0.0.1 ", "127.0.0.1"},
        {" , ", "127.0.0.1 ", "127.0.0.1"},
        {"[::1],127.0.0.1", "::1 127.0.0.1 ", "127.0.0.1"},
        {"127.0.0.1, [::1]", "127.0.0.1 ::1 ", "127.0.0.1"},
        {" ::1 ,", "::1 ", "::1"},
        {"[::]", ":: ", "127.0.0.1"},
        {"0.0.0.0", "0.0.0.0 ", "127.0.0.1"},
        {"10.0.0.1,0.0.0.0,[::]", ":: 0.0.0.0 10.0.0.1 ", "127.0.0.1"},
        {"::1,127.0.0.2,\t127.0.0.3", "::1 127.0.0.2 127.0.0.3 ", "127.0.0.2"},
        {"203.0.113.1,127.0.0.1", "203.0.113.1 127.0.0.1 ", "127.0.0.1"},
        {"::2,203.0.113.1", "::2 203.0.113.1 ", "203.0.113.1"},
        {"localhost", "localhost ", "localhost"},
        {"[", "[ ", "["}, // the daemon says that it is no address
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct pawl_addresses addresses;
        char all[1024] = "", local[PAWL_ADDRESS_TEXT];
        assert_true(pawl__addresses_parse(rows[i].text, &addresses));
        for (size_t k = 0; k < addresses.count; k++) strcat(strcat(all, addresses.items[k]), " ");
        assert_string_equal(all, rows[i].items);
        pawl__addresses_local(rows[i].text, local);
        assert_string_equal(local, rows[i].local);
    }
}

static void test_targets(void **state) {
    static const char *const rows[][2] = {
        {"", "127.0.0.1:50001"},        {"::", "127.0.0.1:50001"},
        {"0.0.0.0", "127.0.0.1:50001"}, {"10.0.0.1", "10.0.0.1:50001"},
        {"::1", "[::1]:50001"},         {"localhost", "localhost:50001"}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char text[64];
        pawl__address_target(rows[i][0], 50001, text, sizeof text);
        assert_string_equal(text, rows[i][1]);
    }
}

static void test_limits(void **state) {
    struct pawl_addresses addresses;
    char text[256] = "", local[PAWL_ADDRESS_TEXT];
    for (int i = 0; i < PAWL_ADDRESSES; i++) strcat(text, "::1,");
    assert_true(pawl__addresses_parse(text, &addresses));
    assert_int_equal(addresses.count, PAWL_ADDRESSES);
    strcat(text, "::1");
    assert_false(pawl__addresses_parse(text, &addresses));
    pawl__addresses_local(text, local);
    assert_string_equal(local, "127.0.0.1");
    memset(text, '1', PAWL_ADDRESS_TEXT);
    text[PAWL_ADDRESS_TEXT - 1] = 0;
    assert_true(pawl__addresses_parse(text, &addresses));
    text[PAWL_ADDRESS_TEXT - 1] = '1';
    text[PAWL_ADDRESS_TEXT] = 0;
    assert_false(pawl__addresses_parse(text, &addresses));
}

static void test_covers(void **state) {
    assert_true(pawl__address_covers("::", "127.0.0.1"));
    assert_true(pawl__address_covers("::", "::1"));
    assert_true(pawl__address_covers("0.0.0.0", "127.0.0.1"));
    assert_false(pawl__address_covers("0.0.0.0", "::1"));
    assert_true(pawl__address_covers("::1", "::1"));
    assert_false(pawl__address_covers("::1", "127.0.0.1"));
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_lists), cmocka_unit_test(test_targets),
                                       cmocka_unit_test(test_limits),
                                       cmocka_unit_test(test_covers)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
