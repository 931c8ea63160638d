// Turns: what each action leaves behind, timers, raised events, new generations, stalls.

#include "kit.h"

#include "wire/timestamp.h"
#include "wire/unpack.h"

static void assert_router(const Pb__HistoryEvent *event, const char *source, const char *target) {
    assert_int_equal(event->_router_case != 0, source != NULL);
    if (!source) return;
    assert_string_equal(event->router->sourceappid, source);
    assert_int_equal(event->router->_target_app_id_case != 0, target != NULL);
    if (target) assert_string_equal(event->router->targetappid, target);
}

// SDKs learn from routers which app they are in; the reference has them in these events.
static void test_routers(void **state) {
    struct kit kit;
    kit_init(&kit);
    kit_create(&kit, "a", "Order");
    kit_begin(&kit, "a");
    assert_router(kit.item->workflowrequest->newevents[0], NULL, NULL); // workflowStarted
    assert_router(kit.item->workflowrequest->newevents[1], "app", NULL);
    kit_answer(&kit, "a",
               ACTIONS(kit_task(&kit, 0, "Pay", NULL), kit_child(&kit, 1, "c", "Ship"),
                       kit_timer(&kit, 2, kit.now + PAWL_SECOND),
                       kit_to_app(&kit, kit_task(&kit, 3, "Far", NULL), "far")));
    for (unsigned i = 2; i < 5; i++) assert_router(kit_event(&kit, "a", i), "app", NULL);
    assert_router(kit_event(&kit, "a", 5), "app", "far");
    kit_result(&kit, "a", 0, "1");
    kit_turn(&kit, "c", ACTIONS(kit_complete(&kit, 0, "2")));
    assert_router(kit_event(&kit, "c", 1), "app", NULL);
    assert_router(kit_event(&kit, "c", 2), "app", NULL);
    kit_fire(&kit, kit.now + 2 * PAWL_SECOND);
    kit_begin(&kit, "a");
    const Pb__WorkflowRequest *request = kit.item->workflowrequest;
    for (size_t i = 0; i < request->n_newevents; i++) {
        const Pb__HistoryEvent *event = request->newevents[i];
        switch (event->event_type_case) {
        case PB__HISTORY_EVENT__EVENT_TYPE_TASK_COMPLETED:
        case PB__HISTORY_EVENT__EVENT_TYPE_TASK_FAILED: assert_router(event, "app", NULL); break;
        case PB__HISTORY_EVENT__EVENT_TYPE_CHILD_WORKFLOW_INSTANCE_COMPLETED:
            assert_router(event, "app", "app");
            break;
        default: assert_router(event, NULL, NULL); break;
        }
    }
    kit_answer(&kit, "a", ACTIONS(kit_continue(&kit, 4, "3")));
    kit_begin(&kit, "a");
    assert_router(kit.item->workflowrequest->newevents[0], "app", NULL);
    assert_router(kit.item->workflowrequest->newevents[1], "app", NULL);
    kit_answer(&kit, "a", ACTIONS(kit_timer(&kit, 0, kit.now + PAWL_SECOND)));
    assert_router(kit_event(&kit, "a", 0), "app", NULL);
    kit_fire(&kit, kit.now + 2 * PAWL_SECOND);
    kit_begin(&kit, "a");
    assert_router(kit.item->workflowrequest->newevents[0], NULL, NULL);
    kit_answer(&kit, "a", ACTIONS(kit_complete(&kit, 1, "4")));
    kit_finish(&kit);
}

// A worker that may speak the elder dialect sees no router but one that names an app, and no event
// that it does not know.
static void test_plain(void **state) {
    struct kit kit;
    struct pawl_buf bytes = {0};
    kit_init(&kit);
    kit_create(&kit, "a", "Order");
    kit_turn(&kit, "a",
             ACTIONS(kit_task(&kit, 0, "Pay", NULL), kit_detached(&kit, 1, "d", "Ship"),
                     kit_child(&kit, 3, "c", "Pack"),
                     kit_to_app(&kit, kit_task(&kit, 2, "Far", NULL), "far")));
    kit_result(&kit, "a", 0, "1");
    kit_turn(&kit, "c", ACTIONS(kit_complete(&kit, 0, "2"))); // it names the app of its parent
    struct pawl_instance *instance = kit_find(&kit, "a");
    const struct pawl_turn_to to = {.token = PAWL_STR("t"), .keeper = 7, .plain = true};
    assert_true(pawl__shard_begin_turn(&kit.shard, instance, kit_stamp(&kit), &to, &bytes));
    const Pb__WorkItem *item =
        pawl__wire_unpack(&kit.arena, &pb__work_item__descriptor, pawl__buf_str(&bytes), NULL);
    assert_non_null(item);
    const Pb__WorkflowRequest *request = item->workflowrequest;
    assert_int_equal(request->n_pastevents, 5); // started twice, and scheduled thrice
    for (size_t i = 0; i < 5; i++) {
        const Pb__HistoryEvent *event = request->pastevents[i];
        assert_int_not_equal(event->event_type_case,
                             PB__HISTORY_EVENT__EVENT_TYPE_DETACHED_WORKFLOW_INSTANCE_CREATED);
        assert_int_not_equal(event->event_type_case, 0);
        if (i == 4)
            assert_router(event, "app", "far");
        else
            assert_router(event, NULL, NULL);
    }
    assert_int_equal(request->n_newevents, 4);
    for (size_t i = 0; i < 4; i++)
        if (request->newevents[i]->event_type_case !=
            PB__HISTORY_EVENT__EVENT_TYPE_TASK_FAILED) // of the other app
            assert_router(request->newevents[i], NULL, NULL);
    assert_int_equal(instance->kept_by, 0);
    assert_string_equal(item->completiontoken, "t");
    pawl__buf_finish(&bytes);
    kit_finish(&kit);
}

static void test_activity(void **state) {
    struct kit kit;
    kit_init(&kit);
    kit_create(&kit, "a", "Order");
    kit_effects(&kit);
    kit_turn(&kit, "a", ACTIONS(kit_task(&kit, 0, "Pay", "7"), kit_task(&kit, 1, "Ship", NULL)));
    KIT_EFFECTS(&kit, "CHANGED a, ACTIVITY a 0, ACTIVITY a 1");
    const Pb__HistoryEvent *event = kit_event(&kit, "a", 2);
    assert_string_equal(event->taskscheduled->name, "Pay");
    assert_string_equal(event->taskscheduled->input->value, "7");
    assert_string_equal(event->taskscheduled->taskexecutionid, "task-0");
    assert_string_equal(event->router->sourceappid, "app");
    assert_int_equal(pawl__timestamp_get(event->timestamp), kit.now);

    struct pawl_buf bytes = {0};
    assert_true(
        pawl__shard_activity_item(&kit.shard, kit_find(&kit, "a"), 0, PAWL_STR("t"), &bytes));
    const Pb__WorkItem *item =
        pawl__wire_unpack(&kit.arena, &pb__work_item__descriptor, pawl__buf_str(&bytes), NULL);
    pawl__buf_finish(&bytes);
    const Pb__ActivityRequest *request = item->activityrequest;
    assert_string_equal(item->completiontoken, "t");
    assert_string_equal(request->name, "Pay");
    assert_string_equal(request->input->value, "7");
    assert_int_equal(request->taskid, 0);
    assert_string_equal(request->taskexecutionid, "task-0");
    assert_string_equal(request->workflowinstance->instanceid, "a");
    assert_string_equal(request->workflowinstance->executionid->value, "execution-1");
    assert_false(
        pawl__shard_activity_item(&kit.shard, kit_find(&kit, "a"), 2, PAWL_STR("t"), &bytes));

    kit_result(&kit, "a", 0, "70");
    KIT_EFFECTS(&kit, "TURN a");
    assert_false(
        pawl__shard_activity_item(&kit.shard, kit_find(&kit, "a"), 0, PAWL_STR("t"), &bytes));
    kit_failure(&kit, "a", 1, "no ship");
    kit_commit(&kit);
    assert_int_equal(kit_result(&kit, "a", 0, "71"), PAWL_OK); // a second result is dropped
    assert_int_equal(kit_result(&kit, "a", 9, "71"), PAWL_OK); // one that nobody asked for
    assert_int_equal(kit.shard.batch.len, 0);
    kit_turn(&kit, "a", ACTIONS(kit_end(&kit, 2, STATUS(FAILED), NULL)));
    KIT_HISTORY(&kit, "a",
                "WorkflowStarted ExecutionStarted TaskScheduled(0) TaskScheduled(1) "
                "WorkflowStarted TaskCompleted(0) TaskFailed(1) ExecutionCompleted(2)");
    event = kit_event(&kit, "a", 5);
    assert_int_equal(event->eventid, -1);
    assert_string_equal(event->taskcompleted->taskexecutionid, "task-0");
    assert_string_equal(event->taskcompleted->result->value, "70");
    event = kit_event(&kit, "a", 6);
    assert_string_equal(event->taskfailed->failuredetails->errormessage, "no ship");
    assert_int_equal(pawl__instance_status(kit_find(&kit, "a")), STATUS(FAILED));
    kit_assert_replays(&kit);
    kit_finish(&kit);
}

static void test_turn_sees_what_it_was_given(void **state) {
    struct kit kit;
    kit_init(&kit);
    kit_create(&kit, "a", "Order");
    kit_begin(&kit, "a");
    kit_raise(&kit, "a", "late", NULL);
    kit_effects(&kit);
    kit_answer(&kit, "a", NO_ACTIONS);
    KIT_HISTORY(&kit, "a", "WorkflowStarted ExecutionStarted");
    assert_string_equal(kit_inbox(&kit, "a"), "EventRaised(late)");
    KIT_EFFECTS(&kit, "CHANGED a, TURN a");

    // A turn of a lost worker is given again as it was.
    kit_begin(&kit, "a");
    int64_t at = pawl__timestamp_get(kit.item->workflowrequest->newevents[0]->timestamp);
    kit_raise(&kit, "a", "later", NULL);
    pawl__shard_turn_lost(kit_find(&kit, "a"));
    kit_begin(&kit, "a");
    const Pb__WorkflowRequest *request = kit.item->workflowrequest;
    assert_int_equal(request->n_pastevents, 2);
    assert_int_equal(request->n_newevents, 2);
    assert_int_equal(pawl__timestamp_get(request->newevents[0]->timestamp), at);
    assert_string_equal(request->newevents[1]->eventraised->name, "late");
    kit_answer(&kit, "a", NO_ACTIONS);
    assert_string_equal(kit_inbox(&kit, "a"), "EventRaised(later)");
    kit_assert_replays(&kit);
    kit_finish(&kit);
}

static void test_timers(void **state) {
    struct kit kit;
    kit_init(&kit);
    kit_create(&kit, "a", "Order");
    int64_t one = KIT_START + PAWL_SECOND, two = KIT_START + 2 * PAWL_SECOND;
    kit_turn(&kit, "a",
             ACTIONS(kit_timer(&kit, 0, two), kit_timer(&kit, 1, one), kit_timer(&kit, 2, two)));
    kit_effects(&kit);
    assert_int_equal(pawl__shard_wake_at(&kit.shard), one);
    const Pb__TimerCreatedEvent *created = kit_event(&kit, "a", 2)->timercreated;
    assert_int_equal(created->origin_case, PB__TIMER_CREATED_EVENT__ORIGIN_CREATE_TIMER);
    kit_fire(&kit, one - 1);
    KIT_EFFECTS(&kit, "");
    kit.now = one + 5;
    kit_fire(&kit, one);
    KIT_EFFECTS(&kit, "TURN a");
    assert_string_equal(kit_inbox(&kit, "a"), "TimerFired(1)");

    // The wall clock is set back: what it has not reached does not fire, whatever was stamped.
    kit.now = two + PAWL_SECOND;
    kit_fire(&kit, one);
    assert_string_equal(kit_inbox(&kit, "a"), "TimerFired(1)");
    kit_fire(&kit, two);
    assert_string_equal(kit_inbox(&kit, "a"), "TimerFired(1) TimerFired(0) TimerFired(2)");
    assert_int_equal(pawl__shard_wake_at(&kit.shard), KIT_NEVER);
    kit_turn(&kit, "a", NO_ACTIONS);
    const Pb__HistoryEvent *fired = kit_event(&kit, "a", 6);
    assert_int_equal(pawl__timestamp_get(fired->timerfired->fireat), one);
    assert_true(pawl__timestamp_get(fired->timestamp) >= one); // when it did fire

    // One without a time, and one in the past, fire at once; one in the year 9999 never.
    Pb__WorkflowAction *bare = kit_timer(&kit, 3, 0);
    bare->createtimer->fireat = NULL;
    Pb__WorkflowAction *never = kit_timer(&kit, 5, 0);
    never->createtimer->fireat->seconds = INT64_C(253402300799);
    kit_raise(&kit, "a", "go", NULL);
    kit_turn(&kit, "a", ACTIONS(bare, kit_timer(&kit, 4, KIT_START), never));
    kit_fire(&kit, kit.now);
    assert_string_equal(kit_inbox(&kit, "a"), "TimerFired(4) TimerFired(3)");
    assert_int_equal(pawl__shard_wake_at(&kit.shard), KIT_NEVER);
    kit_assert_replays(&kit);
    kit_finish(&kit);
}

// After a restart the clock may be behind what an instance has seen.
static void test_time_never_goes_back(void **state) {
    struct kit kit;
    kit_init(&kit);
    kit.now += PAWL_SECOND;
    kit_create(&kit, "a", "Order");
    kit_turn(&kit, "a", NO_ACTIONS);
    struct pawl_instance *a = kit_find(&kit, "a");
    int64_t updated_at = a->updated_at;
    kit.now = KIT_START;
    kit_raise(&kit, "a", "e", NULL);
    kit_begin(&kit, "a");
    assert_int_equal(pawl__timestamp_get(kit.item->workflowrequest->newevents[0]->timestamp),
                     updated_at);
    kit_answer(&kit, "a", ACTIONS(kit_complete(&kit, 0, NULL)));
    assert_int_equal(a->completed_at, updated_at);
    kit_assert_replays(&kit);
    kit_finish(&kit);
}

// An event cancels the oldest timer of a wait for its name, whatever the case of its letters.
static void test_event_timers(void **state) {
    struct kit kit;
    kit_init(&kit);
    kit_create(&kit, "a", "Order");
    int64_t base = KIT_START + PAWL_SECOND;
    Pb__WorkflowAction *legacy = kit_timer(&kit, 4, base + 4);
    legacy->createtimer->origin_case = PB__CREATE_TIMER_ACTION__ORIGIN__NOT_SET;
    legacy->createtimer->_name_case = PB__CREATE_TIMER_ACTION___NAME_NAME;
    legacy->createtimer->name = "old";
    Pb__WorkflowAction *user = kit_timer(&kit, 3, base + 3); // a name, but not of an event
    user->createtimer->_name_case = PB__CREATE_TIMER_ACTION___NAME_NAME;
    user->createtimer->name = "approve";
    kit_turn(&kit, "a",
             ACTIONS(kit_event_timer(&kit, 0, "Approve", base),
                     kit_event_timer(&kit, 1, "APPROVE", base + 1),
                     kit_event_timer(&kit, 2, "other", base + 2), user, legacy));
    assert_int_equal(pawl__shard_wake_at(&kit.shard), base);
    kit_raise(&kit, "a", "approve", "1");
    kit_turn(&kit, "a", NO_ACTIONS);
    assert_int_equal(pawl__shard_wake_at(&kit.shard), base + 1);
    kit_raise(&kit, "a", "nobody", "1");
    kit_raise(&kit, "a", "approve", "1");
    kit_raise(&kit, "a", "approve", "1"); // a third one finds no wait
    kit_turn(&kit, "a", NO_ACTIONS);
    assert_int_equal(pawl__shard_wake_at(&kit.shard), base + 2);
    kit_raise(&kit, "a", "OTHER", "1");
    kit_raise(&kit, "a", "old", "1");
    kit_turn(&kit, "a", NO_ACTIONS);
    assert_int_equal(pawl__shard_wake_at(&kit.shard), base + 3);
    kit_fire(&kit, base + 10);
    assert_string_equal(kit_inbox(&kit, "a"), "TimerFired(3)");
    kit_assert_replays(&kit);
    kit_finish(&kit);
}

static void test_custom_status(void **state) {
    struct kit kit;
    kit_init(&kit);
    kit_create(&kit, "a", "Order");
    struct pawl_instance *a = kit_find(&kit, "a");
    kit.response.customstatus = kit_value(&kit, "\"half\"");
    kit_turn(&kit, "a", NO_ACTIONS);
    assert_true(a->has_custom_status);
    assert_true(pawl__str_equal(pawl__buf_str(&a->custom_status), PAWL_STR("\"half\"")));
    kit_raise(&kit, "a", "e", NULL);
    kit_turn(&kit, "a", NO_ACTIONS); // none given: cleared
    assert_false(a->has_custom_status);
    kit_raise(&kit, "a", "e", NULL);
    kit.response.customstatus = kit_value(&kit, "");
    kit_turn(&kit, "a", NO_ACTIONS);
    assert_false(a->has_custom_status);
    kit_raise(&kit, "a", "e", NULL);
    kit.response.customstatus = kit_value(&kit, "\"end\"");
    kit_turn(&kit, "a", ACTIONS(kit_complete(&kit, 0, NULL)));
    assert_true(a->has_custom_status); // it survives completion
    kit_assert_replays(&kit);
    kit_finish(&kit);
}

static void test_completion(void **state) {
    struct kit kit;
    kit_init(&kit);
    kit_create(&kit, "a", "Order");
    kit_turn(&kit, "a", ACTIONS(kit_timer(&kit, 0, kit.now + PAWL_SECOND)));
    kit_raise(&kit, "a", "e", NULL);
    kit_begin(&kit, "a");
    kit_raise(&kit, "a", "unseen", NULL);
    kit_effects(&kit);
    kit_answer(&kit, "a", ACTIONS(kit_complete(&kit, 1, "1"), kit_complete(&kit, 2, "2")));
    KIT_EFFECTS(&kit, "CHANGED a"); // what it has not seen is dropped
    KIT_HISTORY(&kit, "a",
                "WorkflowStarted ExecutionStarted TimerCreated(0) WorkflowStarted EventRaised(e) "
                "ExecutionCompleted(1)");
    assert_string_equal(kit_inbox(&kit, "a"), "");
    assert_int_equal(pawl__shard_wake_at(&kit.shard), KIT_NEVER);
    kit_assert_replays(&kit);
    kit_finish(&kit);
}

static void test_continue_as_new(void **state) {
    struct kit kit;
    kit_init(&kit);
    kit_create(&kit, "a", "Order");
    kit_turn(&kit, "a",
             ACTIONS(kit_task(&kit, 0, "Pay", NULL), kit_timer(&kit, 1, kit.now + PAWL_SECOND)));
    kit_raise(&kit, "a", "one", NULL);
    kit_raise(&kit, "a", "two", NULL);
    kit_begin(&kit, "a");
    kit_raise(&kit, "a", "unseen", NULL);
    kit_effects(&kit);
    uint64_t generation = kit_find(&kit, "a")->generation;
    kit.response.customstatus = kit_value(&kit, "\"again\"");
    Pb__WorkflowAction *next = kit_continue(&kit, 3, "\"next\"");
    kit_answer(&kit, "a",
               ACTIONS(kit_task(&kit, 2, "Ignored", NULL),
                       kit_carry(&kit, kit_carry(&kit, next, "one"), "two")));
    KIT_EFFECTS(&kit, "CHANGED a, TURN a");
    struct pawl_instance *a = kit_find(&kit, "a");
    assert_int_equal(a->generation, generation + 1);
    KIT_HISTORY(&kit, "a", "");
    assert_string_equal(kit_inbox(&kit, "a"),
                        "ExecutionStarted EventRaised(one) EventRaised(two) EventRaised(unseen)");
    assert_int_equal(pawl__instance_status(a), STATUS(RUNNING)); // it never was PENDING again
    assert_int_equal(pawl__shard_wake_at(&kit.shard), KIT_NEVER);
    assert_true(a->has_custom_status);
    assert_string_not_equal(a->execution_id, "execution-1");
    kit_commit(&kit);
    assert_int_equal(kit_result(&kit, "a", 0, "1"), PAWL_OK); // of the old generation
    assert_int_equal(kit.shard.batch.len, 0);

    kit_begin(&kit, "a");
    const Pb__WorkflowRequest *request = kit.item->workflowrequest;
    assert_int_equal(request->n_pastevents, 0);
    assert_int_equal(request->n_newevents, 5);
    assert_string_equal(request->executionid->value, a->execution_id);
    const Pb__ExecutionStartedEvent *start = request->newevents[1]->executionstarted;
    assert_string_equal(start->name, "Order");
    assert_string_equal(start->input->value, "\"next\"");
    assert_string_equal(start->workflowinstance->executionid->value, a->execution_id);
    kit_answer(&kit, "a", ACTIONS(kit_task(&kit, 0, "Pay", NULL)));
    KIT_HISTORY(&kit, "a",
                "WorkflowStarted ExecutionStarted EventRaised(one) EventRaised(two) "
                "EventRaised(unseen) TaskScheduled(0)");
    kit_assert_replays(&kit);
    kit_finish(&kit);
}

// What answers the old generation's tasks, timers and children says nothing to the new one.
static void test_continue_as_new_drops_results(void **state) {
    struct kit kit;
    kit_init(&kit);
    kit_create(&kit, "a", "Order");
    kit_turn(&kit, "a",
             ACTIONS(kit_task(&kit, 0, "Pay", NULL), kit_task(&kit, 1, "Pay", NULL),
                     kit_timer(&kit, 2, kit.now), kit_child(&kit, 3, "c", "Child")));
    kit_raise(&kit, "a", "next", NULL);
    kit_begin(&kit, "a");
    kit_result(&kit, "a", 0, "1");
    kit_failure(&kit, "a", 1, "bad");
    kit_raise(&kit, "a", "unseen", NULL);
    kit_fire(&kit, kit.now);
    kit_turn(&kit, "c", ACTIONS(kit_complete(&kit, 0, NULL)));
    assert_int_equal(kit_find(&kit, "a")->inbox.count, 6);
    kit_answer(&kit, "a", ACTIONS(kit_continue(&kit, 4, NULL)));
    assert_string_equal(kit_inbox(&kit, "a"), "ExecutionStarted EventRaised(unseen)");
    assert_int_equal(kit_find(&kit, "a")->inbox.count, 2);
    kit_assert_replays(&kit);
    kit_finish(&kit);
}

// The first completion of an answer counts, also when a later one would continue as new.
static void test_continue_as_new_after_completion(void **state) {
    struct kit kit;
    kit_init(&kit);
    kit_create(&kit, "a", "Order");
    uint64_t generation = kit_find(&kit, "a")->generation;
    kit_turn(&kit, "a", ACTIONS(kit_complete(&kit, 0, "1"), kit_continue(&kit, 1, "2")));
    assert_int_equal(pawl__instance_status(kit_find(&kit, "a")), STATUS(COMPLETED));
    assert_int_equal(kit_find(&kit, "a")->generation, generation);
    kit_finish(&kit);
}

// The new generation has not seen the suspension, so it is not suspended.
static void test_continue_as_new_suspended(void **state) {
    struct kit kit;
    kit_init(&kit);
    kit_create(&kit, "a", "Order");
    kit_suspend(&kit, "a");
    kit_turn(&kit, "a", ACTIONS(kit_continue(&kit, 0, NULL)));
    assert_int_equal(pawl__instance_status(kit_find(&kit, "a")), STATUS(RUNNING));
    kit_assert_replays(&kit);
    kit_finish(&kit);
}

static Pb__WorkflowVersion kit_version(char *name, size_t patches, char **names) {
    Pb__WorkflowVersion version = PB__WORKFLOW_VERSION__INIT;
    if (name) {
        version._name_case = PB__WORKFLOW_VERSION___NAME_NAME;
        version.name = name;
    }
    version.n_patches = patches;
    version.patches = names;
    return version;
}

static void give_version(struct kit *kit, Pb__WorkflowVersion *version) {
    kit->response._version_case = PB__WORKFLOW_RESPONSE___VERSION_VERSION;
    kit->response.version = version;
}

static void test_patches(void **state) {
    struct kit kit;
    kit_init(&kit);
    kit_create(&kit, "a", "Order");
    struct pawl_instance *a = kit_find(&kit, "a");
    Pb__WorkflowVersion version = kit_version("v1", 1, (char *[]){"p1"});
    give_version(&kit, &version);
    kit_turn(&kit, "a", NO_ACTIONS);
    const Pb__WorkflowVersion *noted = kit_event(&kit, "a", 0)->workflowstarted->version;
    assert_string_equal(noted->name, "v1");
    assert_int_equal(noted->n_patches, 1);
    assert_string_equal(a->version, "v1");

    version = kit_version("v1", 2, (char *[]){"p1", "p2"});
    give_version(&kit, &version);
    kit_raise(&kit, "a", "e", NULL);
    kit_turn(&kit, "a", NO_ACTIONS);
    noted = kit_event(&kit, "a", 2)->workflowstarted->version;
    assert_int_equal(noted->n_patches, 1); // only what is new
    assert_string_equal(noted->patches[0], "p2");

    kit_raise(&kit, "a", "f", NULL);
    kit_effects(&kit);
    version = kit_version("v1", 1, (char *[]){"p3"});
    give_version(&kit, &version);
    assert_int_equal(kit_turn(&kit, "a", ACTIONS(kit_complete(&kit, 0, NULL))), PAWL_OK);
    KIT_EFFECTS(&kit, "CHANGED a, STALLED a");
    assert_string_equal(a->stall_text,
                        "Patch mismatch. History patches: [p1, p2], current patches: [p3]. ");
    assert_int_equal(pawl__instance_status(a), STATUS(STALLED));
    assert_string_equal(kit_inbox(&kit, "a"), "EventRaised(f)"); // still to be seen
    const Pb__HistoryEvent *stalled = kit_event(&kit, "a", 4);
    assert_int_equal(stalled->executionstalled->reason, PB__STALLED_REASON__PATCH_MISMATCH);
    assert_false(pawl__shard_turn_ready(a, kit.now)); // held until a worker connects

    // No version at all does not fit either, and has another text.
    a->turn_held = false;
    kit_turn(&kit, "a", NO_ACTIONS);
    assert_string_equal(a->stall_text,
                        "Patch mismatch. History patches: [p1, p2], current patches: []. ");
    kit_assert_replays(&kit);
    kit_finish(&kit);
}

static void test_version_not_available(void **state) {
    struct kit kit;
    kit_init(&kit);
    kit_create(&kit, "a", "Order");
    struct pawl_instance *a = kit_find(&kit, "a");
    Pb__WorkflowVersionNotAvailableAction body = PB__WORKFLOW_VERSION_NOT_AVAILABLE_ACTION__INIT;
    Pb__WorkflowAction *missing = kit_bare(
        &kit, 0, PB__WORKFLOW_ACTION__WORKFLOW_ACTION_TYPE_WORKFLOW_VERSION_NOT_AVAILABLE, &body);
    kit_turn(&kit, "a", ACTIONS(missing));
    assert_string_equal(a->stall_text, "Version not available: Order");
    assert_int_equal(pawl__instance_status(a), STATUS(STALLED));
    KIT_HISTORY(&kit, "a", "ExecutionStalled");
    a->turn_held = false;
    kit_turn(&kit, "a", ACTIONS(missing)); // noted once per text
    KIT_HISTORY(&kit, "a", "ExecutionStalled");

    // Stalled: nothing of clients goes in, but a purge by force.
    assert_int_equal(kit_raise(&kit, "a", "e", NULL), PAWL_E_PRECONDITION);
    assert_string_equal(kit.error.text, "workflow is stalled");
    assert_int_equal(kit_suspend(&kit, "a"), PAWL_E_PRECONDITION);
    assert_int_equal(kit_resume(&kit, "a"), PAWL_E_PRECONDITION);
    assert_int_equal(kit_terminate(&kit, "a", NULL, false), PAWL_E_PRECONDITION);
    assert_int_equal(kit_purge(&kit, "a", false, false, NULL), PAWL_E_PRECONDITION);
    assert_string_equal(kit.error.text, "workflow is stalled");

    // A worker that has the version clears it.
    a->turn_held = false;
    Pb__WorkflowVersion version = kit_version("v2", 0, NULL);
    give_version(&kit, &version);
    kit_turn(&kit, "a", NO_ACTIONS);
    assert_int_equal(pawl__instance_status(a), STATUS(RUNNING));
    KIT_HISTORY(&kit, "a", "ExecutionStalled WorkflowStarted ExecutionStarted");
    kit_raise(&kit, "a", "e", NULL);
    kit_turn(&kit, "a", ACTIONS(missing));
    assert_string_equal(a->stall_text, "Version not available: v2");
    kit_assert_replays(&kit);
    assert_int_equal(kit_purge(&kit, "a", false, true, NULL), PAWL_OK);
    kit_assert_replays(&kit);
    kit_finish(&kit);
}

static void test_stall_by_size(void **state) {
    struct kit kit;
    kit_init(&kit);
    kit_create(&kit, "a", "Order");
    kit_turn(&kit, "a", NO_ACTIONS);
    kit_raise(&kit, "a", "e", "\"big\"");
    kit_effects(&kit);
    struct pawl_instance *a = kit_find(&kit, "a");
    assert_true(pawl__shard_turn_size(a) > 0);
    char text[] = "Workflow payload size 9 bytes exceeds";
    assert_int_equal(pawl__shard_stall(&kit.shard, kit_stamp(&kit), a,
                                       PB__STALLED_REASON__PAYLOAD_SIZE_EXCEEDED, text, &kit.error),
                     PAWL_OK);
    assert_int_equal(pawl__instance_status(a), STATUS(STALLED));
    assert_false(pawl__shard_turn_ready(a, kit.now));
    KIT_HISTORY(&kit, "a", "WorkflowStarted ExecutionStarted ExecutionStalled");
    kit_commit(&kit);
    pawl__shard_stall(&kit.shard, kit_stamp(&kit), a, PB__STALLED_REASON__PAYLOAD_SIZE_EXCEEDED,
                      text, &kit.error);
    assert_int_equal(kit.shard.batch.len, 0);
    kit_assert_replays(&kit);
    kit_finish(&kit);
}

// SDKs may find at replay that their code does not wait for an event any more where an older one
// did, and give the id of that wait's timer to something else.
static void test_id_of_an_optional_timer(void **state) {
    struct kit kit;
    kit_init(&kit);
    kit_create(&kit, "a", "Order");
    struct pawl_instance *a = kit_find(&kit, "a");
    kit_turn(&kit, "a",
             ACTIONS(kit_event_timer(&kit, 0, "e", KIT_NEVER),
                     kit_event_timer(&kit, 1, "f", KIT_NEVER),
                     kit_event_timer(&kit, 2, "g", KIT_NEVER),
                     kit_event_timer(&kit, 3, "e", kit.now + PAWL_SECOND)));
    kit_raise(&kit, "a", "x", NULL);
    kit_turn(&kit, "a",
             ACTIONS(kit_task(&kit, 0, "Pay", NULL), kit_timer(&kit, 1, kit.now + PAWL_SECOND),
                     kit_child(&kit, 2, "c", "Child")));
    assert_int_equal(pawl__instance_status(a), STATUS(RUNNING));
    assert_int_equal(a->pending.live, 4);
    assert_int_equal(pawl__pending_find(&a->pending, 0)->kind, PAWL_PENDING_TASK);
    assert_int_equal(pawl__pending_find(&a->pending, 1)->kind, PAWL_PENDING_TIMER);
    assert_int_equal(pawl__pending_find(&a->pending, 2)->kind, PAWL_PENDING_CHILD);
    kit_assert_replays(&kit);
    kit_result(&kit, "a", 0, "1");
    kit_raise(&kit, "a", "e", NULL); // its wait is gone, and the other one has it
    kit_turn(&kit, "a", NO_ACTIONS);
    assert_null(pawl__pending_find(&a->pending, 3));
    assert_int_equal(kit_fire(&kit, kit.now + 2 * PAWL_SECOND), PAWL_OK);
    assert_string_equal(kit_inbox(&kit, "a"), "TimerFired(1)");
    kit_assert_replays(&kit);

    // One with a deadline is no such timer.
    kit_turn(&kit, "a", ACTIONS(kit_event_timer(&kit, 5, "e", kit.now + PAWL_SECOND)));
    kit_raise(&kit, "a", "x", NULL);
    kit_turn(&kit, "a", ACTIONS(kit_task(&kit, 5, "Pay", NULL)));
    assert_int_equal(pawl__instance_status(a), STATUS(STALLED));
    kit_assert_replays(&kit);
    kit_finish(&kit);
}

static void test_offer(void **state) {
    struct kit kit;
    kit_init(&kit);
    kit_create(&kit, "a", "Order");
    kit_turn(&kit, "a",
             ACTIONS(kit_task(&kit, 0, "Pay", NULL), kit_task(&kit, 1, "Pay", NULL),
                     kit_timer(&kit, 2, kit.now)));
    kit_result(&kit, "a", 0, NULL);
    kit_effects(&kit);
    assert_true(pawl__shard_offer(&kit.shard, kit_find(&kit, "a")));
    KIT_EFFECTS(&kit, "ACTIVITY a 1, TURN a");
    kit_terminate(&kit, "a", NULL, false);
    kit_turn(&kit, "a", NO_ACTIONS);
    kit_effects(&kit);
    pawl__shard_offer(&kit.shard, kit_find(&kit, "a"));
    KIT_EFFECTS(&kit, "ACTIVITY a 1"); // it may have begun
    kit_purge(&kit, "a", false, false, NULL);
    kit_effects(&kit);
    pawl__shard_offer(&kit.shard, kit_find(&kit, "a"));
    KIT_EFFECTS(&kit, "");
    kit_finish(&kit);
}

static void test_wide_fan_out(void **state) {
    struct kit kit;
    enum {
        WIDTH = 500
    };
    kit_init(&kit);
    kit_create(&kit, "a", "Order");
    Pb__WorkflowAction *actions[WIDTH + 1] = {NULL};
    for (int i = 0; i < WIDTH; i++) actions[i] = kit_task(&kit, (i * 7) % WIDTH, "Pay", NULL);
    assert_int_equal(kit_turn(&kit, "a", actions), PAWL_OK);
    struct pawl_instance *a = kit_find(&kit, "a");
    assert_int_equal(a->pending.live, WIDTH);
    for (int i = 0; i < WIDTH; i++) kit_result(&kit, "a", (i * 3) % WIDTH, "1");
    assert_int_equal(a->pending.live, 0);
    assert_int_equal(a->inbox.count, WIDTH);
    kit_assert_replays(&kit);
    kit_turn(&kit, "a", ACTIONS(kit_complete(&kit, WIDTH, NULL)));
    assert_int_equal(a->history.count, 2 + 2 * WIDTH + 2);
    kit_assert_replays(&kit);
    kit_finish(&kit);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_activity),
        cmocka_unit_test(test_routers),
        cmocka_unit_test(test_plain),
        cmocka_unit_test(test_turn_sees_what_it_was_given),
        cmocka_unit_test(test_timers),
        cmocka_unit_test(test_time_never_goes_back),
        cmocka_unit_test(test_event_timers),
        cmocka_unit_test(test_custom_status),
        cmocka_unit_test(test_completion),
        cmocka_unit_test(test_continue_as_new),
        cmocka_unit_test(test_continue_as_new_drops_results),
        cmocka_unit_test(test_continue_as_new_after_completion),
        cmocka_unit_test(test_continue_as_new_suspended),
        cmocka_unit_test(test_patches),
        cmocka_unit_test(test_version_not_available),
        cmocka_unit_test(test_stall_by_size),
        cmocka_unit_test(test_id_of_an_optional_timer),
        cmocka_unit_test(test_offer),
        cmocka_unit_test(test_wide_fan_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
