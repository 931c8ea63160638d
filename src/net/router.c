#include "net/router.h"

// Cuts the next segment off |path|, past any slashes before it. Empty at the end.
static struct pawl_str router_segment(struct pawl_str *path) {
    while (path->len && *path->data == '/') path->data++, path->len--;
    struct pawl_str segment = {path->data, 0};
    while (segment.len < path->len && segment.data[segment.len] != '/') segment.len++;
    path->data += segment.len;
    path->len -= segment.len;
    return segment;
}

static bool router_is_name(struct pawl_str segment) {
    return segment.len >= 2 && segment.data[0] == '{' && segment.data[segment.len - 1] == '}';
}

// Fixed segments are compared as they were sent, and once more decoded, so that the common case
// allocates nothing.
static bool router_fixed(struct pawl_str wanted, struct pawl_str sent,
                         struct pawl_request *request) {
    if (pawl__str_equal(wanted, sent)) return true;
    if (!memchr(sent.data, '%', sent.len)) return false;
    struct pawl_str decoded = pawl__request_decode(request, sent);
    return decoded.data && pawl__str_equal(wanted, decoded);
}

static bool router_match(const char *pattern, struct pawl_request *request,
                         struct pawl_params *params) {
    struct pawl_str want = pawl__str(pattern), path = request->path;
    size_t count = 0;
    for (;;) {
        struct pawl_str wanted = router_segment(&want);
        if (wanted.len == 0) return router_segment(&path).len == 0;
        bool is_name = router_is_name(wanted);
        if (is_name && wanted.len >= 5 && memcmp(wanted.data + wanted.len - 4, "...", 3) == 0) {
            while (path.len && *path.data == '/') path.data++, path.len--;
            if (count == PAWL_ROUTE_PARAMS) return false;
            params->values[count] = path;
            return true;
        }
        struct pawl_str sent = router_segment(&path);
        if (sent.len == 0) return false;
        if (is_name) {
            if (count == PAWL_ROUTE_PARAMS) return false;
            params->values[count++] = sent;
        } else if (!router_fixed(wanted, sent, request)) {
            return false;
        }
    }
}

static bool router_method(const char *methods, struct pawl_str method) {
    struct pawl_str rest = pawl__str(methods);
    while (rest.data)
        if (pawl__str_equal(pawl__str_cut(&rest, '|'), method)) return true;
    return false;
}

enum pawl_route_result pawl__route_find(const struct pawl_route *routes, size_t count,
                                        struct pawl_request *request, struct pawl_params *params) {
    enum pawl_route_result result = PAWL_ROUTE_NO_PATH;
    for (size_t i = 0; i < count; i++) {
        struct pawl_params found = {.route = &routes[i]};
        if (!router_match(routes[i].pattern, request, &found)) continue;
        result = PAWL_ROUTE_NO_METHOD;
        if (!router_method(routes[i].method, request->method)) continue;
        for (size_t k = 0; k < PAWL_ROUTE_PARAMS; k++) {
            if (!found.values[k].data) continue;
            found.values[k] = pawl__request_decode(request, found.values[k]);
            if (!found.values[k].data) return PAWL_ROUTE_MALFORMED;
        }
        *params = found;
        return PAWL_ROUTE_FOUND;
    }
    return result;
}
