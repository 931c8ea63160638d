// Queries over the columns of instances, a page at a time.

#include "store/query.h"
#include "store/postgres/internal.h"
#include "store/query.h"

#include <endian.h>

#define QUERY_PAGE 1000

static void query_text(struct pawl_pg_params *params, struct pawl_str text) {
    if (text.len)
        pawl__pg_bytes(params, text);
    else
        pawl__pg_null(params);
}

// The parameters 1 to 13.
static bool query_filter(struct pawl_pg_params *params, uint64_t shard,
                         const struct pawl_query *query, struct pawl_buf *scratch) {
    bool of_end = query->ended_from || query->ended_before;
    if (!pawl__query_after_prefix(scratch, query->id_prefix)) return false;
    pawl__pg_int(params, (int64_t)shard);
    pawl__pg_int(params, query->statuses);
    pawl__pg_int(params, query->created_from ? query->created_from : INT64_MIN);
    pawl__pg_int(params, query->created_before ? query->created_before : INT64_MAX);
    pawl__pg_int(params, of_end ? query->ended_from ? query->ended_from : 1 : INT64_MIN);
    pawl__pg_int(params, query->ended_before ? query->ended_before : INT64_MAX);
    query_text(params, query->name);
    query_text(params, query->parent);
    query_text(params, query->failure_type);
    query_text(params, query->id_prefix);
    query_text(params, pawl__buf_str(scratch));
    query_text(params, query->tag);
    query_text(params, query->custom_status);
    return true;
}

static void query_from(struct pawl_pg_params *params, const struct pawl_query *query) {
    int64_t created_at;
    struct pawl_str id;
    bool placed = pawl__query_from(query, &created_at, &id);
    pawl__pg_int(params, placed                              ? created_at
                         : query->order == PAWL_ORDER_NEWEST ? INT64_MAX
                                                             : INT64_MIN);
    pawl__pg_bytes(params, placed ? id : PAWL_STR(""));
}

// The parameters 14 to 17: between which places.
static void query_places(struct pawl_pg_params *params, const struct pawl_query *query) {
    const struct pawl_scan *scan = query->scan;
    query_from(params, query);
    if (scan && scan->stopped) {
        pawl__pg_int(params, scan->created_at);
        pawl__pg_bytes(params, scan->id);
    } else {
        pawl__pg_int(params, query->order == PAWL_ORDER_NEWEST ? INT64_MIN : INT64_MAX);
        pawl__pg_bytes(params, PAWL_STR(""));
    }
}

// Sets the place at which |query->scan| stops, if there is more than it may look at.
static enum pawl_err query_find_stop(struct pawl_postgres *store, uint64_t shard,
                                     const struct pawl_query *query, struct pawl_error *error) {
    struct pawl_scan *scan = query->scan;
    struct pawl_pg_params params = {0};
    bool newest = query->order == PAWL_ORDER_NEWEST;
    PGresult *result = NULL;
    scan->stopped = false;
    pawl__pg_int(&params, (int64_t)shard);
    query_from(&params, query);
    pawl__pg_int(&params, (int64_t)scan->most - 1);
    enum pawl_err err =
        pawl__pg_run(&store->reader, newest ? PAWL_PG_READ_NEWEST_STOP : PAWL_PG_READ_OLDEST_STOP,
                     &params, &result, error);
    if (!err && PQntuples(result)) {
        struct pawl_str id = pawl__pg_value(result, 0, 1);
        scan->stopped = true;
        scan->created_at = pawl__pg_number(result, 0, 0);
        scan->id = (struct pawl_str){pawl__arena_dup(scan->arena, id), id.len};
        if (!scan->id.data) err = pawl__fail_plain(error, PAWL_E_NOMEM);
    }
    PQclear(result);
    return err;
}

// Reads a page behind the place of |query|.
static enum pawl_err query_page(struct pawl_postgres *store, uint64_t shard,
                                const struct pawl_query *query, size_t limit, PGresult **out,
                                struct pawl_error *error) {
    struct pawl_pg_params params = {0};
    struct pawl_buf prefix = {0};
    bool newest = query->order == PAWL_ORDER_NEWEST;
    enum pawl_err err = PAWL_OK;
    *out = NULL;
    if (query_filter(&params, shard, query, &prefix)) {
        query_places(&params, query);
        pawl__pg_int(&params, (int64_t)limit);
        err = pawl__pg_run(&store->reader, newest ? PAWL_PG_READ_NEWEST : PAWL_PG_READ_OLDEST,
                           &params, out, error);
    } else {
        err = pawl__fail_plain(error, PAWL_E_NOMEM);
    }
    pawl__buf_finish(&prefix);
    return err;
}

// Tells what |query| finds, up to the place at which its scan has stopped, and counts it in
// |*found|.
static enum pawl_err query_run(struct pawl_postgres *store, uint64_t shard,
                               const struct pawl_query *query, pawl_snapshot_fn fn, void *arg,
                               size_t *found, struct pawl_error *error) {
    struct pawl_query next = *query;
    size_t left = query->limit ? query->limit : SIZE_MAX;
    PGresult *page = NULL, *last = NULL;
    enum pawl_err err = PAWL_OK;
    for (bool more = true; !err && more; last = page) {
        size_t limit = left < QUERY_PAGE ? left : QUERY_PAGE;
        err = query_page(store, shard, &next, limit, &page, error);
        PQclear(last); // which held the place
        int rows = err ? 0 : PQntuples(page);
        for (int i = 0; !err && i < rows; i++) {
            struct pawl_snapshot row = pawl__pg_columns(page, i);
            next.after_id = row.id;
            next.after_created = row.created_at;
            err = fn(arg, &row, error);
        }
        left -= (size_t)rows;
        *found += (size_t)rows;
        more = (size_t)rows == limit && left;
    }
    PQclear(last);
    return err;
}

// Looks at the first few, which often are enough, then at as many more as it may.
static enum pawl_err query_scan(struct pawl_postgres *store, uint64_t shard,
                                const struct pawl_query *query, pawl_snapshot_fn fn, void *arg,
                                struct pawl_error *error) {
    struct pawl_query part = *query;
    struct pawl_scan step = *query->scan;
    enum pawl_err err = PAWL_OK;
    size_t left = query->scan->most;
    part.scan = &step;
    for (size_t most = QUERY_PAGE; !err && left; most = left) {
        size_t found = 0;
        step.most = most < left ? most : left;
        left -= step.most;
        err = query_find_stop(store, shard, &part, error);
        if (!err) err = query_run(store, shard, &part, fn, arg, &found, error);
        bool full = query->limit && found == part.limit;
        if (full || (step.stopped && pawl__query_ends_before(&part))) step.stopped = false;
        if (!step.stopped) break;
        part.after_created = step.created_at;
        part.after_id = step.id;
        if (query->limit) part.limit -= found;
    }
    step.most = query->scan->most;
    *query->scan = step;
    return err;
}

enum pawl_err pawl__pg_query(struct pawl_store *base, uint64_t shard,
                             const struct pawl_query *query, pawl_snapshot_fn fn, void *arg,
                             struct pawl_error *error) {
    struct pawl_postgres *store = (struct pawl_postgres *)base;
    size_t found = 0;
    if (query->scan) query->scan->stopped = false;
    if (query->scan && pawl__query_has_filter(query))
        return query_scan(store, shard, query, fn, arg, error);
    return query_run(store, shard, query, fn, arg, &found, error);
}

static bool query_put_int(struct pawl_buf *out, uint32_t number) {
    number = htobe32(number);
    return pawl__buf_append(out, &number, sizeof number);
}

// An array of bytea, as PostgreSQL receives it in binary: dimensions, whether it has NULLs, the
// type; for the one dimension its size and first index; then the elements, each behind its length.
static bool query_put_array(struct pawl_buf *out, const struct pawl_str *texts, size_t count) {
    enum {
        TYPE_BYTEA = 17
    };
    bool ok = query_put_int(out, count > 0) && query_put_int(out, 0) &&
              query_put_int(out, TYPE_BYTEA) &&
              (!count || (query_put_int(out, (uint32_t)count) && query_put_int(out, 1)));
    for (size_t i = 0; ok && i < count; i++)
        ok = query_put_int(out, (uint32_t)texts[i].len) && pawl__buf_append_str(out, texts[i]);
    return ok;
}

enum pawl_err pawl__pg_count(struct pawl_store *base, uint64_t shard,
                             const struct pawl_query *query, pawl_count_fn fn, void *arg,
                             struct pawl_error *error) {
    struct pawl_postgres *store = (struct pawl_postgres *)base;
    struct pawl_pg_params params = {0};
    struct pawl_buf prefix = {0}, except = {0};
    PGresult *result = NULL;
    enum pawl_err err = PAWL_OK;
    struct pawl_query all = *query;
    all.order = PAWL_ORDER_OLDEST;
    if (query->scan)
        err = query_find_stop(store, shard, &all, error);
    else
        all.after_id = (struct pawl_str){0};
    if (err) return err;
    if (query_filter(&params, shard, query, &prefix) &&
        query_put_array(&except, query->except, query->except_count)) {
        query_places(&params, &all);
        pawl__pg_bytes(&params, pawl__buf_str(&except));
        err = pawl__pg_run(&store->reader, PAWL_PG_READ_COUNT, &params, &result, error);
    } else {
        err = pawl__fail_plain(error, PAWL_E_NOMEM);
    }
    for (int i = 0; !err && i < PQntuples(result); i++)
        err = fn(arg, pawl__pg_value(result, i, 0), (int32_t)pawl__pg_number(result, i, 1),
                 (uint64_t)pawl__pg_number(result, i, 2), error);
    if (query->scan && query->scan->stopped && pawl__query_ends_before(&all))
        query->scan->stopped = false;
    PQclear(result);
    pawl__buf_finish(&prefix);
    pawl__buf_finish(&except);
    return err;
}
