#include "runtime/tend.h"

#include "base/clock.h"

enum {
    TEND_MS = 200,
    TEND_IDLE_TICKS = 5
};

static void tend_run(struct pawl_job *job) {
    struct pawl_tend *tend = PAWL_CONTAINER(job, struct pawl_tend, job);
    pawl__error_clear(&tend->error);
    tend->error.code = tend->store->ops->tend(tend->store, &tend->error);
}

// Warns once for as long as it goes wrong: the store goes on, and tries again.
static void tend_done(struct pawl_job *job) {
    struct pawl_tend *tend = PAWL_CONTAINER(job, struct pawl_tend, job);
    const struct pawl_error *error = &tend->error;
    tend->running = false;
    if (error->code && !tend->failing_since)
        pawl__log(tend->log, PAWL_LOG_WARN, "dapr.runtime.store",
                  "the store's housekeeping failed, will try again: %s", error->text);
    if (!error->code)
        tend->failing_since = 0;
    else if (!tend->failing_since)
        tend->failing_since = pawl__clock_steady();
    tend->failed = *error;
    tend->ended(tend);
}

static void tend_begin(struct pawl_tend *tend) {
    tend->ticks = 0;
    tend->busy = false;
    tend->running = true;
    pawl__jobs_submit(tend->writer, &tend->job);
}

static void tend_on_tick(uv_timer_t *timer) {
    struct pawl_tend *tend = timer->data;
    if (tend->running || (!tend->busy && ++tend->ticks < TEND_IDLE_TICKS)) return;
    tend_begin(tend);
}

void pawl__tend_note(struct pawl_tend *tend) {
    tend->busy = true;
    // Of several loops with one store, one asks.
    if (!tend->running && atomic_load_explicit(&tend->store->due, memory_order_relaxed) &&
        atomic_exchange(&tend->store->due, false))
        tend_begin(tend);
}

void pawl__tend_init(struct pawl_tend *tend, uv_loop_t *loop, struct pawl_store *store,
                     struct pawl_jobs *writer, const struct pawl_log *log,
                     void (*ended)(struct pawl_tend *tend)) {
    *tend = (struct pawl_tend){.store = store, .writer = writer, .log = log, .ended = ended};
    tend->job = (struct pawl_job){.run = tend_run, .done = tend_done};
    uv_timer_init(loop, &tend->timer);
    tend->timer.data = tend;
    uv_timer_start(&tend->timer, tend_on_tick, TEND_MS, TEND_MS);
    uv_unref((uv_handle_t *)&tend->timer);
}
