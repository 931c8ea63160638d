#ifndef PAWL_TESTS_STORE_FAULTS_MODEL_H
#define PAWL_TESTS_STORE_FAULTS_MODEL_H

// What a store has to hold, kept beside it: a plain value that is copied to try out a commit.

#include "base/arena.h"
#include "store/sqlite/sqlite.h"

#define MODEL_SHARDS    2
#define MODEL_INSTANCES 5
#define MODEL_KEYS      6
#define MODEL_PARTS     8
#define MODEL_MAIL      4
#define MODEL_LOG       2048 // batches of a shard

// Bytes that are made from a seed: letters, so that they may be text.
struct model_text {
    uint64_t seed;
    size_t len;
};
struct pawl_str model_fill(struct pawl_arena *arena, struct model_text text);

struct model_part {
    uint32_t first; // number of its first event
    struct model_text events;
};

struct model_instance {
    bool exists, active;
    uint64_t position;
    int32_t status;
    int64_t wake_at;
    struct model_text state;
    struct model_part parts[MODEL_PARTS];
    size_t part_count;
    uint32_t events; // in all parts
};

struct model_key {
    bool exists, is_binary;
    struct model_text value;
    int64_t expires_at; // seconds since 1970; 0: never
};

struct model_mail {
    bool exists;
    struct model_text bytes;
};

struct model_shard {
    uint64_t last, trimmed;
    struct model_text log[MODEL_LOG];
    struct model_instance instances[MODEL_INSTANCES];
    struct model_mail mail[MODEL_MAIL]; // in its box
};

struct model {
    struct model_shard shards[MODEL_SHARDS];
    struct model_key keys[MODEL_KEYS];
};

const char *model_instance_id(size_t instance);
const char *model_key_name(size_t key);
const char *model_mail_key(size_t mail);
bool model_has_key(const struct model *model, size_t key, int64_t now);

// Reads all there is in |store| at the time |now| and compares. |shards| are the store's numbers.
// PAWL_E_CORRUPT, with what differs in |error|; or why it could not be read. |model_check_keys|
// reads no more than keys.
enum pawl_err model_check(const struct model *model, struct pawl_store *store,
                          const uint64_t shards[MODEL_SHARDS], int64_t now,
                          struct pawl_error *error);
enum pawl_err model_check_keys(const struct model *model, struct pawl_store *store, int64_t now,
                               struct pawl_error *error);

#endif
