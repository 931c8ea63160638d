#ifndef PAWL_API_WATCH_H
#define PAWL_API_WATCH_H

// Looking on at requests, from their beginning to their end: for traces and for metrics.

#include "net/request.h"

struct pawl_api;

// To be called first with each request.
void pawl__api_watch_begin(struct pawl_api *api, struct pawl_request *request);

// Notes what serves |request|, by a text that outlives it.
void pawl__api_watch_name(struct pawl_request *request, const char *name);

#endif
