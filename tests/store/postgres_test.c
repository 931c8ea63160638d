// The store in PostgreSQL: what every store does, against a real server; and what is particular to
// it: Dapr's tables, and a server that goes away.

#include "server.h"
#include "suite.h"

#include <libpq-fe.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "store/postgres/postgres.h"

// The connection of a fixture: as a user with a schema, both named after its folder.
static const char *connection(const char *path, char out[256]) {
    const char *folder = strstr(path, "pawl-store-");
    snprintf(out, 256, "host=%s user=t%.6s dbname=postgres", server_folder(),
             folder ? folder + 11 : "ester");
    return out;
}

// Runs |sql| as another program would, and returns its first value, if any, in |out|.
static const char *run_sql(const char *where, const char *sql, char out[256]) {
    PGconn *conn = PQconnectdb(where);
    PGresult *result = PQexec(conn, sql);
    ExecStatusType status = PQresultStatus(result);
    *out = 0;
    if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK)
        snprintf(out, 256, "%s", PQerrorMessage(conn));
    else if (PQntuples(result))
        snprintf(out, 256, "%s", PQgetvalue(result, 0, 0));
    PQclear(result);
    PQfinish(conn);
    return out;
}

static const char *raw(const struct fixture *f, const char *sql) {
    static char out[256];
    char where[256];
    return run_sql(connection(f->path, where), sql, out);
}

// Waits until |sql| gives |expected|, for 20 seconds at most.
static void await(const char *where, const char *sql, const char *expected) {
    char answer[256];
    for (int i = 0; i < 2000 && strcmp(run_sql(where, sql, answer), expected) != 0; i++)
        usleep(10000);
    assert_string_equal(answer, expected);
}

// Cuts all the fixture's connections, and waits until they are gone.
static void cut_connections(const struct fixture *f) {
    char where[256];
    connection(f->path, where);
    raw(f, "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
           " WHERE pid <> pg_backend_pid() AND usename = current_user");
    await(where,
          "SELECT count(*) FROM pg_stat_activity"
          " WHERE pid <> pg_backend_pid() AND usename = current_user",
          "0");
}

static enum pawl_err open_as(const char *where, bool v1, const char *table, struct pawl_store **out,
                             struct pawl_error *error) {
    return pawl__postgres_open(&(struct pawl_postgres_options){.type = "state.postgresql",
                                                               .connection = where,
                                                               .v1 = v1,
                                                               .state_table = table,
                                                               .metadata_table = "dapr_metadata",
                                                               .timeout = 5 * PAWL_SECOND,
                                                               .workflows = true},
                               out, error);
}

static enum pawl_err open_layout(const char *path, bool v1, struct pawl_store **out,
                                 struct pawl_error *error) {
    char where[256], make[256], sql[128], answer[256];
    connection(path, where);
    const char *user = strstr(where, "user=") + 5;
    snprintf(make, sizeof make, "host=%s user=tester dbname=postgres", server_folder());
    snprintf(sql, sizeof sql,
             "CREATE ROLE \"%.7s\" SUPERUSER LOGIN; CREATE SCHEMA AUTHORIZATION \"%.7s\"", user,
             user);
    run_sql(make, sql, answer); // which may be there already, or no server
    return open_as(where, v1, "state", out, error);
}

static enum pawl_err v2_open(const char *path, struct pawl_store **out, struct pawl_error *error) {
    return open_layout(path, false, out, error);
}

static enum pawl_err v2_again(struct pawl_store *store, const char *path, struct pawl_store **out,
                              struct pawl_error *error) {
    return open_layout(path, false, out, error);
}

static enum pawl_err v1_open(const char *path, struct pawl_store **out, struct pawl_error *error) {
    return open_layout(path, true, out, error);
}

static const struct store_kind v2_kind = {.name = "postgres v2",
                                          .shared = true,
                                          .open = v2_open,
                                          .again = v2_again,
                                          .marks_nothing = true};
static const struct store_kind v1_kind = {.name = "postgres v1",
                                          .shared = true,
                                          .open = v1_open,
                                          .json = true,
                                          .foreign_etag = "4294967290",
                                          .bad_etag = PAWL_E_INVALID};

// --- Dapr's tables --------------------------------------------------------------------------

static struct pawl_state_value get(struct fixture *f, const char *key) {
    struct pawl_state_value value = {0};
    assert_ok(f, f->store->ops->get_state(f->store, pawl__str(key), &f->arena, &value, &f->error));
    return value;
}

static enum pawl_err save(struct fixture *f, struct pawl_state_op op) {
    struct pawl_state_tx tx = {.ops = &op, .op_count = 1};
    assert_ok(f, t_commit(f, NULL, &tx));
    f->error = tx.result;
    return tx.result.code;
}

static void test_v2_layout(void **state) {
    struct fixture *f = *state;
    assert_string_equal(
        raw(f, "SELECT string_agg(column_name || ' ' || data_type || ' ' || is_nullable, ','"
               " ORDER BY ordinal_position) FROM information_schema.columns"
               " WHERE table_schema = current_schema() AND table_name = 'state'"),
        "key text NO,value bytea NO,etag uuid NO,created_at timestamp with time zone NO,updated_at "
        "timestamp with time zone YES,expires_at timestamp with time zone YES,row_id bigint NO");
    assert_string_equal(
        raw(f, "SELECT string_agg(indexname, ',' ORDER BY indexname) FROM"
               " pg_indexes WHERE schemaname = current_schema() AND tablename = 'state'"),
        "state_expires_at_idx,state_pkey,state_row_id_uidx");
    assert_string_equal(
        raw(f, "SELECT value FROM dapr_metadata WHERE key = 'migrations-state-v2-'"), "2");
    assert_ok(f, save(f, (struct pawl_state_op){.key = PAWL_STR("k"),
                                                .value = PAWL_STR("\0\xff"),
                                                .is_binary = true,
                                                .ttl = 60}));
    assert_string_equal(raw(f, "SELECT encode(value, 'hex') || (updated_at IS NULL)::text ||"
                               " (expires_at BETWEEN now() + interval '50 s' AND"
                               " now() + interval '60 s')::text FROM state"),
                        "00fftruetrue");
    assert_ok(f, save(f, (struct pawl_state_op){.key = PAWL_STR("k"), .value = PAWL_STR("")}));
    assert_string_equal(raw(f, "SELECT encode(value, 'hex') || (updated_at IS NULL)::text ||"
                               " (expires_at IS NULL)::text FROM state"),
                        "falsetrue");

    // What Dapr accepts as an ETag, and a row that it wrote.
    raw(f, "UPDATE state SET value = '{\"a\":1}',"
           " etag = 'AAAAAAAA-0000-4000-8000-00000000BBBB' WHERE key = 'k'");
    struct pawl_state_value value = get(f, "k");
    assert_str("{\"a\":1}", value.value);
    assert_str("aaaaaaaa-0000-4000-8000-00000000bbbb", value.etag);
    struct pawl_state_op op = {.key = PAWL_STR("k"), .value = PAWL_STR("1")};
    op.etag = PAWL_STR("{AAAAAAAA00004000800000000000BBBB}");
    assert_ok(f, save(f, op));
    assert_err(PAWL_E_CONFLICT, save(f, op));
    op.etag = PAWL_STR("");
    op.key = PAWL_STR("k\0k");
    assert_err(PAWL_E_INVALID, save(f, op));
    op.key = PAWL_STR("k\xff");
    assert_err(PAWL_E_INVALID, save(f, op));
}

static void test_v1_layout(void **state) {
    struct fixture *f = *state;
    assert_string_equal(
        raw(f, "SELECT string_agg(column_name || ' ' || data_type || ' ' || is_nullable, ','"
               " ORDER BY ordinal_position) FROM information_schema.columns"
               " WHERE table_schema = current_schema() AND table_name = 'state'"),
        "key text NO,value jsonb NO,isbinary boolean NO,insertdate timestamp with time zone NO,"
        "updatedate timestamp with time zone YES,expiredate timestamp with time zone YES,row_id "
        "bigint NO");
    assert_string_equal(raw(f, "SELECT value FROM dapr_metadata WHERE key = 'migrations'"), "3");
    assert_ok(f, save(f, (struct pawl_state_op){
                             .key = PAWL_STR("b"), .value = PAWL_STR("hi"), .is_binary = true}));
    assert_string_equal(raw(f, "SELECT value::text || isbinary::text FROM state"), "\"aGk=\"true");
    assert_ok(f, save(f, (struct pawl_state_op){.key = PAWL_STR("b"),
                                                .value = PAWL_STR("{\"b\":1,\"a\":2}")}));
    struct pawl_state_value value = get(f, "b");
    assert_str("{\"a\": 2, \"b\": 1}", value.value);
    assert_string_equal(raw(f, "SELECT xmin::text FROM state"), value.etag.data);

    // JSON that PostgreSQL cannot keep is refused, and keeps nothing else from being written.
    fixture_lease(f);
    struct pawl_batch batch = {1, PAWL_STR("a")};
    struct pawl_part part = {.lease = &f->lease, .batch = &batch};
    struct pawl_state_op bad = {.key = PAWL_STR("bad"), .value = PAWL_STR("\"\\u0000\"")};
    struct pawl_state_op good = {.key = PAWL_STR("good"), .value = PAWL_STR("1")};
    struct pawl_state_tx second = {.ops = &good, .op_count = 1};
    struct pawl_state_tx first = {.ops = &bad, .op_count = 1, .next = &second};
    assert_ok(f, t_commit(f, &part, &first));
    assert_err(PAWL_E_INVALID, first.result.code);
    assert_non_null(strstr(first.result.text, "22P05"));
    assert_err(PAWL_OK, second.result.code);
    assert_true(get(f, "good").found);
    assert_false(get(f, "bad").found);
    assert_string_equal(t_log(f, f->lease.shard, 0), "1=a ");
}

static void test_cleanup(void **state) {
    struct fixture *f = *state;
    char where[256];
    struct pawl_store *other;
    raw(f, "INSERT INTO state(key, value, expires_at) VALUES('old', '1', now() - interval '1 s'),"
           " ('new', '1', now() + interval '1 h')");
    struct pawl_postgres_options options = {.type = "state.postgresql",
                                            .connection = connection(f->path, where),
                                            .state_table = "state",
                                            .metadata_table = "dapr_metadata",
                                            .cleanup_interval = 200 * PAWL_MILLISECOND};
    assert_false(get(f, "old").found);
    assert_string_equal(raw(f, "SELECT count(*) FROM state"), "2");
    assert_ok(f, pawl__postgres_open(&options, &other, &f->error));
    usleep(300000);
    assert_ok(f, other->ops->tend(other, &f->error));
    assert_string_equal(raw(f, "SELECT key FROM state"), "new");
    assert_string_equal(raw(f, "SELECT value::timestamptz > now() - interval '5 s' FROM"
                               " dapr_metadata WHERE key = 'last-cleanup-state-v2-'"),
                        "t");
    other->ops->close(other);
}

// --- opening --------------------------------------------------------------------------------

static void test_other_tables(void **state) {
    struct fixture *f = *state;
    char where[256];
    struct pawl_store *store;
    connection(f->path, where);
    // v2's table stands where v1's should be; it stays as it is.
    assert_err(PAWL_E_FORMAT, open_as(where, true, "state", &store, &f->error));
    assert_text(f, "table state is not that of version v1");
    assert_string_equal(raw(f, "SELECT count(*) FROM information_schema.columns"
                               " WHERE table_schema = current_schema() AND table_name = 'state' "
                               "AND column_name = 'expiredate'"),
                        "0");
    assert_string_equal(raw(f, "SELECT count(*) FROM dapr_metadata WHERE key = 'migrations'"), "0");
    // Two tables of v1 share a level.
    assert_ok(f, open_as(where, true, "other", &store, &f->error));
    store->ops->close(store);
    assert_ok(f, open_as(where, true, "my_state", &store, &f->error));
    store->ops->close(store);
    assert_err(PAWL_E_FORMAT, open_as(where, false, "my_state", &store, &f->error));
    assert_text(f, "tablePrefix");
    assert_err(PAWL_E_INVALID, open_as(where, false, "other", &store, &f->error));
    // A later Dapr's level, and a newer Pawl's tables.
    raw(f, "UPDATE dapr_metadata SET value = '9' WHERE key = 'migrations'");
    assert_ok(f, open_as(where, true, "other", &store, &f->error));
    store->ops->close(store);
    assert_string_equal(raw(f, "SELECT value FROM dapr_metadata WHERE key = 'migrations'"), "9");
    // How rows are kept is set once, in a way that this server has; what others set later stays.
    static const char kept[] = "SELECT CASE WHEN attstorage = 'e' THEN 'as they are'"
                               " ELSE 'compressed again' END FROM pg_attribute"
                               " WHERE attrelid = 'pawl_log'::regclass AND attname = 'row'";
    assert_string_equal(raw(f, kept), "as they are");
    raw(f, "ALTER TABLE pawl_log ALTER COLUMN row SET STORAGE EXTENDED");
    assert_ok(f, open_as(where, false, "state", &store, &f->error));
    store->ops->close(store);
    assert_string_equal(raw(f, kept), "compressed again");
    // Tables of an earlier Pawl get today's format, and keep their rows as this one writes them.
    raw(f, "UPDATE pawl_meta SET value = 1");
    assert_ok(f, open_as(where, false, "state", &store, &f->error));
    store->ops->close(store);
    assert_string_equal(raw(f, "SELECT min(value) FROM pawl_meta"), "2");
    assert_string_equal(raw(f, kept), "as they are");
    raw(f, "UPDATE pawl_meta SET value = 3 WHERE key = 'format'");
    assert_err(PAWL_E_FORMAT, open_as(where, false, "state", &store, &f->error));
    assert_text(f, "format 3");
    raw(f, "UPDATE pawl_meta SET value = 2");
    raw(f, "ALTER TABLE pawl_log DROP COLUMN row");
    assert_err(PAWL_E_FORMAT, open_as(where, false, "state", &store, &f->error));
    raw(f, "UPDATE dapr_metadata SET value = 'x' WHERE key LIKE 'migrations%'");
    assert_err(PAWL_E_FORMAT, open_as(where, false, "state", &store, &f->error));
    assert_text(f, "migrations");
    assert_err(PAWL_E_INVALID, open_as(where, false, "st;ate", &store, &f->error));
}

// A later Pawl brings the tables to its format while this one has them open.
static void test_newer_format(void **state) {
    struct fixture *f = *state;
    struct pawl_lease lease;
    fixture_lease(f);
    raw(f, "UPDATE pawl_meta SET value = 3 WHERE key = 'format'");
    assert_err(PAWL_E_FORMAT, t_lease(f, f->store, "app", 1, &lease));
    assert_text(f, "have format 3, and this Pawl reads up to format 2");
    raw(f, "UPDATE pawl_meta SET value = 2 WHERE key = 'format'");
    assert_ok(f, t_lease(f, f->store, "app", 1, &lease));
}

static void test_no_server(void **state) {
    struct fixture *f = *state;
    char where[256];
    struct pawl_store *store;
    snprintf(where, sizeof where, "host=%s user=tester dbname=nothing", server_folder());
    assert_err(PAWL_E_NOT_FOUND, open_as(where, false, "state", &store, &f->error));
    assert_text(f, "create the database first (createdb)");
    snprintf(where, sizeof where, "host=%s user=stranger dbname=postgres", server_folder());
    assert_err(PAWL_E_DENIED, open_as(where, false, "state", &store, &f->error));
    assert_err(PAWL_E_UNAVAILABLE, open_as("host=/nowhere dbname=x password=secret", false, "state",
                                           &store, &f->error));
    assert_text(f, "apt install postgresql");
    assert_null(strstr(f->error.text, "secret"));
    assert_err(PAWL_E_INVALID, open_as("nonsense", false, "state", &store, &f->error));
}

// Somebody listens there, and never says a word.
static void test_deaf_server(void **state) {
    struct fixture *f = *state;
    char where[256];
    struct pawl_store *store;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, len), 0);
    assert_int_equal(listen(fd, 1), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &len), 0);
    snprintf(where, sizeof where, "host=127.0.0.1 port=%d user=tester dbname=x",
             ntohs(address.sin_port));
    const struct pawl_postgres_options options = {.type = "state.postgresql",
                                                  .connection = where,
                                                  .state_table = "state",
                                                  .metadata_table = "dapr_metadata",
                                                  .timeout = PAWL_SECOND / 10};
    assert_err(PAWL_E_UNAVAILABLE, pawl__postgres_open(&options, &store, &f->error));
    assert_text(f, "cannot connect: it does not answer in time; start it");
    close(fd);
}

// Says to the first who asks for TLS that there is none.
static void *have_no_tls(void *arg) {
    char asked[8];
    int client = accept(*(int *)arg, NULL, NULL);
    if (recv(client, asked, sizeof asked, MSG_WAITALL) == sizeof asked)
        assert_int_equal(send(client, "N", 1, 0), 1);
    close(client);
    return NULL;
}

static void test_server_without_tls(void **state) {
    struct fixture *f = *state;
    char where[256];
    struct pawl_store *store;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof address;
    pthread_t thread;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, len), 0);
    assert_int_equal(listen(fd, 1), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &len), 0);
    assert_int_equal(pthread_create(&thread, NULL, have_no_tls, &fd), 0);
    snprintf(where, sizeof where, "host=127.0.0.1 port=%d user=tester dbname=x sslmode=require",
             ntohs(address.sin_port));
    assert_err(PAWL_E_UNAVAILABLE, open_as(where, false, "state", &store, &f->error));
    assert_text(f, "server does not support SSL, but SSL was required; correct sslmode");
    pthread_join(thread, NULL);
    close(fd);
}

static bool can_connect(const char *where) {
    PGconn *conn = PQconnectdb(where);
    bool can = PQstatus(conn) == CONNECTION_OK;
    PQfinish(conn);
    return can;
}

static void test_wrong_password(void **state) {
    struct fixture *f = *state;
    char where[256], answer[256], hba[256];
    struct pawl_store *store;
    snprintf(where, sizeof where, "host=%s user=tester dbname=postgres", server_folder());
    run_sql(where, "CREATE USER locked PASSWORD 'right'", answer);
    snprintf(hba, sizeof hba, "%s/data/pg_hba.conf", server_folder());
    FILE *file = fopen(hba, "w");
    assert_non_null(file);
    fputs("local all locked scram-sha-256\nlocal all all trust\n", file);
    fclose(file);
    run_sql(where, "SELECT pg_reload_conf()", answer);
    snprintf(where, sizeof where, "host=%s user=locked password=wrong dbname=postgres",
             server_folder());
    for (int i = 0; i < 2000 && PQping(where) == PQPING_OK && can_connect(where); i++)
        usleep(10000); // until it has read that file
    assert_err(PAWL_E_DENIED, open_as(where, false, "state", &store, &f->error));
    assert_text(f, "correct user and password");
}

// A role that may read and write the tables, and make none.
static void test_role_that_makes_nothing(void **state) {
    struct fixture *f = *state;
    char where[256], sql[512];
    struct pawl_store *owned = f->store;
    const char *schema = strstr(connection(f->path, where), "user=") + 5;
    snprintf(sql, sizeof sql,
             "CREATE ROLE poor LOGIN; GRANT USAGE ON SCHEMA \"%.7s\" TO poor; "
             "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA \"%.7s\" TO poor",
             schema, schema);
    assert_string_equal(raw(f, sql), "");
    snprintf(where, sizeof where, "host=%s user=poor dbname=postgres", server_folder());
    assert_err(PAWL_E_DENIED, open_as(where, false, "state", &f->store, &f->error));
    assert_text(f, "grant it (GRANT CREATE, USAGE ON SCHEMA");
    snprintf(where, sizeof where, "host=%s user=poor dbname=postgres search_path=\"%.7s\"",
             server_folder(), strstr(connection(f->path, sql), "user=") + 5);
    assert_ok(f, open_as(where, false, "state", &f->store, &f->error));
    fixture_lease(f);
    assert_ok(f, t_append(f, 1, "a"));
    assert_int_equal(save(f, (struct pawl_state_op){.key = PAWL_STR("k"), .value = PAWL_STR("v")}),
                     PAWL_OK);
    f->store->ops->close(f->store);
    f->store = owned;
    assert_string_equal(raw(f, "SELECT count(*) FROM pawl_log"), "1");
    raw(f, "DROP OWNED BY poor; DROP ROLE poor");
}

static void test_search_path_to_nowhere(void **state) {
    struct fixture *f = *state;
    char where[256];
    struct pawl_store *store;
    connection(f->path, where);
    strcat(where, " search_path=nowhere");
    assert_err(PAWL_E_NOT_FOUND, open_as(where, false, "state", &store, &f->error));
    assert_text(f, "create a schema that search_path names");
}

// What Dapr's users write, also where libpq alone would refuse it. Each makes its tables in the
// schema that it names.
static void test_connection_strings(void **state) {
    struct fixture *f = *state;
    static const char *const good[] = {
        "database=postgres pool_max_conns=7 search_path=one",
        "  dbname = nothing database='postgres'\tapplication_name = 'a \\'b\\'' "
        "options='-c search_path=two'",
        "postgres:///postgres?pool_max_conns=7&search_path=three&application_name=a%20b",
        "postgresql:///nothing?database=postgres&options=-c%20search_path%3Dfour",
    };
    static const char *const bad[] = {"nonsense secret", "password='secret", "=secret",
                                      "postgres://u:secret%@h/d", "postgres:///d?password=secret%"};
    char where[256], user[8];
    struct pawl_store *store;
    snprintf(user, sizeof user, "%.7s", strstr(connection(f->path, where), "user=") + 5);
    struct pawl_postgres_options options = {.type = "state.postgresql",
                                            .host = server_folder(),
                                            .user = user,
                                            .v1 = true,
                                            .state_table = "mine",
                                            .metadata_table = "dapr_metadata"};
    raw(f, "CREATE SCHEMA one; CREATE SCHEMA two; CREATE SCHEMA three; CREATE SCHEMA four");
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        options.connection = good[i];
        assert_ok(f, pawl__postgres_open(&options, &store, &f->error));
        store->ops->close(store);
    }
    assert_string_equal(raw(f, "SELECT string_agg(table_schema, ' ' ORDER BY table_schema) FROM"
                               " information_schema.tables WHERE table_name = 'mine'"),
                        "four one three two");
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        options.connection = bad[i];
        assert_err(PAWL_E_INVALID, pawl__postgres_open(&options, &store, &f->error));
        assert_text(f, "connectionString is not of the form");
        assert_null(strstr(f->error.text, "secret"));
    }
}

// --- a server that goes away ----------------------------------------------------------------

static void test_connections_are_cut(void **state) {
    struct fixture *f = *state;
    fixture_lease(f);
    assert_ok(f, t_append(f, 1, "a"));
    cut_connections(f);
    assert_string_equal(t_log(f, f->lease.shard, 0), "1=a "); // anew, unnoticed
    assert_ok(f, t_append(f, 2, "b"));
    assert_string_equal(t_log(f, f->lease.shard, 0), "1=a 2=b ");
}

// For the fixture's connections that are made from now on.
static void set_for_role(const struct fixture *f, const char *name, const char *value) {
    char where[256], admin[256], sql[128], answer[256];
    connection(f->path, where);
    snprintf(admin, sizeof admin, "host=%s user=tester dbname=postgres", server_folder());
    snprintf(sql, sizeof sql, "ALTER ROLE \"%.7s\" SET %s = %s", strstr(where, "user=") + 5, name,
             value);
    assert_string_equal(run_sql(admin, sql, answer), "");
}

// What the server does not let through for a moment is not done, and then it is.
static void test_locked_out(void **state) {
    struct fixture *f = *state;
    struct pawl_snapshot row = t_snapshot("i", "s", "h");
    fixture_lease(f);
    set_for_role(f, "default_transaction_read_only", "on");
    cut_connections(f);
    struct pawl_batch batch = {1, PAWL_STR("a")};
    struct pawl_part part = {
        .lease = &f->lease, .batch = &batch, .snapshots = &row, .snapshot_count = 1};
    const struct pawl_commit commit = {.parts = &part};
    assert_int_equal(f->store->ops->commit(f->store, &commit, &f->error), PAWL_COMMIT_NOTHING);
    assert_text(f, "read-only");
    set_for_role(f, "default_transaction_read_only", "off");
    assert_int_equal(f->store->ops->commit(f->store, &commit, &f->error), PAWL_COMMIT_DONE);
    assert_err(PAWL_OK, part.result.code);
    assert_string_equal(t_log(f, f->lease.shard, 0), "1=a ");
}

static void test_full_disk(void **state) {
    struct fixture *f = *state;
    fixture_lease(f);
    assert_ok(f, t_append(f, 1, "a"));
    if (!server_fill_disk(true)) skip();
    struct pawl_buf large = {0}; // of bytes that cannot be packed
    for (uint64_t i = 1, x = 1; i < 50000; i++, x = x * 6364136223846793005 + 1442695040888963407)
        pawl__buf_append(&large, (char *)&x, sizeof x);
    struct pawl_batch batch = {2, pawl__buf_str(&large)};
    struct pawl_part part = {.lease = &f->lease, .batch = &batch};
    const struct pawl_commit commit = {.parts = &part};
    enum pawl_outcome outcome = f->store->ops->commit(f->store, &commit, &f->error);
    server_fill_disk(false);
    assert_int_equal(outcome, PAWL_COMMIT_NOTHING);
    assert_err(PAWL_E_FULL, f->error.code);
    assert_text(f, "free some space on the server, nothing is lost");
    assert_string_equal(t_log(f, f->lease.shard, 0), "1=a ");
    assert_int_equal(f->store->ops->commit(f->store, &commit, &f->error), PAWL_COMMIT_DONE);
    assert_err(PAWL_OK, part.result.code);
    pawl__buf_finish(&large);
}

// As behind a pool that gives the connection of one session to another.
static void test_statements_are_gone(void **state) {
    struct fixture *f = *state;
    fixture_lease(f);
    assert_ok(f, t_append(f, 1, "a"));
    raw(f, "CREATE FUNCTION forget() RETURNS trigger LANGUAGE plpgsql AS"
           " 'BEGIN EXECUTE ''DEALLOCATE ALL''; RETURN NULL; END'");
    raw(f, "CREATE TRIGGER forget AFTER INSERT ON pawl_log EXECUTE FUNCTION forget()");
    assert_ok(f, t_append(f, 2, "b"));
    raw(f, "DROP TRIGGER forget ON pawl_log");
    struct pawl_batch batch = {3, PAWL_STR("c")};
    struct pawl_part part = {.lease = &f->lease, .batch = &batch};
    const struct pawl_commit commit = {.parts = &part};
    assert_int_equal(f->store->ops->commit(f->store, &commit, &f->error), PAWL_COMMIT_NOTHING);
    assert_text(f, "use a pool that keeps sessions, or none");
    assert_int_equal(f->store->ops->commit(f->store, &commit, &f->error), PAWL_COMMIT_DONE);
    assert_string_equal(t_log(f, f->lease.shard, 0), "1=a 2=b 3=c ");
}

// No two connections name a statement alike, or behind such a pool one could run another's.
static void test_names_of_statements(void **state) {
    struct fixture *f = *state;
    fixture_lease(f);
    raw(f, "CREATE TABLE seen(name text); CREATE FUNCTION see() RETURNS trigger LANGUAGE plpgsql AS"
           " 'BEGIN INSERT INTO seen SELECT name FROM pg_prepared_statements; RETURN NULL; END'");
    raw(f, "CREATE TRIGGER see AFTER INSERT ON pawl_log EXECUTE FUNCTION see()");
    assert_ok(f, t_append(f, 1, "a"));
    cut_connections(f);
    assert_ok(f, t_append(f, 2, "b"));
    assert_string_equal(
        raw(f, "SELECT count(DISTINCT name) = count(*) AND count(*) > 40 FROM seen"), "t");
}

// Plans that were made for empty tables are not kept until the server analyzes these: with another
// index than this one a read takes as long as the shard is large.
static void test_plans_of_a_new_table(void **state) {
    struct fixture *f = *state;
    struct pawl_snapshot row;
    fixture_lease(f);
    for (int i = 0; i < 10; i++) assert_err(PAWL_E_NOT_FOUND, t_load(f, "nothing", &row));
    raw(f, "INSERT INTO pawl_instance SELECT 1, convert_to('i' || n, 'UTF8'), 1, '', 1, n, n, n, n,"
           " false, false, '', '', '', '', '' FROM generate_series(1, 5000) AS n");
    usleep(1100000);
    for (int i = 0; i < 50; i++) assert_err(PAWL_E_NOT_FOUND, t_load(f, "nothing", &row));
    cut_connections(f); // what a session has counted is seen at its end
    assert_string_equal(raw(f, "SELECT idx_scan >= 50 FROM pg_stat_user_indexes WHERE schemaname ="
                               " current_schema() AND indexrelname = 'pawl_instance_pkey'"),
                        "t");
}

static void test_statement_timeout(void **state) {
    struct fixture *f = *state;
    fixture_lease(f);
    raw(f, "CREATE FUNCTION dawdle() RETURNS trigger LANGUAGE plpgsql AS"
           " 'BEGIN PERFORM pg_sleep(60); RETURN NULL; END'");
    raw(f, "CREATE TRIGGER dawdle AFTER INSERT ON pawl_log EXECUTE FUNCTION dawdle()");
    set_for_role(f, "statement_timeout", "100");
    cut_connections(f);
    struct pawl_batch batch = {1, PAWL_STR("a")};
    struct pawl_part part = {.lease = &f->lease, .batch = &batch};
    const struct pawl_commit commit = {.parts = &part};
    assert_int_equal(f->store->ops->commit(f->store, &commit, &f->error), PAWL_COMMIT_NOTHING);
    assert_text(f, "raise statement_timeout for this role");
    raw(f, "DROP TRIGGER dawdle ON pawl_log");
    assert_int_equal(f->store->ops->commit(f->store, &commit, &f->error), PAWL_COMMIT_DONE);
}

// A server that is spread over machines may not know whether a commit was done, and says so.
static void test_server_does_not_know(void **state) {
    struct fixture *f = *state;
    fixture_lease(f);
    raw(f, "CREATE FUNCTION wonder() RETURNS trigger LANGUAGE plpgsql AS"
           " 'BEGIN RAISE EXCEPTION ''who knows'' USING ERRCODE = ''40003''; END'");
    raw(f, "CREATE TRIGGER wonder AFTER INSERT ON pawl_log EXECUTE FUNCTION wonder()");
    struct pawl_batch batch = {1, PAWL_STR("a")};
    struct pawl_part part = {.lease = &f->lease, .batch = &batch};
    const struct pawl_commit commit = {.parts = &part};
    assert_int_equal(f->store->ops->commit(f->store, &commit, &f->error), PAWL_COMMIT_UNKNOWN);
    raw(f, "DROP TRIGGER wonder ON pawl_log");
    assert_int_equal(f->store->ops->commit(f->store, &commit, &f->error), PAWL_COMMIT_DONE);
}

static void test_server_is_killed(void **state) {
    struct fixture *f = *state;
    struct pawl_snapshot row = t_snapshot("i", "s", "h"), out;
    fixture_lease(f);
    assert_ok(f, t_append(f, 1, "a"));
    server_kill();
    struct pawl_batch batch = {2, PAWL_STR("b")};
    struct pawl_part part = {
        .lease = &f->lease, .batch = &batch, .snapshots = &row, .snapshot_count = 1};
    const struct pawl_commit commit = {.parts = &part};
    for (int i = 0; i < 2; i++) {
        assert_int_equal(f->store->ops->commit(f->store, &commit, &f->error), PAWL_COMMIT_NOTHING);
        assert_text(f, "PostgreSQL at");
    }
    assert_err(PAWL_E_UNAVAILABLE, t_load(f, "i", &out));
    server_start();
    assert_int_equal(f->store->ops->commit(f->store, &commit, &f->error), PAWL_COMMIT_DONE);
    assert_err(PAWL_OK, part.result.code);
    assert_string_equal(t_log(f, f->lease.shard, 0), "1=a 2=b ");
    assert_ok(f, t_load(f, "i", &out));
    assert_str("s", out.state);
}

// A table that waits for a lock that nobody gives up: the store does not wait for ever, and the
// commit is known to be unknown.
static void test_silent_server(void **state) {
    struct fixture *f = *state;
    char where[256];
    struct pawl_store *store;
    struct pawl_lease lease;
    connection(f->path, where);
    struct pawl_postgres_options options = {.type = "state.postgresql",
                                            .connection = where,
                                            .state_table = "state",
                                            .metadata_table = "dapr_metadata",
                                            .timeout = PAWL_SECOND,
                                            .workflows = true};
    assert_ok(f, pawl__postgres_open(&options, &store, &f->error));
    assert_ok(f, t_lease(f, store, "app", 0, &lease));
    PGconn *other = PQconnectdb(where);
    PQclear(PQexec(other, "BEGIN; LOCK TABLE pawl_log IN ACCESS EXCLUSIVE MODE"));
    struct pawl_batch batch = {1, PAWL_STR("a")};
    struct pawl_part part = {.lease = &lease, .batch = &batch};
    const struct pawl_commit commit = {.parts = &part};
    assert_int_equal(store->ops->commit(store, &commit, &f->error), PAWL_COMMIT_UNKNOWN);
    // Nor does a read, which asks once: to ask again would take as long once more.
    struct pawl_state_value value;
    PQclear(PQexec(other, "LOCK TABLE state IN ACCESS EXCLUSIVE MODE"));
    assert_err(PAWL_E_UNAVAILABLE,
               store->ops->get_state(store, PAWL_STR("k"), &f->arena, &value, &f->error));
    assert_string_equal(raw(f, "SELECT count(*) FROM pg_locks WHERE NOT granted"
                               " AND relation = 'state'::regclass"),
                        "1");
    PQfinish(other);
    // To lease the shard anew ends what is under way: it was done, or never will be.
    assert_ok(f, store->ops->release(store, &lease, &f->error));
    assert_ok(f, t_lease(f, store, "app", 0, &lease));
    uint64_t position = lease.position;
    usleep(200000);
    assert_string_equal(t_log(f, lease.shard, 0), position ? "1=a " : "");
    store->ops->close(store);
}

// An owner has stopped in the middle of a commit, and has its shard's row locked: the row is not
// waited for longer than its lease lasts. One whose lease has not ended is left alone.
static void test_stopped_owner(void **state) {
    struct fixture *f = *state;
    struct pawl_lease next;
    char where[256];
    connection(f->path, where);
    const struct pawl_str app = PAWL_STR("app"), owner = PAWL_STR("another");
    assert_ok(
        f, f->store->ops->lease(f->store, app, 0, owner, 60 * PAWL_SECOND, &f->lease, &f->error));
    PGconn *stopped = PQconnectdb(where);
    PQclear(PQexec(stopped, "BEGIN; SELECT 1 FROM pawl_shard FOR UPDATE"));
    enum pawl_err err =
        f->store->ops->lease(f->store, app, 0, owner, PAWL_SECOND, &next, &f->error);
    assert_true(err == PAWL_E_HELD || err == PAWL_E_UNAVAILABLE);
    PGresult *result = PQexec(stopped, "UPDATE pawl_shard SET until = now(); COMMIT");
    assert_int_equal(PQresultStatus(result), PGRES_COMMAND_OK); // it goes on
    PQclear(result);
    PQclear(PQexec(stopped, "BEGIN; SELECT 1 FROM pawl_shard FOR UPDATE"));
    assert_ok(f, f->store->ops->lease(f->store, app, 0, owner, PAWL_SECOND, &next, &f->error));
    assert_true(next.epoch > f->lease.epoch);
    PQclear(PQexec(stopped, "COMMIT"));
    assert_int_equal(PQstatus(stopped), CONNECTION_BAD);
    PQfinish(stopped);
}

int main(int argc, char **argv) {
    if (argc == 1 && !server_begin()) {
        fprintf(stderr, "there is no PostgreSQL server here\n");
        return 77;
    }
    int rc = suite_main(argc, argv, &v2_kind);
    if (rc >= 0) return rc;
#define T(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
    const struct CMUnitTest v2[] = {
        T(test_stopped_owner),
        T(test_v2_layout),
        T(test_cleanup),
        T(test_other_tables),
        T(test_newer_format),
        T(test_no_server),
        T(test_deaf_server),
        T(test_connection_strings),
        T(test_connections_are_cut),
        T(test_locked_out),
        T(test_silent_server),
        T(test_server_is_killed),
        T(test_wrong_password),
        T(test_full_disk),
        T(test_statements_are_gone),
        T(test_server_without_tls),
        T(test_role_that_makes_nothing),
        T(test_search_path_to_nowhere),
        T(test_names_of_statements),
        T(test_plans_of_a_new_table),
        T(test_statement_timeout),
        T(test_server_does_not_know),
    };
    const struct CMUnitTest v1[] = {T(test_v1_layout)};
#undef T
    int failed = cmocka_run_group_tests_name("postgres v2", v2, NULL, NULL);
    fixture_kind = &v1_kind;
    failed += suite_state();
    return failed + cmocka_run_group_tests_name("postgres v1", v1, NULL, NULL);
}
