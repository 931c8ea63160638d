#ifndef PAWL_ENGINE_TRACE_H
#define PAWL_ENGINE_TRACE_H

// Where a workflow stands in a trace. Its history says so, so that its spans survive a crash:
//
//   ExecutionStarted.parentTraceContext   what its span is under
//   ExecutionStarted.workflowSpanID       its span; without one it is not traced
//
// All spans in it are derived from that one, so that nothing else has to be remembered: the same
// activity has the same span however often it is handed out. A generation that continue-as-new
// begins is the root of a new trace: its parentTraceContext names the workflow's own span.
//
// A context that a client gave, without a span of ours under it, is passed on as it is.

#include "base/arena.h"
#include "base/trace.h"
#include "engine/instance.h"

// What a span within a workflow is of.
enum pawl_trace_part {
    PAWL_TRACE_ACTIVITY = 1,
    PAWL_TRACE_TIMER,
    PAWL_TRACE_CHILD,
    PAWL_TRACE_DETACHED,
    PAWL_TRACE_NEXT, // the next generation
};

// The workflow's own span. False: it is not traced.
bool pawl__trace_of_start(const Pb__ExecutionStartedEvent *start, struct pawl_trace *out);

// The same of an instance whose start is in the history, read without decoding it.
bool pawl__trace_of_instance(const struct pawl_instance *instance, struct pawl_trace *out);

// The span of the activity, timer or child that was scheduled under |id|, in the trace of |self|.
struct pawl_trace pawl__trace_part(const struct pawl_trace *self, enum pawl_trace_part part,
                                   int32_t id);

// |trace| as a message in |arena|, with |state| (which may be NULL). NULL when memory is out.
Pb__TraceContext *pawl__trace_context(struct pawl_arena *arena, const struct pawl_trace *trace,
                                      Google__Protobuf__StringValue *state);

// Reads a context, also in the older form that has the ids in two fields. False: there is none.
bool pawl__trace_of_context(const Pb__TraceContext *context, struct pawl_trace *out);

// Sets both fields of |start|: the span |self| under |parent|. False: memory is out.
bool pawl__trace_begin(struct pawl_arena *arena, Pb__ExecutionStartedEvent *start,
                       const struct pawl_trace *parent, const struct pawl_trace *self,
                       Google__Protobuf__StringValue *state);

// The same for the generation that comes after |last|: the root of a trace of its own.
bool pawl__trace_begin_next(struct pawl_arena *arena, Pb__ExecutionStartedEvent *start,
                            const struct pawl_trace *last);

#endif
