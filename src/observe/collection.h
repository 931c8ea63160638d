#ifndef PAWL_OBSERVE_COLLECTION_H
#define PAWL_OBSERVE_COLLECTION_H

// Adds up the series of several loops that have the same name and labels. Of series that are about
// the whole process (pawl_metric.is_same) the highest value counts.

#include "base/arena.h"
#include "base/map.h"
#include "observe/relabel.h"

struct pawl_collected {
    struct pawl_label *labels;
    size_t label_count;
    double value;                     // as it was told, before it is scaled
    struct pawl_histogram *histogram; // NULL: it is a number
    struct pawl_collected *next;      // of the family
};

struct pawl_collected_family {
    const struct pawl_metric *metric;
    struct pawl_collected *first, **last;
    struct pawl_collected_family *next;
};

// Zero-initialised it is empty.
struct pawl_collection {
    const struct pawl_relabel *relabel; // NULL: labels stay as they are
    struct pawl_arena arena;
    struct pawl_map series; // name and labels -> struct pawl_collected
    struct pawl_buf key;    // scratch
    struct pawl_collected_family *first, *last;
    bool failed; // memory was out, and something is missing
};

void pawl__collection_finish(struct pawl_collection *collection);

void pawl__collection_number(struct pawl_collection *collection, const struct pawl_metric *metric,
                             const struct pawl_label *labels, size_t count, double value);
void pawl__collection_histogram(struct pawl_collection *collection,
                                const struct pawl_metric *metric, const struct pawl_label *labels,
                                size_t count, const struct pawl_histogram *histogram);

#endif
