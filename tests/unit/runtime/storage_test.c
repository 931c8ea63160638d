// A storage by itself, over a store that does what a test says.

#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>

#include <cmocka.h>

#include "../patience.h"
#include "runtime/members.h"
#include "runtime/storage.h"

struct stub {
    struct pawl_store base;
    bool closed;
    enum pawl_err refusal; // of what the client writes next
    bool unknown;          // and nobody knows what was done
    atomic_int busy;       // so many commits find that somebody else writes; any thread sets it
    unsigned commits, at_once, tends, puts, gets;
    atomic_bool due;  // each commit wants housekeeping at once, which waits for |silence|
    uv_sem_t silence; // of the first read
};

static enum pawl_outcome stub_commit(struct pawl_store *store, const struct pawl_commit *commit,
                                     struct pawl_error *error) {
    struct stub *stub = (struct stub *)store;
    stub->commits++;
    stub->at_once += commit->at_once;
    if (stub->busy && (commit->at_once || stub->busy-- > 0)) {
        pawl__fail(error, PAWL_E_UNAVAILABLE, "somebody else writes");
        return PAWL_COMMIT_NOTHING;
    }
    atomic_store(&store->due, stub->due);
    if (!commit->parts || !stub->refusal) return PAWL_COMMIT_DONE;
    enum pawl_err refusal = stub->refusal;
    stub->refusal = PAWL_OK;
    if (stub->unknown) {
        pawl__fail(error, refusal, "nobody knows");
        return PAWL_COMMIT_UNKNOWN;
    }
    pawl__fail(&commit->parts->result, refusal, "it is refused");
    return PAWL_COMMIT_DONE;
}

static void stub_close(struct pawl_store *store) {
    ((struct stub *)store)->closed = true;
}

// Goes wrong at first, then well, then wrong again.
static enum pawl_err stub_tend(struct pawl_store *store, struct pawl_error *error) {
    struct stub *stub = (struct stub *)store;
    if (stub->due) uv_sem_wait(&stub->silence);
    return ++stub->tends == 4 ? PAWL_OK : pawl__fail(error, PAWL_E_IO, "the disk is on fire");
}

// The same.
static enum pawl_err stub_put_member(struct pawl_store *store, struct pawl_str app,
                                     const struct pawl_member *member, int64_t ttl,
                                     struct pawl_error *error) {
    struct stub *stub = (struct stub *)store;
    return ++stub->puts == 4 ? PAWL_OK : pawl__fail(error, PAWL_E_IO, "the disk is on fire");
}

static enum pawl_err stub_members(struct pawl_store *store, struct pawl_str app,
                                  struct pawl_arena *arena, struct pawl_member **out, size_t *count,
                                  struct pawl_error *error) {
    return pawl__fail(error, PAWL_E_IO, "the disk is on fire");
}

// The first time the store does not answer, until it is known that it will not.
static enum pawl_err stub_get(struct pawl_store *store, struct pawl_str key,
                              struct pawl_arena *arena, struct pawl_state_value *out,
                              struct pawl_error *error) {
    struct stub *stub = (struct stub *)store;
    *out = (struct pawl_state_value){0};
    if (++stub->gets > 1) return PAWL_OK;
    uv_sem_wait(&stub->silence);
    return pawl__fail(error, PAWL_E_UNAVAILABLE, "nobody answers");
}

static const struct pawl_store_ops stub_ops = {.get_state = stub_get,
                                               .close = stub_close,
                                               .commit = stub_commit,
                                               .tend = stub_tend,
                                               .put_member = stub_put_member,
                                               .members = stub_members};

static void on_closed(void *arg) {
    *(bool *)arg = true;
}

// --- threads that cannot be started -------------------------------------------------------------

static int threads, fail_thread; // which one, from 1

int __real_uv_thread_create(uv_thread_t *thread, uv_thread_cb entry, void *arg);
int __wrap_uv_thread_create(uv_thread_t *thread, uv_thread_cb entry, void *arg);

int __wrap_uv_thread_create(uv_thread_t *thread, uv_thread_cb entry, void *arg) {
    return ++threads == fail_thread ? UV_EAGAIN : __real_uv_thread_create(thread, entry, arg);
}

static void test_no_thread(void **state) {
    for (fail_thread = 1; fail_thread <= 2; fail_thread++) {
        struct stub stub = {.base = {&stub_ops, "state.stub"}};
        struct pawl_storage *storage = malloc(sizeof *storage);
        struct pawl_error error;
        uv_loop_t loop;
        bool closed = false;
        uv_loop_init(&loop);
        threads = 0;
        assert_int_equal(pawl__storage_init(storage, &loop, &stub.base, NULL, &error),
                         PAWL_E_NOMEM);
        assert_non_null(strstr(error.text, "cannot start a thread for the store"));
        pawl__storage_close(storage, on_closed, &closed);
        uv_run(&loop, UV_RUN_DEFAULT);
        assert_true(closed);
        assert_true(stub.closed);
        free(storage);
        assert_int_equal(uv_loop_close(&loop), 0);
    }
    fail_thread = 0;
}

// --- what the client writes is refused ----------------------------------------------------------

struct client {
    struct pawl_storage_client base;
    struct pawl_lease lease;
    bool writes;
    unsigned oks;
    enum pawl_outcome outcome;
    enum pawl_err refused;
    struct pawl_storage *storage;
};

static bool client_prepare(struct pawl_storage_client *base, struct pawl_part *part) {
    struct client *client = (struct client *)base;
    bool writes = client->writes;
    client->writes = false;
    if (writes) part->lease = &client->lease;
    return writes;
}

static size_t client_gathered(const struct pawl_storage_client *base) {
    return 0;
}

static int64_t client_patience(struct pawl_storage_client *base) {
    return 0;
}

static void client_done(struct pawl_storage_client *base, enum pawl_outcome outcome,
                        const struct pawl_error *error) {
    struct client *client = (struct client *)base;
    client->outcome = outcome;
    if (!error->code) {
        client->oks++;
        return;
    }
    client->refused = error->code;
    client->writes = true; // it wants to write again
    pawl__storage_want(client->storage);
}

static void write_done(struct pawl_state_write *write) {
    *(bool *)write->data = true;
}

#define UNTIL(loop, condition)                                                                     \
    for (struct patience until_ = {0}; !(condition);) {                                            \
        if (patience_spend(&until_) > 10 * PAWL_SECOND)                                            \
            fail_msg("waited too long for: %s", #condition);                                       \
        uv_run(loop, UV_RUN_ONCE);                                                                 \
    }

// A storage with a client, over a stub.
struct bench {
    struct client client;
    struct pawl_storage storage;
    uv_loop_t loop;
};

static void bench_open(struct bench *bench, struct stub *stub) {
    struct pawl_error error;
    *bench = (struct bench){.client.base = {.prepare = client_prepare,
                                            .gathered = client_gathered,
                                            .patience = client_patience,
                                            .done = client_done}};
    uv_loop_init(&bench->loop);
    assert_int_equal(pawl__storage_init(&bench->storage, &bench->loop, &stub->base, NULL, &error),
                     PAWL_OK);
    bench->client.storage = &bench->storage;
    pawl__storage_add(&bench->storage, &bench->client.base);
}

static void bench_close(struct bench *bench) {
    bool closed = false;
    pawl__storage_close(&bench->storage, on_closed, &closed);
    UNTIL(&bench->loop, closed);
    assert_int_equal(uv_loop_close(&bench->loop), 0);
}

static void test_client_is_refused(void **state) {
    static const struct {
        enum pawl_err code;
        bool unknown;
        enum pawl_err write;
    } rows[] = {
        {PAWL_E_FENCED, false, PAWL_OK}, // what users write is done all the same
        {PAWL_E_TOO_LARGE, false, PAWL_OK},
        {PAWL_E_IO, true, PAWL_E_IO},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct stub stub = {
            .base = {&stub_ops, "state.stub"}, .refusal = rows[i].code, .unknown = rows[i].unknown};
        struct bench bench;
        struct pawl_state_write first = {.done = write_done}, second = {.done = write_done};
        bench_open(&bench, &stub);
        bench.client.writes = true;
        bool first_done = false, second_done = false;
        first.data = &first_done;
        second.data = &second_done;
        pawl__storage_write(&bench.storage, &first);
        pawl__storage_write(&bench.storage, &second);
        UNTIL(&bench.loop, first_done && second_done && bench.client.oks);
        assert_int_equal(bench.client.refused, rows[i].code);
        assert_int_equal(first.tx.result.code, rows[i].write);
        assert_int_equal(second.tx.result.code, rows[i].write);
        assert_int_equal(stub.commits, 2);
        bench_close(&bench);
    }
}

// --- somebody else writes -----------------------------------------------------------------------

// A commit of which nothing was done is given again, and nobody is told.
static void test_commit_is_given_again(void **state) {
    struct stub stub = {.base = {&stub_ops, "state.stub"}, .busy = 4};
    struct bench bench;
    struct pawl_state_write write = {.done = write_done};
    const struct pawl_error *why;
    bool done = false;
    write.data = &done;
    bench_open(&bench, &stub);
    bench.client.writes = true;
    pawl__storage_write(&bench.storage, &write);
    UNTIL(&bench.loop, pawl__storage_trouble(&bench.storage, &why));
    assert_string_equal(why->text, "somebody else writes");
    assert_false(done);
    UNTIL(&bench.loop, done && bench.client.oks);
    assert_int_equal(write.tx.result.code, PAWL_OK);
    assert_int_equal(bench.client.refused, PAWL_OK);
    assert_int_equal(stub.commits, 5);
    assert_int_equal(pawl__storage_trouble(&bench.storage, &why), 0);
    bench_close(&bench);
}

// The loop runs no commit before it knows how long one takes, and waits for nobody then.
static void test_loop_does_not_wait(void **state) {
    struct stub stub = {.base = {&stub_ops, "state.stub"}};
    struct bench bench;
    bench_open(&bench, &stub);
    bench.client.base.light = true;
    for (unsigned i = 0; i < 3; i++) {
        stub.busy = i == 2;
        bench.client.writes = true;
        pawl__storage_want(&bench.storage);
        UNTIL(&bench.loop, bench.client.oks == i + 1);
        assert_int_equal(stub.at_once, i);
    }
    assert_int_equal(stub.commits, 5); // at once, on the thread, and there again
    bench_close(&bench);
}

// What users write waits for 5 s, and is then told why.
static void test_state_gives_up(void **state) {
    struct stub stub = {.base = {&stub_ops, "state.stub"}, .busy = 1000000};
    struct bench bench;
    struct pawl_state_write write = {.done = write_done};
    bool done = false;
    write.data = &done;
    bench_open(&bench, &stub);
    pawl__storage_write(&bench.storage, &write);
    write.since -= 5 * PAWL_SECOND;
    UNTIL(&bench.loop, done);
    assert_int_equal(write.tx.result.code, PAWL_E_UNAVAILABLE);
    stub.busy = 0;
    bench_close(&bench);
}

// So is what came while a commit was already given again and again.
static void test_what_came_later_gives_up(void **state) {
    struct stub stub = {.base = {&stub_ops, "state.stub"}, .busy = 1000000};
    struct bench bench;
    const struct pawl_error *why;
    struct pawl_state_write write = {.done = write_done};
    bool done = false;
    write.data = &done;
    bench_open(&bench, &stub);
    bench.client.writes = true;
    pawl__storage_want(&bench.storage);
    UNTIL(&bench.loop, pawl__storage_trouble(&bench.storage, &why));
    pawl__storage_write(&bench.storage, &write);
    write.since -= 5 * PAWL_SECOND;
    UNTIL(&bench.loop, done);
    assert_int_equal(write.tx.result.code, PAWL_E_UNAVAILABLE);
    assert_int_equal(bench.client.oks, 0);
    stub.busy = 0;
    UNTIL(&bench.loop, bench.client.oks);
    bench_close(&bench);
}

// A process that ends does not wait for ever.
static void test_closing_gives_up(void **state) {
    struct stub stub = {.base = {&stub_ops, "state.stub"}, .busy = 1000000};
    struct bench bench;
    const struct pawl_error *why;
    bench_open(&bench, &stub);
    bench.client.writes = true;
    pawl__storage_want(&bench.storage);
    UNTIL(&bench.loop, pawl__storage_trouble(&bench.storage, &why));
    pawl__storage_hurry(&bench.storage);
    bench.storage.failing_since -= 5 * PAWL_SECOND;
    UNTIL(&bench.loop, bench.client.refused);
    assert_int_equal(bench.client.outcome, PAWL_COMMIT_NOTHING);
    stub.busy = 0;
    UNTIL(&bench.loop, bench.client.oks);
    bench_close(&bench);
}

// Who has the last answer may close the storage from within it, whichever thread the commit was on.
struct last {
    struct pawl_state_write write;
    struct pawl_storage storage;
    bool closed;
};

static void last_done(struct pawl_state_write *write) {
    struct last *last = write->data;
    pawl__storage_close(&last->storage, on_closed, &last->closed);
}

static void test_closed_by_the_last_answer(void **state) {
    for (int before = 0; before < 3; before++) { // the later ones are on the loop
        struct stub stub = {.base = {&stub_ops, "state.stub"}};
        struct pawl_error error;
        uv_loop_t loop;
        struct last last = {.write = {.done = last_done, .data = &last}};
        uv_loop_init(&loop);
        assert_int_equal(pawl__storage_init(&last.storage, &loop, &stub.base, NULL, &error),
                         PAWL_OK);
        for (int i = 0; i < before; i++) {
            bool done = false;
            struct pawl_state_write write = {.done = write_done, .data = &done};
            pawl__storage_write(&last.storage, &write);
            UNTIL(&loop, done);
        }
        pawl__storage_write(&last.storage, &last.write);
        UNTIL(&loop, last.closed);
        assert_true(stub.closed);
        assert_int_equal(uv_loop_close(&loop), 0);
    }
}

// --- housekeeping that goes wrong ---------------------------------------------------------------

static void log_write(void *arg, enum pawl_log_level level, const char *line) {
    assert_int_equal(level, PAWL_LOG_WARN);
    assert_non_null(strstr(line, "the disk is on fire"));
    ++*(unsigned *)arg;
}

static void test_tend_fails(void **state) {
    struct stub stub = {.base = {&stub_ops, "state.stub"}};
    struct pawl_storage storage;
    struct pawl_error error;
    uv_loop_t loop;
    unsigned lines = 0;
    bool closed = false;
    const struct pawl_log log = {.write = log_write, .arg = &lines};
    uv_loop_init(&loop);
    assert_int_equal(pawl__storage_init(&storage, &loop, &stub.base, &log, &error), PAWL_OK);
    uv_ref((uv_handle_t *)&storage.tend.timer); // the loop may sleep until then
    for (unsigned tends = 1; tends <= 6; tends++) {
        storage.tend.busy = true; // so that it is not idle
        UNTIL(&loop, !storage.tend.busy && !storage.tend.running);
        assert_int_equal(lines, tends < 5 ? 1 : 2); // once each time that it begins
    }
    assert_int_equal(stub.tends, 6);
    pawl__storage_close(&storage, on_closed, &closed);
    UNTIL(&loop, closed);
    assert_int_equal(uv_loop_close(&loop), 0);
}

// Of a commit that has left much to do, the client is told before that is done, and it is done
// before the next commit: without the 200 ms that it waits otherwise.
static void test_tend_is_due(void **state) {
    struct stub stub = {.base = {&stub_ops, "state.stub"}, .due = true};
    struct bench bench;
    uv_sem_init(&stub.silence, 0);
    bench_open(&bench, &stub);
    bench.client.writes = true;
    pawl__storage_want(&bench.storage);
    UNTIL(&bench.loop, bench.client.oks == 1);
    assert_true(bench.storage.tend.running);
    assert_int_equal(stub.tends, 0);

    bench.client.writes = true;
    pawl__storage_want(&bench.storage);
    for (int i = 0; i < 10; i++) uv_run(&bench.loop, UV_RUN_NOWAIT);
    assert_int_equal(bench.client.oks, 1);
    stub.due = false;
    uv_sem_post(&stub.silence);
    UNTIL(&bench.loop, bench.client.oks == 2);
    assert_int_equal(stub.tends, 1);
    bench_close(&bench);
    uv_sem_destroy(&stub.silence);
}

// --- a server that does not answer --------------------------------------------------------------

static void read_done(struct pawl_state_read *read) {
    *(bool *)read->data = true;
}

// Reads that have waited behind one do not wait, one after the other, for the same answer.
static void test_reads_behind_a_silent_one(void **state) {
    struct stub stub = {.base = {&stub_ops, "state.stub"}};
    struct bench bench;
    struct pawl_arena arena = {0};
    struct pawl_state_value value;
    const struct pawl_str key = PAWL_STR("k");
    bool done[4] = {false};
    struct pawl_state_read reads[4];
    uv_sem_init(&stub.silence, 0);
    bench_open(&bench, &stub);
    for (int i = 0; i < 4; i++) {
        reads[i] = (struct pawl_state_read){.keys = &key,
                                            .count = 1,
                                            .arena = &arena,
                                            .values = &value,
                                            .done = read_done,
                                            .data = &done[i]};
        pawl__storage_read(&bench.storage, &reads[i]);
        if (i == 1 || i == 2) reads[i].since -= 6 * PAWL_SECOND;
    }
    uv_sem_post(&stub.silence);
    UNTIL(&bench.loop, done[0] && done[1] && done[2] && done[3]);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(reads[i].result.code, PAWL_E_UNAVAILABLE);
        assert_string_equal(reads[i].result.text, "nobody answers");
    }
    assert_int_equal(reads[3].result.code, PAWL_OK); // it has come just now
    assert_int_equal(stub.gets, 2);
    bench_close(&bench);
    uv_sem_destroy(&stub.silence);
    pawl__arena_finish(&arena);
}

// --- a member of which nobody can be told -------------------------------------------------------

static void on_left(struct pawl_members *members) {
    members->again = true;
}

static void test_member_is_not_told(void **state) {
    struct stub stub = {.base = {&stub_ops, "state.stub"}};
    struct pawl_storage storage;
    struct pawl_members members;
    struct pawl_error error;
    uv_loop_t loop;
    unsigned lines = 0;
    bool closed = false;
    const struct pawl_log log = {.write = log_write, .arg = &lines};
    uv_loop_init(&loop);
    assert_int_equal(pawl__storage_init(&storage, &loop, &stub.base, &log, &error), PAWL_OK);
    pawl__members_init(&members, &storage, PAWL_STR("app"), PAWL_STR("id"), PAWL_STR(""), 0,
                       PAWL_SECOND, NULL);
    for (unsigned puts = 1; puts <= 6; puts++) {
        members.told = false;
        pawl__members_look(&members, 0);
        UNTIL(&loop, !members.telling && !members.looking);
        assert_int_equal(stub.puts, puts);
        assert_int_equal(lines, puts < 5 ? 1 : 2); // once each time that it begins
    }
    pawl__members_leave(&members, on_left);
    assert_true(members.again);
    pawl__storage_close(&storage, on_closed, &closed);
    UNTIL(&loop, closed);
    assert_int_equal(uv_loop_close(&loop), 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_member_is_not_told),
        cmocka_unit_test(test_reads_behind_a_silent_one),
        cmocka_unit_test(test_no_thread),
        cmocka_unit_test(test_client_is_refused),
        cmocka_unit_test(test_commit_is_given_again),
        cmocka_unit_test(test_loop_does_not_wait),
        cmocka_unit_test(test_state_gives_up),
        cmocka_unit_test(test_what_came_later_gives_up),
        cmocka_unit_test(test_closing_gives_up),
        cmocka_unit_test(test_closed_by_the_last_answer),
        cmocka_unit_test(test_tend_fails),
        cmocka_unit_test(test_tend_is_due),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
