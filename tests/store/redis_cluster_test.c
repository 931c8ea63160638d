// A cluster of three masters and a replica: the suite, and what is particular to clusters.

#include "suite.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "redis_server.h"
#include "store/redis/cluster.h"

enum {
    MASTERS = 3,
    NODES = 4 // the last one is a replica of the master that has our slot
};

static struct redis_server nodes[NODES];
static const int slot_ends[MASTERS + 1] = {0, 5461, 10923, 16384};

static int port_of(int node) {
    char name[32];
    snprintf(name, sizeof name, "PAWL_TEST_CLUSTER%d", node);
    return atoi(getenv(name));
}

static struct pawl_redis_options where(void) {
    static struct pawl_redis_address more[2];
    for (int i = 0; i < 2; i++)
        more[i] = (struct pawl_redis_address){.host = "127.0.0.1", .port = port_of(i + 1)};
    return (struct pawl_redis_options){.kind = PAWL_REDIS_CLUSTER,
                                       .host = "127.0.0.1",
                                       .port = port_of(0),
                                       .more = more,
                                       .more_count = 2,
                                       .app = "app"};
}

static int master_of(unsigned slot) {
    int i = 0;
    while (slot >= (unsigned)slot_ends[i + 1]) i++;
    return i;
}

static int home(void) {
    return master_of(pawl__redis_slot(PAWL_STR("{pawl:app}:")));
}

static void start_node(int i) {
    static char numbers[NODES][12];
    static const char *flags[NODES][9] = {0};
    const char *all[9] = {"--cluster-enabled",
                          "yes",
                          "--cluster-node-timeout",
                          "1000",
                          "--cluster-port",
                          numbers[i],
                          "--cluster-replica-validity-factor",
                          "0",
                          NULL};
    if (!*numbers[i]) snprintf(numbers[i], sizeof numbers[i], "%d", redis_free_port());
    memcpy(flags[i], all, sizeof all);
    nodes[i].flags = flags[i];
    redis_server_start(&nodes[i]);
}

static const char *bus_of(int i) {
    return nodes[i].flags[5];
}

static void await_whole(void) {
    for (int i = 0; i < NODES; i++) redis_await(nodes[i].port, "CLUSTER INFO", "cluster_state:ok");
}

static void start_cluster(void) {
    char command[96], id[64];
    for (int i = 0; i < NODES; i++) {
        char name[32], port[12];
        redis_server_prepare(&nodes[i]);
        start_node(i);
        snprintf(name, sizeof name, "PAWL_TEST_CLUSTER%d", i);
        snprintf(port, sizeof port, "%d", nodes[i].port);
        setenv(name, port, 1);
    }
    for (int i = 0; i < MASTERS; i++) {
        snprintf(command, sizeof command, "CLUSTER ADDSLOTSRANGE %d %d", slot_ends[i],
                 slot_ends[i + 1] - 1);
        redis_ask(nodes[i].port, command, NULL, 0);
        snprintf(command, sizeof command, "CLUSTER SET-CONFIG-EPOCH %d", i + 1);
        redis_ask(nodes[i].port, command, NULL, 0);
    }
    for (int i = 1; i < NODES; i++) {
        snprintf(command, sizeof command, "CLUSTER MEET 127.0.0.1 %d %s", nodes[i].port, bus_of(i));
        redis_ask(nodes[0].port, command, NULL, 0);
    }
    await_whole();
    redis_ask(nodes[home()].port, "CLUSTER MYID", id, sizeof id);
    snprintf(command, sizeof command, "CLUSTER REPLICATE %s", id);
    redis_await(nodes[MASTERS].port, command, "OK"); // once it has heard of that node
    redis_await(nodes[home()].port, "WAIT 1 10000", "1");
}

static enum pawl_err cluster_open(const char *path, struct pawl_store **out,
                                  struct pawl_error *error) {
    const char *last = getenv("PAWL_TEST_REDIS_PATH");
    struct pawl_redis_options options = where();
    for (int i = 0; (!last || strcmp(last, path) != 0) && i < MASTERS; i++)
        redis_ask(port_of(i), "FLUSHALL", NULL, 0);
    setenv("PAWL_TEST_REDIS_PATH", path, 1);
    return pawl__redis_open(&options, out, error);
}

static enum pawl_err cluster_again(struct pawl_store *store, const char *path,
                                   struct pawl_store **out, struct pawl_error *error) {
    return cluster_open(path, out, error);
}

static const struct store_kind t_cluster = {.name = "redis cluster",
                                            .shared = true,
                                            .own_state = true,
                                            .timed = true,
                                            .open = cluster_open,
                                            .again = cluster_again};

// --- the user's keys ----------------------------------------------------------------------------

static enum pawl_err save(struct fixture *f, const char *key, const char *value, const char *etag) {
    struct pawl_state_op op = {
        .key = pawl__str(key), .value = pawl__str(value), .etag = pawl__str(etag)};
    return t_change(f, &op, 1);
}

static struct pawl_state_value get(struct fixture *f, const char *key) {
    struct pawl_state_value value;
    assert_ok(f, f->store->ops->get_state(f->store, pawl__str(key), &f->arena, &value, &f->error));
    return value;
}

static void test_slots(void **state) {
    assert_int_equal(pawl__redis_slot(PAWL_STR("123456789")),
                     0x31c3); // the specification's example
    assert_int_equal(pawl__redis_slot(PAWL_STR("{user1000}.following")),
                     pawl__redis_slot(PAWL_STR("{user1000}.followers")));
    assert_int_equal(pawl__redis_slot(PAWL_STR("a{b}{c}")), pawl__redis_slot(PAWL_STR("b")));
    const char *const texts[] = {"", "foo{}{bar}", "foo{{bar}}zap", "}{a", "app||k", "a{b"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        redisContext *context = redisConnect("127.0.0.1", port_of(0));
        redisReply *reply = redisCommand(context, "CLUSTER KEYSLOT %s", texts[i]);
        assert_int_equal(reply->integer, pawl__redis_slot(pawl__str(texts[i])));
        freeReplyObject(reply);
        redisFree(context);
    }
}

// Keys are on all three masters, each as Dapr lays it out.
static void test_keys_anywhere(void **state) {
    struct fixture *f = *state;
    char key[24], command[48], answer[32];
    int on[MASTERS] = {0};
    for (int i = 0; i < 40; i++) {
        snprintf(key, sizeof key, "app||k%d", i);
        assert_err(PAWL_OK, save(f, key, key, ""));
        assert_str(key, get(f, key).value);
        int master = master_of(pawl__redis_slot(pawl__str(key)));
        on[master]++;
        snprintf(command, sizeof command, "HGET %s data", key);
        redis_ask(nodes[master].port, command, answer, sizeof answer);
        assert_string_equal(answer, key);
        assert_err(PAWL_E_CONFLICT, save(f, key, "2", "7"));
    }
    for (int i = 0; i < MASTERS; i++) assert_true(on[i] > 0);
}

static void test_transactions(void **state) {
    struct fixture *f = *state;
    struct pawl_state_op apart[] = {{.key = PAWL_STR("a"), .value = PAWL_STR("1")},
                                    {.key = PAWL_STR("b"), .value = PAWL_STR("1")}};
    assert_err(PAWL_E_INVALID, t_change(f, apart, 2));
    assert_text(f, "keys a and b are in different slots");
    assert_false(get(f, "a").found);
    struct pawl_state_op together[] = {{.key = PAWL_STR("{x}a"), .value = PAWL_STR("1")},
                                       {.key = PAWL_STR("{x}b"), .value = PAWL_STR("1")}};
    assert_err(PAWL_OK, t_change(f, together, 2));
    assert_true(get(f, "{x}a").found && get(f, "{x}b").found);
    assert_err(PAWL_OK, t_change(f, NULL, 0));
    // Beside a batch of workflows one that fails does not keep the others from being done.
    struct pawl_state_tx second = {.ops = apart, .op_count = 1};
    struct pawl_state_tx first = {.ops = apart, .op_count = 2, .next = &second};
    struct pawl_batch batch = {1, PAWL_STR("x")};
    fixture_lease(f);
    struct pawl_part part = {.lease = &f->lease, .batch = &batch};
    assert_ok(f, t_commit(f, &part, &first));
    assert_err(PAWL_E_INVALID, first.result.code);
    assert_err(PAWL_OK, second.result.code);
    assert_string_equal(t_log(f, f->lease.shard, 0), "1=x ");
}

// --- trouble ------------------------------------------------------------------------------------

// Tells every master of a slot's way.
static void set_slot(unsigned slot, int at, const char *what, int node) {
    char command[96], id[64];
    redis_ask(nodes[node].port, "CLUSTER MYID", id, sizeof id);
    snprintf(command, sizeof command, "CLUSTER SETSLOT %u %s %s", slot, what, id);
    redis_ask(nodes[at].port, command, NULL, 0);
}

// While a slot is on its way nothing runs on the part of its keys that is still here; once it has
// arrived, we follow.
static void test_slot_moves(void **state) {
    struct fixture *f = *state;
    unsigned slot = pawl__redis_slot(PAWL_STR("{pawl:app}:"));
    int from = home(), to = (from + 1) % MASTERS;
    fixture_lease(f);
    assert_int_equal(t_try(f, 1), PAWL_COMMIT_DONE);
    set_slot(slot, to, "IMPORTING", from);
    set_slot(slot, from, "MIGRATING", to);
    assert_int_equal(t_try(f, 2), PAWL_COMMIT_NOTHING);
    assert_text(f, "is being moved");
    // Redis' own tool moves keys like this.
    redisContext *context = redisConnect("127.0.0.1", nodes[from].port);
    redisReply *keys = redisCommand(context, "CLUSTER GETKEYSINSLOT %u 1000", slot);
    assert_true(keys->elements > 2);
    for (size_t i = 0; i < keys->elements; i++) {
        if (i == 1) assert_int_equal(t_try(f, 2), PAWL_COMMIT_NOTHING); // one has gone
        redisReply *reply = redisCommand(context, "MIGRATE 127.0.0.1 %d %b 0 5000", nodes[to].port,
                                         keys->element[i]->str, keys->element[i]->len);
        assert_string_equal(reply->str, "OK");
        freeReplyObject(reply);
    }
    freeReplyObject(keys);
    redisFree(context);
    for (int i = 0; i < MASTERS; i++) set_slot(slot, (to + i) % MASTERS, "NODE", to);
    assert_int_equal(t_try(f, 2), PAWL_COMMIT_DONE);
    assert_string_equal(t_log(f, f->lease.shard, 0), "1=x 2=x ");
    for (int i = 0; i < MASTERS; i++) redis_ask(nodes[i].port, "FLUSHALL", NULL, 0);
    for (int i = 0; i < MASTERS; i++) set_slot(slot, (from + i) % MASTERS, "NODE", from);
}

// A key that a node has.
static void find_key(char key[24], int node) {
    int i = 0;
    do snprintf(key, 24, "k%d", i++);
    while (master_of(pawl__redis_slot(pawl__str(key))) != node);
}

// Commits again while nothing can be done, as the nodes do not know yet who leads.
static enum pawl_outcome commit_soon(struct fixture *f, uint64_t position) {
    enum pawl_outcome outcome = t_try(f, position);
    for (int i = 0; i < 300 && outcome == PAWL_COMMIT_NOTHING; i++) {
        nanosleep(&(struct timespec){.tv_nsec = 100 * 1000 * 1000}, NULL);
        outcome = t_try(f, position);
    }
    return outcome;
}

// One node is away: what it has waits, all else goes on.
static void test_node_is_away(void **state) {
    struct fixture *f = *state;
    int away = (home() + 1) % MASTERS;
    char key[24], here[24];
    find_key(key, away);
    find_key(here, (home() + 2) % MASTERS);
    fixture_lease(f);
    for (int i = 0; i < NODES; i++)
        redis_ask(nodes[i].port, "CONFIG SET cluster-require-full-coverage no", NULL, 0);
    assert_err(PAWL_OK, save(f, key, "1", ""));
    redis_server_stop(&nodes[away], SIGKILL);
    assert_err(PAWL_E_UNAVAILABLE, save(f, key, "2", ""));
    assert_text(f, "cannot connect");
    assert_err(PAWL_OK, save(f, here, "1", ""));
    assert_int_equal(commit_soon(f, 1), PAWL_COMMIT_DONE);
    start_node(away);
    await_whole();
    assert_err(PAWL_OK, save(f, key, "2", "1"));
    assert_str("2", get(f, key).value);
}

// The master of our slot is killed, and its replica takes its place.
static void test_failover(void **state) {
    struct fixture *f = *state;
    int last = home();
    uint64_t position = 2;
    fixture_lease(f);
    struct pawl_lease before = f->lease;
    assert_int_equal(t_try(f, 1), PAWL_COMMIT_DONE);
    redis_await(nodes[last].port, "WAIT 1 20000", "1");
    redis_server_stop(&nodes[last], SIGKILL);
    assert_int_equal(t_try(f, position), PAWL_COMMIT_NOTHING);
    enum pawl_outcome outcome = commit_soon(f, position);
    assert_int_equal(outcome, PAWL_COMMIT_DONE);
    assert_string_equal(t_log(f, f->lease.shard, 0), "1=x 2=x ");
    assert_ok(f, f->store->ops->release(f->store, &f->lease, &f->error));
    fixture_lease(f);
    assert_true(f->lease.epoch > before.epoch);
    start_node(last);
}

static void test_opening(void **state) {
    struct fixture *f = *state;
    struct pawl_store *store;
    struct pawl_redis_options options = where();
    options.kind = PAWL_REDIS_NODE;
    assert_err(PAWL_E_INVALID, pawl__redis_open(&options, &store, &f->error));
    assert_text(f, "is a node of a cluster; set redisType to cluster");
    struct redis_server plain = {0};
    redis_server_prepare(&plain);
    redis_server_start(&plain);
    options = where();
    options.port = plain.port;
    assert_err(PAWL_E_INVALID, pawl__redis_open(&options, &store, &f->error));
    assert_text(f, "is not part of a cluster; leave redisType out");
    redis_server_end(&plain);
    // The first node that is named is not there; the others are asked.
    assert_ok(f, pawl__redis_open(&options, &store, &f->error));
    store->ops->close(store);
    int other = (home() + 1) % MASTERS;
    redis_ask(nodes[other].port, "CONFIG SET maxmemory 100mb", NULL, 0);
    redis_ask(nodes[other].port, "CONFIG SET maxmemory-policy allkeys-lru", NULL, 0);
    assert_err(PAWL_E_INVALID, pawl__redis_open(&options, &store, &f->error));
    assert_text(f, "allkeys-lru");
    redis_ask(nodes[other].port, "CONFIG SET maxmemory 0", NULL, 0);
}

int main(int argc, char **argv) {
    if (argc == 1) {
        if (!redis_server_exists()) {
            printf("there is no redis-server: skipped\n");
            return 77;
        }
        signal(SIGPIPE, SIG_IGN);
        start_cluster();
    }
    int rc = suite_main(argc, argv, &t_cluster);
    if (argc > 1) return rc < 0 ? 0 : rc;
#define T(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
    const struct CMUnitTest tests[] = {T(test_slots),   T(test_keys_anywhere), T(test_transactions),
                                       T(test_opening), T(test_slot_moves),    T(test_node_is_away),
                                       T(test_failover)};
    int failed = cmocka_run_group_tests_name("redis cluster", tests, NULL, NULL);
    for (int i = 0; i < NODES; i++) redis_server_end(&nodes[i]);
    return rc > 0 ? rc : failed;
}
