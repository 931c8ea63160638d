#ifndef PAWL_ENGINE_PROPAGATION_H
#define PAWL_ENGINE_PROPAGATION_H

// What a workflow passes of its past to those that it calls, when the call asks for it (3.14
// History propagation).
//
//   PropagatedHistory { scope = 1, chunks = 2 ... }      a chunk for each workflow, the oldest
//   first chunk             { rawEvents = 1 ..., appId = 2, instanceId = 3, workflowName = 4 }
//
// The caller's own chunk is its history up to the event that made the call, and with it. A history
// only grows, so that for an activity nothing is kept: its item is made of the history whenever it
// is given out, and says the same each time. A child gets the bytes with its start and keeps them
// (pawl_instance.propagated). With the scope LINEAGE the chunks that the caller keeps itself come
// before its own.

#include "engine/instance.h"

struct pawl_propagation {
    const struct pawl_instance *instance; // the caller
    const char *app_id;                   // its app
    unsigned scope;                       // a HistoryPropagationScope; 0: nothing is passed
    uint32_t end;                         // bytes of the caller's history that are passed
};

// The scope that |body|, of a TaskScheduledEvent or a ChildWorkflowInstanceCreatedEvent, asks for.
unsigned pawl__propagation_scope(struct pawl_str body);

// What the event at |offset| of the history of |instance| passes to the one that it calls.
struct pawl_propagation pawl__propagation_of_call(const struct pawl_instance *instance,
                                                  const char *app_id, uint32_t offset);

// What |instance| passes to its own next generation: of what it got, and of itself, as far as it
// was told to by who started it; nothing if it got nothing.
struct pawl_propagation pawl__propagation_of_next(const struct pawl_instance *instance,
                                                  const char *app_id);

// Bytes of the encoded PropagatedHistory; 0: nothing is passed. The second one appends them. False:
// memory is out.
size_t pawl__propagation_size(const struct pawl_propagation *propagation);
bool pawl__propagation_put(const struct pawl_propagation *propagation, struct pawl_buf *out);

#endif
