#include "base/hash.h"

#include <endian.h>

#include "base/clock.h"

enum {
    HASH_BITS = 61, // 2^61 - 1 is a prime
    HASH_WORD = 7   // bytes: less than the prime, whatever they are
};

static const uint64_t hash_prime = (UINT64_C(1) << HASH_BITS) - 1;

struct pawl_hash_seed pawl__hash_seed(void) {
    struct pawl_hash_seed seed;
    pawl__random(&seed, sizeof seed);
    seed.point >>= 64 - HASH_BITS + 1;
    seed.start >>= 64 - HASH_BITS + 1;
    return seed;
}

// (|sum| + |word|) * |point|, or what is the same modulo the prime: less than 2^63, if |sum| is.
static inline uint64_t hash_step(uint64_t sum, uint64_t word, uint64_t point) {
    unsigned __int128 product = (unsigned __int128)(sum + word) * point;
    return ((uint64_t)product & hash_prime) + (uint64_t)(product >> HASH_BITS);
}

static inline uint64_t hash_load(const char *data) {
    uint64_t word;
    memcpy(&word, data, sizeof word);
    return le64toh(word);
}

// The last |len| bytes of |key|, at most seven.
static inline uint64_t hash_load_last(struct pawl_str key, size_t len) {
    uint64_t word = 0;
    if (key.len >= sizeof word)
        return hash_load(key.data + key.len - sizeof word) >> 8 * (sizeof word - len);
    memcpy(&word, key.data, len);
    return le64toh(word);
}

uint64_t pawl__hash(const struct pawl_hash_seed *seed, struct pawl_str key) {
    const uint64_t mask = (UINT64_C(1) << 8 * HASH_WORD) - 1;
    uint64_t sum = hash_step(seed->start, key.len, seed->point);
    size_t left = key.len;
    for (const char *at = key.data; left > HASH_WORD; at += HASH_WORD, left -= HASH_WORD)
        sum = hash_step(sum, hash_load(at) & mask, seed->point);
    if (left) sum = hash_step(sum, hash_load_last(key, left), seed->point);
    sum = (sum & hash_prime) + (sum >> HASH_BITS);
    return sum < hash_prime ? sum : sum - hash_prime;
}
