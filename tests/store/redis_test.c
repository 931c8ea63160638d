// Redis: the suite against a server of the test's own, and what is particular to it.

#include "suite.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "redis_server.h"
#include "store/redis/internal.h"

static struct redis_server server;

static struct pawl_redis_options where(void) {
    return (struct pawl_redis_options){.host = "127.0.0.1",
                                       .port = atoi(getenv("PAWL_TEST_REDIS"))};
}

static void ask(const char *command, char *out, size_t size) {
    redis_ask(atoi(getenv("PAWL_TEST_REDIS")), command, out, size);
}

// Each path is a store of its own: what another test has left goes. The second process of the suite
// inherits what the first has opened.
static enum pawl_err redis_open(const char *path, struct pawl_store **out,
                                struct pawl_error *error) {
    const char *last = getenv("PAWL_TEST_REDIS_PATH");
    struct pawl_redis_options options = where();
    if (!last || strcmp(last, path) != 0) ask("FLUSHALL", NULL, 0);
    setenv("PAWL_TEST_REDIS_PATH", path, 1);
    return pawl__redis_open(&options, out, error);
}

static enum pawl_err redis_again(struct pawl_store *store, const char *path,
                                 struct pawl_store **out, struct pawl_error *error) {
    return redis_open(path, out, error);
}

static const struct store_kind t_redis = {
    .name = "redis", .shared = true, .own_state = true, .open = redis_open, .again = redis_again};

// --- the user's state ---------------------------------------------------------------------------

static enum pawl_err save(struct fixture *f, const char *key, const char *value, const char *etag,
                          bool first) {
    struct pawl_state_op op = {.key = pawl__str(key),
                               .value = pawl__str(value),
                               .etag = pawl__str(etag),
                               .first_write = first};
    return t_change(f, &op, 1);
}

static enum pawl_err drop(struct fixture *f, const char *key, const char *etag) {
    struct pawl_state_op op = {
        .type = PAWL_STATE_DELETE, .key = pawl__str(key), .etag = pawl__str(etag)};
    return t_change(f, &op, 1);
}

static struct pawl_state_value get(struct fixture *f, const char *key) {
    struct pawl_state_value value;
    assert_ok(f, f->store->ops->get_state(f->store, pawl__str(key), &f->arena, &value, &f->error));
    return value;
}

static void assert_asks(const char *command, const char *expected) {
    char answer[256];
    ask(command, answer, sizeof answer);
    assert_string_equal(expected, answer);
}

// Dapr's layout and rules, line by line.
static void test_layout(void **state) {
    struct fixture *f = *state;
    assert_false(get(f, "app||k").found);
    assert_err(PAWL_OK, save(f, "app||k", "\"v\"", "", false));
    assert_asks("TYPE app||k", "hash");
    assert_asks("HLEN app||k", "2");
    assert_asks("HGET app||k data", "\"v\"");
    assert_asks("HGET app||k version", "1");
    assert_str("\"v\"", get(f, "app||k").value);
    assert_str("1", get(f, "app||k").etag);

    assert_err(PAWL_OK, save(f, "app||k", "2", "1", false));
    assert_asks("HGET app||k version", "2");
    assert_err(PAWL_E_CONFLICT, save(f, "app||k", "3", "1", false));
    assert_err(PAWL_E_CONFLICT, save(f, "app||k", "3", "-2", false));
    assert_err(PAWL_OK, save(f, "app||k", "3", "+2", false));
    assert_err(PAWL_OK, save(f, "app||k", "4", "003", false));
    assert_err(PAWL_OK, save(f, "app||k", "5", "0", false)); // none
    assert_err(PAWL_E_INVALID, save(f, "app||k", "6", "abc", false));
    assert_text(f, "invalid etag value");
    assert_str("5", get(f, "app||k").value);
    assert_err(PAWL_OK, save(f, "new", "", "77", false)); // a missing key takes any ETag
    assert_str("1", get(f, "new").etag);
    assert_str("", get(f, "new").value);

    assert_err(PAWL_E_CONFLICT, drop(f, "new", "abc"));
    assert_err(PAWL_E_CONFLICT, drop(f, "new", "2"));
    assert_err(PAWL_OK, drop(f, "new", "1"));
    assert_err(PAWL_OK, drop(f, "new", "1"));
    assert_false(get(f, "new").found);
    assert_err(PAWL_E_INVALID, save(f, "", "1", "", false));
}

static void test_first_write(void **state) {
    struct fixture *f = *state;
    assert_err(PAWL_OK, save(f, "k", "1", "", true));
    assert_asks("HGET k first-write", "0");
    assert_err(PAWL_E_CONFLICT, save(f, "k", "2", "", true));
    assert_err(PAWL_E_CONFLICT, save(f, "k", "2", "", false)); // the mark stays
    assert_err(PAWL_OK, save(f, "k", "2", "1", false));
    assert_asks("HGET k first-write", "0");
    assert_err(PAWL_OK, drop(f, "k", ""));
    assert_err(PAWL_OK, save(f, "k", "1", "", false));
    assert_err(PAWL_E_CONFLICT, save(f, "k", "2", "", true));
    assert_text(f, "exists");
}

static void test_time_to_live(void **state) {
    struct fixture *f = *state;
    struct pawl_state_op op = {
        .key = PAWL_STR("k"), .value = PAWL_STR("1"), .ttl = 100, .has_ttl = true};
    assert_err(PAWL_OK, t_change(f, &op, 1));
    assert_asks("TTL k", "100");
    assert_err(PAWL_OK, save(f, "k", "2", "", false)); // it stays
    assert_asks("TTL k", "100");
    op.ttl = 0;
    assert_err(PAWL_OK, t_change(f, &op, 1));
    assert_asks("TTL k", "-1");
}

static void test_keys_of_others(void **state) {
    struct fixture *f = *state;
    struct pawl_state_value value;
    ask("SET plain text", NULL, 0);
    assert_str("text", get(f, "plain").value);
    assert_int_equal(get(f, "plain").etag.len, 0);
    assert_err(PAWL_OK, save(f, "plain", "1", "", false));
    assert_str("1", get(f, "plain").etag);
    ask("HSET half data x", NULL, 0);
    assert_err(PAWL_E_CORRUPT,
               f->store->ops->get_state(f->store, PAWL_STR("half"), &f->arena, &value, &f->error));
    assert_text(f, "version");
    ask("HSET odd data x version abc", NULL, 0);
    assert_str("abc", get(f, "odd").etag);
    assert_err(PAWL_E_CONFLICT, save(f, "odd", "1", "5", false));
    assert_err(PAWL_E_CORRUPT, save(f, "odd", "1", "", false));
    assert_str("x", get(f, "odd").value);
}

// Of a transaction that conflicts nothing is done; Dapr leaves the rest of it.
static void test_all_or_none(void **state) {
    struct fixture *f = *state;
    struct pawl_state_op ops[] = {
        {.key = PAWL_STR("a"), .value = PAWL_STR("1")},
        {.type = PAWL_STATE_DELETE, .key = PAWL_STR("b")},
        {.key = PAWL_STR("c"), .value = PAWL_STR("1"), .etag = PAWL_STR("9")},
    };
    assert_err(PAWL_OK, save(f, "b", "0", "", false));
    assert_err(PAWL_OK, save(f, "c", "0", "", false));
    assert_err(PAWL_E_CONFLICT, t_change(f, ops, 3));
    assert_text(f, "key c");
    assert_false(get(f, "a").found);
    assert_true(get(f, "b").found);
    ops[2].etag = PAWL_STR("1");
    assert_err(PAWL_OK, t_change(f, ops, 3));
    assert_false(get(f, "b").found);
    // Operations see those before them.
    struct pawl_state_op twice[] = {
        {.key = PAWL_STR("d"), .value = PAWL_STR("1")},
        {.key = PAWL_STR("d"), .value = PAWL_STR("2"), .etag = PAWL_STR("1")},
    };
    assert_err(PAWL_OK, t_change(f, twice, 2));
    assert_asks("HGET d version", "2");
}

// --- trouble with the server --------------------------------------------------------------------

static void test_server_killed(void **state) {
    struct fixture *f = *state;
    fixture_lease(f);
    assert_int_equal(t_try(f, 1), PAWL_COMMIT_DONE);
    redis_server_stop(&server, SIGKILL);
    assert_int_equal(t_try(f, 2), PAWL_COMMIT_NOTHING); // nothing is sent into a dead connection
    assert_text(f, "cannot connect");
    redis_server_start(&server);
    assert_int_equal(t_try(f, 2), PAWL_COMMIT_DONE); // its scripts are gone, and given again
    assert_string_equal(t_log(f, f->lease.shard, 0), "1=x 2=x ");
}

static void test_stopped_server(void **state) {
    struct fixture *f = *state;
    struct pawl_redis_options options = where();
    struct pawl_store *store;
    options.timeout = 300 * PAWL_MILLISECOND;
    fixture_lease(f);
    assert_ok(f, f->store->ops->release(f->store, &f->lease, &f->error));
    assert_ok(f, pawl__redis_open(&options, &store, &f->error));
    assert_ok(f, t_lease(f, store, "app", 0, &f->lease));
    struct pawl_store *usual = f->store;
    f->store = store;
    assert_int_equal(t_try(f, 1), PAWL_COMMIT_DONE);
    kill(server.pid, SIGSTOP);
    assert_int_equal(t_try(f, 2), PAWL_COMMIT_UNKNOWN);
    kill(server.pid, SIGCONT);
    // A new lease ends the question: the batch is there, or never will be.
    struct pawl_lease again;
    assert_ok(f, store->ops->release(store, &f->lease, &f->error));
    assert_ok(f, t_lease(f, store, "app", 0, &again));
    assert_true(again.position == 1 || again.position == 2);
    f->lease = again;
    assert_int_equal(t_try(f, again.position + 1), PAWL_COMMIT_DONE);
    store->ops->close(store);
    f->store = usual;
}

static void test_scripts_gone(void **state) {
    struct fixture *f = *state;
    fixture_lease(f);
    ask("SCRIPT FLUSH", NULL, 0);
    assert_int_equal(t_try(f, 1), PAWL_COMMIT_DONE);
    assert_string_equal(t_log(f, f->lease.shard, 0), "1=x ");
}

static void test_full_memory(void **state) {
    struct fixture *f = *state;
    fixture_lease(f);
    ask("CONFIG SET maxmemory 1", NULL, 0);
    assert_int_equal(t_try(f, 1), PAWL_COMMIT_NOTHING);
    assert_text(f, "maxmemory");
    ask("CONFIG SET maxmemory 0", NULL, 0);
    assert_int_equal(t_try(f, 1), PAWL_COMMIT_DONE);
}

static void set_save_points(const char *points) {
    redisContext *context = redisConnect("127.0.0.1", server.port);
    freeReplyObject(redisCommand(context, "CONFIG SET save %s", points));
    redisFree(context);
}

// The server has failed to write its file, and takes no more until that is better.
static void test_full_disk(void **state) {
    struct fixture *f = *state;
    fixture_lease(f);
    set_save_points("3600 1");
    ask("BGSAVE", NULL, 0); // a folder has the file's name
    char told[4096] = "";
    for (int i = 0; i < 1500 && !strstr(told, "rdb_last_bgsave_status:err"); i++) {
        ask("INFO persistence", told, sizeof told);
        usleep(20000);
    }
    assert_int_equal(t_try(f, 1), PAWL_COMMIT_NOTHING);
    assert_err(PAWL_E_FULL, f->error.code);
    assert_text(f, "the server cannot write to its disk");
    set_save_points("");
    assert_int_equal(t_try(f, 1), PAWL_COMMIT_DONE);
}

static void test_replica(void **state) {
    struct fixture *f = *state;
    fixture_lease(f);
    ask("REPLICAOF 127.0.0.1 1", NULL, 0);
    assert_int_equal(t_try(f, 1), PAWL_COMMIT_NOTHING);
    assert_text(f, "replica");
    ask("REPLICAOF NO ONE", NULL, 0);
    assert_int_equal(t_try(f, 1), PAWL_COMMIT_DONE);
}

// A newer Pawl has raised the number, before this one opens the store or while it has it.
static void test_newer_format(void **state) {
    struct fixture *f = *state;
    struct pawl_lease lease;
    uint32_t count;
    assert_ok(f, f->store->ops->shards(f->store, PAWL_STR("app"), 4, &count, &f->error));
    assert_asks("GET pawl:format", "4");
    fixture_lease(f);
    ask("SET pawl:format 5", NULL, 0);
    assert_err(PAWL_E_FORMAT, t_lease(f, f->store, "app", 1, &lease));
    assert_text(f, "are of format 5, and this Pawl writes format 4");
    assert_err(PAWL_E_FORMAT,
               f->store->ops->shards(f->store, PAWL_STR("app"), 4, &count, &f->error));
    assert_text(f, "a newer one made them");
    assert_asks("HGET pawl:app:app s1", "");
    ask("DEL pawl:format", NULL, 0); // as an earlier Pawl left it
    assert_ok(f, t_lease(f, f->store, "app", 1, &lease));
    assert_ok(f, f->store->ops->shards(f->store, PAWL_STR("app"), 7, &count, &f->error));
    assert_int_equal(count, 4);
    assert_asks("GET pawl:format", "4");
}

static enum pawl_err note_row(void *arg, const struct pawl_snapshot *row,
                              struct pawl_error *error) {
    pawl__buf_format(arg, "%.*s ", PAWL_FMT(row->id));
    return PAWL_OK;
}

// The ids that |query| finds, in their order.
static const char *found(struct fixture *f, const struct pawl_query *query) {
    static char text[4096];
    struct pawl_buf ids = {0};
    assert_ok(f, f->store->ops->query(f->store, f->lease.shard, query, note_row, &ids, &f->error));
    snprintf(text, sizeof text, "%.*s", PAWL_FMT(pawl__buf_str(&ids)));
    pawl__buf_finish(&ids);
    return text;
}

static void put_rows(struct fixture *f, int from, int to) {
    for (int i = from; i < to; i++) {
        char id[16];
        snprintf(id, sizeof id, "i%05d", i);
        struct pawl_snapshot row = t_snapshot(id, "state", "");
        row.created_at = 1700000000000000000 + i / 2; // two of each time
        struct pawl_part part = {.lease = &f->lease, .snapshots = &row, .snapshot_count = 1};
        const struct pawl_commit commit = {.parts = &part};
        assert_int_equal(f->store->ops->commit(f->store, &commit, &f->error), PAWL_COMMIT_DONE);
        assert_err(PAWL_OK, part.result.code);
    }
}

// Bytes that the server has sent in its life.
static int64_t bytes_sent(void) {
    char info[8192];
    ask("INFO stats", info, sizeof info);
    const char *at = strstr(info, "total_net_output_bytes:");
    return at ? atoll(strchr(at, ':') + 1) : -1;
}

// A page costs what it holds, however many rows the shard has.
static void test_page_is_bounded(void **state) {
    struct fixture *f = *state;
    int64_t cost[2];
    fixture_lease(f);
    for (int i = 0; i < 2; i++) {
        put_rows(f, i ? 100 : 0, i ? 1600 : 100);
        const struct pawl_query query = {.order = PAWL_ORDER_NEWEST, .limit = 20};
        int64_t before = bytes_sent();
        int64_t told = bytes_sent() - before; // what asking costs
        const char *ids = found(f, &query);
        assert_int_equal(strlen(ids), 20 * 7);
        assert_memory_equal(ids, i ? "i01599 i01598 " : "i00099 i00098 ", 14);
        cost[i] = bytes_sent() - before - 2 * told;
        assert_true(cost[i] > 20 * 16);
    }
    assert_in_range(cost[1], 1, cost[0] + cost[0] / 2);
}

// What a Pawl without the order has written gets its places when the shard is leased, and that Pawl
// writes no more.
static void test_older_format(void **state) {
    struct fixture *f = *state;
    char command[64];
    fixture_lease(f);
    put_rows(f, 0, 1500); // several steps of a scan
    const struct pawl_query query = {.order = PAWL_ORDER_OLDEST,
                                     .after_created = 1700000000000000000 + 740,
                                     .after_id = PAWL_STR("i01480"),
                                     .limit = 3};
    assert_string_equal(found(f, &query), "i01481 i01482 i01483 ");
    snprintf(command, sizeof command, "DEL pawl:order:%d", (int)f->lease.shard);
    ask(command, NULL, 0);
    snprintf(command, sizeof command, "HDEL pawl:shard:%d ordered", (int)f->lease.shard);
    ask(command, NULL, 0);
    for (int i = 0; i < 1500; i++) {
        snprintf(command, sizeof command, "HDEL pawl:row:%d:i%05d c", (int)f->lease.shard, i);
        if (i % 50 == 0) ask(command, NULL, 0);
    }
    ask("SET pawl:format 1", NULL, 0);
    assert_string_equal(found(f, &query), "");
    assert_ok(f, f->store->ops->release(f->store, &f->lease, &f->error));
    fixture_lease(f);
    assert_string_equal(found(f, &query), "i01481 i01482 i01483 ");
    assert_asks("GET pawl:format", "4");
    snprintf(command, sizeof command, "ZCARD pawl:order:%d", (int)f->lease.shard);
    assert_asks(command, "1500");
    snprintf(command, sizeof command, "HGET pawl:shard:%d ordered", (int)f->lease.shard);
    assert_asks(command, "1");
}

// What a commit compares was beside the lease: it moves when the shard is leased, and with it the
// log goes on where it was.
static void test_epoch_beside_the_lease(void **state) {
    static const char *const fields[] = {"epoch", "last", "trimmed"};
    struct fixture *f = *state;
    char command[128], value[64];
    fixture_lease(f);
    for (uint64_t i = 1; i <= 3; i++) assert_int_equal(t_try(f, i), PAWL_COMMIT_DONE);
    int shard = (int)f->lease.shard;
    struct pawl_lease old = f->lease;
    snprintf(command, sizeof command, "HDEL pawl:log:%d 1", shard); // trimmed
    ask(command, NULL, 0);
    snprintf(command, sizeof command, "HSET pawl:log:%d trimmed 1", shard);
    ask(command, NULL, 0);
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
        snprintf(command, sizeof command, "HGET pawl:log:%d %s", shard, fields[i]);
        ask(command, value, sizeof value);
        snprintf(command, sizeof command, "HSET pawl:shard:%d %s %s", shard, fields[i], value);
        ask(command, NULL, 0);
        snprintf(command, sizeof command, "HDEL pawl:log:%d %s", shard, fields[i]);
        ask(command, NULL, 0);
    }
    ask("SET pawl:format 2", NULL, 0);
    assert_string_equal(t_log(f, f->lease.shard, 0), "2=x 3=x "); // read without a lease
    snprintf(command, sizeof command, "HSET pawl:shard:%d until 0", shard);
    ask(command, NULL, 0);
    struct pawl_lease lease;
    assert_ok(f, t_lease(f, f->store, "app", 0, &lease));
    assert_true(lease.epoch > old.epoch);
    assert_int_equal(lease.position, 3);
    assert_asks("GET pawl:format", "4");
    snprintf(command, sizeof command, "HEXISTS pawl:shard:%d epoch", shard);
    assert_asks(command, "0");
    f->lease = lease;
    assert_int_equal(t_try(f, 4), PAWL_COMMIT_DONE);
    assert_string_equal(t_log(f, f->lease.shard, 0), "2=x 3=x 4=x ");
}

static void test_opening(void **state) {
    struct fixture *f = *state;
    struct pawl_redis_options options = where();
    struct pawl_store *store;
    ask("CONFIG SET maxmemory 100mb", NULL, 0);
    ask("CONFIG SET maxmemory-policy allkeys-lru", NULL, 0);
    assert_err(PAWL_E_INVALID, pawl__redis_open(&options, &store, &f->error));
    assert_text(f, "allkeys-lru");
    options.allow_eviction = true;
    assert_ok(f, pawl__redis_open(&options, &store, &f->error));
    store->ops->close(store);
    options.allow_eviction = false;
    ask("CONFIG SET maxmemory 0", NULL, 0);

    options.password = "any"; // which a server without one takes, as with Dapr
    assert_ok(f, pawl__redis_open(&options, &store, &f->error));
    store->ops->close(store);
    ask("ACL SETUSER pawl on >secret ~* &* +@all", NULL, 0);
    options.username = "pawl";
    assert_err(PAWL_E_DENIED, pawl__redis_open(&options, &store, &f->error));
    assert_text(f, "redisPassword");
    options.password = "secret";
    options.database = 99;
    assert_err(PAWL_E_INVALID, pawl__redis_open(&options, &store, &f->error));
    assert_text(f, "DB index is out of range; correct redisDB");
    options.database = 3;
    assert_ok(f, pawl__redis_open(&options, &store, &f->error));
    store->ops->close(store);
    options.port = 1;
    assert_err(PAWL_E_UNAVAILABLE, pawl__redis_open(&options, &store, &f->error));
    assert_text(f, "cannot connect to Redis at 127.0.0.1:1");
}

int main(int argc, char **argv) {
    if (argc == 1) {
        char port[12];
        if (!redis_server_exists()) {
            printf("there is no redis-server: skipped\n");
            return 77;
        }
        static const char *const flags[] = {"--dbfilename", "a-folder", NULL};
        char folder[64];
        redis_server_prepare(&server);
        server.flags = flags;
        snprintf(folder, sizeof folder, "%s/a-folder", server.folder);
        if (mkdir(folder, 0755)) return 1;
        snprintf(port, sizeof port, "%d", server.port);
        setenv("PAWL_TEST_REDIS", port, 1);
        redis_server_start(&server);
    }
    int rc = suite_main(argc, argv, &t_redis);
    if (argc > 1) return rc < 0 ? 0 : rc;
#define T(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
    const struct CMUnitTest tests[] = {
        T(test_layout),         T(test_first_write),
        T(test_time_to_live),   T(test_keys_of_others),
        T(test_all_or_none),    T(test_scripts_gone),
        T(test_full_memory),    T(test_replica),
        T(test_full_disk),      T(test_opening),
        T(test_newer_format),   T(test_server_killed),
        T(test_stopped_server), T(test_page_is_bounded),
        T(test_older_format),   T(test_epoch_beside_the_lease),
    };
    int failed = cmocka_run_group_tests_name("redis", tests, NULL, NULL);
    redis_server_end(&server);
    return rc > 0 ? rc : failed;
}
