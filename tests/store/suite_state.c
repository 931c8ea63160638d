#include "suite.h"

#include <stdlib.h>
#include <unistd.h>

#define UUID "00000000-0000-4000-8000-000000000000"

// Runs |count| operations as one transaction and returns its result.
static enum pawl_err run(struct fixture *f, const struct pawl_state_op *ops, size_t count) {
    struct pawl_state_tx tx = {.ops = ops, .op_count = count, .result = {.code = PAWL_E_UNKNOWN}};
    assert_ok(f, t_commit(f, NULL, &tx));
    f->error = tx.result;
    return tx.result.code;
}

static struct pawl_state_op set(const char *key, const char *value) {
    return (struct pawl_state_op){.key = pawl__str(key), .value = pawl__str(value)};
}

static struct pawl_state_op del(const char *key) {
    return (struct pawl_state_op){.type = PAWL_STATE_DELETE, .key = pawl__str(key)};
}

static struct pawl_state_value get(struct fixture *f, const char *key) {
    struct pawl_state_value value;
    assert_ok(f, f->store->ops->get_state(f->store, pawl__str(key), &f->arena, &value, &f->error));
    return value;
}

static struct pawl_str foreign(const struct fixture *f) {
    return pawl__str(f->kind->foreign_etag ? f->kind->foreign_etag : UUID);
}

static void test_set_get_delete(void **state) {
    struct fixture *f = *state;
    if (f->kind->json) skip();
    struct pawl_state_op op = set("app||k", "\"v\"");
    assert_false(get(f, "app||k").found);
    assert_err(PAWL_OK, run(f, &op, 1));
    struct pawl_state_value first = get(f, "app||k");
    assert_true(first.found);
    assert_str("\"v\"", first.value);
    assert_false(first.is_binary);
    assert_int_equal(first.expires_at, 0);
    assert_true(first.etag.len > 0);
    assert_false(get(f, "app||K").found);

    op = set("app||k", "");
    assert_err(PAWL_OK, run(f, &op, 1));
    assert_true(get(f, "app||k").found);
    assert_str("", get(f, "app||k").value);
    assert_false(pawl__str_equal(get(f, "app||k").etag, first.etag));
    op = del("app||k");
    assert_err(PAWL_OK, run(f, &op, 1));
    assert_false(get(f, "app||k").found);
    assert_err(PAWL_OK, run(f, &op, 1));
    op = set("", "v");
    assert_err(PAWL_E_INVALID, run(f, &op, 1));
    op = del("");
    assert_err(PAWL_E_INVALID, run(f, &op, 1));
    assert_false(get(f, "").found);
}

static void test_binary_values(void **state) {
    struct fixture *f = *state;
    char bytes[300];
    for (size_t len = 0; len < sizeof bytes; len++) {
        for (size_t i = 0; i < len; i++) bytes[i] = (char)(255 - (i * 7 + len));
        struct pawl_state_op op = set("k", "");
        op.value = (struct pawl_str){bytes, len};
        op.is_binary = true;
        assert_err(PAWL_OK, run(f, &op, 1));
        struct pawl_state_value value = get(f, "k");
        assert_int_equal(value.is_binary, !f->kind->marks_nothing);
        assert_true(pawl__str_equal(value.value, op.value));
    }
}

static void test_etags(void **state) {
    struct fixture *f = *state;
    struct pawl_state_op op = set("k", "1");
    op.etag = foreign(f);
    assert_err(PAWL_E_CONFLICT, run(f, &op, 1)); // no such key
    op = set("k", "1");
    assert_err(PAWL_OK, run(f, &op, 1));
    struct pawl_str etag = get(f, "k").etag;

    op = set("k", "2");
    op.etag = foreign(f);
    assert_err(PAWL_E_CONFLICT, run(f, &op, 1));
    assert_text(f, "key k");
    enum pawl_err bad = f->kind->bad_etag ? f->kind->bad_etag : PAWL_E_CONFLICT;
    op.etag = PAWL_STR("not a uuid");
    assert_err(bad, run(f, &op, 1));
    op.type = PAWL_STATE_DELETE;
    assert_err(bad, run(f, &op, 1));
    op.etag = foreign(f);
    assert_err(PAWL_E_CONFLICT, run(f, &op, 1));
    assert_str("1", get(f, "k").value);

    op = set("k", "2");
    op.etag = etag;
    assert_err(PAWL_OK, run(f, &op, 1));
    assert_str("2", get(f, "k").value);
    assert_err(PAWL_E_CONFLICT, run(f, &op, 1));
    op = del("k");
    op.etag = get(f, "k").etag;
    assert_err(PAWL_OK, run(f, &op, 1));
    assert_false(get(f, "k").found);
    assert_err(PAWL_E_CONFLICT, run(f, &op, 1));
}

static void test_first_write(void **state) {
    struct fixture *f = *state;
    struct pawl_state_op op = set("k", "1");
    op.first_write = true;
    assert_err(PAWL_OK, run(f, &op, 1));
    op.value = PAWL_STR("2");
    assert_err(PAWL_E_CONFLICT, run(f, &op, 1));
    assert_str("1", get(f, "k").value);
    op.etag = get(f, "k").etag;
    assert_err(PAWL_OK, run(f, &op, 1));
    op = del("k");
    op.first_write = true;
    assert_err(PAWL_OK, run(f, &op, 1));
    assert_false(get(f, "k").found);
}

static void test_ttl(void **state) {
    struct fixture *f = *state;
    struct pawl_state_op ops[] = {set("short", "1"), set("long", "1"), set("kept", "1")};
    ops[0].ttl = 1;
    ops[1].ttl = 3600;
    ops[2].ttl = 1;
    assert_err(PAWL_OK, run(f, ops, 3));
    assert_true(get(f, "long").expires_at > 0);
    struct pawl_str etag = get(f, "short").etag;
    ops[2].ttl = -1;
    assert_err(PAWL_OK, run(f, &ops[2], 1));
    assert_int_equal(get(f, "kept").expires_at, 0);
    sleep(2);
    assert_false(get(f, "short").found);
    assert_true(get(f, "long").found);
    assert_true(get(f, "kept").found);
    assert_ok(f, f->store->ops->tend(f->store, &f->error));

    // To a write, too, it is missing.
    if (etag.len) {
        ops[0].etag = etag;
        assert_err(PAWL_E_CONFLICT, run(f, &ops[0], 1));
    }
    ops[0] = set("short", "2");
    ops[0].first_write = true;
    assert_err(PAWL_OK, run(f, ops, 1));
    assert_str("2", get(f, "short").value);
}

static void test_all_or_none(void **state) {
    struct fixture *f = *state;
    struct pawl_state_op ops[4] = {set("a", "0"), set("b", "0")};
    assert_err(PAWL_OK, run(f, ops, 2));
    ops[0] = set("a", "1");
    ops[1] = del("b");
    ops[2] = set("c", "1");
    ops[3] = set("d", "1");
    ops[3].etag = foreign(f);
    assert_err(PAWL_E_CONFLICT, run(f, ops, 4));
    ops[3] = set("", "1");
    assert_err(PAWL_E_INVALID, run(f, ops, 4));
    ops[3] = set("d", "1");
    assert_str("0", get(f, "a").value);
    assert_str("0", get(f, "b").value);
    assert_false(get(f, "c").found);
    assert_err(PAWL_OK, run(f, ops, 3));
    assert_str("1", get(f, "a").value);
    assert_false(get(f, "b").found);
    assert_str("1", get(f, "c").value);

    // Operations see those before them.
    ops[0] = set("e", "1");
    ops[1] = set("e", "2");
    ops[1].first_write = true;
    assert_err(PAWL_E_CONFLICT, run(f, ops, 2));
    assert_false(get(f, "e").found);
    ops[1] = del("e");
    ops[2] = set("e", "3");
    ops[2].first_write = true;
    assert_err(PAWL_OK, run(f, ops, 3));
    assert_str("3", get(f, "e").value);
    assert_err(PAWL_OK, run(f, ops, 0));
}

// A conflict stops its own transaction; the rest of the commit goes on.
static void test_with_a_batch(void **state) {
    struct fixture *f = *state;
    struct pawl_state_op good = set("good", "1"), after = set("after", "1");
    struct pawl_state_op bad[] = {set("bad", "1"), set("bad", "2")};
    bad[1].etag = foreign(f);
    struct pawl_state_tx third = {.ops = &after, .op_count = 1};
    struct pawl_state_tx second = {.ops = bad, .op_count = 2, .next = &third};
    struct pawl_state_tx first = {.ops = &good, .op_count = 1, .next = &second};
    struct pawl_batch batch = {1, PAWL_STR("a")};
    fixture_lease(f);
    struct pawl_part part = {.lease = &f->lease, .batch = &batch};
    assert_ok(f, t_commit(f, &part, &first));
    assert_err(PAWL_OK, first.result.code);
    assert_err(PAWL_E_CONFLICT, second.result.code);
    assert_err(PAWL_OK, third.result.code);
    assert_string_equal(t_log(f, f->lease.shard, 0), "1=a ");
    assert_true(get(f, "good").found);
    assert_true(get(f, "after").found);
    assert_false(get(f, "bad").found);

    // So does it when a part is refused.
    good = del("good");
    assert_err(PAWL_E_INTERNAL, t_commit(f, &part, &first));
    assert_false(get(f, "good").found);
}

static void test_values_stay(void **state) {
    struct fixture *f = *state;
    if (!f->kind->shared) skip();
    struct pawl_state_op op = set("k", "\"v\"");
    assert_err(PAWL_OK, run(f, &op, 1));
    struct pawl_str etag = get(f, "k").etag;
    fixture_reopen(f);
    assert_str("\"v\"", get(f, "k").value);
    assert_true(pawl__str_equal(get(f, "k").etag, etag));
}

int suite_state(void) {
#define T(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
    const struct CMUnitTest tests[] = {
        T(test_set_get_delete), T(test_binary_values), T(test_etags),
        T(test_first_write),    T(test_ttl),           T(test_all_or_none),
        T(test_with_a_batch),   T(test_values_stay),
    };
#undef T
    return cmocka_run_group_tests_name("user state", tests, NULL, NULL);
}
