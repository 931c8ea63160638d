#ifndef PAWL_OBSERVE_POSTER_H
#define PAWL_OBSERVE_POSTER_H

// Sends bodies to one address, by HTTP POST or unary gRPC calls. It blocks, so it needs a thread
// that does nothing else. One thread at a time may use it.

#include "base/buf.h"
#include "base/err.h"

struct pawl_poster;

struct pawl_poster_options {
    const char *url;
    const char *content_type;
    const char *const *headers; // further ones, each "name: value"
    size_t header_count;
    int64_t timeout; // nanoseconds for one request
    bool grpc;       // the body is a message of a gRPC call, and the url that of its method
};

// Copies what it keeps. PAWL_E_INVALID: the url cannot be used. PAWL_E_UNAVAILABLE: libcurl
// is not installed. PAWL_E_NOMEM.
enum pawl_err pawl__poster_create(const struct pawl_poster_options *options,
                                  struct pawl_poster **out, struct pawl_error *error);
void pawl__poster_destroy(struct pawl_poster *poster);

// PAWL_E_UNAVAILABLE: it may be sent again (no connection, a timeout, an answer that says to
// retry). PAWL_E_UNKNOWN: the receiver refused it, and would again. PAWL_E_NOMEM.
enum pawl_err pawl__poster_send(struct pawl_poster *poster, struct pawl_str body,
                                struct pawl_error *error);

// Makes the running request, and later ones, end by |until| (steady). On any thread.
void pawl__poster_hurry(struct pawl_poster *poster, int64_t until);

#endif
