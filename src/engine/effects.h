#ifndef PAWL_ENGINE_EFFECTS_H
#define PAWL_ENGINE_EFFECTS_H

// How commands and replay tell the runtime what is to be done: turns and activities to give out,
// timers to wait for.

#include "engine/shard.h"

// Makes room for |effects| more. False: memory is out.
bool pawl__shard_reserve(struct pawl_shard *shard, size_t effects);

// Puts |instance| where its creation says in the order of lists, and where its next timer says in
// the shard's heap. To be called after each change.
void pawl__shard_place(struct pawl_shard *shard, struct pawl_instance *instance);

// Adds an effect; room was reserved.
void pawl__shard_emit(struct pawl_shard *shard, enum pawl_effect_type type,
                      struct pawl_instance *instance, int32_t task_id);

// The same for the pending activity |task|: it is to be run, here or by another app, if that can be
// reached.
void pawl__shard_emit_task(struct pawl_shard *shard, struct pawl_instance *instance,
                           const struct pawl_pending *task);

#endif
