// HTTP/1.1: one request after the other. What a client sends ahead of an answer (pipelining) waits
// in |pending|, and beyond HTTP1_PENDING in the client.

#include "net/http1.h"

#include <stdlib.h>

#include "base/clock.h"

enum {
    HTTP1_PENDING = 64 * 1024,
    HTTP1_IDLE = 3 * 60 * 1000 // milliseconds between requests
};

// --- the parser's callbacks ------------------------------------------------------------------

static int http1_refuse(struct pawl_http1 *http1, int status) {
    http1->refusal = status;
    return -1;
}

static int http1_on_begin(llhttp_t *parser) {
    struct pawl_http1 *http1 = (struct pawl_http1 *)parser;
    http1->exchange = NULL;
    struct pawl_exchange *list = NULL;
    http1->exchange =
        pawl__exchange_create(http1->service, http1->conn, &pawl__http1_answers, &list);
    if (!http1->exchange) return http1_refuse(http1, 503);
    http1->in_headers = true;
    http1->is_cut = false;
    http1->hosts = 0;
    http1->started = uv_now(http1->service->loop);
    pawl__buf_clear(&http1->text);
    return 0;
}

static int http1_on_text(llhttp_t *parser, const char *at, size_t len) {
    struct pawl_http1 *http1 = (struct pawl_http1 *)parser;
    // Trailers and chunk extensions count too: there may be no end to them.
    http1->exchange->header_bytes += len;
    if (http1->exchange->header_bytes > http1->service->options.max_header)
        return http1_refuse(http1, 431);
    if (!pawl__buf_append(&http1->text, at, len)) return http1_refuse(http1, 503);
    return 0;
}

static int http1_on_url_end(llhttp_t *parser) {
    struct pawl_http1 *http1 = (struct pawl_http1 *)parser;
    struct pawl_request *request = &http1->exchange->request;
    http1->has_begun = true;
    struct pawl_str target = pawl__buf_str(&http1->text);
    target.data = pawl__arena_dup(&request->arena, target);
    pawl__buf_clear(&http1->text);
    if (!target.data) return http1_refuse(http1, 503);
    return pawl__exchange_target(http1->exchange, target) ? 0 : http1_refuse(http1, 400);
}

static int http1_on_name_end(llhttp_t *parser) {
    struct pawl_http1 *http1 = (struct pawl_http1 *)parser;
    for (size_t i = 0; i < http1->text.len; i++) {
        uint8_t *c = &http1->text.data[i];
        if (*c >= 'A' && *c <= 'Z') *c = (uint8_t)(*c + 'a' - 'A');
    }
    http1->name_len = http1->text.len;
    return 0;
}

static int http1_on_value_end(llhttp_t *parser) {
    struct pawl_http1 *http1 = (struct pawl_http1 *)parser;
    struct pawl_str all = pawl__buf_str(&http1->text);
    struct pawl_str name = {all.data, http1->name_len};
    struct pawl_str value = {all.data + name.len, all.len - name.len};
    while (value.len && (value.data[value.len - 1] == ' ' || value.data[value.len - 1] == '\t'))
        value.len--;
    pawl__buf_clear(&http1->text);
    if (!http1->in_headers) return 0; // trailers
    http1->exchange->header_bytes += 4;
    if (!pawl__exchange_header(http1->exchange, name, value)) return http1_refuse(http1, 503);
    if (pawl__str_equal(name, PAWL_STR("host")) && http1->hosts < 2) http1->hosts++;
    return 0;
}

static int http1_on_headers_end(llhttp_t *parser) {
    struct pawl_http1 *http1 = (struct pawl_http1 *)parser;
    struct pawl_exchange *exchange = http1->exchange;
    struct pawl_request *request = &exchange->request;
    http1->in_headers = false;
    // An upgrade may be ignored (RFC 9110 7.8); there is nothing to upgrade to.
    parser->upgrade = 0;
    http1->is_1_0 = parser->http_major == 1 && parser->http_minor == 0;
    if (parser->http_major != 1) return http1_refuse(http1, 505);
    if (parser->method == HTTP_CONNECT) return http1_refuse(http1, 501);
    request->method = pawl__str(llhttp_method_name((llhttp_method_t)parser->method));
    exchange->is_head = parser->method == HTTP_HEAD;
    // RFC 9112 3.2: exactly one Host.
    if (http1->hosts > 1 || (http1->hosts == 0 && !http1->is_1_0)) return http1_refuse(http1, 400);
    if (!request->authority.data) request->authority = pawl__request_header(request, "host");
    if (parser->flags & F_CONTENT_LENGTH &&
        parser->content_length > http1->service->options.max_body)
        return http1_refuse(http1, 413);

    struct pawl_str expect = pawl__request_header(request, "expect");
    if (!expect.data || http1->is_1_0) return 0;
    if (!pawl__str_equal_nocase(expect, PAWL_STR("100-continue"))) return http1_refuse(http1, 417);
    pawl__buf_append_str(&http1->conn->out, PAWL_STR("HTTP/1.1 100 Continue\r\n\r\n"));
    return 0;
}

static int http1_on_chunk(llhttp_t *parser) {
    struct pawl_http1 *http1 = (struct pawl_http1 *)parser;
    http1->chunk_left = parser->content_length;
    return 0;
}

// Whether the line end behind a chunk stands there, as far as |data| has it: the parser passes over
// two bytes, whatever they are, and another program on the way could find another request there.
static bool http1_ends_chunk(struct pawl_http1 *http1, const char *data, const char *end) {
    const char *at = http1->chunk_end;
    while (at && *at && data < end)
        if (*data++ != *at++) return false;
    http1->chunk_end = at && *at ? at : NULL;
    return true;
}

static int http1_on_body(llhttp_t *parser, const char *at, size_t len) {
    struct pawl_http1 *http1 = (struct pawl_http1 *)parser;
    struct pawl_exchange *exchange = http1->exchange;
    if (parser->flags & F_CHUNKED && !(http1->chunk_left -= len)) {
        http1->chunk_end = "\r\n";
        if (!http1_ends_chunk(http1, at + len, http1->input_end)) return http1_refuse(http1, 400);
    }
    if (len > http1->service->options.max_body - exchange->body.len)
        return http1_refuse(http1, 413);
    if (!pawl__buf_append(&exchange->body, at, len)) return http1_refuse(http1, 503);
    return pawl__exchange_charge(exchange) ? 0 : http1_refuse(http1, 503);
}

static int http1_on_complete(llhttp_t *parser) {
    struct pawl_http1 *http1 = (struct pawl_http1 *)parser;
    http1->is_complete = true;
    http1->keeps_alive = llhttp_should_keep_alive(parser) != 0;
    return HPE_PAUSED;
}

static const llhttp_settings_t http1_settings = {
    .on_message_begin = http1_on_begin,
    .on_url = http1_on_text,
    .on_url_complete = http1_on_url_end,
    .on_header_field = http1_on_text,
    .on_header_field_complete = http1_on_name_end,
    .on_header_value = http1_on_text,
    .on_header_value_complete = http1_on_value_end,
    .on_chunk_extension_name = http1_on_text,
    .on_chunk_extension_value = http1_on_text,
    .on_headers_complete = http1_on_headers_end,
    .on_chunk_header = http1_on_chunk,
    .on_body = http1_on_body,
    .on_message_complete = http1_on_complete,
};

// Whether these, the first bytes of a connection, are no request of HTTP at all: a whole line that
// names no version. TLS is such a thing, and HTTP/2 with a damaged preface, whose client does not
// read an answer in HTTP/1.1.
static bool http1_is_foreign(const struct pawl_http1 *http1, const char *data, size_t len) {
    const char *end = http1->has_begun ? NULL : memchr(data, '\n', len);
    return end && !memmem(data, (size_t)(end - data), "HTTP/", 5);
}

// --- the connection --------------------------------------------------------------------------

// Parses |data| up to the end of a request and hands that to the handler; returns how much it took.
static size_t http1_parse(struct pawl_http1 *http1, const char *data, size_t len) {
    http1->refusal = 0;
    http1->input_end = data + len;
    if (!http1_ends_chunk(http1, data, data + len)) {
        pawl__http1_fail(http1, 400);
        return len;
    }
    llhttp_errno_t rv = llhttp_execute(&http1->parser, data, len);
    if (rv == HPE_OK) return len;
    if (rv != HPE_PAUSED || !http1->is_complete) {
        if (!http1->refusal && http1_is_foreign(http1, data, len)) {
            http1->is_over = true;
            pawl__conn_fail(http1->conn, PAWL_E_CANCELED);
        } else {
            pawl__http1_fail(http1, http1->refusal ? http1->refusal : 400);
        }
        return len;
    }
    size_t taken = (size_t)(llhttp_get_error_pos(&http1->parser) - data);
    llhttp_resume(&http1->parser);
    pawl__exchange_dispatch(http1->exchange);
    return taken;
}

static bool http1_is_ready(const struct pawl_http1 *http1) {
    return !http1->is_over && !http1->is_complete && http1->conn->out.len < PAWL_CONN_OUT &&
           !http1->conn->is_writing;
}

// Parses what is pending.
static void http1_feed(struct pawl_http1 *http1) {
    // |pending| is set aside, so that nothing moves it while the parser is in it.
    struct pawl_buf input = http1->pending;
    http1->pending = (struct pawl_buf){0};
    size_t at = 0;
    while (at < input.len && http1_is_ready(http1))
        at += http1_parse(http1, (const char *)input.data + at, input.len - at);
    if (at == input.len || http1->is_over) {
        pawl__buf_finish(&input);
    } else if (at) {
        pawl__buf_consume(&input, at);
    }
    http1->pending = input;
    if (http1->pending.len < HTTP1_PENDING && !http1->has_eof && !pawl__conn_read(http1->conn))
        pawl__conn_fail(http1->conn, PAWL_E_CANCELED);
}

static void http1_receive(struct pawl_conn *conn, const uint8_t *data, size_t len) {
    struct pawl_http1 *http1 = conn->state;
    if (http1->is_over) return;
    size_t at = 0;
    while (at < len && http1->pending.len == 0 && http1_is_ready(http1))
        at += http1_parse(http1, (const char *)data + at, len - at);
    if (at < len && !http1->is_over) {
        if (!pawl__buf_append(&http1->pending, data + at, len - at))
            pawl__conn_fail(conn, PAWL_E_NOMEM);
        if (http1->pending.len >= HTTP1_PENDING) pawl__conn_pause(conn);
    }
    pawl__conn_flush(conn);
}

// A client may close its side after its last request and still wait for answers (RFC 9112 9.6).
static void http1_eof(struct pawl_conn *conn) {
    struct pawl_http1 *http1 = conn->state;
    http1->has_eof = true;
    // Nobody may be there to read an answer that may never end.
    if (pawl__http1_is_streaming(http1)) pawl__conn_fail(conn, PAWL_E_CANCELED);
    if (http1->is_complete || http1->pending.len) return;
    pawl__http1_release(http1);
    pawl__conn_end(conn);
}

static void http1_produce(struct pawl_conn *conn) {
    struct pawl_http1 *http1 = conn->state;
    if (pawl__http1_is_streaming(http1)) pawl__http1_stream_produce(http1);
    if (http1->pending.len && http1_is_ready(http1)) http1_feed(http1);
    if (http1->has_eof && !http1->pending.len && !http1->is_complete) {
        pawl__http1_release(http1);
        conn->is_ending = true;
    }
}

static void http1_tick(struct pawl_conn *conn, uint64_t now) {
    struct pawl_http1 *http1 = conn->state;
    if (http1->is_over || http1->is_complete || conn->is_writing) return;
    uint64_t timeout = (uint64_t)(http1->service->options.idle_timeout / PAWL_MILLISECOND);
    if (!http1->exchange) {
        if (now - conn->last_read >= HTTP1_IDLE) pawl__conn_end(conn);
        return;
    }
    // Headers have to arrive as a whole within the time: a byte now and then is no progress.
    uint64_t since = http1->in_headers ? http1->started : conn->last_read;
    if (now - since >= timeout) pawl__http1_fail(http1, 408);
}

static void http1_lost(struct pawl_conn *conn, enum pawl_err reason) {
    struct pawl_http1 *http1 = conn->state;
    http1->is_over = true;
    if (http1->exchange) pawl__exchange_close(http1->exchange, reason);
    pawl__http1_release(http1);
}

static void http1_drain(struct pawl_conn *conn) {
    struct pawl_http1 *http1 = conn->state;
    http1->is_draining = true;
    if (pawl__http1_is_streaming(http1)) pawl__exchange_end_stream(http1->exchange);
    if (http1->exchange || http1->pending.len) return;
    http1->is_over = true;
    // Nobody waits for anything: there is nothing that the peer could lose.
    if (pawl__conn_is_written(conn))
        pawl__conn_fail(conn, PAWL_E_CANCELED);
    else
        pawl__conn_end(conn);
}

static void http1_abort(struct pawl_conn *conn) {
    struct pawl_http1 *http1 = conn->state;
    if (pawl__http1_is_streaming(http1)) pawl__exchange_end_stream(http1->exchange);
    if (http1->is_over || pawl__http1_is_streaming(http1)) return;
    if (!http1->exchange) {
        http1->is_over = true;
        pawl__conn_end(conn);
        return;
    }
    pawl__exchange_close(http1->exchange, PAWL_E_UNAVAILABLE);
    pawl__http1_fail(http1, 503);
}

static void http1_finish(struct pawl_conn *conn) {
    struct pawl_http1 *http1 = conn->state;
    pawl__buf_finish(&http1->text);
    pawl__buf_finish(&http1->pending);
    free(http1);
}

static const struct pawl_protocol http1_protocol = {
    .receive = http1_receive,
    .eof = http1_eof,
    .produce = http1_produce,
    .tick = http1_tick,
    .lost = http1_lost,
    .drain = http1_drain,
    .abort = http1_abort,
    .finish = http1_finish,
};

enum pawl_err pawl__http1_start(struct pawl_conn *conn, struct pawl_service *service) {
    struct pawl_http1 *http1 = calloc(1, sizeof *http1);
    if (!http1) return PAWL_E_NOMEM;
    llhttp_init(&http1->parser, HTTP_REQUEST, &http1_settings);
    http1->conn = conn;
    http1->service = service;
    conn->protocol = &http1_protocol;
    conn->state = http1;
    return PAWL_OK;
}
