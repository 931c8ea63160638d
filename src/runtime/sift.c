#include "runtime/sift.h"

#include <stdlib.h>

#include "base/clock.h"
#include "engine/await.h"
#include "store/many.h"

enum {
    SIFT_PORTION = 100, // rows that are looked for, then loaded
    SIFT_LOADS = 1000   // that one call makes, about
};

#define SIFT_TIME (100 * PAWL_MILLISECOND) // that one call takes, about

// --- in memory -----------------------------------------------------------------------------------

static bool sift_lacks(void *arg, bool turn, struct pawl_str name) {
    const struct pawl_residency *residency = arg;
    return residency->host->lacks(residency, turn, name);
}

bool pawl__sift_instance(const struct pawl_residency *residency,
                         const struct pawl_instance *instance, const struct pawl_query *query) {
    if (!query->await.kind) return true;
    return pawl__await_instance(instance, &query->await, pawl__clock_wall(), sift_lacks,
                                (void *)(uintptr_t)residency);
}

// --- in the store --------------------------------------------------------------------------------

struct sift {
    uint64_t shard;
    const struct pawl_await *await;
    struct pawl_arena arena;   // of the portion
    struct pawl_arena scratch; // of one row
    struct pawl_snapshot rows[SIFT_PORTION];
    struct pawl_place places[SIFT_PORTION];
    bool waits[SIFT_PORTION];
    size_t count;
};

static bool sift_copy(struct pawl_arena *arena, struct pawl_str *text) {
    if (!text->data) return true;
    text->data = pawl__arena_dup(arena, *text);
    return text->data;
}

static enum pawl_err sift_add(void *arg, const struct pawl_snapshot *found,
                              struct pawl_error *error) {
    struct sift *sift = arg;
    struct pawl_snapshot *row = &sift->rows[sift->count];
    *row = *found;
    struct pawl_str *texts[] = {&row->id,   &row->name,          &row->parent,
                                &row->tags, &row->custom_status, &row->failure_type};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        if (!sift_copy(&sift->arena, texts[i])) return pawl__fail_plain(error, PAWL_E_NOMEM);
    sift->places[sift->count] = (struct pawl_place){sift->shard, row->id};
    sift->waits[sift->count++] = false;
    return PAWL_OK;
}

static bool sift_is_damage(enum pawl_err err) {
    return err == PAWL_E_CORRUPT || err == PAWL_E_FORMAT;
}

static enum pawl_err sift_row(void *arg, size_t index, const struct pawl_snapshot *row,
                              struct pawl_error *error) {
    struct sift *sift = arg;
    pawl__arena_reset(&sift->scratch);
    if (pawl__await_row(row, sift->await, &sift->scratch, &sift->waits[index]))
        return pawl__fail_plain(error, PAWL_E_NOMEM);
    return PAWL_OK;
}

// Loads the portion one by one: a row that cannot be read waits for nothing, and is no reason not
// to find others.
static enum pawl_err sift_singly(struct sift *sift, struct pawl_store *store,
                                 struct pawl_error *error) {
    struct pawl_arena arena = {0};
    enum pawl_err err = PAWL_OK;
    for (size_t i = 0; !err && i < sift->count; i++) {
        struct pawl_snapshot row;
        pawl__arena_reset(&arena);
        err = store->ops->load(store, sift->shard, sift->places[i].id, &arena, &row, error);
        if (!err)
            err = sift_row(sift, i, &row, error);
        else if (sift_is_damage(err) || err == PAWL_E_NOT_FOUND)
            err = PAWL_OK;
    }
    pawl__arena_finish(&arena);
    return err;
}

// Finds a portion of what |query| asks for, and which of them wait.
static enum pawl_err sift_portion(struct sift *sift, struct pawl_store *store,
                                  const struct pawl_query *query, struct pawl_error *error) {
    pawl__arena_reset(&sift->arena);
    sift->count = 0;
    enum pawl_err err = store->ops->query(store, sift->shard, query, sift_add, sift, error);
    if (err || !sift->count) return err;
    err = pawl__store_load_many(store, sift->places, sift->count, sift_row, sift, error);
    return sift_is_damage(err) ? sift_singly(sift, store, error) : err;
}

// Tells those that wait, |*left| at most.
static enum pawl_err sift_tell(const struct sift *sift, size_t *left, pawl_snapshot_fn fn,
                               void *arg, struct pawl_error *error) {
    enum pawl_err err = PAWL_OK;
    for (size_t i = 0; !err && *left && i < sift->count; i++) {
        if (!sift->waits[i]) continue;
        --*left;
        err = fn(arg, &sift->rows[i], error);
    }
    return err;
}

// Where |query| goes on after a portion. The place's id is of |places|. False: memory is out.
static bool sift_go_on(const struct sift *sift, const struct pawl_scan *step,
                       struct pawl_query *query, struct pawl_arena *places) {
    bool full = sift->count == SIFT_PORTION;
    query->after_created = full ? sift->rows[SIFT_PORTION - 1].created_at : step->created_at;
    query->after_id = full ? sift->rows[SIFT_PORTION - 1].id : step->id;
    return sift_copy(places, &query->after_id);
}

enum pawl_err pawl__sift_query(struct pawl_store *store, uint64_t shard,
                               const struct pawl_query *query, pawl_snapshot_fn fn, void *arg,
                               struct pawl_error *error) {
    struct sift *sift = calloc(1, sizeof *sift);
    struct pawl_arena places = {0};
    struct pawl_query part = *query;
    struct pawl_scan *scan = query->scan, step = {.arena = &places};
    size_t left = query->limit ? query->limit : SIZE_MAX, looked = 0;
    int64_t until = pawl__clock_steady() + SIFT_TIME;
    enum pawl_err err = sift ? PAWL_OK : pawl__fail_plain(error, PAWL_E_NOMEM);
    part.limit = SIFT_PORTION;
    part.scan = scan ? &step : NULL;
    bool more = !pawl__await_is_awake(&query->await), stops = false;
    if (sift) sift->await = &query->await;
    if (sift) sift->shard = shard;
    while (!err && more && left && !stops) {
        step.most = scan ? scan->most : 0;
        step.stopped = false;
        err = sift_portion(sift, store, &part, error);
        if (!err) err = sift_tell(sift, &left, fn, arg, error);
        more = sift->count == SIFT_PORTION || step.stopped;
        looked += step.stopped ? step.most : sift->count;
        if (!err && more && !sift_go_on(sift, &step, &part, &places))
            err = pawl__fail_plain(error, PAWL_E_NOMEM);
        stops = scan && (step.stopped || looked >= SIFT_LOADS || pawl__clock_steady() >= until);
    }
    if (scan && !err) {
        scan->looked = looked;
        scan->stopped = more && left && stops;
        scan->created_at = part.after_created;
        scan->id = part.after_id;
        if (scan->stopped && !sift_copy(scan->arena, &scan->id))
            err = pawl__fail_plain(error, PAWL_E_NOMEM);
    }
    if (sift) {
        pawl__arena_finish(&sift->arena);
        pawl__arena_finish(&sift->scratch);
    }
    pawl__arena_finish(&places);
    free(sift);
    return err;
}
