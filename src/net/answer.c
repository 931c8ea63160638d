#include "net/answer.h"

#include "net/exchange.h"

// A request that was closed or answered is not answered again: its handler is wrong, but the
// client must not suffer from it.
static struct pawl_exchange *answer_open(struct pawl_request *request) {
    struct pawl_exchange *exchange = (struct pawl_exchange *)request;
    return exchange->state == PAWL_EXCHANGE_OPEN ? exchange : NULL;
}

// A handler's headers, and those of the server that go with whatever answer.
struct answer_headers {
    const struct pawl_header *items;
    size_t count;
};

// Without memory those of the server are left out.
static struct answer_headers answer_all_headers(struct pawl_request *request,
                                                const struct pawl_header *headers, size_t count) {
    size_t extra = request->extra_count;
    struct pawl_header *all = NULL;
    if (extra) all = pawl__arena_alloc(&request->arena, (count + extra) * sizeof *all);
    if (!all) return (struct answer_headers){headers, count};
    memcpy(all, request->extra, extra * sizeof *all);
    if (count) memcpy(all + extra, headers, count * sizeof *all);
    return (struct answer_headers){all, count + extra};
}

void pawl__http_respond(struct pawl_request *request, int status, const struct pawl_header *headers,
                        size_t header_count, struct pawl_str body) {
    struct pawl_exchange *exchange = answer_open(request);
    if (!exchange) return;
    struct answer_headers all = answer_all_headers(request, headers, header_count);
    request->sent += body.len;
    pawl__exchange_tell_end(exchange, status);
    pawl__exchange_answered(exchange);
    exchange->answers->respond(exchange, status, all.items, all.count, body);
}

void pawl__stream_start(struct pawl_request *request, const struct pawl_header *headers,
                        size_t header_count) {
    struct pawl_exchange *exchange = answer_open(request);
    if (!exchange || exchange->has_started) return;
    struct answer_headers all = answer_all_headers(request, headers, header_count);
    exchange->answers->start(exchange, all.items, all.count);
    exchange->has_started = true;
}

enum pawl_err pawl__stream_send(struct pawl_request *request, struct pawl_str part) {
    struct pawl_exchange *exchange = answer_open(request);
    if (!exchange) return PAWL_E_PRECONDITION;
    if (part.len > UINT32_MAX) return PAWL_E_TOO_LARGE;
    request->sent += part.len;
    enum pawl_err err = exchange->answers->send(exchange, part);
    if (!err) pawl__stream_start(request, NULL, 0);
    return err;
}

void pawl__stream_weigh(struct pawl_request *request) {
    struct pawl_exchange *exchange = answer_open(request);
    if (!exchange || exchange->is_weighty) return;
    exchange->is_weighty = true;
    atomic_fetch_add(&exchange->service->weighty, 1);
}

size_t pawl__stream_queued(const struct pawl_request *request) {
    const struct pawl_exchange *exchange = (const struct pawl_exchange *)request;
    return exchange->queue.len - exchange->queue_at;
}

void pawl__grpc_respond(struct pawl_request *request, struct pawl_str message) {
    enum pawl_err err = pawl__stream_send(request, message);
    if (err == PAWL_OK)
        pawl__grpc_finish(request, PAWL_OK, NULL, (struct pawl_str){0});
    else if (err != PAWL_E_PRECONDITION)
        pawl__grpc_finish(request, err, pawl__err_text(err), (struct pawl_str){0});
}

void pawl__grpc_finish(struct pawl_request *request, enum pawl_err code, const char *text,
                       struct pawl_str details) {
    struct pawl_exchange *exchange = answer_open(request);
    if (!exchange) return;
    struct pawl_str story = pawl__str(text);
    if (code != PAWL_OK && !text) story = pawl__str(pawl__err_text(code));
    if (!request->is_grpc && !exchange->has_started) {
        const struct pawl_header type = {PAWL_STR("content-type"), PAWL_STR("text/plain")};
        pawl__http_respond(request, pawl__err_http(code), &type, 1, story);
        return;
    }
    int status = request->is_grpc ? (int)code : code ? pawl__err_http(code) : 200;
    pawl__exchange_tell_end(exchange, status);
    pawl__exchange_answered(exchange);
    exchange->answers->finish(exchange, code, story, details);
}
