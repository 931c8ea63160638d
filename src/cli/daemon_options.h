#ifndef PAWL_CLI_DAEMON_OPTIONS_H
#define PAWL_CLI_DAEMON_OPTIONS_H

// What a daemon is told once, by its flags and its environment. All of it outlives the daemon.

#include "api/options.h"
#include "base/log.h"
#include "cli/address.h"
#include "cli/metrics.h"
#include "cli/settings.h"

struct pawl_daemon_options {
    const char *app_id, *namespace;
    int http_port, grpc_port, public_port; // 0: any free one; public_port -1: none
    const struct pawl_addresses *listen_addresses;
    const char *unix_socket_dir; // NULL: listen on ports
    const char *api_token;       // NULL: none
    int app_port;                // 0: the app listens to nothing
    const char *app_protocol, *app_address;
    int app_max_concurrency;
    struct pawl_app_health app_health;
    int api_logging; // 0, 1; -1: as the configuration says
    struct pawl_console_options console;
    const struct pawl_lines *lines; // that 'pawl run' keeps; NULL: it did not start this
    size_t max_body, max_header;    // bytes
    const char *allowed_origins;    // web pages that may call; "": none
    int64_t graceful_shutdown;      // nanoseconds
    size_t loops;                   // at least 1
    bool with_metrics;              // unless the configuration says otherwise
    struct pawl_metrics_options metrics;
    const struct pawl_settings_source *source; // read again while it runs
    int64_t reconcile_interval;                // nanoseconds between two readings; 0: a minute
    struct pawl_log log;
};

#endif
