#ifndef PAWL_TESTS_FUZZ_NET_KIT_H
#define PAWL_TESTS_FUZZ_NET_KIT_H

// The real server on a loop of its own, and one client that sends it bytes through a socket. All is
// new for each input, so that what is left over at the end is a leak.

#include <uv.h>

#include "base/buf.h"
#include "fuzz.h"
#include "net/answer.h"
#include "net/server.h"

enum {
    NET_LATER = 16
};

struct net_kit {
    uv_loop_t loop;
    struct pawl_server *server;
    struct pawl_request *later[NET_LATER]; // that are answered in a later turn of the loop
    int fd;
    size_t received;
    bool closed;
};

void net_kit_init(struct net_kit *kit);

// Ends the client's side, and checks that the server frees all.
void net_kit_finish(struct net_kit *kit);

// Sends |bytes|, lets the server work, and reads what it says. The server may have closed.
void net_kit_send(struct net_kit *kit, struct pawl_str bytes);

// Makes the path of a unix socket of this process.
const char *net_kit_path(void);

#endif
