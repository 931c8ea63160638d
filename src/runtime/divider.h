#ifndef PAWL_RUNTIME_DIVIDER_H
#define PAWL_RUNTIME_DIVIDER_H

// Answers what daemons ask of the app's limits, while this one has the app's first shard: quotas.h
// says how they are divided.

#include "runtime/asker.h"
#include "runtime/bell.h"
#include "runtime/quotas.h"
#include "runtime/residency.h"

struct pawl_divider {
    struct pawl_quotas quotas;
    struct pawl_members *members;
    struct pawl_asker *asker; // of this daemon
    struct pawl_bell *bell;
    const struct pawl_log *log;
};

void pawl__divider_init(struct pawl_divider *divider, struct pawl_members *members,
                        struct pawl_asker *asker, struct pawl_bell *bell,
                        const struct pawl_log *log);
void pawl__divider_finish(struct pawl_divider *divider);

// Answers |verb|. |first| is the first shard as this process has it; NULL: it is not known. Fails
// with PAWL_E_HELD when it is not served here, or may not be.
void pawl__divider_serve(struct pawl_divider *divider, const struct pawl_residency *first,
                         struct pawl_quota *verb);

#endif
