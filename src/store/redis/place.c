// Which server a connection leads to: the one that the component names, the one that sentinels
// call the master, or the one that has a slot of a cluster.

#include "store/redis/cluster.h"

// --- sentinels ----------------------------------------------------------------------------------

static enum pawl_err place_ask_sentinel(struct pawl_redis *store,
                                        const struct pawl_redis_address *sentinel,
                                        struct pawl_redis_address *at, struct pawl_error *error) {
    const char *words[] = {"SENTINEL", "GET-MASTER-ADDR-BY-NAME", store->options.master};
    struct pawl_redis_link link = {0};
    enum pawl_err err = pawl__redis_dial(store, &link, sentinel, true, error);
    if (err) return err;
    redisReply *reply = pawl__redis_call_link(&link, 3, words, NULL);
    struct pawl_str host = {0};
    if (!reply)
        err = pawl__fail(error, PAWL_E_UNAVAILABLE, "%s does not answer: %s", link.name, link.why);
    else if (reply->type == REDIS_REPLY_ERROR)
        err = pawl__redis_fail(&link, reply, error);
    else if (reply->type == REDIS_REPLY_ARRAY && reply->elements == 2)
        host = pawl__redis_str(reply->element[0]);
    else
        err = pawl__fail(error, PAWL_E_UNAVAILABLE,
                         "%s knows no master \"%s\"; correct sentinelMasterName", link.name,
                         store->options.master);
    if (!err && (!host.len || host.len >= sizeof at->host))
        err = pawl__fail(error, PAWL_E_IO, "%s tells no address", link.name);
    if (!err) {
        snprintf(at->host, sizeof at->host, "%.*s", PAWL_FMT(host));
        at->port = (int)pawl__redis_uint(reply->element[1]);
    }
    if (reply) freeReplyObject(reply);
    pawl__redis_drop(&link);
    return err;
}

static enum pawl_err place_ask_sentinels(struct pawl_redis *store, struct pawl_redis_address *at,
                                         struct pawl_error *error) {
    enum pawl_err err = PAWL_E_UNAVAILABLE;
    for (size_t i = 0; err && i < store->seed_count; i++)
        err = place_ask_sentinel(store, &store->seeds[i], at, error);
    return err;
}

// What sentinels call a master may not be one yet, or not any more.
static enum pawl_err place_check_master(struct pawl_redis_link *link, struct pawl_error *error) {
    const char *words[] = {"ROLE"};
    redisReply *reply = pawl__redis_call_link(link, 1, words, NULL);
    enum pawl_err err = PAWL_OK;
    if (!reply)
        return pawl__fail(error, PAWL_E_UNAVAILABLE, "%s does not answer: %s", link->name,
                          link->why);
    if (reply->type == REDIS_REPLY_ERROR)
        err = pawl__redis_fail(link, reply, error);
    else if (reply->type != REDIS_REPLY_ARRAY || !reply->elements ||
             !pawl__str_equal(pawl__redis_str(reply->element[0]), PAWL_STR("master")))
        err = pawl__fail(error, PAWL_E_UNAVAILABLE,
                         "%s is a replica, though the sentinels call it the master: a failover is "
                         "under way",
                         link->name);
    freeReplyObject(reply);
    return err;
}

// --- connecting ---------------------------------------------------------------------------------

static enum pawl_err place_find(struct pawl_redis *store, const struct pawl_redis_link *link,
                                struct pawl_redis_address *at, struct pawl_error *error) {
    switch (store->options.kind) {
    case PAWL_REDIS_CLUSTER: return pawl__redis_cluster_find(store, link->slot, at, error);
    case PAWL_REDIS_SENTINEL: return place_ask_sentinels(store, at, error);
    case PAWL_REDIS_NODE: break;
    }
    *at = store->seeds[0];
    return PAWL_OK;
}

static enum pawl_err place_connect(struct pawl_redis *store, struct pawl_redis_link *link,
                                   struct pawl_error *error) {
    struct pawl_redis_address at;
    enum pawl_err err = place_find(store, link, &at, error);
    if (err) return err;
    if (link->context && pawl__redis_same_place(&link->at, &at)) return PAWL_OK;
    pawl__redis_drop(link);
    err = pawl__redis_dial(store, link, &at, false, error);
    if (!err && store->options.kind == PAWL_REDIS_SENTINEL) err = place_check_master(link, error);
    if (err) pawl__redis_drop(link);
    return err;
}

enum pawl_err pawl__redis_connect(struct pawl_redis *store, struct pawl_redis_link *link,
                                  struct pawl_error *error) {
    bool in_cluster = store->options.kind == PAWL_REDIS_CLUSTER;
    if (link->context && !in_cluster) return PAWL_OK;
    enum pawl_err err = place_connect(store, link, error);
    if (err != PAWL_E_UNAVAILABLE || !in_cluster) return err;
    pawl__redis_cluster_doubt(store->cluster); // the slots of a node that is gone have moved
    return place_connect(store, link, error);
}
