#include "api/figures.h"

#include <stdlib.h>

#include "api/console.h"
#include "base/clock.h"
#include "runtime/neighbours.h"

static void figures_answer(const struct pawl_figures *figures, struct pawl_request *request,
                           json_t *body) {
    if (figures->answer) {
        figures->answer(figures->api, request, body);
        return;
    }
    pawl__console_time(&body, "at", pawl__clock_wall());
    pawl__api_json(request, 200, body);
}

static void figures_on_back(struct pawl_round *round) {
    struct pawl_figures *figures = PAWL_CONTAINER(round, struct pawl_figures, round);
    if (figures->request) {
        figures->request->on_close = NULL;
        figures_answer(figures, figures->request, figures->body);
    } else {
        json_decref(figures->body);
    }
    free(figures);
}

static void figures_on_close(struct pawl_request *request, enum pawl_err reason) {
    struct pawl_figures *figures = request->data;
    figures->request = NULL;
}

void pawl__figures_begin(struct pawl_api *api, struct pawl_request *request,
                         const struct pawl_figures *given) {
    const struct pawl_neighbours *others = api->options.neighbours;
    struct pawl_figures one = *given;
    one.api = api;
    one.body = given->make(&one, api);
    if (!others || !one.body) {
        figures_answer(&one, request, one.body);
        return;
    }
    struct pawl_figures *figures = malloc(sizeof *figures);
    if (!figures) {
        json_decref(one.body);
        figures_answer(&one, request, NULL);
        return;
    }
    *figures = one;
    figures->request = request;
    figures->round.kind = PAWL_ROUND_FIGURES;
    figures->round.back = figures_on_back;
    request->data = figures;
    request->on_close = figures_on_close;
    pawl__round_begin(others->sibling, &figures->round);
}

void pawl__figures_visit(struct pawl_api *api, struct pawl_round *round) {
    struct pawl_figures *figures = PAWL_CONTAINER(round, struct pawl_figures, round);
    json_t *own = figures->body ? figures->make(figures, api) : NULL;
    if (!own || !figures->merge(figures->body, own)) {
        json_decref(figures->body);
        figures->body = NULL;
    }
    json_decref(own);
    pawl__round_next(round);
}

static double figures_number(const json_t *object, const char *key) {
    return json_number_value(json_object_get(object, key));
}

bool pawl__figures_add(json_t *into, const json_t *from, const char *const *keys, size_t count) {
    bool ok = true;
    for (size_t i = 0; i < count; i++) {
        double sum = figures_number(into, keys[i]) + figures_number(from, keys[i]);
        ok = !json_object_set_new(into, keys[i], json_real(sum)) && ok;
    }
    return ok;
}

bool pawl__figures_raise(json_t *into, const json_t *from, const char *key) {
    double high = figures_number(from, key);
    return high <= figures_number(into, key) || !json_object_set_new(into, key, json_real(high));
}
