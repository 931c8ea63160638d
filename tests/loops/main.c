// The worlds: trouble, then a calm in which all has to end, then the end of the process.
//
//   pawl-loops [--seed N] [--seconds N] [--worlds N] [--trace]

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "loops.h"
#include "store/memory/memory.h"

enum {
    TROUBLE_MS = 6000,
    SETTLED_MS = 3000, // what was lost is noticed by then
    CALM_SECONDS = 60,
    STOP_SECONDS = 40, // what is parked has 20 s, and the grace is over by then
    TURNS = 3000000    // of a world at most
};

struct world world;

void broken(const char *invariant, const char *format, ...) {
    va_list args;
    va_start(args, format);
    printf("broken: %s: ", invariant);
    vprintf(format, args);
    printf("\n  again: pawl-loops --seed %llu --worlds 1 --trace\n",
           (unsigned long long)world.seed);
    va_end(args);
    fflush(stdout);
    _exit(1);
}

void upset(void) {
    world.upset_at = world.now;
}

bool is_settled(int64_t time) {
    return world.upset_at + SETTLED_MS * PAWL_MILLISECOND < time;
}

void say(const char *format, ...) {
    if (!world.trace) return;
    va_list args;
    va_start(args, format);
    printf("%10.3f ms  ", (double)world.now / PAWL_MILLISECOND);
    vprintf(format, args);
    printf("\n");
    va_end(args);
}

// --- trouble -------------------------------------------------------------------------------------

static struct loop *world_loop(void) {
    return &world.loops[below((unsigned)world.count)];
}

static void trouble_lag(struct loop *loop) {
    bool long_one = !world.quiet && !below(12);
    int64_t lag = long_one ? below(5000) * PAWL_MILLISECOND : below(30000) * 1000;
    if (long_one) upset(); // some may take it to be dead
    if (!schedule_is_free(loop)) return;
    loop->lags_until = world.now + lag;
    if (long_one) say("loop %zu lags for %lld ms", loop->index, (long long)lag / PAWL_MILLISECOND);
}

// How long its leases last by now, of all shards.
static int64_t trouble_leased(const struct loop *loop) {
    int64_t until = 0;
    for (uint32_t i = 0; i < loop->node->count; i++) {
        const struct pawl_residency *residency = &loop->node->partitions[i].residency;
        if (pawl__residency_serves(residency) && residency->leased_until > until)
            until = residency->leased_until;
    }
    return until - pawl__clock_steady();
}

static void trouble_give_all(struct loop *loop) {
    world.at = loop;
    for (uint32_t i = 0; i < loop->node->count; i++)
        pawl__partition_give(&loop->node->partitions[i]);
    world.at = NULL;
}

// All workers begin anew: as commits have failed, or as others were given its part of a limit.
static void trouble_reset(struct loop *loop) {
    const struct pawl_error error = {PAWL_E_UNAVAILABLE, "a commit has failed"};
    bool fails = below(2);
    world.at = loop;
    for (uint32_t i = 0; fails && i < loop->node->count; i++) {
        struct pawl_residency *residency = &loop->node->partitions[i].residency;
        if (pawl__residency_serves(residency)) pawl__residency_fail(residency, &error);
    }
    if (!fails) pawl__dispatch_reset(&loop->node->dispatch);
    world.at = NULL;
}

// |lender| has just lent an activity, and sleeps until others have its shards. So does the loop
// that it has lent it to, but not for so long that it would drop it. A third one could do the same.
// Or |lender| gives its shards away, and the other one sleeps for so long that it drops it, or not.
// Or all workers of |lender| begin anew.
static void trouble_sleep(struct loop *lender) {
    if (!schedule_is_free(lender) || !lender->node || world.now < world.sleeps_at) return;
    for (size_t i = 0; i < world.count; i++) {
        struct loop *borrower = &world.loops[i];
        bool told = borrower != lender && borrower->node && schedule_is_told(borrower);
        if (!told || !workers_work_elsewhere(lender, borrower)) continue;
        int64_t late = 2 * PAWL_SECOND; // what was lent is dropped after it
        bool gives = world.seed / 3 % 4 == 0, resets = world.seed / 3 % 4 == 1;
        if (!gives && !resets && late < trouble_leased(lender) + 100 * PAWL_MILLISECOND) continue;
        upset();
        world.sleeps_at = world.now + PAWL_SECOND;
        say("loop %zu %s, and loop %zu sleeps with what it was lent", lender->index,
            gives    ? "gives its shards away"
            : resets ? "has its workers begin anew"
                     : "sleeps",
            borrower->index);
        borrower->lags_until = world.now + late - below(50) * PAWL_MILLISECOND;
        if (gives && below(2)) borrower->lags_until += (100 + below(200)) * PAWL_MILLISECOND;
        if (gives)
            trouble_give_all(lender);
        else if (resets)
            trouble_reset(lender);
        else
            lender->lags_until = world.now + (2000 + below(1500)) * PAWL_MILLISECOND;
        return;
    }
}

static void trouble_give(struct loop *loop) {
    if (loop->state != LOOP_UP || !schedule_is_free(loop) || !loop->node->count) return;
    world.at = loop;
    pawl__partition_give(&loop->node->partitions[below(SHARDS)]);
    world.at = NULL;
}

static void world_go_round(void) {
    struct loop *loop = world_loop();
    if (!schedule_is_free(loop)) return;
    world.at = loop;
    process_go_round(loop);
    world.at = NULL;
}

static void trouble(void) {
    unsigned dice = below(100);
    if (dice < 55)
        trouble_lag(world_loop());
    else if (dice < 80)
        worker_trouble();
    else if (dice < 88)
        trouble_give(world_loop());
    else if (dice < 92)
        world.commits = below(2) ? COMMITS_FAIL_BEFORE : COMMITS_FAIL_AFTER;
    else if (dice < 94 && process_runs() && world.loops[0].state == LOOP_UP)
        process_stop();
    world.at = NULL;
}

// Loops that lag for long upset things when they go on, too.
static void watch_lags(void) {
    for (size_t i = 0; i < world.count; i++)
        if (!schedule_is_free(&world.loops[i]) &&
            world.loops[i].lags_until > world.now + PAWL_SECOND)
            upset();
}

// --- a world -------------------------------------------------------------------------------------

// One step; lets the process begin again some time after it has ended.
static void world_step(void) {
    bool runs = process_runs();
    int64_t since = world.now - world.started_at;
    if (!runs && since > 300 * PAWL_MILLISECOND) process_begin();
    if (world.loops[0].state != LOOP_UP && runs && since > STOP_SECONDS * PAWL_SECOND)
        broken("a_stop_ends_all", "the process has not ended");
    if (world.turns > TURNS) broken("no_work_starves", "the world does not end");
    watch_lags();
    schedule_step();
}

static void world_calm_down(void) {
    say("the trouble ends");
    world.calm = true;
    world.commits = COMMITS_WELL;
}

static void world_add_absent(void) {
    struct pawl_error error;
    const struct pawl_member absent = {
        .id = PAWL_STR("absent"), .address = PAWL_STR("absent"), .info = PAWL_STR(""), .loops = 1};
    if (world.store->ops->put_member(world.store, PAWL_STR("default/app"), &absent, 0, &error))
        abort();
}

static unsigned long world_run(uint64_t seed, bool trace) {
    world = (struct world){.seed = seed, .trace = trace};
    world.random = seed * UINT64_C(0x9e3779b97f4a7c15) + 1;
    world.count = 2 + below(LOOPS - 1);
    unsigned every = 20 + below(400); // turns
    world.quiet = seed % 3 == 0;
    world.sleepy = seed % 3 == 1;
    if (world.sleepy) world.count = LOOPS;
    struct pawl_error error;
    if (pawl__memory_open(&world.store, &error)) abort();
    if (seed % 2) world_add_absent();
    workers_begin();
    clients_begin();
    process_begin();
    while (world.now < TROUBLE_MS * PAWL_MILLISECOND) {
        if (!below(100)) world_go_round();
        if (world.sleepy && world.lender) trouble_sleep(world.lender);
        if (world.quiet && !below(every)) trouble_lag(world_loop());
        if (!world.quiet && !below(every)) trouble();
        world_step();
    }
    world_calm_down();
    int64_t end = world.now + CALM_SECONDS * PAWL_SECOND;
    while (!clients_are_content() || !clients_check()) {
        if (world.now > end) broken("no_work_starves", "something has not ended in the calm");
        world_step();
    }
    while (world.loops[0].state != LOOP_UP) world_step();
    process_stop();
    while (process_runs()) world_step();
    world.store->ops->close(world.store);
    return world.stops;
}

static double seconds_now(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

int main(int argc, char **argv) {
    uint64_t seed = 1;
    unsigned long most = 0, worlds = 0, stops = 0, turns = 0;
    double limit = 10, began = seconds_now();
    bool trace = false;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--trace") == 0) trace = true;
        if (i + 1 == argc) break;
        if (strcmp(argv[i], "--seed") == 0) seed = strtoull(argv[i + 1], NULL, 10);
        if (strcmp(argv[i], "--seconds") == 0) limit = atof(argv[i + 1]);
        if (strcmp(argv[i], "--worlds") == 0) most = strtoul(argv[i + 1], NULL, 10);
    }
    heap_watch();
    do {
        stops += world_run(seed + worlds++, trace);
        turns += world.turns;
    } while (most ? worlds < most : seconds_now() - began < limit);
    printf("%lu worlds, %lu turns, %lu stops in %.1f s: all invariants held\n", worlds, turns,
           stops, seconds_now() - began);
    return 0;
}
