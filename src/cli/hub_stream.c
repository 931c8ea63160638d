#include "cli/hub_stream.h"

#include <llhttp.h>
#include <stdlib.h>
#include <string.h>

#include "base/list.h"
#include "net/answer.h"

enum {
    STREAM_PIECE = 16 << 10, // bytes that are read at once
    STREAM_HELD = 64 << 10,  // bytes that a slow browser has to take before more is read
};

struct hub_stream {
    llhttp_t parser; // first: its callbacks get its address
    union {
        uv_handle_t handle;
        uv_stream_t stream;
        uv_tcp_t tcp;
        uv_pipe_t pipe;
    } daemon;
    uv_connect_t connect;
    uv_write_t write;
    struct pawl_buf ask;
    struct pawl_request *request; // NULL: it has ended
    bool is_started, is_reading;
    char piece[STREAM_PIECE];
};

static void stream_closed(uv_handle_t *handle) {
    struct hub_stream *stream = handle->data;
    pawl__buf_finish(&stream->ask);
    free(stream);
}

// |why|: what the browser is told when it has been told nothing yet.
static void stream_end(struct hub_stream *stream, const char *why) {
    struct pawl_request *request = stream->request;
    stream->request = NULL;
    if (request)
        pawl__grpc_finish(request, stream->is_started ? PAWL_OK : PAWL_E_UNAVAILABLE, why,
                          PAWL_STR(""));
    if (!uv_is_closing(&stream->daemon.handle)) uv_close(&stream->daemon.handle, stream_closed);
}

static void stream_on_close(struct pawl_request *request, enum pawl_err reason) {
    struct hub_stream *stream = request->data;
    stream->request = NULL;
    stream_end(stream, "");
}

// --- what comes ----------------------------------------------------------------------------------

static int stream_on_headers(llhttp_t *parser) {
    static const struct pawl_header headers[] = {
        {{"content-type", 12}, {"text/event-stream", 17}},
        {{"cache-control", 13}, {"no-store", 8}},
    };
    struct hub_stream *stream = (struct hub_stream *)parser;
    if (parser->status_code != 200 || !stream->request) return -1;
    stream->is_started = true;
    pawl__stream_start(stream->request, headers, sizeof headers / sizeof *headers);
    return 0;
}

static int stream_on_body(llhttp_t *parser, const char *at, size_t len) {
    struct hub_stream *stream = (struct hub_stream *)parser;
    if (!stream->request) return -1;
    return pawl__stream_send(stream->request, (struct pawl_str){at, len}) ? -1 : 0;
}

static int stream_on_complete(llhttp_t *parser) {
    return -1; // the daemon says no more
}

static const llhttp_settings_t stream_settings = {
    .on_headers_complete = stream_on_headers,
    .on_body = stream_on_body,
    .on_message_complete = stream_on_complete,
};

static void stream_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *out) {
    struct hub_stream *stream = handle->data;
    *out = uv_buf_init(stream->piece, sizeof stream->piece);
}

static void stream_on_read(uv_stream_t *handle, ssize_t len, const uv_buf_t *piece) {
    struct hub_stream *stream = handle->data;
    if (len < 0 || llhttp_execute(&stream->parser, piece->base, (size_t)len) != HPE_OK)
        stream_end(stream, "the daemon does not tell what happens");
    else if (stream->request && pawl__stream_queued(stream->request) > STREAM_HELD) {
        uv_read_stop(handle);
        stream->is_reading = false;
    }
}

static void stream_read(struct hub_stream *stream) {
    if (stream->is_reading) return;
    stream->is_reading = true;
    uv_read_start(&stream->daemon.stream, stream_alloc, stream_on_read);
}

static void stream_on_drain(struct pawl_request *request) {
    stream_read(request->data);
}

// --- the question --------------------------------------------------------------------------------

static void stream_written(uv_write_t *write, int status) {
    struct hub_stream *stream = write->data;
    if (status) stream_end(stream, "the daemon does not answer");
}

static void stream_connected(uv_connect_t *connect, int status) {
    struct hub_stream *stream = connect->data;
    if (status) {
        stream_end(stream, "the daemon does not answer");
        return;
    }
    const uv_buf_t ask = uv_buf_init((char *)stream->ask.data, (unsigned)stream->ask.len);
    stream->write.data = stream;
    if (uv_write(&stream->write, &stream->daemon.stream, &ask, 1, stream_written))
        stream_end(stream, "the daemon does not answer");
    else
        stream_read(stream);
}

static int stream_connect(struct hub_stream *stream, uv_loop_t *loop, const char *host, int port) {
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    } address;
    if (*host == '/') {
        uv_pipe_init(loop, &stream->daemon.pipe, 0);
        uv_pipe_connect(&stream->connect, &stream->daemon.pipe, host, stream_connected);
        return 0;
    }
    uv_tcp_init(loop, &stream->daemon.tcp);
    if (uv_ip4_addr(host, port, &address.v4) && uv_ip6_addr(host, port, &address.v6))
        return UV_EINVAL;
    return uv_tcp_connect(&stream->connect, &stream->daemon.tcp, &address.any, stream_connected);
}

void pawl__hub_stream(uv_loop_t *loop, struct pawl_request *request, const char *host, int port,
                      struct pawl_buf *ask) {
    struct hub_stream *stream = ask->failed ? NULL : calloc(1, sizeof *stream);
    if (!stream) {
        pawl__buf_finish(ask);
        pawl__grpc_finish(request, PAWL_E_NOMEM, "out of memory", PAWL_STR(""));
        return;
    }
    llhttp_init(&stream->parser, HTTP_RESPONSE, &stream_settings);
    stream->ask = *ask;
    *ask = (struct pawl_buf){0};
    stream->request = request;
    stream->connect.data = stream;
    request->data = stream;
    request->on_close = stream_on_close;
    request->on_drain = stream_on_drain;
    int rv = stream_connect(stream, loop, host, port);
    stream->daemon.handle.data = stream;
    if (rv) stream_end(stream, "the daemon does not answer");
}
