#include "fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

// Workflows whose code changes while they run, and histories that are run against code.

static enum pawl_err echo(struct pawl_activity *activity) {
    return pawl_activity_return(activity, activity->input);
}

static enum pawl_err waits(struct pawl_workflow *wf) {
    return pawl_await(pawl_wait_for_event(wf, "go", PAWL_FOREVER));
}

static enum pawl_err one_then_two(struct pawl_workflow *wf) {
    PAWL_TRY(pawl_call(wf, "one", pawl_text("1"), NULL, NULL));
    PAWL_TRY(waits(wf));
    PAWL_TRY(pawl_call(wf, "two", pawl_text("2"), NULL, NULL));
    return pawl_return(wf, pawl_text("\"one, two\""));
}

static enum pawl_err two_then_one(struct pawl_workflow *wf) {
    PAWL_TRY(pawl_call(wf, "two", pawl_text("2"), NULL, NULL));
    PAWL_TRY(waits(wf));
    return pawl_call(wf, "one", pawl_text("1"), NULL, NULL);
}

static enum pawl_err one_and_timer(struct pawl_workflow *wf) {
    PAWL_TRY(pawl_call(wf, "one", pawl_text("1"), NULL, NULL));
    PAWL_TRY(pawl_sleep(wf, PAWL_HOUR));
    return PAWL_OK;
}

static enum pawl_err one_and_other(struct pawl_workflow *wf) {
    PAWL_TRY(pawl_call(wf, "one", pawl_text("1"), NULL, NULL));
    return pawl_await(pawl_wait_for_event(wf, "on", PAWL_FOREVER));
}

static enum pawl_err one_and_limit(struct pawl_workflow *wf) {
    PAWL_TRY(pawl_call(wf, "one", pawl_text("1"), NULL, NULL));
    return pawl_await(pawl_wait_for_event(wf, "go", PAWL_HOUR));
}

static enum pawl_err nothing(struct pawl_workflow *wf) {
    return PAWL_OK;
}

static enum pawl_err same_but_output(struct pawl_workflow *wf) {
    PAWL_TRY(one_then_two(wf));
    return pawl_return(wf, pawl_text("\"three\""));
}

static struct pawl *open_with(pawl_workflow_fn function, const char *version) {
    struct pawl *pawl = fixture_open(NULL);
    if (version)
        assert_ok(pawl_add_workflow_version(pawl, "changes", version, function, NULL));
    else
        assert_ok(pawl_add_workflow(pawl, "changes", function, NULL));
    assert_ok(pawl_add_activity(pawl, "one", echo, NULL));
    assert_ok(pawl_add_activity(pawl, "two", echo, NULL));
    assert_ok(pawl_work(pawl));
    return pawl;
}

static bool is_memory(void) {
    return strcmp(fixture_target(), "memory:") == 0;
}

// Waits until |text| is in the history, for five seconds at most.
static void until_history(struct pawl *pawl, const char *id, const char *text) {
    for (int i = 0; i < 1000; i++) {
        char *history;
        assert_ok(pawl_history(pawl, id, &history));
        bool done = strstr(history, text);
        free(history);
        if (done) return;
        usleep(5000);
    }
}

// Starts "changes" with |function| and comes to rest before its event.
static const char *begin(pawl_workflow_fn function, const char *version) {
    struct pawl *pawl = open_with(function, version);
    struct pawl_start_options options = {.id = fixture_id("changes")};
    assert_ok(pawl_start(pawl, "changes", pawl_text(NULL), &options, NULL));
    until_history(pawl, options.id, "9999-12-31"); // it waits
    assert_ok(pawl_close(pawl));
    return options.id;
}

static void finish(const char *id, pawl_workflow_fn function, const char *version,
                   const char *output) {
    struct pawl *pawl = open_with(function, version);
    struct pawl_info *info;
    assert_ok(pawl_wait(pawl, id, 10 * PAWL_SECOND, &info));
    assert_int_equal(info->status, PAWL_COMPLETED);
    assert_text(info->output, output);
    pawl_info_free(info);
    assert_ok(pawl_close(pawl));
}

// |function| does not do what is |said| of one_then_two, and waits for the right code.
static void assert_stalls(pawl_workflow_fn function, const char *said) {
    const char *id = begin(one_then_two, NULL);
    struct pawl *pawl = open_with(function, NULL);
    assert_ok(pawl_raise(pawl, id, "go", pawl_text(NULL)));
    fixture_wait_status(pawl, id, PAWL_STALLED);
    char text[300];
    snprintf(text, sizeof text,
             "workflow 'changes' (instance '%s') does not follow its history: at sequence number "
             "%s; it waits, STALLED",
             id, said);
    assert_true(fixture_logged(text));
    assert_ok(pawl_close(pawl));
    finish(id, one_then_two, NULL, "\"one, two\"");
}

static void test_other_path_waits(void **state) {
    if (is_memory()) skip();
    assert_stalls(two_then_one,
                  "0 the history calls activity 'one', but the code now calls activity 'two'");
}

static void test_other_wait_waits(void **state) {
    if (is_memory()) skip();
    assert_stalls(one_and_timer,
                  "1 the history waits for event 'go', but the code now creates a timer");
    assert_stalls(one_and_other,
                  "1 the history waits for event 'go', but the code now does nothing there");
    assert_stalls(one_and_limit,
                  "1 the history waits for event 'go', but the code now waits for event 'go'");
}

static void test_version_pins(void **state) {
    if (is_memory()) skip();
    const char *id = begin(one_then_two, "v1");
    struct pawl *pawl = open_with(two_then_one, "v2");
    assert_ok(pawl_raise(pawl, id, "go", pawl_text(NULL)));
    fixture_wait_status(pawl, id, PAWL_STALLED);
    assert_true(fixture_logged("is of version 'v1', which is not registered"));
    assert_ok(pawl_close(pawl));
    finish(id, one_then_two, "v1", "\"one, two\"");
}

// --- patches ------------------------------------------------------------------------------------

static enum pawl_err before_patch(struct pawl_workflow *wf) {
    PAWL_TRY(pawl_call(wf, "one", pawl_text("1"), NULL, NULL));
    PAWL_TRY(waits(wf));
    return pawl_return(wf, pawl_text("\"old\""));
}

static enum pawl_err after_patch(struct pawl_workflow *wf) {
    bool patched = pawl_is_patched(wf, "two first");
    if (patched) PAWL_TRY(pawl_call(wf, "two", pawl_text("2"), NULL, NULL));
    PAWL_TRY(pawl_call(wf, "one", pawl_text("1"), NULL, NULL));
    PAWL_TRY(waits(wf));
    return pawl_return(wf, pawl_text(patched ? "\"new\"" : "\"old\""));
}

static void test_patch(void **state) {
    if (is_memory()) skip();
    const char *old = begin(before_patch, NULL);
    const char *new = begin(after_patch, NULL);
    struct pawl *pawl = open_with(after_patch, NULL);
    assert_ok(pawl_raise(pawl, old, "go", pawl_text(NULL)));
    assert_ok(pawl_raise(pawl, new, "go", pawl_text(NULL)));
    assert_ok(pawl_close(pawl));
    finish(old, after_patch, NULL, "\"old\"");
    finish(new, after_patch, NULL, "\"new\"");
}

// --- replay -------------------------------------------------------------------------------------

#define assert_parts(history, function, part)                                                      \
    do {                                                                                           \
        assert_int_equal(pawl_replay(pawl_text(history), function, NULL), PAWL_E_MISMATCH);        \
        if (!strstr(pawl_last_error()->text, part))                                                \
            fail_msg("'%s' does not say '%s'", pawl_last_error()->text, part);                     \
    } while (0)

static void test_replay(void **state) {
    struct pawl *pawl = open_with(one_then_two, NULL);
    struct pawl_start_options options = {.id = fixture_id("replayed")};
    assert_ok(pawl_start(pawl, "changes", pawl_text(NULL), &options, NULL));
    until_history(pawl, options.id, "9999-12-31"); // it waits
    assert_ok(pawl_raise(pawl, options.id, "go", pawl_text(NULL)));
    assert_ok(pawl_wait(pawl, options.id, 10 * PAWL_SECOND, NULL));
    char *history;
    assert_ok(pawl_history(pawl, options.id, &history));
    assert_int_equal(pawl_history(pawl, "no-such", &(char *){NULL}), PAWL_E_NOT_FOUND);
    assert_ok(pawl_close(pawl));

    assert_ok(pawl_replay(pawl_text(history), one_then_two, NULL));
    assert_parts(history, two_then_one,
                 "at sequence number 0 the history calls activity 'one', but the code now calls "
                 "activity 'two'");
    assert_parts(history, one_and_timer,
                 "at sequence number 1 the history waits for event 'go', but the code now creates "
                 "a timer");
    assert_parts(history, nothing,
                 "at sequence number 0 the history calls activity 'one', but "
                 "the code now ends");
    assert_parts(history, waits, "but the code now does nothing there");
    assert_parts(history, same_but_output,
                 "the history ends with \"one, two\", but the code now ends with \"three\"");
    free(history);

    assert_int_equal(pawl_replay(pawl_text("nonsense"), nothing, NULL), PAWL_E_INVALID);
    assert_int_equal(pawl_replay(pawl_text("{}"), nothing, NULL), PAWL_E_INVALID);
    assert_int_equal(pawl_replay(pawl_text("[]"), nothing, NULL), PAWL_E_INVALID);
    assert_int_equal(pawl_replay(pawl_text("[{\"eventId\":\"x\"}]"), nothing, NULL),
                     PAWL_E_INVALID);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_other_path_waits), cmocka_unit_test(test_other_wait_waits),
        cmocka_unit_test(test_version_pins),     cmocka_unit_test(test_patch),
        cmocka_unit_test(test_replay),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
