// The world: events in the order of their times, trouble, and then calm, in which all that has
// begun has to end.
//
//   trouble ──► calm: faults off, clocks right, all workers know all versions
//          ──► closing: every daemon in order
//          ──► once more: one daemon reads what they left

#include <stdlib.h>

#include "base/clock.h"
#include "sim.h"

enum {
    WORLD_CALM_STEPS = 150000 // in which all has to end
};

struct sim sim;

// --- events -------------------------------------------------------------------------------------

static bool event_before(const struct sim_event *a, const struct sim_event *b) {
    return a->at != b->at ? a->at < b->at : a->number < b->number;
}

static void event_push(struct sim_event *event) {
    if (sim.event_count == sim.event_cap) {
        sim.event_cap = sim.event_cap ? 2 * sim.event_cap : 256;
        sim.events = realloc(sim.events, sim.event_cap * sizeof(struct sim_event *));
    }
    size_t i = sim.event_count++;
    for (; i && event_before(event, sim.events[(i - 1) / 2]); i = (i - 1) / 2)
        sim.events[i] = sim.events[(i - 1) / 2];
    sim.events[i] = event;
}

static struct sim_event *event_pop(void) {
    if (!sim.event_count) return NULL;
    struct sim_event *first = sim.events[0], *last = sim.events[--sim.event_count];
    size_t i = 0;
    for (size_t child; (child = 2 * i + 1) < sim.event_count; i = child) {
        if (child + 1 < sim.event_count && event_before(sim.events[child + 1], sim.events[child]))
            child++;
        if (!event_before(sim.events[child], last)) break;
        sim.events[i] = sim.events[child];
    }
    sim.events[i] = last;
    return first;
}

struct sim_event *sim_after(int64_t at, void (*run)(struct sim_event *event)) {
    return sim_after_in(NULL, at, run);
}

struct sim_event *sim_after_in(struct sim_daemon *daemon, int64_t at,
                               void (*run)(struct sim_event *event)) {
    struct sim_daemon *was = sim_enter(NULL);
    struct sim_event *event = calloc(1, sizeof *event);
    event->at = sim.now + sim.cost + at;
    event->number = ++sim.event_number;
    event->run = run;
    event->daemon = daemon;
    event->incarnation = daemon ? daemon->incarnation : 0;
    event_push(event);
    sim_enter(was);
    return event;
}

static void event_drop(struct sim_event *event) {
    if (event->drop) event->drop(event->data);
    free(event);
}

static void event_run(struct sim_event *event) {
    if (event->at > sim.now) sim.now = event->at;
    if (event->daemon && event->daemon->incarnation != event->incarnation) {
        event_drop(event);
        return;
    }
    sim.hash = (sim.hash ^ (uint64_t)event->at) * UINT64_C(1099511628211);
    if (event->daemon)
        sim_daemon_run(event);
    else
        event->run(event);
    free(event);
}

// --- trouble ------------------------------------------------------------------------------------

static struct sim_daemon *world_victim(void) {
    struct sim_daemon *daemon = &sim.daemons[sim_below(SIM_DAEMONS)];
    return sim.disk.held && sim_chance(800) ? sim.disk.holder : daemon;
}

static void world_set_clock(struct sim_daemon *daemon) {
    static const int64_t jumps[] = {PAWL_MILLISECOND, 50 * PAWL_MILLISECOND, PAWL_SECOND,
                                    PAWL_MINUTE};
    int64_t jump = sim_time(jumps[sim_below(4)]);
    if (sim_chance(500)) jump = -jump;
    sim_trace(NULL, "the clock of daemon %u is set by %lld ns", daemon->number, (long long)jump);
    daemon->wall_offset += jump;
}

static void world_trouble(void) {
    struct sim_daemon *daemon = world_victim();
    struct sim_worker *worker = &sim.workers[sim_below(SIM_WORKERS)];
    unsigned dice = sim_below(1000);
    if (dice < 500) {
        if (daemon->state != SIM_DOWN && sim_fault(SIM_CRASH, 1000))
            daemon->fate.crash = 1 + (long)sim_below(sim_chance(500) ? 10 : 200);
    } else if (dice < 560) {
        if (daemon->state != SIM_DOWN && sim_fault(SIM_MEMORY, 1000))
            daemon->fate.want = 1 + (long)sim_below(sim_chance(500) ? 10 : 200);
    } else if (dice < 650) {
        if (sim.disk.held && sim_fault(SIM_STEAL, 1000)) {
            sim.counts.points++;
            sim_trace(NULL, "daemon %u loses its lease", sim.disk.holder->number);
            sim_disk_release(sim.disk.holder, 0);
        }
    } else if (dice < 710) {
        if (daemon->state == SIM_UP && sim_fault(SIM_RESTART, 1000)) sim_daemon_close(daemon);
    } else if (dice < 780) {
        if (sim_fault(SIM_CLOCK, 1000)) world_set_clock(daemon);
    } else if (dice < 800) {
        if (sim_fault(SIM_FULL, 1000)) {
            sim.disk.full_until = sim.now + sim_time(5 * PAWL_MILLISECOND);
            sim_trace(NULL, "the disk is full");
        }
    } else if (dice < 900) {
        if (sim_fault(SIM_WORKER, 1000)) sim_worker_kill(worker);
    } else {
        if (sim_fault(SIM_WORKER, 1000)) sim_worker_break(worker);
    }
}

// --- calm ---------------------------------------------------------------------------------------

static void world_help(struct sim_event *event) {
    if (sim.disk.held) sim_workers_follow();
    sim_clients_help();
    if (sim.calm && !sim.closing) sim_after(40 * PAWL_MILLISECOND, event->run);
}

static void world_calm(void) {
    int64_t most = 0;
    sim.calm = true;
    sim_trace(NULL, "the trouble ends");
    for (size_t i = 0; i < SIM_DAEMONS; i++) {
        sim.daemons[i].fate = (struct sim_fate){0};
        if (sim.daemons[i].wall_offset > most) most = sim.daemons[i].wall_offset;
    }
    for (size_t i = 0; i < SIM_DAEMONS; i++) sim.daemons[i].wall_offset = most;
    sim_workers_upgrade();
    sim_after(10 * PAWL_MILLISECOND, world_help);
}

// A call that could have been answered by now; NULL: there is none.
static const struct sim_serving *world_open_call(void) {
    for (size_t i = 0; i < SIM_DAEMONS; i++) {
        struct sim_daemon *daemon = &sim.daemons[i];
        PAWL_LIST_EACH(const struct sim_serving, serving, &daemon->servings, link) {
            // Who waits for what is not there waits on; so does who asked one that does not serve.
            bool may_wait =
                serving->call.waits && (!serving->id->exists || !sim_daemon_owns(daemon));
            if (!may_wait) return serving;
        }
    }
    return NULL;
}

static void world_close(void) {
    sim.closing = true;
    for (size_t i = 0; i < SIM_DAEMONS; i++) sim_daemon_close(&sim.daemons[i]);
}

static bool world_all_down(void) {
    for (size_t i = 0; i < SIM_DAEMONS; i++)
        if (sim.daemons[i].state != SIM_DOWN) return false;
    return true;
}

// What the world waits for; NULL: it is over.
static void world_judge(unsigned long calm_since) {
    const struct pawl_instance *instance = sim_model_unfinished();
    const struct sim_serving *serving = world_open_call();
    const struct pawl_instance *due = sim_model_due(sim_wall(&sim.daemons[0]) + PAWL_SECOND);
    bool served = sim.disk.held && sim.disk.holder->state == SIM_UP;
    // Each may have lost its lease, and have nothing to write, which would tell it.
    bool lost = !sim.disk.held && sim.step - calm_since > WORLD_CALM_STEPS / 2;
    if (!sim.closing && !instance && !serving && !due && (served || lost)) {
        if (served) sim_feed_check(sim.disk.holder);
        world_close();
        return;
    }
    if (sim.step - calm_since < WORLD_CALM_STEPS) return;
    if (instance)
        sim_fail("eventually_completes", instance->id,
                 "%s has not ended: status %d, %u events wait", instance->name,
                 pawl__instance_status(instance), instance->inbox.count);
    else if (serving)
        sim_fail("every_call_is_answered", serving->id->name, "call %u was not",
                 serving->message.number);
    else if (due)
        sim_fail("due_is_purged", due->id, "it ended at %lld, and is there still",
                 (long long)due->completed_at);
    else
        sim_fail("eventually_completes", NULL, "the world does not end");
}

// --- the whole of it ----------------------------------------------------------------------------

// In every third world, workflows that ended are kept for a while only.
static void world_choose_retention(void) {
    if (sim.options.seed % 3) return;
    int64_t *times[] = {&sim.retention.completed, &sim.retention.failed, &sim.retention.terminated};
    for (int i = 0; i < 3; i++)
        if (sim_chance(700)) *times[i] = sim_chance(300) ? 1 : sim_time(30 * PAWL_MILLISECOND);
}

// In every fourth world a batch is soon full, perhaps with one command, and others wait until it is
// written.
static void world_choose_batches(void) {
    if (sim.options.seed % 4 == 1) sim.batch_most = sim_chance(500) ? 1 : 1 + sim_below(2000);
}

static void world_begin(const struct sim_options *options) {
    sim = (struct sim){.options = *options};
    sim.random = (options->seed + 1) * UINT64_C(0x9e3779b97f4a7c15);
    sim.hash = UINT64_C(14695981039346656037);
    static const unsigned every[] = {20, 80, 300};
    sim.fault_every = 8 + sim_below(every[sim_below(3)]);
    world_choose_retention();
    world_choose_batches();
    sim_disk_open();
    sim_model_open();
    for (unsigned i = 0; i < SIM_DAEMONS; i++) {
        struct sim_daemon *daemon = &sim.daemons[i];
        daemon->number = i;
        pawl__link_init(&daemon->blocks);
        pawl__link_init(&daemon->sessions);
        pawl__link_init(&daemon->servings);
        sim_daemon_start(daemon);
    }
    sim_workers_begin();
    sim_clients_begin();
    sim_state_begin();
}

static void world_end(void) {
    for (size_t i = 0; i < SIM_DAEMONS; i++) sim_heap_drop(&sim.daemons[i]);
    for (size_t i = 0; i < sim.event_count; i++) event_drop(sim.events[i]);
    free(sim.events);
    sim_workers_end();
    sim_model_close();
    sim_disk_close();
    pawl__arena_finish(&sim.arena);
}

// Steps to the next event. False: there is none.
static bool world_step(void) {
    struct sim_event *event = event_pop();
    if (!event) return false;
    sim.step++;
    pawl__arena_reset(&sim.arena);
    event_run(event);
    return true;
}

static void world_read_again(void) {
    sim.reading = true;
    sim_daemon_start(&sim.daemons[0]);
    for (int i = 0; i < 1000 && sim.reading && !sim.failed; i++)
        if (!world_step()) break;
    if (sim.reading && !sim.failed)
        sim_fail("the_log_can_be_read", NULL, "after all were closed in order, nobody serves");
}

bool sim_run(const struct sim_options *options) {
    world_begin(options);
    while (!sim.failed && sim.step < options->steps && world_step())
        if (sim_below(sim.fault_every) == 0) world_trouble();
    if (!sim.failed) world_calm();
    unsigned long calm_since = sim.step;
    while (!sim.failed && !(sim.closing && world_all_down()) && world_step())
        world_judge(calm_since);
    if (!sim.failed) world_read_again();
    sim.counts.worlds++;
    sim.counts.steps += sim.step;
    bool ok = !sim.failed;
    world_end();
    return ok;
}
