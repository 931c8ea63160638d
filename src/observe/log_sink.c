#include <stdlib.h>

#include "base/buf.h"
#include "observe/sinks.h"
#include "wire/timestamp.h"

struct log_sink {
    struct pawl_sink sink;
    struct pawl_log log;
    struct pawl_buf text;
};

static void log_sink_attributes(struct pawl_buf *out, const struct pawl_attribute *attributes,
                                size_t count) {
    for (size_t i = 0; i < count; i++) {
        pawl__buf_format(out, "%s%s=", i ? " " : "", attributes[i].key);
        if (attributes[i].text.data)
            pawl__buf_append_str(out, attributes[i].text);
        else
            pawl__buf_format(out, "%lld", (long long)attributes[i].number);
    }
}

// The line of the reference (5.1), with the span's attributes and events as its annotations.
static void log_sink_line(struct pawl_buf *out, const struct pawl_span *span) {
    char trace[33], self[17], parent[17], start[PAWL_TIME_TEXT], end[PAWL_TIME_TEXT];
    pawl__trace_id_format(span->self.id, 16, trace);
    pawl__trace_id_format(span->self.span, 8, self);
    pawl__trace_id_format(span->parent, 8, parent);
    pawl__time_format(span->start, start);
    pawl__time_format(span->end, end);
    pawl__buf_clear(out);
    pawl__buf_format(out, "[%.*s] Trace: %s Span: %s/%s Time: [%s ->  %s] Annotations: [",
                     PAWL_FMT(span->name), trace, parent, self, start, end);
    log_sink_attributes(out, span->attributes, span->attribute_count);
    for (size_t i = 0; i < span->event_count; i++) {
        pawl__buf_format(out, " {%s ", span->events[i].name);
        log_sink_attributes(out, span->events[i].attributes, span->events[i].attribute_count);
        pawl__buf_append(out, "}", 1);
    }
    pawl__buf_append(out, "]", 1);
}

static enum pawl_err log_sink_send(struct pawl_sink *sink, struct pawl_span *const *spans,
                                   size_t count, struct pawl_error *error) {
    struct log_sink *self = (struct log_sink *)sink;
    for (size_t i = 0; i < count; i++) {
        log_sink_line(&self->text, spans[i]);
        if (self->text.failed) return pawl__fail_plain(error, PAWL_E_NOMEM);
        pawl__log(&self->log, PAWL_LOG_INFO, "dapr.runtime.trace", "%.*s",
                  PAWL_FMT(pawl__buf_str(&self->text)));
    }
    return PAWL_OK;
}

static void log_sink_destroy(struct pawl_sink *sink) {
    struct log_sink *self = (struct log_sink *)sink;
    pawl__buf_finish(&self->text);
    free(sink->name);
    free(self);
}

enum pawl_err pawl__log_sink(const struct pawl_log *log, struct pawl_sink **out,
                             struct pawl_error *error) {
    struct log_sink *self = calloc(1, sizeof *self);
    char *name = pawl__str_dup(PAWL_STR("the log"));
    if (!self || !name) {
        free(self);
        free(name);
        return pawl__fail_plain(error, PAWL_E_NOMEM);
    }
    self->sink =
        (struct pawl_sink){.name = name, .send = log_sink_send, .destroy = log_sink_destroy};
    self->log = *log;
    *out = &self->sink;
    return PAWL_OK;
}
