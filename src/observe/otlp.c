#include <stdlib.h>

#include "base/arena.h"
#include "observe/otlp_post.h"
#include "observe/sinks.h"
#include "otlp.pb-c.h"
#include "wire/pack.h"
#include "wire/unpack.h"

struct otlp {
    struct pawl_sink sink;
    struct pawl_resource *resource;
    struct pawl_poster *poster;
    struct pawl_buf body;
};

// --- encoding ------------------------------------------------------------------------------------

// All of these are in an arena, whose |failed| tells at the end whether memory was out.

static char *otlp_text(struct pawl_arena *arena, struct pawl_str text) {
    return pawl__arena_dup(arena, pawl__wire_is_text(text) ? text : PAWL_STR("(not UTF-8)"));
}

static void *otlp_message(struct pawl_arena *arena, const ProtobufCMessageDescriptor *type) {
    ProtobufCMessage *message = pawl__arena_alloc(arena, type->sizeof_message);
    if (message) type->message_init(message);
    return message;
}

static Otlp__KeyValue *otlp_attribute(struct pawl_arena *arena,
                                      const struct pawl_attribute *attribute) {
    Otlp__KeyValue *pair = otlp_message(arena, &otlp__key_value__descriptor);
    Otlp__AnyValue *value = otlp_message(arena, &otlp__any_value__descriptor);
    if (!pair || !value) return NULL;
    pair->key = (char *)attribute->key;
    pair->value = value;
    if (attribute->text.data) {
        value->value_case = OTLP__ANY_VALUE__VALUE_STRING_VALUE;
        value->string_value = otlp_text(arena, attribute->text);
    } else {
        value->value_case = OTLP__ANY_VALUE__VALUE_INT_VALUE;
        value->int_value = attribute->number;
    }
    return pair;
}

static Otlp__KeyValue **otlp_attributes(struct pawl_arena *arena,
                                        const struct pawl_attribute *attributes, size_t count) {
    Otlp__KeyValue **list = pawl__arena_alloc(arena, count * sizeof *list);
    for (size_t i = 0; list && i < count; i++) list[i] = otlp_attribute(arena, &attributes[i]);
    return list;
}

static Otlp__Span__Event **otlp_events(struct pawl_arena *arena, const struct pawl_span *span) {
    Otlp__Span__Event **list = pawl__arena_alloc(arena, span->event_count * sizeof *list);
    for (size_t i = 0; list && i < span->event_count; i++) {
        const struct pawl_span_event *from = &span->events[i];
        Otlp__Span__Event *event = otlp_message(arena, &otlp__span__event__descriptor);
        if (!event) return NULL;
        event->time_unix_nano = (uint64_t)from->at;
        event->name = (char *)from->name;
        event->n_attributes = from->attribute_count;
        event->attributes = otlp_attributes(arena, from->attributes, from->attribute_count);
        list[i] = event;
    }
    return list;
}

static ProtobufCBinaryData otlp_bytes(const uint8_t *id, size_t len) {
    return (ProtobufCBinaryData){len, (uint8_t *)id};
}

static Otlp__Span *otlp_span(struct pawl_arena *arena, const struct pawl_span *from) {
    Otlp__Span *span = otlp_message(arena, &otlp__span__descriptor);
    Otlp__Status *status = otlp_message(arena, &otlp__status__descriptor);
    if (!span || !status) return NULL;
    span->trace_id = otlp_bytes(from->self.id, sizeof from->self.id);
    span->span_id = otlp_bytes(from->self.span, sizeof from->self.span);
    if (!pawl__span_is_root(from)) span->parent_span_id = otlp_bytes(from->parent, 8);
    if (from->state.data) span->trace_state = otlp_text(arena, from->state);
    span->name = otlp_text(arena, from->name);
    span->kind = from->kind;
    span->start_time_unix_nano = (uint64_t)from->start;
    span->end_time_unix_nano = (uint64_t)from->end;
    span->n_attributes = from->attribute_count;
    span->attributes = otlp_attributes(arena, from->attributes, from->attribute_count);
    span->n_events = from->event_count;
    span->events = otlp_events(arena, from);
    span->flags = from->self.sampled;
    if (from->status != PAWL_SPAN_UNSET) {
        span->status = status;
        status->code = from->status;
        if (from->message.data) status->message = otlp_text(arena, from->message);
    }
    return span;
}

static bool otlp_fill_resource(struct pawl_arena *arena, Otlp__Resource *out,
                               const struct pawl_resource *resource) {
    size_t count = resource->attribute_count + 1;
    struct pawl_attribute *all = pawl__arena_alloc(arena, count * sizeof *all);
    if (!all) return false;
    all[0] = (struct pawl_attribute){"service.name", pawl__str(resource->service), 0};
    if (count > 1) memcpy(all + 1, resource->attributes, (count - 1) * sizeof *all);
    out->n_attributes = count;
    out->attributes = otlp_attributes(arena, all, count);
    return out->attributes;
}

// Adds the spans of |scope|.
static bool otlp_add_scope(struct pawl_arena *arena, Otlp__ScopeSpans *scope,
                           struct pawl_span *const *spans, size_t count) {
    scope->spans = pawl__arena_alloc(arena, count * sizeof *scope->spans);
    if (!scope->spans) return false;
    for (size_t i = 0; i < count; i++)
        if (strcmp(spans[i]->scope, scope->scope->name) == 0) {
            scope->spans[scope->n_spans] = otlp_span(arena, spans[i]);
            if (!scope->spans[scope->n_spans++]) return false;
        }
    return true;
}

static bool otlp_fill(struct pawl_arena *arena, Otlp__ResourceSpans *out,
                      struct pawl_span *const *spans, size_t count) {
    enum {
        SCOPES = 8 // that there can be
    };
    out->scope_spans = pawl__arena_alloc(arena, SCOPES * sizeof *out->scope_spans);
    if (!out->scope_spans) return false;
    for (size_t i = 0; i < count; i++) {
        size_t known = 0;
        while (known < out->n_scope_spans &&
               strcmp(out->scope_spans[known]->scope->name, spans[i]->scope) != 0)
            known++;
        if (known < out->n_scope_spans || known == SCOPES) continue;
        Otlp__ScopeSpans *scope = otlp_message(arena, &otlp__scope_spans__descriptor);
        Otlp__InstrumentationScope *name =
            otlp_message(arena, &otlp__instrumentation_scope__descriptor);
        if (!scope || !name) return false;
        name->name = (char *)spans[i]->scope;
        scope->scope = name;
        out->scope_spans[out->n_scope_spans++] = scope;
        if (!otlp_add_scope(arena, scope, spans, count)) return false;
    }
    return true;
}

bool pawl__otlp_encode(struct pawl_buf *out, const struct pawl_resource *resource,
                       struct pawl_span *const *spans, size_t count) {
    struct pawl_arena arena = {0};
    Otlp__ExportTraceServiceRequest request = OTLP__EXPORT_TRACE_SERVICE_REQUEST__INIT;
    Otlp__ResourceSpans all = OTLP__RESOURCE_SPANS__INIT, *list[] = {&all};
    Otlp__Resource self = OTLP__RESOURCE__INIT;
    request.n_resource_spans = 1;
    request.resource_spans = list;
    all.resource = &self;
    struct pawl_str bytes = {0};
    if (otlp_fill_resource(&arena, &self, resource) && otlp_fill(&arena, &all, spans, count) &&
        !arena.failed)
        bytes = pawl__wire_pack(&arena, &request.base);
    bool ok = bytes.data && pawl__buf_append_str(out, bytes);
    pawl__arena_finish(&arena);
    return ok;
}

// --- sending -------------------------------------------------------------------------------------

static enum pawl_err otlp_send(struct pawl_sink *sink, struct pawl_span *const *spans, size_t count,
                               struct pawl_error *error) {
    struct otlp *otlp = (struct otlp *)sink;
    pawl__buf_clear(&otlp->body);
    if (!pawl__otlp_encode(&otlp->body, otlp->resource, spans, count))
        return pawl__fail_plain(error, PAWL_E_NOMEM);
    return pawl__poster_send(otlp->poster, pawl__buf_str(&otlp->body), error);
}

static void otlp_hurry(struct pawl_sink *sink, int64_t until) {
    pawl__poster_hurry(((struct otlp *)sink)->poster, until);
}

static void otlp_destroy(struct pawl_sink *sink) {
    struct otlp *otlp = (struct otlp *)sink;
    pawl__poster_destroy(otlp->poster);
    pawl__buf_finish(&otlp->body);
    free(otlp->resource);
    free(sink->name);
    free(otlp);
}

enum pawl_err pawl__otlp_sink(const struct pawl_otlp_options *options,
                              const struct pawl_resource *resource, struct pawl_sink **out,
                              struct pawl_error *error) {
    struct otlp *otlp = calloc(1, sizeof *otlp);
    if (!otlp) return pawl__fail_plain(error, PAWL_E_NOMEM);
    otlp->sink = (struct pawl_sink){
        .send = otlp_send,
        .hurry = otlp_hurry,
        .destroy = otlp_destroy,
    };
    otlp->resource = pawl__resource_copy(resource);
    enum pawl_err err = otlp->resource ? pawl__otlp_post(options, &pawl__otlp_of_traces,
                                                         &otlp->sink.name, &otlp->poster, error)
                                       : pawl__fail_plain(error, PAWL_E_NOMEM);
    if (err)
        otlp_destroy(&otlp->sink);
    else
        *out = &otlp->sink;
    return err;
}
