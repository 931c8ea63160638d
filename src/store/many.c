#include "store/many.h"

static enum pawl_err many_singly(struct pawl_store *store, const struct pawl_place *places,
                                 size_t count, pawl_place_fn fn, void *arg,
                                 struct pawl_error *error) {
    struct pawl_arena arena = {0};
    enum pawl_err err = PAWL_OK;
    for (size_t i = 0; !err && i < count; i++) {
        struct pawl_snapshot row;
        pawl__arena_reset(&arena);
        err = store->ops->load(store, places[i].shard, places[i].id, &arena, &row, error);
        if (!err)
            err = fn(arg, i, &row, error);
        else if (err == PAWL_E_NOT_FOUND)
            err = PAWL_OK;
    }
    pawl__arena_finish(&arena);
    return err;
}

// A page of a call.
struct many_page {
    pawl_place_fn fn;
    void *arg;
    size_t from;
};

static enum pawl_err many_note(void *arg, size_t index, const struct pawl_snapshot *row,
                               struct pawl_error *error) {
    const struct many_page *page = arg;
    return page->fn(page->arg, page->from + index, row, error);
}

enum pawl_err pawl__store_load_many(struct pawl_store *store, const struct pawl_place *places,
                                    size_t count, pawl_place_fn fn, void *arg,
                                    struct pawl_error *error) {
    struct many_page page = {fn, arg, 0};
    enum pawl_err err = PAWL_OK;
    if (!store->ops->load_many) return many_singly(store, places, count, fn, arg, error);
    for (; !err && page.from < count; page.from += PAWL_STORE_PAGE) {
        size_t left = count - page.from;
        err = store->ops->load_many(store, places + page.from,
                                    left < PAWL_STORE_PAGE ? left : PAWL_STORE_PAGE, many_note,
                                    &page, error);
    }
    return err;
}

static bool many_copy(struct pawl_arena *arena, struct pawl_str *text) {
    text->data = pawl__arena_dup(arena, *text);
    return text->data;
}

bool pawl__store_keep(struct pawl_arena *arena, struct pawl_snapshot *row) {
    return many_copy(arena, &row->id) && many_copy(arena, &row->name) &&
           many_copy(arena, &row->parent) && many_copy(arena, &row->tags) &&
           many_copy(arena, &row->custom_status) && many_copy(arena, &row->failure_type) &&
           many_copy(arena, &row->state) && many_copy(arena, &row->history);
}
