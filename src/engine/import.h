#ifndef PAWL_ENGINE_IMPORT_H
#define PAWL_ENGINE_IMPORT_H

// Histories that come from outside: of an instance that has ended, here or elsewhere.
//
// An instance that has not ended is refused: whoever runs it goes on with its activities, timers
// and children, and they would be done twice.

#include "engine/history.h"
#include "engine/shard.h"

// Fills |out|, which is empty, with the events of |history| for the instance |id|: the same bytes,
// but for its id in ExecutionStarted when that is another. PAWL_E_INVALID, with the number of the
// event and what is wrong with it, unless all of this holds:
//
//  * each event can be read, is of a kind that is known and has a time since 1970;
//  * the first is WorkflowStarted;
//  * there is one ExecutionStarted, with the name of a workflow and an id;
//  * there is one ExecutionCompleted, the last, with COMPLETED, FAILED, CANCELED or TERMINATED;
//  * nothing is scheduled under an id that is in use.
//
// PAWL_E_NOMEM.
enum pawl_err pawl__import_build(struct pawl_str history, const char *id, struct pawl_arena *arena,
                                 struct pawl_history *out, struct pawl_error *error);

#endif
