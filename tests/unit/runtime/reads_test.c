// Histories and lists: what they say of instances in memory, in the store and on the way between.

#include "kit.h"

#include <stdio.h>

#include "wire/unpack.h"

static void purge(struct kit *kit, const char *id) {
    struct caller caller;
    kit_purge(kit, &caller, id, true);
    DONE(kit, caller, PAWL_OK);
}

// --- histories ----------------------------------------------------------------------------------

static struct pawl_str history(struct kit *kit, const char *id) {
    struct caller caller;
    kit_history(kit, &caller, id);
    DONE(kit, caller, PAWL_OK);
    return caller.read.history;
}

static unsigned event_count(struct pawl_str bytes) {
    unsigned count = 0;
    size_t at = 0;
    for (struct pawl_event_view view; pawl__history_next(bytes, &at, &view);) count++;
    assert_int_equal(at, bytes.len);
    return count;
}

static void test_history(void **state) {
    (void)state;
    struct kit kit;
    struct worker worker = {0};
    struct caller read, answer, gone;
    kit_init(&kit);
    kit_history(&kit, &read, "a");
    DONE(&kit, read, PAWL_E_NOT_FOUND);
    assert_string_equal(read.error.text, "workflow instance 'a' not found");
    kit_started(&kit, "a");
    assert_int_equal(history(&kit, "a").len, 0); // its start waits to be processed
    kit_attach(&kit, &worker);
    const Pb__WorkItem *item = kit_take(&kit, &worker);
    kit_shut(&kit, true);
    kit_answer(&kit, &answer, "a", item->completiontoken, ACTIONS(kit_task(&kit, 0, "Pay")));
    kit_history(&kit, &read, "a");
    kit_rest(&kit, 20);
    assert_false(read.done);
    kit_shut(&kit, false);
    DONE(&kit, read, PAWL_OK);
    assert_int_equal(event_count(read.read.history), 3);
    size_t at = 0;
    struct pawl_event_view view;
    assert_true(pawl__history_next(read.read.history, &at, &view) &&
                pawl__history_next(read.read.history, &at, &view));
    const Pb__HistoryEvent *started =
        pawl__wire_unpack(&kit.arena, &pb__history_event__descriptor, view.bytes, NULL);
    assert_string_equal(started->executionstarted->name, "Order");

    kit_detach(&kit, &worker);
    kit_close(&kit);
    kit_open(&kit);
    assert_true(pawl__str_equal(history(&kit, "a"), read.read.history));
    kit_shut(&kit, true);
    kit_purge(&kit, &gone, "a", true);
    kit_history(&kit, &read, "a");
    kit_rest(&kit, 20);
    assert_false(read.done); // it may be there yet
    kit_shut(&kit, false);
    DONE(&kit, read, PAWL_E_NOT_FOUND);
    DONE(&kit, gone, PAWL_OK);
    kit_finish(&kit);
}

// --- lists --------------------------------------------------------------------------------------

#define LISTS(kit, after, max, expected)                                                           \
    do {                                                                                           \
        struct caller list_;                                                                       \
        kit_list(kit, &list_, after, max);                                                         \
        DONE(kit, list_, PAWL_OK);                                                                 \
        assert_string_equal(kit_ids(kit, &list_), expected);                                       \
    } while (0)

static void to_rest(struct kit *kit) {
    kit->node->options.checkpoint_interval = PAWL_MILLISECOND;
    UNTIL(kit, !kit->node->partitions[0].residency.shard.instances.len);
    kit->node->options.checkpoint_interval = 1000 * PAWL_SECOND;
}

// Instances |from| to |to| that wait for nothing, so that they leave memory.
static void make_resting(struct kit *kit, char from, char to) {
    struct worker worker = {0};
    kit_attach(kit, &worker);
    for (char id[2] = {from, 0}; id[0] <= to; id[0]++) {
        kit_started(kit, id);
        kit_turn(kit, &worker, id, NO_ACTIONS);
    }
    kit_detach(kit, &worker);
    to_rest(kit);
}

// How many fit that have |status|.
static uint64_t counted(struct kit *kit, const struct pawl_query *query, int32_t status) {
    struct caller caller;
    uint64_t count = 0;
    kit_tally(kit, &caller, query);
    DONE(kit, caller, PAWL_OK);
    for (size_t i = 0; i < caller.tally.count; i++)
        if (caller.tally.rows[i].status == status) count += caller.tally.rows[i].count;
    return count;
}

static const char *found(struct kit *kit, const struct pawl_query *query) {
    struct caller caller;
    kit_search(kit, &caller, query);
    DONE(kit, caller, PAWL_OK);
    return kit_ids(kit, &caller);
}

static void test_search(void **state) {
    (void)state;
    struct kit kit;
    kit_init(&kit);
    make_resting(&kit, 'b', 'f'); // in the store only, in the order of their letters
    kit_started(&kit, "a");
    struct pawl_query all = {.order = PAWL_ORDER_OLDEST, .limit = 10};
    assert_string_equal(found(&kit, &all), "b c d e f a ");
    struct pawl_query newest = {.order = PAWL_ORDER_NEWEST, .limit = 2};
    assert_string_equal(found(&kit, &newest), "a f ");
    struct caller caller;
    kit_search(&kit, &caller, &newest);
    DONE(&kit, caller, PAWL_OK);
    newest.after_created = caller.search.rows[1].created_at;
    newest.after_id = caller.search.rows[1].id;
    assert_string_equal(found(&kit, &newest), "e d ");

    // One that is otherwise in memory than in the store counts as it is in memory.
    struct pawl_query running = {
        .order = PAWL_ORDER_ID, .limit = 10, .statuses = 1u << STATUS(RUNNING)};
    struct pawl_query suspended = {
        .order = PAWL_ORDER_ID, .limit = 10, .statuses = 1u << STATUS(SUSPENDED)};
    assert_int_equal(counted(&kit, &all, STATUS(RUNNING)), 5);
    assert_int_equal(counted(&kit, &all, STATUS(PENDING)), 1);
    struct worker worker = {0};
    kit_attach(&kit, &worker);
    kit_turn(&kit, &worker, "a", NO_ACTIONS);
    kit_suspend(&kit, &caller, "d");
    DONE(&kit, caller, PAWL_OK);
    kit_turn(&kit, &worker, "d", NO_ACTIONS);
    kit_detach(&kit, &worker);
    assert_string_equal(found(&kit, &running), "a b c e f ");
    assert_string_equal(found(&kit, &suspended), "d ");
    assert_int_equal(counted(&kit, &all, STATUS(RUNNING)), 5);
    assert_int_equal(counted(&kit, &suspended, STATUS(SUSPENDED)), 1);
    assert_int_equal(counted(&kit, &running, STATUS(SUSPENDED)), 0);
    // And the same when all of it is in the store.
    kit_close(&kit);
    kit_open(&kit);
    assert_string_equal(found(&kit, &running), "a b c e f ");
    assert_int_equal(counted(&kit, &all, STATUS(RUNNING)), 5);
    assert_int_equal(counted(&kit, &all, STATUS(SUSPENDED)), 1);
    purge(&kit, "d");
    assert_int_equal(counted(&kit, &all, STATUS(SUSPENDED)), 0);
    kit_finish(&kit);
}

static void test_list(void **state) {
    (void)state;
    struct kit kit;
    struct caller caller;
    kit_init(&kit);
    LISTS(&kit, "", 10, "");
    make_resting(&kit, 'b', 'f');
    LISTS(&kit, "", 10, "b c d e f ");
    kit_started(&kit, "a"); // in memory only
    kit_started(&kit, "cc");
    kit_started(&kit, "z");
    assert_int_equal(kit_status(&kit, "d"), STATUS(RUNNING)); // in both
    LISTS(&kit, "", 10, "a b c cc d e f z ");
    LISTS(&kit, "", 1, "a ");
    LISTS(&kit, "", 3, "a b c ");
    LISTS(&kit, "c", 3, "cc d e ");
    LISTS(&kit, "dd", 3, "e f z ");
    LISTS(&kit, "f", 3, "z ");
    LISTS(&kit, "z", 3, "");
    purge(&kit, "cc");
    purge(&kit, "e");
    LISTS(&kit, "", 10, "a b c d f z ");
    kit_close(&kit);
    kit_open(&kit);
    LISTS(&kit, "", 10, "a b c d f z ");
    kit_fail_loads(&kit, 1);
    kit_list(&kit, &caller, "", 10);
    DONE(&kit, caller, PAWL_E_IO);
    kit_finish(&kit);
}

// What happens after the store was read, and before the answer is put together, is in the answer.
static void test_list_while_much_happens(void **state) {
    (void)state;
    struct kit kit;
    struct caller list;
    kit_init(&kit);
    make_resting(&kit, 'a', 'e');
    kit_started(&kit, "x");
    assert_int_equal(kit_status(&kit, "c"), STATUS(RUNNING)); // in memory, where it rests
    assert_int_equal(kit_status(&kit, "f"), -1);              // known, as loads wait as well
    kit_shut_reads(&kit, true);
    kit_list(&kit, &list, "", 10);
    UNTIL(&kit, kit_lists(&kit) == 1);
    kit_started(&kit, "f");
    purge(&kit, "x");
    kit.node->options.checkpoint_interval = PAWL_MILLISECOND;
    kit_rest(&kit, 20); // snapshots are written, but nothing leaves
    assert_int_equal(kit.node->partitions[0].residency.shard.instances.len, 3);
    kit.node->options.checkpoint_interval = 1000 * PAWL_SECOND;
    kit_shut_reads(&kit, false);
    DONE(&kit, list, PAWL_OK);
    assert_string_equal(kit_ids(&kit, &list), "a b c d e f ");
    kit.node->options.checkpoint_interval = PAWL_MILLISECOND;
    kit_started(&kit, "g");
    UNTIL(&kit, kit.node->partitions[0].residency.shard.instances.len ==
                    2); // f and g, which wait for a worker
    kit_finish(&kit);
}

static void test_list_waits_for_the_log(void **state) {
    (void)state;
    struct kit kit;
    struct caller list, start, gone[4];
    kit_init(&kit);
    make_resting(&kit, 'a', 'f');
    for (char id[2] = "a"; id[0] < 'd'; id[0]++) assert_int_equal(kit_status(&kit, id), 0);
    unsigned before = kit_lists(&kit);
    kit_shut(&kit, true);
    for (char id[2] = "a"; id[0] < 'd'; id[0]++) kit_purge(&kit, &gone[id[0] - 'a'], id, true);
    kit_start(&kit, &start, "ee");
    kit_list(&kit, &list, "", 3); // the store would give those that are going
    kit_rest(&kit, 20);
    assert_false(list.done);
    assert_int_equal(kit_lists(&kit) - before, 2); // three were too few
    kit_shut(&kit, false);
    DONE(&kit, list, PAWL_OK);
    assert_string_equal(kit_ids(&kit, &list), "d e ee ");
    DONE(&kit, start, PAWL_OK);

    // What is not to be is not seen, and the caller may ask again.
    kit_shut(&kit, true);
    kit_fail_commit(&kit, GATE_FAILS_BEFORE);
    kit_start(&kit, &start, "never");
    kit_list(&kit, &list, "", 10);
    kit_rest(&kit, 20);
    assert_false(list.done);
    kit_shut(&kit, false);
    DONE(&kit, list, PAWL_E_UNAVAILABLE);
    DONE(&kit, start, PAWL_E_UNAVAILABLE);
    UNTIL(&kit, kit.ready);
    LISTS(&kit, "", 10, "d e ee f ");
    kit_finish(&kit);
}

// The engine begins anew, or ends, or the caller goes, while the store is read.
static void test_list_is_cut_off(void **state) {
    (void)state;
    struct kit kit;
    struct caller list, start;
    kit_init(&kit);
    kit_started(&kit, "a");
    assert_int_equal(kit_status(&kit, "b"), -1); // known, as loads wait as well
    kit_shut_reads(&kit, true);
    kit_list(&kit, &list, "", 10);
    UNTIL(&kit, kit_lists(&kit) == 1);
    kit_fail_commit(&kit, GATE_FAILS_BEFORE);
    kit_start(&kit, &start, "b");
    DONE(&kit, start, PAWL_E_UNAVAILABLE);
    DONE(&kit, list, PAWL_E_UNAVAILABLE);
    kit_list(&kit, &list, "", 10);
    DONE(&kit, list, PAWL_E_UNAVAILABLE); // at once
    kit_shut_reads(&kit, false);
    UNTIL(&kit, kit.ready);
    LISTS(&kit, "", 10, "a ");

    kit_shut_reads(&kit, true);
    kit_list(&kit, &list, "", 10);
    pawl__call_cancel(&list.call);
    kit_shut_reads(&kit, false);
    LISTS(&kit, "", 10, "a ");
    assert_false(list.done);

    kit_shut_reads(&kit, true);
    kit_list(&kit, &list, "", 10);
    pawl__node_close(kit.node, kit_note, &kit.closed);
    kit_rest(&kit, 5);
    kit_shut_reads(&kit, false);
    DONE(&kit, list, PAWL_E_UNAVAILABLE);
    assert_string_equal(list.error.text, "the daemon is shutting down");
    kit_close_rest(&kit);
    kit_open(&kit);
    LISTS(&kit, "", 10, "a ");
    kit_finish(&kit);
}

// --- at random ----------------------------------------------------------------------------------

enum {
    COUNT = 40
};

static unsigned long long seed;

static unsigned pick(unsigned count) {
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)(seed >> 33) % count;
}

static const char *expected_ids(struct kit *kit, const bool *there) {
    char *text = pawl__arena_dup(&kit->arena, PAWL_STR(""));
    for (int i = 0; i < COUNT; i++)
        if (there[i]) text = pawl__arena_format(&kit->arena, "%si%02d ", text, i);
    return text;
}

static const char *all_ids(struct kit *kit) {
    const char *text = "", *after = "";
    size_t max = 1 + pick(12);
    for (;;) {
        struct caller list;
        kit_list(kit, &list, after, max);
        DONE(kit, list, PAWL_OK);
        assert_true(list.search.count <= max);
        text = pawl__arena_format(&kit->arena, "%s%s", text, kit_ids(kit, &list));
        if (list.search.count < max) return text;
        after = list.search.rows[max - 1].id.data;
    }
}

// Starts and purges, with checkpoints as often as can be; each list is of one moment.
static void storm(struct pawl_store *store) {
    struct kit kit;
    struct worker worker = {0};
    bool there[COUNT] = {false};
    kit_init_with(&kit, store);
    for (int step = 0; step < 400; step++) {
        char id[8];
        unsigned i = pick(COUNT);
        snprintf(id, sizeof id, "i%02u", i);
        kit.node->options.checkpoint_interval = pick(3) ? 1 : PAWL_SECOND;
        struct caller list, change;
        const char *before = expected_ids(&kit, there);
        bool early = pick(2);
        if (early) kit_list(&kit, &list, "", COUNT);
        if (early && pick(2)) kit_spin(&kit);
        if (there[i])
            kit_purge(&kit, &change, id, true);
        else
            kit_start(&kit, &change, id);
        there[i] = !there[i];
        if (!early) kit_list(&kit, &list, "", COUNT);
        DONE(&kit, list, PAWL_OK);
        const char *now = expected_ids(&kit, there), *seen = kit_ids(&kit, &list);
        if (strcmp(seen, now) != 0 && (!early || strcmp(seen, before) != 0))
            fail_msg("step %d: %s, not %s", step, seen, now);
        DONE(&kit, change, PAWL_OK);
        if (pick(4) == 0) { // let some rest, and so leave memory
            kit_attach(&kit, &worker);
            kit_rest(&kit, 1);
            struct caller answers[64];
            size_t count = 0;
            while (worker.count) {
                const Pb__WorkItem *item = kit_take(&kit, &worker);
                kit_answer(&kit, &answers[count], item->workflowrequest->instanceid,
                           item->completiontoken, NO_ACTIONS);
                DONE(&kit, answers[count], PAWL_OK);
                if (++count == 64) break;
            }
            kit_detach(&kit, &worker);
        }
        if (pick(8) == 0) kit_rest(&kit, 2);
        if (pick(40) == 0) {
            kit_close(&kit);
            kit_open(&kit);
        }
        if (pick(10) == 0) assert_string_equal(all_ids(&kit), now);
    }
    kit_finish(&kit);
}

static void test_storm(void **state) {
    (void)state;
    struct pawl_store *store;
    struct pawl_error error;
    const char *given = getenv("PAWL_SEED");
    seed = given ? strtoull(given, NULL, 10) : (unsigned long long)pawl__clock_wall();
    print_message("PAWL_SEED=%llu\n", seed);
    assert_int_equal(pawl__memory_open(&store, &error), PAWL_OK);
    storm(store);
}

// What was only read leaves memory again, the one that was read longest ago first.
static void test_reads_leave_memory(void **state) {
    (void)state;
    struct kit kit;
    struct worker worker = {0};
    char id[8];
    kit_init(&kit);
    kit_attach(&kit, &worker);
    for (int i = 0; i < 20; i++) {
        snprintf(id, sizeof id, "e%02d", i);
        kit_started(&kit, id);
        kit_turn(&kit, &worker, id, ACTIONS(kit_complete(&kit, 0, "8")));
    }
    to_rest(&kit);
    const struct pawl_shard *shard = &kit.node->partitions[0].residency.shard;
    assert_int_equal(kit_status(&kit, "e00"), STATUS(COMPLETED));
    kit.node->options.resting_bytes = 4 * kit.node->partitions[0].residency.resting_bytes;
    for (int round = 0; round < 2; round++)
        for (int i = 1; i < 20; i++) {
            snprintf(id, sizeof id, "e%02d", i);
            assert_int_equal(kit_status(&kit, id), STATUS(COMPLETED));
            assert_int_equal(kit_status(&kit, "e00"), STATUS(COMPLETED));
            assert_non_null(pawl__shard_find(shard, PAWL_STR("e00")));
            assert_non_null(pawl__shard_find(shard, pawl__str(id)));
            assert_true(shard->instances.len <= 4);
        }
    // One that is changed, or is gone, is not among those that rest.
    struct caller purge;
    kit_purge(&kit, &purge, "e00", false);
    DONE(&kit, purge, PAWL_OK);
    kit.node->options.resting_bytes = 1;
    assert_int_equal(kit_status(&kit, "e01"), STATUS(COMPLETED));
    UNTIL(&kit, !shard->instances.len);
    assert_int_equal(kit.node->partitions[0].residency.resting_bytes, 0);
    kit_detach(&kit, &worker);
    kit_finish(&kit);
}

// A call that needs many instances gets them all, however little may rest.
static void test_tree_larger_than_the_bound(void **state) {
    (void)state;
    struct kit kit;
    struct worker worker = {0};
    struct caller caller;
    kit_init(&kit);
    kit_attach(&kit, &worker);
    kit_started(&kit, "p");
    Pb__WorkflowAction *children[9] = {0};
    for (int i = 0; i < 8; i++) children[i] = kit_child(&kit, i);
    kit_turn(&kit, &worker, "p", children);
    for (int left = 8; left;) {
        const Pb__WorkItem *item = kit_take(&kit, &worker);
        const char *id = item->workflowrequest->instanceid;
        bool child = strcmp(id, "p") != 0;
        left -= child;
        kit_answer(&kit, &caller, id, item->completiontoken,
                   child ? ACTIONS(kit_complete(&kit, 0, NULL)) : NO_ACTIONS);
        DONE(&kit, caller, PAWL_OK);
    }
    kit_raise(&kit, &caller, "p", "last");
    DONE(&kit, caller, PAWL_OK);
    kit_turn(&kit, &worker, "p", ACTIONS(kit_complete(&kit, 8, NULL)));
    to_rest(&kit);
    kit.node->options.resting_bytes = 1;
    pawl__purge_init(&caller.purge, PAWL_STR("p"), true, false);
    kit_call(&kit, &caller);
    DONE(&kit, caller, PAWL_OK);
    assert_int_equal(caller.purge.count, 9);
    assert_int_equal(kit.node->partitions[0].residency.gathering, 0);
    kit_detach(&kit, &worker);
    kit_finish(&kit);
}

// Waits that are given up keep nothing.
static void test_canceled_waits(void **state) {
    (void)state;
    struct kit kit;
    kit_init(&kit);
    struct caller *waits = calloc(5000, sizeof *waits);
    char id[8];
    for (int i = 0; i < 5000; i++) {
        snprintf(id, sizeof id, "n%04d", i);
        kit_wait(&kit, &waits[i], id, PAWL_WAIT_COMPLETED);
    }
    struct pawl_partition *partition = kit.node->partitions;
    UNTIL(&kit, partition->calls.waiters.len == 5000);
    for (int i = 0; i < 5000; i++) pawl__call_cancel(&waits[i].call);
    assert_int_equal(partition->calls.waiters.len, 0);
    assert_int_equal(partition->calls.waiters.cap, 0);
    UNTIL(&kit, !partition->residency.shard.instances.len); // the ghosts, too
    free(waits);
    kit_finish(&kit);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_history),
        cmocka_unit_test(test_list),
        cmocka_unit_test(test_search),
        cmocka_unit_test(test_list_while_much_happens),
        cmocka_unit_test(test_list_waits_for_the_log),
        cmocka_unit_test(test_list_is_cut_off),
        cmocka_unit_test(test_storm),
        cmocka_unit_test(test_reads_leave_memory),
        cmocka_unit_test(test_tree_larger_than_the_bound),
        cmocka_unit_test(test_canceled_waits),
    };
    return cmocka_run_group_tests_name("runtime reads", tests, NULL, NULL);
}
