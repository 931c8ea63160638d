#include "runtime/residency.h"

#include <stdlib.h>

#include "base/clock.h"

struct ghost {
    struct pawl_link link;
    struct pawl_instance *instance; // a reference
};

void pawl__residency_init(struct pawl_residency *residency, struct pawl_storage *storage,
                          const struct pawl_node_options *options, struct pawl_str app,
                          uint32_t number, uint32_t count, const struct pawl_residency_host *host) {
    *residency = (struct pawl_residency){
        .host = host,
        .options = options,
        .log = options->log,
        .storage = storage,
        .app = app,
        .number = number,
        .count = count,
        .leased_until = INT64_MAX,
    };
    pawl__link_init(&residency->searches);
    pawl__link_init(&residency->resting);
    pawl__link_init(&residency->ghosts);
}

bool pawl__residency_has_slept(const struct pawl_residency *residency) {
    if (!pawl__residency_serves(residency)) return false;
    return residency->leased_until != INT64_MAX && pawl__clock_steady() >= residency->leased_until;
}

void pawl__residency_drop(struct pawl_residency *residency) {
    pawl__sleepers_finish(&residency->sleepers);
    pawl__shadow_drop(&residency->shadow);
    pawl__known_drop(&residency->known);
    pawl__link_init(&residency->resting); // none of them has its place any more
    residency->resting_bytes = 0;
    pawl__shard_finish(&residency->shard);
    pawl__residency_sweep_ghosts(residency); // now no log has to tell any more that they are gone
}

void pawl__residency_fail(struct pawl_residency *residency, const struct pawl_error *error) {
    if (residency->failing) return;
    residency->failing = true;
    residency->host->failed(residency, error);
}

void pawl__residency_fail_nomem(struct pawl_residency *residency) {
    pawl__residency_fail(residency, &(struct pawl_error){PAWL_E_NOMEM, "out of memory"});
}

struct pawl_stamp pawl__residency_stamp(struct pawl_residency *residency) {
    struct pawl_stamp stamp = {.now = pawl__clock_wall()};
    if (stamp.now <= residency->last_now) stamp.now = residency->last_now + 1;
    residency->last_now = stamp.now;
    return stamp;
}

enum pawl_err pawl__residency_find(struct pawl_residency *residency, struct pawl_str id,
                                   struct pawl_instance **out) {
    struct pawl_shard *shard = &residency->shard;
    *out = pawl__shard_find(shard, id);
    if (*out) {
        if ((*out)->rest_bytes) pawl__residency_touch(residency, *out);
        return PAWL_OK;
    }
    pawl__arena_reset(&shard->arena);
    shard->also = NULL;
    shard->needed = pawl__arena_dup(&shard->arena, id);
    return shard->needed ? PAWL_E_NEEDED : PAWL_E_NOMEM;
}

// --- leaving memory -----------------------------------------------------------------------------

// Whether a load of the instance is out: it may tell what the store had before the last commit, and
// is believed when the instance is not in memory. So the instance stays until then.
static bool residency_is_read(const struct pawl_residency *residency,
                              const struct pawl_instance *instance) {
    return pawl__map_get(&residency->loads, pawl__instance_id(instance));
}

static void residency_leave_rest(struct pawl_residency *residency, struct pawl_instance *instance) {
    if (!instance->rest_bytes) return;
    pawl__list_remove(&instance->rest);
    residency->resting_bytes -= instance->rest_bytes;
    instance->rest_bytes = 0;
}

void pawl__residency_add_ghost(struct pawl_residency *residency, struct pawl_instance *instance) {
    struct ghost *ghost = malloc(sizeof *ghost);
    if (!ghost) return; // it stays in memory until the next reload, which is harmless
    pawl__link_init(&ghost->link);
    ghost->instance = pawl__instance_ref(instance);
    pawl__list_add(&residency->ghosts, &ghost->link);
}

void pawl__residency_sweep_ghosts(struct pawl_residency *residency) {
    if (pawl__residency_keeps(residency)) return;
    struct pawl_link kept;
    pawl__link_init(&kept);
    for (struct ghost *ghost; (ghost = PAWL_LIST_TAKE(struct ghost, &residency->ghosts, link));) {
        struct pawl_instance *instance = ghost->instance;
        // The store still has a purged instance until its purge is durable.
        bool gone = !instance->exists && instance->linked;
        if (gone &&
            (instance->position > residency->durable || residency_is_read(residency, instance))) {
            pawl__list_add(&kept, &ghost->link);
            continue;
        }
        if (gone) {
            residency_leave_rest(residency, instance);
            pawl__shadow_remove(&residency->shadow, instance);
            pawl__shard_evict(&residency->shard, instance);
        }
        pawl__instance_unref(instance);
        free(ghost);
    }
    pawl__list_move(&residency->ghosts, &kept);
}

static bool residency_is_resting(const struct pawl_instance *instance) {
    return instance->linked && instance->exists && instance->refs == 1 && !instance->unsaved &&
           !pawl__instance_active(instance);
}

void pawl__residency_touch(struct pawl_residency *residency, struct pawl_instance *instance) {
    residency_leave_rest(residency, instance);
    if (!residency_is_resting(instance)) return;
    instance->rest_bytes = sizeof *instance + instance->history.bytes.cap +
                           instance->inbox.bytes.cap + instance->custom_status.cap +
                           instance->propagated.cap;
    residency->resting_bytes += instance->rest_bytes;
    pawl__list_add(&residency->resting, &instance->rest);
}

void pawl__residency_trim(struct pawl_residency *residency) {
    while (residency->resting_bytes > residency->options->resting_bytes &&
           !pawl__residency_keeps(residency)) {
        struct pawl_instance *oldest =
            PAWL_CONTAINER(residency->resting.next, struct pawl_instance, rest);
        residency_leave_rest(residency, oldest);
        pawl__residency_evict(residency, oldest); // if it has changed, a checkpoint will
    }
}

void pawl__residency_evict(struct pawl_residency *residency, struct pawl_instance *instance) {
    if (!residency_is_resting(instance) || pawl__residency_keeps(residency)) return;
    if (residency_is_read(residency, instance)) return;
    int64_t wake_at = pawl__residency_wake_at(residency, instance);
    if (wake_at != INT64_MAX &&
        !pawl__sleepers_add(&residency->sleepers, pawl__instance_id(instance), wake_at))
        return;
    residency_leave_rest(residency, instance);
    pawl__shadow_remove(&residency->shadow, instance);
    pawl__shard_evict(&residency->shard, instance);
    residency->has_evicted = true;
}

// --- retention ----------------------------------------------------------------------------------
//
// Workflows that ended long enough ago are purged. When that is due stands in the row of an ended
// instance where others have the time of their next timer: so it sleeps like one that waits, also
// over a restart, and waking it purges it.

#define STATUS(name) PB__ORCHESTRATION_STATUS__ORCHESTRATION_STATUS_##name

static int64_t residency_retention(const struct pawl_retention *policy, int32_t status) {
    switch (status) {
    case STATUS(COMPLETED): return policy->completed;
    case STATUS(FAILED): return policy->failed;
    case STATUS(TERMINATED): return policy->terminated;
    default: return policy->canceled;
    }
}

int64_t pawl__residency_wake_at(const struct pawl_residency *residency,
                                const struct pawl_instance *instance) {
    if (!pawl__instance_completed(instance)) return pawl__instance_wake_at(instance);
    const struct pawl_retention *policy = &residency->options->retention;
    int64_t time = residency_retention(policy, instance->final_status), until;
    if (!time || __builtin_add_overflow(instance->completed_at, time, &until)) return INT64_MAX;
    return until;
}

void pawl__residency_retain(struct pawl_residency *residency, struct pawl_instance *instance) {
    bool ended = instance->exists && pawl__instance_completed(instance);
    int64_t until = ended ? pawl__residency_wake_at(residency, instance) : INT64_MAX;
    struct pawl_str id = pawl__instance_id(instance);
    struct pawl_error error;
    uint32_t count;
    struct pawl_kin *kin;
    const struct pawl_purge_ask alone = {0};
    pawl__sleepers_remove(&residency->sleepers, id);
    if (until == INT64_MAX) return;
    // Where the batch is full it is woken when that has been taken.
    if (until <= pawl__clock_wall() && !pawl__shard_is_full(&residency->shard)) {
        if (pawl__shard_purge(&residency->shard, id, &alone, &count, &kin, &error))
            pawl__residency_fail(residency, &error);
    } else if (!pawl__sleepers_add(&residency->sleepers, id, until)) {
        pawl__residency_fail_nomem(residency);
    }
}
