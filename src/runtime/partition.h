#ifndef PAWL_RUNTIME_PARTITION_H
#define PAWL_RUNTIME_PARTITION_H

// One shard of an app as this process serves it: its components put together, and the way of an
// effect from the engine to who waits for it.

#include "runtime/abroad.h"
#include "runtime/ownership.h"
#include "runtime/wake.h"
#include "runtime/writer.h"

struct pawl_partition;

// Whoever has the partitions of the app.
struct pawl_partition_host {
    // It begins or ceases to be served, with the reason when it ceases.
    void (*ready)(struct pawl_partition *partition, bool ready, const struct pawl_error *reason);
    // It was given back.
    void (*given)(struct pawl_partition *partition);
    // As pawl_residency_host has it.
    bool (*elsewhere)(struct pawl_partition *partition, struct pawl_call *call);
    // Mail is in the box of shard |number|.
    void (*posted)(struct pawl_partition *partition, uint32_t number);
    // Its memory may be freed.
    void (*closed)(struct pawl_partition *partition);
};

struct pawl_partition {
    const struct pawl_partition_host *host;
    void *data;                     // the host's
    struct pawl_dispatch *dispatch; // of all partitions
    struct pawl_abroad *abroad;     // the same
    struct pawl_residency residency;
    struct pawl_calls calls;
    struct pawl_checkpoint checkpoint;
    struct pawl_mailbox mailbox;
    struct pawl_outbox outbox;
    struct pawl_writer writer;
    struct pawl_ownership ownership;
    struct pawl_wake wake;
    uv_timer_t drain;         // until all is written, at the end
    int handles;              // that are still open, at the end
    uint64_t stalls, dropped; // in all: of instances; messages that had nowhere to go
};

// What a partition is of.
struct pawl_partition_place {
    struct pawl_str app;      // as the store knows it
    struct pawl_str outbox;   // the box of what it sends to other apps; see outbox.h
    struct pawl_str received; // that of what has come from them; see engine/received.h
    struct pawl_str owner;    // see store.h
    uint32_t number, count;   // of the app's shards
    struct pawl_apps *apps;   // the way to other apps; NULL: none
    struct pawl_abroad *abroad;
};

// The shard at |place|, which is idle at first. Texts are views of the caller's.
void pawl__partition_init(struct pawl_partition *partition, struct pawl_storage *storage,
                          struct pawl_dispatch *dispatch, const struct pawl_node_options *options,
                          const struct pawl_partition_place *place,
                          const struct pawl_partition_host *host);

// Begins to serve it, if it is idle; see pawl__ownership_take.
void pawl__partition_take(struct pawl_partition *partition, bool once);

// Gives it to other daemons: writes what is not yet written, releases it, and calls |given|. Its
// calls go where it is served by then.
void pawl__partition_give(struct pawl_partition *partition);

// Answers all open calls with PAWL_E_UNAVAILABLE, writes what is not yet written (snapshots too, so
// that the next start is quick), releases the shard, and calls |closed|.
void pawl__partition_close(struct pawl_partition *partition);

static inline bool pawl__partition_serves(const struct pawl_partition *partition) {
    return pawl__residency_serves(&partition->residency);
}

// Begins a call of one of its instances.
void pawl__partition_call(struct pawl_partition *partition, struct pawl_call *call);

// To be called every second. |quiet|: nothing was written since the last time; then what has only
// just changed is written as well, and leaves memory.
void pawl__partition_pulse(struct pawl_partition *partition, bool quiet);

#endif
