// How daemons share shards: evenly, and without moving more than they have to.

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "runtime/share.h"

// Lets the daemons |members| decide in turn, by what they see, until nobody wants a change. Returns
// how many shards were taken or given back.
static uint32_t settle(struct pawl_share_member *members, size_t count, uint32_t shards) {
    uint32_t moves = 0;
    for (int round = 0, quiet = 0; quiet < (int)count; round++) {
        assert_true(round < 1000); // they agree in the end
        struct pawl_share_member *self = &members[(size_t)round % count];
        uint32_t held = 0;
        for (size_t i = 0; i < count; i++) held += members[i].held;
        self->self = true;
        uint32_t want = pawl__share_want(members, count, shards, shards - held);
        self->self = false;
        assert_true(want <= self->held || want - self->held <= shards - held);
        quiet = want == self->held ? quiet + 1 : 0;
        moves += want > self->held ? want - self->held : self->held - want;
        self->held = want;
    }
    return moves;
}

static uint32_t total(const struct pawl_share_member *members, size_t count) {
    uint32_t held = 0;
    for (size_t i = 0; i < count; i++) held += members[i].held;
    return held;
}

static void test_even(void **state) {
    (void)state;
    for (uint32_t shards = 1; shards <= 20; shards++)
        for (size_t count = 1; count <= 6; count++)
            for (unsigned workers = 0; workers < 1u << count; workers++) {
                struct pawl_share_member members[6] = {0};
                uint32_t sharers = 0;
                for (size_t i = 0; i < count; i++) sharers += members[i].workers = workers >> i & 1;
                if (!sharers) sharers = (uint32_t)count;
                settle(members, count, shards);
                assert_int_equal(total(members, count), shards); // nobody waits for an owner
                for (size_t i = 0; i < count; i++) {
                    bool shares = !workers || members[i].workers;
                    uint32_t least = shares ? shards / sharers : 0;
                    uint32_t most = shares ? least + (shards % sharers != 0) : 0;
                    assert_in_range(members[i].held, least, most);
                }
            }
}

static void test_little_moves(void **state) {
    (void)state;
    struct pawl_share_member members[4] = {{.workers = 1}, {.workers = 1}, {.workers = 1}};
    assert_int_equal(settle(members, 1, 9), 9);
    assert_int_equal(settle(members, 2, 9), 8); // four are given back, and taken
    assert_int_equal(settle(members, 3, 9), 6);
    // One that has died: what it had is taken by the others.
    members[0] = members[2];
    assert_int_equal(settle(members, 2, 9), 3);
    // A single shard stays where it is when others come.
    struct pawl_share_member one[3] = {{.workers = 1}, {.workers = 2}, {.workers = 3}};
    assert_int_equal(settle(one, 1, 1), 1);
    assert_int_equal(settle(one, 3, 1), 0);
    assert_int_equal(one[0].held, 1);
    one[0].workers = 0; // but not with one that cannot do the work
    assert_int_equal(settle(one, 3, 1), 2);
    assert_int_equal(one[0].held, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_even),
        cmocka_unit_test(test_little_moves),
    };
    return cmocka_run_group_tests_name("runtime share", tests, NULL, NULL);
}
