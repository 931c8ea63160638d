#ifndef PAWL_OBSERVE_OTLP_POST_H
#define PAWL_OBSERVE_OTLP_POST_H

// The way to a receiver of OpenTelemetry's protocol. Of this folder only.

#include "observe/poster.h"
#include "observe/sinks.h"

// Where a receiver takes a kind of things.
struct pawl_otlp_paths {
    const char *http, *grpc;
};

extern const struct pawl_otlp_paths pawl__otlp_of_traces, pawl__otlp_of_metrics;

// |*name|, on the heap: how the log speaks of it. Errors as of pawl__poster_create.
enum pawl_err pawl__otlp_post(const struct pawl_otlp_options *options,
                              const struct pawl_otlp_paths *paths, char **name,
                              struct pawl_poster **out, struct pawl_error *error);

#endif
