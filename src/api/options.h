#ifndef PAWL_API_OPTIONS_H
#define PAWL_API_OPTIONS_H

// What the services are told.

#include "api/extended.h"
#include "api/stores.h"
#include "runtime/node.h"

// Who may see and do what over /pawl/v1 and on the dashboard.
struct pawl_console_options {
    bool enabled;      // the dashboard's page is served
    const char *token; // that opens /pawl/v1, as the API's token does; NULL: none
    bool read_only;
    bool hide_payloads; // inputs, outputs and custom statuses are left out
};

// How the app is asked whether it is well, which is told in the metadata.
struct pawl_app_health {
    bool enabled;
    const char *path;      // of HTTP
    int interval, timeout; // milliseconds
    int threshold;         // failures
};

struct pawl_feed;
struct pawl_neighbours;
struct pawl_peer_links;
struct pawl_lines;
struct pawl_tracer;
struct pawl_request_meter;
struct pawl_workflow_meter;

struct pawl_api_options {
    const char *app_id, *namespace, *version;
    const char *token;                  // that every call must carry; NULL: none
    struct pawl_node *node;             // NULL: no store holds workflows
    struct pawl_neighbours *neighbours; // other loops of this process; NULL: there are none
    uv_loop_t *loop; // for streams from other apps' daemons, and for watchers; NULL: neither
    const struct pawl_lines *lines; // that the app and this daemon wrote; NULL: nobody keeps them
    struct pawl_feed *feed;         // of changes of instances; NULL: they are not told
    struct pawl_peer_links *peers;  // to other daemons of the app, which tell theirs; NULL: none
    const struct pawl_api_stores *stores; // may change while calls run
    int app_port;
    const char *app_protocol, *app_address;
    int app_max_concurrency;
    struct pawl_app_health app_health;
    // Whether each call is told in the log; with the route of an HTTP call, not its path; but calls
    // of health.
    bool log_calls, log_routes, log_no_health;
    bool hot_reload; // the configuration has turned it on, which is told in the metadata
    struct pawl_console_options console;
    struct pawl_tracer *tracer;                  // takes spans of calls; NULL: nobody does
    struct pawl_request_meter *meter;            // counts calls; NULL: nobody looks
    const struct pawl_workflow_meter *workflows; // what was counted of them; NULL: nothing is
    struct pawl_extended *extended;              // metadata that is set
    const struct pawl_log *log;
    // Ends the daemon; |force|: at once.
    void (*shutdown)(void *arg, bool force);
    void *arg;
};

#endif
