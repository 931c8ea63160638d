// The daemons of an app.

#include "store/redis/internal.h"

#include <stdlib.h>

#include "base/clock.h"

static bool member_is(const struct pawl_redis_joined *joined, struct pawl_str app,
                      struct pawl_str id) {
    return pawl__str_equal((struct pawl_str){joined->app, joined->app_len}, app) &&
           pawl__str_equal((struct pawl_str){joined->id, joined->id_len}, id);
}

static void member_forget(struct pawl_redis *store, struct pawl_str app, struct pawl_str id) {
    for (struct pawl_redis_joined **at = &store->joined; *at; at = &(*at)->next) {
        struct pawl_redis_joined *joined = *at;
        if (!member_is(joined, app, id)) continue;
        *at = joined->next;
        free(joined->app);
        free(joined->id);
        free(joined);
        return;
    }
}

static bool member_note(struct pawl_redis *store, struct pawl_str app, struct pawl_str id) {
    for (struct pawl_redis_joined *at = store->joined; at; at = at->next)
        if (member_is(at, app, id)) return true;
    struct pawl_redis_joined *joined = calloc(1, sizeof *joined);
    if (!joined) return false;
    *joined = (struct pawl_redis_joined){store->joined, pawl__str_dup(app), pawl__str_dup(id),
                                         app.len, id.len};
    store->joined = joined;
    if (joined->app && joined->id) return true;
    store->joined = joined->next;
    free(joined->app);
    free(joined->id);
    free(joined);
    return false;
}

static enum pawl_err member_run(struct pawl_redis *store, enum pawl_redis_script script,
                                struct pawl_redis_args *args, struct pawl_error *error) {
    redisReply *reply;
    bool sent;
    enum pawl_err err = pawl__redis_run(store, &store->writer, script, args, &reply, &sent, error);
    if (reply) freeReplyObject(reply);
    pawl__redis_args_finish(args);
    return err;
}

enum pawl_err pawl__redis_put_member(struct pawl_store *base, struct pawl_str app,
                                     const struct pawl_member *member, int64_t ttl,
                                     struct pawl_error *error) {
    struct pawl_redis *store = (struct pawl_redis *)base;
    struct pawl_redis_args args = {0};
    if (!member_note(store, app, member->id)) return pawl__fail_plain(error, PAWL_E_NOMEM);
    pawl__redis_call(&args, store, PAWL_REDIS_PUT_MEMBER);
    pawl__redis_add(&args, app);
    pawl__redis_add(&args, member->id);
    pawl__redis_add_int(&args, ttl <= 0 ? 0 : (ttl + PAWL_MILLISECOND - 1) / PAWL_MILLISECOND);
    pawl__redis_add(&args, member->address);
    pawl__redis_add(&args, member->info);
    pawl__redis_add_uint(&args, member->workers);
    pawl__redis_add_uint(&args, member->loops);
    return member_run(store, PAWL_REDIS_PUT_MEMBER, &args, error);
}

enum pawl_err pawl__redis_remove_member(struct pawl_store *base, struct pawl_str app,
                                        struct pawl_str id, struct pawl_error *error) {
    struct pawl_redis *store = (struct pawl_redis *)base;
    struct pawl_redis_args args = {0};
    pawl__redis_call(&args, store, PAWL_REDIS_REMOVE_MEMBER);
    pawl__redis_add(&args, app);
    pawl__redis_add(&args, id);
    enum pawl_err err = member_run(store, PAWL_REDIS_REMOVE_MEMBER, &args, error);
    if (!err) member_forget(store, app, id);
    return err;
}

void pawl__redis_leave(struct pawl_redis *store) {
    struct pawl_error ignored;
    enum pawl_err err = PAWL_OK;
    while (store->joined) {
        struct pawl_redis_joined *first = store->joined;
        struct pawl_str app = {first->app, first->app_len}, id = {first->id, first->id_len};
        if (!err) err = pawl__redis_remove_member(&store->base, app, id, &ignored);
        if (err) member_forget(store, app, id);
    }
}

static int member_compare(const void *a, const void *b) {
    return pawl__str_compare(((const struct pawl_member *)a)->id,
                             ((const struct pawl_member *)b)->id);
}

static struct pawl_str member_copy(struct pawl_arena *arena, const redisReply *reply) {
    struct pawl_str text = pawl__redis_str(reply);
    return (struct pawl_str){pawl__arena_dup(arena, text), text.len};
}

enum pawl_err pawl__redis_members(struct pawl_store *base, struct pawl_str app,
                                  struct pawl_arena *arena, struct pawl_member **members,
                                  size_t *count, struct pawl_error *error) {
    struct pawl_redis *store = (struct pawl_redis *)base;
    struct pawl_redis_args args = {0};
    redisReply *reply;
    pawl__redis_call(&args, store, PAWL_REDIS_MEMBERS);
    pawl__redis_add(&args, app);
    enum pawl_err err = pawl__redis_run_read(store, PAWL_REDIS_MEMBERS, &args, &reply, error);
    pawl__redis_args_finish(&args);
    if (err) return err;
    *count = 0;
    *members = pawl__arena_alloc(arena, (reply->elements + 1) * sizeof **members);
    for (size_t i = 0; *members && i < reply->elements; i++) {
        redisReply *const *part = reply->element[i]->element;
        (*members)[(*count)++] = (struct pawl_member){
            .id = member_copy(arena, part[0]),
            .address = member_copy(arena, part[1]),
            .info = member_copy(arena, part[2]),
            .workers = (uint32_t)pawl__redis_uint(part[3]),
            .loops = (uint32_t)pawl__redis_uint(part[4]),
            .joined_at = (int64_t)pawl__redis_uint(part[5]) * PAWL_MILLISECOND,
        };
    }
    freeReplyObject(reply);
    if (!*members || arena->failed) return pawl__fail_plain(error, PAWL_E_NOMEM);
    qsort(*members, *count, sizeof **members, member_compare);
    return PAWL_OK;
}
