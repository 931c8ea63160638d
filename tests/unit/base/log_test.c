// Log lines parse, whatever is logged.

#include "base/log.h"

// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
// clang-format on

#include <jansson.h>
#include <string.h>
#include <unistd.h>

#define REPLACED "\xef\xbf\xbd"

static char line[65536];

// Logs |message| and reads the line back.
static void write_line(struct pawl_log *log, const char *message) {
    log->out = tmpfile();
    assert_non_null(log->out);
    pawl__log(log, PAWL_LOG_INFO, "scope", "%s", message);
    ssize_t len = pread(fileno(log->out), line, sizeof line - 1, 0);
    assert_true(len > 0 && line[len - 1] == '\n');
    line[len - 1] = 0;
    assert_null(strchr(line, '\n'));
    fclose(log->out);
}

static json_t *logged(struct pawl_log *log, const char *message) {
    json_error_t flaw;
    write_line(log, message);
    json_t *object = json_loads(line, 0, &flaw);
    if (!object) fail_msg("%s: %s", flaw.text, line);
    return object;
}

static void assert_logged(const char *message, const char *expected) {
    struct pawl_log log = {.json = true, .app_id = "shop", .host = "host", .version = "1"};
    json_t *object = logged(&log, message);
    assert_string_equal(json_string_value(json_object_get(object, "msg")), expected);
    assert_string_equal(json_string_value(json_object_get(object, "ver")), "1");
    json_decref(object);
}

static void test_odd_bytes(void **state) {
    assert_logged("a \"b\" \\ \n \t \x01 \x7f", "a \"b\" \\ \n \t \x01 \x7f");
    assert_logged("caf\xe9", "caf" REPLACED);
    assert_logged("\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80",
                  "\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80");
    static const char *const broken[] = {"\x80",
                                         "\xc3",
                                         "\xc1\xbf",
                                         "\xe0\x9f\xbf",
                                         "\xed\xa0\x80",
                                         "\xf0\x8f\xbf\xbf",
                                         "\xf4\x90\x80\x80",
                                         "\xf5\x80\x80\x80",
                                         "\xff"};
    for (size_t i = 0; i < sizeof broken / sizeof *broken; i++) {
        char expected[64] = "";
        for (size_t k = 0; k < strlen(broken[i]); k++) strcat(expected, REPLACED);
        assert_logged(broken[i], expected);
    }
}

// What is cut is cut between two characters, wherever that is.
static void test_long(void **state) {
    static const char *const units[] = {
        "a", "\"", "\x01", "\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x98\x80", "\xff"};
    struct pawl_log log = {.json = true, .app_id = "shop"};
    for (size_t i = 0; i < sizeof units / sizeof *units; i++)
        for (size_t before = 0; before < 4; before++) {
            char text[8192] = "";
            memset(text, 'x', before);
            while (strlen(text) < 4000) strcat(text, units[i]);
            json_t *object = logged(&log, text);
            const char *message = json_string_value(json_object_get(object, "msg"));
            size_t len = strlen(message);
            assert_true(len > 1500);
            assert_string_equal(message + len - 3, "...");
            if (*units[i] != '\xff') assert_memory_equal(message, text, len - 3);
            json_decref(object);
        }
}

static void test_long_values(void **state) {
    char id[300];
    memset(id, 1, sizeof id - 1);
    id[sizeof id - 1] = 0;
    struct pawl_log log = {.json = true, .app_id = id, .host = id, .version = id};
    json_t *object = logged(&log, "m");
    assert_int_equal(json_string_length(json_object_get(object, "app_id")), 255);
    json_decref(object);
}

static void test_logfmt(void **state) {
    struct pawl_log log = {.app_id = "my app", .host = "a-host.local", .version = ""};
    write_line(&log, "a \"b\"");
    assert_non_null(strstr(line, " level=info msg=\"a \\\"b\\\"\" app_id=\"my app\" "
                                 "instance=a-host.local scope=scope type=log ver=\"\""));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_odd_bytes), cmocka_unit_test(test_long),
        cmocka_unit_test(test_long_values), cmocka_unit_test(test_logfmt)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
