#include "observe/otlp_metrics.h"

#include <endian.h>

#include "wire/pb.h"
#include "wire/unpack.h"

enum { // numbers of fields, by message
    REQUEST_RESOURCE_METRICS = 1,
    RESOURCE_METRICS_RESOURCE = 1,
    RESOURCE_METRICS_SCOPE_METRICS = 2,
    RESOURCE_ATTRIBUTES = 1,
    SCOPE_METRICS_SCOPE = 1,
    SCOPE_METRICS_METRICS = 2,
    SCOPE_NAME = 1,
    METRIC_NAME = 1,
    METRIC_DESCRIPTION = 2,
    METRIC_UNIT = 3,
    METRIC_GAUGE = 5,
    METRIC_SUM = 7,
    METRIC_HISTOGRAM = 9,
    DATA_POINTS = 1, // of all three
    DATA_TEMPORALITY = 2,
    DATA_MONOTONIC = 3,
    POINT_START = 2, // of both kinds
    POINT_TIME = 3,
    NUMBER_DOUBLE = 4,
    NUMBER_ATTRIBUTES = 7,
    HISTOGRAM_COUNT = 4,
    HISTOGRAM_SUM = 5,
    HISTOGRAM_COUNTS = 6,
    HISTOGRAM_BOUNDS = 7,
    HISTOGRAM_ATTRIBUTES = 9,
    KEY_VALUE_KEY = 1,
    KEY_VALUE_VALUE = 2,
    ANY_STRING = 1,
    ANY_INT = 3,

    CUMULATIVE = 2
};

static const char otlp_scope[] = "pawl";

// A KeyValue whose value is a text.
static void otlp_put_text(struct pawl_buf *out, unsigned number, const char *key,
                          struct pawl_str text) {
    if (!pawl__wire_is_text(text)) text = PAWL_STR("(not UTF-8)");
    size_t value = pawl__pb_field_size(ANY_STRING, text.len);
    size_t pair = pawl__pb_field_size(KEY_VALUE_KEY, strlen(key)) +
                  pawl__pb_field_size(KEY_VALUE_VALUE, value);
    pawl__pb_put_head(out, number, pair);
    pawl__pb_put_bytes(out, KEY_VALUE_KEY, pawl__str(key));
    pawl__pb_put_head(out, KEY_VALUE_VALUE, value);
    pawl__pb_put_bytes(out, ANY_STRING, text);
}

static void otlp_put_attribute(struct pawl_buf *out, const struct pawl_attribute *attribute) {
    if (attribute->text.data) {
        otlp_put_text(out, RESOURCE_ATTRIBUTES, attribute->key, attribute->text);
        return;
    }
    size_t value = pawl__pb_uint_size(ANY_INT, (uint64_t)attribute->number);
    size_t pair = pawl__pb_field_size(KEY_VALUE_KEY, strlen(attribute->key)) +
                  pawl__pb_field_size(KEY_VALUE_VALUE, value);
    pawl__pb_put_head(out, RESOURCE_ATTRIBUTES, pair);
    pawl__pb_put_bytes(out, KEY_VALUE_KEY, pawl__str(attribute->key));
    pawl__pb_put_head(out, KEY_VALUE_VALUE, value);
    pawl__pb_put_uint(out, ANY_INT, (uint64_t)attribute->number);
}

// --- points --------------------------------------------------------------------------------------

// The point joins those of its family.
static void otlp_add_point(struct pawl_otlp_metrics *metrics) {
    pawl__pb_put_bytes(&metrics->points, DATA_POINTS, pawl__buf_str(&metrics->point));
    if (metrics->point.failed) metrics->points.failed = true;
}

static void otlp_begin_point(struct pawl_otlp_metrics *metrics, unsigned number,
                             const struct pawl_label *labels, size_t count) {
    struct pawl_buf *point = &metrics->point;
    pawl__buf_clear(point);
    for (size_t i = 0; i < count; i++)
        otlp_put_text(point, number, labels[i].name, labels[i].value);
    if (metrics->metric->type != PAWL_METRIC_GAUGE)
        pawl__pb_put_fixed64(point, POINT_START, (uint64_t)metrics->began);
    pawl__pb_put_fixed64(point, POINT_TIME, (uint64_t)metrics->at);
}

void pawl__otlp_metrics_number(struct pawl_otlp_metrics *metrics, const struct pawl_label *labels,
                               size_t count, double value) {
    otlp_begin_point(metrics, NUMBER_ATTRIBUTES, labels, count);
    pawl__pb_put_double(&metrics->point, NUMBER_DOUBLE, value);
    otlp_add_point(metrics);
}

static void otlp_put_number(struct pawl_buf *out, uint64_t bits) {
    bits = htole64(bits);
    pawl__buf_append(out, &bits, sizeof bits);
}

void pawl__otlp_metrics_histogram(struct pawl_otlp_metrics *metrics,
                                  const struct pawl_label *labels, size_t count,
                                  const struct pawl_histogram *histogram, double scale) {
    const struct pawl_buckets *buckets = histogram->buckets;
    struct pawl_buf *point = &metrics->point;
    otlp_begin_point(metrics, HISTOGRAM_ATTRIBUTES, labels, count);
    pawl__pb_put_fixed64(point, HISTOGRAM_COUNT, pawl__histogram_count(histogram));
    pawl__pb_put_double(point, HISTOGRAM_SUM, (double)histogram->sum / scale);
    pawl__pb_put_head(point, HISTOGRAM_COUNTS, (buckets->count + 1) * sizeof(uint64_t));
    for (size_t i = 0; i <= buckets->count; i++) otlp_put_number(point, histogram->counts[i]);
    pawl__pb_put_head(point, HISTOGRAM_BOUNDS, buckets->count * sizeof(uint64_t));
    for (size_t i = 0; i < buckets->count; i++) {
        double bound = (double)buckets->bounds[i] / scale;
        uint64_t bits;
        memcpy(&bits, &bound, sizeof bits);
        otlp_put_number(point, bits);
    }
    otlp_add_point(metrics);
}

// --- what they are in ----------------------------------------------------------------------------

// Units of UCUM, which receivers put into words again: https://ucum.org
static struct pawl_str otlp_unit(const struct pawl_metric *metric) {
    static const struct {
        const char *unit, *ucum;
    } units[] = {{"seconds", "s"}, {"bytes", "By"}, {"ratio", "1"}};
    for (size_t i = 0; metric->unit && i < sizeof units / sizeof *units; i++)
        if (strcmp(metric->unit, units[i].unit) == 0) return pawl__str(units[i].ucum);
    return PAWL_STR("");
}

static void otlp_end_family(struct pawl_otlp_metrics *metrics, struct pawl_buf *out) {
    static const unsigned fields[] = {
        [PAWL_METRIC_COUNTER] = METRIC_SUM,
        [PAWL_METRIC_GAUGE] = METRIC_GAUGE,
        [PAWL_METRIC_HISTOGRAM] = METRIC_HISTOGRAM,
    };
    const struct pawl_metric *metric = metrics->metric;
    struct pawl_buf *points = &metrics->points, *head = &metrics->point;
    if (metric->type != PAWL_METRIC_GAUGE) pawl__pb_put_uint(points, DATA_TEMPORALITY, CUMULATIVE);
    if (metric->type == PAWL_METRIC_COUNTER) pawl__pb_put_uint(points, DATA_MONOTONIC, 1);
    pawl__buf_clear(head);
    pawl__pb_put_bytes(head, METRIC_NAME, pawl__str(metric->name));
    pawl__pb_put_bytes(head, METRIC_DESCRIPTION, pawl__str(metric->help));
    if (metric->unit) pawl__pb_put_bytes(head, METRIC_UNIT, otlp_unit(metric));
    pawl__pb_put_head(head, fields[metric->type], points->len);
    pawl__pb_put_head(out, SCOPE_METRICS_METRICS, head->len + points->len);
    pawl__buf_append_str(out, pawl__buf_str(head));
    pawl__buf_append_str(out, pawl__buf_str(points));
    if (head->failed || points->failed) out->failed = true;
}

void pawl__otlp_metrics_family(struct pawl_otlp_metrics *metrics, const struct pawl_metric *metric,
                               struct pawl_buf *out) {
    if (metrics->points.len || metrics->points.failed) otlp_end_family(metrics, out);
    pawl__buf_clear(&metrics->points);
    metrics->metric = metric;
    if (metric) return;
    pawl__buf_finish(&metrics->points);
    pawl__buf_finish(&metrics->point);
}

bool pawl__otlp_metrics_request(struct pawl_buf *out, const struct pawl_resource *resource,
                                struct pawl_str metrics) {
    struct pawl_buf self = {0}, scope = {0};
    otlp_put_text(&self, RESOURCE_ATTRIBUTES, "service.name", pawl__str(resource->service));
    for (size_t i = 0; i < resource->attribute_count; i++)
        otlp_put_attribute(&self, &resource->attributes[i]);
    pawl__pb_put_bytes(&scope, SCOPE_NAME, pawl__str(otlp_scope));
    size_t of_scope = pawl__pb_field_size(SCOPE_METRICS_SCOPE, scope.len) + metrics.len;
    size_t all = pawl__pb_field_size(RESOURCE_METRICS_RESOURCE, self.len) +
                 pawl__pb_field_size(RESOURCE_METRICS_SCOPE_METRICS, of_scope);
    pawl__pb_put_head(out, REQUEST_RESOURCE_METRICS, all);
    pawl__pb_put_bytes(out, RESOURCE_METRICS_RESOURCE, pawl__buf_str(&self));
    pawl__pb_put_head(out, RESOURCE_METRICS_SCOPE_METRICS, of_scope);
    pawl__pb_put_bytes(out, SCOPE_METRICS_SCOPE, pawl__buf_str(&scope));
    pawl__buf_append_str(out, metrics);
    bool ok = !out->failed && !self.failed && !scope.failed;
    pawl__buf_finish(&self);
    pawl__buf_finish(&scope);
    return ok;
}
