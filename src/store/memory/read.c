// Reading. What callbacks are given is a copy, as the lock is not held while they run.

#include <stdlib.h>

#include "base/array.h"
#include "store/groups.h"
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
    size_t count, cap;
};

typedef bool (*read_pick_fn)(const void *arg, const struct pawl_snapshot *row);

static bool read_add(struct read_rows *out, const struct pawl_snapshot *row) {
    if (!pawl__array_room((void **)&out->rows, out->count, &out->cap, sizeof *out->rows))
        return false;
    struct pawl_snapshot *copy = &out->rows[out->count++];
    *copy = *row;
    copy->state = copy->history = (struct pawl_str){0};
    return read_columns(&out->arena, copy);
}

// Picks in the order of |query|, from its place on.
static enum pawl_err read_rows(struct pawl_store *base, uint64_t number, read_pick_fn pick,
                               const struct pawl_query *query, struct read_rows *out,
                               struct pawl_error *error) {
    bool backward = query->order == PAWL_ORDER_NEWEST, ok = true;
    struct pawl_memory_data *data = pawl__memory_lock(base);
    const struct pawl_memory_shard *shard = pawl__memory_shard(data, number);
    const struct pawl_memory_node *node = NULL;
    struct pawl_scan *scan = query->scan;
    size_t looked = 0;
    int64_t created_at;
    struct pawl_str id;
    if (scan) scan->stopped = false;
    if (shard)
        node = pawl__query_from(query, &created_at, &id)
                   ? pawl__memory_from(&shard->instances, created_at, id, backward)
                   : pawl__memory_end(&shard->instances, backward);
    for (; ok && node && (!query->limit || out->count < query->limit);
         node = pawl__memory_after(node, backward)) {
        const struct pawl_snapshot *row = &((const struct pawl_memory_instance *)node)->row;
        if (pick(query, row)) ok = read_add(out, row);
        if (!scan || ++looked < scan->most || (query->limit && out->count == query->limit))
            continue;
        scan->stopped = true;
        scan->created_at = row->created_at;
        scan->id = row->id;
        ok = ok && pawl__memory_dup(scan->arena, &scan->id);
        if (pawl__query_ends_before(query)) scan->stopped = false;
        break;
    }
    pawl__memory_unlock(data);
    return ok ? PAWL_OK : pawl__fail_plain(error, PAWL_E_NOMEM);
}

static enum pawl_err read_tell(struct read_rows *rows, enum pawl_err err, pawl_snapshot_fn fn,
                               void *arg, struct pawl_error *error) {
    for (size_t i = 0; !err && i < rows->count; i++) err = fn(arg, &rows->rows[i], error);
    pawl__arena_finish(&rows->arena);
    free(rows->rows);
    return err;
}

static bool read_is_live(const void *arg, const struct pawl_snapshot *row) {
    return row->active || row->wake_at != INT64_MAX;
}

enum pawl_err pawl__memory_scan_live(struct pawl_store *base, uint64_t shard, pawl_snapshot_fn fn,
                                     void *arg, struct pawl_error *error) {
    const struct pawl_query all = {.order = PAWL_ORDER_OLDEST};
    struct read_rows rows = {0};
    enum pawl_err err = read_rows(base, shard, read_is_live, &all, &rows, error);
    return read_tell(&rows, err, fn, arg, error);
}

static bool read_is_asked(const void *arg, const struct pawl_snapshot *row) {
    return pawl__query_match(arg, row);
}

enum pawl_err pawl__memory_query(struct pawl_store *base, uint64_t shard,
                                 const struct pawl_query *query, pawl_snapshot_fn fn, void *arg,
                                 struct pawl_error *error) {
    struct read_rows rows = {0};
    enum pawl_err err = read_rows(base, shard, read_is_asked, query, &rows, error);
    return read_tell(&rows, err, fn, arg, error);
}

enum pawl_err pawl__memory_count(struct pawl_store *base, uint64_t shard,
                                 const struct pawl_query *query, pawl_count_fn fn, void *arg,
                                 struct pawl_error *error) {
    return pawl__groups_count(pawl__memory_query, base, shard, query, fn, arg, error);
}
