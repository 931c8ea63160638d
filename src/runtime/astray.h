#ifndef PAWL_RUNTIME_ASTRAY_H
#define PAWL_RUNTIME_ASTRAY_H

// Answers of workers that came over another connection than their work did, and so, on several
// loops, perhaps to another loop. They go round the others until one has the work with a worker of
// its own:
//
//   worker ──answer──► this loop: not mine ──► loop 1: not mine (PAWL_E_HELD) ──► loop 2: mine
//
// If nobody has it, it is late, which whoever has the shard of its instance answers.

#include "runtime/neighbours.h"
#include "runtime/node.h"

// Takes |call| over, unless it is for this loop. |bytes| is the encoded answer. It is done as it is
// where its work is, or by |node|, which outlives it.
bool pawl__astray_takes(struct pawl_node *node, struct pawl_neighbours *neighbours,
                        struct pawl_call *call, struct pawl_str bytes);

#endif
