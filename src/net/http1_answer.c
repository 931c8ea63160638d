// Answers over HTTP/1.1: whole ones, and those that stream.

#include "net/http1.h"

// The phrase is for people who read along; any may be left out (RFC 9112 4).
static const struct {
    int status;
    const char *text;
} http1_reasons[] = {
    {200, "OK"},
    {201, "Created"},
    {202, "Accepted"},
    {204, "No Content"},
    {304, "Not Modified"},
    {400, "Bad Request"},
    {401, "Unauthorized"},
    {403, "Forbidden"},
    {404, "Not Found"},
    {405, "Method Not Allowed"},
    {408, "Request Timeout"},
    {409, "Conflict"},
    {413, "Content Too Large"},
    {417, "Expectation Failed"},
    {431, "Request Header Fields Too Large"},
    {500, "Internal Server Error"},
    {501, "Not Implemented"},
    {503, "Service Unavailable"},
    {504, "Gateway Timeout"},
    {505, "HTTP Version Not Supported"},
};

static const char *http1_reason(int status) {
    for (size_t i = 0; i < sizeof http1_reasons / sizeof *http1_reasons; i++)
        if (http1_reasons[i].status == status) return http1_reasons[i].text;
    return "";
}

void pawl__http1_release(struct pawl_http1 *http1) {
    struct pawl_exchange *list = http1->exchange;
    if (list) pawl__exchange_release(list, &list);
    http1->exchange = NULL;
    http1->is_complete = false;
}

static bool http1_is_ours(struct pawl_str name) {
    return pawl__str_equal(name, PAWL_STR("content-length")) ||
           pawl__str_equal(name, PAWL_STR("date")) ||
           pawl__str_equal(name, PAWL_STR("connection")) ||
           pawl__str_equal(name, PAWL_STR("keep-alive")) ||
           pawl__str_equal(name, PAWL_STR("transfer-encoding"));
}

static void http1_write_status(struct pawl_http1 *http1, int status) {
    pawl__buf_format(&http1->conn->out, "HTTP/1.1 %d %s\r\ndate: %s\r\n", status,
                     http1_reason(status), pawl__service_date(http1->service).data);
}

static void http1_write_headers(struct pawl_http1 *http1, const struct pawl_header *headers,
                                size_t header_count) {
    struct pawl_buf *out = &http1->conn->out;
    if (http1->is_over)
        pawl__buf_append_str(out, PAWL_STR("connection: close\r\n"));
    else if (http1->is_1_0)
        pawl__buf_append_str(out, PAWL_STR("connection: keep-alive\r\n"));
    for (size_t i = 0; i < header_count; i++) {
        if (http1_is_ours(headers[i].name) || !pawl__header_valid(&headers[i])) continue;
        pawl__buf_append_str(out, headers[i].name);
        pawl__buf_append_str(out, PAWL_STR(": "));
        pawl__buf_append_str(out, headers[i].value);
        pawl__buf_append_str(out, PAWL_STR("\r\n"));
    }
    pawl__buf_append_str(out, PAWL_STR("\r\n"));
}

static void http1_write(struct pawl_http1 *http1, int status, const struct pawl_header *headers,
                        size_t header_count, struct pawl_str body, bool is_head) {
    struct pawl_buf *out = &http1->conn->out;
    if (status < 200 || status > 599) status = 500;
    bool is_empty = status == 204 || status == 304;
    http1_write_status(http1, status);
    if (!is_empty) pawl__buf_format(out, "content-length: %zu\r\n", body.len);
    http1_write_headers(http1, headers, header_count);
    if (!is_empty && !is_head) pawl__buf_append_str(out, body);
}

// Ends, or goes on with what is pending, see http1_produce.
static void http1_next(struct pawl_http1 *http1) {
    if (http1->is_over)
        pawl__conn_end(http1->conn);
    else
        pawl__conn_flush(http1->conn);
}

static void http1_respond(struct pawl_exchange *exchange, int status,
                          const struct pawl_header *headers, size_t header_count,
                          struct pawl_str body) {
    struct pawl_http1 *http1 = exchange->conn->state;
    if (!http1->keeps_alive || http1->is_draining) http1->is_over = true;
    http1_write(http1, status, headers, header_count, body, exchange->is_head);
    pawl__http1_release(http1);
    http1_next(http1);
}

// --- answers that stream: in chunks, or with HTTP/1.0 up to the end of the connection -----------

static void http1_stream_start(struct pawl_exchange *exchange, const struct pawl_header *headers,
                               size_t header_count) {
    struct pawl_http1 *http1 = exchange->conn->state;
    if (!http1->keeps_alive || http1->is_draining || http1->is_1_0) http1->is_over = true;
    http1_write_status(http1, 200);
    if (!http1->is_1_0)
        pawl__buf_append_str(&http1->conn->out, PAWL_STR("transfer-encoding: chunked\r\n"));
    http1_write_headers(http1, headers, header_count);
    pawl__conn_flush(exchange->conn);
}

static enum pawl_err http1_stream_send(struct pawl_exchange *exchange, struct pawl_str part) {
    if (exchange->is_head || !part.len) return PAWL_OK;
    uint8_t *room = pawl__exchange_reserve(exchange, part.len);
    if (!room) return PAWL_E_NOMEM;
    memcpy(room, part.data, part.len);
    exchange->queue.len += part.len;
    pawl__conn_flush(exchange->conn);
    return PAWL_OK;
}

// An answer that is cut off lacks its last chunk, so that nobody takes it for whole.
static void http1_stream_finish(struct pawl_exchange *exchange, enum pawl_err code,
                                struct pawl_str text, struct pawl_str details) {
    struct pawl_http1 *http1 = exchange->conn->state;
    exchange->has_ended = true;
    http1->is_cut = code != PAWL_OK;
    pawl__conn_flush(exchange->conn);
}

const struct pawl_answers pawl__http1_answers = {
    .respond = http1_respond,
    .start = http1_stream_start,
    .send = http1_stream_send,
    .finish = http1_stream_finish,
};

void pawl__http1_stream_produce(struct pawl_http1 *http1) {
    struct pawl_exchange *exchange = http1->exchange;
    struct pawl_buf *queue = &exchange->queue, *out = &http1->conn->out;
    size_t left = queue->len - exchange->queue_at;
    size_t room = out->len < PAWL_CONN_OUT ? PAWL_CONN_OUT - out->len : 0;
    size_t part = left < room ? left : room;
    if (part) {
        if (!http1->is_1_0) pawl__buf_format(out, "%zx\r\n", part);
        pawl__buf_append(out, queue->data + exchange->queue_at, part);
        if (!http1->is_1_0) pawl__buf_append_str(out, PAWL_STR("\r\n"));
        exchange->queue_at += part;
    }
    if (part < left) return;
    exchange->queue_at = 0;
    pawl__buf_clear(queue);
    if (exchange->has_ended) {
        if (!http1->is_1_0 && !http1->is_cut && !exchange->is_head)
            pawl__buf_append_str(out, PAWL_STR("0\r\n\r\n"));
        if (http1->is_cut || http1->is_draining) http1->is_over = true;
        pawl__http1_release(http1);
        http1_next(http1);
    } else if (part && exchange->request.on_drain) {
        exchange->request.on_drain(&exchange->request);
    }
}

void pawl__http1_fail(struct pawl_http1 *http1, int status) {
    const struct pawl_header type = {PAWL_STR("content-type"), PAWL_STR("text/plain")};
    bool is_head = http1->exchange && http1->exchange->is_head;
    http1->is_over = true;
    http1_write(http1, status, &type, 1, pawl__str(http1_reason(status)), is_head);
    pawl__http1_release(http1);
    pawl__buf_finish(&http1->pending);
    http1_next(http1);
}
