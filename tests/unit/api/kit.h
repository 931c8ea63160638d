#ifndef PAWL_TESTS_UNIT_API_KIT_H
#define PAWL_TESTS_UNIT_API_KIT_H

// A sidecar without its process: api, runtime and a memory store behind the real server, on this
// thread's loop. A client and a worker on threads of their own talk to it through sockets, with the
// gRPC client of src/net and its HTTP client.

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>
#include <jansson.h>

#include "api/api.h"
#include "net/grpc_client.h"

// One thing that the client says, and what it hears.
struct step {
    // "METHOD TARGET" for HTTP; header lines may follow. A gRPC method's name: "GetInstance".
    // "worker ARGUMENT": a worker connects that says it serves that workflow ("*": does not say).
    const char *call;
    const char *body; // HTTP: the body; gRPC: the message as JSON. NULL: empty
    // The status (HTTP's, gRPC's number), and then, after a blank, what stands in the answer. After
    // each '|': what may be heard when it was said before, and the answer was lost.
    const char *want;
};

enum {
    KIT_FAULT = 2048
};

struct kit {
    struct pawl_api_options options; // may be changed between kit_init and kit_open
    struct pawl_api_store stores[2], *store_list[2];
    struct pawl_api_stores set;
    bool without_runtime;
    uv_loop_t loop;
    struct pawl_storage storage;
    struct pawl_node *node;
    struct pawl_api *api;
    struct pawl_server *server;
    int port;
    bool closed, ready;
    char fault[KIT_FAULT]; // the first thing that was not as it should be
    int shutdowns;         // asked for; forced ones count ten
};

void kit_init(struct kit *kit);
void kit_open(struct kit *kit);
void kit_close(struct kit *kit);

// Says |steps|, the last of which has no |call|, and notes in |fault| what was not heard.
// |lenient|: what is answered by a want of memory, or of an engine that begins anew, is said again.
void kit_talk(struct kit *kit, const struct step *steps, bool lenient);

// Set while the loop runs, for tests that make allocations fail.
extern bool kit_in_loop;

#endif
