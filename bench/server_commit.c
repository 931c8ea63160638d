// How many commits a second the store makes on a server, against the least that such a server asks
// for: a fenced write of the same bytes, by one client in C.
//
//     server_commit postgres CONNINFO [seconds a measurement]
//     server_commit redis HOST:PORT [seconds a measurement]
//
// Both take turns in short rounds, so that what else the machine does hits them alike. A fenced
// write is, on PostgreSQL, one prepared INSERT of a row if the epoch of another, which it locks, is
// as expected, into a table of the same shape as the store's; on Redis a script that does the same
// with two hashes. Both remove what they wrote in the same way, once in TRIM_EVERY writes.

#include <hiredis/hiredis.h>
#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "store/postgres/postgres.h"
#include "store/redis/redis.h"

#define ROUNDS     50
#define TRIM_EVERY 1000

static void check(bool ok, const char *what) {
    if (ok) return;
    fprintf(stderr, "%s\n", what);
    exit(1);
}

// --- the least -----------------------------------------------------------------------------------

struct bare {
    PGconn *pg;
    redisContext *redis;
    char script[41];
    long long position;
};

static void bare_sql(PGconn *pg, const char *sql) {
    PGresult *result = PQexec(pg, sql);
    check(PQresultStatus(result) == PGRES_COMMAND_OK, PQerrorMessage(pg));
    PQclear(result);
}

static void bare_postgres(struct bare *bare, const char *conninfo) {
    bare->pg = PQconnectdb(conninfo);
    check(PQstatus(bare->pg) == CONNECTION_OK, PQerrorMessage(bare->pg));
    bare_sql(bare->pg, "SET client_min_messages = error");
    bare_sql(bare->pg, "DROP TABLE IF EXISTS bench_log, bench_shard");
    bare_sql(bare->pg, "CREATE TABLE bench_shard(shard bigint PRIMARY KEY, epoch bigint)");
    bare_sql(bare->pg, "CREATE TABLE bench_log(LIKE pawl_log INCLUDING ALL)");
    bare_sql(bare->pg, "ALTER TABLE bench_log SET (toast_tuple_target = 4080)");
    bare_sql(bare->pg, "INSERT INTO bench_shard VALUES (1, 1)");
    PGresult *result = PQprepare(bare->pg, "write",
                                 "INSERT INTO bench_log SELECT shard, $2, $3 FROM bench_shard "
                                 "WHERE shard = 1 AND epoch = $1 FOR NO KEY UPDATE",
                                 3, (Oid[]){20, 20, 17});
    check(PQresultStatus(result) == PGRES_COMMAND_OK, PQerrorMessage(bare->pg));
    PQclear(result);
}

static void bare_redis(struct bare *bare, const char *host, int port) {
    bare->redis = redisConnect(host, port);
    check(bare->redis && !bare->redis->err, "cannot connect to Redis");
    freeReplyObject(redisCommand(bare->redis, "DEL bench:shard bench:log"));
    freeReplyObject(redisCommand(bare->redis, "HSET bench:shard epoch 1"));
    redisReply *reply =
        redisCommand(bare->redis, "SCRIPT LOAD %s",
                     "if redis.call('HGET', KEYS[1], 'epoch') ~= ARGV[1] then return 0 end\n"
                     "redis.call('HSET', KEYS[2], ARGV[2], ARGV[3])\n"
                     "redis.call('HSET', KEYS[1], 'last', ARGV[2])\n"
                     "return 1\n");
    check(reply && reply->type == REDIS_REPLY_STRING, "Redis takes no scripts");
    snprintf(bare->script, sizeof bare->script, "%s", reply->str);
    freeReplyObject(reply);
}

static void bare_write(struct bare *bare, const char *bytes, size_t size) {
    char position[24];
    int len = snprintf(position, sizeof position, "%lld", ++bare->position);
    if (bare->pg) {
        const char *values[] = {"1", position, bytes};
        PGresult *result = PQexecPrepared(bare->pg, "write", 3, values, (int[]){1, len, (int)size},
                                          (int[]){0, 0, 1}, 1);
        check(*PQcmdTuples(result) == '1', PQerrorMessage(bare->pg));
        PQclear(result);
        if (bare->position % TRIM_EVERY == 0) bare_sql(bare->pg, "DELETE FROM bench_log");
    } else {
        redisReply *reply = redisCommand(bare->redis, "EVALSHA %s 2 bench:shard bench:log 1 %s %b",
                                         bare->script, position, bytes, size);
        check(reply && reply->type == REDIS_REPLY_INTEGER && reply->integer == 1, "not written");
        freeReplyObject(reply);
        if (bare->position % TRIM_EVERY == 0)
            freeReplyObject(redisCommand(bare->redis, "DEL bench:log"));
    }
}

// --- the store -----------------------------------------------------------------------------------

static void store_write(struct pawl_store *store, struct pawl_lease *lease, const char *bytes,
                        size_t size) {
    struct pawl_error error = {0};
    struct pawl_batch batch = {lease->position + 1, {bytes, size}};
    struct pawl_part part = {.lease = lease, .batch = &batch};
    struct pawl_commit commit = {.parts = &part};
    if (batch.position % TRIM_EVERY == 0) part.trim_to = lease->position;
    if (store->ops->commit(store, &commit, &error) != PAWL_COMMIT_DONE) check(false, error.text);
    if (part.result.code) check(false, part.result.text);
    lease->position++;
}

static void measure(struct bare *bare, struct pawl_store *store, size_t size, double seconds) {
    struct pawl_error error = {0};
    struct pawl_lease lease;
    double spent[2] = {0}, counts[2] = {0};
    char *bytes = malloc(size);
    check(bytes, "out of memory");
    pawl__random(bytes, size);
    if (store->ops->lease(store, PAWL_STR("bench"), (uint32_t)size, PAWL_STR("bench"), 0, &lease,
                          &error))
        check(false, error.text);
    for (int i = 0; i < 2 * ROUNDS; i++) {
        int64_t begin = pawl__clock_steady(), now = begin;
        while ((double)(now - begin) < seconds * 1e9 / ROUNDS) {
            if (i % 2)
                store_write(store, &lease, bytes, size);
            else
                bare_write(bare, bytes, size);
            counts[i % 2]++;
            now = pawl__clock_steady();
        }
        spent[i % 2] += (double)(now - begin) / 1e9;
    }
    double rates[2] = {counts[0] / spent[0], counts[1] / spent[1]};
    printf("%6zu B  bare server %6.0f/s | store %6.0f/s (%3.0f %%)\n", size, rates[0], rates[1],
           100 * rates[1] / rates[0]);
    fflush(stdout);
    store->ops->release(store, &lease, &error);
    free(bytes);
}

int main(int argc, char **argv) {
    static const size_t sizes[] = {512, 4096, 20480};
    struct bare bare = {0};
    struct pawl_store *store;
    struct pawl_error error = {0};
    enum pawl_err err;
    check(argc > 2, "server_commit postgres CONNINFO | redis HOST:PORT [seconds a measurement]");
    double seconds = argc > 3 ? atof(argv[3]) : 10;
    if (strcmp(argv[1], "postgres") == 0) {
        const struct pawl_postgres_options options = {.type = "state.postgresql",
                                                      .connection = argv[2],
                                                      .state_table = "state",
                                                      .metadata_table = "dapr_metadata",
                                                      .workflows = true};
        err = pawl__postgres_open(&options, &store, &error);
        if (!err) bare_postgres(&bare, argv[2]);
    } else {
        char host[256] = "localhost";
        int port = 6379;
        sscanf(argv[2], "%255[^:]:%d", host, &port);
        bare_redis(&bare, host, port);
        const struct pawl_redis_options options = {.host = host, .port = port};
        err = pawl__redis_open(&options, &store, &error);
    }
    if (err) check(false, error.text);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        measure(&bare, store, sizes[i], seconds);
    store->ops->close(store);
    if (bare.pg) PQfinish(bare.pg);
    if (bare.redis) redisFree(bare.redis);
    return 0;
}
