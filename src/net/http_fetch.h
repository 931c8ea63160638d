#ifndef PAWL_NET_HTTP_FETCH_H
#define PAWL_NET_HTTP_FETCH_H

#include "base/buf.h"
#include "base/err.h"
#include "net/request.h" // struct pawl_header

// A request over HTTP/1.1. Zero but for |host|, |port| and |path| it is a GET.
struct pawl_http_ask {
    const char *host; // a name or an address; or, from its "/" on, the path of a unix socket,
    int port;         // which has no port
    const char *method;
    const char *path;
    const struct pawl_header *headers; // beside host, content-length and connection
    size_t header_count;
    struct pawl_str body;
    int64_t timeout; // for all of it, nanoseconds
};

// Sends it and waits for the answer. It blocks: for the command line, not for loops. On PAWL_OK
// |*status| is the answer's status, an error's too, and its body is appended to |out|, which the
// caller frees.
//
// PAWL_E_UNAVAILABLE: no connection, or it broke. PAWL_E_DEADLINE. PAWL_E_INTERNAL: the answer is
// not HTTP. PAWL_E_TOO_LARGE: it has more than 64 MiB. PAWL_E_NOMEM.
enum pawl_err pawl__http_fetch(const struct pawl_http_ask *ask, int *status, struct pawl_buf *out,
                               struct pawl_error *error);

// Sends it and leaves the answer to the caller: |*fd| is the connection, which does not block.
// Errors as above.
enum pawl_err pawl__http_send(const struct pawl_http_ask *ask, int *fd, struct pawl_error *error);

// Appends its text, for callers that send it by other means.
void pawl__http_request_text(struct pawl_buf *out, const struct pawl_http_ask *ask);

#endif
