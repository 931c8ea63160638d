#ifndef PAWL_RUNTIME_NODE_H
#define PAWL_RUNTIME_NODE_H

// An app's workflows in this process, on an event loop: joins engine, store and clock, gives work
// to workers, and answers callers once the log holds what they asked for.
//
//   api, sdk ──► node ──► partition ──► ownership, calls, writer, wake ──► residency ──► engine
//                  └────► dispatch (of all partitions) ────────────────────────┘
//
// Everything here belongs to the loop's thread.

#include "runtime/dispatch.h"
#include "runtime/partition.h"
#include "runtime/results.h"
#include "runtime/search.h"
#include "runtime/verbs.h"

struct pawl_node {
    struct pawl_node_options options;
    char *app_id, *namespace, *store_name, *owner;
    struct pawl_storage *storage;
    struct pawl_dispatch dispatch;
    struct pawl_partition partition;
    uv_timer_t pulse;       // every second
    uint64_t pulse_commits; // of the storage at the last one
    int unserved;           // pulses for which work has waited with no worker there
    void (*closed)(void *arg);
    void *closed_arg;
};

// Begins to take the app's shard in |storage|, which must outlive the node. The shard may be held
// by another daemon: the node then keeps trying, and calls answer PAWL_E_UNAVAILABLE meanwhile.
enum pawl_err pawl__node_create(struct pawl_storage *storage,
                                const struct pawl_node_options *options, struct pawl_node **out,
                                struct pawl_error *error);

// Answers all open calls with PAWL_E_UNAVAILABLE, writes what is not yet written (snapshots too, so
// that the next start is quick), releases the shard, frees the node, and calls |closed|.
void pawl__node_close(struct pawl_node *node, void (*closed)(void *arg), void *arg);

bool pawl__node_ready(const struct pawl_node *node);

// Begins a call, of any verb. Those of results.h are made for |node->dispatch|, at which workers
// are attached, too.
void pawl__node_call(struct pawl_node *node, struct pawl_call *call);

#endif
