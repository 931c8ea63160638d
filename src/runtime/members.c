#include "runtime/members.h"

#include <stdio.h>

#include "base/clock.h"

static const char *const members_scope = "dapr.runtime.wfengine";

enum {
    // One that has said nothing new says so again after this part of its time. Stores without times
    // to live know by themselves who is alive.
    MEMBERS_RENEW = 5
};

// Of |info| of a member.
static const char members_says[] = "max-body-size=%zu";

void pawl__members_init(struct pawl_members *members, struct pawl_storage *storage,
                        struct pawl_str app, struct pawl_str id, struct pawl_str address,
                        size_t message, int64_t ttl, void (*seen)(struct pawl_members *members)) {
    *members = (struct pawl_members){
        .storage = storage, .app = app, .id = id, .address = address, .ttl = ttl, .seen = seen};
    members->message = message;
}

static void members_check_left(struct pawl_members *members) {
    if (!members->leaving || members->telling || members->looking) return;
    pawl__arena_finish(&members->arenas[0]);
    pawl__arena_finish(&members->arenas[1]);
    members->left(members);
}

// --- telling ------------------------------------------------------------------------------------

static void members_run_tell(struct pawl_job *job) {
    struct pawl_members *members = PAWL_CONTAINER(job, struct pawl_members, tell_job);
    struct pawl_store *store = members->storage->store;
    char info[sizeof members_says + 24];
    snprintf(info, sizeof info, members_says, members->message);
    const struct pawl_member self = {.id = members->id,
                                     .address = members->address,
                                     .info = pawl__str(info),
                                     .workers = members->told_workers,
                                     .loops = 1};
    struct pawl_error *error = &members->tell_error;
    pawl__error_clear(error);
    error->code = members->leaving
                      ? store->ops->remove_member(store, members->app, members->id, error)
                      : store->ops->put_member(store, members->app, &self, members->ttl, error);
}

static void members_tell(struct pawl_members *members);

// It counts as living for |ttl|, by any clock, from when telling began.
static void members_count(struct pawl_members *members) {
    if (members->told_until && pawl__clock_steady() >= members->told_until) members->lapses++;
    members->told_until =
        members->storage->store->caps.expires ? members->told_at + members->ttl : INT64_MAX;
}

static void members_on_told(struct pawl_job *job) {
    struct pawl_members *members = PAWL_CONTAINER(job, struct pawl_members, tell_job);
    members->telling = false;
    members->storage->leasing--;
    if (members->leaving) {
        if (members->told) {
            members->told = false;
            members_tell(members); // that it leaves
        }
        members_check_left(members);
        return;
    }
    bool first = !members->told;
    members->told = !members->tell_error.code;
    if (members->told) members_count(members);
    if (members->told && first) pawl__members_look(members, members->workers);
    if (members->tell_error.code && !members->warned)
        pawl__log(members->storage->log, PAWL_LOG_WARN, members_scope,
                  "other daemons of the app cannot be told of this one, will try again: %s",
                  members->tell_error.text);
    members->warned = members->tell_error.code;
}

static void members_tell(struct pawl_members *members) {
    members->telling = true;
    members->storage->leasing++; // it uses the writer's thread
    members->tell_job = (struct pawl_job){.run = members_run_tell, .done = members_on_told};
    pawl__jobs_submit(&members->storage->writer, &members->tell_job);
}

// --- looking ------------------------------------------------------------------------------------

static void members_run_look(struct pawl_job *job) {
    struct pawl_members *members = PAWL_CONTAINER(job, struct pawl_members, look_job);
    struct pawl_store *store = members->storage->store;
    struct pawl_error *error = &members->look_error;
    struct pawl_arena *arena = &members->arenas[1];
    pawl__error_clear(error);
    pawl__arena_reset(arena);
    error->code = store->ops->members(store, members->app, arena, &members->next_list,
                                      &members->next_count, error);
    if (error->code) return;
    error->code = store->ops->holders(store, members->app, arena, &members->next_holders,
                                      &members->next_holder_count, error);
}

static void members_on_looked(struct pawl_job *job) {
    struct pawl_members *members = PAWL_CONTAINER(job, struct pawl_members, look_job);
    members->looking = false;
    if (members->leaving) {
        members_check_left(members);
        return;
    }
    if (!members->look_error.code) {
        struct pawl_arena last = members->arenas[0];
        members->arenas[0] = members->arenas[1];
        members->arenas[1] = last;
        members->list = members->next_list;
        members->count = members->next_count;
        members->holders = members->next_holders;
        members->holder_count = members->next_holder_count;
        members->at = members->looking_at;
        members->looks++;
        members->seen(members);
    }
    if (members->again && !members->looking) pawl__members_look(members, members->workers);
}

void pawl__members_look(struct pawl_members *members, uint32_t workers) {
    if (members->leaving) return;
    members->workers = workers;
    bool ends = members->storage->store->caps.expires &&
                pawl__clock_steady() - members->told_at >= members->ttl / MEMBERS_RENEW;
    if (!members->telling && (!members->told || members->told_workers != workers || ends)) {
        members->told_workers = workers;
        members->told_at = pawl__clock_steady();
        members_tell(members);
    }
    members->again = members->looking;
    if (members->looking || !members->told) return;
    members->looking = true;
    members->looking_at = pawl__clock_steady();
    members->look_job = (struct pawl_job){.run = members_run_look, .done = members_on_looked};
    pawl__storage_ask(members->storage, &members->look_job);
}

static const struct pawl_holder *members_find(const struct pawl_members *members, uint32_t shard) {
    for (size_t i = 0; i < members->holder_count; i++)
        if (members->holders[i].number == shard)
            return members->holders[i].held ? &members->holders[i] : NULL;
    return NULL;
}

const struct pawl_member *pawl__members_holder(const struct pawl_members *members, uint32_t shard) {
    const struct pawl_holder *holder = members_find(members, shard);
    for (size_t i = 0; holder && i < members->count; i++)
        if (pawl__str_equal(members->list[i].id, holder->owner)) return &members->list[i];
    return NULL;
}

size_t pawl__member_message(const struct pawl_member *member) {
    char info[sizeof members_says + 24];
    size_t message = 0;
    if (member->info.len >= sizeof info) return 0;
    memcpy(info, member->info.data, member->info.len);
    info[member->info.len] = 0;
    return sscanf(info, members_says, &message) == 1 ? message : 0;
}

size_t pawl__members_message(const struct pawl_members *members, bool told) {
    size_t most = 0;
    for (size_t i = 0; i < members->count; i++) {
        const struct pawl_member *member = &members->list[i];
        if (!told && (!member->workers || !member->address.len)) continue;
        if (pawl__members_is_self(members, member)) continue;
        size_t message = pawl__member_message(member);
        if (message > most) most = message;
    }
    return most;
}

void pawl__members_leave(struct pawl_members *members, void (*left)(struct pawl_members *members)) {
    members->leaving = true;
    members->left = left;
    if (!members->telling && members->told) {
        members->told = false;
        members_tell(members);
    }
    members_check_left(members);
}
