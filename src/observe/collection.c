#include "observe/collection.h"

#include <string.h>

void pawl__collection_finish(struct pawl_collection *collection) {
    pawl__map_finish(&collection->series);
    pawl__buf_finish(&collection->key);
    pawl__arena_finish(&collection->arena);
}

static struct pawl_collected_family *collection_family(struct pawl_collection *collection,
                                                       const struct pawl_metric *metric) {
    struct pawl_collected_family *family = collection->first;
    while (family && family->metric != metric) family = family->next;
    if (family) return family;
    family = pawl__arena_zalloc(&collection->arena, sizeof *family);
    if (!family) return NULL;
    family->metric = metric;
    family->last = &family->first;
    if (collection->last)
        collection->last->next = family;
    else
        collection->first = family;
    collection->last = family;
    return family;
}

// Copies of labels; their names are texts of the program. False: memory is out.
static bool collection_label(struct pawl_collection *collection, struct pawl_collected *series,
                             const struct pawl_label *labels, size_t count) {
    struct pawl_arena *arena = &collection->arena;
    series->labels = pawl__arena_alloc(arena, (count + 1) * sizeof *series->labels);
    for (size_t i = 0; series->labels && i < count; i++) {
        const char *value = pawl__arena_dup(arena, labels[i].value);
        if (!value) return false;
        series->labels[i] = (struct pawl_label){labels[i].name, {value, labels[i].value.len}};
    }
    series->label_count = count;
    return series->labels;
}

static struct pawl_collected *collection_create(struct pawl_collection *collection,
                                                struct pawl_collected_family *family,
                                                const struct pawl_label *labels, size_t count) {
    struct pawl_arena *arena = &collection->arena;
    struct pawl_collected *series = pawl__arena_zalloc(arena, sizeof *series);
    struct pawl_str key = pawl__buf_str(&collection->key);
    key.data = pawl__arena_dup(arena, key);
    bool counts = family->metric->type == PAWL_METRIC_HISTOGRAM;
    if (series && counts) series->histogram = pawl__arena_zalloc(arena, sizeof *series->histogram);
    if (!series || !key.data || (counts && !series->histogram) ||
        !collection_label(collection, series, labels, count) ||
        !pawl__map_put(&collection->series, key, series))
        return NULL;
    *family->last = series;
    family->last = &series->next;
    return series;
}

// NULL: memory is out.
static struct pawl_collected *collection_series(struct pawl_collection *collection,
                                                const struct pawl_metric *metric,
                                                const struct pawl_label *labels, size_t count) {
    if (collection->relabel && count)
        labels =
            pawl__relabel(collection->relabel, metric->name, labels, count, &collection->arena);
    struct pawl_collected_family *family =
        labels || !count ? collection_family(collection, metric) : NULL;
    struct pawl_buf *key = &collection->key;
    pawl__buf_clear(key);
    pawl__buf_append(key, metric->name, strlen(metric->name));
    for (size_t i = 0; labels && i < count; i++) { // lengths keep values apart
        pawl__buf_append(key, &labels[i].value.len, sizeof labels[i].value.len);
        pawl__buf_append_str(key, labels[i].value);
    }
    struct pawl_collected *series = NULL;
    if (family && !key->failed) {
        series = pawl__map_get(&collection->series, pawl__buf_str(key));
        if (!series) series = collection_create(collection, family, labels, count);
    }
    if (!series) collection->failed = true;
    return series;
}

void pawl__collection_number(struct pawl_collection *collection, const struct pawl_metric *metric,
                             const struct pawl_label *labels, size_t count, double value) {
    struct pawl_collected *series = collection_series(collection, metric, labels, count);
    if (!series) return;
    if (!metric->is_same)
        series->value += value;
    else if (value > series->value)
        series->value = value;
}

void pawl__collection_histogram(struct pawl_collection *collection,
                                const struct pawl_metric *metric, const struct pawl_label *labels,
                                size_t count, const struct pawl_histogram *histogram) {
    const struct pawl_collected *series = collection_series(collection, metric, labels, count);
    if (!series) return;
    struct pawl_histogram *sum = series->histogram;
    sum->buckets = histogram->buckets;
    sum->sum += histogram->sum;
    for (size_t i = 0; i <= PAWL_BUCKETS_MOST; i++) sum->counts[i] += histogram->counts[i];
}
