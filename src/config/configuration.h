#ifndef PAWL_CONFIG_CONFIGURATION_H
#define PAWL_CONFIG_CONFIGURATION_H

// Configuration files (reference 7.4), as far as this daemon acts on them.

#include "config/component.h"
#include "config/concurrency.h"
#include "config/metrics.h"
#include "config/names.h"
#include "config/tracing.h"

// Whether each API call is told in the log.
struct pawl_api_logging {
    bool enabled;
    bool hides_urls; // tells the route of an HTTP call, not its path
    bool omits_health;
};

struct pawl_configuration {
    struct pawl_concurrency concurrency;
    // Nanoseconds from a workflow's end until it is purged, at least 1; 0: never.
    int64_t retain_completed, retain_failed, retain_terminated, retain_canceled;
    struct pawl_tracing tracing;
    struct pawl_names names; // of other apps
    struct pawl_metrics_config metrics;
    struct pawl_api_logging api_log;
    bool hot_reload, no_hot_reload; // the feature HotReload is turned on, off; or none is said
    struct pawl_str said;           // all files, with values from the environment; for comparing
};

// Reads |files| one after the other; what a later one says wins. $NAME and ${NAME} are replaced
// from the environment before a file is read, and OpenTelemetry's variables are taken over after
// the last. Keys that are unknown or not acted on are told in the log.
enum pawl_err pawl__configuration_load(const struct pawl_config_context *context,
                                       const char *const *files, size_t count,
                                       struct pawl_configuration *out, struct pawl_error *error);

#endif
