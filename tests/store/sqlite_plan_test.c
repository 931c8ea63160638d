// What SQLite does for lists and counts. Each statement of theirs goes by an index. What is said to
// be quick takes as many steps of SQLite's machine among many instances as among few, wherever in
// the order a page is; so does a page that may look at so many only. A step is a thing of SQLite's,
// and no other program changes their number.

#include "suite.h"

#include <stdio.h>

#include "store/sqlite/internal.h"
#include "wire/columns.h"

enum {
    FEW = 11000, // of each of five names more than are ever sorted
    MANY = 33000,
    SCAN = 1000, // that a page looks at
    TEXT = 4096
};

static struct pawl_snapshot make(struct fixture *f, int number, int count) {
    static const char *const names[] = {"order", "payment", "shipment", "refund", "invoice"};
    struct pawl_buf tags = {0};
    struct pawl_snapshot row =
        t_snapshot(pawl__arena_format(&f->arena, "%s-%05d", names[number % 5], number), "s", "h");
    int rare = number % (count / 50); // fifty of them, however many there are
    pawl__tags_add(&tags, PAWL_STR("team"), number % 2 ? PAWL_STR("red") : PAWL_STR("blue"));
    row.tags = (struct pawl_str){pawl__arena_dup(&f->arena, pawl__buf_str(&tags)), tags.len};
    row.name = pawl__str(names[number % 5]);
    row.status = rare == 1 ? 3 : number % 10 < 7 ? 0 : 1;
    row.completed_at = row.status ? number + 2 : 0;
    if (rare == 1) row.failure_type = PAWL_STR("CardDeclined");
    if (rare == 2) row.parent = PAWL_STR("parent");
    if (number % 10 == 4) row.custom_status = PAWL_STR("\"packing\"");
    pawl__buf_finish(&tags);
    return row;
}

// |ties|: how many are of one time.
static void fill(struct fixture *f, int count, int ties) {
    struct pawl_snapshot *rows = pawl__arena_alloc(&f->arena, (size_t)count * sizeof *rows);
    assert_non_null(rows);
    fixture_lease(f);
    for (int i = 0; i < count; i++) {
        rows[i] = make(f, i, count);
        rows[i].created_at = i / ties + 1;
    }
    const struct pawl_part part = {
        .lease = &f->lease, .snapshots = rows, .snapshot_count = (size_t)count};
    struct pawl_part copy = part;
    assert_ok(f, t_commit(f, &copy, NULL));
}

// --- statements ----------------------------------------------------------------------------------

// The statements that were run, each with its NUL.
static int note_statement(unsigned type, void *arg, void *statement, void *text) {
    const char *sql = sqlite3_sql(statement);
    (void)type, (void)text;
    if (strncmp(sql, "SELECT", 6) == 0) pawl__buf_append(arg, sql, strlen(sql) + 1);
    return 0;
}

// Fails unless each of |statements| looks for what it reads by an index, and none sorts but what is
// few: what an index of few entries gave.
static void assert_plans(sqlite3 *db, const struct pawl_buf *statements, const char *name) {
    for (size_t at = 0; at < statements->len;) {
        const char *sql = (const char *)statements->data + at;
        char explain[TEXT];
        sqlite3_stmt *plan;
        bool few = strstr(sql, "autoindex_pawl_instance_1") || strstr(sql, "_parent") ||
                   strstr(sql, "_rare");
        at += strlen(sql) + 1;
        assert_true(snprintf(explain, sizeof explain, "EXPLAIN QUERY PLAN %s", sql) < TEXT);
        assert_int_equal(sqlite3_prepare_v2(db, explain, -1, &plan, NULL), SQLITE_OK);
        while (sqlite3_step(plan) == SQLITE_ROW) {
            const char *step = (const char *)sqlite3_column_text(plan, 3);
            bool sorts = strstr(step, "TEMP B-TREE"), scans = strncmp(step, "SCAN", 4) == 0;
            bool inner = strncmp(step, "SCAN (subquery", 14) == 0;
            if ((sorts && !few) || (scans && !inner)) fail_msg("%s: %s\n%s", name, step, sql);
        }
        sqlite3_finalize(plan);
    }
}

// --- calls ---------------------------------------------------------------------------------------

struct call {
    const char *name;
    struct pawl_query query;
    bool counts;
    bool looks_at_all; // it takes longer where there are more
    size_t found;      // of MANY, with a limit of 100
};

#define T(text) PAWL_STR("\x1e" text)
#define NEWEST  .order = PAWL_ORDER_NEWEST, .limit = 100
static const struct call calls[] = {
    {"all", {NEWEST}, .found = 100},
    {"oldest", {.order = PAWL_ORDER_OLDEST, .limit = 100}, .found = 100},
    {"deep", {NEWEST, .after_created = FEW / 2, .after_id = PAWL_STR("x")}, .found = 100},
    {"status", {NEWEST, .statuses = 1}, .found = 100},
    {"rare status", {NEWEST, .statuses = 1 << 3}, .found = 50},
    {"no such status", {NEWEST, .statuses = 1 << 7}, .found = 0},
    {"name", {NEWEST, .name = PAWL_STR("order")}, .found = 100},
    {"no such name", {NEWEST, .name = PAWL_STR("nobody")}, .found = 0},
    {"name and status", {NEWEST, .name = PAWL_STR("order"), .statuses = 2}, .found = 0},
    {"created", {NEWEST, .created_from = 1000, .created_before = 1050}, .found = 50},
    {"ended", {NEWEST, .ended_from = 1}, .found = 100},
    {"one id", {NEWEST, .id_prefix = PAWL_STR("order-00005")}, .found = 1},
    {"ids", {NEWEST, .id_prefix = PAWL_STR("order-")}, .found = 100},
    {"parent", {NEWEST, .parent = PAWL_STR("parent")}, .found = 50},
    {"failure", {NEWEST, .failure_type = PAWL_STR("CardDeclined")}, .found = 50},
    {"tag",
     {NEWEST, .tag = T("team\x1f"
                       "red\x1e")},
     .found = 100},
    {"no such tag", {NEWEST, .tag = T("vip\x1f")}, .found = 0},
    {"custom status", {NEWEST, .custom_status = PAWL_STR("pack")}, .found = 100},
    {"no such custom status", {NEWEST, .custom_status = PAWL_STR("none")}, .found = 0},
    {"count", {.limit = 0}, true, .found = MANY},
    {"count of a name", {.name = PAWL_STR("order"), .statuses = 1}, true, .found = 2 * MANY / 10},
    {"count of a tag",
     {.tag = T("team\x1f"
               "red\x1e")},
     true,
     .found = MANY / 2},
    {"count of a tag's name",
     {.tag = T("team\x1f"), .name = PAWL_STR("order")},
     true,
     .found = MANY / 5},
    {"count of what is said", {.custom_status = PAWL_STR("pack")}, true, .found = MANY / 10},
    {"count of children", {.parent = PAWL_STR("parent")}, true, .found = 50},
    {"count of failures", {.failure_type = PAWL_STR("CardDeclined")}, true, .found = 50},
    {"count of an id", {.id_prefix = PAWL_STR("order-00005")}, true, .found = 1},
    {"count of the created", {.created_from = 1000, .created_before = 1050}, true, .found = 50},
    {"count of ids", {.id_prefix = PAWL_STR("order-")}, true, true, .found = MANY / 5},
    {"count of the ended", {.ended_from = 1}, true, true, .found = 3 * MANY / 10 + 50},
};
enum {
    CALLS = sizeof calls / sizeof *calls
};

static int note_step(void *arg) {
    ++*(size_t *)arg;
    return 0;
}

static enum pawl_err note_row(void *arg, const struct pawl_snapshot *row,
                              struct pawl_error *error) {
    (void)row, (void)error;
    ++*(size_t *)arg;
    return PAWL_OK;
}

static enum pawl_err note_count(void *arg, struct pawl_str name, int32_t status, uint64_t count,
                                struct pawl_error *error) {
    (void)name, (void)status, (void)error;
    *(size_t *)arg += count;
    return PAWL_OK;
}

// How many steps a call takes.
static size_t run(struct fixture *f, const struct call *call, size_t *found) {
    struct pawl_sqlite *store = (struct pawl_sqlite *)f->store;
    const struct pawl_store_ops *ops = f->store->ops;
    struct pawl_scan scan = {.most = SCAN, .arena = &f->arena};
    struct pawl_query query = call->query;
    struct pawl_buf statements = {0};
    size_t steps = 0;
    *found = 0;
    if (!call->counts) query.scan = &scan;
    sqlite3_trace_v2(store->reader, SQLITE_TRACE_STMT, note_statement, &statements);
    sqlite3_progress_handler(store->reader, 1, note_step, &steps);
    assert_ok(f, call->counts
                     ? ops->count(f->store, f->lease.shard, &query, note_count, found, &f->error)
                     : ops->query(f->store, f->lease.shard, &query, note_row, found, &f->error));
    sqlite3_trace_v2(store->reader, 0, NULL, NULL);
    sqlite3_progress_handler(store->reader, 0, NULL, NULL);
    assert_true(statements.len);
    assert_plans(store->reader, &statements, call->name);
    pawl__buf_finish(&statements);
    return steps;
}

static void test_steps(void **state) {
    struct fixture *f = *state;
    size_t few[CALLS], found;
    fill(f, FEW, 1);
    for (size_t i = 0; i < CALLS; i++) few[i] = run(f, &calls[i], &found);
    fixture_teardown(state);
    assert_int_equal(fixture_setup(state), 0);
    f = *state;
    fill(f, MANY, 1);
    for (size_t i = 0; i < CALLS; i++) {
        size_t many = run(f, &calls[i], &found);
        print_message("%-24s %8zu %8zu\n", calls[i].name, few[i], many);
        if (found != calls[i].found)
            fail_msg("%s: %zu, not %zu", calls[i].name, found, calls[i].found);
        bool grows = many > few[i] + few[i] / 4 + 100;
        if (grows != calls[i].looks_at_all)
            fail_msg("%s: %zu steps, and %zu of three times as many", calls[i].name, few[i], many);
    }
}

// A count that is made in parts looks at each instance twice: for where a part ends, and for what
// is in it.
static void test_parts(void **state) {
    static const struct {
        int ties;
        size_t steps; // at most, for an instance
    } all[] = {{1, 9}, {10, 9}, {2500, 25}};
    const struct call ended = {"parts", {.ended_from = 1}, true};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        struct fixture *f = *state;
        struct pawl_scan scan = {.most = SCAN, .arena = &f->arena};
        struct call part = ended;
        size_t found = 0, steps = 0, parts = 0, one;
        fill(f, MANY, all[i].ties);
        part.query.order = PAWL_ORDER_OLDEST;
        part.query.scan = &scan;
        do {
            steps += run(f, &part, &one);
            found += one;
            parts++;
            part.query.after_created = scan.created_at;
            part.query.after_id = scan.id;
        } while (scan.stopped);
        print_message("%d of a time: %zu parts, %.1f steps an instance\n", all[i].ties, parts,
                      (double)steps / MANY);
        assert_int_equal(found, 3 * MANY / 10 + 50);
        assert_in_range(parts, MANY / SCAN / 2, MANY / SCAN + 1);
        assert_true(steps <= all[i].steps * MANY);
        fixture_teardown(state);
        assert_int_equal(fixture_setup(state), 0);
    }
}

int main(void) {
    fixture_kind = &t_sqlite;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_steps, fixture_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_parts, fixture_setup, fixture_teardown)};
    return cmocka_run_group_tests_name("plans", tests, NULL, NULL);
}
