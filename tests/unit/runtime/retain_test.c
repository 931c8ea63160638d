// Workflows that are purged some time after their end.

#include "kit.h"

#include "base/clock.h"

static void reopen_with(struct kit *kit, int64_t completed) {
    kit_close(kit);
    kit->options.retention = (struct pawl_retention){.completed = completed};
    kit_open(kit);
    kit->node->options.checkpoint_interval = PAWL_MILLISECOND;
}

// Ends |id| as completed.
static void complete(struct kit *kit, struct worker *worker, const char *id) {
    kit_started(kit, id);
    kit_turn(kit, worker, id, ACTIONS(kit_complete(kit, 0, "1")));
}

static void test_at_once(void **state) {
    struct kit kit;
    struct worker worker = {0};
    kit_init(&kit);
    reopen_with(&kit, 1);
    kit_attach(&kit, &worker);
    complete(&kit, &worker, "a");
    UNTIL(&kit, kit_status(&kit, "a") == -1);
    // One that ended in another way, and one that has not ended, are kept.
    struct caller caller;
    kit_started(&kit, "b");
    kit_turn(&kit, &worker, "b", NO_ACTIONS);
    kit_started(&kit, "c");
    kit_turn(&kit, &worker, "c", NO_ACTIONS);
    kit_terminate(&kit, &caller, "c");
    kit_turn(&kit, &worker, "c", NO_ACTIONS);
    DONE(&kit, caller, PAWL_OK);
    kit_rest(&kit, 100);
    assert_int_equal(kit_status(&kit, "b"), STATUS(RUNNING));
    assert_int_equal(kit_status(&kit, "c"), STATUS(TERMINATED));
    kit_detach(&kit, &worker);
    kit_finish(&kit);
}

static void test_after_a_while(void **state) {
    struct kit kit;
    struct worker worker = {0};
    struct caller caller;
    kit_init(&kit);
    reopen_with(&kit, 4 * PAWL_SECOND);
    kit_attach(&kit, &worker);
    complete(&kit, &worker, "a");
    int64_t ended = pawl__clock_wall();
    UNTIL(&kit, !kit.node->partitions[0].residency.shard.instances.len); // it sleeps until then
    assert_int_equal(kit.node->partitions[0].residency.sleepers.by_id.len, 1);
    // The id may be used anew meanwhile: what is due is the purge of the one that ended.
    complete(&kit, &worker, "b");
    kit_started(&kit, "b");
    UNTIL(&kit, kit_status(&kit, "a") == -1);
    assert_true(pawl__clock_wall() >= ended + 4 * PAWL_SECOND - PAWL_MILLISECOND);
    kit_rest(&kit, 4200);
    assert_int_equal(kit_status(&kit, "b"), STATUS(PENDING));
    kit_history(&kit, &caller, "a");
    DONE(&kit, caller, PAWL_E_NOT_FOUND);
    kit_detach(&kit, &worker);
    kit_finish(&kit);
}

// The result of an activity that was running when its workflow was ended, and purged.
static void test_with_an_activity_out(void **state) {
    struct kit kit;
    struct worker worker = {0};
    struct caller caller;
    kit_init(&kit);
    reopen_with(&kit, 0);
    kit.node->options.retention = (struct pawl_retention){.terminated = 1};
    kit_attach(&kit, &worker);
    kit_started(&kit, "a");
    kit_turn(&kit, &worker, "a", ACTIONS(kit_task(&kit, 0, "Pay")));
    const Pb__WorkItem *activity = kit_take(&kit, &worker);
    kit_terminate(&kit, &caller, "a");
    DONE(&kit, caller, PAWL_OK);
    kit_turn(&kit, &worker, "a", NO_ACTIONS);
    UNTIL(&kit, kit_status(&kit, "a") == -1);
    kit_result(&kit, &caller, "a", 0, activity->completiontoken, "1");
    DONE(&kit, caller, PAWL_OK);
    kit_detach(&kit, &worker);
    kit_finish(&kit);
}

static void test_over_a_restart(void **state) {
    struct kit kit;
    struct worker worker = {0};
    kit_init(&kit);
    reopen_with(&kit, 2 * PAWL_SECOND);
    kit_attach(&kit, &worker);
    complete(&kit, &worker, "a");
    complete(&kit, &worker, "b");
    kit_detach(&kit, &worker);
    reopen_with(&kit, 0); // what was to be purged is kept
    kit_rest(&kit, 2200);
    assert_int_equal(kit_status(&kit, "a"), STATUS(COMPLETED));
    reopen_with(&kit, 2 * PAWL_SECOND);
    UNTIL(&kit, kit_status(&kit, "a") == -1 && kit_status(&kit, "b") == -1);
    reopen_with(&kit, 0);
    assert_int_equal(kit_status(&kit, "a"), -1);
    kit_finish(&kit);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_at_once),
        cmocka_unit_test(test_after_a_while),
        cmocka_unit_test(test_with_an_activity_out),
        cmocka_unit_test(test_over_a_restart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
