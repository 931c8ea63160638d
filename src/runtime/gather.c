#include "runtime/gather.h"

#include <stdlib.h>

#include "base/clock.h"

#define GATHER_TIME (150 * PAWL_MILLISECOND) // that a count with a scan takes, about

struct gather_search {
    struct pawl_search search;
    struct pawl_scan scan;
};

struct gather_tally {
    struct pawl_tally tally;
    struct pawl_scan scan;
};

union gather_part {
    struct pawl_call call; // of each
    struct pawl_search search;
    struct pawl_tally tally;
    struct gather_search part;
    struct gather_tally step;
};

struct gather {
    struct pawl_remote remote; // of the call
    union gather_part *whole;
    uint32_t count, open;
    struct pawl_error error; // the first
    // Of a count with a scan: the shard that is being counted, when it began, and the way to begin
    // with another.
    uint32_t at;
    int64_t began;
    void (*begin)(void *arg, struct pawl_call *call);
    void *arg;
    union gather_part parts[];
};

static void gather_free(struct gather *gather) {
    gather->whole->call.remote = NULL;
    free(gather);
}

static void gather_cancel(struct pawl_remote *remote) {
    struct gather *gather = PAWL_CONTAINER(remote, struct gather, remote);
    for (uint32_t i = 0; i < gather->count; i++)
        if (gather->parts[i].call.done) pawl__call_cancel(&gather->parts[i].call);
    gather_free(gather);
}

static int gather_compare(const void *a, const void *b, void *order) {
    return pawl__query_compare(*(const enum pawl_order *)order, a, b);
}

// Leaves out what stands behind the first place at which a part has stopped: there others may have
// rows that were not looked at.
static void gather_cut(struct gather *gather) {
    struct pawl_search *whole = &gather->whole->search;
    struct pawl_scan *scan = whole->query.scan;
    enum pawl_order order = whole->query.order;
    struct pawl_snapshot stop = {0};
    uint64_t looked = 0;
    bool stopped = false;
    for (uint32_t i = 0; scan && i < gather->count; i++) {
        const struct pawl_scan *part = &gather->parts[i].part.scan;
        const struct pawl_snapshot place = {.id = part->id, .created_at = part->created_at};
        if (!part->stopped || (stopped && pawl__query_compare(order, &stop, &place) <= 0)) continue;
        stopped = true;
        stop = place;
        looked = part->looked;
    }
    while (stopped && whole->count &&
           pawl__query_compare(order, &whole->rows[whole->count - 1], &stop) > 0)
        whole->count--;
    if (!stopped || whole->count >= whole->query.limit) return;
    scan->stopped = true;
    scan->created_at = stop.created_at;
    scan->id = stop.id;
    scan->looked = looked;
}

// The first of all rows. False when memory is out.
static bool gather_rows(struct gather *gather) {
    struct pawl_search *whole = &gather->whole->search;
    size_t count = 0;
    for (uint32_t i = 0; i < gather->count; i++) count += gather->parts[i].search.count;
    whole->rows = pawl__arena_alloc(whole->arena, (count + 1) * sizeof *whole->rows);
    if (!whole->rows) return false;
    whole->count = 0;
    for (uint32_t i = 0; i < gather->count; i++)
        for (size_t k = 0; k < gather->parts[i].search.count; k++)
            whole->rows[whole->count++] = gather->parts[i].search.rows[k];
    qsort_r(whole->rows, whole->count, sizeof *whole->rows, gather_compare, &whole->query.order);
    gather_cut(gather);
    if (whole->count > whole->query.limit) whole->count = whole->query.limit;
    return true;
}

static void gather_add(struct pawl_tally *whole, const struct pawl_tally_row *row) {
    for (size_t i = 0; i < whole->count; i++) {
        if (whole->rows[i].status != row->status ||
            !pawl__str_equal(whole->rows[i].name, row->name))
            continue;
        whole->rows[i].count += row->count;
        return;
    }
    whole->rows[whole->count++] = *row;
}

// The sums of all counts. False when memory is out.
static bool gather_counts(struct gather *gather) {
    struct pawl_tally *whole = &gather->whole->tally;
    size_t count = 0;
    for (uint32_t i = 0; i < gather->count; i++) count += gather->parts[i].tally.count;
    whole->rows = pawl__arena_alloc(whole->arena, (count + 1) * sizeof *whole->rows);
    if (!whole->rows) return false;
    whole->count = 0;
    for (uint32_t i = 0; i < gather->count; i++)
        for (size_t k = 0; k < gather->parts[i].tally.count; k++)
            gather_add(whole, &gather->parts[i].tally.rows[k]);
    return true;
}

// Whether |call| counts with a scan.
static bool gather_is_stepwise(const struct pawl_call *call) {
    return call->verb->kind == PAWL_VERB_TALLY &&
           PAWL_CONTAINER(call, const struct pawl_tally, call)->query.scan;
}

// Whether it goes on behind the last shard.
static bool gather_is_over(const struct pawl_call *call, uint32_t shards) {
    return gather_is_stepwise(call) &&
           PAWL_CONTAINER(call, const struct pawl_tally, call)->query.scan->shard >= shards;
}

// Goes on to the next shard. False: the count ends, and says where.
static bool gather_step(struct gather *gather) {
    struct pawl_scan *scan = gather->whole->tally.query.scan;
    const struct pawl_scan *part = &gather->parts[gather->at].step.scan;
    bool stopped = part->stopped, late = pawl__clock_steady() - gather->began >= GATHER_TIME;
    scan->looked += part->looked;
    if (!stopped && ++gather->at == gather->count) return false;
    if (!stopped && !late) return true;
    scan->stopped = true;
    scan->shard = gather->at;
    scan->created_at = stopped ? part->created_at : 0;
    scan->id = stopped ? part->id : PAWL_STR("");
    return false;
}

static bool gather_merge(struct gather *gather) {
    bool search = gather->whole->call.verb->kind == PAWL_VERB_SEARCH;
    return search ? gather_rows(gather) : gather_counts(gather);
}

static void gather_done(struct pawl_call *call, const struct pawl_error *error) {
    struct gather *gather = call->data;
    call->done = NULL;
    if (error && !gather->error.code) gather->error = *error;
    if (--gather->open) return;
    struct pawl_call *whole = &gather->whole->call;
    if (!gather->error.code && gather_is_stepwise(whole) && gather_step(gather)) {
        gather->open = 1;
        gather->begin(gather->arg, &gather->parts[gather->at].call);
        return;
    }
    struct pawl_error own = gather->error;
    if (!own.code && !gather_merge(gather)) pawl__fail_plain(&own, PAWL_E_NOMEM);
    gather_free(gather);
    whole->done(whole, own.code ? &own : NULL);
}

static void gather_init_part(struct gather *gather, uint32_t shard) {
    const union gather_part *whole = gather->whole;
    union gather_part *part = &gather->parts[shard];
    if (whole->call.verb->kind == PAWL_VERB_SEARCH) {
        pawl__search_init(&part->search, &whole->search.query, whole->search.arena);
        part->search.shard = shard;
        if (whole->search.query.scan) {
            part->part.scan = *whole->search.query.scan;
            part->search.query.scan = &part->part.scan;
        }
    } else {
        pawl__tally_init(&part->tally, &whole->tally.query, whole->tally.arena);
        part->tally.shard = shard;
        if (whole->tally.query.scan) {
            part->step.scan = *whole->tally.query.scan;
            part->tally.query.scan = &part->step.scan;
            if (shard != whole->tally.query.scan->shard) part->tally.query.after_id.len = 0;
        }
    }
    part->call.done = gather_done;
    part->call.data = gather;
}

enum pawl_err pawl__gather_begin(struct pawl_call *call, uint32_t shards,
                                 void (*begin)(void *arg, struct pawl_call *call), void *arg) {
    if (gather_is_over(call, shards)) {
        PAWL_CONTAINER(call, struct pawl_tally, call)->query.scan->stopped = false;
        call->done(call, NULL);
        return PAWL_OK;
    }
    struct gather *gather = calloc(1, sizeof *gather + shards * sizeof *gather->parts);
    if (!gather) return PAWL_E_NOMEM;
    gather->remote.cancel = gather_cancel;
    gather->whole = PAWL_CONTAINER(call, union gather_part, call);
    gather->count = gather->open = shards;
    call->remote = &gather->remote;
    gather->begin = begin;
    gather->arg = arg;
    for (uint32_t i = 0; i < shards; i++) gather_init_part(gather, i);
    struct pawl_scan *scan = call->verb->kind == PAWL_VERB_SEARCH ? gather->whole->search.query.scan
                                                                  : gather->whole->tally.query.scan;
    if (scan) {
        scan->stopped = false;
        scan->looked = 0;
    }
    if (gather_is_stepwise(call)) {
        gather->at = scan->shard;
        gather->began = pawl__clock_steady();
        gather->open = 1;
        begin(arg, &gather->parts[gather->at].call);
        return PAWL_OK;
    }
    // The last to begin may be the last to end, and take the memory along.
    for (uint32_t i = 0; i < shards; i++) begin(arg, &gather->parts[i].call);
    return PAWL_OK;
}
