#ifndef PAWL_NET_HTTP_FETCH_H
#define PAWL_NET_HTTP_FETCH_H

#include "base/buf.h"
#include "base/err.h"
#include "net/request.h" // struct pawl_header

// Sends one HTTP/1.1 request and waits for the answer. It blocks: for the command line, not for
// loops.
//
// |host| is a name or an address, or, from its "/" on, the path of a unix socket, which has no
// |port|.
//
// |headers| are sent besides host, content-length and connection. |timeout| is for all of it, in
// nanoseconds. On PAWL_OK |*status| is the answer's status, an error's too, and its body is
// appended to |out|, which the caller frees.
//
// PAWL_E_UNAVAILABLE: no connection, or it broke. PAWL_E_DEADLINE. PAWL_E_INTERNAL: the answer is
// not HTTP. PAWL_E_TOO_LARGE: it has more than 64 MiB. PAWL_E_NOMEM.
enum pawl_err pawl__http_fetch(const char *host, int port, const char *method, const char *path,
                               const struct pawl_header *headers, size_t header_count,
                               struct pawl_str body, int64_t timeout, int *status,
                               struct pawl_buf *out, struct pawl_error *error);

// Sends such a request, without a body, and leaves the answer to the caller: |*fd| is the
// connection, which does not block. Errors as above.
enum pawl_err pawl__http_send(const char *host, int port, const char *path,
                              const struct pawl_header *headers, size_t header_count,
                              int64_t timeout, int *fd, struct pawl_error *error);

// Appends the text of the request, for callers that send it by other means.
void pawl__http_request_text(struct pawl_buf *out, const char *host, int port, const char *method,
                             const char *path, const struct pawl_header *headers,
                             size_t header_count, struct pawl_str body);

#endif
