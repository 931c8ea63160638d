#ifndef PAWL_CONFIG_TRACING_H
#define PAWL_CONFIG_TRACING_H

// spec.tracing of a Configuration (reference 7.4), and what the environment says beside it.

#include "config/otlp.h"
#include "config/resource.h"

struct pawl_tracing {
    double sampling_rate; // 0: off; 1: all
    bool to_log;          // stdout
    const char *zipkin;   // url; NULL: nothing goes there
    struct pawl_otlp_config otel;

    // Of the environment: what the program says of itself.
    const char *service; // NULL: the app's id
    struct pawl_otlp_pair *resource;
    size_t resource_count;
};

// No places to go to, and the reference's rate.
void pawl__tracing_init(struct pawl_tracing *tracing);

// Takes over what |node|, a spec.tracing, says.
enum pawl_err pawl__tracing_take(const struct pawl_config_context *context,
                                 const struct pawl_yaml *node, struct pawl_tracing *out,
                                 struct pawl_error *error);

// Takes over what OpenTelemetry's variables say, which win over files: OTEL_SERVICE_NAME,
// OTEL_RESOURCE_ATTRIBUTES, OTEL_EXPORTER_OTLP_[TRACES_]{ENDPOINT,PROTOCOL,HEADERS,TIMEOUT} and
// OTEL_EXPORTER_OTLP_[TRACES_]INSECURE.
// https://opentelemetry.io/docs/specs/otel/protocol/exporter/
enum pawl_err pawl__tracing_take_environment(const struct pawl_config_context *context,
                                             struct pawl_tracing *out, struct pawl_error *error);

#endif
