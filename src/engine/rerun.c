#include <stdlib.h>

#include "engine/command.h"
#include "engine/fold.h"
#include "engine/fork.h"
#include "engine/import.h"
#include "engine/record.h"
#include "engine/turn.h"
#include "wire/pack.h"
#include "wire/pb.h"
#include "wire/timestamp.h"
#include "wire/unpack.h"

// Running a workflow again from one of its events, as an instance of its own. The source, which may
// live in another shard, is a history and nothing more: nothing of it changes.
//
// The record holds the whole history of the new instance. What is unresolved at its end is sent
// when it is applied, as if a turn had just scheduled it. A history that is imported has ended:
// then nothing is sent, and its times are those of its events.

// --- applying it --------------------------------------------------------------------------------

static enum pawl_err rerun_note_version(struct pawl_instance *built, struct pawl_str bytes,
                                        struct pawl_arena *arena) {
    const Pb__HistoryEvent *event = pawl__wire_decode(arena, &pb__history_event__descriptor, bytes);
    if (!event) return PAWL_E_NOMEM;
    if (!event->timestamp) return PAWL_E_INVALID;
    int64_t at = pawl__timestamp_get(event->timestamp);
    if (!built->started_at) built->started_at = at;
    // The clock may have been set back since: a workflow's own time never goes back.
    if (built->updated_at < at) built->updated_at = at;
    if (!event->workflowstarted->_version_case) return PAWL_OK;
    const Pb__WorkflowVersion *version = event->workflowstarted->version;
    for (size_t i = 0; i < version->n_patches; i++)
        if (!pawl__buf_append(&built->patches, version->patches[i],
                              strlen(version->patches[i]) + 1))
            return PAWL_E_NOMEM;
    if (!version->_name_case || !*version->name) return PAWL_OK;
    free(built->version);
    built->version = pawl__str_dup(pawl__str(version->name));
    return built->version ? PAWL_OK : PAWL_E_NOMEM;
}

static enum pawl_err rerun_note_start(struct pawl_instance *built, struct pawl_event_view view,
                                      struct pawl_arena *arena) {
    const Pb__HistoryEvent *event =
        pawl__wire_decode(arena, &pb__history_event__descriptor, view.bytes);
    if (!event) return PAWL_E_NOMEM;
    const Pb__ExecutionStartedEvent *start = event->executionstarted;
    const char *execution =
        start->workflowinstance ? pawl__string_of(start->workflowinstance->executionid) : NULL;
    if (built->name) return PAWL_E_INVALID; // a second one
    if (event->timestamp) built->created_at = pawl__timestamp_get(event->timestamp);
    built->start_offset = view.offset;
    built->name = pawl__str_dup(pawl__str(start->name));
    if (execution) built->execution_id = pawl__str_dup(pawl__str(execution));
    return built->name && (built->execution_id || !execution) ? PAWL_OK : PAWL_E_NOMEM;
}

static enum pawl_err rerun_note_end(struct pawl_instance *built, struct pawl_event_view view,
                                    struct pawl_arena *arena) {
    const Pb__HistoryEvent *event =
        pawl__wire_decode(arena, &pb__history_event__descriptor, view.bytes);
    if (!event) return PAWL_E_NOMEM;
    if (!event->timestamp) return PAWL_E_INVALID;
    built->completed_at = pawl__timestamp_get(event->timestamp);
    if (built->updated_at < built->completed_at) built->updated_at = built->completed_at;
    built->final_status = event->executioncompleted->workflowstatus;
    built->final_offset = view.offset;
    return PAWL_OK;
}

// Goes on to |view| of the history of |built|.
static enum pawl_err rerun_note(struct pawl_instance *built, struct pawl_event_view view,
                                struct pawl_arena *arena) {
    struct pawl_fold fold;
    struct pawl_pb_field body = pawl__event_body(view.bytes);
    if (pawl__instance_completed(built)) return PAWL_E_INVALID;
    switch (body.number) {
    case EVENT(WORKFLOW_STARTED): return rerun_note_version(built, view.bytes, arena);
    case EVENT(EXECUTION_STARTED): return rerun_note_start(built, view, arena);
    case EVENT(EXECUTION_SUSPENDED): built->suspended = true; return PAWL_OK;
    case EVENT(EXECUTION_RESUMED): built->suspended = false; return PAWL_OK;
    case EVENT(EXECUTION_COMPLETED): return rerun_note_end(built, view, arena);
    default: return pawl__fold_history_event(built, view, arena, &fold);
    }
}

// Sends what is unresolved.
static enum pawl_err rerun_dispatch(struct pawl_turn *turn) {
    const struct pawl_pending_list *pending = &turn->instance->pending;
    turn->outcome->tasks =
        pawl__arena_alloc(turn->arena, (pending->live + 1) * sizeof *turn->outcome->tasks);
    if (!turn->outcome->tasks) return PAWL_E_NOMEM;
    enum pawl_err err = pawl__turn_read_start(turn);
    for (uint32_t i = 0; i < pending->len && !err; i++) {
        struct pawl_pending *item = &pending->items[i];
        if (item->kind != PAWL_PENDING_TASK && item->kind != PAWL_PENDING_CHILD) continue;
        const Pb__HistoryEvent *event =
            pawl__history_at(&turn->instance->history, item->offset, turn->arena);
        if (!event) return PAWL_E_NOMEM;
        item->elsewhere =
            item->kind == PAWL_PENDING_TASK && pawl__is_elsewhere(event, turn->app_id);
        err = pawl__turn_dispatch(turn, event);
    }
    return err;
}

static enum pawl_err rerun_build(struct pawl_instance *built, struct pawl_str history,
                                 struct pawl_arena *arena) {
    if (!pawl__buf_append_str(&built->history.bytes, history)) return PAWL_E_NOMEM;
    struct pawl_event_view view;
    enum pawl_err err = PAWL_OK;
    size_t at = 0;
    while (!err && pawl__history_next(history, &at, &view)) {
        built->history.count++;
        err = rerun_note(built, view, arena);
    }
    if (err) return err;
    return at == history.len && built->name && built->started_at ? PAWL_OK : PAWL_E_INVALID;
}

static void rerun_drop(struct pawl_instance *built) {
    free(built->name);
    free(built->execution_id);
    free(built->version);
    pawl__buf_finish(&built->patches);
    pawl__history_finish(&built->history);
    pawl__pending_clear(&built->pending);
}

enum pawl_err pawl__apply_rerun(struct pawl_instance *instance, const char *app_id,
                                const Plog__Rerun *record, struct pawl_arena *arena,
                                struct pawl_outcome *outcome) {
    *outcome = (struct pawl_outcome){.last = &outcome->messages};
    struct pawl_instance built = {.id = instance->id,
                                  .id_len = instance->id_len,
                                  .generation = record->generation,
                                  .final_status = PAWL_STATUS_NONE};
    struct pawl_str history = {(const char *)record->history.data, record->history.len};
    Plog__Turn sent = PLOG__TURN__INIT;
    sent.completed_at = record->at;
    sent.next_execution_id = record->execution_id;
    struct pawl_turn turn = {
        .instance = &built, .app_id = app_id, .record = &sent, .arena = arena, .outcome = outcome};
    enum pawl_err err = rerun_build(&built, history, arena);
    bool ended = pawl__instance_completed(&built);
    if (ended)
        pawl__pending_clear(&built.pending);
    else if (!err)
        err = rerun_dispatch(&turn);
    if (err) {
        rerun_drop(&built);
        return err;
    }
    pawl__instance_reset(instance);
    instance->exists = true;
    instance->generation = built.generation;
    instance->created_at = ended ? built.created_at : record->at;
    instance->updated_at = ended || built.updated_at > record->at ? built.updated_at : record->at;
    instance->completed_at = built.completed_at;
    instance->final_status = built.final_status;
    instance->final_offset = built.final_offset;
    instance->started_at = built.started_at;
    instance->suspended = built.suspended;
    instance->start_offset = built.start_offset;
    instance->name = built.name;
    instance->execution_id = built.execution_id;
    instance->version = built.version;
    instance->patches = built.patches;
    instance->history = built.history;
    instance->pending = built.pending;
    instance->sent = built.sent;
    return PAWL_OK;
}

// --- the command --------------------------------------------------------------------------------

// Asks for the children that |history| starts anew, and what that needs: they are the ones that
// nothing resolves.
static enum pawl_err rerun_need_children(struct pawl_shard *shard, struct pawl_str history,
                                         struct pawl_error *error) {
    struct pawl_event_view view;
    size_t at = 0;
    while (pawl__history_next(history, &at, &view)) {
        if (pawl__event_type(view.bytes) != EVENT(CHILD_WORKFLOW_INSTANCE_CREATED)) continue;
        const Pb__HistoryEvent *event =
            pawl__wire_decode(&shard->arena, &pb__history_event__descriptor, view.bytes);
        if (!event) return pawl__fail_plain(error, PAWL_E_NOMEM);
        struct pawl_str id = pawl__str(event->childworkflowinstancecreated->instanceid);
        if (pawl__is_elsewhere(event, shard->app_id) || !pawl__shard_has(shard, id)) continue;
        struct pawl_instance *child;
        enum pawl_err err = pawl__command_need(shard, id, &child, error);
        if (!err) err = pawl__command_need_taken(shard, child, NULL, error);
        if (err) return err;
    }
    return PAWL_OK;
}

// Records |rerun| and does what it says.
static enum pawl_err rerun_apply(struct pawl_shard *shard, struct pawl_stamp stamp,
                                 struct pawl_instance *instance, const Plog__Rerun *rerun,
                                 struct pawl_error *error) {
    struct pawl_outcome outcome;
    struct pawl_str bytes = pawl__wire_pack(&shard->arena, &rerun->base);
    if (!bytes.data) return pawl__fail_plain(error, PAWL_E_NOMEM);
    enum pawl_err err = pawl__record_reserve(shard, instance, bytes.len);
    if (!err) err = pawl__apply_rerun(instance, shard->app_id, rerun, &shard->arena, &outcome);
    if (err == PAWL_E_INVALID)
        return pawl__fail(error, err, "the history has no place to run again from");
    if (err) return pawl__fail_plain(error, err);
    pawl__record_rerun(shard, instance, bytes);
    pawl__shard_place(shard, instance);
    pawl__shard_emit(shard, PAWL_EFFECT_CHANGED, instance, 0);
    err = pawl__command_send_all(shard, stamp, instance, &outcome);
    return err ? pawl__fail_plain(error, err) : PAWL_OK;
}

// Makes |id|, which must be free, an instance with |history|.
static enum pawl_err rerun_create(struct pawl_shard *shard, struct pawl_stamp stamp, const char *id,
                                  struct pawl_str history, struct pawl_error *error) {
    struct pawl_instance *instance;
    Plog__Rerun rerun = PLOG__RERUN__INIT;
    rerun.history = (ProtobufCBinaryData){history.len, (uint8_t *)(uintptr_t)history.data};
    rerun.at = stamp.now;
    rerun.execution_id = stamp.uuid;
    enum pawl_err err = pawl__command_need(shard, pawl__str(id), &instance, error);
    if (!err && instance->exists)
        err = pawl__fail(error, PAWL_E_EXISTS, "workflow '%s' has already been created",
                         instance->id);
    if (!err && history.len > shard->limits.event)
        err = pawl__fail(error, PAWL_E_TOO_LARGE,
                         "a history of %zu bytes is too large to be stored at once; the limit is "
                         "%zu",
                         history.len, shard->limits.event);
    if (err) return err;
    rerun.generation = instance->generation + 1;
    if (rerun.generation < (uint64_t)stamp.now) rerun.generation = (uint64_t)stamp.now;
    return rerun_apply(shard, stamp, instance, &rerun, error);
}

enum pawl_err pawl__shard_rerun(struct pawl_shard *shard, struct pawl_stamp stamp,
                                struct pawl_fork *fork, struct pawl_error *error) {
    pawl__arena_reset(&shard->arena);
    struct pawl_history history = {0};
    fork->execution_id = stamp.uuid;
    fork->now = stamp.now;
    enum pawl_err err =
        fork->imports ? pawl__import_build(fork->history, fork->id, &shard->arena, &history, error)
                      : pawl__fork_build(fork, &shard->arena, &history, error);
    if (err) return err;
    if (!fork->imports) err = rerun_need_children(shard, pawl__buf_str(&history.bytes), error);
    if (!err) err = rerun_create(shard, stamp, fork->id, pawl__buf_str(&history.bytes), error);
    pawl__history_finish(&history);
    return err;
}
