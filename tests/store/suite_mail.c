#include "suite.h"

static struct pawl_mail mail(const char *app, uint32_t number, const char *key, const char *bytes) {
    return (struct pawl_mail){pawl__str(app), number, pawl__str(key), pawl__str(bytes)};
}

static void post(struct fixture *f, const struct pawl_mail *messages, size_t count) {
    struct pawl_part part = {.lease = &f->lease, .mail_out = messages, .mail_out_count = count};
    assert_ok(f, t_commit(f, &part, NULL));
}

static void take(struct fixture *f, const struct pawl_mail *messages, size_t count) {
    struct pawl_part part = {.lease = &f->lease, .mail_in = messages, .mail_in_count = count};
    assert_ok(f, t_commit(f, &part, NULL));
}

static void test_boxes(void **state) {
    struct fixture *f = *state;
    fixture_lease(f);
    const struct pawl_mail messages[] = {mail("app", 1, "b", "2"), mail("app", 1, "a", "1"),
                                         mail("app", 0, "a", "own"), mail("other", 1, "a", "far"),
                                         mail("app", UINT32_MAX, "a", "away")};
    assert_string_equal(t_mail(f, "app", 1, "", 0), "");
    post(f, messages, 5);
    assert_string_equal(t_mail(f, "app", 1, "", 0), "a=1 b=2 ");
    assert_string_equal(t_mail(f, "app", 0, "", 0), "a=own ");
    assert_string_equal(t_mail(f, "other", 1, "", 0), "a=far ");
    assert_string_equal(t_mail(f, "app", UINT32_MAX, "", 0), "a=away ");
    assert_string_equal(t_mail(f, "ap", 1, "", 0), "");

    take(f, &messages[1], 1);
    assert_string_equal(t_mail(f, "app", 1, "", 0), "b=2 ");
    assert_string_equal(t_mail(f, "other", 1, "", 0), "a=far ");
    take(f, messages, 5); // one is gone already
    assert_string_equal(t_mail(f, "app", 1, "", 0), "");
    assert_string_equal(t_mail(f, "app", 0, "", 0), "");
}

static void test_order_and_pages(void **state) {
    struct fixture *f = *state;
    fixture_lease(f);
    const struct pawl_mail messages[] = {mail("app", 0, "b", "3"), mail("app", 0, "\xc3\xa4", "5"),
                                         mail("app", 0, "B", "1"), mail("app", 0, "b ", "4"),
                                         mail("app", 0, "a", "2")};
    post(f, messages, 5);
    assert_string_equal(t_mail(f, "app", 0, "", 0), "B=1 a=2 b=3 b =4 \xc3\xa4=5 ");
    assert_string_equal(t_mail(f, "app", 0, "", 2), "B=1 a=2 ");
    assert_string_equal(t_mail(f, "app", 0, "a", 2), "b=3 b =4 ");
    assert_string_equal(t_mail(f, "app", 0, "aa", 100), "b=3 b =4 \xc3\xa4=5 ");
    assert_string_equal(t_mail(f, "app", 0, "\xc3\xa4", 0), "");
}

static void test_posted_twice(void **state) {
    struct fixture *f = *state;
    fixture_lease(f);
    const struct pawl_mail first = mail("app", 0, "k", "first"),
                           second = mail("app", 0, "k", "second");
    post(f, &first, 1);
    post(f, &second, 1);
    assert_string_equal(t_mail(f, "app", 0, "", 0), "k=first ");
    take(f, &first, 1);
    post(f, &second, 1);
    assert_string_equal(t_mail(f, "app", 0, "", 0), "k=second ");
}

static enum pawl_err same_mail(void *arg, const struct pawl_mail *found, struct pawl_error *error) {
    const struct pawl_mail *expected = arg;
    assert_true(pawl__str_equal(found->app, expected->app));
    assert_int_equal(found->number, expected->number);
    assert_true(pawl__str_equal(found->key, expected->key));
    assert_true(pawl__str_equal(found->bytes, expected->bytes));
    return PAWL_OK;
}

static void test_any_bytes(void **state) {
    struct fixture *f = *state;
    fixture_lease(f);
    struct pawl_mail any = {PAWL_STR("app"), 3, PAWL_STR("k\0\xff\x1e"), PAWL_STR("\0\xfe|\n")};
    post(f, &any, 1);
    assert_ok(f, f->store->ops->read_mail(f->store, any.app, 3, PAWL_STR(""), 0, same_mail, &any,
                                          &f->error));
    if (f->kind->shared) {
        fixture_reopen(f);
        fixture_lease(f);
        assert_ok(f, f->store->ops->read_mail(f->store, any.app, 3, PAWL_STR(""), 0, same_mail,
                                              &any, &f->error));
    }
    take(f, &any, 1);
    assert_string_equal(t_mail(f, "app", 3, "", 0), "");
}

static enum pawl_err stop_at_mail(void *arg, const struct pawl_mail *found,
                                  struct pawl_error *error) {
    ++*(int *)arg;
    return pawl__fail(error, PAWL_E_CANCELED, "enough");
}

static void test_reading_stops(void **state) {
    struct fixture *f = *state;
    int calls = 0;
    fixture_lease(f);
    const struct pawl_mail messages[] = {mail("app", 0, "a", "1"), mail("app", 0, "b", "2")};
    post(f, messages, 2);
    assert_err(PAWL_E_CANCELED, f->store->ops->read_mail(f->store, PAWL_STR("app"), 0, PAWL_STR(""),
                                                         0, stop_at_mail, &calls, &f->error));
    assert_int_equal(calls, 1);
    assert_string_equal(t_mail(f, "app", 0, "", 0), "a=1 b=2 ");
}

int suite_mail(void) {
#define T(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)
    const struct CMUnitTest tests[] = {T(test_boxes), T(test_order_and_pages), T(test_posted_twice),
                                       T(test_any_bytes), T(test_reading_stops)};
#undef T
    return cmocka_run_group_tests_name("mail", tests, NULL, NULL);
}
