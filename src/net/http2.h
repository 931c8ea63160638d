#ifndef PAWL_NET_HTTP2_H
#define PAWL_NET_HTTP2_H

// The server's side of HTTP/2: http2.c takes requests in, http2_answer.c sends answers.

#include "net/exchange.h"
#include "net/h2.h"
#include "net/h2_watch.h"

struct pawl_http2 {
    struct pawl_h2 h2;
    struct pawl_h2_watch watch;
    struct pawl_service *service;
    struct pawl_exchange *exchanges;
    struct pawl_exchange *recent;  // the one that was looked for last; NULL: it is gone
    struct pawl_exchange *drained; // those whose on_drain is due, by next_drained
    size_t open;                   // of |exchanges|
    size_t queued;                 // bytes in the queues of all exchanges
    uint64_t last_busy;            // uv_now of when a request was last seen open
    uint64_t drained_at;           // uv_now of the notice of the end
    uint64_t pinged_at;            // uv_now of the PING that is answered with what is written next
    uint8_t ping[8];               // its content
    unsigned is_draining : 1;
    unsigned has_last : 1; // the final GOAWAY is sent
    unsigned is_pinged : 1;
};

// Makes |conn|, on which nothing was received yet, an HTTP/2 connection.
enum pawl_err pawl__http2_start(struct pawl_conn *conn, struct pawl_service *service);

// http2_answer.c
extern const struct pawl_answers pawl__http2_answers;
int pawl__http2_send_data(nghttp2_session *session, nghttp2_frame *frame, const uint8_t *head,
                          size_t len, nghttp2_data_source *source, void *data);
// Answers a request that the handler shall not see: with |code| and |text| if it is gRPC, with
// |status| if it is not.
void pawl__http2_refuse(struct pawl_exchange *exchange, enum pawl_err code, int status,
                        const char *text);

#endif
