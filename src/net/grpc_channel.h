#ifndef PAWL_NET_GRPC_CHANNEL_H
#define PAWL_NET_GRPC_CHANNEL_H

// What is behind net/grpc_client.h: the connection (grpc_channel.c) and its calls (grpc_call.c).

#include "base/arena.h"
#include "net/deadlines.h"
#include "net/grpc.h"
#include "net/grpc_client.h"
#include "net/h2.h"

struct pawl_grpc_client {
    struct pawl_conns conns;
    struct pawl_deadlines deadlines;
    struct pawl_arena arena; // the copied options
    struct pawl_grpc_client_options options;
    struct pawl_str authority;
    const char *host; // or the path of a unix socket
    int port;         // 0: a unix socket

    enum pawl_grpc_client_state state;
    struct pawl_grpc_channel *channel; // the one for new calls; NULL unless READY
    struct pawl_grpc_call *waiting;    // calls made while it connects

    uv_getaddrinfo_t resolve;
    uv_connect_t connect;
    uv_timer_t timer;           // of connecting
    struct pawl_conn *attempt;  // being connected
    struct addrinfo *addresses; // what was resolved
    struct addrinfo *address;   // the next one to try

    int handles; // still to be closed
    bool is_resolving, is_closing, is_finishing;
    void (*done)(void *arg);
    void *arg;
};

// A connection with a session on it.
struct pawl_grpc_channel {
    struct pawl_h2 h2;
    struct pawl_grpc_client *client;
    struct pawl_grpc_call *calls;
    bool is_heard;   // something came
    bool is_leaving; // GOAWAY came
};

struct pawl_grpc_call {
    struct pawl_grpc_client *client;
    struct pawl_grpc_channel *channel;  // NULL while it waits
    struct pawl_grpc_call *prev, *next; // in channel->calls or client->waiting
    struct pawl_grpc_call_options options;
    struct pawl_heap_node deadline;
    struct pawl_buf request; // framed
    size_t request_at;
    struct pawl_grpc_decoder decoder;
    struct pawl_buf message;          // being received
    struct pawl_buf text;             // grpc-message
    int64_t http_status, grpc_status; // -1: not received
    int64_t code;                     // PAWL_GRPC_CODE; 0: not received
    int64_t started;
    int32_t stream;
    enum pawl_err failure; // found on our side; PAWL_OK: none
    const char *failure_text;
    unsigned count : 2; // messages: 0, 1, 2 for more
    unsigned is_grpc : 1;
    unsigned is_busy : 1;   // in a callback; freed after it
    unsigned is_unseen : 1; // the server refused to look at it, or was sent nothing of it
    unsigned is_over : 1;   // on_end was called, or it was canceled
    char method[];
};

// grpc_call.c: the session's callbacks for calls.
void pawl__grpc_calls_register(nghttp2_session_callbacks *callbacks);
void pawl__grpc_calls_on_deadline(struct pawl_heap_node *node);
// Sends a call that was waiting.
void pawl__grpc_call_submit(struct pawl_grpc_channel *channel, struct pawl_grpc_call *call);
// Ends all calls of |list|.
void pawl__grpc_calls_end(struct pawl_grpc_call **list, enum pawl_err code, const char *text);

#endif
