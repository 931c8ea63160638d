// pawl-sim [--seed N] [--steps N] [--runs N | --seconds N | --points N] [--jobs N] [--ids N]
//          [--without crash,steal,...] [--trace] [--about ID] [--hash] [--brief]
//
// Runs worlds, one per seed from --seed on, until one fails, --runs are done, --seconds are over,
// or
// --points crash points were made, in --jobs processes. Of a world that fails it tells the shortest
// form that it finds, and how to repeat it.

#include <getopt.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "sim.h"

enum {
    MAIN_JOBS = 64
};

struct job {
    struct sim_counts counts; // of the worlds that are over
    uint64_t seed;            // of the one that runs
    uint64_t hash;            // of all
    pid_t pid;
};

static struct {
    struct sim_options world;
    unsigned long runs, seconds, points, jobs;
    bool hash, progress, brief; // brief: a failure is not made short
} options = {.world = {.seed = 1, .steps = 4000, .ids = 12}, .runs = 1, .jobs = 1};

static double main_seconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void counts_add(struct sim_counts *sum, const struct sim_counts *counts) {
    unsigned long *to = (unsigned long *)sum;
    const unsigned long *from = (const unsigned long *)counts;
    for (size_t i = 0; i < sizeof *sum / sizeof *to; i++) to[i] += from[i];
}

// Whether |job|, which has done |worlds|, has another to do.
static bool job_goes_on(const struct job *job, unsigned long worlds, double began) {
    if (options.points) return job->counts.points < options.points / options.jobs;
    if (options.seconds) return main_seconds() - began < (double)options.seconds;
    return worlds < options.runs;
}

// Runs every |jobs|th world from |number| on.
static int job_run(struct job *job, unsigned long number) {
    double began = main_seconds();
    struct sim_options world = options.world;
    for (unsigned long i = number; job_goes_on(job, i, began); i += options.jobs) {
        world.seed = job->seed = options.world.seed + i;
        alarm(SIM_SECONDS);
        bool ok = sim_run(&world);
        counts_add(&job->counts, &sim.counts);
        if (!ok) return 1;
        job->hash = (job->hash ^ sim.hash) * UINT64_C(1099511628211);
    }
    return 0;
}

// --- telling ------------------------------------------------------------------------------------

static void tell(const struct sim_counts *all, double took) {
    printf("%lu worlds, %lu steps in %.1f s: %lu crash points (%.0f a second)\n", all->worlds,
           all->steps, took, all->points, (double)all->points / took);
    for (int i = 0; i < SIM_FAULTS; i++)
        printf("%s%s %lu", i ? ", " : "trouble: ", sim_fault_names[i], all->faults[i]);
    printf("\n%lu commits, %lu recoveries, %lu snapshots, %lu starts, %lu turns, %lu activities, "
           "%lu timers, %lu ends, %lu stalls, %lu reads, %lu lists, %lu late results, %lu purges "
           "that were due, %lu told, %lu with nobody to take it, %lu reruns, %lu histories passed "
           "on, %lu changes fed\n",
           all->commits, all->recoveries, all->snapshots, all->starts, all->turns, all->activities,
           all->timers, all->ended, all->stalls, all->reads, all->lists, all->late_results,
           all->retained, all->told, all->dropped, all->reruns, all->passed, all->changes);
}

static struct sim_counts jobs_sum(const struct job *jobs) {
    struct sim_counts all = {0};
    for (unsigned long i = 0; i < options.jobs; i++) counts_add(&all, &jobs[i].counts);
    return all;
}

static void show_progress(const struct job *jobs, double began) {
    struct sim_counts all = jobs_sum(jobs);
    double took = main_seconds() - began;
    fprintf(stderr, "%6.0f s: %lu worlds, %lu crash points, %.0f a second\n", took, all.worlds,
            all.points, (double)all.points / took);
}

// --- jobs ---------------------------------------------------------------------------------------

// Waits until all have ended, or one has failed; gives that one.
static struct job *jobs_wait(struct job *jobs, double began) {
    struct job *failed = NULL;
    double told = began;
    for (unsigned long left = options.jobs; left;) {
        int status;
        pid_t pid = waitpid(-1, &status, options.progress ? WNOHANG : 0);
        if (pid == 0) {
            usleep(100000);
            if (main_seconds() - told < 10) continue;
            told = main_seconds();
            show_progress(jobs, began);
            continue;
        }
        left--;
        for (unsigned long i = 0; i < options.jobs; i++) {
            if (jobs[i].pid == pid && status && !failed) failed = &jobs[i];
            if (jobs[i].pid == pid) jobs[i].pid = 0;
        }
        for (unsigned long i = 0; failed && i < options.jobs; i++)
            if (jobs[i].pid) kill(jobs[i].pid, SIGKILL);
    }
    return failed;
}

static unsigned parse_without(char *list) {
    unsigned without = 0;
    for (char *name; (name = strsep(&list, ","));) {
        int i = 0;
        while (i < SIM_FAULTS && strcmp(sim_fault_names[i], name) != 0) i++;
        if (i == SIM_FAULTS) {
            fprintf(stderr, "pawl-sim: no trouble is called '%s'\n", name);
            exit(2);
        }
        without |= 1u << i;
    }
    return without;
}

static void parse(int argc, char **argv) {
    static const struct option known[] = {
        {"seed", required_argument, NULL, 's'},   {"steps", required_argument, NULL, 'n'},
        {"runs", required_argument, NULL, 'r'},   {"seconds", required_argument, NULL, 't'},
        {"points", required_argument, NULL, 'p'}, {"jobs", required_argument, NULL, 'j'},
        {"ids", required_argument, NULL, 'i'},    {"without", required_argument, NULL, 'w'},
        {"about", required_argument, NULL, 'a'},  {"trace", no_argument, NULL, 'v'},
        {"progress", no_argument, NULL, 'P'},     {"hash", no_argument, NULL, 'h'},
        {"brief", no_argument, NULL, 'b'},        {0},
    };
    for (int c; (c = getopt_long(argc, argv, "", known, NULL)) != -1;) {
        switch (c) {
        case 's': options.world.seed = strtoull(optarg, NULL, 10); break;
        case 'n': options.world.steps = strtoul(optarg, NULL, 10); break;
        case 'r': options.runs = strtoul(optarg, NULL, 10); break;
        case 't': options.seconds = strtoul(optarg, NULL, 10); break;
        case 'p': options.points = strtoul(optarg, NULL, 10); break;
        case 'j': options.jobs = strtoul(optarg, NULL, 10); break;
        case 'i': options.world.ids = (unsigned)strtoul(optarg, NULL, 10); break;
        case 'w': options.world.without = parse_without(optarg); break;
        case 'a': options.world.about = optarg; break;
        case 'v': options.world.trace = true; break;
        case 'P': options.progress = true; break;
        case 'h': options.hash = true; break;
        case 'b': options.brief = true; break;
        default: exit(2);
        }
    }
    if (!options.jobs || options.jobs > MAIN_JOBS) options.jobs = MAIN_JOBS;
    if (!options.world.ids) options.world.ids = 1;
#ifndef NDEBUG
    options.world.without |= 1u << SIM_MEMORY; // the shadow of debug builds cannot do without
#endif
}

int main(int argc, char **argv) {
    parse(argc, argv);
    struct job *jobs = mmap(NULL, MAIN_JOBS * sizeof *jobs, PROT_READ | PROT_WRITE,
                            MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (jobs == MAP_FAILED) return 2;
    double began = main_seconds();
    for (unsigned long i = 0; i < options.jobs; i++) {
        pid_t pid = fork();
        if (pid < 0) return 2;
        if (pid == 0) return job_run(&jobs[i], i);
        jobs[i].pid = pid;
    }
    const struct job *failed = jobs_wait(jobs, began);
    struct sim_counts all = jobs_sum(jobs);
    tell(&all, main_seconds() - began);
    if (options.hash) {
        uint64_t hash = 0;
        for (unsigned long i = 0; i < options.jobs; i++) hash ^= jobs[i].hash;
        printf("hash %016llx\n", (unsigned long long)hash);
    }
    if (failed) {
        struct sim_options world = options.world;
        world.seed = failed->seed;
        sim_shrink(&world, options.brief);
        return 1;
    }
    puts("all invariants held");
    return 0;
}
