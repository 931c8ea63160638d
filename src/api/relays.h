#ifndef PAWL_API_RELAYS_H
#define PAWL_API_RELAYS_H

// Streams of work items from daemons of other apps, which this daemon opens when they ask for it
// and passes on to its own workers (runtime/guests.h). To such a daemon it is a worker:
//
//   their dispatch ──► GetWorkItems, with PAWL_RELAY_HEADER ──► guests ──► a worker here
//                      CompleteActivityTask, the same       ◄──────────── its answer
//
// The worker's answer is acknowledged when theirs is. A stream that nobody needs, or that no worker
// is here for, is closed after a while.

#include <uv.h>

#include "api/internal.h"
#include "runtime/guests.h"

// Says that a stream, or a result, is of workers of this app.
#define PAWL_RELAY_HEADER "pawl-relay-app"

enum {
    PAWL_RELAY_LIMIT = 256 // activities that such a stream has in hand
};

struct pawl_relays;

// NULL when memory is out.
struct pawl_relays *pawl__relays_create(struct pawl_api *api, uv_loop_t *loop);

// Opens a stream to |address|, unless there is one. False: memory is out, or the address is none.
bool pawl__relays_open(struct pawl_relays *relays, const char *address);

// Brings the answer of a worker, the message of |request|, to where |guest| is from, and answers
// |request| as that does.
void pawl__relays_complete(struct pawl_relays *relays, struct pawl_request *request,
                           struct pawl_guest *guest);

// Ends all streams. Answers that are on their way are lost; their activities are run again.
void pawl__relays_close(struct pawl_relays *relays);

// Accepts NULL. The node is gone already.
void pawl__relays_destroy(struct pawl_relays *relays);

#endif
