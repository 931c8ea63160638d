#ifndef PAWL_CLI_REACH_H
#define PAWL_CLI_REACH_H

#include <stddef.h>

#include "base/str.h"

// Asks a server something, to know whether it is there: connects to |address|, "host:port", sends
// |request|, and puts the first bytes of the answer into |out|, with a NUL behind them. Takes a
// second at most for each address of the host. Returns their number; 0: nobody answers.
size_t pawl__reach(const char *address, struct pawl_str request, char *out, size_t size);

#endif
