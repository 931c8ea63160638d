// store_faults [--seconds N] [--seed N]
// store_faults --seed N --steps N --batch N --at N --fault NAME [--length N --mix N --draw N]
//
// The first form is a campaign. Of a small scenario every operation gets every fault; then come
// bigger ones, some of which make the WAL so long that it is checkpointed while they work, with
// random faults; then the next small one, until the time is over. The second form is one run, as a
// failure names it.

#include "run.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"

#define RANDOM_SCENARIOS 40 // for each small one

struct campaign {
    char folder[64];
    uint64_t seed;
    int64_t begin, end, told;
    struct run_counts counts;
};

static void campaign_tell(struct campaign *c, const char *what, bool always) {
    int64_t now = pawl__clock_steady();
    if (!always && now - c->told < 5 * PAWL_SECOND) return;
    c->told = now;
    const struct run_counts *n = &c->counts;
    printf("%4.0f s: %s; %llu runs, %llu operations, faults:", (double)(now - c->begin) / 1e9, what,
           (unsigned long long)n->runs, (unsigned long long)n->operations);
    for (int f = 1; f < FAULT_COUNT; f++)
        printf(" %s %llu", fault_names[f], (unsigned long long)n->fired[f]);
    printf("; %llu commits, %llu failed, %llu of them had happened\n",
           (unsigned long long)n->commits, (unsigned long long)n->failed,
           (unsigned long long)n->happened);
    fflush(stdout);
}

// How many operations |scenario| has without a fault; 0: it fails.
static uint64_t campaign_measure(struct campaign *c, const struct run_scenario *scenario) {
    struct fault_plan none = {.fault = FAULT_NONE};
    uint64_t before = c->counts.operations;
    return run(c->folder, scenario, &none, &c->counts) ? c->counts.operations - before : 0;
}

static bool campaign_all(struct campaign *c, const struct run_scenario *scenario) {
    static const struct {
        enum fault fault;
        enum disk_mix mix;
        uint64_t length;
    } kinds[] = {
        {FAULT_IO, 0, 1},
        {FAULT_IO, 0, 1000},
        {FAULT_FULL, 0, 1},
        {FAULT_FULL, 0, 1000},
        {FAULT_SHORT, 0, 1},
        {FAULT_LOST, DISK_NOTHING, 1},
        {FAULT_LOST, DISK_MIXED, 1},
        {FAULT_KILL, 0, 1},
        {FAULT_KILL, 0, 1},
        {FAULT_CUT, DISK_NOTHING, 1},
        {FAULT_CUT, DISK_EVERYTHING, 1},
        {FAULT_CUT, DISK_MIXED, 1},
        {FAULT_CUT, DISK_MIXED, 1},
        {FAULT_CUT, DISK_MIXED, 1},
    };
    char what[80];
    uint64_t operations = campaign_measure(c, scenario);
    if (!operations) return false;
    for (uint64_t at = 1; at <= operations; at++) {
        for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++) {
            struct fault_plan plan = {at,           kinds[k].length,        kinds[k].fault,
                                      kinds[k].mix, at * 100 + k + c->seed, NULL};
            if (!run(c->folder, scenario, &plan, &c->counts)) return false;
        }
        snprintf(what, sizeof what, "scenario %llu, operation %llu of %llu",
                 (unsigned long long)scenario->seed, (unsigned long long)at,
                 (unsigned long long)operations);
        campaign_tell(c, what, at == operations);
    }
    return true;
}

static bool campaign_random(struct campaign *c, uint64_t seed) {
    static const size_t batches[] = {500, 6000, 100000};
    uint64_t draw = seed;
    size_t size = disk_random(&draw) % 3;
    struct run_scenario scenario = {
        .seed = seed, .steps = size == 2 ? 250 : 80, .batch = batches[size]};
    char what[80];
    uint64_t operations = campaign_measure(c, &scenario);
    if (!operations) return false;
    for (int i = 0; i < 20; i++) {
        struct fault_plan plan = {.at = 1 + disk_random(&draw) % operations,
                                  .length = disk_random(&draw) & 1 ? 1 : 40,
                                  .fault = 1 + disk_random(&draw) % (FAULT_COUNT - 1),
                                  .mix = disk_random(&draw) % 3,
                                  .seed = disk_random(&draw)};
        if (disk_random(&draw) & 1) plan.fault = FAULT_CUT, plan.mix = DISK_MIXED;
        if (!run(c->folder, &scenario, &plan, &c->counts)) return false;
    }
    snprintf(what, sizeof what, "random scenario %llu", (unsigned long long)seed);
    campaign_tell(c, what, false);
    return true;
}

static enum fault main_fault(const char *name) {
    for (int f = 0; f < FAULT_COUNT; f++)
        if (strcmp(name, fault_names[f]) == 0) return (enum fault)f;
    fprintf(stderr, "there is no fault %s\n", name);
    exit(2);
}

int main(int argc, char **argv) {
    static const struct option options[] = {
        {"seconds", required_argument, NULL, 't'}, {"seed", required_argument, NULL, 's'},
        {"steps", required_argument, NULL, 'n'},   {"batch", required_argument, NULL, 'b'},
        {"at", required_argument, NULL, 'a'},      {"fault", required_argument, NULL, 'f'},
        {"length", required_argument, NULL, 'l'},  {"mix", required_argument, NULL, 'm'},
        {"draw", required_argument, NULL, 'd'},    {0},
    };
    struct campaign c = {.seed = 2, .begin = pawl__clock_steady()};
    struct run_scenario one = {.steps = 14, .batch = 1500};
    struct fault_plan plan = {.length = 1};
    unsigned long seconds = 20;
    for (int o; (o = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        switch (o) {
        case 't': seconds = strtoul(optarg, NULL, 10); break;
        case 's': c.seed = strtoull(optarg, NULL, 10); break;
        case 'n': one.steps = strtoul(optarg, NULL, 10); break;
        case 'b': one.batch = strtoul(optarg, NULL, 10); break;
        case 'a': plan.at = strtoull(optarg, NULL, 10); break;
        case 'f': plan.fault = main_fault(optarg); break;
        case 'l': plan.length = strtoull(optarg, NULL, 10); break;
        case 'm': plan.mix = (enum disk_mix)atoi(optarg); break;
        case 'd': plan.seed = strtoull(optarg, NULL, 10); break;
        default: return 2;
        }
    }
    const char *tmp = getenv("TMPDIR");
    snprintf(c.folder, sizeof c.folder, "%s/pawl-faults-XXXXXX",
             tmp && strlen(tmp) < 40         ? tmp
             : access("/dev/shm", W_OK) == 0 ? "/dev/shm" // nothing is really synced
                                             : "/tmp");
    if (!mkdtemp(c.folder)) return perror(c.folder), 1;
    faults_install();
    c.end = c.begin + (int64_t)seconds * PAWL_SECOND;
    bool ok = true;
    if (plan.at) {
        one.seed = c.seed;
        ok = run(c.folder, &one, &plan, &c.counts);
    } else {
        uint64_t seed = c.seed * 1000;
        do {
            one.seed = c.seed++;
            ok = campaign_all(&c, &one);
            for (int i = 0; ok && i < RANDOM_SCENARIOS; i++) {
                if (i && pawl__clock_steady() >= c.end) break;
                ok = campaign_random(&c, seed++);
            }
        } while (ok && pawl__clock_steady() < c.end);
    }
    campaign_tell(&c, ok ? "all of it held" : "stopped", true);
    char command[96];
    snprintf(command, sizeof command, "rm -rf '%s'", c.folder);
    if (system(command) != 0) return 1;
    return ok ? 0 : 1;
}
