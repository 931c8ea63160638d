#ifndef PAWL_RUNTIME_ASTRAY_H
#define PAWL_RUNTIME_ASTRAY_H

// Answers of workers that came over another connection than their work did, and so perhaps to
// another loop or daemon. They go round the others until one has the work with a worker of its own:
//
//   worker ──answer──► this one: not mine ──► next: not mine (PAWL_E_HELD) ──► next: mine
//
// If nobody has it as a borrower, whoever has the shard of its instance answers: it gave it out
// itself, or the answer is late.

#include "runtime/neighbours.h"
#include "runtime/node.h"

// Takes |call| over, unless it is for this loop, or there are no others; |neighbours|: NULL on one
// loop. |bytes| is the encoded answer. It is done as it is
// where its work is, or by |node|, which outlives it.
bool pawl__astray_takes(struct pawl_node *node, const struct pawl_neighbours *neighbours,
                        struct pawl_call *call, struct pawl_str bytes);

#endif
