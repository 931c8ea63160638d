// What instances tell each other: events and ends that a workflow asks for, and who must not be
// touched by what another one does.

#include "kit.h"

#include "engine/events.h"

static void test_send(void **state) {
    struct kit kit;
    kit_init(&kit);
    kit_create(&kit, "a", "Sender");
    kit_create(&kit, "b", "Receiver");
    kit_effects(&kit);
    kit_turn(&kit, "a",
             ACTIONS(kit_send(&kit, 0, "b", "go", "1"), kit_send(&kit, 1, "b", "go", "2"),
                     kit_send(&kit, 2, "a", "own", NULL)));
    KIT_EFFECTS(&kit, "CHANGED a, TURN b, TURN b, TURN a, TURN a");
    KIT_HISTORY(&kit, "a",
                "WorkflowStarted ExecutionStarted EventSent(0) EventSent(1) EventSent(2)");
    const Pb__HistoryEvent *sent = kit_event(&kit, "a", 2);
    assert_string_equal(sent->eventsent->instanceid, "b");
    assert_string_equal(sent->eventsent->name, "go");
    assert_string_equal(sent->eventsent->input->value, "1");
    assert_string_equal(sent->router->sourceappid, "app");
    assert_string_equal(kit_inbox(&kit, "b"), "ExecutionStarted EventRaised(go) EventRaised(go)");
    assert_string_equal(kit_inbox(&kit, "a"), "EventRaised(own)");
    assert_int_equal(kit_find(&kit, "a")->sent, 3);

    // SDKs tell events apart by name and time.
    kit_begin(&kit, "b");
    Pb__HistoryEvent **events = kit.item->workflowrequest->newevents;
    assert_string_equal(events[2]->eventraised->input->value, "1");
    assert_string_equal(events[3]->eventraised->input->value, "2");
    assert_true(events[2]->timestamp->seconds != events[3]->timestamp->seconds ||
                events[2]->timestamp->nanos != events[3]->timestamp->nanos);
    kit_answer(&kit, "b", ACTIONS(kit_complete(&kit, 0, NULL)));
    kit_assert_replays(&kit);
    kit_finish(&kit);
}

static void test_sent_to_nobody(void **state) {
    struct kit kit;
    kit_init(&kit);
    kit_create(&kit, "gone", "Receiver");
    kit_turn(&kit, "gone", ACTIONS(kit_complete(&kit, 0, NULL)));
    kit_create(&kit, "a", "Sender");
    kit_effects(&kit);
    kit_turn(&kit, "a",
             ACTIONS(kit_send(&kit, 0, "none", "go", NULL), kit_send(&kit, 1, "gone", "go", NULL),
                     kit_to_app(&kit, kit_send(&kit, 2, "gone", "go", NULL), "far"),
                     kit_stop(&kit, 3, "none", NULL, false), kit_stop(&kit, 4, "gone", NULL, true),
                     kit_complete(&kit, 5, NULL), kit_send(&kit, 6, "a", "too late", NULL)));
    assert_string_equal(kit.shard.effects[1].text,
                        "the event 'go' that workflow 'a' sent to 'none' was dropped: there is no "
                        "such workflow");
    KIT_EFFECTS(&kit,
                "CHANGED a, DROPPED a, DROPPED a, DROPPED a, DROPPED a, DROPPED a, DROPPED a");
    assert_int_equal(kit.shard.dropped, 6);
    assert_int_equal(pawl__instance_status(kit_find(&kit, "a")), STATUS(COMPLETED));
    assert_false(kit_find(&kit, "none")->exists);
    kit_assert_replays(&kit);

    // One that has too much to read already is sent no more.
    kit_create(&kit, "b", "Receiver");
    kit_create(&kit, "c", "Sender");
    kit.shard.limits.raised = 10;
    kit_turn(&kit, "c", ACTIONS(kit_send(&kit, 0, "b", "go", NULL)));
    assert_int_equal(kit.shard.dropped, 7);
    assert_string_equal(kit_inbox(&kit, "b"), "ExecutionStarted");
    kit_assert_replays(&kit);
    kit_finish(&kit);
}

// Whatever state the receiver is in, it gets the event when it can take it.
static void test_sent_to_who_cannot_take_it(void **state) {
    struct kit kit;
    kit_init(&kit);
    kit_create(&kit, "suspended", "Receiver");
    kit_turn(&kit, "suspended", NO_ACTIONS);
    kit_suspend(&kit, "suspended");
    kit_turn(&kit, "suspended", NO_ACTIONS);
    kit_create_with(&kit, "later", "Receiver", NULL, kit.now + (3600 * PAWL_SECOND), false);
    kit_create(&kit, "stalled", "Receiver");
    kit_turn(&kit, "stalled", ACTIONS(kit_task(&kit, -1, "Pay", NULL)));
    kit_create(&kit, "a", "Sender");
    kit_turn(
        &kit, "a",
        ACTIONS(kit_send(&kit, 0, "suspended", "go", NULL), kit_send(&kit, 1, "later", "go", NULL),
                kit_send(&kit, 2, "stalled", "go", NULL), kit_detached(&kit, 3, "new", "Receiver"),
                kit_send(&kit, 4, "new", "go", NULL)));
    assert_int_equal(kit.shard.dropped, 0);
    assert_string_equal(kit_inbox(&kit, "suspended"), "EventRaised(go)");
    assert_string_equal(kit_inbox(&kit, "later"), "ExecutionStarted EventRaised(go)");
    assert_string_equal(kit_inbox(&kit, "stalled"), "ExecutionStarted EventRaised(go)");
    assert_string_equal(kit_inbox(&kit, "new"), "ExecutionStarted EventRaised(go)");
    kit_assert_replays(&kit);
    kit_finish(&kit);
}

// .NET's SDKs up to 1.16 keep events over a continue-as-new by sending them to the instance itself,
// before or after they say that it continues. They were seen, and so come before what was not.
static void test_sent_to_itself_at_continue_as_new(void **state) {
    for (int order = 0; order < 2; order++) {
        struct kit kit;
        kit_init(&kit);
        kit_create(&kit, "b", "Receiver");
        kit_create(&kit, "a", "Order");
        kit_raise(&kit, "a", "one", NULL);
        kit_raise(&kit, "a", "two", NULL);
        kit_begin(&kit, "a");
        kit_raise(&kit, "a", "unseen", NULL);
        Pb__WorkflowAction *next = kit_continue(&kit, 9, "2");
        Pb__WorkflowAction *one = kit_send(&kit, 1, "a", "one", "\"1\"");
        Pb__WorkflowAction *two = kit_send(&kit, 2, "a", "two", "\"2\"");
        Pb__WorkflowAction *other = kit_send(&kit, 3, "b", "go", NULL);
        if (order)
            kit_answer(&kit, "a", ACTIONS(one, two, other, next));
        else
            kit_answer(&kit, "a", ACTIONS(next, one, two, other));
        assert_string_equal(kit_inbox(&kit, "a"), "ExecutionStarted EventRaised(one) "
                                                  "EventRaised(two) EventRaised(unseen)");
        assert_string_equal(kit_inbox(&kit, "b"), "ExecutionStarted EventRaised(go)");
        kit_raise(&kit, "a", "later", NULL);
        assert_string_equal(kit_inbox(&kit, "a"),
                            "ExecutionStarted EventRaised(one) EventRaised(two) "
                            "EventRaised(unseen) EventRaised(later)");
        kit_assert_replays(&kit);
        kit_finish(&kit);
    }
}

static void test_terminate_another(void **state) {
    struct kit kit;
    kit_init(&kit);
    kit_create(&kit, "p", "Parent");
    kit_turn(&kit, "p", ACTIONS(kit_child(&kit, 0, "c", "Child")));
    kit_create_with(&kit, "later", "Order", NULL, kit.now + (3600 * PAWL_SECOND), false);
    kit_create(&kit, "a", "Sender");
    kit_effects(&kit);
    Pb__WorkflowAction *confirmed = kit_stop(&kit, 1, "later", "\"why\"", false);
    confirmed->terminateworkflow->confirm = true;
    kit_turn(&kit, "a", ACTIONS(kit_stop(&kit, 0, "p", "\"why\"", true), confirmed));
    KIT_EFFECTS(&kit, "CHANGED a, TURN p, TURN later, END later");
    KIT_HISTORY(&kit, "a", "WorkflowStarted ExecutionStarted EventSent(1)");
    assert_int_equal(kit_alone(&kit, "later"), PAWL_OK);
    assert_int_equal(pawl__instance_status(kit_find(&kit, "later")), STATUS(TERMINATED));
    kit_turn(&kit, "p", NO_ACTIONS);
    assert_string_equal(kit_inbox(&kit, "c"), "ExecutionStarted ExecutionTerminated");
    assert_string_equal(kit_event(&kit, "p", 5)->executioncompleted->result->value, "\"why\"");
    kit_assert_replays(&kit);
    kit_finish(&kit);
}

// --- who must not be touched ---------------------------------------------------------------------

// An id that a workflow asked for, but somebody else has, makes nobody its child.
static void test_strangers(void **state) {
    struct kit kit;
    uint32_t count;
    kit_init(&kit);
    kit_create(&kit, "stranger", "Invoice");
    kit_create(&kit, "a", "Order");
    kit_turn(&kit, "a",
             ACTIONS(kit_child(&kit, 0, "stranger", "Sub"), kit_child(&kit, 1, "c", "Sub")));
    assert_string_equal(kit_inbox(&kit, "a"), "ChildWorkflowInstanceFailed(0)");
    assert_int_equal(kit_purge(&kit, "a", true, true, &count), PAWL_OK);
    assert_int_equal(count, 2);
    assert_true(kit_find(&kit, "stranger")->exists);
    assert_false(kit_find(&kit, "c")->exists);

    // Nor does a terminate in the very turn in which it asks.
    kit_create(&kit, "b", "Order");
    kit_terminate(&kit, "b", NULL, true);
    kit_turn(&kit, "b",
             ACTIONS(kit_child(&kit, 0, "stranger", "Sub"), kit_child(&kit, 1, "d", "Sub")));
    assert_string_equal(kit_inbox(&kit, "stranger"), "ExecutionStarted");
    assert_string_equal(kit_inbox(&kit, "d"), "ExecutionStarted ExecutionTerminated");
    kit_turn(&kit, "stranger", ACTIONS(kit_complete(&kit, 0, "1")));
    kit_turn(&kit, "d", NO_ACTIONS);
    assert_int_equal(kit_purge(&kit, "b", true, false, &count), PAWL_OK);
    assert_int_equal(count, 2);
    assert_true(kit_find(&kit, "stranger")->exists);
    kit_assert_replays(&kit);
    kit_finish(&kit);
}

static void test_children_of_another_app(void **state) {
    struct kit kit;
    uint32_t count;
    kit_init(&kit);
    kit_create(&kit, "x", "Invoice");
    kit_create(&kit, "a", "Order");
    kit_terminate(&kit, "a", "\"why\"", true);
    assert_int_equal(kit_turn(&kit, "a",
                              ACTIONS(kit_to_app(&kit, kit_child(&kit, 0, "x", "Sub"), "far"),
                                      kit_to_app(&kit, kit_child(&kit, 1, "", "Sub"), "far"))),
                     PAWL_OK);
    assert_false(kit.shard.failed);
    assert_int_equal(pawl__instance_status(kit_find(&kit, "a")), STATUS(TERMINATED));
    assert_string_equal(kit_inbox(&kit, "x"), "ExecutionStarted");
    assert_int_equal(kit_purge(&kit, "a", true, true, &count), PAWL_OK);
    assert_int_equal(count, 1);
    assert_true(kit_find(&kit, "x")->exists);
    kit_assert_replays(&kit);
    kit_finish(&kit);
}

// A run under an id that was used before knows nothing of the earlier ones, also when the shard has
// forgotten them.
static void test_reused_id(void **state) {
    struct kit kit;
    kit_init(&kit);
    uint64_t last = 0;
    for (int i = 0; i < 4; i++) {
        kit_create(&kit, "a", "Order");
        kit_turn(&kit, "a", ACTIONS(kit_task(&kit, 0, "Pay", NULL)));
        kit_raise(&kit, "a", "next", NULL);
        for (int k = 0; k < i; k++) {
            kit_turn(&kit, "a", ACTIONS(kit_continue(&kit, 1, NULL)));
            kit_raise(&kit, "a", "next", NULL);
        }
        assert_true(kit_find(&kit, "a")->generation > last);
        last = kit_find(&kit, "a")->generation;
        assert_int_equal(kit_purge(&kit, "a", false, true, NULL), PAWL_OK);
        kit_effects(&kit);
        kit_commit(&kit);
        pawl__shard_evict(&kit.shard, kit_find(&kit, "a"));
    }
    kit_finish(&kit);
}

// --- a start that is to come ---------------------------------------------------------------------

static void test_scheduled(void **state) {
    struct kit kit;
    kit_init(&kit);
    int64_t at = kit.now + (3600 * PAWL_SECOND);
    kit_create_with(&kit, "a", "Order", NULL, at, false);
    struct pawl_instance *a = kit_find(&kit, "a");
    kit_suspend(&kit, "a");
    assert_int_equal(pawl__instance_status(a), STATUS(SUSPENDED));
    kit_resume(&kit, "a");
    assert_int_equal(pawl__instance_status(a), STATUS(PENDING));
    kit_effects(&kit);
    kit_terminate(&kit, "a", "\"why\"", false);
    KIT_EFFECTS(&kit, "TURN a, END a");
    assert_true(pawl__instance_active(a)); // it must not sleep
    kit_assert_replays(&kit);
    assert_int_equal(kit_alone(&kit, "a"), PAWL_OK);
    assert_int_equal(pawl__instance_status(a), STATUS(TERMINATED));
    KIT_HISTORY(&kit, "a",
                "WorkflowStarted ExecutionStarted ExecutionSuspended ExecutionResumed "
                "ExecutionTerminated ExecutionCompleted");
    kit_assert_replays(&kit);
    assert_int_equal(kit_purge(&kit, "a", false, false, NULL), PAWL_OK);
    kit_create_with(&kit, "b", "Order", NULL, at, false);
    assert_int_equal(kit_purge(&kit, "b", false, false, NULL), PAWL_OK);
    assert_int_equal(pawl__shard_wake_at(&kit.shard), KIT_NEVER);
    kit_assert_replays(&kit);
    kit_finish(&kit);
}

// The time of a start has come, and then the clock is set back before the turn is given out.
static void test_scheduled_when_the_clock_goes_back(void **state) {
    struct kit kit;
    kit_init(&kit);
    int64_t at = kit.now + (3600 * PAWL_SECOND);
    kit_create_with(&kit, "a", "Order", NULL, at, false);
    kit_effects(&kit);
    assert_int_equal(kit_fire(&kit, at - 1), PAWL_OK);
    KIT_EFFECTS(&kit, "");
    assert_int_equal(kit_fire(&kit, at), PAWL_OK);
    KIT_EFFECTS(&kit, "TURN a");
    assert_true(pawl__shard_turn_ready(kit_find(&kit, "a"), at - PAWL_SECOND));
    assert_int_equal(kit_fire(&kit, at + 1), PAWL_OK); // once is enough
    KIT_EFFECTS(&kit, "");
    kit_turn(&kit, "a", ACTIONS(kit_complete(&kit, 0, NULL)));
    kit_assert_replays(&kit);
    kit_finish(&kit);
}

// A batch that has gathered enough makes timers wait until it is taken.
static void test_full_batch(void **state) {
    struct kit kit;
    kit_init(&kit);
    kit.shard.limits.batch = 1000;
    kit_create(&kit, "a", "Order");
    Pb__WorkflowAction *actions[101] = {NULL};
    for (int i = 0; i < 100; i++) actions[i] = kit_timer(&kit, i, kit.now + PAWL_SECOND);
    kit_turn(&kit, "a", actions);
    kit_commit(&kit);
    unsigned rounds = 0;
    for (; kit_find(&kit, "a")->pending.live; rounds++) {
        assert_int_equal(kit_fire(&kit, kit.now + 2 * PAWL_SECOND), PAWL_OK);
        assert_true(kit.shard.batch.len < 1200);
        kit_commit(&kit);
    }
    assert_true(rounds > 2);
    assert_int_equal(kit_find(&kit, "a")->inbox.count, 100);
    kit_assert_replays(&kit);
    kit_finish(&kit);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_send),
        cmocka_unit_test(test_sent_to_nobody),
        cmocka_unit_test(test_sent_to_who_cannot_take_it),
        cmocka_unit_test(test_sent_to_itself_at_continue_as_new),
        cmocka_unit_test(test_terminate_another),
        cmocka_unit_test(test_strangers),
        cmocka_unit_test(test_children_of_another_app),
        cmocka_unit_test(test_reused_id),
        cmocka_unit_test(test_scheduled),
        cmocka_unit_test(test_scheduled_when_the_clock_goes_back),
        cmocka_unit_test(test_full_batch),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
