// Queries over the columns of instances.

#include "store/query.h"
#include "base/map.h"
#include "store/sqlite/internal.h"

// The numbers of a query's parameters; those up to the prefix are PAWL_SQLITE_FILTER's.
enum {
    QUERY_SHARD = 1,
    QUERY_STATUSES,
    QUERY_CREATED_FROM,
    QUERY_CREATED_BEFORE,
    QUERY_ENDED_FROM,
    QUERY_ENDED_BEFORE,
    QUERY_NAME,
    QUERY_PARENT,
    QUERY_FAILURE_TYPE,
    QUERY_PREFIX,
    QUERY_PREFIX_END,
    QUERY_TAG,
    QUERY_CUSTOM_STATUS,
    QUERY_AFTER_CREATED,
    QUERY_AFTER_ID,
    QUERY_LIMIT
};

static void query_text(sqlite3_stmt *find, int index, struct pawl_str text) {
    if (text.len)
        pawl__sqlite_bind_text(find, index, text);
    else
        sqlite3_bind_null(find, index);
}

// The least text that is more than all with |prefix|; empty when there is none.
static void query_after_prefix(struct pawl_buf *out, struct pawl_str prefix) {
    while (prefix.len && (uint8_t)prefix.data[prefix.len - 1] == 0xff) prefix.len--;
    if (!prefix.len || !pawl__buf_append_str(out, prefix)) return;
    out->data[out->len - 1]++;
}

// |scratch| has to last as long as the statement runs. False when memory is out.
static bool query_filter(sqlite3_stmt *find, uint64_t shard, const struct pawl_query *query,
                         struct pawl_buf *scratch) {
    bool of_end = query->ended_from || query->ended_before;
    sqlite3_bind_int64(find, QUERY_SHARD, (sqlite3_int64)shard);
    sqlite3_bind_int64(find, QUERY_STATUSES, query->statuses ? query->statuses : UINT32_MAX);
    sqlite3_bind_int64(find, QUERY_CREATED_FROM,
                       query->created_from ? query->created_from : INT64_MIN);
    sqlite3_bind_int64(find, QUERY_CREATED_BEFORE,
                       query->created_before ? query->created_before : INT64_MAX);
    sqlite3_bind_int64(find, QUERY_ENDED_FROM, // 0: it has not ended
                       of_end ? query->ended_from ? query->ended_from : 1 : INT64_MIN);
    sqlite3_bind_int64(find, QUERY_ENDED_BEFORE,
                       query->ended_before ? query->ended_before : INT64_MAX);
    query_text(find, QUERY_NAME, query->name);
    query_text(find, QUERY_PARENT, query->parent);
    query_text(find, QUERY_FAILURE_TYPE, query->failure_type);
    query_text(find, QUERY_TAG, query->tag);
    query_text(find, QUERY_CUSTOM_STATUS, query->custom_status);
    query_text(find, QUERY_PREFIX, query->id_prefix);
    query_after_prefix(scratch, query->id_prefix);
    query_text(find, QUERY_PREFIX_END, pawl__buf_str(scratch));
    return !scratch->failed;
}

// Where an order begins: behind the place that |query| names, or in front of all.
static void query_place(sqlite3_stmt *find, const struct pawl_query *query) {
    struct pawl_str after = query->after_id;
    bool newest = query->order == PAWL_ORDER_NEWEST;
    sqlite3_bind_int64(find, QUERY_AFTER_CREATED,
                       after.len ? query->after_created : (newest ? INT64_MAX : INT64_MIN));
    if (after.len)
        pawl__sqlite_bind_text(find, QUERY_AFTER_ID, after);
    else if (newest)
        pawl__sqlite_bind_blob(find, QUERY_AFTER_ID, after); // more than any text
    else
        sqlite3_bind_int64(find, QUERY_AFTER_ID, 0); // less than any text
}

enum pawl_err pawl__sqlite_query(struct pawl_store *base, uint64_t shard,
                                 const struct pawl_query *query, pawl_snapshot_fn fn, void *arg,
                                 struct pawl_error *error) {
    struct pawl_sqlite *store = (struct pawl_sqlite *)base;
    enum pawl_sqlite_statement statement =
        query->order == PAWL_ORDER_NEWEST ? PAWL_SQL_READ_NEWEST : PAWL_SQL_READ_OLDEST;
    sqlite3_stmt *find = store->statements[statement];
    struct pawl_buf prefix = {0};
    int rc = SQLITE_DONE;
    enum pawl_err err =
        query_filter(find, shard, query, &prefix) ? PAWL_OK : pawl__fail_plain(error, PAWL_E_NOMEM);
    query_place(find, query);
    sqlite3_bind_int64(find, QUERY_LIMIT, query->limit ? (sqlite3_int64)query->limit : -1);
    while (!err && (rc = sqlite3_step(find)) == SQLITE_ROW) {
        struct pawl_snapshot row = pawl__sqlite_columns(find);
        err = fn(arg, &row, error);
    }
    err = pawl__sqlite_read_end(store, statement, err, rc, error);
    pawl__buf_finish(&prefix);
    return err;
}

// --- counts ---------------------------------------------------------------------------------
//
// The index is read from end to end, and what is in it counted here: GROUP BY would sort it first,
// which takes five times as long.

struct count_group {
    struct pawl_str key; // the status, then the name
    uint64_t count;
};

struct count {
    struct pawl_map groups; // struct count_group
    struct pawl_arena arena;
    struct count_group *last; // rows of one kind often stand side by side
    struct pawl_buf key;      // of the row
};

// False when memory is out.
static bool count_row(struct count *count, struct pawl_str name, int32_t status) {
    pawl__buf_clear(&count->key);
    pawl__buf_append(&count->key, &status, sizeof status);
    if (!pawl__buf_append_str(&count->key, name)) return false;
    struct pawl_str key = pawl__buf_str(&count->key);
    if (!count->last || !pawl__str_equal(count->last->key, key))
        count->last = pawl__map_get(&count->groups, key);
    if (!count->last) {
        struct count_group *group = pawl__arena_zalloc(&count->arena, sizeof *group);
        char *copy = pawl__arena_dup(&count->arena, key);
        if (!group || !copy) return false;
        group->key = (struct pawl_str){copy, key.len};
        if (!pawl__map_put(&count->groups, group->key, group)) return false;
        count->last = group;
    }
    count->last->count++;
    return true;
}

static enum pawl_err count_tell(const struct count *count, const struct pawl_query *query,
                                pawl_count_fn fn, void *arg, struct pawl_error *error) {
    enum pawl_err err = PAWL_OK;
    size_t at = 0;
    for (struct count_group *group; !err && (group = pawl__map_next(&count->groups, &at));) {
        struct pawl_snapshot row = {0};
        memcpy(&row.status, group->key.data, sizeof row.status);
        row.name = (struct pawl_str){group->key.data + sizeof row.status,
                                     group->key.len - sizeof row.status};
        if (!query || pawl__query_match(query, &row))
            err = fn(arg, row.name, row.status, group->count, error);
    }
    return err;
}

enum pawl_err pawl__sqlite_count(struct pawl_store *base, uint64_t shard,
                                 const struct pawl_query *query, pawl_count_fn fn, void *arg,
                                 struct pawl_error *error) {
    struct pawl_sqlite *store = (struct pawl_sqlite *)base;
    bool of_kinds = pawl__query_is_of_kinds(query); // then the groups are filtered, not the rows
    enum pawl_sqlite_statement statement = of_kinds ? PAWL_SQL_READ_COUNT_ALL : PAWL_SQL_READ_COUNT;
    sqlite3_stmt *find = store->statements[statement];
    struct pawl_buf prefix = {0};
    struct count count = {0};
    int rc = SQLITE_DONE;
    enum pawl_err err = PAWL_OK;
    if (of_kinds)
        sqlite3_bind_int64(find, QUERY_SHARD, (sqlite3_int64)shard);
    else if (!query_filter(find, shard, query, &prefix))
        err = pawl__fail_plain(error, PAWL_E_NOMEM);
    while (!err && (rc = sqlite3_step(find)) == SQLITE_ROW)
        if (!count_row(&count, pawl__sqlite_column(find, 0), sqlite3_column_int(find, 1)))
            err = pawl__fail_plain(error, PAWL_E_NOMEM);
    err = pawl__sqlite_read_end(store, statement, err, rc, error);
    if (!err) err = count_tell(&count, of_kinds ? query : NULL, fn, arg, error);
    pawl__buf_finish(&prefix);
    pawl__buf_finish(&count.key);
    pawl__map_finish(&count.groups);
    pawl__arena_finish(&count.arena);
    return err;
}
