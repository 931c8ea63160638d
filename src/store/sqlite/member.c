// The daemons of an app. Each keeps the byte of its row, so that the kernel tells who lives; rows
// of those who are gone are removed by the next one that tells something.

#include "base/array.h"
#include "store/sqlite/internal.h"

static enum pawl_err member_fail(struct pawl_sqlite *store, struct pawl_error *error) {
    return pawl__sqlite_fail(store, store->writer, "write a member", error);
}

static enum pawl_err member_sweep(struct pawl_sqlite *store, struct pawl_str app,
                                  struct pawl_str id, struct pawl_error *error) {
    sqlite3_stmt *rows = store->statements[PAWL_SQL_MEMBER_ROWS];
    pawl__sqlite_bind_text(rows, 1, app);
    pawl__sqlite_bind_text(rows, 2, id);
    enum pawl_err err = PAWL_OK;
    while (!err && sqlite3_step(rows) == SQLITE_ROW) {
        sqlite3_int64 row = sqlite3_column_int64(rows, 0);
        if (pawl__sqlite_is_held(store, pawl__sqlite_member_byte(row))) continue;
        sqlite3_bind_int64(store->statements[PAWL_SQL_MEMBER_DROP], 1, row);
        if (pawl__sqlite_run(store, PAWL_SQL_MEMBER_DROP)) err = member_fail(store, error);
    }
    if (sqlite3_reset(rows) && !err) err = member_fail(store, error);
    return err;
}

enum pawl_err pawl__sqlite_put_member(struct pawl_store *base, struct pawl_str app,
                                      const struct pawl_member *member, int64_t ttl,
                                      struct pawl_error *error) {
    struct pawl_sqlite *store = (struct pawl_sqlite *)base;
    sqlite3_stmt *put = store->statements[PAWL_SQL_MEMBER_PUT];
    enum pawl_err err = pawl__sqlite_begin(store, false, error);
    if (err) return err;
    pawl__sqlite_bind_text(put, 1, app);
    pawl__sqlite_bind_text(put, 2, member->id);
    pawl__sqlite_bind_text(put, 3, member->address);
    pawl__sqlite_bind_blob(put, 4, member->info);
    sqlite3_bind_int64(put, 5, member->workers);
    sqlite3_bind_int64(put, 6, member->loops);
    sqlite3_bind_int64(put, 7, pawl__clock_wall());
    sqlite3_int64 row = 0;
    while (sqlite3_step(put) == SQLITE_ROW) row = sqlite3_column_int64(put, 0);
    if (sqlite3_reset(put)) err = member_fail(store, error);
    if (!err) err = pawl__sqlite_hold(store, pawl__sqlite_member_byte(row), error);
    if (err == PAWL_E_HELD)
        pawl__fail(error, err, "%s: the member %.*s of %.*s is another process", store->path,
                   PAWL_FMT(member->id), PAWL_FMT(app));
    if (!err) err = member_sweep(store, app, member->id, error);
    return pawl__sqlite_end(store, err, error);
}

enum pawl_err pawl__sqlite_remove_member(struct pawl_store *base, struct pawl_str app,
                                         struct pawl_str id, struct pawl_error *error) {
    struct pawl_sqlite *store = (struct pawl_sqlite *)base;
    sqlite3_stmt *remove = store->statements[PAWL_SQL_MEMBER_REMOVE];
    enum pawl_err err = pawl__sqlite_begin(store, false, error);
    if (err) return err;
    pawl__sqlite_bind_text(remove, 1, app);
    pawl__sqlite_bind_text(remove, 2, id);
    sqlite3_int64 row = 0;
    while (sqlite3_step(remove) == SQLITE_ROW) row = sqlite3_column_int64(remove, 0);
    if (sqlite3_reset(remove)) err = member_fail(store, error);
    err = pawl__sqlite_end(store, err, error);
    if (!err && row) pawl__sqlite_let_go(store, pawl__sqlite_member_byte(row));
    return err;
}

enum pawl_err pawl__sqlite_members(struct pawl_store *base, struct pawl_str app,
                                   struct pawl_arena *arena, struct pawl_member **members,
                                   size_t *count, struct pawl_error *error) {
    struct pawl_sqlite *store = (struct pawl_sqlite *)base;
    sqlite3_stmt *find = store->statements[PAWL_SQL_READ_MEMBERS];
    pawl__sqlite_bind_text(find, 1, app);
    enum pawl_err err = PAWL_OK;
    size_t cap = 0;
    int rc = SQLITE_DONE;
    *members = NULL;
    *count = 0;
    while (!err && (rc = sqlite3_step(find)) == SQLITE_ROW) {
        int64_t byte = pawl__sqlite_member_byte(sqlite3_column_int64(find, 0));
        if (!pawl__sqlite_is_held(store, byte)) continue;
        struct pawl_member row = {.id = pawl__sqlite_column(find, 1),
                                  .address = pawl__sqlite_column(find, 2),
                                  .info = pawl__sqlite_column(find, 3),
                                  .workers = (uint32_t)sqlite3_column_int64(find, 4),
                                  .loops = (uint32_t)sqlite3_column_int64(find, 5),
                                  .joined_at = sqlite3_column_int64(find, 6)};
        bool ok = pawl__array_room_in(arena, (void **)members, *count, &cap, sizeof row) &&
                  pawl__sqlite_keep(arena, &row.id) && pawl__sqlite_keep(arena, &row.address) &&
                  pawl__sqlite_keep(arena, &row.info);
        if (ok)
            (*members)[(*count)++] = row;
        else
            err = pawl__fail_plain(error, PAWL_E_NOMEM);
    }
    return pawl__sqlite_read_end(store, PAWL_SQL_READ_MEMBERS, err, rc, error);
}
