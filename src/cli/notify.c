#include "cli/notify.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/str.h"

void pawl__notify(const struct pawl_notify *notify, const char *state) {
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    size_t len = notify->path ? strlen(notify->path) : 0;
    if (!len || len >= sizeof to.sun_path) return;
    memcpy(to.sun_path, notify->path, len);
    if (to.sun_path[0] == '@') to.sun_path[0] = 0; // a name without a file
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) return;
    socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
    // The manager decides what it makes of a word that does not come.
    (void)!sendto(fd, state, strlen(state), MSG_NOSIGNAL, (const struct sockaddr *)&to, size);
    close(fd);
}

static void notify_on_watchdog(uv_timer_t *timer) {
    pawl__notify(timer->data, "WATCHDOG=1");
}

// A positive number of the environment; 0: there is none.
static uint64_t notify_number(const char *name) {
    const char *text = getenv(name);
    int64_t number;
    bool is_one = text && pawl__str_to_int(pawl__str(text), 1, INT64_MAX, &number);
    return is_one ? (uint64_t)number : 0;
}

void pawl__notify_init(struct pawl_notify *notify, uv_loop_t *loop) {
    uint64_t interval = notify_number("WATCHDOG_USEC") / 1000 / 2;
    uint64_t pid = notify_number("WATCHDOG_PID");
    notify->path = getenv("NOTIFY_SOCKET");
    uv_timer_init(loop, &notify->watchdog);
    notify->watchdog.data = notify;
    uv_unref((uv_handle_t *)&notify->watchdog);
    if (!notify->path || !interval || (pid && pid != (uint64_t)getpid())) return;
    uv_timer_start(&notify->watchdog, notify_on_watchdog, 0, interval);
}

void pawl__notify_close(struct pawl_notify *notify) {
    uv_close((uv_handle_t *)&notify->watchdog, NULL);
}
