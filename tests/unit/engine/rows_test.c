// Snapshots and the log: what is written can be read back, to the byte; what is damaged is refused.

#include "kit.h"

#include <stdio.h>

#include "wire/unpack.h"

// --- a store in memory --------------------------------------------------------------------------

struct rows {
    struct pawl_snapshot snapshots[16];
    size_t count;
    struct pawl_shard *shard; // that is being read into
};

static struct pawl_snapshot *rows_find(struct rows *rows, struct pawl_str id) {
    for (size_t i = 0; i < rows->count; i++)
        if (pawl__str_equal(rows->snapshots[i].id, id)) return &rows->snapshots[i];
    return NULL;
}

// Copies what |snapshot| points to, as the instance goes on.
static void rows_put(struct kit *kit, struct rows *rows, const struct pawl_instance *instance) {
    struct pawl_snapshot copy;
    kit_snapshot(instance, &kit->arena, &copy);
    copy.id.data = pawl__arena_dup(&kit->arena, copy.id);
    copy.name.data = pawl__arena_dup(&kit->arena, copy.name);
    copy.history.data = pawl__arena_dup(&kit->arena, copy.history);
    struct pawl_snapshot *row = rows_find(rows, copy.id);
    if (!row) {
        assert_true(rows->count < sizeof rows->snapshots / sizeof *rows->snapshots);
        row = &rows->snapshots[rows->count++];
    }
    *row = copy;
}

static void rows_delete(struct rows *rows, struct pawl_str id) {
    struct pawl_snapshot *row = rows_find(rows, id);
    if (row) *row = rows->snapshots[--rows->count];
}

static enum pawl_err rows_load(void *arg, const struct pawl_str *ids, size_t count,
                               struct pawl_error *error) {
    struct rows *rows = arg;
    struct pawl_instance *instance;
    enum pawl_err err = PAWL_OK;
    for (size_t i = 0; !err && i < count; i++) {
        assert_null(pawl__shard_find(rows->shard, ids[i])); // each once
        const struct pawl_snapshot *row = rows_find(rows, ids[i]);
        err = row ? pawl__shard_restore(rows->shard, row, &instance, error)
                  : pawl__shard_ghost(rows->shard, ids[i], &instance);
    }
    return err;
}

// Reads |rows| and the batches from |first| on, and compares with what is in memory.
static void rows_assert_recovers(struct kit *kit, struct rows *rows, size_t first) {
    struct pawl_shard shard;
    struct pawl_error error = {PAWL_OK, ""};
    struct pawl_arena arena = {0};
    assert_true(pawl__shard_init(&shard, PAWL_STR("app"), 0));
    rows->shard = &shard;
    for (size_t i = first; i < kit->batch_count; i++)
        if (pawl__shard_replay(&shard, &kit->batches[i], rows_load, rows, &error))
            fail_msg("%s", error.text);
    if (pawl__shard_replayed(&shard, &error)) fail_msg("%s", error.text);
    size_t at = 0;
    for (struct pawl_instance *live; (live = pawl__map_next(&kit->shard.instances, &at));) {
        struct pawl_str id = pawl__instance_id(live);
        if (!pawl__shard_find(&shard, id))
            assert_int_equal(rows_load(rows, &id, 1, &error), PAWL_OK);
        struct pawl_instance *again = pawl__shard_find(&shard, id);
        assert_int_equal(again->exists, live->exists);
        if (!live->exists) continue;
        struct pawl_snapshot a, b;
        kit_snapshot(live, &arena, &a);
        kit_snapshot(again, &arena, &b);
        kit_assert_same(&a, &b);
        assert_int_equal(a.position, b.position);
    }
    pawl__arena_finish(&arena);
    pawl__shard_finish(&shard);
}

// --- a random program ---------------------------------------------------------------------------

static uint64_t random_next(uint64_t *seed) { // xorshift64*
    *seed ^= *seed >> 12;
    *seed ^= *seed << 25;
    *seed ^= *seed >> 27;
    return *seed * UINT64_C(2685821657736338717);
}

static unsigned random_below(uint64_t *seed, unsigned limit) {
    return (unsigned)(random_next(seed) >> 33) % limit;
}

static Pb__WorkflowAction *random_action(struct kit *kit, uint64_t *seed, int32_t id) {
    char other[8];
    snprintf(other, sizeof other, "%c", 'a' + (int)random_below(seed, 8));
    switch (random_below(seed, 9)) {
    case 0:
    case 1: return kit_pass(kit_task(kit, id, "Pay", "1"), (int)random_below(seed, 3));
    case 2: return kit_timer(kit, id, kit->now + random_below(seed, 1000));
    case 3: return kit_event_timer(kit, id, random_below(seed, 2) ? "E" : "f", KIT_NEVER);
    case 4:
        return kit_pass(kit_child(kit, id, random_below(seed, 2) ? NULL : other, "Child"),
                        (int)random_below(seed, 3));
    case 5: return kit_detached(kit, id, other, "Detached");
    case 6:
        return random_below(seed, 4) ? kit_task(kit, id, "Ship", NULL)
                                     : kit_complete(kit, id, "\"done\"");
    case 7:
        return random_below(seed, 4) ? kit_timer(kit, id, kit->now)
                                     : kit_carry(kit, kit_continue(kit, id, "\"more\""), "E");
    default: return kit_to_app(kit, kit_task(kit, id, "Far", NULL), "far");
    }
}

static void random_turn(struct kit *kit, uint64_t *seed, struct pawl_instance *instance) {
    static char *const patches[] = {"p1", "p2", "p3"};
    Pb__WorkflowAction *actions[6] = {NULL};
    Pb__WorkflowVersion version = PB__WORKFLOW_VERSION__INIT;
    if (!pawl__shard_turn_ready(instance, kit->now)) {
        instance->turn_held = false; // as when a worker connects
        if (!pawl__shard_turn_ready(instance, kit->now)) return;
    }
    kit_begin(kit, instance->id);
    if (random_below(seed, 8) == 0) {
        pawl__shard_turn_lost(instance);
        return;
    }
    unsigned count = random_below(seed, 5);
    for (unsigned i = 0; i < count; i++) // ids that no earlier turn has used
        actions[i] = random_action(kit, seed, (int32_t)(instance->history.count * 8 + i));
    if (random_below(seed, 2)) kit->response.customstatus = kit_value(kit, "\"s\"");
    if (random_below(seed, 2) && instance->id[0] < 'd') {
        version.patches = (char **)(uintptr_t)patches;
        version.n_patches = 1 + random_below(seed, 3);
        kit->response._version_case = PB__WORKFLOW_RESPONSE___VERSION_VERSION;
        kit->response.version = &version;
    }
    enum pawl_err err = kit_answer(kit, instance->id, actions);
    assert_true(err == PAWL_OK || err == PAWL_E_INVALID);
}

static void random_step(struct kit *kit, uint64_t *seed) {
    char id[8];
    snprintf(id, sizeof id, "%c", 'a' + (int)random_below(seed, 8));
    struct pawl_instance *instance = pawl__shard_find(&kit->shard, pawl__str(id));
    switch (random_below(seed, 16)) {
    case 0:
    case 1: kit_create(kit, id, "Order"); break;
    case 2:
        kit_create_with(kit, id, "Later", NULL, kit->now + random_below(seed, 500), false);
        break;
    case 3: kit_raise(kit, id, random_below(seed, 2) ? "e" : "F", "1"); break;
    case 4: random_below(seed, 2) ? kit_suspend(kit, id) : kit_resume(kit, id); break;
    case 5: kit_terminate(kit, id, "\"why\"", random_below(seed, 2)); break;
    case 6: kit_purge(kit, id, random_below(seed, 2), random_below(seed, 3) == 0, NULL); break;
    case 7:
    case 8:
        kit->now += random_below(seed, 300);
        kit_fire(kit, kit->now);
        break;
    case 9:
    case 10:
        for (uint32_t i = 0; instance && i < instance->pending.len; i++) {
            struct pawl_pending item = instance->pending.items[i];
            if (item.kind != PAWL_PENDING_TASK || random_below(seed, 2)) continue;
            random_below(seed, 3) ? kit_result(kit, id, item.id, "2")
                                  : kit_failure(kit, id, item.id, "bad");
            break;
        }
        break;
    default: {
        size_t at = 0, skip = random_below(seed, 6);
        for (struct pawl_instance *any; (any = pawl__map_next(&kit->shard.instances, &at));)
            if (skip-- == 0) {
                random_turn(kit, seed, any);
                break;
            }
    }
    }
    assert_false(kit->shard.failed);
}

// Ends a batch; the store then drops the snapshots of what was purged in it.
static void random_commit(struct kit *kit, struct rows *rows) {
    for (size_t i = 0; i < kit->shard.effect_count; i++)
        if (kit->shard.effects[i].type == PAWL_EFFECT_PURGED)
            rows_delete(rows, pawl__instance_id(kit->shard.effects[i].instance));
    kit_effects(kit);
    kit_commit(kit);
}

static uint64_t random_last; // to be told when it fails

static void random_program(uint64_t number) {
    random_last = number;
    uint64_t seed = number * UINT64_C(0x9e3779b97f4a7c15) + 1;
    struct kit kit;
    struct rows none = {0}, rows = {0};
    size_t trimmed = 0;
    kit_init(&kit);
    for (int step = 0; step < 300; step++) {
        random_step(&kit, &seed);
        if (random_below(&seed, 4)) continue;
        random_commit(&kit, &rows);
        size_t at = 0;
        bool all = random_below(&seed, 16) == 0; // a checkpoint, after which the log is trimmed
        for (struct pawl_instance *any; (any = pawl__map_next(&kit.shard.instances, &at));)
            if (any->exists && rows.count < 15 && (all || random_below(&seed, 8) == 0))
                rows_put(&kit, &rows, any);
        if (all && kit.shard.instances.len < 15) trimmed = kit.batch_count;
        if (random_below(&seed, 16) == 0) rows_assert_recovers(&kit, &rows, trimmed);
    }
    random_commit(&kit, &rows);
    kit_assert_replays(&kit);
    rows_assert_recovers(&kit, &none, 0);
    rows_assert_recovers(&kit, &rows, 0);
    rows_assert_recovers(&kit, &rows, trimmed);
    kit_finish(&kit);
}

static int tell_seed(void **state) {
    print_message("last seed: %llu\n", (unsigned long long)random_last);
    return 0;
}

static void test_random_programs(void **state) {
    const char *only = getenv("PAWL_SEED"), *count = getenv("PAWL_PROGRAMS");
    uint64_t programs = count ? strtoull(count, NULL, 10) : 300;
    if (only) {
        random_program(strtoull(only, NULL, 10));
        return;
    }
    for (uint64_t number = 1; number <= programs; number++) random_program(number);
}

// --- single rows --------------------------------------------------------------------------------

// Gives the version that |rich_instance| has with the next answer.
static void give_version(struct kit *kit) {
    static char *patches[] = {"p1", "p2"};
    static Pb__WorkflowVersion version;
    pb__workflow_version__init(&version);
    version._name_case = PB__WORKFLOW_VERSION___NAME_NAME;
    version.name = "v1";
    version.patches = patches;
    version.n_patches = 2;
    kit->response._version_case = PB__WORKFLOW_RESPONSE___VERSION_VERSION;
    kit->response.version = &version;
}

// An instance in which as much as can be is set.
static void rich_instance(struct kit *kit) {
    kit_create(kit, "a", "Order");
    give_version(kit);
    kit->response.customstatus = kit_value(kit, "\"half\"");
    kit_turn(kit, "a",
             ACTIONS(kit_task(kit, 0, "Pay", "1"), kit_task(kit, 1, "Pay", NULL),
                     kit_timer(kit, 2, kit->now + PAWL_SECOND),
                     kit_event_timer(kit, 3, "e", kit->now + PAWL_SECOND),
                     kit_child(kit, 4, "c", "Child")));
    kit_result(kit, "a", 0, "1");
    kit_suspend(kit, "a");
    kit_commit(kit);
}

static void test_round_trip(void **state) {
    struct kit kit;
    kit_init(&kit);
    rich_instance(&kit);
    struct rows rows = {0};
    struct pawl_instance *a = kit_find(&kit, "a");
    rows_put(&kit, &rows, a);
    assert_true(rows.snapshots[0].active);
    assert_int_equal(rows.snapshots[0].wake_at, pawl__instance_wake_at(a));
    assert_int_equal(rows.snapshots[0].status, STATUS(RUNNING));
    rows_assert_recovers(&kit, &rows, 0);

    // Only what the store does not have yet is in the next one.
    a->saved_events = a->history.count;
    a->saved_bytes = a->history.bytes.len;
    give_version(&kit);
    kit_turn(&kit, "a", NO_ACTIONS);
    struct pawl_snapshot part, whole;
    assert_true(pawl__shard_snapshot(a, &kit.arena, &part));
    assert_int_equal(part.history_from, 7);
    assert_string_equal(kit_events(&kit, part.history),
                        "WorkflowStarted TaskCompleted(0) ExecutionSuspended");
    kit_snapshot(a, &kit.arena, &whole);
    assert_int_equal(whole.history.len, a->saved_bytes + part.history.len);
    // A new generation begins its history anew.
    kit_resume(&kit, "a");
    give_version(&kit);
    kit_turn(&kit, "a", ACTIONS(kit_continue(&kit, 5, NULL)));
    assert_true(pawl__shard_snapshot(a, &kit.arena, &part));
    assert_int_equal(part.history_from, 0);
    assert_int_equal(part.history.len, 0);
    kit_finish(&kit);
}

static void test_orphan(void **state) {
    struct kit kit;
    struct pawl_shard shard;
    struct pawl_error error;
    kit_init(&kit);
    kit_create(&kit, "a", "Order");
    kit_commit(&kit);
    give_version(&kit);
    kit_turn(&kit, "a", NO_ACTIONS);
    kit_raise(&kit, "a", "e", NULL);
    kit_commit(&kit);
    pawl__shard_init(&shard, PAWL_STR("app"), 1);
    assert_int_equal(pawl__shard_replay(&shard, &kit.batches[1], kit_load_ghost, &shard, &error),
                     PAWL_OK);
    assert_int_equal(pawl__shard_replayed(&shard, &error), PAWL_E_CORRUPT);
    assert_string_equal(error.text,
                        "the log has records of instance 'a', but its snapshot is missing");
    // Its purge explains why.
    kit_purge(&kit, "a", false, true, NULL);
    kit_commit(&kit);
    assert_int_equal(pawl__shard_replay(&shard, &kit.batches[2], kit_load_ghost, &shard, &error),
                     PAWL_OK);
    assert_int_equal(pawl__shard_replayed(&shard, &error), PAWL_OK);
    pawl__shard_finish(&shard);
    kit_finish(&kit);
}

static enum pawl_err load_fails(void *arg, const struct pawl_str *ids, size_t count,
                                struct pawl_error *error) {
    return pawl__fail(error, PAWL_E_IO, "no disk");
}

static void test_load_fails(void **state) {
    struct kit kit;
    struct pawl_shard shard;
    struct pawl_error error;
    kit_init(&kit);
    kit_create(&kit, "a", "Order");
    kit_commit(&kit);
    pawl__shard_init(&shard, PAWL_STR("app"), 0);
    assert_int_equal(pawl__shard_replay(&shard, &kit.batches[0], load_fails, NULL, &error),
                     PAWL_E_IO);
    pawl__shard_finish(&shard);
    kit_finish(&kit);
}

// --- damage -------------------------------------------------------------------------------------

// Uses an instance that was read, whatever is in it.
static void use_instance(struct kit *kit, struct pawl_instance *instance) {
    char *id = instance->id;
    struct pawl_buf bytes = {0};
    struct pawl_snapshot snapshot;
    pawl__shard_offer(&kit->shard, instance);
    for (uint32_t i = 0; i < instance->pending.len; i++) {
        int32_t task = instance->pending.items[i].id;
        pawl__shard_activity_item(&kit->shard, instance, task, PAWL_STR("t"), &bytes);
    }
    if (pawl__wire_is_text(pawl__instance_id(instance))) {
        kit_raise(kit, id, "e", NULL);
        kit_terminate(kit, id, NULL, true);
        kit_fire(kit, kit->now + 10 * PAWL_SECOND);
        instance->turn_held = false;
        if (pawl__shard_turn_ready(instance, kit->now) &&
            pawl__shard_begin_turn(&kit->shard, instance, kit_stamp(kit),
                                   &(struct pawl_turn_to){.token = PAWL_STR("t")}, &bytes))
            kit_answer(kit, id, ACTIONS(kit_complete(kit, 99, NULL)));
        if (!kit->shard.failed) kit_purge(kit, id, true, true, NULL);
    }
    if (instance->exists) pawl__shard_snapshot(instance, &kit->arena, &snapshot);
    pawl__buf_finish(&bytes);
}

static void restore_damaged(const struct pawl_snapshot *row) {
    struct kit kit;
    struct pawl_instance *instance = NULL;
    kit_init(&kit);
    kit.now += 10 * PAWL_SECOND;
    enum pawl_err err = pawl__shard_restore(&kit.shard, row, &instance, &kit.error);
    assert_true(err == PAWL_OK || err == PAWL_E_CORRUPT);
    if (!err) use_instance(&kit, instance);
    kit_finish(&kit);
}

static void test_damaged_snapshot(void **state) {
    struct kit kit;
    struct rows rows = {0};
    kit_init(&kit);
    rich_instance(&kit);
    rows_put(&kit, &rows, kit_find(&kit, "a"));
    kit_terminate(&kit, "a", NULL, false);
    give_version(&kit);
    kit_turn(&kit, "a", NO_ACTIONS);
    struct rows ended = {0};
    rows_put(&kit, &ended, kit_find(&kit, "a"));
    struct pawl_snapshot good[] = {rows.snapshots[0], ended.snapshots[0]};
    for (size_t i = 0; i < 2; i++) {
        for (int part = 0; part < 2; part++) {
            struct pawl_snapshot row = good[i];
            struct pawl_str *bytes = part ? &row.history : &row.state;
            char *damaged = pawl__arena_dup(&kit.arena, *bytes);
            size_t len = bytes->len;
            bytes->data = damaged;
            for (size_t bit = 0; bit < len * 8; bit++) {
                damaged[bit / 8] ^= (char)(1 << bit % 8);
                restore_damaged(&row);
                damaged[bit / 8] ^= (char)(1 << bit % 8);
            }
            for (bytes->len = 0; bytes->len < len; bytes->len++) restore_damaged(&row);
        }
    }
    kit_finish(&kit);
}

static void replay_damaged(struct kit *kit) {
    struct kit other;
    kit_init(&other);
    other.now += 10 * PAWL_SECOND;
    enum pawl_err err = PAWL_OK;
    for (size_t i = 0; !err && i < kit->batch_count; i++)
        err = pawl__shard_replay(&other.shard, &kit->batches[i], kit_load_ghost, &other.shard,
                                 &other.error);
    if (!err) err = pawl__shard_replayed(&other.shard, &other.error);
    if (err && err != PAWL_E_CORRUPT) fail_msg("%d: %s", (int)err, other.error.text);
    struct pawl_instance *a = pawl__shard_find(&other.shard, PAWL_STR("a"));
    if (!err && a) use_instance(&other, a);
    kit_finish(&other);
}

static void test_damaged_batch(void **state) {
    struct kit kit;
    kit_init(&kit);
    rich_instance(&kit);
    kit_turn(&kit, "c", ACTIONS(kit_complete(&kit, 0, "1")));
    kit_commit(&kit);
    give_version(&kit);
    kit_turn(&kit, "a", ACTIONS(kit_carry(&kit, kit_continue(&kit, 5, "\"again\""), "e")));
    kit_commit(&kit);
    kit_turn(&kit, "a", ACTIONS(kit_child(&kit, 0, "c", "Child")));
    kit_terminate(&kit, "a", NULL, true);
    give_version(&kit);
    kit_turn(&kit, "a", NO_ACTIONS);
    kit_commit(&kit);
    for (size_t i = 0; i < kit.batch_count; i++) {
        struct pawl_str *records = &kit.batches[i].records;
        char *damaged = pawl__arena_dup(&kit.arena, *records);
        size_t len = records->len;
        records->data = damaged;
        for (size_t bit = 0; bit < len * 8; bit++) {
            damaged[bit / 8] ^= (char)(1 << bit % 8);
            replay_damaged(&kit);
            damaged[bit / 8] ^= (char)(1 << bit % 8);
        }
        for (records->len = 0; records->len < len; records->len++) replay_damaged(&kit);
    }
    replay_damaged(&kit); // all is well again
    kit_finish(&kit);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_orphan),
        cmocka_unit_test(test_load_fails),
        cmocka_unit_test(test_damaged_snapshot),
        cmocka_unit_test(test_damaged_batch),
        cmocka_unit_test_teardown(test_random_programs, tell_seed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
