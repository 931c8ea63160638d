// How many instances there are by name and status: the table pawl_count. And how many by these and
// what a text says, their tags or their custom status: the table pawl_text.
//
// A commit counts in memory what its snapshots and deletes change, and writes each difference once,
// at its end, in its own transaction: hundreds of instances of a workflow that begin and end in it
// cost two rows, or none. Whatever rolls the transaction back forgets the differences as well.
// Instances without tags and without a custom status have no part in pawl_text. Where each has a
// text of its own, that table has as many rows as there are instances, and a query reads them all;
// that is a fourth of what it would read of the instances.
//
// The triggers that stand in the file count the same, row by row. They are for programs that do not
// know the tables; on the connection of a store they do not run (schema.c).

#include "store/sqlite/internal.h"

static void count_clear(struct pawl_sqlite_tally *tally) {
    tally->count = 0;
    pawl__buf_clear(&tally->bytes);
}

void pawl__sqlite_count_clear(struct pawl_sqlite *store) {
    count_clear(&store->kinds);
    count_clear(&store->texts);
}

static struct pawl_str count_bytes(const struct pawl_sqlite_tally *tally, size_t at, size_t len) {
    return len ? (struct pawl_str){(const char *)tally->bytes.data + at, len} : PAWL_STR("");
}

static struct pawl_str count_name(const struct pawl_sqlite_tally *tally, size_t i) {
    return count_bytes(tally, tally->rows[i].name, tally->rows[i].name_len);
}

static struct pawl_str count_text(const struct pawl_sqlite_tally *tally, size_t i) {
    return count_bytes(tally, tally->rows[i].text, tally->rows[i].text_len);
}

// --- written -------------------------------------------------------------------------------------

static enum pawl_err count_run(struct pawl_sqlite *store, enum pawl_sqlite_statement statement,
                               struct pawl_error *error) {
    if (pawl__sqlite_run(store, statement))
        return pawl__sqlite_fail(store, store->writer, "count instances", error);
    return PAWL_OK;
}

static enum pawl_err count_write_kind(struct pawl_sqlite *store, size_t i,
                                      struct pawl_error *error) {
    sqlite3_stmt *add = store->statements[PAWL_SQL_COUNT_ADD];
    if (store->kinds.rows[i].more == 0) return PAWL_OK;
    sqlite3_bind_int64(add, 1, (sqlite3_int64)store->kinds.rows[i].shard);
    pawl__sqlite_bind_text(add, 2, count_name(&store->kinds, i));
    sqlite3_bind_int(add, 3, store->kinds.rows[i].status);
    sqlite3_bind_int64(add, 4, store->kinds.rows[i].more);
    return count_run(store, PAWL_SQL_COUNT_ADD, error);
}

// Names of which nothing is left go. A count of 0 stays while instances only change, as the next
// one of its name will have that status again.
static enum pawl_err count_drop_kind(struct pawl_sqlite *store, size_t i,
                                     struct pawl_error *error) {
    sqlite3_stmt *drop = store->statements[PAWL_SQL_COUNT_DROP];
    if (!store->kinds.rows[i].deleted) return PAWL_OK;
    sqlite3_bind_int64(drop, 1, (sqlite3_int64)store->kinds.rows[i].shard);
    pawl__sqlite_bind_text(drop, 2, count_name(&store->kinds, i));
    return count_run(store, PAWL_SQL_COUNT_DROP, error);
}

static enum pawl_err count_write_kinds(struct pawl_sqlite *store, struct pawl_error *error) {
    struct pawl_sqlite_tally *tally = &store->kinds;
    enum pawl_err err = PAWL_OK;
    for (size_t i = 0; !err && i < tally->count; i++) err = count_write_kind(store, i, error);
    for (size_t i = 0; !err && i < tally->count; i++) err = count_drop_kind(store, i, error);
    count_clear(tally);
    return err;
}

static void count_bind_text(const struct pawl_sqlite *store, sqlite3_stmt *to, size_t i) {
    const struct pawl_sqlite_tally *tally = &store->texts;
    sqlite3_bind_int64(to, 1, (sqlite3_int64)tally->rows[i].shard);
    sqlite3_bind_int(to, 2, (int)tally->rows[i].kind);
    pawl__sqlite_bind_text(to, 3, count_text(tally, i));
    pawl__sqlite_bind_text(to, 4, count_name(tally, i));
    sqlite3_bind_int(to, 5, tally->rows[i].status);
}

// A text of which nothing is left goes at once: the next may never say the same.
static enum pawl_err count_write_text(struct pawl_sqlite *store, size_t i,
                                      struct pawl_error *error) {
    int64_t more = store->texts.rows[i].more;
    if (more == 0) return PAWL_OK;
    count_bind_text(store, store->statements[PAWL_SQL_TEXT_ADD], i);
    sqlite3_bind_int64(store->statements[PAWL_SQL_TEXT_ADD], 6, more);
    enum pawl_err err = count_run(store, PAWL_SQL_TEXT_ADD, error);
    if (err || more > 0) return err;
    count_bind_text(store, store->statements[PAWL_SQL_TEXT_DROP], i);
    return count_run(store, PAWL_SQL_TEXT_DROP, error);
}

static enum pawl_err count_write_texts(struct pawl_sqlite *store, struct pawl_error *error) {
    enum pawl_err err = PAWL_OK;
    for (size_t i = 0; !err && i < store->texts.count; i++) err = count_write_text(store, i, error);
    count_clear(&store->texts);
    return err;
}

enum pawl_err pawl__sqlite_count_write(struct pawl_sqlite *store, struct pawl_error *error) {
    enum pawl_err err = count_write_kinds(store, error);
    return err ? err : count_write_texts(store, error);
}

// --- counted -------------------------------------------------------------------------------------

// The row of |tally| for these, which may be new. Its count when memory is out.
static size_t count_row(struct pawl_sqlite_tally *tally, uint64_t shard,
                        const struct pawl_sqlite_counted *counted, enum pawl_sqlite_text kind,
                        struct pawl_str text) {
    size_t i = 0, at = tally->bytes.len;
    while (i < tally->count &&
           !(tally->rows[i].shard == shard && tally->rows[i].status == counted->status &&
             tally->rows[i].kind == kind && pawl__str_equal(count_text(tally, i), text) &&
             pawl__str_equal(count_name(tally, i), counted->name)))
        i++;
    if (i < tally->count || !pawl__buf_append_str(&tally->bytes, counted->name) ||
        !pawl__buf_append_str(&tally->bytes, text))
        return i;
    tally->rows[i].shard = shard;
    tally->rows[i].status = counted->status;
    tally->rows[i].kind = kind;
    tally->rows[i].name = at;
    tally->rows[i].name_len = counted->name.len;
    tally->rows[i].text = at + counted->name.len;
    tally->rows[i].text_len = text.len;
    tally->rows[i].more = 0;
    tally->rows[i].deleted = false;
    tally->count++;
    return i;
}

static enum pawl_err count_kind(struct pawl_sqlite *store, uint64_t shard,
                                const struct pawl_sqlite_counted *counted, int64_t more,
                                bool deleted, struct pawl_error *error) {
    struct pawl_sqlite_tally *tally = &store->kinds;
    if (tally->count == PAWL_SQLITE_TALLY_ROWS) {
        enum pawl_err err = count_write_kinds(store, error);
        if (err) return err;
    }
    size_t i = count_row(tally, shard, counted, PAWL_SQLITE_TEXTS, PAWL_STR(""));
    if (i == tally->count) return pawl__fail_plain(error, PAWL_E_NOMEM);
    tally->rows[i].more += more;
    tally->rows[i].deleted |= deleted;
    return PAWL_OK;
}

static enum pawl_err count_said(struct pawl_sqlite *store, uint64_t shard,
                                const struct pawl_sqlite_counted *counted,
                                enum pawl_sqlite_text kind, int64_t more,
                                struct pawl_error *error) {
    struct pawl_sqlite_tally *tally = &store->texts;
    if (!counted->texts[kind].len) return PAWL_OK;
    if (tally->count == PAWL_SQLITE_TALLY_ROWS) {
        enum pawl_err err = count_write_texts(store, error);
        if (err) return err;
    }
    size_t i = count_row(tally, shard, counted, kind, counted->texts[kind]);
    if (i == tally->count) return pawl__fail_plain(error, PAWL_E_NOMEM);
    tally->rows[i].more += more;
    return PAWL_OK;
}

static enum pawl_err count_whole(struct pawl_sqlite *store, uint64_t shard,
                                 const struct pawl_sqlite_counted *counted, int64_t more,
                                 struct pawl_error *error) {
    if (store->triggers) return PAWL_OK;
    enum pawl_err err = count_kind(store, shard, counted, more, more < 0, error);
    for (int kind = 0; !err && kind < PAWL_SQLITE_TEXTS; kind++)
        err = count_said(store, shard, counted, (enum pawl_sqlite_text)kind, more, error);
    return err;
}

enum pawl_err pawl__sqlite_count_more(struct pawl_sqlite *store, uint64_t shard,
                                      const struct pawl_sqlite_counted *counted,
                                      struct pawl_error *error) {
    return count_whole(store, shard, counted, 1, error);
}

enum pawl_err pawl__sqlite_count_less(struct pawl_sqlite *store, uint64_t shard,
                                      const struct pawl_sqlite_counted *counted,
                                      struct pawl_error *error) {
    return count_whole(store, shard, counted, -1, error);
}

enum pawl_err pawl__sqlite_count_change(struct pawl_sqlite *store, uint64_t shard,
                                        const struct pawl_sqlite_counted *from,
                                        const struct pawl_sqlite_counted *to,
                                        struct pawl_error *error) {
    bool same = from->status == to->status && pawl__str_equal(from->name, to->name);
    enum pawl_err err = PAWL_OK;
    if (store->triggers) return PAWL_OK;
    if (!same) err = count_kind(store, shard, from, -1, false, error);
    if (!err && !same) err = count_kind(store, shard, to, 1, false, error);
    for (int i = 0; !err && i < PAWL_SQLITE_TEXTS; i++) {
        enum pawl_sqlite_text kind = (enum pawl_sqlite_text)i;
        if (same && pawl__str_equal(from->texts[kind], to->texts[kind])) continue;
        err = count_said(store, shard, from, kind, -1, error);
        if (!err) err = count_said(store, shard, to, kind, 1, error);
    }
    return err;
}
