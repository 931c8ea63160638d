#ifndef PAWL_OBSERVE_TRACER_H
#define PAWL_OBSERVE_TRACER_H

// Decides which traces are kept, names spans, and hands finished ones to the exporters.
//
// Sampling is OpenTelemetry's ParentBased(TraceIDRatio): a span with a parent follows it; a root is
// sampled by its trace id, so that every program decides alike.

#include <stdatomic.h>

#include "observe/sinks.h"

enum {
    PAWL_TRACER_EXPORTERS = 3
};

struct pawl_tracer {
    const struct pawl_log *log;
    uint64_t bound; // of the ids that are kept, by their last 63 bits
    struct pawl_exporter *exporters[PAWL_TRACER_EXPORTERS];
    size_t exporter_count;
    atomic_ullong next; // of the ids' numbers
};

// |ratio|: of roots that are kept, 0 to 1. |log| outlives the tracer.
void pawl__tracer_init(struct pawl_tracer *tracer, double ratio, const struct pawl_log *log);

// Adds an exporter to |sink|, which the tracer takes over. At most PAWL_TRACER_EXPORTERS.
// PAWL_E_NOMEM.
enum pawl_err pawl__tracer_add(struct pawl_tracer *tracer, struct pawl_sink *sink,
                               struct pawl_error *error);

// Sends the queued spans, for up to |patience| nanoseconds in all, and ends the exporters.
void pawl__tracer_finish(struct pawl_tracer *tracer, int64_t patience);

// The rest may be called from any thread.

// Begins a span under |parent|; NULL: the root of a new trace. If |sampled| is not set in the
// result, the span is not kept, and a root has no ids.
struct pawl_trace pawl__tracer_begin(struct pawl_tracer *tracer, const struct pawl_trace *parent);

// Queues a copy of a span that has ended, if it is sampled.
void pawl__tracer_end(struct pawl_tracer *tracer, const struct pawl_span *span);

#endif
