#ifndef PAWL_CLI_LISTEN_H
#define PAWL_CLI_LISTEN_H

#include "cli/address.h"
#include "net/server.h"

// Listens on |port| of all of |addresses|, but for those that another covers, and says so in the
// log as "|what| server". |*port| 0: any free one, the same on all. Addresses that this machine
// does not have are told, and passed over if there are others. Errors as of pawl__server_listen.
enum pawl_err pawl__listen_all(struct pawl_server *server, const struct pawl_addresses *addresses,
                               int *port, const char *what, const struct pawl_log *log,
                               struct pawl_error *error);

#endif
