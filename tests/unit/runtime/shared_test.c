// A store that several loops share: whose commits become one, and what each is told. The loops are
// one here, with the jobs of several.

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <errno.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "runtime/shared.h"

enum {
    USERS = 4
};

// A store whose commits wait until they are let through, and come out as they are told to. It keeps
// nothing.
struct gate {
    struct pawl_store base;
    uv_mutex_t mutex;
    uv_cond_t wake;
    bool open, waits, is_closed;
    atomic_int inside;            // calls that write, at the same time
    unsigned made, tended;        // commits, other calls
    unsigned parts[8], states[8]; // of each commit
    enum pawl_outcome outcome;
    uint64_t refused; // the shard whose part is fenced
    bool asks;        // for what has come while it waited
    int nice;         // of the thread that commits
};

static struct gate *gate_of(struct pawl_store *base) {
    return (struct gate *)base;
}

static void gate_enter(struct gate *gate) {
    assert_int_equal(atomic_fetch_add(&gate->inside, 1), 0);
    uv_mutex_lock(&gate->mutex);
    gate->waits = true;
    uv_cond_broadcast(&gate->wake);
    while (!gate->open) uv_cond_wait(&gate->wake, &gate->mutex);
    gate->waits = false;
    uv_mutex_unlock(&gate->mutex);
}

static void gate_leave(struct gate *gate) {
    atomic_fetch_sub(&gate->inside, 1);
}

static enum pawl_outcome gate_commit(struct pawl_store *base, const struct pawl_commit *commit,
                                     struct pawl_error *error) {
    struct gate *gate = gate_of(base);
    gate_enter(gate);
    gate->nice = getpriority(PRIO_PROCESS, 0);
    if (gate->asks) {
        while (commit->more(commit->arg)) {
        }
    }
    unsigned parts = 0, states = 0;
    for (struct pawl_part *part = commit->parts; part; part = part->next, parts++)
        if (part->lease->shard == gate->refused)
            pawl__fail(&part->result, PAWL_E_FENCED, "fenced");
        else
            pawl__error_clear(&part->result);
    for (struct pawl_state_tx *tx = commit->state; tx; tx = tx->next) states++;
    gate->parts[gate->made] = parts;
    gate->states[gate->made++] = states;
    if (gate->outcome != PAWL_COMMIT_DONE) pawl__fail(error, PAWL_E_FULL, "the gate is shut");
    gate_leave(gate);
    return gate->outcome;
}

static enum pawl_err gate_tend(struct pawl_store *base, struct pawl_error *error) {
    gate_enter(gate_of(base));
    gate_of(base)->tended++;
    gate_leave(gate_of(base));
    return PAWL_OK;
}

static void gate_close(struct pawl_store *base) {
    gate_of(base)->is_closed = true;
}

static const struct pawl_store_ops gate_ops = {
    .close = gate_close, .commit = gate_commit, .tend = gate_tend};

// --- waiting ------------------------------------------------------------------------------------

// Who comes while a commit waits for others; and how often one has waited. The writing thread's.
static struct user *wait_comes;
static unsigned waits;

static void user_come(struct user *user);

// Stands in for libuv's.
int uv_cond_timedwait(uv_cond_t *cond, uv_mutex_t *mutex, uint64_t timeout) {
    struct user *user = wait_comes;
    wait_comes = NULL;
    waits++;
    assert_true(timeout > 0 && timeout <= PAWL_MILLISECOND / 2);
    if (!user) return UV_ETIMEDOUT;
    uv_mutex_unlock(mutex);
    user_come(user);
    uv_mutex_lock(mutex);
    return 0;
}

// --- users ---------------------------------------------------------------------------------------

struct user {
    struct pawl_shared_store *shared;
    struct pawl_jobs writer;
    struct pawl_job job;
    struct pawl_offer offer;
    struct pawl_lease lease;
    struct pawl_part parts[2];
    struct pawl_state_tx states[2];
    struct pawl_commit commit;
    struct pawl_error error;
    bool done, closed;
};

struct house {
    uv_loop_t loop;
    struct gate gate;
    struct pawl_shared_store *shared;
    struct user users[USERS];
};

static void user_commit(struct pawl_job *job) {
    struct user *user = PAWL_CONTAINER(job, struct user, job);
    pawl__shared_commit(user->shared, &user->offer);
}

static void user_tend(struct pawl_job *job) {
    struct user *user = PAWL_CONTAINER(job, struct user, job);
    user->shared->store->ops->tend(user->shared->store, &user->error);
}

static void user_done(struct pawl_job *job) {
    PAWL_CONTAINER(job, struct user, job)->done = true;
}

static void user_come(struct user *user) {
    pawl__shared_offer(user->shared, &user->offer);
}

static void user_start(struct house *house, unsigned number, bool tends) {
    struct user *user = &house->users[number];
    struct pawl_jobs writer = user->writer;
    *user = (struct user){.shared = house->shared, .lease.shard = number + 1};
    user->writer = writer;
    for (int i = 0; i < 2; i++) user->parts[i].lease = &user->lease;
    // Not all have a part and a transaction: lists of the others are put together and taken apart.
    if (number != 2) user->commit.parts = &user->parts[0];
    if (number == 1) user->parts[0].next = &user->parts[1];
    if (number != 1) user->commit.state = &user->states[0];
    if (number == 2) user->states[0].next = &user->states[1];
    user->offer = (struct pawl_offer){.commit = &user->commit, .error = &user->error};
    user->job = (struct pawl_job){.run = tends ? user_tend : user_commit, .done = user_done};
    if (!tends) pawl__shared_offer(house->shared, &user->offer);
    pawl__jobs_submit(&user->writer, &user->job);
}

static void house_open(struct house *house) {
    struct gate *gate = &house->gate;
    struct pawl_error error;
    *house = (struct house){.gate.base = {&gate_ops, "state.gate", {0}}};
    uv_loop_init(&house->loop);
    uv_mutex_init(&gate->mutex);
    uv_cond_init(&gate->wake);
    assert_int_equal(pawl__shared_create(&gate->base, USERS, &house->shared, &error), PAWL_OK);
    for (int i = 0; i < USERS; i++)
        assert_int_equal(
            pawl__jobs_borrow(&house->users[i].writer, &house->loop, &house->shared->writer), 0);
}

static void user_closed(void *arg) {
    struct user *user = arg;
    user->closed = true;
}

static void house_close(struct house *house) {
    for (int i = 0; i < USERS; i++)
        pawl__jobs_stop(&house->users[i].writer, user_closed, &house->users[i]);
    uv_run(&house->loop, UV_RUN_DEFAULT);
    for (int i = 0; i < USERS; i++) {
        assert_true(house->users[i].closed);
        assert_false(house->gate.is_closed);
        pawl__shared_release(house->shared);
    }
    assert_true(house->gate.is_closed); // with the last one
    uv_mutex_destroy(&house->gate.mutex);
    uv_cond_destroy(&house->gate.wake);
    assert_int_equal(uv_loop_close(&house->loop), 0);
}

static void gate_let(struct gate *gate) {
    uv_mutex_lock(&gate->mutex);
    gate->open = true;
    uv_cond_broadcast(&gate->wake);
    uv_mutex_unlock(&gate->mutex);
}

// The first one is at the gate when the others come. The user |tending| makes another call than a
// commit; USERS: none.
static void house_fill(struct house *house, unsigned tending) {
    struct gate *gate = &house->gate;
    user_start(house, 0, false);
    uv_mutex_lock(&gate->mutex);
    while (!gate->waits) uv_cond_wait(&gate->wake, &gate->mutex);
    uv_mutex_unlock(&gate->mutex);
    for (unsigned i = 1; i < USERS; i++) user_start(house, i, i == tending);
}

static void house_wait(struct house *house) {
    for (int i = 0; i < USERS; i++)
        while (!house->users[i].done) uv_run(&house->loop, UV_RUN_ONCE);
}

// --- the tests -----------------------------------------------------------------------------------

static void test_one_commit(void **state) {
    struct house house;
    house_open(&house);
    house.gate.refused = 4; // of the last one
    house_fill(&house, USERS);
    gate_let(&house.gate);
    house_wait(&house);
    assert_int_equal(house.gate.made, 2);
    assert_int_equal(house.gate.parts[0], 1);
    assert_int_equal(house.gate.parts[1], 3); // 2 + 0 + 1
    assert_int_equal(house.gate.states[0], 1);
    assert_int_equal(house.gate.states[1], 3); // 0 + 2 + 1
    assert_int_equal(atomic_load(&house.shared->commits), 2);
    for (int i = 0; i < USERS; i++) {
        struct user *user = &house.users[i];
        assert_int_equal(user->offer.outcome, PAWL_COMMIT_DONE);
        if (i != 2) assert_int_equal(user->parts[0].result.code, i == 3 ? PAWL_E_FENCED : PAWL_OK);
        // Each has its own lists again.
        assert_ptr_equal(user->parts[0].next, i == 1 ? &user->parts[1] : NULL);
        assert_null(user->parts[1].next);
        assert_ptr_equal(user->states[0].next, i == 2 ? &user->states[1] : NULL);
        assert_null(user->states[1].next);
    }
    for (unsigned i = 0; i < USERS; i++) user_start(&house, i, false); // and again
    house_wait(&house);
    assert_true(house.gate.made > 2);
    house_close(&house);
}

// A store that asks for what has come meanwhile makes one commit of all.
static void test_more(void **state) {
    static const enum pawl_outcome outcomes[] = {PAWL_COMMIT_DONE, PAWL_COMMIT_NOTHING,
                                                 PAWL_COMMIT_UNKNOWN};
    for (int o = 0; o < 3; o++) {
        struct house house;
        house_open(&house);
        house.gate.asks = true;
        house.gate.refused = 4; // of the last one
        house.gate.outcome = outcomes[o];
        house_fill(&house, USERS);
        gate_let(&house.gate);
        house_wait(&house);
        bool done = outcomes[o] == PAWL_COMMIT_DONE;
        assert_int_equal(house.gate.made, 1);
        assert_int_equal(house.gate.parts[0], 4);  // 1 + 2 + 0 + 1
        assert_int_equal(house.gate.states[0], 4); // 1 + 0 + 2 + 1
        assert_int_equal(atomic_load(&house.shared->commits), done);
        for (int i = 0; i < USERS; i++) {
            struct user *user = &house.users[i];
            assert_int_equal(user->offer.outcome, outcomes[o]);
            assert_int_equal(user->error.code, done ? PAWL_OK : PAWL_E_FULL);
            if (i != 2)
                assert_int_equal(user->parts[0].result.code, i == 3 ? PAWL_E_FENCED : PAWL_OK);
            assert_ptr_equal(user->parts[0].next, i == 1 ? &user->parts[1] : NULL);
            assert_ptr_equal(user->states[0].next, i == 2 ? &user->states[1] : NULL);
        }
        for (unsigned i = 0; i < USERS; i++) user_start(&house, i, false); // and again
        house_wait(&house);
        house_close(&house);
    }
}

// A commit of user 0, with |records| in it; if |both|, also of user 1.
static void wait_commit(struct house *house, size_t records, bool both) {
    for (unsigned i = 0; i < 1u + both; i++) {
        struct user *user = &house->users[i];
        user->offer.records = records;
        user->done = false;
        if (i) pawl__shared_offer(house->shared, &user->offer);
    }
    pawl__shared_offer(house->shared, &house->users[0].offer);
    pawl__jobs_submit(&house->users[0].writer, &house->users[0].job);
    while (!house->users[0].done) uv_run(&house->loop, UV_RUN_ONCE);
}

// A commit waits for who was in the one before with much to write, and has not come yet.
static void test_waits(void **state) {
    struct house house;
    house_open(&house);
    house.gate.asks = true;
    gate_let(&house.gate);
    for (unsigned i = 0; i < USERS; i++) user_start(&house, i, false);
    house_wait(&house);
    house.gate.made = waits = 0;
    wait_commit(&house, 7, true);
    wait_commit(&house, 7, false); // little was written
    assert_int_equal(waits, 0);
    wait_commit(&house, 8, true);
    assert_int_equal(waits, 0);
    wait_comes = &house.users[1];
    wait_commit(&house, 8, false);
    assert_int_equal(waits, 1);
    assert_true(house.users[1].offer.is_over);
    assert_int_equal(house.gate.parts[3], 3); // 1 + 2
    wait_commit(&house, 8, false);            // nobody comes
    assert_int_equal(waits, 2);
    assert_int_equal(house.gate.parts[4], 1);
    wait_commit(&house, 8, false); // nor is anybody waited for
    assert_int_equal(waits, 2);
    house_close(&house);
}

// Another call between them keeps its place, and is not made at the same time as a commit.
static void test_among_others(void **state) {
    for (unsigned tending = 1; tending < USERS; tending++) {
        struct house house;
        house_open(&house);
        house_fill(&house, tending);
        gate_let(&house.gate);
        house_wait(&house);
        assert_int_equal(house.gate.made, 2);
        assert_int_equal(house.gate.tended, 1);
        house_close(&house);
    }
}

// What becomes of a commit becomes of all that were in it.
static void test_outcome(void **state) {
    static const enum pawl_outcome outcomes[] = {PAWL_COMMIT_NOTHING, PAWL_COMMIT_UNKNOWN};
    for (int o = 0; o < 2; o++) {
        struct house house;
        house_open(&house);
        house.gate.outcome = outcomes[o];
        house_fill(&house, USERS);
        gate_let(&house.gate);
        house_wait(&house);
        for (int i = 0; i < USERS; i++) {
            assert_int_equal(house.users[i].offer.outcome, outcomes[o]);
            assert_int_equal(house.users[i].error.code, PAWL_E_FULL);
            assert_string_equal(house.users[i].error.text, "the gate is shut");
        }
        assert_int_equal(atomic_load(&house.shared->commits), 0);
        house_close(&house);
    }
}

// Who stops while others' jobs, and its own, are before the store hears of its own first.
static void test_stop_waits(void **state) {
    struct house house;
    house_open(&house);
    house_fill(&house, USERS);
    pawl__jobs_stop(&house.users[3].writer, user_closed, &house.users[3]);
    for (int i = 0; i < 3; i++) uv_run(&house.loop, UV_RUN_NOWAIT);
    assert_false(house.users[3].closed);
    gate_let(&house.gate);
    while (!house.users[3].closed) uv_run(&house.loop, UV_RUN_ONCE);
    assert_true(house.users[3].done);
    house_wait(&house);
    for (int i = 0; i < 3; i++)
        pawl__jobs_stop(&house.users[i].writer, user_closed, &house.users[i]);
    uv_run(&house.loop, UV_RUN_DEFAULT);
    for (int i = 0; i < USERS; i++) pawl__shared_release(house.shared);
    assert_true(house.gate.is_closed);
    assert_int_equal(uv_loop_close(&house.loop), 0);
}

// --- the writing thread's place ------------------------------------------------------------------

static unsigned yields;

// Stands in for the C library's.
int sched_yield(void) {
    yields++;
    return 0;
}

// Whether the writing thread is ahead where the system allows it, and is let run where not.
static bool house_is_ahead(bool *allowed) {
    struct house house;
    int nice = getpriority(PRIO_PROCESS, 0);
    *allowed = setpriority(PRIO_PROCESS, 0, nice - 1) == 0;
    setpriority(PRIO_PROCESS, 0, nice);
    house_open(&house);
    house_fill(&house, USERS);
    gate_let(&house.gate);
    house_wait(&house);
    yields = 0;
    pawl__shared_yield(house.shared);
    int got = house.gate.nice;
    house_close(&house);
    return *allowed ? got < nice && yields == 0 : got == nice && yields == 1;
}

static void test_ahead(void **state) {
    bool allowed;
    assert_true(house_is_ahead(&allowed));
}

static void test_not_allowed(void **state) {
    pid_t child = fork();
    if (child == 0) {
        bool allowed = geteuid() == 0 && setuid(65534) != 0;
        _exit(!allowed && house_is_ahead(&allowed) && !allowed ? 0 : 1);
    }
    int status = 1;
    while (waitpid(child, &status, 0) < 0) assert_int_equal(errno, EINTR);
    assert_int_equal(status, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_commit), cmocka_unit_test(test_more),
        cmocka_unit_test(test_waits),      cmocka_unit_test(test_among_others),
        cmocka_unit_test(test_outcome),    cmocka_unit_test(test_stop_waits),
        cmocka_unit_test(test_ahead),      cmocka_unit_test(test_not_allowed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
