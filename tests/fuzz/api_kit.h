#ifndef PAWL_TESTS_FUZZ_API_KIT_H
#define PAWL_TESTS_FUZZ_API_KIT_H

// The api as a sidecar has it, over a node and a memory store that are new for each input, with
// requests that come from no socket. A request is freed the moment it is answered, so that a
// sanitizer sees who still looks at it.

#include "api/internal.h"
#include "fuzz.h"
#include "net/exchange.h"

enum {
    API_REQUESTS = 64
};

struct api_kit {
    uv_loop_t loop;
    struct pawl_storage storage;
    struct pawl_api_store store, *store_list[1];
    struct pawl_api_stores stores;
    struct pawl_node *node;
    struct pawl_api *api;
    struct pawl_extended *extended;
    struct pawl_service service;
    struct pawl_exchange *open[API_REQUESTS];
    unsigned asked, answered, given_up;
    unsigned items; // work items that were given to streams
    bool ready, closed;
};

void api_kit_init(struct api_kit *kit);
void api_kit_finish(struct api_kit *kit);

// Hands a request to the api. |headers| are lines "name: value". Does nothing when too many are
// open.
void api_kit_ask(struct api_kit *kit, bool is_grpc, struct pawl_str method, struct pawl_str target,
                 struct pawl_str headers, struct pawl_str body);

// Lets the loop do what it can without waiting for long.
void api_kit_spin(struct api_kit *kit);

// The client of the |index|th open request goes away; or it has taken what it was sent.
void api_kit_drop(struct api_kit *kit, unsigned index);
void api_kit_drain(struct api_kit *kit, unsigned index);

#endif
