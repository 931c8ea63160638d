// Queries over the columns of instances.

#include "store/query.h"
#include "store/groups.h"
#include "store/sqlite/internal.h"

enum {
    QUERY_FIRST = 1000, // instances that a scan looks at before it looks at many
    QUERY_FEW = 2000,   // that are sorted, at most
    QUERY_TIES = 1000   // of one time that are looked at, so that a part of a count ends behind it
};

static enum pawl_err query_many(struct pawl_sqlite *store, uint64_t shard,
                                const struct pawl_query *query, enum pawl_sqlite_way way,
                                int64_t *out, struct pawl_error *error) {
    struct pawl_sqlite_find find;
    enum pawl_err err =
        pawl__sqlite_find(store, shard, query, way, PAWL_SQLITE_MANY, QUERY_FEW + 1, &find, error);
    if (err) return err;
    int rc = sqlite3_step(find.statement);
    if (rc == SQLITE_ROW) *out = sqlite3_column_int64(find.statement, 0);
    return pawl__sqlite_find_end(store, &find, PAWL_OK, rc, error);
}

// The way for |query|: by an index with few entries for it, if there is one, else by that of lists.
static enum pawl_err query_choose(struct pawl_sqlite *store, uint64_t shard,
                                  const struct pawl_query *query, enum pawl_sqlite_way *way,
                                  struct pawl_error *error) {
    const struct {
        bool fits;
        enum pawl_sqlite_way way;
    } ways[] = {
        {query->id_prefix.len && (uint8_t)*query->id_prefix.data != 0xff, PAWL_SQLITE_BY_ID},
        {query->parent.len, PAWL_SQLITE_BY_PARENT},
        {pawl__sqlite_rare(query), PAWL_SQLITE_BY_STATUS},
    };
    *way = PAWL_SQLITE_LISTED;
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        int64_t many = 0;
        if (!ways[i].fits) continue;
        enum pawl_err err = query_many(store, shard, query, ways[i].way, &many, error);
        if (err) return err;
        if (many > QUERY_FEW) continue;
        *way = ways[i].way;
        return PAWL_OK;
    }
    return PAWL_OK;
}

// Sets the place at which |query->scan| stops, if there is more than it may look at.
static enum pawl_err query_find_stop(struct pawl_sqlite *store, uint64_t shard,
                                     const struct pawl_query *query, struct pawl_error *error) {
    struct pawl_scan *scan = query->scan;
    struct pawl_sqlite_find find;
    enum pawl_err err = pawl__sqlite_find(store, shard, query, PAWL_SQLITE_LISTED,
                                          PAWL_SQLITE_PLACE, (int64_t)scan->most - 1, &find, error);
    if (err) return err;
    int rc = sqlite3_step(find.statement);
    if (rc == SQLITE_ROW) {
        scan->stopped = true;
        scan->created_at = sqlite3_column_int64(find.statement, 0);
        scan->id = pawl__sqlite_column(find.statement, 1);
        if (!pawl__sqlite_keep(scan->arena, &scan->id)) err = pawl__fail_plain(error, PAWL_E_NOMEM);
    }
    return pawl__sqlite_find_end(store, &find, err, rc, error);
}

// Tells what |query| finds, up to the place at which its scan has stopped.
static enum pawl_err query_run(struct pawl_sqlite *store, uint64_t shard,
                               const struct pawl_query *query, enum pawl_sqlite_way way,
                               pawl_snapshot_fn fn, void *arg, size_t *found,
                               struct pawl_error *error) {
    struct pawl_sqlite_find find;
    int rc = SQLITE_DONE;
    enum pawl_err err = pawl__sqlite_find(store, shard, query, way, PAWL_SQLITE_ROWS,
                                          query->limit ? (int64_t)query->limit : -1, &find, error);
    if (err) return err;
    while (!err && (rc = sqlite3_step(find.statement)) == SQLITE_ROW) {
        struct pawl_snapshot row = pawl__sqlite_columns(find.statement);
        ++*found;
        err = fn(arg, &row, error);
    }
    return pawl__sqlite_find_end(store, &find, err, rc, error);
}

// Looks at the first few, which often are enough, then at as many more as it may.
static enum pawl_err query_scan(struct pawl_sqlite *store, uint64_t shard,
                                const struct pawl_query *query, pawl_snapshot_fn fn, void *arg,
                                struct pawl_error *error) {
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
        if (!err) err = query_run(store, shard, &part, PAWL_SQLITE_LISTED, fn, arg, &found, error);
        bool full = query->limit && found == query->limit;
        if (full || (step.stopped && pawl__query_ends_before(&part))) step.stopped = false;
        if (!step.stopped) break;
        part.after_created = step.created_at;
        part.after_id = step.id;
        if (query->limit) part.limit = query->limit - found;
    }
    step.most = query->scan->most;
    *query->scan = step;
    return err;
}

// Whether no instance has the name and one of the statuses that are asked for: a name that was not
// written right is told at once, in place of a look at all there are.
static enum pawl_err query_is_vain(struct pawl_sqlite *store, uint64_t shard,
                                   const struct pawl_query *query, bool *vain,
                                   struct pawl_error *error) {
    const struct pawl_query kinds = {.name = query->name, .statuses = query->statuses};
    sqlite3_stmt *find = store->statements[PAWL_SQL_READ_COUNT_ALL];
    int rc = SQLITE_DONE;
    *vain = query->name.len || query->statuses;
    if (!*vain) return PAWL_OK;
    sqlite3_bind_int64(find, 1, (sqlite3_int64)shard);
    while (*vain && (rc = sqlite3_step(find)) == SQLITE_ROW) {
        const struct pawl_snapshot row = {.name = pawl__sqlite_column(find, 0),
                                          .status = sqlite3_column_int(find, 1)};
        *vain = !pawl__query_match(&kinds, &row);
    }
    if (rc == SQLITE_ROW) rc = SQLITE_DONE;
    return pawl__sqlite_read_end(store, PAWL_SQL_READ_COUNT_ALL, PAWL_OK, rc, error);
}

enum pawl_err pawl__sqlite_query(struct pawl_store *base, uint64_t shard,
                                 const struct pawl_query *query, pawl_snapshot_fn fn, void *arg,
                                 struct pawl_error *error) {
    struct pawl_sqlite *store = (struct pawl_sqlite *)base;
    enum pawl_sqlite_way way;
    size_t found = 0;
    bool vain;
    enum pawl_err err = query_is_vain(store, shard, query, &vain, error);
    if (!err && !vain) err = query_choose(store, shard, query, &way, error);
    if (query->scan) query->scan->stopped = false;
    if (err || vain) return err;
    if (query->scan && way == PAWL_SQLITE_LISTED && pawl__query_has_filter(query))
        return query_scan(store, shard, query, fn, arg, error);
    return query_run(store, shard, query, way, fn, arg, &found, error);
}

// --- counts ---------------------------------------------------------------------------------
//
// By name and status they stand in pawl_count, and by these and one text in pawl_text. What else is
// asked for is read from an index, and counted here: GROUP BY would sort it first, which takes five
// times as long.

// Counts what |way| finds, behind the place of |query| and up to the one at which its scan has
// stopped.
static enum pawl_err count_found(struct pawl_sqlite *store, uint64_t shard,
                                 const struct pawl_query *query, enum pawl_sqlite_way way,
                                 struct pawl_groups *groups, struct pawl_error *error) {
    struct pawl_sqlite_find find;
    int rc = SQLITE_DONE;
    enum pawl_err err =
        pawl__sqlite_find(store, shard, query, way, PAWL_SQLITE_KINDS, -1, &find, error);
    if (err) return err;
    while (!err && (rc = sqlite3_step(find.statement)) == SQLITE_ROW)
        if (!(query->except_count &&
              pawl__groups_omit(groups, pawl__sqlite_column(find.statement, 2))) &&
            !pawl__groups_add(groups, pawl__sqlite_column(find.statement, 0),
                              sqlite3_column_int(find.statement, 1), 1))
            err = pawl__fail_plain(error, PAWL_E_NOMEM);
    return pawl__sqlite_find_end(store, &find, err, rc, error);
}

// Counts the rows of |statement|, each a name, a status and how many there are.
static enum pawl_err count_kinds(struct pawl_sqlite *store, enum pawl_sqlite_statement statement,
                                 const struct pawl_query *query, struct pawl_groups *groups,
                                 struct pawl_error *error) {
    sqlite3_stmt *find = store->statements[statement];
    enum pawl_err err = PAWL_OK;
    int rc = SQLITE_DONE;
    while (!err && (rc = sqlite3_step(find)) == SQLITE_ROW) {
        const struct pawl_snapshot row = {.name = pawl__sqlite_column(find, 0),
                                          .status = sqlite3_column_int(find, 1)};
        if (pawl__query_match(query, &row) &&
            !pawl__groups_add(groups, row.name, row.status, sqlite3_column_int64(find, 2)))
            err = pawl__fail_plain(error, PAWL_E_NOMEM);
    }
    return pawl__sqlite_read_end(store, statement, err, rc, error);
}

// Takes one of those out that |query| leaves out.
static enum pawl_err count_without(struct pawl_sqlite *store, uint64_t shard,
                                   const struct pawl_query *query, struct pawl_str id,
                                   struct pawl_groups *groups, struct pawl_error *error) {
    sqlite3_stmt *find = store->statements[PAWL_SQL_READ_INSTANCE];
    enum pawl_err err = PAWL_OK;
    sqlite3_bind_int64(find, 1, (sqlite3_int64)shard);
    pawl__sqlite_bind_text(find, 2, id);
    int rc = sqlite3_step(find);
    if (rc == SQLITE_ROW) {
        const struct pawl_snapshot row = pawl__sqlite_columns(find);
        if (pawl__query_match(query, &row) && !pawl__groups_add(groups, row.name, row.status, -1))
            err = pawl__fail_plain(error, PAWL_E_NOMEM);
        rc = SQLITE_DONE;
    }
    return pawl__sqlite_read_end(store, PAWL_SQL_READ_INSTANCE, err, rc, error);
}

// Counts by the tables of counts. |*done|: false when they do not say what |query| asks for.
static enum pawl_err count_counted(struct pawl_sqlite *store, uint64_t shard,
                                   const struct pawl_query *query, struct pawl_groups *groups,
                                   bool *done, struct pawl_error *error) {
    enum pawl_sqlite_statement statement = PAWL_SQL_READ_COUNT_ALL;
    struct pawl_query rest = *query;
    bool tagged = query->tag.len;
    rest.tag = rest.custom_status = (struct pawl_str){0};
    *done = pawl__query_is_of_kinds(&rest) && !(tagged && query->custom_status.len);
    if (!*done) return PAWL_OK;
    if (tagged || query->custom_status.len) {
        if (store->texts_doubted) {
            *done = false;
            return PAWL_OK;
        }
        statement = PAWL_SQL_READ_COUNT_TEXT;
        sqlite3_bind_int(store->statements[statement], 2,
                         tagged ? PAWL_SQLITE_TAGS : PAWL_SQLITE_CUSTOM_STATUS);
        pawl__sqlite_bind_text(store->statements[statement], 3,
                               tagged ? query->tag : query->custom_status);
    }
    sqlite3_bind_int64(store->statements[statement], 1, (sqlite3_int64)shard);
    enum pawl_err err = count_kinds(store, statement, &rest, groups, error);
    for (size_t i = 0; !err && i < query->except_count; i++)
        err = count_without(store, shard, query, query->except[i], groups, error);
    return err;
}

// How many were created at the time of |query|'s place and come behind it, up to QUERY_TIES; the
// last of them becomes the place.
static enum pawl_err count_ties(struct pawl_sqlite *store, uint64_t shard, struct pawl_query *query,
                                struct pawl_arena *arena, size_t *out, struct pawl_error *error) {
    struct pawl_sqlite_find find;
    enum pawl_err err = pawl__sqlite_find(store, shard, query, PAWL_SQLITE_LISTED, PAWL_SQLITE_TIES,
                                          QUERY_TIES, &find, error);
    int rc = SQLITE_DONE;
    *out = 0;
    if (err) return err;
    while (!err && (rc = sqlite3_step(find.statement)) == SQLITE_ROW) {
        query->after_id = pawl__sqlite_column(find.statement, 0);
        if (!pawl__sqlite_keep(arena, &query->after_id))
            err = pawl__fail_plain(error, PAWL_E_NOMEM);
        ++*out;
    }
    return pawl__sqlite_find_end(store, &find, err, rc, error);
}

// Makes of the place that |query| begins behind a bound of its time, where none of that time is
// left: to compare a time takes a fourth of the steps.
static enum pawl_err count_begin(struct pawl_sqlite *store, uint64_t shard,
                                 struct pawl_query *query, struct pawl_error *error) {
    struct pawl_query place = {.after_created = query->after_created, .after_id = query->after_id};
    size_t ties;
    if (!query->after_id.len) return PAWL_OK;
    enum pawl_err err = count_ties(store, shard, &place, query->scan->arena, &ties, error);
    if (err || ties) return err;
    query->after_id = PAWL_STR("");
    if (query->after_created >= query->created_from) query->created_from = query->after_created + 1;
    return PAWL_OK;
}

// Finds where the scan of |query| stops: behind all of one time, so that |*part|, what is counted,
// ends with a time, too; unless too many are of that time.
static enum pawl_err count_stop(struct pawl_sqlite *store, uint64_t shard,
                                const struct pawl_query *query, struct pawl_query *part,
                                struct pawl_error *error) {
    struct pawl_scan *scan = query->scan;
    size_t ties;
    enum pawl_err err = query_find_stop(store, shard, query, error);
    *part = *query;
    part->scan = NULL;
    if (err || !scan->stopped) return err;
    struct pawl_query place = {.after_created = scan->created_at, .after_id = scan->id};
    err = count_ties(store, shard, &place, scan->arena, &ties, error);
    if (ties == QUERY_TIES) part->scan = scan; // it stops among them
    if (err || part->scan) return err;
    scan->id = place.after_id;
    if (!part->created_before || part->created_before > scan->created_at)
        part->created_before = scan->created_at + 1;
    return PAWL_OK;
}

// Counts one by one; what is read from the order of lists only as far as |query->scan| goes.
static enum pawl_err count_read(struct pawl_sqlite *store, uint64_t shard, struct pawl_query *query,
                                struct pawl_groups *groups, struct pawl_error *error) {
    enum pawl_sqlite_way way;
    if (!pawl__groups_leave_out(groups, query)) return pawl__fail_plain(error, PAWL_E_NOMEM);
    enum pawl_err err = query_choose(store, shard, query, &way, error);
    struct pawl_query part = *query;
    if (!err && query->scan && way == PAWL_SQLITE_LISTED) {
        err = count_begin(store, shard, query, error);
        if (!err) err = count_stop(store, shard, query, &part, error);
    }
    if (!err) err = count_found(store, shard, &part, way, groups, error);
    if (query->scan && query->scan->stopped && pawl__query_ends_before(query))
        query->scan->stopped = false;
    return err;
}

// What is counted and what is left out of it are of one moment.
static enum pawl_err count_all(struct pawl_sqlite *store, uint64_t shard, struct pawl_query *query,
                               struct pawl_groups *groups, struct pawl_error *error) {
    bool done;
    if (pawl__sqlite_run(store, PAWL_SQL_READ_BEGIN))
        return pawl__sqlite_fail(store, store->reader, "read instances", error);
    enum pawl_err err = count_counted(store, shard, query, groups, &done, error);
    if (!done) err = count_read(store, shard, query, groups, error);
    pawl__sqlite_run(store, PAWL_SQL_READ_END);
    return err;
}

enum pawl_err pawl__sqlite_count(struct pawl_store *base, uint64_t shard,
                                 const struct pawl_query *query, pawl_count_fn fn, void *arg,
                                 struct pawl_error *error) {
    struct pawl_query all = *query;
    struct pawl_groups groups = {0};
    if (query->scan)
        query->scan->stopped = false;
    else
        all.after_id = (struct pawl_str){0};
    enum pawl_err err = count_all((struct pawl_sqlite *)base, shard, &all, &groups, error);
    if (!err) err = pawl__groups_tell(&groups, fn, arg, error);
    pawl__groups_finish(&groups);
    return err;
}
