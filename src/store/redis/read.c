// Reading logs and snapshots. Nothing that is read blocks the server for long: sets are read by
// pages, and rows may come twice or not be of one moment then.

#include <stdlib.h>

#include "base/array.h"
#include "store/redis/internal.h"

enum {
    READ_LOG_PAGE = 64,
    READ_SCAN_PAGE = 1000
};

static void read_key(const struct pawl_redis *store, struct pawl_redis_args *args, const char *kind,
                     uint64_t shard) {
    char *key = pawl__arena_format(&args->arena, "%s%s:%llu", store->prefix, kind,
                                   (unsigned long long)shard);
    if (!key) args->failed = true;
    pawl__redis_add(args, pawl__str(key));
}

// --- the log ------------------------------------------------------------------------------------

static enum pawl_err read_bounds_in(struct pawl_redis *store, const char *kind, uint64_t shard,
                                    uint64_t *trimmed, uint64_t *last, struct pawl_error *error) {
    struct pawl_redis_args args = {0};
    redisReply *reply;
    pawl__redis_add(&args, PAWL_STR("HMGET"));
    read_key(store, &args, kind, shard);
    pawl__redis_add(&args, PAWL_STR("trimmed"));
    pawl__redis_add(&args, PAWL_STR("last"));
    enum pawl_err err = pawl__redis_read(store, &args, &reply, error);
    pawl__redis_args_finish(&args);
    if (err) return err;
    *trimmed = pawl__redis_uint(reply->element[0]);
    *last = pawl__redis_uint(reply->element[1]);
    freeReplyObject(reply);
    return PAWL_OK;
}

// Where the log begins and ends. An earlier Pawl has that beside the shard's lease.
static enum pawl_err read_bounds(struct pawl_redis *store, uint64_t shard, uint64_t *trimmed,
                                 uint64_t *last, struct pawl_error *error) {
    enum pawl_err err = read_bounds_in(store, "log", shard, trimmed, last, error);
    if (!err && !*last) err = read_bounds_in(store, "shard", shard, trimmed, last, error);
    return err;
}

// |room| is for what is compressed.
static enum pawl_err read_batch(struct pawl_redis *store, uint64_t shard, uint64_t position,
                                const redisReply *row, struct pawl_arena *room, pawl_batch_fn fn,
                                void *arg, struct pawl_error *error) {
    struct pawl_batch batch = {.position = position};
    char name[24];
    if (pawl__redis_is_nil(row)) {
        uint64_t trimmed, last;
        enum pawl_err err = read_bounds(store, shard, &trimmed, &last, error);
        if (err || position <= trimmed) return err; // it was dropped meanwhile
        return pawl__fail(error, PAWL_E_CORRUPT,
                          "%s: batch %llu of the log of shard %llu is missing", store->name,
                          (unsigned long long)position, (unsigned long long)shard);
    }
    snprintf(name, sizeof name, "%llu", (unsigned long long)position);
    enum pawl_err err = pawl__redis_unseal(store, pawl__redis_str(row), "log at position",
                                           pawl__str(name), room, &batch.records, error);
    return err ? err : fn(arg, &batch, error);
}

enum pawl_err pawl__redis_read_log(struct pawl_store *base, uint64_t shard, uint64_t after,
                                   pawl_batch_fn fn, void *arg, struct pawl_error *error) {
    struct pawl_redis *store = (struct pawl_redis *)base;
    uint64_t trimmed, last;
    struct pawl_arena room = {0};
    enum pawl_err err = read_bounds(store, shard, &trimmed, &last, error);
    if (after < trimmed) after = trimmed;
    while (!err && after < last) {
        struct pawl_redis_args args = {0};
        redisReply *reply;
        uint64_t count = last - after < READ_LOG_PAGE ? last - after : READ_LOG_PAGE;
        pawl__redis_add(&args, PAWL_STR("HMGET"));
        read_key(store, &args, "log", shard);
        for (uint64_t i = 1; i <= count; i++) pawl__redis_add_uint(&args, after + i);
        err = pawl__redis_read(store, &args, &reply, error);
        pawl__redis_args_finish(&args);
        if (err) break;
        for (uint64_t i = 0; !err && i < reply->elements; i++) {
            pawl__arena_reset(&room);
            err = read_batch(store, shard, after + i + 1, reply->element[i], &room, fn, arg, error);
        }
        freeReplyObject(reply);
        after += count;
    }
    pawl__arena_finish(&room);
    return err;
}

// --- one snapshot -------------------------------------------------------------------------------

struct read_piece {
    uint64_t first;
    struct pawl_str bytes;
};

static int read_compare_pieces(const void *a, const void *b) {
    uint64_t left = ((const struct read_piece *)a)->first;
    uint64_t right = ((const struct read_piece *)b)->first;
    return (left > right) - (left < right);
}

// Puts the parts of a row together.
static enum pawl_err read_row(struct pawl_redis *store, const redisReply *row,
                              struct pawl_arena *arena, struct pawl_snapshot *out,
                              struct pawl_error *error) {
    struct read_piece *pieces = pawl__arena_alloc(arena, (row->elements / 2 + 1) * sizeof *pieces);
    size_t count = 0, len = 0;
    bool has_state = false;
    enum pawl_err err = pieces ? PAWL_OK : pawl__fail_plain(error, PAWL_E_NOMEM);
    for (size_t i = 0; !err && i + 1 < row->elements; i += 2) {
        struct pawl_str field = pawl__redis_str(row->element[i]), payload;
        int64_t first;
        if (pawl__str_equal(field, PAWL_STR("c"))) continue; // see order.c
        err = pawl__redis_unseal(store, pawl__redis_str(row->element[i + 1]), "snapshot", out->id,
                                 arena, &payload, error);
        if (err) break;
        if (pawl__str_equal(field, PAWL_STR("s"))) {
            out->state = (struct pawl_str){pawl__arena_dup(arena, payload), payload.len};
            has_state = true;
        } else if (field.len > 1 &&
                   pawl__str_to_int((struct pawl_str){field.data + 1, field.len - 1}, 0, UINT32_MAX,
                                    &first)) {
            pieces[count++] = (struct read_piece){(uint64_t)first, payload};
            len += payload.len;
        }
    }
    if (!err && !has_state)
        err = pawl__fail(error, PAWL_E_CORRUPT, "%s: the snapshot of %.*s has no state",
                         store->name, PAWL_FMT(out->id));
    char *history = err ? NULL : pawl__arena_alloc(arena, len + 1);
    if (!err && (!history || arena->failed)) err = pawl__fail_plain(error, PAWL_E_NOMEM);
    if (err) return err;
    qsort(pieces, count, sizeof *pieces, read_compare_pieces);
    out->history = (struct pawl_str){history, len};
    for (size_t i = 0; i < count; i++) {
        if (pieces[i].bytes.len) memcpy(history, pieces[i].bytes.data, pieces[i].bytes.len);
        history += pieces[i].bytes.len;
    }
    return PAWL_OK;
}

// Asks for |places|: the reply has an element for each.
static enum pawl_err read_rows_of(struct pawl_redis *store, const struct pawl_place *places,
                                  size_t count, redisReply **reply, struct pawl_error *error) {
    struct pawl_redis_args args = {0};
    pawl__redis_call(&args, store, PAWL_REDIS_LOAD);
    for (size_t i = 0; i < count; i++) {
        pawl__redis_add_uint(&args, places[i].shard);
        pawl__redis_add(&args, places[i].id);
    }
    enum pawl_err err = pawl__redis_run_read(store, PAWL_REDIS_LOAD, &args, reply, error);
    pawl__redis_args_finish(&args);
    if (err || (*reply)->elements == count) return err;
    freeReplyObject(*reply);
    return pawl__fail(error, PAWL_E_IO, "%s answers a read with something else", store->name);
}

static enum pawl_err read_instance(struct pawl_redis *store, const redisReply *one,
                                   struct pawl_str id, struct pawl_arena *arena,
                                   struct pawl_snapshot *out, struct pawl_error *error) {
    // A table of Lua ends at its first nil, or holds a false, which is told as nil.
    if (one->elements < 2 || pawl__redis_is_nil(one->element[0]))
        return pawl__fail(error, PAWL_E_NOT_FOUND, "no instance %.*s", PAWL_FMT(id));
    enum pawl_err err =
        pawl__redis_read_columns(store, id, pawl__redis_str(one->element[0]), arena, out, error);
    return err ? err : read_row(store, one->element[1], arena, out, error);
}

enum pawl_err pawl__redis_load(struct pawl_store *base, uint64_t shard, struct pawl_str id,
                               struct pawl_arena *arena, struct pawl_snapshot *out,
                               struct pawl_error *error) {
    struct pawl_redis *store = (struct pawl_redis *)base;
    redisReply *reply;
    enum pawl_err err = read_rows_of(store, &(struct pawl_place){shard, id}, 1, &reply, error);
    if (err) return err;
    err = read_instance(store, reply->element[0], id, arena, out, error);
    freeReplyObject(reply);
    return err;
}

enum pawl_err pawl__redis_load_many(struct pawl_store *base, const struct pawl_place *places,
                                    size_t count, pawl_place_fn fn, void *arg,
                                    struct pawl_error *error) {
    struct pawl_redis *store = (struct pawl_redis *)base;
    struct pawl_arena arena = {0};
    redisReply *reply;
    enum pawl_err err = read_rows_of(store, places, count, &reply, error);
    if (err) return err;
    for (size_t i = 0; !err && i < count; i++) {
        struct pawl_snapshot row;
        pawl__arena_reset(&arena);
        err = read_instance(store, reply->element[i], places[i].id, &arena, &row, error);
        if (!err)
            err = fn(arg, i, &row, error);
        else if (err == PAWL_E_NOT_FOUND)
            err = PAWL_OK;
    }
    pawl__arena_finish(&arena);
    freeReplyObject(reply);
    return err;
}

// --- many ---------------------------------------------------------------------------------------

struct read_rows {
    struct pawl_arena arena;
    struct pawl_snapshot *rows;
    size_t count, cap;
};

static void read_finish(struct read_rows *rows) {
    pawl__arena_finish(&rows->arena);
    free(rows->rows);
}

static enum pawl_err read_add(struct pawl_redis *store, struct read_rows *rows, struct pawl_str id,
                              struct pawl_str row, struct pawl_error *error) {
    if (!pawl__array_room((void **)&rows->rows, rows->count, &rows->cap, sizeof *rows->rows))
        return pawl__fail_plain(error, PAWL_E_NOMEM);
    enum pawl_err err =
        pawl__redis_read_columns(store, id, row, &rows->arena, &rows->rows[rows->count], error);
    if (!err) rows->count++;
    return err;
}

enum pawl_err pawl__redis_step(struct pawl_redis *store, const char *command, const char *kind,
                               uint64_t shard, char cursor[24], redisReply **reply,
                               struct pawl_error *error) {
    struct pawl_redis_args args = {0};
    pawl__redis_add(&args, pawl__str(command));
    read_key(store, &args, kind, shard);
    pawl__redis_add(&args, pawl__str(cursor));
    pawl__redis_add(&args, PAWL_STR("COUNT"));
    pawl__redis_add_uint(&args, READ_SCAN_PAGE);
    enum pawl_err err = pawl__redis_read(store, &args, reply, error);
    pawl__redis_args_finish(&args);
    if (!err) snprintf(cursor, 24, "%.*s", PAWL_FMT(pawl__redis_str((*reply)->element[0])));
    return err;
}

// The rows of ids that a step of SSCAN gave.
static enum pawl_err read_live(struct pawl_redis *store, uint64_t shard, const redisReply *ids,
                               struct read_rows *rows, struct pawl_error *error) {
    struct pawl_redis_args args = {0};
    redisReply *reply;
    if (!ids->elements) return PAWL_OK;
    pawl__redis_add(&args, PAWL_STR("HMGET"));
    read_key(store, &args, "rows", shard);
    for (size_t i = 0; i < ids->elements; i++)
        pawl__redis_add(&args, pawl__redis_str(ids->element[i]));
    enum pawl_err err = pawl__redis_read(store, &args, &reply, error);
    pawl__redis_args_finish(&args);
    if (err) return err;
    for (size_t i = 0; !err && i < reply->elements; i++)
        if (!pawl__redis_is_nil(reply->element[i]))
            err = read_add(store, rows, pawl__redis_str(ids->element[i]),
                           pawl__redis_str(reply->element[i]), error);
    freeReplyObject(reply);
    return err;
}

static int read_compare_ids(const void *a, const void *b) {
    return pawl__str_compare(((const struct pawl_snapshot *)a)->id,
                             ((const struct pawl_snapshot *)b)->id);
}

// Reads the live rows of |shard|, each once, by their ids.
static enum pawl_err read_all_live(struct pawl_redis *store, uint64_t shard, struct read_rows *rows,
                                   struct pawl_error *error) {
    char cursor[24] = "0";
    enum pawl_err err = PAWL_OK;
    do {
        redisReply *reply = NULL;
        err = pawl__redis_step(store, "SSCAN", "live", shard, cursor, &reply, error);
        if (err) return err;
        err = read_live(store, shard, reply->element[1], rows, error);
        freeReplyObject(reply);
    } while (!err && strcmp(cursor, "0") != 0);
    if (err || !rows->count) return err;
    qsort(rows->rows, rows->count, sizeof *rows->rows, read_compare_ids);
    size_t kept = 1;
    for (size_t i = 1; i < rows->count; i++)
        if (!pawl__str_equal(rows->rows[i].id, rows->rows[kept - 1].id))
            rows->rows[kept++] = rows->rows[i];
    rows->count = kept;
    return PAWL_OK;
}

enum pawl_err pawl__redis_scan_live(struct pawl_store *base, uint64_t shard, pawl_snapshot_fn fn,
                                    void *arg, struct pawl_error *error) {
    struct read_rows rows = {0};
    enum pawl_err err = read_all_live((struct pawl_redis *)base, shard, &rows, error);
    for (size_t i = 0; !err && i < rows.count; i++) err = fn(arg, &rows.rows[i], error);
    read_finish(&rows);
    return err;
}
