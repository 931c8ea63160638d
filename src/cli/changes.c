#include "cli/changes.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "cli/token.h"
#include "net/http_fetch.h"

#define CHANGES_PATIENCE PAWL_SECOND              // with the beginning
#define CHANGES_PAUSE    (100 * PAWL_MILLISECOND) // so that a busy app is not asked all the time

static void changes_path(struct pawl_buf *out, const char *id) {
    pawl__buf_format(out, "/pawl/v1/changes?most=8");
    if (id) pawl__buf_format(out, "&id=");
    for (; id && *id; id++) pawl__buf_format(out, "%%%02X", (unsigned char)*id);
    pawl__buf_append(out, "", 1);
}

void pawl__changes_close(struct pawl_changes *changes) {
    if (changes->fd >= 0) close(changes->fd);
    changes->fd = -1;
}

static bool changes_say(struct pawl_str text, struct pawl_str what) {
    return memmem(text.data, text.len, what.data, what.len) != NULL;
}

// Reads what is there; whether it tells that something has happened, or, with |hello|, that it
// begins.
static bool changes_read(struct pawl_changes *changes, bool hello) {
    char room[4096 + sizeof changes->tail];
    memcpy(room, changes->tail, changes->tail_len);
    ssize_t len = recv(changes->fd, room + changes->tail_len, 4096, MSG_DONTWAIT);
    if (len < 0 && (errno == EAGAIN || errno == EINTR)) return false;
    if (len <= 0) {
        pawl__changes_close(changes);
        return false;
    }
    struct pawl_str text = {room, changes->tail_len + (size_t)len};
    bool says = changes_say(text, PAWL_STR("event: change")) ||
                changes_say(text, PAWL_STR("event: reset")) ||
                (hello && changes_say(text, PAWL_STR("event: hello")));
    changes->tail_len = text.len < sizeof changes->tail - 4 ? text.len : sizeof changes->tail - 4;
    if (says) changes->tail_len = 0;
    memcpy(changes->tail, text.data + text.len - changes->tail_len, changes->tail_len);
    return says;
}

// Whether it told something before |end|, of the steady clock.
static bool changes_until(struct pawl_changes *changes, int64_t end) {
    bool says = false;
    for (int64_t left; !says && (left = end - pawl__clock_steady()) > 0;) {
        struct pollfd poll_fd = {.fd = changes->fd, .events = POLLIN}; // none: it waits for time
        left = left / PAWL_MILLISECOND + 1;
        if (poll(&poll_fd, 1, left > 60000 ? 60000 : (int)left) > 0)
            says = changes_read(changes, false);
    }
    return says;
}

void pawl__changes_open(struct pawl_changes *changes, const struct pawl_found *found,
                        const char *id) {
    struct pawl_header tokens[PAWL_TOKENS];
    struct pawl_buf path = {0};
    *changes = (struct pawl_changes){.fd = -1};
    if (!found || (!found->http_port && *found->host != '/')) return;
    changes_path(&path, id);
    const struct pawl_http_ask ask = {.host = found->host,
                                      .port = found->http_port,
                                      .path = (const char *)path.data,
                                      .headers = tokens,
                                      .header_count = pawl__token_headers(tokens),
                                      .timeout = CHANGES_PATIENCE};
    if (!path.failed) pawl__http_send(&ask, &changes->fd, NULL);
    pawl__buf_finish(&path);
    int64_t end = pawl__clock_steady() + CHANGES_PATIENCE;
    while (changes->fd >= 0 && pawl__clock_steady() < end) {
        struct pollfd poll_fd = {.fd = changes->fd, .events = POLLIN};
        if (poll(&poll_fd, 1, 50) > 0 && changes_read(changes, true)) return;
    }
    pawl__changes_close(changes);
}

void pawl__changes_wait(struct pawl_changes *changes, int64_t timeout) {
    int64_t now = pawl__clock_steady(), end = pawl__clock_add(now, timeout);
    if (!changes_until(changes, end)) return;
    int64_t early =
        now + (timeout < CHANGES_PAUSE ? timeout : CHANGES_PAUSE) - pawl__clock_steady();
    if (early > 0) usleep((useconds_t)(early / 1000));
    while (changes->fd >= 0 && changes_read(changes, false)) {
    } // that one picture tells
}
