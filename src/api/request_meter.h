#ifndef PAWL_API_REQUEST_METER_H
#define PAWL_API_REQUEST_METER_H

// How many requests there were, of which method, how they ended, how long they took and how large
// they were: the reference's dapr_grpc_io_server_* and dapr_http_server_*.

#include "base/meter.h"
#include "net/request.h"
#include "observe/named.h"

// Of a gRPC method.
struct pawl_method_series {
    struct pawl_named named;
    struct pawl_histogram received, sent; // bytes
};

// Of a method and how it ended. The name has several parts, with PAWL_METER_SEPARATOR between them:
// with gRPC the method and the status, with HTTP the verb, the status and the route.
struct pawl_answer_series {
    struct pawl_named named;
    struct pawl_histogram times; // nanoseconds
};

// Of an error code.
struct pawl_code_series {
    struct pawl_named named;
    uint64_t count;
};

struct pawl_request_meter_options {
    const struct pawl_buckets *latency, *sizes; // the caller's
    bool with_path;                             // HTTP requests are told apart by their routes
    // And by the first of these (the caller's) that their path fits: a segment in braces stands for
    // any, and what ends in '/' for all below it.
    const char *paths;
    size_t path_count, path_size; // of each, with its end
    bool without_verb;            // and not by their verbs
    bool with_codes;              // error codes are counted
};

// Where something was counted the last time: names of methods and routes are always the same texts,
// so most of the time nothing has to be spelled and looked up.
struct pawl_meter_place {
    const char *name, *verb; // verb: NULL with gRPC
    int status;
    struct pawl_answer_series *answer; // NULL: the place is free
    struct pawl_method_series *method; // with gRPC
};

enum {
    PAWL_METER_PLACES = 64
};

struct pawl_request_meter {
    struct pawl_request_meter_options options;
    struct pawl_named_set methods, rpcs, http, codes;
    struct pawl_histogram received, sent; // bytes of HTTP bodies
    size_t open_rpcs, open_http;          // that are not answered yet
    struct pawl_meter_place places[PAWL_METER_PLACES];
};

// False when memory is out.
bool pawl__request_meter_init(struct pawl_request_meter *meter,
                              const struct pawl_request_meter_options *options);
void pawl__request_meter_finish(struct pawl_request_meter *meter);

void pawl__request_meter_begin(struct pawl_request_meter *meter,
                               const struct pawl_request *request);

// Whether series of HTTP requests say a path.
bool pawl__request_meter_has_path(const struct pawl_request_meter *meter);

// |name|: of the method or route that served it; NULL: none did. |began|: steady. |status|: of
// HTTP, or an enum pawl_err with gRPC.
void pawl__request_meter_end(struct pawl_request_meter *meter, const struct pawl_request *request,
                             const char *name, int64_t began, int status);

#endif
