#ifndef PAWL_NET_GRPC_CLIENT_H
#define PAWL_NET_GRPC_CLIENT_H

// A gRPC client on a loop: one connection, many calls. All runs on the loop's thread.
//
// The client does not reconnect by itself. on_state says when the connection is gone; the owner
// waits as long as it sees fit and calls pawl__grpc_client_connect again.

#include <uv.h>

#include "base/err.h"
#include "net/request.h" // struct pawl_header

struct pawl_grpc_client;
struct pawl_grpc_call;

enum pawl_grpc_client_state {
    PAWL_GRPC_CLIENT_CLOSED, // no connection; calls fail with PAWL_E_UNAVAILABLE
    PAWL_GRPC_CLIENT_CONNECTING,
    PAWL_GRPC_CLIENT_READY
};

struct pawl_grpc_client_options {
    // "HOST:PORT", "[IPv6]:PORT", "unix:PATH", or any of them after "dns:" or "http://". Copied.
    const char *target;
    const char *user_agent; // NULL: "pawl/VERSION". Copied.

    // Sent with each call, for example dapr-api-token. Names in lower case; copied.
    const struct pawl_header *metadata;
    size_t metadata_count;

    bool takes_codes; // an error is what PAWL_GRPC_CODE says, when the server gives it

    size_t max_message;        // bytes of a received message; 0: 4 MiB
    int64_t connect_timeout;   // nanoseconds; 0: five seconds
    int64_t keepalive_time;    // nanoseconds of silence before a PING; 0: thirty seconds
    int64_t keepalive_timeout; // nanoseconds to answer it, and to begin to speak; 0: ten seconds

    // Called with each new state; |error| says why it is CLOSED. By then open calls have ended,
    // with one exception: after the server's GOAWAY they continue on the old connection, while new
    // calls need a new one.
    void (*on_state)(void *arg, enum pawl_grpc_client_state state, const struct pawl_error *error);
    void *arg;
};

// PAWL_E_INVALID: |target| is malformed. PAWL_E_NOMEM. The client is CLOSED at first.
enum pawl_err pawl__grpc_client_create(uv_loop_t *loop,
                                       const struct pawl_grpc_client_options *options,
                                       struct pawl_grpc_client **out, struct pawl_error *error);

// Starts to connect, when it is CLOSED. Calls may be made at once: they wait.
void pawl__grpc_client_connect(struct pawl_grpc_client *client);

enum pawl_grpc_client_state pawl__grpc_client_state(const struct pawl_grpc_client *client);

// Ends all calls with PAWL_E_CANCELED, closes and frees the client, and calls |done| (may be NULL).
// on_state is not called any more.
void pawl__grpc_client_close(struct pawl_grpc_client *client, void (*done)(void *arg), void *arg);

struct pawl_grpc_call_options {
    const char *method;      // "/TaskHubSidecarService/Hello". Copied.
    struct pawl_str message; // Copied.
    int64_t timeout;         // nanoseconds; 0: none
    bool is_unary;           // exactly one message is answered, or the call has failed

    // Called with each message of the answer, which is freed on return. May be NULL.
    void (*on_message)(void *arg, struct pawl_str message);

    // Called once when the call has ended, never from within pawl__grpc_call. |text| is the
    // server's or the client's, and is freed on return, as is the call.
    void (*on_end)(void *arg, enum pawl_err code, struct pawl_str text);
    void *arg;
};

// Starts a call. PAWL_E_UNAVAILABLE: the client is CLOSED. PAWL_E_NOMEM. |out| may be NULL.
enum pawl_err pawl__grpc_call(struct pawl_grpc_client *client,
                              const struct pawl_grpc_call_options *options,
                              struct pawl_grpc_call **out);

// Before or within |on_end| of a failed call: whether the server certainly did not process it,
// because it was not sent or was refused unread (RFC 9113, 8.7).
bool pawl__grpc_call_is_unseen(const struct pawl_grpc_call *call);

// Cancels |call|. None of its functions is called any more, not even on_end.
void pawl__grpc_cancel(struct pawl_grpc_call *call);

#endif
