#include "store/sqlite/internal.h"

// BEGIN waits for programs that know SQLite's lock, but not ours.
static int transaction_begin(struct pawl_sqlite *store, bool at_once) {
    if (at_once) sqlite3_busy_timeout(store->writer, 0);
    int rc = pawl__sqlite_run(store, PAWL_SQL_BEGIN);
    if (at_once) sqlite3_busy_timeout(store->writer, (int)(store->busy_timeout / PAWL_MILLISECOND));
    return rc;
}

enum pawl_err pawl__sqlite_begin(struct pawl_sqlite *store, bool at_once,
                                 struct pawl_error *error) {
    enum pawl_err err = pawl__sqlite_lock(store, at_once ? 0 : store->busy_timeout, error);
    if (err) return err;
    err = pawl__sqlite_check_place(store, error);
    if (!err && transaction_begin(store, at_once))
        err = pawl__sqlite_fail(store, store->writer, "write", error);
    if (!err) {
        err = pawl__sqlite_keep_up(store, error);
        if (err) pawl__sqlite_run(store, PAWL_SQL_ROLLBACK);
    }
    if (err) pawl__sqlite_unlock(store);
    return err;
}

enum pawl_err pawl__sqlite_end(struct pawl_sqlite *store, enum pawl_err err,
                               struct pawl_error *error) {
    if (!err && pawl__sqlite_run(store, PAWL_SQL_COMMIT))
        err = pawl__sqlite_fail(store, store->writer, "commit", error);
    // SQLite has rolled back by itself after some errors.
    if (!sqlite3_get_autocommit(store->writer)) pawl__sqlite_run(store, PAWL_SQL_ROLLBACK);
    if (store->wal_pages < PAWL_SQLITE_WAL_PAGES) store->checkpoint_at = PAWL_SQLITE_WAL_PAGES;
    pawl__sqlite_unlock(store);
    return err;
}
