#ifndef PAWL_NET_SERVER_H
#define PAWL_NET_SERVER_H

// Bytes in, requests out: one server for HTTP/1.1, HTTP/2 without TLS (prior knowledge) and gRPC.
//
// A listener takes every protocol on its port and tells them apart by the first bytes. A request is
// handed to the handler when it is complete; the handler answers at once or later, on the loop's
// thread. Everything here runs on the loop's thread.

#include <uv.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/log.h"

struct pawl_server;

struct pawl_header {
    struct pawl_str name; // lower case
    struct pawl_str value;
};

enum {
    PAWL_REQUEST_EXTRA = 6
};

// A request and, until it is finished, the way to its answer. The server owns it and all it points
// to; it lives until one of the finishing calls below, or until |on_close| has returned.
struct pawl_request {
    struct pawl_str method; // "GET"; gRPC: "POST"
    struct pawl_str path;   // as sent, without the query
    struct pawl_str query;  // without '?', as sent
    const struct pawl_header *headers;
    size_t header_count;
    struct pawl_str body; // gRPC: the message, without its frame
    bool is_grpc;
    struct pawl_str authority;
    struct pawl_arena arena; // the handler's too: freed with the request

    // Go with whatever answer, see pawl__request_add_header.
    struct pawl_header extra[PAWL_REQUEST_EXTRA];
    size_t extra_count;

    void *data; // the handler's

    // Set by the handler when it answers later. Called when the client is gone, has canceled, its
    // deadline has passed, or the server closes: the answer is no longer wanted, and the request is
    // freed on return. |reason|: PAWL_E_CANCELED, PAWL_E_DEADLINE or PAWL_E_UNAVAILABLE. Never
    // called after a finishing call.
    void (*on_close)(struct pawl_request *request, enum pawl_err reason);

    // Set by the handler of an answer that streams: called when what was queued has been written.
    void (*on_drain)(struct pawl_request *request);

    // Set by who looks on, before the handler: called once when the request is answered or closed,
    // in whatever way. |status|: of HTTP, or an enum pawl_err with gRPC. |watch| is the watcher's.
    void (*on_end)(struct pawl_request *request, int status);
    void *watch;
    size_t sent; // bytes of the answer's body, or of its messages, as far as it was given
};

typedef void (*pawl_handler)(void *arg, struct pawl_request *request);

struct pawl_server_options {
    size_t max_body;      // bytes of a request's body or gRPC message; more: TOO_LARGE or 413
    size_t max_header;    // bytes of a request's headers; more: 431, or RESOURCE_EXHAUSTED
    size_t max_buffered;  // bytes of all bodies that are held at once; 0: 64 times max_body
    int64_t idle_timeout; // nanoseconds without a byte in the middle of a request, or for the
                          // headers of one: 408 and close

    // An HTTP/2 peer that was silent for |keepalive_time| gets a PING, and |keepalive_timeout|
    // to answer it. Nanoseconds; 0: ten seconds, and five.
    int64_t keepalive_time, keepalive_timeout;

    // Web pages that may call, as for --allowed-origins; NULL: none. See net/origin.h.
    const char *allowed_origins;

    pawl_handler handler;
    void *arg;
    const struct pawl_log *log;
};

// |loop| runs the server, and the caller runs |loop|.
enum pawl_err pawl__server_create(uv_loop_t *loop, const struct pawl_server_options *options,
                                  struct pawl_server **out, struct pawl_error *error);

// Listens on |address| (IPv4, IPv6 or "localhost": both loopbacks) and |port| (0: a free one,
// stored in |*port|). PAWL_E_UNAVAILABLE with the address and the reason when the port is in use,
// PAWL_E_NOT_FOUND when this machine has no such address.
enum pawl_err pawl__server_listen(struct pawl_server *server, const char *address, int *port,
                                  struct pawl_error *error);

// Listens on a unix socket; a stale socket file is replaced, a living one is an error.
enum pawl_err pawl__server_listen_unix(struct pawl_server *server, const char *path,
                                       struct pawl_error *error);

// Stops listening, closes idle connections, sends GOAWAY, lets open requests end, ends those that
// have not (on_close with PAWL_E_UNAVAILABLE) soon enough for their answers to be written, closes
// all |grace| nanoseconds from now at the latest, or a tenth of a second when that is less, frees
// the server and calls |done|.
void pawl__server_close(struct pawl_server *server, int64_t grace, void (*done)(void *arg),
                        void *arg);

// --- looking at a request --------------------------------------------------------------------

// The first header |name| (lower case); data NULL when there is none.
struct pawl_str pawl__request_header(const struct pawl_request *request, const char *name);

// The decoded query parameter |name|, in the request's arena; data NULL when there is none.
struct pawl_str pawl__request_query(struct pawl_request *request, const char *name);

// A percent-decoded copy of |text| in the request's arena; data NULL when it is malformed.
struct pawl_str pawl__request_decode(struct pawl_request *request, struct pawl_str text);

// The peer's user agent; empty when it sent none.
struct pawl_str pawl__request_agent(const struct pawl_request *request);

// Adds a header to the answer, whatever it will be; with gRPC it goes before the first message. The
// texts live as long as the request. What is more than PAWL_REQUEST_EXTRA in all is left out.
void pawl__request_add_header(struct pawl_request *request, struct pawl_str name,
                              struct pawl_str value);

// --- finishing calls: the request is gone when they return -----------------------------------

// Answers with |status|, |headers| (content-length and date are added) and |body|. All is copied.
void pawl__http_respond(struct pawl_request *request, int status, const struct pawl_header *headers,
                        size_t header_count, struct pawl_str body);

// Answers a unary gRPC call with one message and status OK. Copied.
void pawl__grpc_respond(struct pawl_request *request, struct pawl_str message);

// Ends a gRPC call, streamed or not, with a status and a text (which is percent-encoded, and cut so
// that it fits a client's header limits). PAWL_OK ends a stream normally. |details|: an encoded
// google.rpc.Status for grpc-status-details-bin, or empty. Over HTTP the same ends an answer that
// streams, which with an error is seen to be cut off; one that has not started gets the error's
// status and |text| as its body.
void pawl__grpc_finish(struct pawl_request *request, enum pawl_err code, const char *text,
                       struct pawl_str details);

// --- answers that stream: over gRPC, HTTP/2 and HTTP/1.1 alike ---------------------------------
//
//     start ──► send ... on_drain ... send ──► pawl__grpc_finish
//
// A client that goes away ends the request by on_close, and so does a server that closes: a stream
// of HTTP at once, as it has no end of its own, and one of gRPC when its grace is over.

// Sends the answer's headers, which otherwise go with the first part: the client learns that its
// call has arrived. HTTP: status 200 with |headers|, which are copied. gRPC has no use for them.
void pawl__stream_start(struct pawl_request *request, const struct pawl_header *headers,
                        size_t header_count);

// Queues one part: a message of gRPC, or bytes of an HTTP body. Copied. PAWL_E_NOMEM: not queued.
// PAWL_E_PRECONDITION: the request has ended.
enum pawl_err pawl__stream_send(struct pawl_request *request, struct pawl_str part);

// Bytes that are queued and not yet taken by the peer's flow control and the connection, which
// itself holds some 256 KiB while its socket is full.
size_t pawl__stream_queued(const struct pawl_request *request);

#endif
