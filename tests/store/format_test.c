// Files of earlier formats: they are read, brought up to date, and what they hold goes on.
//
// data/format-1.db.gz was written by the Pawl of commit 7314e7c, which was killed. App "shop" has
// workflows that are running (at activity "hang"), sleep (for 40 years), wait (for event "go"; one
// of them is the child of another) and have ended, well and badly. Those with -1 are in snapshots,
// those with -2 in the log only. data/format-2.db.gz is the same after a later Pawl, of commit
// a68e66e1, had it: all are in snapshots.

#include "suite.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <zlib.h>

#include "pawl.h"
#include "wire/columns.h"

static void unpack(const char *path, int format) {
    char name[256];
    snprintf(name, sizeof name, DATA_FOLDER "/format-%d.db.gz", format);
    gzFile from = gzopen(name, "rb");
    FILE *to = fopen(path, "wb");
    char bytes[4096];
    int len;
    assert_non_null(from);
    assert_non_null(to);
    while ((len = gzread(from, bytes, sizeof bytes)) > 0)
        assert_int_equal(fwrite(bytes, 1, (size_t)len, to), len);
    assert_int_equal(len, 0);
    gzclose(from);
    assert_int_equal(fclose(to), 0);
}

static int setup_with(void **state, int format) {
    int rc = fixture_setup(state);
    struct fixture *f = *state;
    f->store->ops->close(f->store);
    f->store = NULL;
    unpack(f->path, format);
    return rc;
}

static int format_setup(void **state) {
    return setup_with(state, 1);
}

static int format_2_setup(void **state) {
    return setup_with(state, 2);
}

static enum pawl_err note_columns(void *arg, const struct pawl_snapshot *row,
                                  struct pawl_error *error) {
    pawl__buf_format(arg, "%.*s|%.*s|%.*s|%.*s ", PAWL_FMT(row->id), PAWL_FMT(row->parent),
                     PAWL_FMT(row->custom_status), PAWL_FMT(row->failure_type));
    return PAWL_OK;
}

static void assert_columns(struct fixture *f, struct pawl_query query, const char *expected) {
    struct pawl_buf text = {0};
    assert_ok(f, f->store->ops->query(f->store, 1, &query, note_columns, &text, &f->error));
    pawl__buf_append(&text, "", 1);
    assert_string_equal((const char *)text.data, expected);
    pawl__buf_finish(&text);
}

// The columns that format 2 has added are filled by the way.
static void test_columns_are_filled(void **state) {
    struct fixture *f = *state;
    uint32_t shards = 0;
    assert_ok(f, f->kind->open(f->path, &f->store, &f->error));
    assert_columns(f, (struct pawl_query){.id_prefix = PAWL_STR("child")}, "child-1||| ");
    assert_ok(f, f->store->ops->tend(f->store, &f->error));
    assert_columns(f, (struct pawl_query){0},
                   "ended-1||\"packed\"| failing-1|||OutOfStock sleeper-1||| "
                   "waiter-1||\"waits for go\"| running-1||| parent-1||| "
                   "child-1|parent-1|\"waits for go\"| ");
    assert_columns(f, (struct pawl_query){.failure_type = PAWL_STR("OutOfStock")},
                   "failing-1|||OutOfStock ");
    assert_ok(f, f->store->ops->shards(f->store, PAWL_STR("default/shop"), 16, &shards, &f->error));
    assert_int_equal(shards, 1);
    fixture_lease(f);
    fixture_reopen(f);
    assert_columns(f, (struct pawl_query){.parent = PAWL_STR("parent-1")},
                   "child-1|parent-1|\"waits for go\"| ");
}

static enum pawl_err note_count(void *arg, struct pawl_str name, int32_t status, uint64_t count,
                                struct pawl_error *error) {
    pawl__buf_format(arg, "%.*s/%d=%d ", PAWL_FMT(name), (int)status, (int)count);
    return PAWL_OK;
}

static int compare_texts(const void *a, const void *b) {
    return strcmp(*(char *const *)a, *(char *const *)b);
}

// Words are in the order of their bytes afterwards, each with a space behind it.
static void sort_words(char *text) {
    char *words[32], *save, copy[1024];
    size_t count = 0;
    assert_true(strlen(text) < sizeof copy);
    strcpy(copy, text);
    for (char *word = strtok_r(copy, " ", &save); word; word = strtok_r(NULL, " ", &save)) {
        assert_true(count < 32);
        words[count++] = word;
    }
    if (count) qsort(words, count, sizeof *words, compare_texts);
    for (size_t i = 0; i < count; i++) text += sprintf(text, "%s ", words[i]);
}

static void assert_counts_of(struct fixture *f, struct pawl_query query, const char *expected) {
    struct pawl_buf text = {0};
    assert_ok(f, f->store->ops->count(f->store, 1, &query, note_count, &text, &f->error));
    pawl__buf_append(&text, "", 1);
    sort_words((char *)text.data);
    assert_string_equal((const char *)text.data, expected);
    pawl__buf_finish(&text);
}

static void assert_counts(struct fixture *f, const char *expected) {
    assert_counts_of(f, (struct pawl_query){0}, expected);
}

static void assert_say(struct fixture *f, const char *says, const char *expected) {
    assert_counts_of(f, (struct pawl_query){.custom_status = pawl__str(says)}, expected);
}

// A file that was written before there were counts gets them when it is opened, once.
static void test_counts_are_made(void **state) {
    struct fixture *f = *state;
    assert_ok(f, f->kind->open(f->path, &f->store, &f->error));
    for (int open = 0; open < 2; open++) {
        assert_counts(f, "ended/1=1 failing/3=1 parent/0=1 running/0=1 sleeper/0=1 waiter/0=2 ");
        assert_say(f, "waits", open ? "waiter/0=2 " : "");
        assert_ok(f, f->store->ops->tend(f->store, &f->error));
        assert_say(f, "waits", "waiter/0=2 ");
        fixture_reopen(f);
    }
}

static void run_sql(struct fixture *f, const char *sql) {
    sqlite3 *db;
    assert_int_equal(sqlite3_open(f->path, &db), SQLITE_OK);
    if (sqlite3_exec(db, sql, NULL, NULL, NULL)) fail_msg("%s: %s", sql, sqlite3_errmsg(db));
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

static void put_named(struct fixture *f, const char *id, const char *name, int32_t status) {
    struct pawl_snapshot row = t_snapshot(id, "s", "h");
    row.name = pawl__str(name);
    row.status = status;
    assert_ok(f, t_put(f, &row));
}

static const char no_texts[] = "DROP TABLE pawl_text; DROP TRIGGER pawl_text_put; "
                               "DROP TRIGGER pawl_text_change; DROP TRIGGER pawl_text_delete; "
                               "DELETE FROM pawl_meta WHERE key='counted texts'";

// A file that was written before texts were counted gets these counts, too.
static void test_texts_are_counted(void **state) {
    struct fixture *f = *state;
    assert_ok(f, f->kind->open(f->path, &f->store, &f->error));
    assert_ok(f, f->store->ops->tend(f->store, &f->error));
    for (int open = 0; open < 2; open++) {
        run_sql(f, no_texts);
        fixture_reopen(f);
        assert_say(f, "a", "ended/1=1 waiter/0=2 ");
        assert_say(f, "waits", "waiter/0=2 ");
    }
}

static void lease_shop(struct fixture *f) {
    uint32_t shards = 0;
    assert_ok(f, f->store->ops->shards(f->store, PAWL_STR("default/shop"), 16, &shards, &f->error));
    assert_ok(f, t_lease(f, f->store, "default/shop", 0, &f->lease));
    assert_int_equal(f->lease.shard, 1);
}

// A Pawl that leaves the counts to the triggers, on the same file, in turns with this one: what
// either does is counted once.
static void test_others_count(void **state) {
    struct fixture *f = *state;
    assert_ok(f, f->kind->open(f->path, &f->store, &f->error));
    lease_shop(f);
    put_named(f, "waiter-9", "waiter", 0);
    run_sql(f, "UPDATE pawl_instance SET status=1 WHERE name='waiter'");
    put_named(f, "waiter-9", "waiter", 3);
    run_sql(f, "DELETE FROM pawl_instance WHERE name='sleeper';"
               "INSERT INTO pawl_instance(shard, id, position, name, status, created_at, "
               "updated_at, completed_at, wake_at, active, live, state) "
               "VALUES(1, 'new', 1, 'new', 7, 1, 1, 0, 0, 0, 0, x'')");
    assert_counts(f, "ended/1=1 failing/3=1 new/7=1 parent/0=1 running/0=1 waiter/1=2 waiter/3=1 ");
    put_named(f, "new", "newer", 7);
    const struct pawl_str gone[] = {PAWL_STR("waiter-1"), PAWL_STR("ended-1")};
    assert_ok(
        f, t_commit(f, &(struct pawl_part){.lease = &f->lease, .deletes = gone, .delete_count = 2},
                    NULL));
    assert_counts(f, "failing/3=1 newer/7=1 parent/0=1 running/0=1 waiter/1=1 waiter/3=1 ");

    assert_ok(f, f->store->ops->tend(f->store, &f->error));
    assert_say(f, "a", "waiter/1=1 ");
    run_sql(f, "UPDATE pawl_instance SET custom_status='again' WHERE name<>'waiter'");
    assert_say(f, "a", "failing/3=1 newer/7=1 parent/0=1 running/0=1 waiter/1=1 ");
    run_sql(f, "UPDATE pawl_instance SET custom_status='', status=9 WHERE name='parent'");
    run_sql(f, "UPDATE pawl_instance SET status=5 WHERE name='failing'");
    put_named(f, "new", "newest", 7); // says nothing
    run_sql(f, "DELETE FROM pawl_instance WHERE name='waiter'");
    assert_say(f, "a", "failing/5=1 running/0=1 ");
    run_sql(f, "INSERT INTO pawl_instance(shard, id, position, name, status, created_at, "
               "updated_at, completed_at, wake_at, active, live, tags, state) "
               "VALUES(1, 'blue', 1, 'new', 7, 1, 1, 0, 0, 0, 0, 'team', x'')");
    assert_counts_of(f, (struct pawl_query){.tag = PAWL_STR("team")}, "new/7=1 ");
}

// A Pawl that counts by hand, and knows nothing of texts, as one did for a day. It is at work when
// this one opens its file, and goes on writing.
static void test_elder_goes_on(void **state) {
    static const char write[] =
        "INSERT INTO pawl_instance(shard, id, position, name, status, created_at, updated_at, "
        "completed_at, wake_at, active, live, custom_status, filled, state) "
        "VALUES(1, 'elder', 1, 'waiter', 0, 1, 1, 0, 0, 0, 0, 'waits', 1, x'');"
        "UPDATE pawl_count SET count=count+1 WHERE shard=1 AND name='waiter' AND status=0";
    struct fixture *f = *state;
    struct flock lease = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 4097, .l_len = 1};
    char path[sizeof f->path + 8];
    sqlite3 *elder;
    assert_ok(f, f->kind->open(f->path, &f->store, &f->error));
    assert_ok(f, f->store->ops->tend(f->store, &f->error));
    f->store->ops->close(f->store);
    run_sql(f, no_texts);
    snprintf(path, sizeof path, "%s-pawl", f->path);
    int lock = open(path, O_RDWR);
    assert_int_equal(fcntl(lock, F_OFD_SETLK, &lease), 0);
    assert_int_equal(sqlite3_open(f->path, &elder), SQLITE_OK);
    assert_int_equal(sqlite3_db_config(elder, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_exec(elder, "SELECT * FROM pawl_meta", NULL, NULL, NULL), SQLITE_OK);

    assert_ok(f, f->kind->open(f->path, &f->store, &f->error));
    if (sqlite3_exec(elder, write, NULL, NULL, NULL)) fail_msg("%s", sqlite3_errmsg(elder));
    assert_say(f, "waits", "waiter/0=3 ");
    fixture_reopen(f);
    assert_say(f, "waits", "waiter/0=3 ");
    assert_int_equal(sqlite3_close(elder), SQLITE_OK);
    close(lock);
    for (int open = 0; open < 2; open++) {
        fixture_reopen(f);
        assert_say(f, "waits", "waiter/0=3 ");
    }
    run_sql(f, "CREATE TABLE proof(n INTEGER CHECK(n=3)); INSERT INTO proof SELECT sum(count) FROM "
               "pawl_text WHERE instr(text, 'waits')"); // and by what is kept again
}

// A later Pawl opens the file while this one has it open, and adds what is to be counted, too: its
// trigger runs here from then on. One that raises the format ends what this one may write.
static void test_junior_comes(void **state) {
    struct fixture *f = *state;
    assert_ok(f, f->kind->open(f->path, &f->store, &f->error));
    lease_shop(f);
    put_named(f, "waiter-8", "waiter", 0);
    run_sql(f, "CREATE TABLE pawl_owner(id);"
               "CREATE TRIGGER pawl_owner_put AFTER INSERT ON pawl_instance BEGIN "
               "INSERT INTO pawl_owner VALUES(new.id); END");
    put_named(f, "waiter-9", "waiter", 0);
    run_sql(f, "CREATE TABLE proof(n INTEGER CHECK(n=1)); INSERT INTO proof SELECT count(*) FROM "
               "pawl_owner WHERE id='waiter-9'");
    assert_counts(f, "ended/1=1 failing/3=1 parent/0=1 running/0=1 sleeper/0=1 waiter/0=4 ");

    run_sql(f, "ALTER TABLE pawl_instance ADD COLUMN owner TEXT;"
               "UPDATE pawl_meta SET value=4 WHERE key='format'");
    struct pawl_snapshot row = t_snapshot("late", "s", "h");
    assert_int_equal(t_put(f, &row), PAWL_E_FORMAT);
    assert_non_null(strstr(f->error.text, "has format 4, and this Pawl reads up to format 3"));
    run_sql(f, "UPDATE pawl_meta SET value=3 WHERE key='format'");
    assert_ok(f, t_put(f, &row));
}

// Rows that an earlier Pawl wrote are read beside those of today, which are compressed. Who has the
// file open with an earlier Pawl is told by the version of its tables.
static void test_rows_are_compressed(void **state) {
    struct fixture *f = *state;
    char history[4096];
    sqlite3 *db;
    sqlite3_stmt *find;
    struct pawl_snapshot row, out;
    memset(history, 'h', sizeof history - 1);
    history[sizeof history - 1] = 0;
    row = t_snapshot("new-1", "s", history);
    assert_int_equal(sqlite3_open(f->path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db, "PRAGMA schema_version", -1, &find, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(find), SQLITE_ROW);
    int before = sqlite3_column_int(find, 0);
    sqlite3_reset(find);
    assert_ok(f, f->kind->open(f->path, &f->store, &f->error));
    assert_int_equal(sqlite3_step(find), SQLITE_ROW);
    assert_true(sqlite3_column_int(find, 0) > before);
    sqlite3_finalize(find);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
    lease_shop(f);
    assert_ok(f, t_put(f, &row));
    assert_ok(f, t_load(f, "new-1", &out));
    assert_true(pawl__str_equal(out.history, row.history));
    assert_ok(f, t_load(f, "ended-1", &out));
    assert_true(out.history.len > 100);
    run_sql(f, "CREATE TABLE proof(id, first CHECK(first=x'02'), len CHECK(len<100));"
               "INSERT INTO proof SELECT id, substr(history, 1, 1), length(history)"
               " FROM pawl_instance WHERE id='new-1'");
}

// Triggers of a user, on the table of state, run as before, and the counts are right with them.
static void test_triggers_of_users(void **state) {
    struct fixture *f = *state;
    assert_ok(f, f->kind->open(f->path, &f->store, &f->error));
    run_sql(f, "CREATE TABLE audit(key);"
               "CREATE TRIGGER audited AFTER INSERT ON state BEGIN "
               "INSERT INTO audit VALUES(new.key); END");
    fixture_reopen(f);
    lease_shop(f);
    struct pawl_state_op op = {.key = PAWL_STR("k"), .value = PAWL_STR("1")};
    struct pawl_state_tx tx = {.ops = &op, .op_count = 1};
    assert_ok(f, t_commit(f, NULL, &tx));
    run_sql(f, "CREATE TABLE proof(n INTEGER CHECK(n=1)); INSERT INTO proof SELECT count(*) FROM "
               "audit WHERE key='k'");
    put_named(f, "waiter-9", "waiter", 0);
    put_named(f, "waiter-1", "waiter", 1);
    assert_counts(f, "ended/1=1 failing/3=1 parent/0=1 running/0=1 sleeper/0=1 waiter/0=2 "
                     "waiter/1=1 ");
}

// One that cannot be filled is left as it is, and keeps no other from being filled.
static void test_damaged_row(void **state) {
    struct fixture *f = *state;
    sqlite3 *db;
    assert_int_equal(sqlite3_open(f->path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, "UPDATE pawl_instance SET state=x'0102' WHERE id='ended-1'",
                                  NULL, NULL, NULL),
                     SQLITE_OK);
    sqlite3_close(db);
    assert_ok(f, f->kind->open(f->path, &f->store, &f->error));
    assert_ok(f, f->store->ops->tend(f->store, &f->error));
    assert_columns(f, (struct pawl_query){.id_prefix = PAWL_STR("ended")}, "ended-1||| ");
    assert_columns(f, (struct pawl_query){.id_prefix = PAWL_STR("failing")},
                   "failing-1|||OutOfStock ");
}

// --- the workflows --------------------------------------------------------------------------

static enum pawl_err step(struct pawl_activity *activity) {
    return pawl_activity_return(activity, pawl_text("42"));
}

static enum pawl_err hang(struct pawl_activity *activity) {
    return pawl_activity_return(activity, pawl_text("\"at last\""));
}

static enum pawl_err running(struct pawl_workflow *wf) {
    struct pawl_text result;
    PAWL_TRY(pawl_call(wf, "step", pawl_text("1"), NULL, &result));
    PAWL_TRY(pawl_call(wf, "hang", pawl_text("2"), NULL, &result));
    return pawl_return(wf, result);
}

static enum pawl_err waiter(struct pawl_workflow *wf) {
    pawl_set_custom_status(wf, pawl_text("\"waits for go\""));
    struct pawl_task *go = pawl_wait_for_event(wf, "go", PAWL_FOREVER);
    PAWL_TRY(pawl_await(go));
    return pawl_return(wf, pawl_result(go));
}

static enum pawl_err parent(struct pawl_workflow *wf) {
    const struct pawl_call_options options = {.instance_id = "child-1"};
    struct pawl_task *child = pawl_call_child(wf, "waiter", pawl_text("null"), &options);
    PAWL_TRY(pawl_await(child));
    return pawl_return(wf, pawl_result(child));
}

static void assert_info(struct pawl *pawl, const char *id, bool wait, enum pawl_status status,
                        const char *output) {
    struct pawl_info *info = NULL;
    enum pawl_err err =
        wait ? pawl_wait(pawl, id, 20 * PAWL_SECOND, &info) : pawl_get(pawl, id, &info);
    if (err) fail_msg("%s: %s", id, pawl_last_error()->text);
    assert_int_equal(info->status, status);
    if (output) assert_string_equal(info->output.data, output);
    pawl_info_free(info);
}

static void test_workflows_go_on(void **state) {
    struct fixture *f = *state;
    struct pawl *pawl;
    assert_int_equal(pawl_open(f->path, &(struct pawl_options){.app_id = "shop"}, &pawl), PAWL_OK);
    pawl_add_activity(pawl, "step", step, NULL);
    pawl_add_activity(pawl, "hang", hang, NULL);
    pawl_add_workflow(pawl, "running", running, NULL);
    pawl_add_workflow(pawl, "waiter", waiter, NULL);
    pawl_add_workflow(pawl, "parent", parent, NULL);
    assert_info(pawl, "ended-1", false, PAWL_COMPLETED, "42");
    assert_info(pawl, "ended-2", false, PAWL_COMPLETED, "42");
    assert_info(pawl, "failing-1", false, PAWL_FAILED, NULL);
    assert_info(pawl, "failing-2", false, PAWL_FAILED, NULL);
    assert_info(pawl, "sleeper-1", false, PAWL_RUNNING, NULL);
    assert_info(pawl, "sleeper-2", false, PAWL_RUNNING, NULL);
    assert_int_equal(pawl_work(pawl), PAWL_OK);
    assert_info(pawl, "running-1", true, PAWL_COMPLETED, "\"at last\"");
    assert_info(pawl, "running-2", true, PAWL_COMPLETED, "\"at last\"");
    static const char *const waiters[] = {"waiter-1", "waiter-2", "child-1"};
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(pawl_raise(pawl, waiters[i], "go", pawl_text("\"gone\"")), PAWL_OK);
        assert_info(pawl, waiters[i], true, PAWL_COMPLETED, "\"gone\"");
    }
    assert_info(pawl, "parent-1", true, PAWL_COMPLETED, "\"gone\"");
    assert_int_equal(pawl_close(pawl), PAWL_OK);
}

int main(void) {
    fixture_kind = &t_sqlite;
#define T(name) cmocka_unit_test_setup_teardown(name, format_setup, fixture_teardown)
    const struct CMUnitTest tests[] = {
        T(test_columns_are_filled),
        T(test_counts_are_made),
        T(test_others_count),
        T(test_texts_are_counted),
        T(test_elder_goes_on),
        T(test_junior_comes),
        T(test_triggers_of_users),
        T(test_damaged_row),
        T(test_workflows_go_on),
        T(test_rows_are_compressed),
        cmocka_unit_test_setup_teardown(test_workflows_go_on, format_2_setup, fixture_teardown),
        cmocka_unit_test_setup_teardown(test_rows_are_compressed, format_2_setup,
                                        fixture_teardown)};
#undef T
    return cmocka_run_group_tests_name("formats", tests, NULL, NULL);
}
