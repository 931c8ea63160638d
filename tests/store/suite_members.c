// Who serves an app: the number of its shards, who holds them, its daemons.

#include "suite.h"

#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static uint32_t shards(struct fixture *f, const char *app, uint32_t wanted) {
    uint32_t count = 0;
    assert_ok(f, f->store->ops->shards(f->store, pawl__str(app), wanted, &count, &f->error));
    return count;
}

static void test_shard_count(void **state) {
    struct fixture *f = *state;
    assert_int_equal(shards(f, "app", 16), 16);
    assert_int_equal(shards(f, "app", 4), 16);
    assert_int_equal(shards(f, "other", 1), 1);
    if (f->kind->shared) fixture_reopen(f);
    assert_int_equal(shards(f, "app", 1), 16);
}

// The shards of "app" as "0:tester 1 1: ", with the owners of those that are held.
static void assert_holders(struct fixture *f, struct pawl_store *store, const char *expected) {
    struct pawl_holder *holders;
    struct pawl_buf text = {0};
    size_t count;
    assert_ok(f,
              store->ops->holders(store, PAWL_STR("app"), &f->arena, &holders, &count, &f->error));
    for (size_t i = 0; i < count; i++)
        pawl__buf_format(&text, "%u:%.*s ", holders[i].number, holders[i].held ? 99 : 0,
                         holders[i].held ? holders[i].owner.data : "");
    assert_str(expected, pawl__buf_str(&text));
    pawl__buf_finish(&text);
}

static void test_holders(void **state) {
    struct fixture *f = *state;
    struct pawl_store *second;
    struct pawl_lease lease;
    struct pawl_holder *holders;
    size_t count;
    assert_holders(f, f->store, "");
    assert_ok(f, t_lease(f, f->store, "app", 2, &lease));
    fixture_lease(f);
    assert_holders(f, f->store, "0:tester 1 2:tester 1 ");
    assert_ok(f, f->kind->again(f->store, f->path, &second, &f->error));
    assert_holders(f, second, "0:tester 1 2:tester 1 ");
    assert_ok(f, f->store->ops->release(f->store, &lease, &f->error));
    assert_holders(f, f->store, "0:tester 1 2: ");
    assert_holders(f, second, "0:tester 1 2: ");
    assert_ok(f, second->ops->lease(second, PAWL_STR("app"), 2, PAWL_STR("tester 2"), T_TTL, &lease,
                                    &f->error));
    assert_holders(f, f->store, "0:tester 1 2:tester 2 ");
    assert_ok(f, f->store->ops->holders(f->store, PAWL_STR("app"), &f->arena, &holders, &count,
                                        &f->error));
    assert_int_equal(holders[1].shard, lease.shard);
    assert_int_equal(holders[1].epoch, lease.epoch);
    assert_int_equal(holders[0].shard, f->lease.shard);
    second->ops->close(second);
    assert_holders(f, f->store, "0:tester 1 2: ");
}

static bool renew(struct fixture *f, const struct pawl_lease *lease, int64_t ttl) {
    struct pawl_renewal renewal = {.lease = lease};
    assert_ok(f, f->store->ops->renew(f->store, &renewal, 1, ttl, &f->error));
    return !renewal.lost;
}

static void test_renewing(void **state) {
    struct fixture *f = *state;
    struct pawl_lease newer, never = {.shard = 4711, .epoch = 1};
    fixture_lease(f);
    assert_true(renew(f, &f->lease, T_TTL));
    assert_false(renew(f, &never, T_TTL));
    assert_ok(f, f->store->ops->release(f->store, &f->lease, &f->error));
    assert_ok(f, t_lease(f, f->store, "app", 0, &newer));
    struct pawl_renewal both[] = {{.lease = &f->lease}, {.lease = &newer}};
    assert_ok(f, f->store->ops->renew(f->store, both, 2, T_TTL, &f->error));
    assert_true(both[0].lost);
    assert_false(both[1].lost);
}

static enum pawl_err lease_for(struct fixture *f, int64_t ttl, struct pawl_lease *lease) {
    return f->store->ops->lease(f->store, PAWL_STR("app"), 0, PAWL_STR("somebody"), ttl, lease,
                                &f->error);
}

static void wait_for(int64_t time) {
    nanosleep(&(struct timespec){time / PAWL_SECOND, time % PAWL_SECOND}, NULL);
}

static void test_leases_end(void **state) {
    struct fixture *f = *state;
    struct pawl_lease other;
    const int64_t ttl = 400 * PAWL_MILLISECOND;
    if (!f->store->caps.expires) skip();
    assert_ok(f, lease_for(f, ttl, &f->lease));
    assert_err(PAWL_E_HELD, lease_for(f, ttl, &other));
    assert_text(f, "somebody");
    wait_for(ttl + ttl / 2);
    assert_holders(f, f->store, "0: ");

    // Nobody has taken it: it can still be renewed, and nobody has fenced it off.
    assert_ok(f, t_append(f, 1, "a"));
    assert_true(renew(f, &f->lease, T_TTL));
    assert_err(PAWL_E_HELD, lease_for(f, ttl, &other));
    assert_true(renew(f, &f->lease, ttl));
    wait_for(ttl + ttl / 2);
    assert_ok(f, lease_for(f, T_TTL, &other));
    assert_true(other.epoch > f->lease.epoch);
    assert_int_equal(other.position, 1);
    assert_false(renew(f, &f->lease, T_TTL));
    assert_err(PAWL_E_FENCED, t_append(f, 2, "late"));
}

// --- members --------------------------------------------------------------------------------

static void put(struct fixture *f, struct pawl_store *store, const char *id, uint32_t workers,
                int64_t ttl) {
    struct pawl_member member = {.id = pawl__str(id),
                                 .address = PAWL_STR("127.0.0.1:50001"),
                                 .info = PAWL_STR("a\0b"),
                                 .workers = workers,
                                 .loops = 2};
    assert_ok(f, store->ops->put_member(store, PAWL_STR("app"), &member, ttl, &f->error));
}

// The members of |app| as "id/workers ".
static void assert_members(struct fixture *f, struct pawl_store *store, const char *app,
                           const char *expected) {
    struct pawl_member *members;
    struct pawl_buf text = {0};
    size_t count;
    assert_ok(f,
              store->ops->members(store, pawl__str(app), &f->arena, &members, &count, &f->error));
    for (size_t i = 0; i < count; i++)
        pawl__buf_format(&text, "%.*s/%u ", PAWL_FMT(members[i].id), members[i].workers);
    assert_str(expected, pawl__buf_str(&text));
    pawl__buf_finish(&text);
}

static void test_members(void **state) {
    struct fixture *f = *state;
    struct pawl_store *second;
    struct pawl_member *members;
    size_t count;
    assert_members(f, f->store, "app", "");
    put(f, f->store, "b", 1, T_TTL);
    assert_ok(f, f->kind->again(f->store, f->path, &second, &f->error));
    put(f, second, "a", 0, T_TTL);
    assert_members(f, f->store, "app", "a/0 b/1 ");
    assert_members(f, second, "app", "a/0 b/1 ");
    assert_members(f, second, "other", "");

    assert_ok(f, f->store->ops->members(f->store, PAWL_STR("app"), &f->arena, &members, &count,
                                        &f->error));
    assert_str("127.0.0.1:50001", members[1].address);
    assert_true(pawl__str_equal(members[1].info, PAWL_STR("a\0b")));
    assert_int_equal(members[1].loops, 2);
    int64_t age = pawl__clock_wall() - members[1].joined_at;
    assert_true(age > -PAWL_SECOND && age < 60 * PAWL_SECOND);
    int64_t joined_at = members[1].joined_at;

    put(f, f->store, "b", 7, T_TTL); // it tells something else, and has joined when it did
    assert_members(f, second, "app", "a/0 b/7 ");
    assert_ok(f, f->store->ops->members(f->store, PAWL_STR("app"), &f->arena, &members, &count,
                                        &f->error));
    assert_int_equal(members[1].joined_at, joined_at);
    assert_ok(f, f->store->ops->remove_member(f->store, PAWL_STR("app"), PAWL_STR("b"), &f->error));
    assert_ok(f, f->store->ops->remove_member(f->store, PAWL_STR("app"), PAWL_STR("b"), &f->error));
    assert_members(f, second, "app", "a/0 ");
    second->ops->close(second);
    assert_members(f, f->store, "app", "");
    put(f, f->store, "a", 3, T_TTL); // again
    assert_members(f, f->store, "app", "a/3 ");
}

static void test_members_end(void **state) {
    struct fixture *f = *state;
    const int64_t ttl = 400 * PAWL_MILLISECOND;
    if (!f->store->caps.expires) skip();
    put(f, f->store, "short", 1, ttl);
    put(f, f->store, "long", 1, T_TTL);
    assert_members(f, f->store, "app", "long/1 short/1 ");
    wait_for(ttl + ttl / 2);
    assert_members(f, f->store, "app", "long/1 ");
    put(f, f->store, "short", 2, T_TTL);
    assert_members(f, f->store, "app", "long/1 short/2 ");
}

int suite_members(void) {
#define T(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
    const struct CMUnitTest tests[] = {T(test_shard_count), T(test_holders), T(test_renewing),
                                       T(test_leases_end),  T(test_members), T(test_members_end)};
#undef T
    return cmocka_run_group_tests_name("members", tests, NULL, NULL);
}
