#include "base/hash.h"

#include <endian.h>

#include "base/clock.h"

struct pawl_hash_seed pawl__hash_seed(void) {
    struct pawl_hash_seed seed;
    pawl__random(&seed, sizeof seed);
    return seed;
}

static inline uint64_t hash_rotate(uint64_t word, int bits) {
    return word << bits | word >> (64 - bits);
}

static inline void hash_round(uint64_t v[4]) {
    v[0] += v[1];
    v[2] += v[3];
    v[1] = hash_rotate(v[1], 13) ^ v[0];
    v[3] = hash_rotate(v[3], 16) ^ v[2];
    v[0] = hash_rotate(v[0], 32);
    v[2] += v[1];
    v[0] += v[3];
    v[1] = hash_rotate(v[1], 17) ^ v[2];
    v[3] = hash_rotate(v[3], 21) ^ v[0];
    v[2] = hash_rotate(v[2], 32);
}

static inline void hash_word(uint64_t v[4], uint64_t word) {
    v[3] ^= word;
    hash_round(v);
    v[0] ^= word;
}

uint64_t pawl__hash(const struct pawl_hash_seed *seed, struct pawl_str key) {
    uint64_t v[4] = {
        seed->words[0] ^ UINT64_C(0x736f6d6570736575),
        seed->words[1] ^ UINT64_C(0x646f72616e646f6d),
        seed->words[0] ^ UINT64_C(0x6c7967656e657261),
        seed->words[1] ^ UINT64_C(0x7465646279746573),
    };
    uint64_t word, last = (uint64_t)key.len << 56;
    for (; key.len >= sizeof word; key.data += sizeof word, key.len -= sizeof word) {
        memcpy(&word, key.data, sizeof word);
        hash_word(v, le64toh(word));
    }
    word = 0;
    if (key.len) memcpy(&word, key.data, key.len);
    hash_word(v, last | le64toh(word));
    v[2] ^= 0xff;
    for (int i = 0; i < 3; i++) hash_round(v);
    return v[0] ^ v[1] ^ v[2] ^ v[3];
}
