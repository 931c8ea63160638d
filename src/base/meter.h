#ifndef PAWL_BASE_METER_H
#define PAWL_BASE_METER_H

// A meter is a number that its owner counts, on its own thread, and that a table describes to those
// who look (observe/metrics.h). Counters and gauges are plain numbers of their owners; this is the
// meter that is more than a number.

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    PAWL_BUCKETS_MOST = 64
};

// Upper bounds, in ascending order, inclusive; above the last one there is one bucket more.
struct pawl_buckets {
    size_t count; // at most PAWL_BUCKETS_MOST
    int64_t bounds[PAWL_BUCKETS_MOST];
};

// How often values fell into which bucket. Zero-initialised it counts nothing, and costs a look.
struct pawl_histogram {
    const struct pawl_buckets *buckets; // set by who wants to look; NULL: nobody does
    int64_t sum;
    uint64_t counts[PAWL_BUCKETS_MOST + 1]; // of each bucket by itself
};

// Whether anybody looks, for owners who would have to read a clock first.
static inline bool pawl__histogram_is_on(const struct pawl_histogram *histogram) {
    return histogram->buckets;
}

// The same as pawl__histogram_add, for one that is on.
void pawl__histogram_put(struct pawl_histogram *histogram, int64_t value);

static inline void pawl__histogram_add(struct pawl_histogram *histogram, int64_t value) {
    if (histogram->buckets) pawl__histogram_put(histogram, value);
}

uint64_t pawl__histogram_count(const struct pawl_histogram *histogram);

// In the label |label| of the metric |metric| all that |pattern| (base/pattern.h) matches becomes
// |replacement|.
struct pawl_label_rule {
    const char *metric, *label, *pattern, *replacement;
};

#endif
