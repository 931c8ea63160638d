// A daemon: a store, a storage and a node on a loop, as src/cli puts them together. It starts,
// serves, is closed in order, or crashes.

#include <stdlib.h>

#include "base/clock.h"
#include "sim.h"

static void daemon_on_ready(void *arg, bool ready, const struct pawl_error *reason) {
    struct sim_daemon *daemon = arg, *was = sim_enter(NULL);
    sim_trace(NULL, "daemon %u %s %s", daemon->number,
              ready ? "serves" : "does not serve:", ready ? "" : reason->text);
    if (ready) sim_model_recovered(daemon);
    if (!ready && reason->code == PAWL_E_NOMEM && !daemon->refused)
        sim_fail("memory_is_not_wasted", NULL, "daemon %u says that it has none left",
                 daemon->number);
    sim.reading = sim.reading && !ready;
    sim_enter(was);
}

static void daemon_log(void *arg, enum pawl_log_level level, const char *line) {
    const struct sim_daemon *daemon = arg;
    if (sim.options.trace) fprintf(stderr, "      daemon %u: %s\n", daemon->number, line);
}

static void daemon_start(struct sim_event *event) {
    static struct pawl_log logs[SIM_DAEMONS];
    struct sim_daemon *daemon = event->daemon;
    if (sim.closing && !sim.reading) return; // it was about to
    struct pawl_log *log = &logs[daemon->number];
    *log = (struct pawl_log){.level = PAWL_LOG_DEBUG, .write = daemon_log, .arg = daemon};
    sim_trace(NULL, "daemon %u starts", daemon->number);
    struct pawl_error error;
    sim_feed_open(daemon);
    daemon->store = (struct pawl_store){.ops = sim.disk.is_server ? &sim_server_ops : &sim_disk_ops,
                                        .type = "state.simulated",
                                        .caps.may_block = sim.disk.is_server};
    if (pawl__storage_init(&daemon->storage, &daemon->loop, &daemon->store, NULL, &error)) abort();
    struct pawl_node_options options = {
        .app_id = "app",
        .max_turns = sim_chance(200) ? 2 : 0,
        .max_activities = sim_chance(200) ? 2 : 0,
        .checkpoint_interval = sim_time(20 * PAWL_MILLISECOND),
        .checkpoint_bytes = sim_chance(300) ? 2000 : 0,
        .retention = sim.retention,
        .resting_bytes = sim_chance(500) ? 1 : 0,
        .id_page = (size_t)1 << sim_below(5),
        .listener = &daemon->feed.listener,
        .log = sim.options.trace && !sim.options.about ? log : NULL,
        .on_ready = daemon_on_ready,
        .arg = daemon,
    };
    if (pawl__node_create(&daemon->storage, &options, &daemon->node, &error)) abort();
    daemon->state = SIM_UP;
}

void sim_daemon_start(struct sim_daemon *daemon) {
    daemon->incarnation++;
    daemon->loop = (uv_loop_t){.data = daemon};
    daemon->loop_at = INT64_MAX;
    daemon->wall_most = 0;
    daemon->refused = false;
    daemon->fate = (struct sim_fate){0};
    pawl__link_init(&daemon->blocks);
    pawl__link_init(&daemon->sessions);
    pawl__link_init(&daemon->servings);
    sim_after_in(daemon, 0, daemon_start);
}

static void daemon_start_again(struct sim_event *event) {
    if (!sim.closing) sim_daemon_start(&sim.daemons[event->a]);
}

// What was in the daemon's memory is gone; the others notice after a while.
static void daemon_forget(struct sim_daemon *daemon) {
    daemon->state = SIM_DOWN;
    daemon->incarnation++;
    daemon->node = NULL;
    daemon->storage = (struct pawl_storage){0};
    daemon->handles.count = daemon->thread_count = 0;
    pawl__link_init(&daemon->sessions);
    pawl__link_init(&daemon->servings);
    daemon->fate = (struct sim_fate){0};
    for (size_t i = 0; i < SIM_WORKERS; i++)
        if (sim.workers[i].session && sim.workers[i].daemon == daemon->number)
            sim_worker_break(&sim.workers[i]);
    if (!sim.closing)
        sim_after(sim_time(20 * PAWL_MILLISECOND), daemon_start_again)->a = daemon->number;
}

void sim_daemon_crash(struct sim_daemon *daemon, const char *why) {
    sim_enter(NULL);
    sim.counts.points++;
    sim_trace(NULL, "daemon %u crashes %s", daemon->number, why);
    sim_heap_drop(daemon);
    // The kernel's lock ends with the process; other leases have to expire.
    sim_disk_release(daemon, sim_chance(500) ? 0 : sim_time(50 * PAWL_MILLISECOND));
    daemon_forget(daemon);
    if (sim.running == daemon) longjmp(daemon->crash, 1);
}

void sim_daemon_run(struct sim_event *event) {
    struct sim_daemon *daemon = event->daemon;
    sim.running = daemon;
    sim_enter(daemon);
    if (!setjmp(daemon->crash)) event->run(event);
    sim_enter(NULL);
    sim.running = NULL;
    sim.now += sim.cost;
    sim.cost = 0;
}

// --- closing ------------------------------------------------------------------------------------

static void daemon_is_closed(struct sim_event *event) {
    struct sim_daemon *daemon = &sim.daemons[event->a];
    if (daemon->incarnation != event->b) return;
    sim_trace(NULL, "daemon %u is closed", daemon->number);
    if (!pawl__list_empty(&daemon->servings))
        sim_fail("every_call_is_answered", NULL, "daemon %u was closed, and call %u is open",
                 daemon->number,
                 PAWL_CONTAINER(daemon->servings.next, struct sim_serving, link)->message.number);
    if (sim_heap_count(daemon))
        sim_fail("no_leak_at_close", NULL, "daemon %u has %zu allocations left", daemon->number,
                 sim_heap_count(daemon));
    if (daemon->handles.count)
        sim_fail("no_leak_at_close", NULL, "daemon %u has %zu handles left", daemon->number,
                 daemon->handles.count);
    sim_heap_drop(daemon);
    bool holds =
        sim.disk.held && sim.disk.holder == daemon && sim.disk.incarnation == daemon->incarnation;
    if (holds && !sim.disk.stuck)
        sim_fail("closing_gives_the_shard_back", NULL, "daemon %u holds it", daemon->number);
    if (holds) sim_disk_release(daemon, 0);
    daemon_forget(daemon);
}

static void daemon_on_storage_closed(void *arg) {
    struct sim_daemon *daemon = arg, *was = sim_enter(NULL);
    struct sim_event *event = sim_after(0, daemon_is_closed);
    event->a = daemon->number;
    event->b = daemon->incarnation;
    sim_enter(was);
}

static void daemon_on_node_closed(void *arg) {
    struct sim_daemon *daemon = arg;
    daemon->node = NULL;
    sim_feed_close(daemon);
    pawl__storage_close(&daemon->storage, daemon_on_storage_closed, daemon);
}

static void daemon_close(struct sim_event *event) {
    struct sim_daemon *daemon = event->daemon;
    if (daemon->state != SIM_UP) return;
    sim_trace(NULL, "daemon %u is being closed", daemon->number);
    daemon->state = SIM_CLOSING;
    while (!pawl__list_empty(&daemon->sessions))
        sim_session_end(PAWL_CONTAINER(daemon->sessions.next, struct sim_session, link));
    pawl__node_close(daemon->node, daemon_on_node_closed, daemon);
}

void sim_daemon_close(struct sim_daemon *daemon) {
    if (daemon->state == SIM_UP) sim_after_in(daemon, 0, daemon_close);
}

bool sim_daemon_owns(const struct sim_daemon *daemon) {
    return daemon->node && daemon->node->partitions &&
           daemon->node->partitions[0].ownership.recover.leased &&
           sim_daemon_home(daemon)->lease.epoch == sim.disk.lease.epoch;
}

struct pawl_residency *sim_daemon_home(const struct sim_daemon *daemon) {
    return &daemon->node->partitions[0].residency;
}
