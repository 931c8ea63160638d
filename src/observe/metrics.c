#include "observe/metrics.h"

#include <stdio.h>

#include "observe/collection.h"

static const char *const metrics_types[] = {"counter", "gauge", "histogram"};

static const char metrics_total[] = "_total";

enum pawl_scrape_format pawl__scrape_accepts(struct pawl_str accept) {
    // What a client prefers it names first, and whoever takes OpenMetrics at all prefers it.
    bool open = accept.len && memmem(accept.data, accept.len, "application/openmetrics-text", 28);
    return open ? PAWL_SCRAPE_OPENMETRICS : PAWL_SCRAPE_TEXT;
}

const char *pawl__scrape_content_type(enum pawl_scrape_format format) {
    return format == PAWL_SCRAPE_OPENMETRICS
               ? "application/openmetrics-text; version=1.0.0; charset=utf-8"
               : "text/plain; version=0.0.4; charset=utf-8";
}

static void metrics_put(struct pawl_scrape *scrape, const char *text) {
    pawl__buf_append(&scrape->out, text, strlen(text));
}

// Backslashes and line breaks are escaped, and in values of labels quotes; no name is without a
// stranger's hand.
static void metrics_escape(struct pawl_buf *out, struct pawl_str text, bool quotes) {
    size_t plain = 0; // where the run that needs no escape begins
    for (size_t i = 0; i < text.len; i++) {
        char c = text.data[i];
        const char *escape = c == '\\'            ? "\\\\"
                             : c == '\n'          ? "\\n"
                             : c == '"' && quotes ? "\\\""
                                                  : NULL;
        if (!escape) continue;
        pawl__buf_append(out, text.data + plain, i - plain);
        pawl__buf_append(out, escape, 2);
        plain = i + 1;
    }
    if (plain < text.len) pawl__buf_append(out, text.data + plain, text.len - plain);
}

static bool metrics_has_total(const char *name) {
    size_t len = strlen(name), end = sizeof metrics_total - 1;
    return len > end && strcmp(name + len - end, metrics_total) == 0;
}

void pawl__scrape_family(struct pawl_scrape *scrape, const struct pawl_metric *metric) {
    if (scrape->format == PAWL_SCRAPE_OTLP)
        pawl__otlp_metrics_family(&scrape->otlp, metric, &scrape->out);
    scrape->metric = metric;
    scrape->told = false;
}

// The lines before the first series of a family.
static void metrics_begin(struct pawl_scrape *scrape) {
    const struct pawl_metric *metric = scrape->metric;
    bool open = scrape->format == PAWL_SCRAPE_OPENMETRICS;
    bool counts = metric->type == PAWL_METRIC_COUNTER, total = metrics_has_total(metric->name);
    if (scrape->told) return;
    scrape->told = true;
    // A counter's family has the name without "_total" in OpenMetrics.
    int len = (int)strlen(metric->name);
    if (open && counts && total) len -= (int)sizeof metrics_total - 1;
    pawl__buf_format(&scrape->out, "# HELP %.*s ", len, metric->name);
    metrics_escape(&scrape->out, pawl__str(metric->help), open);
    pawl__buf_format(&scrape->out, ".\n# TYPE %.*s %s\n", len, metric->name,
                     open && counts && !total ? "unknown" : metrics_types[metric->type]);
    if (open && metric->unit)
        pawl__buf_format(&scrape->out, "# UNIT %.*s %s\n", len, metric->name, metric->unit);
}

// Spells the labels of a series, which a histogram needs many times.
static struct pawl_str metrics_labels(struct pawl_scrape *scrape, const struct pawl_label *labels,
                                      size_t count) {
    pawl__buf_clear(&scrape->labels);
    for (size_t i = 0; i < count; i++) {
        pawl__buf_format(&scrape->labels, "%s%s=\"", i ? "," : "", labels[i].name);
        metrics_escape(&scrape->labels, labels[i].value, true);
        pawl__buf_append(&scrape->labels, "\"", 1);
    }
    if (scrape->labels.failed) scrape->out.failed = true;
    return pawl__buf_str(&scrape->labels);
}

// Whole numbers are told in full, as far as a double has them all. OpenMetrics wants bounds to be
// told as floats.
static void metrics_number(double value, bool is_float, char out[32]) {
    if (!is_float && value >= 0 && value < 10) {
        out[0] = (char)('0' + (int)value);
        out[1] = 0;
        if (value == (double)(int)value) return; // most counts of buckets
    }
    if (value > -1e15 && value < 1e15 && value == (double)(int64_t)value)
        snprintf(out, 32, is_float ? "%.1f" : "%.0f", value);
    else
        snprintf(out, 32, "%.12g", value);
}

static double metrics_scale(const struct pawl_metric *metric) {
    return metric->scale != 0 ? metric->scale : 1;
}

static void metrics_sample(struct pawl_scrape *scrape, const char *suffix, struct pawl_str labels,
                           const char *bound, double value) {
    char text[32];
    bool any = labels.len || bound;
    metrics_number(value, false, text);
    metrics_put(scrape, scrape->metric->name);
    metrics_put(scrape, suffix);
    if (any) metrics_put(scrape, "{");
    pawl__buf_append_str(&scrape->out, labels);
    if (bound) {
        metrics_put(scrape, labels.len ? ",le=\"" : "le=\"");
        metrics_put(scrape, bound);
        metrics_put(scrape, "\"");
    }
    metrics_put(scrape, any ? "} " : " ");
    metrics_put(scrape, text);
    metrics_put(scrape, "\n");
}

void pawl__scrape_number(struct pawl_scrape *scrape, const struct pawl_label *labels, size_t count,
                         double value) {
    if (scrape->into) {
        pawl__collection_number(scrape->into, scrape->metric, labels, count, value);
        return;
    }
    value /= metrics_scale(scrape->metric);
    if (scrape->format == PAWL_SCRAPE_OTLP) {
        pawl__otlp_metrics_number(&scrape->otlp, labels, count, value);
        return;
    }
    metrics_begin(scrape);
    metrics_sample(scrape, "", metrics_labels(scrape, labels, count), NULL, value);
}

void pawl__scrape_histogram(struct pawl_scrape *scrape, const struct pawl_label *labels,
                            size_t count, const struct pawl_histogram *histogram) {
    const struct pawl_buckets *buckets = histogram->buckets;
    double scale = metrics_scale(scrape->metric);
    uint64_t sum = 0;
    if (!buckets) return;
    if (scrape->into) {
        pawl__collection_histogram(scrape->into, scrape->metric, labels, count, histogram);
        return;
    }
    if (scrape->format == PAWL_SCRAPE_OTLP) {
        pawl__otlp_metrics_histogram(&scrape->otlp, labels, count, histogram, scale);
        return;
    }
    metrics_begin(scrape);
    struct pawl_str spelled = metrics_labels(scrape, labels, count);
    for (size_t i = 0; i < buckets->count; i++) {
        char bound[32];
        metrics_number((double)buckets->bounds[i] / scale,
                       scrape->format == PAWL_SCRAPE_OPENMETRICS, bound);
        sum += histogram->counts[i];
        metrics_sample(scrape, "_bucket", spelled, bound, (double)sum);
    }
    sum += histogram->counts[buckets->count];
    metrics_sample(scrape, "_bucket", spelled, "+Inf", (double)sum);
    metrics_sample(scrape, "_sum", spelled, NULL, (double)histogram->sum / scale);
    metrics_sample(scrape, "_count", spelled, NULL, (double)sum);
}

void pawl__scrape_collected(struct pawl_scrape *scrape, const struct pawl_collection *from) {
    const struct pawl_collected_family *family = from->first;
    for (; family; family = family->next) {
        pawl__scrape_family(scrape, family->metric);
        for (const struct pawl_collected *one = family->first; one; one = one->next)
            if (one->histogram)
                pawl__scrape_histogram(scrape, one->labels, one->label_count, one->histogram);
            else
                pawl__scrape_number(scrape, one->labels, one->label_count, one->value);
    }
    if (from->failed) scrape->out.failed = true;
}

void pawl__scrape_end(struct pawl_scrape *scrape) {
    if (scrape->format == PAWL_SCRAPE_OTLP)
        pawl__otlp_metrics_family(&scrape->otlp, NULL, &scrape->out);
    pawl__buf_finish(&scrape->labels);
    if (scrape->format == PAWL_SCRAPE_OPENMETRICS) metrics_put(scrape, "# EOF\n");
}
