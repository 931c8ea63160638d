#include "fixture.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

// Quick activities: on the thread of workflows, beside others.

static struct pawl *opened;
static _Atomic pthread_t of_workflow, of_quick, of_other;

static enum pawl_err quick(struct pawl_activity *activity) {
    of_quick = pthread_self();
    return pawl_activity_return(activity, activity->input);
}

static enum pawl_err other(struct pawl_activity *activity) {
    of_other = pthread_self();
    return pawl_activity_return(activity, activity->input);
}

static enum pawl_err both(struct pawl_workflow *wf) {
    struct pawl_text first, second;
    of_workflow = pthread_self();
    PAWL_TRY(pawl_call(wf, "quick", pawl_input(wf), NULL, &first));
    PAWL_TRY(pawl_call(wf, "other", first, NULL, &second));
    return pawl_return(wf, second);
}

static void test_runs_on_the_thread_of_workflows(void **state) {
    struct pawl_info *info = fixture_run(*state, "both", "[1, \"two\"]");
    assert_int_equal(info->status, PAWL_COMPLETED);
    assert_text(info->output, "[1, \"two\"]");
    assert_true(pthread_equal(of_quick, of_workflow));
    assert_false(pthread_equal(of_other, of_workflow));
    pawl_info_free(info);
}

// --- failures -----------------------------------------------------------------------------------

static enum pawl_err flaky(struct pawl_activity *activity) {
    static int calls;
    if (++calls % 3) return pawl_activity_fail(activity, "Busy", "call %d", calls);
    return pawl_activity_return(activity, pawl_text("\"there\""));
}

static enum pawl_err retries(struct pawl_workflow *wf) {
    struct pawl_retry retry = {.max_attempts = 3, .first_interval = PAWL_MILLISECOND};
    struct pawl_call_options options = {.retry = &retry};
    struct pawl_text result;
    PAWL_TRY(pawl_call(wf, "flaky", pawl_text(NULL), &options, &result));
    return pawl_return(wf, result);
}

static void test_is_retried(void **state) {
    struct pawl_info *info = fixture_run(*state, "retries", NULL);
    assert_text(info->output, "\"there\"");
    pawl_info_free(info);
}

// --- many at once, so that they are handed out in several rounds ---------------------------------

static enum pawl_err fans_out(struct pawl_workflow *wf) {
    struct pawl_task *tasks[200];
    for (int i = 0; i < 200; i++)
        tasks[i] = pawl_call_activity(wf, i % 3 ? "quick" : "other",
                                      pawl_text(pawl_format(wf, "%d", i)), NULL);
    PAWL_TRY(pawl_await_all(tasks, 200));
    long sum = 0;
    for (int i = 0; i < 200; i++) sum += strtol(pawl_result(tasks[i]).data, NULL, 10);
    return pawl_return(wf, pawl_text(pawl_format(wf, "%ld", sum)));
}

static void test_many_at_once(void **state) {
    struct pawl_info *info = fixture_run(*state, "fans_out", NULL);
    assert_text(info->output, "19900");
    pawl_info_free(info);
}

// --- what it must not do ------------------------------------------------------------------------

static enum pawl_err waits(struct pawl_activity *activity) {
    enum pawl_err err = pawl_start(opened, "both", pawl_text("1"), NULL, NULL);
    return pawl_activity_return(
        activity, pawl_text(err == PAWL_E_PRECONDITION &&
                                    strstr(pawl_last_error()->text, "within a quick activity")
                                ? "\"refused\""
                                : "\"taken\""));
}

static enum pawl_err blocks(struct pawl_activity *activity) {
    usleep(400000);
    return pawl_activity_return(activity, pawl_text("\"late\""));
}

static enum pawl_err calls_input(struct pawl_workflow *wf) {
    struct pawl_text result;
    char *name = strdup(pawl_input(wf).data + 1); // "name"
    name[strlen(name) - 1] = 0;
    enum pawl_err err = pawl_call(wf, name, pawl_text(NULL), NULL, &result);
    free(name);
    return err ? err : pawl_return(wf, result);
}

static void test_cannot_wait(void **state) {
    struct pawl_info *info = fixture_run(*state, "calls_input", "\"waits\"");
    assert_text(info->output, "\"refused\"");
    pawl_info_free(info);
}

static void test_blocking_is_told(void **state) {
    struct pawl_info *info = fixture_run(*state, "calls_input", "\"blocks\"");
    assert_text(info->output, "\"late\"");
    char text[200];
    snprintf(text, sizeof text, "quick activity 'blocks' (instance '%s', sequence number 0)",
             info->id);
    assert_true(fixture_logged(text));
    assert_true(fixture_logged("an activity that is not a quick one"));
    pawl_info_free(info);
}

// --- completed by somebody else -----------------------------------------------------------------

static char *_Atomic token;

static enum pawl_err later(struct pawl_activity *activity) {
    token = pawl_activity_later(activity);
    return PAWL_OK;
}

static void test_is_completed_later(void **state) {
    struct pawl_start_options options = {.id = fixture_id("later")};
    struct pawl_info *info;
    assert_ok(pawl_start(*state, "calls_input", pawl_text("\"later\""), &options, NULL));
    for (int i = 0; i < 1000 && !token; i++) usleep(5000);
    assert_non_null(token);
    assert_ok(pawl_complete(*state, token, pawl_text("\"at last\"")));
    assert_ok(pawl_wait(*state, options.id, 10 * PAWL_SECOND, &info));
    assert_text(info->output, "\"at last\"");
    pawl_info_free(info);
    free(token);
}

static void add_all(struct pawl *pawl) {
    assert_ok(pawl_add_workflow(pawl, "both", both, NULL));
    assert_ok(pawl_add_workflow(pawl, "retries", retries, NULL));
    assert_ok(pawl_add_workflow(pawl, "fans_out", fans_out, NULL));
    assert_ok(pawl_add_workflow(pawl, "calls_input", calls_input, NULL));
    assert_ok(pawl_add_activity(pawl, "other", other, NULL));
    assert_ok(pawl_add_quick_activity(pawl, "quick", quick, NULL));
    assert_ok(pawl_add_quick_activity(pawl, "flaky", flaky, NULL));
    assert_ok(pawl_add_quick_activity(pawl, "waits", waits, NULL));
    assert_ok(pawl_add_quick_activity(pawl, "blocks", blocks, NULL));
    assert_ok(pawl_add_quick_activity(pawl, "later", later, NULL));
    assert_int_equal(pawl_add_quick_activity(pawl, "other", quick, NULL), PAWL_E_EXISTS);
    assert_int_equal(pawl_add_quick_activity(pawl, "no function", NULL, NULL), PAWL_E_INVALID);
    opened = pawl;
}

// A program that turns the loop itself has them within its own calls.
static void test_driven(void **state) {
    struct pawl_options options = {.is_driven = true, .app_id = "driven"};
    if (fixture_is_remote()) return; // the daemon's app is one
    struct pawl *before = opened, *pawl = fixture_open_at("memory:", &options);
    add_all(pawl);
    assert_ok(pawl_work(pawl));
    struct pawl_info *info = fixture_run(pawl, "both", "1");
    assert_text(info->output, "1");
    assert_true(pthread_equal(of_quick, pthread_self()));
    pawl_info_free(info);
    info = fixture_run(pawl, "calls_input", "\"waits\"");
    assert_text(info->output, "\"refused\"");
    pawl_info_free(info);
    assert_ok(pawl_close(pawl));
    opened = before;
}

static int setup(void **state) {
    struct pawl_options options = {.blocked_after = 100 * PAWL_MILLISECOND};
    struct pawl *pawl = fixture_open(&options);
    add_all(pawl);
    assert_ok(pawl_work(pawl));
    assert_int_equal(pawl_add_quick_activity(pawl, "late", quick, NULL), PAWL_E_PRECONDITION);
    *state = pawl;
    return 0;
}

static int teardown(void **state) {
    assert_ok(pawl_close(*state));
    return 0;
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_runs_on_the_thread_of_workflows),
        cmocka_unit_test(test_is_retried),
        cmocka_unit_test(test_many_at_once),
        cmocka_unit_test(test_cannot_wait),
        cmocka_unit_test(test_blocking_is_told),
        cmocka_unit_test(test_is_completed_later),
        cmocka_unit_test(test_driven),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
