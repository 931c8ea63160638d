// Statements for queries, each made of the filters that its query has.
//
// A filter that is not asked for is not in the statement. One statement for all queries would test
// "is it NULL, or" eleven times for each instance, which for a million of them takes as long as the
// rest. Preparing a statement takes less than 0.1 ms.

#include "store/query.h"
#include "store/sqlite/internal.h"

// The numbers of parameters, as they stand in the texts below.
enum {
    FIND_SHARD = 1,
    FIND_STATUSES,
    FIND_CREATED_FROM,
    FIND_CREATED_BEFORE,
    FIND_ENDED_FROM,
    FIND_ENDED_BEFORE,
    FIND_NAME,
    FIND_PARENT,
    FIND_FAILURE_TYPE,
    FIND_PREFIX,
    FIND_PREFIX_END,
    FIND_TAG,
    FIND_CUSTOM_STATUS,
    FIND_AFTER_CREATED,
    FIND_AFTER_ID,
    FIND_STOP_CREATED,
    FIND_STOP_ID,
    FIND_LIMIT
};

// Where each way begins. Only |narrow| says what it finds, in front of all other filters.
static const struct {
    const char *from, *narrow;
} find_ways[] = {
    [PAWL_SQLITE_LISTED] = {"pawl_instance INDEXED BY pawl_instance_listed", ""},
    [PAWL_SQLITE_BY_ID] = {"pawl_instance INDEXED BY sqlite_autoindex_pawl_instance_1",
                           " AND id>=?10 AND id<?11"},
    [PAWL_SQLITE_BY_PARENT] = {"pawl_instance INDEXED BY pawl_instance_parent",
                               " AND parent=?8 AND parent<>''"},
    [PAWL_SQLITE_BY_STATUS] = {"pawl_instance INDEXED BY pawl_instance_rare",
                               " AND " PAWL_SQLITE_IS_RARE},
};

uint32_t pawl__sqlite_rare(const struct pawl_query *query) {
    uint32_t statuses = query->statuses ? query->statuses : UINT32_MAX;
    if (!query->failure_type.len && statuses & ~PAWL_SQLITE_RARE) return 0;
    return statuses & PAWL_SQLITE_RARE;
}

// --- the text ----------------------------------------------------------------------------------

static void find_narrow(struct pawl_buf *sql, const struct pawl_query *query,
                        enum pawl_sqlite_way way) {
    uint32_t rare = pawl__sqlite_rare(query);
    const char *before = " AND status IN (";
    pawl__buf_format(sql, " WHERE shard=?1%s", find_ways[way].narrow);
    if (way != PAWL_SQLITE_BY_STATUS) return;
    for (int status = 0; status < 32; status++) {
        if (!(rare >> status & 1)) continue;
        pawl__buf_format(sql, "%s%d", before, status);
        before = ", ";
    }
    pawl__buf_format(sql, ")");
}

// The filters, the cheap ones first.
static void find_filters(struct pawl_buf *sql, const struct pawl_query *query,
                         enum pawl_sqlite_way way, struct pawl_str prefix_end) {
    bool of_end = query->ended_from || query->ended_before;
    const struct {
        bool asked;
        const char *sql;
    } filters[] = {
        {query->statuses, " AND ?2>>status&1"},
        {query->created_from, " AND created_at>=?3"},
        {query->created_before, " AND created_at<?4"},
        {of_end, " AND completed_at>=?5"},
        {query->ended_before, " AND completed_at<?6"},
        {query->name.len, " AND name=?7"},
        {query->parent.len && way != PAWL_SQLITE_BY_PARENT, " AND parent=?8"},
        {query->failure_type.len, " AND failure_type=?9"},
        {query->id_prefix.len && way != PAWL_SQLITE_BY_ID, " AND id>=?10"},
        {prefix_end.len && way != PAWL_SQLITE_BY_ID, " AND id<?11"},
        {query->tag.len, " AND instr(tags, ?12)"},
        {query->custom_status.len, " AND instr(custom_status, ?13)"},
    };
    for (size_t i = 0; i < sizeof filters / sizeof *filters; i++)
        if (filters[i].asked) pawl__buf_format(sql, "%s", filters[i].sql);
}

// Behind one place and, where |query| has stopped, up to another, in the order of |query|. Two
// columns are compared only where a place is named: for each instance that takes four times the
// steps of a time alone.
static void find_places(struct pawl_buf *sql, const struct pawl_query *query, bool stops) {
    bool newest = query->order == PAWL_ORDER_NEWEST;
    int64_t at;
    struct pawl_str id;
    if (pawl__query_from(query, &at, &id)) {
        if (id.len)
            pawl__buf_format(sql, " AND (created_at, id)%s(?14, ?15)", newest ? "<" : ">");
        else
            pawl__buf_format(sql, " AND created_at%s?14", newest ? "<" : ">=");
    }
    if (stops) pawl__buf_format(sql, " AND (created_at, id)%s(?16, ?17)", newest ? ">=" : "<=");
}

static void find_text(struct pawl_buf *sql, const struct pawl_query *query,
                      enum pawl_sqlite_way way, enum pawl_sqlite_wanted wanted,
                      struct pawl_str prefix_end) {
    const char *order = query->order == PAWL_ORDER_NEWEST ? " ORDER BY created_at DESC, id DESC"
                                                          : " ORDER BY created_at, id";
    const char *from = find_ways[way].from;
    bool few = way != PAWL_SQLITE_LISTED;
    switch (wanted) {
    case PAWL_SQLITE_ROWS: // of few, only what is shown is read from the rows
        pawl__buf_format(sql, "SELECT " PAWL_SQLITE_COLUMNS " FROM ");
        if (few) pawl__buf_format(sql, "pawl_instance WHERE row IN (SELECT row FROM ");
        pawl__buf_format(sql, "%s", from);
        find_narrow(sql, query, way);
        find_places(sql, query, query->scan && query->scan->stopped);
        find_filters(sql, query, way, prefix_end);
        pawl__buf_format(sql, "%s LIMIT ?18%s%s", order, few ? ")" : "", few ? order : "");
        break;
    case PAWL_SQLITE_KINDS:
        pawl__buf_format(sql, "SELECT name, status%s FROM %s", query->except_count ? ", id" : "",
                         from);
        find_narrow(sql, query, way);
        if (query->scan || query->after_id.len)
            find_places(sql, query, query->scan && query->scan->stopped);
        find_filters(sql, query, way, prefix_end);
        break;
    case PAWL_SQLITE_MANY:
        if (way == PAWL_SQLITE_BY_STATUS) {
            pawl__buf_format(sql, "SELECT coalesce(sum(count), 0) FROM pawl_count");
            find_narrow(sql, query, way);
        } else {
            pawl__buf_format(sql, "SELECT count(*) FROM (SELECT 1 FROM %s", from);
            find_narrow(sql, query, way);
            pawl__buf_format(sql, " LIMIT ?18)");
        }
        break;
    case PAWL_SQLITE_PLACE:
        pawl__buf_format(sql, "SELECT created_at, id FROM %s", from);
        find_narrow(sql, query, way);
        find_places(sql, query, false);
        pawl__buf_format(sql, "%s LIMIT 1 OFFSET ?18", order);
        break;
    case PAWL_SQLITE_TIES:
        pawl__buf_format(sql, "SELECT id FROM %s", from);
        find_narrow(sql, query, way);
        pawl__buf_format(sql, " AND created_at=?14 AND id>?15 ORDER BY id LIMIT ?18");
        break;
    }
}

// --- what is bound -----------------------------------------------------------------------------
//
// A parameter that is not in the text is not bound: SQLite refuses the number, and no more.

static void find_bind_filters(sqlite3_stmt *find, uint64_t shard, const struct pawl_query *query,
                              struct pawl_str prefix_end) {
    sqlite3_bind_int64(find, FIND_SHARD, (sqlite3_int64)shard);
    sqlite3_bind_int64(find, FIND_STATUSES, query->statuses);
    sqlite3_bind_int64(find, FIND_CREATED_FROM, query->created_from);
    sqlite3_bind_int64(find, FIND_CREATED_BEFORE, query->created_before);
    sqlite3_bind_int64(find, FIND_ENDED_FROM, query->ended_from ? query->ended_from : 1); // 0: it
    sqlite3_bind_int64(find, FIND_ENDED_BEFORE, query->ended_before); // has not ended
    pawl__sqlite_bind_text(find, FIND_NAME, query->name);
    pawl__sqlite_bind_text(find, FIND_PARENT, query->parent);
    pawl__sqlite_bind_text(find, FIND_FAILURE_TYPE, query->failure_type);
    pawl__sqlite_bind_text(find, FIND_PREFIX, query->id_prefix);
    pawl__sqlite_bind_text(find, FIND_PREFIX_END, prefix_end);
    pawl__sqlite_bind_text(find, FIND_TAG, query->tag);
    pawl__sqlite_bind_text(find, FIND_CUSTOM_STATUS, query->custom_status);
}

// Where an order begins: behind the place that |query| names, in front of the first that is of the
// time that it names, or in front of all.
static void find_bind_place(sqlite3_stmt *find, const struct pawl_query *query) {
    int64_t created_at;
    struct pawl_str id;
    if (pawl__query_from(query, &created_at, &id)) {
        sqlite3_bind_int64(find, FIND_AFTER_CREATED, created_at);
        pawl__sqlite_bind_text(find, FIND_AFTER_ID, id);
    }
    if (!query->scan || !query->scan->stopped) return;
    sqlite3_bind_int64(find, FIND_STOP_CREATED, query->scan->created_at);
    pawl__sqlite_bind_text(find, FIND_STOP_ID, query->scan->id);
}

enum pawl_err pawl__sqlite_find(struct pawl_sqlite *store, uint64_t shard,
                                const struct pawl_query *query, enum pawl_sqlite_way way,
                                enum pawl_sqlite_wanted wanted, int64_t limit,
                                struct pawl_sqlite_find *out, struct pawl_error *error) {
    struct pawl_buf sql = {0};
    int rc = SQLITE_NOMEM;
    *out = (struct pawl_sqlite_find){0};
    if (pawl__query_after_prefix(&out->prefix_end, query->id_prefix)) {
        struct pawl_str prefix_end = pawl__buf_str(&out->prefix_end);
        find_text(&sql, query, way, wanted, prefix_end);
        if (!sql.failed)
            rc = sqlite3_prepare_v2(store->reader, (const char *)sql.data, (int)sql.len,
                                    &out->statement, NULL);
        if (rc == SQLITE_OK) {
            find_bind_filters(out->statement, shard, query, prefix_end);
            find_bind_place(out->statement, query);
            sqlite3_bind_int64(out->statement, FIND_LIMIT, limit);
        }
    }
    pawl__buf_finish(&sql);
    if (rc == SQLITE_OK) return PAWL_OK;
    enum pawl_err err = rc == SQLITE_NOMEM
                            ? pawl__fail_plain(error, PAWL_E_NOMEM)
                            : pawl__sqlite_fail(store, store->reader, "read instances", error);
    pawl__buf_finish(&out->prefix_end);
    return err;
}

enum pawl_err pawl__sqlite_find_end(struct pawl_sqlite *store, struct pawl_sqlite_find *find,
                                    enum pawl_err err, int rc, struct pawl_error *error) {
    if (!err && rc != SQLITE_DONE && rc != SQLITE_ROW)
        err = pawl__sqlite_fail(store, store->reader, "read instances", error);
    sqlite3_finalize(find->statement);
    pawl__buf_finish(&find->prefix_end);
    return err;
}
