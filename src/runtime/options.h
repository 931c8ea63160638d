#ifndef PAWL_RUNTIME_OPTIONS_H
#define PAWL_RUNTIME_OPTIONS_H

// What an app's node is told once, and its components read.

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/log.h"

// Nanoseconds from the end of a workflow to its purge, by how it ended; 0: it is never purged.
struct pawl_retention {
    int64_t completed, failed, terminated, canceled;
};

struct pawl_peers;   // forward.h
struct pawl_finder;  // apps.h
struct pawl_sibling; // siblings.h
struct pawl_observer;
struct pawl_listener;
struct pawl_operation_meters;

// A limit of the whole app: of workflow turns, or of activities, with workers at once.
struct pawl_ceiling_rule {
    const char *name; // of the workflow or activity; "": of all of them together
    bool turn;
    uint32_t most; // at least 1
};

struct pawl_node_options {
    const char *app_id;
    const char *namespace;
    size_t max_message; // bytes of a work item; an instance whose turn would pass 95 % of it stalls
    size_t max_turns;   // turns in flight; 0: no limit
    size_t max_activities;                    // activities in flight; 0: no limit
    const struct pawl_ceiling_rule *ceilings; // of the app; no two of one name
    size_t ceiling_count;
    int64_t checkpoint_interval; // nanoseconds between checkpoints of changed instances; 0: 5 s
    size_t checkpoint_bytes;     // of log that make a checkpoint due sooner; 0: 4 MiB
    struct pawl_retention retention;
    size_t resting_bytes; // of instances that were only read and stay in memory; 0: 4 MiB
    size_t id_page;  // ids of a shard that are read at a time (known.h), a power of two; 0: 1024
    uint32_t shards; // of an app that is new to the store; 0: 1
    int64_t lease;   // nanoseconds that a lease lasts where leases end; 0: PAWL_LEASE_TTL
    const char *address; // where other daemons of the app reach this one; NULL: it shares nothing
    struct pawl_peers *peers;         // how it reaches them, and those of other apps
    const struct pawl_finder *finder; // where daemons of other apps are; NULL: nobody knows
    struct pawl_sibling *sibling; // this loop, where several of the process serve the app; or NULL
    struct pawl_observer *observer;           // of what workflows do; NULL: none
    struct pawl_listener *listener;           // to changes of instances; NULL: none
    struct pawl_operation_meters *operations; // of clients' calls; NULL: nobody looks
    const struct pawl_log *log;
    // Called when the node begins or ceases to serve, with the reason when it ceases.
    void (*on_ready)(void *arg, bool ready, const struct pawl_error *reason);
    void *arg;
};

#endif
