#ifndef PAWL_ENGINE_AWAIT_H
#define PAWL_ENGINE_AWAIT_H

// Whether an instance waits for something: what is pending says it, and the events that it came
// from. No other part of a history is read, but for the names of what is tried again.

#include "engine/instance.h"
#include "wire/await.h"
#include "wire/rows.h"

// Whether no worker may have a turn (of a workflow) or an activity |name|.
typedef bool (*pawl_lacks_fn)(void *arg, bool turn, struct pawl_str name);

// |lacks| is asked for PAWL_AWAIT_WORKER, and |now| is the time for that; else neither is looked
// at.
bool pawl__await_instance(const struct pawl_instance *instance, const struct pawl_await *await,
                          int64_t now, pawl_lacks_fn lacks, void *arg);

// The same of a stored row with its state and whole history; one that has work to offer does not
// wait for PAWL_AWAIT_WORKER, as nobody knows. A row that is damaged waits for nothing. |arena| has
// what is decoded meanwhile. PAWL_E_NOMEM.
enum pawl_err pawl__await_row(const struct pawl_snapshot *row, const struct pawl_await *await,
                              struct pawl_arena *arena, bool *out);

#endif
