// Snapshots: one row of pawl_instance each.
//
// The history of an instance that has been put once stands in its row: a workflow that lives
// between two checkpoints costs one row. When more history comes, the first part moves to
// pawl_history, once, and each part gets a row there; so a long history is not written again with
// each put.

#include "store/row.h"
#include "store/sqlite/internal.h"

// Drops the parts of a history from event |first| on.
static enum pawl_err snapshot_cut(struct pawl_sqlite *store, sqlite3_int64 row, uint32_t first,
                                  struct pawl_error *error) {
    sqlite3_stmt *cut = store->statements[PAWL_SQL_HISTORY_CUT];
    sqlite3_bind_int64(cut, 1, row);
    sqlite3_bind_int64(cut, 2, first);
    if (pawl__sqlite_run(store, PAWL_SQL_HISTORY_CUT))
        return pawl__sqlite_fail(store, store->writer, "drop a history", error);
    return PAWL_OK;
}

static bool snapshot_is_live(const struct pawl_snapshot *snapshot) {
    return snapshot->active || snapshot->wake_at != INT64_MAX;
}

static void snapshot_bind(sqlite3_stmt *put, sqlite3_int64 first,
                          const struct pawl_snapshot *snapshot, struct pawl_str state) {
    sqlite3_bind_int64(put, 1, first);
    pawl__sqlite_bind_text(put, 2, snapshot->id);
    sqlite3_bind_int64(put, 3, (sqlite3_int64)snapshot->position);
    pawl__sqlite_bind_text(put, 4, snapshot->name);
    sqlite3_bind_int64(put, 5, snapshot->status);
    sqlite3_bind_int64(put, 6, snapshot->created_at);
    sqlite3_bind_int64(put, 7, snapshot->updated_at);
    sqlite3_bind_int64(put, 8, snapshot->completed_at);
    sqlite3_bind_int64(put, 9, snapshot->wake_at);
    sqlite3_bind_int64(put, 10, snapshot->active);
    sqlite3_bind_int64(put, 11, snapshot_is_live(snapshot));
    pawl__sqlite_bind_text(put, 12, snapshot->parent);
    pawl__sqlite_bind_text(put, 13, snapshot->tags);
    pawl__sqlite_bind_text(put, 14, snapshot->custom_status);
    pawl__sqlite_bind_text(put, 15, snapshot->failure_type);
    pawl__sqlite_bind_blob(put, 16, state);
}

// Adds the part of history that |store->history| holds, after those that are there.
static enum pawl_err snapshot_extend(struct pawl_sqlite *store, sqlite3_int64 row,
                                     const struct pawl_snapshot *snapshot,
                                     struct pawl_error *error) {
    enum pawl_err err = snapshot_cut(store, row, snapshot->history_from, error);
    if (err) return err;
    sqlite3_stmt *any = store->statements[PAWL_SQL_HISTORY_ANY];
    sqlite3_bind_int64(any, 1, row);
    bool there = sqlite3_step(any) == SQLITE_ROW;
    if (sqlite3_reset(any)) return pawl__sqlite_fail(store, store->writer, "read a history", error);
    if (!there)
        return pawl__fail(error, PAWL_E_INTERNAL,
                          "%s: history of %.*s from event %u on, but nothing before it is stored",
                          store->path, PAWL_FMT(snapshot->id), snapshot->history_from);
    if (snapshot->history.len == 0) return PAWL_OK;
    sqlite3_stmt *add = store->statements[PAWL_SQL_HISTORY_ADD];
    sqlite3_bind_int64(add, 1, row);
    sqlite3_bind_int64(add, 2, snapshot->history_from);
    pawl__sqlite_bind_blob(add, 3, pawl__buf_str(&store->history));
    if (pawl__sqlite_run(store, PAWL_SQL_HISTORY_ADD))
        return pawl__sqlite_fail(store, store->writer, "add to a history", error);
    return PAWL_OK;
}

// Finds the row of an instance; |*row| is 0 when there is none. After a row was found the statement
// has to be reset.
static enum pawl_err snapshot_find(struct pawl_sqlite *store, uint64_t shard, struct pawl_str id,
                                   sqlite3_int64 *row, struct pawl_error *error) {
    sqlite3_stmt *find = store->statements[PAWL_SQL_INSTANCE_FIND];
    sqlite3_bind_int64(find, 1, (sqlite3_int64)shard);
    pawl__sqlite_bind_text(find, 2, id);
    bool found = sqlite3_step(find) == SQLITE_ROW;
    *row = found ? sqlite3_column_int64(find, 0) : 0;
    if (found || sqlite3_reset(find) == SQLITE_OK) return PAWL_OK;
    return pawl__sqlite_fail(store, store->writer, "read a snapshot", error);
}

static bool snapshot_is(sqlite3_stmt *find, int column, struct pawl_str text) {
    return pawl__str_equal(pawl__sqlite_column(find, column), text);
}

// Whether |snapshot| leaves all that stands in indexes as it is, in the row that |find| is at.
// SQLite writes the entries again for a column that is set, also to what it was.
static bool snapshot_goes_on(sqlite3_stmt *find, const struct pawl_snapshot *snapshot) {
    return snapshot_is(find, 1, snapshot->name) &&
           sqlite3_column_int64(find, 2) == snapshot->status &&
           sqlite3_column_int64(find, 3) == snapshot->created_at &&
           sqlite3_column_int64(find, 4) == snapshot->completed_at &&
           sqlite3_column_int64(find, 5) == snapshot_is_live(snapshot) &&
           snapshot_is(find, 6, snapshot->parent) && snapshot_is(find, 7, snapshot->tags) &&
           snapshot_is(find, 8, snapshot->custom_status) &&
           snapshot_is(find, 9, snapshot->failure_type);
}

static struct pawl_sqlite_counted snapshot_counted(const struct pawl_snapshot *snapshot) {
    return (struct pawl_sqlite_counted){snapshot->name,
                                        snapshot->status,
                                        {[PAWL_SQLITE_TAGS] = snapshot->tags,
                                         [PAWL_SQLITE_CUSTOM_STATUS] = snapshot->custom_status}};
}

// As what the instance in the row that |find| is at is counted.
static struct pawl_sqlite_counted snapshot_was_counted(sqlite3_stmt *find) {
    return (struct pawl_sqlite_counted){
        pawl__sqlite_column(find, 1),
        sqlite3_column_int(find, 2),
        {[PAWL_SQLITE_TAGS] = pawl__sqlite_column(find, 7),
         [PAWL_SQLITE_CUSTOM_STATUS] = pawl__sqlite_column(find, 8)}};
}

// Runs |statement|, with what is to be written and, in front of it, |first|: a shard or a row.
static enum pawl_err snapshot_write(struct pawl_sqlite *store, enum pawl_sqlite_statement statement,
                                    sqlite3_int64 first, const struct pawl_snapshot *snapshot,
                                    struct pawl_error *error) {
    sqlite3_stmt *put = store->statements[statement];
    snapshot_bind(put, first, snapshot, pawl__buf_str(&store->row));
    if (snapshot->history_from > 0 || snapshot->history.len == 0)
        sqlite3_bind_null(put, 17);
    else
        pawl__sqlite_bind_blob(put, 17, pawl__buf_str(&store->history));
    if (pawl__sqlite_run(store, statement))
        return pawl__sqlite_fail(store, store->writer, "write a snapshot", error);
    return PAWL_OK;
}

// Writes an instance anew that has a row, with its history when |snapshot| is only more of it.
static enum pawl_err snapshot_change(struct pawl_sqlite *store, uint64_t shard, sqlite3_int64 row,
                                     const struct pawl_snapshot *snapshot,
                                     struct pawl_error *error) {
    sqlite3_stmt *find = store->statements[PAWL_SQL_INSTANCE_FIND];
    const struct pawl_sqlite_counted from = snapshot_was_counted(find),
                                     to = snapshot_counted(snapshot);
    bool goes_on = snapshot_goes_on(find, snapshot);
    enum pawl_err err =
        goes_on ? PAWL_OK : pawl__sqlite_count_change(store, shard, &from, &to, error);
    sqlite3_reset(find);
    if (!err && snapshot->history_from > 0) {
        sqlite3_bind_int64(store->statements[PAWL_SQL_HISTORY_SPLIT], 1, row);
        if (pawl__sqlite_run(store, PAWL_SQL_HISTORY_SPLIT))
            err = pawl__sqlite_fail(store, store->writer, "split a history", error);
    }
    if (!err)
        err = snapshot_write(store, goes_on ? PAWL_SQL_INSTANCE_GO_ON : PAWL_SQL_INSTANCE_SET, row,
                             snapshot, error);
    if (err) return err;
    return snapshot->history_from > 0 ? snapshot_extend(store, row, snapshot, error)
                                      : snapshot_cut(store, row, 0, error);
}

enum pawl_err pawl__sqlite_put(struct pawl_sqlite *store, uint64_t shard,
                               const struct pawl_snapshot *snapshot, struct pawl_error *error) {
    pawl__buf_clear(&store->row);
    pawl__buf_clear(&store->history);
    enum pawl_err err = pawl__row_seal(&store->row, snapshot->state, error);
    if (!err) err = pawl__row_seal(&store->history, snapshot->history, error);
    if (err) return err;

    if (snapshot->history_from == 0) { // most are new: a row that has no parts of a history yet
        err = snapshot_write(store, PAWL_SQL_INSTANCE_ADD, (sqlite3_int64)shard, snapshot, error);
        if (err) return err;
        const struct pawl_sqlite_counted counted = snapshot_counted(snapshot);
        if (sqlite3_changes(store->writer) == 1)
            return pawl__sqlite_count_more(store, shard, &counted, error);
    }
    sqlite3_int64 row;
    err = snapshot_find(store, shard, snapshot->id, &row, error);
    if (err) return err;
    if (row) return snapshot_change(store, shard, row, snapshot, error);
    return pawl__fail(error, PAWL_E_INTERNAL,
                      "%s: history of %.*s from event %u on, but nothing before it is stored",
                      store->path, PAWL_FMT(snapshot->id), snapshot->history_from);
}

enum pawl_err pawl__sqlite_delete(struct pawl_sqlite *store, uint64_t shard, struct pawl_str id,
                                  struct pawl_error *error) {
    sqlite3_stmt *find = store->statements[PAWL_SQL_INSTANCE_FIND];
    sqlite3_int64 row;
    enum pawl_err err = snapshot_find(store, shard, id, &row, error);
    if (err || !row) return err;
    const struct pawl_sqlite_counted counted = snapshot_was_counted(find);
    err = pawl__sqlite_count_less(store, shard, &counted, error);
    sqlite3_reset(find);
    if (err) return err;
    sqlite3_bind_int64(store->statements[PAWL_SQL_INSTANCE_DELETE], 1, row);
    if (pawl__sqlite_run(store, PAWL_SQL_INSTANCE_DELETE))
        return pawl__sqlite_fail(store, store->writer, "delete a snapshot", error);
    return snapshot_cut(store, row, 0, error);
}
