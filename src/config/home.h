#ifndef PAWL_CONFIG_HOME_H
#define PAWL_CONFIG_HOME_H

#include "base/arena.h"

// The user's home folder: HOME, or, where that is not set, as under systemd and cron, what the
// system's list of users says. NULL: neither names an absolute path. Copied into |arena|.
const char *pawl__home(struct pawl_arena *arena);

#endif
