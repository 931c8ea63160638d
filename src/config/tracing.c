#include "config/tracing.h"

#include <math.h>
#include <stdlib.h>

#include "base/clock.h"

static const char *const tracing_scope = "dapr.runtime";

#define TRACING_RATE 1e-4 // the reference's, where none is given or it is no number

static const char *const tracing_keys[] = {"samplingRate", "stdout", "zipkin", "otel", NULL};
static const char *const tracing_zipkin_keys[] = {"endpointAddress", NULL};
static const char *const tracing_otel_keys[] = {"protocol", "endpointAddress", "isSecure",
                                                "headers",  "timeout",         NULL};

void pawl__tracing_init(struct pawl_tracing *tracing) {
    *tracing = (struct pawl_tracing){
        .sampling_rate = TRACING_RATE,
        .otel = {.protocol = "grpc", .secure = true},
    };
}

// --- files ---------------------------------------------------------------------------------------

static void tracing_take_rate(const struct pawl_config_context *context,
                              const struct pawl_yaml *node, struct pawl_tracing *out) {
    const struct pawl_yaml *rate = pawl__yaml_get(node, "samplingRate");
    const char *text = pawl__yaml_text(node, "samplingRate");
    if (!rate) return;
    char *end = NULL;
    double value = text ? strtod(text, &end) : 0;
    bool ok = text && *text && !*end && isfinite(value) && value >= 0 && value <= 1;
    out->sampling_rate = ok ? value : TRACING_RATE;
    if (!ok)
        pawl__log(context->log, PAWL_LOG_WARN, tracing_scope,
                  "%s:%d: samplingRate has to be a number from 0 to 1; 0.0001 is used", rate->file,
                  rate->line);
}

// A header is "name=value", or a map of its name and value.
static enum pawl_err tracing_take_header(const struct pawl_config_context *context,
                                         const struct pawl_yaml *node, const char **out,
                                         struct pawl_error *error) {
    const char *name = pawl__yaml_text(node, "name"), *value = pawl__yaml_text(node, "value");
    *out = NULL;
    if (node->kind == PAWL_YAML_SCALAR && strchr(node->text, '='))
        *out = node->text;
    else if (name && value)
        *out = pawl__arena_format(context->arena, "%s=%s", name, value);
    else
        return pawl__yaml_fail(node, error, "a header", "name=value");
    return *out ? PAWL_OK : pawl__fail_plain(error, PAWL_E_NOMEM);
}

static enum pawl_err tracing_take_headers(const struct pawl_config_context *context,
                                          const struct pawl_yaml *node,
                                          struct pawl_otlp_config *out, struct pawl_error *error) {
    const struct pawl_yaml *list = pawl__yaml_get(node, "headers");
    if (!list) return PAWL_OK;
    if (list->kind != PAWL_YAML_LIST)
        return pawl__yaml_fail(list, error, "headers", "a list of name=value");
    out->headers = pawl__arena_alloc(context->arena, list->weight * sizeof *out->headers);
    if (!out->headers) return pawl__fail_plain(error, PAWL_E_NOMEM);
    out->header_count = 0;
    enum pawl_err err = PAWL_OK;
    for (const struct pawl_yaml *one = list->children; !err && one; one = one->next)
        err = tracing_take_header(context, one, &out->headers[out->header_count++], error);
    return err;
}

static enum pawl_err tracing_take_otel(const struct pawl_config_context *context,
                                       const struct pawl_yaml *node, struct pawl_otlp_config *out,
                                       struct pawl_error *error) {
    const char *endpoint = pawl__yaml_text(node, "endpointAddress");
    const char *protocol = pawl__yaml_text(node, "protocol");
    const char *timeout = pawl__yaml_text(node, "timeout");
    enum pawl_err err =
        pawl__resource_check(context, node, "spec.tracing.otel", tracing_otel_keys, error);
    if (err) return err;
    if (endpoint) out->endpoint = *endpoint ? endpoint : NULL;
    if (protocol && strcmp(protocol, "grpc") != 0 && strcmp(protocol, "http") != 0)
        return pawl__yaml_fail(pawl__yaml_get(node, "protocol"), error, "protocol", "grpc or http");
    if (protocol) out->protocol = protocol;
    if (timeout && (!pawl__duration_parse(timeout, &out->timeout) || out->timeout <= 0))
        return pawl__yaml_fail(pawl__yaml_get(node, "timeout"), error, "timeout",
                               "a duration such as 10s");
    err = pawl__yaml_bool(node, "isSecure", &out->secure, error);
    return err ? err : tracing_take_headers(context, node, out, error);
}

enum pawl_err pawl__tracing_take(const struct pawl_config_context *context,
                                 const struct pawl_yaml *node, struct pawl_tracing *out,
                                 struct pawl_error *error) {
    const struct pawl_yaml *zipkin = pawl__yaml_get(node, "zipkin");
    const struct pawl_yaml *otel = pawl__yaml_get(node, "otel");
    const char *address = pawl__yaml_text(zipkin, "endpointAddress");
    enum pawl_err err = pawl__resource_check(context, node, "spec.tracing", tracing_keys, error);
    if (!err)
        err = pawl__resource_check(context, zipkin, "spec.tracing.zipkin", tracing_zipkin_keys,
                                   error);
    if (err) return err;
    tracing_take_rate(context, node, out);
    if (address) out->zipkin = *address ? address : NULL;
    err = pawl__yaml_bool(node, "stdout", &out->to_log, error);
    return err || !otel ? err : tracing_take_otel(context, otel, &out->otel, error);
}

// --- the environment -----------------------------------------------------------------------------

enum pawl_err pawl__tracing_take_environment(const struct pawl_config_context *context,
                                             struct pawl_tracing *out, struct pawl_error *error) {
    const char *service = getenv("OTEL_SERVICE_NAME");
    const char *resource = getenv("OTEL_RESOURCE_ATTRIBUTES");
    enum pawl_err err =
        pawl__otlp_take_environment(context->arena, &pawl__otlp_traces, &out->otel, error);
    if (!err && resource && *resource)
        err = pawl__otlp_pairs(context->arena, "OTEL_RESOURCE_ATTRIBUTES", resource, &out->resource,
                               &out->resource_count, error);
    size_t kept = 0;
    for (size_t i = 0; !err && i < out->resource_count; i++) {
        if (strcmp(out->resource[i].key, "service.name") == 0)
            out->service = out->resource[i].value.data;
        else
            out->resource[kept++] = out->resource[i];
    }
    out->resource_count = kept;
    if (service && *service) out->service = service;
    return err;
}
