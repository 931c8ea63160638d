// Redis with a replica and a sentinel, which makes the replica the master when that is killed.

#include "helper.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "redis_server.h"
#include "store/redis/internal.h"

static struct redis_server servers[2], sentinel;

static struct pawl_redis_options where(void) {
    return (struct pawl_redis_options){.kind = PAWL_REDIS_SENTINEL,
                                       .host = "127.0.0.1",
                                       .port = sentinel.port,
                                       .master = "orders",
                                       .sentinel_password = "watch"};
}

static void start_sentinel(void) {
    static char path[64];
    static const char *flags[] = {"--sentinel", NULL};
    redis_server_prepare(&sentinel);
    snprintf(path, sizeof path, "%s/sentinel.conf", sentinel.folder);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fprintf(file,
            "port %d\nbind 127.0.0.1\ndir %s\nrequirepass watch\n"
            "sentinel monitor orders 127.0.0.1 %d 1\n"
            "sentinel down-after-milliseconds orders 3000\nsentinel failover-timeout orders 3000\n",
            sentinel.port, sentinel.folder, servers[0].port);
    fclose(file);
    sentinel.flags = flags;
    sentinel.file = path;
    sentinel.greets = "NOAUTH";
    redis_server_start(&sentinel);
}

static int setup(void **state) {
    struct fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    *state = f;
    return 0;
}

static int teardown(void **state) {
    struct fixture *f = *state;
    pawl__arena_finish(&f->arena);
    free(f);
    return 0;
}

static void test_opening(void **state) {
    struct fixture *f = *state;
    struct pawl_redis_options options = where();
    options.master = "oders";
    assert_err(PAWL_E_UNAVAILABLE, pawl__redis_open(&options, &f->store, &f->error));
    assert_text(f, "the sentinel at 127.0.0.1");
    assert_text(f, "knows no master \"oders\"; correct sentinelMasterName");
    options = where();
    options.sentinel_password = "";
    assert_err(PAWL_E_DENIED, pawl__redis_open(&options, &f->store, &f->error));
    options = where();
    options.port = 1;
    assert_err(PAWL_E_UNAVAILABLE, pawl__redis_open(&options, &f->store, &f->error));
    assert_text(f, "cannot connect to the sentinel at 127.0.0.1:1");
    // The second one that is named answers.
    const struct pawl_redis_address more = {.host = "127.0.0.1", .port = sentinel.port};
    options.more = &more;
    options.more_count = 1;
    assert_ok(f, pawl__redis_open(&options, &f->store, &f->error));
    f->store->ops->close(f->store);
}

static void test_failover(void **state) {
    struct fixture *f = *state;
    struct pawl_redis_options options = where();
    struct pawl_store *waits;
    assert_ok(f, pawl__redis_open(&options, &f->store, &f->error));
    options.wait_replicas = 1;
    assert_ok(f, pawl__redis_open(&options, &waits, &f->error));
    struct pawl_store *usual = f->store;
    f->store = waits; // what it acknowledges, the replica has
    fixture_lease(f);
    assert_int_equal(t_try(f, 1), PAWL_COMMIT_DONE);
    struct pawl_lease first = f->lease;
    f->store = usual;
    redis_server_stop(&servers[0], SIGKILL);
    enum pawl_outcome outcome = PAWL_COMMIT_NOTHING;
    for (int i = 0; i < 600 && outcome == PAWL_COMMIT_NOTHING; i++) {
        outcome = t_try(f, 2);
        usleep(50000);
    }
    assert_int_equal(outcome, PAWL_COMMIT_DONE);
    assert_string_equal(t_log(f, f->lease.shard, 0), "1=x 2=x ");
    assert_ok(f, usual->ops->release(usual, &f->lease, &f->error));
    fixture_lease(f);
    assert_true(f->lease.epoch > first.epoch && first.epoch > 1700000000000);
    // The one of before comes back, and takes itself for a master still: nobody is led to it.
    redis_server_start(&servers[0]);
    pawl__redis_drop(&((struct pawl_redis *)usual)->writer);
    assert_int_equal(t_try(f, 3), PAWL_COMMIT_DONE);
    assert_string_equal(t_log(f, f->lease.shard, 0), "1=x 2=x 3=x ");
    usual->ops->close(usual);
    waits->ops->close(waits);
}

int main(void) {
    static char port[12];
    static const char *flags[] = {"--replicaof", "127.0.0.1", port, NULL};
    if (!redis_server_exists()) {
        printf("there is no redis-server: skipped\n");
        return 77;
    }
    signal(SIGPIPE, SIG_IGN);
    redis_server_prepare(&servers[0]);
    redis_server_start(&servers[0]);
    redis_server_prepare(&servers[1]);
    snprintf(port, sizeof port, "%d", servers[0].port);
    servers[1].flags = flags;
    redis_server_start(&servers[1]);
    redis_await(servers[0].port, "WAIT 1 20000", "1");
    start_sentinel();
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {T(test_opening), T(test_failover)};
    int failed = cmocka_run_group_tests_name("redis with sentinels", tests, NULL, NULL);
    redis_server_end(&sentinel);
    for (int i = 0; i < 2; i++) redis_server_end(&servers[i]);
    return failed;
}
