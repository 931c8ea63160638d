#ifndef PAWL_RUNTIME_INVITE_H
#define PAWL_RUNTIME_INVITE_H

#include "runtime/calls.h"

// Asks a daemon of the app |call->app| to open a stream for activities of |from| at |address|; see
// abroad.h.
struct pawl_invite {
    struct pawl_call call;
    const char *from, *address;
};
void pawl__invite_init(struct pawl_invite *verb, const char *from, const char *address);

#endif
