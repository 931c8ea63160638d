#include "runtime/reading.h"

#include <stdlib.h>

#include "base/array.h"
#include "base/clock.h"
#include "runtime/sift.h"
#include "store/groups.h"

#define PAGE_TIME (5 * PAWL_MILLISECOND) // that memory is looked at

void pawl__reading_destroy(struct pawl_reading *reading) {
    pawl__list_remove(&reading->link);
    pawl__arena_finish(&reading->arena);
    pawl__arena_finish(&reading->page);
    pawl__buf_finish(&reading->place);
    free(reading->rows);
    free(reading->tally);
    free(reading);
}

bool pawl__reading_copy(struct pawl_arena *arena, struct pawl_str *text) {
    if (!text->data) return true;
    text->data = pawl__arena_dup(arena, *text);
    return text->data;
}

static bool reading_copy_row(struct pawl_arena *arena, struct pawl_snapshot *row) {
    row->state = row->history = (struct pawl_str){NULL, 0};
    return pawl__reading_copy(arena, &row->id) && pawl__reading_copy(arena, &row->name) &&
           pawl__reading_copy(arena, &row->parent) && pawl__reading_copy(arena, &row->tags) &&
           pawl__reading_copy(arena, &row->custom_status) &&
           pawl__reading_copy(arena, &row->failure_type);
}

static bool reading_copy_query(struct pawl_arena *arena, struct pawl_query *query) {
    return pawl__reading_copy(arena, &query->name) && pawl__reading_copy(arena, &query->parent) &&
           pawl__reading_copy(arena, &query->tag) && pawl__reading_copy(arena, &query->id_prefix) &&
           pawl__reading_copy(arena, &query->custom_status) &&
           pawl__reading_copy(arena, &query->failure_type) &&
           pawl__reading_copy(arena, &query->after_id) &&
           pawl__reading_copy(arena, &query->await.name);
}

struct pawl_reading *pawl__reading_create(struct pawl_calls *calls, struct pawl_call *call,
                                          const struct pawl_query *query) {
    struct pawl_reading *reading = calloc(1, sizeof *reading);
    if (!reading) return NULL;
    pawl__link_init(&reading->link);
    pawl__link_init(&reading->call);
    reading->calls = calls;
    reading->shard = calls->residency->lease.shard;
    reading->query = *query;
    reading->scan = (struct pawl_scan){.most = PAWL_SEARCH_SCAN, .arena = &reading->page};
    if (!reading_copy_query(&reading->arena, &reading->query)) {
        pawl__reading_destroy(reading);
        return NULL;
    }
    if (query->scan) {
        query->scan->stopped = false;
        reading->scan.most = query->scan->most;
        reading->query.scan = &reading->scan;
    }
    pawl__list_add(&calls->residency->searches, &reading->link);
    return reading;
}

void pawl__reading_submit(struct pawl_reading *reading, struct pawl_call *call) {
    pawl__list_add(&reading->call, &call->link);
    call->waiting = true;
    reading->calls->residency->jobs_out++;
    pawl__storage_ask(reading->calls->residency->storage, &reading->job);
}

struct pawl_call *pawl__reading_back(struct pawl_reading *reading) {
    reading->calls->residency->jobs_out--;
    struct pawl_link *link = pawl__list_take(&reading->call);
    if (!link) {
        pawl__reading_destroy(reading);
        return NULL;
    }
    struct pawl_call *call = PAWL_CONTAINER(link, struct pawl_call, link);
    if (reading->error.code) call->error = reading->error;
    return call;
}

void pawl__reading_end(struct pawl_reading *reading, struct pawl_call *call) {
    struct pawl_calls *calls = reading->calls;
    pawl__reading_destroy(reading);
    pawl__calls_answer(calls, call);
}

// --- in the reader's thread ----------------------------------------------------------------------

static enum pawl_err reading_add(void *arg, const struct pawl_snapshot *row,
                                 struct pawl_error *error) {
    struct pawl_reading *reading = arg;
    if (!pawl__array_room((void **)&reading->rows, reading->count, &reading->cap,
                          sizeof *reading->rows))
        return pawl__fail_plain(error, PAWL_E_NOMEM);
    reading->rows[reading->count] = *row;
    if (!reading_copy_row(&reading->page, &reading->rows[reading->count]))
        return pawl__fail_plain(error, PAWL_E_NOMEM);
    reading->count++;
    return PAWL_OK;
}

void pawl__reading_search(struct pawl_job *job) {
    struct pawl_reading *reading = PAWL_CONTAINER(job, struct pawl_reading, job);
    struct pawl_store *store = reading->calls->residency->storage->store;
    pawl_query_fn ask = reading->query.await.kind ? pawl__sift_query : store->ops->query;
    pawl__error_clear(&reading->error);
    pawl__arena_reset(&reading->page);
    reading->count = 0;
    reading->scan.stopped = false;
    reading->scan.looked = reading->scan.most;
    reading->error.code =
        ask(store, reading->shard, &reading->query, reading_add, reading, &reading->error);
}

// --- together with memory -----------------------------------------------------------------------

// The instances in memory that a page looks at, in its order.
struct page {
    const struct pawl_residency *residency;
    const struct pawl_query *query;
    struct pawl_arena *arena; // of the columns
    const struct pawl_tree_node *next;
    const struct pawl_snapshot *last; // nothing behind it is looked at; NULL: all is
    struct pawl_snapshot row;         // the next that fits
    bool has_row;
    // With a scan: until when it looks, and at how many so far. Where it has stopped for that, and
    // others may follow: behind |place|.
    int64_t until;
    size_t looked;
    bool stopped;
    struct pawl_snapshot place;
};

static bool page_is_over(const struct page *page) {
    const struct pawl_scan *scan = page->query->scan;
    return scan && page->looked &&
           (page->looked >= scan->most || pawl__clock_steady() >= page->until);
}

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
        page->stopped = page_is_over(page);
        if (page->stopped) break;
        page->place = place;
        page->looked++;
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

bool pawl__reading_stop(struct pawl_scan *scan, const struct pawl_snapshot *place,
                        uint64_t looked) {
    scan->stopped = true;
    scan->created_at = place->created_at;
    scan->id = place->id;
    scan->looked = looked;
    return pawl__reading_copy(scan->arena, &scan->id);
}

bool pawl__reading_merge(struct pawl_reading *reading, struct pawl_search *verb, bool *enough) {
    const struct pawl_shard *shard = &reading->calls->residency->shard;
    const struct pawl_query *query = &reading->query;
    // Of what comes after the last row that was read nothing is known, nor of what comes after the
    // place at which the store has stopped.
    const struct pawl_snapshot stop = {.id = reading->scan.id,
                                       .created_at = reading->scan.created_at};
    bool full = reading->count == query->limit, stopped = reading->scan.stopped;
    struct page page = {.residency = reading->calls->residency,
                        .query = query,
                        .arena = &reading->page,
                        .until = pawl__clock_steady() + PAGE_TIME,
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
        // In front of it others may stand that were not looked at.
        if (page.stopped && !of_memory &&
            pawl__query_compare(query->order, stored, &page.place) > 0)
            break;
        struct pawl_snapshot *row = &verb->rows[verb->count++];
        *row = of_memory ? page.row : *stored;
        ok = reading_copy_row(verb->arena, row) && (!of_memory || page_step(&page));
        i += !of_memory;
    }
    bool filled = verb->count == verb->query.limit;
    *enough = !full || filled || page.stopped;
    if (!ok || !verb->query.scan || filled || (!stopped && !page.stopped)) return ok;
    return pawl__reading_stop(verb->query.scan, page.stopped ? &page.place : &stop,
                              page.stopped ? page.looked : reading->scan.looked);
}

void pawl__search_drop(struct pawl_residency *residency, const struct pawl_error *error) {
    struct pawl_link calls;
    pawl__link_init(&calls);
    for (struct pawl_link *link; (link = pawl__list_take(&residency->searches));)
        pawl__list_move(&calls, &PAWL_CONTAINER(link, struct pawl_reading, link)->call);
    for (struct pawl_link *link; (link = pawl__list_take(&calls));) {
        struct pawl_call *call = PAWL_CONTAINER(link, struct pawl_call, link);
        call->done(call, error);
    }
}
