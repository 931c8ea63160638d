#ifndef PAWL_API_PEER_LINKS_H
#define PAWL_API_PEER_LINKS_H

// Calls to other daemons of the app, over gRPC, with a connection to each that stays. The other end
// is api/peers.c.

#include <uv.h>

#include "runtime/forward.h"

struct pawl_peer_links;
struct pawl_grpc_client;

// |token|: that every call carries; NULL: none. NULL when memory is out.
struct pawl_peer_links *pawl__peer_links_create(uv_loop_t *loop, const char *token);

// What a node needs of them. They have to outlive it.
struct pawl_peers *pawl__peer_links_peers(struct pawl_peer_links *links);

// The client of |address|, which connects if it is not. NULL when memory is out.
struct pawl_grpc_client *pawl__peer_links_client(struct pawl_peer_links *links,
                                                 struct pawl_str address);

// Closes the connections. No call may be under way. Accepts NULL.
void pawl__peer_links_close(struct pawl_peer_links *links);

#endif
