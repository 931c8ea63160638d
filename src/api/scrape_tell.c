#include "api/scrape_tell.h"

void pawl__scrape_label(struct pawl_scrape_labels *labels, const char *name,
                        struct pawl_str value) {
    labels->items[labels->count++] = (struct pawl_label){name, value};
}

struct pawl_scrape_labels pawl__scrape_own(const struct pawl_scraping *scrape) {
    struct pawl_scrape_labels labels = {.count = 0};
    pawl__scrape_label(&labels, "app_id", pawl__str(scrape->source->app_id));
    return labels;
}

struct pawl_scrape_labels pawl__scrape_dapr(const struct pawl_scraping *scrape) {
    struct pawl_scrape_labels labels = pawl__scrape_own(scrape);
    pawl__scrape_label(&labels, "namespace", pawl__str(scrape->source->namespace));
    return labels;
}

void pawl__scrape_value(const struct pawl_scraping *scrape, const struct pawl_scrape_labels *labels,
                        double value) {
    pawl__scrape_number(scrape->out, labels->items, labels->count, value);
}

void pawl__scrape_fed(const struct pawl_scraping *scrape, const struct pawl_scrape_row *row,
                      const struct pawl_scrape_labels *labels,
                      const struct pawl_histogram *histogram) {
    uint64_t count = pawl__histogram_count(histogram);
    if (!count) return;
    if (row->metric.type == PAWL_METRIC_HISTOGRAM)
        pawl__scrape_histogram(scrape->out, labels->items, labels->count, histogram);
    else
        pawl__scrape_value(scrape, labels, (double)count);
}
