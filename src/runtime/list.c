#include "runtime/list.h"

#include <stdlib.h>

#include "base/least.h"

// The store is read by its thread while work goes on, so what it tells is of some earlier moment.
// But from before it is read until its answer is looked at nothing leaves memory
// (pawl__residency_keeps): an instance that is in memory then is looked at there, and one that is
// not has not changed meanwhile. So the answer is that of one moment, the one at which it is put
// together.

struct list {
    struct pawl_job job;
    struct pawl_link link; // in pawl_residency::lists, until it is done or the shard is read again
    struct pawl_calls *calls;
    struct pawl_link call; // the call, unless it was canceled
    uint64_t shard;        // of the lease, which may change while the thread reads
    size_t limit;          // ids to read
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

static enum pawl_err list_note(void *arg, const struct pawl_snapshot *row,
                               struct pawl_error *error) {
    struct list *list = arg;
    char *id = pawl__arena_dup(&list->arena, row->id);
    if (!id) return pawl__fail_plain(error, PAWL_E_NOMEM);
    list->ids[list->count++] = (struct pawl_str){id, row->id.len};
    return PAWL_OK;
}

static void list_run(struct pawl_job *job) {
    struct list *list = PAWL_CONTAINER(job, struct list, job);
    struct pawl_store *store = list->calls->residency->storage->store;
    const struct pawl_query query = {.after_id = list->after, .limit = list->limit};
    pawl__error_clear(&list->error);
    list->count = 0;
    list->ids = pawl__arena_alloc(&list->arena, list->limit * sizeof *list->ids);
    list->error.code =
        list->ids ? store->ops->query(store, list->shard, &query, list_note, list, &list->error)
                  : pawl__fail_plain(&list->error, PAWL_E_NOMEM);
}

static void list_submit(struct list *list) {
    list->calls->residency->jobs_out++;
    pawl__thread_submit(&list->calls->residency->storage->reader, &list->job);
}

// Copies the least of the ids for |verb|. False when memory is out.
static bool list_keep(struct pawl_list *verb, struct pawl_least *least) {
    verb->id_count = pawl__least_end(least);
    verb->ids = pawl__arena_alloc(verb->arena, verb->id_count * sizeof *verb->ids);
    if (!verb->ids) return false;
    for (size_t i = 0; i < verb->id_count; i++) {
        verb->ids[i] = least->items[i];
        verb->ids[i].data = pawl__arena_dup(verb->arena, least->items[i]);
        if (!verb->ids[i].data) return false;
    }
    return true;
}

// Puts the answer of |verb| together. False when more has to be read, as so many of the ids that
// were read are gone that the rest is no full page.
static bool list_answer(struct list *list, struct pawl_list *verb) {
    const struct pawl_shard *shard = &list->calls->residency->shard;
    struct pawl_least least;
    if (!pawl__least_init(&least, verb->max)) {
        pawl__fail_plain(&verb->call.error, PAWL_E_NOMEM);
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
    bool enough = all || least.len >= verb->max;
    if (enough && !list_keep(verb, &least)) pawl__fail_plain(&verb->call.error, PAWL_E_NOMEM);
    pawl__least_finish(&least);
    return enough;
}

static void list_done(struct pawl_job *job) {
    struct list *list = PAWL_CONTAINER(job, struct list, job);
    struct pawl_calls *calls = list->calls;
    calls->residency->jobs_out--;
    struct pawl_link *link = pawl__list_take(&list->call);
    if (!link) { // it was canceled, or answered when the shard was dropped
        list_destroy(list);
        return;
    }
    struct pawl_call *call = PAWL_CONTAINER(link, struct pawl_call, link);
    struct pawl_list *verb = PAWL_CONTAINER(call, struct pawl_list, call);
    if (list->error.code) {
        call->error = list->error;
    } else if (pawl__residency_serves(calls->residency) && !list_answer(list, verb)) {
        list->limit *= 2;
        pawl__list_add(&list->call, &call->link);
        list_submit(list);
        return;
    }
    list_destroy(list);
    pawl__calls_answer(calls, call);
}

static enum pawl_err list_begin(struct pawl_calls *calls, struct pawl_call *call,
                                struct pawl_error *error) {
    const struct pawl_list *verb = PAWL_CONTAINER(call, struct pawl_list, call);
    struct list *list = calloc(1, sizeof *list);
    if (!list) return pawl__fail_plain(error, PAWL_E_NOMEM);
    pawl__link_init(&list->link);
    list->after = (struct pawl_str){pawl__arena_dup(&list->arena, verb->after), verb->after.len};
    if (!list->after.data) {
        list_destroy(list);
        return pawl__fail_plain(error, PAWL_E_NOMEM);
    }
    list->job = (struct pawl_job){.run = list_run, .done = list_done};
    list->calls = calls;
    list->shard = calls->residency->lease.shard;
    list->limit = verb->max;
    pawl__link_init(&list->call);
    pawl__list_add(&list->call, &call->link);
    call->waiting = true;
    pawl__list_add(&calls->residency->lists, &list->link);
    list_submit(list);
    return PAWL_OK;
}

static const struct pawl_verb list_verb = {.run = list_begin};

void pawl__list_init(struct pawl_list *verb, struct pawl_str after, size_t max,
                     struct pawl_arena *arena) {
    pawl__call_init(&verb->call, &list_verb, PAWL_STR(""));
    verb->after = after;
    verb->max = max;
    verb->arena = arena;
    verb->ids = NULL;
    verb->id_count = 0;
}

void pawl__list_drop(struct pawl_residency *residency, const struct pawl_error *error) {
    struct pawl_link calls;
    pawl__link_init(&calls);
    for (struct pawl_link *link; (link = pawl__list_take(&residency->lists));)
        pawl__list_move(&calls, &PAWL_CONTAINER(link, struct list, link)->call);
    for (struct pawl_link *link; (link = pawl__list_take(&calls));) {
        struct pawl_call *call = PAWL_CONTAINER(link, struct pawl_call, link);
        call->done(call, error);
    }
}
