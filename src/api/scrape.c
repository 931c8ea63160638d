#include "api/scrape.h"

#include <stdio.h>

#include "api/scrape_tell.h"

// --- the daemon ----------------------------------------------------------------------------------

static void scrape_busy(const struct pawl_scraping *scrape, const struct pawl_scrape_row *row) {
    const struct pawl_scrape_labels labels = pawl__scrape_own(scrape);
    pawl__scrape_value(scrape, &labels, (double)scrape->source->loop->busy);
}

// One loop that is late must not hide among many that are not.
static void scrape_lag(const struct pawl_scraping *scrape, const struct pawl_scrape_row *row) {
    const struct pawl_sibling *loop = scrape->source->sibling;
    struct pawl_scrape_labels labels = pawl__scrape_own(scrape);
    char number[24];
    if (loop) {
        snprintf(number, sizeof number, "%zu", loop->index);
        pawl__scrape_label(&labels, "loop", pawl__str(number));
    }
    pawl__scrape_histogram(scrape->out, labels.items, labels.count, &scrape->source->loop->lag);
}

enum { // which, of exporters
    SCRAPE_SENT,
    SCRAPE_QUEUED = 3
};

static void scrape_spans(const struct pawl_scraping *scrape, const struct pawl_scrape_row *row) {
    static const char *const outcomes[] = {"sent", "dropped", "failed"};
    const struct pawl_tracer *tracer = scrape->source->tracer;
    for (size_t i = 0; tracer && i < tracer->exporter_count; i++) {
        struct pawl_exporter_counts counts = pawl__exporter_counts(tracer->exporters[i]);
        const double values[] = {(double)counts.sent, (double)counts.dropped,
                                 (double)counts.failed};
        struct pawl_scrape_labels labels = pawl__scrape_own(scrape);
        pawl__scrape_label(&labels, "exporter",
                           pawl__str(pawl__exporter_name(tracer->exporters[i])));
        if (row->which == SCRAPE_QUEUED) {
            pawl__scrape_value(scrape, &labels, (double)counts.queued);
            continue;
        }
        pawl__scrape_label(&labels, "outcome", (struct pawl_str){0});
        for (int k = 0; k < 3; k++) {
            labels.items[labels.count - 1].value = pawl__str(outcomes[k]);
            pawl__scrape_value(scrape, &labels, values[k]);
        }
    }
}

static void scrape_pushes(const struct pawl_scraping *scrape, const struct pawl_scrape_row *row) {
    struct pawl_push *push = scrape->source->push;
    if (!push) return;
    struct pawl_push_counts counts = pawl__push_counts(push);
    const struct {
        const char *outcome;
        uint64_t count;
    } points[] = {{"sent", counts.sent}, {"replaced", counts.replaced}, {"failed", counts.failed}};
    struct pawl_scrape_labels labels = pawl__scrape_own(scrape);
    pawl__scrape_label(&labels, "receiver", pawl__str(pawl__push_name(push)));
    pawl__scrape_label(&labels, "outcome", (struct pawl_str){0});
    for (size_t i = 0; i < sizeof points / sizeof *points; i++) {
        labels.items[labels.count - 1].value = pawl__str(points[i].outcome);
        pawl__scrape_value(scrape, &labels, (double)points[i].count);
    }
}

static void scrape_build(const struct pawl_scraping *scrape, const struct pawl_scrape_row *row) {
    const struct pawl_scrape_source *source = scrape->source;
    struct pawl_scrape_labels labels = pawl__scrape_own(scrape);
    pawl__scrape_label(&labels, "namespace", pawl__str(source->namespace));
    pawl__scrape_label(&labels, "version", pawl__str(source->version));
    pawl__scrape_label(&labels, "dapr_version", pawl__str(source->dapr_version));
    pawl__scrape_label(&labels, "compiler", PAWL_STR(__VERSION__));
    pawl__scrape_value(scrape, &labels, 1);
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

#define AT(field)  offsetof(struct pawl_scraping, field)
#define ONE(field) .points = {{NULL, AT(field)}}
#define BY_KIND(field)                                                                             \
    .label = "kind",                                                                               \
    .points = {{"turn", AT(numbers.turns.field)}, {"activity", AT(numbers.activities.field)}}
#define TELL(function, what) .tell = pawl__tell_##function, .which = (what)
#define OWN(function, what)  .tell = scrape_##function, .which = (what)

// First the reference's, then ours.
static const struct pawl_scrape_row scrape_rows[] = {
#define W "dapr_runtime_workflow_"
    {{W "operation_count", COUNTER, "Calls of clients on workflows"}, TELL(operations, 0)},
    {{W "operation_latency", LATENCY, "Milliseconds until calls of clients on workflows were done"},
     TELL(operations, 0)},
    {{W "execution_count", COUNTER, "Workflows that ended"}, TELL(workflows, PAWL_TELL_EXECUTION)},
    {{W "execution_latency", LATENCY, "Milliseconds from the first turn of a workflow to its end"},
     TELL(workflows, PAWL_TELL_EXECUTION)},
    {{W "scheduling_latency", LATENCY,
      "Milliseconds from when a workflow was to begin to its first turn"},
     TELL(workflows, PAWL_TELL_SCHEDULING)},
    {{W "activity_operation_count", COUNTER, "Activities that were scheduled"},
     TELL(activities, PAWL_TELL_OPERATION)},
    {{W "activity_operation_latency", LATENCY,
      "Milliseconds from a turn that schedules an activity to that being on disk"},
     TELL(activities, PAWL_TELL_OPERATION)},
    {{W "activity_execution_count", COUNTER, "Activities that ended"},
     TELL(activities, PAWL_TELL_EXECUTION)},
    {{W "activity_execution_latency", LATENCY,
      "Milliseconds from an activity being given to a worker to its result"},
     TELL(activities, PAWL_TELL_EXECUTION)},
    {{W "payload_size_ratio", RATIO, "Sizes of turns, of what a message may have"},
     TELL(workflows, PAWL_TELL_PAYLOAD)},
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
    {{"dapr_runtime_component_loaded", COUNTER, "Components that were loaded", true},
     TELL(loaded, 0)},
    {{"dapr_runtime_component_init_total", COUNTER, "Components that were initialised", true},
     TELL(loaded, 1)},
    {{"dapr_resiliency_loaded", COUNTER, "Documents of resiliency policies that were loaded", true},
     TELL(policies, PAWL_TELL_DOCUMENTS)},
    {{"dapr_resiliency_count", COUNTER, "Calls on state stores that had a policy"},
     TELL(policies, PAWL_TELL_USES)},
    {{"dapr_resiliency_activations_total", COUNTER,
      "Times that a policy acted: a call ran out of time, was made again, or changed the breaker"},
     TELL(policies, PAWL_TELL_ACTIVATIONS)},
    {{"dapr_resiliency_cb_state", GAUGE, "1 for the state that a circuit breaker is in"},
     TELL(policies, PAWL_TELL_BREAKERS)},

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
    {{"pawl_work_oldest_seconds", SECONDS, "For how long the oldest waiting work has been due",
      true},
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
     TELL(workflows, PAWL_TELL_TURNS)},
    {{"pawl_workflow_continued_total", COUNTER, "Workflows that continued as new"},
     TELL(workflows, PAWL_TELL_CONTINUED)},
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
    {{"pawl_ready", GAUGE, "1 if calls on every workflow can be served", true}, ONE(numbers.ready)},
    {{"pawl_shards", GAUGE, "Shards of the app", true}, ONE(numbers.shards)},
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
      "Time since the last checkpoint began, while there is something to be written by one", true},
     ONE(numbers.snapshot_lag)},
    {{"pawl_commits_total", COUNTER, "Commits by outcome"}, TELL(stores, PAWL_TELL_COMMITS)},
    {{"pawl_commit_seconds", TIMES, "Times of commits"}, TELL(stores, PAWL_TELL_COMMIT_TIME)},
    {{"pawl_commit_records", HISTOGRAM, "Log records in each commit"},
     TELL(stores, PAWL_TELL_GROUP)},
    {{"pawl_commit_refusals_total", COUNTER,
      "Parts of commits that the store refused, as another daemon has the shard"},
     TELL(stores, PAWL_TELL_REFUSED)},
    {{"pawl_commit_failing_seconds", PAWL_METRIC_GAUGE, "seconds", 1e9,
      "For how long nothing could be written; 0 when all is well", true},
     TELL(stores, PAWL_TELL_FAILING)},
    {{"pawl_snapshots_total", COUNTER, "Snapshots of instances that were written"},
     TELL(stores, PAWL_TELL_SNAPSHOTS)},
    {{"pawl_load_seconds", TIMES, "Times to read an instance from the store"},
     TELL(stores, PAWL_TELL_LOADS)},
    {{"pawl_load_failures_total", COUNTER, "Instances that could not be read"},
     TELL(stores, PAWL_TELL_FAILED_LOADS)},
    {{"pawl_state_read_seconds", TIMES, "Times to read user state"}, TELL(stores, PAWL_TELL_READS)},
    {{"pawl_state_read_failures_total", COUNTER, "User state that could not be read"},
     TELL(stores, PAWL_TELL_FAILED_READS)},
    {{"pawl_requests_in_flight", GAUGE, "Requests that are not answered yet"},
     .label = "protocol",
     TELL(open, 0)},
    {{"pawl_spans_total", COUNTER, "Spans of traces by what became of them"},
     OWN(spans, SCRAPE_SENT)},
    {{"pawl_spans_queued", GAUGE, "Spans that are still to be sent"}, OWN(spans, SCRAPE_QUEUED)},
    {{"pawl_metric_pushes_total", COUNTER,
      "Times that all metrics were sent to a receiver, by what became of them"},
     OWN(pushes, 0)},
    {{"pawl_loop_busy_seconds_total", PAWL_METRIC_COUNTER, "seconds", 1e9,
      "Processor time of the event loop's thread"},
     OWN(busy, 0)},
    {{"pawl_loop_lag_seconds", TIMES, "How late the event loop comes to a timer"}, OWN(lag, 0)},
    {{"pawl_build_info", GAUGE, "1, with what is running", true}, OWN(build, 0)},
    {{"process_cpu_seconds_total", PAWL_METRIC_COUNTER, "seconds", 0,
      "User and system time that was used", true},
     ONE(process.cpu)},
    {{"process_start_time_seconds", SECONDS, "When the process began, since 1970", true},
     ONE(process.started)},
    {{"process_resident_memory_bytes", PAWL_METRIC_GAUGE, "bytes", 0, "Memory that is resident",
      true},
     ONE(process.resident)},
    {{"process_virtual_memory_bytes", PAWL_METRIC_GAUGE, "bytes", 0, "Memory that is mapped", true},
     ONE(process.virtual)},
    {{"process_open_fds", GAUGE, "Open file descriptors", true}, ONE(process.open_files)},
    {{"process_max_fds", GAUGE, "File descriptors that may be open", true}, ONE(process.max_files)},
};

static void scrape_points(const struct pawl_scraping *scrape, const struct pawl_scrape_row *row) {
    struct pawl_scrape_labels labels = pawl__scrape_own(scrape);
    if (row->label) pawl__scrape_label(&labels, row->label, (struct pawl_str){0});
    for (size_t i = 0; i < PAWL_SCRAPE_POINTS && row->points[i].offset; i++) {
        if (row->label) labels.items[labels.count - 1].value = pawl__str(row->points[i].value);
        double value;
        memcpy(&value, (const char *)scrape + row->points[i].offset, sizeof value);
        pawl__scrape_value(scrape, &labels, value);
    }
}

// The workers of other loops are counted there, and those of other daemons by the first one.
static void scrape_count_elsewhere(const struct pawl_scrape_source *source,
                                   struct pawl_numbers *numbers) {
    const struct pawl_neighbours *loops = source->neighbours;
    if (!loops) return;
    numbers->workers_elsewhere = (double)pawl__workers_elsewhere(source->node, loops);
    if (loops->sibling->index) numbers->workers_elsewhere = 0;
}

void pawl__scrape_write(const struct pawl_scrape_source *source, struct pawl_scrape *scrape) {
    struct pawl_scraping now = {.source = source, .out = scrape};
    pawl__numbers_read(&now.numbers, source->node);
    scrape_count_elsewhere(source, &now.numbers);
    pawl__process_numbers_read(&now.process);
    for (size_t i = 0; i < sizeof scrape_rows / sizeof *scrape_rows; i++) {
        const struct pawl_scrape_row *row = &scrape_rows[i];
        pawl__scrape_family(scrape, &row->metric);
        if (row->tell)
            row->tell(&now, row);
        else
            scrape_points(&now, row);
    }
}
