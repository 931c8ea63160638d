#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "observe/collection.h"
#include "observe/metrics.h"
#include "observe/named.h"

static const struct pawl_buckets buckets = {3, {10, 20, 30}};

static void test_histogram(void **state) {
    struct pawl_histogram histogram = {.buckets = NULL};
    pawl__histogram_add(&histogram, 5);
    assert_int_equal(pawl__histogram_count(&histogram), 0);
    histogram.buckets = &buckets;
    static const int64_t values[] = {-1, 10, 11, 20, 21, 30, 31, 1000};
    for (size_t i = 0; i < sizeof values / sizeof *values; i++)
        pawl__histogram_add(&histogram, values[i]);
    for (size_t i = 0; i < 4; i++) assert_int_equal(histogram.counts[i], 2);
    assert_int_equal(histogram.sum, 1122);
    assert_int_equal(pawl__histogram_count(&histogram), 8);
}

static void assert_text(struct pawl_scrape *scrape, const char *text) {
    pawl__buf_append(&scrape->out, "", 1);
    assert_string_equal((const char *)scrape->out.data, text);
    pawl__buf_finish(&scrape->out);
}

// The same family in both formats.
static void test_text(void **state) {
    static const struct pawl_metric counter = {"a_total", PAWL_METRIC_COUNTER, NULL, 0,
                                               "How\nmany \"\\\""};
    static const struct pawl_metric plain = {"b_count", PAWL_METRIC_COUNTER, NULL, 0, "B"};
    static const struct pawl_metric unused = {"c", PAWL_METRIC_GAUGE, NULL, 0, "C"};
    static const struct pawl_metric times = {"d_seconds", PAWL_METRIC_HISTOGRAM, "seconds", 20,
                                             "D"};
    struct pawl_histogram histogram = {.buckets = &buckets};
    pawl__histogram_add(&histogram, 15);
    pawl__histogram_add(&histogram, 31);
    const struct pawl_label labels[] = {{"x", PAWL_STR("q\"b\\n\n")}, {"y", PAWL_STR("")}};
    static const char *const texts[] = {
        "# HELP a_total How\\nmany \"\\\\\".\n# TYPE a_total counter\n"
        "a_total{x=\"q\\\"b\\\\n\\n\",y=\"\"} 3\na_total 0.25\n"
        "# HELP b_count B.\n# TYPE b_count counter\nb_count 1000000\n"
        "# HELP d_seconds D.\n# TYPE d_seconds histogram\n"
        "d_seconds_bucket{le=\"0.5\"} 0\nd_seconds_bucket{le=\"1\"} 1\n"
        "d_seconds_bucket{le=\"1.5\"} 1\nd_seconds_bucket{le=\"+Inf\"} 2\n"
        "d_seconds_sum 2.3\nd_seconds_count 2\n",
        "# HELP a How\\nmany \\\"\\\\\\\".\n# TYPE a counter\n"
        "a_total{x=\"q\\\"b\\\\n\\n\",y=\"\"} 3\na_total 0.25\n"
        "# HELP b_count B.\n# TYPE b_count unknown\nb_count 1000000\n"
        "# HELP d_seconds D.\n# TYPE d_seconds histogram\n# UNIT d_seconds seconds\n"
        "d_seconds_bucket{le=\"0.5\"} 0\nd_seconds_bucket{le=\"1.0\"} 1\n"
        "d_seconds_bucket{le=\"1.5\"} 1\nd_seconds_bucket{le=\"+Inf\"} 2\n"
        "d_seconds_sum 2.3\nd_seconds_count 2\n# EOF\n",
    };
    for (int format = 0; format < 2; format++) {
        struct pawl_scrape scrape = {.format = (enum pawl_scrape_format)format};
        pawl__scrape_family(&scrape, &counter);
        pawl__scrape_number(&scrape, labels, 2, 3);
        pawl__scrape_number(&scrape, NULL, 0, 0.25);
        pawl__scrape_family(&scrape, &plain);
        pawl__scrape_number(&scrape, NULL, 0, 1e6);
        pawl__scrape_family(&scrape, &unused);
        pawl__scrape_family(&scrape, &times);
        pawl__scrape_histogram(&scrape, NULL, 0, &histogram);
        pawl__scrape_end(&scrape);
        assert_text(&scrape, texts[format]);
    }
}

// What two loops tell is added up, series by series, and families stay together.
// Series that rules make the same are added up; other metrics, labels and empty values stay.
static void test_relabel(void **state) {
    static const struct pawl_metric count = {"dapr_a_count", PAWL_METRIC_COUNTER, NULL, 0, "A"};
    static const struct pawl_metric other = {"b_count", PAWL_METRIC_COUNTER, NULL, 0, "B"};
    static const struct pawl_label_rule rules[] = {
        {"a_count", "path", "/orders/.+", "/orders/{id}"}, // without dapr_, as some write it
        {"dapr_a_count", "path", "^/o", "/O"},
        {"dapr_a_count", "nobody", ".*", "x"},
    };
    struct pawl_relabel relabel;
    assert_true(pawl__relabel_init(&relabel, rules, 3));
    struct pawl_collection all = {.relabel = &relabel};
    struct pawl_scrape into = {.into = &all}, out = {0};
    static const char *const paths[] = {"/orders/1", "/orders/22", "/else", ""};
    const struct pawl_metric *const metrics[] = {&count, &other};
    for (size_t m = 0; m < 2; m++) {
        pawl__scrape_family(&into, metrics[m]);
        for (size_t i = 0; i < 4; i++) {
            const struct pawl_label labels[] = {{"app", PAWL_STR("/orders/1")},
                                                {"path", pawl__str(paths[i])}};
            pawl__scrape_number(&into, labels, 2, 1);
        }
    }
    pawl__scrape_collected(&out, &all);
    pawl__scrape_end(&out);
    assert_text(&out, "# HELP dapr_a_count A.\n# TYPE dapr_a_count counter\n"
                      "dapr_a_count{app=\"/orders/1\",path=\"/Orders/{id}\"} 2\n"
                      "dapr_a_count{app=\"/orders/1\",path=\"/else\"} 1\n"
                      "dapr_a_count{app=\"/orders/1\",path=\"\"} 1\n"
                      "# HELP b_count B.\n# TYPE b_count counter\n"
                      "b_count{app=\"/orders/1\",path=\"/orders/1\"} 1\n"
                      "b_count{app=\"/orders/1\",path=\"/orders/22\"} 1\n"
                      "b_count{app=\"/orders/1\",path=\"/else\"} 1\n"
                      "b_count{app=\"/orders/1\",path=\"\"} 1\n");
    pawl__collection_finish(&all);
    pawl__relabel_finish(&relabel);
}

static void test_collection(void **state) {
    static const struct pawl_metric counter = {"a_total", PAWL_METRIC_COUNTER, NULL, 0, "A"};
    static const struct pawl_metric same = {"b", PAWL_METRIC_GAUGE, NULL, 0, "B", true};
    static const struct pawl_metric times = {"c", PAWL_METRIC_HISTOGRAM, NULL, 0, "C"};
    struct pawl_collection all = {0};
    for (int loop = 0; loop < 2; loop++) {
        struct pawl_scrape scrape = {.into = &all};
        struct pawl_histogram histogram = {.buckets = &buckets};
        const struct pawl_label label = {"x", loop ? PAWL_STR("two") : PAWL_STR("one")};
        pawl__histogram_add(&histogram, 15);
        pawl__scrape_family(&scrape, &counter);
        pawl__scrape_number(&scrape, NULL, 0, 2 + loop);
        pawl__scrape_number(&scrape, &label, 1, 1);
        pawl__scrape_family(&scrape, &same);
        pawl__scrape_number(&scrape, NULL, 0, 7 - loop);
        pawl__scrape_family(&scrape, &times);
        pawl__scrape_histogram(&scrape, NULL, 0, &histogram);
        assert_int_equal(scrape.out.len, 0);
        pawl__buf_finish(&scrape.labels);
    }
    struct pawl_scrape scrape = {.format = PAWL_SCRAPE_TEXT};
    pawl__scrape_collected(&scrape, &all);
    pawl__scrape_end(&scrape);
    assert_text(&scrape, "# HELP a_total A.\n# TYPE a_total counter\n"
                         "a_total 5\na_total{x=\"one\"} 1\na_total{x=\"two\"} 1\n"
                         "# HELP b B.\n# TYPE b gauge\nb 7\n"
                         "# HELP c C.\n# TYPE c histogram\n"
                         "c_bucket{le=\"10\"} 0\nc_bucket{le=\"20\"} 2\n"
                         "c_bucket{le=\"30\"} 2\nc_bucket{le=\"+Inf\"} 2\n"
                         "c_sum 30\nc_count 2\n");
    pawl__collection_finish(&all);
}

static void test_accept(void **state) {
    static const struct {
        const char *accept;
        enum pawl_scrape_format format;
    } rows[] = {
        {NULL, PAWL_SCRAPE_TEXT},
        {"*/*", PAWL_SCRAPE_TEXT},
        {"text/plain;version=0.0.4", PAWL_SCRAPE_TEXT},
        {"application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;"
         "q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
         PAWL_SCRAPE_OPENMETRICS},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_int_equal(pawl__scrape_accepts(pawl__str(rows[i].accept)), rows[i].format);
}

struct item {
    struct pawl_named named;
    int seen;
};

static void item_init(void *item, void *arg) {
    ((struct item *)item)->seen = *(int *)arg;
}

static void test_names(void **state) {
    struct pawl_named_set names;
    int first = 7;
    assert_true(pawl__named_init(&names, sizeof(struct item), 2, item_init, &first));
    struct item *a = pawl__named_get(&names, PAWL_STR("a"));
    struct item *b = pawl__named_get(&names, PAWL_STR(""));
    struct item *other = pawl__named_get(&names, PAWL_STR("c"));
    assert_int_equal(a->seen, 7);
    assert_ptr_not_equal(a, b);
    assert_ptr_equal(pawl__named_get(&names, PAWL_STR("a")), a);
    assert_ptr_equal(pawl__named_get(&names, PAWL_STR("")), b);
    assert_ptr_equal(pawl__named_get(&names, PAWL_STR("d")), other);
    assert_ptr_equal(pawl__named_get(&names, PAWL_STR("other")), other);
    assert_memory_equal(other->named.name.data, "other", 5);
    size_t count = 0;
    for (struct pawl_link *link = names.list.next; link != &names.list; link = link->next) count++;
    assert_int_equal(count, 3);
    pawl__named_finish(&names);
}

// Only so much of a name is told; what is the same until there is the same name.
static void test_long_names(void **state) {
    struct pawl_named_set names;
    char text[2 * PAWL_NAMED_TEXT];
    memset(text, 'x', sizeof text);
    assert_true(pawl__named_init(&names, sizeof(struct item), 2, NULL, NULL));
    const struct item *a = pawl__named_get(&names, (struct pawl_str){text, sizeof text});
    assert_int_equal(a->named.name.len, PAWL_NAMED_TEXT);
    assert_ptr_equal(pawl__named_get(&names, (struct pawl_str){text, sizeof text - 1}), a);
    pawl__named_finish(&names);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_histogram),  cmocka_unit_test(test_text),
        cmocka_unit_test(test_accept),     cmocka_unit_test(test_names),
        cmocka_unit_test(test_long_names), cmocka_unit_test(test_collection),
        cmocka_unit_test(test_relabel),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
