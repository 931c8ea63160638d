#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/str.h"
#include "bench/bench.h"
#include "cli/commands.h"

static const struct pawl_flag bench_flags[] = {
    {"workload", 'w', PAWL_FLAG_LIST, NULL,
     "what to run, see above (default seq5, par5, events, timers, children, start)"},
    {"in-flight", 'n', PAWL_FLAG_LIST, NULL, "workflows at once (default 1, 50 and 1000)"},
    {"payload", 'p', PAWL_FLAG_LIST, NULL, "bytes of each step's input and result (default 100)"},
    {"seconds", 's', PAWL_FLAG_INT, "3", "time for each measurement"},
    {"count", 'c', PAWL_FLAG_INT, "0", "end it after so many workflows; 0: when the time is over"},
    {"folder", 'd', PAWL_FLAG_TEXT, ".",
     "where to put the store's file: the disk that is measured"},
    {"memory", 0, PAWL_FLAG_BOOL, NULL, "keep workflows in memory instead"},
    {"quick", 0, PAWL_FLAG_BOOL, NULL, "activities as quick ones: on Pawl's own thread"},
    {"loops", 0, PAWL_FLAG_INT, "1", "loops of this process, each on a thread; 0: one per core"},
    {"own-ids", 0, PAWL_FLAG_BOOL, NULL,
     "workflows get ids here, as Dapr's SDKs make them; else the daemon makes them"},
    {"bare", 0, PAWL_FLAG_BOOL, NULL, "the workflows alone, without what the machine could give"},
    {"daemon", 0, PAWL_FLAG_BOOL, NULL, "over gRPC, to a daemon that is started for it"},
    {"store", 0, PAWL_FLAG_TEXT, NULL,
     "with --daemon: a component's file with the store that it uses; what is there stays"},
    {"target", 't', PAWL_FLAG_TEXT, NULL,
     "grpc://HOST:PORT of a daemon; give -d when its store is on a disk here"},
    {"output", 'o', PAWL_FLAG_TEXT, "table", "form of the output: table or json"},
    {NULL, 0, PAWL_FLAG_TEXT, NULL, NULL},
};

struct bench {
    const struct pawl_flags *flags;
    const char *folder, *store, *target; // |target| NULL: a new store for each measurement
    unsigned look;                       // enum pawl_bench_look
    bool in_memory, has_daemon, is_json, is_tty;
    json_t *results;
    char label[64];
};

static int bench_fail(const char *format, const char *text) {
    fputs("pawl bench: ", stderr);
    fprintf(stderr, format, text);
    fputc('\n', stderr);
    return 1;
}

static void bench_progress(void *arg, double units_per_second) {
    const struct bench *bench = arg;
    if (!bench->is_tty) return;
    fprintf(stderr, "\r%s: %.0f/s   ", bench->label, units_per_second);
    fflush(stderr);
}

static enum pawl_err bench_file(struct pawl_bench_options *options,
                                struct pawl_bench_result *result, struct pawl_error *error) {
    static const char *const suffixes[] = {"", "-wal", "-shm", "-pawl"};
    char file[4096], path[4200];
    snprintf(file, sizeof file, "%s/pawl-bench-%d.db", options->folder, (int)getpid());
    options->target = file;
    enum pawl_err err = pawl__bench_measure(options, result, error);
    for (size_t i = 0; i < sizeof suffixes / sizeof *suffixes; i++) {
        snprintf(path, sizeof path, "%s%s", file, suffixes[i]);
        unlink(path);
    }
    return err;
}

static enum pawl_err bench_daemon(const struct bench *bench, struct pawl_bench_options *options,
                                  struct pawl_bench_result *result, struct pawl_error *error) {
    struct pawl_bench_daemon daemon;
    enum pawl_err err =
        pawl__bench_daemon_start(&daemon, bench->folder, bench->store, bench->in_memory, error);
    if (err) return err;
    options->target = daemon.target;
    err = pawl__bench_measure(options, result, error);
    pawl__bench_daemon_stop(&daemon);
    return err;
}

static enum pawl_err bench_one(struct bench *bench, struct pawl_bench_options *options,
                               struct pawl_error *error) {
    struct pawl_bench_result result;
    enum pawl_err err;
    snprintf(bench->label, sizeof bench->label, "%s, %zu bytes, %zu in flight",
             options->workload->name, options->payload, options->in_flight);
    bench_progress(bench, 0);
    options->progress = bench_progress;
    options->arg = bench;
    if (bench->has_daemon) {
        err = bench_daemon(bench, options, &result, error);
    } else if (bench->target || bench->in_memory) {
        options->target = bench->target ? bench->target : "memory:";
        err = pawl__bench_measure(options, &result, error);
    } else {
        err = bench_file(options, &result, error);
    }
    if (bench->is_tty) fprintf(stderr, "\r%70s\r", "");
    if (err) return err;
    if (bench->is_json)
        json_array_append_new(bench->results, pawl__bench_json(options, &result));
    else
        pawl__bench_print(stdout, bench->look, options, &result);
    return PAWL_OK;
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
                        "--in-flight is '%s' and --payload '%s', but have to be from 1 to 100000, "
                        "and from 0 to 4194304 bytes\n",
                        n, size);
            return PAWL_EXIT_USAGE;
        }
        options->in_flight = (size_t)in_flight;
        options->payload = (size_t)payload;
        if (!has_begun && !bench->is_json) pawl__bench_print_head(stdout, bench->look);
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

static int bench_usage(const struct bench *bench) {
    const char *output = pawl__flag_text(bench->flags, "output");
    if (!bench->is_json && strcmp(output, "table") != 0)
        bench_fail("--output is '%s', but has to be table or json", output);
    else if (pawl__flag_int(bench->flags, "seconds") < 1)
        bench_fail("%s", "--seconds has to be at least 1");
    else if (pawl__flag_int(bench->flags, "count") < 0)
        bench_fail("%s", "--count cannot be less than 0");
    else if (pawl__flag_int(bench->flags, "loops") < 0)
        bench_fail("%s", "--loops cannot be less than 0");
    else if (bench->target && (bench->in_memory || bench->has_daemon))
        bench_fail("--target and --%s exclude each other", bench->in_memory ? "memory" : "daemon");
    else if (bench->store && (!bench->has_daemon || bench->in_memory))
        bench_fail("%s", "--store needs --daemon, and excludes --memory");
    else
        return 0;
    return PAWL_EXIT_USAGE;
}

static size_t bench_loops(const struct pawl_flags *flags) {
    int64_t loops = pawl__flag_int(flags, "loops");
    return loops ? (size_t)loops : PAWL_LOOP_PER_CORE;
}

static int bench_run(const struct pawl_flags *flags) {
    struct bench bench = {
        .flags = flags,
        .folder = pawl__flag_text(flags, "folder"),
        .store = pawl__flag_text(flags, "store"),
        .target = pawl__flag_text(flags, "target"),
        .in_memory = pawl__flag_bool(flags, "memory"),
        .has_daemon = pawl__flag_bool(flags, "daemon"),
        .is_json = strcmp(pawl__flag_text(flags, "output"), "json") == 0,
        .is_tty = isatty(STDERR_FILENO),
    };
    int code = bench_usage(&bench);
    if (code) return code;
    struct pawl_bench_options options = {
        .duration = pawl__flag_int(flags, "seconds") * PAWL_SECOND,
        .quick = pawl__flag_bool(flags, "quick"),
        .names = pawl__flag_bool(flags, "own-ids"),
        .bare = pawl__flag_bool(flags, "bare"),
        .loops = bench_loops(flags),
        .max_workflows = (uint64_t)pawl__flag_int(flags, "count"),
        .folder = bench.folder,
    };
    if (bench.in_memory || (bench.target && !pawl__flag_given(flags, "folder")))
        options.folder = NULL;
    if (options.folder) bench.look |= PAWL_BENCH_DISK;
    if (bench.has_daemon || bench.target) bench.look |= PAWL_BENCH_DAEMON;
    sigset_t signals;
    pawl__bench_signals(&signals);
    pthread_sigmask(SIG_BLOCK, &signals, NULL); // they end a run in good order
    bench.results = json_array();
    code = bench_all(&bench, &options);
    if (!code && bench.is_json) {
        json_dumpf(bench.results, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(6));
        putchar('\n');
    }
    json_decref(bench.results);
    return code;
}

const struct pawl_command pawl__cmd_bench = {
    .name = "bench",
    .summary = "Measure how fast workflows run on this machine",
    .usage = "[-w WORKLOAD] [-n IN_FLIGHT] [-p BYTES] [-s SECONDS] [-d FOLDER] "
             "[--memory] "
             "[--daemon [--store FILE] | -t TARGET]",
    .text =
        "Runs workflows whose steps do nothing, in this process, on a new file that is removed\n"
        "afterwards, and tells what this machine gives: units (activities, events, timers,\n"
        "children or starts) a second, the time of a workflow from its start to its end,\n"
        "processor time, commits and bytes written per unit, memory. A commit is one fdatasync.\n\n"
        "Workloads: seq5 and seq15 (activities, one after the other), par5 and par100 (at once),\n"
        "events, timers, children (5 each), start (nothing), sleep (a year: it is left so) and\n"
        "bounds (no workflows, only what the machine gives).\n\n"
        "Beside it stands the most that the machine could give, measured in turn with it:\n"
        "  syncs/s    writes of 4 KiB into space that a file already has, each synced\n"
        "  raw/s      the same with as many bytes as a commit had\n"
        "  echoes/s   empty gRPC calls to the daemon, as many at once\n"
        "  in syncs   a unit's time (p50 / units of a workflow), in times of a sync\n"
        "  of disk    commits / raw; of echo: units / echoes\n"
        "  of cpu     the part of all cores that this had; others: that other processes had\n\n"
        "Examples:\n"
        "  pawl bench                           a minute's overview\n"
        "  pawl bench -w seq5 -n 1              the time of one step alone\n"
        "  pawl bench -d /mnt/data -w par100    another disk, wide workflows\n"
        "  pawl bench -p 100,10240,102400       larger payloads\n"
        "  pawl bench --daemon                  over gRPC: worker here, engine in a daemon\n"
        "  pawl bench --daemon --store redis.yaml   in the store of a component\n"
        "  pawl bench -t grpc://localhost:50001 a daemon that runs; its workflows stay there\n",
    .flags = bench_flags,
    .run = bench_run,
};
