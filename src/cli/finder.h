#ifndef PAWL_CLI_FINDER_H
#define PAWL_CLI_FINDER_H

// How a daemon finds those of other apps: as its configuration says, else on this machine, as
// 'pawl list' does.

#include "config/names.h"
#include "runtime/apps.h"

struct pawl_daemon_finder {
    struct pawl_finder finder;
    const struct pawl_names *names; // NULL: none
};

void pawl__daemon_finder_init(struct pawl_daemon_finder *finder, const struct pawl_names *names);

#endif
