// Instances of two apps: what one tells the other is known when it comes again.

#include "kit.h"

#include <stdio.h>
#include <stdlib.h>

struct apps {
    struct kit near, far;
    struct pawl_map rows; // what far's box of notes has: struct row
    struct pawl_arena arena;
};

struct row {
    struct pawl_str key, bytes;
};

static void apps_init(struct apps *apps) {
    *apps = (struct apps){0};
    kit_init(&apps->near);
    kit_init(&apps->far);
    free(apps->far.shard.app_id);
    apps->far.shard.app_id = pawl__str_dup(PAWL_STR("far"));
    apps->near.shard.reaches_apps = apps->far.shard.reaches_apps = true;
    apps->near.shard.gives_far = true;
}

static void apps_finish(struct apps *apps) {
    kit_assert_replays(&apps->near);
    assert_false(apps->near.shard.failed || apps->far.shard.failed);
    kit_finish(&apps->near);
    kit_finish(&apps->far);
    pawl__map_finish(&apps->rows);
    pawl__arena_finish(&apps->arena);
}

static enum pawl_err apps_receive_one(struct kit *to, const struct pawl_letter *letter,
                                      const struct pawl_crossing *crossing) {
    struct pawl_message message;
    struct pawl_arena arena = {0};
    enum pawl_err err;
    assert_int_equal(pawl__message_unpack(letter->bytes, &arena, &message, &to->error), PAWL_OK);
    message.crossing = crossing->origin.len ? crossing : NULL;
    for (;;) {
        struct pawl_instance *ghost;
        pawl__error_clear(&to->error);
        err = pawl__shard_receive(&to->shard, kit_stamp(to), &message, &to->error);
        assert_int_equal(to->error.code, err);
        if (err != PAWL_E_NEEDED) break;
        assert_int_equal(pawl__shard_ghost(&to->shard, pawl__str(to->shard.needed), &ghost),
                         PAWL_OK);
    }
    pawl__arena_finish(&arena);
    return err;
}

static struct pawl_str apps_copy(struct apps *apps, struct pawl_str text) {
    return (struct pawl_str){pawl__arena_dup(&apps->arena, text), text.len};
}

// Does to far's box what |letter| of a commit says.
static void apps_note(struct apps *apps, const struct pawl_letter *letter) {
    struct row *row = pawl__arena_alloc(&apps->arena, sizeof *row);
    *row = (struct row){apps_copy(apps, letter->key), apps_copy(apps, letter->bytes)};
    if (letter->box == PAWL_BOX_FORGOTTEN)
        assert_non_null(pawl__map_remove(&apps->rows, letter->key));
    else
        assert_true(pawl__map_put(&apps->rows, row->key, row));
}

static void apps_commit_notes(struct apps *apps, struct kit *kit, struct pawl_mailbag *rest) {
    struct pawl_mailbag bag = {0};
    pawl__shard_take_mail(&kit->shard, &bag);
    for (size_t i = 0; i < bag.len; i++) {
        if (bag.letters[i].box == PAWL_BOX_APPS) {
            const struct pawl_letter copy = {.box = PAWL_BOX_APPS,
                                             .target = apps_copy(apps, bag.letters[i].target),
                                             .key = apps_copy(apps, bag.letters[i].key),
                                             .bytes = apps_copy(apps, bag.letters[i].bytes)};
            assert_int_equal(pawl__mailbag_put(rest, &copy), PAWL_OK);
        } else if (kit == &apps->far) {
            apps_note(apps, &bag.letters[i]);
        }
    }
    pawl__mailbag_finish(&bag);
}

// Far is read again: of what it has received it knows what the rows say.
static void apps_reload(struct apps *apps) {
    size_t at = 0;
    pawl__received_finish(&apps->far.shard.received);
    for (struct row *row; (row = pawl__map_next(&apps->rows, &at));)
        assert_int_equal(
            pawl__received_load(&apps->far.shard.received, row->key, row->bytes, &apps->far.error),
            PAWL_OK);
}

// Letters that are on their way.
static void apps_take(struct apps *apps, struct kit *from, struct pawl_mailbag *bag) {
    apps_commit_notes(apps, from, bag);
}

// Brings all of |bag| to |to|, each letter |times| times; how many there were.
static size_t apps_bring(struct apps *apps, struct pawl_mailbag *bag, struct kit *to,
                         unsigned times) {
    struct pawl_mailbag answers = {0};
    for (size_t i = 0; i < bag->len; i++) {
        struct pawl_crossing crossing, first;
        assert_string_equal(bag->letters[i].key.data, to->shard.app_id); // and a zero
        pawl__message_crossing(bag->letters[i].key, &crossing);
        pawl__message_crossing(bag->letters[0].key, &first);
        crossing.floor = first.number;
        for (unsigned n = 0; n < times; n++)
            assert_int_equal(apps_receive_one(to, &bag->letters[i], &crossing), PAWL_OK);
    }
    // What far answers stays with it.
    apps_commit_notes(apps, to, &answers);
    for (size_t i = 0; i < answers.len; i++) {
        struct pawl_letter letter = answers.letters[i];
        struct pawl_arena *arena = &to->shard.mail.arena;
        letter.target.data = pawl__arena_dup(arena, letter.target);
        letter.key.data = pawl__arena_dup(arena, letter.key);
        letter.bytes.data = pawl__arena_dup(arena, letter.bytes);
        assert_int_equal(pawl__mailbag_put(&to->shard.mail, &letter), PAWL_OK);
    }
    pawl__mailbag_finish(&answers);
    return bag->len;
}

static size_t apps_deliver(struct apps *apps, struct kit *from, struct kit *to, unsigned times) {
    struct pawl_mailbag bag = {0};
    apps_take(apps, from, &bag);
    size_t count = apps_bring(apps, &bag, to, times);
    pawl__mailbag_finish(&bag);
    return count;
}

static void start_child(struct apps *apps, const char *parent, const char *child) {
    struct kit *near = &apps->near;
    kit_create(near, parent, "Parent");
    kit_turn(near, parent, ACTIONS(kit_to_app(near, kit_child(near, 0, child, "Child"), "far")));
}

static void test_child(void **state) {
    for (unsigned times = 1; times < 4; times++) {
        struct apps apps;
        struct kit *near = &apps.near, *far = &apps.far;
        apps_init(&apps);
        kit_create(near, "p", "Parent");
        kit_create(near, "c", "Other"); // of the same name as the child, in the other app
        kit_effects(near);
        kit_turn(near, "p",
                 ACTIONS(kit_to_app(near, kit_task(near, 0, "Pay", NULL), "far"),
                         kit_to_app(near, kit_child(near, 1, "c", "Child"), "far")));
        KIT_EFFECTS(near, "CHANGED p, FAR p 0");
        assert_int_equal(apps_deliver(&apps, near, far, times), 1);
        assert_string_equal(kit_inbox(far, "c"), "ExecutionStarted");
        kit_turn(far, "c", ACTIONS(kit_complete(far, 0, "9")));
        assert_int_equal(apps_deliver(&apps, far, near, times), 1);
        assert_string_equal(kit_inbox(near, "p"), "ChildWorkflowInstanceCompleted(1)");
        assert_true(
            pawl__str_equal(pawl__shard_activity_app(kit_find(near, "p"), 0), PAWL_STR("far")));
        apps_finish(&apps);
    }
}

// The workflow that has the id goes on, and the parent is told. The same start that comes again
// when the id is free starts nothing: nobody waits for it.
static void test_taken(void **state) {
    struct apps apps;
    struct pawl_mailbag bag = {0};
    apps_init(&apps);
    kit_create(&apps.far, "c", "Other");
    start_child(&apps, "p", "c");
    apps_take(&apps, &apps.near, &bag);
    assert_int_equal(apps_bring(&apps, &bag, &apps.far, 1), 1);
    assert_string_equal(kit_inbox(&apps.far, "c"), "ExecutionStarted");
    kit_turn(&apps.far, "c", ACTIONS(kit_complete(&apps.far, 0, NULL)));
    for (int reads = 0; reads < 2; reads++) {
        apps_bring(&apps, &bag, &apps.far, 2);
        assert_string_equal(kit_history(&apps.far, "c"),
                            "WorkflowStarted ExecutionStarted ExecutionCompleted(0)");
        apps_reload(&apps);
    }
    assert_int_equal(apps_deliver(&apps, &apps.far, &apps.near, 2), 1);
    assert_string_equal(kit_inbox(&apps.near, "p"), "ChildWorkflowInstanceFailed(0)");
    pawl__mailbag_finish(&bag);
    apps_finish(&apps);
}

// A child that has ended and was purged is not started by the double of its start.
static void test_purged(void **state) {
    struct apps apps;
    struct pawl_mailbag bag = {0};
    apps_init(&apps);
    start_child(&apps, "p", "c");
    apps_take(&apps, &apps.near, &bag);
    apps_bring(&apps, &bag, &apps.far, 1);
    kit_turn(&apps.far, "c", ACTIONS(kit_complete(&apps.far, 0, "1")));
    assert_int_equal(kit_purge(&apps.far, "c", false, false, NULL), PAWL_OK);
    apps_bring(&apps, &bag, &apps.far, 1);
    apps_reload(&apps);
    apps_bring(&apps, &bag, &apps.far, 1);
    assert_false(kit_find(&apps.far, "c")->exists);
    pawl__mailbag_finish(&bag);
    apps_finish(&apps);
}

// A recursive terminate and a recursive purge go on to the child.
static void test_ends(void **state) {
    struct apps apps;
    struct kit *near = &apps.near, *far = &apps.far;
    apps_init(&apps);
    start_child(&apps, "p", "c");
    assert_int_equal(apps_deliver(&apps, near, far, 1), 1);
    kit_turn(far, "c", NO_ACTIONS);
    kit_terminate(near, "p", "enough", true);
    kit_turn(near, "p", NO_ACTIONS);
    assert_int_equal(apps_deliver(&apps, near, far, 2), 1);
    assert_string_equal(kit_inbox(far, "c"), "ExecutionTerminated");
    kit_turn(far, "c", NO_ACTIONS);
    const struct pawl_purge_ask whole = {.recursive = true};
    struct pawl_kin *kin;
    uint32_t count;
    assert_int_equal(
        pawl__shard_purge(&near->shard, PAWL_STR("p"), &whole, &count, &kin, &near->error),
        PAWL_OK);
    assert_int_equal(count, 1);
    assert_int_equal(apps_deliver(&apps, near, far, 2), 1);
    assert_false(kit_find(far, "c")->exists);
    apps_finish(&apps);
}

// Events and terminates: each once, in the order of sending.
static void test_told(void **state) {
    struct apps apps;
    struct kit *near = &apps.near, *far = &apps.far;
    apps_init(&apps);
    kit_create(far, "r", "Receiver");
    kit_create(near, "s", "Sender");
    kit_turn(near, "s",
             ACTIONS(kit_to_app(near, kit_send(near, 0, "r", "go", "1"), "far"),
                     kit_to_app(near, kit_send(near, 1, "r", "go", "2"), "far"),
                     kit_to_app(near, kit_stop(near, 2, "r", "enough", true), "far"),
                     kit_to_app(near, kit_send(near, 3, "none", "go", NULL), "far")));
    assert_int_equal(near->shard.dropped, 0);
    assert_string_equal(kit_history(near, "s"),
                        "WorkflowStarted ExecutionStarted EventSent(0) EventSent(1) EventSent(3)");
    assert_string_equal(kit_event(near, "s", 2)->router->targetappid, "far");
    assert_int_equal(apps_deliver(&apps, near, far, 3), 4);
    assert_string_equal(kit_inbox(far, "r"),
                        "ExecutionStarted EventRaised(go) EventRaised(go) ExecutionTerminated");
    assert_int_equal(far->shard.dropped, 1); // the one to nobody, once
    kit_begin(far, "r");
    Pb__HistoryEvent **events = far->item->workflowrequest->newevents;
    assert_string_equal(events[2]->eventraised->input->value, "1");
    assert_string_equal(events[3]->eventraised->input->value, "2");
    assert_string_equal(events[2]->router->sourceappid, "app");
    assert_true(events[4]->executionterminated->recurse);
    kit_answer(far, "r", NO_ACTIONS);
    apps_finish(&apps);
}

// --- what is remembered -------------------------------------------------------------------------

static void send(struct apps *apps, const char *name) {
    struct kit *near = &apps->near;
    kit_raise(near, "s", "more", NULL);
    kit_turn(near, "s",
             ACTIONS(kit_to_app(near, kit_send(near, near->uuids++, "r", name, NULL), "far")));
}

static void begin_sending(struct apps *apps) {
    apps_init(apps);
    kit_create(&apps->far, "r", "Receiver");
    kit_create(&apps->near, "s", "Sender");
}

static unsigned raised(struct apps *apps) {
    return kit_find(&apps->far, "r")->inbox.count - 1;
}

// What the sender has no more is forgotten, but that it was received; so many rows stay.
static void test_floor(void **state) {
    struct apps apps;
    struct pawl_mailbag bags[20] = {0};
    begin_sending(&apps);
    for (unsigned i = 0; i < 20; i++) {
        for (unsigned k = 0; k < 5; k++) send(&apps, "e");
        apps_take(&apps, &apps.near, &bags[i]);
        assert_int_equal(apps_bring(&apps, &bags[i], &apps.far, 2), 5);
        assert_int_equal(apps.rows.len, 5);
        assert_int_equal(raised(&apps), 5 * (i + 1));
        if (i % 3 == 0) apps_reload(&apps);
        for (unsigned k = 0; k <= i; k++) apps_bring(&apps, &bags[k], &apps.far, 1);
        assert_int_equal(raised(&apps), 5 * (i + 1));
    }
    assert_int_equal(apps.rows.len, 5);
    for (unsigned i = 0; i < 20; i++) pawl__mailbag_finish(&bags[i]);
    apps_finish(&apps);
}

// Each lease of the sender has another origin, whatever its epoch: letters of one whose store was
// put back are not taken for those that came before.
static void test_origins(void **state) {
    struct apps apps;
    struct pawl_mailbag bags[40] = {0};
    begin_sending(&apps);
    for (unsigned i = 0; i < 40; i++) {
        apps.near.shard.origin = (struct pawl_origin){.epoch = 1 + i % 7, .nonce = 1000 - i};
        send(&apps, "e");
        send(&apps, "e");
        apps_take(&apps, &apps.near, &bags[i]);
        apps_bring(&apps, &bags[i], &apps.far, 2);
        assert_int_equal(raised(&apps), 2 * (i + 1));
        assert_true(apps.rows.len <= 2 * PAWL_ORIGINS);
        for (unsigned k = i < PAWL_ORIGINS ? 0 : i + 1 - PAWL_ORIGINS; k <= i; k++)
            apps_bring(&apps, &bags[k], &apps.far, 1);
        assert_int_equal(raised(&apps), 2 * (i + 1));
    }
    apps_reload(&apps);
    for (unsigned k = 40 - PAWL_ORIGINS; k < 40; k++) apps_bring(&apps, &bags[k], &apps.far, 1);
    assert_int_equal(raised(&apps), 80);
    // Those of another shard are its own affair.
    apps.near.shard.origin = (struct pawl_origin){.number = 1, .epoch = 1, .nonce = 1000};
    send(&apps, "e");
    apps_deliver(&apps, &apps.near, &apps.far, 2);
    assert_int_equal(raised(&apps), 81);
    assert_int_equal(apps.rows.len, 2 * PAWL_ORIGINS + 1);
    for (unsigned i = 0; i < 40; i++) pawl__mailbag_finish(&bags[i]);
    apps_finish(&apps);
}

static void test_damaged_notes(void **state) {
    struct pawl_received received = {0};
    struct pawl_error error;
    char key[4 + PAWL_ORIGIN + 8] = "far", bytes[8] = {0};
    const struct pawl_str whole = {key, sizeof key}, floor = {bytes, sizeof bytes};
    for (size_t len = 0; len < sizeof key; len++)
        assert_int_equal(pawl__received_load(&received, (struct pawl_str){key, len}, floor, &error),
                         PAWL_E_CORRUPT);
    assert_int_equal(pawl__received_load(&received, whole, PAWL_STR("short"), &error),
                     PAWL_E_CORRUPT);
    assert_string_equal(error.text, "the note of a message of another app cannot be read");
    assert_int_equal(pawl__received_load(&received, whole, floor, &error), PAWL_OK);
    pawl__received_finish(&received);
    // A key of an earlier Pawl says no origin.
    struct pawl_crossing crossing;
    const char old[] = "far\0sender\0gggggggg"
                       "ssssssss\0";
    pawl__message_crossing((struct pawl_str){old, sizeof old - 1}, &crossing);
    assert_int_equal(crossing.origin.len, 0);
    pawl__message_crossing(PAWL_STR(""), &crossing);
    assert_int_equal(crossing.origin.len, 0);
}

// Nobody there can be reached, and what is asked waits, with a text that says so.
static void test_another_namespace(void **state) {
    struct apps apps;
    struct kit *near = &apps.near;
    apps_init(&apps);
    near->shard.namespace = "default";
    for (int own = 0; own < 2; own++) {
        const char *id = own ? "b" : "a";
        Pb__WorkflowAction *action = kit_to_app(near, kit_child(near, 0, "", "Child"), "far");
        action->router->_target_app_namespace_case =
            PB__TASK_ROUTER___TARGET_APP_NAMESPACE_TARGET_APP_NAMESPACE;
        action->router->targetappnamespace = own ? "default" : "prod";
        kit_create(near, id, "Parent");
        kit_turn(near, id, ACTIONS(action));
        assert_int_equal(kit_find(near, id)->stalled, !own);
    }
    assert_string_equal(kit_find(near, "a")->stall_text,
                        "the worker's answer cannot be applied: action 0 is for an app in "
                        "namespace 'prod', and only namespace 'default' can be reached from here");
    char name[PAWL_APP_MOST + 2];
    memset(name, 'n', sizeof name - 1);
    name[sizeof name - 1] = 0;
    kit_create(near, "c", "Parent");
    kit_turn(near, "c", ACTIONS(kit_to_app(near, kit_child(near, 0, "", "Child"), name)));
    assert_string_equal(kit_find(near, "c")->stall_text,
                        "the worker's answer cannot be applied: action 0 is for an app whose ID "
                        "has 1001 bytes; the limit is 1000");
    apps_finish(&apps);
}

// --- what is too large --------------------------------------------------------------------------

// |near| could not deliver any of its letters.
static void give_back(struct apps *apps) {
    struct kit *near = &apps->near;
    struct pawl_mailbag bag = {0};
    apps_take(apps, near, &bag);
    for (size_t i = 0; i < bag.len; i++) {
        struct pawl_message message;
        struct pawl_arena arena = {0};
        assert_int_equal(pawl__message_unpack(bag.letters[i].bytes, &arena, &message, &near->error),
                         PAWL_OK);
        assert_int_equal(pawl__shard_undelivered(&near->shard, kit_stamp(near), &message,
                                                 "received message larger than max (9 vs. 5)",
                                                 &near->error),
                         PAWL_OK);
        pawl__arena_finish(&arena);
    }
    pawl__mailbag_finish(&bag);
}

static void test_too_large_to_start(void **state) {
    struct apps apps;
    struct kit *near = &apps.near;
    apps_init(&apps);
    start_child(&apps, "p", "c");
    give_back(&apps);
    assert_string_equal(kit_inbox(near, "p"), "ChildWorkflowInstanceFailed(0)");
    kit_turn(near, "p", ACTIONS(kit_complete(near, 1, NULL)));
    const Pb__HistoryEvent *failed = kit_event(near, "p", 4);
    const char *text = failed->childworkflowinstancefailed->failuredetails->errormessage;
    assert_true(strstr(text, "child workflow 'c' payload "));
    assert_true(strstr(text, " bytes exceeds max gRPC body size of app 'far'; increase its daprd "
                             "--max-body-size: received message larger than max (9 vs. 5)"));
    // Also one that has ended hears of it: its id is free then.
    start_child(&apps, "q", "c");
    kit_terminate(near, "q", NULL, false);
    kit_turn(near, "q", NO_ACTIONS);
    assert_int_equal(kit_create(near, "q", "Parent"), PAWL_E_EXISTS);
    give_back(&apps);
    assert_int_equal(kit_create(near, "q", "Parent"), PAWL_OK);
    apps_finish(&apps);
}

static void test_too_large_to_tell(void **state) {
    struct apps apps;
    struct kit *near = &apps.near;
    apps_init(&apps);
    kit_create(near, "s", "Sender");
    kit_turn(near, "s",
             ACTIONS(kit_to_app(near, kit_send(near, 0, "r", "go", "1"), "far"),
                     kit_to_app(near, kit_stop(near, 1, "r", "enough", true), "far"),
                     kit_to_app(near, kit_detached(near, 2, "d", "Other"), "far")));
    kit_effects(near);
    give_back(&apps);
    KIT_EFFECTS(near, "DROPPED s, DROPPED s, DROPPED s");
    assert_int_equal(near->shard.dropped, 3);
    // A child is ended without the reason.
    start_child(&apps, "p", "c");
    assert_int_equal(apps_deliver(&apps, near, &apps.far, 1), 1);
    kit_terminate(near, "p", "a long reason", true);
    kit_turn(near, "p", NO_ACTIONS);
    give_back(&apps);
    assert_int_equal(apps_deliver(&apps, near, &apps.far, 1), 1);
    assert_string_equal(kit_inbox(&apps.far, "c"), "ExecutionStarted ExecutionTerminated");
    apps_finish(&apps);
}

// The parent is in the other app: it is told in short that there was a result.
static void test_too_large_a_result(void **state) {
    struct apps apps;
    struct kit *near = &apps.near, *far = &apps.far;
    apps_init(&apps);
    kit_create(far, "p", "Parent");
    kit_turn(far, "p", ACTIONS(kit_to_app(far, kit_child(far, 0, "c", "Child"), "app")));
    assert_int_equal(apps_deliver(&apps, far, near, 1), 1);
    kit_turn(near, "c", ACTIONS(kit_complete(near, 0, "much")));
    give_back(&apps);
    assert_int_equal(apps_deliver(&apps, near, far, 2), 1);
    assert_string_equal(kit_inbox(far, "p"), "ChildWorkflowInstanceFailed(0)");
    kit_turn(far, "p", NO_ACTIONS);
    const Pb__HistoryEvent *failed = kit_event(far, "p", 4);
    assert_string_equal(failed->childworkflowinstancefailed->failuredetails->errortype,
                        "PayloadSizeExceeded");
    // If even that is too large, there is no way to tell.
    kit_create(far, "q", "Parent");
    kit_turn(far, "q", ACTIONS(kit_to_app(far, kit_child(far, 0, "e", "Child"), "app")));
    assert_int_equal(apps_deliver(&apps, far, near, 1), 1);
    kit_turn(near, "e", ACTIONS(kit_complete(near, 0, "much")));
    give_back(&apps);
    give_back(&apps);
    assert_int_equal(near->shard.dropped, 1);
    assert_int_equal(apps_deliver(&apps, near, far, 1), 0);
    apps_finish(&apps);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_child),
        cmocka_unit_test(test_taken),
        cmocka_unit_test(test_purged),
        cmocka_unit_test(test_ends),
        cmocka_unit_test(test_told),
        cmocka_unit_test(test_floor),
        cmocka_unit_test(test_origins),
        cmocka_unit_test(test_damaged_notes),
        cmocka_unit_test(test_another_namespace),
        cmocka_unit_test(test_too_large_to_start),
        cmocka_unit_test(test_too_large_to_tell),
        cmocka_unit_test(test_too_large_a_result),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
