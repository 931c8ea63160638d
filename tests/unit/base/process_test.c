// Errors, clocks, identifiers, libraries, assertions.

#include "test.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/id.h"
#include "base/library.h"
#include "base/memory.h"

static void test_errors(void **state) {
    struct pawl_error error;
    assert_int_equal(pawl__fail(&error, PAWL_E_IO, "cannot read %s", "x.db"), PAWL_E_IO);
    assert_int_equal(error.code, PAWL_E_IO);
    assert_string_equal(error.text, "cannot read x.db");
    assert_int_equal(pawl__fail(NULL, PAWL_E_NOMEM, "nobody asks"), PAWL_E_NOMEM);
    pawl__fail_plain(&error, PAWL_E_NOMEM);
    assert_string_equal(error.text, "out of memory");
    pawl__error_clear(&error);
    assert_int_equal(error.code, PAWL_OK);
    assert_string_equal(error.text, "");
}

// A text that is too long ends between two characters.
static void test_long_errors(void **state) {
    struct pawl_error error;
    char text[2 * sizeof error.text];
    for (size_t i = 0; i + 1 < sizeof text; i++) text[i] = i % 2 ? '\xa9' : '\xc3';
    text[sizeof text - 1] = 0;
    pawl__fail(&error, PAWL_E_IO, "%s%s", "x", text);
    size_t len = strlen(error.text);
    assert_true(len > sizeof error.text - 4 && len < sizeof error.text);
    assert_int_equal(error.text[len - 1], '\xa9');
}

static void test_numbers_from_outside(void **state) {
    assert_int_equal(pawl__err_of(PAWL_E_NOT_FOUND), PAWL_E_NOT_FOUND);
    assert_int_equal(pawl__err_of(PAWL_E_MISMATCH), PAWL_E_MISMATCH);
    assert_int_equal(pawl__err_of(PAWL_OK), PAWL_E_UNKNOWN);
    assert_int_equal(pawl__err_of(-1), PAWL_E_UNKNOWN);
    assert_int_equal(pawl__err_of(100000), PAWL_E_UNKNOWN);
    assert_int_equal(pawl__err_of(INT64_MAX), PAWL_E_UNKNOWN);
}

static void test_clocks(void **state) {
    int64_t steady = pawl__clock_steady();
    assert_true(pawl__clock_steady() >= steady);
    assert_true(pawl__clock_wall() > INT64_C(1600000000) * PAWL_SECOND);
    assert_int_equal(pawl__clock_add(5, 7), 12);
    assert_true(pawl__clock_add(5, INT64_MAX) == INT64_MAX);
    assert_true(pawl__clock_add(-5, INT64_MAX) == INT64_MAX - 5);
}

static void test_uuids(void **state) {
    char one[37], two[37];
    pawl__uuid(UINT64_C(0x0123456789abcdef), UINT64_C(0xfedcba9876543210), one);
    assert_string_equal(one, "01234567-89ab-4def-bedc-ba9876543210");
    pawl__uuid(0, 0, one);
    assert_string_equal(one, "00000000-0000-4000-8000-000000000000");
    pawl__random_uuid(one);
    pawl__random_uuid(two);
    assert_string_not_equal(one, two);
    assert_int_equal(one[14], '4');
    assert_non_null(strchr("89ab", one[19]));
}

// In the order in which they are made, but for those of one millisecond.
static void test_ids(void **state) {
    char last[37] = "", one[37], two[37];
    for (int i = 0; i < 20; i++) {
        int64_t before = pawl__clock_wall() / PAWL_MILLISECOND;
        pawl__id_new(one);
        int64_t after = pawl__clock_wall() / PAWL_MILLISECOND;
        int64_t at = (int64_t)(strtoull(one, NULL, 16) << 16 | strtoull(one + 9, NULL, 16));
        assert_true(at >= before && at <= after);
        assert_int_equal(strlen(one), 36);
        assert_int_equal(strspn(one, "0123456789abcdef-"), 36);
        assert_true(one[8] == '-' && one[13] == '-' && one[18] == '-' && one[23] == '-');
        assert_int_equal(one[14], '7');
        assert_non_null(strchr("89ab", one[19]));
        assert_true(strncmp(last, one, 13) <= 0);
        pawl__id_new(two);
        assert_string_not_equal(one + 15, two + 15);
        strcpy(last, one);
        usleep(500);
    }
}

static void test_memory_can_be_given_back(void **state) {
    char *kept = malloc(100);
    assert_non_null(kept);
    memset(kept, 7, 100);
    pawl__memory_trim();
    assert_int_equal(kept[99], 7);
    free(kept);
}

// One that fails names itself and ends the process, in every build.
static void test_assertions(void **state) {
    int ends[2], status, one = 1;
    char text[512];
    pawl__assert(one == 1);
    assert_int_equal(pipe(ends), 0);
    pid_t pid = fork();
    if (pid == 0) {
        signal(SIGABRT, SIG_DFL); // the test's own handler would say that a test has failed
        dup2(ends[1], STDERR_FILENO);
        pawl__assert(one == 2);
        _exit(0);
    }
    close(ends[1]);
    ssize_t len = read(ends[0], text, sizeof text - 1);
    assert_true(len > 0);
    text[len] = 0;
    assert_non_null(strstr(text, "one == 2"));
    assert_non_null(strstr(text, "process_test.c"));
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
    close(ends[0]);
}

static void test_libraries(void **state) {
    struct {
        size_t (*length)(const char *text);
        int (*compare)(const char *a, const char *b);
    } found = {0};
    struct pawl_error error;
    const char *const names[] = {"strlen", "strcmp", NULL}, *const missing[] = {"no_such", NULL};
    assert_int_equal(pawl__library_load("libc.so.6", names, &found, &error), PAWL_OK);
    assert_int_equal(found.length("abc"), 3);
    assert_int_equal(found.compare("abc", "abc"), 0);
    assert_int_equal(pawl__library_load("libc.so.6", missing, &found, &error), PAWL_E_UNAVAILABLE);
    assert_non_null(strstr(error.text, "no_such"));
    assert_int_equal(pawl__library_load("libnone.so.1", names, &found, &error), PAWL_E_UNAVAILABLE);
    assert_non_null(strstr(error.text, "cannot load libnone.so.1"));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_errors),
        cmocka_unit_test(test_long_errors),
        cmocka_unit_test(test_numbers_from_outside),
        cmocka_unit_test(test_clocks),
        cmocka_unit_test(test_uuids),
        cmocka_unit_test(test_ids),
        cmocka_unit_test(test_memory_can_be_given_back),
        cmocka_unit_test(test_libraries),
        cmocka_unit_test(test_assertions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
