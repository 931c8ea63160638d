// What PostgreSQL does for lists and counts: each statement goes by an index, none reads the whole
// table, and none sorts but what is few. Plans are looked at as they are made for the values of a
// call, and as they are made once for any values, since a server chooses between the two.

#include "server.h"
#include "suite.h"

#include <stdio.h>
#include <stdlib.h>

#include "store/postgres/internal.h"
#include "store/postgres/postgres.h"

enum {
    SQL = 8192
};

static PGconn *conn;

static void run(const char *sql) {
    PGresult *result = PQexec(conn, sql);
    ExecStatusType status = PQresultStatus(result);
    if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK)
        fail_msg("%s: %s", sql, PQerrorMessage(conn));
    PQclear(result);
}

// The plan of |name| with |values|, a step a line.
static const char *plan_of(const char *name, const char *values) {
    static char text[SQL];
    char sql[SQL];
    size_t len = 0;
    snprintf(sql, sizeof sql, "EXPLAIN EXECUTE %s(%s)", name, values);
    PGresult *result = PQexec(conn, sql);
    if (PQresultStatus(result) != PGRES_TUPLES_OK) fail_msg("%s: %s", sql, PQerrorMessage(conn));
    for (int i = 0; i < PQntuples(result) && len < sizeof text; i++)
        len += (size_t)snprintf(text + len, sizeof text - len, "%s\n", PQgetvalue(result, i, 0));
    PQclear(result);
    return text;
}

// The statements of lists and counts, under their names.
static void prepare(void) {
    static const struct {
        const char *name, *sql;
    } statements[] = {
#define X(name, connection, layout, sql) {#name, sql},
        PAWL_PG_STATEMENTS(X)
#undef X
    };
    for (size_t i = 0; i < sizeof statements / sizeof *statements; i++) {
        char sql[SQL];
        if (strncmp(statements[i].name, "READ_", 5) != 0) continue;
        snprintf(sql, sizeof sql, "PREPARE %s AS %s", statements[i].name, statements[i].sql);
        run(sql);
    }
}

// Thirty thousand of each of two shards, as a list meets them.
static void fill(uint64_t shard) {
    char sql[SQL];
    snprintf(
        sql, sizeof sql,
        "INSERT INTO pawl_instance(shard, id, position, name, status, created_at, updated_at,"
        " completed_at, wake_at, active, live, parent, tags, custom_status, failure_type, state)"
        " SELECT %llu, convert_to(CASE i %% 2 WHEN 0 THEN 'order-' ELSE 'pay-' END || i,"
        " 'UTF8'), i, 'order', CASE WHEN i %% 10 < 7 THEN 0 ELSE 1 END, i, i,"
        " CASE WHEN i %% 10 < 7 THEN 0 ELSE i + 1 END, 9223372036854775807, false, false, '',"
        " '\\x1e', '', '', convert_to(repeat('s', 300), 'UTF8')"
        " FROM generate_series(1, 30000) AS i",
        (unsigned long long)shard);
    run(sql);
}

#define ALL                                                                                        \
    "0, -9223372036854775807, 9223372036854775807, -9223372036854775807, 9223372036854775807"
#define NONE   "NULL, NULL, NULL, NULL, NULL, NULL, NULL"
#define OLDEST "-9223372036854775807, '', 9223372036854775807, ''"
#define NEWEST "9223372036854775807, '', -9223372036854775807, ''"

static const struct {
    const char *statement, *values; // behind the shard
} plans[] = {
    {"READ_OLDEST", ALL ", " NONE ", " OLDEST ", 101"},
    {"READ_NEWEST", ALL ", " NONE ", " NEWEST ", 101"},
    {"READ_NEWEST", ALL ", " NONE ", 20000, 'order-1', -9223372036854775807, '', 101"},
    {"READ_NEWEST", ALL ", " NONE ", 20000, 'order-1', 19000, 'pay-1', 101"},
    {"READ_OLDEST", "1, -9223372036854775807, 9223372036854775807, -9223372036854775807, "
                    "9223372036854775807, " NONE ", 1000, 'a', 26000, 'a', 101"},
    {"READ_NEWEST",
     ALL ", 'order', NULL, NULL, NULL, NULL, NULL, NULL, 20000, 'a', 1000, 'a', 101"},
    {"READ_NEWEST",
     ALL ", NULL, NULL, NULL, 'order-77', 'order-78', NULL, NULL, 20000, 'a', 1000, 'a', 101"},
    {"READ_NEWEST",
     ALL ", NULL, NULL, NULL, NULL, NULL, '\\x1e7465616d1f', NULL, 20000, 'a', 1000, 'a', 101"},
    {"READ_NEWEST", ALL ", NULL, 'p', 'F', NULL, NULL, NULL, 'x', 20000, 'a', 1000, 'a', 101"},
    {"READ_OLDEST_STOP", "-9223372036854775807, '', 24999"},
    {"READ_NEWEST_STOP", "9223372036854775807, '', 24999"},
    {"READ_COUNT", ALL ", " NONE ", 1000, 'a', 4000, 'a', '{}'"},
    {"READ_COUNT", ALL ", 'order', NULL, NULL, NULL, NULL, NULL, NULL, 1000, 'a', 4000, 'a', '{}'"},
    {"READ_INSTANCE", "'order-100'"},
    {"READ_LIVE", "''"},
    {"READ_LOG", "5"},
};

// A server adds 10,000,000,000 to the cost of a step that is forbidden and that it finds no way
// around. Beside that all other costs look alike, so that it may take any index for the best, and
// it compiles such a plan, which takes longer than to carry it out.
static bool is_forced(const char *plan) {
    return strstr(plan, "cost=1000000");
}

static void test_plans(void **state) {
    static const char *const modes[] = {"force_custom_plan", "force_generic_plan"};
    for (size_t mode = 0; mode < 2; mode++) {
        char set[64];
        snprintf(set, sizeof set, "SET plan_cache_mode = %s", modes[mode]);
        run(set);
        for (size_t i = 0; i < sizeof plans / sizeof *plans; i++) {
            char values[SQL / 2];
            snprintf(values, sizeof values, "1, %s", plans[i].values);
            const char *name = plans[i].statement, *plan = plan_of(name, values);
            bool lists = strstr(name, "EST"); // in an order, that of an index
            bool sorts = strstr(plan, "Sort") && !strstr(plan, "pawl_instance_pkey");
            if (strstr(plan, "Seq Scan") || !strstr(plan, "Index") || (lists && sorts) ||
                is_forced(plan))
                fail_msg("%s(%s), %s:\n%s", name, plans[i].values, modes[mode], plan);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_plans)};
    struct pawl_store *store;
    struct pawl_lease lease;
    struct pawl_error error;
    char where[256];
    if (!server_begin()) {
        fprintf(stderr, "there is no PostgreSQL server here\n");
        return 77;
    }
    snprintf(where, sizeof where, "host=%s user=tester dbname=postgres", server_folder());
    const struct pawl_postgres_options options = {.type = "state.postgresql",
                                                  .connection = where,
                                                  .state_table = "state",
                                                  .metadata_table = "dapr_metadata",
                                                  .timeout = 5 * PAWL_SECOND,
                                                  .workflows = true};
    if (pawl__postgres_open(&options, &store, &error) ||
        store->ops->lease(store, PAWL_STR("app"), 0, PAWL_STR("me"), PAWL_SECOND, &lease, &error)) {
        fprintf(stderr, "%s\n", error.text);
        return 1;
    }
    conn = PQconnectdb(where);
    fill(1);
    fill(2);
    run("VACUUM ANALYZE pawl_instance");
    for (size_t i = 0; i < PAWL_PG_READS; i++) run(pawl__pg_reads[i]);
    prepare();
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    PQfinish(conn);
    store->ops->close(store);
    server_end();
    return failed;
}
