#ifndef PAWL_CONFIG_METRICS_H
#define PAWL_CONFIG_METRICS_H

// spec.metrics of a Configuration (reference 5.2 and 7.4).

#include "base/meter.h"
#include "config/resource.h"

enum {
    PAWL_METRICS_PATHS = 64,
    PAWL_METRICS_PATH = 256 // bytes of one, with its end
};

struct pawl_metrics_config {
    bool enabled;
    bool increased_cardinality; // of http: requests are told apart by their routes
    bool exclude_verbs;
    bool record_error_codes;
    char paths[PAWL_METRICS_PATHS][PAWL_METRICS_PATH]; // of http.pathMatching
    size_t path_count;
    struct pawl_buckets latency, workflow_latency; // nanoseconds
};

// The reference's defaults.
void pawl__metrics_config_init(struct pawl_metrics_config *metrics);

// Takes over what |node|, a spec.metrics, says.
enum pawl_err pawl__metrics_config_take(const struct pawl_config_context *context,
                                        const struct pawl_yaml *node,
                                        struct pawl_metrics_config *out, struct pawl_error *error);

#endif
