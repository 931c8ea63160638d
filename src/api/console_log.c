#include "api/console.h"
#include "base/clock.h"
#include "observe/lines.h"

// GET /pawl/v1/log: the newest lines that the app and this daemon wrote, where 'pawl run' started
// them. Who asks again says where the last answer ended, and gets what came since.

enum {
    LOG_LINES = 500,
    LOG_MOST = 2000,
};

static const char *const log_from[] = {[PAWL_LINES_APP] = "app", [PAWL_LINES_DAEMON] = "daemon"};

static bool log_may(const struct pawl_api *api, struct pawl_request *request) {
    if (api->options.console.hide_payloads) {
        pawl__api_http_fail(request, 403, "ERR_HIDDEN",
                            "this daemon hides payloads (--hide-payloads), and lines of a log may "
                            "have them");
        return false;
    }
    if (api->options.lines && api->options.lines->memory) return true;
    pawl__api_http_fail(request, 404, "ERR_NO_LOG",
                        "there are no lines: 'pawl run' keeps those of what it starts, and it did "
                        "not start this daemon");
    return false;
}

// Counts the lines of |view|, so that the newest ones can be told.
static size_t log_count(struct pawl_lines_view view) {
    struct pawl_line line;
    size_t count = 0;
    while (pawl__lines_next(&view, &line)) count++;
    return count;
}

void pawl__console_log(void *arg, struct pawl_request *request, const struct pawl_params *params) {
    struct pawl_api *api = arg;
    struct pawl_str after = pawl__request_query(request, "after");
    int64_t from = 0;
    uint32_t most;
    if (!log_may(api, request) || !pawl__console_number(request, "n", LOG_LINES, &most)) return;
    if (after.data && !pawl__str_to_int(after, 0, INT64_MAX, &from)) {
        pawl__api_http_fail(request, 400, "ERR_MALFORMED_REQUEST",
                            "after must be the \"next\" of an earlier answer");
        return;
    }
    struct pawl_lines_view view;
    struct pawl_line line;
    if (!pawl__lines_view(api->options.lines, (uint64_t)from, &request->arena, &view)) {
        pawl__api_nomem(request);
        return;
    }
    if (!most || most > LOG_MOST) most = LOG_MOST;
    size_t count = log_count(view), skipped = count > most ? count - most : 0;
    json_t *lines = json_array();
    for (size_t i = 0; pawl__lines_next(&view, &line); i++)
        if (i >= skipped)
            pawl__json_add(&lines,
                           json_pack("{s:I, s:s, s:s%}", "at", (json_int_t)line.at, "from",
                                     log_from[line.from], "text", line.text.data, line.text.len));
    json_t *body = json_pack("{s:o, s:I, s:b}", "lines", lines, "next", (json_int_t)view.end,
                             "missed", (int)(view.missed || (from && skipped)));
    pawl__console_time(&body, "at", pawl__clock_wall());
    pawl__api_json(request, 200, body);
}
