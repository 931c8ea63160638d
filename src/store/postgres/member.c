// The daemons of an app.

#include <stdlib.h>

#include "store/postgres/internal.h"

static void member_forget(struct pawl_postgres *store, size_t at) {
    free(store->members[at].app);
    free(store->members[at].id);
    store->members[at] = store->members[--store->member_count];
}

static size_t member_find(const struct pawl_postgres *store, struct pawl_str app,
                          struct pawl_str id) {
    size_t at = 0;
    while (
        at < store->member_count &&
        !(pawl__str_equal(app,
                          (struct pawl_str){store->members[at].app, store->members[at].app_len}) &&
          pawl__str_equal(id, (struct pawl_str){store->members[at].id, store->members[at].id_len})))
        at++;
    return at;
}

// Notes whom to remove when the store is closed.
static bool member_note(struct pawl_postgres *store, struct pawl_str app, struct pawl_str id) {
    if (member_find(store, app, id) < store->member_count) return true;
    struct pawl_pg_member member = {pawl__str_dup(app), pawl__str_dup(id), app.len, id.len};
    if (member.app && member.id &&
        pawl__array_room((void **)&store->members, store->member_count, &store->member_cap,
                         sizeof member)) {
        store->members[store->member_count++] = member;
        return true;
    }
    free(member.app);
    free(member.id);
    return false;
}

enum pawl_err pawl__pg_put_member(struct pawl_store *base, struct pawl_str app,
                                  const struct pawl_member *member, int64_t ttl,
                                  struct pawl_error *error) {
    struct pawl_postgres *store = (struct pawl_postgres *)base;
    struct pawl_pg_params put = {0}, sweep = {0};
    PGresult *result = NULL;
    if (!member_note(store, app, member->id)) return pawl__fail_plain(error, PAWL_E_NOMEM);
    pawl__pg_bytes(&sweep, app);
    pawl__pg_bytes(&put, app);
    pawl__pg_bytes(&put, member->id);
    pawl__pg_bytes(&put, member->address);
    pawl__pg_bytes(&put, member->info);
    pawl__pg_int(&put, member->workers);
    pawl__pg_int(&put, member->loops);
    pawl__pg_int(&put, (ttl > 0 ? ttl : PAWL_PG_TTL) / 1000);
    enum pawl_err err = pawl__pg_run(&store->writer, PAWL_PG_MEMBER_SWEEP, &sweep, &result, error);
    PQclear(result);
    result = NULL;
    if (!err) err = pawl__pg_run(&store->writer, PAWL_PG_MEMBER_PUT, &put, &result, error);
    PQclear(result);
    return err;
}

enum pawl_err pawl__pg_remove_member(struct pawl_store *base, struct pawl_str app,
                                     struct pawl_str id, struct pawl_error *error) {
    struct pawl_postgres *store = (struct pawl_postgres *)base;
    struct pawl_pg_params params = {0};
    PGresult *result = NULL;
    pawl__pg_bytes(&params, app);
    pawl__pg_bytes(&params, id);
    enum pawl_err err =
        pawl__pg_run(&store->writer, PAWL_PG_MEMBER_REMOVE, &params, &result, error);
    PQclear(result);
    size_t at = member_find(store, app, id);
    if (!err && at < store->member_count) member_forget(store, at);
    return err;
}

enum pawl_err pawl__pg_members(struct pawl_store *base, struct pawl_str app,
                               struct pawl_arena *arena, struct pawl_member **members,
                               size_t *count, struct pawl_error *error) {
    struct pawl_postgres *store = (struct pawl_postgres *)base;
    struct pawl_pg_params params = {0};
    PGresult *result = NULL;
    pawl__pg_bytes(&params, app);
    enum pawl_err err = pawl__pg_run(&store->reader, PAWL_PG_READ_MEMBERS, &params, &result, error);
    int rows = err ? 0 : PQntuples(result);
    *count = 0;
    *members = pawl__arena_alloc(arena, ((size_t)rows + 1) * sizeof **members);
    bool ok = *members;
    for (int i = 0; ok && i < rows; i++) {
        struct pawl_member *member = &(*members)[(*count)++];
        *member = (struct pawl_member){.id = pawl__pg_value(result, i, 0),
                                       .address = pawl__pg_value(result, i, 1),
                                       .info = pawl__pg_value(result, i, 2),
                                       .workers = (uint32_t)pawl__pg_number(result, i, 3),
                                       .loops = (uint32_t)pawl__pg_number(result, i, 4),
                                       .joined_at = pawl__pg_number(result, i, 5) * 1000};
        ok = pawl__pg_keep(arena, &member->id) && pawl__pg_keep(arena, &member->address) &&
             pawl__pg_keep(arena, &member->info);
    }
    PQclear(result);
    return err ? err : ok ? PAWL_OK : pawl__fail_plain(error, PAWL_E_NOMEM);
}

void pawl__pg_members_end(struct pawl_postgres *store) {
    while (store->member_count) {
        const struct pawl_pg_member *member = &store->members[store->member_count - 1];
        size_t before = store->member_count;
        if (store->writer.conn)
            pawl__pg_remove_member(&store->base, (struct pawl_str){member->app, member->app_len},
                                   (struct pawl_str){member->id, member->id_len}, NULL);
        if (store->member_count == before) member_forget(store, before - 1);
    }
    free(store->members);
}
