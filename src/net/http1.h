#ifndef PAWL_NET_HTTP1_H
#define PAWL_NET_HTTP1_H

#include <llhttp.h>

#include "net/exchange.h"

struct pawl_http1 {
    llhttp_t parser; // first: its callbacks get its address
    struct pawl_conn *conn;
    struct pawl_service *service;
    struct pawl_exchange *exchange; // the one request under way
    struct pawl_buf text;           // the header being received: name, then value
    size_t name_len;
    struct pawl_buf pending; // received, and not parsed yet
    uint64_t started;        // uv_now of the request's first byte
    const char *input_end;   // of what the parser is given
    uint64_t chunk_left;     // bytes of the chunk under way
    const char *chunk_end;   // what has to come of the line end behind that chunk; NULL: nothing
    int refusal;             // the status that the failed parsing is answered with
    unsigned hosts : 2;
    unsigned in_headers : 1;
    unsigned is_complete : 1; // |exchange| is ready for the handler
    unsigned is_over : 1;     // the connection takes no more requests
    unsigned has_eof : 1;
    unsigned keeps_alive : 1; // after |exchange|
    unsigned is_1_0 : 1;
    unsigned is_draining : 1;
    unsigned has_begun : 1; // a request's target has come
    unsigned is_cut : 1;    // the answer ends before its end
};

// Makes |conn|, on which nothing was received yet, an HTTP/1.1 connection.
enum pawl_err pawl__http1_start(struct pawl_conn *conn, struct pawl_service *service);

// --- http1_answer.c --------------------------------------------------------------------------

extern const struct pawl_answers pawl__http1_answers;

// Answers a malformed or refused request, and closes.
void pawl__http1_fail(struct pawl_http1 *http1, int status);

// Frees the request under way, if there is one.
void pawl__http1_release(struct pawl_http1 *http1);

static inline bool pawl__http1_is_streaming(const struct pawl_http1 *http1) {
    return http1->exchange && http1->exchange->has_started;
}

// Moves what is queued of an answer that streams to the connection, as far as there is room, and
// ends the answer after the last of it.
void pawl__http1_stream_produce(struct pawl_http1 *http1);

#endif
