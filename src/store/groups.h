#ifndef PAWL_STORE_GROUPS_H
#define PAWL_STORE_GROUPS_H

// Counts by name and status that are being made.

#include "base/map.h"
#include "store/store.h"

// Zero-initialised it is empty and ready.
struct pawl_groups {
    struct pawl_map by_key; // the status and the name -> what is counted
    struct pawl_map except; // ids that are not counted
    struct pawl_arena arena;
    struct pawl_group *last; // rows of one kind often stand side by side
    struct pawl_buf key;     // scratch
};

void pawl__groups_finish(struct pawl_groups *groups);

// Leaves those out that |query| leaves out, whose ids are the caller's. False: memory is out.
bool pawl__groups_leave_out(struct pawl_groups *groups, const struct pawl_query *query);

// Whether |id| was left out.
static inline bool pawl__groups_omit(const struct pawl_groups *groups, struct pawl_str id) {
    return groups->except.len && pawl__map_get(&groups->except, id);
}

// Counts |more|, which may be less than 0. False: memory is out.
bool pawl__groups_add(struct pawl_groups *groups, struct pawl_str name, int32_t status,
                      int64_t more);

// Tells those of which there are any. Errors are those of |fn|.
enum pawl_err pawl__groups_tell(const struct pawl_groups *groups, pawl_count_fn fn, void *arg,
                                struct pawl_error *error);

// A way to ask for what |query| finds, as pawl_store_ops.query has it.
typedef enum pawl_err (*pawl_query_fn)(struct pawl_store *store, uint64_t shard,
                                       const struct pawl_query *query, pawl_snapshot_fn fn,
                                       void *arg, struct pawl_error *error);

// Counts, as pawl_store_ops.count has it, what |ask| tells one by one.
enum pawl_err pawl__groups_count(pawl_query_fn ask, struct pawl_store *store, uint64_t shard,
                                 const struct pawl_query *query, pawl_count_fn fn, void *arg,
                                 struct pawl_error *error);

#endif
