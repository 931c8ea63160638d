// Histories: what they say of instances in memory, in the store and on the way between.

#include "kit.h"

#include <stdio.h>

#include "runtime/taskhub.h"
#include "wire/pack.h"
#include "wire/unpack.h"

// --- histories ----------------------------------------------------------------------------------

static struct pawl_str history(struct kit *kit, const char *id) {
    struct caller caller;
    kit_history(kit, &caller, id);
    DONE(kit, caller, PAWL_OK);
    return caller.read.history;
}

static unsigned event_count(struct pawl_str bytes) {
    unsigned count = 0;
    size_t at = 0;
    for (struct pawl_event_view view; pawl__history_next(bytes, &at, &view);) count++;
    assert_int_equal(at, bytes.len);
    return count;
}

static void test_history(void **state) {
    struct kit kit;
    struct worker worker = {0};
    struct caller read, answer, gone;
    kit_init(&kit);
    kit_history(&kit, &read, "a");
    DONE(&kit, read, PAWL_E_NOT_FOUND);
    assert_string_equal(read.error.text, "workflow instance 'a' not found");
    kit_started(&kit, "a");
    assert_int_equal(history(&kit, "a").len, 0); // its start waits to be processed
    kit_attach(&kit, &worker);
    const Pb__WorkItem *item = kit_take(&kit, &worker);
    kit_shut(&kit, true);
    kit_answer(&kit, &answer, "a", item->completiontoken, ACTIONS(kit_task(&kit, 0, "Pay")));
    kit_history(&kit, &read, "a");
    kit_rest(&kit, 20);
    assert_false(read.done);
    kit_shut(&kit, false);
    DONE(&kit, read, PAWL_OK);
    assert_int_equal(event_count(read.read.history), 3);
    size_t at = 0;
    struct pawl_event_view view;
    assert_true(pawl__history_next(read.read.history, &at, &view) &&
                pawl__history_next(read.read.history, &at, &view));
    const Pb__HistoryEvent *started =
        pawl__wire_unpack(&kit.arena, &pb__history_event__descriptor, view.bytes, NULL);
    assert_string_equal(started->executionstarted->name, "Order");

    kit_detach(&kit, &worker);
    kit_close(&kit);
    kit_open(&kit);
    assert_true(pawl__str_equal(history(&kit, "a"), read.read.history));
    kit_shut(&kit, true);
    kit_purge(&kit, &gone, "a", true);
    kit_history(&kit, &read, "a");
    kit_rest(&kit, 20);
    assert_false(read.done); // it may be there yet
    kit_shut(&kit, false);
    DONE(&kit, read, PAWL_E_NOT_FOUND);
    DONE(&kit, gone, PAWL_OK);
    kit_finish(&kit);
}

// What was only read leaves memory again, the one that was read longest ago first.
static void test_reads_leave_memory(void **state) {
    struct kit kit;
    struct worker worker = {0};
    char id[8];
    kit_init(&kit);
    kit_attach(&kit, &worker);
    for (int i = 0; i < 20; i++) {
        snprintf(id, sizeof id, "e%02d", i);
        kit_started(&kit, id);
        kit_turn(&kit, &worker, id, ACTIONS(kit_complete(&kit, 0, "8")));
    }
    kit_to_rest(&kit);
    const struct pawl_shard *shard = &kit.node->partitions[0].residency.shard;
    assert_int_equal(kit_status(&kit, "e00"), STATUS(COMPLETED));
    kit.node->options.resting_bytes = 4 * kit.node->partitions[0].residency.resting_bytes;
    for (int round = 0; round < 2; round++)
        for (int i = 1; i < 20; i++) {
            snprintf(id, sizeof id, "e%02d", i);
            assert_int_equal(kit_status(&kit, id), STATUS(COMPLETED));
            assert_int_equal(kit_status(&kit, "e00"), STATUS(COMPLETED));
            assert_non_null(pawl__shard_find(shard, PAWL_STR("e00")));
            assert_non_null(pawl__shard_find(shard, pawl__str(id)));
            assert_true(shard->instances.len <= 4);
        }
    // One that is changed, or is gone, is not among those that rest.
    struct caller purge;
    kit_purge(&kit, &purge, "e00", false);
    DONE(&kit, purge, PAWL_OK);
    kit.node->options.resting_bytes = 1;
    assert_int_equal(kit_status(&kit, "e01"), STATUS(COMPLETED));
    UNTIL(&kit, !shard->instances.len);
    assert_int_equal(kit.node->partitions[0].residency.resting_bytes, 0);
    kit_detach(&kit, &worker);
    kit_finish(&kit);
}

// A call that needs many instances gets them all, however little may rest.
static void test_tree_larger_than_the_bound(void **state) {
    struct kit kit;
    struct worker worker = {0};
    struct caller caller;
    kit_init(&kit);
    kit_attach(&kit, &worker);
    kit_started(&kit, "p");
    Pb__WorkflowAction *children[9] = {0};
    for (int i = 0; i < 8; i++) children[i] = kit_child(&kit, i);
    kit_turn(&kit, &worker, "p", children);
    for (int left = 8; left;) {
        const Pb__WorkItem *item = kit_take(&kit, &worker);
        const char *id = item->workflowrequest->instanceid;
        bool child = strcmp(id, "p") != 0;
        left -= child;
        kit_answer(&kit, &caller, id, item->completiontoken,
                   child ? ACTIONS(kit_complete(&kit, 0, NULL)) : NO_ACTIONS);
        DONE(&kit, caller, PAWL_OK);
    }
    kit_raise(&kit, &caller, "p", "last");
    DONE(&kit, caller, PAWL_OK);
    kit_turn(&kit, &worker, "p", ACTIONS(kit_complete(&kit, 8, NULL)));
    kit_to_rest(&kit);
    kit.node->options.resting_bytes = 1;
    pawl__purge_init(&caller.purge, PAWL_STR("p"), true, false);
    kit_call(&kit, &caller);
    DONE(&kit, caller, PAWL_OK);
    assert_int_equal(caller.purge.count, 9);
    assert_int_equal(kit.node->partitions[0].residency.gathering, 0);
    kit_detach(&kit, &worker);
    kit_finish(&kit);
}

// Waits that are given up keep nothing.
static void test_canceled_waits(void **state) {
    struct kit kit;
    kit_init(&kit);
    struct caller *waits = calloc(5000, sizeof *waits);
    char id[8];
    for (int i = 0; i < 5000; i++) {
        snprintf(id, sizeof id, "n%04d", i);
        kit_wait(&kit, &waits[i], id, PAWL_WAIT_COMPLETED);
    }
    struct pawl_partition *partition = kit.node->partitions;
    UNTIL(&kit, partition->calls.waiters.len == 5000);
    for (int i = 0; i < 5000; i++) pawl__call_cancel(&waits[i].call);
    assert_int_equal(partition->calls.waiters.len, 0);
    assert_int_equal(partition->calls.waiters.cap, 0);
    UNTIL(&kit, !partition->residency.shard.instances.len); // the ghosts, too
    free(waits);
    kit_finish(&kit);
}

static unsigned started;

static void on_started(struct pawl_taskhub_call *call, const struct pawl_error *error) {
    assert_int_equal(error ? error->code : PAWL_OK, call->response ? PAWL_OK : PAWL_E_INVALID);
    started++;
}

// Starts a workflow under an id of the node's choice, or of |given|.
static struct pawl_taskhub_call *start_new(struct kit *kit, const char *given) {
    struct pawl_taskhub_call *call = pawl__arena_zalloc(&kit->arena, sizeof *call);
    Pb__CreateInstanceRequest *ask =
        pawl__wire_new(&kit->arena, &pb__create_instance_request__descriptor);
    ask->instanceid = pawl__arena_dup(&kit->arena, pawl__str(given));
    ask->name = pawl__arena_dup(&kit->arena, PAWL_STR("Order"));
    call->method = PAWL_TASKHUB_START_NEW;
    call->request = &ask->base;
    call->patience = PAWL_TASKHUB_AT_ONCE;
    call->arena = &kit->arena;
    call->done = on_started;
    assert_true(pawl__taskhub_draw(kit->node, call));
    pawl__taskhub_call(kit->node, call);
    return call;
}

// Under an id that nobody can have used nothing is read; any other may be taken. What was
// acknowledged is there, whatever comes.
static void test_new_ids(void **state) {
    struct kit kit;
    struct caller again;
    kit_init(&kit);
    started = 0;
    const struct pawl_taskhub_call *first = start_new(&kit, ""), *second = start_new(&kit, "");
    UNTIL(&kit, started == 2);
    assert_int_equal(kit.gate.loads, 0);
    assert_string_not_equal(first->new_id, second->new_id);
    const Pb__CreateInstanceResponse *response = (const void *)first->response;
    assert_string_equal(response->instanceid, first->new_id);
    kit_start(&kit, &again, first->new_id);
    DONE(&kit, again, PAWL_E_EXISTS);
    kit_start(&kit, &again, "a");
    DONE(&kit, again, PAWL_OK);
    assert_int_equal(kit.gate.loads, 1);
    kit_close(&kit);
    kit_open(&kit);
    assert_int_equal(kit_status(&kit, first->new_id), STATUS(PENDING));
    start_new(&kit, "mine");
    UNTIL(&kit, started == 3);
    assert_int_equal(kit_status(&kit, "mine"), -1);
    kit_finish(&kit);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_history),
        cmocka_unit_test(test_reads_leave_memory),
        cmocka_unit_test(test_tree_larger_than_the_bound),
        cmocka_unit_test(test_canceled_waits),
        cmocka_unit_test(test_new_ids),
    };
    return cmocka_run_group_tests_name("runtime reads", tests, NULL, NULL);
}
