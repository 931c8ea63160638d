#include "store/row.h"
#include "store/sqlite/internal.h"

#include <stdio.h>

static enum pawl_err read_fail(struct pawl_sqlite *store, struct pawl_error *error) {
    return pawl__sqlite_fail(store, store->reader, "read", error);
}

enum pawl_err pawl__sqlite_read_end(struct pawl_sqlite *store, enum pawl_sqlite_statement statement,
                                    enum pawl_err err, int rc, struct pawl_error *error) {
    if (!err && rc != SQLITE_DONE && rc != SQLITE_ROW) err = read_fail(store, error);
    sqlite3_reset(store->statements[statement]);
    return err;
}

// Several statements see one state of the database between begin and end. |*outer| is set when this
// is no call from a callback, and thus has a transaction of its own.
static enum pawl_err read_begin(struct pawl_sqlite *store, bool *outer, struct pawl_error *error) {
    *outer = sqlite3_get_autocommit(store->reader);
    if (!*outer) return PAWL_OK;
    return pawl__sqlite_run(store, PAWL_SQL_READ_BEGIN) ? read_fail(store, error) : PAWL_OK;
}

static void read_finish(struct pawl_sqlite *store, bool outer) {
    if (outer) pawl__sqlite_run(store, PAWL_SQL_READ_END);
}

// --- the log --------------------------------------------------------------------------------

static enum pawl_err read_trimmed(struct pawl_sqlite *store, uint64_t shard, uint64_t *trimmed,
                                  struct pawl_error *error) {
    sqlite3_stmt *find = store->statements[PAWL_SQL_READ_TRIMMED];
    sqlite3_bind_int64(find, 1, (sqlite3_int64)shard);
    int rc = sqlite3_step(find);
    *trimmed = rc == SQLITE_ROW ? (uint64_t)sqlite3_column_int64(find, 0) : 0;
    return pawl__sqlite_read_end(store, PAWL_SQL_READ_TRIMMED, PAWL_OK, rc, error);
}

// |room| is for what is compressed.
static enum pawl_err read_batch(struct pawl_sqlite *store, uint64_t shard, uint64_t expected,
                                struct pawl_arena *room, pawl_batch_fn fn, void *arg,
                                struct pawl_error *error) {
    sqlite3_stmt *log = store->statements[PAWL_SQL_READ_LOG];
    struct pawl_batch batch = {.position = (uint64_t)sqlite3_column_int64(log, 0) &
                                           PAWL_SQLITE_POSITION_MAX};
    char what[96];
    if (batch.position != expected) {
        snprintf(what, sizeof what, "the log of shard %llu (batch %llu is missing)",
                 (unsigned long long)shard, (unsigned long long)expected);
        return pawl__sqlite_fail_row(store, PAWL_E_CORRUPT, what, error);
    }
    enum pawl_err err = pawl__row_open(pawl__sqlite_column(log, 1), room, &batch.records);
    if (err) {
        snprintf(what, sizeof what, "batch %llu of shard %llu", (unsigned long long)expected,
                 (unsigned long long)shard);
        return pawl__sqlite_fail_row(store, err, what, error);
    }
    return fn(arg, &batch, error);
}

enum pawl_err pawl__sqlite_read_log(struct pawl_store *base, uint64_t shard, uint64_t after,
                                    pawl_batch_fn fn, void *arg, struct pawl_error *error) {
    struct pawl_sqlite *store = (struct pawl_sqlite *)base;
    if (after >= PAWL_SQLITE_POSITION_MAX) return PAWL_OK;
    bool outer;
    struct pawl_arena room = {0};
    enum pawl_err err = read_begin(store, &outer, error);
    if (err) return err;
    uint64_t expected = 0;
    err = read_trimmed(store, shard, &expected, error);
    if (err) goto end;
    if (expected < after) expected = after;

    sqlite3_stmt *log = store->statements[PAWL_SQL_READ_LOG];
    uint64_t start = shard << PAWL_SQLITE_POSITION_BITS;
    sqlite3_bind_int64(log, 1, (sqlite3_int64)(start | after));
    sqlite3_bind_int64(log, 2, (sqlite3_int64)(start + PAWL_SQLITE_POSITION_MAX));
    int rc = SQLITE_DONE;
    while (!err && (rc = sqlite3_step(log)) == SQLITE_ROW) {
        pawl__arena_reset(&room);
        err = read_batch(store, shard, ++expected, &room, fn, arg, error);
    }
    pawl__arena_finish(&room);
    err = pawl__sqlite_read_end(store, PAWL_SQL_READ_LOG, err, rc, error);
end:
    read_finish(store, outer);
    return err;
}

// --- snapshots ------------------------------------------------------------------------------

struct pawl_snapshot pawl__sqlite_columns(sqlite3_stmt *row) {
    return (struct pawl_snapshot){
        .id = pawl__sqlite_column(row, 0),
        .position = (uint64_t)sqlite3_column_int64(row, 1),
        .name = pawl__sqlite_column(row, 2),
        .status = sqlite3_column_int(row, 3),
        .created_at = sqlite3_column_int64(row, 4),
        .updated_at = sqlite3_column_int64(row, 5),
        .completed_at = sqlite3_column_int64(row, 6),
        .wake_at = sqlite3_column_int64(row, 7),
        .active = sqlite3_column_int(row, 8) != 0,
        .parent = pawl__sqlite_column(row, 9),
        .tags = pawl__sqlite_column(row, 10),
        .custom_status = pawl__sqlite_column(row, 11),
        .failure_type = pawl__sqlite_column(row, 12),
    };
}

static enum pawl_err read_bad_row(struct pawl_sqlite *store, enum pawl_err err, struct pawl_str id,
                                  struct pawl_error *error) {
    char what[160];
    snprintf(what, sizeof what, "the snapshot of %.*s", PAWL_FMT(id));
    return pawl__sqlite_fail_row(store, err, what, error);
}

bool pawl__sqlite_keep(struct pawl_arena *arena, struct pawl_str *text) {
    text->data = pawl__arena_dup(arena, *text);
    return text->data;
}

static bool read_keep_columns(struct pawl_arena *arena, struct pawl_snapshot *row) {
    return pawl__sqlite_keep(arena, &row->id) && pawl__sqlite_keep(arena, &row->name) &&
           pawl__sqlite_keep(arena, &row->parent) && pawl__sqlite_keep(arena, &row->tags) &&
           pawl__sqlite_keep(arena, &row->custom_status) &&
           pawl__sqlite_keep(arena, &row->failure_type);
}

// Reads the parts of the history of |row| into |out|.
static enum pawl_err read_parts(struct pawl_sqlite *store, sqlite3_int64 row, struct pawl_str id,
                                struct pawl_arena *arena, struct pawl_buf *out,
                                struct pawl_error *error) {
    sqlite3_stmt *parts = store->statements[PAWL_SQL_READ_HISTORY];
    sqlite3_bind_int64(parts, 1, row);
    enum pawl_err err = PAWL_OK;
    int rc = SQLITE_DONE;
    for (bool first = true; !err && (rc = sqlite3_step(parts)) == SQLITE_ROW; first = false) {
        struct pawl_str events;
        err = first && sqlite3_column_int64(parts, 0) != 0
                  ? PAWL_E_CORRUPT
                  : pawl__row_open(pawl__sqlite_column(parts, 1), arena, &events);
        if (err)
            read_bad_row(store, err, id, error);
        else if (!pawl__buf_append_str(out, events))
            err = pawl__fail_plain(error, PAWL_E_NOMEM);
    }
    return pawl__sqlite_read_end(store, PAWL_SQL_READ_HISTORY, err, rc, error);
}

static enum pawl_err read_instance(struct pawl_sqlite *store, sqlite3_stmt *find,
                                   struct pawl_arena *arena, struct pawl_snapshot *out,
                                   struct pawl_error *error) {
    struct pawl_snapshot found = pawl__sqlite_columns(find);
    struct pawl_buf parts = {0};
    enum pawl_err err = pawl__row_open(pawl__sqlite_column(find, 14), arena, &found.state);
    bool whole = sqlite3_column_type(find, 15) != SQLITE_NULL;
    if (!err && whole) err = pawl__row_open(pawl__sqlite_column(find, 15), arena, &found.history);
    if (err) return read_bad_row(store, err, found.id, error);
    if (!whole) {
        err = read_parts(store, sqlite3_column_int64(find, 13), found.id, arena, &parts, error);
        if (err) goto end;
        found.history = pawl__buf_str(&parts);
    }
    if (read_keep_columns(arena, &found) && pawl__sqlite_keep(arena, &found.state) &&
        pawl__sqlite_keep(arena, &found.history))
        *out = found;
    else
        err = pawl__fail_plain(error, PAWL_E_NOMEM);
end:
    pawl__buf_finish(&parts);
    return err;
}

enum pawl_err pawl__sqlite_load(struct pawl_store *base, uint64_t shard, struct pawl_str id,
                                struct pawl_arena *arena, struct pawl_snapshot *out,
                                struct pawl_error *error) {
    // The parts of a history are read while |find| stands at its row, and so of the same state of
    // the database; no transaction has to be begun and ended for that.
    struct pawl_sqlite *store = (struct pawl_sqlite *)base;
    enum pawl_err err = PAWL_OK;
    sqlite3_stmt *find = store->statements[PAWL_SQL_READ_INSTANCE];
    sqlite3_bind_int64(find, 1, (sqlite3_int64)shard);
    pawl__sqlite_bind_text(find, 2, id);
    int rc = sqlite3_step(find);
    if (rc == SQLITE_ROW)
        err = read_instance(store, find, arena, out, error);
    else if (rc == SQLITE_DONE)
        err = pawl__fail_plain(error, PAWL_E_NOT_FOUND);
    return pawl__sqlite_read_end(store, PAWL_SQL_READ_INSTANCE, err, rc, error);
}

enum pawl_err pawl__sqlite_scan_live(struct pawl_store *base, uint64_t shard, pawl_snapshot_fn fn,
                                     void *arg, struct pawl_error *error) {
    struct pawl_sqlite *store = (struct pawl_sqlite *)base;
    sqlite3_stmt *live = store->statements[PAWL_SQL_READ_LIVE];
    sqlite3_bind_int64(live, 1, (sqlite3_int64)shard);
    enum pawl_err err = PAWL_OK;
    int rc = SQLITE_DONE;
    while (!err && (rc = sqlite3_step(live)) == SQLITE_ROW) {
        struct pawl_snapshot snapshot = pawl__sqlite_columns(live);
        err = fn(arg, &snapshot, error);
    }
    return pawl__sqlite_read_end(store, PAWL_SQL_READ_LIVE, err, rc, error);
}

enum pawl_err pawl__sqlite_ids(struct pawl_store *base, uint64_t shard, struct pawl_str after,
                               size_t limit, pawl_id_fn fn, void *arg, struct pawl_error *error) {
    struct pawl_sqlite *store = (struct pawl_sqlite *)base;
    sqlite3_stmt *ids = store->statements[PAWL_SQL_READ_IDS];
    sqlite3_bind_int64(ids, 1, (sqlite3_int64)shard);
    pawl__sqlite_bind_text(ids, 2, after);
    sqlite3_bind_int64(ids, 3, (sqlite3_int64)limit);
    enum pawl_err err = PAWL_OK;
    int rc = SQLITE_DONE;
    while (!err && (rc = sqlite3_step(ids)) == SQLITE_ROW)
        err = fn(arg, pawl__sqlite_column(ids, 0), error);
    return pawl__sqlite_read_end(store, PAWL_SQL_READ_IDS, err, rc, error);
}
