#include <stdlib.h>

#include "base/array.h"
#include "store/sqlite/internal.h"

enum pawl_err pawl__sqlite_shards(struct pawl_store *base, struct pawl_str app, uint32_t wanted,
                                  uint32_t *count, struct pawl_error *error) {
    struct pawl_sqlite *store = (struct pawl_sqlite *)base;
    enum pawl_err err = pawl__sqlite_begin(store, false, error);
    if (err) return err;
    sqlite3_stmt *add = store->statements[PAWL_SQL_APP_ADD];
    pawl__sqlite_bind_text(add, 1, app);
    sqlite3_bind_int64(add, 2, wanted ? wanted : 1);
    if (pawl__sqlite_run(store, PAWL_SQL_APP_ADD))
        err = pawl__sqlite_fail(store, store->writer, "add an app", error);
    sqlite3_stmt *find = store->statements[PAWL_SQL_APP_SHARDS];
    pawl__sqlite_bind_text(find, 1, app);
    if (!err && sqlite3_step(find) == SQLITE_ROW) *count = (uint32_t)sqlite3_column_int64(find, 0);
    if (sqlite3_reset(find) && !err)
        err = pawl__sqlite_fail(store, store->writer, "read an app", error);
    return pawl__sqlite_end(store, err, error);
}

static bool lease_held(const struct pawl_sqlite *store, uint64_t shard) {
    for (size_t i = 0; i < store->held_count; i++)
        if (store->held[i].shard == shard) return true;
    return false;
}

static bool lease_reserve(struct pawl_sqlite *store) {
    return pawl__array_room((void **)&store->held, store->held_count, &store->held_cap,
                            sizeof *store->held);
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
                                 struct pawl_str owner, int64_t ttl, struct pawl_lease *lease,
                                 struct pawl_error *error) {
    struct pawl_sqlite *store = (struct pawl_sqlite *)base;
    struct pawl_lease found = {0};
    char holder[256];
    bool locked = false;
    if (!lease_reserve(store)) return pawl__fail_plain(error, PAWL_E_NOMEM);

    enum pawl_err err = pawl__sqlite_begin(store, false, error);
    if (err) return err;
    err = lease_find(store, app, number, &found, holder, error);
    if (!err) {
        // A second lock by the same store would succeed.
        err = lease_held(store, found.shard)
                  ? PAWL_E_HELD
                  : pawl__sqlite_hold(store, pawl__sqlite_shard_byte(found.shard), error);
        locked = !err;
        if (err == PAWL_E_HELD)
            pawl__fail(error, err, "%s: shard %u of %.*s is held by %s", store->path, number,
                       PAWL_FMT(app), holder);
    }
    if (!err) err = lease_mark(store, owner, &found, error);
    err = pawl__sqlite_end(store, err, error);
    if (err) {
        if (locked) pawl__sqlite_let_go(store, pawl__sqlite_shard_byte(found.shard));
        return err;
    }
    store->held[store->held_count++] = found;
    *lease = found;
    return PAWL_OK;
}

// The kernel keeps the lease as long as the process lives.
enum pawl_err pawl__sqlite_renew(struct pawl_store *base, struct pawl_renewal *renewals,
                                 size_t count, int64_t ttl, struct pawl_error *error) {
    struct pawl_sqlite *store = (struct pawl_sqlite *)base;
    for (size_t i = 0; i < count; i++) {
        const struct pawl_lease *lease = renewals[i].lease;
        renewals[i].lost = true;
        for (size_t h = 0; h < store->held_count; h++)
            if (store->held[h].shard == lease->shard && store->held[h].epoch == lease->epoch)
                renewals[i].lost = false;
    }
    return PAWL_OK;
}

enum pawl_err pawl__sqlite_release(struct pawl_store *base, const struct pawl_lease *lease,
                                   struct pawl_error *error) {
    struct pawl_sqlite *store = (struct pawl_sqlite *)base;
    for (size_t i = 0; i < store->held_count; i++) {
        if (store->held[i].shard != lease->shard || store->held[i].epoch != lease->epoch) continue;
        store->held[i] = store->held[--store->held_count];
        pawl__sqlite_let_go(store, pawl__sqlite_shard_byte(lease->shard));
        break;
    }
    return PAWL_OK;
}

enum pawl_err pawl__sqlite_holders(struct pawl_store *base, struct pawl_str app,
                                   struct pawl_arena *arena, struct pawl_holder **holders,
                                   size_t *count, struct pawl_error *error) {
    struct pawl_sqlite *store = (struct pawl_sqlite *)base;
    sqlite3_stmt *find = store->statements[PAWL_SQL_READ_HOLDERS];
    pawl__sqlite_bind_text(find, 1, app);
    enum pawl_err err = PAWL_OK;
    size_t cap = 0;
    int rc = SQLITE_DONE;
    *holders = NULL;
    *count = 0;
    while (!err && (rc = sqlite3_step(find)) == SQLITE_ROW) {
        struct pawl_holder row = {.number = (uint32_t)sqlite3_column_int64(find, 0),
                                  .shard = (uint64_t)sqlite3_column_int64(find, 1),
                                  .epoch = (uint64_t)sqlite3_column_int64(find, 2),
                                  .owner = pawl__sqlite_column(find, 3)};
        row.held = pawl__sqlite_is_held(store, pawl__sqlite_shard_byte(row.shard));
        bool ok = pawl__array_room_in(arena, (void **)holders, *count, &cap, sizeof row) &&
                  pawl__sqlite_keep(arena, &row.owner);
        if (ok)
            (*holders)[(*count)++] = row;
        else
            err = pawl__fail_plain(error, PAWL_E_NOMEM);
    }
    return pawl__sqlite_read_end(store, PAWL_SQL_READ_HOLDERS, err, rc, error);
}
