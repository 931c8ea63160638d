#ifndef PAWL_CLI_NOTIFY_H
#define PAWL_CLI_NOTIFY_H

// Tells the service manager that started this process how it goes, as sd_notify(3) describes: a
// datagram to the socket that NOTIFY_SOCKET names. Where nobody asks for it, nothing happens.

#include <uv.h>

struct pawl_notify {
    const char *path; // of the socket; NULL: nobody listens
    uv_timer_t watchdog;
};

// Reads the environment. When the manager wants to know that |loop| still runs (WATCHDOG_USEC), it
// is told so from now on, twice as often as it asks for.
void pawl__notify_init(struct pawl_notify *notify, uv_loop_t *loop);

// Says |state|, such as "READY=1".
void pawl__notify(const struct pawl_notify *notify, const char *state);

void pawl__notify_close(struct pawl_notify *notify);

#endif
