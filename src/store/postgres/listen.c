// The doorbell: a thread with a connection of its own that listens on channel pawl_mail. A
// notification says "NUMBER APP", the app in hexadecimal digits. When the connection is lost it is
// made anew, and the bell is rung for all boxes, as something may have come meanwhile.

#include "store/postgres/internal.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define LISTEN_RETRY_MS 1000

struct pawl_pg_listener {
    const struct pawl_postgres *store;
    pthread_t thread;
    int stop; // an eventfd
    char *app, *app_hex;
    size_t app_len;
    pawl_bell_fn fn;
    void *arg;
};

static bool listen_wait(const struct pawl_pg_listener *listener, int fd, short events, int ms) {
    struct pollfd ready[] = {{.fd = listener->stop, .events = POLLIN},
                             {.fd = fd, .events = events}};
    int rc = poll(ready, fd < 0 ? 1 : 2, ms);
    return !ready[0].revents && (rc >= 0 || errno == EINTR);
}

static PGconn *listen_connect(const struct pawl_pg_listener *listener) {
    PGconn *conn = PQconnectStartParams(listener->store->keys, listener->store->values, 0);
    PostgresPollingStatusType state = PGRES_POLLING_WRITING;
    int64_t deadline = pawl__clock_steady() + listener->store->timeout;
    while (conn && PQstatus(conn) != CONNECTION_BAD && state != PGRES_POLLING_OK &&
           state != PGRES_POLLING_FAILED && pawl__clock_steady() < deadline) {
        short events = state == PGRES_POLLING_READING ? POLLIN : POLLOUT;
        if (!listen_wait(listener, PQsocket(conn), events, LISTEN_RETRY_MS)) break;
        state = PQconnectPoll(conn);
    }
    if (conn && state == PGRES_POLLING_OK) {
        PGresult *result = PQexec(conn, "LISTEN pawl_mail");
        bool good = PQresultStatus(result) == PGRES_COMMAND_OK;
        PQclear(result);
        if (good) return conn;
    }
    PQfinish(conn);
    return NULL;
}

static void listen_ring(const struct pawl_pg_listener *listener, const char *text) {
    char *rest;
    unsigned long number = strtoul(text, &rest, 10);
    if (*rest == ' ' && strcmp(rest + 1, listener->app_hex) == 0)
        listener->fn(listener->arg, (struct pawl_str){listener->app, listener->app_len},
                     (uint32_t)number);
}

static void *listen_main(void *arg) {
    const struct pawl_pg_listener *listener = arg;
    bool stop = false;
    while (!stop) {
        PGconn *conn = listen_connect(listener);
        if (conn)
            listener->fn(listener->arg, (struct pawl_str){listener->app, listener->app_len},
                         UINT32_MAX);
        while (conn && !stop) {
            stop = !listen_wait(listener, PQsocket(conn), POLLIN, -1);
            if (stop || !PQconsumeInput(conn)) break;
            for (PGnotify *notify; (notify = PQnotifies(conn));) {
                listen_ring(listener, notify->extra);
                PQfreemem(notify);
            }
        }
        PQfinish(conn);
        stop = stop || !listen_wait(listener, -1, 0, LISTEN_RETRY_MS);
    }
    return NULL;
}

static void listen_destroy(struct pawl_pg_listener *listener) {
    if (listener->stop >= 0) close(listener->stop);
    free(listener->app);
    free(listener->app_hex);
    free(listener);
}

enum pawl_err pawl__pg_listen(struct pawl_store *base, struct pawl_str app, pawl_bell_fn fn,
                              void *arg, struct pawl_error *error) {
    struct pawl_postgres *store = (struct pawl_postgres *)base;
    struct pawl_pg_listener *listener = calloc(1, sizeof *listener);
    if (!listener) return pawl__fail_plain(error, PAWL_E_NOMEM);
    *listener = (struct pawl_pg_listener){.store = store,
                                          .stop = eventfd(0, EFD_CLOEXEC),
                                          .app = pawl__str_dup(app),
                                          .app_hex = malloc(2 * app.len + 1),
                                          .app_len = app.len,
                                          .fn = fn,
                                          .arg = arg};
    bool ok = listener->stop >= 0 && listener->app && listener->app_hex;
    for (size_t i = 0; ok && i < app.len; i++)
        snprintf(listener->app_hex + 2 * i, 3, "%02x", (unsigned char)app.data[i]);
    if (ok && !app.len) *listener->app_hex = 0;
    if (ok && pthread_create(&listener->thread, NULL, listen_main, listener) == 0) {
        store->listener = listener;
        return PAWL_OK;
    }
    listen_destroy(listener);
    return pawl__fail_plain(error, PAWL_E_NOMEM);
}

void pawl__pg_listen_end(struct pawl_postgres *store) {
    struct pawl_pg_listener *listener = store->listener;
    if (!listener) return;
    uint64_t one = 1;
    ssize_t rc = write(listener->stop, &one, sizeof one);
    (void)rc; // an eventfd takes its first
    pthread_join(listener->thread, NULL);
    listen_destroy(listener);
    store->listener = NULL;
}
