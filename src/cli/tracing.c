#include "cli/tracing.h"

#include <stdlib.h>

#include "base/clock.h"

// For what is queued at the end; `pawl run` kills a daemon that takes 5 s to end.
#define TRACING_PATIENCE (3 * PAWL_SECOND)

struct pawl_otlp_options pawl__tracing_otlp(const struct pawl_otlp_config *config) {
    return (struct pawl_otlp_options){
        .endpoint = config->endpoint,
        .grpc = strcmp(config->protocol, "grpc") == 0,
        .secure = config->secure,
        .headers = config->headers,
        .header_count = config->header_count,
        .timeout = config->timeout,
    };
}

struct pawl_resource *pawl__tracing_resource(const struct pawl_tracing *tracing,
                                             const char *app_id) {
    struct pawl_attribute *attributes = calloc(tracing->resource_count + 1, sizeof *attributes);
    if (!attributes) return NULL;
    for (size_t i = 0; i < tracing->resource_count; i++)
        attributes[i] =
            (struct pawl_attribute){tracing->resource[i].key, tracing->resource[i].value, 0};
    const struct pawl_resource resource = {
        .service = tracing->service ? tracing->service : app_id,
        .attributes = attributes,
        .attribute_count = tracing->resource_count,
    };
    struct pawl_resource *copy = pawl__resource_copy(&resource);
    free(attributes);
    return copy;
}

// The sinks that |tracing| names, at most one of each kind.
static enum pawl_err tracing_sinks(const struct pawl_tracing *tracing,
                                   const struct pawl_resource *resource, const struct pawl_log *log,
                                   struct pawl_sink *sinks[PAWL_TRACER_EXPORTERS], size_t *count,
                                   struct pawl_error *error) {
    const struct pawl_otlp_options options = pawl__tracing_otlp(&tracing->otel);
    enum pawl_err err = PAWL_OK;
    if (tracing->to_log) {
        err = pawl__log_sink(log, &sinks[*count], error);
        *count += !err;
    }
    if (!err && tracing->zipkin) {
        err = pawl__zipkin_sink(tracing->zipkin, resource, &sinks[*count], error);
        *count += !err;
    }
    if (!err && options.endpoint) {
        err = pawl__otlp_sink(&options, resource, &sinks[*count], error);
        *count += !err;
    }
    return err;
}

// Takes over all of |sinks|, also when it fails.
static enum pawl_err tracing_add(struct pawl_tracer *tracer, const struct pawl_log *log,
                                 struct pawl_sink **sinks, size_t count, struct pawl_error *error) {
    enum pawl_err err = PAWL_OK;
    for (size_t i = 0; i < count; i++) {
        if (err) {
            sinks[i]->destroy(sinks[i]);
            continue;
        }
        pawl__log(log, PAWL_LOG_INFO, "dapr.runtime", "spans go to %s", sinks[i]->name);
        err = pawl__tracer_add(tracer, sinks[i], error);
    }
    return err;
}

// Makes the sinks for the spans of |app_id|; none after an error.
static enum pawl_err tracing_make_sinks(const struct pawl_tracing *tracing, const char *app_id,
                                        const struct pawl_log *log,
                                        struct pawl_sink *sinks[PAWL_TRACER_EXPORTERS],
                                        size_t *count, struct pawl_error *error) {
    struct pawl_resource *resource = pawl__tracing_resource(tracing, app_id);
    if (!resource) return pawl__fail_plain(error, PAWL_E_NOMEM);
    enum pawl_err err = tracing_sinks(tracing, resource, log, sinks, count, error);
    free(resource);
    for (size_t i = 0; err && i < *count; i++) sinks[i]->destroy(sinks[i]);
    if (err) *count = 0;
    return err;
}

enum pawl_err pawl__tracing_check(const struct pawl_tracing *tracing, const char *app_id,
                                  const struct pawl_log *log, struct pawl_error *error) {
    struct pawl_sink *sinks[PAWL_TRACER_EXPORTERS];
    size_t count = 0;
    if (tracing->sampling_rate <= 0) return PAWL_OK;
    enum pawl_err err = tracing_make_sinks(tracing, app_id, log, sinks, &count, error);
    for (size_t i = 0; i < count; i++) sinks[i]->destroy(sinks[i]);
    return err;
}

enum pawl_err pawl__tracing_open(const struct pawl_tracing *tracing, const char *app_id,
                                 const struct pawl_log *log, struct pawl_tracer *tracer, bool *on,
                                 struct pawl_error *error) {
    struct pawl_sink *sinks[PAWL_TRACER_EXPORTERS];
    size_t sink_count = 0;
    *on = false;
    if (tracing->sampling_rate <= 0) return PAWL_OK;
    pawl__tracer_init(tracer, tracing->sampling_rate, log);
    enum pawl_err err = tracing_make_sinks(tracing, app_id, log, sinks, &sink_count, error);
    if (!err) err = tracing_add(tracer, log, sinks, sink_count, error);
    if (err || !sink_count)
        pawl__tracing_close(tracer);
    else
        *on = true;
    return err;
}

void pawl__tracing_close(struct pawl_tracer *tracer) {
    pawl__tracer_finish(tracer, TRACING_PATIENCE);
}
