#ifndef PAWL_CLI_HUB_STREAM_H
#define PAWL_CLI_HUB_STREAM_H

// An answer of a daemon that has no end, handed on to a browser piece by piece.
//
//   browser <── pawl_request ── hub <── connection of its own ── daemon
//
// A browser that reads slowly has the daemon wait, which then tells it that it missed something.

#include <uv.h>

#include "base/buf.h"
#include "net/request.h"

// Sends |ask|, a whole HTTP request, to |host| (an address, or the path of a socket) at |port|, and
// answers |request| with what comes of it. A daemon that does not answer with 200 makes the answer
// a 503. Takes the bytes of |ask|.
void pawl__hub_stream(uv_loop_t *loop, struct pawl_request *request, const char *host, int port,
                      struct pawl_buf *ask);

#endif
