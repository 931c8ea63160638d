#ifndef PAWL_STORE_MEMORY_INTERNAL_H
#define PAWL_STORE_MEMORY_INTERNAL_H

// Shared by the files of this folder only.
//
// One lock guards all. It is never held while a callback runs, so a callback may call the store.

#include <pthread.h>

#include "base/array.h"
#include "store/etag.h"
#include "store/memory/memory.h"
#include "store/memory/table.h"

struct pawl_memory_batch {
    struct pawl_str records; // our copy
};

struct pawl_memory_shard {
    struct pawl_str app; // our copy
    uint32_t number;
    bool held;
    const struct pawl_memory *holder; // who leased it
    int64_t held_until;               // steady; INT64_MAX: until it is released
    uint64_t epoch;
    char owner[128];
    bool in_commit;                    // that is being applied
    char *records;                     // of its batch, our copy; NULL: it has none
    uint64_t trimmed;                  // batches up to here are gone
    struct pawl_memory_batch *batches; // those after it
    size_t batch_count, batch_cap;
    struct pawl_memory_table instances; // of pawl_memory_instance
};

// A part of a history: number of its first event, and where it starts in |row.history|.
struct pawl_memory_part {
    uint32_t first;
    size_t offset;
};

// The struct, its parts and all bytes of |row| are one block.
struct pawl_memory_instance {
    struct pawl_memory_node node;
    struct pawl_snapshot row;
    size_t part_count;
    struct pawl_memory_part parts[];
};

struct pawl_memory_value {
    struct pawl_memory_node node;
    struct pawl_str value;
    bool is_binary;
    int64_t expires_at; // 0: never
    char etag[PAWL_ETAG_LEN + 1];
    char bytes[];
};

// The node's key is that of the message.
struct pawl_memory_mail {
    struct pawl_memory_node node;
    struct pawl_str bytes;
    char data[];
};

struct pawl_memory_box {
    struct pawl_str app; // our copy
    uint32_t number;
    struct pawl_memory_table mail; // of pawl_memory_mail
};

// The struct and its texts are one block.
struct pawl_memory_member {
    struct pawl_str app;
    struct pawl_member row;
    const struct pawl_memory *holder;
    int64_t until; // steady
    char data[];
};

struct pawl_memory_app {
    struct pawl_str name; // our copy
    uint32_t shards;
};

// What all that share a store have.
struct pawl_memory_data {
    pthread_mutex_t lock;
    unsigned users;
    struct pawl_memory_shard **shards; // number i + 1 is at i
    size_t shard_count, shard_cap;
    struct pawl_memory_app *apps;
    size_t app_count, app_cap;
    struct pawl_memory_member **members;
    size_t member_count, member_cap;
    struct pawl_memory_box **boxes;
    size_t box_count, box_cap;
    struct pawl_memory_table values; // of pawl_memory_value
    int64_t cleaned_at;
};

struct pawl_memory {
    struct pawl_store base;
    struct pawl_memory_data *data;
};

static inline struct pawl_memory_data *pawl__memory_lock(struct pawl_store *base) {
    struct pawl_memory_data *data = ((struct pawl_memory *)base)->data;
    pthread_mutex_lock(&data->lock);
    return data;
}

static inline void pawl__memory_unlock(struct pawl_memory_data *data) {
    pthread_mutex_unlock(&data->lock);
}
// Copies |text| to |*to|, and advances that.
struct pawl_str pawl__memory_copy(char **to, struct pawl_str text);

// Puts a copy of |*text| into |arena|, and points it there.
bool pawl__memory_dup(struct pawl_arena *arena, struct pawl_str *text);

// --- lease.c: all under the lock, or ops ------------------------------------------------------

// NULL when there is none.
struct pawl_memory_shard *pawl__memory_shard(const struct pawl_memory_data *data, uint64_t shard);
void pawl__memory_shard_destroy(struct pawl_memory_shard *shard);
static inline uint64_t pawl__memory_last(const struct pawl_memory_shard *shard) {
    return shard->trimmed + shard->batch_count;
}
void pawl__memory_let_go(struct pawl_memory_data *data, const struct pawl_memory *user);
enum pawl_err pawl__memory_shards(struct pawl_store *base, struct pawl_str app, uint32_t wanted,
                                  uint32_t *count, struct pawl_error *error);
enum pawl_err pawl__memory_lease(struct pawl_store *base, struct pawl_str app, uint32_t number,
                                 struct pawl_str owner, int64_t ttl, struct pawl_lease *lease,
                                 struct pawl_error *error);
enum pawl_err pawl__memory_renew(struct pawl_store *base, struct pawl_renewal *renewals,
                                 size_t count, int64_t ttl, struct pawl_error *error);
enum pawl_err pawl__memory_release(struct pawl_store *base, const struct pawl_lease *lease,
                                   struct pawl_error *error);
enum pawl_err pawl__memory_holders(struct pawl_store *base, struct pawl_str app,
                                   struct pawl_arena *arena, struct pawl_holder **holders,
                                   size_t *count, struct pawl_error *error);

// --- member.c -------------------------------------------------------------------------------

enum pawl_err pawl__memory_put_member(struct pawl_store *base, struct pawl_str app,
                                      const struct pawl_member *member, int64_t ttl,
                                      struct pawl_error *error);
enum pawl_err pawl__memory_remove_member(struct pawl_store *base, struct pawl_str app,
                                         struct pawl_str id, struct pawl_error *error);
enum pawl_err pawl__memory_members(struct pawl_store *base, struct pawl_str app,
                                   struct pawl_arena *arena, struct pawl_member **members,
                                   size_t *count, struct pawl_error *error);
void pawl__memory_members_finish(struct pawl_memory_data *data);

// --- mail.c ---------------------------------------------------------------------------------

bool pawl__memory_mail_put(struct pawl_memory_data *data, struct pawl_memory_journal *journal,
                           const struct pawl_mail *mail);
bool pawl__memory_mail_take(struct pawl_memory_data *data, struct pawl_memory_journal *journal,
                            const struct pawl_mail *mail);
enum pawl_err pawl__memory_read_mail(struct pawl_store *base, struct pawl_str app, uint32_t number,
                                     struct pawl_str after, size_t limit, pawl_mail_fn fn,
                                     void *arg, struct pawl_error *error);
void pawl__memory_boxes_finish(struct pawl_memory_data *data);

// --- commit.c, state.c ----------------------------------------------------------------------

enum pawl_outcome pawl__memory_commit(struct pawl_store *base, const struct pawl_commit *commit,
                                      struct pawl_error *error);
enum pawl_err pawl__memory_apply_state(struct pawl_memory_data *data,
                                       struct pawl_memory_journal *journal,
                                       struct pawl_state_tx *tx, struct pawl_error *error);
enum pawl_err pawl__memory_tend(struct pawl_store *base, struct pawl_error *error);
enum pawl_err pawl__memory_get_state(struct pawl_store *base, struct pawl_str key,
                                     struct pawl_arena *arena, struct pawl_state_value *out,
                                     struct pawl_error *error);

// --- read.c ---------------------------------------------------------------------------------

enum pawl_err pawl__memory_read_log(struct pawl_store *base, uint64_t shard, uint64_t after,
                                    pawl_batch_fn fn, void *arg, struct pawl_error *error);
enum pawl_err pawl__memory_load(struct pawl_store *base, uint64_t shard, struct pawl_str id,
                                struct pawl_arena *arena, struct pawl_snapshot *out,
                                struct pawl_error *error);
enum pawl_err pawl__memory_scan_live(struct pawl_store *base, uint64_t shard, pawl_snapshot_fn fn,
                                     void *arg, struct pawl_error *error);
enum pawl_err pawl__memory_query(struct pawl_store *base, uint64_t shard,
                                 const struct pawl_query *query, pawl_snapshot_fn fn, void *arg,
                                 struct pawl_error *error);
enum pawl_err pawl__memory_count(struct pawl_store *base, uint64_t shard,
                                 const struct pawl_query *query, pawl_count_fn fn, void *arg,
                                 struct pawl_error *error);

#endif
