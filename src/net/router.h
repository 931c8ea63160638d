#ifndef PAWL_NET_ROUTER_H
#define PAWL_NET_ROUTER_H

// Finds the row of a table that serves a request.

#include "net/request.h"

enum {
    PAWL_ROUTE_PARAMS = 4
};

// The decoded path segments that stand at the {names} of the route's pattern, in order.
struct pawl_params {
    const struct pawl_route *route;
    struct pawl_str values[PAWL_ROUTE_PARAMS];
};

// One route. |pattern| has fixed segments and {named} ones: "/v1.0/state/{store}/{key}". A last
// segment {name...} takes the rest of the path, slashes included. A trailing slash and doubled
// slashes in a request's path are ignored.
struct pawl_route {
    const char *method; // "GET"; several: "POST|PUT"
    const char *pattern;
    void (*handle)(void *arg, struct pawl_request *request, const struct pawl_params *params);
    const char *query; // the parameters that it takes, with spaces between; NULL: it ignores others
    int verb;          // what tells routes of one |handle| apart
};

enum pawl_route_result {
    PAWL_ROUTE_FOUND,
    PAWL_ROUTE_NO_PATH,
    PAWL_ROUTE_NO_METHOD,
    PAWL_ROUTE_MALFORMED // a percent sign that no two hex digits follow, or the arena has failed
};

// Looks |request| up in |routes|; on PAWL_ROUTE_FOUND |params| is filled. Earlier rows win.
// Segments are percent-decoded in the request's arena.
enum pawl_route_result pawl__route_find(const struct pawl_route *routes, size_t count,
                                        struct pawl_request *request, struct pawl_params *params);

#endif
