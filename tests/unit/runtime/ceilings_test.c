// Limits of the whole app: what workers have in hand, in one daemon and in several.

#include "fleet.h"

enum {
    SHARDS = 4
};

static void complete(struct kit *kit, const Pb__WorkItem *item) {
    struct caller caller;
    kit_answer(kit, &caller, item->workflowrequest->instanceid, item->completiontoken,
               ACTIONS(kit_complete(kit, 0, "1")));
    DONE(kit, caller, PAWL_OK);
}

static void result(struct kit *kit, const Pb__WorkItem *item) {
    struct caller caller;
    kit_result(kit, &caller, item->activityrequest->workflowinstance->instanceid,
               item->activityrequest->taskid, item->completiontoken, "1");
    DONE(kit, caller, PAWL_OK);
}

static void open_with(struct kit *kit, const struct pawl_ceiling_rule *rules, size_t count) {
    struct pawl_error error;
    struct pawl_store *store;
    assert_int_equal(pawl__memory_open(&store, &error), PAWL_OK);
    kit_make(kit, store, 1);
    kit->options.ceilings = rules;
    kit->options.ceiling_count = count;
    kit_open(kit);
}

static size_t count_of(const struct worker *worker, const char *activity) {
    size_t count = 0;
    for (size_t i = 0; i < worker->count; i++)
        count += worker->items[i]->request_case == PB__WORK_ITEM__REQUEST_ACTIVITY_REQUEST &&
                 strcmp(worker->items[i]->activityrequest->name, activity) == 0;
    return count;
}

// A name that is limited holds up no other; all of them have a limit together.
static void test_names(void **state) {
    static const struct pawl_ceiling_rule rules[] = {{"slow", false, 2}, {"", false, 3}};
    struct kit kit;
    struct worker worker = {0};
    open_with(&kit, rules, 2);
    kit_attach(&kit, &worker);
    kit_started(&kit, "a");
    kit_turn(&kit, &worker, "a",
             ACTIONS(kit_task(&kit, 0, "slow"), kit_task(&kit, 1, "slow"),
                     kit_task(&kit, 2, "slow"), kit_task(&kit, 3, "quick"),
                     kit_task(&kit, 4, "quick")));
    UNTIL(&kit, worker.count == 3);
    kit_rest(&kit, 20);
    assert_int_equal(count_of(&worker, "slow"), 2);
    assert_int_equal(count_of(&worker, "quick"), 1);
    assert_int_equal(worker.count, 3);
    // Another worker makes no more room; a turn is no activity.
    struct worker other = {0};
    kit_attach(&kit, &other);
    kit_started(&kit, "b");
    UNTIL(&kit, worker.count + other.count == 4);
    kit_rest(&kit, 20);
    assert_int_equal(worker.count + other.count, 4);
    kit_detach(&kit, &other);
    UNTIL(&kit, worker.count == 4);
    while (count_of(&worker, "slow") + count_of(&worker, "quick")) {
        const Pb__WorkItem *item = kit_take(&kit, &worker);
        if (item->request_case != PB__WORK_ITEM__REQUEST_ACTIVITY_REQUEST) continue;
        result(&kit, item);
        assert_true(count_of(&worker, "slow") <= 2);
        assert_true(count_of(&worker, "slow") + count_of(&worker, "quick") <= 3);
        kit_rest(&kit, 5);
    }
    kit_detach(&kit, &worker);
    kit_finish(&kit);
}

// The worker of an activity of which nobody waits for the result still works on it.
static void test_an_earlier_generation(void **state) {
    static const struct pawl_ceiling_rule rules[] = {{"work", false, 1}};
    struct kit kit;
    struct worker worker = {0};
    struct caller caller;
    open_with(&kit, rules, 1);
    kit_attach(&kit, &worker);
    kit_started(&kit, "a");
    kit_turn(&kit, &worker, "a", ACTIONS(kit_task(&kit, 0, "work")));
    const Pb__WorkItem *old = kit_take(&kit, &worker);
    kit_raise(&kit, &caller, "a", "next");
    DONE(&kit, caller, PAWL_OK);
    kit_turn(&kit, &worker, "a", ACTIONS(kit_continue(&kit, 1)));
    kit_turn(&kit, &worker, "a", ACTIONS(kit_task(&kit, 0, "work")));
    kit_rest(&kit, 50);
    assert_int_equal(worker.count, 0);
    kit_result(&kit, &caller, "a", 0, old->completiontoken, "1");
    UNTIL(&kit, caller.done);
    const Pb__WorkItem *item = kit_take(&kit, &worker);
    assert_string_equal(item->activityrequest->name, "work");
    result(&kit, item);
    kit_detach(&kit, &worker);
    kit_finish(&kit);
}

// --- several daemons -----------------------------------------------------------------------------

static const struct pawl_ceiling_rule two_turns[] = {{"", true, 2}};

static void begin(struct fleet *fleet, int count, struct worker *workers) {
    *fleet = (struct fleet){.ceilings = two_turns, .ceiling_count = 1};
    fleet_init(fleet, count, SHARDS, workers);
}

static void finish(struct fleet *fleet, struct worker *workers) {
    for (int i = 0; i < fleet->count; i++)
        if (workers[i].attached) kit_detach(&fleet->kits[i], &workers[i]);
    fleet_finish(fleet);
}

static size_t all_out(struct worker *workers, int count) {
    size_t all = 0;
    for (int i = 0; i < count; i++) all += workers[i].count;
    return all;
}

static void test_sum(void **state) {
    struct fleet fleet;
    struct worker workers[3] = {0};
    begin(&fleet, 3, workers);
    for (int at = 0; at < 3; at++)
        for (int i = 0; i < 6; i++) kit_started(&fleet.kits[at], fleet_id(&fleet, at, "w", i));
    unsigned ended[3] = {0};
    for (int left = 18; left; left--) {
        FLEET_UNTIL(&fleet, all_out(workers, 3) == 2 || (left < 2 && all_out(workers, 3)));
        kit_rest(&fleet.kits[0], 10);
        assert_true(all_out(workers, 3) <= 2);
        for (int at = 0; at < 3; at++) {
            if (!workers[at].count) continue;
            complete(&fleet.kits[at], kit_take(&fleet.kits[at], &workers[at]));
            ended[at]++;
            break;
        }
    }
    for (int at = 0; at < 3; at++) assert_int_equal(ended[at], 6);
    finish(&fleet, workers);
}

// What a daemon had counts no more once the store knows that it is gone; and what a worker still
// has of a shard that went to another daemon does count.
static void test_moves(void **state) {
    struct fleet fleet;
    struct worker workers[2] = {0};
    begin(&fleet, 2, workers);
    struct kit *kits = fleet.kits;
    for (int i = 0; i < 3; i++) kit_started(&kits[0], fleet_id(&fleet, 0, "w", i));
    FLEET_UNTIL(&fleet, workers[0].count == 2);
    // With no other worker at the first daemon its shards go to the second one. Its worker stays
    // where it is, without being counted as one.
    kits[0].node->dispatch.worker_count = 0;
    FLEET_UNTIL(&fleet, fleet_serves(&fleet, 1) == SHARDS);
    kit_rest(&kits[0], 300);
    assert_int_equal(workers[0].count, 2);
    assert_int_equal(workers[1].count, 0);
    struct caller caller;
    const Pb__WorkItem *item = kit_take(&kits[0], &workers[0]);
    kit_prepare_answer(&kits[0], &caller, item->workflowrequest->instanceid, item->completiontoken,
                       ACTIONS(kit_complete(&kits[0], 0, "1")));
    // It is late, but goes nowhere before it has been counted here.
    assert_false(pawl__astray_takes(&kits[0].node->astray, NULL, &caller.call, caller.turn.bytes));
    pawl__node_call(kits[0].node, &caller.call);
    UNTIL(&kits[0], caller.done);
    FLEET_UNTIL(&fleet, workers[1].count == 1);
    kit_rest(&kits[0], 100);
    assert_int_equal(workers[1].count, 1);
    kits[0].node->dispatch.worker_count = 1;
    kit_detach(&kits[0], &workers[0]);
    FLEET_UNTIL(&fleet, workers[1].count == 2);
    finish(&fleet, workers);
}

static void test_death(void **state) {
    struct fleet fleet;
    struct worker workers[2] = {0};
    begin(&fleet, 2, workers);
    struct kit *kits = fleet.kits;
    for (int i = 0; i < 2; i++) kit_started(&kits[0], fleet_id(&fleet, 0, "w", i));
    FLEET_UNTIL(&fleet, workers[0].count == 2);
    kit_started(&kits[1], fleet_id(&fleet, 1, "v", 0));
    kit_rest(&kits[1], 300);
    assert_int_equal(workers[1].count, 0);
    fleet.ends[0].stops = true; // for longer than the store waits
    UNTIL(&kits[1], workers[1].count == 2);
    assert_true(pawl__clock_steady() >= kits[0].node->members.told_until);
    fleet.ends[0].stops = false;
    // It wakes, and its worker has to begin anew.
    FLEET_UNTIL(&fleet, workers[0].resets);
    if (workers[0].attached) kit_detach(&kits[0], &workers[0]);
    assert_true(workers[1].count <= 2);
    finish(&fleet, workers);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_names), cmocka_unit_test(test_an_earlier_generation),
        cmocka_unit_test(test_sum),   cmocka_unit_test(test_moves),
        cmocka_unit_test(test_death),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
