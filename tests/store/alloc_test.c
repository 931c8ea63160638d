// Fails the first allocation of each call, then the second, and so on: a call either succeeds or
// says that memory is out, and then nothing of it shows and the next one works.
//
// What SQLite allocates for itself does not fail here.

#include "helper.h"

#include <stdio.h>

#include "alloc.h"

static int alloc_left = -1; // allocations until one fails; negative: none does

bool alloc_fails(void) {
    return alloc_left >= 0 && alloc_left-- == 0;
}

// Repeats |call| (an expression that gives an error code), failing one allocation after the other,
// until there was none left to fail. |check| runs after each failure.
#define EACH_ALLOCATION(f, call, check)                                                            \
    do {                                                                                           \
        bool all_ = false;                                                                         \
        for (int n_ = 0; !all_; n_++) {                                                            \
            alloc_left = n_;                                                                       \
            enum pawl_err err_ = (call);                                                           \
            all_ = alloc_left >= 0;                                                                \
            alloc_left = -1;                                                                       \
            if (err_ == PAWL_E_NOMEM) {                                                            \
                check;                                                                             \
            } else if (err_) {                                                                     \
                fail_msg("allocation %d: %d, %s", n_, (int)err_, (f)->error.text);                 \
            }                                                                                      \
        }                                                                                          \
    } while (0)

static uint64_t alloc_position;

// Commits something of everything, of which nothing was there before.
static enum pawl_err commit_all(struct fixture *f) {
    static char ids[200][16];
    struct pawl_snapshot rows[2];
    char *id = ids[alloc_position % 200];
    snprintf(id, 16, "i-%u", (unsigned)alloc_position);
    rows[0] = t_snapshot(id, id, "history");
    rows[1] = t_snapshot("grows", id, "history");
    struct pawl_str gone = PAWL_STR("goes");
    struct pawl_state_op ops[] = {
        {.key = pawl__str(id), .value = pawl__str(id), .is_binary = true},
        {.key = PAWL_STR("key"), .value = pawl__str(id)},
        {.type = PAWL_STATE_DELETE, .key = PAWL_STR("missing")},
    };
    struct pawl_state_tx tx = {.ops = ops, .op_count = 3};
    struct pawl_batch batch = {alloc_position, pawl__str(id)};
    struct pawl_mail mail = {PAWL_STR("app"), 1, pawl__str(id), pawl__str(id)};
    struct pawl_part part = {.lease = &f->lease,
                             .batch = &batch,
                             .snapshots = rows,
                             .snapshot_count = 2,
                             .mail_out = &mail,
                             .mail_out_count = 1,
                             .deletes = &gone,
                             .delete_count = 1};
    enum pawl_err err = t_commit(f, &part, &tx);
    if (!err) alloc_position++;
    return err;
}

static void assert_nothing_shows(struct fixture *f) {
    struct pawl_snapshot row;
    struct pawl_state_value value;
    char id[16];
    snprintf(id, sizeof id, "i-%u", (unsigned)alloc_position);
    assert_string_equal(t_log(f, f->lease.shard, alloc_position - 1), "");
    assert_null(strstr(t_mail(f, "app", 1, "", 0), id));
    assert_err(PAWL_E_NOT_FOUND, t_load(f, id, &row));
    assert_ok(f, f->store->ops->get_state(f->store, pawl__str(id), &f->arena, &value, &f->error));
    assert_false(value.found);
}

static void test_commit(void **state) {
    struct fixture *f = *state;
    fixture_lease(f);
    alloc_position = 1;
    for (int i = 0; i < 100; i++) EACH_ALLOCATION(f, commit_all(f), assert_nothing_shows(f));
}

static void test_lease(void **state) {
    struct fixture *f = *state;
    static uint32_t number;
    for (int i = 0; i < 20; i++) {
        struct pawl_lease lease;
        EACH_ALLOCATION(f, t_lease(f, f->store, "app", number++, &lease), (void)0);
    }
}

static enum pawl_err put_member(struct fixture *f) {
    struct pawl_member member = {
        .id = PAWL_STR("m"), .address = PAWL_STR("here"), .info = PAWL_STR("hello")};
    return f->store->ops->put_member(f->store, PAWL_STR("app"), &member, T_TTL, &f->error);
}

static enum pawl_err count_shards(struct fixture *f) {
    static int number;
    char app[16];
    uint32_t shards;
    snprintf(app, sizeof app, "app-%d", number++);
    return f->store->ops->shards(f->store, pawl__str(app), 4, &shards, &f->error);
}

static void test_members(void **state) {
    struct fixture *f = *state;
    for (int i = 0; i < 20; i++) {
        EACH_ALLOCATION(f, put_member(f), (void)0);
        EACH_ALLOCATION(f, count_shards(f), (void)0);
    }
}

static enum pawl_err count_row(void *arg, const struct pawl_snapshot *row,
                               struct pawl_error *error) {
    ++*(int *)arg;
    return PAWL_OK;
}

static enum pawl_err count_mail(void *arg, const struct pawl_mail *mail, struct pawl_error *error) {
    ++*(int *)arg;
    return PAWL_OK;
}

static enum pawl_err load_fresh(struct fixture *f, struct pawl_snapshot *row) {
    pawl__arena_finish(&f->arena);
    return t_load(f, "i", row);
}

static enum pawl_err count_name(void *arg, struct pawl_str name, int32_t status, uint64_t count,
                                struct pawl_error *error) {
    *(int *)arg += (int)count;
    return PAWL_OK;
}

static enum pawl_err query_fresh(struct fixture *f, int *rows) {
    struct pawl_query query = {.id_prefix = PAWL_STR("i"), .order = PAWL_ORDER_NEWEST};
    enum pawl_err err =
        f->store->ops->query(f->store, f->lease.shard, &query, count_row, rows, &f->error);
    return err ? err
               : f->store->ops->count(f->store, f->lease.shard, &query, count_name, rows,
                                      &f->error);
}

static enum pawl_err look_fresh(struct fixture *f) {
    struct pawl_holder *holders;
    struct pawl_member *members;
    size_t count;
    pawl__arena_finish(&f->arena);
    enum pawl_err err =
        f->store->ops->holders(f->store, PAWL_STR("app"), &f->arena, &holders, &count, &f->error);
    return err ? err
               : f->store->ops->members(f->store, PAWL_STR("app"), &f->arena, &members, &count,
                                        &f->error);
}

static enum pawl_err mail_fresh(struct fixture *f, int *messages) {
    return f->store->ops->read_mail(f->store, PAWL_STR("app"), 0, PAWL_STR(""), 0, count_mail,
                                    messages, &f->error);
}

static enum pawl_err get_fresh(struct fixture *f, struct pawl_state_value *value) {
    pawl__arena_finish(&f->arena);
    return f->store->ops->get_state(f->store, PAWL_STR("k"), &f->arena, value, &f->error);
}

static void test_reading(void **state) {
    struct fixture *f = *state;
    struct pawl_snapshot out, row = t_snapshot("i", "state", "history");
    struct pawl_state_op op = {.key = PAWL_STR("k"), .value = PAWL_STR("v"), .is_binary = true};
    struct pawl_state_tx tx = {.ops = &op, .op_count = 1};
    struct pawl_state_value value;
    struct pawl_mail mail = {PAWL_STR("app"), 0, PAWL_STR("k"), PAWL_STR("message")};
    struct pawl_part post = {.lease = &f->lease, .mail_out = &mail, .mail_out_count = 1};
    int rows = 0, messages = 0;
    fixture_lease(f);
    assert_ok(f, t_commit(f, &post, NULL));
    assert_ok(f, put_member(f));
    row.active = true;
    assert_ok(f, t_put(f, &row));
    row.history_from = 7;
    assert_ok(f, t_put(f, &row));
    assert_ok(f, t_commit(f, NULL, &tx));
    EACH_ALLOCATION(f, load_fresh(f, &out), (void)0);
    assert_str("historyhistory", out.history);
    EACH_ALLOCATION(f, get_fresh(f, &value), (void)0);
    assert_str("v", value.value);
    EACH_ALLOCATION(f,
                    f->store->ops->scan_live(f->store, f->lease.shard, count_row, &rows, &f->error),
                    (void)0);
    assert_true(rows > 0);
    EACH_ALLOCATION(f, query_fresh(f, &rows), (void)0);
    EACH_ALLOCATION(f, look_fresh(f), (void)0);
    EACH_ALLOCATION(f, mail_fresh(f, &messages), (void)0);
    assert_true(messages > 0);
}

static enum pawl_err open_and_close(struct fixture *f) {
    struct pawl_store *store;
    enum pawl_err err = f->kind->open(f->path, &store, &f->error);
    if (!err) store->ops->close(store);
    return err;
}

static void test_opening(void **state) {
    struct fixture *f = *state;
    EACH_ALLOCATION(f, open_and_close(f), (void)0);
}

int main(void) {
    static const struct store_kind *const kinds[] = {&t_memory, &t_sqlite};
#define T(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
    const struct CMUnitTest tests[] = {T(test_commit), T(test_lease), T(test_members),
                                       T(test_reading), T(test_opening)};
#undef T
    int failed = 0;
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        fixture_kind = kinds[i];
        failed += cmocka_run_group_tests_name("allocations", tests, NULL, NULL);
    }
    return failed;
}
