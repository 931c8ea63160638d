// Workers at one daemon have work of another daemon's shards, when that has none with room.

#include "fleet.h"

enum {
    SHARDS = 4
};

static void finish(struct fleet *fleet, struct worker *workers) {
    for (int i = 0; i < fleet->count; i++) kit_detach(&fleet->kits[i], &workers[i]);
    fleet_finish(fleet);
}

static void answer(struct fleet *fleet, int at, struct worker *worker, enum pawl_err expected) {
    struct kit *kit = &fleet->kits[at];
    struct caller caller;
    const Pb__WorkItem *item = kit_take(kit, worker);
    kit_answer(kit, &caller, item->workflowrequest->instanceid, item->completiontoken,
               ACTIONS(kit_complete(kit, 0, "1")));
    DONE(kit, caller, expected);
}

static bool is_lent(const struct fleet *fleet, int at, size_t count) {
    return fleet->kits[at].node->dispatch.lent == count;
}

// Own workers come first; what they have no room for is lent, and its results are taken.
static void test_busy(void **state) {
    struct fleet fleet = {0};
    struct worker workers[2] = {{.base = {.limit = 1}}, {{0}}};
    fleet_init(&fleet, 2, SHARDS, workers);
    for (int i = 0; i < 6; i++) kit_started(&fleet.kits[0], fleet_id(&fleet, 0, "w", i));
    FLEET_UNTIL(&fleet, workers[0].count == 1 && workers[1].count == 5);
    assert_true(is_lent(&fleet, 0, 5));
    assert_int_equal(fleet.kits[0].node->dispatch.out[true], 1);
    assert_int_equal(fleet.kits[1].node->dispatch.out[true], 5);
    while (workers[1].count) answer(&fleet, 1, &workers[1], PAWL_OK);
    answer(&fleet, 0, &workers[0], PAWL_OK);
    for (int i = 0; i < 6; i++)
        assert_int_equal(kit_status(&fleet.kits[1], fleet_id(&fleet, 0, "w", i)),
                         STATUS(COMPLETED));
    assert_true(is_lent(&fleet, 0, 0));
    assert_int_equal(fleet.kits[1].node->dispatch.out[true], 0);
    assert_int_equal(fleet.kits[1].node->borrower.items.by_token.len, 0);
    // Its own workers have room: nothing is lent.
    kit_started(&fleet.kits[0], fleet_id(&fleet, 0, "x", 0));
    FLEET_UNTIL(&fleet, workers[0].count == 1);
    answer(&fleet, 0, &workers[0], PAWL_OK);
    assert_int_equal(workers[1].count, 0);
    finish(&fleet, workers);
}

// No more is lent than there is room for; what is answered makes room.
static void test_limit(void **state) {
    struct fleet fleet = {0};
    struct worker workers[2] = {{.base = {.limit = 1}}, {.base = {.limit = 3}}};
    fleet_init(&fleet, 2, SHARDS, workers);
    struct caller callers[12];
    for (int i = 0; i < 12; i++) kit_started(&fleet.kits[0], fleet_id(&fleet, 0, "w", i));
    FLEET_UNTIL(&fleet, workers[1].count == 3);
    kit_rest(&fleet.kits[0], 30);
    assert_int_equal(workers[1].count, 3);
    assert_true(is_lent(&fleet, 0, 3));
    // A workflow of its own comes before what is borrowed.
    const char *own = fleet_id(&fleet, 1, "own", 0);
    kit_start(&fleet.kits[1], &callers[0], own);
    DONE(&fleet.kits[1], callers[0], PAWL_OK);
    answer(&fleet, 1, &workers[1], PAWL_OK);
    FLEET_UNTIL(&fleet, workers[1].count == 3);
    assert_string_equal(workers[1].items[2]->workflowrequest->instanceid, own);
    assert_true(is_lent(&fleet, 0, 2));
    for (int left = 12; left > 1;) {
        FLEET_UNTIL(&fleet, workers[1].count);
        assert_true(workers[1].count <= 3);
        assert_true(fleet.kits[0].node->dispatch.lent <= 3);
        bool is_own = strcmp(workers[1].items[0]->workflowrequest->instanceid, own) == 0;
        answer(&fleet, 1, &workers[1], PAWL_OK);
        if (!is_own) left--;
        if (left == 2 && !workers[1].count) break;
    }
    answer(&fleet, 0, &workers[0], PAWL_OK);
    finish(&fleet, workers);
}

// The daemon that borrows is cut off: others have what it had, and its late answers do nothing.
static void test_borrower_is_lost(void **state) {
    struct fleet fleet = {0};
    struct worker workers[3] = {{.base = {.limit = 1}}, {.base = {.limit = 2}}, {{0}}};
    fleet_init(&fleet, 3, 6, workers);
    workers[2].base.paused = true;
    for (int i = 0; i < 3; i++) kit_started(&fleet.kits[0], fleet_id(&fleet, 0, "w", i));
    FLEET_UNTIL(&fleet, workers[0].count == 1 && workers[1].count == 2);
    pawl__dispatch_ready(&fleet.kits[2].node->dispatch, &workers[2].base);
    FLEET_UNTIL(&fleet, fleet_is_quiet(&fleet));
    fleet_cut(&fleet, 1, true);
    FLEET_UNTIL(&fleet, workers[2].count == 2);
    answer(&fleet, 1, &workers[1], PAWL_OK); // as late answers to turns are
    answer(&fleet, 2, &workers[2], PAWL_OK);
    answer(&fleet, 2, &workers[2], PAWL_OK);
    assert_int_equal(fleet.kits[1].node->dispatch.out[true], 1);
    fleet_cut(&fleet, 1, false);
    workers[1].count = 0;
    answer(&fleet, 0, &workers[0], PAWL_OK);
    for (int i = 0; i < 3; i++)
        assert_int_equal(kit_status(&fleet.kits[0], fleet_id(&fleet, 0, "w", i)),
                         STATUS(COMPLETED));
    finish(&fleet, workers);
}

// An answer with items is lost on its way: they are given again.
static void test_lost_items(void **state) {
    struct fleet fleet = {0};
    struct worker workers[2] = {{.base = {.limit = 1}}, {{0}}};
    fleet_init(&fleet, 2, SHARDS, workers);
    kit_started(&fleet.kits[0], fleet_id(&fleet, 0, "w", 0));
    FLEET_UNTIL(&fleet, workers[0].count == 1);
    fleet.lose = PAWL_VERB_BORROW;
    kit_started(&fleet.kits[0], fleet_id(&fleet, 0, "w", 1));
    FLEET_UNTIL(&fleet, fleet.lost == 1);
    FLEET_UNTIL(&fleet, workers[1].count == 1);
    answer(&fleet, 1, &workers[1], PAWL_OK);
    answer(&fleet, 0, &workers[0], PAWL_OK);
    finish(&fleet, workers);
}

// The worker's stream ends with the item that it is given: others have that.
static void test_worker_hangs_up(void **state) {
    struct fleet fleet = {0};
    struct worker workers[3] = {{.base = {.limit = 1}}, {.hangs_up = true}, {.base = {.limit = 1}}};
    fleet_init(&fleet, 2, SHARDS, workers);
    struct kit *other = &fleet.kits[1];
    for (int i = 0; i < 2; i++) kit_started(&fleet.kits[0], fleet_id(&fleet, 0, "w", i));
    FLEET_UNTIL(&fleet, workers[0].count == 1 && !workers[1].attached);
    assert_int_equal(other->node->dispatch.out[true], 0);
    assert_int_equal(other->node->borrower.items.by_token.len, 0);
    kit_attach(other, &workers[2]);
    FLEET_UNTIL(&fleet, workers[2].count == 1);
    answer(&fleet, 1, &workers[2], PAWL_OK);
    answer(&fleet, 0, &workers[0], PAWL_OK);
    for (int i = 0; i < 2; i++)
        assert_int_equal(kit_status(other, fleet_id(&fleet, 0, "w", i)), STATUS(COMPLETED));
    kit_detach(other, &workers[2]);
    finish(&fleet, workers);
}

// The answer to an activity's result is lost: the worker is told that it is not known, and the
// result counts once.
static void test_lost_result(void **state) {
    struct fleet fleet = {0};
    struct worker workers[2] = {{.base = {.limit = 1}}, {{0}}};
    fleet_init(&fleet, 2, SHARDS, workers);
    struct kit *owner = &fleet.kits[0], *other = &fleet.kits[1];
    const char *busy = fleet_id(&fleet, 0, "busy", 0), *id = fleet_id(&fleet, 0, "w", 0);
    kit_started(owner, busy);
    FLEET_UNTIL(&fleet, workers[0].count == 1);
    kit_started(owner, id);
    struct caller caller;
    const Pb__WorkItem *item = kit_take(other, &workers[1]);
    kit_answer(other, &caller, id, item->completiontoken, ACTIONS(kit_task(other, 0, "charge")));
    DONE(other, caller, PAWL_OK);
    item = kit_take(other, &workers[1]);
    assert_int_equal(item->request_case, PB__WORK_ITEM__REQUEST_ACTIVITY_REQUEST);
    fleet.lose = PAWL_VERB_ACTIVITY_RESULT;
    kit_result(other, &caller, id, 0, item->completiontoken, "\"paid\"");
    DONE(other, caller, PAWL_E_UNAVAILABLE);
    kit_result(other, &caller, id, 0, item->completiontoken, "\"paid\""); // it tries again
    UNTIL(other, caller.done);
    // The turn that the result woke, which may have been given out before the way broke.
    while (kit_status(owner, id) != STATUS(COMPLETED)) {
        item = kit_take(other, &workers[1]);
        assert_int_equal(item->request_case, PB__WORK_ITEM__REQUEST_WORKFLOW_REQUEST);
        kit_answer(other, &caller, id, item->completiontoken, ACTIONS(kit_complete(other, 1, "1")));
        DONE(other, caller, PAWL_OK);
    }
    answer(&fleet, 0, &workers[0], PAWL_OK);
    assert_int_equal(kit_status(owner, id), STATUS(COMPLETED));
    finish(&fleet, workers);
}

// The owner is cut off: what it lent is of no use any more, and the borrower serves its own.
static void test_owner_is_lost(void **state) {
    struct fleet fleet = {0};
    struct worker workers[2] = {{.base = {.limit = 1}}, {{0}}};
    fleet_init(&fleet, 2, SHARDS, workers);
    struct kit *owner = &fleet.kits[0], *other = &fleet.kits[1];
    const char *busy = fleet_id(&fleet, 0, "busy", 0), *id = fleet_id(&fleet, 0, "w", 0);
    kit_started(owner, busy);
    FLEET_UNTIL(&fleet, workers[0].count == 1);
    kit_started(owner, id);
    struct caller caller;
    const Pb__WorkItem *item = kit_take(other, &workers[1]);
    kit_answer(other, &caller, id, item->completiontoken, ACTIONS(kit_task(other, 0, "charge")));
    DONE(other, caller, PAWL_OK);
    item = kit_take(other, &workers[1]);
    FLEET_UNTIL(&fleet, fleet_is_quiet(&fleet));
    fleet_cut(&fleet, 0, true);
    FLEET_UNTIL(&fleet, is_lent(&fleet, 0, 0));
    kit_result(other, &caller, id, 0, item->completiontoken, "\"paid\"");
    DONE(other, caller, PAWL_E_UNAVAILABLE); // never acknowledged, as it is given again
    answer(&fleet, 0, &workers[0], PAWL_OK);
    item = kit_take(owner, &workers[0]);
    assert_int_equal(item->request_case, PB__WORK_ITEM__REQUEST_ACTIVITY_REQUEST);
    assert_int_equal(fleet.kits[1].node->dispatch.out[false], 0);
    fleet_cut(&fleet, 0, false);
    finish(&fleet, workers);
}

// The lease moves while an item is lent: its answer is not taken, and who has the shard then gives
// it out.
static void test_lease_moves(void **state) {
    struct fleet fleet = {0};
    struct worker workers[2] = {{.base = {.limit = 1}}, {{0}}};
    fleet_init(&fleet, 2, SHARDS, workers);
    struct kit *owner = &fleet.kits[0], *other = &fleet.kits[1];
    const char *busy = fleet_id(&fleet, 0, "busy", 0), *id = fleet_id(&fleet, 0, "w", 0);
    kit_started(owner, busy);
    FLEET_UNTIL(&fleet, workers[0].count == 1);
    kit_started(owner, id);
    const Pb__WorkItem *item = kit_take(other, &workers[1]);
    kit_detach(owner, &workers[0]); // all shards go to the other one, and its turn is lent
    FLEET_UNTIL(&fleet, fleet_serves(&fleet, 1) == SHARDS);
    FLEET_UNTIL(&fleet, is_lent(&fleet, 0, 0));
    struct caller caller;
    kit_answer(other, &caller, id, item->completiontoken, NO_ACTIONS);
    UNTIL(other, caller.done); // the answer is for nobody
    bool seen = false;
    while (!seen || kit_status(other, busy) != STATUS(COMPLETED)) {
        item = kit_take(other, &workers[1]);
        const char *given = item->workflowrequest->instanceid;
        seen = seen || strcmp(given, id) == 0;
        kit_answer(other, &caller, given, item->completiontoken,
                   ACTIONS(kit_complete(other, 0, "1")));
        UNTIL(other, caller.done);
        if (kit_status(other, id) == STATUS(COMPLETED)) seen = true;
    }
    assert_int_equal(kit_status(other, id), STATUS(COMPLETED));
    finish(&fleet, workers);
}

// A worker answers as its shard is being given away: the daemon itself goes on.
static void test_answer_to_what_moves(void **state) {
    struct fleet fleet = {0};
    struct worker workers[2] = {{{0}}, {{0}}};
    fleet_init(&fleet, 2, SHARDS, workers);
    struct kit *owner = &fleet.kits[0];
    const char *id = fleet_id(&fleet, 0, "w", 0);
    uint32_t shard = pawl__shard_of(pawl__str(id), SHARDS);
    kit_started(owner, id);
    const Pb__WorkItem *item = kit_take(owner, &workers[0]);
    struct caller caller;
    pawl__partition_give(&owner->node->partitions[shard]);
    kit_answer(owner, &caller, id, item->completiontoken, ACTIONS(kit_complete(owner, 0, "1")));
    DONE(owner, caller, PAWL_E_UNAVAILABLE);
    assert_string_equal(caller.error.text, "the shard goes to another daemon, try again");
    finish(&fleet, workers);
}

// What is lent is on its way while its shard is given away: nobody else has the shard until the
// worker has it. Its daemon may stand still, and would give it to the worker when it goes on.
static void test_lent_from_what_moves(void **state) {
    struct fleet fleet = {0};
    struct worker workers[2] = {{.base = {.limit = 1}}, {{0}}};
    fleet_init(&fleet, 2, SHARDS, workers);
    struct kit *owner = &fleet.kits[0];
    const char *id = fleet_id(&fleet, 0, "w", 0);
    struct pawl_partition *moves = &owner->node->partitions[pawl__shard_of(pawl__str(id), SHARDS)];
    kit_started(owner, fleet_id(&fleet, 0, "busy", 0));
    FLEET_UNTIL(&fleet, workers[0].count == 1);
    fleet.holds = true;
    kit_started(owner, id);
    FLEET_UNTIL(&fleet, is_lent(&fleet, 0, 1));
    int64_t lent_at = pawl__clock_steady();
    pawl__partition_give(moves);
    kit_rest(owner, 300);
    // A slow machine may have been too late.
    bool in_time = pawl__clock_steady() - lent_at < PAWL_SECOND;
    if (in_time) assert_int_equal(moves->residency.state, PAWL_RESIDENCY_CLOSING);
    fleet.holds = false;
    if (in_time) FLEET_UNTIL(&fleet, workers[1].count);
    FLEET_UNTIL(&fleet, moves->residency.state != PAWL_RESIDENCY_CLOSING);
    finish(&fleet, workers);
}

// What was lent is on its way to the other daemon's worker, and stays there. Returns its shard.
static struct pawl_partition *lent_on_its_way(struct fleet *fleet, struct worker *workers,
                                              const char **id, int64_t *lent_at) {
    workers[0].base.limit = 1;
    fleet_init(fleet, 2, SHARDS, workers);
    struct kit *owner = &fleet->kits[0];
    *id = fleet_id(fleet, 0, "w", 0);
    kit_started(owner, fleet_id(fleet, 0, "busy", 0));
    FLEET_UNTIL(fleet, workers[0].count == 1);
    fleet->holds = true;
    kit_started(owner, *id);
    FLEET_UNTIL(fleet, is_lent(fleet, 0, 1));
    *lent_at = pawl__clock_steady();
    return &owner->node->partitions[pawl__shard_of(pawl__str(*id), SHARDS)];
}

// The shard that daemon 0 serves beside |one|.
static struct pawl_partition *beside(struct fleet *fleet, const struct pawl_partition *one) {
    struct pawl_node *node = fleet->kits[0].node;
    for (uint32_t i = 0; i < node->count; i++) {
        struct pawl_partition *other = &node->partitions[i];
        if (other != one && pawl__partition_serves(other)) return other;
    }
    fail_msg("it serves no other");
    return NULL;
}

static void fails(struct pawl_partition *partition) {
    pawl__residency_fail(&partition->residency,
                         &(struct pawl_error){PAWL_E_IO, "a commit has failed"});
}

// The state of its shard is to be read again: not before it is with the worker.
static void test_lent_from_what_fails(void **state) {
    struct fleet fleet = {0};
    struct worker workers[2] = {{{0}}, {{0}}};
    const char *id;
    int64_t lent_at;
    struct pawl_partition *failing = lent_on_its_way(&fleet, workers, &id, &lent_at);
    uint64_t takes = failing->ownership.takes;
    fails(failing);
    kit_rest(&fleet.kits[0], 300);
    bool in_time = pawl__clock_steady() - lent_at < PAWL_SECOND;
    if (in_time) assert_true(failing->residency.failing);
    fleet.holds = false;
    if (in_time) FLEET_UNTIL(&fleet, workers[1].count);
    FLEET_UNTIL(&fleet, failing->ownership.takes > takes);
    assert_true(workers[0].resets);
    finish(&fleet, workers);
}

// The same, and another shard's state is read again, so that all workers begin anew. Says when it
// was lent.
static int64_t lent_and_reset(struct fleet *fleet, struct worker workers[2], const char **id) {
    int64_t lent_at;
    struct pawl_partition *lent = lent_on_its_way(fleet, workers, id, &lent_at);
    fails(beside(fleet, lent));
    FLEET_UNTIL(fleet, workers[0].resets);
    workers[0].base.limit = 0;
    kit_attach(&fleet->kits[0], &workers[0]);
    return lent_at;
}

// Another shard's state is read again, and so all workers begin anew. What was lent is given to
// nobody else, and its answer is taken.
static void test_lent_beside_what_fails(void **state) {
    struct fleet fleet = {0};
    struct worker workers[2] = {{{0}}, {{0}}};
    const char *id;
    int64_t lent_at = lent_and_reset(&fleet, workers, &id);
    kit_rest(&fleet.kits[0], 300);
    bool in_time = pawl__clock_steady() - lent_at < PAWL_SECOND;
    if (in_time) {
        assert_int_equal(workers[0].count, 1);
        assert_true(is_lent(&fleet, 0, 1));
    }
    fleet.holds = false;
    if (in_time) {
        FLEET_UNTIL(&fleet, workers[1].count);
        answer(&fleet, 1, &workers[1], PAWL_OK);
        assert_int_equal(kit_status(&fleet.kits[0], id), STATUS(COMPLETED));
        assert_true(is_lent(&fleet, 0, 0));
    }
    finish(&fleet, workers);
}

// It never comes to the worker: after two seconds others have it, and it is dropped.
static void test_lent_and_late(void **state) {
    struct fleet fleet = {0};
    struct worker workers[2] = {{{0}}, {{0}}};
    const char *id;
    int64_t lent_at = lent_and_reset(&fleet, workers, &id);
    FLEET_UNTIL(&fleet, workers[0].count == 2);
    assert_true(pawl__clock_steady() - lent_at > 19 * PAWL_SECOND / 10);
    assert_true(is_lent(&fleet, 0, 0));
    fleet.holds = false;
    kit_rest(&fleet.kits[0], 100);
    assert_int_equal(workers[1].count, 0);
    finish(&fleet, workers);
}

// The daemon ends meanwhile: as soon as nothing may come to the worker any more.
static void test_lent_by_what_ends(void **state) {
    struct fleet fleet = {0};
    struct worker workers[2] = {{{0}}, {{0}}};
    const char *id;
    int64_t lent_at;
    lent_on_its_way(&fleet, workers, &id, &lent_at);
    kit_close(&fleet.kits[0]);
    int64_t took = pawl__clock_steady() - lent_at;
    assert_true(took > 19 * PAWL_SECOND / 10);
    fleet.holds = false;
    FLEET_UNTIL(&fleet, workers[1].count == 2); // given anew, as is what the other worker had
    kit_detach(&fleet.kits[1], &workers[1]);
    fleet_finish(&fleet);
}

// How many shards the daemon has seen that others have taken.
static uint64_t lost(const struct kit *kit) {
    uint64_t count = 0;
    for (uint32_t i = 0; i < kit->node->count; i++)
        count += kit->node->partitions[i].ownership.losses;
    return count;
}

// A daemon sleeps for longer than its lease, with an activity that waits for its worker. Another
// daemon gives that out meanwhile, and acknowledges its result. When the first wakes it gives out
// nothing.
static void test_sleeper(void **state) {
    struct fleet fleet = {0};
    struct worker workers[2] = {{{0}}, {{0}}};
    fleet_init(&fleet, 2, SHARDS, workers);
    struct kit *sleeper = &fleet.kits[0], *other = &fleet.kits[1];
    const char *id = fleet_id(&fleet, 0, "w", 0);
    workers[1].base.paused = true; // so that nothing is lent to it
    kit_started(sleeper, id);
    struct caller caller;
    const Pb__WorkItem *item = kit_take(sleeper, &workers[0]);
    workers[0].base.paused = true;
    kit_answer(sleeper, &caller, id, item->completiontoken,
               ACTIONS(kit_task(sleeper, 0, "charge")));
    DONE(sleeper, caller, PAWL_OK);
    fleet.ends[0].stops = true;
    pawl__dispatch_ready(&other->node->dispatch, &workers[1].base);
    UNTIL(other, fleet_serves(&fleet, 1) == SHARDS);
    item = kit_take(other, &workers[1]);
    assert_int_equal(item->request_case, PB__WORK_ITEM__REQUEST_ACTIVITY_REQUEST);
    kit_result(other, &caller, id, 0, item->completiontoken, "\"paid\"");
    DONE(other, caller, PAWL_OK);
    pawl__dispatch_ready(&sleeper->node->dispatch, &workers[0].base);
    assert_int_equal(workers[0].count, 0);
    fleet.ends[0].stops = false;
    item = kit_take(other, &workers[1]);
    kit_answer(other, &caller, id, item->completiontoken, ACTIONS(kit_complete(other, 1, "1")));
    DONE(other, caller, PAWL_OK);
    UNTIL(sleeper, lost(sleeper));
    assert_int_equal(workers[0].count, 0);
    finish(&fleet, workers);
}

// A daemon is about to end: the other one has its shards while calls there are still under way.
static void test_leaves(void **state) {
    struct fleet fleet = {0};
    struct worker workers[2] = {{{0}}, {{0}}};
    fleet_init(&fleet, 2, SHARDS, workers);
    struct kit *leaver = &fleet.kits[0];
    const char *id = fleet_id(&fleet, 0, "w", 0);
    kit_started(leaver, id);
    (void)kit_take(leaver, &workers[0]);
    struct caller caller;
    kit_wait(leaver, &caller, id, PAWL_WAIT_COMPLETED);
    pawl__node_leave(leaver->node);
    FLEET_UNTIL(&fleet, fleet_serves(&fleet, 1) == SHARDS);
    assert_false(caller.done);
    FLEET_UNTIL(&fleet, workers[1].count == 1); // what a worker of the leaver had in hand
    answer(&fleet, 1, &workers[1], PAWL_OK);
    DONE(leaver, caller, PAWL_OK);
    finish(&fleet, workers);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_busy),
        cmocka_unit_test(test_limit),
        cmocka_unit_test(test_lost_items),
        cmocka_unit_test(test_borrower_is_lost),
        cmocka_unit_test(test_lost_result),
        cmocka_unit_test(test_owner_is_lost),
        cmocka_unit_test(test_lease_moves),
        cmocka_unit_test(test_answer_to_what_moves),
        cmocka_unit_test(test_lent_from_what_moves),
        cmocka_unit_test(test_lent_from_what_fails),
        cmocka_unit_test(test_lent_beside_what_fails),
        cmocka_unit_test(test_lent_and_late),
        cmocka_unit_test(test_lent_by_what_ends),
        cmocka_unit_test(test_sleeper),
        cmocka_unit_test(test_worker_hangs_up),
        cmocka_unit_test(test_leaves),
    };
    return cmocka_run_group_tests_name("runtime relay", tests, NULL, NULL);
}
