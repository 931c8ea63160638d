#include "engine_kit.h"

#include "wire/unpack.h"

void engine_kit_init(struct engine_kit *kit) {
    *kit = (struct engine_kit){.now = INT64_C(1700000000000000000)};
    FUZZ_CHECK(pawl__shard_init(&kit->shard, PAWL_STR("app"), 0));
}

void engine_kit_finish(struct engine_kit *kit) {
    pawl__shard_finish(&kit->shard);
    pawl__arena_finish(&kit->arena);
}

struct pawl_stamp engine_kit_stamp(struct engine_kit *kit) {
    struct pawl_stamp stamp = {.now = ++kit->now};
    snprintf(stamp.uuid, sizeof stamp.uuid, "uuid-%u", ++kit->uuids);
    return stamp;
}

struct pawl_instance *engine_kit_pick(const struct engine_kit *kit, unsigned number) {
    struct pawl_instance *instance, *found = NULL;
    for (int round = 0; round < 2; round++) {
        size_t at = 0;
        unsigned count = 0;
        while ((instance = pawl__map_next(&kit->shard.instances, &at))) {
            if (!instance->exists) continue;
            if (round && count == number) found = instance;
            count++;
        }
        if (!count) return NULL;
        number %= count;
    }
    return found;
}

static void kit_take_batch(struct engine_kit *kit) {
    struct pawl_buf bytes = {0};
    struct pawl_batch batch;
    if (!pawl__shard_take_batch(&kit->shard, &bytes, &batch.position)) return;
    batch.records.len = bytes.len;
    batch.records.data = pawl__arena_dup(&kit->arena, pawl__buf_str(&bytes));
    pawl__buf_finish(&bytes);
    FUZZ_CHECK(kit->batch_count < sizeof kit->batches / sizeof *kit->batches);
    kit->batches[kit->batch_count++] = batch;
}

bool engine_kit_after(struct engine_kit *kit, enum pawl_err err) {
    struct pawl_instance *ghost;
    if (kit->shard.failed || err == PAWL_E_NOMEM) {
        // The engine cannot tell an event that is no event from one that there is no memory for.
        FUZZ_CHECK(!kit->is_sound);
        kit->is_lost = true;
        return false;
    }
    FUZZ_CHECK(err != PAWL_E_INTERNAL);
    if (err) FUZZ_CHECK(!kit->shard.batch_records); // nothing has changed
    if (err == PAWL_E_NEEDED) {
        struct pawl_str id = pawl__str(kit->shard.needed);
        FUZZ_CHECK(!pawl__shard_find(&kit->shard, id));
        FUZZ_CHECK(!pawl__shard_ghost(&kit->shard, id, &ghost));
        return true;
    }
    for (size_t i = 0; i < kit->shard.effect_count; i++) {
        pawl__instance_unref(kit->shard.effects[i].instance);
        free(kit->shard.effects[i].text);
    }
    kit->shard.effect_count = 0;
    kit_take_batch(kit);
    return false;
}

void engine_kit_begin(struct engine_kit *kit, struct pawl_instance *instance) {
    struct pawl_buf item = {0};
    instance->turn_held = false; // as when a worker connects
    if (!pawl__shard_turn_ready(instance, kit->now)) return;
    size_t guess = pawl__shard_turn_size(instance);
    FUZZ_CHECK(pawl__shard_begin_turn(&kit->shard, instance, engine_kit_stamp(kit),
                                      &(struct pawl_turn_to){.token = PAWL_STR("token")}, &item));
    FUZZ_CHECK(item.len <= guess + 1024);
    FUZZ_CHECK(!kit->is_sound ||
               pawl__wire_check(&pb__work_item__descriptor, pawl__buf_str(&item), NULL));
    pawl__buf_finish(&item);
}

void engine_kit_answer(struct engine_kit *kit, struct pawl_instance *instance,
                       struct pawl_str bytes) {
    struct pawl_arena arena = {0};
    struct pawl_error error = {PAWL_OK, ""};
    const Pb__WorkflowResponse *response =
        pawl__wire_unpack(&arena, &pb__workflow_response__descriptor, bytes, NULL);
    if (response) {
        struct pawl_stamp stamp = engine_kit_stamp(kit);
        pawl__instance_ref(instance);
        enum pawl_err err;
        do {
            err = pawl__shard_complete_turn(&kit->shard, stamp, instance, response, bytes, &error);
            // Whatever a worker answers: it is done, or it stalls this instance and touches no
            // other.
            FUZZ_CHECK(err == PAWL_OK || err == PAWL_E_NEEDED || err == PAWL_E_TOO_LARGE ||
                       !kit->is_sound);
            if (!err && instance->turn_held) FUZZ_CHECK(kit->shard.batch_records <= 1);
        } while (engine_kit_after(kit, err));
        pawl__instance_unref(instance);
    }
    pawl__arena_finish(&arena);
}

// --- what has to hold ---------------------------------------------------------------------------

enum pawl_err engine_kit_load(void *shard, const struct pawl_str *ids, size_t count,
                              struct pawl_error *error) {
    struct pawl_instance *ghost;
    enum pawl_err err = PAWL_OK;
    for (size_t i = 0; !err && i < count; i++) err = pawl__shard_ghost(shard, ids[i], &ghost);
    return err;
}

// The whole of |instance| as a store would have it.
static void kit_snapshot(const struct pawl_instance *instance, struct pawl_arena *arena,
                         struct pawl_snapshot *out) {
    FUZZ_CHECK(pawl__shard_snapshot(instance, arena, out));
    out->history = pawl__buf_str(&instance->history.bytes);
    out->history_from = 0;
}

static void kit_assert_same(const struct pawl_instance *a, const struct pawl_instance *b) {
    struct pawl_arena arena = {0};
    struct pawl_snapshot one, two;
    FUZZ_CHECK(a->exists == b->exists && a->generation == b->generation);
    if (a->exists) {
        kit_snapshot(a, &arena, &one);
        kit_snapshot(b, &arena, &two);
        FUZZ_CHECK(pawl__str_equal(one.state, two.state));
        FUZZ_CHECK(pawl__str_equal(one.history, two.history));
        FUZZ_CHECK(one.status == two.status && one.wake_at == two.wake_at);
    }
    pawl__arena_finish(&arena);
}

static void kit_assert_restores(const struct pawl_instance *instance) {
    struct pawl_arena arena = {0};
    struct pawl_shard other;
    struct pawl_snapshot snapshot;
    struct pawl_instance *back;
    struct pawl_error error = {PAWL_OK, ""};
    FUZZ_CHECK(pawl__shard_init(&other, PAWL_STR("app"), 0));
    kit_snapshot(instance, &arena, &snapshot);
    if (pawl__shard_restore(&other, &snapshot, &back, &error)) fprintf(stderr, "%s\n", error.text);
    FUZZ_CHECK(!error.code);
    kit_assert_same(instance, back);
    FUZZ_CHECK(pawl__shard_offer(&other, back));
    pawl__shard_finish(&other);
    pawl__arena_finish(&arena);
}

void engine_kit_check(struct engine_kit *kit) {
    struct pawl_shard other;
    struct pawl_error error = {PAWL_OK, ""};
    struct pawl_instance *instance;
    FUZZ_CHECK(pawl__shard_init(&other, PAWL_STR("app"), 0));
    for (size_t i = 0; i < kit->batch_count && !error.code; i++)
        pawl__shard_replay(&other, &kit->batches[i], engine_kit_load, &other, &error);
    if (!error.code) pawl__shard_replayed(&other, &error);
    if (error.code) fprintf(stderr, "%s\n", error.text);
    FUZZ_CHECK(!error.code);
    for (size_t at = 0; (instance = pawl__map_next(&kit->shard.instances, &at));) {
        const struct pawl_instance *twin = pawl__shard_find(&other, pawl__instance_id(instance));
        if (twin)
            kit_assert_same(instance, twin);
        else
            FUZZ_CHECK(!instance->exists);
        if (instance->exists) kit_assert_restores(instance);
    }
    pawl__shard_finish(&other);
}
