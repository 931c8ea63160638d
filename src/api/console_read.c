#include <stdlib.h>

#include "api/console.h"
#include "wire/json.h"

// Histories as files: what 'pawl workflow export' writes goes out, and one that somebody has kept
// is looked at without being taken in.

// --- out -----------------------------------------------------------------------------------------

static void read_reply_history(struct pawl_console_ask *ask) {
    const Pb__GetInstanceHistoryResponse *history = (const void *)ask->call.response;
    json_t *events = json_array();
    bool ok = events != NULL;
    for (size_t i = 0; ok && i < history->n_events; i++)
        ok = !json_array_append_new(events, pawl__wire_to_json(&history->events[i]->base));
    char *text = ok ? json_dumps(events, JSON_INDENT(2)) : NULL;
    json_decref(events);
    if (text)
        pawl__api_json_text(ask->request, 200, pawl__str(text));
    else
        pawl__api_nomem(ask->request);
    free(text);
}

void pawl__console_history(void *arg, struct pawl_request *request,
                           const struct pawl_params *params) {
    struct pawl_console_ask *ask = pawl__console_ask(arg, request, params->values[0]);
    if (!ask) return;
    if (ask->api->options.console.hide_payloads)
        pawl__api_http_fail(request, 403, "ERR_HIDDEN",
                            "a history has payloads, which this daemon hides (--hide-payloads)");
    else
        pawl__console_ask_history(ask, read_reply_history);
}

// --- in ------------------------------------------------------------------------------------------

// Makes the events of |list| into |out|, in |arena|. False: |*why| says what is wrong; NULL: memory
// is out.
static bool read_events(const json_t *list, struct pawl_arena *arena, Pb__HistoryEvent **out,
                        const char **why) {
    size_t i;
    json_t *one;
    json_array_foreach(list, i, one) {
        const char *wrong = NULL;
        out[i] = pawl__wire_from_json(arena, &pb__history_event__descriptor, one, &wrong);
        if (out[i]) continue;
        *why = wrong ? pawl__arena_format(arena, "event %zu: %s", i, wrong) : NULL;
        return false;
    }
    return true;
}

void pawl__console_read(void *arg, struct pawl_request *request, const struct pawl_params *params) {
    json_error_t flaw;
    json_t *list = json_loadb(request->body.data ? request->body.data : "", request->body.len,
                              JSON_REJECT_DUPLICATES, &flaw);
    size_t count = json_array_size(list);
    const char *why = NULL;
    struct pawl_timeline timeline;
    struct pawl_buf out = {0};
    Pb__HistoryEvent **events =
        count ? pawl__arena_alloc(&request->arena, count * sizeof *events) : NULL;
    bool ok = events && read_events(list, &request->arena, events, &why) &&
              pawl__timeline_read(events, count, &request->arena, &timeline);
    if (ok) pawl__console_put_timeline(&out, &timeline, pawl__console_wants_columns(request, "as"));
    if (!list)
        pawl__api_http_fail(request, 400, "ERR_MALFORMED_REQUEST",
                            "this is not JSON: %s (line %d, column %d)", flaw.text, flaw.line,
                            flaw.column);
    else if (!count)
        pawl__api_http_fail(request, 400, "ERR_MALFORMED_REQUEST",
                            "a history is an array of events, as 'pawl workflow export' writes it");
    else if (why)
        pawl__api_http_fail(request, 400, "ERR_MALFORMED_REQUEST", "the history is not one: %s",
                            why);
    else if (!ok || out.failed)
        pawl__api_nomem(request);
    else
        pawl__api_json_text(request, 200, pawl__buf_str(&out));
    pawl__buf_finish(&out);
    json_decref(list);
}
