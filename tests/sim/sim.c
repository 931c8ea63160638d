#include "sim.h"

#include <stdarg.h>
#include <stdlib.h>

#include "engine/events.h"
#include "wire/timestamp.h"
#include "wire/unpack.h"

#define STATUS(name) PB__ORCHESTRATION_STATUS__ORCHESTRATION_STATUS_##name

// --- chance, telling ----------------------------------------------------------------------------

uint64_t sim_random(struct sim_random *random) { // xorshift64*
    random->state ^= random->state >> 12;
    random->state ^= random->state << 25;
    random->state ^= random->state >> 27;
    return random->state * UINT64_C(2685821657736338717);
}

unsigned sim_below(struct sim_random *random, unsigned limit) {
    return (unsigned)(sim_random(random) >> 33) % limit;
}

bool sim_chance(struct sim_random *random, unsigned percent) {
    return sim_below(random, 100) < percent;
}

__attribute__((format(printf, 2, 3))) static void sim_trace(struct sim *sim, const char *format,
                                                            ...) {
    enum {
        LINES = sizeof sim->trace / sizeof *sim->trace
    };
    char *line = sim->trace[sim->traced++ % LINES];
    int len = snprintf(line, sizeof *sim->trace, "%8lu %12lld  ", sim->step,
                       (long long)(sim->now % 1000000000000));
    va_list args;
    va_start(args, format);
    vsnprintf(line + len, sizeof *sim->trace - (size_t)len, format, args);
    va_end(args);
    if (sim->options.verbose) fprintf(stderr, "%s\n", line);
}

// Tells of an invariant that does not hold.
__attribute__((format(printf, 3, 4))) static void sim_fail(struct sim *sim, const char *invariant,
                                                           const char *format, ...) {
    enum {
        LINES = sizeof sim->trace / sizeof *sim->trace
    };
    if (sim->failed) return;
    sim->failed = true;
    fprintf(stderr, "pawl-sim: %s: ", invariant);
    va_list args;
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fprintf(stderr, "\n");
    for (unsigned long i = sim->traced > LINES ? sim->traced - LINES : 0; i < sim->traced; i++)
        fprintf(stderr, "  %s\n", sim->trace[i % LINES]);
    fprintf(stderr, "again: pawl-sim --seed %llu --steps %lu\n",
            (unsigned long long)sim->options.seed, sim->options.steps);
}

static struct pawl_stamp sim_stamp(struct sim *sim) {
    struct pawl_stamp stamp = {.now = sim->now};
    if (stamp.now <= sim->last_stamp) stamp.now = sim->last_stamp + 1;
    sim->last_stamp = stamp.now;
    snprintf(stamp.uuid, sizeof stamp.uuid, "execution-%u", ++sim->uuids);
    return stamp;
}

// --- comparing with what is durable -------------------------------------------------------------

static enum pawl_err mirror_load(void *arg, struct pawl_str id, struct pawl_error *error) {
    struct sim *sim = arg;
    struct pawl_instance *ghost;
    (void)error;
    return pawl__shard_ghost(&sim->mirror, id, &ghost);
}

static const struct pawl_instance *mirror_find(const struct sim *sim, struct pawl_str id) {
    const struct pawl_instance *instance = pawl__shard_find(&sim->mirror, id);
    return instance && instance->exists ? instance : NULL;
}

// The whole of an instance, as a store would have it.
static void sim_snapshot(struct sim *sim, const struct pawl_instance *instance,
                         struct pawl_snapshot *out) {
    if (!pawl__shard_snapshot(instance, &sim->arena, out)) abort();
    out->history = pawl__buf_str(&instance->history.bytes);
    out->history_from = 0;
}

static bool sim_same(struct sim *sim, const struct pawl_snapshot *a,
                     const struct pawl_instance *instance) {
    struct pawl_snapshot b;
    sim_snapshot(sim, instance, &b);
    return a->position == b.position && a->status == b.status && a->wake_at == b.wake_at &&
           a->active == b.active && pawl__str_equal(a->state, b.state) &&
           pawl__str_equal(a->history, b.history);
}

// Compares all that is in memory or in the store with the mirror.
static void sim_compare(struct sim *sim, const char *invariant) {
    size_t at = 0;
    struct pawl_instance *instance;
    while ((instance = pawl__map_next(&sim->mirror.instances, &at))) {
        struct pawl_snapshot snapshot;
        const struct pawl_instance *live =
            pawl__shard_find(&sim->shard, pawl__instance_id(instance));
        const struct sim_row *row = sim_store_find(&sim->store, pawl__instance_id(instance));
        bool exists = live ? live->exists : row != NULL;
        if (exists != instance->exists) {
            sim_fail(sim, invariant, "'%s' %s, but the log says otherwise", instance->id,
                     exists ? "exists" : "does not exist");
            return;
        }
        if (!exists) continue;
        if (live)
            sim_snapshot(sim, live, &snapshot);
        else
            snapshot = row->snapshot;
        if (!sim_same(sim, &snapshot, instance)) {
            sim_fail(sim, invariant, "'%s' is not what the log says", instance->id);
            return;
        }
    }
    at = 0;
    while ((instance = pawl__map_next(&sim->shard.instances, &at)))
        if (instance->exists && !mirror_find(sim, pawl__instance_id(instance)))
            sim_fail(sim, invariant, "'%s' exists, but the log does not know it", instance->id);
}

// --- what is in memory --------------------------------------------------------------------------

static void sim_take_effects(struct sim *sim);

// Puts an instance in memory, or a ghost of it.
static struct pawl_instance *sim_load(struct sim *sim, struct pawl_str id) {
    struct pawl_instance *instance = pawl__shard_find(&sim->shard, id);
    if (instance) return instance;
    const struct sim_row *row = sim_store_find(&sim->store, id);
    sim->counts.loads++;
    enum pawl_err err =
        row ? pawl__shard_restore(&sim->shard, &row->snapshot, &instance, &sim->error)
            : pawl__shard_ghost(&sim->shard, id, &instance);
    if (err) sim_fail(sim, "snapshots_can_be_read", "%s", sim->error.text);
    if (err) return NULL;
    pawl__shard_offer(&sim->shard, instance);
    sim_take_effects(sim);
    return instance;
}

// Whether a command is to be given again, now that what it needs is loaded.
static bool sim_needs(struct sim *sim, enum pawl_err err) {
    if (sim->shard.failed) abort();
    if (err != PAWL_E_NEEDED) return false;
    char *id = pawl__arena_dup(&sim->arena, pawl__str(sim->shard.needed));
    return sim_load(sim, pawl__str(id)) != NULL;
}

#define SIM_RUN(sim, err, call)                                                                    \
    do (err) = (call);                                                                             \
    while (sim_needs(sim, err))

static void effect_release(struct pawl_effect *effect) {
    pawl__instance_unref(effect->instance);
    effect->instance = NULL;
}

static void held_release(struct sim_held *held) {
    effect_release(&held->effect);
    free(held->key);
}

static struct sim_held *sim_hold(struct sim *sim, enum sim_held_type type, uint64_t position) {
    if (sim->held_count == SIM_HELD) abort();
    struct sim_held *held = &sim->held[sim->held_count++];
    *held = (struct sim_held){.type = type, .position = position};
    return held;
}

static void sim_take_effects(struct sim *sim) {
    for (size_t i = 0; i < sim->shard.effect_count; i++) {
        struct pawl_effect effect = sim->shard.effects[i];
        if (sim->turn_count == SIM_HELD || sim->activity_count == SIM_HELD) abort();
        switch (effect.type) {
        case PAWL_EFFECT_TURN: sim->turns[sim->turn_count++] = effect; break;
        case PAWL_EFFECT_ACTIVITY:
        case PAWL_EFFECT_PURGED:
            sim_hold(sim, effect.type == PAWL_EFFECT_ACTIVITY ? SIM_HELD_ACTIVITY : SIM_HELD_DELETE,
                     sim->shard.batch.len ? sim->shard.position : sim->durable)
                ->effect = effect;
            break;
        case PAWL_EFFECT_CHANGED: effect_release(&effect); break;
        }
    }
    sim->shard.effect_count = 0;
}

// Lets go what has waited for batches that are durable now.
static void sim_release_held(struct sim *sim) {
    size_t kept = 0;
    for (size_t i = 0; i < sim->held_count; i++) {
        struct sim_held held = sim->held[i];
        if (held.position > sim->durable) {
            sim->held[kept++] = held;
            continue;
        }
        switch (held.type) {
        case SIM_HELD_ACTIVITY:
            if (sim->activity_count == SIM_HELD) abort();
            sim->activities[sim->activity_count++] = held.effect;
            held.effect.instance = NULL;
            break;
        case SIM_HELD_STARTED:
            if (held.start > held.id->started) held.id->started = held.start;
            break;
        case SIM_HELD_RAISED: held.id->raised = held.start; break;
        case SIM_HELD_ENDED:
            if (held.id->asked == held.start) held.id->ended = true;
            break;
        case SIM_HELD_RESULT:
            if (pawl__map_get(&sim->results, pawl__str(held.key))) break;
            pawl__map_put(&sim->results, pawl__str(held.key), held.key);
            held.key = NULL;
            break;
        case SIM_HELD_DELETE: break;
        }
        held_release(&held);
    }
    sim->held_count = kept;
}

// --- crashes and recovery -----------------------------------------------------------------------

static void sim_drop(struct sim *sim) {
    for (size_t i = 0; i < sim->held_count; i++) held_release(&sim->held[i]);
    for (size_t i = 0; i < sim->turn_count; i++) effect_release(&sim->turns[i]);
    for (size_t i = 0; i < sim->activity_count; i++) effect_release(&sim->activities[i]);
    for (size_t i = 0; i < SIM_ITEMS; i++) effect_release(&sim->items[i].effect);
    for (size_t i = 0; i < sim->mark_count; i++) pawl__instance_unref(sim->marks[i].instance);
    sim->held_count = sim->turn_count = sim->activity_count = sim->mark_count = 0;
    sim_commit_clear(&sim->commit);
    pawl__shard_finish(&sim->shard);
}

static enum pawl_err recover_load(void *arg, struct pawl_str id, struct pawl_error *error) {
    struct sim *sim = arg;
    struct pawl_instance *instance;
    const struct sim_row *row = sim_store_find(&sim->store, id);
    return row ? pawl__shard_restore(&sim->shard, &row->snapshot, &instance, error)
               : pawl__shard_ghost(&sim->shard, id, &instance);
}

static void sim_check_promises(struct sim *sim) {
    for (size_t i = 0; i < SIM_IDS; i++) {
        const struct sim_id *id = &sim->ids[i];
        const struct pawl_instance *instance = mirror_find(sim, pawl__str(id->name));
        if (id->started && !instance)
            sim_fail(sim, "acknowledged_start_survives", "'%s' is gone", id->name);
        if (id->ended && (!instance || !pawl__instance_completed(instance)))
            sim_fail(sim, "nothing_seen_before_durable", "'%s' was seen to have ended", id->name);
    }
}

static void sim_recover(struct sim *sim) {
    struct sim_store *store = &sim->store;
    enum pawl_err err = PAWL_OK;
    if (!pawl__shard_init(&sim->shard, PAWL_STR("app"), store->position)) abort();
    for (size_t i = 0; !err && i < store->row_count; i++)
        if (store->rows[i].snapshot.active)
            err = recover_load(sim, store->rows[i].snapshot.id, &sim->error);
    for (uint64_t at = store->trimmed; !err && at < store->position; at++) {
        struct pawl_batch batch = {at + 1, store->batches[at]};
        err = pawl__shard_replay(&sim->shard, &batch, recover_load, sim, &sim->error);
        sim->counts.replayed++;
    }
    if (!err) err = pawl__shard_replayed(&sim->shard, &sim->error);
    if (err) {
        sim_fail(sim, "the_log_can_be_read", "%s", sim->error.text);
        return;
    }
    sim->durable = store->position;
    if (sim->shard.effect_count) sim_fail(sim, "replay_has_no_effects", "it has some");
    sim_compare(sim, "recovered_is_what_was_durable");
    sim_check_promises(sim);
    size_t at = 0;
    sim->last_stamp = 0; // a daemon that starts knows the time of what it has in memory
    for (struct pawl_instance *instance; (instance = pawl__map_next(&sim->shard.instances, &at));) {
        if (instance->updated_at > sim->last_stamp) sim->last_stamp = instance->updated_at;
        pawl__shard_offer(&sim->shard, instance);
    }
    sim_take_effects(sim);
    sim_release_held(sim);
}

// What is on disk after a commit that may or may not have happened.
static void sim_apply_commit(struct sim *sim) {
    sim_store_apply(&sim->store, &sim->commit);
    if (!sim->commit.position) return;
    struct pawl_batch batch = {sim->commit.position, pawl__buf_str(&sim->commit.bytes)};
    if (pawl__shard_replay(&sim->mirror, &batch, mirror_load, sim, &sim->error))
        sim_fail(sim, "the_log_can_be_read", "%s", sim->error.text);
}

static void sim_crash(struct sim *sim) {
    bool took = sim->commit.running && sim_chance(&sim->random, 50);
    sim->counts.crashes++;
    sim_trace(sim, "crash%s", took ? ", the commit was on disk" : "");
    if (took) sim_apply_commit(sim);
    sim_drop(sim);
    if (sim_chance(&sim->random, 50)) sim->now += sim_below(&sim->random, 500);
    if (sim_chance(&sim->random, 5)) sim->now -= sim_below(&sim->random, 5000);
    sim_recover(sim);
}

// --- commits ------------------------------------------------------------------------------------

static void commit_add_snapshot(struct sim *sim, struct pawl_instance *instance) {
    struct pawl_snapshot snapshot;
    if (!pawl__shard_snapshot(instance, &sim->arena, &snapshot)) abort();
    sim_commit_put(&sim->commit, &snapshot);
    sim->counts.snapshots++;
    sim->marks[sim->mark_count++] = (struct sim_mark){
        pawl__instance_ref(instance), instance->generation,        snapshot.position,
        instance->history.count,      instance->history.bytes.len,
    };
}

static void sim_begin_commit(struct sim *sim) {
    struct sim_commit *commit = &sim->commit;
    if (commit->running) return;
    uint64_t position;
    if (pawl__shard_take_batch(&sim->shard, &commit->bytes, &position)) commit->position = position;
    for (size_t i = 0; i < sim->held_count; i++)
        if (sim->held[i].type == SIM_HELD_DELETE && commit->position &&
            sim->held[i].position == commit->position)
            commit->deletes[commit->delete_count++] =
                pawl__str_dup(pawl__instance_id(sim->held[i].effect.instance));
    bool all = sim_chance(&sim->random, 3), some = sim_chance(&sim->random, 20);
    size_t at = 0;
    for (struct pawl_instance *instance;
         (all || some) && (instance = pawl__map_next(&sim->shard.instances, &at));)
        if (instance->exists && instance->saved != instance->position &&
            (all || sim_chance(&sim->random, 30)))
            commit_add_snapshot(sim, instance);
    if (all) commit->trim_to = sim->shard.position - 1;
    commit->running = commit->position || commit->put_count;
    if (!commit->running) commit->trim_to = 0;
}

static void sim_end_commit(struct sim *sim) {
    struct sim_commit *commit = &sim->commit;
    if (!commit->running) return;
    if (!sim->draining && sim_chance(&sim->random, 2)) {
        bool took = sim_chance(&sim->random, 50);
        sim->counts.failed_commits++;
        sim_trace(sim, "commit %llu fails %s", (unsigned long long)commit->position,
                  took ? "after it was done" : "before it was done");
        if (took) sim_apply_commit(sim);
        sim_drop(sim);
        sim_recover(sim);
        return;
    }
    sim->counts.commits++;
    sim->counts.trims += commit->trim_to != 0;
    sim_apply_commit(sim);
    if (commit->position) sim->durable = commit->position;
    for (size_t i = 0; i < sim->mark_count; i++) {
        struct sim_mark *mark = &sim->marks[i];
        mark->instance->saved = mark->position;
        if (mark->instance->generation == mark->generation) {
            mark->instance->saved_events = mark->events;
            mark->instance->saved_bytes = mark->bytes;
        }
        pawl__instance_unref(mark->instance);
    }
    sim->mark_count = 0;
    sim_commit_clear(commit);
    sim_release_held(sim);
    if (!sim->shard.batch.len) sim_compare(sim, "memory_is_what_was_durable");
}

// --- workers ------------------------------------------------------------------------------------

// Takes any one of |effects| out.
static bool sim_pick(struct sim *sim, struct pawl_effect *effects, size_t *count,
                     struct pawl_effect *out) {
    if (!*count) return false;
    size_t i = sim_below(&sim->random, (unsigned)*count);
    *out = effects[i];
    effects[i] = effects[--*count];
    return true;
}

static struct sim_item *item_place(struct sim *sim, const struct pawl_effect *effect) {
    struct sim_item *place = NULL;
    for (size_t i = 0; i < SIM_ITEMS; i++) {
        struct sim_item *item = &sim->items[i];
        // An item of an earlier generation: nobody waits for it.
        if (item->effect.instance == effect->instance && item->effect.task_id == effect->task_id &&
            item->effect.type == effect->type)
            effect_release(&item->effect);
        if (!item->effect.instance) place = item;
    }
    return place;
}

static bool item_is_out(const struct sim *sim, const struct pawl_effect *effect) {
    for (size_t i = 0; i < SIM_ITEMS; i++) {
        const struct pawl_effect *other = &sim->items[i].effect;
        if (other->instance == effect->instance && other->type == effect->type &&
            other->task_id == effect->task_id && other->generation == effect->generation)
            return true;
    }
    return false;
}

static const Pb__WorkItem *item_decode(struct sim *sim, const struct sim_item *item) {
    const Pb__WorkItem *work = pawl__wire_unpack(&sim->arena, &pb__work_item__descriptor,
                                                 pawl__buf_str(&item->bytes), NULL);
    if (!work) abort();
    return work;
}

static char *result_key(struct sim *sim, const Pb__ActivityRequest *request) {
    return pawl__arena_format(&sim->arena, "%s/%s/%d", request->workflowinstance->instanceid,
                              pawl__string_of(request->workflowinstance->executionid),
                              request->taskid);
}

static void sim_give_turn(struct sim *sim) {
    struct pawl_effect effect;
    if (!sim_pick(sim, sim->turns, &sim->turn_count, &effect)) return;
    struct pawl_instance *instance = effect.instance;
    effect.generation = instance->generation;
    effect.task_id = -1;
    struct sim_item *item = NULL;
    if (instance->linked && pawl__shard_turn_ready(instance, sim->now))
        item = item_place(sim, &effect);
    if (!item) {
        if (instance->linked && pawl__shard_turn_ready(instance, sim->now))
            sim->turns[sim->turn_count++] = effect; // all workers are busy
        else
            effect_release(&effect);
        return;
    }
    pawl__buf_clear(&item->bytes);
    if (!pawl__shard_begin_turn(instance, sim_stamp(sim), PAWL_STR("t"), &item->bytes)) abort();
    item->effect = effect;
    sim->counts.turns++;
}

static void sim_give_activity(struct sim *sim) {
    struct pawl_effect effect;
    if (!sim_pick(sim, sim->activities, &sim->activity_count, &effect)) return;
    struct pawl_instance *instance = effect.instance;
    const struct pawl_pending *pending = pawl__pending_find(&instance->pending, effect.task_id);
    struct sim_item *item = NULL;
    bool wanted = instance->linked && effect.generation == instance->generation && pending &&
                  pending->kind == PAWL_PENDING_TASK && !item_is_out(sim, &effect);
    if (wanted && !(item = item_place(sim, &effect))) {
        sim->activities[sim->activity_count++] = effect;
        return;
    }
    if (!wanted) {
        effect_release(&effect);
        return;
    }
    const struct pawl_instance *durable = mirror_find(sim, pawl__instance_id(instance));
    if (!durable || durable->generation != instance->generation ||
        (!(pending = pawl__pending_find(&durable->pending, effect.task_id)) &&
         durable->position <= sim->durable))
        sim_fail(sim, "handed_out_after_durable", "activity %d of '%s' is not in the log",
                 effect.task_id, instance->id);
    pawl__buf_clear(&item->bytes);
    if (!pawl__shard_activity_item(&sim->shard, instance, effect.task_id, PAWL_STR("t"),
                                   &item->bytes))
        abort();
    item->effect = effect;
    sim->counts.activities++;
    char *key = result_key(sim, item_decode(sim, item)->activityrequest);
    if (pawl__map_get(&sim->results, pawl__str(key)))
        sim_fail(sim, "acknowledged_result_never_reruns", "activity %s", key);
}

static void sim_answer_turn(struct sim *sim, struct sim_item *item) {
    const char *why = NULL;
    struct pawl_buf bytes = {0};
    const Pb__WorkflowRequest *request = item_decode(sim, item)->workflowrequest;
    if (!sim_worker_turn(request, "t", sim->versions, &sim->arena, &bytes, &why)) {
        sim_fail(sim, "history_is_sound", "'%s': %s", request->instanceid, why);
        return;
    }
    const Pb__WorkflowResponse *response = pawl__wire_unpack(
        &sim->arena, &pb__workflow_response__descriptor, pawl__buf_str(&bytes), NULL);
    enum pawl_err err;
    SIM_RUN(sim, err,
            pawl__shard_complete_turn(&sim->shard, sim_stamp(sim), item->effect.instance, response,
                                      pawl__buf_str(&bytes), &sim->error));
    if (err) sim_fail(sim, "answers_can_be_applied", "%s", sim->error.text);
    sim->counts.stalls += item->effect.instance->stalled;
    pawl__buf_finish(&bytes);
}

static void sim_answer_activity(struct sim *sim, struct sim_item *item) {
    const Pb__ActivityRequest *request = item_decode(sim, item)->activityrequest;
    Pb__ActivityResponse response;
    struct pawl_instance *instance = item->effect.instance;
    sim_worker_activity(request, &sim->random, &sim->arena, &response);
    if (item->effect.generation != instance->generation) return;
    enum pawl_err err;
    SIM_RUN(sim, err,
            pawl__shard_complete_task(&sim->shard, sim_stamp(sim), instance, response.taskid,
                                      &response, &sim->error));
    if (err) sim_fail(sim, "answers_can_be_applied", "%s", sim->error.text);
    sim_hold(sim, SIM_HELD_RESULT, instance->position)->key =
        pawl__str_dup(pawl__str(result_key(sim, request)));
}

static void sim_answer(struct sim *sim) {
    struct sim_item *item = &sim->items[sim_below(&sim->random, SIM_ITEMS)];
    if (!item->effect.instance) return;
    bool turn = item->effect.type == PAWL_EFFECT_TURN;
    bool lost = !sim->draining && sim_chance(&sim->random, 5);
    sim_trace(sim, "%s %s %d%s", turn ? "turn of" : "activity of", item->effect.instance->id,
              item->effect.task_id, lost ? " is lost" : "");
    if (lost) { // offered again
        struct pawl_effect effect = item->effect;
        item->effect.instance = NULL;
        if (turn) {
            pawl__shard_turn_lost(effect.instance);
            sim->turns[sim->turn_count++] = effect;
        } else {
            sim->activities[sim->activity_count++] = effect;
        }
        return;
    }
    if (turn)
        sim_answer_turn(sim, item);
    else
        sim_answer_activity(sim, item);
    effect_release(&item->effect);
    sim_take_effects(sim);
}

// A worker connects, with or without the code of all versions.
static void sim_connect(struct sim *sim) {
    sim->versions = sim->draining || sim_chance(&sim->random, 70);
    size_t at = 0;
    for (struct pawl_instance *instance; (instance = pawl__map_next(&sim->shard.instances, &at));) {
        if (!instance->turn_held) continue;
        instance->turn_held = false;
        sim->turns[sim->turn_count++] =
            (struct pawl_effect){PAWL_EFFECT_TURN, -1, pawl__instance_ref(instance), 0};
    }
}

// --- the clock and memory -----------------------------------------------------------------------

static void check_fired(struct sim *sim, const struct pawl_instance *instance, int64_t stamp) {
    struct pawl_event_view view;
    size_t at = 0;
    while (pawl__history_next(pawl__buf_str(&instance->inbox.bytes), &at, &view)) {
        if (pawl__event_type(view.bytes) != PB__HISTORY_EVENT__EVENT_TYPE_TIMER_FIRED) continue;
        const Pb__HistoryEvent *event =
            pawl__wire_unpack(&sim->arena, &pb__history_event__descriptor, view.bytes, NULL);
        if (pawl__timestamp_get(event->timestamp) != stamp) continue;
        sim->counts.timers++;
        if (pawl__timestamp_get(event->timerfired->fireat) > sim->now)
            sim_fail(sim, "timer_never_early", "timer %d of '%s'", event->timerfired->timerid,
                     instance->id);
    }
}

static void sim_tick(struct sim *sim) {
    if (!sim->draining && sim_chance(&sim->random, 2))
        sim->now -= sim_below(&sim->random, 400); // the clock is set back
    else
        sim->now += sim_below(&sim->random, sim->draining ? 500 : 60);
    for (size_t i = 0; i < sim->store.row_count; i++) // sleepers
        if (sim->store.rows[i].snapshot.wake_at <= sim->now)
            sim_load(sim, sim->store.rows[i].snapshot.id);
    struct pawl_stamp stamp = sim_stamp(sim);
    if (pawl__shard_fire_timers(&sim->shard, sim->now, stamp, &sim->error)) abort();
    for (size_t i = 0; i < sim->shard.effect_count; i++)
        check_fired(sim, sim->shard.effects[i].instance, stamp.now);
    sim_take_effects(sim);
}

static void sim_evict(struct sim *sim) {
    struct pawl_instance *found[8];
    size_t count = 0, at = 0;
    for (struct pawl_instance *instance;
         count < 8 && (instance = pawl__map_next(&sim->shard.instances, &at));) {
        bool resting = instance->exists ? instance->saved == instance->position &&
                                              !pawl__instance_active(instance)
                                        : true;
        if (resting && instance->refs == 1 && instance->position <= sim->durable &&
            sim_chance(&sim->random, 40))
            found[count++] = instance;
    }
    for (size_t i = 0; i < count; i++) pawl__shard_evict(&sim->shard, found[i]);
    sim->counts.evictions += count;
}

// --- clients ------------------------------------------------------------------------------------

static void client_expect(struct sim_id *id, unsigned start, const char *result) {
    size_t kept = 0; // what was expected of starts before the one that is known to have been
    for (size_t i = 0; i < id->expected_count; i++)
        if (id->expected[i].start >= id->started)
            id->expected[kept++] = id->expected[i];
        else
            free(id->expected[i].result);
    if (kept == SIM_EXPECTED) abort();
    id->expected[kept].start = start;
    id->expected[kept].result = pawl__str_dup(pawl__str(result));
    id->expected_count = kept + 1;
}

static void client_start(struct sim *sim, struct sim_id *id) {
    unsigned programs = 0;
    while (sim_programs[programs]) programs++;
    const char *name = sim_programs[sim_below(&sim->random, programs)];
    char input[16];
    snprintf(input, sizeof input, "%u", sim_below(&sim->random, 50));
    size_t open = 0;
    for (size_t i = 0; i < id->expected_count; i++) open += id->expected[i].start >= id->started;
    if (open == SIM_EXPECTED) return; // too many starts that nobody knows the end of
    Pb__WorkflowInstance self = PB__WORKFLOW_INSTANCE__INIT;
    self.instanceid = id->name;
    self.executionid = pawl__string_value(
        &sim->arena, pawl__arena_format(&sim->arena, "execution-%u", ++sim->uuids));
    Pb__ExecutionStartedEvent start = PB__EXECUTION_STARTED_EVENT__INIT;
    start.name = pawl__arena_dup(&sim->arena, pawl__str(name));
    start.input = pawl__string_value(&sim->arena, input);
    start.workflowinstance = &self;
    if (sim_chance(&sim->random, 20))
        start.scheduledstarttimestamp =
            pawl__timestamp(&sim->arena, sim->now + sim_below(&sim->random, 600));
    enum pawl_err err;
    SIM_RUN(sim, err,
            pawl__shard_create(&sim->shard, sim_stamp(sim), pawl__str(id->name), &start,
                               sim_chance(&sim->random, 10), &sim->error));
    if (err) return;
    sim_trace(sim, "start %s %s(%s)", id->name, name, input);
    sim->counts.starts++;
    id->asked = ++sim->starts;
    id->ended = false;
    client_expect(id, id->asked, sim_expected(name, input, &sim->arena));
    struct sim_held *held = sim_hold(sim, SIM_HELD_STARTED, sim->shard.position);
    held->id = id;
    held->start = id->asked;
}

static void client_post(struct sim *sim, struct sim_id *id, Pb__HistoryEvent__EventTypeCase type) {
    Pb__HistoryEvent *event = pawl__event_create(&sim->arena, sim->now, type);
    if (type == PB__HISTORY_EVENT__EVENT_TYPE_EVENT_RAISED)
        event->eventraised->name = sim->draining || sim_chance(&sim->random, 50) ? "GO" : "STEP";
    if (type == PB__HISTORY_EVENT__EVENT_TYPE_EXECUTION_TERMINATED)
        event->executionterminated->recurse = sim_chance(&sim->random, 50);
    enum pawl_err err;
    SIM_RUN(sim, err,
            pawl__shard_post(&sim->shard, sim_stamp(sim), pawl__str(id->name), event, &sim->error));
    if (err) return;
    const struct pawl_instance *instance = pawl__shard_find(&sim->shard, pawl__str(id->name));
    sim_trace(sim, "post %d to %s", (int)type, id->name);
    if (type == PB__HISTORY_EVENT__EVENT_TYPE_EXECUTION_TERMINATED) {
        id->interfered = id->asked;
        id->upset = true;
    }
    if (type != PB__HISTORY_EVENT__EVENT_TYPE_EVENT_RAISED ||
        strcmp(event->eventraised->name, "GO") != 0 || pawl__instance_completed(instance))
        return;
    struct sim_held *held = sim_hold(sim, SIM_HELD_RAISED, instance->position);
    held->id = id;
    held->start = id->asked;
}

static void client_purge(struct sim *sim, struct sim_id *id) {
    uint32_t count;
    enum pawl_err err;
    SIM_RUN(sim, err,
            pawl__shard_purge(&sim->shard, pawl__str(id->name), sim_chance(&sim->random, 50),
                              sim_chance(&sim->random, 10), &count, &sim->error));
    if (err) return;
    sim_trace(sim, "purge %s", id->name);
    id->started = 0;
    id->ended = false;
    id->upset = true; // a child may be left that a later parent of this id takes up
    for (size_t i = 0; i < sim->held_count; i++) // answers on their way say nothing any more
        if (sim->held[i].id == id) sim->held[i].start = 0;
}

static void client_look(struct sim *sim, struct sim_id *id) {
    const struct pawl_instance *instance = sim_load(sim, pawl__str(id->name));
    if (!instance || !instance->exists || !pawl__instance_completed(instance)) return;
    struct sim_held *held = sim_hold(sim, SIM_HELD_ENDED, instance->position);
    held->id = id;
    held->start = id->asked;
}

static void sim_client(struct sim *sim) {
    struct sim_id *id = &sim->ids[sim_below(&sim->random, SIM_IDS)];
    unsigned dice = sim_below(&sim->random, 100);
    if (dice < 40)
        client_start(sim, id);
    else if (dice < 60)
        client_post(sim, id, PB__HISTORY_EVENT__EVENT_TYPE_EVENT_RAISED);
    else if (dice < 66)
        client_post(sim, id, PB__HISTORY_EVENT__EVENT_TYPE_EXECUTION_SUSPENDED);
    else if (dice < 76)
        client_post(sim, id, PB__HISTORY_EVENT__EVENT_TYPE_EXECUTION_RESUMED);
    else if (dice < 79)
        client_post(sim, id, PB__HISTORY_EVENT__EVENT_TYPE_EXECUTION_TERMINATED);
    else if (dice < 84)
        client_purge(sim, id);
    else
        client_look(sim, id);
    sim_take_effects(sim);
    sim_release_held(sim);
}

// --- the run ------------------------------------------------------------------------------------

static void sim_one_step(struct sim *sim) {
    unsigned dice = sim_below(&sim->random, 1000);
    pawl__arena_reset(&sim->arena);
    sim->step++;
    if (dice < 120 && !sim->draining)
        sim_client(sim);
    else if (dice < 300)
        sim_give_turn(sim);
    else if (dice < 450)
        sim_give_activity(sim);
    else if (dice < 800)
        sim_answer(sim);
    else if (dice < 870)
        sim_begin_commit(sim);
    else if (dice < 940)
        sim_end_commit(sim);
    else if (dice < 980)
        sim_tick(sim);
    else if (dice < 988)
        sim_evict(sim);
    else if (dice < 992)
        sim_connect(sim);
    else if (dice < 996 && !sim->draining)
        sim_crash(sim);
}

// Whether all that the log knows has ended.
static const char *sim_unfinished(const struct sim *sim) {
    size_t at = 0;
    for (const struct pawl_instance *instance;
         (instance = pawl__map_next(&sim->mirror.instances, &at));)
        if (instance->exists && !pawl__instance_completed(instance)) return instance->id;
    return NULL;
}

static void sim_check_result(struct sim *sim, const struct sim_id *id) {
    const struct pawl_instance *instance = mirror_find(sim, pawl__str(id->name));
    if (!instance) return;
    const Pb__HistoryEvent *event =
        pawl__history_at(&instance->history, instance->final_offset, &sim->arena);
    const char *result = pawl__string_of(event->executioncompleted->result);
    sim->counts.ended++;
    if (instance->final_status == STATUS(TERMINATED)) {
        if (!id->interfered || id->interfered < id->started)
            sim_fail(sim, "right_result", "'%s' was terminated by nobody", id->name);
        return;
    }
    if (instance->final_status == STATUS(FAILED) && id->upset) return;
    for (size_t i = 0; i < id->expected_count; i++)
        if (result && id->expected[i].start >= id->started &&
            strcmp(id->expected[i].result, result) == 0)
            return;
    sim_fail(sim, "right_result", "'%s' (%s) ended with %s", id->name, instance->name,
             result ? result : "nothing");
}

// No more trouble: all that has begun has to end.
static void sim_drain(struct sim *sim) {
    sim->draining = true;
    for (size_t i = 0; i < sim->store.row_count; i++) sim_load(sim, sim->store.rows[i].snapshot.id);
    sim_connect(sim);
    for (int i = 0; i < 50000 && !sim->failed; i++) {
        sim_one_step(sim);
        if (i % 1000 == 999) sim_connect(sim);
        if (i % 2000 != 1999) continue;
        for (size_t k = 0; k < SIM_IDS; k++) {
            struct sim_id *id = &sim->ids[k];
            pawl__arena_reset(&sim->arena);
            client_post(sim, id, PB__HISTORY_EVENT__EVENT_TYPE_EXECUTION_RESUMED);
            // An event that was acknowledged need not be given again.
            if (id->raised < id->asked)
                client_post(sim, id, PB__HISTORY_EVENT__EVENT_TYPE_EVENT_RAISED);
            sim_take_effects(sim);
        }
        if (!sim_unfinished(sim)) break;
    }
    if (sim->failed) return;
    const char *id = sim_unfinished(sim);
    if (id) {
        const struct pawl_instance *instance = mirror_find(sim, pawl__str(id));
        sim_fail(sim, "eventually_completes", "'%s' (%s) has not ended: status %d, %u waiting", id,
                 instance->name, pawl__instance_status(instance), instance->inbox.count);
    }
    sim_check_promises(sim);
    for (size_t i = 0; i < SIM_IDS && !sim->failed; i++) {
        pawl__arena_reset(&sim->arena);
        sim_check_result(sim, &sim->ids[i]);
    }
}

static void sim_finish(struct sim *sim) {
    size_t at = 0;
    sim_drop(sim);
    pawl__buf_finish(&sim->commit.bytes);
    for (size_t i = 0; i < SIM_ITEMS; i++) pawl__buf_finish(&sim->items[i].bytes);
    for (char *key; (key = pawl__map_next(&sim->results, &at));) free(key);
    pawl__map_finish(&sim->results);
    for (size_t i = 0; i < SIM_IDS; i++)
        for (size_t k = 0; k < sim->ids[i].expected_count; k++)
            free(sim->ids[i].expected[k].result);
    pawl__shard_finish(&sim->mirror);
    sim_store_finish(&sim->store);
    pawl__arena_finish(&sim->arena);
}

bool sim_run(const struct sim_options *options, struct sim_counts *counts) {
    struct sim *sim = calloc(1, sizeof *sim);
    if (!sim) abort();
    sim->options = *options;
    sim->random.state = (options->seed + 1) * UINT64_C(0x9e3779b97f4a7c15);
    sim->now = INT64_C(1700000000000000000);
    for (unsigned i = 0; i < SIM_IDS; i++)
        snprintf(sim->ids[i].name, sizeof sim->ids[i].name, "w%u", i);
    if (!pawl__shard_init(&sim->shard, PAWL_STR("app"), 0) ||
        !pawl__shard_init(&sim->mirror, PAWL_STR("app"), 0))
        abort();
    while (sim->step < options->steps && !sim->failed) sim_one_step(sim);
    if (!sim->failed) sim_drain(sim);
    bool ok = !sim->failed;
    *counts = sim->counts;
    sim_finish(sim);
    free(sim);
    return ok;
}
