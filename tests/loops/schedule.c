// Time, chance, jobs and turns: these functions come in the place of base/clock.c and
// runtime/jobs.c; those of libuv's handles are in ../sim/handles.c.

#include <stdlib.h>
#include <unistd.h>

#include "loops.h"

#define SCHEDULE_EPOCH (INT64_C(1700000000) * PAWL_SECOND) // of the wall clock
#define SCHEDULE_BEGIN (INT64_C(1000) * PAWL_SECOND)       // of the steady clock

unsigned below(unsigned limit) {
    world.random = world.random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (unsigned)(world.random >> 33) % limit;
}

int64_t pawl__clock_wall(void) {
    return SCHEDULE_EPOCH + world.now;
}

int64_t pawl__clock_steady(void) {
    return SCHEDULE_BEGIN + world.now;
}

void pawl__random(void *data, size_t len) {
    uint8_t *at = data;
    for (size_t i = 0; i < len; i++) at[i] = (uint8_t)below(256);
}

void pawl__random_uuid(char out[37]) {
    snprintf(out, 37, "%08x-0000-4000-8000-%08x%04x", below(UINT32_MAX), below(UINT32_MAX),
             below(65536));
}

pid_t getpid(void) {
    return 1; // owners' texts have it
}

// --- handles -------------------------------------------------------------------------------------

static struct loop *loop_of(const uv_loop_t *uv) {
    return uv->data;
}

struct sim_handles *sim_loop_handles(const uv_loop_t *uv) {
    return &loop_of(uv)->handles;
}

uint64_t sim_loop_ms(void) {
    return (uint64_t)(pawl__clock_steady() / PAWL_MILLISECOND);
}

void sim_loop_used(uv_loop_t *uv) {
    const struct loop *loop = loop_of(uv);
    if (!world.making && world.at != loop)
        broken("a_loop_touches_only_its_own", "a handle of loop %zu is used by %s %zu", loop->index,
               world.at ? "loop" : "thread", world.at ? world.at->index : 0);
}

void sim_loop_timed(uv_loop_t *uv) {
}

void sim_loop_turn(uv_loop_t *uv, uint64_t at) {
    struct loop *loop = loop_of(uv);
    int64_t then = at ? (int64_t)at * PAWL_MILLISECOND - SCHEDULE_BEGIN : world.now;
    if (then < loop->next_at) loop->next_at = then;
}

void sim_loop_closed_twice(void) {
    broken("a_loop_touches_only_its_own", "a handle is closed twice");
}

// Whether it was sent is in |pending|.
int uv_async_init(uv_loop_t *uv, uv_async_t *async, uv_async_cb run) {
    *async = (uv_async_t){.async_cb = run};
    sim_handles_add(uv, async, UV_ASYNC);
    return 0;
}

int uv_async_send(uv_async_t *async) {
    async->pending = 1;
    return 0;
}

static bool asyncs_run(struct loop *loop, bool only_look) {
    for (size_t i = 0; i < loop->handles.count; i++) {
        uv_async_t *async = (uv_async_t *)loop->handles.list[i];
        bool sent =
            async->type == UV_ASYNC && async->pending && !sim_handle_closes(loop->handles.list[i]);
        if (sent && only_look) return true;
        if (!sent) continue;
        async->pending = 0;
        async->async_cb(async);
    }
    return false;
}

// --- jobs ----------------------------------------------------------------------------------------

static void jobs_on_close(uv_handle_t *handle) {
    struct pawl_jobs *jobs = PAWL_CONTAINER(handle, struct pawl_jobs, async);
    struct loop *loop = loop_of(handle->loop);
    size_t at = 0;
    while (loop->jobs[at] != jobs) at++;
    loop->jobs[at] = loop->jobs[--loop->job_count];
    jobs->open = false;
    jobs->closed(jobs->arg);
}

static void jobs_check_stopped(struct pawl_jobs *jobs) {
    uv_handle_t *async = (uv_handle_t *)&jobs->async;
    if (jobs->closed && !jobs->out && !sim_handle_closes(async)) uv_close(async, jobs_on_close);
}

// Some of those that have come, in their order: the others have come after them. |all|: as the
// jobs are being stopped.
static void jobs_take(struct pawl_jobs *jobs, bool all) {
    while (!pawl__list_empty(&jobs->finished)) {
        struct pawl_job *job =
            PAWL_CONTAINER(pawl__list_take(&jobs->finished), struct pawl_job, link);
        if (job->run) jobs->out--;
        job->done(job);
        if (!all && !below(3)) break;
    }
}

static bool jobs_wait(const struct loop *loop) {
    for (size_t i = 0; i < loop->job_count; i++)
        if (!pawl__list_empty(&loop->jobs[i]->finished)) return true;
    return false;
}

static void jobs_turn(struct loop *loop) {
    struct pawl_jobs *list[JOBS]; // whose order changes as some are closed
    size_t count = loop->job_count;
    memcpy(list, loop->jobs, sizeof list);
    for (size_t i = 0; i < count; i++) {
        jobs_take(list[i], false);
        if (pawl__list_empty(&list[i]->finished)) jobs_check_stopped(list[i]);
    }
}

static void jobs_init(struct pawl_jobs *jobs, struct pawl_jobs *lender) {
    *jobs = (struct pawl_jobs){.lender = lender, .open = true};
    pawl__link_init(&jobs->waiting);
    pawl__link_init(&jobs->finished);
}

int pawl__jobs_borrow(struct pawl_jobs *jobs, uv_loop_t *uv, struct pawl_jobs *lender) {
    struct loop *loop = loop_of(uv);
    jobs_init(jobs, lender);
    uv_async_init(uv, &jobs->async, NULL);
    if (loop->job_count == JOBS) abort();
    loop->jobs[loop->job_count++] = jobs;
    return 0;
}

int pawl__jobs_start(struct pawl_jobs *jobs, uv_loop_t *uv, size_t threads) {
    if (threads) abort(); // the store's are borrowed
    return pawl__jobs_borrow(jobs, uv, NULL);
}

int pawl__jobs_start_lender(struct pawl_jobs *jobs, size_t threads, bool ahead) {
    if (threads != 1) abort();
    jobs_init(jobs, jobs);
    world.threads[world.threads[0] ? 1 : 0] = jobs;
    return 0;
}

void pawl__jobs_end_lender(struct pawl_jobs *jobs) {
    if (!pawl__list_empty(&jobs->waiting))
        broken("a_stop_ends_all", "a thread of the store ends with work");
    world.threads[world.threads[0] == jobs ? 0 : 1] = NULL;
}

static void jobs_finish(struct pawl_jobs *jobs, struct pawl_job *job) {
    if (!jobs->open || sim_handle_closes((uv_handle_t *)&jobs->async))
        broken("nothing_ended_is_touched", "a loop that has left is given something");
    pawl__list_add(&jobs->finished, &job->link);
}

void pawl__jobs_post(struct pawl_jobs *jobs, struct pawl_job *job) {
    job->run = NULL;
    pawl__link_init(&job->link);
    jobs_finish(jobs, job);
}

void pawl__jobs_submit(struct pawl_jobs *jobs, struct pawl_job *job) {
    sim_loop_used(jobs->async.loop);
    job->home = jobs;
    jobs->out++;
    pawl__link_init(&job->link);
    pawl__list_add(&jobs->lender->waiting, &job->link);
}

void pawl__jobs_stop(struct pawl_jobs *jobs, void (*closed)(void *arg), void *arg) {
    sim_loop_used(jobs->async.loop);
    jobs->closed = closed;
    jobs->arg = arg;
    jobs_take(jobs, true);
    jobs_check_stopped(jobs);
}

static void thread_turn(struct pawl_jobs *thread) {
    struct pawl_job *job = PAWL_CONTAINER(pawl__list_take(&thread->waiting), struct pawl_job, link);
    job->run(job);
    jobs_finish(job->home, job);
}

// --- turns ---------------------------------------------------------------------------------------

bool schedule_is_free(const struct loop *loop) {
    return loop->lags_until <= world.now;
}

bool schedule_is_told(const struct loop *loop) {
    return schedule_is_free(loop) && jobs_wait(loop);
}

static bool loop_wants(struct loop *loop) {
    return loop->next_at <= world.now || jobs_wait(loop) || asyncs_run(loop, true) ||
           process_wants(loop);
}

static void loop_turn(struct loop *loop) {
    struct pawl_node *node = loop->node;
    size_t lent = node ? node->dispatch.lent : 0;
    uint64_t activities = node ? node->dispatch.meters.activities : 0;
    world.at = loop;
    loop->next_at = INT64_MAX;
    sim_handles_run_timers(&loop->uv);
    bool early = below(2); // what is told to the loop comes in any order
    if (early) process_turn(loop);
    jobs_turn(loop);
    asyncs_run(loop, false);
    if (!early) process_turn(loop);
    sim_handles_run_checks(&loop->uv);
    sim_handles_run_closed(&loop->uv);
    sim_handles_plan(&loop->uv);
    bool lends = loop->node && loop->node == node && node->dispatch.lent > lent;
    if (lends && node->dispatch.meters.activities > activities) world.lender = loop;
    world.at = NULL;
}

// A shard that moves is a reason for answers that come too late.
static void schedule_watch(void) {
    for (size_t i = 0; i < world.count; i++) {
        struct loop *loop = &world.loops[i];
        unsigned serves = 0;
        for (uint32_t k = 0; loop->node && k < loop->node->count; k++)
            serves |= (unsigned)pawl__partition_serves(&loop->node->partitions[k]) << k;
        if (serves != loop->serves) upset();
        loop->serves = serves;
    }
}

static void schedule_pass(void) {
    int64_t next = INT64_MAX;
    for (size_t i = 0; i < world.count; i++) {
        const struct loop *loop = &world.loops[i];
        int64_t at = schedule_is_free(loop) ? loop->next_at : loop->lags_until;
        if (at < next) next = at;
        if ((at = process_next(loop)) < next && at > world.now) next = at;
    }
    for (unsigned i = 0; i < WORKERS; i++)
        if (workers_next(i) < next && workers_next(i) > world.now) next = workers_next(i);
    for (unsigned i = 0; i < CLIENTS; i++)
        if (clients_next(i) < next && clients_next(i) > world.now) next = clients_next(i);
    if (next == INT64_MAX) broken("no_work_starves", "nothing is left to happen");
    world.now = next > world.now ? next : world.now + PAWL_MILLISECOND;
}

// One of those who can goes on: of the threads only if |threads|. False: nobody can.
static bool schedule_one(bool threads) {
    enum {
        MOST = LOOPS + 2 + WORKERS + CLIENTS
    };
    unsigned ready[MOST], count = 0;
    for (unsigned i = 0; i < world.count; i++)
        if (schedule_is_free(&world.loops[i]) && loop_wants(&world.loops[i])) ready[count++] = i;
    for (unsigned i = 0; i < 2 && threads; i++)
        if (world.threads[i] && !pawl__list_empty(&world.threads[i]->waiting))
            ready[count++] = LOOPS + i;
    for (unsigned i = 0; i < WORKERS; i++)
        if (workers_next(i) <= world.now) ready[count++] = LOOPS + 2 + i;
    for (unsigned i = 0; i < CLIENTS; i++)
        if (clients_next(i) <= world.now) ready[count++] = LOOPS + 2 + WORKERS + i;
    if (!count) return false;
    unsigned who = ready[below(count)];
    if (who < LOOPS)
        loop_turn(&world.loops[who]);
    else if (who < LOOPS + 2)
        thread_turn(world.threads[who - LOOPS]);
    else if (who < LOOPS + 2 + WORKERS)
        workers_act(who - LOOPS - 2);
    else
        clients_act(who - LOOPS - 2 - WORKERS);
    world.at = NULL;
    world.now += below(30000);
    schedule_watch();
    return true;
}

void schedule_step(void) {
    world.turns++;
    world.lender = NULL;
    if (!schedule_one(true)) schedule_pass();
}

void schedule_meanwhile(void) {
    for (unsigned turns = below(30); turns && schedule_one(false);) turns--;
}

// A thread waits for what loops may give it.
int uv_cond_timedwait(uv_cond_t *cond, uv_mutex_t *mutex, uint64_t timeout) {
    uv_mutex_unlock(mutex);
    schedule_meanwhile();
    uv_mutex_lock(mutex);
    return UV_ETIMEDOUT;
}
