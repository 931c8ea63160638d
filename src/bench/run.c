#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "bench/bench.h"
#include "sdk/loops.h"

// Keeps a number of workflows in flight for a while. The calls are made on the loops themselves:
// threads that wait for each of them would cost more than what is measured. Each loop has its part
// of the workflows, with ids that are its own.

enum {
    RUN_LOOK = 200, // milliseconds between two looks at the progress
    RUN_SAMPLES = 4 << 20,
};

// Of all rounds; negative: not known.
struct totals {
    double seconds, cpu_us, daemon_us, busy_us, written, commits;
};

struct pawl_bench {
    const struct pawl_bench_options *options;
    struct pawl *pawl;
    int64_t began;        // of the first round
    struct begin *begins; // one for each loop
    struct slot *slots;
    atomic_size_t open; // slots that still work
    int64_t until;
    atomic_bool is_interrupted; // by a signal
    char *payload;
    char prefix[16]; // of the ids
    atomic_bool names;
    _Atomic uint64_t started;
    _Atomic uint64_t workflows; // that ended
    double *times;              // of each, in milliseconds
    size_t time_cap;
    struct totals totals;
    double rss_mib, daemon_mib; // after the last round
    atomic_bool has_failed;
    struct pawl_error error; // the first
    struct pawl_done done;
};

// One of the workflows in flight.
struct slot {
    struct pawl_bench *run;
    struct pawl_loop *loop;
    struct pawl_op op;
    char id[64];
    uint64_t number;
    int64_t began;
    int raised;
    Pb__CreateInstanceRequest start;
    Pb__GetInstanceRequest wait;
    Pb__RaiseEventRequest raise;
    Google__Protobuf__StringValue input;
};

static void slot_next(struct slot *slot);

static void slot_close(struct slot *slot, const struct pawl_error *error) {
    struct pawl_bench *run = slot->run;
    if (error && !atomic_exchange(&run->has_failed, true)) run->error = *error;
    if (atomic_fetch_sub(&run->open, 1) == 1) pawl__done_set(&run->done);
}

static void slot_call(struct slot *slot, enum pawl_taskhub_method method, const void *request,
                      void (*done)(struct pawl_op *op)) {
    pawl__arena_reset(&slot->op.arena);
    slot->op.method = &pawl__methods[method];
    slot->op.request = request;
    slot->op.done = done;
    slot->op.data = slot;
    slot->op.error.code = PAWL_OK;
    slot->loop->transport->ops->call(slot->loop->transport, &slot->op);
}

static void slot_ended(struct pawl_op *op) {
    struct slot *slot = op->data;
    struct pawl_bench *run = slot->run;
    const Pb__GetInstanceResponse *response = (const void *)op->response;
    if (!op->error.code && !run->options->workload->is_left &&
        response->workflowstate->workflowstatus !=
            PB__ORCHESTRATION_STATUS__ORCHESTRATION_STATUS_COMPLETED)
        pawl__fail(&op->error, PAWL_E_FAILED, "a workflow has failed: %s",
                   response->workflowstate->failuredetails
                       ? response->workflowstate->failuredetails->errormessage
                       : "");
    if (op->error.code) {
        slot_close(slot, &op->error);
        return;
    }
    double time = (double)(pawl__clock_steady() - slot->began) / (double)PAWL_MILLISECOND;
    uint64_t count = atomic_fetch_add(&run->workflows, 1);
    if (count < run->time_cap) run->times[count] = time;
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
        bool is_left = slot->run->options->workload->is_left;
        slot_call(slot, is_left ? PAWL_TASKHUB_WAIT_START : PAWL_TASKHUB_WAIT_COMPLETION,
                  &slot->wait, slot_ended);
    }
}

// An id that no other has, and that is in a shard of the slot's loop.
static void slot_name(struct slot *slot, uint64_t number) {
    struct pawl_bench *run = slot->run;
    unsigned tries = 0;
    do
        snprintf(slot->id, sizeof slot->id, "bench-%s-%llu-%u", run->prefix,
                 (unsigned long long)number, tries++);
    while (pawl__handle_loop(run->pawl, slot->id) != slot->loop);
}

static void slot_on_new(struct pawl_op *op);

static void slot_start(struct slot *slot, uint64_t number) {
    bool names = atomic_load(&slot->run->names);
    slot->number = number;
    *slot->id = 0;
    if (names) slot_name(slot, number);
    slot_call(slot, names ? PAWL_TASKHUB_START : PAWL_TASKHUB_START_NEW, &slot->start,
              names ? slot_started : slot_on_new);
}

// Other daemons than Pawl's make no ids.
static void slot_on_new(struct pawl_op *op) {
    struct slot *slot = op->data;
    const Pb__CreateInstanceResponse *response = (const void *)op->response;
    if (op->error.code == PAWL_E_UNIMPLEMENTED) {
        atomic_store(&slot->run->names, true);
        slot_start(slot, slot->number);
        return;
    }
    if (!op->error.code) snprintf(slot->id, sizeof slot->id, "%s", response->instanceid);
    slot_started(op);
}

// Starts the slot's next workflow, unless the time is over.
static void slot_next(struct slot *slot) {
    struct pawl_bench *run = slot->run;
    uint64_t most = run->options->max_workflows, number;
    slot->began = pawl__clock_steady();
    if (slot->began >= run->until || atomic_load(&run->has_failed) ||
        atomic_load(&run->is_interrupted) ||
        ((number = atomic_fetch_add(&run->started, 1)) >= most && most)) {
        slot_close(slot, NULL);
        return;
    }
    slot->raised = 0;
    slot_start(slot, number);
}

static void slot_init(struct slot *slot, struct pawl_bench *run) {
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

struct begin {
    struct pawl_job job;
    struct pawl_bench *run;
    struct pawl_loop *loop;
};

static void run_begin(struct pawl_job *job) {
    const struct begin *begin = PAWL_CONTAINER(job, struct begin, job);
    struct pawl_bench *run = begin->run;
    for (size_t i = 0; i < run->options->in_flight; i++)
        if (run->slots[i].loop == begin->loop) slot_next(&run->slots[i]);
}

// --- what it costs ------------------------------------------------------------------------------

struct cost {
    int64_t at;
    struct pawl_bench_usage own, daemon;
    double busy_us;
    uint64_t commits; // UINT64_MAX: not known
};

static uint64_t run_commits(const struct pawl_bench *run) {
    const struct pawl_transport *transport = run->pawl->loops[0].transport;
    return transport->ops->commits(transport);
}

static bool run_is_remote(const struct pawl_bench *run) {
    return run_commits(run) == UINT64_MAX;
}

static struct cost cost_now(const struct pawl_bench *run) {
    struct pawl_bench_peer peer = {0, run_commits(run)};
    if (run_is_remote(run)) peer = pawl__bench_peer(run->options->target);
    return (struct cost){
        .own = pawl__bench_usage(getpid()),
        .daemon = peer.pid ? pawl__bench_usage(peer.pid) : (struct pawl_bench_usage){-1, -1, -1},
        .busy_us = pawl__bench_busy(),
        .commits = peer.commits,
        .at = pawl__clock_steady(),
    };
}

// Adds what was used; once something is not known, neither is the sum.
static void cost_add(double *sum, double before, double after) {
    *sum = *sum < 0 || before < 0 || after < 0 ? -1 : *sum + after - before;
}

static void run_add(struct pawl_bench *run, const struct cost *before, const struct cost *after) {
    struct totals *totals = &run->totals;
    bool is_remote = run_is_remote(run), is_memory = strcmp(run->options->target, "memory:") == 0;
    bool has_commits = !is_memory && before->commits != UINT64_MAX && after->commits != UINT64_MAX;
    const struct pawl_bench_usage *then = is_remote ? &before->daemon : &before->own;
    const struct pawl_bench_usage *now = is_remote ? &after->daemon : &after->own;
    cost_add(&totals->seconds, 0, (double)(after->at - before->at) / (double)PAWL_SECOND);
    cost_add(&totals->cpu_us, before->own.cpu_us, after->own.cpu_us);
    cost_add(&totals->daemon_us, before->daemon.cpu_us, after->daemon.cpu_us);
    cost_add(&totals->busy_us, before->busy_us, after->busy_us);
    cost_add(&totals->written, is_memory ? -1 : then->written, now->written);
    cost_add(&totals->commits, has_commits ? (double)before->commits : -1, (double)after->commits);
    run->rss_mib = after->own.rss_mib;
    run->daemon_mib = after->daemon.rss_mib;
}

static double run_ratio(double part, double whole) {
    return part < 0 || whole <= 0 ? -1 : part / whole;
}

void pawl__bench_result(struct pawl_bench *run, struct pawl_bench_result *out) {
    const struct totals *totals = &run->totals;
    uint64_t workflows = atomic_load(&run->workflows);
    size_t count = workflows < run->time_cap ? (size_t)workflows : run->time_cap;
    double units = (double)workflows * run->options->workload->units;
    double ours = totals->cpu_us + (totals->daemon_us > 0 ? totals->daemon_us : 0);
    double cores = (double)sysconf(_SC_NPROCESSORS_ONLN) * totals->seconds * 1e6;
    *out = (struct pawl_bench_result){
        .workflows = (double)workflows,
        .seconds = totals->seconds,
        .units_per_second = units / totals->seconds,
        .p50_ms = pawl__bench_quantile(run->times, count, 0.5),
        .p99_ms = pawl__bench_quantile(run->times, count, 0.99),
        .p999_ms = pawl__bench_quantile(run->times, count, 0.999),
        .cpu_us = run_ratio(totals->cpu_us, units),
        .daemon_us = run_ratio(totals->daemon_us, units),
        .commits = run_ratio(totals->commits, units),
        .bytes = run_ratio(totals->written, units),
        .commits_per_second = run_ratio(totals->commits, totals->seconds),
        .commit_bytes = run_ratio(totals->written, totals->commits),
        .of_cpu = run_ratio(totals->cpu_us < 0 ? -1 : ours, cores),
        .others = run_ratio(totals->busy_us > ours ? totals->busy_us - ours : 0, cores),
        .rss_mib = run->rss_mib,
        .daemon_mib = run->daemon_mib,
    };
}

void pawl__bench_signals(sigset_t *out) {
    sigemptyset(out);
    sigaddset(out, SIGINT);
    sigaddset(out, SIGTERM);
}

// --- a run --------------------------------------------------------------------------------------

// Whether the user has had enough: what was begun is then brought to its end, and cleaned up.
static bool run_has_signal(void) {
    sigset_t signals;
    pawl__bench_signals(&signals);
    return sigtimedwait(&signals, NULL, &(struct timespec){0}) > 0;
}

static void run_wait(struct pawl_bench *run) {
    for (;;) {
        int64_t now = pawl__clock_steady();
        if (pawl__handle_wait(run->pawl, &run->done, now + RUN_LOOK * PAWL_MILLISECOND)) return;
        if (run_has_signal()) atomic_store(&run->is_interrupted, true);
        uint64_t units = atomic_load(&run->workflows) * (uint64_t)run->options->workload->units;
        double seconds =
            run->totals.seconds + (double)(pawl__clock_steady() - run->began) / (double)PAWL_SECOND;
        if (run->options->progress)
            run->options->progress(run->options->arg, (double)units / seconds);
    }
}

enum pawl_err pawl__bench_round(struct pawl_bench *run, int64_t duration,
                                struct pawl_error *error) {
    atomic_store(&run->open, run->options->in_flight);
    pawl__done_init(&run->done);
    struct cost before = cost_now(run);
    run->began = before.at;
    run->until = before.at + duration;
    for (size_t i = 0; i < run->pawl->count; i++) {
        run->begins[i] = (struct begin){{.done = run_begin}, run, &run->pawl->loops[i]};
        pawl__jobs_post(&run->pawl->loops[i].inbox, &run->begins[i].job);
    }
    run_wait(run);
    struct cost after = cost_now(run);
    run_add(run, &before, &after);
    if (run->error.code) *error = run->error;
    if (!run->error.code && atomic_load(&run->is_interrupted))
        return pawl__fail(error, PAWL_E_CANCELED, "interrupted");
    return run->error.code;
}

// Letters that stores cannot compress, as far as a payload does not come again.
static void run_fill_payload(char *payload, size_t len) {
    pawl__random(payload, len);
    for (size_t i = 0; i < len; i++) payload[i] = (char)('?' + (payload[i] & 63));
    for (size_t i = 0; i < len; i++)
        if (payload[i] == '\\') payload[i] = '!';
}

static enum pawl_err run_prepare(struct pawl_bench *run, struct pawl_error *error) {
    const struct pawl_bench_options *options = run->options;
    uint64_t prefix;
    pawl__random(&prefix, sizeof prefix);
    atomic_init(&run->names, run->options->names);
    snprintf(run->prefix, sizeof run->prefix, "%08x", (unsigned)prefix);
    run->time_cap = RUN_SAMPLES;
    run->slots = calloc(options->in_flight, sizeof *run->slots);
    run->times = calloc(run->time_cap, sizeof *run->times);
    run->payload = malloc(options->payload + 3);
    if (!run->slots || !run->times || !run->payload) return pawl__fail_plain(error, PAWL_E_NOMEM);
    run_fill_payload(run->payload + 1, options->payload);
    run->payload[0] = run->payload[options->payload + 1] = '"';
    run->payload[options->payload + 2] = 0;
    struct pawl_options open = {.app_id = "pawl-bench",
                                .loops = options->loops,
                                .warm_workflows = options->in_flight + 1000};
    enum pawl_err err = pawl_open(options->target, &open, &run->pawl);
    if (!err) run->begins = calloc(run->pawl->count, sizeof *run->begins);
    if (!err && !run->begins) return pawl__fail_plain(error, PAWL_E_NOMEM);
    for (size_t i = 0; i < options->in_flight && !err; i++) {
        slot_init(&run->slots[i], run);
        run->slots[i].loop = &run->pawl->loops[i % run->pawl->count];
    }
    if (!err) err = pawl__workloads_add(run->pawl, options->quick);
    if (!err) err = pawl_work(run->pawl);
    if (err) *error = *pawl_last_error();
    return err;
}

enum pawl_err pawl__bench_open(const struct pawl_bench_options *options, struct pawl_bench **out,
                               struct pawl_error *error) {
    struct pawl_bench *run = calloc(1, sizeof *run);
    if (!run) return pawl__fail_plain(error, PAWL_E_NOMEM);
    run->options = options;
    enum pawl_err err = run_prepare(run, error);
    if (err)
        pawl__bench_close(run);
    else
        *out = run;
    return err;
}

void pawl__bench_close(struct pawl_bench *run) {
    if (!run) return;
    pawl_close(run->pawl);
    for (size_t i = 0; run->slots && i < run->options->in_flight; i++)
        pawl__arena_finish(&run->slots[i].op.arena);
    free(run->begins);
    free(run->slots);
    free(run->times);
    free(run->payload);
    free(run);
}
