#ifndef PAWL_ENGINE_RECORD_H
#define PAWL_ENGINE_RECORD_H

// Writing records to the batch under construction. Room is reserved before anything changes, so
// that writing cannot fail.

#include "engine/shard.h"

enum {
    PAWL_RECORD_REST = 256 // bytes of a record beside its id and its payload, at most
};

// Makes room for one record of |instance| with |len| bytes of events or answers in it, and for its
// effects. PAWL_E_NOMEM: nothing has changed.
enum pawl_err pawl__record_reserve(struct pawl_shard *shard, const struct pawl_instance *instance,
                                   size_t len);

// Each notes that its batch changes |instance|.
void pawl__record_event(struct pawl_shard *shard, struct pawl_instance *instance,
                        struct pawl_str event);
void pawl__record_create(struct pawl_shard *shard, struct pawl_instance *instance,
                         const Plog__Create *create);
void pawl__record_turn(struct pawl_shard *shard, struct pawl_instance *instance,
                       const Plog__Turn *turn);
void pawl__record_rerun(struct pawl_shard *shard, struct pawl_instance *instance,
                        struct pawl_str rerun); // packed
void pawl__record_purge(struct pawl_shard *shard, struct pawl_instance *instance);

#endif
