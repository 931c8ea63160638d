#ifndef PAWL_OBSERVE_SPAN_H
#define PAWL_OBSERVE_SPAN_H

// A finished span: what happened, when, as a part of what. In the words of OpenTelemetry.

#include "base/trace.h"

// The numbers of OTLP's SpanKind.
enum pawl_span_kind {
    PAWL_SPAN_INTERNAL = 1,
    PAWL_SPAN_SERVER = 2,
    PAWL_SPAN_CLIENT = 3,
};

// The numbers of OTLP's StatusCode.
enum pawl_span_status {
    PAWL_SPAN_UNSET = 0,
    PAWL_SPAN_OK = 1,
    PAWL_SPAN_ERROR = 2
};

struct pawl_attribute {
    const char *key;      // terminated
    struct pawl_str text; // no data: the value is |number|
    int64_t number;
};

struct pawl_span_event {
    const char *name; // terminated
    int64_t at;       // nanoseconds since 1970
    struct pawl_attribute attributes[2];
    size_t attribute_count;
};

enum {
    PAWL_SPAN_EVENTS = 128, // of one span; OpenTelemetry's own limit
    PAWL_SPAN_VALUE = 4096  // bytes of one text in it
};

struct pawl_span {
    const char *scope; // the part of the program that made it; terminated
    struct pawl_str name;
    enum pawl_span_kind kind;
    struct pawl_trace self;
    uint8_t parent[8];     // all zero: it is the root of its trace
    struct pawl_str state; // a tracestate
    int64_t start, end;    // nanoseconds since 1970
    enum pawl_span_status status;
    struct pawl_str message; // of an error
    const struct pawl_attribute *attributes;
    size_t attribute_count;
    const struct pawl_span_event *events;
    size_t event_count;
};

static inline bool pawl__span_is_root(const struct pawl_span *span) {
    static const uint8_t none[8];
    return memcmp(span->parent, none, sizeof none) == 0;
}

// A copy of all that |span| points to in one piece of memory, which free() frees. Texts are cut to
// PAWL_SPAN_VALUE bytes, events beyond PAWL_SPAN_EVENTS are left out. NULL when memory is out.
// |*size|: bytes of it.
struct pawl_span *pawl__span_copy(const struct pawl_span *span, size_t *size);

#endif
