#include <pthread.h>
#include <stdatomic.h>

#include "store/joint/joint.h"
#include "suite.h"

// --- the suite, through a seat
// --------------------------------------------------------------------

static enum pawl_err joint_open(const char *path, struct pawl_store **out,
                                struct pawl_error *error) {
    struct pawl_store *store;
    enum pawl_err err = t_sqlite.open(path, &store, error);
    return err ? err : pawl__joint_open(store, out, 1, error);
}

static enum pawl_err joint_again(struct pawl_store *store, const char *path,
                                 struct pawl_store **out, struct pawl_error *error) {
    (void)store;
    return joint_open(path, out, error);
}

static const struct store_kind t_joint = {
    .name = "joint", .shared = true, .open = joint_open, .again = joint_again};

// --- many seats
// -----------------------------------------------------------------------------------

enum {
    SEATS = 4
};

// A store whose commits wait until they are let through, and come out as they are told to. It keeps
// nothing.
struct gate {
    struct pawl_store base;
    pthread_mutex_t mutex;
    pthread_cond_t wake;
    bool open, closed;
    unsigned waiting, made, tended; // commits that wait; that were made
    atomic_int inside;              // calls that write, at the same time
    unsigned parts[8], states[8];   // of each commit
    enum pawl_outcome outcome;
    uint64_t refused; // the shard whose part is fenced
};

static struct gate *gate_of(struct pawl_store *base) {
    return (struct gate *)base;
}

static void gate_enter(struct gate *gate) {
    assert_int_equal(atomic_fetch_add(&gate->inside, 1), 0);
}

static void gate_leave(struct gate *gate) {
    atomic_fetch_sub(&gate->inside, 1);
}

static enum pawl_outcome gate_commit(struct pawl_store *base, const struct pawl_commit *commit,
                                     struct pawl_error *error) {
    struct gate *gate = gate_of(base);
    gate_enter(gate);
    pthread_mutex_lock(&gate->mutex);
    gate->waiting++;
    pthread_cond_broadcast(&gate->wake);
    while (!gate->open) pthread_cond_wait(&gate->wake, &gate->mutex);
    gate->waiting--;
    unsigned parts = 0, states = 0;
    for (struct pawl_part *part = commit->parts; part; part = part->next, parts++)
        if (part->lease->shard == gate->refused)
            pawl__fail(&part->result, PAWL_E_FENCED, "fenced");
        else
            pawl__error_clear(&part->result);
    for (struct pawl_state_tx *tx = commit->state; tx; tx = tx->next) states++;
    gate->parts[gate->made] = parts;
    gate->states[gate->made++] = states;
    pthread_mutex_unlock(&gate->mutex);
    gate_leave(gate);
    if (gate->outcome != PAWL_COMMIT_DONE) pawl__fail(error, PAWL_E_FULL, "the gate is shut");
    return gate->outcome;
}

static enum pawl_err gate_tend(struct pawl_store *base, struct pawl_error *error) {
    (void)error;
    struct gate *gate = gate_of(base);
    gate_enter(gate);
    gate->tended++;
    gate_leave(gate);
    return PAWL_OK;
}

static void gate_close(struct pawl_store *base) {
    gate_of(base)->closed = true;
}

static const struct pawl_store_ops gate_ops = {
    .close = gate_close, .commit = gate_commit, .tend = gate_tend};

// One thread with a seat, and its commit.
struct writer {
    struct pawl_store *seat;
    pthread_t thread;
    struct pawl_lease lease;
    struct pawl_part parts[2];
    struct pawl_state_tx states[2];
    struct pawl_commit commit;
    enum pawl_outcome outcome;
    struct pawl_error error;
    bool tends;
};

static void *writer_main(void *arg) {
    struct writer *writer = arg;
    if (writer->tends)
        writer->seat->ops->tend(writer->seat, &writer->error);
    else
        writer->outcome = writer->seat->ops->commit(writer->seat, &writer->commit, &writer->error);
    return NULL;
}

static void writer_start(struct writer *writer, struct pawl_store *seat, unsigned number,
                         bool tends) {
    *writer = (struct writer){.seat = seat, .lease.shard = number + 1, .tends = tends};
    pawl__error_clear(&writer->error);
    for (int i = 0; i < 2; i++) writer->parts[i].lease = &writer->lease;
    // Not all have a part and a transaction: lists of the others are put together and taken apart.
    if (number != 2) writer->commit.parts = &writer->parts[0];
    if (number == 1) writer->parts[0].next = &writer->parts[1];
    if (number != 1) writer->commit.state = &writer->states[0];
    if (number == 2) writer->states[0].next = &writer->states[1];
    assert_int_equal(pthread_create(&writer->thread, NULL, writer_main, writer), 0);
}

struct seats {
    struct gate gate;
    struct pawl_store *list[SEATS];
    struct writer writers[SEATS];
};

static void seats_open(struct seats *seats) {
    struct gate *gate = &seats->gate;
    *seats = (struct seats){.gate.base = {&gate_ops, "state.gate", {.expires = true}}};
    pthread_mutex_init(&gate->mutex, NULL);
    pthread_cond_init(&gate->wake, NULL);
    struct pawl_error error;
    assert_int_equal(pawl__joint_open(&gate->base, seats->list, SEATS, &error), PAWL_OK);
}

static void seats_close(struct seats *seats) {
    for (int i = 0; i < SEATS; i++) {
        assert_false(seats->gate.closed);
        seats->list[i]->ops->close(seats->list[i]);
    }
    assert_true(seats->gate.closed); // with the last one
}

static void gate_await(struct gate *gate) {
    pthread_mutex_lock(&gate->mutex);
    while (!gate->waiting) pthread_cond_wait(&gate->wake, &gate->mutex);
    pthread_mutex_unlock(&gate->mutex);
}

static void gate_open(struct gate *gate) {
    pthread_mutex_lock(&gate->mutex);
    gate->open = true;
    pthread_cond_broadcast(&gate->wake);
    pthread_mutex_unlock(&gate->mutex);
}

// The first commit is at the gate when the others come, and they wait when it is let through. The
// seats from |tending| on make another call than commits.
static void seats_commit(struct seats *seats, unsigned tending) {
    struct gate *gate = &seats->gate;
    writer_start(&seats->writers[0], seats->list[0], 0, false);
    gate_await(gate);
    for (unsigned i = 1; i < SEATS; i++) {
        writer_start(&seats->writers[i], seats->list[i], i, i >= tending);
        while (pawl__joint_waiting(seats->list[0]) < i) sched_yield(); // in their order
    }
    gate_open(gate);
    for (int i = 0; i < SEATS; i++) pthread_join(seats->writers[i].thread, NULL);
}

static void test_one_commit(void **state) {
    (void)state;
    struct seats seats;
    seats_open(&seats);
    seats.gate.refused = 4; // of the last one
    seats_commit(&seats, SEATS);
    assert_int_equal(seats.gate.made, 2);
    assert_int_equal(seats.gate.parts[0], 1);
    assert_int_equal(seats.gate.parts[1], 3); // 2 + 0 + 1
    assert_int_equal(seats.gate.states[0], 1);
    assert_int_equal(seats.gate.states[1], 3); // 0 + 2 + 1
    for (int i = 0; i < SEATS; i++) {
        struct writer *writer = &seats.writers[i];
        assert_int_equal(writer->outcome, PAWL_COMMIT_DONE);
        if (i != 2)
            assert_int_equal(writer->parts[0].result.code, i == 3 ? PAWL_E_FENCED : PAWL_OK);
        // Each has its own lists again.
        assert_ptr_equal(writer->parts[0].next, i == 1 ? &writer->parts[1] : NULL);
        assert_null(writer->parts[1].next);
        assert_ptr_equal(writer->states[0].next, i == 2 ? &writer->states[1] : NULL);
        assert_null(writer->states[1].next);
    }
    assert_int_equal(pawl__joint_commits(seats.list[0]), 2);
    seats_close(&seats);
}

// Other calls behind them keep their places, and are no commits.
static void test_among_others(void **state) {
    (void)state;
    for (unsigned tending = 1; tending < SEATS; tending++) {
        struct seats seats;
        seats_open(&seats);
        seats_commit(&seats, tending);
        assert_int_equal(seats.gate.made, tending > 1 ? 2 : 1);
        assert_int_equal(seats.gate.tended, SEATS - tending);
        for (unsigned i = 0; i < tending; i++)
            assert_int_equal(seats.writers[i].outcome, PAWL_COMMIT_DONE);
        assert_int_equal(pawl__joint_waiting(seats.list[0]), 0);
        seats_close(&seats);
    }
}

// What becomes of a commit becomes of all that were in it.
static void test_outcome(void **state) {
    (void)state;
    static const enum pawl_outcome outcomes[] = {PAWL_COMMIT_NOTHING, PAWL_COMMIT_UNKNOWN};
    for (int o = 0; o < 2; o++) {
        struct seats seats;
        seats_open(&seats);
        seats.gate.outcome = outcomes[o];
        seats_commit(&seats, SEATS);
        for (int i = 0; i < SEATS; i++) {
            assert_int_equal(seats.writers[i].outcome, outcomes[o]);
            assert_int_equal(seats.writers[i].error.code, PAWL_E_FULL);
            assert_string_equal(seats.writers[i].error.text, "the gate is shut");
        }
        assert_int_equal(pawl__joint_commits(seats.list[0]), 0);
        seats_close(&seats);
    }
}

// Who may not wait is told so, and nothing was done.
static void test_at_once(void **state) {
    (void)state;
    struct seats seats;
    seats_open(&seats);
    struct gate *gate = &seats.gate;
    assert_true(seats.list[0]->caps.may_block);
    writer_start(&seats.writers[0], seats.list[0], 0, false);
    gate_await(gate);
    struct pawl_part part = {.lease = &seats.writers[0].lease};
    struct pawl_commit commit = {.parts = &part, .at_once = true};
    struct pawl_error error;
    assert_int_equal(seats.list[1]->ops->commit(seats.list[1], &commit, &error),
                     PAWL_COMMIT_NOTHING);
    assert_int_equal(error.code, PAWL_E_UNAVAILABLE);
    gate_open(gate);
    pthread_join(seats.writers[0].thread, NULL);
    assert_int_equal(seats.list[1]->ops->commit(seats.list[1], &commit, &error), PAWL_COMMIT_DONE);
    seats_close(&seats);
}

// Commits and other calls of all seats, as fast as they can: the store sees one at a time.
static void *busy_main(void *arg) {
    struct pawl_store *seat = arg;
    struct pawl_lease lease = {.shard = 1};
    for (int i = 0; i < 2000; i++) {
        struct pawl_part part = {.lease = &lease};
        struct pawl_commit commit = {.parts = &part};
        struct pawl_error error;
        if (i % 5)
            seat->ops->commit(seat, &commit, &error);
        else
            seat->ops->tend(seat, &error);
    }
    return NULL;
}

static enum pawl_outcome quick_commit(struct pawl_store *base, const struct pawl_commit *commit,
                                      struct pawl_error *error) {
    (void)error;
    gate_enter(gate_of(base));
    for (struct pawl_part *part = commit->parts; part; part = part->next) gate_of(base)->made++;
    gate_leave(gate_of(base));
    return PAWL_COMMIT_DONE;
}

static void test_one_at_a_time(void **state) {
    (void)state;
    static const struct pawl_store_ops ops = {
        .close = gate_close, .commit = quick_commit, .tend = gate_tend};
    struct seats seats;
    seats_open(&seats);
    seats.gate.base.ops = &ops;
    pthread_t threads[SEATS];
    for (int i = 0; i < SEATS; i++) pthread_create(&threads[i], NULL, busy_main, seats.list[i]);
    for (int i = 0; i < SEATS; i++) pthread_join(threads[i], NULL);
    assert_int_equal(seats.gate.made, SEATS * 1600);
    assert_int_equal(seats.gate.tended, SEATS * 400);
    assert_int_equal(pawl__joint_waiting(seats.list[0]), 0);
    seats_close(&seats);
}

int main(int argc, char **argv) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_commit),    cmocka_unit_test(test_among_others),
        cmocka_unit_test(test_outcome),       cmocka_unit_test(test_at_once),
        cmocka_unit_test(test_one_at_a_time),
    };
    int rc = suite_main(argc, argv, &t_joint);
    if (rc >= 0) return rc;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
