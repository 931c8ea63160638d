#ifndef PAWL_API_ELDER_H
#define PAWL_API_ELDER_H

// Answers in Microsoft's dialect of the protocol. Dapr's came from it; the two have diverged since.

#include "base/arena.h"

// The encoded WorkflowResponse |answer| without the fields that mean something else in that
// dialect; |answer| itself when its token belongs to a worker of Dapr's dialect. No data: memory is
// out.
struct pawl_str pawl__elder_answer(struct pawl_arena *arena, struct pawl_str answer);

#endif
