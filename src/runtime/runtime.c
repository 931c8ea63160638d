#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/memory.h"
#include "runtime/internal.h"

static const char *const runtime_scope = "dapr.runtime.wfengine";

enum {
    RUNTIME_UNSERVED_PULSES = 5, // work without a worker is told of after so many
    RUNTIME_FAIL_DELAY = 250,    // milliseconds; see fail_delay
    RUNTIME_FAIL_DELAY_MOST = 8000,
};

// --- time ---------------------------------------------------------------------------------------

struct pawl_stamp pawl__runtime_stamp(struct pawl_runtime *runtime) {
    struct pawl_stamp stamp = {.now = pawl__clock_wall()};
    // Stamps never go back, and no two are equal: (name, timestamp) tells raised events apart.
    if (stamp.now <= runtime->last_now) stamp.now = runtime->last_now + 1;
    runtime->last_now = stamp.now;
    return stamp;
}

// --- effects ------------------------------------------------------------------------------------

static bool runtime_take_effect(struct pawl_runtime *runtime, struct pawl_effect effect) {
    bool ok = true;
    switch (effect.type) {
    case PAWL_EFFECT_TURN: ok = pawl__queue_push(&runtime->turns, effect); break;
    case PAWL_EFFECT_ACTIVITY: ok = pawl__queue_push(&runtime->building.activities, effect); break;
    case PAWL_EFFECT_PURGED:
        ok = pawl__queue_push(&runtime->building.purged, effect);
        pawl__calls_recheck(runtime, effect.instance); // some wait for its end
        break;
    case PAWL_EFFECT_CHANGED:
        pawl__calls_recheck(runtime, effect.instance);
        pawl__instance_unref(effect.instance);
        return true;
    }
    if (!ok) pawl__instance_unref(effect.instance);
    return ok;
}

void pawl__runtime_settle(struct pawl_runtime *runtime) {
    struct pawl_shard *shard = &runtime->shard;
    // While the shard is being read it belongs to another thread; what failed is dropped as it is.
    if (runtime->failing || runtime->state == PAWL_RUNTIME_TAKING) return;
    bool ok = !shard->failed;
    // A waiter that is told may give commands, and so come back here: the array is taken away
    // first.
    struct pawl_effect *effects = shard->effects;
    size_t count = shard->effect_count, cap = shard->effect_cap;
    shard->effects = NULL;
    shard->effect_count = shard->effect_cap = 0;
    for (size_t i = 0; i < count; i++) ok = runtime_take_effect(runtime, effects[i]) && ok;
    if (shard->effects) {
        free(effects);
    } else {
        shard->effects = effects;
        shard->effect_cap = cap;
    }
    if (!ok) pawl__runtime_fail(runtime, &(struct pawl_error){PAWL_E_NOMEM, "out of memory"});
    if (runtime->failing) return;
    if (shard->batch.len) pawl__storage_want(runtime->storage);
    pawl__checkpoint_consider(runtime, false);
    pawl__dispatch_pump(runtime);
    pawl__sleep_check(runtime);
}

// --- taking, failing, taking again ---------------------------------------------------------------

static void runtime_on_retry(uv_timer_t *timer);

static void runtime_tell_ready(struct pawl_runtime *runtime, bool ready,
                               const struct pawl_error *reason) {
    if (runtime->options.on_ready) runtime->options.on_ready(runtime->options.arg, ready, reason);
}

static void runtime_drop(struct pawl_runtime *runtime) {
    pawl__dispatch_reset(runtime); // first: what workers give back goes to the queues
    pawl__queue_finish(&runtime->turns);
    pawl__queue_finish(&runtime->activities);
    pawl__queue_finish(&runtime->parked_turns);
    pawl__queue_finish(&runtime->parked_activities);
    pawl__waiting_finish(&runtime->waiting_turns);
    pawl__waiting_finish(&runtime->waiting_activities);
    for (int i = 0; i < 2; i++) {
        struct pawl_held *held = i ? &runtime->building : &runtime->writing;
        pawl__queue_finish(&held->activities);
        pawl__queue_finish(&held->purged);
        pawl__notes_settle(&held->notes, false);
    }
    pawl__checkpoint_drop(runtime);
    pawl__sleep_clear(runtime);
    pawl__shadow_drop(runtime);
    pawl__shard_finish(&runtime->shard);
    pawl__calls_sweep_ghosts(runtime); // last: now no log has to tell any more that they are gone
}

void pawl__runtime_fail(struct pawl_runtime *runtime, const struct pawl_error *error) {
    if (runtime->failing) return;
    pawl__log(runtime->log, PAWL_LOG_ERROR, runtime_scope,
              "the workflow engine stops and will read its state again: %s", error->text);
    runtime->failing = true;
    runtime_tell_ready(runtime, false, error);
    // The state is dropped from the loop, not from under the function that noticed.
    if (runtime->state != PAWL_RUNTIME_CLOSING) {
        // Activities run again after each try whose commit fails, as on a disk that is full.
        uv_timer_start(&runtime->retry, runtime_on_retry, (uint64_t)runtime->fail_delay, 0);
        runtime->retry_delay = 100;
        runtime->fail_delay = runtime->fail_delay ? runtime->fail_delay * 2 : RUNTIME_FAIL_DELAY;
        if (runtime->fail_delay > RUNTIME_FAIL_DELAY_MOST)
            runtime->fail_delay = RUNTIME_FAIL_DELAY_MOST;
    }
}

static void runtime_on_retry(uv_timer_t *timer) {
    struct pawl_runtime *runtime = timer->data;
    if (runtime->failing) {
        if (runtime->storage->client_writes) { // the commit thread still reads what we would free
            uv_timer_start(&runtime->retry, runtime_on_retry, 1, 0);
            return;
        }
        struct pawl_error error = {PAWL_E_UNAVAILABLE,
                                   "the workflow engine is reading its state again, try again"};
        runtime->state = PAWL_RUNTIME_TAKING;
        runtime->failing = false;
        runtime->incarnation++; // loads that are out have lost their place in the map, below
        pawl__calls_fail(runtime, &error);
        runtime_drop(runtime);
    }
    pawl__recover_begin(runtime);
}

static void runtime_finish_close(struct pawl_runtime *runtime);
static void runtime_submit_release(struct pawl_runtime *runtime);

void pawl__runtime_taken(struct pawl_runtime *runtime, const struct pawl_error *error) {
    if (runtime->state == PAWL_RUNTIME_CLOSING) { // it may have been taken all the same
        runtime_submit_release(runtime);
        return;
    }
    if (error->code) {
        if (error->code != PAWL_E_HELD || !runtime->told_held)
            pawl__log(runtime->log, error->code == PAWL_E_HELD ? PAWL_LOG_WARN : PAWL_LOG_ERROR,
                      runtime_scope,
                      "the workflows of app '%s' cannot be taken yet, will try again: %s",
                      runtime->app_id, error->text);
        runtime->told_held = error->code == PAWL_E_HELD;
        runtime_tell_ready(runtime, false, error);
        runtime_drop(runtime);
        runtime->retry_delay = runtime->retry_delay < 1000 ? runtime->retry_delay * 2 : 2000;
        uv_timer_start(&runtime->retry, runtime_on_retry, (uint64_t)runtime->retry_delay, 0);
        return;
    }
    runtime->state = PAWL_RUNTIME_SERVING;
    runtime->told_held = false;
    runtime->durable = runtime->shard.position - 1;
    runtime->shard.observer = runtime->options.observer;
    pawl__shadow_begin(runtime);
    runtime->checkpoint.last_at = pawl__clock_steady();
    runtime->checkpoint.horizon = runtime->durable;
    size_t at = 0;
    bool ok = true;
    for (struct pawl_instance *instance;
         (instance = pawl__map_next(&runtime->shard.instances, &at));) {
        if (instance->updated_at > runtime->last_now) runtime->last_now = instance->updated_at;
        ok = ok && pawl__shard_offer(&runtime->shard, instance);
    }
    // What recovery offers is in the log already.
    for (size_t i = 0; i < runtime->shard.effect_count; i++) {
        struct pawl_effect effect = runtime->shard.effects[i];
        struct pawl_queue *queue =
            effect.type == PAWL_EFFECT_TURN ? &runtime->turns : &runtime->activities;
        ok = ok && pawl__queue_push(queue, effect);
        if (!ok) pawl__instance_unref(effect.instance);
    }
    runtime->shard.effect_count = 0;
    if (!ok) {
        pawl__runtime_fail(runtime, &(struct pawl_error){PAWL_E_NOMEM, "out of memory"});
        return;
    }
    pawl__log(runtime->log, PAWL_LOG_INFO, runtime_scope,
              "Workflow engine started: epoch %llu, log at %llu, %zu instances in memory, %zu "
              "asleep",
              (unsigned long long)runtime->lease.epoch, (unsigned long long)runtime->durable,
              runtime->shard.instances.len, runtime->sleepers.len);
    runtime_tell_ready(runtime, true, NULL);
    pawl__calls_recheck_all(runtime);
    pawl__runtime_settle(runtime);
}

// Says so when workflows wait and nobody is there to run them: the app has not been started, or the
// start went to the sidecar of another.
static void runtime_tell_unserved(struct pawl_runtime *runtime) {
    bool waits = pawl__list_empty(&runtime->workers) && runtime->turns.len;
    runtime->unserved = waits ? runtime->unserved + 1 : 0;
    if (runtime->unserved == RUNTIME_UNSERVED_PULSES)
        pawl__log(runtime->log, PAWL_LOG_WARN, runtime_scope,
                  "workflows of app '%s' wait, as no worker is connected: start the app, or call "
                  "the sidecar of the app that has the workflow",
                  runtime->app_id);
}

static void runtime_on_pulse(uv_timer_t *timer) {
    struct pawl_runtime *runtime = timer->data;
    pawl__calls_sweep_ghosts(runtime);
    pawl__runtime_settle(runtime);  // a checkpoint may be due
    pawl__dispatch_unpark(runtime); // patience may be at its end
    runtime_tell_unserved(runtime);
    bool quiet = runtime->storage->commits == runtime->pulse_commits;
    runtime->pulse_commits = runtime->storage->commits;
    // While nothing goes on, what has only just changed is written as well, and leaves memory.
    if (quiet && pawl__runtime_serves(runtime)) pawl__checkpoint_consider(runtime, true);
    if (!quiet || !runtime->has_evicted) return;
    runtime->has_evicted = false;
    pawl__memory_trim();
}

// --- life ---------------------------------------------------------------------------------------

static void runtime_free(struct pawl_runtime *runtime) {
    pawl__map_finish(&runtime->loads);
    pawl__map_finish(&runtime->waiters);
    pawl__map_finish(&runtime->items);
    pawl__buf_finish(&runtime->batch_bytes);
    pawl__buf_finish(&runtime->item_bytes);
    pawl__buf_finish(&runtime->key_bytes);
    free(runtime->app_id);
    free(runtime->namespace);
    free(runtime->shard_name);
    free(runtime->owner);
    free(runtime);
}

// Copies "<a><separator><b>" to the heap.
static char *runtime_join(const char *a, const char *separator, const char *b) {
    struct pawl_buf text = {0};
    pawl__buf_format(&text, "%s%s%s", a, separator, b);
    char *copy = text.failed ? NULL : pawl__str_dup(pawl__buf_str(&text));
    pawl__buf_finish(&text);
    return copy;
}

enum pawl_err pawl__runtime_create(struct pawl_storage *storage,
                                   const struct pawl_runtime_options *options,
                                   struct pawl_runtime **out, struct pawl_error *error) {
    struct pawl_runtime *runtime = calloc(1, sizeof *runtime);
    if (!runtime) return pawl__fail_plain(error, PAWL_E_NOMEM);
    const char *namespace = options->namespace ? options->namespace : "default";
    char pid[32];
    snprintf(pid, sizeof pid, "process %d", (int)getpid());
    runtime->options = *options;
    if (!runtime->options.checkpoint_interval)
        runtime->options.checkpoint_interval = 5 * PAWL_SECOND;
    if (!runtime->options.checkpoint_bytes) runtime->options.checkpoint_bytes = 4u << 20;
    if (!runtime->options.max_message) runtime->options.max_message = 4u << 20;
    runtime->log = options->log;
    runtime->storage = storage;
    runtime->client = (struct pawl_storage_client){.prepare = pawl__commit_prepare,
                                                   .expects = pawl__commit_expects,
                                                   .done = pawl__commit_done};
    runtime->app_id = pawl__str_dup(pawl__str(options->app_id));
    runtime->namespace = pawl__str_dup(pawl__str(namespace));
    runtime->shard_name = runtime_join(namespace, "/", options->app_id);
    runtime->owner = runtime_join(pid, " of app ", options->app_id);
    if (!runtime->app_id || !runtime->namespace || !runtime->shard_name || !runtime->owner) {
        runtime_free(runtime);
        return pawl__fail_plain(error, PAWL_E_NOMEM);
    }
    pawl__link_init(&runtime->building.calls);
    pawl__link_init(&runtime->writing.calls);
    pawl__link_init(&runtime->lists);
    pawl__link_init(&runtime->ghosts);
    pawl__link_init(&runtime->workers);
    pawl__waiting_init(&runtime->waiting_turns);
    pawl__waiting_init(&runtime->waiting_activities);
    uint32_t nonce;
    pawl__random(&nonce, sizeof nonce);
    snprintf(runtime->token_prefix, sizeof runtime->token_prefix, "%08x-", nonce);
    uv_timer_init(storage->loop, &runtime->clock);
    uv_timer_init(storage->loop, &runtime->retry);
    uv_timer_init(storage->loop, &runtime->pulse);
    runtime->clock.data = runtime->retry.data = runtime->pulse.data = runtime;
    uv_timer_start(&runtime->pulse, runtime_on_pulse, 1000, 1000);
    uv_unref((uv_handle_t *)&runtime->pulse);
    storage->client = &runtime->client;
    runtime->retry_delay = 25;
    pawl__recover_begin(runtime);
    *out = runtime;
    return PAWL_OK;
}

bool pawl__runtime_ready(const struct pawl_runtime *runtime) {
    return pawl__runtime_serves(runtime);
}

static void runtime_on_handle_close(uv_handle_t *handle) {
    struct pawl_runtime *runtime = handle->data;
    if (--runtime->handles) return;
    void (*closed)(void *) = runtime->closed;
    void *arg = runtime->closed_arg;
    runtime_free(runtime);
    closed(arg);
}

static void runtime_on_late_loads(uv_timer_t *timer) {
    runtime_finish_close(timer->data);
}

static void runtime_finish_close(struct pawl_runtime *runtime) {
    runtime->storage->client = NULL;
    if (runtime->loads_out) { // from before a reload; each comes back to the runtime
        uv_timer_start(&runtime->retry, runtime_on_late_loads, 1, 0);
        return;
    }
    runtime->handles = 3;
    uv_close((uv_handle_t *)&runtime->clock, runtime_on_handle_close);
    uv_close((uv_handle_t *)&runtime->retry, runtime_on_handle_close);
    uv_close((uv_handle_t *)&runtime->pulse, runtime_on_handle_close);
}

static void runtime_release(struct pawl_job *job) {
    pawl__recover_release(PAWL_CONTAINER(job, struct pawl_runtime, job));
}

static void runtime_released(struct pawl_job *job) {
    struct pawl_runtime *runtime = PAWL_CONTAINER(job, struct pawl_runtime, job);
    runtime->storage->leasing = false;
    runtime_drop(runtime);
    runtime_finish_close(runtime);
}

static void runtime_submit_release(struct pawl_runtime *runtime) {
    runtime->storage->leasing = true;
    runtime->job = (struct pawl_job){.run = runtime_release, .done = runtime_released};
    pawl__thread_submit(&runtime->storage->writer, &runtime->job);
}

// Waits for the last batch and the last checkpoint to be written.
static void runtime_on_drain(uv_timer_t *timer) {
    struct pawl_runtime *runtime = timer->data;
    struct pawl_storage *storage = runtime->storage;
    bool writing = storage->client_writes || storage->busy || runtime->checkpoint.running ||
                   runtime->shard.batch.len || runtime->loads_out;
    if (writing && !runtime->failing) {
        uv_timer_start(&runtime->retry, runtime_on_drain, 1, 0);
        return;
    }
    if (storage->client_writes || runtime->loads_out) {
        uv_timer_start(&runtime->retry, runtime_on_drain, 1, 0);
        return;
    }
    // What the last commit did not make durable has no other answer.
    struct pawl_error error = {PAWL_E_UNAVAILABLE, "the daemon is shutting down"};
    pawl__calls_fail(runtime, &error);
    runtime_submit_release(runtime);
}

void pawl__runtime_close(struct pawl_runtime *runtime, void (*closed)(void *arg), void *arg) {
    struct pawl_error error = {PAWL_E_UNAVAILABLE, "the daemon is shutting down"};
    bool taking = runtime->state == PAWL_RUNTIME_TAKING;
    bool idle = taking && uv_is_active((uv_handle_t *)&runtime->retry);
    runtime->state = PAWL_RUNTIME_CLOSING;
    runtime->closed = closed;
    runtime->closed_arg = arg;
    uv_timer_stop(&runtime->clock);
    uv_timer_stop(&runtime->retry);
    pawl__calls_fail_waiters(runtime, &error);
    if (idle) { // between two tries to take the shard
        runtime_submit_release(runtime);
        return;
    }
    if (taking) return; // pawl__runtime_taken goes on
    if (!runtime->failing) {
        if (runtime->shard.batch.len) pawl__storage_want(runtime->storage);
        pawl__checkpoint_consider(runtime, true);
    }
    uv_timer_start(&runtime->retry, runtime_on_drain, 0, 0);
}
