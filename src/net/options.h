#ifndef PAWL_NET_OPTIONS_H
#define PAWL_NET_OPTIONS_H

// Options of a server: its limits, and the handler of its requests.

#include "base/log.h"
#include "net/request.h"

typedef void (*pawl_handler)(void *arg, struct pawl_request *request);

struct pawl_server_options {
    size_t max_body; // bytes of a request's body or gRPC message; more: TOO_LARGE or 413
    // The same for one gRPC request, whose headers have come: |max_body| at least. NULL: no more.
    size_t (*max_message)(void *arg, const struct pawl_request *request);
    size_t max_header;    // bytes of a request's headers; more: 431, or RESOURCE_EXHAUSTED
    size_t max_buffered;  // bytes of all bodies that are held at once; 0: 64 times max_body
    int64_t idle_timeout; // nanoseconds without a byte in the middle of a request, or for the
                          // headers of one: 408 and close

    // An HTTP/2 peer that was silent for |keepalive_time| gets a PING, and |keepalive_timeout|
    // to answer it. Nanoseconds; 0: ten seconds, and five.
    int64_t keepalive_time, keepalive_timeout;

    // Web pages that may call, as for --allowed-origins; NULL: none. See net/origin.h.
    const char *allowed_origins;

    pawl_handler handler;
    void *arg;
    const struct pawl_log *log;
};

#endif
