#include <stdlib.h>
#include <sys/resource.h>

#include "base/clock.h"
#include "bench/bench.h"
#include "sdk/handle.h"

// Keeps a number of workflows in flight for a while. The calls are made on the loop itself: threads
// that wait for each of them would cost more than what is measured.

enum {
    RUN_LOOK = 200 // milliseconds between two looks at the progress
};

struct run {
    const struct pawl_bench_options *options;
    struct pawl *pawl;
    struct pawl_task_for_loop begin;
    struct slot *slots;
    size_t open; // slots that still work
    int64_t until;
    char *payload;
    char prefix[16]; // of the ids
    uint64_t started;
    _Atomic uint64_t workflows; // that ended
    double *times;              // of each, in milliseconds
    size_t time_cap;
    struct pawl_error error; // the first
    struct pawl_done done;
};

// One of the workflows in flight.
struct slot {
    struct run *run;
    struct pawl_op op;
    char id[64];
    int64_t began;
    int raised;
    Pb__CreateInstanceRequest start;
    Pb__GetInstanceRequest wait;
    Pb__RaiseEventRequest raise;
    Google__Protobuf__StringValue input;
};

static void slot_next(struct slot *slot);

static void slot_close(struct slot *slot, const struct pawl_error *error) {
    struct run *run = slot->run;
    if (error && !run->error.code) run->error = *error;
    if (--run->open == 0) pawl__done_set(&run->done);
}

static void slot_call(struct slot *slot, enum pawl_taskhub_method method, const void *request,
                      void (*done)(struct pawl_op *op)) {
    pawl__arena_reset(&slot->op.arena);
    slot->op.row = &pawl__taskhub_rows[method];
    slot->op.request = request;
    slot->op.done = done;
    slot->op.data = slot;
    slot->op.error.code = PAWL_OK;
    slot->run->pawl->transport->ops->call(slot->run->pawl->transport, &slot->op);
}

static void slot_ended(struct pawl_op *op) {
    struct slot *slot = op->data;
    struct run *run = slot->run;
    const Pb__GetInstanceResponse *response = (const void *)op->response;
    if (!op->error.code && response->workflowstate->workflowstatus !=
                               PB__ORCHESTRATION_STATUS__ORCHESTRATION_STATUS_COMPLETED)
        pawl__fail(&op->error, PAWL_E_FAILED, "a workflow has failed: %s",
                   response->workflowstate->failuredetails
                       ? response->workflowstate->failuredetails->errormessage
                       : "");
    if (op->error.code) {
        slot_close(slot, &op->error);
        return;
    }
    uint64_t count = atomic_load(&run->workflows);
    if (count < run->time_cap)
        run->times[count] = (double)(pawl__clock_steady() - slot->began) / (double)PAWL_MILLISECOND;
    atomic_store(&run->workflows, count + 1);
    slot_next(slot);
}

static void slot_started(struct pawl_op *op) {
    struct slot *slot = op->data;
    if (op->error.code) {
        slot_close(slot, &op->error);
    } else if (slot->raised < slot->run->options->workload->events) {
        slot->raised++;
        slot_call(slot, PAWL_TASKHUB_RAISE, &slot->raise, slot_started);
    } else {
        slot_call(slot, PAWL_TASKHUB_WAIT_COMPLETION, &slot->wait, slot_ended);
    }
}

// Starts the slot's next workflow, unless the time is over.
static void slot_next(struct slot *slot) {
    struct run *run = slot->run;
    slot->began = pawl__clock_steady();
    if (slot->began >= run->until || run->error.code) {
        slot_close(slot, NULL);
        return;
    }
    snprintf(slot->id, sizeof slot->id, "bench-%s-%llu", run->prefix,
             (unsigned long long)run->started++);
    slot->raised = 0;
    slot_call(slot, PAWL_TASKHUB_START, &slot->start, slot_started);
}

static void slot_init(struct slot *slot, struct run *run) {
    slot->run = run;
    google__protobuf__string_value__init(&slot->input);
    slot->input.value = run->payload;
    pb__create_instance_request__init(&slot->start);
    slot->start.instanceid = slot->id;
    slot->start.name = (char *)run->options->workload->name;
    slot->start.input = &slot->input;
    pb__get_instance_request__init(&slot->wait);
    slot->wait.instanceid = slot->id;
    slot->wait.getinputsandoutputs = true;
    pb__raise_event_request__init(&slot->raise);
    slot->raise.instanceid = slot->id;
    slot->raise.name = "go";
    slot->raise.input = &slot->input;
}

static void run_begin(struct pawl_task_for_loop *task) {
    struct run *run = PAWL_CONTAINER(task, struct run, begin);
    size_t count = run->open;
    for (size_t i = 0; i < count; i++) slot_next(&run->slots[i]);
}

// --- what it costs ------------------------------------------------------------------------------

struct cost {
    int64_t at;
    double cpu;
    uint64_t commits, written;
};

static uint64_t cost_written(void) {
    unsigned long long bytes = 0;
    char line[128];
    FILE *file = fopen("/proc/self/io", "r");
    if (!file) return 0;
    while (fgets(line, sizeof line, file)) sscanf(line, "write_bytes: %llu", &bytes);
    fclose(file);
    return bytes;
}

static double cost_rss(void) {
    unsigned long long kib = 0;
    char line[128];
    FILE *file = fopen("/proc/self/status", "r");
    if (!file) return 0;
    while (fgets(line, sizeof line, file)) sscanf(line, "VmRSS: %llu", &kib);
    fclose(file);
    return (double)kib / 1024;
}

static struct cost cost_now(struct pawl *pawl) {
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (struct cost){
        .at = pawl__clock_steady(),
        .cpu = (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * 1e6 +
               (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec),
        .commits = pawl->transport->ops->commits(pawl->transport),
        .written = cost_written(),
    };
}

static void run_fill(struct run *run, const struct cost *before, const struct cost *after,
                     struct pawl_bench_result *out) {
    const struct pawl_bench_options *options = run->options;
    uint64_t workflows = atomic_load(&run->workflows);
    size_t count = workflows < run->time_cap ? (size_t)workflows : run->time_cap;
    double commits = (double)(after->commits - before->commits);
    double written = (double)(after->written - before->written);
    bool is_file = before->commits != UINT64_MAX && strcmp(options->target, "memory:") != 0;
    *out = (struct pawl_bench_result){
        .workflows = workflows,
        .units = workflows * (uint64_t)options->workload->units,
        .seconds = (double)(after->at - before->at) / (double)PAWL_SECOND,
        .p50 = pawl__bench_quantile(run->times, count, 0.5),
        .p99 = pawl__bench_quantile(run->times, count, 0.99),
        .p999 = pawl__bench_quantile(run->times, count, 0.999),
        .rss_mib = cost_rss(),
    };
    double units = out->units ? (double)out->units : 1;
    out->cpu_us = (after->cpu - before->cpu) / units;
    out->syncs = is_file ? commits / units : -1;
    out->bytes = is_file ? written / units : -1;
    out->commits_per_second = is_file ? commits / out->seconds : -1;
    out->commit_bytes = is_file && commits > 0 ? written / commits : 0;
}

// --- a run --------------------------------------------------------------------------------------

static void run_wait(struct run *run) {
    int64_t began = pawl__clock_steady();
    for (;;) {
        int64_t now = pawl__clock_steady();
        if (pawl__handle_wait(run->pawl, &run->done, now + RUN_LOOK * PAWL_MILLISECOND)) return;
        uint64_t units = atomic_load(&run->workflows) * (uint64_t)run->options->workload->units;
        if (run->options->progress)
            run->options->progress(run->options->arg, units, pawl__clock_steady() - began);
    }
}

static enum pawl_err run_all(struct run *run, struct pawl_bench_result *out) {
    const struct pawl_bench_options *options = run->options;
    uint64_t prefix;
    pawl__random(&prefix, sizeof prefix);
    snprintf(run->prefix, sizeof run->prefix, "%08x", (unsigned)prefix);
    run->time_cap = 4 << 20;
    run->slots = calloc(options->in_flight, sizeof *run->slots);
    run->times = calloc(run->time_cap, sizeof *run->times);
    run->payload = malloc(options->payload + 3);
    if (!run->slots || !run->times || !run->payload)
        return pawl__fail_plain(&run->error, PAWL_E_NOMEM);
    memset(run->payload, 'x', options->payload + 2);
    run->payload[0] = run->payload[options->payload + 1] = '"';
    run->payload[options->payload + 2] = 0;
    for (size_t i = 0; i < options->in_flight; i++) slot_init(&run->slots[i], run);
    run->open = options->in_flight;
    run->begin.run = run_begin;
    pawl__done_init(&run->done);
    struct cost before = cost_now(run->pawl);
    run->until = before.at + options->duration;
    pawl__handle_post(run->pawl, &run->begin);
    run_wait(run);
    struct cost after = cost_now(run->pawl);
    run_fill(run, &before, &after, out);
    for (size_t i = 0; i < options->in_flight; i++) pawl__arena_finish(&run->slots[i].op.arena);
    return run->error.code;
}

enum pawl_err pawl__bench_run(const struct pawl_bench_options *options,
                              struct pawl_bench_result *out, struct pawl_error *error) {
    struct run run = {.options = options};
    struct pawl_options open = {.app_id = "pawl-bench",
                                .warm_workflows = options->in_flight + 1000};
    enum pawl_err err = pawl_open(options->target, &open, &run.pawl);
    if (!err) err = pawl__workloads_add(run.pawl);
    if (!err) err = pawl_work(run.pawl);
    if (err) {
        *error = *pawl_last_error();
        pawl_close(run.pawl);
        return err;
    }
    err = run_all(&run, out);
    *error = run.error;
    if (pawl_close(run.pawl) && !err) {
        *error = *pawl_last_error();
        err = error->code;
    }
    free(run.slots);
    free(run.times);
    free(run.payload);
    return err;
}
