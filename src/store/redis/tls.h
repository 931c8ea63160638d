#ifndef PAWL_STORE_REDIS_TLS_H
#define PAWL_STORE_REDIS_TLS_H

// TLS over a socket that is connected and blocks: Debian's hiredis has none of its own.

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/err.h"

struct ssl_ctx_st;
struct ssl_st;

// What all connections of a store have in common. Trusted are the authorities of the system, or of
// the files that SSL_CERT_FILE and SSL_CERT_DIR name. |cert| and |key| are texts in PEM, both or
// none: what the server is shown. |insecure|: any certificate of the server will do.
// PAWL_E_INVALID: a text is none.
enum pawl_err pawl__redis_tls_create(const char *cert, const char *key, bool insecure,
                                     struct ssl_ctx_st **out, struct pawl_error *error);
void pawl__redis_tls_destroy(struct ssl_ctx_st *tls); // may be NULL

// Shakes hands on |fd|, which stays the caller's, with a server that has to be |host|. |name| is
// that of the server in errors. PAWL_E_DENIED: its certificate is not to be trusted, or is for
// another name; PAWL_E_UNAVAILABLE: it does not speak TLS, or not to us.
enum pawl_err pawl__redis_tls_begin(struct ssl_ctx_st *tls, int fd, const char *host,
                                    const char *name, struct ssl_st **out,
                                    struct pawl_error *error);
void pawl__redis_tls_end(struct ssl_st *session); // may be NULL

// As read and write; -1: failed, with the reason in |why|; 0: the server has closed.
ssize_t pawl__redis_tls_read(struct ssl_st *session, char *out, size_t size, char *why,
                             size_t why_size);
bool pawl__redis_tls_write(struct ssl_st *session, const char *bytes, size_t len, char *why,
                           size_t why_size);

// Whether the server has closed; to be asked when its socket can be read.
bool pawl__redis_tls_is_closed(struct ssl_st *session, int fd);

#endif
