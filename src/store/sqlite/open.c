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

#include "store/row.h"
#include "store/sqlite/internal.h"

#include <ctype.h>
#include <stdlib.h>
#include <unistd.h>

#define SQLITE_QUOTE_(x)      #x
#define SQLITE_QUOTE(x)       SQLITE_QUOTE_(x)
#define SQLITE_PAGE_SIZE_TEXT SQLITE_QUOTE(PAWL_SQLITE_PAGE_SIZE)

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
static const char sqlite_writer_pragmas[] = "PRAGMA page_size=" SQLITE_PAGE_SIZE_TEXT ";"
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

static int sqlite_on_commit(void *arg, sqlite3 *db, const char *name, int pages) {
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
    pawl__buf_finish(&store->kinds.bytes);
    pawl__buf_finish(&store->texts.bytes);
    free(store->held);
    free(store->metadata_table);
    free(store->state_table);
    free(store->lock_path);
    free(store->path);
    free(store);
}

// --- opening --------------------------------------------------------------------------------

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
    enum pawl_err err = pawl__sqlite_exec(store, db, sqlite_writer_pragmas, error);
    if (err) return err;
    sqlite3_wal_hook(db, sqlite_on_commit, store);
    err = pawl__sqlite_create_tables(store, error);
    if (!err) err = pawl__sqlite_count_by_hand(store, error);
    if (!err) err = sqlite_settle(store, error);
    if (err) return err;

    int timeout = (int)(store->busy_timeout / PAWL_MILLISECOND);
    int rc = sqlite3_open_v2(store->path, &store->reader,
                             SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX, NULL);
    if (!store->reader) return pawl__fail_plain(error, PAWL_E_NOMEM);
    if (rc) return pawl__sqlite_fail(store, store->reader, "open it", error);
    sqlite3_busy_timeout(store->reader, timeout);
    sqlite3_db_config(store->reader, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    err = pawl__sqlite_exec(store, store->reader, sqlite_reader_pragmas, error);
    if (!err) err = sqlite_prepare(store, error);
    pawl__sqlite_note_place(store);
    return err;
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
    .ids = pawl__sqlite_ids,
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
