#include <stdlib.h>

#include "base/least.h"
#include "runtime/internal.h"

// The list of instances: what the store has, and what is in memory, where memory has the last word.
//
// The store is read by its thread while work goes on, so what it tells is of some earlier moment.
// But from before it is read until its answer is looked at nothing leaves memory
// (pawl__runtime_reads): an instance that is in memory then is looked at there, and one that is not
// has not changed meanwhile. So the answer is that of one moment, the one at which it is put
// together.

struct list {
    struct pawl_job job;
    struct pawl_link link; // in pawl_runtime::lists, until it is done or the shard is read again
    struct pawl_runtime *runtime;
    struct pawl_link calls; // the call, unless it was canceled
    uint64_t shard;         // of the lease, which may change while the thread reads
    size_t limit;           // ids to read
    struct pawl_arena arena;
    struct pawl_str after; // a copy
    struct pawl_str *ids;
    size_t count;
    struct pawl_error error;
};

static void list_destroy(struct list *list) {
    pawl__list_remove(&list->link);
    pawl__arena_finish(&list->arena);
    free(list);
}

static void list_run(struct pawl_job *job) {
    struct list *list = PAWL_CONTAINER(job, struct list, job);
    struct pawl_store *store = list->runtime->storage->store;
    pawl__error_clear(&list->error);
    list->error.code = store->ops->list(store, list->shard, list->after, list->limit, &list->arena,
                                        &list->ids, &list->count, &list->error);
}

static void list_submit(struct list *list) {
    list->runtime->loads_out++;
    pawl__thread_submit(&list->runtime->storage->reader, &list->job);
}

// Copies the least of the ids for |call|. False when memory is out.
static bool list_keep(struct pawl_call *call, struct pawl_least *least) {
    call->id_count = pawl__least_end(least);
    call->ids = pawl__arena_alloc(call->arena, call->id_count * sizeof *call->ids);
    if (!call->ids) return false;
    for (size_t i = 0; i < call->id_count; i++) {
        call->ids[i] = least->items[i];
        call->ids[i].data = pawl__arena_dup(call->arena, least->items[i]);
        if (!call->ids[i].data) return false;
    }
    return true;
}

// Puts the answer of |call| together. False when more has to be read, as so many of the ids that
// were read are gone that the rest is no full page.
static bool list_answer(struct list *list, struct pawl_call *call) {
    struct pawl_shard *shard = &list->runtime->shard;
    struct pawl_least least;
    if (!pawl__least_init(&least, call->max)) {
        pawl__fail_plain(&call->error, PAWL_E_NOMEM);
        return true;
    }
    for (size_t i = 0; i < list->count; i++)
        if (!pawl__shard_find(shard, list->ids[i])) pawl__least_add(&least, list->ids[i]);
    // Of what comes after the last id that was read nothing is known.
    bool all = list->count < list->limit;
    size_t at = 0;
    for (struct pawl_instance *instance; (instance = pawl__map_next(&shard->instances, &at));) {
        struct pawl_str id = pawl__instance_id(instance);
        if (instance->exists && pawl__str_compare(id, list->after) > 0 &&
            (all || pawl__str_compare(id, list->ids[list->count - 1]) <= 0))
            pawl__least_add(&least, id);
    }
    bool enough = all || least.len >= call->max;
    if (enough && !list_keep(call, &least)) pawl__fail_plain(&call->error, PAWL_E_NOMEM);
    pawl__least_finish(&least);
    return enough;
}

static void list_done(struct pawl_job *job) {
    struct list *list = PAWL_CONTAINER(job, struct list, job);
    struct pawl_runtime *runtime = list->runtime;
    runtime->loads_out--;
    struct pawl_link *link = pawl__list_take(&list->calls);
    if (!link) { // it was canceled, or answered when the shard was dropped
        list_destroy(list);
        return;
    }
    struct pawl_call *call = PAWL_CONTAINER(link, struct pawl_call, link);
    if (list->error.code) {
        call->error = list->error;
    } else if (pawl__runtime_serves(runtime) && !list_answer(list, call)) {
        list->limit *= 2;
        pawl__list_add(&list->calls, &call->link);
        list_submit(list);
        return;
    }
    list_destroy(list);
    pawl__calls_answer(runtime, call);
}

static enum pawl_err list_begin(struct pawl_runtime *runtime, struct pawl_call *call,
                                struct pawl_error *error) {
    struct list *list = calloc(1, sizeof *list);
    if (!list) return pawl__fail_plain(error, PAWL_E_NOMEM);
    pawl__link_init(&list->link);
    list->after = (struct pawl_str){pawl__arena_dup(&list->arena, call->after), call->after.len};
    if (!list->after.data) {
        list_destroy(list);
        return pawl__fail_plain(error, PAWL_E_NOMEM);
    }
    list->job = (struct pawl_job){.run = list_run, .done = list_done};
    list->runtime = runtime;
    list->shard = runtime->lease.shard;
    list->limit = call->max;
    pawl__link_init(&list->calls);
    pawl__list_add(&list->calls, &call->link);
    call->waiting = true;
    pawl__list_add(&runtime->lists, &list->link);
    list_submit(list);
    return PAWL_OK;
}

void pawl__lists_drop(struct pawl_runtime *runtime, struct pawl_link *calls) {
    for (struct pawl_link *link; (link = pawl__list_take(&runtime->lists));)
        pawl__list_move(calls, &PAWL_CONTAINER(link, struct list, link)->calls);
}

void pawl__runtime_list(struct pawl_runtime *runtime, struct pawl_call *call, struct pawl_str after,
                        size_t max) {
    call->after = after;
    call->max = max;
    call->run = list_begin;
    pawl__calls_execute(runtime, call);
}
