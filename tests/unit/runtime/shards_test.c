// An app of several shards: what its workflows tell each other goes through the store's mailbox,
// and what clients ask of all of them is put together. Then several daemons that share them.

#include "fleet.h"

enum {
    SHARDS = 4,
    CHILDREN = 8
};

static void open_shards(struct kit *kit) {
    struct pawl_store *store;
    assert_int_equal(pawl__memory_open(&store, &kit->error), PAWL_OK);
    kit_init_with_shards(kit, store, SHARDS);
    assert_int_equal(kit->node->count, SHARDS);
}

// Answers a turn of the parent "p" or of one of its children; true: it was a child's last.
static bool answer_one(struct kit *kit, struct worker *worker) {
    struct caller answer;
    const Pb__WorkItem *item = kit_take(kit, worker);
    const char *id = item->workflowrequest->instanceid;
    bool child = strcmp(id, "p") != 0;
    kit_answer(kit, &answer, id, item->completiontoken,
               child ? ACTIONS(kit_complete(kit, 0, "1")) : NO_ACTIONS);
    DONE(kit, answer, PAWL_OK);
    return child;
}

static size_t ended_children(struct kit *kit) {
    assert_int_equal(kit_status(kit, "p"), STATUS(RUNNING)); // in memory for this look, at least
    const struct pawl_shard *shard =
        &kit->node->partitions[pawl__shard_of(PAWL_STR("p"), SHARDS)].residency.shard;
    const struct pawl_instance *parent = pawl__shard_find(shard, PAWL_STR("p"));
    return parent ? CHILDREN - parent->pending.live : 0;
}

static void start_children(struct kit *kit, struct worker *worker) {
    Pb__WorkflowAction *children[CHILDREN + 1] = {0};
    for (int i = 0; i < CHILDREN; i++) children[i] = kit_child(kit, i);
    kit_turn(kit, worker, "p", children);
}

static void test_children_in_other_shards(void **state) {
    struct kit kit;
    struct worker worker = {0};
    open_shards(&kit);
    unsigned used = 0;
    char id[16];
    for (int i = 0; i < CHILDREN; i++) {
        snprintf(id, sizeof id, "child%d", i);
        used |= 1u << pawl__shard_of(pawl__str(id), SHARDS);
    }
    assert_true(used & (used - 1)); // they are not all in one
    kit_attach(&kit, &worker);
    kit_started(&kit, "p");
    start_children(&kit, &worker);
    for (int left = CHILDREN; left;) left -= answer_one(&kit, &worker);
    while (ended_children(&kit) < CHILDREN || worker.count)
        if (worker.count)
            answer_one(&kit, &worker);
        else
            kit_spin(&kit);
    for (int i = 0; i < CHILDREN; i++) {
        snprintf(id, sizeof id, "child%d", i);
        assert_int_equal(kit_status(&kit, id), STATUS(COMPLETED));
    }
    // Nothing is left in a box.
    kit_rest(&kit, 20);
    assert_int_equal(kit_mail(&kit), 0);

    // A list of all shards is in one order, and its pages are the same as the whole.
    struct caller whole, list;
    kit_list(&kit, &whole, NULL, 100);
    DONE(&kit, whole, PAWL_OK);
    assert_int_equal(whole.search.count, CHILDREN + 1);
    assert_true(pawl__str_equal(whole.search.rows[0].id, PAWL_STR("p")));
    for (size_t i = 0; i < CHILDREN; i++)
        assert_true(pawl__query_compare(PAWL_ORDER_OLDEST, &whole.search.rows[i],
                                        &whole.search.rows[i + 1]) < 0);
    for (size_t max = 1; max < 5; max++) {
        const struct pawl_snapshot *after = NULL;
        for (size_t told = 0; told <= CHILDREN; told += list.search.count) {
            kit_list(&kit, &list, after, max);
            DONE(&kit, list, PAWL_OK);
            assert_true(list.search.count == max || told + list.search.count == CHILDREN + 1);
            for (size_t i = 0; i < list.search.count; i++)
                assert_true(
                    pawl__str_equal(list.search.rows[i].id, whole.search.rows[told + i].id));
            after = &list.search.rows[list.search.count - 1];
        }
    }
    kit_detach(&kit, &worker);
    kit_finish(&kit);
}

// What was sent before the end is received after it, once.
static void test_mail_over_a_restart(void **state) {
    struct kit kit;
    struct worker worker = {0};
    open_shards(&kit);
    kit_attach(&kit, &worker);
    kit_started(&kit, "p");
    // The commit with the letters is the last that is done; nobody receives them.
    Pb__WorkflowAction *children[CHILDREN + 1] = {0};
    for (int i = 0; i < CHILDREN; i++) children[i] = kit_child(&kit, i);
    const Pb__WorkItem *item = kit_take(&kit, &worker);
    struct caller answer;
    kit_fail_commit(&kit, GATE_FAILS_AFTER);
    kit_answer(&kit, &answer, "p", item->completiontoken, children);
    UNTIL(&kit, answer.done);
    UNTIL(&kit, kit.ready);
    if (!worker.attached) kit_attach(&kit, &worker);
    for (int left = CHILDREN; left;) left -= answer_one(&kit, &worker);
    kit_detach(&kit, &worker);
    kit_close(&kit);
    kit_open(&kit);
    kit_attach(&kit, &worker);
    while (ended_children(&kit) < CHILDREN || worker.count)
        if (worker.count)
            answer_one(&kit, &worker);
        else
            kit_spin(&kit);
    UNTIL(&kit, !kit_mail(&kit));
    kit_detach(&kit, &worker);
    kit_finish(&kit);
}

// --- a recursive purge ---------------------------------------------------------------------------

static void purge(struct kit *kit, const char *id, bool force, enum pawl_err expected,
                  uint32_t count) {
    struct caller caller;
    pawl__purge_init(&caller.purge, pawl__str(id), true, force);
    kit_call(kit, &caller);
    DONE(kit, caller, expected);
    if (!expected) assert_int_equal(caller.purge.count, count);
}

// "p" has the children "child0" ... "child7", each of which has those of |under|.
static void start_family(struct kit *kit, struct worker *worker, int under) {
    kit_started(kit, "p");
    start_children(kit, worker);
    for (int left = CHILDREN; left; left--) {
        const Pb__WorkItem *item = kit_take(kit, worker);
        struct caller answer;
        Pb__WorkflowAction *children[3] = {0};
        if (under && !strcmp(item->workflowrequest->instanceid, "child7")) {
            children[0] = kit_child(kit, 8);
            children[1] = kit_child(kit, 9);
        }
        kit_answer(kit, &answer, item->workflowrequest->instanceid, item->completiontoken,
                   children);
        DONE(kit, answer, PAWL_OK);
    }
    for (int left = under; left; left--) kit_take(kit, worker);
}

static bool any_is_left(struct kit *kit, int count) {
    char id[16];
    for (int i = 0; i < count; i++) {
        snprintf(id, sizeof id, "child%d", i);
        if (kit_status(kit, id) >= 0) return true;
    }
    return kit_status(kit, "p") >= 0;
}

// All that descends from it has gone when it is answered, wherever it was.
static void test_purge(void **state) {
    struct kit kit;
    struct worker worker = {0};
    open_shards(&kit);
    kit_attach(&kit, &worker);
    start_family(&kit, &worker, 2);
    purge(&kit, "p", false, PAWL_E_PRECONDITION, 0);
    purge(&kit, "p", true, PAWL_OK, CHILDREN + 3);
    assert_false(any_is_left(&kit, CHILDREN + 2));
    purge(&kit, "p", true, PAWL_E_NOT_FOUND, 0);
    kit_detach(&kit, &worker);
    kit_finish(&kit);
}

// A child that still runs is in the way of its parent, which stays.
static void test_purge_of_some(void **state) {
    struct kit kit;
    struct worker worker = {0};
    open_shards(&kit);
    kit_attach(&kit, &worker);
    kit_started(&kit, "p");
    Pb__WorkflowAction *children[CHILDREN + 2] = {0};
    for (int i = 0; i < CHILDREN; i++) children[i] = kit_child(&kit, i);
    children[CHILDREN] = kit_complete(&kit, CHILDREN, "1");
    kit_turn(&kit, &worker, "p", children);
    for (int i = 0; i < CHILDREN; i++) {
        const Pb__WorkItem *item = kit_take(&kit, &worker);
        const char *id = item->workflowrequest->instanceid;
        struct caller answer;
        kit_answer(&kit, &answer, id, item->completiontoken,
                   strcmp(id, "child3") != 0 ? ACTIONS(kit_complete(&kit, 0, "1")) : NO_ACTIONS);
        DONE(&kit, answer, PAWL_OK);
    }
    purge(&kit, "p", false, PAWL_E_PRECONDITION, 0);
    assert_int_equal(kit_status(&kit, "p"), STATUS(COMPLETED));
    assert_int_equal(kit_status(&kit, "child3"), STATUS(RUNNING));
    struct caller end;
    kit_terminate(&kit, &end, "child3");
    DONE(&kit, end, PAWL_OK);
    kit_turn(&kit, &worker, "child3", NO_ACTIONS);
    uint32_t left = 1;
    char id[16];
    for (int i = 0; i < CHILDREN; i++) {
        snprintf(id, sizeof id, "child%d", i);
        left += kit_status(&kit, id) >= 0;
    }
    purge(&kit, "p", false, PAWL_OK, left);
    assert_false(any_is_left(&kit, CHILDREN));
    kit_detach(&kit, &worker);
    kit_finish(&kit);
}

// Who has the id of a child by now and is none stays.
static void test_purge_of_strangers(void **state) {
    struct kit kit;
    struct worker worker = {0};
    open_shards(&kit);
    kit_attach(&kit, &worker);
    start_family(&kit, &worker, 0);
    char id[16];
    for (int i = 0; i < CHILDREN; i++) {
        snprintf(id, sizeof id, "child%d", i);
        kit_purged(&kit, id);
        if (i % 2) kit_started(&kit, id);
    }
    purge(&kit, "p", true, PAWL_OK, 1);
    for (int i = 0; i < CHILDREN; i++) {
        snprintf(id, sizeof id, "child%d", i);
        assert_int_equal(kit_status(&kit, id) >= 0, i % 2);
    }
    kit_detach(&kit, &worker);
    kit_finish(&kit);
}

// Who has asked gives up, at each moment of it.
static void test_purge_that_is_canceled(void **state) {
    struct kit kit;
    struct worker worker = {0};
    open_shards(&kit);
    kit_attach(&kit, &worker);
    for (int moment = 0; moment < 6; moment++) {
        start_family(&kit, &worker, 2);
        struct caller caller;
        pawl__purge_init(&caller.purge, PAWL_STR("p"), true, true);
        kit_shut(&kit, true);
        kit_call(&kit, &caller);
        for (int i = 0; i < moment; i++) {
            kit_shut(&kit, false);
            kit_spin(&kit);
            kit_shut(&kit, true);
        }
        if (!caller.done) pawl__call_cancel(&caller.call);
        kit_shut(&kit, false);
        struct caller again;
        pawl__purge_init(&again.purge, PAWL_STR("p"), true, true);
        kit_call(&kit, &again);
        UNTIL(&kit, again.done);
        UNTIL(&kit, !any_is_left(&kit, CHILDREN));
        for (int i = CHILDREN; i < CHILDREN + 2; i++) { // whose parent may have gone before
            char id[16];
            snprintf(id, sizeof id, "child%d", i);
            if (kit_status(&kit, id) >= 0) kit_purged(&kit, id);
        }
    }
    kit_detach(&kit, &worker);
    kit_finish(&kit);
}

// A new id is of a shard that is served here, where there is one: but for one of ten thousand if it
// is one of four, as draws are counted.
static void test_new_ids(void **state) {
    struct kit kit;
    char id[37], before[37] = "";
    open_shards(&kit);
    struct pawl_partition *partitions = kit.node->partitions;
    for (unsigned served = 0; served < 1u << SHARDS; served++) {
        unsigned drawn = 0, strays = 0;
        for (unsigned i = 0; i < SHARDS; i++)
            partitions[i].residency.state =
                served & 1u << i ? PAWL_RESIDENCY_SERVING : PAWL_RESIDENCY_TAKING;
        for (int i = 0; i < 200; i++) {
            pawl__node_draw(kit.node, id);
            unsigned shard = 1u << pawl__shard_of(pawl__str(id), SHARDS);
            if (served && !(served & shard))
                strays++;
            else
                drawn |= shard;
            assert_string_not_equal(id, before);
            memcpy(before, id, sizeof before);
        }
        assert_int_equal(drawn, served ? served : (1u << SHARDS) - 1);
        assert_true(strays <= 3);
    }
    kit_finish(&kit);
}

// --- several daemons ----------------------------------------------------------------------------

static enum fleet_fate deaf(struct fleet *fleet, enum pawl_verb_kind kind) {
    return kind == PAWL_VERB_RING ? FLEET_UNHEARD : FLEET_ARRIVES;
}

// The first child from |from| on whose shard daemon |at| serves.
static int child_at(const struct fleet *fleet, int at, int from) {
    char id[16];
    for (int child = from;; child++) {
        snprintf(id, sizeof id, "child%d", child);
        const struct pawl_node *node = fleet->kits[at].node;
        uint32_t shard = pawl__shard_of(pawl__str(id), node->count);
        if (pawl__partition_serves(&node->partitions[shard])) return child;
    }
}

// Who has seen a child end may start its parent's id again, wherever both are, though no bell has
// told that there is mail. As long as the child runs the start is refused.
static void test_id_of_a_parent(void **state) {
    struct fleet fleet = {.fate = deaf};
    struct worker workers[2] = {{{0}}, {{0}}};
    struct kit *near = &fleet.kits[0], *far = &fleet.kits[1];
    char child[16];
    fleet_init(&fleet, 2, SHARDS, workers);
    for (int round = 0, number = 0; round < 5; round++, number++) {
        struct caller again;
        const char *parent = fleet_id(&fleet, 0, "p", round);
        number = child_at(&fleet, 1, number);
        snprintf(child, sizeof child, "child%d", number);
        kit_started(near, parent);
        kit_turn(near, &workers[0], parent,
                 ACTIONS(kit_child(near, number), kit_complete(near, number + 1, "1")));
        FLEET_UNTIL(&fleet, workers[1].count);
        kit_start(near, &again, parent);
        DONE(near, again, PAWL_E_EXISTS);
        kit_turn(far, &workers[1], child, ACTIONS(kit_complete(far, 0, "1")));
        kit_start(near, &again, parent);
        DONE(near, again, PAWL_OK);
        kit_turn(near, &workers[0], parent, ACTIONS(kit_complete(near, 0, "2")));
    }
    kit_detach(near, &workers[0]);
    kit_detach(far, &workers[1]);
    fleet_finish(&fleet);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_children_in_other_shards),
        cmocka_unit_test(test_mail_over_a_restart),
        cmocka_unit_test(test_purge),
        cmocka_unit_test(test_purge_of_some),
        cmocka_unit_test(test_purge_of_strangers),
        cmocka_unit_test(test_purge_that_is_canceled),
        cmocka_unit_test(test_new_ids),
        cmocka_unit_test(test_id_of_a_parent),
    };
    return cmocka_run_group_tests_name("runtime shards", tests, NULL, NULL);
}
