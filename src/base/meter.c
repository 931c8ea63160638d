#include "base/meter.h"

void pawl__histogram_put(struct pawl_histogram *histogram, int64_t value) {
    const struct pawl_buckets *buckets = histogram->buckets;
    size_t low = 0, high = buckets->count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (buckets->bounds[middle] < value)
            low = middle + 1;
        else
            high = middle;
    }
    histogram->counts[low]++;
    histogram->sum += value;
}

uint64_t pawl__histogram_count(const struct pawl_histogram *histogram) {
    uint64_t count = 0;
    for (size_t i = 0; i <= PAWL_BUCKETS_MOST; i++) count += histogram->counts[i];
    return count;
}
