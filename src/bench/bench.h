#ifndef PAWL_BENCH_BENCH_H
#define PAWL_BENCH_BENCH_H

// Measures how fast workflows run here: in this process on a file or in memory, or on a daemon; and
// beside it what the machine itself gives.
//
//   measure.c: rounds and bounds ──► run.c: workflows ──► workloads.c
//        │                              └──► process.c: processor time, bytes, memory
//        ├──► disk.c: synced writes      columns.c: how a result looks
//        └──► echo.c: empty calls        daemon.c: a daemon of our own to measure

#include <jansson.h>
#include <pawl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/types.h>

#include "base/err.h"

// What a workflow does, over and over. Its units are the steps that are counted.
struct pawl_workload {
    const char *name;
    const char *summary;
    int units;                 // in one workflow
    int events;                // to raise once it has started
    bool is_left;              // it is done once it has begun to wait, and is left so
    pawl_workflow_fn function; // NULL: no workflows, only the machine's bounds
};

// Ends with a NULL name.
extern const struct pawl_workload pawl__workloads[];

// The child and the activity that they use, which may be a quick one; adds all of pawl__workloads,
// too.
enum pawl_err pawl__workloads_add(struct pawl *pawl, bool quick);

struct pawl_bench_options {
    const char *target; // as for pawl_open
    const char
        *folder; // on the disk that the store is on; NULL: there is no disk, or it is not known
    const struct pawl_workload *workload;
    bool quick;   // activities run on Pawl's own thread
    bool names;   // ids are the client's, as those of Dapr's SDKs are; else left to the daemon
    bool bare;    // one round, without the bounds: another measurement may run at the same time
    size_t loops; // of this process, as for pawl_open
    size_t in_flight;
    size_t payload;         // bytes of each step's input and result
    int64_t duration;       // nanoseconds
    uint64_t max_workflows; // ends before |duration| after so many; 0: no limit
    // Called now and then.
    void (*progress)(void *arg, double units_per_second);
    void *arg;
};

// What was measured. Negative: not known, or there is no such thing.
struct pawl_bench_result {
    double workflows, seconds, units_per_second;
    double p50_ms, p99_ms, p999_ms; // of a workflow, from its start to its end
    double cpu_us, daemon_us;       // of this process and the daemon's, per unit
    double commits, bytes;          // per unit
    double commits_per_second;
    double commit_bytes; // of one commit, on average
    double rss_mib, daemon_mib;

    // What the machine gives.
    double syncs_per_second, sync_ms; // writes of 4 KiB, each synced; the median of one
    double raw_per_second;            // synced writes of |commit_bytes|
    double echoes_per_second, echo_ms;
    double echo_us;    // processor time of an empty call, of both processes // empty gRPC calls, as
                       // many in flight
    double of_disk;    // commits / raw writes
    double of_echo;    // units / empty calls
    double others;     // the share of all cores that other processes had meanwhile
    double of_cpu;     // processor time of both / what all cores have
    double syncs_long; // a unit's time in a workflow / the time of a sync
};

// Short rounds of the run and of the bounds, in turn, so that what else the machine does hits them
// alike. Errors are those of the functions below.
enum pawl_err pawl__bench_measure(const struct pawl_bench_options *options,
                                  struct pawl_bench_result *out, struct pawl_error *error);

// A run of the workload, in rounds. |options| outlives it.
struct pawl_bench;

// Errors are those of pawl_open and pawl_work.
enum pawl_err pawl__bench_open(const struct pawl_bench_options *options, struct pawl_bench **out,
                               struct pawl_error *error);

// Starts workflows for |duration| nanoseconds, and waits for them to end. The first error of a
// call; PAWL_E_FAILED: a workflow has failed. PAWL_E_CANCELED: one of pawl__bench_signals came,
// which the caller has blocked.
enum pawl_err pawl__bench_round(struct pawl_bench *bench, int64_t duration,
                                struct pawl_error *error);

void pawl__bench_signals(sigset_t *out);

// Fills the first part of |out| with what all rounds were.
void pawl__bench_result(struct pawl_bench *bench, struct pawl_bench_result *out);

void pawl__bench_close(struct pawl_bench *bench);

// How many writes of |size| bytes the disk under |folder| takes a second, one after the other into
// space that the file already has, each followed by fdatasync: nothing durable is faster. |p50|:
// milliseconds of one. PAWL_E_IO, PAWL_E_FULL.
enum pawl_err pawl__bench_disk(const char *folder, size_t size, int64_t duration,
                               double *per_second, double *p50, struct pawl_error *error);

// How many empty calls the daemon at |target| answers a second, |in_flight| at a time: no gRPC
// service is faster. |p50|: milliseconds of one. |count|: of all. PAWL_E_UNAVAILABLE, or what a
// call fails with.
enum pawl_err pawl__bench_echo(const char *target, size_t in_flight, int64_t duration,
                               double *per_second, double *p50, double *count,
                               struct pawl_error *error);

// The value at |part| (0 to 1) of |count| numbers, which are sorted by it.
double pawl__bench_quantile(double *values, size_t count, double part);

// What a process has used up to now; negative: not known.
struct pawl_bench_usage {
    double cpu_us;
    double written; // bytes that went, or will go, to a disk
    double rss_mib;
};

struct pawl_bench_usage pawl__bench_usage(pid_t pid);

// Microseconds that all cores together have been busy, or were not given to this machine; negative:
// not known.
double pawl__bench_busy(void);

// What a Pawl daemon tells of itself; its process only when it is on this machine.
struct pawl_bench_peer {
    pid_t pid;        // 0: not known
    uint64_t commits; // UINT64_MAX: not known
};

struct pawl_bench_peer pawl__bench_peer(const char *target);

// A daemon of our own, in a new folder in |folder|.
struct pawl_bench_daemon {
    pid_t pid;
    char folder[4096];
    char target[64]; // for pawl_open
    bool is_kept;    // its store: it is ended in good order
};

// |component|: the file of a component with the store that it uses; NULL: a store of its own in the
// folder, or in memory. PAWL_E_IO, PAWL_E_UNAVAILABLE: it did not start, with the end of its log.
enum pawl_err pawl__bench_daemon_start(struct pawl_bench_daemon *daemon, const char *folder,
                                       const char *component, bool in_memory,
                                       struct pawl_error *error);

// Ends it, and removes its folder. Does nothing for one that did not start.
void pawl__bench_daemon_stop(struct pawl_bench_daemon *daemon);

// What there is to show.
enum pawl_bench_look {
    PAWL_BENCH_DAEMON = 1,
    PAWL_BENCH_DISK = 2,
};

// A result as a row of a table, under the names of its columns, or as JSON. |look|: of enum
// pawl_bench_look.
void pawl__bench_print_head(FILE *out, unsigned look);
void pawl__bench_print(FILE *out, unsigned look, const struct pawl_bench_options *options,
                       const struct pawl_bench_result *result);
json_t *pawl__bench_json(const struct pawl_bench_options *options,
                         const struct pawl_bench_result *result);

#endif
