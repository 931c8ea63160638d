#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/quote.h"
#include "observe/poster.h"
#include "observe/sinks.h"

// Spans as OpenTelemetry puts them into Zipkin's model:
// https://opentelemetry.io/docs/specs/otel/trace/sdk_exporters/zipkin/

struct zipkin {
    struct pawl_sink sink;
    struct pawl_resource *resource;
    struct pawl_poster *poster;
    struct pawl_buf body;
};

static const char *zipkin_kind(enum pawl_span_kind kind) {
    switch (kind) {
    case PAWL_SPAN_SERVER: return "SERVER";
    case PAWL_SPAN_CLIENT: return "CLIENT";
    default: return NULL; // of an internal span nothing is said
    }
}

// Appends text that is JSON already. A span is written so and not by way of a tree of values, which
// would cost ten times as much.
static void zipkin_raw(struct pawl_buf *out, const char *text) {
    pawl__buf_append(out, text, strlen(text));
}

// |key|: with its quotes and colon, and a comma before it if it is not the first.
static void zipkin_text(struct pawl_buf *out, const char *key, struct pawl_str text) {
    zipkin_raw(out, key);
    pawl__buf_quote(out, text);
}

static void zipkin_number(struct pawl_buf *out, const char *key, int64_t number) {
    char text[24];
    int len = snprintf(text, sizeof text, "%lld", (long long)number);
    zipkin_raw(out, key);
    pawl__buf_append(out, text, (size_t)len);
}

static void zipkin_id(struct pawl_buf *out, const char *key, const uint8_t *id, size_t len) {
    char text[33];
    pawl__trace_id_format(id, len, text);
    zipkin_text(out, key, pawl__str(text));
}

// Tags are text.
static void zipkin_tag(struct pawl_buf *out, const struct pawl_attribute *attribute) {
    char number[24];
    int len = snprintf(number, sizeof number, "%lld", (long long)attribute->number);
    zipkin_text(out, ",", pawl__str(attribute->key));
    zipkin_text(out, ":",
                attribute->text.data ? attribute->text : (struct pawl_str){number, (size_t)len});
}

static void zipkin_tags(struct pawl_buf *out, const struct pawl_span *span) {
    zipkin_text(out, ",\"tags\":{\"otel.library.name\":", pawl__str(span->scope));
    for (size_t i = 0; i < span->attribute_count; i++) zipkin_tag(out, &span->attributes[i]);
    if (span->status != PAWL_SPAN_UNSET)
        zipkin_text(out, ",\"otel.status_code\":",
                    span->status == PAWL_SPAN_OK ? PAWL_STR("OK") : PAWL_STR("ERROR"));
    if (span->status == PAWL_SPAN_ERROR) zipkin_text(out, ",\"error\":", span->message);
    zipkin_raw(out, "}");
}

// An event with attributes is text: its name, and a JSON object of them.
static void zipkin_annotation(struct pawl_buf *out, const struct pawl_span_event *event) {
    struct pawl_buf value = {0};
    zipkin_raw(&value, event->name);
    for (size_t i = 0; i < event->attribute_count; i++) {
        const struct pawl_attribute *attribute = &event->attributes[i];
        zipkin_text(&value, i ? "," : ": {", pawl__str(attribute->key));
        if (attribute->text.data)
            zipkin_text(&value, ":", attribute->text);
        else
            zipkin_number(&value, ":", attribute->number);
    }
    if (event->attribute_count) zipkin_raw(&value, "}");
    zipkin_number(out, "{\"timestamp\":", event->at / 1000);
    zipkin_text(out, ",\"value\":", pawl__buf_str(&value));
    zipkin_raw(out, "}");
    if (value.failed) out->failed = true;
    pawl__buf_finish(&value);
}

static void zipkin_span(struct pawl_buf *out, const struct pawl_span *span,
                        const struct pawl_resource *resource) {
    int64_t micros = (span->end - span->start) / 1000;
    const char *kind = zipkin_kind(span->kind);
    zipkin_id(out, "{\"traceId\":", span->self.id, 16);
    zipkin_id(out, ",\"id\":", span->self.span, 8);
    zipkin_text(out, ",\"name\":", span->name);
    zipkin_number(out, ",\"timestamp\":", span->start / 1000);
    zipkin_text(out, ",\"localEndpoint\":{\"serviceName\":", pawl__str(resource->service));
    zipkin_raw(out, "}");
    zipkin_tags(out, span);
    if (!pawl__span_is_root(span)) zipkin_id(out, ",\"parentId\":", span->parent, 8);
    if (micros > 0) zipkin_number(out, ",\"duration\":", micros);
    if (kind) zipkin_text(out, ",\"kind\":", pawl__str(kind));
    for (size_t i = 0; i < span->event_count; i++) {
        zipkin_raw(out, i ? "," : ",\"annotations\":[");
        zipkin_annotation(out, &span->events[i]);
    }
    zipkin_raw(out, span->event_count ? "]}" : "}");
}

bool pawl__zipkin_encode(struct pawl_buf *out, const struct pawl_resource *resource,
                         struct pawl_span *const *spans, size_t count) {
    for (size_t i = 0; i < count; i++) {
        zipkin_raw(out, i ? "," : "[");
        zipkin_span(out, spans[i], resource);
    }
    return pawl__buf_append(out, count ? "]" : "[]", count ? 1 : 2);
}

static enum pawl_err zipkin_send(struct pawl_sink *sink, struct pawl_span *const *spans,
                                 size_t count, struct pawl_error *error) {
    struct zipkin *zipkin = (struct zipkin *)sink;
    pawl__buf_clear(&zipkin->body);
    if (!pawl__zipkin_encode(&zipkin->body, zipkin->resource, spans, count))
        return pawl__fail_plain(error, PAWL_E_NOMEM);
    return pawl__poster_send(zipkin->poster, pawl__buf_str(&zipkin->body), error);
}

static void zipkin_hurry(struct pawl_sink *sink, int64_t until) {
    pawl__poster_hurry(((struct zipkin *)sink)->poster, until);
}

static void zipkin_destroy(struct pawl_sink *sink) {
    struct zipkin *zipkin = (struct zipkin *)sink;
    pawl__poster_destroy(zipkin->poster);
    pawl__buf_finish(&zipkin->body);
    free(zipkin->resource);
    free(sink->name);
    free(zipkin);
}

enum pawl_err pawl__zipkin_sink(const char *url, const struct pawl_resource *resource,
                                struct pawl_sink **out, struct pawl_error *error) {
    const struct pawl_poster_options post = {
        .url = url,
        .content_type = "application/json",
        .timeout = 10 * PAWL_SECOND,
    };
    char name[512];
    snprintf(name, sizeof name, "Zipkin at %s", url);
    struct zipkin *zipkin = calloc(1, sizeof *zipkin);
    if (!zipkin) return pawl__fail_plain(error, PAWL_E_NOMEM);
    zipkin->sink = (struct pawl_sink){
        .name = pawl__str_dup(pawl__str(name)),
        .send = zipkin_send,
        .hurry = zipkin_hurry,
        .destroy = zipkin_destroy,
    };
    zipkin->resource = pawl__resource_copy(resource);
    enum pawl_err err = zipkin->sink.name && zipkin->resource
                            ? pawl__poster_create(&post, &zipkin->poster, error)
                            : pawl__fail_plain(error, PAWL_E_NOMEM);
    if (err)
        zipkin_destroy(&zipkin->sink);
    else
        *out = &zipkin->sink;
    return err;
}
