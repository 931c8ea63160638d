#include "fixture.h"

#include <pawl/jansson.h>

// Payloads: made and read with jansson, of the wrong shape, and such as cannot be made.

static enum pawl_err echo(struct pawl_activity *activity) {
    return pawl_activity_return(activity, activity->input);
}

static enum pawl_err twice(struct pawl_activity *activity) {
    const char *item;
    int count;
    PAWL_TRY(pawl_activity_unpack(activity, "{s:s, s:i}", "item", &item, "count", &count));
    return pawl_activity_pack(activity, "{s:s, s:i}", "item", item, "count", count * 2);
}

static enum pawl_err returns_badly(struct pawl_activity *activity) {
    return pawl_activity_pack(activity, "s", NULL);
}

static enum pawl_err round_trip(struct pawl_workflow *wf) {
    const char *item;
    int count;
    struct pawl_text result;
    PAWL_TRY(pawl_unpack(wf, pawl_input(wf), "{s:s, s:i}", "item", &item, "count", &count));
    struct pawl_text more = pawl_pack(wf, "{s:s, s:i}", "item", item, "count", count + 1);
    PAWL_TRY(pawl_call(wf, "twice", more, NULL, &result));
    json_t *json = pawl_load(wf, result);
    if (!json) return pawl_last_error()->code;
    return pawl_return(wf, pawl_dump(wf, json_incref(json)));
}

static void test_round_trip(void **state) {
    struct pawl_info *info = fixture_run(*state, "round_trip", "{\"item\":\"cars\",\"count\":4}");
    assert_text(info->output, "{\"item\":\"cars\",\"count\":10}");
    pawl_info_free(info);
}

static void expect(struct pawl *pawl, const char *workflow, const char *input, const char *says) {
    struct pawl_info *info = fixture_run(pawl, workflow, input);
    assert_int_equal(info->status, PAWL_FAILED);
    if (!strstr(info->failure->message, says))
        fail_msg("'%s' does not say '%s'", info->failure->message, says);
    pawl_info_free(info);
}

static void test_shape(void **state) {
    expect(*state, "round_trip", "{\"item\":3}", "it is: {\"item\":3}");
    expect(*state, "round_trip", NULL, "wrong shape");
    expect(*state, "calls", "\"twice\"", "activity 'twice'");
}

// The workflow's input names an activity, which is called with it.
static enum pawl_err calls(struct pawl_workflow *wf) {
    const char *activity;
    PAWL_TRY(pawl_unpack(wf, pawl_input(wf), "s", &activity));
    return pawl_call(wf, activity, pawl_input(wf), NULL, NULL);
}

// A payload that could not be made must not pass for none.
static enum pawl_err makes_badly(struct pawl_workflow *wf) {
    struct pawl_saga *saga = pawl_saga(wf);
    struct pawl_text bad = pawl_pack(wf, "{s:s}", "item", NULL);
    if (bad.data || pawl_last_error()->code != PAWL_E_INVALID ||
        pawl_return(wf, bad) != PAWL_E_INVALID ||
        pawl_set_custom_status(wf, bad) != PAWL_E_INVALID ||
        pawl_continue_as_new(wf, bad, false) != PAWL_E_INVALID ||
        pawl_saga_add(saga, "echo", bad, NULL) != PAWL_E_INVALID ||
        pawl_start_detached(wf, "calls", bad, NULL, NULL) != PAWL_E_INVALID ||
        pawl_await(pawl_call_child(wf, "calls", bad, NULL)) != PAWL_E_INVALID ||
        pawl_call(wf, "echo", pawl_quote(wf, "\xff"), NULL, NULL) != PAWL_E_INVALID ||
        pawl_call(wf, "echo", pawl_quote(wf, NULL), NULL, NULL) != PAWL_E_INVALID)
        return pawl_return(wf, pawl_text("\"it was taken\""));
    return pawl_call(wf, "echo", pawl_pack(wf, "{s:s}", "item", NULL), NULL, NULL);
}

static void test_unmade(void **state) {
    struct pawl *pawl = *state;
    expect(pawl, "makes_badly", NULL, "NULL");
    expect(pawl, "calls", "\"returns_badly\"", "NULL");
    struct pawl_text bad = {NULL, 1};
    assert_int_equal(pawl_start(pawl, "calls", bad, NULL, NULL), PAWL_E_INVALID);
    assert_int_equal(pawl_save_state(pawl, "statestore", "key", bad, NULL), PAWL_E_INVALID);
}

// Long texts are cut, but not within a character, as half of one could be in no message. The
// workflow's input is a number of bytes to shift the text by.
static enum pawl_err fails_at_length(struct pawl_activity *activity) {
    char text[2000];
    int shift = activity->input.data[0] - '0';
    memset(text, '-', (size_t)shift);
    for (size_t at = (size_t)shift; at + 4 < sizeof text; at += 3) memcpy(text + at, "€", 4);
    return pawl_activity_fail(activity, "Long", "%s", text);
}

static enum pawl_err passes_it_on(struct pawl_workflow *wf) {
    return pawl_call(wf, "fails_at_length", pawl_input(wf), NULL, NULL);
}

static enum pawl_err says_it_itself(struct pawl_workflow *wf) {
    char text[2000];
    int shift = pawl_input(wf).data[0] - '0';
    memset(text, '-', (size_t)shift);
    for (size_t at = (size_t)shift; at + 4 < sizeof text; at += 3) memcpy(text + at, "€", 4);
    return pawl_fail(wf, "Long", "%s", text);
}

static void test_long_failures(void **state) {
    static const char *const shifts[] = {"0", "1", "2"};
    for (int i = 0; i < 3; i++) {
        expect(*state, "passes_it_on", shifts[i], "€€€");
        expect(*state, "says_it_itself", shifts[i], "€€€");
        char input[400] = "\"--";
        input[i + 1] = 0;
        for (int k = 0; k < 90; k++) strcat(input, "€");
        expect(*state, "round_trip", strcat(input, "\""), "wrong shape");
    }
}

// Names that are no text are refused where they are given.
static enum pawl_err names_badly(struct pawl_workflow *wf) {
    struct pawl_call_options id = {.instance_id = "\xff"}, app = {.app_id = "\xff"};
    struct pawl_start_options start = {.id = "\xff"};
    struct pawl_text none = {NULL, 0};
    if (pawl_await(pawl_call_child(wf, "calls", none, &id)) != PAWL_E_INVALID ||
        pawl_await(pawl_call_activity(wf, "echo", none, &app)) != PAWL_E_INVALID ||
        pawl_start_detached(wf, "calls", none, &start, NULL) != PAWL_E_INVALID)
        return pawl_return(wf, pawl_text("\"it was taken\""));
    return pawl_return(wf, pawl_text("\"refused\""));
}

static void test_bad_names(void **state) {
    struct pawl_info *info = fixture_run(*state, "names_badly", NULL);
    assert_text(info->output, "\"refused\"");
    pawl_info_free(info);
}

static int setup(void **state) {
    struct pawl *pawl = fixture_open(NULL);
    assert_ok(pawl_add_activity(pawl, "echo", echo, NULL));
    assert_ok(pawl_add_activity(pawl, "twice", twice, NULL));
    assert_ok(pawl_add_activity(pawl, "returns_badly", returns_badly, NULL));
    assert_ok(pawl_add_workflow(pawl, "round_trip", round_trip, NULL));
    assert_ok(pawl_add_workflow(pawl, "calls", calls, NULL));
    assert_ok(pawl_add_workflow(pawl, "makes_badly", makes_badly, NULL));
    assert_ok(pawl_add_activity(pawl, "fails_at_length", fails_at_length, NULL));
    assert_ok(pawl_add_workflow(pawl, "passes_it_on", passes_it_on, NULL));
    assert_ok(pawl_add_workflow(pawl, "says_it_itself", says_it_itself, NULL));
    assert_ok(pawl_add_workflow(pawl, "names_badly", names_badly, NULL));
    assert_ok(pawl_work(pawl));
    *state = pawl;
    return 0;
}

static int teardown(void **state) {
    assert_ok(pawl_close(*state));
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip), cmocka_unit_test(test_shape),
        cmocka_unit_test(test_unmade),     cmocka_unit_test(test_long_failures),
        cmocka_unit_test(test_bad_names),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
