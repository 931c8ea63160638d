#include "fixture.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

// What goes wrong in the hands of a programmer, and what is said of it.

#define assert_says(text, part)                                                                    \
    do {                                                                                           \
        if (!strstr(text, part)) fail_msg("'%s' does not say '%s'", text, part);                   \
    } while (0)

static struct pawl *misused;
static _Atomic(struct pawl_task *) escaped;

static enum pawl_err echo(struct pawl_activity *activity) {
    return pawl_activity_return(activity, activity->input);
}

// --- what is deferred where it cannot be --------------------------------------------------------

static _Atomic(struct pawl_workflow *) running;

static enum pawl_err defers(struct pawl_workflow *wf) {
    running = wf;
    return pawl_await(pawl_wait_for_event(wf, "end", PAWL_FOREVER));
}

static void count_call(void *arg) {
    ++*(int *)arg;
}

static void test_defer_outside(void **state) {
    struct pawl_start_options options = {.id = fixture_id("defers")};
    running = NULL;
    assert_ok(pawl_start(*state, "defers", pawl_text(NULL), &options, NULL));
    for (int i = 0; i < 1000 && !running; i++) usleep(5000);
    int count = 0;
    assert_int_equal(pawl_defer(running, count_call, &count), PAWL_E_PRECONDITION);
    assert_int_equal(count, 1); // nobody else would
    assert_ok(pawl_raise(*state, options.id, "end", pawl_text(NULL)));
    assert_ok(pawl_wait(*state, options.id, 10 * PAWL_SECOND, NULL));
    assert_int_equal(count, 1);
}

// --- awaiting outside a workflow ----------------------------------------------------------------

static enum pawl_err lets_escape(struct pawl_workflow *wf) {
    escaped = pawl_wait_for_event(wf, "end", PAWL_FOREVER);
    return pawl_await(escaped);
}

static void test_await_outside(void **state) {
    struct pawl_start_options options = {.id = fixture_id("escape")};
    escaped = NULL;
    assert_ok(pawl_start(*state, "lets_escape", pawl_text(NULL), &options, NULL));
    for (int i = 0; i < 1000 && !escaped; i++) usleep(5000);
    assert_int_equal(pawl_await(escaped), PAWL_E_PRECONDITION);
    const char *text = pawl_last_error()->text;
    assert_says(text, "event 'end'");
    assert_says(text, "workflow 'lets_escape'");
    assert_says(text, options.id);
    assert_says(text, "awaited outside");
    assert_int_equal(pawl_await(NULL), PAWL_E_PRECONDITION); // the error that made no task
    assert_ok(pawl_raise(*state, options.id, "end", pawl_text(NULL)));
    assert_ok(pawl_wait(*state, options.id, 10 * PAWL_SECOND, NULL));
}

// --- a client call inside one -------------------------------------------------------------------

static enum pawl_err calls_client(struct pawl_workflow *wf) {
    PAWL_TRY(pawl_call(wf, "echo", pawl_text("1"), NULL, NULL));
    return pawl_start(misused, "chain", pawl_text(NULL), NULL, NULL);
}

static void test_client_inside(void **state) {
    struct pawl_info *info = fixture_run(*state, "calls_client", NULL);
    assert_int_equal(info->status, PAWL_FAILED);
    assert_says(info->failure->message, "pawl_start was called within workflow 'calls_client'");
    assert_says(info->failure->message, info->id);
    assert_says(info->failure->message, "sequence number 1");
    pawl_info_free(info);
}

// --- blocking inside one ------------------------------------------------------------------------

static enum pawl_err blocks(struct pawl_workflow *wf) {
    PAWL_TRY(pawl_call(wf, "echo", pawl_text("1"), NULL, NULL));
    usleep(400000);
    return PAWL_OK;
}

static void test_blocking(void **state) {
    struct pawl_info *info = fixture_run(*state, "blocks", NULL);
    char text[200];
    snprintf(text, sizeof text, "workflow 'blocks' (instance '%s', sequence number 1)", info->id);
    assert_true(fixture_logged(text));
    assert_true(fixture_logged("what blocks belongs in an activity"));
    pawl_info_free(info);
}

// --- nobody registered it -----------------------------------------------------------------------

static enum pawl_err calls_unknown(struct pawl_workflow *wf) {
    return pawl_call(wf, "unheard_of", pawl_text(NULL), NULL, NULL);
}

static void test_unregistered(void **state) {
    struct pawl_info *info = fixture_run(*state, "calls_unknown", NULL);
    assert_int_equal(info->status, PAWL_FAILED);
    assert_string_equal(info->failure->cause->type, "TaskActivityNotRegistered");
    assert_says(info->failure->cause->message, "activity named 'unheard_of' is not registered");
    assert_says(info->failure->cause->message, info->id);
    assert_says(info->failure->cause->message, "sequence number 0");
    pawl_info_free(info);
    info = fixture_run(*state, "unheard_of_too", NULL);
    assert_int_equal(info->status, PAWL_FAILED);
    assert_string_equal(info->failure->type, "WorkflowNotRegistered");
    assert_says(info->failure->message, "workflow named 'unheard_of_too' is not registered");
    assert_says(info->failure->message, info->id);
    pawl_info_free(info);
}

// --- a stack that overflows ---------------------------------------------------------------------

static int deep(int n) {
    volatile char block[1024];
    block[0] = (char)n;
    return n ? deep(n - 1) + block[0] : 0;
}

static enum pawl_err overflows(struct pawl_workflow *wf) {
    PAWL_TRY(pawl_call(wf, "echo", pawl_text("1"), NULL, NULL));
    return deep(1000) < 0 ? PAWL_E_UNKNOWN : PAWL_OK;
}

// A process of its own, as cmocka has handlers of signals too.
static int overflow_main(void) {
    struct pawl *pawl;
    if (pawl_open("memory:", NULL, &pawl)) return 2;
    pawl_add_workflow(pawl, "overflows", overflows, NULL);
    pawl_add_activity(pawl, "echo", echo, NULL);
    pawl_work(pawl);
    struct pawl_start_options options = {.id = "too-deep"};
    pawl_start(pawl, "overflows", pawl_text(NULL), &options, NULL);
    pawl_wait(pawl, options.id, 10 * PAWL_SECOND, NULL);
    return 0;
}

static void test_overflow(void **state) {
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    pid_t pid = fork();
    if (!pid) {
        dup2(ends[1], STDERR_FILENO);
        execl("/proc/self/exe", "misuse", "overflow", (char *)NULL);
        _exit(2);
    }
    close(ends[1]);
    char text[4096];
    size_t len = 0;
    for (ssize_t got; (got = read(ends[0], text + len, sizeof text - 1 - len)) > 0;)
        len += (size_t)got;
    text[len] = 0;
    close(ends[0]);
    int status;
    waitpid(pid, &status, 0);
    assert_true(WIFSIGNALED(status) || WEXITSTATUS(status)); // a sanitizer exits instead
    assert_says(text, "the stack of workflow 'overflows' (instance 'too-deep', sequence number 1) "
                      "has overflowed its 65536 bytes");
}

// --- bad arguments ------------------------------------------------------------------------------

static enum pawl_err takes_anything(struct pawl_workflow *wf) {
    struct pawl_retry retry = {.max_attempts = 2};
    struct pawl_call_options options = {.retry = &retry};
    if (pawl_call_activity(wf, "echo", pawl_text("1"), &options) ||
        pawl_last_error()->code != PAWL_E_INVALID)
        return pawl_fail(wf, "Test", "a retry policy without an interval was taken");
    if (pawl_call_activity(wf, "", pawl_text("1"), NULL))
        return pawl_fail(wf, "Test", "a name that is empty was taken");
    if (pawl_call_activity(wf, "echo", pawl_text("\xff"), NULL))
        return pawl_fail(wf, "Test", "text that is not UTF-8 was taken");
    if (pawl_create_timer(wf, -1)) return pawl_fail(wf, "Test", "a negative timer was taken");
    return PAWL_OK;
}

static void test_arguments(void **state) {
    struct pawl *pawl = *state, *other;
    struct pawl_info *info = fixture_run(pawl, "takes_anything", NULL);
    assert_int_equal(info->status, PAWL_COMPLETED);
    pawl_info_free(info);
    assert_int_equal(pawl_open("", NULL, &other), PAWL_E_INVALID);
    assert_int_equal(pawl_open("/no/such/folder/x.db", NULL, &other), PAWL_E_IO);
    assert_says(pawl_last_error()->text, "/no/such/folder/x.db");
    assert_int_equal(pawl_open("grpc://", NULL, &other), PAWL_E_INVALID);
    assert_int_equal(pawl_open("grpc://localhost", NULL, &other), PAWL_E_INVALID);
    assert_says(pawl_last_error()->text, "HOST:PORT");
    assert_int_equal(pawl_open("localhost:50001", NULL, &other), PAWL_E_INVALID);
    assert_says(pawl_last_error()->text, "grpc://localhost:50001");
    assert_int_equal(pawl_open("http://localhost", NULL, &other), PAWL_E_INVALID);
    assert_says(pawl_last_error()->text, "grpc://HOST:PORT");
    struct pawl_options options = {.stack_size = 100};
    assert_int_equal(pawl_open("memory:", &options, &other), PAWL_E_INVALID);
    assert_says(pawl_last_error()->text, "stack_size is 100");
    assert_int_equal(pawl_start(pawl, "", pawl_text(NULL), NULL, NULL), PAWL_E_INVALID);
    assert_int_equal(pawl_start(pawl, "echo", pawl_text("\xff"), NULL, NULL), PAWL_E_INVALID);
    assert_int_equal(pawl_add_activity(pawl, "late", echo, NULL), PAWL_E_PRECONDITION);
    assert_int_equal(pawl_work(pawl), PAWL_E_PRECONDITION);
    assert_int_equal(pawl_save_state(pawl, "statestore", "a||b", pawl_text("1"), NULL),
                     PAWL_E_INVALID);
    if (fixture_is_remote()) return;
    assert_ok(pawl_open("memory:", NULL, &other));
    assert_int_equal(pawl_work(other), PAWL_E_PRECONDITION);
    assert_ok(pawl_add_activity(other, "echo", echo, NULL));
    assert_int_equal(pawl_add_activity(other, "echo", echo, NULL), PAWL_E_EXISTS);
    assert_int_equal(pawl_add_activity(other, "no function", NULL, NULL), PAWL_E_INVALID);
    assert_ok(pawl_close(other));
}

// --- an instance that is not there --------------------------------------------------------------

static void test_no_instance(void **state) {
    struct pawl *pawl = *state;
    struct pawl_text none = pawl_text(NULL);
    char *json;
#define assert_absent(call)                                                                        \
    do {                                                                                           \
        assert_int_equal(call, PAWL_E_NOT_FOUND);                                                  \
        assert_says(pawl_last_error()->text, "'nobody'");                                          \
    } while (0)
    assert_absent(pawl_get(pawl, "nobody", NULL));
    assert_absent(pawl_raise(pawl, "nobody", "go", none));
    assert_absent(pawl_suspend(pawl, "nobody", NULL));
    assert_absent(pawl_resume(pawl, "nobody", NULL));
    assert_absent(pawl_terminate(pawl, "nobody", none, false));
    assert_absent(pawl_purge(pawl, "nobody", false, NULL));
    assert_absent(pawl_history(pawl, "nobody", &json));
#undef assert_absent
}

// --- a daemon that is not there -----------------------------------------------------------------

static void test_no_daemon(void **state) {
    struct pawl *pawl = fixture_open_at("grpc://127.0.0.1:1", NULL);
    assert_ok(pawl_add_activity(pawl, "echo", echo, NULL));
    assert_ok(pawl_work(pawl));
    for (int i = 0; i < 1000 && !fixture_logged("the daemon gives no work"); i++) usleep(5000);
    assert_true(fixture_logged("the daemon gives no work, will try again: cannot connect"));
    assert_ok(pawl_close(pawl));
}

static int setup(void **state) {
    struct pawl_options options = {.blocked_after = 100 * PAWL_MILLISECOND};
    struct pawl *pawl = misused = fixture_open(&options);
    assert_ok(pawl_add_workflow(pawl, "lets_escape", lets_escape, NULL));
    assert_ok(pawl_add_workflow(pawl, "defers", defers, NULL));
    assert_ok(pawl_add_workflow(pawl, "calls_client", calls_client, NULL));
    assert_ok(pawl_add_workflow(pawl, "blocks", blocks, NULL));
    assert_ok(pawl_add_workflow(pawl, "calls_unknown", calls_unknown, NULL));
    assert_ok(pawl_add_workflow(pawl, "takes_anything", takes_anything, NULL));
    assert_ok(pawl_add_activity(pawl, "echo", echo, NULL));
    assert_ok(pawl_work(pawl));
    *state = pawl;
    return 0;
}

static int teardown(void **state) {
    assert_ok(pawl_close(*state));
    return 0;
}

int main(int argc, char **argv) {
    if (argc == 2 && strcmp(argv[1], "overflow") == 0) return overflow_main();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_overflow),      cmocka_unit_test(test_await_outside),
        cmocka_unit_test(test_defer_outside), cmocka_unit_test(test_client_inside),
        cmocka_unit_test(test_blocking),      cmocka_unit_test(test_unregistered),
        cmocka_unit_test(test_arguments),     cmocka_unit_test(test_no_instance),
        cmocka_unit_test(test_no_daemon),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
