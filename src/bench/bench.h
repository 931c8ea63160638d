#ifndef PAWL_BENCH_BENCH_H
#define PAWL_BENCH_BENCH_H

// Measures how fast workflows run here: in this process on a file or in memory, or on a daemon.

#include <pawl.h>
#include <stdio.h>

#include "base/err.h"

// What a workflow does, over and over. Its units are the steps that are counted.
struct pawl_workload {
    const char *name;
    const char *summary;
    int units;  // in one workflow
    int events; // to raise once it has started
    pawl_workflow_fn function;
};

// Ends with a NULL name.
extern const struct pawl_workload pawl__workloads[];

// The child and the activity that they use; adds all of pawl__workloads, too.
enum pawl_err pawl__workloads_add(struct pawl *pawl);

struct pawl_bench_options {
    const char *target; // as for pawl_open
    const struct pawl_workload *workload;
    size_t in_flight;
    size_t payload;   // bytes of each step's input and result
    int64_t duration; // nanoseconds
    // Called now and then with the units that are done and the nanoseconds since it began.
    void (*progress)(void *arg, uint64_t units, int64_t since);
    void *arg;
};

struct pawl_bench_result {
    uint64_t workflows, units;
    double seconds;
    double p50, p99, p999; // milliseconds of a workflow, from its start to its end
    double cpu_us;         // of this process, per unit
    double syncs, bytes;   // per unit; negative: not known
    double commit_bytes;   // of one commit, on average
    double commits_per_second;
    double rss_mib;
};

// Errors are those of pawl_open and pawl_start, with their text in |error|.
enum pawl_err pawl__bench_run(const struct pawl_bench_options *options,
                              struct pawl_bench_result *out, struct pawl_error *error);

// How many writes of |size| bytes the disk under |folder| takes a second, one after the other into
// space that the file already has, each followed by fdatasync: nothing durable is faster. |p50|:
// milliseconds of one. PAWL_E_IO, PAWL_E_FULL.
enum pawl_err pawl__bench_disk(const char *folder, size_t size, int64_t duration,
                               double *per_second, double *p50, struct pawl_error *error);

// The value at |part| (0 to 1) of |count| numbers, which are sorted by it.
double pawl__bench_quantile(double *values, size_t count, double part);

#endif
