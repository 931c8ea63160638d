#include "observe/span.h"

#include <stdlib.h>

// Copying takes two passes over the same code: one that measures, one that writes.
struct span_copy {
    char *at; // NULL: measures
    size_t size;
};

static void *span_take(struct span_copy *copy, const void *bytes, size_t len, size_t align) {
    copy->size = (copy->size + align - 1) / align * align;
    char *place = copy->at ? copy->at + copy->size : NULL;
    copy->size += len;
    if (place && len) memcpy(place, bytes, len);
    return place;
}

static struct pawl_str span_text(struct span_copy *copy, struct pawl_str text) {
    if (!text.data) return text;
    text = pawl__str_shorten(text, PAWL_SPAN_VALUE);
    const char *place = span_take(copy, text.data, text.len, 1);
    return (struct pawl_str){place, text.len};
}

static const char *span_word(struct span_copy *copy, const char *word) {
    return span_take(copy, word, strlen(word) + 1, 1);
}

// |place| is the copy of |from|, of which the texts are still those of |from|; NULL: measures.
static void span_attributes(struct span_copy *copy, struct pawl_attribute *place,
                            const struct pawl_attribute *from, size_t count) {
    for (size_t i = 0; i < count; i++) {
        const char *key = span_word(copy, from[i].key);
        struct pawl_str text = span_text(copy, from[i].text);
        if (!place) continue;
        place[i].key = key;
        place[i].text = text;
    }
}

static struct pawl_span *span_write(struct span_copy *copy, const struct pawl_span *span) {
    const size_t align = _Alignof(max_align_t);
    size_t event_count =
        span->event_count < PAWL_SPAN_EVENTS ? span->event_count : PAWL_SPAN_EVENTS;
    struct pawl_span *out = span_take(copy, span, sizeof *span, align);
    struct pawl_attribute *attributes =
        span_take(copy, span->attributes, span->attribute_count * sizeof *span->attributes, align);
    struct pawl_span_event *events =
        span_take(copy, span->events, event_count * sizeof *span->events, align);
    span_attributes(copy, attributes, span->attributes, span->attribute_count);
    for (size_t i = 0; i < event_count; i++) {
        const char *name = span_word(copy, span->events[i].name);
        if (events) events[i].name = name;
        span_attributes(copy, events ? events[i].attributes : NULL, span->events[i].attributes,
                        span->events[i].attribute_count);
    }
    const char *scope = span_word(copy, span->scope);
    struct pawl_str name = span_text(copy, span->name), state = span_text(copy, span->state),
                    message = span_text(copy, span->message);
    if (!out) return NULL;
    out->scope = scope;
    out->name = name;
    out->state = state;
    out->message = message;
    out->attributes = attributes;
    out->events = events;
    out->event_count = event_count;
    return out;
}

struct pawl_span *pawl__span_copy(const struct pawl_span *span, size_t *size) {
    struct span_copy copy = {0};
    span_write(&copy, span);
    *size = copy.size;
    copy = (struct span_copy){.at = malloc(copy.size)};
    return copy.at ? span_write(&copy, span) : NULL;
}
