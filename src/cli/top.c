#include "cli/top.h"
#include "cli/token.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "net/http_fetch.h"

const struct pawl_top_column pawl__top_apps[] = {
    {"APP", "app", PAWL_TOP_TEXT, false},
    {"STATE", "state", PAWL_TOP_TEXT, false},
    {"WORKERS", "workers", PAWL_TOP_COUNT, false},
    {"RUNNING", "running", PAWL_TOP_COUNT, false},
    {"STALLED", "stalled", PAWL_TOP_COUNT, true},
    {"ENDED/s", "endedRate", PAWL_TOP_RATE, false},
    {"FAILED/s", "failedRate", PAWL_TOP_RATE, true},
    {"WAITING", "waiting", PAWL_TOP_COUNT, false},
    {"OLDEST", "oldest", PAWL_TOP_SECONDS, false},
    {"WORKING", "inFlight", PAWL_TOP_COUNT, false},
    {"COMMITS/s", "commitRate", PAWL_TOP_RATE, false},
    {"CPU", "cpu", PAWL_TOP_SHARE, false},
    {"MEMORY", "memory", PAWL_TOP_BYTES, false},
    {NULL, NULL, PAWL_TOP_TEXT, false},
};

const struct pawl_top_column pawl__top_workflows[] = {
    {"WORKFLOW", "workflow", PAWL_TOP_TEXT, false},
    {"RUNNING", "running", PAWL_TOP_COUNT, false},
    {"PENDING", "pending", PAWL_TOP_COUNT, false},
    {"SUSPENDED", "suspended", PAWL_TOP_COUNT, false},
    {"STALLED", "stalled", PAWL_TOP_COUNT, true},
    {"FAILED", "failed", PAWL_TOP_COUNT, true},
    {"COMPLETED", "completed", PAWL_TOP_COUNT, false},
    {"ENDED/s", "endedRate", PAWL_TOP_RATE, false},
    {"FAILED/s", "failedRate", PAWL_TOP_RATE, true},
    {"TURNS/s", "turnRate", PAWL_TOP_RATE, false},
    {"TIME", "time", PAWL_TOP_SECONDS, false},
    {NULL, NULL, PAWL_TOP_TEXT, false},
};

// --- asking --------------------------------------------------------------------------------------

// The answer of /pawl/v1/|what|; NULL: there is none.
static json_t *top_ask(const struct pawl_found *found, const char *what) {
    struct pawl_buf body = {0};
    char path[128];
    int status = 0;
    struct pawl_header tokens[PAWL_TOKENS];
    const struct pawl_http_ask ask = {.host = found->host,
                                      .port = found->http_port,
                                      .path = path,
                                      .headers = tokens,
                                      .header_count = pawl__token_headers(tokens),
                                      .timeout = PAWL_SECOND};
    snprintf(path, sizeof path, "/pawl/v1/%s", what);
    pawl__http_fetch(&ask, &status, &body, NULL);
    json_t *answer = status == 200 ? json_loadb((char *)body.data, body.len, 0, NULL) : NULL;
    pawl__buf_finish(&body);
    return answer;
}

static double top_number(const json_t *object, const char *key) {
    return json_number_value(json_object_get(object, key));
}

static void top_set(json_t *row, const char *key, double value) {
    json_object_set_new(row, key, json_real(value));
}

static void top_add(json_t *row, const char *key, double value) {
    top_set(row, key, top_number(row, key) + value);
}

// Adds to |row| how much more than the last time |value| is, in a second; |whose| names the
// counter.
static void top_add_rate(struct pawl_top *top, json_t *row, const char *key, const char *whose,
                         double value) {
    char name[PAWL_TOP_CELL];
    snprintf(name, sizeof name, "%s %s", key, whose);
    json_object_set_new(top->next, name, json_pack("[f, f]", value, top->now));
    const json_t *last = json_object_get(top->last, name);
    double before = json_number_value(json_array_get(last, 0));
    double seconds = (top->now - json_number_value(json_array_get(last, 1))) / 1000;
    if (last && seconds > 0 && value >= before) top_add(row, key, (value - before) / seconds);
}

static bool top_begin(struct pawl_top *top) {
    top->next = json_object();
    return top->next;
}

static void top_end(struct pawl_top *top) {
    json_decref(top->last);
    top->last = top->next;
    top->next = NULL;
}

// --- apps ----------------------------------------------------------------------------------------

static void top_fill_counts(const struct pawl_found *found, json_t *row) {
    json_t *answer = top_ask(found, "instances/count"), *group;
    size_t i;
    if (answer) top_set(row, "running", 0), top_set(row, "stalled", 0);
    json_array_foreach(json_object_get(answer, "groups"), i, group) {
        const char *status = json_string_value(json_object_get(group, "status"));
        if (status && strcmp(status, "RUNNING") == 0)
            top_add(row, "running", top_number(group, "n"));
        if (status && strcmp(status, "STALLED") == 0)
            top_add(row, "stalled", top_number(group, "n"));
    }
    json_decref(answer);
}

static void top_fill_app(struct pawl_top *top, const json_t *told, const char *whose, json_t *row) {
    const json_t *turns = json_object_get(told, "turns");
    const json_t *activities = json_object_get(told, "activities");
    double oldest = top_number(turns, "oldestSeconds");
    if (top_number(activities, "oldestSeconds") > oldest)
        oldest = top_number(activities, "oldestSeconds");
    double waiting = top_number(turns, "waiting") + top_number(activities, "waiting");
    bool failing = top_number(told, "failingSeconds") > 1;
    bool alone = waiting > 0 && top_number(told, "workers") <= 0 &&
                 top_number(told, "workersElsewhere") <= 0;
    const char *state = failing                                         ? "store fails"
                        : !json_is_true(json_object_get(told, "ready")) ? "not ready"
                        : alone                                         ? "no worker"
                                                                        : "ok";
    json_object_set_new(row, "state", json_string(state));
    top_set(row, "workers", top_number(told, "workers"));
    top_set(row, "waiting", waiting);
    top_set(row, "oldest", oldest);
    top_set(row, "inFlight", top_number(turns, "inFlight") + top_number(activities, "inFlight"));
    top_set(row, "memory", top_number(told, "residentBytes"));
    top_add_rate(top, row, "commitRate", whose, top_number(told, "batches"));
    top_add_rate(top, row, "cpu", whose, top_number(told, "cpuSeconds"));
    double ended = 0, failed = 0;
    size_t i;
    json_t *workflow;
    json_array_foreach(json_object_get(told, "workflows"), i, workflow) {
        ended += top_number(workflow, "ended");
        failed += top_number(workflow, "failed");
    }
    top_add_rate(top, row, "endedRate", whose, ended);
    top_add_rate(top, row, "failedRate", whose, failed);
}

static json_t *top_app(struct pawl_top *top, const struct pawl_found *found) {
    char whose[16];
    snprintf(whose, sizeof whose, "%d", (int)found->pid);
    json_t *row = json_pack("{s:s, s:i, s:s}", "app", found->app_id, "pid", (int)found->pid,
                            "state", "no answer");
    json_t *told = row ? top_ask(found, "numbers") : NULL;
    if (told) {
        top->now = top_number(told, "at");
        top_fill_app(top, told, whose, row);
        top_fill_counts(found, row);
    }
    json_decref(told);
    return row;
}

json_t *pawl__top_read_apps(struct pawl_top *top, const char *app) {
    json_t *rows = json_array();
    if (!rows || !top_begin(top)) return NULL;
    size_t count = pawl__find_running(top->found);
    for (size_t i = 0; i < count; i++)
        if (!app || strcmp(top->found[i].app_id, app) == 0)
            json_array_append_new(rows, top_app(top, &top->found[i]));
    top_end(top);
    return rows;
}

// --- workflows -----------------------------------------------------------------------------------

// The row of the workflow |name|, which is made if there is none.
static json_t *top_row(json_t *rows, const char *name) {
    size_t i;
    json_t *row;
    json_array_foreach(rows, i, row) {
        if (strcmp(json_string_value(json_object_get(row, "workflow")), name) == 0) return row;
    }
    row = json_pack("{s:s, s:f, s:f, s:f, s:f, s:f, s:f}", "workflow", name, "running", 0.0,
                    "pending", 0.0, "suspended", 0.0, "stalled", 0.0, "failed", 0.0, "completed",
                    0.0);
    json_array_append_new(rows, row);
    return row;
}

static const char *top_text(const json_t *object, const char *key) {
    const char *text = json_string_value(json_object_get(object, key));
    return text ? text : "";
}

static void top_count_workflows(const struct pawl_found *found, json_t *rows) {
    static const struct {
        const char *status, *key;
    } keys[] = {{"RUNNING", "running"}, {"PENDING", "pending"}, {"SUSPENDED", "suspended"},
                {"STALLED", "stalled"}, {"FAILED", "failed"},   {"COMPLETED", "completed"}};
    json_t *answer = top_ask(found, "instances/count"), *group;
    size_t i;
    json_array_foreach(json_object_get(answer, "groups"), i, group) {
        json_t *row = top_row(rows, top_text(group, "name"));
        for (size_t k = 0; row && k < sizeof keys / sizeof *keys; k++)
            if (strcmp(top_text(group, "status"), keys[k].status) == 0)
                top_add(row, keys[k].key, top_number(group, "n"));
    }
    json_decref(answer);
}

static void top_add_workflow(struct pawl_top *top, const struct pawl_found *found,
                             const json_t *told, json_t *row) {
    char whose[PAWL_TOP_CELL];
    snprintf(whose, sizeof whose, "%d %.250s", (int)found->pid, top_text(told, "name"));
    double ended = top_number(told, "ended");
    top_add_rate(top, row, "endedRate", whose, ended);
    top_add_rate(top, row, "failedRate", whose, top_number(told, "failed"));
    top_add_rate(top, row, "turnRate", whose, top_number(told, "turns"));
    if (ended > 0) top_set(row, "time", top_number(told, "seconds") / ended);
}

json_t *pawl__top_read_workflows(struct pawl_top *top, const char *app) {
    json_t *rows = json_array();
    if (!rows || !top_begin(top)) return NULL;
    size_t count = pawl__find_running(top->found);
    bool counted = false; // any daemon counts for all of the app
    for (size_t i = 0; i < count; i++) {
        const struct pawl_found *found = &top->found[i];
        if (strcmp(found->app_id, app) != 0) continue;
        json_t *told = top_ask(found, "numbers"), *workflow;
        size_t k;
        if (!told) continue;
        top->now = top_number(told, "at");
        if (!counted) top_count_workflows(found, rows);
        counted = true;
        json_array_foreach(json_object_get(told, "workflows"), k, workflow) {
            json_t *row = top_row(rows, top_text(workflow, "name"));
            if (row) top_add_workflow(top, found, workflow, row);
        }
        json_decref(told);
    }
    top_end(top);
    return rows;
}

void pawl__top_finish(struct pawl_top *top) {
    json_decref(top->last);
    top->last = NULL;
}

// --- what is shown -------------------------------------------------------------------------------

static void top_format_seconds(double seconds, char out[PAWL_TOP_CELL]) {
    if (seconds <= 0)
        snprintf(out, PAWL_TOP_CELL, "0");
    else if (seconds < 1)
        snprintf(out, PAWL_TOP_CELL, "%.3gms", seconds * 1000);
    else if (seconds < 120)
        snprintf(out, PAWL_TOP_CELL, "%.3gs", seconds);
    else if (seconds < 7200)
        snprintf(out, PAWL_TOP_CELL, "%.0fm", seconds / 60);
    else if (seconds < 172800)
        snprintf(out, PAWL_TOP_CELL, "%.0fh", seconds / 3600);
    else
        snprintf(out, PAWL_TOP_CELL, "%.0fd", seconds / 86400);
}

static void top_format_bytes(double bytes, char out[PAWL_TOP_CELL]) {
    static const char units[] = " KMGT";
    size_t unit = 0;
    while (bytes >= 1000 && unit < sizeof units - 2) bytes /= 1024, unit++;
    snprintf(out, PAWL_TOP_CELL, unit && bytes < 10 ? "%.1f%c" : "%.0f%c", bytes, units[unit]);
}

void pawl__top_format(const json_t *row, const struct pawl_top_column *column,
                      char out[PAWL_TOP_CELL]) {
    const json_t *value = json_object_get(row, column->key);
    double number = json_number_value(value);
    if (!value) {
        snprintf(out, PAWL_TOP_CELL, "-");
        return;
    }
    switch (column->unit) {
    case PAWL_TOP_TEXT:
        snprintf(out, PAWL_TOP_CELL, "%s", json_string_value(value));
        for (char *at = out; *at; at++) // what a name holds moves nobody's cursor
            if ((unsigned char)*at < ' ' || *at == 127) *at = ' ';
        break;
    case PAWL_TOP_COUNT: snprintf(out, PAWL_TOP_CELL, "%.0f", number); break;
    case PAWL_TOP_RATE:
        snprintf(out, PAWL_TOP_CELL, number > 0 && number < 99.95 ? "%.1f" : "%.0f", number);
        break;
    case PAWL_TOP_SECONDS: top_format_seconds(number, out); break;
    case PAWL_TOP_SHARE: snprintf(out, PAWL_TOP_CELL, "%.0f%%", 100 * number); break;
    case PAWL_TOP_BYTES: top_format_bytes(number, out); break;
    }
}
