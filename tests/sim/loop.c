// What stands between a daemon and its world: clocks, randomness, the loop, and threads. These
// functions are the program's own in the place of base/clock.c and runtime/jobs.c; those of libuv
// are in handles.c.
//
// A turn of a loop: timers that are due, checks, closed handles. What arrives from outside (a call,
// a job that is done) comes between two turns, as when the loop polls.

#include <stdlib.h>
#include <unistd.h>
#include <uv.h>

#include "base/clock.h"
#include "sim.h"

#define LOOP_EPOCH (INT64_C(1700000000) * PAWL_SECOND) // of the wall clocks
#define LOOP_BEGIN (INT64_C(1000) * PAWL_SECOND)       // of the steady clocks

// --- clocks and randomness ----------------------------------------------------------------------

void sim_touch(void) {
    struct sim_daemon *daemon = sim.current;
    if (daemon && daemon->fate.crash && --daemon->fate.crash == 0)
        sim_daemon_crash(daemon, "at some step");
}

bool sim_want(void) {
    struct sim_daemon *daemon = sim.current;
    if (!daemon || !daemon->fate.want || --daemon->fate.want) return false;
    struct sim_daemon *was = sim_enter(NULL);
    daemon->refused = true;
    sim_trace(NULL, "daemon %u is refused memory", daemon->number);
    sim_enter(was);
    return true;
}

struct sim_fate sim_spare(struct sim_daemon *daemon) {
    struct sim_fate fate = daemon->fate;
    daemon->fate = (struct sim_fate){0};
    return fate;
}

int64_t sim_wall(const struct sim_daemon *daemon) {
    return LOOP_EPOCH + sim.now + sim.cost + (daemon ? daemon->wall_offset : 0);
}

int64_t pawl__clock_wall(void) {
    sim_touch();
    int64_t wall = sim_wall(sim.current);
    if (sim.current && wall > sim.current->wall_most) sim.current->wall_most = wall;
    return wall;
}

int64_t pawl__clock_steady(void) {
    sim_touch();
    return LOOP_BEGIN + sim.now + sim.cost;
}

void pawl__random(void *data, size_t len) {
    uint8_t *at = data;
    for (size_t i = 0; i < len; i++) at[i] = (uint8_t)(sim_random() >> 40);
}

void pawl__random_uuid(char out[37]) {
    uint64_t a = sim_random(), b = sim_random();
    snprintf(out, 37, "%08x-%04x-4%03x-8%03x-%012llx", (unsigned)(a >> 32),
             (unsigned)(a >> 16 & 0xffff), (unsigned)(a & 0xfff), (unsigned)(b >> 52),
             (unsigned long long)(b & 0xffffffffffff));
}

// The owner's text of a lease has it.
pid_t getpid(void) {
    return 1;
}

// --- handles ------------------------------------------------------------------------------------

static struct sim_daemon *loop_daemon(const uv_loop_t *loop) {
    return loop->data;
}

struct sim_handles *sim_loop_handles(const uv_loop_t *loop) {
    return &loop_daemon(loop)->handles;
}

uint64_t sim_loop_ms(void) {
    return (uint64_t)((LOOP_BEGIN + sim.now) / PAWL_MILLISECOND);
}

void sim_loop_used(uv_loop_t *loop) {
    // each daemon has its own
}

void sim_loop_timed(uv_loop_t *loop) {
    sim_touch();
}

void sim_loop_turn(uv_loop_t *loop, uint64_t at) {
    sim_loop_wake(loop_daemon(loop), at ? (int64_t)at * PAWL_MILLISECOND - LOOP_BEGIN : sim.now);
}

void sim_loop_closed_twice(void) {
    sim_fail("handles_close_once", NULL, "a handle is closed twice");
}

// --- turns of the loop --------------------------------------------------------------------------

static void loop_turn(struct sim_event *event) {
    struct sim_daemon *daemon = event->daemon;
    if (event->at != daemon->loop_at) return; // an earlier turn has taken its place
    daemon->loop_at = INT64_MAX;
    sim_handles_run_timers(&daemon->loop);
    sim_handles_run_checks(&daemon->loop);
    sim_handles_run_closed(&daemon->loop);
    sim_handles_plan(&daemon->loop);
}

void sim_loop_wake(struct sim_daemon *daemon, int64_t at) {
    // The loop has other things to do, too: more may arrive before its next turn.
    int64_t now = sim.now + sim.cost, soon = now + 1 + sim_below(20000);
    if (at < soon) at = soon;
    if (at >= daemon->loop_at) return;
    daemon->loop_at = at;
    sim_after_in(daemon, at - now, loop_turn);
}

// --- threads ------------------------------------------------------------------------------------

static struct sim_thread *thread_of(const struct pawl_jobs *thread) {
    struct sim_daemon *daemon = loop_daemon(thread->async.loop);
    for (size_t i = 0; i < daemon->thread_count; i++)
        if (daemon->threads[i].thread == thread) return &daemon->threads[i];
    abort();
}

static void thread_take_done(struct pawl_jobs *thread) {
    struct pawl_link *link = pawl__list_take(&thread->finished);
    if (!link) return; // the thread was stopped, and told all
    struct pawl_job *job = PAWL_CONTAINER(link, struct pawl_job, link);
    thread->out--;
    job->done(job);
}

static void thread_done(struct sim_event *event) {
    if (event->a >= event->daemon->thread_count) return;
    struct pawl_jobs *thread = event->daemon->threads[event->a].thread;
    if (thread->stop) return;
    thread_take_done(thread);
    sim_loop_wake(event->daemon, sim.now);
}

static bool thread_run_one(struct pawl_jobs *thread) {
    struct pawl_link *link = pawl__list_take(&thread->waiting);
    if (!link) return false;
    struct pawl_job *job = PAWL_CONTAINER(link, struct pawl_job, link);
    job->run(job);
    pawl__list_add(&thread->finished, link);
    return true;
}

static void thread_run(struct sim_event *event) {
    struct sim_thread *own = &event->daemon->threads[event->a];
    if (own->thread->stop) return;
    int64_t cost = sim.cost;
    if (!thread_run_one(own->thread)) return;
    cost = sim.cost - cost;
    sim.cost -= cost; // the loop goes on meanwhile
    own->free_at += cost;
    int64_t at = own->free_at > sim.now ? own->free_at : sim.now;
    sim_after_in(event->daemon, at - sim.now + sim_below(20000), thread_done)->a = event->a;
}

int pawl__jobs_start(struct pawl_jobs *thread, uv_loop_t *loop, size_t threads) {
    if (threads != 1) abort();
    struct sim_daemon *daemon = loop_daemon(loop);
    *thread = (struct pawl_jobs){.open = true};
    pawl__link_init(&thread->waiting);
    pawl__link_init(&thread->finished);
    sim_handles_add(loop, &thread->async, UV_ASYNC);
    if (daemon->thread_count == 2) abort();
    daemon->threads[daemon->thread_count++] = (struct sim_thread){thread, 0};
    return 0;
}

void pawl__jobs_submit(struct pawl_jobs *thread, struct pawl_job *job) {
    struct sim_daemon *daemon = loop_daemon(thread->async.loop);
    struct sim_thread *own = thread_of(thread);
    thread->out++;
    pawl__link_init(&job->link);
    pawl__list_add(&thread->waiting, &job->link);
    if (own->free_at < sim.now) own->free_at = sim.now;
    own->free_at += sim_below(50000); // until the thread has woken
    sim_after_in(daemon, own->free_at - sim.now, thread_run)->a = (unsigned)(own - daemon->threads);
}

// Of loops that are siblings, which daemons of the simulation do not have.
int pawl__jobs_borrow(struct pawl_jobs *thread, uv_loop_t *loop, struct pawl_jobs *lender) {
    abort();
}

int pawl__jobs_start_lender(struct pawl_jobs *thread, size_t threads, bool ahead) {
    abort();
}

void pawl__jobs_end_lender(struct pawl_jobs *thread) {
    abort();
}

void pawl__jobs_post(struct pawl_jobs *thread, struct pawl_job *job) {
    abort();
}

static void thread_on_close(uv_handle_t *handle) {
    struct pawl_jobs *thread = PAWL_CONTAINER(handle, struct pawl_jobs, async);
    thread->open = false;
    thread->closed(thread->arg);
}

void pawl__jobs_stop(struct pawl_jobs *thread, void (*closed)(void *arg), void *arg) {
    thread->closed = closed;
    thread->arg = arg;
    thread->stop = true;
    while (thread_run_one(thread)) continue;
    while (!pawl__list_empty(&thread->finished)) thread_take_done(thread);
    uv_close((uv_handle_t *)&thread->async, thread_on_close);
}
