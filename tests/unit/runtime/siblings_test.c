// Two loops of a process that serve an app together. They are run in turn, on one thread.

#include "kit.h"
#include "runtime/siblings.h"

enum {
    LOOPS = 2,
    SHARDS = 4
};

struct pair {
    struct kit kits[LOOPS];
    struct pawl_siblings *siblings;
    bool left[LOOPS];
};

// Runs both loops until |condition| holds.
#define BOTH(pair, condition)                                                                      \
    for (struct patience until_ = {0}; !(condition);) {                                            \
        if (patience_spend(&until_) > 20 * PAWL_SECOND)                                            \
            fail_msg("waited too long for: %s", #condition);                                       \
        pair_spin(pair);                                                                           \
    }

static void pair_spin(struct pair *pair) {
    for (int i = 0; i < LOOPS; i++) kit_spin(&pair->kits[i]);
}

static struct pawl_sibling *pair_sibling(struct pair *pair, size_t index) {
    return pawl__siblings_at(pair->siblings, index);
}

static void pair_open(struct pair *pair) {
    struct pawl_store *stores[LOOPS];
    struct pawl_error error;
    uv_loop_t *loops[LOOPS];
    *pair = (struct pair){0};
    assert_int_equal(pawl__memory_open(&stores[0], &error), PAWL_OK);
    assert_int_equal(pawl__memory_share(stores[0], &stores[1], &error), PAWL_OK);
    for (int i = 0; i < LOOPS; i++) {
        kit_make(&pair->kits[i], stores[i], SHARDS);
        loops[i] = &pair->kits[i].loop;
    }
    assert_int_equal(pawl__siblings_create(loops, LOOPS, &pair->siblings, &error), PAWL_OK);
    for (size_t i = 0; i < LOOPS; i++) {
        pair->kits[i].options.sibling = pair_sibling(pair, i);
        kit_begin(&pair->kits[i]);
    }
    BOTH(pair, pair->kits[0].ready && pair->kits[1].ready);
}

static void pair_close_node(struct pair *pair, int index) {
    struct kit *kit = &pair->kits[index];
    pawl__node_close(kit->node, kit_note, &kit->closed);
    BOTH(pair, kit->closed);
    pawl__sibling_leave(pair_sibling(pair, (size_t)index), kit_note, &pair->left[index]);
}

static void pair_close(struct pair *pair) {
    for (int i = 0; i < LOOPS; i++)
        if (!pair->kits[i].closed) pair_close_node(pair, i);
    BOTH(pair, pair->left[0] && pair->left[1]); // once both have: the inboxes are the last to go
    for (int i = 0; i < LOOPS; i++) {
        struct kit *kit = &pair->kits[i];
        kit_close_rest(kit);
        uv_close((uv_handle_t *)&kit->tick, NULL);
        uv_run(&kit->loop, UV_RUN_DEFAULT);
        assert_int_equal(uv_loop_close(&kit->loop), 0);
        kit->store->ops->close(kit->store);
        pawl__arena_finish(&kit->arena);
    }
}

// An id in a shard of loop |index|; others for other |number|s.
static const char *pair_id(char out[16], int index, int number) {
    for (int i = 0;; i++) {
        snprintf(out, 16, "i%d", i);
        if (pawl__shard_of(pawl__str(out), SHARDS) % LOOPS == (uint32_t)index && !number--)
            return out;
    }
}

#define PAIR_DONE(pair, caller, expected)                                                          \
    do {                                                                                           \
        BOTH(pair, (caller).done);                                                                 \
        assert_int_equal((caller).error.code, expected);                                           \
    } while (0)

static void test_each_has_its_shards(void **state) {
    struct pair pair;
    pair_open(&pair);
    for (uint32_t shard = 0; shard < SHARDS; shard++)
        for (uint32_t i = 0; i < LOOPS; i++)
            assert_int_equal(pawl__partition_serves(&pair.kits[i].node->partitions[shard]),
                             shard % LOOPS == i);
    pair_close(&pair);
}

static void test_calls_cross(void **state) {
    struct pair pair;
    struct kit *here = &pair.kits[0];
    struct caller caller;
    char there[16], own[16];
    pair_open(&pair);
    const char *ids[] = {pair_id(own, 0, 0), pair_id(there, 1, 0)};
    for (int i = 0; i < 2; i++) {
        kit_start(here, &caller, ids[i]);
        PAIR_DONE(&pair, caller, PAWL_OK);
        kit_start(here, &caller, ids[i]); // an error crosses, too
        PAIR_DONE(&pair, caller, PAWL_E_EXISTS);
        kit_get(here, &caller, ids[i]);
        PAIR_DONE(&pair, caller, PAWL_OK);
        assert_true(caller.look.view.exists);
    }
    assert_int_equal(pair_sibling(&pair, 1)->calls, 3);
    assert_int_equal(pair_sibling(&pair, 0)->calls, 0);
    for (int i = 0; i < LOOPS; i++) { // what is asked of all shards
        struct pawl_query all = {.limit = 10};
        kit_search(&pair.kits[i], &caller, &all);
        PAIR_DONE(&pair, caller, PAWL_OK);
        const char *found = kit_ids(&pair.kits[i], &caller);
        assert_int_equal(caller.search.count, 2);
        assert_non_null(strstr(found, own));
        assert_non_null(strstr(found, there));
    }
    kit_terminate(here, &caller, there);
    PAIR_DONE(&pair, caller, PAWL_OK);
    pair_close(&pair);
}

struct tour {
    struct pawl_round round;
    int visits;
    bool is_back;
};

static void tour_on_back(struct pawl_round *round) {
    ((struct tour *)round)->is_back = true;
}

static void tour_on_visit(void *arg, struct pawl_round *round) {
    ((struct tour *)round)->visits++;
    pawl__round_next(round);
}

// It passes over a loop whose node does not take part, and visits one that does.
static void test_rounds(void **state) {
    static const struct pawl_sibling_host host = {.visited = tour_on_visit};
    struct pair pair;
    pair_open(&pair);
    const struct pawl_sibling_host *own = pair_sibling(&pair, 1)->host;
    void *arg = pair_sibling(&pair, 1)->host_arg;
    for (int takes_part = 0; takes_part < 2; takes_part++) {
        struct tour tour = {.round.back = tour_on_back};
        if (takes_part) pawl__sibling_join(pair_sibling(&pair, 1), &host, NULL);
        pawl__round_begin(pair_sibling(&pair, 0), &tour.round);
        BOTH(&pair, tour.is_back);
        assert_int_equal(tour.visits, takes_part);
    }
    pawl__sibling_join(pair_sibling(&pair, 1), own, arg);
    pair_close(&pair);
}

// A caller gives up a wait at the other loop, which then forgets it.
static void test_given_up(void **state) {
    struct pair pair;
    struct kit *here = &pair.kits[0], *other = &pair.kits[1];
    struct caller start, wait, again;
    char id[16];
    pair_open(&pair);
    kit_start(here, &start, pair_id(id, 1, 0));
    PAIR_DONE(&pair, start, PAWL_OK);
    struct pawl_map *waiters =
        &other->node->partitions[pawl__shard_of(pawl__str(id), SHARDS)].calls.waiters;
    kit_wait(here, &wait, id, PAWL_WAIT_COMPLETED);
    kit_wait(here, &again, id, PAWL_WAIT_COMPLETED);
    BOTH(&pair, waiters->len == 1);
    BOTH(&pair, pair_sibling(&pair, 1)->calls == 3);
    pawl__call_cancel(&wait.call);
    BOTH(&pair, pair_sibling(&pair, 0)->away == 1);
    pawl__call_cancel(&again.call);
    BOTH(&pair, pair_sibling(&pair, 0)->away == 0);
    assert_int_equal(waiters->len, 0);
    assert_false(wait.done || again.done);
    kit_wait(here, &wait, id, PAWL_WAIT_COMPLETED); // before it has got there
    pawl__call_cancel(&wait.call);
    BOTH(&pair, pair_sibling(&pair, 0)->away == 0);
    assert_false(wait.done);
    pair_close(&pair);
}

static void note_failed(struct pawl_call *call, bool moved, struct pawl_str text, void *arg) {
    *(int *)arg = moved ? 1 : -1;
}

// A call that crosses is answered by the other loop, though its shard is elsewhere by then: that
// nothing was done is known, and nobody has to be told that it may have been.
static void test_moved(void **state) {
    struct pair pair;
    struct kit *here = &pair.kits[0];
    struct pawl_look look;
    char id[16];
    int moved = 0;
    pair_open(&pair);
    pawl__look_init(&look, pawl__str(pair_id(id, 0, 0)), PAWL_WAIT_NOT, &here->arena);
    const struct pawl_forward_to to = {.address = PAWL_STR("1"), .away = &here->node->away};
    assert_int_equal(
        pawl__forward_begin(&pair_sibling(&pair, 0)->peers, &to, &look.call, note_failed, &moved),
        PAWL_OK);
    pawl__node_follow(here->node); // which serves the shard itself
    assert_int_equal(moved, 0);
    BOTH(&pair, moved);
    assert_int_equal(moved, 1);
    pair_close(&pair);
}

// A message from one loop's shard to the other's rings there: nobody waits for the next look.
static void test_bell(void **state) {
    struct pair pair;
    struct worker workers[LOOPS] = {0};
    struct caller caller;
    char parent[16], child[24];
    int number = 0;
    pair_open(&pair);
    for (int i = 0; i < LOOPS; i++) kit_attach(&pair.kits[i], &workers[i]);
    do snprintf(child, sizeof child, "child%d", number);
    while (pawl__shard_of(pawl__str(child), SHARDS) % LOOPS != 1 && ++number);
    kit_start(&pair.kits[0], &caller, pair_id(parent, 0, 0));
    PAIR_DONE(&pair, caller, PAWL_OK);
    uint64_t bells = pair_sibling(&pair, 1)->bells;
    BOTH(&pair, workers[0].count == 1);
    const Pb__WorkItem *item = kit_take(&pair.kits[0], &workers[0]);
    kit_answer(&pair.kits[0], &caller, parent, item->completiontoken,
               ACTIONS(kit_child(&pair.kits[0], number)));
    PAIR_DONE(&pair, caller, PAWL_OK);
    BOTH(&pair, workers[1].count == 1);
    assert_true(pair_sibling(&pair, 1)->bells > bells);
    item = kit_take(&pair.kits[1], &workers[1]);
    assert_string_equal(item->workflowrequest->instanceid, child);
    kit_answer(&pair.kits[1], &caller, child, item->completiontoken,
               ACTIONS(kit_complete(&pair.kits[1], 0, "1")));
    PAIR_DONE(&pair, caller, PAWL_OK);
    BOTH(&pair, workers[0].count == 1); // that it has ended
    for (int i = 0; i < LOOPS; i++) kit_detach(&pair.kits[i], &workers[i]);
    pair_close(&pair);
}

// What has crossed ends when its own loop closes; what would cross to a loop that has closed ends
// when its own one does, or it has waited for long enough.
static void test_closing(void **state) {
    struct pair pair;
    struct caller start, wait, late;
    char there[16], here[16];
    pair_open(&pair);
    kit_start(&pair.kits[0], &start, pair_id(there, 1, 0));
    PAIR_DONE(&pair, start, PAWL_OK);
    kit_wait(&pair.kits[0], &wait, there, PAWL_WAIT_COMPLETED);
    BOTH(&pair, pair_sibling(&pair, 1)->calls == 2);
    pair_close_node(&pair, 0);
    assert_true(wait.done);
    assert_int_equal(wait.error.code, PAWL_E_UNAVAILABLE);
    kit_start(&pair.kits[1], &late, pair_id(here, 0, 0));
    for (int i = 0; i < 5; i++) pair_spin(&pair);
    assert_false(pair.left[0]); // the other one may have something for it
    pair_close_node(&pair, 1);
    assert_true(late.done);
    assert_int_equal(late.error.code, PAWL_E_UNAVAILABLE);
    pair_close(&pair);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_has_its_shards),
        cmocka_unit_test(test_calls_cross),
        cmocka_unit_test(test_rounds),
        cmocka_unit_test(test_given_up),
        cmocka_unit_test(test_moved),
        cmocka_unit_test(test_bell),
        cmocka_unit_test(test_closing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
