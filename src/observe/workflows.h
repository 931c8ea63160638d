#ifndef PAWL_OBSERVE_WORKFLOWS_H
#define PAWL_OBSERVE_WORKFLOWS_H

// The spans of workflows, activities and timers, made of their histories (reference 5.1):
//
//   orchestration||<name>  SERVER    from its first turn to its end, with what happened to it
//     activity||<name>     SERVER    from when a worker was given it to its result
//     timer                INTERNAL  the moment at which it fired
//
// The history also has the ids of the spans (engine/trace.h). A workflow that is not sampled has
// none there; it costs one look at its start event.

#include "engine/observer.h"
#include "observe/tracer.h"

struct pawl_workflow_spans {
    struct pawl_observer observer;
    struct pawl_tracer *tracer;
};

void pawl__workflow_spans_init(struct pawl_workflow_spans *spans, struct pawl_tracer *tracer);

#endif
