// How many instances there are by name and status: the table pawl_count.
//
// A commit counts in memory what its snapshots and deletes change, and writes each difference once,
// at its end, in its own transaction: hundreds of instances of a workflow that begin and end in it
// cost two rows, or none. Whatever rolls the transaction back forgets the differences as well.
//
// The triggers that stand in the file count the same, row by row. They are for programs that do not
// know the table; on the connection of a store they do not run (schema.c).

#include "store/sqlite/internal.h"

void pawl__sqlite_tally_clear(struct pawl_sqlite_tally *tally) {
    tally->count = 0;
    pawl__buf_clear(&tally->names);
}

static struct pawl_str count_name(const struct pawl_sqlite_tally *tally, size_t i) {
    size_t len = tally->rows[i].len;
    return len ? (struct pawl_str){(const char *)tally->names.data + tally->rows[i].name, len}
               : PAWL_STR("");
}

static enum pawl_err count_write_row(struct pawl_sqlite *store, size_t i,
                                     struct pawl_error *error) {
    sqlite3_stmt *add = store->statements[PAWL_SQL_COUNT_ADD];
    if (store->tally.rows[i].more == 0) return PAWL_OK;
    sqlite3_bind_int64(add, 1, (sqlite3_int64)store->tally.rows[i].shard);
    pawl__sqlite_bind_text(add, 2, count_name(&store->tally, i));
    sqlite3_bind_int(add, 3, store->tally.rows[i].status);
    sqlite3_bind_int64(add, 4, store->tally.rows[i].more);
    if (pawl__sqlite_run(store, PAWL_SQL_COUNT_ADD))
        return pawl__sqlite_fail(store, store->writer, "count instances", error);
    return PAWL_OK;
}

// Names of which nothing is left go. A count of 0 stays while instances only change, as the next
// one of its name will have that status again.
static enum pawl_err count_drop_row(struct pawl_sqlite *store, size_t i, struct pawl_error *error) {
    sqlite3_stmt *drop = store->statements[PAWL_SQL_COUNT_DROP];
    if (!store->tally.rows[i].deleted) return PAWL_OK;
    sqlite3_bind_int64(drop, 1, (sqlite3_int64)store->tally.rows[i].shard);
    pawl__sqlite_bind_text(drop, 2, count_name(&store->tally, i));
    if (pawl__sqlite_run(store, PAWL_SQL_COUNT_DROP))
        return pawl__sqlite_fail(store, store->writer, "count instances", error);
    return PAWL_OK;
}

enum pawl_err pawl__sqlite_count_write(struct pawl_sqlite *store, struct pawl_error *error) {
    struct pawl_sqlite_tally *tally = &store->tally;
    enum pawl_err err = PAWL_OK;
    for (size_t i = 0; !err && i < tally->count; i++) err = count_write_row(store, i, error);
    for (size_t i = 0; !err && i < tally->count; i++) err = count_drop_row(store, i, error);
    pawl__sqlite_tally_clear(tally);
    return err;
}

static enum pawl_err count_change(struct pawl_sqlite *store, uint64_t shard, struct pawl_str name,
                                  int32_t status, int64_t more, bool deleted,
                                  struct pawl_error *error) {
    struct pawl_sqlite_tally *tally = &store->tally;
    size_t i = 0;
    if (store->triggers) return PAWL_OK;
    while (i < tally->count && !(tally->rows[i].shard == shard && tally->rows[i].status == status &&
                                 pawl__str_equal(count_name(tally, i), name)))
        i++;
    if (i == PAWL_SQLITE_TALLY_ROWS) {
        enum pawl_err err = pawl__sqlite_count_write(store, error);
        if (err) return err;
        i = 0;
    }
    if (i == tally->count) {
        size_t at = tally->names.len;
        if (!pawl__buf_append_str(&tally->names, name))
            return pawl__fail_plain(error, PAWL_E_NOMEM);
        tally->rows[i].shard = shard;
        tally->rows[i].status = status;
        tally->rows[i].name = at;
        tally->rows[i].len = name.len;
        tally->rows[i].more = 0;
        tally->rows[i].deleted = false;
        tally->count++;
    }
    tally->rows[i].more += more;
    tally->rows[i].deleted |= deleted;
    return PAWL_OK;
}

enum pawl_err pawl__sqlite_count_more(struct pawl_sqlite *store, uint64_t shard,
                                      struct pawl_str name, int32_t status,
                                      struct pawl_error *error) {
    return count_change(store, shard, name, status, 1, false, error);
}

enum pawl_err pawl__sqlite_count_less(struct pawl_sqlite *store, uint64_t shard,
                                      struct pawl_str name, int32_t status, bool deleted,
                                      struct pawl_error *error) {
    return count_change(store, shard, name, status, -1, deleted, error);
}
