#include "kit.h"

#include <stdlib.h>

#include "base/clock.h"
#include "config/configuration.h"

static struct pawl_configuration configuration;

static enum pawl_err load(struct kit *kit, const char *text) {
    static const char *const files[] = {"c.yaml"};
    kit_write("c.yaml", text);
    return pawl__configuration_load(&kit->context, files, 1, &configuration, &kit->error);
}

static void test_limits(void **state) {
    struct kit *kit = *state;
    assert_int_equal(load(kit, "kind: Configuration\nspec:\n  workflow:\n"
                               "    maxConcurrentWorkflowInvocations: 100\n"
                               "    maxConcurrentActivityInvocations: 7\n"),
                     PAWL_OK);
    assert_int_equal(configuration.concurrency.max_turns, 100);
    assert_int_equal(configuration.concurrency.max_activities, 7);
    assert_string_equal(kit_log(kit), "");
    assert_int_equal(load(kit, "kind: Other\nspec: {workflow: "
                               "{maxConcurrentWorkflowInvocations: x}}\n"),
                     PAWL_OK);
    assert_int_equal(configuration.concurrency.max_turns, 0);
    assert_int_equal(load(kit, "kind: Configuration\nspec: {workflow: "
                               "{maxConcurrentWorkflowInvocations: x}}\n"),
                     PAWL_E_INVALID);
    assert_error(kit, "c.yaml:2: maxConcurrentWorkflowInvocations has to be a whole number");
    assert_int_equal(load(kit, "kind: Configuration\nspec: {workflow: "
                               "{maxConcurrentActivityInvocations: -1}}\n"),
                     PAWL_E_INVALID);
    assert_error(kit, "c.yaml:2: maxConcurrentActivityInvocations has to be a whole number "
                      "above 0, or 0 for no limit");
}

static void test_features(void **state) {
    struct kit *kit = *state;
    assert_int_equal(load(kit, "kind: Configuration\nspec: {}\n"), PAWL_OK);
    assert_false(configuration.no_hot_reload);
    struct pawl_str before = configuration.said;
    assert_int_equal(load(kit, "kind: Configuration\nspec:\n  features:\n"
                               "  - {name: HotReload, enabled: false}\n"),
                     PAWL_OK);
    assert_true(configuration.no_hot_reload);
    assert_false(pawl__str_equal(before, configuration.said));
    assert_string_equal(kit_log(kit), "");
    assert_int_equal(load(kit, "kind: Configuration\nspec:\n  features:\n"
                               "  - {name: HotReload, enabled: true}\n"
                               "  - {name: ActorStateTTL, enabled: true}\n"),
                     PAWL_OK);
    assert_false(configuration.no_hot_reload);
    assert_logged(kit, "c.yaml:5: the feature ActorStateTTL is read, but nothing in this version "
                       "acts on it");
    assert_int_equal(load(kit, "kind: Configuration\nspec:\n  features: HotReload\n"),
                     PAWL_E_INVALID);
    assert_error(kit, "c.yaml:3: spec.features has to be a list of names and switches");
}

static void test_merge(void **state) {
    struct kit *kit = *state;
    static const char *const files[] = {"one.yaml", "two.yaml"};
    kit_write("one.yaml", "kind: Configuration\nspec: {workflow: "
                          "{maxConcurrentWorkflowInvocations: 1, "
                          "maxConcurrentActivityInvocations: 2}}\n");
    kit_write("two.yaml", "kind: Configuration\nspec: {workflow: "
                          "{maxConcurrentWorkflowInvocations: 3}}\n");
    assert_int_equal(pawl__configuration_load(&kit->context, files, 2, &configuration, &kit->error),
                     PAWL_OK);
    assert_int_equal(configuration.concurrency.max_turns, 3);
    assert_int_equal(configuration.concurrency.max_activities, 2);
    assert_int_equal(pawl__configuration_load(&kit->context, files, 0, &configuration, &kit->error),
                     PAWL_OK);
    assert_int_equal(configuration.concurrency.max_turns, 0);
}

// What would be missed is an error.
static void test_mistakes(void **state) {
    struct kit *kit = *state;
    static const struct {
        const char *text, *error;
    } rows[] = {
        {"kind: Configuration\nspec:\n- tracing: {}\n- {a: b}\n",
         "c.yaml:3: spec has to be a map of keys"},
        {"kind: Configuration\nspec:\n  workflow:\n  - a\n  - b\n",
         "c.yaml:4: spec.workflow has to be a map of keys"},
        {"spec: {}\n", "c.yaml:1: kind has to be given, as in \"kind: Configuration\""},
        {"kind: configuration\n",
         "c.yaml:1: there is no kind \"configuration\"; did you mean \"Configuration\"?"},
        {"text\n", "c.yaml:1: a resource has to be a map with a kind and a spec"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        assert_int_equal(load(kit, rows[i].text), PAWL_E_INVALID);
        assert_error(kit, rows[i].error);
    }
    static const struct {
        const char *text, *key, *meant;
    } slips[] = {
        {"kind: Configuration\nspec:\n  tracng: {}\n", "tracng", "tracing"},
        {"kind: Configuration\nspec: {workflow: {\n  maxConcurentWorkflowInvocations: 1}}\n",
         "maxConcurentWorkflowInvocations", "maxConcurrentWorkflowInvocations"},
        {"kind: Configuration\nspec: {workflow: {stateRetentionPolicy: {\n  complete: 1s}}}\n",
         "complete", "completed"},
    };
    for (size_t i = 0; i < sizeof slips / sizeof *slips; i++) {
        assert_int_equal(load(kit, slips[i].text), PAWL_E_INVALID);
        const char *text =
            pawl__arena_format(&kit->arena, "c.yaml:3: unknown key \"%s\" in ", slips[i].key);
        assert_non_null(strstr(kit->error.text, text));
        text = pawl__arena_format(&kit->arena, "; did you mean \"%s\"?", slips[i].meant);
        assert_non_null(strstr(kit->error.text, text));
    }
}

static void test_warnings(void **state) {
    struct kit *kit = *state;
    assert_int_equal(load(kit, "kind: Configuration\nspec:\n  newInDapr: {}\n  wasm: {}\n"
                               "  workflow:\n"
                               "    somethingElse: 5\n"),
                     PAWL_OK);
    assert_logged(kit, "c.yaml:3: unknown key \\\"newInDapr\\\" in spec");
    assert_logged(kit, "c.yaml:4: spec.wasm is read, but nothing in this version acts on it");
    assert_logged(kit, "c.yaml:6: unknown key \\\"somethingElse\\\" in spec.workflow");
}

// The limit |name| of workflows (|turn|) or activities; 0: there is none.
static int limit_of(struct kit *kit, const char *name, bool turn) {
    struct pawl_concurrency_limit *limits;
    size_t count;
    assert_int_equal(
        pawl__concurrency_limits(kit->context.arena, &configuration.concurrency, &limits, &count),
        PAWL_OK);
    for (size_t i = 0; i < count; i++)
        if (limits[i].turn == turn && strcmp(limits[i].name, name) == 0) return limits[i].most;
    return 0;
}

static void test_limits_of_the_app(void **state) {
    struct kit *kit = *state;
    assert_int_equal(load(kit, "kind: Configuration\nspec:\n  workflow:\n"
                               "    globalMaxConcurrentWorkflowInvocations: 50\n"
                               "    globalMaxConcurrentActivityInvocations: 60\n"
                               "    workflowConcurrencyLimits: [{name: Wf, maxConcurrent: 5}]\n"
                               "    activityConcurrencyLimits:\n"
                               "    - {name: a, maxConcurrent: 6}\n"
                               "    - {name: b, maxConcurrent: \"7\"}\n"
                               "    - {name: Wf, dispatchMode: pull}\n"),
                     PAWL_OK);
    assert_int_equal(limit_of(kit, "", true), 50);
    assert_int_equal(limit_of(kit, "", false), 60);
    assert_int_equal(limit_of(kit, "Wf", true), 5);
    assert_int_equal(limit_of(kit, "a", false), 6);
    assert_int_equal(limit_of(kit, "b", false), 7);
    assert_int_equal(limit_of(kit, "Wf", false), 0);
    assert_int_equal(limit_of(kit, "a", true), 0);
    assert_logged(kit, "c.yaml:10: unknown key \\\"dispatchMode\\\" in activityConcurrencyLimits");
    static const struct {
        const char *text, *error;
    } rows[] = {
        {"globalMaxConcurrentWorkflowInvocations: -1",
         "c.yaml:4: globalMaxConcurrentWorkflowInvocations has to be a whole number above 0"},
        {"globalMaxConcurrentActivityInvocations: many",
         "c.yaml:4: globalMaxConcurrentActivityInvocations has to be a whole number"},
        {"workflowConcurrencyLimits: 5", "c.yaml:4: workflowConcurrencyLimits has to be a list"},
        {"workflowConcurrencyLimits: [5]", "c.yaml:4: workflowConcurrencyLimits has to be a map"},
        {"workflowConcurrencyLimits: [{maxConcurrent: 5}]", "c.yaml:4: name has to be given"},
        {"activityConcurrencyLimits: [{name: a}]", "c.yaml:4: maxConcurrent has to be a whole"},
        {"activityConcurrencyLimits: [{name: a, maxConcurrent: 0}]",
         "c.yaml:4: maxConcurrent has to be a whole number above 0"},
        {"activityConcurrencyLimits: [{name: a, maxConcurrent: 99999999999}]",
         "c.yaml:4: maxConcurrent has to be a whole number"},
        {"activityConcurrencyLimits: [{name: a, maxConcurent: 1}]",
         "c.yaml:4: unknown key \"maxConcurent\" in activityConcurrencyLimits"},
        {"activityConcurrencyLimits: [{name: a, maxConcurrent: 1}, {name: a, maxConcurrent: 2}]",
         "c.yaml:4: activityConcurrencyLimits has \"a\" twice"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char text[256];
        snprintf(text, sizeof text, "kind: Configuration\nspec:\n  workflow:\n    %s\n",
                 rows[i].text);
        assert_int_equal(load(kit, text), PAWL_E_INVALID);
        assert_non_null(strstr(kit->error.text, rows[i].error));
    }
}

static void test_metrics(void **state) {
    struct kit *kit = *state;
    assert_int_equal(load(kit, "kind: Configuration\nspec: {}\n"), PAWL_OK);
    const struct pawl_metrics_config *metrics = &configuration.metrics;
    assert_true(metrics->enabled);
    assert_int_equal(metrics->latency.count, 34);
    assert_int_equal(metrics->latency.bounds[33], 100 * PAWL_SECOND);
    assert_int_equal(load(kit, "kind: Configuration\nspec:\n  metric:\n    enabled: false\n"
                               "    latencyDistributionBuckets: [1, 2.5]\n\n"
                               "    http: {increasedCardinality: true, pathMatching: [/a]}\n"),
                     PAWL_OK);
    assert_false(metrics->enabled);
    assert_true(metrics->increased_cardinality);
    assert_int_equal(metrics->latency.count, 2);
    assert_int_equal(metrics->latency.bounds[1], 5 * PAWL_MILLISECOND / 2);
    assert_int_equal(metrics->workflow_latency.count, 2);
    assert_int_equal(metrics->rule_count, 0);
    assert_int_equal(metrics->path_count, 1);
    assert_string_equal(metrics->paths[0], "/a");
    assert_int_equal(load(kit, "kind: Configuration\nspec:\n  metrics:\n    rules:\n"
                               "    - name: dapr_http_server_request_count\n      labels:\n"
                               "      - {name: method, regex: {GET: HEAD, any: \"[A-Z]+\"}}\n"
                               "      - {name: path, regex: {\"/o/{id}\": \"/o/.+\"}}\n"
                               "    - name: other\n"),
                     PAWL_OK);
    assert_int_equal(metrics->rule_count, 3);
    assert_string_equal(metrics->rules[2].metric, "dapr_http_server_request_count");
    assert_string_equal(metrics->rules[2].label, "path");
    assert_string_equal(metrics->rules[2].pattern, "/o/.+");
    assert_string_equal(metrics->rules[2].replacement, "/o/{id}");
    assert_string_equal(metrics->rules[1].replacement, "any");
    static const struct {
        const char *text, *error;
    } rows[] = {
        {"rules: a", "c.yaml:4: rules has to be a list of metrics"},
        {"rules: [{labels: []}]", "c.yaml:4: a rule of spec.metrics.rules has to be a map with"},
        {"rules: [{name: a, label: []}]", "c.yaml:4: unknown key \"label\""},
        {"rules: [{name: a, labels: {}}]", "c.yaml:4: labels has to be a list of labels"},
        {"rules: [{name: a, labels: [b]}]", "c.yaml:4: a label of spec.metrics.rules has to be"},
        {"rules: [{name: a, labels: [{name: b, regex: c}]}]", "c.yaml:4: regex has to be a map"},
        {"rules: [{name: a, labels: [{name: b, regex: {c: \"(\"}}]}]",
         "c.yaml:4: c has to be a regular expression of at most 255 bytes"},
        {"latencyDistributionBuckets: 5", "c.yaml:4: latencyDistributionBuckets has to be a list"},
        {"latencyDistributionBuckets: [0]", "c.yaml:4: latencyDistributionBuckets has to be"},
        {"latencyDistributionBuckets: [2, 1]", "c.yaml:4: latencyDistributionBuckets has to be"},
        {"latencyDistributionBuckets: [1x]", "c.yaml:4: latencyDistributionBuckets has to be"},
        {"enabled: perhaps", "c.yaml:4: enabled has to be"},
        {"workflow: {latencyDistributionUnits: 5}",
         "c.yaml:4: latencyDistributionUnits has to be a duration such as 1ms"},
        {"http: {pathMatching: [a]}",
         "c.yaml:4: pathMatching has to be a list of at most 64 paths"},
        {"http: {pathMatching: /a}", "c.yaml:4: pathMatching has to be a list of at most 64 paths"},
        {"recordErrorCodes: 7", "c.yaml:4: recordErrorCodes has to be"},
        {"http: {increasedCardinalty: true}", "c.yaml:4: unknown key \"increasedCardinalty\""},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const char *text = pawl__arena_format(
            &kit->arena, "kind: Configuration\nspec:\n  metrics:\n    %s\n", rows[i].text);
        assert_int_equal(load(kit, text), PAWL_E_INVALID);
        assert_non_null(strstr(kit->error.text, rows[i].error));
    }
}

static void test_retention(void **state) {
    struct kit *kit = *state;
    assert_int_equal(load(kit, "kind: Configuration\nspec:\n  workflow:\n"
                               "    stateRetentionPolicy:\n      anyTerminal: 168h\n"
                               "      completed: 0s\n      failed: 1h30m\n"),
                     PAWL_OK);
    assert_int_equal(configuration.retain_completed, 1);
    assert_int_equal(configuration.retain_failed, 90 * PAWL_MINUTE);
    assert_int_equal(configuration.retain_terminated, 168 * PAWL_HOUR);
    assert_int_equal(configuration.retain_canceled, 168 * PAWL_HOUR);
    assert_int_equal(load(kit, "kind: Configuration\nspec:\n  workflow:\n"
                               "    stateRetentionPolicy:\n      failed: soon\n"),
                     PAWL_E_INVALID);
    assert_error(kit, "c.yaml:5: failed has to be a duration such as 168h");
}

static void test_environment(void **state) {
    struct kit *kit = *state;
    static const struct {
        const char *text;
        int limit;
    } rows[] = {
        {"$PAWL_TEST_LIMIT", 42},
        {"${PAWL_TEST_LIMIT}", 42},
        {"1${PAWL_TEST_NONE}1", 11},
        {"${PAWL_TEST_LIMIT}${PAWL_TEST_LIMIT}", 4242},
    };
    setenv("PAWL_TEST_LIMIT", "42", 1);
    unsetenv("PAWL_TEST_NONE");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char text[256];
        snprintf(text, sizeof text,
                 "kind: Configuration\nspec:\n  workflow:\n"
                 "    maxConcurrentWorkflowInvocations: %s\n",
                 rows[i].text);
        assert_int_equal(load(kit, text), PAWL_OK);
        assert_int_equal(configuration.concurrency.max_turns, rows[i].limit);
    }
    unsetenv("PAWL_TEST_LIMIT");
}

// Whether metrics are pushed, and where to, by OpenTelemetry's variables.
static void test_push(void **state) {
    struct kit *kit = *state;
    static const struct {
        const char *exporter, *metrics, *all, *protocol;
        const char *endpoint; // NULL: they are not
    } rows[] = {
        {NULL, NULL, NULL, NULL, NULL},
        {NULL, NULL, "http://c:4318", NULL, NULL}, // it may be for traces alone
        {"", "http://m:1", NULL, NULL, "http://m:1"},
        {"none", "http://m:1", "http://c:4318", NULL, NULL},
        {"prometheus", "http://m:1", NULL, NULL, NULL},
        {"otlp", NULL, NULL, NULL, "http://localhost:4318"},
        {"otlp", NULL, NULL, "grpc", "http://localhost:4317"},
        {"prometheus, otlp", NULL, "http://c:4318/", NULL, "http://c:4318/v1/metrics"},
        {"otlp", "http://m:1/here", "http://c:4318", "http/protobuf", "http://m:1/here"},
        {"otlp", NULL, "c:4317", "grpc", "c:4317"},
    };
    static const char *const names[] = {
        "OTEL_METRICS_EXPORTER", "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT",
        "OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_METRICS_PROTOCOL"};
    const struct pawl_metrics_push_config *push = &configuration.metrics.push;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const char *const values[] = {rows[i].exporter, rows[i].metrics, rows[i].all,
                                      rows[i].protocol};
        for (size_t k = 0; k < 4; k++)
            if (values[k]) setenv(names[k], values[k], 1);
        assert_int_equal(load(kit, "kind: Configuration\n"), PAWL_OK);
        assert_int_equal(push->on, rows[i].endpoint != NULL);
        if (push->on) assert_string_equal(push->otlp.endpoint, rows[i].endpoint);
        if (push->on) assert_int_equal(push->interval, 60 * PAWL_SECOND);
        for (size_t k = 0; k < 4; k++) unsetenv(names[k]);
    }
    static const struct {
        const char *text;
        int64_t interval; // 0: an error
    } intervals[] = {{"2500", 2500 * PAWL_MILLISECOND}, {"1", 100 * PAWL_MILLISECOND}, {"1s", 0}};
    setenv("OTEL_METRICS_EXPORTER", "otlp", 1);
    for (size_t i = 0; i < sizeof intervals / sizeof *intervals; i++) {
        setenv("OTEL_METRIC_EXPORT_INTERVAL", intervals[i].text, 1);
        assert_int_equal(load(kit, "kind: Configuration\n"),
                         intervals[i].interval ? PAWL_OK : PAWL_E_INVALID);
        if (intervals[i].interval) assert_int_equal(push->interval, intervals[i].interval);
    }
    assert_error(kit, "OTEL_METRIC_EXPORT_INTERVAL in the environment is '1s', but has to be a "
                      "number of milliseconds");
    unsetenv("OTEL_METRIC_EXPORT_INTERVAL");
    unsetenv("OTEL_METRICS_EXPORTER");
}

static void test_files(void **state) {
    struct kit *kit = *state;
    static const char *const files[] = {"none.yaml"};
    assert_int_equal(pawl__configuration_load(&kit->context, files, 1, &configuration, &kit->error),
                     PAWL_E_IO);
    assert_error(kit, "cannot read none.yaml: No such file or directory; create the configuration "
                      "file, which may be empty, or name none");
    assert_int_equal(load(kit, "a: 1\n\tb\n"), PAWL_E_INVALID);
    assert_non_null(strstr(kit->error.text, "c.yaml:2: "));
    assert_int_equal(load(kit, ""), PAWL_OK);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_limits, kit_begin, kit_end),
        cmocka_unit_test_setup_teardown(test_features, kit_begin, kit_end),
        cmocka_unit_test_setup_teardown(test_merge, kit_begin, kit_end),
        cmocka_unit_test_setup_teardown(test_mistakes, kit_begin, kit_end),
        cmocka_unit_test_setup_teardown(test_warnings, kit_begin, kit_end),
        cmocka_unit_test_setup_teardown(test_limits_of_the_app, kit_begin, kit_end),
        cmocka_unit_test_setup_teardown(test_metrics, kit_begin, kit_end),
        cmocka_unit_test_setup_teardown(test_retention, kit_begin, kit_end),
        cmocka_unit_test_setup_teardown(test_environment, kit_begin, kit_end),
        cmocka_unit_test_setup_teardown(test_push, kit_begin, kit_end),
        cmocka_unit_test_setup_teardown(test_files, kit_begin, kit_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
