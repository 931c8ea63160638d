#ifndef PAWL_NET_SNIFF_H
#define PAWL_NET_SNIFF_H

// Finds the protocol of a new connection by its first bytes.

#include "net/conn.h"
#include "net/exchange.h"

struct pawl_sniff;

// The state of a connection with |pawl__sniff_protocol|, until the protocol that it finds replaces
// it. NULL: memory is out.
struct pawl_sniff *pawl__sniff_create(struct pawl_service *service);

extern const struct pawl_protocol pawl__sniff_protocol;

#endif
