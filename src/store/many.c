#include "store/many.h"

// A page is kept in memory at once, and a server does nothing else while it reads one.
#define MANY_PAGE 32

static enum pawl_err many_singly(struct pawl_store *store, uint64_t shard,
                                 const struct pawl_str *ids, size_t count, pawl_snapshot_fn fn,
                                 void *arg, struct pawl_error *error) {
    struct pawl_arena arena = {0};
    enum pawl_err err = PAWL_OK;
    for (size_t i = 0; !err && i < count; i++) {
        struct pawl_snapshot row;
        pawl__arena_reset(&arena);
        err = store->ops->load(store, shard, ids[i], &arena, &row, error);
        if (!err)
            err = fn(arg, &row, error);
        else if (err == PAWL_E_NOT_FOUND)
            err = PAWL_OK;
    }
    pawl__arena_finish(&arena);
    return err;
}

enum pawl_err pawl__store_load_many(struct pawl_store *store, uint64_t shard,
                                    const struct pawl_str *ids, size_t count, pawl_snapshot_fn fn,
                                    void *arg, struct pawl_error *error) {
    enum pawl_err err = PAWL_OK;
    if (!store->ops->load_many) return many_singly(store, shard, ids, count, fn, arg, error);
    for (size_t from = 0; !err && from < count; from += MANY_PAGE) {
        size_t page = count - from < MANY_PAGE ? count - from : MANY_PAGE;
        err = store->ops->load_many(store, shard, ids + from, page, fn, arg, error);
    }
    return err;
}
