// Reading. What callbacks are given is a copy, as the lock is not held while they run.

#include <stdlib.h>

#include "store/memory/internal.h"
#include "store/query.h"

static bool read_columns(struct pawl_arena *arena, struct pawl_snapshot *row) {
    return pawl__memory_dup(arena, &row->id) && pawl__memory_dup(arena, &row->name) &&
           pawl__memory_dup(arena, &row->parent) && pawl__memory_dup(arena, &row->tags) &&
           pawl__memory_dup(arena, &row->custom_status) &&
           pawl__memory_dup(arena, &row->failure_type);
}

enum pawl_err pawl__memory_read_log(struct pawl_store *base, uint64_t shard_number, uint64_t after,
                                    pawl_batch_fn fn, void *arg, struct pawl_error *error) {
    struct pawl_memory_data *data = ((struct pawl_memory *)base)->data;
    struct pawl_buf records = {0};
    enum pawl_err err = PAWL_OK;
    while (!err) {
        pthread_mutex_lock(&data->lock);
        struct pawl_memory_shard *shard = pawl__memory_shard(data, shard_number);
        if (shard && after < shard->trimmed) after = shard->trimmed;
        bool found = shard && after < pawl__memory_last(shard);
        pawl__buf_clear(&records);
        if (found) pawl__buf_append_str(&records, shard->batches[after - shard->trimmed].records);
        pthread_mutex_unlock(&data->lock);
        if (!found) break;
        struct pawl_batch batch = {++after, pawl__buf_str(&records)};
        err = records.failed ? pawl__fail_plain(error, PAWL_E_NOMEM) : fn(arg, &batch, error);
    }
    pawl__buf_finish(&records);
    return err;
}

enum pawl_err pawl__memory_load(struct pawl_store *base, uint64_t shard_number, struct pawl_str id,
                                struct pawl_arena *arena, struct pawl_snapshot *out,
                                struct pawl_error *error) {
    struct pawl_memory_data *data = ((struct pawl_memory *)base)->data;
    enum pawl_err err = PAWL_OK;
    pthread_mutex_lock(&data->lock);
    struct pawl_memory_shard *shard = pawl__memory_shard(data, shard_number);
    struct pawl_memory_instance *instance =
        shard ? (struct pawl_memory_instance *)pawl__memory_find(&shard->instances, id) : NULL;
    struct pawl_snapshot row = instance ? instance->row : (struct pawl_snapshot){0};
    if (!instance)
        err = pawl__fail(error, PAWL_E_NOT_FOUND, "no instance %.*s", PAWL_FMT(id));
    else if (read_columns(arena, &row) && pawl__memory_dup(arena, &row.state) &&
             pawl__memory_dup(arena, &row.history))
        *out = row;
    else
        err = pawl__fail_plain(error, PAWL_E_NOMEM);
    pthread_mutex_unlock(&data->lock);
    return err;
}

// Rows of a shard, picked under the lock and copied.
struct read_rows {
    struct pawl_arena arena;
    struct pawl_snapshot *rows;
    size_t count;
};

typedef bool (*read_pick_fn)(const void *arg, const struct pawl_snapshot *row);

static int read_compare(const void *a, const void *b, void *order) {
    return pawl__query_compare(*(const enum pawl_order *)order, a, b);
}

// Picks and orders; |limit| 0: all.
static bool read_pick(const struct pawl_memory_shard *shard, read_pick_fn pick, const void *arg,
                      enum pawl_order order, size_t limit, struct read_rows *out) {
    size_t at = 0;
    if (!shard) return true;
    out->rows = pawl__arena_alloc(&out->arena, (shard->instances.count + 1) * sizeof *out->rows);
    if (!out->rows) return false;
    for (struct pawl_memory_node *node = NULL;
         (node = pawl__memory_next(&shard->instances, &at, node));) {
        struct pawl_snapshot *row = &out->rows[out->count];
        *row = ((struct pawl_memory_instance *)node)->row;
        row->state = row->history = (struct pawl_str){0};
        if (pick(arg, row)) out->count++;
    }
    qsort_r(out->rows, out->count, sizeof *out->rows, read_compare, &order);
    if (limit && out->count > limit) out->count = limit;
    for (size_t i = 0; i < out->count; i++)
        if (!read_columns(&out->arena, &out->rows[i])) return false;
    return true;
}

static enum pawl_err read_rows(struct pawl_store *base, uint64_t shard, read_pick_fn pick,
                               const void *pick_arg, enum pawl_order order, size_t limit,
                               pawl_snapshot_fn fn, void *arg, struct pawl_error *error) {
    struct read_rows rows = {0};
    struct pawl_memory_data *data = pawl__memory_lock(base);
    bool ok = read_pick(pawl__memory_shard(data, shard), pick, pick_arg, order, limit, &rows);
    pawl__memory_unlock(data);
    enum pawl_err err = ok ? PAWL_OK : pawl__fail_plain(error, PAWL_E_NOMEM);
    for (size_t i = 0; !err && i < rows.count; i++) err = fn(arg, &rows.rows[i], error);
    pawl__arena_finish(&rows.arena);
    return err;
}

static bool read_is_live(const void *arg, const struct pawl_snapshot *row) {
    (void)arg;
    return row->active || row->wake_at != INT64_MAX;
}

enum pawl_err pawl__memory_scan_live(struct pawl_store *base, uint64_t shard, pawl_snapshot_fn fn,
                                     void *arg, struct pawl_error *error) {
    return read_rows(base, shard, read_is_live, NULL, PAWL_ORDER_ID, 0, fn, arg, error);
}

static bool read_is_asked(const void *arg, const struct pawl_snapshot *row) {
    return pawl__query_match(arg, row);
}

enum pawl_err pawl__memory_query(struct pawl_store *base, uint64_t shard,
                                 const struct pawl_query *query, pawl_snapshot_fn fn, void *arg,
                                 struct pawl_error *error) {
    return read_rows(base, shard, read_is_asked, query, query->order, query->limit, fn, arg, error);
}

static int read_compare_group(const void *a, const void *b) {
    const struct pawl_snapshot *left = a, *right = b;
    int order = pawl__str_compare(left->name, right->name);
    return order ? order : (left->status > right->status) - (left->status < right->status);
}

enum pawl_err pawl__memory_count(struct pawl_store *base, uint64_t shard,
                                 const struct pawl_query *query, pawl_count_fn fn, void *arg,
                                 struct pawl_error *error) {
    struct pawl_query all = *query;
    struct read_rows rows = {0};
    all.after_id = (struct pawl_str){0};
    struct pawl_memory_data *data = pawl__memory_lock(base);
    bool ok =
        read_pick(pawl__memory_shard(data, shard), read_is_asked, &all, PAWL_ORDER_ID, 0, &rows);
    pawl__memory_unlock(data);
    enum pawl_err err = ok ? PAWL_OK : pawl__fail_plain(error, PAWL_E_NOMEM);
    if (ok && rows.count) qsort(rows.rows, rows.count, sizeof *rows.rows, read_compare_group);
    for (size_t i = 0, end; !err && i < rows.count; i = end) {
        const struct pawl_snapshot *first = &rows.rows[i];
        for (end = i + 1; end < rows.count && !read_compare_group(first, &rows.rows[end]); end++) {
        }
        err = fn(arg, first->name, first->status, end - i, error);
    }
    pawl__arena_finish(&rows.arena);
    return err;
}
