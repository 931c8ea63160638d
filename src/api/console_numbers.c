#include "api/console.h"
#include "api/figures.h"
#include "api/numbers.h"
#include "base/clock.h"
#include "observe/past.h"

// What this daemon is doing: the figures that 'pawl top' shows.

static json_t *numbers_work(const struct pawl_work_numbers *work) {
    return json_pack("{s:f, s:f, s:f, s:f, s:f, s:f}", "waiting", work->due, "waitingForWorker",
                     work->parked, "inFlight", work->in_flight, "oldestSeconds", work->oldest,
                     "given", work->given, "lost", work->lost);
}

static json_t *numbers_workflows(const struct pawl_workflow_meter *meter) {
    json_t *rows = json_array();
    if (!meter) return rows;
    PAWL_LIST_EACH(const struct pawl_workflow_series, series, &meter->workflows.list, named.link) {
        double ended = 0, took = 0, failed = 0;
        for (int i = 0; i < PAWL_METER_STATUS_COUNT; i++) {
            double count = (double)pawl__histogram_count(&series->execution[i]);
            ended += count;
            took += (double)series->execution[i].sum / (double)PAWL_SECOND;
            if (i == PAWL_METER_FAILED) failed = count;
        }
        const struct pawl_histogram *good = &series->execution[PAWL_METER_SUCCESS];
        double usual = pawl__past_quantile(meter->workflow_latency, good->counts, 0.95);
        pawl__json_add(&rows,
                       json_pack("{s:s%, s:f, s:f, s:f, s:f, s:f}", "name", series->named.name.data,
                                 (size_t)series->named.name.len, "ended", ended, "failed", failed,
                                 "seconds", took, "turns", (double)series->turns, "p95Seconds",
                                 usual < 0 ? -1 : usual / (double)PAWL_SECOND));
    }
    return rows;
}

static double numbers_trouble(const struct pawl_api *api) {
    double most = 0;
    for (size_t i = 0; i < api->options.stores->count; i++) {
        const struct pawl_error *why;
        double now = (double)pawl__storage_trouble(api->options.stores->items[i]->storage, &why);
        if (now > most) most = now;
    }
    return most / (double)PAWL_SECOND;
}

// What one loop is doing.
static json_t *numbers_make(struct pawl_figures *figures, struct pawl_api *api) {
    struct pawl_numbers numbers;
    struct pawl_process_numbers process;
    pawl__numbers_read(&numbers, api->options.node);
    pawl__process_numbers_read(&process);
    json_t *body = json_pack(
        "{s:s, s:b, s:f, s:f, s:o, s:o, s:f, s:f, s:f, s:f, s:f, s:f, s:f, s:f, s:f, s:o}", "appId",
        api->options.app_id, "ready", (int)api->ready, "workers", numbers.workers,
        "workersElsewhere",
        (double)pawl__workers_elsewhere(api->options.node, api->options.neighbours), "turns",
        numbers_work(&numbers.turns), "activities", numbers_work(&numbers.activities), "heldTurns",
        numbers.held, "shards", numbers.shards, "shardsServed", numbers.shards_served, "inMemory",
        numbers.instances, "asleep", numbers.asleep, "batches", numbers.batches, "failingSeconds",
        numbers_trouble(api), "cpuSeconds", process.cpu, "residentBytes", process.resident,
        "workflows", numbers_workflows(api->options.workflows));
    if (!api->ready) pawl__json_set(&body, "reason", pawl__json_text(pawl__str(api->not_ready)));
    return body;
}

#define COUNT(list) (sizeof(list) / sizeof *(list))

static bool numbers_merge_work(json_t *into, const json_t *from) {
    static const char *const sums[] = {"waiting", "waitingForWorker", "inFlight", "given", "lost"};
    bool ok = pawl__figures_add(into, from, sums, COUNT(sums));
    return pawl__figures_raise(into, from, "oldestSeconds") && ok;
}

static json_t *numbers_find(const json_t *rows, const char *name) {
    size_t i;
    json_t *row;
    json_array_foreach(rows, i, row) {
        if (strcmp(json_string_value(json_object_get(row, "name")), name) == 0) return row;
    }
    return NULL;
}

static bool numbers_merge_workflows(json_t *into, const json_t *from) {
    static const char *const sums[] = {"ended", "failed", "seconds", "turns"};
    bool ok = true;
    size_t i;
    json_t *row;
    json_array_foreach(from, i, row) {
        json_t *known = numbers_find(into, json_string_value(json_object_get(row, "name")));
        if (known)
            ok = pawl__figures_add(known, row, sums, COUNT(sums)) &&
                 pawl__figures_raise(known, row, "p95Seconds") && ok; // of two the worse
        else
            ok = !json_array_append(into, row) && ok;
    }
    return ok;
}

static bool numbers_merge(json_t *into, const json_t *from) {
    static const char *const sums[] = {"workers",  "heldTurns", "shardsServed",
                                       "inMemory", "asleep",    "batches"};
    bool ok = pawl__figures_add(into, from, sums, COUNT(sums)) &&
              pawl__figures_raise(into, from, "failingSeconds");
    ok = numbers_merge_work(json_object_get(into, "turns"), json_object_get(from, "turns")) && ok;
    ok = numbers_merge_work(json_object_get(into, "activities"),
                            json_object_get(from, "activities")) &&
         ok;
    ok = numbers_merge_workflows(json_object_get(into, "workflows"),
                                 json_object_get(from, "workflows")) &&
         ok;
    json_t *reason = json_object_get(from, "reason");
    if (!reason) return ok; // it is ready
    return !json_object_set(into, "ready", json_object_get(from, "ready")) &&
           !json_object_set(into, "reason", reason) && ok;
}

void pawl__console_numbers(void *arg, struct pawl_request *request,
                           const struct pawl_params *params) {
    static const struct pawl_figures figures = {.make = numbers_make, .merge = numbers_merge};
    pawl__figures_begin(arg, request, &figures);
}
