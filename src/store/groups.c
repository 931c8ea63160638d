#include "store/groups.h"

struct pawl_group {
    struct pawl_str key; // the status, then the name
    int64_t count;
};

void pawl__groups_finish(struct pawl_groups *groups) {
    pawl__map_finish(&groups->by_key);
    pawl__map_finish(&groups->except);
    pawl__arena_finish(&groups->arena);
    pawl__buf_finish(&groups->key);
}

bool pawl__groups_leave_out(struct pawl_groups *groups, const struct pawl_query *query) {
    bool ok = true;
    for (size_t i = 0; ok && i < query->except_count; i++)
        ok = pawl__map_put(&groups->except, query->except[i], (void *)&query->except[i]);
    return ok;
}

// NULL when memory is out.
static struct pawl_group *groups_find(struct pawl_groups *groups, struct pawl_str name,
                                      int32_t status) {
    pawl__buf_clear(&groups->key);
    pawl__buf_append(&groups->key, &status, sizeof status);
    if (!pawl__buf_append_str(&groups->key, name)) return NULL;
    struct pawl_str key = pawl__buf_str(&groups->key);
    if (groups->last && pawl__str_equal(groups->last->key, key)) return groups->last;
    struct pawl_group *group = pawl__map_get(&groups->by_key, key);
    if (group) return group;
    group = pawl__arena_zalloc(&groups->arena, sizeof *group);
    char *copy = pawl__arena_dup(&groups->arena, key);
    if (!group || !copy) return NULL;
    group->key = (struct pawl_str){copy, key.len};
    return pawl__map_put(&groups->by_key, group->key, group) ? group : NULL;
}

bool pawl__groups_add(struct pawl_groups *groups, struct pawl_str name, int32_t status,
                      int64_t more) {
    struct pawl_group *group = groups_find(groups, name, status);
    if (!group) return false;
    group->count += more;
    groups->last = group;
    return true;
}

enum pawl_err pawl__groups_tell(const struct pawl_groups *groups, pawl_count_fn fn, void *arg,
                                struct pawl_error *error) {
    enum pawl_err err = PAWL_OK;
    size_t at = 0;
    for (struct pawl_group *group; !err && (group = pawl__map_next(&groups->by_key, &at));) {
        int32_t status;
        memcpy(&status, group->key.data, sizeof status);
        struct pawl_str name = {group->key.data + sizeof status, group->key.len - sizeof status};
        if (group->count > 0) err = fn(arg, name, status, (uint64_t)group->count, error);
    }
    return err;
}

static enum pawl_err groups_row(void *arg, const struct pawl_snapshot *row,
                                struct pawl_error *error) {
    struct pawl_groups *groups = arg;
    if (pawl__groups_omit(groups, row->id) || pawl__groups_add(groups, row->name, row->status, 1))
        return PAWL_OK;
    return pawl__fail_plain(error, PAWL_E_NOMEM);
}

enum pawl_err pawl__groups_count(pawl_query_fn ask, struct pawl_store *store, uint64_t shard,
                                 const struct pawl_query *query, pawl_count_fn fn, void *arg,
                                 struct pawl_error *error) {
    struct pawl_groups groups = {0};
    struct pawl_query all = *query;
    all.limit = 0;
    if (!query->scan) all.after_id = (struct pawl_str){0};
    enum pawl_err err = pawl__groups_leave_out(&groups, query)
                            ? ask(store, shard, &all, groups_row, &groups, error)
                            : pawl__fail_plain(error, PAWL_E_NOMEM);
    if (!err) err = pawl__groups_tell(&groups, fn, arg, error);
    pawl__groups_finish(&groups);
    return err;
}
