#include "api/scrape_tell.h"

void pawl__tell_operations(const struct pawl_scraping *scrape, const struct pawl_scrape_row *row) {
    static const char *const operations[] = {"create_workflow", "get_workflow", "add_event",
                                             "purge_workflow"};
    for (int i = 0; scrape->source->node && i < PAWL_OPERATION_COUNT; i++)
        for (int failed = 0; failed < 2; failed++) {
            struct pawl_scrape_labels labels = pawl__scrape_dapr(scrape);
            pawl__scrape_label(&labels, "operation", pawl__str(operations[i]));
            pawl__scrape_label(
                &labels, "status",
                pawl__str(pawl__meter_statuses[failed ? PAWL_METER_FAILED : PAWL_METER_SUCCESS]));
            pawl__scrape_fed(scrape, row, &labels, &scrape->source->operations->times[i][failed]);
        }
}

static void tell_workflow(const struct pawl_scraping *scrape, const struct pawl_scrape_row *row,
                          const struct pawl_workflow_series *series) {
    bool own = row->which == PAWL_TELL_TURNS || row->which == PAWL_TELL_CONTINUED;
    struct pawl_scrape_labels labels = own ? pawl__scrape_own(scrape) : pawl__scrape_dapr(scrape);
    pawl__scrape_label(&labels, "workflow_name", series->named.name);
    switch (row->which) {
    case PAWL_TELL_SCHEDULING: pawl__scrape_fed(scrape, row, &labels, &series->scheduling); return;
    case PAWL_TELL_PAYLOAD: pawl__scrape_fed(scrape, row, &labels, &series->payload); return;
    case PAWL_TELL_TURNS: pawl__scrape_value(scrape, &labels, (double)series->turns); return;
    case PAWL_TELL_CONTINUED:
        pawl__scrape_value(scrape, &labels, (double)series->continued);
        return;
    default: break;
    }
    pawl__scrape_label(&labels, "status", (struct pawl_str){0});
    for (int i = 0; i < PAWL_METER_STATUS_COUNT; i++) {
        labels.items[labels.count - 1].value = pawl__str(pawl__meter_statuses[i]);
        pawl__scrape_fed(scrape, row, &labels, &series->execution[i]);
    }
}

void pawl__tell_workflows(const struct pawl_scraping *scrape, const struct pawl_scrape_row *row) {
    const struct pawl_workflow_meter *meter = scrape->source->workflows;
    if (!meter) return;
    PAWL_LIST_EACH(const struct pawl_workflow_series, one, &meter->workflows.list, named.link)
        tell_workflow(scrape, row, one);
}

static void tell_activity(const struct pawl_scraping *scrape, const struct pawl_scrape_row *row,
                          const struct pawl_activity_series *series) {
    struct pawl_scrape_labels labels = pawl__scrape_dapr(scrape);
    pawl__scrape_label(&labels, "activity_name", series->named.name);
    pawl__scrape_label(&labels, "status", pawl__str(pawl__meter_statuses[PAWL_METER_SUCCESS]));
    if (row->which == PAWL_TELL_OPERATION) {
        pawl__scrape_fed(scrape, row, &labels, &series->operation);
        return;
    }
    for (int i = 0; i < PAWL_METER_TERMINATED; i++) {
        labels.items[labels.count - 1].value = pawl__str(pawl__meter_statuses[i]);
        pawl__scrape_fed(scrape, row, &labels, &series->execution[i]);
    }
}

void pawl__tell_activities(const struct pawl_scraping *scrape, const struct pawl_scrape_row *row) {
    const struct pawl_workflow_meter *meter = scrape->source->workflows;
    if (!meter) return;
    PAWL_LIST_EACH(const struct pawl_activity_series, one, &meter->activities.list, named.link)
        tell_activity(scrape, row, one);
}

void pawl__tell_payloads(const struct pawl_scraping *scrape, const struct pawl_scrape_row *row) {
    const struct pawl_workflow_meter *meter = scrape->source->workflows;
    if (!meter) return;
    PAWL_LIST_EACH(const struct pawl_payload_series, series, &meter->payloads.list, named.link) {
        struct pawl_str activity = series->named.name;
        struct pawl_scrape_labels labels = pawl__scrape_dapr(scrape);
        pawl__scrape_label(&labels, "workflow_name",
                           pawl__str_cut(&activity, PAWL_METER_SEPARATOR));
        pawl__scrape_label(&labels, "activity_name", activity);
        pawl__scrape_fed(scrape, row, &labels, &series->ratio);
    }
}

void pawl__tell_census(const struct pawl_scraping *scrape, const struct pawl_scrape_row *row) {
    const struct pawl_census *census = scrape->source->census;
    if (!census->node) return;
    for (int i = 0; i < PAWL_CENSUS_STATUSES; i++) {
        const ProtobufCEnumValue *value =
            protobuf_c_enum_descriptor_get_value(&pb__orchestration_status__descriptor, i);
        static const size_t prefix = sizeof "ORCHESTRATION_STATUS_" - 1;
        if (!value || i == PB__ORCHESTRATION_STATUS__ORCHESTRATION_STATUS_CONTINUED_AS_NEW)
            continue; // nobody stays in it
        struct pawl_scrape_labels labels = pawl__scrape_own(scrape);
        pawl__scrape_label(&labels, "status", pawl__str(value->name + prefix));
        pawl__scrape_value(scrape, &labels, row->which ? census->in_memory[i] : census->all[i]);
    }
}
