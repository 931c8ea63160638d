#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "bench/bench.h"

enum {
    MEASURE_ROUND = 1000, // milliseconds of a round at most
    MEASURE_BOUND = 150,  // milliseconds for each bound between two rounds
    MEASURE_PAGE = 4096,
};

// A bound, as the mean of what was seen.
struct bound {
    double rate, ms, us;
    int count;
};

struct bounds {
    struct bound sync, raw, echo;
};

static void bound_add(struct bound *bound, double rate, double ms, double us) {
    bound->count++;
    bound->rate += (rate - bound->rate) / bound->count;
    bound->ms += (ms - bound->ms) / bound->count;
    bound->us += (us - bound->us) / bound->count;
}

static enum pawl_err bounds_disk(struct bound *bound, const char *folder, size_t size,
                                 struct pawl_error *error) {
    double rate, ms;
    enum pawl_err err =
        pawl__bench_disk(folder, size, MEASURE_BOUND * PAWL_MILLISECOND, &rate, &ms, error);
    if (!err) bound_add(bound, rate, ms, 0);
    return err;
}

static double bounds_cpu(pid_t daemon) {
    return pawl__bench_usage(getpid()).cpu_us + (daemon ? pawl__bench_usage(daemon).cpu_us : 0);
}

static enum pawl_err bounds_echo(struct bound *bound, const struct pawl_bench_options *options,
                                 struct pawl_error *error) {
    pid_t daemon = pawl__bench_peer(options->target).pid;
    double rate, ms, cpu = bounds_cpu(daemon), count;
    enum pawl_err err =
        pawl__bench_echo(options->target, options->in_flight, MEASURE_BOUND * PAWL_MILLISECOND,
                         &rate, &ms, &count, error);
    if (!err) bound_add(bound, rate, ms, (bounds_cpu(daemon) - cpu) / count);
    return err;
}

// |commit_bytes|: of commits until now; less than 1: there were none.
static enum pawl_err bounds_read(struct bounds *bounds, const struct pawl_bench_options *options,
                                 double commit_bytes, struct pawl_error *error) {
    enum pawl_err err = PAWL_OK;
    if (options->bare) return PAWL_OK;
    if (options->folder) err = bounds_disk(&bounds->sync, options->folder, MEASURE_PAGE, error);
    if (!err && options->folder && commit_bytes >= 1)
        err = bounds_disk(&bounds->raw, options->folder, (size_t)commit_bytes, error);
    if (!err && strncmp(options->target, "grpc://", 7) == 0)
        err = bounds_echo(&bounds->echo, options, error);
    return err;
}

static double measure_ratio(double value, double bound) {
    return value < 0 || bound <= 0 ? -1 : value / bound;
}

static void measure_compare(const struct pawl_bench_options *options, const struct bounds *bounds,
                            struct pawl_bench_result *out) {
    out->syncs_per_second = bounds->sync.count ? bounds->sync.rate : -1;
    out->sync_ms = bounds->sync.count ? bounds->sync.ms : -1;
    out->raw_per_second = bounds->raw.count ? bounds->raw.rate : -1;
    out->echoes_per_second = bounds->echo.count ? bounds->echo.rate : -1;
    out->echo_ms = bounds->echo.count ? bounds->echo.ms : -1;
    out->echo_us = bounds->echo.count ? bounds->echo.us : -1;
    out->of_disk = measure_ratio(out->commits_per_second, out->raw_per_second);
    out->of_echo = measure_ratio(out->units_per_second, out->echoes_per_second);
    out->syncs_long = measure_ratio(out->p50_ms / options->workload->units, out->sync_ms);
}

static enum pawl_err measure_rounds(const struct pawl_bench_options *options, struct bounds *bounds,
                                    struct pawl_bench_result *out, struct pawl_error *error) {
    struct pawl_bench *bench;
    enum pawl_err err = pawl__bench_open(options, &bench, error);
    if (err) return err;
    int64_t left = options->duration;
    do {
        int64_t most = options->bare ? left : MEASURE_ROUND * PAWL_MILLISECOND;
        int64_t round = left < most ? left : most;
        err = pawl__bench_round(bench, round, error);
        pawl__bench_result(bench, out);
        if (!err) err = bounds_read(bounds, options, out->commit_bytes, error);
        left -= round;
    } while (!err && left > 0 &&
             (!options->max_workflows || out->workflows < (double)options->max_workflows));
    pawl__bench_close(bench);
    return err;
}

static const struct pawl_bench_result measure_nothing = {
    .workflows = -1,
    .seconds = -1,
    .units_per_second = -1,
    .p50_ms = -1,
    .p99_ms = -1,
    .p999_ms = -1,
    .cpu_us = -1,
    .daemon_us = -1,
    .commits = -1,
    .bytes = -1,
    .commit_bytes = -1,
    .commits_per_second = -1,
    .rss_mib = -1,
    .daemon_mib = -1,
    .of_cpu = -1,
    .others = -1,
};

enum pawl_err pawl__bench_measure(const struct pawl_bench_options *options,
                                  struct pawl_bench_result *out, struct pawl_error *error) {
    struct bounds bounds = {0};
    *out = measure_nothing;
    if (!options->workload->function) out->commit_bytes = (double)options->payload;
    enum pawl_err err = bounds_read(&bounds, options, out->commit_bytes, error);
    if (!err && options->workload->function) err = measure_rounds(options, &bounds, out, error);
    if (!err) measure_compare(options, &bounds, out);
    return err;
}
