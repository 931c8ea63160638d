// Commands of clients: what they answer, and what they leave behind.

#include "kit.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "wire/timestamp.h"

static void test_create(void **state) {
    struct kit kit;
    kit_init(&kit);
    assert_int_equal(kit_create(&kit, "a", "Order"), PAWL_OK);
    KIT_EFFECTS(&kit, "TURN a, CHANGED a");
    struct pawl_instance *a = kit_find(&kit, "a");
    assert_int_equal(pawl__instance_status(a), STATUS(PENDING));
    assert_int_equal(a->created_at, kit.now);
    assert_int_equal(a->updated_at, kit.now);
    assert_true(a->generation > 0);
    assert_string_equal(a->name, "Order");
    assert_string_equal(a->execution_id, "execution-1");
    KIT_HISTORY(&kit, "a", "");
    assert_string_equal(kit_inbox(&kit, "a"), "ExecutionStarted");
    assert_true(pawl__instance_active(a));

    kit_begin(&kit, "a");
    const Pb__WorkflowRequest *request = kit.item->workflowrequest;
    assert_string_equal(kit.item->completiontoken, "token");
    assert_string_equal(request->executionid->value, "execution-1");
    assert_int_equal(request->n_pastevents, 0);
    assert_int_equal(request->n_newevents, 2);
    assert_int_equal(request->newevents[0]->event_type_case,
                     PB__HISTORY_EVENT__EVENT_TYPE_WORKFLOW_STARTED);
    assert_int_equal(request->newevents[0]->eventid, -1);
    assert_int_equal(pawl__timestamp_get(request->newevents[0]->timestamp), kit.now);
    const Pb__ExecutionStartedEvent *start = request->newevents[1]->executionstarted;
    assert_string_equal(start->name, "Order");
    assert_string_equal(start->input->value, "\"in\"");
    assert_false(pawl__shard_turn_ready(a, kit.now)); // one turn at a time

    int64_t started_at = kit.now;
    assert_int_equal(kit_answer(&kit, "a", ACTIONS(kit_complete(&kit, 0, "42"))), PAWL_OK);
    KIT_EFFECTS(&kit, "CHANGED a");
    KIT_HISTORY(&kit, "a", "WorkflowStarted ExecutionStarted ExecutionCompleted(0)");
    assert_int_equal(pawl__instance_status(a), STATUS(COMPLETED));
    assert_int_equal(a->started_at, started_at);
    assert_int_equal(a->completed_at, kit.now);
    assert_string_equal(kit_event(&kit, "a", 2)->executioncompleted->result->value, "42");
    assert_false(pawl__instance_active(a));
    assert_false(pawl__shard_turn_ready(a, kit.now));
    kit_assert_replays(&kit);
    kit_finish(&kit);
}

static void test_create_duplicate(void **state) {
    struct kit kit;
    kit_init(&kit);
    kit_create(&kit, "a", "Order");
    uint64_t first = kit_find(&kit, "a")->generation;
    assert_int_equal(kit_create(&kit, "a", "Order"), PAWL_E_EXISTS);
    assert_string_equal(kit.error.text, "an active workflow with ID 'a' already exists");
    assert_int_equal(kit_create_with(&kit, "a", "Order", NULL, 0, true), PAWL_E_EXISTS);
    assert_string_equal(kit.error.text, "an active workflow with ID 'a' already exists");
    kit_turn(&kit, "a", ACTIONS(kit_complete(&kit, 0, "1")));
    assert_int_equal(kit_create_with(&kit, "a", "Order", NULL, 0, true), PAWL_E_EXISTS);
    assert_string_equal(kit.error.text, "a workflow with ID 'a' already exists and the create "
                                        "enforces instance ID uniqueness");
    kit_effects(&kit);

    assert_int_equal(kit_create_with(&kit, "a", "Other", "\"again\"", 0, false), PAWL_OK);
    KIT_EFFECTS(&kit, "TURN a, CHANGED a");
    struct pawl_instance *a = kit_find(&kit, "a");
    assert_true(a->generation > first);
    assert_int_equal(a->completed_at, 0);
    assert_string_equal(a->name, "Other");
    assert_int_equal(pawl__instance_status(a), STATUS(PENDING));
    KIT_HISTORY(&kit, "a", "");
    kit_assert_replays(&kit);
    kit_finish(&kit);
}

static void test_reuse_with_work_outstanding(void **state) {
    struct kit kit;
    kit_init(&kit);
    kit_create(&kit, "a", "Order");
    kit_turn(&kit, "a", ACTIONS(kit_task(&kit, 0, "Pay", NULL)));
    kit_terminate(&kit, "a", NULL, false);
    kit_turn(&kit, "a", ACTIONS(kit_end(&kit, 1, STATUS(TERMINATED), NULL)));
    assert_int_equal(kit_create(&kit, "a", "Order"), PAWL_E_UNKNOWN);
    assert_string_equal(kit.error.text,
                        "a terminated workflow with ID 'a' is already awaiting an activity result");
    assert_int_equal(kit_result(&kit, "a", 0, "1"), PAWL_OK);
    assert_string_equal(kit_inbox(&kit, "a"), ""); // only noted
    assert_int_equal(kit_create(&kit, "a", "Order"), PAWL_OK);

    kit_create(&kit, "p", "Parent");
    kit_turn(&kit, "p", ACTIONS(kit_child(&kit, 0, "c", "Child")));
    kit_terminate(&kit, "p", NULL, false);
    kit_turn(&kit, "p", NO_ACTIONS);
    assert_int_equal(kit_create(&kit, "p", "Parent"), PAWL_E_EXISTS);
    assert_string_equal(kit.error.text, "cannot recreate workflow with ID 'p': child workflow 'c': "
                                        "orchestration has not yet completed");
    kit_turn(&kit, "c", ACTIONS(kit_complete(&kit, 0, NULL)));
    assert_int_equal(kit_create(&kit, "p", "Parent"), PAWL_OK);
    kit_assert_replays(&kit);
    kit_finish(&kit);
}

// Also what a child has left running that the parent has long heard of.
static void test_reuse_with_descendants(void **state) {
    struct kit kit;
    kit_init(&kit);
    kit_create(&kit, "p", "Parent");
    kit_turn(&kit, "p", ACTIONS(kit_child(&kit, 0, "c", "Child"), kit_child(&kit, 1, "k", "Kid")));
    kit_turn(&kit, "c",
             ACTIONS(kit_child(&kit, 0, "g", "Grandchild"), kit_task(&kit, 1, "Pay", NULL),
                     kit_complete(&kit, 2, NULL)));
    kit_turn(&kit, "k", ACTIONS(kit_complete(&kit, 0, NULL)));
    kit_turn(&kit, "p", ACTIONS(kit_complete(&kit, 2, NULL)));
    assert_int_equal(kit_create(&kit, "p", "Parent"), PAWL_E_EXISTS);
    assert_string_equal(kit.error.text,
                        "cannot recreate workflow with ID 'p': child workflow 'c': child workflow "
                        "'g': orchestration has not yet completed");
    // So hears who calls it as a child.
    kit_create(&kit, "q", "Other");
    kit_turn(&kit, "q", ACTIONS(kit_child(&kit, 0, "p", "Parent")));
    kit_turn(&kit, "q", NO_ACTIONS);
    assert_string_equal(
        kit_event(&kit, "q", 4)->childworkflowinstancefailed->failuredetails->errormessage,
        "cannot recreate workflow with ID 'p': child workflow 'c': child workflow 'g': "
        "orchestration has not yet completed");

    // A child's own activity may be out: its result says nothing to a new run.
    kit_turn(&kit, "g", ACTIONS(kit_complete(&kit, 0, NULL)));
    assert_int_equal(kit_create(&kit, "c", "Child"), PAWL_E_UNKNOWN);
    assert_int_equal(kit_create(&kit, "p", "Parent"), PAWL_OK);

    // Who has got the id of a child that is gone is nobody's child.
    kit_turn(&kit, "p", ACTIONS(kit_child(&kit, 0, "x", "Child"), kit_complete(&kit, 1, NULL)));
    assert_int_equal(kit_create(&kit, "p", "Parent"), PAWL_E_EXISTS);
    kit_purge(&kit, "x", false, true, NULL);
    kit_create(&kit, "x", "Stranger");
    assert_int_equal(kit_create(&kit, "p", "Parent"), PAWL_OK);
    kit_assert_replays(&kit);
    kit_finish(&kit);
}

static void *recreate_first(void *arg) {
    kit_create(arg, "w0", "Link");
    return NULL;
}

// Each workflow starts the next one and ends, and nobody waits: as deep as the app likes, so that
// no stack is deep enough.
static void test_reuse_of_a_long_chain(void **state) {
    enum {
        DEPTH = 10000,
        STACK = 256 << 10
    };
    struct kit kit;
    kit_init(&kit);
    char id[32] = "w0", next[32];
    kit_create(&kit, id, "Link");
    for (int i = 1; i <= DEPTH; i++) {
        snprintf(next, sizeof next, "w%d", i);
        kit_turn(&kit, id, ACTIONS(kit_child(&kit, 0, next, "Link"), kit_complete(&kit, 1, NULL)));
        memcpy(id, next, sizeof id);
        pawl__arena_reset(&kit.arena);
    }
    pthread_t thread;
    pthread_attr_t small;
    pthread_attr_init(&small);
    pthread_attr_setstacksize(&small, STACK);
    assert_int_equal(pthread_create(&thread, &small, recreate_first, &kit), 0);
    pthread_join(thread, NULL);
    pthread_attr_destroy(&small);
    assert_int_equal(kit.error.code, PAWL_E_EXISTS);
    assert_non_null(strstr(kit.error.text, "cannot recreate workflow with ID 'w0': child workflow "
                                           "'w1': child workflow 'w2': "));
    assert_non_null(strstr(kit.error.text, "'w8': ...: child workflow 'w9992': "));
    assert_non_null(strstr(kit.error.text, "'w9999': child workflow 'w10000': orchestration has "
                                           "not yet completed"));
    kit_turn(&kit, id, ACTIONS(kit_complete(&kit, 0, NULL)));
    assert_int_equal(kit_create(&kit, "w0", "Link"), PAWL_OK);
    kit_finish(&kit);
}

static const char *failure_of(struct kit *kit, const char *id, unsigned index) {
    const Pb__HistoryEvent *event = kit_event(kit, id, index);
    const Pb__TaskFailureDetails *details =
        event->event_type_case == PB__HISTORY_EVENT__EVENT_TYPE_TASK_FAILED
            ? event->taskfailed->failuredetails
            : event->childworkflowinstancefailed->failuredetails;
    assert_non_null(strstr(details->errormessage, "bytes of events wait for workflow 'a'"));
    return details->errortype;
}

static void test_too_large(void **state) {
    struct kit kit;
    kit_init(&kit);
    kit.shard.limits = (struct pawl_limits){
        .event = 1000, .raised = 1500, .results = 2200, .name = 1000, .batch = 1 << 20};
    char large[1001], half[501];
    memset(large, '1', sizeof large - 1);
    memset(half, '1', sizeof half - 1);
    large[sizeof large - 1] = half[sizeof half - 1] = 0;

    // Whoever can be told is told, and nothing is recorded.
    assert_int_equal(kit_create_with(&kit, "a", "Order", large, 0, false), PAWL_E_TOO_LARGE);
    assert_int_equal(kit_create_with(&kit, "a", "Order", half, 0, false), PAWL_OK);
    assert_int_equal(kit_raise(&kit, "a", "e", large), PAWL_E_TOO_LARGE);
    kit_begin(&kit, "a");
    assert_int_equal(kit_answer(&kit, "a", ACTIONS(kit_task(&kit, 0, "Pay", large))),
                     PAWL_E_TOO_LARGE);
    assert_string_equal(kit_inbox(&kit, "a"), "ExecutionStarted");
    assert_int_equal(
        kit_answer(&kit, "a",
                   ACTIONS(kit_task(&kit, 0, "Pay", NULL), kit_task(&kit, 1, "Pay", NULL),
                           kit_task(&kit, 2, "Pay", NULL), kit_child(&kit, 3, "c", "Child"),
                           kit_child(&kit, 4, "d", "Child"))),
        PAWL_OK);

    // A result that is too large by itself, or with what waits, becomes a failure.
    assert_int_equal(kit_result(&kit, "a", 0, large), PAWL_OK);
    for (int i = 0; i < 2; i++) assert_int_equal(kit_raise(&kit, "a", "e", half), PAWL_OK);
    assert_int_equal(kit_result(&kit, "a", 1, half), PAWL_OK);
    assert_int_equal(kit_raise(&kit, "a", "e", half), PAWL_E_TOO_LARGE);
    assert_int_equal(kit_result(&kit, "a", 2, half), PAWL_OK);
    kit_turn(&kit, "d", ACTIONS(kit_complete(&kit, 0, "1")));
    kit_turn(&kit, "c", ACTIONS(kit_complete(&kit, 0, half)));
    assert_string_equal(kit_inbox(&kit, "a"),
                        "TaskFailed(0) EventRaised(e) EventRaised(e) TaskCompleted(1) "
                        "TaskFailed(2) ChildWorkflowInstanceCompleted(4) "
                        "ChildWorkflowInstanceFailed(3)");
    kit_assert_replays(&kit);
    kit_turn(&kit, "a", NO_ACTIONS);
    assert_string_equal(failure_of(&kit, "a", 8), "ResultTooLarge");
    assert_string_equal(failure_of(&kit, "a", 12), "ResultTooLarge");
    assert_string_equal(failure_of(&kit, "a", 14), "ResultTooLarge");
    // It can be terminated at any time.
    assert_int_equal(kit_terminate(&kit, "a", "\"why\"", false), PAWL_OK);
    kit_finish(&kit);
}

static void test_scheduled_start(void **state) {
    struct kit kit;
    kit_init(&kit);
    int64_t at = KIT_START + PAWL_SECOND;
    kit_create_with(&kit, "a", "Order", NULL, at, false);
    struct pawl_instance *a = kit_find(&kit, "a");
    assert_int_equal(pawl__instance_status(a), STATUS(PENDING));
    assert_int_equal(pawl__instance_wake_at(a), at);
    assert_int_equal(pawl__shard_wake_at(&kit.shard), at);
    assert_false(pawl__instance_active(a));
    assert_false(pawl__shard_turn_ready(a, at - 1));
    kit_raise(&kit, "a", "go", NULL); // does not start it
    assert_false(pawl__shard_turn_ready(a, at - 1));
    kit_effects(&kit);
    assert_int_equal(kit_fire(&kit, at - 1), PAWL_OK);
    KIT_EFFECTS(&kit, "");
    kit_fire(&kit, at);
    KIT_EFFECTS(&kit, "TURN a");
    kit.now = at;
    kit_turn(&kit, "a", NO_ACTIONS);
    KIT_HISTORY(&kit, "a", "WorkflowStarted ExecutionStarted EventRaised(go)");
    assert_int_equal(pawl__shard_wake_at(&kit.shard), KIT_NEVER);

    // A time that has passed is no time to wait for.
    kit_create_with(&kit, "b", "Order", NULL, KIT_START, false);
    assert_true(pawl__shard_turn_ready(kit_find(&kit, "b"), kit.now));
    kit_assert_replays(&kit);
    kit_finish(&kit);
}

static void test_post_to_nobody(void **state) {
    struct kit kit;
    kit_init(&kit);
    assert_int_equal(kit_raise(&kit, "x", "e", NULL), PAWL_E_NOT_FOUND);
    assert_string_equal(kit.error.text, "no such instance exists");
    assert_int_equal(kit_terminate(&kit, "x", NULL, false), PAWL_E_NOT_FOUND);
    assert_int_equal(kit_purge(&kit, "x", false, false, NULL), PAWL_E_NOT_FOUND);
    assert_string_equal(kit.error.text, "no such instance exists");

    kit_create(&kit, "a", "Order");
    kit_turn(&kit, "a", ACTIONS(kit_complete(&kit, 0, NULL)));
    kit_effects(&kit);
    kit_commit(&kit);
    assert_int_equal(kit_raise(&kit, "a", "e", NULL), PAWL_OK); // accepted and dropped
    assert_int_equal(kit_suspend(&kit, "a"), PAWL_OK);
    assert_int_equal(kit_terminate(&kit, "a", "late", true), PAWL_OK);
    KIT_EFFECTS(&kit, "");
    assert_int_equal(kit.shard.batch.len, 0);
    assert_int_equal(pawl__instance_status(kit_find(&kit, "a")), STATUS(COMPLETED));
    kit_finish(&kit);
}

static void test_suspend_and_resume(void **state) {
    struct kit kit;
    kit_init(&kit);
    kit_create(&kit, "a", "Order");
    kit_turn(&kit, "a", ACTIONS(kit_task(&kit, 0, "Pay", NULL)));
    struct pawl_instance *a = kit_find(&kit, "a");
    kit_suspend(&kit, "a");
    assert_int_equal(pawl__instance_status(a), STATUS(RUNNING)); // until a turn has seen it
    kit_turn(&kit, "a", NO_ACTIONS);
    assert_int_equal(pawl__instance_status(a), STATUS(SUSPENDED));
    kit_result(&kit, "a", 0, "1"); // results are still delivered
    kit_turn(&kit, "a", NO_ACTIONS);
    assert_int_equal(pawl__instance_status(a), STATUS(SUSPENDED));
    kit_resume(&kit, "a");
    kit_turn(&kit, "a", NO_ACTIONS);
    assert_int_equal(pawl__instance_status(a), STATUS(RUNNING));
    KIT_HISTORY(&kit, "a",
                "WorkflowStarted ExecutionStarted TaskScheduled(0) "
                "WorkflowStarted ExecutionSuspended WorkflowStarted TaskCompleted(0) "
                "WorkflowStarted ExecutionResumed");
    kit_suspend(&kit, "a");
    kit_turn(&kit, "a", NO_ACTIONS);
    kit_terminate(&kit, "a", "\"enough\"", false); // ends a suspended one, too
    kit_turn(&kit, "a", NO_ACTIONS);
    assert_int_equal(pawl__instance_status(a), STATUS(TERMINATED));
    kit_assert_replays(&kit);
    kit_finish(&kit);
}

static void test_terminate(void **state) {
    struct kit kit;
    kit_init(&kit);
    kit_create(&kit, "a", "Order");
    kit_turn(&kit, "a", ACTIONS(kit_timer(&kit, 0, kit.now + PAWL_SECOND)));
    kit_terminate(&kit, "a", "\"why\"", false);
    kit_raise(&kit, "a", "late", NULL);
    kit_turn(&kit, "a", ACTIONS(kit_end(&kit, 1, STATUS(TERMINATED), "\"why\"")));
    KIT_HISTORY(&kit, "a",
                "WorkflowStarted ExecutionStarted TimerCreated(0) WorkflowStarted "
                "ExecutionTerminated EventRaised(late) ExecutionCompleted(1)");
    assert_int_equal(pawl__shard_wake_at(&kit.shard), KIT_NEVER); // its timer is gone

    // A worker that does not obey is overruled.
    kit_create(&kit, "b", "Order");
    kit_terminate(&kit, "b", "\"why\"", false);
    kit_turn(&kit, "b", NO_ACTIONS);
    KIT_HISTORY(&kit, "b",
                "WorkflowStarted ExecutionStarted ExecutionTerminated ExecutionCompleted");
    const Pb__ExecutionCompletedEvent *end = kit_event(&kit, "b", 3)->executioncompleted;
    assert_int_equal(end->workflowstatus, STATUS(TERMINATED));
    assert_string_equal(end->result->value, "\"why\"");
    assert_int_equal(kit_event(&kit, "b", 3)->eventid, -1);

    // The completion that came before wins.
    kit_create(&kit, "c", "Order");
    kit_terminate(&kit, "c", NULL, false);
    kit_turn(&kit, "c",
             ACTIONS(kit_complete(&kit, 0, "1"), kit_end(&kit, 1, STATUS(TERMINATED), NULL)));
    assert_int_equal(pawl__instance_status(kit_find(&kit, "c")), STATUS(COMPLETED));

    // Terminate wins over continue-as-new.
    kit_create(&kit, "d", "Order");
    kit_terminate(&kit, "d", "\"stop\"", false);
    uint64_t generation = kit_find(&kit, "d")->generation;
    kit_turn(&kit, "d", ACTIONS(kit_continue(&kit, 0, "\"next\"")));
    KIT_HISTORY(&kit, "d",
                "WorkflowStarted ExecutionStarted ExecutionTerminated ExecutionCompleted");
    assert_int_equal(pawl__instance_status(kit_find(&kit, "d")), STATUS(TERMINATED));
    assert_int_equal(kit_find(&kit, "d")->generation, generation);
    kit_assert_replays(&kit);
    kit_finish(&kit);
}

static void test_purge(void **state) {
    struct kit kit;
    uint32_t count = 99;
    kit_init(&kit);
    kit_create(&kit, "a", "Order");
    assert_int_equal(kit_purge(&kit, "a", false, false, &count), PAWL_E_PRECONDITION);
    assert_string_equal(kit.error.text, "orchestration has not yet completed");
    kit_turn(&kit, "a", ACTIONS(kit_complete(&kit, 0, NULL)));
    kit_effects(&kit);
    assert_int_equal(kit_purge(&kit, "a", false, false, &count), PAWL_OK);
    assert_int_equal(count, 1);
    KIT_EFFECTS(&kit, "PURGED a");
    assert_false(kit_find(&kit, "a")->exists);
    assert_int_equal(kit_purge(&kit, "a", false, false, &count), PAWL_E_NOT_FOUND);
    assert_int_equal(kit_raise(&kit, "a", "e", NULL), PAWL_E_NOT_FOUND);
    assert_int_equal(kit_create(&kit, "a", "Order"), PAWL_OK); // free again

    // By force also what runs, with a turn out and a timer set.
    kit_turn(&kit, "a", ACTIONS(kit_timer(&kit, 0, kit.now + PAWL_SECOND)));
    kit_raise(&kit, "a", "e", NULL);
    kit_begin(&kit, "a");
    assert_int_equal(kit_purge(&kit, "a", false, true, &count), PAWL_OK);
    assert_int_equal(pawl__shard_wake_at(&kit.shard), KIT_NEVER);
    assert_int_equal(kit_fire(&kit, kit.now + 2 * PAWL_SECOND), PAWL_OK);
    kit_assert_replays(&kit);
    kit_finish(&kit);
}

static void test_purge_recursive(void **state) {
    struct kit kit;
    uint32_t count = 0;
    kit_init(&kit);
    kit_create(&kit, "p", "Parent");
    kit_turn(&kit, "p", ACTIONS(kit_child(&kit, 0, "c1", "Child"), kit_child(&kit, 1, "c2", "C")));
    kit_turn(&kit, "c1", ACTIONS(kit_child(&kit, 0, "g", "Grandchild")));
    kit_turn(&kit, "g", ACTIONS(kit_complete(&kit, 0, NULL)));
    kit_turn(&kit, "c1", ACTIONS(kit_complete(&kit, 1, NULL)));
    kit_turn(&kit, "p", ACTIONS(kit_complete(&kit, 2, NULL)));
    // A child that runs stops all of it, and nothing has changed then.
    assert_int_equal(kit_purge(&kit, "p", true, false, &count), PAWL_E_PRECONDITION);
    assert_true(kit_find(&kit, "g")->exists);
    kit_effects(&kit);
    assert_int_equal(kit_purge(&kit, "p", true, true, &count), PAWL_OK);
    assert_int_equal(count, 4);
    KIT_EFFECTS(&kit, "PURGED g, PURGED c1, PURGED c2, PURGED p");

    kit_create(&kit, "q", "Parent");
    kit_turn(&kit, "q", ACTIONS(kit_child(&kit, 0, "d", "Child")));
    kit_turn(&kit, "d", ACTIONS(kit_complete(&kit, 0, NULL)));
    kit_turn(&kit, "q", ACTIONS(kit_complete(&kit, 1, NULL)));
    assert_int_equal(kit_purge(&kit, "d", false, false, &count), PAWL_OK);
    assert_int_equal(kit_purge(&kit, "q", true, false, &count), PAWL_OK); // one child is missing
    assert_int_equal(count, 1);
    kit_assert_replays(&kit);
    kit_finish(&kit);
}

static void test_purge_of_many(void **state) {
    enum {
        WIDTH = 3000
    };
    struct kit kit;
    uint32_t count = 0;
    kit_init(&kit);
    kit_create(&kit, "p", "Parent");
    Pb__WorkflowAction *actions[WIDTH + 2] = {NULL};
    for (int i = 0; i < WIDTH; i++) actions[i] = kit_child(&kit, i, NULL, "Child");
    actions[WIDTH] = kit_complete(&kit, WIDTH, NULL);
    kit_turn(&kit, "p", actions);
    assert_int_equal(kit_purge(&kit, "p", true, true, &count), PAWL_OK);
    assert_int_equal(count, WIDTH + 1);
    kit_assert_replays(&kit);
    kit_finish(&kit);
}

// A command asks for one unknown instance at a time, and changes nothing until it has all.
// What the log could not be read back with must not get into it.
static void test_unreadable(void **state) {
    struct kit kit;
    kit_init(&kit);
    assert_int_equal(kit_create(&kit, "\xff", "Order"), PAWL_E_INVALID);
    assert_int_equal(kit_create(&kit, "a", "\xff"), PAWL_E_INVALID);
    assert_int_equal(kit_create(&kit, "a", "Order"), PAWL_OK);
    assert_int_equal(kit_turn(&kit, "a", ACTIONS(kit_task(&kit, 0, "Pay", NULL))), PAWL_OK);
    assert_int_equal(kit_raise(&kit, "a", "\xff", NULL), PAWL_E_INVALID);
    assert_int_equal(kit_raise(&kit, "a", "e", "\xc3"), PAWL_E_INVALID);
    assert_int_equal(kit_result(&kit, "a", 0, "\xff"), PAWL_E_INVALID);
    assert_false(kit.shard.failed);
    KIT_HISTORY(&kit, "a", "WorkflowStarted ExecutionStarted TaskScheduled(0)");
    assert_string_equal(kit_inbox(&kit, "a"), "");
    kit_assert_replays(&kit);
    kit_finish(&kit);
}

// Failures that have more causes than a message may nest.
static void test_deep_failures(void **state) {
    struct kit kit;
    kit_init(&kit);
    Pb__TaskFailureDetails causes[200];
    for (size_t i = 0; i < 200; i++) {
        pb__task_failure_details__init(&causes[i]);
        causes[i].errortype = causes[i].errormessage = "again";
        if (i) causes[i - 1].innerfailure = &causes[i];
    }
    Pb__ActivityResponse response = PB__ACTIVITY_RESPONSE__INIT;
    response.failuredetails = causes;
    kit_create(&kit, "a", "Order");
    kit_turn(&kit, "a", ACTIONS(kit_task(&kit, 0, "Pay", NULL)));
    assert_int_equal(pawl__shard_complete_task(&kit.shard, kit_stamp(&kit), kit_find(&kit, "a"), 0,
                                               &response, &kit.error),
                     PAWL_OK);
    causes[63].innerfailure = NULL;
    for (size_t i = 0; i < 96; i++) causes[i].innerfailure = &causes[i + 1];
    causes[96].innerfailure = NULL;
    Pb__WorkflowAction *end = kit_end(&kit, 1, STATUS(FAILED), NULL);
    end->completeworkflow->failuredetails = causes;
    assert_int_equal(kit_turn(&kit, "a", ACTIONS(end)), PAWL_OK);
    kit_assert_replays(&kit);
    kit_finish(&kit);
}

// What waits for a worker has a limit, but no instance has to wait for room to be ended.
static void test_full_inbox(void **state) {
    struct kit kit;
    kit_init(&kit);
    kit_create(&kit, "a", "Order");
    enum {
        SIZE = 1 << 20
    };
    char *text = malloc(SIZE + 1);
    memset(text, 'x', SIZE);
    text[SIZE] = 0;
    enum pawl_err err = PAWL_OK;
    int count = 0;
    for (; !err && count < 100; count++) {
        err = kit_raise(&kit, "a", "e", text);
        pawl__arena_reset(&kit.arena);
    }
    free(text);
    assert_int_equal(err, PAWL_E_TOO_LARGE);
    assert_int_equal(count, 65);
    assert_non_null(strstr(kit.error.text, "bytes of events wait for workflow 'a' already"));
    assert_int_equal(kit_terminate(&kit, "a", NULL, false), PAWL_OK);
    kit_turn(&kit, "a", NO_ACTIONS);
    assert_int_equal(pawl__instance_status(kit_find(&kit, "a")), STATUS(TERMINATED));
    kit_finish(&kit);
}

static void test_needed(void **state) {
    struct kit kit;
    struct pawl_error error;
    struct pawl_instance *ghost;
    kit_init(&kit);
    Pb__ExecutionStartedEvent start = PB__EXECUTION_STARTED_EVENT__INIT;
    start.name = "Order";
    assert_int_equal(
        pawl__shard_create(&kit.shard, kit_stamp(&kit), PAWL_STR("a"), &start, false, &error),
        PAWL_E_NEEDED);
    assert_string_equal(kit.shard.needed, "a");
    assert_int_equal(kit.shard.batch.len, 0);
    assert_int_equal(kit.shard.effect_count, 0);
    assert_int_equal(pawl__shard_ghost(&kit.shard, PAWL_STR("a"), &ghost), PAWL_OK);
    assert_int_equal(
        pawl__shard_create(&kit.shard, kit_stamp(&kit), PAWL_STR("a"), &start, false, &error),
        PAWL_OK);

    kit_begin(&kit, "a");
    kit_effects(&kit);
    kit_commit(&kit);
    Pb__WorkflowAction **actions =
        ACTIONS(kit_child(&kit, 0, "c1", "C"), kit_child(&kit, 1, NULL, "C"),
                kit_detached(&kit, 2, "d", "D"));
    Pb__WorkflowResponse response = PB__WORKFLOW_RESPONSE__INIT;
    response.actions = actions;
    response.n_actions = 3;
    // All that is missing is asked for at once.
    const char *needed[] = {"d", "a:0001", "c1"};
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(pawl__shard_complete_turn(&kit.shard, kit_stamp(&kit), kit_find(&kit, "a"),
                                                   &response, PAWL_STR(""), &error),
                         PAWL_E_NEEDED);
        assert_string_equal(kit.shard.needed, needed[i]);
        const struct pawl_need *also = kit.shard.also;
        for (size_t k = i + 1; k < 3; k++, also = also->next)
            assert_string_equal(also->id, needed[k]);
        assert_null(also);
        assert_int_equal(kit.shard.batch.len, 0);
        assert_true(kit_find(&kit, "a")->turn_out);
        pawl__shard_ghost(&kit.shard, pawl__str(needed[i]), &ghost);
    }
    assert_int_equal(kit_answer(&kit, "a", actions), PAWL_OK);
    KIT_EFFECTS(&kit, "CHANGED a, TURN c1, CHANGED c1, TURN a:0001, CHANGED a:0001, "
                      "TURN d, CHANGED d");

    // What ends needs its parent; what is terminated needs its children.
    kit_commit(&kit);
    kit_find(&kit, "a")->position = 1;
    pawl__shard_evict(&kit.shard, kit_find(&kit, "a"));
    kit_begin(&kit, "c1");
    response.n_actions = 1;
    response.actions = ACTIONS(kit_complete(&kit, 0, NULL));
    assert_int_equal(pawl__shard_complete_turn(&kit.shard, kit_stamp(&kit), kit_find(&kit, "c1"),
                                               &response, PAWL_STR(""), &error),
                     PAWL_E_NEEDED);
    assert_string_equal(kit.shard.needed, "a");
    kit_finish(&kit);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_create),
        cmocka_unit_test(test_create_duplicate),
        cmocka_unit_test(test_reuse_with_work_outstanding),
        cmocka_unit_test(test_reuse_with_descendants),
        cmocka_unit_test(test_reuse_of_a_long_chain),
        cmocka_unit_test(test_too_large),
        cmocka_unit_test(test_scheduled_start),
        cmocka_unit_test(test_post_to_nobody),
        cmocka_unit_test(test_suspend_and_resume),
        cmocka_unit_test(test_terminate),
        cmocka_unit_test(test_purge),
        cmocka_unit_test(test_purge_recursive),
        cmocka_unit_test(test_purge_of_many),
        cmocka_unit_test(test_unreadable),
        cmocka_unit_test(test_deep_failures),
        cmocka_unit_test(test_full_inbox),
        cmocka_unit_test(test_needed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
