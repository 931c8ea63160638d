#ifndef PAWL_NET_CONN_H
#define PAWL_NET_CONN_H

// A stream socket, and what waits to be written to it.
//
// A protocol answers in small pieces, many of them within one turn of the loop, so writing is put
// off to the turn's end and done in one call:
//
//   protocol ──produce──► out ──uv_try_write──► socket
//                          └── what did not fit ──► sending ──uv_write──► socket
//
// While a write is under way nothing is produced, so a peer that does not read holds at most two
// times PAWL_CONN_OUT here. The rest stays in the protocol's queues.

#include <uv.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/pool.h"

enum {
    PAWL_CONN_OUT = 128 * 1024,
    PAWL_CONN_READ = 64 * 1024
};

struct pawl_conn;

// What a protocol does with a connection. None of these may close the connection at once; they
// call pawl__conn_fail or pawl__conn_end.
struct pawl_protocol {
    void (*receive)(struct pawl_conn *conn, const uint8_t *data, size_t len);

    // The peer sends no more.
    void (*eof)(struct pawl_conn *conn);

    // Appends to conn->out what is ready, until it holds PAWL_CONN_OUT bytes.
    void (*produce)(struct pawl_conn *conn);

    // About once a second. |now| is in milliseconds, as uv_now counts.
    void (*tick)(struct pawl_conn *conn, uint64_t now);

    // Ends the requests that are open because the connection closes. |reason| says why.
    void (*lost)(struct pawl_conn *conn, enum pawl_err reason);

    // The server closes: ends the connection when its open requests have ended.
    void (*drain)(struct pawl_conn *conn);

    // The server closes, and waits no longer: answers the open requests and ends.
    void (*abort)(struct pawl_conn *conn);

    // Frees conn->state.
    void (*finish)(struct pawl_conn *conn);
};

// The connections of one server or client.
struct pawl_conns {
    uv_loop_t *loop;
    uv_prepare_t prepare;
    uv_check_t check;
    uv_timer_t timer, later;
    struct pawl_conn *first;
    struct pawl_conn *dirty; // those with something to write, by next_dirty
    struct pawl_conn *late;  // those with something that can wait for a moment, by next_late
    size_t count;
    uint64_t linger;       // milliseconds for a peer to close, after we did
    struct pawl_pool pool; // for the state of protocols
    uint8_t *read_buffer;  // shared: libuv hands over what it read before it reads again

    // The owner's; called when a connection is freed.
    void (*on_gone)(struct pawl_conns *conns);
    void *owner;

    void (*on_finished)(struct pawl_conns *conns);
    int handles;
};

struct pawl_conn {
    union {
        uv_handle_t handle;
        uv_stream_t stream;
        uv_tcp_t tcp;
        uv_pipe_t pipe;
    } uv;
    struct pawl_conns *conns;
    struct pawl_conn *prev, *next, *next_dirty, *next_late;

    const struct pawl_protocol *protocol;
    void *state; // the protocol's

    struct pawl_buf out, sending;
    uv_write_t write;
    uv_shutdown_t shutdown;

    uint64_t last_read; // uv_now of the last byte
    uint64_t stalled;   // uv_now when the writing was seen to stand still
    size_t stalled_at;  // with that many bytes to write
    uint64_t ended;     // uv_now of the shutdown

    enum pawl_err reason;       // why it fails
    unsigned is_connecting : 1; // nothing can be written yet
    unsigned is_dirty : 1;      // in conns->dirty
    unsigned is_late : 1;       // in conns->late
    unsigned is_writing : 1;    // |sending| is with libuv
    unsigned is_reading : 1;    //
    unsigned is_failed : 1;     // closes at the turn's end
    unsigned is_ending : 1;     // shuts down when all is written
    unsigned is_shut : 1;       // shut down; what still comes is thrown away
    unsigned is_closing : 1;    // uv_close was called
};

enum pawl_err pawl__conns_init(struct pawl_conns *conns, uv_loop_t *loop);

// Frees the set, which must hold no connection; |on_finished| is called at the end.
void pawl__conns_finish(struct pawl_conns *conns, void (*on_finished)(struct pawl_conns *conns));

// The owner closes: ticks come more often from now on, and peers get less time to close.
void pawl__conns_hurry(struct pawl_conns *conns);

// A new connection on a pipe (|is_pipe|) or TCP handle. It frees itself some time after it closes.
// NULL when memory is out.
struct pawl_conn *pawl__conn_create(struct pawl_conns *conns, bool is_pipe,
                                    const struct pawl_protocol *protocol, void *state);

// Starts and stops reading.
bool pawl__conn_read(struct pawl_conn *conn);
void pawl__conn_pause(struct pawl_conn *conn);

// Calls produce at the end of this loop turn, and writes the result.
void pawl__conn_flush(struct pawl_conn *conn);

// The same, unless something else does so before, some milliseconds later.
void pawl__conn_flush_late(struct pawl_conn *conn);

// Closes at the end of this loop turn, even with bytes left to write.
void pawl__conn_fail(struct pawl_conn *conn, enum pawl_err reason);

// Writes what is ready, shuts down, and closes when the peer has done so too (or a moment later).
// Closing at once would reset the connection, and the peer could lose the last bytes.
void pawl__conn_end(struct pawl_conn *conn);

// Whether all that was to be written is with the kernel.
static inline bool pawl__conn_is_written(const struct pawl_conn *conn) {
    return conn->out.len == 0 && !conn->is_writing;
}

// Closes now. Not to be called from within the protocol.
void pawl__conn_close(struct pawl_conn *conn, enum pawl_err reason);

#endif
