#ifndef PAWL_OBSERVE_METRIC_H
#define PAWL_OBSERVE_METRIC_H

// A metric: everything about a family of series but its numbers.

#include "base/buf.h"
#include "base/meter.h"

enum pawl_metric_type {
    PAWL_METRIC_COUNTER,
    PAWL_METRIC_GAUGE,
    PAWL_METRIC_HISTOGRAM,
};

// |scale| divides what the meter counts: 1e9 for a meter in nanoseconds and a metric in seconds.
struct pawl_metric {
    const char *name; // a counter's ends in "_total", but for the reference's
    enum pawl_metric_type type;
    const char *unit; // as the name ends: "seconds", "bytes", "ratio"; NULL: none
    double scale;     // 0: 1
    const char *help; // one sentence, without its period
    bool is_same;     // for all loops of a process: it is not added up over them
};

struct pawl_label {
    const char *name;
    struct pawl_str value;
};

#endif
