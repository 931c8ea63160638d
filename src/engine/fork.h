#ifndef PAWL_ENGINE_FORK_H
#define PAWL_ENGINE_FORK_H

// The history with which a workflow is run again from one of its events.
//
//   source:  Start  A scheduled  B scheduled  A completed  C scheduled  C completed  ... End
//   from C:  Start  A scheduled  A completed  B scheduled  C scheduled
//
// What was resolved before the event keeps its result, and stands right before that result. What
// was scheduled before the event and not resolved by then comes last, with the event itself: these
// are sent anew. The order is the reference's (1.2 RerunWorkflowFromEvent).

#include "base/arena.h"
#include "base/err.h"
#include "engine/history.h"

struct pawl_fork {
    bool imports;             // |history| has ended and is taken whole (engine/import.h): only that
                              // and |id| matter
    const char *source;       // id of the instance that is run again
    struct pawl_str history;  // its own
    int32_t event_id;         // that to begin with
    bool overwrites_input;    // of that event: |input| takes its place
    const char *input;        // NULL: none
    const char *child_id;     // of the child that the event creates; NULL: made of the new id
    const char *id;           // of the new instance
    const char *execution_id; // of its first execution
    int64_t now;              // of events that are sent anew
};

// Fills |out|, which is empty, with the new history: an ExecutionStarted among its events, each of
// which can be read, and no ExecutionCompleted. PAWL_E_INVALID, PAWL_E_NOT_FOUND: texts of the
// reference; PAWL_E_NOMEM.
enum pawl_err pawl__fork_build(const struct pawl_fork *fork, struct pawl_arena *arena,
                               struct pawl_history *out, struct pawl_error *error);

#endif
