#ifndef PAWL_API_CONSOLE_CHANGES_H
#define PAWL_API_CONSOLE_CHANGES_H

// GET /pawl/v1/changes: what happens to instances, as it happens, as a stream of events (the
// text/event-stream of the HTML standard).
//
// A watcher costs its place in the feed and at most CHANGES_PART bytes that its peer has not taken,
// beside its connection; one that is too slow is told to read again what it shows. Many changes at
// once go out together, ten times a second at most.

#include "api/internal.h"

struct pawl_watchers;

// NULL when memory is out.
struct pawl_watchers *pawl__watchers_create(struct pawl_api *api);

// No request is open any more. NULL is fine.
void pawl__watchers_destroy(struct pawl_watchers *watchers);

#endif
