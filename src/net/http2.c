#include "net/http2.h"

#include <stdlib.h>

#include "base/clock.h"

enum {
    // Open at once in one connection; more are refused. No limit is announced, as with grpc-go:
    // calls that wait for a workflow hold their streams, and a client that waited for one to end
    // would keep back the worker's answers that end them.
    HTTP2_STREAMS = 100000,
    HTTP2_UNREAD = 64 << 20,    // bytes of answers that a peer may leave unread
    HTTP2_IDLE = 3 * 60 * 1000, // milliseconds without a request
    HTTP2_NOTICE = 200,         // milliseconds for a peer to have read the notice of the end
    HTTP2_PING = 4,             // milliseconds that the answer to a PING waits for others
    HTTP2_HEADER_OVERHEAD = 32  // RFC 9113 6.5.2: counted for each header field
};

// nghttp2 looks in a table, and is asked for each header: mostly of the same stream.
static struct pawl_exchange *http2_exchange(struct pawl_http2 *http2, int32_t stream) {
    if (!http2->recent || http2->recent->stream != stream)
        http2->recent = nghttp2_session_get_stream_user_data(http2->h2.session, stream);
    return http2->recent;
}

// --- request headers -------------------------------------------------------------------------

static int http2_on_begin_headers(nghttp2_session *session, const nghttp2_frame *frame,
                                  void *data) {
    struct pawl_http2 *http2 = data;
    if (frame->headers.cat != NGHTTP2_HCAT_REQUEST) return 0;
    struct pawl_exchange *exchange = NULL;
    if (http2->open < HTTP2_STREAMS)
        exchange = pawl__exchange_create(http2->service, http2->h2.conn, &pawl__http2_answers,
                                         &http2->exchanges);
    if (!exchange) // nothing was done: the client may try again
        return nghttp2_submit_rst_stream(session, NGHTTP2_FLAG_NONE, frame->hd.stream_id,
                                         NGHTTP2_REFUSED_STREAM);
    http2->open++;
    exchange->stream = frame->hd.stream_id;
    nghttp2_session_set_stream_user_data(session, frame->hd.stream_id, exchange);
    return 0;
}

static bool http2_copy(struct pawl_exchange *exchange, struct pawl_str text, struct pawl_str *out) {
    *out = (struct pawl_str){pawl__arena_dup(&exchange->request.arena, text), text.len};
    return out->data != NULL;
}

static bool http2_take_header(struct pawl_exchange *exchange, struct pawl_str name,
                              struct pawl_str value) {
    struct pawl_request *request = &exchange->request;
    struct pawl_str copy;
    if (name.data[0] == ':') {
        if (pawl__str_equal(name, PAWL_STR(":method")))
            return http2_copy(exchange, value, &request->method);
        if (pawl__str_equal(name, PAWL_STR(":authority")))
            return http2_copy(exchange, value, &request->authority);
        if (pawl__str_equal(name, PAWL_STR(":path"))) {
            if (!http2_copy(exchange, value, &copy)) return false;
            pawl__exchange_target(exchange, copy); // nghttp2 has checked its form
        }
        return true;
    }
    if (pawl__str_equal(name, PAWL_STR("content-type"))) {
        exchange->type = pawl__grpc_type(value);
    } else if (pawl__str_equal(name, PAWL_STR("grpc-timeout"))) {
        if (!pawl__grpc_timeout_parse(value, &exchange->timeout)) exchange->is_mistimed = true;
    }
    return pawl__exchange_header(exchange, name, value);
}

static int http2_on_header(nghttp2_session *session, const nghttp2_frame *frame,
                           const uint8_t *name, size_t name_len, const uint8_t *value,
                           size_t value_len, uint8_t flags, void *data) {
    struct pawl_http2 *http2 = data;
    if (frame->headers.cat != NGHTTP2_HCAT_REQUEST) return 0; // trailers say nothing to us
    struct pawl_exchange *exchange = http2_exchange(http2, frame->hd.stream_id);
    if (!exchange) return 0;
    struct pawl_str key = {(const char *)name, name_len}, text = {(const char *)value, value_len};
    exchange->header_bytes += name_len + value_len + HTTP2_HEADER_OVERHEAD;
    if (exchange->header_bytes > http2->service->options.max_header) exchange->is_oversized = true;
    if (!exchange->is_oversized && !exchange->is_starved)
        exchange->is_starved = !http2_take_header(exchange, key, text);
    else if (pawl__str_equal(key, PAWL_STR("content-type")))
        exchange->type = pawl__grpc_type(text); // only how to say so is of interest
    return 0;
}

static void http2_continue(struct pawl_http2 *http2, struct pawl_exchange *exchange) {
    nghttp2_nv status = PAWL_H2_NV(":status", "100");
    if (nghttp2_submit_headers(http2->h2.session, NGHTTP2_FLAG_NONE, exchange->stream, NULL,
                               &status, 1, NULL))
        pawl__conn_fail(http2->h2.conn, PAWL_E_NOMEM);
}

// Looks at a request of which the headers have come.
static void http2_on_request(struct pawl_http2 *http2, struct pawl_exchange *exchange) {
    struct pawl_request *request = &exchange->request;
    request->is_grpc = exchange->type == PAWL_GRPC_YES;
    if (!request->method.data) request->method = PAWL_STR("");
    if (!request->path.data) request->path = PAWL_STR("");
    exchange->is_head = pawl__str_equal(request->method, PAWL_STR("HEAD"));
    if (exchange->is_oversized) {
        pawl__http2_refuse(exchange, PAWL_E_TOO_LARGE, 431, "the request's headers are too large");
        return;
    }
    if (exchange->is_starved) {
        pawl__http2_refuse(exchange, PAWL_E_NOMEM, 503, "out of memory");
        return;
    }
    if (exchange->type == PAWL_GRPC_FOREIGN) {
        pawl__http2_refuse(exchange, PAWL_E_UNIMPLEMENTED, 415,
                           "of gRPC only application/grpc and application/grpc+proto are served");
        return;
    }
    if (!request->is_grpc) {
        struct pawl_str length = pawl__request_header(request, "content-length");
        int64_t max = (int64_t)http2->service->options.max_body, bytes;
        if (length.data && !pawl__str_to_int(length, 0, max, &bytes))
            pawl__http2_refuse(exchange, PAWL_E_TOO_LARGE, 413, "the request's body is too large");
        else if (pawl__str_equal_nocase(pawl__request_header(request, "expect"),
                                        PAWL_STR("100-continue")))
            http2_continue(http2, exchange);
        return;
    }
    const struct pawl_server_options *options = &http2->service->options;
    if (options->max_message) exchange->max_body = options->max_message(options->arg, request);
    if (!pawl__str_equal(request->method, PAWL_STR("POST"))) {
        request->is_grpc = false;
        pawl__http2_refuse(exchange, PAWL_E_INTERNAL, 405, "gRPC uses POST");
    } else if (exchange->is_mistimed) {
        pawl__http2_refuse(exchange, PAWL_E_INTERNAL, 400, "malformed grpc-timeout");
    } else if (exchange->timeout != INT64_MAX) {
        pawl__deadlines_add(&http2->service->deadlines, &exchange->deadline, exchange->timeout);
    }
}

// --- request bodies --------------------------------------------------------------------------

static void http2_refuse_message(struct pawl_exchange *exchange, enum pawl_err err) {
    switch (err) {
    case PAWL_E_TOO_LARGE: {
        const char *text = pawl__arena_format(&exchange->request.arena,
                                              "received message larger than max (%u vs. %zu)",
                                              exchange->decoder.left, exchange->max_body);
        pawl__http2_refuse(exchange, err, 413, text ? text : "the message is too large");
        return;
    }
    case PAWL_E_UNIMPLEMENTED:
        pawl__http2_refuse(exchange, err, 415, "the message is compressed, which is not served");
        return;
    case PAWL_E_INTERNAL:
        pawl__http2_refuse(exchange, err, 400, "the message's frame is malformed");
        return;
    default: pawl__http2_refuse(exchange, err, 500, pawl__err_text(err)); return;
    }
}

static void http2_take_message(struct pawl_exchange *exchange, struct pawl_str data) {
    while (data.len) {
        if (exchange->has_message) {
            // statuscodes.md: a cardinality violation is UNIMPLEMENTED.
            pawl__http2_refuse(exchange, PAWL_E_UNIMPLEMENTED, 400,
                               "more than one message was sent to a method that takes one");
            return;
        }
        bool complete;
        enum pawl_err err = pawl__grpc_decode(&exchange->decoder, &data, exchange->max_body,
                                              &exchange->body, &complete);
        if (err) {
            http2_refuse_message(exchange, err);
            return;
        }
        exchange->has_message = complete;
    }
}

static void http2_take_body(struct pawl_exchange *exchange, struct pawl_str data) {
    if (data.len > exchange->max_body - exchange->body.len)
        pawl__http2_refuse(exchange, PAWL_E_TOO_LARGE, 413, "the request's body is too large");
    else if (!pawl__buf_append_str(&exchange->body, data))
        pawl__http2_refuse(exchange, PAWL_E_NOMEM, 500, "out of memory");
}

static int http2_on_data(nghttp2_session *session, uint8_t flags, int32_t stream,
                         const uint8_t *bytes, size_t len, void *data) {
    struct pawl_http2 *http2 = data;
    // Also what nobody wants any more is consumed, or the connection's window would leak away.
    if (nghttp2_session_consume(session, stream, len)) return NGHTTP2_ERR_CALLBACK_FAILURE;
    struct pawl_exchange *exchange = http2_exchange(http2, stream);
    if (!exchange || exchange->state != PAWL_EXCHANGE_RECEIVING) return 0;
    exchange->touched = uv_now(http2->service->loop);
    struct pawl_str part = {(const char *)bytes, len};
    if (exchange->request.is_grpc)
        http2_take_message(exchange, part);
    else
        http2_take_body(exchange, part);
    if (exchange->state == PAWL_EXCHANGE_RECEIVING && !pawl__exchange_charge(exchange))
        pawl__http2_refuse(exchange, PAWL_E_TOO_LARGE, 503, "too much is being received at once");
    return 0;
}

static void http2_on_received(struct pawl_http2 *http2, struct pawl_exchange *exchange) {
    exchange->is_received = true;
    if (exchange->state != PAWL_EXCHANGE_RECEIVING) return;
    if (http2->queued > HTTP2_UNREAD)
        pawl__http2_refuse(exchange, PAWL_E_TOO_LARGE, 503, "too many answers are not yet read");
    else if (exchange->request.is_grpc && !pawl__grpc_decoder_idle(&exchange->decoder))
        pawl__http2_refuse(exchange, PAWL_E_INTERNAL, 400, "the message ends early");
    else if (exchange->request.is_grpc && !exchange->has_message)
        pawl__http2_refuse(exchange, PAWL_E_UNIMPLEMENTED, 400,
                           "no message was sent to a method that takes one");
    else
        pawl__exchange_dispatch(exchange);
}

// --- other frames ----------------------------------------------------------------------------

static void http2_goaway(struct pawl_http2 *http2) {
    if (http2->has_last) return;
    http2->is_draining = http2->has_last = true;
    nghttp2_submit_goaway(http2->h2.session, NGHTTP2_FLAG_NONE,
                          nghttp2_session_get_last_proc_stream_id(http2->h2.session),
                          NGHTTP2_NO_ERROR, NULL, 0);
}

static void http2_on_ping_ack(struct pawl_http2 *http2, const nghttp2_ping *ping) {
    pawl__h2_on_ping_ack(&http2->h2, ping);
    // The peer has read the notice, so that it opens no more streams (RFC 9113 6.8).
    if (http2->is_draining) http2_goaway(http2);
}

static void http2_answer_ping(struct pawl_http2 *http2) {
    http2->is_pinged = false;
    int rv = nghttp2_submit_ping(http2->h2.session, NGHTTP2_FLAG_ACK, http2->ping);
    if (rv)
        pawl__conn_fail(http2->h2.conn, rv == NGHTTP2_ERR_NOMEM ? PAWL_E_NOMEM : PAWL_E_CANCELED);
}

// grpc-go measures by PINGs how much is on its way, and sends the next one as soon as the last one
// was answered. To write and to wake up for each would cost more than for all that workers answer.
static void http2_on_ping(struct pawl_http2 *http2, const nghttp2_ping *ping) {
    if (http2->is_pinged) http2_answer_ping(http2);
    memcpy(http2->ping, ping->opaque_data, sizeof http2->ping);
    http2->is_pinged = true;
    http2->pinged_at = uv_now(http2->service->loop);
    pawl__conn_flush_late(http2->h2.conn);
}

static int http2_on_frame(nghttp2_session *session, const nghttp2_frame *frame, void *data) {
    struct pawl_http2 *http2 = data;
    if (frame->hd.type == NGHTTP2_PING && frame->hd.flags & NGHTTP2_FLAG_ACK)
        http2_on_ping_ack(http2, &frame->ping);
    else if (frame->hd.type == NGHTTP2_PING)
        http2_on_ping(http2, &frame->ping);
    if (frame->hd.type != NGHTTP2_HEADERS && frame->hd.type != NGHTTP2_DATA) return 0;
    struct pawl_exchange *exchange = http2_exchange(http2, frame->hd.stream_id);
    if (!exchange) return 0;
    if (frame->hd.type == NGHTTP2_HEADERS && frame->headers.cat == NGHTTP2_HCAT_REQUEST)
        http2_on_request(http2, exchange);
    if (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) http2_on_received(http2, exchange);
    return 0;
}

// Asks the peer to show that it has read the notice of the shutdown. nghttp2 sends a PING before
// what is queued, so it is queued when the notice has gone.
static int http2_on_goaway_sent(struct pawl_http2 *http2) {
    static const uint8_t opaque[8] = "drain";
    if (!http2->is_draining || http2->has_last) return 0;
    return nghttp2_submit_ping(http2->h2.session, NGHTTP2_FLAG_NONE, opaque);
}

static int http2_on_frame_send(nghttp2_session *session, const nghttp2_frame *frame, void *data) {
    if (frame->hd.type == NGHTTP2_GOAWAY) return http2_on_goaway_sent(data);
    if (frame->hd.type != NGHTTP2_HEADERS && frame->hd.type != NGHTTP2_DATA) return 0;
    if (!(frame->hd.flags & NGHTTP2_FLAG_END_STREAM)) return 0;
    struct pawl_exchange *exchange = http2_exchange(data, frame->hd.stream_id);
    // RFC 9113 8.1: so the client stops sending a request that is answered already.
    if (exchange && !exchange->is_received)
        return nghttp2_submit_rst_stream(session, NGHTTP2_FLAG_NONE, frame->hd.stream_id,
                                         NGHTTP2_NO_ERROR);
    return 0;
}

static void http2_release(struct pawl_http2 *http2, struct pawl_exchange *exchange) {
    if (exchange->is_drained) {
        struct pawl_exchange **link = &http2->drained;
        while (*link != exchange) link = &(*link)->next_drained;
        *link = exchange->next_drained;
    }
    if (http2->recent == exchange) http2->recent = NULL;
    http2->open--;
    http2->queued -= exchange->queue.len - exchange->queue_at;
    pawl__exchange_release(exchange, &http2->exchanges);
}

static int http2_on_stream_close(nghttp2_session *session, int32_t stream, uint32_t error,
                                 void *data) {
    struct pawl_http2 *http2 = data;
    struct pawl_exchange *exchange = http2_exchange(http2, stream);
    if (!exchange) return 0;
    nghttp2_session_set_stream_user_data(session, stream, NULL);
    pawl__exchange_close(exchange, PAWL_E_CANCELED);
    http2_release(http2, exchange);
    return 0;
}

// --- the connection --------------------------------------------------------------------------

static void http2_receive(struct pawl_conn *conn, const uint8_t *data, size_t len) {
    struct pawl_http2 *http2 = conn->state;
    size_t good = pawl__h2_watch(&http2->watch, data, len);
    pawl__h2_receive(&http2->h2, data, good);
    if (good == len) return;
    if (nghttp2_session_terminate_session(http2->h2.session, NGHTTP2_STREAM_CLOSED))
        pawl__conn_fail(conn, PAWL_E_NOMEM);
    pawl__conn_flush(conn);
}

// HTTP/2 has no half-closed connections: without WINDOW_UPDATE and PING no answer gets through.
static void http2_eof(struct pawl_conn *conn) {
    pawl__conn_fail(conn, PAWL_E_CANCELED);
}

static void http2_produce(struct pawl_conn *conn) {
    struct pawl_http2 *http2 = conn->state;
    pawl__h2_produce(&http2->h2);
    if (http2->is_pinged) {
        uint64_t waited = uv_now(http2->service->loop) - http2->pinged_at;
        if (conn->out.len || http2->is_draining || waited >= HTTP2_PING) {
            http2_answer_ping(http2);
            pawl__h2_produce(&http2->h2);
        } else {
            pawl__conn_flush_late(conn);
        }
    }
    while (http2->drained) {
        struct pawl_exchange *exchange = http2->drained;
        http2->drained = exchange->next_drained;
        exchange->is_drained = false;
        if (exchange->request.on_drain) exchange->request.on_drain(&exchange->request);
    }
    // A draining connection waits for the peer to have read the notice.
    bool is_noticing = http2->is_draining && !http2->has_last;
    if (!is_noticing && pawl__h2_is_over(&http2->h2)) pawl__conn_end(conn);
}

static void http2_tick(struct pawl_conn *conn, uint64_t now) {
    struct pawl_http2 *http2 = conn->state;
    const struct pawl_server_options *options = &http2->service->options;
    pawl__h2_keepalive(&http2->h2, now, (uint64_t)(options->keepalive_time / PAWL_MILLISECOND),
                       (uint64_t)(options->keepalive_timeout / PAWL_MILLISECOND));
    if (http2->exchanges)
        http2->last_busy = now;
    else if (now - http2->last_busy >= HTTP2_IDLE)
        conn->protocol->drain(conn);
    if (http2->is_draining && !http2->has_last && now - http2->drained_at >= HTTP2_NOTICE) {
        http2_goaway(http2); // it may not answer at all
        pawl__conn_flush(conn);
    }
    uint64_t timeout = (uint64_t)(options->idle_timeout / PAWL_MILLISECOND);
    for (struct pawl_exchange *exchange = http2->exchanges; exchange; exchange = exchange->next)
        if (exchange->state == PAWL_EXCHANGE_RECEIVING && now - exchange->touched >= timeout)
            pawl__http2_refuse(exchange, PAWL_E_DEADLINE, 408, "the request did not arrive");
}

static void http2_lost(struct pawl_conn *conn, enum pawl_err reason) {
    struct pawl_http2 *http2 = conn->state;
    while (http2->exchanges) {
        struct pawl_exchange *exchange = http2->exchanges;
        pawl__exchange_close(exchange, reason);
        http2_release(http2, exchange);
    }
}

static void http2_drain(struct pawl_conn *conn) {
    struct pawl_http2 *http2 = conn->state;
    if (http2->is_draining) return;
    http2->is_draining = true;
    http2->drained_at = uv_now(http2->service->loop);
    for (struct pawl_exchange *exchange = http2->exchanges; exchange; exchange = exchange->next)
        pawl__exchange_end_stream(exchange);
    if (nghttp2_submit_shutdown_notice(http2->h2.session)) pawl__conn_fail(conn, PAWL_E_NOMEM);
    pawl__conn_flush(conn);
}

static void http2_abort(struct pawl_conn *conn) {
    struct pawl_http2 *http2 = conn->state;
    for (struct pawl_exchange *exchange = http2->exchanges; exchange; exchange = exchange->next) {
        pawl__exchange_end_stream(exchange);
        if (exchange->state == PAWL_EXCHANGE_ANSWERED) continue;
        pawl__exchange_close(exchange, PAWL_E_UNAVAILABLE);
        exchange->state = PAWL_EXCHANGE_RECEIVING;
        pawl__http2_refuse(exchange, PAWL_E_UNAVAILABLE, 503, "shutting down");
    }
    http2_goaway(http2);
    pawl__conn_flush(conn);
}

static void http2_finish(struct pawl_conn *conn) {
    struct pawl_http2 *http2 = conn->state;
    pawl__h2_finish(&http2->h2);
    free(http2);
}

static const struct pawl_protocol http2_protocol = {
    .receive = http2_receive,
    .eof = http2_eof,
    .produce = http2_produce,
    .tick = http2_tick,
    .lost = http2_lost,
    .drain = http2_drain,
    .abort = http2_abort,
    .finish = http2_finish,
};

enum pawl_err pawl__http2_start(struct pawl_conn *conn, struct pawl_service *service) {
    size_t max_header = service->options.max_header;
    const nghttp2_settings_entry settings[] = {
        {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, PAWL_H2_STREAM_WINDOW},
        {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE,
         max_header > UINT32_MAX ? UINT32_MAX : (uint32_t)max_header},
    };
    nghttp2_session_callbacks *callbacks;
    struct pawl_http2 *http2 = calloc(1, sizeof *http2);
    if (!http2) return PAWL_E_NOMEM;
    http2->service = service;
    http2->last_busy = uv_now(service->loop);
    pawl__h2_watch_init(&http2->watch, NGHTTP2_CLIENT_MAGIC_LEN);
    enum pawl_err err = PAWL_E_NOMEM;
    if (nghttp2_session_callbacks_new(&callbacks)) goto out;
    nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks, http2_on_begin_headers);
    nghttp2_session_callbacks_set_on_header_callback(callbacks, http2_on_header);
    nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, http2_on_frame);
    nghttp2_session_callbacks_set_on_frame_send_callback(callbacks, http2_on_frame_send);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, http2_on_data);
    nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, http2_on_stream_close);
    nghttp2_session_callbacks_set_send_data_callback(callbacks, pawl__http2_send_data);
    err = pawl__h2_init(&http2->h2, conn, true, callbacks, http2, settings,
                        sizeof settings / sizeof *settings);
    nghttp2_session_callbacks_del(callbacks);
    if (err) goto out;
    conn->protocol = &http2_protocol;
    conn->state = http2;
    return PAWL_OK;
out:
    free(http2);
    return err;
}
