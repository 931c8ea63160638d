#ifndef PAWL_OBSERVE_OTLP_METRICS_H
#define PAWL_OBSERVE_OTLP_METRICS_H

// Series as OpenTelemetry's protocol has them, which observe/metrics.h writes with
// PAWL_SCRAPE_OTLP. A body can have many thousand numbers, so it is written as they come, and no
// message is ever built:
// https://github.com/open-telemetry/opentelemetry-proto/blob/main/opentelemetry/proto/metrics/v1/metrics.proto

#include "observe/metric.h"
#include "observe/sinks.h"

// A body that is being written. Zero-initialise it, with the times.
struct pawl_otlp_metrics {
    int64_t began, at;                // since when is counted, and the moment; wall
    const struct pawl_metric *metric; // whose points are being written
    struct pawl_buf points, point;    // of it
};

// The points that follow are of |metric|; NULL: there are none, and the memory of |metrics| is
// freed. Appends to |out| the family before, if it had any. |out->failed|: memory is out.
void pawl__otlp_metrics_family(struct pawl_otlp_metrics *metrics, const struct pawl_metric *metric,
                               struct pawl_buf *out);

// A point. |value| is scaled already; what |histogram| has is divided by |scale|.
void pawl__otlp_metrics_number(struct pawl_otlp_metrics *metrics, const struct pawl_label *labels,
                               size_t count, double value);
void pawl__otlp_metrics_histogram(struct pawl_otlp_metrics *metrics,
                                  const struct pawl_label *labels, size_t count,
                                  const struct pawl_histogram *histogram, double scale);

// Appends an ExportMetricsServiceRequest with the families |metrics|.
// False: memory is out.
bool pawl__otlp_metrics_request(struct pawl_buf *out, const struct pawl_resource *resource,
                                struct pawl_str metrics);

#endif
