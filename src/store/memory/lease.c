// Shards of apps, and who holds them.

#include <stdlib.h>

#include "base/clock.h"
#include "store/memory/internal.h"

void pawl__memory_shard_destroy(struct pawl_memory_shard *shard) {
    if (!shard) return;
    for (size_t i = 0; i < shard->batch_count; i++) free((char *)shard->batches[i].records.data);
    free(shard->batches);
    pawl__memory_table_finish(&shard->instances);
    free((char *)shard->app.data);
    free(shard);
}

struct pawl_memory_shard *pawl__memory_shard(const struct pawl_memory_data *data, uint64_t shard) {
    return shard && shard <= data->shard_count ? data->shards[shard - 1] : NULL;
}

static bool lease_is_held(const struct pawl_memory_shard *shard) {
    return shard->held && shard->held_until > pawl__clock_steady();
}

static int64_t lease_until(int64_t ttl) {
    int64_t until;
    bool ever = ttl <= 0 || __builtin_add_overflow(pawl__clock_steady(), ttl, &until);
    return ever ? INT64_MAX : until;
}

// The number of the shard; it is made when it is new. 0 when memory is out.
static uint64_t lease_find(struct pawl_memory_data *data, struct pawl_str app, uint32_t number) {
    for (size_t i = 0; i < data->shard_count; i++)
        if (data->shards[i]->number == number && pawl__str_equal(data->shards[i]->app, app))
            return i + 1;
    if (!pawl__array_room((void **)&data->shards, data->shard_count, &data->shard_cap,
                          sizeof(struct pawl_memory_shard *)))
        return 0;
    struct pawl_memory_shard *shard = calloc(1, sizeof *shard);
    if (!shard) return 0;
    shard->number = number;
    shard->app = (struct pawl_str){pawl__str_dup(app), app.len};
    if (!shard->app.data || !pawl__memory_table_init(&shard->instances, true)) {
        pawl__memory_shard_destroy(shard);
        return 0;
    }
    data->shards[data->shard_count++] = shard;
    return data->shard_count;
}

enum pawl_err pawl__memory_shards(struct pawl_store *base, struct pawl_str app, uint32_t wanted,
                                  uint32_t *count, struct pawl_error *error) {
    struct pawl_memory_data *data = pawl__memory_lock(base);
    struct pawl_memory_app *found = NULL;
    enum pawl_err err = PAWL_OK;
    for (size_t i = 0; i < data->app_count; i++)
        if (pawl__str_equal(data->apps[i].name, app)) found = &data->apps[i];
    if (!found) {
        char *name = pawl__str_dup(app);
        if (name && pawl__array_room((void **)&data->apps, data->app_count, &data->app_cap,
                                     sizeof *data->apps)) {
            found = &data->apps[data->app_count++];
            *found = (struct pawl_memory_app){{name, app.len}, wanted ? wanted : 1};
        } else {
            free(name);
            err = pawl__fail_plain(error, PAWL_E_NOMEM);
        }
    }
    if (found) *count = found->shards;
    pawl__memory_unlock(data);
    return err;
}

enum pawl_err pawl__memory_lease(struct pawl_store *base, struct pawl_str app, uint32_t number,
                                 struct pawl_str owner, int64_t ttl, struct pawl_lease *lease,
                                 struct pawl_error *error) {
    struct pawl_memory_data *data = pawl__memory_lock(base);
    enum pawl_err err = PAWL_OK;
    uint64_t found = lease_find(data, app, number);
    struct pawl_memory_shard *shard = pawl__memory_shard(data, found);
    if (!shard) {
        err = pawl__fail_plain(error, PAWL_E_NOMEM);
    } else if (lease_is_held(shard)) {
        err = pawl__fail(error, PAWL_E_HELD, "shard %u of %.*s is held by %s", number,
                         PAWL_FMT(app), shard->owner);
    } else {
        shard->held = true;
        shard->holder = (struct pawl_memory *)base;
        shard->held_until = lease_until(ttl);
        size_t len = owner.len < sizeof shard->owner ? owner.len : sizeof shard->owner - 1;
        if (len) memcpy(shard->owner, owner.data, len);
        shard->owner[len] = 0;
        *lease = (struct pawl_lease){found, ++shard->epoch, pawl__memory_last(shard)};
    }
    pawl__memory_unlock(data);
    return err;
}

enum pawl_err pawl__memory_renew(struct pawl_store *base, struct pawl_renewal *renewals,
                                 size_t count, int64_t ttl, struct pawl_error *error) {
    struct pawl_memory_data *data = pawl__memory_lock(base);
    for (size_t i = 0; i < count; i++) {
        const struct pawl_lease *lease = renewals[i].lease;
        struct pawl_memory_shard *shard = pawl__memory_shard(data, lease->shard);
        renewals[i].lost = !shard || !shard->held || shard->epoch != lease->epoch;
        if (!renewals[i].lost) shard->held_until = lease_until(ttl);
    }
    pawl__memory_unlock(data);
    return PAWL_OK;
}

enum pawl_err pawl__memory_release(struct pawl_store *base, const struct pawl_lease *lease,
                                   struct pawl_error *error) {
    struct pawl_memory_data *data = pawl__memory_lock(base);
    struct pawl_memory_shard *shard = pawl__memory_shard(data, lease->shard);
    if (shard && shard->epoch == lease->epoch) shard->held = false;
    pawl__memory_unlock(data);
    return PAWL_OK;
}

void pawl__memory_let_go(struct pawl_memory_data *data, const struct pawl_memory *user) {
    for (size_t i = 0; i < data->shard_count; i++)
        if (data->shards[i]->holder == user) data->shards[i]->held = false;
    for (size_t i = 0; i < data->member_count; i++)
        if (data->members[i]->holder == user) data->members[i]->until = INT64_MIN;
}

static int lease_compare(const void *a, const void *b) {
    uint32_t left = ((const struct pawl_holder *)a)->number;
    uint32_t right = ((const struct pawl_holder *)b)->number;
    return (left > right) - (left < right);
}

enum pawl_err pawl__memory_holders(struct pawl_store *base, struct pawl_str app,
                                   struct pawl_arena *arena, struct pawl_holder **holders,
                                   size_t *count, struct pawl_error *error) {
    struct pawl_memory_data *data = pawl__memory_lock(base);
    bool ok = (*holders = pawl__arena_alloc(arena, (data->shard_count + 1) * sizeof **holders));
    *count = 0;
    for (size_t i = 0; ok && i < data->shard_count; i++) {
        const struct pawl_memory_shard *shard = data->shards[i];
        if (!pawl__str_equal(shard->app, app)) continue;
        struct pawl_holder *holder = &(*holders)[(*count)++];
        *holder = (struct pawl_holder){.number = shard->number,
                                       .shard = i + 1,
                                       .epoch = shard->epoch,
                                       .held = lease_is_held(shard),
                                       .owner = pawl__str(shard->owner)};
        ok = pawl__memory_dup(arena, &holder->owner);
    }
    pawl__memory_unlock(data);
    if (!ok) return pawl__fail_plain(error, PAWL_E_NOMEM);
    if (*count) qsort(*holders, *count, sizeof **holders, lease_compare);
    return PAWL_OK;
}
