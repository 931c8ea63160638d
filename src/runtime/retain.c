#include "base/clock.h"
#include "runtime/internal.h"

// Workflows that ended long enough ago are purged. When that is due stands in the row of an ended
// instance where others have the time of their next timer: so it sleeps like one that waits, also
// over a restart, and waking it purges it.

#define STATUS(name) PB__ORCHESTRATION_STATUS__ORCHESTRATION_STATUS_##name

static int64_t retain_time(const struct pawl_retention *policy, int32_t status) {
    switch (status) {
    case STATUS(COMPLETED): return policy->completed;
    case STATUS(FAILED): return policy->failed;
    case STATUS(TERMINATED): return policy->terminated;
    default: return policy->canceled;
    }
}

int64_t pawl__retain_wake_at(const struct pawl_runtime *runtime,
                             const struct pawl_instance *instance) {
    if (!pawl__instance_completed(instance)) return pawl__instance_wake_at(instance);
    int64_t time = retain_time(&runtime->options.retention, instance->final_status), until;
    if (!time || __builtin_add_overflow(instance->completed_at, time, &until)) return INT64_MAX;
    return until;
}

void pawl__retain_look(struct pawl_runtime *runtime, struct pawl_instance *instance) {
    bool ended = instance->exists && pawl__instance_completed(instance);
    int64_t until = ended ? pawl__retain_wake_at(runtime, instance) : INT64_MAX;
    struct pawl_str id = pawl__instance_id(instance);
    struct pawl_error error;
    uint32_t count;
    pawl__sleep_remove(runtime, id);
    if (until == INT64_MAX) return;
    if (until <= pawl__clock_wall()) {
        if (pawl__shard_purge(&runtime->shard, id, false, false, &count, &error))
            pawl__runtime_fail(runtime, &error);
    } else if (!pawl__sleep_add(runtime, id, until)) {
        pawl__runtime_fail(runtime, &(struct pawl_error){PAWL_E_NOMEM, "out of memory"});
    }
}
