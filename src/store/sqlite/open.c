// A store in one SQLite file.
//
//     orders.db        the database        ┐ SQLite's own
//     orders.db-wal    the write-ahead log │
//     orders.db-shm    its index           ┘
//     orders.db-pawl   locks: see sqlite/lock.c
//
// Several daemons may use one file. SQLite would let them, but its versions up to 3.51.2 can
// damage a database when two connections write or checkpoint at the same instant: one copies the
// WAL into the database and notes how far it came, while the other has just begun to fill the WAL
// anew from its start, and the note then covers frames that were never copied. So here these
// moments never meet:
//
//     process A    ── lock ─ BEGIN ─ insert ─ COMMIT ─ unlock ───────────────────────────────
//                                                 wait └─ lock ─ checkpoint ─ unlock
//     process B    ───────────────────────────────────────── (polls) ───────────── lock ─ BEGIN
//     readers      ──────────────────── they never wait, and never write ──────────────────────
//
//  * Each store has one connection that writes, used by one thread. It does so only under the
//    lock: commits, leases, the schema, cleanups, checkpoints. Automatic checkpoints are off.
//  * Opening happens under the lock as well, since the first to come after a crash rebuilds the
//    WAL's index and settles what it holds (sqlite_settle), and so does closing, since the last to
//    leave checkpoints and removes the WAL.
//  * The connection of the reading thread is opened read-only and closed without a checkpoint. It
//    can rebuild a WAL index that a killed writer left half written; that takes all of SQLite's
//    own locks and moves no data.
//
// kill -9 at any moment: the kernel drops our lock and SQLite's together with the process. What it
// had written to the WAL without its commit frame is overwritten by the next commit; a commit frame
// that is there counts only after its checksum was found right. fork: a child shares the lock's
// open file until it executes or exits, and must not touch the store. Network file systems are not
// supported: SQLite's index is shared memory, and their locks may outlive or underlive a process.
// A program that does not know our lock (the sqlite3 shell, a Dapr sidecar) may read the file at
// any time, but should write only while no daemon runs.
//
// Durability: synchronous=FULL makes each COMMIT write the WAL and fdatasync it, once. The WAL's
// file is used again from its start after a checkpoint, so that most syncs need not write the file
// system's metadata. The log's rows are in the order of their keys, and thus appended. A VFS of
// ours (sqlite/vfs.c) sees to it that checkpoints copy the whole WAL or nothing, and gathers what
// is written side by side.
//
// Tables, all of ours with the prefix pawl_; state and metadata are laid out by Dapr:
//
//     pawl_meta       format of this file
//     pawl_app        how many shards each app has
//     pawl_member     the daemons of an app
//     pawl_shard      lease epochs, holders, and how far each log was trimmed
//     pawl_log        key = shard << 40 | position, row = a sealed batch (checksum.h)
//     pawl_instance   a snapshot, with its history while that is of one part
//     pawl_history    the parts of longer histories
//     pawl_count      how many instances there are by name and status; triggers keep it
//     pawl_mail       messages that wait for a shard
//     state           keys of the user
//     metadata        "migrations", Dapr's count of changes to the layout of its tables

#include "store/checksum.h"
#include "store/sqlite/internal.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#define SQLITE_FILE_FORMAT 2
#define SQLITE_QUOTE_(x)   #x
#define SQLITE_QUOTE(x)    SQLITE_QUOTE_(x)

static const struct {
    bool of_writer;
    const char *sql;
} sqlite_statements[] = {
#define writer                   true
#define reader                   false
#define X(name, connection, sql) {connection, sql},
    PAWL_SQLITE_STATEMENTS(X)
#undef X
#undef writer
#undef reader
};

// The journal's limit cuts a WAL that grew too big because of a reader.
static const char sqlite_writer_pragmas[] =
    "PRAGMA page_size=" SQLITE_QUOTE(PAWL_SQLITE_PAGE_SIZE) ";"
                                                            "PRAGMA journal_mode=WAL;"
                                                            "PRAGMA synchronous=FULL;"
                                                            "PRAGMA wal_autocheckpoint=0;"
                                                            "PRAGMA journal_size_limit=67108864;"
                                                            "PRAGMA secure_delete=OFF;"
                                                            "PRAGMA temp_store=MEMORY;"
                                                            "PRAGMA cache_size=-4096;"
                                                            "PRAGMA mmap_size=0;"
                                                            "PRAGMA trusted_schema=OFF;";

static const char sqlite_reader_pragmas[] = "PRAGMA mmap_size=0;"
                                            "PRAGMA cache_size=-2048;"
                                            "PRAGMA trusted_schema=OFF;";

// A program that knows nothing of pawl_count keeps it, too, as the triggers stand in the file.
#define SQLITE_COUNT_NEW                                                                           \
    " INSERT INTO pawl_count VALUES(new.shard, new.name, new.status, 1)"                           \
    " ON CONFLICT DO UPDATE SET count=count+1; "
#define SQLITE_COUNT_OLD                                                                           \
    " UPDATE pawl_count SET count=count-1"                                                         \
    " WHERE shard=old.shard AND name=old.name AND status=old.status;"

// A number in front of the tables' own: what a newer Pawl added must not be touched by this one.
static const char sqlite_schema[] =
    "CREATE TABLE IF NOT EXISTS pawl_meta(key TEXT PRIMARY KEY, value) WITHOUT ROWID;"
    "INSERT OR IGNORE INTO pawl_meta VALUES('format', " SQLITE_QUOTE(
        SQLITE_FILE_FORMAT) ");"
                            "CREATE TABLE IF NOT EXISTS pawl_shard("
                            "    id INTEGER PRIMARY KEY,"
                            "    app TEXT NOT NULL,"
                            "    number INTEGER NOT NULL,"
                            "    epoch INTEGER NOT NULL DEFAULT 0,"
                            "    owner TEXT NOT NULL DEFAULT '',"
                            "    trimmed INTEGER NOT NULL DEFAULT 0," // the log's rows up to this
                                                                      // position are gone
                            "    UNIQUE(app, number));"
                            "CREATE TABLE IF NOT EXISTS pawl_log(key INTEGER PRIMARY KEY, row BLOB "
                            "NOT NULL);"
                            "CREATE TABLE IF NOT EXISTS pawl_instance("
                            "    row INTEGER PRIMARY KEY,"
                            "    shard INTEGER NOT NULL,"
                            "    id TEXT NOT NULL,"
                            "    position INTEGER NOT NULL,"
                            "    name TEXT NOT NULL,"
                            "    status INTEGER NOT NULL,"
                            "    created_at INTEGER NOT NULL," // times are nanoseconds since 1970
                            "    updated_at INTEGER NOT NULL,"
                            "    completed_at INTEGER NOT NULL,"
                            "    wake_at INTEGER NOT NULL,"
                            "    active INTEGER NOT NULL,"
                            "    live INTEGER NOT NULL," // active, or with a timer
                            "    parent TEXT NOT NULL DEFAULT '',"
                            "    tags TEXT NOT NULL DEFAULT '',"
                            "    custom_status TEXT NOT NULL DEFAULT '',"
                            "    failure_type TEXT NOT NULL DEFAULT '',"
                            "    filled INTEGER NOT NULL DEFAULT 0," // these four are
                            "    state BLOB NOT NULL,"
                            "    history BLOB," // NULL: in pawl_history, if there is any
                            "    UNIQUE(shard, id));"
                            "CREATE INDEX IF NOT EXISTS pawl_instance_live ON pawl_instance(shard) "
                            "WHERE live=1;"
                            // All that filters ask for stands in it, in the order of lists: what
                            // does not fit is passed over without a look at its row, which has
                            // the history beside it.
                            "CREATE INDEX IF NOT EXISTS pawl_instance_listed ON "
                            "pawl_instance(shard, created_at, id, status, completed_at, name, "
                            "parent, failure_type, tags, custom_status);"
                            // What filters with few rows take. They stand empty beside most
                            // workflows, and so cost next to nothing.
                            "CREATE INDEX IF NOT EXISTS pawl_instance_parent ON "
                            "pawl_instance(shard, parent, created_at, id, status, completed_at, "
                            "name, failure_type, tags, custom_status) WHERE parent<>'';"
                            "CREATE INDEX IF NOT EXISTS pawl_instance_rare ON pawl_instance(shard, "
                            "status, created_at, id, completed_at, name, parent, failure_type, "
                            "tags, custom_status) WHERE " PAWL_SQLITE_IS_RARE ";"
                            "CREATE TABLE IF NOT EXISTS pawl_count("
                            "    shard INTEGER NOT NULL,"
                            "    name TEXT NOT NULL,"
                            "    status INTEGER NOT NULL,"
                            "    count INTEGER NOT NULL," // 0: of a name that has others
                            "    PRIMARY KEY(shard, name, status)) WITHOUT ROWID;"
                            "INSERT INTO pawl_count SELECT shard, name, status, count(*) FROM "
                            "pawl_instance WHERE NOT EXISTS(SELECT 1 FROM pawl_meta WHERE "
                            "key='counted') GROUP BY shard, name, status;"
                            "INSERT OR IGNORE INTO pawl_meta VALUES('counted', 1);"
                            "CREATE TRIGGER IF NOT EXISTS pawl_count_put AFTER INSERT ON "
                            "pawl_instance BEGIN" SQLITE_COUNT_NEW "END;"
                            "CREATE TRIGGER IF NOT EXISTS pawl_count_change AFTER UPDATE OF name, "
                            "status ON pawl_instance WHEN old.status<>new.status OR "
                            "old.name<>new.name BEGIN" SQLITE_COUNT_OLD SQLITE_COUNT_NEW "END;"
                            "CREATE TRIGGER IF NOT EXISTS pawl_count_delete AFTER DELETE ON "
                            "pawl_instance BEGIN" SQLITE_COUNT_OLD
                            " DELETE FROM pawl_count WHERE shard=old.shard AND name=old.name AND "
                            "count=0; END;"
                            "CREATE TABLE IF NOT EXISTS pawl_history("
                            "    row INTEGER PRIMARY KEY,"
                            "    instance INTEGER NOT NULL," // pawl_instance.row
                            "    first INTEGER NOT NULL,"    // number of the first event in it
                            "    events BLOB NOT NULL,"
                            "    UNIQUE(instance, first));"
                            "CREATE TABLE IF NOT EXISTS pawl_app(name TEXT PRIMARY KEY, shards "
                            "INTEGER NOT NULL) WITHOUT ROWID;"
                            "CREATE TABLE IF NOT EXISTS pawl_mail("
                            "    app TEXT NOT NULL,"
                            "    number INTEGER NOT NULL,"
                            "    key BLOB NOT NULL,"
                            "    row BLOB NOT NULL,"
                            "    PRIMARY KEY(app, number, key));"
                            "CREATE TABLE IF NOT EXISTS pawl_member("
                            "    row INTEGER PRIMARY KEY,"
                            "    app TEXT NOT NULL,"
                            "    id TEXT NOT NULL,"
                            "    address TEXT NOT NULL,"
                            "    info BLOB NOT NULL,"
                            "    workers INTEGER NOT NULL,"
                            "    loops INTEGER NOT NULL,"
                            "    joined_at INTEGER NOT NULL,"
                            "    UNIQUE(app, id));";

// From one format to the next.
static const char *const sqlite_upgrades[] = {
    "ALTER TABLE pawl_instance ADD COLUMN parent TEXT NOT NULL DEFAULT '';"
    "ALTER TABLE pawl_instance ADD COLUMN tags TEXT NOT NULL DEFAULT '';"
    "ALTER TABLE pawl_instance ADD COLUMN custom_status TEXT NOT NULL DEFAULT '';"
    "ALTER TABLE pawl_instance ADD COLUMN failure_type TEXT NOT NULL DEFAULT '';"
    "ALTER TABLE pawl_instance ADD COLUMN filled INTEGER NOT NULL DEFAULT 0;"
    "INSERT OR REPLACE INTO pawl_meta VALUES('unfilled', 1);"
    "UPDATE pawl_meta SET value=2 WHERE key='format';",
};

static const char sqlite_state_schema[] =
    "CREATE TABLE IF NOT EXISTS \"%w\"(key text NOT NULL PRIMARY KEY, value text NOT NULL);"
    "INSERT OR IGNORE INTO \"%w\"(key, value) VALUES('migrations', '1');"
    "CREATE TABLE IF NOT EXISTS \"%w\"("
    "    key TEXT NOT NULL PRIMARY KEY,"
    "    value TEXT NOT NULL,"
    "    is_binary BOOLEAN NOT NULL,"
    "    etag TEXT NOT NULL,"
    "    expiration_time TIMESTAMP DEFAULT NULL,"
    "    update_time TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP);";

static int sqlite_on_commit(void *arg, sqlite3 *db, const char *name, int pages) {
    (void)db;
    (void)name;
    struct pawl_sqlite *store = arg;
    store->wal_pages = pages;
    return SQLITE_OK;
}

// --- closing --------------------------------------------------------------------------------

static void sqlite_close(struct pawl_store *base) {
    struct pawl_sqlite *store = (struct pawl_sqlite *)base;
    if (!store) return;
    bool locked =
        store->lock_fd >= 0 && pawl__sqlite_lock(store, store->busy_timeout, NULL) == PAWL_OK;
    for (size_t i = 0; i < PAWL_SQL_COUNT; i++) sqlite3_finalize(store->statements[i]);
    sqlite3_close(store->reader);
    // The last connection to a file checkpoints: not without the lock.
    if (store->writer && !locked)
        sqlite3_db_config(store->writer, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    sqlite3_close(store->writer);
    if (store->lock_fd >= 0) close(store->lock_fd); // and all its locks are free
    if (store->probe_fd >= 0) close(store->probe_fd);
    pawl__buf_finish(&store->row);
    pawl__buf_finish(&store->history);
    pawl__buf_finish(&store->text);
    free(store->held);
    free(store->metadata_table);
    free(store->state_table);
    free(store->lock_path);
    free(store->path);
    free(store);
}

// --- opening --------------------------------------------------------------------------------

static enum pawl_err sqlite_exec(struct pawl_sqlite *store, sqlite3 *db, const char *sql,
                                 struct pawl_error *error) {
    return sqlite3_exec(db, sql, NULL, NULL, NULL) ? pawl__sqlite_fail(store, db, "open it", error)
                                                   : PAWL_OK;
}

// Reads one number; |otherwise| when there is no such row or table.
static enum pawl_err sqlite_number(struct pawl_sqlite *store, const char *table, const char *key,
                                   int64_t otherwise, int64_t *out, struct pawl_error *error) {
    *out = otherwise;
    if (sqlite3_table_column_metadata(store->writer, "main", table, "value", NULL, NULL, NULL, NULL,
                                      NULL) != SQLITE_OK)
        return sqlite3_errcode(store->writer) == SQLITE_ERROR
                   ? PAWL_OK
                   : pawl__sqlite_fail(store, store->writer, "open it", error);
    char *sql =
        sqlite3_mprintf("SELECT CAST(value AS INTEGER) FROM \"%w\" WHERE key=%Q", table, key);
    sqlite3_stmt *find = NULL;
    if (!sql) return pawl__fail_plain(error, PAWL_E_NOMEM);
    int rc = sqlite3_prepare_v2(store->writer, sql, -1, &find, NULL);
    sqlite3_free(sql);
    if (rc == SQLITE_OK && sqlite3_step(find) == SQLITE_ROW) *out = sqlite3_column_int64(find, 0);
    if (rc == SQLITE_OK) rc = sqlite3_reset(find);
    enum pawl_err err =
        rc ? pawl__sqlite_fail(store, store->writer, "read its format", error) : PAWL_OK;
    sqlite3_finalize(find);
    return err;
}

static enum pawl_err sqlite_upgrade(struct pawl_sqlite *store, int64_t format,
                                    struct pawl_error *error) {
    enum pawl_err err = PAWL_OK;
    for (; !err && format < SQLITE_FILE_FORMAT; format++)
        err = sqlite_exec(store, store->writer, sqlite_upgrades[format - 1], error);
    return err;
}

static enum pawl_err sqlite_check_format(struct pawl_sqlite *store, struct pawl_error *error) {
    int64_t format, migrations, unfilled;
    enum pawl_err err =
        sqlite_number(store, "pawl_meta", "format", SQLITE_FILE_FORMAT, &format, error);
    if (err) return err;
    if (format > SQLITE_FILE_FORMAT)
        return pawl__fail(error, PAWL_E_FORMAT,
                          "%s has format %lld, and this Pawl reads up to format %d; use the Pawl "
                          "that wrote it or a later one",
                          store->path, (long long)format, SQLITE_FILE_FORMAT);
    err = format < 1 ? pawl__sqlite_fail_row(store, PAWL_E_CORRUPT, "the format's number", error)
                     : sqlite_upgrade(store, format, error);
    if (!err) err = sqlite_number(store, "pawl_meta", "unfilled", 0, &unfilled, error);
    if (err) return err;
    store->unfilled = unfilled;
    err = sqlite_number(store, store->metadata_table, "migrations", 1, &migrations, error);
    if (err) return err;
    if (migrations > 1)
        return pawl__fail(error, PAWL_E_FORMAT,
                          "%s: table %s was changed by a newer Dapr (migration %lld, known is 1); "
                          "use a newer Pawl, or another table or file",
                          store->path, store->state_table, (long long)migrations);
    return PAWL_OK;
}

static enum pawl_err sqlite_create_tables(struct pawl_sqlite *store, struct pawl_error *error) {
    char *state = NULL;
    enum pawl_err err = sqlite_exec(store, store->writer, "BEGIN IMMEDIATE", error);
    if (err) return err;
    err = sqlite_check_format(store, error);
    if (err) goto end;
    state = sqlite3_mprintf(sqlite_state_schema, store->metadata_table, store->metadata_table,
                            store->state_table);
    err = state ? PAWL_OK : pawl__fail_plain(error, PAWL_E_NOMEM);
    if (!err) err = sqlite_exec(store, store->writer, sqlite_schema, error);
    if (!err) err = sqlite_exec(store, store->writer, state, error);
    if (!err) err = sqlite_exec(store, store->writer, "COMMIT", error);
end:
    sqlite3_free(state);
    if (!sqlite3_get_autocommit(store->writer))
        sqlite3_exec(store->writer, "ROLLBACK", NULL, NULL, NULL);
    return err;
}

static enum pawl_err sqlite_prepare(struct pawl_sqlite *store, struct pawl_error *error) {
    for (size_t i = 0; i < PAWL_SQL_COUNT; i++) {
        sqlite3 *db = sqlite_statements[i].of_writer ? store->writer : store->reader;
        char *sql = sqlite3_mprintf(sqlite_statements[i].sql, store->state_table);
        if (!sql) return pawl__fail_plain(error, PAWL_E_NOMEM);
        int rc =
            sqlite3_prepare_v3(db, sql, -1, SQLITE_PREPARE_PERSISTENT, &store->statements[i], NULL);
        sqlite3_free(sql);
        if (rc == SQLITE_ERROR)
            return pawl__fail(error, PAWL_E_FORMAT,
                              "%s: a table has not the columns that it should have (%s); was it "
                              "changed by hand, or is \"%s\" a table of another program?",
                              store->path, sqlite3_errmsg(db), store->state_table);
        if (rc) return pawl__sqlite_fail(store, db, "open it", error);
    }
    return PAWL_OK;
}

// Moves what an earlier process left in the WAL into the database.
//
// What recovery reads there need not be on the disk: a process that was killed may not have synced
// it, and after a sync that failed the system shows bytes that it will never write. Whoever read
// it, or committed behind it, would lose that when the power fails. So it is written once more.
static enum pawl_err sqlite_settle(struct pawl_sqlite *store, struct pawl_error *error) {
    int rc =
        sqlite3_wal_checkpoint_v2(store->writer, "main", SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
    if (rc == SQLITE_OK || rc == SQLITE_BUSY)
        return PAWL_OK; // busy: others have it open, so that nothing was recovered
    return pawl__sqlite_fail(store, store->writer, "copy the -wal file into the database", error);
}

// Opens both connections; the lock is held.
static enum pawl_err sqlite_connect(struct pawl_sqlite *store, struct pawl_error *error) {
    sqlite3 *db = store->writer;
    enum pawl_err err = sqlite_exec(store, db, sqlite_writer_pragmas, error);
    if (err) return err;
    sqlite3_wal_hook(db, sqlite_on_commit, store);
    err = sqlite_create_tables(store, error);
    if (!err) err = sqlite_settle(store, error);
    if (err) return err;

    int timeout = (int)(store->busy_timeout / PAWL_MILLISECOND);
    int rc = sqlite3_open_v2(store->path, &store->reader,
                             SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX, NULL);
    if (!store->reader) return pawl__fail_plain(error, PAWL_E_NOMEM);
    if (rc) return pawl__sqlite_fail(store, store->reader, "open it", error);
    sqlite3_busy_timeout(store->reader, timeout);
    sqlite3_db_config(store->reader, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    err = sqlite_exec(store, store->reader, sqlite_reader_pragmas, error);
    return err ? err : sqlite_prepare(store, error);
}

// Opens the file, without reading it yet, to learn its full name, and with it the lock's.
static enum pawl_err sqlite_open_file(struct pawl_sqlite *store, const char *path,
                                      struct pawl_error *error) {
    const char *vfs = pawl__sqlite_vfs();
    if (!vfs) return pawl__fail_plain(error, PAWL_E_NOMEM);
    // "file:..." would be read as a URI.
    char *plain = sqlite3_mprintf(strncmp(path, "file:", 5) == 0 ? "./%s" : "%s", path);
    if (!plain) return pawl__fail_plain(error, PAWL_E_NOMEM);
    int rc = sqlite3_open_v2(plain, &store->writer,
                             SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, vfs);
    sqlite3_free(plain);
    if (!store->writer) return pawl__fail_plain(error, PAWL_E_NOMEM);
    if (rc == SQLITE_CANTOPEN)
        return pawl__sqlite_fail_open(path, sqlite3_system_errno(store->writer), error);
    if (rc) return pawl__fail(error, PAWL_E_IO, "%s: %s", path, sqlite3_errmsg(store->writer));
    if (sqlite3_db_readonly(store->writer, "main") == 1)
        return pawl__fail(error, PAWL_E_IO,
                          "%s is read-only for this user; make it and its directory writable",
                          path);
    sqlite3_busy_timeout(store->writer, (int)(store->busy_timeout / PAWL_MILLISECOND));

    const char *full = sqlite3_db_filename(store->writer, "main");
    store->path = pawl__str_dup(pawl__str(full));
    struct pawl_buf lock = {0};
    if (pawl__buf_format(&lock, "%s-pawl", full))
        store->lock_path = pawl__str_dup(pawl__buf_str(&lock));
    pawl__buf_finish(&lock);
    return store->path && store->lock_path ? PAWL_OK : pawl__fail_plain(error, PAWL_E_NOMEM);
}

static bool sqlite_is_name(const char *name) {
    if (!*name || strncmp(name, "pawl_", 5) == 0 || strncmp(name, "sqlite_", 7) == 0) return false;
    for (; *name; name++)
        if (!isalnum((unsigned char)*name) && *name != '_') return false;
    return true;
}

static const struct pawl_store_ops sqlite_ops = {
    .close = sqlite_close,
    .shards = pawl__sqlite_shards,
    .lease = pawl__sqlite_lease,
    .renew = pawl__sqlite_renew,
    .release = pawl__sqlite_release,
    .commit = pawl__sqlite_commit,
    .put_member = pawl__sqlite_put_member,
    .remove_member = pawl__sqlite_remove_member,
    .tend = pawl__sqlite_tend,
    .holders = pawl__sqlite_holders,
    .members = pawl__sqlite_members,
    .read_log = pawl__sqlite_read_log,
    .read_mail = pawl__sqlite_read_mail,
    .load = pawl__sqlite_load,
    .scan_live = pawl__sqlite_scan_live,
    .query = pawl__sqlite_query,
    .count = pawl__sqlite_count,
    .get_state = pawl__sqlite_get_state,
};

enum pawl_err pawl__sqlite_open(const struct pawl_sqlite_options *options, struct pawl_store **out,
                                struct pawl_error *error) {
    const char *state_table = options->state_table ? options->state_table : "state";
    const char *metadata_table = options->metadata_table ? options->metadata_table : "metadata";
    if (!options->path || !*options->path || strcmp(options->path, ":memory:") == 0)
        return pawl__fail(error, PAWL_E_INVALID, "the SQLite store needs the path of a file");
    if (!sqlite_is_name(state_table) || !sqlite_is_name(metadata_table))
        return pawl__fail(error, PAWL_E_INVALID,
                          "\"%s\" and \"%s\" cannot both be names of tables: letters, digits and "
                          "_, not starting with pawl_ or sqlite_",
                          state_table, metadata_table);

    struct pawl_sqlite *store = calloc(1, sizeof *store);
    if (!store) return pawl__fail_plain(error, PAWL_E_NOMEM);
    store->base =
        (struct pawl_store){&sqlite_ops, "state.sqlite", {.shared = true, .row_max = PAWL_ROW_MAX}};
    store->lock_fd = store->probe_fd = -1;
    store->busy_timeout = options->busy_timeout > 0 ? options->busy_timeout : 2 * PAWL_SECOND;
    store->cleanup_interval = options->cleanup_interval;
    store->cleaned_at = pawl__clock_steady();
    store->checkpoint_at = PAWL_SQLITE_WAL_PAGES;
    store->state_table = pawl__str_dup(pawl__str(state_table));
    store->metadata_table = pawl__str_dup(pawl__str(metadata_table));
    enum pawl_err err = store->state_table && store->metadata_table
                            ? PAWL_OK
                            : pawl__fail_plain(error, PAWL_E_NOMEM);
    if (!err) err = sqlite_open_file(store, options->path, error);
    if (!err) err = pawl__sqlite_lock_open(store, error);
    if (!err) err = pawl__sqlite_lock(store, store->busy_timeout, error);
    if (!err) {
        err = sqlite_connect(store, error);
        // A file that is not ours is left as it was found.
        if (err && store->lock_is_new && sqlite3_errcode(store->writer) == SQLITE_NOTADB)
            unlink(store->lock_path);
        pawl__sqlite_unlock(store);
    }
    if (err) {
        sqlite_close(&store->base);
        return err;
    }
    *out = &store->base;
    return PAWL_OK;
}
