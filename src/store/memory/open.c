// A store in the memory of this process: everything that store.h says, but for surviving the end.

#include <stdlib.h>

#include "base/clock.h"
#include "store/memory/internal.h"

static void memory_destroy(struct pawl_memory_data *data) {
    for (size_t i = 0; i < data->shard_count; i++) pawl__memory_shard_destroy(data->shards[i]);
    free(data->shards);
    for (size_t i = 0; i < data->app_count; i++) free((char *)data->apps[i].name.data);
    free(data->apps);
    pawl__memory_members_finish(data);
    pawl__memory_boxes_finish(data);
    pawl__memory_table_finish(&data->values);
    pthread_mutex_destroy(&data->lock);
    free(data);
}

static void memory_close(struct pawl_store *base) {
    struct pawl_memory *store = (struct pawl_memory *)base;
    if (!store) return;
    struct pawl_memory_data *data = pawl__memory_lock(base);
    pawl__memory_let_go(data, store);
    bool last = --data->users == 0;
    pawl__memory_unlock(data);
    if (last) memory_destroy(data);
    free(store);
}

static const struct pawl_store_ops memory_ops = {
    .close = memory_close,
    .shards = pawl__memory_shards,
    .lease = pawl__memory_lease,
    .renew = pawl__memory_renew,
    .release = pawl__memory_release,
    .commit = pawl__memory_commit,
    .put_member = pawl__memory_put_member,
    .remove_member = pawl__memory_remove_member,
    .tend = pawl__memory_tend,
    .holders = pawl__memory_holders,
    .members = pawl__memory_members,
    .read_log = pawl__memory_read_log,
    .read_mail = pawl__memory_read_mail,
    .load = pawl__memory_load,
    .scan_live = pawl__memory_scan_live,
    .query = pawl__memory_query,
    .count = pawl__memory_count,
    .get_state = pawl__memory_get_state,
};

static enum pawl_err memory_use(struct pawl_memory_data *data, struct pawl_store **out,
                                struct pawl_error *error) {
    struct pawl_memory *store = calloc(1, sizeof *store);
    if (!store) return pawl__fail_plain(error, PAWL_E_NOMEM);
    store->base = (struct pawl_store){&memory_ops, "state.in-memory", {.expires = true}};
    store->data = data;
    pthread_mutex_lock(&data->lock);
    data->users++;
    pthread_mutex_unlock(&data->lock);
    *out = &store->base;
    return PAWL_OK;
}

enum pawl_err pawl__memory_share(struct pawl_store *store, struct pawl_store **out,
                                 struct pawl_error *error) {
    return memory_use(((struct pawl_memory *)store)->data, out, error);
}

enum pawl_err pawl__memory_open(struct pawl_store **out, struct pawl_error *error) {
    struct pawl_memory_data *data = calloc(1, sizeof *data);
    if (!data) return pawl__fail_plain(error, PAWL_E_NOMEM);
    pthread_mutex_init(&data->lock, NULL);
    data->cleaned_at = pawl__clock_steady();
    enum pawl_err err = pawl__memory_table_init(&data->values, false)
                            ? memory_use(data, out, error)
                            : pawl__fail_plain(error, PAWL_E_NOMEM);
    if (err) memory_destroy(data);
    return err;
}
