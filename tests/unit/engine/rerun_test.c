// A workflow that is run again from one of its events: what the new instance begins with, what is
// sent anew, and what is refused.

#include "kit.h"

#include <stdio.h>

#include "wire/timestamp.h"

// What a rerun must not touch.
struct before {
    struct pawl_arena arena;
    struct pawl_snapshot snapshot;
};

static void before_take(struct kit *kit, const char *id, struct before *before) {
    before->arena = (struct pawl_arena){0};
    kit_snapshot(kit_find(kit, id), &before->arena, &before->snapshot);
}

static void before_check(struct kit *kit, const char *id, struct before *before) {
    struct pawl_arena arena = {0};
    struct pawl_snapshot now;
    kit_snapshot(kit_find(kit, id), &arena, &now);
    kit_assert_same(&before->snapshot, &now);
    pawl__arena_finish(&arena);
    pawl__arena_finish(&before->arena);
}

// A chain: the activities 0 and 1, each after the other.
static void chain(struct kit *kit, const char *id) {
    kit_create(kit, id, "Order");
    kit_turn(kit, id, ACTIONS(kit_task(kit, 0, "first", "\"a\"")));
    kit_result(kit, id, 0, "\"A\"");
    kit_turn(kit, id, ACTIONS(kit_task(kit, 1, "second", "\"b\"")));
    kit_result(kit, id, 1, "\"B\"");
    kit_turn(kit, id, ACTIONS(kit_complete(kit, 2, "\"done\"")));
    kit_effects(kit);
}

static void test_activity(void **state) {
    struct kit kit;
    struct before before;
    kit_init(&kit);
    chain(&kit, "a");
    before_take(&kit, "a", &before);
    assert_int_equal(kit_rerun(&kit, "a", 1, "b", NULL), PAWL_OK);
    before_check(&kit, "a", &before);
    KIT_EFFECTS(&kit, "CHANGED b, ACTIVITY b 1");
    KIT_HISTORY(&kit, "b",
                "WorkflowStarted ExecutionStarted WorkflowStarted TaskScheduled(0) "
                "TaskCompleted(0) TaskScheduled(1)");
    struct pawl_instance *b = kit_find(&kit, "b");
    assert_int_equal(pawl__instance_status(b), STATUS(RUNNING));
    assert_int_equal(b->created_at, kit.now);
    const Pb__ExecutionStartedEvent *start = kit_event(&kit, "b", 1)->executionstarted;
    assert_string_equal(start->workflowinstance->instanceid, "b");
    assert_string_equal(start->workflowinstance->executionid->value, b->execution_id);
    assert_string_not_equal(b->execution_id, kit_find(&kit, "a")->execution_id);
    assert_string_equal(start->input->value, "\"in\"");
    const Pb__HistoryEvent *again = kit_event(&kit, "b", 5);
    assert_string_equal(again->taskscheduled->rerunparentinstanceinfo->instanceid, "a");
    assert_string_equal(again->taskscheduled->input->value, "\"b\"");
    assert_int_equal(pawl__timestamp_get(again->timestamp), kit.now);
    assert_null(kit_event(&kit, "b", 3)->taskscheduled->rerunparentinstanceinfo);

    assert_string_equal(kit_activity(&kit, "b", 1)->workflowinstance->instanceid, "b");
    kit_result(&kit, "b", 1, "\"C\"");
    kit_turn(&kit, "b", ACTIONS(kit_complete(&kit, 2, "\"again\"")));
    assert_int_equal(pawl__instance_status(b), STATUS(COMPLETED));

    // A rerun of the rerun, from its first activity.
    assert_int_equal(kit_rerun(&kit, "b", 0, "c", NULL), PAWL_OK);
    KIT_HISTORY(&kit, "c", "WorkflowStarted ExecutionStarted WorkflowStarted TaskScheduled(0)");
    assert_string_equal(kit_event(&kit, "c", 3)->taskscheduled->rerunparentinstanceinfo->instanceid,
                        "b");
    kit_assert_replays(&kit);
    kit_finish(&kit);
}

static void test_input(void **state) {
    struct kit kit;
    kit_init(&kit);
    chain(&kit, "a");
    const struct pawl_fork given = {.overwrites_input = true, .input = "\"new\""};
    const struct pawl_fork none = {.overwrites_input = true};
    const struct pawl_fork ignored = {.input = "\"new\""};
    assert_int_equal(kit_rerun(&kit, "a", 0, "b", &given), PAWL_OK);
    assert_string_equal(kit_activity(&kit, "b", 0)->input->value, "\"new\"");
    assert_int_equal(kit_rerun(&kit, "a", 0, "c", &none), PAWL_OK);
    assert_null(kit_activity(&kit, "c", 0)->input);
    assert_int_equal(kit_rerun(&kit, "a", 0, "d", &ignored), PAWL_OK);
    assert_string_equal(kit_activity(&kit, "d", 0)->input->value, "\"a\"");
    assert_string_equal(kit_event(&kit, "a", 2)->taskscheduled->input->value, "\"a\"");
    kit_assert_replays(&kit);
    kit_finish(&kit);
}

// Peers that were not resolved before the event are sent anew: activities, timers, children.
static void test_peers(void **state) {
    struct kit kit;
    kit_init(&kit);
    kit_create(&kit, "a", "Order");
    kit_turn(&kit, "a",
             ACTIONS(kit_child(&kit, 0, "", "Child"), kit_timer(&kit, 1, KIT_START + PAWL_SECOND),
                     kit_task(&kit, 2, "slow", NULL), kit_task(&kit, 3, "quick", NULL),
                     kit_task(&kit, 4, "after", NULL)));
    kit_result(&kit, "a", 3, "3");
    kit_turn(&kit, "a",
             ACTIONS(kit_task(&kit, 5, "target", NULL), kit_task(&kit, 6, "late", NULL)));
    for (int i = 2; i < 7; i++) kit_result(&kit, "a", i, "1");
    kit_turn(&kit, "a:0000", ACTIONS(kit_complete(&kit, 0, "1")));
    kit_fire(&kit, KIT_START + PAWL_SECOND);
    kit_turn(&kit, "a", ACTIONS(kit_complete(&kit, 7, "\"done\"")));
    kit_effects(&kit);
    assert_int_equal(kit_rerun(&kit, "a", 5, "b", NULL), PAWL_OK);
    // The child is told that it starts after the parent waits for it.
    KIT_EFFECTS(&kit, "CHANGED b, ACTIVITY b 2, ACTIVITY b 4, ACTIVITY b 5, TURN b:0000, "
                      "CHANGED b:0000");
    KIT_HISTORY(&kit, "b",
                "WorkflowStarted ExecutionStarted WorkflowStarted TaskScheduled(3) "
                "TaskCompleted(3) TaskScheduled(2) TaskScheduled(4) TimerCreated(1) "
                "ChildWorkflowInstanceCreated(0) TaskScheduled(5)");
    const Pb__HistoryEvent *child = kit_event(&kit, "b", 8);
    assert_string_equal(child->childworkflowinstancecreated->instanceid, "b:0000");
    assert_null(child->childworkflowinstancecreated->rerunparentinstanceinfo);
    const Pb__ExecutionStartedEvent *started =
        pawl__instance_start(kit_find(&kit, "b:0000"), &kit.arena);
    assert_string_equal(started->parentinstance->workflowinstance->instanceid, "b");
    assert_string_equal(started->parentinstance->workflowinstance->executionid->value,
                        kit_find(&kit, "b")->execution_id);
    // Its time has passed: the timer fires at once, and is due when it was.
    assert_int_equal(pawl__timestamp_get(kit_event(&kit, "b", 7)->timercreated->fireat),
                     KIT_START + PAWL_SECOND);
    kit_fire(&kit, kit.now + 2 * PAWL_SECOND);
    assert_string_equal(kit_inbox(&kit, "b"), "TimerFired(1)");
    kit_turn(&kit, "b:0000", ACTIONS(kit_complete(&kit, 0, "1")));
    assert_string_equal(kit_inbox(&kit, "b"), "TimerFired(1) ChildWorkflowInstanceCompleted(0)");
    // What the code schedules after the event has not happened yet.
    kit_turn(&kit, "b", ACTIONS(kit_task(&kit, 6, "late", NULL)));
    kit_assert_replays(&kit);
    kit_finish(&kit);
}

static void test_child(void **state) {
    struct kit kit;
    kit_init(&kit);
    kit_create(&kit, "a", "Order");
    kit_turn(&kit, "a", ACTIONS(kit_child(&kit, 0, "own-id", "Child")));
    kit_turn(&kit, "own-id", ACTIONS(kit_complete(&kit, 0, "1")));
    kit_turn(&kit, "a", ACTIONS(kit_child(&kit, 1, "", "Child")));
    kit_turn(&kit, "a:0001", ACTIONS(kit_complete(&kit, 0, "1")));
    kit_turn(&kit, "a", ACTIONS(kit_complete(&kit, 2, "1")));
    const struct pawl_fork asked = {
        .overwrites_input = true, .input = "\"new\"", .child_id = "mine"};
    assert_int_equal(kit_rerun(&kit, "a", 0, "b", &asked), PAWL_OK);
    const Pb__ChildWorkflowInstanceCreatedEvent *created =
        kit_event(&kit, "b", 2)->childworkflowinstancecreated;
    assert_string_equal(created->instanceid, "mine");
    assert_string_equal(created->rerunparentinstanceinfo->instanceid, "a");
    assert_string_equal(pawl__instance_start(kit_find(&kit, "mine"), &kit.arena)->input->value,
                        "\"new\"");
    assert_int_equal(kit_rerun(&kit, "a", 1, "c", NULL), PAWL_OK);
    KIT_HISTORY(&kit, "c",
                "WorkflowStarted ExecutionStarted WorkflowStarted ChildWorkflowInstanceCreated(0) "
                "ChildWorkflowInstanceCompleted(0) ChildWorkflowInstanceCreated(1)");
    assert_string_equal(kit_event(&kit, "c", 3)->childworkflowinstancecreated->instanceid,
                        "own-id");
    assert_string_equal(kit_event(&kit, "c", 5)->childworkflowinstancecreated->instanceid,
                        "c:0001");
    // An id that is taken: the parent is told.
    assert_int_equal(kit_rerun(&kit, "a", 0, "d", &asked), PAWL_OK);
    assert_string_equal(kit_inbox(&kit, "d"), "ChildWorkflowInstanceFailed(0)");
    // A child cannot be run again by itself.
    assert_int_equal(kit_rerun(&kit, "own-id", 0, "e", NULL), PAWL_E_INVALID);
    assert_string_equal(kit.error.text, "'own-id': cannot rerun from child-workflows");
    kit_assert_replays(&kit);
    kit_finish(&kit);
}

// A wait that had its event is over; one that had not waits again.
static void test_events(void **state) {
    struct kit kit;
    kit_init(&kit);
    kit_create(&kit, "a", "Order");
    kit_turn(&kit, "a",
             ACTIONS(kit_event_timer(&kit, 0, "paid", KIT_NEVER),
                     kit_event_timer(&kit, 1, "sent", KIT_NEVER)));
    kit_raise(&kit, "a", "Paid", "1");
    kit_turn(&kit, "a", ACTIONS(kit_task(&kit, 2, "pack", NULL)));
    kit_raise(&kit, "a", "sent", "2");
    kit_result(&kit, "a", 2, "1");
    kit_turn(&kit, "a", ACTIONS(kit_complete(&kit, 3, "1")));
    assert_int_equal(kit_rerun(&kit, "a", 2, "b", NULL), PAWL_OK);
    KIT_HISTORY(&kit, "b",
                "WorkflowStarted ExecutionStarted WorkflowStarted TimerCreated(0) "
                "EventRaised(Paid) TimerCreated(1) TaskScheduled(2)");
    assert_int_equal(kit_find(&kit, "b")->pending.live, 2);
    assert_int_equal(kit_rerun(&kit, "a", 1, "c", NULL), PAWL_OK);
    KIT_HISTORY(&kit, "c", "WorkflowStarted ExecutionStarted TimerCreated(0) TimerCreated(1)");
    assert_string_equal(kit_event(&kit, "c", 3)->timercreated->rerunparentinstanceinfo->instanceid,
                        "a");
    kit_assert_replays(&kit);
    kit_finish(&kit);
}

// Each way to end; and what a suspension, a version, patches and a stall leave behind.
static void test_sources(void **state) {
    struct kit kit;
    kit_init(&kit);
    kit_create(&kit, "t", "Order");
    kit_turn(&kit, "t", ACTIONS(kit_task(&kit, 0, "wait", NULL)));
    assert_int_equal(kit_rerun(&kit, "t", 0, "x", NULL), PAWL_E_INVALID);
    assert_string_equal(kit.error.text, "'t' is not in a terminal state");
    kit_suspend(&kit, "t");
    kit_turn(&kit, "t", NO_ACTIONS);
    assert_int_equal(kit_rerun(&kit, "t", 0, "x", NULL), PAWL_E_INVALID);
    kit_terminate(&kit, "t", "\"enough\"", false);
    kit_turn(&kit, "t", NO_ACTIONS);
    assert_int_equal(pawl__instance_status(kit_find(&kit, "t")), STATUS(TERMINATED));
    assert_int_equal(kit_rerun(&kit, "t", 0, "t2", NULL), PAWL_OK);
    assert_int_equal(pawl__instance_status(kit_find(&kit, "t2")), STATUS(RUNNING));

    kit_create(&kit, "f", "Order");
    kit_suspend(&kit, "f");
    Pb__WorkflowVersion version = PB__WORKFLOW_VERSION__INIT;
    char *patches[] = {"one", "two"};
    version.patches = patches;
    version.n_patches = 2;
    version._name_case = PB__WORKFLOW_VERSION___NAME_NAME;
    version.name = "v2";
    kit.response._version_case = PB__WORKFLOW_RESPONSE___VERSION_VERSION;
    kit.response.version = &version;
    kit_turn(&kit, "f", ACTIONS(kit_task(&kit, 0, "work", NULL)));
    kit_resume(&kit, "f");
    kit_result(&kit, "f", 0, "1");
    kit.response._version_case = PB__WORKFLOW_RESPONSE___VERSION_VERSION;
    kit.response.version = &version;
    kit_turn(&kit, "f", ACTIONS(kit_end(&kit, 1, STATUS(FAILED), NULL)));
    assert_int_equal(pawl__instance_status(kit_find(&kit, "f")), STATUS(FAILED));
    assert_int_equal(kit_rerun(&kit, "f", 0, "f2", NULL), PAWL_OK);
    struct pawl_instance *f2 = kit_find(&kit, "f2");
    assert_int_equal(pawl__instance_status(f2), STATUS(SUSPENDED)); // it was, then
    assert_string_equal(f2->version, "v2");
    assert_int_equal(f2->patches.len, 8);
    kit_assert_replays(&kit);
    kit_finish(&kit);
}

// Only the last generation has a history.
static void test_generations(void **state) {
    struct kit kit;
    kit_init(&kit);
    kit_create(&kit, "a", "Order");
    kit_turn(&kit, "a", ACTIONS(kit_continue(&kit, 0, "\"second\"")));
    kit_turn(&kit, "a", ACTIONS(kit_task(&kit, 0, "work", NULL)));
    kit_result(&kit, "a", 0, "1");
    kit_turn(&kit, "a", ACTIONS(kit_complete(&kit, 1, "1")));
    assert_int_equal(kit_rerun(&kit, "a", 0, "b", NULL), PAWL_OK);
    assert_string_equal(kit_event(&kit, "b", 1)->executionstarted->input->value, "\"second\"");
    kit_result(&kit, "b", 0, "2");
    kit_turn(&kit, "b", ACTIONS(kit_continue(&kit, 1, "\"third\"")));
    kit_turn(&kit, "b", ACTIONS(kit_complete(&kit, 0, "1")));
    assert_int_equal(pawl__instance_status(kit_find(&kit, "b")), STATUS(COMPLETED));
    kit_assert_replays(&kit);
    kit_finish(&kit);
}

static void test_refused(void **state) {
    struct kit kit;
    kit_init(&kit);
    kit_create(&kit, "a", "Order");
    kit_turn(&kit, "a",
             ACTIONS(kit_task(&kit, 0, "work", NULL), kit_timer(&kit, 1, KIT_START),
                     kit_detached(&kit, 2, "other", "Other"),
                     kit_send(&kit, 3, "other", "hello", NULL)));
    kit_result(&kit, "a", 0, "1");
    kit_turn(&kit, "a", ACTIONS(kit_complete(&kit, 4, "1")));
    const struct pawl_fork input = {.overwrites_input = true, .input = "1"};
    const struct pawl_fork child = {.child_id = "mine"};
    const struct {
        int32_t event_id;
        const struct pawl_fork *fork;
        enum pawl_err err;
        const char *text;
    } rows[] = {
        {9, NULL, PAWL_E_NOT_FOUND, "does not have history event with ID '9'"},
        {4, NULL, PAWL_E_NOT_FOUND,
         "target event '*protos.HistoryEvent_ExecutionCompleted' with ID '4' is not an event that "
         "can be rerun"},
        {-1, NULL, PAWL_E_NOT_FOUND,
         "target event '*protos.HistoryEvent_WorkflowStarted' with ID '-1' is not an event that "
         "can be rerun"},
        {3, NULL, PAWL_E_NOT_FOUND,
         "target event '*protos.HistoryEvent_EventSent' with ID '3' is not an event that can be "
         "rerun"},
        {2, NULL, PAWL_E_INVALID,
         "event '2' is a detached workflow spawn and cannot be rerun: detached spawns are "
         "fire-and-forget and have no replayable continuation in the caller"},
        {1, &input, PAWL_E_INVALID, "cannot write input to timer event '1'"},
        {1, &child, PAWL_E_INVALID, "cannot set new child workflow instance ID on timer event '1'"},
        {0, &child, PAWL_E_INVALID,
         "cannot set new child workflow instance ID on activity event '0'"},
    };
    kit_effects(&kit);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_int_equal(kit_rerun(&kit, "a", rows[i].event_id, "b", rows[i].fork), rows[i].err);
        assert_string_equal(kit.error.text, rows[i].text);
    }
    assert_int_equal(kit_rerun(&kit, "a", 0, "other", NULL), PAWL_E_EXISTS);
    assert_string_equal(kit.error.text, "workflow 'other' has already been created");
    KIT_EFFECTS(&kit, "");

    // What cannot be read, or uses an id twice, comes from no history of ours.
    struct pawl_fork odd = {.source = "a", .history = PAWL_STR("\x1a\x05junk"), .id = "b"};
    assert_int_equal(pawl__shard_rerun(&kit.shard, kit_stamp(&kit), &odd, &kit.error),
                     PAWL_E_INVALID);
    kit_assert_replays(&kit);
    kit_finish(&kit);
}

// What is of another app, which cannot be reached, fails again.
static void test_other_app(void **state) {
    struct kit kit;
    kit_init(&kit);
    kit_create(&kit, "a", "Order");
    kit_turn(&kit, "a",
             ACTIONS(kit_to_app(&kit, kit_child(&kit, 0, "", "Far"), "far"),
                     kit_to_app(&kit, kit_task(&kit, 1, "far", NULL), "far")));
    kit_turn(&kit, "a", ACTIONS(kit_complete(&kit, 2, "1")));
    kit_effects(&kit);
    assert_int_equal(kit_rerun(&kit, "a", 1, "b", NULL), PAWL_OK);
    assert_string_equal(kit_inbox(&kit, "b"), "TaskFailed(1) ChildWorkflowInstanceFailed(0)");
    KIT_EFFECTS(&kit, "CHANGED b, TURN b, TURN b");
    assert_int_equal(kit_rerun(&kit, "a", 0, "c", NULL), PAWL_OK);
    assert_string_equal(kit_inbox(&kit, "c"), "ChildWorkflowInstanceFailed(0)");
    kit_assert_replays(&kit);
    kit_finish(&kit);
}

// A workflow's own time does not go back, although the clock did.
static void test_clock(void **state) {
    struct kit kit;
    kit_init(&kit);
    kit.now += PAWL_HOUR;
    chain(&kit, "a");
    int64_t last = pawl__timestamp_get(kit_event(&kit, "a", 3)->timestamp);
    kit.now -= PAWL_HOUR;
    assert_int_equal(kit_rerun(&kit, "a", 1, "b", NULL), PAWL_OK);
    kit_result(&kit, "b", 1, "\"B\"");
    kit_begin(&kit, "b");
    assert_true(pawl__timestamp_get(kit.item->workflowrequest->newevents[0]->timestamp) >= last);
    kit_answer(&kit, "b", ACTIONS(kit_complete(&kit, 2, "1")));
    kit_assert_replays(&kit);
    kit_finish(&kit);
}

// The spans of the new run are its own.
static void test_trace(void **state) {
    struct kit kit;
    kit_init(&kit);
    kit.trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    kit.span = "00f067aa0ba902b7";
    chain(&kit, "a");
    assert_int_equal(kit_rerun(&kit, "a", 0, "b", NULL), PAWL_OK);
    assert_int_equal(kit_rerun(&kit, "a", 0, "c", NULL), PAWL_OK);
    const Pb__ExecutionStartedEvent *b = kit_event(&kit, "b", 1)->executionstarted;
    const Pb__ExecutionStartedEvent *c = kit_event(&kit, "c", 1)->executionstarted;
    assert_string_equal(b->parenttracecontext->traceparent, kit.trace);
    assert_string_not_equal(b->workflowspanid->value, kit.span);
    assert_string_not_equal(b->workflowspanid->value, c->workflowspanid->value);
    kit_finish(&kit);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_activity),    cmocka_unit_test(test_input),
        cmocka_unit_test(test_peers),       cmocka_unit_test(test_child),
        cmocka_unit_test(test_events),      cmocka_unit_test(test_sources),
        cmocka_unit_test(test_generations), cmocka_unit_test(test_refused),
        cmocka_unit_test(test_trace),       cmocka_unit_test(test_other_app),
        cmocka_unit_test(test_clock),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
