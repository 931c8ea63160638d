#include "engine/effects.h"

#include <stdlib.h>

#include "base/assert.h"

bool pawl__shard_reserve(struct pawl_shard *shard, size_t effects) {
    if (shard->effect_cap - shard->effect_count >= effects) return true;
    size_t cap = 2 * shard->effect_cap + effects + 16;
    struct pawl_effect *all = realloc(shard->effects, cap * sizeof *all);
    if (!all) return false;
    shard->effects = all;
    shard->effect_cap = cap;
    return true;
}

// Where its creation says in the order of lists.
static void effects_order(struct pawl_shard *shard, struct pawl_instance *instance) {
    struct pawl_tree_node *node = &instance->by_created;
    bool stands = node->rank != 0;
    if (stands == instance->exists && (!stands || node->number == instance->created_at)) return;
    pawl__tree_remove(&shard->by_created, node);
    if (instance->exists)
        pawl__tree_add(&shard->by_created, node, instance->created_at, pawl__instance_id(instance));
}

void pawl__shard_place(struct pawl_shard *shard, struct pawl_instance *instance) {
    effects_order(shard, instance);
    bool offered = instance->start_due && !instance->started_at;
    int64_t wake_at = offered ? INT64_MAX : pawl__instance_wake_at(instance);
    if (pawl__heap_has(&shard->timers, &instance->timer) && instance->timer.key == wake_at) return;
    pawl__heap_remove(&shard->timers, &instance->timer);
    if (wake_at != INT64_MAX) pawl__heap_add(&shard->timers, &instance->timer, wake_at);
}

void pawl__shard_emit(struct pawl_shard *shard, enum pawl_effect_type type,
                      struct pawl_instance *instance, int32_t task_id) {
    pawl__assert(shard->effect_count < shard->effect_cap);
    shard->effects[shard->effect_count++] =
        (struct pawl_effect){type, task_id, pawl__instance_ref(instance), instance->generation};
}

void pawl__shard_emit_task(struct pawl_shard *shard, struct pawl_instance *instance,
                           const struct pawl_pending *task) {
    enum pawl_effect_type type = PAWL_EFFECT_ACTIVITY;
    if (task->elsewhere) {
        if (!shard->gives_far) return;
        type = PAWL_EFFECT_ACTIVITY_ELSEWHERE;
    }
    pawl__shard_emit(shard, type, instance, task->id);
}

bool pawl__shard_offer(struct pawl_shard *shard, struct pawl_instance *instance) {
    if (!instance->exists) return true;
    if (!pawl__shard_reserve(shard, instance->pending.live + 2)) return false;
    for (uint32_t i = 0; i < instance->pending.len; i++) {
        const struct pawl_pending *item = &instance->pending.items[i];
        if (item->kind == PAWL_PENDING_TASK) pawl__shard_emit_task(shard, instance, item);
    }
    if (instance->inbox.count && !pawl__instance_completed(instance))
        pawl__shard_emit(shard, PAWL_EFFECT_TURN, instance, 0);
    if (pawl__instance_ends_alone(instance)) pawl__shard_emit(shard, PAWL_EFFECT_END, instance, 0);
    pawl__shard_place(shard, instance);
    return true;
}
