#include "api/scrape.h"

#include "api/numbers.h"

// One answer under way.
struct scrape {
    const struct pawl_scrape_source *source;
    struct pawl_scrape *out;
    struct pawl_numbers numbers;
    struct pawl_process_numbers process;
};

enum {
    SCRAPE_LABELS = 6,
    SCRAPE_POINTS = 4
};

// A family: a number of struct scrape for each value of a label, or what |tell| tells.
struct scrape_row {
    struct pawl_metric metric;
    const char *label; // NULL: there is one point
    struct {
        const char *value;
        size_t offset;
    } points[SCRAPE_POINTS];
    void (*tell)(const struct scrape *scrape, const struct scrape_row *row);
    int which; // for |tell|
};

// --- labels --------------------------------------------------------------------------------------

struct scrape_labels {
    struct pawl_label items[SCRAPE_LABELS];
    size_t count;
};

static void labels_add(struct scrape_labels *labels, const char *name, struct pawl_str value) {
    labels->items[labels->count++] = (struct pawl_label){name, value};
}

// Those of all series: the app's, and with the reference's most families the namespace.
static struct scrape_labels labels_own(const struct scrape *scrape) {
    struct scrape_labels labels = {.count = 0};
    labels_add(&labels, "app_id", pawl__str(scrape->source->app_id));
    return labels;
}

static struct scrape_labels labels_dapr(const struct scrape *scrape) {
    struct scrape_labels labels = labels_own(scrape);
    labels_add(&labels, "namespace", pawl__str(scrape->source->namespace));
    return labels;
}

static void scrape_number(const struct scrape *scrape, const struct scrape_labels *labels,
                          double value) {
    pawl__scrape_number(scrape->out, labels->items, labels->count, value);
}

// A histogram, or, for a counter's row, how often it was fed; one that never was is left out.
static void scrape_fed(const struct scrape *scrape, const struct scrape_row *row,
                       const struct scrape_labels *labels, const struct pawl_histogram *histogram) {
    uint64_t count = pawl__histogram_count(histogram);
    if (!count) return;
    if (row->metric.type == PAWL_METRIC_HISTOGRAM)
        pawl__scrape_histogram(scrape->out, labels->items, labels->count, histogram);
    else
        scrape_number(scrape, labels, (double)count);
}

// --- workflows -----------------------------------------------------------------------------------

static void tell_operations(const struct scrape *scrape, const struct scrape_row *row) {
    static const char *const operations[] = {"create_workflow", "get_workflow", "add_event",
                                             "purge_workflow"};
    for (int i = 0; scrape->source->node && i < PAWL_OPERATION_COUNT; i++)
        for (int failed = 0; failed < 2; failed++) {
            struct scrape_labels labels = labels_dapr(scrape);
            labels_add(&labels, "operation", pawl__str(operations[i]));
            labels_add(
                &labels, "status",
                pawl__str(pawl__meter_statuses[failed ? PAWL_METER_FAILED : PAWL_METER_SUCCESS]));
            scrape_fed(scrape, row, &labels, &scrape->source->operations->times[i][failed]);
        }
}

enum { // which, of workflows and activities
    TELL_EXECUTION,
    TELL_SCHEDULING,
    TELL_PAYLOAD,
    TELL_TURNS,
    TELL_CONTINUED,
    TELL_OPERATION
};

static void tell_workflow(const struct scrape *scrape, const struct scrape_row *row,
                          const struct pawl_workflow_series *series) {
    bool own = row->which == TELL_TURNS || row->which == TELL_CONTINUED;
    struct scrape_labels labels = own ? labels_own(scrape) : labels_dapr(scrape);
    labels_add(&labels, "workflow_name", series->named.name);
    switch (row->which) {
    case TELL_SCHEDULING: scrape_fed(scrape, row, &labels, &series->scheduling); return;
    case TELL_PAYLOAD: scrape_fed(scrape, row, &labels, &series->payload); return;
    case TELL_TURNS: scrape_number(scrape, &labels, (double)series->turns); return;
    case TELL_CONTINUED: scrape_number(scrape, &labels, (double)series->continued); return;
    default: break;
    }
    labels_add(&labels, "status", (struct pawl_str){0});
    for (int i = 0; i < PAWL_METER_STATUS_COUNT; i++) {
        labels.items[labels.count - 1].value = pawl__str(pawl__meter_statuses[i]);
        scrape_fed(scrape, row, &labels, &series->execution[i]);
    }
}

static void tell_workflows(const struct scrape *scrape, const struct scrape_row *row) {
    const struct pawl_workflow_meter *meter = scrape->source->workflows;
    if (!meter) return;
    for (const struct pawl_link *link = meter->workflows.list.next; link != &meter->workflows.list;
         link = link->next)
        tell_workflow(scrape, row,
                      PAWL_CONTAINER(link, const struct pawl_workflow_series, named.link));
}

static void tell_activity(const struct scrape *scrape, const struct scrape_row *row,
                          const struct pawl_activity_series *series) {
    struct scrape_labels labels = labels_dapr(scrape);
    labels_add(&labels, "activity_name", series->named.name);
    labels_add(&labels, "status", pawl__str(pawl__meter_statuses[PAWL_METER_SUCCESS]));
    if (row->which == TELL_OPERATION) {
        scrape_fed(scrape, row, &labels, &series->operation);
        return;
    }
    for (int i = 0; i < PAWL_METER_TERMINATED; i++) {
        labels.items[labels.count - 1].value = pawl__str(pawl__meter_statuses[i]);
        scrape_fed(scrape, row, &labels, &series->execution[i]);
    }
}

static void tell_activities(const struct scrape *scrape, const struct scrape_row *row) {
    const struct pawl_workflow_meter *meter = scrape->source->workflows;
    if (!meter) return;
    for (const struct pawl_link *link = meter->activities.list.next;
         link != &meter->activities.list; link = link->next)
        tell_activity(scrape, row,
                      PAWL_CONTAINER(link, const struct pawl_activity_series, named.link));
}

static void tell_payloads(const struct scrape *scrape, const struct scrape_row *row) {
    const struct pawl_workflow_meter *meter = scrape->source->workflows;
    if (!meter) return;
    for (const struct pawl_link *link = meter->payloads.list.next; link != &meter->payloads.list;
         link = link->next) {
        const struct pawl_payload_series *series =
            PAWL_CONTAINER(link, const struct pawl_payload_series, named.link);
        struct pawl_str activity = series->named.name;
        struct scrape_labels labels = labels_dapr(scrape);
        labels_add(&labels, "workflow_name", pawl__str_cut(&activity, PAWL_METER_SEPARATOR));
        labels_add(&labels, "activity_name", activity);
        scrape_fed(scrape, row, &labels, &series->ratio);
    }
}

static void tell_census(const struct scrape *scrape, const struct scrape_row *row) {
    const struct pawl_census *census = scrape->source->census;
    if (!census->node) return;
    for (int i = 0; i < PAWL_CENSUS_STATUSES; i++) {
        const ProtobufCEnumValue *value =
            protobuf_c_enum_descriptor_get_value(&pb__orchestration_status__descriptor, i);
        static const size_t prefix = sizeof "ORCHESTRATION_STATUS_" - 1;
        if (!value || i == PB__ORCHESTRATION_STATUS__ORCHESTRATION_STATUS_CONTINUED_AS_NEW)
            continue; // nobody stays in it
        struct scrape_labels labels = labels_own(scrape);
        labels_add(&labels, "status", pawl__str(value->name + prefix));
        scrape_number(scrape, &labels, row->which ? census->in_memory[i] : census->all[i]);
    }
}

// --- requests ------------------------------------------------------------------------------------

static void tell_rpcs(const struct scrape *scrape, const struct scrape_row *row) {
    const struct pawl_named_set *names = &scrape->source->requests->rpcs;
    for (const struct pawl_link *link = names->list.next; link != &names->list; link = link->next) {
        const struct pawl_answer_series *series =
            PAWL_CONTAINER(link, const struct pawl_answer_series, named.link);
        struct pawl_str status = series->named.name;
        struct scrape_labels labels = labels_own(scrape);
        labels_add(&labels, "grpc_server_method", pawl__str_cut(&status, PAWL_METER_SEPARATOR));
        labels_add(&labels, "grpc_server_status", status);
        scrape_fed(scrape, row, &labels, &series->times);
    }
}

static void tell_methods(const struct scrape *scrape, const struct scrape_row *row) {
    const struct pawl_named_set *names = &scrape->source->requests->methods;
    for (const struct pawl_link *link = names->list.next; link != &names->list; link = link->next) {
        const struct pawl_method_series *series =
            PAWL_CONTAINER(link, const struct pawl_method_series, named.link);
        struct scrape_labels labels = labels_own(scrape);
        labels_add(&labels, "grpc_server_method", series->named.name);
        scrape_fed(scrape, row, &labels, row->which ? &series->sent : &series->received);
    }
}

static void tell_http(const struct scrape *scrape, const struct scrape_row *row) {
    const struct pawl_request_meter *meter = scrape->source->requests;
    for (const struct pawl_link *link = meter->http.list.next; link != &meter->http.list;
         link = link->next) {
        const struct pawl_answer_series *series =
            PAWL_CONTAINER(link, const struct pawl_answer_series, named.link);
        struct pawl_str path = series->named.name;
        struct pawl_str verb = pawl__str_cut(&path, PAWL_METER_SEPARATOR);
        struct pawl_str status = pawl__str_cut(&path, PAWL_METER_SEPARATOR);
        struct scrape_labels labels = labels_own(scrape);
        labels_add(&labels, "method", verb);
        if (pawl__request_meter_has_path(meter)) labels_add(&labels, "path", path);
        labels_add(&labels, "status", status);
        scrape_fed(scrape, row, &labels, &series->times);
    }
}

static void tell_http_bytes(const struct scrape *scrape, const struct scrape_row *row) {
    const struct pawl_request_meter *meter = scrape->source->requests;
    const struct scrape_labels labels = labels_own(scrape);
    scrape_fed(scrape, row, &labels, row->which ? &meter->sent : &meter->received);
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

static void tell_codes(const struct scrape *scrape, const struct scrape_row *row) {
    const struct pawl_named_set *names = &scrape->source->requests->codes;
    (void)row;
    for (const struct pawl_link *link = names->list.next; link != &names->list; link = link->next) {
        const struct pawl_code_series *series =
            PAWL_CONTAINER(link, const struct pawl_code_series, named.link);
        struct scrape_labels labels = labels_own(scrape);
        labels_add(&labels, "category", scrape_category(series->named.name));
        labels_add(&labels, "error_code", series->named.name);
        if (series->count) scrape_number(scrape, &labels, (double)series->count);
    }
}

static void tell_open(const struct scrape *scrape, const struct scrape_row *row) {
    const struct pawl_request_meter *meter = scrape->source->requests;
    for (int i = 0; i < 2; i++) {
        struct scrape_labels labels = labels_own(scrape);
        labels_add(&labels, row->label, i ? PAWL_STR("http") : PAWL_STR("grpc"));
        scrape_number(scrape, &labels, (double)(i ? meter->open_http : meter->open_rpcs));
    }
}

// --- stores --------------------------------------------------------------------------------------

static void tell_component(const struct scrape *scrape, const struct scrape_row *row) {
    const struct pawl_scrape_source *source = scrape->source;
    for (size_t i = 0; i < source->stores->count; i++)
        for (int verb = 0; verb < PAWL_API_STATE_VERBS; verb++)
            for (int failed = 0; failed < 2; failed++) {
                struct scrape_labels labels = labels_own(scrape);
                labels_add(&labels, "component", pawl__str(source->stores->items[i]->name));
                labels_add(&labels, "namespace", pawl__str(source->namespace));
                labels_add(&labels, "operation", pawl__str(pawl__state_verbs[verb]));
                labels_add(&labels, "success", failed ? PAWL_STR("false") : PAWL_STR("true"));
                scrape_fed(scrape, row, &labels,
                           &source->stores->items[i]->series.times[verb][failed]);
            }
}

static void tell_loaded(const struct scrape *scrape, const struct scrape_row *row) {
    const struct pawl_scrape_source *source = scrape->source;
    struct scrape_labels labels = labels_own(scrape);
    if (row->which == 0) {
        scrape_number(scrape, &labels, (double)source->stores->count);
        return;
    }
    labels_add(&labels, "component", (struct pawl_str){0});
    for (size_t i = 0; i < source->stores->count; i++) {
        labels.items[labels.count - 1].value = pawl__str(source->stores->items[i]->name);
        scrape_number(scrape, &labels, 1);
    }
}

enum { // which, of a store
    TELL_COMMITS,
    TELL_COMMIT_TIME,
    TELL_GROUP,
    TELL_REFUSED,
    TELL_FAILING,
    TELL_SNAPSHOTS,
    TELL_LOADS,
    TELL_FAILED_LOADS,
    TELL_READS,
    TELL_FAILED_READS
};

static void tell_commits(const struct scrape *scrape, const struct pawl_storage *storage,
                         struct scrape_labels labels) {
    const struct {
        const char *outcome;
        uint64_t count;
    } outcomes[] = {{"done", storage->commits},
                    {"nothing", storage->meters.nothing},
                    {"unknown", storage->meters.unknown}};
    labels_add(&labels, "outcome", (struct pawl_str){0});
    for (size_t i = 0; i < sizeof outcomes / sizeof *outcomes; i++) {
        labels.items[labels.count - 1].value = pawl__str(outcomes[i].outcome);
        scrape_number(scrape, &labels, (double)outcomes[i].count);
    }
}

static void tell_store(const struct scrape *scrape, const struct scrape_row *row,
                       const struct pawl_api_store *store) {
    const struct pawl_storage *storage = store->storage;
    const struct pawl_storage_meters *meters = &storage->meters;
    const struct pawl_histogram *histogram = NULL;
    const struct pawl_error *why;
    struct scrape_labels labels = labels_own(scrape);
    labels_add(&labels, "store", pawl__str(store->name));
    switch (row->which) {
    case TELL_COMMITS: tell_commits(scrape, storage, labels); return;
    case TELL_COMMIT_TIME: histogram = &meters->commits; break;
    case TELL_GROUP: histogram = &meters->group; break;
    case TELL_LOADS: histogram = &meters->loads; break;
    case TELL_READS: histogram = &meters->reads; break;
    case TELL_REFUSED: scrape_number(scrape, &labels, (double)meters->refused); return;
    case TELL_SNAPSHOTS: scrape_number(scrape, &labels, (double)meters->snapshots); return;
    case TELL_FAILED_LOADS: scrape_number(scrape, &labels, (double)meters->failed_loads); return;
    case TELL_FAILED_READS: scrape_number(scrape, &labels, (double)meters->failed_reads); return;
    case TELL_FAILING:
        scrape_number(scrape, &labels, (double)pawl__storage_trouble(storage, &why));
        return;
    default: return;
    }
    pawl__scrape_histogram(scrape->out, labels.items, labels.count, histogram);
}

static void tell_stores(const struct scrape *scrape, const struct scrape_row *row) {
    for (size_t i = 0; i < scrape->source->stores->count; i++)
        tell_store(scrape, row, scrape->source->stores->items[i]);
}

// --- the daemon ----------------------------------------------------------------------------------

static void tell_loop(const struct scrape *scrape, const struct scrape_row *row) {
    const struct pawl_loop_meter *loop = scrape->source->loop;
    const struct scrape_labels labels = labels_own(scrape);
    if (row->metric.type == PAWL_METRIC_HISTOGRAM)
        pawl__scrape_histogram(scrape->out, labels.items, labels.count, &loop->lag);
    else
        scrape_number(scrape, &labels, (double)loop->busy);
}

enum { // which, of exporters
    TELL_SENT,
    TELL_QUEUED = 3
};

static void tell_spans(const struct scrape *scrape, const struct scrape_row *row) {
    static const char *const outcomes[] = {"sent", "dropped", "failed"};
    const struct pawl_tracer *tracer = scrape->source->tracer;
    for (size_t i = 0; tracer && i < tracer->exporter_count; i++) {
        struct pawl_exporter_counts counts = pawl__exporter_counts(tracer->exporters[i]);
        const double values[] = {(double)counts.sent, (double)counts.dropped,
                                 (double)counts.failed};
        struct scrape_labels labels = labels_own(scrape);
        labels_add(&labels, "exporter", pawl__str(pawl__exporter_name(tracer->exporters[i])));
        if (row->which == TELL_QUEUED) {
            scrape_number(scrape, &labels, (double)counts.queued);
            continue;
        }
        labels_add(&labels, "outcome", (struct pawl_str){0});
        for (int k = 0; k < 3; k++) {
            labels.items[labels.count - 1].value = pawl__str(outcomes[k]);
            scrape_number(scrape, &labels, values[k]);
        }
    }
}

static void tell_pushes(const struct scrape *scrape, const struct scrape_row *row) {
    (void)row;
    struct pawl_push *push = scrape->source->push;
    if (!push) return;
    struct pawl_push_counts counts = pawl__push_counts(push);
    const struct {
        const char *outcome;
        uint64_t count;
    } points[] = {{"sent", counts.sent}, {"replaced", counts.replaced}, {"failed", counts.failed}};
    struct scrape_labels labels = labels_own(scrape);
    labels_add(&labels, "receiver", pawl__str(pawl__push_name(push)));
    labels_add(&labels, "outcome", (struct pawl_str){0});
    for (size_t i = 0; i < sizeof points / sizeof *points; i++) {
        labels.items[labels.count - 1].value = pawl__str(points[i].outcome);
        scrape_number(scrape, &labels, (double)points[i].count);
    }
}

static void tell_build(const struct scrape *scrape, const struct scrape_row *row) {
    (void)row;
    const struct pawl_scrape_source *source = scrape->source;
    struct scrape_labels labels = labels_own(scrape);
    labels_add(&labels, "namespace", pawl__str(source->namespace));
    labels_add(&labels, "version", pawl__str(source->version));
    labels_add(&labels, "dapr_version", pawl__str(source->dapr_version));
    labels_add(&labels, "compiler", PAWL_STR(__VERSION__));
    scrape_number(scrape, &labels, 1);
}

// --- the table -----------------------------------------------------------------------------------

#define COUNTER   PAWL_METRIC_COUNTER, NULL, 0
#define GAUGE     PAWL_METRIC_GAUGE, NULL, 0
#define SECONDS   PAWL_METRIC_GAUGE, "seconds", 0
#define HISTOGRAM PAWL_METRIC_HISTOGRAM, NULL, 0
#define LATENCY   PAWL_METRIC_HISTOGRAM, NULL, 1e6 // in milliseconds, as the reference has them
#define RATIO     PAWL_METRIC_HISTOGRAM, "ratio", 1e6
#define TIMES     PAWL_METRIC_HISTOGRAM, "seconds", 1e9
#define SIZES     PAWL_METRIC_HISTOGRAM, "bytes", 0

#define AT(field)  offsetof(struct scrape, field)
#define ONE(field) .points = {{NULL, AT(field)}}
#define BY_KIND(field)                                                                             \
    .label = "kind",                                                                               \
    .points = {{"turn", AT(numbers.turns.field)}, {"activity", AT(numbers.activities.field)}}
#define TELL(function, what) .tell = tell_##function, .which = (what)

// First the reference's, then ours.
static const struct scrape_row scrape_rows[] = {
#define W "dapr_runtime_workflow_"
    {{W "operation_count", COUNTER, "Calls of clients on workflows"}, TELL(operations, 0)},
    {{W "operation_latency", LATENCY, "Milliseconds until calls of clients on workflows were done"},
     TELL(operations, 0)},
    {{W "execution_count", COUNTER, "Workflows that ended"}, TELL(workflows, TELL_EXECUTION)},
    {{W "execution_latency", LATENCY, "Milliseconds from the first turn of a workflow to its end"},
     TELL(workflows, TELL_EXECUTION)},
    {{W "scheduling_latency", LATENCY,
      "Milliseconds from when a workflow was to begin to its first turn"},
     TELL(workflows, TELL_SCHEDULING)},
    {{W "activity_operation_count", COUNTER, "Activities that were scheduled"},
     TELL(activities, TELL_OPERATION)},
    {{W "activity_operation_latency", LATENCY,
      "Milliseconds from a turn that schedules an activity to that being on disk"},
     TELL(activities, TELL_OPERATION)},
    {{W "activity_execution_count", COUNTER, "Activities that ended"},
     TELL(activities, TELL_EXECUTION)},
    {{W "activity_execution_latency", LATENCY,
      "Milliseconds from an activity being given to a worker to its result"},
     TELL(activities, TELL_EXECUTION)},
    {{W "payload_size_ratio", RATIO, "Sizes of turns, of what a message may have"},
     TELL(workflows, TELL_PAYLOAD)},
    {{W "activity_payload_size_ratio", RATIO, "Sizes of activities, of what a message may have"},
     TELL(payloads, 0)},
#undef W
    {{"dapr_grpc_io_server_completed_rpcs", COUNTER, "gRPC calls that were answered"},
     TELL(rpcs, 0)},
    {{"dapr_grpc_io_server_server_latency", LATENCY, "Milliseconds until gRPC calls were answered"},
     TELL(rpcs, 0)},
    {{"dapr_grpc_io_server_received_bytes_per_rpc", HISTOGRAM, "Bytes of gRPC requests"},
     TELL(methods, 0)},
    {{"dapr_grpc_io_server_sent_bytes_per_rpc", HISTOGRAM, "Bytes of gRPC answers"},
     TELL(methods, 1)},
    {{"dapr_http_server_request_count", COUNTER, "HTTP requests"}, TELL(http, 0)},
    {{"dapr_http_server_response_count", COUNTER, "HTTP answers"}, TELL(http, 0)},
    {{"dapr_http_server_latency", LATENCY, "Milliseconds until HTTP requests were answered"},
     TELL(http, 0)},
    {{"dapr_http_server_request_bytes", SIZES, "Bytes of the bodies of HTTP requests"},
     TELL(http_bytes, 0)},
    {{"dapr_http_server_response_bytes", SIZES, "Bytes of the bodies of HTTP answers"},
     TELL(http_bytes, 1)},
    {{"dapr_error_code_total", COUNTER, "Error codes that answers had"}, TELL(codes, 0)},
    {{"dapr_component_state_count", COUNTER, "Operations on state stores"}, TELL(component, 0)},
    {{"dapr_component_state_latencies", LATENCY,
      "Milliseconds until operations on state stores were done"},
     TELL(component, 0)},
    {{"dapr_runtime_component_loaded", COUNTER, "Components that were loaded"}, TELL(loaded, 0)},
    {{"dapr_runtime_component_init_total", COUNTER, "Components that were initialised"},
     TELL(loaded, 1)},

    {{"pawl_instances", GAUGE, "Workflow instances in the shards that are served here"},
     TELL(census, 0)},
    {{"pawl_instances_in_memory", GAUGE, "Of these, those that are in memory"}, TELL(census, 1)},
    {{"pawl_instances_loaded", GAUGE,
      "Instances in memory now, with ids that are known not to exist"},
     ONE(numbers.instances)},
    {{"pawl_instances_asleep", GAUGE, "Instances in the store that are to be woken at a time"},
     ONE(numbers.asleep)},
    {{"pawl_resting_bytes", PAWL_METRIC_GAUGE, "bytes", 0,
      "Memory of instances that were only read, and stay for the next reader"},
     ONE(numbers.resting_bytes)},
    {{"pawl_work_outstanding", GAUGE, "Work that is due or with workers"}, BY_KIND(outstanding)},
    {{"pawl_work_waiting", GAUGE, "Work that is due and with no worker yet"}, BY_KIND(due)},
    {{"pawl_work_waiting_for_room", GAUGE, "Of that, what has workers, but none with room"},
     BY_KIND(waiting)},
    {{"pawl_work_waiting_for_worker", GAUGE, "Of that, what no worker that is connected has"},
     BY_KIND(parked)},
    {{"pawl_work_oldest_seconds", SECONDS, "For how long the oldest waiting work has been due"},
     BY_KIND(oldest)},
    {{"pawl_work_in_flight", GAUGE, "Work that is with workers"}, BY_KIND(in_flight)},
    {{"pawl_work_lent", GAUGE, "Of that, what is with workers of other daemons of the app"},
     ONE(numbers.lent)},
    {{"pawl_work_given_total", COUNTER, "Work that was given to workers"}, BY_KIND(given)},
    {{"pawl_work_lost_total", COUNTER,
      "Work that is given again, as its worker went or its answer could not be taken"},
     BY_KIND(lost)},
    {{"pawl_turns_held", GAUGE, "Turns of workflows that cannot go on until a worker connects"},
     ONE(numbers.held)},
    {{"pawl_turns_replayed_total", COUNTER, "Turns that were given with the whole history"},
     ONE(numbers.replayed)},
    {{"pawl_workflow_turns_total", COUNTER, "Turns that were given to workers"},
     TELL(workflows, TELL_TURNS)},
    {{"pawl_workflow_continued_total", COUNTER, "Workflows that continued as new"},
     TELL(workflows, TELL_CONTINUED)},
    {{"pawl_stalls_total", COUNTER, "Times that an instance came to be unable to go on"},
     ONE(numbers.stalls)},
    {{"pawl_workers", GAUGE, "Workers that are connected"},
     .label = "place",
     .points = {{"here", AT(numbers.workers)}, {"elsewhere", AT(numbers.workers_elsewhere)}}},
    {{"pawl_workers_paused", GAUGE, "Workers that do not take what they were sent"},
     ONE(numbers.workers_paused)},
    {{"pawl_calls_waiting", GAUGE, "Instances that calls of clients wait for"},
     ONE(numbers.calls_waiting)},
    {{"pawl_messages_total", COUNTER, "Messages between instances of different shards"},
     .label = "what",
     .points = {{"sent", AT(numbers.letters)},
                {"received", AT(numbers.received)},
                {"dropped", AT(numbers.dropped)}}},
    {{"pawl_ready", GAUGE, "1 if calls on every workflow can be served"}, ONE(numbers.ready)},
    {{"pawl_shards", GAUGE, "Shards of the app"}, ONE(numbers.shards)},
    {{"pawl_shards_served", GAUGE, "Shards that are served here"}, ONE(numbers.shards_served)},
    {{"pawl_lease_takes_total", COUNTER, "Times that a shard was leased and read"},
     ONE(numbers.lease_takes)},
    {{"pawl_lease_losses_total", COUNTER, "Times that another daemon had taken a shard"},
     ONE(numbers.lease_losses)},
    {{"pawl_shard_failures_total", COUNTER,
      "Times that the state in memory was dropped, to be read again"},
     ONE(numbers.shard_failures)},
    {{"pawl_log_batches_total", COUNTER, "Batches that were written to the log"},
     ONE(numbers.batches)},
    {{"pawl_log_records_total", COUNTER, "Records in these"}, ONE(numbers.records)},
    {{"pawl_log_bytes_total", COUNTER, "Bytes of these"}, ONE(numbers.bytes)},
    {{"pawl_log_lag_batches", GAUGE, "Batches in the log that a restart would read"},
     ONE(numbers.lag_batches)},
    {{"pawl_log_lag_bytes", PAWL_METRIC_GAUGE, "bytes", 0,
      "Bytes of log since the last checkpoint began"},
     ONE(numbers.lag_bytes)},
    {{"pawl_snapshot_lag_seconds", SECONDS,
      "Time since the last checkpoint began, while there is something to be written by one"},
     ONE(numbers.snapshot_lag)},
    {{"pawl_commits_total", COUNTER, "Commits by outcome"}, TELL(stores, TELL_COMMITS)},
    {{"pawl_commit_seconds", TIMES, "Times of commits"}, TELL(stores, TELL_COMMIT_TIME)},
    {{"pawl_commit_records", HISTOGRAM, "Log records in each commit"}, TELL(stores, TELL_GROUP)},
    {{"pawl_commit_refusals_total", COUNTER,
      "Parts of commits that the store refused, as another daemon has the shard"},
     TELL(stores, TELL_REFUSED)},
    {{"pawl_commit_failing_seconds", PAWL_METRIC_GAUGE, "seconds", 1e9,
      "For how long nothing could be written; 0 when all is well"},
     TELL(stores, TELL_FAILING)},
    {{"pawl_snapshots_total", COUNTER, "Snapshots of instances that were written"},
     TELL(stores, TELL_SNAPSHOTS)},
    {{"pawl_load_seconds", TIMES, "Times to read an instance from the store"},
     TELL(stores, TELL_LOADS)},
    {{"pawl_load_failures_total", COUNTER, "Instances that could not be read"},
     TELL(stores, TELL_FAILED_LOADS)},
    {{"pawl_state_read_seconds", TIMES, "Times to read user state"}, TELL(stores, TELL_READS)},
    {{"pawl_state_read_failures_total", COUNTER, "User state that could not be read"},
     TELL(stores, TELL_FAILED_READS)},
    {{"pawl_requests_in_flight", GAUGE, "Requests that are not answered yet"},
     .label = "protocol",
     TELL(open, 0)},
    {{"pawl_spans_total", COUNTER, "Spans of traces by what became of them"},
     TELL(spans, TELL_SENT)},
    {{"pawl_spans_queued", GAUGE, "Spans that are still to be sent"}, TELL(spans, TELL_QUEUED)},
    {{"pawl_metric_pushes_total", COUNTER,
      "Times that all metrics were sent to a receiver, by what became of them"},
     TELL(pushes, 0)},
    {{"pawl_loop_busy_seconds_total", PAWL_METRIC_COUNTER, "seconds", 1e9,
      "Time for which the event loop had something to do"},
     TELL(loop, 0)},
    {{"pawl_loop_lag_seconds", TIMES, "How late the event loop comes to a timer"}, TELL(loop, 0)},
    {{"pawl_build_info", GAUGE, "1, with what is running"}, TELL(build, 0)},
    {{"process_cpu_seconds_total", PAWL_METRIC_COUNTER, "seconds", 0,
      "User and system time that was used"},
     ONE(process.cpu)},
    {{"process_start_time_seconds", SECONDS, "When the process began, since 1970"},
     ONE(process.started)},
    {{"process_resident_memory_bytes", PAWL_METRIC_GAUGE, "bytes", 0, "Memory that is resident"},
     ONE(process.resident)},
    {{"process_virtual_memory_bytes", PAWL_METRIC_GAUGE, "bytes", 0, "Memory that is mapped"},
     ONE(process.virtual)},
    {{"process_open_fds", GAUGE, "Open file descriptors"}, ONE(process.open_files)},
    {{"process_max_fds", GAUGE, "File descriptors that may be open"}, ONE(process.max_files)},
};

static void scrape_points(const struct scrape *scrape, const struct scrape_row *row) {
    struct scrape_labels labels = labels_own(scrape);
    if (row->label) labels_add(&labels, row->label, (struct pawl_str){0});
    for (size_t i = 0; i < SCRAPE_POINTS && row->points[i].offset; i++) {
        if (row->label) labels.items[labels.count - 1].value = pawl__str(row->points[i].value);
        double value;
        memcpy(&value, (const char *)scrape + row->points[i].offset, sizeof value);
        scrape_number(scrape, &labels, value);
    }
}

void pawl__scrape_write(const struct pawl_scrape_source *source, struct pawl_scrape *scrape) {
    struct scrape now = {.source = source, .out = scrape};
    pawl__numbers_read(&now.numbers, source->node);
    pawl__process_numbers_read(&now.process);
    for (size_t i = 0; i < sizeof scrape_rows / sizeof *scrape_rows; i++) {
        const struct scrape_row *row = &scrape_rows[i];
        pawl__scrape_family(scrape, &row->metric);
        if (row->tell)
            row->tell(&now, row);
        else
            scrape_points(&now, row);
    }
    pawl__scrape_end(scrape);
}
