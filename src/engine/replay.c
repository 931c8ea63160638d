#include "engine/apply.h"
#include "engine/effects.h"
#include "wire/unpack.h"

#include <stdlib.h>

// Reading the log back. A record whose instance was purged later in the log finds no snapshot to
// stand on: it is passed over, and the instance is remembered as an orphan until its purge (or a
// new start under its id) comes by.

static enum pawl_err replay_misfit(struct pawl_error *error, const struct pawl_batch *batch,
                                   const Plog__Record *record) {
    return pawl__fail(error, PAWL_E_CORRUPT,
                      "batch %llu of the log does not fit instance '%s': a record is missing",
                      (unsigned long long)batch->position, record->instance_id);
}

// A record that does not fit its instance is damage: PAWL_E_CORRUPT, or PAWL_E_NOMEM.
static enum pawl_err replay_damage(enum pawl_err err) {
    return err == PAWL_E_INVALID ? PAWL_E_CORRUPT : err;
}

static enum pawl_err replay_create(struct pawl_shard *shard, struct pawl_instance *instance,
                                   const Plog__Create *create) {
    struct pawl_str event = {(const char *)create->start_event.data, create->start_event.len};
    struct pawl_str propagated = {(const char *)create->propagated.data, create->propagated.len};
    if (!pawl__wire_check(&pb__history_event__descriptor, event, NULL) ||
        !pawl__wire_check(&pb__propagated_history__descriptor, propagated, NULL))
        return PAWL_E_CORRUPT;
    return replay_damage(pawl__apply_create(instance, create, &shard->arena));
}

static enum pawl_err replay_event(struct pawl_shard *shard, struct pawl_instance *instance,
                                  const ProtobufCBinaryData *event) {
    struct pawl_str bytes = {(const char *)event->data, event->len};
    if (!pawl__wire_check(&pb__history_event__descriptor, bytes, NULL)) return PAWL_E_CORRUPT;
    return replay_damage(pawl__apply_event(instance, bytes, &shard->arena));
}

static enum pawl_err replay_turn(struct pawl_shard *shard, struct pawl_instance *instance,
                                 const Plog__Turn *turn) {
    struct pawl_outcome outcome;
    struct pawl_str bytes = {(const char *)turn->response.data, turn->response.len};
    if (!pawl__wire_check(&pb__workflow_response__descriptor, bytes, NULL)) return PAWL_E_CORRUPT;
    const Pb__WorkflowResponse *response =
        pawl__wire_decode(&shard->arena, &pb__workflow_response__descriptor, bytes);
    if (!response) return PAWL_E_NOMEM;
    return replay_damage(
        pawl__apply_turn(instance, shard->app_id, turn, response, &shard->arena, &outcome));
}

static enum pawl_err replay_rerun(struct pawl_shard *shard, struct pawl_instance *instance,
                                  const Plog__Rerun *rerun) {
    struct pawl_outcome outcome;
    struct pawl_event_view view;
    size_t at = 0;
    struct pawl_str history = {(const char *)rerun->history.data, rerun->history.len};
    while (pawl__history_next(history, &at, &view))
        if (!pawl__wire_check(&pb__history_event__descriptor, view.bytes, NULL))
            return PAWL_E_CORRUPT;
    return replay_damage(
        pawl__apply_rerun(instance, shard->app_id, rerun, &shard->arena, &outcome));
}

static enum pawl_err replay_record(struct pawl_shard *shard, const struct pawl_batch *batch,
                                   const Plog__Record *record, struct pawl_error *error) {
    struct pawl_instance *instance = pawl__shard_find(shard, pawl__str(record->instance_id));
    enum pawl_err err = PAWL_OK;
    if (instance->saved >= batch->position) return PAWL_OK;
    switch (record->change_case) {
    case PLOG__RECORD__CHANGE_CREATE:
        instance->orphan = false;
        err = replay_create(shard, instance, record->create);
        break;
    case PLOG__RECORD__CHANGE_RERUN:
        instance->orphan = false;
        err = replay_rerun(shard, instance, record->rerun);
        break;
    case PLOG__RECORD__CHANGE_PURGE:
        instance->orphan = false;
        pawl__apply_purge(instance);
        break;
    case PLOG__RECORD__CHANGE_EVENT:
        if (!instance->exists)
            instance->orphan = true;
        else
            err = replay_event(shard, instance, &record->event);
        break;
    case PLOG__RECORD__CHANGE_TURN:
        if (!instance->exists)
            instance->orphan = true;
        else
            err = replay_turn(shard, instance, record->turn);
        break;
    default: err = PAWL_E_CORRUPT;
    }
    if (err == PAWL_E_CORRUPT) return replay_misfit(error, batch, record);
    pawl__instance_changed(instance, batch->position);
    if (err || !pawl__shard_reserve(shard, 0)) return pawl__fail_plain(error, PAWL_E_NOMEM);
    pawl__shard_place(shard, instance);
    return PAWL_OK;
}

static int replay_compare(const void *a, const void *b) {
    return pawl__str_compare(*(const struct pawl_str *)a, *(const struct pawl_str *)b);
}

// Has all instances put in memory that |rows| speak of: at once, since a store can be far away.
static enum pawl_err replay_load(struct pawl_shard *shard, const Plog__Batch *rows,
                                 pawl_load_fn load, void *arg, struct pawl_arena *arena,
                                 struct pawl_error *error) {
    struct pawl_str *ids = pawl__arena_alloc(arena, rows->n_records * sizeof *ids);
    size_t found = 0, count = 0;
    if (!ids) return pawl__fail_plain(error, PAWL_E_NOMEM);
    for (size_t i = 0; i < rows->n_records; i++) {
        struct pawl_str id = pawl__str(rows->records[i]->instance_id);
        if (!pawl__shard_find(shard, id)) ids[found++] = id;
    }
    if (!found) return PAWL_OK;
    qsort(ids, found, sizeof *ids, replay_compare);
    for (size_t i = 0; i < found; i++)
        if (!count || !pawl__str_equal(ids[count - 1], ids[i])) ids[count++] = ids[i];
    return load(arg, ids, count, error);
}

enum pawl_err pawl__shard_replay(struct pawl_shard *shard, const struct pawl_batch *batch,
                                 pawl_load_fn load, void *arg, struct pawl_error *error) {
    struct pawl_arena arena = {0};
    const char *why = NULL;
    const Plog__Batch *rows =
        pawl__wire_unpack(&arena, &plog__batch__descriptor, batch->records, &why);
    enum pawl_err err = PAWL_OK;
    if (!rows && pawl__wire_check(&plog__batch__descriptor, batch->records, NULL))
        err = pawl__fail_plain(error, PAWL_E_NOMEM);
    else if (!rows)
        err = pawl__fail(error, PAWL_E_CORRUPT, "batch %llu of the log cannot be read: %s",
                         (unsigned long long)batch->position, why);
    if (rows && !err) err = replay_load(shard, rows, load, arg, &arena, error);
    for (size_t i = 0; rows && !err && i < rows->n_records; i++) {
        pawl__arena_reset(&shard->arena);
        err = replay_record(shard, batch, rows->records[i], error);
    }
    shard->position = batch->position + 1;
    pawl__arena_finish(&arena);
    return err;
}

enum pawl_err pawl__shard_replayed(const struct pawl_shard *shard, struct pawl_error *error) {
    size_t at = 0;
    for (struct pawl_instance *instance; (instance = pawl__map_next(&shard->instances, &at));)
        if (instance->orphan)
            return pawl__fail(error, PAWL_E_CORRUPT,
                              "the log has records of instance '%s', but its snapshot is missing",
                              instance->id);
    return PAWL_OK;
}
