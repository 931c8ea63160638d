#ifndef PAWL_RUNTIME_RECOVER_H
#define PAWL_RUNTIME_RECOVER_H

// Taking a shard: lease it, load what has work, note who sleeps, and replay the log. All of it runs
// on the storage's threads; nothing else touches the shard meanwhile.

#include "runtime/residency.h"

struct pawl_recover {
    struct pawl_residency *residency;
    struct pawl_str owner;
    bool leased; // the commit thread's: the lease was taken and not released
    struct pawl_job job;
    struct pawl_error error;
    void (*done)(struct pawl_recover *recover, const struct pawl_error *error);
};

// How long the lease lasts when it is not renewed, nanoseconds; 0: the store knows by itself when
// its holder is gone.
int64_t pawl__recover_ttl(const struct pawl_recover *recover);

// Calls |done| with error code 0 once the shard is in memory.
void pawl__recover_begin(struct pawl_recover *recover,
                         void (*done)(struct pawl_recover *recover,
                                      const struct pawl_error *error));

// Gives the lease back, if there is one. A lease that cannot be released ends with the process.
void pawl__recover_release(struct pawl_recover *recover,
                           void (*done)(struct pawl_recover *recover,
                                        const struct pawl_error *error));

#endif
