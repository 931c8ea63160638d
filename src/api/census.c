#include "api/census.h"

#include <stdlib.h>

#include "base/clock.h"
#include "runtime/search.h"

#define CENSUS_PERIOD (5 * PAWL_SECOND)

enum {
    CENSUS_SHARE = 50 // of the time it may take: one in so many
};

// One count under way: a call for each shard.
struct census_count {
    struct pawl_census *census; // NULL: nobody waits for it any more
    struct pawl_arena arena;
    bool failed; // what was known before stays
    size_t open;
    struct pawl_tally tallies[];
};

static void census_end(struct census_count *count) {
    struct pawl_census *census = count->census;
    bool failed = count->failed;
    pawl__arena_finish(&count->arena);
    free(count);
    if (!census) return;
    census->count = NULL;
    census->took = pawl__clock_steady() - census->at;
    if (!failed) memcpy(census->all, census->found, sizeof census->all);
    census->done(census->arg);
}

static void census_on_tally(struct pawl_call *call, const struct pawl_error *error) {
    struct census_count *count = call->data;
    const struct pawl_tally *tally = PAWL_CONTAINER(call, const struct pawl_tally, call);
    for (size_t i = 0; count->census && !error && i < tally->count; i++) {
        const struct pawl_tally_row *row = &tally->rows[i];
        if (row->status >= 0 && row->status < PAWL_CENSUS_STATUSES)
            count->census->found[row->status] += (double)row->count;
    }
    if (error) count->failed = true;
    if (!--count->open) census_end(count);
}

static void census_look_in_memory(struct pawl_census *census) {
    memset(census->in_memory, 0, sizeof census->in_memory);
    for (uint32_t i = 0; i < census->node->count; i++) {
        const struct pawl_partition *partition = &census->node->partitions[i];
        if (!pawl__partition_serves(partition)) continue;
        size_t at = 0;
        for (const struct pawl_instance *instance;
             (instance = pawl__map_next(&partition->residency.shard.instances, &at));) {
            int32_t status = instance->exists ? pawl__instance_status(instance) : -1;
            if (status >= 0 && status < PAWL_CENSUS_STATUSES) census->in_memory[status]++;
        }
    }
}

void pawl__census_init(struct pawl_census *census, struct pawl_node *node, void (*done)(void *arg),
                       void *arg) {
    *census = (struct pawl_census){.node = node, .done = done, .arg = arg};
}

bool pawl__census_begin(struct pawl_census *census) {
    struct pawl_node *node = census->node;
    int64_t now = pawl__clock_steady(), rest = CENSUS_SHARE * census->took;
    if (census->count) return true;
    if (!node || !node->count) return false;
    if (census->at && now - census->at < (rest > CENSUS_PERIOD ? rest : CENSUS_PERIOD))
        return false;
    struct census_count *count = calloc(1, sizeof *count + node->count * sizeof(struct pawl_tally));
    if (!count) return false;
    const struct pawl_query query = {.order = PAWL_ORDER_NEWEST};
    census->at = now;
    census->count = count;
    memset(census->found, 0, sizeof census->found);
    census_look_in_memory(census);
    count->census = census;
    count->open = 1; // until all calls have begun
    for (uint32_t i = 0; i < node->count; i++) {
        if (!pawl__partition_serves(&node->partitions[i])) continue;
        struct pawl_tally *tally = &count->tallies[i];
        pawl__tally_init(tally, &query, &count->arena);
        tally->shard = i;
        tally->call.done = census_on_tally;
        tally->call.data = count;
        count->open++;
        pawl__partition_call(&node->partitions[i], &tally->call);
    }
    if (!--count->open) census_end(count);
    return census->count;
}

void pawl__census_finish(struct pawl_census *census) {
    if (census->count) census->count->census = NULL;
    census->count = NULL;
}
