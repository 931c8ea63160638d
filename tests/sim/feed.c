// Who reads the feed of changes of a daemon is told each change that the log has, once, in its
// order, and not before the log has it; or is told that something was missed.

#include <stdlib.h>

#include "sim.h"

static const char feed_invariant[] = "the_feed_tells_each_change_once";

void sim_feed_logged(uint64_t position, const struct sim_id *id, enum pawl_change change) {
    struct sim_model *model = &sim.model;
    if (model->change_count == model->change_cap) {
        model->change_cap = model->change_cap ? 2 * model->change_cap : 256;
        model->changes = realloc(model->changes, model->change_cap * sizeof *model->changes);
    }
    model->changes[model->change_count++] = (struct sim_change){position, id, change};
}

static bool feed_is(const struct sim_change *logged, const struct pawl_feed_change *told) {
    return logged->position == told->position && logged->change == told->change &&
           pawl__str_equal(pawl__str(logged->id->name), told->id);
}

static void feed_told(struct sim_daemon *daemon, const struct pawl_feed_change *told) {
    const struct sim_model *model = &sim.model;
    size_t at = daemon->told_from;
    while (at <= daemon->told_to && at < model->change_count && !feed_is(&model->changes[at], told))
        at++;
    if (at > daemon->told_to || at == model->change_count) {
        sim_fail(feed_invariant, pawl__arena_dup(&sim.arena, told->id),
                 "daemon %u told what happened to it in batch %llu, and the next in the log is "
                 "in batch %llu",
                 daemon->number, (unsigned long long)told->position,
                 (unsigned long long)(daemon->told_from < model->change_count
                                          ? model->changes[daemon->told_from].position
                                          : 0));
        return;
    }
    sim.counts.changes++;
    daemon->told_from = daemon->told_to = at + 1;
}

static void feed_read(struct sim_daemon *daemon) {
    const struct pawl_feed_change *told;
    struct sim_daemon *was = sim_enter(NULL);
    while (!sim.failed) {
        enum pawl_feed_result result = pawl__feed_read(&daemon->feed, &daemon->reader, &told);
        if (result == PAWL_FEED_NOTHING) break;
        if (result == PAWL_FEED_CHANGE)
            feed_told(daemon, told);
        else // it looks for itself at all that there is now
            daemon->told_to = sim.model.change_count;
    }
    sim_enter(was);
}

static void feed_join(struct sim_event *event) {
    struct sim_daemon *daemon = event->daemon;
    if (daemon->reads || daemon->state != SIM_UP) return;
    daemon->reads = true;
    daemon->told_to = sim.model.change_count;
    pawl__feed_join(&daemon->feed, &daemon->reader);
}

static void feed_on_event(struct sim_event *event) {
    struct sim_daemon *daemon = event->daemon;
    if (!daemon->reads) return;
    feed_read(daemon);
    if (!sim_chance(50)) return;
    // It goes away; it may come back to where it was.
    uint64_t place = pawl__feed_place(&daemon->reader);
    pawl__feed_leave(&daemon->feed, &daemon->reader);
    daemon->reads = false;
    if (sim_chance(500)) {
        pawl__feed_rejoin(&daemon->feed, &daemon->reader, daemon->feed.boot, place);
        daemon->reads = true;
    } else {
        if (sim_chance(500)) daemon->feed.left_at = 0; // a long time ago
        struct sim_daemon *was = sim_enter(NULL);
        sim_after_in(daemon, sim_time(PAWL_MILLISECOND), feed_join);
        sim_enter(was);
    }
}

static void feed_wake(struct pawl_feed_reader *reader) {
    struct sim_daemon *daemon = PAWL_CONTAINER(reader, struct sim_daemon, reader);
    struct sim_daemon *was = sim_enter(NULL);
    sim_after_in(daemon, sim_chance(500) ? 0 : sim_time(PAWL_MILLISECOND), feed_on_event);
    sim_enter(was);
}

void sim_feed_open(struct sim_daemon *daemon) {
    if (!pawl__feed_init(&daemon->feed)) abort();
    daemon->reader = (struct pawl_feed_reader){.wake = feed_wake};
    daemon->reads = false;
    daemon->told_from = 0;
    struct sim_daemon *was = sim_enter(NULL);
    sim_after_in(daemon, sim_chance(500) ? 0 : sim_time(20 * PAWL_MILLISECOND), feed_join);
    sim_enter(was);
}

void sim_feed_close(struct sim_daemon *daemon) {
    if (daemon->reads) pawl__feed_leave(&daemon->feed, &daemon->reader);
    daemon->reads = false;
    pawl__feed_finish(&daemon->feed);
}

void sim_feed_check(struct sim_daemon *daemon) {
    // It may only have begun to open its store.
    if (!sim_daemon_owns(daemon) || !daemon->reads || daemon->feed.blind) return;
    const struct pawl_residency *home = sim_daemon_home(daemon);
    bool is_at_rest = home->durable == sim.model.mirror.position - 1 && !home->in_commit;
    if (!is_at_rest) return;
    feed_read(daemon);
    if (!sim.failed && daemon->told_to != sim.model.change_count)
        sim_fail(feed_invariant, sim.model.changes[daemon->told_from].id->name,
                 "daemon %u did not tell what happened to it in batch %llu", daemon->number,
                 (unsigned long long)sim.model.changes[daemon->told_from].position);
}
