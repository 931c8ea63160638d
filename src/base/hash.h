#ifndef PAWL_BASE_HASH_H
#define PAWL_BASE_HASH_H

#include "base/str.h"

// The hash of a table's keys: a polynomial at a random point (Carter and Wegman). The words of a
// key, of seven bytes each, are its coefficients, after |start| plus the key's length; it is taken
// at |point|, modulo 2^61 - 1. So of two different keys of n words, chosen by whoever does not know
// the seed, the chance to collide is (n + 1) / 2^60. For tables in memory only, whose seed lives no
// longer than they do and whose hashes nobody is shown.
struct pawl_hash_seed {
    uint64_t point, start; // of 60 bits
};

// A random seed.
struct pawl_hash_seed pawl__hash_seed(void);

// Less than 2^61.
uint64_t pawl__hash(const struct pawl_hash_seed *seed, struct pawl_str key);

#endif
