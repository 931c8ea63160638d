// Answers over HTTP/2. Bytes wait in the exchange's queue until the peer's flow control and the
// connection take them; after the last of them come trailers (gRPC) or the end (HTTP).

#include <stdio.h>

#include "base/base64.h"
#include "net/http2.h"

enum {
    ANSWER_HEADERS = 32 // of a handler; more are left out
};

static struct pawl_http2 *answer_http2(struct pawl_exchange *exchange) {
    return exchange->conn->state;
}

// --- the queue -------------------------------------------------------------------------------

static int answer_submit_trailers(nghttp2_session *session, struct pawl_exchange *exchange) {
    nghttp2_nv nv[3] = {pawl__h2_nv(PAWL_STR("grpc-status"), exchange->grpc_status)};
    size_t count = 1;
    if (exchange->grpc_text)
        nv[count++] = pawl__h2_nv(PAWL_STR("grpc-message"), pawl__str(exchange->grpc_text));
    if (exchange->grpc_details)
        nv[count++] =
            pawl__h2_nv(PAWL_STR("grpc-status-details-bin"), pawl__str(exchange->grpc_details));
    return nghttp2_submit_trailer(session, exchange->stream, nv, count);
}

// Says how much of the queue goes into the next frame; pawl__http2_send_data moves it.
static ssize_t answer_read(nghttp2_session *session, int32_t stream, uint8_t *buf, size_t max,
                           uint32_t *flags, nghttp2_data_source *source, void *data) {
    struct pawl_exchange *exchange = source->ptr;
    size_t left = exchange->queue.len - exchange->queue_at;
    size_t len = left < max ? left : max;
    if (len == left && exchange->has_ended) {
        *flags |= NGHTTP2_DATA_FLAG_EOF;
        if (exchange->has_trailers) {
            *flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
            if (answer_submit_trailers(session, exchange)) return NGHTTP2_ERR_CALLBACK_FAILURE;
        }
    } else if (len == 0) {
        exchange->is_deferred = true;
        return NGHTTP2_ERR_DEFERRED;
    }
    *flags |= NGHTTP2_DATA_FLAG_NO_COPY;
    return (ssize_t)len;
}

int pawl__http2_send_data(nghttp2_session *session, nghttp2_frame *frame, const uint8_t *head,
                          size_t len, nghttp2_data_source *source, void *data) {
    struct pawl_http2 *http2 = data;
    struct pawl_exchange *exchange = source->ptr;
    struct pawl_buf *queue = &exchange->queue;
    int rv = pawl__h2_send_data(&http2->h2, head, queue->data + exchange->queue_at, len);
    if (rv) return rv;
    exchange->queue_at += len;
    http2->queued -= len;
    if (exchange->queue_at < queue->len) return 0;
    exchange->queue_at = 0;
    pawl__buf_clear(queue);
    if (exchange->request.on_drain && !exchange->is_drained) {
        exchange->is_drained = true;
        exchange->next_drained = http2->drained;
        http2->drained = exchange;
    }
    return 0;
}

static void answer_added(struct pawl_exchange *exchange, size_t len) {
    exchange->queue.len += len;
    answer_http2(exchange)->queued += len;
}

// The queue has grown, or has come to its end.
static void answer_wake(struct pawl_exchange *exchange) {
    if (exchange->is_deferred) {
        exchange->is_deferred = false;
        nghttp2_session_resume_data(answer_http2(exchange)->h2.session, exchange->stream);
    }
    pawl__conn_flush(exchange->conn);
}

static void answer_submit(struct pawl_exchange *exchange, const nghttp2_nv *nv, size_t count,
                          bool has_body) {
    const nghttp2_data_provider provider = {{.ptr = exchange}, answer_read};
    exchange->has_started = true;
    if (nghttp2_submit_response(answer_http2(exchange)->h2.session, exchange->stream, nv, count,
                                has_body ? &provider : NULL))
        pawl__conn_fail(exchange->conn, PAWL_E_NOMEM);
    pawl__conn_flush(exchange->conn);
}

// --- HTTP ------------------------------------------------------------------------------------

// These would contradict what is sent.
static bool answer_is_ours(struct pawl_str name) {
    return pawl__str_equal(name, PAWL_STR("content-length")) ||
           pawl__str_equal(name, PAWL_STR("date")) ||
           pawl__str_equal(name, PAWL_STR("connection")) ||
           pawl__str_equal(name, PAWL_STR("keep-alive")) ||
           pawl__str_equal(name, PAWL_STR("transfer-encoding"));
}

// Adds what a handler may set; returns the new count.
static size_t answer_add(nghttp2_nv *nv, size_t count, const struct pawl_header *headers,
                         size_t header_count) {
    for (size_t i = 0; i < header_count && i < ANSWER_HEADERS; i++)
        if (!answer_is_ours(headers[i].name) && pawl__header_valid(&headers[i]))
            nv[count++] = pawl__h2_nv(headers[i].name, headers[i].value);
    return count;
}

static void answer_respond(struct pawl_exchange *exchange, int status,
                           const struct pawl_header *headers, size_t header_count,
                           struct pawl_str body) {
    nghttp2_nv nv[ANSWER_HEADERS + 3];
    char code[16], length[24];
    if (status < 200 || status > 599) status = 500;
    snprintf(code, sizeof code, "%d", status);
    snprintf(length, sizeof length, "%zu", body.len);
    size_t count = 0;
    nv[count++] = pawl__h2_nv(PAWL_STR(":status"), pawl__str(code));
    nv[count++] = pawl__h2_nv(PAWL_STR("date"), pawl__service_date(exchange->service));
    bool is_empty = status == 204 || status == 304;
    if (!is_empty) nv[count++] = pawl__h2_nv(PAWL_STR("content-length"), pawl__str(length));
    count = answer_add(nv, count, headers, header_count);

    bool has_body = body.len && !is_empty && !exchange->is_head;
    if (has_body) {
        uint8_t *room = pawl__exchange_reserve(exchange, body.len);
        if (!room) {
            answer_respond(exchange, 500, NULL, 0, (struct pawl_str){0});
            return;
        }
        memcpy(room, body.data, body.len);
        answer_added(exchange, body.len);
    }
    exchange->has_ended = true;
    answer_submit(exchange, nv, count, has_body);
}

// --- gRPC, and answers that stream -----------------------------------------------------------

// Adds the headers that the handler has set beside its answer; returns the new count.
static size_t answer_add_extra(const struct pawl_exchange *exchange, nghttp2_nv *nv, size_t count) {
    const struct pawl_request *request = &exchange->request;
    for (size_t i = 0; i < request->extra_count; i++)
        nv[count++] = pawl__h2_nv(request->extra[i].name, request->extra[i].value);
    return count;
}

static void answer_start(struct pawl_exchange *exchange, const struct pawl_header *headers,
                         size_t header_count) {
    nghttp2_nv nv[ANSWER_HEADERS + 2]; // far more than mostly come: not to be cleared
    size_t count = 0;
    nv[count++] = PAWL_H2_NV(":status", "200");
    if (exchange->request.is_grpc) {
        nv[count++] = PAWL_H2_NV("content-type", "application/grpc");
    } else {
        nv[count++] = pawl__h2_nv(PAWL_STR("date"), pawl__service_date(exchange->service));
    }
    count = answer_add(nv, count, headers, header_count);
    answer_submit(exchange, nv, count, !exchange->is_head);
}

static enum pawl_err answer_send(struct pawl_exchange *exchange, struct pawl_str part) {
    bool is_grpc = exchange->request.is_grpc;
    if (exchange->is_head || (!is_grpc && !part.len)) return PAWL_OK;
    size_t head = is_grpc ? PAWL_GRPC_HEAD : 0;
    uint8_t *room = pawl__exchange_reserve(exchange, head + part.len);
    if (!room) return PAWL_E_NOMEM;
    if (is_grpc) pawl__grpc_head(room, (uint32_t)part.len);
    if (part.len) memcpy(room + head, part.data, part.len);
    answer_added(exchange, head + part.len);
    answer_wake(exchange);
    return PAWL_OK;
}

// Without memory for them the texts are left out: the status is what counts.
static void answer_set_status(struct pawl_exchange *exchange, enum pawl_err code,
                              struct pawl_str text, struct pawl_str details) {
    struct pawl_arena *arena = &exchange->request.arena;
    exchange->grpc_status = pawl__grpc_status(code);
    if (text.len) {
        size_t cap =
            text.len < PAWL_GRPC_MESSAGE_MAX / 3 ? 3 * text.len + 1 : PAWL_GRPC_MESSAGE_MAX;
        char *encoded = pawl__arena_alloc(arena, cap);
        if (encoded) pawl__grpc_message_encode(text, encoded, cap);
        exchange->grpc_text = encoded;
    }
    if (details.len && details.len <= PAWL_GRPC_MESSAGE_MAX) {
        struct pawl_buf base64 = {0};
        if (pawl__base64_encode(&base64, details))
            exchange->grpc_details = pawl__arena_dup(arena, pawl__buf_str(&base64));
        pawl__buf_finish(&base64);
    }
}

static void answer_finish(struct pawl_exchange *exchange, enum pawl_err code, struct pawl_str text,
                          struct pawl_str details) {
    exchange->has_ended = true;
    if (!exchange->request.is_grpc) { // an answer that streams
        if (code)
            nghttp2_submit_rst_stream(answer_http2(exchange)->h2.session, NGHTTP2_FLAG_NONE,
                                      exchange->stream, NGHTTP2_INTERNAL_ERROR);
        answer_wake(exchange);
        return;
    }
    answer_set_status(exchange, code, text, details);
    if (exchange->has_started) {
        exchange->has_trailers = true;
        if (code == PAWL_E_DEADLINE && exchange->queue.len > exchange->queue_at) {
            // The client waits no longer, and trailers would come behind what it does not read.
            nghttp2_submit_rst_stream(answer_http2(exchange)->h2.session, NGHTTP2_FLAG_NONE,
                                      exchange->stream, NGHTTP2_CANCEL);
        }
        answer_wake(exchange);
        return;
    }
    // The protocol's Trailers-Only: everything in one block of headers.
    nghttp2_nv nv[6 + PAWL_REQUEST_EXTRA] = {
        PAWL_H2_NV(":status", "200"),
        PAWL_H2_NV("content-type", "application/grpc"),
        pawl__h2_nv(PAWL_STR("grpc-status"), exchange->grpc_status),
    };
    size_t count = answer_add_extra(exchange, nv, 3);
    if (exchange->grpc_text)
        nv[count++] = pawl__h2_nv(PAWL_STR("grpc-message"), pawl__str(exchange->grpc_text));
    if (exchange->grpc_details)
        nv[count++] =
            pawl__h2_nv(PAWL_STR("grpc-status-details-bin"), pawl__str(exchange->grpc_details));
    if (code == PAWL_E_UNIMPLEMENTED) nv[count++] = PAWL_H2_NV("grpc-accept-encoding", "identity");
    answer_submit(exchange, nv, count, false);
}

const struct pawl_answers pawl__http2_answers = {
    .respond = answer_respond,
    .start = answer_start,
    .send = answer_send,
    .finish = answer_finish,
};

void pawl__http2_refuse(struct pawl_exchange *exchange, enum pawl_err code, int status,
                        const char *text) {
    if (exchange->state != PAWL_EXCHANGE_RECEIVING) return;
    pawl__exchange_answered(exchange);
    if (exchange->request.is_grpc) {
        answer_finish(exchange, code, pawl__str(text), (struct pawl_str){0});
        return;
    }
    const struct pawl_header type = {PAWL_STR("content-type"), PAWL_STR("text/plain")};
    answer_respond(exchange, status, &type, 1, pawl__str(text));
}
