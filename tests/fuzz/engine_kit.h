#ifndef PAWL_TESTS_FUZZ_ENGINE_KIT_H
#define PAWL_TESTS_FUZZ_ENGINE_KIT_H

// A shard that is told things from outside, and whose log is kept: in the end a shard that knows
// only the log has to be the same.

#include "base/clock.h"
#include "engine/shard.h"
#include "fuzz.h"

struct engine_kit {
    struct pawl_shard shard;
    struct pawl_arena arena;
    struct pawl_batch batches[256]; // in |arena|
    size_t batch_count;
    int64_t now;
    unsigned uuids;
    bool is_sound; // all that is in the histories came in by commands
    bool is_lost;  // the shard would have to be read again
};

void engine_kit_init(struct engine_kit *kit);
void engine_kit_finish(struct engine_kit *kit);

struct pawl_stamp engine_kit_stamp(struct engine_kit *kit);

// The instance |number| of those in memory that exist, in the order of the table; NULL: there is
// none.
struct pawl_instance *engine_kit_pick(const struct engine_kit *kit, unsigned number);

// After a command that returned |err|: checks what may be of it, takes the batch, forgets the
// effects. True when the command is to be given again.
bool engine_kit_after(struct engine_kit *kit, enum pawl_err err);

// Gives the turn of |instance| to a worker, if it has one.
void engine_kit_begin(struct engine_kit *kit, struct pawl_instance *instance);

// Answers the turn of |instance| with the encoded WorkflowResponse |bytes|.
void engine_kit_answer(struct engine_kit *kit, struct pawl_instance *instance,
                       struct pawl_str bytes);

// Each instance can be written as a snapshot and read again, and is what the log says.
void engine_kit_check(struct engine_kit *kit);

enum pawl_err engine_kit_load(void *shard, const struct pawl_str *ids, size_t count,
                              struct pawl_error *error);

#endif
