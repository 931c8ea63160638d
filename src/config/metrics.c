#include "config/metrics.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/pattern.h"

enum {
    METRICS_INTERVAL_MS = 60000,    // OpenTelemetry's
    METRICS_INTERVAL_LEAST_MS = 100 // what is told more often costs the loop its time
};

static const char *const metrics_keys[] = {
    "enabled", "recordErrorCodes", "latencyDistributionBuckets", "workflow", "http", "rules", NULL};
static const char *const metrics_workflow_keys[] = {"latencyDistributionBuckets",
                                                    "latencyDistributionUnits", NULL};
static const char *const metrics_http_keys[] = {"increasedCardinality", "pathMatching",
                                                "excludeVerbs", NULL};

// Milliseconds; the reference's.
static const int metrics_latency[] = {1,    2,    3,    4,     5,     6,     8,     10,  13,
                                      16,   20,   25,   30,    40,    50,    65,    80,  100,
                                      130,  160,  200,  250,   300,   400,   500,   650, 800,
                                      1000, 2000, 5000, 10000, 20000, 50000, 100000};

void pawl__metrics_config_init(struct pawl_metrics_config *metrics) {
    *metrics = (struct pawl_metrics_config){.enabled = true};
    metrics->latency.count = sizeof metrics_latency / sizeof *metrics_latency;
    for (size_t i = 0; i < metrics->latency.count; i++)
        metrics->latency.bounds[i] = metrics_latency[i] * PAWL_MILLISECOND;
    metrics->workflow_latency = metrics->latency;
}

// The numbers under |key| of |node|, each of |unit| nanoseconds; |*out| stays when there are none.
static enum pawl_err metrics_take_buckets(const struct pawl_yaml *node, int64_t unit,
                                          struct pawl_buckets *out, struct pawl_error *error) {
    static const char key[] = "latencyDistributionBuckets";
    static const char expected[] = "a list of numbers above 0 that grow, and of 64 at most";
    const struct pawl_yaml *list = pawl__yaml_get(node, key);
    struct pawl_buckets buckets = {.count = 0};
    if (!list) return PAWL_OK;
    if (list->kind != PAWL_YAML_LIST) return pawl__yaml_fail(list, error, key, expected);
    for (const struct pawl_yaml *item = list->children; item; item = item->next) {
        char *end = NULL;
        double value = item->kind == PAWL_YAML_SCALAR ? strtod(item->text, &end) : 0;
        bool ok = end && end != item->text && !*end && value > 0 && value * (double)unit < 1e18;
        int64_t bound = ok ? (int64_t)(value * (double)unit + 0.5) : 0;
        if (!ok || buckets.count == PAWL_BUCKETS_MOST ||
            (buckets.count && buckets.bounds[buckets.count - 1] >= bound))
            return pawl__yaml_fail(item, error, key, expected);
        buckets.bounds[buckets.count++] = bound;
    }
    if (buckets.count) *out = buckets;
    return PAWL_OK;
}

static enum pawl_err metrics_take_workflow(const struct pawl_config_context *context,
                                           const struct pawl_yaml *node,
                                           struct pawl_metrics_config *out,
                                           struct pawl_error *error) {
    static const char key[] = "latencyDistributionUnits";
    int64_t unit = PAWL_MILLISECOND;
    const char *text = pawl__yaml_text(node, key);
    enum pawl_err err =
        pawl__resource_check(context, node, "spec.metrics.workflow", metrics_workflow_keys, error);
    if (!err && text && *text && (!pawl__duration_parse(text, &unit) || unit <= 0))
        return pawl__yaml_fail(pawl__yaml_get(node, key), error, key, "a duration such as 1ms");
    return err ? err : metrics_take_buckets(node, unit, &out->workflow_latency, error);
}

static enum pawl_err metrics_take_paths(const struct pawl_yaml *node,
                                        struct pawl_metrics_config *out, struct pawl_error *error) {
    static const char key[] = "pathMatching";
    static const char expected[] = "a list of at most 64 paths that begin with / and have at most "
                                   "255 bytes, such as /v1.0/state/{store}/orders";
    const struct pawl_yaml *list = pawl__yaml_get(node, key);
    if (!list) return PAWL_OK;
    if (list->kind != PAWL_YAML_LIST) return pawl__yaml_fail(list, error, key, expected);
    out->path_count = 0;
    for (const struct pawl_yaml *item = list->children; item; item = item->next) {
        if (item->kind != PAWL_YAML_SCALAR || *item->text != '/' ||
            strlen(item->text) >= PAWL_METRICS_PATH || out->path_count == PAWL_METRICS_PATHS)
            return pawl__yaml_fail(item, error, key, expected);
        strcpy(out->paths[out->path_count++], item->text);
    }
    return PAWL_OK;
}

static enum pawl_err metrics_take_http(const struct pawl_config_context *context,
                                       const struct pawl_yaml *node,
                                       struct pawl_metrics_config *out, struct pawl_error *error) {
    enum pawl_err err =
        pawl__resource_check(context, node, "spec.metrics.http", metrics_http_keys, error);
    if (!err)
        err = pawl__yaml_bool(node, "increasedCardinality", &out->increased_cardinality, error);
    if (!err) err = metrics_take_paths(node, out, error);
    return err ? err : pawl__yaml_bool(node, "excludeVerbs", &out->exclude_verbs, error);
}

// --- rules ---------------------------------------------------------------------------------------

static const char *const metrics_rule_keys[] = {"name", "labels", NULL};
static const char *const metrics_label_keys[] = {"name", "regex", NULL};

static enum pawl_err metrics_need_list(const struct pawl_yaml *list, const char *what,
                                       const char *expected, struct pawl_error *error) {
    return list->kind == PAWL_YAML_LIST ? PAWL_OK : pawl__yaml_fail(list, error, what, expected);
}

// |*out|: the name of |node|, a rule or a label.
static enum pawl_err metrics_take_name(const struct pawl_yaml *node, const char *what,
                                       const char *expected, const char **out,
                                       struct pawl_error *error) {
    *out = node->kind == PAWL_YAML_MAP ? pawl__yaml_text(node, "name") : NULL;
    return *out && **out ? PAWL_OK : pawl__yaml_fail(node, error, what, expected);
}

// The regex of a label: what is replaced by each key.
static enum pawl_err metrics_take_regex(const struct pawl_yaml *regex,
                                        const struct pawl_label_rule *rule,
                                        struct pawl_metrics_config *out, struct pawl_error *error) {
    if (regex->kind != PAWL_YAML_MAP)
        return pawl__yaml_fail(regex, error, "regex",
                               "a map of new values and patterns, such as \"/orders/{id}\": "
                               "\"/orders/.+\"");
    for (const struct pawl_yaml *item = regex->children; item; item = item->next) {
        struct pawl_pattern pattern;
        const char *flaw = item->kind == PAWL_YAML_SCALAR ? pawl__pattern_make(&pattern, item->text)
                                                          : "a regular expression";
        if (flaw) return pawl__yaml_fail(item, error, item->key, flaw);
        pawl__pattern_finish(&pattern);
        if (out->rule_count == PAWL_METRICS_RULES)
            return pawl__yaml_fail(item, error, "rules", "a list with at most 64 patterns");
        struct pawl_label_rule *made = &out->rules[out->rule_count++];
        *made = *rule;
        made->pattern = item->text;
        made->replacement = item->key;
    }
    return PAWL_OK;
}

static enum pawl_err metrics_take_labels(const struct pawl_config_context *context,
                                         const struct pawl_yaml *labels,
                                         struct pawl_label_rule rule,
                                         struct pawl_metrics_config *out,
                                         struct pawl_error *error) {
    static const char expected[] = "a list of labels, each with name and regex";
    enum pawl_err err = metrics_need_list(labels, "labels", expected, error);
    for (const struct pawl_yaml *label = err ? NULL : labels->children; !err && label;
         label = label->next) {
        const struct pawl_yaml *regex = pawl__yaml_get(label, "regex");
        err = metrics_take_name(label, "a label of spec.metrics.rules", "a map with name and regex",
                                &rule.label, error);
        if (!err)
            err = pawl__resource_check(context, label, "a label of spec.metrics.rules",
                                       metrics_label_keys, error);
        if (!err && regex) err = metrics_take_regex(regex, &rule, out, error);
    }
    return err;
}

static enum pawl_err metrics_take_rules(const struct pawl_config_context *context,
                                        const struct pawl_yaml *node,
                                        struct pawl_metrics_config *out, struct pawl_error *error) {
    static const char expected[] = "a list of metrics, each with name and labels";
    const struct pawl_yaml *list = pawl__yaml_get(node, "rules");
    if (!list || (list->kind == PAWL_YAML_SCALAR && !*list->text)) return PAWL_OK;
    enum pawl_err err = metrics_need_list(list, "rules", expected, error);
    out->rule_count = 0;
    for (const struct pawl_yaml *item = err ? NULL : list->children; !err && item;
         item = item->next) {
        struct pawl_label_rule rule = {0};
        const struct pawl_yaml *labels = pawl__yaml_get(item, "labels");
        err = metrics_take_name(item, "a rule of spec.metrics.rules", "a map with name and labels",
                                &rule.metric, error);
        if (!err)
            err = pawl__resource_check(context, item, "a rule of spec.metrics.rules",
                                       metrics_rule_keys, error);
        if (!err && labels) err = metrics_take_labels(context, labels, rule, out, error);
    }
    return err;
}

enum pawl_err pawl__metrics_config_take(const struct pawl_config_context *context,
                                        const struct pawl_yaml *node,
                                        struct pawl_metrics_config *out, struct pawl_error *error) {
    const struct pawl_yaml *workflow = pawl__yaml_get(node, "workflow");
    const struct pawl_yaml *http = pawl__yaml_get(node, "http");
    enum pawl_err err = pawl__resource_check(context, node, "spec.metrics", metrics_keys, error);
    if (!err) err = pawl__yaml_bool(node, "enabled", &out->enabled, error);
    if (!err) err = pawl__yaml_bool(node, "recordErrorCodes", &out->record_error_codes, error);
    if (!err) err = metrics_take_buckets(node, PAWL_MILLISECOND, &out->latency, error);
    // What is given for all is so for workflows, unless they have their own.
    if (!err && pawl__yaml_get(node, "latencyDistributionBuckets"))
        out->workflow_latency = out->latency;
    if (!err && workflow) err = metrics_take_workflow(context, workflow, out, error);
    if (!err && http) err = metrics_take_http(context, http, out, error);
    return err ? err : metrics_take_rules(context, node, out, error);
}

// --- the environment -----------------------------------------------------------------------------

// Whether |list|, words with commas between, has |word|.
static bool metrics_has_word(const char *list, const char *word) {
    struct pawl_str rest = pawl__str(list);
    while (rest.data)
        if (pawl__str_equal(pawl__str_trim(pawl__str_cut(&rest, ',')), pawl__str(word)))
            return true;
    return false;
}

static bool metrics_are_pushed(void) {
    const char *exporter = getenv("OTEL_METRICS_EXPORTER");
    const char *endpoint = getenv("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT");
    if (exporter && *exporter) return metrics_has_word(exporter, "otlp");
    return endpoint && *endpoint;
}

enum pawl_err pawl__metrics_take_environment(struct pawl_arena *arena,
                                             struct pawl_metrics_config *out,
                                             struct pawl_error *error) {
    struct pawl_metrics_push_config *push = &out->push;
    const char *interval = getenv("OTEL_METRIC_EXPORT_INTERVAL");
    int64_t milliseconds = METRICS_INTERVAL_MS;
    *push = (struct pawl_metrics_push_config){.on = metrics_are_pushed()};
    if (!push->on) return PAWL_OK;
    if (interval && *interval &&
        !pawl__str_to_int(pawl__str(interval), 1, INT32_MAX, &milliseconds))
        return pawl__fail(error, PAWL_E_INVALID,
                          "OTEL_METRIC_EXPORT_INTERVAL in the environment is '%s', but has to be a "
                          "number of milliseconds",
                          interval);
    if (milliseconds < METRICS_INTERVAL_LEAST_MS) milliseconds = METRICS_INTERVAL_LEAST_MS;
    push->interval = milliseconds * PAWL_MILLISECOND;
    push->otlp.protocol = "http";
    push->otlp.secure = true;
    enum pawl_err err = pawl__otlp_take_environment(arena, &pawl__otlp_metrics, &push->otlp, error);
    if (!push->otlp.endpoint)
        push->otlp.endpoint =
            *push->otlp.protocol == 'g' ? "http://localhost:4317" : "http://localhost:4318";
    return err;
}
