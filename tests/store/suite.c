#include "suite.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#define SUITE_TTL PAWL_SECOND // of the second process

// The second process: leases a shard, says so, and holds it until it is killed.
static int suite_hold(const struct store_kind *kind, const char *path) {
    struct pawl_error error = {0};
    struct pawl_store *store;
    struct pawl_lease lease = {0};
    if (kind->open(path, &store, &error)) return 1;
    enum pawl_err err = store->ops->lease(store, PAWL_STR("app"), 0, PAWL_STR("the other process"),
                                          SUITE_TTL, &lease, &error);
    printf("%d %llu\n", (int)err, (unsigned long long)lease.epoch);
    fflush(stdout);
    if (!err) pause();
    store->ops->close(store);
    return 0;
}

int suite_main(int argc, char **argv, const struct store_kind *kind) {
    if (argc == 3 && strcmp(argv[1], "hold") == 0) return suite_hold(kind, argv[2]);
    if (argc > 1) return -1;
    fixture_kind = kind;
    int failed = suite_log() + suite_parts() + suite_mail() + suite_members() + suite_snapshots() +
                 suite_query() + (kind->own_state ? 0 : suite_state());
    return failed ? 1 : -1;
}

// --- leases and the log ---------------------------------------------------------------------

static void test_first_lease(void **state) {
    struct fixture *f = *state;
    fixture_lease(f);
    assert_int_not_equal(f->lease.shard, 0);
    t_epoch(f, 1, f->lease.epoch);
    assert_int_equal(f->lease.position, 0);
    assert_string_equal(t_log(f, f->lease.shard, 0), "");
    struct pawl_renewal renewal = {.lease = &f->lease, .lost = true};
    assert_ok(f, f->store->ops->renew(f->store, &renewal, 1, T_TTL, &f->error));
    assert_false(renewal.lost);
}

static void test_append_and_read(void **state) {
    struct fixture *f = *state;
    fixture_lease(f);
    assert_ok(f, t_append(f, 1, "a"));
    assert_ok(f, t_append(f, 2, ""));
    assert_ok(f, t_append(f, 3, "c"));
    assert_string_equal(t_log(f, f->lease.shard, 0), "1=a 2= 3=c ");
    assert_string_equal(t_log(f, f->lease.shard, 2), "3=c ");
    assert_string_equal(t_log(f, f->lease.shard, 3), "");
    assert_string_equal(t_log(f, f->lease.shard, 100), "");
    assert_string_equal(t_log(f, f->lease.shard, UINT64_MAX), "");
    assert_string_equal(t_log(f, f->lease.shard + 1, 0), "");
}

static void test_positions_are_consecutive(void **state) {
    struct fixture *f = *state;
    fixture_lease(f);
    assert_err(PAWL_E_INTERNAL, t_append(f, 0, "x"));
    assert_err(PAWL_E_INTERNAL, t_append(f, 2, "x"));
    assert_ok(f, t_append(f, 1, "a"));
    assert_err(PAWL_E_INTERNAL, t_append(f, 1, "x"));
    assert_err(PAWL_E_INTERNAL, t_append(f, 3, "x"));
    assert_err(PAWL_E_INTERNAL, t_append(f, UINT64_MAX, "x"));
    assert_text(f, "does not follow");
    assert_ok(f, t_append(f, 2, "b"));
    assert_string_equal(t_log(f, f->lease.shard, 0), "1=a 2=b ");
}

static void test_shards_are_apart(void **state) {
    struct fixture *f = *state;
    struct pawl_lease others[3];
    fixture_lease(f);
    assert_ok(f, t_lease(f, f->store, "app", 1, &others[0]));
    assert_ok(f, t_lease(f, f->store, "other", 0, &others[1]));
    assert_ok(f, t_lease(f, f->store, "", 4000000000u, &others[2]));
    for (int i = 0; i < 3; i++) {
        assert_int_not_equal(others[i].shard, f->lease.shard);
        t_epoch(f, 1, others[i].epoch);
    }
    assert_ok(f, t_append(f, 1, "a"));
    struct pawl_lease first = f->lease;
    f->lease = others[1];
    assert_ok(f, t_append(f, 1, "b"));
    assert_ok(f, t_append(f, 2, "c"));
    assert_string_equal(t_log(f, first.shard, 0), "1=a ");
    assert_string_equal(t_log(f, others[0].shard, 0), "");
    assert_string_equal(t_log(f, others[1].shard, 0), "1=b 2=c ");
}

static void test_lease_is_exclusive(void **state) {
    struct fixture *f = *state;
    struct pawl_lease again;
    fixture_lease(f);
    assert_err(PAWL_E_HELD, t_lease(f, f->store, "app", 0, &again));
    assert_text(f, "tester 1");
    assert_ok(f, t_append(f, 1, "a"));
    assert_ok(f, f->store->ops->release(f->store, &f->lease, &f->error));
    assert_ok(f, t_lease(f, f->store, "app", 0, &again));
    assert_int_equal(again.shard, f->lease.shard);
    t_epoch(f, 2, again.epoch);
    assert_int_equal(again.position, 1);
    // A release by the old lease does not free the new one.
    assert_ok(f, f->store->ops->release(f->store, &f->lease, &f->error));
    assert_err(PAWL_E_HELD, t_lease(f, f->store, "app", 0, &f->lease));
}

// All of a part is refused under an old lease, and none of it shows; the user's state is written.
static void assert_fenced(struct fixture *f) {
    struct pawl_snapshot row = t_snapshot("i-2", "s", "h");
    struct pawl_batch batch = {2, PAWL_STR("late")};
    struct pawl_str id = PAWL_STR("i-1");
    struct pawl_mail mail = {PAWL_STR("app"), 0, PAWL_STR("m"), PAWL_STR("late")};
    struct pawl_part parts[] = {
        {.lease = &f->lease, .batch = &batch},
        {.lease = &f->lease, .snapshots = &row, .snapshot_count = 1},
        {.lease = &f->lease, .deletes = &id, .delete_count = 1},
        {.lease = &f->lease, .mail_out = &mail, .mail_out_count = 1},
        {.lease = &f->lease, .trim_to = 1},
        {.lease = &f->lease},
    };
    struct pawl_snapshot out;
    struct pawl_state_value value;
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        char text[] = {(char)('0' + i), 0};
        struct pawl_state_op op = {.key = PAWL_STR("k"), .value = pawl__str(text)};
        struct pawl_state_tx tx = {.ops = &op, .op_count = 1};
        f->error.text[0] = 0;
        assert_err(PAWL_E_FENCED, t_commit(f, &parts[i], &tx));
        assert_text(f, "epoch");
        assert_ok(f, f->store->ops->get_state(f->store, op.key, &f->arena, &value, &f->error));
        assert_str(text, value.value);
    }
    assert_string_equal(t_log(f, f->lease.shard, 0), "1=a ");
    assert_string_equal(t_mail(f, "app", 0, "", 0), "");
    assert_ok(f, t_load(f, "i-1", &out));
    assert_err(PAWL_E_NOT_FOUND, t_load(f, "i-2", &out));
}

static void fence_start(struct fixture *f) {
    struct pawl_snapshot row = t_snapshot("i-1", "s", "h");
    fixture_lease(f);
    assert_ok(f, t_append(f, 1, "a"));
    assert_ok(f, t_put(f, &row));
}

static void test_old_lease_is_fenced(void **state) {
    struct fixture *f = *state;
    struct pawl_lease newer;
    fence_start(f);
    assert_ok(f, f->store->ops->release(f->store, &f->lease, &f->error));
    assert_ok(f, t_lease(f, f->store, "app", 0, &newer));
    assert_fenced(f);
    f->lease = newer;
    assert_ok(f, t_append(f, 2, "b"));
}

static void test_second_store_fences(void **state) {
    struct fixture *f = *state;
    struct pawl_store *second;
    struct pawl_lease newer;
    fence_start(f);
    assert_ok(f, f->kind->again(f->store, f->path, &second, &f->error));
    assert_err(PAWL_E_HELD, t_lease(f, second, "app", 0, &newer));
    assert_text(f, "tester 1");
    assert_ok(f, f->store->ops->release(f->store, &f->lease, &f->error));
    assert_ok(f, t_lease(f, second, "app", 0, &newer));
    t_epoch(f, 2, newer.epoch);
    assert_int_equal(newer.position, 1);
    assert_fenced(f);
    struct pawl_lease again;
    assert_err(PAWL_E_HELD, t_lease(f, f->store, "app", 0, &again));
    second->ops->close(second);
    assert_ok(f, t_lease(f, f->store, "app", 0, &again));
    t_epoch(f, 3, again.epoch);
    assert_fenced(f);
}

static void test_second_process_fences(void **state) {
    struct fixture *f = *state;
    char line[64] = "";
    struct pawl_lease again;
    if (!f->kind->shared) skip();
    fence_start(f);
    char *argv[] = {"test", "hold", f->path, NULL};
    int out, status;
    pid_t child = t_spawn(argv, &out);
    assert_true(read(out, line, sizeof line - 1) > 0);
    assert_int_equal(atoi(line), PAWL_E_HELD);
    close(out);
    waitpid(child, &status, 0);

    assert_ok(f, f->store->ops->release(f->store, &f->lease, &f->error));
    child = t_spawn(argv, &out);
    memset(line, 0, sizeof line);
    assert_true(read(out, line, sizeof line - 1) > 0);
    assert_true(strncmp(line, "0 ", 2) == 0);
    t_epoch(f, 2, strtoull(line + 2, NULL, 10));
    assert_err(PAWL_E_HELD, t_lease(f, f->store, "app", 0, &again));
    assert_text(f, "the other process");
    assert_fenced(f);

    // A killed owner's lease is free at once, or when its time is over.
    kill(child, SIGKILL);
    waitpid(child, &status, 0);
    if (f->store->caps.expires) sleep(2 * SUITE_TTL / PAWL_SECOND);
    assert_ok(f, t_lease(f, f->store, "app", 0, &again));
    t_epoch(f, 3, again.epoch);
    close(out);
}

static void test_trim(void **state) {
    struct fixture *f = *state;
    fixture_lease(f);
    for (uint64_t i = 1; i <= 5; i++) assert_ok(f, t_append(f, i, "x"));
    assert_ok(f, t_commit(f, &(struct pawl_part){.lease = &f->lease, .trim_to = 3}, NULL));
    assert_string_equal(t_log(f, f->lease.shard, 0), "4=x 5=x ");
    assert_string_equal(t_log(f, f->lease.shard, 4), "5=x ");
    assert_ok(f, t_commit(f, &(struct pawl_part){.lease = &f->lease, .trim_to = 2}, NULL));
    assert_string_equal(t_log(f, f->lease.shard, 0), "4=x 5=x ");
    assert_err(PAWL_E_INTERNAL,
               t_commit(f, &(struct pawl_part){.lease = &f->lease, .trim_to = 6}, NULL));

    // A batch can be appended and trimmed at once; positions go on after it.
    struct pawl_batch batch = {6, PAWL_STR("y")};
    assert_ok(f, t_commit(f, &(struct pawl_part){.lease = &f->lease, .batch = &batch, .trim_to = 6},
                          NULL));
    assert_string_equal(t_log(f, f->lease.shard, 0), "");
    assert_err(PAWL_E_INTERNAL, t_append(f, 6, "x"));
    assert_err(PAWL_E_INTERNAL, t_append(f, 1, "x"));
    if (f->kind->shared)
        fixture_reopen(f);
    else
        assert_ok(f, f->store->ops->release(f->store, &f->lease, &f->error));
    fixture_lease(f);
    assert_int_equal(f->lease.position, 6);
    assert_ok(f, t_append(f, 7, "z"));
    assert_string_equal(t_log(f, f->lease.shard, 0), "7=z ");
}

static void test_reopening(void **state) {
    struct fixture *f = *state;
    if (!f->kind->shared) skip();
    struct pawl_snapshot row = t_snapshot("i", "state", "history"), out;
    fixture_lease(f);
    assert_ok(f, t_append(f, 1, "a"));
    assert_ok(f, t_put(f, &row));
    fixture_reopen(f);
    fixture_lease(f);
    t_epoch(f, 2, f->lease.epoch);
    assert_int_equal(f->lease.position, 1);
    assert_string_equal(t_log(f, f->lease.shard, 0), "1=a ");
    assert_ok(f, t_load(f, "i", &out));
    assert_str("state", out.state);
    assert_str("history", out.history);
}

static enum pawl_err stop_reading(void *arg, const struct pawl_batch *batch,
                                  struct pawl_error *error) {
    ++*(int *)arg;
    return pawl__fail(error, PAWL_E_CANCELED, "enough");
}

static void test_callback_stops(void **state) {
    struct fixture *f = *state;
    int calls = 0;
    fixture_lease(f);
    assert_ok(f, t_append(f, 1, "a"));
    assert_ok(f, t_append(f, 2, "b"));
    for (int i = 1; i <= 2; i++) {
        assert_err(PAWL_E_CANCELED, f->store->ops->read_log(f->store, f->lease.shard, 0,
                                                            stop_reading, &calls, &f->error));
        assert_string_equal(f->error.text, "enough");
        assert_int_equal(calls, i);
    }
    assert_string_equal(t_log(f, f->lease.shard, 0), "1=a 2=b ");
}

static enum pawl_err load_while_reading(void *arg, const struct pawl_batch *batch,
                                        struct pawl_error *error) {
    struct fixture *f = arg;
    struct pawl_snapshot out;
    struct pawl_state_value value;
    assert_ok(f, t_load(f, "i", &out));
    assert_ok(f, f->store->ops->get_state(f->store, PAWL_STR("k"), &f->arena, &value, &f->error));
    assert_str("records", batch->records);
    return PAWL_OK;
}

static void test_callback_loads(void **state) {
    struct fixture *f = *state;
    struct pawl_snapshot row = t_snapshot("i", "s", "h");
    fixture_lease(f);
    assert_ok(f, t_append(f, 1, "records"));
    assert_ok(f, t_append(f, 2, "records"));
    assert_ok(f, t_put(f, &row));
    assert_ok(
        f, f->store->ops->read_log(f->store, f->lease.shard, 0, load_while_reading, f, &f->error));
    assert_ok(f, t_append(f, 3, "c"));
    assert_string_equal(t_log(f, f->lease.shard, 2), "3=c ");
}

static void test_commit_needs_a_lease(void **state) {
    struct fixture *f = *state;
    struct pawl_batch batch = {1, PAWL_STR("a")};
    assert_err(PAWL_E_INTERNAL, t_commit(f, &(struct pawl_part){.batch = &batch}, NULL));
    assert_err(PAWL_E_INTERNAL, t_commit(f, &(struct pawl_part){.trim_to = 1}, NULL));
    assert_ok(f, t_commit(f, NULL, NULL));
    assert_ok(f, f->store->ops->tend(f->store, &f->error));
}

// A reader next to the committing thread sees whole commits only, and each that has returned.
struct two_threads {
    struct fixture *f;
    uint64_t committed; // atomic
};

static void *commit_in_a_thread(void *arg) {
    struct two_threads *both = arg;
    struct pawl_store *store = both->f->store;
    struct pawl_error error;
    for (uint64_t i = 1; i <= 300; i++) {
        char text[24];
        snprintf(text, sizeof text, "%llu", (unsigned long long)i);
        struct pawl_batch batch = {i, pawl__str(text)};
        struct pawl_snapshot row = t_snapshot("i", text, text);
        row.position = i;
        struct pawl_part part = {
            .lease = &both->f->lease, .batch = &batch, .snapshots = &row, .snapshot_count = 1};
        const struct pawl_commit commit = {.parts = &part};
        if (store->ops->commit(store, &commit, &error) != PAWL_COMMIT_DONE || part.result.code ||
            store->ops->tend(store, &error))
            break;
        __atomic_store_n(&both->committed, i, __ATOMIC_RELEASE);
    }
    return NULL;
}

static enum pawl_err count_batch(void *arg, const struct pawl_batch *batch,
                                 struct pawl_error *error) {
    *(uint64_t *)arg = batch->position;
    return PAWL_OK;
}

static void test_two_threads(void **state) {
    struct fixture *f = *state;
    struct two_threads both = {f, 0};
    pthread_t thread;
    uint64_t committed = 0;
    fixture_lease(f);
    assert_int_equal(pthread_create(&thread, NULL, commit_in_a_thread, &both), 0);
    while (committed < 300) {
        uint64_t last = 0;
        struct pawl_snapshot row;
        char text[24];
        committed = __atomic_load_n(&both.committed, __ATOMIC_ACQUIRE);
        assert_ok(
            f, f->store->ops->read_log(f->store, f->lease.shard, 0, count_batch, &last, &f->error));
        assert_true(last >= committed);
        if (committed == 0) continue;
        assert_ok(f, t_load(f, "i", &row));
        assert_true(row.position >= last);
        snprintf(text, sizeof text, "%llu", (unsigned long long)row.position);
        assert_str(text, row.state);
        assert_str(text, row.history);
        pawl__arena_reset(&f->arena);
    }
    pthread_join(thread, NULL);
}

int suite_log(void) {
#define T(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
    const struct CMUnitTest tests[] = {
        T(test_first_lease),
        T(test_append_and_read),
        T(test_positions_are_consecutive),
        T(test_shards_are_apart),
        T(test_lease_is_exclusive),
        T(test_old_lease_is_fenced),
        T(test_second_store_fences),
        T(test_second_process_fences),
        T(test_trim),
        T(test_reopening),
        T(test_callback_stops),
        T(test_callback_loads),
        T(test_commit_needs_a_lease),
        T(test_two_threads),
    };
#undef T
    return cmocka_run_group_tests_name("leases and the log", tests, NULL, NULL);
}
