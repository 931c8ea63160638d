// A store in a PostgreSQL database.
//
//     committing thread ──► a connection: commits, leases, members ──┬──► the server
//     reading thread    ──► a connection: everything that is read ───┘
//
// Two things make it safe. Each part of a commit begins with a statement that checks the epoch of
// its lease and locks the shard's row until the transaction ends; and a lease is taken by a
// statement that waits for that lock and raises the epoch. Times are the server's. No advisory
// locks, no sequences without gaps, nothing else that PostgreSQL's distributed kin lack; a
// notification is only a doorbell.
//
// Texts of ours are bytea, as ids may hold any character. Rows of ours are sealed (row.h).
//
//     pawl_meta       format of these tables
//     pawl_app        how many shards each app has
//     pawl_member     the daemons of an app
//     pawl_shard      lease epochs, holders, ends of leases, and how far each log was trimmed
//     pawl_log        a row for each batch
//     pawl_instance   a snapshot
//     pawl_history    its history, in parts
//     pawl_mail       messages that wait for a shard

#include <ctype.h>
#include <stdlib.h>

#include "store/postgres/internal.h"
#include "store/row.h"

static const struct {
    int layout;
    const char *sql;
} pg_statements[] = {
#define X(name, connection, layout, sql) {layout, sql},
    PAWL_PG_STATEMENTS(X)
#undef X
};

// --- closing --------------------------------------------------------------------------------

static void pg_give_up(struct pawl_postgres *store) {
    while (store->writer.conn && store->lease_count) {
        struct pawl_lease lease = store->leases[store->lease_count - 1];
        if (pawl__pg_release(&store->base, &lease, NULL)) break;
    }
    pawl__pg_members_end(store);
    free(store->leases);
}

static void pg_close(struct pawl_store *base) {
    struct pawl_postgres *store = (struct pawl_postgres *)base;
    if (!store) return;
    pg_give_up(store);
    pawl__pg_drop(&store->writer);
    pawl__pg_drop(&store->reader);
    for (int i = 0; i < PAWL_PG_COUNT; i++) free(store->sql[i]);
    pawl__buf_finish(&store->row);
    pawl__buf_finish(&store->text);
    pawl__arena_finish(&store->settings);
    free(store->state_table);
    free(store->metadata_table);
    free(store);
}

static const struct pawl_store_ops pg_ops = {
    .close = pg_close,
    .shards = pawl__pg_shards,
    .lease = pawl__pg_lease,
    .renew = pawl__pg_renew,
    .release = pawl__pg_release,
    .commit = pawl__pg_commit,
    .put_member = pawl__pg_put_member,
    .remove_member = pawl__pg_remove_member,
    .tend = pawl__pg_tend,
    .holders = pawl__pg_holders,
    .members = pawl__pg_members,
    .read_log = pawl__pg_read_log,
    .read_mail = pawl__pg_read_mail,
    .load = pawl__pg_load,
    .load_many = pawl__pg_load_many,
    .scan_live = pawl__pg_scan_live,
    .query = pawl__pg_query,
    .count = pawl__pg_count,
    .get_state = pawl__pg_get_state,
};

// --- opening --------------------------------------------------------------------------------

// Names of tables go into SQL as they are.
static bool pg_is_name(const char *name) {
    bool good = *name && !isdigit((unsigned char)*name);
    for (; good && *name; name++)
        good = isalnum((unsigned char)*name) || *name == '_' || (*name == '.' && name[1]);
    return good;
}

static bool pg_ends(const char *text, const char *end) {
    size_t len = strlen(text), end_len = strlen(end);
    return len >= end_len && strcmp(text + len - end_len, end) == 0;
}

static char *pg_sql(const struct pawl_postgres *store, const char *sql) {
    struct pawl_buf out = {0};
    for (; *sql; sql++) {
        if (sql[0] == '%' && sql[1] == 't')
            pawl__buf_format(&out, "%s", store->state_table), sql++;
        else if (sql[0] == '%' && sql[1] == 'm')
            pawl__buf_format(&out, "%s", store->metadata_table), sql++;
        else
            pawl__buf_append(&out, sql, 1);
    }
    char *text = out.failed ? NULL : pawl__str_dup(pawl__buf_str(&out));
    pawl__buf_finish(&out);
    return text;
}

static bool pg_prepare(struct pawl_postgres *store) {
    for (int i = 0; i < PAWL_PG_COUNT; i++) {
        int layout = pg_statements[i].layout;
        bool wanted = layout == 3 || (layout == 0 && store->workflows) ||
                      (!store->existing && layout == (store->v1 ? 1 : 2));
        if (!wanted) continue;
        store->sql[i] = pg_sql(store, pg_statements[i].sql);
        if (!store->sql[i]) return false;
    }
    return true;
}

static bool pg_do(struct pawl_pg_link *link, const char *sql) {
    bool sent = link->conn &&
                PQsendQueryParams(link->conn, sql, 0, NULL, NULL, NULL, NULL, 0) == 1 &&
                pawl__pg_sync(link);
    PGresult *result = sent ? pawl__pg_take(link) : NULL;
    bool done = result && PQresultStatus(result) == PGRES_COMMAND_OK && pawl__pg_synced(link);
    PQclear(result);
    return done;
}

// Whether the server still knows what was prepared on |link|. False also when nobody can tell.
static bool pg_has_lost(struct pawl_pg_link *link) {
    bool sent = pawl__pg_send(link, PAWL_PG_BEGIN, NULL) && pawl__pg_sync(link);
    PGresult *result = sent ? pawl__pg_take(link) : NULL;
    const char *state = result ? PQresultErrorField(result, PG_DIAG_SQLSTATE) : NULL;
    bool lost = state && strncmp(state, "26", 2) == 0;
    bool begun = result && !state && pawl__pg_synced(link);
    PQclear(result);
    if (!begun || !pg_do(link, "ROLLBACK")) pawl__pg_drop(link); // it is made anew
    return lost;
}

// A pool that gives a session of the server to whoever has a transaction gives the writer another
// one while the reader has it. That is told here: later it would come up now and then.
static enum pawl_err pg_check_sessions(struct pawl_postgres *store, struct pawl_error *error) {
    bool held = pg_do(&store->reader, "BEGIN"), lost = pg_has_lost(&store->writer);
    if (!held || !pg_do(&store->reader, "ROLLBACK")) pawl__pg_drop(&store->reader);
    if (!lost) return PAWL_OK;
    return pawl__fail(error, PAWL_E_INVALID,
                      "%s: a pool gives its sessions to others between transactions, and what was "
                      "prepared in them is not there any more; let it keep them (PgBouncer: "
                      "pool_mode = session), or connect to the server itself",
                      store->where);
}

static enum pawl_err pg_connect(struct pawl_postgres *store, struct pawl_error *error) {
    enum pawl_err err = store->existing ? PAWL_OK : pawl__pg_schema(store, error);
    if (!err && !pg_prepare(store)) err = pawl__fail_plain(error, PAWL_E_NOMEM);
    if (!err) err = pawl__pg_ready(&store->writer, error);
    if (!err) err = pawl__pg_ready(&store->reader, error);
    if (!err && !store->existing) err = pg_check_sessions(store, error);
    return err;
}

enum pawl_err pawl__postgres_open(const struct pawl_postgres_options *options,
                                  struct pawl_store **out, struct pawl_error *error) {
    if (!pg_is_name(options->state_table) || !pg_is_name(options->metadata_table))
        return pawl__fail(error, PAWL_E_INVALID,
                          "\"%s\" and \"%s\" cannot both be names of tables: letters, digits and "
                          "_, perhaps with a schema and a dot before them",
                          options->state_table, options->metadata_table);
    if (!options->v1 && !pg_ends(options->state_table, "state"))
        return pawl__fail(error, PAWL_E_INVALID,
                          "the table of version v2 has to end with \"state\"");
    enum pawl_err err = pawl__pq_load(error);
    if (err) return err;
    struct pawl_postgres *store = calloc(1, sizeof *store);
    if (!store) return pawl__fail_plain(error, PAWL_E_NOMEM);
    store->base = (struct pawl_store){
        &pg_ops,
        options->type,
        {.may_block = true, .expires = true, .shared = true, .row_max = PAWL_ROW_MAX}};
    store->v1 = options->v1;
    store->workflows = options->workflows;
    store->existing = options->existing;
    store->timeout = options->timeout > 0 ? options->timeout : 20 * PAWL_SECOND;
    store->cleanup_interval = options->cleanup_interval > 0 ? options->cleanup_interval : 0;
    store->cleaned_at = pawl__clock_steady();
    store->writer = (struct pawl_pg_link){.store = store, .writes = true};
    store->reader = (struct pawl_pg_link){.store = store};
    store->log = options->log;
    store->state_table = pawl__str_dup(pawl__str(options->state_table));
    store->metadata_table = pawl__str_dup(pawl__str(options->metadata_table));
    bool ok = store->state_table && store->metadata_table;
    err = ok ? pawl__pg_conninfo(store, options, error) : pawl__fail_plain(error, PAWL_E_NOMEM);
    if (!err) err = pg_connect(store, error);
    if (err) {
        pg_close(&store->base);
        return err;
    }
    *out = &store->base;
    return PAWL_OK;
}
