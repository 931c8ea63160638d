// Answers of workers that cannot be applied: what is to be seen of them, and how one gets over
// them.

#include "kit.h"

// Answers that cannot be applied: nothing but the stall happens, which says why, once for each
// reason, and the turn waits for another worker.
static void test_refused_answers(void **state) {
    struct kit kit;
    kit_init(&kit);
    kit_create(&kit, "a", "Order");
    kit_turn(&kit, "a", ACTIONS(kit_task(&kit, 0, "Pay", NULL)));
    kit_raise(&kit, "a", "e", NULL);
    struct pawl_instance *a = kit_find(&kit, "a");
    Pb__SendEventAction send = PB__SEND_EVENT_ACTION__INIT;
    char *name = pawl__arena_alloc(&kit.arena, (1 << 20) + 1);
    memset(name, 'n', 1 << 20);
    name[1 << 20] = 0;
    struct {
        Pb__WorkflowAction *action;
        const char *text;
    } cases[] = {
        {kit_task(&kit, 0, "Again", NULL), "action 0 was already scheduled by an earlier turn"},
        {kit_timer(&kit, 0, kit.now), "action 0 was already scheduled by an earlier turn"},
        {kit_bare(&kit, 1, PB__WORKFLOW_ACTION__WORKFLOW_ACTION_TYPE_SEND_EVENT, &send),
         "action 1 sends an event to no workflow: its target is empty"},
        {kit_send(&kit, 2, "", "go", NULL),
         "action 2 sends an event to no workflow: its target is empty"},
        {kit_stop(&kit, 1, "", NULL, false),
         "action 1 terminates no workflow: its target is empty"},
        {kit_send(&kit, 3, "b", name, NULL),
         "action 3 has a name or an id of 1048576 bytes; the limit is 65536"},
        {kit_task(&kit, 4, name, NULL),
         "action 4 has a name or an id of 1048576 bytes; the limit is 65536"},
        {kit_bare(&kit, 1, PB__WORKFLOW_ACTION__WORKFLOW_ACTION_TYPE__NOT_SET, NULL),
         "unknown action type: 0"},
        {kit_detached(&kit, 1, "", "D"), "CreateDetachedWorkflowAction requires an instance ID"},
        {kit_task(&kit, -1, "Pay", NULL), "an action has the id -1; ids begin with 0"},
        {kit_timer(&kit, -2, kit.now), "an action has the id -2; ids begin with 0"},
        {kit_child(&kit, -3, "c", "Child"), "an action has the id -3; ids begin with 0"},
        {kit_detached(&kit, -4, "d", "D"), "an action has the id -4; ids begin with 0"},
        {kit_send(&kit, -5, "a", "go", NULL), "an action has the id -5; ids begin with 0"},
        {kit_stop(&kit, INT32_MIN, "a", NULL, false),
         "an action has the id -2147483648; ids begin with 0"},
    };
    kit_commit(&kit);
    kit_effects(&kit);
    const char *last = "";
    uint32_t events = a->history.count;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        for (int again = 0; again < 2; again++) {
            assert_int_equal(kit_turn(&kit, "a", ACTIONS(cases[i].action)), PAWL_OK);
            assert_int_equal(pawl__instance_status(a), STATUS(STALLED));
            assert_non_null(strstr(a->stall_text, cases[i].text));
            assert_int_equal(a->stall_reason, PB__STALLED_REASON__ANSWER_NOT_APPLICABLE);
            if (strcmp(last, cases[i].text) != 0) events++;
            last = cases[i].text;
            assert_int_equal(a->history.count, events);
            assert_string_equal(kit_inbox(&kit, "a"), "EventRaised(e)");
            assert_int_equal(a->pending.live, 1);
            assert_false(a->turn_out);
            assert_false(pawl__shard_turn_ready(a, kit.now));
            a->turn_held = false; // as when a worker connects
        }
        if (i == 10) { // so many reasons that the history takes no more
            kit_turn(&kit, "a", NO_ACTIONS);
            kit_raise(&kit, "a", "e", NULL);
            events = a->history.count;
        }
    }
    // Twice in one answer is no better than in two.
    kit_turn(&kit, "a",
             ACTIONS(kit_task(&kit, 3, "A", NULL), kit_task(&kit, 1, "B", NULL),
                     kit_timer(&kit, 3, kit.now)));
    assert_non_null(strstr(a->stall_text, "action 3 was scheduled twice"));
    a->turn_held = false;
    kit_effects(&kit);
    kit_turn(&kit, "a", ACTIONS(kit_task(&kit, 2, "B", NULL), kit_task(&kit, 1, "C", NULL)));
    KIT_EFFECTS(&kit, "CHANGED a, ACTIVITY a 2, ACTIVITY a 1"); // any order will do
    assert_int_equal(pawl__instance_status(a), STATUS(RUNNING));
    kit_assert_replays(&kit);
    kit_finish(&kit);
}

// The history tells each reason of a stall once, in whatever order workers come with them, and no
// more than a few.
static void test_reasons_of_a_stall(void **state) {
    struct kit kit;
    kit_init(&kit);
    kit_create(&kit, "a", "Order");
    struct pawl_instance *a = kit_find(&kit, "a");
    for (int i = 0; i < 60; i++) {
        kit_turn(&kit, "a", ACTIONS(kit_task(&kit, -1 - i % 3, "Pay", NULL)));
        a->turn_held = false;
    }
    KIT_HISTORY(&kit, "a", "ExecutionStalled ExecutionStalled ExecutionStalled");
    for (int i = 0; i < 60; i++) {
        kit_turn(&kit, "a", ACTIONS(kit_task(&kit, -1 - i, "Pay", NULL)));
        a->turn_held = false;
    }
    assert_int_equal(a->history.count, 16);
    kit_turn(&kit, "a", NO_ACTIONS);
    assert_int_equal(pawl__instance_status(a), STATUS(RUNNING));
    kit_raise(&kit, "a", "e", NULL);
    kit_turn(&kit, "a", ACTIONS(kit_task(&kit, -1, "Pay", NULL)));
    assert_int_equal(a->history.count, 16 + 2 + 1); // a new one
    kit_assert_replays(&kit);
    kit_finish(&kit);
}

// The clock is set back, and then a worker's answer is refused: the turn that follows begins no
// earlier than the one before.
static void test_refused_after_the_clock_went_back(void **state) {
    struct kit kit;
    kit_init(&kit);
    kit_create(&kit, "a", "Order");
    kit_turn(&kit, "a", ACTIONS(kit_task(&kit, 0, "Pay", NULL)));
    struct pawl_instance *a = kit_find(&kit, "a");
    int64_t before = a->updated_at;
    kit_result(&kit, "a", 0, NULL);
    kit.now -= PAWL_SECOND;
    kit_turn(&kit, "a", ACTIONS(kit_task(&kit, -1, "Pay", NULL)));
    assert_true(a->stalled);
    assert_true(a->updated_at >= before);
    a->turn_held = false;
    kit_begin(&kit, "a");
    assert_true(a->turn_started_at >= before);
    kit_answer(&kit, "a", NO_ACTIONS);
    kit_assert_replays(&kit);
    kit_finish(&kit);
}

// An instance whose worker gives nothing but such answers is terminated without one.
static void test_terminate_what_cannot_go_on(void **state) {
    struct kit kit;
    kit_init(&kit);
    kit_create(&kit, "p", "Parent");
    kit_turn(&kit, "p", ACTIONS(kit_child(&kit, 0, "a", "Child")));
    kit_turn(&kit, "a", ACTIONS(kit_child(&kit, 0, "c", "Child")));
    kit_raise(&kit, "a", "e", NULL);
    kit_turn(&kit, "a", ACTIONS(kit_task(&kit, -1, "Pay", NULL)));
    assert_int_equal(kit_raise(&kit, "a", "f", NULL), PAWL_E_PRECONDITION);
    kit_effects(&kit);
    assert_int_equal(kit_terminate(&kit, "a", "\"why\"", true), PAWL_OK);
    KIT_EFFECTS(&kit, "TURN a, END a");
    assert_int_equal(kit_alone(&kit, "a"), PAWL_OK);
    KIT_EFFECTS(&kit, "CHANGED a, TURN p, TURN c");
    KIT_HISTORY(&kit, "a",
                "WorkflowStarted ExecutionStarted ChildWorkflowInstanceCreated(0) ExecutionStalled "
                "WorkflowStarted EventRaised(e) ExecutionTerminated ExecutionCompleted");
    assert_int_equal(pawl__instance_status(kit_find(&kit, "a")), STATUS(TERMINATED));
    assert_string_equal(kit_inbox(&kit, "p"), "ChildWorkflowInstanceFailed(0)");
    assert_string_equal(kit_inbox(&kit, "c"), "ExecutionStarted ExecutionTerminated");
    assert_int_equal(kit_alone(&kit, "c"), PAWL_OK); // a worker ends it
    assert_int_equal(pawl__instance_status(kit_find(&kit, "c")), STATUS(PENDING));

    // The terminate may have come before the answer.
    kit_create(&kit, "b", "Order");
    kit_begin(&kit, "b");
    kit_terminate(&kit, "b", NULL, false);
    kit_effects(&kit);
    kit_answer(&kit, "b", ACTIONS(kit_task(&kit, -1, "Pay", NULL)));
    KIT_EFFECTS(&kit, "TURN b, END b, CHANGED b, STALLED b");
    kit_alone(&kit, "b");
    assert_int_equal(pawl__instance_status(kit_find(&kit, "b")), STATUS(TERMINATED));

    kit_create(&kit, "d", "Order");
    kit_turn(&kit, "d", ACTIONS(kit_task(&kit, -1, "Pay", NULL)));
    assert_int_equal(kit_purge(&kit, "d", false, true, NULL), PAWL_OK);
    kit_assert_replays(&kit);
    kit_finish(&kit);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_refused_answers),
        cmocka_unit_test(test_reasons_of_a_stall),
        cmocka_unit_test(test_refused_after_the_clock_went_back),
        cmocka_unit_test(test_terminate_what_cannot_go_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
