#include "fixture.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

// What workflows can do.

static atomic_int calls;

static enum pawl_err echo(struct pawl_activity *activity) {
    atomic_fetch_add(&calls, 1);
    return pawl_activity_return(activity, activity->input);
}

static enum pawl_err fails_thrice(struct pawl_activity *activity) {
    if (activity->attempt < 4)
        return pawl_activity_fail(activity, "Flaky", "attempt %d", activity->attempt);
    return pawl_activity_return(activity, pawl_text("\"at last\""));
}

static enum pawl_err always_fails(struct pawl_activity *activity) {
    atomic_fetch_add(&calls, 1);
    if (strcmp(activity->input.data, "\"final\"") == 0) pawl_activity_fail_finally(activity);
    return pawl_activity_fail(activity, "Broken", "input %s", activity->input.data);
}

// --- chains and fans ----------------------------------------------------------------------------

static enum pawl_err chain(struct pawl_workflow *wf) {
    struct pawl_text text = pawl_input(wf);
    for (int i = 0; i < 5; i++) PAWL_TRY(pawl_call(wf, "echo", text, NULL, &text));
    return pawl_return(wf, text);
}

static void test_chain(void **state) {
    struct pawl *pawl = *state;
    struct pawl_info *info = fixture_run(pawl, "chain", "\"hello\"");
    assert_int_equal(info->status, PAWL_COMPLETED);
    assert_text(info->input, "\"hello\"");
    assert_text(info->output, "\"hello\"");
    assert_string_equal(info->name, "chain");
    pawl_info_free(info);
}

enum {
    FAN = 100
};

static enum pawl_err fan(struct pawl_workflow *wf) {
    struct pawl_task *tasks[FAN];
    for (int i = 0; i < FAN; i++)
        tasks[i] = pawl_call_activity(wf, "echo", pawl_text(pawl_format(wf, "%d", i)), NULL);
    PAWL_TRY(pawl_await_all(tasks, FAN));
    int sum = 0;
    for (int i = 0; i < FAN; i++) sum += atoi(pawl_result(tasks[i]).data);
    return pawl_return(wf, pawl_text(pawl_format(wf, "%d", sum)));
}

static void test_fan(void **state) {
    struct pawl_info *info = fixture_run(*state, "fan", NULL);
    assert_text(info->output, "4950");
    assert_null(info->input.data);
    pawl_info_free(info);
}

static enum pawl_err family(struct pawl_workflow *wf) {
    struct pawl_task *tasks[3];
    for (int i = 0; i < 3; i++)
        tasks[i] = pawl_call_child(wf, "chain", pawl_text(pawl_format(wf, "%d", i)), NULL);
    PAWL_TRY(pawl_await_all(tasks, 3));
    return pawl_return(
        wf, pawl_text(pawl_format(wf, "[%s,%s,%s]", pawl_result(tasks[0]).data,
                                  pawl_result(tasks[1]).data, pawl_result(tasks[2]).data)));
}

static void test_children(void **state) {
    struct pawl_info *info = fixture_run(*state, "family", NULL);
    assert_text(info->output, "[0,1,2]");
    char child[160];
    snprintf(child, sizeof child, "%s:0001", info->id);
    struct pawl_info *other;
    assert_ok(pawl_get(*state, child, &other));
    assert_string_equal(other->parent_id, info->id);
    pawl_info_free(other);
    uint32_t count;
    assert_ok(pawl_purge(*state, info->id, true, &count));
    if (fixture_loops() == 1) assert_int_equal(count, 4);
    assert_int_equal(pawl_get(*state, info->id, &other), PAWL_E_NOT_FOUND);
    enum pawl_err err = PAWL_OK;
    for (int i = 0; i < 2000 && !err; i++) { // in another shard it goes soon after
        if (i) usleep(10000);
        err = pawl_get(*state, child, &other);
        if (!err) pawl_info_free(other);
    }
    assert_int_equal(err, PAWL_E_NOT_FOUND);
    pawl_info_free(info);
}

// --- timers and events --------------------------------------------------------------------------

static enum pawl_err naps(struct pawl_workflow *wf) {
    int64_t began = pawl_now(wf);
    PAWL_TRY(pawl_sleep(wf, 50 * PAWL_MILLISECOND));
    return pawl_return(wf,
                       pawl_text(pawl_now(wf) - began >= 50 * PAWL_MILLISECOND ? "true" : "false"));
}

static void test_timer(void **state) {
    struct pawl_info *info = fixture_run(*state, "naps", NULL);
    assert_text(info->output, "true");
    pawl_info_free(info);
}

static enum pawl_err approval(struct pawl_workflow *wf) {
    struct pawl_task *event = pawl_wait_for_event(wf, "approve", 60 * PAWL_SECOND);
    struct pawl_task *timer = pawl_create_timer(wf, PAWL_HOUR);
    struct pawl_task *tasks[] = {timer, event};
    size_t first;
    PAWL_TRY(pawl_await_any(tasks, 2, &first));
    pawl_cancel(tasks[1 - first]);
    if (first == 0) return pawl_return(wf, pawl_text("\"late\""));
    return pawl_return(wf, pawl_result(event));
}

static void test_event(void **state) {
    struct pawl *pawl = *state;
    struct pawl_start_options options = {.id = fixture_id("approval")};
    assert_ok(pawl_start(pawl, "approval", pawl_text(NULL), &options, NULL));
    assert_ok(pawl_raise(pawl, options.id, "APPROVE", pawl_text("{\"by\":\"me\"}")));
    struct pawl_info *info;
    assert_ok(pawl_wait(pawl, options.id, 10 * PAWL_SECOND, &info));
    assert_text(info->output, "{\"by\":\"me\"}");
    pawl_info_free(info);
}

static enum pawl_err impatient(struct pawl_workflow *wf) {
    enum pawl_err now = pawl_await(pawl_wait_for_event(wf, "never", 0));
    enum pawl_err soon = pawl_await(pawl_wait_for_event(wf, "never", 30 * PAWL_MILLISECOND));
    bool both = now == PAWL_E_DEADLINE && soon == PAWL_E_DEADLINE;
    return pawl_return(wf, pawl_text(both ? "true" : "false"));
}

static void test_event_timeout(void **state) {
    struct pawl_info *info = fixture_run(*state, "impatient", NULL);
    assert_text(info->output, "true");
    pawl_info_free(info);
}

// A wait that its own workflow has given up ends it, unless it looks at the error.
static enum pawl_err abandons_timer(struct pawl_workflow *wf) {
    struct pawl_task *timer = pawl_create_timer(wf, PAWL_HOUR);
    pawl_cancel(timer);
    return pawl_await(timer);
}

static void test_canceled(void **state) {
    struct pawl_info *info = fixture_run(*state, "abandons_timer", NULL);
    assert_int_equal(info->status, PAWL_FAILED);
    assert_string_equal(info->failure->type, "Canceled");
    pawl_info_free(info);
}

static enum pawl_err counts_down(struct pawl_workflow *wf) {
    int left = atoi(pawl_input(wf).data);
    if (!left) {
        struct pawl_task *kept = pawl_wait_for_event(wf, "kept", PAWL_MINUTE);
        PAWL_TRY(pawl_await(kept));
        return pawl_return(wf, pawl_result(kept));
    }
    PAWL_TRY(pawl_await(pawl_wait_for_event(wf, "go", PAWL_FOREVER)));
    return pawl_continue_as_new(wf, pawl_text(pawl_format(wf, "%d", left - 1)), true);
}

static void test_continue_as_new(void **state) {
    struct pawl *pawl = *state;
    struct pawl_start_options options = {.id = fixture_id("counts")};
    assert_ok(pawl_start(pawl, "counts_down", pawl_text("3"), &options, NULL));
    assert_ok(pawl_raise(pawl, options.id, "kept", pawl_text("7")));
    for (int i = 0; i < 3; i++) assert_ok(pawl_raise(pawl, options.id, "go", pawl_text(NULL)));
    struct pawl_info *info;
    assert_ok(pawl_wait(pawl, options.id, 10 * PAWL_SECOND, &info));
    assert_int_equal(info->status, PAWL_COMPLETED);
    assert_text(info->output, "7");
    assert_text(info->input, "0");
    pawl_info_free(info);
}

// --- failures -----------------------------------------------------------------------------------

static enum pawl_err retries(struct pawl_workflow *wf) {
    struct pawl_retry retry = {
        .max_attempts = 5, .first_interval = 5 * PAWL_MILLISECOND, .backoff = 2};
    struct pawl_call_options options = {.retry = &retry};
    struct pawl_text result;
    PAWL_TRY(pawl_call(wf, "fails_thrice", pawl_text(NULL), &options, &result));
    return pawl_return(wf, result);
}

static void test_retry(void **state) {
    struct pawl_info *info = fixture_run(*state, "retries", NULL);
    assert_int_equal(info->status, PAWL_COMPLETED);
    assert_text(info->output, "\"at last\"");
    pawl_info_free(info);
}

static bool not_broken(const struct pawl_failure *failure, void *arg) {
    return strcmp(failure->type, "Broken") != 0;
}

static enum pawl_err gives_up(struct pawl_workflow *wf) {
    struct pawl_retry retry = {.max_attempts = 3, .first_interval = PAWL_MILLISECOND};
    if (strcmp(pawl_input(wf).data, "\"picky\"") == 0) retry.handles = not_broken;
    struct pawl_call_options options = {.retry = &retry};
    return pawl_call(wf, "always_fails", pawl_input(wf), &options, NULL);
}

static void expect_failure(struct pawl *pawl, const char *input, int attempts) {
    atomic_store(&calls, 0);
    struct pawl_info *info = fixture_run(pawl, "gives_up", input);
    assert_int_equal(info->status, PAWL_FAILED);
    assert_int_equal(atomic_load(&calls), attempts);
    assert_string_equal(info->failure->type, "Broken");
    assert_non_null(strstr(info->failure->message, "activity 'always_fails'"));
    assert_string_equal(info->failure->cause->type, "Broken");
    pawl_info_free(info);
}

static void test_failure(void **state) {
    expect_failure(*state, "\"any\"", 3);
    expect_failure(*state, "\"picky\"", 1);
    expect_failure(*state, "\"final\"", 1);
}

static enum pawl_err trip(struct pawl_workflow *wf) {
    struct pawl_saga *saga = pawl_saga(wf);
    PAWL_TRY(pawl_saga_add(saga, "echo", pawl_text("\"cancel hotel\""), NULL));
    PAWL_TRY(pawl_call(wf, "echo", pawl_text("\"hotel\""), NULL, NULL));
    PAWL_TRY(pawl_saga_add(saga, "echo", pawl_text("\"cancel flight\""), NULL));
    enum pawl_err err = pawl_call(wf, "always_fails", pawl_text("\"flight\""), NULL, NULL);
    if (!err) return PAWL_OK;
    PAWL_TRY(pawl_saga_compensate(saga));
    return pawl_fail(wf, "TripCanceled", "no flight");
}

static void test_saga(void **state) {
    atomic_store(&calls, 0);
    struct pawl_info *info = fixture_run(*state, "trip", NULL);
    assert_int_equal(info->status, PAWL_FAILED);
    assert_string_equal(info->failure->type, "TripCanceled");
    assert_string_equal(info->failure->cause->type, "Broken");
    assert_int_equal(atomic_load(&calls), 4);
    pawl_info_free(info);
}

// --- the rest -----------------------------------------------------------------------------------

static enum pawl_err launches(struct pawl_workflow *wf) {
    char id[37];
    struct pawl_tag tag = {"color", "red"};
    struct pawl_start_options options = {.tags = &tag, .tag_count = 1};
    PAWL_TRY(pawl_start_detached(wf, "chain", pawl_text("1"), &options, id));
    PAWL_TRY(pawl_set_custom_status(wf, pawl_text("\"launched\"")));
    return pawl_return(wf, pawl_quote(wf, id));
}

static void test_detached(void **state) {
    struct pawl_info *info = fixture_run(*state, "launches", NULL);
    assert_text(info->custom_status, "\"launched\"");
    char id[37];
    memcpy(id, info->output.data + 1, 36);
    id[36] = 0;
    pawl_info_free(info);
    assert_ok(pawl_wait(*state, id, 10 * PAWL_SECOND, &info));
    assert_text(info->output, "1");
    assert_int_equal(info->tag_count, 1);
    assert_string_equal(info->tags[0].name, "color");
    assert_string_equal(info->tags[0].value, "red");
    pawl_info_free(info);
    struct pawl_page *page = NULL; // the same in a list
    assert_ok(pawl_list(*state, &(struct pawl_list_options){.filter = id}, &page));
    assert_int_equal(page->count, 1);
    assert_int_equal(page->items[0].tag_count, 1);
    assert_string_equal(page->items[0].tags[0].name, "color");
    assert_string_equal(page->items[0].tags[0].value, "red");
    pawl_page_free(page);
}

// --- others -------------------------------------------------------------------------------------

// Answers each "number" with its square, to the workflow that its data names; ends by "stop".
static enum pawl_err squares(struct pawl_workflow *wf) {
    struct pawl_task *tasks[] = {pawl_wait_for_event(wf, "number", PAWL_FOREVER),
                                 pawl_wait_for_event(wf, "stop", PAWL_FOREVER)};
    PAWL_TRY(pawl_await_any(tasks, 2, NULL));
    if (!pawl_is_done(tasks[0])) return pawl_return(wf, pawl_input(wf));
    char id[80];
    int number;
    if (sscanf(pawl_result(tasks[0]).data, "\"%d %79[^\"]", &number, id) != 2)
        return pawl_fail(wf, "Odd", "%s", pawl_result(tasks[0]).data);
    PAWL_TRY(pawl_send(wf, id, "square", pawl_text(pawl_format(wf, "%d", number * number)), NULL));
    int done = pawl_input(wf).data ? atoi(pawl_input(wf).data) : 0;
    return pawl_continue_as_new(wf, pawl_text(pawl_format(wf, "%d", done + 1)), true);
}

static enum pawl_err asks(struct pawl_workflow *wf) {
    const char *other = pawl_format(wf, "%s-other", pawl_id(wf));
    struct pawl_start_options options = {.id = other};
    int sum = 0;
    PAWL_TRY(pawl_start_detached(wf, "squares", pawl_text(NULL), &options, NULL));
    PAWL_TRY(
        pawl_send(wf, "nobody-has-this-id", "number", pawl_text(NULL), NULL)); // which is no error
    for (int i = 1; i <= 5; i++) // all at once, so that most wait while the other begins anew
        PAWL_TRY(pawl_send(wf, other, "number",
                           pawl_text(pawl_format(wf, "\"%d %s\"", i, pawl_id(wf))), NULL));
    for (int i = 1; i <= 5; i++) {
        struct pawl_task *square = pawl_wait_for_event(wf, "square", PAWL_FOREVER);
        PAWL_TRY(pawl_await(square));
        if (atoi(pawl_result(square).data) != i * i)
            return pawl_fail(wf, "OutOfOrder", "%s", pawl_result(square).data);
        sum += i * i;
    }
    PAWL_TRY(pawl_send(wf, other, "stop", pawl_text(NULL), NULL));
    PAWL_TRY(pawl_send(wf, pawl_id(wf), "own", pawl_text("7"), NULL));
    struct pawl_task *own = pawl_wait_for_event(wf, "own", PAWL_FOREVER);
    PAWL_TRY(pawl_await(own));
    sum += atoi(pawl_result(own).data);
    return pawl_return(wf, pawl_text(pawl_format(wf, "%d", sum)));
}

static void test_send(void **state) {
    struct pawl_info *info = fixture_run(*state, "asks", NULL), *other;
    if (info->failure) fail_msg("%s: %s", info->failure->type, info->failure->message);
    assert_text(info->output, "62");
    char id[128], *history;
    snprintf(id, sizeof id, "%s-other", info->id);
    assert_ok(pawl_wait(*state, id, 10 * PAWL_SECOND, &other));
    assert_text(other->output, "5");
    pawl_info_free(other);
    assert_ok(pawl_history(*state, info->id, &history));
    assert_non_null(strstr(history, "eventSent"));
    assert_ok(pawl_replay(pawl_text(history), asks, NULL));
    free(history);
    pawl_info_free(info);
}

static enum pawl_err ends_another(struct pawl_workflow *wf) {
    const char *other = pawl_format(wf, "%s-other", pawl_id(wf));
    struct pawl_start_options options = {.id = other};
    PAWL_TRY(pawl_start_detached(wf, "patient", pawl_text(NULL), &options, NULL));
    PAWL_TRY(pawl_sleep(wf, PAWL_MILLISECOND));
    PAWL_TRY(pawl_end(wf, other, pawl_text("\"enough\""), true, NULL));
    PAWL_TRY(pawl_end(wf, "nobody-has-this-id", pawl_text(NULL), false, NULL));
    PAWL_TRY(pawl_sleep(wf, PAWL_MILLISECOND));
    return pawl_return(wf, pawl_text("1"));
}

static enum pawl_err ends_none(struct pawl_workflow *wf) {
    const char *other = pawl_format(wf, "%s-other", pawl_id(wf));
    struct pawl_start_options options = {.id = other};
    PAWL_TRY(pawl_start_detached(wf, "patient", pawl_text(NULL), &options, NULL));
    PAWL_TRY(pawl_sleep(wf, PAWL_MILLISECOND));
    return pawl_send(wf, other, "end", pawl_text(NULL), NULL);
}

static void test_end(void **state) {
    struct pawl_info *info = fixture_run(*state, "ends_another", NULL), *other;
    assert_text(info->output, "1");
    char id[128], *history;
    snprintf(id, sizeof id, "%s-other", info->id);
    assert_ok(pawl_wait(*state, id, 10 * PAWL_SECOND, &other));
    assert_int_equal(other->status, PAWL_TERMINATED);
    assert_text(other->output, "\"enough\"");
    pawl_info_free(other);
    // It is told once, and replays compare.
    assert_ok(pawl_history(*state, info->id, &history));
    assert_ok(pawl_replay(pawl_text(history), ends_another, NULL));
    assert_int_equal(pawl_replay(pawl_text(history), ends_none, NULL), PAWL_E_MISMATCH);
    assert_non_null(
        strstr(pawl_last_error()->text,
               "the history ends another workflow, but the code now sends event 'end'"));
    free(history);
    pawl_info_free(info);
}

static enum pawl_err patient(struct pawl_workflow *wf) {
    return pawl_await(pawl_wait_for_event(wf, "end", PAWL_FOREVER));
}

static void test_suspend_and_terminate(void **state) {
    struct pawl *pawl = *state;
    struct pawl_start_options options = {.id = fixture_id("patient")};
    assert_ok(pawl_start(pawl, "patient", pawl_text(NULL), &options, NULL));
    assert_ok(pawl_suspend(pawl, options.id, "for now"));
    fixture_wait_status(pawl, options.id, PAWL_SUSPENDED);
    assert_ok(pawl_raise(pawl, options.id, "end", pawl_text(NULL)));
    assert_int_equal(pawl_wait(pawl, options.id, 100 * PAWL_MILLISECOND, NULL), PAWL_E_DEADLINE);
    assert_ok(pawl_resume(pawl, options.id, NULL));
    assert_ok(pawl_wait(pawl, options.id, 10 * PAWL_SECOND, NULL));

    options.id = fixture_id("patient");
    assert_ok(pawl_start(pawl, "patient", pawl_text(NULL), &options, NULL));
    assert_int_equal(pawl_start(pawl, "patient", pawl_text(NULL), &options, NULL), PAWL_E_EXISTS);
    assert_int_equal(pawl_purge(pawl, options.id, false, NULL), PAWL_E_PRECONDITION);
    assert_ok(pawl_terminate(pawl, options.id, pawl_text("\"enough\""), false));
    struct pawl_info *info;
    assert_ok(pawl_get(pawl, options.id, &info));
    assert_int_equal(info->status, PAWL_TERMINATED);
    assert_text(info->output, "\"enough\"");
    pawl_info_free(info);
    options.reuse = PAWL_REUSE_NEVER;
    assert_int_equal(pawl_start(pawl, "patient", pawl_text(NULL), &options, NULL), PAWL_E_EXISTS);
    assert_int_equal(pawl_raise(pawl, "no-such", "end", pawl_text(NULL)), PAWL_E_NOT_FOUND);

    options = (struct pawl_start_options){.id = fixture_id("patient")};
    uint32_t count = 0;
    assert_ok(pawl_start(pawl, "patient", pawl_text(NULL), &options, NULL));
    assert_int_equal(pawl_purge(pawl, options.id, false, &count), PAWL_E_PRECONDITION);
    assert_ok(pawl_purge_force(pawl, options.id, false, &count));
    assert_int_equal(count, 1);
    assert_int_equal(pawl_get(pawl, options.id, &info), PAWL_E_NOT_FOUND);
    assert_int_equal(pawl_purge_force(pawl, options.id, false, NULL), PAWL_E_NOT_FOUND);
}

// Shows the same in each run of the function.
static enum pawl_err repeats(struct pawl_workflow *wf) {
    char id[37];
    pawl_uuid(wf, id);
    uint64_t number = pawl_random(wf);
    int64_t now = pawl_now(wf);
    for (int i = 0; i < 3; i++) PAWL_TRY(pawl_call(wf, "echo", pawl_text("1"), NULL, NULL));
    char *text =
        pawl_format(wf, "\"%s %llu %lld\"", id, (unsigned long long)number, (long long)now);
    if (!text) return PAWL_E_NOMEM;
    struct pawl_text same;
    PAWL_TRY(pawl_call(wf, "echo", pawl_text(text), NULL, &same));
    PAWL_TRY(pawl_sleep(wf, PAWL_MILLISECOND));
    return pawl_return(wf, pawl_text(strcmp(same.data, text) == 0 ? "true" : "false"));
}

static void test_replay_safety(void **state) {
    struct pawl_info *info = fixture_run(*state, "repeats", NULL);
    assert_text(info->output, "true");
    pawl_info_free(info);
}

static _Atomic(char *) later_token;

static enum pawl_err later(struct pawl_activity *activity) {
    later_token = pawl_activity_later(activity);
    return PAWL_OK;
}

static enum pawl_err asks_outside(struct pawl_workflow *wf) {
    struct pawl_text answer;
    PAWL_TRY(pawl_call(wf, "later", pawl_text(NULL), NULL, &answer));
    return pawl_return(wf, answer);
}

static void test_later(void **state) {
    struct pawl *pawl = *state;
    struct pawl_start_options options = {.id = fixture_id("later")};
    later_token = NULL;
    assert_ok(pawl_start(pawl, "asks_outside", pawl_text(NULL), &options, NULL));
    for (int i = 0; i < 1000 && !later_token; i++) usleep(5000);
    assert_non_null(later_token);
    assert_int_equal(pawl_complete(pawl, "nonsense", pawl_text("1")), PAWL_E_INVALID);
    assert_ok(pawl_complete(pawl, later_token, pawl_text("\"from outside\"")));
    free(later_token);
    struct pawl_info *info;
    assert_ok(pawl_wait(pawl, options.id, 10 * PAWL_SECOND, &info));
    assert_text(info->output, "\"from outside\"");
    pawl_info_free(info);
}

static void test_state(void **state) {
    struct pawl *pawl = *state;
    const char *key = fixture_id("key");
    char *value, etag[64], old[64];
    size_t len;
    assert_ok(pawl_get_state(pawl, "statestore", key, &value, &len, etag));
    assert_null(value);
    assert_string_equal(etag, "");
    assert_ok(pawl_save_state(pawl, "statestore", key, pawl_text("{\"n\":1}"), NULL));
    assert_ok(pawl_get_state(pawl, "statestore", key, &value, &len, old));
    assert_string_equal(value, "{\"n\":1}");
    assert_int_equal(len, 7);
    free(value);
    assert_ok(pawl_save_state(pawl, "statestore", key, pawl_text("2"), old));
    assert_int_equal(pawl_save_state(pawl, "statestore", key, pawl_text("3"), old),
                     PAWL_E_CONFLICT);
    assert_ok(pawl_delete_state(pawl, "statestore", key, NULL));
    assert_ok(pawl_get_state(pawl, "statestore", key, &value, &len, etag));
    assert_null(value);
}

static void add_all(struct pawl *pawl) {
    static const struct {
        const char *name;
        pawl_workflow_fn function;
    } workflows[] = {
        {"chain", chain},
        {"fan", fan},
        {"family", family},
        {"naps", naps},
        {"approval", approval},
        {"impatient", impatient},
        {"retries", retries},
        {"gives_up", gives_up},
        {"counts_down", counts_down},
        {"trip", trip},
        {"launches", launches},
        {"patient", patient},
        {"squares", squares},
        {"asks", asks},
        {"ends_another", ends_another},
        {"repeats", repeats},
        {"asks_outside", asks_outside},
        {"abandons_timer", abandons_timer},
    };
    for (size_t i = 0; i < sizeof workflows / sizeof *workflows; i++)
        assert_ok(pawl_add_workflow(pawl, workflows[i].name, workflows[i].function, NULL));
    assert_ok(pawl_add_activity(pawl, "echo", echo, NULL));
    assert_ok(pawl_add_activity(pawl, "fails_thrice", fails_thrice, NULL));
    assert_ok(pawl_add_activity(pawl, "always_fails", always_fails, NULL));
    assert_ok(pawl_add_activity(pawl, "later", later, NULL));
}

static int setup(void **state) {
    struct pawl *pawl = fixture_open(NULL);
    add_all(pawl);
    assert_ok(pawl_work(pawl));
    *state = pawl;
    return 0;
}

// All workflows cold at each turn: everything is replayed.
static int setup_cold(void **state) {
    struct pawl_options options = {.warm_workflows = 1};
    struct pawl *pawl = fixture_open(&options);
    add_all(pawl);
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
        cmocka_unit_test(test_chain),
        cmocka_unit_test(test_fan),
        cmocka_unit_test(test_children),
        cmocka_unit_test(test_timer),
        cmocka_unit_test(test_event),
        cmocka_unit_test(test_event_timeout),
        cmocka_unit_test(test_canceled),
        cmocka_unit_test(test_continue_as_new),
        cmocka_unit_test(test_retry),
        cmocka_unit_test(test_failure),
        cmocka_unit_test(test_saga),
        cmocka_unit_test(test_detached),
        cmocka_unit_test(test_send),
        cmocka_unit_test(test_end),
        cmocka_unit_test(test_suspend_and_terminate),
        cmocka_unit_test(test_replay_safety),
        cmocka_unit_test(test_later),
        cmocka_unit_test(test_state),
    };
    int failed = cmocka_run_group_tests_name("warm", tests, setup, teardown);
    return failed + cmocka_run_group_tests_name("cold", tests, setup_cold, teardown);
}
