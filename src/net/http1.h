#ifndef PAWL_NET_HTTP1_H
#define PAWL_NET_HTTP1_H

#include "net/exchange.h"

// Makes |conn|, on which nothing was received yet, an HTTP/1.1 connection.
enum pawl_err pawl__http1_start(struct pawl_conn *conn, struct pawl_service *service);

#endif
