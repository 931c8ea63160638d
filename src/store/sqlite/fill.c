// Columns that rows of an earlier Pawl lack. They stand in the rows' bytes, and are filled a few at
// a time, so that opening a large file takes no longer. A process that ends in between begins anew,
// with those that are not filled yet.

#include "store/row.h"
#include "store/sqlite/internal.h"
#include "wire/columns.h"

#define FILL_ROWS 200 // in one transaction; about 5 ms

struct fill_row {
    sqlite3_int64 row;
    uint64_t shard;
    struct pawl_snapshot columns;
};

static enum pawl_err fill_fail(struct pawl_sqlite *store, struct pawl_error *error) {
    return pawl__sqlite_fail(store, store->writer, "fill columns", error);
}

// Reads the history's parts. One that is damaged is told when its instance is loaded; here the row
// is taken without.
static enum pawl_err fill_parts(struct pawl_sqlite *store, sqlite3_int64 row,
                                struct pawl_arena *arena, struct pawl_buf *out,
                                struct pawl_error *error) {
    sqlite3_stmt *parts = store->statements[PAWL_SQL_FILL_PARTS];
    sqlite3_bind_int64(parts, 1, row);
    while (sqlite3_step(parts) == SQLITE_ROW) {
        struct pawl_str events;
        if (pawl__row_open(pawl__sqlite_column(parts, 0), arena, &events)) break;
        pawl__buf_append_str(out, events);
    }
    if (sqlite3_reset(parts)) return fill_fail(store, error);
    return out->failed || arena->failed ? pawl__fail_plain(error, PAWL_E_NOMEM) : PAWL_OK;
}

static enum pawl_err fill_derive(struct pawl_sqlite *store, sqlite3_stmt *find,
                                 struct pawl_arena *arena, struct fill_row *out,
                                 struct pawl_error *error) {
    struct pawl_buf parts = {0};
    enum pawl_err err = PAWL_OK;
    struct pawl_snapshot *row = &out->columns;
    *out = (struct fill_row){.row = sqlite3_column_int64(find, 0),
                             .shard = (uint64_t)sqlite3_column_int64(find, 1)};
    row->name = pawl__sqlite_column(find, 5);
    row->status = sqlite3_column_int(find, 6);
    bool good = !pawl__row_open(pawl__sqlite_column(find, 3), arena, &row->state);
    if (sqlite3_column_type(find, 4) == SQLITE_NULL) {
        err = fill_parts(store, out->row, arena, &parts, error);
        row->history = pawl__buf_str(&parts);
    } else {
        good = good && !pawl__row_open(pawl__sqlite_column(find, 4), arena, &row->history);
    }
    if (!err && (arena->failed || (good && !pawl__columns_derive(arena, row))))
        err = pawl__fail_plain(error, PAWL_E_NOMEM);
    if (!err &&
        !(pawl__sqlite_keep(arena, &row->name) && pawl__sqlite_keep(arena, &row->parent) &&
          pawl__sqlite_keep(arena, &row->tags) && pawl__sqlite_keep(arena, &row->custom_status) &&
          pawl__sqlite_keep(arena, &row->failure_type)))
        err = pawl__fail_plain(error, PAWL_E_NOMEM);
    pawl__buf_finish(&parts);
    return err;
}

static enum pawl_err fill_set(struct pawl_sqlite *store, const struct fill_row *row,
                              struct pawl_error *error) {
    sqlite3_stmt *set = store->statements[PAWL_SQL_FILL_SET];
    sqlite3_bind_int64(set, 1, row->row);
    pawl__sqlite_bind_text(set, 2, row->columns.parent);
    pawl__sqlite_bind_text(set, 3, row->columns.tags);
    pawl__sqlite_bind_text(set, 4, row->columns.custom_status);
    pawl__sqlite_bind_text(set, 5, row->columns.failure_type);
    if (pawl__sqlite_run(store, PAWL_SQL_FILL_SET)) return fill_fail(store, error);
    const struct pawl_sqlite_counted from = {.name = row->columns.name,
                                             .status = row->columns.status};
    struct pawl_sqlite_counted to = from;
    to.texts[PAWL_SQLITE_TAGS] = row->columns.tags;
    to.texts[PAWL_SQLITE_CUSTOM_STATUS] = row->columns.custom_status;
    return pawl__sqlite_count_change(store, row->shard, &from, &to, error);
}

static enum pawl_err fill_some(struct pawl_sqlite *store, struct pawl_arena *arena,
                               struct pawl_error *error) {
    struct fill_row *rows = pawl__arena_alloc(arena, FILL_ROWS * sizeof *rows);
    size_t count = 0;
    if (!rows) return pawl__fail_plain(error, PAWL_E_NOMEM);
    enum pawl_err err = pawl__sqlite_begin(store, false, error);
    if (err) return err;
    pawl__sqlite_count_clear(store);
    sqlite3_stmt *find = store->statements[PAWL_SQL_FILL_FIND];
    sqlite3_bind_int64(find, 1, store->filled_to);
    sqlite3_bind_int64(find, 2, FILL_ROWS);
    while (!err && sqlite3_step(find) == SQLITE_ROW)
        err = fill_derive(store, find, arena, &rows[count++], error);
    if (sqlite3_reset(find) && !err) err = fill_fail(store, error);
    for (size_t i = 0; !err && i < count; i++) err = fill_set(store, &rows[i], error);
    if (!err) err = pawl__sqlite_count_write(store, error);
    if (!err && count < FILL_ROWS && pawl__sqlite_run(store, PAWL_SQL_FILL_DONE))
        err = fill_fail(store, error);
    err = pawl__sqlite_end(store, err, error);
    if (err) return err;
    if (count == FILL_ROWS)
        store->filled_to = rows[count - 1].row;
    else
        store->unfilled = false;
    return PAWL_OK;
}

enum pawl_err pawl__sqlite_fill(struct pawl_sqlite *store, struct pawl_error *error) {
    struct pawl_arena arena = {0};
    enum pawl_err err = fill_some(store, &arena, error);
    pawl__arena_finish(&arena);
    return err;
}
