#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "observe/post.h"
#include "observe/sinks.h"

// Spans as OpenTelemetry puts them into Zipkin's model:
// https://opentelemetry.io/docs/specs/otel/trace/sdk_exporters/zipkin/

struct zipkin {
    struct pawl_sink sink;
    struct pawl_resource *resource;
    struct pawl_post *post;
    struct pawl_buf body;
};

static const char *zipkin_kind(enum pawl_span_kind kind) {
    switch (kind) {
    case PAWL_SPAN_SERVER: return "SERVER";
    case PAWL_SPAN_CLIENT: return "CLIENT";
    default: return NULL; // of an internal span nothing is said
    }
}

// Text that is not UTF-8 cannot stand in JSON.
static json_t *zipkin_text(struct pawl_str text) {
    json_t *value = json_stringn(text.data ? text.data : "", text.len);
    return value ? value : json_string("(not UTF-8)");
}

static bool zipkin_put(json_t *map, const char *key, json_t *value) {
    return json_object_set_new(map, key, value) == 0;
}

static bool zipkin_put_id(json_t *map, const char *key, const uint8_t *id, size_t len) {
    char text[33];
    pawl__trace_id_format(id, len, text);
    return zipkin_put(map, key, json_string(text));
}

// Tags are text.
static bool zipkin_put_tag(json_t *tags, const struct pawl_attribute *attribute) {
    char number[24];
    if (attribute->text.data) return zipkin_put(tags, attribute->key, zipkin_text(attribute->text));
    snprintf(number, sizeof number, "%lld", (long long)attribute->number);
    return zipkin_put(tags, attribute->key, json_string(number));
}

static json_t *zipkin_tags(const struct pawl_span *span) {
    json_t *tags = json_object();
    bool ok = tags && zipkin_put(tags, "otel.library.name", json_string(span->scope));
    for (size_t i = 0; ok && i < span->attribute_count; i++)
        ok = zipkin_put_tag(tags, &span->attributes[i]);
    if (span->status != PAWL_SPAN_UNSET)
        ok = ok && zipkin_put(tags, "otel.status_code",
                              json_string(span->status == PAWL_SPAN_OK ? "OK" : "ERROR"));
    if (span->status == PAWL_SPAN_ERROR)
        ok = ok && zipkin_put(tags, "error", zipkin_text(span->message));
    if (ok) return tags;
    json_decref(tags);
    return NULL;
}

// An event with attributes is text: its name, and a JSON object of them.
static json_t *zipkin_annotation(const struct pawl_span_event *event) {
    json_t *attributes = json_object();
    bool ok = attributes;
    for (size_t i = 0; ok && i < event->attribute_count; i++) {
        const struct pawl_attribute *attribute = &event->attributes[i];
        ok = zipkin_put(attributes, attribute->key,
                        attribute->text.data ? zipkin_text(attribute->text)
                                             : json_integer(attribute->number));
    }
    char *text = ok ? json_dumps(attributes, JSON_COMPACT) : NULL;
    json_decref(attributes);
    json_t *value = event->attribute_count ? text ? json_sprintf("%s: %s", event->name, text) : NULL
                                           : json_string(event->name);
    free(text);
    return json_pack("{s:I, s:o}", "timestamp", (json_int_t)(event->at / 1000), "value", value);
}

static json_t *zipkin_annotations(const struct pawl_span *span) {
    json_t *list = json_array();
    for (size_t i = 0; list && i < span->event_count; i++)
        if (json_array_append_new(list, zipkin_annotation(&span->events[i]))) {
            json_decref(list);
            return NULL;
        }
    return list;
}

static json_t *zipkin_span(const struct pawl_span *span, const struct pawl_resource *resource) {
    int64_t micros = (span->end - span->start) / 1000;
    json_t *map = json_object();
    bool ok =
        map && zipkin_put_id(map, "traceId", span->self.id, 16) &&
        zipkin_put_id(map, "id", span->self.span, 8) &&
        zipkin_put(map, "name", zipkin_text(span->name)) &&
        zipkin_put(map, "timestamp", json_integer(span->start / 1000)) &&
        zipkin_put(map, "localEndpoint", json_pack("{s:s}", "serviceName", resource->service)) &&
        zipkin_put(map, "tags", zipkin_tags(span));
    if (!pawl__span_is_root(span)) ok = ok && zipkin_put_id(map, "parentId", span->parent, 8);
    if (micros > 0) ok = ok && zipkin_put(map, "duration", json_integer(micros));
    const char *kind = zipkin_kind(span->kind);
    if (kind) ok = ok && zipkin_put(map, "kind", json_string(kind));
    if (span->event_count) ok = ok && zipkin_put(map, "annotations", zipkin_annotations(span));
    if (ok) return map;
    json_decref(map);
    return NULL;
}

static int zipkin_append(const char *text, size_t len, void *buf) {
    return pawl__buf_append(buf, text, len) ? 0 : -1;
}

bool pawl__zipkin_encode(struct pawl_buf *out, const struct pawl_resource *resource,
                         struct pawl_span *const *spans, size_t count) {
    for (size_t i = 0; i < count; i++) {
        json_t *map = zipkin_span(spans[i], resource);
        pawl__buf_append(out, i ? "," : "[", 1);
        bool ok = map && json_dump_callback(map, zipkin_append, out, JSON_COMPACT) == 0;
        json_decref(map);
        if (!ok) return false;
    }
    return pawl__buf_append(out, count ? "]" : "[]", count ? 1 : 2);
}

static enum pawl_err zipkin_send(struct pawl_sink *sink, struct pawl_span *const *spans,
                                 size_t count, struct pawl_error *error) {
    struct zipkin *zipkin = (struct zipkin *)sink;
    pawl__buf_clear(&zipkin->body);
    if (!pawl__zipkin_encode(&zipkin->body, zipkin->resource, spans, count))
        return pawl__fail_plain(error, PAWL_E_NOMEM);
    return pawl__post_send(zipkin->post, pawl__buf_str(&zipkin->body), error);
}

static void zipkin_hurry(struct pawl_sink *sink, int64_t until) {
    pawl__post_hurry(((struct zipkin *)sink)->post, until);
}

static void zipkin_destroy(struct pawl_sink *sink) {
    struct zipkin *zipkin = (struct zipkin *)sink;
    pawl__post_destroy(zipkin->post);
    pawl__buf_finish(&zipkin->body);
    free(zipkin->resource);
    free(sink->name);
    free(zipkin);
}

enum pawl_err pawl__zipkin_sink(const char *url, const struct pawl_resource *resource,
                                struct pawl_sink **out, struct pawl_error *error) {
    const struct pawl_post_options post = {
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
                            ? pawl__post_create(&post, &zipkin->post, error)
                            : pawl__fail_plain(error, PAWL_E_NOMEM);
    if (err)
        zipkin_destroy(&zipkin->sink);
    else
        *out = &zipkin->sink;
    return err;
}
