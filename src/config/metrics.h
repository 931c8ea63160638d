#ifndef PAWL_CONFIG_METRICS_H
#define PAWL_CONFIG_METRICS_H

// spec.metrics of a Configuration (reference 5.2 and 7.4), and what the environment says beside it.

#include "base/meter.h"
#include "config/otlp.h"
#include "config/resource.h"

enum {
    PAWL_METRICS_PATHS = 64,
    PAWL_METRICS_PATH = 256, // bytes of one, with its end
    PAWL_METRICS_RULES = 64
};

// That metrics are sent to a receiver of OpenTelemetry's protocol, too.
struct pawl_metrics_push_config {
    bool on;
    struct pawl_otlp_config otlp; // has an endpoint once |on|
    int64_t interval;             // nanoseconds
};

struct pawl_metrics_config {
    bool enabled;
    bool increased_cardinality; // of http: requests are told apart by their routes
    bool exclude_verbs;
    bool record_error_codes;
    char paths[PAWL_METRICS_PATHS][PAWL_METRICS_PATH]; // of http.pathMatching
    size_t path_count;
    struct pawl_label_rule rules[PAWL_METRICS_RULES];
    size_t rule_count;
    struct pawl_buckets latency, workflow_latency; // nanoseconds
    struct pawl_metrics_push_config push;
};

// The reference's defaults.
void pawl__metrics_config_init(struct pawl_metrics_config *metrics);

// Takes over what |node|, a spec.metrics, says.
enum pawl_err pawl__metrics_config_take(const struct pawl_config_context *context,
                                        const struct pawl_yaml *node,
                                        struct pawl_metrics_config *out, struct pawl_error *error);

// Takes over what OpenTelemetry's variables say of metrics: OTEL_METRICS_EXPORTER,
// OTEL_METRIC_EXPORT_INTERVAL, and those of config/otlp.h. They are sent when the exporter is
// "otlp", or when nothing is said of it and OTEL_EXPORTER_OTLP_METRICS_ENDPOINT is there: that of
// all signals alone may be a receiver that only takes traces.
// https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/
enum pawl_err pawl__metrics_take_environment(struct pawl_arena *arena,
                                             struct pawl_metrics_config *out,
                                             struct pawl_error *error);

#endif
