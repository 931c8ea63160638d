#include "api/dashboard.h"
#include "api/internal.h"
#include "base/assert.h"

// What a page may do that shows other people's data: run our scripts and ask this daemon, nothing
// else, in no frame.
#define DASHBOARD_POLICY                                                                           \
    "default-src 'none'; img-src 'self' data:; connect-src 'self'; form-action 'none'; base-uri "  \
    "'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; "

enum {
    DASHBOARD_HEADERS = 9
}; // that all answers have

static struct pawl_header dashboard_header(const char *name, const char *value) {
    return (struct pawl_header){pawl__str(name), pawl__str(value)};
}

static const struct pawl_asset *dashboard_find(struct pawl_str name) {
    for (const struct pawl_asset *asset = pawl__assets; asset->name; asset++)
        if (pawl__str_equal(name, pawl__str(asset->name))) return asset;
    return NULL;
}

// Whether the client takes gzip; a weight of 0 for it is not worth looking for.
static bool dashboard_takes_gzip(const struct pawl_request *request) {
    struct pawl_str rest = pawl__request_header(request, "accept-encoding");
    while (rest.data) {
        struct pawl_str one = pawl__str_cut(&rest, ',');
        while (one.len && *one.data == ' ') one = (struct pawl_str){one.data + 1, one.len - 1};
        if (pawl__str_starts(one, PAWL_STR("gzip"))) return true;
    }
    return false;
}

static void dashboard_answer(struct pawl_request *request, const struct pawl_asset *asset) {
    bool gzip = asset->gzip.len && dashboard_takes_gzip(request);
    // The page is asked for each time; what it loads has another name when it is another.
    bool is_page = pawl__str_starts(pawl__str(asset->type), PAWL_STR("text/html"));
    char etag[80];
    snprintf(etag, sizeof etag, "\"%s%s\"", asset->etag, gzip ? "-gzip" : "");
    char policy[512];
    int len = snprintf(policy, sizeof policy, DASHBOARD_POLICY "%s", pawl__assets_inline);
    pawl__assert((size_t)len < sizeof policy);
    struct pawl_header headers[DASHBOARD_HEADERS + 2] = {
        dashboard_header("content-type", asset->type),
        dashboard_header("cache-control",
                         is_page ? "no-cache" : "public, max-age=31536000, immutable"),
        dashboard_header("etag", etag),
        dashboard_header("vary", "accept-encoding, sec-fetch-site"),
        dashboard_header("content-security-policy", policy),
        dashboard_header("x-content-type-options", "nosniff"),
        dashboard_header("x-frame-options", "DENY"),
        dashboard_header("referrer-policy", "no-referrer"),
        dashboard_header("cross-origin-resource-policy", "same-origin"),
    };
    size_t count = DASHBOARD_HEADERS;
    if (gzip) headers[count++] = dashboard_header("content-encoding", "gzip");
    // Another page that opens this one loses hold of it, for which browsers take another process.
    // That takes them 40 ms, which nobody waits for who comes by himself.
    if (!pawl__str_equal(pawl__request_header(request, "sec-fetch-site"), PAWL_STR("none")))
        headers[count++] = dashboard_header("cross-origin-opener-policy", "same-origin");
    if (pawl__str_equal(pawl__request_header(request, "if-none-match"), pawl__str(etag)))
        pawl__http_respond(request, 304, headers + 1, count - 1, PAWL_STR(""));
    else
        pawl__http_respond(request, 200, headers, count, gzip ? asset->gzip : asset->bytes);
}

void pawl__dashboard_serve(struct pawl_request *request, const char *page, struct pawl_str name) {
    const struct pawl_asset *asset = dashboard_find(name.len ? name : pawl__str(page));
    bool is_folder = request->path.len && request->path.data[request->path.len - 1] == '/';
    // The page names its files relative to itself, so that it works behind a proxy's prefix.
    struct pawl_header location = dashboard_header("location", "dashboard/");
    if (!name.len && !is_folder)
        pawl__http_respond(request, 307, &location, 1, PAWL_STR(""));
    else if (asset)
        dashboard_answer(request, asset);
    else
        pawl__api_http_fail(request, 404, "ERR_NOT_FOUND",
                            "the dashboard has no file '%.*s': reload the page", PAWL_FMT(name));
}

static void dashboard_route(void *arg, struct pawl_request *request,
                            const struct pawl_params *params) {
    const struct pawl_api *api = arg;
    if (api->options.console.enabled)
        pawl__dashboard_serve(request, PAWL_PAGE_APP, params->values[0]);
    else
        pawl__api_http_fail(request, 404, "ERR_NOT_FOUND",
                            "this daemon does not serve its dashboard: start it with "
                            "--enable-dashboard, or run 'pawl dashboard'");
}

const struct pawl_route pawl__dashboard_routes[] = {
    {"GET|HEAD", "/dashboard", dashboard_route},
    {"GET|HEAD", "/dashboard/{file}", dashboard_route},
};

const size_t pawl__dashboard_route_count =
    sizeof pawl__dashboard_routes / sizeof *pawl__dashboard_routes;
