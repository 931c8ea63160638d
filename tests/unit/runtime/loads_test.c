// Instances that are read together: what goes in one read, in which order, and what is done about
// one that cannot be read.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <semaphore.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "runtime/loads.h"

struct kit {
    struct pawl_store store;
    uv_loop_t loop;
    struct pawl_jobs reader;
    struct pawl_loads loads;
    struct pawl_mute mute;
    char told[1024];     // what was read, and what was done, in their order
    enum pawl_err fault; // of a read of several
    sem_t gate;
    struct pawl_job hold; // has the reader until the gate opens
    struct pawl_job other;
};

static struct kit *kit_of(struct pawl_store *store) {
    return PAWL_CONTAINER(store, struct kit, store);
}

// Ids say what becomes of them: "b..." is damaged, "n..." is not there.
static enum pawl_err kit_read(struct pawl_str id, struct pawl_snapshot *out,
                              struct pawl_error *error) {
    if (*id.data == 'b') return pawl__fail(error, PAWL_E_CORRUPT, "%.*s is damaged", PAWL_FMT(id));
    if (*id.data == 'n') return pawl__fail(error, PAWL_E_NOT_FOUND, "there is none");
    *out = (struct pawl_snapshot){.id = id, .state = id};
    return PAWL_OK;
}

static void kit_tell(struct kit *kit, const char *what, struct pawl_str id) {
    size_t len = strlen(kit->told);
    snprintf(kit->told + len, sizeof kit->told - len, "%s%.*s ", what, PAWL_FMT(id));
}

static enum pawl_err kit_load(struct pawl_store *store, uint64_t shard, struct pawl_str id,
                              struct pawl_arena *arena, struct pawl_snapshot *out,
                              struct pawl_error *error) {
    kit_tell(kit_of(store), "one:", id);
    return kit_read(id, out, error);
}

static enum pawl_err kit_load_many(struct pawl_store *store, const struct pawl_place *places,
                                   size_t count, pawl_place_fn fn, void *arg,
                                   struct pawl_error *error) {
    char head[24];
    snprintf(head, sizeof head, "%zu:", count);
    kit_tell(kit_of(store), head, places[0].id);
    if (kit_of(store)->fault) return pawl__fail(error, kit_of(store)->fault, "the server is away");
    enum pawl_err err = PAWL_OK;
    for (size_t i = count; !err && i--;) { // in any order
        struct pawl_snapshot row;
        assert_int_equal(places[i].shard, (uint64_t)(places[i].id.data[1] - '0'));
        err = kit_read(places[i].id, &row, error);
        if (!err) err = fn(arg, i, &row, error);
        if (err == PAWL_E_NOT_FOUND) err = PAWL_OK;
    }
    return err;
}

static const struct pawl_store_ops kit_ops = {.load = kit_load, .load_many = kit_load_many};

static void hold_run(struct pawl_job *job) {
    sem_wait(&PAWL_CONTAINER(job, struct kit, hold)->gate);
}

static void other_run(struct pawl_job *job) {
    kit_tell(PAWL_CONTAINER(job, struct kit, other), "other", PAWL_STR(""));
}

static void job_done(struct pawl_job *job) {
}

static void kit_init(struct kit *kit) {
    *kit = (struct kit){.store.ops = &kit_ops};
    uv_loop_init(&kit->loop);
    sem_init(&kit->gate, 0, 0);
    assert_int_equal(pawl__jobs_start(&kit->reader, &kit->loop, 1), 0);
    pawl__loads_init(&kit->loads, &kit->store, &kit->reader, &kit->mute);
    kit->hold = (struct pawl_job){.run = hold_run, .done = job_done};
    kit->other = (struct pawl_job){.run = other_run, .done = job_done};
}

static void on_stopped(void *arg) {
}

// Reads all, and checks what was read and done.
static void kit_expect(struct kit *kit, const char *expected) {
    sem_post(&kit->gate);
    while (kit->reader.out) uv_run(&kit->loop, UV_RUN_ONCE);
    assert_string_equal(kit->told, expected);
    *kit->told = 0;
}

static void kit_finish(struct kit *kit) {
    pawl__jobs_stop(&kit->reader, on_stopped, NULL);
    uv_run(&kit->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&kit->loop), 0);
    sem_destroy(&kit->gate);
}

struct one {
    struct pawl_loads_one read;
    struct kit *kit;
    size_t *counted; // instead of being told
};

static void one_done(struct pawl_loads_one *read) {
    struct one *one = PAWL_CONTAINER(read, struct one, read);
    enum pawl_err err = read->error.code;
    const char *how = !err                        ? "ok:"
                      : err == PAWL_E_NOT_FOUND   ? "none:"
                      : err == PAWL_E_CORRUPT     ? "bad:"
                      : err == PAWL_E_UNAVAILABLE ? "away:"
                                                  : "?";
    if (!err) assert_true(pawl__str_equal(read->snapshot.state, read->place.id));
    if (one->counted)
        ++*one->counted;
    else
        kit_tell(one->kit, how, read->place.id);
    pawl__arena_finish(&read->arena);
}

static void add(struct kit *kit, struct one *one, const char *id) {
    *one = (struct one){.kit = kit, .read.place = {(uint64_t)(id[1] - '0'), pawl__str(id)}};
    one->read.done = one_done;
    assert_true(pawl__loads_add(&kit->loads, &one->read));
}

// What comes before the reader's turn goes in one read, of any shards; nothing overtakes.
static void test_together(void **state) {
    struct kit kit;
    struct one ones[4];
    kit_init(&kit);
    pawl__jobs_submit(&kit.reader, &kit.hold);
    add(&kit, &ones[0], "a1");
    pawl__loads_send(&kit.loads);
    add(&kit, &ones[1], "a2"); // that is sent, and has not begun
    add(&kit, &ones[2], "n1");
    pawl__loads_send(&kit.loads);
    pawl__jobs_submit(&kit.reader, &kit.other);
    kit_expect(&kit, "3:a1 other ok:a1 ok:a2 none:n1 ");
    add(&kit, &ones[3], "a3");
    assert_string_equal(kit.told, "");
    pawl__loads_send(&kit.loads);
    kit_expect(&kit, "one:a3 ok:a3 ");
    kit_finish(&kit);
}

static void test_pages(void **state) {
    enum {
        COUNT = 33
    };
    struct kit kit;
    struct one ones[COUNT];
    char expected[1024] = "32:a1 one:a1 ";
    kit_init(&kit);
    pawl__jobs_submit(&kit.reader, &kit.hold);
    for (int i = 0; i < COUNT; i++) {
        add(&kit, &ones[i], "a1");
        strcat(expected, "ok:a1 ");
    }
    pawl__loads_send(&kit.loads);
    kit_expect(&kit, expected);
    kit_finish(&kit);
}

// Pages are read while others are added, as a thread checker has to see. How many go in one read
// is then left to chance, and so only what was done counts.
static void test_meanwhile(void **state) {
    enum {
        COUNT = 200
    };
    struct kit kit;
    struct one ones[COUNT];
    size_t done = 0;
    kit_init(&kit);
    for (int i = 0; i < COUNT; i++) {
        add(&kit, &ones[i], "a1");
        ones[i].counted = &done;
    }
    pawl__loads_send(&kit.loads);
    while (kit.reader.out) uv_run(&kit.loop, UV_RUN_ONCE);
    assert_int_equal(done, COUNT);
    kit_finish(&kit);
}

// One that is damaged harms no other. A server that is away is asked once.
static void test_faults(void **state) {
    struct kit kit;
    struct one ones[3];
    kit_init(&kit);
    sem_post(&kit.gate);
    add(&kit, &ones[0], "a1");
    add(&kit, &ones[1], "b1");
    add(&kit, &ones[2], "n1");
    pawl__loads_send(&kit.loads);
    kit_expect(&kit, "3:a1 one:a1 one:b1 one:n1 ok:a1 bad:b1 none:n1 ");
    assert_string_equal(ones[1].read.error.text, "b1 is damaged");
    kit.fault = PAWL_E_UNAVAILABLE;
    add(&kit, &ones[0], "a1");
    add(&kit, &ones[1], "a2");
    pawl__loads_send(&kit.loads);
    kit_expect(&kit, "2:a1 away:a1 away:a2 ");
    assert_string_equal(ones[1].read.error.text, "the server is away");
    kit_finish(&kit);
}

// Who has waited for long behind a read that found no server does not wait for another one, be it
// alone or not. One that finds the server ends that.
static void test_no_server(void **state) {
    struct kit kit;
    struct one ones[3];
    kit_init(&kit);
    kit.fault = PAWL_E_UNAVAILABLE;
    sem_post(&kit.gate);
    add(&kit, &ones[0], "a1");
    add(&kit, &ones[1], "a2");
    pawl__loads_send(&kit.loads);
    kit_expect(&kit, "2:a1 away:a1 away:a2 ");
    assert_true(kit.mute.at != 0);
    for (int i = 1; i <= 2; i++) {
        kit.mute.at = pawl__clock_steady() + 6 * PAWL_SECOND; // that read took so long
        for (int k = 0; k < i; k++) add(&kit, &ones[k], "a1");
        pawl__loads_send(&kit.loads);
        kit_expect(&kit, i == 1 ? "away:a1 " : "away:a1 away:a1 ");
        assert_string_equal(ones[i - 1].read.error.text, "the server is away");
    }
    kit.mute.at = pawl__clock_steady() + 4 * PAWL_SECOND;
    add(&kit, &ones[0], "a1");
    pawl__loads_send(&kit.loads);
    kit_expect(&kit, "one:a1 ok:a1 ");
    assert_int_equal(kit.mute.at, 0);
    kit_finish(&kit);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_together),  cmocka_unit_test(test_pages),
        cmocka_unit_test(test_meanwhile), cmocka_unit_test(test_faults),
        cmocka_unit_test(test_no_server),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
