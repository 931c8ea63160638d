#include "fixture.h"

#include <stdio.h>
#include <stdlib.h>

// What a workflow lets those see that it calls.

static enum pawl_err charge(struct pawl_activity *activity) {
    return pawl_activity_return(activity, pawl_text("\"receipt\""));
}

static enum pawl_err decline(struct pawl_activity *activity) {
    return pawl_activity_fail(activity, "Declined", "no such card");
}

// One line for each workflow of the chain: "NAME of APP INPUT: STEP=RESULT ... ".
static void describe(const struct pawl_caller *caller, char *out, size_t size) {
    size_t len = 0;
    out[0] = 0;
    for (; caller; caller = caller->before) {
        len += snprintf(out + len, size - len, "%s%s %s:", len ? "; " : "", caller->name,
                        caller->input.data ? caller->input.data : "-");
        for (size_t i = 0; i < caller->step_count; i++) {
            const struct pawl_step *step = &caller->steps[i];
            len += snprintf(out + len, size - len, " %s%s=%s", step->child_id ? "child " : "",
                            step->name,
                            !step->is_done      ? "?"
                            : step->failure     ? step->failure->type
                            : step->result.data ? "ok"
                                                : "-");
        }
    }
}

// Gives back what it sees; its first attempt fails when it is asked to.
static enum pawl_err audit(struct pawl_activity *activity) {
    const struct pawl_caller *caller, *again;
    char text[600], json[620];
    PAWL_TRY(pawl_activity_caller(activity, &caller));
    PAWL_TRY(pawl_activity_caller(activity, &again));
    if (caller != again) return pawl_activity_fail(activity, "Changed", "it is another one");
    if (activity->input.data && activity->attempt == 1)
        return pawl_activity_fail(activity, "Flaky", "once");
    describe(caller, text, sizeof text);
    snprintf(json, sizeof json, "\"%s\"", caller ? text : "nothing");
    return pawl_activity_return(activity, pawl_text(json));
}

static enum pawl_err order(struct pawl_workflow *wf) {
    const struct pawl_caller *caller;
    struct pawl_text texts[4];
    struct pawl_retry retry = {.max_attempts = 2, .first_interval = PAWL_MILLISECOND};
    struct pawl_call_options own = {.pass = PAWL_PASS_OWN, .retry = &retry};
    struct pawl_call_options lineage = {.pass = PAWL_PASS_LINEAGE};
    PAWL_TRY(pawl_caller(wf, &caller));
    if (caller) return pawl_fail(wf, "Called", "nobody has called it");
    PAWL_TRY(pawl_call(wf, "charge", pawl_text("1"), NULL, NULL));
    pawl_call(wf, "decline", pawl_text(NULL), NULL, NULL);
    PAWL_TRY(pawl_call(wf, "audit", pawl_text(NULL), NULL, &texts[0]));
    PAWL_TRY(pawl_call(wf, "audit", pawl_text("5"), &own, &texts[1]));
    struct pawl_task *tasks[] = {
        pawl_call_child(wf, "ship", pawl_text("2"), &lineage),
        pawl_call_child(wf, "ship", pawl_text("3"), NULL),
    };
    PAWL_TRY(pawl_await_all(tasks, 2));
    texts[2] = pawl_result(tasks[0]);
    texts[3] = pawl_result(tasks[1]);
    return pawl_return(wf, pawl_text(pawl_format(wf, "[%s, %s, %s, %s]", texts[0].data,
                                                 texts[1].data, texts[2].data, texts[3].data)));
}

// Sleeps, so that it is replayed, and sees the same.
static enum pawl_err ship(struct pawl_workflow *wf) {
    const struct pawl_caller *caller;
    char text[600];
    struct pawl_text audited;
    struct pawl_call_options lineage = {.pass = PAWL_PASS_LINEAGE};
    PAWL_TRY(pawl_caller(wf, &caller));
    describe(caller, text, sizeof text);
    PAWL_TRY(pawl_sleep(wf, PAWL_MILLISECOND));
    PAWL_TRY(pawl_call(wf, "audit", pawl_text(NULL), &lineage, &audited));
    return pawl_return(wf, pawl_text(pawl_format(wf, "[\"%s\", %s]", text, audited.data)));
}

static enum pawl_err count(struct pawl_workflow *wf) {
    const struct pawl_caller *caller;
    PAWL_TRY(pawl_caller(wf, &caller));
    int left = atoi(pawl_input(wf).data), callers = 0;
    for (const struct pawl_caller *one = caller; one; one = one->before) callers++;
    if (!caller || (!fixture_is_remote() && strcmp(caller->app_id, "default")))
        return pawl_fail(wf, "Caller", "it is not known");
    if (left) return pawl_continue_as_new(wf, pawl_text(pawl_format(wf, "%d", left - 1)), false);
    return pawl_return(wf, pawl_text(pawl_format(wf, "%d", callers)));
}

static enum pawl_err counts(struct pawl_workflow *wf) {
    struct pawl_call_options lineage = {.pass = PAWL_PASS_LINEAGE};
    struct pawl_task *task = pawl_call_child(wf, "count", pawl_text("2"), &lineage);
    PAWL_TRY(pawl_await(task));
    return pawl_return(wf, pawl_result(task));
}

static enum pawl_err looks(struct pawl_activity *activity) {
    const struct pawl_caller *caller;
    char *json;
    PAWL_TRY(pawl_activity_caller(activity, &caller));
    const struct pawl_step *step = pawl_find_step(caller, "charge");
    if (!step || strcmp(step->input.data, "1") || strcmp(step->result.data, "\"receipt\"") ||
        step->child_id || pawl_find_step(caller, "none") || pawl_find_step(NULL, "charge") ||
        pawl_find_step(caller, NULL))
        return pawl_activity_fail(activity, "Step", "it is another one");
    if (strcmp(caller->instance_id, activity->instance_id) || strcmp(caller->name, "looking"))
        return pawl_activity_fail(activity, "Caller", "it is another one");
    PAWL_TRY(pawl_caller_history(caller, &json));
    bool has_all = strstr(json, "timerFired") && strstr(json, "executionStarted");
    free(json);
    return has_all ? PAWL_OK : pawl_activity_fail(activity, "History", "it lacks something");
}

static enum pawl_err looking(struct pawl_workflow *wf) {
    struct pawl_call_options own = {.pass = PAWL_PASS_OWN};
    PAWL_TRY(pawl_call(wf, "charge", pawl_text("0"), NULL, NULL));
    PAWL_TRY(pawl_call(wf, "charge", pawl_text("1"), NULL, NULL));
    PAWL_TRY(pawl_sleep(wf, PAWL_MILLISECOND));
    return pawl_call(wf, "looks", pawl_text(NULL), &own, NULL);
}

static enum pawl_err wrong(struct pawl_workflow *wf) {
    struct pawl_call_options options = {.pass = (enum pawl_pass)7};
    enum pawl_err err = pawl_call(wf, "charge", pawl_text("1"), &options, NULL);
    return pawl_return(wf, pawl_text(err == PAWL_E_INVALID ? "true" : "false"));
}

static int open_all(void **state) {
    struct pawl *pawl = *state = fixture_open(NULL);
    assert_ok(pawl_add_activity(pawl, "charge", charge, NULL));
    assert_ok(pawl_add_activity(pawl, "decline", decline, NULL));
    assert_ok(pawl_add_activity(pawl, "audit", audit, NULL));
    assert_ok(pawl_add_activity(pawl, "looks", looks, NULL));
    assert_ok(pawl_add_workflow(pawl, "order", order, NULL));
    assert_ok(pawl_add_workflow(pawl, "ship", ship, NULL));
    assert_ok(pawl_add_workflow(pawl, "count", count, NULL));
    assert_ok(pawl_add_workflow(pawl, "counts", counts, NULL));
    assert_ok(pawl_add_workflow(pawl, "looking", looking, NULL));
    assert_ok(pawl_add_workflow(pawl, "wrong", wrong, NULL));
    assert_ok(pawl_work(pawl));
    return 0;
}

static int close_all(void **state) {
    assert_ok(pawl_close(*state));
    return 0;
}

static void assert_gives(struct pawl *pawl, const char *workflow, const char *output) {
    struct pawl_info *info = fixture_run(pawl, workflow, "1");
    if (info->failure) fail_msg("%s: %s", info->failure->type, info->failure->message);
    assert_text(info->output, output);
    pawl_info_free(info);
}

static void test_chain(void **state) {
    struct pawl_info *info = fixture_run(*state, "order", "1");
    if (info->failure) fail_msg("%s: %s", info->failure->type, info->failure->message);
    assert_text(info->output,
                "[\"nothing\", \"order 1: charge=ok decline=Declined audit=ok audit=Flaky "
                "audit=?\", "
                "[\"order 1: charge=ok decline=Declined audit=ok audit=Flaky audit=ok child "
                "ship=?\", \"ship 2: audit=?; order 1: charge=ok decline=Declined "
                "audit=ok audit=Flaky audit=ok child ship=?\"], "
                "[\"\", \"ship 3: audit=?\"]]");
    pawl_info_free(info);
}

static void test_continue_as_new(void **state) {
    assert_gives(*state, "counts", "3");
}

static void test_looks(void **state) {
    assert_gives(*state, "looking", "");
}

static void test_misuse(void **state) {
    assert_gives(*state, "wrong", "true");
    const struct pawl_caller *caller;
    assert_int_equal(pawl_caller(NULL, &caller), PAWL_E_PRECONDITION);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_chain),
        cmocka_unit_test(test_continue_as_new),
        cmocka_unit_test(test_looks),
        cmocka_unit_test(test_misuse),
    };
    return cmocka_run_group_tests(tests, open_all, close_all);
}
