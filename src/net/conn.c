#include "net/conn.h"

#include <signal.h>
#include <stdlib.h>

enum {
    CONN_TICK = 1000,     // milliseconds
    CONN_LINGER = 2000,   // for the peer to close, after we did
    CONN_HURRY = 50,      // the tick when the owner closes
    CONN_SHORT = 100,     // and the linger
    CONN_LATE = 5,        // milliseconds that what can wait does wait
    CONN_STALL = 30000,   // without one byte taken from us
    CONN_ROUNDS = 8,      // of writing to one connection before the others have their turn
    CONN_KEEP = 16 * 1024 // bytes of an empty buffer that are kept
};

static void conn_flush(struct pawl_conn *conn);

// --- the set ---------------------------------------------------------------------------------

// Empties the list: the loop may sleep afterwards. It ends, as a connection that always has more to
// write waits for its socket at some time, see CONN_ROUNDS.
static void conns_flush(struct pawl_conns *conns) {
    while (conns->dirty) {
        struct pawl_conn *conn = conns->dirty;
        conns->dirty = conn->next_dirty;
        conn->is_dirty = false;
        conn_flush(conn);
    }
}

static void conns_on_prepare(uv_prepare_t *prepare) {
    conns_flush(prepare->data);
}

static void conns_on_later(uv_timer_t *timer) {
    struct pawl_conns *conns = timer->data;
    for (struct pawl_conn *conn; (conn = conns->late);) {
        conns->late = conn->next_late;
        conn->is_late = false;
        pawl__conn_flush(conn);
    }
}

static void conns_on_check(uv_check_t *check) {
    conns_flush(check->data);
}

// Closes connections of which the peer takes nothing, or does not close its side.
static void conn_tick(struct pawl_conn *conn, uint64_t now) {
    if (conn->is_closing) return;
    if (conn->is_shut) {
        if (now - conn->ended >= conn->conns->linger) pawl__conn_fail(conn, PAWL_E_CANCELED);
        return;
    }
    if (conn->is_writing) {
        size_t left = uv_stream_get_write_queue_size(&conn->uv.stream);
        if (left != conn->stalled_at) {
            conn->stalled_at = left;
            conn->stalled = now;
        } else if (now - conn->stalled >= CONN_STALL) {
            pawl__conn_fail(conn, PAWL_E_CANCELED);
            return;
        }
    } else if (conn->out.cap > CONN_KEEP && conn->out.len == 0) {
        pawl__buf_finish(&conn->out);
    }
    conn->protocol->tick(conn, now);
}

static void conns_on_tick(uv_timer_t *timer) {
    struct pawl_conns *conns = timer->data;
    uint64_t now = uv_now(conns->loop);
    bool quiet = true;
    for (struct pawl_conn *conn = conns->first; conn; conn = conn->next) {
        quiet = quiet && now - conn->last_read >= CONN_TICK;
        conn_tick(conn, now);
    }
    if (quiet) pawl__pool_trim(&conns->pool);
}

enum pawl_err pawl__conns_init(struct pawl_conns *conns, uv_loop_t *loop) {
    *conns = (struct pawl_conns){
        .loop = loop, .read_buffer = malloc(PAWL_CONN_READ), .linger = CONN_LINGER, .handles = 4};
    if (!conns->read_buffer) return PAWL_E_NOMEM;

    // libuv writes with write(2): a peer that is gone would kill a process that does not ignore
    // this. A handler which the program has set stays.
    struct sigaction action;
    if (sigaction(SIGPIPE, NULL, &action) == 0 && action.sa_handler == SIG_DFL)
        signal(SIGPIPE, SIG_IGN);

    uv_prepare_init(loop, &conns->prepare);
    uv_check_init(loop, &conns->check);
    uv_timer_init(loop, &conns->timer);
    uv_timer_init(loop, &conns->later);
    conns->prepare.data = conns->check.data = conns->timer.data = conns->later.data = conns;
    uv_prepare_start(&conns->prepare, conns_on_prepare);
    uv_check_start(&conns->check, conns_on_check);
    uv_timer_start(&conns->timer, conns_on_tick, CONN_TICK, CONN_TICK);
    uv_unref((uv_handle_t *)&conns->prepare);
    uv_unref((uv_handle_t *)&conns->check);
    uv_unref((uv_handle_t *)&conns->timer);
    uv_unref((uv_handle_t *)&conns->later);
    return PAWL_OK;
}

void pawl__conns_hurry(struct pawl_conns *conns) {
    conns->linger = CONN_SHORT;
    uv_timer_start(&conns->timer, conns_on_tick, CONN_HURRY, CONN_HURRY);
}

static void conns_on_close(uv_handle_t *handle) {
    struct pawl_conns *conns = handle->data;
    if (--conns->handles) return;
    pawl__pool_trim(&conns->pool);
    free(conns->read_buffer);
    conns->on_finished(conns);
}

void pawl__conns_finish(struct pawl_conns *conns, void (*on_finished)(struct pawl_conns *conns)) {
    conns->on_finished = on_finished;
    uv_close((uv_handle_t *)&conns->prepare, conns_on_close);
    uv_close((uv_handle_t *)&conns->check, conns_on_close);
    uv_close((uv_handle_t *)&conns->timer, conns_on_close);
    uv_close((uv_handle_t *)&conns->later, conns_on_close);
}

// --- one connection --------------------------------------------------------------------------

struct pawl_conn *pawl__conn_create(struct pawl_conns *conns, bool is_pipe,
                                    const struct pawl_protocol *protocol, void *state) {
    struct pawl_conn *conn = calloc(1, sizeof *conn);
    if (!conn) return NULL;
    conn->conns = conns;
    conn->protocol = protocol;
    conn->state = state;
    conn->last_read = uv_now(conns->loop);
    int rv = is_pipe ? uv_pipe_init(conns->loop, &conn->uv.pipe, 0)
                     : uv_tcp_init(conns->loop, &conn->uv.tcp);
    if (rv) {
        free(conn);
        return NULL;
    }
    conn->uv.handle.data = conn;
    conn->next = conns->first;
    if (conn->next) conn->next->prev = conn;
    conns->first = conn;
    conns->count++;
    return conn;
}

static void conn_on_closed(uv_handle_t *handle) {
    struct pawl_conn *conn = handle->data;
    struct pawl_conns *conns = conn->conns;
    conn->protocol->finish(conn);
    pawl__buf_finish(&conn->out);
    pawl__buf_finish(&conn->sending);
    if (conn->is_dirty) {
        struct pawl_conn **link = &conns->dirty;
        while (*link != conn) link = &(*link)->next_dirty;
        *link = conn->next_dirty;
    }
    if (conn->is_late) {
        struct pawl_conn **link = &conns->late;
        while (*link != conn) link = &(*link)->next_late;
        *link = conn->next_late;
    }
    if (conn->prev)
        conn->prev->next = conn->next;
    else
        conns->first = conn->next;
    if (conn->next) conn->next->prev = conn->prev;
    conns->count--;
    free(conn);
    conns->on_gone(conns);
}

void pawl__conn_close(struct pawl_conn *conn, enum pawl_err reason) {
    if (conn->is_closing) return;
    conn->is_closing = true;
    conn->protocol->lost(conn, reason);
    uv_close(&conn->uv.handle, conn_on_closed);
}

void pawl__conn_flush(struct pawl_conn *conn) {
    if (conn->is_dirty || conn->is_closing) return;
    conn->is_dirty = true;
    conn->next_dirty = conn->conns->dirty;
    conn->conns->dirty = conn;
}

void pawl__conn_flush_late(struct pawl_conn *conn) {
    struct pawl_conns *conns = conn->conns;
    if (conn->is_late || conn->is_closing) return;
    conn->is_late = true;
    conn->next_late = conns->late;
    conns->late = conn;
    if (!uv_is_active((uv_handle_t *)&conns->later))
        uv_timer_start(&conns->later, conns_on_later, CONN_LATE, 0);
}

void pawl__conn_fail(struct pawl_conn *conn, enum pawl_err reason) {
    if (conn->is_failed) return;
    conn->is_failed = true;
    conn->reason = reason;
    pawl__conn_flush(conn);
}

void pawl__conn_end(struct pawl_conn *conn) {
    conn->is_ending = true;
    pawl__conn_flush(conn);
}

// --- reading ---------------------------------------------------------------------------------

static void conn_on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf) {
    struct pawl_conn *conn = handle->data;
    *buf = uv_buf_init((char *)conn->conns->read_buffer, PAWL_CONN_READ);
}

static void conn_on_read(uv_stream_t *stream, ssize_t len, const uv_buf_t *buf) {
    struct pawl_conn *conn = stream->data;
    if (len == 0 || conn->is_closing || conn->is_failed) return;
    if (len > 0) {
        conn->last_read = uv_now(conn->conns->loop);
        if (!conn->is_shut) conn->protocol->receive(conn, (const uint8_t *)buf->base, (size_t)len);
        return;
    }
    pawl__conn_pause(conn);
    if (len == UV_EOF && !conn->is_shut)
        conn->protocol->eof(conn);
    else
        pawl__conn_fail(conn, PAWL_E_CANCELED);
}

bool pawl__conn_read(struct pawl_conn *conn) {
    if (conn->is_reading || conn->is_closing) return true;
    if (uv_read_start(&conn->uv.stream, conn_on_alloc, conn_on_read)) return false;
    conn->is_reading = true;
    return true;
}

void pawl__conn_pause(struct pawl_conn *conn) {
    if (!conn->is_reading) return;
    uv_read_stop(&conn->uv.stream);
    conn->is_reading = false;
}

// --- writing ---------------------------------------------------------------------------------

static void conn_on_shut(uv_shutdown_t *shutdown, int status) {
    struct pawl_conn *conn = shutdown->handle->data;
    if (status && status != UV_ECANCELED) pawl__conn_fail(conn, PAWL_E_CANCELED);
}

static void conn_shut(struct pawl_conn *conn) {
    if (conn->is_shut) return;
    conn->is_shut = true;
    conn->ended = uv_now(conn->conns->loop);
    if (uv_shutdown(&conn->shutdown, &conn->uv.stream, conn_on_shut) || !pawl__conn_read(conn))
        pawl__conn_close(conn, PAWL_E_CANCELED);
}

static void conn_on_wrote(uv_write_t *write, int status) {
    struct pawl_conn *conn = write->handle->data;
    conn->is_writing = false;
    if (conn->sending.cap > CONN_KEEP) pawl__buf_finish(&conn->sending);
    pawl__buf_clear(&conn->sending);
    if (conn->is_closing) return;
    if (status) pawl__conn_fail(conn, PAWL_E_CANCELED);
    pawl__conn_flush(conn);
}

// Gives |out| from |at| on to libuv.
static void conn_write(struct pawl_conn *conn, size_t at) {
    struct pawl_buf swap = conn->sending;
    conn->sending = conn->out;
    conn->out = swap;
    pawl__buf_clear(&conn->out);
    uv_buf_t buf = uv_buf_init((char *)conn->sending.data + at, (unsigned)(conn->sending.len - at));
    if (uv_write(&conn->write, &conn->uv.stream, &buf, 1, conn_on_wrote)) {
        pawl__conn_close(conn, PAWL_E_CANCELED);
        return;
    }
    conn->is_writing = true;
    conn->stalled = uv_now(conn->conns->loop);
    conn->stalled_at = conn->sending.len - at;
}

static void conn_flush(struct pawl_conn *conn) {
    for (int round = 1; !conn->is_closing; round++) {
        if (conn->is_failed) {
            pawl__conn_close(conn, conn->reason);
            return;
        }
        if (conn->is_connecting || conn->is_writing || conn->is_shut) return;
        conn->protocol->produce(conn);
        if (conn->out.failed) pawl__conn_fail(conn, PAWL_E_NOMEM);
        if (conn->is_failed) continue;
        if (conn->out.len == 0) {
            if (conn->is_ending) conn_shut(conn);
            return;
        }
        if (round >= CONN_ROUNDS) {
            conn_write(conn, 0);
            return;
        }
        uv_buf_t buf = uv_buf_init((char *)conn->out.data, (unsigned)conn->out.len);
        int rv = uv_try_write(&conn->uv.stream, &buf, 1);
        if (rv == UV_EAGAIN) rv = 0;
        if (rv < 0) {
            pawl__conn_fail(conn, PAWL_E_CANCELED);
        } else if ((size_t)rv < conn->out.len) {
            conn_write(conn, (size_t)rv);
            return;
        } else {
            pawl__buf_clear(&conn->out);
        }
    }
}
