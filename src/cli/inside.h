#ifndef PAWL_CLI_INSIDE_H
#define PAWL_CLI_INSIDE_H

// The inside of a daemon: all that is begun anew when another configuration is taken over, on one
// loop. Settings, stores and ports are the daemon's, and stay (daemon.c).
//
//   server ──► api ──► node ──► store of the workflows
//     ▲         └──► stores, metrics, tracer
//     └── connections end first, and the tracer goes last

#include "cli/daemon_options.h"
#include "cli/finder.h"
#include "cli/stores.h"
#include "observe/feed.h"
#include "observe/tracer.h"
#include "observe/workflows.h"

struct pawl_inside_options {
    const struct pawl_daemon_options *daemon;
    uv_loop_t *loop;
    struct pawl_daemon_stores *stores; // opened, whenever the inside begins
    struct pawl_extended *extended;    // metadata that apps have set
    const char *address;               // where other daemons reach it; NULL: nowhere that is known
    void (*shutdown)(void *arg, bool force); // asked for by a call
    void (*ended)(void *arg);
    void *arg;
};

struct pawl_inside {
    struct pawl_inside_options options;
    struct pawl_settings *settings; // by which it runs; the daemon's
    struct pawl_node *node;         // NULL: no store holds workflows
    struct pawl_feed feed;          // of what the node does
    struct pawl_peer_links *peers;  // to other daemons
    struct pawl_daemon_finder finder;
    struct pawl_api *api;
    struct pawl_server *server;
    struct pawl_tracer tracer; // if it is_traced
    struct pawl_workflow_spans spans;
    struct pawl_metrics metrics; // if it has_metrics
    bool is_traced, has_metrics;
    bool ending;
};

void pawl__inside_init(struct pawl_inside *inside, const struct pawl_inside_options *options);

// A server whose requests go to |inside|, as it is by the time they come.
enum pawl_err pawl__inside_create_server(struct pawl_inside *inside, struct pawl_server **out,
                                         struct pawl_error *error);

// Begins as |settings| say, which outlive it, and takes |server| over. |again|: it has been there
// before, and what others would be told at a start is not reason enough to end.
enum pawl_err pawl__inside_begin(struct pawl_inside *inside, struct pawl_settings *settings,
                                 struct pawl_server *server, bool again, struct pawl_error *error);

// Lets calls end for |grace| nanoseconds and stops all of it; |options.ended| is called then, after
// which it may begin again.
void pawl__inside_end(struct pawl_inside *inside, const char *why, int64_t grace);

#endif
