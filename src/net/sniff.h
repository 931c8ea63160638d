#ifndef PAWL_NET_SNIFF_H
#define PAWL_NET_SNIFF_H

// Which protocol does a new connection speak? Its first bytes tell.

#include "net/conn.h"
#include "net/exchange.h"

struct pawl_sniff;

// The state of a connection with |pawl__sniff_protocol|, on the heap; the protocol that it turns
// out to be takes its place. NULL: memory is out.
struct pawl_sniff *pawl__sniff_create(struct pawl_service *service);

extern const struct pawl_protocol pawl__sniff_protocol;

#endif
