// The second shard of debug builds ends the process when it has no memory.

#include "runtime/shadow.h"
#include "alloc.h"

#ifndef NDEBUG
#define PAUSED(name, parameters, arguments)                                                        \
    void __real_##name parameters;                                                                 \
    void __wrap_##name parameters;                                                                 \
    void __wrap_##name parameters {                                                                \
        alloc_paused = true;                                                                       \
        __real_##name arguments;                                                                   \
        alloc_paused = false;                                                                      \
    }
PAUSED(pawl__shadow_begin,
       (struct pawl_shadow * shadow, const struct pawl_shard *shard, const struct pawl_log *log),
       (shadow, shard, log))
PAUSED(pawl__shadow_check, (struct pawl_shadow * shadow, const struct pawl_batch *batch),
       (shadow, batch))
PAUSED(pawl__shadow_add, (struct pawl_shadow * shadow, const struct pawl_instance *instance),
       (shadow, instance))
#endif
