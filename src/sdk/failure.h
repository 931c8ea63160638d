#ifndef PAWL_SDK_FAILURE_H
#define PAWL_SDK_FAILURE_H

// Failures, as pawl.h has them and as they go over the wire. Both live in an arena; NULL: memory is
// out.

#include <pawl.h>

#include "base/arena.h"
#include "orchestration.pb-c.h"

// |details| NULL: it is not known how it failed. Texts are not copied.
struct pawl_failure *pawl__failure_unpack(struct pawl_arena *arena,
                                          const Pb__TaskFailureDetails *details);

// NULL for NULL, too.
Pb__TaskFailureDetails *pawl__failure_pack(struct pawl_arena *arena,
                                           const struct pawl_failure *failure);

#endif
