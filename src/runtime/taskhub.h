#ifndef PAWL_RUNTIME_TASKHUB_H
#define PAWL_RUNTIME_TASKHUB_H

// The unary calls of the TaskHub service on a node: a request message in, a response message
// out. Served over gRPC by api/taskhub.c, and called directly by programs that embed the engine.

#include "runtime/taskhub_call.h"

// Makes |call->new_id|, for a START_NEW, before the call begins. False when memory is out.
bool pawl__taskhub_draw(const struct pawl_node *node, struct pawl_taskhub_call *call);

void pawl__taskhub_call(struct pawl_node *node, struct pawl_taskhub_call *call);
void pawl__taskhub_cancel(struct pawl_taskhub_call *call);

#endif
