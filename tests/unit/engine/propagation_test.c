// What a workflow passes of its history to those that it calls: exactly what it was at the call,
// whatever happens after it.

#include "kit.h"

#include <stdio.h>

#include "engine/events.h"
#include "wire/pack.h"
#include "wire/unpack.h"

enum {
    NONE,
    OWN,
    LINEAGE
};

// "OWN [app a Order: WorkflowStarted ExecutionStarted TaskScheduled(0)]"
static const char *passed(struct kit *kit, const Pb__PropagatedHistory *history) {
    static const char *const scopes[] = {"NONE", "OWN", "LINEAGE"};
    if (!history) return "nothing";
    struct pawl_buf text = {0}, events = {0};
    pawl__buf_format(&text, "%s", scopes[history->scope]);
    for (size_t i = 0; i < history->n_chunks; i++) {
        const Pb__PropagatedHistoryChunk *chunk = history->chunks[i];
        pawl__buf_clear(&events);
        for (size_t k = 0; k < chunk->n_rawevents; k++) {
            struct pawl_str raw = {(const char *)chunk->rawevents[k].data, chunk->rawevents[k].len};
            assert_true(pawl__wire_check(&pb__history_event__descriptor, raw, NULL));
            pawl__pb_put_bytes(&events, 3, raw); // as a history has them
        }
        pawl__buf_format(&text, " [%s %s %s: %s]", chunk->appid, chunk->instanceid,
                         chunk->workflowname, kit_events(kit, pawl__buf_str(&events)));
    }
    const char *copy = pawl__arena_dup(&kit->arena, pawl__buf_str(&text));
    pawl__buf_finish(&text);
    pawl__buf_finish(&events);
    return copy;
}

// What the next turn of |id| gets; it is then answered with |actions|.
static const char *passed_to_turn(struct kit *kit, const char *id, Pb__WorkflowAction **actions) {
    kit_begin(kit, id);
    const Pb__WorkflowRequest *request = kit->item->workflowrequest;
    const char *text =
        passed(kit, request->_propagated_history_case ? request->propagatedhistory : NULL);
    kit_answer(kit, id, actions);
    return text;
}

static const char *passed_to_activity(struct kit *kit, const char *id, int32_t task_id) {
    const Pb__ActivityRequest *request = kit_activity(kit, id, task_id);
    return passed(kit, request->_propagated_history_case ? request->propagatedhistory : NULL);
}

#define CREATED  "ChildWorkflowInstanceCreated"
#define A_BEGINS "WorkflowStarted ExecutionStarted TaskScheduled(0)"

static void test_activity(void **state) {
    struct kit kit;
    kit_init(&kit);
    kit_create(&kit, "a", "Order");
    kit_turn(&kit, "a",
             ACTIONS(kit_pass(kit_task(&kit, 0, "one", NULL), OWN), kit_task(&kit, 1, "two", NULL),
                     kit_pass(kit_task(&kit, 2, "three", NULL), LINEAGE),
                     kit_pass(kit_task(&kit, 3, "four", NULL), NONE)));
    assert_string_equal(passed_to_activity(&kit, "a", 0), "OWN [app a Order: " A_BEGINS "]");
    assert_string_equal(passed_to_activity(&kit, "a", 1), "nothing");
    const char *three = "LINEAGE [app a Order: " A_BEGINS " TaskScheduled(1) TaskScheduled(2)]";
    assert_string_equal(passed_to_activity(&kit, "a", 2), three);
    assert_string_equal(passed_to_activity(&kit, "a", 3), "nothing");
    // The history says what was asked for, as reruns need it.
    assert_int_equal(kit_event(&kit, "a", 2)->taskscheduled->historypropagationscope, OWN);
    assert_int_equal(kit_event(&kit, "a", 3)->taskscheduled->_history_propagation_scope_case, 0);

    // Given again later, it is the same.
    kit_result(&kit, "a", 1, "\"2\"");
    kit_turn(&kit, "a", ACTIONS(kit_pass(kit_task(&kit, 4, "five", NULL), OWN)));
    assert_string_equal(passed_to_activity(&kit, "a", 2), three);
    assert_string_equal(passed_to_activity(&kit, "a", 4),
                        "OWN [app a Order: " A_BEGINS " TaskScheduled(1) TaskScheduled(2) "
                        "TaskScheduled(3) WorkflowStarted TaskCompleted(1) TaskScheduled(4)]");
    kit_assert_replays(&kit);
    kit_finish(&kit);
}

// What is passed is the events' own bytes.
static void test_bytes(void **state) {
    struct kit kit;
    kit_init(&kit);
    kit_create(&kit, "a", "Order");
    kit_turn(&kit, "a", ACTIONS(kit_pass(kit_task(&kit, 0, "one", "\"in\""), OWN)));
    const Pb__PropagatedHistory *history = kit_activity(&kit, "a", 0)->propagatedhistory;
    const struct pawl_history *own = &kit_find(&kit, "a")->history;
    assert_int_equal(history->n_chunks, 1);
    assert_int_equal(history->chunks[0]->n_rawevents, own->count);
    struct pawl_event_view view;
    for (size_t i = 0, at = 0; pawl__history_next(pawl__buf_str(&own->bytes), &at, &view); i++) {
        const ProtobufCBinaryData *raw = &history->chunks[0]->rawevents[i];
        assert_int_equal(raw->len, view.bytes.len);
        assert_memory_equal(raw->data, view.bytes.data, raw->len);
    }
    kit_finish(&kit);
}

// Three generations of a family: "g" calls "p", which calls "c".
static void test_children(void **state) {
    static const struct {
        int to_parent, to_child;
        const char *child;
    } rows[] = {
        {OWN, OWN, "OWN [app p Parent: WorkflowStarted ExecutionStarted " CREATED "(0)]"},
        {NONE, LINEAGE, "LINEAGE [app p Parent: WorkflowStarted ExecutionStarted " CREATED "(0)]"},
        {LINEAGE, OWN, "OWN [app p Parent: WorkflowStarted ExecutionStarted " CREATED "(0)]"},
        {LINEAGE, NONE, "nothing"},
        {OWN, LINEAGE,
         "LINEAGE [app g Grand: " A_BEGINS " " CREATED "(1)] "
         "[app p Parent: WorkflowStarted ExecutionStarted " CREATED "(0)]"},
        {LINEAGE, LINEAGE,
         "LINEAGE [app g Grand: " A_BEGINS " " CREATED "(1)] "
         "[app p Parent: WorkflowStarted ExecutionStarted " CREATED "(0)]"},
    };
    static const char *const to_parent[] = {"nothing",
                                            "OWN [app g Grand: " A_BEGINS " " CREATED "(1)]",
                                            "LINEAGE [app g Grand: " A_BEGINS " " CREATED "(1)]"};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct kit kit;
        kit_init(&kit);
        kit_create(&kit, "g", "Grand");
        kit_turn(&kit, "g",
                 ACTIONS(kit_task(&kit, 0, "one", NULL),
                         kit_pass(kit_child(&kit, 1, "p", "Parent"), rows[i].to_parent),
                         kit_task(&kit, 2, "after", NULL)));
        kit_result(&kit, "g", 0, NULL); // of which nobody is told
        assert_string_equal(
            passed_to_turn(&kit, "p",
                           ACTIONS(kit_pass(kit_child(&kit, 0, "c", "Child"), rows[i].to_child))),
            to_parent[rows[i].to_parent]);
        assert_string_equal(passed_to_turn(&kit, "c", NO_ACTIONS), rows[i].child);
        // Each turn is given it.
        kit_raise(&kit, "c", "e", NULL);
        assert_string_equal(
            passed_to_turn(&kit, "c", ACTIONS(kit_pass(kit_task(&kit, 0, "leaf", NULL), LINEAGE))),
            rows[i].child);
        kit_assert_replays(&kit);
        kit_finish(&kit);
    }
}

// A new generation gets what the one before got, and, as far as that was told to pass it on, that
// one's own history: a root passes on nothing.
static void test_continue_as_new(void **state) {
    struct kit kit;
    kit_init(&kit);
    kit_create(&kit, "g", "Grand");
    kit_turn(&kit, "g",
             ACTIONS(kit_pass(kit_child(&kit, 0, "own", "Own"), OWN),
                     kit_pass(kit_child(&kit, 1, "line", "Line"), LINEAGE)));
    const char *ids[] = {"own", "line"};
    for (int i = 0; i < 2; i++) {
        kit_turn(&kit, ids[i], ACTIONS(kit_pass(kit_task(&kit, 0, "one", NULL), LINEAGE)));
        kit_result(&kit, ids[i], 0, NULL);
        kit_turn(&kit, ids[i], ACTIONS(kit_continue(&kit, 1, "2")));
    }
#define G         "WorkflowStarted ExecutionStarted " CREATED "(0)"
#define FIRST_RUN A_BEGINS " WorkflowStarted TaskCompleted(0)"
    assert_string_equal(passed_to_turn(&kit, "own", ACTIONS(kit_continue(&kit, 0, "3"))),
                        "OWN [app own Own: " FIRST_RUN "]");
    assert_string_equal(passed_to_turn(&kit, "line", ACTIONS(kit_continue(&kit, 0, "3"))),
                        "LINEAGE [app g Grand: " G " " CREATED "(1)] [app line Line: " FIRST_RUN
                        "]");
    assert_string_equal(passed_to_turn(&kit, "own", NO_ACTIONS),
                        "OWN [app own Own: WorkflowStarted ExecutionStarted]");
    assert_string_equal(passed_to_turn(&kit, "line", NO_ACTIONS),
                        "LINEAGE [app g Grand: " G " " CREATED "(1)] [app line Line: " FIRST_RUN
                        "] [app line Line: WorkflowStarted ExecutionStarted]");

    kit_create(&kit, "root", "Root");
    kit_turn(&kit, "root", ACTIONS(kit_pass(kit_task(&kit, 0, "one", NULL), LINEAGE)));
    kit_result(&kit, "root", 0, NULL);
    kit_turn(&kit, "root", ACTIONS(kit_continue(&kit, 1, "2")));
    assert_string_equal(passed_to_turn(&kit, "root", NO_ACTIONS), "nothing");
    kit_assert_replays(&kit);
    kit_finish(&kit);
}

// An id that is used again knows nothing of what an earlier run got.
static void test_used_again(void **state) {
    struct kit kit;
    kit_init(&kit);
    kit_create(&kit, "p", "Parent");
    kit_turn(&kit, "p", ACTIONS(kit_pass(kit_child(&kit, 0, "c", "Child"), LINEAGE)));
    kit_turn(&kit, "c", ACTIONS(kit_complete(&kit, 0, NULL)));
    assert_int_equal(kit_create(&kit, "c", "Child"), PAWL_OK);
    assert_string_equal(passed_to_turn(&kit, "c", NO_ACTIONS), "nothing");
    kit_assert_replays(&kit);
    kit_finish(&kit);
}

static void test_rerun(void **state) {
    struct kit kit;
    kit_init(&kit);
    kit_create(&kit, "a", "Order");
    kit_turn(&kit, "a",
             ACTIONS(kit_pass(kit_task(&kit, 0, "one", NULL), OWN),
                     kit_pass(kit_child(&kit, 1, NULL, "Child"), LINEAGE)));
    kit_turn(&kit, "a:0001", ACTIONS(kit_complete(&kit, 0, NULL)));
    kit_result(&kit, "a", 0, NULL);
    kit_turn(&kit, "a", ACTIONS(kit_complete(&kit, 2, NULL)));
    assert_int_equal(kit_rerun(&kit, "a", 0, "b", NULL), PAWL_OK);
    assert_string_equal(passed_to_activity(&kit, "b", 0), "OWN [app b Order: " A_BEGINS "]");
    assert_int_equal(kit_rerun(&kit, "a", 1, "c", NULL), PAWL_OK);
    assert_string_equal(passed_to_turn(&kit, "c:0001", NO_ACTIONS),
                        "LINEAGE [app c Order: " A_BEGINS " " CREATED "(1)]");
    kit_assert_replays(&kit);
    kit_finish(&kit);
}

// Workers that keep a history are sent less of it, but always what was passed.
static void test_keeper(void **state) {
    struct kit kit;
    kit_init(&kit);
    kit_create(&kit, "p", "Parent");
    kit_turn(&kit, "p", ACTIONS(kit_pass(kit_child(&kit, 0, "c", "Child"), OWN)));
    for (int turn = 0; turn < 3; turn++) {
        struct pawl_instance *c = kit_find(&kit, "c");
        struct pawl_buf bytes = {0};
        const struct pawl_turn_to to = {.token = PAWL_STR("t"), .keeper = 7};
        assert_true(pawl__shard_begin_turn(&kit.shard, c, kit_stamp(&kit), &to, &bytes));
        const Pb__WorkItem *item =
            pawl__wire_unpack(&kit.arena, &pb__work_item__descriptor, pawl__buf_str(&bytes), NULL);
        assert_int_equal(item->workflowrequest->_cached_history_case != 0, turn == 2);
        assert_string_equal(passed(&kit, item->workflowrequest->propagatedhistory),
                            "OWN [app p Parent: WorkflowStarted ExecutionStarted " CREATED "(0)]");
        pawl__buf_finish(&bytes);
        kit_answer(&kit, "c", NO_ACTIONS);
        kit_raise(&kit, "c", "e", NULL);
    }
    kit_finish(&kit);
}

// --- other shards and apps ----------------------------------------------------------------------

static void test_letter(void **state) {
    struct kit kit, far;
    kit_init(&kit);
    kit_init(&far);
    kit.shard.reaches_apps = true;
    kit_create(&kit, "p", "Parent");
    kit_turn(&kit, "p",
             ACTIONS(kit_to_app(&kit, kit_pass(kit_child(&kit, 0, "c", "Child"), LINEAGE), "far"),
                     kit_to_app(&kit, kit_child(&kit, 1, "d", "Child"), "far")));
    struct pawl_mailbag bag = {0};
    kit_commit(&kit);
    pawl__shard_take_mail(&kit.shard, &bag);
    assert_int_equal(bag.len, 2);
    free(far.shard.app_id);
    far.shard.app_id = pawl__str_dup(PAWL_STR("far"));
    for (size_t i = 0; i < bag.len; i++) {
        struct pawl_message message;
        struct pawl_instance *ghost;
        assert_int_equal(
            pawl__message_unpack(bag.letters[i].bytes, &kit.arena, &message, &kit.error), PAWL_OK);
        assert_int_equal(message.propagated.len != 0, i == 0);
        assert_int_equal(pawl__shard_ghost(&far.shard, pawl__str(message.target), &ghost), PAWL_OK);
        for (int times = 0; times < 2; times++)
            assert_int_equal(pawl__shard_receive(&far.shard, kit_stamp(&far), &message, &far.error),
                             PAWL_OK);
    }
    assert_string_equal(
        passed_to_turn(&far, "c", ACTIONS(kit_pass(kit_task(&far, 0, "leaf", NULL), LINEAGE))),
        "LINEAGE [app p Parent: WorkflowStarted ExecutionStarted " CREATED "(0)]");
    assert_string_equal(passed_to_activity(&far, "c", 0),
                        "LINEAGE [app p Parent: WorkflowStarted ExecutionStarted " CREATED "(0)] "
                        "[far c Child: " A_BEGINS "]");
    assert_string_equal(passed_to_turn(&far, "d", NO_ACTIONS), "nothing");

    // What another app says is not taken on trust.
    struct pawl_str bytes = bag.letters[0].bytes;
    const Plog__Message *row = pawl__wire_decode(&kit.arena, &plog__message__descriptor, bytes);
    Plog__Message damaged = *row;
    damaged.propagated.len -= 1;
    struct pawl_message message;
    assert_int_equal(pawl__message_unpack(pawl__wire_pack(&kit.arena, &damaged.base), &kit.arena,
                                          &message, &kit.error),
                     PAWL_E_CORRUPT);
    pawl__mailbag_finish(&bag);
    kit_finish(&kit);
    kit_finish(&far);
}

// --- rows ---------------------------------------------------------------------------------------

// A snapshot of an instance that got nothing has the bytes that it had before there was anything to
// get, and those are read as they were.
static void test_old_bytes(void **state) {
    enum {
        PROPAGATED = 26
    };
    struct kit kit;
    struct pawl_snapshot snapshot;
    struct pawl_pb_field field;
    struct pawl_instance *again;
    kit_init(&kit);
    kit_create(&kit, "p", "Parent");
    kit_turn(
        &kit, "p",
        ACTIONS(kit_pass(kit_child(&kit, 0, "c", "Child"), OWN), kit_child(&kit, 1, "d", "Child")));
    const char *ids[] = {"d", "c"};
    for (int i = 0; i < 2; i++) {
        kit_snapshot(kit_find(&kit, ids[i]), &kit.arena, &snapshot);
        assert_int_equal(pawl__pb_find(snapshot.state, PROPAGATED, &field), i);
        struct kit other;
        kit_init(&other);
        assert_int_equal(pawl__shard_restore(&other.shard, &snapshot, &again, &other.error),
                         PAWL_OK);
        assert_int_equal(again->propagated.len, i ? field.bytes.len : 0);
        kit_finish(&other);
    }
    // Damage is told.
    Plog__Snapshot *row =
        pawl__wire_decode(&kit.arena, &plog__snapshot__descriptor, snapshot.state);
    row->propagated.len -= 1;
    snapshot.state = pawl__wire_pack(&kit.arena, &row->base);
    struct kit other;
    kit_init(&other);
    assert_int_equal(pawl__shard_restore(&other.shard, &snapshot, &again, &other.error),
                     PAWL_E_CORRUPT);
    assert_non_null(strstr(other.error.text, "what was propagated to it is damaged"));
    kit_finish(&other);
    kit_finish(&kit);
}

static void test_too_large(void **state) {
    struct kit kit;
    kit_init(&kit);
    kit_create(&kit, "p", "Parent");
    kit.shard.limits.event = 4000;
    Pb__WorkflowAction *actions[12] = {NULL};
    for (int i = 0; i < 11; i++) actions[i] = kit_pass(kit_child(&kit, i, NULL, "Child"), OWN);
    assert_int_equal(kit_turn(&kit, "p", actions), PAWL_OK);
    struct pawl_instance *p = kit_find(&kit, "p");
    assert_true(p->stalled && p->turn_held);
    assert_int_equal(p->stall_reason, PB__STALLED_REASON__PAYLOAD_SIZE_EXCEEDED);
    assert_non_null(strstr(p->stall_text, "on 11 times in one turn; the limit is 4000 bytes"));
    // The limit is gone: it goes on.
    kit.shard.limits.event = 400000;
    p->turn_held = false;
    kit_turn(&kit, "p", actions);
    assert_false(p->stalled);
    assert_string_equal(
        passed_to_turn(&kit, "p:0000", NO_ACTIONS),
        "OWN [app p Parent: ExecutionStalled WorkflowStarted ExecutionStarted " CREATED "(0)]");
    kit_assert_replays(&kit);
    kit_finish(&kit);
}

// An activity that no message has room for stalls its workflow, with nothing of the turn done.
static void test_activity_too_large(void **state) {
    struct kit kit;
    char large[2000];
    memset(large, '1', sizeof large - 1);
    large[sizeof large - 1] = 0;
    kit_init(&kit);
    kit.shard.limits.message = 2000;
    kit_create(&kit, "a", "Order");
    kit_turn(&kit, "a", ACTIONS(kit_task(&kit, 0, "one", NULL), kit_task(&kit, 1, "Pay", large)));
    struct pawl_instance *a = kit_find(&kit, "a");
    assert_true(a->stalled && a->turn_held);
    assert_int_equal(a->stall_reason, PB__STALLED_REASON__PAYLOAD_SIZE_EXCEEDED);
    assert_non_null(strstr(a->stall_text, "activity 'Pay::1' payload 2"));
    assert_non_null(strstr(a->stall_text,
                           " bytes exceeds 95% of max gRPC body size 2000 bytes; increase daprd "
                           "--max-body-size and restart to resume: activity payload exceeds max "
                           "gRPC body size"));
    assert_int_equal(a->pending.live, 0);
    kit.shard.limits.message = 4000;
    a->turn_held = false;
    kit_turn(&kit, "a", ACTIONS(kit_task(&kit, 0, "one", NULL), kit_task(&kit, 1, "Pay", large)));
    assert_false(a->stalled);

    // The history that goes along counts, where it does.
    kit.shard.limits.message = 2600;
    kit_result(&kit, "a", 0, NULL);
    kit_turn(&kit, "a", ACTIONS(kit_task(&kit, 2, "small", NULL)));
    assert_false(a->stalled);
    kit_result(&kit, "a", 2, NULL);
    kit_turn(&kit, "a", ACTIONS(kit_pass(kit_task(&kit, 3, "audit", NULL), OWN)));
    assert_non_null(strstr(a->stall_text, "activity 'audit::3' payload "));
    kit_assert_replays(&kit);
    kit_finish(&kit);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_activity),
        cmocka_unit_test(test_bytes),
        cmocka_unit_test(test_children),
        cmocka_unit_test(test_continue_as_new),
        cmocka_unit_test(test_used_again),
        cmocka_unit_test(test_rerun),
        cmocka_unit_test(test_keeper),
        cmocka_unit_test(test_letter),
        cmocka_unit_test(test_old_bytes),
        cmocka_unit_test(test_too_large),
        cmocka_unit_test(test_activity_too_large),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
