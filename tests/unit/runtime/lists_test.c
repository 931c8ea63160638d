// Lists, filters and counts: what they say of instances in memory, in the store and on the way
// between.

#include "kit.h"

#include <stdio.h>

#define LISTS(kit, after, max, expected)                                                           \
    do {                                                                                           \
        struct caller list_;                                                                       \
        kit_list(kit, &list_, after, max);                                                         \
        DONE(kit, list_, PAWL_OK);                                                                 \
        assert_string_equal(kit_ids(kit, &list_), expected);                                       \
    } while (0)

// Instances |from| to |to| that wait for nothing, so that they leave memory.
static void make_resting(struct kit *kit, char from, char to) {
    struct worker worker = {0};
    kit_attach(kit, &worker);
    for (char id[2] = {from, 0}; id[0] <= to; id[0]++) {
        kit_started(kit, id);
        kit_turn(kit, &worker, id, NO_ACTIONS);
    }
    kit_detach(kit, &worker);
    kit_to_rest(kit);
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

// The same by pages that look at |most| instances of the store.
static const char *found_by(struct kit *kit, struct pawl_query query, size_t most) {
    const char *all = "";
    struct pawl_scan scan = {.most = most, .arena = &kit->arena};
    query.scan = &scan;
    do {
        all = pawl__arena_format(&kit->arena, "%s%s", all, found(kit, &query));
        query.after_created = scan.created_at;
        query.after_id = scan.id;
    } while (scan.stopped);
    return all;
}

static void test_search(void **state) {
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
        .order = PAWL_ORDER_OLDEST, .limit = 10, .statuses = 1u << STATUS(RUNNING)};
    struct pawl_query suspended = {
        .order = PAWL_ORDER_OLDEST, .limit = 10, .statuses = 1u << STATUS(SUSPENDED)};
    assert_int_equal(counted(&kit, &all, STATUS(RUNNING)), 5);
    assert_int_equal(counted(&kit, &all, STATUS(PENDING)), 1);
    struct worker worker = {0};
    kit_attach(&kit, &worker);
    kit_turn(&kit, &worker, "a", NO_ACTIONS);
    kit_suspend(&kit, &caller, "d");
    DONE(&kit, caller, PAWL_OK);
    kit_turn(&kit, &worker, "d", NO_ACTIONS);
    kit_detach(&kit, &worker);
    assert_string_equal(found(&kit, &running), "b c e f a ");
    assert_string_equal(found(&kit, &suspended), "d ");
    for (size_t most = 1; most < 8; most++) {
        assert_string_equal(found_by(&kit, running, most), "b c e f a ");
        assert_string_equal(found_by(&kit, suspended, most), "d ");
    }
    assert_int_equal(counted(&kit, &all, STATUS(RUNNING)), 5);
    assert_int_equal(counted(&kit, &suspended, STATUS(SUSPENDED)), 1);
    assert_int_equal(counted(&kit, &running, STATUS(SUSPENDED)), 0);
    // And the same when all of it is in the store.
    kit_close(&kit);
    kit_open(&kit);
    assert_string_equal(found(&kit, &running), "b c e f a ");
    assert_int_equal(counted(&kit, &all, STATUS(RUNNING)), 5);
    assert_int_equal(counted(&kit, &all, STATUS(SUSPENDED)), 1);
    kit_purged(&kit, "d");
    assert_int_equal(counted(&kit, &all, STATUS(SUSPENDED)), 0);
    kit_finish(&kit);
}

// An id that was purged, or whose run has ended, and is used again counts once, as what it is now.
static void test_counts_of_used_again(void **state) {
    struct kit kit;
    struct worker worker = {0};
    kit_init(&kit);
    make_resting(&kit, 'b', 'f');
    const struct pawl_query all = {.order = PAWL_ORDER_OLDEST, .limit = 10};
    kit_purged(&kit, "b");
    assert_int_equal(counted(&kit, &all, STATUS(RUNNING)), 4);
    kit_started(&kit, "b");
    assert_int_equal(counted(&kit, &all, STATUS(RUNNING)), 4);
    assert_int_equal(counted(&kit, &all, STATUS(PENDING)), 1);

    kit_attach(&kit, &worker);
    kit_turn(&kit, &worker, "b", ACTIONS(kit_complete(&kit, 0, "1")));
    kit_detach(&kit, &worker);
    kit_to_rest(&kit);
    assert_int_equal(counted(&kit, &all, STATUS(COMPLETED)), 1);
    struct caller caller;
    kit_start_named(&kit, &caller, "b", "Other");
    DONE(&kit, caller, PAWL_OK);
    const struct pawl_query other = {.order = PAWL_ORDER_OLDEST, .name = PAWL_STR("Other")};
    assert_int_equal(counted(&kit, &all, STATUS(COMPLETED)), 0);
    assert_int_equal(counted(&kit, &all, STATUS(RUNNING)), 4);
    assert_int_equal(counted(&kit, &all, STATUS(PENDING)), 1);
    assert_int_equal(counted(&kit, &other, STATUS(PENDING)), 1);
    assert_int_equal(counted(&kit, &other, STATUS(COMPLETED)), 0);
    kit_finish(&kit);
}

// Instances 'b' to 'f' in the store, which say "one"; in memory 'c' says "two", and 'd' has ended.
static void make_changed(struct kit *kit) {
    struct worker worker = {0};
    struct caller caller;
    kit_init(kit);
    kit->says = "\"one\"";
    make_resting(kit, 'b', 'f');
    kit->says = "\"two\"";
    kit_attach(kit, &worker);
    kit_raise(kit, &caller, "c", "Go");
    DONE(kit, caller, PAWL_OK);
    kit_turn(kit, &worker, "c", NO_ACTIONS);
    kit->says = "\"one\"";
    kit_raise(kit, &caller, "d", "Go");
    DONE(kit, caller, PAWL_OK);
    kit_turn(kit, &worker, "d", ACTIONS(kit_complete(kit, 0, "1")));
    kit_detach(kit, &worker);
}

static void assert_changed(struct kit *kit, const char *when) {
    static const struct {
        const char *says;
        int64_t ended_from;
        int status;
        uint64_t count;
    } table[] = {
        {"", 0, STATUS(RUNNING), 4},    {"", 0, STATUS(COMPLETED), 1},
        {"one", 0, STATUS(RUNNING), 3}, {"one", 0, STATUS(COMPLETED), 1},
        {"two", 0, STATUS(RUNNING), 1}, {"two", 0, STATUS(COMPLETED), 0},
        {"", 1, STATUS(RUNNING), 0},    {"", 1, STATUS(COMPLETED), 1},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        const struct pawl_query query = {.custom_status = pawl__str(table[i].says),
                                         .ended_from = table[i].ended_from};
        uint64_t count = counted(kit, &query, table[i].status);
        if (count != table[i].count)
            fail_msg("%s, row %zu: %d, not %d", when, i, (int)count, (int)table[i].count);
    }
}

// By whatever they are counted: those that have changed since they were stored count as they are.
static void test_counts_of_changed(void **state) {
    struct kit kit;
    make_changed(&kit);
    assert_changed(&kit, "changed in memory");
    kit_close(&kit);
    kit_open(&kit);
    assert_changed(&kit, "stored");
    kit_finish(&kit);
}

// What is written to the store, or is to go, while it is read does not make the count another one.
static void test_count_while_much_happens(void **state) {
    struct kit kit;
    struct caller kinds, says, purge;
    make_changed(&kit);
    const struct pawl_query all = {0}, one = {.custom_status = PAWL_STR("one")};
    kit_shut_reads(&kit, true);
    kit_tally(&kit, &kinds, &all);
    kit_tally(&kit, &says, &one);
    UNTIL(&kit, kit_lists(&kit) == 1);
    kit.node->options.checkpoint_interval = PAWL_MILLISECOND;
    struct pawl_shard *shard = &kit.node->partitions[0].residency.shard;
    UNTIL(&kit, !pawl__shard_find(shard, PAWL_STR("c"))->unsaved);
    UNTIL(&kit, !pawl__shard_find(shard, PAWL_STR("d"))->unsaved);
    kit.node->options.checkpoint_interval = 1000 * PAWL_SECOND;
    kit_shut_reads(&kit, false);
    DONE(&kit, kinds, PAWL_OK);
    DONE(&kit, says, PAWL_OK);
    for (size_t i = 0; i < kinds.tally.count; i++)
        assert_int_equal(kinds.tally.rows[i].count,
                         kinds.tally.rows[i].status == STATUS(RUNNING) ? 4 : 1);
    assert_int_equal(kinds.tally.count, 2);
    for (size_t i = 0; i < says.tally.count; i++)
        assert_int_equal(says.tally.rows[i].count,
                         says.tally.rows[i].status == STATUS(RUNNING) ? 3 : 1);
    assert_int_equal(says.tally.count, 2);

    // The count waits for the purge that it has seen, and does not count what that removes.
    unsigned before = kit_lists(&kit);
    assert_int_equal(kit_status(&kit, "d"), STATUS(COMPLETED));
    kit_shut(&kit, true);
    kit_purge(&kit, &purge, "d", false);
    kit_tally(&kit, &kinds, &all);
    UNTIL(&kit, kit_lists(&kit) == before + 1);
    kit_shut(&kit, false);
    DONE(&kit, kinds, PAWL_OK);
    DONE(&kit, purge, PAWL_OK);
    assert_int_equal(kinds.tally.count, 1);
    assert_int_equal(kinds.tally.rows[0].count, 4);
    kit_finish(&kit);
}

// Where |id| stands in the order.
static struct pawl_snapshot place_of(struct kit *kit, const char *id) {
    struct caller caller;
    kit_list(kit, &caller, NULL, 100);
    DONE(kit, caller, PAWL_OK);
    size_t i = 0;
    while (i < caller.search.count && !pawl__str_equal(caller.search.rows[i].id, pawl__str(id)))
        i++;
    assert_true(i < caller.search.count);
    return caller.search.rows[i];
}

static void test_list(void **state) {
    struct kit kit;
    struct caller caller;
    kit_init(&kit);
    LISTS(&kit, NULL, 10, "");
    make_resting(&kit, 'b', 'f');
    LISTS(&kit, NULL, 10, "b c d e f ");
    kit_started(&kit, "a"); // in memory only
    kit_started(&kit, "cc");
    kit_started(&kit, "z");
    assert_int_equal(kit_status(&kit, "d"), STATUS(RUNNING)); // in both
    LISTS(&kit, NULL, 10, "b c d e f a cc z ");
    LISTS(&kit, NULL, 1, "b ");
    LISTS(&kit, NULL, 3, "b c d ");
    struct pawl_snapshot c = place_of(&kit, "c"), e = place_of(&kit, "e"), f = place_of(&kit, "f"),
                         cc = place_of(&kit, "cc"), z = place_of(&kit, "z");
    LISTS(&kit, &c, 3, "d e f ");
    LISTS(&kit, &f, 3, "a cc z ");
    LISTS(&kit, &cc, 3, "z ");
    LISTS(&kit, &z, 3, "");
    // A page begins where the last one ended, also when what stood there is gone.
    kit_purged(&kit, "cc");
    kit_purged(&kit, "e");
    LISTS(&kit, NULL, 10, "b c d f a z ");
    LISTS(&kit, &e, 2, "f a ");
    LISTS(&kit, &cc, 2, "z ");
    kit_started(&kit, "e"); // anew
    LISTS(&kit, &c, 10, "d f a z e ");
    kit_close(&kit);
    kit_open(&kit);
    LISTS(&kit, NULL, 10, "b c d f a z e ");
    kit_fail_loads(&kit, 1, PAWL_E_IO);
    kit_list(&kit, &caller, NULL, 10);
    DONE(&kit, caller, PAWL_E_IO);
    kit_finish(&kit);
}

// Those that were created at the same moment are in the order of their ids.
static void test_list_of_one_moment(void **state) {
    struct kit kit;
    kit_init(&kit);
    const char *const ids[] = {"m", "b", "x", "a", "k"};
    for (size_t i = 0; i < 5; i++) kit_started(&kit, ids[i]);
    struct pawl_shard *shard = &kit.node->partitions[0].residency.shard;
    for (size_t i = 0; i < 5; i++) {
        struct pawl_instance *instance = pawl__shard_find(shard, pawl__str(ids[i]));
        pawl__tree_remove(&shard->by_created, &instance->by_created);
        instance->created_at = 1000;
        pawl__tree_add(&shard->by_created, &instance->by_created, 1000,
                       pawl__instance_id(instance));
    }
    LISTS(&kit, NULL, 10, "a b k m x ");
    struct pawl_snapshot b = place_of(&kit, "b");
    LISTS(&kit, &b, 2, "k m ");
    struct pawl_query newest = {.order = PAWL_ORDER_NEWEST, .limit = 3};
    assert_string_equal(found(&kit, &newest), "x m k ");
    kit_finish(&kit);
}

// What happens after the store was read, and before the answer is put together, is in the answer.
static void test_list_while_much_happens(void **state) {
    struct kit kit;
    struct caller list;
    kit_init(&kit);
    make_resting(&kit, 'a', 'e');
    kit_started(&kit, "x");
    assert_int_equal(kit_status(&kit, "c"), STATUS(RUNNING)); // in memory, where it rests
    assert_int_equal(kit_status(&kit, "f"), -1);              // known, as loads wait as well
    kit_shut_reads(&kit, true);
    kit_list(&kit, &list, NULL, 10);
    UNTIL(&kit, kit_lists(&kit) == 1);
    kit_started(&kit, "f");
    kit_purged(&kit, "x");
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
    struct kit kit;
    struct caller list, start, gone[4];
    kit_init(&kit);
    make_resting(&kit, 'a', 'f');
    for (char id[2] = "a"; id[0] < 'd'; id[0]++) assert_int_equal(kit_status(&kit, id), 0);
    unsigned before = kit_lists(&kit);
    kit_shut(&kit, true);
    for (char id[2] = "a"; id[0] < 'd'; id[0]++) kit_purge(&kit, &gone[id[0] - 'a'], id, true);
    kit_start(&kit, &start, "ee");
    kit_list(&kit, &list, NULL, 3);             // the store would give those that are going
    UNTIL(&kit, kit_lists(&kit) - before == 2); // three were too few
    kit_rest(&kit, 20);
    assert_false(list.done);
    assert_int_equal(kit_lists(&kit) - before, 2);
    kit_shut(&kit, false);
    DONE(&kit, list, PAWL_OK);
    assert_string_equal(kit_ids(&kit, &list), "d e f ");
    DONE(&kit, start, PAWL_OK);

    // What is not to be is not seen, and the caller may ask again.
    kit_shut(&kit, true);
    kit_fail_commit(&kit, GATE_FAILS_BEFORE);
    kit_start(&kit, &start, "never");
    kit_list(&kit, &list, NULL, 10);
    kit_rest(&kit, 20);
    assert_false(list.done);
    kit_shut(&kit, false);
    DONE(&kit, list, PAWL_E_UNAVAILABLE);
    DONE(&kit, start, PAWL_E_UNAVAILABLE);
    UNTIL(&kit, kit.ready);
    LISTS(&kit, NULL, 10, "d e f ee ");
    kit_finish(&kit);
}

// The engine begins anew, or ends, or the caller goes, while the store is read.
static void test_list_is_cut_off(void **state) {
    struct kit kit;
    struct caller list, start;
    kit_init(&kit);
    kit_started(&kit, "a");
    assert_int_equal(kit_status(&kit, "b"), -1); // known, as loads wait as well
    kit_shut_reads(&kit, true);
    kit_list(&kit, &list, NULL, 10);
    UNTIL(&kit, kit_lists(&kit) == 1);
    kit_fail_commit(&kit, GATE_FAILS_BEFORE);
    kit_start(&kit, &start, "b");
    DONE(&kit, start, PAWL_E_UNAVAILABLE);
    DONE(&kit, list, PAWL_E_UNAVAILABLE);
    kit_list(&kit, &list, NULL, 10);
    DONE(&kit, list, PAWL_E_UNAVAILABLE); // at once
    kit_shut_reads(&kit, false);
    UNTIL(&kit, kit.ready);
    LISTS(&kit, NULL, 10, "a ");

    kit_shut_reads(&kit, true);
    kit_list(&kit, &list, NULL, 10);
    pawl__call_cancel(&list.call);
    kit_shut_reads(&kit, false);
    LISTS(&kit, NULL, 10, "a ");
    assert_false(list.done);

    kit_shut_reads(&kit, true);
    kit_list(&kit, &list, NULL, 10);
    pawl__node_close(kit.node, kit_note, &kit.closed);
    kit_rest(&kit, 5);
    kit_shut_reads(&kit, false);
    DONE(&kit, list, PAWL_E_UNAVAILABLE);
    assert_string_equal(list.error.text, "the daemon is shutting down");
    kit_close_rest(&kit);
    kit_open(&kit);
    LISTS(&kit, NULL, 10, "a ");
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

// |born|: a number that grows, 0: it is not there.
static const char *expected_ids(struct kit *kit, const unsigned *born) {
    char *text = pawl__arena_dup(&kit->arena, PAWL_STR(""));
    for (unsigned last = 0;;) {
        int next = -1;
        for (int i = 0; i < COUNT; i++)
            if (born[i] > last && (next < 0 || born[i] < born[next])) next = i;
        if (next < 0) return text;
        text = pawl__arena_format(&kit->arena, "%si%02d ", text, next);
        last = born[next];
    }
}

static const char *all_ids(struct kit *kit) {
    const struct pawl_snapshot *after = NULL;
    struct pawl_snapshot last;
    const char *text = "";
    size_t max = 1 + pick(12);
    for (;;) {
        struct caller list;
        kit_list(kit, &list, after, max);
        DONE(kit, list, PAWL_OK);
        assert_true(list.search.count <= max);
        text = pawl__arena_format(&kit->arena, "%s%s", text, kit_ids(kit, &list));
        if (list.search.count < max) return text;
        last = list.search.rows[max - 1];
        after = &last;
    }
}

// How many there are, and how many of them say |says|.
static unsigned expected_count(const unsigned *born, const char *const *said, const char *says) {
    unsigned count = 0;
    for (int i = 0; i < COUNT; i++)
        count += born[i] && (!says || (said[i] && strcmp(said[i], says) == 0));
    return count;
}

static unsigned count_of(const struct caller *caller) {
    unsigned count = 0;
    for (size_t i = 0; i < caller->tally.count; i++) count += (unsigned)caller->tally.rows[i].count;
    return count;
}

// Starts, events and purges, with checkpoints as often as can be; each list and each count is of
// one moment.
static void storm(struct pawl_store *store) {
    struct kit kit;
    struct worker worker = {0};
    unsigned born[COUNT] = {0};
    const char *said[COUNT] = {0};
    static const char *const sayings[] = {"\"one\"", "\"two\"", "\"three\""};
    kit_init_with(&kit, store);
    for (int step = 0; step < 400; step++) {
        char id[8];
        unsigned i = pick(COUNT);
        snprintf(id, sizeof id, "i%02u", i);
        kit.node->options.checkpoint_interval = pick(3) ? 1 : PAWL_SECOND;
        struct caller list, tally, change;
        const char *before = expected_ids(&kit, born), *says = pick(4) ? sayings[pick(3)] : NULL;
        const struct pawl_query fits = {.custom_status = says ? pawl__str(says) : PAWL_STR("")};
        unsigned count_before = expected_count(born, said, says);
        bool early = pick(2), event = pick(2);
        if (early) kit_list(&kit, &list, NULL, COUNT);
        if (early) kit_tally(&kit, &tally, &fits);
        if (early && pick(2)) kit_spin(&kit);
        if (born[i] && event)
            kit_raise(&kit, &change, id, "Go");
        else if (born[i])
            kit_purge(&kit, &change, id, true);
        else
            kit_start(&kit, &change, id);
        if (!born[i] || !event) {
            born[i] = born[i] ? 0 : (unsigned)step + 1;
            said[i] = NULL;
        }
        if (!early) kit_list(&kit, &list, NULL, COUNT);
        if (!early) kit_tally(&kit, &tally, &fits);
        DONE(&kit, list, PAWL_OK);
        DONE(&kit, tally, PAWL_OK);
        unsigned total = count_of(&tally), count_now = expected_count(born, said, says);
        if (total != count_now && total != count_before)
            fail_msg("step %d: counted %u that say %s, not %u", step, total, says, count_now);
        const char *now = expected_ids(&kit, born), *seen = kit_ids(&kit, &list);
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
                kit.says = sayings[pick(3)];
                said[atoi(item->workflowrequest->instanceid + 1)] = kit.says;
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
    struct pawl_store *store;
    struct pawl_error error;
    const char *given = getenv("PAWL_SEED");
    seed = given ? strtoull(given, NULL, 10) : (unsigned long long)pawl__clock_wall();
    print_message("PAWL_SEED=%llu\n", seed);
    assert_int_equal(pawl__memory_open(&store, &error), PAWL_OK);
    storm(store);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_list),
        cmocka_unit_test(test_list_of_one_moment),
        cmocka_unit_test(test_search),
        cmocka_unit_test(test_counts_of_used_again),
        cmocka_unit_test(test_counts_of_changed),
        cmocka_unit_test(test_count_while_much_happens),
        cmocka_unit_test(test_list_while_much_happens),
        cmocka_unit_test(test_list_waits_for_the_log),
        cmocka_unit_test(test_list_is_cut_off),
        cmocka_unit_test(test_storm),
    };
    return cmocka_run_group_tests_name("runtime lists", tests, NULL, NULL);
}
