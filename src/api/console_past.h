#ifndef PAWL_API_CONSOLE_PAST_H
#define PAWL_API_CONSOLE_PAST_H

// GET /pawl/v1/past: what happened within the last hour, in steps of ten seconds. Each step reads
// the meters, which costs microseconds. It counts instances by status while somebody asks for the
// past; otherwise only where counting is quick.

#include "api/internal.h"

struct pawl_keeper;

// NULL when memory is out.
struct pawl_keeper *pawl__keeper_create(struct pawl_api *api);

// No request is open any more. NULL is fine.
void pawl__keeper_destroy(struct pawl_keeper *keeper);

#endif
