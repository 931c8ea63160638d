#ifndef PAWL_RUNTIME_SHADOW_H
#define PAWL_RUNTIME_SHADOW_H

// The proof that the log says all: in debug builds a second shard is kept that knows nothing but
// what was loaded and what the log holds. After each commit it replays the batch, and every
// instance that the batch changed has to be the same, byte for byte, as the one that the commands
// made.
//
// A difference is a bug of the engine, which would show after a crash; so it ends the process.

#include "base/log.h"
#include "engine/shard.h"

#ifdef NDEBUG
struct pawl_shadow {
    char unused;
};
static inline void pawl__shadow_begin(struct pawl_shadow *shadow, const struct pawl_shard *shard,
                                      const struct pawl_log *log) {
}
static inline void pawl__shadow_add(struct pawl_shadow *shadow,
                                    const struct pawl_instance *instance) {
}
static inline void pawl__shadow_remove(struct pawl_shadow *shadow,
                                       const struct pawl_instance *instance) {
}
static inline void pawl__shadow_check(struct pawl_shadow *shadow, const struct pawl_batch *batch) {
}
static inline void pawl__shadow_drop(struct pawl_shadow *shadow) {
}
#else
struct pawl_shadow {
    struct pawl_shard copy;
    const struct pawl_shard *shard; // that the commands change
    const struct pawl_log *log;
};
// Copies what is in memory, which is what the store holds: after it was read.
void pawl__shadow_begin(struct pawl_shadow *shadow, const struct pawl_shard *shard,
                        const struct pawl_log *log);
// An instance or ghost was loaded; has left memory.
void pawl__shadow_add(struct pawl_shadow *shadow, const struct pawl_instance *instance);
void pawl__shadow_remove(struct pawl_shadow *shadow, const struct pawl_instance *instance);
// |batch| is durable.
void pawl__shadow_check(struct pawl_shadow *shadow, const struct pawl_batch *batch);
void pawl__shadow_drop(struct pawl_shadow *shadow);
#endif

#endif
