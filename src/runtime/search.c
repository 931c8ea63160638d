#include "runtime/search.h"

#include <stdlib.h>

#include "base/clock.h"
#include "runtime/sift.h"
#include "store/groups.h"

// The store is read by its thread while work goes on, so what it tells is of some earlier moment.
// But from before it is read until its answer is looked at nothing leaves memory
// (pawl__residency_keeps): an instance that is in memory then is looked at there, and one that is
// not has not changed meanwhile. So a page is that of one moment, the one at which it is put
// together.
//
// A count has no rows that memory could correct. So instances that are otherwise in memory than in
// the store when it begins are left out there, and are counted here.

#define TALLY_TIME (60 * PAWL_MILLISECOND) // that a count with a scan takes, about

struct reading {
    struct pawl_job job;
    struct pawl_link
        link; // in pawl_residency::searches, until it is done or the shard is read again
    struct pawl_calls *calls;
    struct pawl_link call; // the call, unless it was canceled
    uint64_t shard;        // of the lease, which may change while the thread reads
    struct pawl_query query;
    struct pawl_scan scan;
    struct pawl_arena arena; // of all above and below
    struct pawl_snapshot *rows;
    size_t count, cap;
    struct pawl_tally_row *tally;
    size_t tally_count, tally_cap;
    struct pawl_error error;
};

static void reading_destroy(struct reading *reading) {
    pawl__list_remove(&reading->link);
    pawl__arena_finish(&reading->arena);
    free(reading->rows);
    free(reading->tally);
    free(reading);
}

static bool reading_copy(struct pawl_arena *arena, struct pawl_str *text) {
    if (!text->data) return true;
    text->data = pawl__arena_dup(arena, *text);
    return text->data;
}

// Copies the columns of |row| to |arena|.
static bool reading_copy_row(struct pawl_arena *arena, struct pawl_snapshot *row) {
    row->state = row->history = (struct pawl_str){NULL, 0};
    return reading_copy(arena, &row->id) && reading_copy(arena, &row->name) &&
           reading_copy(arena, &row->parent) && reading_copy(arena, &row->tags) &&
           reading_copy(arena, &row->custom_status) && reading_copy(arena, &row->failure_type);
}

static bool reading_copy_query(struct pawl_arena *arena, struct pawl_query *query) {
    return reading_copy(arena, &query->name) && reading_copy(arena, &query->parent) &&
           reading_copy(arena, &query->tag) && reading_copy(arena, &query->id_prefix) &&
           reading_copy(arena, &query->custom_status) &&
           reading_copy(arena, &query->failure_type) && reading_copy(arena, &query->after_id) &&
           reading_copy(arena, &query->await.name);
}

// --- in the reader's thread ----------------------------------------------------------------------

static enum pawl_err reading_add(void *arg, const struct pawl_snapshot *row,
                                 struct pawl_error *error) {
    struct reading *reading = arg;
    if (reading->count == reading->cap) {
        size_t cap = reading->cap ? reading->cap * 2 : 64;
        struct pawl_snapshot *rows = realloc(reading->rows, cap * sizeof *rows);
        if (!rows) return pawl__fail_plain(error, PAWL_E_NOMEM);
        reading->rows = rows;
        reading->cap = cap;
    }
    reading->rows[reading->count] = *row;
    if (!reading_copy_row(&reading->arena, &reading->rows[reading->count]))
        return pawl__fail_plain(error, PAWL_E_NOMEM);
    reading->count++;
    return PAWL_OK;
}

static void reading_search(struct pawl_job *job) {
    struct reading *reading = PAWL_CONTAINER(job, struct reading, job);
    struct pawl_store *store = reading->calls->residency->storage->store;
    pawl_query_fn ask = reading->query.await.kind ? pawl__sift_query : store->ops->query;
    pawl__error_clear(&reading->error);
    reading->count = 0;
    reading->scan.looked = reading->scan.most;
    reading->error.code =
        ask(store, reading->shard, &reading->query, reading_add, reading, &reading->error);
}

static struct pawl_tally_row *reading_tally_row(struct reading *reading, struct pawl_str name,
                                                int32_t status) {
    for (size_t i = 0; i < reading->tally_count; i++)
        if (reading->tally[i].status == status && pawl__str_equal(reading->tally[i].name, name))
            return &reading->tally[i];
    if (reading->tally_count == reading->tally_cap) {
        size_t cap = reading->tally_cap ? reading->tally_cap * 2 : 16;
        struct pawl_tally_row *rows = realloc(reading->tally, cap * sizeof *rows);
        if (!rows) return NULL;
        reading->tally = rows;
        reading->tally_cap = cap;
    }
    struct pawl_tally_row *row = &reading->tally[reading->tally_count];
    *row = (struct pawl_tally_row){.name = name, .status = status};
    if (!reading_copy(&reading->arena, &row->name)) return NULL;
    reading->tally_count++;
    return row;
}

static enum pawl_err reading_count(void *arg, struct pawl_str name, int32_t status, uint64_t count,
                                   struct pawl_error *error) {
    struct pawl_tally_row *row = reading_tally_row(arg, name, status);
    if (!row) return pawl__fail_plain(error, PAWL_E_NOMEM);
    row->count += count;
    return PAWL_OK;
}

static void reading_tally(struct pawl_job *job) {
    struct reading *reading = PAWL_CONTAINER(job, struct reading, job);
    struct pawl_store *store = reading->calls->residency->storage->store;
    struct pawl_query part = reading->query;
    struct pawl_scan *scan = part.scan;
    int64_t until = pawl__clock_steady() + TALLY_TIME;
    uint64_t looked = 0;
    pawl__error_clear(&reading->error);
    do {
        if (scan) scan->looked = scan->most;
        reading->error.code =
            part.await.kind ? pawl__groups_count(pawl__sift_query, store, reading->shard, &part,
                                                 reading_count, reading, &reading->error)
                            : store->ops->count(store, reading->shard, &part, reading_count,
                                                reading, &reading->error);
        if (!scan || reading->error.code || !scan->stopped) return;
        part.after_created = scan->created_at;
        part.after_id = scan->id;
        looked += scan->looked;
        scan->looked = looked;
    } while (pawl__clock_steady() < until);
}

// --- pages ---------------------------------------------------------------------------------------

// The instances in memory that a page looks at, in its order.
struct page {
    const struct pawl_residency *residency;
    const struct pawl_query *query;
    struct pawl_arena *arena; // of the columns
    const struct pawl_tree_node *next;
    const struct pawl_snapshot *last; // nothing behind it is looked at; NULL: all is
    struct pawl_snapshot row;         // the next that fits
    bool has_row;
};

// Goes on to the next that fits. False when memory is out.
static bool page_step(struct page *page) {
    bool backward = page->query->order == PAWL_ORDER_NEWEST;
    page->has_row = false;
    while (!page->has_row && page->next) {
        const struct pawl_instance *instance =
            PAWL_CONTAINER(page->next, struct pawl_instance, by_created);
        const struct pawl_snapshot place = {.id = page->next->text,
                                            .created_at = page->next->number};
        if (page->last && pawl__query_compare(page->query->order, &place, page->last) > 0) break;
        page->next = pawl__tree_next(page->next, backward);
        if (!pawl__sift_instance(page->residency, instance, page->query)) continue;
        if (!pawl__shard_columns(instance, page->arena, &page->row)) return false;
        page->has_row = pawl__query_match(page->query, &page->row);
    }
    return true;
}

static const struct pawl_tree_node *page_begin(const struct pawl_shard *shard,
                                               const struct pawl_query *query) {
    bool backward = query->order == PAWL_ORDER_NEWEST;
    if (!query->after_id.len) return pawl__tree_end(&shard->by_created, backward);
    return pawl__tree_from(&shard->by_created, query->after_created, query->after_id, backward);
}

// Tells the caller's |scan| where the store has stopped. False: memory is out.
static bool reading_tell_stop(const struct reading *reading, struct pawl_scan *scan) {
    scan->stopped = true;
    scan->created_at = reading->scan.created_at;
    scan->id = reading->scan.id;
    scan->looked = reading->scan.looked;
    return reading_copy(scan->arena, &scan->id);
}

// Puts the answer of |verb| together from what was read and what is in memory, both in the order of
// the query. |*enough|: false when more has to be read, as so many of the rows that were read are
// otherwise in memory that the rest is no full page. False when memory is out.
static bool page_merge(struct reading *reading, struct pawl_search *verb, bool *enough) {
    const struct pawl_shard *shard = &reading->calls->residency->shard;
    const struct pawl_query *query = &reading->query;
    // Of what comes after the last row that was read nothing is known, nor of what comes after the
    // place at which the store has stopped.
    const struct pawl_snapshot stop = {.id = reading->scan.id,
                                       .created_at = reading->scan.created_at};
    bool full = reading->count == query->limit, stopped = reading->scan.stopped;
    struct page page = {.residency = reading->calls->residency,
                        .query = query,
                        .arena = &reading->arena,
                        .next = page_begin(shard, query),
                        .last = full      ? &reading->rows[reading->count - 1]
                                : stopped ? &stop
                                          : NULL};
    size_t most = reading->count + shard->instances.len;
    if (most > verb->query.limit) most = verb->query.limit;
    verb->rows = pawl__arena_alloc(verb->arena, (most + 1) * sizeof *verb->rows);
    verb->count = 0;
    bool ok = verb->rows && page_step(&page);
    for (size_t i = 0; ok && verb->count < verb->query.limit;) {
        const struct pawl_snapshot *stored = i < reading->count ? &reading->rows[i] : NULL;
        if (stored && pawl__shard_find(shard, stored->id)) {
            i++; // memory knows better
            continue;
        }
        bool of_memory =
            page.has_row && (!stored || pawl__query_compare(query->order, &page.row, stored) < 0);
        if (!of_memory && !stored) break;
        struct pawl_snapshot *row = &verb->rows[verb->count++];
        *row = of_memory ? page.row : *stored;
        ok = reading_copy_row(verb->arena, row) && (!of_memory || page_step(&page));
        i += !of_memory;
    }
    bool filled = verb->count == verb->query.limit;
    *enough = !full || filled;
    if (!ok || !verb->query.scan || filled || !stopped) return ok;
    return reading_tell_stop(reading, verb->query.scan);
}

// False when more has to be read.
static bool search_answer(struct reading *reading, struct pawl_search *verb) {
    bool enough = true;
    if (page_merge(reading, verb, &enough)) return enough;
    pawl__fail_plain(&verb->call.error, PAWL_E_NOMEM);
    return true;
}

// --- counts --------------------------------------------------------------------------------------

// Whether the store may have a row of |instance| that is not as it is in memory, or that does not
// say what is asked for.
static bool tally_differs(const struct reading *reading, const struct pawl_instance *instance) {
    if (reading->query.await.kind) return true;
    return instance->exists ? instance->unsaved : instance->saved;
}

// Leaves those out that the store does not know as they are. False when memory is out.
static bool tally_leave_out(struct reading *reading) {
    const struct pawl_shard *shard = &reading->calls->residency->shard;
    size_t at = 0, count = 0;
    for (const struct pawl_instance *one; (one = pawl__map_next(&shard->instances, &at));)
        count += tally_differs(reading, one);
    struct pawl_str *ids = pawl__arena_alloc(&reading->arena, (count + 1) * sizeof *ids);
    bool ok = ids;
    at = 0;
    reading->query.except = ids;
    for (const struct pawl_instance *one; ok && (one = pawl__map_next(&shard->instances, &at));) {
        if (!tally_differs(reading, one)) continue;
        struct pawl_str *id = &ids[reading->query.except_count++];
        *id = pawl__instance_id(one);
        ok = reading_copy(&reading->arena, id);
    }
    return ok;
}

// Counts what the store has left out, as it is now. What has begun to be since then may have been
// in the store when that was read, or not: it is not looked at here, so that it counts once at
// most.
static bool tally_add(struct reading *reading) {
    const struct pawl_snapshot stop = {.id = reading->scan.id,
                                       .created_at = reading->scan.created_at};
    for (size_t i = 0; i < reading->query.except_count; i++) {
        const struct pawl_instance *instance =
            pawl__shard_find(&reading->calls->residency->shard, reading->query.except[i]);
        struct pawl_snapshot row;
        if (!instance || !instance->exists ||
            !pawl__sift_instance(reading->calls->residency, instance, &reading->query))
            continue;
        if (!pawl__shard_columns(instance, &reading->arena, &row)) return false;
        if (!pawl__query_match(&reading->query, &row)) continue;
        if (reading->scan.stopped && pawl__query_compare(reading->query.order, &row, &stop) > 0)
            continue;
        struct pawl_tally_row *group = reading_tally_row(reading, row.name, row.status);
        if (!group) return false;
        group->count++;
    }
    return true;
}

static void tally_answer(struct reading *reading, struct pawl_tally *verb) {
    bool ok = tally_add(reading);
    verb->rows = pawl__arena_alloc(verb->arena, (reading->tally_count + 1) * sizeof *verb->rows);
    ok = ok && verb->rows;
    for (size_t i = 0; ok && i < reading->tally_count; i++) {
        if (!reading->tally[i].count) continue;
        verb->rows[verb->count] = reading->tally[i];
        ok = reading_copy(verb->arena, &verb->rows[verb->count++].name);
    }
    if (ok && reading->scan.stopped) ok = reading_tell_stop(reading, verb->query.scan);
    if (!ok) pawl__fail_plain(&verb->call.error, PAWL_E_NOMEM);
}

// --- the verbs -----------------------------------------------------------------------------------

static void reading_submit(struct reading *reading) {
    reading->calls->residency->jobs_out++;
    pawl__storage_ask(reading->calls->residency->storage, &reading->job);
}

// The call that |reading| was made for; NULL after it was canceled, or answered when the shard was
// dropped.
static struct pawl_call *reading_back(struct reading *reading) {
    reading->calls->residency->jobs_out--;
    struct pawl_link *link = pawl__list_take(&reading->call);
    if (!link) {
        reading_destroy(reading);
        return NULL;
    }
    struct pawl_call *call = PAWL_CONTAINER(link, struct pawl_call, link);
    if (reading->error.code) call->error = reading->error;
    return call;
}

static void reading_end(struct reading *reading, struct pawl_call *call) {
    struct pawl_calls *calls = reading->calls;
    reading_destroy(reading);
    pawl__calls_answer(calls, call);
}

static void search_done(struct pawl_job *job) {
    struct reading *reading = PAWL_CONTAINER(job, struct reading, job);
    struct pawl_call *call = reading_back(reading);
    if (!call) return;
    struct pawl_search *verb = PAWL_CONTAINER(call, struct pawl_search, call);
    if (!call->error.code && pawl__residency_serves(reading->calls->residency) &&
        !search_answer(reading, verb)) {
        reading->query.limit *= 2;
        pawl__list_add(&reading->call, &call->link);
        reading_submit(reading);
        return;
    }
    reading_end(reading, call);
}

static void tally_done(struct pawl_job *job) {
    struct reading *reading = PAWL_CONTAINER(job, struct reading, job);
    struct pawl_call *call = reading_back(reading);
    if (!call) return;
    if (!call->error.code && pawl__residency_serves(reading->calls->residency))
        tally_answer(reading, PAWL_CONTAINER(call, struct pawl_tally, call));
    reading_end(reading, call);
}

static enum pawl_err reading_begin(struct pawl_calls *calls, struct pawl_call *call,
                                   const struct pawl_query *query, struct pawl_job job,
                                   struct pawl_error *error) {
    struct reading *reading = calloc(1, sizeof *reading);
    if (!reading) return pawl__fail_plain(error, PAWL_E_NOMEM);
    pawl__link_init(&reading->link);
    reading->query = *query;
    if (!reading_copy_query(&reading->arena, &reading->query)) {
        reading_destroy(reading);
        return pawl__fail_plain(error, PAWL_E_NOMEM);
    }
    if (query->scan) {
        query->scan->stopped = false;
        reading->scan = (struct pawl_scan){.most = query->scan->most, .arena = &reading->arena};
        reading->query.scan = &reading->scan;
    }
    reading->job = job;
    reading->calls = calls;
    if (job.run == reading_tally && !tally_leave_out(reading)) {
        reading_destroy(reading);
        return pawl__fail_plain(error, PAWL_E_NOMEM);
    }
    reading->shard = calls->residency->lease.shard;
    pawl__link_init(&reading->call);
    pawl__list_add(&reading->call, &call->link);
    call->waiting = true;
    pawl__list_add(&calls->residency->searches, &reading->link);
    reading_submit(reading);
    return PAWL_OK;
}

static enum pawl_err search_begin(struct pawl_calls *calls, struct pawl_call *call,
                                  struct pawl_error *error) {
    const struct pawl_search *verb = PAWL_CONTAINER(call, struct pawl_search, call);
    return reading_begin(calls, call, &verb->query,
                         (struct pawl_job){.run = reading_search, .done = search_done}, error);
}

static enum pawl_err tally_begin(struct pawl_calls *calls, struct pawl_call *call,
                                 struct pawl_error *error) {
    const struct pawl_tally *verb = PAWL_CONTAINER(call, struct pawl_tally, call);
    return reading_begin(calls, call, &verb->query,
                         (struct pawl_job){.run = reading_tally, .done = tally_done}, error);
}

static const struct pawl_verb search_verb = {
    .kind = PAWL_VERB_SEARCH, .run = search_begin, .reads = true};
static const struct pawl_verb tally_verb = {
    .kind = PAWL_VERB_TALLY, .run = tally_begin, .reads = true};

void pawl__search_init(struct pawl_search *verb, const struct pawl_query *query,
                       struct pawl_arena *arena) {
    pawl__call_init(&verb->call, &search_verb, PAWL_STR(""));
    verb->shard = 0;
    verb->query = *query;
    verb->arena = arena;
    verb->rows = NULL;
    verb->count = 0;
}

void pawl__tally_init(struct pawl_tally *verb, const struct pawl_query *query,
                      struct pawl_arena *arena) {
    pawl__call_init(&verb->call, &tally_verb, PAWL_STR(""));
    verb->shard = 0;
    verb->query = *query;
    verb->arena = arena;
    verb->rows = NULL;
    verb->count = 0;
}

void pawl__search_drop(struct pawl_residency *residency, const struct pawl_error *error) {
    struct pawl_link calls;
    pawl__link_init(&calls);
    for (struct pawl_link *link; (link = pawl__list_take(&residency->searches));)
        pawl__list_move(&calls, &PAWL_CONTAINER(link, struct reading, link)->call);
    for (struct pawl_link *link; (link = pawl__list_take(&calls));) {
        struct pawl_call *call = PAWL_CONTAINER(link, struct pawl_call, link);
        call->done(call, error);
    }
}
