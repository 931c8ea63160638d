#include "suite.h"

#include <stdio.h>
#include <stdlib.h>

#include "store/many.h"

static void test_columns(void **state) {
    struct fixture *f = *state;
    struct pawl_snapshot out, row = {.id = PAWL_STR("order-\0-\xc3\xa4"),
                                     .position = 77,
                                     .name = PAWL_STR("Order"),
                                     .status = 3,
                                     .created_at = 1700000000123456789,
                                     .updated_at = 1700000001123456789,
                                     .completed_at = 1700000002123456789,
                                     .parent = PAWL_STR("par\0ent"),
                                     .tags = PAWL_STR("\x1ek\x1fv\x1e"),
                                     .custom_status = PAWL_STR("\"half\""),
                                     .failure_type = PAWL_STR("Type"),
                                     .wake_at = INT64_MIN,
                                     .active = true,
                                     .state = PAWL_STR("st\0ate"),
                                     .history = PAWL_STR("hi\0story")};
    fixture_lease(f);
    assert_ok(f, t_put(f, &row));
    assert_ok(f, f->store->ops->load(f->store, f->lease.shard, row.id, &f->arena, &out, &f->error));
    assert_true(pawl__str_equal(out.id, row.id));
    assert_int_equal(out.position, row.position);
    assert_str("Order", out.name);
    assert_int_equal(out.status, row.status);
    assert_int_equal(out.created_at, row.created_at);
    assert_int_equal(out.updated_at, row.updated_at);
    assert_int_equal(out.completed_at, row.completed_at);
    assert_true(pawl__str_equal(out.parent, row.parent));
    assert_true(pawl__str_equal(out.tags, row.tags));
    assert_true(pawl__str_equal(out.custom_status, row.custom_status));
    assert_true(pawl__str_equal(out.failure_type, row.failure_type));
    assert_true(out.wake_at == INT64_MIN);
    assert_true(out.active);
    assert_true(pawl__str_equal(out.state, row.state));
    assert_true(pawl__str_equal(out.history, row.history));
    assert_int_equal(out.history_from, 0);
    assert_err(PAWL_E_NOT_FOUND, t_load(f, "order-", &out));
    assert_err(PAWL_E_NOT_FOUND, f->store->ops->load(f->store, f->lease.shard + 1, row.id,
                                                     &f->arena, &out, &f->error));
}

enum {
    IDS = 150,
    SEEN_LAST = IDS - 1
};

static enum pawl_err count_row(void *arg, size_t index, const struct pawl_snapshot *row,
                               struct pawl_error *error) {
    size_t *seen = arg;
    char expected[24];
    int64_t number;
    assert_true(row->id.len == 5);
    assert_true(pawl__str_to_int((struct pawl_str){row->id.data + 1, 4}, 0, 9999, &number));
    assert_true(number % 3 == 0 || number == 9999); // the others are not there
    assert_int_equal(index, number == 9999 ? SEEN_LAST : number);
    snprintf(expected, sizeof expected, "state %d", (int)number);
    assert_str(expected, row->state);
    assert_str(number % 2 ? "ab" : "cde", row->history);
    assert_str("Order", row->name);
    seen[number]++;
    return number == 9999 ? PAWL_E_CANCELED : PAWL_OK;
}

// Many at once, of two shards, more than a page of them: each that is there, once and whole.
static void test_load_many(void **state) {
    struct fixture *f = *state;
    static char bytes[IDS][24];
    struct pawl_place places[IDS];
    size_t seen[10000] = {0};
    fixture_lease(f);
    for (int i = 0; i < IDS; i++) {
        char text[24];
        snprintf(bytes[i], sizeof bytes[i], "i%04d", i == IDS - 1 ? 9999 : i);
        places[i] = (struct pawl_place){f->lease.shard, pawl__str(bytes[i])};
        if (i % 3 && i != IDS - 1) continue;
        snprintf(text, sizeof text, "state %d", i == IDS - 1 ? 9999 : i);
        struct pawl_snapshot row = t_snapshot(bytes[i], text, i % 2 ? "a" : "cde");
        assert_ok(f, t_put(f, &row));
        if (i % 2 == 0) continue;
        row.history = PAWL_STR("b");
        row.history_from = 1;
        assert_ok(f, t_put(f, &row));
    }
    assert_ok(f, pawl__store_load_many(f->store, places, IDS - 1, count_row, seen, &f->error));
    for (size_t i = 0; i < IDS - 1; i++) assert_int_equal(seen[i], i % 3 == 0);
    assert_ok(f, pawl__store_load_many(f->store, places, 0, count_row, seen, &f->error));
    assert_err(PAWL_E_CANCELED,
               pawl__store_load_many(f->store, places, IDS, count_row, seen, &f->error));
    for (size_t i = 0; i < IDS; i += 2) places[i].shard++; // where there are none of them
    memset(seen, 0, sizeof seen);
    assert_ok(f, pawl__store_load_many(f->store, places, IDS - 1, count_row, seen, &f->error));
    for (size_t i = 0; i < IDS - 1; i++) assert_int_equal(seen[i], i % 3 == 0 && i % 2);
}

static void put_history(struct fixture *f, uint32_t from, const char *history) {
    struct pawl_snapshot row = t_snapshot("i", "s", history);
    row.history_from = from;
    assert_ok(f, t_put(f, &row));
}

static void assert_history(struct fixture *f, const char *expected) {
    struct pawl_snapshot out;
    assert_ok(f, t_load(f, "i", &out));
    assert_str(expected, out.history);
}

static void test_history_parts(void **state) {
    struct fixture *f = *state;
    fixture_lease(f);
    put_history(f, 0, "ab");
    put_history(f, 2, "cd");
    assert_history(f, "abcd");
    put_history(f, 4, "");
    assert_history(f, "abcd");
    put_history(f, 4, "e");
    assert_history(f, "abcde");
    put_history(f, 4, "E"); // a part may be written again
    assert_history(f, "abcdE");
    put_history(f, 2, "C");
    assert_history(f, "abC");
    put_history(f, 0, "xyz"); // a new generation
    assert_history(f, "xyz");
    put_history(f, 3, "!");
    assert_history(f, "xyz!");
    put_history(f, 0, "");
    assert_history(f, "");
    put_history(f, 0, "again");
    if (f->kind->shared) fixture_reopen(f);
    assert_history(f, "again");
}

static void test_history_needs_its_beginning(void **state) {
    struct fixture *f = *state;
    struct pawl_snapshot out, rows[] = {t_snapshot("a", "s", "h"), t_snapshot("i", "s", "h")};
    rows[1].history_from = 5;
    fixture_lease(f);
    struct pawl_part commit = {.lease = &f->lease, .snapshots = rows, .snapshot_count = 2};
    assert_err(PAWL_E_INTERNAL, t_commit(f, &commit, NULL));
    assert_text(f, "event 5");
    assert_err(PAWL_E_NOT_FOUND, t_load(f, "a", &out));
    assert_err(PAWL_E_NOT_FOUND, t_load(f, "i", &out));
    rows[1].history_from = 0;
    assert_ok(f, t_commit(f, &commit, NULL));
    assert_ok(f, t_load(f, "a", &out));
}

static void test_delete(void **state) {
    struct fixture *f = *state;
    struct pawl_snapshot out, row = t_snapshot("i", "new", "new");
    struct pawl_str ids[] = {PAWL_STR("nobody"), PAWL_STR("i")};
    struct pawl_part commit = {.lease = &f->lease, .deletes = ids, .delete_count = 2};
    fixture_lease(f);
    put_history(f, 0, "old");
    put_history(f, 3, "more");
    assert_ok(f, t_commit(f, &commit, NULL));
    assert_err(PAWL_E_NOT_FOUND, t_load(f, "i", &out));
    put_history(f, 0, "new");
    assert_history(f, "new");

    // In one commit, deletes come before puts.
    put_history(f, 3, "more");
    commit.snapshots = &row;
    commit.snapshot_count = 1;
    assert_ok(f, t_commit(f, &commit, NULL));
    assert_history(f, "new");
    assert_ok(f, t_load(f, "i", &out));
    assert_str("new", out.state);

    // And then there is no history to go on with.
    row.history_from = 3;
    assert_err(PAWL_E_INTERNAL, t_commit(f, &commit, NULL));
    assert_history(f, "new");
}

static enum pawl_err note_live(void *arg, const struct pawl_snapshot *row,
                               struct pawl_error *error) {
    assert_int_equal(row->state.len, 0);
    assert_int_equal(row->history.len, 0);
    assert_str("Order", row->name);
    pawl__buf_format(arg, "%.*s:%d:%d ", PAWL_FMT(row->id), row->active, row->wake_at == INT64_MAX);
    return PAWL_OK;
}

// The live rows as text; the order is the store's, so at most two are expected.
static void assert_live(struct fixture *f, uint64_t shard, const char *expected,
                        const char *or_expected) {
    struct pawl_buf text = {0};
    assert_ok(f, f->store->ops->scan_live(f->store, shard, note_live, &text, &f->error));
    struct pawl_str got = pawl__buf_str(&text);
    if (!pawl__str_equal(got, pawl__str(expected)) && !pawl__str_equal(got, pawl__str(or_expected)))
        fail_msg("live: %.*s, not %s", PAWL_FMT(got), expected);
    pawl__buf_finish(&text);
}

static void test_scan_live(void **state) {
    struct fixture *f = *state;
    struct pawl_snapshot rows[] = {t_snapshot("busy", "s", "h"), t_snapshot("idle", "s", "h"),
                                   t_snapshot("timer", "s", "h")};
    rows[0].active = true;
    rows[2].wake_at = 12345;
    fixture_lease(f);
    assert_live(f, f->lease.shard, "", "");
    struct pawl_part commit = {.lease = &f->lease, .snapshots = rows, .snapshot_count = 3};
    assert_ok(f, t_commit(f, &commit, NULL));
    assert_live(f, f->lease.shard, "busy:1:1 timer:0:0 ", "timer:0:0 busy:1:1 ");
    assert_live(f, f->lease.shard + 1, "", "");
    rows[0].active = false;
    assert_ok(f, t_put(f, &rows[0]));
    assert_live(f, f->lease.shard, "timer:0:0 ", "");
    struct pawl_str id = PAWL_STR("timer");
    assert_ok(
        f, t_commit(f, &(struct pawl_part){.lease = &f->lease, .deletes = &id, .delete_count = 1},
                    NULL));
    assert_live(f, f->lease.shard, "", "");
}

static enum pawl_err note_plain_id(void *arg, struct pawl_str id, struct pawl_error *error) {
    pawl__buf_format(arg, "%.*s ", PAWL_FMT(id));
    return pawl__str_equal(id, PAWL_STR("stop")) ? pawl__fail(error, PAWL_E_CANCELED, "enough")
                                                 : PAWL_OK;
}

static void assert_ids(struct fixture *f, uint64_t shard, const char *after, size_t limit,
                       enum pawl_err outcome, const char *expected) {
    struct pawl_buf text = {0};
    assert_int_equal(f->store->ops->ids(f->store, shard, pawl__str(after), limit, note_plain_id,
                                        &text, &f->error),
                     outcome);
    assert_str(expected, pawl__buf_str(&text));
    pawl__buf_finish(&text);
}

static void test_ids(void **state) {
    struct fixture *f = *state;
    if (!f->store->ops->ids) return;
    struct pawl_snapshot rows[] = {t_snapshot("b", "s", "h"), t_snapshot("a", "s", "h"),
                                   t_snapshot("B", "s", "h"), t_snapshot("\xc3\xa9", "s", "h"),
                                   t_snapshot("ab", "s", "h")};
    fixture_lease(f);
    assert_ids(f, f->lease.shard, "", 9, PAWL_OK, "");
    struct pawl_part commit = {.lease = &f->lease, .snapshots = rows, .snapshot_count = 5};
    assert_ok(f, t_commit(f, &commit, NULL));
    assert_ids(f, f->lease.shard, "", 9, PAWL_OK, "B a ab b \xc3\xa9 ");
    assert_ids(f, f->lease.shard, "", 2, PAWL_OK, "B a ");
    assert_ids(f, f->lease.shard, "a", 2, PAWL_OK, "ab b ");
    assert_ids(f, f->lease.shard, "aa", 1, PAWL_OK, "ab ");
    assert_ids(f, f->lease.shard, "\xc3\xa9", 1, PAWL_OK, "");
    assert_ids(f, f->lease.shard + 1, "", 9, PAWL_OK, "");
    rows[0] = t_snapshot("stop", "s", "h");
    assert_ok(f, t_put(f, &rows[0]));
    assert_ids(f, f->lease.shard, "b", 9, PAWL_E_CANCELED, "stop ");
    struct pawl_str id = PAWL_STR("a");
    assert_ok(
        f, t_commit(f, &(struct pawl_part){.lease = &f->lease, .deletes = &id, .delete_count = 1},
                    NULL));
    assert_ids(f, f->lease.shard, "", 2, PAWL_OK, "B ab ");
}

static enum pawl_err note_id(void *arg, const struct pawl_snapshot *row, struct pawl_error *error) {
    pawl__buf_format(arg, "%.*s ", PAWL_FMT(row->id));
    return PAWL_OK;
}

// The ids after |after| as text.
static void assert_list(struct fixture *f, struct pawl_str after, size_t limit,
                        const char *expected) {
    struct pawl_buf text = {0};
    const struct pawl_query query = {.after_id = after, .limit = limit};
    assert_ok(f, f->store->ops->query(f->store, f->lease.shard, &query, note_id, &text, &f->error));
    assert_str(expected, pawl__buf_str(&text));
    pawl__buf_finish(&text);
}

static void test_list(void **state) {
    struct fixture *f = *state;
    // In the order of their bytes, which no language shares.
    struct pawl_snapshot rows[] = {
        t_snapshot("b", "s", "h"),        t_snapshot("B", "s", "h"),  t_snapshot("a", "s", "h"),
        t_snapshot("\xc3\xa4", "s", "h"), t_snapshot("ab", "s", "h"), t_snapshot("a-b", "s", "h"),
        t_snapshot("z", "s", "h"),
    };
    fixture_lease(f);
    assert_list(f, PAWL_STR(""), 10, "");
    struct pawl_part commit = {.lease = &f->lease, .snapshots = rows, .snapshot_count = 7};
    assert_ok(f, t_commit(f, &commit, NULL));
    assert_list(f, PAWL_STR(""), 10, "B a a-b ab b z \xc3\xa4 ");
    assert_list(f, (struct pawl_str){0}, 7, "B a a-b ab b z \xc3\xa4 ");
    assert_list(f, PAWL_STR(""), 1, "B ");
    assert_list(f, PAWL_STR("a"), 2, "a-b ab ");
    assert_list(f, PAWL_STR("a\0"), 2, "a-b ab ");
    assert_list(f, PAWL_STR("aa"), 2, "ab b "); // which there is not
    assert_list(f, PAWL_STR("z"), 5, "\xc3\xa4 ");
    assert_list(f, PAWL_STR("\xc3\xa4"), 5, "");
    struct pawl_str id = PAWL_STR("ab");
    assert_ok(
        f, t_commit(f, &(struct pawl_part){.lease = &f->lease, .deletes = &id, .delete_count = 1},
                    NULL));
    assert_list(f, PAWL_STR("a"), 2, "a-b b ");
    f->lease.shard++;
    assert_list(f, PAWL_STR(""), 10, "");
}

static void test_shards_have_their_own(void **state) {
    struct fixture *f = *state;
    struct pawl_snapshot out, row = t_snapshot("i", "first", "h");
    fixture_lease(f);
    assert_ok(f, t_put(f, &row));
    assert_ok(f, t_lease(f, f->store, "app", 1, &f->lease));
    assert_err(PAWL_E_NOT_FOUND, t_load(f, "i", &out));
    row.state = PAWL_STR("second");
    assert_ok(f, t_put(f, &row));
    f->lease.shard--;
    assert_ok(f, t_load(f, "i", &out));
    assert_str("first", out.state);
}

struct ordered {
    struct pawl_arena *arena;
    struct pawl_str last;
    size_t count;
};

static enum pawl_err note_order(void *arg, const struct pawl_snapshot *row,
                                struct pawl_error *error) {
    struct ordered *seen = arg;
    assert_true(pawl__str_compare(seen->last, row->id) < 0);
    seen->last = (struct pawl_str){pawl__arena_dup(seen->arena, row->id), row->id.len};
    seen->count++;
    return PAWL_OK;
}

static void test_many_and_large(void **state) {
    struct fixture *f = *state;
    enum {
        SIZE = 3 << 20,
        COUNT = 1000
    };
    struct pawl_snapshot out;
    char *bytes = malloc(SIZE), id[16];
    assert_non_null(bytes);
    for (size_t i = 0; i < SIZE; i++) bytes[i] = (char)(i * 2654435761u >> 13);
    struct pawl_snapshot row = t_snapshot("large", "", "");
    row.state = row.history = (struct pawl_str){bytes, SIZE};
    struct pawl_batch batch = {1, {bytes, SIZE}};
    fixture_lease(f);
    assert_ok(
        f,
        t_commit(f,
                 &(struct pawl_part){
                     .lease = &f->lease, .batch = &batch, .snapshots = &row, .snapshot_count = 1},
                 NULL));
    assert_ok(f, t_load(f, "large", &out));
    assert_true(pawl__str_equal(out.state, row.state));
    assert_true(pawl__str_equal(out.history, row.history));

    struct pawl_snapshot *rows = calloc(COUNT, sizeof *rows);
    assert_non_null(rows);
    for (size_t i = 0; i < COUNT; i++) {
        snprintf(id, sizeof id, "i-%zu", i);
        rows[i] = t_snapshot(pawl__arena_dup(&f->arena, pawl__str(id)), id, "h");
        rows[i].state = rows[i].id;
    }
    struct pawl_part all = {.lease = &f->lease, .snapshots = rows, .snapshot_count = COUNT};
    assert_ok(f, t_commit(f, &all, NULL));
    for (size_t i = 0; i < COUNT; i += 37) {
        assert_ok(f, t_load(f, rows[i].id.data, &out));
        assert_true(pawl__str_equal(out.state, rows[i].id));
    }
    struct ordered seen = {.arena = &f->arena};
    size_t before;
    do {
        const struct pawl_query query = {.after_id = seen.last, .limit = 70};
        before = seen.count;
        assert_ok(f, f->store->ops->query(f->store, f->lease.shard, &query, note_order, &seen,
                                          &f->error));
    } while (seen.count == before + 70);
    assert_int_equal(seen.count, COUNT + 1);
    free(rows);
    free(bytes);
}

int suite_snapshots(void) {
#define T(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
    const struct CMUnitTest tests[] = {
        T(test_columns),
        T(test_load_many),
        T(test_history_parts),
        T(test_history_needs_its_beginning),
        T(test_delete),
        T(test_scan_live),
        T(test_ids),
        T(test_shards_have_their_own),
        T(test_many_and_large),
        T(test_list),
    };
#undef T
    return cmocka_run_group_tests_name("snapshots", tests, NULL, NULL);
}
