#include "store/redis/tls.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>
#include <string.h>

#include "base/str.h"

// --- what connections have in common ------------------------------------------------------------

// OpenSSL's own text for its last error.
static const char *tls_reason(void) {
    const char *text = ERR_reason_error_string(ERR_peek_last_error());
    return text ? text : "no reason is given";
}

static enum pawl_err tls_show(SSL_CTX *tls, const char *cert, const char *key,
                              struct pawl_error *error) {
    BIO *texts[] = {BIO_new_mem_buf(cert, -1), BIO_new_mem_buf(key, -1)};
    X509 *first = texts[0] ? PEM_read_bio_X509(texts[0], NULL, NULL, NULL) : NULL, *more;
    EVP_PKEY *secret = texts[1] ? PEM_read_bio_PrivateKey(texts[1], NULL, NULL, NULL) : NULL;
    enum pawl_err err = PAWL_OK;
    if (!first || SSL_CTX_use_certificate(tls, first) != 1)
        err = pawl__fail(error, PAWL_E_INVALID,
                         "clientCert is no certificate as PEM text (a path is not meant): %s",
                         tls_reason());
    // Those of the authorities in between follow it, as in the files of servers.
    while (!err && (more = PEM_read_bio_X509(texts[0], NULL, NULL, NULL)))
        if (SSL_CTX_add_extra_chain_cert(tls, more) != 1) {
            X509_free(more);
            err = pawl__fail(error, PAWL_E_INVALID, "clientCert: %s", tls_reason());
        }
    if (!err && !secret)
        err = pawl__fail(error, PAWL_E_INVALID,
                         "clientKey is no private key as PEM text (a path is not meant): %s",
                         tls_reason());
    if (!err && (SSL_CTX_use_PrivateKey(tls, secret) != 1 || SSL_CTX_check_private_key(tls) != 1))
        err = pawl__fail(error, PAWL_E_INVALID, "clientKey is not the key of clientCert: %s",
                         tls_reason());
    ERR_clear_error();
    X509_free(first);
    EVP_PKEY_free(secret);
    BIO_free(texts[0]);
    BIO_free(texts[1]);
    return err;
}

enum pawl_err pawl__redis_tls_create(const char *cert, const char *key, bool insecure,
                                     struct ssl_ctx_st **out, struct pawl_error *error) {
    SSL_CTX *tls = SSL_CTX_new(TLS_client_method());
    if (!tls) return pawl__fail_plain(error, PAWL_E_NOMEM);
    SSL_CTX_set_min_proto_version(tls, TLS1_2_VERSION); // as Go's clients
    SSL_CTX_set_verify(tls, insecure ? SSL_VERIFY_NONE : SSL_VERIFY_PEER, NULL);
    SSL_CTX_set_default_verify_paths(tls);
    SSL_CTX_set_quiet_shutdown(tls, 1);
    enum pawl_err err = cert ? tls_show(tls, cert, key, error) : PAWL_OK;
    if (err) {
        SSL_CTX_free(tls);
        return err;
    }
    *out = tls;
    return PAWL_OK;
}

void pawl__redis_tls_destroy(struct ssl_ctx_st *tls) {
    SSL_CTX_free(tls);
}

// --- one connection -----------------------------------------------------------------------------

// What went wrong with the last call, which gave |result|.
static void tls_explain(SSL *session, int result, int number, char *why, size_t size) {
    int kind = SSL_get_error(session, result);
    if (kind == SSL_ERROR_WANT_READ || kind == SSL_ERROR_WANT_WRITE)
        snprintf(why, size, "no answer in time");
    else if (kind == SSL_ERROR_SYSCALL && number)
        snprintf(why, size, "%s", strerror(number));
    else if (ERR_GET_REASON(ERR_peek_last_error()) == SSL_R_TLSV13_ALERT_CERTIFICATE_REQUIRED)
        snprintf(why, size, "it wants to see a certificate: set clientCert and clientKey");
    else if (ERR_GET_REASON(ERR_peek_last_error()) == SSL_R_TLSV1_ALERT_UNKNOWN_CA)
        snprintf(why, size, "it does not trust the certificate of clientCert");
    else if (kind == SSL_ERROR_SSL)
        snprintf(why, size, "%s", tls_reason());
    else
        snprintf(why, size, "Server closed the connection");
    ERR_clear_error();
}

static enum pawl_err tls_fail(SSL *session, int result, int number, const char *host,
                              const char *name, struct pawl_error *error) {
    long verdict = SSL_get_verify_result(session);
    char why[160];
    if (verdict == X509_V_ERR_HOSTNAME_MISMATCH || verdict == X509_V_ERR_IP_ADDRESS_MISMATCH) {
        ERR_clear_error();
        return pawl__fail(
            error, PAWL_E_DENIED,
            "the certificate of %s is not for \"%s\"; name the server in redisHost as "
            "its certificate does",
            name, host);
    }
    if (verdict != X509_V_OK) {
        ERR_clear_error();
        return pawl__fail(
            error, PAWL_E_DENIED,
            "the certificate of %s is not trusted: %s; give its authority to the "
            "system (update-ca-certificates), or name a file with it in SSL_CERT_FILE",
            name, X509_verify_cert_error_string(verdict));
    }
    tls_explain(session, result, number, why, sizeof why);
    return pawl__fail(error, PAWL_E_UNAVAILABLE,
                      "no TLS with %s: %s; is it a port with TLS (tls-port)? else leave enableTLS "
                      "out",
                      name, why);
}

enum pawl_err pawl__redis_tls_begin(struct ssl_ctx_st *tls, int fd, const char *host,
                                    const char *name, struct ssl_st **out,
                                    struct pawl_error *error) {
    SSL *session = SSL_new(tls);
    if (!session) return pawl__fail_plain(error, PAWL_E_NOMEM);
    X509_VERIFY_PARAM *who = SSL_get0_param(session);
    bool is_number = X509_VERIFY_PARAM_set1_ip_asc(who, host) == 1;
    if (!is_number) {
        ERR_clear_error();
        SSL_set1_host(session, host);
        SSL_set_tlsext_host_name(session, host);
    }
    SSL_set_fd(session, fd);
    ERR_clear_error();
    int result = SSL_connect(session), number = errno;
    if (result != 1) {
        enum pawl_err err = tls_fail(session, result, number, host, name, error);
        SSL_free(session);
        return err;
    }
    *out = session;
    return PAWL_OK;
}

void pawl__redis_tls_end(struct ssl_st *session) {
    SSL_free(session);
}

ssize_t pawl__redis_tls_read(struct ssl_st *session, char *out, size_t size, char *why,
                             size_t why_size) {
    errno = 0;
    ERR_clear_error();
    int result = SSL_read(session, out, size > INT_MAX ? INT_MAX : (int)size), number = errno;
    if (result > 0) return result;
    if (SSL_get_error(session, result) == SSL_ERROR_ZERO_RETURN) return 0;
    tls_explain(session, result, number, why, why_size);
    return -1;
}

bool pawl__redis_tls_write(struct ssl_st *session, const char *bytes, size_t len, char *why,
                           size_t why_size) {
    size_t done;
    errno = 0;
    ERR_clear_error();
    int result = SSL_write_ex(session, bytes, len, &done),
        number = errno; // all, as the socket blocks
    if (result != 1) tls_explain(session, result, number, why, why_size);
    return result == 1;
}

bool pawl__redis_tls_is_closed(struct ssl_st *session, int fd) {
    char byte;
    int flags = fcntl(fd, F_GETFL);
    fcntl(fd, F_SETFL, flags | O_NONBLOCK); // a ticket may have come, after which there is nothing
    int result = SSL_peek(session, &byte, 1);
    bool closed = result <= 0 && SSL_get_error(session, result) != SSL_ERROR_WANT_READ;
    ERR_clear_error();
    fcntl(fd, F_SETFL, flags);
    return closed;
}
