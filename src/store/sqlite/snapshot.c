// Snapshots: one row of pawl_instance each.
//
// The history of an instance that has been put once stands in its row: a workflow that lives
// between two checkpoints costs one row. When more history comes, the first part moves to
// pawl_history, once, and each part gets a row there; so a long history is not written again with
// each put.

#include "store/checksum.h"
#include "store/sqlite/internal.h"

// Steps a statement that returns a row id, if it finds one; |*row| is 0 otherwise.
static enum pawl_err snapshot_step(struct pawl_sqlite *store, enum pawl_sqlite_statement statement,
                                   const char *doing, sqlite3_int64 *row,
                                   struct pawl_error *error) {
    sqlite3_stmt *run = store->statements[statement];
    *row = 0;
    while (sqlite3_step(run) == SQLITE_ROW) *row = sqlite3_column_int64(run, 0);
    if (sqlite3_reset(run)) return pawl__sqlite_fail(store, store->writer, doing, error);
    return PAWL_OK;
}

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

static void snapshot_bind(sqlite3_stmt *put, uint64_t shard, const struct pawl_snapshot *snapshot,
                          struct pawl_str state) {
    bool live = snapshot->active || snapshot->wake_at != INT64_MAX;
    sqlite3_bind_int64(put, 1, (sqlite3_int64)shard);
    pawl__sqlite_bind_text(put, 2, snapshot->id);
    sqlite3_bind_int64(put, 3, (sqlite3_int64)snapshot->position);
    pawl__sqlite_bind_text(put, 4, snapshot->name);
    sqlite3_bind_int64(put, 5, snapshot->status);
    sqlite3_bind_int64(put, 6, snapshot->created_at);
    sqlite3_bind_int64(put, 7, snapshot->updated_at);
    sqlite3_bind_int64(put, 8, snapshot->completed_at);
    sqlite3_bind_int64(put, 9, snapshot->wake_at);
    sqlite3_bind_int64(put, 10, snapshot->active);
    sqlite3_bind_int64(put, 11, live);
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
    sqlite3_int64 there;
    err = snapshot_step(store, PAWL_SQL_HISTORY_ANY, "read a history", &there, error);
    if (err) return err;
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

enum pawl_err pawl__sqlite_put(struct pawl_sqlite *store, uint64_t shard,
                               const struct pawl_snapshot *snapshot, struct pawl_error *error) {
    bool more = snapshot->history_from > 0;
    pawl__buf_clear(&store->row);
    pawl__buf_clear(&store->history);
    enum pawl_err err = pawl__row_seal(&store->row, snapshot->state, error);
    if (!err) err = pawl__row_seal(&store->history, snapshot->history, error);
    if (err) return err;

    if (more) {
        sqlite3_stmt *split = store->statements[PAWL_SQL_HISTORY_SPLIT];
        sqlite3_bind_int64(split, 1, (sqlite3_int64)shard);
        pawl__sqlite_bind_text(split, 2, snapshot->id);
        if (pawl__sqlite_run(store, PAWL_SQL_HISTORY_SPLIT))
            return pawl__sqlite_fail(store, store->writer, "split a history", error);
    }

    sqlite3_stmt *put = store->statements[PAWL_SQL_INSTANCE_PUT];
    snapshot_bind(put, shard, snapshot, pawl__buf_str(&store->row));
    if (more || snapshot->history.len == 0)
        sqlite3_bind_null(put, 17);
    else
        pawl__sqlite_bind_blob(put, 17, pawl__buf_str(&store->history));
    sqlite3_int64 row;
    err = snapshot_step(store, PAWL_SQL_INSTANCE_PUT, "write a snapshot", &row, error);
    if (err) return err;
    return more ? snapshot_extend(store, row, snapshot, error) : snapshot_cut(store, row, 0, error);
}

enum pawl_err pawl__sqlite_delete(struct pawl_sqlite *store, uint64_t shard, struct pawl_str id,
                                  struct pawl_error *error) {
    sqlite3_stmt *delete = store->statements[PAWL_SQL_INSTANCE_DELETE];
    sqlite3_bind_int64(delete, 1, (sqlite3_int64)shard);
    pawl__sqlite_bind_text(delete, 2, id);
    sqlite3_int64 row;
    enum pawl_err err =
        snapshot_step(store, PAWL_SQL_INSTANCE_DELETE, "delete a snapshot", &row, error);
    return err || row == 0 ? err : snapshot_cut(store, row, 0, error);
}
