#ifndef PAWL_NET_H2_H
#define PAWL_NET_H2_H

// An nghttp2 session on a connection, for the HTTP/2 server and the gRPC client.

#include <nghttp2/nghttp2.h>

#include "net/conn.h"

enum {
    // Flow-control windows, in bytes: large enough for a connection across a continent, small
    // enough that a thousand streams fit into memory.
    PAWL_H2_STREAM_WINDOW = 1 << 20,
    PAWL_H2_CONN_WINDOW = 4 << 20
};

struct pawl_h2 {
    nghttp2_session *session;
    struct pawl_conn *conn;
    uint64_t pinged; // uv_now of the PING that has no answer yet; 0: none
    uint64_t ping_id;
};

// Makes the session, with receiving windows as above and no automatic WINDOW_UPDATE: each
// on_data_chunk_recv consumes what it was given. |settings| are the first to be sent.
enum pawl_err pawl__h2_init(struct pawl_h2 *h2, struct pawl_conn *conn, bool is_server,
                            const nghttp2_session_callbacks *callbacks, void *data,
                            const nghttp2_settings_entry *settings, size_t settings_count);
void pawl__h2_finish(struct pawl_h2 *h2);

void pawl__h2_receive(struct pawl_h2 *h2, const uint8_t *data, size_t len);

// Moves frames to conn->out.
void pawl__h2_produce(struct pawl_h2 *h2);

// True when the session has nothing more to say and to hear.
static inline bool pawl__h2_is_over(const struct pawl_h2 *h2) {
    return !nghttp2_session_want_read(h2->session) && !nghttp2_session_want_write(h2->session);
}

// Sends a PING after |time| milliseconds of silence, and fails the connection after |timeout| more:
// the only way to notice a peer that has vanished while nothing is sent to it.
void pawl__h2_keepalive(struct pawl_h2 *h2, uint64_t now, uint64_t time, uint64_t timeout);

// To be called for each PING with the ACK flag.
void pawl__h2_on_ping_ack(struct pawl_h2 *h2, const nghttp2_ping *ping);

// For a send_data callback: writes a DATA frame of the |len| bytes at the front of |queue| to
// conn->out. An nghttp2 error code.
int pawl__h2_send_data(struct pawl_h2 *h2, const uint8_t *head, const uint8_t *data, size_t len);

// A header field that nghttp2 copies, and one of static strings that it does not.
static inline nghttp2_nv pawl__h2_nv(struct pawl_str name, struct pawl_str value) {
    return (nghttp2_nv){(uint8_t *)(uintptr_t)name.data, (uint8_t *)(uintptr_t)value.data, name.len,
                        value.len, NGHTTP2_NV_FLAG_NONE};
}

#define PAWL_H2_NV(name, value)                                                                    \
    ((nghttp2_nv){(uint8_t *)(uintptr_t)("" name), (uint8_t *)(uintptr_t)("" value),               \
                  sizeof(name) - 1, sizeof(value) - 1,                                             \
                  NGHTTP2_NV_FLAG_NO_COPY_NAME | NGHTTP2_NV_FLAG_NO_COPY_VALUE})

#endif
