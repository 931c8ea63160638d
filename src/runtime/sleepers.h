#ifndef PAWL_RUNTIME_SLEEPERS_H
#define PAWL_RUNTIME_SLEEPERS_H

// Instances that sleep in the store, by the time at which they have to be in memory again.

#include "base/heap.h"
#include "base/list.h"
#include "base/map.h"

struct pawl_sleeper {
    struct pawl_heap_node node; // its key: nanoseconds since 1970
    size_t id_len;
    char id[];
};

// Zero-initialised it is empty and ready.
struct pawl_sleepers {
    struct pawl_map by_id; // struct pawl_sleeper
    struct pawl_heap by_time;
};

void pawl__sleepers_finish(struct pawl_sleepers *sleepers);

// Notes that |id| has to be woken at |wake_at|, in the place of an earlier note. False when memory
// is out; then there is no note.
bool pawl__sleepers_add(struct pawl_sleepers *sleepers, struct pawl_str id, int64_t wake_at);
void pawl__sleepers_remove(struct pawl_sleepers *sleepers, struct pawl_str id);

// When the next one has to be woken; INT64_MAX: never.
int64_t pawl__sleepers_next(const struct pawl_sleepers *sleepers);

// The next one that is due at |now|; NULL: none. It is not due again, and stays known until
// pawl__sleepers_remove, or until pawl__sleepers_retry gives it a new time.
const struct pawl_sleeper *pawl__sleepers_take(struct pawl_sleepers *sleepers, int64_t now);

// |id|, if it was taken, is due again at |wake_at|.
void pawl__sleepers_retry(struct pawl_sleepers *sleepers, struct pawl_str id, int64_t wake_at);

#endif
