#ifndef PAWL_API_TRACE_H
#define PAWL_API_TRACE_H

// The spans of calls (reference 5.1): one for each call that is sampled, named by its method or
// route, and one for each start of a workflow, under which the workflow's own spans are.

#include "net/request.h"
#include "orchestrator_service.pb-c.h"

struct pawl_api;

// Looks at the trace context that |request|, which is watched, came with, and begins its span if it
// is sampled.
void pawl__api_trace_begin(struct pawl_api *api, struct pawl_request *request);

// Ends what was begun of |request|, whose method or route is |name|; NULL: none was found.
void pawl__api_trace_end(struct pawl_request *request, const char *name, int status);

// What a workflow that is started is told of traces.
struct pawl_api_start {
    const char *name, *id, *version; // of the workflow; version: NULL or empty: none
    Pb__TraceContext *context;       // what the client gave, or NULL; then what to store, or NULL
    char *span_id;                   // of the workflow's own span; NULL: it is not traced
};

// Fills the last two fields of |start|, whose texts outlive the request. Without a tracer, a
// client's context stays as it is.
void pawl__api_trace_start(struct pawl_api *api, struct pawl_request *request,
                           struct pawl_api_start *start);

#endif
