#include "observe/otlp_post.h"

#include <stdlib.h>

#include "base/arena.h"
#include "base/clock.h"

const struct pawl_otlp_paths pawl__otlp_of_traces = {
    "/v1/traces", "/opentelemetry.proto.collector.trace.v1.TraceService/Export"};
const struct pawl_otlp_paths pawl__otlp_of_metrics = {
    "/v1/metrics", "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export"};

// The address that it goes to. Over HTTP an endpoint without a path gets the protocol's.
static char *otlp_url(struct pawl_arena *arena, const struct pawl_otlp_options *options,
                      const struct pawl_otlp_paths *paths) {
    const char *at = options->endpoint, *scheme = options->secure ? "https" : "http";
    if (strncmp(at, "http://", 7) == 0)
        scheme = "http", at += 7;
    else if (strncmp(at, "https://", 8) == 0)
        scheme = "https", at += 8;
    size_t len = strlen(at);
    while (len && at[len - 1] == '/') len--;
    const char *path = options->grpc ? paths->grpc : memchr(at, '/', len) ? "" : paths->http;
    return pawl__arena_format(arena, "%s://%.*s%s", scheme, (int)len, at, path);
}

// "name=value" as "name: value".
static const char **otlp_headers(struct pawl_arena *arena,
                                 const struct pawl_otlp_options *options) {
    const char **lines = pawl__arena_alloc(arena, (options->header_count + 1) * sizeof *lines);
    for (size_t i = 0; lines && i < options->header_count; i++) {
        struct pawl_str value = pawl__str(options->headers[i]);
        struct pawl_str name = pawl__str_cut(&value, '=');
        lines[i] = pawl__arena_format(arena, "%.*s: %.*s", PAWL_FMT(name), (int)value.len,
                                      value.data ? value.data : "");
        if (!lines[i]) return NULL;
    }
    return lines;
}

enum pawl_err pawl__otlp_post(const struct pawl_otlp_options *options,
                              const struct pawl_otlp_paths *paths, char **name,
                              struct pawl_poster **out, struct pawl_error *error) {
    struct pawl_arena arena = {0};
    char *url = otlp_url(&arena, options, paths);
    const char **headers = otlp_headers(&arena, options);
    char *spoken = url ? pawl__arena_format(&arena, "the OTLP receiver at %s", url) : NULL;
    char *kept = spoken && headers ? pawl__str_dup(pawl__str(spoken)) : NULL;
    const struct pawl_poster_options post = {
        .url = url,
        .content_type = options->grpc ? "application/grpc" : "application/x-protobuf",
        .headers = headers,
        .header_count = options->header_count,
        .timeout = options->timeout ? options->timeout : 10 * PAWL_SECOND,
        .grpc = options->grpc,
    };
    enum pawl_err err =
        kept ? pawl__poster_create(&post, out, error) : pawl__fail_plain(error, PAWL_E_NOMEM);
    pawl__arena_finish(&arena);
    if (err)
        free(kept);
    else
        *name = kept;
    return err;
}
