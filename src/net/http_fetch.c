#include "net/http_fetch.h"

#include <errno.h>
#include <llhttp.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"

enum {
    FETCH_BODY = 64 << 20
};

struct http_fetch {
    llhttp_t parser; // first: its callbacks get its address
    struct pawl_buf *out;
    int fd;
    int64_t deadline;
    bool is_head, is_complete, is_too_large;
};

// Waits until |fd| is ready for |events|. False with errno when it is not in time.
static bool fetch_wait(const struct http_fetch *fetch, short events) {
    for (;;) {
        int64_t left = fetch->deadline - pawl__clock_steady();
        if (left <= 0) {
            errno = ETIMEDOUT;
            return false;
        }
        int64_t wait = left / PAWL_MILLISECOND + 1;
        struct pollfd poll_fd = {.fd = fetch->fd, .events = events};
        int rv = poll(&poll_fd, 1, wait > 60000 ? 60000 : (int)wait);
        if (rv > 0) return true;
        if (rv < 0 && errno != EINTR) return false;
    }
}

static bool fetch_connect_to(struct http_fetch *fetch, const struct addrinfo *address) {
    fetch->fd = socket(address->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fetch->fd < 0) return false;
    int failure = 0;
    socklen_t len = sizeof failure;
    if (connect(fetch->fd, address->ai_addr, address->ai_addrlen) == 0) return true;
    if (errno == EINPROGRESS && fetch_wait(fetch, POLLOUT) &&
        getsockopt(fetch->fd, SOL_SOCKET, SO_ERROR, &failure, &len) == 0) {
        if (failure == 0) return true;
        errno = failure;
    }
    failure = errno;
    close(fetch->fd);
    fetch->fd = -1;
    errno = failure;
    return false;
}

static bool fetch_connect_unix(struct http_fetch *fetch, const char *path) {
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    size_t len = strlen(path);
    if (len >= sizeof name.sun_path) {
        errno = ENAMETOOLONG;
        return false;
    }
    memcpy(name.sun_path, path, len);
    const struct addrinfo address = {
        .ai_family = AF_UNIX, .ai_addr = (struct sockaddr *)&name, .ai_addrlen = sizeof name};
    return fetch_connect_to(fetch, &address);
}

static enum pawl_err fetch_connect(struct http_fetch *fetch, const char *host, int port,
                                   struct pawl_error *error) {
    char service[16];
    struct addrinfo *addresses;
    const struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    if (*host == '/') {
        if (fetch_connect_unix(fetch, host)) return PAWL_OK;
        return pawl__fail(error, errno == ETIMEDOUT ? PAWL_E_DEADLINE : PAWL_E_UNAVAILABLE,
                          "cannot connect to %s: %s", host, strerror(errno));
    }
    snprintf(service, sizeof service, "%d", port);
    int rv = getaddrinfo(host, service, &hints, &addresses);
    if (rv) return pawl__fail(error, PAWL_E_UNAVAILABLE, "%s: %s", host, gai_strerror(rv));
    bool connected = false;
    for (struct addrinfo *at = addresses; at && !connected; at = at->ai_next)
        connected = fetch_connect_to(fetch, at);
    freeaddrinfo(addresses);
    if (connected) return PAWL_OK;
    return pawl__fail(error, errno == ETIMEDOUT ? PAWL_E_DEADLINE : PAWL_E_UNAVAILABLE,
                      "cannot connect to %s:%d: %s", host, port, strerror(errno));
}

static enum pawl_err fetch_broken(struct pawl_error *error, const char *what) {
    return pawl__fail(error, errno == ETIMEDOUT ? PAWL_E_DEADLINE : PAWL_E_UNAVAILABLE, "%s: %s",
                      what, strerror(errno));
}

static enum pawl_err fetch_send(struct http_fetch *fetch, struct pawl_str data,
                                struct pawl_error *error) {
    while (data.len) {
        ssize_t sent = send(fetch->fd, data.data, data.len, MSG_NOSIGNAL);
        if (sent >= 0) {
            data.data += sent;
            data.len -= (size_t)sent;
        } else if (errno == EPIPE || errno == ECONNRESET) {
            return PAWL_OK; // perhaps it has answered before it read all
        } else if (errno != EINTR && (errno != EAGAIN || !fetch_wait(fetch, POLLOUT))) {
            return fetch_broken(error, "cannot send the request");
        }
    }
    return PAWL_OK;
}

static int fetch_on_headers(llhttp_t *parser) {
    if (parser->status_code < 100) {
        llhttp_set_error_reason(parser, "its status is none");
        return -1;
    }
    return ((struct http_fetch *)parser)->is_head ? 1 : 0;
}

static int fetch_on_body(llhttp_t *parser, const char *at, size_t len) {
    struct http_fetch *fetch = (struct http_fetch *)parser;
    if (fetch->out->len + len > FETCH_BODY) {
        fetch->is_too_large = true;
        return -1;
    }
    return pawl__buf_append(fetch->out, at, len) ? 0 : -1;
}

static int fetch_on_complete(llhttp_t *parser) {
    if (parser->status_code / 100 == 1)
        return 0; // 100 Continue and its like come before the answer
    ((struct http_fetch *)parser)->is_complete = true;
    return HPE_PAUSED;
}

static const llhttp_settings_t fetch_settings = {
    .on_headers_complete = fetch_on_headers,
    .on_body = fetch_on_body,
    .on_message_complete = fetch_on_complete,
};

static enum pawl_err fetch_receive(struct http_fetch *fetch, struct pawl_error *error) {
    char buf[16384];
    while (!fetch->is_complete) {
        ssize_t len = recv(fetch->fd, buf, sizeof buf, 0);
        if (len < 0 && errno == EINTR) continue;
        if (len < 0 && errno == EAGAIN && fetch_wait(fetch, POLLIN)) continue;
        if (len < 0) return fetch_broken(error, "no answer");
        // The end of the connection ends a body that has no length.
        llhttp_errno_t rv =
            len ? llhttp_execute(&fetch->parser, buf, (size_t)len) : llhttp_finish(&fetch->parser);
        if (fetch->is_complete) break;
        if (fetch->out->failed) return pawl__fail_plain(error, PAWL_E_NOMEM);
        if (fetch->is_too_large)
            return pawl__fail(error, PAWL_E_TOO_LARGE, "the answer has more than %d bytes",
                              FETCH_BODY);
        if (len == 0)
            return pawl__fail(error, PAWL_E_UNAVAILABLE,
                              "the connection was closed before the answer was complete");
        if (rv != HPE_OK)
            return pawl__fail(error, PAWL_E_INTERNAL, "the answer is not HTTP: %s",
                              llhttp_get_error_reason(&fetch->parser));
    }
    return PAWL_OK;
}

static const char *fetch_method(const struct pawl_http_ask *ask) {
    return ask->method ? ask->method : "GET";
}

void pawl__http_request_text(struct pawl_buf *out, const struct pawl_http_ask *ask) {
    bool is_v6 = strchr(ask->host, ':') != NULL;
    pawl__buf_format(out, "%s %s HTTP/1.1\r\nconnection: close\r\n", fetch_method(ask), ask->path);
    if (*ask->host == '/')
        pawl__buf_format(out, "host: localhost\r\n");
    else
        pawl__buf_format(out, "host: %s%s%s:%d\r\n", is_v6 ? "[" : "", ask->host, is_v6 ? "]" : "",
                         ask->port);
    pawl__buf_format(out, "content-length: %zu\r\n", ask->body.len);
    for (size_t i = 0; i < ask->header_count; i++)
        pawl__buf_format(out, "%.*s: %.*s\r\n", PAWL_FMT(ask->headers[i].name),
                         PAWL_FMT(ask->headers[i].value));
    pawl__buf_append_str(out, PAWL_STR("\r\n"));
    pawl__buf_append_str(out, ask->body);
}

// Connects and sends.
static enum pawl_err fetch_ask(struct http_fetch *fetch, const struct pawl_http_ask *ask,
                               struct pawl_error *error) {
    struct pawl_buf request = {0};
    fetch->fd = -1;
    fetch->deadline = pawl__clock_add(pawl__clock_steady(), ask->timeout);
    pawl__http_request_text(&request, ask);
    enum pawl_err err = request.failed ? pawl__fail_plain(error, PAWL_E_NOMEM)
                                       : fetch_connect(fetch, ask->host, ask->port, error);
    if (!err) err = fetch_send(fetch, pawl__buf_str(&request), error);
    pawl__buf_finish(&request);
    return err;
}

enum pawl_err pawl__http_send(const struct pawl_http_ask *ask, int *fd, struct pawl_error *error) {
    struct http_fetch fetch = {0};
    enum pawl_err err = fetch_ask(&fetch, ask, error);
    if (err && fetch.fd >= 0) close(fetch.fd);
    *fd = err ? -1 : fetch.fd;
    return err;
}

enum pawl_err pawl__http_fetch(const struct pawl_http_ask *ask, int *status, struct pawl_buf *out,
                               struct pawl_error *error) {
    struct http_fetch fetch = {.out = out, .is_head = strcmp(fetch_method(ask), "HEAD") == 0};
    llhttp_init(&fetch.parser, HTTP_RESPONSE, &fetch_settings);
    enum pawl_err err = fetch_ask(&fetch, ask, error);
    if (!err) err = fetch_receive(&fetch, error);
    if (!err) *status = fetch.parser.status_code;
    if (fetch.fd >= 0) close(fetch.fd);
    return err;
}
