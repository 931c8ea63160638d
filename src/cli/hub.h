#ifndef PAWL_CLI_HUB_H
#define PAWL_CLI_HUB_H

// The dashboard of all apps that run on this machine: serves the page, tells it which daemons there
// are, and hands its calls on to them.
//
//   browser ──► hub ──► /apps/orders/pawl/v1/... of the daemon of 'orders'
//
// Daemons are looked for by each call, so one that comes or goes is noticed at once. What blocks
// (looking, handing on) runs on libuv's threads.

#include <uv.h>

#include "base/err.h"
#include "net/server.h"

struct pawl_hub {
    uv_loop_t *loop;
    bool read_only; // calls that would change something are refused
};

// A server's handler; |arg| is the hub.
void pawl__hub_handle(void *arg, struct pawl_request *request);

#endif
