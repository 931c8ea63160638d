#ifndef PAWL_RUNTIME_MEMBERS_H
#define PAWL_RUNTIME_MEMBERS_H

// The daemons of an app, as the store knows them: this one tells of itself there, and looks who
// else there is and which of them holds which shard.

#include "runtime/storage.h"

struct pawl_members {
    struct pawl_storage *storage;
    struct pawl_str app, id, address;           // of this one; views of the caller's
    size_t message;                             // bytes of the largest that its workers take
    int64_t ttl;                                // nanoseconds that it lasts, where members end
    void (*seen)(struct pawl_members *members); // a new look is there
    uint32_t workers;                           // to be told
    uint32_t told_workers;
    bool told, telling, looking, again, leaving;
    bool warned;        // that it cannot be told; once until it can
    int64_t told_at;    // steady; when telling began
    int64_t told_until; // steady: so long it counts as living, at least. INT64_MAX: it does not end
    unsigned lapses;    // how often it may not have counted as living for a moment
    struct pawl_job tell_job, look_job;
    struct pawl_error tell_error, look_error;

    // As of the last look that went well, which began |at|; 0 before the first.
    int64_t at, looking_at; // steady
    uint64_t looks;         // that went well
    struct pawl_member *list;
    size_t count;
    struct pawl_holder *holders; // by number; shards that were never held may be missing
    size_t holder_count;

    struct pawl_member *next_list; // of the look that is under way
    size_t next_count;
    struct pawl_holder *next_holders;
    size_t next_holder_count;
    struct pawl_arena arenas[2]; // of the last look, and of the one that is under way
    void (*left)(struct pawl_members *members);
};

void pawl__members_init(struct pawl_members *members, struct pawl_storage *storage,
                        struct pawl_str app, struct pawl_str id, struct pawl_str address,
                        size_t message, int64_t ttl, void (*seen)(struct pawl_members *members));

// Looks, and tells what has changed of this one. Many calls make one look.
void pawl__members_look(struct pawl_members *members, uint32_t workers);

// The holder of a shard, if it is a living member; NULL: nobody, or no member.
const struct pawl_member *pawl__members_holder(const struct pawl_members *members, uint32_t shard);

static inline bool pawl__members_is_self(const struct pawl_members *members,
                                         const struct pawl_member *member) {
    return pawl__str_equal(member->id, members->id);
}

// Bytes of the largest message that workers of |member| take; 0: it does not say.
size_t pawl__member_message(const struct pawl_member *member);

// The largest that any workers of other daemons take, or, if |told|, that any daemon has told of,
// with workers or without. 0: nobody takes any.
size_t pawl__members_message(const struct pawl_members *members, bool told);

// This one is no member any more. Calls |left|, after which the memory may be freed.
void pawl__members_leave(struct pawl_members *members, void (*left)(struct pawl_members *members));

#endif
