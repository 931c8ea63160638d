// Commands, and what the server's errors mean.

#include <stdlib.h>

#include "store/redis/cluster.h"

enum {
    ASK_MOVES = 5 // that a command is sent on, from node to node
};

// --- words --------------------------------------------------------------------------------------

void pawl__redis_add(struct pawl_redis_args *args, struct pawl_str word) {
    if (args->count == args->cap) {
        size_t cap = args->cap ? 2 * args->cap : 32;
        const char **words = realloc(args->words, cap * sizeof *words);
        if (words) args->words = words;
        size_t *lens = words ? realloc(args->lens, cap * sizeof *lens) : NULL;
        if (lens) args->lens = lens;
        if (!lens) {
            args->failed = true;
            return;
        }
        args->cap = cap;
    }
    args->words[args->count] = word.data ? word.data : "";
    args->lens[args->count++] = word.len;
}

static void args_add_text(struct pawl_redis_args *args, char *text) {
    if (!text) args->failed = true;
    pawl__redis_add(args, pawl__str(text));
}

void pawl__redis_add_uint(struct pawl_redis_args *args, uint64_t number) {
    args_add_text(args, pawl__arena_format(&args->arena, "%llu", (unsigned long long)number));
}

void pawl__redis_add_int(struct pawl_redis_args *args, int64_t number) {
    args_add_text(args, pawl__arena_format(&args->arena, "%lld", (long long)number));
}

void pawl__redis_args_finish(struct pawl_redis_args *args) {
    free(args->words);
    free(args->lens);
    pawl__arena_finish(&args->arena);
    *args = (struct pawl_redis_args){0};
}

uint64_t pawl__redis_uint(const redisReply *reply) {
    int64_t number = 0;
    if (reply->type == REDIS_REPLY_INTEGER) return (uint64_t)reply->integer;
    pawl__str_to_int(pawl__redis_str(reply), 0, INT64_MAX, &number);
    return (uint64_t)number;
}

// --- errors -------------------------------------------------------------------------------------

// By the first word of an answer that is an error. After none of these has anything been done: they
// come before the first change of a script.
static const struct link_error {
    const char *word;
    enum pawl_err code;
    const char *advice;
} link_errors[] = {
    {"NOSCRIPT", PAWL_E_NOT_FOUND, ""},
    {"OOM", PAWL_E_FULL, "; raise maxmemory, or remove keys"},
    {"MISCONF", PAWL_E_FULL, "; the server cannot write to its disk"},
    {"READONLY", PAWL_E_UNAVAILABLE, "; it is a replica now: connect to its master"},
    {"LOADING", PAWL_E_UNAVAILABLE, ""},
    {"BUSY", PAWL_E_UNAVAILABLE, ""},
    {"MASTERDOWN", PAWL_E_UNAVAILABLE, ""},
    {"NOREPLICAS", PAWL_E_UNAVAILABLE, ""},
    {"TRYAGAIN", PAWL_E_UNAVAILABLE, ""},
    {"CLUSTERDOWN", PAWL_E_UNAVAILABLE, ""},
    // While a slot is on its way to another node, some of its keys are here and some there. A call
    // of ours has a key that never exists, so that a script does not run on a part of them.
    {"ASK", PAWL_E_UNAVAILABLE, "; the slot is being moved to another node"},
    {"MOVED", PAWL_E_UNAVAILABLE, "; it is a node of a cluster: set redisType to cluster"},
    {"NOAUTH", PAWL_E_DENIED, "; set redisPassword"},
    {"WRONGPASS", PAWL_E_DENIED, "; check redisUsername and redisPassword"},
    {"NOPERM", PAWL_E_DENIED, "; the user needs a permission"},
};

enum pawl_err pawl__redis_fail(const struct pawl_redis_link *link, const redisReply *reply,
                               struct pawl_error *error) {
    struct pawl_str text = {reply->str, (size_t)reply->len};
    // A script's error is told with its own word in front of the one that it met.
    for (size_t i = 0; i < sizeof link_errors / sizeof *link_errors; i++) {
        const struct link_error *row = &link_errors[i];
        size_t len = strlen(row->word);
        bool fits = pawl__str_starts(text, pawl__str(row->word)) &&
                    (text.len == len || text.data[len] == ' ');
        if (fits)
            return pawl__fail(error, row->code, "%s: %.*s%s", link->name, PAWL_FMT(text),
                              row->advice);
    }
    return pawl__fail(error, PAWL_E_IO, "%s: %.*s", link->name, PAWL_FMT(text));
}

// --- asking -------------------------------------------------------------------------------------

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
