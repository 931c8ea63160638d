// pawl-sim [--seed N] [--steps N] [--runs N] [--seconds N] [--verbose]
//
// Runs worlds, one per seed from --seed on, until one fails, --runs are done or --seconds are over.

#include "sim.h"

#include <getopt.h>
#include <stdlib.h>

#include "base/clock.h"

int main(int argc, char **argv) {
    static const struct option options[] = {
        {"seed", required_argument, NULL, 's'}, {"steps", required_argument, NULL, 'n'},
        {"runs", required_argument, NULL, 'r'}, {"seconds", required_argument, NULL, 't'},
        {"verbose", no_argument, NULL, 'v'},    {0},
    };
    struct sim_options sim = {.seed = 1, .steps = 20000};
    unsigned long runs = 1, seconds = 0, done = 0;
    for (int c; (c = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        switch (c) {
        case 's': sim.seed = strtoull(optarg, NULL, 10); break;
        case 'n': sim.steps = strtoul(optarg, NULL, 10); break;
        case 'r': runs = strtoul(optarg, NULL, 10); break;
        case 't':
            seconds = strtoul(optarg, NULL, 10);
            runs = 0;
            break;
        case 'v': sim.verbose = true; break;
        default: return 2;
        }
    }
    struct sim_counts all = {0};
    unsigned long *sums = (unsigned long *)&all;
    int64_t begin = pawl__clock_steady(), end = begin + (int64_t)seconds * PAWL_SECOND;
    bool ok = true;
    for (; ok && (runs ? done < runs : pawl__clock_steady() < end); done++, sim.seed++) {
        struct sim_counts counts = {0};
        ok = sim_run(&sim, &counts);
        const unsigned long *values = (const unsigned long *)&counts;
        for (size_t i = 0; i < sizeof counts / sizeof *values; i++) sums[i] += values[i];
    }
    double took = (double)(pawl__clock_steady() - begin) / 1e9;
    unsigned long points = all.crashes + all.failed_commits;
    printf("%lu worlds of %lu steps in %.1f s: %lu crashes and %lu failed commits (%.0f a second)\n"
           "%lu starts, %lu turns, %lu activities, %lu timers, %lu stalls, %lu commits, "
           "%lu snapshots, %lu trims, %lu evictions, %lu loads, %lu batches read again\n",
           done, sim.steps, took, all.crashes, all.failed_commits, (double)points / took,
           all.starts, all.turns, all.activities, all.timers, all.stalls, all.commits,
           all.snapshots, all.trims, all.evictions, all.loads, all.replayed);
    if (ok) puts("all invariants held");
    return ok ? 0 : 1;
}
