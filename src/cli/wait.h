#ifndef PAWL_CLI_WAIT_H
#define PAWL_CLI_WAIT_H

#include <stdbool.h>

// Waits until the daemon at |http_port| of this machine can serve its app, for up to a minute. Says
// on stderr what came of it.
bool pawl__wait_until_ready(int http_port);

#endif
