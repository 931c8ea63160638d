#ifndef PAWL_API_ELDER_H
#define PAWL_API_ELDER_H

// Answers in Microsoft's dialect of the protocol, from which Dapr's came; both have gone on since.

#include "base/arena.h"

// The encoded WorkflowResponse |answer| without the fields whose numbers mean something else in
// that dialect; itself when its token says that the turn went to another worker. No data: memory
// is out.
struct pawl_str pawl__elder_answer(struct pawl_arena *arena, struct pawl_str answer);

#endif
