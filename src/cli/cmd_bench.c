#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/str.h"
#include "bench/bench.h"
#include "cli/command.h"

static const struct pawl_flag bench_flags[] = {
    {"workload", 'w', PAWL_FLAG_LIST, NULL,
     "seq5, seq15, par5, par100, events, timers, children or start (default all but seq15, "
     "par100)"},
    {"in-flight", 'n', PAWL_FLAG_LIST, NULL, "workflows at once (default 1, 50 and 1000)"},
    {"payload", 'p', PAWL_FLAG_LIST, NULL, "bytes of each step's input and result (default 100)"},
    {"seconds", 's', PAWL_FLAG_INT, "3", "time for each measurement"},
    {"folder", 'd', PAWL_FLAG_TEXT, ".",
     "where to put the store's file: the disk that is measured"},
    {"memory", 0, PAWL_FLAG_BOOL, NULL, "keep workflows in memory instead"},
    {"target", 't', PAWL_FLAG_TEXT, NULL,
     "grpc://HOST:PORT of a daemon to measure, with this program as its worker"},
    {"output", 'o', PAWL_FLAG_TEXT, "table", "form of the output: table or json"},
    {NULL, 0, PAWL_FLAG_TEXT, NULL, NULL},
};

struct bench {
    const struct pawl_flags *flags;
    const char *folder;
    char file[4096]; // the store; "": none
    bool is_json, is_tty;
    json_t *results;
    double sync_rate, sync_p50;
    char label[64];
};

static int bench_fail(const char *format, const char *text) {
    fputs("pawl bench: ", stderr);
    fprintf(stderr, format, text);
    fputc('\n', stderr);
    return 1;
}

static void bench_remove(const struct bench *bench) {
    static const char *const suffixes[] = {"", "-wal", "-shm", "-pawl"};
    char path[4200];
    for (size_t i = 0; *bench->file && i < sizeof suffixes / sizeof *suffixes; i++) {
        snprintf(path, sizeof path, "%s%s", bench->file, suffixes[i]);
        unlink(path);
    }
}

static void bench_progress(void *arg, uint64_t units, int64_t since) {
    const struct bench *bench = arg;
    if (!bench->is_tty) return;
    fprintf(stderr, "\r%s: %.0f/s   ", bench->label,
            (double)units / ((double)since / (double)PAWL_SECOND));
    fflush(stderr);
}

static void bench_head(const struct bench *bench) {
    if (bench->is_json) return;
    if (*bench->file)
        printf("fdatasync of 4 KiB: %.0f a second, p50 %.3f ms\n\n", bench->sync_rate,
               bench->sync_p50);
    printf("%-9s %7s %8s %10s %9s %9s %9s %8s %8s %9s %7s %8s\n", "workload", "payload", "flight",
           "units/s", "p50 ms", "p99 ms", "p99.9 ms", "cpu us", "syncs", "bytes", "MiB", "of disk");
}

// |raw|: commits of this size that the disk could take a second; 0: not measured.
static void bench_row(struct bench *bench, const struct pawl_bench_options *options,
                      const struct pawl_bench_result *r, double raw) {
    double rate = (double)r->units / r->seconds;
    double part = raw > 0 ? r->commits_per_second / raw : -1;
    if (bench->is_json) {
        json_array_append_new(
            bench->results,
            json_pack("{s:s, s:I, s:I, s:f, s:I, s:f, s:f, s:f, s:f, s:f, s:f, s:f, s:f, s:f}",
                      "workload", options->workload->name, "payload", (json_int_t)options->payload,
                      "inFlight", (json_int_t)options->in_flight, "unitsPerSecond", rate,
                      "workflows", (json_int_t)r->workflows, "p50Ms", r->p50, "p99Ms", r->p99,
                      "p999Ms", r->p999, "cpuUsPerUnit", r->cpu_us, "syncsPerUnit", r->syncs,
                      "bytesPerUnit", r->bytes, "rssMiB", r->rss_mib, "rawCommitsPerSecond", raw,
                      "shareOfDisk", part));
        return;
    }
    if (bench->is_tty) fprintf(stderr, "\r%60s\r", "");
    char syncs[32] = "-", bytes[32] = "-", share[32] = "-";
    if (r->syncs >= 0) snprintf(syncs, sizeof syncs, "%.3f", r->syncs);
    if (r->bytes >= 0) snprintf(bytes, sizeof bytes, "%.0f", r->bytes);
    if (part >= 0) snprintf(share, sizeof share, "%.0f %%", part * 100);
    printf("%-9s %7zu %8zu %10.0f %9.2f %9.2f %9.2f %8.1f %8s %9s %7.1f %8s\n",
           options->workload->name, options->payload, options->in_flight, rate, r->p50, r->p99,
           r->p999, r->cpu_us, syncs, bytes, r->rss_mib, share);
    fflush(stdout);
}

static enum pawl_err bench_one(struct bench *bench, struct pawl_bench_options *options,
                               struct pawl_error *error) {
    struct pawl_bench_result result;
    double raw = 0, p50;
    snprintf(bench->label, sizeof bench->label, "%s, %zu bytes, %zu in flight",
             options->workload->name, options->payload, options->in_flight);
    bench_remove(bench);
    options->progress = bench_progress;
    options->arg = bench;
    enum pawl_err err = pawl__bench_run(options, &result, error);
    bench_remove(bench);
    // The disk's own rate at commits of this size, right after, as disks change their mind.
    if (!err && result.commit_bytes >= 1)
        err = pawl__bench_disk(bench->folder, (size_t)result.commit_bytes, PAWL_SECOND / 2, &raw,
                               &p50, error);
    if (!err) bench_row(bench, options, &result, raw);
    return err;
}

static const struct pawl_workload *bench_find(const char *name) {
    const struct pawl_workload *at = pawl__workloads;
    while (at->name && strcmp(at->name, name) != 0) at++;
    return at->name ? at : NULL;
}

// The values of a list flag, or those of |fallback|, which commas part.
struct bench_list {
    char *items[PAWL_FLAG_LIST_MAX];
    size_t count;
    char *memory;
};

static bool bench_list(const struct pawl_flags *flags, const char *name, const char *fallback,
                       struct bench_list *out) {
    const char *const *given = &fallback;
    size_t count = 1, len = 1;
    if (pawl__flag_given(flags, name)) count = pawl__flag_list(flags, name, &given);
    for (size_t i = 0; i < count; i++) len += strlen(given[i]) + 1;
    char *at = out->memory = calloc(1, len), *rest = NULL;
    if (!at) return false;
    for (size_t i = 0; i < count; i++) at += sprintf(at, "%s,", given[i]);
    for (char *item = strtok_r(out->memory, ",", &rest); item && out->count < PAWL_FLAG_LIST_MAX;
         item = strtok_r(NULL, ",", &rest))
        out->items[out->count++] = item;
    return true;
}

static int bench_each(struct bench *bench, struct pawl_bench_options *options,
                      const struct bench_list *names, const struct bench_list *sizes,
                      const struct bench_list *flights) {
    bool has_begun = false;
    for (size_t i = 0; i < names->count * sizes->count * flights->count; i++) {
        const char *name = names->items[i / (sizes->count * flights->count)];
        const char *size = sizes->items[i / flights->count % sizes->count];
        const char *n = flights->items[i % flights->count];
        int64_t in_flight, payload;
        options->workload = bench_find(name);
        if (!options->workload || !pawl__str_to_int(pawl__str(n), 1, 100000, &in_flight) ||
            !pawl__str_to_int(pawl__str(size), 0, 4 << 20, &payload)) {
            fprintf(stderr, "pawl bench: ");
            if (!options->workload)
                fprintf(stderr, "there is no workload '%s'; see 'pawl bench --help'\n", name);
            else
                fprintf(stderr,
                        "--in-flight %s --payload %s: in flight are 1 to 100000, payloads "
                        "have 0 to 4194304 bytes\n",
                        n, size);
            return PAWL_EXIT_USAGE;
        }
        options->in_flight = (size_t)in_flight;
        options->payload = (size_t)payload;
        if (!has_begun) bench_head(bench);
        has_begun = true;
        struct pawl_error error;
        if (bench_one(bench, options, &error)) return bench_fail("%s", error.text);
    }
    return 0;
}

static int bench_all(struct bench *bench, struct pawl_bench_options *options) {
    struct bench_list names = {0}, sizes = {0}, flights = {0};
    bool ok =
        bench_list(bench->flags, "workload", "seq5,par5,events,timers,children,start", &names) &&
        bench_list(bench->flags, "payload", "100", &sizes) &&
        bench_list(bench->flags, "in-flight", "1,50,1000", &flights);
    int code = ok ? bench_each(bench, options, &names, &sizes, &flights)
                  : bench_fail("%s", "out of memory");
    free(names.memory);
    free(sizes.memory);
    free(flights.memory);
    return code;
}

static int bench_run(const struct pawl_flags *flags) {
    struct bench bench = {.flags = flags, .is_tty = isatty(STDERR_FILENO)};
    const char *output = pawl__flag_text(flags, "output");
    const char *target = pawl__flag_text(flags, "target");
    int64_t seconds = pawl__flag_int(flags, "seconds");
    bench.folder = pawl__flag_text(flags, "folder");
    bench.is_json = strcmp(output, "json") == 0;
    if (!bench.is_json && strcmp(output, "table") != 0) {
        bench_fail("--output is '%s', but has to be table or json", output);
        return PAWL_EXIT_USAGE;
    }
    if (seconds < 1) {
        bench_fail("%s", "--seconds has to be at least 1");
        return PAWL_EXIT_USAGE;
    }
    if (target && pawl__flag_bool(flags, "memory")) {
        bench_fail("%s", "--target and --memory exclude each other");
        return PAWL_EXIT_USAGE;
    }
    struct pawl_bench_options options = {.duration = seconds * PAWL_SECOND, .target = target};
    if (!target && pawl__flag_bool(flags, "memory")) options.target = "memory:";
    if (!options.target) {
        struct pawl_error error;
        snprintf(bench.file, sizeof bench.file, "%s/pawl-bench-%d.db", bench.folder, (int)getpid());
        options.target = bench.file;
        if (pawl__bench_disk(bench.folder, 4096, PAWL_SECOND / 2, &bench.sync_rate, &bench.sync_p50,
                             &error))
            return bench_fail("%s", error.text);
    }
    bench.results = json_array();
    int code = bench_all(&bench, &options);
    if (!code && bench.is_json) {
        json_t *all = json_pack("{s:f, s:f, s:O}", "fdatasyncsPerSecond", bench.sync_rate,
                                "fdatasyncP50Ms", bench.sync_p50, "results", bench.results);
        json_dumpf(all, stdout, JSON_INDENT(2));
        putchar('\n');
        json_decref(all);
    }
    json_decref(bench.results);
    return code;
}

const struct pawl_command pawl__cmd_bench = {
    .name = "bench",
    .summary = "Measure how fast workflows run on this machine",
    .usage =
        "[-w WORKLOAD] [-n IN_FLIGHT] [-p BYTES] [-s SECONDS] [-d FOLDER | --memory | -t TARGET]",
    .text =
        "Runs workflows whose steps do nothing, in this process, on a new file that is removed\n"
        "afterwards, and tells what this machine gives: units (activities, events, timers,\n"
        "children or starts) a second, the time of a workflow from its start to its end,\n"
        "processor time, syncs and bytes written per unit, memory. 'of disk' compares the\n"
        "commits with what the disk does at best: writes of the same size into space that a\n"
        "file has already, each synced, measured right after.\n\n"
        "  pawl bench                          a minute's overview\n"
        "  pawl bench -w seq5 -n 1             the time of one step alone\n"
        "  pawl bench -d /mnt/data -w par100   another disk, wide workflows\n"
        "  pawl bench -t grpc://localhost:50001 a daemon, with this program as its worker\n",
    .flags = bench_flags,
    .run = bench_run,
};
