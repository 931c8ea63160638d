#include "cli/flags.h"

// clang-format off
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
// clang-format on

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct pawl_flag table[] = {
    {"app-id", 'a', PAWL_FLAG_TEXT, NULL, "name of the app"},
    {"dapr-http-port", 'H', PAWL_FLAG_PORT, "3500", "port"},
    {"count", 0, PAWL_FLAG_INT, "-1", "how many"},
    {"quiet", 'q', PAWL_FLAG_BOOL, "false", "say less"},
    {"metrics", 0, PAWL_FLAG_BOOL, "true", "count things"},
    {"max-body-size", 0, PAWL_FLAG_SIZE, "4Mi", "largest body"},
    {"resources-path", 'd', PAWL_FLAG_LIST, NULL, "folder"},
    {"placement-host-address", 0, PAWL_FLAG_UNUSED, NULL, NULL},
    {NULL, 0, PAWL_FLAG_TEXT, NULL, NULL},
};

enum {
    WORDS = 16
};

// Parses words that stand between blanks. What is written to stderr goes to |said|.
static bool parse(struct pawl_flags *flags, const char *line, bool stop, char said[1024]) {
    static char room[512], *argv[WORDS + 1];
    int argc = 0;
    snprintf(room, sizeof room, "%s", line);
    for (char *word = strtok(room, " "); word && argc < WORDS; word = strtok(NULL, " "))
        argv[argc++] = word;
    argv[argc] = NULL;
    FILE *before = stderr;
    memset(said, 0, 1024);
    stderr = fmemopen(said, 1023, "w");
    bool ok = pawl__flags_parse(flags, table, "pawl x", argc, argv, stop);
    fclose(stderr);
    stderr = before;
    return ok;
}

static void test_forms(void **state) {
    static const char *const lines[] = {
        "--app-id one",
        "--app-id=one",
        "-app-id one",
        "-app-id=one",
        "-a one",
        "-a=one",
        "--app-id two --app-id one",
    };
    struct pawl_flags flags;
    char said[1024];
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        assert_true(parse(&flags, lines[i], false, said));
        assert_string_equal(pawl__flag_text(&flags, "app-id"), "one");
        assert_true(pawl__flag_given(&flags, "app-id"));
        assert_int_equal(flags.argc, 0);
        assert_string_equal(said, "");
    }
}

static void test_defaults(void **state) {
    struct pawl_flags flags;
    char said[1024];
    const char *const *items;
    assert_true(parse(&flags, "", false, said));
    assert_null(pawl__flag_text(&flags, "app-id"));
    assert_int_equal(pawl__flag_int(&flags, "dapr-http-port"), 3500);
    assert_int_equal(pawl__flag_int(&flags, "count"), -1);
    assert_int_equal(pawl__flag_int(&flags, "max-body-size"), 4 << 20);
    assert_false(pawl__flag_bool(&flags, "quiet"));
    assert_true(pawl__flag_bool(&flags, "metrics"));
    assert_int_equal(pawl__flag_list(&flags, "resources-path", &items), 0);
    assert_false(pawl__flag_given(&flags, "dapr-http-port"));
}

static void test_values(void **state) {
    struct pawl_flags flags;
    char said[1024];
    const char *const *items;
    assert_true(parse(&flags,
                      "-q --metrics=false --count -5 --max-body-size 64Ki -d a --resources-path=b "
                      "--placement-host-address localhost:50005 -H 0",
                      false, said));
    assert_true(pawl__flag_bool(&flags, "quiet"));
    assert_false(pawl__flag_bool(&flags, "metrics"));
    assert_int_equal(pawl__flag_int(&flags, "count"), -5);
    assert_int_equal(pawl__flag_int(&flags, "max-body-size"), 65536);
    assert_string_equal(pawl__flag_default(&flags, "max-body-size"), "4Mi");
    assert_int_equal(pawl__flag_int(&flags, "dapr-http-port"), 0);
    assert_int_equal(pawl__flag_list(&flags, "resources-path", &items), 2);
    assert_string_equal(items[0], "a");
    assert_string_equal(items[1], "b");
}

static void test_arguments(void **state) {
    static const struct {
        const char *line;
        bool stop;
        int argc;
        const char *first;
        bool quiet;
    } rows[] = {
        {"-q sh -c -x", true, 3, "sh", true},  {"sh -q", true, 2, "sh", false},
        {"one -q two", false, 2, "one", true}, {"-- -q", false, 1, "-q", false},
        {"-q -- sh", true, 1, "sh", true},     {"-", false, 1, "-", false},
        {"--", true, 0, NULL, false},
    };
    struct pawl_flags flags;
    char said[1024];
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_true(parse(&flags, rows[i].line, rows[i].stop, said));
        assert_int_equal(flags.argc, rows[i].argc);
        assert_null(flags.argv[flags.argc]); // they may be those of a program that is run
        if (rows[i].first) assert_string_equal(flags.argv[0], rows[i].first);
        assert_int_equal(pawl__flag_bool(&flags, "quiet"), rows[i].quiet);
    }
}

static void test_mistakes(void **state) {
    static const struct {
        const char *line, *said;
    } rows[] = {
        {"--app-di x", "pawl x: unknown flag --app-di; did you mean --app-id?\n"
                       "See 'pawl x --help' for the flags.\n"},
        {"--dapr-htpp-port=1", "pawl x: unknown flag --dapr-htpp-port; did you mean "
                               "--dapr-http-port?\nSee 'pawl x --help' for the flags.\n"},
        {"--nothing-like-it",
         "pawl x: unknown flag --nothing-like-it\nSee 'pawl x --help' for the flags.\n"},
        {"-z", "pawl x: unknown flag -z\nSee 'pawl x --help' for the flags.\n"},
        {"--app-id", "pawl x: --app-id needs a value\n"},
        {"-H", "pawl x: --dapr-http-port needs a value\n"},
        {"--count many", "pawl x: --count is 'many', but has to be a whole number\n"},
        {"--count 1.5", "pawl x: --count is '1.5', but has to be a whole number\n"},
        {"--count=", "pawl x: --count is '', but has to be a whole number\n"},
        {"-H 65536", "pawl x: --dapr-http-port is '65536', but has to be a port up to 65535\n"},
        {"--quiet=perhaps", "pawl x: --quiet is 'perhaps', but has to be true or false\n"},
        {"--max-body-size 4Qi",
         "pawl x: --max-body-size is '4Qi', but has to be a size in whole bytes such as 4Mi or "
         "65536\n"},
        {"--max-body-size 1500m", "pawl x: --max-body-size is '1500m', but has to be a size in "
                                  "whole bytes such as 4Mi or 65536\n"},
        {"--max-body-size 99999999999Gi",
         "pawl x: --max-body-size is '99999999999Gi', but has to be a size in whole bytes such as "
         "4Mi or 65536\n"},
    };
    struct pawl_flags flags;
    char said[1024];
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_false(parse(&flags, rows[i].line, false, said));
        assert_string_equal(said, rows[i].said);
    }
}

static void test_help(void **state) {
    struct pawl_flags flags;
    char said[1024], text[2048] = "";
    static const char *const lines[] = {"--help", "-h", "-help", "--app-id x --help"};
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        assert_true(parse(&flags, lines[i], true, said));
        assert_true(flags.help);
    }
    assert_true(parse(&flags, "sh --help", true, said));
    assert_false(flags.help);

    FILE *out = fmemopen(text, sizeof text - 1, "w");
    pawl__flags_help(out, table);
    fclose(out);
    assert_string_equal(text,
                        "  -a, --app-id TEXT                      name of the app\n"
                        "  -H, --dapr-http-port PORT              port (default 3500)\n"
                        "      --count N                          how many (default -1)\n"
                        "  -q, --quiet                            say less\n"
                        "      --metrics                          count things (default true)\n"
                        "      --max-body-size SIZE               largest body (default 4Mi)\n"
                        "  -d, --resources-path TEXT              folder\n");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_forms),    cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_values),   cmocka_unit_test(test_arguments),
        cmocka_unit_test(test_mistakes), cmocka_unit_test(test_help),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
