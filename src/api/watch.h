#ifndef PAWL_API_WATCH_H
#define PAWL_API_WATCH_H

// Looking on at requests, from their beginning to their end: for traces and for metrics.

#include "api/api.h"

// In the request's arena, as request->watch; NULL: nobody looks on.
struct pawl_api_watch {
    struct pawl_api *api;
    const char *name;          // of the method or route; NULL: none was found
    int64_t began;             // steady
    struct trace_watch *trace; // trace.c's; NULL: it is not traced
};

// To be called first with each request.
void pawl__api_watch_begin(struct pawl_api *api, struct pawl_request *request);

// Notes what serves |request|, by a text that outlives it.
void pawl__api_watch_name(struct pawl_request *request, const char *name);

#endif
