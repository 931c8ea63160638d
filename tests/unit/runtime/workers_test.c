// Workers, from the runtime's side: what they are given, lose, keep and answer late.

#include "kit.h"

#include <time.h>

#include <stdio.h>

static void test_lost_workers(void **state) {
    struct kit kit;
    struct worker first = {0}, second = {0};
    struct caller caller;
    kit_init(&kit);
    kit_attach(&kit, &first);
    kit_started(&kit, "a");
    const Pb__WorkItem *lost = kit_take(&kit, &first);
    kit_detach(&kit, &first);
    kit_rest(&kit, 10);
    kit_attach(&kit, &second);
    const Pb__WorkItem *again = kit_take(&kit, &second);
    assert_string_not_equal(lost->completiontoken, again->completiontoken);
    assert_int_equal(again->workflowrequest->n_newevents, 2);
    // The late answer of the first worker is taken, and means nothing.
    kit_answer(&kit, &caller, "a", lost->completiontoken, ACTIONS(kit_complete(&kit, 0, "1")));
    DONE(&kit, caller, PAWL_OK);
    assert_int_equal(kit_status(&kit, "a"), STATUS(PENDING));
    kit_answer(&kit, &caller, "a", again->completiontoken, ACTIONS(kit_task(&kit, 0, "Pay")));
    DONE(&kit, caller, PAWL_OK);
    // The same with an activity; one without a token is as good as one with the right one.
    kit_take(&kit, &second);
    kit_detach(&kit, &second);
    kit_attach(&kit, &first);
    again = kit_take(&kit, &first);
    // One with another is never acknowledged, as the activity may be given out once more.
    kit_result(&kit, &caller, "a", 0, "not-this-one", "1");
    DONE(&kit, caller, PAWL_E_UNAVAILABLE);
    kit_rest(&kit, 10);
    assert_int_equal(first.count, 0);
    kit_result(&kit, &caller, "a", 0, NULL, "2");
    DONE(&kit, caller, PAWL_OK);
    kit_result(&kit, &caller, "a", 0, again->completiontoken, "3"); // a second one
    DONE(&kit, caller, PAWL_OK);
    const Pb__WorkItem *turn = kit_take(&kit, &first);
    assert_int_equal(turn->workflowrequest->n_newevents, 2);
    assert_string_equal(turn->workflowrequest->newevents[1]->taskcompleted->result->value, "2");
    kit_detach(&kit, &first);
    kit_finish(&kit);
}

// The number of past events that a turn's item leaves out.
static int kept(const Pb__WorkItem *item) {
    const Pb__WorkflowRequest *turn = item->workflowrequest;
    return turn->_cached_history_case ? turn->cachedhistory->eventcount : 0;
}

static void test_kept_history(void **state) {
    struct kit kit;
    struct worker keeper = {.base = {.keeps_history = true}}, other = {0};
    struct caller caller;
    kit_init(&kit);
    kit_attach(&kit, &keeper);
    kit_started(&kit, "a");
    kit_turn(&kit, &keeper, "a", ACTIONS(kit_timer(&kit, 0, INT64_MAX / 2)));
    kit_raise(&kit, &caller, "a", "one");
    DONE(&kit, caller, PAWL_OK);
    const Pb__WorkItem *item = kit_take(&kit, &keeper);
    assert_int_equal(kept(item), 0); // its first turn had no past
    assert_int_equal(item->workflowrequest->n_pastevents, 3);
    kit_answer(&kit, &caller, "a", item->completiontoken, ACTIONS(NULL));
    DONE(&kit, caller, PAWL_OK);

    // Its keeper is given the next turn, though the other worker has less in hand.
    kit_started(&kit, "b");
    kit_attach(&kit, &other);
    kit_raise(&kit, &caller, "a", "two");
    DONE(&kit, caller, PAWL_OK);
    kit_take(&kit, &keeper); // of "b"
    item = kit_take(&kit, &keeper);
    assert_string_equal(item->workflowrequest->instanceid, "a");
    assert_int_equal(kept(item), 3);
    assert_int_equal(item->workflowrequest->n_pastevents, 2);
    assert_string_equal(item->workflowrequest->pastevents[1]->eventraised->name, "one");
    assert_int_equal(item->workflowrequest->n_newevents, 2);

    // Another worker has nothing of it, nor has the same one once it has connected anew.
    kit_detach(&kit, &keeper);
    item = kit_take(&kit, &other);
    if (strcmp(item->workflowrequest->instanceid, "a") != 0) item = kit_take(&kit, &other);
    assert_int_equal(kept(item), 0);
    assert_int_equal(item->workflowrequest->n_pastevents, 5);
    kit_detach(&kit, &other);
    kit_attach(&kit, &keeper);
    item = kit_take(&kit, &keeper);
    if (strcmp(item->workflowrequest->instanceid, "a") != 0) item = kit_take(&kit, &keeper);
    assert_int_equal(kept(item), 0);
    assert_int_equal(item->workflowrequest->n_pastevents, 5);

    // The next generation has another history.
    kit_answer(&kit, &caller, "a", item->completiontoken, ACTIONS(kit_continue(&kit, 1)));
    DONE(&kit, caller, PAWL_OK);
    item = kit_take(&kit, &keeper);
    if (strcmp(item->workflowrequest->instanceid, "a") != 0) item = kit_take(&kit, &keeper);
    assert_int_equal(kept(item), 0);
    assert_int_equal(item->workflowrequest->n_pastevents, 0);
    kit_detach(&kit, &keeper);
    kit_finish(&kit);
}

static void test_room(void **state) {
    struct kit kit;
    struct worker narrow = {.base = {.limit = 1}}, wide = {0};
    struct caller caller;
    kit_init(&kit);
    kit.node->options.max_turns = 3;
    kit_attach(&kit, &narrow);
    char id[4] = "a";
    for (; id[0] < 'f'; id[0]++) kit_started(&kit, id);
    assert_int_equal(narrow.count, 1);
    kit_attach(&kit, &wide);
    kit_rest(&kit, 10);
    assert_int_equal(wide.count, 2); // three turns in all
    const Pb__WorkItem *item = kit_take(&kit, &wide);
    wide.base.paused = true;
    kit_answer(&kit, &caller, item->workflowrequest->instanceid, item->completiontoken,
               ACTIONS(kit_complete(&kit, 0, NULL)));
    DONE(&kit, caller, PAWL_OK);
    kit_rest(&kit, 10);
    assert_int_equal(wide.count, 1);
    pawl__dispatch_ready(&kit.node->dispatch, &wide.base);
    assert_int_equal(wide.count, 2);
    // One that takes nothing any more: its work goes to another.
    wide.refuses = true;
    item = kit_take(&kit, &wide);
    kit_answer(&kit, &caller, item->workflowrequest->instanceid, item->completiontoken,
               ACTIONS(kit_complete(&kit, 0, NULL)));
    DONE(&kit, caller, PAWL_OK);
    kit_rest(&kit, 10);
    assert_true(wide.base.paused);
    kit_detach(&kit, &wide);
    int ended = 2;
    while (ended < 5) {
        item = kit_take(&kit, &narrow);
        assert_int_equal(narrow.count, 0);
        kit_answer(&kit, &caller, item->workflowrequest->instanceid, item->completiontoken,
                   ACTIONS(kit_complete(&kit, 0, NULL)));
        DONE(&kit, caller, PAWL_OK);
        ended++;
    }
    for (id[0] = 'a'; id[0] < 'f'; id[0]++)
        assert_int_equal(kit_status(&kit, id), STATUS(COMPLETED));
    kit_detach(&kit, &narrow);
    kit_finish(&kit);
}

static unsigned asked; // whether a worker serves something

static bool serves(const struct pawl_worker *worker, bool turn, struct pawl_str name) {
    asked++;
    char kind = *(const char *)worker->data;
    return turn ? kind == 'T' : name.data[0] == kind;
}

static void take_activity(struct kit *kit, struct worker *worker, const char *name, int32_t id) {
    struct caller caller;
    const Pb__WorkItem *item = kit_take(kit, worker);
    assert_string_equal(item->activityrequest->name, name);
    assert_int_equal(item->activityrequest->taskid, id);
    kit_result(kit, &caller, "a", id, item->completiontoken, NULL);
    DONE(kit, caller, PAWL_OK);
}

// Much that waits for one worker keeps nobody else waiting, and costs little to look at.
static void test_busy_worker(void **state) {
    enum {
        MANY = 500,
        OTHER = 10000
    };
    struct kit kit;
    char turn_name[] = "T", slow_name[] = "S", quick_name[] = "Q";
    struct worker turns = {.base = {.serves = serves, .data = turn_name}};
    struct worker quick = {.base = {.serves = serves, .data = quick_name}};
    struct worker slow = {.base = {.serves = serves, .data = slow_name, .limit = 1}};
    struct caller caller;
    Pb__WorkflowAction *actions[MANY + 1] = {0};
    kit_init(&kit);
    kit_attach(&kit, &turns);
    kit_attach(&kit, &slow);
    kit_attach(&kit, &quick);
    kit_started(&kit, "a");
    for (int i = 0; i < MANY; i++) actions[i] = kit_task(&kit, i, "Slow");
    kit_turn(&kit, &turns, "a", actions);
    UNTIL(&kit, slow.count == 1);
    asked = 0;
    for (int i = 0; i < 100; i++) pawl__dispatch_ready(&kit.node->dispatch, &quick.base);
    assert_true(asked < 100 * 10); // each time as much as for one, not as for all

    // What comes later for another is given out.
    kit_raise(&kit, &caller, "a", "e");
    DONE(&kit, caller, PAWL_OK);
    kit_turn(&kit, &turns, "a", ACTIONS(kit_task(&kit, OTHER, "Quick")));
    take_activity(&kit, &quick, "Quick", OTHER);
    for (int i = 0; i < 3; i++) take_activity(&kit, &slow, "Slow", i); // in its order

    // With its worker gone, the work goes to the next one that connects.
    UNTIL(&kit, slow.count == 1);
    kit_detach(&kit, &slow);
    kit_rest(&kit, 10);
    struct worker again = {.base = {.serves = serves, .data = slow_name, .limit = 8}};
    kit_attach(&kit, &again);
    UNTIL(&kit, again.count == 8);
    kit_detach(&kit, &again);
    kit_detach(&kit, &quick);
    kit_detach(&kit, &turns);
    assert_int_equal(kit.unready, 0);
    kit_finish(&kit);
}

// The answer to a turn whose instance is gone, or is another one by now.
static void test_purge_while_a_turn_is_out(void **state) {
    struct kit kit;
    struct worker worker = {0};
    struct caller caller, start;
    kit_init(&kit);
    kit_attach(&kit, &worker);
    kit_started(&kit, "a");
    const Pb__WorkItem *item = kit_take(&kit, &worker);
    kit_purge(&kit, &caller, "a", true);
    DONE(&kit, caller, PAWL_OK);
    kit_answer(&kit, &caller, "a", item->completiontoken, ACTIONS(kit_complete(&kit, 0, NULL)));
    DONE(&kit, caller, PAWL_OK);
    assert_int_equal(kit_status(&kit, "a"), -1);
    kit_started(&kit, "a");
    item = kit_take(&kit, &worker);
    kit_purge(&kit, &caller, "a", true);
    kit_start(&kit, &start, "a");
    DONE(&kit, start, PAWL_OK);
    assert_true(caller.done);
    kit_answer(&kit, &caller, "a", item->completiontoken, ACTIONS(kit_complete(&kit, 0, NULL)));
    DONE(&kit, caller, PAWL_OK);
    assert_int_equal(kit_status(&kit, "a"), STATUS(PENDING));
    kit_turn(&kit, &worker, "a", ACTIONS(kit_complete(&kit, 0, NULL)));
    assert_int_equal(kit.unready, 0);
    kit_detach(&kit, &worker);
    kit_finish(&kit);
}

// An activity that waits for room while its workflow continues as new is not the next
// generation's activity of the same id, which is not in the log yet.
// The caller of an answer goes while a child that the answer starts is looked for in the store.
static void test_canceled_answer(void **state) {
    struct kit kit;
    struct worker worker = {0};
    struct caller caller;
    kit_init(&kit);
    kit_attach(&kit, &worker);
    kit_started(&kit, "a");
    UNTIL(&kit, worker.count == 1);
    const Pb__WorkItem *item = kit_take(&kit, &worker);
    kit.node->partitions[0].residency.load_time =
        PAWL_SECOND; // so that the reader's thread does it
    Pb__CreateChildWorkflowAction child = PB__CREATE_CHILD_WORKFLOW_ACTION__INIT;
    child.instanceid = child.name = "child";
    Pb__WorkflowAction action = PB__WORKFLOW_ACTION__INIT;
    action.workflow_action_type_case =
        PB__WORKFLOW_ACTION__WORKFLOW_ACTION_TYPE_CREATE_CHILD_WORKFLOW;
    action.createchildworkflow = &child;
    kit_answer(&kit, &caller, "a", item->completiontoken, ACTIONS(&action));
    assert_false(caller.done);
    pawl__call_cancel(&caller.call);
    kit_turn(&kit, &worker, "a", ACTIONS(kit_complete(&kit, 0, NULL))); // it is given again
    assert_int_equal(kit_status(&kit, "a"), STATUS(COMPLETED));
    kit_detach(&kit, &worker);
    kit_finish(&kit);
}

static void test_activity_of_an_earlier_generation(void **state) {
    struct kit kit;
    struct worker worker = {0};
    struct caller raise, first, second, result;
    kit_init(&kit);
    kit.node->options.max_activities = 1;
    kit_attach(&kit, &worker);
    kit_started(&kit, "b");
    kit_turn(&kit, &worker, "b", ACTIONS(kit_task(&kit, 0, "Slow")));
    const Pb__WorkItem *slow = kit_take(&kit, &worker);
    kit_started(&kit, "a");
    kit_turn(&kit, &worker, "a", ACTIONS(kit_task(&kit, 0, "Old")));
    kit_raise(&kit, &raise, "a", "next");
    DONE(&kit, raise, PAWL_OK);
    kit_shut(&kit, true);
    const Pb__WorkItem *item = kit_take(&kit, &worker);
    kit_answer(&kit, &first, "a", item->completiontoken, ACTIONS(kit_continue(&kit, 1)));
    item = kit_take(&kit, &worker);
    assert_int_equal(item->workflowrequest->n_pastevents, 0);
    assert_int_equal(strlen(item->workflowrequest->executionid->value), 36);
    kit_answer(&kit, &second, "a", item->completiontoken, ACTIONS(kit_task(&kit, 0, "New")));
    kit_result(&kit, &result, "b", 0, slow->completiontoken, NULL);
    const Pb__WorkItem *turn = kit_take(&kit, &worker); // of b
    assert_int_equal(turn->request_case, PB__WORK_ITEM__REQUEST_WORKFLOW_REQUEST);
    kit_rest(&kit, 20);
    assert_int_equal(worker.count, 0);
    kit_shut(&kit, false);
    assert_string_equal(kit_take(&kit, &worker)->activityrequest->name, "New");
    kit_rest(&kit, 20);
    assert_int_equal(worker.count, 0);
    kit_detach(&kit, &worker);
    kit_finish(&kit);
}

// What only the larger of two workers takes waits for it, and keeps nothing else from the other.
static void test_large_messages(void **state) {
    struct kit kit;
    struct worker small = {.base = {.message = 1000}}, large = {.base = {.limit = 1}};
    struct caller caller;
    kit_init(&kit);
    kit_attach(&kit, &large);
    kit_started(&kit, "a");
    UNTIL(&kit, large.count == 1);
    kit_started(&kit, "b");
    kit_started(&kit, "c");
    char text[2001] = {0};
    memset(text, 'x', sizeof text - 1);
    for (int i = 0; i < 2; i++) {
        kit_raise(&kit, &caller, i ? "b" : "c", text);
        DONE(&kit, caller, PAWL_OK);
    }
    kit_started(&kit, "d");
    kit_attach(&kit, &small);
    UNTIL(&kit, small.count == 1);
    kit_turn(&kit, &small, "d", ACTIONS(kit_complete(&kit, 0, NULL)));
    kit_started(&kit, "e");
    UNTIL(&kit, small.count == 1); // though two of the same name wait before it
    kit_turn(&kit, &small, "e", ACTIONS(kit_complete(&kit, 0, NULL)));
    kit_turn(&kit, &large, "a", ACTIONS(kit_complete(&kit, 0, NULL)));
    for (int i = 0; i < 2; i++) {
        UNTIL(&kit, large.count == 1);
        kit_turn(&kit, &large, i ? "c" : "b", ACTIONS(kit_complete(&kit, 0, NULL)));
    }
    assert_int_equal(small.count, 0);
    kit_detach(&kit, &large);
    kit_detach(&kit, &small);
    kit_finish(&kit);
}

// The least and the largest limit are those of the workers that are there, whoever has come or
// gone.
static void test_limits_of_workers(void **state) {
    enum {
        COUNT = 12,
        STEPS = 2000
    };
    struct kit kit;
    struct pawl_worker workers[COUNT] = {0};
    bool there[COUNT] = {0};
    unsigned random = 1;
    kit_init(&kit);
    const struct pawl_dispatch *dispatch = &kit.node->dispatch;
    for (int step = 0; step < STEPS; step++) {
        random = random * 1103515245 + 12345;
        size_t at = random >> 16 & 0xff, others = random >> 24 & 3;
        if (at >= 0xf8) pawl__dispatch_others(&kit.node->dispatch, 150 * others);
        at %= COUNT;
        if (there[at])
            pawl__dispatch_detach(&kit.node->dispatch, &workers[at]);
        else
            workers[at].message = 100 * (1 + at % 4);
        if (!there[at]) pawl__dispatch_attach(&kit.node->dispatch, &workers[at]);
        there[at] = !there[at];
        size_t least = dispatch->others_message, most = least;
        for (size_t i = 0; i < COUNT; i++) {
            size_t takes = there[i] ? workers[i].message : 0;
            if (takes > most) most = takes;
            if (takes && (takes < least || !least)) least = takes;
        }
        if (!most) most = least = dispatch->options->max_message;
        assert_int_equal(dispatch->least, least);
        assert_int_equal(dispatch->message, most);
    }
    pawl__dispatch_others(&kit.node->dispatch, 0);
    for (size_t i = 0; i < COUNT; i++)
        if (there[i]) pawl__dispatch_detach(&kit.node->dispatch, &workers[i]);
    kit_finish(&kit);
}

// Seconds of this processor that |count| workers take to come and go.
static double seconds_of_workers(struct kit *kit, size_t count) {
    struct pawl_worker *workers = calloc(count, sizeof *workers);
    assert_non_null(workers);
    double best = 1e9;
    for (int round = 0; round < 3; round++) {
        clock_t began = clock();
        for (size_t i = 0; i < count; i++) pawl__dispatch_attach(&kit->node->dispatch, &workers[i]);
        for (size_t i = 0; i < count; i++) pawl__dispatch_detach(&kit->node->dispatch, &workers[i]);
        double took = (double)(clock() - began) / CLOCKS_PER_SEC;
        if (took < best) best = took;
    }
    free(workers);
    return best;
}

// Ten times as many take ten times as long, and not a hundred times.
static void test_many_workers(void **state) {
    struct kit kit;
    kit_init(&kit);
    double few = seconds_of_workers(&kit, 2000), many = seconds_of_workers(&kit, 20000);
    assert_true(many < 30 * few + 0.02);
    kit_finish(&kit);
}

// A turn that fits when it begins to wait, and not when its worker has room, stalls then.
static void test_turn_grows(void **state) {
    struct kit kit;
    struct worker worker = {.base = {.message = 1000, .limit = 1}};
    struct caller caller;
    kit_init(&kit);
    kit_attach(&kit, &worker);
    kit_started(&kit, "a");
    UNTIL(&kit, worker.count == 1);
    kit_started(&kit, "b");
    char text[2001] = {0};
    memset(text, 'x', sizeof text - 1);
    kit_raise(&kit, &caller, "b", text);
    DONE(&kit, caller, PAWL_OK);
    kit_turn(&kit, &worker, "a", ACTIONS(kit_complete(&kit, 0, NULL)));
    UNTIL(&kit, kit_status(&kit, "b") == STATUS(STALLED));
    assert_int_equal(worker.count, 0);
    kit_detach(&kit, &worker);
    kit_finish(&kit);
}

static void test_stalls(void **state) {
    struct kit kit;
    struct worker worker = {0}, other = {0};
    struct caller caller;
    kit_init(&kit);
    kit_attach(&kit, &worker);
    kit_started(&kit, "a");
    kit_turn(&kit, &worker, "a", NO_ACTIONS);
    kit_detach(&kit, &worker);
    worker.base.message = 100;
    kit_attach(&kit, &worker);
    kit_raise(&kit, &caller, "a", "e");
    DONE(&kit, caller, PAWL_OK);
    UNTIL(&kit, kit_status(&kit, "a") == STATUS(STALLED));
    assert_int_equal(worker.count, 0);
    kit_raise(&kit, &caller, "a", "e");
    DONE(&kit, caller, PAWL_E_PRECONDITION);
    assert_string_equal(caller.error.text, "workflow is stalled");
    // A worker that connects gets the turn, if it fits there.
    kit_attach(&kit, &other);
    UNTIL(&kit, other.count == 1);
    assert_int_equal(worker.count, 0);
    kit_turn(&kit, &other, "a", ACTIONS(kit_complete(&kit, 0, NULL)));
    assert_int_equal(kit_status(&kit, "a"), STATUS(COMPLETED));
    // So it is with an answer that cannot be applied.
    kit_detach(&kit, &other);
    kit_detach(&kit, &worker);
    worker.base.message = 0;
    kit_attach(&kit, &worker);
    kit_started(&kit, "b");
    Pb__WorkflowAction nothing = PB__WORKFLOW_ACTION__INIT;
    kit_turn(&kit, &worker, "b", ACTIONS(&nothing));
    kit_rest(&kit, 10);
    assert_int_equal(worker.count, 0);
    kit_attach(&kit, &other);
    UNTIL(&kit, worker.count + other.count == 1);
    kit_detach(&kit, &other);
    kit_detach(&kit, &worker);
    kit_finish(&kit);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lost_workers),
        cmocka_unit_test(test_kept_history),
        cmocka_unit_test(test_room),
        cmocka_unit_test(test_busy_worker),
        cmocka_unit_test(test_purge_while_a_turn_is_out),
        cmocka_unit_test(test_canceled_answer),
        cmocka_unit_test(test_activity_of_an_earlier_generation),
        cmocka_unit_test(test_large_messages),
        cmocka_unit_test(test_limits_of_workers),
        cmocka_unit_test(test_many_workers),
        cmocka_unit_test(test_turn_grows),
        cmocka_unit_test(test_stalls),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
