#include "net/h2.h"

#include "base/clock.h"
#include "net/h2_watch.h"

enum {
    // Streams that a peer may open and reset, at once and per second (CVE-2023-44487). Clients
    // cancel calls in earnest, so this is far above what they do and far below what hurts.
    H2_RESETS = 10000,
    H2_RESETS_PER_SECOND = 1000
};

enum pawl_err pawl__h2_init(struct pawl_h2 *h2, struct pawl_conn *conn, bool is_server,
                            const nghttp2_session_callbacks *callbacks, void *data,
                            const nghttp2_settings_entry *settings, size_t settings_count) {
    *h2 = (struct pawl_h2){.conn = conn};
    nghttp2_option *option;
    if (nghttp2_option_new(&option)) return PAWL_E_NOMEM;
    nghttp2_option_set_no_auto_window_update(option, 1);
    nghttp2_option_set_no_closed_streams(option, 1);
    nghttp2_option_set_no_auto_ping_ack(option, is_server); // which answers by itself, see http2.c
    // One read may hold this many PINGs; their answers leave before the next read.
    nghttp2_option_set_max_outbound_ack(option, 65536 / 17 + 1);
    nghttp2_option_set_stream_reset_rate_limit(option, H2_RESETS, H2_RESETS_PER_SECOND);
    nghttp2_mem mem = {&conn->conns->pool, pawl__pool_malloc, pawl__pool_free, pawl__pool_calloc,
                       pawl__pool_realloc};
    int rv = is_server ? nghttp2_session_server_new3(&h2->session, callbacks, data, option, &mem)
                       : nghttp2_session_client_new3(&h2->session, callbacks, data, option, &mem);
    nghttp2_option_del(option);
    if (rv) {
        h2->session = NULL;
        return PAWL_E_NOMEM;
    }
    if (nghttp2_submit_settings(h2->session, NGHTTP2_FLAG_NONE, settings, settings_count) ||
        nghttp2_session_set_local_window_size(h2->session, NGHTTP2_FLAG_NONE, 0,
                                              PAWL_H2_CONN_WINDOW)) {
        pawl__h2_finish(h2);
        return PAWL_E_NOMEM;
    }
    return PAWL_OK;
}

void pawl__h2_finish(struct pawl_h2 *h2) {
    nghttp2_session_del(h2->session);
    h2->session = NULL;
}

void pawl__h2_receive(struct pawl_h2 *h2, const uint8_t *data, size_t len) {
    ssize_t rv = nghttp2_session_mem_recv(h2->session, data, len);
    // Breaches of the protocol are answered by GOAWAY and give no error here; what remains is a
    // peer that never spoke HTTP/2, one that floods, and memory.
    if (rv < 0) pawl__conn_fail(h2->conn, rv == NGHTTP2_ERR_NOMEM ? PAWL_E_NOMEM : PAWL_E_CANCELED);
    pawl__conn_flush(h2->conn);
}

void pawl__h2_produce(struct pawl_h2 *h2) {
    struct pawl_conn *conn = h2->conn;
    while (conn->out.len < PAWL_CONN_OUT) {
        const uint8_t *data;
        ssize_t len = nghttp2_session_mem_send(h2->session, &data);
        if (len < 0) pawl__conn_fail(conn, PAWL_E_NOMEM);
        if (len <= 0) break;
        pawl__buf_append(&conn->out, data, (size_t)len);
        if (conn->out.failed) return;
    }
}

void pawl__h2_keepalive(struct pawl_h2 *h2, uint64_t now, uint64_t time, uint64_t timeout) {
    uint64_t last = h2->conn->last_read;
    if (h2->pinged) {
        // Any byte shows that the peer lives, also if it is slow to answer.
        if (last >= h2->pinged + 1)
            h2->pinged = 0;
        else if (now - h2->pinged >= timeout)
            pawl__conn_fail(h2->conn, PAWL_E_UNAVAILABLE);
        return;
    }
    if (now - last < time) return;
    uint8_t opaque[8];
    h2->ping_id++;
    memcpy(opaque, &h2->ping_id, sizeof opaque);
    if (nghttp2_submit_ping(h2->session, NGHTTP2_FLAG_NONE, opaque)) {
        pawl__conn_fail(h2->conn, PAWL_E_NOMEM);
        return;
    }
    h2->pinged = now;
    pawl__conn_flush(h2->conn);
}

void pawl__h2_on_ping_ack(struct pawl_h2 *h2, const nghttp2_ping *ping) {
    if (memcmp(ping->opaque_data, &h2->ping_id, sizeof h2->ping_id) == 0) h2->pinged = 0;
}

int pawl__h2_send_data(struct pawl_h2 *h2, const uint8_t *head, const uint8_t *data, size_t len) {
    struct pawl_buf *out = &h2->conn->out;
    if (out->len >= PAWL_CONN_OUT) return NGHTTP2_ERR_WOULDBLOCK;
    if (!pawl__buf_reserve(out, PAWL_H2_FRAME_HEAD + len)) return NGHTTP2_ERR_CALLBACK_FAILURE;
    pawl__buf_append(out, head, PAWL_H2_FRAME_HEAD);
    pawl__buf_append(out, data, len);
    return 0;
}
