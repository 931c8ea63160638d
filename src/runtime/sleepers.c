#include "runtime/sleepers.h"

#include <stdlib.h>

bool pawl__sleepers_add(struct pawl_sleepers *sleepers, struct pawl_str id, int64_t wake_at) {
    struct pawl_sleeper *sleeper = malloc(sizeof *sleeper + id.len);
    if (!sleeper) return false;
    sleeper->node = (struct pawl_heap_node){0};
    sleeper->id_len = id.len;
    memcpy(sleeper->id, id.data, id.len);
    struct pawl_str key = {sleeper->id, id.len};
    pawl__sleepers_remove(sleepers, id);
    if (!pawl__map_put(&sleepers->by_id, key, sleeper)) {
        free(sleeper);
        return false;
    }
    pawl__heap_add(&sleepers->by_time, &sleeper->node, wake_at);
    return true;
}

void pawl__sleepers_remove(struct pawl_sleepers *sleepers, struct pawl_str id) {
    struct pawl_sleeper *sleeper = pawl__map_remove(&sleepers->by_id, id);
    if (!sleeper) return;
    pawl__heap_remove(&sleepers->by_time, &sleeper->node);
    free(sleeper);
}

void pawl__sleepers_finish(struct pawl_sleepers *sleepers) {
    size_t at = 0;
    for (struct pawl_sleeper *sleeper; (sleeper = pawl__map_next(&sleepers->by_id, &at));)
        free(sleeper);
    pawl__map_finish(&sleepers->by_id);
    sleepers->by_time = (struct pawl_heap){0};
}

int64_t pawl__sleepers_next(const struct pawl_sleepers *sleepers) {
    const struct pawl_heap_node *first = pawl__heap_first(&sleepers->by_time);
    return first ? first->key : INT64_MAX;
}

const struct pawl_sleeper *pawl__sleepers_take(struct pawl_sleepers *sleepers, int64_t now) {
    struct pawl_heap_node *first = pawl__heap_first(&sleepers->by_time);
    if (!first || first->key > now) return NULL;
    pawl__heap_remove(&sleepers->by_time, first);
    return PAWL_CONTAINER(first, struct pawl_sleeper, node);
}

void pawl__sleepers_retry(struct pawl_sleepers *sleepers, struct pawl_str id, int64_t wake_at) {
    struct pawl_sleeper *sleeper = pawl__map_get(&sleepers->by_id, id);
    if (sleeper && !pawl__heap_has(&sleepers->by_time, &sleeper->node))
        pawl__heap_add(&sleepers->by_time, &sleeper->node, wake_at);
}
