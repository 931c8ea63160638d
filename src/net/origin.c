#include "net/origin.h"

#include <arpa/inet.h>
#include <stdlib.h>

#include "net/answer.h"
#include "net/exchange.h"

static const char origin_methods[] = "HEAD|GET|POST|PUT|PATCH|DELETE"; // as the reference

// --- the list -----------------------------------------------------------------------------------

static char origin_lower(char c) {
    return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

bool pawl__origins_init(struct pawl_origins *origins, const char *list) {
    *origins = (struct pawl_origins){0};
    if (!list || !*list) return true;
    origins->text = pawl__str_dup(pawl__str(list));
    if (!origins->text) return false;
    size_t most = 1;
    for (char *at = origins->text; *at; at++) {
        *at = origin_lower(*at);
        most += *at == ',';
    }
    origins->patterns = calloc(most, sizeof *origins->patterns);
    if (!origins->patterns) {
        pawl__origins_finish(origins);
        return false;
    }
    for (struct pawl_str rest = pawl__str(origins->text); rest.data;) {
        struct pawl_str pattern = pawl__str_trim(pawl__str_cut(&rest, ','));
        if (pattern.len) origins->patterns[origins->count++] = pattern;
    }
    return true;
}

void pawl__origins_finish(struct pawl_origins *origins) {
    free(origins->patterns);
    free(origins->text);
    *origins = (struct pawl_origins){0};
}

static bool origin_allows_all(const struct pawl_origins *origins) {
    for (size_t i = 0; i < origins->count; i++)
        if (pawl__str_equal(origins->patterns[i], PAWL_STR("*"))) return true;
    return false;
}

static bool origin_matches(struct pawl_str pattern, struct pawl_str text) {
    const char *star = memchr(pattern.data, '*', pattern.len);
    if (!star) return pawl__str_equal_nocase(pattern, text);
    size_t before = (size_t)(star - pattern.data), after = pattern.len - before - 1;
    if (text.len < before + after) return false;
    return pawl__str_equal_nocase((struct pawl_str){pattern.data, before},
                                  (struct pawl_str){text.data, before}) &&
           pawl__str_equal_nocase((struct pawl_str){star + 1, after},
                                  (struct pawl_str){text.data + text.len - after, after});
}

static bool origin_is_allowed(const struct pawl_origins *origins, struct pawl_str origin) {
    for (size_t i = 0; i < origins->count; i++)
        if (origin_matches(origins->patterns[i], origin)) return true;
    return false;
}

// Host and port of "https://host:port".
static struct pawl_str origin_authority(struct pawl_str origin) {
    const char *slashes = origin.len ? memmem(origin.data, origin.len, "://", 3) : NULL;
    if (!slashes) return (struct pawl_str){0};
    return (struct pawl_str){slashes + 3, (size_t)(origin.data + origin.len - slashes - 3)};
}

// --- the host that was asked ---------------------------------------------------------------------

static struct pawl_str host_name(struct pawl_str authority) {
    if (!authority.len) return authority;
    const char *end = authority.data + authority.len;
    if (*authority.data == '[') {
        const char *close = memchr(authority.data, ']', authority.len);
        if (close)
            return (struct pawl_str){authority.data + 1, (size_t)(close - authority.data - 1)};
    }
    const char *colon = authority.len ? memchr(authority.data, ':', authority.len) : NULL;
    return (struct pawl_str){authority.data, (size_t)((colon ? colon : end) - authority.data)};
}

static bool host_ends(struct pawl_str host, struct pawl_str end) {
    return host.len >= end.len &&
           pawl__str_equal_nocase((struct pawl_str){host.data + host.len - end.len, end.len}, end);
}

// Whether nobody can have such a name made lead here: an address, or a name that no public server
// of DNS answers for (RFC 6761, RFC 6762, and ICANN's .internal).
static bool host_is_private(struct pawl_str host) {
    static const char *const ends[] = {".localhost", ".local", ".internal"};
    char text[INET6_ADDRSTRLEN + 1];
    unsigned char address[sizeof(struct in6_addr)];
    if (!host.len || !memchr(host.data, '.', host.len)) return true; // also an address of IPv6
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++)
        if (host_ends(host, pawl__str(ends[i]))) return true;
    if (host.len >= sizeof text) return false;
    memcpy(text, host.data, host.len);
    text[host.len] = 0;
    return inet_pton(AF_INET, text, address) == 1 || inet_pton(AF_INET6, text, address) == 1;
}

static bool host_is_allowed(const struct pawl_origins *origins, struct pawl_str host) {
    for (size_t i = 0; i < origins->count; i++) {
        struct pawl_str pattern = origins->patterns[i], authority = origin_authority(pattern);
        if (origin_matches(authority.data ? host_name(authority) : pattern, host)) return true;
    }
    return false;
}

// Whether the request came to a loopback address.
static bool host_is_loopback(const struct pawl_request *request) {
    const struct pawl_exchange *exchange = (const struct pawl_exchange *)request;
    if (exchange->conn->uv.handle.type != UV_TCP) return false;
    struct sockaddr_storage name;
    int len = sizeof name;
    if (uv_tcp_getsockname(&exchange->conn->uv.tcp, (struct sockaddr *)&name, &len)) return false;
    if (name.ss_family == AF_INET)
        return ntohl(((struct sockaddr_in *)&name)->sin_addr.s_addr) >> 24 == 127;
    const struct in6_addr *v6 = &((struct sockaddr_in6 *)&name)->sin6_addr;
    return IN6_IS_ADDR_LOOPBACK(v6) || (IN6_IS_ADDR_V4MAPPED(v6) && v6->s6_addr[12] == 127);
}

// --- answers ------------------------------------------------------------------------------------

static bool origin_refuse(struct pawl_request *request, const char *what, struct pawl_str who,
                          const char *remedy) {
    struct pawl_buf body = {0};
    struct pawl_str shown = pawl__str_shorten(who, 200);
    // It stands in JSON: of a header's bytes only those that need no escaping are shown.
    char *clean = pawl__arena_dup(&request->arena, shown);
    for (char *at = clean; at && *at; at++)
        if (*at < ' ' || *at > '~' || *at == '"' || *at == '\\') *at = '?';
    pawl__buf_format(&body, "%s%s%s: %s", what, shown.len ? " " : "", clean ? clean : "", remedy);
    if (request->is_grpc) {
        char *text = pawl__arena_dup(&request->arena, pawl__buf_str(&body));
        pawl__grpc_finish(request, PAWL_E_DENIED, text, (struct pawl_str){0});
    } else {
        const struct pawl_header type = {PAWL_STR("content-type"), PAWL_STR("application/json")};
        struct pawl_buf json = {0};
        pawl__buf_format(&json, "{\"errorCode\":\"ERR_FORBIDDEN\",\"message\":\"%.*s\"}",
                         PAWL_FMT(pawl__buf_str(&body)));
        pawl__http_respond(request, 403, &type, 1, pawl__buf_str(&json));
        pawl__buf_finish(&json);
    }
    pawl__buf_finish(&body);
    return false;
}

// What lets the page read the answer.
static void origin_welcome(const struct pawl_origins *origins, struct pawl_request *request,
                           struct pawl_str origin) {
    bool all = origin_allows_all(origins);
    pawl__request_add_header(request, PAWL_STR("access-control-allow-origin"),
                             all ? PAWL_STR("*") : origin);
    if (all)
        pawl__request_add_header(request, PAWL_STR("access-control-allow-credentials"),
                                 PAWL_STR("true"));
}

static bool origin_is_method(struct pawl_str method) {
    struct pawl_str rest = pawl__str(origin_methods);
    while (rest.data)
        if (pawl__str_equal_nocase(pawl__str_cut(&rest, '|'), method)) return true;
    return false;
}

// Answers what a browser asks before a request that is not simple.
static bool origin_preflight(const struct pawl_origins *origins, struct pawl_request *request,
                             struct pawl_str origin, struct pawl_str method) {
    struct pawl_str wanted = pawl__request_header(request, "access-control-request-headers");
    pawl__request_add_header(
        request, PAWL_STR("vary"),
        PAWL_STR("Origin, Access-Control-Request-Method, Access-Control-Request-Headers"));
    if (origin.data && origin_is_allowed(origins, origin) && origin_is_method(method)) {
        origin_welcome(origins, request, origin);
        pawl__request_add_header(request, PAWL_STR("access-control-allow-methods"), method);
        if (wanted.len)
            pawl__request_add_header(request, PAWL_STR("access-control-allow-headers"), wanted);
    }
    pawl__http_respond(request, 200, NULL, 0, PAWL_STR(""));
    return false;
}

// --- the verdict --------------------------------------------------------------------------------

// Whether a browser says that another site is behind the request, and that it does more than follow
// a link.
static bool origin_is_foreign_fetch(const struct pawl_request *request) {
    struct pawl_str site = pawl__request_header(request, "sec-fetch-site");
    if (!pawl__str_equal_nocase(site, PAWL_STR("cross-site")) &&
        !pawl__str_equal_nocase(site, PAWL_STR("same-site")))
        return false;
    struct pawl_str mode = pawl__request_header(request, "sec-fetch-mode");
    struct pawl_str dest = pawl__request_header(request, "sec-fetch-dest");
    return !pawl__str_equal(request->method, PAWL_STR("GET")) ||
           !pawl__str_equal_nocase(mode, PAWL_STR("navigate")) ||
           !pawl__str_equal_nocase(dest, PAWL_STR("document"));
}

bool pawl__origins_admit(const struct pawl_origins *origins, struct pawl_request *request) {
    struct pawl_str origin = pawl__request_header(request, "origin");
    if (origins->count && pawl__str_equal(request->method, PAWL_STR("OPTIONS"))) {
        struct pawl_str asked = pawl__request_header(request, "access-control-request-method");
        if (asked.data) return origin_preflight(origins, request, origin, asked);
    }
    struct pawl_str host = host_name(request->authority);
    if (!request->is_grpc && !host_is_private(host) && !host_is_allowed(origins, host) &&
        host_is_loopback(request))
        return origin_refuse(request, "this daemon was asked under the strange name", host,
                             "use localhost, or name it in --allowed-origins");
    if (origins->count) pawl__request_add_header(request, PAWL_STR("vary"), PAWL_STR("Origin"));
    if (origin.data && origin_is_allowed(origins, origin)) {
        origin_welcome(origins, request, origin);
        return true;
    }
    bool own = pawl__str_equal_nocase(origin_authority(origin), request->authority);
    if (origin.data && !own)
        return origin_refuse(request,
                             "a web page of another site may not call this daemon:", origin,
                             "name it in --allowed-origins");
    if (!own && !origin_allows_all(origins) && origin_is_foreign_fetch(request))
        return origin_refuse(request, "a web page of another site may not call this daemon",
                             PAWL_STR(""), "name it in --allowed-origins");
    return true;
}
