#include <stdlib.h>

#include "base/clock.h"
#include "runtime/internal.h"
#include "wire/timestamp.h"

// Calls of clients: run against the shard, wait for what they need to be loaded, and be answered
// when the log holds what they saw or did.

enum {
    LOAD_QUICK = 100000 // nanoseconds; see load_is_light
};

struct load {
    struct pawl_job job;
    struct pawl_runtime *runtime;
    struct pawl_link calls; // pawl_call::link
    unsigned incarnation;
    uint64_t shard; // of the lease, which may change while the thread reads
    struct pawl_arena arena;
    struct pawl_snapshot snapshot;
    struct pawl_error error;
    struct pawl_str id;
    char id_bytes[];
};

// Calls that wait for one instance to change.
struct waiters {
    struct pawl_link calls;
    struct pawl_str id;
    char id_bytes[];
};

struct ghost {
    struct pawl_link link;
    struct pawl_instance *instance; // a reference
};

// --- finishing ----------------------------------------------------------------------------------

static void call_finish(struct pawl_call *call, const struct pawl_error *error) {
    call->loading = NULL;
    if (error || !call->error.code) {
        call->done(call, error);
        return;
    }
    struct pawl_error own = call->error; // which goes with the call
    call->done(call, &own);
}

// Fails a call for which something could not be loaded. |error| NULL: its own.
static void call_give_up(struct pawl_runtime *runtime, struct pawl_call *call,
                         const struct pawl_error *error) {
    if (call->give_up) call->give_up(runtime, call);
    call_finish(call, error);
}

void pawl__calls_finish(struct pawl_link *list, const struct pawl_error *error) {
    // A call that is done may begin others, which go to the end of some list.
    struct pawl_link finished;
    pawl__link_init(&finished);
    pawl__list_move(&finished, list);
    for (struct pawl_link *link; (link = pawl__list_take(&finished));)
        call_finish(PAWL_CONTAINER(link, struct pawl_call, link), error);
}

// Answers |call| as soon as batch |position| is durable.
static void call_hold(struct pawl_runtime *runtime, struct pawl_call *call, uint64_t position) {
    if (position <= runtime->durable) {
        call_finish(call, NULL);
    } else if (position == runtime->shard.position) {
        pawl__list_add(&runtime->building.calls, &call->link);
        if (!call->patient) runtime->awaited = true;
    } else {
        pawl__list_add(&runtime->writing.calls, &call->link);
    }
}

void pawl__runtime_cancel(struct pawl_call *call) {
    pawl__list_remove(&call->link);
    if (call->loading && call->give_up) call->give_up(call->loading, call);
    call->loading = NULL;
}

void pawl__calls_fail(struct pawl_runtime *runtime, const struct pawl_error *error) {
    struct pawl_link all;
    pawl__link_init(&all);
    pawl__list_move(&all, &runtime->writing.calls);
    pawl__list_move(&all, &runtime->building.calls);
    size_t at = 0;
    for (struct load *load; (load = pawl__map_next(&runtime->loads, &at));)
        pawl__list_move(&all, &load->calls);
    pawl__map_finish(&runtime->loads); // each load frees itself when it is done
    pawl__lists_drop(runtime, &all);
    pawl__calls_finish(&all, error);
}

void pawl__calls_fail_waiters(struct pawl_runtime *runtime, const struct pawl_error *error) {
    struct pawl_link all;
    pawl__link_init(&all);
    size_t at = 0;
    for (struct waiters *waiters; (waiters = pawl__map_next(&runtime->waiters, &at));) {
        pawl__list_move(&all, &waiters->calls);
        free(waiters);
    }
    pawl__map_finish(&runtime->waiters);
    pawl__calls_finish(&all, error);
}

// --- loading ------------------------------------------------------------------------------------

void pawl__calls_add_ghost(struct pawl_runtime *runtime, struct pawl_instance *instance) {
    struct ghost *ghost = malloc(sizeof *ghost);
    if (!ghost) return; // it stays in memory until the next reload, which is harmless
    pawl__link_init(&ghost->link);
    ghost->instance = pawl__instance_ref(instance);
    pawl__list_add(&runtime->ghosts, &ghost->link);
}

void pawl__calls_sweep_ghosts(struct pawl_runtime *runtime) {
    if (pawl__runtime_reads(runtime)) return; // a call that needs several may still need them
    struct pawl_link kept;
    pawl__link_init(&kept);
    for (struct pawl_link *link; (link = pawl__list_take(&runtime->ghosts));) {
        struct ghost *ghost = PAWL_CONTAINER(link, struct ghost, link);
        struct pawl_instance *instance = ghost->instance;
        // The store still has a purged instance until its purge is durable.
        if (!instance->exists && instance->linked && instance->position > runtime->durable) {
            pawl__list_add(&kept, link);
            continue;
        }
        if (!instance->exists && instance->linked) {
            pawl__shadow_remove(runtime, instance);
            pawl__shard_evict(&runtime->shard, instance);
        }
        pawl__instance_unref(instance);
        free(ghost);
    }
    pawl__list_move(&runtime->ghosts, &kept);
}

static void load_run(struct pawl_job *job) {
    struct load *load = PAWL_CONTAINER(job, struct load, job);
    struct pawl_store *store = load->runtime->storage->store;
    int64_t began = pawl__clock_steady(), *time = &load->runtime->load_time;
    pawl__error_clear(&load->error);
    load->error.code =
        store->ops->load(store, load->shard, load->id, &load->arena, &load->snapshot, &load->error);
    *time += (pawl__clock_steady() - began - *time) / 8;
}

static struct load *load_create(struct pawl_runtime *runtime, struct pawl_str id) {
    struct load *load = calloc(1, sizeof *load + id.len);
    if (!load) return NULL;
    memcpy(load->id_bytes, id.data, id.len);
    load->id = (struct pawl_str){load->id_bytes, id.len};
    load->runtime = runtime;
    load->incarnation = runtime->incarnation;
    load->shard = runtime->lease.shard;
    pawl__link_init(&load->calls);
    return load;
}

static void load_destroy(struct load *load) {
    pawl__arena_finish(&load->arena);
    free(load);
}

// Puts what was loaded in memory, unless a record has put it there meanwhile.
static enum pawl_err load_put(struct pawl_runtime *runtime, struct load *load,
                              struct pawl_error *error) {
    struct pawl_instance *instance = pawl__shard_find(&runtime->shard, load->id);
    if (instance) {
        pawl__retain_look(runtime, instance);
        return PAWL_OK;
    }
    if (load->error.code == PAWL_E_NOT_FOUND) {
        pawl__sleep_remove(runtime, load->id);
        if (pawl__shard_ghost(&runtime->shard, load->id, &instance))
            return pawl__fail_plain(error, PAWL_E_NOMEM);
        pawl__calls_add_ghost(runtime, instance);
        pawl__shadow_add(runtime, instance);
        return PAWL_OK;
    }
    if (load->error.code) {
        *error = load->error;
        return error->code;
    }
    enum pawl_err err = pawl__shard_restore(&runtime->shard, &load->snapshot, &instance, error);
    if (err) return err;
    pawl__shadow_add(runtime, instance);
    pawl__retain_look(runtime, instance);
    if (pawl__shard_offer(&runtime->shard, instance)) return PAWL_OK;
    pawl__fail_plain(error, PAWL_E_NOMEM);
    pawl__runtime_fail(runtime, error); // it is in memory, and nobody would offer the rest
    return PAWL_E_NOMEM;
}

static enum pawl_err load_install(struct load *load, struct pawl_error *error) {
    struct pawl_runtime *runtime = load->runtime;
    enum pawl_err err = load_put(runtime, load, error);
    if (err) {
        pawl__log(runtime->log, PAWL_LOG_ERROR, "dapr.runtime.wfengine", "%s", error->text);
        pawl__sleep_retry(runtime, load->id);
    }
    return err;
}

static void load_done(struct pawl_job *job) {
    struct load *load = PAWL_CONTAINER(job, struct load, job);
    struct pawl_runtime *runtime = load->runtime;
    runtime->loads_out--;
    if (load->incarnation == runtime->incarnation) {
        struct pawl_error error = {PAWL_E_OK, ""};
        pawl__map_remove(&runtime->loads, load->id);
        enum pawl_err err = load_install(load, &error);
        for (struct pawl_link *link; (link = pawl__list_take(&load->calls));) {
            struct pawl_call *call = PAWL_CONTAINER(link, struct pawl_call, link);
            if (err)
                call_give_up(runtime, call, &error);
            else
                pawl__calls_execute(runtime, call);
        }
        pawl__runtime_settle(runtime);
    }
    load_destroy(load);
}

// Begins to load |id|, or joins a load that has begun, and runs |call| (NULL: none) after it.
static void load_begin(struct pawl_runtime *runtime, struct pawl_str id, struct pawl_call *call) {
    struct load *load = pawl__map_get(&runtime->loads, id);
    if (!load) {
        load = load_create(runtime, id);
        if (!load || !pawl__map_put(&runtime->loads, load->id, load)) {
            free(load);
            struct pawl_error error;
            pawl__fail_plain(&error, PAWL_E_NOMEM);
            pawl__sleep_retry(runtime, id);
            if (call) call_give_up(runtime, call, &error);
            return;
        }
        runtime->loads_out++;
        load->job = (struct pawl_job){.run = load_run, .done = load_done};
        pawl__thread_submit(&runtime->storage->reader, &load->job);
    }
    if (!call) return;
    call->loading = runtime;
    pawl__list_add(&load->calls, &call->link);
}

void pawl__calls_wake(struct pawl_runtime *runtime, struct pawl_str id) {
    load_begin(runtime, id, NULL);
}

// Whether the loop may load by itself: nobody uses the reader, and to wake it takes longer than it
// would have to do.
static bool load_is_light(const struct pawl_runtime *runtime) {
    return !runtime->storage->reader.out && runtime->load_time < LOAD_QUICK;
}

static enum pawl_err load_now(struct pawl_runtime *runtime, struct pawl_str id,
                              struct pawl_error *error) {
    struct load *load = load_create(runtime, id);
    if (!load) return pawl__fail_plain(error, PAWL_E_NOMEM);
    load_run(&load->job);
    enum pawl_err err = load_install(load, error);
    load_destroy(load);
    return err;
}

// --- running ------------------------------------------------------------------------------------

static void call_refuse(const struct pawl_runtime *runtime, struct pawl_call *call) {
    pawl__fail(&call->error, PAWL_E_UNAVAILABLE,
               runtime->state == PAWL_RUNTIME_CLOSING
                   ? "the daemon is shutting down"
                   : "the workflow engine is not ready yet, try again");
    call_finish(call, NULL);
}

void pawl__calls_answer(struct pawl_runtime *runtime, struct pawl_call *call) {
    const struct pawl_shard *shard = &runtime->shard;
    if (!pawl__runtime_serves(runtime))
        call_refuse(runtime, call);
    else
        call_hold(runtime, call, shard->batch.len ? shard->position : shard->position - 1);
}

void pawl__calls_execute(struct pawl_runtime *runtime, struct pawl_call *call) {
    pawl__error_clear(&call->error);
    call->position = 0;
    call->loading = NULL;
    call->waiting = false;
    pawl__link_init(&call->link);
    if (!pawl__runtime_serves(runtime)) {
        call_refuse(runtime, call);
        return;
    }
    enum pawl_err err = call->run(runtime, call, &call->error);
    if (err == PAWL_E_NEEDED && load_is_light(runtime)) { // mostly the start of a new instance
        pawl__error_clear(&call->error);
        err = load_now(runtime, pawl__str(runtime->shard.needed), &call->error);
        if (err) {
            call_give_up(runtime, call, NULL);
            return;
        }
        err = call->run(runtime, call, &call->error);
    }
    if (runtime->shard.failed) {
        pawl__list_remove(&call->link); // it may have begun to wait
        pawl__fail_plain(&call->error, PAWL_E_NOMEM);
        call_finish(call, NULL);
    } else if (err == PAWL_E_NEEDED) {
        load_begin(runtime, pawl__str(runtime->shard.needed), call);
        return;
    } else if (!call->waiting) {
        // An answer that says what it saw must not say more than the log holds.
        struct pawl_instance *instance = pawl__shard_find(&runtime->shard, call->id);
        if (instance && instance->position > call->position) call->position = instance->position;
        call_hold(runtime, call, call->position);
    }
}

static void call_begin(struct pawl_runtime *runtime, struct pawl_call *call,
                       enum pawl_err (*run)(struct pawl_runtime *, struct pawl_call *,
                                            struct pawl_error *)) {
    call->run = run;
    pawl__calls_execute(runtime, call);
    pawl__runtime_settle(runtime);
}

// The instance of |call|, or PAWL_E_NEEDED.
static enum pawl_err call_find(struct pawl_runtime *runtime, struct pawl_call *call,
                               struct pawl_instance **out) {
    *out = pawl__shard_find(&runtime->shard, call->id);
    if (*out) return PAWL_OK;
    pawl__arena_reset(&runtime->shard.arena);
    runtime->shard.needed = pawl__arena_dup(&runtime->shard.arena, call->id);
    return runtime->shard.needed ? PAWL_E_NEEDED : PAWL_E_NOMEM;
}

// --- what is told of an instance ----------------------------------------------------------------

static struct pawl_str call_copy(struct pawl_arena *arena, struct pawl_str text, bool *ok) {
    char *copy = pawl__arena_dup(arena, text);
    if (!copy) *ok = false;
    return (struct pawl_str){copy, text.len};
}

static bool call_fill_view(struct pawl_call *call, const struct pawl_instance *instance) {
    struct pawl_view *view = &call->view;
    *view = (struct pawl_view){.id = call->id, .exists = instance->exists};
    if (!instance->exists) return true;
    bool ok = true;
    view->name = call_copy(call->arena, pawl__str(instance->name), &ok);
    view->status = pawl__instance_status(instance);
    view->created_at = instance->created_at;
    view->updated_at = instance->updated_at;
    view->started_at = instance->started_at;
    view->completed_at = instance->completed_at;
    if (instance->version)
        view->version = call_copy(call->arena, pawl__str(instance->version), &ok).data;
    view->has_custom_status = instance->has_custom_status;
    view->custom_status = call_copy(call->arena, pawl__buf_str(&instance->custom_status), &ok);
    const Pb__ExecutionStartedEvent *start = pawl__instance_start(instance, call->arena);
    if (!start) return false;
    view->input = start->input;
    if (start->parentinstance && start->parentinstance->workflowinstance) {
        view->parent_id = start->parentinstance->workflowinstance->instanceid;
        view->parent_app =
            start->parentinstance->_app_id_case ? start->parentinstance->appid : NULL;
    }
    if (!pawl__instance_completed(instance)) return ok;
    const Pb__HistoryEvent *end =
        pawl__history_at(&instance->history, instance->final_offset, call->arena);
    if (!end) return false;
    view->output = end->executioncompleted->result;
    view->failure = end->executioncompleted->failuredetails;
    return ok;
}

static enum pawl_err call_get(struct pawl_runtime *runtime, struct pawl_call *call,
                              struct pawl_error *error) {
    struct pawl_instance *instance;
    enum pawl_err err = call_find(runtime, call, &instance);
    if (!err && !call_fill_view(call, instance)) err = PAWL_E_NOMEM;
    return err ? pawl__fail_plain(error, err) : PAWL_OK;
}

void pawl__runtime_get(struct pawl_runtime *runtime, struct pawl_call *call) {
    call_begin(runtime, call, call_get);
}

static enum pawl_err call_history(struct pawl_runtime *runtime, struct pawl_call *call,
                                  struct pawl_error *error) {
    struct pawl_instance *instance;
    enum pawl_err err = call_find(runtime, call, &instance);
    if (err) return pawl__fail_plain(error, err);
    if (!instance->exists)
        return pawl__fail(error, PAWL_E_NOT_FOUND, "workflow instance '%.*s' not found",
                          PAWL_FMT(call->id));
    bool ok = true;
    call->history = call_copy(call->arena, pawl__buf_str(&instance->history.bytes), &ok);
    return ok ? PAWL_OK : pawl__fail_plain(error, PAWL_E_NOMEM);
}

void pawl__runtime_history(struct pawl_runtime *runtime, struct pawl_call *call) {
    call_begin(runtime, call, call_history);
}

// --- waiting ------------------------------------------------------------------------------------

static enum pawl_err call_wait_on(struct pawl_runtime *runtime, struct pawl_call *call) {
    struct waiters *waiters = pawl__map_get(&runtime->waiters, call->id);
    if (!waiters) {
        waiters = malloc(sizeof *waiters + call->id.len);
        if (!waiters) return PAWL_E_NOMEM;
        memcpy(waiters->id_bytes, call->id.data, call->id.len);
        waiters->id = (struct pawl_str){waiters->id_bytes, call->id.len};
        pawl__link_init(&waiters->calls);
        if (!pawl__map_put(&runtime->waiters, waiters->id, waiters)) {
            free(waiters);
            return PAWL_E_NOMEM;
        }
    }
    call->waiting = true;
    pawl__list_add(&waiters->calls, &call->link);
    return PAWL_OK;
}

// Whether |instance| is as |call| waits for it to be.
static bool call_is_met(const struct pawl_call *call, const struct pawl_instance *instance) {
    switch (call->wait_for) {
    case PAWL_WAIT_SUSPENDED:
    case PAWL_WAIT_RESUMED:
        return !instance->exists || pawl__instance_completed(instance) ||
               (instance->started_at &&
                instance->suspended == (call->wait_for == PAWL_WAIT_SUSPENDED));
    case PAWL_WAIT_COMPLETED: return instance->exists && pawl__instance_completed(instance);
    default:
        return instance->exists && pawl__instance_status(instance) !=
                                       PB__ORCHESTRATION_STATUS__ORCHESTRATION_STATUS_PENDING;
    }
}

void pawl__calls_recheck(struct pawl_runtime *runtime, const struct pawl_instance *instance) {
    struct waiters *waiters = pawl__map_get(&runtime->waiters, pawl__instance_id(instance));
    if (!waiters) return;
    struct pawl_link calls;
    pawl__link_init(&calls);
    for (struct pawl_link *link = waiters->calls.next, *next; link != &waiters->calls;
         link = next) {
        next = link->next;
        // Of an instance that was purged there may be another by now.
        if (instance->linked &&
            !call_is_met(PAWL_CONTAINER(link, struct pawl_call, link), instance))
            continue;
        pawl__list_remove(link);
        pawl__list_add(&calls, link);
    }
    if (pawl__list_empty(&waiters->calls)) {
        pawl__map_remove(&runtime->waiters, waiters->id);
        free(waiters);
    }
    for (struct pawl_link *link; (link = pawl__list_take(&calls));)
        pawl__calls_execute(runtime, PAWL_CONTAINER(link, struct pawl_call, link));
}

void pawl__calls_recheck_all(struct pawl_runtime *runtime) {
    struct pawl_link calls;
    pawl__link_init(&calls);
    size_t at = 0;
    for (struct waiters *waiters; (waiters = pawl__map_next(&runtime->waiters, &at));) {
        pawl__list_move(&calls, &waiters->calls);
        free(waiters);
    }
    pawl__map_finish(&runtime->waiters);
    for (struct pawl_link *link; (link = pawl__list_take(&calls));)
        pawl__calls_execute(runtime, PAWL_CONTAINER(link, struct pawl_call, link));
}

static enum pawl_err call_wait(struct pawl_runtime *runtime, struct pawl_call *call,
                               struct pawl_error *error) {
    struct pawl_instance *instance;
    enum pawl_err err = call_find(runtime, call, &instance);
    if (err) return pawl__fail_plain(error, err);
    if (!call_is_met(call, instance))
        err = call_wait_on(runtime, call);
    else if (!call_fill_view(call, instance))
        err = PAWL_E_NOMEM;
    return err ? pawl__fail_plain(error, err) : PAWL_OK;
}

// A wait outlives a reload of the shard: it is answered when the engine serves again.
void pawl__runtime_wait(struct pawl_runtime *runtime, struct pawl_call *call,
                        enum pawl_wait wait_for) {
    call->wait_for = wait_for;
    call->run = call_wait;
    if (runtime->state == PAWL_RUNTIME_TAKING || runtime->failing) {
        pawl__link_init(&call->link);
        pawl__error_clear(&call->error);
        if (call_wait_on(runtime, call)) {
            pawl__fail_plain(&call->error, PAWL_E_NOMEM);
            call_finish(call, NULL);
        }
        return;
    }
    call_begin(runtime, call, call_wait);
}

// --- commands -----------------------------------------------------------------------------------

static enum pawl_err call_start(struct pawl_runtime *runtime, struct pawl_call *call,
                                struct pawl_error *error) {
    return pawl__shard_create(&runtime->shard, pawl__runtime_stamp(runtime), call->id, call->start,
                              call->flag, error);
}

void pawl__runtime_start(struct pawl_runtime *runtime, struct pawl_call *call,
                         Pb__ExecutionStartedEvent *start, bool enforce_unique) {
    call->start = start;
    call->flag = enforce_unique;
    call_begin(runtime, call, call_start);
}

static enum pawl_err call_post(struct pawl_runtime *runtime, struct pawl_call *call,
                               struct pawl_error *error) {
    return pawl__shard_post(&runtime->shard, pawl__runtime_stamp(runtime), call->id, &call->event,
                            error);
}

static void call_begin_post(struct pawl_runtime *runtime, struct pawl_call *call,
                            Pb__HistoryEvent__EventTypeCase type, void *body) {
    pb__history_event__init(&call->event);
    call->event.eventid = -1;
    call->event.event_type_case = type;
    call->event.eventraised = body; // every member of the oneof is a pointer in one union
    call_begin(runtime, call, call_post);
}

void pawl__runtime_raise(struct pawl_runtime *runtime, struct pawl_call *call,
                         Pb__EventRaisedEvent *event) {
    call_begin_post(runtime, call, PB__HISTORY_EVENT__EVENT_TYPE_EVENT_RAISED, event);
}

void pawl__runtime_suspend(struct pawl_runtime *runtime, struct pawl_call *call,
                           Pb__ExecutionSuspendedEvent *event) {
    call_begin_post(runtime, call, PB__HISTORY_EVENT__EVENT_TYPE_EXECUTION_SUSPENDED, event);
}

void pawl__runtime_resume(struct pawl_runtime *runtime, struct pawl_call *call,
                          Pb__ExecutionResumedEvent *event) {
    call_begin_post(runtime, call, PB__HISTORY_EVENT__EVENT_TYPE_EXECUTION_RESUMED, event);
}

void pawl__runtime_terminate(struct pawl_runtime *runtime, struct pawl_call *call,
                             Pb__ExecutionTerminatedEvent *event) {
    call_begin_post(runtime, call, PB__HISTORY_EVENT__EVENT_TYPE_EXECUTION_TERMINATED, event);
}

static enum pawl_err call_purge(struct pawl_runtime *runtime, struct pawl_call *call,
                                struct pawl_error *error) {
    return pawl__shard_purge(&runtime->shard, call->id, call->flag, call->force, &call->count,
                             error);
}

void pawl__runtime_purge(struct pawl_runtime *runtime, struct pawl_call *call, bool recursive,
                         bool force) {
    call->flag = recursive;
    call->force = force;
    call_begin(runtime, call, call_purge);
}
