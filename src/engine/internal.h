#ifndef PAWL_ENGINE_INTERNAL_H
#define PAWL_ENGINE_INTERNAL_H

// What the files of the shard share.

#include "engine/shard.h"

// Whether instances with |id| live in this shard.
static inline bool pawl__shard_has(const struct pawl_shard *shard, struct pawl_str id) {
    return shard->count <= 1 || pawl__shard_of(id, shard->count) == shard->number;
}

// Makes room for |effects| more, and for one more timer. False: memory is out.
bool pawl__shard_reserve(struct pawl_shard *shard, size_t effects);

// Puts |instance| where its next timer says in the shard's heap. Room was reserved, or it was there
// before.
void pawl__shard_retime(struct pawl_shard *shard, struct pawl_instance *instance);

// Adds an effect; room was reserved.
void pawl__shard_emit(struct pawl_shard *shard, enum pawl_effect_type type,
                      struct pawl_instance *instance, int32_t task_id);

// The same for the pending activity |task|: it is to be run, here or by another app, if that can be
// reached.
void pawl__shard_emit_task(struct pawl_shard *shard, struct pawl_instance *instance,
                           const struct pawl_pending *task);

// A time for something that is told apart by it: no other has the same.
int64_t pawl__shard_unique_time(struct pawl_shard *shard, struct pawl_stamp stamp);

#endif
