// One connection to a server: TCP by hiredis, TLS over it by tls.c, and the greeting.

#include <poll.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/socket.h>

#include "base/clock.h"
#include "store/redis/internal.h"
#include "store/redis/tls.h"

enum {
    CONN_READ = 16 << 10
};

bool pawl__redis_same_place(const struct pawl_redis_address *a,
                            const struct pawl_redis_address *b) {
    return a->port == b->port && strcasecmp(a->host, b->host) == 0;
}

void pawl__redis_drop(struct pawl_redis_link *link) {
    pawl__redis_tls_end(link->tls);
    if (link->context) redisFree(link->context);
    link->context = NULL;
    link->tls = NULL;
}

// --- commands -----------------------------------------------------------------------------------

// Gives what has come, or comes next, to the reader of the context. False: the connection is lost.
static bool conn_receive(struct pawl_redis_link *link) {
    char bytes[CONN_READ];
    if (!link->tls) {
        bool good = redisBufferRead(link->context) == REDIS_OK;
        if (!good) snprintf(link->why, sizeof link->why, "%s", link->context->errstr);
        return good;
    }
    ssize_t len = pawl__redis_tls_read(link->tls, bytes, sizeof bytes, link->why, sizeof link->why);
    if (len == 0) snprintf(link->why, sizeof link->why, "Server closed the connection");
    return len > 0 && redisReaderFeed(link->context->reader, bytes, (size_t)len) == REDIS_OK;
}

static redisReply *conn_call_tls(struct pawl_redis_link *link, int count, const char **words,
                                 const size_t *lens) {
    char *command;
    int len = redisFormatCommandArgv(&command, count, words, lens);
    snprintf(link->why, sizeof link->why, "out of memory");
    if (len < 0) return NULL;
    bool good = pawl__redis_tls_write(link->tls, command, (size_t)len, link->why, sizeof link->why);
    redisFreeCommand(command);
    void *reply = NULL;
    while (good && !reply) {
        good = redisReaderGetReply(link->context->reader, &reply) == REDIS_OK;
        if (!good) snprintf(link->why, sizeof link->why, "%s", link->context->reader->errstr);
        if (good && !reply) good = conn_receive(link);
    }
    return reply;
}

redisReply *pawl__redis_call_link(struct pawl_redis_link *link, size_t count, const char **words,
                                  const size_t *lens) {
    if (link->tls) return conn_call_tls(link, (int)count, words, lens);
    redisReply *reply = redisCommandArgv(link->context, (int)count, words, lens);
    if (!reply) snprintf(link->why, sizeof link->why, "%s", link->context->errstr);
    return reply;
}

bool pawl__redis_is_dead(const struct pawl_redis_link *link) {
    struct pollfd poll_one = {.fd = link->context->fd, .events = POLLIN};
    char byte;
    if (poll(&poll_one, 1, 0) <= 0) return false;
    if (link->tls) return pawl__redis_tls_is_closed(link->tls, link->context->fd);
    return recv(link->context->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) <= 0;
}

// --- connecting ---------------------------------------------------------------------------------

static struct timeval conn_time(int64_t time) {
    return (struct timeval){time / PAWL_SECOND, time % PAWL_SECOND / 1000};
}

// What a server may have wanted that ends a connection at its first command, and does not say why.
static const char *conn_hint(const struct pawl_redis *store, const struct pawl_redis_link *link) {
    if (!strstr(link->why, "closed") && !strstr(link->why, "reset")) return "";
    if (!link->tls) return "; does it want TLS (enableTLS)?";
    return store->options.client_cert ? "; does it trust the certificate of clientCert?"
                                      : "; does it want a certificate (clientCert and clientKey)?";
}

// One command of the greeting, whose answer only has to be no error.
static enum pawl_err conn_greet(const struct pawl_redis *store, struct pawl_redis_link *link,
                                const char *const *words, size_t count, struct pawl_error *error) {
    redisReply *reply = pawl__redis_call_link(link, count, (const char **)words, NULL);
    if (!reply)
        return pawl__fail(error, PAWL_E_UNAVAILABLE, "%s does not answer: %s%s", link->name,
                          link->why, conn_hint(store, link));
    enum pawl_err err = PAWL_OK;
    if (reply->type == REDIS_REPLY_ERROR) err = pawl__redis_fail(link, reply, error);
    if (err == PAWL_E_IO && strcmp(words[0], "AUTH") == 0) error->code = err = PAWL_E_DENIED;
    freeReplyObject(reply);
    return err;
}

static enum pawl_err conn_greet_all(const struct pawl_redis *store, struct pawl_redis_link *link,
                                    bool sentinel, struct pawl_error *error) {
    const struct pawl_redis_options *options = &store->options;
    const char *user = sentinel ? options->sentinel_username : options->username;
    const char *password = sentinel ? options->sentinel_password : options->password;
    // A server without a password takes one from the user "default", but not from nobody.
    const char *auth[] = {"AUTH", *user ? user : "default", password};
    char database[12];
    snprintf(database, sizeof database, "%d", options->database);
    const char *choose[] = {"SELECT", database}, *ping[] = {"PING"};
    bool chooses = options->database && !sentinel;
    enum pawl_err err = *password ? conn_greet(store, link, auth, 3, error) : PAWL_OK;
    if (!err && chooses) {
        err = conn_greet(store, link, choose, 2, error);
        if (err == PAWL_E_IO) {
            struct pawl_error why = *error;
            err = pawl__fail(error, PAWL_E_INVALID, "%s; correct redisDB", why.text);
        }
    }
    if (!*password && !chooses) err = conn_greet(store, link, ping, 1, error);
    return err;
}

enum pawl_err pawl__redis_dial(const struct pawl_redis *store, struct pawl_redis_link *link,
                               const struct pawl_redis_address *at, bool sentinel,
                               struct pawl_error *error) {
    const struct pawl_redis_options *options = &store->options;
    link->at = *at;
    snprintf(link->name, sizeof link->name, "%s at %s:%d", sentinel ? "the sentinel" : "Redis",
             at->host, at->port);
    link->context = redisConnectWithTimeout(at->host, at->port, conn_time(options->dial_timeout));
    if (!link->context) return pawl__fail_plain(error, PAWL_E_NOMEM);
    enum pawl_err err = PAWL_OK;
    if (link->context->err)
        err = pawl__fail(error, PAWL_E_UNAVAILABLE,
                         "cannot connect to %s: %s; start it (apt install redis-%s) or correct "
                         "redisHost",
                         link->name, link->context->errstr, sentinel ? "sentinel" : "server");
    redisEnableKeepAlive(link->context);
    if (!err && store->tls) {
        redisSetTimeout(link->context, conn_time(options->dial_timeout));
        err = pawl__redis_tls_begin(store->tls, link->context->fd, at->host, link->name, &link->tls,
                                    error);
    }
    if (!err)
        redisSetTimeout(link->context, conn_time(options->timeout > 0 ? options->timeout : 0));
    if (!err) err = conn_greet_all(store, link, sentinel, error);
    if (err) pawl__redis_drop(link);
    return err;
}
