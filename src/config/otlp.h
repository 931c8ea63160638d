#ifndef PAWL_CONFIG_OTLP_H
#define PAWL_CONFIG_OTLP_H

// Where OpenTelemetry's protocol goes, as its variables say:
// https://opentelemetry.io/docs/specs/otel/protocol/exporter/

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"

struct pawl_otlp_config {
    const char *endpoint; // "host:port" or a url; NULL: nothing goes there
    const char *protocol; // "grpc" or "http"
    bool secure;          // TLS, where |endpoint| does not say
    const char **headers; // "name=value" each
    size_t header_count;
    int64_t timeout; // nanoseconds; 0: the default
};

// What is sent: the word in the names of its variables, and its path over HTTP.
struct pawl_otlp_signal {
    const char *word, *path; // "TRACES", "/v1/traces"
};

extern const struct pawl_otlp_signal pawl__otlp_traces, pawl__otlp_metrics;

// Takes over OTEL_EXPORTER_OTLP_[<word>_]{ENDPOINT,PROTOCOL,HEADERS,TIMEOUT,INSECURE}, those of the
// signal before those of all. PAWL_E_INVALID: one of them cannot be read. PAWL_E_NOMEM.
enum pawl_err pawl__otlp_take_environment(struct pawl_arena *arena,
                                          const struct pawl_otlp_signal *signal,
                                          struct pawl_otlp_config *out, struct pawl_error *error);

struct pawl_otlp_pair {
    const char *key;
    struct pawl_str value;
};

// Reads a list "name=value,name=value" with percent signs in the values, as W3C's baggage has it.
// |variable|: where it comes from. PAWL_E_INVALID, PAWL_E_NOMEM.
enum pawl_err pawl__otlp_pairs(struct pawl_arena *arena, const char *variable, const char *text,
                               struct pawl_otlp_pair **out, size_t *count,
                               struct pawl_error *error);

#endif
