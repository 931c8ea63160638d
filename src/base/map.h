#ifndef PAWL_BASE_MAP_H
#define PAWL_BASE_MAP_H

#include "base/hash.h"
#include "base/str.h"

// A hash table from strings to pointers. Zero-initialised it is empty and ready.
//
// The key's bytes belong to the value (or to somebody who outlives it): the map keeps the view.
// Open addressing with linear probing; removal shifts the run back, so there are no tombstones.
// Each table has a random seed, so that nobody can choose keys that collide; the order of iteration
// is another each time.
struct pawl_map {
    struct pawl_map_slot *slots;
    size_t len, cap; // cap is 0 or a power of two
    struct pawl_hash_seed seed;
};

struct pawl_map_slot {
    struct pawl_str key;
    void *value; // NULL: the slot is free
    uint64_t hash;
};

void pawl__map_finish(struct pawl_map *map);

// The value under |key|, or NULL.
void *pawl__map_get(const struct pawl_map *map, struct pawl_str key);

// Puts |value| (not NULL) under |key|, replacing both key and value of an equal key. False when
// memory is out, and then the map is as it was.
bool pawl__map_put(struct pawl_map *map, struct pawl_str key, void *value);

// The same; |*old| is what was under |key|, or NULL.
bool pawl__map_exchange(struct pawl_map *map, struct pawl_str key, void *value, void **old);

// Removes |key| and returns what was under it, or NULL.
void *pawl__map_remove(struct pawl_map *map, struct pawl_str key);

// Iterates: start with |*at| = 0; NULL at the end. The map must not change meanwhile.
void *pawl__map_next(const struct pawl_map *map, size_t *at);

#endif
