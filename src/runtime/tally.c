#include <stdlib.h>

#include "base/array.h"
#include "base/clock.h"
#include "runtime/reading.h"

// A count has no rows that memory could correct. So instances that are otherwise in memory than in
// the store when it begins are left out there, and are counted here. A count of what waits, for
// which rows are read anyway, is made of pages.

#define TALLY_TIME (60 * PAWL_MILLISECOND) // that a count with a scan takes, about

enum {
    TALLY_PAGE = 1000 // rows of a page that is counted
};

static struct pawl_tally_row *tally_row(struct pawl_reading *reading, struct pawl_str name,
                                        int32_t status) {
    for (size_t i = 0; i < reading->tally_count; i++)
        if (reading->tally[i].status == status && pawl__str_equal(reading->tally[i].name, name))
            return &reading->tally[i];
    if (!pawl__array_room((void **)&reading->tally, reading->tally_count, &reading->tally_cap,
                          sizeof *reading->tally))
        return NULL;
    struct pawl_tally_row *row = &reading->tally[reading->tally_count];
    *row = (struct pawl_tally_row){.name = name, .status = status};
    if (!pawl__reading_copy(&reading->arena, &row->name)) return NULL;
    reading->tally_count++;
    return row;
}

static enum pawl_err tally_count_row(void *arg, struct pawl_str name, int32_t status,
                                     uint64_t count, struct pawl_error *error) {
    struct pawl_tally_row *row = tally_row(arg, name, status);
    if (!row) return pawl__fail_plain(error, PAWL_E_NOMEM);
    row->count += count;
    return PAWL_OK;
}

static void tally_read(struct pawl_job *job) {
    struct pawl_reading *reading = PAWL_CONTAINER(job, struct pawl_reading, job);
    struct pawl_store *store = reading->calls->residency->storage->store;
    struct pawl_query part = reading->query;
    struct pawl_scan *scan = part.scan;
    int64_t until = pawl__clock_steady() + TALLY_TIME;
    uint64_t looked = 0;
    pawl__error_clear(&reading->error);
    do {
        if (scan) scan->looked = scan->most;
        reading->error.code = store->ops->count(store, reading->shard, &part, tally_count_row,
                                                reading, &reading->error);
        if (!scan || reading->error.code || !scan->stopped) return;
        part.after_created = scan->created_at;
        part.after_id = scan->id;
        looked += scan->looked;
        scan->looked = looked;
    } while (pawl__clock_steady() < until);
}

// Whether the store may have a row of |instance| that is not as it is in memory.
static bool tally_differs(const struct pawl_instance *instance) {
    return instance->exists ? instance->unsaved : instance->saved;
}

// Leaves those out that the store does not know as they are. False when memory is out.
static bool tally_leave_out(struct pawl_reading *reading) {
    const struct pawl_shard *shard = &reading->calls->residency->shard;
    size_t at = 0, count = 0;
    for (const struct pawl_instance *one; (one = pawl__map_next(&shard->instances, &at));)
        count += tally_differs(one);
    struct pawl_str *ids = pawl__arena_alloc(&reading->arena, (count + 1) * sizeof *ids);
    bool ok = ids;
    at = 0;
    reading->query.except = ids;
    for (const struct pawl_instance *one; ok && (one = pawl__map_next(&shard->instances, &at));) {
        if (!tally_differs(one)) continue;
        struct pawl_str *id = &ids[reading->query.except_count++];
        *id = pawl__instance_id(one);
        ok = pawl__reading_copy(&reading->arena, id);
    }
    return ok;
}

// Counts what the store has left out, as it is now. What has begun to be since then may have been
// in the store when that was read, or not: it is not looked at here, so that it counts once at
// most.
static bool tally_add(struct pawl_reading *reading) {
    const struct pawl_snapshot stop = {.id = reading->scan.id,
                                       .created_at = reading->scan.created_at};
    for (size_t i = 0; i < reading->query.except_count; i++) {
        const struct pawl_instance *instance =
            pawl__shard_find(&reading->calls->residency->shard, reading->query.except[i]);
        struct pawl_snapshot row;
        if (!instance || !instance->exists) continue;
        if (!pawl__shard_columns(instance, &reading->arena, &row)) return false;
        if (!pawl__query_match(&reading->query, &row)) continue;
        if (reading->scan.stopped && pawl__query_compare(reading->query.order, &row, &stop) > 0)
            continue;
        struct pawl_tally_row *group = tally_row(reading, row.name, row.status);
        if (!group) return false;
        group->count++;
    }
    return true;
}

// |ok|: memory was not out so far.
static void tally_answer(struct pawl_reading *reading, struct pawl_tally *verb, bool ok) {
    const struct pawl_scan *scan = &reading->scan;
    const struct pawl_snapshot stop = {.id = scan->id, .created_at = scan->created_at};
    verb->rows = pawl__arena_alloc(verb->arena, (reading->tally_count + 1) * sizeof *verb->rows);
    ok = ok && verb->rows;
    for (size_t i = 0; ok && i < reading->tally_count; i++) {
        if (!reading->tally[i].count) continue;
        verb->rows[verb->count] = reading->tally[i];
        ok = pawl__reading_copy(verb->arena, &verb->rows[verb->count++].name);
    }
    if (ok && scan->stopped) ok = pawl__reading_stop(verb->query.scan, &stop, scan->looked);
    if (!ok) pawl__fail_plain(&verb->call.error, PAWL_E_NOMEM);
}

// Counts a page of what waits. |*more|: others follow, behind the place that |reading| then has.
// False when memory is out.
static bool tally_add_page(struct pawl_reading *reading, bool *more) {
    struct pawl_scan scan = {.arena = &reading->page};
    struct pawl_search page = {.query = reading->query, .arena = &reading->page};
    bool enough = true;
    page.query.limit = TALLY_PAGE;
    page.query.scan = &scan;
    bool ok = pawl__reading_merge(reading, &page, &enough);
    *more = true;
    if (ok && !enough) {
        reading->query.limit *= 2;
        return true;
    }
    for (size_t i = 0; ok && i < page.count; i++) {
        struct pawl_tally_row *row = tally_row(reading, page.rows[i].name, page.rows[i].status);
        ok = row;
        if (row) row->count++;
    }
    bool full = page.count == TALLY_PAGE;
    *more = full || scan.stopped;
    reading->looked += full ? TALLY_PAGE : scan.looked;
    reading->query.limit = TALLY_PAGE;
    reading->query.after_created = full ? page.rows[TALLY_PAGE - 1].created_at : scan.created_at;
    pawl__buf_clear(&reading->place);
    pawl__buf_append_str(&reading->place, full ? page.rows[TALLY_PAGE - 1].id : scan.id);
    reading->query.after_id = pawl__buf_str(&reading->place);
    return ok && !reading->place.failed;
}

static void tally_done(struct pawl_job *job) {
    struct pawl_reading *reading = PAWL_CONTAINER(job, struct pawl_reading, job);
    struct pawl_call *call = pawl__reading_back(reading);
    if (!call) return;
    if (!call->error.code && pawl__residency_serves(reading->calls->residency))
        tally_answer(reading, PAWL_CONTAINER(call, struct pawl_tally, call), tally_add(reading));
    pawl__reading_end(reading, call);
}

static void tally_page_done(struct pawl_job *job) {
    struct pawl_reading *reading = PAWL_CONTAINER(job, struct pawl_reading, job);
    struct pawl_call *call = pawl__reading_back(reading);
    if (!call) return;
    if (!call->error.code && pawl__residency_serves(reading->calls->residency)) {
        struct pawl_tally *verb = PAWL_CONTAINER(call, struct pawl_tally, call);
        bool more, ok = tally_add_page(reading, &more);
        if (ok && more && (!verb->query.scan || pawl__clock_steady() < reading->until)) {
            pawl__reading_submit(reading, call);
            return;
        }
        reading->scan.stopped = more;
        reading->scan.created_at = reading->query.after_created;
        reading->scan.id = reading->query.after_id;
        reading->scan.looked = reading->looked;
        tally_answer(reading, verb, ok);
    }
    pawl__reading_end(reading, call);
}

static enum pawl_err tally_begin(struct pawl_calls *calls, struct pawl_call *call,
                                 struct pawl_error *error) {
    const struct pawl_tally *verb = PAWL_CONTAINER(call, struct pawl_tally, call);
    struct pawl_reading *reading = pawl__reading_create(calls, call, &verb->query);
    if (!reading) return pawl__fail_plain(error, PAWL_E_NOMEM);
    if (verb->query.await.kind) {
        reading->query.limit = TALLY_PAGE;
        reading->query.scan = &reading->scan;
        reading->until = pawl__clock_steady() + TALLY_TIME;
        reading->job = (struct pawl_job){.run = pawl__reading_search, .done = tally_page_done};
    } else if (tally_leave_out(reading)) {
        reading->job = (struct pawl_job){.run = tally_read, .done = tally_done};
    } else {
        pawl__reading_destroy(reading);
        return pawl__fail_plain(error, PAWL_E_NOMEM);
    }
    pawl__reading_submit(reading, call);
    return PAWL_OK;
}

static const struct pawl_verb tally_verb = {
    .kind = PAWL_VERB_TALLY, .run = tally_begin, .reads = true};

void pawl__tally_init(struct pawl_tally *verb, const struct pawl_query *query,
                      struct pawl_arena *arena) {
    pawl__call_init(&verb->call, &tally_verb, PAWL_STR(""));
    verb->shard = 0;
    verb->query = *query;
    verb->query.order = PAWL_ORDER_OLDEST;
    verb->arena = arena;
    verb->rows = NULL;
    verb->count = 0;
}
