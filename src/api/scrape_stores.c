#include "api/scrape_tell.h"

void pawl__tell_component(const struct pawl_scraping *scrape, const struct pawl_scrape_row *row) {
    const struct pawl_scrape_source *source = scrape->source;
    for (size_t i = 0; i < source->stores->count; i++)
        for (int verb = 0; verb < PAWL_API_STATE_VERBS; verb++)
            for (int failed = 0; failed < 2; failed++) {
                struct pawl_scrape_labels labels = pawl__scrape_own(scrape);
                pawl__scrape_label(&labels, "component", pawl__str(source->stores->items[i]->name));
                pawl__scrape_label(&labels, "namespace", pawl__str(source->namespace));
                pawl__scrape_label(&labels, "operation", pawl__str(pawl__state_verbs[verb]));
                pawl__scrape_label(&labels, "success",
                                   failed ? PAWL_STR("false") : PAWL_STR("true"));
                pawl__scrape_fed(scrape, row, &labels,
                                 &source->stores->items[i]->series.times[verb][failed]);
            }
}

void pawl__tell_loaded(const struct pawl_scraping *scrape, const struct pawl_scrape_row *row) {
    const struct pawl_scrape_source *source = scrape->source;
    struct pawl_scrape_labels labels = pawl__scrape_own(scrape);
    if (row->which == 0) {
        pawl__scrape_value(scrape, &labels, (double)source->stores->count);
        return;
    }
    pawl__scrape_label(&labels, "component", (struct pawl_str){0});
    for (size_t i = 0; i < source->stores->count; i++) {
        labels.items[labels.count - 1].value = pawl__str(source->stores->items[i]->name);
        pawl__scrape_value(scrape, &labels, 1);
    }
}

static void tell_commits(const struct pawl_scraping *scrape, const struct pawl_storage *storage,
                         struct pawl_scrape_labels labels) {
    const struct {
        const char *outcome;
        uint64_t count;
    } outcomes[] = {{"done", storage->commits},
                    {"nothing", storage->meters.nothing},
                    {"unknown", storage->meters.unknown}};
    pawl__scrape_label(&labels, "outcome", (struct pawl_str){0});
    for (size_t i = 0; i < sizeof outcomes / sizeof *outcomes; i++) {
        labels.items[labels.count - 1].value = pawl__str(outcomes[i].outcome);
        pawl__scrape_value(scrape, &labels, (double)outcomes[i].count);
    }
}

static void tell_store(const struct pawl_scraping *scrape, const struct pawl_scrape_row *row,
                       const struct pawl_api_store *store) {
    const struct pawl_storage *storage = store->storage;
    const struct pawl_storage_meters *meters = &storage->meters;
    const struct pawl_histogram *histogram = NULL;
    const struct pawl_error *why;
    struct pawl_scrape_labels labels = pawl__scrape_own(scrape);
    pawl__scrape_label(&labels, "store", pawl__str(store->name));
    switch (row->which) {
    case PAWL_TELL_COMMITS: tell_commits(scrape, storage, labels); return;
    case PAWL_TELL_COMMIT_TIME: histogram = &meters->commits; break;
    case PAWL_TELL_GROUP: histogram = &meters->group; break;
    case PAWL_TELL_LOADS: histogram = &meters->loads; break;
    case PAWL_TELL_READS: histogram = &meters->reads; break;
    case PAWL_TELL_REFUSED: pawl__scrape_value(scrape, &labels, (double)meters->refused); return;
    case PAWL_TELL_SNAPSHOTS:
        pawl__scrape_value(scrape, &labels, (double)meters->snapshots);
        return;
    case PAWL_TELL_FAILED_LOADS:
        pawl__scrape_value(scrape, &labels, (double)meters->failed_loads);
        return;
    case PAWL_TELL_FAILED_READS:
        pawl__scrape_value(scrape, &labels, (double)meters->failed_reads);
        return;
    case PAWL_TELL_FAILING:
        pawl__scrape_value(scrape, &labels, (double)pawl__storage_trouble(storage, &why));
        return;
    default: return;
    }
    pawl__scrape_histogram(scrape->out, labels.items, labels.count, histogram);
}

void pawl__tell_stores(const struct pawl_scraping *scrape, const struct pawl_scrape_row *row) {
    for (size_t i = 0; i < scrape->source->stores->count; i++)
        tell_store(scrape, row, scrape->source->stores->items[i]);
}
