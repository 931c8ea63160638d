#include "engine/trace.h"

#include "engine/events.h"
#include "wire/pack.h"
#include "wire/pb.h"

// Fields of ExecutionStartedEvent, TraceContext and StringValue.
enum {
    START_CONTEXT = 7,
    START_SPAN = 8,
    CONTEXT_PARENT = 1,
    VALUE = 1
};

static bool trace_read(struct pawl_str parent, struct pawl_str span, struct pawl_trace *out) {
    struct pawl_trace trace;
    if (!pawl__trace_parse(parent, &trace) || !trace.sampled) return false;
    if (!pawl__trace_id_parse(span, trace.span, sizeof trace.span)) return false;
    *out = trace;
    return true;
}

bool pawl__trace_of_start(const Pb__ExecutionStartedEvent *start, struct pawl_trace *out) {
    return start->parenttracecontext && start->workflowspanid &&
           trace_read(pawl__str(start->parenttracecontext->traceparent),
                      pawl__str(start->workflowspanid->value), out);
}

bool pawl__trace_of_instance(const struct pawl_instance *instance, struct pawl_trace *out) {
    if (!instance->started_at || instance->untraced == instance->generation) return false;
    struct pawl_pb_field start =
        pawl__event_body(pawl__history_bytes(&instance->history, instance->start_offset));
    struct pawl_pb_field span, context, parent, text;
    return start.number == PB__HISTORY_EVENT__EVENT_TYPE_EXECUTION_STARTED &&
           pawl__pb_find(start.bytes, START_SPAN, &span) &&
           pawl__pb_find(start.bytes, START_CONTEXT, &context) &&
           pawl__pb_find(context.bytes, CONTEXT_PARENT, &parent) &&
           pawl__pb_find(span.bytes, VALUE, &text) && trace_read(parent.bytes, text.bytes, out);
}

struct pawl_trace pawl__trace_part(const struct pawl_trace *self, enum pawl_trace_part part,
                                   int32_t id) {
    struct pawl_trace out = *self;
    pawl__trace_derive(self, (uint64_t)part << 32 | (uint32_t)id, out.span);
    return out;
}

Pb__TraceContext *pawl__trace_context(struct pawl_arena *arena, const struct pawl_trace *trace,
                                      Google__Protobuf__StringValue *state) {
    Pb__TraceContext *context = pawl__wire_new(arena, &pb__trace_context__descriptor);
    char *parent = pawl__arena_alloc(arena, PAWL_TRACE_TEXT);
    char *span = pawl__arena_alloc(arena, 2 * sizeof trace->span + 1);
    if (!context || !parent || !span) return NULL;
    pawl__trace_format(trace, parent);
    pawl__trace_id_format(trace->span, sizeof trace->span, span);
    context->traceparent = parent;
    context->spanid = span;
    context->tracestate = state;
    return context;
}

bool pawl__trace_of_context(const Pb__TraceContext *context, struct pawl_trace *out) {
    if (!context) return false;
    if (pawl__trace_parse(pawl__str(context->traceparent), out)) return true;
    struct pawl_trace trace = {.sampled = true};
    if (!pawl__trace_id_parse(pawl__str(context->traceparent), trace.id, sizeof trace.id) ||
        !pawl__trace_id_parse(pawl__str(context->spanid), trace.span, sizeof trace.span))
        return false;
    *out = trace;
    return true;
}

bool pawl__trace_begin(struct pawl_arena *arena, Pb__ExecutionStartedEvent *start,
                       const struct pawl_trace *parent, const struct pawl_trace *self,
                       Google__Protobuf__StringValue *state) {
    char *span = pawl__arena_alloc(arena, 2 * sizeof self->span + 1);
    if (!span) return false;
    pawl__trace_id_format(self->span, sizeof self->span, span);
    start->parenttracecontext = pawl__trace_context(arena, parent, state);
    start->workflowspanid = pawl__string_value(arena, span);
    return start->parenttracecontext && start->workflowspanid;
}

bool pawl__trace_begin_next(struct pawl_arena *arena, Pb__ExecutionStartedEvent *start,
                            const struct pawl_trace *last) {
    struct pawl_trace parts[3];
    for (int i = 0; i < 3; i++) parts[i] = pawl__trace_part(last, PAWL_TRACE_NEXT, i);
    struct pawl_trace root = parts[2];
    memcpy(root.id, parts[0].span, sizeof parts[0].span);
    memcpy(root.id + sizeof parts[0].span, parts[1].span, sizeof parts[1].span);
    return pawl__trace_begin(arena, start, &root, &root, NULL);
}
