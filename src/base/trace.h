#ifndef PAWL_BASE_TRACE_H
#define PAWL_BASE_TRACE_H

// A place in a trace, as it travels between programs: https://www.w3.org/TR/trace-context/ ("the
// standard" here), and gRPC's older binary form of it.

#include "base/str.h"

struct pawl_trace {
    uint8_t id[16];  // of the trace; never all zero
    uint8_t span[8]; // of the span; never all zero
    bool sampled;    // whether spans of this trace are kept
};

enum {
    PAWL_TRACE_TEXT = 56,  // bytes of a traceparent, terminated
    PAWL_TRACE_BINARY = 29 // bytes of a grpc-trace-bin
};

// Reads a traceparent (3.2 of the standard). Of a later version than ours, what version 00 has is
// read. False, and |out| untouched, when it is malformed.
bool pawl__trace_parse(struct pawl_str text, struct pawl_trace *out);

// Writes a traceparent, terminated.
void pawl__trace_format(const struct pawl_trace *trace, char out[PAWL_TRACE_TEXT]);

// The same for the bytes of grpc-trace-bin:
// https://github.com/census-instrumentation/opencensus-specs/blob/master/encodings/BinaryEncoding.md
bool pawl__trace_parse_binary(struct pawl_str bytes, struct pawl_trace *out);
void pawl__trace_format_binary(const struct pawl_trace *trace, uint8_t out[PAWL_TRACE_BINARY]);

// Reads |len| bytes of lower-case hexadecimal. False when it is malformed or all zero.
bool pawl__trace_id_parse(struct pawl_str text, uint8_t *out, size_t len);

// Writes |len| bytes as 2 * |len| hexadecimal digits, terminated.
void pawl__trace_id_format(const uint8_t *id, size_t len, char *out);

// The id of a span that follows from |trace| and |seed|: the same whenever it is asked for, so that
// it has to be stored nowhere. Each purpose has a |seed| of its own within a span.
void pawl__trace_derive(const struct pawl_trace *trace, uint64_t seed, uint8_t out[8]);

#endif
