// The daemons of apps.

#include <stdlib.h>

#include "base/clock.h"
#include "store/memory/internal.h"

static void member_drop(struct pawl_memory_data *data, size_t at) {
    free(data->members[at]);
    data->members[at] = data->members[--data->member_count];
}

static bool member_is(const struct pawl_memory_member *member, struct pawl_str app,
                      struct pawl_str id) {
    return pawl__str_equal(member->app, app) && pawl__str_equal(member->row.id, id);
}

// Removes those that have ended, and the one with |id|, whose time of joining is returned.
static int64_t member_sweep(struct pawl_memory_data *data, struct pawl_str app,
                            struct pawl_str id) {
    int64_t now = pawl__clock_steady(), joined_at = 0;
    for (size_t i = data->member_count; i-- > 0;) {
        bool same = member_is(data->members[i], app, id);
        if (same && data->members[i]->until > now) joined_at = data->members[i]->row.joined_at;
        if (same || data->members[i]->until <= now) member_drop(data, i);
    }
    return joined_at;
}

enum pawl_err pawl__memory_put_member(struct pawl_store *base, struct pawl_str app,
                                      const struct pawl_member *member, int64_t ttl,
                                      struct pawl_error *error) {
    struct pawl_memory_data *data = pawl__memory_lock(base);
    struct pawl_memory_member *made =
        malloc(sizeof *made + app.len + member->id.len + member->address.len + member->info.len);
    bool ok = made && pawl__array_room((void **)&data->members, data->member_count,
                                       &data->member_cap, sizeof(struct pawl_memory_member *));
    if (ok) {
        int64_t until, joined_at = member_sweep(data, app, member->id);
        bool ever = ttl <= 0 || __builtin_add_overflow(pawl__clock_steady(), ttl, &until);
        char *to = made->data;
        *made = (struct pawl_memory_member){.row = *member,
                                            .holder = (struct pawl_memory *)base,
                                            .until = ever ? INT64_MAX : until};
        made->app = pawl__memory_copy(&to, app);
        made->row.id = pawl__memory_copy(&to, member->id);
        made->row.address = pawl__memory_copy(&to, member->address);
        made->row.info = pawl__memory_copy(&to, member->info);
        made->row.joined_at = joined_at ? joined_at : pawl__clock_wall();
        data->members[data->member_count++] = made;
    } else {
        free(made);
    }
    pawl__memory_unlock(data);
    return ok ? PAWL_OK : pawl__fail_plain(error, PAWL_E_NOMEM);
}

enum pawl_err pawl__memory_remove_member(struct pawl_store *base, struct pawl_str app,
                                         struct pawl_str id, struct pawl_error *error) {
    struct pawl_memory_data *data = pawl__memory_lock(base);
    member_sweep(data, app, id);
    pawl__memory_unlock(data);
    return PAWL_OK;
}

static int member_compare(const void *a, const void *b) {
    return pawl__str_compare(((const struct pawl_member *)a)->id,
                             ((const struct pawl_member *)b)->id);
}

enum pawl_err pawl__memory_members(struct pawl_store *base, struct pawl_str app,
                                   struct pawl_arena *arena, struct pawl_member **members,
                                   size_t *count, struct pawl_error *error) {
    struct pawl_memory_data *data = pawl__memory_lock(base);
    int64_t now = pawl__clock_steady();
    bool ok = (*members = pawl__arena_alloc(arena, (data->member_count + 1) * sizeof **members));
    *count = 0;
    for (size_t i = 0; ok && i < data->member_count; i++) {
        const struct pawl_memory_member *member = data->members[i];
        if (!pawl__str_equal(member->app, app) || member->until <= now) continue;
        struct pawl_member *row = &(*members)[(*count)++];
        *row = member->row;
        ok = pawl__memory_dup(arena, &row->id) && pawl__memory_dup(arena, &row->address) &&
             pawl__memory_dup(arena, &row->info);
    }
    pawl__memory_unlock(data);
    if (!ok) return pawl__fail_plain(error, PAWL_E_NOMEM);
    if (*count) qsort(*members, *count, sizeof **members, member_compare);
    return PAWL_OK;
}

void pawl__memory_members_finish(struct pawl_memory_data *data) {
    while (data->member_count) member_drop(data, 0);
    free(data->members);
}
