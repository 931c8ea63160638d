#include "store/checksum.h"
#include "store/postgres/internal.h"

#include <stdio.h>

// --- the log --------------------------------------------------------------------------------

static enum pawl_err read_batch(struct pawl_postgres *store, uint64_t shard, const PGresult *result,
                                int row, uint64_t expected, pawl_batch_fn fn, void *arg,
                                struct pawl_error *error) {
    struct pawl_batch batch = {.position = (uint64_t)pawl__pg_number(result, row, 0)};
    char what[96];
    enum pawl_err err = PAWL_E_CORRUPT;
    snprintf(what, sizeof what, "batch %llu of shard %llu", (unsigned long long)expected,
             (unsigned long long)shard);
    if (batch.position != expected)
        snprintf(what, sizeof what, "the log of shard %llu (batch %llu is missing)",
                 (unsigned long long)shard, (unsigned long long)expected);
    else
        err = pawl__row_open(pawl__pg_value(result, row, 1), &batch.records);
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
    for (bool more = true; !err && more;) { // a page at a time, for the log may be long
        struct pawl_pg_params params = {0};
        pawl__pg_int(&params, (int64_t)shard);
        pawl__pg_int(&params, (int64_t)after);
        result = NULL;
        err = pawl__pg_run(&store->reader, PAWL_PG_READ_LOG, &params, &result, error);
        more = !err && PQntuples(result);
        for (int i = 0; !err && i < PQntuples(result); i++)
            err = read_batch(store, shard, result, i, ++after, fn, arg, error);
        PQclear(result);
    }
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
    enum pawl_err err = pawl__pg_run(&store->reader, PAWL_PG_READ_MAIL, &params, &result, error);
    for (int i = 0; !err && i < PQntuples(result); i++) {
        struct pawl_mail mail = {.app = app, .number = number, .key = pawl__pg_value(result, i, 0)};
        err = pawl__row_open(pawl__pg_value(result, i, 1), &mail.bytes);
        if (err)
            pawl__pg_fail_row(store, err, "a message", error);
        else
            err = fn(arg, &mail, error);
    }
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
                                  struct pawl_str id, struct pawl_buf *out,
                                  struct pawl_error *error) {
    for (int i = 0; i < PQntuples(rows) && !PQgetisnull(rows, i, 14); i++) {
        struct pawl_str events;
        enum pawl_err err = i == 0 && pawl__pg_number(rows, 0, 14) != 0
                                ? PAWL_E_CORRUPT
                                : pawl__row_open(pawl__pg_value(rows, i, 15), &events);
        if (err) return read_bad_row(store, err, id, error);
        if (!pawl__buf_append_str(out, events)) return pawl__fail_plain(error, PAWL_E_NOMEM);
    }
    return PAWL_OK;
}

static bool read_keep(struct pawl_arena *arena, struct pawl_snapshot *row) {
    return pawl__pg_keep(arena, &row->id) && pawl__pg_keep(arena, &row->name) &&
           pawl__pg_keep(arena, &row->parent) && pawl__pg_keep(arena, &row->tags) &&
           pawl__pg_keep(arena, &row->custom_status) && pawl__pg_keep(arena, &row->failure_type) &&
           pawl__pg_keep(arena, &row->state) && pawl__pg_keep(arena, &row->history);
}

enum pawl_err pawl__pg_load(struct pawl_store *base, uint64_t shard, struct pawl_str id,
                            struct pawl_arena *arena, struct pawl_snapshot *out,
                            struct pawl_error *error) {
    struct pawl_postgres *store = (struct pawl_postgres *)base;
    struct pawl_pg_params params = {0};
    struct pawl_buf history = {0};
    PGresult *row = NULL;
    pawl__pg_int(&params, (int64_t)shard);
    pawl__pg_bytes(&params, id);
    enum pawl_err err = pawl__pg_run(&store->reader, PAWL_PG_READ_INSTANCE, &params, &row, error);
    if (!err && !PQntuples(row))
        err =
            pawl__fail(error, PAWL_E_NOT_FOUND, "%s: no instance %.*s", store->where, PAWL_FMT(id));
    if (!err) err = read_history(store, row, id, &history, error);
    if (!err) {
        struct pawl_snapshot found = pawl__pg_columns(row, 0);
        enum pawl_err bad = pawl__row_open(pawl__pg_value(row, 0, 13), &found.state);
        found.history = pawl__buf_str(&history);
        if (bad)
            err = read_bad_row(store, bad, id, error);
        else if (read_keep(arena, &found))
            *out = found;
        else
            err = pawl__fail_plain(error, PAWL_E_NOMEM);
    }
    pawl__buf_finish(&history);
    PQclear(row);
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
