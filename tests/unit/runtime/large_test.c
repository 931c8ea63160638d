// Workflows that are too large: they alone suffer from it.

#include "kit.h"

enum {
    ROW_MAX = 4000
};

static void write_log(void *arg, enum pawl_log_level level, const char *line) {
    if (level == PAWL_LOG_ERROR && strstr(line, "workflow 'large' is too large to be stored"))
        ++*(unsigned *)arg;
}

static void reopen(struct kit *kit) {
    kit_close(kit);
    kit->row_max = ROW_MAX;
    kit_open(kit);
    kit->node->options.checkpoint_interval = PAWL_MILLISECOND;
}

// A snapshot that no row of the store has room for.
static void test_snapshot(void **state) {
    struct kit kit;
    struct worker worker = {0};
    struct caller caller;
    unsigned lines = 0;
    const struct pawl_log log = {.level = PAWL_LOG_ERROR, .write = write_log, .arg = &lines};
    char name[ROW_MAX / 4 + 1];
    memset(name, 'e', sizeof name - 1);
    name[sizeof name - 1] = 0;
    kit_init(&kit);
    kit.options.log = &log;
    reopen(&kit);
    kit_started(&kit, "large");
    UNTIL(&kit, kit_log_length(&kit) == 0); // there is a snapshot of it
    for (int i = 0; i < 5; i++) {
        kit_raise(&kit, &caller, "large", name);
        DONE(&kit, caller, PAWL_OK);
    }
    kit_started(&kit, "small");
    kit_terminate(&kit, &caller, "small");
    DONE(&kit, caller, PAWL_OK);
    UNTIL(&kit, lines == 1);
    kit_rest(&kit, 50); // more checkpoints
    assert_int_equal(kit.unready, 0);
    assert_int_equal(lines, 1); // it is told once
    assert_true(kit_log_length(&kit) > 0);

    // Nothing of it is lost, and it goes on.
    reopen(&kit);
    kit_attach(&kit, &worker);
    for (int turns = 0; turns < 2; turns++) {
        const Pb__WorkItem *item = kit_take(&kit, &worker);
        const Pb__WorkflowRequest *request = item->workflowrequest;
        bool large = strcmp(request->instanceid, "large") == 0;
        if (large) assert_int_equal(request->n_newevents, 7); // WorkflowStarted, the start, and 5
        kit_answer(&kit, &caller, request->instanceid, item->completiontoken,
                   large ? ACTIONS(kit_complete(&kit, 0, "1")) : NO_ACTIONS);
        DONE(&kit, caller, PAWL_OK);
    }
    kit_detach(&kit, &worker);
    kit_rest(&kit, 50);
    assert_int_equal(kit_status(&kit, "large"), STATUS(COMPLETED));
    assert_int_equal(kit_status(&kit, "small"), STATUS(TERMINATED));
    assert_true(kit_log_length(&kit) > 0); // it is no smaller, only elsewhere

    kit_purge(&kit, &caller, "large", false);
    DONE(&kit, caller, PAWL_OK);
    UNTIL(&kit, kit_log_length(&kit) == 0);
    assert_int_equal(kit.unready, 0);
    kit_finish(&kit);
}

// An answer that is too large: the worker is told, and may give another one.
static void test_answer(void **state) {
    struct kit kit;
    struct worker worker = {0};
    struct caller caller;
    char name[1001];
    memset(name, 'n', sizeof name - 1);
    name[sizeof name - 1] = 0;
    kit_init(&kit);
    kit.node->partitions[0].residency.shard.limits.event = 1000;
    kit_attach(&kit, &worker);
    kit_started(&kit, "a");
    const char *token = kit_take(&kit, &worker)->completiontoken;
    kit_answer(&kit, &caller, "a", token, ACTIONS(kit_task(&kit, 0, name)));
    DONE(&kit, caller, PAWL_E_TOO_LARGE);
    kit_rest(&kit, 20);
    assert_int_equal(worker.count, 0); // it has it still
    kit_answer(&kit, &caller, "a", token, ACTIONS(kit_complete(&kit, 0, "1")));
    DONE(&kit, caller, PAWL_OK);
    assert_int_equal(kit_status(&kit, "a"), STATUS(COMPLETED));
    kit_detach(&kit, &worker);
    kit_finish(&kit);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_snapshot),
                                       cmocka_unit_test(test_answer)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
