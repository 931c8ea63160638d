#include "engine/turn.h"

#include <stdlib.h>

#include "engine/fold.h"
#include "wire/pack.h"
#include "wire/pb.h"
#include "wire/unpack.h"

// Applying a worker's answer to a turn: all of it, or nothing. History and pending list are changed
// on the way and put back on an error; what takes the place of something else is made beside it
// first.

// --- the events that the turn saw ---------------------------------------------------------------

// Notes the version of the code that answered. |*body|, of the event that begins the turn, has what
// is new of it.
static enum pawl_err turn_note_version(struct pawl_turn *turn, struct pawl_str *body) {
    *body = PAWL_STR("");
    if (!turn->response->_version_case) return PAWL_OK;
    struct pawl_instance *instance = turn->instance;
    const Pb__WorkflowVersion *given = turn->response->version;
    Pb__WorkflowVersion *version = pawl__arena_alloc(turn->arena, sizeof *version);
    if (!version) return PAWL_E_NOMEM;
    *version = *given;
    size_t known = 0;
    for (size_t at = 0; at < instance->patches.len; known++)
        at += strlen((char *)instance->patches.data + at) + 1;
    version->n_patches = given->n_patches - known;
    if (known) version->patches += known;
    for (size_t i = 0; i < version->n_patches; i++)
        if (!pawl__buf_append(&instance->patches, version->patches[i],
                              strlen(version->patches[i]) + 1))
            return PAWL_E_NOMEM;
    if (given->_name_case && *given->name) {
        char *name = pawl__str_dup(pawl__str(given->name));
        if (!name) return PAWL_E_NOMEM;
        instance->version = name; // turn_finish or turn_undo frees the other one
    }
    Pb__WorkflowStartedEvent started = PB__WORKFLOW_STARTED_EVENT__INIT;
    started._version_case = PB__WORKFLOW_STARTED_EVENT___VERSION_VERSION;
    started.version = version;
    *body = pawl__wire_pack(turn->arena, &started.base);
    return body->data ? PAWL_OK : PAWL_E_NOMEM;
}

// An event that a wait was for cancels the oldest timer of such a wait.
static void turn_cancel_event_timer(struct pawl_turn *turn, struct pawl_str body) {
    struct pawl_pending *item = pawl__fold_event_timer(turn->instance, body);
    if (item) pawl__turn_resolve(turn, item);
}

static enum pawl_err turn_absorb_terminate(struct pawl_turn *turn, struct pawl_str bytes) {
    Pb__HistoryEvent *event = pawl__wire_decode(turn->arena, &pb__history_event__descriptor, bytes);
    if (!event) return PAWL_E_NOMEM;
    turn->terminated = true;
    turn->terminate_reason = pawl__string_of(event->executionterminated->input);
    if (event->executionterminated->recurse) turn->instance->terminate_children = true;
    return PAWL_OK;
}

// Copies the events that the turn saw from the inbox to the history.
static enum pawl_err turn_absorb_inbox(struct pawl_turn *turn) {
    struct pawl_instance *instance = turn->instance;
    struct pawl_str inbox = pawl__buf_str(&instance->inbox.bytes);
    struct pawl_event_view view;
    for (uint32_t i = 0; i < turn->record->inbox_events; i++) {
        if (!pawl__history_next(inbox, &turn->absorbed, &view)) return PAWL_E_INVALID;
        uint32_t offset = (uint32_t)instance->history.bytes.len;
        if (!pawl__history_add_bytes(&instance->history, view.bytes)) return PAWL_E_NOMEM;
        enum pawl_err err = PAWL_OK;
        struct pawl_pb_field body = pawl__event_body(view.bytes);
        switch (body.number) {
        case EVENT(EXECUTION_STARTED): instance->start_offset = offset; break;
        case EVENT(EXECUTION_SUSPENDED): instance->suspended = true; break;
        case EVENT(EXECUTION_RESUMED): instance->suspended = false; break;
        case EVENT(EXECUTION_TERMINATED): err = turn_absorb_terminate(turn, view.bytes); break;
        case EVENT(EVENT_RAISED): turn_cancel_event_timer(turn, body.bytes); break;
        default: break;
        }
        if (err) return err;
    }
    return PAWL_OK;
}

enum pawl_err pawl__turn_read_start(struct pawl_turn *turn) {
    enum {
        PARENT = 5,
        TRACE = 7,
        SPAN = 8
    };
    struct pawl_str event =
        pawl__history_bytes(&turn->instance->history, turn->instance->start_offset);
    struct pawl_pb_field body;
    Pb__ExecutionStartedEvent *start =
        pawl__wire_new(turn->arena, &pb__execution_started_event__descriptor);
    if (!start) return PAWL_E_NOMEM;
    if (!pawl__pb_find(event, EVENT(EXECUTION_STARTED), &body)) return PAWL_E_INVALID;
    turn->start = start;
    struct pawl_pb_reader reader = pawl__pb_reader(body.bytes);
    struct pawl_pb_field part;
    bool ok = true;
    while (ok && pawl__pb_next(&reader, &part)) {
        if (part.number == PARENT)
            ok = (start->parentinstance = pawl__wire_decode(
                      turn->arena, &pb__parent_instance_info__descriptor, part.bytes));
        if (part.number == TRACE)
            ok = (start->parenttracecontext =
                      pawl__wire_decode(turn->arena, &pb__trace_context__descriptor, part.bytes));
        if (part.number == SPAN)
            ok = (start->workflowspanid = pawl__wire_decode(
                      turn->arena, &google__protobuf__string_value__descriptor, part.bytes));
    }
    if (!ok) return PAWL_E_NOMEM;
    turn->context = start->parenttracecontext;
    turn->is_traced = pawl__trace_of_start(start, &turn->trace);
    turn->instance->untraced = turn->is_traced ? 0 : turn->instance->generation;
    if (!turn->is_traced) return PAWL_OK;
    turn->context = pawl__trace_context(turn->arena, &turn->trace, turn->context->tracestate);
    return turn->context ? PAWL_OK : PAWL_E_NOMEM;
}

static enum pawl_err turn_begin(struct pawl_turn *turn) {
    struct pawl_str body;
    enum pawl_err err = turn_note_version(turn, &body);
    if (err) return err;
    const char *source = pawl__turn_begins_anew(turn->instance) ? turn->app_id : NULL;
    if (!pawl__history_add_started(&turn->instance->history, turn->record->started_at, body,
                                   source))
        return PAWL_E_NOMEM;
    err = turn_absorb_inbox(turn);
    if (err) return err;
    if (!turn->instance->started_at) turn->instance->started_at = turn->record->started_at;
    return pawl__turn_read_start(turn);
}

// --- what the answer asks for -------------------------------------------------------------------

static enum pawl_err turn_act(struct pawl_turn *turn) {
    struct pawl_instance *instance = turn->instance;
    enum pawl_err err = PAWL_OK;
    for (size_t i = 0; i < turn->response->n_actions && !err; i++)
        err = pawl__turn_act(turn, turn->response->actions[i]);
    if (!err && turn->terminated && !pawl__instance_completed(instance)) {
        Google__Protobuf__StringValue *reason =
            pawl__string_value(turn->arena, turn->terminate_reason);
        if (turn->terminate_reason && !reason) return PAWL_E_NOMEM;
        err = pawl__turn_complete(turn, -1, STATUS(TERMINATED), reason, NULL);
    }
    if (err || !pawl__instance_completed(instance) || !instance->terminate_children) return err;
    return pawl__turn_end_children(turn);
}

static enum pawl_err turn_apply(struct pawl_turn *turn) {
    enum pawl_err err = pawl__turn_check_version(turn);
    if (err || turn->outcome->stalled) return err;
    if ((err = turn_begin(turn))) return err;
    const char *status = pawl__string_of(turn->response->customstatus);
    if (status && !pawl__buf_append_str(&turn->custom_status, pawl__str(status)))
        return PAWL_E_NOMEM;
    const Pb__CompleteWorkflowAction *next = pawl__turn_find_continue(turn);
    return next ? pawl__turn_continue(turn, next) : turn_act(turn);
}

// --- all of it, or nothing ----------------------------------------------------------------------

// What cannot fail: the new takes the place of the old. |before|: what the instance was.
static void turn_finish(struct pawl_turn *turn, const struct pawl_instance *before) {
    struct pawl_instance *instance = turn->instance;
    if (turn->outcome->stalled) return;
    if (instance->version != before->version) free(before->version);
    free(instance->stall_text);
    instance->stall_text = NULL;
    instance->stalled = false;
    instance->stall_reason = 0;
    instance->updated_at = turn->record->completed_at;
    instance->turn_events = 0;
    if (!turn->record->own) { // which says nothing of it
        struct pawl_buf old = instance->custom_status;
        instance->custom_status = turn->custom_status;
        instance->has_custom_status = instance->custom_status.len > 0;
        turn->custom_status = old;
    }
    pawl__buf_finish(&turn->custom_status);
    if (turn->continues) {
        pawl__turn_begin_next(turn);
        return;
    }
    pawl__buf_consume(&instance->inbox.bytes, turn->absorbed);
    instance->inbox.count -= turn->record->inbox_events;
    if (!pawl__instance_completed(instance)) return;
    pawl__pending_drop_timers(&instance->pending);
    pawl__history_finish(&instance->inbox);
}

static void turn_undo(struct pawl_turn *turn, const struct pawl_instance *before) {
    struct pawl_instance *instance = turn->instance;
    struct pawl_buf history = instance->history.bytes, patches = instance->patches;
    pawl__pending_undo(&instance->pending, turn->added, turn->added_count, turn->removed,
                       turn->removed_count);
    struct pawl_pending_list pending = instance->pending;
    if (instance->version != before->version) free(instance->version);
    *instance = *before;
    instance->history.bytes.data = history.data;
    instance->history.bytes.cap = history.cap;
    instance->patches.data = patches.data;
    instance->patches.cap = patches.cap;
    instance->pending = pending;
    pawl__buf_finish(&turn->custom_status);
    pawl__history_finish(&turn->next);
    pawl__buf_finish(&turn->propagated);
    free(turn->execution_id);
}

enum pawl_err pawl__apply_turn(struct pawl_instance *instance, const char *app_id,
                               const Plog__Turn *record, const Pb__WorkflowResponse *response,
                               struct pawl_arena *arena, struct pawl_outcome *outcome) {
    *outcome = (struct pawl_outcome){.last = &outcome->messages};
    // Before memory is asked for: a damaged record may tell any number.
    if (!instance->exists || pawl__instance_completed(instance) ||
        record->inbox_events > instance->inbox.count ||
        (!instance->started_at && !record->inbox_events)) // the first turn sees the start
        return PAWL_E_INVALID;
    size_t actions = response->n_actions, resolved = actions + record->inbox_events;
    outcome->tasks = pawl__arena_alloc(arena, (actions + 1) * sizeof *outcome->tasks);
    struct pawl_turn turn = {
        .instance = instance,
        .app_id = app_id,
        .record = record,
        .response = response,
        .arena = arena,
        .outcome = outcome,
        .added = pawl__arena_alloc(arena, (actions + 1) * sizeof *turn.added),
        .removed = pawl__arena_alloc(arena, (resolved + 1) * sizeof *turn.removed),
    };
    if (!outcome->tasks || !turn.added || !turn.removed) return PAWL_E_NOMEM;
    struct pawl_instance before = *instance;
    enum pawl_err err = turn_apply(&turn);
    if (err)
        turn_undo(&turn, &before);
    else
        turn_finish(&turn, &before);
    return err;
}
