// Rows as a store gives them to the engine. Steps, each a byte that chooses it:
//
//   0  a snapshot: the id's letter, the state, the history
//   1  a batch of the log
//   2  a turn of an instance (a byte), answered with a WorkflowResponse
//   3  a letter of the mailbox, given twice, as it is when it is not known whether it was removed
//   4  a history that is imported: the id's letter, its events

#include "engine_kit.h"

static void rows_snapshot(struct engine_kit *kit, struct fuzz_input *input) {
    char id[2] = {(char)('a' + fuzz_byte(input) % 4), 0};
    struct pawl_str state = fuzz_copy(fuzz_piece(input)), history = fuzz_copy(fuzz_piece(input));
    const struct pawl_snapshot snapshot = {
        .id = pawl__str(id), .position = 1, .state = state, .history = history};
    struct pawl_instance *instance;
    struct pawl_error error = {PAWL_OK, ""};
    if (!pawl__shard_find(&kit->shard, snapshot.id)) {
        enum pawl_err err = pawl__shard_restore(&kit->shard, &snapshot, &instance, &error);
        FUZZ_CHECK(err == PAWL_OK || (err == PAWL_E_CORRUPT && *error.text));
        if (!err) {
            FUZZ_CHECK(pawl__shard_offer(&kit->shard, instance));
            engine_kit_after(kit, PAWL_OK);
        }
    }
    free((char *)state.data);
    free((char *)history.data);
}

static void rows_batch(struct engine_kit *kit, struct fuzz_input *input) {
    struct pawl_str records = fuzz_copy(fuzz_piece(input));
    const struct pawl_batch batch = {kit->shard.position, records};
    struct pawl_error error = {PAWL_OK, ""};
    enum pawl_err err =
        pawl__shard_replay(&kit->shard, &batch, engine_kit_load, &kit->shard, &error);
    FUZZ_CHECK(err == PAWL_OK || (err == PAWL_E_CORRUPT && *error.text));
    free((char *)records.data);
}

static void rows_letter(struct engine_kit *kit, struct fuzz_input *input) {
    struct pawl_str bytes = fuzz_copy(fuzz_piece(input));
    struct pawl_arena arena = {0};
    struct pawl_message message;
    struct pawl_error error = {PAWL_OK, ""};
    enum pawl_err err = pawl__message_unpack(bytes, &arena, &message, &error);
    FUZZ_CHECK(err == PAWL_OK || (err == PAWL_E_CORRUPT && *error.text));
    for (int times = 0; !err && times < 2 && !kit->is_lost; times++) {
        enum pawl_err received;
        do {
            error = (struct pawl_error){PAWL_OK, ""};
            received = pawl__shard_receive(&kit->shard, engine_kit_stamp(kit), &message, &error);
        } while (engine_kit_after(kit, received) && !kit->is_lost);
        FUZZ_CHECK(!received || *error.text);
    }
    pawl__arena_finish(&arena);
    free((char *)bytes.data);
}

static void rows_import(struct engine_kit *kit, struct fuzz_input *input) {
    char id[2] = {(char)('a' + fuzz_byte(input) % 4), 0};
    struct pawl_str history = fuzz_copy(fuzz_piece(input));
    struct pawl_error error;
    enum pawl_err err;
    do {
        struct pawl_fork fork = {.imports = true, .history = history, .id = id};
        error = (struct pawl_error){PAWL_OK, ""};
        err = pawl__shard_rerun(&kit->shard, engine_kit_stamp(kit), &fork, &error);
    } while (engine_kit_after(kit, err) && !kit->is_lost);
    FUZZ_CHECK(!err || *error.text);
    const struct pawl_instance *instance = pawl__shard_find(&kit->shard, pawl__str(id));
    if (!err) FUZZ_CHECK(instance && pawl__instance_completed(instance));
    if (!err) FUZZ_CHECK(!pawl__instance_active(instance) && instance->completed_at > 0);
    free((char *)history.data);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    struct fuzz_input input = {data, size};
    struct engine_kit kit;
    struct pawl_arena arena = {0};
    struct pawl_instance *instance;
    engine_kit_init(&kit);
    for (int step = 0; input.left && !kit.is_lost && step < 64; step++) {
        switch (fuzz_byte(&input)) {
        case 0: rows_snapshot(&kit, &input); break;
        case 1: rows_batch(&kit, &input); break;
        case 4: rows_import(&kit, &input); break;
        case 2:
            instance = engine_kit_pick(&kit, fuzz_byte(&input));
            if (!instance) break;
            engine_kit_begin(&kit, instance);
            engine_kit_answer(&kit, instance, fuzz_piece(&input));
            break;
        case 3: rows_letter(&kit, &input); break;
        default: break;
        }
    }
    pawl__shard_replayed(&kit.shard, NULL);
    // All that was let in can be read by the calls that show it, and written again.
    for (size_t at = 0; (instance = pawl__map_next(&kit.shard.instances, &at));) {
        struct pawl_snapshot snapshot;
        if (!instance->exists || kit.is_lost) continue;
        FUZZ_CHECK(pawl__shard_snapshot(instance, &arena, &snapshot));
        pawl__instance_start(instance, &arena);
        pawl__shard_wake_at(&kit.shard);
    }
    pawl__arena_finish(&arena);
    engine_kit_finish(&kit);
    return 0;
}
