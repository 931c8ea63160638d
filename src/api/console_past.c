#include "api/console_past.h"

#include <stdlib.h>

#include "api/census.h"
#include "api/console.h"
#include "api/figures.h"
#include "base/clock.h"
#include "observe/past.h"

enum {
    KEEPER_STEP = 10 * 1000, // milliseconds
    KEEPER_FIRST = 1000      // the first one
};

#define KEEPER_LOOKED (60 * PAWL_SECOND) // so long after the last question somebody still looks
#define KEEPER_CHEAP  (50 * PAWL_MILLISECOND) // a count that takes no longer is made in any case

static const struct {
    const char *name;
    int status;
} keeper_open[PAWL_PAST_OPEN] = {
#define STATUS(name) PB__ORCHESTRATION_STATUS__ORCHESTRATION_STATUS_##name
    [PAWL_PAST_RUNNING] = {"running", STATUS(RUNNING)},
    [PAWL_PAST_PENDING] = {"pending", STATUS(PENDING)},
    [PAWL_PAST_SUSPENDED] = {"suspended", STATUS(SUSPENDED)},
    [PAWL_PAST_STALLED] = {"stalled", STATUS(STALLED)},
#undef STATUS
};

struct pawl_keeper {
    struct pawl_api *api;
    uv_timer_t timer;
    struct pawl_census census;
    int64_t asked; // steady: when somebody asked last; 0: nobody did
    struct pawl_past past;
};

// Ends a step, with how many there are by status if that has just been counted.
static void keeper_step(struct pawl_keeper *keeper, bool counted) {
    int64_t open[PAWL_PAST_OPEN];
    for (int i = 0; i < PAWL_PAST_OPEN; i++)
        open[i] = (int64_t)keeper->census.all[keeper_open[i].status];
    pawl__past_look(&keeper->past, pawl__clock_wall(), keeper->api->options.workflows,
                    counted ? open : NULL);
}

static void keeper_on_census(void *arg) {
    keeper_step(arg, true);
}

static void keeper_on_timer(uv_timer_t *timer) {
    struct pawl_keeper *keeper = timer->data;
    int64_t now = pawl__clock_steady();
    bool is_looked_at = keeper->asked && now - keeper->asked < KEEPER_LOOKED;
    bool counts = is_looked_at || keeper->census.took < KEEPER_CHEAP;
    if (!counts || !pawl__census_begin(&keeper->census)) keeper_step(keeper, false);
}

// --- the answer ----------------------------------------------------------------------------------

enum {
    PAST_PLAIN = 11,
    PAST_COLUMNS = PAST_PLAIN + PAWL_PAST_TIMES * PAWL_PAST_QUANTILES
};

static const char *const past_columns[PAST_COLUMNS] = {
    "times",       "started",          "completed",   "failed",      "terminated",
    "activities",  "activitiesFailed", "running",     "pending",     "suspended",
    "stalled",     "workflowP50",      "workflowP95", "workflowP99", "activityP50",
    "activityP95", "activityP99",      "beginP50",    "beginP95",    "beginP99",
};

// The values of a step, in the order of the columns.
static void past_values(const struct pawl_past_step *step, int64_t out[PAST_COLUMNS]) {
    size_t n = 0;
    out[n++] = step->at / PAWL_MILLISECOND;
    out[n++] = (int64_t)step->started;
    for (int i = 0; i < PAWL_METER_STATUS_COUNT; i++) out[n++] = (int64_t)step->ended[i];
    for (int i = 0; i < PAWL_METER_TERMINATED; i++) out[n++] = (int64_t)step->activities[i];
    for (int i = 0; i < PAWL_PAST_OPEN; i++) out[n++] = step->open[i];
    for (int i = 0; i < PAWL_PAST_TIMES; i++)
        for (int k = 0; k < PAWL_PAST_QUANTILES; k++)
            out[n++] = step->seconds[i][k] < 0 ? -1 : (int64_t)(step->seconds[i][k] * 1e6);
}

// What one loop has seen.
static json_t *past_make(struct pawl_figures *figures, struct pawl_api *api) {
    struct pawl_keeper *keeper = api->keeper;
    uint64_t from = pawl__past_first(&keeper->past);
    if (figures->from > from) from = figures->from;
    json_t *body = json_pack("{s:I, s:I, s:I}", "step", (json_int_t)KEEPER_STEP, "from",
                             (json_int_t)from, "next", (json_int_t)keeper->past.count);
    json_t *columns[PAST_COLUMNS];
    for (size_t i = 0; i < PAST_COLUMNS; i++) columns[i] = json_array();
    const struct pawl_past_step *step;
    for (uint64_t at = from; (step = pawl__past_step(&keeper->past, at)); at++) {
        int64_t values[PAST_COLUMNS];
        past_values(step, values);
        for (size_t i = 0; i < PAST_COLUMNS; i++)
            pawl__json_add(&columns[i], json_integer(values[i]));
    }
    for (size_t i = 0; i < PAST_COLUMNS; i++) pawl__json_set(&body, past_columns[i], columns[i]);
    keeper->asked = pawl__clock_steady();
    return body;
}

static json_int_t past_sum(bool is_time, json_int_t a, json_int_t b) {
    if (is_time) return a > b ? a : b;  // of two loops' quantiles the worse
    return a < 0 || b < 0 ? -1 : a + b; // -1: it was not counted
}

// The loops count steps alike, so those of one number are of one time, but for a moment.
static bool past_merge(json_t *into, const json_t *from) {
    json_int_t first = json_integer_value(json_object_get(into, "from")),
               other = json_integer_value(json_object_get(from, "from"));
    bool ok = true;
    for (size_t k = 1; k < PAST_COLUMNS; k++) {
        json_t *column = json_object_get(into, past_columns[k]);
        const json_t *added = json_object_get(from, past_columns[k]);
        for (size_t i = 0; i < json_array_size(column); i++) {
            json_int_t at = first + (json_int_t)i - other;
            const json_t *value = at >= 0 ? json_array_get(added, (size_t)at) : NULL;
            if (!value) continue;
            json_int_t sum =
                past_sum(k >= PAST_PLAIN, json_integer_value(json_array_get(column, i)),
                         json_integer_value(value));
            ok = !json_array_set_new(column, i, json_integer(sum)) && ok;
        }
    }
    return ok;
}

void pawl__console_past(void *arg, struct pawl_request *request, const struct pawl_params *params) {
    const struct pawl_api *api = arg;
    struct pawl_figures figures = {.make = past_make, .merge = past_merge};
    if (!api->keeper)
        pawl__api_http_fail(request, 500, "ERR_ACTOR_RUNTIME_NOT_FOUND", PAWL_NO_RUNTIME);
    else if (pawl__console_number(request, "from", 0, &figures.from))
        pawl__figures_begin(arg, request, &figures);
}

// --- life ----------------------------------------------------------------------------------------

struct pawl_keeper *pawl__keeper_create(struct pawl_api *api) {
    struct pawl_keeper *keeper = calloc(1, sizeof *keeper);
    if (!keeper) return NULL;
    keeper->api = api;
    pawl__census_init(&keeper->census, api->options.node, keeper_on_census, keeper);
    uv_timer_init(api->options.loop, &keeper->timer);
    keeper->timer.data = keeper;
    uv_timer_start(&keeper->timer, keeper_on_timer, KEEPER_FIRST, KEEPER_STEP);
    return keeper;
}

static void keeper_on_closed(uv_handle_t *handle) {
    free(handle->data);
}

void pawl__keeper_destroy(struct pawl_keeper *keeper) {
    if (!keeper) return;
    pawl__census_finish(&keeper->census);
    uv_close((uv_handle_t *)&keeper->timer, keeper_on_closed);
}
