#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "net/grpc_channel.h"

enum {
    CALL_METADATA = 16, // header fields of a client's own
    CALL_TEXT = 16 << 10
};

static struct pawl_grpc_call **call_list(struct pawl_grpc_call *call) {
    return call->channel ? &call->channel->calls : &call->client->waiting;
}

static void call_link(struct pawl_grpc_call *call) {
    struct pawl_grpc_call **list = call_list(call);
    call->prev = NULL;
    call->next = *list;
    if (call->next) call->next->prev = call;
    *list = call;
}

static void call_unlink(struct pawl_grpc_call *call) {
    if (call->prev)
        call->prev->next = call->next;
    else
        *call_list(call) = call->next;
    if (call->next) call->next->prev = call->prev;
    call->prev = call->next = NULL;
}

static void call_free(struct pawl_grpc_call *call) {
    pawl__buf_finish(&call->request);
    pawl__buf_finish(&call->message);
    pawl__buf_finish(&call->text);
    free(call);
}

// Takes |call| away from session, list and deadlines; it is freed when nothing is in it any more.
static void call_detach(struct pawl_grpc_call *call) {
    call->is_over = true;
    pawl__deadlines_remove(&call->client->deadlines, &call->deadline);
    if (call->stream > 0 && call->channel)
        nghttp2_session_set_stream_user_data(call->channel->h2.session, call->stream, NULL);
    call_unlink(call);
}

static void call_end(struct pawl_grpc_call *call, enum pawl_err code, struct pawl_str text) {
    if (call->is_over) return;
    call_detach(call);
    if (call->options.on_end) call->options.on_end(call->options.arg, code, text);
    if (!call->is_busy) call_free(call);
}

static void call_reset(struct pawl_grpc_call *call) {
    if (!call->channel || call->stream <= 0) return;
    nghttp2_submit_rst_stream(call->channel->h2.session, NGHTTP2_FLAG_NONE, call->stream,
                              NGHTTP2_CANCEL);
    pawl__conn_flush(call->channel->h2.conn);
}

// Ends a call whose answer is unacceptable, when its stream closes.
static void call_fail(struct pawl_grpc_call *call, enum pawl_err code, const char *text) {
    if (call->failure) return;
    call->failure = code;
    call->failure_text = text;
    call_reset(call);
}

void pawl__grpc_calls_end(struct pawl_grpc_call **list, enum pawl_err code, const char *text) {
    while (*list) call_end(*list, code, pawl__str(text));
}

void pawl__grpc_calls_on_deadline(struct pawl_heap_node *node) {
    struct pawl_grpc_call *call =
        (struct pawl_grpc_call *)((char *)node - offsetof(struct pawl_grpc_call, deadline));
    call_reset(call);
    call_end(call, PAWL_E_DEADLINE, PAWL_STR("the deadline passed"));
}

// --- sending ---------------------------------------------------------------------------------

static ssize_t call_read(nghttp2_session *session, int32_t stream, uint8_t *buf, size_t max,
                         uint32_t *flags, nghttp2_data_source *source, void *data) {
    struct pawl_grpc_call *call = nghttp2_session_get_stream_user_data(session, stream);
    if (!call) return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE; // canceled
    size_t left = call->request.len - call->request_at;
    size_t len = left < max ? left : max;
    *flags |= NGHTTP2_DATA_FLAG_NO_COPY;
    if (len == left) *flags |= NGHTTP2_DATA_FLAG_EOF;
    return (ssize_t)len;
}

static int call_on_send_data(nghttp2_session *session, nghttp2_frame *frame, const uint8_t *head,
                             size_t len, nghttp2_data_source *source, void *data) {
    struct pawl_grpc_channel *channel = data;
    struct pawl_grpc_call *call =
        nghttp2_session_get_stream_user_data(session, frame->hd.stream_id);
    if (!call) return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    int rv = pawl__h2_send_data(&channel->h2, head, call->request.data + call->request_at, len);
    if (rv) return rv;
    call->request_at += len;
    if (call->request_at == call->request.len) {
        pawl__buf_finish(&call->request);
        call->request_at = 0;
    }
    return 0;
}

void pawl__grpc_call_submit(struct pawl_grpc_channel *channel, struct pawl_grpc_call *call) {
    const struct pawl_grpc_client_options *options = &call->client->options;
    nghttp2_nv nv[CALL_METADATA + 8] = {
        PAWL_H2_NV(":method", "POST"),
        PAWL_H2_NV(":scheme", "http"),
        pawl__h2_nv(PAWL_STR(":path"), pawl__str(call->method)),
        pawl__h2_nv(PAWL_STR(":authority"), call->client->authority),
        PAWL_H2_NV("te", "trailers"),
        PAWL_H2_NV("content-type", "application/grpc"),
        pawl__h2_nv(PAWL_STR("user-agent"), pawl__str(options->user_agent)),
    };
    size_t count = 7;
    char timeout[12];
    if (call->options.timeout) {
        // What is left of it: the call may have waited for the connection.
        pawl__grpc_timeout_format(call->options.timeout - (pawl__clock_steady() - call->started),
                                  timeout);
        nv[count++] = pawl__h2_nv(PAWL_STR("grpc-timeout"), pawl__str(timeout));
    }
    for (size_t i = 0; i < options->metadata_count && i < CALL_METADATA; i++)
        nv[count++] = pawl__h2_nv(options->metadata[i].name, options->metadata[i].value);

    call_unlink(call);
    call->channel = channel;
    call_link(call);
    const nghttp2_data_provider provider = {{.ptr = NULL}, call_read};
    call->stream = nghttp2_submit_request(channel->h2.session, NULL, nv, count, &provider, call);
    if (call->stream < 0) pawl__conn_fail(channel->h2.conn, PAWL_E_UNAVAILABLE);
    pawl__conn_flush(channel->h2.conn);
}

enum pawl_err pawl__grpc_call(struct pawl_grpc_client *client,
                              const struct pawl_grpc_call_options *options,
                              struct pawl_grpc_call **out) {
    if (client->is_closing || client->state == PAWL_GRPC_CLIENT_CLOSED) return PAWL_E_UNAVAILABLE;
    if (options->message.len > UINT32_MAX) return PAWL_E_TOO_LARGE;
    size_t method = strlen(options->method) + 1;
    struct pawl_grpc_call *call = calloc(1, sizeof *call + method);
    if (!call) return PAWL_E_NOMEM;
    memcpy(call->method, options->method, method);
    call->client = client;
    call->options = *options;
    call->http_status = call->grpc_status = -1;
    call->started = pawl__clock_steady();
    uint8_t head[PAWL_GRPC_HEAD];
    pawl__grpc_head(head, (uint32_t)options->message.len);
    pawl__buf_append(&call->request, head, sizeof head);
    pawl__buf_append_str(&call->request, options->message);
    if (call->request.failed) {
        call_free(call);
        return PAWL_E_NOMEM;
    }
    if (options->timeout)
        pawl__deadlines_add(&client->deadlines, &call->deadline, options->timeout);
    call_link(call);
    if (client->channel) pawl__grpc_call_submit(client->channel, call);
    if (out) *out = call;
    return PAWL_OK;
}

bool pawl__grpc_call_is_unseen(const struct pawl_grpc_call *call) {
    return call->is_unseen || call->stream <= 0;
}

void pawl__grpc_cancel(struct pawl_grpc_call *call) {
    if (call->is_over) return;
    call_reset(call);
    call_detach(call);
    if (!call->is_busy) call_free(call);
}

// --- receiving -------------------------------------------------------------------------------

static int call_on_header(nghttp2_session *session, const nghttp2_frame *frame,
                          const uint8_t *name_data, size_t name_len, const uint8_t *value_data,
                          size_t value_len, uint8_t flags, void *data) {
    struct pawl_grpc_call *call =
        nghttp2_session_get_stream_user_data(session, frame->hd.stream_id);
    if (!call) return 0;
    struct pawl_str name = {(const char *)name_data, name_len};
    struct pawl_str value = {(const char *)value_data, value_len};
    if (pawl__str_equal(name, PAWL_STR(":status"))) {
        pawl__str_to_int(value, 100, 599, &call->http_status);
    } else if (pawl__str_equal(name, PAWL_STR("content-type"))) {
        call->is_grpc = pawl__grpc_type(value) == PAWL_GRPC_YES;
    } else if (pawl__str_equal(name, PAWL_STR("grpc-status"))) {
        if (!pawl__str_to_int(value, 0, INT32_MAX, &call->grpc_status)) call->grpc_status = 2;
    } else if (pawl__str_equal(name, PAWL_STR(PAWL_GRPC_CODE))) {
        pawl__str_to_int(value, 0, INT32_MAX, &call->code);
    } else if (pawl__str_equal(name, PAWL_STR("grpc-message")) && value.len <= CALL_TEXT) {
        pawl__buf_clear(&call->text);
        if (pawl__buf_append_str(&call->text, value))
            call->text.len = pawl__str_unescape((char *)call->text.data, call->text.len);
    }
    return 0;
}

static void call_take(struct pawl_grpc_call *call, struct pawl_str data) {
    const struct pawl_grpc_call_options *options = &call->options;
    while (data.len && !call->is_over && !call->failure) {
        bool complete;
        enum pawl_err err = pawl__grpc_decode(
            &call->decoder, &data, call->client->options.max_message, &call->message, &complete);
        if (err == PAWL_E_TOO_LARGE)
            call_fail(call, err, "the received message is too large");
        else if (err == PAWL_E_NOMEM)
            call_fail(call, err, pawl__err_text(err));
        else if (err)
            call_fail(call, PAWL_E_INTERNAL, "the received message is compressed or malformed");
        if (err || !complete) return;
        if (call->count < 2) call->count++;
        if (options->is_unary && call->count > 1) {
            call_fail(call, PAWL_E_UNIMPLEMENTED, "more than one message was received");
            return;
        }
        call->is_busy = true;
        if (options->on_message) options->on_message(options->arg, pawl__buf_str(&call->message));
        call->is_busy = false;
        pawl__buf_clear(&call->message);
    }
}

static int call_on_data(nghttp2_session *session, uint8_t flags, int32_t stream,
                        const uint8_t *bytes, size_t len, void *data) {
    if (nghttp2_session_consume(session, stream, len)) return NGHTTP2_ERR_CALLBACK_FAILURE;
    struct pawl_grpc_call *call = nghttp2_session_get_stream_user_data(session, stream);
    if (!call || !call->is_grpc || call->http_status != 200) return 0;
    call_take(call, (struct pawl_str){(const char *)bytes, len});
    if (call->is_over) call_free(call); // in a callback of its own
    return 0;
}

static int call_on_frame_not_send(nghttp2_session *session, const nghttp2_frame *frame, int error,
                                  void *data) {
    if (frame->hd.type != NGHTTP2_HEADERS) return 0;
    struct pawl_grpc_call *call =
        nghttp2_session_get_stream_user_data(session, frame->hd.stream_id);
    if (!call) return 0;
    call->is_unseen = true;
    call_fail(call, PAWL_E_UNAVAILABLE, "the server takes no more calls");
    return 0;
}

static int call_on_stream_close(nghttp2_session *session, int32_t stream, uint32_t error,
                                void *data) {
    struct pawl_grpc_call *call = nghttp2_session_get_stream_user_data(session, stream);
    if (!call) return 0;
    char text[64];
    if (error == NGHTTP2_REFUSED_STREAM) call->is_unseen = true;
    if (call->failure) {
        call_end(call, call->failure, pawl__str(call->failure_text));
    } else if (call->grpc_status >= 0) {
        enum pawl_err code = pawl__grpc_code(call->grpc_status);
        if (code && call->code && call->client->options.takes_codes)
            code = pawl__err_of(call->code);
        if (code == PAWL_OK && !pawl__grpc_decoder_idle(&call->decoder))
            call_end(call, PAWL_E_INTERNAL, PAWL_STR("the last message ends early"));
        else if (code == PAWL_OK && call->options.is_unary && call->count == 0)
            call_end(call, PAWL_E_UNIMPLEMENTED, PAWL_STR("no message was received"));
        else
            call_end(call, code, pawl__buf_str(&call->text));
    } else if (call->http_status > 0 && (call->http_status != 200 || !call->is_grpc)) {
        snprintf(text, sizeof text, "the server answered with HTTP status %d",
                 (int)call->http_status);
        call_end(call, pawl__grpc_code_of_http(call->http_status), pawl__str(text));
    } else if (error) {
        snprintf(text, sizeof text, "the server reset the call: %s", nghttp2_http2_strerror(error));
        call_end(call, pawl__grpc_code_of_reset(error), pawl__str(text));
    } else {
        call_end(call, PAWL_E_UNKNOWN, PAWL_STR("the call ended without a status"));
    }
    return 0;
}

void pawl__grpc_calls_register(nghttp2_session_callbacks *callbacks) {
    nghttp2_session_callbacks_set_on_header_callback(callbacks, call_on_header);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, call_on_data);
    nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, call_on_stream_close);
    nghttp2_session_callbacks_set_on_frame_not_send_callback(callbacks, call_on_frame_not_send);
    nghttp2_session_callbacks_set_send_data_callback(callbacks, call_on_send_data);
}
