#include "store/many.h"
#include "store/postgres/internal.h"
#include "store/row.h"

#include <stdio.h>
#include <stdlib.h>

// --- the log --------------------------------------------------------------------------------

// |room| is for what is compressed.
static enum pawl_err read_batch(struct pawl_postgres *store, uint64_t shard, const PGresult *result,
                                int row, uint64_t expected, struct pawl_arena *room,
                                pawl_batch_fn fn, void *arg, struct pawl_error *error) {
    struct pawl_batch batch = {.position = (uint64_t)pawl__pg_number(result, row, 0)};
    char what[96];
    enum pawl_err err = PAWL_E_CORRUPT;
    snprintf(what, sizeof what, "batch %llu of shard %llu", (unsigned long long)expected,
             (unsigned long long)shard);
    if (batch.position != expected)
        snprintf(what, sizeof what, "the log of shard %llu (batch %llu is missing)",
                 (unsigned long long)shard, (unsigned long long)expected);
    else
        err = pawl__row_open(pawl__pg_value(result, row, 1), room, &batch.records);
    return err ? pawl__pg_fail_row(store, err, what, error) : fn(arg, &batch, error);
}

enum pawl_err pawl__pg_read_log(struct pawl_store *base, uint64_t shard, uint64_t after,
                                pawl_batch_fn fn, void *arg, struct pawl_error *error) {
    struct pawl_postgres *store = (struct pawl_postgres *)base;
    struct pawl_pg_params find = {0};
    PGresult *result = NULL;
    if (after > INT64_MAX) return PAWL_OK;
    pawl__pg_int(&find, (int64_t)shard);
    enum pawl_err err = pawl__pg_run(&store->reader, PAWL_PG_READ_TRIMMED, &find, &result, error);
    uint64_t trimmed = !err && PQntuples(result) ? (uint64_t)pawl__pg_number(result, 0, 0) : 0;
    PQclear(result);
    if (after < trimmed) after = trimmed;
    struct pawl_arena room = {0};
    for (bool more = true; !err && more;) { // a page at a time, for the log may be long
        struct pawl_pg_params params = {0};
        pawl__pg_int(&params, (int64_t)shard);
        pawl__pg_int(&params, (int64_t)after);
        result = NULL;
        err = pawl__pg_run(&store->reader, PAWL_PG_READ_LOG, &params, &result, error);
        more = !err && PQntuples(result);
        for (int i = 0; !err && i < PQntuples(result); i++) {
            pawl__arena_reset(&room);
            err = read_batch(store, shard, result, i, ++after, &room, fn, arg, error);
        }
        PQclear(result);
    }
    pawl__arena_finish(&room);
    return err;
}

// --- mail -----------------------------------------------------------------------------------

enum pawl_err pawl__pg_read_mail(struct pawl_store *base, struct pawl_str app, uint32_t number,
                                 struct pawl_str after, size_t limit, pawl_mail_fn fn, void *arg,
                                 struct pawl_error *error) {
    struct pawl_postgres *store = (struct pawl_postgres *)base;
    struct pawl_pg_params params = {0};
    PGresult *result = NULL;
    pawl__pg_bytes(&params, app);
    pawl__pg_int(&params, number);
    pawl__pg_bytes(&params, after);
    if (limit)
        pawl__pg_int(&params, (int64_t)limit);
    else
        pawl__pg_null(&params);
    struct pawl_arena room = {0};
    enum pawl_err err = pawl__pg_run(&store->reader, PAWL_PG_READ_MAIL, &params, &result, error);
    for (int i = 0; !err && i < PQntuples(result); i++) {
        struct pawl_mail mail = {.app = app, .number = number, .key = pawl__pg_value(result, i, 0)};
        pawl__arena_reset(&room);
        err = pawl__row_open(pawl__pg_value(result, i, 1), &room, &mail.bytes);
        if (err)
            pawl__pg_fail_row(store, err, "a message", error);
        else
            err = fn(arg, &mail, error);
    }
    pawl__arena_finish(&room);
    PQclear(result);
    return err;
}

// --- snapshots ------------------------------------------------------------------------------

struct pawl_snapshot pawl__pg_columns(const PGresult *result, int row) {
    return (struct pawl_snapshot){
        .id = pawl__pg_value(result, row, 0),
        .position = (uint64_t)pawl__pg_number(result, row, 1),
        .name = pawl__pg_value(result, row, 2),
        .status = (int32_t)pawl__pg_number(result, row, 3),
        .created_at = pawl__pg_number(result, row, 4),
        .updated_at = pawl__pg_number(result, row, 5),
        .completed_at = pawl__pg_number(result, row, 6),
        .wake_at = pawl__pg_number(result, row, 7),
        .active = pawl__pg_true(result, row, 8),
        .parent = pawl__pg_value(result, row, 9),
        .tags = pawl__pg_value(result, row, 10),
        .custom_status = pawl__pg_value(result, row, 11),
        .failure_type = pawl__pg_value(result, row, 12),
    };
}

static enum pawl_err read_bad_row(struct pawl_postgres *store, enum pawl_err err,
                                  struct pawl_str id, struct pawl_error *error) {
    char what[160];
    snprintf(what, sizeof what, "the snapshot of %.*s", PAWL_FMT(id));
    return pawl__pg_fail_row(store, err, what, error);
}

// The parts of a history stand in rows of their own, beside the snapshot. None: one row, with NULL.
static enum pawl_err read_history(struct pawl_postgres *store, const PGresult *rows,
                                  struct pawl_str id, struct pawl_arena *arena,
                                  struct pawl_buf *out, struct pawl_error *error) {
    for (int i = 0; i < PQntuples(rows) && !PQgetisnull(rows, i, 14); i++) {
        struct pawl_str events;
        enum pawl_err err = i == 0 && pawl__pg_number(rows, 0, 14) != 0
                                ? PAWL_E_CORRUPT
                                : pawl__row_open(pawl__pg_value(rows, i, 15), arena, &events);
        if (err) return read_bad_row(store, err, id, error);
        if (!pawl__buf_append_str(out, events)) return pawl__fail_plain(error, PAWL_E_NOMEM);
    }
    return PAWL_OK;
}

// The snapshot in |rows|; views of them, of |arena|, and of |history|, which is empty.
static enum pawl_err read_instance(struct pawl_postgres *store, const PGresult *rows,
                                   struct pawl_str id, struct pawl_arena *arena,
                                   struct pawl_buf *history, struct pawl_snapshot *out,
                                   struct pawl_error *error) {
    enum pawl_err err = read_history(store, rows, id, arena, history, error);
    if (err) return err;
    *out = pawl__pg_columns(rows, 0);
    out->history = pawl__buf_str(history);
    err = pawl__row_open(pawl__pg_value(rows, 0, 13), arena, &out->state);
    return err ? read_bad_row(store, err, id, error) : PAWL_OK;
}

// Of READ_INSTANCE. |params|, which are empty, point into themselves.
static void read_params(struct pawl_pg_params *params, const struct pawl_place *place) {
    pawl__pg_int(params, (int64_t)place->shard);
    pawl__pg_bytes(params, place->id);
}

enum pawl_err pawl__pg_load(struct pawl_store *base, uint64_t shard, struct pawl_str id,
                            struct pawl_arena *arena, struct pawl_snapshot *out,
                            struct pawl_error *error) {
    struct pawl_postgres *store = (struct pawl_postgres *)base;
    struct pawl_pg_params params = {0};
    struct pawl_snapshot found;
    struct pawl_buf history = {0};
    PGresult *row = NULL;
    read_params(&params, &(struct pawl_place){shard, id});
    enum pawl_err err = pawl__pg_run(&store->reader, PAWL_PG_READ_INSTANCE, &params, &row, error);
    if (!err && !PQntuples(row))
        err =
            pawl__fail(error, PAWL_E_NOT_FOUND, "%s: no instance %.*s", store->where, PAWL_FMT(id));
    if (!err) err = read_instance(store, row, id, arena, &history, &found, error);
    if (!err && pawl__store_keep(arena, &found))
        *out = found;
    else if (!err)
        err = pawl__fail_plain(error, PAWL_E_NOMEM);
    pawl__buf_finish(&history);
    PQclear(row);
    return err;
}

// Asks for all, then takes the answers. False: the connection is lost, or does not answer in time.
static bool read_group(struct pawl_pg_link *link, const struct pawl_place *places, size_t count,
                       PGresult **results) {
    bool there = true;
    for (size_t i = 0; there && i < count; i++) {
        struct pawl_pg_params params = {0};
        read_params(&params, &places[i]);
        there = pawl__pg_send(link, PAWL_PG_READ_INSTANCE, &params);
    }
    if (!there || !pawl__pg_sync(link)) return false;
    for (size_t i = 0; i < count; i++)
        if (!(results[i] = pawl__pg_take(link))) return false;
    return pawl__pg_synced(link);
}

static void read_clear(PGresult **results, size_t count) {
    for (size_t i = 0; i < count; i++) {
        PQclear(results[i]);
        results[i] = NULL;
    }
}

// All of |places|, before any of them is told: a connection that is lost meanwhile is made anew
// once.
static enum pawl_err read_page(struct pawl_pg_link *link, const struct pawl_place *places,
                               size_t count, PGresult **results, struct pawl_error *error) {
    for (int attempt = 0;; attempt++) {
        enum pawl_err err = pawl__pg_ready(link, error);
        if (err) return err;
        const PGresult *bad = NULL;
        bool whole = read_group(link, places, count, results);
        for (size_t i = 0; whole && !bad && i < count; i++)
            if (PQresultStatus(results[i]) != PGRES_TUPLES_OK) bad = results[i];
        if (whole && !bad) return PAWL_OK;
        err = pawl__pg_fail(link, bad, "read", error);
        read_clear(results, count);
        if (link->conn || err != PAWL_E_UNAVAILABLE || attempt) return err;
    }
}

enum pawl_err pawl__pg_load_many(struct pawl_store *base, const struct pawl_place *places,
                                 size_t count, pawl_place_fn fn, void *arg,
                                 struct pawl_error *error) {
    struct pawl_postgres *store = (struct pawl_postgres *)base;
    PGresult **results = calloc(count, sizeof *results);
    if (!results) return pawl__fail_plain(error, PAWL_E_NOMEM);
    enum pawl_err err = read_page(&store->reader, places, count, results, error);
    struct pawl_arena arena = {0};
    for (size_t i = 0; !err && i < count; i++) {
        struct pawl_buf history = {0};
        struct pawl_snapshot row;
        if (!PQntuples(results[i])) continue;
        pawl__arena_reset(&arena);
        err = read_instance(store, results[i], places[i].id, &arena, &history, &row, error);
        if (!err) err = fn(arg, i, &row, error);
        pawl__buf_finish(&history);
    }
    pawl__arena_finish(&arena);
    read_clear(results, count);
    free(results);
    return err;
}

enum pawl_err pawl__pg_scan_live(struct pawl_store *base, uint64_t shard, pawl_snapshot_fn fn,
                                 void *arg, struct pawl_error *error) {
    struct pawl_postgres *store = (struct pawl_postgres *)base;
    PGresult *result = NULL, *last = NULL;
    struct pawl_str after = {0};
    enum pawl_err err = PAWL_OK;
    for (bool more = true; !err && more; last = result) {
        struct pawl_pg_params params = {0};
        pawl__pg_int(&params, (int64_t)shard);
        pawl__pg_bytes(&params, after);
        result = NULL;
        err = pawl__pg_run(&store->reader, PAWL_PG_READ_LIVE, &params, &result, error);
        PQclear(last); // which held |after|
        more = !err && PQntuples(result);
        for (int i = 0; !err && i < PQntuples(result); i++) {
            struct pawl_snapshot row = pawl__pg_columns(result, i);
            after = row.id;
            err = fn(arg, &row, error);
        }
    }
    PQclear(last);
    return err;
}
