#ifndef PAWL_API_PEERS_H
#define PAWL_API_PEERS_H

// Calls to other daemons of the app, over gRPC, with a connection to each that stays. The other end
// is served by the api.

#include <uv.h>

#include "runtime/forward.h"

struct pawl_peer_links;

// |token|: that every call carries; NULL: none. NULL when memory is out.
struct pawl_peer_links *pawl__peer_links_create(uv_loop_t *loop, const char *token);

// What a node needs of them. They have to outlive it.
struct pawl_peers *pawl__peer_links_peers(struct pawl_peer_links *links);

// Closes the connections. No call may be under way. Accepts NULL.
void pawl__peer_links_close(struct pawl_peer_links *links);

struct pawl_api;

// Carries out a call of another daemon, or of another loop; the api has a node.
void pawl__peer_serve(struct pawl_api *api, struct pawl_forwarded *forwarded);

#endif
