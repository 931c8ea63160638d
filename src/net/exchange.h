#ifndef PAWL_NET_EXCHANGE_H
#define PAWL_NET_EXCHANGE_H

// One request and its answer, as the protocols see them.
//
//   RECEIVING ──dispatch──► OPEN ──a finishing call──► ANSWERED ──written──► (released)
//       │                    │
//       └── refused ──► ANSWERED
//                            └── client gone, deadline, shutdown: on_close ──► ANSWERED or released

#include <stdatomic.h>

#include "net/conn.h"
#include "net/deadlines.h"
#include "net/grpc.h"
#include "net/options.h"

enum pawl_exchange_state {
    PAWL_EXCHANGE_RECEIVING,
    PAWL_EXCHANGE_OPEN,
    PAWL_EXCHANGE_ANSWERED
};

struct pawl_exchange;

// How a protocol answers. Called in state OPEN or RECEIVING; |text| and what it points to are the
// caller's.
struct pawl_answers {
    void (*respond)(struct pawl_exchange *exchange, int status, const struct pawl_header *headers,
                    size_t header_count, struct pawl_str body);
    // The rest is for answers that stream, and for all of gRPC.
    void (*start)(struct pawl_exchange *exchange, const struct pawl_header *headers,
                  size_t header_count);
    enum pawl_err (*send)(struct pawl_exchange *exchange, struct pawl_str part);
    void (*finish)(struct pawl_exchange *exchange, enum pawl_err code, struct pawl_str text,
                   struct pawl_str details);
};

struct pawl_exchange {
    struct pawl_request request; // first: the handler holds its address
    struct pawl_service *service;
    struct pawl_conn *conn;
    const struct pawl_answers *answers;
    struct pawl_exchange *prev, *next; // in the connection's list; |next| also in the free list
    enum pawl_exchange_state state;

    struct pawl_header *headers; // request.headers, with room for header_cap
    size_t header_cap;
    size_t header_bytes;
    struct pawl_buf body; // request.body points into it
    size_t max_body;      // bytes
    size_t charged;       // of the service's |buffered|
    uint64_t touched;     // uv_now of the last byte of the request
    struct pawl_heap_node deadline;
    int64_t timeout; // of grpc-timeout; INT64_MAX: none

    struct pawl_buf queue; // of the answer: what waits for the peer, from |queue_at| on
    size_t queue_at;

    // HTTP/2
    struct pawl_grpc_decoder decoder;
    int32_t stream;
    const char *grpc_text; // of the trailers, encoded; in the arena
    const char *grpc_details;
    struct pawl_str grpc_status; // its number; static
    enum pawl_grpc_type type;
    unsigned is_oversized : 1; // the headers are too large
    unsigned is_starved : 1;   // there was no memory for the headers
    unsigned is_mistimed : 1;  // grpc-timeout is malformed
    unsigned has_message : 1;  // the first one is whole
    unsigned is_head : 1;      // method HEAD: no body in the answer
    unsigned has_started : 1;  // the answer's headers are submitted
    unsigned has_ended : 1;    // after the queue come the trailers, or the end
    unsigned has_trailers : 1; //
    unsigned is_deferred : 1;  // the queue was found empty
    unsigned is_drained : 1;   // in the list of those whose on_drain is due
    unsigned is_received : 1;  // the request has ended
    unsigned is_weighty : 1;   // see pawl__stream_weigh
    struct pawl_exchange *next_drained;
};

// What the exchanges of a server share.
struct pawl_service {
    struct pawl_server_options options;
    uv_loop_t *loop;
    struct pawl_exchange *free;
    size_t free_count;
    size_t buffered;       // bytes of bodies in all exchanges
    atomic_size_t weighty; // exchanges that are; read by other loops, too
    struct pawl_deadlines deadlines;
    int64_t date_second;
    char date[64];
};

void pawl__service_init(struct pawl_service *service, uv_loop_t *loop,
                        const struct pawl_server_options *options);
// No exchange is left. |on_finished| is called when the deadlines are closed.
void pawl__service_finish(struct pawl_service *service,
                          void (*on_finished)(struct pawl_deadlines *deadlines));

// The value of a date header (RFC 9110 5.6.7).
struct pawl_str pawl__service_date(struct pawl_service *service);

// NULL when memory is out. The caller links it into its connection's |list|.
struct pawl_exchange *pawl__exchange_create(struct pawl_service *service, struct pawl_conn *conn,
                                            const struct pawl_answers *answers,
                                            struct pawl_exchange **list);

// Unlinks and frees.
void pawl__exchange_release(struct pawl_exchange *exchange, struct pawl_exchange **list);

// Copies a header of the request. False when memory is out.
bool pawl__exchange_header(struct pawl_exchange *exchange, struct pawl_str name,
                           struct pawl_str value);

// Splits a request target into path and query, and takes the scheme and host of its absolute form
// off (RFC 9112 3.2.2). |target| is in the arena. False when it is neither absolute nor begins with
// '/' nor is "*".
bool pawl__exchange_target(struct pawl_exchange *exchange, struct pawl_str target);

// Accounts for |body| having grown. False when the server holds too much.
bool pawl__exchange_charge(struct pawl_exchange *exchange);

// Hands the complete request to the handler.
void pawl__exchange_dispatch(struct pawl_exchange *exchange);

// Ends a streamed HTTP answer because the server closes, and tells the handler.
void pawl__exchange_end_stream(struct pawl_exchange *exchange);

// Sets ANSWERED and stops the deadline: the first thing in every finishing call.
void pawl__exchange_answered(struct pawl_exchange *exchange);

// Calls the request's |on_end|, at most once.
void pawl__exchange_tell_end(struct pawl_exchange *exchange, int status);

// The answer is no longer wanted: tells the handler, if it has the request, and sets ANSWERED.
void pawl__exchange_close(struct pawl_exchange *exchange, enum pawl_err reason);

// Room for |len| bytes at the end of the answer's queue, which the caller fills and counts; NULL
// when memory is out, and then the queue is as it was.
uint8_t *pawl__exchange_reserve(struct pawl_exchange *exchange, size_t len);

// Whether a handler's header may be sent. A line break in a value could forge headers.
bool pawl__header_valid(const struct pawl_header *header);

#endif
