#ifndef PAWL_BASE_HASH_H
#define PAWL_BASE_HASH_H

#include "base/str.h"

// SipHash-1-3 (Aumasson and Bernstein): who does not know the seed cannot choose keys that collide.
// For tables in memory only, as a seed lives no longer than its table.
struct pawl_hash_seed {
    uint64_t words[2];
};

// A random seed.
struct pawl_hash_seed pawl__hash_seed(void);

uint64_t pawl__hash(const struct pawl_hash_seed *seed, struct pawl_str key);

#endif
