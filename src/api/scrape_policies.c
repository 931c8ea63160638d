#include <stdio.h>

#include "api/scrape_tell.h"

// Resiliency policies. As with Dapr, whatever document a policy is of, the last one that was read
// gives its name, and what never happened is left out.

struct policies_point {
    const char *policy, *status; // status "": none
    uint64_t count;
    const char *loop; // NULL: what the loops have counted is added up
};

static void policies_tell(const struct pawl_scraping *scrape, const struct pawl_api_store *store,
                          const struct policies_point *point, bool also_zero) {
    const struct pawl_api_stores *stores = scrape->source->stores;
    if ((!point->count && !also_zero) || !stores->policy_count) return;
    const struct pawl_api_resource *document = &stores->policies[stores->policy_count - 1];
    char target[300];
    snprintf(target, sizeof target, "Statestore_%s", store->name);
    struct pawl_scrape_labels labels = pawl__scrape_own(scrape);
    pawl__scrape_label(&labels, "name", pawl__str(document->name));
    pawl__scrape_label(&labels, "namespace", pawl__str(document->namespace));
    pawl__scrape_label(&labels, "policy", pawl__str(point->policy));
    pawl__scrape_label(&labels, "flow_direction", PAWL_STR("outbound"));
    pawl__scrape_label(&labels, "target", pawl__str(target));
    pawl__scrape_label(&labels, "status", pawl__str(point->status));
    if (point->loop) pawl__scrape_label(&labels, "loop", pawl__str(point->loop));
    pawl__scrape_value(scrape, &labels, (double)point->count);
}

static void policies_tell_breaker(const struct pawl_scraping *scrape,
                                  const struct pawl_api_store *store, const uint64_t *counts) {
    for (int state = PAWL_BREAKER_CLOSED; state <= PAWL_BREAKER_OPEN; state++) {
        const struct policies_point point = {"circuitbreaker", pawl__breaker_text(state),
                                             counts[state]};
        policies_tell(scrape, store, &point, false);
    }
}

// Each loop has a circuit breaker of its own, and a sum of states is no state.
static void policies_tell_state(const struct pawl_scraping *scrape,
                                const struct pawl_api_store *store) {
    if (!store->policy.breaks) return;
    const struct pawl_sibling *loop = scrape->source->sibling;
    char number[24];
    if (loop) snprintf(number, sizeof number, "%zu", loop->index);
    struct policies_point point = {"circuitbreaker", "unknown", 0, loop ? number : NULL};
    policies_tell(scrape, store, &point, true);
    for (int state = PAWL_BREAKER_CLOSED; state <= PAWL_BREAKER_OPEN; state++) {
        point.status = pawl__breaker_text(state);
        point.count = store->breaker.state == (enum pawl_breaker_state)state;
        policies_tell(scrape, store, &point, true);
    }
}

static void policies_tell_documents(const struct pawl_scraping *scrape) {
    const struct pawl_api_stores *stores = scrape->source->stores;
    for (size_t i = 0; i < stores->policy_count; i++) {
        struct pawl_scrape_labels labels = pawl__scrape_own(scrape);
        pawl__scrape_label(&labels, "name", pawl__str(stores->policies[i].name));
        pawl__scrape_label(&labels, "namespace", pawl__str(stores->policies[i].namespace));
        pawl__scrape_value(scrape, &labels, 1);
    }
}

static void policies_tell_store(const struct pawl_scraping *scrape,
                                const struct pawl_api_store *store, int which) {
    const struct pawl_policy_series *series = &store->policed;
    bool uses = which == PAWL_TELL_USES;
    const struct policies_point points[] = {
        {"timeout", "", uses ? series->timeouts : series->timed_out},
        {"retry", "", uses ? series->retries : series->retried},
    };
    for (size_t i = 0; i < sizeof points / sizeof *points; i++)
        policies_tell(scrape, store, &points[i], false);
    policies_tell_breaker(scrape, store, uses ? series->breakers : series->changes);
}

void pawl__tell_policies(const struct pawl_scraping *scrape, const struct pawl_scrape_row *row) {
    const struct pawl_api_stores *stores = scrape->source->stores;
    if (row->which == PAWL_TELL_DOCUMENTS) {
        policies_tell_documents(scrape);
        return;
    }
    for (size_t i = 0; i < stores->count; i++)
        if (row->which == PAWL_TELL_BREAKERS)
            policies_tell_state(scrape, stores->items[i]);
        else
            policies_tell_store(scrape, stores->items[i], row->which);
}
