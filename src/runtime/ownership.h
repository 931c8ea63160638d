#ifndef PAWL_RUNTIME_OWNERSHIP_H
#define PAWL_RUNTIME_OWNERSHIP_H

// Who serves a shard: this process, as long as it holds the lease and its memory is what the log
// says.
//
//   taking ──► serving ──► failing ──► taking ...
//     └── held by another, or the store fails: again after a while
//
// After a failure the state in memory is dropped and read anew under a new lease. Where daemons
// share the shards of an app, what another holds is left to it, and each gives back what it should
// not have:
//
//   idle ──take──► taking ──► serving ──give──► closing (what is left is written) ──► idle

#include "runtime/recover.h"

struct pawl_ownership;

// Whoever composes the components of the shard.
struct pawl_ownership_host {
    // The state is to be dropped: no commit reads it any more. |again|: it was served, and those
    // who wait are told |error|.
    void (*drop)(struct pawl_ownership *ownership, bool again, const struct pawl_error *error);
    // Whether something of it may yet come to a worker: the state is not to be dropped yet, as what
    // is read anew would be given out beside that.
    bool (*keeps)(const struct pawl_ownership *ownership);
    // The shard has been leased and read, and is served from now on.
    void (*taken)(struct pawl_ownership *ownership);
    // It begins or ceases to be served, with the reason when it ceases.
    void (*ready)(struct pawl_ownership *ownership, bool ready, const struct pawl_error *reason);
    // Another daemon has it, and it is left there.
    void (*idle)(struct pawl_ownership *ownership);
    // The lease was given back, after pawl__ownership_release.
    void (*released)(struct pawl_ownership *ownership);
};

struct pawl_ownership {
    const struct pawl_ownership_host *host;
    struct pawl_residency *residency;
    struct pawl_recover recover;
    uv_timer_t retry;    // |retry.data| is for whoever closes it
    int64_t retry_delay; // milliseconds
    int64_t fail_delay;  // the same, until what failed is tried again; 0 after a batch was written
    unsigned held_times; // that it was found to be held, one after the other
    struct pawl_job renewing;
    struct pawl_renewal renewal;
    struct pawl_lease renewed; // the lease that is being renewed
    struct pawl_error renewal_error;
    bool renews;        // |renewing| is out
    int64_t renewed_at; // steady
    bool once;
    bool fenced;                      // the failure was that another has the shard
    uint64_t takes, failures, losses; // in all: of the shard, of which state; losses: fenced ones
};

// |owner|, a view of the caller's, is as the store's lease call has it. It is idle at first.
void pawl__ownership_init(struct pawl_ownership *ownership, struct pawl_residency *residency,
                          struct pawl_str owner, const struct pawl_ownership_host *host);

// Takes the shard, if it is idle. |once|: when another holds it, it is idle again; else it is tried
// again until it can be taken.
void pawl__ownership_take(struct pawl_ownership *ownership, bool once);

// The state in memory is not to be trusted: it will be dropped, from the loop.
void pawl__ownership_fail(struct pawl_ownership *ownership, const struct pawl_error *error);

// A batch was written: the next failure is tried again at once.
static inline void pawl__ownership_works(struct pawl_ownership *ownership) {
    ownership->fail_delay = 0;
}

// To be called often: renews the lease when that is due, where leases end.
void pawl__ownership_pulse(struct pawl_ownership *ownership);

// Ends taking; the residency is closing. True: |released| will be called. False: the shard is
// served, and pawl__ownership_release is to be called when all is written.
bool pawl__ownership_close(struct pawl_ownership *ownership);
void pawl__ownership_release(struct pawl_ownership *ownership);

#endif
