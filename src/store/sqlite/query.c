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
    QUERY_LIMIT,
    QUERY_STOP_CREATED,
    QUERY_STOP_ID,
    QUERY_STATUS // and the next ones
};

enum {
    QUERY_FIRST = 1000, // instances that a scan looks at before it looks at many
    QUERY_FEW = 2000    // that are sorted, at most
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

// Less than any text, and more: a number, and bytes.
static void query_bind_end(sqlite3_stmt *find, int created, int id, bool last) {
    sqlite3_bind_int64(find, created, last ? INT64_MAX : INT64_MIN);
    if (last)
        pawl__sqlite_bind_blob(find, id, PAWL_STR(""));
    else
        sqlite3_bind_int64(find, id, 0);
}

// Where an order begins: behind the place that |query| names, in front of the first that is of the
// time that it names, or in front of all.
static void query_place(sqlite3_stmt *find, const struct pawl_query *query) {
    bool newest = query->order == PAWL_ORDER_NEWEST, placed = query->after_id.len;
    int64_t bound = newest ? query->created_before : query->created_from;
    query_bind_end(find, QUERY_AFTER_CREATED, QUERY_AFTER_ID, newest);
    if (bound &&
        (!placed || (newest ? query->after_created >= bound : query->after_created < bound))) {
        sqlite3_bind_int64(find, QUERY_AFTER_CREATED, bound);
        sqlite3_bind_int64(find, QUERY_AFTER_ID, 0);
    } else if (placed) {
        sqlite3_bind_int64(find, QUERY_AFTER_CREATED, query->after_created);
        pawl__sqlite_bind_text(find, QUERY_AFTER_ID, query->after_id);
    }
}

// Where an order ends: with the place at which |scan| stops, or behind all.
static void query_stop(sqlite3_stmt *find, const struct pawl_query *query) {
    const struct pawl_scan *scan = query->scan;
    query_bind_end(find, QUERY_STOP_CREATED, QUERY_STOP_ID, query->order != PAWL_ORDER_NEWEST);
    if (!scan || !scan->stopped) return;
    sqlite3_bind_int64(find, QUERY_STOP_CREATED, scan->created_at);
    pawl__sqlite_bind_text(find, QUERY_STOP_ID, scan->id);
}

// Those of the rare statuses that |query| can find; 0 when it finds others as well. What has a
// failure has one of them.
static uint32_t query_rare(const struct pawl_query *query) {
    uint32_t statuses = query->statuses ? query->statuses : UINT32_MAX;
    if (!query->failure_type.len && statuses & ~PAWL_SQLITE_RARE) return 0;
    return statuses & PAWL_SQLITE_RARE;
}

// Reads the one number that |statement| gives, or an error.
static enum pawl_err query_number(struct pawl_sqlite *store, enum pawl_sqlite_statement statement,
                                  uint64_t shard, const struct pawl_query *query, int64_t *out,
                                  struct pawl_error *error) {
    sqlite3_stmt *find = store->statements[statement];
    struct pawl_buf prefix = {0};
    if (!query_filter(find, shard, query, &prefix)) {
        pawl__buf_finish(&prefix);
        return pawl__fail_plain(error, PAWL_E_NOMEM);
    }
    if (query_rare(query)) sqlite3_bind_int64(find, QUERY_STATUSES, query_rare(query));
    sqlite3_bind_int64(find, QUERY_LIMIT, QUERY_FEW + 1);
    int rc = sqlite3_step(find);
    if (rc == SQLITE_ROW) *out = sqlite3_column_int64(find, 0);
    enum pawl_err err = pawl__sqlite_read_end(store, statement, PAWL_OK, rc, error);
    pawl__buf_finish(&prefix);
    return err;
}

// The statement for |query|: by an index with few entries for it, if there is one, else by that of
// lists.
static enum pawl_err query_choose(struct pawl_sqlite *store, uint64_t shard,
                                  const struct pawl_query *query,
                                  enum pawl_sqlite_statement *statement, struct pawl_error *error) {
    const struct {
        bool fits;
        enum pawl_sqlite_statement many, oldest, newest;
    } ways[] = {
        {query->id_prefix.len && (uint8_t)*query->id_prefix.data != 0xff, PAWL_SQL_ID_MANY,
         PAWL_SQL_ID_OLDEST, PAWL_SQL_ID_NEWEST},
        {query->parent.len, PAWL_SQL_PARENT_MANY, PAWL_SQL_PARENT_OLDEST, PAWL_SQL_PARENT_NEWEST},
        {query_rare(query), PAWL_SQL_STATUS_MANY, PAWL_SQL_STATUS_OLDEST, PAWL_SQL_STATUS_NEWEST},
    };
    bool newest = query->order == PAWL_ORDER_NEWEST;
    *statement = newest ? PAWL_SQL_READ_NEWEST : PAWL_SQL_READ_OLDEST;
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        int64_t many = 0;
        if (!ways[i].fits) continue;
        enum pawl_err err = query_number(store, ways[i].many, shard, query, &many, error);
        if (err) return err;
        if (many > QUERY_FEW) continue;
        *statement = newest ? ways[i].newest : ways[i].oldest;
        return PAWL_OK;
    }
    return PAWL_OK;
}

// Whether all that |query| asks for stands in front of its stop.
static bool query_ends_before(const struct pawl_query *query) {
    int64_t at = query->scan->created_at;
    if (query->order == PAWL_ORDER_NEWEST) return query->created_from && at < query->created_from;
    return query->created_before && at >= query->created_before;
}

// Sets the place at which |query->scan| stops, if there is more than it may look at.
static enum pawl_err query_find_stop(struct pawl_sqlite *store, uint64_t shard,
                                     const struct pawl_query *query, struct pawl_error *error) {
    struct pawl_scan *scan = query->scan;
    enum pawl_sqlite_statement statement =
        query->order == PAWL_ORDER_NEWEST ? PAWL_SQL_READ_STOP_NEWEST : PAWL_SQL_READ_STOP_OLDEST;
    sqlite3_stmt *find = store->statements[statement];
    enum pawl_err err = PAWL_OK;
    sqlite3_bind_int64(find, QUERY_SHARD, (sqlite3_int64)shard);
    query_place(find, query);
    sqlite3_bind_int64(find, QUERY_LIMIT, (sqlite3_int64)scan->most - 1);
    int rc = sqlite3_step(find);
    if (rc == SQLITE_ROW) {
        scan->stopped = true;
        scan->created_at = sqlite3_column_int64(find, 0);
        scan->id = pawl__sqlite_column(find, 1);
        if (!pawl__sqlite_keep(scan->arena, &scan->id)) err = pawl__fail_plain(error, PAWL_E_NOMEM);
    }
    return pawl__sqlite_read_end(store, statement, err, rc, error);
}

static bool query_has_filter(const struct pawl_query *query) {
    return query->statuses || query->name.len || !pawl__query_is_of_kinds(query);
}

// Runs |statement| up to the place at which |query->scan| has stopped.
static enum pawl_err query_run(struct pawl_sqlite *store, uint64_t shard,
                               const struct pawl_query *query, enum pawl_sqlite_statement statement,
                               pawl_snapshot_fn fn, void *arg, size_t *found,
                               struct pawl_error *error) {
    sqlite3_stmt *find = store->statements[statement];
    struct pawl_buf prefix = {0};
    int rc = SQLITE_DONE, wanted = QUERY_STATUS;
    enum pawl_err err =
        query_filter(find, shard, query, &prefix) ? PAWL_OK : pawl__fail_plain(error, PAWL_E_NOMEM);
    query_place(find, query);
    query_stop(find, query);
    sqlite3_bind_int64(find, QUERY_LIMIT, query->limit ? (sqlite3_int64)query->limit : -1);
    for (int status = 0; status < 32; status++) // where the statement asks for them one by one
        if (PAWL_SQLITE_RARE >> status & 1)
            sqlite3_bind_int64(find, wanted++, query_rare(query) >> status & 1 ? status : -1);
    while (!err && (rc = sqlite3_step(find)) == SQLITE_ROW) {
        struct pawl_snapshot row = pawl__sqlite_columns(find);
        ++*found;
        err = fn(arg, &row, error);
    }
    err = pawl__sqlite_read_end(store, statement, err, rc, error);
    pawl__buf_finish(&prefix);
    return err;
}

// Looks at the first few, which often are enough, then at as many more as it may.
static enum pawl_err query_scan(struct pawl_sqlite *store, uint64_t shard,
                                const struct pawl_query *query,
                                enum pawl_sqlite_statement statement, pawl_snapshot_fn fn,
                                void *arg, struct pawl_error *error) {
    struct pawl_query part = *query;
    struct pawl_scan step = *query->scan;
    enum pawl_err err = PAWL_OK;
    size_t left = query->scan->most, found = 0;
    part.scan = &step;
    for (size_t most = QUERY_FIRST; !err && left; most = left) {
        step.stopped = false;
        step.most = most < left ? most : left;
        left -= step.most;
        err = query_find_stop(store, shard, &part, error);
        if (!err) err = query_run(store, shard, &part, statement, fn, arg, &found, error);
        bool full = query->limit && found == query->limit;
        if (full || (step.stopped && query_ends_before(&part))) step.stopped = false;
        if (!step.stopped) break;
        part.after_created = step.created_at;
        part.after_id = step.id;
        if (query->limit) part.limit = query->limit - found;
    }
    step.most = query->scan->most;
    *query->scan = step;
    return err;
}

enum pawl_err pawl__sqlite_query(struct pawl_store *base, uint64_t shard,
                                 const struct pawl_query *query, pawl_snapshot_fn fn, void *arg,
                                 struct pawl_error *error) {
    struct pawl_sqlite *store = (struct pawl_sqlite *)base;
    enum pawl_sqlite_statement statement;
    size_t found = 0;
    enum pawl_err err = query_choose(store, shard, query, &statement, error);
    bool listed = statement == PAWL_SQL_READ_NEWEST || statement == PAWL_SQL_READ_OLDEST;
    if (query->scan) query->scan->stopped = false;
    if (err) return err;
    if (query->scan && listed && query_has_filter(query))
        return query_scan(store, shard, query, statement, fn, arg, error);
    return query_run(store, shard, query, statement, fn, arg, &found, error);
}

// --- counts ---------------------------------------------------------------------------------
//
// By name and status they stand in pawl_count. What else is asked for is read from an index, and
// counted here: GROUP BY would sort it first, which takes five times as long.

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

static enum pawl_err count_on_row(void *arg, const struct pawl_snapshot *row,
                                  struct pawl_error *error) {
    return count_row(arg, row->name, row->status) ? PAWL_OK : pawl__fail_plain(error, PAWL_E_NOMEM);
}

// Reads no more than the index of lists.
static enum pawl_err count_listed(struct pawl_sqlite *store, uint64_t shard,
                                  const struct pawl_query *query, struct count *count,
                                  struct pawl_error *error) {
    sqlite3_stmt *find = store->statements[PAWL_SQL_READ_COUNT];
    struct pawl_buf prefix = {0};
    int rc = SQLITE_DONE;
    enum pawl_err err =
        query_filter(find, shard, query, &prefix) ? PAWL_OK : pawl__fail_plain(error, PAWL_E_NOMEM);
    while (!err && (rc = sqlite3_step(find)) == SQLITE_ROW)
        if (!count_row(count, pawl__sqlite_column(find, 0), sqlite3_column_int(find, 1)))
            err = pawl__fail_plain(error, PAWL_E_NOMEM);
    err = pawl__sqlite_read_end(store, PAWL_SQL_READ_COUNT, err, rc, error);
    pawl__buf_finish(&prefix);
    return err;
}

static enum pawl_err count_tell(const struct count *count, pawl_count_fn fn, void *arg,
                                struct pawl_error *error) {
    enum pawl_err err = PAWL_OK;
    size_t at = 0;
    for (struct count_group *group; !err && (group = pawl__map_next(&count->groups, &at));) {
        int32_t status;
        memcpy(&status, group->key.data, sizeof status);
        struct pawl_str name = {group->key.data + sizeof status, group->key.len - sizeof status};
        err = fn(arg, name, status, group->count, error);
    }
    return err;
}

static enum pawl_err count_kinds(struct pawl_sqlite *store, uint64_t shard,
                                 const struct pawl_query *query, pawl_count_fn fn, void *arg,
                                 struct pawl_error *error) {
    sqlite3_stmt *find = store->statements[PAWL_SQL_READ_COUNT_ALL];
    enum pawl_err err = PAWL_OK;
    int rc = SQLITE_DONE;
    sqlite3_bind_int64(find, QUERY_SHARD, (sqlite3_int64)shard);
    while (!err && (rc = sqlite3_step(find)) == SQLITE_ROW) {
        const struct pawl_snapshot row = {.name = pawl__sqlite_column(find, 0),
                                          .status = sqlite3_column_int(find, 1)};
        if (pawl__query_match(query, &row))
            err = fn(arg, row.name, row.status, (uint64_t)sqlite3_column_int64(find, 2), error);
    }
    return pawl__sqlite_read_end(store, PAWL_SQL_READ_COUNT_ALL, err, rc, error);
}

enum pawl_err pawl__sqlite_count(struct pawl_store *base, uint64_t shard,
                                 const struct pawl_query *query, pawl_count_fn fn, void *arg,
                                 struct pawl_error *error) {
    struct pawl_sqlite *store = (struct pawl_sqlite *)base;
    if (pawl__query_is_of_kinds(query)) return count_kinds(store, shard, query, fn, arg, error);
    struct pawl_query all = *query;
    struct count count = {0};
    enum pawl_sqlite_statement statement;
    size_t found = 0;
    all.order = PAWL_ORDER_OLDEST;
    all.after_id = (struct pawl_str){0};
    all.limit = 0;
    all.scan = NULL;
    enum pawl_err err = query_choose(store, shard, &all, &statement, error);
    if (!err && statement == PAWL_SQL_READ_OLDEST)
        err = count_listed(store, shard, &all, &count, error);
    else if (!err)
        err = query_run(store, shard, &all, statement, count_on_row, &count, &found, error);
    if (!err) err = count_tell(&count, fn, arg, error);
    pawl__buf_finish(&count.key);
    pawl__map_finish(&count.groups);
    pawl__arena_finish(&count.arena);
    return err;
}
