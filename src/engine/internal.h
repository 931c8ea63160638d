#ifndef PAWL_ENGINE_INTERNAL_H
#define PAWL_ENGINE_INTERNAL_H

// What the files of the shard share.

#include "engine/shard.h"

// Puts |instance| where its next timer says in the shard's heap.
bool pawl__shard_retime(struct pawl_shard *shard, struct pawl_instance *instance);

bool pawl__shard_emit(struct pawl_shard *shard, enum pawl_effect_type type,
                      struct pawl_instance *instance, int32_t task_id);

#endif
