#include "base/name.h"

#include "test.h"

#include <stdio.h>
#include <string.h>

static void test_flaws(void **state) {
    static const struct {
        const char *name, *flaw;
    } rows[] = {
        {"", NULL},
        {"orders", NULL},
        {"a b/c:d", NULL},
        {"Bestellungen für Jürgen €", NULL},
        {"\xf0\x9f\x9a\x80", NULL},
        {"\xc2\xa0", NULL}, // the first one behind the control characters
        {"a\nb", "has a control character in it"},
        {"\x1b[31m", "has a control character in it"},
        {"\x7f", "has a control character in it"},
        {"\xc2\x80", "has a control character in it"},
        {"\xc2\x9f", "has a control character in it"},
        {"\xff", "is not valid UTF-8 text"},
        {"a\xc2", "is not valid UTF-8 text"},
        {"\xc0\xaf", "is not valid UTF-8 text"},     // too many bytes for one character
        {"\xed\xa0\x80", "is not valid UTF-8 text"}, // half of a pair
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const char *flaw = pawl__name_flaw(rows[i].name);
        print_message("row %zu: %s\n", i, flaw ? flaw : "nothing");
        assert_int_equal(!flaw, !rows[i].flaw);
        if (flaw) assert_string_equal(flaw, rows[i].flaw);
    }
}

// Bytes count, not characters.
static void test_length(void **state) {
    char name[300];
    memset(name, 'x', sizeof name);
    name[255] = 0;
    assert_null(pawl__name_flaw(name));
    name[255] = 'x';
    name[256] = 0;
    assert_string_equal(pawl__name_flaw(name), "is too long: it may have 255 bytes");
    memcpy(name + 254, "ü", 3);
    assert_string_equal(pawl__name_flaw(name), "is too long: it may have 255 bytes");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_flaws),
        cmocka_unit_test(test_length),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
