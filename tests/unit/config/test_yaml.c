#include "kit.h"

#include "base/clock.h"
#include "config/near.h"

static enum pawl_err parse(struct kit *kit, const char *text, struct pawl_yaml **out) {
    return pawl__yaml_parse("f.yaml", pawl__str(text), &kit->arena, out, &kit->error);
}

static void test_tree(void **state) {
    struct kit *kit = *state;
    struct pawl_yaml *root;
    assert_int_equal(parse(kit, "a: 1\nb:\n- x\n- \"2\"\n---\nc: {d: e}\n", &root), PAWL_OK);
    assert_int_equal(root->kind, PAWL_YAML_MAP);
    assert_string_equal(pawl__yaml_text(root, "a"), "1");
    const struct pawl_yaml *list = pawl__yaml_get(root, "b");
    assert_int_equal(list->kind, PAWL_YAML_LIST);
    assert_int_equal(list->children->line, 3);
    assert_false(list->children->quoted);
    assert_true(list->children->next->quoted);
    assert_null(list->children->next->next);
    assert_null(pawl__yaml_text(root, "b"));
    assert_null(pawl__yaml_get(root, "c"));
    assert_null(pawl__yaml_get(NULL, "c"));
    assert_string_equal(pawl__yaml_text(pawl__yaml_get(root->next, "c"), "d"), "e");
    assert_int_equal(pawl__yaml_get(root->next, "c")->line, 6);
    assert_null(root->next->next);
}

static void test_json_and_nothing(void **state) {
    struct kit *kit = *state;
    struct pawl_yaml *root;
    assert_int_equal(parse(kit, "{\"a\": [true, {\"b\": \"c\"}]}", &root), PAWL_OK);
    assert_string_equal(pawl__yaml_text(pawl__yaml_get(root, "a")->children->next, "b"), "c");
    assert_int_equal(parse(kit, "", &root), PAWL_OK);
    assert_null(root);
    assert_int_equal(parse(kit, "# nothing\n", &root), PAWL_OK);
    assert_null(root);
    assert_int_equal(parse(kit, "a:\nb: ~\nc: null\nd: \"\"\n", &root), PAWL_OK);
    assert_null(pawl__yaml_get(root, "a"));
    assert_null(pawl__yaml_get(root, "b"));
    assert_null(pawl__yaml_get(root, "c"));
    assert_string_equal(pawl__yaml_text(root, "d"), "");
}

static void test_aliases(void **state) {
    struct kit *kit = *state;
    struct pawl_yaml *root;
    assert_int_equal(parse(kit, "a: &x {n: 1, m: 2}\nb: *x\nc:\n  <<: *x\n  n: 3\n", &root),
                     PAWL_OK);
    assert_string_equal(pawl__yaml_text(pawl__yaml_get(root, "b"), "m"), "2");
    assert_string_equal(pawl__yaml_text(pawl__yaml_get(root, "c"), "n"), "3");
    assert_string_equal(pawl__yaml_text(pawl__yaml_get(root, "c"), "m"), "2");
    assert_null(pawl__yaml_get(pawl__yaml_get(root, "c"), "<<"));
}

// Twenty lines that stand for 2^20 values are refused; so is an anchor inside of itself.
static void test_limits(void **state) {
    struct kit *kit = *state;
    struct pawl_yaml *root;
    char text[4096] = "a0: &a0 [x, x]\n";
    for (int i = 1; i <= 20; i++)
        sprintf(text + strlen(text), "a%d: &a%d [*a%d, *a%d]\n", i, i, i - 1, i - 1);
    assert_int_equal(parse(kit, text, &root), PAWL_E_INVALID);
    assert_null(root);
    assert_non_null(strstr(kit->error.text, ": the file is too large"));

    text[0] = 0;
    for (int i = 0; i < 40; i++) strcat(text, "[");
    for (int i = 0; i < 40; i++) strcat(text, "]");
    assert_int_equal(parse(kit, text, &root), PAWL_E_INVALID);
    assert_error(kit, "f.yaml:1: is nested too deeply");
}

static void test_errors(void **state) {
    struct kit *kit = *state;
    static const struct {
        const char *text, *error;
    } rows[] = {
        {"a: 1\nb: 2\na: 3\n", "f.yaml:3: \"a\" is given twice"},
        {"a: 1\nb: \"x\\0y\"\n", "f.yaml:2: a text has a NUL (\\0) in it"},
        {"a: 1\n\"b\\0c\": 1\n", "f.yaml:2: a text has a NUL (\\0) in it"},
        {"a: *none\n", "f.yaml:1: no anchor of this name above"},
        {"a: &x\n  b: *x\n", "f.yaml:2: no anchor of this name above"},
        {"a: &x 1\n---\nb: *x\n", "f.yaml:3: no anchor of this name above"},
        {"a: 1\n<<: [b]\n", "f.yaml:2: << has to name a map"},
        {"a: 1\n[b]: 2\n", "f.yaml:2: a key has to be plain text"},
        {"a: 1\n\tb: 2\n",
         "f.yaml:2: found a tab character that violates indentation; indent with blanks, "
         "as YAML takes no tabs there"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct pawl_yaml *root;
        assert_int_equal(parse(kit, rows[i].text, &root), PAWL_E_INVALID);
        assert_null(root);
        assert_error(kit, rows[i].error);
    }
}

static void test_check(void **state) {
    struct kit *kit = *state;
    static const char *const known[] = {"appID", "command", "env", NULL};
    struct pawl_yaml *root;
    assert_int_equal(parse(kit, "env: 1\ncomand: 2\n", &root), PAWL_OK);
    assert_int_equal(pawl__yaml_check(root, "an app", known, &kit->error), PAWL_E_INVALID);
    assert_error(kit, "f.yaml:2: unknown key \"comand\" in an app; did you mean \"command\"?; "
                      "known keys: appID, command, env");
    assert_int_equal(parse(kit, "appId: 1\n", &root), PAWL_OK);
    assert_int_equal(pawl__yaml_check(root, "an app", known, &kit->error), PAWL_E_INVALID);
    assert_non_null(strstr(kit->error.text, "did you mean \"appID\"?"));
    assert_int_equal(parse(kit, "zebra: 1\n", &root), PAWL_OK);
    assert_int_equal(pawl__yaml_check(root, "an app", known, &kit->error), PAWL_E_INVALID);
    assert_error(kit, "f.yaml:1: unknown key \"zebra\" in an app; known keys: appID, command, env");
    assert_int_equal(parse(kit, "env: 1\nappID: 2\n", &root), PAWL_OK);
    assert_int_equal(pawl__yaml_check(root, "an app", known, &kit->error), PAWL_OK);
    assert_int_equal(pawl__yaml_check(NULL, "an app", known, &kit->error), PAWL_OK);
    assert_int_equal(parse(kit, "[1]\n", &root), PAWL_OK);
    assert_int_equal(pawl__yaml_check(root, "an app", known, &kit->error), PAWL_E_INVALID);
    assert_error(kit, "f.yaml:1: an app has to be a map of keys");
}

static void test_values(void **state) {
    struct kit *kit = *state;
    struct pawl_yaml *root;
    int number = 7;
    bool yes = true;
    assert_int_equal(parse(kit, "n: 12\nt: TRUE\nf: false\nbad: [1]\nword: x\n", &root), PAWL_OK);
    assert_int_equal(pawl__yaml_int(root, "none", &number, &kit->error), PAWL_OK);
    assert_int_equal(number, 7);
    assert_int_equal(pawl__yaml_int(root, "n", &number, &kit->error), PAWL_OK);
    assert_int_equal(number, 12);
    assert_int_equal(pawl__yaml_int(root, "word", &number, &kit->error), PAWL_E_INVALID);
    assert_error(kit, "f.yaml:5: word has to be a whole number");
    assert_int_equal(pawl__yaml_int(root, "bad", &number, &kit->error), PAWL_E_INVALID);
    assert_error(kit, "f.yaml:4: bad has to be a whole number");
    assert_int_equal(pawl__yaml_bool(root, "f", &yes, &kit->error), PAWL_OK);
    assert_false(yes);
    assert_int_equal(pawl__yaml_bool(root, "t", &yes, &kit->error), PAWL_OK);
    assert_true(yes);
    assert_int_equal(pawl__yaml_bool(root, "word", &yes, &kit->error), PAWL_E_INVALID);
    assert_error(kit, "f.yaml:5: word has to be true or false");
}

static void test_durations(void **state) {
    static const struct {
        const char *text;
        int64_t value;
    } good[] = {
        {"0", 0},
        {"10s", 10 * PAWL_SECOND},
        {"1h30m", 5400 * PAWL_SECOND},
        {"500ms", 500 * PAWL_MILLISECOND},
        {"1.5s", 1500 * PAWL_MILLISECOND},
        {"2us", 2000},
        {"2\u00b5s", 2000},
        {"7ns", 7},
        {"168h", 604800 * PAWL_SECOND},
    };
    static const char *const bad[] = {"",  "10",  "s",  "10 s",     "-1s", "1x",   "1h30",
                                      ".", "..s", "1d", "9999999h", " 1s", "1e5s", "0x10s"};
    int64_t value;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        assert_true(pawl__duration_parse(good[i].text, &value));
        assert_int_equal(value, good[i].value);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        value = -1;
        assert_false(pawl__duration_parse(bad[i], &value));
        assert_int_equal(value, -1);
    }
}

static void test_near(void **state) {
    static const char *const known[] = {"env", "appPort", "appProtocol", NULL};
    assert_string_equal(pawl__nearest("appPort", known), "appPort");
    assert_string_equal(pawl__nearest("apPort", known), "appPort");
    assert_string_equal(pawl__nearest("APPPORT", known), "appPort");
    assert_string_equal(pawl__nearest("enx", known), "env");
    assert_null(pawl__nearest("", (const char *const[]){NULL}));
    assert_null(pawl__nearest("resources", known));
    assert_int_equal(pawl__distance(PAWL_STR("ab"), PAWL_STR("ba")), 1);
    assert_int_equal(pawl__distance(PAWL_STR(""), PAWL_STR("abc")), 3);
    char text[80];
    memset(text, 'a', sizeof text);
    assert_int_equal(pawl__distance((struct pawl_str){text, sizeof text}, PAWL_STR("a")), 64);
    assert_int_equal(pawl__distance((struct pawl_str){text, 63}, PAWL_STR("a")), 62);
}

static void test_files(void **state) {
    struct kit *kit = *state;
    struct pawl_yaml *root;
    struct pawl_str text;
    assert_int_equal(pawl__yaml_load("none.yaml", &kit->arena, &root, &kit->error), PAWL_E_IO);
    assert_error(kit, "cannot read none.yaml: No such file or directory");
    kit_write("a.yaml", "a: b\n");
    assert_int_equal(pawl__yaml_load("a.yaml", &kit->arena, &root, &kit->error), PAWL_OK);
    assert_string_equal(root->file, "a.yaml");
    assert_string_equal(pawl__yaml_text(root, "a"), "b");
    kit_write("empty", "");
    assert_int_equal(pawl__file_read("empty", &kit->arena, &text, &kit->error), PAWL_OK);
    assert_int_equal(text.len, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_tree, kit_begin, kit_end),
        cmocka_unit_test_setup_teardown(test_json_and_nothing, kit_begin, kit_end),
        cmocka_unit_test_setup_teardown(test_aliases, kit_begin, kit_end),
        cmocka_unit_test_setup_teardown(test_limits, kit_begin, kit_end),
        cmocka_unit_test_setup_teardown(test_errors, kit_begin, kit_end),
        cmocka_unit_test_setup_teardown(test_check, kit_begin, kit_end),
        cmocka_unit_test_setup_teardown(test_values, kit_begin, kit_end),
        cmocka_unit_test(test_durations),
        cmocka_unit_test(test_near),
        cmocka_unit_test_setup_teardown(test_files, kit_begin, kit_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
