#include "api/scrape_tell.h"

void pawl__tell_rpcs(const struct pawl_scraping *scrape, const struct pawl_scrape_row *row) {
    const struct pawl_named_set *names = &scrape->source->requests->rpcs;
    PAWL_LIST_EACH(const struct pawl_answer_series, series, &names->list, named.link) {
        struct pawl_str status = series->named.name;
        struct pawl_scrape_labels labels = pawl__scrape_own(scrape);
        pawl__scrape_label(&labels, "grpc_server_method",
                           pawl__str_cut(&status, PAWL_METER_SEPARATOR));
        pawl__scrape_label(&labels, "grpc_server_status", status);
        pawl__scrape_fed(scrape, row, &labels, &series->times);
    }
}

void pawl__tell_methods(const struct pawl_scraping *scrape, const struct pawl_scrape_row *row) {
    const struct pawl_named_set *names = &scrape->source->requests->methods;
    PAWL_LIST_EACH(const struct pawl_method_series, series, &names->list, named.link) {
        struct pawl_scrape_labels labels = pawl__scrape_own(scrape);
        pawl__scrape_label(&labels, "grpc_server_method", series->named.name);
        pawl__scrape_fed(scrape, row, &labels, row->which ? &series->sent : &series->received);
    }
}

void pawl__tell_http(const struct pawl_scraping *scrape, const struct pawl_scrape_row *row) {
    const struct pawl_request_meter *meter = scrape->source->requests;
    PAWL_LIST_EACH(const struct pawl_answer_series, series, &meter->http.list, named.link) {
        struct pawl_str path = series->named.name;
        struct pawl_str verb = pawl__str_cut(&path, PAWL_METER_SEPARATOR);
        struct pawl_str status = pawl__str_cut(&path, PAWL_METER_SEPARATOR);
        struct pawl_scrape_labels labels = pawl__scrape_own(scrape);
        pawl__scrape_label(&labels, "method", verb);
        if (pawl__request_meter_has_path(meter)) pawl__scrape_label(&labels, "path", path);
        pawl__scrape_label(&labels, "status", status);
        pawl__scrape_fed(scrape, row, &labels, &series->times);
    }
}

void pawl__tell_http_bytes(const struct pawl_scraping *scrape, const struct pawl_scrape_row *row) {
    const struct pawl_request_meter *meter = scrape->source->requests;
    const struct pawl_scrape_labels labels = pawl__scrape_own(scrape);
    pawl__scrape_fed(scrape, row, &labels, row->which ? &meter->sent : &meter->received);
}

// The reference's (dapr: pkg/messages/errorcodes); a code of another kind is "common".
static struct pawl_str scrape_category(struct pawl_str code) {
    static const struct {
        const char *part, *category;
    } categories[] = {
        {"WORKFLOW", "workflow"}, {"INSTANCE_ID", "workflow"}, {"ACTOR", "actor"},
        {"STATE", "state"},       {"SECRET", "secret"},        {"PERMISSION_DENIED", "secret"},
        {"HEALTH", "health"},
    };
    for (size_t i = 0; i < sizeof categories / sizeof *categories; i++)
        if (memmem(code.data, code.len, categories[i].part, strlen(categories[i].part)))
            return pawl__str(categories[i].category);
    return PAWL_STR("common");
}

void pawl__tell_codes(const struct pawl_scraping *scrape, const struct pawl_scrape_row *row) {
    const struct pawl_named_set *names = &scrape->source->requests->codes;
    PAWL_LIST_EACH(const struct pawl_code_series, series, &names->list, named.link) {
        struct pawl_scrape_labels labels = pawl__scrape_own(scrape);
        pawl__scrape_label(&labels, "category", scrape_category(series->named.name));
        pawl__scrape_label(&labels, "error_code", series->named.name);
        if (series->count) pawl__scrape_value(scrape, &labels, (double)series->count);
    }
}

void pawl__tell_open(const struct pawl_scraping *scrape, const struct pawl_scrape_row *row) {
    const struct pawl_request_meter *meter = scrape->source->requests;
    for (int i = 0; i < 2; i++) {
        struct pawl_scrape_labels labels = pawl__scrape_own(scrape);
        pawl__scrape_label(&labels, row->label, i ? PAWL_STR("http") : PAWL_STR("grpc"));
        pawl__scrape_value(scrape, &labels, (double)(i ? meter->open_http : meter->open_rpcs));
    }
}
