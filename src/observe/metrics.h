#ifndef PAWL_OBSERVE_METRICS_H
#define PAWL_OBSERVE_METRICS_H

// Meters as Prometheus reads them, and OpenTelemetry: families of series, each described by a row.
//
// Formats: Prometheus' text format, version 0.0.4, and OpenMetrics 1.0
// (https://prometheus.io/docs/instrumenting/exposition_formats/). The reference's counters do not
// end in "_total", and boards know them by the names they have. OpenMetrics has no such counters,
// so there their type is "unknown", which changes nothing for readers. OTLP: the series of a body
// for observe/push.h, with the same names and labels.

#include "observe/metric.h"
#include "observe/otlp_metrics.h"

enum pawl_scrape_format {
    PAWL_SCRAPE_TEXT,
    PAWL_SCRAPE_OPENMETRICS,
    PAWL_SCRAPE_OTLP, // fields of opentelemetry.proto.metrics.v1.ScopeMetrics
};

struct pawl_collection; // collection.h

// One answer that is being written. Zero-initialise it, with |format|.
struct pawl_scrape {
    struct pawl_collection *into; // takes what is told, and nothing is written; NULL: nobody does
    enum pawl_scrape_format format;
    struct pawl_buf out;              // |out.failed|: memory is out
    struct pawl_buf labels;           // of the series that is being written
    const struct pawl_metric *metric; // whose series are being written
    bool told;                        // of it, that it begins
    struct pawl_otlp_metrics otlp;    // with OTLP; the caller sets its times
};

// The format that an Accept header asks for, and its content type.
enum pawl_scrape_format pawl__scrape_accepts(struct pawl_str accept);
const char *pawl__scrape_content_type(enum pawl_scrape_format format);

// The series that follow are of |metric|. A family without series is left out.
void pawl__scrape_family(struct pawl_scrape *scrape, const struct pawl_metric *metric);

// A series of the family. Its labels have the same order in all series of the family.
void pawl__scrape_number(struct pawl_scrape *scrape, const struct pawl_label *labels, size_t count,
                         double value);
void pawl__scrape_histogram(struct pawl_scrape *scrape, const struct pawl_label *labels,
                            size_t count, const struct pawl_histogram *histogram);

// Writes all families of |from|.
void pawl__scrape_collected(struct pawl_scrape *scrape, const struct pawl_collection *from);

// Call it after the last family.
void pawl__scrape_end(struct pawl_scrape *scrape);

#endif
