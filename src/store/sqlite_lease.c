#include "store/sqlite.h"

#include <stdlib.h>

static bool lease_held(const struct pawl_sqlite *store, uint64_t shard) {
    for (size_t i = 0; i < store->held_count; i++)
        if (store->held[i].shard == shard) return true;
    return false;
}

static bool lease_reserve(struct pawl_sqlite *store) {
    if (store->held_count < store->held_cap) return true;
    size_t cap = store->held_cap ? 2 * store->held_cap : 8;
    struct pawl_lease *held = realloc(store->held, cap * sizeof *held);
    if (!held) return false;
    store->held = held;
    store->held_cap = cap;
    return true;
}

// Finds the shard's row, or makes it; |owner| is the last holder's text, for the error.
static enum pawl_err lease_find(struct pawl_sqlite *store, struct pawl_str app, uint32_t number,
                                struct pawl_lease *lease, char owner[256],
                                struct pawl_error *error) {
    sqlite3_stmt *add = store->statements[PAWL_SQL_SHARD_ADD];
    pawl__sqlite_bind_text(add, 1, app);
    sqlite3_bind_int64(add, 2, number);
    if (pawl__sqlite_run(store, PAWL_SQL_SHARD_ADD))
        return pawl__sqlite_fail(store, store->writer, "add a shard", error);

    sqlite3_stmt *find = store->statements[PAWL_SQL_SHARD_FIND];
    pawl__sqlite_bind_text(find, 1, app);
    sqlite3_bind_int64(find, 2, number);
    if (sqlite3_step(find) != SQLITE_ROW) {
        sqlite3_reset(find);
        return pawl__sqlite_fail(store, store->writer, "find a shard", error);
    }
    lease->shard = (uint64_t)sqlite3_column_int64(find, 0);
    lease->epoch = (uint64_t)sqlite3_column_int64(find, 1) + 1;
    struct pawl_str text = pawl__sqlite_column(find, 2);
    if (text.len > 255) text.len = 255;
    if (text.len) memcpy(owner, text.data, text.len);
    owner[text.len] = 0;
    sqlite3_reset(find);
    if (lease->shard > PAWL_SQLITE_SHARD_MAX)
        return pawl__fail(error, PAWL_E_TOO_LARGE, "%s: more than %llu shards in one file",
                          store->path, (unsigned long long)PAWL_SQLITE_SHARD_MAX);
    return PAWL_OK;
}

// Makes the lease the newest one and finds where the log ends.
static enum pawl_err lease_mark(struct pawl_sqlite *store, struct pawl_str owner,
                                struct pawl_lease *lease, struct pawl_error *error) {
    sqlite3_stmt *mark = store->statements[PAWL_SQL_SHARD_LEASE];
    sqlite3_bind_int64(mark, 1, (sqlite3_int64)lease->shard);
    pawl__sqlite_bind_text(mark, 2, owner);
    if (pawl__sqlite_run(store, PAWL_SQL_SHARD_LEASE))
        return pawl__sqlite_fail(store, store->writer, "lease a shard", error);

    sqlite3_stmt *last = store->statements[PAWL_SQL_LOG_LAST];
    sqlite3_bind_int64(last, 1, (sqlite3_int64)lease->shard);
    int rc = sqlite3_step(last);
    if (rc == SQLITE_ROW) lease->position = (uint64_t)sqlite3_column_int64(last, 0);
    sqlite3_reset(last);
    if (rc != SQLITE_ROW)
        return pawl__sqlite_fail(store, store->writer, "find the end of a log", error);
    return PAWL_OK;
}

enum pawl_err pawl__sqlite_lease(struct pawl_store *base, struct pawl_str app, uint32_t number,
                                 struct pawl_str owner, struct pawl_lease *lease,
                                 struct pawl_error *error) {
    struct pawl_sqlite *store = (struct pawl_sqlite *)base;
    struct pawl_lease found = {0};
    char holder[256];
    bool locked = false;
    if (!lease_reserve(store)) return pawl__fail_plain(error, PAWL_E_NOMEM);

    enum pawl_err err = pawl__sqlite_begin(store, error);
    if (err) return err;
    err = lease_find(store, app, number, &found, holder, error);
    if (!err) {
        // A second lock by the same store would succeed.
        err = lease_held(store, found.shard) ? PAWL_E_HELD
                                             : pawl__sqlite_lock_shard(store, found.shard, error);
        locked = !err;
        if (err == PAWL_E_HELD)
            pawl__fail(error, err, "%s: shard %u of %.*s is held by %s", store->path, number,
                       PAWL_FMT(app), holder);
    }
    if (!err) err = lease_mark(store, owner, &found, error);
    err = pawl__sqlite_end(store, err, error);
    if (err) {
        if (locked) pawl__sqlite_unlock_shard(store, found.shard);
        return err;
    }
    store->held[store->held_count++] = found;
    *lease = found;
    return PAWL_OK;
}

// The kernel keeps the lease as long as the process lives.
enum pawl_err pawl__sqlite_renew(struct pawl_store *base, const struct pawl_lease *lease,
                                 struct pawl_error *error) {
    (void)base;
    (void)lease;
    (void)error;
    return PAWL_OK;
}

enum pawl_err pawl__sqlite_release(struct pawl_store *base, const struct pawl_lease *lease,
                                   struct pawl_error *error) {
    (void)error;
    struct pawl_sqlite *store = (struct pawl_sqlite *)base;
    for (size_t i = 0; i < store->held_count; i++) {
        if (store->held[i].shard != lease->shard || store->held[i].epoch != lease->epoch) continue;
        store->held[i] = store->held[--store->held_count];
        pawl__sqlite_unlock_shard(store, lease->shard);
        break;
    }
    return PAWL_OK;
}
