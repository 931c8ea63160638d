// A daemon stops without a word: its shards go to others, and calls that wait for its answers with
// them. Its connections stay, so that nothing but its leases tells.

#include "fleet.h"

#include "runtime/taskhub.h"
#include "wire/pack.h"

enum {
    DAEMONS = 3,
    SHARDS = 6
};

#define LEASE (2 * PAWL_SECOND) // long enough for a machine that is busy

struct failover {
    struct fleet fleet;
    struct worker workers[DAEMONS];
    struct kit *client; // a daemon that is well
};

static void begin(struct failover *test) {
    *test = (struct failover){.fleet = {.lease = LEASE}, .client = &test->fleet.kits[0]};
    for (int i = 0; i < DAEMONS; i++) test->workers[i].base.paused = true; // nothing is lent
    fleet_init(&test->fleet, DAEMONS, SHARDS, test->workers);
    FLEET_UNTIL(&test->fleet, fleet_serves(&test->fleet, 1) == SHARDS / DAEMONS);
}

static void finish(struct failover *test) {
    test->fleet.ends[1].stops = false;
    for (int i = 0; i < DAEMONS; i++) kit_detach(&test->fleet.kits[i], &test->workers[i]);
    fleet_finish(&test->fleet);
}

static bool others_serve_all(const struct failover *test) {
    return fleet_serves(&test->fleet, 0) + fleet_serves(&test->fleet, 2) == SHARDS;
}

// Each call ends, though the daemon that it was sent to never answers: what only reads is asked
// again of the next owner; what may have been done says so.
static void test_calls_go_on(void **state) {
    struct failover test;
    begin(&test);
    const char *id = fleet_id(&test.fleet, 1, "w", 0), *fresh = fleet_id(&test.fleet, 1, "n", 0);
    kit_started(test.client, id);
    struct caller waits, looks, starts, lists;
    kit_wait(test.client, &waits, id, PAWL_WAIT_COMPLETED);
    FLEET_UNTIL(&test.fleet, fleet_is_quiet(&test.fleet));
    test.fleet.ends[1].stops = true;
    kit_get(test.client, &looks, id);
    kit_start(test.client, &starts, fresh);
    kit_tally(test.client, &lists, &(struct pawl_query){0});
    UNTIL(test.client, others_serve_all(&test));
    DONE(test.client, looks, PAWL_OK);
    assert_true(looks.look.view.exists);
    DONE(test.client, starts, PAWL_E_UNAVAILABLE);
    assert_non_null(strstr(starts.error.text, "may have been done"));
    DONE(test.client, lists, PAWL_OK);
    assert_false(waits.done); // it waits on, at the next owner
    for (int i = 0; i < DAEMONS; i += 2)
        pawl__dispatch_ready(&test.fleet.kits[i].node->dispatch, &test.workers[i].base);
    UNTIL(test.client, test.workers[0].count || test.workers[2].count);
    int at = test.workers[0].count ? 0 : 2;
    kit_turn(&test.fleet.kits[at], &test.workers[at], id,
             ACTIONS(kit_complete(test.client, 0, "1")));
    DONE(test.client, waits, PAWL_OK);
    finish(&test);
}

// A daemon that stops for less than its lease keeps what it has, and answers when it wakes.
static void test_short_stop(void **state) {
    struct failover test;
    begin(&test);
    const char *fresh = fleet_id(&test.fleet, 1, "n", 0);
    struct caller starts;
    test.fleet.ends[1].stops = true;
    kit_start(test.client, &starts, fresh);
    kit_rest(test.client, 100);
    assert_false(starts.done);
    test.fleet.ends[1].stops = false;
    UNTIL(test.client, starts.done);
    // On a slow machine it may have slept for longer.
    if (starts.error.code) assert_int_equal(starts.error.code, PAWL_E_UNAVAILABLE);
    finish(&test);
}

static bool is_elsewhere(const struct failover *test, uint32_t shard) {
    const struct pawl_node *node = test->client->node;
    const struct pawl_member *holder = pawl__members_holder(&node->members, shard);
    return pawl__partition_serves(&node->partitions[shard]) ||
           (holder && !pawl__str_equal(holder->address, PAWL_STR("n1")));
}

// A daemon gives a shard away. What it has answered before counts, though the answer comes when it
// is known already who has the shard now.
static void test_late_answer(void **state) {
    struct failover test;
    begin(&test);
    const char *fresh = fleet_id(&test.fleet, 1, "n", 0);
    uint32_t shard = pawl__shard_of(pawl__str(fresh), SHARDS);
    struct caller starts;
    test.fleet.holds = true;
    kit_start(test.client, &starts, fresh);
    kit_detach(&test.fleet.kits[1], &test.workers[1]); // who has no worker gives all away
    struct patience patience = {0};
    int64_t seen;
    do {
        seen = pawl__clock_steady();
        assert_true(patience_spend(&patience) <= 30 * PAWL_SECOND);
        fleet_step(&test.fleet);
    } while (!is_elsewhere(&test, shard));
    test.fleet.holds = false;
    UNTIL(test.client, starts.done);
    // A slow machine may have been too late.
    bool in_time = pawl__clock_steady() - seen < 250 * PAWL_MILLISECOND;
    if (in_time) assert_int_equal(starts.error.code, PAWL_OK);
    kit_attach(&test.fleet.kits[1], &test.workers[1]);
    finish(&test);
}

static void on_started(struct pawl_taskhub_call *call, const struct pawl_error *error) {
    assert_null(error);
    *(bool *)call->data = true;
}

// Starts |id| for a client that waits for its first turn, which sets |done|.
static void start_and_wait(struct kit *kit, const char *id, bool *done) {
    Pb__CreateInstanceRequest *ask =
        pawl__wire_new(&kit->arena, &pb__create_instance_request__descriptor);
    struct pawl_taskhub_call *call = pawl__arena_zalloc(&kit->arena, sizeof *call);
    ask->instanceid = pawl__arena_dup(&kit->arena, pawl__str(id));
    ask->name = pawl__arena_dup(&kit->arena, PAWL_STR("Order"));
    call->method = PAWL_TASKHUB_START;
    call->request = &ask->base;
    call->patience = PAWL_TASKHUB_WAITS;
    call->arena = &kit->arena;
    call->done = on_started;
    call->data = done;
    *done = false;
    pawl__taskhub_call(kit->node, call);
}

// Who starts a workflow at another daemon, and waits for its first turn, asks there once if that is
// on record with the start; and is not told so before it is.
static void test_started(void **state) {
    struct failover test;
    begin(&test);
    struct kit *owner = &test.fleet.kits[1];
    struct worker *worker = &test.workers[1];
    struct caller answer, other;
    const char *id = fleet_id(&test.fleet, 1, "s", 0), *next = fleet_id(&test.fleet, 1, "s", 1);
    bool done;
    pawl__dispatch_ready(&owner->node->dispatch, &worker->base);
    kit_status(owner, id);
    kit_status(owner, next);
    FLEET_UNTIL(&test.fleet, fleet_is_quiet(&test.fleet));

    kit_shut(owner, true); // the start's batch has the writer, and that of its turn waits
    unsigned before = test.fleet.sent[PAWL_VERB_LOOK];
    start_and_wait(test.client, id, &done);
    const Pb__WorkItem *item = kit_take(owner, worker);
    FLEET_UNTIL(&test.fleet, owner->storage.busy);
    kit_answer(owner, &answer, id, item->completiontoken, NO_ACTIONS);
    kit_shut(owner, false);
    UNTIL(test.client, done);
    DONE(owner, answer, PAWL_OK);
    assert_true(test.fleet.sent[PAWL_VERB_LOOK] > before);

    kit_shut(owner, true); // both wait for another one
    before = test.fleet.sent[PAWL_VERB_LOOK];
    kit_start(owner, &other, fleet_id(&test.fleet, 1, "s", 2));
    FLEET_UNTIL(&test.fleet, owner->storage.busy);
    start_and_wait(test.client, next, &done);
    do item = kit_take(owner, worker);
    while (strcmp(item->workflowrequest->instanceid, next) != 0);
    kit_answer(owner, &answer, next, item->completiontoken, NO_ACTIONS);
    kit_shut(owner, false);
    UNTIL(test.client, done);
    assert_int_equal(test.fleet.sent[PAWL_VERB_LOOK], before);
    finish(&test);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_calls_go_on),
        cmocka_unit_test(test_short_stop),
        cmocka_unit_test(test_late_answer),
        cmocka_unit_test(test_started),
    };
    return cmocka_run_group_tests_name("runtime failover", tests, NULL, NULL);
}
