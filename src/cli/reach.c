#include "cli/reach.h"

#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    REACH_TIMEOUT = 500, // milliseconds, for the connection and for the answer
};

static bool reach_wait(int fd, short events) {
    struct pollfd one = {.fd = fd, .events = events};
    int ready;
    do ready = poll(&one, 1, REACH_TIMEOUT);
    while (ready < 0 && errno == EINTR);
    return ready > 0;
}

static size_t reach_one(const struct addrinfo *to, struct pawl_str request, char *out,
                        size_t size) {
    ssize_t len = 0;
    int fd = socket(to->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) return 0;
    bool connected = connect(fd, to->ai_addr, to->ai_addrlen) == 0 || errno == EINPROGRESS;
    if (connected && reach_wait(fd, POLLOUT) &&
        send(fd, request.data, request.len, MSG_NOSIGNAL) == (ssize_t)request.len &&
        reach_wait(fd, POLLIN))
        len = recv(fd, out, size - 1, 0);
    close(fd);
    return len > 0 ? (size_t)len : 0;
}

size_t pawl__reach(const char *address, struct pawl_str request, char *out, size_t size) {
    char host[256];
    size_t len = 0;
    const char *colon = strrchr(address, ':');
    const struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    struct addrinfo *found = NULL;
    if (colon && (size_t)(colon - address) < sizeof host) {
        snprintf(host, sizeof host, "%.*s", (int)(colon - address), address);
        if (getaddrinfo(host, colon + 1, &hints, &found)) found = NULL;
    }
    for (const struct addrinfo *one = found; one && !len; one = one->ai_next)
        len = reach_one(one, request, out, size);
    if (found) freeaddrinfo(found);
    out[len] = 0;
    return len;
}
