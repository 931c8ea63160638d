// Opening, closing, and what the server promises.

#include "store/redis/internal.h"

#include <stdlib.h>

#include "base/clock.h"
#include "store/checksum.h"
#include "store/redis/tls.h"

#define REDIS_SCOPE "pawl.store.redis"

static void redis_close(struct pawl_store *base) {
    struct pawl_redis *store = (struct pawl_redis *)base;
    if (!store) return;
    pawl__redis_deafen(store);
    pawl__redis_let_go(store);
    pawl__redis_leave(store);
    pawl__redis_drop(&store->writer);
    pawl__redis_drop(&store->reader);
    pawl__redis_tls_destroy(store->tls);
    free(store->texts);
    free(store);
}

// Keys of the user's end by themselves.
static enum pawl_err redis_tend(struct pawl_store *base, struct pawl_error *error) {
    (void)base;
    (void)error;
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
    .scan_live = pawl__redis_scan_live,
    .query = pawl__redis_query,
    .count = pawl__redis_count,
    .get_state = pawl__redis_get_state,
    .listen = pawl__redis_listen,
};

// --- what the server promises -------------------------------------------------------------------

// The value of a parameter in |out|; empty when the server does not tell.
static enum pawl_err redis_parameter(struct pawl_redis *store, const char *name, char out[64],
                                     struct pawl_error *error) {
    struct pawl_redis_args args = {0};
    redisReply *reply;
    *out = 0;
    pawl__redis_add(&args, PAWL_STR("CONFIG"));
    pawl__redis_add(&args, PAWL_STR("GET"));
    pawl__redis_add(&args, pawl__str(name));
    enum pawl_err err = pawl__redis_read(store, &args, &reply, error);
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

static enum pawl_err redis_look(struct pawl_redis *store, struct pawl_error *error) {
    char appendonly[64], fsync[64], memory[64], policy[64];
    enum pawl_err err = redis_parameter(store, "appendonly", appendonly, error);
    if (!err) err = redis_parameter(store, "appendfsync", fsync, error);
    if (!err) err = redis_parameter(store, "maxmemory", memory, error);
    if (!err) err = redis_parameter(store, "maxmemory-policy", policy, error);
    if (err) return err;
    bool bounded = *memory && strcmp(memory, "0") != 0;
    if (bounded && *policy && strcmp(policy, "noeviction") != 0 && !store->options.allow_eviction)
        return pawl__fail(
            error, PAWL_E_INVALID,
            "%s drops keys when its memory is full (maxmemory-policy %s): workflows and "
            "state would be lost; set maxmemory-policy noeviction, or allowEviction: "
            "\"true\" if that is meant",
            store->name, policy);
    redis_tell_durability(store, appendonly, fsync);
    return PAWL_OK;
}

// --- opening ------------------------------------------------------------------------------------

// Copies the texts of |given|.
static bool redis_keep_options(struct pawl_redis *store, const struct pawl_redis_options *given) {
    const char *host = given->host && *given->host ? given->host : "localhost";
    const char *user = given->username ? given->username : "";
    const char *password = given->password ? given->password : "";
    size_t lens[] = {strlen(host) + 1, strlen(user) + 1, strlen(password) + 1};
    store->options = *given;
    store->options.client_key = NULL; // the caller's; and of the other only whether there is one
    if (given->client_cert) store->options.client_cert = "";
    store->texts = malloc(lens[0] + lens[1] + lens[2]);
    if (!store->texts) return false;
    store->options.host = memcpy(store->texts, host, lens[0]);
    store->options.username = memcpy(store->texts + lens[0], user, lens[1]);
    store->options.password = memcpy(store->texts + lens[0] + lens[1], password, lens[2]);
    if (!store->options.port) store->options.port = 6379;
    if (store->options.dial_timeout <= 0) store->options.dial_timeout = 5 * PAWL_SECOND;
    if (!store->options.timeout) store->options.timeout = 3 * PAWL_SECOND;
    store->prefix = "pawl:";
    snprintf(store->name, sizeof store->name, "Redis at %s:%d", store->options.host,
             store->options.port);
    return true;
}

enum pawl_err pawl__redis_open(const struct pawl_redis_options *options, struct pawl_store **out,
                               struct pawl_error *error) {
    struct pawl_redis *store = calloc(1, sizeof *store);
    if (!store) return pawl__fail_plain(error, PAWL_E_NOMEM);
    enum pawl_err err =
        redis_keep_options(store, options) ? PAWL_OK : pawl__fail_plain(error, PAWL_E_NOMEM);
    store->base = (struct pawl_store){
        .ops = &redis_ops,
        .type = "state.redis",
        .caps = {.may_block = true,
                 .expires = true,
                 .notifies = true,
                 .shared = true,
                 .row_max = PAWL_ROW_MAX},
    };
    if (!err && options->tls)
        err = pawl__redis_tls_create(options->client_cert, options->client_key, options->insecure,
                                     &store->tls, error);
    if (!err) err = pawl__redis_connect(store, &store->writer, error);
    if (!err) err = redis_look(store, error);
    if (!err) err = pawl__redis_load_scripts(store, error);
    if (err) {
        redis_close(&store->base);
        return err;
    }
    *out = &store->base;
    return PAWL_OK;
}
