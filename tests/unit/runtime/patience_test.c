// How long commits wait for what is about to come.

#include "kit.h"

#include "runtime/taskhub.h"
#include "wire/pack.h"

// An activity's result and what the turn does that it wakes go in one commit, when workers are
// quick.
static void test_commits_wait_for_turns(void **state) {
    struct kit kit;
    struct worker worker = {0};
    struct caller result, answer, start;
    kit_init(&kit);
    kit_attach(&kit, &worker);
    kit_started(&kit, "a");
    kit_turn(&kit, &worker, "a", ACTIONS(kit_task(&kit, 0, "Pay")));
    unsigned fewest = 2;
    for (int i = 0; i < 20 && fewest > 1; i++) { // the machine may be slower than the wait is long
        const Pb__WorkItem *activity = kit_take(&kit, &worker);
        kit.storage.commit_time = PAWL_SECOND;
        kit.node->dispatch.turn_time = 0;
        unsigned commits = kit.gate.commits;
        kit_result(&kit, &result, "a", i, activity->completiontoken, "1");
        const Pb__WorkItem *turn = kit_take(&kit, &worker);
        kit_answer(&kit, &answer, "a", turn->completiontoken,
                   ACTIONS(kit_task(&kit, i + 1, "Pay")));
        DONE(&kit, answer, PAWL_OK);
        DONE(&kit, result, PAWL_OK);
        if (kit.gate.commits - commits < fewest) fewest = kit.gate.commits - commits;
    }
    assert_int_equal(fewest, 1);

    // An answer that does not come is not waited for: neither long, nor when it is not likely to
    // come, nor when anybody else waits for the commit.
    struct pawl_storage_client *client = &kit.node->partitions[0].writer.client;
    const Pb__WorkItem *activity = kit_take(&kit, &worker);
    assert_int_equal(kit_status(&kit, "b"), -1);
    kit_shut(&kit, true);
    kit_result(&kit, &result, "a", activity->activityrequest->taskid, activity->completiontoken,
               "1");
    kit.node->dispatch.turn_time = 0;
    assert_true(client->patience(client) > 0);
    kit.node->dispatch.turn_time = pawl__storage_patience(&kit.storage);
    assert_int_equal(client->patience(client), 0);
    kit.node->dispatch.turn_time = 0;
    kit_start(&kit, &start, "b");
    assert_int_equal(client->patience(client), 0);
    kit_shut(&kit, false);
    DONE(&kit, result, PAWL_OK);
    DONE(&kit, start, PAWL_OK);
    kit_detach(&kit, &worker);
    kit_finish(&kit);
}

// Starts |id| for a client that waits for its first turn.
static struct pawl_taskhub_call *begin_and_wait(struct kit *kit, const char *id) {
    Pb__CreateInstanceRequest *ask =
        pawl__wire_new(&kit->arena, &pb__create_instance_request__descriptor);
    struct pawl_taskhub_call *call = pawl__arena_zalloc(&kit->arena, sizeof *call);
    ask->instanceid = pawl__arena_dup(&kit->arena, pawl__str(id));
    ask->name = pawl__arena_dup(&kit->arena, PAWL_STR("Order"));
    call->method = PAWL_TASKHUB_START;
    call->request = &ask->base;
    call->patience = PAWL_TASKHUB_WAITS;
    call->arena = &kit->arena;
    pawl__taskhub_call(kit->node, call);
    return call;
}

// Opens |kit| with a workflow that waits for so many activities, which |worker| may take.
static void waits_for(struct kit *kit, struct worker *worker, int tasks) {
    Pb__WorkflowAction *actions[64] = {NULL};
    kit_init(kit);
    kit_attach(kit, worker);
    kit_started(kit, "a");
    for (int i = 0; i < tasks; i++) actions[i] = kit_task(kit, i, "Pay");
    kit_turn(kit, worker, "a", actions);
}

// Where workers are the bound, a commit waits for more of their answers: not for long, not when
// there is little, and not for workers that give none before the last is acknowledged.
static void test_commits_wait_for_company(void **state) {
    enum {
        TASKS = 60,
        LEFT = 16
    };
    struct kit kit;
    struct worker worker = {0};
    struct caller result, start;
    waits_for(&kit, &worker, TASKS);
    const Pb__WorkItem *items[TASKS];
    for (int i = 0; i < TASKS; i++) items[i] = kit_take(&kit, &worker);

    struct pawl_dispatch *dispatch = &kit.node->dispatch;
    struct pawl_writer *writer = &kit.node->partitions[0].writer;
    struct pawl_storage_client *client = &writer->client;
    const int64_t long_time = PAWL_SECOND / 25, most = 10 * PAWL_SECOND / 1000;
    int next = 0;
    kit_shut(&kit, true);
    dispatch->turn_time = long_time;
    kit_result(&kit, &result, "a", items[next]->activityrequest->taskid,
               items[next]->completiontoken, "1");
    next++;
    int64_t patience = client->patience(client);
    assert_true(patience > 0 && patience <= most);
    dispatch->turn_time = PAWL_SECOND / 200; // they are quick enough
    assert_int_equal(client->patience(client), 0);

    // Where other daemons write to the same server, it waits for what workers have in hand, from
    // the end of the last one: as long as something comes, and for two commits at most; not when
    // there is little.
    struct pawl_storage *storage = &kit.storage;
    size_t group = storage->group;
    storage->commit_time = PAWL_SECOND / 1000;
    storage->group = 20;
    storage->gathered = 1;
    assert_int_equal(client->patience(client), 0);
    storage->others = true;
    storage->came_at = storage->wanted_at;
    assert_int_equal(client->patience(client), storage->commit_time / 2);
    storage->ended_at = storage->wanted_at + PAWL_SECOND;
    assert_int_equal(client->patience(client), storage->commit_time / 2 + PAWL_SECOND);
    storage->came_at = storage->ended_at + storage->commit_time;
    assert_int_equal(client->patience(client), 3 * storage->commit_time / 2 + PAWL_SECOND);
    storage->came_at = storage->ended_at + 2 * storage->commit_time;
    assert_int_equal(client->patience(client), 2 * storage->commit_time + PAWL_SECOND);
    size_t out[] = {dispatch->out[false], dispatch->out[true]};
    dispatch->out[false] = dispatch->out[true] = 0; // all is back
    assert_int_equal(client->patience(client), 0);
    memcpy(dispatch->out, out, sizeof out);
    storage->group = 2;
    assert_int_equal(client->patience(client), 0);
    storage->others = false;
    storage->group = group;
    storage->ended_at = 0;

    dispatch->turn_time = long_time;
    dispatch->out[false] = 6; // and the turn: there is little
    assert_int_equal(client->patience(client), 0);
    dispatch->out[false] = out[false];
    assert_true(client->patience(client) > 0);
    dispatch->turn_time = PAWL_SECOND; // they have much to do: longer, but not as long as that
    patience = client->patience(client);
    assert_true(patience > most && patience <= 25 * PAWL_SECOND / 1000);
    struct pawl_taskhub_call *first = begin_and_wait(&kit, "c"); // its client waits for more
    assert_true(client->patience(client) > most);
    kit_start(&kit, &start, "b"); // a client does not wait so long
    assert_true(client->patience(client) <= 5 * PAWL_SECOND / 1000);
    dispatch->turn_time = long_time;
    kit_shut(&kit, false);
    DONE(&kit, result, PAWL_OK);
    DONE(&kit, start, PAWL_OK);
    pawl__taskhub_cancel(first);

    for (; !writer->company.lonesome && next < TASKS - LEFT; next++) {
        dispatch->turn_time = long_time;
        kit_result(&kit, &result, "a", items[next]->activityrequest->taskid,
                   items[next]->completiontoken, "1");
        DONE(&kit, result, PAWL_OK); // one after the other
    }
    assert_true(writer->company.lonesome);
    kit_result(&kit, &result, "a", items[next]->activityrequest->taskid,
               items[next]->completiontoken, "1");
    assert_int_equal(client->patience(client), 0);
    // Unless it gives several all the same.
    struct caller more[4];
    kit_shut(&kit, true);
    for (int i = 0; i < 4; i++) {
        const Pb__WorkItem *item = items[++next];
        kit_result(&kit, &more[i], "a", item->activityrequest->taskid, item->completiontoken, "1");
    }
    kit_shut(&kit, false);
    DONE(&kit, result, PAWL_OK);
    for (int i = 0; i < 4; i++) DONE(&kit, more[i], PAWL_OK);
    assert_int_equal(writer->company.lonesome, 0);
    kit_detach(&kit, &worker);
    kit_finish(&kit);
}

// Where many answers come in, a commit waits for as long as it takes itself; or so long that it
// ends when a turn does, but only until workers have half of what there is.
static void test_commits_wait_for_a_crowd(void **state) {
    enum {
        TASKS = 20,
        DONE_COUNT = 12
    };
    struct kit kit;
    struct worker worker = {0};
    struct caller results[DONE_COUNT];
    waits_for(&kit, &worker, TASKS);
    kit_shut(&kit, true);
    for (int i = 0; i < DONE_COUNT; i++) {
        const Pb__WorkItem *item = kit_take(&kit, &worker);
        kit_result(&kit, &results[i], "a", item->activityrequest->taskid, item->completiontoken,
                   "1");
    }

    struct pawl_dispatch *dispatch = &kit.node->dispatch;
    struct pawl_writer *writer = &kit.node->partitions[0].writer;
    struct pawl_storage_client *client = &writer->client;
    const uint32_t records = writer->residency->shard.batch_records;
    size_t out[] = {dispatch->out[false], dispatch->out[true]};
    const int64_t commit = kit.storage.commit_time = PAWL_MILLISECOND;
    writer->calls->awaited = true; // so that it does not wait for the turn alone
    dispatch->out[true] = 0;
    dispatch->out[false] = records + 1;
    writer->last_records = records + 1;
    dispatch->turn_time = commit / 2;
    assert_int_equal(client->patience(client), commit);
    writer->last_records = records; // there are as many already
    assert_int_equal(client->patience(client), 0);
    dispatch->turn_time = 2 * commit;
    assert_int_equal(client->patience(client), 0);
    dispatch->turn_time = 5 * commit / 2;
    assert_int_equal(client->patience(client), 3 * commit / 2);
    dispatch->turn_time = 7 * commit; // for so long nobody is to wait
    assert_int_equal(client->patience(client), pawl__storage_patience(&kit.storage));
    dispatch->out[false] = records / 2; // they have less than half, and soon nothing to do
    assert_int_equal(client->patience(client), 0);
    dispatch->out[false]++;
    assert_true(client->patience(client) > 0);
    writer->residency->shard.batch_records = 64; // that is enough
    writer->last_records = 64;
    dispatch->out[false] = 60;
    assert_int_equal(client->patience(client), 0);
    writer->residency->shard.batch_records = records;
    assert_true(client->patience(client) > 0);
    writer->last_records = 7; // it is no crowd
    assert_int_equal(client->patience(client), 0);
    memcpy(dispatch->out, out, sizeof out);
    kit_shut(&kit, false);
    for (int i = 0; i < DONE_COUNT; i++) DONE(&kit, results[i], PAWL_OK);
    kit_detach(&kit, &worker);
    kit_finish(&kit);
}

// The results of twelve of so many activities come in. Whether the loop may commit them itself.
static bool light_after(int tasks, size_t last_records, int64_t turn_time) {
    enum {
        DONE_COUNT = 12
    };
    struct kit kit;
    struct worker worker = {0};
    struct caller results[DONE_COUNT];
    waits_for(&kit, &worker, tasks);
    kit_shut(&kit, true); // one of them is being committed, which takes 1000 s as it seems
    for (int i = 0; i < DONE_COUNT; i++) {
        const Pb__WorkItem *item = kit_take(&kit, &worker);
        kit_result(&kit, &results[i], "a", item->activityrequest->taskid, item->completiontoken,
                   "1");
    }
    struct pawl_writer *writer = &kit.node->partitions[0].writer;
    kit.node->dispatch.turn_time = turn_time;
    writer->last_records = last_records;
    kit_shut(&kit, false);
    for (int i = 0; i < DONE_COUNT; i++) DONE(&kit, results[i], PAWL_OK);
    bool light = writer->client.light;
    kit_detach(&kit, &worker);
    kit_finish(&kit);
    return light;
}

// A loop commits for itself what nobody waits for it with: while workers are busy.
static void test_loop_commits_for_busy_workers(void **state) {
    const int64_t long_time = 3000 * PAWL_SECOND; // more than two commits take
    assert_true(light_after(18, 12, long_time));
    assert_false(light_after(18, 12, PAWL_MILLISECOND));
    assert_false(light_after(18, 7, long_time)); // it is no crowd
    // Answers that come one by one, from workers that have much and are slow.
    assert_true(light_after(24, 2, 40 * PAWL_MILLISECOND));
    assert_false(light_after(24, 2, 5 * PAWL_MILLISECOND));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_commits_wait_for_turns),
        cmocka_unit_test(test_commits_wait_for_company),
        cmocka_unit_test(test_commits_wait_for_a_crowd),
        cmocka_unit_test(test_loop_commits_for_busy_workers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
