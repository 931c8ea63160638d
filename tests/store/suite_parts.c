// Commits of several shards, and of everything at once.

#include "suite.h"

#include <stdio.h>

// Leases shard 1 of "app", beside the fixture's shard 0.
static struct pawl_lease second_shard(struct fixture *f) {
    struct pawl_lease lease;
    assert_ok(f, t_lease(f, f->store, "app", 1, &lease));
    return lease;
}

static void commit_both(struct fixture *f, struct pawl_part *first, struct pawl_part *second) {
    const struct pawl_commit commit = {.parts = first};
    first->next = second;
    assert_int_equal(f->store->ops->commit(f->store, &commit, &f->error), PAWL_COMMIT_DONE);
}

static void test_several_shards(void **state) {
    struct fixture *f = *state;
    fixture_lease(f);
    struct pawl_lease other = second_shard(f);
    struct pawl_batch batches[] = {{1, PAWL_STR("a")}, {1, PAWL_STR("b")}};
    struct pawl_snapshot rows[] = {t_snapshot("i", "first", "h"), t_snapshot("i", "second", "h")};
    struct pawl_part parts[] = {
        {.lease = &f->lease, .batch = &batches[0], .snapshots = &rows[0], .snapshot_count = 1},
        {.lease = &other, .batch = &batches[1], .snapshots = &rows[1], .snapshot_count = 1}};
    struct pawl_snapshot out;
    commit_both(f, &parts[0], &parts[1]);
    assert_err(PAWL_OK, parts[0].result.code);
    assert_err(PAWL_OK, parts[1].result.code);
    assert_string_equal(t_log(f, f->lease.shard, 0), "1=a ");
    assert_string_equal(t_log(f, other.shard, 0), "1=b ");
    assert_ok(f, t_load(f, "i", &out));
    assert_str("first", out.state);
    f->lease = other;
    assert_ok(f, t_load(f, "i", &out));
    assert_str("second", out.state);
}

// Commits |refused|, as the |first| part or the last, with one that is done: batch |position| of
// the fixture's shard.
static void commit_refused(struct fixture *f, struct pawl_part *refused, bool first,
                           uint64_t position, enum pawl_err expected) {
    struct pawl_batch good = {position, PAWL_STR("good")};
    struct pawl_part done = {.lease = &f->lease, .batch = &good};
    char log[32];
    if (first)
        commit_both(f, refused, &done);
    else
        commit_both(f, &done, refused);
    assert_err(PAWL_OK, done.result.code);
    assert_err(expected, refused->result.code);
    assert_true(*refused->result.text);
    snprintf(log, sizeof log, "%d=good ", (int)position);
    assert_string_equal(t_log(f, f->lease.shard, position - 1), log);
}

// A part that is refused does nothing, and the others are done: in whichever order they come.
static void test_refused_part(void **state) {
    struct fixture *f = *state;
    fixture_lease(f);
    struct pawl_lease other = second_shard(f), stale = other, earlier = f->lease;
    stale.epoch--;
    earlier.epoch--;
    struct pawl_snapshot row = t_snapshot("i", "s", "h"), tail = t_snapshot("t", "s", "h"), out;
    struct pawl_mail mail = {PAWL_STR("app"), 0, PAWL_STR("m"), PAWL_STR("x")};
    tail.history_from = 3; // there is nothing before it
    const struct {
        const struct pawl_lease *lease;
        uint64_t position; // of the batch
        const struct pawl_snapshot *row;
        enum pawl_err result;
    } cases[] = {
        {&stale, 1, &row, PAWL_E_FENCED},
        {&earlier, 1, &row, PAWL_E_FENCED}, // of the shard of the part that is done
        {&other, 7, &row, PAWL_E_INTERNAL},
        {&other, 1, &tail, PAWL_E_INTERNAL},
    };
    uint64_t position = 0;
    for (size_t i = 0; i < 2 * sizeof cases / sizeof *cases; i++) {
        size_t c = i / 2;
        struct pawl_batch bad = {cases[c].position, PAWL_STR("bad")};
        struct pawl_part refused = {.lease = cases[c].lease,
                                    .batch = &bad,
                                    .snapshots = cases[c].row,
                                    .snapshot_count = 1,
                                    .mail_out = &mail,
                                    .mail_out_count = 1};
        commit_refused(f, &refused, i % 2, ++position, cases[c].result);
        assert_string_equal(t_log(f, other.shard, 0), "");
        assert_string_equal(t_mail(f, "app", 0, "", 0), "");
        assert_err(PAWL_E_NOT_FOUND,
                   f->store->ops->load(f->store, refused.lease->shard, PAWL_STR("i"), &f->arena,
                                       &out, &f->error));
    }
}

// The same of commits with nothing but batches.
static void test_refused_batch(void **state) {
    struct fixture *f = *state;
    fixture_lease(f);
    struct pawl_lease other = second_shard(f), stale = other, earlier = f->lease;
    stale.epoch--;
    earlier.epoch--;
    struct pawl_batch first = {1, PAWL_STR("a")};
    assert_ok(f, t_commit(f, &(struct pawl_part){.lease = &other, .batch = &first}, NULL));
    const struct {
        const struct pawl_lease *lease;
        uint64_t position;
        enum pawl_err result;
    } cases[] = {{&stale, 2, PAWL_E_FENCED},
                 {&earlier, 2, PAWL_E_FENCED},
                 {&other, 1, PAWL_E_INTERNAL},
                 {&other, 7, PAWL_E_INTERNAL}};
    uint64_t position = 0;
    for (size_t i = 0; i < 2 * sizeof cases / sizeof *cases; i++) {
        size_t c = i / 2;
        struct pawl_batch bad = {cases[c].position, PAWL_STR("bad")};
        struct pawl_part refused = {.lease = cases[c].lease, .batch = &bad};
        commit_refused(f, &refused, i % 2, ++position, cases[c].result);
        assert_string_equal(t_log(f, other.shard, 0), "1=a ");
    }
}

// A result is of this commit, not of an earlier one.
static void test_results_are_new(void **state) {
    struct fixture *f = *state;
    fixture_lease(f);
    struct pawl_batch batch = {1, PAWL_STR("a")};
    struct pawl_part part = {.lease = &f->lease, .batch = &batch};
    pawl__fail(&part.result, PAWL_E_FENCED, "of an earlier commit");
    assert_ok(f, t_commit(f, &part, NULL));
    assert_string_equal(t_log(f, f->lease.shard, 0), "1=a ");
}

static void test_at_once(void **state) {
    struct fixture *f = *state;
    fixture_lease(f);
    struct pawl_batch batch = {1, PAWL_STR("a")};
    struct pawl_part part = {.lease = &f->lease, .batch = &batch};
    const struct pawl_commit commit = {.parts = &part, .at_once = true};
    assert_int_equal(f->store->ops->commit(f->store, &commit, &f->error), PAWL_COMMIT_DONE);
    assert_string_equal(t_log(f, f->lease.shard, 0), "1=a ");
}

// What comes while a commit is being written.
struct late {
    struct pawl_commit commit;
    struct pawl_part *parts; // the next to come
    unsigned asked;
};

static bool late_more(void *arg) {
    struct late *late = arg;
    struct pawl_part **end = &late->commit.parts, *next = late->parts;
    late->asked++;
    if (!next) return false;
    while (*end) end = &(*end)->next;
    late->parts = next->next;
    next->next = NULL;
    *end = next;
    return true;
}

// A commit may take along what has come meanwhile, or leave it: then it is not done.
static void test_more(void **state) {
    struct fixture *f = *state;
    fixture_lease(f);
    struct pawl_lease others[3], stale;
    for (unsigned i = 0; i < 3; i++) assert_ok(f, t_lease(f, f->store, "app", i + 1, &others[i]));
    stale = others[1];
    stale.epoch--;
    const struct pawl_lease *leases[] = {&f->lease, &others[0], &stale, &others[2]};
    for (unsigned first = 0; first < 2; first++) { // how many it begins with
        const uint64_t position = first + 1;
        struct pawl_batch batches[4];
        struct pawl_part parts[4] = {0};
        for (unsigned i = 0; i < 4; i++) {
            batches[i] = (struct pawl_batch){position, PAWL_STR("a")};
            parts[i] = (struct pawl_part){
                .lease = leases[i], .batch = &batches[i], .next = i < 3 ? &parts[i + 1] : NULL};
            pawl__fail(&parts[i].result, PAWL_E_FENCED, "of an earlier commit");
        }
        struct late late = {.parts = &parts[first]};
        late.commit = (struct pawl_commit){.more = late_more, .arg = &late};
        if (first) late.commit.parts = &parts[0];
        if (first) parts[0].next = NULL;
        assert_int_equal(f->store->ops->commit(f->store, &late.commit, &f->error),
                         PAWL_COMMIT_DONE);
        for (struct pawl_part *part = late.commit.parts; part; part = part->next)
            assert_err(part->lease == &stale ? PAWL_E_FENCED : PAWL_OK, part->result.code);
        unsigned done = 0;
        for (struct pawl_part *part = late.commit.parts; part; part = part->next) done++;
        for (unsigned i = 0; i < 4; i++) {
            bool is_there = i < done && leases[i] != &stale;
            assert_string_equal(t_log(f, leases[i]->shard, position - 1), !is_there ? ""
                                                                          : first   ? "2=a "
                                                                                    : "1=a ");
        }
        if (!late.asked) return; // it never takes anything along
        assert_int_equal(done, 4);
    }
}

int suite_parts(void) {
#define T(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
    const struct CMUnitTest tests[] = {T(test_several_shards), T(test_refused_part),
                                       T(test_refused_batch),  T(test_results_are_new),
                                       T(test_at_once),        T(test_more)};
#undef T
    return cmocka_run_group_tests_name("parts of commits", tests, NULL, NULL);
}
