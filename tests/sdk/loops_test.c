#include "fixture.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

// What is particular to several loops; the other tests run on three, too. PAWL_TARGET is a file,
// and each test takes one beside it.

static const char *file_of(const char *name) {
    static char path[4096];
    snprintf(path, sizeof path, "%s-%s", fixture_target(), name);
    return path;
}

static void expect_open_fails(const struct pawl_options *options, const char *text) {
    struct pawl *pawl;
    assert_int_equal(pawl_open(file_of("options"), options, &pawl), PAWL_E_INVALID);
    if (!strstr(pawl_last_error()->text, text))
        fail_msg("'%s' is not in: %s", text, pawl_last_error()->text);
}

static void test_options(void **state) {
    expect_open_fails(&(struct pawl_options){.loops = 1000}, "256");
    expect_open_fails(&(struct pawl_options){.loops = 2, .is_driven = true}, "is_driven");
    struct pawl *pawl =
        fixture_open_at(file_of("options"), &(struct pawl_options){.loops = PAWL_LOOP_PER_CORE});
    assert_ok(pawl_close(pawl));
}

// --- shards --------------------------------------------------------------------------------------

static enum pawl_err echo(struct pawl_workflow *wf) {
    return pawl_return(wf, pawl_input(wf));
}

static struct pawl *open_echo(const char *file, size_t loops, uint32_t shards) {
    struct pawl_options options = {.loops = loops, .shards = shards};
    struct pawl *pawl = fixture_open_at(file, &options);
    assert_ok(pawl_add_workflow(pawl, "echo", echo, NULL));
    assert_ok(pawl_work(pawl));
    return pawl;
}

enum {
    COUNT = 12
};

static void run_echoes(struct pawl *pawl) {
    for (int i = 0; i < COUNT; i++) {
        struct pawl_info *info = fixture_run(pawl, "echo", "1");
        assert_text(info->output, "1");
        pawl_info_free(info);
    }
}

static size_t count_all(struct pawl *pawl) {
    const struct pawl_list_options options = {.limit = COUNT};
    struct pawl_page *page = NULL;
    size_t all = 0, counted = 0, len;
    for (;;) {
        assert_ok(pawl_list(pawl, &options, &page));
        if (!page) break;
        all += page->count;
    }
    struct pawl_count *counts;
    assert_ok(pawl_count(pawl, NULL, &counts, &len));
    for (size_t i = 0; i < len; i++) counted += counts[i].count;
    assert_int_equal(counted, all);
    free(counts);
    return all;
}

// A file keeps its shards: with fewer than loops it is served on fewer, and a warning says so.
static void test_fewer_shards(void **state) {
    static const struct {
        size_t loops;
        uint32_t shards; // of the new file
        size_t then;
        const char *warning; // NULL: none
    } cases[] = {
        {1, 0, 3, "served on 1 of 3 loops"},
        {1, 2, 3, "served on 2 of 3 loops"},
        {2, 5, 5, NULL},
        {3, 0, 1, NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char name[16];
        snprintf(name, sizeof name, "fewer-%zu", i);
        struct pawl *pawl = open_echo(file_of(name), cases[i].loops, cases[i].shards);
        assert_false(fixture_logged("served on"));
        run_echoes(pawl);
        assert_int_equal(count_all(pawl), COUNT);
        assert_ok(pawl_close(pawl));
        pawl = open_echo(file_of(name), cases[i].then, 7);
        if (cases[i].warning)
            assert_true(fixture_logged(cases[i].warning));
        else
            assert_false(fixture_logged("served on"));
        run_echoes(pawl);
        assert_int_equal(count_all(pawl), (2 * COUNT));
        assert_ok(pawl_close(pawl));
    }
}

// --- at the same time ----------------------------------------------------------------------------

struct meeting {
    atomic_int inside;
    atomic_bool met;
};

// Waits, as no workflow should, for another one to be here.
static enum pawl_err meets(struct pawl_workflow *wf) {
    struct meeting *meeting = pawl_arg(wf);
    if (atomic_fetch_add(&meeting->inside, 1) > 0) atomic_store(&meeting->met, true);
    for (int i = 0; i < 20000 && !atomic_load(&meeting->met); i++) usleep(1000);
    atomic_fetch_sub(&meeting->inside, 1);
    return PAWL_OK;
}

struct starter {
    pthread_t thread;
    struct pawl *pawl;
    char id[16];
    enum pawl_err err;
};

// A call for a loop that a workflow holds up waits, so each has a thread.
static void *start_and_wait(void *arg) {
    struct starter *starter = arg;
    struct pawl_start_options options = {.id = starter->id};
    starter->err = pawl_start(starter->pawl, "meets", pawl_text(NULL), &options, NULL);
    if (!starter->err) starter->err = pawl_wait(starter->pawl, starter->id, PAWL_FOREVER, NULL);
    return NULL;
}

static void test_at_the_same_time(void **state) {
    struct meeting meeting = {0};
    struct pawl_options options = {.loops = 2, .blocked_after = PAWL_HOUR};
    struct pawl *pawl = fixture_open_at(file_of("meets"), &options);
    assert_ok(pawl_add_workflow(pawl, "meets", meets, &meeting));
    assert_ok(pawl_work(pawl));
    struct starter starters[COUNT] = {0}; // whose ids are in both shards
    for (int i = 0; i < COUNT; i++) {
        snprintf(starters[i].id, sizeof starters[i].id, "meets-%d", i);
        starters[i].pawl = pawl;
        assert_int_equal(pthread_create(&starters[i].thread, NULL, start_and_wait, &starters[i]),
                         0);
    }
    for (int i = 0; i < COUNT; i++) {
        pthread_join(starters[i].thread, NULL);
        assert_int_equal(starters[i].err, PAWL_OK);
    }
    assert_true(atomic_load(&meeting.met));
    assert_ok(pawl_close(pawl));
}

// --- activities ----------------------------------------------------------------------------------

struct crowd {
    atomic_int inside, most;
};

// Waits until two of them run, and a moment longer, in which a third one might.

static enum pawl_err crowds(struct pawl_activity *activity) {
    struct crowd *crowd = activity->arg;
    int inside = atomic_fetch_add(&crowd->inside, 1) + 1, most = atomic_load(&crowd->most);
    while (inside > most && !atomic_compare_exchange_weak(&crowd->most, &most, inside)) continue;
    for (int i = 0; i < 20000 && atomic_load(&crowd->most) < 2; i++) usleep(1000);
    usleep(10000);
    atomic_fetch_sub(&crowd->inside, 1);
    return PAWL_OK;
}

static enum pawl_err calls_crowds(struct pawl_workflow *wf) {
    struct pawl_task *tasks[4];
    for (int i = 0; i < 4; i++) tasks[i] = pawl_call_activity(wf, "crowds", pawl_text(NULL), NULL);
    return pawl_await_all(tasks, 4);
}

// The threads are for all loops: no more run at once, and those of one loop are not idle while
// another has work.
static void test_threads(void **state) {
    struct crowd crowd = {0};
    struct pawl_options options = {.loops = 4, .activity_threads = 2};
    struct pawl *pawl = fixture_open_at(file_of("threads"), &options);
    assert_ok(pawl_add_workflow(pawl, "calls_crowds", calls_crowds, NULL));
    assert_ok(pawl_add_activity(pawl, "crowds", crowds, &crowd));
    assert_ok(pawl_work(pawl));
    struct pawl_info *info = fixture_run(pawl, "calls_crowds", NULL); // on one loop
    assert_int_equal(info->status, PAWL_COMPLETED);
    pawl_info_free(info);
    assert_int_equal(atomic_load(&crowd.most), 2);
    char ids[COUNT][16];
    for (int i = 0; i < COUNT; i++) {
        snprintf(ids[i], sizeof ids[i], "crowds-%d", i);
        assert_ok(pawl_start(pawl, "calls_crowds", pawl_text(NULL),
                             &(struct pawl_start_options){.id = ids[i]}, NULL));
    }
    for (int i = 0; i < COUNT; i++) assert_ok(pawl_wait(pawl, ids[i], 60 * PAWL_SECOND, NULL));
    assert_int_equal(atomic_load(&crowd.most), 2);
    assert_ok(pawl_close(pawl)); // with nothing left to run
}

// --- one process at a time -----------------------------------------------------------------------

static void test_held(void **state) {
    struct pawl *pawl = open_echo(file_of("held"), 2, 0), *other;
    struct pawl_options options = {.loops = 2};
    assert_int_equal(pawl_open(file_of("held"), &options, &other), PAWL_E_HELD);
    run_echoes(pawl);
    assert_ok(pawl_close(pawl));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_options),
        cmocka_unit_test(test_fewer_shards),
        cmocka_unit_test(test_at_the_same_time),
        cmocka_unit_test(test_threads),
        cmocka_unit_test(test_held),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
