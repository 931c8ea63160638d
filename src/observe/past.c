#include "observe/past.h"

#include "base/clock.h"

static const double past_shares[PAWL_PAST_QUANTILES] = {0.5, 0.95, 0.99};

double pawl__past_quantile(const struct pawl_buckets *buckets, const uint64_t *counts,
                           double quantile) {
    uint64_t total = 0;
    for (size_t i = 0; i <= buckets->count; i++) total += counts[i];
    if (!total || !buckets->count) return -1;
    double wanted = quantile * (double)total, below = 0;
    for (size_t i = 0; i < buckets->count; i++) {
        double lower = i ? (double)buckets->bounds[i - 1] : 0, here = (double)counts[i];
        if (here > 0 && below + here >= wanted)
            return lower + ((double)buckets->bounds[i] - lower) * (wanted - below) / here;
        below += here;
    }
    return (double)buckets->bounds[buckets->count - 1];
}

// --- what the meters have ------------------------------------------------------------------------

static void past_add(uint64_t *counts, const struct pawl_histogram *histogram) {
    for (size_t i = 0; histogram->buckets && i <= histogram->buckets->count; i++)
        counts[i] += histogram->counts[i];
}

static void past_sum(struct pawl_past_sums *out, const struct pawl_workflow_meter *meter) {
    PAWL_LIST_EACH(const struct pawl_workflow_series, series, &meter->workflows.list, named.link) {
        for (int i = 0; i < PAWL_METER_STATUS_COUNT; i++) {
            out->ended[i] += pawl__histogram_count(&series->execution[i]);
            past_add(out->times[PAWL_PAST_WORKFLOW], &series->execution[i]);
        }
        out->started += pawl__histogram_count(&series->scheduling);
        past_add(out->times[PAWL_PAST_BEGIN], &series->scheduling);
    }
    PAWL_LIST_EACH(const struct pawl_activity_series, series, &meter->activities.list, named.link) {
        for (int i = 0; i < PAWL_METER_TERMINATED; i++) {
            out->activities[i] += pawl__histogram_count(&series->execution[i]);
            past_add(out->times[PAWL_PAST_ACTIVITY], &series->execution[i]);
        }
    }
}

// --- steps ---------------------------------------------------------------------------------------

static void past_grow(uint64_t *out, const uint64_t *now, const uint64_t *before, size_t count) {
    for (size_t i = 0; i < count; i++) out[i] = now[i] - before[i];
}

static void past_quantiles(double *out, const struct pawl_buckets *buckets, const uint64_t *now,
                           const uint64_t *before) {
    uint64_t grown[PAWL_BUCKETS_MOST + 1];
    past_grow(grown, now, before, PAWL_BUCKETS_MOST + 1);
    for (int i = 0; i < PAWL_PAST_QUANTILES; i++) {
        double value = pawl__past_quantile(buckets, grown, past_shares[i]);
        out[i] = value < 0 ? -1 : value / (double)PAWL_SECOND;
    }
}

void pawl__past_look(struct pawl_past *past, int64_t now, const struct pawl_workflow_meter *meter,
                     const int64_t open[PAWL_PAST_OPEN]) {
    static const struct pawl_buckets none = {0};
    struct pawl_past_step *step = &past->steps[past->count++ % PAWL_PAST_STEPS];
    struct pawl_past_sums sums = {0};
    const struct pawl_past_sums *before = &past->before;
    const struct pawl_buckets *latency = meter ? meter->latency : &none,
                              *workflow = meter ? meter->workflow_latency : &none;
    if (meter) past_sum(&sums, meter);
    *step = (struct pawl_past_step){.at = now, .started = sums.started - before->started};
    past_grow(step->ended, sums.ended, before->ended, PAWL_METER_STATUS_COUNT);
    past_grow(step->activities, sums.activities, before->activities, PAWL_METER_TERMINATED);
    for (int i = 0; i < PAWL_PAST_TIMES; i++)
        past_quantiles(step->seconds[i], i == PAWL_PAST_BEGIN ? latency : workflow, sums.times[i],
                       before->times[i]);
    for (int i = 0; i < PAWL_PAST_OPEN; i++) step->open[i] = open ? open[i] : -1;
    past->before = sums;
}

uint64_t pawl__past_first(const struct pawl_past *past) {
    return past->count > PAWL_PAST_STEPS ? past->count - PAWL_PAST_STEPS : 0;
}

const struct pawl_past_step *pawl__past_step(const struct pawl_past *past, uint64_t number) {
    if (number < pawl__past_first(past) || number >= past->count) return NULL;
    return &past->steps[number % PAWL_PAST_STEPS];
}
