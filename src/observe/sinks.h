#ifndef PAWL_OBSERVE_SINKS_H
#define PAWL_OBSERVE_SINKS_H

// The places that spans can go to.

#include "observe/exporter.h"

// The resource of all spans, in OpenTelemetry's sense: the program that made them. Copied.
struct pawl_resource {
    const char *service; // service.name
    const struct pawl_attribute *attributes;
    size_t attribute_count;
};

// Zipkin's JSON, version 2, by POST: https://zipkin.io/zipkin-api/#/default/post_spans
enum pawl_err pawl__zipkin_sink(const char *url, const struct pawl_resource *resource,
                                struct pawl_sink **out, struct pawl_error *error);

struct pawl_otlp_options {
    const char *endpoint;       // "host:port", or a url
    bool grpc;                  // else HTTP, in protobuf
    bool secure;                // TLS, where |endpoint| does not say
    const char *const *headers; // each "name=value", as OTEL_EXPORTER_OTLP_HEADERS has them
    size_t header_count;
    int64_t timeout; // nanoseconds; 0: 10 s
};

// OpenTelemetry's protocol: https://opentelemetry.io/docs/specs/otlp/
enum pawl_err pawl__otlp_sink(const struct pawl_otlp_options *options,
                              const struct pawl_resource *resource, struct pawl_sink **out,
                              struct pawl_error *error);

// Lines of the log, which is copied.
enum pawl_err pawl__log_sink(const struct pawl_log *log, struct pawl_sink **out,
                             struct pawl_error *error);

// --- what they send, for tests -------------------------------------------------------------------

struct pawl_buf;

// Appends the JSON of |spans|. False: memory is out.
bool pawl__zipkin_encode(struct pawl_buf *out, const struct pawl_resource *resource,
                         struct pawl_span *const *spans, size_t count);

// Appends an ExportTraceServiceRequest (proto/otlp.proto). False: memory is out.
bool pawl__otlp_encode(struct pawl_buf *out, const struct pawl_resource *resource,
                       struct pawl_span *const *spans, size_t count);

// A copy of |resource| in one piece, which free() frees; NULL when memory is out.
struct pawl_resource *pawl__resource_copy(const struct pawl_resource *resource);

#endif
