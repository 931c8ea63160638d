#include "base/map.h"

#include <stdlib.h>

void pawl__map_finish(struct pawl_map *map) {
    free(map->slots);
    *map = (struct pawl_map){0};
}

// The slot of |key|, or the free slot where it would go. The table must have a free slot.
static struct pawl_map_slot *map_find(const struct pawl_map *map, struct pawl_str key,
                                      uint64_t hash) {
    size_t i = (size_t)hash & (map->cap - 1);
    while (map->slots[i].value &&
           (map->slots[i].hash != hash || !pawl__str_equal(map->slots[i].key, key)))
        i = (i + 1) & (map->cap - 1);
    return &map->slots[i];
}

static bool map_grow(struct pawl_map *map) {
    struct pawl_map bigger = {
        .len = map->len,
        .cap = map->cap ? map->cap * 2 : 16,
        .seed = map->cap ? map->seed : pawl__hash_seed(),
    };
    bigger.slots = calloc(bigger.cap, sizeof *bigger.slots);
    if (!bigger.slots) return false;
    for (size_t i = 0; i < map->cap; i++) {
        struct pawl_map_slot *slot = &map->slots[i];
        if (slot->value) *map_find(&bigger, slot->key, slot->hash) = *slot;
    }
    free(map->slots);
    *map = bigger;
    return true;
}

void *pawl__map_get(const struct pawl_map *map, struct pawl_str key) {
    return map->cap ? map_find(map, key, pawl__hash(&map->seed, key))->value : NULL;
}

bool pawl__map_exchange(struct pawl_map *map, struct pawl_str key, void *value, void **old) {
    if (map->len * 4 >= map->cap * 3 && !map_grow(map)) return false;
    uint64_t hash = pawl__hash(&map->seed, key);
    struct pawl_map_slot *slot = map_find(map, key, hash);
    *old = slot->value;
    if (!slot->value) map->len++;
    *slot = (struct pawl_map_slot){key, value, hash};
    return true;
}

bool pawl__map_put(struct pawl_map *map, struct pawl_str key, void *value) {
    void *old;
    return pawl__map_exchange(map, key, value, &old);
}

void *pawl__map_remove(struct pawl_map *map, struct pawl_str key) {
    if (!map->cap) return NULL;
    struct pawl_map_slot *slot = map_find(map, key, pawl__hash(&map->seed, key));
    void *value = slot->value;
    if (!value) return NULL;
    size_t mask = map->cap - 1, hole = (size_t)(slot - map->slots), i = hole;
    for (;;) {
        i = (i + 1) & mask;
        if (!map->slots[i].value) break;
        size_t home = (size_t)map->slots[i].hash & mask;
        if (((i - home) & mask) < ((i - hole) & mask)) continue; // its home lies behind the hole
        map->slots[hole] = map->slots[i];
        hole = i;
    }
    map->slots[hole] = (struct pawl_map_slot){0};
    map->len--;
    return value;
}

void *pawl__map_next(const struct pawl_map *map, size_t *at) {
    while (*at < map->cap) {
        struct pawl_map_slot *slot = &map->slots[(*at)++];
        if (slot->value) return slot->value;
    }
    return NULL;
}
