#ifndef PAWL_NET_SERVER_H
#define PAWL_NET_SERVER_H

// Bytes in, requests out: one server for HTTP/1.1, HTTP/2 without TLS (prior knowledge) and gRPC.
//
// A listener takes every protocol on its port and tells them apart by the first bytes. A request is
// handed to the handler when it is complete; the handler answers at once or later, on the loop's
// thread. Everything here runs on the loop's thread. Servers on several loops may share what one of
// them listens on (pawl__server_spread).

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

// Takes over the listeners of |from|, which keeps the connections that it has. Those who connect
// from now on wait until pawl__server_admit is called.
void pawl__server_take(struct pawl_server *server, struct pawl_server *from);

void pawl__server_admit(struct pawl_server *server);

// Those who connect to |server| are served by it and by |others|, each on a loop of its own: by
// whoever has the fewest connections, where one with a stream that is much work counts as several
// (pawl__stream_weigh). To be called before their loops run. The others may not begin to close
// before |server| does. PAWL_E_NOMEM.
enum pawl_err pawl__server_spread(struct pawl_server *server, struct pawl_server *const *others,
                                  size_t count);

// Stops listening, closes idle connections, sends GOAWAY, lets open requests end, ends those that
// have not (on_close with PAWL_E_UNAVAILABLE) soon enough for their answers to be written, closes
// all |grace| nanoseconds from now at the latest, or a tenth of a second when that is less, frees
// the server and calls |done|.
void pawl__server_close(struct pawl_server *server, int64_t grace, void (*done)(void *arg),
                        void *arg);

#endif
