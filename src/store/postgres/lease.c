// Leases last for a time by the server's clock. A lease is taken by a conditional update, which
// waits for a commit of the last owner that is under way, as that has locked the row; where the log
// ends is read by a later statement of the same transaction, which sees that commit.
//
// An owner that was stopped or cut off in the middle of sending a commit has it under way for ever:
// no timeout of the server counts while it waits for the rest of what was sent. So the connection
// that has the row locked beyond its lease is ended.

#include <stdlib.h>

#include "store/postgres/internal.h"

static void lease_shard(struct pawl_pg_params *params, struct pawl_str app, uint32_t number) {
    pawl__pg_bytes(params, app);
    pawl__pg_int(params, number);
}

enum pawl_err pawl__pg_shards(struct pawl_store *base, struct pawl_str app, uint32_t wanted,
                              uint32_t *count, struct pawl_error *error) {
    struct pawl_postgres *store = (struct pawl_postgres *)base;
    struct pawl_pg_params add = {0}, find = {0};
    PGresult *result = NULL;
    lease_shard(&add, app, wanted ? wanted : 1);
    pawl__pg_bytes(&find, app);
    enum pawl_err err = pawl__pg_run(&store->writer, PAWL_PG_APP_ADD, &add, &result, error);
    PQclear(result);
    result = NULL;
    if (!err) err = pawl__pg_run(&store->writer, PAWL_PG_APP_SHARDS, &find, &result, error);
    if (!err) *count = PQntuples(result) ? (uint32_t)pawl__pg_number(result, 0, 0) : 1;
    PQclear(result);
    return err;
}

// --- taking ---------------------------------------------------------------------------------

// Says who has the shard, or that a later Pawl has brought the tables to its format.
static enum pawl_err lease_is_held(struct pawl_postgres *store, struct pawl_str app,
                                   uint32_t number, struct pawl_error *error) {
    struct pawl_pg_params find = {0};
    PGresult *result = NULL;
    enum pawl_err err = pawl__pg_run(&store->writer, PAWL_PG_FORMAT, NULL, &result, error);
    if (!err && PQntuples(result))
        err = pawl__pg_format_check(store, pawl__pg_number(result, 0, 0), error);
    PQclear(result);
    result = NULL;
    lease_shard(&find, app, number);
    if (!err) err = pawl__pg_run(&store->writer, PAWL_PG_SHARD_OWNER, &find, &result, error);
    if (!err) {
        struct pawl_str owner =
            PQntuples(result) ? pawl__pg_value(result, 0, 0) : PAWL_STR("somebody");
        err = pawl__fail(error, PAWL_E_HELD, "%s: shard %u of %.*s is held by %.*s", store->where,
                         number, PAWL_FMT(app), PAWL_FMT(owner));
    }
    PQclear(result);
    return err;
}

// Takes the results of |count| statements, and the end of their group. |*blocked|: somebody else
// has the shard's row locked.
static bool lease_take(struct pawl_pg_link *link, PGresult **results, size_t count, bool *blocked,
                       struct pawl_error *error) {
    bool good = true;
    for (size_t i = 0; i < count && link->conn; i++) {
        results[i] = pawl__pg_take(link);
        ExecStatusType status = results[i] ? PQresultStatus(results[i]) : PGRES_FATAL_ERROR;
        if (status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK) continue;
        const char *state = good ? PQresultErrorField(results[i], PG_DIAG_SQLSTATE) : NULL;
        if (state && strcmp(state, "55P03") == 0) *blocked = true;
        if (good) pawl__pg_fail(link, results[i], "lease a shard", error);
        good = false;
    }
    return link->conn && pawl__pg_synced(link) && good;
}

static void lease_note(struct pawl_postgres *store, const struct pawl_lease *lease) {
    for (size_t i = 0; i < store->lease_count; i++)
        if (store->leases[i].shard == lease->shard) {
            store->leases[i] = *lease;
            return;
        }
    store->leases[store->lease_count++] = *lease;
}

// Ends the connection that has the shard's row locked though its lease is over. It is not prepared,
// as servers that are PostgreSQL's by their protocol alone may not know it, and a role may not do
// it to another's; then that connection's own timeouts have to do.
static void lease_evict(struct pawl_postgres *store, struct pawl_str app, uint32_t number) {
    static const char sql[] =
        "SELECT pg_terminate_backend(pid) FROM pg_locks JOIN pawl_shard ON transactionid = "
        "pawl_shard.xmax WHERE app = $1::bytea AND number = $2::bigint AND "
        "coalesce(until <= now(), true) AND locktype = 'transactionid' AND granted";
    static const int binary[2] = {1, 1};
    struct pawl_pg_link *link = &store->writer;
    struct pawl_pg_params shard = {0};
    lease_shard(&shard, app, number);
    if (pawl__pg_ready(link, NULL)) return;
    bool sent = PQsendQueryParams(link->conn, sql, shard.count, NULL, shard.values, shard.lengths,
                                  binary, 1) &&
                pawl__pg_sync(link);
    PGresult *result = sent ? pawl__pg_take(link) : NULL;
    if (!result || !pawl__pg_synced(link)) pawl__pg_drop(link);
    PQclear(result);
}

static enum pawl_err lease_try(struct pawl_postgres *store, struct pawl_str app, uint32_t number,
                               struct pawl_str owner, int64_t ttl, struct pawl_lease *lease,
                               bool *blocked, struct pawl_error *error) {
    enum {
        STATEMENTS = 6,
        LEASE = 3,
        LAST = 4
    };
    struct pawl_pg_link *link = &store->writer;
    struct pawl_pg_params add = {0}, take = {0}, last = {0};
    PGresult *results[STATEMENTS] = {0};
    lease_shard(&add, app, number);
    lease_shard(&last, app, number);
    lease_shard(&take, app, number);
    pawl__pg_bytes(&take, owner);
    pawl__pg_int(&take, (ttl > 0 ? ttl : PAWL_PG_TTL) / 1000);
    enum pawl_err err = pawl__pg_ready(link, error);
    if (err) return err;
    bool ok = pawl__pg_send(link, PAWL_PG_BEGIN, NULL) &&
              pawl__pg_send(link, PAWL_PG_SHARD_WAIT, NULL) &&
              pawl__pg_send(link, PAWL_PG_SHARD_ADD, &add) &&
              pawl__pg_send(link, PAWL_PG_SHARD_LEASE, &take) &&
              pawl__pg_send(link, PAWL_PG_SHARD_LAST, &last) &&
              pawl__pg_send(link, PAWL_PG_COMMIT, NULL) && pawl__pg_sync(link);
    struct pawl_error reason = {0};
    if (!ok) {
        pawl__pg_fail(link, NULL, "lease a shard", &reason);
    } else if (lease_take(link, results, STATEMENTS, blocked, &reason)) {
        if (PQntuples(results[LEASE]) && PQntuples(results[LAST])) {
            *lease = (struct pawl_lease){(uint64_t)pawl__pg_number(results[LEASE], 0, 0),
                                         (uint64_t)pawl__pg_number(results[LEASE], 0, 1),
                                         (uint64_t)pawl__pg_number(results[LAST], 0, 0)};
            lease_note(store, lease);
        } else {
            lease_is_held(store, app, number, &reason);
        }
    } else {
        if (!reason.code) pawl__pg_fail(link, NULL, "lease a shard", &reason);
        pawl__pg_drop(link); // with a transaction that may be open
    }
    for (size_t i = 0; i < STATEMENTS; i++) PQclear(results[i]);
    if (reason.code && error) *error = reason;
    return reason.code;
}

enum pawl_err pawl__pg_lease(struct pawl_store *base, struct pawl_str app, uint32_t number,
                             struct pawl_str owner, int64_t ttl, struct pawl_lease *lease,
                             struct pawl_error *error) {
    struct pawl_postgres *store = (struct pawl_postgres *)base;
    bool blocked = false;
    if (!pawl__array_room((void **)&store->leases, store->lease_count, &store->lease_cap,
                          sizeof *store->leases))
        return pawl__fail_plain(error, PAWL_E_NOMEM);
    enum pawl_err err = lease_try(store, app, number, owner, ttl, lease, &blocked, error);
    if (!blocked) return err;
    lease_evict(store, app, number);
    return lease_try(store, app, number, owner, ttl, lease, &blocked, error);
}

enum pawl_err pawl__pg_renew(struct pawl_store *base, struct pawl_renewal *renewals, size_t count,
                             int64_t ttl, struct pawl_error *error) {
    struct pawl_postgres *store = (struct pawl_postgres *)base;
    enum pawl_err err = PAWL_OK;
    for (size_t i = 0; !err && i < count; i++) {
        struct pawl_pg_params params = {0};
        PGresult *result = NULL;
        pawl__pg_int(&params, (int64_t)renewals[i].lease->shard);
        pawl__pg_int(&params, (int64_t)renewals[i].lease->epoch);
        pawl__pg_int(&params, (ttl > 0 ? ttl : PAWL_PG_TTL) / 1000);
        err = pawl__pg_run(&store->writer, PAWL_PG_SHARD_RENEW, &params, &result, error);
        if (!err) renewals[i].lost = !PQntuples(result);
        PQclear(result);
    }
    return err;
}

enum pawl_err pawl__pg_release(struct pawl_store *base, const struct pawl_lease *lease,
                               struct pawl_error *error) {
    struct pawl_postgres *store = (struct pawl_postgres *)base;
    struct pawl_pg_params params = {0};
    PGresult *result = NULL;
    pawl__pg_int(&params, (int64_t)lease->shard);
    pawl__pg_int(&params, (int64_t)lease->epoch);
    enum pawl_err err =
        pawl__pg_run(&store->writer, PAWL_PG_SHARD_RELEASE, &params, &result, error);
    PQclear(result);
    for (size_t i = 0; !err && i < store->lease_count; i++)
        if (store->leases[i].shard == lease->shard && store->leases[i].epoch == lease->epoch)
            store->leases[i--] = store->leases[--store->lease_count];
    return err;
}

enum pawl_err pawl__pg_holders(struct pawl_store *base, struct pawl_str app,
                               struct pawl_arena *arena, struct pawl_holder **holders,
                               size_t *count, struct pawl_error *error) {
    struct pawl_postgres *store = (struct pawl_postgres *)base;
    struct pawl_pg_params params = {0};
    PGresult *result = NULL;
    pawl__pg_bytes(&params, app);
    enum pawl_err err = pawl__pg_run(&store->reader, PAWL_PG_READ_HOLDERS, &params, &result, error);
    int rows = err ? 0 : PQntuples(result);
    *count = 0;
    *holders = pawl__arena_alloc(arena, ((size_t)rows + 1) * sizeof **holders);
    bool ok = *holders;
    for (int i = 0; ok && i < rows; i++) {
        struct pawl_holder *holder = &(*holders)[(*count)++];
        *holder = (struct pawl_holder){.number = (uint32_t)pawl__pg_number(result, i, 0),
                                       .shard = (uint64_t)pawl__pg_number(result, i, 1),
                                       .epoch = (uint64_t)pawl__pg_number(result, i, 2),
                                       .held = pawl__pg_true(result, i, 3),
                                       .owner = pawl__pg_value(result, i, 4)};
        ok = pawl__pg_keep(arena, &holder->owner);
    }
    PQclear(result);
    return err ? err : ok ? PAWL_OK : pawl__fail_plain(error, PAWL_E_NOMEM);
}
