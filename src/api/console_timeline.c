#include "api/console.h"
#include "base/clock.h"
#include "base/map.h"

// The rows of a timeline as JSON. It is written as it goes: a history of 50,000 events has 200,000
// values, and a tree of them in memory costs ten times their text.
//
// There are two forms: an object for each row, and columns, which have a quarter of the bytes as
// they name nothing twice and tell times from the beginning of the whole. In columns a row has one
// attempt and one segment, from its start to its end, unless |more| has something else of it.

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

static void row_segments(struct pawl_buf *out, const struct pawl_timeline_step *step) {
    row_raw(out, "\"segments\":[");
    for (const struct pawl_segment *one = step->segments; one; one = one->next) {
        row_raw(out, one == step->segments ? "{\"state\":" : ",{\"state\":");
        row_text(out, pawl__segment_state_name(one->state));
        if (one->start || one->end) row_raw(out, ",");
        row_span(out, one->start, one->end);
        row_raw(out, "}");
    }
    row_raw(out, "]");
}

static void row_events(struct pawl_buf *out, const struct pawl_timeline_step *step) {
    row_raw(out, "[");
    for (const struct pawl_step_event *one = step->events; one; one = one->next) {
        if (one != step->events) row_raw(out, ",");
        row_number(out, one->number);
    }
    row_raw(out, "]");
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
    row_raw(out, ",");
    row_segments(out, step);
    row_raw(out, ",\"events\":");
    row_events(out, step);
    if (step->start || step->end) row_raw(out, ",");
    row_span(out, step->start, step->end);
    if (step->child) row_raw(out, ",\"child\":"), row_text(out, step->child);
    if (step->app) row_raw(out, ",\"app\":"), row_text(out, step->app);
    row_raw(out, "}");
}

static void row_steps(struct pawl_buf *out, const struct pawl_timeline *timeline) {
    row_raw(out, "\"groups\":[");
    for (const struct pawl_timeline_step *step = timeline->steps; step; step = step->next) {
        if (step != timeline->steps) row_raw(out, ",");
        row_step(out, step);
    }
    row_raw(out, "]");
}

// --- columns -------------------------------------------------------------------------------------

struct columns {
    struct pawl_buf *out;
    int64_t start;
    struct pawl_map names; // text -> its number, and one
    struct pawl_buf texts; // the names as JSON, in the order of their numbers
    bool ok;
};

static void column_text(struct columns *columns, const char *text) {
    uintptr_t number = (uintptr_t)pawl__map_get(&columns->names, pawl__str(text));
    if (!number) {
        number = columns->names.len + 1;
        if (number > 1) row_raw(&columns->texts, ",");
        row_text(&columns->texts, text);
        columns->ok =
            pawl__map_put(&columns->names, pawl__str(text), (void *)number) && columns->ok;
    }
    row_number(columns->out, number - 1);
}

// Milliseconds, with three decimals at most; less than 0 after a clock was set back.
static void column_took(struct columns *columns, int64_t took) {
    uint64_t micros = (uint64_t)(took < 0 ? -took : took) / 1000;
    if (took < 0) row_raw(columns->out, "-");
    row_number(columns->out, micros / 1000);
    if (micros % 1000 == 0) return;
    const char decimals[] = {'.', (char)('0' + micros / 100 % 10), (char)('0' + micros / 10 % 10),
                             (char)('0' + micros % 10)};
    size_t len = sizeof decimals;
    while (decimals[len - 1] == '0') len--;
    pawl__buf_append(columns->out, decimals, len);
}

static void column_kind(struct columns *columns, const struct pawl_timeline_step *step) {
    column_text(columns, pawl__step_kind_name(step->kind));
}

static void column_outcome(struct columns *columns, const struct pawl_timeline_step *step) {
    column_text(columns, pawl__step_outcome_name(step->outcome));
}

static void column_name(struct columns *columns, const struct pawl_timeline_step *step) {
    column_text(columns, step->name);
}

static void column_start(struct columns *columns, const struct pawl_timeline_step *step) {
    column_took(columns, step->start ? step->start - columns->start : 0);
}

static void column_length(struct columns *columns, const struct pawl_timeline_step *step) {
    column_took(columns, step->end ? step->end - step->start : 0);
}

static void column_events(struct columns *columns, const struct pawl_timeline_step *step) {
    row_events(columns->out, step);
}

static enum pawl_segment_state column_state(const struct pawl_timeline_step *step) {
    if (step->kind == PAWL_STEP_TIMER || step->kind == PAWL_STEP_EVENT) return PAWL_SEGMENT_WAIT;
    return step->outcome == PAWL_STEP_FAILED ? PAWL_SEGMENT_FAIL : PAWL_SEGMENT_RUN;
}

// Whether the columns say all of |step|.
static bool column_is_plain(const struct pawl_timeline_step *step) {
    const struct pawl_segment *one = step->segments;
    return step->attempts == 1 && !step->child && !step->app && one && !one->next &&
           one->state == column_state(step) && one->start == step->start && one->end == step->end;
}

static void columns_more(struct columns *columns, const struct pawl_timeline *timeline) {
    struct pawl_buf *out = columns->out;
    uint64_t number = 0;
    bool any = false;
    row_raw(out, ",\"more\":{");
    for (const struct pawl_timeline_step *step = timeline->steps; step; step = step->next) {
        uint64_t own = number++;
        if (column_is_plain(step)) continue;
        row_raw(out, any ? ",\"" : "\"");
        any = true;
        row_number(out, own);
        row_raw(out, "\":{\"attempts\":");
        row_number(out, step->attempts);
        row_raw(out, ",");
        row_segments(out, step);
        if (step->child) row_raw(out, ",\"child\":"), row_text(out, step->child);
        if (step->app) row_raw(out, ",\"app\":"), row_text(out, step->app);
        row_raw(out, "}");
    }
    row_raw(out, "}");
}

static void row_columns(struct pawl_buf *out, const struct pawl_timeline *timeline) {
    static const struct {
        const char *key;
        void (*put)(struct columns *columns, const struct pawl_timeline_step *step);
    } table[] = {
        {"kind", column_kind},   {"outcome", column_outcome}, {"name", column_name},
        {"start", column_start}, {"took", column_length},     {"events", column_events},
    };
    struct columns columns = {.out = out, .start = timeline->start, .ok = true};
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        row_raw(out, i ? ",\"" : "\"columns\":{\"");
        row_raw(out, table[i].key);
        row_raw(out, "\":[");
        for (const struct pawl_timeline_step *step = timeline->steps; step; step = step->next) {
            if (step != timeline->steps) row_raw(out, ",");
            table[i].put(&columns, step);
        }
        row_raw(out, "]");
    }
    row_raw(out, "}");
    columns_more(&columns, timeline);
    row_raw(out, ",\"names\":[");
    pawl__buf_append_str(out, pawl__buf_str(&columns.texts));
    row_raw(out, "]");
    if (!columns.ok || columns.texts.failed) out->failed = true;
    pawl__buf_finish(&columns.texts);
    pawl__map_finish(&columns.names);
}

// --- the whole -----------------------------------------------------------------------------------

void pawl__console_put_timeline(struct pawl_buf *out, const struct pawl_timeline *timeline,
                                bool columns) {
    row_raw(out, "{");
    row_span(out, timeline->start ? timeline->start : pawl__clock_wall(), timeline->end);
    row_raw(out, ",");
    (columns ? row_columns : row_steps)(out, timeline);
    row_raw(out, ",\"suspended\":[");
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

bool pawl__console_wants_columns(struct pawl_request *request, const char *key) {
    return pawl__str_equal(pawl__request_query(request, key), PAWL_STR("columns"));
}

bool pawl__console_read_timeline(struct pawl_console_ask *ask, struct pawl_timeline *out) {
    const Pb__GetInstanceHistoryResponse *history = (const void *)ask->call.response;
    if (pawl__timeline_read(history->events, history->n_events, &ask->request->arena, out))
        return true;
    pawl__api_nomem(ask->request);
    return false;
}

static void timeline_reply(struct pawl_console_ask *ask) {
    struct pawl_timeline timeline;
    if (!pawl__console_read_timeline(ask, &timeline)) return;
    struct pawl_buf out = {0};
    pawl__console_put_timeline(&out, &timeline, ask->columns);
    if (out.failed)
        pawl__api_nomem(ask->request);
    else
        pawl__api_json_text(ask->request, 200, pawl__buf_str(&out));
    pawl__buf_finish(&out);
}

void pawl__console_timeline(void *arg, struct pawl_request *request,
                            const struct pawl_params *params) {
    struct pawl_console_ask *ask = pawl__console_ask(arg, request, params->values[0]);
    if (!ask) return;
    ask->columns = pawl__console_wants_columns(request, "as");
    pawl__console_ask_history(ask, timeline_reply);
}
