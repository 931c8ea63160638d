// Opening, closing, and what the server promises.

#include <stdlib.h>

#include "base/clock.h"
#include "store/redis/cluster.h"
#include "store/redis/tls.h"
#include "store/row.h"

#define REDIS_SCOPE "pawl.store.redis"

static void redis_close(struct pawl_store *base) {
    struct pawl_redis *store = (struct pawl_redis *)base;
    if (!store) return;
    pawl__redis_let_go(store);
    pawl__redis_leave(store);
    pawl__redis_drop(&store->writer);
    pawl__redis_drop(&store->reader);
    pawl__redis_cluster_destroy(store->cluster);
    pawl__redis_tls_destroy(store->tls);
    free(store->texts);
    free(store);
}

// Keys of the user's end by themselves.
static enum pawl_err redis_tend(struct pawl_store *base, struct pawl_error *error) {
    return PAWL_OK;
}

static const struct pawl_store_ops redis_ops = {
    .close = redis_close,
    .shards = pawl__redis_shards,
    .lease = pawl__redis_lease,
    .renew = pawl__redis_renew,
    .release = pawl__redis_release,
    .commit = pawl__redis_commit,
    .put_member = pawl__redis_put_member,
    .remove_member = pawl__redis_remove_member,
    .tend = redis_tend,
    .holders = pawl__redis_holders,
    .members = pawl__redis_members,
    .read_log = pawl__redis_read_log,
    .read_mail = pawl__redis_read_mail,
    .load = pawl__redis_load,
    .load_many = pawl__redis_load_many,
    .scan_live = pawl__redis_scan_live,
    .query = pawl__redis_query,
    .count = pawl__redis_count,
    .get_state = pawl__redis_get_state,
};

// --- what the server promises -------------------------------------------------------------------

// The value of a parameter in |out|; empty when the server does not tell.
static enum pawl_err redis_parameter(struct pawl_redis *store, struct pawl_redis_link *link,
                                     const char *name, char out[64], struct pawl_error *error) {
    struct pawl_redis_args args = {0};
    redisReply *reply;
    *out = 0;
    pawl__redis_add(&args, PAWL_STR("CONFIG"));
    pawl__redis_add(&args, PAWL_STR("GET"));
    pawl__redis_add(&args, pawl__str(name));
    enum pawl_err err = pawl__redis_read_at(store, link, &args, &reply, error);
    pawl__redis_args_finish(&args);
    if (err) return err == PAWL_E_IO || err == PAWL_E_DENIED ? PAWL_OK : err; // CONFIG may be shut
    if (reply->elements == 2)
        snprintf(out, 64, "%.*s", PAWL_FMT(pawl__redis_str(reply->element[1])));
    freeReplyObject(reply);
    return PAWL_OK;
}

static void redis_tell_durability(const struct pawl_redis *store, const char *appendonly,
                                  const char *fsync) {
    const struct pawl_log *log = store->options.log;
    if (!log) return;
    if (!*appendonly)
        pawl__log(
            log, PAWL_LOG_WARN, REDIS_SCOPE,
            "%s does not tell whether it writes a log: what a crash of the server can lose is "
            "not known",
            store->name);
    else if (strcmp(appendonly, "yes") != 0)
        pawl__log(
            log, PAWL_LOG_WARN, REDIS_SCOPE,
            "%s writes no log, only a file now and then: a crash of the server can lose an hour; "
            "set appendonly yes and appendfsync always",
            store->name);
    else if (strcmp(fsync, "always") != 0)
        pawl__log(
            log, PAWL_LOG_WARN, REDIS_SCOPE,
            "%s writes its log %s: a crash of the server can lose the last %s; set appendfsync "
            "always",
            store->name, strcmp(fsync, "no") == 0 ? "when the system likes" : "once a second",
            strcmp(fsync, "no") == 0 ? "half minute" : "second");
    else
        pawl__log(log, PAWL_LOG_INFO, REDIS_SCOPE,
                  "%s writes each commit to its log: a crash of the server loses nothing",
                  store->name);
}

// Whether the server of |link| keeps what it is given.
static enum pawl_err redis_look(struct pawl_redis *store, struct pawl_redis_link *link,
                                struct pawl_error *error) {
    char memory[64], policy[64], cluster[64];
    enum pawl_err err = redis_parameter(store, link, "maxmemory", memory, error);
    if (!err) err = redis_parameter(store, link, "maxmemory-policy", policy, error);
    if (!err) err = redis_parameter(store, link, "cluster-enabled", cluster, error);
    if (err) return err;
    if (!store->cluster && strcmp(cluster, "yes") == 0)
        return pawl__fail(error, PAWL_E_INVALID,
                          "%s is a node of a cluster; set redisType to cluster", link->name);
    bool bounded = *memory && strcmp(memory, "0") != 0;
    if (bounded && *policy && strcmp(policy, "noeviction") != 0 && !store->options.allow_eviction)
        return pawl__fail(
            error, PAWL_E_INVALID,
            "%s drops keys when its memory is full (maxmemory-policy %s): workflows and "
            "state would be lost; set maxmemory-policy noeviction, or allowEviction: "
            "\"true\" if that is meant",
            link->name, policy);
    return PAWL_OK;
}

// Every master of a cluster has some of the user's keys.
static enum pawl_err redis_look_at_all(struct pawl_redis *store, struct pawl_error *error) {
    struct pawl_redis_cluster *cluster = store->cluster;
    bool seen[PAWL_REDIS_NODES] = {0};
    enum pawl_err err = PAWL_OK;
    for (unsigned slot = 0; !err && slot < PAWL_REDIS_SLOTS; slot++) {
        uint8_t index = cluster->owner[slot];
        if (index == UINT8_MAX || seen[index]) continue;
        seen[index] = true;
        cluster->writers[index].slot = slot;
        err = redis_look(store, &cluster->writers[index], error);
    }
    return err;
}

static enum pawl_err redis_tell(struct pawl_redis *store, struct pawl_error *error) {
    char appendonly[64], fsync[64];
    enum pawl_err err = redis_parameter(store, &store->writer, "appendonly", appendonly, error);
    if (!err) err = redis_parameter(store, &store->writer, "appendfsync", fsync, error);
    if (err) return err;
    redis_tell_durability(store, appendonly, fsync);
    if (store->options.kind != PAWL_REDIS_NODE && !store->options.wait_replicas &&
        store->options.log)
        pawl__log(store->options.log, PAWL_LOG_WARN, REDIS_SCOPE,
                  "%s: a failover can lose what the replica had not got yet; set waitReplicas to "
                  "\"1\" to wait for it with each commit",
                  store->name);
    return PAWL_OK;
}

// --- opening ------------------------------------------------------------------------------------

// Keeps |text|, or nothing for NULL, at |*at|, which moves on.
static const char *redis_keep(char **at, const char *text) {
    char *kept = *at;
    *at = stpcpy(kept, text ? text : "") + 1;
    return kept;
}

static size_t redis_size(const char *text) {
    return (text ? strlen(text) : 0) + 1;
}

// Copies the texts of |given|.
static bool redis_keep_options(struct pawl_redis *store, const struct pawl_redis_options *given) {
    struct pawl_redis_options *options = &store->options;
    *options = *given;
    options->client_key = NULL; // the caller's; and of the other only whether there is one
    if (given->client_cert) options->client_cert = "";
    char *at = store->texts =
        malloc(redis_size(given->username) + redis_size(given->password) +
               redis_size(given->master) + redis_size(given->sentinel_username) +
               redis_size(given->sentinel_password) + redis_size(given->app) + sizeof "{pawl:}:");
    if (!at) return false;
    options->username = redis_keep(&at, given->username);
    options->password = redis_keep(&at, given->password);
    options->master = redis_keep(&at, given->master);
    options->sentinel_username = redis_keep(&at, given->sentinel_username);
    options->sentinel_password = redis_keep(&at, given->sentinel_password);
    store->prefix = at; // with a hash tag that is never empty
    if (given->kind == PAWL_REDIS_CLUSTER)
        sprintf(at, "{pawl:%s}:", given->app ? given->app : "");
    else
        strcpy(at, "pawl:");
    if (options->dial_timeout <= 0) options->dial_timeout = 5 * PAWL_SECOND;
    if (!options->timeout) options->timeout = 3 * PAWL_SECOND;
    return true;
}

static void redis_keep_addresses(struct pawl_redis *store, const struct pawl_redis_options *given) {
    struct pawl_redis_address *first = &store->seeds[store->seed_count++];
    snprintf(first->host, sizeof first->host, "%s",
             given->host && *given->host ? given->host : "localhost");
    first->port = given->port ? given->port : 6379;
    for (size_t i = 0; i < given->more_count && store->seed_count < PAWL_REDIS_SEEDS; i++)
        store->seeds[store->seed_count++] = given->more[i];
    static const char *const kinds[] = {"Redis at", "Redis of the sentinels at",
                                        "the Redis cluster at"};
    snprintf(store->name, sizeof store->name, "%s %s:%d", kinds[given->kind], first->host,
             first->port);
}

static enum pawl_err redis_begin(struct pawl_redis *store, const struct pawl_redis_options *options,
                                 struct pawl_error *error) {
    enum pawl_err err = PAWL_OK;
    if (!redis_keep_options(store, options)) return pawl__fail_plain(error, PAWL_E_NOMEM);
    redis_keep_addresses(store, options);
    if (options->kind == PAWL_REDIS_CLUSTER) {
        store->cluster = pawl__redis_cluster_create(pawl__str(store->prefix));
        if (!store->cluster) return pawl__fail_plain(error, PAWL_E_NOMEM);
        store->writer.slot = store->reader.slot = store->cluster->home;
    }
    if (options->tls)
        err = pawl__redis_tls_create(options->client_cert, options->client_key, options->insecure,
                                     &store->tls, error);
    if (!err) err = pawl__redis_connect(store, &store->writer, error);
    if (!err)
        err = store->cluster ? redis_look_at_all(store, error)
                             : redis_look(store, &store->writer, error);
    if (!err) err = redis_tell(store, error);
    return err ? err : pawl__redis_load_scripts(store, error);
}

enum pawl_err pawl__redis_open(const struct pawl_redis_options *options, struct pawl_store **out,
                               struct pawl_error *error) {
    struct pawl_redis *store = calloc(1, sizeof *store);
    if (!store) return pawl__fail_plain(error, PAWL_E_NOMEM);
    store->base = (struct pawl_store){
        .ops = &redis_ops,
        .type = "state.redis",
        .caps = {.may_block = true, .expires = true, .shared = true, .row_max = PAWL_ROW_MAX},
    };
    enum pawl_err err = redis_begin(store, options, error);
    if (err) {
        redis_close(&store->base);
        return err;
    }
    *out = &store->base;
    return PAWL_OK;
}
