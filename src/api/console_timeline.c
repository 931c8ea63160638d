#include "api/console.h"
#include "base/clock.h"

// The rows of a timeline as JSON. It is written as it goes: a history of 50,000 events has 200,000
// values, and a tree of them in memory costs ten times their text.

static void row_raw(struct pawl_buf *out, const char *text) {
    pawl__buf_append_str(out, pawl__str(text));
}

static void row_number(struct pawl_buf *out, uint64_t number) {
    char digits[20];
    size_t at = sizeof digits;
    do digits[--at] = (char)('0' + number % 10);
    while (number /= 10);
    pawl__buf_append(out, digits + at, sizeof digits - at);
}

// |text| is UTF-8, as all texts of a history are (RFC 8259, 7).
static void row_text(struct pawl_buf *out, const char *text) {
    row_raw(out, "\"");
    for (const char *plain = text;; text++) {
        unsigned char c = (unsigned char)*text;
        if (c >= 0x20 && c != '"' && c != '\\') continue;
        pawl__buf_append(out, plain, (size_t)(text - plain));
        if (!c) break;
        if (c < 0x20)
            pawl__buf_format(out, "\\u%04x", (unsigned)c);
        else
            pawl__buf_append(out, c == '"' ? "\\\"" : "\\\\", 2);
        plain = text + 1;
    }
    row_raw(out, "\"");
}

// Milliseconds since 1970, with three decimals.
static void row_time(struct pawl_buf *out, int64_t at) {
    uint64_t micros = at > 0 ? (uint64_t)at / 1000 : 0;
    const char decimals[] = {'.', (char)('0' + micros / 100 % 10), (char)('0' + micros / 10 % 10),
                             (char)('0' + micros % 10)};
    row_number(out, micros / 1000);
    pawl__buf_append(out, decimals, sizeof decimals);
}

// The members "start" and "end", those that there are, without braces.
static void row_span(struct pawl_buf *out, int64_t start, int64_t end) {
    if (start) row_raw(out, "\"start\":"), row_time(out, start);
    if (end) row_raw(out, start ? ",\"end\":" : "\"end\":"), row_time(out, end);
}

static void row_step(struct pawl_buf *out, const struct pawl_timeline_step *step) {
    row_raw(out, "{\"kind\":");
    row_text(out, pawl__step_kind_name(step->kind));
    row_raw(out, ",\"name\":");
    row_text(out, step->name);
    row_raw(out, ",\"outcome\":");
    row_text(out, pawl__step_outcome_name(step->outcome));
    row_raw(out, ",\"attempts\":");
    row_number(out, step->attempts);
    row_raw(out, ",\"segments\":[");
    for (const struct pawl_segment *one = step->segments; one; one = one->next) {
        row_raw(out, one == step->segments ? "{\"state\":" : ",{\"state\":");
        row_text(out, pawl__segment_state_name(one->state));
        if (one->start || one->end) row_raw(out, ",");
        row_span(out, one->start, one->end);
        row_raw(out, "}");
    }
    row_raw(out, "],\"events\":[");
    for (const struct pawl_step_event *one = step->events; one; one = one->next) {
        if (one != step->events) row_raw(out, ",");
        row_number(out, one->number);
    }
    row_raw(out, "]");
    if (step->start || step->end) row_raw(out, ",");
    row_span(out, step->start, step->end);
    if (step->child) row_raw(out, ",\"child\":"), row_text(out, step->child);
    if (step->app) row_raw(out, ",\"app\":"), row_text(out, step->app);
    row_raw(out, "}");
}

void pawl__console_put_timeline(struct pawl_buf *out, const struct pawl_timeline *timeline) {
    row_raw(out, "{");
    row_span(out, timeline->start ? timeline->start : pawl__clock_wall(), timeline->end);
    row_raw(out, ",\"groups\":[");
    for (const struct pawl_timeline_step *step = timeline->steps; step; step = step->next) {
        if (step != timeline->steps) row_raw(out, ",");
        row_step(out, step);
    }
    row_raw(out, "],\"suspended\":[");
    const struct pawl_timeline_pause *pauses = timeline->suspended;
    for (const struct pawl_timeline_pause *pause = pauses; pause; pause = pause->next) {
        row_raw(out, pause == pauses ? "{" : ",{");
        row_span(out, pause->start, pause->end);
        row_raw(out, "}");
    }
    row_raw(out, "],\"at\":");
    row_time(out, pawl__clock_wall());
    row_raw(out, "}");
}

static void timeline_reply(struct pawl_console_ask *ask) {
    struct pawl_timeline timeline;
    if (!pawl__console_read_timeline(ask, &timeline)) return;
    struct pawl_buf out = {0};
    pawl__console_put_timeline(&out, &timeline);
    if (out.failed)
        pawl__api_nomem(ask->request);
    else
        pawl__api_json_text(ask->request, 200, pawl__buf_str(&out));
    pawl__buf_finish(&out);
}

void pawl__console_timeline(void *arg, struct pawl_request *request,
                            const struct pawl_params *params) {
    struct pawl_console_ask *ask = pawl__console_ask(arg, request, params->values[0]);
    if (ask) pawl__console_ask_history(ask, timeline_reply);
}
