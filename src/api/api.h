#ifndef PAWL_API_API_H
#define PAWL_API_API_H

// The services of a sidecar, behind one handler: TaskHub, the Dapr API over gRPC and HTTP.

#include "api/options.h"
#include "net/request.h"

struct pawl_api;

// |options| and what it points to outlive the api. NULL when memory is out.
struct pawl_api *pawl__api_create(const struct pawl_api_options *options);

// Ends the streams of workers with CANCELED, as a closing sidecar does.
void pawl__api_close_streams(struct pawl_api *api);

// No request may be open any more.
void pawl__api_destroy(struct pawl_api *api);

// The server's handler; |arg| is the api.
void pawl__api_handle(void *arg, struct pawl_request *request);

// The limit of bytes for |request| if it is above the server's; 0: the server's. Other daemons of
// the app may have higher limits, and pass on what their clients and workers send.
size_t pawl__api_max_message(const struct pawl_api *api, const struct pawl_request *request);

// Sets whether the sidecar can do its work, for the health routes.
void pawl__api_set_ready(struct pawl_api *api, bool ready, const char *reason);

#endif
