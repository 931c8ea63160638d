#include "engine/shard.h"

#include <stdlib.h>

bool pawl__shard_init(struct pawl_shard *shard, struct pawl_str app_id, uint64_t position) {
    *shard = (struct pawl_shard){
        .position = position + 1,
        .count = 1,
        .limits = {.event = 128u << 20,
                   .raised = 64u << 20,
                   .results = 160u << 20,
                   .name = 64u << 10,
                   .batch = 64u << 20},
        .app_id = pawl__str_dup(app_id),
    };
    return shard->app_id != NULL;
}

void pawl__shard_finish(struct pawl_shard *shard) {
    for (size_t i = 0; i < shard->effect_count; i++) {
        pawl__instance_unref(shard->effects[i].instance);
        free(shard->effects[i].text);
    }
    size_t at = 0;
    for (struct pawl_instance *instance; (instance = pawl__map_next(&shard->instances, &at));) {
        instance->linked = false;
        pawl__heap_remove(&shard->timers, &instance->timer);
        pawl__tree_remove(&shard->by_created, &instance->by_created);
        pawl__instance_unref(instance);
    }
    pawl__notes_settle(&shard->notes, false);
    pawl__map_finish(&shard->instances);
    pawl__buf_finish(&shard->batch);
    pawl__arena_finish(&shard->arena);
    pawl__mailbag_finish(&shard->mail);
    pawl__received_finish(&shard->received);
    free(shard->effects);
    free(shard->app_id);
    *shard = (struct pawl_shard){0};
}

struct pawl_instance *pawl__shard_find(const struct pawl_shard *shard, struct pawl_str id) {
    return pawl__map_get(&shard->instances, id);
}

enum pawl_err pawl__shard_ghost(struct pawl_shard *shard, struct pawl_str id,
                                struct pawl_instance **out) {
    struct pawl_instance *instance = pawl__instance_create(id);
    if (!instance) return PAWL_E_NOMEM;
    if (!pawl__map_put(&shard->instances, pawl__instance_id(instance), instance)) {
        pawl__instance_unref(instance);
        return PAWL_E_NOMEM;
    }
    instance->linked = true;
    *out = instance;
    return PAWL_OK;
}

void pawl__shard_evict(struct pawl_shard *shard, struct pawl_instance *instance) {
    if (!instance->linked) return;
    instance->linked = false;
    pawl__map_remove(&shard->instances, pawl__instance_id(instance));
    pawl__heap_remove(&shard->timers, &instance->timer);
    pawl__tree_remove(&shard->by_created, &instance->by_created);
    pawl__instance_unref(instance);
}

int64_t pawl__shard_wake_at(const struct pawl_shard *shard) {
    const struct pawl_heap_node *first = pawl__heap_first(&shard->timers);
    return first ? first->key : INT64_MAX;
}

int64_t pawl__shard_unique_time(struct pawl_shard *shard, struct pawl_stamp stamp) {
    shard->stamped = stamp.now > shard->stamped ? stamp.now : shard->stamped + 1;
    return shard->stamped;
}

bool pawl__shard_take_batch(struct pawl_shard *shard, struct pawl_buf *out, uint64_t *position) {
    if (!shard->batch.len && !shard->mail.len) return false;
    struct pawl_buf empty = *out;
    *out = shard->batch;
    shard->batch = empty; // two buffers take turns, and keep their memory
    *position = shard->position++;
    shard->batch_records = 0;
    return true;
}

void pawl__shard_take_mail(struct pawl_shard *shard, struct pawl_mailbag *out) {
    struct pawl_mailbag empty = *out;
    *out = shard->mail;
    shard->mail = empty;
}
