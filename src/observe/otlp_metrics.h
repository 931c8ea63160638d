#ifndef PAWL_OBSERVE_OTLP_METRICS_H
#define PAWL_OBSERVE_OTLP_METRICS_H

// Series in OTLP, for observe/metrics.h with PAWL_SCRAPE_OTLP. A body can have many thousand
// numbers, so bytes are written as they come, without a message in memory:
// https://github.com/open-telemetry/opentelemetry-proto/blob/main/opentelemetry/proto/metrics/v1/metrics.proto

#include "observe/metric.h"
#include "observe/sinks.h"

// A body that is being written. Zero-initialised but for the times.
struct pawl_otlp_metrics {
    int64_t began, at;                // since when is counted, and the moment; wall
    const struct pawl_metric *metric; // whose points are being written
    struct pawl_buf points, point;    // of it
};

// Ends the current family and appends it to |out| if it has points; the points that follow are of
// |metric|. |metric| NULL: the end, which frees the memory of |metrics|. |out->failed|: memory is
// out.
void pawl__otlp_metrics_family(struct pawl_otlp_metrics *metrics, const struct pawl_metric *metric,
                               struct pawl_buf *out);

// Adds a point. |value| is already scaled; the values of |histogram| are divided by |scale|.
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
