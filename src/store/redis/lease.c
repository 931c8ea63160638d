// Shards of apps, and who holds them.

#include "store/redis/internal.h"

#include <stdlib.h>

#include "base/clock.h"

static int64_t lease_milliseconds(int64_t ttl) {
    return ttl <= 0 ? 0 : ttl / PAWL_MILLISECOND + (ttl % PAWL_MILLISECOND != 0);
}

static enum pawl_err lease_odd(const struct pawl_redis *store, redisReply *reply,
                               struct pawl_error *error) {
    freeReplyObject(reply);
    return pawl__fail(error, PAWL_E_CORRUPT, "%s: the keys %s* are not those of a Pawl",
                      store->name, store->prefix);
}

static enum pawl_err lease_newer(const struct pawl_redis *store, redisReply *reply,
                                 struct pawl_str format, struct pawl_error *error) {
    enum pawl_err err = pawl__fail(
        error, PAWL_E_FORMAT,
        "%s: the keys %s* are of format %.*s, and this Pawl writes format " PAWL_REDIS_FORMAT
        ": a newer one made them; update this one",
        store->name, store->prefix, PAWL_FMT(format));
    freeReplyObject(reply);
    return err;
}

enum pawl_err pawl__redis_shards(struct pawl_store *base, struct pawl_str app, uint32_t wanted,
                                 uint32_t *count, struct pawl_error *error) {
    struct pawl_redis *store = (struct pawl_redis *)base;
    struct pawl_redis_args args = {0};
    redisReply *reply;
    bool sent;
    pawl__redis_call(&args, store, PAWL_REDIS_SHARDS);
    pawl__redis_add(&args, app);
    pawl__redis_add_uint(&args, wanted ? wanted : 1);
    pawl__redis_add(&args, PAWL_STR(PAWL_REDIS_FORMAT));
    enum pawl_err err =
        pawl__redis_run(store, &store->writer, PAWL_REDIS_SHARDS, &args, &reply, &sent, error);
    pawl__redis_args_finish(&args);
    if (err) return err;
    if (reply->type != REDIS_REPLY_ARRAY || reply->elements != 2)
        return lease_odd(store, reply, error);
    struct pawl_str format = pawl__redis_str(reply->element[0]);
    static const uint64_t ours = PAWL_REDIS_FORMAT[0] - '0';
    // What an earlier Pawl has made is raised when a shard is leased.
    if (pawl__redis_uint(reply->element[0]) > ours) return lease_newer(store, reply, format, error);
    *count = (uint32_t)pawl__redis_uint(reply->element[1]);
    if (!*count) return lease_odd(store, reply, error);
    freeReplyObject(reply);
    return PAWL_OK;
}

enum pawl_err pawl__redis_lease(struct pawl_store *base, struct pawl_str app, uint32_t number,
                                struct pawl_str owner, int64_t ttl, struct pawl_lease *lease,
                                struct pawl_error *error) {
    struct pawl_redis *store = (struct pawl_redis *)base;
    struct pawl_redis_held *held = malloc(sizeof *held);
    if (!held) return pawl__fail_plain(error, PAWL_E_NOMEM);
    struct pawl_redis_args args = {0};
    redisReply *reply;
    bool sent;
    pawl__redis_call(&args, store, PAWL_REDIS_LEASE);
    pawl__redis_add(&args, app);
    pawl__redis_add_uint(&args, number);
    pawl__redis_add(&args, owner);
    pawl__redis_add_int(&args, lease_milliseconds(ttl));
    pawl__redis_add(&args, PAWL_STR(PAWL_REDIS_FORMAT));
    pawl__redis_add_int(&args, store->options.kind != PAWL_REDIS_NODE);
    enum pawl_err err =
        pawl__redis_run(store, &store->writer, PAWL_REDIS_LEASE, &args, &reply, &sent, error);
    pawl__redis_args_finish(&args);
    if (err) {
        free(held);
        return err;
    }
    if (reply->type != REDIS_REPLY_ARRAY || reply->elements < 2) {
        free(held);
        return lease_odd(store, reply, error);
    }
    if (pawl__str_equal(pawl__redis_str(reply->element[0]), PAWL_STR("format"))) {
        free(held);
        return lease_newer(store, reply, pawl__redis_str(reply->element[1]), error);
    }
    if (reply->elements == 2) {
        err = pawl__fail(error, PAWL_E_HELD, "shard %u of %.*s is held by %.*s", number,
                         PAWL_FMT(app), PAWL_FMT(pawl__redis_str(reply->element[1])));
        free(held);
    } else {
        *lease = (struct pawl_lease){pawl__redis_uint(reply->element[1]),
                                     pawl__redis_uint(reply->element[2]),
                                     pawl__redis_uint(reply->element[3])};
        *held = (struct pawl_redis_held){*lease, store->held};
        store->held = held;
        bool ordered = reply->elements > 4 && pawl__redis_uint(reply->element[4]);
        if (!ordered) err = pawl__redis_order(store, lease, lease_milliseconds(ttl), error);
        if (err) pawl__redis_release(base, lease, NULL);
    }
    freeReplyObject(reply);
    return err;
}

enum pawl_err pawl__redis_renew(struct pawl_store *base, struct pawl_renewal *renewals,
                                size_t count, int64_t ttl, struct pawl_error *error) {
    struct pawl_redis *store = (struct pawl_redis *)base;
    struct pawl_redis_args args = {0};
    redisReply *reply;
    bool sent;
    pawl__redis_call(&args, store, PAWL_REDIS_RENEW);
    pawl__redis_add_int(&args, lease_milliseconds(ttl));
    for (size_t i = 0; i < count; i++) {
        pawl__redis_add_uint(&args, renewals[i].lease->shard);
        pawl__redis_add_uint(&args, renewals[i].lease->epoch);
    }
    enum pawl_err err =
        pawl__redis_run(store, &store->writer, PAWL_REDIS_RENEW, &args, &reply, &sent, error);
    pawl__redis_args_finish(&args);
    if (err) return err;
    if (reply->type != REDIS_REPLY_ARRAY || reply->elements != count)
        return lease_odd(store, reply, error);
    for (size_t i = 0; i < count; i++) renewals[i].lost = pawl__redis_uint(reply->element[i]) != 0;
    freeReplyObject(reply);
    return PAWL_OK;
}

static void lease_forget(struct pawl_redis *store, const struct pawl_lease *lease) {
    for (struct pawl_redis_held **at = &store->held; *at; at = &(*at)->next) {
        struct pawl_redis_held *held = *at;
        if (held->lease.shard != lease->shard || held->lease.epoch != lease->epoch) continue;
        *at = held->next;
        free(held);
        return;
    }
}

enum pawl_err pawl__redis_release(struct pawl_store *base, const struct pawl_lease *lease,
                                  struct pawl_error *error) {
    struct pawl_redis *store = (struct pawl_redis *)base;
    struct pawl_redis_args args = {0};
    redisReply *reply;
    bool sent;
    pawl__redis_call(&args, store, PAWL_REDIS_RELEASE);
    pawl__redis_add_uint(&args, lease->shard);
    pawl__redis_add_uint(&args, lease->epoch);
    enum pawl_err err =
        pawl__redis_run(store, &store->writer, PAWL_REDIS_RELEASE, &args, &reply, &sent, error);
    pawl__redis_args_finish(&args);
    if (err) return err;
    freeReplyObject(reply);
    lease_forget(store, lease);
    return PAWL_OK;
}

// A server that is not there is not asked for each lease: they end by themselves.
void pawl__redis_let_go(struct pawl_redis *store) {
    struct pawl_error ignored;
    enum pawl_err err = PAWL_OK;
    while (store->held) {
        struct pawl_lease lease = store->held->lease;
        if (!err) err = pawl__redis_release(&store->base, &lease, &ignored);
        if (err) lease_forget(store, &lease);
    }
}

static int lease_compare(const void *a, const void *b) {
    uint32_t left = ((const struct pawl_holder *)a)->number;
    uint32_t right = ((const struct pawl_holder *)b)->number;
    return (left > right) - (left < right);
}

enum pawl_err pawl__redis_holders(struct pawl_store *base, struct pawl_str app,
                                  struct pawl_arena *arena, struct pawl_holder **holders,
                                  size_t *count, struct pawl_error *error) {
    struct pawl_redis *store = (struct pawl_redis *)base;
    struct pawl_redis_args args = {0};
    redisReply *reply;
    pawl__redis_call(&args, store, PAWL_REDIS_HOLDERS);
    pawl__redis_add(&args, app);
    enum pawl_err err = pawl__redis_run_read(store, PAWL_REDIS_HOLDERS, &args, &reply, error);
    pawl__redis_args_finish(&args);
    if (err) return err;
    *count = 0;
    *holders = pawl__arena_alloc(arena, (reply->elements + 1) * sizeof **holders);
    for (size_t i = 0; *holders && i < reply->elements; i++) {
        const redisReply *one = reply->element[i];
        struct pawl_str owner = pawl__redis_str(one->element[4]);
        (*holders)[(*count)++] = (struct pawl_holder){
            .number = (uint32_t)pawl__redis_uint(one->element[0]),
            .shard = pawl__redis_uint(one->element[1]),
            .epoch = pawl__redis_uint(one->element[2]),
            .held = pawl__redis_uint(one->element[3]) != 0,
            .owner = {pawl__arena_dup(arena, owner), owner.len},
        };
    }
    freeReplyObject(reply);
    if (!*holders || arena->failed) return pawl__fail_plain(error, PAWL_E_NOMEM);
    qsort(*holders, *count, sizeof **holders, lease_compare);
    return PAWL_OK;
}
