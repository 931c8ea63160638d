// What a turn does to other instances: children, parents, detached ones, other apps.

#include "kit.h"

static void test_child(void **state) {
    struct kit kit;
    kit_init(&kit);
    kit_create(&kit, "p", "Parent");
    kit_turn(&kit, "p", NO_ACTIONS);
    kit_raise(&kit, "p", "go", NULL);
    kit_effects(&kit);
    kit_turn(&kit, "p", ACTIONS(kit_child(&kit, 10, NULL, "Child")));
    KIT_EFFECTS(&kit, "CHANGED p, TURN p:000a, CHANGED p:000a");
    const Pb__ChildWorkflowInstanceCreatedEvent *created =
        kit_event(&kit, "p", 4)->childworkflowinstancecreated;
    assert_string_equal(created->instanceid, "p:000a");
    assert_string_equal(created->name, "Child");
    assert_string_equal(created->version->value, "v9");
    assert_string_equal(created->input->value, "\"child\"");

    kit_begin(&kit, "p:000a");
    const Pb__ExecutionStartedEvent *start =
        kit.item->workflowrequest->newevents[1]->executionstarted;
    assert_string_equal(start->name, "Child");
    assert_null(start->version); // the reference does not pass it on
    assert_string_equal(start->input->value, "\"child\"");
    assert_int_equal(start->parentinstance->taskscheduledid, 10);
    assert_string_equal(start->parentinstance->name->value, "Parent");
    assert_string_equal(start->parentinstance->workflowinstance->instanceid, "p");
    assert_string_equal(start->parentinstance->workflowinstance->executionid->value, "execution-1");
    assert_string_equal(start->parentinstance->appid, "app");

    kit_answer(&kit, "p:000a", ACTIONS(kit_complete(&kit, 0, "5")));
    KIT_EFFECTS(&kit, "CHANGED p:000a, TURN p");
    kit_turn(&kit, "p", ACTIONS(kit_complete(&kit, 11, "6")));
    KIT_HISTORY(&kit, "p",
                "WorkflowStarted ExecutionStarted WorkflowStarted EventRaised(go) "
                "ChildWorkflowInstanceCreated(10) WorkflowStarted "
                "ChildWorkflowInstanceCompleted(10) ExecutionCompleted(11)");
    assert_string_equal(kit_event(&kit, "p", 6)->childworkflowinstancecompleted->result->value,
                        "5");
    kit_assert_replays(&kit);
    kit_finish(&kit);
}

static void test_child_fails(void **state) {
    struct kit kit;
    kit_init(&kit);
    kit_create(&kit, "p", "Parent");
    kit_turn(&kit, "p",
             ACTIONS(kit_child(&kit, 0, "c", "Child"), kit_child(&kit, 1, "d", "Child")));
    kit_turn(&kit, "c", ACTIONS(kit_end(&kit, 0, STATUS(FAILED), NULL)));
    kit_terminate(&kit, "d", NULL, false);
    kit_turn(&kit, "d", ACTIONS(kit_end(&kit, 0, STATUS(TERMINATED), NULL)));
    kit_turn(&kit, "p", NO_ACTIONS);
    KIT_HISTORY(&kit, "p",
                "WorkflowStarted ExecutionStarted ChildWorkflowInstanceCreated(0) "
                "ChildWorkflowInstanceCreated(1) WorkflowStarted ChildWorkflowInstanceFailed(0) "
                "ChildWorkflowInstanceFailed(1)");
    assert_string_equal(
        kit_event(&kit, "p", 5)->childworkflowinstancefailed->failuredetails->errormessage,
        "it broke");
    assert_null(kit_event(&kit, "p", 6)->childworkflowinstancefailed->failuredetails);
    kit_assert_replays(&kit);
    kit_finish(&kit);
}

static void test_child_id_occupied(void **state) {
    struct kit kit;
    kit_init(&kit);
    kit_create(&kit, "x", "Other");
    kit_create(&kit, "p", "Parent");
    kit_effects(&kit);
    kit_turn(&kit, "p",
             ACTIONS(kit_child(&kit, 0, "x", "Child"), kit_child(&kit, 1, "c", "Child"),
                     kit_child(&kit, 2, "c", "Child"), kit_child(&kit, 3, "p", "Self")));
    assert_string_equal(kit_inbox(&kit, "p"),
                        "ChildWorkflowInstanceFailed(0) ChildWorkflowInstanceFailed(2) "
                        "ChildWorkflowInstanceFailed(3)");
    assert_int_equal(kit_find(&kit, "p")->pending.live, 1);
    kit_turn(&kit, "p", NO_ACTIONS);
    const Pb__TaskFailureDetails *details =
        kit_event(&kit, "p", 7)->childworkflowinstancefailed->failuredetails;
    assert_string_equal(details->errortype, "WorkflowInstanceAlreadyExists");
    assert_string_equal(details->errormessage, "an active workflow with ID 'x' already exists");
    assert_string_equal(kit_find(&kit, "x")->name, "Other");
    kit_assert_replays(&kit);
    kit_finish(&kit);
}

// An id whose workflow has ended is free for a child, as it is for a client: a workflow that calls
// a child and continues as new would else wait for ever, as the child's id is the same each time.
static void test_child_id_of_a_completed_one(void **state) {
    struct kit kit;
    kit_init(&kit);
    kit_create(&kit, "p", "Parent");
    for (int i = 0; i < 3; i++) {
        kit_turn(&kit, "p", ACTIONS(kit_child(&kit, 0, NULL, "Child")));
        assert_int_equal(pawl__instance_status(kit_find(&kit, "p:0000")), STATUS(PENDING));
        kit_turn(&kit, "p:0000", ACTIONS(kit_complete(&kit, 0, "1")));
        assert_string_equal(kit_inbox(&kit, "p"), "ChildWorkflowInstanceCompleted(0)");
        kit_turn(&kit, "p", ACTIONS(kit_continue(&kit, 1, NULL)));
    }

    kit_create(&kit, "x", "Other");
    kit_turn(&kit, "x", ACTIONS(kit_complete(&kit, 0, NULL)));
    kit_turn(
        &kit, "p",
        ACTIONS(kit_child(&kit, 0, "x", "Child"), kit_detached(&kit, 1, "p:0000", "Detached")));
    assert_string_equal(kit_find(&kit, "x")->name, "Child");
    assert_string_equal(kit_find(&kit, "p:0000")->name, "Detached");

    // But not while an activity of it has no result.
    kit_create(&kit, "y", "Other");
    kit_turn(&kit, "y", ACTIONS(kit_task(&kit, 0, "Pay", NULL), kit_complete(&kit, 1, NULL)));
    kit_raise(&kit, "p", "go", NULL);
    kit_turn(&kit, "p", ACTIONS(kit_child(&kit, 2, "y", "Child")));
    assert_string_equal(kit_inbox(&kit, "p"), "ChildWorkflowInstanceFailed(2)");
    assert_string_equal(kit_find(&kit, "y")->name, "Other");
    kit_assert_replays(&kit);
    kit_finish(&kit);
}

// A generation that has left its child behind takes it up again when it asks for the same.
static void test_child_that_still_runs(void **state) {
    struct kit kit;
    kit_init(&kit);
    kit_create(&kit, "p", "Parent");
    kit_turn(&kit, "p", ACTIONS(kit_child(&kit, 0, NULL, "Child")));
    kit_raise(&kit, "p", "next", NULL);
    kit_turn(&kit, "p", ACTIONS(kit_continue(&kit, 1, NULL)));
    uint64_t generation = kit_find(&kit, "p:0000")->generation;
    kit_turn(&kit, "p", ACTIONS(kit_child(&kit, 0, NULL, "Child")));
    assert_int_equal(kit_find(&kit, "p:0000")->generation, generation);
    kit_turn(&kit, "p:0000", ACTIONS(kit_complete(&kit, 0, "1")));
    assert_string_equal(kit_inbox(&kit, "p"), "ChildWorkflowInstanceCompleted(0)");

    // The answer of a child that nobody waits for is dropped.
    kit_create(&kit, "q", "Parent");
    kit_turn(&kit, "q", ACTIONS(kit_child(&kit, 0, "c", "Child")));
    kit_raise(&kit, "q", "next", NULL);
    kit_turn(&kit, "q", ACTIONS(kit_continue(&kit, 1, NULL)));
    kit_turn(&kit, "q", ACTIONS(kit_timer(&kit, 0, kit.now + PAWL_SECOND)));
    kit_turn(&kit, "c", ACTIONS(kit_complete(&kit, 0, "1")));
    assert_string_equal(kit_inbox(&kit, "q"), "");
    assert_int_equal(kit_find(&kit, "q")->pending.live, 1);
    kit_assert_replays(&kit);
    kit_finish(&kit);
}

// Two generations may have different children under one action id.
static void test_child_of_an_earlier_generation(void **state) {
    struct kit kit;
    kit_init(&kit);
    kit_create(&kit, "p", "Parent");
    kit_turn(&kit, "p", ACTIONS(kit_child(&kit, 0, "old", "Child")));
    kit_raise(&kit, "p", "next", NULL);
    kit_turn(&kit, "p", ACTIONS(kit_continue(&kit, 1, NULL)));
    kit_turn(&kit, "p", ACTIONS(kit_child(&kit, 0, "new", "Child")));
    kit_turn(&kit, "old", ACTIONS(kit_complete(&kit, 0, "1")));
    assert_string_equal(kit_inbox(&kit, "p"), "");
    kit_turn(&kit, "new", ACTIONS(kit_complete(&kit, 0, "2")));
    kit_turn(&kit, "p", NO_ACTIONS);
    assert_string_equal(kit_event(&kit, "p", 4)->childworkflowinstancecompleted->result->value,
                        "2");
    kit_assert_replays(&kit);
    kit_finish(&kit);
}

static void test_child_outlives_its_parent(void **state) {
    struct kit kit;
    kit_init(&kit);
    kit_create(&kit, "p", "Parent");
    kit_turn(&kit, "p", ACTIONS(kit_child(&kit, 0, "c", "Child"), kit_complete(&kit, 1, NULL)));
    kit_effects(&kit);
    kit_turn(&kit, "c", ACTIONS(kit_complete(&kit, 0, NULL)));
    KIT_EFFECTS(&kit, "CHANGED c");
    kit_create(&kit, "q", "Parent");
    kit_turn(&kit, "q", ACTIONS(kit_child(&kit, 0, "d", "Child")));
    kit_purge(&kit, "q", false, true, NULL);
    kit_effects(&kit);
    assert_int_equal(kit_turn(&kit, "d", ACTIONS(kit_complete(&kit, 0, NULL))), PAWL_OK);
    KIT_EFFECTS(&kit, "CHANGED d");
    kit_assert_replays(&kit);
    kit_finish(&kit);
}

static void test_detached(void **state) {
    struct kit kit;
    kit_init(&kit);
    kit_create(&kit, "p", "Parent");
    kit_create(&kit, "x", "Other");
    kit_effects(&kit);
    kit_turn(
        &kit, "p",
        ACTIONS(kit_detached(&kit, 0, "d", "Detached"), kit_detached(&kit, 1, "x", "Detached")));
    assert_string_equal(kit.shard.effects[3].text,
                        "workflow 'p' could not start 'x': an active workflow with ID 'x' already "
                        "exists");
    KIT_EFFECTS(&kit, "CHANGED p, TURN d, CHANGED d, DROPPED p");
    KIT_HISTORY(&kit, "p",
                "WorkflowStarted ExecutionStarted DetachedWorkflowInstanceCreated(0) "
                "DetachedWorkflowInstanceCreated(1)");
    assert_int_equal(kit_find(&kit, "p")->pending.live, 0);
    kit_begin(&kit, "d");
    const Pb__ExecutionStartedEvent *start =
        kit.item->workflowrequest->newevents[1]->executionstarted;
    assert_null(start->parentinstance);
    assert_string_equal(start->name, "Detached");
    assert_string_equal(start->input->value, "\"detached\"");
    assert_non_null(start->workflowinstance->executionid);
    // A terminate of all children does not touch it.
    kit_terminate(&kit, "p", NULL, true);
    kit_turn(&kit, "p", NO_ACTIONS);
    assert_string_equal(kit_inbox(&kit, "d"), "ExecutionStarted");
    kit_assert_replays(&kit);
    kit_finish(&kit);
}

static void test_terminate_recursive(void **state) {
    struct kit kit;
    kit_init(&kit);
    kit_create(&kit, "p", "Parent");
    kit_turn(&kit, "p",
             ACTIONS(kit_child(&kit, 0, "c", "Child"), kit_child(&kit, 1, "d", "Child")));
    kit_turn(&kit, "c", ACTIONS(kit_child(&kit, 0, "g", "Grandchild")));
    kit_turn(&kit, "d", ACTIONS(kit_complete(&kit, 0, NULL)));
    kit_terminate(&kit, "p", "\"all\"", true);
    kit_effects(&kit);
    kit_turn(&kit, "p", NO_ACTIONS);
    KIT_EFFECTS(&kit, "CHANGED p, TURN c");
    assert_string_equal(kit_inbox(&kit, "c"), "ExecutionTerminated");
    kit_turn(&kit, "c", NO_ACTIONS);
    assert_string_equal(kit_inbox(&kit, "g"), "ExecutionStarted ExecutionTerminated");
    kit_turn(&kit, "g", NO_ACTIONS);
    for (const char *id = "pcg"; *id; id++)
        assert_int_equal(pawl__instance_status(kit_find(&kit, (char[]){*id, 0})),
                         STATUS(TERMINATED));
    assert_int_equal(pawl__instance_status(kit_find(&kit, "d")), STATUS(COMPLETED));
    const Pb__HistoryEvent *end = kit_event(&kit, "g", 3);
    assert_string_equal(end->executioncompleted->result->value, "\"all\"");

    kit_create(&kit, "q", "Parent");
    kit_turn(&kit, "q", ACTIONS(kit_child(&kit, 0, "e", "Child")));
    kit_terminate(&kit, "q", NULL, false); // this one alone
    kit_turn(&kit, "q", NO_ACTIONS);
    assert_string_equal(kit_inbox(&kit, "e"), "ExecutionStarted");
    kit_assert_replays(&kit);
    kit_finish(&kit);
}

static void test_other_app(void **state) {
    struct kit kit;
    kit_init(&kit);
    kit_create(&kit, "p", "Parent");
    kit_effects(&kit);
    kit_turn(&kit, "p",
             ACTIONS(kit_to_app(&kit, kit_task(&kit, 0, "Pay", NULL), "far"),
                     kit_to_app(&kit, kit_child(&kit, 1, "c", "Child"), "far"),
                     kit_to_app(&kit, kit_task(&kit, 2, "Pay", NULL), "app")));
    KIT_EFFECTS(&kit, "CHANGED p, TURN p, ACTIVITY p 2, TURN p, TURN p");
    assert_string_equal(kit_inbox(&kit, "p"), "TaskFailed(0) ChildWorkflowInstanceFailed(1)");
    kit_turn(&kit, "p", NO_ACTIONS);
    const Pb__HistoryEvent *failed = kit_event(&kit, "p", 6);
    assert_string_equal(failed->taskfailed->failuredetails->errortype, "AppNotReachable");
    assert_null(pawl__shard_find(&kit.shard, PAWL_STR("c")));
    kit_assert_replays(&kit);
    kit_finish(&kit);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_child),
        cmocka_unit_test(test_child_fails),
        cmocka_unit_test(test_child_id_occupied),
        cmocka_unit_test(test_child_id_of_a_completed_one),
        cmocka_unit_test(test_child_that_still_runs),
        cmocka_unit_test(test_child_of_an_earlier_generation),
        cmocka_unit_test(test_child_outlives_its_parent),
        cmocka_unit_test(test_detached),
        cmocka_unit_test(test_terminate_recursive),
        cmocka_unit_test(test_other_app),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
