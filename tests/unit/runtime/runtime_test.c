// The runtime as its callers and workers see it.

#include "kit.h"

#include <stdio.h>
#include <unistd.h>

static void test_a_workflow(void **state) {
    struct kit kit;
    struct worker worker = {0};
    struct caller wait, get, result;
    kit_init(&kit);
    assert_int_equal(kit_status(&kit, "a"), -1);
    kit_wait(&kit, &wait, "a", PAWL_WAIT_COMPLETED); // of one that does not exist yet
    kit_started(&kit, "a");
    assert_int_equal(kit_status(&kit, "a"), STATUS(PENDING));
    kit_attach(&kit, &worker);
    assert_int_equal(kit.node->dispatch.worker_count, 1);
    kit_turn(&kit, &worker, "a", ACTIONS(kit_task(&kit, 0, "Pay")));
    assert_int_equal(kit_status(&kit, "a"), STATUS(RUNNING));
    const Pb__WorkItem *item = kit_take(&kit, &worker);
    assert_string_equal(item->activityrequest->name, "Pay");
    assert_false(wait.done);
    kit_result(&kit, &result, "a", 0, item->completiontoken, "7");
    DONE(&kit, result, PAWL_OK);
    kit_turn(&kit, &worker, "a", ACTIONS(kit_complete(&kit, 1, "8")));
    DONE(&kit, wait, PAWL_OK);
    assert_int_equal(wait.look.view.status, STATUS(COMPLETED));
    assert_string_equal(wait.look.view.output->value, "8");
    kit_get(&kit, &get, "a");
    DONE(&kit, get, PAWL_OK);
    const struct pawl_view *view = &get.look.view;
    assert_true(pawl__str_equal(view->name, PAWL_STR("Order")));
    assert_string_equal(view->input->value, "\"in\"");
    assert_true(view->created_at && view->created_at <= view->started_at);
    assert_true(view->started_at <= view->completed_at);
    kit_wait(&kit, &wait, "a", PAWL_WAIT_STARTED); // which is long met
    DONE(&kit, wait, PAWL_OK);
    kit_detach(&kit, &worker);
    kit_finish(&kit);
}

// Nothing is said or handed out before the log holds it, but for turns, which have no effects.
static void test_answers_wait_for_the_log(void **state) {
    struct kit kit;
    struct worker worker = {0};
    struct caller start, get, answer, wait;
    kit_init(&kit);
    kit_attach(&kit, &worker);
    assert_int_equal(kit_status(&kit, "a"), -1);
    kit_shut(&kit, true);
    kit_start(&kit, &start, "a");
    kit_get(&kit, &get, "a");
    kit_wait(&kit, &wait, "a", PAWL_WAIT_STARTED);
    const Pb__WorkItem *item = kit_take(&kit, &worker);
    kit_answer(&kit, &answer, "a", item->completiontoken, ACTIONS(kit_task(&kit, 0, "Pay")));
    kit_rest(&kit, 30);
    assert_false(start.done || get.done || answer.done || wait.done);
    assert_int_equal(worker.count, 0);
    kit_shut(&kit, false);
    DONE(&kit, start, PAWL_OK);
    DONE(&kit, get, PAWL_OK);
    assert_int_equal(get.look.view.status, STATUS(PENDING)); // as it was when it was asked for
    DONE(&kit, answer, PAWL_OK);
    DONE(&kit, wait, PAWL_OK);
    assert_int_equal(wait.look.view.status, STATUS(RUNNING));
    assert_string_equal(kit_take(&kit, &worker)->activityrequest->name, "Pay");
    kit_detach(&kit, &worker);
    kit_finish(&kit);
}

static void test_commands(void **state) {
    struct kit kit;
    struct worker worker = {0};
    struct caller caller, wait;
    kit_init(&kit);
    kit_raise(&kit, &caller, "a", "e");
    DONE(&kit, caller, PAWL_E_NOT_FOUND);
    assert_string_equal(caller.error.text, "no such instance exists");
    kit_purge(&kit, &caller, "a", false);
    DONE(&kit, caller, PAWL_E_NOT_FOUND);
    kit_attach(&kit, &worker);
    kit_started(&kit, "a");
    kit_start(&kit, &caller, "a");
    DONE(&kit, caller, PAWL_E_EXISTS);
    assert_string_equal(caller.error.text, "an active workflow with ID 'a' already exists");
    kit_turn(&kit, &worker, "a", NO_ACTIONS);

    kit_suspend(&kit, &caller, "a");
    kit_wait(&kit, &wait, "a", PAWL_WAIT_SUSPENDED);
    DONE(&kit, caller, PAWL_OK);
    assert_false(wait.done);
    kit_turn(&kit, &worker, "a", NO_ACTIONS);
    DONE(&kit, wait, PAWL_OK);
    assert_int_equal(wait.look.view.status, STATUS(SUSPENDED));
    kit_resume(&kit, &caller, "a");
    kit_wait(&kit, &wait, "a", PAWL_WAIT_RESUMED);
    kit_turn(&kit, &worker, "a", NO_ACTIONS);
    DONE(&kit, wait, PAWL_OK);
    assert_int_equal(wait.look.view.status, STATUS(RUNNING));

    kit_raise(&kit, &caller, "a", "e");
    DONE(&kit, caller, PAWL_OK);
    const Pb__WorkItem *item = kit_take(&kit, &worker);
    assert_string_equal(item->workflowrequest->newevents[1]->eventraised->name, "e");
    kit_terminate(&kit, &caller, "a"); // while a turn is out
    DONE(&kit, caller, PAWL_OK);
    kit_answer(&kit, &caller, "a", item->completiontoken, NO_ACTIONS);
    DONE(&kit, caller, PAWL_OK);
    kit_purge(&kit, &caller, "a", false);
    DONE(&kit, caller, PAWL_E_PRECONDITION);
    assert_string_equal(caller.error.text, "orchestration has not yet completed");
    kit_turn(&kit, &worker, "a", NO_ACTIONS);
    assert_int_equal(kit_status(&kit, "a"), STATUS(TERMINATED));
    kit_purge(&kit, &caller, "a", false);
    DONE(&kit, caller, PAWL_OK);
    assert_int_equal(caller.purge.count, 1);
    assert_int_equal(kit_status(&kit, "a"), -1);
    kit_rest(&kit, 20);
    UNTIL(&kit, !kit.node->partitions[0].residency.shard.instances.len); // also in memory
    kit_detach(&kit, &worker);
    kit_finish(&kit);
}

static void test_cancel(void **state) {
    struct kit kit;
    struct caller start, wait;
    kit_init(&kit);
    assert_int_equal(kit_status(&kit, "a"), -1);
    kit_shut(&kit, true);
    kit_start(&kit, &start, "a");
    kit_wait(&kit, &wait, "b", PAWL_WAIT_STARTED);
    pawl__call_cancel(&start.call);
    pawl__call_cancel(&wait.call);
    kit_shut(&kit, false);
    assert_int_equal(kit_status(&kit, "a"), STATUS(PENDING)); // it happened all the same
    assert_false(start.done || wait.done);
    kit_finish(&kit);
}

// A commit that fails: callers hear UNAVAILABLE, memory is dropped and read again.
static void commit_fails(enum gate_fault fault) {
    struct kit kit;
    struct worker worker = {0};
    struct caller start, wait, answer;
    kit_init(&kit);
    kit_attach(&kit, &worker);
    kit_started(&kit, "a");
    kit_turn(&kit, &worker, "a", ACTIONS(kit_task(&kit, 0, "Pay")));
    const Pb__WorkItem *item = kit_take(&kit, &worker);
    kit_wait(&kit, &wait, "a", PAWL_WAIT_COMPLETED);
    kit_fail_commit(&kit, fault);
    kit_start(&kit, &start, "b");
    DONE(&kit, start, PAWL_E_UNAVAILABLE);
    UNTIL(&kit, kit.unready == 1 && kit.ready);
    assert_int_equal(worker.resets, 1);
    assert_false(wait.done); // it waits on
    assert_int_equal(kit_status(&kit, "a"), STATUS(RUNNING));
    assert_int_equal(kit_status(&kit, "b"), fault == GATE_FAILS_AFTER ? STATUS(PENDING) : -1);
    if (fault == GATE_FAILS_BEFORE) kit_started(&kit, "b");
    kit_result(&kit, &answer, "a", 0, item->completiontoken, "1"); // of before: it is given again
    DONE(&kit, answer, PAWL_E_UNAVAILABLE);
    kit_attach(&kit, &worker);
    bool paid = false, begun = false;
    while (!paid || !begun) { // the activity is offered again, and |b| goes on
        item = kit_take(&kit, &worker);
        if (item->request_case == PB__WORK_ITEM__REQUEST_ACTIVITY_REQUEST) {
            kit_result(&kit, &answer, "a", 0, item->completiontoken, "2");
            paid = true;
        } else {
            assert_string_equal(item->workflowrequest->instanceid, "b");
            kit_answer(&kit, &answer, "b", item->completiontoken, NO_ACTIONS);
            begun = true;
        }
        DONE(&kit, answer, PAWL_OK);
    }
    kit_turn(&kit, &worker, "a", ACTIONS(kit_complete(&kit, 1, NULL)));
    DONE(&kit, wait, PAWL_OK);
    kit_detach(&kit, &worker);
    kit_finish(&kit);
}

static void test_commit_fails(void **state) {
    commit_fails(GATE_FAILS_BEFORE);
    commit_fails(GATE_FAILS_AFTER);
}

// On a disk that stays full activities are not given out as fast as commits can fail.
static void test_commits_fail_again_and_again(void **state) {
    struct kit kit;
    struct caller start;
    kit_init(&kit);
    int64_t began = pawl__clock_steady();
    for (unsigned i = 1; i <= 3; i++) {
        kit_fail_commit(&kit, GATE_FAILS_BEFORE);
        kit_start(&kit, &start, "a");
        DONE(&kit, start, PAWL_E_UNAVAILABLE);
        UNTIL(&kit, kit.unready == i && kit.ready);
    }
    int64_t took = pawl__clock_steady() - began; // nothing, 250 and 500 ms
    assert_true(took >= 740 * PAWL_MILLISECOND);
    kit_started(&kit, "a");
    kit_fail_commit(&kit, GATE_FAILS_BEFORE); // after one that went well there is no delay
    kit_start(&kit, &start, "b");
    DONE(&kit, start, PAWL_E_UNAVAILABLE);
    assert_int_equal(kit.node->partitions[0].ownership.fail_delay, 250);
    UNTIL(&kit, kit.unready == 4 && kit.ready);
    kit_finish(&kit);
}

static void checkpoint(struct kit *kit) {
    kit->node->options.checkpoint_interval = 1;
    pawl__partition_pulse(kit->node->partitions, false);
    kit->node->options.checkpoint_interval = 1000 * PAWL_SECOND;
    UNTIL(kit, !kit->node->partitions[0].checkpoint.running);
}

static uint64_t saved(struct kit *kit, const char *id) {
    return pawl__shard_find(&kit->node->partitions[0].residency.shard, pawl__str(id))->saved;
}

// What changed since the last checkpoint is left to the next one, and so is its part of the log.
static void test_checkpoints_leave_what_is_young(void **state) {
    struct kit kit;
    struct worker worker = {0};
    struct caller caller;
    kit_init(&kit);
    kit.node->options.checkpoint_interval = 1000 * PAWL_SECOND;
    kit_attach(&kit, &worker);
    kit_started(&kit, "a");
    kit_turn(&kit, &worker, "a", NO_ACTIONS);
    unsigned of_a = kit_log_length(&kit);
    checkpoint(&kit);
    assert_int_equal(saved(&kit, "a"), 0);
    assert_int_equal(kit_log_length(&kit), of_a);

    kit_started(&kit, "b");
    kit_turn(&kit, &worker, "b", ACTIONS(kit_complete(&kit, 0, NULL)));
    unsigned of_both = kit_log_length(&kit);
    checkpoint(&kit);
    assert_null(pawl__shard_find(&kit.node->partitions[0].residency.shard,
                                 pawl__str("a"))); // saved, and gone to rest
    assert_int_equal(saved(&kit, "b"), 0);
    assert_int_equal(kit_log_length(&kit), of_both - of_a);

    // From here the state is read again: one of them from its snapshot, the other from the log.
    kit_fail_commit(&kit, GATE_FAILS_BEFORE);
    kit_start(&kit, &caller, "c");
    DONE(&kit, caller, PAWL_E_UNAVAILABLE);
    UNTIL(&kit, kit.ready && kit.unready);
    assert_int_equal(kit_status(&kit, "a"), STATUS(RUNNING));
    assert_int_equal(kit_status(&kit, "b"), STATUS(COMPLETED));
    checkpoint(&kit); // what was read is old
    assert_int_equal(kit_log_length(&kit), 0);
    kit_detach(&kit, &worker);
    kit_finish(&kit);
}

// On the writer's thread: the ids of the snapshots in |commit|, behind those of earlier ones.
static void checkpoint_note(void *arg, const struct pawl_commit *commit) {
    struct pawl_buf *ids = arg;
    for (const struct pawl_part *part = commit->parts; part; part = part->next)
        for (size_t i = 0; i < part->snapshot_count; i++)
            pawl__buf_format(ids, "%.*s ", PAWL_FMT(part->snapshots[i].id));
}

// In the order of lists, so that they stand side by side in a store's index; but children are
// behind their parent, also where several families have grown at a time.
static void test_checkpoints_are_in_order(void **state) {
    static const char *const created[] = {"q",   "c",   "x:1", "a", "q:0", "c:0",
                                          "q:1", "c:1", "z",   "b", "y:",  "q:0:0"};
    struct kit kit;
    struct pawl_buf ids = {0};
    kit_init(&kit);
    kit.node->options.checkpoint_interval = 1000 * PAWL_SECOND;
    for (size_t i = 0; i < sizeof created / sizeof *created; i++) kit_started(&kit, created[i]);
    kit.gate.committed = checkpoint_note;
    kit.gate.committed_arg = &ids;
    checkpoint(&kit); // notes how far the log goes
    checkpoint(&kit);
    pawl__buf_append(&ids, "", 1);
    assert_string_equal((const char *)ids.data, "q q:0 q:0:0 q:1 c c:0 c:1 x:1 a z b y: ");
    kit.gate.committed = NULL;
    pawl__buf_finish(&ids);
    kit_finish(&kit);
}

static void test_eviction_and_sleep(void **state) {
    struct kit kit;
    struct worker worker = {0};
    kit_init(&kit);
    kit.node->options.checkpoint_interval = PAWL_MILLISECOND;
    kit_attach(&kit, &worker);
    kit_started(&kit, "a");
    int64_t at = pawl__clock_wall() + 4 * PAWL_SECOND;
    kit_turn(&kit, &worker, "a", ACTIONS(kit_timer(&kit, 0, at)));
    kit_started(&kit, "b");
    kit_turn(&kit, &worker, "b", NO_ACTIONS);
    UNTIL(&kit, !kit.node->partitions[0].residency.shard.instances.len);
    assert_int_equal(kit.node->partitions[0].residency.sleepers.by_id.len, 1);
    UNTIL(&kit, kit_log_length(&kit) == 0);
    assert_true(pawl__clock_wall() < at);
    kit_fail_loads(&kit, 1, PAWL_E_IO); // it is tried again
    const Pb__WorkItem *item = kit_take(&kit, &worker);
    assert_true(pawl__clock_wall() >= at);
    assert_string_equal(item->workflowrequest->instanceid, "a");
    assert_int_equal(item->workflowrequest->newevents[1]->timerfired->timerid, 0);
    assert_int_equal(item->workflowrequest->n_pastevents, 3);
    // What clients ask for is loaded as well.
    struct caller caller;
    kit_raise(&kit, &caller, "b", "e");
    DONE(&kit, caller, PAWL_OK);
    kit_turn(&kit, &worker, "b", ACTIONS(kit_complete(&kit, 0, NULL)));
    assert_int_equal(kit_status(&kit, "b"), STATUS(COMPLETED));
    kit_fail_loads(&kit, 1, PAWL_E_IO);
    kit_raise(&kit, &caller, "nobody", "e");
    DONE(&kit, caller, PAWL_E_IO);
    kit_detach(&kit, &worker);
    kit_finish(&kit);
}

// Closing answers what is open, writes what is left, and the next one goes on from there.
static void test_close_and_open(void **state) {
    struct kit kit;
    struct worker worker = {0};
    struct caller start, wait, late;
    kit_init(&kit);
    kit_attach(&kit, &worker);
    kit_started(&kit, "a");
    kit_turn(&kit, &worker, "a", ACTIONS(kit_task(&kit, 0, "Pay"), kit_task(&kit, 1, "Ship")));
    kit_take(&kit, &worker);
    kit_shut(&kit, true);
    assert_int_equal(kit_status(&kit, "c"), -1);
    kit_start(&kit, &start, "c");
    kit_rest(&kit, 10);
    kit_wait(&kit, &wait, "a", PAWL_WAIT_COMPLETED);
    kit_detach(&kit, &worker);
    pawl__node_close(kit.node, kit_note, &kit.closed);
    assert_true(wait.done);
    assert_int_equal(wait.error.code, PAWL_E_UNAVAILABLE);
    kit_raise(&kit, &late, "a", "e");
    assert_true(late.done);
    assert_int_equal(late.error.code, PAWL_E_UNAVAILABLE);
    kit_rest(&kit, 20);
    assert_false(start.done || kit.closed);
    kit_shut(&kit, false);
    DONE(&kit, start, PAWL_OK);
    kit_close_rest(&kit);
    assert_int_equal(kit_log_length(&kit), 0); // all is in snapshots

    kit_open(&kit);
    assert_int_equal(kit_status(&kit, "a"), STATUS(RUNNING));
    assert_int_equal(kit_status(&kit, "c"), STATUS(PENDING));
    kit_attach(&kit, &worker);
    UNTIL(&kit, worker.count == 3); // a's two activities, c's first turn
    kit_detach(&kit, &worker);
    kit_finish(&kit);
}

static void test_close_while_the_last_commit_fails(void **state) {
    struct kit kit;
    struct caller start;
    kit_init(&kit);
    assert_int_equal(kit_status(&kit, "a"), -1);
    kit_shut(&kit, true);
    kit_start(&kit, &start, "a");
    kit_rest(&kit, 10);
    kit_fail_commit(&kit, GATE_FAILS_BEFORE);
    pawl__node_close(kit.node, kit_note, &kit.closed);
    kit_shut(&kit, false);
    DONE(&kit, start, PAWL_E_UNAVAILABLE);
    kit_close_rest(&kit);
    kit_open(&kit);
    assert_int_equal(kit_status(&kit, "a"), -1);
    kit_finish(&kit);
}

// A waiter that is told starts the next workflow from inside of being told.
struct chain {
    struct kit *kit;
    struct caller caller;
    struct pawl_start next;
    bool started;
};

static void chain_on_started(struct pawl_call *call, const struct pawl_error *error) {
    struct chain *chain = PAWL_CONTAINER(call, struct chain, next.call);
    assert_null(error);
    chain->started = true;
}

static void chain_on_ended(struct pawl_call *call, const struct pawl_error *error) {
    static Pb__ExecutionStartedEvent start;
    struct chain *chain = PAWL_CONTAINER(call, struct chain, caller.call);
    assert_null(error);
    pb__execution_started_event__init(&start);
    start.name = "Next";
    pawl__start_init(&chain->next, PAWL_STR("b"), &start, false);
    chain->next.call.done = chain_on_started;
    pawl__node_call(chain->kit->node, &chain->next.call);
}

static void test_calls_from_inside(void **state) {
    struct kit kit;
    struct worker worker = {0};
    struct chain chain = {.kit = &kit};
    kit_init(&kit);
    kit_attach(&kit, &worker);
    kit_started(&kit, "a");
    struct pawl_look *look = &chain.caller.look;
    pawl__look_init(look, PAWL_STR("a"), PAWL_WAIT_COMPLETED, &kit.arena);
    look->call.done = chain_on_ended;
    pawl__node_call(kit.node, &look->call);
    kit_turn(&kit, &worker, "a", ACTIONS(kit_complete(&kit, 0, NULL)));
    UNTIL(&kit, chain.started);
    kit_turn(&kit, &worker, "b", ACTIONS(kit_complete(&kit, 0, NULL)));
    kit_detach(&kit, &worker);
    kit_finish(&kit);
}

// The shard may be held by somebody else: then the runtime waits, and so do those who wait.
static void test_held_by_another(void **state) {
    struct kit kit;
    struct caller start, wait;
    struct pawl_lease lease;
    kit_init(&kit);
    kit_started(&kit, "a");
    kit_close(&kit);
    assert_int_equal(kit.store->ops->lease(kit.store, PAWL_STR("default/app"), 0,
                                           PAWL_STR("somebody"), 0, &lease, &kit.error),
                     PAWL_OK);
    kit.unready = 0;
    kit_begin(&kit);
    kit_wait(&kit, &wait, "a", PAWL_WAIT_SUSPENDED); // met at once, had it been there
    UNTIL(&kit, kit.unready >= 2);
    assert_false(pawl__node_ready(kit.node));
    kit_start(&kit, &start, "b");
    DONE(&kit, start, PAWL_E_UNAVAILABLE);
    assert_false(wait.done);
    kit.store->ops->release(kit.store, &lease, &kit.error);
    UNTIL(&kit, kit.ready);
    kit_started(&kit, "b");
    kit_rest(&kit, 10);
    assert_false(wait.done);
    kit_terminate(&kit, &start, "a");
    DONE(&kit, start, PAWL_OK);
    kit_purge(&kit, &start, "a", true);
    DONE(&kit, start, PAWL_OK);
    DONE(&kit, wait, PAWL_OK); // what is gone will not be suspended
    assert_false(wait.look.view.exists);

    // To close while it is held by another, and while it is being taken.
    kit_close(&kit);
    kit.store->ops->lease(kit.store, PAWL_STR("default/app"), 0, PAWL_STR("somebody"), 0, &lease,
                          &kit.error);
    kit.unready = 0;
    kit_begin(&kit);
    UNTIL(&kit, kit.unready);
    kit_close(&kit);
    kit.store->ops->release(kit.store, &lease, &kit.error);
    kit_begin(&kit);
    kit_close(&kit);
    kit_open(&kit);
    assert_int_equal(kit_status(&kit, "b"), STATUS(PENDING));
    kit_finish(&kit);
}

// Memory that ran out in the middle of a command: the state is read again.
static void test_shard_fails(void **state) {
    struct kit kit;
    struct worker worker = {0};
    struct caller start, get;
    kit_init(&kit);
    kit_attach(&kit, &worker);
    kit_started(&kit, "a");
    kit_turn(&kit, &worker, "a", NO_ACTIONS);
    kit_get(&kit, &get, "elsewhere"); // a load that is out meanwhile
    kit.node->partitions[0].residency.shard.failed = true;
    kit_start(&kit, &start, "b");
    DONE(&kit, start, PAWL_E_NOMEM);
    UNTIL(&kit, get.done);
    UNTIL(&kit, kit.unready == 1 && kit.ready);
    assert_int_equal(worker.resets, 1);
    assert_int_equal(kit_status(&kit, "a"), STATUS(RUNNING));
    assert_int_equal(kit_status(&kit, "b"), -1);
    kit_finish(&kit);
}

static unsigned storm_count(struct kit *kit, char (*ids)[8], int count) {
    unsigned ended = 0;
    for (int i = 0; i < count; i++) {
        struct caller get;
        UNTIL(kit, kit->ready);
        kit_get(kit, &get, ids[i]);
        UNTIL(kit, get.done);
        if (get.error.code) continue; // the engine began anew
        assert_true(get.look.view.exists);
        ended += get.look.view.status == STATUS(COMPLETED);
    }
    return ended;
}

// Many workflows over commits that fail now and then, with eviction as often as can be.
static void storm(struct pawl_store *store) {
    enum {
        COUNT = 60
    };
    struct kit kit;
    struct worker worker = {0};
    char ids[COUNT][8];
    kit_init_with(&kit, store);
    kit.node->options.checkpoint_interval = 1;
    worker.base.limit = 16;
    unsigned answered = 0, ended = 0;
    for (int i = 0; i < COUNT; i++) {
        struct caller start;
        snprintf(ids[i], sizeof ids[i], "i%d", i);
        do {
            UNTIL(&kit, kit.ready);
            kit_start(&kit, &start, ids[i]);
            UNTIL(&kit, start.done);
        } while (start.error.code == PAWL_E_UNAVAILABLE);
        if (start.error.code) assert_int_equal(start.error.code, PAWL_E_EXISTS);
        if (i % 10 == 5) kit_fail_commit(&kit, i % 20 == 5 ? GATE_FAILS_BEFORE : GATE_FAILS_AFTER);
    }
    static struct caller answers[10000];
    for (struct patience idle = {0}; ended < COUNT && answered < 10000;) {
        UNTIL(&kit, kit.ready);
        if (!worker.attached) kit_attach(&kit, &worker);
        if (!worker.count) {
            kit_rest(&kit, 5);
            ended = storm_count(&kit, ids, COUNT);
            if (patience_spend(&idle) > 10 * PAWL_SECOND)
                fail_msg("%u of %d have ended, and there is no work", ended, COUNT);
            continue;
        }
        idle = (struct patience){0};
        const Pb__WorkItem *item = kit_take(&kit, &worker);
        struct caller *answer = &answers[answered++];
        // Not before a batch was written since the last time: what fails for ever ends never.
        if (answered % 37 == 0 && !kit.node->partitions[0].ownership.fail_delay)
            kit_fail_commit(&kit, answered % 2 ? GATE_FAILS_BEFORE : GATE_FAILS_AFTER);
        if (item->request_case == PB__WORK_ITEM__REQUEST_ACTIVITY_REQUEST) {
            kit_result(&kit, answer, item->activityrequest->workflowinstance->instanceid,
                       item->activityrequest->taskid, item->completiontoken, "1");
            continue;
        }
        const Pb__WorkflowRequest *request = item->workflowrequest;
        Pb__WorkflowAction *action = kit_complete(&kit, 2, NULL);
        if (request->n_pastevents == 0)
            action = kit_task(&kit, 0, "Pay");
        else if (request->n_pastevents < 5)
            action = kit_timer(&kit, 1, pawl__clock_wall() + PAWL_MILLISECOND);
        kit_answer(&kit, answer, request->instanceid, item->completiontoken, ACTIONS(action));
    }
    kit_rest(&kit, 50);
    assert_true(kit.unready > 4);
    kit_detach(&kit, &worker);
    UNTIL(&kit, kit.ready);
    for (int i = 0; i < COUNT; i++) assert_true(kit_status(&kit, ids[i]) >= 0);
    kit_finish(&kit);
}

static void test_storm(void **state) {
    struct pawl_store *store;
    struct pawl_error error;
    assert_int_equal(pawl__memory_open(&store, &error), PAWL_OK);
    storm(store);
}

static void test_storm_on_disk(void **state) {
    char folder[] = "/tmp/pawl-runtime-XXXXXX", path[64], other[80];
    struct pawl_store *store;
    struct pawl_error error;
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/store.db", folder);
    struct pawl_sqlite_options options = {.path = path};
    assert_int_equal(pawl__sqlite_open(&options, &store, &error), PAWL_OK);
    storm(store);
    static const char *const ends[] = {"", "-wal", "-shm", "-pawl"};
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        snprintf(other, sizeof other, "%s%s", path, ends[i]);
        unlink(other);
    }
    rmdir(folder);
}

int main(void) {
    cmocka_set_test_filter(getenv("PAWL_TEST")); // NULL: all
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_workflow),
        cmocka_unit_test(test_answers_wait_for_the_log),
        cmocka_unit_test(test_commands),
        cmocka_unit_test(test_cancel),
        cmocka_unit_test(test_commit_fails),
        cmocka_unit_test(test_commits_fail_again_and_again),
        cmocka_unit_test(test_checkpoints_leave_what_is_young),
        cmocka_unit_test(test_checkpoints_are_in_order),
        cmocka_unit_test(test_eviction_and_sleep),
        cmocka_unit_test(test_close_and_open),
        cmocka_unit_test(test_close_while_the_last_commit_fails),
        cmocka_unit_test(test_calls_from_inside),
        cmocka_unit_test(test_held_by_another),
        cmocka_unit_test(test_shard_fails),
        cmocka_unit_test(test_storm),
        cmocka_unit_test(test_storm_on_disk),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
