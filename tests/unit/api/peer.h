#ifndef PAWL_TESTS_UNIT_API_PEER_H
#define PAWL_TESTS_UNIT_API_PEER_H

// The client's and the worker's side of a conversation. Each is used by one thread, which waits.

#include <stdatomic.h>

#include "base/buf.h"
#include "net/grpc_client.h"

struct peer {
    uv_loop_t loop;
    uv_timer_t tick; // so that no wait is for ever
    struct pawl_grpc_client *client;
    int port;
};

void peer_init(struct peer *peer, int port);
void peer_finish(struct peer *peer);

// Lets the loop do something, and connects when there is no connection.
void peer_spin(struct peer *peer);

struct peer_answer {
    int status; // of HTTP, or gRPC's number; -1: the connection was lost
    struct pawl_buf text;
};

// Calls the gRPC method |name| with |json|; the answer's text is JSON, or the error's.
void peer_call(struct peer *peer, const char *name, const char *json, struct peer_answer *out);

// "METHOD TARGET" and lines of headers.
void peer_fetch(const struct peer *peer, const char *call, const char *body,
                struct peer_answer *out);

// Serves workflows and activities until |*stop| is set. What a workflow does depends on its name:
// "done" ends with its input, "fail" fails, "pay" ends with what the activity "pay" gives, the
// others wait.
void peer_work(struct peer *peer, const char *serves, const atomic_bool *stop,
               atomic_bool *connected);

#endif
