// A daemon stops without a word: its shards go to others, and calls that wait for its answers with
// them. Its connections stay, so that nothing but its leases tells.

#include "fleet.h"

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
    int64_t end = pawl__clock_steady() + 30 * PAWL_SECOND, seen;
    do {
        seen = pawl__clock_steady();
        assert_true(seen < end);
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

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_calls_go_on),
        cmocka_unit_test(test_short_stop),
        cmocka_unit_test(test_late_answer),
    };
    return cmocka_run_group_tests_name("runtime failover", tests, NULL, NULL);
}
