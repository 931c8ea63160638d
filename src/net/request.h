#ifndef PAWL_NET_REQUEST_H
#define PAWL_NET_REQUEST_H

// A request as its handler sees it, of any protocol. net/answer.h answers it.

#include "base/arena.h"
#include "base/err.h"

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

    // Set by a handler that answers later. Called when the answer is no longer wanted: the client
    // has gone or canceled, its deadline has passed, or the server closes. The request is freed on
    // return. |reason|: PAWL_E_CANCELED, PAWL_E_DEADLINE or PAWL_E_UNAVAILABLE. Never called after
    // a finishing call.
    void (*on_close)(struct pawl_request *request, enum pawl_err reason);

    // Set by the handler of a streamed answer. Called when its queue has been written.
    void (*on_drain)(struct pawl_request *request);

    // Set by an observer before the handler runs. Called once when the request is answered or
    // closed. |status|: of HTTP, or an enum pawl_err with gRPC. |watch| is the observer's.
    void (*on_end)(struct pawl_request *request, int status);
    void *watch;
    size_t sent; // bytes of the answer's body, or of its messages, as far as it was given
    const char *error_code; // the handler's, for who looks on: what is wrong, by a name that stays
};

// The first header |name| (lower case); data NULL when there is none.
struct pawl_str pawl__request_header(const struct pawl_request *request, const char *name);

// The decoded query parameter |name|, in the request's arena; data NULL when there is none.
struct pawl_str pawl__request_query(struct pawl_request *request, const char *name);

// The first query parameter that is not among |names|, which spaces separate, or is malformed; data
// NULL: there is none.
struct pawl_str pawl__request_stray(struct pawl_request *request, const char *names);

// A percent-decoded copy of |text| in the request's arena; data NULL when it is malformed.
struct pawl_str pawl__request_decode(struct pawl_request *request, struct pawl_str text);

// The peer's user agent; empty when it sent none.
struct pawl_str pawl__request_agent(const struct pawl_request *request);

// Adds a header to any answer of this request; with gRPC to its initial metadata. The texts must
// live as long as the request. Headers beyond PAWL_REQUEST_EXTRA are left out.
void pawl__request_add_header(struct pawl_request *request, struct pawl_str name,
                              struct pawl_str value);

#endif
