#include "runtime/partition.h"

#include <stdlib.h>

#include "runtime/search.h"
#include "runtime/verbs.h"

static const char *const partition_scope = "dapr.runtime.wfengine";

static struct pawl_partition *partition_of(struct pawl_residency *residency) {
    return PAWL_CONTAINER(residency, struct pawl_partition, residency);
}

// --- effects ------------------------------------------------------------------------------------

// Says what became of an instance. Its status was what calls may wait for.
static void partition_tell(struct pawl_partition *partition, const struct pawl_effect *effect) {
    const struct pawl_instance *instance = effect->instance;
    const struct pawl_log *log = partition->residency.log;
    switch (effect->type) {
    case PAWL_EFFECT_CHANGED:
        pawl__calls_recheck(&partition->calls, instance, pawl__look_is_met);
        break;
    case PAWL_EFFECT_STALLED:
        partition->stalls++;
        if (instance->stalled)
            pawl__log(log, PAWL_LOG_WARN, partition_scope, "workflow '%s' (%s) stalls: %s",
                      instance->id, instance->name, instance->stall_text);
        break;
    case PAWL_EFFECT_DROPPED:
        partition->dropped++;
        pawl__log(log, PAWL_LOG_WARN, partition_scope, "%s", effect->text);
        break;
    default: break;
    }
}

// Ends |instance| without a worker. False when memory is out.
static bool partition_end(struct pawl_partition *partition, struct pawl_instance *instance) {
    struct pawl_call *call = pawl__end_create(instance);
    if (call) pawl__calls_begin(&partition->calls, call);
    return call;
}

static bool partition_take_effect(struct pawl_partition *partition, struct pawl_effect effect) {
    switch (effect.type) {
    case PAWL_EFFECT_TURN:
        pawl__dispatch_add(partition->dispatch, &partition->residency, effect);
        return true;
    case PAWL_EFFECT_ACTIVITY:
    case PAWL_EFFECT_ACTIVITY_ELSEWHERE: return pawl__writer_hold(&partition->writer, effect);
    case PAWL_EFFECT_PURGED:
        // Some wait for its end. Its reference may go if it cannot be held.
        pawl__instance_ref(effect.instance);
        bool held = pawl__writer_hold(&partition->writer, effect);
        pawl__calls_recheck(&partition->calls, effect.instance, pawl__look_is_met);
        pawl__instance_unref(effect.instance);
        return held;
    default: break;
    }
    bool ok = effect.type != PAWL_EFFECT_END || partition_end(partition, effect.instance);
    partition_tell(partition, &effect);
    pawl__instance_unref(effect.instance);
    free(effect.text);
    return ok;
}

// Hands on what the commands since the last time brought about. False when memory is out.
static bool partition_take_effects(struct pawl_partition *partition) {
    struct pawl_shard *shard = &partition->residency.shard;
    bool ok = !shard->failed;
    // A waiter that is told may give commands, and so come back here: the array is taken away
    // first.
    struct pawl_effect *effects = shard->effects;
    size_t count = shard->effect_count, cap = shard->effect_cap;
    shard->effects = NULL;
    shard->effect_count = shard->effect_cap = 0;
    for (size_t i = 0; i < count; i++) ok = partition_take_effect(partition, effects[i]) && ok;
    if (shard->effects) {
        free(effects);
    } else {
        shard->effects = effects;
        shard->effect_cap = cap;
    }
    return ok;
}

static void partition_checkpoint(struct pawl_partition *partition, bool force) {
    if (pawl__checkpoint_consider(&partition->checkpoint, force))
        pawl__writer_want(&partition->writer);
}

// To be called after every command: hands its effects on, and asks for a commit if there is
// something to write.
static void partition_settle(struct pawl_residency *residency) {
    struct pawl_partition *partition = partition_of(residency);
    const struct pawl_shard *shard = &residency->shard;
    do {
        // While the shard is being read it belongs to another thread; what failed is dropped as it
        // is.
        if (residency->failing || !pawl__residency_has_state(residency)) return;
        if (!partition_take_effects(partition)) pawl__residency_fail_nomem(residency);
        if (residency->failing) return;
        if (shard->batch.len || shard->mail.len) pawl__writer_want(&partition->writer);
        partition_checkpoint(partition, false);
        pawl__dispatch_pump(partition->dispatch);
        pawl__abroad_pump(partition->abroad);
    } while (pawl__wake_check(&partition->wake) || (shard->effect_count && !residency->failing));
    pawl__residency_trim(residency);
}

void pawl__partition_call(struct pawl_partition *partition, struct pawl_call *call) {
    pawl__calls_begin(&partition->calls, call);
    partition_settle(&partition->residency);
}

void pawl__partition_pulse(struct pawl_partition *partition, bool quiet) {
    pawl__residency_sweep_ghosts(&partition->residency);
    pawl__ownership_pulse(&partition->ownership);
    pawl__outbox_pulse(&partition->outbox);
    if (quiet && pawl__partition_serves(partition)) partition_checkpoint(partition, true);
    partition_settle(&partition->residency); // a checkpoint may be due
}

// --- taking and failing -------------------------------------------------------------------------

static void partition_on_failed(struct pawl_residency *residency, const struct pawl_error *error) {
    pawl__ownership_fail(&partition_of(residency)->ownership, error);
}

static bool partition_elsewhere(struct pawl_residency *residency, struct pawl_call *call) {
    struct pawl_partition *partition = partition_of(residency);
    return !residency->ending && partition->host->elsewhere(partition, call);
}

static bool partition_lacks(const struct pawl_residency *residency, bool turn,
                            struct pawl_str name) {
    const struct pawl_partition *partition =
        PAWL_CONTAINER(residency, const struct pawl_partition, residency);
    return pawl__choose_lacks(partition->dispatch, turn, name);
}

static void partition_listen(struct pawl_residency *residency) {
    pawl__mailbox_ring(&partition_of(residency)->mailbox);
}

static const struct pawl_residency_host partition_residency_host = {
    .settle = partition_settle,
    .failed = partition_on_failed,
    .elsewhere = partition_elsewhere,
    .listen = partition_listen,
    .lacks = partition_lacks,
};

static struct pawl_partition *partition_owned(struct pawl_ownership *ownership) {
    return PAWL_CONTAINER(ownership, struct pawl_partition, ownership);
}

static void partition_fail_calls(struct pawl_partition *partition, const struct pawl_error *error) {
    pawl__calls_fail(&partition->calls, error);
    pawl__load_drop(&partition->residency, error);
    pawl__search_drop(&partition->residency, error);
}

// What happens between dropping the state and taking it again nobody here hears of.
static void partition_interrupt(const struct pawl_partition *partition) {
    struct pawl_listener *listener = partition->residency.options->listener;
    if (listener) listener->interrupted(listener);
}

static void partition_drop(struct pawl_ownership *ownership, bool again,
                           const struct pawl_error *error) {
    struct pawl_partition *partition = partition_owned(ownership);
    if (again) partition_fail_calls(partition, error);
    pawl__dispatch_forget(partition->dispatch, &partition->residency);
    pawl__abroad_forget(partition->abroad, &partition->residency);
    if (again) pawl__dispatch_reset(partition->dispatch);
    if (again) pawl__abroad_reset(partition->abroad);
    pawl__mailbox_drop(&partition->mailbox);
    pawl__outbox_drop(&partition->outbox);
    pawl__writer_drop(&partition->writer);
    pawl__checkpoint_drop(&partition->checkpoint);
    pawl__residency_drop(&partition->residency);
    partition_interrupt(partition);
}

static bool partition_keeps(const struct pawl_ownership *ownership) {
    const struct pawl_partition *partition =
        PAWL_CONTAINER(ownership, const struct pawl_partition, ownership);
    return pawl__dispatch_keeps(partition->dispatch, &partition->residency);
}

// Offers what is outstanding; it is in the log already. False when memory is out.
static bool partition_offer(struct pawl_partition *partition) {
    struct pawl_residency *residency = &partition->residency;
    struct pawl_shard *shard = &residency->shard;
    size_t at = 0;
    bool ok = true;
    for (struct pawl_instance *instance; (instance = pawl__map_next(&shard->instances, &at));) {
        if (instance->updated_at > residency->last_now) residency->last_now = instance->updated_at;
        ok = ok && pawl__shard_offer(shard, instance);
    }
    // When the clock was set back, stamps go on from there, as they did under the lease before:
    // what it stamped may have been purged since, and no run under an id may have the number of
    // another.
    residency->last_now += (int64_t)residency->lease.epoch * PAWL_MILLISECOND / 1000;
    size_t ends = 0; // which are commands: they follow when it is served
    for (size_t i = 0; i < shard->effect_count; i++) {
        if (shard->effects[i].type == PAWL_EFFECT_END)
            shard->effects[ends++] = shard->effects[i];
        else if (shard->effects[i].type == PAWL_EFFECT_ACTIVITY_ELSEWHERE)
            pawl__abroad_add(partition->abroad, residency, shard->effects[i]);
        else
            pawl__dispatch_add(partition->dispatch, residency, shard->effects[i]);
    }
    shard->effect_count = ends;
    return ok;
}

static void partition_on_taken(struct pawl_ownership *ownership) {
    struct pawl_partition *partition = partition_owned(ownership);
    struct pawl_residency *residency = &partition->residency;
    pawl__shadow_begin(&residency->shadow, &residency->shard, residency->log);
    pawl__checkpoint_taken(&partition->checkpoint);
    partition_interrupt(partition);
    if (!partition_offer(partition)) pawl__residency_fail_nomem(residency);
    if (residency->failing) return;
    pawl__log(residency->log, PAWL_LOG_INFO, "dapr.runtime.wfengine",
              "Workflow engine started: epoch %llu, log at %llu, %zu instances in memory, %zu "
              "asleep",
              (unsigned long long)residency->lease.epoch, (unsigned long long)residency->durable,
              residency->shard.instances.len, residency->sleepers.by_id.len);
    partition->host->ready(partition, true, NULL);
    pawl__calls_recheck_all(&partition->calls);
    pawl__mailbox_ring(&partition->mailbox);
    pawl__outbox_begin(&partition->outbox);
    partition_settle(residency);
}

static void partition_on_ready(struct pawl_ownership *ownership, bool ready,
                               const struct pawl_error *reason) {
    struct pawl_partition *partition = partition_owned(ownership);
    partition->host->ready(partition, ready, reason);
}

static void partition_on_idle(struct pawl_ownership *ownership) {
    pawl__calls_send_away(&partition_owned(ownership)->calls);
}

static void partition_on_wrote(struct pawl_writer *writer) {
    pawl__ownership_works(&PAWL_CONTAINER(writer, struct pawl_partition, writer)->ownership);
}

static void partition_on_posted(struct pawl_writer *writer, const struct pawl_mail *mail) {
    struct pawl_partition *partition = PAWL_CONTAINER(writer, struct pawl_partition, writer);
    if (pawl__str_equal(mail->app, partition->residency.app))
        partition->host->posted(partition, mail->number);
    else if (pawl__str_equal(mail->app, partition->outbox.box))
        pawl__outbox_ring(&partition->outbox, mail->key);
}

static void partition_on_abroad(struct pawl_writer *writer, struct pawl_work work) {
    struct pawl_partition *partition = PAWL_CONTAINER(writer, struct pawl_partition, writer);
    pawl__abroad_add(partition->abroad, work.home, work.effect);
}

static const struct pawl_writer_host partition_writer_host = {
    .wrote = partition_on_wrote, .posted = partition_on_posted, .abroad = partition_on_abroad};

// --- life ---------------------------------------------------------------------------------------

static void partition_on_handle_close(uv_handle_t *handle) {
    struct pawl_partition *partition = handle->data;
    if (--partition->handles) return;
    pawl__calls_finish(&partition->calls);
    pawl__writer_finish(&partition->writer);
    pawl__map_finish(&partition->residency.loads);
    partition->host->closed(partition);
}

static void partition_close_handles(uv_timer_t *timer) {
    struct pawl_partition *partition = PAWL_CONTAINER(timer, struct pawl_partition, drain);
    if (partition->residency.jobs_out) { // from before a reload; each comes back here
        uv_timer_start(&partition->drain, partition_close_handles, 1, 0);
        return;
    }
    uv_handle_t *handles[] = {
        (uv_handle_t *)&partition->wake.timer, (uv_handle_t *)&partition->calls.news,
        (uv_handle_t *)&partition->ownership.retry, (uv_handle_t *)&partition->drain};
    partition->handles = sizeof handles / sizeof *handles;
    for (int i = 0, count = partition->handles; i < count; i++) {
        handles[i]->data = partition;
        uv_close(handles[i], partition_on_handle_close);
    }
}

static void partition_on_released(struct pawl_ownership *ownership) {
    struct pawl_partition *partition = partition_owned(ownership);
    struct pawl_error error;
    pawl__residency_tell_closing(&partition->residency, &error);
    partition_drop(ownership, false, &error);
    if (partition->residency.ending) {
        pawl__storage_remove(partition->residency.storage, &partition->writer.client);
        partition_close_handles(&partition->drain);
        return;
    }
    partition->residency.state = PAWL_RESIDENCY_IDLE;
    partition->residency.failing = false;
    partition->residency.incarnation++;
    partition->host->given(partition);
    pawl__calls_send_away(&partition->calls);
}

// Waits for the last batch and the last checkpoint to be written.
static void partition_on_drain(uv_timer_t *timer) {
    struct pawl_partition *partition = PAWL_CONTAINER(timer, struct pawl_partition, drain);
    const struct pawl_residency *residency = &partition->residency;
    bool out = residency->in_commit || residency->jobs_out;
    bool unwritten = residency->storage->busy || partition->checkpoint.running ||
                     residency->shard.batch.len || residency->shard.mail.len;
    bool kept = pawl__dispatch_keeps(partition->dispatch, residency);
    if (out || kept || (unwritten && !residency->failing)) {
        uv_timer_start(&partition->drain, partition_on_drain, 1, 0);
        return;
    }
    // What the last commit did not make durable has no other answer.
    struct pawl_error error;
    pawl__residency_tell_closing(residency, &error);
    partition_fail_calls(partition, &error);
    pawl__ownership_release(&partition->ownership);
}

void pawl__partition_take(struct pawl_partition *partition, bool once) {
    pawl__ownership_take(&partition->ownership, once);
}

static void partition_begin_drain(struct pawl_partition *partition) {
    if (!partition->residency.failing) {
        partition_checkpoint(partition, true);
        partition_settle(&partition->residency); // what is left, and what was purged
    }
    uv_timer_start(&partition->drain, partition_on_drain, 0, 0);
}

void pawl__partition_give(struct pawl_partition *partition) {
    if (!pawl__partition_serves(partition)) return;
    pawl__wake_stop(&partition->wake);
    pawl__ownership_close(&partition->ownership);
    partition_begin_drain(partition);
}

void pawl__partition_close(struct pawl_partition *partition) {
    struct pawl_error error;
    partition->residency.ending = true;
    pawl__residency_tell_closing(&partition->residency, &error);
    if (partition->residency.state == PAWL_RESIDENCY_CLOSING) { // it is being given already
        pawl__calls_fail_waiters(&partition->calls, &error);
        return;
    }
    pawl__wake_stop(&partition->wake);
    pawl__storage_hurry(partition->residency.storage);
    bool released = pawl__ownership_close(&partition->ownership);
    pawl__calls_fail_waiters(&partition->calls, &error);
    if (!released) partition_begin_drain(partition);
}

static const struct pawl_ownership_host partition_ownership_host = {
    .drop = partition_drop,
    .keeps = partition_keeps,
    .taken = partition_on_taken,
    .ready = partition_on_ready,
    .idle = partition_on_idle,
    .released = partition_on_released,
};

void pawl__partition_init(struct pawl_partition *partition, struct pawl_storage *storage,
                          struct pawl_dispatch *dispatch, const struct pawl_node_options *options,
                          const struct pawl_partition_place *place,
                          const struct pawl_partition_host *host) {
    partition->host = host;
    partition->dispatch = dispatch;
    partition->abroad = place->abroad;
    pawl__residency_init(&partition->residency, storage, options, place->app, place->number,
                         place->count, &partition_residency_host);
    partition->residency.received = place->received;
    pawl__calls_init(&partition->calls, &partition->residency);
    pawl__checkpoint_init(&partition->checkpoint, &partition->residency);
    pawl__mailbox_init(&partition->mailbox, &partition->calls);
    pawl__outbox_init(&partition->outbox, &partition->calls, place->apps, place->outbox);
    pawl__writer_init(&partition->writer, &partition->calls, &partition->checkpoint,
                      &partition->mailbox, &partition->outbox, dispatch, &partition_writer_host);
    pawl__wake_init(&partition->wake, &partition->residency);
    uv_timer_init(storage->loop, &partition->drain);
    pawl__storage_add(storage, &partition->writer.client);
    pawl__ownership_init(&partition->ownership, &partition->residency, place->owner,
                         &partition_ownership_host);
}
