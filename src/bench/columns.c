#include <stddef.h>

#include "bench/bench.h"

struct column {
    const char *key;  // in JSON
    const char *head; // in the table; NULL: it is not there
    size_t at;        // of the double
    int width, decimals;
    bool is_part;   // shown in per cent
    unsigned needs; // enum pawl_bench_look
};

#define COLUMN(key, head, field, width, decimals, ...)                                             \
    { key, head, offsetof(struct pawl_bench_result, field), width, decimals, __VA_ARGS__ }

static const struct column columns[] = {
    COLUMN("workflows", NULL, workflows, 0, 0),
    COLUMN("seconds", NULL, seconds, 0, 0),
    COLUMN("unitsPerSecond", "units/s", units_per_second, 8, 0),
    COLUMN("p50Ms", "p50 ms", p50_ms, 8, 2),
    COLUMN("p99Ms", "p99 ms", p99_ms, 8, 2),
    COLUMN("p999Ms", "p99.9 ms", p999_ms, 9, 2),
    COLUMN("cpuUs", "cpu us", cpu_us, 7, 1),
    COLUMN("daemonCpuUs", "daemon us", daemon_us, 10, 1, .needs = PAWL_BENCH_DAEMON),
    COLUMN("commits", "commits", commits, 8, 3, .needs = PAWL_BENCH_DISK),
    COLUMN("bytes", "bytes", bytes, 7, 0, .needs = PAWL_BENCH_DISK),
    COLUMN("commitsPerSecond", NULL, commits_per_second, 0, 0),
    COLUMN("commitBytes", NULL, commit_bytes, 0, 0),
    COLUMN("rssMiB", "MiB", rss_mib, 7, 1),
    COLUMN("daemonRssMiB", "daemon MiB", daemon_mib, 11, 1, .needs = PAWL_BENCH_DAEMON),
    COLUMN("syncsPerSecond", "syncs/s", syncs_per_second, 8, 0, .needs = PAWL_BENCH_DISK),
    COLUMN("syncMs", NULL, sync_ms, 0, 0),
    COLUMN("rawPerSecond", "raw/s", raw_per_second, 7, 0, .needs = PAWL_BENCH_DISK),
    COLUMN("echoesPerSecond", "echoes/s", echoes_per_second, 9, 0, .needs = PAWL_BENCH_DAEMON),
    COLUMN("echoMs", NULL, echo_ms, 0, 0),
    COLUMN("echoCpuUs", "echo us", echo_us, 8, 1, .needs = PAWL_BENCH_DAEMON),
    COLUMN("unitInSyncs", "in syncs", syncs_long, 9, 1, .needs = PAWL_BENCH_DISK),
    COLUMN("ofDisk", "of disk", of_disk, 8, 0, true, PAWL_BENCH_DISK),
    COLUMN("ofEcho", "of echo", of_echo, 8, 0, true, PAWL_BENCH_DAEMON),
    COLUMN("ofCpu", "of cpu", of_cpu, 7, 0, true),
    COLUMN("others", "others", others, 7, 0, true),
};

enum {
    COLUMNS = sizeof columns / sizeof *columns
};

static double column_value(const struct column *column, const struct pawl_bench_result *result) {
    return *(const double *)((const char *)result + column->at);
}

static bool column_is_shown(const struct column *column, unsigned look) {
    return column->head && (column->needs & look) == column->needs;
}

void pawl__bench_print_head(FILE *out, unsigned look) {
    fprintf(out, "%-9s%8s%7s", "workload", "payload", "flight");
    for (int i = 0; i < COLUMNS; i++)
        if (column_is_shown(&columns[i], look))
            fprintf(out, "%*s", columns[i].width + 1, columns[i].head);
    fputc('\n', out);
}

void pawl__bench_print(FILE *out, unsigned look, const struct pawl_bench_options *options,
                       const struct pawl_bench_result *result) {
    fprintf(out, "%-9s%8zu%7zu", options->workload->name, options->payload, options->in_flight);
    for (int i = 0; i < COLUMNS; i++) {
        double value = column_value(&columns[i], result);
        if (!column_is_shown(&columns[i], look)) continue;
        if (value < 0)
            fprintf(out, "%*s", columns[i].width + 1, "-");
        else if (columns[i].is_part)
            fprintf(out, "%*.0f%%", columns[i].width, value * 100);
        else
            fprintf(out, "%*.*f", columns[i].width + 1, columns[i].decimals, value);
    }
    fputc('\n', out);
    fflush(out);
}

json_t *pawl__bench_json(const struct pawl_bench_options *options,
                         const struct pawl_bench_result *result) {
    json_t *json =
        json_pack("{s:s, s:I, s:I}", "workload", options->workload->name, "payload",
                  (json_int_t)options->payload, "inFlight", (json_int_t)options->in_flight);
    for (int i = 0; i < COLUMNS; i++) {
        double value = column_value(&columns[i], result);
        json_object_set_new(json, columns[i].key, value < 0 ? json_null() : json_real(value));
    }
    return json;
}
