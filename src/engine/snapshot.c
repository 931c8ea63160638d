#include <stdlib.h>

#include "engine/effects.h"
#include "wire/columns.h"
#include "wire/pack.h"
#include "wire/unpack.h"

// An instance to its row and back.

static struct pawl_str snapshot_start(const struct pawl_instance *instance) {
    return instance->started_at ? pawl__history_bytes(&instance->history, instance->start_offset)
                                : pawl__history_bytes(&instance->inbox, 0);
}

static struct pawl_str snapshot_completed(const struct pawl_instance *instance) {
    if (!pawl__instance_completed(instance)) return (struct pawl_str){0};
    return pawl__history_bytes(&instance->history, instance->final_offset);
}

bool pawl__shard_columns(const struct pawl_instance *instance, struct pawl_arena *arena,
                         struct pawl_snapshot *out) {
    *out = (struct pawl_snapshot){
        .id = pawl__instance_id(instance),
        .position = instance->position,
        .name = pawl__str(instance->name),
        .status = pawl__instance_status(instance),
        .created_at = instance->created_at,
        .updated_at = instance->updated_at,
        .completed_at = instance->completed_at,
        .wake_at = pawl__instance_wake_at(instance),
        .active = pawl__instance_active(instance),
    };
    if (instance->has_custom_status) out->custom_status = pawl__buf_str(&instance->custom_status);
    return pawl__columns_fill(arena, snapshot_start(instance), snapshot_completed(instance), out);
}

// Copies what |row| has of the instance's own memory, which may change or move while the row is
// being written.
static bool snapshot_own(struct pawl_arena *arena, struct pawl_snapshot *row) {
    struct pawl_str *views[] = {&row->id,           &row->name,          &row->parent,
                                &row->failure_type, &row->custom_status, &row->history};
    for (size_t i = 0; i < sizeof views / sizeof *views; i++) {
        if (!views[i]->data) continue;
        views[i]->data = pawl__arena_dup(arena, *views[i]);
        if (!views[i]->data) return false;
    }
    return true;
}

static bool snapshot_list_patches(const struct pawl_instance *instance, struct pawl_arena *arena,
                                  Plog__Snapshot *state) {
    const struct pawl_buf *patches = &instance->patches; // texts, each with its NUL
    state->patches = pawl__arena_alloc(arena, (patches->len + 1) * sizeof *state->patches);
    if (!state->patches) return false;
    for (size_t at = 0; at < patches->len;) {
        char *patch = (char *)patches->data + at;
        state->patches[state->n_patches++] = patch;
        at += strlen(patch) + 1;
    }
    return true;
}

static bool snapshot_list_pending(const struct pawl_instance *instance, struct pawl_arena *arena,
                                  Plog__Snapshot *state) {
    const struct pawl_pending_list *pending = &instance->pending;
    Plog__Pending *rows = pawl__arena_alloc(arena, (pending->live + 1) * sizeof *rows);
    state->pending = pawl__arena_alloc(arena, (pending->live + 1) * sizeof *state->pending);
    if (!rows || !state->pending) return false;
    for (uint32_t i = 0; i < pending->len; i++) {
        const struct pawl_pending *item = &pending->items[i];
        if (!item->kind) continue;
        Plog__Pending *row = &rows[state->n_pending];
        plog__pending__init(row);
        row->kind = item->kind;
        row->id = item->id;
        row->offset = item->offset;
        row->fire_at = item->fire_at;
        row->elsewhere = item->elsewhere;
        state->pending[state->n_pending++] = row;
    }
    return true;
}

bool pawl__shard_snapshot(const struct pawl_instance *instance, struct pawl_arena *arena,
                          struct pawl_snapshot *out) {
    Plog__Snapshot state = PLOG__SNAPSHOT__INIT;
    state.generation = instance->generation;
    state.created_at = instance->created_at;
    state.updated_at = instance->updated_at;
    state.started_at = instance->started_at;
    state.completed_at = instance->completed_at;
    state.start_at = instance->start_at;
    state.final_status = instance->final_status;
    state.continued = instance->continued;
    state.suspended = instance->suspended;
    state.terminate_children = instance->terminate_children;
    state.start_offset = instance->start_offset;
    state.final_offset = instance->final_offset;
    state.name = instance->name ? instance->name : "";
    if (instance->execution_id) {
        state._execution_id_case = PLOG__SNAPSHOT___EXECUTION_ID_EXECUTION_ID;
        state.execution_id = instance->execution_id;
    }
    if (instance->version) {
        state._version_case = PLOG__SNAPSHOT___VERSION_VERSION;
        state.version = instance->version;
    }
    if (instance->stalled) {
        state._stall_text_case = PLOG__SNAPSHOT___STALL_TEXT_STALL_TEXT;
        state.stall_text = instance->stall_text;
        state.stall_reason = (uint32_t)instance->stall_reason;
    }
    if (instance->has_custom_status) {
        state._custom_status_case = PLOG__SNAPSHOT___CUSTOM_STATUS_CUSTOM_STATUS;
        state.custom_status = pawl__arena_dup(arena, pawl__buf_str(&instance->custom_status));
        if (!state.custom_status) return false;
    }
    if (!snapshot_list_patches(instance, arena, &state) ||
        !snapshot_list_pending(instance, arena, &state))
        return false;
    state.history_events = instance->history.count;
    state.history_bytes = instance->history.bytes.len;
    state.inbox = (ProtobufCBinaryData){instance->inbox.bytes.len, instance->inbox.bytes.data};
    state.inbox_events = instance->inbox.count;
    state.propagated = (ProtobufCBinaryData){instance->propagated.len, instance->propagated.data};
    state.sent = instance->sent;

    struct pawl_str bytes = pawl__wire_pack(arena, &state.base);
    if (!bytes.data) return false;
    if (!pawl__shard_columns(instance, arena, out)) return false;
    struct pawl_str history = pawl__buf_str(&instance->history.bytes);
    out->state = bytes;
    out->history = (struct pawl_str){history.data ? history.data + instance->saved_bytes : NULL,
                                     history.len - instance->saved_bytes};
    out->history_from = instance->saved_events;
    return snapshot_own(arena, out);
}

static char *snapshot_text(const char *text, bool *ok) {
    char *copy = pawl__str_dup(pawl__str(text));
    if (!copy) *ok = false;
    return copy;
}

// The events in |bytes|, or -1 when they are damaged.
static int64_t snapshot_count_events(struct pawl_str bytes) {
    struct pawl_event_view view;
    size_t at = 0;
    int64_t count = 0;
    while (pawl__history_next(bytes, &at, &view)) count++;
    return at == bytes.len ? count : -1;
}

static bool snapshot_fill(struct pawl_instance *instance, const Plog__Snapshot *state,
                          struct pawl_str history) {
    bool ok = true;
    instance->exists = true;
    instance->generation = state->generation;
    instance->created_at = state->created_at;
    instance->updated_at = state->updated_at;
    instance->started_at = state->started_at;
    instance->completed_at = state->completed_at;
    instance->start_at = state->start_at;
    instance->final_status = state->final_status;
    instance->continued = state->continued;
    instance->suspended = state->suspended;
    instance->terminate_children = state->terminate_children;
    instance->start_offset = state->start_offset;
    instance->final_offset = state->final_offset;
    instance->name = snapshot_text(state->name, &ok);
    if (state->_execution_id_case) instance->execution_id = snapshot_text(state->execution_id, &ok);
    if (state->_version_case) instance->version = snapshot_text(state->version, &ok);
    if (state->_stall_text_case) {
        instance->stalled = true;
        instance->stall_text = snapshot_text(state->stall_text, &ok);
        instance->stall_reason = (int32_t)state->stall_reason;
    }
    if (state->_custom_status_case) {
        instance->has_custom_status = true;
        ok = ok && pawl__buf_append_str(&instance->custom_status, pawl__str(state->custom_status));
    }
    for (size_t i = 0; ok && i < state->n_patches; i++)
        ok = pawl__buf_append(&instance->patches, state->patches[i], strlen(state->patches[i]) + 1);
    for (size_t i = 0; ok && i < state->n_pending; i++) {
        const Plog__Pending *row = state->pending[i];
        ok = pawl__pending_add(&instance->pending, (struct pawl_pending){
                                                       .fire_at = row->fire_at,
                                                       .id = row->id,
                                                       .offset = row->offset,
                                                       .kind = (uint8_t)row->kind,
                                                       .elsewhere = row->elsewhere,
                                                   });
    }
    instance->history.count = state->history_events;
    instance->inbox.count = state->inbox_events;
    instance->sent = state->sent;
    instance->saved_events = state->history_events;
    instance->saved_bytes = history.len;
    return ok && pawl__buf_append_str(&instance->history.bytes, history) &&
           pawl__buf_append(&instance->inbox.bytes, state->inbox.data, state->inbox.len) &&
           pawl__buf_append(&instance->propagated, state->propagated.data, state->propagated.len);
}

// The event at |offset| of |bytes|, if it is of |type|; else NULL. Sets |*nomem| when it cannot be
// told for lack of memory: that is no damage.
static const Pb__HistoryEvent *snapshot_event(struct pawl_str bytes, uint32_t offset,
                                              Pb__HistoryEvent__EventTypeCase type,
                                              struct pawl_arena *arena, bool *nomem) {
    const struct pawl_history history = {
        .bytes = {.data = (uint8_t *)(uintptr_t)bytes.data, .len = bytes.len}};
    // An offset may point between two events, where nothing was looked at.
    struct pawl_str view = pawl__history_bytes(&history, offset);
    if (!view.data || !pawl__wire_check(&pb__history_event__descriptor, view, NULL)) return NULL;
    const Pb__HistoryEvent *event = pawl__history_at(&history, offset, arena);
    if (!event) *nomem = true;
    return event && event->event_type_case == type ? event : NULL;
}

// Whether each event can be read: the engine and workers will have to.
static bool snapshot_readable(struct pawl_str bytes) {
    struct pawl_event_view view;
    size_t at = 0;
    while (pawl__history_next(bytes, &at, &view))
        if (!pawl__wire_check(&pb__history_event__descriptor, view.bytes, NULL)) return false;
    return true;
}

static bool snapshot_pending_fits(const Plog__Pending *row, struct pawl_str history,
                                  struct pawl_arena *arena, bool *nomem) {
    static const Pb__HistoryEvent__EventTypeCase types[] = {
        [PAWL_PENDING_TASK] = PB__HISTORY_EVENT__EVENT_TYPE_TASK_SCHEDULED,
        [PAWL_PENDING_TIMER] = PB__HISTORY_EVENT__EVENT_TYPE_TIMER_CREATED,
        [PAWL_PENDING_EVENT_TIMER] = PB__HISTORY_EVENT__EVENT_TYPE_TIMER_CREATED,
        [PAWL_PENDING_CHILD] = PB__HISTORY_EVENT__EVENT_TYPE_CHILD_WORKFLOW_INSTANCE_CREATED,
    };
    if (row->kind < PAWL_PENDING_TASK || row->kind > PAWL_PENDING_CHILD) return false;
    const Pb__HistoryEvent *event =
        snapshot_event(history, row->offset, types[row->kind], arena, nomem);
    return event && event->eventid == row->id;
}

// What a damaged row could otherwise make the engine read out of bounds or trust.
static const char *snapshot_flaw(const Plog__Snapshot *state, struct pawl_str history,
                                 struct pawl_arena *arena, bool *nomem) {
    struct pawl_str inbox = {(const char *)state->inbox.data, state->inbox.len};
    if (state->history_bytes != history.len ||
        snapshot_count_events(history) != state->history_events)
        return "its history is not complete";
    if (!snapshot_readable(history)) return "its history is damaged";
    struct pawl_str propagated = {(const char *)state->propagated.data, state->propagated.len};
    if (!pawl__wire_check(&pb__propagated_history__descriptor, propagated, NULL))
        return "what was propagated to it is damaged";
    if (snapshot_count_events(inbox) != state->inbox_events || !snapshot_readable(inbox))
        return "its inbox is damaged";
    if (!snapshot_event(state->started_at ? history : inbox,
                        state->started_at ? state->start_offset : 0,
                        PB__HISTORY_EVENT__EVENT_TYPE_EXECUTION_STARTED, arena, nomem))
        return "its start is not in its history";
    if (state->final_status != PAWL_STATUS_NONE &&
        !snapshot_event(history, state->final_offset,
                        PB__HISTORY_EVENT__EVENT_TYPE_EXECUTION_COMPLETED, arena, nomem))
        return "its end is not in its history";
    for (size_t i = 0; i < state->n_pending; i++) {
        const Plog__Pending *row = state->pending[i];
        if (!snapshot_pending_fits(row, history, arena, nomem) ||
            (i && state->pending[i - 1]->id >= row->id))
            return "what it waits for is not in its history";
    }
    return NULL;
}

enum pawl_err pawl__shard_restore(struct pawl_shard *shard, const struct pawl_snapshot *snapshot,
                                  struct pawl_instance **out, struct pawl_error *error) {
    struct pawl_arena arena = {0};
    const char *flaw = NULL;
    const Plog__Snapshot *state =
        pawl__wire_unpack(&arena, &plog__snapshot__descriptor, snapshot->state, &flaw);
    bool nomem = !state && pawl__wire_check(&plog__snapshot__descriptor, snapshot->state, NULL);
    if (state) flaw = snapshot_flaw(state, snapshot->history, &arena, &nomem);
    enum pawl_err err = PAWL_OK;
    if (nomem) {
        err = pawl__fail_plain(error, PAWL_E_NOMEM);
        goto out;
    }
    if (flaw) {
        err = pawl__fail(error, PAWL_E_CORRUPT, "the snapshot of instance '%.*s' is damaged: %s",
                         PAWL_FMT(snapshot->id), flaw);
        goto out;
    }
    err = pawl__shard_ghost(shard, snapshot->id, out);
    if (err) {
        pawl__fail_plain(error, err);
        goto out;
    }
    struct pawl_instance *instance = *out;
    instance->position = snapshot->position;
    instance->saved = snapshot->position;
    if (!snapshot_fill(instance, state, snapshot->history) || !pawl__shard_reserve(shard, 0)) {
        pawl__shard_evict(shard, instance);
        err = pawl__fail_plain(error, PAWL_E_NOMEM);
        goto out;
    }
    pawl__shard_place(shard, instance);
out:
    pawl__arena_finish(&arena);
    return err;
}
