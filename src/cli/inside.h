#ifndef PAWL_CLI_INSIDE_H
#define PAWL_CLI_INSIDE_H

// The inside of a daemon: all that is begun anew when another configuration is taken over, on one
// loop. Settings, stores and ports are the daemon's, and stay (daemon.c). On several loops there is
// one for each (loops.h).
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
#include "runtime/neighbours.h"

struct pawl_inside_options {
    const struct pawl_daemon_options *daemon;
    uv_loop_t *loop;
    struct pawl_daemon_stores *stores;       // opened, whenever the inside begins
    struct pawl_extended *extended;          // metadata that apps have set
    void (*ready)(void *arg);                // it can do its work, once more perhaps; may be NULL
    void (*shutdown)(void *arg, bool force); // asked for by a call
    void (*ended)(void *arg);
    void *arg;
};

// How it begins this time. All of it outlives the inside, but |server| and |own|, which it takes
// over.
struct pawl_inside_start {
    struct pawl_settings *settings; // by which it runs
    struct pawl_server *server;     // whose requests are its own (pawl__inside_create_server)
    bool again;          // after another one: what ends a start is then no reason to end all
    const char *address; // where other daemons reach it; NULL: nowhere that is known
    // Where there are several loops:
    struct pawl_sibling
        *sibling; // this one, which leaves the others as it ends; NULL: there are none
    const char *const *addresses; // where other processes reach each loop
    size_t count;                 // of them
    struct pawl_server *own;      // at the address of this one
};

struct pawl_inside {
    struct pawl_inside_options options;
    struct pawl_inside_start start;
    struct pawl_node *node;            // NULL: no store holds workflows
    struct pawl_feed feed;             // of what the node does
    struct pawl_peer_links *peers;     // to other daemons
    struct pawl_neighbours neighbours; // the same and other loops, if there are any
    struct pawl_daemon_finder finder;
    struct pawl_api *api;
    struct pawl_tracer tracer; // if it is_traced
    struct pawl_workflow_spans spans;
    struct pawl_metrics metrics; // if it has_metrics
    bool is_traced, has_metrics;
    int servers; // that are not closed, while it ends
    bool ending, told_shards;
};

void pawl__inside_init(struct pawl_inside *inside, const struct pawl_inside_options *options);

// A server whose requests go to |inside|, as it is by the time they come.
enum pawl_err pawl__inside_create_server(struct pawl_inside *inside, struct pawl_server **out,
                                         struct pawl_error *error);

// What |count| loops cannot do as |settings| say. PAWL_E_INVALID: something.
enum pawl_err pawl__inside_check(const struct pawl_settings *settings, size_t count,
                                 struct pawl_error *error);

// On its loop, or before that runs.
enum pawl_err pawl__inside_begin(struct pawl_inside *inside, const struct pawl_inside_start *start,
                                 struct pawl_error *error);

// Lets calls end for |grace| nanoseconds and stops all of it; |options.ended| is called then, after
// which it may begin again.
void pawl__inside_end(struct pawl_inside *inside, const char *why, int64_t grace);

#endif
