// What no commit should wait for.

#include "store/sqlite/internal.h"

// How long a checkpoint waits for readers when the WAL has become too big.
#define TEND_READER_WAIT_MS 50

#define TEND_WAL_STEP  (4 << 20)  // bytes by which the WAL is made longer
#define TEND_WAL_PIECE (64 << 10) // at most 128 KiB: SQLite's xWrite takes no more at once

// A reader that began before the last commit keeps anything from being copied (sqlite/vfs.c), and
// one that is still at work keeps the WAL from being started anew. Then the next try comes when a
// bit more was written. When the WAL has grown far beyond its size by that, the checkpoint waits
// for the readers, for a moment: a scan ends some time, and new ones do not start meanwhile.
enum pawl_err pawl__sqlite_checkpoint(struct pawl_sqlite *store, struct pawl_error *error) {
    bool wait = store->wal_pages >= PAWL_SQLITE_WAL_TOO_BIG;
    if (wait) sqlite3_busy_timeout(store->writer, TEND_READER_WAIT_MS);
    int rc = sqlite3_wal_checkpoint_v2(store->writer, "main",
                                       wait ? SQLITE_CHECKPOINT_RESTART : SQLITE_CHECKPOINT_PASSIVE,
                                       NULL, NULL);
    if (wait) sqlite3_busy_timeout(store->writer, (int)(store->busy_timeout / PAWL_MILLISECOND));
    store->checkpoint_at =
        store->wal_pages + (wait ? PAWL_SQLITE_WAL_TOO_BIG : PAWL_SQLITE_WAL_PAGES) / 4;
    if (rc != SQLITE_OK && rc != SQLITE_BUSY)
        return pawl__sqlite_fail(store, store->writer, "copy the -wal file into the database",
                                 error);
    return PAWL_OK;
}

// Makes the WAL longer than what is in it, by writing zeros behind its end.
//
// Syncing an overwritten page costs half as much as syncing one that makes the file grow, as the
// file system has nothing to note of it. Zeros are no valid frame, so that whoever reads the WAL
// after a crash ends where its frames end. After the first checkpoint the file is long enough, and
// is used again from its beginning. The lock is held. A failure changes nothing.
static void tend_extend_wal(struct pawl_sqlite *store) {
    static const char zeros[TEND_WAL_PIECE];
    const sqlite3_int64 frame = PAWL_SQLITE_PAGE_SIZE + 24, used = 32 + store->wal_pages * frame;
    sqlite3_file *wal = NULL;
    sqlite3_int64 size;
    sqlite3_file_control(store->writer, "main", SQLITE_FCNTL_JOURNAL_POINTER, &wal);
    if (!wal || !wal->pMethods || wal->pMethods->xFileSize(wal, &size) != SQLITE_OK) return;
    if (size - used > TEND_WAL_STEP / 4 || size > PAWL_SQLITE_WAL_PAGES * frame) return;
    for (sqlite3_int64 end = size + TEND_WAL_STEP; size < end; size += TEND_WAL_PIECE)
        if (wal->pMethods->xWrite(wal, zeros, TEND_WAL_PIECE, size) != SQLITE_OK) return;
    wal->pMethods->xSync(wal, SQLITE_SYNC_NORMAL);
}

static enum pawl_err tend_clean(struct pawl_sqlite *store, struct pawl_error *error) {
    enum pawl_err err = pawl__sqlite_begin(store, false, error);
    if (err) return err;
    if (pawl__sqlite_run(store, PAWL_SQL_STATE_CLEAN))
        err = pawl__sqlite_fail(store, store->writer, "remove expired keys", error);
    return pawl__sqlite_end(store, err, error);
}

enum pawl_err pawl__sqlite_tend(struct pawl_store *base, struct pawl_error *error) {
    struct pawl_sqlite *store = (struct pawl_sqlite *)base;
    int64_t now = pawl__clock_steady();
    pawl__sqlite_look_beside(store);
    enum pawl_err err = pawl__sqlite_check_place(store, error);
    if (err) return err;
    if (store->cleanup_interval > 0 && now - store->cleaned_at >= store->cleanup_interval) {
        store->cleaned_at = now;
        err = tend_clean(store, error);
        if (err) return err;
    }
    if (store->unfilled) {
        err = pawl__sqlite_fill(store, error);
        if (err) return err;
    }
    err = pawl__sqlite_lock(store, store->busy_timeout, error);
    if (err) return err;
    if (store->wal_pages >= store->checkpoint_at)
        err = pawl__sqlite_checkpoint(store, error);
    else if (store->wal_pages)
        tend_extend_wal(store);
    pawl__sqlite_unlock(store);
    return err;
}
