// What is particular to the SQLite store: its files, its errors, Dapr's tables.

#include "suite.h"

#include <fcntl.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"

// Runs |sql| as another program would, and returns its first value, if any, in the arena.
static const char *raw(struct fixture *f, const char *sql) {
    sqlite3 *db;
    sqlite3_stmt *statement = NULL;
    const char *value = "";
    assert_int_equal(sqlite3_open(f->path, &db), SQLITE_OK);
    sqlite3_db_config(db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &statement, NULL), SQLITE_OK);
    int rc = sqlite3_step(statement);
    if (rc == SQLITE_ROW) {
        const char *text = (const char *)sqlite3_column_text(statement, 0);
        value = pawl__arena_dup(&f->arena, pawl__str(text));
    } else {
        assert_int_equal(rc, SQLITE_DONE);
    }
    sqlite3_finalize(statement);
    sqlite3_close(db);
    return value;
}

static enum pawl_err reopen(struct fixture *f) {
    if (f->store) f->store->ops->close(f->store);
    f->store = NULL;
    return t_sqlite.open(f->path, &f->store, &f->error);
}

static bool exists(struct fixture *f, const char *suffix) {
    char path[128];
    snprintf(path, sizeof path, "%s%s", f->path, suffix);
    return access(path, F_OK) == 0;
}

static off_t size_of(struct fixture *f, const char *suffix) {
    char path[128];
    struct stat info;
    snprintf(path, sizeof path, "%s%s", f->path, suffix);
    return stat(path, &info) == 0 ? info.st_size : 0;
}

static void write_file(const char *path, const char *text) {
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

// --- damage ---------------------------------------------------------------------------------

static enum pawl_err ignore_batch(void *arg, const struct pawl_batch *batch,
                                  struct pawl_error *error) {
    return PAWL_OK;
}

static enum pawl_err read_log(struct fixture *f) {
    return f->store->ops->read_log(f->store, f->lease.shard, 0, ignore_batch, NULL, &f->error);
}

static void test_damaged_rows(void **state) {
    struct fixture *f = *state;
    struct pawl_snapshot out, row = t_snapshot("order-1", "state", "history");
    fixture_lease(f);
    for (uint64_t i = 1; i <= 3; i++) assert_ok(f, t_append(f, i, "records"));
    assert_ok(f, t_put(f, &row));

    raw(f, "UPDATE pawl_log SET row=substr(row, 1, 8)||'X'||substr(row, 10) WHERE key&255=2");
    assert_err(PAWL_E_CORRUPT, read_log(f));
    assert_text(f, f->path);
    assert_text(f, "batch 2 of shard 1");
    assert_text(f, "restore a backup");
    raw(f, "UPDATE pawl_log SET row=x'09' || row WHERE key&255=2");
    assert_err(PAWL_E_FORMAT, read_log(f));
    assert_text(f, "newer Pawl");
    raw(f, "UPDATE pawl_log SET row=x'0102' WHERE key&255=2");
    assert_err(PAWL_E_CORRUPT, read_log(f));
    raw(f, "DELETE FROM pawl_log WHERE key&255=2");
    assert_err(PAWL_E_CORRUPT, read_log(f));
    assert_text(f, "batch 2 is missing");

    assert_ok(f, t_load(f, "order-1", &out));
    raw(f, "UPDATE pawl_instance SET state=state||'x'");
    assert_err(PAWL_E_CORRUPT, t_load(f, "order-1", &out));
    assert_text(f, "order-1");
    assert_ok(f, t_put(f, &row));
    raw(f, "UPDATE pawl_instance SET history=history||'x'");
    assert_err(PAWL_E_CORRUPT, t_load(f, "order-1", &out));
    assert_ok(f, t_put(f, &row));
    row.history_from = 3;
    assert_ok(f, t_put(f, &row));
    assert_ok(f, t_load(f, "order-1", &out));
    raw(f, "DELETE FROM pawl_history WHERE first=0");
    assert_err(PAWL_E_CORRUPT, t_load(f, "order-1", &out));
}

static void test_newer_format(void **state) {
    struct fixture *f = *state;
    raw(f, "UPDATE pawl_meta SET value=4 WHERE key='format'");
    assert_err(PAWL_E_FORMAT, reopen(f));
    assert_text(f, f->path);
    assert_text(f, "format 4");
    raw(f, "UPDATE pawl_meta SET value=3 WHERE key='format'");
    assert_ok(f, reopen(f));
    raw(f, "UPDATE metadata SET value='2'");
    assert_err(PAWL_E_FORMAT, reopen(f));
    assert_text(f, "newer Dapr");
    raw(f, "UPDATE metadata SET value='1'");
    raw(f, "ALTER TABLE state RENAME COLUMN etag TO tag");
    assert_err(PAWL_E_FORMAT, reopen(f));
    assert_text(f, "etag");
}

static void test_damaged_file(void **state) {
    struct fixture *f = *state;
    fixture_lease(f);
    for (uint64_t i = 1; i <= 200; i++) assert_ok(f, t_append(f, i, "some records of a batch"));
    f->store->ops->close(f->store);
    f->store = NULL;

    // Pages that are not what they were: the tree's, not ours.
    int fd = open(f->path, O_RDWR | O_CLOEXEC);
    char noise[4096];
    memset(noise, 0xa5, sizeof noise);
    for (off_t at = 5 * 4096; at < size_of(f, ""); at += 4096)
        assert_int_equal(pwrite(fd, noise, sizeof noise, at), sizeof noise);
    close(fd);
    enum pawl_err err = reopen(f);
    if (!err) err = read_log(f);
    if (!err) err = t_lease(f, f->store, "app", 0, &f->lease);
    assert_err(PAWL_E_CORRUPT, err);
    assert_text(f, "damaged");
    assert_text(f, f->path);

    if (f->store) f->store->ops->close(f->store);
    f->store = NULL;
    write_file(f->path, "This is a file of text, and longer than the header of a database, which "
                        "has one hundred bytes. And some more of it.");
    assert_err(PAWL_E_CORRUPT, reopen(f));
    assert_text(f, "is not an SQLite database");
    assert_true(exists(f, "-pawl")); // of the database that was there before
    char path[128];
    snprintf(path, sizeof path, "%s-pawl", f->path);
    unlink(path);
    assert_err(PAWL_E_CORRUPT, reopen(f));
    assert_text(f, "is not an SQLite database");
    assert_false(exists(f, "-pawl"));
}

// --- files ----------------------------------------------------------------------------------

static void assert_not_opened(struct fixture *f, const char *path, enum pawl_err expected,
                              const char *text) {
    struct pawl_store *store = NULL;
    assert_err(expected, t_sqlite.open(path, &store, &f->error));
    assert_null(store);
    assert_text(f, text);
}

static void test_bad_paths(void **state) {
    struct fixture *f = *state;
    char path[128];
    snprintf(path, sizeof path, "%s/no/such/file.db", f->dir);
    assert_not_opened(f, path, PAWL_E_IO, "create it first");
    assert_text(f, "/no/such");
    assert_not_opened(f, f->dir, PAWL_E_IO, "is a directory");
    snprintf(path, sizeof path, "%s/below", f->path);
    assert_not_opened(f, path, PAWL_E_IO, "not a directory");
    assert_not_opened(f, "", PAWL_E_INVALID, "path of a file");
    assert_not_opened(f, ":memory:", PAWL_E_INVALID, "path of a file");
    struct pawl_store *store;
    struct pawl_sqlite_options options = {.path = f->path, .state_table = "a\"b"};
    assert_err(PAWL_E_INVALID, pawl__sqlite_open(&options, &store, &f->error));
    options.state_table = "pawl_log";
    assert_err(PAWL_E_INVALID, pawl__sqlite_open(&options, &store, &f->error));
    assert_text(f, "pawl_log");
}

// In a process of its own, as a user who may not write.
static int open_as_nobody(const char *path) {
    struct pawl_error error = {0};
    struct pawl_store *store;
    if (geteuid() == 0 && setresuid(65534, 65534, 65534) != 0) return 1;
    enum pawl_err err = t_sqlite.open(path, &store, &error);
    printf("%d %s\n", (int)err, error.text);
    return 0;
}

static void assert_nobody_is_told(struct fixture *f, const char *text) {
    char line[600] = "";
    int out, status;
    char *argv[] = {"test", "nobody", f->path, NULL};
    pid_t child = t_spawn(argv, &out);
    for (size_t len = 0, got; len < sizeof line - 1; len += got) {
        got = (size_t)read(out, line + len, sizeof line - 1 - len);
        if (got == 0 || got == (size_t)-1) break;
    }
    close(out);
    waitpid(child, &status, 0);
    assert_int_equal(atoi(line), PAWL_E_IO);
    snprintf(f->error.text, sizeof f->error.text, "%.500s", line);
    assert_text(f, text);
}

static void test_read_only(void **state) {
    struct fixture *f = *state;
    f->store->ops->close(f->store);
    f->store = NULL;
    chmod(f->path, 0444);
    chmod(f->dir, 0555);
    assert_nobody_is_told(f, "read-only for this user");
    chmod(f->dir, 0755);
    unlink(f->path);
    chmod(f->dir, 0555);
    assert_nobody_is_told(f, "Permission denied; the file and its directory must be writable");
    chmod(f->dir, 0755);
}

static void test_closing_leaves_one_database(void **state) {
    struct fixture *f = *state;
    fixture_lease(f);
    assert_ok(f, t_append(f, 1, "a"));
    assert_true(exists(f, "-wal"));
    f->store->ops->close(f->store);
    f->store = NULL;
    assert_false(exists(f, "-wal"));
    assert_false(exists(f, "-shm"));
    assert_true(exists(f, "-pawl"));
    assert_int_equal(size_of(f, "-pawl"), 0);
    assert_string_equal(raw(f, "PRAGMA integrity_check"), "ok");
}

// What stands in a WAL need not be on the disk, and is written once more by whoever reads it.
static void test_opening_settles_the_wal(void **state) {
    struct fixture *f = *state;
    fixture_lease(f);
    f->store->ops->close(f->store);
    f->store = NULL;
    raw(f, "UPDATE pawl_shard SET epoch=77"); // as one who is killed: without a checkpoint
    assert_true(size_of(f, "-wal") > 0);
    assert_ok(f, reopen(f));

    char command[256], path[96];
    snprintf(command, sizeof command, "cp '%s' '%s/alone.db'", f->path, f->dir);
    assert_int_equal(system(command), 0);
    memcpy(path, f->path, sizeof path);
    snprintf(f->path, sizeof f->path, "%s/alone.db", f->dir);
    assert_string_equal(raw(f, "SELECT epoch FROM pawl_shard"), "77");
    memcpy(f->path, path, sizeof path);
}

static void test_links_share_the_lock(void **state) {
    struct fixture *f = *state;
    struct pawl_store *second;
    struct pawl_lease lease;
    char path[128];
    snprintf(path, sizeof path, "%s/link.db", f->dir);
    assert_int_equal(symlink(f->path, path), 0);
    fixture_lease(f);
    assert_ok(f, t_sqlite.open(path, &second, &f->error));
    assert_err(PAWL_E_HELD, t_lease(f, second, "app", 0, &lease));
    second->ops->close(second);
    assert_ok(f, t_append(f, 1, "a"));
}

static void test_moved_file(void **state) {
    struct fixture *f = *state;
    char path[128];
    fixture_lease(f);
    assert_ok(f, t_append(f, 1, "a"));
    snprintf(path, sizeof path, "%s/moved", f->dir);
    assert_int_equal(rename(f->path, path), 0);
    assert_err(PAWL_E_IO, t_append(f, 2, "b"));
    assert_text(f, "moved or deleted");
    assert_int_equal(rename(path, f->path), 0);
    assert_ok(f, t_append(f, 2, "b"));

    snprintf(path, sizeof path, "%s-pawl", f->path);
    assert_int_equal(unlink(path), 0);
    assert_err(PAWL_E_IO, t_append(f, 3, "c"));
    assert_text(f, "-pawl was deleted");
}

// Housekeeping finds what was moved while nobody writes, and what stands beside the database.
static void test_moved_files(void **state) {
    struct fixture *f = *state;
    static const char *const suffixes[] = {"", "-wal", "-shm"};
    fixture_lease(f);
    for (size_t i = 0; i < sizeof suffixes / sizeof *suffixes; i++) {
        char path[128], moved[128];
        snprintf(path, sizeof path, "%s%s", f->path, suffixes[i]);
        snprintf(moved, sizeof moved, "%s/moved", f->dir);
        assert_ok(f, f->store->ops->tend(f->store, &f->error));
        assert_int_equal(rename(path, moved), 0);
        assert_err(PAWL_E_IO, f->store->ops->tend(f->store, &f->error));
        assert_text(f, path);
        assert_text(f, "was moved or deleted");
        assert_err(PAWL_E_IO, t_append(f, i + 1, "a"));
        assert_int_equal(rename(moved, path), 0);
        assert_ok(f, f->store->ops->tend(f->store, &f->error));
        assert_ok(f, t_append(f, i + 1, "a"));
    }
}

// What went into a -wal file that lost its name is in the database after a close.
static void test_deleted_wal(void **state) {
    struct fixture *f = *state;
    char path[128];
    fixture_lease(f);
    snprintf(path, sizeof path, "%s-wal", f->path);
    assert_ok(f, t_append(f, 1, "a"));
    assert_int_equal(unlink(path), 0);
    assert_ok(f, t_append(f, 2, "b"));
    assert_err(PAWL_E_IO, f->store->ops->tend(f->store, &f->error));
    assert_text(f, "SIGTERM");
    fixture_reopen(f);
    fixture_lease(f);
    assert_int_equal(f->lease.position, 2);
}

// --- locks and limits -----------------------------------------------------------------------

static void test_waiting_has_an_end(void **state) {
    struct fixture *f = *state;
    char path[128];
    fixture_lease(f);
    snprintf(path, sizeof path, "%s-pawl", f->path);
    int fd = open(path, O_RDWR | O_CLOEXEC);
    struct flock lock = {.l_type = F_WRLCK, .l_start = 1, .l_len = 1};
    assert_int_equal(fcntl(fd, F_OFD_SETLK, &lock), 0);
    int64_t start = pawl__clock_steady();
    assert_err(PAWL_E_UNAVAILABLE, t_append(f, 1, "a"));
    int64_t waited = pawl__clock_steady() - start;
    assert_true(waited >= 300 * PAWL_MILLISECOND && waited < 3 * PAWL_SECOND);
    assert_text(f, "another process");
    close(fd);
    assert_ok(f, t_append(f, 1, "a"));

    // A program that does not know our lock, but SQLite's.
    sqlite3 *other;
    assert_int_equal(sqlite3_open(f->path, &other), SQLITE_OK);
    assert_int_equal(sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
    assert_err(PAWL_E_UNAVAILABLE, t_append(f, 2, "b"));
    assert_text(f, "another program has locked");
    assert_string_equal(t_log(f, f->lease.shard, 0), "1=a ");
    sqlite3_close(other);
    assert_ok(f, t_append(f, 2, "b"));
}

static void limit_files(rlim_t size) {
    struct rlimit limit;
    getrlimit(RLIMIT_FSIZE, &limit);
    limit.rlim_cur = size;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

// A limit on file sizes fails writes in the middle, as a full disk does.
static void test_full_disk(void **state) {
    struct fixture *f = *state;
    char *records = calloc(1, 20001);
    struct pawl_state_op op = {.key = PAWL_STR("k"), .value = PAWL_STR("v")};
    struct pawl_state_tx tx = {.ops = &op, .op_count = 1};
    uint64_t last = 0;
    t_noise(records, 20000);
    signal(SIGXFSZ, SIG_IGN);
    fixture_lease(f);
    for (rlim_t limit = 300000; limit < 312000; limit += 3000) {
        limit_files(limit);
        struct pawl_batch batch = {last + 1, pawl__str(records)};
        struct pawl_part part = {.lease = &f->lease, .batch = &batch};
        enum pawl_err err;
        while (!(err = t_commit(f, &part, &tx))) batch.position++;
        limit_files(RLIM_INFINITY);
        if (err != PAWL_E_FULL) print_error("%s\n", f->error.text);
        assert_err(PAWL_E_FULL, err);
        assert_text(f, f->path);
        assert_text(f, "nothing is lost");
        last = batch.position - 1;

        // All that was acknowledged is there, and the store goes on.
        assert_ok(f, read_log(f));
        assert_ok(f, t_append(f, last + 1, "after"));
        last++;
    }
    assert_ok(f, reopen(f));
    fixture_lease(f);
    assert_int_equal(f->lease.position, last);
    assert_ok(f, read_log(f));
    assert_string_equal(raw(f, "PRAGMA integrity_check"), "ok");
    signal(SIGXFSZ, SIG_DFL);
    free(records);
}

static void append_many(struct fixture *f, uint64_t *position, int count, bool tend) {
    static char records[40001];
    if (!*records) t_noise(records, sizeof records - 1);
    for (int i = 0; i < count; i++) {
        ++*position;
        assert_ok(f, t_append(f, *position, records));
        if (tend) assert_ok(f, f->store->ops->tend(f->store, &f->error));
    }
}

static enum pawl_err append_while_reading(void *arg, const struct pawl_batch *batch,
                                          struct pawl_error *error) {
    struct fixture *f = ((void **)arg)[0];
    uint64_t *position = ((void **)arg)[1];
    append_many(f, position, 1500, true); // 60 MB
    assert_true(size_of(f, "-wal") > 50 << 20);
    return pawl__fail(error, PAWL_E_CANCELED, "enough");
}

// So that a commit's sync has no growth of the file to write down.
static void test_wal_is_longer_than_it_is_full(void **state) {
    struct fixture *f = *state;
    uint64_t position = 0;
    fixture_lease(f);
    append_many(f, &position, 1, false);
    off_t full = size_of(f, "-wal");
    append_many(f, &position, 1, true);
    off_t longer = size_of(f, "-wal");
    assert_true(longer - full >= 1 << 20);
    append_many(f, &position, 1, true);
    assert_int_equal(size_of(f, "-wal"), longer);
}

// What a reader holds back is not copied in part: SQLite would not sync that.
static void test_checkpoints_are_whole(void **state) {
    struct fixture *f = *state;
    uint64_t position = 0;
    sqlite3 *reader = NULL;
    fixture_lease(f);
    append_many(f, &position, 10, true);
    assert_int_equal(sqlite3_open_v2(f->path, &reader, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_exec(reader, "BEGIN; SELECT count(*) FROM pawl_log", 0, 0, 0), 0);
    off_t before = size_of(f, "");
    append_many(f, &position, 200, true); // 2000 pages
    assert_int_equal(size_of(f, ""), before);
    assert_int_equal(sqlite3_exec(reader, "COMMIT", 0, 0, 0), SQLITE_OK);
    append_many(f, &position, 20, true);
    assert_true(size_of(f, "") >= 8 << 20);

    // One that began after the last commit holds nothing back.
    append_many(f, &position, 60, false);
    before = size_of(f, "");
    assert_int_equal(sqlite3_exec(reader, "BEGIN; SELECT count(*) FROM pawl_log", 0, 0, 0), 0);
    assert_ok(f, f->store->ops->tend(f->store, &f->error));
    assert_true(size_of(f, "") > before);
    assert_int_equal(sqlite3_close(reader), SQLITE_OK);
}

static void test_wal_is_used_again(void **state) {
    struct fixture *f = *state;
    uint64_t position = 0;
    const off_t most = 1100 * 4120; // pages, each with its frame's header
    fixture_lease(f);
    append_many(f, &position, 1500, true);
    assert_true(size_of(f, "-wal") < most);
    assert_false(f->store->due);
    append_many(f, &position, 100, false);
    assert_true(f->store->due); // and nobody does it
    append_many(f, &position, 1400, false);
    assert_true(size_of(f, "-wal") < 2 * most);

    // A reader that does not end keeps the WAL; afterwards it has its size again.
    void *arg[] = {f, &position};
    assert_err(PAWL_E_CANCELED, f->store->ops->read_log(f->store, f->lease.shard, 0,
                                                        append_while_reading, arg, &f->error));
    append_many(f, &position, 300, true);
    assert_true(size_of(f, "-wal") <= 64 << 20);
    assert_ok(f, t_commit(f, &(struct pawl_part){.lease = &f->lease, .trim_to = position}, NULL));
    assert_ok(f, reopen(f));
    assert_string_equal(raw(f, "PRAGMA integrity_check"), "ok");
}

// --- Dapr's tables --------------------------------------------------------------------------

static void test_dapr_reads_ours(void **state) {
    struct fixture *f = *state;
    struct pawl_state_op ops[] = {
        {.key = PAWL_STR("t"), .value = PAWL_STR("\"v\""), .ttl = 60},
        {.key = PAWL_STR("b"), .value = PAWL_STR("\0\1"), .is_binary = true}};
    struct pawl_state_tx tx = {.ops = ops, .op_count = 2};
    assert_ok(f, t_commit(f, NULL, &tx));
    assert_string_equal(raw(f, "SELECT group_concat(name||' '||type||' '||\"notnull\"||' '||pk, "
                               "',') FROM pragma_table_info('state')"),
                        "key TEXT 1 1,value TEXT 1 0,is_binary BOOLEAN 1 0,etag TEXT 1 0,"
                        "expiration_time TIMESTAMP 0 0,update_time TIMESTAMP 1 0");
    assert_string_equal(raw(f, "SELECT value FROM metadata WHERE key='migrations'"), "1");
    assert_string_equal(raw(f, "SELECT typeof(value)||value||is_binary FROM state WHERE key='t'"),
                        "text\"v\"0");
    assert_string_equal(raw(f, "SELECT typeof(value)||value||is_binary FROM state WHERE key='b'"),
                        "textAAE=1");
    assert_string_equal(raw(f, "SELECT expiration_time LIKE '20__-__-__ __:__:__' AND "
                               "expiration_time BETWEEN datetime('now', '+58 seconds') AND "
                               "datetime('now', '+60 seconds') FROM state WHERE key='t'"),
                        "1");
    assert_string_equal(raw(f, "SELECT update_time LIKE '20__-__-__ __:__:__' AND expiration_time "
                               "IS NULL AND length(etag)=36 FROM state WHERE key='b'"),
                        "1");
}

static void test_we_read_daprs(void **state) {
    struct fixture *f = *state;
    struct pawl_state_value value;
    f->store->ops->close(f->store);
    f->store = NULL;
    unlink(f->path);
    raw(f, "CREATE TABLE metadata(key text NOT NULL PRIMARY KEY, value text NOT NULL)");
    raw(f, "INSERT INTO metadata VALUES('migrations', '1')");
    raw(f, "CREATE TABLE state(key TEXT NOT NULL PRIMARY KEY, value TEXT NOT NULL, is_binary "
           "BOOLEAN NOT NULL, etag TEXT NOT NULL, expiration_time TIMESTAMP DEFAULT NULL, "
           "update_time TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP)");
    raw(f, "INSERT INTO state VALUES('k', 'AP8=', true, 'e', '2100-01-01 00:00:00', "
           "CURRENT_TIMESTAMP), ('bad', '!', true, 'e', NULL, CURRENT_TIMESTAMP), "
           "('old', '1', false, 'e', '2000-01-01 00:00:00', CURRENT_TIMESTAMP)");
    assert_ok(f, reopen(f));
    struct pawl_store *store = f->store;
    assert_ok(f, store->ops->get_state(store, PAWL_STR("k"), &f->arena, &value, &f->error));
    assert_true(pawl__str_equal(value.value, PAWL_STR("\0\xff")));
    assert_true(value.expires_at == INT64_C(4102444800) * PAWL_SECOND);
    assert_err(PAWL_E_CORRUPT,
               store->ops->get_state(store, PAWL_STR("bad"), &f->arena, &value, &f->error));
    assert_text(f, "not base64");

    // Expired keys go when a cleanup is due, and only then.
    assert_ok(f, store->ops->tend(store, &f->error));
    assert_string_equal(raw(f, "SELECT count(*) FROM state"), "3");
    store->ops->close(store);
    struct pawl_sqlite_options options = {.path = f->path, .cleanup_interval = 1};
    assert_ok(f, pawl__sqlite_open(&options, &f->store, &f->error));
    assert_ok(f, f->store->ops->tend(f->store, &f->error));
    assert_string_equal(raw(f, "SELECT count(*) FROM state"), "2");
}

static void test_other_tables(void **state) {
    struct fixture *f = *state;
    struct pawl_store *store;
    struct pawl_state_value value;
    struct pawl_state_op op = {.key = PAWL_STR("k"), .value = PAWL_STR("v")};
    struct pawl_state_tx tx = {.ops = &op, .op_count = 1};
    struct pawl_sqlite_options options = {
        .path = f->path, .state_table = "Other", .metadata_table = "other_meta"};
    assert_ok(f, pawl__sqlite_open(&options, &store, &f->error));
    assert_int_equal(store->ops->commit(store, &(struct pawl_commit){.state = &tx}, &f->error),
                     PAWL_COMMIT_DONE);
    assert_string_equal(raw(f, "SELECT value FROM other WHERE key='k'"), "v");
    assert_ok(f, f->store->ops->get_state(f->store, op.key, &f->arena, &value, &f->error));
    assert_false(value.found);
    store->ops->close(store);
}

int main(int argc, char **argv) {
    if (argc == 3 && strcmp(argv[1], "nobody") == 0) return open_as_nobody(argv[2]);
    int rc = suite_main(argc, argv, &t_sqlite);
    if (rc >= 0) return rc;
#define T(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
    const struct CMUnitTest tests[] = {
        T(test_damaged_rows),
        T(test_newer_format),
        T(test_damaged_file),
        T(test_bad_paths),
        T(test_read_only),
        T(test_closing_leaves_one_database),
        T(test_opening_settles_the_wal),
        T(test_links_share_the_lock),
        T(test_moved_file),
        T(test_moved_files),
        T(test_deleted_wal),
        T(test_waiting_has_an_end),
        T(test_full_disk),
        T(test_wal_is_longer_than_it_is_full),
        T(test_checkpoints_are_whole),
        T(test_wal_is_used_again),
        T(test_dapr_reads_ours),
        T(test_we_read_daprs),
        T(test_other_tables),
    };
#undef T
    return cmocka_run_group_tests_name("sqlite", tests, NULL, NULL);
}
