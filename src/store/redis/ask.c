// Asking the server: over a connection that is there or is made, and of a cluster from node to
// node.

#include "store/redis/cluster.h"

enum {
    ASK_MOVES = 5 // that a command is sent on, from node to node
};

// One command; |*moved|: a node of a cluster has sent us to another.
static enum pawl_err ask_once(struct pawl_redis *store, struct pawl_redis_link *link,
                              const struct pawl_redis_args *args, redisReply **reply, bool *sent,
                              bool *moved, struct pawl_error *error) {
    *reply = NULL;
    *sent = *moved = false;
    // Nothing is sent into a connection that the server has closed while nobody looked: it would
    // not be known what became of it.
    if (link->context && pawl__redis_is_dead(link)) pawl__redis_drop(link);
    enum pawl_err err = pawl__redis_connect(store, link, error);
    if (err) return err;
    *sent = true;
    *reply = pawl__redis_call_link(link, args->count, args->words, args->lens);
    if (!*reply) {
        err = pawl__fail(error, PAWL_E_UNAVAILABLE, "the connection to %s was lost: %s", link->name,
                         link->why);
        pawl__redis_drop(link);
        return err;
    }
    if ((*reply)->type != REDIS_REPLY_ERROR) return PAWL_OK;
    err = pawl__redis_fail(link, *reply, error);
    *sent = err == PAWL_E_IO;
    struct pawl_str text = {(*reply)->str, (size_t)(*reply)->len};
    *moved = store->cluster && pawl__str_starts(text, PAWL_STR("MOVED "));
    if (*moved) pawl__redis_cluster_moved(store->cluster, text, &link->at);
    if (err == PAWL_E_UNAVAILABLE) pawl__redis_drop(link); // perhaps another server is master now
    freeReplyObject(*reply);
    *reply = NULL;
    return err;
}

enum pawl_err pawl__redis_ask(struct pawl_redis *store, struct pawl_redis_link *link,
                              const struct pawl_redis_args *args, redisReply **reply, bool *sent,
                              struct pawl_error *error) {
    bool moved = true;
    enum pawl_err err = PAWL_OK;
    *reply = NULL;
    *sent = false;
    if (args->failed) return pawl__fail_plain(error, PAWL_E_NOMEM);
    for (int i = 0; moved && i < ASK_MOVES; i++)
        err = ask_once(store, link, args, reply, sent, &moved, error);
    return err;
}

enum pawl_err pawl__redis_read_at(struct pawl_redis *store, struct pawl_redis_link *link,
                                  const struct pawl_redis_args *args, redisReply **reply,
                                  struct pawl_error *error) {
    bool sent;
    enum pawl_err err = pawl__redis_ask(store, link, args, reply, &sent, error);
    if (err == PAWL_E_UNAVAILABLE && sent)
        err = pawl__redis_ask(store, link, args, reply, &sent, error);
    return err;
}

enum pawl_err pawl__redis_read(struct pawl_redis *store, const struct pawl_redis_args *args,
                               redisReply **reply, struct pawl_error *error) {
    return pawl__redis_read_at(store, &store->reader, args, reply, error);
}
