#ifndef PAWL_NET_ANSWER_H
#define PAWL_NET_ANSWER_H

// How a handler answers a request: at once or later, on the loop's thread.

#include "net/request.h"

// --- finishing calls: the request is gone when they return -----------------------------------

// Answers with |status|, |headers| (content-length and date are added) and |body|. All is copied.
void pawl__http_respond(struct pawl_request *request, int status, const struct pawl_header *headers,
                        size_t header_count, struct pawl_str body);

// Answers a unary gRPC call with one message and status OK. Copied.
void pawl__grpc_respond(struct pawl_request *request, struct pawl_str message);

// Ends a gRPC call, streamed or not, with a status and a text (which is percent-encoded, and cut so
// that it fits a client's header limits). PAWL_OK ends a stream normally. |details|: an encoded
// google.rpc.Status for grpc-status-details-bin, or empty. Over HTTP this ends a streamed answer;
// with an error the client sees it cut off. An answer that has not started gets the error's status,
// with |text| as its body.
void pawl__grpc_finish(struct pawl_request *request, enum pawl_err code, const char *text,
                       struct pawl_str details);

// --- answers that stream: over gRPC, HTTP/2 and HTTP/1.1 alike ---------------------------------
//
//     start ──► send ... on_drain ... send ──► pawl__grpc_finish
//
// A client that goes away ends the request through on_close. So does a server that closes: an HTTP
// stream at once, a gRPC stream when the grace period is over.

// Sends the answer's headers, which otherwise go with the first part: the client learns that its
// call has arrived. HTTP: status 200 with |headers|, which are copied. gRPC has no use for them.
void pawl__stream_start(struct pawl_request *request, const struct pawl_header *headers,
                        size_t header_count);

// Queues one part: a message of gRPC, or bytes of an HTTP body. Copied. PAWL_E_NOMEM: not queued.
// PAWL_E_PRECONDITION: the request has ended.
enum pawl_err pawl__stream_send(struct pawl_request *request, struct pawl_str part);

// |request|, which streams, means much work for as long as it is open: where connections are spread
// over loops it counts as PAWL_STREAM_WEIGHT of them (pawl__server_spread).
void pawl__stream_weigh(struct pawl_request *request);

enum {
    PAWL_STREAM_WEIGHT = 16
};

// Bytes that are queued and not yet taken by the peer's flow control and the connection, which
// itself holds some 256 KiB while its socket is full.
size_t pawl__stream_queued(const struct pawl_request *request);

#endif
