// An app of several shards: what its workflows tell each other goes through the store's mailbox,
// and what clients ask of all of them is put together. Then several daemons that share them.

#include "kit.h"

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
    (void)state;
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
    (void)state;
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

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_children_in_other_shards),
        cmocka_unit_test(test_mail_over_a_restart),
    };
    return cmocka_run_group_tests_name("runtime shards", tests, NULL, NULL);
}
