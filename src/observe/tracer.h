#ifndef PAWL_OBSERVE_TRACER_H
#define PAWL_OBSERVE_TRACER_H

// Decides which traces are kept, names spans, and hands finished ones to the exporters.
//
// Sampling is OpenTelemetry's ParentBased(TraceIDRatio): who has a parent does as it does; a root
// is kept if its trace's id says so, which is then the same everywhere.

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

// Adds a place for spans to go to; |sink| is the tracer's from now on. At most
// PAWL_TRACER_EXPORTERS. PAWL_E_NOMEM.
enum pawl_err pawl__tracer_add(struct pawl_tracer *tracer, struct pawl_sink *sink,
                               struct pawl_error *error);

// Sends what is queued, for up to |patience| nanoseconds in all, and ends the exporters.
void pawl__tracer_finish(struct pawl_tracer *tracer, int64_t patience);

// The rest may be called from any thread.

// The span under |parent|; NULL: the root of a trace of its own. It is kept if |sampled| is set;
// where not, a root has no ids of its own.
struct pawl_trace pawl__tracer_begin(struct pawl_tracer *tracer, const struct pawl_trace *parent);

// Takes a copy of a span that has ended. One that is not sampled is passed over.
void pawl__tracer_end(struct pawl_tracer *tracer, const struct pawl_span *span);

#endif
