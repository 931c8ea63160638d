#ifndef PAWL_API_PEERS_H
#define PAWL_API_PEERS_H

// Calls of other daemons of the app, and of other apps, which come by api/peer_links.h.

#include "runtime/forward.h"

struct pawl_api;

// Carries out a call of another daemon, or of another loop; the api has a node.
void pawl__peer_serve(struct pawl_api *api, struct pawl_forwarded *forwarded);

#endif
