#ifndef PAWL_OBSERVE_RELABEL_H
#define PAWL_OBSERVE_RELABEL_H

// Rules that write the values of labels anew, so that many series become few: spec.metrics.rules of
// a Configuration. As in the reference a rule names a metric, with "dapr_" in front or without it,
// and one of its labels; all that its pattern matches in a value is replaced; rules are applied one
// after the other; an empty value stays. Series that have become the same are added up, which
// observe/collection.h does.

#include "base/pattern.h"
#include "observe/metric.h"

struct pawl_arena; // base/arena.h

// Zero-initialised there are none.
struct pawl_relabel {
    const struct pawl_label_rule *rules;
    struct pawl_pattern *patterns; // of each
    size_t count;
};

// |rules| outlive |relabel|. False: memory is out, or a pattern is none.
bool pawl__relabel_init(struct pawl_relabel *relabel, const struct pawl_label_rule *rules,
                        size_t count);
void pawl__relabel_finish(struct pawl_relabel *relabel);

// The labels of a series of |metric|: |labels|, or others in |arena|. NULL: memory is out.
const struct pawl_label *pawl__relabel(const struct pawl_relabel *relabel, const char *metric,
                                       const struct pawl_label *labels, size_t count,
                                       struct pawl_arena *arena);

#endif
