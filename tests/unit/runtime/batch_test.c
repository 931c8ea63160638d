// The batch that gathers while the disk stands still: it is bounded, whoever would add to it waits,
// and nothing is lost or doubled when the disk goes on, or when it never does.

#include "kit.h"

#include <stdio.h>

enum {
    FULL = 2000,   // bytes of a batch that takes no more commands
    COMMAND = 400, // more than the records of one command here
    COUNT = 60
};

static struct pawl_shard *shard_of(struct kit *kit) {
    return &kit->node->partitions[0].residency.shard;
}

static const char *name_of(struct kit *kit, const char *prefix, int i) {
    return pawl__arena_format(&kit->arena, "%s%02d", prefix, i);
}

// Stops the disk in the middle of a commit, that of |caller|, which starts |id|.
static void stall(struct kit *kit, struct caller *caller, const char *id) {
    uint64_t position = shard_of(kit)->position;
    kit_shut(kit, true);
    kit_start(kit, caller, id);
    UNTIL(kit, shard_of(kit)->position > position);
    shard_of(kit)->limits.batch = FULL;
}

static void assert_bounded(struct kit *kit) {
    assert_in_range(shard_of(kit)->batch.len, FULL, FULL + COMMAND);
}

// Starts of new instances, and events for "a": more than fit a batch.
static void flood(struct kit *kit, struct caller *starts, struct caller *raises) {
    for (int i = 0; i < COUNT; i++) {
        kit_start(kit, &starts[i], name_of(kit, "i", i));
        kit_raise(kit, &raises[i], "a", name_of(kit, "e", i));
    }
    UNTIL(kit, shard_of(kit)->batch.len >= FULL);
    kit_rest(kit, 20);
    for (int i = 0; i < COUNT; i++) assert_false(starts[i].done || raises[i].done);
    assert_bounded(kit);
}

// How often each of the events has come, by its number.
static void count_events(struct kit *kit, struct worker *worker, unsigned *counts) {
    const Pb__WorkItem *item = kit_take(kit, worker);
    while (strcmp(item->workflowrequest->instanceid, "a") != 0) item = kit_take(kit, worker);
    const Pb__WorkflowRequest *request = item->workflowrequest;
    for (size_t i = 0; i < request->n_newevents; i++)
        if (request->newevents[i]->event_type_case == PB__HISTORY_EVENT__EVENT_TYPE_EVENT_RAISED)
            counts[atoi(request->newevents[i]->eventraised->name + 1)]++;
}

static void test_disk_goes_on(void **state) {
    static struct caller starts[COUNT], raises[COUNT];
    struct kit kit;
    struct worker worker = {0};
    struct caller first, list;
    unsigned counts[COUNT] = {0};
    kit_init(&kit);
    kit_started(&kit, "a");
    stall(&kit, &first, "b");
    flood(&kit, starts, raises);
    kit_list(&kit, &list, NULL, 100); // tells nothing that is not on disk
    kit_rest(&kit, 20);
    assert_false(list.done);
    kit_shut(&kit, false);
    DONE(&kit, first, PAWL_OK);
    for (int i = 0; i < COUNT; i++) {
        DONE(&kit, starts[i], PAWL_OK);
        DONE(&kit, raises[i], PAWL_OK);
    }
    assert_int_equal(kit.unready, 0);
    kit_list(&kit, &list, NULL, 2 * COUNT);
    DONE(&kit, list, PAWL_OK);
    assert_int_equal(list.search.count, COUNT + 2);
    kit_close(&kit);
    kit_open(&kit);
    kit_list(&kit, &list, NULL, 2 * COUNT);
    DONE(&kit, list, PAWL_OK);
    assert_int_equal(list.search.count, COUNT + 2);
    kit_attach(&kit, &worker);
    count_events(&kit, &worker, counts);
    for (int i = 0; i < COUNT; i++) assert_int_equal(counts[i], 1);
    kit_detach(&kit, &worker);
    kit_finish(&kit);
}

// What was acknowledged is there, once; what failed is there once or not at all.
static void disk_fails(enum gate_fault fault) {
    static struct caller starts[COUNT], raises[COUNT];
    struct kit kit;
    struct worker worker = {0};
    struct caller first;
    unsigned counts[COUNT] = {0};
    kit_init(&kit);
    kit_started(&kit, "a");
    stall(&kit, &first, "b");
    flood(&kit, starts, raises);
    kit_fail_commit(&kit, fault);
    kit_shut(&kit, false);
    DONE(&kit, first, PAWL_E_UNAVAILABLE);
    for (int i = 0; i < COUNT; i++) UNTIL(&kit, starts[i].done && raises[i].done);
    UNTIL(&kit, kit.ready);
    kit_close(&kit);
    kit_open(&kit);
    assert_int_equal(kit_status(&kit, "b"), fault == GATE_FAILS_AFTER ? STATUS(PENDING) : -1);
    kit_attach(&kit, &worker);
    count_events(&kit, &worker, counts);
    for (int i = 0; i < COUNT; i++) {
        if (!starts[i].error.code)
            assert_int_equal(kit_status(&kit, name_of(&kit, "i", i)), STATUS(PENDING));
        assert_in_range(counts[i], raises[i].error.code ? 0 : 1, 1);
    }
    kit_detach(&kit, &worker);
    kit_finish(&kit);
}

static void test_disk_fails(void **state) {
    disk_fails(GATE_FAILS_BEFORE);
    disk_fails(GATE_FAILS_AFTER);
}

// --- what is written without a call -------------------------------------------------------------

// Purges that are due wait as well.
static void test_purges_wait(void **state) {
    static struct caller starts[COUNT], raises[COUNT];
    struct kit kit;
    struct worker worker = {0};
    struct caller first;
    kit_init(&kit);
    kit_close(&kit);
    kit.options.retention = (struct pawl_retention){.completed = 1};
    kit_open(&kit);
    kit_attach(&kit, &worker);
    for (int i = 0; i < COUNT; i++) {
        kit_started(&kit, name_of(&kit, "x", i));
        kit_turn(&kit, &worker, name_of(&kit, "x", i), ACTIONS(kit_complete(&kit, 0, "1")));
    }
    kit_detach(&kit, &worker);
    kit_started(&kit, "a");
    stall(&kit, &first, "b");
    flood(&kit, starts, raises);
    kit.node->options.checkpoint_interval = PAWL_MILLISECOND;
    kit_shut(&kit, false);
    kit_shut(&kit, true);
    kit_rest(&kit, 1500); // a checkpoint is due each second
    assert_true(shard_of(&kit)->batch.len < FULL + COMMAND);
    kit_shut(&kit, false);
    for (int i = 0; i < COUNT; i++) {
        DONE(&kit, starts[i], PAWL_OK);
        UNTIL(&kit, kit_status(&kit, name_of(&kit, "x", i)) == -1);
    }
    kit_finish(&kit);
}

// So do turns that are too large for a message, which stall.
static void test_stalls_wait(void **state) {
    static struct caller starts[COUNT], raises[COUNT];
    struct kit kit;
    struct worker worker = {0};
    struct caller first;
    kit_init(&kit);
    kit_started(&kit, "a");
    for (int i = 0; i < COUNT; i++) kit_started(&kit, name_of(&kit, "x", i));
    stall(&kit, &first, "b");
    flood(&kit, starts, raises);
    worker.base.message = 10;
    kit_attach(&kit, &worker);
    kit_rest(&kit, 20);
    assert_bounded(&kit);
    kit_shut(&kit, false);
    for (int i = 0; i < COUNT; i++)
        UNTIL(&kit, kit_status(&kit, name_of(&kit, "x", i)) == STATUS(STALLED));
    kit_detach(&kit, &worker);
    kit_finish(&kit);
}

// Who only looks is told after 5 s why there is no answer; who starts something goes on waiting.
static void test_reads_do_not_wait(void **state) {
    struct kit kit;
    struct caller start, wait, reads[2][4];
    const struct pawl_error *why;
    kit_init(&kit);
    kit_fail_commit(&kit, GATE_NOTHING);
    kit_start(&kit, &start, "a");
    kit_wait(&kit, &wait, "a", PAWL_WAIT_STARTED);
    for (int late = 0; late < 2; late++) { // of the batch that is written, and of the next one
        kit_get(&kit, &reads[late][0], "a");
        kit_history(&kit, &reads[late][1], "a");
        kit_list(&kit, &reads[late][2], NULL, 10);
        kit_tally(&kit, &reads[late][3], &(struct pawl_query){0});
        UNTIL(&kit, pawl__storage_trouble(&kit.storage, &why));
    }
    kit_rest(&kit, 20);
    for (int i = 0; i < 8; i++) assert_false(reads[i / 4][i % 4].done);
    kit.storage.failing_since -= 5 * PAWL_SECOND;
    for (int i = 0; i < 8; i++) {
        DONE(&kit, reads[i / 4][i % 4], PAWL_E_UNAVAILABLE);
        assert_string_equal(reads[i / 4][i % 4].error.text, "somebody else writes");
    }
    assert_false(start.done || wait.done);
    kit_fail_commit(&kit, GATE_WELL);
    DONE(&kit, start, PAWL_OK);
    pawl__call_cancel(&wait.look.call);
    assert_int_equal(kit_status(&kit, "a"), STATUS(PENDING));
    kit_finish(&kit);
}

// Who asks for a change is told after 20 s that it may still be done; or that it was not begun,
// when it was asked for after the store had failed for long. What was not begun is begun
// afterwards.
static void test_changes_do_not_wait_for_ever(void **state) {
    struct kit kit;
    struct caller written, building, blocked, later;
    const struct pawl_error *why;
    kit_init(&kit);
    kit_fail_commit(&kit, GATE_NOTHING);
    kit_start(&kit, &written, "written");
    UNTIL(&kit, pawl__storage_trouble(&kit.storage, &why));
    kit_start(&kit, &building, "building");
    kit_rest(&kit, 20);
    assert_false(written.done || building.done);
    kit.storage.failing_since -= 5 * PAWL_SECOND;
    UNTIL(&kit, kit.node->partitions[0].calls.stalled);
    kit_start(&kit, &blocked, "blocked");
    kit_start(&kit, &later, "later");
    kit_rest(&kit, 20);
    assert_false(written.done || building.done || blocked.done);
    kit.storage.failing_since -= 20 * PAWL_SECOND;
    written.start.call.stalled_at = building.start.call.stalled_at = 0;
    blocked.start.call.stalled_at -= 20 * PAWL_SECOND;
    DONE(&kit, written, PAWL_E_UNAVAILABLE);
    DONE(&kit, building, PAWL_E_UNAVAILABLE);
    DONE(&kit, blocked, PAWL_E_UNAVAILABLE);
    assert_non_null(strstr(building.error.text, "it may be done"));
    assert_non_null(strstr(blocked.error.text, "nothing was done"));
    assert_non_null(strstr(blocked.error.text, "somebody else writes"));
    assert_false(later.done);
    kit_fail_commit(&kit, GATE_WELL);
    DONE(&kit, later, PAWL_OK);
    assert_int_equal(kit_status(&kit, "written"), STATUS(PENDING));
    assert_int_equal(kit_status(&kit, "building"), STATUS(PENDING));
    assert_int_equal(kit_status(&kit, "later"), STATUS(PENDING));
    assert_int_equal(kit_status(&kit, "blocked"), -1);
    kit_finish(&kit);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_changes_do_not_wait_for_ever),
        cmocka_unit_test(test_reads_do_not_wait),
        cmocka_unit_test(test_disk_goes_on),
        cmocka_unit_test(test_disk_fails),
        cmocka_unit_test(test_purges_wait),
        cmocka_unit_test(test_stalls_wait),
    };
    return cmocka_run_group_tests_name("runtime batch", tests, NULL, NULL);
}
