// Fails the first allocation of a scenario, then the second, and so on. A command either says that
// memory is out and can be given again, or the shard says that it has failed; nothing crashes or
// leaks, and what was committed can be read.

#include "kit.h"

#include "alloc.h"

static unsigned long alloc_count, alloc_fail_at;
static bool alloc_failed;

bool alloc_fails(void) {
    if (!kit_in_engine || ++alloc_count != alloc_fail_at) return false;
    alloc_failed = true;
    return true;
}

// Runs a command, and once more when it says that memory was out. False: the shard has failed.
#define STEP(call)                                                                                 \
    do {                                                                                           \
        enum pawl_err step = (call);                                                               \
        if (step == PAWL_E_NOMEM && !kit->shard.failed) step = (call);                             \
        if (kit->shard.failed) return false;                                                       \
        assert_int_equal(step, PAWL_OK);                                                           \
    } while (0)

static enum pawl_err begin(struct kit *kit, const char *id) {
    struct pawl_instance *instance = kit_find(kit, id);
    struct pawl_buf bytes = {0};
    kit_in_engine = true;
    bool ok = pawl__shard_begin_turn(&kit->shard, instance, kit_stamp(kit),
                                     &(struct pawl_turn_to){.token = PAWL_STR("token")}, &bytes);
    kit_in_engine = false;
    assert_int_equal(instance->turn_out, ok);
    pawl__buf_finish(&bytes);
    return ok ? PAWL_OK : PAWL_E_NOMEM;
}

#define TURN(id, ...)                                                                              \
    do {                                                                                           \
        Pb__WorkflowAction **actions = ACTIONS(__VA_ARGS__);                                       \
        STEP(begin(kit, id));                                                                      \
        STEP(kit_answer(kit, id, actions));                                                        \
    } while (0)

static enum pawl_err activity(struct kit *kit, const char *id, int32_t task_id) {
    struct pawl_buf bytes = {0};
    kit_in_engine = true;
    bool ok =
        pawl__shard_activity_item(&kit->shard, kit_find(kit, id), task_id, PAWL_STR("t"), &bytes) &&
        pawl__shard_offer(&kit->shard, kit_find(kit, id));
    kit_in_engine = false;
    pawl__buf_finish(&bytes);
    return ok ? PAWL_OK : PAWL_E_NOMEM;
}

static bool commands(struct kit *kit) {
    STEP(kit_create(kit, "a", "Order"));
    TURN("a", kit_task(kit, 0, "Pay", "1"), kit_task(kit, 1, "Pay", NULL),
         kit_timer(kit, 2, kit->now + PAWL_SECOND), kit_event_timer(kit, 3, "e", KIT_NEVER - 1),
         kit_child(kit, 4, "c", "Child"), kit_detached(kit, 5, "d", "Detached"));
    kit_commit(kit);
    STEP(activity(kit, "a", 1));
    STEP(kit_result(kit, "a", 0, "1"));
    STEP(kit_failure(kit, "a", 1, "bad"));
    STEP(kit_raise(kit, "a", "e", "\"payload\""));
    STEP(kit_suspend(kit, "a"));
    STEP(kit_fire(kit, kit->now + PAWL_SECOND));
    TURN("c", kit_child(kit, 0, "a", "Taken"), kit_timer(kit, 1, kit->now));
    TURN("c", kit_complete(kit, 2, "\"child\""));
    kit_commit(kit);
    TURN("a", kit_child(kit, 10, "c", "Again"));
    STEP(kit_resume(kit, "a"));
    TURN("a", kit_carry(kit, kit_continue(kit, 11, "\"next\""), "more"));
    kit_commit(kit);
    TURN("a", kit_pass(kit_child(kit, 0, "k", "Child"), 2),
         kit_to_app(kit, kit_task(kit, 1, "Far", NULL), "x"),
         kit_pass(kit_child(kit, 3, "n", "Next"), 1), kit_pass(kit_task(kit, 4, "Pay", NULL), 2));
    STEP(activity(kit, "a", 4));
    STEP(kit_result(kit, "a", 4, NULL));
    TURN("n", kit_continue(kit, 0, "\"next\""));
    TURN("n", kit_complete(kit, 0, NULL));
    char text[] = "too large";
    kit_in_engine = true;
    enum pawl_err err =
        pawl__shard_stall(&kit->shard, kit_stamp(kit), kit_find(kit, "k"),
                          PB__STALLED_REASON__PAYLOAD_SIZE_EXCEEDED, text, &kit->error);
    kit_in_engine = false;
    if (kit->shard.failed) return false;
    if (err)
        STEP(pawl__shard_stall(&kit->shard, kit_stamp(kit), kit_find(kit, "k"),
                               PB__STALLED_REASON__PAYLOAD_SIZE_EXCEEDED, text, &kit->error));
    kit_find(kit, "k")->turn_held = false;
    TURN("k", kit_timer(kit, 0, kit->now));
    STEP(kit_terminate(kit, "a", "\"why\"", true));
    TURN("a", kit_task(kit, 2, "Pay", NULL));
    kit_commit(kit);
    TURN("k", kit_complete(kit, 1, NULL));
    STEP(kit_result(kit, "a", 2, NULL));
    const struct pawl_fork other = {.overwrites_input = true, .input = "\"other\""};
    STEP(kit_rerun(kit, "a", 2, "r", &other));
    STEP(kit_create(kit, "a", "Order"));
    TURN("a", kit_complete(kit, 0, NULL));
    STEP(kit_purge(kit, "a", true, false, NULL));
    return true;
}

static void test_commands(void **state) {
    unsigned long broken = 0;
    for (alloc_fail_at = 1;; alloc_fail_at++) {
        struct kit kit;
        kit_init(&kit);
        alloc_count = 0;
        alloc_failed = false;
        bool done = commands(&kit);
        if (done) {
            KIT_HISTORY(&kit, "k",
                        "ExecutionStalled WorkflowStarted ExecutionStarted TimerCreated(0) "
                        "WorkflowStarted ExecutionTerminated ExecutionCompleted(1)");
            assert_false(kit_find(&kit, "a")->exists);
        } else {
            assert_true(alloc_failed);
            broken++;
            kit.shard.batch.len = 0; // as it never reaches the log
        }
        struct pawl_shard again;
        pawl__shard_init(&again, PAWL_STR("app"), 0);
        if (done) kit_commit(&kit);
        for (size_t i = 0; i < kit.batch_count; i++)
            assert_int_equal(
                pawl__shard_replay(&again, &kit.batches[i], kit_load_ghost, &again, &kit.error),
                PAWL_OK);
        pawl__shard_finish(&again);
        kit_finish(&kit);
        if (!alloc_failed) break;
    }
    print_message("%lu allocations failed, %lu of them broke the shard\n", alloc_fail_at - 1,
                  broken);
    assert_true(alloc_fail_at > 100);
}

static void test_rows(void **state) {
    struct kit kit;
    struct pawl_arena arena = {0};
    struct pawl_error error;
    struct pawl_snapshot snapshot;
    alloc_fail_at = 0;
    kit_init(&kit);
    commands(&kit);
    kit_commit(&kit);
    struct pawl_instance *k = kit_find(&kit, "k");
    for (alloc_fail_at = 1;; alloc_fail_at++) {
        alloc_count = 0;
        alloc_failed = false;
        kit_in_engine = true;
        bool ok = pawl__shard_snapshot(k, &arena, &snapshot);
        kit_in_engine = false;
        assert_true(ok || alloc_failed);
        if (ok) break;
    }
    kit_snapshot(k, &kit.arena, &snapshot);
    bool failed = true;
    for (alloc_fail_at = 1; failed; alloc_fail_at++) {
        struct pawl_shard shard;
        struct pawl_instance *instance;
        alloc_count = 0;
        alloc_failed = false;
        assert_true(pawl__shard_init(&shard, PAWL_STR("app"), 0));
        kit_in_engine = true;
        enum pawl_err err = pawl__shard_restore(&shard, &snapshot, &instance, &error);
        for (size_t i = 0; !err && i < kit.batch_count; i++)
            err = pawl__shard_replay(&shard, &kit.batches[i], kit_load_ghost, &shard, &error);
        kit_in_engine = false;
        failed = alloc_failed;
        assert_int_equal(err, failed ? PAWL_E_NOMEM : PAWL_OK); // no damage
        pawl__shard_finish(&shard);
    }
    pawl__arena_finish(&arena);
    kit_finish(&kit);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_commands),
        cmocka_unit_test(test_rows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
