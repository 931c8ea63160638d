#include "net/sniff.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "net/http1.h"
#include "net/http2.h"

// RFC 9113 3.4. No HTTP/1.1 request begins like that.
static const char sniff_preface[] = "PRI * HTTP/2.0";

struct pawl_sniff {
    struct pawl_service *service;
    uint64_t started;
    size_t len;
    char data[sizeof sniff_preface - 1];
};

static void sniff_finish(struct pawl_conn *conn) {
    free(conn->state);
}

static void sniff_receive(struct pawl_conn *conn, const uint8_t *data, size_t len) {
    struct pawl_sniff *sniff = conn->state;
    size_t want = sizeof sniff->data - sniff->len;
    size_t part = len < want ? len : want;
    bool is_http2 = memcmp(data, sniff_preface + sniff->len, part) == 0;
    if (is_http2 && part < want) {
        memcpy(sniff->data + sniff->len, data, part);
        sniff->len += part;
        return;
    }
    enum pawl_err err = is_http2 ? pawl__http2_start(conn, sniff->service)
                                 : pawl__http1_start(conn, sniff->service);
    if (err) {
        pawl__conn_fail(conn, err);
        return;
    }
    if (sniff->len) conn->protocol->receive(conn, (const uint8_t *)sniff->data, sniff->len);
    conn->protocol->receive(conn, data, len);
    free(sniff);
}

static void sniff_eof(struct pawl_conn *conn) {
    pawl__conn_fail(conn, PAWL_E_CANCELED);
}

static void sniff_produce(struct pawl_conn *conn) {
}

static void sniff_tick(struct pawl_conn *conn, uint64_t now) {
    struct pawl_sniff *sniff = conn->state;
    if (now - sniff->started >= (uint64_t)(sniff->service->options.idle_timeout / PAWL_MILLISECOND))
        pawl__conn_fail(conn, PAWL_E_DEADLINE);
}

static void sniff_lost(struct pawl_conn *conn, enum pawl_err reason) {
}

const struct pawl_protocol pawl__sniff_protocol = {
    .receive = sniff_receive,
    .eof = sniff_eof,
    .produce = sniff_produce,
    .tick = sniff_tick,
    .lost = sniff_lost,
    .drain = sniff_eof,
    .abort = sniff_eof,
    .finish = sniff_finish,
};

struct pawl_sniff *pawl__sniff_create(struct pawl_service *service) {
    struct pawl_sniff *sniff = calloc(1, sizeof *sniff);
    if (!sniff) return NULL;
    sniff->service = service;
    sniff->started = uv_now(service->loop);
    return sniff;
}
