#ifndef PAWL_NET_SERVER_H
#define PAWL_NET_SERVER_H

// Bytes in, requests out: one server for HTTP/1.1, HTTP/2 without TLS (prior knowledge) and gRPC.
//
// A listener takes every protocol on its port and tells them apart by the first bytes. A complete
// request goes to the handler, which answers at once or later. Everything runs on the loop's
// thread. Servers on several loops may share the listeners of one of them (pawl__server_spread).

#include <uv.h>

#include "net/options.h"

struct pawl_server;

// |loop| runs the server, and the caller runs |loop|.
enum pawl_err pawl__server_create(uv_loop_t *loop, const struct pawl_server_options *options,
                                  struct pawl_server **out, struct pawl_error *error);

// Listens on |address| (IPv4, IPv6 or "localhost": both loopbacks) and |port| (0: a free one,
// stored in |*port|). PAWL_E_UNAVAILABLE with the address and the reason when the port is in use,
// PAWL_E_NOT_FOUND when this machine has no such address.
enum pawl_err pawl__server_listen(struct pawl_server *server, const char *address, int *port,
                                  struct pawl_error *error);

// Listens on a unix socket; a stale socket file is replaced, a living one is an error.
enum pawl_err pawl__server_listen_unix(struct pawl_server *server, const char *path,
                                       struct pawl_error *error);

// Takes over the listeners of |from|, which keeps its connections. New connections wait until
// pawl__server_admit is called.
void pawl__server_take(struct pawl_server *server, struct pawl_server *from);

void pawl__server_admit(struct pawl_server *server);

// Spreads new connections over |server| and |others|, each on its own loop: the server with the
// fewest gets the next. A connection with a stream that is much work counts as several
// (pawl__stream_weigh). Call it before the loops run. The others must not begin to close before
// |server| does. PAWL_E_NOMEM.
enum pawl_err pawl__server_spread(struct pawl_server *server, struct pawl_server *const *others,
                                  size_t count);

// Stops listening, closes idle connections, sends GOAWAY, and waits for open requests. Those that
// are still open shortly before the end of |grace| nanoseconds (a tenth of a second at least) are
// ended with on_close and PAWL_E_UNAVAILABLE. Then all connections are closed, the server is freed,
// and |done| is called.
void pawl__server_close(struct pawl_server *server, int64_t grace, void (*done)(void *arg),
                        void *arg);

#endif
