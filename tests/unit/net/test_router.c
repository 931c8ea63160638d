// clang-format off
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
// clang-format on

#include "net/router.h"

static const struct pawl_route routes[] = {
    {"GET", "/v1.0/healthz", NULL},
    {"GET", "/v1.0/state/{store}/{key}", NULL},
    {"POST|PUT", "/v1.0/state/{store}", NULL},
    {"POST|PUT", "/v1.0/state/{store}/bulk", NULL},
    {"GET", "/v1.0/state/{store}/{key}", NULL}, // never: the row above wins
    {"GET", "/files/{path...}", NULL},
    {"GET", "/", NULL},
};

static void test_routes(void **state) {
    static const struct {
        const char *method, *path;
        enum pawl_route_result result;
        size_t row;
        const char *first, *second;
    } rows[] = {
        {"GET", "/v1.0/healthz", PAWL_ROUTE_FOUND, 0, NULL, NULL},
        {"GET", "//v1.0//healthz/", PAWL_ROUTE_FOUND, 0, NULL, NULL},
        {"GET", "/v1%2e0/healthz", PAWL_ROUTE_FOUND, 0, NULL, NULL},
        {"POST", "/v1.0/healthz", PAWL_ROUTE_NO_METHOD, 0, NULL, NULL},
        {"GET", "/v1.0/healthz/x", PAWL_ROUTE_NO_PATH, 0, NULL, NULL},
        {"GET", "/v1.0", PAWL_ROUTE_NO_PATH, 0, NULL, NULL},
        {"GET", "/v1.0/state/s/k", PAWL_ROUTE_FOUND, 1, "s", "k"},
        {"GET", "/v1.0/state/s/a%2Fb%20c", PAWL_ROUTE_FOUND, 1, "s", "a/b c"},
        {"GET", "/v1.0/state/s/%", PAWL_ROUTE_MALFORMED, 0, NULL, NULL},
        {"GET", "/v1.0/state/s/%4", PAWL_ROUTE_MALFORMED, 0, NULL, NULL},
        {"GET", "/v1.0/state/s/%zz", PAWL_ROUTE_MALFORMED, 0, NULL, NULL},
        {"PUT", "/v1.0/state/s", PAWL_ROUTE_FOUND, 2, "s", NULL},
        {"POST", "/v1.0/state/s/bulk", PAWL_ROUTE_FOUND, 3, "s", NULL},
        {"POSTER", "/v1.0/state/s", PAWL_ROUTE_NO_METHOD, 0, NULL, NULL},
        {"PU", "/v1.0/state/s", PAWL_ROUTE_NO_METHOD, 0, NULL, NULL},
        {"GET", "/files/a/b%20c/", PAWL_ROUTE_FOUND, 5, "a/b c/", NULL},
        {"GET", "/files", PAWL_ROUTE_FOUND, 5, "", NULL},
        {"GET", "/", PAWL_ROUTE_FOUND, 6, NULL, NULL},
        {"GET", "", PAWL_ROUTE_FOUND, 6, NULL, NULL},
        {"GET", "*", PAWL_ROUTE_NO_PATH, 0, NULL, NULL},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct pawl_request request = {.method = pawl__str(rows[i].method),
                                       .path = pawl__str(rows[i].path)};
        struct pawl_params params;
        assert_int_equal(
            pawl__route_find(routes, sizeof routes / sizeof *routes, &request, &params),
            rows[i].result);
        if (rows[i].result == PAWL_ROUTE_FOUND) {
            assert_ptr_equal(params.route, &routes[rows[i].row]);
            assert_true(pawl__str_equal(params.values[0], pawl__str(rows[i].first)));
            assert_true(pawl__str_equal(params.values[1], pawl__str(rows[i].second)));
        }
        pawl__arena_finish(&request.arena);
    }
}

static void test_query(void **state) {
    struct pawl_request request = {.query = PAWL_STR("a=1&b=x%20y+z&c&d%3D=2&a=3&e=%&=5")};
    static const struct {
        const char *name, *value;
    } rows[] = {
        {"a", "1"}, {"b", "x y z"}, {"c", ""}, {"d=", "2"}, {"e", NULL}, {"f", NULL}, {"", "5"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct pawl_str value = pawl__request_query(&request, rows[i].name);
        assert_int_equal(value.data == NULL, rows[i].value == NULL);
        assert_true(pawl__str_equal(value, pawl__str(rows[i].value)));
    }
    pawl__arena_finish(&request.arena);
}

static void test_stray(void **state) {
    static const struct {
        const char *query, *stray; // NULL: none
    } rows[] = {
        {"", NULL},       {"q=1&by=x", NULL}, {"&q&&by=%41+", NULL}, {"b%79=1", NULL},
        {"q=1&Q=2", "Q"}, {"b=1", "b"},       {"q%20by=1", "q by"},  {"=1", ""},
        {"q=%4", "q=%4"}, {"%=1", "%=1"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct pawl_request request = {.query = pawl__str(rows[i].query)};
        struct pawl_str stray = pawl__request_stray(&request, "q by");
        assert_int_equal(stray.data == NULL, rows[i].stray == NULL);
        assert_true(pawl__str_equal(stray, pawl__str(rows[i].stray)));
        pawl__arena_finish(&request.arena);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_routes),
        cmocka_unit_test(test_query),
        cmocka_unit_test(test_stray),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
