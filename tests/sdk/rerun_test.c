#include "fixture.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

// Workflows that are run again from one of their events.

static atomic_int calls;

static enum pawl_err echo(struct pawl_activity *activity) {
    atomic_fetch_add(&calls, 1);
    return pawl_activity_return(activity, activity->input);
}

// One call, and then three at once.
static enum pawl_err fans_out(struct pawl_workflow *wf) {
    struct pawl_text first;
    struct pawl_task *tasks[3];
    int sum = 0;
    PAWL_TRY(pawl_call(wf, "echo", pawl_text("1"), NULL, &first));
    for (int i = 0; i < 3; i++)
        tasks[i] = pawl_call_activity(
            wf, "echo", pawl_text(pawl_format(wf, "%d", atoi(first.data) * 10 + i)), NULL);
    PAWL_TRY(pawl_await_all(tasks, 3));
    for (int i = 0; i < 3; i++) sum += atoi(pawl_result(tasks[i]).data);
    return pawl_return(wf, pawl_text(pawl_format(wf, "%d", sum)));
}

static enum pawl_err has_child(struct pawl_workflow *wf) {
    struct pawl_task *child = pawl_call_child(wf, "child", pawl_text("2"), NULL);
    PAWL_TRY(pawl_await(child));
    PAWL_TRY(pawl_sleep(wf, PAWL_MILLISECOND));
    return pawl_return(wf, pawl_result(child));
}

// Two timers and a call at once.
static enum pawl_err has_timers(struct pawl_workflow *wf) {
    struct pawl_task *tasks[] = {pawl_create_timer(wf, PAWL_MILLISECOND),
                                 pawl_create_timer(wf, 2 * PAWL_MILLISECOND),
                                 pawl_call_activity(wf, "echo", pawl_text("7"), NULL)};
    PAWL_TRY(pawl_await_all(tasks, 3));
    return pawl_return(wf, pawl_result(tasks[2]));
}

static enum pawl_err child(struct pawl_workflow *wf) {
    return pawl_return(wf,
                       pawl_text(pawl_format(wf, "\"%s %s\"", pawl_id(wf), pawl_input(wf).data)));
}

static int open_all(void **state) {
    struct pawl *pawl = *state = fixture_open(NULL);
    assert_ok(pawl_add_activity(pawl, "echo", echo, NULL));
    assert_ok(pawl_add_workflow(pawl, "fans_out", fans_out, NULL));
    assert_ok(pawl_add_workflow(pawl, "has_child", has_child, NULL));
    assert_ok(pawl_add_workflow(pawl, "has_timers", has_timers, NULL));
    assert_ok(pawl_add_workflow(pawl, "child", child, NULL));
    assert_ok(pawl_work(pawl));
    return 0;
}

static int close_all(void **state) {
    assert_ok(pawl_close(*state));
    return 0;
}

static void assert_output(struct pawl *pawl, const char *id, const char *output) {
    struct pawl_info *info;
    assert_ok(pawl_wait(pawl, id, 30 * PAWL_SECOND, &info));
    assert_int_equal(info->status, PAWL_COMPLETED);
    assert_text(info->output, output);
    pawl_info_free(info);
}

// What the code asks for after the event, in the same turn, is no change of the code.
static void test_from_each_event(void **state) {
    struct pawl *pawl = *state;
    struct pawl_start_options start = {.id = fixture_id("source")};
    assert_ok(pawl_start(pawl, "fans_out", pawl_text(NULL), &start, NULL));
    assert_output(pawl, start.id, "33");
    static const int again[] = {4, 3, 3, 3};
    for (uint32_t event = 0; event < 4; event++) {
        char id[37];
        int before = atomic_load(&calls);
        assert_ok(pawl_rerun(pawl, start.id, event, NULL, id));
        assert_output(pawl, id, "33");
        assert_int_equal(atomic_load(&calls) - before, again[event]);
    }
    struct pawl_rerun_options options = {
        .id = fixture_id("more"), .overwrite_input = true, .input = pawl_text("2")};
    assert_ok(pawl_rerun(pawl, start.id, 0, &options, NULL));
    assert_output(pawl, options.id, "63");
    char id[37];
    assert_ok(pawl_rerun(pawl, options.id, 2, NULL, id));
    assert_output(pawl, id, "63");
    assert_output(pawl, start.id, "33");
}

static void test_from_each_timer(void **state) {
    struct pawl *pawl = *state;
    struct pawl_start_options start = {.id = fixture_id("timers")};
    assert_ok(pawl_start(pawl, "has_timers", pawl_text(NULL), &start, NULL));
    assert_output(pawl, start.id, "7");
    for (uint32_t event = 0; event < 2; event++) {
        char id[37];
        assert_ok(pawl_rerun(pawl, start.id, event, NULL, id));
        assert_output(pawl, id, "7");
    }
}

static void test_child(void **state) {
    struct pawl *pawl = *state;
    struct pawl_start_options start = {.id = fixture_id("parent")};
    char text[128];
    assert_ok(pawl_start(pawl, "has_child", pawl_text(NULL), &start, NULL));
    snprintf(text, sizeof text, "\"%s:0000 2\"", start.id);
    assert_output(pawl, start.id, text);
    struct pawl_rerun_options options = {.id = fixture_id("again")};
    assert_ok(pawl_rerun(pawl, start.id, 1, &options, NULL)); // from the timer
    assert_output(pawl, options.id, text);
    options = (struct pawl_rerun_options){.id = fixture_id("again"),
                                          .child_id = fixture_id("own"),
                                          .overwrite_input = true,
                                          .input = pawl_text("3")};
    assert_ok(pawl_rerun(pawl, start.id, 0, &options, NULL));
    snprintf(text, sizeof text, "\"%s 3\"", options.child_id);
    assert_output(pawl, options.id, text);
}

static void test_refused(void **state) {
    struct pawl *pawl = *state;
    struct pawl_start_options start = {.id = fixture_id("plain")};
    assert_ok(pawl_start(pawl, "has_child", pawl_text(NULL), &start, NULL));
    assert_ok(pawl_wait(pawl, start.id, 30 * PAWL_SECOND, NULL));
    assert_int_equal(pawl_rerun(pawl, "nobody", 0, NULL, NULL), PAWL_E_NOT_FOUND);
    assert_int_equal(pawl_rerun(pawl, start.id, 9, NULL, NULL), PAWL_E_NOT_FOUND);
    struct pawl_rerun_options options = {.input = pawl_text("1")};
    assert_int_equal(pawl_rerun(pawl, start.id, 0, &options, NULL), PAWL_E_INVALID);
    options.overwrite_input = true;
    assert_int_equal(pawl_rerun(pawl, start.id, 1, &options, NULL), PAWL_E_INVALID); // a timer
    options = (struct pawl_rerun_options){.id = fixture_id("taken")};
    assert_ok(pawl_rerun(pawl, start.id, 0, &options, NULL));
    assert_int_equal(pawl_rerun(pawl, start.id, 0, &options, NULL), PAWL_E_EXISTS);
    options.id = start.id;
    assert_int_equal(pawl_rerun(pawl, start.id, 0, &options, NULL), PAWL_E_INVALID);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_from_each_event),
        cmocka_unit_test(test_from_each_timer),
        cmocka_unit_test(test_child),
        cmocka_unit_test(test_refused),
    };
    return cmocka_run_group_tests(tests, open_all, close_all);
}
