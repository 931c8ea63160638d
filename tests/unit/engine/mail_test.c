// Instances of two shards: what one tells the other goes through mail, which may come twice.

#include "kit.h"

#include <stdio.h>
#include <stdlib.h>

enum {
    SHARDS = 2
};

struct mail {
    struct kit kits[SHARDS];
    unsigned delivered;
};

static void mail_init(struct mail *mail) {
    mail->delivered = 0;
    for (uint32_t i = 0; i < SHARDS; i++) {
        kit_init(&mail->kits[i]);
        mail->kits[i].shard.number = i;
        mail->kits[i].shard.count = SHARDS;
    }
}

static void mail_finish(struct mail *mail) {
    for (int i = 0; i < SHARDS; i++) {
        kit_assert_replays(&mail->kits[i]);
        assert_false(mail->kits[i].shard.failed);
        kit_finish(&mail->kits[i]);
    }
}

static struct kit *mail_kit(struct mail *mail, const char *id) {
    return &mail->kits[pawl__shard_of(pawl__str(id), SHARDS)];
}

// An id that begins with |name| and lives in |shard|.
static const char *mail_id(struct mail *mail, const char *name, uint32_t shard) {
    for (int i = 0;; i++) {
        char *id = pawl__arena_format(&mail->kits[0].arena, "%s-%d", name, i);
        if (pawl__shard_of(pawl__str(id), SHARDS) == shard) return id;
    }
}

static void mail_receive(struct kit *kit, const struct pawl_letter *letter) {
    struct pawl_message message;
    struct pawl_arena arena = {0};
    assert_int_equal(pawl__message_unpack(letter->bytes, &arena, &message, &kit->error), PAWL_OK);
    assert_string_equal(message.target, letter->target.data);
    for (;;) {
        pawl__error_clear(&kit->error);
        enum pawl_err err = pawl__shard_receive(&kit->shard, kit_stamp(kit), &message, &kit->error);
        assert_int_equal(kit->error.code, err); // also when the message is answered with a refusal
        struct pawl_instance *ghost;
        if (err == PAWL_OK) break;
        assert_int_equal(err, PAWL_E_NEEDED);
        assert_int_equal(pawl__shard_ghost(&kit->shard, pawl__str(kit->shard.needed), &ghost),
                         PAWL_OK);
    }
    pawl__arena_finish(&arena);
}

// Brings all mail where it belongs, and answers, until there is none; each letter |times| times.
static void mail_deliver(struct mail *mail, unsigned times) {
    for (bool more = true; more;) {
        more = false;
        for (uint32_t i = 0; i < SHARDS; i++) {
            struct pawl_mailbag bag = {0};
            pawl__shard_take_mail(&mail->kits[i].shard, &bag);
            for (size_t k = 0; k < bag.len; k++) {
                const struct pawl_letter *letter = &bag.letters[k];
                assert_int_equal(letter->box, PAWL_BOX_SHARD);
                assert_int_equal(letter->number, !i);
                // As they were sent; an answer that is given twice has the same key both times.
                if (k) assert_true(pawl__str_compare(bag.letters[k - 1].key, letter->key) <= 0);
                for (unsigned n = 0; n < times; n++)
                    mail_receive(&mail->kits[letter->number], letter);
                mail->delivered++;
                more = true;
            }
            pawl__mailbag_finish(&bag);
        }
    }
}

static void test_shard_of(void **state) {
    // Fixed for ever: stores are laid out by it.
    assert_int_equal(pawl__shard_of(PAWL_STR("anything"), 1), 0);
    assert_int_equal(pawl__shard_of(PAWL_STR("anything"), 0), 0);
    assert_int_equal(pawl__shard_of(PAWL_STR(""), 16), 1);
    assert_int_equal(pawl__shard_of(PAWL_STR("a"), 16), 0);
    assert_int_equal(pawl__shard_of(PAWL_STR("order-1"), 16), 2);
    unsigned counts[16] = {0};
    for (int i = 0; i < 16000; i++) {
        char id[32];
        snprintf(id, sizeof id, "order-%d", i);
        counts[pawl__shard_of(pawl__str(id), 16)]++;
    }
    for (int i = 0; i < 16; i++) assert_in_range(counts[i], 800, 1200);
}

// A child elsewhere, each message once or twice.
static void test_child(void **state) {
    for (unsigned times = 1; times < 3; times++) {
        struct mail mail;
        mail_init(&mail);
        const char *p = mail_id(&mail, "p", 0), *c = mail_id(&mail, "c", 1);
        struct kit *parent = mail_kit(&mail, p), *child = mail_kit(&mail, c);
        kit_create(parent, p, "Parent");
        kit_turn(parent, p, ACTIONS(kit_child(parent, 0, c, "Child")));
        assert_null(pawl__shard_find(&parent->shard, pawl__str(c)));
        mail_deliver(&mail, times);
        assert_string_equal(kit_inbox(child, c), "ExecutionStarted");
        kit_turn(child, c, ACTIONS(kit_complete(child, 0, "5")));
        mail_deliver(&mail, times);
        assert_string_equal(kit_inbox(parent, p), "ChildWorkflowInstanceCompleted(0)");
        assert_int_equal(kit_find(parent, p)->pending.live, 0);
        // A letter that comes late starts nothing again.
        uint64_t generation = kit_find(child, c)->generation;
        kit_turn(parent, p, ACTIONS(kit_complete(parent, 1, "6")));
        mail_deliver(&mail, times);
        assert_int_equal(kit_find(child, c)->generation, generation);
        assert_int_equal(mail.delivered, 2);
        mail_finish(&mail);
    }
}

// The start comes again after the child has ended, or while it runs: it is known by its parent.
static void test_start_that_comes_late(void **state) {
    struct mail mail;
    mail_init(&mail);
    const char *p = mail_id(&mail, "p", 0), *c = mail_id(&mail, "c", 1);
    struct kit *parent = mail_kit(&mail, p), *child = mail_kit(&mail, c);
    kit_create(parent, p, "Parent");
    kit_turn(parent, p, ACTIONS(kit_child(parent, 0, c, "Child")));
    struct pawl_mailbag bag = {0};
    pawl__shard_take_mail(&parent->shard, &bag);
    assert_int_equal(bag.len, 1);
    mail_receive(child, &bag.letters[0]);
    mail_receive(child, &bag.letters[0]);
    kit_turn(child, c, ACTIONS(kit_complete(child, 0, "5")));
    uint64_t generation = kit_find(child, c)->generation;
    mail_receive(child, &bag.letters[0]);
    assert_int_equal(kit_find(child, c)->generation, generation);
    pawl__mailbag_finish(&bag);
    mail_deliver(&mail, 2);
    assert_string_equal(kit_inbox(parent, p), "ChildWorkflowInstanceCompleted(0)");
    mail_finish(&mail);
}

static void test_refused_child(void **state) {
    struct mail mail;
    mail_init(&mail);
    const char *p = mail_id(&mail, "p", 0), *x = mail_id(&mail, "x", 1);
    struct kit *parent = mail_kit(&mail, p), *other = mail_kit(&mail, x);
    kit_create(other, x, "Other");
    kit_create(parent, p, "Parent");
    kit_turn(parent, p,
             ACTIONS(kit_child(parent, 0, x, "Child"), kit_detached(parent, 1, x, "Detached")));
    mail_deliver(&mail, 2);
    assert_string_equal(kit_find(other, x)->name, "Other");
    assert_string_equal(kit_inbox(parent, p), "ChildWorkflowInstanceFailed(0)");
    kit_turn(parent, p, NO_ACTIONS);
    assert_string_equal(
        kit_event(parent, p, 5)->childworkflowinstancefailed->failuredetails->errortype,
        "WorkflowInstanceAlreadyExists");
    mail_finish(&mail);
}

static void test_events_and_ends(void **state) {
    struct mail mail;
    mail_init(&mail);
    const char *a = mail_id(&mail, "a", 0), *b = mail_id(&mail, "b", 1);
    struct kit *sender = mail_kit(&mail, a), *receiver = mail_kit(&mail, b);
    kit_create(sender, a, "Sender");
    kit_create(receiver, b, "Receiver");
    Pb__WorkflowAction *actions[13] = {NULL};
    for (int i = 0; i < 12; i++)
        actions[i] = kit_send(sender, i, b, "go", (char[]){(char)('a' + i), 0});
    kit_turn(sender, a, actions);
    mail_deliver(&mail, 1);
    kit_begin(receiver, b);
    const Pb__WorkflowRequest *request = receiver->item->workflowrequest;
    assert_int_equal(request->n_newevents, 14);
    for (int i = 0; i < 12; i++)
        assert_int_equal(request->newevents[2 + i]->eventraised->input->value[0], 'a' + i);
    kit_answer(receiver, b, NO_ACTIONS);

    // The sender continues as new, and is gone when the mail comes.
    kit_raise(sender, a, "next", NULL);
    kit_turn(sender, a,
             ACTIONS(kit_send(sender, 20, b, "last", NULL), kit_continue(sender, 21, "1")));
    kit_purge(sender, a, false, true, NULL);
    mail_deliver(&mail, 1);
    assert_string_equal(kit_inbox(receiver, b), "EventRaised(last)");

    kit_create(sender, a, "Sender");
    kit_turn(sender, a, ACTIONS(kit_stop(sender, 0, b, NULL, false)));
    mail_deliver(&mail, 1);
    kit_turn(receiver, b, NO_ACTIONS);
    assert_int_equal(pawl__instance_status(kit_find(receiver, b)), STATUS(TERMINATED));
    kit_raise(sender, a, "next", NULL);
    kit_turn(sender, a, ACTIONS(kit_send(sender, 1, b, "too late", NULL)));
    mail_deliver(&mail, 1);
    assert_int_equal(receiver->shard.dropped, 1);
    mail_finish(&mail);
}

// A recursive terminate reaches children elsewhere, and only them.
static void test_recursive_terminate(void **state) {
    struct mail mail;
    mail_init(&mail);
    const char *p = mail_id(&mail, "p", 0), *c = mail_id(&mail, "c", 1),
               *x = mail_id(&mail, "x", 1);
    struct kit *parent = mail_kit(&mail, p), *other = mail_kit(&mail, c);
    kit_create(other, x, "Other");
    kit_create(parent, p, "Parent");
    kit_turn(parent, p,
             ACTIONS(kit_child(parent, 0, c, "Child"), kit_child(parent, 1, x, "Child")));
    kit_terminate(parent, p, "\"why\"", true);
    kit_turn(parent, p, NO_ACTIONS); // before it is told that |x| is somebody else
    mail_deliver(&mail, 1);
    assert_string_equal(kit_inbox(other, c), "ExecutionStarted ExecutionTerminated");
    assert_string_equal(kit_inbox(other, x), "ExecutionStarted");
    // Its id is not free while a child elsewhere has not ended.
    assert_int_equal(kit_create(parent, p, "Parent"), PAWL_E_EXISTS);
    kit_turn(other, c, NO_ACTIONS);
    mail_deliver(&mail, 1);
    assert_int_equal(kit_find(parent, p)->pending.live, 0);
    assert_int_equal(kit_create(parent, p, "Parent"), PAWL_OK);
    mail_finish(&mail);
}

static void test_damaged_mail(void **state) {
    struct mail mail;
    mail_init(&mail);
    const char *p = mail_id(&mail, "p", 0), *c = mail_id(&mail, "c", 1);
    struct kit *parent = mail_kit(&mail, p);
    kit_create(parent, p, "Parent");
    kit_turn(parent, p,
             ACTIONS(kit_child(parent, 0, c, "Child"), kit_send(parent, 1, c, "go", "1")));
    struct pawl_mailbag bag = {0};
    struct pawl_arena arena = {0};
    struct pawl_message message;
    pawl__shard_take_mail(&parent->shard, &bag);
    assert_int_equal(bag.len, 2);
    for (size_t k = 0; k < bag.len; k++) {
        struct pawl_str whole = bag.letters[k].bytes;
        for (size_t i = 0; i < whole.len; i++) {
            char *bytes = pawl__arena_dup(&arena, whole);
            for (int bit = 0; bit < 8; bit++) {
                bytes[i] = (char)(whole.data[i] ^ 1 << bit);
                enum pawl_err err = pawl__message_unpack((struct pawl_str){bytes, whole.len},
                                                         &arena, &message, &parent->error);
                assert_true(err == PAWL_OK || err == PAWL_E_CORRUPT);
            }
            enum pawl_err err = pawl__message_unpack((struct pawl_str){whole.data, i}, &arena,
                                                     &message, &parent->error);
            assert_true(err == PAWL_OK || err == PAWL_E_CORRUPT);
            if (err) assert_non_null(strstr(parent->error.text, "in the mailbox cannot be read"));
        }
    }
    pawl__arena_finish(&arena);
    pawl__mailbag_finish(&bag);
    mail_finish(&mail);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_shard_of),
        cmocka_unit_test(test_child),
        cmocka_unit_test(test_start_that_comes_late),
        cmocka_unit_test(test_refused_child),
        cmocka_unit_test(test_events_and_ends),
        cmocka_unit_test(test_recursive_terminate),
        cmocka_unit_test(test_damaged_mail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
